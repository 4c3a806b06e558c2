//! The last two bundles that a counter took, in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use relying_party::bundle::{BundleError, BundleFacts, LoadedBundle, SignedBundle};
use relying_party::{PublicKey, UnixTime};

use super::bundle::INCOMING;
use super::{OperatorError, read_bundle, write_file};

const ENDING: &str = ".bundle";
/// Files that are looked at. There are two, unless somebody else writes into the folder.
const MAX_LOOKED_AT: usize = 16;
/// After this a file that was never finished is given up.
const ABANDONED: Duration = Duration::from_secs(3600);

/// A folder of bundles, each under its number.
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

    /// Keeps a bundle that was verified, and of the others only the one that was held before it.
    ///
    /// # Errors
    /// It cannot be written. What is there already stays.
    pub fn keep(&self, number: u64, bytes: &[u8], held: Option<u64>) -> Result<(), OperatorError> {
        let own = self.path(number);
        write_file(&own, bytes)?;
        let held = held.map(|held| self.path(held));
        for path in self.files()? {
            if path != own && Some(&path) != held.as_ref() {
                // One that stays is left aside or passed over the next time.
                let _ = fs::remove_file(path);
            }
        }
        self.remove_abandoned();
        Ok(())
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
