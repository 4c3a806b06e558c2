//! The program `reader` with what a camera saw of a phone. The code is drawn by a library that shares nothing with the one
//! that reads it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use qrcode::{Color, QrCode};
use serde_json::Value;
use verifier_tests::programs::{Phone, program};

const WIDTH: usize = 480;
const HEIGHT: usize = 360;
/// Pixels of a module, and modules around the code.
const MODULE: usize = 4;
const QUIET: usize = 4;

/// A second of a camera before which this code is held upright, or none.
fn recording(text: Option<&str>) -> Vec<u8> {
    let mut picture = vec![200; WIDTH * HEIGHT];
    if let Some(text) = text {
        let code = QrCode::new(text).unwrap();
        let modules = code.width();
        assert!(
            (modules + 2 * QUIET) * MODULE <= HEIGHT,
            "the code is in the picture"
        );
        for (index, _) in code
            .to_colors()
            .iter()
            .enumerate()
            .filter(|(_, colour)| **colour == Color::Dark)
        {
            let (left, top) = (
                (index % modules + QUIET) * MODULE,
                (index / modules + QUIET) * MODULE,
            );
            for y in top..top + MODULE {
                picture[y * WIDTH + left..y * WIDTH + left + MODULE].fill(30);
            }
        }
    }
    let mut bytes = format!("YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 Cmono\n").into_bytes();
    for _ in 0..10 {
        bytes.extend(b"FRAME\n");
        bytes.extend(&picture);
    }
    bytes
}

fn read(phone: &Phone, pki: &Path, recording: &Path, more: &[&str]) -> Output {
    Command::new(program("reader"))
        .args(["read", "--connect", &phone.address, "--purpose", "age-20"])
        .arg("--trust")
        .arg(pki.join("trust"))
        .arg("--camera-recording")
        .arg(recording)
        .args(more)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[test]
fn a_phone_is_read_by_the_code_that_a_camera_saw() {
    let folder = tempfile::tempdir().unwrap();
    let phone = Phone::start(folder.path(), &[]);
    let path = folder.path().join("seen.y4m");
    std::fs::write(&path, recording(Some(&phone.engagement))).unwrap();
    let output = read(&phone, folder.path(), &path, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(json_of(&output)["verdict"], "accepted");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !said.contains(&phone.engagement["mdoc:".len()..]),
        "nothing of the code is told"
    );
}

#[test]
fn a_recording_without_a_code_that_can_be_used_gives_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let phone = Phone::start(folder.path(), &[]);
    let path = folder.path().join("seen.y4m");
    let whole = recording(Some(&phone.engagement));
    // Within the first picture.
    let cut = &whole[..whole.len() / 20];
    let web = "https://shop.example/";
    for (bytes, reason) in [
        (&recording(None)[..], "session.timeout"),
        (&recording(Some(web)), "session.timeout"),
        (&recording(Some("mdoc:AAAA")), "session.engagement"),
        (cut, "camera.recording"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let output = read(&phone, folder.path(), &path, &[]);
        assert_eq!(output.status.code(), Some(3), "{reason}: {output:?}");
        let report = json_of(&output);
        assert_eq!(report["reason"], reason, "{output:?}");
        assert_eq!(report["verdict"], Value::Null);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            !said.contains(web) && !said.contains("AAAA"),
            "nothing of the code is told: {said}"
        );
    }
    std::fs::write(&path, &whole).unwrap();
    let twin = read(&phone, folder.path(), &path, &[]);
    assert_eq!(json_of(&twin)["verdict"], "accepted");
}

#[test]
fn a_recording_that_cannot_be_used_ends_the_program_before_a_phone_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let phone = Phone::start(folder.path(), &[]);
    let path = folder.path().join("seen.y4m");
    let output = read(&phone, folder.path(), &path, &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    assert!(said.contains("seen.y4m: cannot read"), "{said}");
    std::fs::write(&path, "nonsense").unwrap();
    let output = read(&phone, folder.path(), &path, &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    assert!(said.contains("the recording is not YUV4MPEG2 (.y4m)"), "{said}");
    std::fs::write(&path, recording(Some(&phone.engagement))).unwrap();
    let output = read(&phone, folder.path(), &path, &["--nfc"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("read takes either a camera or --nfc; serve takes both"),
        "{said}"
    );
    let twin = read(&phone, folder.path(), &path, &[]);
    assert_eq!(json_of(&twin)["verdict"], "accepted");
}
