//! What is held, what is due, and what gives way. No network, no disk and no clock: the fetcher brings them.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mdoc::status::{StatusToken, TokenError};
use mdoc::time::UnixTime;
use mdoc::x509::RevocationList;
use tokio::sync::watch;

use super::content::{Facts, size};
use super::world::{Used, World};
use super::{FetchError, ListKind, Origin};

/// Lists that are known at one time, whatever their size.
const MAX_ENTRIES: usize = 200_000;
/// How much of the budget stays free after lists gave way, so that they do not give way one by one.
const SLACK: usize = 8;

/// A list is known by its kind and URI.
pub(super) type Key = (ListKind, Arc<str>);

/// Everything that is known of lists.
pub(super) struct Table {
    entries: HashMap<Key, Entry>,
    /// In the order of their time; those in flight are not in it.
    due: BTreeMap<(Instant, Key), HostId>,
    /// By host, how many of its lists are in flight.
    in_flight: [usize; HOSTS],
    /// Which place of `in_flight` a host has.
    hasher: RandomState,
    /// The fetched CRLs of each issuer's name.
    crls: HashMap<Vec<u8>, BTreeMap<Arc<str>, Arc<RevocationList>>>,
    kept_bytes: usize,
    inflated_bytes: usize,
    fetched: u64,
    failed: u64,
}

/// A host's place. Two hosts that share one share what they may hold up.
type HostId = usize;
const HOSTS: usize = 4096;

impl Default for Table {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            due: BTreeMap::new(),
            in_flight: [0; HOSTS],
            hasher: RandomState::new(),
            crls: HashMap::new(),
            kept_bytes: 0,
            inflated_bytes: 0,
            fetched: 0,
            failed: 0,
        }
    }
}

/// A list.
struct Entry {
    origin: Origin,
    host: HostId,
    held: Option<HeldList>,
    failure: Option<Box<Failure>>,
    /// When a document last asked for it, as [`World::moment`].
    named: u64,
    /// Its place in the order; `None` while it is in flight.
    due: Option<Instant>,
    /// Whoever waits learns by its end that there is news.
    waiting: Option<watch::Sender<()>>,
}

struct Failure {
    error: FetchError,
    /// Until when nobody asks again.
    until: Instant,
    /// One after another.
    count: u32,
}

/// The list of an entry.
pub(super) struct HeldList {
    pub(super) body: Body,
    pub(super) content_type: Box<str>,
    pub(super) facts: Facts,
    pub(super) fetched_at: UnixTime,
}

/// In which form a list is held.
pub(super) enum Body {
    /// The parsed list, which holds its bytes.
    Crl(Arc<RevocationList>),
    /// The token as it came, and unfolded while it is in use.
    Status {
        bytes: Arc<[u8]>,
        inflated: Option<Inflated>,
    },
    /// As it came; its certificates stand in the trust snapshot.
    Vical(Arc<[u8]>),
}

pub(super) struct Inflated {
    token: Arc<StatusToken>,
    size: usize,
    used: Used,
}

/// A list that is held, for whoever wants to list or export them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// Which kind of list.
    pub kind: ListKind,
    /// Where it came from.
    pub uri: String,
    /// Who named it.
    pub origin: Origin,
    /// When it was fetched.
    pub fetched_at: UnixTime,
    /// When it was made, by its own word.
    pub dated: UnixTime,
    /// Its last instant, or when the next one is due, by its own word.
    pub expires: Option<UnixTime>,
    /// Seconds after which to ask for a newer one, by its own word.
    pub time_to_live: Option<u64>,
    /// Entries of a status list or VICAL; of the other lists, how many are revoked.
    pub entries: u64,
    /// The list as it came.
    pub bytes: Arc<[u8]>,
    /// Whether it lies unfolded in memory.
    pub inflated: bool,
    /// Why the last attempt at a newer one failed, where it did.
    pub failure: Option<FetchError>,
}

/// Totals of a fetcher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Lists that were fetched and taken.
    pub fetched: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Lists that are held.
    pub held: usize,
    /// Their bytes as they came.
    pub kept_bytes: usize,
    /// Bytes of those that are unfolded.
    pub inflated_bytes: usize,
}

