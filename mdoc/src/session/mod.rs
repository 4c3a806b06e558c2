//! Sessions (18013-5 §9.1.1) and what they are bound to.

pub mod ble;
mod cipher;
mod clock;
mod failure;
pub mod framing;
mod hpke;
pub mod link;
mod message;
mod reader;
mod transcript;

pub use clock::MonotonicTime;
pub use failure::{Party, Phase, SessionFailure};
pub use hpke::{EncryptedResponseError, open_encrypted_response};
pub use message::{MessageError, SessionData, SessionEstablishment, Status};
pub use reader::{
    AfterEnd, Engaged, Event, Handover, NextRequestError, OpenError, ReaderSession, SealError,
    SessionSettings, TransportEnd,
};
pub use transcript::{AnnexB, OpenId4VpDcApi, OpenId4VpRedirect, SessionTranscript, TranscriptError};
