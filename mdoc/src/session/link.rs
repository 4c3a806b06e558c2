//! The reader's side of a GATT connection, without IO (ISO/IEC 18013-5 §8.3.3.1.1): the start, messages in
//! parts, the end.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::ble::{STATE_END, STATE_START};
use super::framing::{FramingError, PartSize, Reassembler, parts};

/// Which side of GATT the reader is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GattRole {
    /// The phone is the server (mdoc peripheral server mode): the reader writes Client2Server.
    Client,
    /// The reader is the server (mdoc central client mode): the reader notifies Server2Client.
    Server,
}

/// A value that the caller has to write or notify, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// A value of the characteristic State.
    State(u8),
    /// A part of a message: a value of Client2Server or Server2Client, by the role.
    Part(Vec<u8>),
}

/// What happened on a link.
#[derive(PartialEq, Eq)]
pub enum LinkEvent {
    /// The session may begin.
    Started,
    /// The first part of a message has come and more are due.
    Progress,
    /// A whole message.
    Message(Zeroizing<Vec<u8>>),
    /// The phone has written or notified the end. Nothing more is taken.
    Ended,
    /// What came is no part of a message. Nothing more is taken.
    Failed(FramingError),
}

/// Shows the length of a message, never its content.
impl core::fmt::Debug for LinkEvent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Started => f.write_str("Started"),
            Self::Progress => f.write_str("Progress"),
            Self::Message(message) => write!(f, "Message({} bytes)", message.len()),
            Self::Ended => f.write_str("Ended"),
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The client has not started.
    Waiting,
    Open,
    Over,
}

/// One connection of GATT, from the start to the end.
///
/// The caller moves values. As the client it calls [`start`](Self::start) when both notifications are enabled;
/// as the server it hands on what is written to State. Each call is followed by taking all of
/// [`poll_transmit`](Self::poll_transmit).
#[derive(Debug)]
pub struct GattLink {
    role: GattRole,
    part_size: PartSize,
    reassembler: Reassembler,
    stage: Stage,
    outgoing: VecDeque<Outgoing>,
    /// Values of the message that comes in.
    received_parts: usize,
}

impl GattLink {
    /// A connection that has not started, for messages of at most `limit` bytes.
    pub fn new(role: GattRole, part_size: PartSize, limit: usize) -> Self {
        Self {
            role,
            part_size,
            reassembler: Reassembler::new(limit),
            stage: Stage::Waiting,
            outgoing: VecDeque::new(),
            received_parts: 0,
        }
    }

    /// The client starts the session. For a server this is nothing: the phone starts.
    pub fn start(&mut self) {
        if self.role == GattRole::Client && self.stage == Stage::Waiting {
            self.stage = Stage::Open;
            self.outgoing.push_back(Outgoing::State(STATE_START));
        }
    }

    /// The size of parts from the next message on: the MTU has become known.
    pub const fn set_part_size(&mut self, part_size: PartSize) {
        self.part_size = part_size;
    }

    /// Takes a value of State. A value that is not known, or not due, is ignored.
    pub fn handle_state(&mut self, value: &[u8]) -> Option<LinkEvent> {
        match (value, self.stage, self.role) {
            (&[STATE_START], Stage::Waiting, GattRole::Server) => {
                self.stage = Stage::Open;
                Some(LinkEvent::Started)
            }
            // Before the start there is nothing that could end.
            (&[STATE_END], Stage::Open, _) => {
                self.stage = Stage::Over;
                Some(LinkEvent::Ended)
            }
            _ => None,
        }
    }

    /// Takes a part of a message. What comes before the start or after the end is ignored.
    pub fn handle_part(&mut self, value: &[u8]) -> Option<LinkEvent> {
        if self.stage != Stage::Open {
            return None;
        }
        let begun = self.reassembler.is_pending();
        self.received_parts = if begun { self.received_parts + 1 } else { 1 };
        match self.reassembler.push(value) {
            Ok(Some(message)) => Some(LinkEvent::Message(message)),
            Ok(None) => (!begun).then_some(LinkEvent::Progress),
            Err(error) => {
                self.stage = Stage::Over;
                Some(LinkEvent::Failed(error))
            }
        }
    }

    /// Cuts a message into parts. On a link that is not open nothing is sent.
    pub fn send(&mut self, message: &[u8]) {
        if self.stage == Stage::Open {
            self.outgoing
                .extend(parts(message, self.part_size).map(Outgoing::Part));
        }
    }

    /// Ends the session from this side, behind what is still to be sent.
    pub fn end(&mut self) {
        if self.stage == Stage::Open {
            self.stage = Stage::Over;
            self.outgoing.push_back(Outgoing::State(STATE_END));
        }
    }

    /// The next value to write or notify.
    pub fn poll_transmit(&mut self) -> Option<Outgoing> {
        self.outgoing.pop_front()
    }

    /// Whether the session has started and not ended.
    pub fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Whether a message has begun and its last part is still due.
    pub const fn is_message_pending(&self) -> bool {
        self.reassembler.is_pending()
    }

    /// Parts of the last message, or of the one that is coming in. A message in one part cannot have been
    /// put together in the wrong order.
    pub const fn received_parts(&self) -> usize {
        self.received_parts
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
