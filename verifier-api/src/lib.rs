//! Verifies mdoc responses from files, as a stream of jobs and over HTTP, shows what messages hold, makes offline
//! bundles, and changes whom the service trusts. The program is one call of [`run`]; [`serve`] is there for tests and measurements too.

mod arguments;
mod bundle;
pub mod fetch;
mod input;
mod inspect;
mod jobs;
mod lint;
mod report;
mod seen;
pub mod serve;
mod trust;
mod verify;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use clap::Parser as _;

/// The exit status for wrong usage, unreadable files and bad configuration.
const USAGE: u8 = 64;

/// Runs the program on the arguments of the process.
pub fn run() -> ExitCode {
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
        Command::Verify(arguments) => {
            log_text();
            exit(verify::run(&arguments))
        }
        Command::Inspect(arguments) => {
            log_text();
            exit(inspect::run(&arguments))
        }
        Command::Lint(arguments) => {
            log_text();
            exit(lint::run(&arguments))
        }
        Command::Bundle(arguments) => {
            log_text();
            exit(bundle::run(&arguments))
        }
        Command::Trust(arguments) => {
            log_text();
            exit(trust::run(arguments))
        }
        Command::Serve(arguments) => exit(serve::run(arguments).map(|()| 0)),
    }
}

/// Logs for people, as RUST_LOG asks for.
fn log_text() {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
}

fn exit<E: std::error::Error>(result: Result<u8, E>) -> ExitCode {
    result.map_or_else(
        |error| {
            report::complain(&error.to_string());
            ExitCode::from(USAGE)
        },
        ExitCode::from,
    )
}
