//! From the documents' reports to the one verdict.

use mdoc::response::DeviceResponse;
use mdoc::verify::{Check, CheckReport, Fact, Finding, Outcome, Reason};

use crate::purpose::{self, Documents};
use crate::seen::{self, Candidate};
use crate::verdict::{Decision, Verdict, all_after};

use super::{Case, Judged, Judgement, passed};

impl<'a> Case<'a, '_> {
    pub(super) fn conclude(&self, response: &DeviceResponse<'a>, judged: Vec<Judged<'a>>) -> Judgement<'a> {
        let missing = || Finding::new(Reason::DocumentMissing);
        let answered = |index: usize| judged.iter().find(|document| document.asked == Some(index));
        let count = self.purpose.documents().len();
        let accepted = |document: &&Judged<'a>| document.report.decision == Decision::Accepted;
        let mut purpose_outcome = Outcome::PASSED;
        let mut answers = Vec::new();
        let decision = match self.purpose.rule() {
            Documents::Any => match (0..count).filter_map(answered).find(accepted) {
                Some(document) => {
                    answers.clone_from(&document.answers);
                    (Decision::Accepted, None)
                }
                None => worst(&judged),
            },
            Documents::All => {
                if let Some(absent) = (0..count).find(|index| answered(*index).is_none()) {
                    let doc_type = self
                        .purpose
                        .documents()
                        .get(absent)
                        .map(purpose::Document::doc_type);
                    let doc_type = doc_type.unwrap_or_default().to_owned();
                    purpose_outcome =
                        Outcome::Failed(missing().with("doc_type", Fact::Text(doc_type.into())));
                }
                let mut decision = worst(&judged);
                if decision.0 == Decision::Accepted && purpose_outcome.failure().is_some() {
                    decision = (Decision::Undetermined, Some(Reason::DocumentMissing));
                }
                answers = judged
                    .iter()
                    .flat_map(|document| document.answers.iter().copied())
                    .collect();
                decision
            }
        };
        let (decision, reason) = match decision {
            // None of the documents was asked for.
            (Decision::Accepted, None) if judged.iter().all(|document| document.asked.is_none()) => {
                if purpose_outcome.failure().is_none() {
                    purpose_outcome = Outcome::Failed(missing());
                }
                (Decision::Undetermined, Some(Reason::DocumentMissing))
            }
            decision => decision,
        };
        let checks = vec![
            passed(Check::ResponseDecode),
            passed(Check::ResponseStatus),
            CheckReport {
                check: Check::Purpose,
                outcome: purpose_outcome,
                as_of: None,
            },
        ];
        let mut wanted = Vec::new();
        let mut named = Vec::new();
        let mut documents = Vec::with_capacity(judged.len());
        let mut candidates = Vec::new();
        for mut document in judged {
            candidates.extend(Candidate::of(documents.len(), &mut document));
            named.append(&mut document.named);
            for need in document.wanted {
                if !wanted.contains(&need) {
                    wanted.push(need);
                }
            }
            documents.push(document.report);
        }
        let mut verdict = Verdict {
            decision,
            reason,
            checks,
            documents,
            unsupported: response.unsupported,
            answers: if decision == Decision::Accepted {
                answers
            } else {
                Vec::new()
            },
            ..self.without_documents(Vec::new())
        };
        seen::hold_back(&mut verdict, candidates, self.purpose);
        Judgement {
            verdict,
            wanted,
            named,
        }
    }

    /// The verdict on a response of which no document is judged; `made` ends with what failed.
    pub(super) fn without_documents(&self, made: Vec<CheckReport>) -> Verdict<'a> {
        let (decision, reason) = decide(&made);
        let after = made.last().map_or(Check::ResponseDecode, |report| report.check);
        Verdict {
            decision,
            reason,
            checks: all_after(made, after),
            documents: Vec::new(),
            unsupported: mdoc::response::Unsupported::default(),
            purpose: self.purpose.id(),
            purpose_hash: self.purpose.hash(),
            trust_hash: self.trust.hash(),
            at: self.now,
            answers: Vec::new(),
            held_back: None,
        }
    }
}

impl<'a> Candidate<'a> {
    /// An accepted document of which nobody has looked yet whether it was seen before. Takes what
    /// may not leave until then.
    fn of(place: usize, document: &mut Judged<'a>) -> Option<Self> {
        if document.report.decision != Decision::Accepted {
            return None;
        }
        let (asked, record) = (document.asked?, document.record.take()?);
        Some(Self {
            place,
            asked,
            record,
            answers: core::mem::take(&mut document.answers),
            verified: document.report.verified.take(),
        })
    }
}

/// Evidence against a document outweighs the lack of evidence; among equals the first check decides.
pub(super) fn decide(checks: &[CheckReport]) -> (Decision, Option<Reason>) {
    let reasons = || {
        checks
            .iter()
            .filter_map(|report| report.outcome.failure())
            .map(|finding| finding.reason)
    };
    let rejecting = reasons().find(|reason| Decision::of(*reason) == Decision::Rejected);
    match rejecting.or_else(|| reasons().next()) {
        Some(reason) => (Decision::of(reason), Some(reason)),
        None => (Decision::Accepted, None),
    }
}

/// The first rejected one of the documents that were asked for, else the first undetermined one.
fn worst(documents: &[Judged<'_>]) -> (Decision, Option<Reason>) {
    let asked = || {
        documents
            .iter()
            .filter(|document| document.asked.is_some())
            .map(|document| &document.report)
    };
    let of = |decision: Decision| asked().find(|report| report.decision == decision);
    match of(Decision::Rejected).or_else(|| of(Decision::Undetermined)) {
        Some(report) => (report.decision, report.reason),
        None => (Decision::Accepted, None),
    }
}
