//! The program `reader serve` with scanners on serial ports. A port is a pseudo-terminal, whose other end is the test. There is
//! no Bluetooth service where the program looks for one, so that a code that has come whole shows as a transaction that
//! fails for that reason, and for no other. Scanners that are keyboards are tried in tests/ble-lab, whose kernel has them.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;

/// For what comes at once on a machine that is not busy.
const SOON: Duration = Duration::from_secs(60);

/// What a transaction comes to here once the code has been read.
const READ: &str = "bluetooth.service";

/// A counter at work.
struct Reader {
    child: Child,
    results: Receiver<String>,
    words: Receiver<String>,
    /// Everything on standard error so far.
    said: String,
}

impl Reader {
    fn command(program: &Path, trust: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(["serve", "--purpose", "age-20", "--trust"])
            .arg(trust)
            .args(arguments)
            .env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
            .env("RUST_LOG", "trace")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn start(arguments: &[&str]) -> Self {
        Self::of(&mut Self::command(
            Path::new(env!("CARGO_BIN_EXE_reader")),
            &trust(),
            arguments,
        ))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let results = lines(child.stdout.take().unwrap());
        let words = lines(child.stderr.take().unwrap());
        Self {
            child,
            results,
            words,
            said: String::new(),
        }
    }

    /// Waits until a line with these words is on standard error that has not been waited for.
    fn says(&mut self, expected: &str) -> String {
        let end = Instant::now() + SOON;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self
                .words
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("never said {expected:?}, but: {}", self.said));
            self.said.push_str(&line);
            self.said.push('\n');
            if line.contains(expected) {
                return line;
            }
        }
    }

    /// The reason of the next transaction.
    fn reason(&mut self) -> String {
        let line = self.results.recv_timeout(SOON).unwrap_or_else(|_| {
            self.said.extend(self.words.try_iter());
            panic!("no result, but: {}", self.said)
        });
        let report: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(report["verdict"], Value::Null);
        report["reason"].as_str().unwrap().to_owned()
    }

    fn type_line(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    fn tell(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end; no result was left.
    fn ends(mut self) -> (ExitStatus, String) {
        let end = Instant::now() + SOON;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "does not end: {}", self.said);
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(self.results.iter().collect::<Vec<_>>(), Vec::<String>::new());
        for line in self.words.iter() {
            self.said.push_str(&line);
            self.said.push('\n');
        }
        (status, core::mem::take(&mut self.said))
    }

    /// Tells it to end; what it has said in its life.
    fn end(self) -> String {
        self.tell(Signal::TERM);
        let (status, said) = self.ends();
        assert_eq!(status.code(), Some(0), "{said}");
        said
    }
}

impl Drop for Reader {
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

fn trust() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/mdl-age/trust")
}

/// A scanner that is plugged in under a name.
struct Scanner {
    cable: File,
    name: PathBuf,
}

impl Scanner {
    fn plug(name: &Path) -> Self {
        let cable = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&cable).unwrap();
        unlockpt(&cable).unwrap();
        let device = ptsname(&cable, Vec::new()).unwrap();
        symlink(device.to_str().unwrap(), name).unwrap();
        Self {
            cable: cable.into(),
            name: name.to_owned(),
        }
    }

    fn sends(&mut self, bytes: impl AsRef<[u8]>) {
        self.cable.write_all(bytes.as_ref()).unwrap();
    }

    fn unplug(self) {
        fs::remove_file(&self.name).unwrap();
    }
}

/// A folder with room for ports, and the name of one.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("scanner");
    (folder, name)
}

/// A counter with one scanner that is ready.
fn with_scanner(name: &Path, more: &[&str]) -> (Reader, Scanner) {
    let scanner = Scanner::plug(name);
    let arguments = [&["--scanner-serial", name.to_str().unwrap()], more].concat();
    let mut reader = Reader::start(&arguments);
    reader.says(": ready");
    (reader, scanner)
}

