//! Status lists and identifier lists: Token Status List in CWT and JWT, the identifier list of
//! ISO/IEC 18013-5 (second edition, §12.3.6) in CWT.
//!
//! [`StatusToken::decode`] reads a token, checks its signature under the leaf of the chain that it
//! brings, and keeps the list alone. Whether that chain is the right one for a document, and what
//! the list says of it, is judged with the document.

mod cwt;
mod jwt;
mod list;
#[cfg(test)]
mod tests;

pub use list::{IdentifierList, ListError, StatusList};

use std::sync::Arc;

use crate::cbor;
use crate::cose::{AlgorithmFault, ChainFault, HeaderFault, MessageError};
use crate::crypto::{PublicKey, SignatureAlgorithm, SignatureError};
use crate::limits::STATUS_TOKEN_BYTES;
use crate::memo::Memo;
use crate::time::UnixTime;
use crate::x509::{Certificate, CertificateRole, IssuerCertificateProfile, PathError, SignerChain};

/// A status list or identifier list as its signer made it.
#[derive(Debug)]
pub struct StatusToken {
    claims: Claims,
    content: ListContent,
    form: TokenForm,
    iso_fault: Option<&'static str>,
    signer: Signer,
}

/// What a token holds beside its list.
#[derive(Clone, Debug)]
struct Claims {
    subject: String,
    issued_at: UnixTime,
    expires_at: Option<UnixTime>,
    time_to_live: Option<u64>,
}

/// The list of a token.
#[derive(Debug)]
pub enum ListContent {
    /// A Token Status List.
    Statuses(StatusList),
    /// An identifier list: those on it are revoked.
    Identifiers(IdentifierList),
}

/// How a token is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenForm {
    /// CBOR Web Token in a COSE_Sign1.
    Cwt,
    /// JSON Web Token in compact form.
    Jwt,
}

/// Which list a token holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// A Token Status List.
    StatusList,
    /// An identifier list.
    IdentifierList,
}

/// Who signed: the leaf of a chain, verified, or somebody whose key is still to be tried.
#[derive(Debug)]
enum Signer {
    Chain {
        chain: Box<SignerChain>,
        /// How much of the chain stands below a key, or below a certificate.
        below_key: Memo<PublicKey, Option<usize>>,
        below_certificate: Memo<Vec<u8>, Option<(usize, Arc<Certificate>)>>,
    },
    Unnamed {
        signed: Vec<u8>,
        signature: Vec<u8>,
        algorithm: SignatureAlgorithm,
        by_key: Memo<PublicKey, bool>,
    },
}

