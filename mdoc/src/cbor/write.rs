//! Writing heads in shortest form, to splice received bytes into enclosing structures.

/// The major types of RFC 8949 §3.1 that a head is written for.
const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// A head on its own: at most nine bytes, without an allocation.
#[derive(Clone, Copy, Debug)]
pub struct HeadBytes {
    bytes: [u8; 9],
    len: usize,
}

impl HeadBytes {
    /// The encoded head.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    fn new(major: u8, argument: u64) -> Self {
        let mut bytes = [0; 9];
        let [a, b, c, d, e, f, g, h] = argument.to_be_bytes();
        let (info, tail, len) = match argument {
            0..=23 => (h, [0; 8], 1),
            24..=0xff => (24, [h, 0, 0, 0, 0, 0, 0, 0], 2),
            0x100..=0xffff => (25, [g, h, 0, 0, 0, 0, 0, 0], 3),
            0x1_0000..=0xffff_ffff => (26, [e, f, g, h, 0, 0, 0, 0], 5),
            _ => (27, [a, b, c, d, e, f, g, h], 9),
        };
        let (first, rest) = bytes.split_at_mut(1);
        first.copy_from_slice(&[(major << 5) | info]);
        rest.copy_from_slice(&tail);
        Self { bytes, len }
    }
}

/// The head of a byte string of `len` bytes.
pub fn bytes_head(len: usize) -> HeadBytes {
    HeadBytes::new(BYTES, length(len))
}

/// The head of a text string of `len` bytes.
pub fn text_head(len: usize) -> HeadBytes {
    HeadBytes::new(TEXT, length(len))
}

/// Appends an unsigned integer.
pub fn unsigned(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(HeadBytes::new(UNSIGNED, value).as_slice());
}

/// Appends an integer.
pub fn integer(out: &mut Vec<u8>, value: i64) {
    let head = match u64::try_from(value) {
        Ok(value) => HeadBytes::new(UNSIGNED, value),
        Err(_) => HeadBytes::new(NEGATIVE, value.unsigned_abs() - 1),
    };
    out.extend_from_slice(head.as_slice());
}

/// Appends a byte string.
pub fn bytes(out: &mut Vec<u8>, content: &[u8]) {
    out.extend_from_slice(bytes_head(content.len()).as_slice());
    out.extend_from_slice(content);
}

/// Appends a text string.
pub fn text(out: &mut Vec<u8>, content: &str) {
    out.extend_from_slice(text_head(content.len()).as_slice());
    out.extend_from_slice(content.as_bytes());
}

/// Appends the head of an array of `count` elements.
pub fn array(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(HeadBytes::new(ARRAY, length(count)).as_slice());
}

/// Appends the head of a map of `count` pairs.
pub fn map(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(HeadBytes::new(MAP, length(count)).as_slice());
}

/// Appends a tag.
pub fn tag(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(HeadBytes::new(TAG, number).as_slice());
}

/// Appends `true` or `false`.
pub fn boolean(out: &mut Vec<u8>, value: bool) {
    out.push(if value { 0xf5 } else { 0xf4 });
}

/// Appends `null`.
pub fn null(out: &mut Vec<u8>) {
    out.push(0xf6);
}

/// Appends `#6.24(bstr .cbor …)` over an encoded item.
pub fn embedded(out: &mut Vec<u8>, encoded: &[u8]) {
    tag(out, super::TAG_ENCODED);
    bytes(out, encoded);
}

/// A `usize` is at most 64 bits wide on every target there is.
fn length(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
