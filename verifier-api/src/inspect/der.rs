//! DER read one value at a time, with offsets.

use super::fault::{DerFault, Fault};
use super::head::At;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const PRINTABLE_STRING: u8 = 0x13;
pub(super) const IA5_STRING: u8 = 0x16;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// A value: its tag and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) tag: u8,
    pub(super) at: usize,
    pub(super) content: usize,
    pub(super) end: usize,
}

/// The values one after the other between two offsets.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8], at: usize, end: usize) -> Self {
        Self { bytes, at, end }
    }

    /// The values inside `value`.
    pub(super) const fn inside(&self, value: Value) -> Self {
        Self {
            bytes: self.bytes,
            at: value.content,
            end: value.end,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.at >= self.end
    }

    /// The tag of the next value.
    pub(super) fn peek(&self) -> Option<u8> {
        if self.is_empty() {
            None
        } else {
            self.bytes.get(self.at).copied()
        }
    }

    /// The next value.
    pub(super) fn next(&mut self) -> Result<Value, At> {
        let fault = |fault| (self.at, Fault::Der(fault));
        let rest = self.bytes.get(self.at..self.end).unwrap_or(&[]);
        let (tag, first, rest) = match rest {
            [tag, ..] if tag & 0x1f == 0x1f => return Err(fault(DerFault::Tag)),
            [tag, first, rest @ ..] => (*tag, *first, rest),
            _ => return Err(fault(DerFault::Truncated)),
        };
        let (len, width) = match first {
            0..=0x7f => (usize::from(first), 0),
            0x81..=0x84 => {
                let width = usize::from(first & 0x7f);
                let bytes = rest.get(..width).ok_or_else(|| fault(DerFault::Truncated))?;
                (
                    bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)),
                    width,
                )
            }
            _ => return Err(fault(DerFault::Length)),
        };
        let content = self.at + 2 + width;
        let end = content
            .checked_add(len)
            .filter(|end| *end <= self.end)
            .ok_or_else(|| fault(DerFault::Truncated))?;
        let value = Value {
            tag,
            at: self.at,
            content,
            end,
        };
        self.at = end;
        Ok(value)
    }

    /// The next value, which must have this tag.
    pub(super) fn take(&mut self, expected: u8) -> Result<Value, At> {
        let value = self.next()?;
        if value.tag == expected {
            Ok(value)
        } else {
            let found = value.tag;
            Err((value.at, Fault::Der(DerFault::Unexpected { expected, found })))
        }
    }

    /// The content of `value`.
    pub(super) fn content(&self, value: Value) -> &'a [u8] {
        self.bytes.get(value.content..value.end).unwrap_or(&[])
    }
}

/// An object identifier in dotted decimals; none for one that is malformed or absurdly long.
pub(super) fn dotted(content: &[u8]) -> Option<String> {
    const MAX_LEN: usize = 64;
    if content.is_empty() || content.len() > MAX_LEN || content.last().is_some_and(|byte| byte & 0x80 != 0) {
        return None;
    }
    let mut arcs = Vec::new();
    let mut arc: u64 = 0;
    for byte in content {
        arc = arc.checked_mul(128)? + u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            arcs.push(arc);
            arc = 0;
        }
    }
    let (first, rest) = arcs.split_first()?;
    let root = (first / 40).min(2);
    let mut text = format!("{root}.{}", first - root * 40);
    for arc in rest {
        text.push('.');
        text.push_str(&arc.to_string());
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Value, DerFault> {
        match Reader::new(bytes, 0, bytes.len()).next() {
            Ok(value) => Ok(value),
            Err((0, Fault::Der(fault))) => Err(fault),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_have_a_place() {
        let value = read(&[0x30, 0x81, 0x02, 1, 2]).unwrap();
        assert_eq!((value.tag, value.content, value.end), (0x30, 3, 5));
        for (bytes, fault) in [
            (&[][..], DerFault::Truncated),
            (&[0x30], DerFault::Truncated),
            (&[0x30, 1], DerFault::Truncated),
            (&[0x30, 0x82, 1], DerFault::Truncated),
            (&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], DerFault::Truncated),
            (&[0x30, 0x80, 0, 0], DerFault::Length),
            (&[0x30, 0x85, 0, 0, 0, 0, 0], DerFault::Length),
            (&[0x3f, 0x81, 0], DerFault::Tag),
        ] {
            assert_eq!(read(bytes), Err(fault), "{bytes:02x?}");
        }
        let unexpected = Fault::Der(DerFault::Unexpected {
            expected: INTEGER,
            found: BOOLEAN,
        });
        assert_eq!(Reader::new(&[1, 0], 0, 2).take(INTEGER), Err((0, unexpected)));
    }

    #[test]
    fn identifiers_are_dotted() {
        for (bytes, text) in [
            (&[0x55, 0x1d, 0x0f][..], Some("2.5.29.15")),
            (&[0x28, 0x81, 0x8c, 0x5d, 5, 1, 2], Some("1.0.18013.5.1.2")),
            (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1], Some("1.2.840.10045.2.1")),
            (&[0x88, 0x37], Some("2.999")),
            (&[], None),
            (&[0x80], None),
            (&[0xff; 65], None),
        ] {
            assert_eq!(dotted(bytes).as_deref(), text);
        }
    }
}
