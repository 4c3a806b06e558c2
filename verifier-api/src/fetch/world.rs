//! What a request is judged by at one moment: the trust snapshot and all evidence at hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use mdoc::evidence::Evidence;
use relying_party::TrustSnapshot;
use rpds::HashTrieMapSync;

/// Never changed once it is made: a refresh puts another in its place, and whoever judges by this one goes on with it.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) trust: Arc<TrustSnapshot>,
    pub(super) evidence: Evidence,
    /// When each inflated list was last named by a document, for the choice of those that give way.
    pub(super) used: HashTrieMapSync<String, Used>,
    pub(super) started: Instant,
}

/// A moment in microseconds since the start; shared by all worlds that hold the list.
pub(super) type Used = Arc<AtomicU64>;

impl World {
    /// The world of files alone.
    pub fn new(trust: TrustSnapshot) -> Self {
        Self {
            evidence: trust.evidence().clone(),
            trust: Arc::new(trust),
            used: HashTrieMapSync::new_sync(),
            started: Instant::now(),
        }
    }

    /// Whom to trust.
    pub fn trust(&self) -> &TrustSnapshot {
        &self.trust
    }

    /// The evidence at hand: that of the trust snapshot's files and what was fetched.
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Remembers that these lists are in use. Takes no lock.
    pub fn note_use(&self, named: &[String]) {
        for uri in named {
            if let Some(used) = self.used.get(uri) {
                used.store(self.moment(), Ordering::Relaxed);
            }
        }
    }

    /// Whether this world holds other evidence than `other` of the list `uri`, or of the CRLs of these issuers.
    pub(super) fn differs(&self, other: &Self, uri: &str, issuers: &[Vec<u8>]) -> bool {
        fn same<T>(own: &[Arc<T>], other: &[Arc<T>]) -> bool {
            own.len() == other.len() && own.iter().zip(other).all(|(own, other)| Arc::ptr_eq(own, other))
        }
        let (own, other) = (&self.evidence, &other.evidence);
        let mut issuers = issuers.iter();
        issuers.any(|issuer| !same(own.crls_of(issuer), other.crls_of(issuer)))
            || !same(own.tokens_of(uri), other.tokens_of(uri))
    }

    pub(super) fn moment(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}
