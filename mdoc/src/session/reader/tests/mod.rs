use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

mod envelope;
mod exchange;
mod failures;
mod rounds;
mod schedule;

use super::*;
use crate::cbor::write;
use crate::cose;
use crate::crypto::{Curve, aes_256_gcm_open, aes_256_gcm_seal};
use crate::engagement::DeviceEngagement;
use crate::request::{DocRequest, ItemsRequest, RequestedElement, RequestedNameSpace};
use crate::session::SessionEstablishment;

const RESPONSE: &[u8] = b"\xa2gversionc1.0fstatus\x00";

/// The curves on which a session can be held in this build.
const AGREEMENT_CURVES: &[Curve] = &[
    Curve::P256,
    Curve::P384,
    Curve::P521,
    Curve::X25519,
    Curve::BrainpoolP256r1,
    Curve::BrainpoolP384r1,
    #[cfg(feature = "all-curves")]
    Curve::BrainpoolP320r1,
    #[cfg(feature = "all-curves")]
    Curve::BrainpoolP512r1,
    #[cfg(feature = "all-curves")]
    Curve::X448,
];

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

    /// Takes a request of a later round.
    fn open(&mut self, message: &[u8], number: u32) -> Vec<u8> {
        let [sk_reader, _] = self.keys.as_ref().unwrap();
        let message = SessionData::decode(message, 1 << 20).unwrap();
        assert_eq!(message.status(), None);
        aes_256_gcm_open(sk_reader, &vector(0, number), message.data().unwrap())
            .unwrap()
            .to_vec()
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

/// A session whose first response is out and taken.
fn idle() -> (Phone, ReaderSession) {
    let (mut phone, mut session) = requested();
    assert_eq!(session.handle_message(at(1), &phone.answer(None)), Ok(()));
    assert_eq!(session.poll_event(), Some(response()));
    assert_eq!(session.phase(), Some(Phase::Idle));
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
