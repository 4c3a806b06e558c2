//! Findings, and how they go out.

use std::io::{self, Write as _};

use serde_json::{Value, json};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// Worth knowing; never counts.
    Info,
    /// Works today, but should be mended.
    Warning,
    /// The file, or what hangs from it, is refused.
    Error,
}

impl Severity {
    const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A deviation, or something worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// The stable name of the rule.
    pub(super) rule: &'static str,
    /// Where the rule stands.
    pub(super) clause: &'static str,
    /// What is wrong, with the value seen, and what to do.
    pub(super) detail: String,
}

impl Finding {
    pub(super) const fn error(rule: &'static str, clause: &'static str, detail: String) -> Self {
        Self {
            severity: Severity::Error,
            rule,
            clause,
            detail,
        }
    }

    pub(super) const fn warning(rule: &'static str, clause: &'static str, detail: String) -> Self {
        Self {
            severity: Severity::Warning,
            rule,
            clause,
            detail,
        }
    }

    pub(super) const fn info(rule: &'static str, clause: &'static str, detail: String) -> Self {
        Self {
            severity: Severity::Info,
            rule,
            clause,
            detail,
        }
    }

    /// The same, said of a part of the file.
    pub(super) fn of(mut self, part: &str) -> Self {
        if !part.is_empty() {
            self.detail = format!("{part}: {}", self.detail);
        }
        self
    }
}

/// An entry of a VICAL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) index: usize,
    pub(super) subject: String,
    /// Why it is skipped; none where it is accepted.
    pub(super) skipped: Option<String>,
}

/// All that is found in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) findings: Vec<Finding>,
    pub(super) entries: Vec<Entry>,
}

impl From<Vec<Finding>> for Report {
    fn from(findings: Vec<Finding>) -> Self {
        Self {
            findings,
            entries: Vec::new(),
        }
    }
}

impl Report {
    /// 0 clean, 1 warnings, 2 errors.
    pub(super) fn exit_status(&self) -> u8 {
        match self.findings.iter().map(|finding| finding.severity).max() {
            None | Some(Severity::Info) => 0,
            Some(Severity::Warning) => 1,
            Some(Severity::Error) => 2,
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let findings = self.findings.iter().map(|finding| {
            json!({
                "severity": finding.severity.name(),
                "rule": finding.rule,
                "clause": finding.clause,
                "detail": finding.detail,
            })
        });
        let entries = self.entries.iter().map(|entry| {
            json!({
                "index": entry.index,
                "subject": entry.subject,
                "status": if entry.skipped.is_some() { "skipped" } else { "accepted" },
                "reason": entry.skipped,
            })
        });
        json!({
            "findings": findings.collect::<Vec<_>>(),
            "entries": entries.collect::<Vec<_>>(),
        })
    }

    /// One block a finding, the heaviest first, and a summary.
    pub(super) fn print(&self) -> io::Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        for severity in [Severity::Error, Severity::Warning, Severity::Info] {
            for finding in self.findings.iter().filter(|found| found.severity == severity) {
                let Finding {
                    rule, clause, detail, ..
                } = finding;
                writeln!(out, "{}: {rule} ({clause})", severity.name())?;
                writeln!(out, "    {}\n", plain(detail))?;
            }
        }
        for entry in &self.entries {
            let status = match &entry.skipped {
                None => "accepted".to_owned(),
                Some(reason) => format!("skipped: {}", plain(reason)),
            };
            writeln!(out, "entry {}: {}: {status}", entry.index, plain(&entry.subject))?;
        }
        if !self.entries.is_empty() {
            let skipped = self
                .entries
                .iter()
                .filter(|entry| entry.skipped.is_some())
                .count();
            writeln!(out, "{} entries, {skipped} of them skipped\n", self.entries.len())?;
        }
        writeln!(
            out,
            "{}, {}",
            self.count(Severity::Error),
            self.count(Severity::Warning)
        )?;
        out.flush()
    }

    fn count(&self, severity: Severity) -> String {
        let found = self.findings.iter().filter(|found| found.severity == severity);
        match found.count() {
            1 => format!("1 {}", severity.name()),
            count => format!("{count} {}s", severity.name()),
        }
    }
}

/// Text that a terminal shows as it stands: what a file says must neither move the cursor nor turn
/// the reading direction.
fn plain(text: &str) -> String {
    let steers = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|character| {
            if steers(character) {
                char::REPLACEMENT_CHARACTER
            } else {
                character
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(severities: &[Severity]) -> Report {
        let finding = |severity: &Severity| Finding {
            severity: *severity,
            rule: "rule",
            clause: "B.1",
            detail: String::new(),
        };
        severities.iter().map(finding).collect::<Vec<_>>().into()
    }

    #[test]
    fn the_heaviest_finding_gives_the_exit_status() {
        for (severities, status, summary) in [
            (&[][..], 0, "0 errors, 0 warnings"),
            (&[Severity::Info], 0, "0 errors, 0 warnings"),
            (&[Severity::Warning, Severity::Info], 1, "0 errors, 1 warning"),
            (
                &[Severity::Error, Severity::Warning, Severity::Warning],
                2,
                "1 error, 2 warnings",
            ),
        ] {
            let report = report(severities);
            assert_eq!(report.exit_status(), status);
            let counts = [Severity::Error, Severity::Warning].map(|severity| report.count(severity));
            assert_eq!(counts.join(", "), summary);
        }
    }

    #[test]
    fn a_files_text_does_not_steer_the_terminal() {
        assert_eq!(plain("CN=\u{1b}[2J\u{202e}x"), "CN=\u{fffd}[2J\u{fffd}x");
        assert_eq!(plain("CN=試験"), "CN=試験");
    }
}
