//! The path from a document signer to an anchor: by exact name, key identifier and verified key.

use std::sync::Arc;

use crate::cose::MAX_CERTIFICATES;
use crate::crypto::{Curve, PublicKey};
use crate::time::UnixTime;

use super::profile::{country_deviations, deviations, path_length_deviations};
use super::{
    Anchor, AnchorSet, Certificate, CertificateError, CertificateRole, CertificateRule, Deviation,
    IssuerCertificateProfile, TrustList,
};

/// Every way in which a chain leads to an anchor. Owns its facts and holds nothing that depends on
/// the time of judgement.
#[derive(Clone, Debug)]
pub struct PathSet {
    paths: Vec<Path>,
    leaf_key: Option<PublicKey>,
    leaf: Validity,
}

/// One path.
#[derive(Clone, Debug)]
pub struct Path {
    /// SHA-256 of the anchor's certificate.
    pub anchor: [u8; 32],
    /// The validity of every certificate, the signer's first.
    pub validities: Vec<Validity>,
    /// The rules that are broken.
    pub deviations: Vec<Deviation>,
    /// The document types that the anchor vouches for; `None` for all.
    pub doc_types: Option<Vec<String>>,
    /// The document profile that the anchor names.
    pub profile: Option<String>,
    /// The signed list that the anchor comes from; `None` for one that the operator put there.
    pub list: Option<Arc<TrustList>>,
    /// The signer's country.
    pub country: Option<String>,
    /// The signer's state or province.
    pub state: Option<String>,
    /// The signer's serial number.
    pub serial: Vec<u8>,
    /// Where the signer's issuer publishes its CRL.
    pub crl_uris: Vec<String>,
    /// Every certificate below the anchor and who issued it, the signer's first.
    pub links: Vec<Link>,
    /// The certificate whose key has the smallest group, the one nearest to the document among
    /// equals; none where no key is of a supported kind.
    pub weakest: Option<WeakestKey>,
}

/// A key of a path, by whose certificate it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeakestKey {
    /// Whose certificate.
    pub role: CertificateRole,
    /// The key's curve.
    pub curve: Curve,
}

/// A certificate of a path and its issuer: what a CRL is found and checked with.
#[derive(Clone, Debug)]
pub struct Link {
    /// Whose certificate.
    pub role: CertificateRole,
    /// Its serial number.
    pub serial: Vec<u8>,
    /// Its issuer's name as DER.
    pub issuer_der: Vec<u8>,
    /// The key that signed it.
    pub issuer_key: PublicKey,
    /// Its issuer's subject key identifier.
    pub issuer_key_identifier: Option<Vec<u8>>,
}

/// A certificate's window, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Whose certificate.
    pub role: CertificateRole,
    /// First instant.
    pub not_before: UnixTime,
    /// Last instant.
    pub not_after: UnixTime,
}

/// Why a chain leads to no anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// No certificate at all.
    #[error("the chain is empty")]
    Empty,
    /// More than [`MAX_CERTIFICATES`].
    #[error("a chain of {0} certificates is over the limit")]
    TooManyCertificates(usize),
    /// A certificate cannot be parsed.
    #[error("certificate {index} of the chain: {error}")]
    Certificate {
        /// Its place in the chain.
        index: usize,
        /// What is wrong with it.
        error: CertificateError,
    },
    /// The signer's certificate is itself an anchor.
    #[error("the document signer's certificate is a trust anchor")]
    LeafIsAnchor,
    /// The signer's certificate names itself as issuer.
    #[error("the document signer's certificate is self-issued")]
    SelfIssuedLeaf,
    /// A certificate does not name the next one, or its key, as its issuer.
    #[error("the chain is not in order")]
    Order,
    /// No anchor has the issuer's name and key identifier.
    #[error("no trust anchor of the issuer's name and key identifier")]
    UnknownIssuer,
    /// An anchor has the name, but its key did not sign.
    #[error("a certificate of the chain is not signed by its issuer")]
    Signature,
    /// More certificates between signer and anchor than the profile allows.
    #[error("the chain is longer than the profile allows")]
    TooLong,
}

/// Why no path serves a document now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// The anchors do not vouch for the document type.
    #[error("out of the anchors' scope")]
    OutOfScope,
    /// The list that the anchor comes from does not count before this instant.
    #[error("the trust list is not in force before {0}")]
    ListNotYetInForce(UnixTime),
    /// The list that the anchor comes from does not count after this instant.
    #[error("the trust list ended at {0}")]
    ListEnded(UnixTime),
    /// A certificate breaks its profile.
    #[error("the certificate of the {} breaks the rule {}", .0.role.name(), .0.rule.name())]
    Deviation(Deviation),
    /// A certificate has expired.
    #[error("the certificate of the {} expired at {}", .0.role.name(), .0.not_after)]
    Expired(Validity),
    /// A certificate is not yet valid.
    #[error("the certificate of the {} is not valid before {}", .0.role.name(), .0.not_before)]
    NotYetValid(Validity),
}

