//! What an operator sets: a file in TOML whose being there switches fetching on.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mdoc::x509::Certificate;
use relying_party::{Dated, DatedKind};
use serde::Deserialize;

use super::client::{ClientSettings, Lookup};
use super::target::{TargetRules, host_name};
use super::{ListKind, Origin};

/// Bytes of the file, and of one with roots.
const MAX_FILE: u64 = 1024 * 1024;
/// Sources; more is a mistake.
const MAX_SOURCES: usize = 100_000;

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] operator::OperatorError),
    /// A file's content.
    #[error("{}: {fault}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
}

/// A list that is kept at hand whether a document names it or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Which kind of list.
    pub kind: ListKind,
    /// Where it is published.
    pub uri: String,
}

/// How lists are fetched and kept.
#[derive(Clone)]
pub struct FetchSettings {
    /// Lists that are always kept at hand.
    pub sources: Vec<Source>,
    /// Whether lists are fetched that documents name, once their signature, chain and device authentication hold.
    pub documents: bool,
    /// The hosts that documents may name; any where there is none.
    pub hosts: Vec<String>,
    /// Whether CRLs are also fetched over http.
    pub http_crls: bool,
    /// Whether addresses that are not public may be connected to: for tests, and for networks with publishers of their own.
    pub private_addresses: bool,
    /// Addresses that are let pass like public ones, for tests.
    pub let_pass: Vec<SocketAddr>,
    /// Roots of server certificates in DER in place of the system's.
    pub roots: Option<Vec<Vec<u8>>>,
    /// The directory of the cache; without one lists are kept in memory alone.
    pub cache: Option<PathBuf>,
    /// The longest that a request waits for lists that are missing.
    pub wait: Duration,
    /// The longest that one list may take.
    pub timeout: Duration,
    /// Seconds after which a list is asked for again, however long it may be kept by its own word.
    pub max_age: u64,
    /// For how long a failure is remembered.
    pub retry: Duration,
    /// Bytes of inflated lists; the least recently used beyond are kept as they came.
    pub inflated_bytes: usize,
    /// Bytes of lists as they came; the least recently used beyond are forgotten.
    pub kept_bytes: usize,
    /// Lists that are fetched at one time.
    pub threads: usize,
    /// The state directory of trust, which remembers how new lists were.
    pub trust_state: Option<operator::TrustState>,
    /// In place of the system's look-up of host names, for tests.
    pub lookup: Option<Lookup>,
}

/// Without the roots and the look-up.
impl fmt::Debug for FetchSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchSettings")
            .field("sources", &self.sources)
            .field("documents", &self.documents)
            .field("hosts", &self.hosts)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            documents: true,
            hosts: Vec::new(),
            http_crls: false,
            private_addresses: false,
            let_pass: Vec::new(),
            roots: None,
            cache: None,
            wait: Duration::from_secs(2),
            timeout: Duration::from_secs(10),
            max_age: 86_400,
            retry: Duration::from_secs(30),
            inflated_bytes: 256 * 1024 * 1024,
            kept_bytes: 1024 * 1024 * 1024,
            threads: 8,
            trust_state: None,
            lookup: None,
        }
    }
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SettingsFile {
    crls: Vec<String>,
    status: Vec<String>,
    vicals: Vec<String>,
    documents: bool,
    hosts: Vec<String>,
    http_crls: bool,
    private_addresses: bool,
    roots: Option<PathBuf>,
    cache: Option<PathBuf>,
    wait_milliseconds: u64,
    timeout_seconds: u64,
    max_age_seconds: u64,
    retry_seconds: u64,
    inflated_bytes: u64,
    kept_bytes: u64,
    threads: u64,
}

impl Default for SettingsFile {
    fn default() -> Self {
        let FetchSettings {
            documents,
            wait,
            timeout,
            max_age,
            retry,
            ..
        } = FetchSettings::default();
        Self {
            crls: Vec::new(),
            status: Vec::new(),
            vicals: Vec::new(),
            documents,
            hosts: Vec::new(),
            http_crls: false,
            private_addresses: false,
            roots: None,
            cache: None,
            wait_milliseconds: wait.as_secs() * 1000,
            timeout_seconds: timeout.as_secs(),
            max_age_seconds: max_age,
            retry_seconds: retry.as_secs(),
            inflated_bytes: 256 * 1024 * 1024,
            kept_bytes: 1024 * 1024 * 1024,
            threads: 8,
        }
    }
}

