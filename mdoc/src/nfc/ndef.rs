//! NDEF messages and their records, as the NFC Data Exchange Format defines them; chunked records are refused.

use core::fmt;

/// The most bytes of a message: what the offsets of READ BINARY reach behind the file's two bytes of length.
pub const MAX_MESSAGE_LEN: usize = 0x7fff - 2;
/// The most records of a message. A handover has about six.
pub const MAX_RECORDS: usize = 64;

const MESSAGE_BEGIN: u8 = 0x80;
const MESSAGE_END: u8 = 0x40;
const CHUNK: u8 = 0x20;
const SHORT_RECORD: u8 = 0x10;
const ID_LENGTH: u8 = 0x08;
const FORMAT: u8 = 0x07;

/// What kind of name a record's type is (TNF).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeNameFormat {
    /// No type, id or payload.
    Empty,
    /// A type of the NFC Forum.
    WellKnown,
    /// A media type (RFC 2046).
    Media,
    /// An absolute URI.
    AbsoluteUri,
    /// An external type.
    External,
    /// A payload without a type.
    Unknown,
}

/// One record of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// What kind of name the type is.
    pub format: TypeNameFormat,
    /// The type.
    pub record_type: &'a [u8],
    /// The identifier, by which other records refer to it; empty where there is none.
    pub id: &'a [u8],
    /// The content.
    pub payload: &'a [u8],
}

impl Record<'_> {
    /// Whether it is of this type of the NFC Forum.
    pub fn is_well_known(&self, record_type: &[u8]) -> bool {
        self.format == TypeNameFormat::WellKnown && self.record_type == record_type
    }

    /// Whether it is of this external type.
    pub fn is_external(&self, record_type: &[u8]) -> bool {
        self.format == TypeNameFormat::External && self.record_type == record_type
    }

    /// Whether it is of this media type.
    pub fn is_media(&self, record_type: &[u8]) -> bool {
        self.format == TypeNameFormat::Media && self.record_type.eq_ignore_ascii_case(record_type)
    }
}

/// Says the format and the size: identifiers and payloads tell phones apart.
impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("format", &self.format)
            .field("payload_len", &self.payload.len())
            .finish_non_exhaustive()
    }
}

/// Why bytes are no NDEF message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NdefError {
    /// No bytes at all.
    #[error("an empty NDEF message")]
    Empty,
    /// More than [`MAX_MESSAGE_LEN`] bytes.
    #[error("an NDEF message that is too large")]
    TooLarge,
    /// More than [`MAX_RECORDS`] records.
    #[error("an NDEF message with too many records")]
    TooManyRecords,
    /// It ends inside a record.
    #[error("an NDEF message that ends inside a record")]
    Truncated,
    /// A record in chunks.
    #[error("an NDEF message with a chunked record")]
    Chunked,
    /// The first record does not begin the message, or a later one does.
    #[error("an NDEF message whose beginning is not marked once")]
    Begin,
    /// Bytes behind the record that ends the message, or no record that does.
    #[error("an NDEF message whose end is not marked once")]
    End,
    /// A reserved format, or one that only the chunks of a record have.
    #[error("an NDEF record of an unknown format")]
    Format,
    /// A record whose format goes without a type and that has one, or the other way round; an empty one with content.
    #[error("an NDEF record whose type does not go with its format")]
    Type,
}

/// Reads a message that fills `message`.
///
/// # Errors
/// [`NdefError`].
pub fn decode(message: &[u8]) -> Result<Vec<Record<'_>>, NdefError> {
    if message.is_empty() {
        return Err(NdefError::Empty);
    }
    if message.len() > MAX_MESSAGE_LEN {
        return Err(NdefError::TooLarge);
    }
    let mut records = Vec::new();
    let mut rest = message;
    loop {
        if records.len() == MAX_RECORDS {
            return Err(NdefError::TooManyRecords);
        }
        let (flags, record) = decode_record(&mut rest)?;
        if (flags & MESSAGE_BEGIN != 0) != records.is_empty() {
            return Err(NdefError::Begin);
        }
        records.push(record);
        match (flags & MESSAGE_END != 0, rest.is_empty()) {
            (true, true) => return Ok(records),
            (false, false) => {}
            _ => return Err(NdefError::End),
        }
    }
}

