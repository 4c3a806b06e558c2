//! The service over HTTP: the verdicts of the judge, the caller's faults by their types, and what
//! HTTP itself asks for. In this process on a free port, at the instant of the test issuer.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciborium::Value as Cbor;
use holder::credential::Credential;
use holder::scenario::NOW;
use holder::{Built, Scenario, Stage};
use mdoc::session::SessionTranscript;
use mdoc::time::UnixTime;
use relying_party::purpose::READY_MADE;
use relying_party::{DeviceKeys, judge};
use serde_json::{Value, json};
use verifier_api::serve::{Config, Running, Service, Tally, Totals};
use verifier_tests::http::{Connection, Response, fetch, head};

const PATH: &str = "/v1/verifications";
const JSON: (&str, &str) = ("Content-Type", "application/json");
const CBOR: (&str, &str) = ("Content-Type", "application/cbor");
const PURPOSE: &str = "age-20-unattended";

fn now() -> UnixTime {
    UnixTime::from_seconds(NOW).unwrap()
}

/// A service that trusts the issuer of a scenario.
struct Api {
    running: Running,
    folder: tempfile::TempDir,
}

impl Api {
    fn new() -> Self {
        Self::with(|_, _| {})
    }

    fn with(change: impl FnOnce(&mut Config, &Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            trust: Some(trust_directory(folder.path())),
            workers: 1,
            ..Config::default()
        };
        change(&mut config, folder.path());
        let service = Service::bind(config).unwrap().with_clock(now);
        let running = service.start().unwrap();
        Self { running, folder }
    }

    fn post(&self, headers: &[(&str, &str)], body: &[u8]) -> Response {
        fetch(self.running.address(), "POST", PATH, headers, body)
    }

    fn json(&self, body: &Value) -> Response {
        self.post(&[JSON], body.to_string().as_bytes())
    }

    fn cbor(&self, body: &Cbor) -> Response {
        self.post(&[CBOR], &holder::encode(body))
    }

    /// What the judge says without any HTTP.
    fn judged(&self, case: &Case) -> Value {
        let trust = operator::load_trust(&self.folder.path().join("trust")).unwrap();
        let purpose = operator::load_purpose(PURPOSE).unwrap();
        let transcript = SessionTranscript::from_bytes(&case.transcript).unwrap();
        let keys = match (&case.mac_key, &case.mac_keys) {
            (Some(key), _) => DeviceKeys::Mac(key),
            (_, Some(keys)) => DeviceKeys::PerDocument(keys),
            _ => DeviceKeys::None,
        };
        let evidence = trust.evidence();
        let judgement = judge(
            &case.response,
            &transcript,
            keys,
            &purpose,
            &trust,
            evidence,
            now(),
        );
        judgement.verdict.to_json()
    }
}

fn trust_directory(folder: &Path) -> std::path::PathBuf {
    let trust = folder.join("trust");
    std::fs::create_dir_all(trust.join("anchors")).unwrap();
    let root = Scenario::my_number().build().root_pem;
    std::fs::write(trust.join("anchors/test.pem"), root).unwrap();
    trust
}

/// What a caller sends.
#[derive(Clone)]
struct Case {
    response: Vec<u8>,
    transcript: Vec<u8>,
    mac_key: Option<[u8; 32]>,
    mac_keys: Option<Vec<Option<[u8; 32]>>>,
}

impl Case {
    fn of(built: &Built) -> Self {
        Self {
            response: built.response.clone(),
            transcript: built.session_transcript.clone(),
            mac_key: None,
            mac_keys: None,
        }
    }

    fn good() -> Self {
        Self::of(&Scenario::my_number().build())
    }

    fn to_json(&self) -> Value {
        let mut body = json!({ "purpose": PURPOSE, "device_response": base64url(&self.response),
            "session_transcript": base64url(&self.transcript) });
        if let Some(key) = &self.mac_key {
            body["mac_key"] = json!(base64url(key));
        }
        if let Some(keys) = &self.mac_keys {
            body["mac_keys"] = keys.iter().map(|key| key.map(|key| base64url(&key))).collect();
        }
        body
    }

