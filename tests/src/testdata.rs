//! The cases of `testdata/`: what each is, how it is made, and the verdict it must get.

use std::fs;
use std::io;
use std::path::Path;

use ciborium::Value as Cbor;
use holder::credential::Credential;
use holder::evidence::{CrlSpec, List, StatusAuthority, TokenSpec, identifier_reference, status_reference};
use holder::hooks::{Hooks, insert, member};
use holder::issuer::{DAY, Issuer};
use holder::scenario::NOW;
use holder::{Scenario, Stage};
use mdoc::crypto::{Curve, HashAlgorithm};
use mdoc::time::UnixTime;
use mdoc::x509::Certificate;
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
    "status-good", "the MSO's entry on a status list is valid", "age-20-unattended", "accepted", None, Scenario::my_number().set(|s| s.terms.status = Some(status_reference(LIST, 7)));
    "status-revoked", "the MSO's entry on a status list is revoked", "age-20-unattended", "rejected", Some("status.revoked"), Scenario::my_number().set(|s| s.terms.status = Some(status_reference(LIST, 8)));
    "status-stale", "the status list has expired", "age-20-unattended", "undetermined", Some("status.stale"), Scenario::my_number().set(|s| s.terms.status = Some(status_reference(LIST, 7)));
    "status-forged", "the status list is signed under another root of the same name", "age-20-unattended", "undetermined", Some("status.token_invalid"), Scenario::my_number().set(|s| s.terms.status = Some(status_reference(LIST, 7)));
    "status-jwt", "EU PID suspended by a status list in a JWT", "pid-age-18", "rejected", Some("status.suspended"), Scenario::pid().set(|s| s.terms.status = Some(status_reference(LIST, 9)));
    "identifier-revoked", "the MSO's identifier is on an identifier list", "age-20-unattended", "rejected", Some("status.revoked"), Scenario::my_number().set(|s| s.terms.status = Some(identifier_reference(LIST, b"TEST identifier 1")));
    "crl-good", "a CRL that does not list the document signer", "age-20-unattended", "accepted", None, Scenario::my_number();
    "crl-revoked", "a CRL that lists the document signer", "age-20-unattended", "rejected", Some("issuer.certificate.revoked"), Scenario::my_number();
    "status-10", "the device reports an error", "age-20-unattended", "undetermined", Some("response.status"), Scenario::my_number().with(Stage::Response, |response| *member(response, "status") = 10.into());
    "truncated", "the last byte is missing", "age-20-unattended", "rejected", Some("response.malformed"), Scenario::my_number().with(Stage::WireBytes, |bytes| { bytes.as_bytes_mut().map(Vec::pop); });
}

/// Where the lists of the test data are published.
const LIST: &str = "https://status.example/1";

/// The evidence that a case's trust directory holds: name and content of each file.
fn evidence(name: &str, scenario: &Scenario) -> Vec<(&'static str, Vec<u8>)> {
    let issuer = Issuer::new(&scenario.issuer, &Hooks::default());
    let authority = StatusAuthority::new(&issuer, &scenario.issuer, |_| {});
    let token = |list: List| TokenSpec::new(LIST, list, vec![authority.certificate.clone()], NOW);
    let statuses = |bits: u8| {
        let mut values = vec![0; 256];
        values[8] = 1;
        values[9] = u8::from(bits > 1) * 2;
        List::Statuses { bits, values }
    };
    let crl = |revoked: bool| {
        let name = holder::certificate::name(scenario.issuer.country, scenario.issuer.state, "TEST IACA");
        let mut list = CrlSpec::new(name, &issuer.root_key, 1, NOW);
        list.revoke(&[5], NOW - DAY);
        if let (true, Ok(signer)) = (revoked, Certificate::from_der(&issuer.signer)) {
            list.revoke(signer.serial(), NOW - DAY);
        }
        list.sign(&issuer.root_key)
    };
    match name {
        "status-good" | "status-revoked" => {
            vec![("status/list.cwt", token(statuses(1)).cwt(&authority.key))]
        }
        "status-stale" => {
            let mut spec = token(statuses(1));
            spec.expires_at = Some(NOW - 1);
            vec![("status/list.cwt", spec.cwt(&authority.key))]
        }
        "status-forged" => {
            let mut options = scenario.issuer.clone();
            options.seed += 1;
            let other = StatusAuthority::new(&Issuer::new(&options, &Hooks::default()), &options, |_| {});
            let mut spec = token(statuses(1));
            spec.chain = vec![other.certificate];
            vec![("status/list.cwt", spec.cwt(&other.key))]
        }
        "status-jwt" => {
            let text = token(statuses(2)).jwt(&authority.key);
            vec![("status/list.jwt", text.into_bytes())]
        }
        "identifier-revoked" => {
            let list = List::Identifiers(vec![b"TEST identifier 0".to_vec(), b"TEST identifier 1".to_vec()]);
            vec![("status/list.cwt", token(list).cwt(&authority.key))]
        }
        "crl-good" => vec![("crls/test.crl", crl(false))],
        "crl-revoked" => vec![("crls/test.crl", crl(true))],
        _ => Vec::new(),
    }
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
        let scenario = (case.make)();
        for (name, bytes) in evidence(case.name, &scenario) {
            let file = folder.join("trust").join(name);
            fs::create_dir_all(file.parent().unwrap_or(&folder))?;
            fs::write(file, bytes)?;
        }
        let built = scenario.build();
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
