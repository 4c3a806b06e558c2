//! Bundles and other people's libraries: pycose verifies ours, and signs some that are loaded here.
//! `VERIFIER_PYTHON` names an interpreter that has it (`make test` makes one).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use holder::Scenario;
use holder::scenario::NOW;
use mdoc::crypto::{Curve, SignatureError, Signer as _, SigningKey};
use mdoc::time::UnixTime;
use relying_party::PublicKey;
use relying_party::bundle::{BundleError, BundleFacts, CONTENT_TYPE, SignedBundle, build};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Runs the script; `None` where there is no interpreter, which in CI is a failure.
fn python(arguments: &[&str]) -> Option<Output> {
    let Some(python) = std::env::var_os("VERIFIER_PYTHON") else {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "VERIFIER_PYTHON is not set"
        );
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "skipped: VERIFIER_PYTHON is not set");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/bundle.py");
    Some(Command::new(python).arg(script).args(arguments).output().unwrap())
}

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds).unwrap()
}

#[test]
fn pycose_verifies_our_bundle_and_reads_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let trust = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/status-good/trust");
    let facts = BundleFacts {
        number: 5,
        created: at(NOW),
        expires: at(NOW + 60),
    };
    let entries = operator::bundle_entries(Some(&trust), None, at(NOW)).unwrap();
    let key = SigningKey::from_bytes(Curve::P256, &[1; 32]).unwrap();
    let (bytes, _) = build(&facts, entries, &key).unwrap();
    fs::write(path("bundle"), &bytes).unwrap();
    fs::write(path("key"), key.public_key().to_spki_pem().unwrap()).unwrap();
    let Some(output) = python(&["read", &path("bundle"), &path("key")]) else {
        return;
    };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (
            &read["verified"],
            &read["algorithm"],
            &read["content_type"],
            &read["unprotected"]
        ),
        (&json!(true), &json!(-7), &json!(CONTENT_TYPE), &json!(0))
    );
    assert_eq!(
        read["content"],
        json!({ "version": 1, "number": 5, "created": NOW, "expires": NOW + 60 })
    );
    let bundle = SignedBundle::decode(&bytes)
        .unwrap()
        .verify(key.public_key())
        .unwrap();
    let entries: Vec<Value> = bundle
        .entries()
        .iter()
        .map(|entry| {
            let mut json = json!({ "name": entry.name, "fetched": entry.fetched.seconds(),
                "content": hex::encode(Sha256::digest(&entry.content)) });
            if let Some(expires) = entry.expires {
                json["expires"] = json!(expires.seconds());
            }
            json
        })
        .collect();
    assert!(entries.len() > 10);
    assert_eq!(read["entries"], json!(entries));
    // One changed byte, and pycose says no as well.
    let mut changed = bytes;
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    fs::write(path("bundle"), changed).unwrap();
    let output = python(&["read", &path("bundle"), &path("key")]).unwrap();
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(read["verified"], json!(false));
}

#[test]
fn bundles_that_pycose_signs_are_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let built = Scenario::my_number().build();
    let anchor = folder.path().join("anchor.der");
    fs::write(&anchor, &built.root).unwrap();
    let made = python(&[
        "make",
        anchor.to_str().unwrap(),
        &NOW.to_string(),
        folder.path().to_str().unwrap(),
    ]);
    let Some(output) = made else { return };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for name in ["es256", "es384"] {
        let read = |ending: &str| fs::read(folder.path().join(format!("{name}.{ending}"))).unwrap();
        let key = PublicKey::from_spki(&read("pub")).unwrap();
        let bytes = read("bundle");
        let bundle = SignedBundle::decode(&bytes).unwrap().verify(&key).unwrap();
        assert_eq!((bundle.facts().number, bundle.entries().len()), (7, 1), "{name}");
        let loaded = bundle.load(at(NOW)).unwrap();
        assert_eq!(loaded.trust().anchor_count(), 1);
        assert_eq!(loaded.anchors_as_of(), at(NOW - 3600));
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        let fault = SignedBundle::decode(&changed).unwrap().verify(&key).unwrap_err();
        assert_eq!(fault, BundleError::Signature(SignatureError::Mismatch), "{name}");
    }
}
