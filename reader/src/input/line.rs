//! From the bytes of a serial scanner to lines, however they are cut and framed.

use std::time::{Duration, Instant};

use mdoc::engagement::DeviceEngagement;

/// The most characters of a line: a code, and what scanners put around it.
pub(super) const MAX_LINE: usize = DeviceEngagement::MAX_URI_LEN + 64;
/// A line without an end is given up when nothing has been added to it for so long. No scanner rests in a code.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Why a line is none that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LineFault {
    /// More than [`MAX_LINE`] characters.
    #[error("more text than any code has; what came up to the next end of a line is dropped")]
    TooLong,
    /// No end of the line within [`PATIENCE`].
    #[error("text without an end; set the scanner to send Enter (CR) behind each code")]
    Unfinished,
    /// Bytes that are no text.
    #[error("bytes that are no text; give port and scanner the same speed, 8 data bits and no parity")]
    Garbled,
    /// The system dropped some of what was typed.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "keyboards are Linux only")
    )]
    #[error("text that the system lost parts of; scan the code again")]
    Lost,
}

impl LineFault {
    /// The stable code.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "scanner.too_long",
            Self::Unfinished => "scanner.unfinished",
            Self::Garbled => "scanner.garbled",
            Self::Lost => "scanner.lost",
        }
    }
}

/// What has come of a line so far. CR, LF, tab, NUL, ETX and EOT end it; STX and SOH begin one.
#[derive(Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    is_too_long: bool,
    /// When the last byte came.
    touched: Option<Instant>,
}

