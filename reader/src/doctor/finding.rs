//! What a check says.

use operator::plain_text;
use serde_json::{Value, json};

/// How bad it is; the worst decides the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    /// Nothing to do.
    Ok,
    /// It works, and will not for long or not always.
    Warning,
    /// It does not work.
    Fault,
}

impl Grade {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Fault => "fault",
        }
    }

    /// The exit status of a run whose worst it is.
    pub(super) const fn status(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Fault => 2,
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) grade: Grade,
    pub(super) detail: String,
    /// What to do; none where nothing is to be done.
    pub(super) next_step: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self {
            check,
            grade: Grade::Ok,
            detail: detail.into(),
            next_step: None,
        }
    }

    pub(super) fn warning(
        check: &'static str,
        detail: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self {
            check,
            grade: Grade::Warning,
            detail: detail.into(),
            next_step: Some(next_step.into()),
        }
    }

    pub(super) fn fault(
        check: &'static str,
        detail: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self {
            grade: Grade::Fault,
            ..Self::warning(check, detail, next_step)
        }
    }

    /// The form for people.
    pub(super) fn line(&self) -> String {
        let next = self.next_step.as_deref();
        let next = next.map(|step| format!("; next: {step}")).unwrap_or_default();
        let line = format!("{:<8} {}: {}{next}", self.grade.name(), self.check, self.detail);
        // Names in certificates, lists and devices are other people's.
        plain_text(&line)
    }

    /// The form for programs.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "check": self.check,
            "result": self.grade.name(),
            "detail": self.detail,
            "next_step": self.next_step,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        let finding = Finding::fault("nfc", "the reader \u{1b}[2J\nok is gone", "plug it in");
        assert_eq!(
            finding.line(),
            "fault    nfc: the reader \u{fffd}[2J\u{fffd}ok is gone; next: plug it in"
        );
        assert_eq!(Finding::ok("nfc", "there").line(), "ok       nfc: there");
    }

    #[test]
    fn the_worst_decides_the_status() {
        let worst = [Grade::Ok, Grade::Fault, Grade::Warning]
            .into_iter()
            .max()
            .unwrap();
        assert_eq!(worst.status(), 2);
        assert_eq!((Grade::Ok.status(), Grade::Warning.status()), (0, 1));
    }
}
