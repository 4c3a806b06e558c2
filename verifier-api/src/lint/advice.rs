//! A sentence for every rule of a certificate in every role: what was seen, what is asked for, and
//! what to do.

use mdoc::crypto::sha1;
use mdoc::x509::{CertificateRole, CertificateRule, Deviation, IssuerCertificateProfile, ObjectIdentifier};
use x509_cert::der::{Decode as _, Tag};
use x509_cert::ext::pkix::{CrlDistributionPoints, KeyUsage, KeyUsages};

use super::subject::{
    AUTHORITY_KEY_IDENTIFIER, BASIC_CONSTRAINTS, COMMON_NAME, COUNTRY, CRL_DISTRIBUTION_POINTS,
    EXTENDED_KEY_USAGE, ISSUER_ALT_NAME, KEY_USAGE, SUBJECT_KEY_IDENTIFIER, Subject, days, hex,
};
use crate::inspect::oids::named;

/// The sentence for a rule that `subject` breaks.
pub(super) fn of(subject: &Subject, deviation: Deviation, profile: &IssuerCertificateProfile) -> String {
    let role = deviation.role;
    match deviation.rule {
        CertificateRule::Version => format!(
            "X.509 version {}; have the certificate issued as version 3, which its extensions need",
            subject.version()
        ),
        CertificateRule::SerialNumber => serial_number(subject),
        CertificateRule::AlgorithmsAgree => {
            let (inside, outside) = subject.algorithms();
            format!(
                "the signed part names {inside} and the signature {outside}, or their parameters differ; both fields \
                 must be the same, so the authority's software has to be corrected"
            )
        }
        CertificateRule::SignatureAlgorithm => format!(
            "signed with {}; the issuer has to sign with ECDSA and SHA-256, SHA-384 or SHA-512, or with Ed25519",
            subject.algorithms().1
        ),
        CertificateRule::PublicKey => public_key(subject, profile),
        CertificateRule::Country => country(subject),
        CertificateRule::CommonName => common_name(subject),
        CertificateRule::SubjectKeyIdentifier => subject_key_identifier(subject, role),
        CertificateRule::AuthorityKeyIdentifier => authority_key_identifier(subject, role),
        CertificateRule::KeyUsage => key_usage(subject, role),
        CertificateRule::ExtendedKeyUsage => extended_key_usage(subject, role),
        CertificateRule::BasicConstraints => basic_constraints(subject, role),
        CertificateRule::PathLength => path_length(subject),
        CertificateRule::IssuerAltName => match subject.extension(ISSUER_ALT_NAME) {
            None => {
                "no issuer alternative name; add one, not critical, with an e-mail address or URI where the \
                     issuing authority can be reached"
                    .to_owned()
            }
            Some(_) => "the issuer alternative name is critical; issue it as not critical".to_owned(),
        },
        CertificateRule::CrlDistributionPoint => distribution_point(subject),
        CertificateRule::ForbiddenExtension => format!(
            "has the extension {}, which no certificate here may have; leave it out",
            list(subject.certificate.forbidden_extensions())
        ),
        CertificateRule::UnknownCriticalExtension => format!(
            "has the critical extension {}, which a reader does not know and must refuse; leave it out, or make it not \
             critical",
            list(subject.certificate.unknown_critical_extensions())
        ),
        CertificateRule::MalformedExtension => malformed_extension(subject),
        CertificateRule::Lifetime => lifetime(subject, role, profile),
        CertificateRule::SelfIssued => format!(
            "the subject is {} and the issuer {}; a root names itself as issuer, byte for byte, so either this is no \
             root or the two names are encoded differently",
            subject.subject(),
            subject.issuer()
        ),
        // These two compare a certificate with its anchor; the chain has their sentences.
        CertificateRule::CountryMatch => "the country differs from the anchor's".to_owned(),
        CertificateRule::StateMatch => "the state or province differs from the anchor's".to_owned(),
        other => format!("breaks the rule {}", other.name()),
    }
}

