//! DeviceRequest (18013-5 §8.3.2.1.2.1): what is asked of a phone.

mod items;

pub use items::{ItemsRequest, RequestedElement, RequestedNameSpace};

use core::fmt;

use crate::cbor::{self, Item, Rules, write};
use crate::version::{Version, VersionError};

/// A request for one or more documents.
///
/// ```cddl
/// DeviceRequest = { "version": tstr, "docRequests": [ + DocRequest ] }
/// ```
///
/// Members of the second edition are not read, and not written: what is written is version 1.0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRequest {
    version: Version,
    doc_requests: Vec<DocRequest>,
}

/// A request for one document.
///
/// ```cddl
/// DocRequest = { "itemsRequest": #6.24(bstr .cbor ItemsRequest), ? "readerAuth": COSE_Sign1 }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DocRequest {
    items_request: ItemsRequest,
    reader_auth: Option<Vec<u8>>,
}

impl DeviceRequest {
    /// The most bytes of an encoded request.
    pub const MAX_LEN: usize = 256 * 1024;
    /// The most documents of a request.
    pub const MAX_DOC_REQUESTS: usize = 64;

    /// A request of version 1.0 for these documents, in this order.
    ///
    /// # Errors
    /// [`RequestError::DocRequests`] for no document or too many.
    pub fn new(doc_requests: Vec<DocRequest>) -> Result<Self, RequestError> {
        if (1..=Self::MAX_DOC_REQUESTS).contains(&doc_requests.len()) {
            Ok(Self {
                version: Version::V1_0,
                doc_requests,
            })
        } else {
            Err(RequestError::DocRequests)
        }
    }

    /// Reads an encoded DeviceRequest.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RequestError> {
        if bytes.len() > Self::MAX_LEN {
            return Err(RequestError::TooLarge);
        }
        let item = Item::decode(bytes, &Rules::default()).map_err(RequestError::Cbor)?;
        let map = item.as_map().ok_or(RequestError::NotAMap)?;
        let version = map.get_text("version").ok_or(RequestError::VersionMissing)?;
        let version = Version::decode(version).map_err(RequestError::Version)?;
        let doc_requests = map
            .get_text("docRequests")
            .and_then(Item::as_array)
            .filter(|requests| (1..=Self::MAX_DOC_REQUESTS).contains(&requests.len()))
            .ok_or(RequestError::DocRequests)?
            .iter()
            .map(DocRequest::decode)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            version,
            doc_requests,
        })
    }

    /// The encoding, version 1.0, members and documents in the order given.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write::map(&mut out, 2);
        write::text(&mut out, "version");
        write::text(&mut out, "1.0");
        write::text(&mut out, "docRequests");
        write::array(&mut out, self.doc_requests.len());
        for request in &self.doc_requests {
            request.encode(&mut out);
        }
        out
    }

    /// The version; a request that is made here has 1.0.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The documents asked for. One docType may be there more than once.
    pub fn doc_requests(&self) -> &[DocRequest] {
        &self.doc_requests
    }
}

impl DocRequest {
    /// A request without reader authentication.
    pub const fn new(items_request: ItemsRequest) -> Self {
        Self {
            items_request,
            reader_auth: None,
        }
    }

    /// What is asked for.
    pub const fn items_request(&self) -> &ItemsRequest {
        &self.items_request
    }

    /// The encoded `readerAuth` as received. Nothing is checked but that it is an array of four.
    pub fn reader_auth(&self) -> Option<&[u8]> {
        self.reader_auth.as_deref()
    }

    fn decode(item: Item<'_>) -> Result<Self, RequestError> {
        let map = item.as_map().ok_or(RequestError::DocRequest)?;
        let items_request = map
            .get_text("itemsRequest")
            .and_then(Item::as_embedded_bytes)
            .ok_or(RequestError::ItemsRequestBytes)?;
        let reader_auth = match map.get_text("readerAuth") {
            None => None,
            Some(item) if item.as_array().is_some_and(|array| array.len() == 4) => {
                Some(item.encoded().to_vec())
            }
            Some(_) => return Err(RequestError::ReaderAuth),
        };
        Ok(Self {
            items_request: ItemsRequest::decode(items_request)?,
            reader_auth,
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        write::map(out, if self.reader_auth.is_some() { 2 } else { 1 });
        write::text(out, "itemsRequest");
        write::embedded(out, self.items_request.as_bytes());
        if let Some(reader_auth) = &self.reader_auth {
            write::text(out, "readerAuth");
            out.extend_from_slice(reader_auth);
        }
    }
}

impl fmt::Debug for DocRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocRequest")
            .field("items_request", &self.items_request)
            .field("reader_auth", &self.reader_auth.is_some())
            .finish()
    }
}

/// Why a request cannot be made or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// More than [`DeviceRequest::MAX_LEN`] bytes.
    #[error("a request that is too large")]
    TooLarge,
    /// Not one item of strict CBOR.
    #[error("a request that is no strict CBOR: {0}")]
    Cbor(cbor::Error),
    /// Not a map.
    #[error("a request that is not a map")]
    NotAMap,
    /// No version.
    #[error("a request without a version")]
    VersionMissing,
    /// A version that cannot be gone on with.
    #[error("a request with {0}")]
    Version(VersionError),
    /// No documents, more than [`DeviceRequest::MAX_DOC_REQUESTS`], or not an array.
    #[error("a request whose documents are missing, malformed or too many")]
    DocRequests,
    /// An entry of the documents that is not a map.
    #[error("a malformed document request")]
    DocRequest,
    /// `itemsRequest` is missing or not a byte string under tag 24.
    #[error("a document request whose items are missing or malformed")]
    ItemsRequestBytes,
    /// `readerAuth` is not an array of four.
    #[error("a document request whose reader authentication is malformed")]
    ReaderAuth,
    /// The content of ItemsRequestBytes is not one item of strict CBOR.
    #[error("an items request that is no strict CBOR: {0}")]
    ItemsRequestCbor(cbor::Error),
    /// ItemsRequest is not a map.
    #[error("an items request that is not a map")]
    ItemsRequest,
    /// No docType, or an empty or overlong one.
    #[error("an items request without a document type")]
    DocType,
    /// No namespaces, too many, or a malformed one.
    #[error("an items request whose namespaces are missing, malformed or too many")]
    NameSpaces,
    /// A namespace without elements, with too many, or with a malformed one.
    #[error("an items request whose elements are missing, malformed or too many")]
    Elements,
    /// A namespace or an element of one namespace is named twice.
    #[error("an items request that names something twice")]
    Duplicate,
    /// `requestInfo` is not a map.
    #[error("an items request whose request information is malformed")]
    RequestInfo,
}

#[cfg(test)]
mod tests;
