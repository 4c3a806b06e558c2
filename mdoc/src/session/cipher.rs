//! Session keys and message encryption (ISO/IEC 18013-5 §9.1.1.5). The two directions are two
//! types: a message of one cannot be opened as one of the other.

use zeroize::Zeroizing;

use crate::crypto::{AeadError, KeyError, PrivateKey, PublicKey, aes_256_gcm_open, aes_256_gcm_seal};

use super::SessionTranscript;

/// Why a message cannot be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CipherError {
    /// The tag does not match: another key, another counter, or changed bytes.
    #[error("the message does not decrypt")]
    Authentication,
    /// The counter has reached its end.
    #[error("the message counter is used up")]
    Counter,
}

impl From<AeadError> for CipherError {
    fn from(_: AeadError) -> Self {
        Self::Authentication
    }
}

/// One direction: its key and the counter of the next message, from 1, never repeated.
struct Direction {
    key: Zeroizing<[u8; 32]>,
    identifier: [u8; 8],
    counter: u32,
}

impl Direction {
    /// The IV of the next message. The counter moves on whatever becomes of the message.
    fn next_iv(&mut self) -> Result<[u8; 12], CipherError> {
        let counter = self.counter;
        self.counter = counter.checked_add(1).ok_or(CipherError::Counter)?;
        let mut iv = [0; 12];
        let (identifier, tail) = iv.split_at_mut(8);
        identifier.copy_from_slice(&self.identifier);
        tail.copy_from_slice(&counter.to_be_bytes());
        Ok(iv)
    }
}

macro_rules! role {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name(Direction);

        impl $name {
            /// Seals the next message of this direction.
            ///
            /// # Errors
            /// [`CipherError::Counter`].
            pub fn seal(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, CipherError> {
                let iv = self.0.next_iv()?;
                Ok(aes_256_gcm_seal(&self.0.key, &iv, plaintext)?)
            }

            /// Opens the next message of this direction. There is no second try at another counter.
            ///
            /// # Errors
            /// [`CipherError`].
            pub fn open(&mut self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, CipherError> {
                let iv = self.0.next_iv()?;
                Ok(aes_256_gcm_open(&self.0.key, &iv, ciphertext)?)
            }
        }

        /// Prints no key.
        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

role! {
    /// The key of messages from the reader to the mdoc. Wiped on drop.
    SkReader
}

role! {
    /// The key of messages from the mdoc to the reader. Wiped on drop.
    SkDevice
}

/// Both keys of a session.
///
/// # Errors
/// The keys do not agree.
pub fn derive_session_keys(
    own: &PrivateKey,
    other: &PublicKey,
    transcript: &SessionTranscript,
) -> Result<(SkReader, SkDevice), KeyError> {
    let secret = own.agree(other)?;
    let direction = |info: &[u8], identifier| Direction {
        key: secret.derive(transcript.salt(), info),
        identifier,
        counter: 1,
    };
    Ok((
        SkReader(direction(b"SKReader", [0; 8])),
        SkDevice(direction(b"SKDevice", [0, 0, 0, 0, 0, 0, 0, 1])),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Curve;

    fn pair() -> ((SkReader, SkDevice), (SkReader, SkDevice)) {
        let left = PrivateKey::from_bytes(Curve::P256, &[1; 32]).unwrap();
        let right = PrivateKey::from_bytes(Curve::P256, &[2; 32]).unwrap();
        let transcript = SessionTranscript::qr(b"\xa0", b"\xa0");
        (
            derive_session_keys(&left, right.public_key(), &transcript).unwrap(),
            derive_session_keys(&right, left.public_key(), &transcript).unwrap(),
        )
    }

    #[test]
    fn messages_open_once_in_order_and_in_their_direction_only() {
        let ((mut reader, _), (mut phone, mut device)) = pair();
        let first = reader.seal(b"first").unwrap();
        let second = reader.seal(b"second").unwrap();
        assert_ne!(first, second);
        assert_eq!(phone.open(&first).unwrap().as_slice(), b"first");
        assert_eq!(
            phone.open(&first).err(),
            Some(CipherError::Authentication),
            "replayed"
        );
        let ((mut reader, _), (mut phone, _)) = pair();
        reader.seal(b"first").unwrap();
        let second = reader.seal(b"second").unwrap();
        assert_eq!(
            phone.open(&second).err(),
            Some(CipherError::Authentication),
            "a counter skipped"
        );
        let ((mut reader, _), _) = pair();
        let message = reader.seal(b"first").unwrap();
        assert_eq!(
            device.open(&message).err(),
            Some(CipherError::Authentication),
            "reflected"
        );
    }

    #[test]
    fn the_counter_ends_before_it_wraps() {
        let ((mut reader, _), _) = pair();
        reader.0.counter = u32::MAX - 1;
        assert!(reader.seal(b"the last").is_ok());
        assert_eq!(reader.seal(b"one too many").err(), Some(CipherError::Counter));
        assert_eq!(reader.seal(b"and again").err(), Some(CipherError::Counter));
    }
}
