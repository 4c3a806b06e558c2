//! Signatures of this side: reader authentication.

use core::fmt;

use ecdsa::signature::Signer as _;
use ecdsa::signature::hazmat::PrehashSigner as _;
use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::asn1::{ObjectIdentifier, OctetStringRef};
use pkcs8::der::{Decode as _, SecretDocument};

use sec1::EcPrivateKey;

use super::{Curve, PublicKey, SignatureAlgorithm};

/// A key that signs as the reader: from a file, or one that never leaves its device.
pub trait Signer {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// The algorithm that COSE pairs with the key.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// Signs `message`: `r || s`, each at the coordinate length, or the signature of EdDSA.
    ///
    /// # Errors
    /// The key cannot be used.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// A signature could not be made. The device that holds the key says why; nothing secret is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key does not sign: {0}")]
pub struct SignError(pub String);

/// Why bytes are no private key to sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeyError {
    /// Neither PKCS#8 nor an EC key of RFC 5915, in PEM or DER.
    #[error("not an unencrypted private key in PKCS#8")]
    Format,
    /// Another algorithm, or a curve that is not signed with here.
    #[error("a private key of an algorithm or curve that is not signed with here")]
    Unsupported,
    /// Not a valid scalar or seed.
    #[error("a private key that is out of range")]
    Key,
}

/// A private key in memory. Wiped on drop; cannot be copied or printed. Signatures are deterministic
/// (RFC 6979, RFC 8032).
pub struct SigningKey {
    secret: Secret,
    public_key: PublicKey,
}

enum Secret {
    P256(ecdsa::SigningKey<p256::NistP256>),
    P384(ecdsa::SigningKey<p384::NistP384>),
    P521(ecdsa::SigningKey<p521::NistP521>),
    BrainpoolP256r1(ecdsa::SigningKey<bp256::BrainpoolP256r1>),
    BrainpoolP384r1(ecdsa::SigningKey<bp384::BrainpoolP384r1>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

macro_rules! for_ecdsa {
    ($secret:expr, $key:ident => $use:expr, $ed:ident => $other:expr) => {
        match $secret {
            Secret::P256($key) => $use,
            Secret::P384($key) => $use,
            Secret::P521($key) => $use,
            Secret::BrainpoolP256r1($key) => $use,
            Secret::BrainpoolP384r1($key) => $use,
            Secret::Ed25519($ed) => $other,
        }
    };
}

impl SigningKey {
    /// The key with this scalar, big-endian at the coordinate length, or this seed of Ed25519.
    ///
    /// # Errors
    /// [`SigningKeyError`].
    pub fn from_bytes(curve: Curve, secret: &[u8]) -> Result<Self, SigningKeyError> {
        if secret.len() != curve.coordinate_len() {
            return Err(SigningKeyError::Key);
        }
        let key = SigningKeyError::Key;
        let secret = match curve {
            Curve::P256 => Secret::P256(ecdsa::SigningKey::from_slice(secret).map_err(|_| key)?),
            Curve::P384 => Secret::P384(ecdsa::SigningKey::from_slice(secret).map_err(|_| key)?),
            Curve::P521 => Secret::P521(ecdsa::SigningKey::from_slice(secret).map_err(|_| key)?),
            Curve::BrainpoolP256r1 => {
                Secret::BrainpoolP256r1(ecdsa::SigningKey::from_slice(secret).map_err(|_| key)?)
            }
            Curve::BrainpoolP384r1 => {
                Secret::BrainpoolP384r1(ecdsa::SigningKey::from_slice(secret).map_err(|_| key)?)
            }
            Curve::Ed25519 => {
                let seed = secret.try_into().map_err(|_| key)?;
                Secret::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(seed)))
            }
            _ => return Err(SigningKeyError::Unsupported),
        };
        let public_key = for_ecdsa!(&secret,
            key => PublicKey::from_uncompressed_point(curve, key.verifying_key().to_sec1_point(false).as_bytes()),
            key => PublicKey::from_okp(curve, key.verifying_key().as_bytes()));
        Ok(Self {
            public_key: public_key.map_err(|_| key)?,
            secret,
        })
    }

    /// A key in PKCS#8 (RFC 5208, RFC 8410) or, as openssl still writes them, an EC key of RFC 5915;
    /// PEM or DER.
    ///
    /// # Errors
    /// [`SigningKeyError`].
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, SigningKeyError> {
        let format = SigningKeyError::Format;
        let text = core::str::from_utf8(bytes).unwrap_or_default().trim();
        if !text.starts_with("-----BEGIN") {
            return match PrivateKeyInfoRef::from_der(bytes) {
                Ok(info) => Self::from_private_key_info(&info),
                Err(_) => Self::from_sec1(bytes),
            };
        }
        let (label, document) = SecretDocument::from_pem(text).map_err(|_| format)?;
        match label {
            "PRIVATE KEY" => {
                let info = PrivateKeyInfoRef::from_der(document.as_bytes()).map_err(|_| format)?;
                Self::from_private_key_info(&info)
            }
            "EC PRIVATE KEY" => Self::from_sec1(document.as_bytes()),
            _ => Err(format),
        }
    }

    fn from_private_key_info(info: &PrivateKeyInfoRef<'_>) -> Result<Self, SigningKeyError> {
        let format = SigningKeyError::Format;
        let key = info.private_key.as_bytes();
        match info.algorithm.oid {
            ED25519 => {
                let seed = <&OctetStringRef>::from_der(key).map_err(|_| format)?;
                Self::from_bytes(Curve::Ed25519, seed.as_bytes())
            }
            EC_PUBLIC_KEY => {
                let named = info
                    .algorithm
                    .parameters
                    .and_then(|parameters| parameters.decode_as().ok());
                let key = EcPrivateKey::from_der(key).map_err(|_| format)?;
                Self::on_named_curve(named, key.private_key)
            }
            _ => Err(SigningKeyError::Unsupported),
        }
    }

    fn from_sec1(der: &[u8]) -> Result<Self, SigningKeyError> {
        let key = EcPrivateKey::from_der(der).map_err(|_| SigningKeyError::Format)?;
        let named = key.parameters.and_then(|parameters| parameters.named_curve());
        Self::on_named_curve(named, key.private_key)
    }

    fn on_named_curve(named: Option<ObjectIdentifier>, scalar: &[u8]) -> Result<Self, SigningKeyError> {
        let curve = named
            .and_then(crate::x509::named_curve)
            .ok_or(SigningKeyError::Unsupported)?;
        Self::from_bytes(curve, scalar)
    }
}

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

impl Signer for SigningKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.secret {
            Secret::P256(_) | Secret::BrainpoolP256r1(_) => SignatureAlgorithm::Es256,
            Secret::P384(_) | Secret::BrainpoolP384r1(_) => SignatureAlgorithm::Es384,
            Secret::P521(_) => SignatureAlgorithm::Es512,
            Secret::Ed25519(_) => SignatureAlgorithm::EdDsa,
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let digest = self.algorithm().hash().digest(&[message]);
        let refused = |error: ecdsa::signature::Error| SignError(error.to_string());
        Ok(for_ecdsa!(&self.secret, key => {
            let signature: ecdsa::Signature<_> = key.sign_prehash(digest.as_bytes()).map_err(refused)?;
            signature.to_bytes().to_vec()
        }, key => key.try_sign(message).map_err(refused)?.to_bytes().to_vec()))
    }
}

/// Names the curve only.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public_key.curve().name())
    }
}
