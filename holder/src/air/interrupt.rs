//! A request to end (SIGTERM, SIGINT): the reader is let go first. BlueZ is known to die of a client that vanishes
//! while it is connected.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::Notify;

static TOLD: AtomicBool = AtomicBool::new(false);
static WAKE: Notify = Notify::const_new();
/// How long the program has to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// Watches for signals, from the first connection on.
pub(super) fn watch() -> Result<(), String> {
    static WATCHING: Once = Once::new();
    let mut result = Ok(());
    WATCHING.call_once(|| match Signals::new([SIGINT, SIGTERM]) {
        Ok(mut signals) => drop(std::thread::spawn(move || {
            for signal in signals.forever() {
                if TOLD.swap(true, Ordering::Relaxed) {
                    std::process::exit(128 + signal);
                }
                WAKE.notify_waiters();
                std::thread::spawn(move || {
                    std::thread::sleep(GRACE);
                    std::process::exit(128 + signal);
                });
            }
        })),
        Err(error) => result = Err(error.to_string()),
    });
    result
}

/// Whether the program was told to end.
pub(crate) fn is_interrupted() -> bool {
    TOLD.load(Ordering::Relaxed)
}

/// Waits until it is.
pub(super) async fn interrupted() {
    let woken = WAKE.notified();
    if !is_interrupted() {
        woken.await;
    }
}
