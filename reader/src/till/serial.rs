//! The serial line: two characters for each result, for tills that know nothing else.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TrySendError, sync_channel};
use std::time::Duration;

use serial2::SerialPort;

use super::channels::Busy;
use super::hub::{Begin, Hub, Kind, Told, Unheard};
use crate::say;
use crate::serial_line::SerialLine;

/// Results that wait for the line.
const WAITING: usize = 16;
/// How long the line may take for one code.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// Writes every result from a thread of its own. A line that is not there is no error: it may be plugged in later.
pub(super) fn start(line: &SerialLine, hub: &Hub, busy: &Busy) {
    let (sender, receiver) = sync_channel(WAITING);
    let sink = Box::new(move |told: &Arc<Told>| {
        let Some(code) = told.event.code() else {
            return Ok(());
        };
        match sender.try_send(code) {
            // An old result is of no use to a line that takes none: this one is lost, and the line stays.
            Ok(()) | Err(TrySendError::Full(_)) => Ok(()),
            Err(TrySendError::Disconnected(_)) => Err(Unheard::Gone),
        }
    });
    if hub.listen(Kind::Serial, Begin::Now, sink).is_ok() {
        let mut port = Port {
            line: line.clone(),
            port: None,
            is_missed: false,
        };
        let busy = busy.clone();
        std::thread::spawn(move || {
            port.write_all(&receiver);
            drop(busy);
        });
    }
}

struct Port {
    line: SerialLine,
    port: Option<SerialPort>,
    /// Whether it was said that the line is not there.
    is_missed: bool,
}

impl Port {
    fn write_all(&mut self, results: &Receiver<&'static str>) {
        // So that a wrong path is told at the start, not with the first customer.
        if let Err(error) = self.open() {
            self.missed(&error);
        }
        for code in results {
            let code = format!("{code}\r\n");
            // A line that was unplugged and plugged in again is a new one to the system.
            let written = self.write(code.as_bytes()).or_else(|_| {
                self.port = None;
                self.write(code.as_bytes())
            });
            match written {
                Ok(()) if self.is_missed => {
                    say(&format!(
                        "the till's serial line {} is back",
                        self.line.path.display()
                    ));
                    self.is_missed = false;
                }
                Ok(()) => {}
                Err(error) => self.missed(&error),
            }
        }
    }

    fn write(&mut self, code: &[u8]) -> io::Result<()> {
        if self.port.is_none() {
            self.open()?;
        }
        match &self.port {
            Some(port) => port.write_all(code),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn open(&mut self) -> io::Result<()> {
        let mut port = SerialPort::open(&self.line.path, self.line.baud)?;
        port.set_write_timeout(WRITE_TIMEOUT)?;
        self.port = Some(port);
        Ok(())
    }

    fn missed(&mut self, error: &io::Error) {
        self.port = None;
        if !self.is_missed {
            say(&format!(
                "warning: the till's serial line {} cannot be used: {error}; it is tried again at the next result",
                self.line.path.display()
            ));
        }
        self.is_missed = true;
    }
}