impl Lines {
    /// Takes what has come, and gives each line that it ends to `each`. Empty lines are passed over.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        now: Instant,
        mut each: impl FnMut(Result<String, LineFault>),
    ) {
        if let Some(fault) = self.expire(now) {
            each(Err(fault));
        }
        for byte in bytes {
            match byte {
                b'\r' | b'\n' | b'\t' | 0 | 3 | 4 => self.end().into_iter().for_each(&mut each),
                1 | 2 => {
                    if self.is_open() {
                        self.clear();
                        each(Err(LineFault::Unfinished));
                    }
                }
                _ if self.bytes.len() < MAX_LINE => self.bytes.push(*byte),
                _ => self.is_too_long = true,
            }
        }
        if !bytes.is_empty() {
            self.touched = Some(now);
        }
    }

    /// Gives up a line to which nothing has been added for too long.
    pub(super) fn expire(&mut self, now: Instant) -> Option<LineFault> {
        let touched = self.touched?;
        if !self.is_open() || now.saturating_duration_since(touched) < PATIENCE {
            return None;
        }
        let fault = match self.is_too_long {
            true => LineFault::TooLong,
            false => LineFault::Unfinished,
        };
        self.clear();
        Some(fault)
    }

    /// Whether a line has begun.
    pub(super) const fn is_open(&self) -> bool {
        !self.bytes.is_empty()
    }

    fn end(&mut self) -> Option<Result<String, LineFault>> {
        let is_too_long = self.is_too_long;
        let bytes = core::mem::take(&mut self.bytes);
        self.clear();
        if is_too_long {
            return Some(Err(LineFault::TooLong));
        }
        if bytes.is_empty() {
            return None;
        }
        Some(String::from_utf8(bytes).map_err(|_| LineFault::Garbled))
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.is_too_long = false;
        self.touched = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The lines of these pieces, each of which comes so long after the one before.
    fn lines_of(pieces: &[&[u8]], pause: Duration) -> Vec<Result<String, LineFault>> {
        let mut lines = Lines::default();
        let mut now = Instant::now();
        let mut found = Vec::new();
        for piece in pieces {
            lines.feed(piece, now, |line| found.push(line));
            now += pause;
        }
        found
    }

    fn at_once(pieces: &[&[u8]]) -> Vec<Result<String, LineFault>> {
        lines_of(pieces, Duration::ZERO)
    }

    fn text(line: &str) -> Result<String, LineFault> {
        Ok(line.to_owned())
    }

    #[test]
    fn every_way_to_end_a_line_ends_it_once() {
        for ending in [
            "\r",
            "\n",
            "\r\n",
            "\n\r",
            "\t",
            "\0",
            "\u{3}",
            "\u{4}",
            "\u{3}\r\n",
        ] {
            let bytes = format!("one{ending}two{ending}");
            assert_eq!(
                at_once(&[bytes.as_bytes()]),
                [text("one"), text("two")],
                "{ending:?}"
            );
        }
        assert_eq!(
            at_once(&[b"\x02one\x03\x02two\x03\r\x01\x02three\x03"]),
            [text("one"), text("two"), text("three")]
        );
    }

    #[test]
    fn a_pause_ends_no_line_unless_it_is_a_long_one() {
        let almost = PATIENCE - Duration::from_millis(1);
        assert_eq!(lines_of(&[b"o", b"n", b"e", b"\r"], almost), [text("one")]);
        assert_eq!(
            lines_of(&[b"one", b"two\r"], PATIENCE),
            [Err(LineFault::Unfinished), text("two")]
        );
        // Nor does it matter who notices.
        let mut lines = Lines::default();
        let now = Instant::now();
        lines.feed(b"one", now, |_| panic!("no line"));
        assert_eq!(lines.expire(now + almost), None);
        assert!(lines.is_open());
        assert_eq!(lines.expire(now + PATIENCE), Some(LineFault::Unfinished));
        assert!(!lines.is_open());
        assert_eq!(lines.expire(now + 2 * PATIENCE), None, "told once");
        // A line that has ended does not age.
        assert_eq!(
            lines_of(&[b"one\r", b"two\r"], 2 * PATIENCE),
            [text("one"), text("two")]
        );
    }

    #[test]
    fn a_line_that_is_begun_anew_was_never_ended() {
        assert_eq!(
            at_once(&[b"\x02one\x02two\x03"]),
            [Err(LineFault::Unfinished), text("two")]
        );
        assert_eq!(at_once(&[b"\x02one\x03\x02two\x03"]), [text("one"), text("two")]);
    }

    #[test]
    fn a_line_is_bounded_and_the_next_one_stands() {
        let whole = "x".repeat(MAX_LINE);
        assert_eq!(
            at_once(&[whole.as_bytes(), b"\rnext\r"]),
            [text(&whole), text("next")]
        );
        assert_eq!(
            at_once(&[whole.as_bytes(), b"x\rnext\r"]),
            [Err(LineFault::TooLong), text("next")]
        );
        let endless = vec![b'x'; 100 * MAX_LINE];
        let mut lines = Lines::default();
        let now = Instant::now();
        lines.feed(&endless, now, |_| panic!("no line"));
        assert!(lines.bytes.capacity() < 4 * MAX_LINE);
        assert_eq!(lines.expire(now + PATIENCE), Some(LineFault::TooLong));
    }

    #[test]
    fn bytes_of_another_speed_are_no_text() {
        assert_eq!(
            at_once(&[b"\xedd\xef\x63:\r", b"one\r"]),
            [Err(LineFault::Garbled), text("one")]
        );
        assert_eq!(
            at_once(&["\u{756a}\r".as_bytes()]),
            [text("\u{756a}")],
            "text that is no code"
        );
    }

    #[test]
    fn every_fault_has_a_code_of_its_own() {
        let codes = [
            LineFault::TooLong,
            LineFault::Unfinished,
            LineFault::Garbled,
            LineFault::Lost,
        ]
        .map(LineFault::code);
        let distinct: std::collections::BTreeSet<_> = codes.into_iter().collect();
        assert_eq!(distinct.len(), 4);
        assert!(distinct.iter().all(|code| code.starts_with("scanner.")));
    }

    proptest! {
        #[test]
        fn how_bytes_are_cut_makes_no_difference(
            bytes in proptest::collection::vec(prop_oneof![0..5_u8, b'\r'..=b'\r', 0x20..0xff_u8], 0..200),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..20),
            pause in 0..5000_u64,
        ) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            prop_assert_eq!(lines_of(&pieces, Duration::ZERO), at_once(&[&bytes]));
            // Pauses between them neither, where they are short.
            let pieces: Vec<&[u8]> = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
            prop_assert_eq!(lines_of(&pieces, Duration::from_millis(pause)), at_once(&[&bytes]));
        }
    }
}
