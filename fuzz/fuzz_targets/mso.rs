//! An MSO is decoded or refused, under every tolerance.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mdoc::cbor::Rules;
use mdoc::response::{MobileSecurityObject, MsoTolerances};

fuzz_target!(|bytes: &[u8]| {
    let lenient = MsoTolerances {
        untagged_payload: true,
        fractional_seconds: true,
        null_status: true,
    };
    let strict = MobileSecurityObject::decode(bytes, &Rules::default(), MsoTolerances::default());
    let lenient = MobileSecurityObject::decode(bytes, &Rules::default(), lenient);
    if let Ok(mso) = &strict {
        assert!(mso.validity_info.signed <= mso.validity_info.valid_from);
        assert!(lenient.is_ok(), "what is accepted strictly is accepted leniently");
    }
});
