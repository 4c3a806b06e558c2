//! Reads an operator's files into bytes for the pure crates: purposes, limits and trust
//! directories, bundles; keeps the trust that is in force in a state directory. Makes no decisions. Holds what both programs
//! share: findings, and the keys of a file.

mod bundle;
mod bundle_store;
mod finding;
mod keys;
mod trust_state;

pub use bundle::{
    bundle_entries, load_public_key, read_bundle, write_file, write_new_file, write_new_private_file,
};
pub use bundle_store::{BundleStore, Stored};
pub use finding::{Finding, Severity, exit_status, plain_text, summary};
pub use keys::{KeyHash, Keys, bearer_token};
pub use trust_state::{
    Change, DatedTrustFile, KEPT_SNAPSHOTS, LockedTrustState, TrustAction, TrustPointer, TrustRecord,
    TrustState, TrustStateError, undated,
};

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use relying_party::purpose::{Purpose, PurposeError, READY_MADE, ready_made};
use relying_party::{
    Limits, LimitsError, PublicKeyFileError, TrustError, TrustFile, TrustSnapshot, limits_from_toml,
};

/// The folders of a trust directory.
const FOLDERS: [&str; 4] = ["anchors", "crls", "status", "vicals"];
/// Files in a trust directory; more is a mistake, such as the root of a disk.
const MAX_FILES: usize = 100_000;
/// Bytes of one file in a trust directory.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of a purpose or of limits.
const MAX_PURPOSE_BYTES: u64 = 1024 * 1024;

/// A file, and when it was last written.
type DatedFile = (TrustFile, Option<SystemTime>);

/// Why the operator's files cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file is larger than it may be.
    #[error("{} is larger than {limit} bytes", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// The bound.
        limit: u64,
    },
    /// More files than a trust directory may hold.
    #[error("{} holds more than {MAX_FILES} files", .0.display())]
    TooManyFiles(PathBuf),
    /// None of the folders of a trust directory is there.
    #[error("{} is no trust directory: it has none of the folders anchors, crls, status, vicals", .0.display())]
    NoTrustDirectory(PathBuf),
    /// A file of the trust directory is at fault.
    #[error("the trust directory: {0}")]
    Trust(#[from] TrustError),
    /// The purpose is at fault.
    #[error("{path}: {error}")]
    Purpose {
        /// The file or identifier.
        path: String,
        /// What is wrong.
        error: PurposeError,
    },
    /// The limits are at fault.
    #[error("{}: {error}", path.display())]
    Limits {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: LimitsError,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Another process is at work in a folder for longer than one waits.
    #[error("{} is locked by another process that does not let it go", .0.display())]
    Busy(PathBuf),
    /// A file holds no public key.
    #[error("{}: {error}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: PublicKeyFileError,
    },
    /// A file of keys is at fault.
    #[error("{}: {fault}", path.display())]
    Keys {
        /// The file.
        path: PathBuf,
        /// What is wrong, without anything of a key.
        fault: String,
    },
    /// A text file is not UTF-8.
    #[error("{} is not UTF-8 text", .0.display())]
    NotText(PathBuf),
    /// Neither a ready-made purpose nor a file.
    #[error("there is no purpose {name} and no file of that name; ready-made: {known}")]
    NoPurpose {
        /// What was asked for.
        name: String,
        /// The ready-made identifiers.
        known: String,
    },
}

/// Bytes of what is read into memory that need not grow: every secret.
const SHORT: u64 = 1024;

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// It cannot be read, or is larger.
pub fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, OperatorError> {
    let read = |error| OperatorError::Read {
        path: path.to_owned(),
        error,
    };
    let file = fs::File::open(path).map_err(read)?;
    // Room for all of a short file, so that a secret leaves no copies behind in memory that is given back.
    let room = limit.saturating_add(1).min(SHORT);
    let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or_default());
    // What is no plain file has no length to go by: the bound holds for what is read.
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(read)?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len <= limit) {
        Ok(bytes)
    } else {
        Err(OperatorError::TooLarge {
            path: path.to_owned(),
            limit,
        })
    }
}

