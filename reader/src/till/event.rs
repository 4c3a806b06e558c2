//! What a till is told. Every text in an event is a name of this program's own, of the operator's purpose, or a random
//! number: there is no field that could hold a value of a document, and none is copied from a report but true and false.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use mdoc::time::UnixTime;
use mdoc::verify::Reason;
use rand_core::Rng as _;
use relying_party::purpose::{Answer, Audience, Documents, Purpose, Rule};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::step::Step;

/// One line for a till.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TillEvent {
    /// A step begins.
    Phase(PhaseEvent),
    /// A transaction has ended.
    Result(ResultEvent),
}

/// A random number that names one transaction and says nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TransactionId([u8; 16]);

/// A step begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PhaseEvent {
    /// None while no phone is there.
    pub(crate) transaction: Option<TransactionId>,
    pub(crate) at: UnixTime,
    pub(crate) step: Step,
}

/// What a transaction came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResultEvent {
    transaction: TransactionId,
    at: UnixTime,
    conclusion: Conclusion,
    /// The conditions of the purpose, by name; none unless accepted.
    answer: BTreeMap<String, bool>,
    /// Whether it was accepted and every condition holds.
    is_yes: bool,
    /// Codes of this program, the deciding one first.
    reasons: Vec<&'static str>,
    purpose: String,
    /// Where it failed, without a verdict.
    phase: Option<&'static str>,
    duration: Duration,
}

/// The verdict, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conclusion {
    Accepted,
    Rejected,
    Undetermined,
    NoVerdict,
}

impl TillEvent {
    /// One line, without its end.
    pub(crate) fn line(&self) -> String {
        match self {
            Self::Phase(event) => json!({
                "event": "phase",
                "transaction": event.transaction.map(|transaction| transaction.to_string()),
                "time": event.at.to_string(),
                "phase": phase(event.step),
            }),
            Self::Result(event) => json!({
                "event": "result",
                "transaction": event.transaction.to_string(),
                "time": event.at.to_string(),
                "verdict": event.conclusion.verdict(),
                "answer": event.answer,
                "reasons": event.reasons,
                "purpose": event.purpose,
                "phase": event.phase,
                "duration_ms": u64::try_from(event.duration.as_millis()).unwrap_or(u64::MAX),
            }),
        }
        .to_string()
    }
}

#[cfg(feature = "till")]
impl TillEvent {
    /// The code of a result: a letter, and the exit status that `reader read` has for it. An acceptance with a condition
    /// that does not hold has a letter of its own, for a till that knows nothing but the code.
    pub(super) const fn code(&self) -> Option<&'static str> {
        let Self::Result(event) = self else {
            return None;
        };
        Some(match event.conclusion {
            Conclusion::Accepted if event.is_yes => "A0",
            Conclusion::Accepted => "N0",
            Conclusion::Rejected => "R1",
            Conclusion::Undetermined => "U2",
            Conclusion::NoVerdict => "F3",
        })
    }

    /// The name of its kind.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Phase(_) => "phase",
            Self::Result(_) => "result",
        }
    }
}

impl Conclusion {
    const fn verdict(self) -> Option<&'static str> {
        match self {
            Self::Accepted => Some("accepted"),
            Self::Rejected => Some("rejected"),
            Self::Undetermined => Some("undetermined"),
            Self::NoVerdict => None,
        }
    }
}

impl ResultEvent {
    /// Of a report, whoever judged, or of a failure.
    pub(crate) fn new(
        transaction: TransactionId,
        at: UnixTime,
        result: &Result<Value, Failure>,
        purpose: &Purpose,
        duration: Duration,
    ) -> Self {
        let mut event = Self {
            transaction,
            at,
            conclusion: Conclusion::NoVerdict,
            answer: BTreeMap::new(),
            is_yes: false,
            reasons: Vec::new(),
            purpose: purpose.id().to_owned(),
            phase: None,
            duration,
        };
        match result {
            Ok(report) => {
                event.conclusion = match report["verdict"].as_str() {
                    Some("accepted") => Conclusion::Accepted,
                    Some("rejected") => Conclusion::Rejected,
                    _ => Conclusion::Undetermined,
                };
                event.reasons = reasons(report);
                if event.conclusion == Conclusion::Accepted {
                    event.answer = answered(report, purpose);
                    event.is_yes = holds(&event.answer, purpose);
                }
            }
            Err(failure) => {
                event.reasons = vec![failure.code()];
                event.phase = Some(failure.phase());
            }
        }
        event
    }
}

