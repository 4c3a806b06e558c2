//! The chain of one who signs lists: VICALs, status lists, identifier lists. Whose word it is
//! under depends on the list, so that the top is judged by the caller's authority.

use crate::cose::MAX_CERTIFICATES;
use crate::crypto::PublicKey;
use crate::evidence::Evidence;
use crate::time::UnixTime;

use super::path::{check_order, parse, validity};
use super::{
    Certificate, CertificateRole, CertificateRule, CrlEffect, Deviation, IssuerCertificateProfile, PathError,
    SelectError, Validity,
};

/// A signer's certificate and the authorities above it, each signed by the next. Says nothing of
/// whether anybody trusts the last.
#[derive(Clone, Debug)]
pub struct SignerChain {
    leaf: Certificate,
    authorities: Vec<Certificate>,
    role: CertificateRole,
    deviations: Vec<(usize, Deviation)>,
}

impl SignerChain {
    /// Reads `chain`, the signer's certificate first, checks its order and every signature inside
    /// it, and holds the signer against the profile of `role`.
    ///
    /// # Errors
    /// [`PathError`]. Broken rules of a profile are no error; see [`Self::judge`].
    pub fn new(
        chain: &[&[u8]],
        role: CertificateRole,
        profile: &IssuerCertificateProfile,
    ) -> Result<Self, PathError> {
        if chain.len() > MAX_CERTIFICATES {
            return Err(PathError::TooManyCertificates(chain.len()));
        }
        let mut certificates = parse(chain)?.into_iter();
        let leaf = certificates.next().ok_or(PathError::Empty)?;
        let authorities: Vec<Certificate> = certificates.collect();
        check_order(&leaf, &authorities.iter().collect::<Vec<_>>())?;
        let mut last = &leaf;
        for authority in &authorities {
            let key = authority.public_key().ok_or(PathError::Signature)?;
            last.verify_signed_by(key).map_err(|_| PathError::Signature)?;
            last = authority;
        }
        let of_leaf = leaf
            .deviations(role, profile)
            .into_iter()
            .map(|deviation| (0, deviation));
        let of_authorities = authorities.iter().enumerate().flat_map(|(index, certificate)| {
            let found = certificate.deviations(CertificateRole::Intermediate, profile);
            found.into_iter().map(move |deviation| (index + 1, deviation))
        });
        // An authority may have no more authorities below it than it says (RFC 5280 §6.1.4). The
        // path length of a root, zero by its profile, counts document signers alone: lists are
        // signed below an intermediate in the field.
        let too_long = authorities.iter().enumerate().filter_map(|(below, certificate)| {
            let constraints = certificate.facts.basic_constraints.as_ref()?;
            let exceeded = usize::from(constraints.path_len_constraint?) < below;
            let deviation = Deviation {
                role: CertificateRole::Intermediate,
                rule: CertificateRule::PathLength,
            };
            exceeded.then_some((below + 1, deviation))
        });
        let deviations = of_leaf.chain(of_authorities).chain(too_long).collect();
        Ok(Self {
            leaf,
            authorities,
            role,
            deviations,
        })
    }

    /// The signer's certificate.
    pub const fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// The certificates, the signer's first.
    pub fn certificates(&self) -> impl DoubleEndedIterator<Item = &Certificate> {
        core::iter::once(&self.leaf).chain(&self.authorities)
    }

    /// How many certificates of the chain stand below `key`: the shortest part of the chain whose
    /// last certificate this key signed. `None` where it signed none.
    pub fn signed_by(&self, key: &PublicKey) -> Option<usize> {
        let signed = |certificate: &Certificate| certificate.verify_signed_by(key).is_ok();
        self.certificates().position(signed).map(|index| index + 1)
    }

    /// How many certificates of the chain stand below this authority, by name and key, or end with
    /// it.
    pub fn below(&self, authority: &Certificate) -> Option<usize> {
        let same = |certificate: &Certificate| certificate.der() == authority.der();
        let itself = self.certificates().position(same).map(|index| index + 1);
        let signed = authority.public_key().and_then(|key| {
            // A name costs less to compare than a signature, and must agree anyway.
            let signed = |certificate: &Certificate| {
                certificate.issuer_der() == authority.subject_der()
                    && certificate.verify_signed_by(key).is_ok()
            };
            self.certificates().position(signed).map(|index| index + 1)
        });
        itself.into_iter().chain(signed).min()
    }

    /// Whether a CRL at hand revokes one of the first `count` certificates: one of its issuer's name,
    /// signed by a key of this chain or of `keys`, the authority's that the chain is led to. A list
    /// that says nothing of them is not asked for: it is no evidence that is missing.
    pub fn is_revoked<'k>(
        &'k self,
        count: usize,
        keys: impl Iterator<Item = &'k PublicKey> + Clone,
        evidence: &Evidence,
    ) -> bool {
        // Nobody vouches for what the chain holds beyond these.
        let own = self.authorities.iter().take(count);
        let keys = keys.chain(own.filter_map(Certificate::public_key));
        self.certificates().take(count).any(|certificate| {
            let lists = evidence.crls_of(certificate.issuer_der()).iter();
            lists
                .filter(|list| list.first_broken(CrlEffect::Void).is_none())
                .filter(|list| list.revoked_at(certificate.serial()).is_some())
                .any(|list| keys.clone().any(|key| list.is_signed_by(key)))
        })
    }

    /// As [`Self::is_revoked`], for the certificates below this authority.
    pub fn is_revoked_below(&self, authority: &Certificate, evidence: &Evidence) -> bool {
        let mut issuers = self.certificates().map(Certificate::issuer_der);
        if issuers.all(|issuer| evidence.crls_of(issuer).is_empty()) {
            return false;
        }
        let count = self.below(authority);
        count.is_some_and(|count| self.is_revoked(count, authority.public_key().into_iter(), evidence))
    }

    /// Judges the first `count` certificates: profile, then validity from `earliest` to `latest`.
    ///
    /// # Errors
    /// The first rule that is broken, or the first certificate that is not valid.
    pub fn judge(&self, count: usize, earliest: UnixTime, latest: UnixTime) -> Result<(), SelectError> {
        if let Some((_, deviation)) = self.deviations.iter().find(|(index, _)| *index < count) {
            return Err(SelectError::Deviation(*deviation));
        }
        for validity in self.validities().take(count) {
            if validity.not_after < earliest {
                return Err(SelectError::Expired(validity));
            }
            if latest < validity.not_before {
                return Err(SelectError::NotYetValid(validity));
            }
        }
        Ok(())
    }

    /// Every broken rule, with the place of its certificate in the chain.
    pub fn deviations(&self) -> &[(usize, Deviation)] {
        &self.deviations
    }

    fn validities(&self) -> impl Iterator<Item = Validity> {
        let authorities = self.authorities.iter();
        core::iter::once(validity(&self.leaf, self.role))
            .chain(authorities.map(|authority| validity(authority, CertificateRole::Intermediate)))
    }
}
