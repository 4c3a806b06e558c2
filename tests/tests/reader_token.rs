//! The reader's key in a PKCS#11 token (SoftHSM): the phone and openssl verify what it signs, and each thing that can be
//! wrong with a token has its sentence.

#![expect(clippy::print_stdout, reason = "a test that is left out says so")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ciborium::Value as Cbor;
use holder::certificate::{CertificateSpec, name, pem};
use holder::keys::SigningKey;
use mdoc::crypto::Curve;
use rand_core::SeedableRng as _;
use serde_json::Value;
use tempfile::TempDir;
use verifier_tests::programs::{Phone, program};

const PIN: &str = "428571";
const DAY: i64 = 86_400;

/// A token of its own, with a PIN file beside it. The PIN protects nothing.
struct Token {
    folder: TempDir,
    module: PathBuf,
}

impl Token {
    /// None where SoftHSM is not installed; in CI it has to be.
    fn new() -> Option<Self> {
        let module = [
            "/usr/lib/softhsm/libsofthsm2.so",
            "/usr/lib64/pkcs11/libsofthsm2.so",
            "/usr/lib/pkcs11/libsofthsm2.so",
            "/opt/homebrew/lib/softhsm/libsofthsm2.so",
        ];
        let Some(module) = module.into_iter().map(PathBuf::from).find(|path| path.exists()) else {
            assert_ne!(
                std::env::var("CI").as_deref(),
                Ok("true"),
                "SoftHSM is not installed"
            );
            println!("left out: SoftHSM is not installed");
            return None;
        };
        let token = Self {
            folder: tempfile::tempdir().unwrap(),
            module,
        };
        fs::create_dir(token.at("tokens")).unwrap();
        let configuration = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            token.at("tokens").display()
        );
        fs::write(token.at("softhsm2.conf"), configuration).unwrap();
        token.pin_file("pin", &format!("{PIN}\n"));
        token.add("counter");
        Some(token)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn path(&self, name: &str) -> String {
        self.at(name).to_str().unwrap().to_owned()
    }

