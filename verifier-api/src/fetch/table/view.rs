//! What others see of the table: the world, and whoever lists or exports what is held.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use mdoc::evidence::MAX_SIDE_BY_SIDE;
use mdoc::time::UnixTime;

use super::{Body, Entry, Held, Key, Table, Totals};
use crate::fetch::content::Facts;
use crate::fetch::crls::{Crl, Crls};
use crate::fetch::world::World;
use crate::fetch::{FetchError, ListKind};
use relying_party::{Dated, DatedKind};

impl Table {
    /// Brings a world up to date with what is held of this list.
    pub(in crate::fetch) fn publish(&self, key: &Key, world: &mut World) {
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
    pub(in crate::fetch) fn publish_crls<'i>(
        &self,
        issuers: impl IntoIterator<Item = &'i [u8]>,
        world: &mut World,
    ) {
        let files = Arc::clone(&world.trust);
        let unique: HashSet<&[u8]> = issuers.into_iter().collect();
        for issuer in unique {
            let fetched = self.crls.get(issuer).into_iter().flat_map(BTreeMap::values);
            let (known, mut unknown): (Vec<&Crl>, Vec<&Crl>) =
                fetched.partition(|crl| crl.list.known_signer().is_some());
            let mut lists = files.evidence().crls_of(issuer).to_vec();
            lists.extend(known.into_iter().map(|crl| Arc::clone(&crl.list)));
            // Whatever number it has, a list that nobody may have signed crowds none out that somebody did. Of the others
            // the last that came is there for the document that it was fetched for.
            unknown.sort_by_key(|crl| core::cmp::Reverse(crl.fetched_at));
            let room = MAX_SIDE_BY_SIDE.saturating_sub(lists.len());
            lists.extend(unknown.into_iter().take(room).map(|crl| Arc::clone(&crl.list)));
            world.evidence.set_crls(issuer, lists);
        }
    }

    /// Brings a world up to date with everything that is held, after its trust was exchanged.
    pub(in crate::fetch) fn publish_all(&self, world: &mut World) {
        self.publish_crls(self.crls.keys().map(Vec::as_slice), world);
        for key in self.entries.keys() {
            self.publish(key, world);
        }
    }

    /// The CRLs and tokens that are held, with their ages and ends. VICALs stand in the trust snapshot.
    pub(in crate::fetch) fn dated(&self) -> Vec<Dated> {
        let dated = self.entries.iter().filter_map(|((kind, uri), entry)| {
            let held = entry.held.as_ref()?;
            let kind = match kind {
                ListKind::Crl => DatedKind::Crl,
                ListKind::Status => DatedKind::Status,
                ListKind::Vical => return None,
            };
            let facts = match &held.body {
                Body::Crl(lists) => lists.deciding().map_or(held.facts, |crl| crl.facts),
                _ => held.facts,
            };
            let ttl = facts.time_to_live.and_then(|ttl| i64::try_from(ttl).ok());
            // More of a URI than its host stands in no log.
            let host = url::Url::parse(uri)
                .ok()
                .and_then(|uri| uri.host_str().map(str::to_owned));
            Some(Dated {
                kind,
                name: host.unwrap_or_default(),
                id: uri.to_string(),
                dated: facts.dated,
                until: facts.expires.or_else(|| Some(facts.dated.saturating_add(ttl?))),
            })
        });
        dated.collect()
    }

    pub(in crate::fetch) fn results(&self) -> Vec<((ListKind, &'static str), u64)> {
        self.results.iter().map(|(what, count)| (*what, *count)).collect()
    }

    /// The CRLs that are held; none of other lists.
    pub(in crate::fetch) fn crls_at(&self, key: &Key) -> Crls {
        let held = self.entries.get(key).and_then(|entry| entry.held.as_ref());
        match held.map(|held| &held.body) {
            Some(Body::Crl(lists)) => lists.clone(),
            _ => Crls::default(),
        }
    }

    /// The issuers of the CRLs that are held.
    pub(in crate::fetch) fn issuers_of(&self, key: &Key) -> Vec<Vec<u8>> {
        let lists = self.crls_at(key);
        lists.iter().map(|crl| crl.list.issuer_der().to_vec()).collect()
    }

    /// The VICALs that are held, by URI.
    pub(in crate::fetch) fn vicals(&self) -> Vec<(Arc<str>, Arc<[u8]>)> {
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

    /// What is held, with what it says of itself and when it was fetched.
    pub(in crate::fetch) fn ages(&self) -> Vec<(Key, Facts, UnixTime)> {
        let held = self.entries.iter().filter_map(|(key, entry)| {
            let held = entry.held.as_ref()?;
            Some((key.clone(), held.facts, held.fetched_at))
        });
        held.collect()
    }

    /// Everything that is held, in the order of kind and URI.
    pub(in crate::fetch) fn held(&self) -> Vec<Held> {
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
    pub(in crate::fetch) fn failure_of(&self, key: &Key) -> Option<FetchError> {
        self.entries
            .get(key)?
            .failure
            .as_ref()
            .map(|failure| failure.error.clone())
    }

    pub(in crate::fetch) fn totals(&self) -> Totals {
        Totals {
            fetched: self.fetched,
            failed: self.failed,
            held: self.entries.values().filter(|entry| entry.held.is_some()).count(),
            kept_bytes: self.kept_bytes,
            inflated_bytes: self.inflated_bytes,
        }
    }
}
