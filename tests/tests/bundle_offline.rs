//! The counter without a network: the same verdicts as the service, in a network namespace of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holder::scenario::NOW;
use mdoc::crypto::{Curve, PrivateKey};
use mdoc::limits::Limits;
use mdoc::response::DeviceResponse;
use mdoc::session::SessionTranscript;
use mdoc::time::UnixTime;
use mdoc::verify::derive_mac_keys;
use relying_party::DeviceKeys;
use serde_json::{Map, Value, json};
use verifier_api::serve::{Config, Running, Service};
use verifier_tests::http::fetch;
use verifier_tests::programs::{BundleMaker, Phone, program};

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata")
}

fn now() -> UnixTime {
    UnixTime::from_seconds(NOW).unwrap()
}

/// Runs a command in a network namespace that has nothing but its own loopback. `None` where this machine does not
/// allow it, which in CI is a failure.
fn without_network(arguments: &[&str]) -> Option<Output> {
    let unshare = |arguments: &[&str]| Command::new("unshare").arg("-rn").args(arguments).output();
    let allowed = unshare(&["true"]).is_ok_and(|output| output.status.success());
    if !allowed {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "no network namespace can be made"
        );
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "skipped: no network namespace can be made");
        return None;
    }
    Some(unshare(arguments).unwrap())
}

fn service(case: &str, maker: &BundleMaker) -> Running {
    let config = Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        trust: Some(testdata().join(case).join("trust")),
        bundle: Some(maker.path(case).into()),
        bundle_key: Some(maker.key().into()),
        workers: 1,
        ..Config::default()
    };
    Service::bind(config).unwrap().with_clock(now).start().unwrap()
}

/// A case of the test data, as it is handed to a judge.
struct Case {
    purpose: String,
    response: Vec<u8>,
    transcript: SessionTranscript,
    key: PrivateKey,
}

impl Case {
    fn read(case: &Value) -> Self {
        let name = case["name"].as_str().unwrap();
        let read = |file: &str| fs::read(testdata().join(name).join(file)).unwrap();
        let jwk: Value = serde_json::from_slice(&read("reader.jwk")).unwrap();
        let scalar = URL_SAFE_NO_PAD.decode(jwk["d"].as_str().unwrap()).unwrap();
        assert_eq!(
            case["at"],
            now().to_string(),
            "every case is judged at one instant"
        );
        Self {
            purpose: case["purpose"].as_str().unwrap().to_owned(),
            response: read("response.cbor"),
            transcript: SessionTranscript::from_bytes(&read("transcript.cbor")).unwrap(),
            key: PrivateKey::from_bytes(Curve::P256, &scalar).unwrap(),
        }
    }

    /// What the service says.
    fn served(&self, address: SocketAddr) -> Value {
        let text = |bytes: &[u8]| json!(URL_SAFE_NO_PAD.encode(bytes));
        let mut body = Map::new();
        body.insert("purpose".to_owned(), json!(self.purpose));
        body.insert("device_response".to_owned(), text(&self.response));
        body.insert("session_transcript".to_owned(), text(self.transcript.as_bytes()));
        let limits = Limits::default();
        if let Ok(response) = DeviceResponse::decode(&self.response, &limits, true) {
            let keys = derive_mac_keys(&response, &self.key, &self.transcript, &limits);
            let keys: Vec<Value> = keys
                .iter()
                .map(|key| key.as_ref().map_or(Value::Null, |key| text(&key[..])))
                .collect();
            body.insert("mac_keys".to_owned(), json!(keys));
        }
        let body = Value::Object(body).to_string();
        let headers = [("Content-Type", "application/json")];
        let response = fetch(address, "POST", "/v1/verifications", &headers, body.as_bytes());
        assert_eq!(response.status, 200);
        response.json()
    }

    /// What the reader says, which pulls the bundle from the service into a store.
    fn read_online(&self, address: SocketAddr, key: &str, store: &str) -> Value {
        let url = format!("http://{address}");
        let flags = [
            "--connect",
            "tcp://127.0.0.1:9",
            "--purpose",
            &self.purpose,
            "--bundle",
            &url,
            "--bundle-key",
            key,
            "--bundle-store",
            store,
            "--quiet",
        ];
        let keys = DeviceKeys::Reader(&self.key);
        reader::judge(&flags, &self.response, &self.transcript, keys, now()).unwrap()
    }
}

/// Every list of checks in a report.
fn checks(report: &mut Value) -> impl Iterator<Item = &mut Value> {
    let Some(report) = report.as_object_mut() else {
        panic!("a report");
    };
    let mut lists = Vec::new();
    for (name, member) in report {
        match name.as_str() {
            "checks" => lists.push(member),
            "documents" => lists.extend(
                member
                    .as_array_mut()
                    .unwrap()
                    .iter_mut()
                    .map(|document| &mut document["checks"]),
            ),
            _ => {}
        }
    }
    lists.into_iter().flat_map(|list| list.as_array_mut().unwrap())
}