    fn pin_file(&self, name: &str, content: &str) {
        fs::write(self.at(name), content).unwrap();
        fs::set_permissions(self.at(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// One more token.
    fn add(&self, label: &str) {
        let arguments = [
            "--init-token",
            "--free",
            "--label",
            label,
            "--pin",
            PIN,
            "--so-pin",
            "87654321",
        ];
        let output = self
            .command(Path::new("softhsm2-util"))
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("SOFTHSM2_CONF", self.at("softhsm2.conf"))
            .stdin(Stdio::null());
        command
    }

    fn uri(&self, path: &str, pin: &str) -> String {
        format!("pkcs11:{path}?module-path={}{pin}", self.module.display())
    }

    /// The key of the reader, by its label.
    fn own(&self) -> String {
        self.uri(
            "token=counter;object=reader",
            &format!("&pin-source=file:{}", self.path("pin")),
        )
    }

    fn reader(&self, arguments: &[&str]) -> Output {
        self.command(program("reader")).args(arguments).output().unwrap()
    }

    /// Has the token make a key (or use the one of this URI) and sign a request.
    fn request(&self, uri: &str, out: &str, more: &[&str]) -> Output {
        let all = [
            "certificate",
            "request",
            "--subject",
            "CN=TEST counter,C=JP",
            "--pkcs11",
            uri,
            "--out",
            out,
        ];
        self.reader(&[&all[..], more].concat())
    }

    /// The public key of a request, as openssl verifies it.
    fn public_key(&self, request: &str, public: &str) -> Vec<u8> {
        let verified = openssl(&[
            "req", "-in", request, "-verify", "-noout", "-pubkey", "-out", public,
        ]);
        assert!(
            String::from_utf8_lossy(&verified.stderr).contains("verify OK"),
            "{verified:?}"
        );
        let der = openssl(&["pkey", "-pubin", "-in", public, "-outform", "DER"]).stdout;
        assert!(der.len() > 80, "a public key");
        der
    }

    /// A certificate for the key in the token from the authority of readers in `pki`.
    fn certificate(&self, pki: &Path) -> String {
        let request = self.path("reader.csr");
        let output = self.request(&self.own(), &request, &[]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let (certificate, ca) = (self.path("reader.pem"), pki.join("reader"));
        issue(
            &ca,
            self.public_key(&request, &self.path("reader.pub")),
            &certificate,
        );
        certificate
    }
}

fn openssl(arguments: &[&str]) -> Output {
    let output = Command::new("openssl").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    output
}

/// Writes an authority of readers that the phone trusts, and the certificate that it issues for this key.
fn issue(ca: &Path, public_key_info: Vec<u8>, certificate: &str) {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(11);
    let key = SigningKey::generate(Curve::P256, &mut random);
    let root = name("JP", None, "TEST reader authority");
    let window = (now - DAY, now + 300 * DAY);
    fs::create_dir_all(ca).unwrap();
    let root_certificate = CertificateSpec::root(&key, root.clone(), vec![1; 9], window).sign(&key);
    fs::write(ca.join("ca.pem"), pem(&root_certificate)).unwrap();
    let own = name("JP", None, "TEST counter with a token");
    let mut spec = CertificateSpec::reader(&key, (&root, &key), own, vec![2; 9], window);
    // The subject key identifier is the hash of the key's bits, which end the structure.
    let bits = public_key_info.iter().position(|byte| *byte == 0x04).map(|_| {
        let points = [65, 97, 133].into_iter().find(|length| {
            public_key_info.len() > *length && public_key_info[public_key_info.len() - length] == 4
        });
        public_key_info[public_key_info.len() - points.unwrap()..].to_vec()
    });
    let identifier = mdoc::crypto::sha1(&bits.unwrap());
    spec.extension(holder::certificate::oid::SUBJECT_KEY_IDENTIFIER)
        .value = [&[0x04, 20][..], &identifier].concat();
    spec.public_key_info = public_key_info;
    fs::write(certificate, pem(&spec.sign(&key))).unwrap();
}

/// The phone of a test issuer, and what it says on standard error.
fn present(
    pki: &Path,
) -> (
    std::process::Child,
    String,
    std::io::BufReader<std::process::ChildStdout>,
) {
    use std::io::BufRead as _;
    let mut child = Command::new(program("holder"))
        .args([
            "present",
            "--listen",
            "127.0.0.1:0",
            "--require-reader-auth",
            "--pki",
        ])
        .arg(pki)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    (
        child,
        format!("tcp://{}", line["listening"].as_str().unwrap()),
        out,
    )
}

#[test]
fn a_phone_knows_the_reader_whose_key_is_in_a_token() {
    let Some(token) = Token::new() else { return };
    let pki = tempfile::tempdir().unwrap();
    drop(Phone::start(pki.path(), &[]));
    let certificate = token.certificate(pki.path());
    let (mut phone, address, _out) = present(pki.path());
    let trust = pki.path().join("trust");
    let output = token.reader(&[
        "read",
        "--purpose",
        "age-20",
        "--connect",
        &address,
        "--trust",
        trust.to_str().unwrap(),
        "--reader-cert",
        &certificate,
        "--pkcs11",
        &token.own(),
    ]);
    let mut words = String::new();
    phone.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    let _ = phone.kill();
    let _ = phone.wait();
    assert_eq!(output.status.code(), Some(0), "{output:?} {words}");
    assert!(
        words.contains("the reader is TEST counter with a token"),
        "{words}"
    );
    // The certificate and the key go together, and nothing else is wrong.
    let anchor = pki.path().join("reader/ca.pem");
    let checked = token.reader(&[
        "certificate",
        "check",
        "--json",
        "--cert",
        &certificate,
        "--pkcs11",
        &token.own(),
        "--anchor",
        anchor.to_str().unwrap(),
    ]);
    let report: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(
        (checked.status.code(), &report["findings"]),
        (Some(0), &Value::Array(vec![])),
        "{report:#}"
    );
    // Nothing of the PIN is said, also not at trace level.
    let told = token
        .command(program("reader"))
        .env("RUST_LOG", "trace")
        .args([
            "certificate",
            "check",
            "--cert",
            &certificate,
            "--pkcs11",
            &token.own(),
        ])
        .output()
        .unwrap();
    let all = [told.stdout, told.stderr, output.stderr].concat();
    assert!(!String::from_utf8_lossy(&all).contains(PIN));
}

/// Takes a request as a phone does: what is asked, and the transcript of the session.
fn asked(token: &Token, certificate: &str) -> (Vec<u8>, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let phone = std::thread::spawn(move || {
        let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(9);
        let engaged = holder::phone::Engaged::new(Curve::P256, &mut random).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let uri = engaged.uri();
        let length = u32::try_from(uri.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length[..], uri.as_bytes()].concat()).unwrap();
        let establishment = frame(&mut stream);
        let (session, request) = engaged.establish(&establishment).unwrap();
        (request, session.session_transcript)
    });
    // The phone leaves; the request is all that is wanted.
    let output = token.reader(&[
        "read",
        "--purpose",
        "age-20",
        "--connect",
        &address,
        "--reader-cert",
        certificate,
        "--pkcs11",
        &token.own(),
    ]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    phone.join().unwrap()
}

fn frame(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut message = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
    stream.read_exact(&mut message).unwrap();
    message
}

fn encoded(value: &Cbor) -> Vec<u8> {
    let mut out = Vec::new();
    ciborium::into_writer(value, &mut out).unwrap();
    out
}

fn member<'v>(map: &'v Cbor, key: &str) -> &'v Cbor {
    let mut pairs = map.as_map().unwrap().iter();
    pairs
        .find(|(name, _)| name.as_text() == Some(key))
        .map(|(_, value)| value)
        .unwrap()
}

/// `SEQUENCE { r INTEGER, s INTEGER }`, as openssl reads signatures.
fn der_signature(raw: &[u8]) -> Vec<u8> {
    let integer = |half: &[u8]| {
        let start = half.iter().position(|byte| *byte != 0).unwrap();
        let mut value = half[start..].to_vec();
        if value[0] >= 0x80 {
            value.insert(0, 0);
        }
        [&[0x02, u8::try_from(value.len()).unwrap()][..], &value].concat()
    };
    let (r, s) = raw.split_at(raw.len() / 2);
    let body = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(body.len()).unwrap()][..], &body].concat()
}

