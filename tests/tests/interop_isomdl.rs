//! Other people's code at the other end: the crate `isomdl` issues an mDL, shows the QR code, holds
//! the session and answers; our reader's session engages it and our judge says whether it holds.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;

use ciborium::Value as Cbor;
use holder::Hooks;
use holder::issuer::{Issuer, IssuerOptions};
use isomdl::definitions::device_engagement::{CentralClientMode, DeviceRetrievalMethods};
use isomdl::definitions::device_key::DeviceKeyInfo;
use isomdl::definitions::device_key::cose_key::{CoseKey, EC2Curve, EC2Y};
use isomdl::definitions::x509::X5Chain;
use isomdl::definitions::{
    BleOptions, DeviceRetrievalMethod, DigestAlgorithm, SessionEstablishment, ValidityInfo,
};
use isomdl::issuance::Mdoc;
use isomdl::presentation::device::{Document, Documents, SessionManagerInit};
use mdoc::crypto::Curve;
use mdoc::engagement::DeviceEngagement;
use mdoc::session::{Engaged, Event, Handover, MonotonicTime, SessionSettings};
use mdoc::time::UnixTime;
use p256_of_isomdl::ecdsa::{Signature, SigningKey, signature::Signer as _};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use relying_party::purpose::ready_made;
use relying_party::{DeviceKeys, Evidence, judge};
use serde_json::Value;
use verifier_tests::{outcome, trust};

const DOC_TYPE: &str = "org.iso.18013.5.1.mDL";
const NAME_SPACE: &str = "org.iso.18013.5.1";

fn now() -> i64 {
    i64::try_from(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs(),
    )
    .unwrap()
}

fn issuer() -> Issuer {
    let options = IssuerOptions {
        seed: 11,
        root_curve: Curve::P256,
        signer_curve: Curve::P256,
        country: "US",
        state: None,
        signer_purpose: "1.0.18013.5.1.2",
        now: now(),
    };
    Issuer::new(&options, &Hooks::default())
}

