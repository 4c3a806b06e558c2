//! COSE_Key (RFC 9053 §7, ISO/IEC 18013-5 §9.1.5.2).

use crate::cbor::{Item, write};
use crate::crypto::{Curve, KeyError, PublicKey, SignatureAlgorithm};

const KEY_TYPE: i64 = 1;
const ALGORITHM: i64 = 3;
const CURVE: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
const PRIVATE: i64 = -4;
const OKP: i64 = 1;
const EC2: i64 = 2;

/// Why an item is no public COSE_Key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFormatError {
    /// Not a map.
    #[error("a COSE_Key that is not a map")]
    NotAMap,
    /// `kty` is missing, unknown, or not that of the curve.
    #[error("a COSE_Key whose key type does not fit")]
    KeyType,
    /// `crv` is missing or names no curve known here.
    #[error("a COSE_Key on an unknown curve")]
    Curve,
    /// A coordinate is missing or of the wrong type.
    #[error("a COSE_Key without a coordinate")]
    Coordinate,
    /// The private member is there.
    #[error("a COSE_Key with its private part")]
    PrivateMember,
    /// `alg` names an algorithm that this curve does not have.
    #[error("a COSE_Key whose algorithm contradicts its curve")]
    Algorithm,
    /// The coordinates are no valid key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Reads a public key.
///
/// ```text
/// COSE_Key = { 1: 2, -1: crv, -2: bstr, -3: bstr / bool } / { 1: 1, -1: crv, -2: bstr }
/// ```
/// Labels that say nothing of the key's value (`kid`, `key_ops`) are ignored.
///
/// # Errors
/// Everything that is not one valid public key.
pub fn decode_key(item: Item<'_>) -> Result<PublicKey, KeyFormatError> {
    let map = item.as_map().ok_or(KeyFormatError::NotAMap)?;
    if map.get_int(PRIVATE).is_some() {
        return Err(KeyFormatError::PrivateMember);
    }
    let curve = map
        .get_int(CURVE)
        .and_then(Item::as_i64)
        .and_then(Curve::from_cose_id);
    let curve = curve.ok_or(KeyFormatError::Curve)?;
    let key_type = if curve.is_ec2() { EC2 } else { OKP };
    if map.get_int(KEY_TYPE).and_then(Item::as_i64) != Some(key_type) {
        return Err(KeyFormatError::KeyType);
    }
    if let Some(algorithm) = map.get_int(ALGORITHM) {
        check_algorithm(algorithm, curve)?;
    }
    let x = map
        .get_int(X)
        .and_then(Item::as_bytes)
        .ok_or(KeyFormatError::Coordinate)?;
    if !curve.is_ec2() {
        return Ok(PublicKey::from_okp(curve, x)?);
    }
    let y = map.get_int(Y).ok_or(KeyFormatError::Coordinate)?;
    match (y.as_bytes(), y.as_bool()) {
        (Some(y), _) => Ok(PublicKey::from_coordinates(curve, x, y)?),
        (None, Some(y_is_odd)) => Ok(PublicKey::from_x_and_sign(curve, x, y_is_odd)?),
        (None, None) => Err(KeyFormatError::Coordinate),
    }
}

/// A signature algorithm must be one of the curve's; a key agreement or MAC algorithm says nothing
/// against it.
fn check_algorithm(algorithm: Item<'_>, curve: Curve) -> Result<(), KeyFormatError> {
    let contradicts = match algorithm.as_i64() {
        Some(id) => SignatureAlgorithm::from_cose_id(id).is_some_and(|algorithm| !algorithm.fits(curve)),
        None => algorithm.as_text().is_none(),
    };
    if contradicts {
        Err(KeyFormatError::Algorithm)
    } else {
        Ok(())
    }
}

