//! What was said of an input a moment ago is not said again.

use std::time::{Duration, Instant};

/// The same complaint is not made again within this. Scanners send a code more than once, a code on a screen may change with
/// every picture, and what is plugged in may send anything for ever.
const SILENCE: Duration = Duration::from_secs(2);

/// The complaints about one input.
#[derive(Default)]
pub(crate) struct Complaints(Option<(&'static str, Instant)>);

impl Complaints {
    /// Whether to make a complaint, by its code. One that is made counts as made now.
    pub(crate) fn is_due(&mut self, code: &'static str, now: Instant) -> bool {
        let is_told =
            matches!(self.0, Some((told, at)) if told == code && now.saturating_duration_since(at) < SILENCE);
        if !is_told {
            self.0 = Some((code, now));
        }
        !is_told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_complaint_waits_and_another_does_not() {
        let mut complaints = Complaints::default();
        let now = Instant::now();
        assert!(complaints.is_due("one", now));
        for after in [Duration::ZERO, SILENCE / 2, SILENCE - Duration::from_millis(1)] {
            assert!(!complaints.is_due("one", now + after), "{after:?}");
        }
        assert!(complaints.is_due("one", now + SILENCE));
        assert!(complaints.is_due("two", now + SILENCE));
        assert!(complaints.is_due("one", now + SILENCE));
    }
}