/// The report without what only a bundle says. Where the other report dates a check, this one must too, alike.
fn without_bundle(mut report: Value, served: &mut Value, name: &str) -> Value {
    let bundle = report.as_object_mut().unwrap().remove("bundle").unwrap();
    assert_eq!(
        (&bundle["created"], &bundle["age"]),
        (&json!(now().to_string()), &json!(0)),
        "{name}"
    );
    let mut count = 0;
    for (own, other) in checks(&mut report).zip(checks(served)) {
        count += 1;
        let own = own.as_object_mut().unwrap().remove("as_of");
        let own = own.unwrap_or_else(|| panic!("{name}: a check without as_of"));
        assert!(UnixTime::parse(own.as_str().unwrap()).is_ok());
        if let Some(other) = other.as_object_mut().unwrap().remove("as_of") {
            assert_eq!(own, other, "{name}");
        }
    }
    assert!(count >= 15, "{name}");
    report
}

#[test]
fn the_reader_without_a_route_judges_all_test_data_as_the_service_does() {
    let folder = tempfile::tempdir().unwrap();
    let maker = BundleMaker::new(folder.path());
    let manifest: Value =
        serde_json::from_slice(&fs::read(testdata().join("manifest.json")).unwrap()).unwrap();
    let mut served = BTreeMap::new();
    let mut last = None;
    for case in manifest["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let at = now().to_string();
        maker.build(
            name,
            &testdata().join(name).join("trust"),
            &["--at", &at, "--lifetime", "1d"],
        );
        let running = service(name, &maker);
        let read = Case::read(case);
        let verdict = read.served(running.address());
        assert_eq!(
            (&verdict["verdict"], &verdict["reason"]),
            (&case["verdict"], &case["reason"]),
            "{name}"
        );
        fs::create_dir_all(maker.path("stores")).unwrap();
        let store = maker.path(&format!("stores/{name}"));
        let online = read.read_online(running.address(), &maker.key(), &store);
        let kept = fs::read_dir(&store).unwrap().filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            name.to_string_lossy().ends_with(".bundle")
        });
        assert_eq!(kept.count(), 1, "the bundle was pulled and kept");
        let mut compared = verdict.clone();
        let online = without_bundle(online, &mut compared, name);
        assert_eq!(online, compared, "{name}, with a network");
        served.insert(name.to_owned(), verdict);
        last = Some(running);
    }
    // One service is still there, and cannot be reached from inside.
    let address = last.as_ref().unwrap().address().to_string();
    let (testdata, work) = (testdata(), folder.path().to_str().unwrap());
    let binary = env!("CARGO_BIN_EXE_judge-offline");
    let reachable = Command::new(binary)
        .args([testdata.to_str().unwrap(), work, &address])
        .output()
        .unwrap();
    assert!(
        !reachable.status.success(),
        "the twin with a network refuses to call itself offline"
    );
    let Some(output) = without_network(&[binary, testdata.to_str().unwrap(), work, &address]) else {
        return;
    };
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    assert!(
        words.contains("no newer bundle: it cannot be reached") && words.contains("0 seconds old"),
        "{words}"
    );
    let mut judged = 0;
    for line in output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let mut line: Value = serde_json::from_slice(line).unwrap();
        let name = line["name"].as_str().unwrap().to_owned();
        let mut expected = served.remove(&name).unwrap();
        let report = without_bundle(line["report"].take(), &mut expected, &name);
        assert_eq!(report, expected, "{name}");
        judged += 1;
    }
    assert_eq!(
        (judged, served.len()),
        (manifest["cases"].as_array().unwrap().len(), 0)
    );
}

/// Phone and reader in a namespace of their own, at the machine's clock.
#[test]
fn a_counter_that_was_cut_off_reads_phones_and_says_how_old_its_evidence_is() {
    let folder = tempfile::tempdir().unwrap();
    let maker = BundleMaker::new(folder.path());
    let pki = folder.path().join("pki");
    drop(Phone::start(&pki, &[]));
    maker.build("offline", &pki.join("trust"), &[]);
    let (holder, reader) = (program("holder"), program("reader"));
    let script = format!(
        "ip link set lo up || exit 90\n\
         {holder} present --listen 127.0.0.1:0 --pki {pki} >{said} 2>/dev/null &\n\
         phone=$!\n\
         for _ in $(seq 200); do [ -s {said} ] && break; sleep 0.05; done\n\
         port=$(sed -n 's/.*\"listening\":\"\\([^\"]*\\)\".*/\\1/p' {said})\n\
         {reader} read --connect tcp://$port --purpose age-20 --bundle http://127.0.0.1:9/v1/bundle --bundle-key {key} \
         --bundle-store {store}\n\
         status=$?\n\
         kill $phone 2>/dev/null\n\
         exit $status\n",
        holder = holder.display(),
        reader = reader.display(),
        pki = pki.display(),
        said = maker.path("said"),
        key = maker.key(),
        store = maker.path("store"),
    );
    // With an empty store there is nothing to judge by, and the counter says so at once.
    let Some(output) = without_network(&["sh", "-c", &script]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no bundle to judge by"));
    // Somebody carries a bundle there.
    let phone = Phone::start(&pki, &[]);
    let offline = maker.path("offline");
    let carried = [
        "--bundle",
        &offline,
        "--bundle-key",
        &maker.key(),
        "--bundle-store",
        &maker.path("store"),
    ];
    assert_eq!(phone.read_with("age-20", &carried).status.code(), Some(0));
    fs::remove_file(maker.path("said")).unwrap();
    let output = without_network(&["sh", "-c", &script]).unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{words}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["answers"], json!({ "over_20": true }));
    assert!(report["bundle"]["age"].is_u64(), "{report:#}");
    assert!(
        words.contains("reader: judged offline by bundle ") && words.contains("オフライン判定"),
        "{words}"
    );
}