#[test]
fn openssl_verifies_the_reader_authentication_that_a_token_signed() {
    let Some(token) = Token::new() else { return };
    let pki = tempfile::tempdir().unwrap();
    let certificate = token.certificate(pki.path());
    let (request, transcript) = asked(&token, &certificate);
    let request: Cbor = ciborium::from_reader(request.as_slice()).unwrap();
    let document = &member(&request, "docRequests").as_array().unwrap()[0];
    let authentication = member(document, "readerAuth").as_array().unwrap();
    let protected = authentication[0].as_bytes().unwrap();
    assert_eq!(protected.as_slice(), [0xa1, 0x01, 0x26], "ES256");
    let signature = authentication[3].as_bytes().unwrap();
    assert_eq!(signature.len(), 64);
    let structure = |transcript: &[u8]| {
        let inner = [
            &[0x83][..],
            &encoded(&Cbor::Text("ReaderAuthentication".to_owned())),
            transcript,
            &encoded(member(document, "itemsRequest")),
        ]
        .concat();
        let payload = encoded(&Cbor::Tag(24, Box::new(Cbor::Bytes(inner))));
        encoded(&Cbor::Array(vec![
            Cbor::Text("Signature1".to_owned()),
            Cbor::Bytes(protected.clone()),
            Cbor::Bytes(vec![]),
            Cbor::Bytes(payload),
        ]))
    };
    fs::write(token.at("signature"), der_signature(signature)).unwrap();
    let mut other = transcript.clone();
    let last = other.len() - 1;
    other[last] ^= 1;
    for (transcript, holds) in [(&transcript, true), (&other, false)] {
        fs::write(token.at("signed"), structure(transcript)).unwrap();
        let (public, signature) = (token.path("reader.pub"), token.path("signature"));
        let output = Command::new("openssl")
            .args([
                "dgst",
                "-sha256",
                "-verify",
                &public,
                "-signature",
                &signature,
                &token.path("signed"),
            ])
            .output()
            .unwrap();
        assert_eq!(output.status.success(), holds, "{output:?}");
    }
}

