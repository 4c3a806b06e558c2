//! Evidence and policy: what is known of revocation, and what a lack of knowledge means, for CRL and
//! status alike.

use mdoc::time::UnixTime;
use mdoc::verify::{Check, CheckReport, Fact, Finding, Outcome, Reason, RevocationState};

use crate::purpose::Requirement;

/// Which of the two checks is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The document signer's certificate, by CRL.
    Certificate,
    /// The MSO, by status list and identifier list.
    Status,
}

/// How one of the two is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(crate) subject: Subject,
    pub(crate) requirement: Requirement,
    /// The oldest evidence that counts, in seconds.
    pub(crate) max_age: Option<u64>,
    pub(crate) now: UnixTime,
}

impl Policy {
    /// The report for what is known. `signed` is when the MSO was signed, where that is known.
    pub(crate) fn report(&self, state: &RevocationState, signed: Option<UnixTime>) -> CheckReport {
        let (check, off) = (self.check(), self.requirement == Requirement::Off);
        if off {
            return CheckReport {
                check,
                outcome: Outcome::Passed(vec![("policy", Fact::Text("off".into()))]),
                as_of: None,
            };
        }
        CheckReport {
            check,
            outcome: self.outcome(state, signed),
            as_of: state.as_of(),
        }
    }

    /// Whether other or fresher evidence could change the outcome.
    pub(crate) fn wants_more(&self, state: &RevocationState) -> bool {
        self.requirement != Requirement::Off && (state.is_lacking() || self.too_old(state).is_some())
    }

    const fn check(&self) -> Check {
        match self.subject {
            Subject::Certificate => Check::IssuerCrl,
            Subject::Status => Check::Status,
        }
    }

    const fn reasons(&self) -> Reasons {
        match self.subject {
            Subject::Certificate => Reasons {
                revoked: Reason::IssuerCertificateRevoked,
                unavailable: Reason::IssuerCertificateRevocationUnavailable,
                stale: Reason::IssuerCertificateRevocationUnavailable,
            },
            Subject::Status => Reasons {
                revoked: Reason::StatusRevoked,
                unavailable: Reason::StatusUnavailable,
                stale: Reason::StatusStale,
            },
        }
    }

    fn outcome(&self, state: &RevocationState, signed: Option<UnixTime>) -> Outcome {
        let reasons = self.reasons();
        match state {
            RevocationState::Good { as_of } => match self.too_old(state) {
                None => Outcome::PASSED,
                Some(max_age) => self.lacking(
                    self.aged(reasons.stale, *as_of)
                        .because("the evidence is older than the purpose allows")
                        .with("max_age", Fact::Number(max_age)),
                ),
            },
            RevocationState::Stale { as_of } => self.lacking(
                self.aged(reasons.stale, *as_of)
                    .because("the evidence has passed its own end"),
            ),
            RevocationState::NotNamed if self.requirement == Requirement::Required => {
                Outcome::Failed(Finding::new(reasons.unavailable).because("the document names no status"))
            }
            RevocationState::NotNamed => Outcome::PASSED,
            RevocationState::Unavailable { fault } => {
                self.lacking(Finding::new(reasons.unavailable).because(fault.clone()))
            }
            RevocationState::TokenInvalid { fault } => {
                self.lacking(Finding::new(Reason::StatusTokenInvalid).because(fault.clone()))
            }
            RevocationState::Revoked { since, .. } => {
                Outcome::Failed(revoked(Finding::new(reasons.revoked), *since, signed))
            }
            RevocationState::Suspended { .. } => Outcome::Failed(Finding::new(Reason::StatusSuspended)),
            RevocationState::UnknownValue { value, .. } => Outcome::Failed(
                Finding::new(Reason::StatusUnknownValue).with("value", Fact::Number(u64::from(*value))),
            ),
            _ => self.lacking(Finding::new(reasons.unavailable).because("evidence of an unknown kind")),
        }
    }

    /// Evidence is lacking: a warning where the purpose lets it, else not enough to accept.
    fn lacking(&self, finding: Finding) -> Outcome {
        if self.requirement == Requirement::IfAvailable {
            Outcome::Warned(finding)
        } else {
            Outcome::Failed(finding)
        }
    }

    fn age(&self, as_of: UnixTime) -> u64 {
        u64::try_from(self.now.seconds() - as_of.seconds()).unwrap_or(0)
    }

    fn aged(&self, reason: Reason, as_of: UnixTime) -> Finding {
        Finding::new(reason).with("age", Fact::Number(self.age(as_of)))
    }

    /// The purpose's bound, where good evidence is older.
    fn too_old(&self, state: &RevocationState) -> Option<u64> {
        let RevocationState::Good { as_of } = state else {
            return None;
        };
        self.max_age.filter(|max_age| self.age(*as_of) > *max_age)
    }
}

struct Reasons {
    revoked: Reason,
    unavailable: Reason,
    stale: Reason,
}

