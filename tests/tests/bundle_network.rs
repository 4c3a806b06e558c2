//! The network is cut in the middle of things, and the counter goes on: pulling a bundle, having a service judge,
//! reading phones.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use verifier_tests::programs::{BundleMaker, Phone, Service};

/// Stands between a counter and a service, and cuts the connection after so many bytes of each answer in turn; where
/// the list ends, it lets everything pass.
struct Network {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Network {
    fn to(service: SocketAddr, cuts: Vec<usize>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, mut cuts) = (Arc::clone(&requests), cuts.into_iter());
        std::thread::spawn(move || {
            for counter in listener.incoming() {
                let most = cuts.next().unwrap_or(usize::MAX);
                pass(counter.unwrap(), service, most, &seen);
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// One connection: the request as a whole, and of the answer so many bytes.
fn pass(mut counter: TcpStream, service: SocketAddr, most: usize, seen: &Arc<Mutex<Vec<String>>>) {
    let mut there = TcpStream::connect(service).unwrap();
    let mut towards = counter.try_clone().unwrap();
    let mut to_service = there.try_clone().unwrap();
    let seen = Arc::clone(seen);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        let mut is_first = true;
        while let Ok(count) = towards.read(&mut buffer) {
            // A head is far shorter than this. It is noted before the service hears of it, and so before any answer.
            if core::mem::take(&mut is_first) {
                let head = String::from_utf8_lossy(&buffer[..count]).to_ascii_lowercase();
                seen.lock().unwrap().push(head);
            }
            if count == 0 || to_service.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = to_service.shutdown(std::net::Shutdown::Write);
    });
    let (mut passed, mut buffer) = (0, [0; 4096]);
    while let Ok(count) = there.read(&mut buffer) {
        let now = count.min(most - passed);
        if count == 0 || counter.write_all(&buffer[..now]).is_err() {
            break;
        }
        passed += now;
        if passed == most {
            break;
        }
    }
    // Both sides meet a connection that is gone.
    let _ = counter.shutdown(std::net::Shutdown::Both);
    let _ = there.shutdown(std::net::Shutdown::Both);
}

/// A test issuer, its bundle, and a service that hands it out and judges.
struct Place {
    folder: tempfile::TempDir,
    maker: BundleMaker,
    service: Service,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let maker = BundleMaker::new(folder.path());
        let pki = folder.path().join("pki");
        drop(Phone::start(&pki, &[]));
        maker.build("offline", &pki.join("trust"), &[]);
        let trust = pki.join("trust");
        let (bundle, key) = (maker.path("offline"), maker.key());
        let service = Service::start(&[
            "--trust",
            trust.to_str().unwrap(),
            "--bundle",
            &bundle,
            "--bundle-key",
            &key,
        ]);
        Self {
            folder,
            maker,
            service,
        }
    }

    fn pki(&self) -> std::path::PathBuf {
        self.folder.path().join("pki")
    }

    fn phone(&self) -> Phone {
        Phone::start(&self.pki(), &["--repeat"])
    }

    fn next_bundle(&self) -> u64 {
        let made = self.maker.build("offline", &self.pki().join("trust"), &[]);
        made["number"].as_u64().unwrap()
    }

    /// Reads the phone by the bundle at this address.
    fn read(&self, phone: &Phone, bundle: &str, more: &[&str]) -> Output {
        let (key, store) = (self.maker.key(), self.maker.path("store"));
        let flags = ["--bundle", bundle, "--bundle-key", &key, "--bundle-store", &store];
        phone.read_with("age-20", &[&flags, more].concat())
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Accepted by the bundle of this number, and the clerk is told how old it is.
#[track_caller]
fn assert_judged_by(output: &Output, number: u64) {
    assert_eq!(output.status.code(), Some(0), "{}", said(output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["bundle"]["number"], json!(number), "{}", said(output));
    let checks = report["documents"][0]["checks"].as_array().unwrap();
    assert!(checks.len() == 15 && checks.iter().all(|check| check["as_of"].is_string()));
    let words = said(output);
    assert!(
        words.contains(&format!("judged offline by bundle {number} of ")) && words.contains(" old"),
        "{words}"
    );
}

#[test]
fn a_pull_that_is_cut_is_gone_on_with_and_gives_the_same_bundle() {
    let place = Place::new();
    let phone = place.phone();
    let number = place.next_bundle();
    let network = Network::to(place.service.address(), vec![2000, 3000]);
    assert_judged_by(&place.read(&phone, &network.url, &[]), number);
    let requests = network.requests();
    assert_eq!(requests.len(), 3, "{requests:?}");
    assert!(!requests[0].contains("range:"), "{requests:?}");
    assert!(
        requests[1..]
            .iter()
            .all(|request| request.contains("range: bytes=")),
        "{requests:?}"
    );
    let store = fs::read_dir(place.maker.path("store")).unwrap();
    let kept = store.map(|entry| entry.unwrap().path());
    let kept: Vec<_> = kept
        .filter(|path| path.extension().is_some_and(|ending| ending == "bundle"))
        .collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(
        fs::read(&kept[0]).unwrap(),
        fs::read(place.maker.path("offline")).unwrap()
    );
    // The next time it is known already.
    assert_judged_by(&place.read(&phone, &network.url, &[]), number);
    assert!(network.requests()[3].contains("if-none-match: \""));
}

#[test]
fn a_network_that_always_breaks_leaves_the_counter_with_the_bundle_before() {
    let place = Place::new();
    let phone = place.phone();
    let first = place.next_bundle();
    assert_judged_by(&place.read(&phone, &place.service.url, &[]), first);
    let second = place.next_bundle();
    // In the head, in the body, at the first byte, and nothing at all.
    for cut in [100, 1000, 1, 0] {
        let network = Network::to(place.service.address(), vec![cut; 8]);
        let output = place.read(&phone, &network.url, &[]);
        assert_judged_by(&output, first);
        assert!(
            said(&output).contains("warning: no newer bundle: "),
            "{}",
            said(&output)
        );
        assert!(
            said(&output).contains(&format!("going on with bundle {first}, ")),
            "{}",
            said(&output)
        );
    }
    assert_judged_by(&place.read(&phone, &place.service.url, &[]), second);
}

#[test]
fn a_service_that_is_cut_off_while_it_judges_is_replaced_by_the_bundle() {
    let place = Place::new();
    let phone = place.phone();
    let number = place.next_bundle();
    assert_judged_by(&place.read(&phone, &place.service.url, &[]), number);
    let offline = place.maker.path("offline");
    for cut in [200, 1, 0] {
        let network = Network::to(place.service.address(), vec![cut; 8]);
        let output = place.read(&phone, &offline, &["--verify", &network.url]);
        assert_judged_by(&output, number);
        assert!(
            said(&output).contains("judging by the bundle"),
            "{}",
            said(&output)
        );
    }
    let network = Network::to(place.service.address(), Vec::new());
    let output = place.read(&phone, &offline, &["--verify", &network.url]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), report.get("bundle")),
        (Some(0), None),
        "the service judged: the twin"
    );
    // Cut once, the service is asked again, and is there.
    let network = Network::to(place.service.address(), vec![0]);
    let output = place.read(&phone, &offline, &["--verify", &network.url]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), report.get("bundle")), (Some(0), None));
}

#[test]
fn what_the_service_says_against_a_request_is_no_broken_network() {
    let place = Place::new();
    let phone = place.phone();
    let purpose = place.maker.path("own.toml");
    let text = relying_party::purpose::READY_MADE[0].1;
    fs::write(&purpose, text.replacen("\"age-20\"", "\"own\"", 1)).unwrap();
    let (key, offline) = (place.maker.key(), place.maker.path("offline"));
    let flags = [
        "--bundle",
        &offline,
        "--bundle-key",
        &key,
        "--verify",
        &place.service.url,
    ];
    let refused = phone.read_with(&purpose, &flags);
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
    let report: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(report["reason"], "service.refused");
    assert_eq!(
        phone.read_with("age-20", &flags).status.code(),
        Some(0),
        "the twin"
    );
}

#[test]
fn an_older_bundle_or_another_makers_is_not_taken_from_any_network() {
    let place = Place::new();
    let phone = place.phone();
    let old = place.maker.path("old");
    fs::copy(place.maker.path("offline"), &old).unwrap();
    let number = place.next_bundle();
    assert_judged_by(&place.read(&phone, &place.service.url, &[]), number);
    let key = place.maker.key();
    let behind = Service::start(&["--bundle", &old, "--bundle-key", &key]);
    let output = place.read(&phone, &behind.url, &[]);
    assert_judged_by(&output, number);
    assert!(
        said(&output).contains(&format!("is behind {number}, which is held")),
        "{}",
        said(&output)
    );
    let other = tempfile::tempdir().unwrap();
    let stranger = BundleMaker::new(other.path());
    let more = (number + 60).to_string();
    stranger.build("offline", &place.pki().join("trust"), &["--number", &more]);
    let forged = Service::start(&[
        "--bundle",
        &stranger.path("offline"),
        "--bundle-key",
        &stranger.key(),
    ]);
    let output = place.read(&phone, &forged.url, &[]);
    assert_judged_by(&output, number);
    assert!(
        said(&output).contains("the signature does not hold under the pinned key"),
        "{}",
        said(&output)
    );
    let newest = place.next_bundle();
    assert_judged_by(&place.read(&phone, &place.service.url, &[]), newest);
}

#[test]
fn without_any_bundle_the_counter_does_not_begin() {
    let place = Place::new();
    let phone = place.phone();
    let output = place.read(&phone, "http://127.0.0.1:9", &[]);
    assert_eq!(
        (output.status.code(), output.stdout.len()),
        (Some(64), 0),
        "{}",
        said(&output)
    );
    assert!(
        said(&output).contains("there is no bundle to judge by"),
        "{}",
        said(&output)
    );
    // Past its end it judges nothing.
    let trust = place.pki().join("trust");
    let expired = tempfile::tempdir().unwrap();
    let maker = BundleMaker::new(expired.path());
    maker.build(
        "expired",
        &trust,
        &["--at", "2026-01-01T00:00:00Z", "--lifetime", "1d"],
    );
    let (file, key) = (maker.path("expired"), maker.key());
    let output = phone.read_with("age-20", &["--bundle", &file, "--bundle-key", &key]);
    assert_eq!(output.status.code(), Some(64), "{}", said(&output));
    assert!(
        said(&output).contains("it counted until 2026-01-02T00:00:00Z"),
        "{}",
        said(&output)
    );
    for (arguments, words) in [
        (&["--bundle", "http://127.0.0.1:9"][..], "--bundle-key"),
        (&["--bundle-store", &maker.path("store")][..], "--bundle-key"),
        (
            &[
                "--bundle",
                &file,
                "--bundle-key",
                &key,
                "--trust",
                trust.to_str().unwrap(),
            ][..],
            "cannot be used with",
        ),
        (
            &["--bundle", "http://127.0.0.1:9", "--bundle-key", &key][..],
            "--bundle-store",
        ),
    ] {
        let output = phone.read_with("age-20", arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(said(&output).contains(words), "{arguments:?}: {}", said(&output));
    }
    assert!(Path::new(&file).exists());
}