fn serial_number(subject: &Subject) -> String {
    const ADVICE: &str = "have it issued with a positive serial number of at most 20 bytes";
    let serial = subject.certificate.serial();
    let shown = hex(serial.get(..serial.len().min(24)).unwrap_or_default());
    let fault = match serial {
        [] => "is empty".to_owned(),
        [first, ..] if *first >= 0x80 => {
            format!("{shown} is negative: its first bit is set, a leading 00 is missing")
        }
        serial if serial.iter().all(|byte| *byte == 0) => "is zero".to_owned(),
        serial => format!("{shown} has {} bytes", serial.len()),
    };
    format!("the serial number {fault}; {ADVICE}")
}

fn public_key(subject: &Subject, profile: &IssuerCertificateProfile) -> String {
    let allowed: Vec<&str> = profile.curves.iter().map(|curve| curve.name()).collect();
    let kind = subject.key_kind();
    let advice = format!("use a key on one of {}", allowed.join(", "));
    match subject.key_bits() {
        [2 | 3, ..] => {
            format!("the key on {kind} is a compressed point; encode it uncompressed, with the first byte 04")
        }
        [] => format!("the key on {kind} is empty; {advice}"),
        bits => format!(
            "a key of {} bytes on {kind}, which is not allowed, not supported or no point of the curve; {advice}",
            bits.len()
        ),
    }
}

fn country(subject: &Subject) -> String {
    const ADVICE: &str = "give the subject one C of two capitals by ISO 3166-1 as PrintableString";
    let fault = match subject.attributes(COUNTRY).as_slice() {
        [] => "the subject has no country".to_owned(),
        [one] if one.tag != Tag::PrintableString => {
            format!("the subject's country {:?} is a {}", one.text, one.tag)
        }
        [one] => format!("the subject's country is {:?}", one.text),
        several => format!("the subject has {} countries", several.len()),
    };
    format!("{fault}; {ADVICE}")
}

fn common_name(subject: &Subject) -> String {
    const ADVICE: &str = "give the subject one CN as PrintableString or UTF8String";
    let fault = match subject.attributes(COMMON_NAME).as_slice() {
        [] => "the subject has no common name".to_owned(),
        [one] => format!("the subject's common name {:?} is a {}", one.text, one.tag),
        several => {
            let names: Vec<String> = several
                .iter()
                .take(4)
                .map(|name| format!("{:?}", name.text))
                .collect();
            format!(
                "the subject has {} common names ({})",
                several.len(),
                names.join(", ")
            )
        }
    };
    format!("{fault}; {ADVICE}")
}

fn subject_key_identifier(subject: &Subject, role: CertificateRole) -> String {
    let expected = hex(&sha1(subject.key_bits()));
    let critical = subject
        .extension(SUBJECT_KEY_IDENTIFIER)
        .is_some_and(|(_, critical)| critical);
    match subject.certificate.subject_key_identifier() {
        None if role == CertificateRole::StatusSigner => {
            format!(
                "no subject key identifier; add one, commonly the SHA-1 of the public key, here {expected}"
            )
        }
        None => format!(
            "no subject key identifier; add the SHA-1 of the public key, here {expected}, not critical"
        ),
        Some(seen) if hex(seen) == expected && critical => {
            "the subject key identifier is critical; issue it as not critical".to_owned()
        }
        Some(seen) => format!(
            "the subject key identifier is {}, but the SHA-1 of the public key is {expected}; issue it with that value, \
             not critical",
            hex(seen)
        ),
    }
}

fn authority_key_identifier(subject: &Subject, role: CertificateRole) -> String {
    let advice = match role {
        CertificateRole::StatusSigner => "add the issuer's subject key identifier",
        _ => "add the issuer's subject key identifier, not critical",
    };
    match subject.extension(AUTHORITY_KEY_IDENTIFIER) {
        None => format!("no authority key identifier; {advice}"),
        Some(_) if subject.authority_named_otherwise() => format!(
            "the authority key identifier has no keyIdentifier, only the issuer's name and serial number or nothing; \
             {advice} as keyIdentifier"
        ),
        Some((_, true)) => "the authority key identifier is critical; issue it as not critical".to_owned(),
        Some(_) => format!("the authority key identifier cannot be read; {advice}"),
    }
}

