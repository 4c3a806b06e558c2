//! NFC (18013-5 §8.2.2.1 and §8.3.3.1.2) without a reader: messages, commands, and the exchanges of both as values.
//!
//! ```text
//! Engaging ─ commands and answers ─► NfcEngagement     the engagement, its carriers, the handover as exchanged
//! Exchange ─ commands and answers ─► one message       data transfer over NFC itself
//! ```
//!
//! Neither waits, sends or reads a clock: each answer of the phone makes the next command, or the end.

pub mod apdu;
pub mod carrier;
mod engaging;
pub mod handover;
pub mod ndef;
pub mod tnep;
mod transfer;

pub use engaging::{Engaging, EngagingError, Next, Step};
pub use transfer::{Exchange, Progress, TransferError, TransferLimits, select_mdoc};

#[cfg(test)]
mod simulated;
