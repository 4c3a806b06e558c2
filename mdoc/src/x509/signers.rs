//! The profiles of signers that are no document signers: readers, VICAL providers and those who
//! sign status lists. Each table holds what the role asks beyond the common rules.

use x509_cert::der::flagset::FlagSet;
use x509_cert::ext::pkix::KeyUsages;

use super::Certificate;
use super::profile::{
    Check, authority_key_identifier, critical, crl_distribution_point, key_usage, lives_days, no_authority,
};
use super::rules::{CertificateRule, oid};

/// The longest lifetime of each of these certificates, in days.
pub(super) const MAX_DAYS: u32 = 1187;

/// ISO/IEC 18013-5 Table B.7.
pub(super) const READER: &[(CertificateRule, Check)] = &[
    (CertificateRule::AuthorityKeyIdentifier, |c, _| {
        authority_key_identifier(c)
    }),
    (CertificateRule::Lifetime, |c, _| lives_days(c, MAX_DAYS)),
    (CertificateRule::KeyUsage, |c, _| {
        key_usage(c, KeyUsages::DigitalSignature.into())
    }),
    (CertificateRule::ExtendedKeyUsage, |c, _| {
        matches!(c.extended_key_usages(), [usage] if oid::READER_USAGES.contains(usage))
            && critical(c, oid::EXTENDED_KEY_USAGE) == Some(true)
    }),
    (CertificateRule::BasicConstraints, |c, _| no_authority(c)),
    (CertificateRule::CrlDistributionPoint, |c, _| {
        crl_distribution_point(c)
    }),
];

/// ISO/IEC 18013-5 Annex C. The field adds distribution points without a URI and leaves the
/// issuer's alternative name out: neither is asked for.
pub(super) const VICAL_SIGNER: &[(CertificateRule, Check)] = &[
    (CertificateRule::AuthorityKeyIdentifier, |c, _| {
        authority_key_identifier(c)
    }),
    (CertificateRule::Lifetime, |c, _| lives_days(c, MAX_DAYS)),
    (CertificateRule::KeyUsage, |c, _| {
        key_usage(c, KeyUsages::NonRepudiation.into())
    }),
    (CertificateRule::ExtendedKeyUsage, |c, _| {
        c.extended_key_usages().contains(&oid::VICAL_SIGNER_USAGE)
    }),
    (CertificateRule::BasicConstraints, |c, _| no_authority(c)),
    (CertificateRule::CrlDistributionPoint, |c, _| {
        !c.crl_uris().is_empty()
    }),
];

/// ISO/IEC 18013-5 Table B.9. It asks for no extended key usage; one that gives the certificate to
/// another role is refused, so that a reader's or a server's key cannot clear a revoked document.
pub(super) const STATUS_SIGNER: &[(CertificateRule, Check)] = &[
    (CertificateRule::SubjectKeyIdentifier, |c, _| {
        c.subject_key_identifier().is_some()
    }),
    (CertificateRule::AuthorityKeyIdentifier, |c, _| {
        c.authority_key_identifier().is_some()
    }),
    (CertificateRule::Lifetime, |c, _| lives_days(c, MAX_DAYS)),
    (CertificateRule::KeyUsage, |c, _| signs_data_only(c)),
    (CertificateRule::ExtendedKeyUsage, |c, _| {
        let usages = c.extended_key_usages();
        !usages.iter().any(|usage| oid::USAGES_OF_OTHERS.contains(usage))
    }),
    (CertificateRule::BasicConstraints, |c, _| no_authority(c)),
];

fn signs_data_only(certificate: &Certificate) -> bool {
    let authority: FlagSet<KeyUsages> = KeyUsages::KeyCertSign | KeyUsages::CRLSign;
    let usage = certificate.facts.key_usage.as_ref();
    usage.is_some_and(|usage| {
        usage.0.contains(KeyUsages::DigitalSignature) && (usage.0 & authority).is_empty()
    }) && critical(certificate, oid::KEY_USAGE) == Some(true)
}
