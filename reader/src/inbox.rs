//! The codes of scanners and the lines of standard input: bounded, and waiting for the counter rather than the counter for them.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read as _};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mdoc::engagement::DeviceEngagement;

use crate::input::code;
use crate::transport::Stop;

/// The most bytes of a line that count; the rest of a longer one is dropped, and it is no engagement then.
const MAX_LINE: usize = DeviceEngagement::MAX_URI_LEN + 64;
/// Lines that wait. Nobody scans that many codes during one transaction; the oldest goes, and first those that are no code.
const MAX_WAITING: usize = 16;

/// Lines between the threads that read them and the counter that works on them one by one.
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
    /// Each with whether it is a code.
    waiting: VecDeque<(String, bool)>,
    /// What the counter works on.
    current: Option<String>,
    /// Other inputs go on where standard input ends.
    outlives_lines: bool,
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
        let mut state = self.state();
        if !state.outlives_lines {
            state.ended = true;
        }
        self.changed.notify_all();
    }

    /// There are inputs beside the lines that [`fill`](Self::fill) reads: their end ends nothing.
    pub(crate) fn outlive_lines(&self) {
        self.state().outlives_lines = true;
    }

    /// Ends the transaction in work, and the inbox with it.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.waiting.clear();
        state.ended = true;
        self.stop.wish();
        self.changed.notify_all();
    }

    /// Ends behind what waits.
    #[cfg(feature = "camera-recording")]
    pub(crate) fn close(&self) {
        self.state().ended = true;
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

    /// Takes a line, or a code from any other input. One code is the same text wherever it comes from.
    pub(crate) fn push(&self, line: String) {
        let code = code::read(&line);
        let is_code = code.is_ok();
        let line = code.map_or(line, |code| code.text);
        let mut state = self.state();
        // Scanners see a code more than once.
        if state.ended
            || line.is_empty()
            || state.current.as_ref() == Some(&line)
            || state.waiting.back().is_some_and(|(last, _)| *last == line)
        {
            return;
        }
        // A fresh code means that the one in work leads nowhere; anything else can wait.
        if state.current.is_some() && is_code {
            self.stop.wish();
        }
        if state.waiting.len() == MAX_WAITING {
            // What types anything but codes must not keep one from its turn.
            let other = state.waiting.iter().position(|(_, is_code)| !is_code);
            if other.is_none() && !is_code {
                return;
            }
            state.waiting.remove(other.unwrap_or(0));
        }
        state.waiting.push_back((line, is_code));
        self.changed.notify_all();
    }

    /// Waits for the next line, at most so long where that is bounded. The line is the one in work until the next call.
    pub(crate) fn next(&self, patience: Option<Duration>) -> Next {
        let mut state = self.state();
        state.current = None;
        let mut is_over = false;
        loop {
            if let Some((line, _)) = state.waiting.pop_front() {
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

    /// The code of a phone, another for each number.
    fn code(number: u8) -> String {
        code::tests::code(&[number])
    }

    #[test]
    fn lines_come_in_turn_without_their_endings() {
        let inbox = Inbox::default();
        inbox.fill(&b"one\r\n\n  two \nthree"[..]);
        let lines: Vec<String> = core::iter::from_fn(|| next(&inbox)).collect();
        assert_eq!(lines, ["one", "two", "three"]);
    }

    #[test]
    fn a_line_that_never_ends_is_cut_and_the_next_one_stands() {
        let mut input = vec![b'x'; 10 * MAX_LINE];
        input.extend(b"\nnext\n");
        let inbox = Inbox::default();
        inbox.fill(&input[..]);
        assert_eq!(next(&inbox).map(|line| line.len()), Some(MAX_LINE));
        assert_eq!(next(&inbox).as_deref(), Some("next"));
        assert_eq!(next(&inbox), None);
        // A line of just the bound is whole, its ending included.
        let mut input = vec![b'x'; MAX_LINE - 1];
        input.extend(b"\nnext\n");
        let inbox = Inbox::default();
        inbox.fill(&input[..]);
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
    fn one_code_from_two_inputs_is_one() {
        let stop = Stop::default();
        let inbox = Inbox::new(stop.clone());
        inbox.push(code(1));
        assert_eq!(next(&inbox), Some(code(1)));
        // With the identifier that one scanner adds, with the scheme of another,.
        let body = &code(1)["mdoc:".len()..];
        inbox.push(format!("]Q1{}", code(1)));
        inbox.push(format!("MDOC:{body}"));
        assert!(!stop.is_wished(), "the same code");
        inbox.push(format!("]Q1{}", code(2)));
        assert!(stop.is_wished());
        assert_eq!(next(&inbox), Some(code(2)));
    }

    #[test]
    fn the_end_of_lines_ends_nothing_where_there_are_other_inputs() {
        let inbox = Inbox::default();
        inbox.outlive_lines();
        inbox.fill(&b"one\n"[..]);
        assert_eq!(next(&inbox).as_deref(), Some("one"));
        assert_eq!(inbox.next(Some(Duration::from_millis(1))), Next::Nothing);
        inbox.push(code(1));
        assert_eq!(next(&inbox), Some(code(1)));
        inbox.end();
        assert_eq!(next(&inbox), None);
        // Its twin has no other input.
        let inbox = Inbox::default();
        inbox.fill(&b"one\n"[..]);
        assert_eq!(next(&inbox).as_deref(), Some("one"));
        assert_eq!(inbox.next(Some(Duration::from_millis(1))), Next::End);
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

    #[test]
    fn a_code_is_not_crowded_out_by_what_is_none() {
        let inbox = Inbox::default();
        for number in 0..20 {
            inbox.push(code(number));
        }
        for number in 0..100 {
            inbox.push(number.to_string());
        }
        // Of codes the oldest go.
        for number in 4..20 {
            assert_eq!(next(&inbox), Some(code(number)));
        }
        assert_eq!(inbox.next(Some(Duration::from_millis(1))), Next::Nothing);
        // Nor is its own place taken: the newest of such lines waits.
        inbox.push(code(1));
        for number in 0..100 {
            inbox.push(number.to_string());
        }
        assert_eq!(next(&inbox), Some(code(1)));
        assert_eq!(next(&inbox).as_deref(), Some("85"));
    }
}
