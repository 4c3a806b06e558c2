//! The one seam to cryptography: hashes, signatures, key agreement, key derivation, authenticated
//! encryption. Two backends verify signatures (feature `aws-lc`, or RustCrypto without it) and
//! give the same answers.

mod algorithm;
mod backend;
mod clean;
mod key;
mod key_file;
mod montgomery;
mod ranges;
mod signer;
mod symmetric;

pub use algorithm::{Curve, Digest, HashAlgorithm, SignatureAlgorithm};
pub use backend::Backend;
pub(crate) use clean::with_clean_stack;
pub use key::{KeyError, PrivateKey, PublicKey, SharedSecret, SignatureError};
pub use key_file::{PublicKeyFileError, generate_pkcs8};
pub use signer::{SignError, Signer, SigningKey, SigningKeyError};
pub use symmetric::{
    AeadError, aes_256_gcm_open, aes_256_gcm_seal, constant_time_eq, hmac_sha256_verify, sha1,
};

#[cfg(test)]
mod tests;
