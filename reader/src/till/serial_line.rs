//! Which serial line, and how fast.

use std::path::PathBuf;
use std::str::FromStr;

/// Bits per second, unless told otherwise.
const BAUD: u32 = 9600;

/// A serial line as a flag names it: `PATH[,BAUD]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SerialLine {
    pub(crate) path: PathBuf,
    /// Bits per second.
    pub(crate) baud: u32,
}

impl FromStr for SerialLine {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (path, baud) = match text.rsplit_once(',') {
            // Digits only: `parse` would take a sign.
            Some((path, baud)) if baud.bytes().all(|byte| byte.is_ascii_digit()) => (
                path,
                baud.parse()
                    .map_err(|_| "the speed is a number of bits per second, such as 9600")?,
            ),
            Some(_) => return Err("behind the comma stands the speed in bits per second, such as 9600"),
            None => (text, BAUD),
        };
        if path.is_empty() {
            return Err("the path of the serial line is missing");
        }
        if baud == 0 {
            return Err("a line of 0 bits per second carries nothing");
        }
        Ok(Self {
            path: PathBuf::from(path),
            baud,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_path_and_may_have_a_speed() {
        let line = |path: &str, baud| {
            Ok(SerialLine {
                path: path.into(),
                baud,
            })
        };
        assert_eq!("/dev/ttyS0".parse(), line("/dev/ttyS0", 9600));
        assert_eq!("/dev/ttyS0,115200".parse(), line("/dev/ttyS0", 115_200));
        assert_eq!("/dev/a,b,1200".parse(), line("/dev/a,b", 1200));
    }

    #[test]
    fn what_is_no_speed_or_no_path_is_refused() {
        for (text, fault) in [
            ("", "the path of the serial line is missing"),
            (",9600", "the path of the serial line is missing"),
            (
                "/dev/ttyS0,",
                "the speed is a number of bits per second, such as 9600",
            ),
            (
                "/dev/ttyS0,99999999999",
                "the speed is a number of bits per second, such as 9600",
            ),
            (
                "/dev/ttyS0,fast",
                "behind the comma stands the speed in bits per second, such as 9600",
            ),
            (
                "/dev/ttyS0,+9600",
                "behind the comma stands the speed in bits per second, such as 9600",
            ),
            (
                "/dev/ttyS0,-1",
                "behind the comma stands the speed in bits per second, such as 9600",
            ),
            ("/dev/ttyS0,0", "a line of 0 bits per second carries nothing"),
        ] {
            assert_eq!(text.parse::<SerialLine>(), Err(fault), "{text}");
        }
    }
}
