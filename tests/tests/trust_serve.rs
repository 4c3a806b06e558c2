//! Trust that changes while the service runs: over HTTP, and from the command line beside it. Every
//! verdict goes by one snapshot or the other; what is refused changes nothing; what ends soon is told.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use holder::scenario::NOW;
use holder::{Built, Scenario};
use mdoc::time::UnixTime;
use operator::TrustState;
use serde_json::{Value, json};
use verifier_api::serve::{Config, Running, Service};
use verifier_tests::http::{self, Response, fetch};
use verifier_tests::programs::BundleMaker;
use verifier_tests::trusting::{Operator, root};
use verifier_tests::{outcome, wait_until};

const ADMIN: &str = "adm_0123456789abcdefghij";
const API: &str = "api_0123456789abcdefghij";

fn now() -> UnixTime {
    UnixTime::from_seconds(NOW).unwrap()
}

/// A service on the directories of an operator.
struct Api {
    running: Running,
    operator: Operator,
    built: Built,
}

fn config(folder: &Path) -> Config {
    fs::write(folder.join("admin"), ADMIN).unwrap();
    Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        trust: Some(folder.join("trust")),
        trust_state: Some(folder.join("state")),
        admin_key_file: Some(folder.join("admin")),
        workers: 2,
        ..Config::default()
    }
}

impl Api {
    fn new(folder: &Path) -> Self {
        Self::with(folder, |_| {})
    }

    fn with(folder: &Path, change: impl FnOnce(&mut Config)) -> Self {
        let operator = Operator::new(folder);
        let mut config = config(folder);
        change(&mut config);
        let service = Service::bind(config).unwrap().with_clock(now);
        Self {
            running: service.start().unwrap(),
            operator,
            built: Scenario::my_number().build(),
        }
    }

    fn post(&self, what: &str, key: Option<&str>, body: &Value) -> Response {
        let path = format!("/v1/trust/{what}");
        let bearer = key.map(|key| format!("Bearer {key}"));
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(bearer.as_deref().map(|bearer| ("Authorization", bearer)));
        let body = body.to_string();
        fetch(self.running.address(), "POST", &path, &headers, body.as_bytes())
    }

    #[track_caller]
    fn done(&self, what: &str, body: &Value) -> Value {
        let response = self.post(what, Some(ADMIN), body);
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
        response.json()
    }

    /// Status, kind and field of a problem.
    #[track_caller]
    fn refused(&self, what: &str, body: &Value) -> (u16, String, Value) {
        problem(&self.post(what, Some(ADMIN), body))
    }

    fn get(&self, path: &str) -> Response {
        fetch(self.running.address(), "GET", path, &[], b"")
    }

    fn ready(&self) -> Value {
        self.get("/health/ready").json()
    }

    fn verdict(&self) -> Value {
        judge(self.running.address(), &self.built)
    }
}

#[track_caller]
fn problem(response: &Response) -> (u16, String, Value) {
    let problem = response.json();
    let kind = problem["type"].as_str().unwrap();
    let kind = kind
        .strip_prefix("urn:mdoc-verifier:problem:")
        .unwrap()
        .to_owned();
    assert_eq!(problem["status"], response.status);
    (response.status, kind, problem["field"].clone())
}

fn judge(address: SocketAddr, built: &Built) -> Value {
    http::judge(address, "age-20-unattended", built)
}

