//! Recordings, and what a counter is handed of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::NamedTempFile;

use super::drawing::Scene;
use crate::camera::CameraFlags;
#[cfg(all(feature = "camera", target_os = "linux"))]
use crate::camera::fault::CameraFault;
use crate::camera::fault::RecordingFault;
use crate::camera::recording::Recording;
use crate::camera::sightings::{ABSENCE, Sightings};
use crate::camera::thread::{attend, first_code};
use crate::camera::watch::Source as _;
#[cfg(not(feature = "camera"))]
use crate::counter::StartError;
use crate::failure::Failure;
use crate::inbox::{Inbox, Next};
use crate::input::code;
use crate::transport::Stop;

const WIDTH: usize = 320;
const HEIGHT: usize = 240;

/// The code of a phone, another for each character.
fn code(last: char) -> String {
    code::tests::code(last.to_string().as_bytes())
}

fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn flags(path: &Path) -> CameraFlags {
    CameraFlags {
        camera: None,
        camera_recording: Some(path.to_owned()),
    }
}

/// Seconds of pictures, ten a second: of a code, or of none.
fn recording(parts: &[(Option<&str>, usize)]) -> Vec<u8> {
    let mut bytes = format!("YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 Cmono\n").into_bytes();
    let scene = Scene {
        noise: 6.0,
        ..Scene::turned(WIDTH, HEIGHT, 220.0, 10.0)
    };
    for (text, seconds) in parts {
        let picture = match text {
            Some(text) => scene.draw(text),
            None => scene.finish(&vec![90.0; WIDTH * HEIGHT]),
        };
        for _ in 0..seconds * 10 {
            bytes.extend(b"FRAME\n");
            bytes.extend(&picture);
        }
    }
    bytes
}

/// Everything that a recording hands to an inbox, each line taken as soon as it comes.
fn lines(bytes: &[u8]) -> Vec<String> {
    let file = file(bytes);
    let inbox = Arc::new(Inbox::default());
    attend(&flags(file.path()), &inbox).unwrap();
    let mut lines = Vec::new();
    loop {
        match inbox.next(None) {
            Next::Line(line) => lines.push(line),
            Next::Nothing => panic!("an unbounded wait"),
            Next::End => return lines,
        }
    }
}

#[test]
fn a_code_that_stays_counts_once_and_again_when_it_comes_back() {
    let (one, two) = (code('1'), code('2'));
    assert_eq!(lines(&recording(&[(None, 1), (Some(&one), 12)])), [one.as_str()]);
    assert_eq!(
        lines(&recording(&[(Some(&one), 1), (Some(&two), 1)])),
        [one.as_str(), &two]
    );
    // Gone for a moment, as when a hand passes.
    let blinked = recording(&[(Some(&one), 2), (None, 1), (Some(&one), 2)]);
    assert_eq!(lines(&blinked), [one.as_str()]);
    let back = recording(&[(Some(&one), 2), (None, 5), (Some(&one), 2)]);
    assert_eq!(lines(&back), [one.as_str(), &one]);
}

#[test]
fn other_codes_are_not_handed_on() {
    let one = code('1');
    let recording = recording(&[
        (Some("https://shop.example/"), 2),
        (None, 1),
        (Some(&one), 1),
        (Some("mdoc"), 1),
    ]);
    assert_eq!(lines(&recording), [one.as_str()]);
}

#[test]
fn the_first_code_is_given_and_the_lack_of_one_said() {
    let one = code('1');
    let first = |bytes: &[u8]| {
        let file = file(bytes);
        first_code(&flags(file.path()), Duration::from_secs(600), &Stop::default()).unwrap()
    };
    assert_eq!(first(&recording(&[(None, 1), (Some(&one), 2)])), Ok(one.clone()));
    assert_eq!(first(&recording(&[(None, 2)])), Err(Failure::NoCode));
    assert_eq!(
        first(&recording(&[(Some("https://shop.example/"), 2)])),
        Err(Failure::NoCode)
    );
    let mut cut = recording(&[(None, 1), (Some(&one), 2)]);
    assert_eq!(first(&cut), Ok(one), "the untouched twin");
    cut.truncate(3 * WIDTH * HEIGHT);
    let fault = RecordingFault::Truncated { frame: 2 };
    assert_eq!(first(&cut), Err(Failure::Camera(fault.into())));
}

