use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;
use crate::cbor::{Item, Rules};
use crate::cose;
use crate::crypto::Curve;
use crate::test_vectors;

/// A reader's ciphers, and the two keys as the phone has them.
fn session() -> (
    SealToPhone,
    OpenFromPhone,
    Zeroizing<[u8; 32]>,
    Zeroizing<[u8; 32]>,
) {
    let mut random = ChaCha20Rng::seed_from_u64(7);
    let reader = PrivateKey::generate(Curve::P256, &mut random).unwrap();
    let phone = PrivateKey::generate(Curve::P256, &mut random).unwrap();
    let transcript = SessionTranscript::qr(&[0xa0], &cose::encode_key(reader.public_key()));
    let (seal, open) = reader_ciphers(&reader, phone.public_key(), &transcript).unwrap();
    let secret = phone.agree(reader.public_key()).unwrap();
    (
        seal,
        open,
        secret.derive(transcript.salt(), b"SKReader"),
        secret.derive(transcript.salt(), b"SKDevice"),
    )
}

fn phone_vector(counter: u32) -> [u8; 12] {
    let mut vector = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    vector[8..].copy_from_slice(&counter.to_be_bytes());
    vector
}

#[test]
fn annex_d_keys_and_messages_match() {
    let Some(vectors) = test_vectors::json("annex-d/iso18013-5-annex-d.json") else {
        return;
    };
    let member = |name| test_vectors::hex_member(&vectors, name);
    let reader = PrivateKey::from_bytes(Curve::P256, &member("ephemeral_reader_key_d")).unwrap();
    let phone = PrivateKey::from_bytes(Curve::P256, &member("ephemeral_device_key_d")).unwrap();
    assert_eq!(
        reader.public_key().coordinates().0,
        member("ephemeral_reader_key_x")
    );
    assert_eq!(
        reader.public_key().coordinates().1,
        member("ephemeral_reader_key_y")
    );
    assert_eq!(
        phone.public_key().coordinates().0,
        member("ephemeral_device_key_x")
    );

    let tagged = member("session_transcript_bytes");
    let transcript = Item::decode(&tagged, &Rules::default())
        .unwrap()
        .as_embedded_bytes()
        .and_then(|bytes| SessionTranscript::from_bytes(bytes).ok())
        .unwrap();
    assert_eq!(
        transcript.e_reader_key(),
        Some(&*cose::encode_key(reader.public_key()))
    );

    let (mut seal, mut open) = reader_ciphers(&reader, phone.public_key(), &transcript).unwrap();
    assert_eq!(
        hex::encode(**seal.key.0),
        "58d277d8719e62a1561d248f403f477e9e6c37bf5d5fc5126f8f4c727c22dfc9"
    );
    assert_eq!(
        hex::encode(**open.key.0),
        "81d170e07fbdac93c1a676242c2576124a380d87bb73ed9ce4834de2272cf409"
    );

    let data = |name| {
        let message = member(name);
        let item = Item::decode(&message, &Rules::default()).unwrap();
        item.as_map()
            .unwrap()
            .get_text("data")
            .unwrap()
            .as_bytes()
            .unwrap()
            .to_vec()
    };
    assert_eq!(
        seal.seal(&member("device_request")),
        Ok(data("session_establishment"))
    );
    assert_eq!(
        open.open(&data("session_data")).as_deref(),
        Ok(&member("device_response"))
    );
}

#[test]
fn annex_d_shared_secret_matches() {
    let Some(vectors) = test_vectors::json("annex-d/iso18013-5-annex-d.json") else {
        return;
    };
    let member = |name| test_vectors::hex_member(&vectors, name);
    let reader = PrivateKey::from_bytes(Curve::P256, &member("ephemeral_reader_key_d")).unwrap();
    let phone = PrivateKey::from_bytes(Curve::P256, &member("ephemeral_device_key_d")).unwrap();
    // Z itself stays inside: HKDF of the known Z must equal the derivation from either side.
    let z = hex::decode("6423502f843d8cda01fbd9fa46cb397534a740ab1ec3d1076fbcb12e1dca2589").unwrap();
    let mut expected = [0; 32];
    hkdf::Hkdf::<sha2::Sha256>::new(Some(b"salt"), &z)
        .expand(b"info", &mut expected)
        .unwrap();
    assert_eq!(
        *reader.agree(phone.public_key()).unwrap().derive(b"salt", b"info"),
        expected
    );
    assert_eq!(
        *phone.agree(reader.public_key()).unwrap().derive(b"salt", b"info"),
        expected
    );
}

#[test]
fn messages_open_in_order_from_counter_1() {
    let (mut seal, mut open, sk_reader, sk_device) = session();
    for counter in 1..=3_u32 {
        let sealed = aes_256_gcm_seal(&sk_device, &phone_vector(counter), b"response").unwrap();
        assert_eq!(open.open(&sealed).as_deref(), Ok(&b"response".to_vec()));

        let mut vector = phone_vector(counter);
        vector[7] = 0;
        let sealed = seal.seal(b"request").unwrap();
        assert_eq!(
            aes_256_gcm_open(&sk_reader, &vector, &sealed).as_deref(),
            Ok(&b"request".to_vec())
        );
    }
}

