//! The one seam to cryptography: hashes, signature verification, key agreement, key derivation,
//! authenticated encryption. Two backends verify signatures (feature `aws-lc` or RustCrypto) and
//! give the same answers.

mod algorithm;
mod key;

pub use algorithm::{Curve, Digest, HashAlgorithm, SignatureAlgorithm};
pub use key::{KeyError, PrivateKey, PublicKey, SharedSecret, SignatureError};
