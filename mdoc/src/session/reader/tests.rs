use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::cbor::{Item, Rules};
use crate::cose::decode_key;
use crate::crypto::Curve;
use crate::session::SkReader;

/// A phone that answers with whatever a test tells it to.
struct Phone {
    sk_reader: SkReader,
    sk_device: SkDevice,
}

const REQUEST: &[u8] = b"\xa1\x01\x02";

fn engaged() -> (ReaderSession, Phone) {
    let device = PrivateKey::from_bytes(Curve::P256, &[9; 32]).unwrap();
    let mut engagement = hex::decode("a20063312e30018201").unwrap();
    crate::cbor::write::embedded(&mut engagement, &encode_key(device.public_key()));
    let engagement = DeviceEngagement::decode(&engagement).unwrap();
    let mut random = ChaCha20Rng::seed_from_u64(1);
    let mut session = ReaderSession::start(
        &engagement,
        REQUEST,
        &mut random,
        Milliseconds(5),
        Timeouts::default(),
    )
    .unwrap();
    let establishment = session.poll_transmit().unwrap();
    let map = Item::decode(&establishment, &Rules::default())
        .unwrap()
        .as_map()
        .unwrap();
    let key = map
        .get_text("eReaderKey")
        .unwrap()
        .embedded(&Rules::default())
        .unwrap()
        .unwrap();
    let reader_key = decode_key(key).unwrap();
    let (mut sk_reader, sk_device) = derive_session_keys(&device, &reader_key, session.transcript()).unwrap();
    let request = sk_reader
        .open(map.get_text("data").unwrap().as_bytes().unwrap())
        .unwrap();
    assert_eq!(request.as_slice(), REQUEST);
    assert!(session.poll_transmit().is_none() && session.poll_event().is_none());
    (session, Phone { sk_reader, sk_device })
}

fn data(data: Option<&[u8]>, status: Option<u64>) -> Vec<u8> {
    SessionData {
        data,
        status: status.map(SessionStatus::from_code),
    }
    .encode()
}

fn failure(session: &mut ReaderSession) -> SessionReason {
    match session.poll_event() {
        Some(Event::Failed(failure)) => failure.reason,
        other => panic!("no failure but {other:?}"),
    }
}

fn sent_status(session: &mut ReaderSession) -> Option<u64> {
    let message = session.poll_transmit()?;
    SessionData::decode(&message, &Limits::default())
        .unwrap()
        .status
        .map(SessionStatus::code)
}

#[test]
fn a_response_ends_the_session_with_status_20() {
    let (mut session, mut phone) = engaged();
    let sealed = phone.sk_device.seal(b"response").unwrap();
    session.handle_message(&data(Some(&sealed), None));
    assert!(matches!(session.poll_event(), Some(Event::Response(bytes)) if bytes.as_slice() == b"response"));
    assert_eq!(sent_status(&mut session), Some(20));
    assert_eq!(session.poll_timeout(), None);
    session.handle_disconnect();
    session.handle_message(&data(Some(&sealed), None));
    assert!(
        session.poll_event().is_none(),
        "a message after the end is not looked at"
    );
}

#[test]
fn a_response_together_with_status_20_is_not_answered() {
    let (mut session, mut phone) = engaged();
    let sealed = phone.sk_device.seal(b"response").unwrap();
    session.handle_message(&data(Some(&sealed), Some(20)));
    assert!(matches!(session.poll_event(), Some(Event::Response(_))));
    assert_eq!(sent_status(&mut session), None);
}

#[test]
fn what_does_not_decrypt_is_answered_with_status_10() {
    let changed = |mut sealed: Vec<u8>| {
        sealed[0] ^= 1;
        sealed
    };
    for bytes in [
        changed(engaged().1.sk_device.seal(b"response").unwrap()),
        engaged().1.sk_reader.seal(b"reflected").unwrap(),
        {
            let (_, mut phone) = engaged();
            phone.sk_device.seal(b"skipped").unwrap();
            phone.sk_device.seal(b"response").unwrap()
        },
        b"plaintext".to_vec(),
        Vec::new(),
    ] {
        let (mut session, _) = engaged();
        session.handle_message(&data(Some(&bytes), None));
        assert_eq!(failure(&mut session), SessionReason::Decryption);
        assert_eq!(sent_status(&mut session), Some(10));
    }
}

#[test]
fn what_does_not_decode_is_answered_with_status_11() {
    for bytes in [&b""[..], b"garbage", b"\xa0", b"\xa1\x64data\x01"] {
        let (mut session, _) = engaged();
        session.handle_message(bytes);
        assert_eq!(failure(&mut session), SessionReason::Decoding);
        assert_eq!(sent_status(&mut session), Some(11));
    }
}

#[test]
fn statuses_of_the_phone_end_the_session_for_their_reason() {
    for (status, reason) in [
        (10, SessionReason::Decryption),
        (11, SessionReason::Decoding),
        (20, SessionReason::Terminated),
        (99, SessionReason::Terminated),
    ] {
        let (mut session, _) = engaged();
        session.handle_message(&data(None, Some(status)));
        assert_eq!(failure(&mut session), reason, "{status}");
        assert_eq!(sent_status(&mut session), None);
    }
}

#[test]
fn a_silent_phone_runs_into_the_timeout_and_a_lost_one_into_transport() {
    let (mut session, _) = engaged();
    assert_eq!(session.poll_timeout(), Some(Milliseconds(60_005)));
    session.handle_timeout(Milliseconds(60_004));
    assert!(session.poll_event().is_none());
    session.handle_timeout(Milliseconds(60_005));
    assert_eq!(failure(&mut session), SessionReason::Timeout);
    assert_eq!(sent_status(&mut session), Some(20));
    let (mut session, _) = engaged();
    session.handle_disconnect();
    assert_eq!(failure(&mut session), SessionReason::Transport);
}

#[test]
fn each_session_has_a_key_of_its_own() {
    let (first, _) = engaged();
    let engagement = {
        let mut bytes = hex::decode("a20063312e30018201").unwrap();
        let device = PrivateKey::from_bytes(Curve::P256, &[9; 32]).unwrap();
        crate::cbor::write::embedded(&mut bytes, &encode_key(device.public_key()));
        DeviceEngagement::decode(&bytes).unwrap()
    };
    let mut random = ChaCha20Rng::seed_from_u64(2);
    let second = ReaderSession::start(
        &engagement,
        REQUEST,
        &mut random,
        Milliseconds(0),
        Timeouts::default(),
    )
    .unwrap();
    assert_ne!(
        first.e_reader_key().public_key(),
        second.e_reader_key().public_key()
    );
}
