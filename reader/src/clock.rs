//! The clock of verdicts and bundles.

use mdoc::time::UnixTime;

/// The machine's clock, or one that stands still.
#[derive(Clone, Copy)]
pub(crate) enum Clock {
    System,
    /// For responses that were made for one instant.
    Fixed(UnixTime),
}

impl Clock {
    pub(crate) fn now(self) -> UnixTime {
        match self {
            Self::System => {
                let seconds = jiff::Timestamp::now().as_second();
                UnixTime::from_seconds(seconds).expect("invariant: jiff's years have four digits")
            }
            Self::Fixed(at) => at,
        }
    }
}
