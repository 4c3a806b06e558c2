use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

use super::*;
use crate::nfc::carrier::NFC_TYPE;
use crate::nfc::handover::Offer;
use crate::nfc::ndef::{Record, TypeNameFormat};
use crate::nfc::simulated::{Tag as Simulated, engagement, select, service, status};

/// More commands than any tag here can bring about.
const MANY: usize = 5000;

fn request() -> HandoverRequest {
    let offer = Offer { ble: None, nfc: true };
    HandoverRequest::new(offer, &mut ChaCha20Rng::from_seed([1; 32]))
}

fn nfc_select() -> Vec<u8> {
    let nfc = Record {
        format: TypeNameFormat::External,
        record_type: NFC_TYPE,
        id: b"nfc",
        payload: &[1, 3, 1, 0xff, 0xff, 4, 2, 1, 0, 0],
    };
    select(&[nfc], &engagement())
}

/// A phone that negotiates, and waits as told.
fn negotiating(waiting_time: u8, extensions: u8) -> Simulated {
    Simulated::new(vec![
        service(waiting_time, extensions, 0xffff),
        status(0),
        nfc_select(),
    ])
}

/// Runs an engagement against answers to the end; with the sum of the waits.
fn run(mut answer: impl FnMut(&[u8]) -> Vec<u8>) -> (Result<NfcEngagement, EngagingError>, Duration, usize) {
    let (mut engaging, mut next) = Engaging::start(request());
    let mut waited = Duration::ZERO;
    for number in 1..=MANY {
        waited += next.after;
        match engaging.handle_answer(&answer(&next.command)) {
            Ok(Step::Continue(on, then)) => (engaging, next) = (on, then),
            Ok(Step::Done(engaged)) => return (Ok(engaged), waited, number),
            Err(error) => return (Err(error), waited, number),
        }
    }
    panic!("no end after {MANY} commands");
}

fn engage(tag: &mut Simulated) -> Result<NfcEngagement, EngagingError> {
    run(|command| tag.answer(command)).0
}

#[test]
fn a_static_handover() {
    let message = nfc_select();
    let engaged = engage(&mut Simulated::new(vec![message.clone()])).unwrap();
    let crate::session::Handover::NfcStatic { handover_select } = engaged.handover() else {
        panic!("{engaged:?}");
    };
    assert_eq!(handover_select, message);
    assert_eq!(engaged.engagement().as_bytes(), engagement());
    assert_eq!(engaged.engagement().retrieval_methods().len(), 1);
}

#[test]
fn a_negotiated_handover_keeps_both_messages() {
    let mut tag = negotiating(0, 15);
    let engaged = engage(&mut tag).unwrap();
    let crate::session::Handover::NfcNegotiated {
        handover_select,
        handover_request,
    } = engaged.handover()
    else {
        panic!("{engaged:?}");
    };
    assert_eq!(handover_select, nfc_select());
    assert_eq!(tag.written, [tnep::service_select(), handover_request.to_vec()]);
    let lengths: Vec<usize> = tag.written.iter().map(|message| 2 + message.len()).collect();
    assert_eq!(
        tag.writings,
        [(0, lengths[0]), (0, lengths[1])],
        "each in one command"
    );
}

#[test]
fn a_message_that_does_not_fit_one_command_gets_its_length_last() {
    for write_at_once in [2, 16, 24] {
        let mut tag = negotiating(0, 15);
        tag.capability[5..7].copy_from_slice(&[0, write_at_once]);
        let engaged = engage(&mut tag).unwrap();
        assert!(engaged.is_negotiated());
        assert_eq!(tag.written[0], tnep::service_select());
        let most = usize::from(write_at_once);
        assert!(tag.writings.iter().all(|(_, length)| *length <= most));
        assert_eq!(tag.writings.first(), Some(&(0, 2)));
        assert_eq!(tag.writings.get(1), Some(&(2, most)));
        assert_eq!(tag.writings.last(), Some(&(0, 2)));
    }
    let mut tag = negotiating(0, 15);
    tag.capability[5..7].copy_from_slice(&[0, 1]);
    assert_eq!(engage(&mut tag).err(), Some(EngagingError::NotWritable));
}

#[test]
fn messages_come_in_pieces_of_any_size() {
    for (read_at_once, most_at_once) in [(15, usize::MAX), (255, usize::MAX), (0x7fff, 1), (0x7fff, 7)] {
        let mut tag = Simulated::new(vec![nfc_select()]);
        tag.capability[3..5].copy_from_slice(&u16::to_be_bytes(read_at_once));
        tag.most_at_once = most_at_once.max(2);
        assert!(engage(&mut tag).is_ok());
    }
}

#[test]
fn an_empty_tag_is_read_again_as_often_as_it_says() {
    for (extensions, empty, is_ready) in [(0, 0, true), (0, 1, false), (15, 15, true), (15, 16, false)] {
        let mut tag = negotiating(20, extensions);
        tag.empty_after_writing = empty;
        let (result, waited, _) = run(|command| tag.answer(command));
        assert_eq!(
            result.err(),
            (!is_ready).then_some(EngagingError::NotReady),
            "{empty}"
        );
        // Twice something was written, if the first time led on; each reading after it was waited for.
        let readings = if is_ready {
            2 * (1 + u32::from(extensions))
        } else {
            1 + u32::from(extensions)
        };
        assert_eq!(waited, Duration::from_millis(16) * readings);
    }
    // Before anything is negotiated a patience of our own holds.
    for (empty, is_ready) in [
        (usize::from(FIRST_RETRIES), true),
        (usize::from(FIRST_RETRIES) + 1, false),
    ] {
        let mut tag = Simulated::new(vec![nfc_select()]);
        tag.empty_readings = empty;
        assert_eq!(
            engage(&mut tag).err(),
            (!is_ready).then_some(EngagingError::NotReady)
        );
    }
}

