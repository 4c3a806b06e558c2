//! The programs as their users start them: arguments, streams, exit statuses.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holder::{Built, Scenario};
use serde_json::{Value, json};
use verifier_tests::programs::{Phone, program};

fn run(name: &str, arguments: &[&str]) -> Output {
    Command::new(program(name))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

/// A response with its transcript and trust directory on disk.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn of(built: &Built) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        std::fs::create_dir_all(folder.path().join("trust/anchors")).unwrap();
        write("response.cbor", &built.response);
        write("response.txt", URL_SAFE_NO_PAD.encode(&built.response).as_bytes());
        write("transcript.cbor", &built.session_transcript);
        write("trust/anchors/test.pem", built.root_pem.as_bytes());
        write("reader.jwk", jwk(built).to_string().as_bytes());
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn verify(&self, response: &str, more: &[&str]) -> Output {
        let (trust, transcript) = (self.path("trust"), self.path("transcript.cbor"));
        let response = self.path(response);
        let mut arguments = vec!["verify", "--trust", &trust, "--transcript", &transcript];
        arguments.extend(["--purpose", "age-20-unattended", "--at", "2026-11-23T06:00:00Z"]);
        arguments.extend(more);
        arguments.push(&response);
        run("verifier-api", &arguments)
    }
}

fn jwk(built: &Built) -> Value {
    let public = built.reader_key.public_bytes();
    json!({ "kty": "EC", "crv": "P-256", "d": URL_SAFE_NO_PAD.encode(built.reader_key.private_bytes()),
        "x": URL_SAFE_NO_PAD.encode(&public[1..33]), "y": URL_SAFE_NO_PAD.encode(&public[33..]) })
}

