//! The roots that publishers of lists are known by: whoever fetches is told before one of them ends, because every list that
//! stands on it stops coming on that day.

use std::fs;
use std::process::{Command, Stdio};

use holder::certificate::{self, CertificateSpec, name};
use holder::issuer::DAY;
use serde_json::Value;
use verifier_tests::http::fetch;
use verifier_tests::programs::program;
use verifier_tests::trusting::key;
use verifier_tests::wait_until;

#[test]
fn before_a_root_of_publishers_ends_it_is_told() {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let clock = i64::try_from(since.unwrap().as_secs()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut pem = String::new();
    for (title, days) in [
        ("ends in 40", 40),
        ("ends in 29", 29),
        ("ends in 6", 6),
        ("ends today", 0),
        ("has ended", -1),
    ] {
        let key = key(u64::try_from(days + 50).unwrap());
        let window = (clock - 400 * DAY, clock + days * DAY + 3600);
        pem += &certificate::pem(
            &CertificateSpec::root(&key, name("JP", None, title), vec![3], window).sign(&key),
        );
    }
    fs::write(folder.path().join("roots.pem"), pem).unwrap();
    fs::write(folder.path().join("fetch.toml"), "roots = \"roots.pem\"\n").unwrap();
    let mut child = Command::new(program("verifier-api"))
        .args(["serve", "--listen", "127.0.0.1:0", "--fetch"])
        .arg(folder.path().join("fetch.toml"))
        .stdout(Stdio::piped())
        .stderr(fs::File::create(folder.path().join("log")).unwrap())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    let address = line["listening"].as_str().unwrap().parse().unwrap();
    let has = |line: &str| {
        let text = String::from_utf8(fetch(address, "GET", "/metrics", &[], b"").body).unwrap();
        text.lines().any(|known| known == line)
    };
    wait_until(|| has("mdoc_verifier_expiring{kind=\"publisher_root\",days=\"30\"} 4"));
    for line in ["days=\"7\"} 3", "days=\"1\"} 2", "days=\"0\"} 1"] {
        assert!(
            has(&format!("mdoc_verifier_expiring{{kind=\"publisher_root\",{line}")),
            "{line}"
        );
    }
    let log = || fs::read_to_string(folder.path().join("log")).unwrap();
    wait_until(|| log().matches("\"kind\":\"publisher_root\"").count() >= 4);
    child.kill().unwrap();
    child.wait().unwrap();
    let log = log();
    let events = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut told: Vec<(String, String, i64)> = events
        .filter(|event| event["kind"] == "publisher_root")
        .map(|event| {
            let text = |member: &str| event[member].as_str().unwrap().to_owned();
            (
                text("name"),
                text("level"),
                event["warning"].as_i64().unwrap_or(0),
            )
        })
        .collect();
    told.sort();
    let due = |name: &str, level: &str, warning| (name.to_owned(), level.to_owned(), warning);
    assert_eq!(
        told,
        [
            due("ends in 29", "WARN", 30),
            due("ends in 6", "WARN", 7),
            due("ends today", "WARN", 1),
            due("has ended", "ERROR", 0),
        ],
        "{log}"
    );
}
