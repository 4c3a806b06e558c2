//! One certificate in its role: the rules that the judge refuses it for, and those that a
//! certificate should keep to all the same.

use mdoc::crypto::{Curve, sha1};
use mdoc::time::UnixTime;
use mdoc::x509::{CertificateRole, IssuerCertificateProfile};

use super::advice;
use super::subject::{
    BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, KEY_USAGE, Subject, fitting_encoding, hex, span,
};
use operator::Finding;

const DAY: i64 = 86_400;
/// A certificate that ends within this time is to be replaced now.
pub(super) const SOON: i64 = 30 * DAY;
/// Bits that a serial number of 63 random ones has in all but one case of a hundred.
const SERIAL_BITS: u32 = 56;

/// Everything about one certificate.
pub(super) fn judge(
    subject: &Subject,
    role: CertificateRole,
    profile: &IssuerCertificateProfile,
    at: UnixTime,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = subject
        .certificate
        .deviations(role, profile)
        .into_iter()
        .map(|deviation| {
            let detail = advice::of(subject, deviation, profile);
            Finding::error(deviation.rule.name(), deviation.clause(), detail)
        })
        .collect();
    let more = [
        serial_entropy(subject),
        validity_encoding(subject),
        basic_constraints_on_signer(subject, role),
        extended_key_usage_critical(subject, role),
        key_usage_critical(subject, role),
        crl_uri_scheme(subject),
        curve_japan(subject, role),
        state_missing(subject, role),
        subject_key_identifier_method(subject, role),
        authority_key_identifier_of_root(subject, role),
    ];
    findings.extend(more.into_iter().flatten());
    findings.extend(validity(subject, at));
    for finding in &mut findings {
        *finding = finding.clone().of(&subject.label);
    }
    findings
}

fn validity(subject: &Subject, at: UnixTime) -> Option<Finding> {
    const CLAUSE: &str = "RFC 5280 6.1.3";
    let (first, last) = (subject.certificate.not_before(), subject.certificate.not_after());
    if last < first {
        return None;
    }
    if at < first {
        let wait = span(at, first);
        return Some(Finding::error(
            "not_yet_valid",
            CLAUSE,
            format!(
                "valid from {first}, {wait} after {at}; wait for that day, or set the clock that is wrong"
            ),
        ));
    }
    if last < at {
        let since = span(last, at);
        return Some(Finding::error(
            "expired",
            CLAUSE,
            format!(
                "expired on {last}, {since} before {at}; have it renewed, and documents signed anew where it signs them"
            ),
        ));
    }
    let left = last.seconds() - at.seconds();
    (left < SOON).then(|| {
        Finding::warning(
            "expires_soon",
            CLAUSE,
            format!(
                "expires on {last}, {} after {at}; have it renewed now",
                span(at, last)
            ),
        )
    })
}

/// A serial number too small to hold the random bits that keep a signature from being prepared.
fn serial_entropy(subject: &Subject) -> Option<Finding> {
    let bits = subject.serial_bits();
    let serial = subject.certificate.serial();
    (bits > 0 && bits < SERIAL_BITS && serial.first().is_some_and(|first| *first < 0x80)).then(|| {
        Finding::warning(
            "serial_entropy",
            "B.1.1",
            format!(
                "the serial number {} has {bits} bits, too few for the 63 random ones that are asked for; let the \
                 authority draw serial numbers of 9 to 20 bytes from a random generator",
                hex(serial)
            ),
        )
    })
}

fn validity_encoding(subject: &Subject) -> Option<Finding> {
    let dates = [
        ("notBefore", subject.not_before()),
        ("notAfter", subject.not_after()),
    ];
    let (name, date) = dates.into_iter().find(|(_, date)| !fitting_encoding(date))?;
    Some(Finding::warning(
        "validity_encoding",
        "RFC 5280 4.1.2.5",
        format!(
            "{name}, {date}, is a GeneralizedTime; dates through 2049 are UTCTime, which some readers insist on"
        ),
    ))
}

fn basic_constraints_on_signer(subject: &Subject, role: CertificateRole) -> Option<Finding> {
    let unfit = matches!(role, CertificateRole::DocumentSigner | CertificateRole::Reader);
    let (_, critical) = subject.extension(BASIC_CONSTRAINTS).filter(|_| unfit)?;
    // One that makes it an authority is an error of its own.
    if subject
        .basic_constraints()
        .is_none_or(|constraints| constraints.ca)
    {
        return None;
    }
    let critical = if critical { "critical" } else { "not critical" };
    Some(Finding::warning(
        "basic_constraints_on_signer",
        "B.1.4",
        format!(
            "has basic constraints with CA FALSE, {critical}, which the profile of a signer does not list; leave the \
             extension out"
        ),
    ))
}

