//! The program that fetches, as an operator starts it: its settings, its log, its cache. Killed at any moment of a refresh, its
//! next start finds every list whole, and none older than before.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use holder::evidence::{List, StatusAuthority, TokenSpec, status_reference};
use holder::hooks::Hooks;
use holder::issuer::{DAY, Issuer};
use holder::{Scenario, certificate};
use mdoc::status::StatusToken;
use mdoc::time::UnixTime;
use rand_core::{Rng as _, SeedableRng as _};
use relying_party::bundle::SignedBundle;
use relying_party::{PublicKey, TrustFile};
use serde_json::{Value, json};
use verifier_api::fetch::{FetchSettings, Fetcher};
use verifier_tests::http;
use verifier_tests::list_server::{Answer, ListServer};
use verifier_tests::programs::{BundleMaker, program};
use verifier_tests::{age_purpose, outcome, verdict_on};

const LISTS: usize = 60;

/// How often the program is killed; `KILLS` says otherwise, and does in CI.
fn kills() -> usize {
    std::env::var("KILLS").map_or(50, |count| count.parse().unwrap())
}

fn clock() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

struct Publisher {
    server: ListServer,
    authority: StatusAuthority,
}

impl Publisher {
    fn uri(&self, number: usize) -> String {
        format!("https://localhost:{}/{number}", self.server.address.port())
    }

    /// Every list anew, to be asked for again after a second.
    fn publish(&self) {
        for number in 0..LISTS {
            let list = List::Statuses {
                bits: 1,
                values: vec![0; 4096],
            };
            let chain = vec![self.authority.certificate.clone()];
            let mut spec = TokenSpec::new(&self.uri(number), list, chain, clock());
            (spec.issued_at, spec.time_to_live) = (clock(), Some(1));
            let token = spec.cwt(&self.authority.key);
            self.server.put(&format!("/{number}"), Answer::status(&token));
        }
    }
}