/// What is to be done.
pub(super) enum Next {
    /// Ask for this list.
    Fetch(Task),
    /// Nothing before this instant, or before there is news.
    Wait(Option<Instant>),
}

/// A list in flight.
pub(super) struct Task {
    pub(super) key: Key,
    pub(super) origin: Origin,
    /// Of the list that is held.
    pub(super) facts: Option<Facts>,
}

/// What a request does about a list that it lacks.
pub(super) enum Lack {
    /// Nothing would help: it was tried just now.
    Settled,
    /// It is held, and has to be unfolded.
    Cold,
    /// It is being fetched.
    Wait(watch::Receiver<()>),
}

impl Table {
    /// Makes a list known, unless too many are. Where it is known, its origin may rise to the operator's.
    pub(super) fn know(&mut self, key: &Key, origin: Origin, host: &str, named: u64, due: Instant) {
        if let Some(entry) = self.entries.get_mut(key) {
            if origin == Origin::Operator {
                entry.origin = origin;
            }
            return;
        }
        if self.entries.len() >= MAX_ENTRIES {
            return;
        }
        let places = u64::try_from(HOSTS).unwrap_or(1);
        let host = usize::try_from(self.hasher.hash_one(host) % places).unwrap_or(0);
        self.due.insert((due, key.clone()), host);
        let entry = Entry {
            origin,
            host,
            held: None,
            failure: None,
            named,
            due: Some(due),
            waiting: None,
        };
        self.entries.insert(key.clone(), entry);
    }

    /// The next list to ask for, of a host that does not already hold up as many as it may.
    pub(super) fn next(&mut self, now: Instant, per_host: usize) -> Next {
        let mut later = None;
        let mut found = None;
        for ((due, key), host) in &self.due {
            if *due > now {
                later = Some(*due);
                break;
            }
            if self.in_flight.get(*host).is_some_and(|count| *count < per_host) {
                found = Some((*due, key.clone()));
                break;
            }
        }
        let Some(place) = found else {
            return Next::Wait(later);
        };
        self.due.remove(&place);
        let (_, key) = place;
        let Some(entry) = self.entries.get_mut(&key) else {
            return Next::Wait(Some(now));
        };
        entry.due = None;
        if let Some(count) = self.in_flight.get_mut(entry.host) {
            *count += 1;
        }
        Next::Fetch(Task {
            origin: entry.origin,
            facts: entry.held.as_ref().map(|held| held.facts),
            key,
        })
    }

