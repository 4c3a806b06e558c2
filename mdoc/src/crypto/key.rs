//! Keys. A public key is a valid point from the moment it exists.

use core::fmt;

use ecdsa::elliptic_curve::Generate as _;
use hkdf::Hkdf;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::backend::rust_crypto;
use super::montgomery;
use super::ranges::{RawSignature, check_raw};
use super::{Backend, Curve, HashAlgorithm};

/// The longest public key: the uncompressed point of P-521.
const MAX_ENCODED: usize = 1 + 2 * 66;

/// A public key whose point has been checked: on its curve, not the identity, of the right length.
#[derive(Clone)]
pub struct PublicKey {
    curve: Curve,
    /// The uncompressed SEC1 point (EC2) or the key itself (OKP).
    encoded: [u8; MAX_ENCODED],
    len: usize,
    #[cfg(feature = "aws-lc")]
    parsed: Option<super::backend::aws_lc::AwsLcKey>,
}

/// Why bytes are no key, or two keys do not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Wrong number of bytes.
    #[error("a coordinate of the wrong length")]
    Length,
    /// Not on the curve, the identity, or a scalar out of range.
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
    /// Not of the length the curve demands (a DER form where the raw one is due, say).
    #[error("a signature of the wrong length")]
    Length,
    /// r or s is zero or not below the order, or the DER form is broken.
    #[error("a signature out of range")]
    Malformed,
    /// The signature is not by this key over these bytes.
    #[error("the signature does not verify")]
    Mismatch,
    /// The curve cannot verify here.
    #[error("the curve {} cannot verify", .0.name())]
    Unsupported(Curve),
}

impl PublicKey {
    /// An EC2 key from its coordinates, each exactly [`Curve::coordinate_len`] bytes.
    ///
    /// # Errors
    /// Another length, not on the curve, or not an EC2 curve.
    pub fn from_coordinates(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        if !curve.is_ec2() {
            return Err(KeyError::Unsupported(curve));
        }
        if x.len() != curve.coordinate_len() || y.len() != curve.coordinate_len() {
            return Err(KeyError::Length);
        }
        Self::checked(curve, &[&[4], x, y])
    }

    /// An EC2 key from x and the sign bit of y, the form of a COSE_Key with a boolean y.
    ///
    /// # Errors
    /// As [`Self::from_coordinates`].
    pub fn from_x_and_sign(curve: Curve, x: &[u8], y_is_odd: bool) -> Result<Self, KeyError> {
        if !curve.is_ec2() {
            return Err(KeyError::Unsupported(curve));
        }
        if x.len() != curve.coordinate_len() {
            return Err(KeyError::Length);
        }
        let compressed = [&[if y_is_odd { 3 } else { 2 }], x].concat();
        let point = rust_crypto::decompress(curve, &compressed).ok_or(KeyError::NotOnCurve)?;
        Self::checked(curve, &[&point])
    }

    /// An EC2 key from an uncompressed SEC1 point, `04 || x || y`; the compressed form is refused.
    ///
    /// # Errors
    /// As [`Self::from_coordinates`].
    pub fn from_uncompressed_point(curve: Curve, point: &[u8]) -> Result<Self, KeyError> {
        if !curve.is_ec2() {
            return Err(KeyError::Unsupported(curve));
        }
        if point.len() != 1 + 2 * curve.coordinate_len() {
            return Err(KeyError::Length);
        }
        if point.first() != Some(&4) {
            return Err(KeyError::NotOnCurve);
        }
        Self::checked(curve, &[point])
    }

    /// An OKP key: Ed25519, X25519, and X448 with the feature `all-curves`. Ed448 is refused by name.
    ///
    /// # Errors
    /// Another length, another curve, or an Ed25519 key that is no point.
    pub fn from_okp(curve: Curve, x: &[u8]) -> Result<Self, KeyError> {
        if curve != Curve::Ed25519 && !montgomery::supports(curve) {
            return Err(KeyError::Unsupported(curve));
        }
        if x.len() != curve.coordinate_len() {
            return Err(KeyError::Length);
        }
        if curve == Curve::Ed25519 && !rust_crypto::is_ed25519_key(x) {
            return Err(KeyError::NotOnCurve);
        }
        Self::checked(curve, &[x])
    }

