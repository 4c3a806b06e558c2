//! What is left in the reader's memory after a transaction: the verdict, and neither keys nor claims.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use holder::credential::Credential;
use holder::hooks::Hooks;
use holder::issuer::{DAY, Issuer, IssuerOptions, Terms};
use holder::keys::SigningKey;
use holder::phone::{Engaged, Message};
use holder::wallet::{DeviceAuth, HeldDocument, requested_documents, respond};
use mdoc::crypto::{Curve, HashAlgorithm};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use verifier_tests::programs::program;

/// What a pipe holds before a writer has to wait.
const PIPE: usize = 65_536;

fn send(stream: &mut TcpStream, message: &[u8]) {
    let length = u32::try_from(message.len()).unwrap();
    stream.write_all(&length.to_be_bytes()).unwrap();
    stream.write_all(message).unwrap();
}

fn receive(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).unwrap();
    let mut message = vec![0; usize::try_from(u32::from_be_bytes(head)).unwrap()];
    stream.read_exact(&mut message).unwrap();
    message
}

/// All memory that the process can write to.
fn memory_of(process: u32) -> Vec<Vec<u8>> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let mut memory = File::open(format!("/proc/{process}/mem")).unwrap();
    let mut regions = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (range, _) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let (start, end) = (
            u64::from_str_radix(start, 16).unwrap(),
            u64::from_str_radix(end, 16).unwrap(),
        );
        let mut region = vec![0; usize::try_from(end - start).unwrap()];
        memory.seek(SeekFrom::Start(start)).unwrap();
        // A few regions of the system's own cannot be read.
        if memory.read_exact(&mut region).is_ok() {
            regions.push(region);
        }
    }
    regions
}

fn holds(memory: &[Vec<u8>], secret: &[u8]) -> bool {
    memory
        .iter()
        .any(|region| region.windows(secret.len()).any(|window| window == secret))
}

/// Waits until the process waits for its standard output to be read.
fn wait_until_blocked(process: u32) {
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        // The number of the call, and the file that it is for.
        let call = std::fs::read_to_string(format!("/proc/{process}/syscall")).unwrap_or_default();
        let mut words = call.split(' ');
        if (words.next(), words.next()) == (Some("1"), Some("0x1")) || call.is_empty() {
            return;
        }
        assert!(Instant::now() < patience, "the reader does not end: {call}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn neither_keys_nor_claims_are_left_after_a_transaction() {
    let now = i64::try_from(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs(),
    )
    .unwrap();
    let mut random = ChaCha20Rng::seed_from_u64(77);
    let options = IssuerOptions {
        seed: 5,
        root_curve: Curve::P256,
        signer_curve: Curve::P256,
        country: "JP",
        state: None,
        signer_purpose: "1.0.18013.5.1.2",
        now,
    };
    let issuer = Issuer::new(&options, &Hooks::default());
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("anchors")).unwrap();
    std::fs::write(folder.path().join("anchors/test.der"), &issuer.root).unwrap();
    let terms = Terms {
        signed: now - 60,
        valid_from: now - 60,
        valid_until: now + DAY,
        digest_algorithm: HashAlgorithm::Sha256,
        key_authorizations: None,
        status: None,
    };
    let device_key = SigningKey::generate(Curve::P256, &mut random);
    let credential = Credential::my_number(Some(9000));
    let document = issuer.issue(
        &credential,
        device_key.cose_key(),
        &terms,
        &mut random,
        &Hooks::default(),
    );
    let held = [HeldDocument { document, device_key }];

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut output, mut input) = std::io::pipe().unwrap();
    // The pipe is full: the reader's last act, to print the verdict, has to wait.
    input.write_all(&vec![b' '; PIPE]).unwrap();
    let mut reader = Command::new(program("reader"))
        .args(["read", "--purpose", "age-20", "--connect"])
        .arg(format!("tcp://{}", listener.local_addr().unwrap()))
        .arg("--trust")
        .arg(folder.path())
        .stdout(input)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();

    let phone = Engaged::new(Curve::P256, &mut random).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    send(&mut stream, phone.uri().as_bytes());
    let (mut session, request) = phone.establish(&receive(&mut stream)).unwrap();
    let response = respond(
        &held,
        &requested_documents(&request).unwrap(),
        &session.session_transcript,
        &DeviceAuth::Signature,
        &Hooks::default(),
    );
    let message = session.seal(&response);
    send(&mut stream, &message);
    assert_eq!(session.receive(&receive(&mut stream)), Ok(Message::Status(20)));

    wait_until_blocked(reader.id());
    let memory = memory_of(reader.id());
    let mut printed = vec![0; PIPE];
    output.read_exact(&mut printed).unwrap();
    printed.clear();
    output.read_to_end(&mut printed).unwrap();
    assert!(reader.wait().unwrap().success());
    assert!(printed.starts_with(b"{\"verdict\":\"accepted\""));

    // The search finds what is there: the verdict that waits to be printed.
    assert!(holds(&memory, &printed[..40]), "the search sees nothing");
    let [sk_reader, sk_device] = session.keys();
    assert!(!holds(&memory, &sk_reader), "SKReader is left");
    assert!(!holds(&memory, &sk_device), "SKDevice is left");
    // Every part of the plaintext that is somebody's own: elements with their random, the portrait.
    for (_, items) in &held[0].document.name_spaces {
        for (name, item) in items
            .iter()
            .filter(|(name, _)| ["age_over_20", "portrait"].contains(name))
        {
            for part in [8..40, item.len() / 2..item.len() / 2 + 32] {
                let part = item.get(part).unwrap_or_default();
                assert!(
                    !part.is_empty() && !holds(&memory, part),
                    "a part of {name} is left"
                );
            }
        }
    }
}
