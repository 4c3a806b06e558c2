//! The response of ISO/IEC 18013-5 Annex D, judged whole: signature, digests, device MAC. Its root
//! is not published, so the path ends at `issuer.chain`, and everything else holds.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a test that is left out says so")]

use mdoc::crypto::{Curve, PrivateKey, PublicKey};
use mdoc::response::DeviceResponse;
use mdoc::session::SessionTranscript;
use mdoc::time::UnixTime;
use relying_party::purpose::Purpose;
use relying_party::{DeviceKeys, Evidence, judge};
use serde_json::{Value, json};
use verifier_tests::{check, outcome, trust, vectors};

struct AnnexD {
    response: Vec<u8>,
    transcript: SessionTranscript,
    reader_key: PrivateKey,
}

fn annex_d() -> Option<AnnexD> {
    let Some(folder) = vectors() else {
        println!("left out: MDOC_VECTORS is not set");
        return None;
    };
    let text = std::fs::read_to_string(folder.join("annex-d/iso18013-5-annex-d.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let bytes = |name: &str| hex::decode(json[name].as_str().unwrap()).unwrap();
    let tagged = bytes("session_transcript_bytes");
    let rules = mdoc::cbor::Rules::default();
    let transcript = mdoc::cbor::Item::decode(&tagged, &rules)
        .unwrap()
        .as_embedded_bytes()
        .unwrap()
        .to_vec();
    Some(AnnexD {
        response: bytes("device_response"),
        transcript: SessionTranscript::from_bytes(&transcript).unwrap(),
        reader_key: PrivateKey::from_bytes(Curve::P256, &bytes("ephemeral_reader_key_d")).unwrap(),
    })
}

fn purpose() -> Purpose {
    let elements = [
        "family_name",
        "document_number",
        "driving_privileges",
        "issue_date",
        "expiry_date",
        "portrait",
    ];
    let elements: serde_json::Map<String, Value> = elements
        .into_iter()
        .map(|name| (name.to_owned(), json!(false)))
        .collect();
    Purpose::from_json(json!({ "id": "annex-d", "title": {"en": "Annex D"}, "document": [
        { "doc_type": "org.iso.18013.5.1.mDL", "request": { "org.iso.18013.5.1": elements } } ] }))
    .unwrap()
}

/// Judged while both the document and its signer's certificate were valid.
fn verdict(response: &[u8], transcript: &SessionTranscript, keys: DeviceKeys<'_>) -> Value {
    let now = UnixTime::parse("2021-03-01T00:00:00Z").unwrap();
    judge(
        response,
        transcript,
        keys,
        &purpose(),
        &trust(&[]),
        &Evidence::default(),
        now,
    )
    .verdict
    .to_json()
}

const INDEPENDENT: [&str; 6] = [
    "issuer.signature",
    "document.type",
    "mso",
    "digests",
    "mso.validity",
    "device.auth",
];

#[test]
fn everything_but_the_unpublished_root_holds() {
    let Some(annex_d) = annex_d() else { return };
    let verdict = verdict(
        &annex_d.response,
        &annex_d.transcript,
        DeviceKeys::Reader(&annex_d.reader_key),
    );
    assert_eq!(outcome(&verdict), "issuer.chain");
    for name in INDEPENDENT {
        assert_eq!(check(&verdict, name)["result"], "passed", "{name}");
    }
    assert_eq!(check(&verdict, "device.auth")["detail"]["method"], "mac");
    assert_eq!(verdict["documents"][0]["withheld"], json!([]));
}

#[test]
fn the_published_mac_key_does_as_well_as_the_readers_key() {
    let Some(annex_d) = annex_d() else { return };
    let key = hex::decode("dc2b9566fdaaae3c06baa40993cd0451aeba15e7677ef5305f6531f3533c35dd").unwrap();
    let key: [u8; 32] = key.try_into().unwrap();
    let mut other = key;
    other[0] ^= 1;
    let with = |keys: DeviceKeys<'_>| {
        let verdict = verdict(&annex_d.response, &annex_d.transcript, keys);
        check(&verdict, "device.auth")["result"].clone()
    };
    assert_eq!(with(DeviceKeys::Mac(&key)), "passed");
    let per_document = [Some(key)];
    assert_eq!(with(DeviceKeys::PerDocument(&per_document)), "passed");
    assert_eq!(with(DeviceKeys::PerDocument(&[])), "failed");
    assert_eq!(with(DeviceKeys::None), "failed");
    assert_eq!(with(DeviceKeys::Mac(&other)), "failed");
}

#[test]
fn another_transcript_fails_the_device_authentication_alone() {
    let Some(annex_d) = annex_d() else { return };
    let other = SessionTranscript::qr(b"\xa0", b"\xa0");
    let verdict = verdict(&annex_d.response, &other, DeviceKeys::Reader(&annex_d.reader_key));
    assert_eq!(check(&verdict, "device.auth")["reason"], "device.mac");
    for name in INDEPENDENT.into_iter().filter(|name| *name != "device.auth") {
        assert_eq!(check(&verdict, name)["result"], "passed", "{name}");
    }
}

#[test]
fn the_published_elements_and_digests_are_read() {
    let Some(annex_d) = annex_d() else { return };
    let response =
        DeviceResponse::decode(&annex_d.response, &mdoc::limits::Limits::default(), false).unwrap();
    let items = &response.documents[0].issuer_signed.items;
    let ids: Vec<(&str, u64)> = items
        .iter()
        .map(|item| (item.element_identifier, item.digest_id))
        .collect();
    assert_eq!(
        ids,
        [
            ("family_name", 0),
            ("issue_date", 3),
            ("expiry_date", 4),
            ("document_number", 7),
            ("portrait", 8),
            ("driving_privileges", 9)
        ]
    );
}

#[test]
fn cut_anywhere_the_response_is_malformed_and_changed_anywhere_it_is_no_better() {
    let Some(annex_d) = annex_d() else { return };
    let keys = || DeviceKeys::Reader(&annex_d.reader_key);
    for end in (0..annex_d.response.len()).step_by(7) {
        let verdict = verdict(&annex_d.response[..end], &annex_d.transcript, keys());
        assert_eq!(outcome(&verdict), "response.malformed", "cut at {end}");
    }
    for index in (0..annex_d.response.len()).step_by(13) {
        let mut changed = annex_d.response.clone();
        changed[index] ^= 1;
        let verdict = verdict(&changed, &annex_d.transcript, keys());
        assert_ne!(verdict["verdict"], "accepted", "changed at {index}");
    }
}

#[test]
fn the_published_device_key_is_the_one_in_the_mso() {
    let key = PublicKey::from_coordinates(
        Curve::P256,
        &hex::decode("96313d6c63e24e3372742bfdb1a33ba2c897dcd68ab8c753e4fbd48dca6b7f9a").unwrap(),
        &hex::decode("1fb3269edd418857de1b39a4e4a44b92fa484caa722c228288f01d0c03a2c3d6").unwrap(),
    );
    assert!(key.is_ok());
}

#[test]
fn the_published_reader_authentication_verifies() {
    let Some(folder) = vectors() else { return };
    let text = std::fs::read_to_string(folder.join("annex-d/iso18013-5-annex-d.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let bytes = |name: &str| hex::decode(json[name].as_str().unwrap()).unwrap();
    let rules = mdoc::cbor::Rules::default();
    let (message, certificate) = (bytes("reader_auth"), bytes("reader_cert"));
    let message = mdoc::cbor::Item::decode(&message, &rules).unwrap();
    let message = mdoc::cose::Message::decode(message, &rules).unwrap();
    assert_eq!(
        message.headers().x5chain(false).unwrap().certificates(),
        [certificate.as_slice()]
    );
    let key = mdoc::x509::Certificate::from_der(&certificate)
        .unwrap()
        .public_key()
        .unwrap()
        .clone();
    let tagged = bytes("session_transcript_bytes");
    let transcript = mdoc::cbor::Item::decode(&tagged, &rules)
        .unwrap()
        .as_embedded_bytes()
        .unwrap();
    let authentication = |transcript: &[u8]| {
        let mut inner = Vec::new();
        mdoc::cbor::write::array(&mut inner, 3);
        mdoc::cbor::write::text(&mut inner, "ReaderAuthentication");
        inner.extend_from_slice(transcript);
        mdoc::cbor::write::embedded(&mut inner, &bytes("items_request"));
        let mut payload = Vec::new();
        mdoc::cbor::write::embedded(&mut payload, &inner);
        payload
    };
    let algorithm = mdoc::crypto::SignatureAlgorithm::Es256;
    assert_eq!(
        message.verify_signature(algorithm, &key, &[&authentication(transcript)]),
        Ok(())
    );
    let other = authentication(b"\x83\xf6\xf6\xf6");
    let mismatch = Err(mdoc::crypto::SignatureError::Mismatch);
    assert_eq!(message.verify_signature(algorithm, &key, &[&other]), mismatch);
}
