//! What came back: whether it is the list that was asked for, and whether it may take a place.

use std::sync::Arc;
use std::time::Duration;

use mdoc::status::{ListContent, StatusToken};
use mdoc::time::UnixTime;
use mdoc::x509::{RevocationList, Vical};
use relying_party::TrustSnapshot;

use super::{FetchError, ListKind};

/// A list, decoded, its signature verified as far as that is possible without a document.
pub(super) enum Content {
    Crl(Arc<RevocationList>),
    Status(Arc<StatusToken>),
    /// Decoded again with the trust snapshot.
    Vical,
}

/// What a list says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// When it was made.
    pub(super) dated: UnixTime,
    /// Its last instant, or when the next one is due.
    pub(super) expires: Option<UnixTime>,
    /// Seconds after which to ask again.
    pub(super) time_to_live: Option<u64>,
    /// How many entries it has, or how many are revoked.
    pub(super) entries: u64,
}

/// Reads what was fetched from `uri`.
///
/// # Errors
/// It is no such list.
pub(super) fn read(
    kind: ListKind,
    uri: &str,
    bytes: &[u8],
    content_type: &str,
    trust: &TrustSnapshot,
) -> Result<(Content, Facts), FetchError> {
    match kind {
        ListKind::Crl => {
            let list = RevocationList::from_der(bytes)?;
            // What an intermediate signed, only a document can tell: it brings the key.
            if trust.signed_by_anchor(&list) == Some(false) {
                return Err(FetchError::CrlSignature);
            }
            let facts = Facts {
                dated: list.this_update(),
                expires: list.next_update(),
                time_to_live: None,
                entries: count(list.len()),
            };
            Ok((Content::Crl(Arc::new(list)), facts))
        }
        ListKind::Status => {
            let token = StatusToken::decode_fetched(bytes, uri, content_type)?;
            let facts = Facts {
                dated: token.issued_at(),
                expires: token.expires_at(),
                time_to_live: token.time_to_live(),
                entries: match token.content() {
                    ListContent::Statuses(list) => list.len(),
                    ListContent::Identifiers(list) => count(list.len()),
                },
            };
            Ok((Content::Status(Arc::new(token)), facts))
        }
        ListKind::Vical => {
            let list = Vical::decode(bytes)?;
            let facts = Facts {
                dated: list.issue().date,
                expires: [list.next_update(), list.not_after()].into_iter().flatten().min(),
                time_to_live: None,
                entries: count(list.entries().len()),
            };
            Ok((Content::Vical, facts))
        }
    }
}

fn count(entries: usize) -> u64 {
    u64::try_from(entries).unwrap_or(u64::MAX)
}

impl Facts {
    /// Whether a list with these facts may take the place of the one that is held.
    ///
    /// # Errors
    /// It is dated in the future, or goes back behind what is held.
    pub(super) fn may_replace(&self, held: Option<&Self>, now: UnixTime) -> Result<(), FetchError> {
        if now < self.dated {
            return Err(FetchError::Future);
        }
        match held {
            Some(held) if self.dated < held.dated => Err(FetchError::Older),
            _ => Ok(()),
        }
    }

    /// Whether the list has passed its own end.
    pub(super) fn is_over(&self, now: UnixTime) -> bool {
        self.expires.is_some_and(|end| end < now)
    }

    /// Seconds for which a list that was fetched at this instant need not be asked for again: until its end, the time that
    /// it may be kept, or the longest that the operator lets pass, whichever comes first.
    fn keep_for(&self, fetched_at: UnixTime, max_age: u64) -> u64 {
        let left = self
            .expires
            .map(|end| u64::try_from(end.seconds().saturating_sub(fetched_at.seconds())).unwrap_or(0));
        [left, self.time_to_live, Some(max_age)]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(max_age)
    }
}

impl Facts {
    /// How long after it was fetched a list is asked for again: ahead of its end by a part that `chance`, from 0 to 1,
    /// chooses, so that neither all lists of a program nor all programs of a list come at one time.
    pub(super) fn ask_again_after(&self, fetched_at: UnixTime, max_age: u64, chance: f64) -> Duration {
        Duration::from_secs(self.keep_for(fetched_at, max_age)).mul_f64(0.75 + 0.2 * chance)
    }
}

/// Bytes that a token takes in memory: its list, and an estimate for the certificates of its signer.
pub(super) fn size(token: &StatusToken, bytes: usize) -> usize {
    const AROUND: usize = 8 * 1024;
    // A token without a chain keeps what was signed.
    let signed = if token.signer().is_none() { bytes } else { 0 };
    token
        .unfolded_bytes()
        .saturating_add(signed)
        .saturating_add(AROUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds).unwrap()
    }

    fn facts(dated: i64, expires: Option<i64>, time_to_live: Option<u64>) -> Facts {
        Facts {
            dated: at(dated),
            expires: expires.map(at),
            time_to_live,
            entries: 0,
        }
    }

    #[test]
    fn a_list_never_goes_back_nor_comes_from_the_future() {
        let held = facts(100, None, None);
        let replace = |dated: i64, held: Option<&Facts>| facts(dated, None, None).may_replace(held, at(200));
        assert_eq!(replace(200, Some(&held)), Ok(()));
        assert_eq!(replace(201, Some(&held)), Err(FetchError::Future));
        assert_eq!(replace(100, Some(&held)), Ok(()));
        assert_eq!(replace(99, Some(&held)), Err(FetchError::Older));
        assert_eq!(replace(99, None), Ok(()));
    }

    #[test]
    fn a_list_is_kept_until_the_first_of_its_ends() {
        let keep = |expires, time_to_live| facts(0, expires, time_to_live).keep_for(at(100), 1000);
        assert_eq!(keep(Some(150), Some(60)), 50);
        assert_eq!(keep(Some(150), Some(40)), 40);
        assert_eq!(keep(None, None), 1000);
        assert_eq!(keep(Some(100_000), Some(100_000)), 1000);
        assert_eq!(keep(Some(99), None), 0);
        let again = |chance| {
            facts(0, Some(1100), None)
                .ask_again_after(at(100), 1000, chance)
                .as_secs()
        };
        assert_eq!((again(0.0), again(0.5), again(1.0)), (750, 850, 950));
        assert_eq!(
            facts(0, Some(99), None).ask_again_after(at(100), 1000, 1.0),
            Duration::ZERO
        );
        assert!(facts(0, Some(99), None).is_over(at(100)));
        assert!(!facts(0, Some(100), None).is_over(at(100)));
        assert!(!facts(0, None, Some(1)).is_over(at(100)));
    }
}
