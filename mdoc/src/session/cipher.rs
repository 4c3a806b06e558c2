//! Session keys and message encryption (18013-5 §9.1.1.4, §9.1.1.5).
//!
//! A direction is a type: what [`SealToPhone`] seals, [`OpenFromPhone`] cannot open, and neither can
//! be given the other's key.

use zeroize::Zeroizing;

use crate::crypto::{
    AeadError, KeyError, PrivateKey, PublicKey, SharedSecret, aes_256_gcm_open, aes_256_gcm_seal,
    with_clean_stack,
};

use super::SessionTranscript;

/// The identifiers that start the initialization vector, one for each direction.
const FROM_READER: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 0];
const FROM_PHONE: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 1];

/// Both directions of a session as the reader holds them.
pub(super) fn reader_ciphers(
    private_key: &PrivateKey,
    e_device_key: &PublicKey,
    transcript: &SessionTranscript,
) -> Result<(SealToPhone, OpenFromPhone), KeyError> {
    with_clean_stack(|| {
        let secret = private_key.agree(e_device_key)?;
        Ok((
            SealToPhone {
                key: SkReader::derive(&secret, transcript),
                counter: Counter::FIRST,
            },
            OpenFromPhone {
                key: SkDevice::derive(&secret, transcript),
                counter: Counter::FIRST,
            },
        ))
    })
}

/// Seals the reader's messages, one after the other.
pub(super) struct SealToPhone {
    key: SkReader,
    counter: Counter,
}

impl SealToPhone {
    /// The number of the next message; 0 when none is left.
    pub(super) fn next_number(&self) -> u32 {
        self.counter.0.unwrap_or(0)
    }

    /// Goes on with this number, which comes from [`Self::next_number`].
    pub(super) fn resume(&mut self, number: u32) {
        self.counter = Counter::resumed(number);
    }

    pub(super) fn seal(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, CipherError> {
        let vector = self.counter.next(FROM_READER)?;
        Ok(with_clean_stack(|| {
            aes_256_gcm_seal(&self.key.0, &vector, plaintext)
        })?)
    }
}

/// Opens the phone's messages, one after the other. A message that does not open is the end: no other
/// counter is tried.
pub(super) struct OpenFromPhone {
    key: SkDevice,
    counter: Counter,
}

impl OpenFromPhone {
    /// The number of the next message; 0 when none is left.
    pub(super) fn next_number(&self) -> u32 {
        self.counter.0.unwrap_or(0)
    }

    /// Goes on with this number, which comes from [`Self::next_number`].
    pub(super) fn resume(&mut self, number: u32) {
        self.counter = Counter::resumed(number);
    }

    pub(super) fn open(&mut self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, CipherError> {
        let vector = self.counter.next(FROM_PHONE)?;
        Ok(with_clean_stack(|| {
            aes_256_gcm_open(&self.key.0, &vector, ciphertext)
        })?)
    }
}

/// Why a message cannot be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CipherError {
    /// The authentication tag does not match, or there is none.
    #[error(transparent)]
    Aead(#[from] AeadError),
    /// The counter's last value has been used: an initialization vector never comes twice.
    #[error("the message counter is used up")]
    CounterUsedUp,
}

/// The key of the messages that the reader sends. On the heap: where it moves no copy is left behind.
struct SkReader(Box<Zeroizing<[u8; 32]>>);

impl SkReader {
    fn derive(secret: &SharedSecret, transcript: &SessionTranscript) -> Self {
        Self(Box::new(secret.derive(transcript.salt(), b"SKReader")))
    }
}

/// The key of the messages that the phone sends.
struct SkDevice(Box<Zeroizing<[u8; 32]>>);

impl SkDevice {
    fn derive(secret: &SharedSecret, transcript: &SessionTranscript) -> Self {
        Self(Box::new(secret.derive(transcript.salt(), b"SKDevice")))
    }
}

/// The number of the next encrypted message of a direction, from 1; none after the last.
struct Counter(Option<u32>);

impl Counter {
    const FIRST: Self = Self(Some(1));

    fn resumed(number: u32) -> Self {
        Self(Some(number).filter(|number| *number > 0))
    }

    /// `identifier || counter`, and on to the next.
    fn next(&mut self, identifier: [u8; 8]) -> Result<[u8; 12], CipherError> {
        let counter = self.0.ok_or(CipherError::CounterUsedUp)?;
        self.0 = counter.checked_add(1);
        let mut vector = [0; 12];
        let (front, back) = vector.split_at_mut(identifier.len());
        front.copy_from_slice(&identifier);
        back.copy_from_slice(&counter.to_be_bytes());
        Ok(vector)
    }
}

#[cfg(test)]
#[path = "cipher_tests.rs"]
mod tests;
