use super::*;
use crate::cbor::{Item, Rules};
use crate::cose::{Message, sign1};
use crate::crypto::{PublicKeyFileError, generate_pkcs8};
use rand_core::SeedableRng as _;

/// Made by `openssl pkey -pubout` from the first of the keys of `signer.rs`.
const P256_PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAELNuT6U3hsNTBRLlTQL8KysHjm0kR\n\
    c3Z5aKsYFlknkYIxBVPsCg4F9/Mvk+vcuHUzPnsfVXQYI0UhKckB6eJ0JA==\n\
    -----END PUBLIC KEY-----\n";

#[test]
fn public_keys_of_another_program_are_read_and_written() {
    let key = PublicKey::from_spki(P256_PEM.as_bytes()).unwrap();
    assert_eq!(key.curve(), Curve::P256);
    assert!(hex::encode(key.encoded()).ends_with("23452129c901e9e27424"));
    assert_eq!(key.to_spki_pem().unwrap(), P256_PEM);
}

#[test]
fn every_key_that_signs_comes_back_from_its_file() {
    for (curve, key, _) in signer::KEYS {
        let key = SigningKey::from_pkcs8(&hex::decode(key).unwrap()).unwrap();
        let pem = key.public_key().to_spki_pem().unwrap();
        assert_eq!(
            PublicKey::from_spki(pem.as_bytes()).as_ref(),
            Ok(key.public_key()),
            "{}",
            curve.name()
        );
    }
}

#[test]
fn what_is_no_public_key_is_refused() {
    let private = hex::decode(signer::KEYS[0].1).unwrap();
    for bytes in [&b""[..], b"-----BEGIN PUBLIC KEY-----", &private, b"\x30\x00"] {
        assert_eq!(PublicKey::from_spki(bytes), Err(PublicKeyFileError::Format));
    }
    let label = P256_PEM.replace("PUBLIC KEY", "CERTIFICATE");
    assert_eq!(
        PublicKey::from_spki(label.as_bytes()),
        Err(PublicKeyFileError::Format)
    );
    // A point beside the curve: the last byte of y changed.
    let beside = P256_PEM.replace("6eJ0JA==", "6eJ0JQ==");
    assert_eq!(
        PublicKey::from_spki(beside.as_bytes()),
        Err(PublicKeyFileError::Unsupported)
    );
}

#[test]
fn a_fresh_key_signs_and_two_differ() {
    let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(1);
    let one = generate_pkcs8(Curve::P256, &mut random).unwrap();
    let two = generate_pkcs8(Curve::P256, &mut random).unwrap();
    assert_ne!(*one, *two);
    let key = SigningKey::from_pkcs8(one.as_bytes()).unwrap();
    // { 1: -7 }
    let message = sign1(&[0xa1, 0x01, 0x26], b"payload", &key).unwrap();
    let rules = Rules::default();
    let (tag, item) = Item::decode(&message, &rules).unwrap().as_tag().unwrap();
    assert_eq!(tag, 18);
    let message = Message::decode(item, &rules).unwrap();
    let verify = |key: &PublicKey, payload: &[u8]| {
        message.verify_signature(SignatureAlgorithm::Es256, key, &[payload])
    };
    assert_eq!(verify(key.public_key(), b"payload"), Ok(()));
    assert_eq!(
        verify(key.public_key(), b"payloae"),
        Err(SignatureError::Mismatch)
    );
    let other = SigningKey::from_pkcs8(two.as_bytes()).unwrap();
    assert_eq!(
        verify(other.public_key(), b"payload"),
        Err(SignatureError::Mismatch)
    );
}

#[test]
fn fresh_keys_are_made_on_three_curves_and_on_no_other() {
    let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(2);
    for curve in Curve::ALL {
        let made = generate_pkcs8(curve, &mut random);
        if matches!(curve, Curve::P256 | Curve::P384 | Curve::Ed25519) {
            let key = SigningKey::from_pkcs8(made.unwrap().as_bytes()).unwrap();
            assert_eq!(key.public_key().curve(), curve);
            let signature = key.sign(b"message").unwrap();
            let hash = key.algorithm().hash();
            assert_eq!(key.public_key().verify(hash, &[b"message"], &signature), Ok(()));
        } else {
            assert_eq!(made.unwrap_err(), KeyError::Unsupported(curve));
        }
    }
}

#[test]
fn every_curve_that_signs_has_its_one_algorithm() {
    for (curve, algorithm) in [
        (Curve::P256, Some(SignatureAlgorithm::Es256)),
        (Curve::P384, Some(SignatureAlgorithm::Es384)),
        (Curve::P521, Some(SignatureAlgorithm::Es512)),
        (Curve::BrainpoolP320r1, Some(SignatureAlgorithm::Es384)),
        (Curve::Ed25519, Some(SignatureAlgorithm::EdDsa)),
        (Curve::X25519, None),
        (Curve::X448, None),
    ] {
        assert_eq!(SignatureAlgorithm::of_curve(curve), algorithm, "{curve:?}");
    }
}

#[test]
fn points_as_tokens_hold_them_are_read_and_others_refused() {
    let key = PublicKey::from_spki(P256_PEM.as_bytes()).unwrap();
    let parameters = Curve::P256.ec_parameters().unwrap();
    assert_eq!(hex::encode(&parameters), "06082a8648ce3d030107");
    assert_eq!(Curve::Ed25519.ec_parameters(), None);
    assert_eq!(Curve::X25519.ec_parameters(), None);
    let bare = key.encoded();
    let wrapped = [&[0x04, 0x41][..], bare].concat();
    for point in [bare, &wrapped] {
        assert_eq!(PublicKey::from_ec_parameters(&parameters, point), Ok(key.clone()));
    }
    let unsupported = Err(PublicKeyFileError::Unsupported);
    let other = Curve::P384.ec_parameters().unwrap();
    assert_eq!(PublicKey::from_ec_parameters(&other, bare), unsupported);
    for end in [0, 1, 2, 64] {
        assert_eq!(
            PublicKey::from_ec_parameters(&parameters, &bare[..end]),
            unsupported
        );
    }
    for broken in [&[][..], b"\x06\x08\x2a", b"secp256r1"] {
        assert_eq!(
            PublicKey::from_ec_parameters(broken, bare),
            Err(PublicKeyFileError::Format)
        );
    }
    // Explicit parameters, whose curve would have to be believed.
    assert_eq!(PublicKey::from_ec_parameters(&[0x30, 0x00], bare), unsupported);
}
