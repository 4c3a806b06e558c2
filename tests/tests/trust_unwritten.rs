//! A change of trust that is in force, although it could not be written down in full: what is told is true, and what was left
//! out is written at the next chance.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Output, Stdio};

use operator::TrustState;
use serde_json::{Value, json};
use verifier_tests::http::fetch;
use verifier_tests::programs::Service;
use verifier_tests::trusting::{Operator, root};
use verifier_tests::wait_until;

const ADMIN: &str = "adm_0123456789abcdefghij";

/// A disk that is full, as far as the log goes: it opens, and nothing can be written.
fn fill(operator: &Operator) {
    fs::create_dir_all(operator.state()).unwrap();
    symlink("/dev/full", operator.state().join("log.jsonl")).unwrap();
}

fn make_room(operator: &Operator) {
    fs::remove_file(operator.state().join("log.jsonl")).unwrap();
}

/// The numbers of the changes that stand in the log, line by line.
fn numbers(operator: &Operator) -> Vec<u64> {
    let text = fs::read_to_string(operator.state().join("log.jsonl")).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["number"]
                .as_u64()
                .unwrap()
        })
        .collect()
}

fn told(output: &Output) -> (Option<i32>, Value, String) {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    let line = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), line, text)
}

#[test]
fn what_is_in_force_without_its_line_of_the_log_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    fill(&operator);
    let (status, line, words) = told(&operator.run("apply", &[]));
    assert_eq!(
        (status, &line["unwritten"]),
        (Some(2), &json!(["log"])),
        "{words}"
    );
    assert_eq!(
        (&line["number"], &line["after"]),
        (&json!(1), &json!(operator.in_force()))
    );
    assert!(
        words.contains("the change is in force, but its line of the log could not be written"),
        "{words}"
    );
    assert!(words.contains("No space left on device"), "{words}");
    // The pointer tells of it meanwhile.
    let listed = operator.done("list", &[]);
    assert_eq!(listed["changes"][0]["number"], 1);
    // A second change would lose the first one's line: it is refused, and nothing changes.
    let before = operator.in_force();
    operator.put("anchors/more.der", &root(1, 3000));
    let (status, line, words) = told(&operator.run("apply", &[]));
    assert_eq!((status, line), (Some(64), Value::Null));
    assert!(words.contains("log.jsonl: No space left on device"), "{words}");
    assert_eq!(operator.in_force(), before);
    make_room(&operator);
    let done = operator.done("apply", &[]);
    assert_eq!(
        (&done["number"], &done["unwritten"]),
        (&json!(2), &json!([])),
        "the untouched twin"
    );
    assert_ne!(operator.in_force(), before);
    assert_eq!(numbers(&operator), [1, 2], "the log has caught up");
}

#[test]
fn a_log_that_cannot_be_opened_keeps_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    let log = operator.state().join("log.jsonl");
    fs::create_dir_all(&log).unwrap();
    let (status, line, words) = told(&operator.run("apply", &[]));
    assert_eq!((status, line), (Some(64), Value::Null));
    assert!(words.contains("log.jsonl: Is a directory"), "{words}");
    assert_eq!(TrustState::new(&operator.state()).current().unwrap(), None);
    fs::remove_dir(&log).unwrap();
    // Nothing to read, and nowhere to write: its folder is not there.
    symlink(operator.state().join("away/log"), &log).unwrap();
    let (status, line, words) = told(&operator.run("apply", &[]));
    assert_eq!((status, line), (Some(64), Value::Null));
    assert!(words.contains("log.jsonl: No such file or directory"), "{words}");
    assert_eq!(TrustState::new(&operator.state()).current().unwrap(), None);
    fs::remove_file(&log).unwrap();
    assert_eq!(operator.done("apply", &[])["number"], 1, "the untouched twin");
}

