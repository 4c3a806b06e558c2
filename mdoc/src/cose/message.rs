//! COSE_Sign1 and COSE_Mac0: arrays of four of one shape. Which it is, the place says.

use core::fmt;

use crate::cbor::{self, Item, Rules, write};
use crate::crypto::{PublicKey, SignatureAlgorithm, SignatureError, hmac_sha256_verify};

use super::Headers;

/// The most slices that a payload is spliced from.
const MAX_PAYLOAD_PARTS: usize = 10;

/// The head of the array of four and the context of a signature (RFC 9052 §4.4).
const SIGNATURE_CONTEXT: &[u8] = b"\x84\x6aSignature1";

/// `[ protected: bstr, unprotected: map, payload: bstr / nil, signature or tag: bstr ]`, untagged.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    protected: &'a [u8],
    headers: Headers<'a>,
    payload: Option<&'a [u8]>,
    authenticator: &'a [u8],
}

/// Why an item is not of the shape of a COSE message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Not an array of four.
    #[error("not an array of four")]
    Shape,
    /// The protected header is not a byte string.
    #[error("the protected header is not a byte string")]
    ProtectedType,
    /// The protected header is not exactly one map.
    #[error("the protected header is not one map: {0}")]
    Protected(cbor::Error),
    /// The protected header holds something else than a map.
    #[error("the protected header is not a map")]
    ProtectedNotAMap,
    /// The unprotected header is not a map.
    #[error("the unprotected header is not a map")]
    Unprotected,
    /// The payload is neither a byte string nor nil.
    #[error("the payload is neither a byte string nor nil")]
    Payload,
    /// The signature or tag is not a byte string.
    #[error("the signature is not a byte string")]
    Authenticator,
}

/// A payload given in more slices than can be spliced: a fault of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a payload of too many slices")]
pub struct SpliceError;

/// Says how long its parts are: payloads and signatures tell holders apart.
impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let payload = self.payload.map_or(0, <[u8]>::len);
        write!(
            f,
            "Message({payload} bytes of payload, {} of signature)",
            self.authenticator.len()
        )
    }
}

impl<'a> Message<'a> {
    /// Reads the shape; judges no header.
    ///
    /// # Errors
    /// Another shape.
    pub fn decode(item: Item<'a>, rules: &Rules) -> Result<Self, MessageError> {
        let parts = item
            .as_array()
            .and_then(|array| array.exactly::<4>())
            .ok_or(MessageError::Shape)?;
        let [protected, unprotected, payload, authenticator] = parts;
        let protected = protected.as_bytes().ok_or(MessageError::ProtectedType)?;
        if unprotected.as_map().is_none() {
            return Err(MessageError::Unprotected);
        }
        let headers = Headers::new(protected_map(protected, rules)?, unprotected);
        // `undefined` stands for nil in the field.
        let payload = match payload.as_bytes() {
            None if !payload.is_absent() => return Err(MessageError::Payload),
            payload => payload,
        };
        let authenticator = authenticator.as_bytes().ok_or(MessageError::Authenticator)?;
        Ok(Self {
            protected,
            headers,
            payload,
            authenticator,
        })
    }

    /// Both headers.
    pub const fn headers(&self) -> &Headers<'a> {
        &self.headers
    }

    /// The payload; `None` where it is detached.
    pub const fn payload(&self) -> Option<&'a [u8]> {
        self.payload
    }

    /// The signature or the MAC tag.
    pub const fn authenticator(&self) -> &'a [u8] {
        self.authenticator
    }

    /// Verifies the signature of a COSE_Sign1 over the payload that is the concatenation of
    /// `payload`, with empty external data (RFC 9052 §4.4).
    ///
    /// # Errors
    /// The signature does not hold.
    pub fn verify_signature(
        &self,
        algorithm: SignatureAlgorithm,
        key: &PublicKey,
        payload: &[&[u8]],
    ) -> Result<(), SignatureError> {
        self.splice(SIGNATURE_CONTEXT, payload, |parts| {
            key.verify(algorithm.hash(), parts, self.authenticator)
        })
        .unwrap_or(Err(SignatureError::Malformed))
    }

    /// The bytes that the signature of a COSE_Sign1 with this payload is over (RFC 9052 §4.4), for
    /// a message that is checked after it is gone.
    pub fn signed_bytes(&self, payload: &[u8]) -> Vec<u8> {
        self.splice(SIGNATURE_CONTEXT, &[payload], |parts| parts.concat())
            .unwrap_or_default()
    }

    /// Whether the tag of a COSE_Mac0 is the HMAC-SHA-256 under `key` over the payload that is the
    /// concatenation of `payload` (RFC 9052 §6.3). Compared in constant time, at full length.
    pub fn verify_mac(&self, key: &[u8; 32], payload: &[&[u8]]) -> bool {
        self.splice(b"\x84\x64MAC0", payload, |parts| {
            hmac_sha256_verify(key, parts, self.authenticator)
        })
        .unwrap_or(false)
    }

    /// Calls `use_parts` with the slices of `[ context, protected, h'', payload ]`, whose first
    /// slice is the head of the array and the context string.
    fn splice<T>(
        &self,
        context: &[u8],
        payload: &[&[u8]],
        use_parts: impl FnOnce(&[&[u8]]) -> T,
    ) -> Result<T, SpliceError> {
        let protected_head = write::bytes_head(self.protected.len());
        let payload_head = write::bytes_head(payload.iter().map(|part| part.len()).sum());
        let mut parts: [&[u8]; MAX_PAYLOAD_PARTS + 5] = [&[]; MAX_PAYLOAD_PARTS + 5];
        let front = [
            context,
            protected_head.as_slice(),
            self.protected,
            &[0x40],
            payload_head.as_slice(),
        ];
        let count = front.len() + payload.len();
        let used = parts.get_mut(..count).ok_or(SpliceError)?;
        for (slot, part) in used
            .iter_mut()
            .zip(front.into_iter().chain(payload.iter().copied()))
        {
            *slot = part;
        }
        Ok(use_parts(used))
    }
}

fn protected_map<'a>(content: &'a [u8], rules: &Rules) -> Result<Option<Item<'a>>, MessageError> {
    if content.is_empty() {
        return Ok(None);
    }
    let item = Item::decode(content, rules).map_err(MessageError::Protected)?;
    if item.as_map().is_none() {
        return Err(MessageError::ProtectedNotAMap);
    }
    Ok(Some(item))
}
