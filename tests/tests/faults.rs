//! Every fault of the simulated phone against the reader as its users start it, every curve of a
//! session, and reader authentication as the phone sees it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use holder::fault::Fault;
use serde_json::{Value, json};
use verifier_tests::programs::{Phone, program};

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

/// The exit status that a reason leads to.
fn status_of(reason: Option<&str>) -> i32 {
    match reason {
        None => 0,
        Some("document.missing" | "status.stale" | "status.token_invalid" | "status.unavailable") => 2,
        Some(reason) if reason.starts_with("session.") => 3,
        Some(_) => 1,
    }
}

fn read_fault(pki: &Path, fault: Option<Fault>, credential: &str, auth: &str) -> (i32, Value) {
    let mut arguments = vec!["--credential", credential, "--auth", auth];
    arguments.extend(fault.map(|fault| ["--fault", fault.name()]).into_iter().flatten());
    let phone = Phone::start(pki, &arguments);
    let trust = pki.join("trust");
    let output = phone.read_with(
        "age-20-any",
        &["--trust", trust.to_str().unwrap(), "--consent-timeout", "2"],
    );
    (output.status.code().unwrap(), report(&output))
}

#[test]
fn every_fault_is_answered_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    drop(Phone::start(folder.path(), &[]));
    for (credential, auth) in [
        ("my-number", "signature"),
        ("mdl", "signature"),
        ("my-number", "mac"),
    ] {
        let (status, twin) = read_fault(folder.path(), None, credential, auth);
        assert_eq!(
            (status, &twin["verdict"]),
            (0, &json!("accepted")),
            "the untouched twin"
        );
        for fault in Fault::ALL.iter().copied() {
            let reason = match fault.reason() {
                Some("device.signature") if auth == "mac" => Some("device.mac"),
                // A list of more than one bit is none of ISO/IEC 18013-5.
                Some("status.suspended") => Some("status.token_invalid"),
                // Between two documents any of which would do, one that was not asked for is none.
                reason => reason,
            };
            let (status, verdict) = read_fault(folder.path(), Some(fault), credential, auth);
            assert_eq!(
                (status, verdict["reason"].as_str()),
                (status_of(reason), reason),
                "{credential} {auth} {}: {verdict:#}",
                fault.name()
            );
            if fault == Fault::ExtraElement {
                let withheld = verdict["documents"][0]["withheld"].as_array().unwrap();
                assert!(!withheld.is_empty(), "{verdict:#}");
            }
        }
    }
}

#[test]
fn a_session_on_every_curve_ends_in_a_verdict() {
    let folder = tempfile::tempdir().unwrap();
    for (curve, auth) in [
        ("P-256", "mac"),
        ("P-384", "mac"),
        ("P-521", "signature"),
        ("X25519", "signature"),
        ("brainpoolP256r1", "mac"),
        ("brainpoolP384r1", "mac"),
    ] {
        let phone = Phone::start(folder.path(), &["--curve", curve, "--auth", auth]);
        let output = phone.read("age-20", folder.path());
        assert_eq!(output.status.code(), Some(0), "{curve} {auth}: {output:?}");
    }
    for arguments in [
        &["--curve", "P-255"][..],
        &["--curve", "Ed25519"],
        &["--curve", "X25519", "--auth", "mac"],
        &["--fault", "nothing"],
        &["--credential", "passport"],
    ] {
        let output = Command::new(program("holder"))
            .arg("present")
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {output:?}");
    }
}

/// A phone whose words are kept.
struct Talkative {
    child: Child,
    announcements: BufReader<std::process::ChildStdout>,
    address: String,
}

impl Talkative {
    fn start(pki: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(program("holder"))
            .args(["present", "--pki"])
            .arg(pki)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut announcements = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        announcements.read_line(&mut line).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        Self {
            child,
            announcements,
            address: line["listening"].as_str().unwrap().to_owned(),
        }
    }

    /// What it said, once it has ended.
    fn words(mut self) -> String {
        let mut words = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut words)
            .unwrap();
        assert!(self.child.wait().unwrap().success());
        drop(self.announcements);
        words
    }
}

fn read(address: &str, pki: &Path, more: &[&str]) -> Output {
    Command::new(program("reader"))
        .args(["read", "--purpose", "age-20", "--connect"])
        .arg(format!("tcp://{address}"))
        .arg("--trust")
        .arg(pki.join("trust"))
        .args(more)
        .output()
        .unwrap()
}

