//! Requests and responses as they should be.

use super::*;
use crate::cbor;
use crate::crypto::HashAlgorithm;
use crate::test_vectors;

#[test]
fn one_request_gets_one_response_and_the_reader_ends() {
    let (mut phone, mut session) = requested();
    session.handle_progress(at(1000));
    assert_eq!(session.handle_message(at(2000), &phone.answer(None)), Ok(()));
    assert_eq!(session.poll_event(), Some(response()));
    assert_eq!(session.poll_event(), None);
    assert!(!session.is_finished());
    assert_eq!(session.poll_transmit(), None);
    session.terminate();
    assert!(!session.is_finished());
    assert_eq!(session.poll_transmit(), Some(status_message(Status::Termination)));
    assert!(session.is_finished());
    assert_eq!(session.poll_timeout(), None);
    assert_eq!(session.poll_event(), None);

    // What the judge needs: the transcript that the phone has, and the key that is named in it.
    let own_key = session.e_reader_private_key().unwrap();
    let encoded = cose::encode_key(own_key.public_key());
    assert_eq!(session.transcript().e_reader_key(), Some(&*encoded));
    assert_eq!(
        session.transcript(),
        &SessionTranscript::qr(&phone.engagement, &encoded)
    );

    // The phone's own end may cross the reader's, once.
    let end = status_message(Status::Termination);
    assert_eq!(session.handle_message(at(2001), &end), Ok(()));
    assert_eq!(session.handle_message(at(2002), &end), Err(AfterEnd));
    assert_eq!(session.poll_transmit(), None);
}

#[test]
fn every_curve_of_key_agreement_makes_a_session() {
    for curve in AGREEMENT_CURVES.iter().copied() {
        let mut phone = Phone::new(curve);
        let mut session = start(&phone);
        session.handle_connected(at(0));
        phone.establish(&session.poll_transmit().unwrap());
        session.handle_sent(at(0));
        let answer = phone.answer(Some(Status::Termination));
        assert_eq!(session.handle_message(at(1), &answer), Ok(()), "{}", curve.name());
        assert_eq!(session.poll_event(), Some(response()), "{}", curve.name());
    }
}

#[test]
fn a_phone_that_ends_with_its_response_hears_nothing_more() {
    let (mut phone, mut session) = requested();
    let answer = phone.answer(Some(Status::Termination));
    assert_eq!(session.handle_message(at(1), &answer), Ok(()));
    assert_eq!(session.poll_event(), Some(response()));
    assert!(session.is_finished());
    assert_eq!(session.poll_transmit(), None);

    // Data after status 20, and a status after it.
    let more = phone.answer(None);
    assert_eq!(session.handle_message(at(2), &more), Err(AfterEnd));
    assert_eq!(
        session.handle_message(at(3), &status_message(Status::Termination)),
        Err(AfterEnd)
    );
    assert_eq!(session.poll_event(), None);
    assert_eq!(session.poll_transmit(), None);
}

#[test]
fn data_after_the_response_is_not_looked_into() {
    let (mut phone, mut session) = requested();
    let first = phone.answer(None);
    assert_eq!(session.handle_message(at(1), &first), Ok(()));
    assert_eq!(session.poll_event(), Some(response()));
    session.terminate();
    for message in [first, phone.answer(None), vec![], vec![0xff]] {
        assert_eq!(session.handle_message(at(2), &message), Err(AfterEnd));
        assert_eq!(session.poll_event(), None);
    }
}

#[test]
fn the_request_is_handed_out_once_and_only_when_connected() {
    let phone = Phone::new(Curve::P256);
    let mut session = start(&phone);
    assert_eq!(session.poll_transmit(), None);
    // Calls out of order change nothing.
    session.handle_sent(at(0));
    session.handle_progress(at(0));
    assert_eq!(session.phase(), Some(Phase::Connect));
    session.handle_connected(at(0));
    session.handle_sent(at(0));
    assert_eq!(session.phase(), Some(Phase::Request));
    assert!(session.poll_transmit().is_some());
    assert_eq!(session.poll_transmit(), None);
    session.handle_connected(at(0));
    assert_eq!(session.poll_transmit(), None);
}

