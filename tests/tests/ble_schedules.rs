//! Sessions over a Bluetooth link that loses, delays, spoils and reorders values and breaks at any moment, on a
//! simulated clock, in both roles. Whatever the air does: the session ends in time, a response that comes is the one
//! that was sent, and an air that does nothing wrong always leads to one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "the rates of schedules are of interest")]

use std::collections::BTreeMap;
use std::time::Instant;

use holder::phone::{self, Engaged as Phone, Message};
use mdoc::crypto::Curve;
use mdoc::engagement::DeviceEngagement;
use mdoc::session::framing::PartSize;
use mdoc::session::link::{GattLink, GattRole, LinkEvent, Outgoing};
use mdoc::session::{
    Engaged, Event, Handover, MonotonicTime, ReaderSession, SessionFailure, SessionSettings, TransportEnd,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use relying_party::purpose::Purpose;
use serde_json::json;

/// Schedules of whole sessions; one in four has a spotless air. Their time is that of their keys.
const SESSIONS: u64 = 1_000;
/// Schedules of the link alone, of which there are thousands a second.
const LINKS: u64 = 20_000;

/// A value on its way.
#[derive(Clone, Debug)]
enum Value {
    State(u8),
    Part(Vec<u8>),
}

/// What the air does to values, in thousandths.
#[derive(Clone, Copy, Debug, Default)]
struct Air {
    lost: u64,
    delayed: u64,
    spoilt: u64,
    /// When the link breaks.
    breaks_at: Option<u64>,
}

impl Air {
    const fn is_spotless(self) -> bool {
        self.lost == 0 && self.delayed == 0 && self.spoilt == 0 && self.breaks_at.is_none()
    }
}

/// How a session ended.
#[derive(Debug)]
enum End {
    Response(Vec<u8>),
    Failure(SessionFailure),
    Framing,
}

/// One direction: values by the time at which they arrive, in order where nothing delays them.
#[derive(Default)]
struct Way {
    due: BTreeMap<(u64, u64), Value>,
    sent: u64,
    last: u64,
}

impl Way {
    /// A value takes a millisecond, and none that was sent later overtakes it but by a fault.
    fn send(&mut self, now: u64, mut value: Value, air: Air, random: &mut ChaCha20Rng) {
        let mut throw = |thousandths| random.next_u64() % 1000 < thousandths;
        let (lost, delayed, spoilt) = (throw(air.lost), throw(air.delayed), throw(air.spoilt));
        self.sent += 1;
        if lost {
            return;
        }
        if spoilt && let Value::Part(part) = &mut value {
            let at = usize::try_from(random.next_u64()).unwrap() % part.len();
            part[at] ^= 1 << (random.next_u64() % 8);
        }
        self.last = self.last.max(now) + 1;
        let at = self.last + if delayed { random.next_u64() % 20 } else { 0 };
        self.due.insert((at, self.sent), value);
    }

    fn next_at(&self) -> Option<u64> {
        self.due.keys().next().map(|(at, _)| *at)
    }

    fn take(&mut self, now: u64) -> Option<Value> {
        let (at, _) = *self.due.keys().next()?;
        (at <= now).then(|| self.due.pop_first().unwrap().1)
    }
}

/// The phone's side: its own cutting and joining, so that no mistake hides in both.
struct Holder {
    phone: Phone,
    session: Option<phone::Session>,
    joined: Vec<u8>,
    value_bytes: usize,
    response: Vec<u8>,
    consent: u64,
    started: bool,
    server: bool,
}

impl Holder {
    fn cut(&self, message: &[u8]) -> Vec<Value> {
        let mut parts: Vec<Value> = message
            .chunks(self.value_bytes - 1)
            .map(|data| Value::Part([&[1], data].concat()))
            .collect();
        match parts.last_mut() {
            Some(Value::Part(part)) => part[0] = 0,
            _ => parts.push(Value::Part(vec![0])),
        }
        parts
    }

    /// What the phone says to a value, and how long it takes for it.
    fn take(&mut self, value: Value) -> (u64, Vec<Value>) {
        let part = match value {
            Value::State(1) => {
                self.started |= self.server;
                return (0, Vec::new());
            }
            Value::State(_) => return (0, Vec::new()),
            Value::Part(part) => part,
        };
        if !self.started {
            return (0, Vec::new());
        }
        self.joined.extend(&part[1..]);
        if part[0] != 0 {
            return (0, Vec::new());
        }
        let message = std::mem::take(&mut self.joined);
        let answer = match &mut self.session {
            None => match self.phone.establish(&message) {
                Ok((mut session, _)) => {
                    let answer = session.seal(&self.response);
                    self.session = Some(session);
                    answer
                }
                Err(phone::PhoneError::Decryption) => phone::status(10),
                Err(phone::PhoneError::Decoding) => phone::status(11),
            },
            Some(session) => match session.receive(&message) {
                Ok(Message::Status(_)) => return (0, Vec::new()),
                _ => phone::status(11),
            },
        };
        (self.consent, self.cut(&answer))
    }
}

/// What a schedule is made of.
struct Schedule {
    role: GattRole,
    mtu: u16,
    air: Air,
    response_bytes: usize,
    consent: u64,
}

impl Schedule {
    fn draw(seed: u64, random: &mut ChaCha20Rng) -> Self {
        let mut below = |bound: u64| random.next_u64() % bound;
        let air = match seed % 4 {
            0 => Air::default(),
            1 => Air {
                lost: below(60),
                ..Air::default()
            },
            2 => Air {
                delayed: below(200),
                spoilt: below(20),
                ..Air::default()
            },
            _ => Air {
                breaks_at: Some(below(400)),
                ..Air::default()
            },
        };
        Self {
            role: if below(2) == 0 {
                GattRole::Client
            } else {
                GattRole::Server
            },
            mtu: [23, 185, 515, 517][usize::try_from(below(4)).unwrap()],
            air,
            response_bytes: usize::try_from(below(3_000)).unwrap(),
            consent: below(200),
        }
    }
}

const fn settings() -> SessionSettings {
    use core::time::Duration;
    SessionSettings {
        connect_timeout: Duration::from_secs(1),
        request_timeout: Duration::from_secs(1),
        consent_timeout: Duration::from_secs(2),
        receive_timeout: Duration::from_secs(2),
        idle_timeout: Duration::from_secs(1),
        max_message_len: 64 * 1024,
    }
}

/// The latest end of any session with these settings.
const LATEST: u64 = 7_000;

fn request(engaged: Engaged) -> ReaderSession {
    let purpose = json!({
        "id": "test", "title": { "en": "Test" },
        "document": [{ "doc_type": "org.iso.23220.1.jp.mnc", "request": { "org.iso.23220.1": { "age_over_20": false } } }],
        "answer": [{ "name": "over_20", "rule": "age_over", "threshold": 20 }],
    });
    let purpose = Purpose::from_json(purpose).unwrap();
    let request = purpose.device_request(mdoc::version::Version::V1_0).unwrap();
    engaged
        .request(MonotonicTime::from_millis(0), &request, settings())
        .unwrap()
}

/// The reader's side: what `reader` does, on a simulated clock.
struct Reader {
    session: ReaderSession,
    link: GattLink,
}

impl Reader {
    /// Everything that is to be sent now.
    fn flush(&mut self, now: u64, way: &mut Way, air: Air, random: &mut ChaCha20Rng) {
        while let Some(message) = self.session.poll_transmit() {
            self.link.send(&message);
            self.session.handle_sent(MonotonicTime::from_millis(now));
        }
        while let Some(outgoing) = self.link.poll_transmit() {
            let value = match outgoing {
                Outgoing::State(state) => Value::State(state),
                Outgoing::Part(part) => Value::Part(part),
            };
            way.send(now, value, air, random);
        }
    }

    fn take(&mut self, now: u64, value: &Value) -> Option<End> {
        let now = MonotonicTime::from_millis(now);
        let event = match value {
            Value::State(state) => self.link.handle_state(&[*state]),
            Value::Part(part) => self.link.handle_part(part),
        };
        match event? {
            LinkEvent::Started => self.session.handle_connected(now),
            LinkEvent::Progress => self.session.handle_progress(now),
            LinkEvent::Message(message) => drop(self.session.handle_message(now, &message)),
            LinkEvent::Ended => self.session.handle_transport_end(now, TransportEnd::Ended),
            LinkEvent::Failed(_) => return Some(End::Framing),
        }
        None
    }

    fn end(&mut self) -> Option<End> {
        match self.session.poll_event()? {
            Event::Response(response) => Some(End::Response(response.to_vec())),
            Event::Failed(failure) => Some(End::Failure(failure)),
            Event::Ended => None,
        }
    }
}

/// Runs one schedule: the end, when it came, and what the phone had sent.
fn run(seed: u64) -> (Schedule, End, u64, Vec<u8>) {
    let mut random = ChaCha20Rng::seed_from_u64(seed);
    let schedule = Schedule::draw(seed, &mut random);
    let phone = Phone::new(Curve::P256, &mut random).unwrap();
    let engagement = DeviceEngagement::from_uri(&phone.uri()).unwrap();
    let session = request(Engaged::new(&engagement, Handover::Qr, &mut random).unwrap());
    let mut response = vec![0; schedule.response_bytes];
    random.fill_bytes(&mut response);
    let mut holder = Holder {
        phone,
        session: None,
        joined: Vec::new(),
        value_bytes: PartSize::for_mtu(schedule.mtu).bytes(),
        response: response.clone(),
        consent: schedule.consent,
        started: schedule.role == GattRole::Server,
        server: schedule.role == GattRole::Client,
    };
    let mut reader = Reader {
        session,
        link: GattLink::new(schedule.role, PartSize::for_mtu(schedule.mtu), 64 * 1024),
    };
    let (mut to_phone, mut to_reader) = (Way::default(), Way::default());
    let air = schedule.air;
    match schedule.role {
        GattRole::Client => {
            reader.link.start();
            reader.session.handle_connected(MonotonicTime::from_millis(0));
        }
        GattRole::Server => to_reader.send(0, Value::State(1), air, &mut random),
    }
    let mut now = 0;
    let mut breaks_at = air.breaks_at;
    loop {
        reader.flush(now, &mut to_phone, air, &mut random);
        if let Some(end) = reader.end() {
            return (schedule, end, now, response);
        }
        let timeout = reader.session.poll_timeout().unwrap().as_millis();
        now = [Some(timeout), to_phone.next_at(), to_reader.next_at(), breaks_at]
            .into_iter()
            .flatten()
            .min()
            .unwrap();
        if breaks_at == Some(now) {
            breaks_at = None;
            to_phone.due.clear();
            to_reader.due.clear();
            reader
                .session
                .handle_transport_end(MonotonicTime::from_millis(now), TransportEnd::Lost);
        }
        while let Some(value) = to_phone.take(now) {
            let (delay, values) = holder.take(value);
            for value in values {
                to_reader.send(now + delay, value, air, &mut random);
            }
        }
        while let Some(value) = to_reader.take(now) {
            if let Some(end) = reader.take(now, &value) {
                return (schedule, end, now, response);
            }
        }
        reader.session.handle_timeout(MonotonicTime::from_millis(now));
    }
}

#[test]
fn whatever_the_air_does_a_session_ends_in_time_and_no_other_response_is_taken() {
    let begun = Instant::now();
    let mut ends: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..SESSIONS {
        let (schedule, end, at, sent) = run(seed);
        assert!(at <= LATEST, "seed {seed}: ended only at {at} ms");
        let spotless = schedule.air.is_spotless();
        let name = match &end {
            End::Response(response) => {
                assert_eq!(*response, sent, "seed {seed}");
                "response".to_owned()
            }
            End::Failure(failure) => format!("{} {}", failure.code(), failure.phase().name()),
            End::Framing => "framing".to_owned(),
        };
        assert!(
            !spotless || name == "response",
            "seed {seed}: {name} on a spotless air"
        );
        *ends.entry(name).or_default() += 1;
    }
    println!(
        "{SESSIONS} sessions, {:.0} a second: {ends:?}",
        rate(SESSIONS, begun)
    );
    // The faults do their work: each kind of end is met.
    for name in [
        "response",
        "session.timeout connect",
        "session.timeout consent",
        "session.timeout receive",
        "session.transport consent",
        "session.decryption receive",
    ] {
        assert!(ends.contains_key(name), "{name} was never met: {ends:?}");
    }
}

fn rate(count: u64, begun: Instant) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / begun.elapsed().as_secs_f64()
}

