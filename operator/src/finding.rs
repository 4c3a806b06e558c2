//! What a check of files finds, and how it goes out: the same for programs and for people in every program.

use serde_json::{Value, json};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; never counts.
    Info,
    /// Works today, but should be mended.
    Warning,
    /// What was checked, or what hangs from it, is refused.
    Error,
}

impl Severity {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A rule that is broken, or something worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// The stable name of the rule.
    pub rule: &'static str,
    /// Where the rule stands.
    pub clause: &'static str,
    /// What is wrong, and what to do.
    pub detail: String,
}

impl Finding {
    /// Of this weight.
    pub fn new(
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

    /// An error.
    pub fn error(rule: &'static str, clause: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Severity::Error, rule, clause, detail)
    }

    /// A warning.
    pub fn warning(rule: &'static str, clause: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Severity::Warning, rule, clause, detail)
    }

    /// Something worth knowing.
    pub fn info(rule: &'static str, clause: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Severity::Info, rule, clause, detail)
    }

    /// The same, said of a part of what was checked.
    #[must_use]
    pub fn of(mut self, part: &str) -> Self {
        if !part.is_empty() {
            self.detail = format!("{part}: {}", self.detail);
        }
        self
    }

    /// The form for programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "severity": self.severity.name(),
            "rule": self.rule,
            "clause": self.clause,
            "detail": self.detail,
        })
    }

    /// The form for people: a block with an empty line behind it.
    #[must_use]
    pub fn text(&self) -> String {
        let (severity, detail) = (self.severity.name(), plain_text(&self.detail));
        format!("{severity}: {} ({})\n    {detail}\n\n", self.rule, self.clause)
    }
}

/// The exit status of a check: 0 nothing, 1 warnings, 2 errors.
#[must_use]
pub fn exit_status(findings: &[Finding]) -> u8 {
    match findings.iter().map(|finding| finding.severity).max() {
        None | Some(Severity::Info) => 0,
        Some(Severity::Warning) => 1,
        Some(Severity::Error) => 2,
    }
}

/// How many errors and warnings there are, in words.
#[must_use]
pub fn summary(findings: &[Finding]) -> String {
    let count = |severity: Severity| {
        let found = findings.iter().filter(|finding| finding.severity == severity);
        match found.count() {
            1 => format!("1 {}", severity.name()),
            count => format!("{count} {}s", severity.name()),
        }
    };
    format!("{}, {}", count(Severity::Error), count(Severity::Warning))
}

/// Text that a terminal shows as it stands: what a file or a device says neither moves the cursor nor turns the reading
/// direction.
#[must_use]
pub fn plain_text(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_finding_gives_the_exit_status() {
        for (severities, status, words) in [
            (&[][..], 0, "0 errors, 0 warnings"),
            (&[Severity::Info], 0, "0 errors, 0 warnings"),
            (&[Severity::Warning, Severity::Info], 1, "0 errors, 1 warning"),
            (
                &[Severity::Error, Severity::Warning, Severity::Warning],
                2,
                "1 error, 2 warnings",
            ),
        ] {
            let finding = |severity: &Severity| Finding::new(*severity, "rule", "B.1", "");
            let findings: Vec<Finding> = severities.iter().map(finding).collect();
            assert_eq!(exit_status(&findings), status);
            assert_eq!(summary(&findings), words);
        }
    }

    #[test]
    fn a_files_text_does_not_steer_the_terminal() {
        assert_eq!(plain_text("CN=\u{1b}[2J\u{202e}x"), "CN=\u{fffd}[2J\u{fffd}x");
        assert_eq!(plain_text("CN=試験"), "CN=試験");
        let finding = Finding::error("rule", "B.1", "a\nerror: b").of("CN=\u{1b}");
        assert_eq!(
            finding.text(),
            "error: rule (B.1)\n    CN=\u{fffd}: a\u{fffd}error: b\n\n"
        );
    }
}
