//! From a phone on the reader to its engagement (18013-5 §8.2.2.1): the tag, its files, static or negotiated handover.

use core::time::Duration;

use super::apdu::{Answer, Command, NDEF_APPLICATION, NOT_FOUND, SHORT_DATA, SUCCESS};
use super::handover::{HandoverError, HandoverRequest, HandoverSelect, NfcEngagement};
use super::ndef::{self, MAX_MESSAGE_LEN, NdefError};
use super::tnep::{self, ServiceParameter};

const CAPABILITY_FILE: [u8; 2] = [0xe1, 0x03];
/// Bytes of the capability container up to the end of its one file.
const CAPABILITY_LEN: usize = 15;
/// The tag and length of the control of an NDEF file.
const FILE_CONTROL: [u8; 2] = [0x04, 0x06];
/// The least that a tag has to let be read at once.
const MIN_READ: usize = 15;
/// Where the message begins in its file, behind its length.
const MESSAGE_OFFSET: u16 = 2;
/// How long, and how often, an empty tag is given time to fill itself before it has said how it wants it.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const FIRST_RETRIES: u8 = 10;

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// To wait first.
    pub after: Duration,
    /// The command to send.
    pub command: Vec<u8>,
}

/// Where an engagement is after an answer.
#[derive(Debug)]
pub enum Step {
    /// Another command.
    Continue(Engaging, Next),
    /// The handover is done.
    Done(NfcEngagement),
}

/// An engagement under way.
///
/// The caller sends the command of [`Next`] when its wait is over, and hands the answer to
/// [`handle_answer`](Self::handle_answer). The number of commands is bounded, whatever the phone answers.
#[derive(Debug)]
pub struct Engaging {
    request: HandoverRequest,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The NDEF application was selected.
    Application,
    /// The capability container was selected.
    CapabilityFile,
    /// The capability container was read.
    Capability,
    /// The NDEF file was selected.
    File(Tag),
    /// The length of a message was read.
    Length(Reading),
    /// A piece of a message was read: how many bytes of the whole were asked for.
    Body(Reading, Body),
    /// A piece of a message was written; these pieces follow.
    Writing(Reading, Vec<Piece>),
}

/// The NDEF file of a phone.
#[derive(Clone, Copy, Debug)]
struct Tag {
    read_at_once: usize,
    write_at_once: usize,
    max_message: usize,
    is_writable: bool,
}

/// A message that is to be read.
#[derive(Clone, Copy, Debug)]
struct Reading {
    tag: Tag,
    due: Due,
    /// How often an empty file is read again.
    retries: u8,
}

#[derive(Clone, Copy, Debug)]
enum Due {
    /// The first message of the tag.
    First,
    /// The answer to the selection of the handover service.
    ServiceStatus(ServiceParameter),
    /// The Handover Select message of a negotiated handover.
    Select(ServiceParameter),
}

#[derive(Debug)]
struct Body {
    message: Vec<u8>,
    length: usize,
    asked: usize,
}

/// Bytes to write, and where to.
type Piece = (u16, Vec<u8>);

/// Why there is no engagement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngagingError {
    /// The phone has no NDEF application for now (status 6A82): it is locked, or has no wallet that wants to be engaged.
    #[error("the phone is locked, or has no wallet open")]
    Locked,
    /// The phone answers a command with a status that is no success.
    #[error("the phone answers with the status {0:04x}")]
    Status(u16),
    /// What came is no answer, or has more or fewer bytes than were asked for.
    #[error("the phone gives an answer of the wrong length")]
    Answer,
    /// The capability container is malformed.
    #[error("the phone's tag has a malformed capability container")]
    Capability,
    /// The file names a length that cannot be.
    #[error("the phone's tag has a message that is too large")]
    TooLarge,
    /// Nothing came in the time that the phone itself had named.
    #[error("the phone's tag stays empty")]
    NotReady,
    /// What is to be negotiated cannot be written.
    #[error("the phone negotiates, and its tag cannot be written")]
    NotWritable,
    /// The Handover Request is larger than the phone takes.
    #[error("the phone takes no message of the size of a handover request")]
    RequestTooLarge,
    /// The message is neither a Handover Select nor one of a handover service.
    #[error("the tag holds no handover of a mobile document")]
    NoHandover,
    /// The phone answers the selection of its service with this status, or with none.
    #[error("the phone refuses the negotiation")]
    Refused(Option<u8>),
    /// The messages of the handover.
    #[error("the phone's handover: {0}")]
    Handover(#[from] HandoverError),
}

impl From<NdefError> for EngagingError {
    fn from(error: NdefError) -> Self {
        Self::Handover(HandoverError::Ndef(error))
    }
}

