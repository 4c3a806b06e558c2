//! The reader's NFC against the simulated phone's, without a reader: two sides that share no state machine.

use core::time::Duration;

use holder::card::{BleTerms, Card, NfcTerms, Reply, Terms};
use holder::nfc_fault::NfcFault;
use holder::phone::Engaged;
use mdoc::crypto::Curve;
use mdoc::engagement::RetrievalMethod;
use mdoc::nfc::handover::{BleOffer, HandoverRequest, NfcEngagement, Offer};
use mdoc::nfc::{
    Engaging, EngagingError, Exchange, Progress, Step, TransferError, TransferLimits, select_mdoc,
};
use mdoc::request::{DeviceRequest, DocRequest, ItemsRequest, RequestedElement, RequestedNameSpace};
use mdoc::session::{Handover, MonotonicTime, SessionSettings};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

const PHONE: [u8; 16] = [0x11; 16];
const READER: [u8; 16] = [0x22; 16];
const BOUND: usize = 1024 * 1024;

fn random() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([9; 32])
}

fn terms() -> Terms {
    Terms {
        negotiates: false,
        ble: None,
        nfc: Some(NfcTerms {
            max_command: 255,
            max_response: 256,
        }),
        read_at_once: 0x7fff,
        write_at_once: 0x7fff,
        empty_readings: 0,
        waiting_time: 12,
        fault: None,
    }
}

fn ble(peripheral: bool, central: bool) -> Option<BleTerms> {
    Some(BleTerms {
        peripheral,
        central,
        uuid: PHONE,
    })
}

const BOTH: Offer = Offer {
    ble: Some(BleOffer {
        central: true,
        peripheral: Some(READER),
    }),
    nfc: true,
};

/// How an attempt with a card may fail.
#[derive(Debug, PartialEq, Eq)]
enum Trouble {
    Engaging(EngagingError),
    Transfer(TransferError),
    Gone,
}

fn engage(card: &mut Card, offer: Offer) -> Result<(NfcEngagement, Duration), Trouble> {
    let (mut engaging, mut next) = Engaging::start(HandoverRequest::new(offer, &mut random()));
    let mut waited = Duration::ZERO;
    loop {
        waited += next.after;
        let Reply::Answer(answer) = card.handle(&next.command) else {
            return Err(Trouble::Gone);
        };
        match engaging.handle_answer(&answer).map_err(Trouble::Engaging)? {
            Step::Continue(on, then) => (engaging, next) = (on, then),
            Step::Done(engaged) => return Ok((engaged, waited)),
        }
    }
}

fn limits(engaged: &NfcEngagement) -> TransferLimits {
    let options = engaged
        .engagement()
        .retrieval_methods()
        .iter()
        .find_map(|method| match method {
            RetrievalMethod::Nfc(options) => Some(*options),
            _ => None,
        });
    TransferLimits::new(&options.expect("NFC is offered"), false, BOUND)
}

/// Sends a message and takes what `phone` makes of it; with the number of commands.
fn transfer(
    card: &mut Card,
    limits: TransferLimits,
    message: &[u8],
    mut phone: impl FnMut(&[u8]) -> Vec<u8>,
) -> Result<(Vec<u8>, usize), Trouble> {
    let (mut exchange, mut command) = Exchange::start(message, limits);
    for number in 1.. {
        let mut reply = card.handle(&command);
        if let Reply::Message(received) = reply {
            reply = card.answer(&phone(&received));
        }
        let Reply::Answer(answer) = reply else {
            return Err(Trouble::Gone);
        };
        match exchange.handle_answer(&answer).map_err(Trouble::Transfer)? {
            Progress::Continue(on, next) => (exchange, command) = (on, next),
            Progress::Message(message) => return Ok((message.to_vec(), number)),
        }
    }
    unreachable!("numbers do not end")
}

fn select(card: &mut Card) {
    assert_eq!(card.handle(&select_mdoc()), Reply::Answer(vec![0x90, 0]));
}

fn phone() -> Engaged {
    Engaged::new(Curve::P256, &mut random()).expect("a curve for sessions")
}

