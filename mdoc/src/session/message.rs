//! SessionEstablishment and SessionData (18013-5 §9.1.1.4).

use crate::cbor::{self, Item, Map, Rules, write};
use crate::cose;
use crate::crypto::PublicKey;

/// The reader's first message.
///
/// ```cddl
/// SessionEstablishment = { "eReaderKey": #6.24(bstr .cbor COSE_Key), "data": bstr }
/// ```
///
/// Members of other names are ignored (the second edition knows `seq`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionEstablishment {
    /// The encoded COSE_Key as received, without tag 24: the session transcript is made of it.
    pub e_reader_key: Vec<u8>,
    /// The encrypted DeviceRequest.
    pub data: Vec<u8>,
}

/// Every other message, in both directions: encrypted data, a status, or both.
///
/// ```cddl
/// SessionData = { ? "data": bstr, ? "status": uint }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionData {
    data: Option<Vec<u8>>,
    status: Option<Status>,
}

/// The status of a [`SessionData`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 10: the sender could not derive the keys or decrypt.
    EncryptionError,
    /// 11: the sender could not decode.
    DecodingError,
    /// 20: the sender ends the session.
    Termination,
    /// Any other value. It ends the session too.
    Unknown(u64),
}

/// Why bytes are no session message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// More bytes than the session allows.
    #[error("a session message that is too large")]
    TooLarge,
    /// Not one item of strict CBOR; also for the content of EReaderKeyBytes.
    #[error("a session message that is no strict CBOR: {0}")]
    Cbor(cbor::Error),
    /// Not a map with text keys.
    #[error("a session message that is no map with text keys")]
    NotAMap,
    /// `eReaderKey` is missing or not a byte string under tag 24.
    #[error("a session establishment whose key is missing or malformed")]
    EReaderKeyBytes,
    /// EReaderKey is no valid public key.
    #[error("a session establishment with {0}")]
    EReaderKey(cose::KeyFormatError),
    /// `data` is missing where it must be, or no byte string.
    #[error("a session message whose data is missing or malformed")]
    Data,
    /// `status` is no unsigned integer.
    #[error("a session message whose status is malformed")]
    Status,
    /// Neither data nor a status.
    #[error("a session message with neither data nor a status")]
    Empty,
    /// A SessionEstablishment where a SessionData is due.
    #[error("a second session establishment")]
    Establishment,
    /// A SessionData before the SessionEstablishment was sent.
    #[error("session data before the session establishment")]
    TooEarly,
}

impl SessionEstablishment {
    /// Reads an encoded SessionEstablishment of at most `max_len` bytes.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn decode(bytes: &[u8], max_len: usize) -> Result<Self, MessageError> {
        let map = decode_map(bytes, max_len)?;
        let key = map
            .get_text("eReaderKey")
            .ok_or(MessageError::EReaderKeyBytes)?
            .embedded(&Rules::default())
            .map_err(MessageError::Cbor)?
            .ok_or(MessageError::EReaderKeyBytes)?;
        cose::decode_key(key).map_err(MessageError::EReaderKey)?;
        Ok(Self {
            e_reader_key: key.encoded().to_vec(),
            data: data(map)?.ok_or(MessageError::Data)?,
        })
    }

    /// The encoding, members in the order of the standard.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.e_reader_key.len() + self.data.len() + 40);
        write::map(&mut out, 2);
        write::text(&mut out, "eReaderKey");
        write::embedded(&mut out, &self.e_reader_key);
        write::text(&mut out, "data");
        write::bytes(&mut out, &self.data);
        out
    }

    /// The reader's ephemeral public key.
    ///
    /// # Errors
    /// [`MessageError`]; never for a message that was decoded.
    pub fn public_key(&self) -> Result<PublicKey, MessageError> {
        let key = Item::decode(&self.e_reader_key, &Rules::default()).map_err(MessageError::Cbor)?;
        cose::decode_key(key).map_err(MessageError::EReaderKey)
    }
}

impl SessionData {
    /// A message with encrypted data, and perhaps a status.
    pub const fn with_data(data: Vec<u8>, status: Option<Status>) -> Self {
        Self {
            data: Some(data),
            status,
        }
    }

    /// A message with a status alone. It counts as no encrypted message.
    pub const fn with_status(status: Status) -> Self {
        Self {
            data: None,
            status: Some(status),
        }
    }

    /// Reads an encoded SessionData of at most `max_len` bytes.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn decode(bytes: &[u8], max_len: usize) -> Result<Self, MessageError> {
        let map = decode_map(bytes, max_len)?;
        if map.get_text("eReaderKey").is_some() {
            return Err(MessageError::Establishment);
        }
        let data = data(map)?;
        let status = match map.get_text("status") {
            None => None,
            Some(item) => Some(Status::from_code(item.as_u64().ok_or(MessageError::Status)?)),
        };
        if data.is_none() && status.is_none() {
            return Err(MessageError::Empty);
        }
        Ok(Self { data, status })
    }

    /// The encoding, members in the order of the standard.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write::map(
            &mut out,
            usize::from(self.data.is_some()) + usize::from(self.status.is_some()),
        );
        if let Some(data) = &self.data {
            write::text(&mut out, "data");
            write::bytes(&mut out, data);
        }
        if let Some(status) = self.status {
            write::text(&mut out, "status");
            write::unsigned(&mut out, status.code());
        }
        out
    }

    /// The encrypted data.
    pub fn data(&self) -> Option<&[u8]> {
        self.data.as_deref()
    }

    /// The status.
    pub const fn status(&self) -> Option<Status> {
        self.status
    }
}

impl Status {
    /// The status of this value.
    pub const fn from_code(code: u64) -> Self {
        match code {
            10 => Self::EncryptionError,
            11 => Self::DecodingError,
            20 => Self::Termination,
            unknown => Self::Unknown(unknown),
        }
    }

    /// The value on the wire.
    pub const fn code(self) -> u64 {
        match self {
            Self::EncryptionError => 10,
            Self::DecodingError => 11,
            Self::Termination => 20,
            Self::Unknown(code) => code,
        }
    }
}

fn decode_map(bytes: &[u8], max_len: usize) -> Result<Map<'_>, MessageError> {
    if bytes.len() > max_len {
        return Err(MessageError::TooLarge);
    }
    Item::decode(bytes, &Rules::default())
        .map_err(MessageError::Cbor)?
        .as_map()
        .filter(|map| map.iter().all(|(key, _)| key.as_text().is_some()))
        .ok_or(MessageError::NotAMap)
}

fn data(map: Map<'_>) -> Result<Option<Vec<u8>>, MessageError> {
    match map.get_text("data") {
        None => Ok(None),
        Some(item) => Ok(Some(item.as_bytes().ok_or(MessageError::Data)?.to_vec())),
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