impl Engaging {
    /// Begins with a phone that has come onto the reader. `request` is what to say where the phone negotiates.
    pub fn start(request: HandoverRequest) -> (Self, Next) {
        let engaging = Self {
            request,
            stage: Stage::Application,
        };
        (engaging, at_once(&Command::select_application(NDEF_APPLICATION)))
    }

    /// Takes the answer to the last command.
    ///
    /// # Errors
    /// [`EngagingError`]; the engagement is over then.
    pub fn handle_answer(self, answer: &[u8]) -> Result<Step, EngagingError> {
        let Self { request, stage } = self;
        let answer = Answer::decode(answer).ok_or(EngagingError::Answer)?;
        match answer.status {
            SUCCESS => {}
            NOT_FOUND if matches!(stage, Stage::Application) => return Err(EngagingError::Locked),
            status => return Err(EngagingError::Status(status)),
        }
        let (stage, next) = match stage {
            Stage::Application => (
                Stage::CapabilityFile,
                at_once(&Command::select_file(&CAPABILITY_FILE)),
            ),
            Stage::CapabilityFile => (
                Stage::Capability,
                at_once(&Command::read_binary(0, CAPABILITY_LEN)),
            ),
            Stage::Capability => {
                let (tag, id) = Tag::decode(answer.data).ok_or(EngagingError::Capability)?;
                (Stage::File(tag), at_once(&Command::select_file(&id)))
            }
            Stage::File(tag) => {
                let due = Due::First;
                let retries = FIRST_RETRIES;
                Reading { tag, due, retries }.length(Duration::ZERO)
            }
            Stage::Length(reading) => reading.handle_length(answer.data)?,
            Stage::Body(reading, body) => match reading.handle_body(body, answer.data)? {
                Piecewise::More(stage, next) => (stage, next),
                Piecewise::Whole(message) => return handle_message(request, reading, &message),
            },
            Stage::Writing(reading, mut pieces) => {
                if pieces.is_empty() {
                    reading.length(reading.due.wait())
                } else {
                    let (offset, data) = pieces.remove(0);
                    (
                        Stage::Writing(reading, pieces),
                        at_once(&Command::update_binary(offset, &data)),
                    )
                }
            }
        };
        Ok(Step::Continue(Self { request, stage }, next))
    }
}

/// A whole message: what it is follows from what was due.
fn handle_message(request: HandoverRequest, reading: Reading, message: &[u8]) -> Result<Step, EngagingError> {
    let records = ndef::decode(message)?;
    let tag = reading.tag;
    let is_select = records.first().is_some_and(|record| record.is_well_known(b"Hs"));
    match reading.due {
        Due::First if is_select => Ok(Step::Done(HandoverSelect::decode(message)?.into_static()?)),
        Due::First => {
            let service = ServiceParameter::find(&records).ok_or(EngagingError::NoHandover)?;
            if !tag.is_writable {
                return Err(EngagingError::NotWritable);
            }
            tag.write(request, &tnep::service_select(), Due::ServiceStatus(service))
        }
        Due::ServiceStatus(service) => match tnep::status(&records) {
            Some(0) => {
                let message = request.as_bytes().to_vec();
                tag.write(request, &message, Due::Select(service))
            }
            status => Err(EngagingError::Refused(status)),
        },
        Due::Select(_) => match tnep::status(&records) {
            Some(status) if !is_select => Err(EngagingError::Refused(Some(status))),
            _ => Ok(Step::Done(
                HandoverSelect::decode(message)?.into_negotiated(request)?,
            )),
        },
    }
}

impl Due {
    fn service(&self) -> Option<&ServiceParameter> {
        match self {
            Self::First => None,
            Self::ServiceStatus(service) | Self::Select(service) => Some(service),
        }
    }

    fn wait(&self) -> Duration {
        self.service().map_or(FIRST_WAIT, |service| service.wait())
    }
}

enum Piecewise {
    More(Stage, Next),
    Whole(Vec<u8>),
}

impl Reading {
    fn length(self, after: Duration) -> (Stage, Next) {
        let command = Command::read_binary(0, usize::from(MESSAGE_OFFSET)).encode();
        (Stage::Length(self), Next { after, command })
    }

    fn handle_length(mut self, data: &[u8]) -> Result<(Stage, Next), EngagingError> {
        let length: [u8; 2] = data.try_into().map_err(|_| EngagingError::Answer)?;
        match usize::from(u16::from_be_bytes(length)) {
            0 => {
                self.retries = self.retries.checked_sub(1).ok_or(EngagingError::NotReady)?;
                Ok(self.length(self.due.wait()))
            }
            length if length > self.tag.max_message => Err(EngagingError::TooLarge),
            length => {
                let message = Vec::with_capacity(length);
                Ok(self.body(message, length))
            }
        }
    }

