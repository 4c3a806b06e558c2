//! SessionEstablishment and SessionData (ISO/IEC 18013-5 §9.1.1.4).

use crate::cbor::{self, Item, write};
use crate::limits::Limits;

/// A status in SessionData.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStatus {
    /// 10: the other side could not decrypt.
    EncryptionError,
    /// 11: the other side could not decode.
    DecodingError,
    /// 20: the session ends.
    Termination,
    /// Any other: the session ends with an error.
    Unknown(u64),
}

impl SessionStatus {
    /// The status with this number.
    pub const fn from_code(code: u64) -> Self {
        match code {
            10 => Self::EncryptionError,
            11 => Self::DecodingError,
            20 => Self::Termination,
            other => Self::Unknown(other),
        }
    }

    /// The number on the wire.
    pub const fn code(self) -> u64 {
        match self {
            Self::EncryptionError => 10,
            Self::DecodingError => 11,
            Self::Termination => 20,
            Self::Unknown(other) => other,
        }
    }
}

/// `SessionData = { ? "data": bstr, ? "status": uint }`, at least one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionData<'a> {
    /// An encrypted message.
    pub data: Option<&'a [u8]>,
    /// A status.
    pub status: Option<SessionStatus>,
}

/// Why bytes are no SessionData.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionDataError {
    /// Over the limit of a message.
    #[error("a session message of {0} bytes is over the limit")]
    TooLarge(usize),
    /// Not strict CBOR.
    #[error("a session message is not strict CBOR: {0}")]
    Cbor(#[from] cbor::Error),
    /// Not a map, or a member of the wrong type.
    #[error("a session message is malformed")]
    Structure,
    /// Neither data nor status.
    #[error("a session message is empty")]
    Empty,
}

impl<'a> SessionData<'a> {
    /// Decodes a message.
    ///
    /// # Errors
    /// [`SessionDataError`].
    pub fn decode(bytes: &'a [u8], limits: &Limits) -> Result<Self, SessionDataError> {
        // The CBOR head and the names around the encrypted message take less than 64 bytes.
        if bytes.len() > limits.message_bytes.saturating_add(64) {
            return Err(SessionDataError::TooLarge(bytes.len()));
        }
        let map = Item::decode(bytes, &limits.cbor_rules(false))?.as_map();
        let map = map.ok_or(SessionDataError::Structure)?;
        let data = match map.get_text("data") {
            Some(data) => Some(data.as_bytes().ok_or(SessionDataError::Structure)?),
            None => None,
        };
        let status = match map.get_text("status") {
            Some(status) => Some(status.as_u64().ok_or(SessionDataError::Structure)?),
            None => None,
        };
        if data.is_none() && status.is_none() {
            return Err(SessionDataError::Empty);
        }
        Ok(Self {
            data,
            status: status.map(SessionStatus::from_code),
        })
    }

    /// Encodes the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32 + self.data.map_or(0, <[u8]>::len));
        write::map(
            &mut out,
            usize::from(self.data.is_some()) + usize::from(self.status.is_some()),
        );
        if let Some(data) = self.data {
            write::text(&mut out, "data");
            write::bytes(&mut out, data);
        }
        if let Some(status) = self.status {
            write::text(&mut out, "status");
            write::unsigned(&mut out, status.code());
        }
        out
    }
}

/// `SessionEstablishment = { "eReaderKey": EReaderKeyBytes, "data": bstr }`
pub fn encode_establishment(e_reader_key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(e_reader_key.len() + data.len() + 48);
    write::map(&mut out, 2);
    write::text(&mut out, "eReaderKey");
    write::embedded(&mut out, e_reader_key);
    write::text(&mut out, "data");
    write::bytes(&mut out, data);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(hex_text: &str) -> Result<(Option<usize>, Option<u64>), SessionDataError> {
        let bytes = hex::decode(hex_text).unwrap();
        let data = SessionData::decode(&bytes, &Limits::default())?;
        Ok((data.data.map(<[u8]>::len), data.status.map(SessionStatus::code)))
    }

    #[test]
    fn data_and_status_are_read_alone_and_together() {
        assert_eq!(
            decode("a16673746174757314"),
            Ok((None, Some(20))),
            "the termination of Annex D"
        );
        assert_eq!(decode("a164646174614101"), Ok((Some(1), None)));
        assert_eq!(
            decode("a26464617461410166737461747573 0a".replace(' ', "").as_str()),
            Ok((Some(1), Some(10)))
        );
        assert_eq!(decode("a166737461747573187b"), Ok((None, Some(123))));
        let end = SessionData {
            data: None,
            status: Some(SessionStatus::Termination),
        };
        assert_eq!(hex::encode(end.encode()), "a16673746174757314");
    }

    #[test]
    fn malformed_messages_are_named() {
        assert_eq!(decode("a0"), Err(SessionDataError::Empty));
        assert_eq!(decode("80"), Err(SessionDataError::Structure));
        assert_eq!(decode("a1646461746101"), Err(SessionDataError::Structure));
        assert_eq!(decode("a166737461747573f4"), Err(SessionDataError::Structure));
        assert!(matches!(decode("a1"), Err(SessionDataError::Cbor(_))));
        let limits = Limits {
            message_bytes: 8,
            ..Limits::default()
        };
        assert_eq!(
            SessionData::decode(&[0; 73], &limits),
            Err(SessionDataError::TooLarge(73))
        );
    }
}