#[test]
fn a_status_at_each_command_is_told_and_ends_it() {
    let mut sound = negotiating(0, 15);
    let (result, _, number) = run(|command| sound.answer(command));
    assert!(result.is_ok());
    for failing in 1..=number {
        let mut tag = negotiating(0, 15);
        let mut at = 0;
        let (result, _, _) = run(|command| {
            at += 1;
            if at == failing {
                vec![0x6a, 0x82]
            } else {
                tag.answer(command)
            }
        });
        let expected = if failing == 1 {
            EngagingError::Locked
        } else {
            EngagingError::Status(0x6a82)
        };
        assert_eq!(result, Err(expected), "{failing}");
        let mut tag = negotiating(0, 15);
        let mut at = 0;
        let (result, _, _) = run(|command| {
            at += 1;
            if at == failing {
                vec![0x90]
            } else {
                tag.answer(command)
            }
        });
        assert_eq!(result, Err(EngagingError::Answer), "{failing}");
    }
}

#[test]
fn capability_containers_that_are_not_taken() {
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut tag = Simulated::new(vec![nfc_select()]);
        change(&mut tag.capability);
        engage(&mut tag).err()
    };
    assert_eq!(with(&|_| ()), None);
    assert_eq!(with(&|capability| capability[2] = 0x30), None, "version 3");
    let malformed = Some(EngagingError::Capability);
    assert_eq!(with(&|capability| capability[2] = 0x10), malformed);
    assert_eq!(
        with(&|capability| capability[3..5].copy_from_slice(&[0, 14])),
        malformed
    );
    assert_eq!(with(&|capability| capability[7] = 5), malformed);
    assert_eq!(with(&|capability| capability[8] = 8), malformed);
    assert_eq!(
        with(&|capability| capability[11..13].copy_from_slice(&[0, 2])),
        malformed
    );
    assert_eq!(
        with(&|capability| capability[13] = 0x80),
        malformed,
        "not to be read"
    );
    assert_eq!(with(&|capability| capability.truncate(14)), malformed);
    assert_eq!(with(&|capability| capability.push(0)), malformed);
    let too_large = Some(EngagingError::TooLarge);
    assert_eq!(
        with(&|capability| capability[11..13].copy_from_slice(&[0, 100])),
        too_large
    );
}

#[test]
fn negotiations_that_lead_nowhere() {
    let mut tag = Simulated::new(vec![service(0, 15, 0xffff)]);
    assert_eq!(engage(&mut tag).err(), Some(EngagingError::NotWritable));
    let mut tag = Simulated::new(vec![service(0, 15, 20), Vec::new()]);
    assert_eq!(engage(&mut tag).err(), Some(EngagingError::RequestTooLarge));
    let refused = |messages| engage(&mut Simulated::new(messages)).err();
    assert_eq!(
        refused(vec![service(0, 0, 999), status(3), Vec::new()]),
        Some(EngagingError::Refused(Some(3)))
    );
    assert_eq!(
        refused(vec![service(0, 0, 999), nfc_select(), Vec::new()]),
        Some(EngagingError::Refused(None)),
        "a selection before the request"
    );
    assert_eq!(
        refused(vec![service(0, 0, 999), status(0), status(1)]),
        Some(EngagingError::Refused(Some(1)))
    );
    assert_eq!(
        refused(vec![service(0, 0, 999), status(0), service(0, 0, 999)]),
        Some(EngagingError::Handover(HandoverError::NotASelect))
    );
    assert_eq!(refused(vec![status(0)]), Some(EngagingError::NoHandover));
    assert_eq!(
        refused(vec![vec![0xff]]),
        Some(EngagingError::Handover(HandoverError::Ndef(NdefError::Chunked)))
    );
}

#[test]
fn answers_of_the_wrong_length() {
    for (spoiled, extra) in [(0xb0, true), (0xb0, false)] {
        let mut tag = Simulated::new(vec![nfc_select()]);
        let mut readings = 0;
        let (result, _, _) = run(|command| {
            let answer = tag.answer(command);
            readings += usize::from(command[1] == spoiled);
            // The first reading is the capability container, the second the length, the third the message.
            match (command[1] == spoiled && readings == 3, extra) {
                (true, true) => [&[7][..], &answer].concat(),
                (true, false) => vec![0x90, 0],
                _ => answer,
            }
        });
        assert_eq!(result, Err(EngagingError::Answer), "{extra}");
    }
}

proptest! {
    /// A card that says anything, as far as it is success: the engagement ends, and says why.
    #[test]
    fn any_answers_end(answers in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 1..40)) {
        let mut answers = answers.into_iter().cycle();
        let (result, _, _) = run(|_| [&answers.next().unwrap()[..], &[0x90, 0]].concat());
        prop_assert!(result.is_err());
    }

    /// A card that is right but for one byte of one answer.
    #[test]
    fn one_wrong_byte_ends_it_or_changes_nothing_that_is_not_seen(at in 0_usize..20, byte in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut tag = negotiating(0, 15);
        let mut number = 0;
        let (result, _, _) = run(|command| {
            let mut answer = tag.answer(command);
            if number == at {
                let byte = byte.index(answer.len());
                answer[byte] ^= 1 << bit;
            }
            number += 1;
            answer
        });
        if let Ok(engaged) = result {
            // The transcript is made of what came, so that the phone notices a difference.
            let crate::session::Handover::NfcNegotiated { handover_request, .. } = engaged.handover() else {
                return Err(TestCaseError::fail("not negotiated"));
            };
            let sent = request();
            prop_assert_eq!(handover_request, sent.as_bytes());
        }
    }
}
