//! The phone's side of a session: engagement, keys and messages, built without the reader's code.

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine as _;
use ciborium::Value;
use hkdf::Hkdf;
use mdoc::crypto::Curve;
use rand_core::CryptoRng;
use sha2::Digest as _;

use crate::keys::SigningKey;
use crate::{encode, tagged};

/// A phone that shows a QR code and waits.
pub struct Engaged {
    key: SigningKey,
    engagement: Vec<u8>,
}

/// A phone inside a session.
pub struct Session {
    sk_device: [u8; 32],
    counter: u32,
    /// SessionTranscript.
    pub session_transcript: Vec<u8>,
    /// The reader's ephemeral key, an uncompressed point.
    pub reader_key: Vec<u8>,
}

/// Why the first message of a reader is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// Not a SessionEstablishment.
    #[error("the reader's first message is not a session establishment")]
    Decoding,
    /// It does not decrypt.
    #[error("the reader's first message does not decrypt")]
    Decryption,
}

impl Engaged {
    /// A fresh key, and the engagement that shows it.
    pub fn new(random: &mut impl CryptoRng) -> Self {
        let key = SigningKey::generate(Curve::P256, random);
        let engagement = Value::Map(vec![
            (0.into(), "1.0".into()),
            (
                1.into(),
                Value::Array(vec![1.into(), tagged(encode(&key.cose_key()))]),
            ),
        ]);
        Self {
            key,
            engagement: encode(&engagement),
        }
    }

    /// The text of the QR code.
    pub fn uri(&self) -> String {
        format!(
            "mdoc:{}",
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&self.engagement)
        )
    }

    /// Takes the reader's first message; the session and the DeviceRequest.
    ///
    /// # Errors
    /// [`PhoneError`].
    pub fn establish(&self, message: &[u8]) -> Result<(Session, Vec<u8>), PhoneError> {
        let message: Value = ciborium::from_reader(message).map_err(|_| PhoneError::Decoding)?;
        let (key, data) = establishment(&message).ok_or(PhoneError::Decoding)?;
        let reader_key = point(key).ok_or(PhoneError::Decoding)?;
        let session_transcript = [
            &[0x83][..],
            &encode(&tagged(self.engagement.clone())),
            &encode(&tagged(key.to_vec())),
            &[0xf6],
        ]
        .concat();
        let salt = sha2::Sha256::digest(encode(&tagged(session_transcript.clone())));
        let secret = Hkdf::<sha2::Sha256>::new(Some(&salt), &self.key.agree(&reader_key));
        let derive = |info: &[u8]| {
            let mut key = [0; 32];
            secret
                .expand(info, &mut key)
                .expect("invariant: 32 bytes are few enough");
            key
        };
        let iv = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let request = cipher(&derive(b"SKReader"))
            .decrypt(&Nonce::from(iv), data)
            .map_err(|_| PhoneError::Decryption)?;
        let session = Session {
            sk_device: derive(b"SKDevice"),
            counter: 0,
            session_transcript,
            reader_key,
        };
        Ok((session, request))
    }
}

impl Session {
    /// SessionData with an encrypted message.
    pub fn seal(&mut self, plaintext: &[u8]) -> Vec<u8> {
        self.counter += 1;
        let mut iv = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        iv[8..].copy_from_slice(&self.counter.to_be_bytes());
        let data = cipher(&self.sk_device)
            .encrypt(&Nonce::from(iv), plaintext)
            .expect("invariant: a response is shorter than the mode allows");
        encode(&Value::Map(vec![("data".into(), Value::Bytes(data))]))
    }
}

/// SessionData with a status alone.
pub fn status(code: u64) -> Vec<u8> {
    encode(&Value::Map(vec![("status".into(), code.into())]))
}

fn establishment(message: &Value) -> Option<(&[u8], &[u8])> {
    let get = |key: &str| {
        message
            .as_map()?
            .iter()
            .find(|(name, _)| name.as_text() == Some(key))
            .map(|(_, v)| v)
    };
    let key = get("eReaderKey")?.as_tag()?.1.as_bytes()?;
    Some((key, get("data")?.as_bytes()?))
}

/// The uncompressed point of a P-256 COSE_Key.
fn point(key: &[u8]) -> Option<Vec<u8>> {
    let key: Value = ciborium::from_reader(key).ok()?;
    let get = |label: i128| {
        let pair = key
            .as_map()?
            .iter()
            .find(|(name, _)| name.as_integer().map(i128::from) == Some(label));
        pair.and_then(|(_, value)| value.as_bytes())
    };
    let point = [&[4], get(-2)?.as_slice(), get(-3)?.as_slice()].concat();
    p256::PublicKey::from_sec1_bytes(&point).is_ok().then_some(point)
}

fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
}
