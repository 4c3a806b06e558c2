//! What is known of a document's revocation. Which knowledge is enough, the policy decides.

use crate::time::UnixTime;

use super::SelfSignedMso;

/// What evidence says of a certificate or an MSO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Evidence {
    /// Not revoked, as of this instant.
    Good {
        /// When the evidence was made.
        as_of: UnixTime,
    },
    /// The document names no place where its status could be looked up.
    NotNamed,
    /// No evidence is at hand.
    Unavailable,
}

/// What is known of the revocation of the document signer and of the MSO. Revoked documents have
/// no standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The document signer's certificate, by its issuer's CRL.
    pub crl: Evidence,
    /// The MSO, by status list or identifier list.
    pub status: Evidence,
}

impl Standing {
    /// CRLs and status lists are not judged yet: what could be looked up is unavailable.
    pub(super) fn of(mso: &SelfSignedMso<'_>) -> Self {
        let named = mso.mso().status.is_some();
        Self {
            crl: Evidence::Unavailable,
            status: if named {
                Evidence::Unavailable
            } else {
                Evidence::NotNamed
            },
        }
    }
}
