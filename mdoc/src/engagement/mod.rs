//! Device engagement (18013-5 §8.2): what a phone tells before anything is encrypted.

pub(crate) mod base64url;
mod method;

pub use base64url::Base64urlError;
pub use method::{
    BleCentralClient, BleOptions, BlePeripheralServer, MethodError, NfcOptions, RetrievalMethod,
    WifiAwareOptions,
};

use core::fmt;

use crate::cbor::{self, Item, Map, Rules};
use crate::cose;
use crate::crypto::PublicKey;
use crate::limits::NAME_BYTES;
use crate::version::{Version, VersionError};

const VERSION: i64 = 0;
const SECURITY: i64 = 1;
const RETRIEVAL_METHODS: i64 = 2;
const ORIGIN_INFOS: i64 = 5;
const CAPABILITIES: i64 = 6;

/// The one cipher suite there is: ECDH, HKDF-SHA-256, AES-256-GCM.
const CIPHER_SUITE: u64 = 1;

/// A phone's engagement.
///
/// ```cddl
/// DeviceEngagement = { 0: tstr, 1: [ 1, EDeviceKeyBytes ], ? 2: [ + DeviceRetrievalMethod ],
///                      ? 5: [ * OriginInfo ], ? 6: Capabilities, * int => any }
/// ```
///
/// Server retrieval (key 3) and protocol information (key 4) are ignored, and so is every key that is
/// not known. Keys 5 and 6 are read from version 1.1 on: phones of version 1.0 put other things there.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceEngagement {
    encoded: Vec<u8>,
    version: Version,
    e_device_key: PublicKey,
    e_device_key_bytes: Vec<u8>,
    retrieval_methods: Vec<RetrievalMethod>,
    origin_infos: Vec<OriginInfo>,
    capabilities: Option<Capabilities>,
}

impl DeviceEngagement {
    /// The most characters of a QR code's text. A QR code holds at most 4,296.
    pub const MAX_URI_LEN: usize = 4096;
    /// The most bytes of an encoded engagement.
    pub const MAX_LEN: usize = 16 * 1024;
    const MAX_ORIGIN_INFOS: usize = 16;

    /// Reads the text of a QR code: `mdoc:` and base64url without padding.
    ///
    /// The text is taken as it is: what a scanner puts around it is the caller's to remove.
    ///
    /// # Errors
    /// [`EngagementError`].
    pub fn from_uri(text: &str) -> Result<Self, EngagementError> {
        if text.len() > Self::MAX_URI_LEN {
            return Err(EngagementError::TooLarge);
        }
        let body = text
            .split_once(':')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("mdoc"))
            .map(|(_, body)| body)
            .ok_or(EngagementError::Scheme)?;
        if body.starts_with("//") {
            return Err(EngagementError::ReverseEngagement);
        }
        Self::from_bytes(&base64url::decode(body).map_err(EngagementError::Base64url)?)
    }

    /// Reads an encoded DeviceEngagement, without tag 24.
    ///
    /// # Errors
    /// [`EngagementError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EngagementError> {
        if bytes.len() > Self::MAX_LEN {
            return Err(EngagementError::TooLarge);
        }
        let item = Item::decode(bytes, &Rules::default()).map_err(EngagementError::Cbor)?;
        let map = item.as_map().ok_or(EngagementError::NotAMap)?;
        if map.iter().any(|(key, _)| !is_integer(key)) {
            return Err(EngagementError::Key);
        }
        let version = map.get_int(VERSION).ok_or(EngagementError::VersionMissing)?;
        let version = Version::decode(version).map_err(EngagementError::Version)?;
        let security = map.get_int(SECURITY).ok_or(EngagementError::Security)?;
        let (e_device_key, e_device_key_bytes) = decode_security(security)?;
        let retrieval_methods = match map.get_int(RETRIEVAL_METHODS) {
            Some(methods) => method::decode_all(methods).map_err(EngagementError::RetrievalMethod)?,
            None => Vec::new(),
        };
        let (origin_infos, capabilities) = if version >= Version::V1_1 {
            (decode_origin_infos(map)?, decode_capabilities(map)?)
        } else {
            (Vec::new(), None)
        };
        Ok(Self {
            encoded: bytes.to_vec(),
            version,
            e_device_key,
            e_device_key_bytes,
            retrieval_methods,
            origin_infos,
            capabilities,
        })
    }

    /// The bytes as received, which the session transcript is made of.
    pub fn as_bytes(&self) -> &[u8] {
        &self.encoded
    }

    /// The version: 1.1 when the phone follows the second edition.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The phone's ephemeral key. Its curve is the one that the reader must use too.
    pub const fn e_device_key(&self) -> &PublicKey {
        &self.e_device_key
    }

    /// EDeviceKeyBytes as received, tag 24 included.
    pub fn e_device_key_bytes(&self) -> &[u8] {
        &self.e_device_key_bytes
    }

    /// The ways that the phone offers to move data, in its order, as far as they are known here. With
    /// NFC engagement they are those of the handover messages.
    pub fn retrieval_methods(&self) -> &[RetrievalMethod] {
        &self.retrieval_methods
    }

    /// The same engagement, with the retrieval methods that an NFC handover came to. The bytes stay as received.
    #[must_use]
    pub(crate) fn with_carriers(mut self, carriers: Vec<RetrievalMethod>) -> Self {
        self.retrieval_methods = carriers;
        self
    }

    /// Where the engagement came from (version 1.1).
    pub fn origin_infos(&self) -> &[OriginInfo] {
        &self.origin_infos
    }

    /// What the phone says it can do (version 1.1).
    pub const fn capabilities(&self) -> Option<Capabilities> {
        self.capabilities
    }
}

