//! Standard output: one line for each transaction.

use std::io::{self, Write};

use serde_json::Value;

use super::event::TillEvent;
use super::flags::{Stdout, TillFlags};
use crate::counter::StartError;
use crate::say;

/// Where the lines go, and what they are.
pub(crate) struct Output<W> {
    to: W,
    lines: Stdout,
    /// Whether somebody else is told too, so that the counter has a use without its standard output.
    is_one_of_many: bool,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    /// The last line was not written, or not to its end; the next one is tried.
    Failing,
    /// Nobody will ever read it.
    Closed,
}

impl<W: Write> Output<W> {
    pub(crate) const fn new(flags: &TillFlags, to: W) -> Self {
        Self {
            to,
            lines: flags.stdout,
            is_one_of_many: flags.has_channels(),
            state: State::Good,
        }
    }

    /// Writes the line of one transaction. A full disk loses lines and ends nothing.
    ///
    /// # Errors
    /// Nobody reads any more, and nobody else is told.
    pub(crate) fn write(&mut self, report: &Value, event: &TillEvent) -> Result<(), StartError> {
        if self.state == State::Closed {
            return Ok(());
        }
        let line = match self.lines {
            Stdout::Report => report.to_string(),
            Stdout::Till => event.line(),
        };
        // What stands there of a line that broke off is ended first.
        let before = if self.state == State::Failing { "\n" } else { "" };
        let written = self.to.write_all(format!("{before}{line}\n").as_bytes());
        match written.and_then(|()| self.to.flush()) {
            Ok(()) => {
                self.state = State::Good;
                Ok(())
            }
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&mut self, error: &io::Error) -> Result<(), StartError> {
        if error.kind() != io::ErrorKind::BrokenPipe {
            if self.state == State::Good {
                say(&format!(
                    "warning: a result cannot be written to standard output: {error}"
                ));
            }
            self.state = State::Failing;
            return Ok(());
        }
        if !self.is_one_of_many {
            return Err(StartError::Argument(format!("nobody reads the results: {error}")));
        }
        say("warning: nobody reads standard output any more; the other tills are still told");
        self.state = State::Closed;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::super::event::{PhaseEvent, TillEvent};
    use super::*;
    use crate::clock::Clock;
    use crate::step::Step;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        till: TillFlags,
    }

    /// Takes lines, or fails as it is told to.
    #[derive(Default)]
    struct Disk {
        fault: Option<io::ErrorKind>,
        bytes: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.fault {
                Some(fault) => Err(fault.into()),
                None => self.bytes.write(bytes),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn output(flags: &[&str]) -> Output<Disk> {
        let flags = Flags::try_parse_from([&["reader"], flags].concat()).unwrap();
        Output::new(&flags.till, Disk::default())
    }

    fn event() -> TillEvent {
        TillEvent::Phase(PhaseEvent {
            transaction: None,
            at: Clock::System.now(),
            step: Step::Waiting,
        })
    }

    #[test]
    fn the_report_stands_there_unless_the_till_s_line_is_asked_for() {
        let mut output = output(&[]);
        output.write(&json!({ "verdict": "accepted" }), &event()).unwrap();
        assert_eq!(output.to.bytes, b"{\"verdict\":\"accepted\"}\n");
        let mut output = self::output(&["--stdout", "till"]);
        let event = event();
        output.write(&json!({ "answers": "Taro" }), &event).unwrap();
        assert_eq!(output.to.bytes, format!("{}\n", event.line()).as_bytes());
    }

    #[test]
    fn a_full_disk_ends_nothing_and_the_next_line_is_whole() {
        let mut output = output(&[]);
        output.to.fault = Some(io::ErrorKind::StorageFull);
        output.write(&json!(1), &event()).unwrap();
        output.write(&json!(2), &event()).unwrap();
        output.to.fault = None;
        output.write(&json!(3), &event()).unwrap();
        output.write(&json!(4), &event()).unwrap();
        assert_eq!(output.to.bytes, b"\n3\n4\n");
    }

    #[test]
    fn a_reader_that_has_gone_ends_a_counter_that_tells_nobody_else() {
        let mut alone = output(&[]);
        alone.to.fault = Some(io::ErrorKind::BrokenPipe);
        let error = alone.write(&json!(1), &event()).unwrap_err().to_string();
        assert!(error.starts_with("nobody reads the results: "), "{error}");
        let mut together = output(&["--till-serial", "/dev/ttyS9"]);
        together.to.fault = Some(io::ErrorKind::BrokenPipe);
        together.write(&json!(1), &event()).unwrap();
        together.to.fault = None;
        together.write(&json!(2), &event()).unwrap();
        assert_eq!(together.to.bytes, b"", "it is gone for good");
    }
}
