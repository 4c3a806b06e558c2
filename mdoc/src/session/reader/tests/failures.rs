//! Phones and transports that misbehave: each failure by its reason.

use proptest::prelude::*;

use super::*;
use crate::cbor::{self, ErrorKind};
use crate::cose::KeyFormatError;
use crate::crypto::KeyError;
use crate::engagement::EngagementError;

#[test]
fn a_status_of_the_phone_ends_the_session() {
    let phase = Phase::Consent;
    for (status, failure, code) in [
        (
            Status::EncryptionError,
            SessionFailure::Decryption {
                phase,
                by: Party::Phone,
            },
            "session.decryption",
        ),
        (
            Status::DecodingError,
            SessionFailure::Decoding { phase, fault: None },
            "session.decoding",
        ),
        (
            Status::Termination,
            SessionFailure::Terminated {
                phase,
                by: Party::Phone,
                status: Some(20),
            },
            "session.terminated",
        ),
        (
            Status::Unknown(0),
            SessionFailure::Terminated {
                phase,
                by: Party::Phone,
                status: Some(0),
            },
            "session.terminated",
        ),
    ] {
        let (_, mut session) = requested();
        assert_eq!(session.handle_message(at(1), &status_message(status)), Ok(()));
        assert_failed(&mut session, failure, None);
        assert_eq!(failure.code(), code);
        assert_eq!(failure.phase(), phase);

        // An error status outweighs data that comes with it.
        let (mut phone, mut session) = requested();
        let answer = phone.answer(Some(status));
        assert_eq!(session.handle_message(at(1), &answer), Ok(()));
        if status == Status::Termination {
            assert_eq!(session.poll_event(), Some(response()));
        } else {
            assert_failed(&mut session, failure, None);
        }
    }
}

#[test]
fn a_message_that_does_not_decrypt_is_told_with_status_10() {
    let failure = SessionFailure::Decryption {
        phase: Phase::Consent,
        by: Party::Reader,
    };
    assert_eq!(failure.code(), "session.decryption");
    let fails = |change: fn(&mut Phone) -> Vec<u8>| {
        let (mut phone, mut session) = requested();
        let message = SessionData::with_data(change(&mut phone), None).encode();
        assert_eq!(session.handle_message(at(1), &message), Ok(()));
        assert_failed(&mut session, failure, Some(Status::EncryptionError));
    };
    // Nothing; less than a tag; a flipped bit in data and in tag.
    fails(|_| Vec::new());
    fails(|phone| phone.seal(RESPONSE)[..15].to_vec());
    fails(|phone| {
        let mut data = phone.seal(RESPONSE);
        data[0] ^= 1;
        data
    });
    fails(|phone| {
        let mut data = phone.seal(RESPONSE);
        *data.last_mut().unwrap() ^= 0x80;
        data
    });
    // A counter of 0, and one that was skipped.
    fails(|phone| {
        let [_, sk_device] = phone.keys.as_ref().unwrap();
        aes_256_gcm_seal(sk_device, &vector(1, 0), RESPONSE).unwrap()
    });
    fails(|phone| {
        phone.seal(RESPONSE);
        phone.seal(RESPONSE)
    });
    // The reader's own direction: its key, its identifier.
    fails(|phone| {
        let [sk_reader, _] = phone.keys.as_ref().unwrap();
        aes_256_gcm_seal(sk_reader, &vector(0, 1), RESPONSE).unwrap()
    });
    fails(|phone| {
        let [_, sk_device] = phone.keys.as_ref().unwrap();
        aes_256_gcm_seal(sk_device, &vector(0, 1), RESPONSE).unwrap()
    });
}

