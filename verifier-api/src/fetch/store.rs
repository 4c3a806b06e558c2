//! Lists on disk: a directory with one file each. A file is written beside its place, flushed, and renamed into it, so that
//! at any moment each list is there whole, the old one or the new one. What is not whole is removed when the directory is
//! opened.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use mdoc::time::UnixTime;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::ListKind;
use super::content::Facts;
use super::crls::Crls;

/// What a file begins with; another format gets another line.
const MAGIC: &[u8] = b"mdoc evidence 1\n";
/// The ending of a list, and of one that is being written.
const LIST: &str = "list";
const UNFINISHED: &str = "unfinished";
/// Held by the one process that uses the directory.
const LOCK: &str = "lock";
/// Bytes of a file: the longest list and what stands before it.
const MAX_FILE: u64 = 25 * 1024 * 1024;
/// Files that are read at the start.
const MAX_FILES: usize = 200_000;

/// Why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot be made, read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another process uses it.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
}

/// A list as it stands on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) kind: ListKind,
    pub(super) uri: String,
    pub(super) content_type: String,
    pub(super) fetched_at: UnixTime,
    pub(super) facts: Facts,
    /// Which of the files of its URI: CRLs have several.
    pub(super) slot: u8,
    pub(super) bytes: Arc<[u8]>,
}

/// The line before the list.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    kind: String,
    uri: String,
    content_type: String,
    fetched_at: i64,
    dated: i64,
    expires: Option<i64>,
    time_to_live: Option<u64>,
    entries: u64,
    #[serde(default)]
    slot: u8,
}

/// The directory, held by this process.
#[derive(Debug)]
pub(super) struct Store {
    directory: PathBuf,
    /// Gone once the directory was let go, which waits for whoever is writing.
    lock: RwLock<Option<File>>,
    number: AtomicU64,
}

/// Reads the lists of a directory that another process may be using, and changes nothing. What is damaged is left out.
///
/// # Errors
/// The directory cannot be read.
pub(super) fn read_all(directory: &Path) -> Result<Vec<Stored>, StoreError> {
    let fault = |error| StoreError::Io {
        path: directory.to_owned(),
        error,
    };
    let mut lists = Vec::new();
    for entry in fs::read_dir(directory).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        if path.extension().is_some_and(|ending| ending == LIST) && lists.len() < MAX_FILES {
            lists.extend(read(&path).ok());
        }
    }
    Ok(lists)
}

impl Store {
    /// Opens the directory, made where there is none, and reads what it holds. What is damaged is removed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) fn open(directory: &Path) -> Result<(Self, Vec<Stored>), StoreError> {
        let fault = |error| StoreError::Io {
            path: directory.to_owned(),
            error,
        };
        fs::create_dir_all(directory).map_err(fault)?;
        let lock = File::create(directory.join(LOCK)).map_err(fault)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(directory.to_owned())),
            Err(TryLockError::Error(error)) => return Err(fault(error)),
        }
        let store = Self {
            directory: directory.to_owned(),
            lock: RwLock::new(Some(lock)),
            number: AtomicU64::new(0),
        };
        let mut lists = Vec::new();
        for entry in fs::read_dir(directory).map_err(fault)? {
            let path = entry.map_err(fault)?.path();
            let ending = path.extension().and_then(|ending| ending.to_str());
            let found = match ending {
                Some(LIST) if lists.len() < MAX_FILES => read(&path),
                Some(LIST) => Err("more files than are read"),
                Some(UNFINISHED) => Err("not written to its end"),
                // Nothing of ours.
                _ => continue,
            };
            match found {
                Ok(stored) => lists.push(stored),
                Err(fault) => {
                    let file = path.file_name().unwrap_or_default().to_string_lossy();
                    tracing::warn!(file = %file, fault, "a damaged list was removed from the cache");
                    remove(&path);
                }
            }
        }
        Ok((store, lists))
    }

    /// Puts a list in its place, in that of an older one. Where this fails, or the process ends at any point of it, the
    /// older one stands.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn write(&self, stored: &Stored) -> io::Result<()> {
        let lock = self.lock.read().unwrap_or_else(PoisonError::into_inner);
        if lock.is_none() {
            return Err(io::Error::other("the directory was let go"));
        }
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.directory.join(format!("{number}.{UNFINISHED}"));
        let written = self.write_to(&unfinished, stored);
        if written.is_err() {
            remove(&unfinished);
        }
        written
    }

    fn write_to(&self, unfinished: &Path, stored: &Stored) -> io::Result<()> {
        let head = encode_head(stored)?;
        let mut file = File::create(unfinished)?;
        file.write_all(MAGIC)?;
        file.write_all(&digest(&head, &stored.bytes))?;
        file.write_all(&head)?;
        file.write_all(&stored.bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(
            unfinished,
            self.directory
                .join(file_name(stored.kind, &stored.uri, stored.slot)),
        )?;
        // The name is on disk only with its directory.
        File::open(&self.directory)?.sync_all()
    }

    /// Removes a list, all of it. Where this fails it is read again at the next start, and is still what it was.
    pub(super) fn remove(&self, kind: ListKind, uri: &str) {
        let slots = if kind == ListKind::Crl { Crls::SLOTS } else { 1 };
        (0..slots).for_each(|slot| self.remove_slot(kind, uri, slot));
    }

    /// As [`Self::remove`], one file of it.
    pub(super) fn remove_slot(&self, kind: ListKind, uri: &str, slot: u8) {
        remove(&self.directory.join(file_name(kind, uri, slot)));
    }

    /// Lets the directory go for another process; nothing is written from now on.
    pub(super) fn close(&self) {
        self.lock.write().unwrap_or_else(PoisonError::into_inner).take();
    }
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, "a file of the cache cannot be removed");
        }
        _ => {}
    }
}