#[test]
fn both_sides_come_to_one_plan() {
    for (negotiates, peripheral, central) in [
        (false, true, false),
        (false, false, true),
        (false, true, true),
        (true, true, false),
        (true, false, true),
        (true, true, true),
    ] {
        let terms = Terms {
            negotiates,
            ble: ble(peripheral, central),
            ..terms()
        };
        let mut card = Card::new(phone().engagement(), &terms);
        let (engaged, _) = engage(&mut card, BOTH).expect("an engagement");
        let exchanged = card.exchanged().expect("the phone knows that it was read");
        let (mut server, mut client, mut nfc) = (None, None, false);
        for method in engaged.engagement().retrieval_methods() {
            match method {
                RetrievalMethod::Ble(ble) => {
                    server = ble.peripheral_server.map(|server| server.uuid);
                    client = ble.central_client.map(|client| client.uuid);
                }
                RetrievalMethod::Nfc(_) => nfc = true,
                other => panic!("{other:?}"),
            }
        }
        let selected = &exchanged.selected;
        assert_eq!(
            (server, client, nfc),
            (selected.peripheral, selected.central, selected.nfc)
        );
        let expected = if negotiates { READER } else { PHONE };
        assert_eq!(
            client,
            central.then_some(expected),
            "the UUID of the side that advertises"
        );
        assert_eq!(server.is_some(), peripheral && !(negotiates && central));
    }
}

#[test]
fn sessions_stand_on_the_handover_as_it_was_exchanged() {
    for negotiates in [false, true] {
        let terms = Terms {
            negotiates,
            ..terms()
        };
        let phone = phone();
        let mut card = Card::new(phone.engagement(), &terms);
        let (engaged, _) = engage(&mut card, BOTH).expect("an engagement");
        assert_eq!(engaged.is_negotiated(), negotiates);
        let exchanged = card.exchanged().expect("read").clone();
        let establishment = |handover: Handover<'_>| {
            let session = mdoc::session::Engaged::new(engaged.engagement(), handover, &mut random());
            let element = RequestedElement {
                identifier: "element".to_owned(),
                intent_to_retain: false,
            };
            let name_space = RequestedNameSpace {
                name: "space".to_owned(),
                elements: vec![element],
            };
            let items = ItemsRequest::new("org.example".to_owned(), vec![name_space]).expect("a request");
            let request = DeviceRequest::new(vec![DocRequest::new(items)]).expect("a request");
            let now = MonotonicTime::from_millis(0);
            let mut session = session
                .expect("keys")
                .request(now, &request, SessionSettings::default())
                .expect("a session");
            session.handle_connected(now);
            session.poll_transmit().expect("a message")
        };
        let message = establishment(engaged.handover());
        select(&mut card);
        let phone = phone.with_handover(&exchanged.select, exchanged.request.as_deref());
        let mut is_established = false;
        transfer(&mut card, limits(&engaged), &message, |received| {
            assert_eq!(received, message);
            is_established = phone.establish(received).is_ok();
            vec![1, 2, 3]
        })
        .expect("a transfer");
        assert!(is_established);
        // With another transcript there is no session.
        assert!(phone.establish(&establishment(Handover::Qr)).is_err());
    }
}

#[test]
fn lengths_chains_and_liberties() {
    let response: Vec<u8> = (0..5000_u32).map(|index| index.to_be_bytes()[3]).collect();
    for (max_command, max_response, commands) in [
        (255, 256, 3 + 19),
        (65_500, 65_500, 1),
        (255, 65_500, 3),
        (65_500, 256, 20),
    ] {
        for fault in [
            None,
            Some(NfcFault::VagueMoreData),
            Some(NfcFault::LateEnd),
            Some(NfcFault::Generous),
        ] {
            let terms = Terms {
                nfc: Some(NfcTerms {
                    max_command,
                    max_response,
                }),
                fault,
                ..terms()
            };
            let mut card = Card::new(phone().engagement(), &terms);
            let (engaged, _) = engage(&mut card, BOTH).expect("an engagement");
            select(&mut card);
            let (back, number) =
                transfer(&mut card, limits(&engaged), &[7; 600], |_| response.clone()).expect("a transfer");
            assert_eq!(back, response, "{fault:?}");
            if fault.is_none() {
                assert_eq!(number, commands, "{max_command}, {max_response}");
            }
            // And again in the same session.
            let (back, _) =
                transfer(&mut card, limits(&engaged), &[8], |_| vec![9; 300]).expect("a transfer");
            assert_eq!(back, vec![9; 300]);
        }
    }
}