#[test]
fn trust_changes_over_http_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::new(folder.path());
    assert_eq!(
        outcome(&api.verdict()),
        "accepted",
        "the first start applies the directory"
    );
    let first = api.operator.in_force();
    api.operator.put("anchors/other.der", &root(1, 3000));
    api.operator.remove("anchors/own.pem");
    let preview = api.done("preview", &json!({}));
    assert_eq!(
        (&preview["applicable"], &preview["before"]),
        (&json!(true), &json!(first))
    );
    assert_eq!(outcome(&api.verdict()), "accepted", "a preview changes nothing");
    let applied = api.done("apply", &json!({ "expected": first, "by": "duty officer" }));
    assert_eq!(applied["after"], preview["after"]);
    let who = applied["who"].as_str().unwrap();
    assert!(
        who.starts_with("administrator's key ") && who.ends_with(": duty officer"),
        "{who}"
    );
    assert!(!who.contains(ADMIN));
    let verdict = api.verdict();
    assert_eq!(
        (outcome(&verdict).as_str(), &verdict["trust_hash"]),
        ("issuer.chain", &applied["after"])
    );
    let back = api.done("rollback", &json!({ "expected": applied["after"], "to": first }));
    assert_eq!(
        (&back["action"], &back["after"]),
        (&json!("rollback"), &json!(first))
    );
    let verdict = api.verdict();
    assert_eq!(
        (outcome(&verdict).as_str(), &verdict["trust_hash"]),
        ("accepted", &json!(first))
    );

    // Each change stands in the log: who, when, from what, to what.
    let changes = TrustState::new(&api.operator.state()).last_changes().unwrap();
    let told: Vec<(u64, &str, Option<&str>, &str)> = changes
        .iter()
        .map(|c| (c.number, c.action.name(), c.before.as_deref(), c.after.as_str()))
        .collect();
    let second = applied["after"].as_str().unwrap();
    assert_eq!(
        told,
        [
            (3, "rollback", Some(second), first.as_str()),
            (2, "apply", Some(first.as_str()), second),
            (1, "apply", None, first.as_str()),
        ]
    );
    assert_eq!(changes[1].who, who);
    assert_eq!(changes[2].who, "the service, at its first start");
    assert_eq!(changes[0].at, "2026-11-23T06:00:00Z");
}

#[test]
fn only_administrators_change_trust() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("keys"), API).unwrap();
    let api = Api::with(folder.path(), |config| {
        config.api_keys_file = Some(folder.path().join("keys"))
    });
    for what in ["preview", "apply", "rollback"] {
        for (key, kind) in [
            (None, "admin-key-missing"),
            (Some(""), "admin-key-missing"),
            (Some(API), "admin-key-unknown"),
            (Some(&ADMIN[1..]), "admin-key-unknown"),
        ] {
            let response = api.post(what, key, &json!({}));
            assert_eq!(
                problem(&response),
                (401, kind.to_owned(), json!("Authorization")),
                "{what}"
            );
            assert!(response.header("www-authenticate").unwrap().starts_with("Bearer"));
        }
        let get = fetch(
            api.running.address(),
            "GET",
            &format!("/v1/trust/{what}"),
            &[],
            b"",
        );
        assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
    }
    assert_eq!(
        api.done("apply", &json!({}))["action"],
        "confirm",
        "the untouched twin"
    );
    // An administrator is no caller of the API, and reads the metrics as callers do.
    let of = |path: &str, key: &str| {
        let bearer = format!("Bearer {key}");
        fetch(
            api.running.address(),
            "GET",
            path,
            &[("Authorization", &bearer)],
            b"",
        )
        .status
    };
    assert_eq!((of("/v1/purposes", ADMIN), of("/v1/purposes", API)), (401, 200));
    assert_eq!(
        (of("/metrics", ADMIN), of("/metrics", API), of("/metrics", "x")),
        (200, 200, 401)
    );
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _operator = Operator::new(folder.path());
    let fault = |change: &dyn Fn(&mut Config)| {
        let mut config = config(folder.path());
        change(&mut config);
        Service::bind(config).map(drop).map_err(|error| error.to_string())
    };
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        Some(path)
    };
    let shared =
        fault(&|config| config.api_keys_file = file("keys", &format!("{API}\n{ADMIN}\n"))).unwrap_err();
    assert!(
        shared.ends_with("a key of administrators is one of the API keys"),
        "{shared}"
    );
    let short = fault(&|config| config.admin_key_file = file("short", "short")).unwrap_err();
    assert!(short.ends_with("it is too short"), "{short}");
    let alone = fault(&|config| config.trust_state = None).unwrap_err();
    assert!(alone.contains("only of use with it"), "{alone}");
    let nothing = fault(&|config| {
        config.trust = None;
        config.trust_state = Some(folder.path().join("elsewhere"));
    });
    assert!(nothing.unwrap_err().contains("nothing is in force there"));
    assert_eq!(fault(&|_| {}), Ok(()), "the untouched twin");
    // From now on the state directory alone will do.
    assert_eq!(fault(&|config| config.trust = None), Ok(()));
}

