//! What is held, what is due, and what gives way. No network, no disk and no clock: the fetcher brings them.
//!
//! Here is the order in which lists are asked for; in `held` the form in which they are kept, in `budget` which of them give
//! way, and in `view` what others see of them.

mod budget;
mod held;
mod view;

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mdoc::status::TokenError;
use tokio::sync::watch;

use super::content::Facts;
use super::crls::Crl;
use super::{FetchError, ListKind, Origin};

pub(super) use held::{Body, HeldList, Inflated};
pub use held::{Held, Totals};

/// Lists that are known at one time, whatever their size.
const MAX_ENTRIES: usize = 200_000;

/// The word for an attempt that brought a list.
const TAKEN: &str = "taken";

/// A CRL is one of those of its URI, by its slot.
type CrlPlace = (Arc<str>, u8);

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
    /// The fetched CRLs of each issuer's name, by their URI and slot.
    crls: HashMap<Vec<u8>, BTreeMap<CrlPlace, Crl>>,
    kept_bytes: usize,
    inflated_bytes: usize,
    fetched: u64,
    failed: u64,
    /// By kind and outcome; both are words of this program.
    results: BTreeMap<(ListKind, &'static str), u64>,
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
            results: BTreeMap::new(),
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

    /// The attempt failed. What is returned is dropped when the world is up to date: those who wait wake up by that.
    pub(super) fn fail(
        &mut self,
        key: &Key,
        error: FetchError,
        now: Instant,
        retry: Duration,
    ) -> Option<watch::Sender<()>> {
        let entry = self.entries.get_mut(key)?;
        self.failed += 1;
        *self.results.entry((key.0, error.code())).or_default() += 1;
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
        let waiting = entry.waiting.take();
        // Nobody asks for it: less and less often, up to 64 times as seldom.
        let pause = retry.saturating_mul(1 << (count - 1).min(6));
        self.schedule(key, now + pause);
        waiting
    }

    /// The attempt brought a list. `due` is when to ask for the next. Returns the same as [`Self::fail`].
    pub(super) fn take(&mut self, key: &Key, held: HeldList, due: Instant) -> Option<watch::Sender<()>> {
        let last_use = self.entries.get(key).map_or(0, Entry::last_use);
        self.forget_body(key);
        let entry = self.entries.get_mut(key)?;
        if let (
            None,
            Body::Status {
                inflated: Some(inflated),
                ..
            },
        ) = (&entry.waiting, &held.body)
        {
            // To be refreshed is not to be used.
            inflated.used.store(last_use, Ordering::Relaxed);
        }
        self.fetched += 1;
        *self.results.entry((key.0, TAKEN)).or_default() += 1;
        self.kept_bytes += held.body.len();
        if let Body::Crl(lists) = &held.body {
            for crl in lists.iter() {
                let of_issuer = self.crls.entry(crl.list.issuer_der().to_vec()).or_default();
                of_issuer.insert((Arc::clone(&key.1), crl.slot), crl.clone());
            }
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
        let waiting = entry.waiting.take();
        self.schedule(key, due);
        waiting
    }

    /// As [`Self::take`], for a list that comes from disk and counts as no success.
    pub(super) fn restore(&mut self, key: &Key, held: HeldList, due: Instant) {
        self.take(key, held, due);
        self.fetched = self.fetched.saturating_sub(1);
        if let Some(taken) = self.results.get_mut(&(key.0, TAKEN)) {
            *taken = taken.saturating_sub(1);
        }
    }

    fn forget_body(&mut self, key: &Key) {
        let Some(held) = self.entries.get_mut(key).and_then(|entry| entry.held.take()) else {
            return;
        };
        self.kept_bytes -= held.body.len();
        match held.body {
            Body::Crl(lists) => {
                for crl in lists.iter() {
                    if let Some(of_issuer) = self.crls.get_mut(crl.list.issuer_der()) {
                        of_issuer.remove(&(Arc::clone(&key.1), crl.slot));
                    }
                }
            }
            Body::Status { inflated, .. } => {
                self.inflated_bytes -= inflated.map_or(0, |inflated| inflated.size)
            }
            Body::Vical(_) => {}
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The lists that are handed out now, until there are none.
    fn handed_out(table: &mut Table, now: Instant) -> Vec<Key> {
        let mut keys = Vec::new();
        while let Next::Fetch(task) = table.next(now, 2) {
            keys.push(task.key);
        }
        keys
    }

    #[test]
    fn one_host_holds_up_two_threads_at_most_and_the_others_go_on() {
        let now = Instant::now();
        let mut table = Table::default();
        let key = |uri: &str| -> Key { (ListKind::Status, uri.into()) };
        // Two names that share a place would share what they may hold up.
        let place = |table: &Table, host: &str| table.hasher.hash_one(host) % HOSTS as u64;
        let other = (0..)
            .map(|number| format!("other{number}.example"))
            .find(|other| place(&table, other) != place(&table, "slow.example"))
            .expect("a host with another place");
        for number in 0..5 {
            let list = key(&format!("https://slow.example/{number}"));
            table.know(&list, Origin::Operator, "slow.example", 0, now);
        }
        table.know(
            &key("https://other.example/"),
            Origin::Operator,
            &other,
            0,
            now + Duration::from_millis(1),
        );
        let first = handed_out(&mut table, now + Duration::from_secs(1));
        assert_eq!(first.len(), 3, "two of the slow host, and the other's");
        assert!(first.contains(&key("https://other.example/")));
        // One comes back: its place is free for the next one.
        let retry = Duration::from_secs(60);
        table.fail(&first[0], FetchError::Internal, now, retry);
        assert_eq!(handed_out(&mut table, now + Duration::from_secs(1)).len(), 1);
    }

    #[test]
    fn what_fails_again_and_again_is_tried_less_and_less_often() {
        let (now, retry) = (Instant::now(), Duration::from_secs(30));
        let mut table = Table::default();
        let key: Key = (ListKind::Status, "https://lists.example/".into());
        table.know(&key, Origin::Operator, "lists.example", 0, now);
        for times in [1, 2, 4, 8, 16, 32, 64, 64, 64] {
            assert_eq!(handed_out(&mut table, now), std::slice::from_ref(&key));
            table.fail(&key, FetchError::Internal, now, retry);
            let due = now + retry * times;
            assert_eq!(handed_out(&mut table, due - Duration::from_millis(1)), []);
            assert!(matches!(table.next(now, 2), Next::Wait(Some(at)) if at == due));
            table.reschedule(&key, now);
        }
    }
}
