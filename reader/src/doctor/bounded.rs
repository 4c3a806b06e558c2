//! Checks side by side, none of which may hang the program.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::finding::Finding;

/// How long services and networks are waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How long files are: a large trust directory on a slow disk takes its time.
pub(super) const PATIENCE_WITH_FILES: Duration = Duration::from_secs(60);

/// A check at work.
pub(super) struct Pending {
    check: &'static str,
    patience: Duration,
    since: Instant,
    findings: Receiver<Vec<Finding>>,
}

/// Begins a check in a thread of its own. One that hangs is left behind and ends with the process.
pub(super) fn begin(
    check: &'static str,
    patience: Duration,
    work: impl FnOnce() -> Vec<Finding> + Send + 'static,
) -> Pending {
    let (sender, findings) = channel();
    std::thread::spawn(move || {
        // Nobody waits any more where it took too long.
        let _ = sender.send(work());
    });
    Pending {
        check,
        patience,
        since: Instant::now(),
        findings,
    }
}

impl Pending {
    /// What it found, or that it did not end.
    pub(super) fn findings(self) -> Vec<Finding> {
        let left = self.patience.saturating_sub(self.since.elapsed());
        let broken = |detail: String| {
            let next = "look at what this check talks to: it does not answer; then run the doctor again";
            vec![Finding::fault(self.check, detail, next)]
        };
        match self.findings.recv_timeout(left) {
            Ok(findings) => findings,
            Err(RecvTimeoutError::Timeout) => {
                broken(format!("no answer within {} s", self.patience.as_secs()))
            }
            Err(RecvTimeoutError::Disconnected) => broken("the check broke off".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Grade;

    #[test]
    fn what_hangs_is_a_fault_with_that_reason() {
        let (_held, never) = channel::<()>();
        let hanging = begin("nfc", Duration::from_millis(1), move || {
            // Ends with the test.
            let _ = never.recv();
            Vec::new()
        });
        let findings = hanging.findings();
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].grade, Grade::Fault);
        assert_eq!(findings[0].detail, "no answer within 0 s");
        let answering = begin("nfc", PATIENCE, || vec![Finding::ok("nfc", "there")]);
        assert_eq!(answering.findings(), [Finding::ok("nfc", "there")]);
    }
}
