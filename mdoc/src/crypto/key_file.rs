//! Keys as files and tokens hold them: public ones as SubjectPublicKeyInfo or as a point on a named curve, and a fresh
//! private one in PKCS#8.

use p256::pkcs8::EncodePrivateKey as _;
use pkcs8::der::SecretDocument;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{LineEnding, PrivateKeyInfoRef};
use rand_core::CryptoRng;
use x509_cert::der::asn1::{Any, BitString, ObjectIdentifier};
use x509_cert::der::{Decode as _, DecodePem as _, Encode as _, EncodePem as _};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use super::{Curve, KeyError, PublicKey};
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

    /// A point on a named curve as a PKCS#11 token holds it: `CKA_EC_PARAMS`, and `CKA_EC_POINT` as an OCTET STRING or, as
    /// some tokens have it, bare.
    ///
    /// # Errors
    /// [`PublicKeyFileError`].
    pub fn from_ec_parameters(parameters: &[u8], point: &[u8]) -> Result<Self, PublicKeyFileError> {
        let format = PublicKeyFileError::Format;
        let algorithm = AlgorithmIdentifierOwned {
            oid: EC_PUBLIC_KEY,
            parameters: Some(Any::from_der(parameters).map_err(|_| format)?),
        };
        let point = <&OctetStringRef>::from_der(point).map_or(point, |inner| inner.as_bytes());
        x509::public_key(&algorithm, point).map_err(|_| PublicKeyFileError::Unsupported)
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

impl Curve {
    /// The curve as `CKA_EC_PARAMS` of a PKCS#11 token names it; `None` for one without such a name.
    pub fn ec_parameters(self) -> Option<Vec<u8>> {
        let (_, named) = x509::key_algorithm(self)?;
        named?.to_der().ok()
    }
}

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// A fresh key on P-256, P-384 or Ed25519 to sign with, in PKCS#8 and PEM.
///
/// # Errors
/// Another curve, or it cannot be encoded, which no random source brings about.
pub fn generate_pkcs8(
    curve: Curve,
    random: &mut (impl CryptoRng + ?Sized),
) -> Result<Zeroizing<String>, KeyError> {
    use ecdsa::elliptic_curve::Generate as _;
    let fault = KeyError::Unsupported(curve);
    let pem = match curve {
        Curve::P256 => p256::SecretKey::generate_from_rng(random).to_pkcs8_pem(LineEnding::LF),
        Curve::P384 => p384::SecretKey::generate_from_rng(random).to_pkcs8_pem(LineEnding::LF),
        Curve::Ed25519 => return ed25519_pkcs8(random).ok_or(fault),
        _ => return Err(fault),
    };
    pem.map_err(|_| fault)
}

/// RFC 8410 §7: the seed is an OCTET STRING inside the one of PKCS#8.
fn ed25519_pkcs8(random: &mut (impl CryptoRng + ?Sized)) -> Option<Zeroizing<String>> {
    let (oid, _) = x509::key_algorithm(Curve::Ed25519)?;
    let mut seed = Zeroizing::new([0; 32]);
    random.fill_bytes(&mut *seed);
    let inner = Zeroizing::new(OctetStringRef::new(&*seed).ok()?.to_der().ok()?);
    let algorithm = AlgorithmIdentifierRef {
        oid,
        parameters: None,
    };
    let info = PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(&inner).ok()?);
    let document = SecretDocument::encode_msg(&info).ok()?;
    document.to_pem("PRIVATE KEY", LineEnding::LF).ok()
}