impl TransactionId {
    /// From the operating system's source.
    pub(crate) fn random() -> Self {
        let mut bytes = [0; 16];
        rand_core::UnwrapErr(getrandom::SysRng).fill_bytes(&mut bytes);
        Self(bytes)
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The name of a step, for programs.
const fn phase(step: Step) -> &'static str {
    match step {
        Step::Waiting | Step::WaitingNear => "waiting",
        Step::Engaged => "engaged",
        Step::Connecting => "connecting",
        Step::Requesting => "requesting",
        Step::Consent => "consent",
        Step::Receiving => "receiving",
        Step::Checking => "checking",
    }
}

/// The codes of a report, each once: its own, then those of documents and of checks that failed or warned. A text that is
/// no code of this program's is passed over, whoever wrote it.
fn reasons(report: &Value) -> Vec<&'static str> {
    let documents = report["documents"].as_array().into_iter().flatten();
    let reports = || std::iter::once(report).chain(documents.clone());
    let own = reports().map(|report| &report["reason"]);
    let checks = reports()
        .filter_map(|report| report["checks"].as_array())
        .flatten()
        .map(|check| &check["reason"]);
    let known = |text: &Value| {
        let mut codes = Reason::ALL.iter().map(|reason| reason.code());
        codes.find(|code| text.as_str() == Some(*code))
    };
    let mut seen = BTreeSet::new();
    own.chain(checks)
        .filter_map(known)
        .filter(|code| seen.insert(*code))
        .collect()
}

/// The answers of a report to the conditions of the purpose.
fn answered(report: &Value, purpose: &Purpose) -> BTreeMap<String, bool> {
    conditions(purpose)
        .filter_map(|answer| Some((answer.name.clone(), report["answers"][&answer.name].as_bool()?)))
        .collect()
}

/// Whether every condition holds that has to be answered; where any document will do, one that is answered.
fn holds(answered: &BTreeMap<String, bool>, purpose: &Purpose) -> bool {
    let is_true = |answer: &Answer| answered.get(&answer.name) == Some(&true);
    let mut conditions = conditions(purpose).filter(|answer| !answer.optional).peekable();
    let is_whole = match purpose.rule() {
        Documents::All => conditions.all(is_true),
        Documents::Any => conditions.peek().is_none() || conditions.any(is_true),
    };
    is_whole && answered.values().all(|holds| *holds)
}

/// The answers of a purpose that are true or false.
fn conditions(purpose: &Purpose) -> impl Iterator<Item = &Answer> {
    answers(purpose).filter(|answer| matches!(answer.rule, Rule::AgeOver { .. } | Rule::Equals { .. }))
}

/// The names of the answers of a purpose that return an element's value.
pub(super) fn values(purpose: &Purpose) -> Vec<&str> {
    let names: BTreeSet<&str> = answers(purpose)
        .filter(|answer| matches!(answer.rule, Rule::Element { .. }))
        .map(|answer| answer.name.as_str())
        .collect();
    names.into_iter().collect()
}

