//! ISO/IEC 18013-5 mdoc, and nothing else: no async, no clock, no random source, no files, no sockets.
//!
//! ```text
//! QR text    ─ engagement::DeviceEngagement ───► the phone's key
//! NFC        ─ nfc::Engaging ──────────────────► the same, its carriers and the handover
//! purpose    ─ request::DeviceRequest ─────────► what is asked
//! both       ─ session::ReaderSession ─────────► plaintext response and SessionTranscript
//! bytes      ─ response::DeviceResponse ───────► syntax only, bytes kept
//! document   ─ verify::verify_document ────────► every check, and a VerifiedDocument if all hold
//! ```
//!
//! Read [`verify`] first: it is the line that the product exists for. Everything below it reads
//! untrusted bytes through [`cbor`] and does its arithmetic through [`crypto`].

pub mod cbor;
pub mod cose;
pub mod crypto;
pub mod engagement;
pub mod evidence;
pub mod limits;
mod memo;
pub mod nfc;
pub mod request;
pub mod response;
pub mod session;
pub mod status;
pub mod time;
pub mod verify;
pub mod version;
pub mod x509;

#[cfg(test)]
mod test_vectors;