#[test]
fn what_is_refused_over_http_changes_nothing_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::new(folder.path());
    api.operator.put("crls/own.crl", &api.operator.crl(5, 1));
    let applied = api.done("apply", &json!({}))["after"].clone();
    let other = format!("sha256:{}", "0".repeat(64));
    let refused = |name: &str, bytes: &[u8], kind: (u16, &str)| {
        let before = fs::read(api.operator.trust().join(name)).unwrap();
        api.operator.put(name, bytes);
        assert_eq!(
            api.refused("apply", &json!({})),
            (kind.0, kind.1.to_owned(), json!(name))
        );
        let preview = api.done("preview", &json!({}));
        assert_eq!(preview["applicable"], false);
        assert_eq!(api.ready()["trust"]["snapshot"], applied);
        assert_eq!(outcome(&api.verdict()), "accepted");
        api.operator.put(name, &before);
        assert_eq!(
            api.done("apply", &json!({}))["action"],
            "confirm",
            "the untouched twin"
        );
    };
    refused("crls/own.crl", b"no CRL", (422, "trust-broken"));
    refused("anchors/own.pem", b"no PEM", (422, "trust-broken"));
    refused("crls/own.crl", &api.operator.crl(4, 1), (409, "trust-conflict"));
    for (what, body, expected) in [
        (
            "apply",
            json!({ "expected": other }),
            (409, "trust-changed", "expected"),
        ),
        (
            "rollback",
            json!({ "expected": other }),
            (409, "trust-changed", "expected"),
        ),
        (
            "rollback",
            json!({ "to": other }),
            (409, "trust-no-snapshot", "to"),
        ),
        (
            "rollback",
            json!({ "to": "../../trust" }),
            (409, "trust-no-snapshot", "to"),
        ),
        ("apply", json!({ "by": "a\nb" }), (422, "member-type", "by")),
        (
            "apply",
            json!({ "by": "x".repeat(300) }),
            (422, "member-type", "by"),
        ),
        (
            "apply",
            json!({ "expected": 1 }),
            (422, "member-type", "expected"),
        ),
        ("apply", json!({ "to": other }), (422, "member-unknown", "to")),
        (
            "preview",
            json!({ "directory": "/" }),
            (422, "member-unknown", "directory"),
        ),
    ] {
        let (status, kind, field) = expected;
        assert_eq!(
            api.refused(what, &body),
            (status, kind.to_owned(), json!(field)),
            "{body}"
        );
    }
    assert_eq!(api.refused("apply", &json!([])).1, "body-not-a-map");
    let held = TrustState::new(&api.operator.state());
    let lock = held.lock().unwrap();
    assert_eq!(
        api.refused("apply", &json!({})),
        (409, "trust-busy".to_owned(), Value::Null)
    );
    drop(lock);
    assert_eq!(api.ready()["trust"]["snapshot"], applied);
    assert_eq!(api.done("apply", &json!({ "by": null }))["action"], "confirm");
}