impl SelectError {
    /// Whether an anchor that vouches for the document said so: its reason goes before those of
    /// anchors that do not vouch for it at all.
    const fn is_of_voucher(&self) -> bool {
        match self {
            Self::OutOfScope | Self::ListNotYetInForce(_) | Self::ListEnded(_) => false,
            Self::Deviation(_) | Self::Expired(_) | Self::NotYetValid(_) => true,
        }
    }
}

/// Leads `chain` (the signer's certificate first) to the anchors. `profile_of` gives the profile
/// that an anchor's documents are judged under.
///
/// # Errors
/// [`PathError`] where no anchor is reached.
pub fn build_path<'p>(
    chain: &[&[u8]],
    anchors: &AnchorSet,
    profile_of: impl Fn(&Anchor) -> &'p IssuerCertificateProfile,
) -> Result<PathSet, PathError> {
    if chain.len() > MAX_CERTIFICATES {
        return Err(PathError::TooManyCertificates(chain.len()));
    }
    let certificates = parse(chain)?;
    let (leaf, rest) = certificates.split_first().ok_or(PathError::Empty)?;
    if anchors.contains(leaf) {
        return Err(PathError::LeafIsAnchor);
    }
    if leaf.is_self_issued() {
        return Err(PathError::SelfIssuedLeaf);
    }
    // A root in the chain proves nothing: what counts is the anchor.
    let intermediates: Vec<&Certificate> = rest
        .iter()
        .filter(|certificate| !anchors.contains(certificate))
        .collect();
    check_order(leaf, &intermediates)?;
    let mut paths = Vec::new();
    let mut error = PathError::UnknownIssuer;
    let mut last = leaf;
    for used in 0..=intermediates.len() {
        if paths.is_empty() {
            let below = intermediates.get(..used).unwrap_or_default();
            match reach(leaf, below, last, anchors, &profile_of) {
                Ok(found) => paths = found,
                Err(found) => error = found,
            }
        }
        // What stands above the certificate that an anchor signed is not used, but is in order too.
        let Some(next) = intermediates.get(used) else {
            break;
        };
        let key = next.public_key().ok_or(PathError::Signature)?;
        last.verify_signed_by(key).map_err(|_| PathError::Signature)?;
        last = next;
    }
    if paths.is_empty() {
        return Err(error);
    }
    Ok(PathSet {
        paths,
        leaf_key: leaf.public_key().cloned(),
        leaf: validity(leaf, CertificateRole::DocumentSigner),
    })
}

pub(super) fn parse(chain: &[&[u8]]) -> Result<Vec<Certificate>, PathError> {
    let mut certificates = Vec::with_capacity(chain.len());
    for (index, der) in chain.iter().enumerate() {
        let certificate = Certificate::from_der(der);
        certificates.push(certificate.map_err(|error| PathError::Certificate { index, error })?);
    }
    Ok(certificates)
}

pub(super) fn check_order(leaf: &Certificate, intermediates: &[&Certificate]) -> Result<(), PathError> {
    let mut last = leaf;
    for certificate in intermediates {
        if certificate.subject_der() != last.issuer_der() || !key_identifiers_agree(last, certificate) {
            return Err(PathError::Order);
        }
        last = certificate;
    }
    Ok(())
}

/// Whether the key that `certificate` names as its issuer's may be that of `issuer`.
pub(super) fn key_identifiers_agree(certificate: &Certificate, issuer: &Certificate) -> bool {
    match (
        certificate.authority_key_identifier(),
        issuer.subject_key_identifier(),
    ) {
        (Some(authority), Some(subject)) => authority == subject,
        _ => true,
    }
}

/// The paths over these intermediates to every anchor that signed the last of them.
fn reach<'p>(
    leaf: &Certificate,
    intermediates: &[&Certificate],
    last: &Certificate,
    anchors: &AnchorSet,
    profile_of: &impl Fn(&Anchor) -> &'p IssuerCertificateProfile,
) -> Result<Vec<Path>, PathError> {
    let mut error = PathError::UnknownIssuer;
    let mut paths = Vec::new();
    // One certificate may stand in many lists: its key is tried once.
    let mut tried: Vec<(&[u8; 32], bool)> = Vec::new();
    for (anchor, hash) in anchors.with_subject(last.issuer_der()) {
        if !key_identifiers_agree(last, &anchor.certificate) {
            continue;
        }
        let known = tried.iter().find(|(known, _)| *known == hash);
        let signed = known.map(|(_, signed)| *signed).unwrap_or_else(|| {
            let key = anchor.certificate.public_key();
            key.is_some_and(|key| last.verify_signed_by(key).is_ok())
        });
        if known.is_none() {
            tried.push((hash, signed));
        }
        if !signed {
            error = PathError::Signature;
            continue;
        }
        let profile = profile_of(anchor);
        if intermediates.len() > profile.max_intermediates {
            error = PathError::TooLong;
            continue;
        }
        paths.push(path(leaf, intermediates, (anchor, hash), profile));
    }
    if paths.is_empty() { Err(error) } else { Ok(paths) }
}

