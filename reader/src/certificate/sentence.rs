//! A sentence for each rule of the profile: what is asked for, what was seen where that helps, and what to do.

use mdoc::x509::{Certificate, CertificateRole, CertificateRule, Deviation, IssuerCertificateProfile};

/// The sentence for a rule that a certificate breaks in its role.
pub(super) fn of(
    certificate: &Certificate,
    deviation: Deviation,
    profile: &IssuerCertificateProfile,
) -> String {
    let is_reader = deviation.role == CertificateRole::Reader;
    match deviation.rule {
        CertificateRule::Version => "the certificate is not of version 3, which its extensions need".into(),
        CertificateRule::SerialNumber => "the serial number is not positive or has more than 20 bytes".into(),
        CertificateRule::AlgorithmsAgree => {
            "the two fields that name the signature algorithm differ: the authority's software has to be corrected".into()
        }
        CertificateRule::SignatureAlgorithm => {
            "the authority has to sign with ECDSA and SHA-256, SHA-384 or SHA-512, or with Ed25519".into()
        }
        CertificateRule::PublicKey => {
            let curves: Vec<&str> = profile.curves.iter().map(|curve| curve.name()).collect();
            format!(
                "the key is not an uncompressed point on one of {}; ask for a certificate with another key",
                curves.join(", ")
            )
        }
        CertificateRule::Country => {
            "the subject needs one country (C) of two capitals as PrintableString; ask for the certificate with it".into()
        }
        CertificateRule::CommonName => "the subject needs one common name (CN), which phones show to the holder".into(),
        CertificateRule::SubjectKeyIdentifier => {
            "the subject key identifier has to be the SHA-1 of the key, not critical".into()
        }
        CertificateRule::AuthorityKeyIdentifier => {
            "an authority key identifier is missing, names no key, or is critical".into()
        }
        CertificateRule::KeyUsage if is_reader => {
            "the key usage has to be digitalSignature and nothing else, critical".into()
        }
        CertificateRule::KeyUsage => "the key usage of an authority has to have keyCertSign, critical".into(),
        CertificateRule::ExtendedKeyUsage => {
            let seen: Vec<String> = certificate
                .extended_key_usages()
                .iter()
                .take(8)
                .map(ToString::to_string)
                .collect();
            let seen = if seen.is_empty() { "absent".to_owned() } else { seen.join(" and ") };
            format!(
                "the extended key usage is {seen}; it has to be 1.0.18013.5.1.6 (or 1.0.23220.4.1.6) and nothing else, critical"
            )
        }
        CertificateRule::BasicConstraints if is_reader => {
            "the certificate says that it is an authority's; a reader's leaves the basic constraints out".into()
        }
        CertificateRule::BasicConstraints => {
            "the basic constraints of an authority have to say CA TRUE, critical".into()
        }
        CertificateRule::PathLength => "the path length allows no authority below it, and there is one".into(),
        CertificateRule::CrlDistributionPoint => {
            "a CRL distribution point with a URI is missing, so that a phone cannot see a revocation".into()
        }
        CertificateRule::ForbiddenExtension => {
            let names: Vec<String> = certificate.forbidden_extensions().map(|id| id.to_string()).collect();
            format!("has the extension {}, which no certificate here may have", names.join(" and "))
        }
        CertificateRule::UnknownCriticalExtension => {
            let names = certificate.unknown_critical_extensions();
            let names: Vec<String> = names.take(8).map(|id| id.to_string()).collect();
            format!("has the critical extension {}, which phones do not know and must refuse", names.join(" and "))
        }
        CertificateRule::MalformedExtension => {
            let names: Vec<String> = certificate.malformed_extensions().map(|id| id.to_string()).collect();
            format!("the content of the extension {} is not DER of its type", names.join(" and "))
        }
        CertificateRule::Lifetime => {
            let days = (certificate.not_after().seconds() - certificate.not_before().seconds()) / 86_400;
            match deviation.role.max_days(profile) {
                Some(most) => format!("valid for {days} days, where the profile allows {most}; have it issued for less"),
                None => format!("valid for {days} days, longer than {} years", profile.max_root_years),
            }
        }
        other => format!("breaks the rule {}", other.name()),
    }
}