#[test]
fn a_phone_that_takes_its_time_is_given_it() {
    let terms = Terms {
        negotiates: true,
        empty_readings: 10,
        write_at_once: 20,
        read_at_once: 15,
        ..terms()
    };
    let mut card = Card::new(phone().engagement(), &terms);
    let (engaged, waited) = engage(&mut card, BOTH).expect("an engagement");
    assert!(engaged.is_negotiated());
    // Ten waits of our own at first; then twice one wait of 4 ms before each of eleven readings.
    assert_eq!(waited, Duration::from_millis(10 * 50 + 2 * 11 * 4));
    let terms = Terms {
        fault: Some(NfcFault::NeverReady),
        ..terms
    };
    let mut card = Card::new(phone().engagement(), &terms);
    let never = engage(&mut card, BOTH).expect_err("nothing comes");
    assert_eq!(never, Trouble::Engaging(EngagingError::NotReady));
}

#[test]
fn faults_of_the_engagement_are_told_apart() {
    use mdoc::nfc::handover::HandoverError;
    use mdoc::nfc::ndef::NdefError;
    let engaging = |fault| {
        let terms = Terms {
            negotiates: true,
            fault: Some(fault),
            ..terms()
        };
        engage(&mut Card::new(phone().engagement(), &terms), BOTH).map(|_| ())
    };
    for (fault, error) in [
        (NfcFault::Locked, EngagingError::Locked),
        (NfcFault::BadCapability, EngagingError::Capability),
        (NfcFault::WebLink, EngagingError::NoHandover),
        (
            NfcFault::Chunked,
            EngagingError::Handover(HandoverError::Ndef(NdefError::Chunked)),
        ),
        (NfcFault::NeverReady, EngagingError::NotReady),
        (NfcFault::RefusesService, EngagingError::Refused(Some(1))),
    ] {
        assert_eq!(engaging(fault), Err(Trouble::Engaging(error)), "{fault:?}");
    }
    assert_eq!(engaging(NfcFault::RemovedInHandover), Err(Trouble::Gone));
    assert_eq!(
        engaging(NfcFault::NoMdocApplication),
        Ok(()),
        "nobody has transferred yet"
    );
    let terms = Terms {
        fault: Some(NfcFault::UnknownCarriers),
        ..terms()
    };
    let (engaged, _) = engage(&mut Card::new(phone().engagement(), &terms), BOTH).expect("an engagement");
    assert!(engaged.engagement().retrieval_methods().is_empty());
}

#[test]
fn faults_of_the_transfer_are_told_apart() {
    let transferred = |fault| {
        let terms = Terms { fault, ..terms() };
        let mut card = Card::new(phone().engagement(), &terms);
        let (engaged, _) = engage(&mut card, BOTH).expect("an engagement");
        select(&mut card);
        transfer(&mut card, limits(&engaged), &[7; 600], |_| vec![1; 5000]).map(|_| ())
    };
    assert_eq!(transferred(None), Ok(()));
    for (fault, trouble) in [
        (
            NfcFault::RefusesEnvelope,
            Trouble::Transfer(TransferError::Status(0x6985)),
        ),
        (
            NfcFault::EndlessMoreData,
            Trouble::Transfer(TransferError::Endless),
        ),
        (NfcFault::WrongLength, Trouble::Transfer(TransferError::Length)),
        (NfcFault::RemovedAfterRequest, Trouble::Gone),
        (NfcFault::RemovedInResponse, Trouble::Gone),
    ] {
        assert_eq!(transferred(Some(fault)), Err(trouble), "{fault:?}");
    }
    let terms = Terms {
        fault: Some(NfcFault::NoMdocApplication),
        ..terms()
    };
    let mut card = Card::new(phone().engagement(), &terms);
    assert_eq!(card.handle(&select_mdoc()), Reply::Answer(vec![0x6a, 0x82]));
}
