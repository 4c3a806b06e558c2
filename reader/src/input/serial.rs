//! Scanners on serial ports, and those on USB that look like one.

use std::io;
use std::time::{Duration, Instant};

use serial2::SerialPort;

use super::device::{Device, DeviceFault, Report};
use super::line::{Lines, PATIENCE};
use crate::serial_line::SerialLine;

/// How long one call waits where nothing is expected. Ports tell by themselves that they are gone; this is for those of
/// systems that do not.
const REST: Duration = Duration::from_secs(600);

impl Device for SerialLine {
    fn read(&self, report: &mut Report) -> DeviceFault {
        let mut port = match self.open() {
            Ok(port) => port,
            Err(error) => return DeviceFault::of_opening(&error, "serial port", "dialout"),
        };
        report.opened();
        let mut lines = Lines::default();
        let mut bytes = [0; 4096];
        loop {
            let patience = if lines.is_open() { PATIENCE } else { REST };
            if port.set_read_timeout(patience).is_err() {
                return DeviceFault::Gone;
            }
            match port.read(&mut bytes) {
                // A port that is there waits for bytes.
                Ok(0) => return DeviceFault::Gone,
                Ok(count) => {
                    let bytes = bytes.get(..count).unwrap_or_default();
                    lines.feed(bytes, Instant::now(), |line| report.line(line));
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    if let Some(fault) = lines.expire(Instant::now()) {
                        report.line(Err(fault));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return DeviceFault::Gone,
            }
        }
    }
}

impl SerialLine {
    /// Raw, with 8 data bits, no parity, one stop bit and no flow control.
    fn open(&self) -> io::Result<SerialPort> {
        let port = SerialPort::open(&self.path, self.baud)?;
        // A second program would take some of the bytes away. Root is let in all the same.
        #[cfg(target_os = "linux")]
        rustix::termios::ioctl_tiocexcl(&port)?;
        // What was scanned while nobody read, half of it perhaps, belongs to nobody.
        port.discard_input_buffer()?;
        Ok(port)
    }
}
