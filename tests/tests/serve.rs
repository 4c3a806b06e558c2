//! `verifier-api serve` as an operator starts it: configuration, exit statuses, logs, signals.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciborium::Value as Cbor;
use holder::credential::Credential;
use holder::{Built, Scenario};
use serde_json::{Value, json};
use verifier_tests::http::{Connection, Response, fetch, head};
use verifier_tests::programs::program;

const PATH: &str = "/v1/verifications";

/// The command, with nothing of this process's environment that means something to it.
fn serve(arguments: &[&str]) -> Command {
    let mut command = Command::new(program("verifier-api"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("VERIFIER_API_") {
            command.env_remove(name);
        }
    }
    command.arg("serve").args(arguments).stdin(Stdio::null());
    command
}

fn refused(arguments: &[&str]) -> String {
    let output = serve(arguments).output().unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.len()),
        (Some(64), 0),
        "{output:?}"
    );
    String::from_utf8(output.stderr).unwrap()
}

fn checked(command: &mut Command) -> Value {
    let output = command.arg("--check-config").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A service in a process of its own; killed with the test.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        let address = line["listening"].as_str().unwrap().parse().unwrap();
        Self { child, address }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for the end: exit status and log.
    fn finish(mut self) -> (Option<i32>, String) {
        let mut log = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn live(address: SocketAddr) -> Response {
    fetch(address, "GET", "/health/live", &[], b"")
}

/// A scenario in the instant of the machine's clock, which the program judges by.
fn in_our_time(scenario: Scenario) -> Built {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    let scenario = scenario.set(|s| {
        s.issuer.now = now;
        (s.terms.signed, s.terms.valid_from) = (now - 3600, now - 3600);
        s.terms.valid_until = now + 86_400;
    });
    scenario.build()
}

fn write_trust(folder: &Path, built: &Built) -> String {
    let trust = folder.join("trust");
    std::fs::create_dir_all(trust.join("anchors")).unwrap();
    std::fs::write(trust.join("anchors/test.pem"), &built.root_pem).unwrap();
    trust.to_str().unwrap().to_owned()
}

fn body(built: &Built, purpose: &str) -> String {
    json!({ "purpose": purpose, "device_response": URL_SAFE_NO_PAD.encode(&built.response),
        "session_transcript": URL_SAFE_NO_PAD.encode(&built.session_transcript) })
    .to_string()
}

// --- Starting -----------------------------------------------------------------------------------------------

#[test]
fn without_any_configuration_it_runs_and_says_what_is_missing() {
    let process = Process::start(&mut serve(&["--listen", "127.0.0.1:0"]));
    assert_eq!(live(process.address).status, 200);
    let ready = fetch(process.address, "GET", "/health/ready", &[], b"").json();
    assert_eq!(ready["anchors"], 0);
    process.signal("TERM");
    let (status, log) = process.finish();
    assert_eq!(status, Some(0));
    let warning = log.lines().next().unwrap();
    assert!(
        warning.contains("WARN") && warning.contains("no trust directory"),
        "{warning}"
    );
    assert_eq!(checked(&mut serve(&[]))["listen"], "127.0.0.1:8080");
}

#[test]
fn a_verdict_is_given_on_the_clock_of_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let built = in_our_time(Scenario::my_number());
    let trust = write_trust(folder.path(), &built);
    let process = Process::start(&mut serve(&["--listen", "127.0.0.1:0", "--trust", &trust]));
    let content_type = [("Content-Type", "application/json")];
    let body = body(&built, "age-20-unattended");
    let verdict = fetch(process.address, "POST", PATH, &content_type, body.as_bytes()).json();
    assert_eq!(verdict["verdict"], "accepted", "{verdict}");
    assert_eq!(verdict["answers"], json!({ "over_20": true }));
}

#[test]
fn settings_come_from_flags_environment_file_and_defaults_in_this_order() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("service.toml");
    let trust = write_trust(folder.path(), &Scenario::my_number().build());
    std::fs::write(
        &file,
        "listen = \"127.0.0.1:3\"\ntrust = \"trust\"\nworkers = 3\nlog = \"warn\"\n",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let effective = checked(
        serve(&["--config", file, "--listen", "127.0.0.1:1"])
            .env("VERIFIER_API_LISTEN", "127.0.0.1:2")
            .env("VERIFIER_API_WORKERS", "2")
            .env("VERIFIER_API_PORT", "tcp://192.0.2.1:80"),
    );
    assert_eq!(
        (
            &effective["listen"],
            &effective["workers"],
            &effective["log"],
            &effective["body_timeout"]
        ),
        (&json!("127.0.0.1:1"), &json!(2), &json!("warn"), &json!(30))
    );
    assert_eq!(effective["from"]["listen"], "flag");
    assert_eq!(effective["from"]["workers"], "environment");
    assert_eq!(effective["from"]["log"], "file");
    assert_eq!(effective["from"]["body_timeout"], "default");
    assert_eq!(
        (&effective["trust"], &effective["found"]["anchors"]),
        (&json!(trust), &json!(1))
    );
    let named = checked(serve(&[]).env("VERIFIER_API_CONFIG", file));
    assert_eq!(named["listen"], "127.0.0.1:3");
}

#[test]
fn a_bad_configuration_is_named_and_ends_with_64() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        path(name)
    };
    let unknown = write("unknown.toml", "listen = \"127.0.0.1:0\"\ncolour = 1\n");
    let missing_trust = write("missing.toml", "trust = \"missing\"\n");
    let keys = write("keys", "\n# none\n");
    std::fs::create_dir_all(folder.path().join("purposes")).unwrap();
    write("purposes/own.toml", relying_party::purpose::READY_MADE[0].1);
    let purposes = path("purposes");
    let occupied = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = occupied.local_addr().unwrap().to_string();
    for (arguments, word) in [
        (vec!["--config", unknown.as_str()], "colour"),
        (vec!["--config", missing_trust.as_str()], "missing"),
        (vec!["--config", "no-such-file"], "no-such-file"),
        (vec!["--trust", "no-such-directory"], "no-such-directory"),
        (vec!["--purposes", "no-such-directory"], "no-such-directory"),
        (
            vec!["--purposes", purposes.as_str()],
            "another purpose with the id age-20",
        ),
        (vec!["--api-keys-file", keys.as_str()], "holds no key"),
        (vec!["--listen", "localhost"], "listen (from the flag)"),
        (vec!["--log", "loud"], "log (from the flag)"),
    ] {
        let mut check = arguments.clone();
        check.push("--check-config");
        assert!(refused(&check).contains(word), "{arguments:?}");
        assert!(refused(&arguments).contains(word), "{arguments:?}");
    }
    refused(&["--colour"]);
    // Whether an address is free is known only when it is listened on.
    assert!(refused(&["--listen", &taken]).contains("cannot listen on"));
    assert!(!checked(&mut serve(&["--listen", &taken]))["listen"].is_null());
}