#[test]
fn a_wait_for_a_code_can_be_stopped() {
    // Nobody writes into it: the reader waits for a first line that never comes, or for pictures.
    let file = file(&recording(&[(None, 600)]));
    let stop = Stop::default();
    stop.wish();
    let stopped = first_code(&flags(file.path()), Duration::from_secs(600), &stop).unwrap();
    assert_eq!(stopped.unwrap_err().code(), "session.terminated");
}

#[test]
fn pictures_are_read_with_their_times_whatever_their_colours() {
    // Odd sides: a part of a colour sample is a whole one.
    let (width, height) = (23, 25);
    let halves = 12 * 13 * 2;
    for (colours, chroma) in [
        ("", halves),
        (" C420jpeg", halves),
        (" C420mpeg2", halves),
        (" C420paldv", halves),
        (" C422", 12 * 25 * 2),
        (" C444", 23 * 25 * 2),
        (" Cmono", 0),
    ] {
        let mut bytes = format!("YUV4MPEG2 W{width} H{height} F25:2{colours} XSOMETHING\n").into_bytes();
        for level in [1, 2] {
            bytes.extend(b"FRAME Ip\n");
            bytes.extend(vec![level; width * height]);
            bytes.extend(vec![9; chroma]);
        }
        let mut recording = open(&bytes).unwrap();
        for (level, time) in [(1, 0), (2, 80)] {
            let (frame, at) = recording.next().unwrap().unwrap();
            assert_eq!(at, Duration::from_millis(time));
            assert!(frame.bytes.iter().all(|pixel| *pixel == level));
            assert_eq!(frame.picture().unwrap().width(), width, "{colours}");
        }
        assert!(recording.next().unwrap().is_none());
        // Wherever it is cut within the second picture, that one is missed.
        for cut in [1, chroma.max(1), chroma + 1, chroma + width * height] {
            let mut recording = open(&bytes[..bytes.len() - cut]).unwrap();
            assert!(recording.next().unwrap().is_some());
            let fault = RecordingFault::Truncated { frame: 1 };
            assert_eq!(recording.next().err(), Some(fault.into()), "{colours} less {cut}");
        }
        let head = bytes.len() - chroma - width * height - b"FRAME Ip\n".len();
        for other in [&b"FRAM\n"[..], b"FRAMES\n", b"FRAME", b"\n", b"\0", &[b' '; 4096]] {
            let bytes = [&bytes[..head], other].concat();
            let mut recording = open(&bytes).unwrap();
            assert!(recording.next().unwrap().is_some());
            let fault = RecordingFault::NoFrame { frame: 1 };
            assert_eq!(recording.next().err(), Some(fault.into()));
        }
    }
}

fn open(bytes: &[u8]) -> Result<Recording, RecordingFault> {
    Recording::open(file(bytes).path()).unwrap()
}

#[test]
fn a_first_line_that_makes_no_sense_is_refused_by_its_field() {
    use RecordingFault::{Colours, Header, NotY4m, Size};
    let size = |width, height| Size { width, height };
    let long = format!("YUV4MPEG2 W64 H48 X{}\n", "x".repeat(2000));
    for (line, expected) in [
        ("YUV4MPEG2 W64 H48\n", None),
        ("YUV4MPEG2 H48 W64 F0:0\n", None),
        ("", Some(NotY4m)),
        ("YUV4MPEG2 W64 H48", Some(NotY4m)),
        ("YUV4MPEG W64 H48\n", Some(NotY4m)),
        ("RIFF\n", Some(NotY4m)),
        (&long, Some(NotY4m)),
        ("YUV4MPEG2\n", Some(Header('0'))),
        ("YUV4MPEG2 W64\n", Some(Header('0'))),
        ("YUV4MPEG2 H48\n", Some(Header('0'))),
        ("YUV4MPEG2 W H48\n", Some(Header('W'))),
        ("YUV4MPEG2 W-64 H48\n", Some(Header('W'))),
        ("YUV4MPEG2 W64 Hx\n", Some(Header('H'))),
        ("YUV4MPEG2 W64 H99999999999999999999999\n", Some(Header('H'))),
        ("YUV4MPEG2 W64 H48 F30\n", Some(Header('F'))),
        ("YUV4MPEG2 W64 H48 F0:1\n", Some(Header('F'))),
        ("YUV4MPEG2 W64 H48 F1:0\n", Some(Header('F'))),
        ("YUV4MPEG2 W64 H48 F1001:1\n", Some(Header('F'))),
        ("YUV4MPEG2 W64 H48 F1:9999999999999\n", Some(Header('F'))),
        ("YUV4MPEG2 W64 H48 C420p10\n", Some(Colours)),
        ("YUV4MPEG2 W64 H48 Crgb\n", Some(Colours)),
        ("YUV4MPEG2 W0 H0\n", Some(size(0, 0))),
        ("YUV4MPEG2 W20 H48\n", Some(size(20, 48))),
        ("YUV4MPEG2 W4097 H48\n", Some(size(4097, 48))),
        (
            "YUV4MPEG2 W4294967296 H4294967296\n",
            Some(size(1 << 32, 1 << 32)),
        ),
    ] {
        assert_eq!(open(line.as_bytes()).err(), expected, "{}", line.trim());
    }
}

