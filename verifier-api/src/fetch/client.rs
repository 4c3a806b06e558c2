//! One request for one list: guarded at the moment of connecting, bounded in time and size, and the same for everybody.

use std::fmt;
use std::io::{self, Read as _};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use mdoc::limits::{CRL_BYTES, STATUS_TOKEN_BYTES, TRUST_LIST_BYTES};
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::address::is_public;
use super::target::{Target, TargetRules};
use super::{FetchError, ListKind, Origin};

/// The same for every list and every installation, so that a server learns nothing from it.
const USER_AGENT: &str = "mdoc-verifier";
/// Redirections that are followed, all on one host.
const MAX_REDIRECTS: usize = 3;
/// Addresses of one host; ureq takes no more.
const MAX_ADDRESSES: usize = 16;

/// How the addresses of a host and port are found.
pub type Lookup = Arc<dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The content.
    pub bytes: Vec<u8>,
    /// Its type in lower case without parameters; empty where the server named none.
    pub content_type: String,
}

/// Asks for lists. Keeps no cookies, uses no proxy, follows no redirection to elsewhere.
pub struct Client {
    agent: Agent,
    rules: TargetRules,
    timeout: Duration,
}

/// What a client is made with.
pub(crate) struct ClientSettings {
    pub(crate) rules: TargetRules,
    /// For one list, with everything that belongs to it.
    pub(crate) timeout: Duration,
    /// Roots of server certificates in DER in place of the system's.
    pub(crate) roots: Option<Vec<Vec<u8>>>,
    /// Whether addresses that are not public may be connected to.
    pub(crate) private_addresses: bool,
    /// Addresses that are let pass like public ones.
    pub(crate) let_pass: Vec<SocketAddr>,
    /// In place of the system's look-up.
    pub(crate) lookup: Option<Lookup>,
}

impl Client {
    pub(crate) fn new(settings: ClientSettings) -> Self {
        let roots = match &settings.roots {
            None => RootCerts::PlatformVerifier,
            Some(roots) => {
                let roots = roots.iter().map(|der| Certificate::from_der(der).to_owned());
                RootCerts::Specific(Arc::new(roots.collect()))
            }
        };
        let tls = TlsConfig::builder()
            .root_certs(roots)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .build();
        let config = Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(USER_AGENT)
            .accept_encoding("identity")
            .tls_config(tls)
            .build();
        let guard = Guard {
            lookup: settings.lookup.unwrap_or_else(|| Arc::new(system_lookup)),
            private_addresses: settings.private_addresses,
            let_pass: settings.let_pass,
        };
        Self {
            agent: Agent::with_parts(config, DefaultConnector::default(), guard),
            rules: settings.rules,
            timeout: settings.timeout,
        }
    }

    /// Asks for the list at `uri`. Blocks, no longer than the configured time.
    ///
    /// # Errors
    /// [`FetchError`], none of those that judge the content.
    pub fn fetch(&self, uri: &str, kind: ListKind, origin: Origin) -> Result<Fetched, FetchError> {
        let deadline = Instant::now() + self.timeout;
        let mut target = self.rules.target(uri, kind, origin)?;
        for _ in 0..=MAX_REDIRECTS {
            match self.ask(&target, kind, deadline)? {
                Answer::List(fetched) => return Ok(fetched),
                Answer::Redirected(location) => {
                    target = self.rules.redirected(&target, &location, kind, origin)?;
                }
            }
        }
        Err(FetchError::RedirectLoop)
    }

