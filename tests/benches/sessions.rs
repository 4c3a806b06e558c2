//! The service over the judgement in it, and the reader's part of a session over the cryptography in
//! it: ratios of CPU time, measured interleaved in one run, as medians.

use std::hint::black_box;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciborium::Value;
use holder::phone::Engaged as Phone;
use mdoc::crypto::Curve;
use mdoc::engagement::DeviceEngagement;
use mdoc::request::{DeviceRequest, DocRequest, ItemsRequest, RequestedElement, RequestedNameSpace};
use mdoc::session::{Engaged, Event, Handover, MonotonicTime, SessionSettings};
use p256::elliptic_curve::Generate as _;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use relying_party::purpose::Purpose;
use relying_party::{DeviceKeys, Evidence, TrustFile, TrustSnapshot, judge};
use rustix::time::{ClockId, clock_gettime};
use verifier_api::serve::{Config, LogLevel, Service};
use verifier_tests::bench::{Presented, median, report};
use verifier_tests::http::Connection;

fn clock(id: ClockId) -> f64 {
    let now = clock_gettime(id);
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}

fn thread() -> f64 {
    clock(ClockId::ThreadCPUTime)
}

/// CPU time of the process without this thread: of the server.
fn others() -> f64 {
    clock(ClockId::ProcessCPUTime) - thread()
}

/// A purpose that the service has by its identifier.
const PURPOSE: &str = r#"
id = "bench"
title = { en = "Bench" }
[[document]]
doc_type = "org.iso.18013.5.1.mDL"
[document.request]
"org.iso.18013.5.1" = { age_over_20 = false, family_name = false, given_name = false, birth_date = false, document_number = false, issue_date = false, expiry_date = false, issuing_country = false, portrait = false }
[[answer]]
name = "over_20"
rule = "age_over"
threshold = 20
"#;

fn body(presented: &Presented, cbor: bool) -> Vec<u8> {
    let (response, transcript) = (&presented.built.response, &presented.built.session_transcript);
    if !cbor {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        return serde_json::json!({ "purpose": "bench", "device_response": text(response),
            "session_transcript": text(transcript) })
        .to_string()
        .into_bytes();
    }
    holder::encode(&Value::Map(vec![
        ("purpose".into(), "bench".into()),
        ("device_response".into(), Value::Bytes(response.clone())),
        ("session_transcript".into(), Value::Bytes(transcript.clone())),
    ]))
}

/// CPU of the server for each request over that of the same judgement and its JSON in this thread.
fn http(folder: &Path, presented: &Presented, cbor: bool, rounds: usize, each: usize) -> f64 {
    let anchors = folder.join("trust/anchors");
    std::fs::create_dir_all(&anchors).expect("a folder");
    std::fs::write(anchors.join("own.der"), &presented.built.root).expect("a file");
    let purposes = folder.join("purposes");
    std::fs::create_dir_all(&purposes).expect("a folder");
    std::fs::write(purposes.join("bench.toml"), PURPOSE).expect("a file");
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        trust: Some(folder.join("trust")),
        purposes: Some(purposes),
        workers: 1,
        log: LogLevel::Warn,
        ..Config::default()
    };
    let running = Service::bind(config)
        .expect("a configuration")
        .start()
        .expect("the service starts");
    let body = body(presented, cbor);
    let kind = if cbor {
        "application/cbor"
    } else {
        "application/json"
    };
    let length = body.len();
    let head = format!(
        "POST /v1/verifications HTTP/1.1\r\nHost: bench\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    );
    let message = [head.as_bytes(), &body].concat();
    let mut connection = Connection::open(running.address());
    let mut post = || {
        connection.send(&message);
        let response = connection.response(false);
        assert_eq!(response.status, 200);
        assert!(response.body.starts_with(b"{\"verdict\":\"accepted\""));
    };
    let purpose = Purpose::from_toml(PURPOSE).expect("a purpose");
    let trust = TrustSnapshot::new(vec![TrustFile {
        name: "anchors/own.der".to_owned(),
        bytes: presented.built.root.clone(),
    }])
    .expect("a root");
    let evidence = Evidence::default();
    let in_process = || {
        let judgement = judge(
            black_box(&presented.built.response),
            &presented.transcript,
            DeviceKeys::None,
            &purpose,
            &trust,
            &evidence,
            presented.now,
        );
        black_box(judgement.verdict.to_json().to_string());
    };
    (0..each).for_each(|_| post());
    (0..each).for_each(|_| in_process());
    let mut ratios = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = others();
        (0..each).for_each(|_| post());
        let served = others() - start;
        let start = thread();
        (0..each).for_each(|_| in_process());
        ratios.push(served / (thread() - start));
    }
    running.stop().expect("the service stops");
    median(ratios)
}

