//! Scanners that are keyboards, read as the keys that they press. The device is grabbed: what is scanned reaches no window,
//! no console and no other program.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use evdev::raw_stream::RawDevice;
use evdev::{EventSummary, InputEvent, KeyCode, SynchronizationCode};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::device::{Device, DeviceFault, Report};
use super::layout::{Keys, Move};

/// The event device of a keyboard.
pub(super) struct Keyboard(pub(super) PathBuf);

/// What tells a keyboard from a mouse, a power button or the extra device of a keyboard with media keys.
const MUST_HAVE: [KeyCode; 3] = [KeyCode::KEY_M, KeyCode::KEY_1, KeyCode::KEY_ENTER];

impl Device for Keyboard {
    fn read(&self, report: &mut Report) -> DeviceFault {
        let mut device = match self.open() {
            Ok(device) => device,
            Err(fault) => return fault,
        };
        report.opened();
        let mut keys = Keys::default();
        let mut is_dropping = false;
        loop {
            let now = Instant::now();
            if let Some(fault) = keys.expire(now) {
                report.line(Err(fault));
            }
            let events: Vec<InputEvent> = match wait(&device, keys.patience(now)) {
                Ok(false) => continue,
                Ok(true) => match device.fetch_events() {
                    Ok(events) => events.collect(),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(_) => return DeviceFault::Gone,
                },
                Err(_) => return DeviceFault::Gone,
            };
            let now = Instant::now();
            for event in events {
                match event.destructure() {
                    // What stands between the two is what is left of a queue that ran over.
                    EventSummary::Synchronization(_, SynchronizationCode::SYN_DROPPED, _) => {
                        is_dropping = true
                    }
                    EventSummary::Synchronization(_, SynchronizationCode::SYN_REPORT, _) if is_dropping => {
                        is_dropping = false;
                        let Ok(held) = device.get_key_state() else {
                            return DeviceFault::Gone;
                        };
                        keys.lose(held.iter(), now);
                    }
                    EventSummary::Key(_, key, value) if !is_dropping => {
                        let line = Move::of(value).and_then(|moved| keys.event(key, moved, now));
                        match line {
                            Some(Ok(typed)) => report.any_of([&typed.us, &typed.jis]),
                            Some(Err(fault)) => report.line(Err(fault)),
                            None => {}
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}

impl Keyboard {
    fn open(&self) -> Result<RawDevice, DeviceFault> {
        let fault = |error: io::Error| DeviceFault::of_opening(&error, "keyboard", "input");
        let mut device = RawDevice::open(&self.0).map_err(fault)?;
        if !has_keys(&device) {
            return Err(DeviceFault::Kind("keyboard"));
        }
        device.grab().map_err(fault)?;
        Ok(device)
    }
}

/// Whether a device is a keyboard. It is not grabbed.
pub(super) fn is_keyboard(path: &Path) -> io::Result<bool> {
    match RawDevice::open(path) {
        Ok(device) => Ok(has_keys(&device)),
        Err(error) => match DeviceFault::of_opening(&error, "keyboard", "input") {
            DeviceFault::Kind(_) => Ok(false),
            _ => Err(error),
        },
    }
}

fn has_keys(device: &RawDevice) -> bool {
    let keys = device.supported_keys();
    keys.is_some_and(|keys| MUST_HAVE.iter().all(|key| keys.contains(*key)))
}

/// Whether there is something to read, within this time where that is bounded.
fn wait(device: &RawDevice, patience: Option<Duration>) -> io::Result<bool> {
    let timeout = patience.and_then(|patience| Timespec::try_from(patience).ok());
    match poll(&mut [PollFd::new(device, PollFlags::IN)], timeout.as_ref()) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