#[test]
fn each_session_has_a_fresh_key() {
    let phone = Phone::new(Curve::P256);
    let mut source = random(3);
    let mut key = || {
        let engaged = Engaged::new(&phone.engagement(), Handover::Qr, &mut source).unwrap();
        engaged.transcript().e_reader_key().unwrap().to_vec()
    };
    let keys = [key(), key(), key()];
    assert_ne!(keys[0], keys[1]);
    assert_ne!(keys[1], keys[2]);
    assert_ne!(keys[0], keys[2]);
}

#[test]
fn the_transcript_follows_from_the_handover() {
    let phone = Phone::new(Curve::P256);
    let transcript = |handover| {
        let engaged = Engaged::new(&phone.engagement(), handover, &mut random(2)).unwrap();
        engaged.transcript().clone()
    };
    let key = transcript(Handover::Qr).e_reader_key().unwrap().to_vec();
    assert_eq!(
        transcript(Handover::Qr),
        SessionTranscript::qr(&phone.engagement, &key)
    );
    assert_eq!(
        transcript(Handover::NfcStatic {
            handover_select: b"Hs"
        }),
        SessionTranscript::nfc_static(&phone.engagement, &key, b"Hs")
    );
    assert_eq!(
        transcript(Handover::NfcNegotiated {
            handover_select: b"Hs",
            handover_request: b"Hr",
        }),
        SessionTranscript::nfc_negotiated(&phone.engagement, &key, b"Hs", b"Hr")
    );
}

#[test]
fn annex_d_session_is_read_to_its_end() {
    let Some(vectors) = test_vectors::json("annex-d/iso18013-5-annex-d.json") else {
        return;
    };
    let member = |name| test_vectors::hex_member(&vectors, name);
    let tagged = member("session_transcript_bytes");
    let [engagement, _, handover] = cbor::Item::decode(&tagged, &cbor::Rules::default())
        .unwrap()
        .embedded(&cbor::Rules::default())
        .unwrap()
        .and_then(cbor::Item::as_array)
        .and_then(cbor::Array::exactly)
        .unwrap();
    let [select, handover_request] = handover.as_array().unwrap().exactly().unwrap();
    let engagement = DeviceEngagement::from_bytes(engagement.as_embedded_bytes().unwrap()).unwrap();
    let handover = Handover::NfcNegotiated {
        handover_select: select.as_bytes().unwrap(),
        handover_request: handover_request.as_bytes().unwrap(),
    };
    let start = |handover| {
        let key = PrivateKey::from_bytes(Curve::P256, &member("ephemeral_reader_key_d")).unwrap();
        let request = DeviceRequest::decode(&member("device_request")).unwrap();
        let mut session = Engaged::with_key(&engagement, handover, key)
            .unwrap()
            .request(at(0), &request, SessionSettings::default())
            .unwrap();
        session.handle_connected(at(0));
        session
    };

    let mut session = start(handover);
    assert_eq!(session.poll_transmit(), Some(member("session_establishment")));
    assert_eq!(session.handle_message(at(1), &member("session_data")), Ok(()));
    assert_eq!(
        session.poll_event(),
        Some(Event::Response(Zeroizing::new(member("device_response"))))
    );
    session.terminate();
    assert_eq!(session.poll_transmit(), Some(member("session_termination")));
    assert_eq!(
        hex::encode(HashAlgorithm::Sha256.digest(&[&tagged]).as_bytes()),
        hex::encode(session.transcript().salt())
    );

    // The same bytes under another handover are of another session.
    let mut session = start(Handover::Qr);
    assert_ne!(session.poll_transmit(), Some(member("session_establishment")));
    assert_eq!(session.handle_message(at(1), &member("session_data")), Ok(()));
    assert_failed(
        &mut session,
        SessionFailure::Decryption {
            phase: Phase::Request,
            by: Party::Reader,
        },
        Some(Status::EncryptionError),
    );
}

#[test]
fn debug_output_shows_no_content() {
    let (mut phone, mut session) = requested();
    assert_eq!(
        format!("{session:?}"),
        "ReaderSession { phase: Some(Consent), .. }"
    );
    assert_eq!(session.handle_message(at(1), &phone.answer(None)), Ok(()));
    assert_eq!(format!("{:?}", session.poll_event()), "Some(Response(21 bytes))");
    let engaged = Engaged::new(&phone.engagement(), Handover::Qr, &mut random(2)).unwrap();
    assert_eq!(format!("{engaged:?}"), "Engaged { .. }");
}
