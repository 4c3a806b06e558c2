//! Trust that changes while lists are fetched: what was fetched stays, nothing goes back over a restart
//! without a cache, and what ends soon is told.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use holder::certificate::{CertificateSpec, name};
use holder::evidence::{List, StatusAuthority, TokenSpec};
use holder::issuer::DAY;
use holder::scenario::NOW;
use holder::vical::VicalProvider;
use holder::{Scenario, certificate};
use mdoc::time::UnixTime;
use operator::TrustState;
use relying_party::{DatedKind, TrustFile, Wanted};
use verifier_api::fetch::{FetchError, FetchSettings, Fetcher, ListKind, Source, cached};
use verifier_api::serve::{Config, Service};
use verifier_tests::http::fetch;
use verifier_tests::list_server::{Answer, ListServer};
use verifier_tests::programs::program;
use verifier_tests::trusting::{Operator, key, root, vical};
use verifier_tests::wait_until;

const CRL: &str = "https://lists.test/crl";
const VICAL: &str = "https://lists.test/vical";
const STATUS: &str = "https://lists.test/1";

fn now() -> UnixTime {
    UnixTime::from_seconds(NOW).unwrap()
}

fn settings(server: &ListServer, state: Option<&Path>) -> FetchSettings {
    let address = server.address;
    FetchSettings {
        sources: vec![
            Source {
                kind: ListKind::Crl,
                uri: CRL.to_owned(),
            },
            Source {
                kind: ListKind::Vical,
                uri: VICAL.to_owned(),
            },
        ],
        roots: Some(vec![server.root.clone()]),
        private_addresses: true,
        threads: 2,
        trust_state: state.map(TrustState::new),
        lookup: Some(Arc::new(move |_: &str, _| Ok(vec![address]))),
        ..FetchSettings::default()
    }
}

/// A fetcher that has tried both lists, and why it has not taken them.
fn tried(
    server: &ListServer,
    files: &[TrustFile],
    state: Option<&Path>,
) -> (Fetcher, [Option<FetchError>; 2]) {
    let fetcher = Fetcher::open(settings(server, state), files.to_vec(), |trust| trust).unwrap();
    fetcher.start(now).unwrap();
    wait_until(|| {
        let totals = fetcher.totals();
        totals.fetched + totals.failed >= 2
    });
    let failures = [
        fetcher.failure_of(ListKind::Crl, CRL),
        fetcher.failure_of(ListKind::Vical, VICAL),
    ];
    (fetcher, failures)
}

fn file(name: &str, bytes: &[u8]) -> TrustFile {
    TrustFile {
        name: name.to_owned(),
        bytes: bytes.to_vec(),
    }
}

#[test]
fn fetched_lists_do_not_go_back_over_a_restart_without_a_cache() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    let (provider, server) = (VicalProvider::new(7, NOW), ListServer::start());
    let files = [
        file("anchors/own.der", &operator.issuer.root),
        file("vicals/authority.der", &provider.authority),
    ];
    let publish = |crl: u8, issue: u64| {
        server.put(
            "/crl",
            Answer::list("application/pkix-crl", &operator.crl(crl, 2)),
        );
        let list = provider.sign(&vical(issue, NOW - 2 * DAY, &root(1, 3000)));
        server.put("/vical", Answer::list("application/cbor", &list));
    };
    let state = operator.state();
    publish(5, 5);
    assert_eq!(tried(&server, &files, Some(&state)).1, [None, None]);
    publish(4, 4);
    let older = [Some(FetchError::Older), Some(FetchError::Older)];
    let (fetcher, failures) = tried(&server, &files, Some(&state));
    assert_eq!(failures, older);
    assert_eq!(fetcher.held().len(), 0);
    let results = fetcher.results();
    assert_eq!(
        results,
        [((ListKind::Crl, "older"), 1), ((ListKind::Vical, "older"), 1)]
    );
    publish(5, 5);
    assert_eq!(
        tried(&server, &files, Some(&state)).1,
        [None, None],
        "the untouched twin"
    );
    publish(4, 4);
    assert_eq!(
        tried(&server, &files, None).1,
        [None, None],
        "nobody knows better without a state"
    );

    // What was fetched keeps older files out of the trust directory too.
    operator.put("vicals/authority.der", &provider.authority);
    operator.put("crls/own.crl", &operator.crl(4, 2));
    assert_eq!(
        operator.refused("apply", &[])["conflicts"][0]["conflict"],
        "older_crl"
    );
    operator.put("crls/own.crl", &operator.crl(5, 2));
    operator.put(
        "vicals/a.cbor",
        &provider.sign(&vical(4, NOW - 2 * DAY, &root(1, 3000))),
    );
    assert_eq!(
        operator.refused("apply", &[])["conflicts"][0]["conflict"],
        "older_vical"
    );
    operator.put(
        "vicals/a.cbor",
        &provider.sign(&vical(5, NOW - 2 * DAY, &root(1, 3000))),
    );
    operator.done("apply", &[]);
}