    /// Copies the parts and checks the point with the backend that will use it.
    fn checked(curve: Curve, parts: &[&[u8]]) -> Result<Self, KeyError> {
        let mut encoded = [0; MAX_ENCODED];
        let mut len = 0;
        for part in parts {
            let slot = encoded.get_mut(len..len + part.len()).ok_or(KeyError::Length)?;
            slot.copy_from_slice(part);
            len += part.len();
        }
        let bytes = encoded.get(..len).unwrap_or(&[]);
        #[cfg(feature = "aws-lc")]
        {
            use super::backend::aws_lc::{AwsLcKey, supports};
            let parsed = if supports(curve) {
                Some(AwsLcKey::parse(curve, bytes).ok_or(KeyError::NotOnCurve)?)
            } else if curve.is_ec2() && !rust_crypto::is_point(curve, bytes) {
                return Err(KeyError::NotOnCurve);
            } else {
                None
            };
            Ok(Self {
                curve,
                encoded,
                len,
                parsed,
            })
        }
        #[cfg(not(feature = "aws-lc"))]
        {
            if curve.is_ec2() && !rust_crypto::is_point(curve, bytes) {
                return Err(KeyError::NotOnCurve);
            }
            Ok(Self { curve, encoded, len })
        }
    }

    /// The curve.
    pub const fn curve(&self) -> Curve {
        self.curve
    }

    /// The uncompressed SEC1 point of an EC2 key, or the bytes of an OKP key.
    pub fn encoded(&self) -> &[u8] {
        self.encoded.get(..self.len).unwrap_or(&[])
    }

    /// The coordinates x and y; y is empty for an OKP key.
    pub fn coordinates(&self) -> (&[u8], &[u8]) {
        if !self.curve.is_ec2() {
            return (self.encoded(), &[]);
        }
        let (_, coordinates) = self.encoded().split_at_checked(1).unwrap_or_default();
        coordinates
            .split_at_checked(self.curve.coordinate_len())
            .unwrap_or_default()
    }

    /// Verifies a COSE signature (`r || s`, or the 64 bytes of EdDSA) over the concatenation of
    /// `parts`.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify(
        &self,
        hash: HashAlgorithm,
        parts: &[&[u8]],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        self.verify_with(Backend::DEFAULT, hash, parts, signature)
    }

    /// As [`Self::verify`], by a backend of the caller's choice.
    ///
    /// # Errors
    /// [`SignatureError`], the same from every backend.
    pub fn verify_with(
        &self,
        backend: Backend,
        hash: HashAlgorithm,
        parts: &[&[u8]],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let holds = match self.curve {
            Curve::Ed25519 => {
                if signature.len() != 64 {
                    return Err(SignatureError::Length);
                }
                self.verify_eddsa(backend, &parts.concat(), signature)
            }
            Curve::X25519 | Curve::X448 | Curve::Ed448 => {
                return Err(SignatureError::Unsupported(self.curve));
            }
            _ => {
                check_raw(self.curve, signature)?;
                self.verify_ecdsa(backend, hash, parts, signature)
            }
        };
        if holds {
            Ok(())
        } else {
            Err(SignatureError::Mismatch)
        }
    }

    /// Verifies an X.509 signature (DER `SEQUENCE { r, s }`, or the 64 bytes of EdDSA) over
    /// `message`. Any of the three hashes goes with any curve: certificates in the field mix them.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify_der(
        &self,
        hash: HashAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        if !self.curve.is_ec2() {
            return self.verify(hash, &[message], signature);
        }
        let raw = RawSignature::from_der(self.curve, signature)?;
        #[cfg(feature = "aws-lc")]
        {
            use super::backend::aws_lc::{is_cose_pairing, verify_ecdsa_der};
            if let Some(key) = &self.parsed {
                let holds = if is_cose_pairing(self.curve, hash) {
                    // The key is parsed already, for this very hash.
                    key.verify_ecdsa(hash, &[message], raw.as_bytes())
                } else {
                    verify_ecdsa_der(self.curve, hash, self.encoded(), message, signature)
                };
                return if holds {
                    Ok(())
                } else {
                    Err(SignatureError::Mismatch)
                };
            }
        }
        let hash = hash.digest(&[message]);
        if rust_crypto::verify_ecdsa(self.curve, self.encoded(), hash.as_bytes(), raw.as_bytes()) {
            Ok(())
        } else {
            Err(SignatureError::Mismatch)
        }
    }

    fn verify_ecdsa(&self, backend: Backend, hash: HashAlgorithm, parts: &[&[u8]], signature: &[u8]) -> bool {
        #[cfg(feature = "aws-lc")]
        if let (Backend::AwsLc, Some(key)) = (backend, &self.parsed)
            && super::backend::aws_lc::is_cose_pairing(self.curve, hash)
        {
            return key.verify_ecdsa(hash, parts, signature);
        }
        let _ = backend;
        let hash = hash.digest(parts);
        rust_crypto::verify_ecdsa(self.curve, self.encoded(), hash.as_bytes(), signature)
    }

    fn verify_eddsa(&self, backend: Backend, message: &[u8], signature: &[u8]) -> bool {
        #[cfg(feature = "aws-lc")]
        if let (Backend::AwsLc, Some(key)) = (backend, &self.parsed) {
            return key.verify_eddsa(message, signature);
        }
        let _ = backend;
        rust_crypto::verify_ed25519(self.encoded(), message, signature)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.curve == other.curve && self.encoded() == other.encoded()
    }
}