#[test]
fn the_phone_says_whose_the_reader_is() {
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path();
    drop(Phone::start(pki, &[]));
    let reader = |name: &str| pki.join("reader").join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (reader("certificate.pem"), reader("key.pem"));
    let identity = [
        "--reader-cert",
        certificate.as_str(),
        "--reader-key",
        key.as_str(),
    ];
    for (required, signed, words, status) in [
        (false, false, "the reader does not say whose it is", 0),
        (false, true, "the reader is TEST reader", 0),
        (true, true, "the reader is TEST reader", 0),
        (true, false, "the reader does not say whose it is", 3),
    ] {
        let more: &[&str] = if required { &["--require-reader-auth"] } else { &[] };
        let phone = Talkative::start(pki, more);
        let output = read(&phone.address, pki, if signed { &identity } else { &[] });
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        if status == 3 {
            assert_eq!(report(&output)["reason"], "session.terminated");
        }
        let said = phone.words();
        assert!(said.contains(words), "{said}");
    }
    // A reader of another authority.
    let other = tempfile::tempdir().unwrap();
    drop(Phone::start(other.path(), &[]));
    let phone = Talkative::start(other.path(), &[]);
    let output = read(&phone.address, other.path(), &identity);
    assert_eq!(output.status.code(), Some(0));
    assert!(phone.words().contains("nobody trusted vouches for it"));
    // A certificate and a key that do not belong together.
    let foreign = other.path().join("reader/key.pem");
    let wrong = [
        "--reader-cert",
        certificate.as_str(),
        "--reader-key",
        foreign.to_str().unwrap(),
    ];
    let phone = Phone::start(pki, &[]);
    let output = phone.read_with("age-20", &wrong);
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not for the reader's key"));
}

#[test]
fn a_reader_that_misbehaves_ends_its_session_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let phone = Phone::start(folder.path(), &["--repeat"]);
    let address = phone.address.strip_prefix("tcp://").unwrap();
    let status = |code: u8| vec![0xa1, 0x66, b's', b't', b'a', b't', b'u', b's', code];
    for (frame, answer) in [
        (&b"\x00\x00\x00\x04junk"[..], Some(status(11))),
        (b"\x00\x00\x00\x01\xa0", Some(status(11))),
        (b"\xff\xff\xff\xff", None),
        (b"\x00\x00", None),
        (b"", None),
    ] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(frame).unwrap();
        // Half closed: nothing more comes from this side.
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        let length = usize::try_from(u32::from_be_bytes(said[..4].try_into().unwrap())).unwrap();
        assert!(said[4..4 + length].starts_with(b"mdoc:"));
        let rest = said.get(8 + length..).map(<[u8]>::to_vec);
        assert_eq!(rest, answer, "{frame:?}");
    }
    let output = phone.read("age-20", folder.path());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

/// A phone by hand: its engagement, and then what `misbehave` does with the connection.
fn read_from(
    pki: &Path,
    misbehave: impl FnOnce(&mut TcpStream, &holder::phone::Engaged) + Send + 'static,
    more: &[&str],
) -> (Option<i32>, Value, Duration) {
    use rand_core::SeedableRng as _;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let phone = std::thread::spawn(move || {
        let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(9);
        let engaged = holder::phone::Engaged::new(mdoc::crypto::Curve::P256, &mut random).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        send(&mut stream, engaged.uri().as_bytes());
        misbehave(&mut stream, &engaged);
    });
    let start = std::time::Instant::now();
    let output = read(&address, pki, more);
    let spent = start.elapsed();
    phone.join().unwrap();
    (output.status.code(), report(&output), spent)
}

fn send(stream: &mut TcpStream, message: &[u8]) {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let _ = stream.write_all(&[&length[..], message].concat());
}

/// Reads until the reader has closed.
fn drain(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
}

#[test]
fn a_phone_that_breaks_the_framing_gives_no_verdict_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path();
    drop(Phone::start(pki, &[]));
    let limits = ["--consent-timeout", "2", "--receive-timeout", "1"];
    let expect = |(status, report, spent): (Option<i32>, Value, Duration), reason: &str, phase: &str| {
        assert_eq!(status, Some(3));
        assert_eq!(
            report,
            json!({ "verdict": null, "reason": reason, "phase": phase })
        );
        assert!(spent < Duration::from_secs(20), "{spent:?}");
    };
    // Two engagements.
    let twice = read_from(
        pki,
        |stream, engaged| {
            send(stream, engaged.uri().as_bytes());
            drain(stream);
        },
        &limits,
    );
    expect(twice, "session.decoding", "consent");
    // Half closed: the phone takes the request and can say nothing.
    let half = read_from(
        pki,
        |stream, _| {
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            drain(stream);
        },
        &limits,
    );
    expect(half, "session.terminated", "consent");
    // A frame of 4 GiB, announced.
    let huge = read_from(
        pki,
        |stream, _| {
            let _ = stream.write_all(&[0xff; 8]);
            drain(stream);
        },
        &limits,
    );
    expect(huge, "session.transport", "consent");
    // A message that begins and never ends.
    let endless = read_from(
        pki,
        |stream, _| {
            let _ = stream.write_all(&[0, 0, 4, 0, 0xa1]);
            drain(stream);
        },
        &limits,
    );
    expect(endless, "session.timeout", "receive");
    // One that stops in the middle.
    let cut = read_from(
        pki,
        |stream, _| {
            let _ = stream.write_all(&[0, 0, 4, 0, 0xa1]);
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            drain(stream);
        },
        &limits,
    );
    expect(cut, "session.transport", "receive");
}