#[test]
fn a_reflected_request_does_not_decrypt() {
    let mut phone = Phone::new(Curve::P256);
    let mut session = start(&phone);
    session.handle_connected(at(0));
    let establishment = session.poll_transmit().unwrap();
    phone.establish(&establishment);
    let data = SessionEstablishment::decode(&establishment, 1 << 20)
        .unwrap()
        .data;
    let reflected = SessionData::with_data(data, None).encode();
    assert_eq!(session.handle_message(at(1), &reflected), Ok(()));
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
fn a_message_that_cannot_be_read_is_told_with_status_11() {
    let cbor_error = |kind, offset| MessageError::Cbor(cbor::Error { kind, offset });
    let mut establishment = Vec::new();
    write::map(&mut establishment, 2);
    write::text(&mut establishment, "eReaderKey");
    write::null(&mut establishment);
    write::text(&mut establishment, "data");
    write::bytes(&mut establishment, &[0; 20]);
    let too_large = vec![0; SessionSettings::default().max_message_len + 1];
    for (message, fault) in [
        (vec![], cbor_error(ErrorKind::Truncated, 0)),
        (vec![0xff], cbor_error(ErrorKind::Reserved, 0)),
        (vec![0xa0, 0x00], cbor_error(ErrorKind::Trailing, 1)),
        (vec![0xa0], MessageError::Empty),
        (vec![0x80], MessageError::NotAMap),
        (establishment, MessageError::Establishment),
        (too_large, MessageError::TooLarge),
    ] {
        let (_, mut session) = requested();
        assert_eq!(session.handle_message(at(1), &message), Ok(()));
        let failure = SessionFailure::Decoding {
            phase: Phase::Consent,
            fault: Some(fault),
        };
        assert_eq!(failure.code(), "session.decoding");
        assert_failed(&mut session, failure, Some(Status::DecodingError));
    }
}

#[test]
fn an_answer_cut_at_any_length_is_refused() {
    let whole = requested().0.answer(None);
    for length in 0..whole.len() {
        let (_, mut session) = requested();
        assert_eq!(session.handle_message(at(1), &whole[..length]), Ok(()));
        let Some(Event::Failed(SessionFailure::Decoding {
            fault: Some(MessageError::Cbor(error)),
            ..
        })) = session.poll_event()
        else {
            panic!("cut at {length}");
        };
        assert_eq!(error.kind, ErrorKind::Truncated, "cut at {length}");
    }
}

#[test]
fn a_message_before_the_request_is_refused() {
    let phone = Phone::new(Curve::P256);
    let early = SessionData::with_data(vec![0; 20], None).encode();
    let failure = |phase| SessionFailure::Decoding {
        phase,
        fault: Some(MessageError::TooEarly),
    };

    let mut session = start(&phone);
    assert_eq!(session.handle_message(at(0), &early), Ok(()));
    assert_failed(&mut session, failure(Phase::Connect), None);

    let mut session = start(&phone);
    session.handle_connected(at(0));
    assert_eq!(session.handle_message(at(0), &early), Ok(()));
    assert_failed(&mut session, failure(Phase::Request), Some(Status::DecodingError));
}

#[test]
fn each_phase_has_its_end() {
    let settings = SessionSettings::default();
    let told = Some(Status::Termination);
    let mut steps: Vec<(Phase, Duration, Option<Status>)> = vec![
        (Phase::Connect, settings.connect_timeout, None),
        (Phase::Request, settings.request_timeout, told),
        (Phase::Consent, settings.consent_timeout, told),
        (Phase::Receive, settings.receive_timeout, told),
    ];
    assert_eq!(
        steps
            .iter()
            .map(|(_, timeout, _)| timeout.as_secs())
            .collect::<Vec<_>>(),
        [10, 10, 60, 30]
    );
    for (reached, (phase, timeout, told)) in steps.drain(..).enumerate() {
        let late_by = |late: u64| {
            let mut now = at(5);
            let phone = Phone::new(Curve::P256);
            let mut session = Engaged::new(&phone.engagement(), Handover::Qr, &mut random(2))
                .unwrap()
                .request(now, &request(), settings)
                .unwrap();
            let advance: [fn(&mut ReaderSession, MonotonicTime); 3] = [
                |session, now| {
                    session.handle_connected(now);
                    assert!(session.poll_transmit().is_some());
                },
                ReaderSession::handle_sent,
                ReaderSession::handle_progress,
            ];
            for step in advance.iter().take(reached) {
                now = at(now.as_millis() + 7);
                step(&mut session, now);
            }
            assert_eq!(session.phase(), Some(phase));
            assert_eq!(session.poll_timeout(), Some(now.saturating_add(timeout)));
            let now = at(now.saturating_add(timeout).as_millis() - 1 + late);
            (session, now)
        };
        let (mut session, now) = late_by(0);
        session.handle_timeout(now);
        assert_eq!(session.phase(), Some(phase));
        assert_eq!(session.poll_event(), None);

        let failure = SessionFailure::Timeout { phase };
        assert_eq!(failure.code(), "session.timeout");
        assert_eq!(failure.phase(), phase);
        let (mut session, now) = late_by(1);
        session.handle_timeout(now);
        assert_failed(&mut session, failure, told);

        // What comes late does not come.
        let (mut session, now) = late_by(1);
        assert_eq!(
            session.handle_message(now, &status_message(Status::Termination)),
            Err(AfterEnd)
        );
        assert_failed(&mut session, failure, told);
        let (mut session, now) = late_by(1);
        session.handle_progress(now);
        assert_failed(&mut session, failure, told);
    }
}

#[test]
fn progress_does_not_put_off_the_end() {
    let (_, mut session) = requested();
    session.handle_progress(at(1000));
    let end = session.poll_timeout();
    assert_eq!(end, Some(at(31_000)));
    session.handle_progress(at(20_000));
    session.handle_sent(at(20_000));
    assert_eq!(session.poll_timeout(), end);
}

#[test]
fn the_end_of_the_transport_ends_the_session() {
    let (_, mut session) = requested();
    session.handle_transport_end(at(1), TransportEnd::Lost);
    let failure = SessionFailure::Transport {
        phase: Phase::Consent,
    };
    assert_eq!(failure.code(), "session.transport");
    assert_failed(&mut session, failure, None);

    let (_, mut session) = requested();
    session.handle_progress(at(1));
    session.handle_transport_end(at(1), TransportEnd::Ended);
    let failure = SessionFailure::Terminated {
        phase: Phase::Receive,
        by: Party::Phone,
        status: None,
    };
    assert_failed(&mut session, failure, None);

    let mut session = start(&Phone::new(Curve::P256));
    session.handle_transport_end(at(1), TransportEnd::Lost);
    let failure = SessionFailure::Transport {
        phase: Phase::Connect,
    };
    assert_failed(&mut session, failure, None);

    // After the response it takes nothing back.
    let (mut phone, mut session) = requested();
    assert_eq!(session.handle_message(at(1), &phone.answer(None)), Ok(()));
    session.handle_transport_end(at(2), TransportEnd::Lost);
    assert_eq!(session.poll_event(), Some(response()));
    assert_eq!(session.poll_event(), Some(Event::Ended));
    assert_eq!(session.poll_event(), None);
    assert_eq!(session.poll_transmit(), None);
    assert!(session.is_finished());
    assert!(session.e_reader_private_key().is_some());
}

#[test]
fn the_reader_can_end_the_session() {
    let failure = |phase| SessionFailure::Terminated {
        phase,
        by: Party::Reader,
        status: None,
    };
    let mut session = start(&Phone::new(Curve::P256));
    session.terminate();
    assert_failed(&mut session, failure(Phase::Connect), None);

    let (_, mut session) = requested();
    session.terminate();
    assert_failed(&mut session, failure(Phase::Consent), Some(Status::Termination));

    let (mut phone, mut session) = requested();
    let answer = phone.answer(Some(Status::Termination));
    assert_eq!(session.handle_message(at(1), &answer), Ok(()));
    session.terminate();
    assert_eq!(session.poll_event(), Some(response()));
    assert_eq!(session.poll_transmit(), None);
}

#[test]
fn a_key_without_key_agreement_is_refused() {
    let refused = |key: Vec<u8>, expected| {
        let engagement = DeviceEngagement::from_bytes(&engagement_of(&key)).unwrap();
        let failure = Engaged::new(&engagement, Handover::Qr, &mut random(2))
            .map(|_| ())
            .expect_err("no session starts");
        assert_eq!(
            failure,
            SessionFailure::Engagement(EngagementError::EDeviceKey(KeyFormatError::Key(expected)))
        );
        assert_eq!(failure.code(), "session.engagement");
        assert_eq!(failure.phase(), Phase::Engagement);
    };
    let okp = |curve: u8, x: &str| {
        let mut key = vec![0xa3, 0x01, 0x01, 0x20, curve, 0x21];
        write::bytes(&mut key, &hex::decode(x).unwrap());
        key
    };
    #[cfg(not(feature = "all-curves"))]
    for curve in [Curve::BrainpoolP320r1, Curve::BrainpoolP512r1] {
        let key = PrivateKey::generate(curve, &mut random(1)).unwrap();
        refused(cose::encode_key(key.public_key()), KeyError::Unsupported(curve));
    }
    // The first public key of RFC 8032 §7.1, which signs.
    refused(
        okp(
            6,
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        ),
        KeyError::Unsupported(Curve::Ed25519),
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_message_panics_and_none_but_the_phones_is_a_response(
        bytes in proptest::collection::vec(any::<u8>(), 0..120),
        bit in 0..400_usize,
    ) {
        let (_, mut session) = requested();
        prop_assert_eq!(session.handle_message(at(1), &bytes), Ok(()));
        prop_assert!(matches!(session.poll_event(), Some(Event::Failed(_))));

        let (mut phone, mut session) = requested();
        let mut answer = phone.answer(None);
        let bit = bit % (answer.len() * 8);
        answer[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(session.handle_message(at(1), &answer), Ok(()));
        prop_assert!(matches!(session.poll_event(), Some(Event::Failed(_))));
    }
}
