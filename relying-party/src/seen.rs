//! Whether a record was presented before: an optional check, off unless a purpose says
//! `seen_before = "warn"` or `"reject"`.
//!
//! **What it is for.** One gift, one ticket, one account for each record; and a hint that one phone
//! goes from hand to hand.
//!
//! **What it costs.** Whoever looks links two presentations of one record, which phones are built
//! to prevent: nobody should turn it on who has no need of it, and the holder should be told.
//!
//! **What is kept, and how long.** A keyed hash of the record, the instant until which the record
//! is valid, and nothing else; no longer than until that instant. Without the key it says nothing
//! of the record, and the key lives in memory or where the operator keeps secrets. Keys have no
//! past: after a rotation nothing that was kept under the old key can be joined with anything new,
//! and everybody counts as new once. The purpose is part of the hash: what was presented for one
//! purpose does not count for another.
//!
//! **What it does not see.** A record is what an issuer signed once, not a person. Records issued
//! together have hashes of their own, so a phone that holds twenty passes twenty times, and once
//! more after each renewal. A record that was not seen before proves nothing; only one that was
//! seen proves something.
//!
//! **Who looks.** [`crate::judge`] does not know what was presented before. Under such a purpose
//! its verdict is never accepted: where everything else holds it is undetermined for
//! `document.seen_before_unknown`, without answers and elements, until [`check`] has looked. A
//! program that keeps no store therefore lets nothing pass by forgetting.

use core::num::NonZeroUsize;
use std::collections::{BTreeMap, BTreeSet};

use hmac::{Hmac, KeyInit as _, Mac as _};
use mdoc::time::UnixTime;
use mdoc::verify::{Check, Finding, Outcome, Reason, VerifiedDocument};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::profile::DocumentProfile;
use crate::purpose::{Documents, Purpose, SeenBefore};
use crate::verdict::{Answer, Decision, DocumentReport, Verdict};

/// Sets the hashes of this module apart from every other use of the key.
const TAG_DOMAIN: &[u8] = b"mdoc verifier, record seen before, 1\0";
const KEY_DOMAIN: &[u8] = b"mdoc verifier, name of a key for records seen before, 1\0";

/// Where tags are kept. Whoever implements it keeps a tag until the instant that stands beside it,
/// and not longer.
pub trait SeenStore {
    /// Whether the tag is there and `now` is not past its instant.
    fn contains(&self, tag: &SeenTag, now: UnixTime) -> bool;

    /// Keeps the tag until `until`. True when it was there already and `now` is not past its
    /// instant: of two presentations at the same time one is told so.
    fn record(&mut self, tag: SeenTag, until: UnixTime, now: UnixTime) -> bool;
}

/// The key under which records are hashed. There is one, and none older: see [`Self::rotate`].
pub struct SeenKeys {
    key: Zeroizing<[u8; 32]>,
    id: [u8; 8],
}

/// A record under a key: equal for two presentations of one record for one purpose. Printing it
/// names the key only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeenTag {
    key_id: [u8; 8],
    mac: [u8; 32],
}

impl SeenKeys {
    /// A key from a random source.
    pub fn new(key: &[u8; 32]) -> Self {
        let mut id = [0; 8];
        for (to, from) in id.iter_mut().zip(hmac(key, &[KEY_DOMAIN])) {
            *to = from;
        }
        Self {
            key: Zeroizing::new(*key),
            id,
        }
    }

    /// Puts another key in place of this one, which is wiped.
    pub fn rotate(&mut self, key: &[u8; 32]) {
        *self = Self::new(key);
    }

    /// The name of the key. A store may drop every tag with another one.
    pub const fn id(&self) -> [u8; 8] {
        self.id
    }

    fn tag(&self, purpose: &str, record: &Record) -> SeenTag {
        // An identifier of a purpose holds no zero byte, and the hash has one length.
        SeenTag {
            key_id: self.id,
            mac: hmac(
                &self.key,
                &[TAG_DOMAIN, purpose.as_bytes(), &[0], &record.identity],
            ),
        }
    }
}

impl core::fmt::Debug for SeenKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SeenKeys")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl SeenTag {
    /// The name of the key that it was made with.
    pub const fn key_id(&self) -> [u8; 8] {
        self.key_id
    }

    /// The keyed hash, for a store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.mac
    }
}

