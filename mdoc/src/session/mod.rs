//! The session: transcript and its handovers, session keys, messages, the reader's state machine.

mod cipher;
mod message;
mod reader;
mod transcript;

pub use cipher::{CipherError, SkDevice, SkReader, derive_session_keys};
pub use message::{SessionData, SessionDataError, SessionStatus, encode_establishment};
pub use reader::{Event, Milliseconds, Phase, ReaderSession, SessionFailure, SessionReason, Timeouts};
pub use transcript::{SessionTranscript, TranscriptError};
