//! The session's sense of time: a monotonic clock that the caller reads.

use core::time::Duration;

/// A reading of the caller's monotonic clock, in milliseconds since any fixed moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonotonicTime(u64);

impl MonotonicTime {
    /// This many milliseconds after the fixed moment.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since the fixed moment.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The moment `duration` later; the last moment there is when that would lie beyond it.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(milliseconds))
    }
}
