use super::*;
use crate::cbor::write;
use crate::crypto::HashAlgorithm;
use crate::engagement::base64url::decode as decode_base64url;
use crate::test_vectors;

/// The published deterministic presentation: key, transcript, and the encrypted response.
fn vector() -> Option<(PrivateKey, SessionTranscript, Vec<u8>, serde_json::Value)> {
    let vector = test_vectors::json("annex-c/ANNEXC-DETERMINISTIC-001.json")?;
    let text = |name: &str| vector[name].as_str().unwrap().to_owned();
    let key = hex::decode(text("recipientPrivateKeyHex")).unwrap();
    let key = PrivateKey::from_bytes(Curve::P256, &key).unwrap();
    let transcript = SessionTranscript::annex_c(&text("encryptionInfoB64"), &text("origin"));
    let response = decode_base64url(&text("encryptedResponseB64")).unwrap();
    Some((key, transcript, response, vector))
}

fn open(
    key: &PrivateKey,
    transcript: &SessionTranscript,
    bytes: &[u8],
) -> Result<Vec<u8>, EncryptedResponseError> {
    open_encrypted_response(key, transcript, bytes, &Limits::default()).map(|plaintext| plaintext.to_vec())
}

#[test]
fn the_published_response_opens() {
    let Some((key, transcript, response, vector)) = vector() else {
        return;
    };
    let plaintext = open(&key, &transcript, &response).unwrap();
    assert_eq!(plaintext, b"\xa2gversionc1.0fstatus\x00");
    let digest = hex::encode(HashAlgorithm::Sha256.digest(&[&plaintext]).as_bytes());
    assert_eq!(vector["expected"]["deviceResponseCborSha256Hex"], digest);
}

#[test]
fn a_response_to_another_key_or_session_does_not_open() {
    let Some((key, transcript, response, vector)) = vector() else {
        return;
    };
    let info = vector["encryptionInfoB64"].as_str().unwrap();
    let elsewhere = SessionTranscript::annex_c(info, "https://verifier.example.org");
    assert_eq!(
        open(&key, &elsewhere, &response),
        Err(EncryptedResponseError::Decryption)
    );
    let other = PrivateKey::from_bytes(Curve::P256, &[7; 32]).unwrap();
    assert_eq!(
        open(&other, &transcript, &response),
        Err(EncryptedResponseError::Decryption)
    );
    let other = PrivateKey::from_bytes(Curve::P384, &[7; 48]).unwrap();
    assert_eq!(
        open(&other, &transcript, &response),
        Err(EncryptedResponseError::RecipientKey)
    );
    let limits = Limits {
        message_bytes: 0,
        ..Limits::default()
    };
    assert!(open_encrypted_response(&key, &transcript, &response, &limits).is_ok());
    let long = [response.clone(), vec![0; OVERHEAD]].concat();
    assert_eq!(
        open_encrypted_response(&key, &transcript, &long, &limits).unwrap_err(),
        EncryptedResponseError::TooLarge
    );
    assert!(open(&key, &transcript, &response).is_ok());
}

#[test]
fn every_changed_byte_and_every_cut_is_refused() {
    let Some((key, transcript, response, _)) = vector() else {
        return;
    };
    for index in 0..response.len() {
        let mut changed = response.clone();
        changed[index] ^= 1;
        assert!(open(&key, &transcript, &changed).is_err(), "{index}");
        assert!(open(&key, &transcript, &response[..index]).is_err(), "{index}");
    }
}

#[test]
fn another_shape_is_named() {
    let key = PrivateKey::from_bytes(Curve::P256, &[7; 32]).unwrap();
    let transcript = SessionTranscript::annex_c("info", "https://verifier.example");
    let make = |protocol: &str, enc: &[u8], name: &str| {
        let mut bytes = Vec::new();
        write::array(&mut bytes, 2);
        write::text(&mut bytes, protocol);
        write::map(&mut bytes, 2);
        write::text(&mut bytes, "enc");
        write::bytes(&mut bytes, enc);
        write::text(&mut bytes, name);
        write::bytes(&mut bytes, &[0; 40]);
        open(&key, &transcript, &bytes)
    };
    let point = key.public_key().encoded();
    assert_eq!(
        make("dcapi", point, "cipherText"),
        Err(EncryptedResponseError::Decryption)
    );
    assert_eq!(
        make("dcapi2", point, "cipherText"),
        Err(EncryptedResponseError::Shape)
    );
    assert_eq!(
        make("dcapi", point, "ciphertext"),
        Err(EncryptedResponseError::Shape)
    );
    for point in [&point[..64], &[4; 65], &[0], b""] {
        assert_eq!(
            make("dcapi", point, "cipherText"),
            Err(EncryptedResponseError::EncapsulatedKey)
        );
    }
    assert!(matches!(
        open(&key, &transcript, b""),
        Err(EncryptedResponseError::Cbor(_))
    ));
}
