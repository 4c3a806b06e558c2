//! Trust that changes while the service runs: the pointer of the state directory is looked at every
//! second, and `POST /v1/trust/preview|apply|rollback` changes it from afar.
//!
//! A changed pointer becomes a new world, which is exchanged as a whole: a judgement goes by the
//! snapshot before or by the one after. What cannot be read leaves the world as it is.

use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use mdoc::time::UnixTime;
use operator::{TrustPointer, TrustState, undated};
use relying_party::{NewestLists, TrustFile};
use serde_json::Value;

use super::auth::ApiKeys;
use super::body;
use super::config::{Config, ConfigError};
use super::members::{self, Scalar};
use super::problem::{Kind, Problem};
use super::state::State;
use crate::trust::{Desk, InForce, Order, Refusal, done_json, review_json};

/// How often the pointer is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is looked whether the state directory lacks what a change should have written there.
const CATCH_UP: Duration = Duration::from_secs(10);
/// Who puts the trust directory in force when the service first starts on an empty state directory.
const FIRST_START: &str = "the service, at its first start";
/// Bytes that a problem tells of what is wrong.
const MAX_DETAIL: usize = 2000;

/// The state directory, and what of it is in force here.
pub(super) struct Changes {
    desk: Desk,
    /// None where trust is not changed over HTTP.
    pub(super) admin: Option<ApiKeys>,
    /// Held while a snapshot is read: two at a time could end with the older one.
    reading: Mutex<()>,
    held: Mutex<Held>,
    owed: Mutex<Owed>,
}

/// What a change could not write down, and is written when it can be.
#[derive(Default)]
struct Owed {
    looked: Option<Instant>,
    /// Why it still cannot, as far as it was told.
    fault: Option<String>,
}

struct Held {
    seen: Option<Seen>,
    pointer: TrustPointer,
    /// Why the pointer of the directory is not the one in force here.
    fault: Option<String>,
}

/// What tells that the pointer was exchanged without reading it.
#[derive(Clone, PartialEq, Eq)]
struct Seen {
    written: Option<SystemTime>,
    length: u64,
    #[cfg(unix)]
    inode: u64,
}

/// What is in force here.
#[derive(Clone)]
pub(super) struct Status {
    pub(super) pointer: TrustPointer,
    pub(super) fault: Option<String>,
}

impl Status {
    /// When somebody last said that this is to be trusted.
    pub(super) fn confirmed(&self) -> Option<UnixTime> {
        UnixTime::parse(&self.pointer.change.at).ok()
    }
}

impl Changes {
    /// What the configuration puts in force: the snapshot of the state directory, or on an empty one
    /// the trust directory, which is applied.
    pub(super) fn load(config: &Config) -> Result<Option<(Self, Vec<TrustFile>)>, ConfigError> {
        let admin = match &config.admin_key_file {
            Some(path) => Some(ApiKeys::load(path)?),
            None => None,
        };
        let Some(directory) = &config.trust_state else {
            if admin.is_some() || config.trust_max_age.is_some() {
                return Err(ConfigError::Setting {
                    setting: "trust_state".to_owned(),
                    fault: "admin_key_file and trust_max_age are only of use with it".to_owned(),
                });
            }
            return Ok(None);
        };
        let desk = Desk {
            source: config.trust.clone(),
            state: TrustState::new(directory),
        };
        if desk.state.current()?.is_none() && desk.source.is_some() {
            let order = Order {
                who: FIRST_START.to_owned(),
                expected: None,
                now: crate::input::now(),
            };
            let applied = desk.apply(&order);
            applied.map_err(|refusal| ConfigError::TrustRefused(refusal.to_string()))?;
        }
        let seen = seen(&desk);
        let Some(InForce { pointer, loaded }) = desk.in_force()? else {
            let fault = "nothing is in force there, and there is no trust directory to begin with".to_owned();
            let path = directory.clone();
            return Err(ConfigError::File { path, fault });
        };
        // A damaged list of what was newest must be noticed before anything goes back.
        desk.state.newest()?;
        let loaded = loaded.map_err(|fault| ConfigError::File {
            path: directory.clone(),
            fault,
        })?;
        let files = undated(&loaded.files);
        let held = Mutex::new(Held {
            seen,
            pointer,
            fault: None,
        });
        let changes = Self {
            desk,
            admin,
            reading: Mutex::new(()),
            held,
            owed: Mutex::default(),
        };
        Ok(Some((changes, files)))
    }

    /// What is in force here.
    pub(super) fn status(&self) -> Status {
        let held = self.lock();
        Status {
            pointer: held.pointer.clone(),
            fault: held.fault.clone(),
        }
    }

