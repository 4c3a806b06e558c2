//! The path from a document signer to an anchor: by exact name, key identifier and verified key.

use crate::crypto::PublicKey;
use crate::time::UnixTime;

use super::profile::{country_deviations, deviations};
use super::{
    Anchor, AnchorSet, Certificate, CertificateError, CertificateRole, CertificateRule, Deviation,
    IssuerCertificateProfile,
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
    /// The signer's country.
    pub country: Option<String>,
    /// The signer's state or province.
    pub state: Option<String>,
    /// The signer's serial number.
    pub serial: Vec<u8>,
    /// Where the signer's issuer publishes its CRL.
    pub crl_uris: Vec<String>,
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
    /// A certificate does not name the next one as its issuer.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectError {
    /// The anchors do not vouch for the document type.
    OutOfScope,
    /// A certificate breaks its profile.
    Deviation(Deviation),
    /// A certificate has expired.
    Expired(Validity),
    /// A certificate is not yet valid.
    NotYetValid(Validity),
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
    let certificates = parse(chain)?;
    let Some((leaf, rest)) = certificates.split_first() else {
        return Err(PathError::UnknownIssuer);
    };
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
        match reach(
            leaf,
            intermediates.get(..used).unwrap_or_default(),
            last,
            anchors,
            &profile_of,
        ) {
            Ok(found) => paths.extend(found),
            Err(found) => error = found,
        }
        let Some(next) = intermediates.get(used) else {
            break;
        };
        if !paths.is_empty() {
            break;
        }
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

fn parse(chain: &[&[u8]]) -> Result<Vec<Certificate>, PathError> {
    let mut certificates = Vec::with_capacity(chain.len());
    for (index, der) in chain.iter().enumerate() {
        let certificate = Certificate::from_der(der);
        certificates.push(certificate.map_err(|error| PathError::Certificate { index, error })?);
    }
    Ok(certificates)
}

fn check_order(leaf: &Certificate, intermediates: &[&Certificate]) -> Result<(), PathError> {
    let mut issuer = leaf.issuer_der();
    for certificate in intermediates {
        if certificate.subject_der() != issuer {
            return Err(PathError::Order);
        }
        issuer = certificate.issuer_der();
    }
    Ok(())
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
    for anchor in anchors.with_subject(last.issuer_der()) {
        let authority = last.authority_key_identifier();
        let subject = anchor.certificate.subject_key_identifier();
        if authority.is_some() && subject.is_some() && authority != subject {
            continue;
        }
        let signed = anchor
            .certificate
            .public_key()
            .is_some_and(|key| last.verify_signed_by(key).is_ok());
        if !signed {
            error = PathError::Signature;
            continue;
        }
        let profile = profile_of(anchor);
        if intermediates.len() > profile.max_intermediates {
            error = PathError::TooLong;
            continue;
        }
        paths.push(path(leaf, intermediates, anchor, profile));
    }
    if paths.is_empty() { Err(error) } else { Ok(paths) }
}

fn path(
    leaf: &Certificate,
    intermediates: &[&Certificate],
    anchor: &Anchor,
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
    let mut validities = Vec::new();
    for (certificate, role) in roles {
        found.extend(deviations(certificate, role, profile).filter(|deviation| {
            // A path length of zero is the rule where nothing stands between root and signer.
            !(deviation.rule == CertificateRule::BasicConstraints
                && role == CertificateRole::Anchor
                && profile.max_intermediates > 0
                && allows_intermediates(certificate, intermediates.len()))
        }));
        validities.push(validity(certificate, role));
    }
    found.extend(country_deviations(leaf, &anchor.certificate));
    Path {
        anchor: anchor.certificate.sha256(),
        validities,
        deviations: found,
        doc_types: anchor.doc_types.clone(),
        profile: anchor.profile.clone(),
        country: leaf.country().map(str::to_owned),
        state: leaf.state().map(str::to_owned),
        serial: leaf.serial().to_vec(),
        crl_uris: leaf.crl_uris().to_vec(),
    }
}

fn allows_intermediates(anchor: &Certificate, count: usize) -> bool {
    anchor
        .facts
        .basic_constraints
        .as_ref()
        .is_some_and(|constraints| {
            constraints.ca
                && constraints
                    .path_len_constraint
                    .is_none_or(|length| usize::from(length) >= count)
        })
}

const fn validity(certificate: &Certificate, role: CertificateRole) -> Validity {
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
    /// What speaks against the first path in scope.
    pub fn select(&self, doc_type: &str, earliest: UnixTime, latest: UnixTime) -> Result<&Path, SelectError> {
        let mut error = SelectError::OutOfScope;
        for path in &self.paths {
            match path.judge(doc_type, earliest, latest) {
                Ok(()) => return Ok(path),
                Err(found) if error == SelectError::OutOfScope => error = found,
                Err(_) => {}
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
