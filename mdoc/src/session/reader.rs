//! The reader's side of a proximity session, without IO: requests and their responses, one at a time.

mod engaged;
mod envelope;
mod state;

pub use engaged::{Engaged, Handover};
pub use envelope::{OpenError, SealError};

use core::fmt;
use core::time::Duration;

use zeroize::Zeroizing;

use crate::crypto::PrivateKey;
use crate::limits::Limits;
use crate::request::{DeviceRequest, RequestError};

use super::{
    MessageError, MonotonicTime, Party, Phase, SessionData, SessionFailure, SessionTranscript, Status,
};
use state::{Received, State};

/// How long each phase may take, and how large a message may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// From the start until the transport is connected.
    pub connect_timeout: Duration,
    /// From then on until the request is sent.
    pub request_timeout: Duration,
    /// From then on until the first bytes of the response: the holder reads and consents.
    pub consent_timeout: Duration,
    /// From then on until the whole response is there.
    pub receive_timeout: Duration,
    /// From then on until another request is made, or the session ended.
    pub idle_timeout: Duration,
    /// The most bytes of a message of the phone.
    pub max_message_len: usize,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(10),
            consent_timeout: Duration::from_secs(60),
            receive_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(300),
            max_message_len: Limits::default().message_bytes,
        }
    }
}

/// What the session has to tell: a response for each request, and at most one of the others as the last.
#[derive(PartialEq, Eq)]
pub enum Event {
    /// The decrypted DeviceResponse, wiped on drop. Nothing of it has been looked at.
    Response(Zeroizing<Vec<u8>>),
    /// The phone ended the session, or its transport did, while nothing was due.
    Ended,
    /// The session failed.
    Failed(SessionFailure),
}

/// Shows the length of a response, never its content.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(plaintext) => write!(f, "Response({} bytes)", plaintext.len()),
            Self::Ended => f.write_str("Ended"),
            Self::Failed(failure) => f.debug_tuple("Failed").field(failure).finish(),
        }
    }
}

/// Events that have not been polled: a response, and how the session ended after it.
#[derive(Default)]
struct Events([Option<Event>; 2]);

impl Events {
    fn push(&mut self, event: Event) {
        if let Some(slot) = self.0.iter_mut().find(|slot| slot.is_none()) {
            *slot = Some(event);
        }
    }

    fn poll(&mut self) -> Option<Event> {
        let [first, second] = &mut self.0;
        let event = first.take();
        *first = second.take();
        event
    }

    const fn is_empty(&self) -> bool {
        self.0[0].is_none()
    }
}

/// Why another request cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NextRequestError {
    /// A response is due, or the session is over.
    #[error("the session is not open for another request")]
    NotIdle,
    /// The response to the last request has not been polled.
    #[error("the last response has not been taken")]
    ResponsePending,
    /// The request is too large, or not one that can be sent.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The number of messages that one key may seal is used up. The session has to end.
    #[error("the session has no message left")]
    UsedUp,
}

/// A message after the session's end; it was not looked into, and the session stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message after the end of the session")]
pub struct AfterEnd;

/// How a transport ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportEnd {
    /// The phone ended it by the transport's own rules.
    Ended,
    /// It closed or broke.
    Lost,
}

/// A session from the first request to its end.
///
/// The caller moves bytes and reads the clock. In this order:
/// 1. [`handle_connected`](Self::handle_connected) when the transport is up;
/// 2. [`poll_transmit`](Self::poll_transmit), and [`handle_sent`](Self::handle_sent) when that is written;
/// 3. [`handle_progress`](Self::handle_progress) when the first bytes of a message come, and
///    [`handle_message`](Self::handle_message) with the whole one;
/// 4. with the response, [`request`](Self::request) for another round from step 2 on, or
///    [`terminate`](Self::terminate).
///
/// After each of them, and after [`handle_timeout`](Self::handle_timeout), poll all three outputs: what
/// to send, what happened, and when to call `handle_timeout`. Close the transport when
/// [`is_finished`](Self::is_finished).
pub struct ReaderSession {
    transcript: SessionTranscript,
    state: State,
    transmit: Option<Vec<u8>>,
    events: Events,
}

