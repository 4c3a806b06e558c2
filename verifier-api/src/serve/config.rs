//! The configuration: flags over environment over file over defaults.

use std::fmt::Display;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::thread;

use relying_party::purpose::duration_seconds;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::fetch::FetchSettings;

/// What the names of environment variables begin with.
const PREFIX: &str = "VERIFIER_API_";
/// Bytes of a configuration file.
const MAX_FILE: u64 = 1024 * 1024;
const MAX_SECONDS: u64 = 3600;
const MAX_WORKERS: usize = 1024;

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An operator's file.
    #[error(transparent)]
    Operator(#[from] operator::OperatorError),
    /// The state directory of trust.
    #[error(transparent)]
    TrustState(#[from] operator::TrustStateError),
    /// The trust directory cannot be put in force at the first start.
    #[error("the trust directory is not applied: {0}")]
    TrustRefused(String),
    /// The settings of fetching.
    #[error(transparent)]
    FetchSettings(#[from] crate::fetch::SettingsError),
    /// Fetching cannot begin.
    #[error(transparent)]
    Fetch(#[from] crate::fetch::StartError),
    /// A file's content.
    #[error("{}: {fault}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A setting that cannot be.
    #[error("{setting}: {fault}")]
    Setting {
        /// Its name and where it comes from.
        setting: String,
        /// What is wrong with it.
        fault: String,
    },
    /// Everybody could use the service.
    #[error(
        "without API keys the service listens on loopback only, and {0} is not: \
         name a file of keys with --api-keys-file, or listen on 127.0.0.1 or [::1]"
    )]
    OpenToEverybody(SocketAddr),
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Failures of the service.
    Error,
    /// Also what an operator should look at.
    Warn,
    /// Also a line for each request.
    Info,
    /// Also details for developers.
    Debug,
}

impl LogLevel {
    /// The word in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

impl FromStr for LogLevel {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Error, Self::Warn, Self::Info, Self::Debug];
        let named = all.into_iter().find(|level| level.name() == text);
        named.ok_or("one of error, warn, info, debug")
    }
}

/// The effective configuration of the service.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// The trust directory; without one nothing is trusted.
    pub trust: Option<PathBuf>,
    /// The directory that keeps the trust in force; with one, `trust` is what is previewed and applied.
    pub trust_state: Option<PathBuf>,
    /// A file with the keys by which trust is changed over HTTP; without one it is not.
    pub admin_key_file: Option<PathBuf>,
    /// Seconds after which trust that nobody confirmed makes the service not ready.
    pub trust_max_age: Option<u64>,
    /// A directory of purposes beside the ready-made ones.
    pub purposes: Option<PathBuf>,
    /// A file of bounds on a response, in place of the defaults.
    pub limits: Option<PathBuf>,
    /// A file of settings that switches fetching on; without one nothing is fetched.
    pub fetch: Option<PathBuf>,
    /// The same as a value, for tests and measurements; it wins over the file.
    pub fetch_settings: Option<FetchSettings>,
    /// A file with one API key a line; without one everybody on loopback is let in.
    pub api_keys_file: Option<PathBuf>,
    /// The bundle that is handed out, and the public key it has to be signed with; both or none.
    pub bundle: Option<PathBuf>,
    /// See `bundle`.
    pub bundle_key: Option<PathBuf>,
    /// Threads that serve.
    pub workers: usize,
    /// Seconds that a body may take to arrive.
    pub body_timeout: u64,
    /// Seconds that running requests are given when the service is asked to stop.
    pub shutdown_timeout: u64,
    /// How much is logged.
    pub log: LogLevel,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            trust: None,
            trust_state: None,
            admin_key_file: None,
            trust_max_age: None,
            purposes: None,
            limits: None,
            fetch: None,
            fetch_settings: None,
            api_keys_file: None,
            bundle: None,
            bundle_key: None,
            workers: thread::available_parallelism().map_or(1, usize::from),
            body_timeout: 30,
            shutdown_timeout: 30,
            log: LogLevel::Info,
        }
    }
}

impl Config {
    /// Refuses what would let everybody in.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.api_keys_file.is_none() && !self.listen.ip().is_loopback() {
            return Err(ConfigError::OpenToEverybody(self.listen));
        }
        Ok(())
    }
}

