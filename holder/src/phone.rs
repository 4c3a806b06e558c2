//! The phone's side of a session: engagement, keys and messages, built without the reader's code.

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine as _;
use ciborium::Value;
use hkdf::Hkdf;
use mdoc::crypto::{Curve, PrivateKey, PublicKey};
use rand_core::CryptoRng;
use sha2::Digest as _;

use crate::keys::{SigningKey, cose_key};
use crate::{encode, tagged};

/// A phone that shows a QR code, or is held to a reader, and waits.
pub struct Engaged {
    key: Ephemeral,
    engagement: Vec<u8>,
    /// The Handover of the transcript: null for a QR code.
    handover: Value,
}

/// What a phone says of Bluetooth LE in its engagement.
#[derive(Clone, Copy, Debug, Default)]
pub struct BleOffer {
    /// It is the GATT server, under this service.
    pub peripheral_server: Option<[u8; 16]>,
    /// It is the GATT client, and looks for this service.
    pub central_client: Option<[u8; 16]>,
    /// It listens on this L2CAP channel, as the server.
    pub l2cap_psm: Option<u16>,
}

/// The phone's key of one session. On the curves that this crate knows nothing of the reader's code is
/// used; the others share its key agreement.
enum Ephemeral {
    Own(Box<SigningKey>),
    Shared(Box<PrivateKey>),
}

/// A phone inside a session.
pub struct Session {
    sk_reader: [u8; 32],
    sk_device: [u8; 32],
    /// Messages taken and sent.
    taken: u32,
    sent: u32,
    /// SessionTranscript.
    pub session_transcript: Vec<u8>,
    /// The reader's ephemeral key, an uncompressed point or the bytes of an OKP key.
    pub reader_key: Vec<u8>,
    /// The first encrypted message of the reader, as it came.
    pub first_data: Vec<u8>,
}

/// Why a message of a reader is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// Not a message of the kind that is due.
    #[error("the reader's message cannot be read")]
    Decoding,
    /// It does not decrypt.
    #[error("the reader's message does not decrypt")]
    Decryption,
}

/// What a reader says within a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A DeviceRequest.
    Request(Vec<u8>),
    /// A status alone: the end.
    Status(u64),
}

impl Ephemeral {
    fn generate(curve: Curve, random: &mut impl CryptoRng) -> Option<Self> {
        match curve {
            Curve::P256 | Curve::P384 | Curve::P521 | Curve::BrainpoolP256r1 | Curve::BrainpoolP384r1 => {
                Some(Self::Own(Box::new(SigningKey::generate(curve, random))))
            }
            _ => Some(Self::Shared(Box::new(PrivateKey::generate(curve, random).ok()?))),
        }
    }

    fn curve(&self) -> Curve {
        match self {
            Self::Own(key) => key.curve(),
            Self::Shared(key) => key.public_key().curve(),
        }
    }

    fn public_bytes(&self) -> Vec<u8> {
        match self {
            Self::Own(key) => key.public_bytes(),
            Self::Shared(key) => key.public_key().encoded().to_vec(),
        }
    }

    /// Derives the keys of both directions from the agreement with `other`.
    fn derive(&self, other: &[u8], salt: &[u8]) -> Option<[[u8; 32]; 2]> {
        let infos = [&b"SKReader"[..], b"SKDevice"];
        match self {
            Self::Own(key) => {
                let secret = Hkdf::<sha2::Sha256>::new(Some(salt), &key.agree(other));
                Some(infos.map(|info| {
                    let mut key = [0; 32];
                    secret
                        .expand(info, &mut key)
                        .expect("invariant: 32 bytes are few enough");
                    key
                }))
            }
            Self::Shared(key) => {
                let curve = self.curve();
                let other = if curve.is_ec2() {
                    PublicKey::from_uncompressed_point(curve, other)
                } else {
                    PublicKey::from_okp(curve, other)
                };
                let secret = key.agree(&other.ok()?).ok()?;
                Some(infos.map(|info| *secret.derive(salt, info)))
            }
        }
    }
}

