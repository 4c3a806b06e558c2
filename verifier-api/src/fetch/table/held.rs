//! The form in which lists are kept, and what is told of them.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use mdoc::status::StatusToken;
use mdoc::time::UnixTime;

use crate::fetch::content::{Facts, size};
use crate::fetch::crls::Crls;
use crate::fetch::world::Used;
use crate::fetch::{FetchError, ListKind, Origin};

/// The list of an entry.
pub(in crate::fetch) struct HeldList {
    pub(in crate::fetch) body: Body,
    pub(in crate::fetch) content_type: Box<str>,
    pub(in crate::fetch) facts: Facts,
    pub(in crate::fetch) fetched_at: UnixTime,
}

/// In which form a list is held.
pub(in crate::fetch) enum Body {
    /// The parsed lists, which hold their bytes.
    Crl(Crls),
    /// The token as it came, and unfolded while it is in use.
    Status {
        bytes: Arc<[u8]>,
        inflated: Option<Inflated>,
    },
    /// As it came; its certificates stand in the trust snapshot.
    Vical(Arc<[u8]>),
}

pub(in crate::fetch) struct Inflated {
    pub(super) token: Arc<StatusToken>,
    pub(super) size: usize,
    pub(super) used: Used,
}

/// A list that is held, for whoever wants to list or export them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// Which kind of list.
    pub kind: ListKind,
    /// Where it came from.
    pub uri: String,
    /// Who named it.
    pub origin: Origin,
    /// When it was fetched.
    pub fetched_at: UnixTime,
    /// When it was made, by its own word.
    pub dated: UnixTime,
    /// Its last instant, or when the next one is due, by its own word.
    pub expires: Option<UnixTime>,
    /// Seconds after which to ask for a newer one, by its own word.
    pub time_to_live: Option<u64>,
    /// Entries of a status list or VICAL; of the other lists, how many are revoked.
    pub entries: u64,
    /// The list as it came.
    pub bytes: Arc<[u8]>,
    /// Whether it lies unfolded in memory.
    pub inflated: bool,
    /// Why the last attempt at a newer one failed, where it did.
    pub failure: Option<FetchError>,
}

/// Totals of a fetcher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Lists that were fetched and taken.
    pub fetched: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Lists that are held.
    pub held: usize,
    /// Their bytes as they came.
    pub kept_bytes: usize,
    /// Bytes of those that are unfolded.
    pub inflated_bytes: usize,
}

impl Body {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Crl(lists) => lists.len(),
            Self::Status { bytes, .. } | Self::Vical(bytes) => bytes.len(),
        }
    }

    /// The list as it came; of several CRLs the one that decides.
    pub(in crate::fetch) fn bytes(&self) -> Arc<[u8]> {
        match self {
            Self::Crl(lists) => lists
                .deciding()
                .map(|crl| crl.list.der())
                .unwrap_or_default()
                .into(),
            Self::Status { bytes, .. } | Self::Vical(bytes) => Arc::clone(bytes),
        }
    }
}

impl Inflated {
    pub(in crate::fetch) fn new(token: Arc<StatusToken>, bytes: usize, moment: u64) -> Self {
        Self {
            size: size(&token, bytes),
            token,
            used: Arc::new(AtomicU64::new(moment)),
        }
    }
}
