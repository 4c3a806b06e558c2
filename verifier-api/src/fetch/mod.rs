//! Fetching of evidence: CRLs, status lists and identifier lists, VICALs.
//!
//! Read on in `target` (which URIs may be asked for), `address` (which addresses may be connected to), `client` (one
//! request), `content` (what came back, and whether it may take a place), `crls` (which of two CRLs of one URI stays), `table`
//! (what is held and when it is due), `store` (the same on disk), `export` (the same for bundles), `newest` (what no list goes
//! back behind), `fetcher` (the threads that keep it fresh) and `settings` (what an operator sets).
//!
//! Judging never waits for any of this: it reads the [`World`] of the moment, which is exchanged as a whole.

mod address;
mod client;
mod content;
mod crls;
mod export;
mod fetcher;
mod newest;
mod settings;
mod store;
mod table;
mod target;
mod world;

use mdoc::status::TokenError;
use mdoc::x509::{CrlError, VicalError};

pub use client::{Client, Fetched, Lookup};
pub use export::{Cached, cached};
pub use fetcher::{Fetcher, Pending, StartError};
pub use settings::{FetchSettings, SettingsError, Source};
pub use store::StoreError;
pub use table::{Held, Totals};
pub use target::Origin;
pub use world::World;

/// What can be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListKind {
    /// A certificate revocation list.
    Crl,
    /// A status list or an identifier list.
    Status,
    /// A list of issuer certificates.
    Vical,
}

impl ListKind {
    /// The word in logs and on disk.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crl => "crl",
            Self::Status => "status",
            Self::Vical => "vical",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        [Self::Crl, Self::Status, Self::Vical]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// Why a list was not fetched, or not taken. Carries no part of what came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Not a URI with a host, or one of more than [`mdoc::limits::URI_BYTES`].
    #[error("not a URI with a host")]
    Uri,
    /// Another scheme than https; for CRLs http where that is switched on.
    #[error("the URI is not https")]
    Scheme,
    /// The URI carries a user or a password.
    #[error("the URI carries credentials")]
    Credentials,
    /// The URI of a document has a query or a fragment, which could name the record.
    #[error("the URI asks for more than a whole list")]
    Query,
    /// The host is not on the list of those allowed.
    #[error("the host is not one of those allowed")]
    HostNotAllowed,
    /// The host has an address that is not public.
    #[error("the host has an address that is not public")]
    AddressNotPublic,
    /// The host has no address.
    #[error("the host is not known")]
    HostUnknown,
    /// No connection.
    #[error("no connection to the host")]
    Connect,
    /// No TLS connection with a server of that name.
    #[error("no TLS connection with a server of that name")]
    Tls,
    /// Not done within the time.
    #[error("not done within the time allowed")]
    Timeout,
    /// A redirection to another host, port or scheme.
    #[error("redirected to another host, port or scheme")]
    RedirectElsewhere,
    /// More redirections than are followed.
    #[error("redirected too often")]
    RedirectLoop,
    /// Another status than 200.
    #[error("answered with the status {0}")]
    Status(u16),
    /// A content type that such a list does not have.
    #[error("the content type is not that of such a list")]
    ContentType,
    /// A content coding that nobody asked for.
    #[error("answered in a content coding that was not asked for")]
    ContentCoding,
    /// More bytes than such a list may have.
    #[error("more bytes than such a list may have")]
    TooLarge,
    /// The answer broke off.
    #[error("the answer broke off")]
    Truncated,
    /// Not HTTP.
    #[error("not an answer of HTTP")]
    Protocol,
    /// Not a CRL.
    #[error("{0}")]
    Crl(#[from] CrlError),
    /// The CRL is of an issuer that is trusted, and not signed by its key.
    #[error("the CRL is not signed by its issuer")]
    CrlSignature,
    /// Not a token of this list, or one whose signature does not hold.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// Not a VICAL, or one whose signature does not hold.
    #[error("{0}")]
    Vical(#[from] VicalError),
    /// A VICAL that the trust snapshot does not take.
    #[error("the list is not taken: {0}")]
    VicalRefused(String),
    /// The list is dated in the future: one of two clocks is wrong.
    #[error("the list is dated in the future")]
    Future,
    /// The list has passed its end.
    #[error("the list has passed its own end")]
    Expired,
    /// The list is older than the one that is held.
    #[error("the list is older than the one that is held")]
    Older,
    /// A fault of this program broke the attempt off.
    #[error("the attempt broke off by a fault of this program")]
    Internal,
}

impl FetchError {
    /// A stable word for logs and counters.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Uri => "uri",
            Self::Scheme => "scheme",
            Self::Credentials => "credentials",
            Self::Query => "query",
            Self::HostNotAllowed => "host_not_allowed",
            Self::AddressNotPublic => "address_not_public",
            Self::HostUnknown => "host_unknown",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::RedirectElsewhere => "redirect_elsewhere",
            Self::RedirectLoop => "redirect_loop",
            Self::Status(_) => "http_status",
            Self::ContentType => "content_type",
            Self::ContentCoding => "content_coding",
            Self::TooLarge => "too_large",
            Self::Truncated => "truncated",
            Self::Protocol => "protocol",
            Self::Crl(_) => "crl",
            Self::CrlSignature => "crl_signature",
            Self::Token(_) => "token",
            Self::Vical(_) => "vical",
            Self::VicalRefused(_) => "vical_refused",
            Self::Future => "future",
            Self::Expired => "expired",
            Self::Older => "older",
            Self::Internal => "internal",
        }
    }
}
