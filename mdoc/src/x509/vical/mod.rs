//! VICAL (ISO/IEC 18013-5 Annex C): a signed list of IACA certificates and of the document types
//! that each of them vouches for.

mod entry;

pub use entry::{EntryFault, VicalEntry};

use crate::cbor::{self, Array, Item, Rules};
use crate::cose::{AlgorithmFault, ChainFault, HeaderFault, Message, MessageError};
use crate::crypto::{HashAlgorithm, SignatureAlgorithm, SignatureError};
use crate::limits::{NAME_BYTES, TRUST_LIST_BYTES, TRUST_LIST_ENTRIES, URI_BYTES};
use crate::time::UnixTime;
use crate::version::{Version, VersionError};

use super::path::validity;
use super::{
    Certificate, CertificateRole, IssuerCertificateProfile, PathError, Rollback, SelectError, SignerChain,
    TrustList, Validity, VicalIssue,
};

/// The tag of a COSE_Sign1 (RFC 9052 §2), which providers leave out.
const TAG_SIGN1: u64 = 18;
/// The tag of a `tdate` (RFC 8949 §3.4.1).
const TAG_DATE: u64 = 0;

/// Nesting in a list: its entries' members are four containers deep, extensions may add some.
const DEPTH: usize = 16;
const RULES: Rules = Rules {
    max_depth: DEPTH,
    max_items: TRUST_LIST_ENTRIES,
    indefinite: false,
};

/// A list whose signature holds under the leaf of its own chain. Says nothing of whether anybody
/// trusts that chain: [`Self::vouched_by`] does.
#[derive(Clone, Debug)]
pub struct Vical {
    issue: VicalIssue,
    next_update: Option<UnixTime>,
    not_after: Option<UnixTime>,
    url: Option<String>,
    entries: Vec<VicalEntry>,
    signer: SignerChain,
    sha256: [u8; 32],
}

/// Why bytes are no VICAL. Carries no part of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VicalError {
    /// Longer than [`TRUST_LIST_BYTES`].
    #[error("a list of {0} bytes is over the limit")]
    TooLarge(usize),
    /// Not one item of strict CBOR, or a container of more than [`TRUST_LIST_ENTRIES`].
    #[error("not CBOR: {0}")]
    Cbor(cbor::Error),
    /// Not of the shape of a COSE_Sign1.
    #[error("not a COSE_Sign1: {0}")]
    Message(MessageError),
    /// A rule across both headers is broken.
    #[error("{0} in the list's signature")]
    Header(HeaderFault),
    /// The x5chain cannot be read.
    #[error("{0} in the list's signature")]
    Chain(ChainFault),
    /// The certificates of the x5chain are none, or not signed each by the next.
    #[error("the list's signer: {0}")]
    Path(PathError),
    /// The algorithm is missing or not protected.
    #[error("the list's signature: {0}")]
    Algorithm(AlgorithmFault),
    /// The algorithm is not allowed, or does not fit the signer's key.
    #[error("the list's signature is of an algorithm that is not allowed, or not that of its key")]
    AlgorithmNotAllowed,
    /// The signature does not hold.
    #[error("the list's signature does not hold: {0}")]
    Signature(SignatureError),
    /// The signed content is detached.
    #[error("the list has no content")]
    NoPayload,
    /// The signed content is not one item of strict CBOR, or has more entries than
    /// [`TRUST_LIST_ENTRIES`].
    #[error("the list's content is not CBOR: {0}")]
    Payload(cbor::Error),
    /// The signed content is not a map.
    #[error("the list's content is not a map")]
    NotAMap,
    /// The version cannot be gone on with.
    #[error("the list has {0}")]
    Version(VersionError),
    /// A member is missing or not of its type.
    #[error("the list's member {0} is missing or not of its type")]
    Member(&'static str),
    /// The list ends before its date.
    #[error("the list ends before it starts")]
    Window,
}

/// Why no authority vouches for a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityFault {
    /// No authority has the name of an issuer in the chain.
    #[error("no authority of the name that the list's signer chains to")]
    Unknown,
    /// An authority has the name, but its key signed nothing in the chain.
    #[error("the list's signer is not signed by the authority of that name")]
    Key,
    /// A certificate below the authority breaks its profile, or was not valid at the list's date.
    #[error("the list's signer: {0}")]
    Signer(SelectError),
    /// The authority's own certificate was not valid at the list's date.
    #[error("the authority's certificate was not valid at the date of the list")]
    NotValid(Validity),
}

