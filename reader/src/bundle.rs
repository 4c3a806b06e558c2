//! The offline bundle at the counter: pulled when it can be, verified, kept, never gone back behind.
//!
//! Nothing here stands between a phone and its verdict: a transaction is judged by the bundle that was
//! at hand when it began, and pulling goes on beside it or before it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mdoc::crypto::HashAlgorithm;
use operator::{BundleStore, OperatorError};
use relying_party::bundle::{BundleError, BundleFacts, LoadedBundle, SignedBundle, age_words};
use relying_party::{Limits, PublicKey};

use crate::arguments::BundleFlags;
use crate::clock::Clock;
use crate::counter::StartError;
use crate::pull::{PullError, Pulled, Remote};
use crate::say;

/// Where bundles come from.
enum Source {
    Remote(Box<Remote>),
    File(PathBuf),
    /// Only what the store holds.
    None,
}

/// Why no newer bundle was taken. What is at hand stays.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TakeError {
    #[error("{0}")]
    Pull(#[from] PullError),
    #[error("{0}")]
    Operator(#[from] OperatorError),
    #[error("the bundle is refused: {0}")]
    Bundle(#[from] BundleError),
}

/// The bundles of a counter.
pub(crate) struct Bundles {
    source: Source,
    key: PublicKey,
    store: Option<BundleStore>,
    limits: Limits,
    clock: Clock,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// The newest that was ever verified here, and the hash of its file.
    newest: Option<(BundleFacts, [u8; 32])>,
    /// The newest that can be judged by.
    bundle: Option<Arc<LoadedBundle>>,
}

impl Bundles {
    /// What the flags name; `None` where they name no bundle. Reads the store, pulls nothing.
    pub(crate) fn load(
        flags: &BundleFlags,
        limits: Limits,
        clock: Clock,
    ) -> Result<Option<Self>, StartError> {
        let Some(key) = &flags.bundle_key else {
            return Ok(None);
        };
        let timeout = Duration::from_secs(flags.bundle_timeout);
        let source = match flags.bundle.as_deref() {
            None => Source::None,
            Some(url) if url.contains("://") => {
                let remote = Remote::new(url, flags.bundle_api_key_file.as_deref(), timeout)?;
                Source::Remote(Box::new(remote))
            }
            Some(file) => Source::File(file.into()),
        };
        check_flags(flags)?;
        let bundles = Self {
            source,
            key: operator::load_public_key(key)?,
            store: flags.bundle_store.as_deref().map(BundleStore::open).transpose()?,
            limits,
            clock,
            held: Mutex::default(),
        };
        bundles.read_store()?;
        Ok(Some(bundles))
    }

    fn read_store(&self) -> Result<(), OperatorError> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let stored = store.load(&self.key, self.clock.now())?;
        for words in stored.left_aside {
            say(&format!("warning: {words}"));
        }
        let newest = stored
            .newest
            .and_then(|facts| Some((facts, sha256(&store.bytes_of(facts.number)?))));
        let mut held = self.lock();
        held.newest = newest;
        held.bundle = stored
            .bundle
            .map(|bundle| Arc::new(bundle.with_limits(self.limits)));
        Ok(())
    }

    /// The bundle to judge by, if there is one.
    pub(crate) fn bundle(&self) -> Option<Arc<LoadedBundle>> {
        self.lock().bundle.clone()
    }

    /// Gets a newer bundle, if there is one and it can be reached, and says what came of it.
    pub(crate) fn pull(&self) {
        match self.try_pull() {
            Ok(Some(facts)) => say(&format!("bundle {} of {} was taken", facts.number, facts.created)),
            Ok(None) => {}
            Err(error) => {
                let rest = match self.bundle() {
                    Some(bundle) => {
                        let facts = bundle.facts();
                        let [age, _] = age_words(facts.age(self.clock.now()));
                        format!("going on with bundle {}, {age} old", facts.number)
                    }
                    None => "there is none to judge by".to_owned(),
                };
                say(&format!("warning: no newer bundle: {error}; {rest}"));
            }
        }
    }

    /// As [`Self::pull`], for programs: the bundle that was taken, or none where there is no newer.
    pub(crate) fn try_pull(&self) -> Result<Option<BundleFacts>, TakeError> {
        let known = self.lock().newest.map(|(_, hash)| hash);
        let bytes = match &self.source {
            Source::None => return Ok(None),
            Source::File(path) => operator::read_bundle(path)?,
            Source::Remote(remote) => match remote.pull(known)? {
                Pulled::Unchanged => return Ok(None),
                Pulled::Bytes(bytes) => bytes,
            },
        };
        self.take(&bytes)
    }

    /// Takes a bundle that is newer than the one held. It is kept before it is used: what the counter
    /// judges by now, it still has after a restart.
    fn take(&self, bytes: &[u8]) -> Result<Option<BundleFacts>, TakeError> {
        let newest = self.lock().newest;
        let hash = sha256(bytes);
        if newest.is_some_and(|(_, known)| known == hash) && self.bundle().is_some() {
            return Ok(None);
        }
        let bundle = SignedBundle::decode(bytes)?.verify(&self.key)?;
        let facts = *bundle.facts();
        match newest {
            // The very file that is held, which could not be judged by so far.
            Some((_, known)) if known == hash => {}
            Some((held, _)) => facts.check_follows(&held)?,
            None => {}
        }
        let bundle = bundle.load(self.clock.now())?.with_limits(self.limits);
        if let Some(store) = &self.store {
            let before = newest.map(|(held, _)| held.number);
            store.keep(&self.key, (facts.number, bytes), before)?;
        }
        let mut held = self.lock();
        held.newest = Some((facts, hash));
        held.bundle = Some(Arc::new(bundle));
        Ok(Some(facts))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        // What is held is whole at every instant.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the flags say where a bundle is to come from, or to be kept.
pub(crate) fn check_flags(flags: &BundleFlags) -> Result<(), StartError> {
    match (flags.bundle.as_deref(), &flags.bundle_store) {
        (Some(source), None) if source.contains("://") => {
            Err("--bundle with a URL needs --bundle-store, a folder that keeps the last two")
        }
        (None, None) => Err("--bundle-key needs --bundle or --bundle-store"),
        _ => Ok(()),
    }
    .map_err(|words| StartError::Argument(words.to_owned()))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = HashAlgorithm::Sha256.digest(&[bytes]);
    digest.as_bytes().try_into().unwrap_or_default()
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
