//! COSE (RFC 9052, RFC 9053) as ISO/IEC 18013-5 §9 uses it: COSE_Key, COSE_Sign1, COSE_Mac0, over
//! borrowed bytes. What is signed or MACed is spliced from the bytes received.

mod header;
mod key;
mod message;
mod sign;

pub use header::{AlgorithmFault, ChainFault, HeaderFault, Headers, MAX_CERTIFICATES, X5Chain};
pub use key::{KeyFormatError, decode_key, encode_key};
pub use message::{Message, MessageError, SpliceError};
pub(crate) use sign::to_be_signed;
pub use sign::{TAG_SIGN1, sign1};

/// HMAC 256/256, the only MAC algorithm of ISO/IEC 18013-5 §9.1.3.5.
pub const HMAC_256_256: i64 = 5;