impl Vical {
    /// Reads a list and verifies its signature under the leaf of its own chain. The roots' own
    /// signatures are left to [`super::AnchorSet::new`], which verifies each once.
    ///
    /// # Errors
    /// [`VicalError`]. A bad entry is none: it is listed with its fault, and the others count.
    pub fn decode(bytes: &[u8]) -> Result<Self, VicalError> {
        if bytes.len() > TRUST_LIST_BYTES {
            return Err(VicalError::TooLarge(bytes.len()));
        }
        let message = message(bytes)?;
        let (signer, payload) = verify(&message)?;
        let payload = Item::decode(payload, &RULES).map_err(VicalError::Payload)?;
        let mut list = Self::read(payload, signer)?;
        let digest = HashAlgorithm::Sha256.digest(&[bytes]);
        list.sha256 = digest.as_bytes().first_chunk::<32>().copied().unwrap_or_default();
        Ok(list)
    }

    /// `VICAL = { version, vicalProvider, date, ? vicalIssueID, ? nextUpdate, ? notAfter,
    /// ? vicalURL, certificateInfos, … }`. What else is there is passed over.
    fn read(payload: Item<'_>, signer: SignerChain) -> Result<Self, VicalError> {
        let map = payload.as_map().ok_or(VicalError::NotAMap)?;
        let [
            version,
            provider,
            date,
            issue_id,
            next_update,
            not_after,
            url,
            infos,
        ] = map.get_texts([
            "version",
            "vicalProvider",
            "date",
            "vicalIssueID",
            "nextUpdate",
            "notAfter",
            "vicalURL",
            "certificateInfos",
        ]);
        let version = version.ok_or(VicalError::Member("version"))?;
        Version::decode(version).map_err(VicalError::Version)?;
        let provider = provider
            .and_then(|provider| text(provider, NAME_BYTES))
            .ok_or(VicalError::Member("vicalProvider"))?;
        let date = date.and_then(tdate).ok_or(VicalError::Member("date"))?;
        let issue_id = optional(issue_id, "vicalIssueID", Item::as_u64)?;
        let next_update = optional(next_update, "nextUpdate", tdate)?;
        let not_after = optional(not_after, "notAfter", tdate)?;
        let url = optional(url, "vicalURL", |url| text(url, URI_BYTES))?;
        let infos = infos
            .and_then(Item::as_array)
            .ok_or(VicalError::Member("certificateInfos"))?;
        if not_after.is_some_and(|not_after| not_after < date) {
            return Err(VicalError::Window);
        }
        Ok(Self {
            issue: VicalIssue {
                provider,
                issue_id,
                date,
            },
            next_update,
            not_after,
            url,
            entries: read_entries(infos),
            signer,
            sha256: [0; 32],
        })
    }

    /// Which issue of whose list this is.
    pub const fn issue(&self) -> &VicalIssue {
        &self.issue
    }

    /// When the provider means to issue the next.
    pub const fn next_update(&self) -> Option<UnixTime> {
        self.next_update
    }

    /// The last instant at which the list counts, where it names one.
    pub const fn not_after(&self) -> Option<UnixTime> {
        self.not_after
    }

    /// Where the provider publishes its newest list.
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Every entry, accepted or not, in the order of the list.
    pub fn entries(&self) -> &[VicalEntry] {
        &self.entries
    }

    /// Gives the entries away.
    pub fn into_entries(self) -> Vec<VicalEntry> {
        self.entries
    }

    /// Who signed the list.
    pub const fn signer(&self) -> &SignerChain {
        &self.signer
    }

    /// Refuses to go back behind an issue that is known (ISO/IEC 18013-5 Annex C).
    ///
    /// # Errors
    /// [`Rollback`], as [`VicalIssue::check_not_older`] says.
    pub fn check_not_older(&self, known: &VicalIssue) -> Result<(), Rollback> {
        self.issue.check_not_older(known)
    }

    /// Leads the list's signer to one of these authorities: by name, by verified key, with every
    /// certificate below it in its profile and valid at the list's own date.
    ///
    /// # Errors
    /// What speaks against the authority that comes nearest.
    pub fn vouched_by(&self, authorities: &[Certificate]) -> Result<TrustList, AuthorityFault> {
        let mut fault = AuthorityFault::Unknown;
        for authority in authorities {
            match self.vouched_by_one(authority) {
                Ok(list) => return Ok(list),
                Err(AuthorityFault::Unknown) => {}
                Err(AuthorityFault::Key) if fault != AuthorityFault::Unknown => {}
                Err(found) => fault = found,
            }
        }
        Err(fault)
    }

