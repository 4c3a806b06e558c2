//! The verdict and its report, and their JSON form.

use mdoc::verify::{Check, CheckReport, Fact, Finding, Outcome, Reason, VerifiedDocument, Weight};
use mdoc::{cbor::Item, time::UnixTime};
use serde_json::{Map, Value, json};

use crate::matching::Matching;
use crate::profile::NextStep;
use crate::purpose::Audience;
use crate::seen::HeldBack;
use crate::values;

/// What the evidence comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Every check holds and every answer is there.
    Accepted,
    /// There is evidence against the response.
    Rejected,
    /// There is not enough evidence.
    Undetermined,
}

impl Decision {
    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Undetermined => "undetermined",
        }
    }

    /// The decision that a failure for `reason` leads to.
    pub const fn of(reason: Reason) -> Self {
        match reason.weight() {
            Weight::Rejects => Self::Rejected,
            Weight::Undetermined => Self::Undetermined,
        }
    }
}

/// The value of an answer. Personal data until somebody asks for its JSON form.
#[derive(Clone, Copy)]
pub enum AnswerValue<'a> {
    /// Yes or no.
    Bool(bool),
    /// An element as the issuer signed it.
    Element(Item<'a>),
}

/// One answer of the purpose.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// Its name in the purpose.
    pub name: &'a str,
    /// Who may see it.
    pub audience: Audience,
    value: AnswerValue<'a>,
    matching: Option<Matching>,
}

impl<'a> Answer<'a> {
    pub(crate) const fn new(name: &'a str, audience: Audience, value: AnswerValue<'a>) -> Self {
        Self {
            name,
            audience,
            value,
            matching: None,
        }
    }

    pub(crate) const fn with_matching(mut self, matching: Option<Matching>) -> Self {
        self.matching = matching;
        self
    }

    /// How the two texts of a comparison by `equals` match; none for every other answer.
    pub const fn matching(&self) -> Option<Matching> {
        self.matching
    }

    /// The value in JSON.
    pub fn to_json(&self) -> Value {
        match self.value {
            AnswerValue::Bool(value) => Value::Bool(value),
            AnswerValue::Element(item) => values::to_json(item),
        }
    }

    /// The value of a yes-or-no answer.
    pub const fn as_bool(&self) -> Option<bool> {
        match self.value {
            AnswerValue::Bool(value) => Some(value),
            AnswerValue::Element(_) => None,
        }
    }

    /// The bytes of an answer that is a byte string, such as a portrait.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match self.value {
            AnswerValue::Bool(_) => None,
            AnswerValue::Element(item) => item.as_bytes(),
        }
    }
}

/// Says only that there is an answer.
impl core::fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Answer")
            .field("name", &self.name)
            .field("audience", &self.audience)
            .finish()
    }
}

/// The report on one document of the response.
#[derive(Debug)]
pub struct DocumentReport<'a> {
    /// The document type that the response names.
    pub doc_type: &'a str,
    /// The edition of the standard that the response follows: `2021` or `second`.
    pub edition: &'static str,
    /// The decision on this document alone.
    pub decision: Decision,
    /// Its reason, unless accepted.
    pub reason: Option<Reason>,
    /// Every check, in order.
    pub checks: Vec<CheckReport>,
    /// Returned elements that were not asked for, by namespace and name. Their values stay inside.
    pub withheld: Vec<(&'a str, &'a str)>,
    /// What the holder can do, where the profile of the document's type knows something.
    pub next_step: Option<NextStep>,
    /// The verified document, where it is accepted.
    pub(crate) verified: Option<VerifiedDocument<'a>>,
}

/// What [`crate::judge`] comes to.
#[derive(Debug)]
pub struct Verdict<'a> {
    /// The decision on the whole response.
    pub decision: Decision,
    /// Its reason, unless accepted.
    pub reason: Option<Reason>,
    /// The checks on the response as a whole; all fifteen where it holds no document.
    pub checks: Vec<CheckReport>,
    /// The documents, in the order received.
    pub documents: Vec<DocumentReport<'a>>,
    /// Documents in forms that are not judged.
    pub unsupported: mdoc::response::Unsupported,
    /// The purpose's identifier.
    pub purpose: &'a str,
    /// The purpose's hash.
    pub purpose_hash: [u8; 32],
    /// The trust snapshot's hash.
    pub trust_hash: [u8; 32],
    /// The instant of judgement.
    pub at: UnixTime,
    pub(crate) answers: Vec<Answer<'a>>,
    /// What is known already and may leave once somebody has looked whether it was seen before.
    pub(crate) held_back: Option<HeldBack<'a>>,
}

