//! What all threads of the service share: files, read once at the start, and the world that fetched lists change.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use arc_swap::ArcSwap;
use mdoc::time::UnixTime;
use operator::TrustState;
use relying_party::purpose::{Audience, Documents, Purpose, READY_MADE, Rule, ready_made};
use relying_party::{Dated, Limits, TrustError, TrustFile, TrustSnapshot, sha256_text};
use serde_json::{Map, Value, json};

use super::auth::ApiKeys;
use super::bundle::Published;
use super::config::{Config, ConfigError};
use super::counters::{Counters, Totals};
use super::expiry::Expiry;
use super::metrics::Metrics;
use super::trust::Changes;
use crate::fetch::{FetchSettings, Fetcher, World};
use crate::seen::Seen;

/// The purposes by identifier.
pub(super) type Purposes = BTreeMap<String, Arc<Purpose>>;

/// What a request is answered from.
pub(super) struct State {
    pub(super) purposes: Purposes,
    /// The answer to `GET /v1/purposes`.
    pub(super) purposes_json: String,
    /// Whom to trust and all evidence at hand, exchanged by the fetcher where there is one.
    pub(super) world: Arc<ArcSwap<World>>,
    pub(super) fetcher: Option<Fetcher>,
    /// The state directory, where there is one.
    pub(super) trust: Option<Changes>,
    pub(super) trust_max_age: Option<u64>,
    pub(super) metrics: Metrics,
    pub(super) expiry: Expiry,
    pub(super) seen: Seen,
    pub(super) api_keys: ApiKeys,
    pub(super) bundle: Option<Published>,
    pub(super) body_timeout: Duration,
    pub(super) counters: Arc<dyn Counters>,
    pub(super) clock: fn() -> UnixTime,
    /// Set when no new work is wanted.
    pub(super) draining: AtomicBool,
}

impl State {
    /// Reads what the configuration names.
    pub(super) fn load(config: &Config) -> Result<Self, ConfigError> {
        let api_keys = match &config.api_keys_file {
            Some(path) => ApiKeys::load(path)?,
            None => ApiKeys::default(),
        };
        let (trust, files) = match (Changes::load(config)?, &config.trust) {
            (Some((changes, files)), _) => (Some(changes), files),
            (None, Some(directory)) => (None, operator::read_trust(directory)?),
            (None, None) => (None, Vec::new()),
        };
        let admin = trust.as_ref().and_then(|changes| changes.admin.as_ref());
        if let (Some(admin), Some(path)) = (admin, &config.admin_key_file) {
            let fault = match admin {
                admin if admin.shares_with(&api_keys) => {
                    Some("a key of administrators is one of the API keys")
                }
                admin if admin.short_count() > 0 => {
                    Some("a key of administrators can be guessed: it is too short")
                }
                _ => None,
            };
            if let Some(fault) = fault {
                return Err(ConfigError::File {
                    path: path.clone(),
                    fault: fault.to_owned(),
                });
            }
        }
        let limits = match &config.limits {
            Some(path) => operator::load_limits(path)?,
            None => Limits::default(),
        };
        let fetch = match (&config.fetch, &config.fetch_settings) {
            (_, Some(settings)) => Some(settings.clone()),
            (Some(path), None) => Some(FetchSettings::load(path)?),
            (None, None) => None,
        };
        let (world, fetcher) = match fetch {
            Some(mut settings) => {
                settings.trust_state = config.trust_state.as_deref().map(TrustState::new);
                let fetcher = Fetcher::open(settings, files, |trust| trust.with_limits(limits))?;
                (fetcher.world(), Some(fetcher))
            }
            None => {
                let trust = TrustSnapshot::new(files).map_err(operator::OperatorError::from)?;
                let world = World::new(trust.with_limits(limits));
                (Arc::new(ArcSwap::from_pointee(world)), None)
            }
        };
        let purposes = purposes(config)?;
        let list: Vec<Value> = purposes.values().map(|purpose| purpose_json(purpose)).collect();
        Ok(Self {
            purposes_json: json!({ "purposes": list }).to_string(),
            purposes,
            world,
            trust,
            trust_max_age: config.trust_max_age,
            metrics: Metrics::new(),
            expiry: Expiry::default(),
            fetcher,
            seen: Seen::new(),
            api_keys,
            bundle: Published::load(config)?,
            body_timeout: Duration::from_secs(config.body_timeout),
            counters: Arc::new(Totals::default()),
            clock: crate::input::now,
            draining: AtomicBool::new(false),
        })
    }

    /// Puts the snapshot of these files in the place of the one in force, for every judgement that
    /// begins from now on.
    pub(super) fn replace_trust(&self, files: Vec<TrustFile>) -> Result<(), TrustError> {
        if let Some(fetcher) = &self.fetcher {
            return fetcher.replace_files(files);
        }
        let current = self.world.load();
        let snapshot = current.trust().successor(files)?;
        let snapshot = snapshot.with_limits(*current.trust().limits());
        self.world.store(Arc::new(World::new(snapshot)));
        Ok(())
    }

