//! Verdicts of a service that fetches: what it answers for each thing that a publisher can get wrong, and what it never asks for.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holder::evidence::{CrlSpec, List, StatusAuthority, TokenSpec, identifier_reference, status_reference};
use holder::hooks::Hooks;
use holder::issuer::{DAY, Issuer};
use holder::scenario::NOW;
use holder::vical::{VicalProvider, VicalSpec};
use holder::{Scenario, Stage, certificate};
use mdoc::time::UnixTime;
use serde_json::{Value, json};
use verifier_api::fetch::{FetchSettings, ListKind, Source};
use verifier_api::serve::{Config, Running, Service};
use verifier_tests::http::fetch;
use verifier_tests::list_server::{Answer, Gate, ListServer};
use verifier_tests::{check, outcome, wait_until};

const URI: &str = "https://lists.test/1";
const MNC: &str = "org.iso.23220.1.jp.mnc";

fn now() -> UnixTime {
    UnixTime::from_seconds(NOW).unwrap()
}

/// A service, the publisher that it asks, and a document whose MSO names entry 7 of the publisher's list.
struct Api {
    running: Running,
    server: ListServer,
    issuer: Issuer,
    authority: StatusAuthority,
    scenario: Scenario,
    _folder: tempfile::TempDir,
}

impl Api {
    fn new() -> Self {
        Self::with(|_, _, _| {})
    }

    fn with(change: impl FnOnce(&mut FetchSettings, &ListServer, &std::path::Path)) -> Self {
        Self::naming(status_reference(URI, 7), change)
    }

    fn naming(
        status: ciborium::Value,
        change: impl FnOnce(&mut FetchSettings, &ListServer, &std::path::Path),
    ) -> Self {
        let scenario = Scenario::my_number().set(|s| s.terms.status = Some(status));
        let issuer = Issuer::new(&scenario.issuer, &Hooks::default());
        let authority = StatusAuthority::new(&issuer, &scenario.issuer, |_| {});
        let server = ListServer::start();
        let address = server.address;
        let folder = tempfile::tempdir().unwrap();
        let trust = folder.path().join("trust");
        for (name, bytes) in [
            ("anchors/own.der", issuer.root.clone()),
            ("vicals/authority.der", VicalProvider::new(7, NOW).authority),
        ] {
            let path = trust.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let purposes = folder.path().join("purposes");
        std::fs::create_dir(&purposes).unwrap();
        for (id, revocation) in [
            ("status", "status = \"if_present\"\ncrl = \"off\""),
            ("lax", "status = \"if_available\"\ncrl = \"off\""),
            ("crl", "status = \"off\"\ncrl = \"required\""),
            ("off", "status = \"off\"\ncrl = \"off\""),
        ] {
            std::fs::write(purposes.join(format!("{id}.toml")), purpose(id, revocation)).unwrap();
        }
        let mut settings = FetchSettings {
            roots: Some(vec![server.root.clone()]),
            private_addresses: true,
            threads: 4,
            // Long enough for a busy machine; what is slow on purpose never ends.
            timeout: Duration::from_secs(120),
            wait: Duration::from_secs(60),
            lookup: Some(Arc::new(move |_: &str, _| Ok(vec![address]))),
            ..FetchSettings::default()
        };
        change(&mut settings, &server, &trust);
        let config = Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            trust: Some(trust),
            purposes: Some(purposes),
            fetch_settings: Some(settings),
            workers: 1,
            ..Config::default()
        };
        let running = Service::bind(config).unwrap().with_clock(now).start().unwrap();
        Self {
            running,
            server,
            issuer,
            authority,
            scenario,
            _folder: folder,
        }
    }

    fn token(&self, value: u8, change: impl FnOnce(&mut TokenSpec)) -> Vec<u8> {
        let mut values = vec![0; 64];
        values[7] = value;
        let list = List::Statuses { bits: 1, values };
        let mut spec = TokenSpec::new(URI, list, vec![self.authority.certificate.clone()], NOW);
        change(&mut spec);
        spec.cwt(&self.authority.key)
    }

    fn publish(&self, value: u8, change: impl FnOnce(&mut TokenSpec)) {
        self.server.put("/1", Answer::status(&self.token(value, change)));
    }

    fn judge(&self, purpose: &str) -> Value {
        self.judge_scenario(&self.scenario, purpose)
    }

