//! A phone that answers anything: the engagement comes to an end. The input is a row of answers, each behind its length.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mdoc::nfc::handover::{BleOffer, HandoverRequest, Offer};
use mdoc::nfc::{Engaging, Step};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

fuzz_target!(|bytes: &[u8]| {
    let offer = Offer {
        ble: Some(BleOffer {
            central: true,
            peripheral: Some([7; 16]),
        }),
        nfc: true,
    };
    let request = HandoverRequest::new(offer, &mut ChaCha20Rng::from_seed([0; 32]));
    let (mut engaging, mut next) = Engaging::start(request);
    let mut rest = bytes;
    while let Some((length, behind)) = rest.split_first() {
        let (answer, behind) = behind.split_at(behind.len().min((*length).into()));
        assert!(!next.command.is_empty() && next.command.len() <= 4 + 1 + 255 + 1);
        match engaging.handle_answer(answer) {
            Ok(Step::Continue(on, then)) => (engaging, next) = (on, then),
            Ok(Step::Done(_)) | Err(_) => return,
        }
        rest = behind;
    }
});
