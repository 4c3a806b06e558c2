//! A phone as a contactless card (18013-5 §8.2.2.1, §8.3.3.1.2): commands in, answers out, without IO. Of the reader's code
//! it shares the form of NDEF records and of Bluetooth data; the tag, the negotiation and the transfer are its own.

mod envelope;
mod messages;
mod tag;

use crate::nfc_fault::NfcFault;
use envelope::Envelope;
use tag::Tag;

const NDEF_APPLICATION: &[u8] = &[0xd2, 0x76, 0x00, 0x00, 0x85, 0x01, 0x01];
const MDOC_APPLICATION: &[u8] = &[0xa0, 0x00, 0x00, 0x02, 0x48, 0x04, 0x00];
const NOT_FOUND: [u8; 2] = [0x6a, 0x82];
const NOT_ALLOWED: [u8; 2] = [0x69, 0x85];
const UNKNOWN: [u8; 2] = [0x6d, 0x00];
const WRONG_LENGTH: [u8; 2] = [0x67, 0x00];
const DONE: [u8; 2] = [0x90, 0x00];

/// What the phone offers and how it behaves.
#[derive(Clone, Debug)]
pub struct Terms {
    /// It negotiates; else its handover is static.
    pub negotiates: bool,
    /// Bluetooth LE.
    pub ble: Option<BleTerms>,
    /// NFC data transfer.
    pub nfc: Option<NfcTerms>,
    /// The most bytes that may be read from the tag at once.
    pub read_at_once: u16,
    /// The most bytes that may be written to the tag at once.
    pub write_at_once: u16,
    /// How often the tag is empty before it shows something new.
    pub empty_readings: u8,
    /// WT_INT: the reader is to wait 2^(n / 4 − 1) ms before each reading.
    pub waiting_time: u8,
    /// What it gets wrong.
    pub fault: Option<NfcFault>,
}

/// Bluetooth LE as a phone offers it in a handover.
#[derive(Clone, Copy, Debug)]
pub struct BleTerms {
    /// It can be the GATT server.
    pub peripheral: bool,
    /// It can be the GATT client.
    pub central: bool,
    /// Its service.
    pub uuid: [u8; 16],
}

/// The lengths of NFC data transfer.
#[derive(Clone, Copy, Debug)]
pub struct NfcTerms {
    /// The longest command data.
    pub max_command: u32,
    /// The longest response data.
    pub max_response: u32,
}

/// What a card does with a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It answers.
    Answer(Vec<u8>),
    /// A whole message has come; the answer is made of the phone's own by [`Card::answer`].
    Message(Vec<u8>),
    /// It has left the field.
    Gone,
}

/// The messages of a handover as they were exchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    /// Handover Select.
    pub select: Vec<u8>,
    /// Handover Request; none where the handover is static.
    pub request: Option<Vec<u8>>,
    /// What the phone has selected: the names of transports, and the UUID of Bluetooth.
    pub selected: Selected,
}

/// The carriers of a Handover Select message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// The service where the phone is the GATT server.
    pub peripheral: Option<[u8; 16]>,
    /// The service where the phone is the GATT client.
    pub central: Option<[u8; 16]>,
    /// NFC data transfer.
    pub nfc: bool,
}

/// A card in a field.
#[derive(Debug)]
pub struct Card {
    fault: Option<NfcFault>,
    transfers: bool,
    tag: Tag,
    envelope: Option<Envelope>,
}

impl Card {
    /// A card with this DeviceEngagement.
    pub fn new(engagement: &[u8], terms: &Terms) -> Self {
        Self {
            fault: terms.fault,
            transfers: terms.nfc.is_some() && terms.fault != Some(NfcFault::NoMdocApplication),
            tag: Tag::new(engagement.to_vec(), terms.clone()),
            envelope: None,
        }
    }

    /// Takes a command.
    pub fn handle(&mut self, command: &[u8]) -> Reply {
        let Some(command) = Command::parse(command) else {
            return Reply::Answer(WRONG_LENGTH.to_vec());
        };
        if command.header[..3] == [0x00, 0xa4, 0x04] {
            return Reply::Answer(self.select(command.data).to_vec());
        }
        match &mut self.envelope {
            Some(envelope) => envelope.handle(&command, self.fault),
            None => self.tag.handle(&command),
        }
    }

