//! Chains that have been checked before. Holds only what does not depend on time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use crate::cose::MAX_CERTIFICATES;
use crate::crypto::HashAlgorithm;

use super::{PathError, PathSet};

/// Chains that are remembered. Issuers have few signers at a time.
const CAPACITY: usize = 256;

/// What a key covers: the profile's name, the longest chain, and one certificate more, so that a
/// chain that is too long never has the key of one that is not.
const KEY_ITEMS: usize = 1 + MAX_CERTIFICATES + 1;

/// Names a chain under a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChainKey([u8; 32]);

impl ChainKey {
    /// The hash of the profile's name and of every certificate, each behind its length.
    pub fn new(chain: &[&[u8]], profile: &str) -> Self {
        let mut lengths = [[0; 8]; KEY_ITEMS];
        let mut parts: [&[u8]; 2 * KEY_ITEMS] = [&[]; 2 * KEY_ITEMS];
        let items = || core::iter::once(profile.as_bytes()).chain(chain.iter().copied());
        for (length, item) in lengths.iter_mut().zip(items()) {
            *length = u64::try_from(item.len()).unwrap_or(u64::MAX).to_be_bytes();
        }
        let slots = parts.iter_mut().zip(
            lengths
                .iter()
                .zip(items())
                .flat_map(|(length, item)| [length, item]),
        );
        for (slot, part) in slots {
            *slot = part;
        }
        let digest = HashAlgorithm::Sha256.digest(&parts);
        Self(digest.as_bytes().first_chunk::<32>().copied().unwrap_or_default())
    }
}

/// A bounded memory of chains that led to an anchor. Belongs to one set of anchors and dies with it.
#[derive(Debug, Default)]
pub struct ChainCache {
    remembered: RwLock<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    paths: HashMap<ChainKey, Arc<PathSet>>,
    /// Oldest first.
    order: VecDeque<ChainKey>,
}

impl ChainCache {
    /// The paths of this chain: remembered, or built and then remembered. Failures are not kept.
    ///
    /// # Errors
    /// Those of `build`.
    pub fn get_or_build(
        &self,
        key: ChainKey,
        build: impl FnOnce() -> Result<PathSet, PathError>,
    ) -> Result<Arc<PathSet>, PathError> {
        let known = self
            .remembered
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .paths
            .get(&key)
            .cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let built = Arc::new(build()?);
        let mut remembered = self.remembered.write().unwrap_or_else(PoisonError::into_inner);
        if remembered.order.len() >= CAPACITY
            && let Some(oldest) = remembered.order.pop_front()
        {
            remembered.paths.remove(&oldest);
        }
        if remembered.paths.insert(key, Arc::clone(&built)).is_none() {
            remembered.order.push_back(key);
        }
        Ok(built)
    }

    /// Chains remembered now.
    pub fn len(&self) -> usize {
        self.remembered
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .paths
            .len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
