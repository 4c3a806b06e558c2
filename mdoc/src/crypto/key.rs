//! Keys. Public keys are valid points from the moment they exist.

use super::{Curve, HashAlgorithm};

/// A public key whose point has been checked: on its curve, not the identity, right length.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    curve: Curve,
}

impl PublicKey {
    /// An EC2 key from its coordinates, each exactly `curve.coordinate_len()` bytes.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_coordinates(_curve: Curve, _x: &[u8], _y: &[u8]) -> Result<Self, KeyError> {
        unimplemented!()
    }
    /// An EC2 key from x and the sign bit of y (COSE_Key with a boolean y).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_x_and_sign(_curve: Curve, _x: &[u8], _y_is_odd: bool) -> Result<Self, KeyError> {
        unimplemented!()
    }
    /// An EC2 key from an uncompressed SEC1 point (`04 || x || y`); the compressed form is refused.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_uncompressed_point(_curve: Curve, _point: &[u8]) -> Result<Self, KeyError> {
        unimplemented!()
    }
    /// An OKP key (Ed25519, X25519).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_okp(_curve: Curve, _x: &[u8]) -> Result<Self, KeyError> {
        unimplemented!()
    }
    /// The curve.
    pub fn curve(&self) -> Curve {
        self.curve
    }
    /// The coordinates x and y; y is empty for an OKP key.
    pub fn coordinates(&self) -> (&[u8], &[u8]) {
        unimplemented!()
    }
    /// Verifies a COSE signature (`r || s`, or EdDSA's 64 bytes) over the concatenation of `parts`.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify(
        &self,
        _hash: HashAlgorithm,
        _parts: &[&[u8]],
        _signature: &[u8],
    ) -> Result<(), SignatureError> {
        unimplemented!()
    }
    /// Verifies an X.509 signature (DER `SEQUENCE { r, s }`, or EdDSA's 64 bytes) over `message`.
    /// Any of the three hashes goes with any curve: certificates in the field do mix them.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify_der(
        &self,
        _hash: HashAlgorithm,
        _message: &[u8],
        _signature: &[u8],
    ) -> Result<(), SignatureError> {
        unimplemented!()
    }
}

/// Why bytes are no public or private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Wrong number of bytes.
    #[error("a coordinate of the wrong length")]
    Length,
    /// Not on the curve, or the identity.
    #[error("not a point of the curve")]
    NotOnCurve,
    /// A curve this build does not know, or one of the wrong kind for the use.
    #[error("the curve {} is not supported here", .0.name())]
    Unsupported(Curve),
    /// The other key is on another curve.
    #[error("the keys are on different curves")]
    CurveMismatch,
    /// The key agreement gave the all-zero secret (RFC 7748 §6).
    #[error("the key agreement gave no secret")]
    ZeroSecret,
}

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// Not of the length the curve demands (a DER form where raw is due, say).
    #[error("a signature of the wrong length")]
    Length,
    /// r or s is zero or not below the order, or the DER form is broken.
    #[error("a signature that is none")]
    Malformed,
    /// The signature is not by this key over these bytes.
    #[error("the signature does not verify")]
    Mismatch,
    /// The curve cannot verify here (Ed448, or a key agreement curve).
    #[error("the curve {} cannot verify", .0.name())]
    Unsupported(Curve),
}

/// An ephemeral private key for key agreement. Wiped on drop; no `Clone`, no `Serialize`, `Debug` redacted.
pub struct PrivateKey {}

impl PrivateKey {
    /// A fresh key from the given random source.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`].
    pub fn generate(
        _curve: Curve,
        _rng: &mut (impl rand_core::CryptoRng + ?Sized),
    ) -> Result<Self, KeyError> {
        unimplemented!()
    }
    /// The key with this scalar, big-endian, exactly the coordinate length (little-endian raw for X25519).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_bytes(_curve: Curve, _scalar: &[u8]) -> Result<Self, KeyError> {
        unimplemented!()
    }
    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        unimplemented!()
    }
    /// ECDH: the x-coordinate at full width, or RFC 7748's output.
    ///
    /// # Errors
    /// [`KeyError::CurveMismatch`], [`KeyError::ZeroSecret`].
    pub fn agree(&self, _other: &PublicKey) -> Result<SharedSecret, KeyError> {
        unimplemented!()
    }
}

/// Z of ISO/IEC 18013-5 §9.1.1.5. Wiped on drop.
pub struct SharedSecret {}

impl SharedSecret {
    /// HKDF-SHA-256 (RFC 5869) with 32 bytes of output.
    pub fn derive(&self, _salt: &[u8], _info: &[u8]) -> zeroize::Zeroizing<[u8; 32]> {
        unimplemented!()
    }
}
