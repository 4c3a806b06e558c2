//! Messages in values of an attribute (18013-5 §8.3.3.1.1), as a phone cuts and joins them, and the ways to do it
//! wrong. The reader's code is not used: a mistake would hide in both.

use holder::link_fault::LinkFault;

/// More than any reader takes.
const OVERSIZE: usize = 5 * 1024 * 1024;

/// A message in values of at most `size` bytes: 1 before a part, 0 before the last.
pub(super) fn cut(message: &[u8], size: usize) -> Vec<Vec<u8>> {
    let mut parts: Vec<Vec<u8>> = message
        .chunks(size - 1)
        .map(|data| [&[1], data].concat())
        .collect();
    match parts.last_mut() {
        Some(last) => last[0] = 0,
        None => parts.push(vec![0]),
    }
    parts
}

/// The values of a response, with what this fault makes of them.
pub(super) fn cut_with(fault: Option<LinkFault>, message: &[u8], size: usize) -> Vec<Vec<u8>> {
    let mut parts = cut(message, size);
    match fault {
        Some(LinkFault::BadPrefix) => parts[0][0] = 2,
        Some(LinkFault::MissingLastPart) => {
            if let Some(last) = parts.last_mut() {
                last[0] = 1;
            }
        }
        Some(LinkFault::EmptyLastPart) => {
            if let Some(last) = parts.last_mut() {
                last[0] = 1;
            }
            parts.push(vec![0]);
        }
        Some(LinkFault::LostInResponse) => {
            parts.truncate(parts.len().div_ceil(2).min(parts.len() - 1).max(1))
        }
        Some(LinkFault::Oversize) => {
            let part = [&[1], vec![0x5a; size - 1].as_slice()].concat();
            parts = vec![part; OVERSIZE.div_ceil(size - 1)];
        }
        Some(LinkFault::MtuChanges) => parts = uneven(message, size),
        _ => {}
    }
    parts
}

/// What goes into a channel for a response: its length, big-endian, and the message, in one write or several.
pub(super) fn stream_with(fault: Option<LinkFault>, message: &[u8]) -> Vec<Vec<u8>> {
    let behind = |length: usize| [&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes(), message].concat();
    let mut whole = behind(message.len());
    match fault {
        Some(LinkFault::LostInResponse) => whole.truncate(4 + message.len() / 2),
        Some(LinkFault::MissingLastPart) => whole.truncate(4 + message.len().saturating_sub(1)),
        Some(LinkFault::Oversize) => whole = behind(OVERSIZE),
        Some(LinkFault::MtuChanges) => {
            let (head, rest) = whole.split_at(3);
            return std::iter::once(head)
                .chain(rest.chunks(997))
                .map(<[u8]>::to_vec)
                .collect();
        }
        _ => {}
    }
    vec![whole]
}

/// Parts of ever-changing sizes.
fn uneven(message: &[u8], size: usize) -> Vec<Vec<u8>> {
    let mut rest = message;
    let mut parts = Vec::new();
    for wanted in [20, 99, 41, 182, size].into_iter().cycle() {
        let (data, behind) = rest.split_at(wanted.min(size).saturating_sub(1).min(rest.len()));
        parts.push([&[u8::from(!behind.is_empty())], data].concat());
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    parts
}

/// Joins values to messages.
#[derive(Default)]
pub(super) struct Joiner(Vec<u8>);

impl Joiner {
    /// The message, when this value was its last.
    pub(super) fn push(&mut self, value: &[u8]) -> Option<Vec<u8>> {
        let (prefix, data) = value.split_first()?;
        self.0.extend_from_slice(data);
        (*prefix == 0).then(|| std::mem::take(&mut self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_byte_by_byte() {
        assert_eq!(cut(b"abcdef", 4), [&b"\x01abc"[..], b"\x00def"]);
        assert_eq!(cut(b"abcd", 4), [&b"\x01abc"[..], b"\x00d"]);
        assert_eq!(cut(b"", 4), [b"\x00"]);
        let mut joiner = Joiner::default();
        assert_eq!(joiner.push(b"\x01abc"), None);
        assert_eq!(joiner.push(b"\x00d").unwrap(), b"abcd");
        assert_eq!(joiner.push(b"\x00e").unwrap(), b"e");
    }

    #[test]
    fn a_channel_byte_by_byte() {
        let with = |fault| stream_with(fault, b"abcdef");
        assert_eq!(with(None), [b"\0\0\0\x06abcdef"], "the untouched twin");
        assert_eq!(with(Some(LinkFault::LostInResponse)), [b"\0\0\0\x06abc"]);
        assert_eq!(with(Some(LinkFault::MissingLastPart)), [b"\0\0\0\x06abcde"]);
        assert_eq!(with(Some(LinkFault::Oversize)), [b"\0\x50\0\0abcdef"]);
        let pieces = stream_with(Some(LinkFault::MtuChanges), &[7; 2000]);
        assert!(pieces.len() > 3);
        assert_eq!(pieces.concat(), stream_with(None, &[7; 2000]).concat());
    }

    #[test]
    fn faults_byte_by_byte() {
        let with = |fault| cut_with(Some(fault), b"abcdef", 4);
        assert_eq!(
            with(LinkFault::EndByState),
            cut(b"abcdef", 4),
            "the untouched twin"
        );
        assert_eq!(with(LinkFault::BadPrefix), [&b"\x02abc"[..], b"\x00def"]);
        assert_eq!(with(LinkFault::MissingLastPart), [&b"\x01abc"[..], b"\x01def"]);
        assert_eq!(
            with(LinkFault::EmptyLastPart),
            [&b"\x01abc"[..], b"\x01def", b"\x00"]
        );
        assert_eq!(with(LinkFault::LostInResponse), [b"\x01abc"]);
        let endless = cut_with(Some(LinkFault::Oversize), b"abcdef", 500);
        assert!(endless.len() * 499 > 4 * 1024 * 1024 && endless.iter().all(|part| part[0] == 1));
        let message: Vec<u8> = (0..=255).cycle().take(2000).collect();
        let parts = cut_with(Some(LinkFault::MtuChanges), &message, 500);
        let mut sizes: Vec<usize> = parts.iter().map(Vec::len).collect();
        assert_eq!(sizes[..6], [20, 99, 41, 182, 500, 20]);
        sizes.sort_unstable();
        assert!(*sizes.last().unwrap() <= 500);
        let mut joiner = Joiner::default();
        let whole: Vec<Vec<u8>> = parts.iter().filter_map(|part| joiner.push(part)).collect();
        assert_eq!(whole, [message]);
    }
}
