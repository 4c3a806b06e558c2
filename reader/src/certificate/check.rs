//! The rules of a reader's certificate: the profile of ISO/IEC 18013-5 Table B.7, which `mdoc` holds, the chain above it,
//! the days that are left, and the key.

use std::path::Path;

use mdoc::cose::MAX_CERTIFICATES;
use mdoc::time::UnixTime;
use mdoc::x509::{Certificate, CertificateRole, IssuerCertificateProfile};

use operator::Finding;

use super::sentence;

const DAY: i64 = 86_400;

/// What ends within so many days, the shortest first, under a name of its own.
const SOON: [(i64, &str); 3] = [
    (1, "expires_1_day"),
    (7, "expires_7_days"),
    (30, "expires_30_days"),
];

const EXPIRY: &str = "RFC 5280 6.1.3";

/// Everything that is wrong with a chain at an instant: DER, the reader's own certificate first. With anchors it has to
/// lead to one of them.
pub(crate) fn check(chain: &[Vec<u8>], anchors: Option<&[Vec<u8>]>, now: UnixTime) -> Vec<Finding> {
    let mut findings = Vec::new();
    let count = chain.len();
    if !(1..=MAX_CERTIFICATES).contains(&count) {
        findings.push(Finding::error(
            "chain_too_long",
            "RFC 9360 2",
            format!("{count} certificates, where a request carries one to {MAX_CERTIFICATES}"),
        ));
    }
    let mut certificates = Vec::new();
    for (place, der) in chain.iter().take(MAX_CERTIFICATES).enumerate() {
        match Certificate::from_der(der) {
            Ok(certificate) => certificates.push(certificate),
            Err(error) => {
                let label = if count > 1 {
                    format!("certificate {}", place + 1)
                } else {
                    String::new()
                };
                let detail = format!("{error}; export it anew as PEM or DER");
                findings.push(Finding::error("malformed", "RFC 5280 4.1", detail).of(&label));
            }
        }
    }
    if certificates.len() < count.min(MAX_CERTIFICATES) {
        return findings;
    }
    let profile = IssuerCertificateProfile::default();
    for (place, certificate) in certificates.iter().enumerate() {
        let label = if count > 1 {
            label(place, certificate)
        } else {
            String::new()
        };
        let own = of_one(certificate, place, &profile, now);
        findings.extend(own.into_iter().map(|finding| finding.of(&label)));
    }
    for pair in certificates.windows(2) {
        if let [below, above] = pair {
            findings.extend(link(below, above));
        }
    }
    match (certificates.last(), anchors) {
        (Some(last), Some(anchors)) => findings.extend(anchored(last, anchors, now)),
        (Some(last), None) if !last.is_self_issued() => findings.push(Finding::info("signature_not_checked",
            EXPIRY,
            "the issuer's certificate is not here, so that its signature is not checked; give it with --anchor",
        )),
        _ => {}
    }
    findings
}

fn label(place: usize, certificate: &Certificate) -> String {
    format!(
        "certificate {} ({:?})",
        place + 1,
        certificate.common_name().unwrap_or_default()
    )
}

/// One certificate in its role.
fn of_one(
    certificate: &Certificate,
    place: usize,
    profile: &IssuerCertificateProfile,
    now: UnixTime,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_root = certificate.is_self_issued();
    if place > 0 && is_root {
        findings.push(Finding::warning("root_in_chain",
            "9.1.4",
            "names itself as its issuer; a reader leaves the root out of its chain, so take it out of the file",
        ));
    } else {
        let role = if place == 0 {
            CertificateRole::Reader
        } else {
            CertificateRole::Intermediate
        };
        findings.extend(
            certificate
                .deviations(role, profile)
                .into_iter()
                .map(|deviation| {
                    let detail = sentence::of(certificate, deviation, profile);
                    Finding::error(deviation.rule.name(), deviation.clause(), detail)
                }),
        );
    }
    if place == 0 && is_root {
        findings.push(Finding::warning("self_issued",
            "B.7",
            "names itself as its issuer; phones trust authorities, so have one issue it, unless this is a test",
        ));
    }
    findings.extend(expiry(certificate, now));
    findings
}