    fn judge_scenario(&self, scenario: &Scenario, purpose: &str) -> Value {
        let built = scenario.build();
        let body = json!({ "purpose": purpose,
            "device_response": URL_SAFE_NO_PAD.encode(&built.response),
            "session_transcript": URL_SAFE_NO_PAD.encode(&built.session_transcript) });
        let headers = [("Content-Type", "application/json")];
        let address = self.running.address();
        let response = fetch(
            address,
            "POST",
            "/v1/verifications",
            &headers,
            body.to_string().as_bytes(),
        );
        assert_eq!(response.status, 200, "{response:?}");
        response.json()
    }

    fn outcome(&self) -> String {
        outcome(&self.judge("status"))
    }
}

fn purpose(id: &str, revocation: &str) -> String {
    format!(
        "id = \"{id}\"\ntitle = {{ en = \"Test\" }}\n[[document]]\ndoc_type = \"{MNC}\"\n[document.request]\n\
         \"org.iso.23220.1\" = {{ age_over_20 = false }}\n[[answer]]\nname = \"over_20\"\nrule = \"age_over\"\nthreshold = 20\n\
         [revocation]\n{revocation}\n"
    )
}

#[test]
fn a_missing_list_is_fetched_while_the_request_waits() {
    for (value, expected) in [(0, "accepted"), (1, "status.revoked")] {
        let api = Api::new();
        api.publish(value, |_| {});
        assert_eq!(api.outcome(), expected);
        let verdict = api.judge("status");
        assert_eq!(outcome(&verdict), expected);
        assert_eq!(check(&verdict, "status")["as_of"], "2026-11-23T05:00:00Z");
        let heads = api.server.heads();
        assert_eq!(heads.len(), 1, "once, and the whole list: {heads:?}");
        assert!(heads[0].starts_with("GET /1 HTTP/1.1\r\n"), "{heads:?}");
    }
}

#[test]
fn identifier_lists_and_crls_are_fetched_too() {
    let identifiers = |listed: &'static [u8]| {
        let api = Api::naming(identifier_reference(URI, b"TEST ident"), |_, _, _| {});
        let list = List::Identifiers(vec![listed.to_vec()]);
        let token =
            TokenSpec::new(URI, list, vec![api.authority.certificate.clone()], NOW).cwt(&api.authority.key);
        api.server
            .put("/1", Answer::list("application/identifierlist+cwt", &token));
        api.outcome()
    };
    assert_eq!(identifiers(b"another"), "accepted");
    assert_eq!(identifiers(b"TEST ident"), "status.revoked");
    let crl = |serials: &[&[u8]]| {
        let api = Api::new();
        let name = certificate::name(
            api.scenario.issuer.country,
            api.scenario.issuer.state,
            "TEST IACA",
        );
        let mut spec = CrlSpec::new(name, &api.issuer.root_key, 5, NOW);
        for serial in serials {
            spec.revoke(serial, NOW - DAY);
        }
        let list = spec.sign(&api.issuer.root_key);
        api.server
            .put("/test.crl", Answer::list("application/pkix-crl", &list));
        outcome(&api.judge("crl"))
    };
    assert_eq!(crl(&[]), "accepted");
    let signer = mdoc::x509::Certificate::from_der(
        &Issuer::new(&Scenario::my_number().issuer, &Hooks::default()).signer,
    );
    assert_eq!(crl(&[signer.unwrap().serial()]), "issuer.certificate.revoked");
    assert_eq!(
        outcome(&Api::new().judge("crl")),
        "issuer.certificate.revocation_unavailable"
    );
}

/// With this answer in place of the list the verdict is this; with the list, the document is accepted.
#[track_caller]
fn verdict_is(answer: impl FnOnce(&Api) -> Answer, reason: &str) {
    let api = Api::new();
    api.server.put("/1", answer(&api));
    let verdict = api.judge("status");
    assert_eq!(
        (outcome(&verdict).as_str(), &verdict["verdict"]),
        (reason, &json!("undetermined"))
    );
    assert_eq!(verdict["answers"], json!({}));
    assert_eq!(
        outcome(&api.judge("lax")),
        "accepted",
        "a warning where the purpose lets it be one"
    );
    let twin = Api::new();
    twin.publish(0, |_| {});
    assert_eq!(twin.outcome(), "accepted", "the untouched twin");
}

