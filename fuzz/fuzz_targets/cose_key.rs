//! A key that is read is written back to one that reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mdoc::cbor::{Item, Rules};
use mdoc::cose::{decode_key, encode_key};

fuzz_target!(|bytes: &[u8]| {
    let Ok(item) = Item::decode(bytes, &Rules::default()) else {
        return;
    };
    if let Ok(key) = decode_key(item) {
        let encoded = encode_key(&key);
        let again = Item::decode(&encoded, &Rules::default()).expect("what we write is strict");
        assert_eq!(decode_key(again).as_ref(), Ok(&key));
    }
});
