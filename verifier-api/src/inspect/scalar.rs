//! Values without parts, in CBOR's diagnostic notation, bounded.

use core::fmt::Write as _;

use mdoc::cbor::{ErrorKind, Item, Rules};
use mdoc::crypto::HashAlgorithm;

use super::fault::Fault;
use super::head::{self, At, Head};

/// Bytes of a byte string that is shown whole: digests, coordinates of short curves, identifiers.
const WHOLE_BYTES: usize = 32;
/// Bytes that are shown of a longer one.
const FIRST_BYTES: usize = 16;
/// Characters of a text.
const TEXT_CHARACTERS: usize = 100;
/// Stands in Japanese names.
const IDEOGRAPHIC_SPACE: char = '\u{3000}';

/// A value without parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Unsigned(u64),
    /// n of the value −1 − n.
    Negative(u64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Bool(bool),
    Null,
    Undefined,
    Float(f64),
    Simple(u64),
}

impl<'a> Scalar<'a> {
    /// The value at `at` and where it ends; `None` for an item that has parts.
    pub(super) fn read(bytes: &'a [u8], at: usize, end: usize) -> Result<Option<(Self, usize)>, At> {
        let head = Head::read(bytes, at, end)?;
        let value = match (head.major, head.argument) {
            (head::UNSIGNED, Some(value)) => Self::Unsigned(value),
            (head::NEGATIVE, Some(value)) => Self::Negative(value),
            (head::BYTES, Some(_)) => {
                let string_end = head.string_end(at, end)?;
                let content = bytes.get(head.content..string_end).unwrap_or(&[]);
                return Ok(Some((Self::Bytes(content), string_end)));
            }
            (head::TEXT, Some(_)) => {
                let string_end = head.string_end(at, end)?;
                let content = bytes.get(head.content..string_end).unwrap_or(&[]);
                let text = core::str::from_utf8(content).map_err(|_| (at, Fault::Cbor(ErrorKind::Utf8)))?;
                return Ok(Some((Self::Text(text), string_end)));
            }
            (head::SIMPLE, Some(_)) if head.is_float() => {
                let encoded = bytes.get(at..head.content).unwrap_or(&[]);
                let value = Item::decode(encoded, &Rules::default())
                    .ok()
                    .and_then(Item::as_f64);
                Self::Float(value.unwrap_or(f64::NAN))
            }
            (head::SIMPLE, Some(20)) => Self::Bool(false),
            (head::SIMPLE, Some(21)) => Self::Bool(true),
            (head::SIMPLE, Some(22)) => Self::Null,
            (head::SIMPLE, Some(23)) => Self::Undefined,
            (head::SIMPLE, Some(value)) => Self::Simple(value),
            _ => return Ok(None),
        };
        Ok(Some((value, head.content)))
    }

    pub(super) fn as_i64(self) -> Option<i64> {
        match self {
            Self::Unsigned(value) => i64::try_from(value).ok(),
            Self::Negative(value) => Some(-1 - i64::try_from(value).ok()?),
            _ => None,
        }
    }

    pub(super) const fn is_absent(self) -> bool {
        matches!(self, Self::Null | Self::Undefined)
    }

    /// The value in diagnostic notation, cut where it is long.
    pub(super) fn diagnostic(self) -> String {
        match self {
            Self::Unsigned(value) => value.to_string(),
            Self::Negative(value) => (-1 - i128::from(value)).to_string(),
            Self::Bytes(content) => bytes(content),
            Self::Text(content) => text(content),
            Self::Bool(value) => value.to_string(),
            Self::Null => "null".to_owned(),
            Self::Undefined => "undefined".to_owned(),
            Self::Float(value) if value.is_nan() => "NaN".to_owned(),
            Self::Float(value) if value.is_infinite() => {
                if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
            }
            Self::Float(value) => format!("{value:?}"),
            Self::Simple(value) => format!("simple({value})"),
        }
    }
}

fn bytes(content: &[u8]) -> String {
    if content.len() <= WHOLE_BYTES {
        return format!("h'{}'", hex(content));
    }
    let first = content.get(..FIRST_BYTES).unwrap_or(content);
    format!(
        "h'{}…' ({} bytes, SHA-256 {})",
        hex(first),
        content.len(),
        sha256(content)
    )
}

/// A text in quotation marks, safe on a terminal: nothing in it can move the cursor or turn the
/// direction of writing.
pub(super) fn text(content: &str) -> String {
    let mut out = String::from("\"");
    for character in content.chars().take(TEXT_CHARACTERS) {
        match character {
            '\'' | IDEOGRAPHIC_SPACE => out.push(character),
            // What extends a letter, such as a variation selector in a name, is escaped only where
            // there is no letter before it.
            _ => out.extend(['x', character].iter().collect::<String>().escape_debug().skip(1)),
        }
    }
    out.push('"');
    if content.chars().nth(TEXT_CHARACTERS).is_some() {
        let _ = write!(out, "… ({} bytes)", content.len());
    }
    out
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

pub(super) fn sha256(content: &[u8]) -> String {
    hex(HashAlgorithm::Sha256.digest(&[content]).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        let (scalar, end) = Scalar::read(bytes, 0, bytes.len()).unwrap().unwrap();
        assert_eq!(end, bytes.len());
        scalar.diagnostic()
    }

    #[test]
    fn values_are_shown_in_diagnostic_notation() {
        for (bytes, text) in [
            (&b"\x18\x64"[..], "100"),
            (b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff", "-18446744073709551616"),
            (b"\x43abc", "h'616263'"),
            (b"\x63a\"'", "\"a\\\"'\""),
            (b"\xf4", "false"),
            (b"\xf6", "null"),
            (b"\xf7", "undefined"),
            (b"\xf9\x3c\x00", "1.0"),
            (b"\xf9\x7e\x00", "NaN"),
            (b"\xf9\xfc\x00", "-Infinity"),
            (b"\xf8\xff", "simple(255)"),
        ] {
            assert_eq!(shown(bytes), text);
        }
    }

    #[test]
    fn long_strings_are_cut_and_told_by_their_hash() {
        let mut long = vec![0x58, 33];
        long.resize(35, 7);
        let shown_bytes = shown(&long);
        assert!(
            shown_bytes.starts_with("h'07070707070707070707070707070707…' (33 bytes, SHA-256 "),
            "{shown_bytes}"
        );
        let mut long = vec![0x78, 101];
        long.resize(103, b'x');
        assert_eq!(shown(&long), format!("\"{}\"… (101 bytes)", "x".repeat(100)));
    }

    #[test]
    fn texts_cannot_drive_a_terminal() {
        assert_eq!(text("a\u{1b}[2J\n\u{202e}b"), "\"a\\u{1b}[2J\\n\\u{202e}b\"");
        assert_eq!(text("辻\u{e0100}\u{3000}が"), "\"辻\u{e0100}\u{3000}が\"");
    }
}
