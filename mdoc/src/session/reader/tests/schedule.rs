//! Schedules: a session and its phone on a simulated clock, with messages that are lost, repeated,
//! reordered and cut on their way.

use proptest::prelude::*;

use super::*;

/// What happens to the messages on the wire.
#[derive(Clone, Debug)]
enum Fate {
    Arrives,
    IsLost,
    ComesTwice,
    IsCut(usize),
    SwapsWithTheNext,
    IsReflected,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Arrives),
        1 => Just(Fate::IsLost),
        1 => Just(Fate::ComesTwice),
        1 => (0..200_usize).prop_map(Fate::IsCut),
        1 => Just(Fate::SwapsWithTheNext),
        1 => Just(Fate::IsReflected),
    ]
}

/// Runs rounds; how many responses came out, each the one that was due, and the failure if any.
fn run(fates: &[Fate], delays: &[u64]) -> (usize, Option<SessionFailure>) {
    let mut phone = Phone::new(Curve::P256);
    let mut session = start(&phone);
    let mut now = 0;
    session.handle_connected(at(now));
    let mut responses = 0;
    let mut held: Option<Vec<u8>> = None;
    for (round, fate) in fates.iter().enumerate() {
        if round > 0 {
            now += delays[round % delays.len()];
            match session.request(at(now), &request()) {
                Ok(()) => {}
                Err(_) => break,
            }
        }
        let Some(sent) = session.poll_transmit() else {
            break;
        };
        if round == 0 {
            phone.establish(&sent);
        }
        session.handle_sent(at(now));
        let payload = [RESPONSE, round.to_be_bytes().as_slice()].concat();
        let answer = SessionData::with_data(phone.seal(&payload), None).encode();
        let (mut arriving, mut after) = (Vec::new(), None);
        match fate {
            Fate::Arrives => arriving.push(answer),
            Fate::IsLost => {}
            Fate::ComesTwice => arriving = vec![answer.clone(), answer],
            Fate::IsCut(length) => arriving.push(answer[..*length % answer.len()].to_vec()),
            Fate::SwapsWithTheNext => {
                arriving.extend(held.take());
                after = Some(answer);
            }
            Fate::IsReflected => arriving.push(sent),
        }
        held = after.or(held);
        now += 1;
        for message in arriving {
            let _ = session.handle_message(at(now), &message);
            match session.poll_event() {
                Some(Event::Response(plaintext)) => {
                    assert_eq!(*plaintext, payload, "a response to another request");
                    responses += 1;
                }
                Some(Event::Failed(failure)) => return (responses, Some(failure)),
                Some(Event::Ended) | None => {}
            }
        }
        if session.phase() != Some(Phase::Idle) {
            // Nothing more comes: the phase runs out, and the session with it.
            let end = session.poll_timeout().unwrap();
            session.handle_timeout(at(end.as_millis() - 1));
            assert_eq!(session.poll_event(), None);
            session.handle_timeout(end);
            let Some(Event::Failed(failure)) = session.poll_event() else {
                panic!("a session that waits for nothing");
            };
            assert!(session.e_reader_private_key().is_none());
            return (responses, Some(failure));
        }
    }
    (responses, None)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_schedule_ends_with_the_responses_that_were_due_and_no_other(
        fates in prop::collection::vec(fate(), 1..8),
        delays in prop::collection::vec(0..200_000_u64, 1..4),
    ) {
        let (responses, failure) = run(&fates, &delays);
        let good = fates.iter().take_while(|fate| matches!(fate, Fate::Arrives)).count();
        match fates.get(good) {
            None => {
                prop_assert_eq!(responses, good);
                prop_assert_eq!(failure, None);
            }
            // The response counts, and what follows it ends the session.
            Some(Fate::ComesTwice) => {
                prop_assert_eq!(responses, good + 1);
                prop_assert_eq!(failure.map(|failure| failure.code()), Some("session.decoding"));
            }
            Some(fate) => {
                prop_assert_eq!(responses, good);
                let code = failure.map(|failure| failure.code());
                let expected = match fate {
                    Fate::IsLost | Fate::SwapsWithTheNext => "session.timeout",
                    Fate::IsCut(_) => "session.decoding",
                    // The reader's first message is a SessionEstablishment.
                    Fate::IsReflected if good == 0 => "session.decoding",
                    _ => "session.decryption",
                };
                prop_assert_eq!(code, Some(expected));
            }
        }
    }
}
