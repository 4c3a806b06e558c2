//! A CRL: its profile, its dates, and the issuer behind it.

use mdoc::time::UnixTime;
use mdoc::x509::{CrlEffect, CrlRule, RevocationList};
use x509_cert::certificate::{Raw, Version};
use x509_cert::crl::{CertificateList, RevokedCert};
use x509_cert::der::Decode as _;
use x509_cert::ext::Extension;

use super::anchors::Anchor;
use super::subject::{hex, shown, shown_der, span};
use crate::inspect::oids::named;
use operator::Finding;

const CLAUSE: &str = "ISO/IEC 18013-5 B.10";
/// Authority key identifier and CRL number.
const ASKED: [&str; 2] = ["2.5.29.35", "2.5.29.20"];

/// Judges the CRLs of one file.
pub(super) fn judge(encoded: &[Vec<u8>], anchors: &[Anchor], at: UnixTime) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, der) in encoded.iter().enumerate() {
        let label = if encoded.len() > 1 {
            format!("CRL {}", index + 1)
        } else {
            String::new()
        };
        findings.extend(
            judge_one(der, anchors, at)
                .into_iter()
                .map(|finding| finding.of(&label)),
        );
    }
    findings
}

fn judge_one(der: &[u8], anchors: &[Anchor], at: UnixTime) -> Vec<Finding> {
    let list = match RevocationList::from_der(der) {
        Ok(list) => list,
        Err(error) => {
            let detail = format!("{error} ({} bytes); export it anew as DER or PEM", der.len());
            return vec![Finding::error("malformed", "RFC 5280 5.1", detail)];
        }
    };
    let Ok(seen) = CertificateList::<Raw>::from_der(der) else {
        return vec![Finding::error(
            "malformed",
            "RFC 5280 5.1",
            "not a DER CRL".to_owned(),
        )];
    };
    let mut findings: Vec<Finding> = list
        .broken_rules()
        .iter()
        .map(|rule| {
            let detail = format!("{}{}", rule.fault(), advice(*rule, &list, &seen));
            match rule.effect() {
                CrlEffect::Remark => Finding::warning(rule.name(), rule.clause(), detail),
                _ => Finding::error(rule.name(), rule.clause(), detail),
            }
        })
        .collect();
    findings.extend(dates(&list, &seen, at));
    findings.extend(issuer(&list, &seen, anchors));
    findings
}

/// The value seen and what to do, after what the rule itself says is wrong.
fn advice(rule: CrlRule, list: &RevocationList, seen: &CertificateList<Raw>) -> String {
    let algorithm = |oid: x509_cert::der::asn1::ObjectIdentifier| named(&oid.to_string());
    let parts = &seen.tbs_cert_list;
    match rule {
        CrlRule::Version => {
            let version = if parts.version == Version::V1 {
                "1"
            } else {
                "another"
            };
            format!(" (it is of version {version}); issue it as version 2, which its extensions need")
        }
        CrlRule::AlgorithmsAgree => format!(
            " ({} inside, {} outside, or their parameters differ); both fields must be the same",
            algorithm(parts.signature.oid),
            algorithm(seen.signature_algorithm.oid)
        ),
        CrlRule::SignatureAlgorithm => format!(
            " ({}); sign it with ECDSA and SHA-256, SHA-384 or SHA-512, or with Ed25519",
            algorithm(seen.signature_algorithm.oid)
        ),
        CrlRule::DuplicateExtension | CrlRule::MalformedExtension => format!(
            " (it has {}); issue it anew with each extension once, as DER of its type",
            names(extensions(seen))
        ),
        CrlRule::Delta => "; publish complete lists".to_owned(),
        CrlRule::Indirect => "; let each authority publish its own list".to_owned(),
        CrlRule::Partial => {
            "; leave the issuing distribution point out and list every certificate".to_owned()
        }
        CrlRule::UnknownCriticalExtension => {
            let critical = extensions(seen).iter().chain(
                entries(seen)
                    .iter()
                    .flat_map(|entry| entry.crl_entry_extensions.iter().flatten()),
            );
            format!(
                " (of the list or an entry: {}); leave it out",
                names(critical.filter(|extension| extension.critical))
            )
        }
        CrlRule::NextUpdate => "; state nextUpdate, at most 90 days after thisUpdate".to_owned(),
        CrlRule::AuthorityKeyIdentifier => {
            "; add one with the issuer's subject key identifier as keyIdentifier".to_owned()
        }
        CrlRule::Number => "; add a CRL number that grows with each list, of at most 20 bytes".to_owned(),
        CrlRule::UpdateInterval => {
            let next = list.next_update().unwrap_or_else(|| list.this_update());
            format!(
                " ({}, from {} to {next}); publish at least every 90 days",
                span(list.this_update(), next),
                list.this_update()
            )
        }
        CrlRule::OtherExtension => {
            let others = extensions(seen)
                .iter()
                .filter(|extension| !ASKED.contains(&extension.extn_id.to_string().as_str()));
            format!(" ({}); leave it out", names(others))
        }
        CrlRule::EntryExtension => {
            let count = entries(seen)
                .iter()
                .filter(|entry| entry.crl_entry_extensions.is_some())
                .count();
            format!(
                " ({count} of {}); leave them out, the entries count all the same",
                entries(seen).len()
            )
        }
        CrlRule::EmptyList => "; leave revokedCertificates out while nothing is revoked".to_owned(),
        CrlRule::DuplicateEntry => "; list each certificate once".to_owned(),
        _ => String::new(),
    }
}