impl ReaderSession {
    /// The transport is connected.
    pub fn handle_connected(&mut self, now: MonotonicTime) {
        if self.expire(now) {
            return;
        }
        self.step(|state, transmit| match state {
            State::Connecting(connecting) => {
                let (requesting, establishment) = connecting.connected(now);
                *transmit = Some(establishment);
                State::Requesting(requesting)
            }
            other => other,
        });
    }

    /// The message of [`poll_transmit`](Self::poll_transmit) is written.
    pub fn handle_sent(&mut self, now: MonotonicTime) {
        if self.expire(now) {
            return;
        }
        self.step(|state, transmit| match state {
            State::Requesting(requesting) if transmit.is_none() => State::Consenting(requesting.sent(now)),
            other => other,
        });
    }

    /// The first bytes of a message have come and more are due. A message that comes whole needs no
    /// such call; a refusal then counts to the phase of consent.
    pub fn handle_progress(&mut self, now: MonotonicTime) {
        if self.expire(now) {
            return;
        }
        self.step(|state, transmit| match state {
            State::Requesting(requesting) if transmit.is_none() => {
                State::Receiving(requesting.sent(now).receiving(now))
            }
            State::Consenting(consenting) => State::Receiving(consenting.receiving(now)),
            other => other,
        });
    }

    /// A whole message has come.
    ///
    /// # Errors
    /// [`AfterEnd`]; what is wrong before the end is told as an [`Event`].
    pub fn handle_message(&mut self, now: MonotonicTime, bytes: &[u8]) -> Result<(), AfterEnd> {
        match &mut self.state {
            State::Failed => return Err(AfterEnd),
            State::Done(done) => return done.message(bytes),
            _ => {}
        }
        if self.expire(now) {
            return Err(AfterEnd);
        }
        let Some(phase) = self.phase() else {
            return Err(AfterEnd);
        };
        self.handle_progress(now);
        match core::mem::replace(&mut self.state, State::Failed) {
            State::Receiving(receiving) => match receiving.message(now, phase, bytes) {
                Ok(Received { after, plaintext }) => {
                    self.events.push(Event::Response(plaintext));
                    self.state = after;
                }
                Err(failure) => self.fail(failure, status_to_send(&failure)),
            },
            State::Idle(idle) => match idle.message(bytes) {
                Ok(done) => {
                    self.events.push(Event::Ended);
                    self.state = State::Done(done);
                }
                Err(failure) => self.fail(failure, status_to_send(&failure)),
            },
            // The request has not been handed to the transport yet.
            _ => self.fail(
                SessionFailure::Decoding {
                    phase,
                    fault: Some(MessageError::TooEarly),
                },
                Some(Status::DecodingError).filter(|_| phase != Phase::Connect),
            ),
        }
        Ok(())
    }

    /// The moment of [`poll_timeout`](Self::poll_timeout) may have come.
    pub fn handle_timeout(&mut self, now: MonotonicTime) {
        self.expire(now);
    }

    /// The transport has ended. Nothing more can be sent.
    pub fn handle_transport_end(&mut self, now: MonotonicTime, end: TransportEnd) {
        let phase = if self.expire(now) { None } else { self.phase() };
        if phase == Some(Phase::Idle) {
            self.step(|state, _| match state {
                State::Idle(idle) => State::Done(idle.done(false)),
                other => other,
            });
            self.events.push(Event::Ended);
        } else if let Some(phase) = phase {
            let failure = match end {
                TransportEnd::Ended => SessionFailure::Terminated {
                    phase,
                    by: Party::Phone,
                    status: None,
                },
                TransportEnd::Lost => SessionFailure::Transport { phase },
            };
            self.fail(failure, None);
        }
        self.transmit = None;
    }