#[test]
fn a_counter_that_is_skipped_replayed_or_reordered_does_not_open() {
    let sealed =
        |key: &[u8; 32], counter| aes_256_gcm_seal(key, &phone_vector(counter), b"response").unwrap();
    for (counters, results) in [
        (&[1, 2][..], &[true, true][..]),
        (&[0], &[false]),
        (&[2], &[false]),
        (&[1, 1], &[true, false]),
        (&[1, 3], &[true, false]),
        (&[2, 1], &[false, false]),
    ] {
        let (_, mut open, _, sk_device) = session();
        for (counter, opens) in counters.iter().zip(results) {
            let result = open
                .open(&sealed(&sk_device, *counter))
                .map(|plaintext| plaintext.to_vec());
            let expected = if *opens {
                Ok(b"response".to_vec())
            } else {
                Err(CipherError::Aead(AeadError))
            };
            assert_eq!(result, expected, "{counters:?}");
        }
    }
}

#[test]
fn the_wrong_direction_does_not_open() {
    // The reader's own message, sent back.
    let (mut seal, mut open, ..) = session();
    let own = seal.seal(b"request").unwrap();
    assert_eq!(open.open(&own), Err(CipherError::Aead(AeadError)));

    // The right key with the other identifier, and the other key with the right identifier.
    let mut reader_vector = phone_vector(1);
    reader_vector[7] = 0;
    for (of_device_key, vector, opens) in [
        (true, phone_vector(1), true),
        (true, reader_vector, false),
        (false, phone_vector(1), false),
    ] {
        let (_, mut open, sk_reader, sk_device) = session();
        let key = if of_device_key { sk_device } else { sk_reader };
        let sealed = aes_256_gcm_seal(&key, &vector, b"response").unwrap();
        assert_eq!(open.open(&sealed).is_ok(), opens);
    }
}

#[test]
fn no_flipped_bit_and_no_cut_message_opens() {
    let (_, _, _, sk_device) = session();
    let sealed = aes_256_gcm_seal(&sk_device, &phone_vector(1), b"response").unwrap();
    let open = |ciphertext: &[u8]| session().1.open(ciphertext).map(|plaintext| plaintext.to_vec());
    assert_eq!(open(&sealed), Ok(b"response".to_vec()));
    for bit in 0..sealed.len() * 8 {
        let mut flipped = sealed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(open(&flipped), Err(CipherError::Aead(AeadError)), "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert_eq!(
            open(&sealed[..length]),
            Err(CipherError::Aead(AeadError)),
            "cut at {length}"
        );
    }
    let mut longer = sealed;
    longer.push(0);
    assert_eq!(open(&longer), Err(CipherError::Aead(AeadError)));
}

#[test]
fn a_counter_never_wraps() {
    let (mut seal, mut open, sk_reader, sk_device) = session();
    seal.counter = Counter(Some(u32::MAX));
    open.counter = Counter(Some(u32::MAX));
    let mut vector = phone_vector(u32::MAX);
    let sealed = aes_256_gcm_seal(&sk_device, &vector, b"last").unwrap();
    assert_eq!(open.open(&sealed).as_deref(), Ok(&b"last".to_vec()));
    vector[7] = 0;
    let last = seal.seal(b"last").unwrap();
    assert!(aes_256_gcm_open(&sk_reader, &vector, &last).is_ok());

    for counter in [0, 1, u32::MAX] {
        let sealed = aes_256_gcm_seal(&sk_device, &phone_vector(counter), b"next").unwrap();
        assert_eq!(open.open(&sealed), Err(CipherError::CounterUsedUp));
        assert_eq!(seal.seal(b"next"), Err(CipherError::CounterUsedUp));
    }
}

#[test]
fn another_transcript_gives_other_keys() {
    let mut random = ChaCha20Rng::seed_from_u64(8);
    let reader = PrivateKey::generate(Curve::P256, &mut random).unwrap();
    let phone = PrivateKey::generate(Curve::P256, &mut random).unwrap();
    let key = cose::encode_key(reader.public_key());
    let qr = SessionTranscript::qr(&[0xa0], &key);
    let nfc = SessionTranscript::nfc_static(&[0xa0], &key, b"Hs");
    let (mut sealed_for_qr, _) = reader_ciphers(&reader, phone.public_key(), &qr).unwrap();
    let (mut sealed_for_nfc, _) = reader_ciphers(&reader, phone.public_key(), &nfc).unwrap();
    let (mut again, _) = reader_ciphers(&reader, phone.public_key(), &qr).unwrap();
    let for_qr = sealed_for_qr.seal(b"request");
    assert_ne!(for_qr, sealed_for_nfc.seal(b"request"));
    assert_eq!(for_qr, again.seal(b"request"));
}

#[test]
fn keys_of_different_curves_do_not_agree() {
    let mut random = ChaCha20Rng::seed_from_u64(9);
    let reader = PrivateKey::generate(Curve::P256, &mut random).unwrap();
    let phone = PrivateKey::generate(Curve::P384, &mut random).unwrap();
    let transcript = SessionTranscript::qr(&[0xa0], &cose::encode_key(reader.public_key()));
    let result = reader_ciphers(&reader, phone.public_key(), &transcript).map(|_| ());
    assert_eq!(result, Err(KeyError::CurveMismatch));
}
