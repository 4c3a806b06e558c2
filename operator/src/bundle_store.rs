//! The last two bundles that a counter took, in a folder of its own.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use relying_party::bundle::{BundleError, BundleFacts, LoadedBundle, SignedBundle};
use relying_party::{PublicKey, UnixTime};

use super::bundle::INCOMING;
use super::{OperatorError, read_bundle, write_file};

const ENDING: &str = ".bundle";
/// Files that are looked at. There are two, unless somebody else writes into the folder.
const MAX_LOOKED_AT: usize = 16;
/// After this a file that was never finished is given up.
const ABANDONED: Duration = Duration::from_secs(3600);
/// Held by whoever writes, so that no counter removes what another has just written.
const LOCK: &str = "lock";
/// The longest that one waits for another: to write a bundle takes seconds at the most.
const PATIENCE: Duration = Duration::from_secs(10);

/// A folder of bundles, each under its number. Counters of one machine may share it.
#[derive(Clone, Debug)]
pub struct BundleStore {
    directory: PathBuf,
}

/// What a store holds.
#[derive(Debug, Default)]
pub struct Stored {
    /// The newest bundle that the key's owner signed, whether or not it counts at the instant: no
    /// other may go back behind it.
    pub newest: Option<BundleFacts>,
    /// The bundle to judge by.
    pub bundle: Option<LoadedBundle>,
    /// Why files were left aside.
    pub left_aside: Vec<String>,
}

impl BundleStore {
    /// The store in this folder, which is made where it is not there.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(directory: &Path) -> Result<Self, OperatorError> {
        fs::create_dir_all(directory).map_err(|error| OperatorError::Write {
            path: directory.to_owned(),
            error,
        })?;
        Ok(Self {
            directory: directory.to_owned(),
        })
    }

    /// The newest bundle that holds at `now`. A file that is damaged or was signed by somebody else
    /// is left aside for the one before it; one that is only too old or too new for the clock is not,
    /// because that would go back.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn load(&self, key: &PublicKey, now: UnixTime) -> Result<Stored, OperatorError> {
        let mut stored = Stored::default();
        // Where nobody has written yet there is none, and none is made: reading changes nothing.
        let _lock = match File::open(self.directory.join(LOCK)) {
            Ok(file) => Some(self.locked(file, File::try_lock_shared)?),
            Err(_) => None,
        };
        for path in self.files()?.into_iter().rev().take(MAX_LOOKED_AT) {
            let mut left_aside = |fault: &dyn core::fmt::Display| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                stored.left_aside.push(format!("{name} is left aside: {fault}"));
            };
            let bytes = match read_bundle(&path) {
                Ok(bytes) => bytes,
                Err(error) => {
                    left_aside(&error);
                    continue;
                }
            };
            let bundle = match SignedBundle::decode(&bytes).and_then(|signed| signed.verify(key)) {
                Ok(bundle) if path == self.path(bundle.facts().number) => bundle,
                Ok(_) => {
                    left_aside(&"it lies under another number than its own");
                    continue;
                }
                Err(error) => {
                    left_aside(&error);
                    continue;
                }
            };
            if stored.newest.is_none() {
                stored.newest = Some(*bundle.facts());
            }
            match bundle.load(now) {
                Ok(bundle) => {
                    stored.bundle = Some(bundle);
                    break;
                }
                Err(error) => {
                    left_aside(&error);
                    if matches!(error, BundleError::Expired { .. } | BundleError::NotYet { .. }) {
                        break;
                    }
                }
            }
        }
        Ok(stored)
    }

    /// The bytes that are kept under this number.
    pub fn bytes_of(&self, number: u64) -> Option<Vec<u8>> {
        read_bundle(&self.path(number)).ok()
    }

    /// Keeps a bundle that this key's owner signed, and of the older ones of that key only the one that was held before it.
    /// What another counter on this folder has taken meanwhile stays: a newer bundle, and those of another key.
    ///
    /// # Errors
    /// It cannot be written, or another process is at work in the folder. What is there already stays.
    pub fn keep(
        &self,
        key: &PublicKey,
        (number, bytes): (u64, &[u8]),
        held: Option<u64>,
    ) -> Result<(), OperatorError> {
        let path = self.directory.join(LOCK);
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let file = file.map_err(|error| OperatorError::Write { path, error })?;
        let _lock = self.locked(file, File::try_lock)?;
        let own = self.path(number);
        write_file(&own, bytes)?;
        let signed = |path: &Path| {
            let bytes = read_bundle(path).ok()?;
            let signed = SignedBundle::decode(&bytes).ok()?;
            Some(signed.verify(key).is_ok())
        };
        let (mut older, mut newer) = (Vec::new(), Vec::new());
        for path in self.files()?.into_iter().filter(|path| *path != own) {
            match signed(&path) {
                Some(true) if path > own => newer.push(path),
                Some(true) => older.push(path),
                Some(false) => {}
                // One that stays is left aside or passed over the next time.
                None => drop(fs::remove_file(path)),
            }
        }
        // Two: this one, and the newest or, where this is the newest, the one before it.
        let held = held
            .map(|held| self.path(held))
            .filter(|held| older.contains(held));
        let other = newer.last().cloned().or(held).or_else(|| older.last().cloned());
        for path in older
            .into_iter()
            .chain(newer)
            .filter(|path| Some(path) != other.as_ref())
        {
            let _ = fs::remove_file(path);
        }
        self.remove_abandoned();
        Ok(())
    }

    /// Waits for the lock, and no longer than [`PATIENCE`].
    fn locked(
        &self,
        file: File,
        lock: impl Fn(&File) -> Result<(), TryLockError>,
    ) -> Result<File, OperatorError> {
        let until = Instant::now() + PATIENCE;
        loop {
            match lock(&file) {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => return Err(OperatorError::Busy(self.directory.clone())),
                // A file system that has no locks.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    return Ok(file);
                }
                Err(TryLockError::Error(error)) => {
                    let path = self.directory.join(LOCK);
                    return Err(OperatorError::Write { path, error });
                }
            }
        }
    }

    fn path(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{number:020}{ENDING}"))
    }

    /// The bundles by their numbers, the lowest first.
    fn files(&self) -> Result<Vec<PathBuf>, OperatorError> {
        let read = |error| OperatorError::Read {
            path: self.directory.clone(),
            error,
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(read)? {
            let entry = entry.map_err(read)?;
            let is_bundle = entry.file_name().to_str().is_some_and(|name| {
                let number = name.strip_suffix(ENDING);
                number.is_some_and(|n| n.len() == 20 && n.bytes().all(|byte| byte.is_ascii_digit()))
            });
            if is_bundle {
                paths.push(entry.path());
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// Removes what was never finished because a machine stopped.
    fn remove_abandoned(&self) {
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            let old = written.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > ABANDONED));
            if old && entry.file_name().to_string_lossy().starts_with(INCOMING) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}
