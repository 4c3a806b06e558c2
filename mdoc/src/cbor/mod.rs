//! Strict CBOR (RFC 8949): the only way in for untrusted bytes.
//!
//! [`Item::decode`] walks the whole input once and refuses everything that could be read in two
//! ways: trailing bytes, duplicate keys, bad UTF-8, reserved forms, lengths beyond the input. What
//! it returns borrows the input, so that signatures and hashes are taken over bytes as received.

mod containers;
mod head;
mod keys;
mod walk;
pub mod write;

pub use containers::{Array, ArrayIter, Map, MapIter};

use core::fmt;

use head::{Head, Major};

/// The tag of an encoded CBOR data item in a byte string (RFC 8949 §3.4.5.1).
pub const TAG_ENCODED: u64 = 24;

/// What is accepted. The default is strict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Nesting of arrays, maps and tags; the outermost item counts as 1.
    pub max_depth: usize,
    /// Elements of one array, or pairs of one map.
    pub max_items: usize,
    /// Accept arrays and maps of indefinite length. Strings of indefinite length are always
    /// refused: no wallet was seen to send one, and what is hashed must be one slice of the input.
    pub indefinite: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            max_depth: 32,
            max_items: 10_000,
            indefinite: false,
        }
    }
}

/// What an item is, by its major type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// An unsigned integer.
    Unsigned,
    /// A negative integer.
    Negative,
    /// A byte string.
    Bytes,
    /// A text string.
    Text,
    /// An array.
    Array,
    /// A map.
    Map,
    /// A tagged item.
    Tag,
    /// `true` or `false`.
    Bool,
    /// `null`.
    Null,
    /// `undefined`.
    Undefined,
    /// A floating-point number of 16, 32 or 64 bits.
    Float,
}

/// Why bytes are not one item of strict CBOR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at offset {offset}")]
pub struct Error {
    /// The rule that is broken.
    pub kind: ErrorKind,
    /// Where in the decoded bytes.
    pub offset: usize,
}

/// The rules of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input ends inside an item, or a length reaches beyond it.
    #[error("the input is too short")]
    Truncated,
    /// Bytes follow the one item that is due.
    #[error("trailing bytes")]
    Trailing,
    /// Nested deeper than [`Rules::max_depth`].
    #[error("nested too deep")]
    Depth,
    /// More elements in a container than [`Rules::max_items`].
    #[error("too many items in a container")]
    TooManyItems,
    /// A map names one key twice.
    #[error("a duplicate map key")]
    DuplicateKey,
    /// A map key is not in its shortest form, so that one key could be told in two ways.
    #[error("a map key that is not in shortest form")]
    KeyNotShortest,
    /// A map key is neither an integer nor a string.
    #[error("a map key that is neither integer nor string")]
    KeyKind,
    /// A text string is not UTF-8.
    #[error("text that is not UTF-8")]
    Utf8,
    /// Additional information 28 to 30, or a break outside an indefinite container.
    #[error("a reserved form")]
    Reserved,
    /// A simple value other than false, true, null and undefined.
    #[error("an unassigned simple value")]
    Simple,
    /// An indefinite length where the rules refuse it.
    #[error("an indefinite length")]
    Indefinite,
}

/// One item and all that it holds, checked in full. Copies borrow the same input.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    encoded: &'a [u8],
}

impl<'a> Item<'a> {
    /// Checks `bytes` as exactly one item.
    ///
    /// Nothing is allocated but for maps of more than sixteen keys.
    ///
    /// # Errors
    /// The first broken rule and where it is broken.
    pub fn decode(bytes: &'a [u8], rules: &Rules) -> Result<Self, Error> {
        let end = walk::item_end(bytes, rules)?;
        if end == bytes.len() {
            Ok(Self { encoded: bytes })
        } else {
            Err(Error {
                kind: ErrorKind::Trailing,
                offset: end,
            })
        }
    }

    /// An item of the front of `rest`, which is the inside of a checked item.
    fn of_checked(rest: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let end = walk::checked_item_end(rest)?;
        let (encoded, rest) = rest.split_at_checked(end)?;
        Some((Self { encoded }, rest))
    }

