//! The program killed at any moment of a refresh: the next start finds every list whole, and none older than before.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holder::evidence::{List, StatusAuthority, TokenSpec, status_reference};
use holder::hooks::Hooks;
use holder::issuer::{DAY, Issuer};
use holder::{Scenario, certificate};
use mdoc::status::StatusToken;
use mdoc::time::UnixTime;
use rand_core::{Rng as _, SeedableRng as _};
use relying_party::TrustFile;
use serde_json::{Value, json};
use verifier_api::fetch::{FetchSettings, Fetcher};
use verifier_tests::http::fetch;
use verifier_tests::list_server::{Answer, ListServer};
use verifier_tests::outcome;
use verifier_tests::programs::program;

const LISTS: usize = 60;

/// How often the program is killed; `KILLS` says otherwise.
fn kills() -> usize {
    std::env::var("KILLS").map_or(200, |count| count.parse().unwrap())
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

fn start(folder: &Path) -> (Child, SocketAddr) {
    let mut command = Command::new(program("verifier-api"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("VERIFIER_API_") {
            command.env_remove(name);
        }
    }
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--log", "error", "--trust"])
        .arg(folder.join("trust"))
        .arg("--fetch")
        .arg(folder.join("fetch.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let line: Value = serde_json::from_str(&line).expect("the program starts on what it finds");
    let address = line["listening"].as_str().unwrap().parse().unwrap();
    (child, address)
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
    let scenario = |status| {
        Scenario::my_number().set(|s| {
            let now = clock();
            s.issuer.now = now;
            (s.terms.signed, s.terms.valid_from) = (now - 3600, now - 3600);
            s.terms.valid_until = now + DAY;
            s.terms.status = status;
        })
    };
    let plain = scenario(None);
    let issuer = Issuer::new(&plain.issuer, &Hooks::default());
    let publisher = Publisher {
        server: ListServer::start(),
        authority: StatusAuthority::new(&issuer, &plain.issuer, |_| {}),
    };
    std::fs::create_dir_all(folder.path().join("trust/anchors")).unwrap();
    std::fs::write(folder.path().join("trust/anchors/own.der"), &issuer.root).unwrap();
    std::fs::write(
        folder.path().join("roots.pem"),
        certificate::pem(&publisher.server.root),
    )
    .unwrap();
    let uris: Vec<String> = (0..LISTS).map(|number| publisher.uri(number)).collect();
    let settings =
        format!("status = {uris:?}\nroots = \"roots.pem\"\ncache = \"cache\"\nprivate_addresses = true\n");
    std::fs::write(folder.path().join("fetch.toml"), settings).unwrap();
    let cache = folder.path().join("cache");

    let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(u64::from(std::process::id()));
    let mut known: BTreeMap<String, UnixTime> = BTreeMap::new();
    let mut renewed = 0;
    for _ in 0..kills() {
        publisher.publish();
        let (mut child, _) = start(folder.path());
        std::thread::sleep(Duration::from_micros(u64::from(random.next_u32() % 80_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = found(&cache, &issuer.root);
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
    assert!(renewed > LISTS, "only {renewed} lists were written in all starts");

    // And the lists are good for a verdict, without a publisher.
    let uri = publisher.uri(0);
    assert!(known.contains_key(&uri));
    drop(publisher.server);
    let built = scenario(Some(status_reference(&uri, 7))).build();
    let (mut child, address) = start(folder.path());
    let body = json!({ "purpose": "age-20-unattended",
        "device_response": URL_SAFE_NO_PAD.encode(&built.response),
        "session_transcript": URL_SAFE_NO_PAD.encode(&built.session_transcript) });
    let headers = [("Content-Type", "application/json")];
    let response = fetch(
        address,
        "POST",
        "/v1/verifications",
        &headers,
        body.to_string().as_bytes(),
    );
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(outcome(&response.json()), "accepted", "{response:?}");
}