#[test]
fn the_command_line_changes_a_service_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::new(folder.path());
    let first = api.ready()["trust"]["snapshot"].clone();
    api.operator.put("anchors/other.der", &root(1, 3000));
    api.operator.remove("anchors/own.pem");
    let second = api.operator.done("apply", &[])["after"].clone();
    wait_until(|| api.ready()["trust"]["snapshot"] == second);
    assert_eq!(outcome(&api.verdict()), "issuer.chain");
    api.operator.done("rollback", &[]);
    wait_until(|| api.ready()["trust"]["snapshot"] == first);
    assert_eq!(outcome(&api.verdict()), "accepted");
    assert_eq!(api.ready()["trust"]["change"], 3);

    // A pointer that cannot be read leaves in force what was, and is told.
    let pointer = api.operator.state().join("current");
    let whole = fs::read(&pointer).unwrap();
    fs::write(&pointer, "{").unwrap();
    wait_until(|| api.ready()["trust"]["newer_snapshot_unreadable"] == true);
    assert_eq!(outcome(&api.verdict()), "accepted");
    assert!(metrics(&api).contains("mdoc_verifier_trust_fault 1\n"));
    fs::write(&pointer, whole).unwrap();
    wait_until(|| api.ready()["trust"]["newer_snapshot_unreadable"] == false);
    // A restart goes on with what is in force, not with what lies in the trust directory.
    api.operator.done("apply", &[]);
    let Api {
        running,
        operator,
        built,
    } = api;
    running.stop().unwrap();
    operator.put(
        "anchors/own.pem",
        holder::certificate::pem(&operator.issuer.root).as_bytes(),
    );
    let service = Service::bind(config(folder.path())).unwrap().with_clock(now);
    let running = service.start().unwrap();
    let verdict = judge(running.address(), &built);
    assert_eq!(
        (outcome(&verdict).as_str(), &verdict["trust_hash"]),
        ("issuer.chain", &second)
    );
}

#[test]
fn under_load_every_verdict_goes_by_one_snapshot_or_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::new(folder.path());
    let address = api.running.address();
    let trusting = api.operator.in_force();
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..3)
        .map(|_| {
            let (stop, built) = (Arc::clone(&stop), Scenario::my_number().build());
            std::thread::spawn(move || {
                let mut verdicts = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let verdict = judge(address, &built);
                    verdicts.push((outcome(&verdict), verdict["trust_hash"].clone()));
                }
                verdicts
            })
        })
        .collect();
    let own = fs::read(api.operator.trust().join("anchors/own.pem")).unwrap();
    api.operator.put("anchors/other.der", &root(1, 3000));
    api.operator.remove("anchors/own.pem");
    let not_trusting = api.done("apply", &json!({}))["after"].clone();
    for _ in 0..30 {
        api.done("rollback", &json!({}));
    }
    api.operator.put("anchors/own.pem", &own);
    api.operator.remove("anchors/other.der");
    api.done("apply", &json!({}));
    stop.store(true, Ordering::Relaxed);
    let verdicts: Vec<_> = callers
        .into_iter()
        .flat_map(|caller| caller.join().unwrap())
        .collect();
    let of = |hash: &Value| verdicts.iter().filter(|(_, by)| by == hash).count();
    let trusting = json!(trusting);
    assert!(
        of(&trusting) > 0 && of(&not_trusting) > 0,
        "{} verdicts",
        verdicts.len()
    );
    for (outcome, by) in &verdicts {
        let expected = if *by == trusting {
            "accepted"
        } else {
            "issuer.chain"
        };
        assert!(*by == trusting || *by == not_trusting, "{by}");
        assert_eq!(outcome, expected);
    }
}

#[test]
fn a_bundle_of_other_trust_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    operator.done("apply", &[]);
    let maker = BundleMaker::new(folder.path());
    let in_force = || {
        let directory = operator.done("list", &[])["in_force"]["directory"].clone();
        std::path::PathBuf::from(directory.as_str().unwrap())
    };
    let told = || {
        let config = Config {
            bundle: Some(folder.path().join("offline")),
            bundle_key: Some(maker.key().into()),
            ..config(folder.path())
        };
        let warnings = Service::bind(config).unwrap().warnings();
        let of_bundle = warnings
            .into_iter()
            .filter(|warning| warning.contains("made of other trust"));
        of_bundle.count()
    };
    maker.build("offline", &in_force(), &[]);
    assert_eq!(told(), 0);
    operator.put("anchors/other.der", &root(1, 3000));
    operator.done("apply", &[]);
    assert_eq!(told(), 1);
    maker.build("offline", &in_force(), &[]);
    assert_eq!(told(), 0);
}

fn metrics(api: &Api) -> String {
    let response = api.get("/metrics");
    assert_eq!(response.status, 200);
    let kind = response.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    String::from_utf8(response.body).unwrap()
}

