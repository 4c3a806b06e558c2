//! What is known of a document's revocation. Which knowledge is enough, the policy decides.

use std::borrow::Cow;

use crate::time::UnixTime;

/// What evidence says of a certificate or an MSO.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationState {
    /// The document names no place where its status could be looked up.
    NotNamed,
    /// Not revoked, as of this instant.
    Good {
        /// When the evidence was made.
        as_of: UnixTime,
    },
    /// Not revoked by evidence that has passed its own end.
    Stale {
        /// When the evidence was made.
        as_of: UnixTime,
    },
    /// No evidence is at hand, or none that may speak.
    Unavailable {
        /// Why.
        fault: Cow<'static, str>,
    },
    /// The status token at hand is not valid, or not by one who may sign it.
    TokenInvalid {
        /// Why.
        fault: Cow<'static, str>,
    },
    /// Suspended.
    Suspended {
        /// When the evidence was made.
        as_of: UnixTime,
    },
    /// A status without a meaning that is known here.
    UnknownValue {
        /// When the evidence was made.
        as_of: UnixTime,
        /// The value.
        value: u8,
    },
    /// Revoked. Final, so that evidence past its end says it too.
    Revoked {
        /// When the evidence was made.
        as_of: UnixTime,
        /// When the revocation took place, where the evidence tells.
        since: Option<UnixTime>,
    },
}

impl RevocationState {
    pub(super) const fn unavailable(fault: &'static str) -> Self {
        Self::Unavailable {
            fault: Cow::Borrowed(fault),
        }
    }

    /// When the evidence was made that this rests on.
    pub const fn as_of(&self) -> Option<UnixTime> {
        match self {
            Self::Good { as_of }
            | Self::Stale { as_of }
            | Self::Suspended { as_of }
            | Self::UnknownValue { as_of, .. }
            | Self::Revoked { as_of, .. } => Some(*as_of),
            Self::NotNamed | Self::Unavailable { .. } | Self::TokenInvalid { .. } => None,
        }
    }

    /// Whether other or fresher evidence could change what is known.
    pub const fn is_lacking(&self) -> bool {
        matches!(
            self,
            Self::Stale { .. } | Self::Unavailable { .. } | Self::TokenInvalid { .. }
        )
    }

    /// Whether this is evidence against the document.
    pub const fn is_against(&self) -> bool {
        matches!(
            self,
            Self::Suspended { .. } | Self::UnknownValue { .. } | Self::Revoked { .. }
        )
    }

    const fn weight(&self) -> u8 {
        match self {
            Self::NotNamed => 0,
            Self::Good { .. } => 1,
            Self::Stale { .. } => 2,
            Self::Unavailable { .. } => 3,
            Self::TokenInvalid { .. } => 4,
            Self::Suspended { .. } => 5,
            Self::UnknownValue { .. } => 6,
            Self::Revoked { .. } => 7,
        }
    }

    /// What two pieces of evidence come to: the graver one, and of two good ones the older.
    #[must_use]
    pub(super) fn and(self, other: Self) -> Self {
        let rank = |state: &Self| (state.weight(), core::cmp::Reverse(state.as_of()));
        if rank(&other) > rank(&self) { other } else { self }
    }
}

/// What is known of the revocation of the document signer and of the MSO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The document signer's certificate and those above it, by their issuers' CRLs.
    pub crl: RevocationState,
    /// The MSO, by status list and identifier list.
    pub status: RevocationState,
}
