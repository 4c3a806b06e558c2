//! Any body of a request to the service is answered: with a verdict, or with what the caller got wrong.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mdoc::time::UnixTime;
use verifier_api::serve::answer_body;

fuzz_target!(|bytes: &[u8]| {
    let now = UnixTime::from_seconds(1_795_413_600).expect("a year of four digits");
    for cbor in [false, true] {
        match answer_body(bytes, cbor, now) {
            // Nobody is trusted.
            Ok(verdict) => assert_ne!(verdict["verdict"], "accepted"),
            Err(status) => assert!((400..500).contains(&status), "status {status}"),
        }
    }
});
