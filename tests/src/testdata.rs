//! The cases of `testdata/`: what each is, how it is made, and the verdict it must get.

use std::fs;
use std::io;
use std::path::Path;

use ciborium::Value as Cbor;
use holder::credential::Credential;
use holder::hooks::{insert, member};
use holder::issuer::DAY;
use holder::scenario::NOW;
use holder::{Scenario, Stage};
use mdoc::crypto::{Curve, HashAlgorithm};
use mdoc::time::UnixTime;
use serde_json::{Value, json};

/// One presentation of the test data.
pub struct Case {
    /// The folder's name.
    pub name: &'static str,
    /// How it is made.
    pub provenance: &'static str,
    /// The purpose it is judged for.
    pub purpose: &'static str,
    /// `accepted`, `rejected` or `undetermined`.
    pub verdict: &'static str,
    /// The reason, where it is not accepted.
    pub reason: Option<&'static str>,
    make: fn() -> Scenario,
}

macro_rules! cases {
    ($($name:literal, $provenance:literal, $purpose:literal, $verdict:literal, $reason:expr, $make:expr;)*) => {
        /// Every case.
        pub const CASES: &[Case] = &[$(Case {
            name: $name,
            provenance: $provenance,
            purpose: $purpose,
            verdict: $verdict,
            reason: $reason,
            make: || $make,
        },)*];
    };
}

fn with_portrait() -> Scenario {
    let elements: &[(&str, &[&str])] = &[
        ("org.iso.23220.1", &["age_over_20"]),
        ("org.iso.23220.1.jp", &["portrait"]),
    ];
    Scenario::new(Credential::my_number(Some(25_000)), elements)
}

fn tamper(bytes: &mut Cbor) {
    if let Some(last) = bytes.as_bytes_mut().and_then(|bytes| bytes.last_mut()) {
        *last ^= 1;
    }
}

