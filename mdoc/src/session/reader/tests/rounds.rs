//! Several requests in one session, and what may happen between them.

use super::*;

#[test]
fn requests_follow_each_other_each_under_its_own_number() {
    let (mut phone, mut session) = idle();
    for round in 2..50 {
        let now = at(u64::from(round) * 1000);
        assert_eq!(session.request(now, &request()), Ok(()));
        assert_eq!(session.phase(), Some(Phase::Request));
        assert_eq!(session.request(now, &request()), Err(NextRequestError::NotIdle));
        let message = session.poll_transmit().unwrap();
        assert_eq!(phone.open(&message, round), request().encode());
        session.handle_sent(now);
        assert_eq!(session.phase(), Some(Phase::Consent));
        assert_eq!(
            session.poll_timeout(),
            Some(now.saturating_add(Duration::from_secs(60)))
        );
        assert_eq!(session.handle_message(now, &phone.answer(None)), Ok(()));
        assert_eq!(session.poll_event(), Some(response()));
        assert_eq!(
            session.poll_timeout(),
            Some(now.saturating_add(Duration::from_secs(300)))
        );
    }
    let transcript = session.transcript().clone();
    assert_eq!(session.request(at(50_000), &request()), Ok(()));
    assert!(session.poll_transmit().is_some());
    session.handle_sent(at(50_000));
    let last = phone.answer(Some(Status::Termination));
    assert_eq!(session.handle_message(at(50_000), &last), Ok(()));
    assert_eq!(session.poll_event(), Some(response()));
    assert!(session.is_finished());
    assert_eq!(session.transcript(), &transcript);
    assert_eq!(
        session.request(at(50_000), &request()),
        Err(NextRequestError::NotIdle)
    );
}

#[test]
fn a_request_waits_for_the_response_to_be_taken() {
    let (mut phone, mut session) = requested();
    assert_eq!(session.request(at(0), &request()), Err(NextRequestError::NotIdle));
    assert_eq!(session.handle_message(at(1), &phone.answer(None)), Ok(()));
    assert_eq!(
        session.request(at(1), &request()),
        Err(NextRequestError::ResponsePending)
    );
    assert_eq!(session.poll_event(), Some(response()));
    assert_eq!(session.request(at(1), &request()), Ok(()));
}

#[test]
fn the_first_response_again_does_not_decrypt() {
    let (mut phone, mut session) = requested();
    let first = phone.answer(None);
    assert_eq!(session.handle_message(at(1), &first), Ok(()));
    assert_eq!(session.poll_event(), Some(response()));
    assert_eq!(session.request(at(2), &request()), Ok(()));
    assert!(session.poll_transmit().is_some());
    session.handle_sent(at(2));
    assert_eq!(session.handle_message(at(3), &first), Ok(()));
    let failure = SessionFailure::Decryption {
        phase: Phase::Consent,
        by: Party::Reader,
    };
    assert_failed(&mut session, failure, Some(Status::EncryptionError));
}

#[test]
fn a_phone_that_speaks_while_nothing_is_due_may_only_end_the_session() {
    let phase = Phase::Idle;
    let (_, mut session) = idle();
    let end = status_message(Status::Termination);
    assert_eq!(session.handle_message(at(2), &end), Ok(()));
    assert_eq!(session.poll_event(), Some(Event::Ended));
    assert_eq!(session.poll_event(), None);
    assert!(session.is_finished());
    assert!(session.e_reader_private_key().is_some());
    assert_eq!(session.handle_message(at(3), &end), Err(AfterEnd));
    assert_eq!(session.poll_transmit(), None);

    let (mut phone, mut session) = idle();
    assert_eq!(session.handle_message(at(2), &phone.answer(None)), Ok(()));
    let fault = Some(MessageError::TooEarly);
    assert_failed(
        &mut session,
        SessionFailure::Decoding { phase, fault },
        Some(Status::DecodingError),
    );

    let (mut phone, mut session) = idle();
    let with_end = phone.answer(Some(Status::Termination));
    assert_eq!(session.handle_message(at(2), &with_end), Ok(()));
    assert_failed(
        &mut session,
        SessionFailure::Decoding { phase, fault },
        Some(Status::DecodingError),
    );

    let (_, mut session) = idle();
    assert_eq!(
        session.handle_message(at(2), &status_message(Status::EncryptionError)),
        Ok(())
    );
    let by = Party::Phone;
    assert_failed(&mut session, SessionFailure::Decryption { phase, by }, None);

    let (_, mut session) = idle();
    assert_eq!(session.handle_message(at(2), &[0xa0]), Ok(()));
    let fault = Some(MessageError::Empty);
    assert_failed(
        &mut session,
        SessionFailure::Decoding { phase, fault },
        Some(Status::DecodingError),
    );
}

#[test]
fn an_idle_session_has_its_end() {
    let (_, mut session) = idle();
    assert_eq!(session.poll_timeout(), Some(at(300_001)));
    session.handle_timeout(at(300_000));
    assert_eq!(session.phase(), Some(Phase::Idle));
    session.handle_timeout(at(300_001));
    let failure = SessionFailure::Timeout { phase: Phase::Idle };
    assert_failed(&mut session, failure, Some(Status::Termination));

    // A request that comes too late is none.
    let (_, mut session) = idle();
    assert_eq!(
        session.request(at(300_001), &request()),
        Err(NextRequestError::NotIdle)
    );
    assert_failed(&mut session, failure, Some(Status::Termination));
}

#[test]
fn an_idle_session_ends_with_its_transport() {
    for end in [TransportEnd::Ended, TransportEnd::Lost] {
        let (_, mut session) = idle();
        session.handle_transport_end(at(2), end);
        assert_eq!(session.poll_event(), Some(Event::Ended));
        assert!(session.is_finished());
        assert_eq!(session.poll_transmit(), None);
    }
}

#[test]
fn the_numbers_of_a_direction_end_before_they_repeat() {
    let (_, mut session) = idle();
    let State::Idle(open) = &mut session.state else {
        panic!("the session is idle");
    };
    open.exchange.seal.resume(u32::MAX);
    assert_eq!(session.request(at(2), &request()), Ok(()));

    let (_, mut session) = idle();
    let State::Idle(open) = &mut session.state else {
        panic!("the session is idle");
    };
    open.exchange.seal.resume(0);
    assert_eq!(session.request(at(2), &request()), Err(NextRequestError::UsedUp));
    assert_eq!(session.phase(), Some(Phase::Idle));
    session.terminate();
    assert_eq!(session.poll_transmit(), Some(status_message(Status::Termination)));
}
