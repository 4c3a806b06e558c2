//! Files that others may read or change, and the place for bundles.

use std::path::Path;

use super::finding::Finding;

/// Bytes that a place for bundles should have: the two that are kept and the one that comes, each as large as it may be.
#[cfg(unix)]
const ENOUGH: u64 = 3 * relying_party::bundle::MAX_BYTES as u64;
/// Bytes below which a bundle of a common size has no place.
#[cfg(unix)]
const TOO_LITTLE: u64 = 16 * 1024 * 1024;

/// Whether anybody may read a file that holds a secret.
#[cfg(unix)]
pub(super) fn secret(check: &'static str, path: &Path) -> Option<Finding> {
    let mode = mode(path)?;
    (mode & 0o007 != 0).then(|| {
        let shown = path.display();
        Finding::warning(
            check,
            format!("{shown} is open to every user of this machine"),
            format!("chmod o= {shown}"),
        )
    })
}

/// Whether anybody may change a file that the counter goes by.
#[cfg(unix)]
pub(super) fn changeable(check: &'static str, path: &Path) -> Option<Finding> {
    let mode = mode(path)?;
    (mode & 0o002 != 0).then(|| {
        let shown = path.display();
        Finding::warning(
            check,
            format!("every user of this machine may change {shown}"),
            format!("chmod o-w {shown}"),
        )
    })
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = std::fs::metadata(path).ok()?;
    Some(metadata.permissions().mode())
}

/// Whether bundles have room in a folder that can be written to.
#[cfg(unix)]
pub(super) fn room(check: &'static str, folder: &Path) -> Option<Finding> {
    let there = folder.ancestors().find(|path| path.exists())?;
    let space = rustix::fs::statvfs(there).ok()?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    judge_room(check, folder, free)
}

#[cfg(unix)]
fn judge_room(check: &'static str, folder: &Path, free: u64) -> Option<Finding> {
    let detail = format!("{} MiB are free at {}", free / (1024 * 1024), folder.display());
    let next = "free some space, or name another folder with --bundle-store";
    if free < TOO_LITTLE {
        Some(Finding::fault(check, detail, next))
    } else {
        (free < ENOUGH).then(|| Finding::warning(check, detail, next))
    }
}

/// Permissions are told on Unix alone.
#[cfg(not(unix))]
pub(super) fn secret(_: &'static str, _: &Path) -> Option<Finding> {
    None
}

/// Permissions are told on Unix alone.
#[cfg(not(unix))]
pub(super) fn changeable(_: &'static str, _: &Path) -> Option<Finding> {
    None
}

/// Free space is told on Unix alone.
#[cfg(not(unix))]
pub(super) fn room(_: &'static str, _: &Path) -> Option<Finding> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::doctor::finding::Grade;

    #[test]
    fn files_that_are_open_to_everybody() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "x").unwrap();
        for (mode, is_open, is_changeable) in [
            (0o600, false, false),
            (0o640, false, false),
            (0o660, false, false),
            (0o644, true, false),
            (0o602, true, true),
            (0o666, true, true),
        ] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let found = (secret("x", &file).is_some(), changeable("x", &file).is_some());
            assert_eq!(found, (is_open, is_changeable), "{mode:o}");
        }
        assert_eq!(secret("x", &folder.path().join("missing")), None);
    }

    #[test]
    fn room_for_bundles() {
        let grade = |free| judge_room("x", Path::new("/x"), free).map(|finding| finding.grade);
        assert_eq!(grade(TOO_LITTLE - 1), Some(Grade::Fault));
        assert_eq!(grade(TOO_LITTLE), Some(Grade::Warning));
        assert_eq!(grade(ENOUGH - 1), Some(Grade::Warning));
        assert_eq!(grade(ENOUGH), None);
    }
}