cases! {
    "my-number-age", "My Number Card, P-256, device signature", "age-20-unattended", "accepted", None, Scenario::my_number();
    "my-number-portrait", "My Number Card with a drawn portrait of 25 KB", "age-20", "accepted", None, with_portrait();
    "my-number-mac", "My Number Card, device MAC under the reader's key", "age-20-unattended", "accepted", None, Scenario::my_number().set(|s| s.mac = true);
    "my-number-p384-root", "My Number Card under a P-384 root", "age-20-unattended", "accepted", None, Scenario::my_number().set(|s| s.issuer.root_curve = Curve::P384);
    "my-number-p521", "My Number Card, everything on P-521, SHA-512 digests", "age-20-unattended", "accepted", None, Scenario::my_number().set(|s| { s.issuer.root_curve = Curve::P521; s.issuer.signer_curve = Curve::P521; s.device_curve = Curve::P521; s.terms.digest_algorithm = HashAlgorithm::Sha512; });
    "my-number-brainpool", "My Number Card signed on brainpoolP384r1, SHA-384 digests", "age-20-unattended", "accepted", None, Scenario::my_number().set(|s| { s.issuer.signer_curve = Curve::BrainpoolP384r1; s.terms.digest_algorithm = HashAlgorithm::Sha384; });
    "mdl-age", "mDL, P-256, device signature", "age-20-any", "undetermined", Some("element.missing"), Scenario::new(Credential::mdl(None), &[("org.iso.18013.5.1", &["age_over_20"])]);
    "mdl-ed25519", "mDL signed with Ed25519, with portrait", "age-20-any", "accepted", None, Scenario::new(Credential::mdl(Some(6_000)), &[("org.iso.18013.5.1", &["age_over_20", "portrait"])]).set(|s| s.issuer.signer_curve = Curve::Ed25519);
    "pid-age", "EU PID, P-256, device signature", "pid-age-18", "accepted", None, Scenario::pid();
    "my-number-ed25519", "My Number Card signed with Ed25519, which its profile refuses", "age-20-unattended", "rejected", Some("issuer.algorithm"), Scenario::my_number().set(|s| s.issuer.signer_curve = Curve::Ed25519);
    "tampered", "an element's last byte changed after signing", "age-20-unattended", "rejected", Some("digest.mismatch"), Scenario::my_number().with(Stage::IssuerSignedItemBytes, tamper);
    "expired", "judged after validUntil", "age-20-unattended", "rejected", Some("mso.expired"), Scenario::my_number().set(|s| s.terms.valid_until = NOW - 60);
    "not-yet-valid", "judged before validFrom", "age-20-unattended", "rejected", Some("mso.not_yet_valid"), Scenario::my_number().set(|s| s.terms.valid_from = NOW + 60);
    "issuer-signature", "a byte of the issuer's signature changed", "age-20-unattended", "rejected", Some("issuer.signature"), Scenario::my_number().with(Stage::IssuerSignature, tamper);
    "device-signature", "a byte of the device's signature changed", "age-20-unattended", "rejected", Some("device.signature"), Scenario::my_number().with(Stage::DeviceSignature, tamper);
    "other-session", "the device signed another session's transcript", "age-20-unattended", "rejected", Some("device.signature"), Scenario::my_number().with(Stage::DeviceTranscript, |t| *t = Cbor::Bytes(vec![0x83, 0xf6, 0xf6, 0xf6]));
    "document-type", "the MSO names another document type", "age-20-unattended", "rejected", Some("document.type_mismatch"), Scenario::my_number().with(Stage::Mso, |mso| *member(mso, "docType") = "org.iso.18013.5.1.mDL".into());
    "signer-expired", "the document signer's certificate has expired", "age-20-unattended", "rejected", Some("issuer.certificate.expired"), Scenario::my_number().with_signer(|spec| spec.not_after = NOW - 1);
    "signer-too-long", "the document signer's certificate is valid for 458 days", "age-20-unattended", "rejected", Some("issuer.certificate.profile"), Scenario::my_number().with_signer(|spec| spec.not_after = spec.not_before + 458 * DAY);
    "wrong-type", "the statement of age is a number", "age-20-unattended", "rejected", Some("element.inconsistent"), Scenario::new({ let mut card = Credential::my_number(None); card.set("org.iso.23220.1", "age_over_20", 1); card }, &[("org.iso.23220.1", &["age_over_20"])]);
    "status-unavailable", "the MSO names a status list that is not at hand", "age-20-unattended", "undetermined", Some("status.unavailable"), Scenario::my_number().with(Stage::Mso, |mso| insert(mso, "status", Cbor::Map(vec![("status_list".into(), Cbor::Map(vec![("idx".into(), 7.into()), ("uri".into(), "https://status.example/1".into())]))])));
    "status-10", "the device reports an error", "age-20-unattended", "undetermined", Some("response.status"), Scenario::my_number().with(Stage::Response, |response| *member(response, "status") = 10.into());
    "truncated", "the last byte is missing", "age-20-unattended", "rejected", Some("response.malformed"), Scenario::my_number().with(Stage::WireBytes, |bytes| { bytes.as_bytes_mut().map(Vec::pop); });
}

/// Writes every case and the manifest.
///
/// # Errors
/// A file cannot be written.
pub fn write(directory: &Path) -> io::Result<()> {
    let mut manifest = Vec::new();
    for case in CASES {
        let folder = directory.join(case.name);
        fs::create_dir_all(folder.join("trust/anchors"))?;
        let built = (case.make)().build();
        fs::write(folder.join("response.cbor"), &built.response)?;
        fs::write(folder.join("transcript.cbor"), &built.session_transcript)?;
        fs::write(folder.join("trust/anchors/test-iaca.pem"), &built.root_pem)?;
        fs::write(folder.join("reader.jwk"), format!("{}\n", reader_jwk(&built)))?;
        let at = UnixTime::from_seconds(built.now).map(|at| at.to_string());
        manifest.push(json!({
            "name": case.name, "provenance": case.provenance, "purpose": case.purpose, "at": at,
            "verdict": case.verdict, "reason": case.reason,
        }));
    }
    let manifest = json!({
        "about": "Generated by `make testdata`; invented persons, test keys only. Same licence as the product.",
        "cases": manifest,
    });
    fs::write(directory.join("manifest.json"), format!("{manifest:#}\n"))
}

fn reader_jwk(built: &holder::Built) -> Value {
    use base64::Engine as _;
    let text = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let public = built.reader_key.public_bytes();
    let (x, y) = public.split_at(1).1.split_at(32);
    json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y), "d": text(&built.reader_key.private_bytes()) })
}
