//! What is found, and how it goes out.

use mdoc::time::UnixTime;
use mdoc::x509::Certificate;
use operator::{Finding, plain_text, summary};
use serde_json::{Value, json};

/// All that is found, and whose certificate it is.
pub(crate) struct Report {
    /// The heaviest first.
    pub(crate) findings: Vec<Finding>,
    pub(crate) name: Option<String>,
    pub(crate) not_after: Option<UnixTime>,
    seconds_left: Option<i64>,
}

impl Report {
    pub(super) fn new(chain: &[Vec<u8>], mut findings: Vec<Finding>, now: UnixTime) -> Self {
        findings.sort_by_key(|finding| core::cmp::Reverse(finding.severity));
        let certificate = chain.first().and_then(|der| Certificate::from_der(der).ok());
        let not_after = certificate.as_ref().map(Certificate::not_after);
        Self {
            findings,
            name: certificate.and_then(|certificate| certificate.common_name().map(str::to_owned)),
            not_after,
            seconds_left: not_after.map(|end| end.seconds().saturating_sub(now.seconds())),
        }
    }

    /// The form for programs.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "common_name": self.name,
            "not_after": self.not_after.map(|end| end.to_string()),
            "seconds_left": self.seconds_left,
            "findings": self.findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
        })
    }

    /// One block a finding, and a summary.
    pub(super) fn text(&self) -> String {
        let mut text: String = self.findings.iter().map(Finding::text).collect();
        if let (Some(end), Some(left)) = (self.not_after, self.seconds_left) {
            let name = plain_text(self.name.as_deref().unwrap_or("no common name"));
            text += &match left {
                0.. => format!("{name}, valid until {end}, for {} days more\n", left / 86_400),
                _ => format!("{name}, expired on {end}\n"),
            };
        }
        text + &format!("{}\n", summary(&self.findings))
    }
}
