//! The threads that keep lists fresh, and the requests that wait for one that is missing.

mod work;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use mdoc::time::UnixTime;
use mdoc::x509::RevocationList;
use relying_party::{Dated, TrustError, TrustFile, TrustSnapshot, Wanted};
use tokio::sync::watch;

use super::content::Facts;
use super::crls::{Crl, Crls};
use super::export;
use super::newest::Newest;
use super::store::{Store, Stored};
use super::table::{Body, Held, HeldList, Key, Lack, Table, Totals};
use super::{Client, FetchError, FetchSettings, ListKind, Origin, StoreError, World};

/// Lists that one request waits for.
const MAX_WANTED: usize = 16;
/// A list that was fetched so many seconds ago is not asked for again, whatever is wrong with it.
const AGAIN_AFTER: i64 = 10;
/// What is overdue when the program starts is asked for within this time, not at once.
const SPREAD: Duration = Duration::from_secs(10);

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
    /// The state directory of trust.
    #[error(transparent)]
    TrustState(#[from] operator::TrustStateError),
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
    newest: Newest,
    /// The files of the trust directory, for a snapshot with another VICAL.
    files: Mutex<Vec<TrustFile>>,
    table: Mutex<Table>,
    /// There is something to do, or to end.
    news: Condvar,
    world: Arc<ArcSwap<World>>,
    /// Worlds that somebody still judges by. Whoever was the last would have to take them apart.
    retired: Mutex<Vec<Arc<World>>>,
    /// Held while a snapshot is made: two at a time would lose one list.
    trust: Mutex<()>,
    /// Held while a list is unfolded.
    unfolding: Mutex<()>,
    clock: OnceLock<fn() -> UnixTime>,
    stopping: AtomicBool,
    tidied: AtomicU64,
    started: Instant,
}

/// What a request waits for.
pub struct Pending {
    cold: Vec<Key>,
    in_flight: Vec<watch::Receiver<()>>,
    /// What was missing has come between the judgement and the question for it.
    arrived: bool,
}