fn request() -> DeviceRequest {
    let name_space = RequestedNameSpace {
        name: "org.iso.18013.5.1".to_owned(),
        elements: vec![RequestedElement {
            identifier: "age_over_20".to_owned(),
            intent_to_retain: false,
        }],
    };
    let items = ItemsRequest::new("org.iso.18013.5.1.mDL".to_owned(), vec![name_space]).expect("a request");
    DeviceRequest::new(vec![DocRequest::new(items)]).expect("a request")
}

/// The reader's CPU for one session, over a key generation and a key agreement by the same library.
fn session(rounds: usize, each: usize) -> f64 {
    let mut random = ChaCha20Rng::seed_from_u64(1);
    let presented = Presented::mdl(None);
    let request = request();
    let phone = Phone::new(Curve::P256, &mut random).expect("a curve with key agreement");
    let uri = phone.uri();
    let other = p256::SecretKey::generate_from_rng(&mut random).public_key();
    let at = MonotonicTime::from_millis(0);
    let mut ratios = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let mut spent = 0.0;
        for _ in 0..each {
            let start = thread();
            let engagement = DeviceEngagement::from_uri(&uri).expect("an engagement");
            let mut session = Engaged::new(&engagement, Handover::Qr, &mut random)
                .expect("a session")
                .request(at, &request, SessionSettings::default())
                .expect("a request");
            session.handle_connected(at);
            let establishment = session.poll_transmit().expect("the first message");
            session.handle_sent(at);
            spent += thread() - start;
            let (mut device, _) = phone.establish(&establishment).expect("a good reader");
            let message = device.seal(&presented.built.response);
            let start = thread();
            session.handle_message(at, &message).expect("an open session");
            assert!(matches!(session.poll_event(), Some(Event::Response(_))));
            session.terminate();
            black_box(session.poll_transmit());
            drop(session);
            spent += thread() - start;
        }
        let start = thread();
        for _ in 0..each {
            let key = p256::SecretKey::generate_from_rng(&mut random);
            black_box(key.public_key());
            black_box(p256::ecdh::diffie_hellman(
                key.to_nonzero_scalar(),
                other.as_affine(),
            ));
        }
        ratios.push(spent / (thread() - start));
    }
    median(ratios)
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (rounds, each) = if quick { (3, 20) } else { (41, 200) };
    let folder = tempfile::tempdir().expect("a folder");
    let small = http(
        &folder.path().join("small"),
        &Presented::mdl(None),
        false,
        rounds,
        each,
    );
    let portrait = Presented::mdl(Some(28_000));
    let portrait = http(&folder.path().join("portrait"), &portrait, true, rounds, each);
    let session = session(rounds, each);
    let prefix = if quick { "quick_" } else { "" };
    let names = ["http_small", "http_portrait_cbor", "session"].map(|name| format!("{prefix}{name}"));
    report(&[
        (&names[0], small, 1.25, true),
        (&names[1], portrait, 1.35, true),
        (&names[2], session, 1.15, true),
    ]);
}
