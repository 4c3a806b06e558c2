//! What is found, and how it goes out.

use mdoc::time::UnixTime;
use mdoc::x509::Certificate;
use serde_json::{Value, json};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Worth knowing; never counts.
    Info,
    /// Works today, but should be mended.
    Warning,
    /// A phone that checks refuses the reader.
    Error,
}

impl Severity {
    /// The name in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A rule that is broken, or something worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// The stable name of the rule.
    pub(crate) rule: &'static str,
    /// Where the rule stands.
    pub(crate) clause: &'static str,
    /// What is wrong, and what to do.
    pub(crate) detail: String,
}

impl Finding {
    pub(super) fn new(
        severity: Severity,
        rule: &'static str,
        clause: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            rule,
            clause,
            detail: detail.into(),
        }
    }

    /// The same, said of one certificate of several.
    pub(super) fn of(mut self, label: &str) -> Self {
        if !label.is_empty() {
            self.detail = format!("{label}: {}", self.detail);
        }
        self
    }
}

/// All that is found, and whose certificate it is.
pub(crate) struct Report {
    /// The heaviest first.
    pub(crate) findings: Vec<Finding>,
    name: Option<String>,
    not_after: Option<UnixTime>,
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

    /// 0 nothing, 1 warnings, 2 errors.
    pub(crate) fn exit_status(&self) -> u8 {
        match self.findings.iter().map(|finding| finding.severity).max() {
            None | Some(Severity::Info) => 0,
            Some(Severity::Warning) => 1,
            Some(Severity::Error) => 2,
        }
    }

    /// The form for programs.
    pub(super) fn to_json(&self) -> Value {
        let findings = self.findings.iter().map(|finding| {
            json!({
                "severity": finding.severity.name(),
                "rule": finding.rule,
                "clause": finding.clause,
                "detail": finding.detail,
            })
        });
        json!({
            "common_name": self.name,
            "not_after": self.not_after.map(|end| end.to_string()),
            "seconds_left": self.seconds_left,
            "findings": findings.collect::<Vec<_>>(),
        })
    }

    /// One block a finding, and a summary.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let (severity, detail) = (finding.severity.name(), plain(&finding.detail));
            text += &format!(
                "{severity}: {} ({})\n    {detail}\n\n",
                finding.rule, finding.clause
            );
        }
        if let (Some(end), Some(left)) = (self.not_after, self.seconds_left) {
            let name = plain(self.name.as_deref().unwrap_or("no common name"));
            text += &match left {
                0.. => format!("{name}, valid until {end}, for {} days more\n", left / 86_400),
                _ => format!("{name}, expired on {end}\n"),
            };
        }
        let count = |severity| {
            let found = self
                .findings
                .iter()
                .filter(|finding| finding.severity == severity);
            match found.count() {
                1 => format!("1 {}", severity.name()),
                count => format!("{count} {}s", severity.name()),
            }
        };
        text + &format!("{}, {}\n", count(Severity::Error), count(Severity::Warning))
    }
}

/// Text that a terminal shows as it stands: what a file says neither moves the cursor nor turns the reading direction.
fn plain(text: &str) -> String {
    let steers = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let shown = |character| {
        if steers(character) {
            char::REPLACEMENT_CHARACTER
        } else {
            character
        }
    };
    text.chars().map(shown).collect()
}
