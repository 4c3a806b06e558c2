//! Key agreement, curve by curve.

use super::*;

pub(super) fn seeded() -> rand_chacha::ChaCha20Rng {
    use rand_core::SeedableRng;
    rand_chacha::ChaCha20Rng::seed_from_u64(7)
}

/// ISO/IEC 18013-5 Annex D.
#[test]
fn key_agreement_gives_the_values_of_annex_d() {
    let reader = PrivateKey::from_bytes(
        Curve::P256,
        &bytes("de3b4b9e5f72dd9b58406ae3091434da48a6f9fd010d88fcb0958e2cebec947c"),
    )
    .unwrap();
    let (x, y) = reader.public_key().coordinates();
    assert_eq!(
        hex::encode(x),
        "60e3392385041f51403051f2415531cb56dd3f999c71687013aac6768bc8187e"
    );
    assert_eq!(
        hex::encode(y),
        "e58deb8fdbe907f7dd5368245551a34796f7d2215c440c339bb0f7b67beccdfa"
    );
    let device = PublicKey::from_coordinates(
        Curve::P256,
        &bytes("5a88d182bce5f42efa59943f33359d2e8a968ff289d93e5fa444b624343167fe"),
        &bytes("b16e8cf858ddc7690407ba61d4c338237a8cfcf3de6aa672fc60a557aa32fc67"),
    )
    .unwrap();
    let secret = reader.agree(&device).unwrap();
    assert_eq!(
        hex::encode(secret.as_bytes()),
        "6423502f843d8cda01fbd9fa46cb397534a740ab1ec3d1076fbcb12e1dca2589"
    );
    let salt = bytes("f823ac566e22b2106c9b7c02fadc7482e559a1de8a809b56c828779e6d67570e");
    assert_eq!(
        hex::encode(*secret.derive(&salt, b"SKReader")),
        "58d277d8719e62a1561d248f403f477e9e6c37bf5d5fc5126f8f4c727c22dfc9"
    );
    assert_eq!(
        hex::encode(*secret.derive(&salt, b"SKDevice")),
        "81d170e07fbdac93c1a676242c2576124a380d87bb73ed9ce4834de2272cf409"
    );
    let static_device = PublicKey::from_coordinates(
        Curve::P256,
        &bytes("96313d6c63e24e3372742bfdb1a33ba2c897dcd68ab8c753e4fbd48dca6b7f9a"),
        &bytes("1fb3269edd418857de1b39a4e4a44b92fa484caa722c228288f01d0c03a2c3d6"),
    )
    .unwrap();
    assert_eq!(
        hex::encode(*reader.agree(&static_device).unwrap().derive(&salt, b"EMacKey")),
        "dc2b9566fdaaae3c06baa40993cd0451aeba15e7677ef5305f6531f3533c35dd"
    );
}

/// Keys and secret made by the `openssl` command.
#[test]
fn x25519_agrees_with_openssl_and_refuses_the_zero_secret() {
    let own = bytes("6093f55449c058812b65b1404a85ebf5cc963af1c6254f4bac1eb65aae696656");
    let other = bytes("f68fca60806085658261160b02887cd3846af401ed73a9d1bb986a7121e43b16");
    let own = PrivateKey::from_bytes(Curve::X25519, &own).unwrap();
    let other = PublicKey::from_okp(Curve::X25519, &other).unwrap();
    let secret = own.agree(&other).unwrap();
    assert_eq!(
        hex::encode(secret.as_bytes()),
        "d048f2127e65db7e6d3cf9f893eedb731bda7e86f9f44b51bde98631a66e817d"
    );
    let zero = PublicKey::from_okp(Curve::X25519, &[0; 32]).unwrap();
    assert_eq!(own.agree(&zero).err(), Some(KeyError::ZeroSecret));
}

#[test]
fn every_agreement_curve_agrees_both_ways_and_with_no_other() {
    let curves = [
        Curve::P256,
        Curve::P384,
        Curve::P521,
        Curve::X25519,
        Curve::BrainpoolP256r1,
        Curve::BrainpoolP320r1,
        Curve::BrainpoolP384r1,
        Curve::BrainpoolP512r1,
        #[cfg(feature = "all-curves")]
        Curve::X448,
    ];
    let mut random = seeded();
    let mut last: Option<PrivateKey> = None;
    for curve in curves {
        let left = PrivateKey::generate(curve, &mut random).unwrap();
        let right = PrivateKey::generate(curve, &mut random).unwrap();
        assert_ne!(left.public_key(), right.public_key());
        let secret = left.agree(right.public_key()).unwrap();
        assert_eq!(
            secret.as_bytes(),
            right.agree(left.public_key()).unwrap().as_bytes()
        );
        assert_eq!(secret.as_bytes().len(), curve.coordinate_len(), "full width");
        if let Some(last) = &last {
            assert_eq!(last.agree(left.public_key()).err(), Some(KeyError::CurveMismatch));
        }
        assert_eq!(PrivateKey::from_bytes(curve, &[1]).err(), Some(KeyError::Length));
        last = Some(left);
    }
    assert_eq!(
        PrivateKey::from_bytes(Curve::P256, &[0; 32]).err(),
        Some(KeyError::NotOnCurve)
    );
    assert_eq!(
        PrivateKey::from_bytes(Curve::P256, &[0xff; 32]).err(),
        Some(KeyError::NotOnCurve)
    );
}

/// RFC 7748 §6.2.
#[cfg(feature = "all-curves")]
#[test]
fn x448_follows_rfc_7748_and_refuses_the_zero_secret() {
    let own = concat!(
        "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28d",
        "d9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b"
    );
    let own = PrivateKey::from_bytes(Curve::X448, &bytes(own)).unwrap();
    assert_eq!(
        hex::encode(own.public_key().encoded()),
        concat!(
            "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c",
            "22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0"
        )
    );
    let other = concat!(
        "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b430",
        "27d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609"
    );
    let other = PublicKey::from_okp(Curve::X448, &bytes(other)).unwrap();
    assert_eq!(
        hex::encode(own.agree(&other).unwrap().as_bytes()),
        concat!(
            "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282b",
            "b60c0b56fd2464c335543936521c24403085d59a449a5037514a879d"
        )
    );
    for low in [0, 1] {
        let mut point = [0; 56];
        point[0] = low;
        let low = PublicKey::from_okp(Curve::X448, &point).unwrap();
        assert_eq!(own.agree(&low).err(), Some(KeyError::ZeroSecret));
    }
    assert_eq!(
        PublicKey::from_okp(Curve::X448, &[5; 55]).err(),
        Some(KeyError::Length)
    );
}

#[test]
fn curves_without_key_agreement_are_refused_by_name() {
    let mut random = seeded();
    for curve in [
        #[cfg(not(feature = "all-curves"))]
        Curve::X448,
        Curve::Ed25519,
        Curve::Ed448,
    ] {
        assert_eq!(
            PrivateKey::generate(curve, &mut random).err(),
            Some(KeyError::Unsupported(curve))
        );
    }
    #[cfg(not(feature = "all-curves"))]
    assert_eq!(
        PublicKey::from_okp(Curve::X448, &[5; 56]).err(),
        Some(KeyError::Unsupported(Curve::X448))
    );
}
