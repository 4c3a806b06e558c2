//! DeviceRequest (18013-5 §8.3.2.1.2.1): what is asked of a phone.

mod info;
mod items;
mod reader_auth;

pub use info::{DeviceRequestInfo, UseCase};
pub use items::{ItemsRequest, RequestedElement, RequestedNameSpace};
pub use reader_auth::{ReaderIdentity, ReaderIdentityError, reader_authentication_bytes};

use core::fmt;

use crate::cbor::{self, Item, Map, Rules, write};
use crate::version::{Version, VersionError};

/// A request for one or more documents.
///
/// ```cddl
/// DeviceRequest = { "version": tstr, "docRequests": [ + DocRequest ],
///                   ? "deviceRequestInfo": #6.24(bstr .cbor DeviceRequestInfo),
///                   ? "readerAuthAll": [ + COSE_Sign1 ] }
/// ```
///
/// The last two are of version 1.1: in a request of version 1.0 they are not read, and what is written
/// with neither is of version 1.0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRequest {
    version: Version,
    doc_requests: Vec<DocRequest>,
    device_request_info: Option<DeviceRequestInfo>,
    reader_auth_all: Vec<Vec<u8>>,
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
    /// The most signatures over a whole request.
    pub const MAX_READER_AUTH_ALL: usize = 16;

    /// A request of version 1.0 for these documents, in this order.
    ///
    /// # Errors
    /// [`RequestError::DocRequests`] for no document or too many.
    pub fn new(doc_requests: Vec<DocRequest>) -> Result<Self, RequestError> {
        if (1..=Self::MAX_DOC_REQUESTS).contains(&doc_requests.len()) {
            Ok(Self {
                version: Version::V1_0,
                doc_requests,
                device_request_info: None,
                reader_auth_all: Vec::new(),
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
            .collect::<Result<Vec<_>, _>>()?;
        let mut request = Self {
            version,
            doc_requests,
            device_request_info: None,
            reader_auth_all: Vec::new(),
        };
        if version >= Version::V1_1 {
            request.decode_second_edition(map)?;
        }
        Ok(request)
    }

    fn decode_second_edition(&mut self, map: Map<'_>) -> Result<(), RequestError> {
        let [info, all] = map.get_texts(["deviceRequestInfo", "readerAuthAll"]);
        if let Some(info) = info {
            let bytes = info.as_embedded_bytes().ok_or(RequestError::DeviceRequestInfo)?;
            let info = DeviceRequestInfo::decode(bytes, self.doc_requests.len())?;
            self.device_request_info = Some(info);
        }
        if let Some(all) = all {
            let entries = all
                .as_array()
                .filter(|entries| (1..=Self::MAX_READER_AUTH_ALL).contains(&entries.len()))
                .ok_or(RequestError::ReaderAuthAll)?;
            for entry in entries.iter() {
                if entry.as_array().is_none_or(|array| array.len() != 4) {
                    return Err(RequestError::ReaderAuthAll);
                }
                self.reader_auth_all.push(entry.encoded().to_vec());
            }
        }
        Ok(())
    }

    /// Adds what holds for the whole request; the request is of version 1.1 then. Signatures that were
    /// made over the whole request before are dropped.
    #[must_use]
    pub fn with_device_request_info(mut self, info: DeviceRequestInfo) -> Self {
        self.version = Version::V1_1;
        self.device_request_info = Some(info);
        self.reader_auth_all.clear();
        self
    }

    fn add_reader_auth_all(&mut self, signature: Vec<u8>) {
        self.version = Version::V1_1;
        self.reader_auth_all.push(signature);
    }

    /// The encoding, members and documents in the order given.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let members = 2
            + usize::from(self.device_request_info.is_some())
            + usize::from(!self.reader_auth_all.is_empty());
        write::map(&mut out, members);
        write::text(&mut out, "version");
        write::text(&mut out, if members > 2 { "1.1" } else { "1.0" });
        write::text(&mut out, "docRequests");
        write::array(&mut out, self.doc_requests.len());
        for request in &self.doc_requests {
            request.encode(&mut out);
        }
        if let Some(info) = &self.device_request_info {
            write::text(&mut out, "deviceRequestInfo");
            write::embedded(&mut out, info.as_bytes());
        }
        if !self.reader_auth_all.is_empty() {
            write::text(&mut out, "readerAuthAll");
            write::array(&mut out, self.reader_auth_all.len());
            for signature in &self.reader_auth_all {
                out.extend_from_slice(signature);
            }
        }
        out
    }

    /// The version, as received or as it is written.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The documents asked for. One docType may be there more than once.
    pub fn doc_requests(&self) -> &[DocRequest] {
        &self.doc_requests
    }

    /// What holds for the whole request (version 1.1).
    pub const fn device_request_info(&self) -> Option<&DeviceRequestInfo> {
        self.device_request_info.as_ref()
    }

    /// The encoded entries of `readerAuthAll` (version 1.1). Nothing is checked but that each is an
    /// array of four.
    pub fn reader_auth_all(&self) -> &[Vec<u8>] {
        &self.reader_auth_all
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
    /// `readerAuthAll` is no array of arrays of four, empty or too long (version 1.1).
    #[error("a request whose signatures over the whole are malformed")]
    ReaderAuthAll,
    /// `deviceRequestInfo` is malformed or names documents that are not asked for (version 1.1).
    #[error("a request whose information is malformed")]
    DeviceRequestInfo,
    /// The content of DeviceRequestInfoBytes is not one item of strict CBOR (version 1.1).
    #[error("a request whose information is no strict CBOR: {0}")]
    DeviceRequestInfoCbor(cbor::Error),
    /// `requestInfo` is not a map.
    #[error("an items request whose request information is malformed")]
    RequestInfo,
}

#[cfg(test)]
mod tests;
