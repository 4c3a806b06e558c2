//! The NDEF messages of a phone.

use mdoc::nfc::carrier::{BleCarrier, LeRole};
use mdoc::nfc::ndef::{self, Record, TypeNameFormat};

use super::{BleTerms, NfcTerms, Selected, Terms};

const SERVICE: &[u8] = b"urn:nfc:sn:handover";

fn well_known<'a>(record_type: &'a [u8], payload: &'a [u8]) -> Record<'a> {
    Record {
        format: TypeNameFormat::WellKnown,
        record_type,
        id: b"",
        payload,
    }
}

/// A link to a site, as tags in shops have it.
pub(super) fn web_link() -> Vec<u8> {
    ndef::encode(&[well_known(b"U", b"\x04example.com")])
}

/// The message of a phone that negotiates.
pub(super) fn service_parameter(waiting_time: u8, retries: u8) -> Vec<u8> {
    let payload = [&[0x10, 19][..], SERVICE, &[0, waiting_time, retries, 0xff, 0xff]].concat();
    ndef::encode(&[well_known(b"Tp", &payload)])
}

/// Whether this message selects the handover service.
pub(super) fn is_service_select(message: &[u8]) -> bool {
    let expected = [&[19][..], SERVICE].concat();
    matches!(ndef::decode(message).as_deref(), Ok([record]) if record.is_well_known(b"Ts") && record.payload == expected)
}

/// The status after the selection of a service.
pub(super) fn service_status(status: u8) -> Vec<u8> {
    ndef::encode(&[well_known(b"Te", &[status])])
}

/// What a reader offers in its Handover Request: Bluetooth, and whether NFC data transfer.
pub(super) fn offered(request: &[u8]) -> Option<(Option<BleCarrier>, bool)> {
    let records = ndef::decode(request).ok()?;
    if !records.first()?.is_well_known(b"Hr") {
        return None;
    }
    let ble = records
        .iter()
        .find(|record| record.is_media(b"application/vnd.bluetooth.le.oob"));
    let ble = match ble {
        Some(record) => Some(BleCarrier::decode(record.payload).ok()?),
        None => None,
    };
    let nfc = records
        .iter()
        .any(|record| record.is_external(b"iso.org:18013:nfc"));
    Some((ble, nfc))
}

/// Everything that the phone has, under its own UUID: a static handover.
pub(super) fn all(terms: &Terms) -> (Option<BleCarrier>, Option<NfcTerms>, Selected) {
    let carrier = terms.ble.map(|ble| BleCarrier {
        role: match (ble.peripheral, ble.central) {
            (true, true) => LeRole::CentralPreferred,
            (true, false) => LeRole::Peripheral,
            _ => LeRole::Central,
        },
        uuid: Some(ble.uuid),
        address: None,
        psm: None,
    });
    let uuid = |is: fn(&BleTerms) -> bool| terms.ble.filter(is).map(|ble| ble.uuid);
    let selected = Selected {
        peripheral: uuid(|ble| ble.peripheral),
        central: uuid(|ble| ble.central),
        nfc: terms.nfc.is_some(),
    };
    (carrier, terms.nfc, selected)
}

/// One way of those that the reader offers: Bluetooth as the client before Bluetooth as the server before NFC.
pub(super) fn choose(
    terms: &Terms,
    reader: Option<BleCarrier>,
    reader_has_nfc: bool,
) -> (Option<BleCarrier>, Option<NfcTerms>, Selected) {
    let carrier = |role, uuid| {
        Some(BleCarrier {
            role,
            uuid,
            address: None,
            psm: None,
        })
    };
    if let (Some(own), Some(reader)) = (terms.ble, reader) {
        let is_server = reader.uuid.filter(|_| reader.role.is_peripheral());
        if let Some(uuid) = is_server.filter(|_| own.central) {
            let selected = Selected {
                central: Some(uuid),
                ..Selected::default()
            };
            // The reader's UUID is the one, so that none is said.
            return (carrier(LeRole::Central, None), None, selected);
        }
        if own.peripheral && reader.role.is_central() {
            let selected = Selected {
                peripheral: Some(own.uuid),
                ..Selected::default()
            };
            return (carrier(LeRole::Peripheral, Some(own.uuid)), None, selected);
        }
    }
    let nfc = terms.nfc.filter(|_| reader_has_nfc);
    let selected = Selected {
        nfc: nfc.is_some(),
        ..Selected::default()
    };
    (None, nfc, selected)
}

/// A Handover Select message. `unknown` takes the place of all known carriers.
pub(super) fn select(
    engagement: &[u8],
    ble: Option<BleCarrier>,
    nfc: Option<NfcTerms>,
    unknown: bool,
) -> Vec<u8> {
    let ble = ble.map(|ble| ble.encode());
    let nfc = nfc.map(nfc_payload);
    let external = |record_type, id, payload| Record {
        format: TypeNameFormat::External,
        record_type,
        id,
        payload,
    };
    let mut carriers = Vec::new();
    if unknown {
        carriers.push(external(b"example.com:carrier", b"x", b"whatever"));
    } else {
        carriers.extend(ble.as_deref().map(|payload| Record {
            format: TypeNameFormat::Media,
            record_type: b"application/vnd.bluetooth.le.oob",
            id: b"0",
            payload,
        }));
        carriers.extend(
            nfc.as_deref()
                .map(|payload| external(b"iso.org:18013:nfc", b"nfc", payload)),
        );
    }
    let references: Vec<Vec<u8>> = carriers
        .iter()
        .map(|carrier| {
            let length = u8::try_from(carrier.id.len()).unwrap_or_default();
            [&[1, length][..], carrier.id, b"\x01\x04mdoc"].concat()
        })
        .collect();
    let references: Vec<Record<'_>> = references
        .iter()
        .map(|payload| well_known(b"ac", payload))
        .collect();
    let head = [&[0x15][..], &ndef::encode(&references)].concat();
    let mut records = vec![
        well_known(b"Hs", &head),
        external(b"iso.org:18013:deviceengagement", b"mdoc", engagement),
    ];
    records.extend(carriers);
    ndef::encode(&records)
}

/// The version, and both lengths in as many bytes as they need.
fn nfc_payload(nfc: NfcTerms) -> Vec<u8> {
    let mut payload = vec![1];
    for (tag, length) in [(1, nfc.max_command), (2, nfc.max_response)] {
        let bytes: Vec<u8> = length
            .to_be_bytes()
            .into_iter()
            .skip_while(|byte| *byte == 0)
            .collect();
        payload.push(u8::try_from(1 + bytes.len()).unwrap_or_default());
        payload.push(tag);
        payload.extend(bytes);
    }
    payload
}