/// A revocation counts whenever it was; when the MSO is older, that is said.
fn revoked(finding: Finding, since: Option<UnixTime>, signed: Option<UnixTime>) -> Finding {
    let Some(since) = since else { return finding };
    let finding = finding.with("revoked_at", Fact::Time(since));
    match signed {
        Some(signed) if signed < since => finding.with("signed", Fact::Time(signed)).with(
            "note",
            Fact::Text("the MSO was signed before the revocation".into()),
        ),
        _ => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Requirement; 4] = [
        Requirement::Required,
        Requirement::IfPresent,
        Requirement::IfAvailable,
        Requirement::Off,
    ];

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds).unwrap()
    }

    fn row(state: &RevocationState, subject: Subject) -> [String; 4] {
        ALL.map(|requirement| {
            let policy = Policy {
                subject,
                requirement,
                max_age: Some(100),
                now: at(1000),
            };
            match policy.report(state, None).outcome {
                Outcome::Passed(_) => "passed".to_owned(),
                Outcome::Warned(finding) => format!("warned {}", finding.reason.code()),
                Outcome::Failed(finding) => finding.reason.code().to_owned(),
                Outcome::NotReached { .. } => "not reached".to_owned(),
            }
        })
    }

    fn status(state: &RevocationState) -> [String; 4] {
        row(state, Subject::Status)
    }

    #[test]
    fn the_table_row_by_row() {
        let as_of = at(950);
        assert_eq!(status(&RevocationState::Good { as_of }), ["passed"; 4]);
        assert_eq!(
            status(&RevocationState::NotNamed),
            ["status.unavailable", "passed", "passed", "passed"]
        );
        let against = |state, code: &str| assert_eq!(status(&state), [code, code, code, "passed"]);
        against(RevocationState::Revoked { as_of, since: None }, "status.revoked");
        against(RevocationState::Suspended { as_of }, "status.suspended");
        against(
            RevocationState::UnknownValue { as_of, value: 7 },
            "status.unknown_value",
        );
        let lacking = |state, code: &str| {
            assert_eq!(status(&state), [code, code, &format!("warned {code}"), "passed"]);
        };
        let fault = std::borrow::Cow::Borrowed("f");
        lacking(
            RevocationState::Unavailable { fault: fault.clone() },
            "status.unavailable",
        );
        lacking(RevocationState::TokenInvalid { fault }, "status.token_invalid");
        lacking(RevocationState::Stale { as_of }, "status.stale");
        lacking(RevocationState::Good { as_of: at(899) }, "status.stale");
        assert_eq!(status(&RevocationState::Good { as_of: at(900) }), ["passed"; 4]);
    }

    #[test]
    fn certificates_have_reasons_of_their_own() {
        let row = |state| row(&state, Subject::Certificate);
        let (as_of, lacking) = (at(950), "issuer.certificate.revocation_unavailable");
        assert_eq!(row(RevocationState::Good { as_of }), ["passed"; 4]);
        let revoked = "issuer.certificate.revoked";
        assert_eq!(
            row(RevocationState::Revoked { as_of, since: None }),
            [revoked, revoked, revoked, "passed"]
        );
        let warned = format!("warned {lacking}");
        assert_eq!(
            row(RevocationState::Stale { as_of }),
            [lacking, lacking, &warned, "passed"]
        );
    }

    #[test]
    fn the_detail_tells_ages_and_dates() {
        let policy = Policy {
            subject: Subject::Certificate,
            requirement: Requirement::Required,
            max_age: Some(10),
            now: at(1000),
        };
        let detail = |state: &RevocationState, signed: i64| {
            let report = policy.report(state, Some(at(signed)));
            report.outcome.failure().unwrap().detail.clone()
        };
        let stale = detail(&RevocationState::Good { as_of: at(900) }, 0);
        assert_eq!(stale[0], ("age", Fact::Number(100)));
        assert_eq!(stale[2], ("max_age", Fact::Number(10)));
        let revoked = RevocationState::Revoked {
            as_of: at(990),
            since: Some(at(500)),
        };
        assert_eq!(detail(&revoked, 500), [("revoked_at", Fact::Time(at(500)))]);
        let names: Vec<&str> = detail(&revoked, 499).iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["revoked_at", "signed", "note"]);
        assert_eq!(policy.report(&revoked, None).as_of, Some(at(990)));
    }

    #[test]
    fn more_evidence_is_wanted_where_it_could_help() {
        let wants = |state: &RevocationState, requirement| {
            let policy = Policy {
                subject: Subject::Status,
                requirement,
                max_age: Some(100),
                now: at(1000),
            };
            policy.wants_more(state)
        };
        let fault = || std::borrow::Cow::Borrowed("f");
        for (state, expected) in [
            (RevocationState::Unavailable { fault: fault() }, true),
            (RevocationState::TokenInvalid { fault: fault() }, true),
            (RevocationState::Stale { as_of: at(999) }, true),
            (RevocationState::Good { as_of: at(1) }, true),
            (RevocationState::Good { as_of: at(999) }, false),
            (RevocationState::NotNamed, false),
            (
                RevocationState::Revoked {
                    as_of: at(1),
                    since: None,
                },
                false,
            ),
        ] {
            assert_eq!(wants(&state, Requirement::IfAvailable), expected, "{state:?}");
            assert!(!wants(&state, Requirement::Off));
        }
    }
}
