use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

use super::*;
use crate::nfc::simulated::{engagement, record, select};
use crate::test_vectors::{hex_member, json};

const PHONE: [u8; 16] = [0x11; 16];
const READER: [u8; 16] = [0x22; 16];

fn ble(role: LeRole, uuid: Option<[u8; 16]>) -> Vec<u8> {
    BleCarrier {
        role,
        uuid,
        address: None,
        psm: None,
    }
    .encode()
}

fn ble_record(payload: &[u8]) -> Record<'_> {
    record(TypeNameFormat::Media, BLE_TYPE, b"0", payload)
}

const NFC: Record<'static> = Record {
    format: TypeNameFormat::External,
    record_type: b"iso.org:18013:nfc",
    id: b"nfc",
    payload: &[1, 3, 1, 0xff, 0xff, 4, 2, 1, 0, 0],
};

fn selected(carriers: &[Record<'_>]) -> HandoverSelect {
    HandoverSelect::decode(&select(carriers, &engagement())).unwrap()
}

fn request(ble: Option<BleOffer>, nfc: bool) -> HandoverRequest {
    HandoverRequest::new(Offer { ble, nfc }, &mut ChaCha20Rng::from_seed([1; 32]))
}

/// Server and client UUIDs of Bluetooth, and whether NFC is there.
fn ways(engaged: &NfcEngagement) -> (Option<[u8; 16]>, Option<[u8; 16]>, bool) {
    let mut ways = (None, None, false);
    for method in engaged.engagement().retrieval_methods() {
        match method {
            RetrievalMethod::Ble(ble) => {
                ways.0 = ble.peripheral_server.map(|server| server.uuid);
                ways.1 = ble.central_client.map(|client| client.uuid);
            }
            RetrievalMethod::Nfc(_) => ways.2 = true,
            RetrievalMethod::WifiAware(_) => panic!("nobody offers that"),
        }
    }
    ways
}

/// The messages of Annex D, cut out of its transcript.
fn annex_d() -> Option<(Vec<u8>, Vec<u8>)> {
    let vectors = json("annex-d/iso18013-5-annex-d.json")?;
    let transcript = hex_member(&vectors, "session_transcript_bytes");
    let begins = |start: &[u8]| {
        let mut windows = transcript.windows(start.len());
        windows.position(|window| window == start).unwrap()
    };
    let select = begins(&[0x91, 0x02, 0x0f, 0x48, 0x73]);
    let request = begins(&[0x91, 0x02, 0x25, 0x48, 0x72]);
    Some((
        transcript[select..select + 195].to_vec(),
        transcript[request..request + 205].to_vec(),
    ))
}

#[test]
fn the_select_message_of_annex_d() {
    let Some((select, _)) = annex_d() else {
        return;
    };
    let decoded = HandoverSelect::decode(&select).unwrap();
    let Some(Carrier::Ble(carrier)) = decoded.carriers().first() else {
        panic!("{decoded:?}");
    };
    assert_eq!(decoded.carriers().len(), 1);
    assert_eq!(
        (carrier.role, carrier.uuid, carrier.psm),
        (LeRole::Central, None, None)
    );
    assert_eq!(carrier.address, Some([0x28, 0x28, 0x37, 0x8b, 0x12, 0x28]));
    let offered = BleOffer {
        central: true,
        peripheral: Some(READER),
    };
    let request = request(Some(offered), true);
    let sent = request.as_bytes().to_vec();
    let engaged = decoded.into_negotiated(request).unwrap();
    assert_eq!(ways(&engaged), (None, Some(READER), false));
    let Handover::NfcNegotiated {
        handover_select,
        handover_request,
    } = engaged.handover()
    else {
        panic!("{engaged:?}");
    };
    assert_eq!((handover_select, handover_request), (&select[..], &sent[..]));
    // Every record is written again as it stands there.
    assert_eq!(ndef::encode(&ndef::decode(&select).unwrap()), select);
    // Without negotiation its carrier lacks the UUID.
    assert_eq!(
        HandoverSelect::decode(&select).unwrap().into_static(),
        Err(HandoverError::UuidMissing)
    );
}

#[test]
fn the_request_message_of_annex_d() {
    let Some((_, message)) = annex_d() else {
        return;
    };
    let records = ndef::decode(&message).unwrap();
    let [request, ble, nfc, wifi] = records.as_slice() else {
        panic!("{records:?}");
    };
    assert!(request.is_well_known(b"Hr") && wifi.is_media(b"application/vnd.wfa.nan"));
    // Our own records are those of the example, byte for byte.
    let carrier = BleCarrier {
        role: LeRole::PeripheralPreferred,
        uuid: Some([
            0x3a, 0x82, 0xd4, 0x55, 0xd5, 0xfc, 0x4d, 0xb3, 0xbe, 0xa0, 0x6f, 0xd2, 0xf6, 0xff, 0x32, 0xc8,
        ]),
        address: Some([0x28, 0xbf, 0x80, 0x80, 0x07, 0x28]),
        psm: None,
    };
    assert_eq!(BleCarrier::decode(ble.payload), Ok(carrier));
    assert_eq!(*ble, ble_record(&carrier.encode()));
    assert_eq!(*nfc, NFC_REQUEST);
    assert_eq!(encode_request([1, 2], &[*ble, *nfc, *wifi]), message);
}

#[test]
fn a_request_offers_what_the_reader_has() {
    let both = BleOffer {
        central: true,
        peripheral: Some(READER),
    };
    for (offer, role, uuid) in [
        (both, LeRole::PeripheralPreferred, Some(READER)),
        (
            BleOffer {
                central: false,
                ..both
            },
            LeRole::Peripheral,
            Some(READER),
        ),
        (
            BleOffer {
                peripheral: None,
                ..both
            },
            LeRole::Central,
            None,
        ),
    ] {
        let request = request(Some(offer), true);
        let records = ndef::decode(request.as_bytes()).unwrap();
        let [_, ble, nfc] = records.as_slice() else {
            panic!("{records:?}");
        };
        let carrier = BleCarrier::decode(ble.payload).unwrap();
        assert_eq!((carrier.role, carrier.uuid), (role, uuid));
        assert_eq!(*nfc, NFC_REQUEST);
    }
    let nothing = BleOffer {
        central: false,
        peripheral: None,
    };
    assert_eq!(request(Some(nothing), false), {
        let mut other = request(None, false);
        other.offer.ble = Some(nothing);
        other
    });
    assert_eq!(ndef::decode(request(None, true).as_bytes()).unwrap().len(), 2);
}

#[test]
fn a_static_handover_has_one_uuid_for_whichever_role() {
    for (role, expected) in [
        (LeRole::Peripheral, (Some(PHONE), None, false)),
        (LeRole::Central, (None, Some(PHONE), false)),
        (LeRole::PeripheralPreferred, (Some(PHONE), Some(PHONE), false)),
        (LeRole::CentralPreferred, (Some(PHONE), Some(PHONE), false)),
    ] {
        let payload = ble(role, Some(PHONE));
        let engaged = selected(&[ble_record(&payload)]).into_static().unwrap();
        assert_eq!(ways(&engaged), expected);
        assert!(!engaged.is_negotiated());
        let payload = ble(role, None);
        let engaged = selected(&[ble_record(&payload)]).into_static();
        assert_eq!(engaged, Err(HandoverError::UuidMissing));
    }
}

#[test]
fn a_negotiated_handover_keeps_to_the_uuid_rule() {
    let both = BleOffer {
        central: true,
        peripheral: Some(READER),
    };
    let only_central = BleOffer {
        peripheral: None,
        ..both
    };
    let only_peripheral = BleOffer {
        central: false,
        ..both
    };
    let not_offered = Err(HandoverError::NotOffered);
    for (offer, role, uuid, expected) in [
        // The phone looks for the reader's UUID, whatever it brings itself.
        (both, LeRole::Central, None, Ok((None, Some(READER), false))),
        (
            both,
            LeRole::Central,
            Some(PHONE),
            Ok((None, Some(READER), false)),
        ),
        (
            both,
            LeRole::Central,
            Some(READER),
            Ok((None, Some(READER), false)),
        ),
        // The phone as the peripheral brings its own.
        (
            both,
            LeRole::Peripheral,
            Some(PHONE),
            Ok((Some(PHONE), None, false)),
        ),
        (both, LeRole::Peripheral, None, Err(HandoverError::UuidMissing)),
        // Where it leaves the choice, what can be had is had.
        (
            both,
            LeRole::CentralPreferred,
            Some(PHONE),
            Ok((Some(PHONE), Some(READER), false)),
        ),
        (
            both,
            LeRole::PeripheralPreferred,
            None,
            Ok((None, Some(READER), false)),
        ),
        (
            only_central,
            LeRole::Peripheral,
            Some(PHONE),
            Ok((Some(PHONE), None, false)),
        ),
        (
            only_central,
            LeRole::CentralPreferred,
            Some(PHONE),
            Ok((Some(PHONE), None, false)),
        ),
        (
            only_peripheral,
            LeRole::Central,
            None,
            Ok((None, Some(READER), false)),
        ),
        (only_central, LeRole::Central, Some(PHONE), not_offered),
        (only_peripheral, LeRole::Peripheral, Some(PHONE), not_offered),
    ] {
        let payload = ble(role, uuid);
        let engaged = selected(&[ble_record(&payload)]).into_negotiated(request(Some(offer), true));
        assert_eq!(
            engaged.as_ref().map(ways).map_err(|error| *error),
            expected,
            "{role:?}"
        );
    }
    let payload = ble(LeRole::Central, None);
    let not_offered = Err(HandoverError::NotOffered);
    assert_eq!(
        selected(&[ble_record(&payload)]).into_negotiated(request(None, true)),
        not_offered
    );
    assert_eq!(
        selected(&[NFC]).into_negotiated(request(Some(both), false)),
        not_offered
    );
    let engaged = selected(&[NFC])
        .into_negotiated(request(Some(both), true))
        .unwrap();
    assert_eq!(ways(&engaged), (None, None, true));
}

#[test]
fn unknown_and_inactive_carriers_are_passed_over() {
    let unknown = record(
        TypeNameFormat::Media,
        b"application/vnd.wfa.nan",
        b"W",
        &[1, 2, 3],
    );
    let engaged = selected(&[unknown]).into_static().unwrap();
    assert_eq!(ways(&engaged), (None, None, false));
    let payload = ble(LeRole::Central, Some(PHONE));
    let engaged = selected(&[unknown, NFC, ble_record(&payload)])
        .into_static()
        .unwrap();
    assert_eq!(ways(&engaged), (None, Some(PHONE), true));
    // Modes in two records come together.
    let other = ble(LeRole::Peripheral, Some(READER));
    let second = Record {
        id: b"1",
        ..ble_record(&other)
    };
    let engaged = selected(&[ble_record(&payload), second]).into_static().unwrap();
    assert_eq!(ways(&engaged), (Some(READER), Some(PHONE), false));
    // The power state stands in the first byte of the alternative carrier.
    let mut message = select(&[NFC], &engagement());
    let state = message
        .windows(4)
        .position(|window| window == [1, 3, b'n', b'f'])
        .unwrap();
    message[state] = 0;
    assert_eq!(HandoverSelect::decode(&message).unwrap().carriers(), []);
}

/// A select message of these alternatives, whatever they are.
fn with_alternatives(alternatives: &[u8], others: &[Record<'_>]) -> Result<HandoverSelect, HandoverError> {
    let payload = [&[VERSION][..], alternatives].concat();
    let engagement = engagement();
    let mut records = vec![
        record(TypeNameFormat::WellKnown, b"Hs", b"", &payload),
        record(TypeNameFormat::External, ENGAGEMENT_TYPE, b"mdoc", &engagement),
    ];
    records.extend_from_slice(others);
    HandoverSelect::decode(&ndef::encode(&records))
}

#[test]
fn malformed_select_messages() {
    let ac = |payload: &[u8]| ndef::encode(&[record(TypeNameFormat::WellKnown, b"ac", b"", payload)]);
    let sound = ac(b"\x01\x03nfc\x01\x04mdoc");
    assert!(with_alternatives(&sound, &[NFC]).is_ok());
    assert_eq!(with_alternatives(&[], &[NFC]).unwrap().carriers(), []);
    for (alternatives, others, error) in [
        (sound.clone(), &[][..], HandoverError::Reference),
        (sound.clone(), &[NFC, NFC], HandoverError::Reference),
        (ac(b"\x01\x03nfc"), &[NFC], HandoverError::AlternativeCarrier),
        (ac(b"\x01\x00\x00"), &[NFC], HandoverError::AlternativeCarrier),
        (ac(b"\x01\x09nfc\x00"), &[NFC], HandoverError::AlternativeCarrier),
        (
            ac(b"\x01\x03nfc\x02\x04mdoc"),
            &[NFC],
            HandoverError::AlternativeCarrier,
        ),
        (
            ac(b"\x01\x03nfc\x00\x00"),
            &[NFC],
            HandoverError::AlternativeCarrier,
        ),
        (ac(b""), &[NFC], HandoverError::AlternativeCarrier),
        (
            vec![0xff],
            &[NFC],
            HandoverError::Alternatives(NdefError::Chunked),
        ),
        (
            ndef::encode(&[record(TypeNameFormat::WellKnown, b"err", b"", &[1, 0])]),
            &[],
            HandoverError::Refused,
        ),
    ] {
        assert_eq!(with_alternatives(&alternatives, others), Err(error));
    }
    let many = vec![record(TypeNameFormat::WellKnown, b"ac", b"", b"\x01\x03nfc\x00"); MAX_CARRIERS + 1];
    assert_eq!(
        with_alternatives(&ndef::encode(&many), &[NFC]),
        Err(HandoverError::TooManyCarriers)
    );
    assert!(with_alternatives(&ndef::encode(&many[1..]), &[NFC]).is_ok());
    let bad = record(TypeNameFormat::External, b"iso.org:18013:nfc", b"nfc", &[2]);
    assert_eq!(
        with_alternatives(&sound, &[bad]),
        Err(HandoverError::Carrier(CarrierError::Nfc))
    );
}

#[test]
fn what_is_no_select_message_at_all() {
    let message = select(&[NFC], &engagement());
    assert!(HandoverSelect::decode(&message).is_ok());
    let mut version = message.clone();
    version[4 + usize::from(message[0] & 8 != 0)] = 0x14;
    assert_eq!(
        HandoverSelect::decode(&[]),
        Err(HandoverError::Ndef(NdefError::Empty))
    );
    let position = message.iter().position(|byte| *byte == VERSION).unwrap();
    version.copy_from_slice(&message);
    version[position] = 0x14;
    assert_eq!(HandoverSelect::decode(&version), Err(HandoverError::Version));
    let empty = ndef::encode(&[record(TypeNameFormat::WellKnown, b"Hs", b"", b"")]);
    assert_eq!(HandoverSelect::decode(&empty), Err(HandoverError::Version));
    let request = request(None, true);
    assert_eq!(
        HandoverSelect::decode(request.as_bytes()),
        Err(HandoverError::NotASelect)
    );
    let bare = ndef::encode(&[record(TypeNameFormat::WellKnown, b"Hs", b"", &[VERSION])]);
    assert_eq!(
        HandoverSelect::decode(&bare),
        Err(HandoverError::EngagementMissing)
    );
    assert_eq!(
        HandoverSelect::decode(&select(&[NFC], &[0xa0])),
        Err(HandoverError::Engagement(EngagementError::VersionMissing))
    );
    // No part of a message is one.
    for end in 0..message.len() {
        assert!(HandoverSelect::decode(&message[..end]).is_err(), "{end}");
    }
}