impl Eq for PublicKey {}

/// Names the curve only: a device key tells its holder apart.
impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.curve.name())
    }
}

/// An ephemeral private key for key agreement. Wiped on drop; cannot be copied or printed.
pub struct PrivateKey {
    scalar: Zeroizing<Vec<u8>>,
    public_key: PublicKey,
}

impl PrivateKey {
    /// A fresh key from the given random source.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for a curve that agrees on nothing here.
    pub fn generate(curve: Curve, random: &mut (impl CryptoRng + ?Sized)) -> Result<Self, KeyError> {
        macro_rules! generate {
            ($curve:ty) => {{
                let key = ecdsa::elliptic_curve::SecretKey::<$curve>::generate_from_rng(random);
                Zeroizing::new(key.to_bytes().to_vec())
            }};
        }
        let scalar = match curve {
            _ if montgomery::supports(curve) => {
                let mut scalar = Zeroizing::new(vec![0; curve.coordinate_len()]);
                random.fill_bytes(&mut scalar);
                scalar
            }
            _ => rust_crypto::for_curve!(curve, generate, return Err(KeyError::Unsupported(curve))),
        };
        Self::from_bytes(curve, &scalar)
    }

    /// The key with this scalar: big-endian at the coordinate length, or the bytes of RFC 7748.
    ///
    /// # Errors
    /// Another length, out of range, or [`KeyError::Unsupported`].
    pub fn from_bytes(curve: Curve, scalar: &[u8]) -> Result<Self, KeyError> {
        if scalar.len() != curve.coordinate_len() {
            return Err(KeyError::Length);
        }
        macro_rules! public_point {
            ($curve:ty) => {{
                let key = ecdsa::elliptic_curve::SecretKey::<$curve>::from_slice(scalar)
                    .map_err(|_| KeyError::NotOnCurve)?;
                ecdsa::VerifyingKey::from(key.public_key())
                    .to_sec1_point(false)
                    .as_bytes()
                    .to_vec()
            }};
        }
        let public_key = if montgomery::supports(curve) {
            PublicKey::from_okp(curve, &montgomery::public_key(curve, scalar)?)?
        } else {
            let point =
                rust_crypto::for_curve!(curve, public_point, return Err(KeyError::Unsupported(curve)));
            PublicKey::from_uncompressed_point(curve, &point)?
        };
        Ok(Self {
            scalar: Zeroizing::new(scalar.to_vec()),
            public_key,
        })
    }

    /// The scalar, in the form of [`Self::from_bytes`]: only into an encrypted envelope.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.scalar
    }

    /// The public half.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// ECDH: the x-coordinate at full width, or the output of RFC 7748.
    ///
    /// # Errors
    /// [`KeyError::CurveMismatch`], [`KeyError::ZeroSecret`].
    pub fn agree(&self, other: &PublicKey) -> Result<SharedSecret, KeyError> {
        let curve = self.public_key.curve();
        if other.curve() != curve {
            return Err(KeyError::CurveMismatch);
        }
        macro_rules! agree {
            ($curve:ty) => {{
                let own = ecdsa::elliptic_curve::SecretKey::<$curve>::from_slice(&self.scalar)
                    .map_err(|_| KeyError::NotOnCurve)?;
                let other = ecdsa::elliptic_curve::PublicKey::<$curve>::from_sec1_bytes(other.encoded())
                    .map_err(|_| KeyError::NotOnCurve)?;
                let secret =
                    ecdsa::elliptic_curve::ecdh::diffie_hellman(own.to_nonzero_scalar(), other.as_affine());
                Zeroizing::new(secret.raw_secret_bytes().to_vec())
            }};
        }
        if montgomery::supports(curve) {
            return montgomery::agree(curve, &self.scalar, other.encoded()).map(SharedSecret);
        }
        Ok(SharedSecret(rust_crypto::for_curve!(
            curve,
            agree,
            return Err(KeyError::Unsupported(curve))
        )))
    }
}

/// Names the curve only.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.public_key.curve().name())
    }
}

/// Z of ISO/IEC 18013-5 §9.1.1.5, at full width. Wiped on drop.
pub struct SharedSecret(Zeroizing<Vec<u8>>);

impl SharedSecret {
    /// HKDF-SHA-256 (RFC 5869) with 32 bytes of output.
    pub fn derive(&self, salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<sha2::Sha256>::new(Some(salt), &self.0)
            .expand(info, key.as_mut())
            .expect("invariant: HKDF-SHA-256 gives up to 8160 bytes, and 32 are asked for");
        key
    }

    #[cfg(test)]
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret")
    }
}