    /// Goes by the pointer of the directory, if it has changed.
    pub(super) fn refresh(&self, state: &State) -> bool {
        // Whoever asks for the status does not wait for this.
        let _one_at_a_time = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen(&self.desk);
        let (known, fault, before) = {
            let held = self.lock();
            (held.seen.clone(), held.fault.clone(), held.pointer.clone())
        };
        if seen.is_some() && seen == known && fault.is_none() {
            return false;
        }
        match self.take(state) {
            Ok(pointer) => {
                if pointer != before {
                    tell(state, &pointer);
                }
                *self.lock() = Held {
                    seen,
                    pointer,
                    fault: None,
                };
                true
            }
            Err(found) => {
                // Looked at again every second; told once.
                if fault.as_ref() != Some(&found) {
                    tracing::error!(fault = %found, "the changed trust cannot be read; what was in force stays");
                    self.lock().fault = Some(found);
                }
                false
            }
        }
    }

    /// Writes down what a change of trust could not, here or on the command line: its line of the log, and how new its lists
    /// are.
    fn catch_up(&self, state: &State) {
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        if owed.looked.is_some_and(|looked| looked.elapsed() < CATCH_UP) {
            return;
        }
        owed.looked = Some(Instant::now());
        let directory = &self.desk.state;
        let newest = NewestLists::of(state.world.load().trust());
        let written = directory.catch_up().and_then(|logged| {
            directory.remember(&newest)?;
            Ok(logged)
        });
        match written {
            Ok(logged) => {
                if logged {
                    tracing::info!("the log of changes has the line that it lacked");
                }
                owed.fault = None;
            }
            Err(error) => {
                let fault = error.to_string();
                // Tried again and again; told once.
                if owed.fault.as_ref() != Some(&fault) {
                    tracing::error!(%fault, "a change of trust is in force and cannot be written down in full");
                    owed.fault = Some(fault);
                }
            }
        }
    }

