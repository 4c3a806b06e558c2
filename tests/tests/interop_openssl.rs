//! Certificates and CRLs made by the `openssl` command: roots on every allowed curve, document
//! signers, a link certificate, complete lists, and what openssl makes that breaks a rule.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::Command;

use holder::Scenario;
use holder::hooks::Hooks;
use holder::issuer::{DAY, Issuer};
use holder::keys::SigningKey;
use relying_party::{Evidence, pem_certificates, pem_crls};
use serde_json::{Value, json};
use tempfile::TempDir;
use verifier_tests::{age_purpose, check, outcome, trust, verdict_on};

const CONFIGURATION: &str = r#"
[req]
prompt = no
distinguished_name = name
[name]
C = JP
O = TEST - NOT PROOF
CN = TEST openssl root
[root]
subjectKeyIdentifier = hash
keyUsage = critical, keyCertSign, cRLSign
basicConstraints = critical, CA:TRUE, pathlen:0
issuerAltName = URI:https://issuer.example/
crlDistributionPoints = URI:https://pki.example/openssl.crl
[signer]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, 1.0.23220.4.1.2
issuerAltName = URI:https://issuer.example/
crlDistributionPoints = URI:https://pki.example/openssl.crl
[list]
authorityKeyIdentifier = keyid
[indirect]
authorityKeyIdentifier = keyid
issuingDistributionPoint = critical, @scope
[scope]
indirectCRL = TRUE
[delta]
authorityKeyIdentifier = keyid
2.5.29.27 = critical, DER:02:01:01
[ca]
default_ca = authority
[authority]
database = index
crlnumber = number
certificate = root.pem
private_key = root.key
default_md = sha256
"#;

/// The root and document signer that openssl made, in a folder with openssl's own notes.
struct Authority {
    folder: TempDir,
    issuer: Issuer,
    now: i64,
}