    fn ask(&self, target: &Target, kind: ListKind, deadline: Instant) -> Result<Answer, FetchError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(FetchError::Timeout);
        }
        let request = self
            .agent
            .get(target.as_str())
            .header("Accept", accepted(kind))
            .config()
            .timeout_global(Some(left))
            .build();
        let mut response = request.call().map_err(failure)?;
        let header = |name| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap_or_default())
        };
        match response.status().as_u16() {
            200 => {}
            301 | 302 | 303 | 307 | 308 => {
                let location = header(LOCATION).ok_or(FetchError::Protocol)?;
                return Ok(Answer::Redirected(location.to_owned()));
            }
            status => return Err(FetchError::Status(status)),
        }
        if header(CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
            return Err(FetchError::ContentCoding);
        }
        let content_type = header(CONTENT_TYPE).unwrap_or_default();
        let content_type = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        if !is_of(kind, &content_type) {
            return Err(FetchError::ContentType);
        }
        let most = most_bytes(kind);
        if response
            .body()
            .content_length()
            .is_some_and(|length| length > most)
        {
            return Err(FetchError::TooLarge);
        }
        let mut bytes = Vec::new();
        let reader = response.body_mut().as_reader();
        let read = reader.take(most + 1).read_to_end(&mut bytes);
        read.map_err(|error| failure(error.into()))?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > most) {
            return Err(FetchError::TooLarge);
        }
        // What was reserved beyond the list would stay with it.
        bytes.shrink_to_fit();
        Ok(Answer::List(Fetched { bytes, content_type }))
    }

    /// The host of a URI, as far as it may be asked for; for the log.
    pub(crate) fn host(&self, uri: &str, kind: ListKind, origin: Origin) -> Option<String> {
        self.rules
            .target(uri, kind, origin)
            .ok()
            .map(|target| target.host())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

enum Answer {
    List(Fetched),
    Redirected(String),
}

/// Most bytes of such a list: what its decoder takes.
fn most_bytes(kind: ListKind) -> u64 {
    let bytes = match kind {
        ListKind::Crl => CRL_BYTES,
        ListKind::Status => STATUS_TOKEN_BYTES,
        ListKind::Vical => TRUST_LIST_BYTES,
    };
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

const fn accepted(kind: ListKind) -> &'static str {
    match kind {
        ListKind::Crl => "application/pkix-crl",
        ListKind::Status => {
            "application/statuslist+cwt, application/identifierlist+cwt, application/statuslist+jwt"
        }
        ListKind::Vical => "application/cbor",
    }
}

/// Whether such a list may come as this type. Servers of plain files say octet-stream, or nothing; a type that says
/// something else, such as a page of HTML with status 200, is a mistake of the server.
fn is_of(kind: ListKind, content_type: &str) -> bool {
    let own: &[&str] = match kind {
        ListKind::Crl => &[
            "application/pkix-crl",
            "application/x-pkcs7-crl",
            "application/x-x509-crl",
        ],
        ListKind::Status => &[
            "application/statuslist+cwt",
            "application/identifierlist+cwt",
            "application/statuslist+jwt",
        ],
        ListKind::Vical => &["application/cbor", "application/cose"],
    };
    let unspecified = ["", "application/octet-stream", "binary/octet-stream"];
    own.contains(&content_type) || unspecified.contains(&content_type)
}

fn failure(error: ureq::Error) -> FetchError {
    match error {
        ureq::Error::Timeout(_) => FetchError::Timeout,
        ureq::Error::HostNotFound => FetchError::HostUnknown,
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::TlsRequired => FetchError::Tls,
        ureq::Error::ConnectionFailed => FetchError::Connect,
        ureq::Error::BadUri(_) => FetchError::Uri,
        ureq::Error::Other(error) if error.is::<NotPublic>() => FetchError::AddressNotPublic,
        ureq::Error::Io(error) => io_failure(error),
        _ => FetchError::Protocol,
    }
}

fn io_failure(error: io::Error) -> FetchError {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => FetchError::Timeout,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            FetchError::Truncated
        }
        // Errors of other layers travel inside.
        _ => match error.downcast::<ureq::Error>() {
            Ok(error) => failure(error),
            Err(error) if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => FetchError::Tls,
            Err(_) => FetchError::Connect,
        },
    }
}

/// An address that is not public stood among those of the host.
#[derive(Debug, thiserror::Error)]
#[error("an address that is not public")]
struct NotPublic;

/// Looks a host up once for each connection and checks every address; the connection is made to what was checked, so that
/// a second look-up that tells another story has no chance. Addresses that stand in the URI pass here too.
struct Guard {
    lookup: Lookup,
    private_addresses: bool,
    let_pass: Vec<SocketAddr>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("private_addresses", &self.private_addresses)
            .finish_non_exhaustive()
    }
}

impl Resolver for Guard {
    fn resolve(
        &self,
        uri: &Uri,
        _config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().ok_or(ureq::Error::HostNotFound)?;
        let usual = match uri.scheme_str() {
            Some("http") => 80,
            _ => 443,
        };
        let port = uri.port_u16().unwrap_or(usual);
        let found = self.look_up(host.to_owned(), port, *timeout.after)?;
        let found = found.map_err(|_| ureq::Error::HostNotFound)?;
        // One bad address among good ones is as bad: which of them would be taken is chance.
        let passes = |address: &SocketAddr| is_public(address.ip()) || self.let_pass.contains(address);
        if !self.private_addresses && !found.iter().all(passes) {
            return Err(ureq::Error::Other(Box::new(NotPublic)));
        }
        let mut addresses = self.empty();
        for address in found.into_iter().take(MAX_ADDRESSES) {
            addresses.push(address);
        }
        if addresses.is_empty() {
            return Err(ureq::Error::HostNotFound);
        }
        Ok(addresses)
    }
}

impl Guard {
    /// The system's look-up cannot be given a time: it gets a thread, which is left behind where it takes too long.
    fn look_up(
        &self,
        host: String,
        port: u16,
        within: Duration,
    ) -> Result<io::Result<Vec<SocketAddr>>, ureq::Error> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let lookup = Arc::clone(&self.lookup);
        std::thread::Builder::new()
            .name("lookup".to_owned())
            .spawn(move || sender.send(lookup(&host, port)).ok())
            .map_err(ureq::Error::Io)?;
        match receiver.recv_timeout(within) {
            Ok(found) => Ok(found),
            Err(RecvTimeoutError::Timeout) => Err(ureq::Error::Timeout(ureq::Timeout::Resolve)),
            Err(RecvTimeoutError::Disconnected) => Err(ureq::Error::HostNotFound),
        }
    }
}

fn system_lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    // An address of IPv6 stands in brackets in a URI.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok((host, port).to_socket_addrs()?.collect())
}
