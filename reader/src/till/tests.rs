//! Every case of the test data through every channel at once, and tills that misbehave.

use std::fs;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use ciborium::Value as Cbor;
use clap::Parser;
use mdoc::crypto::{Curve, PrivateKey};
use mdoc::session::SessionTranscript;
use mdoc::time::UnixTime;
use relying_party::DeviceKeys;
use relying_party::purpose::ready_made;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::channels::Channels;
use super::event::PhaseEvent;
use super::http::{Gate, Http};
use super::hub::{Hub, Kind};
use super::*;

const KEY: &str = "a-pairing-key-for-tests-only";
/// What a purpose could return that asks for more than those of the test data do.
const INVENTED: [&str; 5] = [
    "見本 花子",
    "東京都千代田区見本町1-2-3",
    "1994-02-03",
    "123456789018",
    "A-0042-SPECIMEN",
];
/// Long enough for a slow machine, short enough to end a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    till: TillFlags,
}

fn flags(arguments: &[String]) -> TillFlags {
    let arguments = ["reader"].into_iter().chain(arguments.iter().map(String::as_str));
    Flags::try_parse_from(arguments).unwrap().till
}

/// A terminal: the end that a test reads, and the path of the other, which is a serial line to the program.
fn terminal() -> (File, String) {
    let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&near).unwrap();
    unlockpt(&near).unwrap();
    let path = ptsname(&near, Vec::new()).unwrap();
    (File::from(near), path.into_string().unwrap())
}

/// The next code on a line.
fn code(line: &mut File) -> String {
    let mut code = [0; 4];
    line.read_exact(&mut code).unwrap();
    String::from_utf8(code.to_vec()).unwrap()
}

