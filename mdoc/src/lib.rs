//! ISO/IEC 18013-5 mdoc, and nothing else: no async, no clock, no random source, no files, no sockets.

pub mod cbor;
pub mod cose;
pub mod crypto;
pub mod limits;
pub mod response;
pub mod time;
pub mod x509;