impl FetchSettings {
    /// Whether the list is kept at hand whether a document names it or not.
    pub(super) fn is_source(&self, kind: ListKind, uri: &str) -> bool {
        let mut sources = self.sources.iter();
        sources.any(|source| source.kind == kind && source.uri == uri)
    }

    /// Reads a file. What it names lies beside it.
    ///
    /// # Errors
    /// [`SettingsError`], with the line or the key at fault.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        let fault = |fault: String| SettingsError::File {
            path: path.to_owned(),
            fault,
        };
        let text = String::from_utf8(operator::read_file(path, MAX_FILE)?);
        let text = text.map_err(|_| fault("not UTF-8".to_owned()))?;
        let file: SettingsFile = toml::from_str(&text).map_err(|error| fault(error.to_string()))?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let roots = match &file.roots {
            None => None,
            Some(roots) => {
                let path = folder.join(roots);
                let pem = operator::read_file(&path, MAX_FILE)?;
                let certificates = relying_party::pem_certificates(&pem);
                Some(certificates.ok_or_else(|| SettingsError::File {
                    path,
                    fault: "not PEM of certificates".to_owned(),
                })?)
            }
        };
        file.settings(folder, roots).map_err(fault)
    }

    /// The roots that publishers are known by, where they are named here, with their ends.
    pub(super) fn dated_roots(&self) -> Vec<Dated> {
        let roots = self.roots.iter().flatten();
        let roots = roots.filter_map(|der| Certificate::from_der(der).ok());
        let dated = roots.map(|root| Dated {
            kind: DatedKind::PublisherRoot,
            name: root
                .common_name()
                .unwrap_or("without a name that can be read")
                .to_owned(),
            id: relying_party::sha256_text(&root.sha256()),
            dated: root.not_before(),
            until: Some(root.not_after()),
        });
        dated.collect()
    }

    pub(super) fn client(&self) -> ClientSettings {
        ClientSettings {
            rules: self.rules(),
            timeout: self.timeout,
            roots: self.roots.clone(),
            private_addresses: self.private_addresses,
            let_pass: self.let_pass.clone(),
            lookup: self.lookup.clone(),
        }
    }

    fn rules(&self) -> TargetRules {
        TargetRules {
            http_crls: self.http_crls,
            hosts: self.hosts.clone(),
        }
    }
}

impl SettingsFile {
    fn settings(self, folder: &Path, roots: Option<Vec<Vec<u8>>>) -> Result<FetchSettings, String> {
        let mut hosts = Vec::with_capacity(self.hosts.len());
        for host in &self.hosts {
            hosts.push(host_name(host).ok_or_else(|| format!("hosts: {host:?} is no name of a host"))?);
        }
        let lists = [
            (ListKind::Crl, self.crls),
            (ListKind::Status, self.status),
            (ListKind::Vical, self.vicals),
        ];
        let sources: Vec<Source> = lists
            .into_iter()
            .flat_map(|(kind, uris)| uris.into_iter().map(move |uri| Source { kind, uri }))
            .collect();
        if sources.len() > MAX_SOURCES {
            return Err(format!("more than {MAX_SOURCES} sources"));
        }
        let size = |name: &str, bytes: u64, least: u64| {
            let most = 1 << 40;
            let within = usize::try_from(within(name, bytes, least, most)?);
            within.map_err(|_| format!("{name}: more than this machine can count"))
        };
        let settings = FetchSettings {
            sources,
            documents: self.documents,
            hosts,
            http_crls: self.http_crls,
            private_addresses: self.private_addresses,
            let_pass: Vec::new(),
            roots,
            cache: self.cache.map(|cache| folder.join(cache)),
            wait: Duration::from_millis(within("wait_milliseconds", self.wait_milliseconds, 0, 60_000)?),
            timeout: Duration::from_secs(within("timeout_seconds", self.timeout_seconds, 1, 600)?),
            max_age: within("max_age_seconds", self.max_age_seconds, 10, 90 * 86_400)?,
            retry: Duration::from_secs(within("retry_seconds", self.retry_seconds, 1, 86_400)?),
            inflated_bytes: size("inflated_bytes", self.inflated_bytes, 0)?,
            kept_bytes: size("kept_bytes", self.kept_bytes, 1024 * 1024)?,
            threads: usize::try_from(within("threads", self.threads, 1, 256)?).unwrap_or(1),
            trust_state: None,
            lookup: None,
        };
        let rules = settings.rules();
        for source in &settings.sources {
            // An operator wants to hear of a bad URI at the start, not in the log.
            let target = rules.target(&source.uri, source.kind, Origin::Operator);
            target.map_err(|error| format!("{}: {:?}: {error}", source.kind.name(), source.uri))?;
        }
        Ok(settings)
    }
}

