//! A simulated phone for demonstrations and tests. All its keys are made from seeds: it protects
//! nothing and proves nothing.

#[cfg(all(feature = "bluetooth", target_os = "linux"))]
mod air;
mod desk;
mod loopback;
mod near;
mod pki;
mod present;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use holder::credential;
use holder::fault::Fault;
use holder::link_fault::LinkFault;
use holder::nfc_fault::NfcFault;

/// The exit status for wrong usage and unreadable files.
const USAGE: u8 = 64;
/// The exit status where this machine's Bluetooth fails.
#[cfg(all(feature = "bluetooth", target_os = "linux"))]
const UNAVAILABLE: u8 = 69;

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
    /// Show a QR code and answer one reader, over TCP or over Bluetooth LE
    Present(Box<Present>),
}

/// Writes DIR/issuer.json (the seed of the test keys), DIR/trust (a trust directory) and DIR/reader (the authority
/// that the phone trusts, a reader's certificate and its key).
#[derive(Args)]
struct Pki {
    /// Where to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// First line on standard output: {"listening": "127.0.0.1:N", "engagement": "mdoc:…"}; over Bluetooth without
/// "listening" and with "uuid" (of the service) and "transport"; with --nfc with "nfc" and without "engagement".
#[derive(Args)]
#[command(after_help = faults())]
struct Present {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "127.0.0.1:PORT", default_value = "127.0.0.1:0")]
    listen: String,
    /// What carries the messages; several with commas, of which the reader takes one
    #[arg(
        long,
        value_name = "NAMES",
        value_enum,
        default_value = "tcp",
        value_delimiter = ','
    )]
    transport: Vec<Transport>,
    /// Name the L2CAP channel in the GATT service and not in the engagement
    #[arg(long)]
    psm_in_gatt: bool,
    /// The Bluetooth adapter; the system's default one unless given
    #[arg(long, value_name = "hciN")]
    adapter: Option<String>,
    /// The adapter of the second phone, for the fault second-central
    #[arg(long, value_name = "hciN")]
    second_adapter: Option<String>,
    #[command(flatten)]
    near: near::Near,
    /// Offer Bluetooth, but let another program do the radio: it connects over TCP as a reader would and moves the
    /// messages
    #[arg(long)]
    bridge: bool,
    /// The size of the portraits, for slow links and for measurements
    #[arg(long, value_name = "BYTES", default_value_t = 25_000)]
    portrait_bytes: usize,
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
    /// How long the holder thinks before agreeing
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    consent_after: u64,
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

/// What carries messages.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Transport {
    /// The loopback framing over TCP
    Tcp,
    /// Bluetooth LE, the phone as GATT server (mdoc peripheral server mode)
    BlePeripheral,
    /// Bluetooth LE, the phone as GATT client (mdoc central client mode)
    BleCentral,
    /// An L2CAP channel, the phone as peripheral
    L2cap,
    /// NFC data transfer, engaged by --nfc
    Nfc,
}

fn faults() -> String {
    let list: Vec<String> = Fault::ALL
        .iter()
        .map(|fault| {
            let reason = fault.reason().unwrap_or("accepted");
            format!("  {:<20}{reason:<22}{}", fault.name(), fault.about())
        })
        .collect();
    let links: Vec<String> = LinkFault::ALL
        .iter()
        .map(|fault| {
            let reason = fault.reason().map_or("accepted", |(reason, _)| reason);
            format!("  {:<26}{reason:<22}{}", fault.name(), fault.about())
        })
        .collect();
    let near: Vec<String> = NfcFault::ALL
        .iter()
        .map(|fault| {
            let reason = fault.reason().map_or("accepted", |(reason, _)| reason);
            format!("  {:<26}{reason:<22}{}", fault.name(), fault.about())
        })
        .collect();
    format!(
        "Faults, what a reader must say to them (for a My Number Card that signs), and what they are:\n{}\n\n\
         Faults of a Bluetooth link:\n{}\n\n\
         Faults of NFC:\n{}",
        list.join("\n"),
        links.join("\n"),
        near.join("\n")
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
        Command::Pki(pki) => pki::make(&pki.out).map_err(Failed::from),
        Command::Present(present) => present::run(present),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            say(&failed.words);
            ExitCode::from(failed.status)
        }
    }
}

/// Why a command ended without doing what it was to do.
struct Failed {
    words: String,
    status: u8,
}

impl Failed {
    /// This machine's Bluetooth fails.
    #[cfg(all(feature = "bluetooth", target_os = "linux"))]
    fn unavailable(words: String) -> Self {
        Self {
            words,
            status: UNAVAILABLE,
        }
    }
}

/// Wrong usage, and files that cannot be used.
impl From<String> for Failed {
    fn from(words: String) -> Self {
        Self { words, status: USAGE }
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
