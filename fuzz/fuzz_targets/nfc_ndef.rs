//! An NDEF message is read and written again to the same records; a handover keeps its bytes for the transcript.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mdoc::nfc::carrier::BleCarrier;
use mdoc::nfc::handover::HandoverSelect;
use mdoc::nfc::{ndef, tnep};
use mdoc::session::Handover;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(records) = ndef::decode(bytes) {
        let again = ndef::encode(&records);
        assert_eq!(ndef::decode(&again).as_ref(), Ok(&records));
        let _ = tnep::ServiceParameter::find(&records).map(|service| service.wait());
        let _ = tnep::status(&records);
    }
    if let Ok(engaged) = HandoverSelect::decode(bytes).and_then(HandoverSelect::into_static) {
        let Handover::NfcStatic { handover_select } = engaged.handover() else {
            panic!("a static handover");
        };
        assert_eq!(handover_select, bytes);
    }
    let _ = BleCarrier::decode(bytes);
});
