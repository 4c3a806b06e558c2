//! The RustCrypto crates: every curve, and hashes where aws-lc is not built in.

use ecdsa::signature::hazmat::PrehashVerifier;
#[cfg(not(feature = "aws-lc"))]
use sha2::Digest as _;

use crate::crypto::Curve;
#[cfg(not(feature = "aws-lc"))]
use crate::crypto::HashAlgorithm;

macro_rules! for_curve {
    ($curve:expr, $use:ident, $otherwise:expr) => {
        match $curve {
            Curve::P256 => $use!(p256::NistP256),
            Curve::P384 => $use!(p384::NistP384),
            Curve::P521 => $use!(p521::NistP521),
            Curve::BrainpoolP256r1 => $use!(bp256::BrainpoolP256r1),
            Curve::BrainpoolP320r1 => $use!(crate::crypto::backend::brainpool::BrainpoolP320r1),
            Curve::BrainpoolP384r1 => $use!(bp384::BrainpoolP384r1),
            Curve::BrainpoolP512r1 => $use!(crate::crypto::backend::brainpool::BrainpoolP512r1),
            Curve::X25519 | Curve::X448 | Curve::Ed25519 | Curve::Ed448 => $otherwise,
        }
    };
}
pub(in crate::crypto) use for_curve;

/// Whether `point` is an uncompressed point of `curve` other than the identity.
pub(in crate::crypto) fn is_point(curve: Curve, point: &[u8]) -> bool {
    macro_rules! check {
        ($curve:ty) => {
            point.first() == Some(&4) && ecdsa::VerifyingKey::<$curve>::from_sec1_bytes(point).is_ok()
        };
    }
    for_curve!(curve, check, false)
}

/// The uncompressed form of a compressed point.
pub(in crate::crypto) fn decompress(curve: Curve, compressed: &[u8]) -> Option<Vec<u8>> {
    macro_rules! decompress {
        ($curve:ty) => {{
            let key = ecdsa::VerifyingKey::<$curve>::from_sec1_bytes(compressed).ok()?;
            Some(key.to_sec1_point(false).as_bytes().to_vec())
        }};
    }
    for_curve!(curve, decompress, None)
}

/// Verifies ECDSA over a hash value with the raw `r || s`.
pub(in crate::crypto) fn verify_ecdsa(curve: Curve, point: &[u8], hash: &[u8], signature: &[u8]) -> bool {
    // The crate refuses hashes shorter than half the field; as a number, the padded hash is the same.
    let mut padded = [0; 66];
    let width = curve.coordinate_len().max(hash.len());
    let Some(prehash) = padded.get_mut(..width) else {
        return false;
    };
    let Some(tail) = prehash.get_mut(width - hash.len()..) else {
        return false;
    };
    tail.copy_from_slice(hash);
    macro_rules! verify {
        ($curve:ty) => {{
            let key = ecdsa::VerifyingKey::<$curve>::from_sec1_bytes(point);
            let signature = ecdsa::Signature::<$curve>::from_slice(signature);
            let (Ok(key), Ok(signature)) = (key, signature) else {
                return false;
            };
            key.verify_prehash(prehash, &signature).is_ok()
        }};
    }
    for_curve!(curve, verify, false)
}

/// Whether `encoded` is an Ed25519 public key of full order.
pub(in crate::crypto) fn is_ed25519_key(encoded: &[u8]) -> bool {
    let Ok(encoded) = <[u8; 32]>::try_from(encoded) else {
        return false;
    };
    ed25519_dalek::VerifyingKey::from_bytes(&encoded).is_ok_and(|key| !key.is_weak())
}

/// Verifies Ed25519, refusing what more than one implementation could read differently.
pub(in crate::crypto) fn verify_ed25519(encoded: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(encoded) = <[u8; 32]>::try_from(encoded) else {
        return false;
    };
    let key = ed25519_dalek::VerifyingKey::from_bytes(&encoded);
    let signature = ed25519_dalek::Signature::from_slice(signature);
    let (Ok(key), Ok(signature)) = (key, signature) else {
        return false;
    };
    key.verify_strict(message, &signature).is_ok()
}

/// The hash of the concatenation of `parts`, written to the front of `out`.
#[cfg(not(feature = "aws-lc"))]
pub(in crate::crypto) fn hash_parts(hash: HashAlgorithm, parts: &[&[u8]], out: &mut [u8; 64]) {
    macro_rules! hash {
        ($hasher:ty) => {{
            let mut hasher = <$hasher>::new();
            for part in parts {
                hasher.update(part);
            }
            let value = hasher.finalize();
            if let Some(front) = out.get_mut(..value.len()) {
                front.copy_from_slice(&value);
            }
        }};
    }
    match hash {
        HashAlgorithm::Sha256 => hash!(sha2::Sha256),
        HashAlgorithm::Sha384 => hash!(sha2::Sha384),
        HashAlgorithm::Sha512 => hash!(sha2::Sha512),
    }
}
