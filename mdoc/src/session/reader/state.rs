//! The states of a session, each with what it needs and nothing else. A transition consumes its state.

use zeroize::Zeroizing;

use crate::crypto::PrivateKey;
use crate::session::cipher::{CipherError, OpenFromPhone, SealToPhone};
use crate::session::{MessageError, MonotonicTime, Party, Phase, SessionData, SessionFailure, Status};

use super::{AfterEnd, SessionSettings};

/// Where a session stands.
pub(super) enum State {
    Connecting(Connecting),
    Requesting(Requesting),
    Consenting(Consenting),
    Receiving(Receiving),
    Idle(Idle),
    Done(Done),
    Failed,
}

impl State {
    /// The phase and its end; none when the session is over.
    pub(super) const fn pending(&self) -> Option<(Phase, MonotonicTime)> {
        match self {
            Self::Connecting(state) => Some((Phase::Connect, state.deadline)),
            Self::Requesting(state) => Some((Phase::Request, state.deadline)),
            Self::Consenting(state) => Some((Phase::Consent, state.deadline)),
            Self::Receiving(state) => Some((Phase::Receive, state.deadline)),
            Self::Idle(state) => Some((Phase::Idle, state.deadline)),
            Self::Done(_) | Self::Failed => None,
        }
    }

    pub(super) const fn private_key(&self) -> Option<&PrivateKey> {
        match self {
            Self::Connecting(state) => Some(&state.exchange.private_key),
            Self::Requesting(state) => Some(&state.exchange.private_key),
            Self::Consenting(state) => Some(&state.exchange.private_key),
            Self::Receiving(state) => Some(&state.exchange.private_key),
            Self::Idle(state) => Some(&state.exchange.private_key),
            Self::Done(state) => Some(&state.private_key),
            Self::Failed => None,
        }
    }

    /// What an open session carries on; none when it is over.
    pub(super) fn into_exchange(self) -> Option<Exchange> {
        match self {
            Self::Connecting(state) => Some(state.exchange),
            Self::Requesting(state) => Some(state.exchange),
            Self::Consenting(state) => Some(state.exchange),
            Self::Receiving(state) => Some(state.exchange),
            Self::Idle(state) => Some(state.exchange),
            Self::Done(_) | Self::Failed => None,
        }
    }
}

/// What every state of an open session carries on.
pub(super) struct Exchange {
    pub(super) private_key: PrivateKey,
    pub(super) seal: SealToPhone,
    pub(super) open: OpenFromPhone,
    pub(super) settings: SessionSettings,
}

/// The request is sealed; the transport connects.
pub(super) struct Connecting {
    pub(super) exchange: Exchange,
    pub(super) establishment: Vec<u8>,
    pub(super) deadline: MonotonicTime,
}

impl Connecting {
    pub(super) fn connected(self, now: MonotonicTime) -> (Requesting, Vec<u8>) {
        let requesting = Requesting {
            deadline: now.saturating_add(self.exchange.settings.request_timeout),
            exchange: self.exchange,
        };
        (requesting, self.establishment)
    }
}

/// The transport has the request, or is about to take it.
pub(super) struct Requesting {
    pub(super) exchange: Exchange,
    pub(super) deadline: MonotonicTime,
}

impl Requesting {
    pub(super) fn sent(self, now: MonotonicTime) -> Consenting {
        Consenting {
            deadline: now.saturating_add(self.exchange.settings.consent_timeout),
            exchange: self.exchange,
        }
    }
}

/// The phone has the request.
pub(super) struct Consenting {
    pub(super) exchange: Exchange,
    pub(super) deadline: MonotonicTime,
}

impl Consenting {
    pub(super) fn receiving(self, now: MonotonicTime) -> Receiving {
        Receiving {
            deadline: now.saturating_add(self.exchange.settings.receive_timeout),
            exchange: self.exchange,
        }
    }
}

/// The phone answers.
pub(super) struct Receiving {
    pub(super) exchange: Exchange,
    pub(super) deadline: MonotonicTime,
}

/// The response, and the session after it.
pub(super) struct Received {
    pub(super) after: State,
    pub(super) plaintext: Zeroizing<Vec<u8>>,
}

