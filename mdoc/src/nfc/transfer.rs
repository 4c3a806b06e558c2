//! Data transfer over NFC itself (18013-5 §8.3.3.1.2): a message goes out by ENVELOPE, in a chain where it is long; its
//! answer comes back by GET RESPONSE, as often as the phone says that there is more.

use core::fmt;
use std::collections::VecDeque;

use zeroize::Zeroizing;

use crate::engagement::NfcOptions;

use super::apdu::{Answer, Command, MAX_ANSWER_DATA, MDOC_APPLICATION, SHORT_DATA, SHORT_EXPECTED, SUCCESS};

/// The tag of the data object around a message.
const DATA_OBJECT: u8 = 0x53;
const ENVELOPE: [u8; 4] = [0x00, 0xc3, 0x00, 0x00];
const ENVELOPE_CHAINED: [u8; 4] = [0x10, 0xc3, 0x00, 0x00];
const GET_RESPONSE: [u8; 4] = [0x00, 0xc0, 0x00, 0x00];
const MORE_DATA: u8 = 0x61;
/// Answers in a row that bring nothing and promise more.
const MAX_EMPTY_ANSWERS: u32 = 8;
/// Rounds of GET RESPONSE beyond those of a phone that gives [`MIN_BYTES_A_ROUND`] in each.
const SPARE_ROUNDS: usize = 64;
const MIN_BYTES_A_ROUND: usize = 64;

/// The command that selects the mdoc application; any status but success means that the phone does not transfer here.
pub fn select_mdoc() -> Vec<u8> {
    Command::select_application(MDOC_APPLICATION).encode()
}

/// What a command and an answer may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferLimits {
    max_command_data: usize,
    max_answer_data: usize,
    max_message: usize,
}

impl TransferLimits {
    /// What the phone can do, for messages of at most `max_message` bytes. Where `is_short` says so, no more than short
    /// commands hold: not every reader passes on the others.
    pub fn new(phone: &NfcOptions, is_short: bool, max_message: usize) -> Self {
        let bounded = |length: u32, short: usize, extended: usize| {
            let most = if is_short { short } else { extended };
            usize::try_from(length).unwrap_or(most).clamp(1, most)
        };
        Self {
            max_command_data: bounded(phone.max_command_data, SHORT_DATA, 0xffff),
            max_answer_data: bounded(phone.max_response_data, SHORT_EXPECTED, MAX_ANSWER_DATA),
            max_message,
        }
    }
}

/// Where an exchange is after an answer.
#[derive(Debug)]
pub enum Progress {
    /// Another command.
    Continue(Exchange, Vec<u8>),
    /// The phone's message.
    Message(Zeroizing<Vec<u8>>),
}

/// One message to the phone and one back.
pub struct Exchange {
    limits: TransferLimits,
    /// Commands that have not been given out.
    commands: VecDeque<Vec<u8>>,
    /// What has come of the data object.
    received: Zeroizing<Vec<u8>>,
    rounds: usize,
    empty_answers: u32,
}

/// Why an exchange failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// A status that is neither success nor more data.
    #[error("the phone answers with the status {0:04x}")]
    Status(u16),
    /// What came is no answer, or one with data where none is due.
    #[error("the phone gives an answer of the wrong length")]
    Answer,
    /// The answer is no data object of a message.
    #[error("the phone's message is not wrapped as one")]
    DataObject,
    /// The data object's length is not that of its bytes.
    #[error("the phone's message has not the length that it says")]
    Length,
    /// A message over the bound.
    #[error("the phone's message is too large")]
    TooLarge,
    /// More data is promised without end.
    #[error("the phone promises more data without end")]
    Endless,
}

impl Exchange {
    /// Begins to send a message; the first command.
    pub fn start(message: &[u8], limits: TransferLimits) -> (Self, Vec<u8>) {
        let object = data_object(message);
        let pieces = object.chunks(limits.max_command_data);
        let last = pieces.len() - 1;
        let mut commands: VecDeque<Vec<u8>> = pieces
            .enumerate()
            .map(|(index, data)| {
                let is_last = index == last;
                let command = Command {
                    header: if is_last { ENVELOPE } else { ENVELOPE_CHAINED },
                    data,
                    expected: is_last.then_some(limits.max_answer_data),
                };
                command.encode()
            })
            .collect();
        let first = commands.pop_front().unwrap_or_default();
        let exchange = Self {
            limits,
            commands,
            received: Zeroizing::new(Vec::new()),
            rounds: 0,
            empty_answers: 0,
        };
        (exchange, first)
    }

    /// Whether the last command given out was the last with a part of the message.
    pub fn is_sent(&self) -> bool {
        self.commands.is_empty()
    }