/// Reads limits on messages: TOML with any of `message_bytes`, `cbor_depth`, `cbor_items`,
/// `documents`, `name_spaces`, `elements`.
///
/// # Errors
/// The file cannot be read or sets no limits.
pub fn load_limits(path: &Path) -> Result<Limits, OperatorError> {
    let text = String::from_utf8(read_file(path, MAX_PURPOSE_BYTES)?);
    let text = text.map_err(|_| OperatorError::NotText(path.to_owned()))?;
    limits_from_toml(&text).map_err(|error| OperatorError::Limits {
        path: path.to_owned(),
        error,
    })
}

/// The ready-made purpose of this identifier, or the TOML file of this name.
///
/// # Errors
/// There is neither, or the file is no purpose.
pub fn load_purpose(id_or_file: &str) -> Result<Purpose, OperatorError> {
    if let Some(purpose) = ready_made(id_or_file) {
        return Ok(purpose);
    }
    let path = Path::new(id_or_file);
    if !path.exists() {
        let known: Vec<&str> = READY_MADE.iter().map(|(id, _)| *id).collect();
        return Err(OperatorError::NoPurpose {
            name: id_or_file.to_owned(),
            known: known.join(", "),
        });
    }
    read_purpose(path)
}

fn read_purpose(path: &Path) -> Result<Purpose, OperatorError> {
    let fault = |error| OperatorError::Purpose {
        path: path.display().to_string(),
        error,
    };
    let text = String::from_utf8(read_file(path, MAX_PURPOSE_BYTES)?);
    let text = text.map_err(|_| fault(PurposeError::Toml("not UTF-8".to_owned())))?;
    Purpose::from_toml(&text).map_err(fault)
}

/// The purposes of a directory with the file of each: every `*.toml` in it, in the order of their
/// names. Other files, such as a note on the purposes, are passed over.
///
/// # Errors
/// The directory or a file cannot be read, or a file is no purpose.
pub fn load_purposes(directory: &Path) -> Result<Vec<(PathBuf, Purpose)>, OperatorError> {
    purpose_paths(directory)?
        .into_iter()
        .map(|path| read_purpose(&path).map(|purpose| (path, purpose)))
        .collect()
}

