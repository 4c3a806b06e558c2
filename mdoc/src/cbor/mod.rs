//! Strict CBOR (RFC 8949): the only way in for untrusted bytes.
//!
//! [`Item::decode`] walks the whole input once and refuses everything that could be read in two
//! ways; what it returns borrows the input, so that hashes and signatures use bytes as received.

/// What is accepted. The default is strict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Nesting of arrays, maps and tags, the outermost item counting as 1.
    pub max_depth: usize,
    /// Elements of an array, or pairs of a map.
    pub max_items: usize,
    /// Accept arrays and maps of indefinite length. Strings of indefinite length are always refused.
    pub indefinite: bool,
}

/// One well-formed item and all that it holds, checked in full.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    encoded: &'a [u8],
}
