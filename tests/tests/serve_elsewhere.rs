//! `reader serve` where another program moves the messages in the place of Bluetooth: a counter without a radio. Thousands of
//! transactions that way, with every other input, are in tests/nfc-lab.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use verifier_tests::programs::{Phone, program};

const BRIDGED: [&str; 3] = ["--transport", "ble-peripheral", "--bridge"];

/// What a counter says to these lines, and how it ends.
fn serve(pki: &Path, connect: &str, lines: &[&str]) -> (Vec<Value>, Output) {
    let mut counter = Command::new(program("reader"))
        .args(["serve", "--purpose", "age-20", "--connect", connect, "--trust"])
        .arg(pki.join("trust"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = counter.stdin.take().unwrap();
    let mut results = BufReader::new(counter.stdout.take().unwrap()).lines();
    let mut reports = Vec::new();
    for line in lines {
        // One after the other: a code that comes meanwhile ends the transaction in work.
        writeln!(input, "{line}").unwrap();
        reports.push(serde_json::from_str(&results.next().unwrap().unwrap()).unwrap());
    }
    drop(input);
    assert!(results.next().is_none(), "a result too many");
    (reports, counter.wait_with_output().unwrap())
}

fn reasons(reports: &[Value]) -> Vec<(Option<&str>, Option<&str>)> {
    let reasons = reports.iter();
    reasons
        .map(|report| (report["reason"].as_str(), report["phase"].as_str()))
        .collect()
}

#[test]
fn a_scanned_code_leads_to_the_program_in_the_place_of_bluetooth() {
    let folder = tempfile::tempdir().unwrap();
    let phone = Phone::start(folder.path(), &BRIDGED);
    // The phone answers one reader, and nobody listens there any more.
    let lines = [&phone.engagement, "4901234567894", &phone.engagement];
    let (reports, output) = serve(folder.path(), &phone.address, &lines);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(reports[0]["verdict"], "accepted", "{output:?}");
    assert_eq!(
        reasons(&reports[1..]),
        [
            (Some("session.engagement"), Some("engagement")),
            (Some("session.transport"), Some("connect"))
        ],
        "{output:?}"
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !said.contains(&phone.engagement["mdoc:".len()..]),
        "nothing of the code is told"
    );
}

#[test]
fn another_phone_than_the_scanned_one_gives_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let scanned = Phone::start(folder.path(), &BRIDGED);
    let other = Phone::start(folder.path(), &BRIDGED);
    let (reports, output) = serve(folder.path(), &other.address, &[&scanned.engagement]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        reasons(&reports),
        [(Some("session.decryption"), Some("consent"))],
        "{output:?}"
    );
    // Each is read where it is.
    let (reports, output) = serve(folder.path(), &scanned.address, &[&scanned.engagement]);
    assert_eq!(reports[0]["verdict"], "accepted", "{output:?}");
}

#[test]
fn an_address_that_cannot_be_one_ends_the_program_before_a_code_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let phone = Phone::start(folder.path(), &BRIDGED);
    for address in [
        "127.0.0.1:4000",
        "http://127.0.0.1:4000",
        "tcp://127.0.0.1",
        "tcp://:1",
    ] {
        let (reports, output) = serve(folder.path(), address, &[]);
        assert_eq!(output.status.code(), Some(64), "{address}: {output:?}");
        assert_eq!(reports, Vec::<Value>::new());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("must be tcp://HOST:PORT"), "{said}");
    }
    let (reports, output) = serve(folder.path(), &phone.address, &[&phone.engagement]);
    assert_eq!(reports[0]["verdict"], "accepted", "{output:?}");
}
