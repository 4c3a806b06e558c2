//! The threads that keep lists fresh, and the requests that wait for one that is missing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use mdoc::status::StatusToken;
use mdoc::time::UnixTime;
use mdoc::x509::RevocationList;
use relying_party::{TrustError, TrustFile, TrustSnapshot, Wanted};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::content::{self, Content, Facts, size};
use super::store::{Store, Stored};
use super::table::{Body, Held, HeldList, Inflated, Key, Lack, Next, Table, Task, Totals};
use super::{Client, FetchError, FetchSettings, Fetched, ListKind, Origin, StoreError, World};

/// Lists that one request waits for.
const MAX_WANTED: usize = 16;
/// A list that was fetched so many seconds ago is not asked for again, whatever is wrong with it.
const AGAIN_AFTER: i64 = 10;
/// What is overdue when the program starts is asked for within so many seconds, not at once.
const SPREAD: f64 = 10.0;
/// Lists that no document named for so long are forgotten, in microseconds; how often that is looked after.
const IDLE: u64 = 7 * 86_400 * 1_000_000;
const TIDY: u64 = 3_600 * 1_000_000;

/// Why fetching cannot begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The cache.
    #[error("the cache of lists: {0}")]
    Store(#[from] StoreError),
    /// The trust directory.
    #[error("the trust directory: {0}")]
    Trust(#[from] TrustError),
    /// No thread.
    #[error("no thread: {0}")]
    Thread(std::io::Error),
}

/// Keeps lists at hand. Its threads end with it.
pub struct Fetcher {
    shared: Arc<Shared>,
}

struct Shared {
    settings: FetchSettings,
    client: Client,
    store: Option<Store>,
    /// The files of the trust directory, for a snapshot with another VICAL.
    files: Vec<TrustFile>,
    table: Mutex<Table>,
    /// There is something to do, or to end.
    news: Condvar,
    world: Arc<ArcSwap<World>>,
    /// Held while a snapshot is made: two at a time would lose one list.
    trust: Mutex<()>,
    clock: OnceLock<fn() -> UnixTime>,
    stopping: AtomicBool,
    tidied: AtomicU64,
    started: Instant,
}

/// What a request waits for.
pub struct Pending {
    cold: Vec<Key>,
    in_flight: Vec<watch::Receiver<()>>,
}

impl Pending {
    /// Whether nothing would help.
    pub fn is_empty(&self) -> bool {
        self.cold.is_empty() && self.in_flight.is_empty()
    }

    /// Whether some list only has to be unfolded: [`Fetcher::inflate`] does, and takes its time.
    pub fn is_cold(&self) -> bool {
        !self.cold.is_empty()
    }

    /// Ends when every list that is in flight has come, or failed.
    pub async fn settled(&mut self) {
        for receiver in &mut self.in_flight {
            // The other end is dropped when there is news; nothing is ever sent.
            let _ = receiver.changed().await;
        }
    }
}

impl Fetcher {
    /// Makes the world of the files of a trust directory and of what the cache holds. Nothing is fetched yet. `adjust` is
    /// applied to the snapshot, and what it sets is kept over all that follow.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn open(
        settings: FetchSettings,
        files: Vec<TrustFile>,
        adjust: impl Fn(TrustSnapshot) -> TrustSnapshot,
    ) -> Result<Self, StartError> {
        let (store, stored) = match &settings.cache {
            None => (None, Vec::new()),
            Some(directory) => {
                let (store, stored) = Store::open(directory)?;
                (Some(store), stored)
            }
        };
        // Whom to trust is the operator's word of today: a VICAL that is no source any more counts no more.
        let is_source = |stored: &Stored| {
            let mut sources = settings.sources.iter();
            sources.any(|source| source.kind == stored.kind && source.uri == stored.uri)
        };
        let (stored, gone): (Vec<Stored>, Vec<Stored>) = stored
            .into_iter()
            .partition(|stored| stored.kind != ListKind::Vical || is_source(stored));
        for stored in gone {
            if let Some(store) = &store {
                store.remove(stored.kind, &stored.uri);
            }
        }
        let vicals = stored.iter().filter(|stored| stored.kind == ListKind::Vical);
        let vicals = vicals.map(|stored| vical_file(&stored.uri, &stored.bytes));
        let snapshot = TrustSnapshot::new(files.iter().cloned().chain(vicals).collect())?;
        let world = Arc::new(ArcSwap::from_pointee(World::new(adjust(snapshot))));
        let shared = Shared {
            client: Client::new(settings.client()),
            settings,
            store,
            files,
            table: Mutex::new(Table::default()),
            news: Condvar::new(),
            started: world.load().started,
            world,
            trust: Mutex::new(()),
            clock: OnceLock::new(),
            stopping: AtomicBool::new(false),
            tidied: AtomicU64::new(0),
        };
        shared.restore(stored);
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Begins to fetch, by this clock.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(&self, clock: fn() -> UnixTime) -> Result<(), StartError> {
        if self.shared.clock.set(clock).is_err() {
            return Ok(());
        }
        self.shared.make_due();
        for number in 0..self.shared.settings.threads {
            let shared = Arc::clone(&self.shared);
            std::thread::Builder::new()
                .name(format!("fetch-{number}"))
                .spawn(move || shared.work())
                .map_err(StartError::Thread)?;
        }
        Ok(())
    }

    /// The place where the world of the moment is found.
    pub fn world(&self) -> Arc<ArcSwap<World>> {
        Arc::clone(&self.shared.world)
    }

    /// The longest that a request waits.
    pub fn wait(&self) -> Duration {
        self.shared.settings.wait
    }

    /// Asks for what a judgement lacks.
    pub fn request(&self, wanted: &[Wanted]) -> Pending {
        let shared = &*self.shared;
        let (now, moment, clock) = (Instant::now(), shared.moment(), shared.now());
        let fresh = |held: &HeldList| clock.seconds() - held.fetched_at.seconds() < AGAIN_AFTER;
        let mut pending = Pending {
            cold: Vec::new(),
            in_flight: Vec::new(),
        };
        let mut table = shared.table();
        for wanted in wanted.iter().take(MAX_WANTED) {
            let (kind, uri) = match wanted {
                Wanted::Crl { uri } => (ListKind::Crl, uri),
                Wanted::Status { uri } => (ListKind::Status, uri),
            };
            let key = (kind, Arc::from(uri.as_str()));
            if shared.settings.documents {
                // What may not be asked for is never made known.
                if let Some(host) = shared.client.host(uri, kind, Origin::Document) {
                    table.know(&key, Origin::Document, &host, moment, shared.started);
                }
            }
            match table.lack(&key, (shared.started, now), moment, fresh) {
                Lack::Settled => {}
                Lack::Cold => pending.cold.push(key),
                Lack::Wait(receiver) => pending.in_flight.push(receiver),
            }
        }
        drop(table);
        if !pending.in_flight.is_empty() {
            shared.news.notify_all();
        }
        pending
    }

    /// Unfolds the lists that only have to be unfolded. A large one takes tens of milliseconds.
    pub fn inflate(&self, pending: &Pending) {
        for key in &pending.cold {
            self.shared.inflate(key);
        }
    }

    /// Everything that is held, with where it came from and how long it counts: to be listed or exported.
    pub fn held(&self) -> Vec<Held> {
        self.shared.table().held()
    }

    /// Why the last attempt at a list failed, where it did.
    pub fn failure_of(&self, kind: ListKind, uri: &str) -> Option<FetchError> {
        self.shared.table().failure_of(&(kind, Arc::from(uri)))
    }

    /// Totals, for whoever publishes them.
    pub fn totals(&self) -> Totals {
        self.shared.table().totals()
    }

    /// Asks for every list that is held or configured again, spread over no time at all: for measurements, and for an
    /// operator who knows of news.
    pub fn refresh_all(&self) {
        let now = Instant::now();
        let mut table = self.shared.table();
        for held in table.held() {
            table.reschedule(&(held.kind, Arc::from(held.uri)), now);
        }
        drop(table);
        self.shared.news.notify_all();
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        // Whoever is about to sleep has looked before: the lock orders the two.
        drop(self.shared.table());
        self.shared.news.notify_all();
        if let Some(store) = &self.shared.store {
            store.close();
        }
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        // A table that was left in the middle of a change misses a list or counts one twice; nothing false is in it.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> UnixTime {
        self.clock.get().map_or_else(crate::input::now, |clock| clock())
    }

    fn moment(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Puts what the disk holds into the table, and CRLs into the world. Tokens are unfolded when they are needed.
    fn restore(&self, stored: Vec<Stored>) {
        let mut table = self.table();
        let mut issuers = Vec::new();
        for stored in stored {
            let key: Key = (stored.kind, Arc::from(stored.uri.as_str()));
            let host = self.client.host(&stored.uri, stored.kind, Origin::Operator);
            let body = match stored.kind {
                ListKind::Status => Some(Body::Status {
                    bytes: stored.bytes,
                    inflated: None,
                }),
                ListKind::Vical => Some(Body::Vical(stored.bytes)),
                ListKind::Crl => {
                    let list = RevocationList::from_der(&stored.bytes).ok();
                    issuers.extend(list.iter().map(|list| list.issuer_der().to_vec()));
                    list.map(|list| Body::Crl(Arc::new(list)))
                }
            };
            // Settings may have changed: what may no longer be asked for does not count either.
            let (Some(host), Some(body)) = (host, body) else {
                continue;
            };
            table.know(&key, Origin::Document, &host, 0, self.started);
            let held = HeldList {
                body,
                content_type: stored.content_type.into(),
                facts: stored.facts,
                fetched_at: stored.fetched_at,
            };
            table.restore(&key, held, self.started);
        }
        self.exchange(|world| table.publish_crls(issuers.iter().map(Vec::as_slice), world));
    }

    /// Gives every list its time: configured ones that are missing at once, what is overdue soon.
    fn make_due(&self) {
        let (now, clock) = (Instant::now(), self.now());
        let mut table = self.table();
        for source in &self.settings.sources {
            let host = self.client.host(&source.uri, source.kind, Origin::Operator);
            let key = (source.kind, Arc::from(source.uri.as_str()));
            table.know(&key, Origin::Operator, &host.unwrap_or_default(), 0, now);
        }
        for held in table.held() {
            let facts = Facts {
                dated: held.dated,
                expires: held.expires,
                time_to_live: held.time_to_live,
                entries: held.entries,
            };
            let due = self.due(&facts, held.fetched_at, clock);
            let due = if due.is_zero() {
                Duration::from_secs_f64(SPREAD * chance())
            } else {
                due
            };
            table.reschedule(&(held.kind, Arc::from(held.uri)), now + due);
        }
    }

    /// How long from now until a list is asked for again: ahead of its end, and not all at one time.
    fn due(&self, facts: &Facts, fetched_at: UnixTime, now: UnixTime) -> Duration {
        let keep = Duration::from_secs(facts.keep_for(fetched_at, self.settings.max_age));
        let after = keep.mul_f64(0.75 + 0.2 * chance());
        let passed = u64::try_from(now.seconds().saturating_sub(fetched_at.seconds())).unwrap_or(0);
        after.saturating_sub(Duration::from_secs(passed))
    }

    /// One thread's life.
    fn work(&self) {
        // One host never holds up all threads.
        let per_host = self.settings.threads.div_ceil(2);
        loop {
            let mut table = self.table();
            let task = loop {
                if self.stopping.load(Ordering::Relaxed) {
                    return;
                }
                let now = Instant::now();
                table = match table.next(now, per_host) {
                    Next::Fetch(task) => break task,
                    Next::Wait(None) => self.news.wait(table).unwrap_or_else(PoisonError::into_inner),
                    Next::Wait(Some(at)) => {
                        let within = at.saturating_duration_since(now);
                        let woken = self.news.wait_timeout(table, within);
                        woken.unwrap_or_else(PoisonError::into_inner).0
                    }
                };
            };
            drop(table);
            self.perform(&task);
            self.tidy();
            self.news.notify_all();
        }
    }

    /// Asks for a list, and takes it or says why not.
    fn perform(&self, task: &Task) {
        let (kind, uri) = (task.key.0, &*task.key.1);
        let started = Instant::now();
        let host = self.client.host(uri, kind, task.origin).unwrap_or_default();
        let outcome = self
            .client
            .fetch(uri, kind, task.origin)
            .and_then(|fetched| self.take(task, fetched));
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        match outcome {
            Ok(facts) => {
                let shrunk = task.facts.is_some_and(|held| facts.entries < held.entries);
                if kind == ListKind::Status && shrunk {
                    tracing::warn!(
                        kind = kind.name(),
                        host,
                        entries = facts.entries,
                        "a list has fewer entries than before"
                    );
                }
                tracing::info!(kind = kind.name(), host, micros, "fetched");
            }
            Err(error) => {
                let reason = error.code();
                tracing::warn!(kind = kind.name(), host, micros, reason, fault = %error, "not fetched");
                let mut table = self.table();
                table.fail(&task.key, error, Instant::now(), self.settings.retry);
                self.exchange(|world| table.publish(&task.key, world));
            }
        }
    }

    /// Takes a list in the place of the one that is held. One that is past its end takes a place too, because it still
    /// convicts whom it lists; a better one is asked for soon.
    fn take(&self, task: &Task, fetched: Fetched) -> Result<Facts, FetchError> {
        let (kind, uri) = (task.key.0, &*task.key.1);
        let now = self.now();
        let Fetched { bytes, content_type } = fetched;
        let bytes: Arc<[u8]> = bytes.into();
        let trust = Arc::clone(&self.world.load().trust);
        let (content, facts) = content::read(kind, uri, &bytes, &content_type, &trust)?;
        facts.may_replace(task.facts.as_ref(), now)?;
        let over = facts.is_over(now);
        // A VICAL past the day of its next issue counts on; the trust snapshot knows when it ends.
        let over = over && kind != ListKind::Vical;
        let snapshot = match kind {
            ListKind::Vical => Some(self.trusting(uri, &bytes)?),
            _ => None,
        };
        self.write(task, &bytes, &content_type, facts, now);
        let due = self.due(&facts, now, now).max(Duration::from_secs(10));
        let at = Instant::now();
        let mut table = self.table();
        let body = match content {
            Content::Crl(list) => Body::Crl(list),
            Content::Vical => Body::Vical(bytes),
            Content::Status(token) => {
                let size = size(&token, bytes.len());
                let worth = table.is_worth_inflating(&task.key, size, self.settings.inflated_bytes);
                let inflated = worth.then(|| Inflated::new(token, bytes.len(), self.moment()));
                Body::Status { bytes, inflated }
            }
        };
        let before = table.issuer_of(&task.key);
        let held = HeldList {
            body,
            content_type: content_type.into(),
            facts,
            fetched_at: now,
        };
        table.take(&task.key, held, at + due);
        let folded = table.fold(self.settings.inflated_bytes, &task.key);
        let issuers = before.into_iter().chain(table.issuer_of(&task.key));
        let issuers: Vec<Vec<u8>> = issuers.collect();
        self.exchange(|world| {
            if let Some((snapshot, _serial)) = snapshot {
                world.trust = Arc::new(snapshot);
            }
            table.publish_crls(issuers.iter().map(Vec::as_slice), world);
            for key in folded.iter().chain([&task.key]) {
                table.publish(key, world);
            }
        });
        if over {
            return Err(FetchError::Expired);
        }
        Ok(facts)
    }

    /// The trust snapshot with this VICAL in the place of the one that came from there before. Until what comes with it is
    /// dropped, no other snapshot is made.
    fn trusting(&self, uri: &str, bytes: &[u8]) -> Result<(TrustSnapshot, MutexGuard<'_, ()>), FetchError> {
        let serial = self.trust.lock().unwrap_or_else(PoisonError::into_inner);
        let others = self.table().vicals();
        let others = others.iter().filter(|(other, _)| &**other != uri);
        let mut files = self.files.clone();
        files.extend(others.map(|(uri, bytes)| vical_file(uri, bytes)));
        let file = vical_file(uri, bytes);
        let name = file.name.clone();
        files.push(file);
        let current = Arc::clone(&self.world.load().trust);
        let snapshot = current.successor(files);
        let snapshot = snapshot.map_err(|error| FetchError::VicalRefused(error.to_string()))?;
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        if snapshot
            .trust_lists()
            .iter()
            .any(|held| held.list.sha256 == digest)
        {
            return Ok((snapshot.with_limits(*current.limits()), serial));
        }
        let skipped = snapshot.skipped().iter().find(|(file, _)| *file == name);
        let reason = skipped.map(|(_, reason)| reason.clone()).unwrap_or_default();
        Err(FetchError::VicalRefused(reason))
    }

    /// Without a disk the list still counts, until the program ends.
    fn write(&self, task: &Task, bytes: &Arc<[u8]>, content_type: &str, facts: Facts, now: UnixTime) {
        let Some(store) = &self.store else { return };
        let stored = Stored {
            kind: task.key.0,
            uri: task.key.1.to_string(),
            content_type: content_type.to_owned(),
            fetched_at: now,
            facts,
            bytes: Arc::clone(bytes),
        };
        if let Err(error) = store.write(&stored) {
            tracing::error!(%error, "a list cannot be written to the cache");
        }
    }

    fn inflate(&self, key: &Key) {
        let Some((bytes, content_type)) = self.table().cold(key) else {
            return;
        };
        match StatusToken::decode_fetched(&bytes, &key.1, &content_type) {
            Ok(token) => {
                let token = Arc::new(token);
                let mut table = self.table();
                table.inflate(key, &bytes, &token, self.moment());
                let folded = table.fold(self.settings.inflated_bytes, key);
                self.exchange(|world| {
                    for key in folded.iter().chain([key]) {
                        table.publish(key, world);
                    }
                });
            }
            Err(error) => {
                tracing::error!(%error, "a list of the cache is none; it is asked for anew");
                self.table().spoiled(key, Instant::now());
                if let Some(store) = &self.store {
                    store.remove(key.0, &key.1);
                }
            }
        }
    }

    /// Forgets what is too much, and from time to time what nobody asks for.
    fn tidy(&self) {
        let moment = self.moment();
        let due = moment.saturating_sub(self.tidied.load(Ordering::Relaxed)) > TIDY;
        let oldest = due.then(|| moment.saturating_sub(IDLE));
        if due {
            self.tidied.store(moment, Ordering::Relaxed);
        }
        let mut table = self.table();
        let forgotten = table.forget(self.settings.kept_bytes, oldest);
        if forgotten.is_empty() {
            return;
        }
        self.exchange(|world| {
            let issuers = forgotten.iter().filter_map(|(_, issuer)| issuer.as_deref());
            table.publish_crls(issuers, world);
            for (key, _) in &forgotten {
                table.publish(key, world);
            }
        });
        drop(table);
        for ((kind, uri), _) in &forgotten {
            if let Some(store) = &self.store {
                store.remove(*kind, uri);
            }
        }
    }

    /// Puts another world in the place of this one. The caller holds the table, so that no change is lost.
    fn exchange(&self, change: impl FnOnce(&mut World)) {
        let mut world = World::clone(&self.world.load());
        change(&mut world);
        self.world.store(Arc::new(world));
    }
}

/// A fetched VICAL as a file of a trust directory.
fn vical_file(uri: &str, bytes: &[u8]) -> TrustFile {
    let digest = Sha256::digest(uri);
    let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    TrustFile {
        name: format!("vicals/fetched-{name}.cbor"),
        bytes: bytes.to_vec(),
    }
}

/// A number from 0 to 1, not the same twice.
fn chance() -> f64 {
    let mut random = [0; 4];
    // Without randomness lists are asked for at the same time, which is no harm to them.
    let _ = getrandom::fill(&mut random);
    f64::from(u32::from_be_bytes(random)) / f64::from(u32::MAX)
}