#[test]
fn what_is_no_recording_is_refused_before_a_phone_is_asked() {
    let inbox = Arc::new(Inbox::default());
    let refused = |path: &Path| attend(&flags(path), &inbox).unwrap_err().to_string();
    let folder = tempfile::tempdir().unwrap();
    assert!(refused(folder.path()).contains("cannot read"));
    assert!(refused(&folder.path().join("missing.y4m")).contains("cannot read"));
    assert!(refused(file(b"nonsense").path()).ends_with("the recording is not YUV4MPEG2 (.y4m)"));
    assert!(
        attend(&flags(file(&recording(&[(None, 1)])).path()), &inbox).is_ok(),
        "the twin"
    );
}

#[cfg(not(feature = "camera"))]
#[test]
fn a_build_for_recordings_refuses_a_camera() {
    let flags = CameraFlags {
        camera: Some("/dev/video0".into()),
        camera_recording: None,
    };
    let refused = attend(&flags, &Arc::new(Inbox::default()));
    assert!(matches!(refused, Err(StartError::Argument(words)) if words.contains("--features camera")));
}

#[cfg(all(feature = "camera", target_os = "linux"))]
#[test]
fn a_camera_that_cannot_be_used_gives_no_code() {
    for (path, fault) in [
        ("/dev/video-that-is-not-there", CameraFault::NoDevice),
        ("/dev/null", CameraFault::NotACamera),
    ] {
        let flags = CameraFlags {
            camera: Some(path.into()),
            camera_recording: None,
        };
        let seen = first_code(&flags, Duration::from_secs(600), &Stop::default()).unwrap();
        assert_eq!(seen, Err(Failure::Camera(fault)));
    }
}

/// What is new of codes seen at these tenths of a second.
fn fresh(sightings: &mut Sightings, tenths: u32, codes: &[&str]) -> Vec<String> {
    let codes = codes.iter().map(|code| (*code).to_owned().into()).collect();
    let now = Duration::from_millis(100) * tenths;
    sightings
        .fresh(codes, now)
        .iter()
        .map(|code| code.to_string())
        .collect()
}

#[test]
fn a_code_is_forgotten_only_while_it_is_looked_for() {
    let none = Vec::<String>::new();
    let mut sightings = Sightings::default();
    assert_eq!(fresh(&mut sightings, 0, &["a"]), ["a"]);
    assert_eq!(fresh(&mut sightings, 1, &["a", "b"]), ["b"]);
    // Nobody looked for an hour: a phone was being read.
    assert_eq!(fresh(&mut sightings, 36_000, &[]), none);
    assert_eq!(fresh(&mut sightings, 36_001, &["a", "b"]), none);
    let absence = u32::try_from(ABSENCE.as_millis() / 100).unwrap();
    for tenth in 1..absence {
        assert_eq!(fresh(&mut sightings, 36_001 + tenth, &["a"]), none);
    }
    assert_eq!(fresh(&mut sightings, 36_001 + absence, &["a"]), none);
    assert_eq!(fresh(&mut sightings, 36_002 + absence, &["a", "b"]), ["b"]);
}

#[test]
fn what_is_remembered_of_codes_is_bounded() {
    let mut sightings = Sightings::default();
    for number in 0..100 {
        let code = number.to_string();
        assert_eq!(fresh(&mut sightings, 0, &[&code]), [code.as_str()]);
    }
    assert_eq!(fresh(&mut sightings, 0, &["99", "0"]), ["0"]);
}
