//! The mdoc application: messages by ENVELOPE, answers by GET RESPONSE.

use super::{Command, DONE, NOT_ALLOWED, Reply, UNKNOWN, WRONG_LENGTH};
use crate::nfc_fault::NfcFault;

/// A reader's message; requests are small.
const MAX_MESSAGE: usize = 1024 * 1024;

#[derive(Debug, Default)]
pub(super) struct Envelope {
    /// What has come of a message.
    taken: Vec<u8>,
    /// What is left of an answer.
    left: Vec<u8>,
    /// What the last command asked for at most.
    expected: usize,
    /// Commands since the answer began.
    rounds: usize,
}

impl Envelope {
    pub(super) fn handle(&mut self, command: &Command<'_>, fault: Option<NfcFault>) -> Reply {
        let answer = |status: [u8; 2]| Reply::Answer(status.to_vec());
        match command.header {
            [_, 0xc3, ..] if fault == Some(NfcFault::RefusesEnvelope) => answer(NOT_ALLOWED),
            [class @ (0x00 | 0x10), 0xc3, 0, 0] => {
                if self.taken.len() + command.data.len() > MAX_MESSAGE {
                    return answer(WRONG_LENGTH);
                }
                self.taken.extend_from_slice(command.data);
                if class == 0x10 {
                    return answer(DONE);
                }
                self.expected = command.expected.unwrap_or_default();
                let object = core::mem::take(&mut self.taken);
                unwrapped(&object)
                    .map_or_else(|| answer(NOT_ALLOWED), |message| Reply::Message(message.to_vec()))
            }
            [0, 0xc0, 0, 0] => {
                self.expected = command.expected.unwrap_or(256);
                self.piece(fault)
            }
            _ => answer(UNKNOWN),
        }
    }

    pub(super) fn answer(&mut self, message: &[u8], fault: Option<NfcFault>) -> Reply {
        if fault == Some(NfcFault::RemovedAfterRequest) {
            return Reply::Gone;
        }
        self.left = wrapped(message);
        if fault == Some(NfcFault::WrongLength) {
            self.left.pop();
        }
        self.rounds = 0;
        self.piece(fault)
    }

    /// The next piece of the answer, and how much is left.
    fn piece(&mut self, fault: Option<NfcFault>) -> Reply {
        self.rounds += 1;
        if fault == Some(NfcFault::EndlessMoreData) {
            return Reply::Answer(vec![0x61, 0x00]);
        }
        if fault == Some(NfcFault::RemovedInResponse) && self.rounds > 3 {
            return Reply::Gone;
        }
        let most = match fault {
            // Beyond what a short command asks for, within what every buffer holds.
            Some(NfcFault::Generous) if self.rounds > 1 => self.expected + 100,
            _ => self.expected,
        };
        let rest = self.left.split_off(most.min(self.left.len()));
        let mut answer = core::mem::replace(&mut self.left, rest);
        let is_late = fault == Some(NfcFault::LateEnd) && !answer.is_empty();
        let status = match self.left.len() {
            0 if is_late => [0x61, 0x00],
            0 => DONE,
            _ if fault == Some(NfcFault::VagueMoreData) => [0x61, 0xff],
            left => match u8::try_from(left) {
                Ok(left) => [0x61, left],
                Err(_) => [0x61, 0x00],
            },
        };
        answer.extend(status);
        Reply::Answer(answer)
    }
}

/// A message in its data object.
fn wrapped(message: &[u8]) -> Vec<u8> {
    let length = message.len();
    let bytes = length.to_be_bytes();
    let head = match length {
        0..=0x7f => vec![bytes[7]],
        0x80..=0xff => vec![0x81, bytes[7]],
        0x100..=0xffff => vec![0x82, bytes[6], bytes[7]],
        _ => vec![0x83, bytes[5], bytes[6], bytes[7]],
    };
    [&[0x53][..], &head, message].concat()
}

/// The message in a data object that is nothing else.
fn unwrapped(object: &[u8]) -> Option<&[u8]> {
    let (length, message) = match object {
        [0x53, 0x81, length, rest @ ..] => (usize::from(*length), rest),
        [0x53, 0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        [0x53, 0x83, high, middle, low, rest @ ..] => {
            let length = u32::from_be_bytes([0, *high, *middle, *low]);
            (usize::try_from(length).ok()?, rest)
        }
        [0x53, length @ 0..=0x7f, rest @ ..] => (usize::from(*length), rest),
        _ => return None,
    };
    (message.len() == length).then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_objects_of_every_length() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000] {
            let message = vec![7; length];
            let object = wrapped(&message);
            assert_eq!(unwrapped(&object), Some(&message[..]));
            assert_eq!(unwrapped(&object[..object.len() - 1]), None, "{length}");
            assert_eq!(unwrapped(&[&object[..], &[7]].concat()), None);
        }
        assert_eq!(unwrapped(&[0x54, 0]), None);
        assert_eq!(unwrapped(&[]), None);
    }
}