/// Everything that comes until the other side ends.
fn collect(mut from: impl std::io::Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

/// A stream of events behind its head, and behind the comment that it begins with.
fn events(address: SocketAddr, more: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head =
        format!("GET /v1/events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {KEY}\r\n{more}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut stream = BufReader::new(stream);
    assert!(line_with(&mut stream, "HTTP/1.1 ").starts_with("HTTP/1.1 200"));
    line_with(&mut stream, ": the counter is there");
    stream
}

/// Reads on to a line that begins so.
fn line_with(stream: &mut impl BufRead, begins: &str) -> String {
    loop {
        let mut line = String::new();
        assert_ne!(stream.read_line(&mut line).unwrap(), 0, "{begins} never comes");
        if line.starts_with(begins) {
            return line.trim_end().to_owned();
        }
    }
}

fn testdata() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata"))
}

/// The report on one case, as this counter makes it.
fn report(case: &Value) -> Value {
    let text = |name: &str| case[name].as_str().unwrap();
    let folder = testdata().join(text("name"));
    let read = |file: &str| fs::read(folder.join(file)).unwrap();
    let jwk: Value = serde_json::from_slice(&read("reader.jwk")).unwrap();
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let scalar = engine.decode(jwk["d"].as_str().unwrap()).unwrap();
    let key = PrivateKey::from_bytes(Curve::P256, &scalar).unwrap();
    let trust = folder.join("trust");
    let flags = [
        "--connect",
        "tcp://127.0.0.1:9",
        "--purpose",
        text("purpose"),
        "--quiet",
        "--trust",
    ];
    crate::judge(
        &[&flags[..], &[trust.to_str().unwrap()]].concat(),
        &read("response.cbor"),
        &SessionTranscript::from_bytes(&read("transcript.cbor")).unwrap(),
        DeviceKeys::Reader(&key),
        UnixTime::parse(text("at")).unwrap(),
    )
    .unwrap()
}

/// The texts and byte strings in the values of elements, at any depth.
fn claims(item: &Cbor, is_value: bool, found: &mut Vec<Vec<u8>>) {
    match item {
        Cbor::Text(text) if is_value => found.push(text.clone().into_bytes()),
        Cbor::Bytes(bytes) if is_value => found.push(bytes.clone()),
        Cbor::Tag(24, inner) => {
            if let Some(Ok(inner)) = inner.as_bytes().map(|bytes| ciborium::from_reader(&bytes[..])) {
                claims(&inner, is_value, found);
            }
        }
        Cbor::Tag(_, inner) => claims(inner, is_value, found),
        Cbor::Array(items) => items.iter().for_each(|item| claims(item, is_value, found)),
        Cbor::Map(entries) => {
            for (key, value) in entries {
                claims(value, is_value || key.as_text() == Some("elementValue"), found);
            }
        }
        _ => {}
    }
}

/// The claims of a case in each form in which they could leak; those of less than four bytes occur anywhere.
fn leaks(case: &Value) -> Vec<Vec<u8>> {
    let response = fs::read(
        testdata()
            .join(case["name"].as_str().unwrap())
            .join("response.cbor"),
    )
    .unwrap();
    let mut found = Vec::new();
    if let Ok(response) = ciborium::from_reader(&response[..]) {
        claims(&response, false, &mut found);
    }
    let today = Clock::System.now().to_string();
    found.retain(|claim| claim.len() >= 4 && !today.as_bytes().starts_with(claim));
    found.extend(INVENTED.iter().map(|claim| claim.as_bytes().to_vec()));
    let encoded = |claim: &Vec<u8>| {
        let part = &claim[..claim.len().min(24) / 3 * 3];
        [
            claim.clone(),
            STANDARD.encode(part).into_bytes(),
            URL_SAFE.encode(part).into_bytes(),
        ]
    };
    found.iter().flat_map(encoded).collect()
}

/// A report with the claims of the case in every place that a till is told of, as a service gone bad might write it.
fn hostile(report: &Value, leaks: &[Vec<u8>]) -> Value {
    let texts: Vec<String> = leaks
        .iter()
        .map(|leak| String::from_utf8_lossy(leak).into_owned())
        .collect();
    let mut answers: Map<String, Value> = texts.iter().map(|text| (text.clone(), json!(true))).collect();
    answers.insert("over_20".to_owned(), json!(texts));
    let mut report = report.clone();
    for name in ["reason", "purpose", "phase", "transaction", "time", "event"] {
        report[name] = json!(texts.concat());
    }
    report["answers"] = Value::Object(answers);
    report["checks"] = texts
        .iter()
        .map(|text| json!({ "check": text, "reason": text }))
        .collect();
    report
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn every_channel_tells_every_verdict_and_no_claim() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("keys"), KEY).unwrap();
    let (mut line, serial) = terminal();
    let flags = flags(&[
        "--stdout=till".to_owned(),
        format!("--till-socket={}", path("till")),
        "--till-http=127.0.0.1:0".to_owned(),
        format!("--till-key-file={}", path("keys")),
        format!("--till-serial={serial}"),
    ]);
    let till = Till::open(&flags, &ready_made("age-20").unwrap()).unwrap();
    let socket = collect(UnixStream::connect(path("till")).unwrap());
    let stream = collect(events(till.channels.http.as_ref().unwrap().address, ""));
    while till.channels.hub.count(Kind::Socket) == 0 {
        std::thread::yield_now();
    }
    let mut stdout = Vec::new();
    let mut output = Output::new(&flags, &mut stdout);

    let manifest: Value =
        serde_json::from_slice(&fs::read(testdata().join("manifest.json")).unwrap()).unwrap();
    let (mut searched, mut told) = (Vec::new(), Vec::new());
    for case in manifest["cases"].as_array().unwrap() {
        let purpose = ready_made(case["purpose"].as_str().unwrap()).unwrap();
        let (report, leaks) = (report(case), leaks(case));
        let hostile = hostile(&report, &leaks);
        // The search finds what is there.
        assert!(leaks.iter().step_by(3).all(|leak| {
            let leak = json!(String::from_utf8_lossy(leak)).to_string();
            has(hostile.to_string().as_bytes(), leak.trim_matches('"').as_bytes())
        }));
        // What a service gone bad calls true is none of the conditions.
        for (report, accepted) in [(report, "A0\r\n"), (hostile, "N0\r\n")] {
            till.begin();
            let result = Ok(report);
            let event = till.end(&result, &purpose, Duration::ZERO);
            output.write(result.as_ref().unwrap(), &event).unwrap();
            let expected = match case["verdict"].as_str().unwrap() {
                "accepted" => accepted,
                "rejected" => "R1\r\n",
                _ => "U2\r\n",
            };
            assert_eq!(code(&mut line), expected, "{}", case["name"]);
            told.push(event.line());
        }
        searched.extend(leaks);
    }
    drop(till);
    assert!(!Path::new(&path("till")).exists());

    let cases = told.len() / 2;
    assert!(
        searched.len() > 3 * INVENTED.len() * cases,
        "the test data holds claims of its own"
    );
    let (socket, stream) = (socket.join().unwrap(), stream.join().unwrap());
    let lines: Vec<&str> = std::str::from_utf8(&stdout).unwrap().lines().collect();
    assert_eq!(lines, told);
    assert_eq!(
        std::str::from_utf8(&socket).unwrap().lines().collect::<Vec<_>>(),
        told
    );
    let stream_text = std::str::from_utf8(&stream).unwrap();
    let data: Vec<&str> = stream_text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect();
    assert_eq!(data, told);
    assert!(
        told.iter()
            .any(|line| line.contains(r#""answer":{"over_20":true}"#))
    );
    assert!(
        searched.len() > 3 * 10,
        "the test data holds claims: {}",
        searched.len()
    );
    for (channel, bytes) in [("stdout", &stdout), ("socket", &socket), ("HTTP", &stream)] {
        let leaked = searched.iter().filter(|leak| has(bytes, leak)).count();
        assert_eq!(leaked, 0, "claims on {channel}");
    }
}

fn phase() -> TillEvent {
    TillEvent::Phase(PhaseEvent {
        transaction: None,
        at: Clock::System.now(),
        step: Step::Waiting,
    })
}

fn channels(folder: &Path, more: &[String]) -> Channels {
    fs::write(folder.join("keys"), KEY).unwrap();
    Channels::open(&flags(more)).unwrap()
}

/// Tells until nobody of the kind listens: how many events that took.
fn until_dropped(hub: &Hub, kind: Kind) -> usize {
    let is_dropped = |_: &usize| {
        hub.publish(&phase());
        hub.count(kind) == 0
    };
    (0..1_000_000)
        .find(is_dropped)
        .expect("a till that does not read is dropped")
}

#[test]
fn a_till_on_the_socket_that_does_not_read_is_dropped_and_one_that_reads_is_not() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("till");
    let channels = channels(folder.path(), &[format!("--till-socket={}", socket.display())]);
    let mut reading = BufReader::new(UnixStream::connect(&socket).unwrap());
    while channels.hub.count(Kind::Socket) == 0 {
        std::thread::yield_now();
    }
    for _ in 0..1000 {
        channels.publish(&phase());
        line_with(&mut reading, r#"{"event":"phase""#);
    }
    assert_eq!(channels.hub.count(Kind::Socket), 1);
    // From here on it does not read.
    until_dropped(&channels.hub, Kind::Socket);
    drop(channels);
}

#[test]
fn a_till_over_http_that_does_not_read_is_dropped_and_one_that_reads_is_not() {
    let folder = TempDir::new().unwrap();
    let keys = format!("--till-key-file={}", folder.path().join("keys").display());
    let channels = channels(folder.path(), &["--till-http=127.0.0.1:0".to_owned(), keys]);
    let mut reading = events(channels.http.as_ref().unwrap().address, "");
    for _ in 0..200 {
        channels.publish(&phase());
        line_with(&mut reading, "data: ");
    }
    assert_eq!(channels.hub.count(Kind::Http), 1);
    until_dropped(&channels.hub, Kind::Http);
    // Its connection goes too, though it still reads nothing: it is one of few.
    #[cfg(target_os = "linux")]
    {
        let end = std::time::Instant::now() + PATIENCE;
        while is_held(reading.get_ref()) {
            assert!(std::time::Instant::now() < end, "the connection stays");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    drop(channels);
}

/// Whether anybody holds the other end of a connection over IPv4 on this machine; what was sent may still be on its way.
#[cfg(target_os = "linux")]
fn is_held(stream: &TcpStream) -> bool {
    let ports =
        [stream.peer_addr(), stream.local_addr()].map(|address| format!("{:04X}", address.unwrap().port()));
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = |field: usize, port: &String| fields[field].ends_with(&format!(":{port}"));
        // A connection that nobody holds has no inode.
        fields.len() > 9 && is_it(1, &ports[0]) && is_it(2, &ports[1]) && fields[9] != "0"
    })
}

#[test]
fn no_thread_of_the_socket_outlives_its_channels() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("till");
    let channels = channels(folder.path(), &[format!("--till-socket={}", socket.display())]);
    let till = UnixStream::connect(&socket).unwrap();
    while channels.hub.count(Kind::Socket) == 0 {
        std::thread::yield_now();
    }
    let hub = Arc::clone(&channels.hub);
    drop(channels);
    assert_eq!(Arc::strong_count(&hub), 1);
    assert_eq!((&till).read(&mut [0]).unwrap(), 0, "it is let go");
}

#[test]
fn a_till_on_the_socket_that_leaves_makes_room() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("till");
    let channels = channels(folder.path(), &[format!("--till-socket={}", socket.display())]);
    let mut tills: Vec<UnixStream> = (0..16).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    while channels.hub.count(Kind::Socket) < 16 {
        std::thread::yield_now();
    }
    // One that only says that it sends nothing stays.
    tills[0].shutdown(std::net::Shutdown::Write).unwrap();
    let mut refused = UnixStream::connect(&socket).unwrap();
    assert_eq!(refused.read(&mut [0]).unwrap(), 0, "the 17th is let go");
    drop(tills.pop());
    // It is missed without any event.
    while channels.hub.count(Kind::Socket) == 16 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut late = BufReader::new(UnixStream::connect(&socket).unwrap());
    while channels.hub.count(Kind::Socket) < 16 {
        std::thread::yield_now();
    }
    channels.publish(&phase());
    line_with(&mut late, r#"{"event":"phase""#);
    line_with(&mut BufReader::new(&tills[0]), r#"{"event":"phase""#);
}

#[test]
fn a_quiet_stream_has_a_heartbeat() {
    let folder = TempDir::new().unwrap();
    let (keys, hub) = (folder.path().join("keys"), Arc::new(Hub::default()));
    fs::write(&keys, KEY).unwrap();
    let gate = Gate::load("127.0.0.1:0", &keys, &[]).unwrap_or_else(|_| panic!("a good key"));
    let http = Http::open(gate, &hub, Duration::from_millis(5)).unwrap();
    let mut stream = events(http.address, "");
    line_with(&mut stream, ": still there");
    line_with(&mut stream, ": still there");
    hub.publish(&phase());
    line_with(&mut stream, "data: ");
    hub.end();
    drop(http);
}

#[test]
fn a_till_over_http_that_comes_back_hears_what_it_missed() {
    let folder = TempDir::new().unwrap();
    let keys = format!("--till-key-file={}", folder.path().join("keys").display());
    let channels = channels(folder.path(), &["--till-http=127.0.0.1:0".to_owned(), keys]);
    let address = channels.http.as_ref().unwrap().address;
    let mut stream = events(address, "");
    channels.publish(&phase());
    let heard = line_with(&mut stream, "id: ");
    drop(stream);
    channels.publish(&phase());
    channels.publish(&phase());
    let mut back = events(address, &format!("Last-Event-ID: {}\r\n", &heard[4..]));
    assert_eq!(line_with(&mut back, "id: "), heard.replace("-1", "-2"));
    assert_eq!(line_with(&mut back, "id: "), heard.replace("-1", "-3"));
    // Of a run before this one everything that is kept is new.
    let mut other = events(address, "Last-Event-ID: 00-2\r\n");
    assert_eq!(line_with(&mut other, "id: "), heard);
}

#[test]
fn a_serial_line_may_come_later_and_be_plugged_in_again() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("line");
    let till = Till::open(
        &flags(&[format!("--till-serial={},115200", path.display())]),
        &ready_made("age-20").unwrap(),
    )
    .unwrap();
    let purpose = ready_made("age-20").unwrap();
    let end = || till.end(&Err(Failure::Engagement), &purpose, Duration::ZERO);
    end();
    // A line is a device: a file of the same name is none, and gets nothing.
    fs::write(&path, "mine").unwrap();
    end();
    for _ in 0..2 {
        let (mut line, device) = terminal();
        fs::remove_file(&path).unwrap();
        symlink(device, &path).unwrap();
        end();
        assert_eq!(code(&mut line), "F3\r\n");
        drop(line);
    }
}
