//! Keys as files hold them: public ones as SubjectPublicKeyInfo, and a fresh private one in PKCS#8.

use p256::pkcs8::EncodePrivateKey as _;
use pkcs8::LineEnding;
use rand_core::CryptoRng;
use x509_cert::der::asn1::{Any, BitString};
use x509_cert::der::{Decode as _, DecodePem as _, EncodePem as _};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use super::{Curve, PublicKey};
use crate::x509;

/// Why bytes are no public key to verify with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublicKeyFileError {
    /// Not a SubjectPublicKeyInfo in PEM or DER.
    #[error("not a public key (SubjectPublicKeyInfo in PEM or DER)")]
    Format,
    /// Another algorithm or curve, or a point that is not on it.
    #[error("a public key of an algorithm or curve that is not verified with here, or not a valid one")]
    Unsupported,
}

impl PublicKey {
    /// A SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) in PEM or DER.
    ///
    /// # Errors
    /// [`PublicKeyFileError`].
    pub fn from_spki(bytes: &[u8]) -> Result<Self, PublicKeyFileError> {
        let text = core::str::from_utf8(bytes).unwrap_or_default().trim();
        let info = if text.starts_with("-----BEGIN") {
            SubjectPublicKeyInfoOwned::from_pem(text)
        } else {
            SubjectPublicKeyInfoOwned::from_der(bytes)
        };
        let info = info.map_err(|_| PublicKeyFileError::Format)?;
        let bits = info
            .subject_public_key
            .as_bytes()
            .ok_or(PublicKeyFileError::Format)?;
        x509::public_key(&info.algorithm, bits).map_err(|_| PublicKeyFileError::Unsupported)
    }

    /// The key as a SubjectPublicKeyInfo in PEM; `None` for a curve that signs nothing.
    pub fn to_spki_pem(&self) -> Option<String> {
        let (oid, parameters) = x509::key_algorithm(self.curve())?;
        let info = SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned {
                oid,
                parameters: parameters.as_ref().map(Any::from),
            },
            subject_public_key: BitString::from_bytes(self.encoded()).ok()?,
        };
        info.to_pem(LineEnding::LF).ok()
    }
}

/// A fresh key on P-256 to sign with, in PKCS#8 and PEM.
///
/// # Errors
/// It cannot be encoded, which no random source brings about.
pub fn generate_pkcs8(random: &mut (impl CryptoRng + ?Sized)) -> Result<Zeroizing<String>, super::KeyError> {
    use ecdsa::elliptic_curve::Generate as _;
    let key = p256::SecretKey::generate_from_rng(random);
    key.to_pkcs8_pem(LineEnding::LF)
        .map_err(|_| super::KeyError::Unsupported(Curve::P256))
}