    fn to_cbor(&self) -> Cbor {
        let mut body = vec![
            ("purpose".into(), PURPOSE.into()),
            ("device_response".into(), Cbor::Bytes(self.response.clone())),
            ("session_transcript".into(), Cbor::Bytes(self.transcript.clone())),
        ];
        let bytes = |key: &[u8; 32]| Cbor::Bytes(key.to_vec());
        body.extend(self.mac_key.as_ref().map(|key| ("mac_key".into(), bytes(key))));
        body.extend(self.mac_keys.as_ref().map(|keys| {
            let keys = keys.iter().map(|key| key.as_ref().map_or(Cbor::Null, bytes));
            ("mac_keys".into(), Cbor::Array(keys.collect()))
        }));
        Cbor::Map(body)
    }
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn mac_key(built: &Built) -> [u8; 32] {
    holder::wallet::mac_key(
        &built.device_key,
        &built.reader_key.public_bytes(),
        &built.session_transcript,
    )
}

/// Asserts a problem's status, type and field, and that it says what to do.
#[track_caller]
fn assert_problem(response: &Response, status: u16, slug: &str, field: Option<&str>) {
    assert_eq!(response.status, status, "{response:?}");
    assert_eq!(response.header("content-type"), Some("application/problem+json"));
    assert!(response.header("x-request-id").is_some());
    let problem = response.json();
    assert_eq!(problem["type"], format!("urn:mdoc-verifier:problem:{slug}"));
    assert_eq!(
        (&problem["status"], &problem["field"]),
        (&json!(status), &json!(field))
    );
    for text in ["title", "detail", "next_step"] {
        assert!(!problem[text].as_str().unwrap().is_empty(), "{problem}");
    }
}

#[track_caller]
fn assert_accepted(response: &Response) {
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_eq!(response.json()["verdict"], "accepted", "{}", response.json());
}

// --- Verdicts -----------------------------------------------------------------------------------------------

#[test]
fn a_verdict_over_http_is_the_verdict_of_the_judge() {
    let api = Api::new();
    let mac = Scenario::my_number().set(|s| s.mac = true).build();
    let mut one_key = Case::of(&mac);
    one_key.mac_key = Some(mac_key(&mac));
    let mut per_document = Case::of(&mac);
    per_document.mac_keys = Some(vec![Some(mac_key(&mac)), None]);
    let mut wrong_key = one_key.clone();
    wrong_key.mac_key = Some([7; 32]);
    let mut null_key = Case::of(&mac);
    null_key.mac_keys = Some(vec![None]);
    let tampered = Scenario::my_number().with(Stage::IssuerSignedItemBytes, |bytes| {
        if let Some(byte) = bytes.as_bytes_mut().and_then(|bytes| bytes.last_mut()) {
            *byte ^= 1;
        }
    });
    let expired = Scenario::my_number().set(|s| s.terms.valid_until = NOW - 1);
    for (name, case, outcome) in [
        ("signature", Case::good(), "accepted"),
        ("one key", one_key, "accepted"),
        ("key by document", per_document, "accepted"),
        ("wrong key", wrong_key, "device.mac"),
        ("no key", Case::of(&mac), "device.mac"),
        ("null for a key", null_key, "device.mac"),
        ("tampered", Case::of(&tampered.build()), "digest.mismatch"),
        ("expired", Case::of(&expired.build()), "mso.expired"),
        (
            "not asked for",
            Case::of(&Scenario::mdl().build()),
            "document.missing",
        ),
    ] {
        let expected = api.judged(&case);
        assert_eq!(verifier_tests::outcome(&expected), outcome, "{name}");
        for response in [api.json(&case.to_json()), api.cbor(&case.to_cbor())] {
            assert_eq!(response.status, 200, "{name}");
            assert_eq!(response.header("content-type"), Some("application/json"));
            assert_eq!(response.json(), expected, "{name}");
        }
    }
}

#[test]
fn a_large_response_is_judged_alike_away_from_the_serving_threads() {
    let api = Api::new();
    let elements: &[(&str, &[&str])] = &[
        ("org.iso.23220.1", &["age_over_20"]),
        ("org.iso.23220.1.jp", &["portrait"]),
    ];
    let case = Case::of(&Scenario::new(Credential::my_number(Some(600_000)), elements).build());
    assert!(case.response.len() > 512 * 1024);
    let expected = api.judged(&case);
    assert_eq!(verifier_tests::outcome(&expected), "accepted");
    assert_eq!(api.json(&case.to_json()).json(), expected);
    assert_eq!(api.cbor(&case.to_cbor()).json(), expected);
}

#[test]
fn elements_and_answers_for_the_counter_do_not_leave() {
    let api = Api::new();
    let elements: &[(&str, &[&str])] = &[
        ("org.iso.23220.1", &["age_over_20", "birth_date"]),
        ("org.iso.23220.1.jp", &["portrait", "full_name_unicode"]),
    ];
    let case = Case::of(&Scenario::new(Credential::my_number(Some(2000)), elements).build());
    let mut body = case.to_json();
    body["purpose"] = json!("age-20");
    let response = api.json(&body);
    assert_accepted(&response);
    let verdict = response.json();
    assert_eq!(verdict["answers"], json!({ "over_20": true }));
    assert!(verdict["documents"][0].get("elements").is_none());
    let text = String::from_utf8(response.body).unwrap();
    assert!(!text.contains("1994") && !text.contains('辻'));
}

#[test]
fn whatever_a_phone_could_send_gets_a_verdict() {
    let api = Api::new();
    let good = Case::good();
    let with = |response: Vec<u8>| Case {
        response,
        ..good.clone()
    };
    assert_accepted(&api.cbor(&good.to_cbor()));
    let mut connection = Connection::open(api.running.address());
    let mut judged = |case: &Case| {
        connection.request("POST", PATH, &[CBOR], &holder::encode(&case.to_cbor()));
        let response = connection.response(false);
        assert_eq!(response.status, 200, "{response:?}");
        response.json()
    };
    for length in (0..good.response.len()).step_by(37) {
        let verdict = judged(&with(good.response[..length].to_vec()));
        assert_eq!(verdict["reason"], "response.malformed", "{length} bytes");
    }
    for index in (0..good.response.len()).step_by(53) {
        let mut response = good.response.clone();
        response[index] ^= 0x55;
        assert_ne!(judged(&with(response))["verdict"], "accepted", "byte {index}");
    }
    // A generator of Knuth's: bytes without any order, the same in every run.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    })
    .take(300_000)
    .collect();
    for length in [1, 10, 1000, noise.len()] {
        assert_eq!(judged(&with(noise[..length].to_vec()))["verdict"], "rejected");
    }
    assert_eq!(judged(&with(vec![0x9f; 100_000]))["reason"], "response.malformed");
}

#[test]
fn a_response_over_the_limit_of_the_judge_gets_its_verdict() {
    let api = Api::new();
    let mut case = Case::good();
    case.response = vec![0; 4 * 1024 * 1024 + 1];
    for response in [api.json(&case.to_json()), api.cbor(&case.to_cbor())] {
        assert_eq!(response.status, 200);
        assert_eq!(response.json()["reason"], "response.too_large");
    }
    case.response.pop();
    assert_eq!(api.cbor(&case.to_cbor()).json()["reason"], "response.malformed");
}

// --- Faults of the caller -----------------------------------------------------------------------------------

#[test]
fn each_fault_of_a_json_body_has_its_own_type() {
    let api = Api::new();
    let mut twin = Case::good().to_json();
    twin["purpose_hash"] = api.judged(&Case::good())["purpose_hash"].clone();
    assert_accepted(&api.json(&twin));
    let key = base64url(&[1; 32]);
    let other_hash = format!("sha256:{}", "0".repeat(64));
    let many = vec![Value::Null; 65];
    let deep = json!([[[]]]);
    for (field, value, status, slug, named) in [
        ("purpose", json!("age-21"), 422, "purpose-unknown", "purpose"),
        ("purpose", json!(""), 422, "purpose-unknown", "purpose"),
        (
            "purpose",
            json!("relying-party/purposes/age-20.toml"),
            422,
            "purpose-unknown",
            "purpose",
        ),
        ("purpose", json!(20), 422, "member-type", "purpose"),
        ("purpose", json!({ "id": "p" }), 422, "member-type", "purpose"),
        ("purpose", Value::Null, 422, "member-missing", "purpose"),
        (
            "purpose_hash",
            json!(other_hash),
            409,
            "purpose-hash-mismatch",
            "purpose_hash",
        ),
        (
            "purpose_hash",
            json!("sha256:00"),
            422,
            "purpose-hash-invalid",
            "purpose_hash",
        ),
        (
            "purpose_hash",
            json!(other_hash.to_uppercase()),
            422,
            "purpose-hash-invalid",
            "purpose_hash",
        ),
        (
            "purpose_hash",
            json!([other_hash]),
            422,
            "member-type",
            "purpose_hash",
        ),
        (
            "device_response",
            Value::Null,
            422,
            "member-missing",
            "device_response",
        ),
        ("device_response", json!(7), 422, "member-type", "device_response"),
        (
            "device_response",
            json!(["AA"]),
            422,
            "member-type",
            "device_response",
        ),
        (
            "device_response",
            json!("AA+/"),
            422,
            "base64url-invalid",
            "device_response",
        ),
        (
            "device_response",
            json!("A"),
            422,
            "base64url-invalid",
            "device_response",
        ),
        (
            "device_response",
            json!("AB"),
            422,
            "base64url-invalid",
            "device_response",
        ),
        (
            "device_response",
            json!("AA AA"),
            422,
            "base64url-invalid",
            "device_response",
        ),
        (
            "device_response",
            json!("AAAA\n"),
            422,
            "base64url-invalid",
            "device_response",
        ),
        (
            "session_transcript",
            Value::Null,
            422,
            "member-missing",
            "session_transcript",
        ),
        (
            "session_transcript",
            json!("g"),
            422,
            "base64url-invalid",
            "session_transcript",
        ),
        (
            "session_transcript",
            json!(""),
            422,
            "session-transcript-invalid",
            "session_transcript",
        ),
        (
            "session_transcript",
            json!("gvb2"),
            422,
            "session-transcript-invalid",
            "session_transcript",
        ),
        (
            "session_transcript",
            json!("hPb29vY"),
            422,
            "session-transcript-invalid",
            "session_transcript",
        ),
        (
            "session_transcript",
            json!("o_b29vb29g"),
            422,
            "session-transcript-invalid",
            "session_transcript",
        ),
        ("mac_key", json!("AA"), 422, "mac-key-invalid", "mac_key"),
        (
            "mac_key",
            json!(base64url(&[1; 33])),
            422,
            "mac-key-invalid",
            "mac_key",
        ),
        ("mac_key", json!("*"), 422, "base64url-invalid", "mac_key"),
        ("mac_key", json!([key]), 422, "member-type", "mac_key"),
        ("mac_key", json!(true), 422, "member-type", "mac_key"),
        ("mac_keys", json!(key), 422, "member-type", "mac_keys"),
        ("mac_keys", json!({}), 422, "member-type", "mac_keys"),
        (
            "mac_keys",
            json!([null, "AA"]),
            422,
            "mac-key-invalid",
            "mac_keys[1]",
        ),
        (
            "mac_keys",
            json!([null, null, 7]),
            422,
            "member-type",
            "mac_keys[2]",
        ),
        ("mac_keys", deep, 422, "member-type", "mac_keys[0]"),
        ("mac_keys", json!(["*"]), 422, "base64url-invalid", "mac_keys[0]"),
        ("mac_keys", json!(many), 422, "mac-keys-too-many", "mac_keys"),
        ("colour", json!("red"), 422, "member-unknown", "colour"),
        ("elements", json!(true), 422, "member-unknown", "elements"),
        ("at", json!("2026-11-23T06:00:00Z"), 422, "member-unknown", "at"),
        ("anchors", json!([]), 422, "member-unknown", "anchors"),
    ] {
        let mut body = twin.clone();
        body[field] = value;
        assert_problem(&api.json(&body), status, slug, Some(named));
    }
    for name in ["purpose", "device_response", "session_transcript"] {
        let mut body = twin.clone();
        body.as_object_mut().unwrap().remove(name);
        assert_problem(&api.json(&body), 422, "member-missing", Some(name));
    }
    let mut both = twin.clone();
    both["mac_key"] = json!(key);
    assert_accepted(&api.json(&both));
    both["mac_keys"] = json!([key]);
    assert_problem(&api.json(&both), 422, "mac-key-ambiguous", Some("mac_keys"));
    both["mac_key"] = Value::Null;
    assert_accepted(&api.json(&both));
    both["mac_keys"] = json!(vec![Value::Null; 64]);
    assert_accepted(&api.json(&both));
    let text = twin.to_string();
    let twice = text.replacen('{', "{\"purpose\":\"age-20\",", 1);
    assert_problem(
        &api.post(&[JSON], twice.as_bytes()),
        422,
        "member-duplicate",
        Some("purpose"),
    );
    let escaped = text.replace("\"purpose\"", "\"\\u0070urpose\"");
    assert_accepted(&api.post(&[JSON], escaped.as_bytes()));
    let padded = text.replacen("\"session_transcript\":\"", "\"session_transcript\" : \"", 1);
    assert_accepted(&api.post(&[JSON], format!("\n {padded}\t").as_bytes()));
}

#[test]
fn each_fault_of_a_cbor_body_has_its_own_type() {
    let api = Api::new();
    let twin = Case::good();
    assert_accepted(&api.cbor(&twin.to_cbor()));
    let changed = |name: &str, value: Cbor| {
        let Cbor::Map(mut members) = twin.to_cbor() else {
            panic!("a map")
        };
        members.retain(|(known, _)| known.as_text() != Some(name));
        members.push((name.into(), value));
        api.cbor(&Cbor::Map(members))
    };
    let hash = operator::load_purpose(PURPOSE).unwrap().hash();
    assert_accepted(&changed("purpose_hash", Cbor::Bytes(hash.to_vec())));
    assert_accepted(&changed("purpose_hash", relying_party::sha256_text(&hash).into()));
    assert_accepted(&changed("mac_key", Cbor::Null));
    for (name, value, status, slug) in [
        ("purpose", Cbor::Bytes(b"age-20".to_vec()), 422, "member-type"),
        ("purpose", "nothing".into(), 422, "purpose-unknown"),
        (
            "purpose_hash",
            Cbor::Bytes(vec![0; 32]),
            409,
            "purpose-hash-mismatch",
        ),
        (
            "purpose_hash",
            Cbor::Bytes(vec![0; 31]),
            422,
            "purpose-hash-invalid",
        ),
        ("device_response", "AAAA".into(), 422, "member-type"),
        ("device_response", Cbor::Null, 422, "member-missing"),
        ("session_transcript", "g_b29g".into(), 422, "member-type"),
        (
            "session_transcript",
            Cbor::Bytes(vec![0x80]),
            422,
            "session-transcript-invalid",
        ),
        (
            "session_transcript",
            Cbor::Array(vec![Cbor::Null; 3]),
            422,
            "member-type",
        ),
        ("mac_key", Cbor::Bytes(vec![0; 31]), 422, "mac-key-invalid"),
        ("mac_key", base64url(&[0; 32]).into(), 422, "member-type"),
        ("mac_keys", Cbor::Bytes(vec![0; 32]), 422, "member-type"),
        (
            "mac_keys",
            Cbor::Array(vec![Cbor::Null; 65]),
            422,
            "mac-keys-too-many",
        ),
        ("colour", Cbor::Null, 422, "member-unknown"),
    ] {
        assert_problem(&changed(name, value), status, slug, Some(name));
    }
    let whole = holder::encode(&twin.to_cbor());
    for cut in [0, 1, 10, whole.len() - 1] {
        assert_problem(&api.post(&[CBOR], &whole[..cut]), 400, "cbor-malformed", None);
    }
    let trailing = [&whole[..], &[0]].concat();
    assert_problem(&api.post(&[CBOR], &trailing), 400, "cbor-malformed", None);
    for (body, slug) in [
        (&b"\x80"[..], "body-not-a-map"),
        (b"\xa1\x01\x02", "body-not-a-map"),
        (b"\xa2\x61a\x01\x61a\x01", "cbor-malformed"),
    ] {
        assert_problem(&api.post(&[CBOR], body), 400, slug, None);
    }
}

#[test]
fn a_body_that_is_no_json_is_named_so() {
    let api = Api::new();
    let whole = Case::good().to_json().to_string();
    assert_accepted(&api.post(&[JSON], whole.as_bytes()));
    for cut in [0, 1, 30, whole.len() - 1] {
        assert_problem(
            &api.post(&[JSON], &whole.as_bytes()[..cut]),
            400,
            "json-malformed",
            None,
        );
    }
    for body in [
        &b"\xff"[..],
        b"{\"purpose\":\"\xff\"}",
        b"{}{}",
        b"{'a':1}",
        b"\xef\xbb\xbf{}",
    ] {
        assert_problem(&api.post(&[JSON], body), 400, "json-malformed", None);
    }
    for body in ["[]", "null", "1", "\"text\""] {
        assert_problem(&api.post(&[JSON], body.as_bytes()), 400, "body-not-a-map", None);
    }
    let deep = "[".repeat(1_000_000);
    assert_problem(&api.post(&[JSON], deep.as_bytes()), 400, "json-malformed", None);
}

#[test]
fn content_types_and_codings_that_are_not_read_are_refused() {
    let api = Api::new();
    let body = Case::good().to_json().to_string();
    let body = body.as_bytes();
    for content_type in ["application/json", "Application/JSON; charset=utf-8"] {
        assert_accepted(&api.post(&[("Content-Type", content_type)], body));
    }
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jso",
        "",
    ] {
        let response = api.post(&[("Content-Type", content_type)], body);
        assert_problem(&response, 415, "content-type-unsupported", Some("Content-Type"));
    }
    assert_problem(
        &api.post(&[], body),
        415,
        "content-type-unsupported",
        Some("Content-Type"),
    );
    // JSON under the name of CBOR, and the other way round.
    assert_problem(&api.post(&[CBOR], body), 400, "cbor-malformed", None);
    let cbor = holder::encode(&Case::good().to_cbor());
    assert_problem(&api.post(&[JSON], &cbor), 400, "json-malformed", None);
    let response = api.post(&[JSON, ("Content-Encoding", "gzip")], body);
    assert_problem(
        &response,
        415,
        "content-encoding-unsupported",
        Some("Content-Encoding"),
    );
    assert_accepted(&api.post(&[JSON, ("Content-Encoding", "identity")], body));
}

