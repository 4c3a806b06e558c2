//! Every case of `testdata/` gets the verdict that its manifest states, and the generator makes the
//! same bytes again.

use std::fs;
use std::path::{Path, PathBuf};

use mdoc::crypto::{Curve, PrivateKey};
use mdoc::session::SessionTranscript;
use mdoc::time::UnixTime;
use relying_party::{DeviceKeys, judge};
use serde_json::Value;
use verifier_tests::testdata;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata")
}

#[test]
fn every_case_gets_the_verdict_of_the_manifest() {
    use base64::Engine as _;
    let manifest: Value = serde_json::from_slice(&fs::read(folder().join("manifest.json")).unwrap()).unwrap();
    let cases = manifest["cases"].as_array().unwrap();
    assert_eq!(cases.len(), testdata::CASES.len());
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let read = |file: &str| fs::read(folder().join(name).join(file)).unwrap();
        let trust = operator::load_trust(&folder().join(name).join("trust")).unwrap();
        let purpose = operator::load_purpose(case["purpose"].as_str().unwrap()).unwrap();
        let transcript = SessionTranscript::from_bytes(&read("transcript.cbor")).unwrap();
        let jwk: Value = serde_json::from_slice(&read("reader.jwk")).unwrap();
        let scalar = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(jwk["d"].as_str().unwrap())
            .unwrap();
        let key = PrivateKey::from_bytes(Curve::P256, &scalar).unwrap();
        let now = UnixTime::parse(case["at"].as_str().unwrap()).unwrap();
        let response = read("response.cbor");
        let keys = DeviceKeys::Reader(&key);
        let judgement = judge(
            &response,
            &transcript,
            keys,
            &purpose,
            &trust,
            trust.evidence(),
            now,
        );
        let verdict = judgement.verdict.to_json();
        assert_eq!(
            (&verdict["verdict"], &verdict["reason"]),
            (&case["verdict"], &case["reason"]),
            "{name}: {verdict:#}"
        );
        if name == "status-unavailable" {
            let uri = "https://status.example/1".to_owned();
            assert!(judgement.wanted.contains(&relying_party::Wanted::Status { uri }));
        }
        if case["verdict"] == "rejected" {
            assert_eq!(
                judgement.wanted,
                [],
                "{name}: a refused document asks for nothing"
            );
        }
    }
}

#[test]
fn the_generator_makes_the_same_bytes_again() {
    let made = tempfile::tempdir().unwrap();
    testdata::write(made.path()).unwrap();
    let mut compared = 0;
    let mut folders = vec![PathBuf::new()];
    while let Some(relative) = folders.pop() {
        for entry in fs::read_dir(made.path().join(&relative)).unwrap() {
            let name = relative.join(entry.unwrap().file_name());
            if made.path().join(&name).is_dir() {
                folders.push(name);
                continue;
            }
            assert_eq!(
                fs::read(made.path().join(&name)).unwrap(),
                fs::read(folder().join(&name)).unwrap(),
                "{name:?}"
            );
            compared += 1;
        }
    }
    assert!(compared > 4 * testdata::CASES.len());
    assert_eq!(compared, files(&folder()), "nothing else lies there");
}

fn files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .map(|path| if path.is_dir() { files(&path) } else { 1 })
        .sum()
}
