use super::*;
use crate::crypto::{HashAlgorithm, SignatureAlgorithm};

/// Keys made for this test by `openssl genpkey`, as PKCS#8, with the last bytes of their public halves.
pub(super) const KEYS: &[(Curve, &str, &str)] = &[
    (
        Curve::P256,
        concat!(
            "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b020101042021c329f536dc009fbec36a40",
            "5f3649cfbecc51a625937aa67691e3db99751bf7a144034200042cdb93e94de1b0d4c144b95340bf0acac1e39b491173",
            "767968ab181659279182310553ec0a0e05f7f32f93ebdcb875333e7b1f55741823452129c901e9e27424"
        ),
        "3e7b1f55741823452129c901e9e27424",
    ),
    (
        Curve::P384,
        concat!(
            "3081b6020100301006072a8648ce3d020106052b8104002204819e30819b02010104308de2bde5540125940b588e37ec",
            "e2614541d2a9488b9f192e3270034c79191bb352628badc14b74cce5e19213cc6c83c6a1640362000405c7b0ffb51632",
            "bca1ea34a7b3045ea870f09ee192927445308ab45054135172f3fa4dd50e0f17b701fa18e63747d92695701b60ac65c2",
            "1956063ef124e986b56670ed6c99b2c3443316551a9b4f112a59bd7891c221c7fe4287e8bf3eaf37f3"
        ),
        "59bd7891c221c7fe4287e8bf3eaf37f3",
    ),
    (
        Curve::P521,
        concat!(
            "3081ee020100301006072a8648ce3d020106052b810400230481d63081d30201010442006fe38899fe5dfd68b02adc7f",
            "587322fd09563d12b6cc3f8a49da59b5aba16c32c70ba7210671ee94e3ac3c08bc25a4fb2e3e5f988ace180bce66c05e",
            "19f4965398a1818903818600040155b65d981dbee7f3b4f7d82e04154e0b137ceb38ba7c0b107e5f7a2075b3526e6a38",
            "66811c4e2e3ff872caf2d48ee072fcf1c6920ec9abc65fbd42c947955183a70040e0a9404eb434ad588c0e3e98752223",
            "8bbf7576de52b73808e2836c56b8ca94a2e1e13484bbf6820da5b992920d2d0898231cc4e701ee07cb1f7d2aabb4e77c",
            "4a"
        ),
        "231cc4e701ee07cb1f7d2aabb4e77c4a",
    ),
    (
        Curve::BrainpoolP256r1,
        concat!(
            "308188020100301406072a8648ce3d020106092b2403030208010107046d306b02010104203bd09881cd662301de2e29",
            "7c60d9860b7ac555dcbe96b307d02084edaa5e99bca1440342000472a62f2b5ff9ca22a27a24703e22a9e2846924582f",
            "9d9a4af1978220665dc2f110e104fae6a81a05f5605510cee4a748473b63c7c44bac60c48eff5f5b5f8bdd"
        ),
        "473b63c7c44bac60c48eff5f5b5f8bdd",
    ),
    (
        Curve::BrainpoolP384r1,
        concat!(
            "3081ba020100301406072a8648ce3d020106092b240303020801010b04819e30819b02010104303d57989dc622fd866d",
            "92e7781b961d57dfc3d2f4d9eb81c5dcaf2a1f630a5524df990452093eeed7582c0d4071280382a164036200044e864a",
            "f2aeefee032dd07d015e063609c27d5caf8926a4c577a0d32bfbeb8753725667157fa398c19383cc70c9c98e903597a9",
            "a7a7021eb783699842fbf2946f57e43bd10e7d419640b62a579af642fc499a511600e839bde3caaa74a7dbb995"
        ),
        "499a511600e839bde3caaa74a7dbb995",
    ),
    (
        Curve::Ed25519,
        "302e020100300506032b657004220420c233a8e223474068a127a8c2ed4a604bf80fefeb937817b2affdd1aea099b5cf",
        "664b28033a9219710153097a507223c1",
    ),
];
/// The first of them as SEC1.
const SEC1: &str = concat!(
    "3077020101042021c329f536dc009fbec36a405f3649cfbecc51a625937aa67691e3db99751bf7a00a06082a8648ce3d",
    "030107a144034200042cdb93e94de1b0d4c144b95340bf0acac1e39b491173767968ab181659279182310553ec0a0e05",
    "f7f32f93ebdcb875333e7b1f55741823452129c901e9e27424"
);
/// secp256k1.
const OTHER_CURVE: &str = concat!(
    "308184020100301006072a8648ce3d020106052b8104000a046d306b0201010420f33bdd0b3521a69789c1a2c67cdc83",
    "c3f3c67a68a488875a559c8423729546d1a144034200049ff4741832b7a1cd1f64dabf57952671fc8fedc79b322632c6",
    "91d5fc2b2b0be711e19ce4690c811be7677cf606b1d2d9eabd8970dfe2cf974b95ef69e5506e63"
);

