//! Shared by the end-to-end tests: judging what the test issuer and its phone built.

pub mod bench;
pub mod fetching;
pub mod http;
pub mod list_server;
pub mod programs;
pub mod testdata;
pub mod trusting;

use std::time::{Duration, Instant};

use holder::{Built, Scenario};
use mdoc::crypto::PrivateKey;
use mdoc::session::SessionTranscript;
use mdoc::time::UnixTime;
use relying_party::purpose::Purpose;
use relying_party::{DeviceKeys, Evidence, TrustFile, TrustSnapshot, judge};
use serde_json::{Value, json};

/// A purpose that asks for just what a scenario asks, and answers nothing but the verdict.
pub fn purpose_of(scenario: &Scenario) -> Purpose {
    let documents: Vec<Value> = scenario
        .request
        .iter()
        .map(|document| {
            let mut request = serde_json::Map::new();
            for (name_space, elements) in &document.name_spaces {
                let elements: serde_json::Map<String, Value> = elements
                    .iter()
                    .map(|element| (element.clone(), json!(false)))
                    .collect();
                request.insert(name_space.clone(), Value::Object(elements));
            }
            json!({ "doc_type": document.doc_type, "request": request })
        })
        .collect();
    Purpose::from_json(json!({ "id": "test", "title": { "en": "Test" }, "document": documents }))
        .expect("a scenario asks for something")
}

/// A purpose that asks a My Number Card for the statement of twenty years, with this `revocation`.
pub fn age_purpose(revocation: &Value) -> Purpose {
    let purpose = json!({
        "id": "test", "title": { "en": "Test" },
        "document": [{ "doc_type": "org.iso.23220.1.jp.mnc", "request": { "org.iso.23220.1": { "age_over_20": false } } }],
        "answer": [{ "name": "over_20", "rule": "age_over", "threshold": 20 }],
        "revocation": revocation,
    });
    Purpose::from_json(purpose).expect("the revocation of a purpose")
}

/// A snapshot that trusts these roots.
pub fn trust(roots: &[&[u8]]) -> TrustSnapshot {
    let files = roots.iter().enumerate().map(|(index, root)| TrustFile {
        name: format!("anchors/{index:05}.der"),
        bytes: root.to_vec(),
    });
    TrustSnapshot::new(files.collect()).expect("the roots can be read")
}

/// Judges what a scenario built, with the reader's key at hand, at the scenario's instant.
pub fn verdict_of(built: &Built, purpose: &Purpose) -> Value {
    verdict_at(built, purpose, built.now)
}

/// As [`verdict_of`], at another instant.
pub fn verdict_at(built: &Built, purpose: &Purpose, now: i64) -> Value {
    verdict_on(built, purpose, &trust(&[&built.root]), &Evidence::default(), now)
}

/// As [`verdict_of`], with this trust and evidence at this instant.
pub fn verdict_on(
    built: &Built,
    purpose: &Purpose,
    trust: &TrustSnapshot,
    evidence: &Evidence,
    now: i64,
) -> Value {
    let transcript = SessionTranscript::from_bytes(&built.session_transcript).expect("a transcript");
    let key = PrivateKey::from_bytes(built.reader_key.curve(), &built.reader_key.private_bytes());
    let key = key.expect("a reader key");
    let now = UnixTime::from_seconds(now).expect("a year of four digits");
    let keys = DeviceKeys::Reader(&key);
    judge(&built.response, &transcript, keys, purpose, trust, evidence, now)
        .verdict
        .to_json_with_elements()
}

/// Judges a whole scenario.
pub fn judged(scenario: &Scenario) -> Value {
    verdict_of(&scenario.build(), &purpose_of(scenario))
}

/// `accepted`, or the reason.
pub fn outcome(verdict: &Value) -> String {
    match verdict["reason"].as_str() {
        Some(reason) => reason.to_owned(),
        None => verdict["verdict"].as_str().unwrap_or("no verdict").to_owned(),
    }
}

/// The check of the first document with this name.
pub fn check<'v>(verdict: &'v Value, name: &str) -> &'v Value {
    let checks = verdict["documents"][0]["checks"]
        .as_array()
        .expect("a document with checks");
    checks
        .iter()
        .find(|check| check["check"] == name)
        .expect("every check is in every report")
}

/// This decision for this reason, and nothing of the holder leaves.
///
/// # Panics
/// It is another, or something does.
#[track_caller]
pub fn assert_withheld(verdict: &Value, decision: &str, reason: &str) {
    assert_eq!(
        (&verdict["verdict"], outcome(verdict).as_str()),
        (&json!(decision), reason),
        "{verdict:#}"
    );
    assert_eq!(verdict["answers"], json!({}));
    for document in verdict["documents"].as_array().into_iter().flatten() {
        assert!(document.get("elements").is_none(), "{verdict:#}");
    }
}

/// The record of a scenario in the session with this number: another transcript, another response, the same
/// record.
pub fn in_session(scenario: Scenario, number: u8) -> Built {
    let transcript = [&[0x83, 0xf6, 0xf6, 0x41, number][..]].concat();
    let signed = transcript.clone();
    let mut built = scenario
        .with(holder::Stage::DeviceTranscript, move |bytes| {
            *bytes = ciborium::Value::Bytes(signed.clone())
        })
        .build();
    built.session_transcript = transcript;
    built
}

/// Waits until this is so. A busy machine may take long; what never comes is a failure after two minutes.
///
/// # Panics
/// It never came so far.
#[track_caller]
pub fn wait_until(done: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(120);
    while !done() {
        assert!(Instant::now() < patience, "it never came so far");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The folder of published vectors. Where it is not told, tests that need it say so and are left
/// out; in CI that is a failure.
pub fn vectors() -> Option<std::path::PathBuf> {
    match std::env::var_os("MDOC_VECTORS") {
        Some(folder) => Some(folder.into()),
        None if std::env::var_os("CI").is_some() => panic!("MDOC_VECTORS is not set"),
        None => None,
    }
}
