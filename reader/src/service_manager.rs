//! What systemd is told of a serving counter: that it is ready, which step it is at, that it is alive, and that it ends.
//!
//! The sign of life comes from the loop that waits for phones and from the steps of a transaction, and from nowhere else: a
//! loop that hangs sends none, and is started anew. A transaction may block for as long as its step is allowed to take, so
//! each step takes that time with it.

use core::cell::Cell;
use core::marker::PhantomData;
use core::time::Duration;
use std::rc::Rc;
use std::time::Instant;

#[cfg(target_os = "linux")]
use sd_notify::NotifyState;

use crate::step::Step;

/// A counter whose service manager does not watch needs no sign of life; it looks up once in a while all the same.
const UNWATCHED: Duration = Duration::from_secs(3600);

/// The service manager that started this program, if one did. It stays on the thread of the loop that it vouches for: the
/// marker keeps it from any other.
pub(crate) struct ServiceManager {
    /// The time after which the manager takes the program for hung; none where it does not watch.
    watchdog: Option<Duration>,
    is_ready: Cell<bool>,
    /// When the last sign of life left.
    told: Cell<Option<Instant>>,
    on_this_thread: PhantomData<Rc<()>>,
}

impl ServiceManager {
    /// By the environment that systemd gives.
    pub(crate) fn of_environment() -> Self {
        Self {
            watchdog: watchdog(),
            is_ready: Cell::new(false),
            told: Cell::new(None),
            on_this_thread: PhantomData,
        }
    }

    /// A step begins, which may take so long. The first one is that the counter waits for phones: it is ready then.
    pub(crate) fn step(&self, step: Step, line: &str, at_most: Option<Duration>) {
        let is_first = matches!(step, Step::Waiting | Step::WaitingNear) && !self.is_ready.replace(true);
        self.told.set(Some(Instant::now()));
        tell(
            is_first,
            line,
            self.watchdog.map(|watchdog| allowed(watchdog, at_most)),
        );
    }

    /// The loop has come round. Tells so where that is due.
    pub(crate) fn beat(&self) {
        let Some(watchdog) = self.watchdog else { return };
        if self.told.get().is_none_or(|told| told.elapsed() >= watchdog / 4) {
            self.told.set(Some(Instant::now()));
            tell_alive();
        }
    }

    /// The longest time that the loop may wait without coming round, where it would wait for `pause`.
    pub(crate) fn patience(&self, pause: Option<Duration>) -> Duration {
        let longest = self.watchdog.map_or(UNWATCHED, |watchdog| watchdog / 4);
        pause.map_or(longest, |pause| pause.min(longest))
    }
}

/// The time after which a step counts as hung. A service is asked a second time where it cannot be reached, and a connection
/// is taken down beyond the end of its step.
fn allowed(watchdog: Duration, at_most: Option<Duration>) -> Duration {
    at_most.map_or(watchdog, |at_most| {
        watchdog.saturating_add(at_most.saturating_mul(2))
    })
}

#[cfg(target_os = "linux")]
fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|watchdog| !watchdog.is_zero())
}

#[cfg(not(target_os = "linux"))]
fn watchdog() -> Option<Duration> {
    None
}

/// A manager that is not there is told nothing, and one that does not listen keeps no counter from working.
#[cfg(target_os = "linux")]
fn tell(is_ready: bool, line: &str, watchdog: Option<Duration>) {
    let mut states = vec![NotifyState::Status(line)];
    if is_ready {
        states.insert(0, NotifyState::Ready);
    }
    if let Some(watchdog) = watchdog {
        let microseconds = u32::try_from(watchdog.as_micros()).unwrap_or(u32::MAX);
        states.extend([NotifyState::WatchdogUsec(microseconds), NotifyState::Watchdog]);
    }
    let _ = sd_notify::notify(&states);
}

#[cfg(target_os = "linux")]
fn tell_alive() {
    let _ = sd_notify::notify(&[NotifyState::Watchdog]);
}

/// The counter ends in good order. From any thread: it says nothing of the loop.
#[cfg(target_os = "linux")]
pub(crate) fn stopping() {
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
}

/// Other systems have no such manager.
#[cfg(not(target_os = "linux"))]
fn tell(_: bool, _: &str, _: Option<Duration>) {}
#[cfg(not(target_os = "linux"))]
fn tell_alive() {}
#[cfg(not(target_os = "linux"))]
pub(crate) fn stopping() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_takes_its_own_time_with_it() {
        let watchdog = Duration::from_secs(60);
        assert_eq!(allowed(watchdog, None), watchdog);
        assert_eq!(
            allowed(watchdog, Some(Duration::from_secs(30))),
            Duration::from_secs(120)
        );
        assert_eq!(allowed(watchdog, Some(Duration::MAX)), Duration::MAX);
    }

    #[test]
    fn the_loop_comes_round_in_less_than_half_of_the_watchdog() {
        let manager = |watchdog| ServiceManager {
            watchdog,
            is_ready: Cell::new(false),
            told: Cell::new(None),
            on_this_thread: PhantomData,
        };
        let watched = manager(Some(Duration::from_secs(60)));
        assert_eq!(watched.patience(None), Duration::from_secs(15));
        assert_eq!(
            watched.patience(Some(Duration::from_secs(20))),
            Duration::from_secs(15)
        );
        assert_eq!(
            watched.patience(Some(Duration::from_secs(1))),
            Duration::from_secs(1)
        );
        assert_eq!(
            manager(None).patience(Some(Duration::from_secs(1))),
            Duration::from_secs(1)
        );
    }
}
