//! The files that go into a bundle, the bundle's own file, and the key it is pinned to.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use relying_party::bundle::{Entry, MAX_BYTES, expiry_of};
use relying_party::profile;
use relying_party::purpose::READY_MADE;
use relying_party::{PublicKey, UnixTime};

use super::{DatedFile, MAX_PURPOSE_BYTES, OperatorError, purpose_paths, read_file, trust_files};

/// Bytes of a file with a public key.
const MAX_KEY_BYTES: u64 = 64 * 1024;

/// What a bundle made at `created` holds: the files of the trust directory and the purposes of the
/// other directory, each fetched when its file was last written; the ready-made purposes and the
/// document profiles of this version.
///
/// # Errors
/// A directory or file cannot be read.
pub fn bundle_entries(
    trust: Option<&Path>,
    purposes: Option<&Path>,
    created: UnixTime,
) -> Result<Vec<Entry>, OperatorError> {
    let mut entries = Vec::new();
    for (file, written) in trust.map(trust_files).transpose()?.unwrap_or_default() {
        entries.push(entry((file, written), created));
    }
    for path in purposes.map(purpose_paths).transpose()?.unwrap_or_default() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let written = fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
        entries.push(Entry {
            name: format!("purposes/{name}"),
            fetched: fetched(written, created),
            expires: None,
            content: read_file(&path, MAX_PURPOSE_BYTES)?,
        });
    }
    let own = |folder: &str, (name, text): &(&str, &str)| Entry {
        name: format!("{folder}/{name}.toml"),
        fetched: created,
        expires: None,
        content: text.as_bytes().to_vec(),
    };
    entries.extend(READY_MADE.iter().map(|named| own("purposes", named)));
    entries.extend(profile::BUILT_IN.iter().map(|named| own("profiles", named)));
    Ok(entries)
}

fn entry((file, written): DatedFile, created: UnixTime) -> Entry {
    Entry {
        expires: expiry_of(&file.name, &file.bytes),
        name: file.name,
        fetched: fetched(written, created),
        content: file.bytes,
    }
}

/// The instant of a file, not after that of the bundle: a file that was copied from a machine with
/// another clock is no younger than the bundle it is put into.
fn fetched(written: Option<SystemTime>, created: UnixTime) -> UnixTime {
    let written = written
        .and_then(|written| written.duration_since(UNIX_EPOCH).ok())
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .and_then(UnixTime::from_seconds);
    written.map_or(created, |written| written.min(created))
}

/// Reads the file of a bundle, of at most [`MAX_BYTES`].
///
/// # Errors
/// It cannot be read, or is larger.
pub fn read_bundle(path: &Path) -> Result<Vec<u8>, OperatorError> {
    read_file(path, u64::try_from(MAX_BYTES).unwrap_or(u64::MAX))
}

/// Reads the public key that bundles are verified with: SubjectPublicKeyInfo in PEM or DER.
///
/// # Errors
/// The file cannot be read or holds none.
pub fn load_public_key(path: &Path) -> Result<PublicKey, OperatorError> {
    PublicKey::from_spki(&read_file(path, MAX_KEY_BYTES)?).map_err(|error| OperatorError::Key {
        path: path.to_owned(),
        error,
    })
}

/// Writes a file as a whole: whoever reads it meets the old content or the new, also where the
/// machine stops in between. Others may read it.
///
/// # Errors
/// It cannot be written.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), OperatorError> {
    let write = |error| write_error(path, error);
    let mut incoming = tempfile::Builder::new();
    incoming.prefix(INCOMING);
    // As far as the process lets others read what it makes.
    #[cfg(unix)]
    incoming.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = incoming.tempfile_in(folder_of(path)).map_err(write)?;
    file.write_all(bytes).map_err(write)?;
    file.as_file().sync_all().map_err(write)?;
    file.persist(path).map_err(|error| write(error.error))?;
    sync_folder(path);
    Ok(())
}

/// Writes a file that only its owner may read, and never over another.
///
/// # Errors
/// It cannot be written, or there is a file of the name.
pub fn write_new_private_file(path: &Path, bytes: &[u8]) -> Result<(), OperatorError> {
    let mut incoming = tempfile::Builder::new();
    incoming.prefix(INCOMING);
    write_new(path, bytes, &incoming)
}

/// Writes a file that others may read, and never over another.
///
/// # Errors
/// It cannot be written, or there is a file of the name.
pub fn write_new_file(path: &Path, bytes: &[u8]) -> Result<(), OperatorError> {
    let mut incoming = tempfile::Builder::new();
    incoming.prefix(INCOMING);
    // As far as the process lets others read what it makes.
    #[cfg(unix)]
    incoming.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    write_new(path, bytes, &incoming)
}

fn write_new(path: &Path, bytes: &[u8], incoming: &tempfile::Builder<'_, '_>) -> Result<(), OperatorError> {
    let write = |error| write_error(path, error);
    let mut file = incoming.tempfile_in(folder_of(path)).map_err(write)?;
    file.write_all(bytes).map_err(write)?;
    file.as_file().sync_all().map_err(write)?;
    file.persist_noclobber(path).map_err(|error| write(error.error))?;
    sync_folder(path);
    Ok(())
}

fn write_error(path: &Path, error: std::io::Error) -> OperatorError {
    OperatorError::Write {
        path: path.to_owned(),
        error,
    }
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or_else(|| Path::new("."))
}

/// The name is on the disk only with its folder; where that cannot be opened, the file still is.
fn sync_folder(path: &Path) {
    if let Ok(folder) = fs::File::open(folder_of(path)) {
        let _ = folder.sync_all();
    }
}

/// What the names of files begin with that are still being written.
pub(super) const INCOMING: &str = ".incoming-";

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_file_counts_as_fetched_when_it_was_written_and_never_later_than_the_bundle() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("crls")).unwrap();
        let path = folder.path().join("crls/own.crl");
        let fetched_of = |written: u64| {
            fs::write(&path, "any").unwrap();
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(written))
                .unwrap();
            let created = UnixTime::from_seconds(1_000_000).unwrap();
            let entries = bundle_entries(Some(folder.path()), None, created).unwrap();
            let entry = entries.iter().find(|entry| entry.name == "crls/own.crl");
            entry.unwrap().fetched.seconds()
        };
        assert_eq!(fetched_of(990_000), 990_000);
        assert_eq!(fetched_of(1_000_000), 1_000_000);
        assert_eq!(fetched_of(1_000_001), 1_000_000);
    }
}
