//! What a service manager hears of a serving counter, over a real datagram socket. No phone comes, so that this machine need
//! not have Bluetooth.

#![cfg(all(feature = "bluetooth", target_os = "linux"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

/// Longer than any machine needs that is not broken.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the manager watches by, in microseconds.
const WATCHDOG: &str = "2000000";

/// A counter, and the socket of the manager that started it. The counter ends with it.
struct Started {
    counter: Child,
    input: Option<ChildStdin>,
    manager: UnixDatagram,
    _folder: tempfile::TempDir,
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.counter.kill();
        let _ = self.counter.wait();
    }
}

fn start(watchdog: Option<&str>) -> Started {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_reader"));
    command
        .args(["serve", "--purpose", "age-20"])
        .env("NOTIFY_SOCKET", &path)
        .env_remove("WATCHDOG_PID")
        .env_remove("WATCHDOG_USEC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(watchdog) = watchdog {
        command.env("WATCHDOG_USEC", watchdog);
    }
    let mut counter = command.spawn().unwrap();
    let input = counter.stdin.take();
    Started {
        counter,
        input,
        manager,
        _folder: folder,
    }
}

impl Started {
    /// The next message within that time.
    fn heard(&self, within: Duration) -> Option<String> {
        let mut bytes = [0; 4096];
        self.manager.set_read_timeout(Some(within)).unwrap();
        let length = self.manager.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
    }

    /// The first message.
    fn ready(&self) -> String {
        self.heard(PATIENCE).unwrap()
    }

    fn type_line(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Blocks the loop: results that nobody reads fill the pipe. Gives how many lines that took.
    fn block(&mut self) -> u32 {
        for number in 0..20_000 {
            self.type_line(&format!("line {number}"));
            loop {
                match self.heard(Duration::from_secs(5)) {
                    Some(message) if message.contains("STATUS=waiting") => break,
                    Some(_) => {}
                    None => return number,
                }
            }
        }
        panic!("the pipe never filled");
    }
}

#[test]
fn a_counter_that_waits_for_phones_is_ready_and_says_its_step() {
    let started = start(Some(WATCHDOG));
    let lines: Vec<String> = started.ready().lines().map(str::to_owned).collect();
    assert_eq!(
        lines,
        [
            "READY=1",
            "STATUS=waiting: scan the code that the phone shows",
            "WATCHDOG_USEC=2000000",
            "WATCHDOG=1"
        ]
    );
}

#[test]
fn a_waiting_counter_gives_signs_of_life_and_one_that_is_not_watched_none() {
    let watched = start(Some(WATCHDOG));
    watched.ready();
    for _ in 0..3 {
        assert_eq!(watched.heard(PATIENCE).as_deref(), Some("WATCHDOG=1\n"));
    }
    let unwatched = start(None);
    assert_eq!(
        unwatched.ready(),
        "READY=1\nSTATUS=waiting: scan the code that the phone shows\n"
    );
    assert_eq!(unwatched.heard(Duration::from_secs(2)), None);
}

#[test]
fn a_blocked_loop_gives_no_sign_of_life_and_one_that_goes_on_does() {
    let mut started = start(Some(WATCHDOG));
    started.ready();
    assert!(started.block() > 10, "the pipe holds more than that");
    // Longer than the manager waits: it would have ended the counter by now.
    assert_eq!(started.heard(Duration::from_secs(5)), None);
    // The twin: somebody reads the results, and the same loop lives.
    let results = BufReader::new(started.counter.stdout.take().unwrap());
    let reading = std::thread::spawn(move || results.lines().map_while(Result::ok).count());
    assert!(started.heard(PATIENCE).is_some());
    drop(started.input.take());
    started.counter.wait().unwrap();
    assert!(reading.join().unwrap() > 10);
}

#[test]
fn what_is_scanned_never_reaches_the_manager() {
    const SECRET: &str = "mdoc:SECRETENGAGEMENTTEXT";
    let mut started = start(None);
    started.ready();
    started.type_line(SECRET);
    let said = started.heard(PATIENCE).unwrap();
    assert_eq!(said, "STATUS=waiting: scan the code that the phone shows\n");
    drop(started.input.take());
    assert_eq!(started.heard(PATIENCE).as_deref(), Some("STOPPING=1\n"));
    assert!(started.counter.wait().unwrap().success());
}

#[test]
fn a_counter_that_does_not_start_is_never_ready() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_reader"))
        .args(["serve", "--purpose", "no-such-purpose"])
        .env("NOTIFY_SOCKET", &path)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(64));
    manager.set_nonblocking(true).unwrap();
    let silence = manager.recv(&mut [0; 16]).unwrap_err();
    assert_eq!(silence.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_manager_that_is_gone_keeps_no_counter_from_serving() {
    let output = Command::new(env!("CARGO_BIN_EXE_reader"))
        .args(["serve", "--purpose", "age-20"])
        .env("NOTIFY_SOCKET", Path::new("/nonexistent/notify"))
        .env("WATCHDOG_USEC", "not a number")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}