#[test]
fn without_keys_it_listens_on_loopback_only() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080"] {
        for more in [&[][..], &["--check-config"]] {
            let fault = refused(&[&["--listen", address], more].concat());
            assert!(
                fault.contains("--api-keys-file") && fault.contains(address),
                "{fault}"
            );
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    std::fs::write(&keys, "a-key-of-more-than-twenty-characters\n").unwrap();
    let keys = keys.to_str().unwrap();
    let process = Process::start(&mut serve(&["--listen", "0.0.0.0:0", "--api-keys-file", keys]));
    let address = SocketAddr::from(([127, 0, 0, 1], process.address.port()));
    let purposes = |headers: &[(&str, &str)]| fetch(address, "GET", "/v1/purposes", headers, b"").status;
    assert_eq!(purposes(&[]), 401);
    assert_eq!(
        purposes(&[("Authorization", "Bearer a-key-of-more-than-twenty-characters")]),
        200
    );
}

// --- Logs ---------------------------------------------------------------------------------------------------

/// Texts that stand in the sample credential and must stand in no log.
const CLAIMS: [&str; 5] = ["辻", "見本ハイツ", "1994-02-03", "1994年2月3日", "123456789018"];

#[test]
fn the_log_is_json_and_holds_no_claim_key_or_word_of_the_caller() {
    let folder = tempfile::tempdir().unwrap();
    let japan: &[&str] = &[
        "full_name_unicode",
        "resident_address_unicode",
        "individual_number_unicode",
        "birth_date_unicode",
        "portrait",
    ];
    let elements = [
        ("org.iso.23220.1", &["birth_date"][..]),
        ("org.iso.23220.1.jp", japan),
    ];
    let built = in_our_time(Scenario::new(Credential::my_number(Some(1000)), &elements));
    let trust = write_trust(folder.path(), &built);
    let keys = folder.path().join("keys");
    std::fs::write(&keys, "a-secret-key-of-the-caller\n").unwrap();
    let keys = keys.to_str().unwrap();
    let arguments = [
        "--listen",
        "127.0.0.1:0",
        "--trust",
        &trust,
        "--log",
        "debug",
        "--api-keys-file",
        keys,
    ];
    let process = Process::start(serve(&arguments).env("RUST_LOG", "trace"));
    let post = |authorization: &str, content_type: &str, body: &[u8]| {
        let headers = [
            ("Content-Type", content_type),
            ("Authorization", authorization),
            ("X-Request-Id", "seen-in-the-log"),
        ];
        fetch(process.address, "POST", PATH, &headers, body)
    };
    let key = "Bearer a-secret-key-of-the-caller";
    let as_cbor = |response: &[u8]| {
        holder::encode(&Cbor::Map(vec![
            ("purpose".into(), "identity-basic".into()),
            ("device_response".into(), Cbor::Bytes(response.to_vec())),
            (
                "session_transcript".into(),
                Cbor::Bytes(built.session_transcript.clone()),
            ),
        ]))
    };
    let answered = post(key, "application/cbor", &as_cbor(&built.response)).json();
    assert!(
        answered["answers"]["name"].as_str().unwrap().contains('辻'),
        "the answer leaves, {answered}"
    );
    let json_answer = post(key, "application/json", body(&built, "identity-basic").as_bytes());
    assert_eq!(json_answer.json()["verdict"], "accepted");
    // The same bytes where they do not belong: broken, under a wrong type, in paths, members, methods and keys.
    for cut in [built.response.len() - 1, built.response.len() / 2] {
        assert_eq!(
            post(key, "application/cbor", &as_cbor(&built.response[..cut])).status,
            200
        );
    }
    assert_eq!(
        post(key, "application/json", &as_cbor(&built.response)).status,
        400
    );
    assert_eq!(
        post(key, "application/json", "{\"辻\":\"見本ハイツ\"}".as_bytes()).status,
        422
    );
    assert_eq!(
        post("Bearer 1994-02-03-secret", "application/json", b"").status,
        401
    );
    for (method, path) in [
        ("GET", "/1994-02-03"),
        ("SECRET-123456789018", PATH),
        ("GET", "/health/live?n=1994-02-03"),
    ] {
        fetch(process.address, method, path, &[("X-Other", "123456789018")], b"");
    }
    Connection::open(process.address).send("辻 secret \r\n\r\n".as_bytes());
    process.signal("TERM");
    let (status, log) = process.finish();
    assert_eq!(status, Some(0));
    for claim in CLAIMS.into_iter().chain(["secret", "SECRET"]) {
        assert!(!log.contains(claim), "{claim} in the log: {log}");
    }
    let encoded = URL_SAFE_NO_PAD.encode(&built.response);
    assert!(!log.contains(&encoded[..40]), "the response in the log");
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let judged: Vec<&Value> = lines.iter().filter(|line| line["message"] == "judged").collect();
    assert_eq!(judged.len(), 4);
    assert_eq!(judged[0]["request_id"], "seen-in-the-log");
    assert_eq!(
        (
            &judged[0]["verdict"],
            &judged[0]["purpose"],
            &judged[0]["route"],
            &judged[0]["status"]
        ),
        (
            &json!("accepted"),
            &json!("identity-basic"),
            &json!(PATH),
            &json!(200)
        )
    );
    assert_eq!(judged[2]["reason"], "response.malformed");
    assert!(lines.iter().any(|line| line["status"] == 401));
}

