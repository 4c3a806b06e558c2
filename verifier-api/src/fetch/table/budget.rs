//! Which lists lie unfolded, and which give way where there are too many.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use mdoc::status::StatusToken;

use super::{Body, Entry, Inflated, Key, MAX_ENTRIES, Origin, Table};

/// How much of the budget stays free after lists gave way, so that they do not give way one by one.
const SLACK: usize = 8;

impl Table {
    /// Whether the list lies unfolded, or somebody waits for it, or there is room for it.
    pub(in crate::fetch) fn is_worth_inflating(&self, key: &Key, size: usize, budget: usize) -> bool {
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
    pub(in crate::fetch) fn cold(&self, key: &Key) -> Option<(Arc<[u8]>, Box<str>)> {
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
    pub(in crate::fetch) fn inflate(
        &mut self,
        key: &Key,
        from: &Arc<[u8]>,
        token: &Arc<StatusToken>,
        moment: u64,
    ) {
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

    /// What is held turned out to be no list: forgotten, and asked for at once, unless another took its place meanwhile;
    /// whether it was forgotten.
    pub(in crate::fetch) fn spoiled(&mut self, key: &Key, found: &Arc<[u8]>, now: Instant) -> bool {
        let held = self.entries.get(key).and_then(|entry| entry.held.as_ref());
        let is_held = held.is_some_and(
            |held| matches!(&held.body, Body::Status { bytes, .. } if Arc::ptr_eq(bytes, found)),
        );
        if is_held {
            self.forget_body(key);
            self.reschedule(key, now);
        }
        is_held
    }

    /// Folds those that were used longest ago until the budget holds with room to spare; their keys.
    pub(in crate::fetch) fn fold(&mut self, budget: usize, keep: &Key) -> Vec<Key> {
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
    /// With each, the issuers of what were its CRLs.
    pub(in crate::fetch) fn forget(
        &mut self,
        kept_bytes: usize,
        oldest: Option<u64>,
    ) -> Vec<(Key, Vec<Vec<u8>>)> {
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
            let issuers = self.issuers_of(&key);
            self.forget_body(&key);
            if let Some(entry) = self.entries.remove(&key)
                && let Some(due) = entry.due
            {
                self.due.remove(&(due, key.clone()));
            }
            forgotten.push((key, issuers));
        }
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mdoc::time::UnixTime;

    use super::*;
    use crate::fetch::ListKind;
    use crate::fetch::content::Facts;
    use crate::fetch::table::HeldList;

    fn held(bytes: &Arc<[u8]>) -> HeldList {
        let at = UnixTime::from_seconds(1000).unwrap();
        HeldList {
            body: Body::Status {
                bytes: Arc::clone(bytes),
                inflated: None,
            },
            content_type: "".into(),
            facts: Facts {
                dated: at,
                expires: None,
                time_to_live: None,
                entries: 1,
            },
            fetched_at: at,
        }
    }

    #[test]
    fn what_turned_out_to_be_no_list_takes_no_other_with_it() {
        let key: Key = (ListKind::Status, Arc::from("https://lists.example/1"));
        let (now, later) = (Instant::now(), Duration::from_secs(60));
        let (old, new): (Arc<[u8]>, Arc<[u8]>) = (b"old".as_slice().into(), b"new".as_slice().into());
        let mut table = Table::default();
        table.know(&key, Origin::Document, "lists.example", 0, now);
        table.take(&key, held(&new), now + later);
        assert!(!table.spoiled(&key, &old, now), "another list took the place");
        assert!(table.cold(&key).is_some());
        assert!(table.spoiled(&key, &new, now), "the untouched twin");
        assert!(table.cold(&key).is_none());
        assert_eq!(table.kept_bytes, 0);
    }
}
