//! What comes in as text: base64url, instants, private keys.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use mdoc::crypto::{Curve, PrivateKey};
use mdoc::time::UnixTime;
use serde_json::Value;
use zeroize::Zeroizing;

/// base64url with or without padding.
pub(crate) const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Decodes base64url.
pub(crate) fn base64url(text: &str) -> Option<Vec<u8>> {
    BASE64URL.decode(text.trim_ascii()).ok()
}

/// The CBOR of a file: raw, or base64url text. CBOR arrays and maps never begin like a text.
pub(crate) fn cbor_or_text(bytes: Vec<u8>) -> Result<Vec<u8>, &'static str> {
    match bytes.first() {
        Some(first) if first.is_ascii() => core::str::from_utf8(&bytes)
            .ok()
            .and_then(base64url)
            .ok_or("neither CBOR nor base64url text"),
        _ => Ok(bytes),
    }
}

/// An instant in RFC 3339, in any zone.
pub(crate) fn instant(text: &str) -> Result<UnixTime, &'static str> {
    const FAULT: &str = "not an instant such as 2026-11-23T06:00:00Z";
    let timestamp: jiff::Timestamp = text.parse().map_err(|_| FAULT)?;
    UnixTime::from_seconds(timestamp.as_second()).ok_or(FAULT)
}

/// The instant of the machine's clock.
pub(crate) fn now() -> UnixTime {
    let seconds = jiff::Timestamp::now().as_second();
    UnixTime::from_seconds(seconds)
        .unwrap_or_else(|| UnixTime::from_seconds(0).expect("invariant: 1970 is in range"))
}

/// A private JWK of type EC or OKP (RFC 7517, RFC 8037).
pub(crate) fn private_key(jwk: &Value) -> Result<PrivateKey, &'static str> {
    let member = |name: &str| jwk.get(name).and_then(Value::as_str);
    let curve = member("crv")
        .and_then(Curve::from_name)
        .ok_or("a JWK without a curve that is known here")?;
    let key_type = if curve.is_ec2() { "EC" } else { "OKP" };
    if member("kty") != Some(key_type) {
        return Err("a JWK whose kty does not fit its crv");
    }
    let scalar = Zeroizing::new(
        member("d")
            .and_then(base64url)
            .ok_or("a JWK without the private part d")?,
    );
    let key =
        PrivateKey::from_bytes(curve, &scalar).map_err(|_| "a JWK that is no private key of its curve")?;
    let x = member("x").and_then(base64url);
    if x.is_some_and(|x| x != key.public_key().coordinates().0) {
        return Err("a JWK whose private part does not belong to its public part");
    }
    Ok(key)
}

/// EMacKey.
pub(crate) fn mac_key(bytes: &[u8]) -> Result<Zeroizing<[u8; 32]>, &'static str> {
    bytes
        .try_into()
        .map(Zeroizing::new)
        .map_err(|_| "a MAC key is exactly 32 bytes")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_hold_cbor_or_text() {
        assert_eq!(cbor_or_text(vec![0x83, 0xf6]), Ok(vec![0x83, 0xf6]));
        assert_eq!(
            cbor_or_text(b"g_b29g\n".to_vec()),
            Ok(vec![0x83, 0xf6, 0xf6, 0xf6])
        );
        assert_eq!(
            cbor_or_text(b"g_b29g==".to_vec()),
            Ok(vec![0x83, 0xf6, 0xf6, 0xf6])
        );
        assert!(cbor_or_text(b"g+b29g".to_vec()).is_err());
        assert!(cbor_or_text(b"hello world".to_vec()).is_err());
        assert_eq!(cbor_or_text(Vec::new()), Ok(Vec::new()));
    }

    #[test]
    fn instants_are_read_in_any_zone() {
        assert_eq!(
            instant("2026-11-23T15:00:00+09:00"),
            instant("2026-11-23T06:00:00Z")
        );
        assert!(instant("2026-11-23").is_err());
        assert!(instant("now").is_err());
    }

    #[test]
    fn private_keys_are_checked() {
        // EReaderKey of ISO/IEC 18013-5 Annex D.
        let jwk = json!({"kty": "EC", "crv": "P-256", "d": "3jtLnl9y3ZtYQGrjCRQ02kim-f0BDYj8sJWOLOvslHw"});
        let key = private_key(&jwk).unwrap();
        assert!(
            key.public_key()
                .coordinates()
                .0
                .starts_with(&[0x60, 0xe3, 0x39, 0x23])
        );
        let fault = |name: &str, value: &str| {
            let mut jwk = jwk.clone();
            jwk[name] = json!(value);
            private_key(&jwk).err()
        };
        assert_eq!(fault("kty", "OKP"), Some("a JWK whose kty does not fit its crv"));
        assert_eq!(
            fault("crv", "P-257"),
            Some("a JWK without a curve that is known here")
        );
        assert_eq!(
            fault("d", "AAAA"),
            Some("a JWK that is no private key of its curve")
        );
        assert_eq!(
            fault("x", "AAAA"),
            Some("a JWK whose private part does not belong to its public part")
        );
        assert_eq!(
            private_key(&json!({})).err(),
            Some("a JWK without a curve that is known here")
        );
        assert!(mac_key(&[0; 32]).is_ok() && mac_key(&[0; 31]).is_err() && mac_key(&[0; 33]).is_err());
    }
}