    /// Puts a list back in the order.
    fn schedule(&mut self, key: &Key, due: Instant) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        if let Some(old) = entry.due.replace(due) {
            self.due.remove(&(old, key.clone()));
        } else if let Some(count) = self.in_flight.get_mut(entry.host) {
            *count = count.saturating_sub(1);
        }
        self.due.insert((due, key.clone()), entry.host);
    }

    /// As [`Self::schedule`], for a list that is not in flight.
    pub(super) fn reschedule(&mut self, key: &Key, due: Instant) {
        if self.entries.get(key).is_some_and(|entry| entry.due.is_some()) {
            self.schedule(key, due);
        }
    }

    /// A request lacks this list, or a fresh one of it. `first` is before every other in the order; a list that is `fresh`
    /// is not asked for again.
    pub(super) fn lack(
        &mut self,
        key: &Key,
        (first, now): (Instant, Instant),
        named: u64,
        fresh: impl Fn(&HeldList) -> bool,
    ) -> Lack {
        let Some(entry) = self.entries.get_mut(key) else {
            return Lack::Settled;
        };
        entry.named = named;
        if let Some(HeldList {
            body: Body::Status { inflated: None, .. },
            ..
        }) = &entry.held
        {
            return Lack::Cold;
        }
        let in_flight = entry.due.is_none();
        let failed = entry.failure.as_ref().is_some_and(|failure| now < failure.until);
        let fresh = entry.held.as_ref().is_some_and(fresh);
        if !in_flight && (failed || fresh) {
            return Lack::Settled;
        }
        let receiver = match &entry.waiting {
            Some(sender) => sender.subscribe(),
            None => {
                let (sender, receiver) = watch::channel(());
                entry.waiting = Some(sender);
                receiver
            }
        };
        if !in_flight {
            self.schedule(key, first);
        }
        Lack::Wait(receiver)
    }

    /// The attempt failed.
    pub(super) fn fail(&mut self, key: &Key, error: FetchError, now: Instant, retry: Duration) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        self.failed += 1;
        let count = entry
            .failure
            .as_ref()
            .map_or(0, |failure| failure.count)
            .saturating_add(1);
        entry.failure = Some(Box::new(Failure {
            error,
            until: now + retry,
            count,
        }));
        entry.waiting = None;
        // Nobody asks for it: less and less often, up to 64 times as seldom.
        let pause = retry.saturating_mul(1 << (count - 1).min(6));
        self.schedule(key, now + pause);
    }

    /// The attempt brought a list. `due` is when to ask for the next.
    pub(super) fn take(&mut self, key: &Key, held: HeldList, due: Instant) {
        self.forget_body(key);
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        self.fetched += 1;
        self.kept_bytes += held.body.len();
        if let Body::Crl(list) = &held.body {
            let of_issuer = self.crls.entry(list.issuer_der().to_vec()).or_default();
            of_issuer.insert(Arc::clone(&key.1), Arc::clone(list));
        }
        if let Body::Status {
            inflated: Some(inflated),
            ..
        } = &held.body
        {
            self.inflated_bytes += inflated.size;
        }
        entry.held = Some(held);
        entry.failure = None;
        entry.waiting = None;
        self.schedule(key, due);
    }

    /// As [`Self::take`], for a list that comes from disk and counts as no success.
    pub(super) fn restore(&mut self, key: &Key, held: HeldList, due: Instant) {
        self.take(key, held, due);
        self.fetched -= 1;
    }

    fn forget_body(&mut self, key: &Key) {
        let Some(held) = self.entries.get_mut(key).and_then(|entry| entry.held.take()) else {
            return;
        };
        self.kept_bytes -= held.body.len();
        match held.body {
            Body::Crl(list) => {
                if let Some(of_issuer) = self.crls.get_mut(list.issuer_der()) {
                    of_issuer.remove(&key.1);
                }
            }
            Body::Status { inflated, .. } => {
                self.inflated_bytes -= inflated.map_or(0, |inflated| inflated.size)
            }
            Body::Vical(_) => {}
        }
    }

    /// Whether the list lies unfolded, or somebody waits for it, or there is room for it.
    pub(super) fn is_worth_inflating(&self, key: &Key, size: usize, budget: usize) -> bool {
        let entry = self.entries.get(key);
        let wanted = entry.is_some_and(|entry| {
            let body = entry.held.as_ref().map(|held| &held.body);
            entry.waiting.is_some()
                || matches!(
                    body,
                    Some(Body::Status {
                        inflated: Some(_),
                        ..
                    })
                )
        });
        wanted || self.inflated_bytes.saturating_add(size) <= budget
    }

    /// The bytes of a token that is to be unfolded, with its content type.
    pub(super) fn cold(&self, key: &Key) -> Option<(Arc<[u8]>, Box<str>)> {
        let held = self.entries.get(key)?.held.as_ref()?;
        match &held.body {
            Body::Status {
                bytes,
                inflated: None,
            } => Some((Arc::clone(bytes), held.content_type.clone())),
            _ => None,
        }
    }

    /// A token was unfolded: kept so, unless another took its place meanwhile.
    pub(super) fn inflate(&mut self, key: &Key, from: &Arc<[u8]>, token: &Arc<StatusToken>, moment: u64) {
        let entry = self.entries.get_mut(key);
        let body = entry
            .and_then(|entry| entry.held.as_mut())
            .map(|held| &mut held.body);
        if let Some(Body::Status {
            bytes,
            inflated: place @ None,
        }) = body
            && Arc::ptr_eq(bytes, from)
        {
            let inflated = Inflated::new(Arc::clone(token), bytes.len(), moment);
            self.inflated_bytes += inflated.size;
            *place = Some(inflated);
        }
    }

    /// What is held turned out to be no list: forgotten, and asked for at once.
    pub(super) fn spoiled(&mut self, key: &Key, now: Instant) {
        self.forget_body(key);
        self.reschedule(key, now);
    }

    /// Folds those that were used longest ago until the budget holds with room to spare; their keys.
    pub(super) fn fold(&mut self, budget: usize, keep: &Key) -> Vec<Key> {
        if self.inflated_bytes <= budget {
            return Vec::new();
        }
        let used = |entry: &Entry| match entry.held.as_ref().map(|held| &held.body) {
            Some(Body::Status {
                inflated: Some(inflated),
                ..
            }) => Some(inflated.used.load(Ordering::Relaxed)),
            _ => None,
        };
        let mut order: Vec<(u64, Key)> = self
            .entries
            .iter()
            .filter(|(key, _)| *key != keep)
            .filter_map(|(key, entry)| Some((used(entry)?, key.clone())))
            .collect();
        order.sort_unstable();
        let mut folded = Vec::new();
        for (_, key) in order {
            if self.inflated_bytes <= budget - budget / SLACK {
                break;
            }
            let Some(entry) = self.entries.get_mut(&key) else {
                continue;
            };
            entry.named = entry.last_use();
            if let Some(Body::Status { inflated, .. }) = entry.held.as_mut().map(|held| &mut held.body) {
                self.inflated_bytes -= inflated.take().map_or(0, |inflated| inflated.size);
                folded.push(key);
            }
        }
        folded
    }

    /// Lists of documents that were asked for longest ago, beyond what may be kept, or not since `oldest`; forgotten.
    /// With each, the issuer of what was its CRL.
    pub(super) fn forget(&mut self, kept_bytes: usize, oldest: Option<u64>) -> Vec<(Key, Option<Vec<u8>>)> {
        let over = |table: &Self| table.kept_bytes > kept_bytes || table.entries.len() >= MAX_ENTRIES;
        if !over(self) && oldest.is_none() {
            return Vec::new();
        }
        let idle = self.entries.iter().filter(|(_, entry)| {
            entry.origin == Origin::Document && entry.due.is_some() && entry.waiting.is_none()
        });
        let mut order: Vec<(u64, Key)> = idle.map(|(key, entry)| (entry.last_use(), key.clone())).collect();
        order.sort_unstable();
        let mut forgotten = Vec::new();
        for (last, key) in order {
            if !over(self) && oldest.is_none_or(|oldest| last >= oldest) {
                break;
            }
            let issuer = self.issuer_of(&key);
            self.forget_body(&key);
            if let Some(entry) = self.entries.remove(&key)
                && let Some(due) = entry.due
            {
                self.due.remove(&(due, key.clone()));
            }
            forgotten.push((key, issuer));
        }
        forgotten
    }

    /// Brings a world up to date with what is held of this list.
    pub(super) fn publish(&self, key: &Key, world: &mut World) {
        let entry = self.entries.get(key);
        let body = entry.and_then(|entry| entry.held.as_ref()).map(|held| &held.body);
        let files = Arc::clone(&world.trust);
        match key.0 {
            ListKind::Crl => {}
            ListKind::Vical => {}
            ListKind::Status => {
                let inflated = match body {
                    Some(Body::Status { inflated, .. }) => inflated.as_ref(),
                    _ => None,
                };
                let from_files = files.evidence().tokens_of(&key.1).iter().cloned();
                let tokens = from_files.chain(inflated.map(|inflated| Arc::clone(&inflated.token)));
                let refused = entry.filter(|_| body.is_none()).and_then(Entry::refusal);
                let refused = refused.or_else(|| files.evidence().refusal_of(&key.1));
                world.evidence.set_tokens(&key.1, tokens, refused.cloned());
                match inflated {
                    Some(inflated) => world
                        .used
                        .insert_mut(key.1.to_string(), Arc::clone(&inflated.used)),
                    None => {
                        world.used.remove_mut(&*key.1);
                    }
                }
            }
        }
    }

    /// Brings a world up to date with the fetched CRLs of these issuers.
    pub(super) fn publish_crls<'i>(&self, issuers: impl IntoIterator<Item = &'i [u8]>, world: &mut World) {
        let files = Arc::clone(&world.trust);
        let unique: HashSet<&[u8]> = issuers.into_iter().collect();
        for issuer in unique {
            let fetched = self.crls.get(issuer).into_iter().flat_map(BTreeMap::values);
            let from_files = files.evidence().crls_of(issuer);
            world
                .evidence
                .set_crls(issuer, from_files.iter().chain(fetched).cloned());
        }
    }

    /// The issuer of the CRL that is held.
    pub(super) fn issuer_of(&self, key: &Key) -> Option<Vec<u8>> {
        match &self.entries.get(key)?.held.as_ref()?.body {
            Body::Crl(list) => Some(list.issuer_der().to_vec()),
            _ => None,
        }
    }

    /// The VICALs that are held, by URI.
    pub(super) fn vicals(&self) -> Vec<(Arc<str>, Arc<[u8]>)> {
        let vicals = self
            .entries
            .iter()
            .filter_map(|(key, entry)| match &entry.held.as_ref()?.body {
                Body::Vical(bytes) => Some((Arc::clone(&key.1), Arc::clone(bytes))),
                _ => None,
            });
        let mut vicals: Vec<_> = vicals.collect();
        vicals.sort();
        vicals
    }

    /// Everything that is held, in the order of kind and URI.
    pub(super) fn held(&self) -> Vec<Held> {
        let held = self.entries.iter().filter_map(|(key, entry)| {
            let held = entry.held.as_ref()?;
            Some(Held {
                kind: key.0,
                uri: key.1.to_string(),
                origin: entry.origin,
                fetched_at: held.fetched_at,
                dated: held.facts.dated,
                expires: held.facts.expires,
                time_to_live: held.facts.time_to_live,
                entries: held.facts.entries,
                bytes: held.body.bytes(),
                inflated: matches!(
                    &held.body,
                    Body::Status {
                        inflated: Some(_),
                        ..
                    }
                ),
                failure: entry.failure.as_ref().map(|failure| failure.error.clone()),
            })
        });
        let mut held: Vec<Held> = held.collect();
        held.sort_by(|left, right| (left.kind, &left.uri).cmp(&(right.kind, &right.uri)));
        held
    }

    /// Why the last attempt at this list failed.
    pub(super) fn failure_of(&self, key: &Key) -> Option<FetchError> {
        self.entries
            .get(key)?
            .failure
            .as_ref()
            .map(|failure| failure.error.clone())
    }

    pub(super) fn totals(&self) -> Totals {
        Totals {
            fetched: self.fetched,
            failed: self.failed,
            held: self.entries.values().filter(|entry| entry.held.is_some()).count(),
            kept_bytes: self.kept_bytes,
            inflated_bytes: self.inflated_bytes,
        }
    }
}

