//! Why a session failed, with the stable codes that a program reports.

use crate::engagement::EngagementError;

use super::MessageError;

/// The part of a session in which something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The engagement is read.
    Engagement,
    /// The transport connects.
    Connect,
    /// The request is on its way to the phone.
    Request,
    /// The phone has the request; its holder decides.
    Consent,
    /// The response is on its way to the reader.
    Receive,
    /// A response has come; the session is open for another request.
    Idle,
}

impl Phase {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Engagement => "engagement",
            Self::Connect => "connect",
            Self::Request => "request",
            Self::Consent => "consent",
            Self::Receive => "receive",
            Self::Idle => "idle",
        }
    }
}

/// A side of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// This side.
    Reader,
    /// The other side.
    Phone,
}

/// Why a session ended without the response that was due. There is no verdict on it then; responses
/// of earlier rounds stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionFailure {
    /// No session can start from the engagement.
    #[error("the engagement cannot be used: {0}")]
    Engagement(#[from] EngagementError),
    /// A message did not decrypt. The phone is told with status 10, or told so itself.
    #[error("a session message did not decrypt")]
    Decryption {
        /// When.
        phase: Phase,
        /// The side that could not decrypt.
        by: Party,
    },
    /// A message could not be read. The phone is told with status 11, or told so itself.
    #[error("a session message could not be read")]
    Decoding {
        /// When.
        phase: Phase,
        /// What is wrong with the phone's message; none when it is the phone that could not read.
        fault: Option<MessageError>,
    },
    /// One side ended the session before there was a response.
    #[error("the session was ended before a response")]
    Terminated {
        /// When.
        phase: Phase,
        /// The side that ended it.
        by: Party,
        /// The phone's status; none when the reader ended it, or the phone by its transport alone.
        status: Option<u64>,
    },
    /// A phase took too long.
    #[error("the phase {} took too long", .phase.name())]
    Timeout {
        /// The phase.
        phase: Phase,
    },
    /// The transport failed or closed.
    #[error("the transport failed in the phase {}", .phase.name())]
    Transport {
        /// When.
        phase: Phase,
    },
}

impl SessionFailure {
    /// The stable code of a report.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Engagement(_) => "session.engagement",
            Self::Decryption { .. } => "session.decryption",
            Self::Decoding { .. } => "session.decoding",
            Self::Terminated { .. } => "session.terminated",
            Self::Timeout { .. } => "session.timeout",
            Self::Transport { .. } => "session.transport",
        }
    }

    /// When the session failed.
    pub const fn phase(&self) -> Phase {
        match self {
            Self::Engagement(_) => Phase::Engagement,
            Self::Decryption { phase, .. }
            | Self::Decoding { phase, .. }
            | Self::Terminated { phase, .. }
            | Self::Timeout { phase }
            | Self::Transport { phase } => *phase,
        }
    }
}
