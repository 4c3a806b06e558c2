//! DeviceResponse (ISO/IEC 18013-5 §8.3.2.1.2.2): syntax only. Nothing here is verified; every
//! part that is signed, MACed or hashed is kept as received.

mod device_signed;
mod issuer_signed;
mod mso;

pub use device_signed::{DeviceAuth, DeviceSigned, DeviceSignedItem};
pub use issuer_signed::{IssuerSigned, IssuerSignedItem};
pub use mso::{
    IdentifierListReference, KeyAuthorizations, MobileSecurityObject, MsoError, MsoTolerances, Status,
    StatusListReference, ValidityInfo, ValueDigests,
};

use core::fmt;

use crate::cbor::{self, Item, Map, Rules};
use crate::limits::{Limits, NAME_BYTES};

/// A decoded response. Borrows the bytes it was decoded from.
///
/// ```text
/// DeviceResponse = { "version": tstr, ? "documents": [+ Document], ? "documentErrors": […],
///                    ? "zkDocuments" …, ? "encryptedDocuments" …, ? "otherDocuments" …, "status": uint }
/// ```
#[derive(Clone, Debug)]
pub struct DeviceResponse<'a> {
    /// Minor version; the major version is 1.
    pub version_minor: u64,
    /// 0 is "OK".
    pub status: u64,
    /// The documents, in the order received.
    pub documents: Vec<Document<'a>>,
    /// Entries of `documentErrors`: documents that the holder did not return.
    pub document_errors: usize,
    /// Second-edition members that are not judged here.
    pub unsupported: Unsupported,
}

/// How many documents came in forms that this crate does not verify.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsupported {
    /// Zero-knowledge documents.
    pub zk_documents: usize,
    /// Encrypted documents.
    pub encrypted_documents: usize,
    /// Documents of other formats.
    pub other_documents: usize,
}

impl Unsupported {
    /// Whether there is any.
    pub const fn any(&self) -> bool {
        self.zk_documents + self.encrypted_documents + self.other_documents > 0
    }
}

/// One document of a response.
///
/// ```text
/// Document = { "docType": tstr, "issuerSigned": IssuerSigned, "deviceSigned": DeviceSigned, ? "errors": … }
/// ```
#[derive(Clone)]
pub struct Document<'a> {
    /// The document type.
    pub doc_type: &'a str,
    /// The document type as encoded, for DeviceAuthentication.
    pub doc_type_encoded: &'a [u8],
    /// What the issuer signed.
    pub issuer_signed: IssuerSigned<'a>,
    /// What the device signed.
    pub device_signed: DeviceSigned<'a>,
    /// The whole document as received.
    pub encoded: &'a [u8],
}

/// Names its parts; its encoding holds personal data.
impl fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("doc_type", &self.doc_type)
            .field("issuer_signed", &self.issuer_signed)
            .field("device_signed", &self.device_signed)
            .finish_non_exhaustive()
    }
}