impl Receiving {
    /// `phase` is the one in which the message began to come.
    pub(super) fn message(
        self,
        now: MonotonicTime,
        phase: Phase,
        bytes: &[u8],
    ) -> Result<Received, SessionFailure> {
        let mut exchange = self.exchange;
        let message = decode(phase, bytes, &exchange.settings)?;
        let status = message.status();
        if let Some(failure) = status.and_then(|status| failure_of(phase, status)) {
            return Err(failure);
        }
        let Some(data) = message.data() else {
            return Err(terminated(phase, status.unwrap_or(Status::Termination)));
        };
        let plaintext = exchange.open.open(data).map_err(|_| SessionFailure::Decryption {
            phase,
            by: Party::Reader,
        })?;
        let after = match status {
            // The phone ends the session with its response: nothing is left to end.
            Some(_) => State::Done(Done::after(exchange, false)),
            None => State::Idle(Idle {
                deadline: now.saturating_add(exchange.settings.idle_timeout),
                exchange,
            }),
        };
        Ok(Received { after, plaintext })
    }
}

/// The response is out; the session waits for another request, or for its end.
pub(super) struct Idle {
    pub(super) exchange: Exchange,
    pub(super) deadline: MonotonicTime,
}

impl Idle {
    /// Seals another request.
    pub(super) fn request(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, CipherError> {
        let data = self.exchange.seal.seal(plaintext)?;
        Ok(SessionData::with_data(data, None).encode())
    }

    pub(super) fn requesting(self, now: MonotonicTime) -> Requesting {
        Requesting {
            deadline: now.saturating_add(self.exchange.settings.request_timeout),
            exchange: self.exchange,
        }
    }

    /// A message that was not asked for: the phone may end the session and nothing else.
    pub(super) fn message(self, bytes: &[u8]) -> Result<Done, SessionFailure> {
        let phase = Phase::Idle;
        let message = decode(phase, bytes, &self.exchange.settings)?;
        if let Some(failure) = message.status().and_then(|status| failure_of(phase, status)) {
            return Err(failure);
        }
        if message.data().is_some() {
            let fault = Some(MessageError::TooEarly);
            return Err(SessionFailure::Decoding { phase, fault });
        }
        Ok(self.done(false))
    }

    pub(super) fn done(self, awaits_status: bool) -> Done {
        Done::after(self.exchange, awaits_status)
    }
}

fn decode(phase: Phase, bytes: &[u8], settings: &SessionSettings) -> Result<SessionData, SessionFailure> {
    SessionData::decode(bytes, settings.max_message_len).map_err(|fault| SessionFailure::Decoding {
        phase,
        fault: Some(fault),
    })
}

/// What a status says against the session; nothing for its orderly end. An error status outweighs
/// data that comes with it.
const fn failure_of(phase: Phase, status: Status) -> Option<SessionFailure> {
    match status {
        Status::Termination => None,
        Status::EncryptionError => Some(SessionFailure::Decryption {
            phase,
            by: Party::Phone,
        }),
        Status::DecodingError => Some(SessionFailure::Decoding { phase, fault: None }),
        Status::Unknown(_) => Some(terminated(phase, status)),
    }
}

const fn terminated(phase: Phase, status: Status) -> SessionFailure {
    SessionFailure::Terminated {
        phase,
        by: Party::Phone,
        status: Some(status.code()),
    }
}

/// The session is over in good order, and the keys of the messages are wiped.
pub(super) struct Done {
    private_key: PrivateKey,
    max_message_len: usize,
    /// The reader ended the session; the phone's own status may still cross it.
    awaits_status: bool,
}

impl Done {
    fn after(exchange: Exchange, awaits_status: bool) -> Self {
        Self {
            private_key: exchange.private_key,
            max_message_len: exchange.settings.max_message_len,
            awaits_status,
        }
    }

    /// Data after the end is never decrypted: the key is gone.
    pub(super) fn message(&mut self, bytes: &[u8]) -> Result<(), AfterEnd> {
        let is_status =
            SessionData::decode(bytes, self.max_message_len).is_ok_and(|message| message.data().is_none());
        if core::mem::take(&mut self.awaits_status) && is_status {
            Ok(())
        } else {
            Err(AfterEnd)
        }
    }
}
