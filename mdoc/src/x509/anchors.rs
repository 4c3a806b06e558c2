//! Trust anchors: IACA roots and link certificates, found by the subject's exact name.

use std::collections::HashMap;

use super::Certificate;

/// A certificate that is trusted because the operator says so.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// The certificate.
    pub certificate: Certificate,
    /// The document types it vouches for; `None` for all.
    pub doc_types: Option<Vec<String>>,
    /// The document profile its documents are judged under, in place of their type's own.
    pub profile: Option<String>,
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
}

impl AnchorSet {
    /// Takes every candidate that is a root signed by itself or a link certificate signed by
    /// another candidate of its name that is a root. The others come back by their place in `candidates`.
    pub fn new(candidates: Vec<Anchor>) -> (Self, Vec<(usize, AnchorFault)>) {
        let mut faults = Vec::new();
        let self_signed: Vec<bool> = candidates
            .iter()
            .map(|candidate| {
                let certificate = &candidate.certificate;
                certificate
                    .public_key()
                    .is_some_and(|key| certificate.verify_signed_by(key).is_ok())
            })
            .collect();
        let mut roots: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for (index, candidate) in candidates.iter().enumerate() {
            if self_signed.get(index) == Some(&true) {
                roots
                    .entry(candidate.certificate.subject_der())
                    .or_default()
                    .push(index);
            }
        }
        let mut accepted = vec![false; candidates.len()];
        for (index, candidate) in candidates.iter().enumerate() {
            let certificate = &candidate.certificate;
            let same_name = || roots.get(certificate.issuer_der()).into_iter().flatten();
            let linked = || {
                same_name()
                    .filter_map(|root| candidates.get(*root)?.certificate.public_key())
                    .any(|key| certificate.verify_signed_by(key).is_ok())
            };
            let fault = if !certificate.is_self_issued() {
                Some(AnchorFault::NotSelfIssued)
            } else if self_signed.get(index) == Some(&true) || linked() {
                None
            } else {
                Some(AnchorFault::Signature)
            };
            match (fault, accepted.get_mut(index)) {
                (Some(fault), _) => faults.push((index, fault)),
                (None, Some(slot)) => *slot = true,
                (None, None) => {}
            }
        }
        drop(roots);
        let mut set = Self::default();
        for (candidate, accepted) in candidates.into_iter().zip(accepted) {
            if accepted {
                let subject = candidate.certificate.subject_der().to_vec();
                set.by_subject.entry(subject).or_default().push(set.anchors.len());
                set.hashes.push(candidate.certificate.sha256());
                set.anchors.push(candidate);
            }
        }
        (set, faults)
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