impl core::fmt::Debug for SeenTag {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SeenTag")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("invariant: HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Whether the verdict waits for [`check`].
pub const fn is_due(verdict: &Verdict<'_>) -> bool {
    verdict.held_back.is_some()
}

/// Looks whether the records of a verdict were seen before, and makes the verdict what it then is.
/// Records them where it is accepted, and nothing where it is not. To be called once for each
/// presentation, on the last verdict on it; a verdict that does not wait for it stays as it is.
pub fn check(verdict: &mut Verdict<'_>, store: &mut impl SeenStore, keys: &SeenKeys) {
    let Some(held) = verdict.held_back.take() else {
        return;
    };
    let now = verdict.at;
    let tags: Vec<(SeenTag, UnixTime)> = held
        .candidates
        .iter()
        .map(|candidate| {
            (
                keys.tag(verdict.purpose, &candidate.record),
                candidate.record.until,
            )
        })
        .collect();
    let mut known: BTreeSet<SeenTag> = BTreeSet::new();
    known.extend(
        tags.iter()
            .map(|(tag, _)| *tag)
            .filter(|tag| store.contains(tag, now)),
    );
    let seen = |known: &BTreeSet<SeenTag>| -> Vec<bool> {
        tags.iter().map(|(tag, _)| known.contains(tag)).collect()
    };
    if held.accepts(&seen(&known)) {
        // A record that answers two requests of one response is presented once.
        let mut recorded = BTreeSet::new();
        for (tag, until) in &tags {
            if !known.contains(tag) && recorded.insert(*tag) && store.record(*tag, *until, now) {
                known.insert(*tag);
            }
        }
    }
    held.conclude(&seen(&known), verdict);
}

/// Which record a document is, and how long that may be remembered. Never leaves as such.
pub(crate) struct Record {
    /// SHA-256 of what the issuer signed. Not of the signature: anyone can make a second one that
    /// holds from the first.
    identity: [u8; 32],
    /// The last instant at which the record is valid.
    until: UnixTime,
}

impl Record {
    /// The record of a document; none where the purpose does not ask.
    pub(crate) fn of(
        document: &VerifiedDocument<'_>,
        profile: &DocumentProfile,
        purpose: &Purpose,
    ) -> Option<Self> {
        if purpose.seen_before() == SeenBefore::Ignore {
            return None;
        }
        let validity = &document.mso().validity_info;
        // From the ceiling on the record is not valid.
        let ceiling = profile.rules.validity_ceiling;
        let last = ceiling.map(|ceiling| ceiling(validity.signed).saturating_add(-1));
        Some(Self {
            identity: Sha256::digest(document.mso_bytes()).into(),
            until: last.map_or(validity.valid_until, |last| last.min(validity.valid_until)),
        })
    }
}

impl core::fmt::Debug for Record {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Record")
    }
}

/// A document that is accepted but for this check.
#[derive(Debug)]
pub(crate) struct Candidate<'a> {
    /// Its place in the response.
    pub(crate) place: usize,
    /// Which document of the purpose it answers.
    pub(crate) asked: usize,
    pub(crate) record: Record,
    pub(crate) answers: Vec<Answer<'a>>,
    pub(crate) verified: Option<VerifiedDocument<'a>>,
}

/// What an accepted verdict would hold.
#[derive(Debug)]
pub(crate) struct HeldBack<'a> {
    candidates: Vec<Candidate<'a>>,
    rejects: bool,
    any: bool,
}

/// Marks every document of which nobody has looked yet, and takes the verdict back where it was
/// accepted.
pub(crate) fn hold_back<'a>(verdict: &mut Verdict<'a>, candidates: Vec<Candidate<'a>>, purpose: &Purpose) {
    if candidates.is_empty() {
        return;
    }
    let unknown = Reason::DocumentSeenBeforeUnknown;
    for candidate in &candidates {
        let finding = Finding::new(unknown).because("nobody has looked");
        set(verdict, candidate.place, Outcome::Failed(finding));
    }
    if verdict.decision == Decision::Accepted {
        (verdict.decision, verdict.reason) = (Decision::Undetermined, Some(unknown));
        verdict.answers.clear();
        verdict.held_back = Some(HeldBack {
            candidates,
            rejects: purpose.seen_before() == SeenBefore::Reject,
            any: purpose.rule() == Documents::Any,
        });
    }
}