fn openssl(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl")
        .current_dir(folder)
        .args(arguments)
        .output();
    let output = output.expect("the openssl command is installed");
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn der(pem: &[u8]) -> Vec<u8> {
    pem_certificates(pem).unwrap().remove(0)
}

impl Authority {
    fn new(curve: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        fs::write(at.join("configuration"), CONFIGURATION).unwrap();
        fs::write(at.join("index"), "").unwrap();
        fs::write(at.join("number"), "01\n").unwrap();
        for (key, curve) in [("root.key", curve), ("signer.key", "P-256")] {
            let curve = format!("ec_paramgen_curve:{curve}");
            let made = [
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                &curve,
                "-pkeyopt",
                "ec_param_enc:named_curve",
                "-out",
                key,
            ];
            openssl(at, &made);
        }
        openssl(
            at,
            &[
                "req",
                "-new",
                "-x509",
                "-key",
                "root.key",
                "-config",
                "configuration",
                "-extensions",
                "root",
                "-days",
                "3000",
                "-out",
                "root.pem",
            ],
        );
        let subject = "/C=JP/O=TEST - NOT PROOF/CN=TEST openssl signer";
        openssl(
            at,
            &[
                "req",
                "-new",
                "-key",
                "signer.key",
                "-config",
                "configuration",
                "-subj",
                subject,
                "-out",
                "request",
            ],
        );
        openssl(
            at,
            &[
                "x509",
                "-req",
                "-in",
                "request",
                "-CA",
                "root.pem",
                "-CAkey",
                "root.key",
                "-extfile",
                "configuration",
                "-extensions",
                "signer",
                "-days",
                "400",
                "-set_serial",
                "0x4b1d0102030405060708",
                "-out",
                "signer.pem",
            ],
        );
        let read = |name: &str| fs::read(at.join(name)).unwrap();
        let text = openssl(at, &["pkey", "-in", "signer.key", "-noout", "-text"]);
        let scalar = scalar(&String::from_utf8(text).unwrap());
        let scenario = Scenario::my_number();
        let issuer = Issuer {
            root: der(&read("root.pem")),
            signer: der(&read("signer.pem")),
            signer_key: SigningKey::from_p256_scalar(&scalar).unwrap(),
            // Only openssl holds the root's key.
            ..Issuer::new(&scenario.issuer, &Hooks::default())
        };
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        Self {
            issuer,
            now: i64::try_from(since.as_secs()).unwrap() + 2,
            folder,
        }
    }

    /// A complete list with these extensions.
    fn list(&self, extensions: &str) -> Vec<u8> {
        let made = [
            "ca",
            "-config",
            "configuration",
            "-gencrl",
            "-crldays",
            "30",
            "-crlexts",
            extensions,
            "-out",
            "list.pem",
        ];
        openssl(self.folder.path(), &made);
        pem_crls(&fs::read(self.folder.path().join("list.pem")).unwrap())
            .unwrap()
            .remove(0)
    }

    fn revoke(&self) {
        openssl(
            self.folder.path(),
            &["ca", "-config", "configuration", "-revoke", "signer.pem"],
        );
    }

    fn judge(&self, roots: &[&[u8]], list: Option<&[u8]>) -> Value {
        let scenario = Scenario::my_number().set(|s| {
            s.terms.signed = self.now - 1;
            s.terms.valid_from = self.now - 1;
            s.terms.valid_until = self.now + 10 * DAY;
        });
        let built = scenario.build_under(&self.issuer);
        let purpose = age_purpose(&json!({ "crl": if list.is_some() { "required" } else { "off" } }));
        let mut evidence = Evidence::default();
        if let Some(list) = list {
            evidence.add_crl(list).unwrap();
        }
        verdict_on(&built, &purpose, &trust(roots), &evidence, self.now)
    }
}

/// The private scalar in openssl's text of a key.
fn scalar(text: &str) -> Vec<u8> {
    let (_, rest) = text.split_once("priv:").unwrap();
    let (digits, _) = rest.split_once("pub:").unwrap();
    let digits: String = digits.chars().filter(char::is_ascii_hexdigit).collect();
    let bytes = hex::decode(digits).unwrap();
    bytes[bytes.len() - 32..].to_vec()
}

#[test]
fn roots_on_every_allowed_curve() {
    for curve in [
        "P-256",
        "P-384",
        "P-521",
        "brainpoolP256r1",
        "brainpoolP320r1",
        "brainpoolP384r1",
        "brainpoolP512r1",
    ] {
        let authority = Authority::new(curve);
        let verdict = authority.judge(&[&authority.issuer.root], None);
        assert_eq!(outcome(&verdict), "accepted", "{curve}: {verdict:#}");
        let verdict = authority.judge(&[&authority.issuer.root], Some(&authority.list("list")));
        assert_eq!(outcome(&verdict), "accepted", "{curve}: {verdict:#}");
    }
}

#[test]
fn roots_on_other_curves_are_refused() {
    for curve in ["secp224r1", "secp256k1"] {
        let authority = Authority::new(curve);
        let verdict = authority.judge(&[&authority.issuer.root], None);
        assert_eq!(outcome(&verdict), "issuer.chain", "{curve}");
    }
}

#[test]
fn another_authority_of_the_same_name_vouches_for_nobody() {
    let (authority, other) = (Authority::new("P-256"), Authority::new("P-256"));
    let (root, twin) = (&authority.issuer.root[..], &other.issuer.root[..]);
    assert_eq!(outcome(&authority.judge(&[root, twin], None)), "accepted");
    assert_eq!(outcome(&authority.judge(&[twin], None)), "issuer.chain");
    let verdict = authority.judge(&[root, twin], Some(&other.list("list")));
    assert_eq!(
        check(&verdict, "issuer.crl")["detail"]["fault"],
        "no CRL at hand is signed by the issuer"
    );
}

#[test]
fn lists_that_openssl_makes() {
    let authority = Authority::new("P-384");
    let judge = |list: &[u8]| authority.judge(&[&authority.issuer.root], Some(list));
    assert_eq!(
        outcome(&judge(&authority.list("list"))),
        "accepted",
        "the untouched twin"
    );
    for (extensions, fault) in [
        ("delta", "the CRL is a delta CRL"),
        ("indirect", "the CRL is an indirect CRL"),
    ] {
        let verdict = judge(&authority.list(extensions));
        assert_eq!(outcome(&verdict), "issuer.certificate.revocation_unavailable");
        assert_eq!(check(&verdict, "issuer.crl")["detail"]["fault"], fault);
    }
    authority.revoke();
    assert_eq!(
        outcome(&judge(&authority.list("list"))),
        "issuer.certificate.revoked"
    );
}
