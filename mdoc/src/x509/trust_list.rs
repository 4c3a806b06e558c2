//! Where an anchor comes from that no operator put there: a signed list of trusted certificates,
//! and while it counts.

use crate::time::UnixTime;

use super::SelectError;

/// Names one issue of a list: whose it is and how new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VicalIssue {
    /// The provider, in its own words.
    pub provider: String,
    /// The number of the issue, where the provider counts them.
    pub issue_id: Option<u64>,
    /// When it was issued.
    pub date: UnixTime,
}

/// A list that goes back behind an issue that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rollback {
    /// Its number is lower.
    #[error("issue {offered} goes back behind issue {known}, which is known")]
    IssueId {
        /// The number offered.
        offered: u64,
        /// The number known.
        known: u64,
    },
    /// It is of an earlier date.
    #[error("the issue of {offered} goes back behind that of {known}, which is known")]
    Date {
        /// The date offered.
        offered: UnixTime,
        /// The date known.
        known: UnixTime,
    },
}

impl VicalIssue {
    /// Holds this issue against one that is known. Issues of different providers, and the same
    /// issue again, go back behind nothing.
    ///
    /// # Errors
    /// The number is lower or the date earlier than that of a known issue of this provider.
    pub fn check_not_older(&self, known: &Self) -> Result<(), Rollback> {
        if self.provider != known.provider {
            return Ok(());
        }
        if let (Some(offered), Some(known)) = (self.issue_id, known.issue_id)
            && offered < known
        {
            return Err(Rollback::IssueId { offered, known });
        }
        if self.date < known.date {
            return Err(Rollback::Date {
                offered: self.date,
                known: known.date,
            });
        }
        Ok(())
    }
}

/// A list whose signer an authority of the operator's vouches for: the provenance of its anchors.
/// Holds the window instead of a judgement, because nobody knows the time when anchors are loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustList {
    /// Which issue.
    pub issue: VicalIssue,
    /// First instant at which its anchors vouch for anything: its date.
    pub from: UnixTime,
    /// Last instant: the end of the list, of its signer's certificates or of the authority's,
    /// whichever comes first.
    pub until: UnixTime,
    /// When the provider meant to issue the next one.
    pub next_update: Option<UnixTime>,
    /// SHA-256 of the authority's certificate.
    pub authority: [u8; 32],
    /// SHA-256 of the list as received.
    pub sha256: [u8; 32],
}

impl TrustList {
    /// Whether the list counts from `earliest` to `latest`, the two ends of the instant of judgement.
    ///
    /// # Errors
    /// [`SelectError::ListNotYetInForce`] or [`SelectError::ListEnded`].
    pub fn judge(&self, earliest: UnixTime, latest: UnixTime) -> Result<(), SelectError> {
        if latest < self.from {
            return Err(SelectError::ListNotYetInForce(self.from));
        }
        if self.until < earliest {
            return Err(SelectError::ListEnded(self.until));
        }
        Ok(())
    }

    /// Since when a newer issue has been due at `now`; `None` while none is. A stale list counts
    /// still: it is for the operator to fetch the next.
    pub fn stale_since(&self, now: UnixTime) -> Option<UnixTime> {
        self.next_update.filter(|next_update| *next_update < now)
    }
}
