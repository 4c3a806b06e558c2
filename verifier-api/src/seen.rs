//! Records seen before, in the memory of this process: a random key and a bounded store, both gone
//! with it. Each process has its own, so of several nodes each remembers what it saw itself.

use core::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use relying_party::Verdict;
use relying_party::seen::{MemoryStore, SeenKeys, check, is_due};
use zeroize::Zeroizing;

/// Records that are remembered at once, in some 30 MB. A counter that sees one a second for a month
/// would need 26 times as many; nothing is lost but that the first are taken for new again.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(100_000).expect("invariant: not zero");

/// What this process has seen.
pub(crate) struct Seen {
    keys: SeenKeys,
    store: Mutex<MemoryStore>,
}

impl Seen {
    /// Nothing yet, under a key of its own.
    pub(crate) fn new() -> Self {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut key[..]).expect("invariant: the system has a random source");
        Self {
            keys: SeenKeys::new(&key),
            store: Mutex::new(MemoryStore::new(CAPACITY)),
        }
    }

    /// Looks and records, where the verdict waits for it.
    pub(crate) fn check(&self, verdict: &mut Verdict<'_>) {
        if !is_due(verdict) {
            return;
        }
        // What another thread left behind is whole: a tag is there or not.
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        check(verdict, &mut *store, &self.keys);
    }
}
