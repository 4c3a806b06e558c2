//! The lines that scanners type: bounded, and waiting for the counter rather than the counter for them.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read as _};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mdoc::engagement::DeviceEngagement;

use crate::transport::Stop;

/// The most bytes of a line that count; the rest of a longer one is dropped, and it is no engagement then.
const MAX_LINE: usize = DeviceEngagement::MAX_URI_LEN + 64;
/// Lines that wait. Nobody scans that many codes during one transaction; the oldest goes.
const MAX_WAITING: usize = 16;

/// Lines between the thread that reads them and the counter that works on them one by one.
#[derive(Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
    stop: Stop,
}

/// What came, or did not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A line.
    Line(String),
    /// Nothing as yet.
    Nothing,
    /// The end of the input.
    End,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<String>,
    /// What the counter works on.
    current: Option<String>,
    ended: bool,
}

impl Inbox {
    /// An inbox that wishes `stop` when a fresh code comes during a transaction.
    pub(crate) fn new(stop: Stop) -> Self {
        Self {
            stop,
            ..Self::default()
        }
    }

    /// Reads lines until the end of an input.
    pub(crate) fn fill(&self, mut input: impl BufRead) {
        while let Ok(Some(line)) = next_line(&mut input) {
            self.push(line);
        }
    }

    /// Ends behind what waits.
    pub(crate) fn close(&self) {
        self.state().ended = true;
        self.changed.notify_all();
    }

    /// Ends the transaction in work, and the inbox with it.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.waiting.clear();
        state.ended = true;
        self.stop.wish();
        self.changed.notify_all();
    }

    /// Whether a line is in work, or waits.
    #[cfg(feature = "camera-recording")]
    pub(crate) fn is_busy(&self) -> bool {
        let state = self.state();
        state.current.is_some() || !state.waiting.is_empty()
    }

    /// Whether nothing is taken any more.
    #[cfg(feature = "camera-recording")]
    pub(crate) fn is_over(&self) -> bool {
        self.state().ended
    }

    /// Takes a line, unless it is in work or waits already.
    pub(crate) fn push(&self, line: String) {
        let mut state = self.state();
        // Scanners see a code more than once.
        if state.ended
            || line.is_empty()
            || state.current.as_ref() == Some(&line)
            || state.waiting.back() == Some(&line)
        {
            return;
        }
        // A fresh code means that the one in work leads nowhere; anything else can wait.
        if state.current.is_some() && DeviceEngagement::from_uri(&line).is_ok() {
            self.stop.wish();
        }
        if state.waiting.len() == MAX_WAITING {
            state.waiting.pop_front();
        }
        state.waiting.push_back(line);
        self.changed.notify_all();
    }

    /// Waits for the next line, at most so long where that is bounded. The line is the one in work until the next call.
    pub(crate) fn next(&self, patience: Option<Duration>) -> Next {
        let mut state = self.state();
        state.current = None;
        let mut is_over = false;
        loop {
            if let Some(line) = state.waiting.pop_front() {
                state.current = Some(line.clone());
                self.stop.clear();
                return Next::Line(line);
            }
            if state.ended {
                return Next::End;
            }
            if is_over {
                return Next::Nothing;
            }
            let changed = &self.changed;
            state = match patience {
                None => changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(patience) => {
                    let waited = changed.wait_timeout(state, patience);
                    let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                    is_over = timeout.timed_out();
                    state
                }
            };
        }
    }

    /// A phone that came without a line is in work until the next call of [`next`](Self::next): a fresh code ends that
    /// transaction too.
    pub(crate) fn begin(&self) {
        // No line is empty.
        self.state().current = Some(String::new());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first line of an input, without its ending; empty where there is none.
pub(crate) fn first_line(mut input: impl BufRead) -> io::Result<String> {
    Ok(next_line(&mut input)?.unwrap_or_default())
}

/// The next line, at most [`MAX_LINE`] bytes of it, without what scanners put around a code.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let read = input.take(MAX_LINE as u64).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if read == MAX_LINE && line.last() != Some(&b'\n') {
        skip_line(input)?;
    }
    Ok(Some(String::from_utf8_lossy(&line).trim().to_owned()))
}

