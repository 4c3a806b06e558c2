//! Verifies mdoc responses from files and as a stream of jobs; shows what messages hold.

mod arguments;
mod input;
mod inspect;
mod jobs;
mod report;
mod verify;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use clap::Parser as _;

/// The exit status for wrong usage, unreadable files and bad configuration.
const USAGE: u8 = 64;

fn main() -> ExitCode {
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
    let status = match &arguments.command {
        Command::Verify(verify) => verify::run(verify).map_err(|error| error.to_string()),
        Command::Inspect(inspect) => inspect::run(inspect).map_err(|error| error.to_string()),
    };
    match status {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            report::complain(&error);
            ExitCode::from(USAGE)
        }
    }
}
