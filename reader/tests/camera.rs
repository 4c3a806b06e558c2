//! The program `reader serve` with what a camera saw, beside standard input: a code that is none, then one that is. There is
//! no Bluetooth service where the program looks for one, so that a code that has come whole shows as a transaction that
//! fails for that reason, and for no other.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine as _;
use qrcode::{Color, QrCode};
use serde_json::Value;

/// For what comes at once on a machine that is not busy.
const SOON: Duration = Duration::from_secs(60);
/// Pixels of a picture, of a module, and modules around a code.
const WIDTH: usize = 480;
const HEIGHT: usize = 360;
const MODULE: usize = 4;
const QUIET: usize = 4;

/// The code of a phone, another for each number. It offers Bluetooth, so that the counter goes on with it.
fn code(number: u8) -> String {
    // The generator of P-256 as the phone's key, which nobody holds.
    let digits = format!(
        "a30063312e30018201d818584ba4010220012158206b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
         2258204fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f50281830201a300f501f40a50{}",
        format!("{number:02x}").repeat(16)
    );
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    format!("mdoc:{text}")
}

/// What a camera sees that looks at this text, or at nothing.
fn picture(text: Option<&str>) -> Vec<u8> {
    let mut picture = vec![200; WIDTH * HEIGHT];
    let Some(text) = text else { return picture };
    let code = QrCode::new(text).unwrap();
    let modules = code.width();
    assert!(
        (modules + 2 * QUIET) * MODULE <= HEIGHT,
        "the code is in the picture"
    );
    for (index, colour) in code.to_colors().into_iter().enumerate() {
        if colour == Color::Dark {
            let (x, y) = (
                (index % modules + QUIET) * MODULE,
                (index / modules + QUIET) * MODULE,
            );
            for row in y..y + MODULE {
                picture[row * WIDTH + x..row * WIDTH + x + MODULE].fill(30);
            }
        }
    }
    picture
}

/// A second before the camera for each of these.
fn recording(path: &Path, seen: &[Option<&str>]) {
    let mut bytes = format!("YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 Cmono\n").into_bytes();
    for text in seen {
        let picture = picture(*text);
        for _ in 0..10 {
            bytes.extend(b"FRAME\n");
            bytes.extend(&picture);
        }
    }
    std::fs::write(path, bytes).unwrap();
}

/// A counter at work; killed with the test.
struct Counter {
    child: Child,
    results: Receiver<String>,
    words: Receiver<String>,
}

impl Counter {
    fn start(recording: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_reader"))
            .args(["serve", "--purpose", "age-20", "--camera-recording"])
            .arg(recording)
            .env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
            .env("RUST_LOG", "trace")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let results = lines(child.stdout.take().unwrap());
        let words = lines(child.stderr.take().unwrap());
        Self {
            child,
            results,
            words,
        }
    }

    fn type_line(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The reasons of all transactions and everything that was said, once it has ended by itself.
    fn end(mut self) -> (Vec<String>, String) {
        let mut reasons = Vec::new();
        while let Ok(line) = self.results.recv_timeout(SOON) {
            let report: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(report["verdict"], Value::Null);
            reasons.push(report["reason"].as_str().unwrap().to_owned());
        }
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        (reasons, self.words.iter().collect::<Vec<_>>().join("\n"))
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

/// How a transaction ends whose code was whole.
const READ: &str = "bluetooth.service";

#[test]
fn a_bad_code_is_told_of_and_the_wait_goes_on_for_a_good_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seen.y4m");
    let (good, damaged) = (code(1), "mdoc:AAAASECRET");
    recording(
        &path,
        &[
            Some("https://shop.example/"),
            None,
            Some(damaged),
            None,
            Some(&good),
        ],
    );
    let (reasons, said) = Counter::start(&path).end();
    assert_eq!(reasons, [READ], "{said}");
    let told = [
        "the camera: this code is not that of a mobile document",
        "the camera: not the code of a mobile document: ",
    ];
    for words in told {
        assert_eq!(said.matches(words).count(), 1, "{said}");
    }
    for text in ["shop.example", "SECRET", &good["mdoc:".len()..]] {
        assert!(!said.contains(text), "nothing of a code is told: {said}");
    }
    // The twin without the good one: nobody is read.
    recording(&path, &[Some("https://shop.example/"), None, Some(damaged), None]);
    let (reasons, said) = Counter::start(&path).end();
    assert_eq!(reasons, Vec::<String>::new(), "{said}");
}

#[test]
fn standard_input_is_read_beside_a_camera_and_each_code_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seen.y4m");
    // A pipe: what the camera sees comes when standard input has been read.
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let played = folder.path().join("played.y4m");
    recording(&played, &[None, Some(&code(1)), None]);
    let bytes = std::fs::read(&played).unwrap();
    let (go, wait) = channel::<()>();
    let player = std::thread::spawn(move || {
        let mut pipe = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let (head, pictures) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1);
        pipe.write_all(head).unwrap();
        wait.recv().unwrap();
        pipe.write_all(pictures).unwrap();
    });
    let mut counter = Counter::start(&folder.path().join("seen.y4m"));
    counter.type_line("4901234567894");
    let reason = |counter: &Counter| {
        let line = counter.results.recv_timeout(SOON).unwrap();
        serde_json::from_str::<Value>(&line).unwrap()["reason"].clone()
    };
    assert_eq!(reason(&counter), "session.engagement");
    counter.type_line(&code(2));
    assert_eq!(reason(&counter), READ);
    // Standard input ends, and nothing with it.
    drop(counter.child.stdin.take());
    go.send(()).unwrap();
    player.join().unwrap();
    let (reasons, said) = counter.end();
    assert_eq!(reasons, [READ], "{said}");
    assert!(!said.contains("4901234567894"), "{said}");
}
