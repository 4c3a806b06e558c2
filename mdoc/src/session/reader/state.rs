//! The states of a session, each with what it needs and nothing else. A transition consumes its state.

use zeroize::Zeroizing;

use crate::crypto::PrivateKey;
use crate::session::cipher::OpenFromPhone;
use crate::session::{MonotonicTime, Party, Phase, SessionData, SessionFailure, Status};

use super::{AfterEnd, SessionSettings};

/// Where a session stands.
pub(super) enum State {
    Connecting(Connecting),
    Requesting(Requesting),
    Consenting(Consenting),
    Receiving(Receiving),
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
            Self::Done(_) | Self::Failed => None,
        }
    }

    pub(super) const fn private_key(&self) -> Option<&PrivateKey> {
        match self {
            Self::Connecting(state) => Some(&state.exchange.private_key),
            Self::Requesting(state) => Some(&state.exchange.private_key),
            Self::Consenting(state) => Some(&state.exchange.private_key),
            Self::Receiving(state) => Some(&state.exchange.private_key),
            Self::Done(state) => Some(&state.private_key),
            Self::Failed => None,
        }
    }
}

/// What every state before the response carries on.
pub(super) struct Exchange {
    pub(super) private_key: PrivateKey,
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
    exchange: Exchange,
    deadline: MonotonicTime,
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
    exchange: Exchange,
    deadline: MonotonicTime,
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
    exchange: Exchange,
    deadline: MonotonicTime,
}

/// The response, and the session after it.
pub(super) struct Received {
    pub(super) done: Done,
    pub(super) plaintext: Zeroizing<Vec<u8>>,
}

impl Receiving {
    /// `phase` is the one in which the message began to come.
    pub(super) fn message(self, phase: Phase, bytes: &[u8]) -> Result<Received, SessionFailure> {
        let terminated = |status: Status| SessionFailure::Terminated {
            phase,
            by: Party::Phone,
            status: Some(status.code()),
        };
        let Exchange {
            private_key,
            mut open,
            settings,
        } = self.exchange;
        let message = SessionData::decode(bytes, settings.max_message_len).map_err(|fault| {
            SessionFailure::Decoding {
                phase,
                fault: Some(fault),
            }
        })?;
        let status = message.status();
        match status {
            None | Some(Status::Termination) => {}
            Some(Status::EncryptionError) => {
                return Err(SessionFailure::Decryption {
                    phase,
                    by: Party::Phone,
                });
            }
            Some(Status::DecodingError) => return Err(SessionFailure::Decoding { phase, fault: None }),
            Some(unknown @ Status::Unknown(_)) => return Err(terminated(unknown)),
        }
        let Some(data) = message.data() else {
            return Err(terminated(status.unwrap_or(Status::Termination)));
        };
        let plaintext = open.open(data).map_err(|_| SessionFailure::Decryption {
            phase,
            by: Party::Reader,
        })?;
        Ok(Received {
            done: Done {
                private_key,
                max_message_len: settings.max_message_len,
                awaits_status: status.is_none(),
            },
            plaintext,
        })
    }
}

/// The response is out and the keys of the messages are wiped.
pub(super) struct Done {
    private_key: PrivateKey,
    max_message_len: usize,
    /// The reader ends the session; the phone's own status may still cross it.
    awaits_status: bool,
}

impl Done {
    pub(super) const fn awaits_status(&self) -> bool {
        self.awaits_status
    }

    /// Data after the response is never decrypted: the key is gone.
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