fn key_usage(subject: &Subject, role: CertificateRole) -> String {
    let asked = match role {
        CertificateRole::Anchor => "exactly keyCertSign and cRLSign, critical",
        CertificateRole::Intermediate => "keyCertSign",
        CertificateRole::DocumentSigner | CertificateRole::Reader => "exactly digitalSignature, critical",
        CertificateRole::VicalSigner => "exactly nonRepudiation (contentCommitment), critical",
        CertificateRole::StatusSigner => "digitalSignature without keyCertSign and cRLSign, critical",
    };
    let critical = subject.extension(KEY_USAGE).is_some_and(|(_, critical)| critical);
    match subject.key_usage() {
        None => format!("no key usage that can be read; issue it with {asked}"),
        Some(usage) => {
            let critical = if critical { "critical" } else { "not critical" };
            format!(
                "the key usage is {}, {critical}; issue it with {asked}",
                bits(&usage)
            )
        }
    }
}

/// The bits of a key usage by their names.
fn bits(usage: &KeyUsage) -> String {
    const NAMES: [(KeyUsages, &str); 9] = [
        (KeyUsages::DigitalSignature, "digitalSignature"),
        (KeyUsages::NonRepudiation, "nonRepudiation"),
        (KeyUsages::KeyEncipherment, "keyEncipherment"),
        (KeyUsages::DataEncipherment, "dataEncipherment"),
        (KeyUsages::KeyAgreement, "keyAgreement"),
        (KeyUsages::KeyCertSign, "keyCertSign"),
        (KeyUsages::CRLSign, "cRLSign"),
        (KeyUsages::EncipherOnly, "encipherOnly"),
        (KeyUsages::DecipherOnly, "decipherOnly"),
    ];
    let set = NAMES.iter().filter(|(bit, _)| usage.0.contains(*bit));
    let names: Vec<&str> = set.map(|(_, name)| *name).collect();
    if names.is_empty() {
        "empty".to_owned()
    } else {
        names.join(" and ")
    }
}

fn extended_key_usage(subject: &Subject, role: CertificateRole) -> String {
    let asked = match role {
        CertificateRole::Reader => "exactly 1.0.18013.5.1.6 (or 1.0.23220.4.1.6), critical",
        CertificateRole::VicalSigner => "1.0.18013.5.1.8",
        CertificateRole::StatusSigner => "none, or one for signing status lists",
        _ => "exactly 1.0.18013.5.1.2 for mDL, or 1.0.23220.4.1.2 for other mdocs, critical",
    };
    let usages = subject.certificate.extended_key_usages();
    match subject.extension(EXTENDED_KEY_USAGE) {
        None => format!("no extended key usage; issue it with {asked}"),
        Some(_) if usages.is_empty() => {
            format!("an extended key usage that cannot be read; issue it with {asked}")
        }
        Some((_, critical)) => {
            let critical = if critical { "critical" } else { "not critical" };
            let usages: Vec<String> = usages
                .iter()
                .take(8)
                .map(|usage| named(&usage.to_string()))
                .collect();
            format!(
                "the extended key usage is {}, {critical}; issue it with {asked}",
                usages.join(" and ")
            )
        }
    }
}

