//! The reader's certificate as its operator sees it: requests that openssl verifies and signs, every rule of the profile,
//! and the key in a PKCS#11 token (SoftHSM), whose signatures a phone and openssl verify.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use holder::certificate::{CertificateSpec, extended_key_usage, name, oid, pem, private_key_pem};
use holder::keys::SigningKey;
use mdoc::crypto::Curve;
use rand_core::SeedableRng as _;
use serde_json::Value;
use tempfile::TempDir;
use verifier_tests::programs::program;

const DAY: i64 = 86_400;
const SUBJECT: &str = "CN=TEST counter,O=TEST Ltd,C=JP";

/// What openssl as the authority adds to a request.
const EXTENSIONS: &str = "[reader]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, 1.0.18013.5.1.6
crlDistributionPoints = URI:https://authority.example/list.crl
[root]
subjectKeyIdentifier = hash
keyUsage = critical, keyCertSign, cRLSign
basicConstraints = critical, CA:TRUE, pathlen:0
";

fn reader(arguments: &[&str]) -> Output {
    let command = Command::new(program("reader"))
        .arg("certificate")
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    command.unwrap()
}

/// The exit status and what was said.
fn said(output: &Output) -> (i32, String) {
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), words)
}

fn openssl(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .current_dir(folder)
        .args(arguments)
        .output();
    let output = output.expect("the openssl command is installed");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {words}");
    words + &String::from_utf8_lossy(&output.stdout)
}

/// A folder with an authority of openssl's.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        fs::write(desk.0.path().join("extensions"), EXTENSIONS).unwrap();
        desk.openssl(&[
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:P-384",
            "-pkeyopt",
            "ec_param_enc:named_curve",
            "-out",
            "ca.key",
        ]);
        let subject = "/C=JP/CN=TEST reader authority";
        desk.openssl(&[
            "req", "-new", "-key", "ca.key", "-subj", subject, "-out", "ca.csr",
        ]);
        desk.openssl(&[
            "x509",
            "-req",
            "-in",
            "ca.csr",
            "-signkey",
            "ca.key",
            "-extfile",
            "extensions",
            "-extensions",
            "root",
            "-days",
            "3000",
            "-out",
            "ca.pem",
        ]);
        desk
    }

    fn openssl(&self, arguments: &[&str]) -> String {
        openssl(self.0.path(), arguments)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// Has the authority sign a request.
    fn sign(&self, request: &str, days: &str, certificate: &str) {
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            request,
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-extfile",
            "extensions",
            "-extensions",
            "reader",
            "-days",
            days,
            "-set_serial",
            "0x4b1d0102030405060708",
            "-out",
            certificate,
        ]);
    }

    fn request(&self, more: &[&str]) -> Output {
        let (key, out) = (self.path("reader.key"), self.path("reader.csr"));
        let all = ["request", "--subject", SUBJECT, "--key", &key, "--out", &out];
        reader(&[&all[..], more].concat())
    }
}

fn json_of(arguments: &[&str]) -> (i32, Value) {
    let output = reader(&[&["check", "--json"], arguments].concat());
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code().unwrap(), report)
}

/// The rules that count.
fn rules(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap();
    for finding in findings {
        assert!(finding["detail"].as_str().unwrap().len() > 20, "{finding}");
        assert!(!finding["clause"].as_str().unwrap().is_empty());
    }
    let counts = findings.iter().filter(|finding| finding["severity"] != "info");
    counts.map(|finding| finding["rule"].as_str().unwrap()).collect()
}

