//! A scanner as a device that comes and goes: opened again and again, each change told once.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::code::{self, CodeFault};
use super::complaints::Complaints;
use super::line::LineFault;
use crate::inbox::Inbox;
use crate::say;

/// Between two looks for a device.
const AGAIN: Duration = Duration::from_secs(1);

/// Why a device cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DeviceFault {
    /// Nothing is there under that name.
    #[error("it is not there; plug it in, it is looked for every second")]
    Absent,
    /// The system does not let this user open it.
    #[error("no permission; make the user of this program a member of the group {0} and log in anew")]
    Permission(&'static str),
    /// Another program has it for itself.
    #[error("another program has it for itself; end that one")]
    Busy,
    /// Something of another kind.
    #[error("it is no {0}")]
    Kind(&'static str),
    /// It was there and is not any more.
    #[error("it is gone; plug it in again, it is looked for every second")]
    Gone,
    /// Anything else.
    #[error("{0}; it is tried again every second")]
    Other(String),
}

impl DeviceFault {
    /// From an error in opening a device of this kind, which members of the group may open.
    pub(super) fn of_opening(error: &io::Error, kind: &'static str, group: &'static str) -> Self {
        #[cfg(target_os = "linux")]
        if let Some(rustix::io::Errno::NOTTY | rustix::io::Errno::INVAL | rustix::io::Errno::ISDIR) =
            rustix::io::Errno::from_io_error(error)
        {
            return Self::Kind(kind);
        }
        match error.kind() {
            io::ErrorKind::NotFound => Self::Absent,
            io::ErrorKind::PermissionDenied => Self::Permission(group),
            io::ErrorKind::ResourceBusy => Self::Busy,
            io::ErrorKind::IsADirectory => Self::Kind(kind),
            _ => Self::Other(error.to_string()),
        }
    }
}

/// A scanner of one kind.
pub(super) trait Device {
    /// Opens it and reads it until it cannot be read any more. Calls [`Report::opened`] when it is open.
    fn read(&self, report: &mut Report) -> DeviceFault;
}

/// Reads a scanner for as long as the program runs, whenever it is there.
pub(super) fn keep_open(device: &impl Device, mut report: Report) {
    loop {
        let fault = device.read(&mut report);
        report.closed(fault, Instant::now());
        std::thread::sleep(AGAIN);
    }
}

/// Where the codes of one scanner go, and what people are told of it. Never a text that it sent.
pub(super) struct Report {
    name: String,
    inbox: Arc<Inbox>,
    is_quiet: bool,
    device: State,
    complaints: Complaints,
}

/// What was told of the device itself.
#[derive(Default)]
struct State {
    opened: Option<Instant>,
    told: Option<DeviceFault>,
    /// How many times in a row it was open for less than a moment.
    brief: u32,
}

impl Report {
    pub(super) fn new(path: &Path, inbox: &Arc<Inbox>, is_quiet: bool) -> Self {
        Self {
            name: format!("scanner {}", path.display()),
            inbox: Arc::clone(inbox),
            is_quiet,
            device: State::default(),
            complaints: Complaints::default(),
        }
    }

    /// The device is open.
    pub(super) fn opened(&mut self) {
        if self.device.open(Instant::now()) && !self.is_quiet {
            self.say(&"ready");
        }
    }

    fn closed(&mut self, fault: DeviceFault, now: Instant) {
        if let Some(fault) = self.device.close(fault, now) {
            self.say(&fault);
        }
    }

    /// One line of text.
    pub(super) fn line(&mut self, line: Result<String, LineFault>) {
        match line {
            Ok(text) => match code::read(&text) {
                Ok(code) => self.inbox.push(code.text),
                Err(fault) => self.refuse(&fault, fault.code()),
            },
            Err(fault) => self.refuse(&fault, fault.code()),
        }
    }

    /// One line that may mean any of these.
    #[cfg(target_os = "linux")]
    pub(super) fn any_of(&mut self, texts: [&str; 2]) {
        match any_of(texts) {
            Ok(text) => self.inbox.push(text),
            Err(fault) => self.refuse(&fault, fault.code()),
        }
    }

    fn refuse(&mut self, fault: &dyn core::fmt::Display, code: &'static str) {
        if self.complaints.is_due(code, Instant::now()) {
            self.say(&format_args!("{fault} ({code})"));
        }
    }

    fn say(&self, words: &dyn core::fmt::Display) {
        say(&format!("{}: {words}", self.name));
    }
}

/// The text of the code that one of these is; or what is wrong with the one that comes closest.
#[cfg(target_os = "linux")]
pub(super) fn any_of(texts: [&str; 2]) -> Result<String, CodeFault> {
    use mdoc::engagement::EngagementError;

    let mut closest = CodeFault::Engagement(EngagementError::Scheme);
    for text in texts {
        match code::read(text) {
            Ok(code) => return Ok(code.text),
            Err(fault) if closest == CodeFault::Engagement(EngagementError::Scheme) => closest = fault,
            Err(_) => {}
        }
    }
    Err(closest)
}

impl State {
    /// Whether to tell that it is open.
    fn open(&mut self, now: Instant) -> bool {
        self.opened = Some(now);
        !self.is_flapping()
    }

    /// What to tell now that it is closed.
    fn close(&mut self, fault: DeviceFault, now: Instant) -> Option<DeviceFault> {
        if let Some(opened) = self.opened.take() {
            if now.saturating_duration_since(opened) >= AGAIN {
                self.brief = 0;
            } else if self.is_flapping() {
                return None;
            } else {
                self.brief += 1;
            }
            self.told = None;
        }
        if self.told.as_ref() == Some(&fault) {
            return None;
        }
        self.told = Some(fault.clone());
        Some(fault)
    }

    /// It may come and go every second from now on. Once is no habit: a plug that was put in badly is put in again.
    const fn is_flapping(&self) -> bool {
        self.brief >= 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn each_change_is_told_once() {
        let mut state = State::default();
        let mut now = Instant::now();
        let absent = || DeviceFault::Absent;
        assert_eq!(state.close(absent(), now), Some(DeviceFault::Absent));
        assert_eq!(state.close(absent(), now), None);
        let permission = DeviceFault::Permission("dialout");
        assert_eq!(state.close(permission.clone(), now), Some(permission.clone()));
        assert_eq!(state.close(permission.clone(), now), None);
        assert!(state.open(now));
        now += LONG;
        assert_eq!(state.close(DeviceFault::Gone, now), Some(DeviceFault::Gone));
        assert_eq!(state.close(absent(), now), Some(DeviceFault::Absent));
        assert_eq!(state.close(absent(), now), None);
        // Again and again, each time it was really there.
        assert!(state.open(now));
        now += LONG;
        assert_eq!(state.close(DeviceFault::Gone, now), Some(DeviceFault::Gone));
    }

    #[test]
    fn a_device_that_is_gone_as_soon_as_it_is_open_is_told_twice() {
        let mut state = State::default();
        let now = Instant::now();
        for _ in 0..2 {
            assert!(state.open(now));
            assert_eq!(state.close(DeviceFault::Gone, now), Some(DeviceFault::Gone));
        }
        for _ in 0..3 {
            assert!(!state.open(now));
            assert_eq!(state.close(DeviceFault::Gone, now), None);
        }
        // Until it stays for a while.
        assert!(!state.open(now));
        assert_eq!(
            state.close(DeviceFault::Gone, now + LONG),
            Some(DeviceFault::Gone)
        );
        assert!(state.open(now));
    }

    #[test]
    fn errors_of_opening_say_what_to_do() {
        let of = |kind: io::ErrorKind| DeviceFault::of_opening(&kind.into(), "serial port", "dialout");
        for (kind, expected) in [
            (io::ErrorKind::NotFound, DeviceFault::Absent),
            (
                io::ErrorKind::PermissionDenied,
                DeviceFault::Permission("dialout"),
            ),
            (io::ErrorKind::ResourceBusy, DeviceFault::Busy),
            (io::ErrorKind::IsADirectory, DeviceFault::Kind("serial port")),
            (
                io::ErrorKind::TimedOut,
                DeviceFault::Other("timed out".to_owned()),
            ),
        ] {
            assert_eq!(of(kind), expected);
        }
        assert!(
            of(io::ErrorKind::PermissionDenied)
                .to_string()
                .contains("group dialout")
        );
        #[cfg(target_os = "linux")]
        for errno in [rustix::io::Errno::NOTTY, rustix::io::Errno::INVAL] {
            let fault = DeviceFault::of_opening(&errno.into(), "keyboard", "input");
            assert_eq!(fault, DeviceFault::Kind("keyboard"));
        }
    }
}
