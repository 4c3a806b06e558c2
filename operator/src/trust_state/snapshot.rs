//! Snapshots on disk: a folder with the files of a trust directory, written beside its place and
//! renamed into it, so that under a hash there is all of it or nothing.

use std::fs::{self, File, FileTimes};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use relying_party::TrustFile;

use crate::bundle::INCOMING;
use crate::{FOLDERS, OperatorError, read_dated_trust};

/// A file of a trust directory, and when it was last written, where that is known: copies keep it,
/// because an offline bundle says by it how old the file is.
#[derive(Clone, Debug)]
pub struct DatedTrustFile {
    /// The file.
    pub file: TrustFile,
    /// When it was last written.
    pub written: Option<SystemTime>,
}

/// The name of a snapshot's folder; none for what is not `sha256:` and 64 lower-case digits.
pub(super) fn folder_name(hash: &str) -> Option<&str> {
    let digits = hash.strip_prefix("sha256:")?;
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (digits.len() == 64 && digits.bytes().all(is_digit)).then_some(digits)
}

/// Writes a snapshot into its folder. One that is there and holds the same bytes stays; one that was
/// damaged gives way.
pub(super) fn write(snapshots: &Path, folder: &Path, files: &[DatedTrustFile]) -> Result<(), OperatorError> {
    if read_dated_trust(folder).is_ok_and(|there| is_same(there, files)) {
        return Ok(());
    }
    let incoming = tempfile::Builder::new()
        .prefix(INCOMING)
        .tempdir_in(snapshots)
        .map_err(|error| write_error(snapshots, error))?;
    for name in FOLDERS {
        let path = incoming.path().join(name);
        fs::create_dir(&path).map_err(|error| write_error(&path, error))?;
    }
    for file in files {
        let path = incoming.path().join(&file.file.name);
        write_one(&path, file).map_err(|error| write_error(&path, error))?;
    }
    for name in FOLDERS {
        sync(&incoming.path().join(name))?;
    }
    open_to_others(incoming.path())?;
    sync(incoming.path())?;
    if folder.exists() {
        let aside = snapshots.join(format!("{INCOMING}damaged"));
        // What was left there before would keep the rename from its place.
        let _ = fs::remove_dir_all(&aside);
        fs::rename(folder, &aside).map_err(|error| write_error(folder, error))?;
    }
    fs::rename(incoming.path(), folder).map_err(|error| write_error(folder, error))?;
    // It has moved: there is nothing left to remove.
    let _ = incoming.keep();
    sync(snapshots)
}

/// Removes the snapshots that are not named here, and what was never finished. What cannot be
/// removed does no harm and is tried again at the next change.
pub(super) fn remove_all_but<'h>(snapshots: &Path, kept: impl Iterator<Item = &'h str>) {
    let kept: Vec<&str> = kept.filter_map(folder_name).collect();
    for entry in fs::read_dir(snapshots).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_snapshot = folder_name(&format!("sha256:{name}")).is_some();
        let unfinished = name.starts_with(INCOMING);
        if unfinished || (is_snapshot && !kept.contains(&name.as_ref())) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_same(mut there: Vec<DatedTrustFile>, files: &[DatedTrustFile]) -> bool {
    let mut wanted: Vec<&TrustFile> = files.iter().map(|file| &file.file).collect();
    wanted.sort_by(|left, right| left.name.cmp(&right.name));
    there.sort_by(|left, right| left.file.name.cmp(&right.file.name));
    let same = |one: &TrustFile, other: &TrustFile| one.name == other.name && one.bytes == other.bytes;
    wanted.len() == there.len()
        && wanted
            .iter()
            .zip(&there)
            .all(|(wanted, there)| same(wanted, &there.file))
}

fn write_one(path: &Path, file: &DatedTrustFile) -> io::Result<()> {
    // Two names that become the same on this disk are a fault, not one file.
    let mut out = File::create_new(path)?;
    out.write_all(&file.file.bytes)?;
    if let Some(written) = file.written {
        out.set_times(FileTimes::new().set_modified(written))?;
    }
    out.sync_all()
}

/// A service under another user reads what the command line wrote.
fn open_to_others(folder: &Path) -> Result<(), OperatorError> {
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(folder, mode).map_err(|error| write_error(folder, error))?;
    }
    Ok(())
}

fn sync(folder: &Path) -> Result<(), OperatorError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| write_error(folder, error))
}

fn write_error(path: &Path, error: io::Error) -> OperatorError {
    OperatorError::Write {
        path: PathBuf::from(path),
        error,
    }
}
