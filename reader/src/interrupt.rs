//! A request to end (SIGTERM, SIGINT): the transaction in work is ended first, so that the phone is let go and nothing
//! stays with the system. BlueZ is known to die of a client that vanishes while it is connected.

use std::io;

/// Calls `first` at the first such signal, from a thread of its own. The second one ends the process at once, with the
/// status that shells give to it.
#[cfg(unix)]
pub(crate) fn on_interrupt(first: impl FnOnce() + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::spawn(move || {
        let mut first = Some(first);
        for signal in signals.forever() {
            match first.take() {
                Some(first) => first(),
                None => std::process::exit(128 + signal),
            }
        }
    });
    Ok(())
}

/// Other systems end the process as they do.
#[cfg(not(unix))]
pub(crate) fn on_interrupt(_: impl FnOnce() + Send + 'static) -> io::Result<()> {
    Ok(())
}
