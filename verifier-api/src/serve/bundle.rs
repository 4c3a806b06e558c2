//! `GET /v1/bundle`: hands out the bundle that `bundle build` wrote. The service holds no key to
//! sign with: who takes it over can hand out an old bundle, which no counter takes, and no new one.
//!
//! The file is read anew when it has changed. One that is damaged, of another key or of a lower
//! number is not taken, and the one before stays.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, ETAG, EntityTag, Header as _, IF_RANGE, IfNoneMatch,
    IfRange, Range, TryIntoHeaderValue as _,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use mdoc::crypto::PublicKey;
use mdoc::time::UnixTime;
use relying_party::bundle::{BundleFacts, SignedBundle};
use relying_party::{Dated, DatedKind};
use sha2::{Digest as _, Sha256};

use super::config::{Config, ConfigError};
use super::problem::{Kind, Problem};
use super::state::State;

/// The media type of a COSE_Sign1 (RFC 9052 §10.3).
const MEDIA_TYPE: &str = "application/cose; cose-type=\"cose-sign1\"";

/// The bundle of the configuration, and what is handed out of it.
pub(super) struct Published {
    file: PathBuf,
    key: PublicKey,
    held: Mutex<Held>,
}

struct Held {
    seen: Seen,
    current: Arc<Current>,
}

/// What tells that a file was written anew without reading it.
#[derive(Clone, PartialEq, Eq)]
struct Seen {
    length: u64,
    written: Option<SystemTime>,
    #[cfg(unix)]
    inode: u64,
}

/// A bundle that was verified.
struct Current {
    facts: BundleFacts,
    bytes: Bytes,
    tag: EntityTag,
}

impl Published {
    /// Reads the bundle that the configuration names, if it names one.
    pub(super) fn load(config: &Config) -> Result<Option<Self>, ConfigError> {
        let (file, key) = match (&config.bundle, &config.bundle_key) {
            (None, None) => return Ok(None),
            (Some(file), Some(key)) => (file.clone(), operator::load_public_key(key)?),
            (file, _) => {
                let missing = if file.is_some() { "bundle_key" } else { "bundle" };
                return Err(ConfigError::Setting {
                    setting: missing.to_owned(),
                    fault: "bundle and bundle_key are only of use together".to_owned(),
                });
            }
        };
        let seen = seen(&file).map_err(|error| operator::OperatorError::Read {
            path: file.clone(),
            error,
        })?;
        let current = read(&file, &key).map_err(|fault| ConfigError::File {
            path: file.clone(),
            fault,
        })?;
        let held = Mutex::new(Held {
            seen,
            current: Arc::new(current),
        });
        Ok(Some(Self { file, key, held }))
    }

    /// What an operator should look at.
    pub(super) fn warning(&self, now: UnixTime) -> Option<String> {
        let current = Arc::clone(&self.lock().current);
        let fault = current.facts.check_at(now).err()?;
        Some(format!("the bundle {}: {fault}", self.file.display()))
    }

    /// What to tell where the bundle was made of other trust than this snapshot, `sha256:…`: counters
    /// would go by another than the service.
    pub(super) fn differs_from(&self, snapshot: &str) -> Option<String> {
        let current = Arc::clone(&self.lock().current);
        let bundle = SignedBundle::decode(&current.bytes).and_then(|signed| signed.verify(&self.key));
        // As of its making: whether it still counts is told elsewhere.
        let loaded = bundle
            .and_then(|bundle| bundle.load(current.facts.created))
            .ok()?;
        let of = relying_party::sha256_text(&loaded.trust().hash());
        (of != snapshot).then(|| {
            format!(
                "the bundle {} was made of other trust than the snapshot in force, {snapshot}; make it anew",
                self.file.display()
            )
        })
    }

    /// Its age and its end.
    pub(super) fn dated(&self) -> Dated {
        let facts = self.lock().current.facts;
        Dated {
            kind: DatedKind::Bundle,
            name: format!("bundle {}", facts.number),
            id: facts.number.to_string(),
            dated: facts.created,
            until: Some(facts.expires),
        }
    }