fn path(
    leaf: &Certificate,
    intermediates: &[&Certificate],
    (anchor, hash): (&Anchor, &[u8; 32]),
    profile: &IssuerCertificateProfile,
) -> Path {
    let roles = core::iter::once((leaf, CertificateRole::DocumentSigner))
        .chain(
            intermediates
                .iter()
                .map(|certificate| (*certificate, CertificateRole::Intermediate)),
        )
        .chain([(&anchor.certificate, CertificateRole::Anchor)]);
    let mut found = Vec::new();
    let mut validities = Vec::with_capacity(intermediates.len() + 2);
    let keys = roles.clone().filter_map(|(certificate, role)| {
        let curve = certificate.public_key()?.curve();
        Some(WeakestKey { role, curve })
    });
    let weakest = keys.min_by_key(|key| key.curve.order_bits());
    for (certificate, role) in roles.clone() {
        found.extend(deviations(certificate, role, profile));
        validities.push(validity(certificate, role));
    }
    found.extend(path_length_deviations(roles.clone().skip(1)));
    found.extend(country_deviations(leaf, &anchor.certificate));
    Path {
        anchor: *hash,
        validities,
        deviations: found,
        doc_types: anchor.doc_types.clone(),
        profile: anchor.profile.clone(),
        list: anchor.list.clone(),
        country: leaf.country().map(str::to_owned),
        state: leaf.state().map(str::to_owned),
        serial: leaf.serial().to_vec(),
        crl_uris: leaf.crl_uris().to_vec(),
        links: roles
            .clone()
            .zip(roles.skip(1))
            .filter_map(|((certificate, role), (issuer, _))| {
                Some(Link {
                    role,
                    serial: certificate.serial().to_vec(),
                    issuer_der: certificate.issuer_der().to_vec(),
                    // Every issuer of a path has a key: it signed.
                    issuer_key: issuer.public_key()?.clone(),
                    issuer_key_identifier: issuer.subject_key_identifier().map(<[u8]>::to_vec),
                })
            })
            .collect(),
        weakest,
    }
}

pub(super) const fn validity(certificate: &Certificate, role: CertificateRole) -> Validity {
    Validity {
        role,
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
    }
}

impl PathSet {
    /// The paths, in the order of the anchors.
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// The signer's key, where its kind is supported.
    pub const fn leaf_key(&self) -> Option<&PublicKey> {
        self.leaf_key.as_ref()
    }

    /// The signer's certificate's window.
    pub const fn leaf(&self) -> Validity {
        self.leaf
    }

    /// The first path whose anchor vouches for `doc_type`, that keeps to its profile and is valid
    /// from `earliest` to `latest`, the two ends of the instant of judgement.
    ///
    /// # Errors
    /// What speaks against the first path in scope, one whose list is in force before others.
    pub fn select(&self, doc_type: &str, earliest: UnixTime, latest: UnixTime) -> Result<&Path, SelectError> {
        let mut error = SelectError::OutOfScope;
        for path in &self.paths {
            match path.judge(doc_type, earliest, latest) {
                Ok(()) => return Ok(path),
                Err(found) => {
                    if error == SelectError::OutOfScope || !error.is_of_voucher() && found.is_of_voucher() {
                        error = found;
                    }
                }
            }
        }
        Err(error)
    }
}

impl Path {
    fn judge(&self, doc_type: &str, earliest: UnixTime, latest: UnixTime) -> Result<(), SelectError> {
        let in_scope = self
            .doc_types
            .as_ref()
            .is_none_or(|types| types.iter().any(|known| known == doc_type));
        if !in_scope {
            return Err(SelectError::OutOfScope);
        }
        if let Some(list) = &self.list {
            list.judge(earliest, latest)?;
        }
        let of_country = |deviation: &&Deviation| {
            matches!(
                deviation.rule,
                CertificateRule::CountryMatch | CertificateRule::StateMatch
            )
        };
        if let Some(deviation) = self.deviations.iter().find(|deviation| !of_country(deviation)) {
            return Err(SelectError::Deviation(*deviation));
        }
        for validity in &self.validities {
            if validity.not_after < earliest {
                return Err(SelectError::Expired(*validity));
            }
            if latest < validity.not_before {
                return Err(SelectError::NotYetValid(*validity));
            }
        }
        match self.deviations.iter().find(of_country) {
            Some(deviation) => Err(SelectError::Deviation(*deviation)),
            None => Ok(()),
        }
    }
}
