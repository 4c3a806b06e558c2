//! Which serial line, and how fast: of a scanner, or of a till.

use std::path::PathBuf;
use std::str::FromStr;

/// Bits a second unless told otherwise: what RS-232 devices come with. Those on USB have no speed and take any.
const BAUD: u32 = 9600;
/// No scanner and no till is slower or faster.
const BAUDS: core::ops::RangeInclusive<u32> = 300..=4_000_000;

/// A serial line as a flag names it: `PATH[,BAUD]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SerialLine {
    pub(crate) path: PathBuf,
    /// Bits a second.
    pub(crate) baud: u32,
}

impl FromStr for SerialLine {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (path, baud) = match text.rsplit_once(',') {
            None => (text, Some(BAUD)),
            // Digits only: `parse` would take a sign.
            Some((path, baud)) if baud.bytes().all(|byte| byte.is_ascii_digit()) => (path, baud.parse().ok()),
            Some((path, _)) => (path, None),
        };
        let baud = baud.filter(|baud| BAUDS.contains(baud));
        let baud = baud.ok_or("the speed behind the comma is a number from 300 to 4000000")?;
        if path.is_empty() {
            return Err("the path of a serial port is missing");
        }
        Ok(Self {
            path: path.into(),
            baud,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_line_is_a_path_and_perhaps_a_speed() {
        for (text, path, baud) in [
            ("/dev/ttyACM0", "/dev/ttyACM0", 9600),
            ("/dev/ttyS0,115200", "/dev/ttyS0", 115_200),
            ("/dev/a,b,300", "/dev/a,b", 300),
            ("COM3,4000000", "COM3", 4_000_000),
        ] {
            let expected = SerialLine {
                path: path.into(),
                baud,
            };
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn every_other_speed_and_an_empty_path_are_refused() {
        let speed = "the speed behind the comma is a number from 300 to 4000000";
        let path = "the path of a serial port is missing";
        for (text, expected) in [
            ("/dev/ttyS0,", speed),
            ("/dev/ttyS0,fast", speed),
            ("/dev/ttyS0,299", speed),
            ("/dev/ttyS0,4000001", speed),
            ("/dev/ttyS0,-9600", speed),
            ("/dev/ttyS0,+9600", speed),
            ("/dev/ttyS0,99999999999999", speed),
            ("/dev/a,b", speed),
            ("", path),
            (",9600", path),
        ] {
            assert_eq!(text.parse::<SerialLine>(), Err(expected), "{text:?}");
        }
    }
}
