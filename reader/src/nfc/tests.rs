use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};

use mdoc::engagement::NfcOptions;

use super::*;
use crate::transport::{LinkError, Received};

/// A phone that answers by a script, and tells what it was asked. Where the script ends it says nothing for good.
struct Scripted {
    answers: VecDeque<Result<Vec<u8>, NfcFault>>,
    heard: Sender<Vec<u8>>,
    /// Kept by the test: the phone is silent until this is dropped.
    silence: Receiver<()>,
}

impl Card for Scripted {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, NfcFault> {
        self.heard.send(command.to_vec()).unwrap();
        self.answers.pop_front().unwrap_or_else(|| {
            let _ = self.silence.recv();
            Err(NfcFault::CardLost)
        })
    }
}

struct Phone {
    link: Link,
    heard: Receiver<Vec<u8>>,
    stop: Stop,
    _silence: Sender<()>,
}

fn phone(answers: &[Result<&[u8], NfcFault>]) -> Phone {
    let (heard_by_phone, heard) = channel();
    let (hold, silence) = channel();
    let answers = answers.iter().map(|answer| answer.clone().map(<[u8]>::to_vec));
    let (chip, _) = Chip::new(Box::new(Scripted {
        answers: answers.collect(),
        heard: heard_by_phone,
        silence,
    }));
    let options = NfcOptions {
        max_command_data: 255,
        max_response_data: 256,
    };
    let stop = Stop::default();
    Phone {
        link: Link::new(chip, TransferLimits::new(&options, true, 10_000), stop.clone()),
        heard,
        stop,
        _silence: hold,
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(200)
}

#[test]
fn a_message_goes_and_comes() {
    let mut phone = phone(&[Ok(&[0x90, 0]), Ok(&[0x53, 2, 7, 0x61, 0]), Ok(&[8, 0x90, 0])]);
    assert_eq!(phone.link.send(&[1; 300], soon()), Ok(()));
    let mut begins = 0;
    let received = phone.link.receive(soon(), &mut || {
        begins += 1;
        Some(soon())
    });
    assert!(matches!(received, Ok(Received::Message(message)) if *message == [7, 8]));
    assert_eq!(begins, 1);
    assert!(!phone.link.is_message_pending());
    phone.link.finish(Some(&[9]));
    let heard: Vec<Vec<u8>> = phone.heard.iter().take(4).collect();
    assert_eq!(heard[0][..4], [0x10, 0xc3, 0, 0]);
    assert_eq!(heard[1][..4], [0x00, 0xc3, 0, 0]);
    assert_eq!(heard[2], [0x00, 0xc0, 0, 0, 0]);
    assert_eq!(heard[3], [0x00, 0xc3, 0, 0, 3, 0x53, 1, 9, 0], "the last words");
}

#[test]
fn a_silent_phone_is_waited_for_until_the_deadline_or_a_wish_to_stop() {
    let mut silent = phone(&[]);
    assert_eq!(silent.link.send(&[1], soon()), Ok(()), "it is with the phone");
    let received = silent.link.receive(soon(), &mut || None);
    assert!(matches!(received, Ok(Received::Deadline)));
    let mut silent = phone(&[]);
    assert_eq!(silent.link.send(&[1], soon()), Ok(()));
    silent.stop.wish();
    let late = Instant::now() + Duration::from_secs(60);
    assert!(matches!(
        silent.link.receive(late, &mut || None),
        Ok(Received::Stopped)
    ));
    // A chain that is not taken up.
    let mut silent = phone(&[]);
    assert_eq!(silent.link.send(&[1; 300], soon()), Err(LinkError::LOST));
}

#[test]
fn a_phone_that_is_taken_away_or_talks_nonsense() {
    let mut lost = phone(&[Err(NfcFault::CardLost)]);
    assert_eq!(
        lost.link.send(&[1; 300], soon()),
        Err(LinkError::Nfc(NfcFault::CardLost))
    );
    let mut lost = phone(&[Ok(&[0x53, 2, 7, 0x61, 1]), Err(NfcFault::CardLost)]);
    assert_eq!(lost.link.send(&[1], soon()), Ok(()));
    let received = lost.link.receive(soon(), &mut || Some(soon()));
    assert_eq!(received.err(), Some(LinkError::Nfc(NfcFault::CardLost)));
    assert!(lost.link.is_message_pending());
    for answer in [&[0x69, 0x85][..], &[0x54, 0, 0x90, 0], &[0x90]] {
        let mut other = phone(&[Ok(answer)]);
        assert_eq!(other.link.send(&[1], soon()), Ok(()));
        let received = other.link.receive(soon(), &mut || Some(soon()));
        assert!(
            matches!(received, Err(LinkError::Nfc(NfcFault::Transfer(_)))),
            "{answer:x?}"
        );
    }
}
