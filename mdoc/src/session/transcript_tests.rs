use super::*;
use crate::cbor::ErrorKind;
use crate::test_vectors;

const THUMBPRINT: &str = "4283ec927ae0f208daaa2d026a814f2b22dca52cf85ffa8f3f8626c6bd669047";
const NONCE: &str = "exc7gBkxjx1rdc9udRrveKvSsJIq80avlXeLHhGwqtA";

fn thumbprint() -> [u8; 32] {
    hex::decode(THUMBPRINT).unwrap().try_into().unwrap()
}

fn error(hexadecimal: &str) -> TranscriptError {
    SessionTranscript::from_bytes(&hex::decode(hexadecimal).unwrap()).expect_err("the transcript is refused")
}

fn cbor_error(kind: ErrorKind, offset: usize) -> TranscriptError {
    TranscriptError::Cbor(cbor::Error { kind, offset })
}

#[test]
fn openid4vp_redirect_matches_the_published_example() {
    let thumbprint = thumbprint();
    let transcript = SessionTranscript::openid4vp_redirect(&OpenId4VpRedirect {
        client_id: "x509_san_dns:example.com",
        nonce: NONCE,
        jwk_thumbprint: Some(&thumbprint),
        response_uri: "https://example.com/response",
    });
    assert_eq!(
        hex::encode(transcript.as_bytes()),
        "83f6f682714f70656e494434565048616e646f7665725820\
         048bc053c00442af9b8eed494cefdd9d95240d254b046b11b68013722aad38ac"
    );
    assert_eq!(transcript.e_reader_key(), None);
}

#[test]
fn openid4vp_dc_api_matches_the_published_example() {
    let thumbprint = thumbprint();
    let transcript = SessionTranscript::openid4vp_dc_api(&OpenId4VpDcApi {
        origin: "https://example.com",
        nonce: NONCE,
        jwk_thumbprint: Some(&thumbprint),
    });
    assert_eq!(
        hex::encode(transcript.as_bytes()),
        "83f6f682764f70656e4944345650444341504948616e646f7665725820\
         fbece366f4212f9762c74cfdbf83b8c69e371d5d68cea09cb4c48ca6daab761a"
    );
}

#[test]
fn each_part_of_an_openid4vp_handover_counts() {
    let thumbprint = thumbprint();
    let base = OpenId4VpRedirect {
        client_id: "x509_san_dns:example.com",
        nonce: NONCE,
        jwk_thumbprint: Some(&thumbprint),
        response_uri: "https://example.com/response",
    };
    let expected = SessionTranscript::openid4vp_redirect(&base);
    for changed in [
        OpenId4VpRedirect {
            client_id: "example.com",
            ..base
        },
        OpenId4VpRedirect { nonce: "", ..base },
        OpenId4VpRedirect {
            jwk_thumbprint: None,
            ..base
        },
        OpenId4VpRedirect {
            response_uri: "https://example.com/response/",
            ..base
        },
    ] {
        assert_ne!(SessionTranscript::openid4vp_redirect(&changed), expected);
    }
    assert_eq!(SessionTranscript::openid4vp_redirect(&base), expected);
}

#[test]
fn annex_b_matches_the_published_example() {
    let transcript = SessionTranscript::annex_b(&AnnexB {
        client_id: "example.com",
        response_uri: "https://example.com/12345/response",
        nonce: "abcdefgh1234567890",
        mdoc_generated_nonce: "1234567890abcdefgh",
    });
    assert_eq!(
        hex::encode(transcript.as_bytes()),
        "83f6f6835820da25c527e5fb75bc2dd31267c02237c4462ba0c1bf37071f692e7dd93b10ad0b\
         5820f6ed8e3220d3c59a5f17eb45f48ab70aeecf9ee21744b1014982350bd96ac0c5\
         72616263646566676831323334353637383930"
    );
}

#[test]
fn annex_c_matches_the_known_hash_of_its_info() {
    let transcript = SessionTranscript::annex_c("abc", "https://verifier.example");
    assert_eq!(
        hex::encode(transcript.as_bytes()),
        "83f6f682656463617069\
         5820b9c9b918824ee57c5af1d74030deebc9fe714161fc48eebc04fbc5258243ab6e"
    );
}

#[test]
fn annex_c_matches_the_recorded_presentation() {
    let Some(vectors) = test_vectors::json("annex-c/ANNEXC-DETERMINISTIC-001.json") else {
        return;
    };
    let transcript = SessionTranscript::annex_c(
        vectors["encryptionInfoB64"].as_str().unwrap(),
        vectors["origin"].as_str().unwrap(),
    );
    assert_eq!(
        hex::encode(sha256(&[transcript.as_bytes()])),
        vectors["expected"]["sessionTranscriptCborSha256Hex"]
            .as_str()
            .unwrap()
    );
}