/// Writes a public key, labels in the order 1, -1, -2, -3 of ISO/IEC 18013-5 Annex D.
pub fn encode_key(key: &PublicKey) -> Vec<u8> {
    let curve = key.curve();
    let (x, y) = key.coordinates();
    let mut out = Vec::with_capacity(16 + x.len() + y.len());
    write::map(&mut out, if curve.is_ec2() { 4 } else { 3 });
    write::integer(&mut out, KEY_TYPE);
    write::integer(&mut out, if curve.is_ec2() { EC2 } else { OKP });
    write::integer(&mut out, CURVE);
    write::integer(&mut out, curve.cose_id());
    write::integer(&mut out, X);
    write::bytes(&mut out, x);
    if curve.is_ec2() {
        write::integer(&mut out, Y);
        write::bytes(&mut out, y);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::Rules;

    /// EDeviceKey of ISO/IEC 18013-5 Annex D.
    const ANNEX_D: &str = "a40102200121582\
        05a88d182bce5f42efa59943f33359d2e8a968ff289d93e5fa444b624343167fe22582\
        0b16e8cf858ddc7690407ba61d4c338237a8cfcf3de6aa672fc60a557aa32fc67";

    fn decode(hex_text: &str) -> Result<PublicKey, KeyFormatError> {
        let bytes = hex::decode(hex_text).unwrap();
        decode_key(Item::decode(&bytes, &Rules::default()).unwrap())
    }

    #[test]
    fn the_key_of_annex_d_is_read_and_written_to_the_byte() {
        let key = decode(ANNEX_D).unwrap();
        assert_eq!(key.curve(), Curve::P256);
        assert_eq!(hex::encode(encode_key(&key)), ANNEX_D);
    }

    #[test]
    fn the_sign_bit_form_gives_the_same_key() {
        let compressed = ANNEX_D.split("22582").next().unwrap();
        // y ends in 67: odd.
        assert_eq!(decode(&format!("{compressed}22f5")), decode(ANNEX_D));
        assert_ne!(decode(&format!("{compressed}22f4")), decode(ANNEX_D));
    }

    #[test]
    fn deviations_are_named() {
        let replace = |from: &str, to: &str| decode(&ANNEX_D.replacen(from, to, 1));
        assert_eq!(decode("80"), Err(KeyFormatError::NotAMap));
        assert_eq!(replace("0102", "0101"), Err(KeyFormatError::KeyType));
        assert_eq!(replace("0102", "0602"), Err(KeyFormatError::KeyType));
        assert_eq!(
            replace("2001", "2002"),
            Err(KeyFormatError::Key(KeyError::Length))
        );
        assert_eq!(replace("2001", "2008"), Err(KeyFormatError::Curve));
        assert_eq!(replace("2001", "2401"), Err(KeyFormatError::Curve));
        assert_eq!(
            replace("5a88", "5b88"),
            Err(KeyFormatError::Key(KeyError::NotOnCurve))
        );
        assert_eq!(replace("a401", "a523410001"), Err(KeyFormatError::PrivateMember));
        let compressed = ANNEX_D.split("22582").next().unwrap();
        assert_eq!(
            decode(&format!("{compressed}22f6")),
            Err(KeyFormatError::Coordinate)
        );
        assert_eq!(
            decode(&format!("{compressed}2200")),
            Err(KeyFormatError::Coordinate)
        );
    }

    #[test]
    fn an_algorithm_must_fit_the_curve_and_other_labels_are_ignored() {
        let with = |member: &str| decode(&ANNEX_D.replacen("a401", &format!("a5{member}01"), 1));
        assert!(with("0326").is_ok(), "ES256");
        assert!(
            with("033818").is_ok(),
            "ECDH-ES + HKDF-256 is no signature algorithm"
        );
        assert!(with("02413a").is_ok(), "kid");
        assert_eq!(with("033822"), Err(KeyFormatError::Algorithm), "ES384");
        assert_eq!(with("0327"), Err(KeyFormatError::Algorithm), "EdDSA");
        assert_eq!(with("03f5"), Err(KeyFormatError::Algorithm), "a boolean");
    }
}