impl<'a> HeldBack<'a> {
    /// Whether enough documents are left where these were seen.
    fn accepts(&self, seen: &[bool]) -> bool {
        let mut holds = seen.iter().map(|seen| !(*seen && self.rejects));
        if self.any {
            holds.any(|holds| holds)
        } else {
            holds.all(|holds| holds)
        }
    }

    fn conclude(self, seen: &[bool], verdict: &mut Verdict<'a>) {
        let accepted = self.accepts(seen);
        let mut answering: Vec<(usize, Vec<Answer<'a>>)> = Vec::new();
        for (candidate, seen) in self.candidates.into_iter().zip(seen) {
            let before = Finding::new(Reason::DocumentSeenBefore);
            let (outcome, holds) = match (seen, self.rejects) {
                (false, _) => (Outcome::PASSED, true),
                (true, false) => (Outcome::Warned(before), true),
                (true, true) => (Outcome::Failed(before), false),
            };
            if let Some(report) = set(verdict, candidate.place, outcome)
                && holds
                && accepted
            {
                report.verified = candidate.verified;
                answering.push((candidate.asked, candidate.answers));
            }
        }
        if accepted {
            (verdict.decision, verdict.reason) = (Decision::Accepted, None);
            if self.any {
                // The first that the purpose names, as where nothing is asked of the past.
                answering.sort_by_key(|(asked, _)| *asked);
                answering.truncate(1);
            }
            verdict.answers = answering.into_iter().flat_map(|(_, answers)| answers).collect();
        } else {
            (verdict.decision, verdict.reason) = (Decision::Rejected, Some(Reason::DocumentSeenBefore));
        }
    }
}

/// Gives the check `purpose` of a document this outcome, and the document the decision that follows:
/// all its other checks hold.
fn set<'v, 'a>(
    verdict: &'v mut Verdict<'a>,
    place: usize,
    outcome: Outcome,
) -> Option<&'v mut DocumentReport<'a>> {
    let report = verdict.documents.get_mut(place)?;
    report.reason = outcome.failure().map(|finding| finding.reason);
    report.decision = report.reason.map_or(Decision::Accepted, Decision::of);
    let check = report
        .checks
        .iter_mut()
        .find(|check| check.check == Check::Purpose)?;
    check.outcome = outcome;
    Some(report)
}

/// Tags in memory, up to a number; beyond it those go first that would go first anyway. A tag that
/// had to go is a record that passes once more.
#[derive(Debug)]
pub struct MemoryStore {
    capacity: NonZeroUsize,
    until: BTreeMap<SeenTag, UnixTime>,
    order: BTreeSet<(UnixTime, SeenTag)>,
}

impl MemoryStore {
    /// An empty store for this many tags.
    pub const fn new(capacity: NonZeroUsize) -> Self {
        Self {
            capacity,
            until: BTreeMap::new(),
            order: BTreeSet::new(),
        }
    }

    /// How many tags there are.
    pub fn len(&self) -> usize {
        self.until.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.until.is_empty()
    }

    /// Drops every tag whose instant has passed.
    pub fn forget_expired(&mut self, now: UnixTime) {
        while self.order.first().is_some_and(|(until, _)| *until < now) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, tag)) = self.order.pop_first() {
            self.until.remove(&tag);
        }
    }
}

impl SeenStore for MemoryStore {
    fn contains(&self, tag: &SeenTag, now: UnixTime) -> bool {
        self.until.get(tag).is_some_and(|until| now <= *until)
    }

    fn record(&mut self, tag: SeenTag, until: UnixTime, now: UnixTime) -> bool {
        self.forget_expired(now);
        if self.until.contains_key(&tag) {
            return true;
        }
        if until < now {
            return false;
        }
        while self.until.len() >= self.capacity.get() {
            self.forget_first();
        }
        self.until.insert(tag, until);
        self.order.insert((until, tag));
        false
    }
}

#[cfg(test)]
mod tests;