impl Engaged {
    /// A fresh key on `curve`, and the engagement that shows it; none where the curve has no key agreement.
    pub fn new(curve: Curve, random: &mut impl CryptoRng) -> Option<Self> {
        let key = Ephemeral::generate(curve, random)?;
        let public = cose_key(curve, &key.public_bytes());
        let engagement = Value::Map(vec![
            (0.into(), "1.0".into()),
            (1.into(), Value::Array(vec![1.into(), tagged(encode(&public))])),
        ]);
        Some(Self {
            key,
            engagement: encode(&engagement),
            handover: Value::Null,
        })
    }

    /// The same phone, engaged by an NFC handover of these messages (18013-5 §9.1.5.1).
    #[must_use]
    pub fn with_handover(mut self, select: &[u8], request: Option<&[u8]>) -> Self {
        let request = request.map_or(Value::Null, |request| Value::Bytes(request.to_vec()));
        self.handover = Value::Array(vec![Value::Bytes(select.to_vec()), request]);
        self
    }

    /// DeviceEngagement.
    pub fn engagement(&self) -> &[u8] {
        &self.engagement
    }

    /// The same phone, offering Bluetooth LE in its engagement (18013-5 §8.2.1.1).
    #[must_use]
    pub fn with_ble(mut self, offer: &BleOffer) -> Self {
        let flag = |uuid: &Option<[u8; 16]>| Value::Bool(uuid.is_some());
        let mut options = vec![
            (0.into(), flag(&offer.peripheral_server)),
            (1.into(), flag(&offer.central_client)),
        ];
        for (label, uuid) in [(10, &offer.peripheral_server), (11, &offer.central_client)] {
            options.extend(uuid.map(|uuid| (label.into(), Value::Bytes(uuid.to_vec()))));
        }
        options.extend(offer.l2cap_psm.map(|psm| (21.into(), psm.into())));
        let method = Value::Array(vec![2.into(), 1.into(), Value::Map(options)]);
        let engagement = ciborium::from_reader(self.engagement.as_slice());
        if let Ok(Value::Map(mut engagement)) = engagement {
            engagement.push((2.into(), Value::Array(vec![method])));
            self.engagement = encode(&Value::Map(engagement));
        }
        self
    }

    /// What the reader's Ident must be: HKDF-SHA-256 of EDeviceKeyBytes (18013-5 §8.3.3.1.1.3).
    ///
    /// # Panics
    /// Never: HKDF-SHA-256 gives sixteen bytes.
    pub fn ident(&self) -> [u8; 16] {
        let key = encode(&tagged(encode(&cose_key(
            self.key.curve(),
            &self.key.public_bytes(),
        ))));
        let mut ident = [0; 16];
        Hkdf::<sha2::Sha256>::new(None, &key)
            .expand(b"BLEIdent", &mut ident)
            .expect("invariant: HKDF-SHA-256 gives up to 8160 bytes");
        ident
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
        let reader_key = public_bytes(self.key.curve(), key).ok_or(PhoneError::Decoding)?;
        let session_transcript = [
            &[0x83][..],
            &encode(&tagged(self.engagement.clone())),
            &encode(&tagged(key.to_vec())),
            &encode(&self.handover),
        ]
        .concat();
        let salt = sha2::Sha256::digest(encode(&tagged(session_transcript.clone())));
        let [sk_reader, sk_device] = self
            .key
            .derive(&reader_key, &salt)
            .ok_or(PhoneError::Decryption)?;
        let mut session = Session {
            sk_reader,
            sk_device,
            taken: 0,
            sent: 0,
            session_transcript,
            reader_key,
            first_data: data.to_vec(),
        };
        let request = session.open(data)?;
        Ok((session, request))
    }
}

