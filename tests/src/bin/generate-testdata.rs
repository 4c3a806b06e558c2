//! Writes `testdata/` anew, byte for byte: keys, serial numbers and salts come from seeds, and
//! signatures are deterministic. Usage: `generate-testdata DIR`.

use std::path::PathBuf;
use std::process::ExitCode;

use verifier_tests::testdata;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(directory), None) = (arguments.next(), arguments.next()) else {
        eprintln(&"usage: generate-testdata DIR");
        return ExitCode::from(64);
    };
    match testdata::write(&PathBuf::from(directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln(&error);
            ExitCode::FAILURE
        }
    }
}

/// There is nowhere to report a failure to print.
fn eprintln(text: &dyn std::fmt::Display) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
