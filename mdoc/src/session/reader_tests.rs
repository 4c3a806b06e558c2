use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;
use crate::cbor::{self, ErrorKind, write};
use crate::cose::KeyFormatError;
use crate::crypto::{Curve, HashAlgorithm, aes_256_gcm_open, aes_256_gcm_seal};
use crate::request::{DocRequest, ItemsRequest, RequestedElement, RequestedNameSpace};
use crate::test_vectors;

const RESPONSE: &[u8] = b"\xa2gversionc1.0fstatus\x00";

/// A phone as a reader meets it. It makes its own keys out of the bytes on the wire.
struct Phone {
    private_key: PrivateKey,
    engagement: Vec<u8>,
    keys: Option<[Zeroizing<[u8; 32]>; 2]>,
    counter: u32,
}

impl Phone {
    fn new(curve: Curve) -> Self {
        let private_key = PrivateKey::generate(curve, &mut random(1)).unwrap();
        let engagement = engagement_of(&cose::encode_key(private_key.public_key()));
        Self {
            private_key,
            engagement,
            keys: None,
            counter: 0,
        }
    }

    fn engagement(&self) -> DeviceEngagement {
        DeviceEngagement::from_bytes(&self.engagement).unwrap()
    }

    /// Takes the SessionEstablishment and gives the request in the clear.
    fn establish(&mut self, message: &[u8]) -> Vec<u8> {
        let message = SessionEstablishment::decode(message, 1 << 20).unwrap();
        let transcript = SessionTranscript::qr(&self.engagement, &message.e_reader_key);
        let secret = self.private_key.agree(&message.public_key().unwrap()).unwrap();
        let [sk_reader, sk_device] =
            [b"SKReader", b"SKDevice"].map(|info| secret.derive(transcript.salt(), info));
        let request = aes_256_gcm_open(&sk_reader, &vector(0, 1), &message.data).unwrap();
        self.keys = Some([sk_reader, sk_device]);
        request.to_vec()
    }

    fn seal(&mut self, plaintext: &[u8]) -> Vec<u8> {
        self.counter += 1;
        let [_, sk_device] = self.keys.as_ref().unwrap();
        aes_256_gcm_seal(sk_device, &vector(1, self.counter), plaintext).unwrap()
    }

    fn answer(&mut self, status: Option<Status>) -> Vec<u8> {
        let data = self.seal(RESPONSE);
        SessionData::with_data(data, status).encode()
    }
}

fn vector(direction: u8, counter: u32) -> [u8; 12] {
    let mut vector = [0, 0, 0, 0, 0, 0, 0, direction, 0, 0, 0, 0];
    vector[8..].copy_from_slice(&counter.to_be_bytes());
    vector
}

fn random(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn engagement_of(key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write::map(&mut bytes, 2);
    write::unsigned(&mut bytes, 0);
    write::text(&mut bytes, "1.0");
    write::unsigned(&mut bytes, 1);
    write::array(&mut bytes, 2);
    write::unsigned(&mut bytes, 1);
    write::embedded(&mut bytes, key);
    bytes
}

fn request() -> DeviceRequest {
    let items = ItemsRequest::new(
        "org.iso.18013.5.1.mDL".to_owned(),
        vec![RequestedNameSpace {
            name: "org.iso.18013.5.1".to_owned(),
            elements: vec![RequestedElement {
                identifier: "age_over_20".to_owned(),
                intent_to_retain: false,
            }],
        }],
    );
    DeviceRequest::new(vec![DocRequest::new(items.unwrap())]).unwrap()
}

fn at(milliseconds: u64) -> MonotonicTime {
    MonotonicTime::from_millis(milliseconds)
}

fn start(phone: &Phone) -> ReaderSession {
    Engaged::new(&phone.engagement(), Handover::Qr, &mut random(2))
        .unwrap()
        .request(at(0), &request(), SessionSettings::default())
        .unwrap()
}

/// A session whose request the phone has.
fn requested() -> (Phone, ReaderSession) {
    let mut phone = Phone::new(Curve::P256);
    let mut session = start(&phone);
    session.handle_connected(at(0));
    let establishment = session.poll_transmit().unwrap();
    assert_eq!(phone.establish(&establishment), request().encode());
    session.handle_sent(at(0));
    (phone, session)
}

fn response() -> Event {
    Event::Response(Zeroizing::new(RESPONSE.to_vec()))
}

fn status_message(status: Status) -> Vec<u8> {
    SessionData::with_status(status).encode()
}

/// The session has failed so, has told the phone so, and holds no key.
#[track_caller]
fn assert_failed(session: &mut ReaderSession, failure: SessionFailure, told: Option<Status>) {
    assert_eq!(session.poll_event(), Some(Event::Failed(failure)));
    assert_eq!(session.poll_event(), None);
    assert_eq!(session.phase(), None);
    assert_eq!(session.poll_timeout(), None);
    assert_eq!(session.is_finished(), told.is_none());
    assert_eq!(session.poll_transmit(), told.map(status_message));
    assert!(session.is_finished());
    assert!(session.e_reader_private_key().is_none());
    assert_eq!(
        session.handle_message(at(0), &status_message(Status::Termination)),
        Err(AfterEnd)
    );
    assert_eq!(session.poll_event(), None);
}

#[test]
fn one_request_gets_one_response_and_the_reader_ends() {
    let (mut phone, mut session) = requested();
    session.handle_progress(at(1000));
    assert_eq!(session.handle_message(at(2000), &phone.answer(None)), Ok(()));
    assert_eq!(session.poll_event(), Some(response()));
    assert_eq!(session.poll_event(), None);
    assert!(!session.is_finished());
    assert_eq!(session.poll_transmit(), Some(status_message(Status::Termination)));
    assert!(session.is_finished());
    assert_eq!(session.poll_timeout(), None);

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
    for curve in [
        Curve::P256,
        Curve::P384,
        Curve::P521,
        Curve::X25519,
        Curve::BrainpoolP256r1,
        Curve::BrainpoolP320r1,
        Curve::BrainpoolP384r1,
        Curve::BrainpoolP512r1,
    ] {
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
    for message in [first, phone.answer(None), vec![], vec![0xff]] {
        assert_eq!(session.handle_message(at(2), &message), Err(AfterEnd));
        assert_eq!(session.poll_event(), None);
    }
}

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
    // The first public key of RFC 8032 §7.1, which signs.
    refused(
        okp(
            6,
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        ),
        KeyError::Unsupported(Curve::Ed25519),
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
