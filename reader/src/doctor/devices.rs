//! Devices that are named by their path: scanners, cameras, and the till's serial line.

use std::fs::File;
use std::io::{ErrorKind, IsTerminal as _};
use std::path::Path;

use super::finding::Finding;
use crate::{camera, input};

/// What a device is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Device {
    ScannerSerial,
    ScannerKeyboard,
    Camera,
    TillSerial,
}

impl Device {
    /// The option that names it.
    pub(super) const fn option(self) -> &'static str {
        match self {
            Self::ScannerSerial => "scanner_serial",
            Self::ScannerKeyboard => "scanner_keyboard",
            Self::Camera => "camera",
            Self::TillSerial => "till_serial",
        }
    }

    /// The group that may use such devices on Debian.
    const fn group(self) -> &'static str {
        match self {
            Self::ScannerSerial | Self::TillSerial => "dialout",
            Self::ScannerKeyboard => "input",
            Self::Camera => "video",
        }
    }
}

/// Whether a device is there, is of its kind, and may be read by this user. It is opened as the counter does, and nothing is
/// read.
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
    match open(path).and_then(|file| other_kind(device, path, &file)) {
        Ok(None) => Finding::ok(check, format!("{shown} is there and may be read")),
        Ok(Some(words)) => Finding::fault(
            check,
            format!("{shown}: {words}"),
            "name another device: one that is plugged in often has several",
        ),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => denied(device, path),
        Err(error) if error.kind() == ErrorKind::ResourceBusy => Finding::warning(
            check,
            format!("{shown} is in use; by the counter itself, where it runs"),
            "end other programs that use it",
        ),
        Err(error) => Finding::fault(
            check,
            format!("{shown}: {error}"),
            "plug the device in anew, and end other programs that use it",
        ),
    }
}

/// Why it is not what it is named for; none where it is, or where this build cannot tell.
fn other_kind(device: Device, path: &Path, file: &File) -> std::io::Result<Option<String>> {
    match device {
        Device::ScannerSerial | Device::TillSerial => {
            Ok((!file.is_terminal()).then(|| "it is no serial port".to_owned()))
        }
        Device::ScannerKeyboard => Ok((!input::is_keyboard(path)?).then(|| "it is no keyboard".to_owned())),
        Device::Camera => Ok(camera::look(path).err().map(|fault| fault.to_string())),
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

    const ALL: [Device; 4] = [
        Device::ScannerSerial,
        Device::ScannerKeyboard,
        Device::Camera,
        Device::TillSerial,
    ];

    #[test]
    fn devices_that_are_missing_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let fault = |words: String| (Grade::Fault, words);
        let missing = folder.path().join("missing");
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        for device in ALL {
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
        }
    }

    #[test]
    fn a_device_of_another_kind_is_none() {
        let null = Path::new("/dev/null");
        let fault = |words: &str| (Grade::Fault, format!("/dev/null: {words}"));
        assert_eq!(
            checked(Device::ScannerSerial, null),
            fault("it is no serial port")
        );
        assert_eq!(checked(Device::TillSerial, null), fault("it is no serial port"));
        #[cfg(all(feature = "scanner", target_os = "linux"))]
        assert_eq!(checked(Device::ScannerKeyboard, null), fault("it is no keyboard"));
        #[cfg(all(feature = "camera", target_os = "linux"))]
        assert_eq!(
            checked(Device::Camera, null),
            fault("this device is no camera that sends pictures")
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_terminal_is_a_serial_port() {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&near).unwrap();
        unlockpt(&near).unwrap();
        let path = ptsname(&near, Vec::new()).unwrap().into_string().unwrap();
        for device in [Device::ScannerSerial, Device::TillSerial] {
            assert_eq!(
                checked(device, Path::new(&path)),
                (Grade::Ok, format!("{path} is there and may be read"))
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
