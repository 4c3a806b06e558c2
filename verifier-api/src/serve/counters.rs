//! What is counted, behind a trait: whoever publishes the numbers decides how to keep them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mdoc::verify::Reason;
use relying_party::Decision;

/// Hears of every request and every verdict. Called on the threads that serve: it must not block.
pub trait Counters: Send + Sync {
    /// A request was answered. `route` is the pattern it matched, never what the caller wrote.
    fn request(&self, route: &str, status: u16, taken: Duration);
    /// A verdict was given.
    fn verdict(&self, decision: Decision, reason: Option<Reason>);
}

/// Totals in memory.
#[derive(Debug, Default)]
pub struct Totals {
    requests: AtomicU64,
    caller_faults: AtomicU64,
    service_faults: AtomicU64,
    accepted: AtomicU64,
    rejected: AtomicU64,
    undetermined: AtomicU64,
}

/// The totals at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Requests answered.
    pub requests: u64,
    /// Of these, with a status from 400 to 499.
    pub caller_faults: u64,
    /// Of these, with a status from 500.
    pub service_faults: u64,
    /// Verdicts `accepted`.
    pub accepted: u64,
    /// Verdicts `rejected`.
    pub rejected: u64,
    /// Verdicts `undetermined`.
    pub undetermined: u64,
}

impl Totals {
    /// The totals now.
    pub fn tally(&self) -> Tally {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Tally {
            requests: read(&self.requests),
            caller_faults: read(&self.caller_faults),
            service_faults: read(&self.service_faults),
            accepted: read(&self.accepted),
            rejected: read(&self.rejected),
            undetermined: read(&self.undetermined),
        }
    }
}

impl Counters for Totals {
    fn request(&self, _route: &str, status: u16, _taken: Duration) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        match status {
            400..=499 => self.caller_faults.fetch_add(1, Ordering::Relaxed),
            500.. => self.service_faults.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    fn verdict(&self, decision: Decision, _reason: Option<Reason>) {
        let counter = match decision {
            Decision::Accepted => &self.accepted,
            Decision::Rejected => &self.rejected,
            Decision::Undetermined => &self.undetermined,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