/// The name says nothing and is the same for the same list.
fn file_name(kind: ListKind, uri: &str, slot: u8) -> String {
    let mut hasher = Sha256::new();
    hasher.update(kind.name());
    hasher.update([0]);
    hasher.update(uri);
    if slot > 0 {
        hasher.update([0, slot]);
    }
    let mut name = String::with_capacity(80);
    for byte in hasher.finalize() {
        use std::fmt::Write as _;
        // Writing to a text cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name + "." + LIST
}

fn encode_head(stored: &Stored) -> io::Result<Vec<u8>> {
    let head = Head {
        kind: stored.kind.name().to_owned(),
        uri: stored.uri.clone(),
        content_type: stored.content_type.clone(),
        fetched_at: stored.fetched_at.seconds(),
        dated: stored.facts.dated.seconds(),
        expires: stored.facts.expires.map(UnixTime::seconds),
        time_to_live: stored.facts.time_to_live,
        entries: stored.facts.entries,
        slot: stored.slot,
    };
    let mut line = serde_json::to_vec(&head)?;
    line.push(b'\n');
    Ok(line)
}

fn digest(head: &[u8], bytes: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(head);
    hasher.update(bytes);
    hasher.finalize().into()
}

/// Reads a file.
///
/// # Errors
/// What is damaged.
fn read(path: &Path) -> Result<Stored, &'static str> {
    let bytes = operator::read_file(path, MAX_FILE).map_err(|_| "it cannot be read, or is too long")?;
    let stored = decode(&bytes)?;
    let name = path.file_name().and_then(|name| name.to_str());
    if name == Some(&file_name(stored.kind, &stored.uri, stored.slot)) {
        Ok(stored)
    } else {
        Err("it stands in the place of another list")
    }
}

