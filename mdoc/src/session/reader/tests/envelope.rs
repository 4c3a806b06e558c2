//! Sessions that change the node.

use super::*;

const KEY: [u8; 32] = [7; 32];

fn moved(session: ReaderSession) -> ReaderSession {
    let envelope = session.seal(&KEY, at(1000), &mut random(9)).unwrap();
    // The other node's clock counts from elsewhere.
    ReaderSession::open(&KEY, &envelope, at(5_000_000)).unwrap()
}

#[test]
fn a_session_goes_on_from_every_phase() {
    let mut phone = Phone::new(Curve::P256);
    let mut session = moved(start(&phone));
    assert_eq!(session.phase(), Some(Phase::Connect));
    // Nine of the ten seconds are left.
    assert_eq!(session.poll_timeout(), Some(at(5_009_000)));
    session.handle_connected(at(5_000_000));

    // With the message still to be sent, and without it.
    let mut session = moved(session);
    assert_eq!(session.phase(), Some(Phase::Request));
    let establishment = session.poll_transmit().unwrap();
    phone.establish(&establishment);
    let mut session = moved(session);
    assert_eq!(session.poll_transmit(), None);
    session.handle_sent(at(1000));
    let mut session = moved(session);
    assert_eq!(session.phase(), Some(Phase::Consent));
    session.handle_progress(at(1000));
    let mut session = moved(session);
    assert_eq!(session.phase(), Some(Phase::Receive));
    assert_eq!(session.handle_message(at(1000), &phone.answer(None)), Ok(()));
    assert_eq!(session.poll_event(), Some(response()));

    let mut session = moved(session);
    assert_eq!(session.phase(), Some(Phase::Idle));
    assert_eq!(session.request(at(1000), &request()), Ok(()));
    let message = session.poll_transmit().unwrap();
    assert_eq!(phone.open(&message, 2), request().encode());
    session.handle_sent(at(1000));
    let answer = phone.answer(Some(Status::Termination));
    assert_eq!(session.handle_message(at(1000), &answer), Ok(()));
    assert_eq!(session.poll_event(), Some(response()));
    let key = cose::encode_key(session.e_reader_private_key().unwrap().public_key());
    assert_eq!(session.transcript().e_reader_key(), Some(&*key));
}

#[test]
fn a_session_on_every_curve_goes_on() {
    for curve in AGREEMENT_CURVES {
        let mut phone = Phone::new(*curve);
        let mut session = start(&phone);
        session.handle_connected(at(0));
        phone.establish(&session.poll_transmit().unwrap());
        session.handle_sent(at(0));
        let mut session = moved(session);
        assert_eq!(session.handle_message(at(0), &phone.answer(None)), Ok(()));
        assert_eq!(session.poll_event(), Some(response()), "{}", curve.name());
    }
}

#[test]
fn settings_go_with_the_session() {
    let phone = Phone::new(Curve::P256);
    let seconds = Duration::from_secs;
    let settings = SessionSettings {
        connect_timeout: seconds(1),
        request_timeout: seconds(2),
        consent_timeout: seconds(3),
        receive_timeout: seconds(4),
        idle_timeout: seconds(5),
        max_message_len: 6000,
    };
    let session = Engaged::new(&phone.engagement(), Handover::Qr, &mut random(2))
        .unwrap()
        .request(at(1000), &request(), settings)
        .unwrap();
    let exchange = moved(session).state.into_exchange().unwrap();
    assert_eq!(exchange.settings, settings);
}

#[test]
fn what_is_over_or_not_taken_is_not_sealed() {
    let (mut phone, mut session) = requested();
    assert_eq!(session.handle_message(at(1), &phone.answer(None)), Ok(()));
    let sealed = session.seal(&KEY, at(1), &mut random(9));
    assert_eq!(sealed.unwrap_err(), SealError::EventPending);

    let (_, mut session) = idle();
    session.terminate();
    let sealed = session.seal(&KEY, at(1), &mut random(9));
    assert_eq!(sealed.unwrap_err(), SealError::Over);
    assert!(idle().1.seal(&KEY, at(1), &mut random(9)).is_ok());
}

#[test]
fn an_envelope_shows_nothing_and_opens_only_whole_and_under_its_key() {
    let (_, session) = idle();
    let scalar = session.e_reader_private_key().unwrap().as_bytes().to_vec();
    let transcript = session.transcript().as_bytes().to_vec();
    let envelope = session.seal(&KEY, at(1), &mut random(9)).unwrap();
    let shows = |part: &[u8]| envelope.windows(part.len()).any(|window| window == part);
    assert!(!shows(&scalar) && !shows(&transcript[..16]));
    assert!(ReaderSession::open(&KEY, &envelope, at(1)).is_ok());

    let opens = |key: &[u8; 32], bytes: &[u8]| ReaderSession::open(key, bytes, at(1)).map(drop);
    assert_eq!(opens(&[8; 32], &envelope), Err(OpenError));
    for length in 0..envelope.len() {
        assert_eq!(opens(&KEY, &envelope[..length]), Err(OpenError), "{length}");
    }
    for index in 0..envelope.len() {
        let mut changed = envelope.clone();
        changed[index] ^= 1;
        assert_eq!(opens(&KEY, &changed), Err(OpenError), "{index}");
    }
    let longer = [&envelope[..], &[0]].concat();
    assert_eq!(opens(&KEY, &longer), Err(OpenError));
    assert_eq!(opens(&KEY, &vec![0; 2 << 20]), Err(OpenError));

    // The same session sealed with other randomness is another text.
    let other = idle().1.seal(&KEY, at(1), &mut random(10)).unwrap();
    assert_ne!(other, envelope);
    assert_eq!(other.len(), envelope.len());
}

#[test]
fn a_sealed_text_of_another_shape_does_not_open() {
    let seal = |plaintext: &[u8]| {
        let salt = [3; 32];
        let mut key = [0; 32];
        hkdf::Hkdf::<sha2::Sha256>::new(Some(&salt), &KEY)
            .expand(b"mdoc ReaderSession envelope 1", &mut key)
            .unwrap();
        let sealed = aes_256_gcm_seal(&key, &[0; 12], plaintext).unwrap();
        ReaderSession::open(&KEY, &[&salt[..], &sealed].concat(), at(1)).map(drop)
    };
    for plaintext in [
        &b""[..],
        b"\x80",
        b"\x8a",
        b"\x8a\x01\xf6\xf6\xf6\xf6\xf6\xf6\xf6\xf6\xf6",
        b"\xa0",
    ] {
        assert_eq!(seal(plaintext), Err(OpenError));
    }
}