#[test]
fn a_crl_that_nobody_trusted_signed_keeps_none_out() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    let (provider, server) = (VicalProvider::new(7, NOW), ListServer::start());
    let files = [file("anchors/own.der", &operator.issuer.root)];
    server.put(
        "/crl",
        Answer::list("application/pkix-crl", &operator.crl_by(&key(99), 200, 1)),
    );
    let list = provider.sign(&vical(200, NOW - DAY, &root(1, 3000)));
    server.put("/vical", Answer::list("application/cbor", &list));
    let (_, failures) = tried(&server, &files, Some(&operator.state()));
    assert_eq!(failures[0], Some(FetchError::CrlSignature));
    assert!(matches!(failures[1], Some(FetchError::VicalRefused(_))));
    operator.put("crls/own.crl", &operator.crl(1, 1));
    operator.put("vicals/authority.der", &provider.authority);
    operator.put(
        "vicals/a.cbor",
        &provider.sign(&vical(1, NOW - 2 * DAY, &root(1, 3000))),
    );
    operator.done("apply", &[]);
}

#[test]
fn a_list_of_a_source_that_is_none_any_more_goes_into_no_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    let (provider, server) = (VicalProvider::new(7, NOW), ListServer::start());
    server.put("/crl", Answer::list("application/pkix-crl", &operator.crl(5, 2)));
    let issue = provider.sign(&vical(5, NOW - DAY, &root(1, 3000)));
    server.put("/vical", Answer::list("application/cbor", &issue));
    let files = vec![
        file("anchors/own.der", &operator.issuer.root),
        file("vicals/authority.der", &provider.authority),
    ];
    let mut settings = settings(&server, None);
    settings.cache = Some(folder.path().join("cache"));
    let fetcher = Fetcher::open(settings.clone(), files.clone(), |trust| trust).unwrap();
    fetcher.start(now).unwrap();
    wait_until(|| fetcher.totals().fetched == 2);
    drop(fetcher);
    let carried = |settings: &FetchSettings| {
        let lists = cached(settings).unwrap().into_iter();
        let folders = lists.map(|list| list.file.name.split('/').next().unwrap().to_owned());
        folders.collect::<Vec<_>>()
    };
    assert_eq!(carried(&settings), ["crls", "vicals"]);
    // Whom to trust is the operator's word of today.
    settings.sources.retain(|source| source.kind != ListKind::Vical);
    assert_eq!(carried(&settings), ["crls"]);
    let fetcher = Fetcher::open(settings, files, |trust| trust).unwrap();
    assert_eq!(fetcher.world().load().trust().anchor_count(), 1);
}

#[test]
fn what_was_fetched_stays_when_trust_changes() {
    let scenario = Scenario::my_number();
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    let (provider, server) = (VicalProvider::new(7, NOW), ListServer::start());
    let authority = StatusAuthority::new(&operator.issuer, &scenario.issuer, |_| {});
    let list = List::Statuses {
        bits: 1,
        values: vec![0; 64],
    };
    let token = TokenSpec::new(STATUS, list, vec![authority.certificate.clone()], NOW).cwt(&authority.key);
    server.put("/1", Answer::status(&token));
    server.put("/crl", Answer::list("application/pkix-crl", &operator.crl(5, 2)));
    let issue = provider.sign(&vical(5, NOW - DAY, &root(1, 3000)));
    server.put("/vical", Answer::list("application/cbor", &issue));
    let own = file("anchors/own.der", &operator.issuer.root);
    let vouched = file("vicals/authority.der", &provider.authority);
    let (fetcher, failures) = tried(&server, &[own.clone(), vouched.clone()], None);
    assert_eq!(failures, [None, None]);
    let wanted = [Wanted::Status {
        uri: STATUS.to_owned(),
    }];
    let mut pending = fetcher.request(&wanted, &fetcher.world().load());
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(pending.settled());
    let seen = || {
        let world = fetcher.world().load_full();
        let crls = world.evidence().crls().count();
        (
            world.trust().anchor_count(),
            crls,
            world.evidence().tokens_of(STATUS).len(),
        )
    };
    assert_eq!(seen(), (2, 1, 1));
    // Its authority gone, the list counts no more; back again, it does.
    fetcher
        .replace_files(vec![
            own.clone(),
            file("anchors/more.der", &root(2, 3000)),
            file("anchors/third.der", &root(3, 3000)),
        ])
        .unwrap();
    assert_eq!(seen(), (3, 1, 1));
    let broken = fetcher
        .replace_files(vec![own.clone(), file("anchors/a.der", b"none")])
        .unwrap_err();
    assert_eq!((broken.file.as_str(), seen()), ("anchors/a.der", (3, 1, 1)));
    fetcher.replace_files(vec![own, vouched]).unwrap();
    assert_eq!(seen(), (2, 1, 1));
    let mut dated = fetcher.dated();
    let kinds: Vec<&str> = dated.iter().map(|dated| dated.kind.name()).collect();
    assert!(kinds.contains(&"crl") && kinds.contains(&"status"), "{kinds:?}");
    dated.retain(|dated| dated.kind != DatedKind::PublisherRoot);
    assert!(dated.iter().all(|dated| dated.name == "lists.test"));
}

