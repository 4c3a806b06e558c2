//! The reader's side of a proximity session, without IO: one request, one response.

mod state;

use core::fmt;
use core::time::Duration;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::cose;
use crate::crypto::{KeyError, PrivateKey};
use crate::engagement::{DeviceEngagement, EngagementError};
use crate::limits::Limits;
use crate::request::{DeviceRequest, RequestError};

use super::cipher::{OpenFromPhone, SealToPhone, reader_ciphers};
use super::{
    MessageError, MonotonicTime, Party, Phase, SessionData, SessionEstablishment, SessionFailure,
    SessionTranscript, Status,
};
use state::{Connecting, Exchange, Received, State};

/// How the reader got the engagement. The transcript follows from it, however the data then travels.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Handover<'a> {
    /// A QR code.
    Qr,
    /// NFC static handover.
    NfcStatic {
        /// The Handover Select message as received.
        handover_select: &'a [u8],
    },
    /// NFC negotiated handover.
    NfcNegotiated {
        /// The Handover Select message as received.
        handover_select: &'a [u8],
        /// The Handover Request message as sent.
        handover_request: &'a [u8],
    },
}

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
            max_message_len: Limits::default().message_bytes,
        }
    }
}

/// A session that has its keys and its transcript, and nothing asked yet.
///
/// Reader authentication signs over [`Engaged::transcript`], so the request is made after this.
pub struct Engaged {
    transcript: SessionTranscript,
    private_key: PrivateKey,
    seal: SealToPhone,
    open: OpenFromPhone,
}

impl Engaged {
    /// Makes a fresh ephemeral key on the curve of the phone's key, and the keys of the session.
    ///
    /// # Errors
    /// [`SessionFailure::Engagement`] when the phone's key is on a curve without key agreement here,
    /// or agrees on no secret.
    pub fn new(
        engagement: &DeviceEngagement,
        handover: Handover<'_>,
        random: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, SessionFailure> {
        PrivateKey::generate(engagement.e_device_key().curve(), random)
            .and_then(|private_key| Self::with_key(engagement, handover, private_key))
            .map_err(|error| EngagementError::EDeviceKey(cose::KeyFormatError::Key(error)).into())
    }

    /// The transcript of the session.
    pub const fn transcript(&self) -> &SessionTranscript {
        &self.transcript
    }

    /// Seals the request and starts to wait for the transport.
    ///
    /// # Errors
    /// [`RequestError::TooLarge`].
    pub fn request(
        mut self,
        now: MonotonicTime,
        request: &DeviceRequest,
        settings: SessionSettings,
    ) -> Result<ReaderSession, RequestError> {
        let plaintext = request.encode();
        if plaintext.len() > DeviceRequest::MAX_LEN {
            return Err(RequestError::TooLarge);
        }
        // The first message of a key, far below the cipher's limit: sealing has nothing to fail on.
        let data = self.seal.seal(&plaintext).map_err(|_| RequestError::TooLarge)?;
        let establishment = SessionEstablishment {
            e_reader_key: cose::encode_key(self.private_key.public_key()),
            data,
        };
        Ok(ReaderSession {
            transcript: self.transcript,
            state: State::Connecting(Connecting {
                exchange: Exchange {
                    private_key: self.private_key,
                    open: self.open,
                    settings,
                },
                establishment: establishment.encode(),
                deadline: now.saturating_add(settings.connect_timeout),
            }),
            transmit: None,
            event: None,
        })
    }

    fn with_key(
        engagement: &DeviceEngagement,
        handover: Handover<'_>,
        private_key: PrivateKey,
    ) -> Result<Self, KeyError> {
        let e_reader_key = cose::encode_key(private_key.public_key());
        let engagement_bytes = engagement.as_bytes();
        let transcript = match handover {
            Handover::Qr => SessionTranscript::qr(engagement_bytes, &e_reader_key),
            Handover::NfcStatic { handover_select } => {
                SessionTranscript::nfc_static(engagement_bytes, &e_reader_key, handover_select)
            }
            Handover::NfcNegotiated {
                handover_select,
                handover_request,
            } => SessionTranscript::nfc_negotiated(
                engagement_bytes,
                &e_reader_key,
                handover_select,
                handover_request,
            ),
        };
        let (seal, open) = reader_ciphers(&private_key, engagement.e_device_key(), &transcript)?;
        Ok(Self {
            transcript,
            private_key,
            seal,
            open,
        })
    }
}

/// Shows nothing: it holds keys.
impl fmt::Debug for Engaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engaged").finish_non_exhaustive()
    }
}

/// What the session has to tell; one event in its whole life.
#[derive(PartialEq, Eq)]
pub enum Event {
    /// The decrypted DeviceResponse, wiped on drop. Nothing of it has been looked at.
    Response(Zeroizing<Vec<u8>>),
    /// The session failed.
    Failed(SessionFailure),
}

/// Shows the length of a response, never its content.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(plaintext) => write!(f, "Response({} bytes)", plaintext.len()),
            Self::Failed(failure) => f.debug_tuple("Failed").field(failure).finish(),
        }
    }
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

/// A session from the request to the response.
///
/// The caller moves bytes and reads the clock. In this order:
/// 1. [`handle_connected`](Self::handle_connected) when the transport is up;
/// 2. [`poll_transmit`](Self::poll_transmit), and [`handle_sent`](Self::handle_sent) when that is written;
/// 3. [`handle_progress`](Self::handle_progress) when the first bytes of a message come, and
///    [`handle_message`](Self::handle_message) with the whole one.
///
/// After each of them, and after [`handle_timeout`](Self::handle_timeout), poll all three outputs: what
/// to send, what happened, and when to call `handle_timeout`. Close the transport when
/// [`is_finished`](Self::is_finished).
pub struct ReaderSession {
    transcript: SessionTranscript,
    state: State,
    transmit: Option<Vec<u8>>,
    event: Option<Event>,
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
            State::Receiving(receiving) => match receiving.message(phase, bytes) {
                Ok(received) => self.succeed(received),
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
        if !self.expire(now)
            && let Some(phase) = self.phase()
        {
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

    /// Ends the session from this side; after a response nothing is left to end.
    pub fn terminate(&mut self) {
        if let Some(phase) = self.phase() {
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
    pub const fn poll_event(&mut self) -> Option<Event> {
        self.event.take()
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

    fn succeed(&mut self, received: Received) {
        // A phone that ended the session with its response hears nothing more.
        self.transmit = received
            .done
            .awaits_status()
            .then(|| SessionData::with_status(Status::Termination).encode());
        self.event = Some(Event::Response(received.plaintext));
        self.state = State::Done(received.done);
    }

    fn fail(&mut self, failure: SessionFailure, status: Option<Status>) {
        self.state = State::Failed;
        self.transmit = status.map(|status| SessionData::with_status(status).encode());
        self.event = Some(Event::Failed(failure));
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
#[path = "reader_tests.rs"]
mod tests;
