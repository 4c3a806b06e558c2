//! A phone that answers anything to a message: a message comes back, or an error. The input is two bytes of limits and a
//! row of answers, each behind its length.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mdoc::engagement::NfcOptions;
use mdoc::nfc::{Exchange, Progress, TransferLimits};

const BOUND: usize = 4096;

fuzz_target!(|bytes: &[u8]| {
    let Some((limits, mut rest)) = bytes.split_at_checked(2) else {
        return;
    };
    let phone = NfcOptions {
        max_command_data: 255 + u32::from(limits[0]),
        max_response_data: 256 + u32::from(limits[1]),
    };
    let limits = TransferLimits::new(&phone, limits[0] == 0, BOUND);
    let (mut exchange, _) = Exchange::start(&[1; 400], limits);
    while let Some((length, behind)) = rest.split_first() {
        let (answer, behind) = behind.split_at(behind.len().min((*length).into()));
        match exchange.handle_answer(answer) {
            Ok(Progress::Continue(on, command)) => {
                assert!(command.len() >= 5);
                exchange = on;
            }
            Ok(Progress::Message(message)) => {
                assert!(message.len() <= BOUND);
                return;
            }
            Err(_) => return,
        }
        rest = behind;
    }
});
