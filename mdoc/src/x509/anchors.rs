//! Trust anchors: IACA roots and link certificates, found by the subject's exact name.

use std::collections::HashMap;
use std::sync::Arc;

use crate::crypto::PublicKey;

use super::path::key_identifiers_agree;
use super::{Certificate, TrustList};

/// Roots of one name whose keys are tried on one link certificate. Issuers have had two.
const MAX_TRIED_ROOTS: usize = 16;
/// Keys that follow on one another by link certificates, counted from one anchor.
const MAX_SUCCESSORS: usize = 16;

/// A certificate that is trusted because the operator says so, or a list that the operator trusts.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// The certificate.
    pub certificate: Certificate,
    /// The document types it vouches for; `None` for all.
    pub doc_types: Option<Vec<String>>,
    /// The document profile its documents are judged under, in place of their type's own.
    pub profile: Option<String>,
    /// The list it comes from, outside whose window it vouches for nothing.
    pub list: Option<Arc<TrustList>>,
}

impl Anchor {
    /// Whether the anchor vouches for documents of this type.
    pub fn vouches_for(&self, doc_type: &str) -> bool {
        self.doc_types
            .as_ref()
            .is_none_or(|types| types.iter().any(|known| known == doc_type))
    }
}

/// Why a certificate does not become an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorFault {
    /// Not self-issued: neither a root nor a link certificate.
    #[error("neither a root nor a link certificate")]
    NotSelfIssued,
    /// Signed neither by its own key nor by that of another root of the same name.
    #[error("the signature is neither its own nor that of another anchor of the same name")]
    Signature,
}

/// Anchors by subject. Finding one takes the same time among one and among ten thousand.
#[derive(Debug, Default)]
pub struct AnchorSet {
    anchors: Vec<Anchor>,
    /// SHA-256 of each anchor's certificate.
    hashes: Vec<[u8; 32]>,
    by_subject: HashMap<Vec<u8>, Vec<usize>>,
    by_hash: HashMap<[u8; 32], usize>,
    /// For an anchor that signed link certificates, these.
    successors: HashMap<usize, Vec<usize>>,
}

impl AnchorSet {
    /// Takes every candidate that is a root signed by itself or a link certificate signed by
    /// another candidate of its name that is a root. The others come back by their place in `candidates`.
    pub fn new(candidates: Vec<Anchor>) -> (Self, Vec<(usize, AnchorFault)>) {
        let hashes: Vec<[u8; 32]> = candidates.iter().map(|c| c.certificate.sha256()).collect();
        let signatures = signatures(&candidates, &hashes);
        let mut set = Self::default();
        let mut faults = Vec::new();
        // Link certificates and the key that signed each, by their places in the set.
        let mut links = Vec::new();
        let all = candidates.into_iter().zip(hashes).zip(signatures);
        for (index, ((candidate, hash), signature)) in all.enumerate() {
            let signature = match signature {
                Ok(signature) => signature,
                Err(fault) => {
                    faults.push((index, fault));
                    continue;
                }
            };
            let place = set.anchors.len();
            if let Signature::Link(key) = signature {
                links.push((place, key));
            }
            let subject = candidate.certificate.subject_der().to_vec();
            set.by_subject.entry(subject).or_default().push(place);
            set.by_hash.entry(hash).or_insert(place);
            set.hashes.push(hash);
            set.anchors.push(candidate);
        }
        set.successors = set.successors_by(&links);
        (set, faults)
    }

    /// For every anchor whose key signed link certificates, the places of these.
    fn successors_by(&self, links: &[(usize, PublicKey)]) -> HashMap<usize, Vec<usize>> {
        let mut successors: HashMap<usize, Vec<usize>> = HashMap::new();
        for (link, key) in links {
            let Some(certificate) = self.anchors.get(*link).map(|anchor| &anchor.certificate) else {
                continue;
            };
            let same_name = self.by_subject.get(certificate.subject_der());
            for place in same_name.into_iter().flatten() {
                let known = self.anchors.get(*place);
                let own = known.and_then(|anchor| anchor.certificate.public_key());
                if own != Some(key) {
                    continue;
                }
                let known = successors.entry(*place).or_default();
                let new_key = |place: &usize| self.anchors.get(*place)?.certificate.public_key();
                if known.len() < MAX_SUCCESSORS
                    && !known
                        .iter()
                        .any(|other| new_key(other) == certificate.public_key())
                {
                    known.push(*link);
                }
            }
        }
        successors
    }

