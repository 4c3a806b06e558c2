//! `verifier-api lint` as its users start it: every rule by its exact name and exit status, each beside the
//! untouched file.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a test that is left out says so")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holder::certificate::{
    CertificateSpec, DIGITAL_SIGNATURE, NameAttribute, authority, crl_distribution_point, der, der_oid,
    extended_key_usage, key_usage, name, oid, pem,
};
use holder::evidence::{CrlSpec, List, TokenSpec};
use holder::issuer::DAY;
use holder::keys::SigningKey;
use mdoc::crypto::Curve;
use mdoc::time::UnixTime;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde_json::Value;
use verifier_tests::programs::program;
use verifier_tests::vectors;

const AT: &str = "2026-11-23T06:00:00Z";
const SERIAL: [u8; 16] = [0x5a; 16];
const MDL: &str = "1.0.18013.5.1.2";
const MDOC: &str = "1.0.23220.4.1.2";

/// A run: its exit status and what it wrote.
#[derive(Debug)]
struct Run {
    status: Option<i32>,
    out: String,
    err: String,
}

fn lint(arguments: &[&str]) -> Run {
    let output = Command::new(program("verifier-api"))
        .arg("lint")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Run {
        status: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What a run with --json found: (severity, rule) in order, and the whole.
struct Found {
    status: Option<i32>,
    rules: Vec<(String, String)>,
    json: Value,
}

fn lint_json(arguments: &[&str]) -> Found {
    let run = lint(&[&["--json", "--at", AT], arguments].concat());
    assert!(run.err.is_empty(), "{arguments:?}: {}", run.err);
    let json: Value = serde_json::from_str(&run.out).unwrap();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    Found {
        status: run.status,
        rules: json["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| (text(finding, "severity"), text(finding, "rule")))
            .collect(),
        json,
    }
}

impl Found {
    /// Exactly these rules of this severity, whatever there is to know beside them.
    fn only(&self, severity: &str, rules: &[&str]) -> &Self {
        let mut heavy: Vec<(&str, &str)> = self
            .rules
            .iter()
            .filter(|(severity, _)| severity != "info")
            .map(|(severity, rule)| (severity.as_str(), rule.as_str()))
            .collect();
        let mut expected: Vec<(&str, &str)> = rules.iter().map(|rule| (severity, *rule)).collect();
        heavy.sort_unstable();
        expected.sort_unstable();
        assert_eq!(heavy, expected, "{:#}", self.json);
        let status = match (severity, rules) {
            (_, []) => 0,
            ("warning", _) => 1,
            _ => 2,
        };
        assert_eq!(self.status, Some(status), "{:#}", self.json);
        self
    }

    /// As [`Self::only`], with lighter findings beside them.
    fn only_of(&self, severity: &str, rules: &[&str]) {
        let mut found: Vec<&str> = self
            .rules
            .iter()
            .filter(|(of, _)| of == severity)
            .map(|(_, rule)| rule.as_str())
            .collect();
        found.sort_unstable();
        assert_eq!(found, rules, "{:#}", self.json);
    }

    fn detail(&self, rule: &str) -> &str {
        let findings = self.json["findings"].as_array().unwrap();
        let found = findings.iter().find(|finding| finding["rule"] == rule);
        found.unwrap_or_else(|| panic!("no {rule} in {:#}", self.json))["detail"]
            .as_str()
            .unwrap()
    }
}

fn now() -> i64 {
    UnixTime::parse(AT).unwrap().seconds()
}

/// Keys, and certificates that keep to every rule.
struct Pki {
    folder: tempfile::TempDir,
    root_key: SigningKey,
    key: SigningKey,
    name: Vec<NameAttribute>,
}

impl Pki {
    fn new() -> Self {
        let mut random = ChaCha20Rng::seed_from_u64(18_013);
        Self {
            folder: tempfile::tempdir().unwrap(),
            root_key: SigningKey::generate(Curve::P256, &mut random),
            key: SigningKey::generate(Curve::P256, &mut random),
            name: name("JP", None, "TEST IACA"),
        }
    }

    fn root(&self) -> CertificateSpec {
        let window = (now() - 400 * DAY, now() + 3000 * DAY);
        CertificateSpec::root(&self.root_key, self.name.clone(), SERIAL.to_vec(), window)
    }

    fn signer(&self) -> CertificateSpec {
        let window = (now() - 30 * DAY, now() + 300 * DAY);
        let subject = name("JP", None, "TEST signer");
        let issuer = (self.name.as_slice(), &self.root_key);
        CertificateSpec::document_signer(&self.key, issuer, subject, SERIAL.to_vec(), window, MDL)
    }

    /// A certificate of each role, as the role's name on the command line.
    fn role(&self, role: &str) -> CertificateSpec {
        let mut spec = self.signer();
        match role {
            "iaca" => return self.root(),
            "ds" => {}
            "reader" => {
                spec.extension(oid::EXTENDED_KEY_USAGE).value = extended_key_usage(&["1.0.18013.5.1.6"])
            }
            "vical-signer" => {
                spec.extension(oid::EXTENDED_KEY_USAGE).value = extended_key_usage(&["1.0.18013.5.1.8"]);
                spec.extension(oid::KEY_USAGE).value = key_usage(0x40);
            }
            "status-signer" => spec.remove(oid::EXTENDED_KEY_USAGE),
            other => panic!("no role {other}"),
        }
        if role != "ds" {
            spec.remove(oid::ISSUER_ALT_NAME);
        }
        spec
    }

    fn sign(&self, spec: &CertificateSpec) -> Vec<u8> {
        spec.sign(&self.root_key)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn write(&self, file: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(file);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Lints a certificate in a role, below the untouched root where it is not the root.
    fn lint(&self, role: &str, spec: &CertificateSpec) -> Found {
        let file = self.write("certificate.der", self.sign(spec));
        if role == "iaca" {
            return lint_json(&["--as", role, &file]);
        }
        let anchor = self.write("root.pem", pem(&self.sign(&self.root())));
        lint_json(&["--as", role, &file, "--anchor", &anchor])
    }
}

const ROLES: [&str; 5] = ["iaca", "ds", "reader", "vical-signer", "status-signer"];

// --- Certificates -------------------------------------------------------------------------------------------

#[test]
fn a_clean_certificate_of_each_role_exits_0() {
    let pki = Pki::new();
    for role in ROLES {
        let found = pki.lint(role, &pki.role(role));
        found.only("error", &[]);
        assert!(found.rules.is_empty(), "{role}: {:?}", found.rules);
        // Recognised without being told; only a status signer says nothing of its use.
        let file = pki.path("certificate.der");
        let file = file.to_str().unwrap();
        let told = lint_json(&[file]);
        if role == "status-signer" {
            told.only("error", &["extended_key_usage", "issuer_alt_name"]);
            assert!(told.detail("role_guessed").contains("--as"));
        } else {
            told.only("error", &[]);
        }
    }
}

/// What is done to a certificate, and the rules that it breaks then.
type Case = (&'static [&'static str], fn(&mut CertificateSpec));

/// What is an error in every role of these.
fn check(roles: &[&str], severity: &str, cases: &[Case]) {
    let pki = Pki::new();
    for role in roles {
        for (rules, change) in cases {
            let mut spec = pki.role(role);
            change(&mut spec);
            println!("{role}: {rules:?}");
            pki.lint(role, &spec).only(severity, rules);
        }
    }
}

#[test]
fn deviations_of_any_certificate_are_told_by_their_rule() {
    check(
        &ROLES,
        "error",
        &[
            (&["version"], |spec| spec.version = 1),
            (&["serial_number"], |spec| spec.serial = vec![0]),
            (&["serial_number"], |spec| spec.serial = vec![0x85; 9]),
            (&["serial_number"], |spec| spec.serial = vec![0x11; 21]),
            (&["algorithms_agree"], |spec| {
                spec.inner_algorithm = Some(der(0x30, &der_oid("1.2.840.10045.4.3.4")));
            }),
            (&["forbidden_extension"], |spec| {
                spec.extend("2.5.29.46", false, vec![0x30, 0])
            }),
            (&["unknown_critical_extension"], |spec| {
                spec.extend("1.2.3.4", true, vec![5, 0])
            }),
        ],
    );
}

#[test]
fn deviations_of_a_document_signer_are_told_by_their_rule() {
    check(
        &["ds"],
        "error",
        &[
            (&["malformed_extension"], |spec| {
                spec.extension(oid::ISSUER_ALT_NAME).value = vec![0x30, 0]
            }),
            (&["lifetime"], |spec| spec.not_before = spec.not_after - 500 * DAY),
            (&["country_match", "country"], |spec| {
                spec.subject[0].text = "jp".to_owned()
            }),
            (&["country", "country_match"], |spec| drop(spec.subject.remove(0))),
            (&["common_name"], |spec| {
                let again = spec.subject.last().unwrap().clone();
                spec.subject.push(again);
            }),
            (&["subject_key_identifier"], |spec| {
                spec.extension(oid::SUBJECT_KEY_IDENTIFIER).value[5] ^= 1
            }),
            (&["authority_key_identifier"], |spec| {
                spec.remove(oid::AUTHORITY_KEY_IDENTIFIER)
            }),
            (&["authority_key_identifier"], |spec| {
                spec.extension(oid::AUTHORITY_KEY_IDENTIFIER).value = vec![0x30, 0];
            }),
            (&["key_usage"], |spec| {
                spec.extension(oid::KEY_USAGE).critical = false
            }),
            (&["key_usage"], |spec| {
                spec.extension(oid::KEY_USAGE).value = key_usage(DIGITAL_SIGNATURE | 0x40)
            }),
            (&["extended_key_usage"], |spec| {
                spec.extension(oid::EXTENDED_KEY_USAGE).critical = false
            }),
            (&["extended_key_usage"], |spec| {
                spec.extension(oid::EXTENDED_KEY_USAGE).value = extended_key_usage(&[MDL, MDOC]);
            }),
            (&["basic_constraints"], |spec| {
                spec.extend(oid::BASIC_CONSTRAINTS, true, authority(None))
            }),
            (&["issuer_alt_name"], |spec| spec.remove(oid::ISSUER_ALT_NAME)),
            (&["crl_distribution_point"], |spec| {
                spec.remove(oid::CRL_DISTRIBUTION_POINTS)
            }),
            (&["expired"], |spec| {
                spec.not_before -= 320 * DAY;
                spec.not_after -= 320 * DAY;
            }),
            (&["not_yet_valid"], |spec| {
                spec.not_before += 40 * DAY;
                spec.not_after += 40 * DAY;
            }),
        ],
    );
}

#[test]
fn deviations_of_the_other_roles_are_told_by_their_rule() {
    check(
        &["iaca"],
        "error",
        &[
            (&["lifetime"], |spec| {
                spec.not_after = spec.not_before + 7400 * DAY
            }),
            (&["key_usage"], |spec| {
                spec.extension(oid::KEY_USAGE).value = key_usage(0x04)
            }),
            (&["basic_constraints"], |spec| {
                spec.extension(oid::BASIC_CONSTRAINTS).value = authority(Some(1))
            }),
            (&["basic_constraints"], |spec| {
                spec.extension(oid::BASIC_CONSTRAINTS).critical = false
            }),
            (&["issuer_alt_name"], |spec| {
                spec.extension(oid::ISSUER_ALT_NAME).critical = true
            }),
            (&["self_issued"], |spec| spec.issuer.truncate(1)),
        ],
    );
    check(
        &["reader", "vical-signer", "status-signer"],
        "error",
        &[
            (&["lifetime"], |spec| {
                spec.not_before = now() - 100 * DAY;
                spec.not_after = now() + 1088 * DAY;
            }),
            (&["key_usage"], |spec| {
                spec.extension(oid::KEY_USAGE).value = key_usage(0x20)
            }),
            (&["authority_key_identifier"], |spec| {
                spec.remove(oid::AUTHORITY_KEY_IDENTIFIER)
            }),
        ],
    );
    let wrong_use = |spec: &mut CertificateSpec| {
        spec.extensions
            .retain(|extension| extension.oid != oid::EXTENDED_KEY_USAGE);
        spec.extend(
            oid::EXTENDED_KEY_USAGE,
            true,
            extended_key_usage(&["1.3.6.1.5.5.7.3.1"]),
        );
    };
    let pki = Pki::new();
    for role in ["reader", "vical-signer", "status-signer"] {
        let mut spec = pki.role(role);
        wrong_use(&mut spec);
        let found = pki.lint(role, &spec);
        found.only("error", &["extended_key_usage"]);
        assert!(found.detail("extended_key_usage").contains("1.3.6.1.5.5.7.3.1"));
    }
}

#[test]
fn what_the_judge_lets_pass_is_a_warning() {
    check(
        &ROLES,
        "warning",
        &[
            (&["serial_entropy"], |spec| spec.serial = vec![1, 2, 3]),
            (&["expires_soon"], |spec| spec.not_after = now() + 29 * DAY),
        ],
    );
    check(
        &["ds", "reader"],
        "warning",
        &[
            (&["basic_constraints_on_signer"], |spec| {
                spec.extend(oid::BASIC_CONSTRAINTS, false, vec![0x30, 0]);
            }),
            (&["crl_uri_scheme"], |spec| {
                spec.extension(oid::CRL_DISTRIBUTION_POINTS).value =
                    crl_distribution_point("ldap://pki.example/");
            }),
        ],
    );
    check(
        &["vical-signer"],
        "warning",
        &[(&["extended_key_usage_critical"], |spec| {
            spec.extension(oid::EXTENDED_KEY_USAGE).critical = false;
        })],
    );
    // Twenty-nine days and not thirty-one.
    let pki = Pki::new();
    let mut spec = pki.signer();
    spec.not_after = now() + 31 * DAY;
    pki.lint("ds", &spec).only("warning", &[]);
}

#[test]
fn a_curve_that_japan_refuses_is_a_warning() {
    let mut pki = Pki::new();
    pki.key = SigningKey::generate(Curve::Ed25519, &mut ChaCha20Rng::seed_from_u64(1));
    pki.lint("ds", &pki.signer()).only("warning", &["curve_japan"]);
    pki.lint("reader", &pki.role("reader")).only("warning", &[]);
    pki.name = name("FR", None, "TEST IACA");
    let mut french = pki.signer();
    french.subject = name("FR", None, "TEST signer");
    pki.lint("ds", &french).only("warning", &[]);
}

#[test]
fn the_sentence_shows_the_value_seen() {
    let pki = Pki::new();
    let detail = |rule: &str, change: fn(&mut CertificateSpec)| {
        let mut spec = pki.signer();
        change(&mut spec);
        pki.lint("ds", &spec).detail(rule).to_owned()
    };
    for (rule, change, words) in [
        (
            "lifetime",
            (|spec| spec.not_before = spec.not_after - 500 * DAY) as fn(&mut CertificateSpec),
            "valid 500 days, at most 457",
        ),
        (
            "key_usage",
            |spec| spec.extension(oid::KEY_USAGE).value = key_usage(0xc0),
            "the key usage is digitalSignature and nonRepudiation, critical; issue it with exactly digitalSignature",
        ),
        (
            "extended_key_usage",
            |spec| spec.extension(oid::EXTENDED_KEY_USAGE).critical = false,
            "mDL document signer (1.0.18013.5.1.2), not critical",
        ),
        (
            "country",
            |spec| spec.subject[0].tag = 0x0c,
            "the subject's country \"JP\" is a UTF8String",
        ),
        (
            "serial_number",
            |spec| spec.serial = vec![0x85, 1],
            "8501 is negative",
        ),
        (
            "authority_key_identifier",
            |spec| spec.extension(oid::AUTHORITY_KEY_IDENTIFIER).value = vec![0x30, 0],
            "has no keyIdentifier",
        ),
        (
            "malformed_extension",
            |spec| spec.extension(oid::ISSUER_ALT_NAME).value = vec![0x30, 0],
            "issuerAltName (2.5.29.18) (content 3000), which needs an e-mail address or a URI",
        ),
        (
            "state_match",
            |spec| {
                *spec = CertificateSpec {
                    subject: name("JP", Some("13"), "TEST"),
                    ..spec.clone()
                }
            },
            "is \"13\" and the root's absent",
        ),
    ] {
        let detail = detail(rule, change);
        assert!(detail.contains(words), "{rule}: {detail}");
    }
    let mut wrong = pki.signer();
    wrong.extension(oid::SUBJECT_KEY_IDENTIFIER).value = der(4, &[0xab; 20]);
    let found = pki.lint("ds", &wrong);
    let expected: String = mdoc::crypto::sha1(&pki.key.public_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let detail = found.detail("subject_key_identifier");
    assert!(
        detail.contains(&"ab".repeat(20)) && detail.contains(&expected),
        "{detail}"
    );
}

// --- Chains and anchors -------------------------------------------------------------------------------------

#[test]
fn a_chain_in_one_file_is_judged_from_its_leaf_up() {
    let pki = Pki::new();
    let (signer, root) = (pem(&pki.sign(&pki.signer())), pem(&pki.sign(&pki.root())));
    let chain = pki.write("chain.pem", format!("{signer}{root}"));
    let found = lint_json(&[&chain]);
    found.only("error", &[]);
    assert!(found.rules.is_empty(), "{:?}", found.rules);
    // The same as DER, one after the other.
    let der = pki.write(
        "chain.der",
        [pki.sign(&pki.signer()), pki.sign(&pki.root())].concat(),
    );
    lint_json(&[&der]).only("error", &[]);
    // Upside down: the leaf is the root.
    let turned = pki.write("turned.pem", format!("{root}{signer}"));
    let found = lint_json(&[&turned]);
    assert_eq!(found.status, Some(2));
    assert!(found.detail("chain_order").contains("CN=TEST IACA"));
    // One that cannot be read hides none of the others, and no link is made up over it.
    let mut old = pki.root();
    old.not_after = now() - DAY;
    let cut = pki.write("cut.pem", format!("{}{}", pem(&[0x30, 0]), pem(&pki.sign(&old))));
    lint_json(&[&cut]).only("error", &["malformed", "expired"]);
    let many = pki.write("many.pem", root.repeat(6));
    assert!(
        lint_json(&[&many])
            .rules
            .iter()
            .any(|(_, rule)| rule == "chain_too_long")
    );
    // A chain whose root is the anchor, and one whose root another anchor of its name is not.
    let anchor = pki.write("root.pem", &root);
    lint_json(&[&chain, "--anchor", &anchor]).only("error", &[]);
    let mut other = Pki::new();
    other.root_key = SigningKey::generate(Curve::P256, &mut ChaCha20Rng::seed_from_u64(2));
    let other_root = other.write("other.pem", pem(&other.sign(&other.root())));
    let stranger = pki.write("signer.pem", &signer);
    lint_json(&[&stranger, "--anchor", &other_root])
        .only("error", &["chain_key_identifier", "chain_signature"]);
}

#[test]
fn links_of_a_chain_are_told_by_their_rule() {
    let pki = Pki::new();
    let anchor = pki.write("root.pem", pem(&pki.sign(&pki.root())));
    let mut signed = pki.sign(&pki.signer());
    let last = signed.len() - 1;
    signed[last] ^= 1;
    let altered = pki.write("altered.der", &signed);
    lint_json(&[&altered, "--anchor", &anchor]).only("error", &["chain_signature"]);
    // Without its issuer the signature is not checked, which is said.
    let alone = lint_json(&[&altered]);
    alone.only("error", &[]);
    assert!(alone.detail("signature_not_checked").contains("TEST IACA"));

    let mut unnamed = pki.signer();
    unnamed.issuer = name("JP", None, "TEST another");
    let unnamed = pki.write("unnamed.der", pki.sign(&unnamed));
    lint_json(&[&unnamed, "--anchor", &anchor]).only("error", &["anchor_unknown"]);
    // The same letters in another string type are another name.
    let mut reencoded = pki.signer();
    reencoded.issuer.last_mut().unwrap().tag = 0x13;
    let reencoded = pki.write("reencoded.der", pki.sign(&reencoded));
    let found = lint_json(&[&reencoded, "--anchor", &anchor]);
    found.only("error", &["anchor_unknown"]);
    assert!(found.detail("anchor_unknown").contains("not the encodings"));

    let mut beyond = pki.signer();
    beyond.not_before = now() - 10 * DAY;
    let mut short = pki.root();
    short.not_after = now() + 290 * DAY;
    let short = pki.write("short.pem", pem(&pki.sign(&short)));
    let beyond = pki.write("beyond.der", pki.sign(&beyond));
    lint_json(&[&beyond, "--anchor", &short]).only("warning", &["validity_nesting"]);

    let mut self_made = pki.root();
    self_made.serial = vec![0x77; 16];
    let mut other_key = pki.sign(&self_made);
    let last = other_key.len() - 1;
    other_key[last] ^= 1;
    let other_key = pki.write("self.der", other_key);
    lint_json(&[&other_key]).only("error", &["self_signature"]);
}

#[test]
fn an_intermediate_is_refused_for_driving_licences_and_told_otherwise() {
    let pki = Pki::new();
    let middle_key = SigningKey::generate(Curve::P256, &mut ChaCha20Rng::seed_from_u64(3));
    let middle_name = name("JP", None, "TEST intermediate");
    let mut middle = CertificateSpec::root(
        &middle_key,
        middle_name.clone(),
        SERIAL.to_vec(),
        (now() - 300 * DAY, now() + 900 * DAY),
    );
    middle.issuer.clone_from(&pki.name);
    middle.extend(
        oid::AUTHORITY_KEY_IDENTIFIER,
        false,
        der(
            0x30,
            &der(0x80, &mdoc::crypto::sha1(&pki.root_key.public_bytes())),
        ),
    );
    let chain = |purpose: &str, length: Option<u8>| {
        let signer = CertificateSpec::document_signer(
            &pki.key,
            (&middle_name, &middle_key),
            name("JP", None, "TEST signer"),
            SERIAL.to_vec(),
            (now() - 30 * DAY, now() + 300 * DAY),
            purpose,
        );
        let mut root = pki.root();
        root.extension(oid::BASIC_CONSTRAINTS).value = authority(length);
        let parts = [signer.sign(&middle_key), pki.sign(&middle), pki.sign(&root)];
        let text: String = parts.iter().map(|der| pem(der)).collect();
        lint_json(&[&pki.write("chain.pem", text)])
    };
    chain(MDOC, Some(1)).only("warning", &["chain_length"]);
    chain(MDOC, Some(0)).only_of("error", &["path_length"]);
    chain(MDL, Some(1)).only_of("error", &["basic_constraints", "chain_length"]);
}

#[test]
fn the_scope_beside_an_anchor_is_held_against_the_signers_use() {
    let pki = Pki::new();
    let anchor = pki.write("root.pem", pem(&pki.sign(&pki.root())));
    let mut other = pki.signer();
    other.extension(oid::EXTENDED_KEY_USAGE).value = extended_key_usage(&[MDOC]);
    let (licence, other) = (
        pki.write("licence.der", pki.sign(&pki.signer())),
        pki.write("other.der", pki.sign(&other)),
    );
    let with_scope = |scope: &str, file: &str| {
        pki.write("root.toml", scope);
        lint_json(&[file, "--anchor", &anchor])
    };
    let licences = "doc_types = [\"org.iso.18013.5.1.mDL\"]\n";
    with_scope(licences, &other).only("error", &["anchor_scope"]);
    with_scope(licences, &licence).only("error", &[]);
    with_scope("doc_types = [\"org.iso.23220.1.jp.mnc\"]", &other).only("error", &[]);
    with_scope("doc_types = []", &licence).only("error", &["anchor_scope"]);
    pki.write("root.toml", "doc_types = 1");
    let run = lint(&[&licence, "--anchor", &anchor]);
    assert_eq!(run.status, Some(64), "{run:?}");
}

// --- CRLs ---------------------------------------------------------------------------------------------------

#[test]
fn a_crl_is_held_against_its_profile_its_dates_and_its_issuer() {
    let pki = Pki::new();
    let anchor = pki.write("root.pem", pem(&pki.sign(&pki.root())));
    let clean = || CrlSpec::new(pki.name.clone(), &pki.root_key, 1, now());
    let lint = |spec: &CrlSpec, anchored: bool| {
        let file = pki.write("list.crl", spec.sign(&pki.root_key));
        if anchored {
            lint_json(&[&file, "--anchor", &anchor])
        } else {
            lint_json(&[&file])
        }
    };
    assert!(lint(&clean(), true).only("error", &[]).rules.is_empty());
    let alone = lint(&clean(), false);
    alone.only("error", &[]);
    assert_eq!(
        alone.rules,
        [("info".to_owned(), "signature_not_checked".to_owned())]
    );
    type Change = fn(&mut CrlSpec);
    for (severity, rules, change) in [
        (
            "error",
            &["crl_next_update"][..],
            (|spec| spec.next_update = None) as Change,
        ),
        ("error", &["crl_number"], |spec| drop(spec.extensions.pop())),
        ("error", &["crl_authority_key_identifier"], |spec| {
            drop(spec.extensions.remove(0))
        }),
        ("warning", &["crl_update_interval"], |spec| {
            spec.next_update = Some(now() + 100 * DAY)
        }),
        ("warning", &["crl_empty_list"], |spec| spec.empty_list = true),
        ("error", &["crl_expired"], |spec| {
            spec.this_update -= 40 * DAY;
            spec.next_update = Some(now() - DAY);
        }),
        ("error", &["crl_not_yet_valid"], |spec| {
            spec.this_update = now() + DAY
        }),
        ("error", &["crl_issuer"], |spec| {
            spec.issuer = name("JP", None, "TEST another")
        }),
        ("error", &["crl_key_identifier"], |spec| {
            spec.extensions[0].value[6] ^= 1
        }),
        ("warning", &["crl_entry_date"], |spec| spec.revoke(&[7], now())),
    ] {
        let mut spec = clean();
        change(&mut spec);
        lint(&spec, true).only(severity, rules);
    }
    // Signed by another key than the anchor's.
    let file = pki.write("other.crl", clean().sign(&pki.key));
    lint_json(&[&file, "--anchor", &anchor]).only("error", &["crl_signature"]);
    // PEM, and a file that is told to be a CRL and is none.
    let text = format!(
        "-----BEGIN X509 CRL-----\n{}\n-----END X509 CRL-----\n",
        STANDARD.encode(clean().sign(&pki.root_key))
    );
    lint_json(&[&pki.write("list.pem", text), "--anchor", &anchor]).only("error", &[]);
    lint_json(&["--as", "crl", &pki.write("none", "30")]).only("error", &["malformed"]);
}

// --- Status tokens ------------------------------------------------------------------------------------------

#[test]
fn a_status_token_is_held_against_its_profile_its_dates_and_its_signer() {
    let pki = Pki::new();
    let anchor = pki.write("root.pem", pem(&pki.sign(&pki.root())));
    let chain = vec![pki.sign(&pki.role("status-signer"))];
    let clean = || {
        let list = List::Statuses {
            bits: 1,
            values: vec![0; 64],
        };
        TokenSpec::new("https://status.example/1", list, chain.clone(), now())
    };
    let lint = |token: &[u8]| lint_json(&[&pki.write("token", token), "--anchor", &anchor]);
    assert!(lint(&clean().cwt(&pki.key)).only("error", &[]).rules.is_empty());
    type Change = fn(&mut TokenSpec);
    for (severity, rules, change) in [
        (
            "warning",
            &["status_iso_profile"][..],
            (|spec| spec.protected_chain = false) as Change,
        ),
        ("warning", &["status_iso_profile"], |spec| spec.expires_at = None),
        ("warning", &["status_iso_profile"], |spec| spec.tag = None),
        ("warning", &["status_iso_profile"; 2], |spec| {
            spec.list = List::Statuses {
                bits: 2,
                values: vec![0; 64],
            };
            spec.expires_at = None;
        }),
        ("warning", &["status_subject"], |spec| {
            spec.uri = "urn:status:1".to_owned()
        }),
        ("error", &["status_expired"], |spec| {
            spec.expires_at = Some(now() - 1)
        }),
        ("error", &["status_not_yet_valid"], |spec| {
            spec.issued_at = now() + 60
        }),
        ("error", &["status_type"], |spec| spec.token_type = None),
        ("error", &["status_tag"], |spec| spec.tag = Some(61)),
        ("error", &["status_mac"], |spec| spec.tag = Some(17)),
        ("error", &["status_list"], |spec| {
            spec.compressed = Some(vec![0x78])
        }),
    ] {
        let mut spec = clean();
        change(&mut spec);
        println!("{rules:?}");
        lint(&spec.cwt(&pki.key)).only(severity, rules);
    }
    // Another key than the certificate's.
    lint(&clean().cwt(&pki.root_key)).only("error", &["status_signature"]);
    // A JWT is readable, but not of the second edition.
    let jwt = lint(clean().jwt(&pki.key).as_bytes());
    jwt.only("warning", &["status_iso_profile"]);
    // A signer that is no status signer, and one of another authority.
    let mut reader = clean();
    reader.chain = vec![pki.sign(&pki.role("reader"))];
    lint(&reader.cwt(&pki.key)).only("error", &["extended_key_usage"]);
    let mut stranger = pki.role("status-signer");
    stranger.issuer = name("JP", None, "TEST another");
    let mut token = clean();
    token.chain = vec![pki.sign(&stranger)];
    lint(&token.cwt(&pki.key)).only("error", &["anchor_unknown"]);
    lint_json(&["--as", "status", &pki.write("none", "hello")]).only("error", &["malformed"]);
}

// --- VICALs -------------------------------------------------------------------------------------------------

#[test]
fn published_vicals_are_listed_entry_by_entry() {
    let Some(folder) = vectors() else {
        println!("left out: MDOC_VECTORS is not set");
        return;
    };
    let file = |name: &str| folder.join("vical").join(name).to_str().unwrap().to_owned();
    for (list, anchor, count, skipped, at) in [
        (
            "aamva-vical-2025-11-18-1763491092481.cbor",
            "aamva_ca_intermediate.crt",
            14,
            None,
            "2025-11-18T20:00:00Z",
        ),
        (
            "austroads-vical-2024-12.cbor",
            "austroads_root-certificate.pem",
            40,
            Some(&[18, 20, 38][..]),
            "2024-12-20T00:00:00Z",
        ),
    ] {
        for anchored in [true, false] {
            let (list, anchor) = (file(list), file(anchor));
            let mut arguments = vec!["--json", "--at", at, &list];
            if anchored {
                arguments.extend(["--anchor", &anchor]);
            }
            let run = lint(&arguments);
            let json: Value = serde_json::from_str(&run.out).unwrap();
            let entries = json["entries"].as_array().unwrap();
            assert_eq!(entries.len(), count, "{list}");
            let indices: Vec<u64> = entries
                .iter()
                .map(|entry| entry["index"].as_u64().unwrap())
                .collect();
            assert!(indices.iter().copied().eq(0..count as u64));
            let errors: Vec<&Value> = json["findings"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|finding| finding["severity"] == "error")
                .collect();
            assert!(errors.is_empty(), "{list}: {errors:#?}");
            let left: Vec<u64> = entries
                .iter()
                .filter(|entry| entry["status"] == "skipped")
                .map(|entry| entry["index"].as_u64().unwrap())
                .collect();
            let told = |rule: &str, words: &str| {
                let findings = json["findings"].as_array().unwrap();
                findings.iter().any(|finding| {
                    finding["rule"].as_str().unwrap().starts_with(rule)
                        && finding["detail"].as_str().unwrap().contains(words)
                })
            };
            if count == 14 {
                // Hours of the afternoon from 1 to 12.
                let values = "it says 2024-01-11T06:20:55Z, the certificate 2024-01-11T18:20:55Z";
                assert!(told("vical_entry", values), "{json:#}");
            } else {
                assert!(told("hash_strength", "signed with SHA-256 on P-521"), "{json:#}");
                assert!(told("malformed_extension", "entry 20 "), "{json:#}");
            }
            // The judge's own word.
            let bytes = std::fs::read(&list).unwrap();
            let judged = mdoc::x509::Vical::decode(&bytes).unwrap().into_entries();
            let faulty = judged.iter().filter(|entry| entry.certificate.is_err());
            let faulty: Vec<u64> = faulty.map(|entry| entry.index as u64).collect();
            assert_eq!(left, faulty, "{list}: {entries:#?}");
            if let Some(skipped) = skipped {
                assert_eq!(left, skipped, "{list}");
            }
            for entry in entries {
                assert!(!entry["subject"].as_str().unwrap().is_empty());
                assert_eq!(
                    entry["status"] == "accepted",
                    entry["reason"].is_null(),
                    "{entry}"
                );
            }
        }
        // One bit of the signature: the list is refused, and its entries are listed all the same.
        let mut altered = std::fs::read(file(list)).unwrap();
        let last = altered.len() - 1;
        altered[last] ^= 1;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("altered.cbor");
        std::fs::write(&path, altered).unwrap();
        let run = lint(&["--json", "--at", at, path.to_str().unwrap()]);
        assert_eq!(run.status, Some(2));
        let json: Value = serde_json::from_str(&run.out).unwrap();
        assert_eq!(json["findings"][0]["rule"], "vical_signature");
        assert_eq!(json["entries"].as_array().unwrap().len(), count);
        // Years later.
        let run = lint(&["--json", "--at", "2029-11-18T20:00:00Z", &file(list)]);
        assert_eq!(run.status, Some(2), "{list}");
        // The wrong authority.
        let wrong = if anchor.starts_with("aamva") {
            "austroads_root-certificate.pem"
        } else {
            "aamva_ca_root.crt"
        };
        let run = lint(&["--json", "--at", at, &file(list), "--anchor", &file(wrong)]);
        assert!(
            run.status == Some(2)
                && run.out.contains("anchor_unknown")
                && run.out.contains("vical_authority")
        );
        // As text.
        let run = lint(&["--at", at, &file(list)]);
        assert!(run.out.contains(&format!("entry {}: ", count - 1)), "{}", run.out);
        assert!(run.out.contains(&format!("{count} entries, ")), "{}", run.out);
    }
}

#[test]
fn a_file_that_is_no_vical_lists_no_entry() {
    let pki = Pki::new();
    let found = lint_json(&["--as", "vical", &pki.write("none", [0x80])]);
    found.only("error", &["malformed"]);
    assert_eq!(found.json["entries"], serde_json::json!([]));
}

// --- The command --------------------------------------------------------------------------------------------

#[test]
fn the_json_has_these_keys_and_no_others() {
    let keys = |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let pki = Pki::new();
    let mut spec = pki.signer();
    spec.serial = vec![1];
    let found = pki.lint("ds", &spec);
    assert_eq!(keys(&found.json), ["findings", "entries"]);
    assert_eq!(
        keys(&found.json["findings"][0]),
        ["severity", "rule", "clause", "detail"]
    );
    assert_eq!(found.json["entries"], serde_json::json!([]));
    if let Some(folder) = vectors() {
        let list = folder.join("vical/austroads-vical-2024-12.cbor");
        let found = lint_json(&[list.to_str().unwrap()]);
        assert_eq!(
            keys(&found.json["entries"][0]),
            ["index", "subject", "status", "reason"]
        );
    }
}

#[test]
fn people_get_a_block_for_each_finding_and_a_summary() {
    let pki = Pki::new();
    let mut spec = pki.signer();
    spec.not_before = spec.not_after - 500 * DAY;
    spec.serial = vec![9];
    let file = pki.write("signer.der", pki.sign(&spec));
    let run = lint(&["--at", AT, &file]);
    assert_eq!(run.status, Some(2));
    assert!(
        run.out
            .starts_with("error: lifetime (B.1.1)\n    valid 500 days, at most 457"),
        "{}",
        run.out
    );
    assert!(
        run.out.contains("\n\nwarning: serial_entropy (B.1.1)\n    "),
        "{}",
        run.out
    );
    assert!(run.out.ends_with("\n\n1 error, 1 warning\n"), "{}", run.out);
    assert!(run.err.is_empty());
    // On standard input too.
    let mut child = Command::new(program("verifier-api"))
        .args(["lint", "--at", AT, "-"])
        .stdin(Stdio::from(std::fs::File::open(&file).unwrap()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
}

#[test]
fn what_cannot_be_read_or_recognised_exits_with_64() {
    let pki = Pki::new();
    let garbage = pki.write("garbage", "neither this nor that");
    let empty = pki.write("empty", "");
    let cut = pki.write("cut.der", [0x30, 0x82]);
    let key = pki.write(
        "key.pem",
        "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
    );
    for arguments in [
        &["no-such-file"][..],
        &["."],
        &[],
        &[&garbage],
        &[&empty],
        &[&cut],
        &[&key],
        &["--as", "letter", &garbage],
        &["--at", "soon", &garbage],
        &["--anchor", "no-such-file", "--as", "ds", &garbage],
        &["--purpose", "no-such-file.toml"],
        &["--purpose", "age-20", &garbage],
    ] {
        let run = lint(arguments);
        assert_eq!(run.status, Some(64), "{arguments:?} {run:?}");
        assert!(!run.err.is_empty() && run.out.is_empty(), "{run:?}");
    }
    // What is told is judged.
    for kind in ROLES.iter().chain(&["crl", "vical", "status"]) {
        lint_json(&["--as", kind, &garbage]).only("error", &["malformed"]);
        lint_json(&["--as", kind, &empty]).only("error", &["malformed"]);
    }
    let root = pki.write("root.pem", pem(&pki.sign(&pki.root())));
    lint_json(&["--as", "crl", &root]).only("error", &["malformed"]);
    let help = lint(&["--help"]);
    assert_eq!(help.status, Some(0));
    assert!(
        help.out
            .contains("verifier-api lint signer.pem --anchor iaca.pem")
    );
}

#[test]
fn a_private_key_beside_a_certificate_is_a_warning() {
    let pki = Pki::new();
    let text = format!(
        "{}-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
        pem(&pki.sign(&pki.root()))
    );
    lint_json(&[&pki.write("both.pem", text)]).only("warning", &["private_key"]);
    let cut = format!("{}-----BEGIN CERTIFICATE-----\nMAA", pem(&pki.sign(&pki.root())));
    lint_json(&[&pki.write("cut.pem", cut)]).only("error", &["malformed"]);
}

// --- Purposes -----------------------------------------------------------------------------------------------

#[test]
fn a_purpose_is_held_against_what_its_class_needs() {
    lint_json(&["--purpose", "age-20"]).only("warning", &[]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../relying-party/purposes");
    let lax = std::fs::read_to_string(folder.join("identity-basic.toml")).unwrap();
    let (asks, _) = lax.split_once("[revocation]").unwrap();
    let pki = Pki::new();
    let lint = |revocation: &str| {
        let text = format!("{asks}[revocation]\n{revocation}\n");
        lint_json(&["--purpose", &pki.write("purpose.toml", text)])
    };
    lint("status = \"if_present\"\ncrl = \"required\"\nmax_age = \"24h\"").only("warning", &[]);
    lint("crl = \"required\"").only("warning", &["purpose_max_age"]);
    lint("crl = \"if_available\"\nmax_age = \"24h\"").only("warning", &["purpose_crl"]);
    lint("crl = \"required\"\nstatus = \"off\"\nmax_age = \"24h\"").only("warning", &["purpose_status"]);
    lint("crl = 1").only("error", &["purpose_malformed"]);
}