    fn vouched_by_one(&self, authority: &Certificate) -> Result<TrustList, AuthorityFault> {
        let named = |certificate: &Certificate| {
            certificate.issuer_der() == authority.subject_der() || certificate.der() == authority.der()
        };
        if !self.signer.certificates().any(named) {
            return Err(AuthorityFault::Unknown);
        }
        let used = self.signer.below(authority).ok_or(AuthorityFault::Key)?;
        let date = self.issue.date;
        self.signer
            .judge(used, date, date)
            .map_err(AuthorityFault::Signer)?;
        if date < authority.not_before() || authority.not_after() < date {
            return Err(AuthorityFault::NotValid(validity(
                authority,
                CertificateRole::Anchor,
            )));
        }
        let chain = self.signer.certificates().take(used);
        let ends = chain
            .chain([authority])
            .map(Certificate::not_after)
            .chain(self.not_after);
        Ok(TrustList {
            issue: self.issue.clone(),
            from: date,
            until: ends.min().unwrap_or(date),
            next_update: self.next_update,
            authority: authority.sha256(),
            sha256: self.sha256,
        })
    }
}

/// The entries of a list whose signature nobody has checked, and whose other members may be at
/// fault: to explain a list, never to trust one.
///
/// # Errors
/// [`VicalError`] where there are no entries to be read.
pub fn unverified_entries(bytes: &[u8]) -> Result<Vec<VicalEntry>, VicalError> {
    if bytes.len() > TRUST_LIST_BYTES {
        return Err(VicalError::TooLarge(bytes.len()));
    }
    let payload = message(bytes)?.payload().ok_or(VicalError::NoPayload)?;
    let payload = Item::decode(payload, &RULES).map_err(VicalError::Payload)?;
    let map = payload.as_map().ok_or(VicalError::NotAMap)?;
    let infos = map.get_text("certificateInfos").and_then(Item::as_array);
    let infos = infos.ok_or(VicalError::Member("certificateInfos"))?;
    Ok(read_entries(infos))
}

fn message(bytes: &[u8]) -> Result<Message<'_>, VicalError> {
    let item = Item::decode(bytes, &RULES).map_err(VicalError::Cbor)?;
    let item = match item.as_tag() {
        Some((TAG_SIGN1, inner)) => inner,
        _ => item,
    };
    Message::decode(item, &RULES).map_err(VicalError::Message)
}

fn read_entries(infos: Array<'_>) -> Vec<VicalEntry> {
    let profile = IssuerCertificateProfile::default();
    let entries = infos.iter().enumerate();
    entries
        .map(|(index, info)| VicalEntry::read(index, info, &profile))
        .collect()
}

/// Checks the headers, reads the chain and verifies the signature; the signer and the signed bytes.
fn verify<'a>(message: &Message<'a>) -> Result<(SignerChain, &'a [u8]), VicalError> {
    let headers = message.headers();
    headers.check().map_err(VicalError::Header)?;
    let algorithm = headers.algorithm().map_err(VicalError::Algorithm)?;
    let chain = headers.x5chain(true).map_err(VicalError::Chain)?;
    let profile = IssuerCertificateProfile::default();
    let signer = SignerChain::new(chain.certificates(), CertificateRole::VicalSigner, &profile)
        .map_err(VicalError::Path)?;
    let algorithm = SignatureAlgorithm::from_cose_id(algorithm).ok_or(VicalError::AlgorithmNotAllowed)?;
    let key = signer
        .leaf()
        .public_key()
        .filter(|key| algorithm.fits(key.curve()))
        .ok_or(VicalError::AlgorithmNotAllowed)?;
    let payload = message.payload().ok_or(VicalError::NoPayload)?;
    message
        .verify_signature(algorithm, key, &[payload])
        .map_err(VicalError::Signature)?;
    Ok((signer, payload))
}

/// An optional member: left out, or `null`, or of its type.
fn optional<'a, T>(
    item: Option<Item<'a>>,
    name: &'static str,
    read: impl FnOnce(Item<'a>) -> Option<T>,
) -> Result<Option<T>, VicalError> {
    item.filter(|item| !item.is_absent())
        .map(|item| read(item).ok_or(VicalError::Member(name)))
        .transpose()
}

/// `tdate = #6.0(tstr)`.
fn tdate(item: Item<'_>) -> Option<UnixTime> {
    match item.as_tag()? {
        (TAG_DATE, text) => UnixTime::parse(text.as_text()?).ok(),
        _ => None,
    }
}

/// A text that is not empty and has at most so many bytes.
fn text(item: Item<'_>, bytes: usize) -> Option<String> {
    let text = item.as_text()?;
    (1..=bytes).contains(&text.len()).then(|| text.to_owned())
}