fn extensions(seen: &CertificateList<Raw>) -> &[Extension] {
    seen.tbs_cert_list.crl_extensions.as_deref().unwrap_or_default()
}

fn entries(seen: &CertificateList<Raw>) -> &[RevokedCert<Raw>] {
    seen.tbs_cert_list
        .revoked_certificates
        .as_deref()
        .unwrap_or_default()
}

fn names<'e>(extensions: impl IntoIterator<Item = &'e Extension>) -> String {
    let mut names: Vec<String> = Vec::new();
    for extension in extensions {
        let name = named(&extension.extn_id.to_string());
        if !names.contains(&name) && names.len() < 8 {
            names.push(name);
        }
    }
    names.join(" and ")
}

fn dates(list: &RevocationList, seen: &CertificateList<Raw>, at: UnixTime) -> Vec<Finding> {
    let mut findings = Vec::new();
    let made = list.this_update();
    if at < made {
        findings.push(Finding::error(
            "crl_not_yet_valid",
            CLAUSE,
            format!(
                "made on {made}, {} after {at}; set the clock that is wrong",
                span(at, made)
            ),
        ));
    }
    if let Some(due) = list.next_update().filter(|due| *due < at) {
        findings.push(Finding::error(
            "crl_expired",
            CLAUSE,
            format!(
                "the next list was due on {due}, {} before {at}; fetch the new one, or have the authority publish it",
                span(due, at)
            ),
        ));
    }
    let later = entries(seen).iter().filter(|entry| {
        i64::try_from(entry.revocation_date.to_unix_duration().as_secs())
            .is_ok_and(|seconds| seconds > made.seconds())
    });
    let later: Vec<String> = later.map(|entry| hex(entry.serial_number.as_bytes())).collect();
    if let Some(first) = later.first() {
        findings.push(Finding::warning(
            "crl_entry_date",
            "RFC 5280 5.3",
            format!(
                "{} of {} entries (the first has the serial number {first}) are revoked after the list was made, on \
                 {made}; they count as revoked now, so correct the dates",
                later.len(),
                entries(seen).len()
            ),
        ));
    }
    findings
}

fn issuer(list: &RevocationList, seen: &CertificateList<Raw>, anchors: &[Anchor]) -> Vec<Finding> {
    let name = shown(&seen.tbs_cert_list.issuer);
    if anchors.is_empty() {
        return vec![Finding::info(
            "signature_not_checked",
            CLAUSE,
            format!(
                "issued by {name}, whose certificate is not here, so that the signature is not checked; give it with --anchor"
            ),
        )];
    }
    let named: Vec<&Anchor> = anchors
        .iter()
        .filter(|anchor| anchor.subject.certificate.subject_der() == list.issuer_der())
        .collect();
    let signs = |anchor: &&&Anchor| {
        let key = anchor.subject.certificate.public_key();
        key.is_some_and(|key| list.is_signed_by(key))
    };
    let Some(anchor) = named.iter().find(signs).or_else(|| named.first()) else {
        let given: Vec<String> = anchors
            .iter()
            .take(4)
            .map(|anchor| anchor.subject.subject())
            .collect();
        return vec![Finding::error(
            "crl_issuer",
            CLAUSE,
            format!(
                "issued by {}, and no anchor has that name, byte for byte (there is {}); give the authority that the \
                 list is of",
                shown_der(list.issuer_der()),
                given.join("; ")
            ),
        )];
    };
    let mut findings = Vec::new();
    let certificate = &anchor.subject.certificate;
    if let (Some(authority), Some(own)) = (
        list.authority_key_identifier(),
        certificate.subject_key_identifier(),
    ) && authority != own
    {
        findings.push(Finding::error(
            "crl_key_identifier",
            CLAUSE,
            format!(
                "the authority key identifier is {}, but the authority's subject key identifier is {}; the list is of \
                 another key of that name, so give the certificate of that key",
                hex(authority),
                hex(own)
            ),
        ));
    }
    if !signs(&anchor) {
        findings.push(Finding::error(
            "crl_signature",
            CLAUSE,
            format!(
                "the signature does not verify with the key of {} ({}); it is another key of the same name, or the list \
                 was altered",
                anchor.subject.subject(),
                anchor.subject.key_kind()
            ),
        ));
    }
    if anchor.subject.key_usage().is_some_and(|usage| !usage.crl_sign()) {
        findings.push(Finding::error(
            "crl_signer_usage",
            "RFC 5280 6.3.3",
            format!(
                "{} may not sign CRLs: its key usage lacks cRLSign; have that certificate issued with it",
                anchor.subject.subject()
            ),
        ));
    }
    findings
}
