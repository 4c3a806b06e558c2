//! aws-lc-rs: NIST curves, Ed25519 and hashes.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, ParsedPublicKey, UnparsedPublicKey, VerificationAlgorithm,
};

use crate::crypto::{Curve, HashAlgorithm};

/// A public key that aws-lc has parsed: its point is on the curve.
#[derive(Clone)]
pub(in crate::crypto) struct AwsLcKey(ParsedPublicKey);

impl AwsLcKey {
    /// Parses an uncompressed point or an Ed25519 key; `None` where it is none.
    pub(in crate::crypto) fn parse(curve: Curve, encoded: &[u8]) -> Option<Self> {
        ParsedPublicKey::new(cose_algorithm(curve)?, encoded)
            .ok()
            .map(Self)
    }

    /// Verifies ECDSA over a hash with the raw `r || s`, the hash being the COSE pairing's own.
    pub(in crate::crypto) fn verify_ecdsa(
        &self,
        hash: HashAlgorithm,
        parts: &[&[u8]],
        signature: &[u8],
    ) -> bool {
        self.0
            .verify_digest_sig(&hash_parts(hash, parts), signature)
            .is_ok()
    }

    /// Verifies EdDSA.
    pub(in crate::crypto) fn verify_eddsa(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(message, signature).is_ok()
    }
}

/// Whether `curve` is one that this backend verifies.
pub(in crate::crypto) const fn supports(curve: Curve) -> bool {
    matches!(curve, Curve::P256 | Curve::P384 | Curve::P521 | Curve::Ed25519)
}

/// Whether COSE pairs this hash with the curve: the pairing that [`AwsLcKey`] is parsed for.
pub(in crate::crypto) const fn is_cose_pairing(curve: Curve, hash: HashAlgorithm) -> bool {
    matches!(
        (curve, hash),
        (Curve::P256, HashAlgorithm::Sha256)
            | (Curve::P384, HashAlgorithm::Sha384)
            | (Curve::P521, HashAlgorithm::Sha512)
    )
}

/// Verifies a DER signature with any of the three hashes, as certificates mix them.
pub(in crate::crypto) fn verify_ecdsa_der(
    curve: Curve,
    hash: HashAlgorithm,
    point: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    let algorithm: &'static EcdsaVerificationAlgorithm = match (curve, hash) {
        (Curve::P256, HashAlgorithm::Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
        (Curve::P256, HashAlgorithm::Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
        (Curve::P256, HashAlgorithm::Sha512) => &signature::ECDSA_P256_SHA512_ASN1,
        (Curve::P384, HashAlgorithm::Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
        (Curve::P384, HashAlgorithm::Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
        (Curve::P384, HashAlgorithm::Sha512) => &signature::ECDSA_P384_SHA512_ASN1,
        (Curve::P521, HashAlgorithm::Sha256) => &signature::ECDSA_P521_SHA256_ASN1,
        (Curve::P521, HashAlgorithm::Sha384) => &signature::ECDSA_P521_SHA384_ASN1,
        (Curve::P521, HashAlgorithm::Sha512) => &signature::ECDSA_P521_SHA512_ASN1,
        _ => return false,
    };
    UnparsedPublicKey::new(algorithm, point)
        .verify(message, signature)
        .is_ok()
}

/// The hash of the concatenation of `parts`.
pub(in crate::crypto) fn hash_parts(hash: HashAlgorithm, parts: &[&[u8]]) -> digest::Digest {
    let algorithm = match hash {
        HashAlgorithm::Sha256 => &digest::SHA256,
        HashAlgorithm::Sha384 => &digest::SHA384,
        HashAlgorithm::Sha512 => &digest::SHA512,
    };
    // One slice needs no context, which costs as much as hashing a few hundred bytes.
    if let [part] = parts {
        return digest::digest(algorithm, part);
    }
    let mut context = digest::Context::new(algorithm);
    for part in parts {
        context.update(part);
    }
    context.finish()
}

fn cose_algorithm(curve: Curve) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match curve {
        Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED,
        Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED,
        Curve::P521 => &signature::ECDSA_P521_SHA512_FIXED,
        Curve::Ed25519 => &signature::ED25519,
        _ => return None,
    })
}
