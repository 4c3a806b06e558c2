//! CRLs and status lists made by other people's libraries: PyJWT, pycose and the Python package
//! cryptography. `VERIFIER_PYTHON` names an interpreter that has them (`make test` makes one).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use ciborium::Value as Cbor;
use holder::certificate::{pem, private_key_pem};
use holder::evidence::{identifier_reference, status_reference};
use holder::hooks::Hooks;
use holder::issuer::Issuer;
use holder::scenario::NOW;
use holder::{Built, Scenario};
use relying_party::Evidence;
use serde_json::{Value, json};
use tempfile::TempDir;
use verifier_tests::{age_purpose, check, outcome, trust, verdict_on};

const URI: &str = "https://status.example/python";

/// The folder of lists, made once. Without an interpreter the test says that it skips, unless `CI`
/// is `true`: then it fails.
fn lists() -> Option<&'static Path> {
    static LISTS: OnceLock<Option<TempDir>> = OnceLock::new();
    LISTS.get_or_init(make).as_ref().map(TempDir::path)
}

fn make() -> Option<TempDir> {
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
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::new(&Scenario::my_number().issuer, &Hooks::default());
    for (name, text) in [
        ("root.pem", pem(&issuer.root)),
        ("root-key.pem", private_key_pem(&issuer.root_key)),
        ("document-signer.pem", pem(&issuer.signer)),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/make_lists.py");
    let mut command = Command::new(python);
    let output = command
        .arg(script)
        .arg(folder.path())
        .arg(NOW.to_string())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(folder)
}

fn naming(status: Cbor) -> Built {
    Scenario::my_number()
        .set(|s| s.terms.status = Some(status))
        .build()
}

fn judge(built: &Built, evidence: &Evidence, revocation: &Value) -> Value {
    let purpose = age_purpose(revocation);
    verdict_on(built, &purpose, &trust(&[&built.root]), evidence, NOW)
}

fn with_token(status: Cbor, file: &str, content_type: &str, iso: bool) -> Option<String> {
    let token = fs::read(lists()?.join(file)).unwrap();
    let mut evidence = Evidence::default();
    evidence.add_fetched_token(&token, URI, content_type).unwrap();
    let revocation = json!({ "status": "required", "iso_status_profile": iso });
    let verdict = judge(&naming(status), &evidence, &revocation);
    let detail = &check(&verdict, "status")["detail"];
    Some(match detail["value"].as_u64() {
        Some(value) => format!("{} {value}", outcome(&verdict)),
        None => outcome(&verdict),
    })
}

#[test]
fn status_lists_of_pycose() {
    for file in ["list.cwt", "list-384.cwt"] {
        let entry = |index| {
            with_token(
                status_reference(URI, index),
                file,
                "application/statuslist+cwt",
                true,
            )
        };
        let Some(good) = entry(411) else { return };
        assert_eq!(good, "accepted");
        assert_eq!(entry(412).unwrap(), "status.revoked");
        assert_eq!(entry(1_000_000).unwrap(), "status.revoked");
        assert_eq!(entry(1_000_001).unwrap(), "accepted");
        assert_eq!(entry(1 << 20).unwrap(), "status.token_invalid");
    }
}

#[test]
fn status_lists_of_pyjwt() {
    for (file, last) in [
        ("list-1.jwt", "status.revoked"),
        ("list-2.jwt", "status.unknown_value 3"),
        ("list-4.jwt", "status.unknown_value 15"),
        ("list-8.jwt", "status.unknown_value 255"),
    ] {
        let entry = |index| {
            with_token(
                status_reference(URI, index),
                file,
                "application/statuslist+jwt",
                false,
            )
        };
        let Some(revoked) = entry(412) else { return };
        assert_eq!(
            (
                revoked.as_str(),
                entry(413).unwrap().as_str(),
                entry(414).unwrap().as_str()
            ),
            ("status.revoked", last, "accepted"),
            "{file}"
        );
    }
    let entry = |index| {
        with_token(
            status_reference(URI, index),
            "list-384.jwt",
            "application/statuslist+jwt",
            false,
        )
        .unwrap()
    };
    assert_eq!([entry(412), entry(413)], ["status.revoked", "accepted"]);
}

#[test]
fn identifier_lists_of_pycose() {
    let entry = |identifier: &[u8]| {
        let status = identifier_reference(URI, identifier);
        with_token(status, "identifiers.cwt", "application/identifierlist+cwt", true)
    };
    let Some(listed) = entry(b"listed identifier") else {
        return;
    };
    assert_eq!(listed, "status.revoked");
    assert_eq!(entry(b"another identifier").unwrap(), "accepted");
}

#[test]
fn revocation_lists_of_cryptography() {
    let Some(folder) = lists() else { return };
    let built = Scenario::my_number().build();
    for (file, expected) in [
        ("good.crl", "accepted"),
        ("revoked.crl", "issuer.certificate.revoked"),
    ] {
        let mut evidence = Evidence::default();
        evidence.add_crl(&fs::read(folder.join(file)).unwrap()).unwrap();
        assert_eq!(evidence.crls().next().unwrap().broken_rules(), []);
        let verdict = judge(&built, &evidence, &json!({ "crl": "required" }));
        assert_eq!(outcome(&verdict), expected, "{file}");
    }
}

#[test]
fn a_changed_byte_of_any_of_them_is_noticed() {
    let Some(folder) = lists() else { return };
    for file in ["list.cwt", "list-1.jwt", "identifiers.cwt"] {
        let genuine = fs::read(folder.join(file)).unwrap();
        assert!(
            Evidence::default().add_token(&genuine).is_ok(),
            "the untouched twin"
        );
        for index in (0..genuine.len()).step_by(7) {
            let mut changed = genuine.clone();
            changed[index] ^= 1;
            let mut evidence = Evidence::default();
            // Where the label of the chain is hit, nobody is named whose signature could hold.
            let noticed = evidence.add_token(&changed).is_err()
                || evidence.tokens().all(|token| token.signer().is_none());
            assert!(noticed, "{file} byte {index}");
        }
    }
}