#[test]
fn a_body_of_8_mib_is_read_and_one_byte_more_is_not() {
    const MAX_BODY: usize = 8 * 1024 * 1024;
    let api = Api::new();
    let mut body = Case::good().to_json().to_string();
    body += &" ".repeat(MAX_BODY - body.len());
    assert_accepted(&api.post(&[JSON], body.as_bytes()));
    body.push(' ');
    let response = api.post(&[JSON], body.as_bytes());
    assert_problem(&response, 413, "body-too-large", None);
    assert_eq!(response.header("connection"), Some("close"));
    // Without a length in the head the bytes themselves are counted.
    let mut connection = Connection::open(api.running.address());
    let chunked = head("POST", PATH, &[JSON, ("Transfer-Encoding", "chunked")]);
    connection.send(format!("{chunked}\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).as_bytes());
    assert_problem(&connection.response(false), 413, "body-too-large", None);
    assert_eq!(
        fetch(api.running.address(), "GET", "/health/live", &[], b"").status,
        200
    );
}

// --- Routes -------------------------------------------------------------------------------------------------

#[test]
fn other_methods_are_refused_with_those_that_are_not() {
    let api = Api::new();
    for (path, allow) in [
        (PATH, "POST"),
        ("/v1/purposes", "GET, HEAD"),
        ("/v1/bundle", "GET, HEAD"),
        ("/v1/trust/preview", "POST"),
        ("/v1/trust/apply", "POST"),
        ("/v1/trust/rollback", "POST"),
        ("/metrics", "GET, HEAD"),
        ("/health/live", "GET, HEAD"),
        ("/health/ready", "GET, HEAD"),
        ("/openapi.json", "GET, HEAD"),
    ] {
        for method in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW",
        ] {
            let response = fetch(api.running.address(), method, path, &[JSON], b"");
            if allow.split(", ").any(|allowed| allowed == method) {
                assert_ne!(response.status, 405, "{method} {path}");
                continue;
            }
            assert_eq!(response.header("allow"), Some(allow), "{method} {path}");
            assert_eq!(response.status, 405);
            if method != "HEAD" {
                assert_problem(&response, 405, "method-not-allowed", None);
            }
        }
    }
}

#[test]
fn everything_else_is_not_found() {
    let api = Api::new();
    for path in [
        "/",
        "/v1",
        "/v1/verifications/",
        "/V1/purposes",
        "/v1/purposes/age-20",
        "//",
        "/%00",
        "/..",
        "/health",
    ] {
        for method in ["GET", "POST"] {
            let response = fetch(api.running.address(), method, path, &[], b"");
            assert_problem(&response, 404, "not-found", None);
        }
    }
}

#[test]
fn the_description_is_the_committed_one() {
    let api = Api::new();
    let response = fetch(api.running.address(), "GET", "/openapi.json", &[], b"");
    assert_eq!(response.header("content-type"), Some("application/json"));
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../verifier-api/openapi.json");
    assert_eq!(response.body, std::fs::read(committed).unwrap());
}

#[test]
fn health_tells_what_is_loaded_and_head_sends_no_content() {
    let api = Api::new();
    let get = |path: &str| fetch(api.running.address(), "GET", path, &[], b"").json();
    assert_eq!(get("/health/live"), json!({ "status": "live" }));
    let ready = get("/health/ready");
    assert_eq!(
        (&ready["status"], &ready["anchors"]),
        (&json!("ready"), &json!(1))
    );
    assert_eq!(ready["purposes"], READY_MADE.len());
    assert_eq!(ready["trust_hash"], api.judged(&Case::good())["trust_hash"]);
    let mut connection = Connection::open(api.running.address());
    for _ in 0..2 {
        connection.request("HEAD", "/health/ready", &[], b"");
        let head = connection.response(true);
        assert_eq!(head.status, 200);
        assert_eq!(
            head.header("content-length"),
            Some(ready.to_string().len().to_string().as_str())
        );
    }
    connection.request("GET", "/health/live", &[], b"");
    assert_eq!(connection.response(false).json(), json!({ "status": "live" }));
}

#[test]
fn purposes_are_listed_so_that_a_caller_can_choose() {
    let api = Api::with(|config, folder| {
        let purposes = folder.join("purposes");
        std::fs::create_dir(&purposes).unwrap();
        let own = READY_MADE[0].1.replace("\"age-20\"", "\"own\"");
        std::fs::write(purposes.join("own.toml"), own).unwrap();
        config.purposes = Some(purposes);
    });
    let list = fetch(api.running.address(), "GET", "/v1/purposes", &[], b"").json();
    let list = list["purposes"].as_array().unwrap();
    let mut ids: Vec<&str> = READY_MADE.iter().map(|(id, _)| *id).chain(["own"]).collect();
    ids.sort_unstable();
    let listed: Vec<&str> = list
        .iter()
        .map(|purpose| purpose["id"].as_str().unwrap())
        .collect();
    assert_eq!(listed, ids);
    let own = list.iter().find(|purpose| purpose["id"] == "own").unwrap();
    assert_eq!(own["documents"], "all");
    assert_eq!(own["requests"][0]["doc_type"], "org.iso.23220.1.jp.mnc");
    assert_eq!(
        own["requests"][0]["elements"]["org.iso.23220.1"],
        json!({ "age_over_20": false })
    );
    assert_eq!(
        own["answers"][0],
        json!({ "name": "over_20", "rule": "age_over", "threshold": 20, "optional": false, "audience": "backend" })
    );
    assert_eq!(own["answers"][1]["audience"], "counter");
    // The listed hash is the one that a verification is held to, and that its verdict names.
    let mut body = Case::good().to_json();
    body["purpose"] = json!("own");
    body["purpose_hash"] = own["hash"].clone();
    let verdict = api.json(&body);
    assert_eq!(verdict.status, 200);
    assert_eq!(
        (&verdict.json()["purpose"], &verdict.json()["purpose_hash"]),
        (&json!("own"), &own["hash"])
    );
}

// --- Keys, identifiers, counters ----------------------------------------------------------------------------

#[test]
fn with_keys_configured_v1_needs_one() {
    let api = Api::with(|config, folder| {
        let keys = folder.join("keys");
        std::fs::write(
            &keys,
            "# back office\nfirst-key-0123456789abcdef\n\nsecond-key-0123456789abcdef\n",
        )
        .unwrap();
        config.api_keys_file = Some(keys);
    });
    let body = Case::good().to_json().to_string();
    let post = |authorization: Option<&str>| {
        let mut headers = vec![JSON];
        headers.extend(authorization.map(|value| ("Authorization", value)));
        api.post(&headers, body.as_bytes())
    };
    for key in [
        "Bearer first-key-0123456789abcdef",
        "bearer second-key-0123456789abcdef",
    ] {
        assert_accepted(&post(Some(key)));
    }
    for missing in [
        None,
        Some("first-key-0123456789abcdef"),
        Some("Basic Zmlyc3Q6"),
        Some("Bearer"),
    ] {
        let response = post(missing);
        assert_problem(&response, 401, "api-key-missing", Some("Authorization"));
        assert_eq!(
            response.header("www-authenticate"),
            Some("Bearer realm=\"verifier-api\"")
        );
    }
    for unknown in [
        "Bearer first-key",
        "Bearer # back office",
        "Bearer first-key-0123456789abcdeF",
    ] {
        let response = post(Some(unknown));
        assert_problem(&response, 401, "api-key-unknown", Some("Authorization"));
        assert!(
            response
                .header("www-authenticate")
                .unwrap()
                .contains("invalid_token")
        );
    }
    let status = |method, path| fetch(api.running.address(), method, path, &[], b"").status;
    assert_eq!(status("GET", "/v1/purposes"), 401);
    // Before a caller is known nothing of the body is looked at; what is public stays so.
    assert_problem(
        &api.post(&[], b"{"),
        401,
        "api-key-missing",
        Some("Authorization"),
    );
    assert_eq!(status("GET", "/health/live"), 200);
    assert_eq!(status("GET", "/openapi.json"), 200);
    assert_eq!(status("PUT", PATH), 405);
}

#[test]
fn a_sane_request_identifier_comes_back_and_others_are_replaced() {
    let api = Api::new();
    let identified = |path: &str, id: &str| {
        let response = fetch(api.running.address(), "GET", path, &[("X-Request-Id", id)], b"");
        response.header("x-request-id").unwrap().to_owned()
    };
    for path in ["/health/live", "/nothing", PATH] {
        assert_eq!(identified(path, "order-4711_a.b"), "order-4711_a.b");
        for odd in ["", "a b", "a\"}{", &"x".repeat(129)] {
            let id = identified(path, odd);
            assert!(
                id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{id}"
            );
        }
    }
    assert_ne!(identified("/health/live", ""), identified("/health/live", ""));
}

#[test]
fn requests_and_verdicts_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        trust: Some(trust_directory(folder.path())),
        workers: 1,
        ..Config::default()
    };
    let totals = Arc::new(Totals::default());
    let service = Service::bind(config).unwrap().with_clock(now);
    let running = service.with_counters(Arc::clone(&totals) as _).start().unwrap();
    let mut broken = Case::good();
    broken.response.pop();
    for body in [Case::good().to_json(), broken.to_json(), json!({})] {
        fetch(
            running.address(),
            "POST",
            PATH,
            &[JSON],
            body.to_string().as_bytes(),
        );
    }
    running.stop().unwrap();
    let expected = Tally {
        requests: 3,
        caller_faults: 1,
        service_faults: 0,
        accepted: 1,
        rejected: 1,
        undetermined: 0,
    };
    assert_eq!(totals.tally(), expected);
}