#[test]
fn verify_tells_files_apart_and_answers_with_json_and_status_0() {
    let files = Files::of(&Scenario::my_number().build());
    for response in ["response.cbor", "response.txt"] {
        let output = files.verify(response, &[]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let verdict = json_of(&output);
        assert_eq!(verdict["verdict"], "accepted");
        assert_eq!(verdict["answers"], json!({ "over_20": true }));
        assert_eq!(verdict["purpose"], "age-20-unattended");
        assert_eq!(verdict["at"], "2026-11-23T06:00:00Z");
        assert_eq!(verdict["certified_program"], Value::Null);
        assert!(verdict["trust_hash"].as_str().unwrap().starts_with("sha256:"));
        let checks = verdict["documents"][0]["checks"].as_array().unwrap();
        let names: Vec<&str> = checks
            .iter()
            .map(|check| check["check"].as_str().unwrap())
            .collect();
        let all: Vec<&str> = mdoc::verify::Check::ALL
            .iter()
            .map(|check| check.name())
            .collect();
        assert_eq!(names, all, "every check, in order");
        assert!(verdict["documents"][0].get("elements").is_none());
    }
    let verdict = json_of(&files.verify("response.cbor", &["--elements"]));
    assert_eq!(
        verdict["documents"][0]["elements"],
        json!({ "org.iso.23220.1": { "age_over_20": true } })
    );
    let text = files.verify("response.cbor", &["--format", "text"]);
    assert!(
        String::from_utf8(text.stdout)
            .unwrap()
            .starts_with("accepted\n  over_20: true\n")
    );
}

#[test]
fn verify_checks_device_macs_with_either_key() {
    let built = Scenario::my_number().set(|s| s.mac = true).build();
    let files = Files::of(&built);
    let point = built.reader_key.public_bytes();
    let key = holder::wallet::mac_key(&built.device_key, &point, &built.session_transcript);
    std::fs::write(files.path("mac.key"), key).unwrap();
    std::fs::write(files.path("short.key"), &key[1..]).unwrap();
    assert_eq!(
        files
            .verify("response.cbor", &["--reader-key", &files.path("reader.jwk")])
            .status
            .code(),
        Some(0)
    );
    assert_eq!(
        files
            .verify("response.cbor", &["--mac-key", &files.path("mac.key")])
            .status
            .code(),
        Some(0)
    );
    let without = files.verify("response.cbor", &[]);
    assert_eq!(
        (without.status.code(), &json_of(&without)["reason"]),
        (Some(1), &json!("device.mac"))
    );
    assert_eq!(
        files
            .verify("response.cbor", &["--mac-key", &files.path("short.key")])
            .status
            .code(),
        Some(64)
    );
}

#[test]
fn verify_exits_with_1_and_2_and_64() {
    let files = Files::of(&Scenario::my_number().build());
    let late = files.verify("response.cbor", &["--at", "2027-01-01T00:00:00Z"]);
    assert_eq!(late.status.code(), Some(64), "--at stands twice");
    std::fs::write(files.path("empty"), "").unwrap();
    let empty = files.verify("empty", &[]);
    assert_eq!(
        (empty.status.code(), &json_of(&empty)["reason"]),
        (Some(1), &json!("response.malformed"))
    );
    let missing = Files::of(&Scenario::mdl().build()).verify("response.cbor", &[]);
    assert_eq!(
        (missing.status.code(), &json_of(&missing)["reason"]),
        (Some(2), &json!("document.missing"))
    );
    assert_eq!(
        json_of(&missing)["documents"][0]["reason"],
        "document.not_requested"
    );
    assert_eq!(files.verify("no-such-file", &[]).status.code(), Some(64));
    assert_eq!(run("verifier-api", &["verify"]).status.code(), Some(64));
    assert_eq!(run("verifier-api", &["nonsense"]).status.code(), Some(64));
    assert_eq!(run("verifier-api", &["verify", "--help"]).status.code(), Some(0));
    assert_eq!(run("verifier-api", &["--version"]).status.code(), Some(0));
    for (name, content) in [
        ("transcript.cbor", &b"\x82\xf6\xf6"[..]),
        ("trust/anchors/test.pem", b"x"),
    ] {
        let files = Files::of(&Scenario::my_number().build());
        std::fs::write(files.path(name), content).unwrap();
        let output = files.verify("response.cbor", &[]);
        assert_eq!(
            (output.status.code(), output.stdout.len()),
            (Some(64), 0),
            "{name}"
        );
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn limits_come_from_a_file() {
    let built = Scenario::my_number().build();
    let files = Files::of(&built);
    let limits = files.path("limits.toml");
    let verify = |text: &str| {
        std::fs::write(&limits, text).unwrap();
        files.verify("response.cbor", &["--limits", &limits])
    };
    let exact = format!("message_bytes = {}", built.response.len());
    assert_eq!(verify(&exact).status.code(), Some(0));
    for (text, reason) in [
        (
            format!("message_bytes = {}", built.response.len() - 1),
            "response.too_large",
        ),
        ("cbor_depth = 3".to_owned(), "response.malformed"),
        ("cbor_items = 2".to_owned(), "response.malformed"),
    ] {
        let output = verify(&text);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert_eq!(json_of(&output)["reason"], reason, "{text}");
    }
    for text in ["elements = 0", "element = 1", "cbor_depth = 1000"] {
        let output = verify(text);
        assert_eq!(output.status.code(), Some(64), "{text}");
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            complaint.contains("limits.toml: the limits are not valid"),
            "{complaint}"
        );
    }
    std::fs::write(&limits, "message_bytes = 1").unwrap();
    let line = job(1, &built).to_string();
    assert_eq!(
        jobs(line.as_bytes(), &["--limits", &limits])[0]["reason"],
        "response.too_large"
    );
    assert_eq!(jobs(line.as_bytes(), &[])[0]["verdict"], "accepted");
}

fn job(id: impl Into<Value>, built: &Built) -> Value {
    let id = id.into();
    json!({ "id": id, "device_response": URL_SAFE_NO_PAD.encode(&built.response),
        "session_transcript": URL_SAFE_NO_PAD.encode(&built.session_transcript), "anchors": [built.root_pem],
        "at": "2026-11-23T06:00:00Z", "colour": "ignored", "purpose": { "id": "p", "title": { "en": "P" },
            "document": [{ "doc_type": "org.iso.23220.1.jp.mnc", "request": { "org.iso.23220.1": { "age_over_20": false } } }],
            "answer": [{ "name": "over_20", "rule": "age_over", "threshold": 20 }] } })
}

fn jobs(input: &[u8], more: &[&str]) -> Vec<Value> {
    let mut child = Command::new(program("verifier-api"))
        .args(["verify", "--jobs"])
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let mut output = String::new();
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    writer.join().unwrap().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn jobs_are_answered_in_order_and_none_ends_the_process() {
    let good = Scenario::my_number().build();
    let mut broken = Scenario::my_number().build();
    broken.response.truncate(100);
    let mac = Scenario::my_number().set(|s| s.mac = true).build();
    let mut mac_job = job(json!("mac"), &mac);
    mac_job["reader_key"] = jwk(&mac);
    let long = format!("\"{}\"", "x".repeat(200_000));
    let lines = [
        job(json!(1), &good).to_string(),
        "not json".to_owned(),
        long,
        job(json!({"any": "id"}), &broken).to_string(),
        String::new(),
        mac_job.to_string(),
        json!({ "id": 5 }).to_string(),
        job(json!("last"), &good).to_string(),
    ];
    let answers = jobs(
        lines.join("\n").as_bytes(),
        &["--max-line", "100000", "--elements"],
    );
    assert_eq!(answers.len(), 7);
    assert_eq!(
        (&answers[0]["id"], &answers[0]["verdict"]),
        (&json!(1), &json!("accepted"))
    );
    assert_eq!(answers[0]["answers"], json!({ "over_20": true }));
    assert_eq!(
        answers[0]["documents"][0]["elements"],
        json!({ "org.iso.23220.1": { "age_over_20": true } })
    );
    assert_eq!(
        (&answers[1]["id"], &answers[1]["error"]["type"]),
        (&Value::Null, &json!("job.json"))
    );
    assert_eq!(answers[2]["error"]["type"], "job.too_large");
    assert_eq!(
        (&answers[3]["id"], &answers[3]["reason"]),
        (&json!({"any": "id"}), &json!("response.malformed"))
    );
    assert_eq!(
        (&answers[4]["id"], &answers[4]["verdict"]),
        (&json!("mac"), &json!("accepted"))
    );
    assert_eq!(
        (&answers[5]["id"], &answers[5]["error"]["type"]),
        (&json!(5), &json!("job.field"))
    );
    assert_eq!(
        (&answers[6]["id"], &answers[6]["verdict"]),
        (&json!("last"), &json!("accepted"))
    );
}

#[test]
fn a_job_is_answered_before_the_next_one_comes() {
    let mut child = Command::new(program("verifier-api"))
        .args(["verify", "--jobs"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for id in 0..3 {
        writeln!(stdin, "{}", job(json!(id), &Scenario::my_number().build())).unwrap();
        let answer: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
        assert_eq!(
            (&answer["id"], &answer["verdict"]),
            (&json!(id), &json!("accepted"))
        );
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_phone_is_engaged_asked_and_judged() {
    let folder = tempfile::tempdir().unwrap();
    for (credential, purpose, auth) in [
        ("my-number", "age-20", "signature"),
        ("my-number", "age-20", "mac"),
        ("my-number", "identity-basic", "signature"),
        ("mdl", "age-20-any", "mac"),
        ("mdl", "mdl-driving-privileges", "signature"),
        ("pid", "pid-age-18", "signature"),
    ] {
        let phone = Phone::start(folder.path(), &["--credential", credential, "--auth", auth]);
        let output = phone.read(purpose, folder.path());
        assert_eq!(
            output.status.code(),
            Some(0),
            "{credential} {purpose}: {output:?}"
        );
        let verdict = json_of(&output);
        assert_eq!(verdict["verdict"], "accepted");
        assert!(
            verdict["answers"].get("portrait").is_none(),
            "the counter's eyes only"
        );
    }
}

#[test]
fn each_fault_of_the_phone_is_refused_for_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    for (fault, reason) in [
        ("tampered", "digest.mismatch"),
        ("expired", "mso.expired"),
        ("untrusted", "issuer.chain"),
        ("wrong-holder", "device.signature"),
        ("wrong-transcript", "device.signature"),
    ] {
        let output = Phone::start(folder.path(), &["--fault", fault]).read("age-20", folder.path());
        assert_eq!(
            (output.status.code(), &json_of(&output)["reason"]),
            (Some(1), &json!(reason)),
            "{fault}"
        );
    }
}

#[test]
fn a_session_that_fails_has_no_verdict_and_status_3() {
    let folder = tempfile::tempdir().unwrap();
    drop(Phone::start(folder.path(), &[]));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let trust = folder.path().join("trust");
    let arguments = [
        "read",
        "--connect",
        &address,
        "--purpose",
        "age-20",
        "--trust",
        trust.to_str().unwrap(),
    ];
    for (frames, reason) in [
        (&b""[..], "session.transport"),
        (b"\0\0\0\x04http", "session.engagement"),
        (b"\xff\xff\xff\xff", "session.transport"),
        (b"\0\0\0\x09mdoc:AAAA", "session.engagement"),
    ] {
        let listener = listener.try_clone().unwrap();
        let phone = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(frames).unwrap();
        });
        let output = run("reader", &arguments);
        phone.join().unwrap();
        let report = json_of(&output);
        assert_eq!(output.status.code(), Some(3), "{report}");
        assert_eq!(
            (&report["verdict"], &report["reason"]),
            (&Value::Null, &json!(reason))
        );
        assert!(report["phase"].is_string());
    }
    drop(listener);
    let output = run("reader", &arguments);
    assert_eq!(
        (output.status.code(), &json_of(&output)["reason"]),
        (Some(3), &json!("session.transport"))
    );
}

#[test]
fn the_reader_refuses_wrong_usage_with_64() {
    let folder = tempfile::tempdir().unwrap();
    let trust = folder.path().to_str().unwrap();
    for arguments in [
        &["read"][..],
        &[
            "read",
            "--connect",
            "udp://x",
            "--purpose",
            "age-20",
            "--trust",
            trust,
        ],
        &[
            "read",
            "--connect",
            "tcp://127.0.0.1:1",
            "--purpose",
            "no-such",
            "--trust",
            trust,
        ],
        &[
            "read",
            "--connect",
            "tcp://127.0.0.1:1",
            "--purpose",
            "age-20",
            "--trust",
            "/no/such",
        ],
        &["nonsense"],
    ] {
        assert_eq!(run("reader", arguments).status.code(), Some(64), "{arguments:?}");
    }
    let purposes = run("reader", &["purposes"]);
    assert_eq!(purposes.status.code(), Some(0));
    assert!(
        String::from_utf8(purposes.stdout)
            .unwrap()
            .contains("identity-basic")
    );
}