    /// The bytes as received.
    pub const fn encoded(self) -> &'a [u8] {
        self.encoded
    }

    fn head(self) -> Option<(Head, &'a [u8])> {
        head::read(self.encoded)
    }

    /// What the item is.
    pub fn kind(self) -> Kind {
        match self.head().map(|(head, _)| (head.major, head.argument)) {
            Some((Major::Unsigned, _)) => Kind::Unsigned,
            Some((Major::Negative, _)) => Kind::Negative,
            Some((Major::Bytes, _)) => Kind::Bytes,
            Some((Major::Text, _)) => Kind::Text,
            Some((Major::Array, _)) => Kind::Array,
            Some((Major::Map, _)) => Kind::Map,
            Some((Major::Tag, _)) => Kind::Tag,
            Some((Major::Simple, Some(head::FALSE | head::TRUE))) => Kind::Bool,
            Some((Major::Simple, Some(head::NULL))) => Kind::Null,
            Some((Major::Float, _)) => Kind::Float,
            // The walk lets no other simple value pass.
            Some((Major::Simple | Major::Break, _)) | None => Kind::Undefined,
        }
    }

    /// Whether the head is in its shortest form (RFC 8949 §4.2.1).
    pub fn has_shortest_head(self) -> bool {
        self.head().is_some_and(|(head, _)| head.shortest)
    }

    /// The value of an unsigned integer.
    pub fn as_u64(self) -> Option<u64> {
        match self.head()?.0 {
            Head {
                major: Major::Unsigned,
                argument,
                ..
            } => argument,
            _ => None,
        }
    }

    /// The value of an integer that fits.
    pub fn as_i64(self) -> Option<i64> {
        match self.head()?.0 {
            Head {
                major: Major::Unsigned,
                argument,
                ..
            } => i64::try_from(argument?).ok(),
            Head {
                major: Major::Negative,
                argument,
                ..
            } => Some(-1 - i64::try_from(argument?).ok()?),
            _ => None,
        }
    }

    /// For a negative integer, n of the value −1 − n.
    pub fn as_negative_argument(self) -> Option<u64> {
        match self.head()?.0 {
            Head {
                major: Major::Negative,
                argument,
                ..
            } => argument,
            _ => None,
        }
    }

    /// The content of a byte string.
    pub fn as_bytes(self) -> Option<&'a [u8]> {
        match self.head()? {
            (
                Head {
                    major: Major::Bytes, ..
                },
                content,
            ) => Some(content),
            _ => None,
        }
    }

    /// The content of a text string.
    pub fn as_text(self) -> Option<&'a str> {
        match self.head()? {
            (
                Head {
                    major: Major::Text, ..
                },
                content,
            ) => core::str::from_utf8(content).ok(),
            _ => None,
        }
    }

    /// Whether the item is this text.
    pub fn is_text(self, text: &str) -> bool {
        // Lengths tell most texts apart: a head takes one to nine bytes.
        let head_len = self.encoded.len().wrapping_sub(text.len());
        (1..=9).contains(&head_len)
            && matches!(self.head(), Some((Head { major: Major::Text, .. }, content)) if content == text.as_bytes())
    }

    /// The value of `true` or `false`.
    pub fn as_bool(self) -> Option<bool> {
        match self.head()?.0 {
            Head {
                major: Major::Simple,
                argument: Some(head::TRUE),
                ..
            } => Some(true),
            Head {
                major: Major::Simple,
                argument: Some(head::FALSE),
                ..
            } => Some(false),
            _ => None,
        }
    }

    /// The value of a floating-point number of any width.
    pub fn as_f64(self) -> Option<f64> {
        match self.head()?.0 {
            Head {
                major: Major::Float,
                argument,
                info,
                ..
            } => head::float(argument?, info),
            _ => None,
        }
    }

    /// Whether the item is `null` or `undefined`, which the field uses for a member left out.
    pub fn is_absent(self) -> bool {
        matches!(self.kind(), Kind::Null | Kind::Undefined)
    }

    /// The tag number and the tagged item.
    pub fn as_tag(self) -> Option<(u64, Self)> {
        match self.head()? {
            (
                Head {
                    major: Major::Tag,
                    argument,
                    ..
                },
                content,
            ) => Some((argument?, Self { encoded: content })),
            _ => None,
        }
    }

    /// The elements of an array.
    pub fn as_array(self) -> Option<Array<'a>> {
        match self.head()? {
            (
                Head {
                    major: Major::Array,
                    argument,
                    ..
                },
                content,
            ) => Some(Array::new(content, argument)),
            _ => None,
        }
    }

    /// The pairs of a map.
    pub fn as_map(self) -> Option<Map<'a>> {
        match self.head()? {
            (
                Head {
                    major: Major::Map,
                    argument,
                    ..
                },
                content,
            ) => Some(Map::new(content, argument)),
            _ => None,
        }
    }

    /// The bytes inside `#6.24(bstr .cbor …)`.
    pub fn as_embedded_bytes(self) -> Option<&'a [u8]> {
        match self.as_tag()? {
            (TAG_ENCODED, content) => content.as_bytes(),
            _ => None,
        }
    }

    /// The item inside `#6.24(bstr .cbor …)`, checked by the same rules; `None` for any other item.
    ///
    /// # Errors
    /// The bytes inside the byte string are not exactly one item of strict CBOR. The offset counts
    /// from the start of the byte string's content.
    pub fn embedded(self, rules: &Rules) -> Result<Option<Self>, Error> {
        self.as_embedded_bytes()
            .map(|content| Self::decode(content, rules))
            .transpose()
    }
}

/// Says only what the item is: content may be personal data.
impl fmt::Debug for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item({:?}, {} bytes)", self.kind(), self.encoded.len())
    }
}

#[cfg(test)]
mod tests;
