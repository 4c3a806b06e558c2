//! A state directory: the trust that is in force, in snapshots that are never changed once made.
//!
//! ```text
//! snapshots/HASH/   the files of a trust directory, under the hash of its snapshot
//! current           which of them is in force, since when, by whom, and which were before it
//! newest.json       the newest issue of each list that was ever in force
//! log.jsonl         one line for each change, never rewritten
//! lock              held by whoever changes
//! ```
//!
//! `current` is exchanged by one rename, and that is the change: whatever stops a change before it
//! leaves the snapshot before in force, whatever stops it after leaves the new one, and the line of
//! the log that is then missing is written by whoever changes next.

mod log;
mod snapshot;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use relying_party::{NewestLists, TrustFile, sha256_text};
use serde::{Deserialize, Serialize};

use super::{OperatorError, read_dated_trust, read_file, write_file};

pub use snapshot::DatedTrustFile;

const CURRENT: &str = "current";
const NEWEST: &str = "newest.json";
const LOG: &str = "log.jsonl";
const LOCK: &str = "lock";
const NEWEST_LOCK: &str = "newest.lock";
const SNAPSHOTS: &str = "snapshots";
/// Snapshots that are kept beside the one in force.
pub const KEPT_SNAPSHOTS: usize = 16;
const MAX_CURRENT_BYTES: u64 = 64 * 1024;
const MAX_NEWEST_BYTES: u64 = 64 * 1024 * 1024;

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustStateError {
    /// Somebody else changes it at this moment.
    #[error("another change of trust is at work in {}", .0.display())]
    Busy(PathBuf),
    /// A file or folder cannot be read or written.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// A file of its own is not what was written there.
    #[error("{} is damaged: {fault}", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
}

/// What happened to trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustAction {
    /// The trust directory was applied.
    Apply,
    /// It was applied and is what is in force already.
    Confirm,
    /// An earlier snapshot was put in force again.
    Rollback,
}

impl TrustAction {
    /// The word in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Confirm => "confirm",
            Self::Rollback => "rollback",
        }
    }
}

/// A line of the log: who changed trust, when, from what to what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustRecord {
    /// Its place, from 1.
    pub number: u64,
    /// What was done.
    pub action: TrustAction,
    /// By whom.
    pub who: String,
    /// When, in RFC 3339.
    pub at: String,
    /// The snapshot before, `sha256:…`; none at the first time.
    pub before: Option<String>,
    /// The snapshot after.
    pub after: String,
}

/// What is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustPointer {
    /// The change that put it in force.
    pub change: TrustRecord,
    /// The snapshots that were in force before it and are kept, the last one first.
    pub history: Vec<String>,
}

impl TrustPointer {
    /// The snapshot in force, `sha256:…`.
    pub fn snapshot(&self) -> &str {
        &self.change.after
    }
}

/// A change that was made.
#[derive(Debug)]
pub struct Change {
    /// What is in force now.
    pub pointer: TrustPointer,
    /// Whether the log has its line, or why not. Until it has, the pointer alone knows of the change, and nothing else can
    /// be changed.
    pub log: Result<(), TrustStateError>,
}

/// A state directory.
#[derive(Clone, Debug)]
pub struct TrustState {
    directory: PathBuf,
}

/// A state directory that nobody else changes.
#[derive(Debug)]
pub struct LockedTrustState<'s> {
    state: &'s TrustState,
    _lock: File,
}

impl TrustState {
    /// The directory of this name. Nothing is read or made yet.
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// Its place.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file that is exchanged when trust changes.
    pub fn current_file(&self) -> PathBuf {
        self.directory.join(CURRENT)
    }

