//! An engagement is read or refused, and keeps its bytes for the transcript.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mdoc::engagement::DeviceEngagement;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(engagement) = DeviceEngagement::from_bytes(bytes) {
        assert_eq!(engagement.as_bytes(), bytes);
    }
    if let Ok(text) = core::str::from_utf8(bytes) {
        let _ = DeviceEngagement::from_uri(text);
        let _ = DeviceEngagement::from_uri(&format!("mdoc:{text}"));
    }
});