// --- The protocol -------------------------------------------------------------------------------------------

#[test]
fn one_connection_serves_many_requests() {
    let api = Api::new();
    let body = Case::good().to_json().to_string();
    let mut connection = Connection::open(api.running.address());
    for _ in 0..3 {
        connection.request("POST", PATH, &[JSON], body.as_bytes());
        assert_accepted(&connection.response(false));
        connection.request("POST", PATH, &[JSON], b"{}");
        assert_problem(
            &connection.response(false),
            422,
            "member-missing",
            Some("purpose"),
        );
    }
    // Two at once, answered in order.
    connection.request("POST", PATH, &[JSON], body.as_bytes());
    connection.request("GET", "/health/live", &[], b"");
    assert_accepted(&connection.response(false));
    assert_eq!(connection.response(false).json(), json!({ "status": "live" }));
    connection.request("GET", "/health/live", &[("Connection", "close")], b"");
    assert_eq!(connection.response(false).status, 200);
    assert!(connection.is_closed());
}

#[test]
fn a_caller_that_waits_for_100_is_told_to_continue() {
    let api = Api::new();
    let body = Case::good().to_json().to_string();
    let length = body.len().to_string();
    let headers = [
        JSON,
        ("Content-Length", length.as_str()),
        ("Expect", "100-continue"),
    ];
    let mut connection = Connection::open(api.running.address());
    connection.send((head("POST", PATH, &headers) + "\r\n").as_bytes());
    assert_eq!(connection.response(true).status, 100);
    connection.send(body.as_bytes());
    assert_accepted(&connection.response(false));
}