fn bytes(hex_text: &str) -> Vec<u8> {
    hex::decode(hex_text).unwrap()
}

fn fault(key: &[u8]) -> SigningKeyError {
    SigningKey::from_pkcs8(key).unwrap_err()
}

#[test]
fn keys_of_another_program_are_read_and_their_signatures_hold() {
    for (curve, key, public) in KEYS {
        let key = SigningKey::from_pkcs8(&bytes(key)).unwrap();
        assert_eq!(key.public_key().curve(), *curve);
        assert!(
            hex::encode(key.public_key().encoded()).ends_with(public),
            "{}",
            curve.name()
        );
        assert!(key.algorithm().fits(*curve));
        let signature = key.sign(b"message").unwrap();
        let hash = key.algorithm().hash();
        assert_eq!(
            key.public_key().verify(hash, &[b"mess", b"age"], &signature),
            Ok(())
        );
        assert!(key.public_key().verify(hash, &[b"massage"], &signature).is_err());
        assert_eq!(key.sign(b"message").unwrap(), signature, "deterministic");
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", curve.name()));
    }
}

/// RFC 6979 §A.2.5, SHA-256, "sample".
#[test]
fn ecdsa_signatures_follow_rfc_6979() {
    let key = bytes("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    let key = SigningKey::from_bytes(Curve::P256, &key).unwrap();
    assert_eq!(key.algorithm(), SignatureAlgorithm::Es256);
    assert_eq!(key.algorithm().hash(), HashAlgorithm::Sha256);
    assert_eq!(
        hex::encode(key.sign(b"sample").unwrap()),
        concat!(
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
        )
    );
}

#[test]
fn every_form_of_a_key_file_is_read() {
    let (_, key, _) = KEYS[0];
    let public = SigningKey::from_pkcs8(&bytes(key)).unwrap().public_key().clone();
    let pem = |label: &str, key: &[u8]| {
        let mut text = der::pem::encode_string(label, der::pem::LineEnding::LF, key).unwrap();
        text.insert(0, '\n');
        text.into_bytes()
    };
    for form in [
        bytes(SEC1),
        pem("PRIVATE KEY", &bytes(key)),
        pem("EC PRIVATE KEY", &bytes(SEC1)),
    ] {
        assert_eq!(SigningKey::from_pkcs8(&form).unwrap().public_key(), &public);
    }
    for (form, expected) in [
        (pem("PUBLIC KEY", &bytes(key)), SigningKeyError::Format),
        (pem("ENCRYPTED PRIVATE KEY", &bytes(key)), SigningKeyError::Format),
        (pem("EC PRIVATE KEY", &bytes(key)), SigningKeyError::Format),
        (b"-----BEGIN PRIVATE KEY-----".to_vec(), SigningKeyError::Format),
    ] {
        assert_eq!(fault(&form), expected);
    }
}

#[test]
fn what_is_no_key_to_sign_with_is_refused() {
    assert_eq!(fault(b""), SigningKeyError::Format);
    assert_eq!(fault(&bytes(OTHER_CURVE)), SigningKeyError::Unsupported);
    let (_, key, _) = KEYS[0];
    let key = bytes(key);
    for length in 0..key.len() {
        assert_eq!(fault(&key[..length]), SigningKeyError::Format, "{length}");
    }
    for (curve, secret) in [
        (Curve::P256, vec![0; 32]),
        (Curve::P256, vec![0xff; 32]),
        (Curve::P256, vec![1; 31]),
        (Curve::Ed25519, vec![1; 33]),
    ] {
        let error = SigningKey::from_bytes(curve, &secret).unwrap_err();
        assert_eq!(error, SigningKeyError::Key);
    }
    let error = SigningKey::from_bytes(Curve::X25519, &[1; 32]).unwrap_err();
    assert_eq!(error, SigningKeyError::Unsupported);
}