    /// Makes another request in the same session (18013-5 §9.1.1.4).
    ///
    /// # Errors
    /// [`NextRequestError`]; the session stays as it is.
    pub fn request(&mut self, now: MonotonicTime, request: &DeviceRequest) -> Result<(), NextRequestError> {
        if self.expire(now) {
            return Err(NextRequestError::NotIdle);
        }
        let State::Idle(idle) = &mut self.state else {
            return Err(NextRequestError::NotIdle);
        };
        if !self.events.is_empty() {
            return Err(NextRequestError::ResponsePending);
        }
        let plaintext = request.encode();
        if plaintext.len() > DeviceRequest::MAX_LEN {
            return Err(RequestError::TooLarge.into());
        }
        let message = idle.request(&plaintext).map_err(|_| NextRequestError::UsedUp)?;
        self.step(|state, transmit| match state {
            State::Idle(idle) => {
                *transmit = Some(message);
                State::Requesting(idle.requesting(now))
            }
            other => other,
        });
        Ok(())
    }

    /// Ends the session from this side: in good order where no response is due, else as a failure.
    pub fn terminate(&mut self) {
        if let State::Idle(_) = self.state {
            self.step(|state, transmit| match state {
                State::Idle(idle) => {
                    *transmit = Some(SessionData::with_status(Status::Termination).encode());
                    State::Done(idle.done(true))
                }
                other => other,
            });
        } else if let Some(phase) = self.phase() {
            let failure = SessionFailure::Terminated {
                phase,
                by: Party::Reader,
                status: None,
            };
            self.fail(
                failure,
                Some(Status::Termination).filter(|_| phase != Phase::Connect),
            );
        }
    }

    /// The next message to send.
    pub const fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.transmit.take()
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.poll()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub const fn poll_timeout(&self) -> Option<MonotonicTime> {
        match self.state.pending() {
            Some((_, deadline)) => Some(deadline),
            None => None,
        }
    }

    /// The phase; none when the session is over.
    pub const fn phase(&self) -> Option<Phase> {
        match self.state.pending() {
            Some((phase, _)) => Some(phase),
            None => None,
        }
    }

    /// Whether the session is over and its last message is taken.
    pub const fn is_finished(&self) -> bool {
        self.phase().is_none() && self.transmit.is_none()
    }

    /// The transcript, to judge the response by.
    pub const fn transcript(&self) -> &SessionTranscript {
        &self.transcript
    }

    /// The reader's ephemeral key, to judge a device MAC by; gone when the session failed.
    pub const fn e_reader_private_key(&self) -> Option<&PrivateKey> {
        self.state.private_key()
    }

    /// Fails the session when its phase has taken too long.
    fn expire(&mut self, now: MonotonicTime) -> bool {
        match self.state.pending() {
            Some((phase, deadline)) if now >= deadline => {
                let told = Some(Status::Termination).filter(|_| phase != Phase::Connect);
                self.fail(SessionFailure::Timeout { phase }, told);
                true
            }
            _ => false,
        }
    }

    /// One transition. Should it not come to its end, the session has failed and its keys are wiped.
    fn step(&mut self, transition: impl FnOnce(State, &mut Option<Vec<u8>>) -> State) {
        let state = core::mem::replace(&mut self.state, State::Failed);
        self.state = transition(state, &mut self.transmit);
    }

    fn fail(&mut self, failure: SessionFailure, status: Option<Status>) {
        self.state = State::Failed;
        self.transmit = status.map(|status| SessionData::with_status(status).encode());
        self.events.push(Event::Failed(failure));
    }
}

/// Shows the phase only: the session holds keys.
impl fmt::Debug for ReaderSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderSession")
            .field("phase", &self.phase())
            .finish_non_exhaustive()
    }
}

/// What the phone is told of a failure of its message, and no more than that (18013-5 §9.1.1.4).
const fn status_to_send(failure: &SessionFailure) -> Option<Status> {
    match failure {
        SessionFailure::Decryption {
            by: Party::Reader, ..
        } => Some(Status::EncryptionError),
        SessionFailure::Decoding { fault: Some(_), .. } => Some(Status::DecodingError),
        SessionFailure::Decryption { by: Party::Phone, .. }
        | SessionFailure::Decoding { fault: None, .. }
        | SessionFailure::Engagement(_)
        | SessionFailure::Terminated { .. }
        | SessionFailure::Timeout { .. }
        | SessionFailure::Transport { .. } => None,
    }
}

#[cfg(test)]
mod tests;
