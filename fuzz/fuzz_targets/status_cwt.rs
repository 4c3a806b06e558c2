//! A status list or identifier list in a CWT is read or refused, as received and around fuzzed claims.
#![no_main]

use holder::encode;
use libfuzzer_sys::fuzz_target;
use mdoc::status::{ListContent, StatusToken};

fn read(bytes: &[u8]) {
    let Ok(token) = StatusToken::decode(bytes) else {
        return;
    };
    assert!(!token.subject().is_empty());
    match token.content() {
        ListContent::Statuses(list) => {
            assert_eq!(list.get(list.len()), None);
            if let Some(last) = list.len().checked_sub(1) {
                let value = list.get(last).expect("within the list");
                assert!(u16::from(value) < 1 << list.bits());
            }
        }
        ListContent::Identifiers(list) => assert_eq!(list.is_empty(), list.len() == 0),
    }
}

fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    for name in ["statuslist+cwt", "identifierlist+cwt"] {
        let protected = ciborium_map(&[(1, (-7).into()), (16, name.into())]);
        let message = holder::Value::Array(vec![
            holder::Value::Bytes(protected),
            holder::Value::Map(Vec::new()),
            holder::Value::Bytes(bytes.to_vec()),
            holder::Value::Bytes(vec![7; 64]),
        ]);
        read(&encode(&holder::Value::Tag(18, Box::new(message))));
    }
});

fn ciborium_map(entries: &[(i64, holder::Value)]) -> Vec<u8> {
    let entries = entries.iter().map(|(key, value)| ((*key).into(), value.clone()));
    encode(&holder::Value::Map(entries.collect()))
}