/// A token whose signature is still to be checked.
struct Unverified {
    claims: Claims,
    content: Undecoded,
    form: TokenForm,
    iso_fault: Option<&'static str>,
    algorithm: SignatureAlgorithm,
    chain: Vec<Vec<u8>>,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

/// A list that is inflated only once its signature holds.
enum Undecoded {
    Statuses { bits: u64, compressed: Vec<u8> },
    Identifiers(IdentifierList),
}

/// Why bytes are no token that may speak.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Longer than [`STATUS_TOKEN_BYTES`].
    #[error("a token of {0} bytes is over the limit")]
    TooLarge(usize),
    /// Neither CBOR nor a compact JWT.
    #[error("neither a CWT nor a JWT")]
    Form,
    /// The content type it came with names another form or another list.
    #[error("the content type names another kind of token")]
    ContentType,
    /// Not strict CBOR.
    #[error("not strict CBOR: {0}")]
    Cbor(#[from] cbor::Error),
    /// A COSE_Mac0, whose key everybody who can check it can also use.
    #[error("a token under a MAC")]
    Mac,
    /// Under another tag than that of COSE_Sign1, such as the CWT tag.
    #[error("not under the tag of COSE_Sign1")]
    Tag,
    /// Not of the shape of a COSE_Sign1.
    #[error("not a COSE_Sign1: {0}")]
    Message(MessageError),
    /// A rule across both headers is broken.
    #[error("{0}")]
    Header(#[from] HeaderFault),
    /// The algorithm is missing or misplaced.
    #[error("{0}")]
    Algorithm(#[from] AlgorithmFault),
    /// The algorithm is not allowed, or not with this key.
    #[error("the algorithm is not allowed, or does not fit the key")]
    AlgorithmRefused,
    /// The chain is malformed.
    #[error("{0}")]
    ChainHeader(ChainFault),
    /// The chain's certificates are not in order or not signed by each other.
    #[error("{0}")]
    Chain(PathError),
    /// Not three parts of base64url, or a header or payload that is not JSON of the right members.
    #[error("not a compact JWT: {0}")]
    Jwt(&'static str),
    /// The type is missing, not protected, or another one.
    #[error("the token's type is {0}")]
    Type(&'static str),
    /// A claim is missing or of the wrong type.
    #[error("{0}")]
    Claim(&'static str),
    /// The list is malformed.
    #[error("{0}")]
    List(#[from] ListError),
    /// The signature does not hold under the leaf of the token's own chain.
    #[error("the token's signature does not hold: {0}")]
    Signature(SignatureError),
    /// The token is of another list than the one that was asked for.
    #[error("the token's subject is not the URI of the list")]
    Subject,
}

/// A token that cannot be used, and the list that it says it is, if it got as far as to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedToken {
    /// The URI of the list, unverified: only to say why that list cannot be used.
    pub subject: Option<String>,
    /// What is wrong.
    pub error: TokenError,
}

impl From<TokenError> for RefusedToken {
    fn from(error: TokenError) -> Self {
        Self { subject: None, error }
    }
}

impl StatusToken {
    /// Reads a CWT, a CWT in ASCII hexadecimal (met in the field), or a compact JWT.
    ///
    /// # Errors
    /// [`RefusedToken`]: malformed, or its signature does not hold.
    pub fn decode(bytes: &[u8]) -> Result<Self, RefusedToken> {
        let unverified = Unverified::read(bytes)?;
        let subject = unverified.claims.subject.clone();
        Self::verify(unverified).map_err(|error| RefusedToken {
            subject: Some(subject),
            error,
        })
    }

    /// As [`Self::decode`], for a token that was fetched: it must be the list of this URI and of
    /// the kind that the content type names, where that names one.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn decode_fetched(bytes: &[u8], uri: &str, content_type: &str) -> Result<Self, TokenError> {
        let token = Self::decode(bytes).map_err(|refused| refused.error)?;
        let named = content_type.split(';').next().unwrap_or_default().trim();
        let own = match (token.kind(), token.form) {
            (ListKind::StatusList, TokenForm::Cwt) => cwt::STATUS_LIST_TYPE,
            (ListKind::StatusList, TokenForm::Jwt) => jwt::STATUS_LIST_TYPE,
            (ListKind::IdentifierList, _) => cwt::IDENTIFIER_LIST_TYPE,
        };
        let types = [
            cwt::STATUS_LIST_TYPE,
            cwt::IDENTIFIER_LIST_TYPE,
            jwt::STATUS_LIST_TYPE,
        ];
        let another = |known: &&str| *known != own && named.eq_ignore_ascii_case(known);
        if types.iter().any(another) {
            return Err(TokenError::ContentType);
        }
        if token.subject() == uri {
            Ok(token)
        } else {
            Err(TokenError::Subject)
        }
    }

    fn verify(token: Unverified) -> Result<Self, TokenError> {
        let signer = if token.chain.is_empty() {
            Signer::Unnamed {
                signed: token.signed,
                signature: token.signature,
                algorithm: token.algorithm,
                by_key: Memo::default(),
            }
        } else {
            let chain: Vec<&[u8]> = token.chain.iter().map(Vec::as_slice).collect();
            let profile = IssuerCertificateProfile::default();
            let chain = SignerChain::new(&chain, CertificateRole::StatusSigner, &profile)
                .map_err(TokenError::Chain)?;
            let key = chain.leaf().public_key().ok_or(TokenError::AlgorithmRefused)?;
            verify_signature(key, token.algorithm, &token.signed, &token.signature)?;
            Signer::Chain {
                chain: Box::new(chain),
                below_key: Memo::default(),
                below_certificate: Memo::default(),
            }
        };
        let content = match token.content {
            Undecoded::Statuses { bits, compressed } => {
                ListContent::Statuses(StatusList::inflate(bits, &compressed)?)
            }
            Undecoded::Identifiers(list) => ListContent::Identifiers(list),
        };
        // The second edition knows lists of one bit only.
        let wide = matches!(&content, ListContent::Statuses(list) if list.bits() != 1);
        Ok(Self {
            claims: token.claims,
            content,
            form: token.form,
            iso_fault: token
                .iso_fault
                .or_else(|| wide.then_some("a status list of more than one bit")),
            signer,
        })
    }

    /// The URI of the list that the token is.
    pub fn subject(&self) -> &str {
        &self.claims.subject
    }

    /// When the token was made.
    pub const fn issued_at(&self) -> UnixTime {
        self.claims.issued_at
    }

    /// The last instant at which the token counts; `None` where it does not say.
    pub const fn expires_at(&self) -> Option<UnixTime> {
        self.claims.expires_at
    }

    /// Seconds after which a fresh token should be fetched.
    pub const fn time_to_live(&self) -> Option<u64> {
        self.claims.time_to_live
    }

    /// The list.
    pub const fn content(&self) -> &ListContent {
        &self.content
    }

    /// Bytes that the list takes in memory.
    pub fn unfolded_bytes(&self) -> usize {
        match &self.content {
            ListContent::Statuses(list) => list.byte_len(),
            ListContent::Identifiers(list) => list.byte_len(),
        }
    }

    /// Which list the token holds.
    pub const fn kind(&self) -> ListKind {
        match self.content {
            ListContent::Statuses(_) => ListKind::StatusList,
            ListContent::Identifiers(_) => ListKind::IdentifierList,
        }
    }

    /// How the token is encoded.
    pub const fn form(&self) -> TokenForm {
        self.form
    }

    /// Why the token does not keep to the profile of ISO/IEC 18013-5's second edition, if it does not.
    pub const fn iso_fault(&self) -> Option<&'static str> {
        self.iso_fault
    }

    /// The signer's chain; `None` where the token brings none.
    pub const fn signer(&self) -> Option<&SignerChain> {
        match &self.signer {
            Signer::Chain { chain, .. } => Some(chain),
            Signer::Unnamed { .. } => None,
        }
    }

    /// Whether this key signed the token itself.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        match &self.signer {
            Signer::Chain { chain, .. } => chain.leaf().public_key() == Some(key),
            Signer::Unnamed {
                signed,
                signature,
                algorithm,
                by_key,
            } => by_key.get_or_insert(key, || {
                verify_signature(key, *algorithm, signed, signature).is_ok()
            }),
        }
    }

    /// Answers ahead what was asked of the token before this one of the same list, so that the first judgement by this
    /// one verifies no signature that the judgements before did not verify.
    pub fn answer_ahead(&self, before: &Self) {
        match (&self.signer, &before.signer) {
            (
                Signer::Chain { .. },
                Signer::Chain {
                    below_key,
                    below_certificate,
                    ..
                },
            ) => {
                for key in below_key.questions() {
                    self.below_key(&key);
                }
                for der in below_certificate.questions() {
                    self.below_certificate(&der);
                }
            }
            (Signer::Unnamed { .. }, Signer::Unnamed { by_key, .. }) => {
                for key in by_key.questions() {
                    self.is_signed_by(&key);
                }
            }
            _ => {}
        }
    }

    /// How many certificates of the chain stand below an authority's key. The first answer for a
    /// key is remembered.
    pub(crate) fn below_key(&self, key: &PublicKey) -> Option<usize> {
        match &self.signer {
            Signer::Chain { chain, below_key, .. } => below_key.get_or_insert(key, || chain.signed_by(key)),
            Signer::Unnamed { .. } => None,
        }
    }

    /// As [`Self::below_key`] for the certificate that an MSO names, which may itself end the chain.
    pub(crate) fn below_certificate(&self, der: &[u8]) -> Option<(usize, Arc<Certificate>)> {
        match &self.signer {
            Signer::Chain {
                chain,
                below_certificate,
                ..
            } => below_certificate.get_or_insert(der, || {
                let certificate = Certificate::from_der(der).ok()?;
                Some((chain.below(&certificate)?, Arc::new(certificate)))
            }),
            Signer::Unnamed { .. } => None,
        }
    }
}

impl Unverified {
    fn read(bytes: &[u8]) -> Result<Self, TokenError> {
        if bytes.len() > STATUS_TOKEN_BYTES {
            return Err(TokenError::TooLarge(bytes.len()));
        }
        let text = bytes.trim_ascii();
        match text.first() {
            // JSON objects in base64url begin like this.
            Some(b'e') => jwt::read(text),
            // The tag of COSE_Sign1, or the array itself, in hexadecimal.
            Some(b'd' | b'D' | b'8') if text.iter().all(u8::is_ascii_hexdigit) => {
                cwt::read(&from_hexadecimal(text).ok_or(TokenError::Form)?)
            }
            Some(_) => cwt::read(bytes),
            None => Err(TokenError::Form),
        }
    }
}

/// Until when a token says that it counts: its `exp`, else the end of its `ttl`. Nothing is verified
/// and nothing unfolded: to tell people, never to judge by.
pub fn unverified_expiry(bytes: &[u8]) -> Option<UnixTime> {
    let claims = Unverified::read(bytes).ok()?.claims;
    let ttl = claims.time_to_live.and_then(|ttl| i64::try_from(ttl).ok());
    claims
        .expires_at
        .or_else(|| Some(claims.issued_at.saturating_add(ttl?)))
}

fn verify_signature(
    key: &PublicKey,
    algorithm: SignatureAlgorithm,
    signed: &[u8],
    signature: &[u8],
) -> Result<(), TokenError> {
    if !algorithm.fits(key.curve()) {
        return Err(TokenError::AlgorithmRefused);
    }
    key.verify(algorithm.hash(), &[signed], signature)
        .map_err(TokenError::Signature)
}

/// An instant of a claim: seconds since the epoch, a fraction cut off.
fn numeric_date(seconds: f64) -> Option<UnixTime> {
    // Beyond the range of UnixTime there is no instant; below it the cast is exact.
    const LATEST: f64 = 253_402_300_799.0;
    if !(0.0..=LATEST).contains(&seconds) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "within the range just checked")]
    UnixTime::from_seconds(seconds as i64)
}

fn from_hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |character: u8| {
        char::from(character)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}