#[test]
fn annex_d_transcript_is_read_and_rebuilt() {
    let Some(vectors) = test_vectors::json("annex-d/iso18013-5-annex-d.json") else {
        return;
    };
    let tagged = test_vectors::hex_member(&vectors, "session_transcript_bytes");
    let bytes = Item::decode(&tagged, &Rules::default())
        .unwrap()
        .as_embedded_bytes()
        .unwrap();

    let transcript = SessionTranscript::from_bytes(bytes).unwrap();
    assert_eq!(transcript.as_bytes(), bytes);
    assert_eq!(
        hex::encode(transcript.salt()),
        "f823ac566e22b2106c9b7c02fadc7482e559a1de8a809b56c828779e6d67570e"
    );

    let [engagement, key, handover] = Item::decode(bytes, &Rules::default())
        .unwrap()
        .as_array()
        .unwrap()
        .exactly()
        .unwrap();
    let engagement = engagement.as_embedded_bytes().unwrap();
    let key = key.as_embedded_bytes().unwrap();
    assert_eq!(transcript.e_reader_key(), Some(key));
    let [select, request] = handover.as_array().unwrap().exactly().unwrap();
    let (select, request) = (select.as_bytes().unwrap(), request.as_bytes().unwrap());

    let rebuilt = SessionTranscript::nfc_negotiated(engagement, key, select, request);
    assert_eq!(rebuilt, transcript);

    // Each other handover over the same parts is another transcript.
    for other in [
        SessionTranscript::nfc_negotiated(engagement, key, request, select),
        SessionTranscript::nfc_static(engagement, key, select),
        SessionTranscript::qr(engagement, key),
        SessionTranscript::qr(key, engagement),
    ] {
        assert_ne!(other.salt(), transcript.salt());
        assert_eq!(
            SessionTranscript::from_bytes(other.as_bytes()).as_ref(),
            Ok(&other)
        );
    }

    for length in 0..bytes.len() {
        assert!(
            matches!(
                SessionTranscript::from_bytes(&bytes[..length]),
                Err(TranscriptError::Cbor(cbor::Error {
                    kind: ErrorKind::Truncated,
                    ..
                }))
            ),
            "cut at {length}"
        );
    }
}

#[test]
fn proximity_handovers_have_the_form_of_the_standard() {
    let engagement = [0xa0];
    let key = [0xa1, 0x01, 0x02];
    assert_eq!(
        hex::encode(SessionTranscript::qr(&engagement, &key).as_bytes()),
        "83d81841a0d81843a10102f6"
    );
    assert_eq!(
        hex::encode(SessionTranscript::nfc_static(&engagement, &key, b"Hs").as_bytes()),
        "83d81841a0d81843a1010282424873f6"
    );
    assert_eq!(
        hex::encode(SessionTranscript::nfc_negotiated(&engagement, &key, b"Hs", b"Hr").as_bytes()),
        "83d81841a0d81843a1010282424873424872"
    );
}

#[test]
fn malformed_transcripts_are_refused_by_name() {
    // The twin: an engagement, a key and a handover that may be anything.
    let whole = SessionTranscript::from_bytes(&hex::decode("83d81841a0d81841a0f6").unwrap()).unwrap();
    assert_eq!(whole.e_reader_key(), Some(&[0xa0][..]));
    assert!(SessionTranscript::from_bytes(&hex::decode("83f6f68163616263").unwrap()).is_ok());

    for (hexadecimal, expected) in [
        ("", cbor_error(ErrorKind::Truncated, 0)),
        ("83d81841a0d81841a0f600", cbor_error(ErrorKind::Trailing, 10)),
        ("9fd81841a0d81841a0f6ff", cbor_error(ErrorKind::Indefinite, 0)),
        ("82d81841a0d81841a0", TranscriptError::NotThreeElements),
        ("84d81841a0d81841a0f6f6", TranscriptError::NotThreeElements),
        ("a0", TranscriptError::NotThreeElements),
        // SessionTranscriptBytes in place of the array.
        ("d8184a83d81841a0d81841a0f6", TranscriptError::NotThreeElements),
        ("8341a0d81841a0f6", TranscriptError::DeviceEngagement),
        ("83a0d81841a0f6", TranscriptError::DeviceEngagement),
        ("83d81741a0d81841a0f6", TranscriptError::DeviceEngagement),
        ("83f7d81841a0f6", TranscriptError::DeviceEngagement),
        ("83d81841a041a0f6", TranscriptError::EReaderKey),
        ("83d81841a0d818a0f6", TranscriptError::EReaderKey),
        ("83d81841a000f6", TranscriptError::EReaderKey),
        // The content of tag 24 is not exactly one item.
        ("83d81840d81841a0f6", cbor_error(ErrorKind::Truncated, 0)),
        ("83d81841a0d81842a0a0f6", cbor_error(ErrorKind::Trailing, 1)),
        ("83d81841a0d81841a1f6", cbor_error(ErrorKind::Truncated, 0)),
    ] {
        assert_eq!(error(hexadecimal), expected, "{hexadecimal}");
    }
}

#[test]
fn a_transcript_has_a_size_limit() {
    let with_handover = |len: usize| {
        let mut bytes = vec![0x83, 0xf6, 0xf6];
        write::bytes(&mut bytes, &vec![0; len]);
        SessionTranscript::from_bytes(&bytes).map(|_| ())
    };
    let overhead = 3 + 5;
    assert_eq!(with_handover(SessionTranscript::MAX_LEN - overhead), Ok(()));
    assert_eq!(
        with_handover(SessionTranscript::MAX_LEN - overhead + 1),
        Err(TranscriptError::TooLarge)
    );
}

#[test]
fn debug_output_shows_no_content() {
    let transcript = SessionTranscript::annex_c("secret", "https://verifier.example");
    assert_eq!(format!("{transcript:?}"), "SessionTranscript(44 bytes)");
}
