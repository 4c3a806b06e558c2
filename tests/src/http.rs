//! HTTP/1.1 spoken by hand, so that the tests decide about every byte that goes out.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Long enough for a slow machine, short enough to end a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A response.
#[derive(Debug)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its headers, the names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its content.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The content as JSON.
    ///
    /// # Panics
    /// It is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON in {self:?}"))
    }
}

/// A connection.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    ///
    /// # Panics
    /// Nobody listens.
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout can be set");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("a timeout can be set");
        stream.set_nodelay(true).expect("a socket option can be set");
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Sends bytes as they are. That nobody takes them any more shows in the response.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// Sends a request with a Content-Length.
    pub fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut head = head(method, path, headers);
        if method != "GET" && method != "HEAD" {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        self.send((head + "\r\n").as_bytes());
        self.send(body);
    }

    /// Reads a response; of one to HEAD, the head alone.
    ///
    /// # Panics
    /// There is none.
    pub fn response(&mut self, to_head: bool) -> Response {
        self.try_response(to_head).expect("a response")
    }

    /// As [`Self::response`]; `None` where the connection ends first.
    pub fn try_response(&mut self, to_head: bool) -> Option<Response> {
        let status = self.line()?.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            match line.split_once(':') {
                Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
                None => break,
            }
        }
        let mut response = Response {
            status,
            headers,
            body: Vec::new(),
        };
        let length = response
            .header("content-length")
            .and_then(|length| length.parse().ok());
        if !to_head {
            response.body.resize(length.unwrap_or(0), 0);
            self.stream.read_exact(&mut response.body).ok()?;
        }
        Some(response)
    }

    /// Whether the other side has closed, with nothing left to read.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0]), Ok(0) | Err(_))
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).ok()?;
        (!line.is_empty()).then(|| line.trim_end().to_owned())
    }
}

/// The head of a request, without its last line.
pub fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let first = format!("{method} {path} HTTP/1.1\r\nHost: verifier.test\r\n");
    headers.iter().fold(first, |head, (name, value)| {
        head + &format!("{name}: {value}\r\n")
    })
}

/// One request on a connection of its own.
pub fn fetch(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    let mut connection = Connection::open(address);
    connection.request(method, path, headers, body);
    connection.response(method == "HEAD")
}

/// The verdict of a service on a presentation, by the purpose of this name.
///
/// # Panics
/// The service gives none.
pub fn judge(address: SocketAddr, purpose: &str, built: &holder::Built) -> Value {
    let body = json!({ "purpose": purpose,
        "device_response": URL_SAFE_NO_PAD.encode(&built.response),
        "session_transcript": URL_SAFE_NO_PAD.encode(&built.session_transcript) });
    let headers = [("Content-Type", "application/json")];
    let body = body.to_string();
    fetch(address, "POST", "/v1/verifications", &headers, body.as_bytes()).json()
}