/// Writes a message of these records, each in its shortest form.
///
/// Types and identifiers longer than 255 bytes have no form; they are cut, and no caller here has such.
pub fn encode(records: &[Record<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let (record_type, type_len) = short(record.record_type);
        let (id, id_len) = short(record.id);
        let payload_len = u32::try_from(record.payload.len()).unwrap_or(u32::MAX);
        let [.., last] = payload_len.to_be_bytes();
        let is_short = payload_len <= 0xff;
        let mut flags = format_bits(record.format);
        for (is_set, flag) in [
            (index == 0, MESSAGE_BEGIN),
            (index + 1 == records.len(), MESSAGE_END),
            (is_short, SHORT_RECORD),
            (id_len > 0, ID_LENGTH),
        ] {
            flags |= if is_set { flag } else { 0 };
        }
        out.extend_from_slice(&[flags, type_len]);
        if is_short {
            out.push(last);
        } else {
            out.extend_from_slice(&payload_len.to_be_bytes());
        }
        if id_len > 0 {
            out.push(id_len);
        }
        for part in [record_type, id, record.payload] {
            out.extend_from_slice(part);
        }
    }
    out
}

fn decode_record<'a>(rest: &mut &'a [u8]) -> Result<(u8, Record<'a>), NdefError> {
    let flags = take_byte(rest)?;
    if flags & CHUNK != 0 {
        return Err(NdefError::Chunked);
    }
    let format = format_of(flags & FORMAT).ok_or(NdefError::Format)?;
    let type_len = usize::from(take_byte(rest)?);
    let payload_len = if flags & SHORT_RECORD != 0 {
        usize::from(take_byte(rest)?)
    } else {
        let length = take(rest, 4)?
            .iter()
            .fold(0_u32, |length, byte| length << 8 | u32::from(*byte));
        usize::try_from(length).map_err(|_| NdefError::Truncated)?
    };
    let id_len = if flags & ID_LENGTH != 0 {
        usize::from(take_byte(rest)?)
    } else {
        0
    };
    let record = Record {
        format,
        record_type: take(rest, type_len)?,
        id: take(rest, id_len)?,
        payload: take(rest, payload_len)?,
    };
    let is_sound = match format {
        TypeNameFormat::Empty => type_len == 0 && id_len == 0 && payload_len == 0,
        TypeNameFormat::Unknown => type_len == 0,
        _ => type_len > 0,
    };
    if is_sound {
        Ok((flags, record))
    } else {
        Err(NdefError::Type)
    }
}

const fn format_of(bits: u8) -> Option<TypeNameFormat> {
    Some(match bits {
        0 => TypeNameFormat::Empty,
        1 => TypeNameFormat::WellKnown,
        2 => TypeNameFormat::Media,
        3 => TypeNameFormat::AbsoluteUri,
        4 => TypeNameFormat::External,
        5 => TypeNameFormat::Unknown,
        _ => return None,
    })
}

const fn format_bits(format: TypeNameFormat) -> u8 {
    match format {
        TypeNameFormat::Empty => 0,
        TypeNameFormat::WellKnown => 1,
        TypeNameFormat::Media => 2,
        TypeNameFormat::AbsoluteUri => 3,
        TypeNameFormat::External => 4,
        TypeNameFormat::Unknown => 5,
    }
}

/// At most 255 bytes, and how many.
fn short(bytes: &[u8]) -> (&[u8], u8) {
    match u8::try_from(bytes.len()) {
        Ok(length) => (bytes, length),
        Err(_) => (bytes.get(..0xff).unwrap_or(bytes), 0xff),
    }
}

