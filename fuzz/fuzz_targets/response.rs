//! A response is decoded or refused, and keeps what is signed as received.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mdoc::limits::Limits;
use mdoc::response::DeviceResponse;

fuzz_target!(|bytes: &[u8]| {
    for indefinite in [false, true] {
        if let Ok(response) = DeviceResponse::decode(bytes, &Limits::default(), indefinite) {
            for document in &response.documents {
                for item in &document.issuer_signed.items {
                    assert!(
                        bytes
                            .windows(item.encoded.len())
                            .any(|window| window == item.encoded)
                    );
                }
            }
        }
    }
});