impl Session {
    /// Takes another message of the reader.
    ///
    /// # Errors
    /// [`PhoneError`].
    pub fn receive(&mut self, message: &[u8]) -> Result<Message, PhoneError> {
        let message: Value = ciborium::from_reader(message).map_err(|_| PhoneError::Decoding)?;
        if let Some(data) = get(&message, "data") {
            let data = data.as_bytes().ok_or(PhoneError::Decoding)?;
            return self.open(data).map(Message::Request);
        }
        let status = get(&message, "status").and_then(Value::as_integer);
        let status = status.and_then(|status| u64::try_from(status).ok());
        status.map(Message::Status).ok_or(PhoneError::Decoding)
    }

    fn open(&mut self, data: &[u8]) -> Result<Vec<u8>, PhoneError> {
        self.taken += 1;
        let vector = vector(0, self.taken);
        cipher(&self.sk_reader)
            .decrypt(&Nonce::from(vector), data)
            .map_err(|_| PhoneError::Decryption)
    }

    /// SKReader and SKDevice, for tests that look whether the reader has kept them.
    pub const fn keys(&self) -> [[u8; 32]; 2] {
        [self.sk_reader, self.sk_device]
    }

    /// Encrypts the next message; the ciphertext alone.
    pub fn encrypt(&mut self, plaintext: &[u8]) -> Vec<u8> {
        self.sent += 1;
        cipher(&self.sk_device)
            .encrypt(&Nonce::from(vector(1, self.sent)), plaintext)
            .expect("invariant: a response is shorter than the mode allows")
    }

    /// SessionData with an encrypted message.
    pub fn seal(&mut self, plaintext: &[u8]) -> Vec<u8> {
        session_data(self.encrypt(plaintext))
    }
}

/// SessionData with these bytes as its data.
pub fn session_data(data: Vec<u8>) -> Vec<u8> {
    encode(&Value::Map(vec![("data".into(), Value::Bytes(data))]))
}

/// SessionData with these bytes as its data, and the status that ends the session.
pub fn last_session_data(data: Vec<u8>) -> Vec<u8> {
    encode(&Value::Map(vec![
        ("data".into(), Value::Bytes(data)),
        ("status".into(), 20.into()),
    ]))
}

/// SessionData with a status alone.
pub fn status(code: u64) -> Vec<u8> {
    encode(&Value::Map(vec![("status".into(), code.into())]))
}

fn vector(direction: u8, number: u32) -> [u8; 12] {
    let mut vector = [0, 0, 0, 0, 0, 0, 0, direction, 0, 0, 0, 0];
    vector[8..].copy_from_slice(&number.to_be_bytes());
    vector
}

fn establishment(message: &Value) -> Option<(&[u8], &[u8])> {
    let key = get(message, "eReaderKey")?.as_tag()?.1.as_bytes()?;
    Some((key, get(message, "data")?.as_bytes()?))
}

fn get<'v>(map: &'v Value, key: &str) -> Option<&'v Value> {
    let mut pairs = map.as_map()?.iter();
    pairs
        .find(|(name, _)| name.as_text() == Some(key))
        .map(|(_, value)| value)
}

/// The uncompressed point, or the bytes, of a COSE_Key on this curve.
fn public_bytes(curve: Curve, key: &[u8]) -> Option<Vec<u8>> {
    let key: Value = ciborium::from_reader(key).ok()?;
    let member = |label: i128| {
        let mut pairs = key.as_map()?.iter();
        let pair = pairs.find(|(name, _)| name.as_integer().map(i128::from) == Some(label));
        pair.map(|(_, value)| value)
    };
    if member(-1)?.as_integer().map(i128::from) != Some(i128::from(curve.cose_id())) {
        return None;
    }
    let x = member(-2)?.as_bytes()?;
    if !curve.is_ec2() {
        return PublicKey::from_okp(curve, x).is_ok().then(|| x.clone());
    }
    let point = [&[4][..], x.as_slice(), member(-3)?.as_bytes()?].concat();
    PublicKey::from_uncompressed_point(curve, &point)
        .is_ok()
        .then_some(point)
}

fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
}
