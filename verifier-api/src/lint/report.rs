//! What is found in a file, and how it goes out.

use std::io::{self, Write as _};

use operator::{Finding, Severity, plain_text, summary};
use serde_json::{Value, json};

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
    pub(super) fn to_json(&self) -> Value {
        let entries = self.entries.iter().map(|entry| {
            json!({
                "index": entry.index,
                "subject": entry.subject,
                "status": if entry.skipped.is_some() { "skipped" } else { "accepted" },
                "reason": entry.skipped,
            })
        });
        json!({
            "findings": self.findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
            "entries": entries.collect::<Vec<_>>(),
        })
    }

    /// One block a finding, the heaviest first, and a summary.
    pub(super) fn print(&self) -> io::Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        for severity in [Severity::Error, Severity::Warning, Severity::Info] {
            for finding in self.findings.iter().filter(|found| found.severity == severity) {
                write!(out, "{}", finding.text())?;
            }
        }
        for entry in &self.entries {
            let status = match &entry.skipped {
                None => "accepted".to_owned(),
                Some(reason) => format!("skipped: {}", plain_text(reason)),
            };
            writeln!(
                out,
                "entry {}: {}: {status}",
                entry.index,
                plain_text(&entry.subject)
            )?;
        }
        if !self.entries.is_empty() {
            let skipped = self
                .entries
                .iter()
                .filter(|entry| entry.skipped.is_some())
                .count();
            writeln!(out, "{} entries, {skipped} of them skipped\n", self.entries.len())?;
        }
        writeln!(out, "{}", summary(&self.findings))?;
        out.flush()
    }
}