    /// Whether something of the phone's message has come.
    pub fn has_begun(&self) -> bool {
        !self.received.is_empty()
    }

    /// Takes the answer to the last command.
    ///
    /// # Errors
    /// [`TransferError`]; the connection is of no more use then.
    pub fn handle_answer(mut self, answer: &[u8]) -> Result<Progress, TransferError> {
        let answer = Answer::decode(answer).ok_or(TransferError::Answer)?;
        if let Some(command) = self.commands.pop_front() {
            return match answer.status {
                SUCCESS if answer.data.is_empty() => Ok(Progress::Continue(self, command)),
                SUCCESS => Err(TransferError::Answer),
                status => Err(TransferError::Status(status)),
            };
        }
        let [status, more] = answer.status.to_be_bytes();
        if answer.status != SUCCESS && status != MORE_DATA {
            return Err(TransferError::Status(answer.status));
        }
        self.take(answer.data)?;
        if answer.status == SUCCESS {
            return self.finish();
        }
        self.count(answer.data.len())?;
        // What is left is not believed: the next answer is taken as it comes, and the data object tells the end.
        let expected = match usize::from(more) {
            0 => self.limits.max_answer_data,
            left => left,
        };
        let command = Command {
            header: GET_RESPONSE,
            data: &[],
            expected: Some(expected),
        };
        Ok(Progress::Continue(self, command.encode()))
    }

    /// Adds to what has come, which is never more than the data object's length says.
    fn take(&mut self, data: &[u8]) -> Result<(), TransferError> {
        // A whole message never lies twice in memory.
        if self.received.len() + data.len() > self.received.capacity() {
            let most = self.limits.max_message.saturating_add(MAX_HEAD);
            let room = (self.received.len() + data.len())
                .saturating_mul(2)
                .min(most)
                .max(data.len());
            let mut larger = Zeroizing::new(Vec::with_capacity(room));
            larger.extend_from_slice(&self.received);
            self.received = larger;
        }
        self.received.extend_from_slice(data);
        match head(&self.received)? {
            Some(head) if head.content > self.limits.max_message => Err(TransferError::TooLarge),
            Some(head) if self.received.len() > head.length + head.content => Err(TransferError::Length),
            _ => Ok(()),
        }
    }

    fn count(&mut self, taken: usize) -> Result<(), TransferError> {
        self.rounds += 1;
        self.empty_answers = if taken == 0 { self.empty_answers + 1 } else { 0 };
        let most = self.limits.max_message / MIN_BYTES_A_ROUND + SPARE_ROUNDS;
        if self.rounds > most || self.empty_answers > MAX_EMPTY_ANSWERS {
            return Err(TransferError::Endless);
        }
        Ok(())
    }

    fn finish(self) -> Result<Progress, TransferError> {
        let head = head(&self.received)?.ok_or(TransferError::DataObject)?;
        if self.received.len() != head.length + head.content {
            return Err(TransferError::Length);
        }
        let message = self.received.get(head.length..).unwrap_or_default();
        Ok(Progress::Message(Zeroizing::new(message.to_vec())))
    }
}

/// Says how far it is, never what it carries.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("is_sent", &self.is_sent())
            .field("received_len", &self.received.len())
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}

/// The most bytes before the content of a data object.
const MAX_HEAD: usize = 6;

/// The head of a data object, as far as it has come.
struct Head {
    length: usize,
    content: usize,
}

/// None where bytes of the head are still to come.
fn head(bytes: &[u8]) -> Result<Option<Head>, TransferError> {
    let (first, lengths) = match bytes {
        [] | [DATA_OBJECT] => return Ok(None),
        [DATA_OBJECT, first, lengths @ ..] => (*first, lengths),
        _ => return Err(TransferError::DataObject),
    };
    let count = match first {
        0..=0x7f => {
            return Ok(Some(Head {
                length: 2,
                content: first.into(),
            }));
        }
        0x81..=0x84 => usize::from(first - 0x80),
        _ => return Err(TransferError::DataObject),
    };
    Ok(lengths.get(..count).map(|lengths| Head {
        length: 2 + count,
        content: lengths
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte)),
    }))
}

/// The message in its data object, with the shortest length.
fn data_object(message: &[u8]) -> Vec<u8> {
    let length = message.len().to_be_bytes();
    let significant = length.iter().skip_while(|byte| **byte == 0);
    let mut object = Vec::with_capacity(message.len() + MAX_HEAD);
    object.push(DATA_OBJECT);
    if message.len() >= 0x80 {
        let count = u8::try_from(significant.clone().count()).unwrap_or_default();
        object.push(0x80 | count);
        object.extend(significant);
    } else {
        object.extend(length.last());
    }
    object.extend_from_slice(message);
    object
}

#[cfg(test)]
#[path = "transfer_tests.rs"]
mod tests;