#[test]
fn a_body_may_come_in_chunks_and_slowly() {
    let api = Api::new();
    let body = Case::good().to_json().to_string();
    let mut connection = Connection::open(api.running.address());
    connection.send((head("POST", PATH, &[JSON, ("Transfer-Encoding", "chunked")]) + "\r\n").as_bytes());
    for chunk in body.as_bytes().chunks(700) {
        connection.send(format!("{:x}\r\n", chunk.len()).as_bytes());
        connection.send(chunk);
        connection.send(b"\r\n");
    }
    connection.send(b"0\r\n\r\n");
    assert_accepted(&connection.response(false));
}

#[test]
fn a_body_that_does_not_come_is_given_up() {
    let api = Api::with(|config, _| config.body_timeout = 1);
    let mut connection = Connection::open(api.running.address());
    connection.send((head("POST", PATH, &[JSON, ("Content-Length", "100")]) + "\r\n{").as_bytes());
    assert_problem(&connection.response(false), 408, "body-timeout", None);
    assert!(connection.is_closed());
}

#[test]
fn what_is_no_http_ends_its_connection_and_nothing_else() {
    let api = Api::new();
    let body = Case::good().to_json().to_string();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST /v1/verifications HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"POST /v1/verifications HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ] {
        let mut connection = Connection::open(api.running.address());
        connection.send(bytes);
        if let Some(response) = connection.try_response(false) {
            assert_eq!(response.status, 400, "{bytes:?}");
        }
        assert!(connection.is_closed());
    }
    // Chunks that cannot be read are the fault of a body that was already being read.
    let mut connection = Connection::open(api.running.address());
    let chunked = head("POST", PATH, &[JSON, ("Transfer-Encoding", "chunked")]);
    connection.send(format!("{chunked}\r\nzz\r\n").as_bytes());
    assert_problem(&connection.response(false), 400, "body-incomplete", None);
    assert!(connection.is_closed());
    let mut connection = Connection::open(api.running.address());
    let large = "x".repeat(1_000_000);
    connection.send((head("GET", "/health/live", &[("X-Large", &large)]) + "\r\n").as_bytes());
    let response = connection.try_response(false);
    assert!(response.is_none_or(|response| response.status == 431));
    assert_accepted(&api.post(&[JSON], body.as_bytes()));
}

#[test]
fn callers_do_not_disturb_each_other() {
    let api = Api::with(|config, _| config.workers = 2);
    let (good, mut broken) = (Case::good(), Case::good());
    broken.response.truncate(500);
    let (accepted, rejected) = (api.judged(&good), api.judged(&broken));
    std::thread::scope(|scope| {
        for index in 0..8 {
            let (api, case, expected) = if index % 2 == 0 {
                (&api, &good, &accepted)
            } else {
                (&api, &broken, &rejected)
            };
            scope.spawn(move || {
                for _ in 0..10 {
                    assert_eq!(&api.json(&case.to_json()).json(), expected);
                }
            });
        }
    });
}