#[test]
fn keys_are_made_in_the_token_and_found_again() {
    let Some(token) = Token::new() else { return };
    let (one, again) = (token.path("one.csr"), token.path("again.csr"));
    let made = token.request(&token.own(), &one, &["--curve", "P-384"]);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    assert!(String::from_utf8_lossy(&made.stderr).contains("made a new key in the token"));
    // The curve is that of the key that is there.
    let found = token.request(&token.own(), &again, &["--curve", "P-256"]);
    assert!(
        String::from_utf8_lossy(&found.stderr).contains("is used as it is"),
        "{found:?}"
    );
    let keys = [&one, &again].map(|request| token.public_key(request, &token.path("public")));
    assert_eq!(keys[0], keys[1]);
    // PIN from the environment; a key by its identifier.
    let output = token
        .command(program("reader"))
        .env("COUNTER_PIN", PIN)
        .args([
            "certificate",
            "request",
            "--subject",
            "CN=TEST,C=JP",
            "--out",
            "-",
            "--pin-env",
            "COUNTER_PIN",
        ])
        .args(["--pkcs11", &token.uri("token=counter;id=%01%02", "")])
        .output()
        .unwrap();
    assert!(
        output.stdout.starts_with(b"-----BEGIN CERTIFICATE REQUEST-----"),
        "{output:?}"
    );
    let ed25519 = token.uri(
        "token=counter;object=other",
        &format!("&pin-source={}", token.path("pin")),
    );
    let refused = token.request(&ed25519, &token.path("ed.csr"), &["--curve", "Ed25519"]);
    assert_eq!(refused.status.code(), Some(64));
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        words.contains("a key on Ed25519 is not signed with in a token"),
        "{words}"
    );
}

