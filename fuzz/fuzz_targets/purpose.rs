//! A purpose is read or refused; one that may be sent makes a request.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mdoc::version::Version;
use relying_party::purpose::Purpose;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let json = serde_json::from_str(text)
        .ok()
        .and_then(|value| Purpose::from_json(value).ok());
    for purpose in Purpose::from_toml(text).ok().into_iter().chain(json) {
        if purpose.check_request().is_ok() {
            let _ = purpose.device_request(Version::V1_0);
            let _ = purpose.device_request(Version::V1_1);
        }
    }
});