    fn take(&self, state: &State) -> Result<TrustPointer, String> {
        let in_force = self.desk.in_force().map_err(|error| error.to_string())?;
        let InForce { pointer, loaded } = in_force.ok_or_else(|| "the pointer is gone".to_owned())?;
        let files = undated(&loaded?.files);
        let error = state.replace_trust(files).err();
        error.map_or(Ok(pointer), |error| Err(error.to_string()))
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // What is held is whole at every instant.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(state: &State, pointer: &TrustPointer) {
    let (number, snapshot) = (pointer.change.number, pointer.snapshot());
    tracing::info!(number, snapshot, "trust is in force");
    let bundle = state.bundle.as_ref();
    if let Some(words) = bundle.and_then(|bundle| bundle.differs_from(snapshot)) {
        tracing::warn!("{words}");
    }
}

fn seen(desk: &Desk) -> Option<Seen> {
    let metadata = fs::metadata(desk.state.current_file()).ok()?;
    Some(Seen {
        written: metadata.modified().ok(),
        length: metadata.len(),
        #[cfg(unix)]
        inode: std::os::unix::fs::MetadataExt::ino(&metadata),
    })
}

/// Looks at the pointer, and from time to time at what ends soon, while the service lives.
pub(super) fn watch(state: &Arc<State>) -> std::io::Result<()> {
    let state: Weak<State> = Arc::downgrade(state);
    let look = move || {
        while let Some(state) = state.upgrade() {
            let changed = state.trust.as_ref().is_some_and(|trust| trust.refresh(&state));
            if let Some(trust) = &state.trust {
                trust.catch_up(&state);
            }
            state.expiry.look(&state, changed);
            drop(state);
            std::thread::sleep(LOOK);
        }
    };
    std::thread::Builder::new()
        .name("trust-watch".to_owned())
        .spawn(look)
        .map(drop)
}

// --- Over HTTP ----------------------------------------------------------------------------------------------

/// What a caller asks for, as far as they say.
#[derive(Default)]
struct Asked {
    expected: Option<String>,
    to: Option<String>,
    by: Option<String>,
}

/// `POST /v1/trust/preview`.
pub(super) async fn preview(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    admit(&request, &state)?;
    read(&request, payload, &state, &[]).await?;
    at_the_desk(state, move |changes, state| {
        let now = (state.clock)();
        let (in_force, review) = changes.desk.preview(now).map_err(|refusal| problem(&refusal))?;
        Ok(review_json(in_force.as_ref(), &review, now))
    })
    .await
}

/// `POST /v1/trust/apply`.
pub(super) async fn apply(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let who = admit(&request, &state)?;
    let asked = read(&request, payload, &state, &["expected", "by"]).await?;
    at_the_desk(state, move |changes, state| {
        let order = order(who, &asked, state);
        let done = changes.desk.apply(&order);
        changes.refresh(state);
        Ok(done_json(&done.map_err(|refusal| problem(&refusal))?, order.now))
    })
    .await
}

/// `POST /v1/trust/rollback`.
pub(super) async fn rollback(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let who = admit(&request, &state)?;
    let asked = read(&request, payload, &state, &["expected", "by", "to"]).await?;
    at_the_desk(state, move |changes, state| {
        let order = order(who, &asked, state);
        let done = changes.desk.rollback(&order, asked.to.as_deref());
        changes.refresh(state);
        Ok(done_json(&done.map_err(|refusal| problem(&refusal))?, order.now))
    })
    .await
}

/// Lets an administrator in; who they are, for the log.
fn admit(request: &HttpRequest, state: &State) -> Result<String, Problem> {
    let admin = state.trust.as_ref().and_then(|changes| changes.admin.as_ref());
    let admin = admin
        .ok_or_else(|| Problem::new(Kind::NotFound, "this service lets nobody change trust over HTTP"))?;
    admin.admit_admin(request.headers())
}

fn order(who: String, asked: &Asked, state: &State) -> Order {
    Order {
        who: match &asked.by {
            None => who,
            Some(by) => format!("{who}: {by}"),
        },
        expected: asked.expected.clone(),
        now: (state.clock)(),
    }
}

/// Reads the members of a body, all of which may be left out, as the body itself may.
async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    state: &State,
    known: &[&str],
) -> Result<Asked, Problem> {
    let body = body::read(payload, request.headers(), state.body_timeout).await?;
    let mut asked = Asked::default();
    if body.is_empty() {
        return Ok(asked);
    }
    if body::encoding(request.headers())? != super::verification::Encoding::Json {
        return Err(Problem::of(
            Kind::ContentTypeUnsupported,
            "Content-Type",
            "not application/json",
        ));
    }
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in members::of_json(&body)? {
        let place = match name.as_ref() {
            "expected" => &mut asked.expected,
            "to" => &mut asked.to,
            "by" => &mut asked.by,
            _ => return Err(unknown(&name)),
        };
        if !known.contains(&name.as_ref()) {
            return Err(unknown(&name));
        }
        if seen.iter().any(|seen| *seen == name) {
            return Err(Problem::of(
                Kind::MemberDuplicate,
                &name,
                "the member stands twice",
            ));
        }
        match value {
            members::Value::Scalar(Scalar::Text(text)) => *place = Some(text.into_owned()),
            members::Value::Scalar(Scalar::Null) => {}
            _ => {
                return Err(Problem::of(
                    Kind::MemberType,
                    &name,
                    format!("{name} is not a text"),
                ));
            }
        }
        seen.push(name.into_owned());
    }
    Ok(asked)
}

fn unknown(name: &str) -> Problem {
    Problem::of(Kind::MemberUnknown, name, "the service does not know this member")
}

/// Does the work where it keeps nobody waiting who wants a verdict.
async fn at_the_desk(
    state: web::Data<State>,
    work: impl FnOnce(&Changes, &State) -> Result<Value, Problem> + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let done = web::block(move || match &state.trust {
        Some(changes) => work(changes, &state),
        None => Err(Problem::new(Kind::NotFound, "there is no state directory")),
    });
    let json = done
        .await
        .map_err(|_| Problem::new(Kind::Internal, "the work was not done"))??;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(json.to_string()))
}

fn problem(refusal: &Refusal) -> Problem {
    let (kind, field) = match refusal {
        Refusal::Broken(faults) => (Kind::TrustBroken, faults.first().map(|(file, _)| file.as_str())),
        Refusal::Unreadable(_) | Refusal::NoSource => (Kind::TrustBroken, None),
        Refusal::Conflict(conflicts) => (Kind::TrustConflict, conflicts.first().map(|c| c.file())),
        Refusal::Busy => (Kind::TrustBusy, None),
        Refusal::Changed { .. } => (Kind::TrustChanged, Some("expected")),
        Refusal::NothingBefore => (Kind::TrustNoSnapshot, None),
        Refusal::NotKept(_) => (Kind::TrustNoSnapshot, Some("to")),
        Refusal::Who => (Kind::MemberType, Some("by")),
        Refusal::State(error) => {
            tracing::error!(%error, "the state directory of trust cannot be used");
            return Problem::new(
                Kind::Internal,
                "the state directory of trust cannot be used; the log says why",
            );
        }
    };
    let detail: String = refusal.to_string().chars().take(MAX_DETAIL).collect();
    match field {
        Some(field) => Problem::of(kind, field, detail),
        None => Problem::new(kind, detail),
    }
}
