//! The reader's own certificates: whether a phone will believe who asks.

use std::path::Path;

use mdoc::time::UnixTime;
use mdoc::x509::{Certificate, CertificateRole, CertificateRule, IssuerCertificateProfile};
use relying_party::{Dated, DatedKind, pem_certificates};

use super::finding::Finding;

const CHECK: &str = "reader_cert";
const MAX_FILE: u64 = 1024 * 1024;

/// The chain in a file that was loaded with its key before: order and key are right.
pub(super) fn check(path: &Path, now: UnixTime) -> Vec<Finding> {
    let Ok(bytes) = operator::read_file(path, MAX_FILE) else {
        // Told of where it was loaded.
        return Vec::new();
    };
    let chain = pem_certificates(&bytes).unwrap_or_else(|| vec![bytes]);
    let chain: Vec<Certificate> = chain
        .iter()
        .filter_map(|der| Certificate::from_der(der).ok())
        .collect();
    let Some(own) = chain.first() else {
        return Vec::new();
    };
    let mut findings = profile(own);
    for certificate in &chain {
        findings.extend(validity(certificate, now));
    }
    if findings.is_empty() {
        let until = own.not_after();
        findings.push(Finding::ok(
            CHECK,
            format!("{} is a reader's until {until}", named(own)),
        ));
    }
    findings
}

/// What ISO/IEC 18013-5 B.1.7 asks of a reader's certificate.
fn profile(own: &Certificate) -> Vec<Finding> {
    let deviations = own.deviations(CertificateRole::Reader, &IssuerCertificateProfile::default());
    let told = deviations.iter().map(|deviation| {
        let rule = deviation.rule.name();
        let detail = format!("{} breaks the rule {rule} ({})", named(own), deviation.clause());
        match deviation.rule {
            // Phones look at these before they show anything.
            CertificateRule::ExtendedKeyUsage => Finding::fault(
                CHECK,
                detail,
                "have one issued whose only extended key usage is 1.0.18013.5.1.6, critical",
            ),
            CertificateRule::KeyUsage => Finding::fault(
                CHECK,
                detail,
                "have one issued whose only key usage is digitalSignature, critical",
            ),
            _ => Finding::warning(
                CHECK,
                detail,
                "have one issued that keeps to the profile; some wallets refuse this one",
            ),
        }
    });
    told.collect()
}

fn validity(certificate: &Certificate, now: UnixTime) -> Option<Finding> {
    let (first, last) = (certificate.not_before(), certificate.not_after());
    let name = named(certificate);
    if now < first {
        return Some(Finding::fault(
            CHECK,
            format!("{name} is not valid before {first}"),
            "set this machine's clock if it is behind (timedatectl), or wait for that day",
        ));
    }
    let dated = Dated {
        kind: DatedKind::Anchor,
        name: String::new(),
        id: String::new(),
        dated: first,
        until: Some(last),
    };
    match dated.warning(now)? {
        0 => Some(Finding::fault(
            CHECK,
            format!("{name} expired on {last}"),
            "have it renewed; phones refuse it",
        )),
        days => Some(Finding::warning(
            CHECK,
            format!("{name} expires on {last}, in {days} days at most"),
            "have it renewed now",
        )),
    }
}

fn named(certificate: &Certificate) -> String {
    let name = certificate.common_name().unwrap_or("without a common name");
    format!("the certificate {name:?}")
}