/// The code of a phone, another for each number. It offers Bluetooth, so that the counter goes on with it.
fn code(number: u8) -> String {
    // The generator of P-256.
    let point = hex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
         4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
    let key = [
        &hex("a401022001215820"),
        &point[..32],
        &hex("225820"),
        &point[32..],
    ]
    .concat();
    let engagement = [
        hex("a30063312e30018201d81858"),
        vec![u8::try_from(key.len()).unwrap()],
        key,
        // One retrieval method: Bluetooth, the phone as the server of this UUID.
        hex("0281830201a300f501f40a50"),
        vec![number; 16],
    ]
    .concat();
    let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(engagement);
    format!("mdoc:{text}")
}

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> = digits.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap())
        .collect()
}

fn swap_case(text: &str) -> String {
    let swap = |letter: char| match letter.is_ascii_uppercase() {
        true => letter.to_ascii_lowercase(),
        false => letter.to_ascii_uppercase(),
    };
    text.chars().map(swap).collect()
}

/// Neither the result nor the log says anything of a code.
fn no_code_in(said: &str) {
    for number in 0..32 {
        let code = code(number);
        let body = &code["mdoc:".len()..];
        // The key is the same in all of them; the end is each one's own.
        for part in [&body[30..50], &body[body.len() - 20..]] {
            for part in [
                part.to_owned(),
                part.to_uppercase(),
                part.to_lowercase(),
                swap_case(part),
            ] {
                assert!(!said.contains(&part), "{part} of code {number} in: {said}");
            }
        }
    }
}

