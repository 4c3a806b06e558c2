//! Parts of the sizes that links have, whole and spoilt.

use proptest::prelude::*;

use super::{FramingError, LengthReader, PartSize, Reassembler, parts, with_length};

const LIMIT: usize = 4 * 1024 * 1024;

fn message(length: usize) -> Vec<u8> {
    (0..length)
        .map(|index| u8::try_from(index % 251).unwrap())
        .collect()
}

#[test]
fn the_size_follows_the_mtu_and_never_exceeds_an_attribute() {
    for (mtu, bytes) in [
        (0, 20),
        (22, 20),
        (23, 20),
        (24, 21),
        (185, 182),
        (515, 512),
        (517, 512),
        (u16::MAX, 512),
    ] {
        assert_eq!(PartSize::for_mtu(mtu).bytes(), bytes, "{mtu}");
    }
    assert_eq!(PartSize::for_mtu_at_most(517, 182).bytes(), 182);
    assert_eq!(PartSize::for_mtu_at_most(100, 182).bytes(), 97);
    assert_eq!(PartSize::for_mtu_at_most(517, 0).bytes(), 20);
    for (value, bytes) in [(0, 2), (2, 2), (18, 18), (510, 510), (512, 512), (513, 512)] {
        assert_eq!(PartSize::for_value(value).bytes(), bytes, "{value}");
    }
}

#[test]
fn every_part_but_the_last_is_full() {
    for (mtu, data) in [(23, 19), (185, 181), (515, 511), (517, 511)] {
        let size = PartSize::for_mtu(mtu);
        for length in [0, 1, data - 1, data, data + 1, 3 * data, 25_000] {
            let message = message(length);
            let parts: Vec<Vec<u8>> = parts(&message, size).collect();
            assert_eq!(parts.len(), length.div_ceil(data).max(1), "{mtu} {length}");
            let (last, others) = parts.split_last().unwrap();
            assert!(others.iter().all(|part| part.len() == data + 1 && part[0] == 1));
            assert!(last[0] == 0 && last.len() <= data + 1);
            let joined: Vec<u8> = parts.iter().flat_map(|part| &part[1..]).copied().collect();
            assert_eq!(joined, message, "{mtu} {length}");
        }
    }
}

#[test]
fn parts_by_hand() {
    let mut reassembler = Reassembler::new(LIMIT);
    assert!(!reassembler.is_pending());
    assert_eq!(reassembler.push(&[1, b'a', b'b']).unwrap(), None);
    assert!(reassembler.is_pending());
    // Short and empty parts in the middle, and an empty last one.
    assert_eq!(reassembler.push(&[1]).unwrap(), None);
    assert_eq!(reassembler.push(&[1, b'c']).unwrap(), None);
    assert_eq!(reassembler.push(&[0]).unwrap().unwrap().as_slice(), b"abc");
    assert!(!reassembler.is_pending());
    assert_eq!(reassembler.push(&[0, b'd']).unwrap().unwrap().as_slice(), b"d");
    assert_eq!(reassembler.push(&[0]).unwrap().unwrap().as_slice(), b"");
}

#[test]
fn what_is_no_part_ends_it_for_good() {
    for (value, error) in [
        (&[][..], FramingError::Empty),
        (&[2, 1], FramingError::Prefix(2)),
        (&[0xff], FramingError::Prefix(0xff)),
    ] {
        let mut reassembler = Reassembler::new(LIMIT);
        assert_eq!(reassembler.push(&[1, 7]), Ok(None), "the untouched twin");
        assert_eq!(reassembler.push(value), Err(error));
        assert_eq!(reassembler.push(&[0, 7]), Err(error), "and so it stays");
        assert!(!reassembler.is_pending());
    }
}

#[test]
fn a_message_is_bounded_to_the_byte() {
    let mut reassembler = Reassembler::new(5);
    assert_eq!(reassembler.push(&[1, 1, 2, 3]), Ok(None));
    assert_eq!(
        reassembler.push(&[0, 4, 5]).unwrap().unwrap().as_slice(),
        [1, 2, 3, 4, 5]
    );
    assert_eq!(reassembler.push(&[1, 1, 2, 3]), Ok(None));
    assert_eq!(reassembler.push(&[0, 4, 5, 6]), Err(FramingError::TooLarge(5)));
}

#[test]
fn a_message_without_its_last_part_stays_pending() {
    // A wallet of the field ends a message of whole parts without a last one.
    let size = PartSize::for_mtu(23);
    let mut reassembler = Reassembler::new(LIMIT);
    for part in parts(&message(38), size).map(|mut part| {
        part[0] = 1;
        part
    }) {
        assert_eq!(reassembler.push(&part), Ok(None));
    }
    assert!(reassembler.is_pending());
}

#[test]
fn lengths_before_messages() {
    let mut reader = LengthReader::new(10);
    let stream = [
        with_length(b"abc").unwrap(),
        with_length(b"").unwrap(),
        with_length(b"0123456789").unwrap(),
    ]
    .concat();
    assert_eq!(stream[..7], [0, 0, 0, 3, b'a', b'b', b'c']);
    let mut messages = Vec::new();
    for byte in &stream {
        reader.push(&[*byte]).unwrap();
        messages.extend(reader.next_message().unwrap());
    }
    assert_eq!(
        messages.iter().map(|message| message.len()).collect::<Vec<_>>(),
        [3, 0, 10]
    );
    assert!(!reader.is_pending());
    // All at once is the same.
    reader.push(&stream).unwrap();
    let again = core::iter::from_fn(|| reader.next_message().unwrap());
    assert_eq!(again.collect::<Vec<_>>(), messages);
}

#[test]
fn a_length_over_the_bound_is_refused_before_its_message_comes() {
    let mut reader = LengthReader::new(10);
    assert_eq!(reader.push(&[0, 0, 0]), Ok(()));
    assert!(reader.is_pending());
    assert_eq!(reader.push(&[11]), Err(FramingError::TooLarge(10)));
    assert_eq!(reader.push(&[]), Err(FramingError::TooLarge(10)));
    let mut behind = LengthReader::new(10);
    behind.push(&[0, 0, 0, 1, 7, 0xff, 0xff, 0xff, 0xff]).unwrap();
    assert_eq!(behind.next_message().unwrap().unwrap().as_slice(), [7]);
    assert_eq!(behind.next_message(), Err(FramingError::TooLarge(10)));
}

proptest! {
    #[test]
    fn whatever_comes_is_taken_or_refused(values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..40)) {
        let mut reassembler = Reassembler::new(100);
        for value in &values {
            if let Ok(Some(message)) = reassembler.push(value) {
                prop_assert!(message.len() <= 100);
            }
        }
    }

    #[test]
    fn parts_come_together_again(message in proptest::collection::vec(any::<u8>(), 0..2000), mtu in 0u16..600) {
        let mut reassembler = Reassembler::new(LIMIT);
        let mut whole = None;
        for part in parts(&message, PartSize::for_mtu(mtu)) {
            prop_assert!(whole.is_none());
            whole = reassembler.push(&part).unwrap();
        }
        prop_assert_eq!(whole.unwrap().to_vec(), message);
    }
}