impl<'a> Verdict<'a> {
    /// The answers of an accepted response for this audience; none otherwise.
    pub fn answers(&self, audience: Audience) -> impl Iterator<Item = &Answer<'a>> {
        let accepted = self.decision == Decision::Accepted;
        self.answers
            .iter()
            .filter(move |answer| accepted && answer.audience == audience)
    }

    /// The JSON form for back ends. Answers for the counter's eyes are not in it.
    pub fn to_json(&self) -> Value {
        self.json(|_| None)
    }

    /// As [`Self::to_json`], with the requested elements of each accepted document. For files and
    /// job streams on the operator's own machine, never for a network.
    pub fn to_json_with_elements(&self) -> Value {
        self.json(DocumentReport::elements)
    }

    fn json(&self, elements: impl Fn(&DocumentReport<'a>) -> Option<Value>) -> Value {
        let answers: Map<String, Value> = self
            .answers(Audience::Backend)
            .map(|answer| (answer.name.to_owned(), answer.to_json()))
            .collect();
        let matches: Map<String, Value> = self
            .answers(Audience::Backend)
            .filter_map(|answer| Some((answer.name.to_owned(), answer.matching?.to_json())))
            .collect();
        let documents: Vec<Value> = self
            .documents
            .iter()
            .map(|document| document.json(elements(document)))
            .collect();
        let mut verdict = json!({
            "verdict": self.decision.name(),
            "reason": self.reason.map(Reason::code),
            "answers": answers,
            "checks": checks_json(&self.checks),
            "documents": documents,
        });
        if let (false, Some(map)) = (matches.is_empty(), verdict.as_object_mut()) {
            map.insert("matches".to_owned(), Value::Object(matches));
        }
        if let (true, Some(map)) = (self.unsupported.any(), verdict.as_object_mut()) {
            let unsupported = json!({
                "zk_documents": self.unsupported.zk_documents,
                "encrypted_documents": self.unsupported.encrypted_documents,
                "other_documents": self.unsupported.other_documents,
            });
            map.insert("unsupported".to_owned(), unsupported);
        }
        if let Some(map) = verdict.as_object_mut() {
            map.insert("purpose".to_owned(), json!(self.purpose));
            map.insert("purpose_hash".to_owned(), json!(sha256_text(&self.purpose_hash)));
            map.insert("trust_hash".to_owned(), json!(sha256_text(&self.trust_hash)));
            map.insert("at".to_owned(), json!(self.at.to_string()));
            map.insert("certified_program".to_owned(), Value::Null);
        }
        verdict
    }
}

impl DocumentReport<'_> {
    fn json(&self, elements: Option<Value>) -> Value {
        let mut document = json!({
            "doc_type": self.doc_type,
            "edition": self.edition,
            "verdict": self.decision.name(),
            "reason": self.reason.map(Reason::code),
            "checks": checks_json(&self.checks),
            "withheld": self.withheld,
        });
        if let (Some(step), Some(map)) = (&self.next_step, document.as_object_mut()) {
            map.insert("next_step".to_owned(), json!({ "en": step.en, "ja": step.ja }));
        }
        if let (Some(elements), Some(map)) = (elements, document.as_object_mut()) {
            map.insert("elements".to_owned(), elements);
        }
        document
    }

    /// The requested elements of an accepted document by namespace and name.
    fn elements(&self) -> Option<Value> {
        let verified = self.verified.as_ref()?;
        let mut name_spaces = Map::new();
        for element in verified.elements() {
            if self.withheld.contains(&(element.name_space, element.identifier)) {
                continue;
            }
            let name_space = name_spaces
                .entry(element.name_space)
                .or_insert_with(|| Value::Object(Map::new()));
            if let Some(elements) = name_space.as_object_mut() {
                elements.insert(element.identifier.to_owned(), values::to_json(element.value));
            }
        }
        Some(Value::Object(name_spaces))
    }
}

/// `sha256:` and the hash in hexadecimal.
pub fn sha256_text(hash: &[u8; 32]) -> String {
    hash.iter()
        .fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

fn checks_json(checks: &[CheckReport]) -> Vec<Value> {
    checks.iter().map(check_json).collect()
}

fn check_json(report: &CheckReport) -> Value {
    let mut check = Map::new();
    check.insert("check".to_owned(), json!(report.check.name()));
    let mut result = |word: &str, reason: Option<Reason>, facts: &[(&'static str, Fact)]| {
        check.insert("result".to_owned(), json!(word));
        if let Some(reason) = reason {
            check.insert("reason".to_owned(), json!(reason.code()));
        }
        if !facts.is_empty() {
            check.insert("detail".to_owned(), facts_json(facts));
        }
    };
    match &report.outcome {
        Outcome::Passed(facts) => result("passed", None, facts),
        Outcome::Warned(Finding { reason, detail }) => result("warned", Some(*reason), detail),
        Outcome::Failed(Finding { reason, detail }) => result("failed", Some(*reason), detail),
        Outcome::NotReached { after } => {
            check.insert("result".to_owned(), json!("not_reached"));
            check.insert("after".to_owned(), json!(after.name()));
        }
    }
    if let Some(as_of) = report.as_of {
        check.insert("as_of".to_owned(), json!(as_of.to_string()));
    }
    Value::Object(check)
}

fn facts_json(facts: &[(&'static str, Fact)]) -> Value {
    let value = |fact: &Fact| match fact {
        Fact::Text(text) => json!(text),
        Fact::Number(number) => json!(number),
        Fact::Time(at) => json!(at.to_string()),
        Fact::Sha256(hash) => json!(sha256_text(hash)),
        _ => Value::Null,
    };
    Value::Object(
        facts
            .iter()
            .map(|(name, fact)| ((*name).to_owned(), value(fact)))
            .collect(),
    )
}

/// The checks of which none but `first` could be made, for a response that holds no document.
pub(crate) fn all_after(first: Vec<CheckReport>, after: Check) -> Vec<CheckReport> {
    let mut checks = first;
    for check in Check::ALL.into_iter().skip(checks.len()) {
        checks.push(CheckReport {
            check,
            outcome: Outcome::NotReached { after },
            as_of: None,
        });
    }
    checks
}
