//! The inputs of `reader serve` beside standard input: scanners on serial ports, and scanners that are keyboards.
//!
//! Each device has a thread of its own, which opens it again for as long as the program runs, and puts whole engagements
//! into the inbox. What is pure stands apart: [`code`] makes an engagement of a text, [`line`] lines of bytes, and
//! [`layout`] text of key codes.

pub(crate) mod code;
#[cfg(any(feature = "scanner", feature = "camera-recording"))]
pub(crate) mod complaints;
#[cfg(feature = "scanner")]
mod device;
#[cfg(all(feature = "scanner", target_os = "linux"))]
mod keyboard;
#[cfg(all(feature = "scanner", target_os = "linux"))]
mod layout;
#[cfg(feature = "scanner")]
mod line;
#[cfg(feature = "scanner")]
mod serial;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use crate::counter::StartError;
use crate::inbox::Inbox;
use crate::serial_line::SerialLine;

/// Where codes come from beside the radio's own ways.
#[derive(Args, Clone)]
#[command(next_help_heading = "Scanners")]
pub(crate) struct ScannerFlags {
    /// A scanner on a serial port, which USB scanners are too in their serial (CDC, virtual COM) mode, with its speed where
    /// that is not 9600: /dev/serial/by-id/… or /dev/ttyS0,115200. Any number; may be unplugged and plugged in again
    #[arg(long, value_name = "PATH[,BAUD]")]
    pub(crate) scanner_serial: Vec<SerialLine>,
    /// A scanner that is a keyboard (HID): /dev/input/by-id/…-event-kbd or /dev/input/eventN. The device is taken for this
    /// program alone, so never name the keyboard that people type on. Any number. Linux only
    #[arg(long, value_name = "PATH")]
    pub(crate) scanner_keyboard: Vec<PathBuf>,
    /// Do not read standard input. It is read beside every other input unless this is given; where there is a scanner or a camera,
    /// its end ends nothing
    #[arg(long)]
    pub(crate) no_stdin: bool,
}

impl ScannerFlags {
    /// What is wrong with them, under the option at fault. `has_other` says whether phones or codes come by something else.
    pub(crate) fn faults(&self, has_other: bool) -> Vec<(&'static str, StartError)> {
        let mut faults = Vec::new();
        let mut found = |key, words: String| faults.push((key, StartError::Argument(words)));
        // A counter that reads nothing at all would wait for ever.
        if self.no_stdin && !self.is_any() && !has_other {
            found(
                "no_stdin",
                "--no-stdin leaves nothing to wait for; name a scanner or a camera, or add --nfc".to_owned(),
            );
        }
        if !cfg!(feature = "scanner")
            && let Some((key, _)) = self.named().next()
        {
            found(
                key,
                "this reader was built without scanners; build it with --features scanner".to_owned(),
            );
        } else if !cfg!(target_os = "linux") && !self.scanner_keyboard.is_empty() {
            found(
                "scanner_keyboard",
                "--scanner-keyboard works on Linux only; set the scanner to its serial mode and use --scanner-serial"
                    .to_owned(),
            );
        }
        // The same port, opened twice, would give half of each code to either.
        let mut seen = Vec::new();
        for (key, path) in self.named() {
            // A link and what it leads to are one device. Where nothing is there as yet, the name has to do.
            let device = path.canonicalize().unwrap_or_else(|_| path.clone());
            if seen.contains(&device) {
                found(key, format!("{}: this scanner is named twice", path.display()));
            }
            seen.push(device);
        }
        faults
    }

    /// Each with the option that names it.
    fn named(&self) -> impl Iterator<Item = (&'static str, &PathBuf)> {
        let serial = self
            .scanner_serial
            .iter()
            .map(|serial| ("scanner_serial", &serial.path));
        let keyboards = self
            .scanner_keyboard
            .iter()
            .map(|path| ("scanner_keyboard", path));
        serial.chain(keyboards)
    }

    /// Whether there is any.
    fn is_any(&self) -> bool {
        self.named().next().is_some()
    }
}

/// Whether a device is a keyboard.
#[cfg(all(feature = "scanner", target_os = "linux"))]
pub(crate) fn is_keyboard(path: &Path) -> std::io::Result<bool> {
    keyboard::is_keyboard(path)
}

/// This build knows no keyboards, and [`ScannerFlags::faults`] refuses them.
#[cfg(not(all(feature = "scanner", target_os = "linux")))]
#[expect(clippy::unnecessary_wraps, reason = "as where there are keyboards")]
pub(crate) const fn is_keyboard(_: &Path) -> std::io::Result<bool> {
    Ok(true)
}

/// Starts a thread for each scanner. They end with the process.
#[cfg(feature = "scanner")]
pub(crate) fn start(flags: &ScannerFlags, inbox: &Arc<Inbox>, is_quiet: bool) {
    use device::{Report, keep_open};

    if flags.is_any() {
        inbox.outlive_lines();
    }
    for serial in flags.scanner_serial.clone() {
        let report = Report::new(&serial.path, inbox, is_quiet);
        std::thread::spawn(move || keep_open(&serial, report));
    }
    #[cfg(target_os = "linux")]
    for path in &flags.scanner_keyboard {
        let report = Report::new(path, inbox, is_quiet);
        let keyboard = keyboard::Keyboard(path.clone());
        std::thread::spawn(move || keep_open(&keyboard, report));
    }
}

/// This build has no scanners but those that type on standard input, and [`ScannerFlags::faults`] refuses others.
#[cfg(not(feature = "scanner"))]
pub(crate) fn start(_: &ScannerFlags, _: &Arc<Inbox>, _: bool) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_device_is_named_once_under_whatever_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("port"), "").unwrap();
        std::fs::write(path("other"), "").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(path("port"), path("link")).unwrap();
        let flags = |serial: &[&str], keyboards: &[&str]| ScannerFlags {
            scanner_serial: serial
                .iter()
                .map(|name| SerialLine {
                    path: path(name),
                    baud: 9600,
                })
                .collect(),
            scanner_keyboard: keyboards.iter().map(|name| path(name)).collect(),
            no_stdin: false,
        };
        let twice = |flags: ScannerFlags| {
            let faults = flags.faults(false).into_iter();
            let mut twice =
                faults.filter(|(_, error)| error.to_string().ends_with(": this scanner is named twice"));
            twice.next().map(|(key, _)| key)
        };
        assert_eq!(twice(flags(&["port", "absent"], &["other"])), None);
        for (serial, keyboards, key) in [
            (&["port", "port"][..], &[][..], "scanner_serial"),
            (&["port"], &["port"], "scanner_keyboard"),
            (&["absent"], &["absent"], "scanner_keyboard"),
            #[cfg(unix)]
            (&["port", "link"], &[], "scanner_serial"),
        ] {
            assert_eq!(twice(flags(serial, keyboards)), Some(key));
        }
    }
}