/// Says only the version and the number of methods: keys and addresses would tell phones apart.
impl fmt::Debug for DeviceEngagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceEngagement")
            .field("version", &self.version)
            .field("retrieval_methods", &self.retrieval_methods.len())
            .finish_non_exhaustive()
    }
}

/// Where an engagement came from: `{ "cat": uint, "type": uint, "details": { * tstr => any } }`.
#[derive(Clone, PartialEq, Eq)]
pub struct OriginInfo {
    /// The category, `cat`.
    pub category: u64,
    /// The type within the category, `type`.
    pub origin_type: u64,
    /// For a web origin (category 1, type 1) the `domain` of the details.
    pub domain: Option<String>,
}

/// Says only the numbers: the domain is content.
impl fmt::Debug for OriginInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginInfo")
            .field("category", &self.category)
            .field("origin_type", &self.origin_type)
            .finish_non_exhaustive()
    }
}

/// What a phone of version 1.1 says it can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Session establishment inside the NFC handover (key 2).
    pub handover_session_establishment: bool,
    /// One reader authentication over the whole request (key 3).
    pub reader_auth_all: bool,
    /// The second edition's members of a request (key 4).
    pub extended_request: bool,
}

/// Why text or bytes are no engagement that a session can start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngagementError {
    /// More than [`DeviceEngagement::MAX_URI_LEN`] or [`DeviceEngagement::MAX_LEN`].
    #[error("an engagement that is too large")]
    TooLarge,
    /// The text does not start with `mdoc:`.
    #[error("not the text of an mdoc engagement")]
    Scheme,
    /// `mdoc://` starts a website's flow (ISO/IEC TS 18013-7), not a session at a counter.
    #[error("an mdoc:// link of a website, not an engagement")]
    ReverseEngagement,
    /// The text after `mdoc:` is no strict base64url.
    #[error("the engagement's base64url has {0}")]
    Base64url(Base64urlError),
    /// Not one item of strict CBOR.
    #[error("an engagement that is no strict CBOR: {0}")]
    Cbor(cbor::Error),
    /// Not a map.
    #[error("an engagement that is not a map")]
    NotAMap,
    /// A key that is not an integer.
    #[error("an engagement with a key that is not an integer")]
    Key,
    /// No version.
    #[error("an engagement without a version")]
    VersionMissing,
    /// A version that cannot be gone on with.
    #[error("an engagement with {0}")]
    Version(VersionError),
    /// Security is missing or not an array of a cipher suite and EDeviceKeyBytes.
    #[error("an engagement whose security is missing or malformed")]
    Security,
    /// A cipher suite other than 1.
    #[error("an engagement with an unknown cipher suite")]
    CipherSuite,
    /// The content of EDeviceKeyBytes is not one item of strict CBOR.
    #[error("an engagement whose key is no strict CBOR: {0}")]
    EDeviceKeyCbor(cbor::Error),
    /// EDeviceKey is no valid public key.
    #[error("an engagement with {0}")]
    EDeviceKey(cose::KeyFormatError),
    /// The list of retrieval methods or one of a known type is malformed.
    #[error("an engagement with {0}")]
    RetrievalMethod(MethodError),
    /// The list of origins is malformed (version 1.1).
    #[error("an engagement whose origins are malformed")]
    OriginInfos,
    /// The capabilities are malformed (version 1.1).
    #[error("an engagement whose capabilities are malformed")]
    Capabilities,
}