/// The profile of a VICAL signer asks for a critical extension; the judge takes either.
fn extended_key_usage_critical(subject: &Subject, role: CertificateRole) -> Option<Finding> {
    let (_, critical) = subject.extension(EXTENDED_KEY_USAGE)?;
    (role == CertificateRole::VicalSigner && !critical).then(|| {
        Finding::warning(
            "extended_key_usage_critical",
            "Annex C",
            "the extended key usage is not critical; issue it as critical".to_owned(),
        )
    })
}

/// Of an authority below the root the judge asks for the bit alone.
fn key_usage_critical(subject: &Subject, role: CertificateRole) -> Option<Finding> {
    let (_, critical) = subject.extension(KEY_USAGE)?;
    (role == CertificateRole::Intermediate && !critical).then(|| {
        Finding::warning(
            "key_usage_critical",
            "RFC 5280 4.2.1.3",
            "the key usage of this authority is not critical; issue it as critical".to_owned(),
        )
    })
}

fn crl_uri_scheme(subject: &Subject) -> Option<Finding> {
    let uris = subject.certificate.crl_uris();
    let web = |uri: &&String| {
        ["http://", "https://"].iter().any(|scheme| {
            uri.get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })
    };
    let stray = uris.iter().find(|uri| !web(uri))?;
    let rest = if uris.iter().any(|uri| web(&uri)) {
        "; others can be fetched"
    } else {
        ", and no other can be fetched either"
    };
    Some(Finding::warning(
        "crl_uri_scheme",
        "B.1.1",
        format!(
            "the CRL distribution point {stray} is neither http nor https{rest}; publish the CRL at such a URI"
        ),
    ))
}

/// The ministerial order on the card-substitute record asks for groups of 256 bits and more.
fn curve_japan(subject: &Subject, role: CertificateRole) -> Option<Finding> {
    let issues = matches!(
        role,
        CertificateRole::Anchor | CertificateRole::Intermediate | CertificateRole::DocumentSigner
    );
    let curve = subject.certificate.public_key()?.curve();
    let unfit = issues && matches!(curve, Curve::Ed25519 | Curve::Ed448);
    (unfit && subject.certificate.country() == Some("JP")).then(|| {
        Finding::warning(
            "curve_japan",
            "profile my-number",
            format!(
                "a key on {}, with which documents of the type org.iso.23220.1.jp.mnc are refused; use P-256, P-384, \
                 P-521 or a brainpool curve",
                curve.name()
            ),
        )
    })
}

/// Driving licences of the United States are issued by states.
fn state_missing(subject: &Subject, role: CertificateRole) -> Option<Finding> {
    let issues = matches!(role, CertificateRole::Anchor | CertificateRole::DocumentSigner);
    let certificate = &subject.certificate;
    (issues && certificate.country() == Some("US") && certificate.state().is_none()).then(|| {
        Finding::info(
            "state_missing",
            "B.1.1",
            "of the United States, and names no state; AAMVA asks for ST such as US-MD".to_owned(),
        )
    })
}

/// A status signer may compute its identifier by another method; some readers expect the usual one.
fn subject_key_identifier_method(subject: &Subject, role: CertificateRole) -> Option<Finding> {
    let seen = subject.certificate.subject_key_identifier()?;
    let expected = sha1(subject.key_bits());
    (role == CertificateRole::StatusSigner && seen != expected.as_slice()).then(|| {
        Finding::info(
            "subject_key_identifier_method",
            "B.9",
            format!(
                "the subject key identifier is {}, not the SHA-1 of the public key, {}",
                hex(seen),
                hex(&expected)
            ),
        )
    })
}

/// On a self-signed root the extension may be left out; one that names another key leads astray.
fn authority_key_identifier_of_root(subject: &Subject, role: CertificateRole) -> Option<Finding> {
    if role != CertificateRole::Anchor {
        return None;
    }
    if subject.authority_named_otherwise() {
        return Some(Finding::warning(
            "authority_key_identifier_empty",
            "B.1.1",
            "the authority key identifier has no keyIdentifier; add the subject key identifier, or leave the extension \
             out"
            .to_owned(),
        ));
    }
    let (seen, own) = (
        subject.certificate.authority_key_identifier()?,
        subject.certificate.subject_key_identifier()?,
    );
    let signed_by_itself = subject
        .certificate
        .public_key()
        .is_some_and(|key| subject.certificate.verify_signed_by(key).is_ok());
    (signed_by_itself && seen != own).then(|| {
        Finding::warning(
            "authority_key_identifier_of_root",
            "B.1.1",
            format!(
                "signed by its own key, but the authority key identifier is {} and the subject key identifier {}; make \
                 them equal, or leave the former out",
                hex(seen),
                hex(own)
            ),
        )
    })
}