/// Passes over the rest of a line, however long it is.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let (used, done) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(used);
        if done {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next line, or none at the end.
    fn next(inbox: &Inbox) -> Option<String> {
        match inbox.next(None) {
            Next::Line(line) => Some(line),
            Next::Nothing => panic!("an unbounded wait"),
            Next::End => None,
        }
    }

    /// The engagement of a phone, with another key in each.
    fn code(last: u8) -> String {
        let key = [
            &[0xa4, 1, 2, 0x20, 1, 0x21, 0x58, 0x20][..],
            &POINT[..32],
            &[0x22, 0x58, 0x20],
            &POINT[32..],
        ]
        .concat();
        let engagement = [
            &[0xa3, 0, 0x63, b'1', b'.', b'0', 1, 0x82, 1, 0xd8, 0x18, 0x58][..],
            &[u8::try_from(key.len()).unwrap()],
            &key,
            // An unknown key that makes the codes differ.
            &[0x20, last],
        ]
        .concat();
        use base64::Engine as _;
        format!(
            "mdoc:{}",
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(engagement)
        )
    }

    /// The generator of P-256.
    const POINT: [u8; 64] = [
        0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77,
        0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3,
        0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
        0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
    ];

    #[test]
    fn lines_come_in_turn_without_their_endings() {
        let inbox = Inbox::default();
        inbox.fill(&b"one\r\n\n  two \nthree"[..]);
        inbox.close();
        let lines: Vec<String> = core::iter::from_fn(|| next(&inbox)).collect();
        assert_eq!(lines, ["one", "two", "three"]);
    }

    #[test]
    fn a_line_that_never_ends_is_cut_and_the_next_one_stands() {
        let mut input = vec![b'x'; 10 * MAX_LINE];
        input.extend(b"\nnext\n");
        let inbox = Inbox::default();
        inbox.fill(&input[..]);
        inbox.close();
        assert_eq!(next(&inbox).map(|line| line.len()), Some(MAX_LINE));
        assert_eq!(next(&inbox).as_deref(), Some("next"));
        assert_eq!(next(&inbox), None);
        // A line of just the bound is whole, its ending included.
        let mut input = vec![b'x'; MAX_LINE - 1];
        input.extend(b"\nnext\n");
        let inbox = Inbox::default();
        inbox.fill(&input[..]);
        inbox.close();
        assert_eq!(next(&inbox).map(|line| line.len()), Some(MAX_LINE - 1));
        assert_eq!(next(&inbox).as_deref(), Some("next"));
    }

    #[test]
    fn only_a_fresh_code_ends_the_transaction_in_work() {
        let stop = Stop::default();
        let inbox = Inbox::new(stop.clone());
        inbox.push(code(1));
        assert!(!stop.is_wished(), "nothing is in work");
        assert_eq!(next(&inbox), Some(code(1)));
        inbox.push(code(1));
        assert!(!stop.is_wished(), "the same code again");
        inbox.push("4901234567894".to_owned());
        assert!(!stop.is_wished(), "no code of a phone");
        inbox.push(code(2));
        assert!(stop.is_wished());
        assert_eq!(next(&inbox).as_deref(), Some("4901234567894"));
        assert!(!stop.is_wished(), "for that one transaction only");
        assert_eq!(next(&inbox), Some(code(2)));
    }

    #[test]
    fn an_end_stops_the_transaction_in_work_and_what_waits() {
        let stop = Stop::default();
        let inbox = Inbox::new(stop.clone());
        inbox.push(code(1));
        inbox.push("4901234567894".to_owned());
        assert_eq!(next(&inbox), Some(code(1)));
        inbox.end();
        assert!(stop.is_wished());
        inbox.push(code(2));
        assert_eq!(next(&inbox), None);
        assert!(stop.is_wished(), "for good");
    }

    #[test]
    fn a_bounded_wait_ends_and_a_phone_without_a_line_can_be_ended_too() {
        let stop = Stop::default();
        let inbox = Inbox::new(stop.clone());
        assert_eq!(inbox.next(Some(Duration::from_millis(1))), Next::Nothing);
        inbox.begin();
        inbox.push("4901234567894".to_owned());
        assert!(!stop.is_wished(), "no code of a phone");
        inbox.push(code(1));
        assert!(stop.is_wished());
        let patience = Some(Duration::from_secs(1));
        assert_eq!(inbox.next(patience), Next::Line("4901234567894".to_owned()));
        assert_eq!(inbox.next(patience), Next::Line(code(1)));
        inbox.end();
        assert_eq!(inbox.next(patience), Next::End);
    }

    #[test]
    fn what_waits_is_bounded() {
        let inbox = Inbox::default();
        for number in 0..100 {
            inbox.push(number.to_string());
        }
        assert_eq!(next(&inbox).as_deref(), Some("84"));
    }
}