    fn body(self, message: Vec<u8>, length: usize) -> (Stage, Next) {
        let asked = (length - message.len()).min(self.tag.read_at_once);
        // The whole is no longer than offsets reach.
        let offset = u16::try_from(message.len())
            .unwrap_or(u16::MAX)
            .saturating_add(MESSAGE_OFFSET);
        let next = at_once(&Command::read_binary(offset, asked));
        let body = Body {
            message,
            length,
            asked,
        };
        (Stage::Body(self, body), next)
    }

    fn handle_body(self, mut body: Body, data: &[u8]) -> Result<Piecewise, EngagingError> {
        // Fewer bytes than asked for are a phone's right; none, or more, are not.
        if data.is_empty() || data.len() > body.asked {
            return Err(EngagingError::Answer);
        }
        body.message.extend_from_slice(data);
        if body.message.len() == body.length {
            return Ok(Piecewise::Whole(body.message));
        }
        let (stage, next) = self.body(body.message, body.length);
        Ok(Piecewise::More(stage, next))
    }
}

impl Tag {
    /// The NDEF file that the capability container names, and its identifier.
    fn decode(container: &[u8]) -> Option<(Self, [u8; 2])> {
        let container: &[u8; CAPABILITY_LEN] = container.try_into().ok()?;
        let [
            _,
            _,
            version,
            read_high,
            read_low,
            write_high,
            write_low,
            control @ ..,
        ] = container;
        let [
            tag,
            length,
            id_high,
            id_low,
            size_high,
            size_low,
            read_access,
            write_access,
        ] = control;
        let number = |high: &u8, low: &u8| usize::from(u16::from_be_bytes([*high, *low]));
        let (read_at_once, write_at_once) = (number(read_high, read_low), number(write_high, write_low));
        let size = number(size_high, size_low);
        let is_sound = matches!(version >> 4, 2 | 3)
            && [*tag, *length] == FILE_CONTROL
            && read_at_once >= MIN_READ
            && size > usize::from(MESSAGE_OFFSET)
            && *read_access == 0;
        let tag = Self {
            read_at_once: read_at_once.min(SHORT_DATA),
            write_at_once: write_at_once.min(SHORT_DATA),
            max_message: size
                .saturating_sub(usize::from(MESSAGE_OFFSET))
                .min(MAX_MESSAGE_LEN),
            // A length is written in one piece, so that a phone never sees half of one.
            is_writable: *write_access == 0 && write_at_once >= usize::from(MESSAGE_OFFSET),
        };
        is_sound.then_some((tag, [*id_high, *id_low]))
    }

    /// Writes a message, and then reads what is due: in one command where length and message fit it; else the length
    /// comes last, so that the phone never sees a part of a message.
    fn write(self, request: HandoverRequest, message: &[u8], due: Due) -> Result<Step, EngagingError> {
        let service_max = due
            .service()
            .map_or(usize::MAX, |service| service.max_message_len());
        let length = u16::try_from(message.len()).map_err(|_| EngagingError::RequestTooLarge)?;
        if message.len() > self.max_message.min(service_max) {
            return Err(EngagingError::RequestTooLarge);
        }
        let length = length.to_be_bytes();
        let mut pieces: Vec<Piece> = Vec::new();
        if length.len() + message.len() <= self.write_at_once {
            pieces.push((0, [&length[..], message].concat()));
        } else {
            pieces.extend(self.cut(0, &[0, 0]));
            pieces.extend(self.cut(MESSAGE_OFFSET, message));
            pieces.extend(self.cut(0, &length));
        }
        let reading = Reading {
            tag: self,
            due,
            retries: due.service().map_or(0, |service| service.retries()),
        };
        let (offset, data) = pieces.remove(0);
        let next = at_once(&Command::update_binary(offset, &data));
        let stage = Stage::Writing(reading, pieces);
        Ok(Step::Continue(Engaging { request, stage }, next))
    }

    /// These bytes from this offset on, in pieces that the phone takes.
    fn cut(&self, mut offset: u16, bytes: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for piece in bytes.chunks(self.write_at_once) {
            pieces.push((offset, piece.to_vec()));
            offset = offset.saturating_add(u16::try_from(piece.len()).unwrap_or(u16::MAX));
        }
        pieces
    }
}

fn at_once(command: &Command<'_>) -> Next {
    Next {
        after: Duration::ZERO,
        command: command.encode(),
    }
}

#[cfg(test)]
#[path = "engaging_tests.rs"]
mod tests;
