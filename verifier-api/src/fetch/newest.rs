//! What no fetched list may go back behind: kept in the state directory of trust, so that it holds over
//! a restart, also without a cache, and for lists that somebody puts into the trust directory.

use std::sync::{Mutex, PoisonError};

use mdoc::x509::{RevocationList, Vical};
use operator::{TrustState, TrustStateError};
use relying_party::{NewestLists, TrustSnapshot};

use super::{FetchError, ListKind};

/// The newest lists that are known. Without a state directory nothing is, and nothing is kept from here.
pub(super) struct Newest {
    state: Option<TrustState>,
    known: Mutex<NewestLists>,
}

impl Newest {
    /// What the state directory knows.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn open(state: Option<TrustState>) -> Result<Self, TrustStateError> {
        let known = state.as_ref().map(TrustState::newest).transpose()?;
        Ok(Self {
            state,
            known: Mutex::new(known.unwrap_or_default()),
        })
    }

    /// Holds a list against what is known of its issuer or provider. Bytes that are no such list, and
    /// tokens, which have dates of their own, are for others to judge.
    ///
    /// # Errors
    /// [`FetchError::Older`].
    pub(super) fn check(&self, kind: ListKind, bytes: &[u8]) -> Result<(), FetchError> {
        if self.state.is_none() {
            return Ok(());
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_older = match kind {
            ListKind::Crl => RevocationList::from_der(bytes).is_ok_and(|list| known.is_older_crl(&list)),
            ListKind::Vical => {
                Vical::decode(bytes).is_ok_and(|list| known.check_vical(list.issue()).is_err())
            }
            ListKind::Status => false,
        };
        if is_older { Err(FetchError::Older) } else { Ok(()) }
    }

    /// Remembers a list that was taken. A CRL counts where the key of an anchor signed it.
    pub(super) fn note(&self, kind: ListKind, bytes: &[u8], trust: &TrustSnapshot) {
        let mut lists = NewestLists::default();
        match kind {
            ListKind::Crl => match RevocationList::from_der(bytes) {
                Ok(list) if trust.signed_by_anchor(&list) == Some(true) => lists.note_crl(&list),
                _ => return,
            },
            ListKind::Vical => match Vical::decode(bytes) {
                Ok(list) => lists.note_vical(list.issue()),
                Err(_) => return,
            },
            ListKind::Status => return,
        }
        self.remember(&lists);
    }

    /// Remembers the lists of a snapshot that was put in force.
    pub(super) fn note_snapshot(&self, trust: &TrustSnapshot) {
        if self.state.is_some() {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.merge(&NewestLists::of(trust));
        }
    }

    /// Without a disk it still holds, until the program ends.
    fn remember(&self, lists: &NewestLists) {
        let Some(state) = &self.state else { return };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.merge(lists);
        drop(known);
        if let Err(error) = state.remember(lists) {
            tracing::error!(%error, "how new a list is cannot be written down");
        }
    }
}
