use super::*;

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds).unwrap()
}

fn record(identity: u8) -> Record {
    Record {
        identity: [identity; 32],
        until: at(100),
    }
}

fn store(capacity: usize) -> MemoryStore {
    MemoryStore::new(NonZeroUsize::new(capacity).unwrap())
}

fn tag(identity: u8) -> SeenTag {
    SeenKeys::new(&[1; 32]).tag("p", &record(identity))
}

#[test]
fn a_tag_depends_on_key_purpose_and_record_and_on_nothing_else() {
    let keys = SeenKeys::new(&[1; 32]);
    let one = keys.tag("p", &record(1));
    let later = Record {
        until: at(999),
        ..record(1)
    };
    assert_eq!(one, SeenKeys::new(&[1; 32]).tag("p", &later));
    for other in [
        keys.tag("p", &record(2)),
        keys.tag("q", &record(1)),
        keys.tag("", &record(1)),
        SeenKeys::new(&[2; 32]).tag("p", &record(1)),
    ] {
        assert_ne!(one, other);
        assert_ne!(one.as_bytes(), other.as_bytes());
    }
    assert_eq!(one.key_id(), keys.id());
    assert_ne!(one.as_bytes(), &[1; 32], "the identity does not leave");
}

#[test]
fn the_tag_is_the_keyed_hash_of_another_implementation() {
    // Python: hmac.new(bytes([1]*32), domain + b"p\0" + bytes([1]*32), "sha256").
    assert_eq!(
        hex::encode(tag(1).as_bytes()),
        "7a7a6b68a8a227655a83866cfcbac593b0620985bcd8de9d196e3f34befc81f8"
    );
    assert_eq!(hex::encode(tag(1).key_id()), "7a3ed9cb0e28afea");
}

#[test]
fn tags_of_two_keys_share_nothing() {
    let mut keys = SeenKeys::new(&[1; 32]);
    let tags = |keys: &SeenKeys| (0..50).map(|n| keys.tag("p", &record(n))).collect::<Vec<_>>();
    let (old_id, old) = (keys.id(), tags(&keys));
    keys.rotate(&[2; 32]);
    let new = tags(&keys);
    assert_ne!(old_id, keys.id());
    let mut kept = store(1000);
    for tag in &old {
        assert!(!kept.record(*tag, at(100), at(0)));
    }
    for tag in &new {
        assert!(!kept.contains(tag, at(0)));
        assert!(old.iter().all(|old| old.as_bytes() != tag.as_bytes()));
        assert!(old.iter().all(|old| old.key_id() != tag.key_id()));
    }
    keys.rotate(&[1; 32]);
    assert_eq!(tags(&keys), old, "the untouched twin");
}

#[test]
fn debug_texts_tell_neither_key_nor_record() {
    let text = format!("{:?} {:?} {:?}", SeenKeys::new(&[7; 32]), tag(1), record(9));
    assert!(text.contains("SeenTag") && text.contains("Record"), "{text}");
    for secret in [
        "7, 7, 7",
        "9, 9, 9",
        &format!("{:?}", &tag(1).as_bytes()[..4])[1..10],
    ] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[test]
fn a_tag_is_kept_to_its_last_second_and_not_longer() {
    let mut store = store(10);
    assert!(store.is_empty());
    assert!(!store.contains(&tag(1), at(0)));
    assert!(!store.record(tag(1), at(100), at(0)), "the first time");
    assert!(store.record(tag(1), at(100), at(0)), "the second");
    assert!(store.contains(&tag(1), at(100)));
    assert!(!store.contains(&tag(1), at(101)));
    assert!(!store.contains(&tag(2), at(0)));
    store.forget_expired(at(100));
    assert_eq!(store.len(), 1);
    store.forget_expired(at(101));
    assert_eq!(store.len(), 0);
    assert!(
        !store.record(tag(1), at(100), at(101)),
        "what is over is not kept"
    );
    assert!(store.is_empty());
    // Recording another clears what is over.
    store.record(tag(1), at(10), at(0));
    store.record(tag(2), at(20), at(11));
    assert_eq!(store.len(), 1);
}

#[test]
fn a_full_store_forgets_what_would_go_first() {
    let mut store = store(3);
    for (identity, until) in [(1, 50), (2, 10), (3, 30)] {
        assert!(!store.record(tag(identity), at(until), at(0)));
    }
    assert!(store.record(tag(2), at(10), at(0)), "a known one takes no place");
    assert_eq!(store.len(), 3);
    assert!(
        !store.record(tag(4), at(5), at(0)),
        "the new one is kept, however short"
    );
    let known = [1, 2, 3, 4].map(|identity| store.contains(&tag(identity), at(0)));
    assert_eq!(known, [true, false, true, true]);
    for identity in 5..=60 {
        store.record(tag(identity), at(60), at(0));
        assert_eq!((store.len(), store.order.len()), (3, 3));
    }
}
