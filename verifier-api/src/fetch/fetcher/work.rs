//! What a thread does: take the next list that is due, ask for it, and put it in its place.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mdoc::status::StatusToken;
use mdoc::time::UnixTime;
use relying_party::TrustSnapshot;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::{Shared, export};
use crate::fetch::content::{self, Content, Facts, size};
use crate::fetch::store::Stored;
use crate::fetch::table::{Body, HeldList, Inflated, Key, Next, Task};
use crate::fetch::{FetchError, Fetched, ListKind};

/// No list is asked for more often, however soon it ends.
const SHORTEST: Duration = Duration::from_secs(10);
/// Lists that no document named for so long are forgotten, in microseconds; how often that is looked after.
const IDLE: u64 = 7 * 86_400 * 1_000_000;
const TIDY: u64 = 3_600 * 1_000_000;

/// A list that has taken its place.
struct Taken {
    facts: Facts,
    over: bool,
    /// Those who wait wake up when this is dropped.
    _waiting: Option<watch::Sender<()>>,
}

impl Shared {
    /// One thread's life.
    pub(super) fn work(&self) {
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
            // A fault of this program costs one attempt: the thread goes on, and the list is not in flight for ever.
            if catch_unwind(AssertUnwindSafe(|| self.perform(&task))).is_err() {
                let kind = task.key.0.name();
                tracing::error!(kind, "a fault of this program broke off the fetching of a list");
                self.fail(&task, FetchError::Internal);
            }
            if catch_unwind(AssertUnwindSafe(|| self.tidy())).is_err() {
                tracing::error!("a fault of this program broke off the tidying of the cache");
            }
            self.sweep();
            self.news.notify_all();
        }
    }

    /// Asks for a list, and takes it or says why not.
    fn perform(&self, task: &Task) {
        let (kind, uri) = (task.key.0, &*task.key.1);
        let started = Instant::now();
        let host = self.host_of(task);
        let outcome = self
            .client
            .fetch(uri, kind, task.origin)
            .and_then(|fetched| self.take(task, fetched));
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        match outcome {
            Ok(taken) => {
                let entries = taken.facts.entries;
                if kind == ListKind::Status && task.facts.is_some_and(|held| entries < held.entries) {
                    tracing::warn!(
                        kind = kind.name(),
                        host,
                        entries,
                        "a list has fewer entries than before"
                    );
                }
                tracing::info!(kind = kind.name(), host, micros, "fetched");
                if taken.over {
                    self.fail(task, FetchError::Expired);
                }
            }
            Err(error) => {
                let reason = error.code();
                tracing::warn!(kind = kind.name(), host, micros, reason, fault = %error, "not fetched");
                self.fail(task, error);
            }
        }
    }

    fn fail(&self, task: &Task, error: FetchError) {
        let mut table = self.table();
        let waiting = table.fail(&task.key, error, Instant::now(), self.settings.retry);
        self.exchange(|world| table.publish(&task.key, world));
        drop(waiting);
    }

    /// Takes a list in the place of the one that is held. One that is past its end takes a place too, because it still
    /// convicts whom it lists; a better one is asked for soon.
    fn take(&self, task: &Task, fetched: Fetched) -> Result<Taken, FetchError> {
        let (kind, uri) = (task.key.0, &*task.key.1);
        let now = self.now();
        let Fetched { bytes, content_type } = fetched;
        let bytes: Arc<[u8]> = bytes.into();
        let trust = Arc::clone(&self.world.load().trust);
        let (content, facts) = content::read(kind, uri, &bytes, &content_type, &trust)?;
        // Of CRLs only those of one issuer and key have an order.
        let held = task.facts.as_ref().filter(|_| kind != ListKind::Crl);
        facts.may_replace(held, now)?;
        self.newest.check(kind, &bytes)?;
        let over = facts.is_over(now);
        // A VICAL past the day of its next issue counts on; the trust snapshot knows when it ends.
        let over = over && kind != ListKind::Vical;
        let snapshot = match kind {
            ListKind::Vical => Some(self.trusting(uri, &bytes)?),
            _ => None,
        };
        // Whoever else changes the lists of this URI waits until it is not in flight: signatures are verified without the table.
        let mut crls = self.table().crls_at(&task.key);
        let before: Vec<Vec<u8>> = crls.iter().map(|crl| crl.list.issuer_der().to_vec()).collect();
        let slots = match &content {
            Content::Crl(list) => {
                let (crl, freed) = crls.admit(list, (facts, now), &trust)?;
                if crl.list.known_signer().is_none() && crls.iter().count() > 1 {
                    tracing::warn!(
                        host = self.host_of(task),
                        "nobody is known to have signed a CRL; it stands beside the one before"
                    );
                }
                (crl.slot, freed)
            }
            Content::Status(token) => {
                if let Some(before) = self.token_of(&task.key.1) {
                    token.answer_ahead(&before);
                }
                (0, Vec::new())
            }
            Content::Vical => (0, Vec::new()),
        };
        self.newest.note(kind, &bytes, &trust);
        self.write(task, &bytes, &content_type, (facts, now), slots);
        let due = self.due(&facts, now, now).max(SHORTEST);
        let at = Instant::now();
        let mut table = self.table();
        let body = match content {
            Content::Crl(_) => Body::Crl(crls),
            Content::Vical => Body::Vical(bytes),
            Content::Status(token) => {
                let size = size(&token, bytes.len());
                let worth = table.is_worth_inflating(&task.key, size, self.settings.inflated_bytes);
                let inflated = worth.then(|| Inflated::new(token, bytes.len(), self.moment()));
                Body::Status { bytes, inflated }
            }
        };
        let held = HeldList {
            body,
            content_type: content_type.into(),
            facts,
            fetched_at: now,
        };
        let waiting = table.take(&task.key, held, at + due);
        let folded = table.fold(self.settings.inflated_bytes, &task.key);
        let issuers = before.into_iter().chain(table.issuers_of(&task.key));
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
        Ok(Taken {
            facts,
            over,
            _waiting: waiting,
        })
    }

    /// The trust snapshot with this VICAL in the place of the one that came from there before. Until what comes with it is
    /// dropped, no other snapshot is made.
    fn trusting(&self, uri: &str, bytes: &[u8]) -> Result<(TrustSnapshot, MutexGuard<'_, ()>), FetchError> {
        let serial = self.trust.lock().unwrap_or_else(PoisonError::into_inner);
        let others = self.table().vicals();
        let others = others.iter().filter(|(other, _)| &**other != uri);
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner).clone();
        files.extend(others.map(|(uri, bytes)| export::file(ListKind::Vical, (uri, 0), bytes)));
        let file = export::file(ListKind::Vical, (uri, 0), bytes);
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
    fn write(
        &self,
        task: &Task,
        bytes: &Arc<[u8]>,
        content_type: &str,
        (facts, now): (Facts, UnixTime),
        (slot, freed): (u8, Vec<u8>),
    ) {
        let Some(store) = &self.store else { return };
        let stored = Stored {
            kind: task.key.0,
            uri: task.key.1.to_string(),
            content_type: content_type.to_owned(),
            fetched_at: now,
            facts,
            slot,
            bytes: Arc::clone(bytes),
        };
        if let Err(error) = store.write(&stored) {
            tracing::error!(%error, "a list cannot be written to the cache");
            return;
        }
        for slot in freed {
            store.remove_slot(task.key.0, &task.key.1, slot);
        }
    }

    /// The youngest token of this list that is judged by.
    fn token_of(&self, uri: &str) -> Option<Arc<StatusToken>> {
        self.world.load().evidence.tokens_of(uri).first().cloned()
    }

    fn host_of(&self, task: &Task) -> String {
        let host = self.client.host(&task.key.1, task.key.0, task.origin);
        host.unwrap_or_default()
    }

    /// Unfolds a list, unless another request has; whether it did.
    pub(super) fn inflate(&self, key: &Key) -> bool {
        // One at a time: a hundred requests that name one folded list would else hold it a hundred times.
        let _one_at_a_time = self.unfolding.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((bytes, content_type)) = self.table().cold(key) else {
            return false;
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
                drop(table);
                self.sweep();
                true
            }
            Err(error) => {
                tracing::error!(%error, "a list of the cache is none; it is asked for anew");
                let spoiled = self.table().spoiled(key, &bytes, Instant::now());
                if let Some(store) = self.store.as_ref().filter(|_| spoiled) {
                    store.remove(key.0, &key.1);
                }
                self.news.notify_all();
                false
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
            let issuers = forgotten.iter().flat_map(|(_, issuers)| issuers);
            table.publish_crls(issuers.map(Vec::as_slice), world);
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
}