fn decode_security(item: Item<'_>) -> Result<(PublicKey, Vec<u8>), EngagementError> {
    let [cipher_suite, key_bytes] = item
        .as_array()
        .and_then(cbor::Array::exactly)
        .ok_or(EngagementError::Security)?;
    if !is_integer(cipher_suite) {
        return Err(EngagementError::Security);
    }
    if cipher_suite.as_u64() != Some(CIPHER_SUITE) {
        return Err(EngagementError::CipherSuite);
    }
    let key = key_bytes
        .embedded(&Rules::default())
        .map_err(EngagementError::EDeviceKeyCbor)?
        .ok_or(EngagementError::Security)?;
    let key = cose::decode_key(key).map_err(EngagementError::EDeviceKey)?;
    Ok((key, key_bytes.encoded().to_vec()))
}

fn decode_origin_infos(map: Map<'_>) -> Result<Vec<OriginInfo>, EngagementError> {
    let Some(item) = map.get_int(ORIGIN_INFOS) else {
        return Ok(Vec::new());
    };
    item.as_array()
        .filter(|infos| infos.len() <= DeviceEngagement::MAX_ORIGIN_INFOS)
        .and_then(|infos| infos.iter().map(decode_origin_info).collect())
        .ok_or(EngagementError::OriginInfos)
}

fn decode_origin_info(item: Item<'_>) -> Option<OriginInfo> {
    let map = item.as_map()?;
    let category = map.get_text("cat")?.as_u64()?;
    let origin_type = map.get_text("type")?.as_u64()?;
    let details = map.get_text("details")?.as_map()?;
    let domain = if (category, origin_type) == (1, 1) {
        let domain = details.get_text("domain")?.as_text()?;
        if domain.len() > NAME_BYTES {
            return None;
        }
        Some(domain.to_owned())
    } else {
        None
    };
    Some(OriginInfo {
        category,
        origin_type,
        domain,
    })
}

fn decode_capabilities(map: Map<'_>) -> Result<Option<Capabilities>, EngagementError> {
    let Some(item) = map.get_int(CAPABILITIES) else {
        return Ok(None);
    };
    let map = item.as_map().ok_or(EngagementError::Capabilities)?;
    if map.iter().any(|(key, _)| !is_integer(key)) {
        return Err(EngagementError::Capabilities);
    }
    // A capability is there with the value true, or it is left out.
    let has = |key| match map.get_int(key).map(Item::as_bool) {
        None => Ok(false),
        Some(Some(true)) => Ok(true),
        Some(_) => Err(EngagementError::Capabilities),
    };
    Ok(Some(Capabilities {
        handover_session_establishment: has(2)?,
        reader_auth_all: has(3)?,
        extended_request: has(4)?,
    }))
}

fn is_integer(item: Item<'_>) -> bool {
    matches!(item.kind(), cbor::Kind::Unsigned | cbor::Kind::Negative)
}

#[cfg(test)]
mod tests;