#[test]
fn what_a_publisher_gets_wrong_leaves_the_verdict_open() {
    let good = |api: &Api| Answer::status(&api.token(0, |_| {}));
    verdict_is(|_| Answer::redirect("/1"), "status.unavailable");
    verdict_is(|_| Answer::redirect("https://other.test/1"), "status.unavailable");
    verdict_is(
        |api| good(api).with(|answer| answer.status = 500),
        "status.unavailable",
    );
    verdict_is(
        |api| good(api).with(|answer| answer.headers[0].1 = "text/html".to_owned()),
        "status.unavailable",
    );
    verdict_is(
        |api| good(api).with(|answer| answer.length = Some(Some(9999))),
        "status.unavailable",
    );
    verdict_is(
        |api| Answer::status(&api.token(0, |spec| spec.issued_at = NOW + 60)),
        "status.unavailable",
    );
    verdict_is(
        |api| Answer::status(&api.token(0, |spec| spec.expires_at = Some(NOW - 1))),
        "status.stale",
    );
    verdict_is(
        |api| Answer::status(&api.token(0, |spec| spec.uri = "https://lists.test/2".to_owned())),
        "status.token_invalid",
    );
    let forged = |api: &Api| {
        let mut token = api.token(0, |_| {});
        *token.last_mut().unwrap() ^= 1;
        Answer::status(&token)
    };
    verdict_is(forged, "status.token_invalid");
}

#[test]
fn an_expired_list_still_convicts() {
    let api = Api::new();
    api.publish(1, |spec| spec.expires_at = Some(NOW - 1));
    assert_eq!(api.outcome(), "status.revoked");
}

#[test]
fn a_list_that_shrinks_says_nothing_of_those_it_lost() {
    let api = Api::with(|settings, _, _| {
        settings.sources = vec![Source {
            kind: ListKind::Status,
            uri: URI.to_owned(),
        }];
        settings.retry = Duration::from_secs(1);
    });
    // Known before it is named; the publisher comes up late.
    api.publish(0, |_| {});
    wait_until(|| api.outcome() == "accepted");
    let shrunk = Api::new();
    shrunk.publish(0, |spec| {
        spec.list = List::Statuses {
            bits: 1,
            values: vec![0],
        };
        // Packed in one byte: entry 7 is the last that is there.
    });
    assert_eq!(shrunk.outcome(), "accepted");
    let shrunk = Api::naming(status_reference(URI, 8), |_, _, _| {});
    shrunk.publish(0, |spec| {
        spec.list = List::Statuses {
            bits: 1,
            values: vec![0; 8],
        }
    });
    let verdict = shrunk.judge("status");
    assert_eq!(outcome(&verdict), "status.token_invalid");
    assert_eq!(
        check(&verdict, "status")["detail"]["fault"],
        "the index is beyond the end of the list"
    );
}

#[test]
fn a_request_waits_no_longer_than_it_may() {
    let api = Api::with(|settings, _, _| {
        settings.wait = Duration::from_millis(300);
        // Whoever waited for the list would wait for ever.
        settings.timeout = Duration::from_secs(600);
    });
    let gate = Gate::default();
    let slow = Answer::status(&api.token(0, |_| {})).with(|answer| answer.gate = Some(gate.clone()));
    api.server.put("/1", slow);
    let started = Instant::now();
    assert_eq!(api.outcome(), "status.unavailable");
    assert!(started.elapsed() >= Duration::from_millis(300));
    // It goes on without the request, and a later one finds it.
    gate.open();
    wait_until(|| api.outcome() == "accepted");
    assert_eq!(api.server.heads().len(), 1);
}

