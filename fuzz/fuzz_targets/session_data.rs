//! Whatever comes in place of a response, the session fails with a code and keeps no key.
#![no_main]

use holder::phone::Engaged as Phone;
use libfuzzer_sys::fuzz_target;
use mdoc::crypto::Curve;
use mdoc::engagement::DeviceEngagement;
use mdoc::session::{
    Engaged, Event, Handover, MonotonicTime, ReaderSession, SessionData, SessionEstablishment,
    SessionSettings,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use relying_party::purpose::ready_made;

fn session() -> ReaderSession {
    let mut random = ChaCha20Rng::seed_from_u64(1);
    let phone = Phone::new(Curve::P256, &mut random).expect("a curve with key agreement");
    let engagement = DeviceEngagement::from_uri(&phone.uri()).expect("an engagement");
    let purpose = ready_made("age-20").expect("a ready-made purpose");
    let request = purpose.device_request(engagement.version()).expect("a request");
    let at = MonotonicTime::from_millis(0);
    let mut session = Engaged::new(&engagement, Handover::Qr, &mut random)
        .expect("a session")
        .request(at, &request, SessionSettings::default())
        .expect("a request");
    session.handle_connected(at);
    drop(session.poll_transmit());
    session.handle_sent(at);
    session
}

fuzz_target!(|bytes: &[u8]| {
    let _ = SessionEstablishment::decode(bytes, 1 << 20);
    if SessionData::decode(bytes, 1 << 20).is_err() {
        return;
    }
    let mut session = session();
    session
        .handle_message(MonotonicTime::from_millis(1), bytes)
        .expect("the session is open");
    let Some(Event::Failed(failure)) = session.poll_event() else {
        panic!("nobody but the phone can answer");
    };
    assert!(failure.code().starts_with("session."));
    assert!(session.e_reader_private_key().is_none());
});