fn take_byte(rest: &mut &[u8]) -> Result<u8, NdefError> {
    let (first, behind) = rest.split_first().ok_or(NdefError::Truncated)?;
    *rest = behind;
    Ok(*first)
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], NdefError> {
    let (taken, behind) = rest.split_at_checked(len).ok_or(NdefError::Truncated)?;
    *rest = behind;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A text record, and one with an identifier and a long payload.
    fn message() -> Vec<u8> {
        let long = [0xaa; 300];
        encode(&[
            Record {
                format: TypeNameFormat::WellKnown,
                record_type: b"T",
                id: b"",
                payload: b"abc",
            },
            Record {
                format: TypeNameFormat::External,
                record_type: b"iso.org:x",
                id: b"mdoc",
                payload: &long,
            },
        ])
    }

    #[test]
    fn records_come_as_they_stand() {
        let message = message();
        assert_eq!(message.get(..7), Some(&[0x91, 1, 3, b'T', b'a', b'b', b'c'][..]));
        assert_eq!(message.get(7..14), Some(&[0x4c, 9, 0, 0, 1, 0x2c, 4][..]));
        let records = decode(&message).unwrap();
        let [text, external] = records.as_slice() else {
            panic!("{records:?}");
        };
        assert!(text.is_well_known(b"T") && !text.is_external(b"T") && text.payload == b"abc");
        assert!(
            external.is_external(b"iso.org:x") && external.id == b"mdoc" && external.payload.len() == 300
        );
    }

    #[test]
    fn no_part_of_a_message_is_one() {
        let message = message();
        for end in 1..message.len() {
            let expected = if end == 7 {
                NdefError::End
            } else {
                NdefError::Truncated
            };
            assert_eq!(decode(&message[..end]), Err(expected), "{end}");
        }
        assert_eq!(decode(&[]), Err(NdefError::Empty));
        assert_eq!(decode(&[&message[..], &[0]].concat()), Err(NdefError::End));
    }

    #[test]
    fn flags_and_formats_that_are_not_taken() {
        let whole = [0xd1, 1, 0, b'T'];
        assert!(decode(&whole).is_ok());
        for (bytes, error) in [
            (&[0xf1, 1, 0, b'T'][..], NdefError::Chunked),
            (&[0x51, 1, 0, b'T'], NdefError::Begin),
            (&[0x91, 1, 0, b'T'], NdefError::End),
            (&[0x91, 1, 0, b'T', 0xd1, 1, 0, b'T'], NdefError::Begin),
            (&[0xd6, 1, 0, b'T'], NdefError::Format),
            (&[0xd7, 1, 0, b'T'], NdefError::Format),
            (&[0xd0, 1, 0, b'T'], NdefError::Type),
            (&[0xd0, 0, 1, b'T'], NdefError::Type),
            (&[0xd5, 1, 0, b'T'], NdefError::Type),
            (&[0xd1, 0, 1, b'T'], NdefError::Type),
            // Four bytes of length that nothing backs.
            (&[0xc1, 1, 0xff, 0xff, 0xff, 0xff, b'T'], NdefError::Truncated),
        ] {
            assert_eq!(decode(bytes), Err(error), "{bytes:x?}");
        }
        assert!(decode(&[0xd0, 0, 0]).is_ok() && decode(&[0xd5, 0, 1, 7]).is_ok());
    }

    #[test]
    fn bounds() {
        let record = Record {
            format: TypeNameFormat::WellKnown,
            record_type: b"T",
            id: b"",
            payload: b"",
        };
        assert_eq!(
            decode(&encode(&vec![record; MAX_RECORDS])).map(|all| all.len()),
            Ok(MAX_RECORDS)
        );
        assert_eq!(
            decode(&encode(&vec![record; MAX_RECORDS + 1])),
            Err(NdefError::TooManyRecords)
        );
        let payload = vec![0; MAX_MESSAGE_LEN - 7];
        let longest = encode(&[Record {
            payload: &payload,
            ..record
        }]);
        assert_eq!(longest.len(), MAX_MESSAGE_LEN);
        assert!(decode(&longest).is_ok());
        assert_eq!(decode(&vec![0xd1; MAX_MESSAGE_LEN + 1]), Err(NdefError::TooLarge));
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same_or_shorter(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(records) = decode(&bytes) {
                let again = encode(&records);
                prop_assert!(again.len() <= bytes.len());
                prop_assert_eq!(decode(&again), Ok(records));
            }
        }
    }
}