fn decode(file: &[u8]) -> Result<Stored, &'static str> {
    let rest = file.strip_prefix(MAGIC).ok_or("it does not begin like one")?;
    let (sum, content) = rest.split_first_chunk::<32>().ok_or("it ends too early")?;
    if Sha256::digest(content).as_slice() != sum {
        return Err("its content has another checksum");
    }
    let end = content
        .iter()
        .position(|byte| *byte == b'\n')
        .ok_or("it has no head")?;
    let (head, list) = content.split_at_checked(end + 1).ok_or("it has no head")?;
    let head: Head = serde_json::from_slice(head).map_err(|_| "its head is malformed")?;
    let instant = |seconds: i64| UnixTime::from_seconds(seconds).ok_or("its head has an impossible instant");
    Ok(Stored {
        kind: ListKind::by_name(&head.kind).ok_or("its head names no kind of list")?,
        uri: head.uri,
        content_type: head.content_type,
        fetched_at: instant(head.fetched_at)?,
        facts: Facts {
            dated: instant(head.dated)?,
            expires: head.expires.map(instant).transpose()?,
            time_to_live: head.time_to_live,
            entries: head.entries,
        },
        slot: head.slot,
        bytes: list.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(uri: &str, bytes: &[u8]) -> Stored {
        let at = |seconds| UnixTime::from_seconds(seconds).unwrap();
        Stored {
            kind: ListKind::Status,
            uri: uri.to_owned(),
            content_type: "application/statuslist+cwt".to_owned(),
            fetched_at: at(1000),
            facts: Facts {
                dated: at(900),
                expires: Some(at(2000)),
                time_to_live: None,
                entries: 8,
            },
            slot: 0,
            bytes: bytes.into(),
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let (store, found) = Store::open(folder.path()).unwrap();
        assert_eq!(found, []);
        store.write(&stored("https://a.example/", b"one")).unwrap();
        store.write(&stored("https://b.example/", b"\n\n")).unwrap();
        store.write(&stored("https://a.example/", b"two")).unwrap();
        drop(store);
        let (store, mut found) = Store::open(folder.path()).unwrap();
        found.sort_by(|left, right| left.uri.cmp(&right.uri));
        assert_eq!(
            found,
            [
                stored("https://a.example/", b"two"),
                stored("https://b.example/", b"\n\n")
            ]
        );
        store.remove(ListKind::Status, "https://a.example/");
        store.remove(ListKind::Crl, "https://b.example/");
        drop(store);
        let (_, found) = Store::open(folder.path()).unwrap();
        assert_eq!(found, [stored("https://b.example/", b"\n\n")]);
    }

    #[test]
    fn one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(folder.path()).unwrap();
        assert!(matches!(Store::open(folder.path()), Err(StoreError::InUse(_))));
        store.close();
        assert!(store.write(&stored("https://a.example/", b"late")).is_err());
        let (_, found) = Store::open(folder.path()).unwrap();
        assert_eq!(found, []);
    }

    #[test]
    fn a_directory_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(Store::open(&file), Err(StoreError::Io { .. })));
    }

    #[test]
    fn what_is_damaged_is_removed_and_the_rest_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(folder.path()).unwrap();
        store.write(&stored("https://whole.example/", b"whole")).unwrap();
        store
            .write(&stored("https://hurt.example/", b"list of some length"))
            .unwrap();
        drop(store);
        let path = folder
            .path()
            .join(file_name(ListKind::Status, "https://hurt.example/", 0));
        let file = fs::read(&path).unwrap();
        let check = |left: usize| {
            let (_, found) = Store::open(folder.path()).unwrap();
            let uris: Vec<&str> = found.iter().map(|stored| stored.uri.as_str()).collect();
            assert!(uris.contains(&"https://whole.example/"));
            assert_eq!(uris.len(), left);
            assert_eq!(path.exists(), left == 2);
        };
        check(2);
        // Cut off at every length, and with every byte changed.
        for length in 0..file.len() {
            fs::write(&path, &file[..length]).unwrap();
            check(1);
            let mut changed = file.clone();
            changed[length] ^= 1;
            fs::write(&path, &changed).unwrap();
            check(1);
        }
        fs::write(&path, [&file[..], b"x"].concat()).unwrap();
        check(1);
        // Whole, and in another's place.
        fs::write(
            &path,
            fs::read(
                folder
                    .path()
                    .join(file_name(ListKind::Status, "https://whole.example/", 0)),
            )
            .unwrap(),
        )
        .unwrap();
        check(1);
        fs::write(&path, &file).unwrap();
        check(2);
    }

    #[test]
    fn what_was_not_finished_is_removed_and_what_is_not_ours_stays() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("7.unfinished"), "half").unwrap();
        fs::write(folder.path().join("README"), "ours").unwrap();
        let (_, found) = Store::open(folder.path()).unwrap();
        assert_eq!(found, []);
        assert_eq!(names(folder.path()), ["README", "lock"]);
    }
}