    /// The key of the anchor with this SHA-256, and the keys that it handed over to by link
    /// certificates, directly or one after another: those that may sign the anchor's CRL.
    pub fn keys_of<'s>(&'s self, anchor_sha256: &[u8; 32]) -> impl Iterator<Item = &'s PublicKey> + use<'s> {
        let start = self.by_hash.get(anchor_sha256).copied();
        let key = |place: usize| self.anchors.get(place)?.certificate.public_key();
        let mut later: Vec<&PublicKey> = Vec::new();
        let mut due: Vec<usize> = start.into_iter().collect();
        let own = start.and_then(key);
        while let Some(place) = due.pop() {
            for link in self.successors.get(&place).into_iter().flatten() {
                let Some(key) = key(*link) else {
                    continue;
                };
                if own != Some(key) && !later.contains(&key) && later.len() < MAX_SUCCESSORS {
                    later.push(key);
                    due.push(*link);
                }
            }
        }
        own.into_iter().chain(later)
    }

    /// The anchors, in the order given.
    pub fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// The anchors with this subject, in the order given, each with its certificate's SHA-256.
    pub(super) fn with_subject(&self, subject_der: &[u8]) -> impl Iterator<Item = (&Anchor, &[u8; 32])> {
        let indices = self
            .by_subject
            .get(subject_der)
            .map(Vec::as_slice)
            .unwrap_or_default();
        indices
            .iter()
            .filter_map(|index| self.anchors.get(*index).zip(self.hashes.get(*index)))
    }

    /// The certificates of the keys that succeed an anchor's.
    pub(crate) fn successors_of(&self, _anchor: &[u8; 32]) -> impl Iterator<Item = &Certificate> {
        core::iter::empty()
    }

    /// Whether this very certificate is an anchor.
    pub(super) fn contains(&self, certificate: &Certificate) -> bool {
        self.with_subject(certificate.subject_der())
            .any(|(anchor, _)| anchor.certificate.der() == certificate.der())
    }
}

/// Whose signature makes a candidate an anchor.
#[derive(Clone)]
enum Signature {
    /// Its own.
    Root,
    /// That of a root of its name, with this key.
    Link(PublicKey),
}

/// The signature of each candidate. A certificate that stands in many lists is verified once.
fn signatures(candidates: &[Anchor], hashes: &[[u8; 32]]) -> Vec<Result<Signature, AnchorFault>> {
    let mut roots: HashMap<&[u8], Vec<&Certificate>> = HashMap::new();
    let mut self_signed: HashMap<&[u8; 32], bool> = HashMap::with_capacity(candidates.len());
    for (candidate, hash) in candidates.iter().zip(hashes) {
        let certificate = &candidate.certificate;
        self_signed.entry(hash).or_insert_with(|| {
            let key = certificate.public_key().filter(|_| certificate.is_self_issued());
            let holds = key.is_some_and(|key| certificate.verify_signed_by(key).is_ok());
            if holds {
                roots
                    .entry(certificate.subject_der())
                    .or_default()
                    .push(certificate);
            }
            holds
        });
    }
    let mut linked: HashMap<&[u8; 32], Option<PublicKey>> = HashMap::new();
    let signature = |(candidate, hash): (&Anchor, _)| {
        if !candidate.certificate.is_self_issued() {
            return Err(AnchorFault::NotSelfIssued);
        }
        if self_signed.get(hash) == Some(&true) {
            return Ok(Signature::Root);
        }
        let key = linked
            .entry(hash)
            .or_insert_with(|| linking_key(&candidate.certificate, &roots));
        key.clone().map(Signature::Link).ok_or(AnchorFault::Signature)
    };
    candidates.iter().zip(hashes).map(signature).collect()
}

/// The key of the root of the same name that signed this certificate.
fn linking_key(link: &Certificate, roots: &HashMap<&[u8], Vec<&Certificate>>) -> Option<PublicKey> {
    let same_name = roots.get(link.issuer_der()).into_iter().flatten();
    same_name
        .filter(|root| key_identifiers_agree(link, root))
        .take(MAX_TRIED_ROOTS)
        .filter_map(|root| root.public_key())
        .find(|key| link.verify_signed_by(key).is_ok())
        .cloned()
}
