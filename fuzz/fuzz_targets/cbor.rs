//! Whatever is accepted can be walked through to its last item, and is refused when a byte follows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mdoc::cbor::{Item, Kind, Rules};

fn walk(item: Item<'_>) -> usize {
    let children = match item.kind() {
        Kind::Array => item.as_array().expect("an array").iter().map(walk).sum(),
        Kind::Map => item
            .as_map()
            .expect("a map")
            .iter()
            .map(|(key, value)| walk(key) + walk(value))
            .sum(),
        Kind::Tag => walk(item.as_tag().expect("a tag").1),
        _ => 0,
    };
    assert!(!item.encoded().is_empty());
    children + 1
}

fuzz_target!(|bytes: &[u8]| {
    for indefinite in [false, true] {
        let rules = Rules {
            indefinite,
            ..Rules::default()
        };
        if let Ok(item) = Item::decode(bytes, &rules) {
            assert!(walk(item) <= bytes.len());
            assert!(Item::decode(&[bytes, &[0]].concat(), &rules).is_err());
            let _ = item.embedded(&rules);
        }
    }
});