#[test]
fn openssl_verifies_and_signs_what_is_asked_for() {
    for (curve, shown) in [
        ("P-256", "prime256v1"),
        ("P-384", "secp384r1"),
        ("Ed25519", "ED25519 Public-Key"),
    ] {
        let desk = Desk::new();
        let output = desk.request(&["--curve", curve]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let mode = fs::metadata(desk.path("reader.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = desk.openssl(&["req", "-in", "reader.csr", "-verify", "-noout", "-text"]);
        assert!(text.contains("verify OK") && text.contains(shown), "{text}");
        assert!(
            text.contains("Subject: C = JP, O = TEST Ltd, CN = TEST counter"),
            "{text}"
        );
        let (_, extensions) = text.split_once("Requested Extensions:").unwrap();
        let lines: Vec<&str> = extensions.lines().map(str::trim).collect();
        let place = |line: &str| lines.iter().position(|found| *found == line).unwrap();
        assert_eq!(
            lines[place("X509v3 Key Usage: critical") + 1],
            "Digital Signature"
        );
        assert_eq!(
            lines[place("X509v3 Extended Key Usage: critical") + 1],
            "1.0.18013.5.1.6"
        );
        desk.sign("reader.csr", "400", "reader.pem");
        let (certificate, key, ca) = (
            desk.path("reader.pem"),
            desk.path("reader.key"),
            desk.path("ca.pem"),
        );
        let (status, report) = json_of(&["--cert", &certificate, "--key", &key, "--anchor", &ca]);
        assert_eq!((status, rules(&report).len()), (0, 0), "{report:#}");
        assert_eq!(report["common_name"], "TEST counter");
        let text = reader(&["check", "--cert", &certificate]);
        assert!(
            String::from_utf8_lossy(&text.stdout).ends_with("0 errors, 0 warnings\n"),
            "{text:?}"
        );
        // A byte of what was signed.
        let mut request = fs::read(desk.path("reader.csr")).unwrap();
        request[60] ^= 1;
        fs::write(desk.path("other.csr"), request).unwrap();
        let refused = Command::new("openssl")
            .current_dir(desk.0.path())
            .args(["req", "-in", "other.csr", "-verify", "-noout"])
            .output()
            .unwrap();
        assert!(!String::from_utf8_lossy(&refused.stderr).contains("verify OK"));
    }
}

#[test]
fn nothing_is_written_over_and_a_wrong_wish_makes_nothing() {
    let desk = Desk::new();
    assert_eq!(desk.request(&[]).status.code(), Some(0), "the untouched twin");
    let (key, request) = (
        fs::read(desk.path("reader.key")).unwrap(),
        fs::read(desk.path("reader.csr")).unwrap(),
    );
    // The request is there.
    let (status, words) = said(&desk.request(&[]));
    assert_eq!(status, 64);
    assert!(
        words.contains("reader.csr: is there already and is not written over"),
        "{words}"
    );
    assert_eq!(fs::read(desk.path("reader.csr")).unwrap(), request);
    // The key is there, and used again for the same request.
    fs::remove_file(desk.path("reader.csr")).unwrap();
    let (status, words) = said(&desk.request(&["--curve", "P-384"]));
    assert_eq!(status, 0, "{words}");
    assert!(words.contains("is used as it is"), "{words}");
    assert_eq!(fs::read(desk.path("reader.key")).unwrap(), key);
    assert_eq!(fs::read(desk.path("reader.csr")).unwrap(), request);
    // A key that others may read is warned of.
    fs::set_permissions(desk.path("reader.key"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::remove_file(desk.path("reader.csr")).unwrap();
    let (status, words) = said(&desk.request(&[]));
    assert!(
        status == 0 && words.contains("others may read the key"),
        "{words}"
    );

    let (fresh, out, junk) = (desk.path("fresh.key"), desk.path("fresh.csr"), desk.path("junk"));
    fs::write(&junk, "no key").unwrap();
    let nowhere = desk.path("nowhere/key");
    let uri = "pkcs11:object=r?module-path=m";
    for (arguments, words) in [
        (
            ["--subject", "TEST", "--key", &fresh, "--out", &out],
            "--subject: the subject is no name",
        ),
        (
            ["--subject", "CN=TEST", "--key", &fresh, "--out", &out],
            "exactly one country",
        ),
        (
            ["--subject", "C=JP", "--key", &fresh, "--out", &out],
            "exactly one common name",
        ),
        (
            ["--subject", SUBJECT, "--key", &junk, "--out", &out],
            "not an unencrypted private key in PKCS#8",
        ),
        (
            ["--subject", SUBJECT, "--key", &nowhere, "--out", &out],
            "nowhere/key",
        ),
        (
            ["--subject", SUBJECT, "--pkcs11", "pkcs11:object=r", "--out", &out],
            "does not name the module",
        ),
        (
            [
                "--subject",
                SUBJECT,
                "--pkcs11",
                "pkcs11:object=r?pin-value=98761",
                "--out",
                &out,
            ],
            "has pin-value",
        ),
        (
            ["--subject", SUBJECT, "--pin-env", "PIN", "--out", &out],
            "--pkcs11 <URI>",
        ),
    ] {
        let (status, found) = said(&reader(&[&["request"], &arguments[..]].concat()));
        assert_eq!(status, 64, "{arguments:?}: {found}");
        assert!(
            found.contains(words) && !found.contains("98761"),
            "{arguments:?}: {found}"
        );
        assert!(
            !Path::new(&fresh).exists() && !Path::new(&out).exists(),
            "{arguments:?}"
        );
    }
    let both = [
        "request",
        "--subject",
        SUBJECT,
        "--out",
        &out,
        "--key",
        &fresh,
        "--pkcs11",
        uri,
    ];
    assert!(said(&reader(&both)).1.contains("cannot be used with"));
    let neither = ["request", "--subject", SUBJECT, "--out", &out];
    assert!(
        said(&reader(&neither))
            .1
            .contains("<--key <FILE>|--pkcs11 <URI>>")
    );
}

/// An authority of the test issuer, and certificates under it that break one rule each.
struct Issuer {
    folder: TempDir,
    root_key: SigningKey,
    key: SigningKey,
    now: i64,
}

impl Issuer {
    fn new() -> Self {
        let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(5);
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        Self {
            folder: tempfile::tempdir().unwrap(),
            root_key: SigningKey::generate(Curve::P256, &mut random),
            key: SigningKey::generate(Curve::P256, &mut random),
            now: i64::try_from(now.as_secs()).unwrap(),
        }
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn window(&self) -> (i64, i64) {
        (self.now - DAY, self.now + 300 * DAY)
    }

    fn root(&self) -> Vec<u8> {
        let root = name("JP", None, "TEST reader authority");
        CertificateSpec::root(&self.root_key, root, vec![1; 9], self.window()).sign(&self.root_key)
    }

    fn certificate(&self, window: (i64, i64), change: impl FnOnce(&mut CertificateSpec)) -> Vec<u8> {
        let root = name("JP", None, "TEST reader authority");
        let own = name("JP", None, "TEST reader");
        let mut spec = CertificateSpec::reader(&self.key, (&root, &self.root_key), own, vec![2; 9], window);
        change(&mut spec);
        spec.sign(&self.root_key)
    }

    fn checked(&self, certificate: &[u8], more: &[&str]) -> (i32, Value) {
        let file = self.file("certificate.pem", &pem(certificate));
        json_of(&[&["--cert", &file], more].concat())
    }
}

#[test]
fn every_rule_of_the_profile_has_its_name() {
    let issuer = Issuer::new();
    let (status, twin) = issuer.checked(&issuer.certificate(issuer.window(), |_| ()), &[]);
    assert_eq!(twin["findings"][0]["rule"], "signature_not_checked");
    assert_eq!(
        (status, rules(&twin).len()),
        (0, 0),
        "the untouched twin: {twin:#}"
    );
    type Change = fn(&mut CertificateSpec);
    for (rule, change) in [
        (
            "extended_key_usage",
            (|spec| spec.remove(oid::EXTENDED_KEY_USAGE)) as Change,
        ),
        ("extended_key_usage", |spec| {
            spec.extension(oid::EXTENDED_KEY_USAGE).critical = false
        }),
        ("extended_key_usage", |spec| {
            spec.extension(oid::EXTENDED_KEY_USAGE).value = extended_key_usage(&["1.0.18013.5.1.2"]);
        }),
        ("extended_key_usage", |spec| {
            let both = ["1.0.18013.5.1.6", "1.3.6.1.5.5.7.3.2"];
            spec.extension(oid::EXTENDED_KEY_USAGE).value = extended_key_usage(&both);
        }),
        ("key_usage", |spec| {
            spec.extension(oid::KEY_USAGE).critical = false
        }),
        ("key_usage", |spec| spec.remove(oid::KEY_USAGE)),
        ("crl_distribution_point", |spec| {
            spec.remove(oid::CRL_DISTRIBUTION_POINTS)
        }),
        ("authority_key_identifier", |spec| {
            spec.remove(oid::AUTHORITY_KEY_IDENTIFIER)
        }),
        ("subject_key_identifier", |spec| {
            spec.remove(oid::SUBJECT_KEY_IDENTIFIER)
        }),
        ("unknown_critical_extension", |spec| {
            spec.extend("1.2.3.4", true, vec![5, 0])
        }),
        ("serial_number", |spec| spec.serial = vec![0]),
        ("country", |spec| spec.subject = name("jp", None, "TEST reader")),
        ("malformed_extension", |spec| {
            spec.extension(oid::KEY_USAGE).value = vec![5, 0]
        }),
    ] {
        let (status, report) = issuer.checked(&issuer.certificate(issuer.window(), change), &[]);
        assert_eq!(status, 2, "{rule}");
        assert!(rules(&report).contains(&rule), "{rule}: {report:#}");
    }
}

#[test]
fn the_days_that_are_left_are_told_in_three_steps() {
    let issuer = Issuer::new();
    let now = issuer.now;
    let hour = DAY / 24;
    for (end, status, expected) in [
        (31 * DAY, 0, &[][..]),
        (30 * DAY - hour, 1, &["expires_30_days"]),
        (8 * DAY, 1, &["expires_30_days"]),
        (7 * DAY - hour, 1, &["expires_7_days"]),
        (2 * DAY, 1, &["expires_7_days"]),
        (DAY - hour, 1, &["expires_1_day"]),
        (-hour, 2, &["expired"]),
    ] {
        let certificate = issuer.certificate((now - 40 * DAY, now + end), |_| ());
        let (found, report) = issuer.checked(&certificate, &[]);
        assert_eq!(
            (found, rules(&report)),
            (status, expected.to_vec()),
            "{end}: {report:#}"
        );
    }
    let begins_later = issuer.certificate((now + hour, now + 300 * DAY), |_| ());
    let (status, report) = issuer.checked(&begins_later, &[]);
    assert_eq!((status, rules(&report)), (2, vec!["not_yet_valid"]));
    for (days, status) in [(1187, 0), (1188, 2)] {
        let long = issuer.certificate((now - DAY, now - DAY + days * DAY), |_| ());
        let (found, report) = issuer.checked(&long, &[]);
        let expected = if status == 2 { vec!["lifetime"] } else { vec![] };
        assert_eq!((found, rules(&report)), (status, expected), "{days}");
    }
    // The reader says it too, before it asks a phone.
    let certificate = issuer.certificate((now - 40 * DAY, now + 5 * DAY), |_| ());
    let (certificate, key) = (
        issuer.file("c.pem", &pem(&certificate)),
        issuer.file("k.pem", &private_key_pem(&issuer.key)),
    );
    let output = Command::new(program("reader"))
        .args([
            "read",
            "--purpose",
            "age-20",
            "--connect",
            "tcp://127.0.0.1:9",
            "--connect-timeout",
            "0",
        ])
        .args(["--reader-cert", &certificate, "--reader-key", &key])
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        words.contains("warning: the reader's certificate: expires on"),
        "{words}"
    );
}

#[test]
fn chains_keys_and_files_that_do_not_fit_are_told_apart() {
    let issuer = Issuer::new();
    let good = issuer.certificate(issuer.window(), |_| ());
    let (own, root) = (pem(&good), pem(&issuer.root()));
    let ca = issuer.file("ca.pem", &root);
    let key = issuer.file("own.key", &private_key_pem(&issuer.key));
    let other_key = issuer.file("other.key", &private_key_pem(&issuer.root_key));
    for file in [&key, &other_key] {
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let readable = issuer.file("readable.key", &private_key_pem(&issuer.key));
    fs::set_permissions(&readable, fs::Permissions::from_mode(0o640)).unwrap();
    let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(6);
    let stranger_key = SigningKey::generate(Curve::P256, &mut random);
    let stranger_name = name("JP", None, "TEST reader authority");
    let stranger =
        CertificateSpec::root(&stranger_key, stranger_name, vec![1; 9], issuer.window()).sign(&stranger_key);
    let stranger = pem(&stranger);
    let stranger_file = issuer.file("stranger.pem", &stranger);
    let self_issued = issuer.certificate(issuer.window(), |spec| spec.subject = spec.issuer.clone());
    let altered = {
        let mut altered = good.clone();
        let last = altered.len() - 1;
        altered[last] ^= 1;
        pem(&altered)
    };
    let with_key = own.clone() + &private_key_pem(&issuer.key);
    let root_file = ["--anchor", &ca];
    for (content, more, status, expected) in [
        (&own, &["--key", &key, "--anchor", &ca][..], 0, &[][..]),
        (&own, &["--key", &other_key], 2, &["key_match"]),
        (&own, &["--key", &readable], 1, &["key_permissions"]),
        (&with_key, &[], 1, &["private_key"]),
        (&own, &["--anchor", &stranger_file], 2, &["anchor_unknown"]),
        (&altered, &root_file, 2, &["anchor_unknown"]),
        (&(own.clone() + &root), &root_file, 1, &["root_in_chain"]),
        (
            &(own.clone() + &stranger),
            &[],
            2,
            &["chain_key_identifier", "chain_signature", "root_in_chain"],
        ),
        (&pem(&self_issued), &[], 1, &["self_issued"]),
        (&own.repeat(6), &[], 2, &["chain_too_long"]),
        (&pem(b"junk"), &[], 2, &["malformed"]),
        (&"junk".to_owned(), &[], 2, &["malformed"]),
    ] {
        let file = issuer.file("checked.pem", content);
        let (found, report) = json_of(&[&["--cert", &file], more].concat());
        assert_eq!(found, status, "{expected:?}: {report:#}");
        for rule in expected {
            assert!(rules(&report).contains(rule), "{rule}: {report:#}");
        }
        assert!(!expected.is_empty() || rules(&report).is_empty(), "{report:#}");
    }
    for (arguments, words) in [
        (
            &["check", "--cert", "/nonexistent"][..],
            "cannot read /nonexistent",
        ),
        (
            &["check", "--cert", &ca, "--key", "/nonexistent"],
            "cannot read /nonexistent",
        ),
        (
            &["check", "--cert", &ca, "--anchor", "/nonexistent"],
            "cannot read /nonexistent",
        ),
        (
            &["check", "--cert", &ca, "--key", &ca],
            "not an unencrypted private key",
        ),
        (&["check"], "--cert <FILE>"),
    ] {
        let (status, found) = said(&reader(arguments));
        assert_eq!(status, 64, "{arguments:?}");
        assert!(found.contains(words), "{arguments:?}: {found}");
    }
}
