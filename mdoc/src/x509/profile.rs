//! The profiles of ISO/IEC 18013-5 Annex B, as far as documents differ in them, and the checks of
//! one certificate against its role: one function a rule, all deviations found.

use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::flagset::FlagSet;
use x509_cert::ext::pkix::KeyUsages;

use crate::crypto::Curve;
use crate::time::Date;

use super::Certificate;
use super::certificate::NameAttribute;
use super::rules::{CertificateRule, oid};
use super::signers;

/// What a document type asks of its issuer's certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerCertificateProfile {
    /// The extended key usages of which a document signer has exactly one.
    pub document_signer_usages: Vec<ObjectIdentifier>,
    /// The longest lifetime of a document signer's certificate, in days.
    pub max_document_signer_days: u32,
    /// The longest lifetime of a root, in calendar years.
    pub max_root_years: u16,
    /// Curves of all keys in the path.
    pub curves: Vec<Curve>,
    /// Certificates between the document signer and the anchor.
    pub max_intermediates: usize,
}

impl IssuerCertificateProfile {
    /// The extended key usage of an mDL document signer.
    pub const MDL_DOCUMENT_SIGNER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.0.18013.5.1.2");
    /// The extended key usage of a document signer of other mdocs (ISO/IEC 23220-4).
    pub const MDOC_DOCUMENT_SIGNER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.0.23220.4.1.2");
}

/// The profile of ISO/IEC 18013-5 for mDL.
impl Default for IssuerCertificateProfile {
    fn default() -> Self {
        Self {
            document_signer_usages: vec![Self::MDL_DOCUMENT_SIGNER],
            max_document_signer_days: 457,
            max_root_years: 20,
            curves: vec![
                Curve::P256,
                Curve::P384,
                Curve::P521,
                Curve::Ed25519,
                Curve::BrainpoolP256r1,
                Curve::BrainpoolP320r1,
                Curve::BrainpoolP384r1,
                Curve::BrainpoolP512r1,
            ],
            max_intermediates: 0,
        }
    }
}

/// The part that a certificate plays in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateRole {
    /// IACA root or link certificate.
    Anchor,
    /// A certification authority between anchor and signer.
    Intermediate,
    /// The signer of MSOs.
    DocumentSigner,
    /// A reader, which signs its requests.
    Reader,
    /// The signer of a VICAL.
    VicalSigner,
    /// The signer of status lists and identifier lists.
    StatusSigner,
}

impl CertificateRole {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anchor => "anchor",
            Self::Intermediate => "intermediate",
            Self::DocumentSigner => "document_signer",
            Self::Reader => "reader",
            Self::VicalSigner => "vical_signer",
            Self::StatusSigner => "status_signer",
        }
    }

    /// The longest lifetime of a certificate in this role, where it is counted in days; that of an
    /// authority is counted in years, see [`IssuerCertificateProfile::max_root_years`].
    pub const fn max_days(self, profile: &IssuerCertificateProfile) -> Option<u32> {
        match self {
            Self::Anchor | Self::Intermediate => None,
            Self::DocumentSigner => Some(profile.max_document_signer_days),
            Self::Reader | Self::VicalSigner | Self::StatusSigner => Some(signers::MAX_DAYS),
        }
    }
}

/// A rule that a certificate of a path breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// Whose certificate.
    pub role: CertificateRole,
    /// Which rule.
    pub rule: CertificateRule,
}

impl Deviation {
    /// The clause of ISO/IEC 18013-5 that sets the rule for this role.
    pub const fn clause(&self) -> &'static str {
        match self.role {
            CertificateRole::Anchor | CertificateRole::Intermediate | CertificateRole::DocumentSigner => {
                self.rule.clause()
            }
            CertificateRole::Reader => "B.7",
            CertificateRole::VicalSigner => "Annex C",
            CertificateRole::StatusSigner => "B.9",
        }
    }
}

const SECONDS_PER_DAY: i64 = 86_400;

pub(super) type Check = fn(&Certificate, &IssuerCertificateProfile) -> bool;

/// The rules of every certificate of an issuer, a reader or a VICAL provider.
const COMMON: &[(CertificateRule, Check)] = &[
    (CertificateRule::Country, |c, _| country(c)),
    (CertificateRule::CommonName, |c, _| c.common_name().is_some()),
    (CertificateRule::SubjectKeyIdentifier, |c, _| {
        subject_key_identifier(c)
    }),
];

