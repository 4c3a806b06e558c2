//! The CRLs of one URI. Over http anybody on the way can put another list in its place, so none takes the place of another
//! before somebody is known to have signed it: the key of an anchor, or one that a document led to. Until then both count, each
//! for the documents under whose issuer's key it verifies.

use std::sync::Arc;

use mdoc::time::UnixTime;
use mdoc::x509::RevocationList;
use relying_party::TrustSnapshot;

use super::FetchError;
use super::content::Facts;

/// Lists of one URI whose signers are known: two while an issuer changes its key.
const MOST_KNOWN: usize = 2;
/// Lists of one URI of which nobody knows yet who signed them: the first that came, and the last.
const MOST_UNKNOWN: usize = 2;

/// A CRL that came from a URI.
#[derive(Clone)]
pub(super) struct Crl {
    pub(super) list: Arc<RevocationList>,
    pub(super) facts: Facts,
    pub(super) fetched_at: UnixTime,
    /// Which of the files of the URI holds it.
    pub(super) slot: u8,
}

/// The lists of one URI, in the order in which they came.
#[derive(Clone, Default)]
pub(super) struct Crls(Vec<Crl>);

impl Crl {
    /// Whether somebody is known to have signed it.
    fn is_known(&self) -> bool {
        self.list.known_signer().is_some()
    }

    fn is_of_key_of(&self, other: &Self) -> bool {
        self.list.issuer_der() == other.list.issuer_der()
            && self.list.authority_key_identifier() == other.list.authority_key_identifier()
    }
}

impl Crls {
    /// Files that the lists of one URI can be in: one more than there are lists, so that one can come before another goes.
    pub(super) const SLOTS: u8 = 5;

    /// What the disk held of one URI.
    pub(super) fn restored(mut lists: Vec<Crl>) -> Self {
        lists.sort_by_key(|crl| crl.fetched_at);
        Self(lists)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Crl> {
        self.0.iter()
    }

    /// Bytes of all of them.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|crl| crl.list.der().len()).sum()
    }

    /// The one to tell of: the youngest whose signer is known, else the one that came last.
    pub(super) fn deciding(&self) -> Option<&Crl> {
        let known = self.0.iter().filter(|crl| crl.is_known());
        known.max_by_key(|crl| crl.facts.dated).or_else(|| self.0.last())
    }

    /// Takes a list that came: in the place of the one before it of the same issuer and key where it is known who signed
    /// it, else beside those that are there. Returns what to write down, and the slots that were freed.
    ///
    /// # Errors
    /// It is older than the one whose place it would take.
    pub(super) fn admit(
        &mut self,
        list: &Arc<RevocationList>,
        (facts, fetched_at): (Facts, UnixTime),
        trust: &TrustSnapshot,
    ) -> Result<(Crl, Vec<u8>), FetchError> {
        for crl in &self.0 {
            // What is told by an anchor's key is known from now on; a list from disk was not asked yet.
            let _known = trust.signed_by_anchor(&crl.list);
        }
        if let Some(place) = self.0.iter().position(|crl| crl.list.der() == list.der()) {
            // The same again: what was found out about it stays with it.
            let mut same = self.0.remove(place);
            same.fetched_at = fetched_at;
            let before = self.slots();
            if same.is_known() {
                self.0.retain(Crl::is_known);
            }
            let freed = self.not_among(before);
            self.0.push(same.clone());
            return Ok((same, freed));
        }
        let mut new = Crl {
            list: Arc::clone(list),
            facts,
            fetched_at,
            slot: 0,
        };
        let _known = trust.signed_by_anchor(list);
        for crl in &self.0 {
            // Who signed a list signs the next one.
            if crl.list.issuer_der() == list.issuer_der()
                && let Some(key) = crl.list.known_signer()
            {
                list.is_signed_by(&key);
            }
        }
        let before = self.slots();
        let mut given_up = None;
        if new.is_known() {
            let of_key = |crl: &Crl| crl.is_known() && crl.is_of_key_of(&new);
            if self
                .0
                .iter()
                .any(|crl| of_key(crl) && facts.dated < crl.facts.dated)
            {
                return Err(FetchError::Older);
            }
            given_up = self.0.iter().find(|crl| of_key(crl)).map(|crl| crl.slot);
            self.0.retain(|crl| crl.is_known() && !of_key(crl));
            while self.0.len() >= MOST_KNOWN {
                self.0.remove(0);
            }
        } else {
            let unknown: Vec<usize> = (0..self.0.len())
                .filter(|place| self.0.get(*place).is_some_and(|crl| !crl.is_known()))
                .collect();
            if unknown.len() >= MOST_UNKNOWN
                && let Some(last) = unknown.last()
            {
                given_up = Some(self.0.remove(*last).slot);
            }
        }
        // The file of the list that gives way is exchanged at one instant.
        let free = |slot: &u8| !before.contains(slot);
        new.slot = given_up
            .or_else(|| (0..Self::SLOTS).find(free))
            .unwrap_or(Self::SLOTS - 1);
        self.0.push(new.clone());
        Ok((new, self.not_among(before)))
    }

    fn slots(&self) -> Vec<u8> {
        self.0.iter().map(|crl| crl.slot).collect()
    }

    /// Those of these slots that hold no list any more.
    fn not_among(&self, mut slots: Vec<u8>) -> Vec<u8> {
        slots.retain(|slot| self.0.iter().all(|crl| crl.slot != *slot));
        slots
    }
}
