//! A simulated phone for demonstrations and tests. All its keys are made from seeds: it protects
//! nothing and proves nothing.

mod pki;
mod present;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use holder::credential;
use holder::fault::Fault;

/// The exit status for wrong usage and unreadable files.
const USAGE: u8 = 64;

/// A simulated phone with a test issuer. For demonstrations, tests and counters under installation.
#[derive(Parser)]
#[command(name = "holder", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a test issuer and the trust directory that trusts it
    Pki(Pki),
    /// Show a QR code and answer one reader over TCP
    Present(Present),
}

/// Writes DIR/issuer.json (the seed of the test keys), DIR/trust (a trust directory) and DIR/reader (the authority
/// that the phone trusts, a reader's certificate and its key).
#[derive(Args)]
struct Pki {
    /// Where to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// First line on standard output: {"listening": "127.0.0.1:N", "engagement": "mdoc:…"}.
#[derive(Args)]
#[command(after_help = faults())]
struct Present {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "127.0.0.1:PORT", default_value = "127.0.0.1:0")]
    listen: String,
    /// What the phone holds: my-number, mdl, pid, photo-id; several with commas
    #[arg(
        long,
        value_name = "NAMES",
        default_value = "my-number",
        value_delimiter = ','
    )]
    credential: Vec<String>,
    /// The test issuer made by `holder pki`; without it a fresh one that nobody trusts
    #[arg(long, value_name = "DIR")]
    pki: Option<PathBuf>,
    /// Authenticate by signature or by mac
    #[arg(long, value_parser = ["signature", "mac"], default_value = "signature")]
    auth: String,
    /// The curve of the session: P-256, P-384, P-521, X25519, brainpoolP256r1, brainpoolP384r1; with the
    /// feature all-curves also brainpoolP320r1, brainpoolP512r1, X448
    #[arg(long, value_name = "NAME", default_value = "P-256")]
    curve: String,
    /// End the session where the reader does not say whose it is
    #[arg(long)]
    require_reader_auth: bool,
    /// Get this wrong on purpose
    #[arg(long, value_name = "NAME")]
    fault: Option<String>,
    /// Draw the QR code on standard error
    #[arg(long)]
    qr: bool,
    /// Answer one reader after the other
    #[arg(long)]
    repeat: bool,
}

fn faults() -> String {
    let list: Vec<String> = Fault::ALL
        .iter()
        .map(|fault| {
            let reason = fault.reason().unwrap_or("accepted");
            format!("  {:<20}{reason:<22}{}", fault.name(), fault.about())
        })
        .collect();
    format!(
        "Faults, what a reader must say to them (for a My Number Card that signs), and what they are:\n{}",
        list.join("\n")
    )
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come this way too. There is nowhere to report a failure to print.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let result = match &arguments.command {
        Command::Pki(pki) => pki::make(&pki.out),
        Command::Present(present) => present::run(present),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error);
            ExitCode::from(USAGE)
        }
    }
}

/// A line for people, on standard error.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "holder: {text}");
}

/// The names of credentials, for messages.
fn known_credentials() -> String {
    credential::NAMES.join(", ")
}