fn within(name: &str, number: u64, least: u64, most: u64) -> Result<u64, String> {
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(format!(
            "{name}: it is a whole number from {least} to {most}, not {number}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<FetchSettings, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fetch.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::write(folder.path().join("none.pem"), "none").unwrap();
        FetchSettings::load(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        let (read, default) = (load("").unwrap(), FetchSettings::default());
        assert_eq!(read.wait, Duration::from_secs(2));
        assert_eq!(read.inflated_bytes, 256 * 1024 * 1024);
        assert_eq!(
            (read.documents, read.http_crls, read.private_addresses),
            (true, false, false)
        );
        assert_eq!(
            (read.wait, read.timeout, read.retry),
            (default.wait, default.timeout, default.retry)
        );
        assert_eq!(
            (read.max_age, read.threads, read.inflated_bytes, read.kept_bytes),
            (
                default.max_age,
                default.threads,
                default.inflated_bytes,
                default.kept_bytes
            )
        );
        assert_eq!((read.cache, read.sources), (None, Vec::new()));
    }

    #[test]
    fn what_is_set_is_taken() {
        let read = load(
            "crls = [\"https://a.example/1?whole\"]\nvicals = [\"https://b.example/\"]\nhosts = [\"LISTS.Example\"]\n\
             documents = false\ncache = \"cache\"\nwait_milliseconds = 250\nthreads = 2\n",
        );
        let read = read.unwrap();
        let uris: Vec<(ListKind, &str)> = read.sources.iter().map(|s| (s.kind, s.uri.as_str())).collect();
        assert_eq!(
            uris,
            [
                (ListKind::Crl, "https://a.example/1?whole"),
                (ListKind::Vical, "https://b.example/")
            ]
        );
        assert_eq!(read.hosts, ["lists.example"]);
        assert!(!read.documents && read.cache.unwrap().ends_with("cache"));
        assert_eq!((read.wait, read.threads), (Duration::from_millis(250), 2));
    }

    #[test]
    fn faults_name_the_key() {
        for (text, word) in [
            ("colour = 1", "colour"),
            (
                "threads = 0",
                "threads: it is a whole number from 1 to 256, not 0",
            ),
            ("wait_milliseconds = 60001", "wait_milliseconds"),
            ("timeout_seconds = 0", "timeout_seconds"),
            ("retry_seconds = 0", "retry_seconds"),
            ("max_age_seconds = 9", "max_age_seconds"),
            ("kept_bytes = 0", "kept_bytes"),
            ("inflated_bytes = -1", "line 1"),
            ("hosts = [\"a b\"]", "hosts: \"a b\""),
            (
                "crls = [\"http://a.example/\"]",
                "crl: \"http://a.example/\": the URI is not https",
            ),
            ("status = [\"https://u:p@a.example/\"]", "credentials"),
            ("vicals = [\"a.example\"]", "vical: \"a.example\": not a URI"),
            ("roots = \"missing.pem\"", "missing.pem"),
            ("roots = \"none.pem\"", "none.pem: not PEM of certificates"),
        ] {
            let fault = load(text).err().unwrap_or_else(|| panic!("{text} is taken"));
            assert!(fault.contains(word), "{text}: {fault}");
        }
        assert!(load("http_crls = true\ncrls = [\"http://a.example/\"]").is_ok());
    }
}
