//! The counter program: one transaction with a phone, and the verdict. The program is one call of [`run`];
//! [`read`] is there for measurements too.

mod arguments;
mod failure;
mod identity;
mod loopback;
mod transaction;
mod upstream;

use std::io::Write as _;
use std::process::ExitCode;

use arguments::{Arguments, Command, Format};
use clap::{CommandFactory as _, Parser as _};
use relying_party::purpose::READY_MADE;
use relying_party::verdict_text;

/// The exit status for wrong usage, unreadable files and bad configuration.
const USAGE: u8 = 64;

/// Runs the program on the arguments of the process.
pub fn run() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
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
    match arguments.command {
        Command::Purposes => purposes(),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "reader", &mut script);
            print(&String::from_utf8_lossy(&script));
            ExitCode::SUCCESS
        }
        Command::Read(read) => match transaction::run(&read) {
            Ok(outcome) => {
                let text = match read.format {
                    Format::Json => format!("{}\n", outcome.report),
                    Format::Text => verdict_text(&outcome.report),
                };
                print(&text);
                ExitCode::from(outcome.status)
            }
            Err(error) => {
                say(&error.to_string());
                ExitCode::from(USAGE)
            }
        },
    }
}

/// Runs `reader read` with these arguments in this process: the report, and the exit status.
///
/// # Errors
/// Wrong usage, an unreadable file or a bad configuration, in words.
pub fn read(arguments: &[&str]) -> Result<(serde_json::Value, u8), String> {
    let arguments = ["reader", "read"].into_iter().chain(arguments.iter().copied());
    let arguments = Arguments::try_parse_from(arguments).map_err(|error| error.to_string())?;
    let Command::Read(read) = arguments.command else {
        return Err("these arguments read nothing".to_owned());
    };
    let outcome = transaction::run(&read).map_err(|error| error.to_string())?;
    Ok((outcome.report, outcome.status))
}

/// Lists the ready-made purposes.
fn purposes() -> ExitCode {
    for (id, text) in READY_MADE {
        let title = relying_party::purpose::Purpose::from_toml(text).ok();
        let title = title
            .and_then(|purpose| purpose.title().get("en").cloned())
            .unwrap_or_default();
        print(&format!("{id:<24} {title}\n"));
    }
    ExitCode::SUCCESS
}

/// Standard output. There is nowhere to report a failure to print.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A line for people, on standard error.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "reader: {text}");
}