/// What a link makes of one message over this air.
fn over_the_air(
    link: &mut GattLink,
    message: &[u8],
    schedule: &Schedule,
    random: &mut ChaCha20Rng,
) -> Vec<LinkEvent> {
    let mut way = Way::default();
    for part in mdoc::session::framing::parts(message, PartSize::for_mtu(schedule.mtu)) {
        way.send(0, Value::Part(part), schedule.air, random);
    }
    let breaks_at = schedule.air.breaks_at.unwrap_or(u64::MAX);
    let mut events = Vec::new();
    while let Some(now) = way.next_at().filter(|now| *now < breaks_at) {
        while let Some(Value::Part(part)) = way.take(now) {
            events.extend(link.handle_part(&part));
        }
    }
    events
}

#[test]
fn a_link_takes_whole_messages_and_nothing_after_its_end() {
    let begun = Instant::now();
    let (mut whole, mut refused, mut unfinished) = (0, 0, 0);
    for seed in 0..LINKS {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let schedule = Schedule::draw(seed, &mut random);
        let mut link = GattLink::new(
            schedule.role,
            PartSize::for_mtu(schedule.mtu),
            schedule.response_bytes,
        );
        let mut message = vec![0; schedule.response_bytes];
        random.fill_bytes(&mut message);
        assert_eq!(link.handle_part(&[0, 1]), None, "seed {seed}: before the start");
        match schedule.role {
            GattRole::Client => link.start(),
            GattRole::Server => assert_eq!(link.handle_state(&[1]), Some(LinkEvent::Started)),
        }
        let events = over_the_air(&mut link, &message, &schedule, &mut random);
        for event in &events {
            match event {
                LinkEvent::Message(taken) => {
                    // In order and unspoilt it is the message, or the end of one whose beginning was lost.
                    let in_order = schedule.air.delayed == 0 && schedule.air.spoilt == 0;
                    let lost = schedule.air.lost > 0;
                    assert!(!in_order || lost || **taken == message, "seed {seed}");
                    assert!(taken.len() <= message.len(), "seed {seed}");
                    whole += 1;
                }
                LinkEvent::Failed(_) => refused += 1,
                LinkEvent::Progress => {}
                other => panic!("seed {seed}: {other:?}"),
            }
        }
        let failed = events.iter().any(|event| matches!(event, LinkEvent::Failed(_)));
        if schedule.air.is_spotless() {
            assert!(!failed && !link.is_message_pending(), "seed {seed}");
            assert!(
                matches!(events.last(), Some(LinkEvent::Message(taken)) if **taken == message),
                "seed {seed}"
            );
        }
        assert_eq!(failed, !link.is_open(), "seed {seed}");
        unfinished += u32::from(link.is_message_pending());
        // The end is the end.
        assert_eq!(link.handle_state(&[2]).is_none(), failed, "seed {seed}");
        assert_eq!(link.handle_part(&[0, 1]), None, "seed {seed}: after the end");
    }
    println!(
        "{LINKS} links, {:.0} a second: {whole} messages, {refused} refused, {unfinished} unfinished",
        rate(LINKS, begun)
    );
    assert!(whole > 0 && refused > 0 && unfinished > 0);
}

