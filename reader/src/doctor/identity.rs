//! The reader's own certificate and the key to it, looked at as `reader certificate check` does.

use std::path::Path;

use operator::Severity;

use super::finding::Finding;
use crate::certificate;
use crate::counter::StartError;
use crate::identity::KeyPlace;

const CHECK: &str = "reader_cert";

/// All that is wrong with a certificate and its key. A key in a token has to sign once for it, which takes the PIN.
pub(super) fn check(path: &Path, key: KeyPlace<'_>) -> Vec<Finding> {
    let report = match certificate::look_at(path, Some(key), None) {
        Ok(report) => report,
        Err(StartError::Token(fault)) => {
            return vec![Finding::fault("pkcs11", fault.to_string(), fault.next_step())];
        }
        Err(error) => return vec![Finding::fault(CHECK, error.to_string(), "correct the file")],
    };
    let name = report.name.as_deref().unwrap_or("without a common name");
    let mut findings = Vec::new();
    for found in &report.findings {
        // Who may read the key is told of with the other secrets.
        if found.rule == "key_permissions" {
            continue;
        }
        let detail = format!("{name:?}, {} ({}): {}", found.rule, found.clause, found.detail);
        findings.extend(match found.severity {
            Severity::Info => None,
            Severity::Warning => Some(Finding::warning(CHECK, detail, next_step(found.rule))),
            Severity::Error => Some(Finding::fault(CHECK, detail, next_step(found.rule))),
        });
    }
    if findings.is_empty() {
        let until = report.not_after.map(|until| until.to_string());
        let until = until.unwrap_or_default();
        findings.push(Finding::ok(
            CHECK,
            format!("{name:?} is a reader's until {until}"),
        ));
    }
    findings
}

fn next_step(rule: &str) -> &'static str {
    match rule {
        "expired" => "have it renewed; phones refuse it",
        "not_yet_valid" => "set this machine's clock if it is behind (timedatectl), or wait for that day",
        "key_match" => "give the key that the certificate was asked for with",
        "private_key" => "keep the key in a file of its own",
        "root_in_chain" => "take the root out of the file",
        "chain_order" | "chain_signature" | "chain_key_identifier" | "chain_too_long" => {
            "put the reader's certificate first, and the issuer of each next"
        }
        rule if rule.starts_with("expires_") => "have it renewed now",
        _ => "have one issued that keeps to the profile (reader certificate request asks for one)",
    }
}