#[test]
fn how_new_lists_are_is_written_at_the_next_change() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    operator.put("crls/own.crl", &operator.crl(5, 2));
    let lock = operator.state().join("newest.lock");
    fs::create_dir_all(&lock).unwrap();
    let (status, line, words) = told(&operator.run("apply", &[]));
    assert_eq!(
        (status, &line["unwritten"]),
        (Some(2), &json!(["newest"])),
        "{words}"
    );
    assert!(
        words.contains("but how new its lists are (newest.json) could not be written"),
        "{words}"
    );
    assert_eq!(numbers(&operator), [1]);
    // The list in force keeps an older one out, written down or not.
    operator.put("crls/own.crl", &operator.crl(4, 2));
    assert_eq!(
        operator.refused("apply", &[])["conflicts"][0]["conflict"],
        "older_crl"
    );
    fs::remove_dir(&lock).unwrap();
    operator.remove("crls/own.crl");
    assert_eq!(operator.done("apply", &[])["unwritten"], json!([]));
    // And now that it is in force no more, what was written with the change does.
    operator.put("crls/own.crl", &operator.crl(4, 2));
    assert_eq!(
        operator.refused("apply", &[])["conflicts"][0]["conflict"],
        "older_crl"
    );
    operator.put("crls/own.crl", &operator.crl(5, 2));
    operator.done("apply", &[]);
}

#[test]
fn a_change_that_nobody_can_be_told_of_is_in_force_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    let full = || Stdio::from(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let mut command = operator.command("apply", &[]);
    let output = command.stdout(full()).stderr(Stdio::piped()).spawn().unwrap();
    let (status, _, words) = told(&output.wait_with_output().unwrap());
    assert_eq!(status, Some(2));
    assert!(
        words.contains("the change is in force, but standard output cannot be written"),
        "{words}"
    );
    assert!(operator.in_force().starts_with("sha256:"));
    // What was refused, or only looked at, has changed nothing.
    let mut command = operator.command("preview", &[]);
    let output = command.stdout(full()).stderr(Stdio::piped()).spawn().unwrap();
    assert_eq!(output.wait_with_output().unwrap().status.code(), Some(64));
}

fn serve(operator: &Operator, folder: &Path) -> Service {
    fs::write(folder.join("admin"), ADMIN).unwrap();
    let paths = [operator.trust(), operator.state(), folder.join("admin")];
    let [trust, state, admin] = paths.each_ref().map(|path| path.to_str().unwrap());
    Service::start(&[
        "--trust",
        trust,
        "--trust-state",
        state,
        "--admin-key-file",
        admin,
    ])
}

#[test]
fn a_service_writes_what_a_change_could_not() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    fill(&operator);
    // Its own first change has no line.
    let service = serve(&operator, folder.path());
    let ready = || fetch(service.address(), "GET", "/health/ready", &[], b"").json();
    assert_eq!(
        (&ready()["trust"]["change"], numbers_or_none(&operator)),
        (&json!(1), None)
    );
    make_room(&operator);
    wait_until(|| numbers(&operator) == [1]);
    // Over HTTP the answer says what is not written, and that the change is made.
    let headers = [("Authorization", "Bearer adm_0123456789abcdefghij")];
    let apply = || fetch(service.address(), "POST", "/v1/trust/apply", &headers, b"");
    let lock = operator.state().join("newest.lock");
    let _ = fs::remove_file(&lock);
    fs::create_dir(&lock).unwrap();
    operator.put("crls/own.crl", &operator.crl(5, 2));
    let response = apply();
    assert_eq!(
        (response.status, &response.json()["unwritten"]),
        (200, &json!(["newest"]))
    );
    assert_eq!(ready()["trust"]["snapshot"], operator.in_force());
    fs::remove_dir(&lock).unwrap();
    let newest = || fs::read_to_string(operator.state().join("newest.json")).unwrap_or_default();
    wait_until(|| newest().contains("\"number\":\"0x05\""));
    let response = apply();
    assert_eq!(
        (response.status, &response.json()["unwritten"]),
        (200, &json!([])),
        "the untouched twin"
    );
    assert_eq!(numbers(&operator), [1, 2, 3]);
}

/// None while the log is the device that takes nothing.
fn numbers_or_none(operator: &Operator) -> Option<Vec<u64>> {
    let is_link = fs::symlink_metadata(operator.state().join("log.jsonl"))
        .unwrap()
        .is_symlink();
    (!is_link).then(|| numbers(operator))
}