impl Entry {
    /// What a token that came in the place of this list was refused for; the verdict then says so.
    fn refusal(&self) -> Option<&TokenError> {
        match &self.failure.as_ref()?.error {
            FetchError::Token(error) => Some(error),
            _ => None,
        }
    }

    fn last_use(&self) -> u64 {
        let used = match self.held.as_ref().map(|held| &held.body) {
            Some(Body::Status {
                inflated: Some(inflated),
                ..
            }) => inflated.used.load(Ordering::Relaxed),
            _ => 0,
        };
        used.max(self.named)
    }
}

impl Body {
    fn len(&self) -> usize {
        match self {
            Self::Crl(list) => list.der().len(),
            Self::Status { bytes, .. } | Self::Vical(bytes) => bytes.len(),
        }
    }

    /// The list as it came.
    pub(super) fn bytes(&self) -> Arc<[u8]> {
        match self {
            Self::Crl(list) => list.der().into(),
            Self::Status { bytes, .. } | Self::Vical(bytes) => Arc::clone(bytes),
        }
    }
}

impl Inflated {
    pub(super) fn new(token: Arc<StatusToken>, bytes: usize, moment: u64) -> Self {
        Self {
            size: size(&token, bytes),
            token,
            used: Arc::new(AtomicU64::new(moment)),
        }
    }
}
