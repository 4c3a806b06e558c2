//! The reader's side of a session, without IO: bytes and the time go in, bytes and events come out.
//!
//! After each `handle_*` the caller drains [`ReaderSession::poll_transmit`] and
//! [`ReaderSession::poll_event`], then waits for a message or until [`ReaderSession::poll_timeout`].

use std::collections::VecDeque;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::cose::encode_key;
use crate::crypto::PrivateKey;
use crate::engagement::DeviceEngagement;
use crate::limits::Limits;

use super::message::{SessionData, SessionStatus, encode_establishment};
use super::{SessionTranscript, SkDevice, derive_session_keys};

/// A monotonic instant, in milliseconds from a start of the caller's choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Milliseconds(pub u64);

/// How long each phase may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the request to the response, the holder's consent included.
    pub consent: Milliseconds,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            consent: Milliseconds(60_000),
        }
    }
}

/// What the session is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reading the engagement and agreeing on keys.
    Engagement,
    /// The request is out; the holder decides.
    Consent,
    /// The response is here, or the session has failed.
    Ended,
}

impl Phase {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Engagement => "engagement",
            Self::Consent => "consent",
            Self::Ended => "ended",
        }
    }
}

/// Why a session ends without a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionReason {
    /// The engagement cannot be used.
    Engagement,
    /// A message did not decrypt, here or there.
    Decryption,
    /// A message did not decode, here or there.
    Decoding,
    /// The phone ended the session.
    Terminated,
    /// A phase took too long.
    Timeout,
    /// The connection failed.
    Transport,
}

impl SessionReason {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Engagement => "session.engagement",
            Self::Decryption => "session.decryption",
            Self::Decoding => "session.decoding",
            Self::Terminated => "session.terminated",
            Self::Timeout => "session.timeout",
            Self::Transport => "session.transport",
        }
    }
}

/// A failed session: why, and in which phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} in the phase {}", .reason.code(), .phase.name())]
pub struct SessionFailure {
    /// Why.
    pub reason: SessionReason,
    /// When.
    pub phase: Phase,
}

/// What a session has to tell.
#[derive(Debug)]
pub enum Event {
    /// The decrypted DeviceResponse.
    Response(Zeroizing<Vec<u8>>),
    /// The session has failed.
    Failed(SessionFailure),
}

/// A reader's session over one engagement.
#[derive(Debug)]
pub struct ReaderSession {
    state: State,
    e_reader_key: PrivateKey,
    transcript: SessionTranscript,
    limits: Limits,
    transmit: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
}

/// Each state holds what only it needs; a transition consumes it.
#[derive(Debug)]
enum State {
    Requested(Requested),
    Ended,
}

#[derive(Debug)]
struct Requested {
    sk_device: SkDevice,
    deadline: Milliseconds,
}

impl ReaderSession {
    /// Answers an engagement read from a QR code with `device_request`, under a fresh key from
    /// `random`. The first message is ready to be sent.
    ///
    /// # Errors
    /// The engagement's key is on a curve that is not supported, or agrees on nothing.
    pub fn start(
        engagement: &DeviceEngagement,
        device_request: &[u8],
        random: &mut (impl CryptoRng + ?Sized),
        now: Milliseconds,
        timeouts: Timeouts,
    ) -> Result<Self, SessionFailure> {
        let failed = |_| SessionFailure {
            reason: SessionReason::Engagement,
            phase: Phase::Engagement,
        };
        let e_device_key = engagement.e_device_key();
        let e_reader_key = PrivateKey::generate(e_device_key.curve(), random).map_err(failed)?;
        let encoded_key = encode_key(e_reader_key.public_key());
        let transcript = SessionTranscript::qr(engagement.as_bytes(), &encoded_key);
        let (mut sk_reader, sk_device) =
            derive_session_keys(&e_reader_key, e_device_key, &transcript).map_err(failed)?;
        let data = sk_reader.seal(device_request).map_err(|_| SessionFailure {
            reason: SessionReason::Decryption,
            phase: Phase::Engagement,
        })?;
        let deadline = Milliseconds(now.0.saturating_add(timeouts.consent.0));
        Ok(Self {
            state: State::Requested(Requested { sk_device, deadline }),
            e_reader_key,
            transcript,
            limits: Limits::default(),
            transmit: VecDeque::from([encode_establishment(&encoded_key, &data)]),
            events: VecDeque::new(),
        })
    }

    /// The transcript that the response answers.
    pub const fn transcript(&self) -> &SessionTranscript {
        &self.transcript
    }

    /// The ephemeral key, for a device MAC.
    pub const fn e_reader_key(&self) -> &PrivateKey {
        &self.e_reader_key
    }

    /// Takes a message from the phone.
    pub fn handle_message(&mut self, bytes: &[u8]) {
        let State::Requested(requested) = core::mem::replace(&mut self.state, State::Ended) else {
            // Whatever comes after the end is not looked at.
            return;
        };
        let Ok(message) = SessionData::decode(bytes, &self.limits) else {
            self.answer(SessionStatus::DecodingError);
            return self.fail(SessionReason::Decoding, Phase::Consent);
        };
        match (message.data, message.status) {
            (_, Some(SessionStatus::EncryptionError)) => self.fail(SessionReason::Decryption, Phase::Consent),
            (_, Some(SessionStatus::DecodingError)) => self.fail(SessionReason::Decoding, Phase::Consent),
            (_, Some(SessionStatus::Unknown(_))) | (None, _) => {
                self.fail(SessionReason::Terminated, Phase::Consent);
            }
            (Some(data), status) => self.open(requested, data, status.is_some()),
        }
    }

    fn open(&mut self, mut requested: Requested, data: &[u8], ends: bool) {
        match requested.sk_device.open(data) {
            Ok(response) => {
                if !ends {
                    self.answer(SessionStatus::Termination);
                }
                self.events.push_back(Event::Response(response));
            }
            Err(_) => {
                self.answer(SessionStatus::EncryptionError);
                self.fail(SessionReason::Decryption, Phase::Consent);
            }
        }
    }

    /// The connection is gone. After the response that is how a session may end.
    pub fn handle_disconnect(&mut self) {
        if let State::Requested(_) = core::mem::replace(&mut self.state, State::Ended) {
            self.fail(SessionReason::Transport, Phase::Consent);
        }
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Milliseconds) {
        if self.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.state = State::Ended;
            self.answer(SessionStatus::Termination);
            self.fail(SessionReason::Timeout, Phase::Consent);
        }
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.transmit.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is due.
    pub const fn poll_timeout(&self) -> Option<Milliseconds> {
        match &self.state {
            State::Requested(requested) => Some(requested.deadline),
            State::Ended => None,
        }
    }

    fn answer(&mut self, status: SessionStatus) {
        self.transmit.push_back(
            SessionData {
                data: None,
                status: Some(status),
            }
            .encode(),
        );
    }

    fn fail(&mut self, reason: SessionReason, phase: Phase) {
        self.events
            .push_back(Event::Failed(SessionFailure { reason, phase }));
    }
}

#[cfg(test)]
mod tests;
