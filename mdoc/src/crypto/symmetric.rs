//! Hash-based and symmetric primitives: HMAC, AES-256-GCM, constant-time comparison.

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use hmac::{Hmac, Mac};
use sha1::Digest as _;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Why a message could not be sealed or opened. Says nothing more on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("authenticated encryption failed")]
pub struct AeadError;

/// Whether two byte strings are equal, in a time that depends on their lengths alone.
pub fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// Whether `tag` is HMAC-SHA-256 under `key` over the concatenation of `parts`, all 32 bytes of it.
pub fn hmac_sha256_verify(key: &[u8; 32], parts: &[&[u8]], tag: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<sha2::Sha256>::new_from_slice(key) else {
        return false;
    };
    for part in parts {
        mac.update(part);
    }
    mac.verify_slice(tag).is_ok()
}

/// AES-256-GCM with empty associated data; the 16-byte tag stands at the end.
///
/// # Errors
/// The message is longer than the mode allows.
pub fn aes_256_gcm_seal(key: &[u8; 32], iv: &[u8; 12], plaintext: &[u8]) -> Result<Vec<u8>, AeadError> {
    cipher(key)
        .encrypt(&Nonce::from(*iv), plaintext)
        .map_err(|_| AeadError)
}

/// The plaintext of [`aes_256_gcm_seal`], wiped on drop.
///
/// # Errors
/// The tag does not match.
pub fn aes_256_gcm_open(
    key: &[u8; 32],
    iv: &[u8; 12],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, AeadError> {
    cipher(key)
        .decrypt(&Nonce::from(*iv), ciphertext)
        .map(Zeroizing::new)
        .map_err(|_| AeadError)
}

fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
}

/// SHA-1, for nothing but subject key identifiers (RFC 5280 §4.2.1.2).
pub fn sha1(bytes: &[u8]) -> [u8; 20] {
    sha1::Sha1::digest(bytes).into()
}
