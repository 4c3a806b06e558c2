//! A token that is pulled out while the counter serves: the transaction fails in a typed way, the next one opens the token
//! anew, and a PIN that was refused is not tried again. Ends before the radio, which this machine need not have.

#![cfg(all(feature = "bluetooth", feature = "pkcs11", target_os = "linux"))]
#![expect(clippy::print_stdout, reason = "a test that is left out says so")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use serde_json::Value;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "428571";

/// A phone that offers central client mode under the generator of P-256 as its key, which nobody holds. The
/// UUID makes each a fresh one: a code that comes twice is the same phone.
fn engagement(number: u8) -> String {
    const KEY: &str = "a401022001215820\
        6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296225820\
        4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    let text = format!(
        "a30063312e30018201d818584b{KEY}0281830201a300f401f50b50{}",
        format!("{number:02x}").repeat(16)
    );
    let digits: Vec<char> = text.chars().filter(|digit| !digit.is_whitespace()).collect();
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap())
        .collect();
    format!(
        "mdoc:{}",
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    )
}

fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .current_dir(folder)
        .env("SOFTHSM2_CONF", folder.join("softhsm2.conf"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
}

/// Writes a PIN that only its owner may read.
fn write_pin(folder: &Path, pin: &str) {
    fs::write(folder.join("pin"), pin).unwrap();
    fs::set_permissions(folder.join("pin"), fs::Permissions::from_mode(0o600)).unwrap();
}

/// A folder with a token, its key and a certificate for it.
fn desk() -> Option<(tempfile::TempDir, String)> {
    if !Path::new(MODULE).exists() {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "SoftHSM is not installed"
        );
        println!("left out: SoftHSM is not installed");
        return None;
    }
    let desk = tempfile::tempdir().unwrap();
    let folder = desk.path();
    fs::create_dir(folder.join("tokens")).unwrap();
    let tokens = folder.join("tokens");
    let configuration = format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display());
    fs::write(folder.join("softhsm2.conf"), configuration).unwrap();
    write_pin(folder, PIN);
    let init = [
        "--init-token",
        "--free",
        "--label",
        "counter",
        "--pin",
        PIN,
        "--so-pin",
        "87654321",
    ];
    run(folder, "softhsm2-util", &init);
    let pin = folder.join("pin");
    let uri = format!(
        "pkcs11:token=counter;object=reader?module-path={MODULE}&pin-source=file:{}",
        pin.display()
    );
    let reader = env!("CARGO_BIN_EXE_reader");
    let subject = "CN=TEST counter,C=JP";
    run(
        folder,
        reader,
        &[
            "certificate",
            "request",
            "--subject",
            subject,
            "--pkcs11",
            &uri,
            "--out",
            "reader.csr",
        ],
    );
    run(
        folder,
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "ca.key",
            "-subj",
            "/C=JP/CN=TEST authority",
            "-days",
            "300",
            "-out",
            "ca.pem",
        ],
    );
    run(
        folder,
        "openssl",
        &[
            "x509",
            "-req",
            "-in",
            "reader.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-days",
            "200",
            "-set_serial",
            "0x4b1d0102030405060708",
            "-out",
            "reader.pem",
        ],
    );
    Some((desk, uri))
}

/// The counter; ends with the test.
struct Counter {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    scanned: u8,
}

impl Counter {
    fn start(folder: &Path, uri: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_reader"))
            .current_dir(folder)
            .env("SOFTHSM2_CONF", folder.join("softhsm2.conf"))
            .args([
                "serve",
                "--purpose",
                "age-20",
                "--connect-timeout",
                "1",
                "--reader-cert",
                "reader.pem",
            ])
            .args(["--pkcs11", uri])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
            scanned: 0,
        }
    }

    /// The reason why a phone was not read.
    fn scan(&mut self) -> String {
        self.scanned += 1;
        writeln!(self.input, "{}", engagement(self.scanned)).unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let report: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(report["verdict"], Value::Null);
        report["reason"].as_str().unwrap().to_owned()
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_token_that_comes_back_is_opened_anew_and_a_refused_pin_is_not_tried_again() {
    let Some((desk, uri)) = desk() else { return };
    let folder = desk.path();
    // SoftHSM keeps each token in a folder of its own.
    let mut tokens = fs::read_dir(folder.join("tokens")).unwrap();
    let token = tokens.next().unwrap().unwrap().path();
    let away = folder.join("away");
    let pull = || fs::rename(&token, &away).unwrap();
    let plug = || fs::rename(&away, &token).unwrap();
    let mut counter = Counter::start(folder, &uri);
    // Signed, and stopped by whatever this machine's radio says: nobody holds the key of that phone.
    let signed = counter.scan();
    assert!(
        !signed.starts_with("token.") && !signed.starts_with("reader."),
        "{signed}"
    );
    for _ in 0..2 {
        pull();
        let gone = counter.scan();
        assert!(gone.starts_with("token."), "{gone}");
        assert_eq!(counter.scan(), "token.absent");
        plug();
        assert_eq!(counter.scan(), signed);
    }
    // It comes back, and the PIN in the file is another.
    pull();
    counter.scan();
    write_pin(folder, "000000");
    plug();
    assert_eq!(counter.scan(), "token.pin");
    // Also with the right one: a person has to look first.
    write_pin(folder, PIN);
    assert_eq!(counter.scan(), "token.pin");
    drop(counter);
    assert_eq!(Counter::start(folder, &uri).scan(), signed);
}