#[test]
fn each_thing_that_is_wrong_with_a_token_has_its_sentence() {
    let Some(token) = Token::new() else { return };
    let pki = tempfile::tempdir().unwrap();
    let certificate = token.certificate(pki.path());
    let pin = format!("&pin-source=file:{}", token.path("pin"));
    // A second key of the label, a third of another, a token beside, one that is twice there.
    for path in [
        "token=counter;object=twin;id=%01",
        "token=counter;object=twin;id=%02",
        "token=counter;object=other",
    ] {
        let out = token.path("made.csr");
        let made = token.request(&token.uri(path, &pin), &out, &[]);
        assert_eq!(made.status.code(), Some(0), "{made:?}");
        fs::remove_file(out).unwrap();
    }
    token.add("pair");
    token.add("pair");
    token.pin_file("wrong", "111111");
    token.pin_file("two-lines", "1\n2\n");
    token.pin_file("empty", "");
    token.pin_file("long", &"1".repeat(600));
    token.pin_file("binary", "");
    fs::write(token.at("binary"), [0xff, 0xfe]).unwrap();
    let from = |name: &str| {
        token.uri(
            "token=counter;object=reader",
            &format!("&pin-source=file:{}", token.path(name)),
        )
    };
    let check = |uri: &str| {
        let output = token.reader(&["certificate", "check", "--cert", &certificate, "--pkcs11", uri]);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap(), words)
    };
    assert_eq!(check(&token.own()), (0, String::new()), "the untouched twin");
    for (uri, words) in [
        (
            token.uri("token=nowhere;object=reader", &pin),
            "the token that the URI names is not there; there are",
        ),
        (
            token.uri("token=counter;serial=0;object=reader", &pin),
            "the token that the URI names is not there",
        ),
        (
            token.uri("slot-id=1;object=reader", &pin),
            "the token that the URI names is not there",
        ),
        (
            token.uri("token=pair;object=reader", &pin),
            "the URI fits 2 tokens; add serial=",
        ),
        (
            token.uri("token=counter;object=nothing", &pin),
            "has no private key that the URI names; it has",
        ),
        (
            token.uri("token=counter;object=twin", &pin),
            "the URI fits 2 private keys of the token; add id=",
        ),
        (
            token.uri("token=counter;object=reader", ""),
            "the token asks for a PIN and none is given",
        ),
        (
            from("wrong"),
            "refuses the PIN, which is not tried again; it says that tries have been spent",
        ),
        (from("absent"), "the PIN cannot be read from"),
        (from("two-lines"), "one line with the PIN is asked for"),
        (from("empty"), "one line with the PIN is asked for"),
        (from("long"), "more than 512 bytes"),
        (from("binary"), "no text in UTF-8"),
        (
            "pkcs11:object=r?module-path=/nonexistent/module.so".to_owned(),
            "module.so cannot be used",
        ),
        (
            format!("pkcs11:object=r?module-path={}", token.path("pin")),
            "pin cannot be used",
        ),
        ("pkcs11:object=r".to_owned(), "does not name the module"),
        (
            token.own() + "&pin-value=428571",
            "pin-value, which every user of this machine could read",
        ),
    ] {
        let (status, found) = check(&uri);
        assert_eq!(status, 64, "{uri}: {found}");
        assert!(found.contains(words), "{uri}: {found}");
        assert!(
            !found.contains(PIN) && !found.contains("111111"),
            "{uri}: {found}"
        );
    }
    // The key of another certificate is a finding of the check, and keeps the reader from starting.
    let other = token.uri("token=counter;object=other", &pin);
    let output = token.reader(&[
        "certificate",
        "check",
        "--json",
        "--cert",
        &certificate,
        "--pkcs11",
        &other,
    ]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), &report["findings"][0]["rule"]),
        (Some(2), &Value::from("key_match"))
    );
    let output = token.reader(&[
        "read",
        "--purpose",
        "age-20",
        "--connect",
        "tcp://127.0.0.1:9",
        "--reader-cert",
        &certificate,
        "--pkcs11",
        &other,
    ]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64));
    assert!(
        words.contains("is not the key of the reader's certificate; give the certificate"),
        "{words}"
    );
    // The doctor has the token sign, too.
    let doctor = |uri: &str| {
        let output = token.reader(&["doctor", "--json", "--reader-cert", &certificate, "--pkcs11", uri]);
        let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
        let own = findings.as_array().unwrap().iter().find(|finding| {
            let check = finding["check"].as_str().unwrap();
            check == "reader_cert" || check == "pkcs11"
        });
        let text = |member: &str| own.unwrap()[member].as_str().unwrap().to_owned();
        (text("check"), text("result"), text("detail"))
    };
    let (check_name, result, detail) = doctor(&token.own());
    assert_eq!(
        (check_name.as_str(), result.as_str()),
        ("reader_cert", "ok"),
        "{detail}"
    );
    for (uri, check_name, words) in [
        (
            other.clone(),
            "reader_cert",
            "key_match (9.1.4): the key is not the one in the certificate",
        ),
        (
            token.uri("token=nowhere;object=reader", &pin),
            "pkcs11",
            "the token that the URI names is not there",
        ),
        (
            token.own() + "&pin-value=428571",
            "pkcs11",
            "--pkcs11 has pin-value",
        ),
    ] {
        let (found, result, detail) = doctor(&uri);
        assert_eq!(
            (found.as_str(), result.as_str()),
            (check_name, "fault"),
            "{detail}"
        );
        assert!(detail.contains(words) && !detail.contains(PIN), "{detail}");
    }
    // A counter that is started before its token is plugged in is started again; one with a wrong PIN is not.
    let serve = |uri: &str| {
        let flags = ["serve", "--purpose", "age-20", "--reader-cert", &certificate];
        let output = token.reader(&[&flags[..], &["--pkcs11", uri]].concat());
        output.status.code()
    };
    assert_eq!(serve(&token.uri("token=nowhere;object=reader", &pin)), Some(69));
    assert_eq!(serve(&from("wrong")), Some(64));
    // A PIN that others may read, which works all the same.
    fs::set_permissions(token.at("pin"), fs::Permissions::from_mode(0o644)).unwrap();
    let (status, words) = check(&token.own());
    assert_eq!(status, 0);
    assert!(words.contains("warning: others may read the PIN"), "{words}");
}
