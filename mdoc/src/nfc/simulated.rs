//! A tag in memory, for tests: right by default, with switches for what it gets wrong.

use super::handover::VERSION;
use super::ndef::{self, Record, TypeNameFormat};

/// The DeviceEngagement of a handover: version 1.0 and a key on P-256, its generator.
pub(super) fn engagement() -> Vec<u8> {
    let point = hex::decode(concat!(
        "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    ));
    let point = point.unwrap();
    [
        &[
            0xa2, 0, 0x63, b'1', b'.', b'0', 1, 0x82, 1, 0xd8, 0x18, 0x58, 0x4b,
        ][..],
        &[0xa4, 1, 2, 0x20, 1, 0x21, 0x58, 0x20],
        &point[..32],
        &[0x22, 0x58, 0x20],
        &point[32..],
    ]
    .concat()
}

pub(super) fn record<'a>(
    format: TypeNameFormat,
    record_type: &'a [u8],
    id: &'a [u8],
    payload: &'a [u8],
) -> Record<'a> {
    Record {
        format,
        record_type,
        id,
        payload,
    }
}

/// A Handover Select message that refers to these carriers, and then has this engagement and the carriers.
pub(super) fn select(carriers: &[Record<'_>], engagement: &[u8]) -> Vec<u8> {
    let references: Vec<Vec<u8>> = carriers
        .iter()
        .map(|carrier| {
            let length = u8::try_from(carrier.id.len()).unwrap();
            [&[1, length][..], carrier.id, &[1, 4], b"mdoc"].concat()
        })
        .collect();
    let references: Vec<Record<'_>> = references
        .iter()
        .map(|reference| record(TypeNameFormat::WellKnown, b"ac", b"", reference))
        .collect();
    let payload = [&[VERSION][..], &ndef::encode(&references)].concat();
    let mut records = vec![
        record(TypeNameFormat::WellKnown, b"Hs", b"", &payload),
        record(
            TypeNameFormat::External,
            b"iso.org:18013:deviceengagement",
            b"mdoc",
            engagement,
        ),
    ];
    records.extend_from_slice(carriers);
    ndef::encode(&records)
}

/// The message of a phone that negotiates.
pub(super) fn service(waiting_time: u8, extensions: u8, max_message: u16) -> Vec<u8> {
    let payload = [
        &b"\x10\x13urn:nfc:sn:handover\0"[..],
        &[waiting_time, extensions],
        &max_message.to_be_bytes(),
    ]
    .concat();
    ndef::encode(&[record(TypeNameFormat::WellKnown, b"Tp", b"", &payload)])
}

pub(super) fn status(status: u8) -> Vec<u8> {
    ndef::encode(&[record(TypeNameFormat::WellKnown, b"Te", b"", &[status])])
}

/// A tag that shows one message after the other: the next one whenever a whole message has been written.
pub(super) struct Tag {
    pub(super) capability: Vec<u8>,
    pub(super) messages: Vec<Vec<u8>>,
    /// Lengths of nought that it gives before the first message.
    pub(super) empty_readings: usize,
    /// Lengths of nought that it gives whenever it has been written to.
    pub(super) empty_after_writing: usize,
    /// The most bytes that it gives at once, whatever is asked for.
    pub(super) most_at_once: usize,
    /// Messages that were written, whole.
    pub(super) written: Vec<Vec<u8>>,
    /// The data of every writing command, with its offset.
    pub(super) writings: Vec<(usize, usize)>,
    selected: Vec<u8>,
    file: Vec<u8>,
    empty: usize,
}

impl Tag {
    pub(super) fn new(messages: Vec<Vec<u8>>) -> Self {
        let write_access = if messages.len() > 1 { 0 } else { 0xff };
        Self {
            capability: vec![
                0,
                15,
                0x20,
                0x7f,
                0xff,
                0x7f,
                0xff,
                4,
                6,
                0xe1,
                4,
                0x7f,
                0xff,
                0,
                write_access,
            ],
            messages,
            empty_readings: 0,
            empty_after_writing: 0,
            most_at_once: usize::MAX,
            written: Vec::new(),
            writings: Vec::new(),
            selected: Vec::new(),
            file: Vec::new(),
            empty: 0,
        }
    }

    /// The answer to a command.
    pub(super) fn answer(&mut self, command: &[u8]) -> Vec<u8> {
        let data = match command[1] {
            0xa4 => {
                self.selected = command[5..5 + usize::from(command[4])].to_vec();
                if self.selected == [0xe1, 4] && self.file.is_empty() {
                    self.show();
                    self.empty = self.empty_readings;
                }
                Some(Vec::new())
            }
            0xb0 => Some(self.read(offset(command), usize::from(command[4]))),
            0xd6 => {
                self.write(offset(command), &command[5..]);
                Some(Vec::new())
            }
            _ => None,
        };
        match data {
            Some(data) => [&data[..], &[0x90, 0]].concat(),
            None => vec![0x6d, 0],
        }
    }

    fn show(&mut self) {
        let message = self.messages.remove(0);
        let length = u16::try_from(message.len()).unwrap().to_be_bytes();
        self.file = [&length[..], &message].concat();
        self.empty = self.empty_after_writing;
    }

    fn read(&mut self, offset: usize, most: usize) -> Vec<u8> {
        if self.selected == [0xe1, 3] {
            return self.capability.clone();
        }
        if offset == 0 && self.empty > 0 {
            self.empty -= 1;
            return vec![0, 0];
        }
        let rest = self.file.get(offset..).unwrap_or_default();
        rest[..most.min(rest.len()).min(self.most_at_once)].to_vec()
    }

    fn write(&mut self, offset: usize, data: &[u8]) {
        self.writings.push((offset, data.len()));
        let end = offset + data.len();
        self.file.resize(self.file.len().max(end), 0);
        self.file[offset..end].copy_from_slice(data);
        let length = usize::from(u16::from_be_bytes([self.file[0], self.file[1]]));
        if offset == 0 && length > 0 && end >= 2 {
            self.written.push(self.file[2..2 + length].to_vec());
            self.show();
        }
    }
}

fn offset(command: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([command[2], command[3]]))
}