impl Pending {
    /// Whether nothing would help.
    pub fn is_empty(&self) -> bool {
        self.cold.is_empty() && self.in_flight.is_empty() && !self.arrived
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
        let newest = Newest::open(settings.trust_state.clone())?;
        let counts = |stored: &Stored| {
            let is_meant = stored.kind != ListKind::Vical || settings.is_source(stored.kind, &stored.uri);
            is_meant && newest.check(stored.kind, &stored.bytes).is_ok()
        };
        let (stored, gone): (Vec<Stored>, Vec<Stored>) = stored.into_iter().partition(counts);
        for stored in gone {
            if let Some(store) = &store {
                store.remove_slot(stored.kind, &stored.uri, stored.slot);
            }
        }
        let vicals = stored.iter().filter(|stored| stored.kind == ListKind::Vical);
        let vicals = vicals.map(|stored| export::file(stored.kind, (&stored.uri, 0), &stored.bytes));
        let snapshot = TrustSnapshot::new(files.iter().cloned().chain(vicals).collect())?;
        newest.note_snapshot(&snapshot);
        let world = Arc::new(ArcSwap::from_pointee(World::new(adjust(snapshot))));
        let shared = Shared {
            client: Client::new(settings.client()),
            settings,
            store,
            newest,
            files: Mutex::new(files),
            table: Mutex::new(Table::default()),
            news: Condvar::new(),
            started: world.load().started,
            world,
            retired: Mutex::new(Vec::new()),
            trust: Mutex::new(()),
            unfolding: Mutex::new(()),
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
                .spawn(move || {
                    give_way();
                    shared.work();
                })
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

    /// Asks for what a judgement by this world lacks.
    pub fn request(&self, wanted: &[Wanted], judged_by: &World) -> Pending {
        let shared = &*self.shared;
        let (now, moment, clock) = (Instant::now(), shared.moment(), shared.now());
        // What was fetched in the future was fetched by a clock that was wrong.
        let fresh = |held: &HeldList| {
            let age = clock.seconds().saturating_sub(held.fetched_at.seconds());
            (0..AGAIN_AFTER).contains(&age)
        };
        let mut pending = Pending {
            cold: Vec::new(),
            in_flight: Vec::new(),
            arrived: false,
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
                // The table is held, so that the world of this moment knows what the table knows.
                Lack::Settled => {
                    let issuers = table.issuers_of(&key);
                    let world = shared.world.load();
                    pending.arrived |= world.differs(judged_by, &key.1, &issuers);
                }
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

    /// Unfolds the lists that only have to be unfolded; how many of them no other request had unfolded meanwhile. A large
    /// one takes tens of milliseconds.
    pub fn inflate(&self, pending: &Pending) -> usize {
        let unfolded = pending.cold.iter().filter(|key| self.shared.inflate(key));
        unfolded.count()
    }

    /// Everything that is held, with where it came from and how long it counts: to be listed or exported.
    pub fn held(&self) -> Vec<Held> {
        self.shared.table().held()
    }

    /// Why the last attempt at a list failed, where it did.
    pub fn failure_of(&self, kind: ListKind, uri: &str) -> Option<FetchError> {
        self.shared.table().failure_of(&(kind, Arc::from(uri)))
    }

    /// Puts other files in the place of those of the trust directory. What was fetched stays, as far as
    /// the new files vouch for it; the world changes at one instant.
    ///
    /// # Errors
    /// A file is at fault; nothing changes then.
    pub fn replace_files(&self, files: Vec<TrustFile>) -> Result<(), TrustError> {
        let shared = &*self.shared;
        // No other snapshot is made meanwhile, so that neither change loses the other.
        let _serial = shared.trust.lock().unwrap_or_else(PoisonError::into_inner);
        let fetched = shared.table().vicals();
        let fetched = fetched
            .iter()
            .map(|(uri, bytes)| export::file(ListKind::Vical, (uri, 0), bytes));
        let current = Arc::clone(&shared.world.load().trust);
        let snapshot = current.successor(files.iter().cloned().chain(fetched).collect())?;
        let snapshot = snapshot.with_limits(*current.limits());
        shared.newest.note_snapshot(&snapshot);
        *shared.files.lock().unwrap_or_else(PoisonError::into_inner) = files;
        let table = shared.table();
        shared.exchange(|world| {
            world.evidence = snapshot.evidence().clone();
            world.trust = Arc::new(snapshot);
            table.publish_all(world);
        });
        drop(table);
        shared.sweep();
        Ok(())
    }

    /// The CRLs and tokens that are held, with their ages and ends, by the hosts they came from; and the roots that publishers
    /// are known by.
    pub fn dated(&self) -> Vec<Dated> {
        let mut dated = self.shared.table().dated();
        dated.extend(self.shared.settings.dated_roots());
        dated
    }

    /// How often fetching came to what: the word `taken`, or the code of a [`FetchError`].
    pub fn results(&self) -> Vec<((ListKind, &'static str), u64)> {
        self.shared.table().results()
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
        for (key, ..) in table.ages() {
            table.reschedule(&key, now);
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
        let mut lists: BTreeMap<(ListKind, String), Vec<Stored>> = BTreeMap::new();
        for stored in stored {
            let key = (stored.kind, stored.uri.clone());
            lists.entry(key).or_default().push(stored);
        }
        let mut table = self.table();
        let mut issuers = Vec::new();
        for ((kind, uri), mut stored) in lists {
            let key: Key = (kind, Arc::from(uri.as_str()));
            let host = self.client.host(&uri, kind, Origin::Operator);
            stored.sort_by_key(|stored| stored.fetched_at);
            // Settings may have changed: what may no longer be asked for does not count either.
            let (Some(host), Some(held)) = (host, restored(kind, stored)) else {
                continue;
            };
            table.know(&key, Origin::Document, &host, 0, self.started);
            table.restore(&key, held, self.started);
            issuers.extend(table.issuers_of(&key));
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
        for (key, facts, fetched_at) in table.ages() {
            let due = self.due(&facts, fetched_at, clock);
            let due = if due.is_zero() {
                // A list that lives short is missed soon.
                facts
                    .ask_again_after(clock, self.settings.max_age, 0.0)
                    .min(SPREAD)
                    .mul_f64(chance())
            } else {
                due
            };
            table.reschedule(&key, now + due);
        }
    }

    /// How long from now until a list is asked for again: ahead of its end, and not all at one time.
    fn due(&self, facts: &Facts, fetched_at: UnixTime, now: UnixTime) -> Duration {
        let after = facts.ask_again_after(fetched_at, self.settings.max_age, chance());
        let passed = u64::try_from(now.seconds().saturating_sub(fetched_at.seconds())).unwrap_or(0);
        after.saturating_sub(Duration::from_secs(passed))
    }

    /// Puts another world in the place of this one. The caller holds the table, so that no change is lost, and calls
    /// [`Self::sweep`] when it holds it no more.
    fn exchange(&self, change: impl FnOnce(&mut World)) {
        let mut world = World::clone(&self.world.load());
        change(&mut world);
        let old = self.world.swap(Arc::new(world));
        self.retired().push(old);
    }

    /// Takes the worlds apart that nobody judges by any more, and the lists that nothing else holds: work for a thread that
    /// nobody waits for, done without any lock.
    fn sweep(&self) {
        let over: Vec<Arc<World>> = self
            .retired()
            .extract_if(.., |world| Arc::strong_count(world) == 1)
            .collect();
        drop(over);
    }

    fn retired(&self) -> MutexGuard<'_, Vec<Arc<World>>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A list as the table holds it, of the files of its URI, the one that was fetched last at the end.
fn restored(kind: ListKind, mut stored: Vec<Stored>) -> Option<HeldList> {
    let crl = |stored: &Stored| {
        Some(Crl {
            list: Arc::new(RevocationList::from_der(&stored.bytes).ok()?),
            facts: stored.facts,
            fetched_at: stored.fetched_at,
            slot: stored.slot,
        })
    };
    let body = match kind {
        ListKind::Crl => {
            let lists: Vec<Crl> = stored.iter().filter_map(crl).collect();
            (!lists.is_empty()).then(|| Body::Crl(Crls::restored(lists)))?
        }
        ListKind::Status => Body::Status {
            bytes: Arc::clone(&stored.last()?.bytes),
            inflated: None,
        },
        ListKind::Vical => Body::Vical(Arc::clone(&stored.last()?.bytes)),
    };
    let last = stored.pop()?;
    Some(HeldList {
        body,
        content_type: last.content_type.into(),
        facts: last.facts,
        fetched_at: last.fetched_at,
    })
}

/// Has this thread give way to those that judge, where the machine is busy: a list that comes a moment later harms nobody. Not
/// by so much that a request which waits for one is forgotten.
#[cfg(target_os = "linux")]
fn give_way() {
    use rustix::process::{getpriority_process, setpriority_process};
    // On Linux both mean the thread that calls.
    let lowered = getpriority_process(None).and_then(|now| setpriority_process(None, (now + 5).min(19)));
    if let Err(error) = lowered {
        tracing::debug!(%error, "the threads that fetch have the priority of those that judge");
    }
}

/// Elsewhere a process has one priority.
#[cfg(not(target_os = "linux"))]
const fn give_way() {}

/// A number from 0 to 1, not the same twice.
fn chance() -> f64 {
    let mut random = [0; 4];
    // Without randomness lists are asked for at the same time, which is no harm to them.
    let _ = getrandom::fill(&mut random);
    f64::from(u32::from_be_bytes(random)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_spread_over_its_range() {
        let chances: Vec<f64> = (0..1000).map(|_| chance()).collect();
        assert!(chances.iter().all(|chance| (0.0..=1.0).contains(chance)));
        // One in ten of a thousand is missed once in ten to the forty-five.
        for tenth in 0..10 {
            let begin = f64::from(tenth) / 10.0;
            let there = |chance: &f64| (begin..begin + 0.1).contains(chance);
            assert!(chances.iter().any(there), "none of {tenth} tenths");
        }
    }
}