/// The window of a certificate, and how much of it is left.
fn expiry(certificate: &Certificate, now: UnixTime) -> Option<Finding> {
    let (first, last) = (certificate.not_before(), certificate.not_after());
    if now < first {
        let detail =
            format!("valid from {first} on; wait for that, or set the clock of this machine if it is wrong");
        return Some(Finding::error("not_yet_valid", EXPIRY, detail));
    }
    if last < now {
        let detail = format!("expired on {last}; have it renewed: phones say nothing to an expired reader");
        return Some(Finding::error("expired", EXPIRY, detail));
    }
    let left = last.seconds().saturating_sub(now.seconds());
    let (days, rule) = SOON.into_iter().find(|(days, _)| left <= days * DAY)?;
    let unit = if days == 1 { "day" } else { "days" };
    let detail = format!(
        "expires on {last}, within {days} {unit}; have it renewed: phones say nothing to an expired reader"
    );
    Some(Finding::warning(rule, EXPIRY, detail))
}

/// Whether `above` issued `below`: by name, by key identifier, by signature.
fn link(below: &Certificate, above: &Certificate) -> Vec<Finding> {
    let mut findings = Vec::new();
    let error = |rule, clause, detail: &str| Finding::error(rule, clause, detail);
    if below.issuer_der() != above.subject_der() {
        findings.push(error(
            "chain_order",
            EXPIRY,
            "a certificate does not name the next one as its issuer; put the reader's first and the issuer of each next",
        ));
    }
    if let (Some(named), Some(own)) = (below.authority_key_identifier(), above.subject_key_identifier())
        && named != own
    {
        findings.push(error(
            "chain_key_identifier",
            "B.7",
            "the authority key identifier names another key than that of the issuer; take the issuer's certificate of that key",
        ));
    }
    let signed = above
        .public_key()
        .is_some_and(|key| below.verify_signed_by(key).is_ok());
    if !signed {
        findings.push(error(
            "chain_signature",
            EXPIRY,
            "the signature does not hold under the key of the issuer; get the certificate and its issuer's anew",
        ));
    }
    findings
}

/// Whether the last certificate is an anchor, or issued by one that counts now.
fn anchored(last: &Certificate, anchors: &[Vec<u8>], now: UnixTime) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut parsed = Vec::new();
    for der in anchors {
        match Certificate::from_der(der) {
            Ok(anchor) => parsed.push(anchor),
            Err(error) => {
                findings.push(Finding::error("malformed", "RFC 5280 4.1", error.to_string()).of("the anchor"))
            }
        }
    }
    let issued = |anchor: &&Certificate| anchor.der() == last.der() || link(last, anchor).is_empty();
    match parsed.iter().find(issued) {
        Some(anchor) => findings.extend(expiry(anchor, now).map(|finding| finding.of("the anchor"))),
        None => findings.push(Finding::error("anchor_unknown",
            EXPIRY,
            "the chain does not lead to the anchor; add the authorities between them, or take the anchor of this authority",
        )),
    }
    findings
}

/// The key belongs to another certificate.
pub(super) fn other_key() -> Finding {
    Finding::error(
        "key_match",
        "9.1.4",
        "the key is not the one in the certificate; give the key that the certificate was asked for with",
    )
}

/// Others may read the key.
pub(super) fn readable_key(file: &Path) -> Finding {
    let detail = format!(
        "others may read the key in {}; take that right away (chmod 600)",
        file.display()
    );
    Finding::warning("key_permissions", "B.7", detail)
}

/// A private key stands in the file with the certificate.
pub(super) fn private_key_beside(file: &[u8]) -> Option<Finding> {
    let mut lines = file.split(|byte| *byte == b'\n');
    let found = lines
        .any(|line| line.starts_with(b"-----BEGIN") && line.windows(11).any(|part| part == b"PRIVATE KEY"));
    found.then(|| {
        Finding::warning(
            "private_key",
            "RFC 7468",
            "the file also holds a private key, which whoever gets the certificate gets too; keep it apart",
        )
    })
}