// --- Stopping -----------------------------------------------------------------------------------------------

#[test]
fn a_signal_lets_running_requests_end_and_idle_connections_close() {
    for name in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let built = in_our_time(Scenario::my_number());
        let trust = write_trust(folder.path(), &built);
        let process = Process::start(&mut serve(&["--listen", "127.0.0.1:0", "--trust", &trust]));
        let mut idle = Connection::open(process.address);
        idle.request("GET", "/health/live", &[], b"");
        assert_eq!(idle.response(false).status, 200);
        let body = body(&built, "age-20-unattended");
        let length = body.len().to_string();
        let headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", length.as_str()),
            ("Expect", "100-continue"),
        ];
        let mut busy = Connection::open(process.address);
        busy.send((head("POST", PATH, &headers) + "\r\n").as_bytes());
        assert_eq!(busy.response(true).status, 100, "the request has begun");
        busy.send(&body.as_bytes()[..100]);
        process.signal(name);
        assert!(idle.is_closed(), "{name}: an idle connection is not waited for");
        busy.send(&body.as_bytes()[100..]);
        let response = busy.response(false);
        assert_eq!(
            (response.status, &response.json()["verdict"]),
            (200, &json!("accepted")),
            "{name}"
        );
        assert!(busy.is_closed());
        let address = process.address;
        let (status, log) = process.finish();
        assert_eq!(status, Some(0), "{name}");
        assert!(log.lines().last().unwrap().contains("stopped"), "{name}: {log}");
        assert!(std::net::TcpStream::connect(address).is_err());
    }
}

#[test]
fn a_request_that_never_ends_is_not_waited_for_longer_than_configured() {
    let mut command = serve(&["--listen", "127.0.0.1:0"]);
    let process = Process::start(command.env("VERIFIER_API_SHUTDOWN_TIMEOUT", "1"));
    let headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", "100"),
        ("Expect", "100-continue"),
    ];
    let mut stuck = Connection::open(process.address);
    stuck.send((head("POST", PATH, &headers) + "\r\n").as_bytes());
    assert_eq!(stuck.response(true).status, 100);
    let begun = std::time::Instant::now();
    process.signal("TERM");
    assert_eq!(process.finish().0, Some(0));
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(15),
        "well below the default of 30 s"
    );
}

#[test]
fn help_tells_of_the_settings() {
    let output: Output = serve(&["--help"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    for word in [
        "--listen",
        "--trust",
        "--purposes",
        "--config",
        "--check-config",
        "--api-keys-file",
        "VERIFIER_API_",
    ] {
        assert!(help.contains(word), "{word}");
    }
}