#[test]
fn parts_in_the_wrong_order_are_never_taken_for_a_response() {
    // The twin in order is taken; every exchange of two neighbours is not.
    let mut random = ChaCha20Rng::seed_from_u64(1);
    for exchanged in [None, Some(0), Some(1), Some(2), Some(3)] {
        let phone = Phone::new(Curve::P256, &mut random).unwrap();
        let engagement = DeviceEngagement::from_uri(&phone.uri()).unwrap();
        let mut session = request(Engaged::new(&engagement, Handover::Qr, &mut random).unwrap());
        let now = MonotonicTime::from_millis(1);
        let mut link = GattLink::new(GattRole::Client, PartSize::for_mtu(185), 64 * 1024);
        link.start();
        session.handle_connected(now);
        let (mut of_phone, _) = phone.establish(&session.poll_transmit().unwrap()).unwrap();
        session.handle_sent(now);
        let response: Vec<u8> = (0..900_u32).map(|index| index.to_be_bytes()[3]).collect();
        let message = of_phone.seal(&response);
        let mut parts: Vec<Vec<u8>> =
            mdoc::session::framing::parts(&message, PartSize::for_mtu(185)).collect();
        assert_eq!(parts.len(), 6);
        if let Some(exchanged) = exchanged {
            parts.swap(exchanged, exchanged + 1);
        }
        for part in &parts {
            if let Some(LinkEvent::Message(message)) = link.handle_part(part) {
                session.handle_message(now, &message).unwrap();
            }
        }
        match (exchanged, session.poll_event().unwrap()) {
            (None, Event::Response(taken)) => assert_eq!(taken.to_vec(), response),
            // The first part holds the head of the message's CBOR, the others only ciphertext.
            (Some(0), Event::Failed(failure)) => assert_eq!(failure.code(), "session.decoding"),
            (Some(_), Event::Failed(failure)) => assert_eq!(failure.code(), "session.decryption"),
            (_, event) => panic!("{exchanged:?}: {event:?}"),
        }
    }
}