/// Why bytes are no DeviceResponse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// More bytes than [`Limits::message_bytes`].
    #[error("a response of {0} bytes is over the limit")]
    TooLarge(usize),
    /// More of something than a limit allows.
    #[error("too many {0}")]
    TooMany(&'static str),
    /// Not strict CBOR.
    #[error("not strict CBOR: {0}")]
    Cbor(#[from] cbor::Error),
    /// A major version other than 1.
    #[error("an unknown major version")]
    Version,
    /// A member is missing or of the wrong type.
    #[error("{0}")]
    Structure(&'static str),
    /// A COSE structure is none.
    #[error("{member}: {error}")]
    Cose {
        /// Which one.
        member: &'static str,
        /// What is wrong with its shape.
        error: crate::cose::MessageError,
    },
}

impl<'a> DeviceResponse<'a> {
    /// Decodes `bytes` within `limits`. `indefinite` accepts CBOR containers of indefinite length.
    ///
    /// # Errors
    /// The first deviation from the syntax.
    pub fn decode(bytes: &'a [u8], limits: &Limits, indefinite: bool) -> Result<Self, ResponseError> {
        if bytes.len() > limits.message_bytes {
            return Err(ResponseError::TooLarge(bytes.len()));
        }
        let rules = limits.cbor_rules(indefinite);
        let response = Item::decode(bytes, &rules)?.as_map();
        let response = response.ok_or(ResponseError::Structure("the response is not a map"))?;
        let [version, status, documents, errors, zk, encrypted, other] = present(
            response,
            [
                "version",
                "status",
                "documents",
                "documentErrors",
                "zkDocuments",
                "encryptedDocuments",
                "otherDocuments",
            ],
        );
        let version = version.ok_or(ResponseError::Structure("the response has no version"))?;
        let version_minor = minor_version(version, "the version of the response is malformed")?;
        let status = status
            .ok_or(ResponseError::Structure("the response has no status"))?
            .as_u64();
        Ok(Self {
            version_minor,
            status: status.ok_or(ResponseError::Structure(
                "the status of the response is not a uint",
            ))?,
            documents: self::documents(documents, limits, &rules)?,
            document_errors: count(errors)?,
            unsupported: Unsupported {
                zk_documents: count(zk)?,
                encrypted_documents: count(encrypted)?,
                other_documents: count(other)?,
            },
        })
    }
}

fn documents<'a>(
    documents: Option<Item<'a>>,
    limits: &Limits,
    rules: &Rules,
) -> Result<Vec<Document<'a>>, ResponseError> {
    let Some(documents) = documents else {
        return Ok(Vec::new());
    };
    let documents = documents
        .as_array()
        .ok_or(ResponseError::Structure("documents is not an array"))?;
    if documents.len() > limits.documents {
        return Err(ResponseError::TooMany("documents"));
    }
    let mut decoded = Vec::with_capacity(documents.len());
    for document in documents.iter() {
        decoded.push(Document::decode(document, limits, rules)?);
    }
    Ok(decoded)
}

impl<'a> Document<'a> {
    fn decode(item: Item<'a>, limits: &Limits, rules: &Rules) -> Result<Self, ResponseError> {
        let document = item
            .as_map()
            .ok_or(ResponseError::Structure("a document is not a map"))?;
        let [doc_type, issuer_signed, device_signed] =
            present(document, ["docType", "issuerSigned", "deviceSigned"]);
        let doc_type = doc_type.ok_or(ResponseError::Structure("a document has no docType"))?;
        let issuer_signed =
            issuer_signed.ok_or(ResponseError::Structure("a document has no issuerSigned"))?;
        Ok(Self {
            doc_type: name(doc_type, "a docType is no text of fitting length")?,
            doc_type_encoded: doc_type.encoded(),
            issuer_signed: IssuerSigned::decode(issuer_signed, limits, rules)?,
            device_signed: DeviceSigned::decode(device_signed, limits, rules)?,
            encoded: item.encoded(),
        })
    }
}

/// The members under `keys`; null and undefined stand for a member left out.
fn present<'a, const N: usize>(map: Map<'a>, keys: [&str; N]) -> [Option<Item<'a>>; N] {
    map.get_texts(keys)
        .map(|member| member.filter(|item| !item.is_absent()))
}

fn name<'a>(item: Item<'a>, fault: &'static str) -> Result<&'a str, ResponseError> {
    let text = item
        .as_text()
        .filter(|text| !text.is_empty() && text.len() <= NAME_BYTES);
    text.ok_or(ResponseError::Structure(fault))
}

/// `"1.n"` gives n; the standard's version rule lets every minor version pass.
fn minor_version(item: Item<'_>, fault: &'static str) -> Result<u64, ResponseError> {
    let (major, minor) = parse_version(item).ok_or(ResponseError::Structure(fault))?;
    if major == 1 {
        Ok(minor)
    } else {
        Err(ResponseError::Version)
    }
}

fn parse_version(item: Item<'_>) -> Option<(u64, u64)> {
    let (major, minor) = item.as_text()?.split_once('.')?;
    Some((decimal(major)?, decimal(minor)?))
}

fn decimal(text: &str) -> Option<u64> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// The length of an array member that is not looked into.
fn count(item: Option<Item<'_>>) -> Result<usize, ResponseError> {
    let Some(item) = item else { return Ok(0) };
    let array = item
        .as_array()
        .ok_or(ResponseError::Structure("a list of documents is not an array"))?;
    Ok(array.len())
}