#[test]
fn fetching_shows_in_the_metrics_and_goes_on_when_trust_changes() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    let server = ListServer::start();
    server.put("/crl", Answer::list("application/pkix-crl", &operator.crl(5, 2)));
    let config = Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        trust: Some(operator.trust()),
        trust_state: Some(operator.state()),
        fetch_settings: Some(settings(&server, None)),
        ..Config::default()
    };
    let running = Service::bind(config).unwrap().with_clock(now).start().unwrap();
    let get = |path: &str| fetch(running.address(), "GET", path, &[], b"");
    let has = |line: &str| {
        let text = String::from_utf8(get("/metrics").body).unwrap();
        text.lines().any(|known| known == line)
    };
    wait_until(|| has("mdoc_verifier_fetches_total{kind=\"crl\",result=\"taken\"} 1"));
    wait_until(|| has("mdoc_verifier_fetches_total{kind=\"vical\",result=\"http_status\"} 1"));
    assert!(has("mdoc_verifier_evidence_age_seconds{kind=\"crl\"} 172800.0"));
    operator.put("anchors/more.der", &root(1, 3000));
    let applied = operator.done("apply", &[])["after"].clone();
    wait_until(|| get("/health/ready").json()["trust"]["snapshot"] == applied);
    assert!(has("mdoc_verifier_trust_anchors 2"));
    assert!(has("mdoc_verifier_evidence_age_seconds{kind=\"crl\"} 172800.0"));
    // The state directory of the configuration is what the fetcher remembers in.
    operator.put("crls/own.crl", &operator.crl(4, 2));
    assert_eq!(
        operator.refused("apply", &[])["conflicts"][0]["conflict"],
        "older_crl"
    );
}

#[test]
fn the_log_tells_what_ends_soon_once() {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let clock = i64::try_from(since.as_secs()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    for (title, days) in [
        ("ends in 40", 40),
        ("ends in 29", 29),
        ("ends in 6", 6),
        ("ends today", 0),
        ("has ended", -1),
    ] {
        let key = key(u64::try_from(days + 50).unwrap());
        let window = (clock - 400 * DAY, clock + days * DAY + 3600);
        let spec = CertificateSpec::root(&key, name("JP", None, title), vec![3], window);
        operator.put(
            &format!("anchors/{}.pem", days + 50),
            certificate::pem(&spec.sign(&key)).as_bytes(),
        );
    }
    let mut child = Command::new(program("verifier-api"))
        .args(["serve", "--listen", "127.0.0.1:0", "--trust"])
        .arg(operator.trust())
        .arg("--trust-state")
        .arg(operator.state())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = line["listening"].as_str().unwrap().parse().unwrap();
    let ready = || fetch(address, "GET", "/health/ready", &[], b"").json();
    // A change has everything looked at again; what was told is not told again.
    operator.put("anchors/more.der", &root(1, 3000));
    let applied = operator.done("apply", &[])["after"].clone();
    wait_until(|| ready()["trust"]["snapshot"] == applied);
    // The next change is seen only after the look that the last one caused.
    operator.done("apply", &[]);
    wait_until(|| ready()["trust"]["change"] == 3);
    child.kill().unwrap();
    let log = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    let events = log
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut told: Vec<(String, String, i64)> = events
        .filter(|event| event["message"] == "expires soon" || event["message"] == "has expired")
        .map(|event| {
            assert_eq!(event["kind"], "anchor");
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
    assert!(
        log.contains("\"trust is in force\""),
        "the change itself stands there too: {log}"
    );
}
