//! What both benchmarks share: the presentations, and the report in cargo's target directory.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use holder::credential::Credential;
use holder::hooks::Hooks;
use holder::issuer::{Issuer, IssuerOptions};
use holder::{Built, Scenario};
use mdoc::session::SessionTranscript;
use mdoc::time::UnixTime;
use relying_party::purpose::Purpose;
use relying_party::{Decision, DeviceKeys, Evidence, TrustSnapshot, judge};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};

/// A presentation and everything it is judged with.
pub struct Presented {
    /// The bytes.
    pub built: Built,
    /// What they answer.
    pub transcript: SessionTranscript,
    /// What they are judged for.
    pub purpose: Purpose,
    /// The instant they are judged at.
    pub now: UnixTime,
}

impl Presented {
    /// An mDL in the instant of the machine's clock, with two statements of age and, on demand, a portrait.
    pub fn mdl(portrait: Option<usize>) -> Self {
        let mut elements = vec![
            "age_over_20",
            "family_name",
            "given_name",
            "birth_date",
            "document_number",
        ];
        elements.extend(["issue_date", "expiry_date", "issuing_country"]);
        elements.extend(portrait.map(|_| "portrait"));
        let scenario = Scenario::new(Credential::mdl(portrait), &[("org.iso.18013.5.1", &elements)]);
        let (scenario, now) = at_the_clock(scenario);
        Self::of(&scenario, now)
    }

    /// A short mDL whose MSO names an entry of a status list, or none, and its issuer.
    pub fn with_status(status: Option<ciborium::Value>) -> (Self, Issuer, IssuerOptions) {
        let (mut scenario, now) = short();
        scenario.terms.status = status;
        let issuer = Issuer::new(&scenario.issuer, &Hooks::default());
        (Self::of(&scenario, now), issuer, scenario.issuer.clone())
    }

    /// The same mDL, issued `count` times over and presented in one response.
    pub fn mdls(count: usize) -> Self {
        let (mut scenario, now) = short();
        scenario.credentials = vec![scenario.credentials[0].clone(); count];
        scenario.request = vec![scenario.request[0].clone(); count];
        Self::of(&scenario, now)
    }

    fn of(scenario: &Scenario, now: i64) -> Self {
        let built = scenario.build();
        let mut purpose = json!({ "id": "bench", "title": { "en": "Bench" }, "document": [], "answer": [
            { "name": "over_20", "rule": "age_over", "threshold": 20 } ] });
        for document in &scenario.request {
            let mut request = Map::new();
            for (name_space, elements) in &document.name_spaces {
                let elements: Map<String, Value> = elements
                    .iter()
                    .map(|element| (element.clone(), json!(false)))
                    .collect();
                request.insert(name_space.clone(), Value::Object(elements));
            }
            let document = json!({ "doc_type": document.doc_type, "request": request });
            purpose["document"]
                .as_array_mut()
                .expect("an array")
                .push(document);
        }
        Self {
            transcript: SessionTranscript::from_bytes(&built.session_transcript).expect("a transcript"),
            purpose: Purpose::from_json(purpose).expect("a purpose"),
            now: UnixTime::from_seconds(now).expect("an instant"),
            built,
        }
    }

    /// Judges it.
    ///
    /// # Panics
    /// It is not accepted.
    pub fn judge(&self, trust: &TrustSnapshot, evidence: &Evidence) {
        let judgement = judge(
            &self.built.response,
            &self.transcript,
            DeviceKeys::None,
            &self.purpose,
            trust,
            evidence,
            self.now,
        );
        assert_eq!(judgement.verdict.decision, Decision::Accepted);
        std::hint::black_box(&judgement);
    }
}

/// An mDL of two elements in the instant of the machine's clock.
fn short() -> (Scenario, i64) {
    let elements: &[&str] = &["age_over_20", "family_name"];
    at_the_clock(Scenario::new(
        Credential::mdl(None),
        &[("org.iso.18013.5.1", elements)],
    ))
}

fn at_the_clock(mut scenario: Scenario) -> (Scenario, i64) {
    let now = clock();
    scenario.issuer.now = now;
    scenario.terms.signed = now - 3600;
    scenario.terms.valid_from = now - 3600;
    scenario.terms.valid_until = now + 86_400;
    (scenario, now)
}

/// Thread CPU time in nanoseconds.
#[must_use]
pub fn cpu() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}

/// The median.
///
/// # Panics
/// There is no value.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The median over rounds of the ratio of `left` to `right`, each run `each` times in turn.
pub fn ratio(rounds: usize, each: usize, mut left: impl FnMut(), mut right: impl FnMut()) -> f64 {
    let time = |work: &mut dyn FnMut()| {
        let start = cpu();
        for _ in 0..each {
            work();
        }
        cpu() - start
    };
    time(&mut left);
    time(&mut right);
    let mut ratios = Vec::with_capacity(rounds);
    for round in 0..rounds {
        // Each goes first in turn, so that neither profits from the order.
        let (first, second) = if round % 2 == 0 {
            let first = time(&mut left);
            (first, time(&mut right))
        } else {
            let second = time(&mut right);
            (time(&mut left), second)
        };
        ratios.push(first / second);
    }
    median(ratios)
}

fn clock() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a clock after 1970");
    i64::try_from(since.as_secs()).expect("a clock before the end of time")
}

/// Adds rows to bench.json in cargo's target directory, and prints them: name, figure, target, and
/// whether the target is an upper bound.
///
/// # Panics
/// The file cannot be written.
pub fn report(rows: &[(&str, f64, f64, bool)]) {
    let file = target_directory().join("bench.json");
    let known = fs::read(&file)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let mut report: Map<String, Value> = known.unwrap_or_default();
    let mut out = String::new();
    for (name, ratio, target, at_most) in rows {
        let met = if *at_most {
            ratio <= target
        } else {
            ratio >= target
        };
        let sign = if *at_most { "<=" } else { ">=" };
        out += &format!(
            "{name:<18}{ratio:>12.3}   target {sign} {target:<10} {}\n",
            if met { "met" } else { "MISSED" }
        );
        report.insert((*name).to_owned(), json!({ "ratio": ratio, "target": target }));
    }
    fs::write(&file, format!("{:#}\n", Value::Object(report))).expect("the target directory can be written");
    use std::io::Write as _;
    std::io::stdout()
        .lock()
        .write_all(out.as_bytes())
        .expect("standard output");
}

fn target_directory() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo's metadata");
    PathBuf::from(metadata["target_directory"].as_str().expect("a target directory"))
}
