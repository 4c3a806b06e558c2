//! CBOR heads read one by one, for content that the strict decoder refuses as a whole. Nothing here
//! judges; what is read is only shown.

use mdoc::cbor::ErrorKind;

use super::fault::Fault;

pub(super) const UNSIGNED: u8 = 0;
pub(super) const NEGATIVE: u8 = 1;
pub(super) const BYTES: u8 = 2;
pub(super) const TEXT: u8 = 3;
pub(super) const ARRAY: u8 = 4;
pub(super) const MAP: u8 = 5;
pub(super) const TAG: u8 = 6;
pub(super) const SIMPLE: u8 = 7;
/// The one byte that ends a container of indefinite length.
pub(super) const BREAK: u8 = 0xff;
const INDEFINITE: u8 = 31;

/// Nesting that the view follows; the strict decoder follows less.
pub(super) const MAX_DEPTH: usize = 100;

/// A fault and its offset.
pub(super) type At = (usize, Fault);

/// Major type and argument of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) major: u8,
    /// The five low bits of the first byte.
    pub(super) info: u8,
    /// `None` for an indefinite length.
    pub(super) argument: Option<u64>,
    /// Where the content begins.
    pub(super) content: usize,
}

impl Head {
    /// Reads the head at `at`; the item must end before `end`.
    pub(super) fn read(bytes: &[u8], at: usize, end: usize) -> Result<Self, At> {
        let truncated = (at, Fault::Cbor(ErrorKind::Truncated));
        let reserved = (at, Fault::Cbor(ErrorKind::Reserved));
        let rest = bytes.get(at..end).unwrap_or(&[]);
        let (&first, rest) = rest.split_first().ok_or(truncated)?;
        let (major, info) = (first >> 5, first & 0x1f);
        let width = match info {
            0..=23 => 0,
            24..=27 => 1 << (info - 24),
            INDEFINITE if matches!(major, BYTES | TEXT | ARRAY | MAP) => 0,
            _ => return Err(reserved),
        };
        let following = rest.get(..width).ok_or(truncated)?;
        let argument = match info {
            0..=23 => Some(u64::from(info)),
            INDEFINITE => None,
            _ => Some(
                following
                    .iter()
                    .fold(0, |value, byte| value << 8 | u64::from(*byte)),
            ),
        };
        Ok(Self {
            major,
            info,
            argument,
            content: at + 1 + width,
        })
    }

    /// Where a string of definite length ends.
    pub(super) fn string_end(self, at: usize, end: usize) -> Result<usize, At> {
        self.argument
            .and_then(|len| usize::try_from(len).ok())
            .and_then(|len| self.content.checked_add(len))
            .filter(|string_end| *string_end <= end)
            .ok_or((at, Fault::Cbor(ErrorKind::Truncated)))
    }

    pub(super) const fn is_float(self) -> bool {
        self.major == SIMPLE && matches!(self.info, 25..=27)
    }
}

/// Steps over items. `fuel` bounds the work of a whole view, however often parts are looked through.
pub(super) struct Skip<'a, 'f> {
    pub(super) bytes: &'a [u8],
    pub(super) fuel: &'f mut usize,
}

impl Skip<'_, '_> {
    /// Where the item at `at` ends.
    pub(super) fn item(&mut self, at: usize, end: usize) -> Result<usize, At> {
        self.nested(at, end, 0)
    }

    fn nested(&mut self, at: usize, end: usize, depth: usize) -> Result<usize, At> {
        if depth > MAX_DEPTH {
            return Err((at, Fault::TooDeep(MAX_DEPTH)));
        }
        *self.fuel = self.fuel.checked_sub(1).ok_or((at, Fault::TooMuch))?;
        let head = Head::read(self.bytes, at, end)?;
        let count = match (head.major, head.argument) {
            (BYTES | TEXT, Some(_)) => return head.string_end(at, end),
            (ARRAY, Some(count)) => count,
            (MAP, Some(count)) => count.saturating_mul(2),
            (TAG, _) => 1,
            (BYTES | TEXT | ARRAY | MAP, None) => return self.until_break(head.content, end, depth),
            _ => 0,
        };
        let mut next = head.content;
        for _ in 0..count {
            next = self.nested(next, end, depth + 1)?;
        }
        Ok(next)
    }

    fn until_break(&mut self, mut next: usize, end: usize, depth: usize) -> Result<usize, At> {
        while !is_break(self.bytes, next, end) {
            next = self.nested(next, end, depth + 1)?;
        }
        Ok(next + 1)
    }
}

/// Whether the break of an indefinite length stands at `at`.
pub(super) fn is_break(bytes: &[u8], at: usize, end: usize) -> bool {
    at < end && bytes.get(at) == Some(&BREAK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(bytes: &[u8]) -> Result<usize, At> {
        let mut fuel = 1_000;
        Skip {
            bytes,
            fuel: &mut fuel,
        }
        .item(0, bytes.len())
    }

    #[test]
    fn items_end_where_they_end() {
        for (bytes, end) in [
            (&b"\x00\x00"[..], 1),
            (b"\x1b\0\0\0\0\0\0\0\x01", 9),
            (b"\x42ab", 3),
            (b"\x9f\x01\x02\xff\x00", 4),
            (b"\x5f\x41a\x41b\xff", 6),
            (b"\xbf\x01\x02\xff", 4),
            (b"\xd8\x18\x41\x00", 4),
            (b"\xa1\x01\x82\x02\x03", 5),
            (b"\xfb\0\0\0\0\0\0\0\0", 9),
        ] {
            assert_eq!(skip(bytes), Ok(end), "{bytes:02x?}");
        }
    }

    #[test]
    fn what_cannot_be_stepped_over_is_told_with_its_offset() {
        let truncated = Fault::Cbor(ErrorKind::Truncated);
        for (bytes, offset, fault) in [
            (&b""[..], 0, truncated),
            (b"\x1b\0\0", 0, truncated),
            (b"\x82\x01", 2, truncated),
            (b"\x81\x43ab", 1, truncated),
            (b"\x5b\x10\0\0\0\0\0\0\0", 0, truncated),
            (b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, truncated),
            (b"\x9f\x01", 2, truncated),
            (b"\x1c", 0, Fault::Cbor(ErrorKind::Reserved)),
            (b"\x81\xff", 1, Fault::Cbor(ErrorKind::Reserved)),
            (b"\x1f", 0, Fault::Cbor(ErrorKind::Reserved)),
            (&[0x81; 200], MAX_DEPTH + 1, Fault::TooDeep(MAX_DEPTH)),
        ] {
            assert_eq!(skip(bytes), Err((offset, fault)), "{bytes:02x?}");
        }
        let mut long = vec![0x99, 0x07, 0xd0];
        long.resize(2_003, 0);
        assert_eq!(skip(&long), Err((1_002, Fault::TooMuch)));
    }
}
