//! What the programs make of a purpose that asks whether a record was seen before, and of a record
//! that has expired.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holder::scenario::NOW;
use holder::{Built, Scenario};
use mdoc::time::UnixTime;
use serde_json::{Value, json};
use verifier_tests::http;
use verifier_tests::programs::{Phone, program};
use verifier_tests::{assert_withheld, check, in_session, outcome};

const MNC: &str = "org.iso.23220.1.jp.mnc";

fn card(number: u8) -> Built {
    in_session(Scenario::my_number(), number)
}

fn toml(seen_before: &str) -> String {
    format!(
        "id = \"gift\"\ntitle = {{ en = \"A gift\" }}\nseen_before = \"{seen_before}\"\n\
         [[document]]\ndoc_type = \"{MNC}\"\n[document.request]\n\"org.iso.23220.1\" = {{ age_over_20 = false }}\n\
         [[answer]]\nname = \"over_20\"\nrule = \"age_over\"\nthreshold = 20\n"
    )
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[test]
fn the_service_remembers_what_it_has_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (trust, purposes) = (folder.path().join("trust"), folder.path().join("purposes"));
    std::fs::create_dir_all(trust.join("anchors")).unwrap();
    std::fs::create_dir_all(&purposes).unwrap();
    std::fs::write(trust.join("anchors/test.pem"), card(1).root_pem).unwrap();
    std::fs::write(purposes.join("gift.toml"), toml("reject")).unwrap();
    let start = || {
        let config = verifier_api::serve::Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            trust: Some(trust.clone()),
            purposes: Some(purposes.clone()),
            workers: 1,
            ..verifier_api::serve::Config::default()
        };
        let service = verifier_api::serve::Service::bind(config).unwrap();
        service
            .with_clock(|| UnixTime::from_seconds(NOW).unwrap())
            .start()
            .unwrap()
    };
    let post = |service: &verifier_api::serve::Running, purpose: &str, built: &Built| {
        http::judge(service.address(), purpose, built)
    };
    let service = start();
    assert_eq!(
        post(&service, "gift", &card(1))["answers"],
        json!({ "over_20": true })
    );
    let again = post(&service, "gift", &card(2));
    assert_withheld(&again, "rejected", "document.seen_before");
    for number in [1, 2, 3] {
        let twin = post(&service, "age-20-unattended", &card(number));
        assert_eq!(outcome(&twin), "accepted", "a purpose that does not ask");
    }
    drop(service);
    let service = start();
    assert_eq!(
        outcome(&post(&service, "gift", &card(3))),
        "accepted",
        "another key"
    );
}

#[test]
fn a_stream_of_jobs_remembers_and_a_single_file_says_that_it_cannot() {
    let job = |number: u8, seen_before: &str| {
        let built = card(number);
        let purpose: Value = json!({ "id": "gift", "title": { "en": "A gift" }, "seen_before": seen_before,
            "document": [{ "doc_type": MNC, "request": { "org.iso.23220.1": { "age_over_20": false } } }] });
        json!({ "id": number, "device_response": text(&built.response), "session_transcript": text(&built.session_transcript),
            "purpose": purpose, "anchors": [built.root_pem], "at": "2026-11-23T06:00:00Z" })
    };
    let jobs = [
        job(1, "reject"),
        job(2, "reject"),
        job(3, "warn"),
        job(4, "ignore"),
    ];
    let mut child = Command::new(program("verifier-api"))
        .args(["verify", "--jobs", "--elements"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for job in &jobs {
        writeln!(input, "{job}").unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    let lines: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let reasons: Vec<String> = lines.iter().map(outcome).collect();
    assert_eq!(
        reasons,
        ["accepted", "document.seen_before", "accepted", "accepted"]
    );
    assert_withheld(&lines[1], "rejected", "document.seen_before");
    assert_eq!(check(&lines[2], "purpose")["result"], "warned");
    assert_eq!(check(&lines[3], "purpose")["result"], "passed");

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(path("trust/anchors")).unwrap();
    let built = card(1);
    std::fs::write(path("trust/anchors/test.pem"), &built.root_pem).unwrap();
    std::fs::write(path("response"), &built.response).unwrap();
    std::fs::write(path("transcript"), &built.session_transcript).unwrap();
    let verify = |seen_before: &str| {
        std::fs::write(path("gift.toml"), toml(seen_before)).unwrap();
        let mut command = Command::new(program("verifier-api"));
        command.args(["verify", "--at", "2026-11-23T06:00:00Z", "--elements"]);
        for (flag, file) in [
            ("--trust", "trust"),
            ("--transcript", "transcript"),
            ("--purpose", "gift.toml"),
        ] {
            command.arg(flag).arg(path(file));
        }
        command.arg(path("response")).output().unwrap()
    };
    let output = verify("reject");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_withheld(&verdict, "undetermined", "document.seen_before_unknown");
    assert!(String::from_utf8_lossy(&output.stderr).contains("a single judgement cannot tell"));
    assert_eq!(verify("ignore").status.code(), Some(0), "the untouched twin");
}

#[test]
fn a_reader_that_judges_alone_refuses_such_a_purpose_and_shows_the_next_step_whoever_judges() {
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path();
    let phone = Phone::start(pki, &["--repeat"]);
    let own = pki.join("gift.toml");
    let read = |seen_before: &str| {
        std::fs::write(&own, toml(seen_before)).unwrap();
        phone.read(own.to_str().unwrap(), pki)
    };
    for asks in ["warn", "reject"] {
        let output = read(asks);
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("have a service judge with --verify"));
        assert!(output.stdout.is_empty());
    }
    assert_eq!(read("ignore").status.code(), Some(0), "the untouched twin");

    let config = verifier_api::serve::Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        trust: Some(pki.join("trust")),
        workers: 1,
        ..verifier_api::serve::Config::default()
    };
    let service = verifier_api::serve::Service::bind(config)
        .unwrap()
        .start()
        .unwrap();
    let url = format!("http://{}", service.address());
    let expired = Phone::start(pki, &["--repeat", "--fault", "expired"]);
    for (phone, told) in [(&expired, true), (&phone, false)] {
        for output in [
            phone.read("age-20", pki),
            phone.read_with("age-20", &["--verify", &url]),
        ] {
            let words = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(i32::from(told)), "{output:?}");
            for step in [
                "reader: next: Please get the phone online",
                "reader: next: スマートフォンを",
            ] {
                assert_eq!(words.contains(step), told, "{words}");
            }
        }
    }
}