/// The answers that leave the counter.
fn answers(purpose: &Purpose) -> impl Iterator<Item = &Answer> {
    let documents = purpose.documents().iter();
    documents
        .flat_map(|document| purpose.answers_of(document))
        .filter(|answer| answer.audience == Audience::Backend)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purpose(id: &str) -> Purpose {
        relying_party::purpose::ready_made(id).unwrap()
    }

    /// The line of a result, without its time and its transaction.
    fn line(result: &Result<Value, Failure>, id: &str) -> Value {
        let at = UnixTime::from_seconds(1_800_000_000).unwrap();
        let transaction = TransactionId([7; 16]);
        let duration = Duration::from_millis(1234);
        let event = ResultEvent::new(transaction, at, result, &purpose(id), duration);
        let mut line: Value = serde_json::from_str(&TillEvent::Result(event).line()).unwrap();
        let map = line.as_object_mut().unwrap();
        assert_eq!(map.remove("transaction"), Some(json!("07".repeat(16))));
        assert_eq!(map.remove("time"), Some(json!("2027-01-15T08:00:00Z")));
        line
    }

    #[test]
    fn a_result_has_these_members_and_no_others() {
        let report = json!({ "verdict": "accepted", "reason": null, "answers": { "over_20": true } });
        let expected = json!({ "event": "result", "verdict": "accepted", "answer": { "over_20": true }, "reasons": [],
            "purpose": "age-20", "phase": null, "duration_ms": 1234 });
        assert_eq!(line(&Ok(report), "age-20"), expected);
        let expected = json!({ "event": "result", "verdict": null, "answer": {}, "reasons": ["session.engagement"],
            "purpose": "age-20", "phase": "engagement", "duration_ms": 1234 });
        assert_eq!(line(&Err(Failure::Engagement), "age-20"), expected);
    }

    #[test]
    fn no_value_becomes_an_answer() {
        let values = json!({ "name": "Taro", "address": "Tokyo", "birth_date": "1990-01-01" });
        let report = json!({ "verdict": "accepted", "reason": null, "answers": values });
        assert_eq!(line(&Ok(report), "identity-basic")["answer"], json!({}));
        // Not even where it is true or false: what an element holds is no condition of the purpose.
        let report = json!({ "verdict": "accepted", "reason": null, "answers": { "name": true } });
        assert_eq!(line(&Ok(report), "identity-basic")["answer"], json!({}));
        for wrong in [
            json!("Taro"),
            json!(1),
            json!(["a"]),
            json!({ "a": "b" }),
            Value::Null,
        ] {
            let report = json!({ "verdict": "accepted", "reason": null, "answers": { "over_20": wrong, "Taro": true } });
            assert_eq!(line(&Ok(report), "age-20")["answer"], json!({}), "{wrong}");
        }
        let report =
            json!({ "verdict": "accepted", "reason": null, "answers": { "over_20": false, "Taro": true } });
        assert_eq!(line(&Ok(report), "age-20")["answer"], json!({ "over_20": false }));
    }

    #[test]
    fn nothing_is_answered_without_an_acceptance() {
        for verdict in ["rejected", "undetermined"] {
            let report =
                json!({ "verdict": verdict, "reason": "mso.expired", "answers": { "over_20": true } });
            let line = line(&Ok(report), "age-20");
            assert_eq!((&line["verdict"], &line["answer"]), (&json!(verdict), &json!({})));
        }
        // A verdict that is none is no acceptance.
        for verdict in [json!("Taro"), json!("ACCEPTED"), Value::Null, json!(["accepted"])] {
            let report = json!({ "verdict": verdict, "answers": { "over_20": true } });
            let line = line(&Ok(report), "age-20");
            assert_eq!(
                (&line["verdict"], &line["answer"]),
                (&json!("undetermined"), &json!({}))
            );
        }
    }

    #[test]
    fn reasons_are_known_codes_each_once_and_the_deciding_one_first() {
        let checks = json!([{ "check": "digests", "result": "failed", "reason": "digest.mismatch" },
            { "check": "mso.validity", "result": "failed", "reason": "mso.expired" }]);
        let report = json!({ "verdict": "rejected", "reason": "mso.expired",
            "documents": [{ "reason": "mso.expired", "checks": checks }] });
        let expected = json!(["mso.expired", "digest.mismatch"]);
        assert_eq!(line(&Ok(report), "age-20")["reasons"], expected);
        let report = json!({ "verdict": "rejected", "reason": "Taro", "checks": "Taro",
            "documents": [{ "reason": "mso.expired Taro", "checks": [{ "reason": "Taro" }, { "reason": 1 }, 2] }, "Taro"] });
        assert_eq!(line(&Ok(report), "age-20")["reasons"], json!([]));
    }

    #[test]
    fn an_acceptance_without_a_yes_is_none_to_a_till_that_knows_codes_alone() {
        let yes = |answers: Value, purpose: &Purpose| {
            let report = json!({ "answers": answers });
            holds(&answered(&report, purpose), purpose)
        };
        for id in ["age-20", "age-20-any", "age-20-unattended"] {
            assert!(yes(json!({ "over_20": true }), &purpose(id)), "{id}");
            for no in [
                json!({ "over_20": false }),
                json!({}),
                json!({ "over_20": null }),
                json!({ "over_20": "true" }),
                json!({ "over_18": true }),
            ] {
                assert!(!yes(no.clone(), &purpose(id)), "{id}: {no}");
            }
        }
        // A purpose without conditions is answered by what it returns.
        assert!(yes(json!({}), &purpose("identity-basic")));
    }

    #[test]
    fn values_are_told_from_conditions() {
        assert_eq!(
            values(&purpose("identity-basic")),
            ["address", "birth_date", "name"]
        );
        // The portrait is for the clerk's eyes, and leaves nowhere.
        assert!(values(&purpose("age-20")).is_empty());
    }

    #[test]
    fn transactions_differ() {
        assert_ne!(TransactionId::random(), TransactionId::random());
    }
}