#[test]
fn waiting_requests_keep_nobody_waiting() {
    let api = Api::with(|settings, _, _| {
        settings.wait = Duration::from_secs(600);
        settings.timeout = Duration::from_secs(600);
    });
    let gate = Gate::default();
    let slow = Answer::status(&api.token(0, |_| {})).with(|answer| answer.gate = Some(gate.clone()));
    api.server.put("/1", slow);
    // One thread serves; thirty callers wait for one list on it.
    let built = api.scenario.build();
    let body = json!({ "purpose": "status",
        "device_response": URL_SAFE_NO_PAD.encode(&built.response),
        "session_transcript": URL_SAFE_NO_PAD.encode(&built.session_transcript) })
    .to_string();
    let (body, address) = (&body, api.running.address());
    let headers = [("Content-Type", "application/json")];
    std::thread::scope(|scope| {
        for _ in 0..30 {
            scope.spawn(move || {
                let response = fetch(address, "POST", "/v1/verifications", &headers, body.as_bytes());
                assert_eq!(outcome(&response.json()), "accepted");
            });
        }
        wait_until(|| !api.server.heads().is_empty());
        // The list comes only after these have had their answer.
        for _ in 0..10 {
            assert_eq!(fetch(address, "GET", "/health/live", &[], b"").status, 200);
        }
        gate.open();
    });
    assert_eq!(api.server.heads().len(), 1);
}

#[test]
fn documents_that_do_not_hold_steer_nothing() {
    let api = Api::new();
    api.publish(0, |_| {});
    let forged = |stage: Stage| {
        let scenario = Scenario::my_number().set(|s| s.terms.status = Some(status_reference(URI, 7)));
        scenario.with(stage, |bytes| {
            if let Some(bytes) = bytes.as_bytes_mut() {
                *bytes = vec![0x83, 0xf6, 0xf6, 0xf6];
            }
        })
    };
    let replayed = api.judge_scenario(&forged(Stage::DeviceTranscript), "status");
    assert_eq!(outcome(&replayed), "device.signature");
    let stranger = Scenario::my_number().set(|s| {
        s.terms.status = Some(status_reference(URI, 7));
        s.issuer.seed ^= 1;
    });
    assert_eq!(outcome(&api.judge_scenario(&stranger, "status")), "issuer.chain");
    let expired = Scenario::my_number().set(|s| {
        s.terms.status = Some(status_reference(URI, 7));
        s.terms.valid_until = NOW - 60;
    });
    assert_eq!(outcome(&api.judge_scenario(&expired, "status")), "mso.expired");
    assert_eq!(
        outcome(&api.judge("off")),
        "accepted",
        "and no purpose that does not ask"
    );
    assert_eq!(api.server.heads().len(), 0);
    assert_eq!(api.outcome(), "accepted", "the untouched twin");
    assert_eq!(api.server.heads().len(), 1);
}

#[test]
fn a_uri_that_names_the_record_is_not_followed() {
    for uri in ["https://lists.test/1?idx=7", "https://lists.test/1#7"] {
        let api = Api::naming(status_reference(uri, 7), |_, _, _| {});
        let verdict = api.judge("status");
        assert_eq!(outcome(&verdict), "status.unavailable", "{uri}");
        assert_eq!(api.server.heads().len(), 0);
    }
}

#[test]
fn issuers_of_a_fetched_vical_are_trusted_and_no_others() {
    let provider = VicalProvider::new(7, NOW);
    let stranger = Scenario::my_number().set(|s| s.issuer.seed ^= 1);
    let root = Issuer::new(&stranger.issuer, &Hooks::default()).root;
    let list = |root: Vec<u8>| {
        provider.sign(&VicalSpec {
            provider: "TEST provider".to_owned(),
            issue_id: 5,
            date: NOW - 60,
            next_update: Some(NOW + 30 * DAY),
            not_after: None,
            entries: vec![(root, vec![MNC.to_owned()])],
        })
    };
    let api = Api::with(|settings, server, _| {
        server.put("/vical", Answer::list("application/cbor", &list(root)));
        settings.sources = vec![Source {
            kind: ListKind::Vical,
            uri: "https://lists.test/vical".to_owned(),
        }];
    });
    let address = api.running.address();
    wait_until(|| fetch(address, "GET", "/health/ready", &[], b"").json()["anchors"] == 2);
    assert_eq!(outcome(&api.judge_scenario(&stranger, "off")), "accepted");
    let other = Scenario::my_number().set(|s| s.issuer.seed ^= 2);
    assert_eq!(outcome(&api.judge_scenario(&other, "off")), "issuer.chain");
}

#[test]
fn a_folded_list_is_unfolded_for_the_request_that_names_it() {
    // No list fits: each request unfolds its own anew.
    let api = Api::with(|settings, _, _| settings.inflated_bytes = 0);
    api.publish(0, |_| {});
    for _ in 0..3 {
        assert_eq!(api.outcome(), "accepted");
    }
    assert_eq!(api.server.heads().len(), 1);
}