/// The rules of every certificate whatsoever.
const UNIVERSAL: &[(CertificateRule, Check)] = &[
    (CertificateRule::Version, |c, _| c.facts.version_3),
    (CertificateRule::SerialNumber, |c, _| serial_number(c)),
    (CertificateRule::AlgorithmsAgree, |c, _| c.facts.algorithms_agree),
    (CertificateRule::SignatureAlgorithm, |c, _| {
        c.facts.signature_algorithm.is_some()
    }),
    (CertificateRule::PublicKey, public_key),
    (CertificateRule::MalformedExtension, |c, _| {
        c.malformed_extensions().next().is_none()
    }),
    (CertificateRule::ForbiddenExtension, |c, _| {
        c.forbidden_extensions().next().is_none()
    }),
    (CertificateRule::UnknownCriticalExtension, |c, _| {
        c.unknown_critical_extensions().next().is_none()
    }),
];

const ANCHOR: &[(CertificateRule, Check)] = &[
    (CertificateRule::SelfIssued, |c, _| c.is_self_issued()),
    (CertificateRule::Lifetime, root_lifetime),
    (CertificateRule::KeyUsage, |c, _| {
        key_usage(c, KeyUsages::KeyCertSign | KeyUsages::CRLSign)
    }),
    (CertificateRule::BasicConstraints, root_constraints),
    (CertificateRule::IssuerAltName, |c, _| issuer_alt_name(c)),
    (CertificateRule::CrlDistributionPoint, |c, _| {
        crl_distribution_point(c)
    }),
];

const INTERMEDIATE: &[(CertificateRule, Check)] = &[
    (CertificateRule::AuthorityKeyIdentifier, |c, _| {
        authority_key_identifier(c)
    }),
    (CertificateRule::Lifetime, root_lifetime),
    (CertificateRule::KeyUsage, |c, _| {
        c.facts
            .key_usage
            .as_ref()
            .is_some_and(|usage| usage.0.contains(KeyUsages::KeyCertSign))
    }),
    (CertificateRule::BasicConstraints, |c, _| authority(c)),
];

const DOCUMENT_SIGNER: &[(CertificateRule, Check)] = &[
    (CertificateRule::AuthorityKeyIdentifier, |c, _| {
        authority_key_identifier(c)
    }),
    (CertificateRule::Lifetime, signer_lifetime),
    (CertificateRule::KeyUsage, |c, _| {
        key_usage(c, KeyUsages::DigitalSignature.into())
    }),
    (CertificateRule::ExtendedKeyUsage, extended_key_usage),
    (CertificateRule::BasicConstraints, |c, _| no_authority(c)),
    (CertificateRule::IssuerAltName, |c, _| issuer_alt_name(c)),
    (CertificateRule::CrlDistributionPoint, |c, _| {
        crl_distribution_point(c)
    }),
];

/// All rules that `certificate` breaks in its role.
pub(super) fn deviations(
    certificate: &Certificate,
    role: CertificateRole,
    profile: &IssuerCertificateProfile,
) -> impl Iterator<Item = Deviation> {
    let (common, own) = match role {
        CertificateRole::Anchor => (COMMON, ANCHOR),
        CertificateRole::Intermediate => (COMMON, INTERMEDIATE),
        CertificateRole::DocumentSigner => (COMMON, DOCUMENT_SIGNER),
        CertificateRole::Reader => (COMMON, signers::READER),
        CertificateRole::VicalSigner => (COMMON, signers::VICAL_SIGNER),
        CertificateRole::StatusSigner => (&[][..], signers::STATUS_SIGNER),
    };
    let rules = UNIVERSAL.iter().chain(common).chain(own);
    rules
        .filter(move |(_, check)| !check(certificate, profile))
        .map(move |(rule, _)| Deviation { role, rule: *rule })
}

/// What the signer's name must share with the anchor's.
pub(super) fn country_deviations(
    signer: &Certificate,
    anchor: &Certificate,
) -> impl Iterator<Item = Deviation> {
    let role = CertificateRole::DocumentSigner;
    let countries = same(&signer.facts.country, &anchor.facts.country);
    let states = same(&signer.facts.state, &anchor.facts.state);
    [
        (CertificateRule::CountryMatch, countries),
        (CertificateRule::StateMatch, states),
    ]
    .into_iter()
    .filter(|(_, holds)| !holds)
    .map(move |(rule, _)| Deviation { role, rule })
}

/// The authorities of a path that allow fewer intermediates below them than there are
/// (RFC 5280 §6.1.4). `authorities` go upwards, the signer's issuer first.
pub(super) fn path_length_deviations<'c>(
    authorities: impl Iterator<Item = (&'c Certificate, CertificateRole)>,
) -> impl Iterator<Item = Deviation> {
    authorities
        .enumerate()
        .filter_map(|(below, (certificate, role))| {
            let constraints = certificate.facts.basic_constraints.as_ref()?;
            let length = constraints.path_len_constraint?;
            (usize::from(length) < below).then_some(Deviation {
                role,
                rule: CertificateRule::PathLength,
            })
        })
}

/// Equal texts in whatever string type, or absent from both.
fn same(left: &NameAttribute, right: &NameAttribute) -> bool {
    match (left, right) {
        (NameAttribute::Absent, NameAttribute::Absent) => true,
        (NameAttribute::Text { text: left, .. }, NameAttribute::Text { text: right, .. }) => left == right,
        _ => false,
    }
}

