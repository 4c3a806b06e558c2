//! A publisher of lists that gets wrong what it is told to: HTTP/1.1 over TLS, or without.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use holder::certificate::{CertificateSpec, der, name, private_key_pem};
use holder::issuer::DAY;
use holder::keys::SigningKey;
use mdoc::crypto::Curve;
use rand_core::SeedableRng as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The longest that a caller may be silent between two requests.
const PATIENCE: Duration = Duration::from_secs(120);

/// Names that the server's certificate is for.
pub const NAMES: [&str; 4] = ["lists.test", "other.test", "pki.example", "localhost"];

/// Holds answers back until it is opened: slow, and no slower than a test wants it, however busy the machine is.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Lets every answer begin that waits, and those to come.
    pub fn open(&self) {
        *locked(&self.0.0) = true;
        self.0.1.notify_all();
    }

    fn wait(&self) {
        let mut open = locked(&self.0.0);
        while !*open {
            open = self.0.1.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What is answered to a request.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers beside the length.
    pub headers: Vec<(&'static str, String)>,
    /// The content.
    pub body: Arc<[u8]>,
    /// The length that is announced; the body's own where it is none, no length at all where it is `Some(None)`.
    pub length: Option<Option<usize>>,
    /// How long the answer takes to begin.
    pub delay: Duration,
    /// What the answer waits for before it begins.
    pub gate: Option<Gate>,
    /// Raw bytes in place of all this.
    pub raw: Option<&'static [u8]>,
}

impl Answer {
    /// A list of this type.
    pub fn list(content_type: &str, body: &[u8]) -> Self {
        Self {
            status: 200,
            headers: vec![("Content-Type", content_type.to_owned())],
            body: body.into(),
            length: None,
            delay: Duration::ZERO,
            gate: None,
            raw: None,
        }
    }

    /// A status list.
    pub fn status(body: &[u8]) -> Self {
        Self::list("application/statuslist+cwt", body)
    }

    /// A redirection.
    pub fn redirect(location: &str) -> Self {
        Self {
            status: 302,
            headers: vec![("Location", location.to_owned())],
            ..Self::list("text/plain", b"")
        }
    }

    /// With this changed.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

/// The server; ends with the test.
pub struct ListServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// The root of its certificate, DER.
    pub root: Vec<u8>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<HashMap<String, Answer>>,
    heads: Mutex<Vec<String>>,
    ended: AtomicBool,
}

impl ListServer {
    /// Over TLS.
    ///
    /// # Panics
    /// There is no free port.
    pub fn start() -> Self {
        let (root, config) = tls();
        Self::serve(root, Some(config))
    }

    /// Without TLS.
    ///
    /// # Panics
    /// There is no free port.
    pub fn plain() -> Self {
        Self::serve(Vec::new(), None)
    }

    fn serve(root: Vec<u8>, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if own.ended.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (own, tls) = (Arc::clone(&own), tls.clone());
                std::thread::spawn(move || {
                    // Callers come and go as they like.
                    let _ = connection(stream, tls, &own);
                });
            }
        });
        Self {
            address,
            root,
            shared,
        }
    }

    /// Answers so at this path from now on.
    pub fn put(&self, path: &str, answer: Answer) {
        locked(&self.shared.answers).insert(path.to_owned(), answer);
    }

    /// The heads of all requests so far.
    pub fn heads(&self) -> Vec<String> {
        locked(&self.shared.heads).clone()
    }
}

impl ListServer {
    /// Forgets the heads of the requests so far, and gives their memory back.
    pub fn forget_heads(&self) {
        *locked(&self.shared.heads) = Vec::new();
    }

    /// How many requests there were so far.
    pub fn count(&self) -> usize {
        locked(&self.shared.heads).len()
    }
}

impl Drop for ListServer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // One last caller, so that it is noticed.
        let _ = TcpStream::connect(self.address);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connection(stream: TcpStream, tls: Option<Arc<ServerConfig>>, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    match tls {
        None => requests(stream, shared),
        Some(config) => {
            let session = ServerConnection::new(config).map_err(io::Error::other)?;
            requests(StreamOwned::new(session, stream), shared)
        }
    }
}

fn requests(stream: impl Read + Write, shared: &Shared) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        locked(&shared.heads).push(head);
        let missing = || Answer {
            status: 404,
            ..Answer::list("text/plain", b"")
        };
        let answer = locked(&shared.answers)
            .get(&path)
            .cloned()
            .unwrap_or_else(missing);
        std::thread::sleep(answer.delay);
        if let Some(gate) = &answer.gate {
            gate.wait();
        }
        let stream = stream.get_mut();
        if let Some(raw) = answer.raw {
            stream.write_all(raw)?;
            return stream.flush();
        }
        let mut text = format!("HTTP/1.1 {} Answer\r\n", answer.status);
        for (name, value) in &answer.headers {
            text += &format!("{name}: {value}\r\n");
        }
        match answer.length {
            None => text += &format!("Content-Length: {}\r\n", answer.body.len()),
            Some(Some(length)) => text += &format!("Content-Length: {length}\r\n"),
            Some(None) => text += "Connection: close\r\n",
        }
        text += "\r\n";
        stream.write_all(text.as_bytes())?;
        stream.write_all(&answer.body)?;
        stream.flush()?;
        if answer.length.is_some() {
            return Ok(());
        }
    }
}

/// A root and what a server under it needs.
fn tls() -> (Vec<u8>, Arc<ServerConfig>) {
    let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(0x0074_6c73);
    let (root_key, key) = (
        SigningKey::generate(Curve::P256, &mut random),
        SigningKey::generate(Curve::P256, &mut random),
    );
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = i64::try_from(now.expect("a clock after 1970").as_secs()).expect("an instant");
    let window = (now - DAY, now + 300 * DAY);
    let root_name = name("JP", None, "TEST server authority");
    let root = CertificateSpec::root(&root_key, root_name.clone(), vec![1], window).sign(&root_key);
    let mut server = CertificateSpec::document_signer(
        &key,
        (&root_name, &root_key),
        name("JP", None, "TEST server"),
        vec![2],
        window,
        "1.3.6.1.5.5.7.3.1",
    );
    let names: Vec<u8> = NAMES.iter().flat_map(|name| der(0x82, name.as_bytes())).collect();
    server.extend("2.5.29.17", false, der(0x30, &names));
    let chain = vec![CertificateDer::from(server.sign(&root_key))];
    let key = PrivateKeyDer::from_pem_slice(private_key_pem(&key).as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    (root, Arc::new(config.expect("a configuration")))
}
