//! The folder of a counter's bundles, when several counters share it: none removes what another goes by.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::{self, File};
use std::path::Path;

use holder::Scenario;
use holder::scenario::NOW;
use mdoc::crypto::{Curve, Signer as _, SigningKey};
use mdoc::time::UnixTime;
use operator::{BundleStore, OperatorError};
use relying_party::bundle::{BundleFacts, Entry, build};

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds).unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(Curve::P256, &[seed; 32]).unwrap()
}

fn bundle(number: u64, key: &SigningKey) -> Vec<u8> {
    let anchor = Entry {
        name: "anchors/test.der".to_owned(),
        fetched: at(NOW - 60),
        expires: None,
        content: Scenario::my_number().build().root,
    };
    let facts = BundleFacts {
        number,
        created: at(NOW),
        expires: at(NOW + 86_400),
    };
    build(&facts, vec![anchor], key).unwrap().0
}

/// Keeps a bundle of this number and key.
fn keep(folder: &Path, number: u64, key: &SigningKey, held: Option<u64>) -> Result<(), OperatorError> {
    let store = BundleStore::open(folder).unwrap();
    store.keep(key.public_key(), (number, &bundle(number, key)), held)
}

/// The numbers that are there.
fn numbers(folder: &Path) -> Vec<u64> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut numbers: Vec<u64> = names
        .filter_map(|name| name.strip_suffix(".bundle")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers
}

/// The number that a counter with this key would judge by.
fn loaded(folder: &Path, key: &SigningKey) -> Option<u64> {
    let store = BundleStore::open(folder).unwrap();
    let stored = store.load(key.public_key(), at(NOW)).unwrap();
    stored.bundle.map(|bundle| bundle.facts().number)
}

#[test]
fn the_last_two_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut held = None;
    for number in [5, 6, 9] {
        keep(folder.path(), number, &key(1), held).unwrap();
        held = Some(number);
    }
    assert_eq!(
        (numbers(folder.path()), loaded(folder.path(), &key(1))),
        (vec![6, 9], Some(9))
    );
    // Damaged so that it is no bundle at all, a file gives way, whatever its number.
    let damaged = folder.path().join(format!("{:020}.bundle", 70));
    fs::write(&damaged, b"none").unwrap();
    keep(folder.path(), 10, &key(1), Some(9)).unwrap();
    assert_eq!(numbers(folder.path()), [9, 10]);
}

#[test]
fn a_newer_bundle_of_another_counter_stays() {
    let folder = tempfile::tempdir().unwrap();
    keep(folder.path(), 4, &key(1), None).unwrap();
    keep(folder.path(), 5, &key(1), Some(4)).unwrap();
    // Both go by 5; one takes 7, and the other, whose network is slower, 6.
    keep(folder.path(), 7, &key(1), Some(5)).unwrap();
    keep(folder.path(), 6, &key(1), Some(5)).unwrap();
    assert_eq!(
        (numbers(folder.path()), loaded(folder.path(), &key(1))),
        (vec![6, 7], Some(7))
    );
}

#[test]
fn bundles_of_another_key_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut held = None;
    for number in [5, 7, 9] {
        keep(folder.path(), number, &key(1), held).unwrap();
        keep(folder.path(), number + 1, &key(2), held.map(|held| held + 1)).unwrap();
        held = Some(number);
    }
    assert_eq!(numbers(folder.path()), [7, 8, 9, 10]);
    assert_eq!(loaded(folder.path(), &key(1)), Some(9));
    assert_eq!(loaded(folder.path(), &key(2)), Some(10));
    assert_eq!(loaded(folder.path(), &key(3)), None);
}

#[test]
fn of_many_who_keep_at_once_the_newest_is_there_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::thread::scope(|scope| {
        for place in 0..4_u64 {
            scope.spawn(move || {
                let mut held = None;
                for round in 0..8 {
                    let number = 100 + 4 * round + place;
                    keep(path, number, &key(1), held).unwrap();
                    held = Some(number);
                    // At no moment is there none.
                    assert!(loaded(path, &key(1)) >= held);
                }
            });
        }
    });
    assert_eq!((loaded(path, &key(1)), numbers(path).len()), (Some(131), 2));
}

#[test]
fn who_does_not_let_the_folder_go_is_named_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    keep(folder.path(), 5, &key(1), None).unwrap();
    let held = File::open(folder.path().join("lock")).unwrap();
    held.lock().unwrap();
    let path = folder.path();
    let (kept, read) = std::thread::scope(|scope| {
        let kept = scope.spawn(|| keep(path, 6, &key(1), Some(5)));
        let store = BundleStore::open(path).unwrap();
        let read = store.load(key(1).public_key(), at(NOW));
        (kept.join().unwrap(), read)
    });
    for error in [kept.unwrap_err(), read.unwrap_err()] {
        assert!(
            matches!(&error, OperatorError::Busy(busy) if busy == path),
            "{error}"
        );
        let words = error.to_string();
        assert!(
            words.ends_with("is locked by another process that does not let it go"),
            "{words}"
        );
    }
    assert_eq!(numbers(path), [5]);
    drop(held);
    assert_eq!(loaded(path, &key(1)), Some(5));
    keep(path, 6, &key(1), Some(5)).unwrap();
    assert_eq!(numbers(path), [5, 6], "the untouched twin");
}

#[test]
fn reading_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join(format!("{:020}.bundle", 5)),
        bundle(5, &key(1)),
    )
    .unwrap();
    assert_eq!(loaded(folder.path(), &key(1)), Some(5));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