#[test]
fn a_code_is_read_however_it_is_framed() {
    let (_folder, name) = folder();
    let (mut reader, mut scanner) = with_scanner(&name, &[]);
    for (number, (before, after)) in [
        ("", "\r"),
        ("", "\n"),
        ("", "\r\n"),
        ("", "\t"),
        ("", "\0"),
        ("\u{2}", "\u{3}"),
        ("]Q1", "\r"),
        ("]Q3", "\r"),
        ("\u{2}]Q2\\000026", "\u{3}\r\n"),
        ("\r\n\r\n", "\r\n\r\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let code = code(u8::try_from(number).unwrap());
        scanner.sends(format!("{before}{code}{after}"));
        assert_eq!(reader.reason(), READ, "{before:?} {after:?}");
    }
    // In pieces, the scheme in capitals, and every letter as a caps lock leaves it.
    for byte in format!("{}\r", code(20)).bytes() {
        scanner.sends([byte]);
        std::thread::yield_now();
    }
    assert_eq!(reader.reason(), READ);
    scanner.sends(format!("MDOC:{}\r", &code(21)["mdoc:".len()..]));
    assert_eq!(reader.reason(), READ);
    scanner.sends(format!("{}\r", swap_case(&code(22))));
    assert_eq!(reader.reason(), READ);
    // Two at once are two customers: the first is let go, or was done.
    scanner.sends(format!("{}\r{}\r", code(23), code(24)));
    let first = reader.reason();
    assert!([READ, "session.terminated"].contains(&first.as_str()), "{first}");
    assert_eq!(reader.reason(), READ);
    no_code_in(&reader.end());
}

#[test]
fn what_is_no_code_is_told_and_the_wait_goes_on() {
    let (_folder, name) = folder();
    let (mut reader, mut scanner) = with_scanner(&name, &[]);
    let one = code(1);
    let broken = format!("{}!", code(2));
    for (number, (text, expected)) in [
        (
            &b"4901234567894"[..],
            "not the code of a mobile document: not the text of an mdoc engagement (session.engagement)",
        ),
        (
            one.to_uppercase().as_bytes(),
            "turned all letters into capitals, and with that the code is lost; \
             set it to keep upper and lower case as they are (scanner.case_folded)",
        ),
        (b"\x81\xfe\xffoc:", "bytes that are no text; give port and scanner the same speed, 8 data bits and no parity (scanner.garbled)"),
        (one.to_lowercase().as_bytes(), "turned all letters into small letters,"),
        (&[b'x'; 20_000], "more text than any code has; what came up to the next end of a line is dropped (scanner.too_long)"),
        (broken.as_bytes(), "the engagement's base64url has a character outside the alphabet (session.engagement)"),
        (
            format!("{}\u{2}", &one[..40]).as_bytes(),
            "text without an end; set the scanner to send Enter (CR) behind each code (scanner.unfinished)",
        ),
        (b"mdoc://verifier.example/request", "an mdoc:// link of a website, not an engagement (session.engagement)"),
    ]
    .into_iter()
    .enumerate()
    {
        scanner.sends(text);
        scanner.sends("\r");
        let line = reader.says(expected);
        let begins = format!("reader: scanner {}: ", name.display());
        assert!(line.starts_with(&begins), "{line}");
        // The next code is the next result: none was left of what came before.
        scanner.sends(format!("{}\r", code(u8::try_from(number).unwrap())));
        assert_eq!(reader.reason(), READ, "{expected}");
    }
    let said = reader.end();
    no_code_in(&said);
    for text in ["4901234567894", "xxxxxxxx", "verifier.example"] {
        assert!(!said.contains(text), "{text} in {said}");
    }
}

#[test]
fn a_line_that_nothing_ends_is_given_up_and_told() {
    let (_folder, name) = folder();
    let (mut reader, mut scanner) = with_scanner(&name, &[]);
    scanner.sends(code(1));
    reader.says("text without an end;");
    // Nothing of it is left before the next one.
    scanner.sends(format!("{}\r", code(2)));
    assert_eq!(reader.reason(), READ);
    reader.end();
}

#[test]
fn a_scanner_comes_and_goes_and_each_is_told_once() {
    let (_folder, name) = folder();
    let mut reader = Reader::start(&["--scanner-serial", name.to_str().unwrap()]);
    reader.says("it is not there; plug it in, it is looked for every second");
    for number in 0..3 {
        let mut scanner = Scanner::plug(&name);
        reader.says(": ready");
        scanner.sends(format!("{}\r", code(number)));
        assert_eq!(reader.reason(), READ);
        // Half a code goes with the scanner.
        scanner.sends(&code(number + 10)[..60]);
        scanner.unplug();
        reader.says("it is gone; plug it in again");
    }
    let said = reader.end();
    assert_eq!(said.matches("it is gone").count(), 3, "{said}");
    assert!(
        (1..=4).contains(&said.matches("it is not there").count()),
        "{said}"
    );
    assert!(!said.contains("scanner.unfinished"), "{said}");
}

#[test]
fn what_is_no_port_is_told_by_what_it_is() {
    let (folder, name) = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let absent = folder.path().join("absent");
    let _scanner = Scanner::plug(&name);
    let mut reader = Reader::start(&[
        "--scanner-serial",
        &format!("{},115200", name.display()),
        "--scanner-serial",
        file.to_str().unwrap(),
        "--scanner-serial",
        folder.path().to_str().unwrap(),
        "--scanner-serial",
        absent.to_str().unwrap(),
        "--scanner-keyboard",
        "/dev/null",
        "--scanner-keyboard",
        folder.path().join("keyboard").to_str().unwrap(),
    ]);
    let mut left = vec![
        format!("reader: scanner {}: ready", name.display()),
        format!("reader: scanner {}: it is no serial port", file.display()),
        format!(
            "reader: scanner {}: it is no serial port",
            folder.path().display()
        ),
        format!(
            "reader: scanner {}: it is not there; plug it in, it is looked for every second",
            absent.display()
        ),
        "reader: scanner /dev/null: it is no keyboard".to_owned(),
        format!(
            "reader: scanner {}/keyboard: it is not there; plug it in, it is looked for every second",
            folder.path().display()
        ),
    ];
    while !left.is_empty() {
        let line = reader.says("reader: scanner ");
        assert!(left.contains(&line), "{line}");
        left.retain(|expected| *expected != line);
    }
    reader.end();
}

#[test]
fn without_permission_the_group_is_named() {
    let (folder, name) = folder();
    let scanner = Scanner::plug(&name);
    let device = fs::canonicalize(&name).unwrap();
    let permit = |mode| fs::set_permissions(&device, Permissions::from_mode(mode)).unwrap();
    permit(0);
    let arguments = ["--scanner-serial", name.to_str().unwrap()];
    // Root may open everything, so that somebody else has to try, from where everybody can read.
    let mut command = if rustix::process::geteuid().is_root() {
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let program = folder.path().join("reader");
        fs::copy(env!("CARGO_BIN_EXE_reader"), &program).unwrap();
        let own_trust = folder.path().join("trust");
        fs::create_dir_all(own_trust.join("anchors")).unwrap();
        for anchor in fs::read_dir(trust().join("anchors")).unwrap() {
            let anchor = anchor.unwrap();
            fs::copy(anchor.path(), own_trust.join("anchors").join(anchor.file_name())).unwrap();
        }
        let mut command = Reader::command(&program, &own_trust, &arguments);
        command.uid(65534);
        command
    } else {
        Reader::command(Path::new(env!("CARGO_BIN_EXE_reader")), &trust(), &arguments)
    };
    let mut reader = Reader::of(&mut command);
    reader.says("no permission; make the user of this program a member of the group dialout and log in anew");
    // Its twin is permitted.
    permit(0o666);
    reader.says(": ready");
    let mut scanner = scanner;
    scanner.sends(format!("{}\r", code(1)));
    assert_eq!(reader.reason(), READ);
    let said = reader.end();
    assert_eq!(said.matches("no permission").count(), 1, "{said}");
}

#[test]
fn all_inputs_count_beside_each_other() {
    let (folder, name) = folder();
    let other = folder.path().join("other");
    let mut second = Scanner::plug(&other);
    let (mut reader, mut first) = with_scanner(&name, &["--scanner-serial", other.to_str().unwrap()]);
    reader.says(": ready");
    second.sends(format!("{}\r", code(1)));
    assert_eq!(reader.reason(), READ);
    first.sends(format!("{}\r", code(2)));
    assert_eq!(reader.reason(), READ);
    reader.type_line(&code(3));
    assert_eq!(reader.reason(), READ);
    // A line of standard input that is no code has a result, one of a scanner has none.
    first.sends("4901234567894\r");
    reader.says("(session.engagement)");
    reader.type_line("4901234567894");
    assert_eq!(reader.reason(), "session.engagement");
    reader.type_line(&code(4).to_uppercase());
    assert_eq!(reader.reason(), "scanner.case_folded");
    reader.type_line(&swap_case(&code(5)));
    assert_eq!(reader.reason(), READ);
    // A scanner that goes leaves the others at work.
    first.unplug();
    reader.says("it is gone");
    second.sends(format!("{}\r", code(6)));
    assert_eq!(reader.reason(), READ);
    no_code_in(&reader.end());
}

#[test]
fn the_end_of_standard_input_ends_a_counter_that_has_nothing_else() {
    let (_folder, name) = folder();
    let (mut reader, mut scanner) = with_scanner(&name, &[]);
    drop(reader.child.stdin.take());
    for number in 0..2 {
        scanner.sends(format!("{}\r", code(number)));
        assert_eq!(reader.reason(), READ);
    }
    reader.end();

    let mut reader = Reader::start(&[]);
    reader.says("waiting: ");
    drop(reader.child.stdin.take());
    assert_eq!(reader.ends().0.code(), Some(0));

    // What is on standard input does not count where it is not to be read.
    let (mut reader, mut scanner) = with_scanner(&name.with_extension("two"), &["--no-stdin"]);
    reader.type_line("4901234567894");
    drop(reader.child.stdin.take());
    scanner.sends(format!("{}\r", code(1)));
    assert_eq!(reader.reason(), READ);
    reader.end();
}

#[test]
fn wrong_usage_is_told_before_anything_is_opened() {
    let (_folder, name) = folder();
    let _scanner = Scanner::plug(&name);
    let name = name.to_str().unwrap();
    let with_speed = format!("{name},fast");
    for (arguments, expected) in [
        (
            &["--scanner-serial", &with_speed][..],
            "the speed behind the comma is a number from 300 to 4000000",
        ),
        (
            &["--scanner-serial", ",9600"],
            "the path of a serial port is missing",
        ),
        (
            &["--scanner-serial", name, "--scanner-serial", name],
            "this scanner is named twice",
        ),
        (
            &["--scanner-serial", name, "--scanner-keyboard", name],
            "this scanner is named twice",
        ),
        (
            &["--no-stdin"],
            "--no-stdin leaves nothing to wait for; name a scanner or a camera, or add --nfc",
        ),
    ] {
        let (status, said) = Reader::start(arguments).ends();
        assert_eq!(status.code(), Some(64), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("ready"), "{said}");
    }
}