fn basic_constraints(subject: &Subject, role: CertificateRole) -> String {
    let critical = subject
        .extension(BASIC_CONSTRAINTS)
        .is_some_and(|(_, critical)| critical);
    let seen = match subject.basic_constraints() {
        None => "there are no basic constraints that can be read".to_owned(),
        Some(constraints) => {
            let length = constraints.path_len_constraint.map_or_else(
                || "without a path length".to_owned(),
                |length| format!("with path length {length}"),
            );
            let critical = if critical { "critical" } else { "not critical" };
            format!(
                "the basic constraints say CA {} {length}, {critical}",
                if constraints.ca { "TRUE" } else { "FALSE" }
            )
        }
    };
    let asked = match role {
        CertificateRole::Anchor => "issue a root with CA TRUE and path length 0, critical",
        CertificateRole::Intermediate => "issue an authority with CA TRUE, critical",
        _ => "a signer is no authority: leave the extension out",
    };
    format!("{seen}; {asked}")
}

/// The sentence where an authority allows fewer authorities below it than there are.
pub(super) fn path_length(subject: &Subject) -> String {
    let length = subject
        .basic_constraints()
        .and_then(|constraints| constraints.path_len_constraint);
    format!(
        "the path length is {}, and more authorities stand below; sign the signer's certificate with this key itself, \
         or have the authority issued with a larger path length",
        length.map_or_else(|| "unlimited".to_owned(), |length| length.to_string())
    )
}

fn distribution_point(subject: &Subject) -> String {
    const ADVICE: &str = "add a CRL distribution point with an http or https URI as fullName";
    let points = subject
        .extension(CRL_DISTRIBUTION_POINTS)
        .map(|(value, _)| CrlDistributionPoints::from_der(value));
    match points {
        None => format!("no CRL distribution point, so that a revocation cannot be seen; {ADVICE}"),
        Some(Err(_)) => format!("a CRL distribution point that cannot be read; {ADVICE}"),
        Some(Ok(points)) => {
            let narrowed = points
                .0
                .iter()
                .any(|point| point.reasons.is_some() || point.crl_issuer.is_some());
            if subject.certificate.crl_uris().is_empty() {
                format!(
                    "{} CRL distribution points, none with a URI; {ADVICE}",
                    points.0.len()
                )
            } else if narrowed {
                "a CRL distribution point has reasons or a CRL issuer, which stand for partial or indirect lists; leave \
                 them out"
                    .to_owned()
            } else {
                format!("the CRL distribution point is not of use; {ADVICE}")
            }
        }
    }
}

fn malformed_extension(subject: &Subject) -> String {
    let names: Vec<String> = subject
        .certificate
        .malformed_extensions()
        .map(|id| {
            let id = id.to_string();
            let content = subject.extension(&id).map(|(value, _)| value).unwrap_or_default();
            let shown = hex(content.get(..content.len().min(16)).unwrap_or_default());
            let more = if content.len() > 16 { "…" } else { "" };
            let hint = match id.as_str() {
                ISSUER_ALT_NAME => ", which needs an e-mail address or a URI",
                BASIC_CONSTRAINTS => ", where DER writes TRUE as ff and leaves FALSE out",
                KEY_USAGE => ", where DER counts the unused bits",
                _ => "",
            };
            format!("{} (content {shown}{more}){hint}", named(&id))
        })
        .collect();
    format!(
        "the content of {} is not DER of its type; issue the extension anew",
        names.join(" and of ")
    )
}

fn lifetime(subject: &Subject, role: CertificateRole, profile: &IssuerCertificateProfile) -> String {
    let seconds = subject.certificate.not_after().seconds() - subject.certificate.not_before().seconds();
    let window = subject.window();
    if seconds < 0 {
        return format!("valid from {window}, which ends before it begins; issue it with the dates in order");
    }
    match role.max_days(profile) {
        Some(most) => format!(
            "valid {}, at most {most} (from {window}); issue it for a shorter time",
            days(seconds)
        ),
        None => format!(
            "valid from {window}, at most {} calendar years; issue it for a shorter time",
            profile.max_root_years
        ),
    }
}

fn list(ids: impl Iterator<Item = ObjectIdentifier>) -> String {
    let names: Vec<String> = ids.map(|id| named(&id.to_string())).collect();
    names.join(" and ")
}
