//! The lists themselves: statuses packed in bits, and identifiers.

use core::fmt;

use flate2::{Decompress, FlushDecompress, Status};

use crate::cbor::{Item, Map};
use crate::limits::{IDENTIFIERS, STATUS_LIST_BYTES};

/// A Token Status List: entries of 1, 2, 4 or 8 bits, the first in the lowest bits of the first byte.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusList {
    bits: u8,
    bytes: Box<[u8]>,
}

/// Identifiers of revoked documents.
#[derive(Clone, PartialEq, Eq)]
pub struct IdentifierList {
    /// Ordered.
    identifiers: Box<[Box<[u8]>]>,
}

/// Why a list is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// Another width than 1, 2, 4 or 8 bits.
    #[error("a status list of impossible width")]
    Bits,
    /// Not a zlib stream, or one that is damaged or cut off.
    #[error("the status list is not a whole zlib stream")]
    Zlib,
    /// Bytes after the end of the zlib stream.
    #[error("the status list has bytes after its zlib stream")]
    Trailing,
    /// Unfolds to more than [`STATUS_LIST_BYTES`].
    #[error("the status list unfolds to more than {STATUS_LIST_BYTES} bytes")]
    TooLarge,
    /// Not a map of byte strings to maps.
    #[error("the identifier list is not a map of byte strings to maps")]
    Identifiers,
    /// More than [`IDENTIFIERS`].
    #[error("the identifier list has more than {IDENTIFIERS} identifiers")]
    TooManyIdentifiers,
}

/// What is inflated at a time, so that a small stream never asks for the whole bound.
const STEP: usize = 64 * 1024;

impl StatusList {
    /// Unfolds a zlib stream (RFC 1950) of at most [`STATUS_LIST_BYTES`].
    ///
    /// # Errors
    /// [`ListError`].
    pub fn inflate(bits: u64, compressed: &[u8]) -> Result<Self, ListError> {
        let bits = u8::try_from(bits)
            .ok()
            .filter(|bits| [1, 2, 4, 8].contains(bits))
            .ok_or(ListError::Bits)?;
        let mut inflater = Decompress::new(true);
        let mut bytes = Vec::new();
        loop {
            let read = usize::try_from(inflater.total_in()).map_err(|_| ListError::TooLarge)?;
            let rest = compressed.get(read..).unwrap_or_default();
            // One byte of room beyond the bound tells a list that ends there from one that goes on.
            let room = (STATUS_LIST_BYTES + 1).saturating_sub(bytes.len()).min(STEP);
            bytes.reserve(room);
            let before = bytes.len();
            let status = inflater.decompress_vec(rest, &mut bytes, FlushDecompress::None);
            let status = status.map_err(|_| ListError::Zlib)?;
            if bytes.len() > STATUS_LIST_BYTES {
                return Err(ListError::TooLarge);
            }
            let consumed = usize::try_from(inflater.total_in()).map_err(|_| ListError::TooLarge)?;
            match status {
                Status::StreamEnd if consumed == compressed.len() => break,
                Status::StreamEnd => return Err(ListError::Trailing),
                Status::Ok | Status::BufError if consumed == read && bytes.len() == before => {
                    return Err(ListError::Zlib);
                }
                Status::Ok | Status::BufError => {}
            }
        }
        Ok(Self {
            bits,
            bytes: bytes.into_boxed_slice(),
        })
    }

    /// Bits of one entry.
    pub const fn bits(&self) -> u8 {
        self.bits
    }

    /// How many entries there are.
    pub fn len(&self) -> u64 {
        let bytes = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        bytes.saturating_mul(u64::from(8 / self.bits))
    }

    /// Bytes of all entries.
    pub(super) const fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The entry at `index`; `None` beyond the end, where the list says nothing.
    pub fn get(&self, index: u64) -> Option<u8> {
        let per_byte = u64::from(8 / self.bits);
        let byte = self.bytes.get(usize::try_from(index / per_byte).ok()?)?;
        let shift = u32::try_from(index % per_byte).ok()? * u32::from(self.bits);
        let mask = u8::MAX >> (8 - self.bits);
        Some((byte >> shift) & mask)
    }
}

/// Says how long it is.
impl fmt::Debug for StatusList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatusList({} entries of {} bits)", self.len(), self.bits)
    }
}

impl IdentifierList {
    /// Reads `{ * bstr => { … } }`.
    pub(super) fn read(identifiers: Map<'_>) -> Result<Self, ListError> {
        if identifiers.len() > IDENTIFIERS {
            return Err(ListError::TooManyIdentifiers);
        }
        let entry = |(identifier, info): (Item<'_>, Item<'_>)| {
            info.as_map().ok_or(ListError::Identifiers)?;
            identifier.as_bytes().map(Box::from).ok_or(ListError::Identifiers)
        };
        let mut identifiers: Vec<Box<[u8]>> = identifiers.iter().map(entry).collect::<Result<_, _>>()?;
        identifiers.sort_unstable();
        Ok(Self {
            identifiers: identifiers.into_boxed_slice(),
        })
    }

    /// Whether the identifier is on the list, compared byte by byte.
    pub fn contains(&self, identifier: &[u8]) -> bool {
        let found = self
            .identifiers
            .binary_search_by(|listed| (**listed).cmp(identifier));
        found.is_ok()
    }

    /// How many identifiers there are.
    pub fn len(&self) -> usize {
        self.identifiers.len()
    }

    /// Bytes of all identifiers, and of what keeps them apart.
    pub(super) fn byte_len(&self) -> usize {
        let content: usize = self.identifiers.iter().map(|identifier| identifier.len()).sum();
        content.saturating_add(self.identifiers.len().saturating_mul(size_of::<Box<[u8]>>()))
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.identifiers.is_empty()
    }
}

/// Says how long it is.
impl fmt::Debug for IdentifierList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentifierList({})", self.len())
    }
}
