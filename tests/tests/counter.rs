//! The counter and the service that judges in its place: the same verdict, and each way in which a
//! service fails the counter.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use verifier_tests::programs::{Phone, Service, program};

/// A service that trusts the issuer in the folder `pki`.
fn start(pki: &Path, more: &[&str]) -> Service {
    let trust = pki.join("trust");
    Service::start(&[&["--trust", trust.to_str().unwrap()], more].concat())
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

/// No verdict, status 3, this code, and a next step for the person.
#[track_caller]
fn assert_no_verdict(output: &Output, reason: &str) {
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(
        report(output),
        json!({ "verdict": null, "reason": reason, "phase": "checking" })
    );
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(
        words.contains("reader: no verdict: ") && words.contains("reader: next: "),
        "{words}"
    );
}

#[test]
fn the_service_reaches_the_verdict_that_the_reader_reaches_alone() {
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path();
    drop(Phone::start(pki, &[]));
    let service = start(pki, &[]);
    for (credential, purpose, more) in [
        ("my-number", "age-20", &["--auth", "signature"][..]),
        ("my-number", "identity-basic", &["--auth", "mac"]),
        ("mdl", "age-20-any", &["--auth", "mac"]),
        ("my-number", "age-20", &["--fault", "tampered"]),
        ("my-number", "age-20", &["--fault", "wrong-holder"]),
        ("pid", "pid-age-18", &["--fault", "expired"]),
    ] {
        let arguments = [&["--credential", credential, "--repeat"], more].concat();
        let phone = Phone::start(pki, &arguments);
        let alone = phone.read(purpose, pki);
        let served = phone.read_with(purpose, &["--verify", &service.url]);
        assert_eq!(
            alone.status.code(),
            served.status.code(),
            "{credential} {more:?}: {served:?}"
        );
        let (mut alone, mut served) = (report(&alone), report(&served));
        for verdict in [&mut alone, &mut served] {
            // Two instants of judgement.
            assert!(verdict["at"].take().is_string());
        }
        assert_eq!(alone, served, "{credential} {more:?}");
    }
}

#[test]
fn a_purpose_that_the_service_knows_otherwise_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path();
    let phone = Phone::start(pki, &["--repeat"]);
    let service = start(pki, &[]);
    let verify = ["--verify", &service.url];
    let text = relying_party::purpose::READY_MADE
        .iter()
        .find(|(id, _)| *id == "age-20")
        .unwrap()
        .1;
    let own = pki.join("own.toml");
    let read = |text: &str| {
        std::fs::write(&own, text).unwrap();
        phone.read_with(own.to_str().unwrap(), &verify)
    };
    assert_eq!(read(text).status.code(), Some(0), "the untouched twin");
    let otherwise = read(&text.replacen("name = \"over_20\"", "name = \"is_over_20\"", 1));
    assert_no_verdict(&otherwise, "service.refused");
    assert!(String::from_utf8_lossy(&otherwise.stderr).contains("purpose-hash-mismatch"));
    let unknown = read(&text.replacen("\"age-20\"", "\"own\"", 1));
    assert_no_verdict(&unknown, "service.refused");
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("purpose-unknown"));
}

#[test]
fn a_key_opens_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path();
    let phone = Phone::start(pki, &["--repeat"]);
    let (keys, other) = (pki.join("keys"), pki.join("other"));
    std::fs::write(&keys, "0123456789abcdef0123456789abcdef\n").unwrap();
    std::fs::write(&other, "another-key-of-the-same-length--\n").unwrap();
    let service = start(pki, &["--api-keys-file", keys.to_str().unwrap()]);
    let with = |more: &[&str]| phone.read_with("age-20", &[&["--verify", &service.url], more].concat());
    assert_eq!(
        with(&["--api-key-file", keys.to_str().unwrap()]).status.code(),
        Some(0)
    );
    assert_no_verdict(
        &with(&["--api-key-file", other.to_str().unwrap()]),
        "service.refused",
    );
    assert_no_verdict(&with(&[]), "service.refused");
    std::fs::write(&other, "two\nkeys\n").unwrap();
    let output = with(&["--api-key-file", other.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(64), "{output:?}");
}

#[test]
fn a_service_that_is_down_slow_or_none_gives_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path();
    let phone = Phone::start(pki, &["--repeat"]);
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let down = format!("http://127.0.0.1:{closed}");
    assert_no_verdict(
        &phone.read_with("age-20", &["--verify", &down]),
        "service.unreachable",
    );

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let slow = phone.read_with("age-20", &["--verify", &url, "--service-timeout", "1"]);
    assert_no_verdict(&slow, "service.timeout");

    let ok = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    // The slow request still waits in the listener's queue: the first connection is its own.
    drop(listener.accept());
    for (answer, reason) in [
        ("nonsense\r\n\r\n".to_owned(), "service.answer"),
        (ok("nonsense"), "service.answer"),
        (ok("{}"), "service.answer"),
        (ok("{\"verdict\": \"accepted\"}"), "service.answer"),
        // A verdict on another purpose is none on this.
        (
            ok(
                "{\"verdict\": \"accepted\", \"answers\": {}, \"documents\": [], \"purpose_hash\": \"sha256:00\"}",
            ),
            "service.answer",
        ),
        (
            "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
            "service.answer",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
            "service.answer",
        ),
        (
            "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
            "service.refused",
        ),
    ] {
        let listener = listener.try_clone().unwrap();
        let sent = answer.clone();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&mut stream);
            let _ = stream.write_all(sent.as_bytes());
        });
        let output = phone.read_with("age-20", &["--verify", &url]);
        server.join().unwrap();
        let found = report(&output)["reason"].as_str().unwrap().to_owned();
        assert_eq!(found, reason, "{answer}: {output:?}");
        assert_no_verdict(&output, reason);
    }
}

/// Reads a request to its end: where something of it were left, the caller would see a reset connection instead of
/// the answer.
fn read_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        request.push(byte[0]);
    }
    let head = String::from_utf8(request).unwrap().to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |length| length.trim().parse().unwrap());
    std::io::copy(&mut stream.take(length), &mut std::io::sink()).unwrap();
}

#[test]
fn what_cannot_be_used_is_refused_before_a_phone_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path();
    let phone = Phone::start(pki, &["--repeat"]);
    let file = pki.join("file");
    std::fs::write(&file, "nothing").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, complaint) in [
        (&["--verify", "remote"][..], "--verify takes local"),
        (
            &["--verify", "http://verifier.example"],
            "http only to this machine",
        ),
        (&["--reader-cert", file], "--reader-key"),
        (&["--reader-key", file], "--reader-cert"),
        (
            &["--reader-cert", file, "--reader-key", file],
            "not an unencrypted private key",
        ),
        (
            &["--verify", "http://127.0.0.1:1", "--api-key-file", "/no/such"],
            "cannot read",
        ),
    ] {
        let output = phone.read_with("age-20", arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {output:?}");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(words.contains(complaint), "{words}");
    }
    assert_eq!(
        phone.read("age-20", pki).status.code(),
        Some(0),
        "the untouched twin"
    );
    let script = Command::new(program("reader"))
        .args(["completions", "bash"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&script.stdout).contains("--reader-cert"));
}
