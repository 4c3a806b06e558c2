//! The till link of the program itself: what runs without a phone.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

const KEY: &str = "a-pairing-key-for-tests-only";
const ORIGIN: &str = "https://till.example";
/// Long enough for a slow machine, short enough to end a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);
const ANY_PORT: [&str; 2] = ["--till-http", "127.0.0.1:0"];

fn serve(folder: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reader"));
    command
        .args(["serve", "--purpose", "age-20", "--quiet"])
        .args(more)
        .current_dir(folder);
    command
}

/// A folder with a file of keys.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("keys"), KEY).unwrap();
    fs::set_permissions(folder.path().join("keys"), fs::Permissions::from_mode(0o600)).unwrap();
    folder
}

/// What a counter says that does not start.
fn refused(folder: &Path, more: &[&str]) -> String {
    let output: Output = serve(folder, more).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

/// A counter at work; killed with the test.
struct Counter {
    child: Child,
    scanned: u32,
    codes: Option<ChildStdin>,
    results: Option<BufReader<ChildStdout>>,
    words: BufReader<ChildStderr>,
}

impl Counter {
    fn start(folder: &Path, more: &[&str]) -> Self {
        let mut child = serve(folder, more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            codes: child.stdin.take(),
            results: child.stdout.take().map(BufReader::new),
            words: BufReader::new(child.stderr.take().unwrap()),
            child,
            scanned: 0,
        }
    }

    /// One with HTTP, and where it is.
    fn with_http(folder: &Path) -> (Self, SocketAddr) {
        let flags = ["--till-key-file", "keys", "--till-origin", ORIGIN];
        let mut counter = Self::start(folder, &[&ANY_PORT[..], &flags].concat());
        let line = line_with(&mut counter.words, "reader: tills: http://");
        let address = line["reader: tills: http://".len()..]
            .strip_suffix("/v1/events")
            .unwrap();
        let address = address.parse().unwrap();
        (counter, address)
    }

    /// One transaction that fails, and its line on standard output.
    fn fail(&mut self) -> Value {
        self.scan();
        self.result()
    }

    /// A line that is no code. Each is another one: the same again, while it is in work, changes nothing.
    fn scan(&mut self) {
        self.scanned += 1;
        let line = format!("no code {}\n", self.scanned);
        self.codes.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
    }

    fn result(&mut self) -> Value {
        let mut line = String::new();
        self.results.as_mut().unwrap().read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// The counter is told to end: its exit status.
    fn terminate(&mut self) -> Option<i32> {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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

/// The first line on the socket. The connection counts when it was taken, so that something happens until a line comes.
fn heard(till: &mut BufReader<UnixStream>, mut happen: impl FnMut()) -> String {
    till.get_ref()
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let mut line = String::new();
    while !line.ends_with('\n') {
        happen();
        // A line that is cut by the timeout goes on with the next look.
        let _ = till.read_line(&mut line);
    }
    till.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    line
}

/// The status of an answer, its head and its body.
type Answer = (u16, String, Vec<u8>);

/// Sends a request, and reads its answer until the other side ends.
fn raw(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // That nobody takes the rest of it any more shows in the answer.
    let _ = stream.write_all(request.as_bytes());
    let mut bytes = Vec::new();
    // Where more was sent than was read, the end is a reset.
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a head");
    let head = String::from_utf8(bytes[..end].to_vec())
        .unwrap()
        .to_ascii_lowercase();
    (head[9..12].parse().unwrap(), head, bytes[end + 4..].to_vec())
}

fn ask(address: SocketAddr, first: &str, headers: &str) -> Answer {
    raw(
        address,
        &format!("{first} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n"),
    )
}

fn with_key(headers: &str) -> String {
    format!("Authorization: Bearer {KEY}\r\n{headers}")
}

/// The end of the type of a problem, behind its status.
fn problem((status, _, body): &Answer) -> (u16, String) {
    let problem: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(problem["status"], *status);
    let kind = problem["type"].as_str().unwrap();
    (
        *status,
        kind.strip_prefix("urn:mdoc-verifier:till:").unwrap().to_owned(),
    )
}

fn is(status: u16, kind: &str) -> (u16, String) {
    (status, kind.to_owned())
}

/// A stream behind its head; the status where it is refused.
fn stream(address: SocketAddr, first: &str, headers: &str) -> Result<BufReader<TcpStream>, u16> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("{first} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut stream = BufReader::new(stream);
    let status = line_with(&mut stream, "HTTP/1.1 ")[9..12].parse().unwrap();
    if status != 200 {
        return Err(status);
    }
    line_with(&mut stream, ": the counter is there");
    Ok(stream)
}

#[test]
fn a_failed_transaction_reaches_every_till_and_a_signal_ends_them() {
    let folder = folder();
    let socket = folder.path().join("till");
    let flags = [
        "--stdout",
        "till",
        "--till-key-file",
        "keys",
        "--till-socket",
        "till",
    ];
    let mut counter = Counter::start(folder.path(), &[&flags[..], &ANY_PORT].concat());
    let line = line_with(&mut counter.words, "reader: tills: http://");
    let address = line["reader: tills: http://".len()..]
        .strip_suffix("/v1/events")
        .unwrap();
    let address: SocketAddr = address.parse().unwrap();
    let mut events = stream(address, "GET /v1/events", &with_key("")).unwrap();
    // The socket is made behind the address, and before the first code is read.
    let first = counter.fail();
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o660);
    let mut till = BufReader::new(UnixStream::connect(&socket).unwrap());
    let mut told = vec![first];
    let line = heard(&mut till, || told.push(counter.fail()));
    assert!(line.starts_with(r#"{"event":""#), "{line}");
    for result in &told {
        let data = line_with(&mut events, r#"data: {"event":"result""#);
        assert_eq!(serde_json::from_str::<Value>(&data[6..]).unwrap(), *result);
        assert_eq!(result["event"], "result");
        assert_eq!(
            (&result["verdict"], &result["answer"]),
            (&Value::Null, &json!({}))
        );
        assert_eq!(result["reasons"], json!(["session.engagement"]));
        assert_eq!(
            (&result["phase"], &result["purpose"]),
            (&json!("engagement"), &json!("age-20"))
        );
    }
    let (status, _, body) = ask(address, "GET /v1/last", &with_key(""));
    assert_eq!(status, 200);
    assert_eq!(
        serde_json::from_slice::<Value>(&body).unwrap(),
        told[told.len() - 1]
    );

    assert_eq!(counter.terminate(), Some(0));
    assert!(!socket.exists());
    let mut rest = Vec::new();
    till.read_to_end(&mut rest).unwrap();
    events.read_to_end(&mut rest).unwrap();
}

#[test]
fn standard_output_keeps_its_line_unless_it_is_told_otherwise() {
    let folder = folder();
    let mut counter = Counter::start(folder.path(), &[]);
    let expected = json!({ "verdict": null, "reason": "session.engagement", "phase": "engagement" });
    assert_eq!(counter.fail(), expected);
    drop(counter.codes.take());
    assert_eq!(counter.child.wait().unwrap().code(), Some(0));
    let mut words = String::new();
    counter.words.read_to_string(&mut words).unwrap();
    assert!(!words.contains("--stdout till"), "{words}");
}

#[test]
fn a_purpose_that_returns_values_is_warned_of_where_they_would_be_printed() {
    let words = |flags: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reader"));
        command
            .args(["serve", "--quiet", "--purpose", "identity-basic"])
            .args(flags);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(words(&[]).contains("returns values (address, birth_date, name)"));
    assert!(!words(&["--stdout", "till"]).contains("returns values"));
}

#[test]
fn wrong_flags_are_refused_with_what_to_do() {
    let folder = folder();
    fs::write(folder.path().join("short"), "short").unwrap();
    fs::write(folder.path().join("empty"), "# none\n").unwrap();
    let http = |address, keys| ["--till-http", address, "--till-key-file", keys];
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[2001:db8::1]:80"] {
        let words = refused(folder.path(), &http(address, "keys"));
        assert!(words.contains("tills are served on this machine only"), "{words}");
    }
    for (flags, fault) in [
        (
            &http("localhost:80", "keys")[..],
            "an address and a port are needed",
        ),
        (&http("127.0.0.1", "keys"), "an address and a port are needed"),
        (
            &http("127.0.0.1:99999", "keys"),
            "an address and a port are needed",
        ),
        (&http("127.0.0.1:0", "nowhere"), "cannot read nowhere"),
        (
            &http("127.0.0.1:0", "short"),
            "a pairing key has 20 characters or more",
        ),
        (&http("127.0.0.1:0", "empty"), "the file holds no key"),
        (&["--till-http", "127.0.0.1:0"], "--till-key-file"),
        (&["--till-key-file", "keys"], "--till-http"),
        (&["--till-origin", ORIGIN], "--till-http"),
        (
            &["--till-serial", "line,fast"],
            "the speed behind the comma is a number",
        ),
        (
            &["--till-socket", "nowhere/till"],
            "nowhere/till: cannot listen there",
        ),
        (&["--till-socket", "keys"], "no socket, and is left alone"),
        (&["--stdout", "all"], "possible values: report, till"),
    ] {
        let words = refused(folder.path(), flags);
        assert!(words.contains(fault), "{fault}: {words}");
    }
    let origin = [&http("127.0.0.1:0", "keys")[..], &["--till-origin", "*"]].concat();
    assert!(refused(folder.path(), &origin).contains("--till-origin *: an origin is a scheme"));
    assert_eq!(fs::read(folder.path().join("keys")).unwrap(), KEY.as_bytes());
}

#[test]
fn a_socket_left_behind_is_replaced_and_one_in_use_is_not() {
    let folder = folder();
    let socket = folder.path().join("till");
    let listener = UnixListener::bind(&socket).unwrap();
    let words = refused(folder.path(), &["--till-socket", "till"]);
    assert!(words.contains("another program listens there"), "{words}");
    drop(listener);
    assert!(socket.exists());
    let mut counter = Counter::start(folder.path(), &["--till-socket", "till"]);
    counter.fail();
    UnixStream::connect(&socket).unwrap();
    // Killed without a chance to clean up: the next one finds its way.
    counter.child.kill().unwrap();
    counter.child.wait().unwrap();
    assert!(socket.exists());
    let mut counter = Counter::start(folder.path(), &["--till-socket", "till"]);
    counter.fail();
    UnixStream::connect(&socket).unwrap();
    // What another program has put there since stays.
    fs::remove_file(&socket).unwrap();
    fs::write(&socket, "mine").unwrap();
    assert_eq!(counter.terminate(), Some(0));
    assert_eq!(fs::read(&socket).unwrap(), b"mine");
}

#[test]
fn only_this_machine_s_names_are_served() {
    let folder = folder();
    let (_counter, address) = Counter::with_http(folder.path());
    let by = |host: &str| {
        raw(
            address,
            &format!("GET /v1/health HTTP/1.1\r\n{host}Connection: close\r\n\r\n"),
        )
    };
    for host in ["Host: localhost\r\n", "Host: 127.0.0.1:1\r\n", "Host: [::1]\r\n"] {
        assert_eq!(by(host).0, 200, "{host}");
    }
    for host in [
        "Host: till.example\r\n",
        "Host: localhost.till.example\r\n",
        "Host: 10.0.0.1\r\n",
        "Host: 127.0.0.1.till.example\r\n",
        "Host: \r\n",
        "",
        "Host: localhost\r\nHost: till.example\r\n",
    ] {
        let answer = by(host);
        assert!([400, 421].contains(&answer.0), "{host}: {}", answer.1);
        assert!(!String::from_utf8_lossy(&answer.2).contains("\"ok\""), "{host}");
    }
    assert_eq!(problem(&by("Host: till.example\r\n")), is(421, "host-refused"));
    // Also where the target brings the host.
    let target = |host: &str| {
        raw(
            address,
            &format!("GET http://{host}/v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        )
    };
    assert_eq!(problem(&target("till.example")), is(421, "host-refused"));
    assert_eq!(target("localhost").0, 200);
}

#[test]
fn only_allowed_pages_may_ask() {
    let folder = folder();
    let (_counter, address) = Counter::with_http(folder.path());
    let from = |origin: &str| {
        ask(
            address,
            "GET /v1/last",
            &with_key(&format!("Origin: {origin}\r\n")),
        )
    };
    let (status, head, _) = from(ORIGIN);
    assert_eq!(status, 204);
    assert!(
        head.contains("access-control-allow-origin: https://till.example\r\n"),
        "{head}"
    );
    assert!(
        head.contains("vary: origin") && head.contains("cache-control: no-store"),
        "{head}"
    );
    for origin in [
        "null",
        "https://evil.example",
        "http://till.example",
        "https://till.example:8443",
        "https://till.example/",
        "https://TILL.example",
        "https://till.example.evil.example",
        "*",
        "",
    ] {
        let answer = from(origin);
        assert_eq!(problem(&answer), is(403, "origin-refused"), "{origin}");
        assert!(!answer.1.contains("access-control"), "{origin}: {}", answer.1);
    }
    let two = with_key(&format!("Origin: {ORIGIN}\r\nOrigin: {ORIGIN}\r\n"));
    assert_eq!(
        problem(&ask(address, "GET /v1/last", &two)),
        is(403, "origin-refused")
    );
    // An allowed page needs a key all the same; what is no page needs nothing but a key.
    let page = ask(address, "GET /v1/last", &format!("Origin: {ORIGIN}\r\n"));
    assert_eq!(problem(&page), is(401, "key-missing"));
    assert!(page.1.contains("access-control-allow-origin"), "{}", page.1);
    assert_eq!(ask(address, "GET /v1/last", &with_key("")).0, 204);
}

#[test]
fn a_preflight_is_answered_for_allowed_pages_alone() {
    let folder = folder();
    let (_counter, address) = Counter::with_http(folder.path());
    let ask_first = |origin: &str, more: &str| {
        let headers = format!("{origin}Access-Control-Request-Method: GET\r\n{more}");
        ask(address, "OPTIONS /v1/events", &headers)
    };
    let origin = format!("Origin: {ORIGIN}\r\n");
    let (status, head, _) = ask_first(&origin, "");
    assert_eq!(status, 204);
    assert!(
        head.contains("access-control-allow-headers: authorization, last-event-id"),
        "{head}"
    );
    assert!(!head.contains("private-network"), "{head}");
    let head = ask_first(&origin, "Access-Control-Request-Private-Network: true\r\n").1;
    assert!(
        head.contains("access-control-allow-private-network: true"),
        "{head}"
    );
    let answer = ask_first("Origin: https://evil.example\r\n", "");
    assert_eq!(problem(&answer), is(403, "origin-refused"));
    assert!(!answer.1.contains("access-control"), "{}", answer.1);
    assert_eq!(problem(&ask_first("", "")), is(405, "method-not-allowed"));
}

#[test]
fn everything_but_health_needs_a_key() {
    let folder = folder();
    let (_counter, address) = Counter::with_http(folder.path());
    assert_eq!(ask(address, "GET /v1/health", "").0, 200);
    for first in ["GET /v1/last", "GET /v1/events", "POST /v1/tickets"] {
        assert_eq!(
            problem(&ask(address, first, "")),
            is(401, "key-missing"),
            "{first}"
        );
        let unknown = format!("Authorization: Bearer {KEY}x\r\n");
        let answer = ask(address, first, &unknown);
        assert_eq!(problem(&answer), is(401, "key-unknown"), "{first}");
        assert!(
            answer.1.contains("www-authenticate: bearer") && !answer.1.contains(KEY),
            "{}",
            answer.1
        );
        let basic = format!("Authorization: Basic {KEY}\r\n");
        assert_eq!(
            problem(&ask(address, first, &basic)),
            is(401, "key-missing"),
            "{first}"
        );
    }
    assert_eq!(ask(address, "GET /v1/last", &with_key("")).0, 204);
    assert!(stream(address, "GET /v1/events", &with_key("")).is_ok());
    // A key in the address would stand in histories.
    let query = format!("GET /v1/events?key={KEY}");
    assert_eq!(problem(&ask(address, &query, "")), is(400, "query-invalid"));
}

#[test]
fn a_ticket_opens_one_stream() {
    let folder = folder();
    let (mut counter, address) = Counter::with_http(folder.path());
    let issue = || {
        let (status, head, body) = ask(address, "POST /v1/tickets", &with_key("Content-Length: 0\r\n"));
        assert_eq!(status, 201, "{head}");
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer["expires_in"], 60);
        answer["ticket"].as_str().unwrap().to_owned()
    };
    let ticket = issue();
    let first = format!("GET /v1/events?ticket={ticket}");
    let mut events = stream(address, &first, &format!("Origin: {ORIGIN}\r\n")).unwrap();
    counter.fail();
    line_with(&mut events, "data: ");
    assert_eq!(problem(&ask(address, &first, "")), is(401, "ticket-unknown"));
    // A wrong ticket is no ticket, whatever else comes with it.
    for wrong in ["", "0", &"0".repeat(64), &issue().to_uppercase()] {
        let first = format!("GET /v1/events?ticket={wrong}");
        assert_eq!(
            problem(&ask(address, &first, &with_key(""))),
            is(401, "ticket-unknown"),
            "{wrong}"
        );
    }
    let first = format!("GET /v1/last?ticket={}", issue());
    assert_eq!(
        problem(&ask(address, &first, "")),
        is(401, "key-missing"),
        "for streams only"
    );
    let first = format!("GET /v1/events?ticket={}", issue());
    let refused = ask(address, &first, "Origin: https://evil.example\r\n");
    assert_eq!(problem(&refused), is(403, "origin-refused"));
    assert!(
        stream(address, &first, "").is_ok(),
        "a page that may not ask uses none up"
    );
}

#[test]
fn requests_out_of_form_are_refused() {
    let folder = folder();
    let (_counter, address) = Counter::with_http(folder.path());
    for (first, allow) in [
        ("POST /v1/last", "get"),
        ("DELETE /v1/events", "get"),
        ("HEAD /v1/last", "get"),
        ("PUT /v1/health", "get"),
        ("GET /v1/tickets", "post"),
    ] {
        let answer = ask(address, first, &with_key(""));
        assert_eq!(answer.0, 405, "{first}");
        assert!(
            answer.1.contains(&format!("\r\nallow: {allow}")),
            "{first}: {}",
            answer.1
        );
    }
    for first in [
        "GET /",
        "GET /v1",
        "GET /v1/last/",
        "GET /v1/../v1/last",
        "GET /v2/events",
    ] {
        assert_eq!(
            problem(&ask(address, first, &with_key(""))),
            is(404, "resource-unknown"),
            "{first}"
        );
    }
    for body in [
        "Content-Length: 1\r\n\r\nx",
        "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
    ] {
        let answer = ask(address, "POST /v1/tickets", &with_key(body));
        assert_eq!(problem(&answer), is(413, "body-refused"), "{body}");
    }
    assert_eq!(
        ask(address, "POST /v1/tickets", &with_key("Content-Length: 0\r\n")).0,
        201
    );
    let padded = |length: usize| {
        ask(
            address,
            "GET /v1/last",
            &with_key(&format!("X: {}\r\n", "x".repeat(length))),
        )
    };
    assert_eq!(padded(10_000).0, 204);
    assert_eq!(padded(200_000).0, 431);
    assert_eq!(raw(address, "\u{0}\u{1}\r\n\r\n").0, 400);
    assert_eq!(
        ask(address, "GET /v1/last", &with_key("")).0,
        204,
        "the counter is still there"
    );
}

#[test]
fn the_ninth_stream_is_refused_until_one_ends() {
    let folder = folder();
    let (mut counter, address) = Counter::with_http(folder.path());
    let open = || stream(address, "GET /v1/events", &with_key(""));
    let mut streams: Vec<_> = (0..8).map(|_| open().unwrap()).collect();
    assert_eq!(
        problem(&ask(address, "GET /v1/events", &with_key(""))),
        is(503, "tills-full")
    );
    drop(streams.pop());
    let mut again = loop {
        if let Ok(stream) = open() {
            break stream;
        }
        // A till that has gone is noticed as it is told something.
        counter.fail();
    };
    counter.fail();
    line_with(&mut again, "data: ");
    for stream in &mut streams {
        line_with(stream, "data: ");
    }
}

#[test]
fn a_counter_goes_on_without_its_standard_output_where_others_are_told() {
    let folder = folder();
    let mut counter = Counter::start(folder.path(), &["--till-socket", "till"]);
    counter.fail();
    let socket = UnixStream::connect(folder.path().join("till")).unwrap();
    drop(counter.results.take());
    counter.scan();
    line_with(
        &mut counter.words,
        "reader: warning: nobody reads standard output any more",
    );
    let mut socket = BufReader::new(socket);
    assert!(heard(&mut socket, || counter.scan()).starts_with(r#"{"event":""#));
    assert_eq!(counter.terminate(), Some(0));
    // Where nobody else is told, it ends.
    let mut alone = Counter::start(folder.path(), &[]);
    drop(alone.results.take());
    alone.scan();
    line_with(&mut alone.words, "reader: nobody reads the results");
    assert_eq!(alone.child.wait().unwrap().code(), Some(64));
}

#[test]
fn who_is_refused_keeps_no_connection() {
    let folder = folder();
    let (_counter, address) = Counter::with_http(folder.path());
    // Without the word close: such a connection would otherwise wait for a next request.
    let ask = |headers: &str| raw(address, &format!("GET /v1/last HTTP/1.1\r\n{headers}\r\n"));
    let host = format!("Host: {address}\r\n");
    for (headers, problem) in [
        ("Host: till.example\r\n".to_owned(), is(421, "host-refused")),
        (format!("{host}Origin: null\r\n"), is(403, "origin-refused")),
        (host.clone(), is(401, "key-missing")),
        (
            format!("{host}Authorization: Bearer no-such-key\r\n"),
            is(401, "key-unknown"),
        ),
    ] {
        let answer = ask(&headers);
        assert_eq!(self::problem(&answer), problem);
        assert!(answer.1.contains("\r\nconnection: close"), "{}", answer.1);
    }
}

#[test]
fn what_may_pass_by_itself_ends_with_a_status_of_its_own() {
    let folder = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let http = |address: &str| {
        let flags = ["--till-http", address, "--till-key-file", "keys"];
        let output = serve(folder.path(), &flags)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, words) = http(&address);
    assert_eq!(status, Some(69), "{words}");
    assert!(words.contains("cannot listen there"), "{words}");
    drop(taken);
    assert_eq!(http(&address).0, Some(0));
    assert_eq!(http("0.0.0.0:0").0, Some(64), "that stays wrong");
}