    /// The answer to the message that has come: the phone's own, or its beginning.
    pub fn answer(&mut self, message: &[u8]) -> Reply {
        match &mut self.envelope {
            Some(envelope) => envelope.answer(message, self.fault),
            None => Reply::Answer(NOT_ALLOWED.to_vec()),
        }
    }

    /// The handover, once its Select message has been read to the end.
    pub fn exchanged(&self) -> Option<&Exchanged> {
        self.tag.exchanged()
    }

    fn select(&mut self, name: &[u8]) -> [u8; 2] {
        self.envelope = None;
        if name == NDEF_APPLICATION && self.fault != Some(NfcFault::Locked) {
            self.tag.begin();
            DONE
        } else if name == MDOC_APPLICATION && self.transfers {
            self.envelope = Some(Envelope::default());
            DONE
        } else {
            NOT_FOUND
        }
    }
}

/// A command, taken apart.
struct Command<'a> {
    header: [u8; 4],
    data: &'a [u8],
    /// Le: the most bytes that the reader wants.
    expected: Option<usize>,
}

impl<'a> Command<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, body) = bytes.split_first_chunk::<4>()?;
        let or = |number: usize, nought: usize| if number == 0 { nought } else { number };
        let two = |high: u8, low: u8| usize::from(u16::from_be_bytes([high, low]));
        let (data, expected) = match body {
            [] => (&[][..], None),
            [expected] => (&[][..], Some(or((*expected).into(), 256))),
            [0, high, low] => (&[][..], Some(or(two(*high, *low), 65_536))),
            [0, high, low, rest @ ..] => {
                let (data, expected) = rest.split_at_checked(two(*high, *low))?;
                match expected {
                    [] => (data, None),
                    [high, low] => (data, Some(or(two(*high, *low), 65_536))),
                    _ => return None,
                }
            }
            [length, rest @ ..] => {
                let (data, expected) = rest.split_at_checked((*length).into())?;
                match expected {
                    [] => (data, None),
                    [expected] => (data, Some(or((*expected).into(), 256))),
                    _ => return None,
                }
            }
        };
        Some(Self {
            header: *header,
            data,
            expected,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_taken_apart_in_both_forms() {
        let parse =
            |bytes: &[u8]| Command::parse(bytes).map(|command| (command.data.to_vec(), command.expected));
        assert_eq!(parse(&[0, 0xb0, 0, 0]), Some((vec![], None)));
        assert_eq!(parse(&[0, 0xb0, 0, 0, 0]), Some((vec![], Some(256))));
        assert_eq!(parse(&[0, 0xb0, 0, 0, 0, 1, 0]), Some((vec![], Some(256))));
        assert_eq!(parse(&[0, 0xb0, 0, 0, 0, 0, 0]), Some((vec![], Some(65_536))));
        assert_eq!(parse(&[0, 0xd6, 0, 0, 2, 7, 8]), Some((vec![7, 8], None)));
        assert_eq!(parse(&[0, 0xd6, 0, 0, 2, 7, 8, 9]), Some((vec![7, 8], Some(9))));
        assert_eq!(parse(&[0, 0xc3, 0, 0, 0, 0, 1, 7]), Some((vec![7], None)));
        assert_eq!(
            parse(&[0, 0xc3, 0, 0, 0, 0, 1, 7, 0, 9]),
            Some((vec![7], Some(9)))
        );
        for bytes in [
            &[0, 0xb0, 0][..],
            &[0, 0xd6, 0, 0, 2, 7],
            &[0, 0xd6, 0, 0, 1, 7, 8, 9],
        ] {
            assert_eq!(parse(bytes), None, "{bytes:x?}");
        }
        assert_eq!(parse(&[0, 0xc3, 0, 0, 0, 0, 2, 7]), None);
        assert_eq!(parse(&[0, 0xc3, 0, 0, 0, 0, 1, 7, 0]), None);
    }
}