/// Settings from one source, as texts; a setting that is not there leaves it to the next source.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layer {
    pub(crate) listen: Option<String>,
    pub(crate) trust: Option<PathBuf>,
    pub(crate) trust_state: Option<PathBuf>,
    pub(crate) admin_key_file: Option<PathBuf>,
    pub(crate) trust_max_age: Option<String>,
    pub(crate) purposes: Option<PathBuf>,
    pub(crate) limits: Option<PathBuf>,
    pub(crate) fetch: Option<PathBuf>,
    pub(crate) api_keys_file: Option<PathBuf>,
    pub(crate) bundle: Option<PathBuf>,
    pub(crate) bundle_key: Option<PathBuf>,
    #[serde(default, deserialize_with = "number")]
    pub(crate) workers: Option<String>,
    #[serde(default, deserialize_with = "number")]
    pub(crate) body_timeout: Option<String>,
    #[serde(default, deserialize_with = "number")]
    pub(crate) shutdown_timeout: Option<String>,
    pub(crate) log: Option<String>,
}

/// A number in the file is checked like one from the environment.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    u64::deserialize(deserializer).map(|number| Some(number.to_string()))
}

/// The settings, and the keys of [`Layer`].
const SETTINGS: [&str; 15] = [
    "listen",
    "trust",
    "trust_state",
    "admin_key_file",
    "trust_max_age",
    "purposes",
    "limits",
    "fetch",
    "api_keys_file",
    "bundle",
    "bundle_key",
    "workers",
    "body_timeout",
    "shutdown_timeout",
    "log",
];
/// Names the file; not a setting of its own.
const CONFIG_VARIABLE: &str = "VERIFIER_API_CONFIG";

/// A configuration, where each setting comes from, and what looks like a mistake.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    sources: Vec<(&'static str, &'static str)>,
    pub(crate) warnings: Vec<String>,
}

impl Loaded {
    /// Puts the layers on top of each other.
    pub(crate) fn load(
        flags: Layer,
        file: Option<PathBuf>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let (variables, named_file, warnings) = from_environment(environment);
        let from_file = match file.or(named_file) {
            Some(path) => from_file(&path)?,
            None => Layer::default(),
        };
        let mut merge = Merge {
            layers: [("flag", flags), ("environment", variables), ("file", from_file)],
            sources: Vec::with_capacity(SETTINGS.len()),
        };
        let default = Config::default();
        let listen = "an address with a port, such as 127.0.0.1:8080";
        let config = Config {
            listen: merge.parse(
                "listen",
                |l| l.listen.take(),
                default.listen,
                |t| t.parse().map_err(|_| listen),
            )?,
            trust: merge.path("trust", |l| l.trust.take()),
            trust_state: merge.path("trust_state", |l| l.trust_state.take()),
            admin_key_file: merge.path("admin_key_file", |l| l.admin_key_file.take()),
            trust_max_age: merge.parse(
                "trust_max_age",
                |l| l.trust_max_age.take(),
                default.trust_max_age,
                |t| {
                    duration_seconds(t)
                        .map(Some)
                        .map_err(|_| "a time such as 90d or 36h")
                },
            )?,
            purposes: merge.path("purposes", |l| l.purposes.take()),
            limits: merge.path("limits", |l| l.limits.take()),
            fetch: merge.path("fetch", |l| l.fetch.take()),
            fetch_settings: None,
            api_keys_file: merge.path("api_keys_file", |l| l.api_keys_file.take()),
            bundle: merge.path("bundle", |l| l.bundle.take()),
            bundle_key: merge.path("bundle_key", |l| l.bundle_key.take()),
            workers: merge.parse(
                "workers",
                |l| l.workers.take(),
                default.workers,
                |t| within(t, 1, MAX_WORKERS),
            )?,
            body_timeout: merge.parse(
                "body_timeout",
                |l| l.body_timeout.take(),
                default.body_timeout,
                |t| within(t, 1, MAX_SECONDS),
            )?,
            shutdown_timeout: merge.parse(
                "shutdown_timeout",
                |l| l.shutdown_timeout.take(),
                default.shutdown_timeout,
                |t| within(t, 0, MAX_SECONDS),
            )?,
            log: merge.parse(
                "log",
                |l| l.log.take(),
                default.log,
                |t| t.parse().map_err(|due: &str| due.to_owned()),
            )?,
        };
        Ok(Self {
            config,
            sources: merge.sources,
            warnings,
        })
    }

    /// The settings and their sources.
    pub(crate) fn to_json(&self) -> Map<String, Value> {
        let config = &self.config;
        let mut json = Map::new();
        let values = [
            json!(config.listen.to_string()),
            json!(config.trust),
            json!(config.trust_state),
            json!(config.admin_key_file),
            json!(config.trust_max_age),
            json!(config.purposes),
            json!(config.limits),
            json!(config.fetch),
            json!(config.api_keys_file),
            json!(config.bundle),
            json!(config.bundle_key),
            json!(config.workers),
            json!(config.body_timeout),
            json!(config.shutdown_timeout),
            json!(config.log.name()),
        ];
        for (name, value) in SETTINGS.into_iter().zip(values) {
            json.insert(name.to_owned(), value);
        }
        let sources: Map<String, Value> = self
            .sources
            .iter()
            .map(|(name, source)| ((*name).to_owned(), json!(source)))
            .collect();
        json.insert("from".to_owned(), Value::Object(sources));
        json
    }
}