/// The command, with nothing of this process's environment that means something to it.
fn serve(folder: &Path, log: &str) -> Command {
    let mut command = Command::new(program("verifier-api"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("VERIFIER_API_") {
            command.env_remove(name);
        }
    }
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--log", log, "--trust"])
        .arg(folder.join("trust"))
        .arg("--fetch")
        .arg(folder.join("fetch.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

fn start(command: &mut Command) -> (Child, SocketAddr) {
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let line: Value = serde_json::from_str(&line).expect("the program starts on what it finds");
    let address = line["listening"].as_str().unwrap().parse().unwrap();
    (child, address)
}

fn judge(address: SocketAddr, built: &holder::Built) -> Value {
    http::judge(address, "age-20-unattended", built)
}

/// A presentation of this instant, whose MSO names this status.
fn scenario(status: Option<ciborium::Value>) -> Scenario {
    Scenario::my_number().set(|s| {
        let now = clock();
        s.issuer.now = now;
        (s.terms.signed, s.terms.valid_from) = (now - 3600, now - 3600);
        s.terms.valid_until = now + DAY;
        s.terms.status = status;
    })
}

/// A publisher, and a folder with the trust directory of its issuer and settings with these lines.
fn publisher(folder: &Path, settings: impl FnOnce(&Publisher) -> String) -> (Publisher, Vec<u8>) {
    let plain = scenario(None);
    let issuer = Issuer::new(&plain.issuer, &Hooks::default());
    let publisher = Publisher {
        server: ListServer::start(),
        authority: StatusAuthority::new(&issuer, &plain.issuer, |_| {}),
    };
    std::fs::create_dir_all(folder.join("trust/anchors")).unwrap();
    std::fs::write(folder.join("trust/anchors/own.der"), &issuer.root).unwrap();
    std::fs::write(folder.join("roots.pem"), certificate::pem(&publisher.server.root)).unwrap();
    let settings =
        settings(&publisher) + "\nroots = \"roots.pem\"\ncache = \"cache\"\nprivate_addresses = true\n";
    std::fs::write(folder.join("fetch.toml"), settings).unwrap();
    (publisher, issuer.root)
}

/// What the next start would find: each list by its URI with the instant it was made.
fn found(cache: &Path, root: &[u8]) -> BTreeMap<String, UnixTime> {
    let settings = FetchSettings {
        cache: Some(cache.to_owned()),
        ..FetchSettings::default()
    };
    let files = vec![TrustFile {
        name: "anchors/own.der".to_owned(),
        bytes: root.to_vec(),
    }];
    let fetcher = Fetcher::open(settings, files, |trust| trust).unwrap();
    let held = fetcher.held().into_iter().map(|held| {
        let token = StatusToken::decode_fetched(&held.bytes, &held.uri, "").expect("a whole list");
        assert_eq!(token.issued_at(), held.dated);
        (held.uri, held.dated)
    });
    held.collect()
}

#[test]
fn killed_at_any_moment_every_list_is_whole_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let (publisher, root) = publisher(folder.path(), |publisher| {
        let uris: Vec<String> = (0..LISTS).map(|number| publisher.uri(number)).collect();
        format!("status = {uris:?}")
    });
    let cache = folder.path().join("cache");

    let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(u64::from(std::process::id()));
    let mut known: BTreeMap<String, UnixTime> = BTreeMap::new();
    let mut renewed = 0;
    // Chance and the machine have it where the kills fall: it goes on until enough fell into a refresh.
    for kill in 0..10 * kills() {
        if kill >= kills() && renewed > kills() / 2 {
            break;
        }
        publisher.publish();
        let (mut child, _) = start(&mut serve(folder.path(), "error"));
        // Somewhere in the first requests of this start, or before there is one.
        let (goal, started) = (
            publisher.server.count() + (random.next_u32() % 6) as usize,
            Instant::now(),
        );
        while publisher.server.count() < goal && started.elapsed() < Duration::from_millis(500) {
            std::thread::sleep(Duration::from_micros(500));
        }
        std::thread::sleep(Duration::from_micros(u64::from(random.next_u32() % 8_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = found(&cache, &root);
        for (uri, dated) in &known {
            assert!(
                now.get(uri).is_some_and(|found| found >= dated),
                "{uri} is lost or went back"
            );
        }
        renewed += now
            .iter()
            .filter(|(uri, dated)| known.get(*uri) < Some(*dated))
            .count();
        known = now;
    }
    // Else the kills fell into no refresh, and nothing was shown.
    assert!(renewed > kills() / 2, "only {renewed} lists were written");

    // And the lists are good for a verdict, without a publisher.
    let uri = publisher.uri(0);
    assert!(known.contains_key(&uri));
    drop(publisher.server);
    let built = scenario(Some(status_reference(&uri, 7))).build();
    let (mut child, address) = start(&mut serve(folder.path(), "error"));
    let verdict = judge(address, &built);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(outcome(&verdict), "accepted", "{verdict:#}");
}

#[test]
fn the_log_says_what_was_fetched_by_its_host_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (publisher, _) = publisher(folder.path(), |_| String::new());
    publisher.publish();
    let base = format!("https://localhost:{}", publisher.server.address.port());
    let missing = format!("{base}/a-path-that-is-nobodys-business");
    let (mut child, address) = start(serve(folder.path(), "debug").stderr(Stdio::piped()));
    let good = scenario(Some(status_reference(&publisher.uri(0), 7))).build();
    assert_eq!(outcome(&judge(address, &good)), "accepted");
    let lost = scenario(Some(status_reference(&missing, 7))).build();
    assert_eq!(outcome(&judge(address, &lost)), "status.unavailable");
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(
        log.contains("\"fetched\"") && log.contains("\"http_status\"") && log.contains("\"localhost\""),
        "{log}"
    );
    for path in ["nobodys-business", "localhost:"] {
        assert!(!log.contains(path), "{log}");
    }
}

#[test]
fn no_proxy_of_the_environment_stands_between() {
    let folder = tempfile::tempdir().unwrap();
    let (publisher, _) = publisher(folder.path(), |_| String::new());
    publisher.publish();
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut command = serve(folder.path(), "error");
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
        command.env(name, &address).env(name.to_lowercase(), &address);
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    let (mut child, address) = start(&mut command);
    let built = scenario(Some(status_reference(&publisher.uri(0), 7))).build();
    let verdict = outcome(&judge(address, &built));
    child.kill().unwrap();
    child.wait().unwrap();
    // It would see addresses that no look-up here has checked.
    let called = proxy.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(called, Err(std::io::ErrorKind::WouldBlock));
    assert_eq!(verdict, "accepted");
}

#[test]
fn settings_at_fault_are_named_and_the_cache_is_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let (_publisher, _) = publisher(folder.path(), |_| String::new());
    let (mut child, _) = start(&mut serve(folder.path(), "error"));
    let second = serve(folder.path(), "error").output().unwrap();
    assert_eq!(second.status.code(), Some(64));
    let fault = String::from_utf8(second.stderr).unwrap();
    assert!(fault.contains("in use by another process"), "{fault}");
    // Looking at the configuration takes nothing away from the service that runs.
    let checked = serve(folder.path(), "error")
        .arg("--check-config")
        .output()
        .unwrap();
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let checked: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(checked["from"]["fetch"], "flag");
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::write(folder.path().join("fetch.toml"), "colour = 1").unwrap();
    for more in [&[][..], &["--check-config"]] {
        let output = serve(folder.path(), "error").args(more).output().unwrap();
        assert_eq!(output.status.code(), Some(64));
        let fault = String::from_utf8(output.stderr).unwrap();
        assert!(
            fault.contains("fetch.toml") && fault.contains("colour"),
            "{fault}"
        );
    }
}

#[test]
fn what_was_fetched_goes_into_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let (publisher, _) = publisher(folder.path(), |_| String::new());
    publisher.publish();
    let built = scenario(Some(status_reference(&publisher.uri(0), 7))).build();
    let (mut child, address) = start(&mut serve(folder.path(), "error"));
    assert_eq!(outcome(&judge(address, &built)), "accepted");

    // While the service goes on; one file of the cache is damaged.
    std::fs::write(folder.path().join("cache/damaged.list"), "no list").unwrap();
    let maker = BundleMaker::new(folder.path());
    let trust = folder.path().join("trust");
    let settings = maker.path("fetch.toml");
    maker.build("without", &trust, &[]);
    maker.build("with", &trust, &["--fetch", &settings]);
    child.kill().unwrap();
    child.wait().unwrap();
    drop(publisher.server);

    let key = PublicKey::from_spki(&std::fs::read(maker.key()).unwrap()).unwrap();
    let now = UnixTime::from_seconds(clock()).unwrap();
    let judged = |name: &str| {
        let bytes = std::fs::read(maker.path(name)).unwrap();
        let bundle = SignedBundle::decode(&bytes).unwrap().verify(&key).unwrap();
        let lists: Vec<(UnixTime, Option<UnixTime>)> = bundle
            .entries()
            .iter()
            .filter(|entry| entry.name.starts_with("status/fetched-"))
            .map(|entry| (entry.fetched, entry.expires))
            .collect();
        let loaded = bundle.load(now).unwrap();
        let purpose = age_purpose(&json!({ "crl": "if_available", "status": "if_present" }));
        let trust = loaded.trust();
        (
            outcome(&verdict_on(&built, &purpose, trust, trust.evidence(), clock())),
            lists,
        )
    };
    assert_eq!(judged("without"), ("status.unavailable".to_owned(), Vec::new()));
    let (verdict, lists) = judged("with");
    assert_eq!(verdict, "accepted");
    let [(fetched, Some(expires))] = lists[..] else {
        panic!("one list, with its end: {lists:?}");
    };
    assert!(fetched <= now && now.seconds() - fetched.seconds() < 120 && expires > now);

    let absent = [
        "build",
        "--key",
        &maker.path("bundle-key.pem"),
        "--out",
        &maker.path("none"),
    ];
    let output = maker.run(&[&absent[..], &["--fetch", &maker.path("absent.toml")]].concat());
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert!(!folder.path().join("none").exists());
}