    /// Everything in force that has an age and an end: trust and its evidence, what was fetched, and
    /// the bundle that is handed out.
    pub(super) fn dated(&self) -> Vec<Dated> {
        let mut dated = self.world.load().trust().dated();
        dated.extend(self.fetcher.iter().flat_map(Fetcher::dated));
        dated.extend(self.bundle.as_ref().map(Published::dated));
        dated
    }

    /// Seconds since somebody applied or confirmed trust; none without a state directory.
    pub(super) fn trust_age(&self, now: UnixTime) -> Option<u64> {
        let confirmed = self.trust.as_ref()?.status().confirmed()?;
        Some(u64::try_from(now.seconds().saturating_sub(confirmed.seconds())).unwrap_or(0))
    }

    /// What an operator should look at, although the service runs.
    pub(super) fn warnings(&self, config: &Config) -> Vec<String> {
        let mut warnings = if config.trust.is_none() && self.trust.is_none() {
            vec!["no trust directory is configured; nothing can be accepted".to_owned()]
        } else {
            self.world.load().trust().remarks((self.clock)())
        };
        for purpose in self.purposes.values() {
            // Judging asks nothing of a phone, so this keeps no response from its verdict.
            if let Err(error) = purpose.check_request() {
                warnings.push(format!(
                    "the purpose {} could not be asked of a phone: {error}",
                    purpose.id()
                ));
            }
        }
        let bundle = self.bundle.as_ref();
        warnings.extend(bundle.and_then(|bundle| bundle.warning((self.clock)())));
        if let (Some(bundle), Some(trust)) = (bundle, &self.trust) {
            warnings.extend(bundle.differs_from(trust.status().pointer.snapshot()));
        }
        if self.api_keys.short_count() > 0 {
            let count = self.api_keys.short_count();
            warnings.push(format!(
                "{count} of the API keys are so short that they can be guessed"
            ));
        }
        warnings
    }
}

/// The ready-made purposes and those of the configured directory.
fn purposes(config: &Config) -> Result<Purposes, ConfigError> {
    let mut purposes = Purposes::new();
    for (id, _) in READY_MADE {
        let purpose = ready_made(id).expect("invariant: a test reads every ready-made purpose");
        purposes.insert((*id).to_owned(), Arc::new(purpose));
    }
    let Some(directory) = &config.purposes else {
        return Ok(purposes);
    };
    for (path, purpose) in operator::load_purposes(directory)? {
        let id = purpose.id().to_owned();
        if purposes.contains_key(&id) {
            // Which of two would count must not depend on the order of a directory.
            return Err(ConfigError::File {
                path,
                fault: format!("there is another purpose with the id {id}"),
            });
        }
        purposes.insert(id, Arc::new(purpose));
    }
    Ok(purposes)
}

/// What a caller needs to choose a purpose.
fn purpose_json(purpose: &Purpose) -> Value {
    let requests: Vec<Value> = purpose
        .documents()
        .iter()
        .map(|document| json!({ "doc_type": document.doc_type(), "elements": document.request() }))
        .collect();
    let mut answers: Vec<Value> = Vec::new();
    for document in purpose.documents() {
        for answer in purpose.answers_of(document) {
            let answer = answer_json(answer);
            if !answers.contains(&answer) {
                answers.push(answer);
            }
        }
    }
    json!({
        "id": purpose.id(),
        "title": purpose.title(),
        "hash": sha256_text(&purpose.hash()),
        "documents": match purpose.rule() {
            Documents::All => "all",
            Documents::Any => "any",
        },
        "requests": requests,
        "answers": answers,
    })
}

fn answer_json(answer: &relying_party::purpose::Answer) -> Value {
    let mut json = Map::new();
    json.insert("name".to_owned(), json!(answer.name));
    match &answer.rule {
        Rule::AgeOver { threshold } => {
            json.insert("rule".to_owned(), json!("age_over"));
            json.insert("threshold".to_owned(), json!(threshold));
        }
        Rule::Element {
            name_space,
            identifier,
        } => {
            json.insert("rule".to_owned(), json!("element"));
            json.insert("element".to_owned(), json!([name_space, identifier]));
        }
        Rule::Equals {
            name_space,
            identifier,
            value,
        } => {
            json.insert("rule".to_owned(), json!("equals"));
            json.insert("element".to_owned(), json!([name_space, identifier]));
            json.insert("value".to_owned(), value.clone());
        }
    }
    json.insert("optional".to_owned(), json!(answer.optional));
    let audience = match answer.audience {
        Audience::Backend => "backend",
        Audience::Counter => "counter",
    };
    json.insert("audience".to_owned(), json!(audience));
    Value::Object(json)
}