    /// What is in force; none before the first change.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn current(&self) -> Result<Option<TrustPointer>, TrustStateError> {
        let path = self.current_file();
        let Some(bytes) = read_if_there(&path, MAX_CURRENT_BYTES)? else {
            return Ok(None);
        };
        let damaged = |fault: String| TrustStateError::Damaged {
            path: path.clone(),
            fault,
        };
        let pointer: TrustPointer =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        let change = &pointer.change;
        let hashes = pointer
            .history
            .iter()
            .chain(&change.before)
            .chain([&change.after]);
        for hash in hashes {
            // A hash becomes the name of a folder.
            snapshot::folder_name(hash)
                .ok_or_else(|| damaged("a snapshot is not named by its hash".to_owned()))?;
        }
        Ok(Some(pointer))
    }

    /// The files of a snapshot, each with the instant at which it was last written. Whether they are
    /// those that the hash names is for the caller to see: it is the hash of the snapshot they make.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn files(&self, hash: &str) -> Result<Vec<DatedTrustFile>, TrustStateError> {
        let folder = self.folder(hash)?;
        Ok(read_dated_trust(&folder)?)
    }

    /// The folder of a snapshot, which is a trust directory.
    ///
    /// # Errors
    /// The text is no hash.
    pub fn folder(&self, hash: &str) -> Result<PathBuf, TrustStateError> {
        let name = snapshot::folder_name(hash).ok_or_else(|| TrustStateError::Damaged {
            path: self.directory.join(SNAPSHOTS),
            fault: "a snapshot is named sha256: and 64 hexadecimal digits".to_owned(),
        })?;
        Ok(self.directory.join(SNAPSHOTS).join(name))
    }

    /// The newest issue of each list that was ever in force.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn newest(&self) -> Result<NewestLists, TrustStateError> {
        let path = self.directory.join(NEWEST);
        match read_if_there(&path, MAX_NEWEST_BYTES)? {
            None => Ok(NewestLists::default()),
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| TrustStateError::Damaged {
                path,
                fault: error.to_string(),
            }),
        }
    }

    /// Remembers lists as in force: nothing goes back behind them from now on.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn remember(&self, lists: &NewestLists) -> Result<(), TrustStateError> {
        let adds = |known: &NewestLists| {
            let mut merged = known.clone();
            merged.merge(lists);
            (merged != *known).then_some(merged)
        };
        if adds(&self.newest()?).is_none() {
            return Ok(());
        }
        self.make()?;
        let lock = self.open_lock(NEWEST_LOCK)?;
        lock.lock().map_err(|error| self.write_error(error))?;
        if let Some(merged) = adds(&self.newest()?) {
            write_file(&self.directory.join(NEWEST), &to_json(&merged))?;
        }
        Ok(())
    }

    /// The last changes, the latest first, as far as they stand in the last part of the log.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn last_changes(&self) -> Result<Vec<TrustRecord>, TrustStateError> {
        let mut changes = log::tail(&self.directory.join(LOG))?;
        let current = self.current()?.map(|pointer| pointer.change);
        if let Some(current) =
            current.filter(|current| changes.last().is_none_or(|l| l.number < current.number))
        {
            changes.push(current);
        }
        changes.reverse();
        Ok(changes)
    }

    /// Writes the line that the log lacks, if it lacks one; whether it did. Where somebody changes trust at this moment, it
    /// is theirs to write.
    ///
    /// # Errors
    /// The log cannot be read or written.
    pub fn catch_up(&self) -> Result<bool, TrustStateError> {
        let last = log::last_number(&self.directory.join(LOG))?;
        if self
            .current()?
            .is_none_or(|pointer| pointer.change.number <= last)
        {
            return Ok(false);
        }
        match self.lock() {
            Ok(_locked) => Ok(true),
            Err(TrustStateError::Busy(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes the directory for a change; it is made where it is not there. What an interrupted change
    /// left behind is settled first.
    ///
    /// # Errors
    /// [`TrustStateError::Busy`] while somebody else has it; or it cannot be used.
    pub fn lock(&self) -> Result<LockedTrustState<'_>, TrustStateError> {
        self.make()?;
        let lock = self.open_lock(LOCK)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(TrustStateError::Busy(self.directory.clone())),
            Err(TryLockError::Error(error)) => return Err(self.write_error(error).into()),
        }
        let locked = LockedTrustState {
            state: self,
            _lock: lock,
        };
        locked.settle()?;
        Ok(locked)
    }

    fn make(&self) -> Result<(), OperatorError> {
        fs::create_dir_all(self.directory.join(SNAPSHOTS)).map_err(|error| self.write_error(error))
    }

    fn open_lock(&self, name: &str) -> Result<File, OperatorError> {
        File::create(self.directory.join(name)).map_err(|error| self.write_error(error))
    }

    fn write_error(&self, error: io::Error) -> OperatorError {
        OperatorError::Write {
            path: self.directory.clone(),
            error,
        }
    }
}

impl LockedTrustState<'_> {
    /// Puts files in force as the snapshot of this hash. When this returns without an error they are; the log may then
    /// still lack its line, which [`Change::log`] says. After an error whatever was in force still is.
    ///
    /// # Errors
    /// Something cannot be written.
    pub fn put_in_force(
        &self,
        files: &[DatedTrustFile],
        hash: &[u8; 32],
        (action, who, at): (TrustAction, &str, &str),
    ) -> Result<Change, TrustStateError> {
        let state = self.state;
        let before = state.current()?;
        // Found out while nothing has changed yet, where it can be.
        log::check_writable(&state.directory.join(LOG))?;
        let hash = sha256_text(hash);
        snapshot::write(&state.directory.join(SNAPSHOTS), &state.folder(&hash)?, files)?;
        let mut history = before
            .as_ref()
            .map(|before| before.history.clone())
            .unwrap_or_default();
        let before_hash = before.as_ref().map(|before| before.snapshot().to_owned());
        history.retain(|known| *known != hash);
        if let Some(before) = before_hash.clone().filter(|before| *before != hash) {
            history.retain(|known| *known != before);
            history.insert(0, before);
        }
        history.truncate(KEPT_SNAPSHOTS);
        let last = match &before {
            Some(before) => before.change.number,
            // Somebody removed the pointer; the log still counts on.
            None => log::last_number(&state.directory.join(LOG))?,
        };
        let pointer = TrustPointer {
            change: TrustRecord {
                number: last.saturating_add(1),
                action,
                who: who.to_owned(),
                at: at.to_owned(),
                before: before_hash,
                after: hash,
            },
            history,
        };
        write_file(&state.current_file(), &to_json(&pointer))?;
        // That was the change. What fails from here on takes nothing of it back.
        let log = self.settle();
        Ok(Change { pointer, log })
    }

    /// Writes the line that the log lacks, if it lacks one, and removes what nothing points at.
    fn settle(&self) -> Result<(), TrustStateError> {
        let state = self.state;
        let Some(pointer) = state.current()? else {
            return Ok(());
        };
        let log = state.directory.join(LOG);
        if log::last_number(&log)? < pointer.change.number {
            log::append(&log, &pointer.change)?;
        }
        let kept = pointer
            .history
            .iter()
            .map(String::as_str)
            .chain([pointer.snapshot()]);
        snapshot::remove_all_but(&state.directory.join(SNAPSHOTS), kept);
        Ok(())
    }
}

/// The files without their instants.
pub fn undated(files: &[DatedTrustFile]) -> Vec<TrustFile> {
    files.iter().map(|dated| dated.file.clone()).collect()
}

fn read_if_there(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, OperatorError> {
    match read_file(path, limit) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(OperatorError::Read { error, .. }) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("invariant: texts and numbers are JSON")
}

#[cfg(test)]
mod tests;