/// The layers, the strongest first, and what was taken from which.
struct Merge {
    layers: [(&'static str, Layer); 3],
    sources: Vec<(&'static str, &'static str)>,
}

impl Merge {
    fn take<T>(
        &mut self,
        name: &'static str,
        of: impl Fn(&mut Layer) -> Option<T>,
    ) -> Option<(T, &'static str)> {
        let found = self
            .layers
            .iter_mut()
            .find_map(|(source, layer)| of(layer).map(|value| (value, *source)));
        let source = found.as_ref().map_or("default", |(_, source)| source);
        self.sources.push((name, source));
        found
    }

    fn path(&mut self, name: &'static str, of: impl Fn(&mut Layer) -> Option<PathBuf>) -> Option<PathBuf> {
        self.take(name, of).map(|(path, _)| path)
    }

    fn parse<T, F: Display>(
        &mut self,
        name: &'static str,
        of: impl Fn(&mut Layer) -> Option<String>,
        default: T,
        parse: impl Fn(&str) -> Result<T, F>,
    ) -> Result<T, ConfigError> {
        let Some((text, source)) = self.take(name, of) else {
            return Ok(default);
        };
        parse(&text).map_err(|due| ConfigError::Setting {
            setting: format!("{name} (from the {source})"),
            fault: format!("it is {due}, not {text:?}"),
        })
    }
}

fn within<T: Copy + FromStr + PartialOrd + Display>(text: &str, least: T, most: T) -> Result<T, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| *number >= least && *number <= most);
    number.ok_or_else(|| format!("a whole number from {least} to {most}"))
}

fn from_file(path: &Path) -> Result<Layer, ConfigError> {
    let fault = |fault: String| ConfigError::File {
        path: path.to_owned(),
        fault,
    };
    let text = String::from_utf8(operator::read_file(path, MAX_FILE)?);
    let text = text.map_err(|_| fault("not UTF-8".to_owned()))?;
    let mut layer: Layer = toml::from_str(&text).map_err(|error| fault(error.to_string()))?;
    // What a file names lies beside it, wherever the service is started.
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let paths = [
        &mut layer.trust,
        &mut layer.trust_state,
        &mut layer.admin_key_file,
        &mut layer.purposes,
        &mut layer.limits,
        &mut layer.fetch,
        &mut layer.api_keys_file,
        &mut layer.bundle,
        &mut layer.bundle_key,
    ];
    for named in paths.into_iter().flatten() {
        *named = folder.join(&*named);
    }
    Ok(layer)
}

/// The variables of this program, the file that one of them names, and a warning for each that
/// means nothing here. They are not refused: an orchestrator sets variables such as
/// `VERIFIER_API_SERVICE_HOST` by itself.
fn from_environment(
    variables: impl Iterator<Item = (String, String)>,
) -> (Layer, Option<PathBuf>, Vec<String>) {
    let (mut layer, mut file, mut warnings) = (Layer::default(), None, Vec::new());
    for (name, value) in variables {
        let Some(setting) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if value.is_empty() {
            continue;
        }
        match setting.to_ascii_lowercase().as_str() {
            _ if name == CONFIG_VARIABLE => file = Some(value.into()),
            "listen" => layer.listen = Some(value),
            "trust" => layer.trust = Some(value.into()),
            "trust_state" => layer.trust_state = Some(value.into()),
            "admin_key_file" => layer.admin_key_file = Some(value.into()),
            "trust_max_age" => layer.trust_max_age = Some(value),
            "purposes" => layer.purposes = Some(value.into()),
            "limits" => layer.limits = Some(value.into()),
            "fetch" => layer.fetch = Some(value.into()),
            "api_keys_file" => layer.api_keys_file = Some(value.into()),
            "bundle" => layer.bundle = Some(value.into()),
            "bundle_key" => layer.bundle_key = Some(value.into()),
            "workers" => layer.workers = Some(value),
            "body_timeout" => layer.body_timeout = Some(value),
            "shutdown_timeout" => layer.shutdown_timeout = Some(value),
            "log" => layer.log = Some(value),
            _ => warnings.push(format!("the environment variable {name} means nothing here")),
        }
    }
    (layer, file, warnings)
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