fn serial_number(certificate: &Certificate) -> bool {
    // The DER INTEGER: a leading zero byte keeps a positive number positive.
    match certificate.serial() {
        [] => false,
        serial @ [first, ..] => *first < 0x80 && serial.len() <= 20 && serial.iter().any(|byte| *byte != 0),
    }
}

fn public_key(certificate: &Certificate, profile: &IssuerCertificateProfile) -> bool {
    certificate
        .public_key()
        .is_some_and(|key| profile.curves.contains(&key.curve()))
}

fn country(certificate: &Certificate) -> bool {
    match &certificate.facts.country {
        NameAttribute::Text { text, printable } => {
            *printable && text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
        }
        NameAttribute::Absent | NameAttribute::Unreadable => false,
    }
}

fn subject_key_identifier(certificate: &Certificate) -> bool {
    certificate.subject_key_identifier() == Some(certificate.facts.key_identifier.as_slice())
        && critical(certificate, oid::SUBJECT_KEY_IDENTIFIER) == Some(false)
}

pub(super) fn authority_key_identifier(certificate: &Certificate) -> bool {
    certificate.authority_key_identifier().is_some()
        && critical(certificate, oid::AUTHORITY_KEY_IDENTIFIER) == Some(false)
}

pub(super) fn key_usage(certificate: &Certificate, exactly: FlagSet<KeyUsages>) -> bool {
    certificate
        .facts
        .key_usage
        .as_ref()
        .is_some_and(|usage| usage.0 == exactly)
        && critical(certificate, oid::KEY_USAGE) == Some(true)
}

fn extended_key_usage(certificate: &Certificate, profile: &IssuerCertificateProfile) -> bool {
    let one_allowed = match certificate.facts.extended_key_usage.as_slice() {
        [usage] => profile.document_signer_usages.contains(usage),
        _ => false,
    };
    one_allowed && critical(certificate, oid::EXTENDED_KEY_USAGE) == Some(true)
}

fn authority(certificate: &Certificate) -> bool {
    let constraints = certificate.facts.basic_constraints.as_ref();
    constraints.is_some_and(|constraints| constraints.ca)
        && critical(certificate, oid::BASIC_CONSTRAINTS) == Some(true)
}

/// Basic constraints are absent or say that the subject is no authority. Critical or not.
pub(super) fn no_authority(certificate: &Certificate) -> bool {
    let constraints = certificate.facts.basic_constraints.as_ref();
    constraints.is_none_or(|constraints| !constraints.ca)
}

/// A path length of zero is the rule where nothing may stand between root and signer. Elsewhere
/// [`path_length_deviations`] holds the length against the path.
fn root_constraints(certificate: &Certificate, profile: &IssuerCertificateProfile) -> bool {
    let constraints = certificate.facts.basic_constraints.as_ref();
    let length = constraints.and_then(|constraints| constraints.path_len_constraint);
    authority(certificate) && (profile.max_intermediates > 0 || length == Some(0))
}

fn issuer_alt_name(certificate: &Certificate) -> bool {
    critical(certificate, oid::ISSUER_ALT_NAME) == Some(false)
}

pub(super) fn crl_distribution_point(certificate: &Certificate) -> bool {
    !certificate.crl_uris().is_empty() && certificate.facts.crl_points_plain
}

fn signer_lifetime(certificate: &Certificate, profile: &IssuerCertificateProfile) -> bool {
    lives_days(certificate, profile.max_document_signer_days)
}

/// Whether the certificate is valid for at most so many days.
pub(super) fn lives_days(certificate: &Certificate, days: u32) -> bool {
    let seconds = certificate.not_after().seconds() - certificate.not_before().seconds();
    (0..=i64::from(days) * SECONDS_PER_DAY).contains(&seconds)
}

/// Calendar years, so that leap days do not count against a root. A root of 29 February may last
/// until 1 March of a year without that day.
fn root_lifetime(certificate: &Certificate, profile: &IssuerCertificateProfile) -> bool {
    let (first, last) = (certificate.not_before(), certificate.not_after());
    let start = first.date_at_offset(0);
    let year = start.year().saturating_add(profile.max_root_years);
    let end = Date::new(year, start.month(), start.day()).or_else(|| Date::new(year, 3, 1));
    let time_of_day = first.seconds().rem_euclid(SECONDS_PER_DAY);
    let within = end.is_none_or(|end| last <= end.midnight_at_offset(0).saturating_add(time_of_day));
    first <= last && within
}

/// Whether the extension is critical, if it is there.
pub(super) fn critical(certificate: &Certificate, id: ObjectIdentifier) -> Option<bool> {
    certificate
        .facts
        .extensions
        .iter()
        .find(|extension| extension.oid == id)
        .map(|e| e.critical)
}