    /// The bundle as it is now.
    fn current(&self) -> Arc<Current> {
        let mut held = self.lock();
        let file = self.file.display();
        match seen(&self.file) {
            Ok(seen) if seen != held.seen => {
                // Whatever comes of it, the same file is not read for every caller again.
                held.seen = seen;
                match read(&self.file, &self.key) {
                    Ok(offered) => match offered.facts.check_follows(&held.current.facts) {
                        Ok(()) => {
                            tracing::info!(number = offered.facts.number, "a new bundle is handed out");
                            held.current = Arc::new(offered);
                        }
                        Err(_) if offered.bytes == held.current.bytes => {}
                        Err(fault) => tracing::warn!("the bundle {file} is not taken: {fault}"),
                    },
                    Err(fault) => tracing::warn!("the bundle {file} is not taken: {fault}"),
                }
            }
            Ok(_) => {}
            Err(error) => tracing::warn!("the bundle {file} cannot be read: {error}"),
        }
        Arc::clone(&held.current)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        // What is held is whole at every instant.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn seen(file: &Path) -> std::io::Result<Seen> {
    let metadata = fs::metadata(file)?;
    Ok(Seen {
        length: metadata.len(),
        written: metadata.modified().ok(),
        #[cfg(unix)]
        inode: std::os::unix::fs::MetadataExt::ino(&metadata as &Metadata),
    })
}

fn read(file: &Path, key: &PublicKey) -> Result<Current, String> {
    let bytes = operator::read_bundle(file).map_err(|error| error.to_string())?;
    let bundle = SignedBundle::decode(&bytes).and_then(|signed| signed.verify(key));
    let facts = *bundle.map_err(|error| error.to_string())?.facts();
    let hash = relying_party::sha256_text(&Sha256::digest(&bytes).into());
    Ok(Current {
        facts,
        tag: EntityTag::new_strong(hash.replace("sha256:", "")),
        bytes: bytes.into(),
    })
}

/// Answers GET and HEAD.
pub(super) async fn get(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    state.api_keys.admit(request.headers())?;
    // Off the threads that serve: a new file is read and hashed here.
    let current = web::block(move || state.bundle.as_ref().map(Published::current));
    let current = current
        .await
        .map_err(|_| Problem::new(Kind::Internal, "the work was not done"))?
        .ok_or_else(|| Problem::new(Kind::NotFound, "this service hands out no bundle"))?;
    if is_known(&request, &current.tag) {
        return Ok(head(StatusCode::NOT_MODIFIED, &current).finish());
    }
    let length = u64::try_from(current.bytes.len()).unwrap_or(u64::MAX);
    Ok(match wanted(&request, &current.tag, length) {
        Wanted::Everything => body(&mut head(StatusCode::OK, &current), current.bytes.clone()),
        Wanted::Part(first, last) => {
            let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
            let part = current.bytes.slice(place(first)..=place(last));
            let range = format!("bytes {first}-{last}/{length}");
            body(
                head(StatusCode::PARTIAL_CONTENT, &current).insert_header((CONTENT_RANGE, range)),
                part,
            )
        }
        Wanted::Nothing => {
            let mut problem = Problem::of(
                Kind::RangeNotSatisfiable,
                "Range",
                "the range lies beyond the end",
            );
            problem.set_length(length);
            return Err(problem);
        }
    })
}

fn head(status: StatusCode, current: &Current) -> HttpResponseBuilder {
    let mut response = HttpResponseBuilder::new(status);
    // Kept, and asked after each time: the tag makes that cheap.
    response
        .insert_header((CACHE_CONTROL, "private, no-cache"))
        .insert_header((ACCEPT_RANGES, "bytes"));
    if let Ok(tag) = current.tag.clone().try_into_value() {
        response.insert_header((ETAG, tag));
    }
    response
}

fn body(response: &mut HttpResponseBuilder, bytes: Bytes) -> HttpResponse {
    response.content_type(MEDIA_TYPE).body(bytes)
}

/// Whether the caller has this bundle already (RFC 9110 §13.1.2).
fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(tag)),
        Err(_) => false,
    }
}

enum Wanted {
    Everything,
    /// From the first byte to the last.
    Part(u64, u64),
    Nothing,
}

/// What of the bundle is asked for. Several ranges at once, and what is no range of bytes, may be
/// answered with the whole (RFC 9110 §14.2).
fn wanted(request: &HttpRequest, tag: &EntityTag, length: u64) -> Wanted {
    if *request.method() != Method::GET || !request.headers().contains_key("range") {
        return Wanted::Everything;
    }
    // A part of another bundle than the caller's would be no continuation of it.
    if request.headers().contains_key(IF_RANGE) {
        match IfRange::parse(request) {
            Ok(IfRange::EntityTag(known)) if known.strong_eq(tag) => {}
            _ => return Wanted::Everything,
        }
    }
    match Range::parse(request) {
        Ok(Range::Bytes(ranges)) => match ranges.as_slice() {
            [range] => match range.to_satisfiable_range(length) {
                Some((first, last)) => Wanted::Part(first, last),
                None => Wanted::Nothing,
            },
            _ => Wanted::Everything,
        },
        _ => Wanted::Everything,
    }
}
