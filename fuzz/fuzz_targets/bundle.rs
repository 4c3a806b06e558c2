//! A bundle is decoded or refused; what is no bundle of the pinned key never verifies; and content that is accepted
//! can be signed again to the same content.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mdoc::cbor::write;
use mdoc::crypto::{Curve, Signer as _, SigningKey};
use relying_party::bundle::{CONTENT_TYPE, SignedBundle, build, expiry_of};

static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::from_bytes(Curve::P256, &[7; 32]).expect("a key"));

/// The bytes as the content of an envelope that nobody signed.
fn enveloped(payload: &[u8]) -> Vec<u8> {
    let mut protected = Vec::new();
    write::map(&mut protected, 2);
    write::integer(&mut protected, 1);
    write::integer(&mut protected, -7);
    write::integer(&mut protected, 3);
    write::text(&mut protected, CONTENT_TYPE);
    let mut message = Vec::new();
    write::tag(&mut message, 18);
    write::array(&mut message, 4);
    write::bytes(&mut message, &protected);
    write::map(&mut message, 0);
    write::bytes(&mut message, payload);
    write::bytes(&mut message, &[1; 64]);
    message
}

fn check(bytes: &[u8]) {
    let Ok(signed) = SignedBundle::decode(bytes) else {
        return;
    };
    // No input can be signed by this key, which nothing else uses.
    assert!(signed.verify(KEY.public_key()).is_err());
    let Ok((facts, entries)) = signed.unverified() else {
        return;
    };
    assert!(entries.windows(2).all(|pair| pair[0].name < pair[1].name));
    for entry in &entries {
        assert!(entry.fetched <= facts.created);
        let _ = expiry_of(&entry.name, &entry.content);
    }
    if let Ok((again, loaded)) = build(&facts, entries.clone(), &*KEY) {
        assert_eq!(*loaded.facts(), facts);
        let bundle = SignedBundle::decode(&again).and_then(|signed| signed.verify(KEY.public_key()));
        assert_eq!(bundle.expect("what was built").entries(), entries);
    }
}

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    check(&enveloped(bytes));
});