/// An mDL issued by isomdl under our test signer.
fn issue(issuer: &Issuer, device_key: &SigningKey) -> Document {
    let elements: BTreeMap<String, Cbor> = [
        ("family_name", Cbor::from("Mihon")),
        ("age_over_20", true.into()),
        ("age_over_21", true.into()),
        ("portrait", Cbor::Bytes(holder::portrait(6_000))),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let point = device_key.verifying_key().to_encoded_point(false);
    let device_key = CoseKey::EC2 {
        crv: EC2Curve::P256,
        x: point.x().unwrap().to_vec(),
        y: EC2Y::Value(point.y().unwrap().to_vec()),
    };
    let at = |seconds: i64| time::OffsetDateTime::from_unix_timestamp(now() + seconds).unwrap();
    let signer = SigningKey::from_slice(&issuer.signer_key.private_bytes()).unwrap();
    let chain = X5Chain::builder()
        .with_der_certificate(&issuer.signer)
        .unwrap()
        .build()
        .unwrap();
    let mdoc = Mdoc::builder()
        .doc_type(DOC_TYPE.to_owned())
        .namespaces(BTreeMap::from([(NAME_SPACE.to_owned(), elements)]))
        .validity_info(ValidityInfo {
            signed: at(-60),
            valid_from: at(-60),
            valid_until: at(86_400),
            expected_update: None,
        })
        .digest_algorithm(DigestAlgorithm::SHA256)
        .device_key_info(DeviceKeyInfo {
            device_key,
            key_authorizations: None,
            key_info: None,
        })
        .issue::<SigningKey, Signature>(chain, signer)
        .unwrap();
    mdoc.into()
}

/// Runs a whole transaction with isomdl's device; the verdict, after `change` on the plaintext.
fn transact(change: impl Fn(&mut Vec<u8>)) -> Value {
    let issuer = issuer();
    let device_key = SigningKey::from_slice(&[42; 32]).unwrap();
    let documents = Documents::new(DOC_TYPE.to_owned(), issue(&issuer, &device_key));
    let bluetooth = BleOptions {
        peripheral_server_mode: None,
        central_client_mode: Some(CentralClientMode {
            uuid: uuid::Uuid::from_bytes([0x45; 16]),
        }),
    };
    let methods = DeviceRetrievalMethods::new(DeviceRetrievalMethod::BLE(bluetooth));
    let device = SessionManagerInit::initialise(documents, Some(methods), None).unwrap();
    let (device, uri) = device.qr_engagement().unwrap();

    let purpose = ready_made("age-20-any").unwrap();
    let engagement = DeviceEngagement::from_uri(&uri).unwrap();
    let mut random = ChaCha20Rng::seed_from_u64(3);
    let start = MonotonicTime::from_millis(0);
    let engaged = Engaged::new(&engagement, Handover::Qr, &mut random).unwrap();
    let request = purpose.device_request(mdoc::version::Version::V1_0).unwrap();
    let mut session = engaged
        .request(start, &request, SessionSettings::default())
        .unwrap();
    session.handle_connected(start);
    let establishment = session.poll_transmit().unwrap();
    session.handle_sent(start);

    let establishment: SessionEstablishment = isomdl::cbor::from_slice(&establishment).unwrap();
    let (mut device, request) = device
        .process_session_establishment(establishment, Default::default())
        .unwrap();
    let permitted = BTreeMap::from([(
        DOC_TYPE.to_owned(),
        BTreeMap::from([(
            NAME_SPACE.to_owned(),
            vec!["age_over_20".to_owned(), "portrait".to_owned()],
        )]),
    )]);
    device.prepare_response(&request.items_request, permitted);
    let payload = device.get_next_signature_payload().unwrap().1.to_vec();
    let signature: Signature = device_key.sign(&payload);
    device.submit_next_signature(signature.to_vec()).unwrap();
    let response = device.retrieve_response().unwrap();

    session.handle_message(start, &response).unwrap();
    let Some(Event::Response(plaintext)) = session.poll_event() else {
        panic!("no response")
    };
    let mut plaintext = plaintext.to_vec();
    change(&mut plaintext);
    let now = UnixTime::from_seconds(now()).unwrap();
    let keys = session
        .e_reader_private_key()
        .map_or(DeviceKeys::None, DeviceKeys::Reader);
    let trust = trust(&[&issuer.root]);
    judge(
        &plaintext,
        session.transcript(),
        keys,
        &purpose,
        &trust,
        &Evidence::default(),
        now,
    )
    .verdict
    .to_json()
}

#[test]
fn what_isomdl_issues_and_presents_is_accepted() {
    let verdict = transact(|_| {});
    assert_eq!(outcome(&verdict), "accepted", "{verdict:#}");
    assert_eq!(verdict["answers"], serde_json::json!({ "over_20": true }));
}

#[test]
fn a_byte_of_its_portrait_changed_is_a_digest_mismatch() {
    let verdict = transact(|plaintext| {
        let end = plaintext
            .windows(2)
            .rposition(|pair| pair == [0xff, 0xd9])
            .unwrap();
        plaintext[end - 20] ^= 1;
    });
    assert_eq!(outcome(&verdict), "digest.mismatch", "{verdict:#}");
}

/// A reader with a key and a certificate under `authority`, as PEM of the authority, chain and key.
fn reader(seed: u64) -> (String, Vec<Vec<u8>>, mdoc::crypto::SigningKey) {
    use holder::certificate::{CertificateSpec, name, pem};
    let mut random = ChaCha20Rng::seed_from_u64(seed);
    let generate = |random: &mut ChaCha20Rng| holder::keys::SigningKey::generate(Curve::P256, random);
    let (root_key, key) = (generate(&mut random), generate(&mut random));
    let root_name = name("JP", None, "TEST reader authority");
    let window = (now() - 86_400, now() + 86_400);
    let root = CertificateSpec::root(&root_key, root_name.clone(), vec![1], window).sign(&root_key);
    let own = name("JP", None, "TEST reader");
    let certificate = CertificateSpec::reader(&key, (&root_name, &root_key), own, vec![2], window);
    let signing = mdoc::crypto::SigningKey::from_bytes(Curve::P256, &key.private_bytes());
    (pem(&root), vec![certificate.sign(&root_key)], signing.unwrap())
}

#[test]
fn several_rounds_with_its_device_and_its_judgement_of_the_reader() {
    use isomdl::definitions::x509::trust_anchor::{PemTrustAnchor, TrustAnchorRegistry, TrustPurpose};
    use isomdl::presentation::authentication::AuthenticationStatus;
    use mdoc::request::ReaderIdentity;

    let issuer = issuer();
    let device_key = SigningKey::from_slice(&[42; 32]).unwrap();
    let documents = Documents::new(DOC_TYPE.to_owned(), issue(&issuer, &device_key));
    let device = SessionManagerInit::initialise(documents, None, None).unwrap();
    let (device, uri) = device.qr_engagement().unwrap();
    let engagement = DeviceEngagement::from_uri(&uri).unwrap();
    let mut random = ChaCha20Rng::seed_from_u64(3);
    let start = MonotonicTime::from_millis(0);
    let engaged = Engaged::new(&engagement, Handover::Qr, &mut random).unwrap();
    let purpose = ready_made("age-20-any").unwrap();
    let plain = || purpose.device_request(mdoc::version::Version::V1_0).unwrap();
    let transcript = engaged.transcript().clone();
    let (authority, chain, key) = reader(1);
    let (_, other_chain, other_key) = reader(2);
    let signed = |chain: &[Vec<u8>], key: &mdoc::crypto::SigningKey| {
        let mut request = plain();
        let identity = ReaderIdentity::new(chain.to_vec(), key).unwrap();
        request.sign(&transcript, &identity).unwrap();
        request
    };
    let registry = TrustAnchorRegistry::from_pem_certificates(vec![PemTrustAnchor {
        certificate_pem: authority,
        purpose: TrustPurpose::ReaderCa,
    }])
    .unwrap();

    let mut session = engaged
        .request(start, &signed(&chain, &key), SessionSettings::default())
        .unwrap();
    session.handle_connected(start);
    let establishment = session.poll_transmit().unwrap();
    session.handle_sent(start);
    let establishment: SessionEstablishment = isomdl::cbor::from_slice(&establishment).unwrap();
    let (mut device, mut request) = device
        .process_session_establishment(establishment, registry)
        .unwrap();
    for (round, expected) in [
        AuthenticationStatus::Valid,
        AuthenticationStatus::Valid,
        AuthenticationStatus::Invalid,
        AuthenticationStatus::Invalid,
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(
            request.reader_authentication, expected,
            "{round}: {:?}",
            request.errors
        );
        let name = request.common_name.as_deref();
        assert_eq!(
            name,
            (round < 3).then_some("TEST reader"),
            "the last is not signed"
        );
        let permitted = BTreeMap::from([(
            DOC_TYPE.to_owned(),
            BTreeMap::from([(
                NAME_SPACE.to_owned(),
                vec!["age_over_20".to_owned(), "portrait".to_owned()],
            )]),
        )]);
        device.prepare_response(&request.items_request, permitted);
        let payload = device.get_next_signature_payload().unwrap().1.to_vec();
        let signature: Signature = device_key.sign(&payload);
        device.submit_next_signature(signature.to_vec()).unwrap();
        let response = device.retrieve_response().unwrap();
        session.handle_message(start, &response).unwrap();
        let Some(Event::Response(plaintext)) = session.poll_event() else {
            panic!("no response in round {round}");
        };
        let trust = trust(&[&issuer.root]);
        let at = UnixTime::from_seconds(now()).unwrap();
        let evidence = Evidence::default();
        let judgement = judge(
            &plaintext,
            session.transcript(),
            DeviceKeys::None,
            &purpose,
            &trust,
            &evidence,
            at,
        );
        assert_eq!(outcome(&judgement.verdict.to_json()), "accepted", "{round}");
        let next = match round {
            0 => signed(&chain, &key),
            // A reader of an authority that the device does not trust.
            1 => signed(&other_chain, &other_key),
            2 => plain(),
            _ => break,
        };
        session.request(start, &next).unwrap();
        let message = session.poll_transmit().unwrap();
        session.handle_sent(start);
        request = device.handle_request(&message);
    }
    session.terminate();
    assert!(session.poll_transmit().is_some());
    assert!(session.is_finished());
}
