//! Devices that are named by their path: scanners and cameras.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use super::finding::Finding;

/// What a device is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Device {
    ScannerSerial,
    ScannerKeyboard,
    Camera,
}

impl Device {
    pub(super) const ALL: [Self; 3] = [Self::ScannerSerial, Self::ScannerKeyboard, Self::Camera];

    /// The option that names it, as clap knows it.
    pub(super) const fn option(self) -> &'static str {
        match self {
            Self::ScannerSerial => "scanner_serial",
            Self::ScannerKeyboard => "scanner_keyboard",
            Self::Camera => "camera",
        }
    }

    /// The group that may use such devices on Debian.
    const fn group(self) -> &'static str {
        match self {
            Self::ScannerSerial => "dialout",
            Self::ScannerKeyboard => "input",
            Self::Camera => "video",
        }
    }
}

/// Whether a device is there and this user may read it. It is opened as the counter does, and nothing is read.
pub(super) fn check(device: Device, path: &Path) -> Finding {
    let check = device.option();
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Finding::fault(
                check,
                format!("{shown} is not there"),
                "plug the device in, and name it by a path that stays (/dev/serial/by-id, /dev/input/by-id, /dev/v4l/by-id)",
            );
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return denied(device, path),
        Err(error) => {
            return Finding::fault(check, format!("{shown}: {error}"), "check the path");
        }
        Ok(metadata) if !is_device(&metadata) => {
            return Finding::fault(
                check,
                format!("{shown} is no device"),
                "name the device's path, and not a file or folder",
            );
        }
        Ok(_) => {}
    }
    match open(path) {
        Ok(_) => Finding::ok(check, format!("{shown} is there and may be read")),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => denied(device, path),
        Err(error) => Finding::fault(
            check,
            format!("{shown}: {error}"),
            "plug the device in anew, and end other programs that use it",
        ),
    }
}

fn denied(device: Device, path: &Path) -> Finding {
    let group = device.group();
    Finding::fault(
        device.option(),
        format!("this user may not read {}", path.display()),
        format!("let it (on Debian: add it to the group {group} and log in again)"),
    )
}

#[cfg(unix)]
fn is_device(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_char_device(&metadata.file_type())
}

#[cfg(not(unix))]
fn is_device(_: &std::fs::Metadata) -> bool {
    true
}

/// Without waiting for a line that is not ready, and without making it the terminal of this program.
#[cfg(unix)]
fn open(path: &Path) -> std::io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

#[cfg(not(unix))]
fn open(path: &Path) -> std::io::Result<File> {
    File::open(path)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::doctor::finding::Grade;

    fn checked(device: Device, path: &Path) -> (Grade, String) {
        let finding = check(device, path);
        (finding.grade, finding.detail)
    }

    #[test]
    fn devices_that_are_missing_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let fault = |words: String| (Grade::Fault, words);
        let missing = folder.path().join("missing");
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        for device in Device::ALL {
            assert_eq!(
                checked(device, &missing),
                fault(format!("{} is not there", missing.display()))
            );
            assert_eq!(
                checked(device, &file),
                fault(format!("{} is no device", file.display()))
            );
            assert_eq!(
                checked(device, &file.join("below")).1,
                format!("{}: Not a directory (os error 20)", file.join("below").display())
            );
            assert_eq!(
                checked(device, Path::new("/dev/null")),
                (Grade::Ok, "/dev/null is there and may be read".to_owned())
            );
        }
    }

    #[test]
    fn a_refusal_names_the_group() {
        let group = |device| denied(device, Path::new("/dev/x")).next_step.unwrap();
        assert!(group(Device::ScannerSerial).contains("dialout"));
        assert!(group(Device::ScannerKeyboard).contains("group input"));
        assert!(group(Device::Camera).contains("video"));
    }
}