#[test]
fn metrics_count_and_hold_no_claim_value() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::new(folder.path());
    api.operator.put("crls/own.crl", &api.operator.crl(5, 2));
    api.operator.put("anchors/short.der", &root(1, 6));
    api.done("apply", &json!({}));
    api.verdict();
    let body = json!({ "purpose": "identity-basic", "device_response": "辻", "見本ハイツ": 1 });
    let headers = [
        ("Content-Type", "application/json"),
        ("X-Request-Id", "1994-02-03"),
    ];
    fetch(
        api.running.address(),
        "POST",
        "/v1/verifications",
        &headers,
        body.to_string().as_bytes(),
    );
    api.get("/1994-02-03/full_name");
    let text = metrics(&api);
    for line in [
        "mdoc_verifier_verdicts_total{verdict=\"accepted\",reason=\"none\"} 1",
        "mdoc_verifier_requests_total{route=\"/v1/trust/apply\",status=\"200\"} 1",
        "mdoc_verifier_requests_total{route=\"/v1/verifications\",status=\"422\"} 1",
        "mdoc_verifier_requests_total{route=\"none\",status=\"404\"} 1",
        "mdoc_verifier_evidence_age_seconds{kind=\"crl\"} 172800.0",
        "mdoc_verifier_expiry_days{kind=\"anchor\"} 6.0",
        "mdoc_verifier_expiry_days{kind=\"crl\"} 30.0",
        "mdoc_verifier_expiring{kind=\"anchor\",days=\"7\"} 1",
        "mdoc_verifier_expiring{kind=\"anchor\",days=\"1\"} 0",
        "mdoc_verifier_expiring{kind=\"anchor\",days=\"0\"} 0",
        "mdoc_verifier_trust_anchors 2",
        "mdoc_verifier_trust_age_seconds 0.0",
        "mdoc_verifier_trust_change_number 2",
        "mdoc_verifier_trust_fault 0",
    ] {
        assert!(
            text.lines().any(|known| known == line),
            "{line} is not in\n{text}"
        );
    }
    assert!(text.ends_with("# EOF\n"));
    for claim in ["辻", "見本", "1994", "12345", "age_over", "over_20"] {
        assert!(!text.contains(claim), "{claim} is in\n{text}");
    }
}

#[test]
fn readiness_tells_the_age_of_trust_and_gives_up_when_it_is_too_old() {
    const DAY: i64 = 86_400;
    let folder = tempfile::tempdir().unwrap();
    let api = Api::with(folder.path(), |config| config.trust_max_age = Some(10 * 86_400));
    api.operator.put("anchors/ended.der", &root(1, -1));
    api.done("apply", &json!({}));
    let ready = api.ready();
    let trust = &ready["trust"];
    assert_eq!(
        (&ready["anchors"], &trust["anchors_in_force"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(
        (&trust["age_seconds"], &trust["expired"]),
        (&json!(0), &json!(["anchor"]))
    );
    assert_eq!(trust["confirmed_at"], "2026-11-23T06:00:00Z");
    assert_eq!(trust["ends"]["anchor"], "2026-11-22T06:00:00Z");
    let Api {
        running, operator, ..
    } = api;
    running.stop().unwrap();
    let late: [(fn() -> UnixTime, u16); 2] = [
        (|| UnixTime::from_seconds(NOW + 10 * DAY).unwrap(), 200),
        (|| UnixTime::from_seconds(NOW + 10 * DAY + 1).unwrap(), 503),
    ];
    for (clock, status) in late {
        let mut config = config(folder.path());
        config.trust_max_age = Some(10 * 86_400);
        let running = Service::bind(config).unwrap().with_clock(clock).start().unwrap();
        let response = fetch(running.address(), "GET", "/health/ready", &[], b"");
        assert_eq!(response.status, status);
        if status == 503 {
            assert_eq!(problem(&response).1, "trust-stale");
            let bearer = format!("Bearer {ADMIN}");
            let headers = [("Authorization", bearer.as_str())];
            let confirmed = fetch(running.address(), "POST", "/v1/trust/apply", &headers, b"").json();
            assert_eq!(confirmed["action"], "confirm");
            assert_eq!(
                fetch(running.address(), "GET", "/health/ready", &[], b"").status,
                200
            );
        }
    }
    drop(operator);
}