/// The files of purposes in a directory, in the order of their names.
fn purpose_paths(directory: &Path) -> Result<Vec<PathBuf>, OperatorError> {
    let read = |error| OperatorError::Read {
        path: directory.to_owned(),
        error,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(read)? {
        let path = entry.map_err(read)?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden || path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        if paths.len() >= MAX_FILES {
            return Err(OperatorError::TooManyFiles(directory.to_owned()));
        }
        paths.push(path);
    }
    paths.sort();
    Ok(paths)
}

/// Reads a trust directory into a snapshot.
///
/// # Errors
/// A file cannot be read or is at fault.
pub fn load_trust(directory: &Path) -> Result<TrustSnapshot, OperatorError> {
    Ok(TrustSnapshot::new(read_trust(directory)?)?)
}

/// The files of a trust directory, for whoever makes more than one snapshot of them.
///
/// # Errors
/// A file cannot be read, or there is none of the folders.
pub fn read_trust(directory: &Path) -> Result<Vec<TrustFile>, OperatorError> {
    let files = trust_files(directory)?;
    Ok(files.into_iter().map(|(file, _)| file).collect())
}

/// As [`read_trust`], each file with the instant at which it was last written.
///
/// # Errors
/// A file cannot be read, or there is none of the folders.
pub fn read_dated_trust(directory: &Path) -> Result<Vec<DatedTrustFile>, OperatorError> {
    let dated = |(file, written)| DatedTrustFile { file, written };
    Ok(trust_files(directory)?.into_iter().map(dated).collect())
}

/// The files of a trust directory, each with the instant at which it was last written, where the
/// system knows one.
fn trust_files(directory: &Path) -> Result<Vec<DatedFile>, OperatorError> {
    let mut files = Vec::new();
    let mut found = false;
    for folder in FOLDERS {
        let path = directory.join(folder);
        if path.is_dir() {
            found = true;
            read_folder(&path, folder, &mut files)?;
        }
    }
    if !found {
        fs::read_dir(directory).map_err(|error| OperatorError::Read {
            path: directory.to_owned(),
            error,
        })?;
        return Err(OperatorError::NoTrustDirectory(directory.to_owned()));
    }
    Ok(files)
}

/// The files of one folder; hidden ones, which editors and systems leave behind, are passed over.
fn read_folder(path: &Path, folder: &str, files: &mut Vec<DatedFile>) -> Result<(), OperatorError> {
    let read = |error| OperatorError::Read {
        path: path.to_owned(),
        error,
    };
    for entry in fs::read_dir(path).map_err(read)? {
        let entry = entry.map_err(read)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || entry.path().is_dir() {
            continue;
        }
        if files.len() >= MAX_FILES {
            return Err(OperatorError::TooManyFiles(path.to_owned()));
        }
        let written = fs::metadata(entry.path())
            .and_then(|metadata| metadata.modified())
            .ok();
        let bytes = read_file(&entry.path(), MAX_FILE_BYTES)?;
        let name = format!("{folder}/{name}");
        files.push((TrustFile { name, bytes }, written));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_come_by_identifier_and_by_file() {
        assert_eq!(load_purpose("age-20").unwrap().id(), "age-20");
        let error = load_purpose("age-21").unwrap_err().to_string();
        assert!(
            error.contains("age-21") && error.contains("identity-basic"),
            "{error}"
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("own.toml");
        fs::write(&file, READY_MADE[0].1.replace("\"age-20\"", "\"own\"")).unwrap();
        assert_eq!(load_purpose(file.to_str().unwrap()).unwrap().id(), "own");
        fs::write(&file, "id = 1").unwrap();
        let error = load_purpose(file.to_str().unwrap()).unwrap_err();
        assert!(matches!(error, OperatorError::Purpose { .. }), "{error}");
        fs::write(&file, [0xff]).unwrap();
        assert!(matches!(
            load_purpose(file.to_str().unwrap()),
            Err(OperatorError::Purpose { .. })
        ));
    }

    #[test]
    fn a_directory_of_purposes_is_read_in_the_order_of_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        for name in ["b", "a"] {
            let text = READY_MADE[0].1.replace("\"age-20\"", &format!("\"{name}\""));
            write(&format!("{name}.toml"), &text);
        }
        write("README.md", "about these");
        write(".hidden.toml", "no purpose");
        let purposes = load_purposes(folder.path()).unwrap();
        let ids: Vec<&str> = purposes.iter().map(|(_, purpose)| purpose.id()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(purposes[0].0, folder.path().join("a.toml"));
        write("c.toml", "no purpose");
        let error = load_purposes(folder.path()).unwrap_err();
        assert!(error.to_string().contains("c.toml"), "{error}");
        assert!(matches!(
            load_purposes(&folder.path().join("missing")),
            Err(OperatorError::Read { .. })
        ));
    }

    #[test]
    fn a_trust_directory_has_its_folders() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            load_trust(folder.path()),
            Err(OperatorError::NoTrustDirectory(_))
        ));
        assert!(matches!(
            load_trust(&folder.path().join("missing")),
            Err(OperatorError::Read { .. })
        ));
        fs::create_dir(folder.path().join("anchors")).unwrap();
        fs::write(folder.path().join("anchors/.hidden"), "").unwrap();
        assert_eq!(load_trust(folder.path()).unwrap().anchor_count(), 0);
        fs::write(folder.path().join("anchors/broken.pem"), "").unwrap();
        assert!(matches!(load_trust(folder.path()), Err(OperatorError::Trust(_))));
    }

    #[test]
    fn limits_are_read_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("limits.toml");
        fs::write(&file, "documents = 2").unwrap();
        assert_eq!(load_limits(&file).unwrap().documents, 2);
        fs::write(&file, "documents = 0").unwrap();
        assert!(matches!(load_limits(&file), Err(OperatorError::Limits { .. })));
        fs::write(&file, [0xff]).unwrap();
        assert!(matches!(load_limits(&file), Err(OperatorError::NotText(_))));
        assert!(matches!(
            load_limits(&folder.path().join("missing")),
            Err(OperatorError::Read { .. })
        ));
    }

    #[test]
    fn what_has_no_end_is_not_read_to_it() {
        assert!(matches!(
            read_file(Path::new("/dev/zero"), 1000),
            Err(OperatorError::TooLarge { limit: 1000, .. })
        ));
    }

    #[test]
    fn large_files_are_refused_before_they_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("large");
        fs::write(&file, [0; 100]).unwrap();
        assert!(read_file(&file, 100).is_ok());
        assert!(matches!(
            read_file(&file, 99),
            Err(OperatorError::TooLarge { limit: 99, .. })
        ));
    }
}
