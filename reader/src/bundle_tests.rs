use std::fs;
use std::path::Path;

use clap::Parser as _;
use mdoc::crypto::{Curve, Signer as _, SigningKey};
use mdoc::engagement::DeviceEngagement;
use mdoc::session::{Handover, MonotonicTime, SessionTranscript};
use mdoc::time::UnixTime;
use relying_party::DeviceKeys;
use relying_party::bundle::{Entry, build};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::arguments::{Arguments, Command};
use crate::counter::Counter;
use crate::failure::Failure;

const NOW: i64 = 1_800_000_000;

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds).unwrap()
}

/// A bundle that counts for a hundred seconds.
fn bundle(number: u64, created: i64, seed: u8) -> Vec<u8> {
    let key = SigningKey::from_bytes(Curve::P256, &[seed; 32]).unwrap();
    let facts = BundleFacts {
        number,
        created: at(created),
        expires: at(created + 100),
    };
    let purpose = relying_party::purpose::READY_MADE[0].1;
    let entry = Entry {
        name: "purposes/own.toml".to_owned(),
        fetched: at(created),
        expires: None,
        content: purpose.replace("\"age-20\"", "\"own\"").into_bytes(),
    };
    build(&facts, vec![entry], &key).unwrap().0
}

/// A folder with a file that is offered, the key and a store.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        let key = SigningKey::from_bytes(Curve::P256, &[1; 32]).unwrap();
        fs::write(desk.path("key"), key.public_key().to_spki_pem().unwrap()).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn offer(&self, bytes: &[u8]) {
        fs::write(self.path("offered"), bytes).unwrap();
    }

    fn start(&self, now: i64) -> Bundles {
        let flags = BundleFlags {
            bundle: Some(self.path("offered").to_str().unwrap().to_owned()),
            bundle_key: Some(self.path("key")),
            bundle_store: Some(self.path("store")),
            bundle_api_key_file: None,
            bundle_timeout: 1,
        };
        Bundles::load(&flags, Limits::default(), Clock::Fixed(at(now)))
            .unwrap()
            .unwrap()
    }

    fn stored(&self) -> Vec<String> {
        let names = fs::read_dir(self.path("store")).unwrap();
        let mut names: Vec<String> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "lock")
            .collect();
        names.sort();
        names
    }
}

fn name(number: u64) -> String {
    format!("{number:020}.bundle")
}

fn number(bundles: &Bundles) -> Option<u64> {
    bundles.bundle().map(|bundle| bundle.facts().number)
}

fn taken(bundles: &Bundles) -> Result<Option<u64>, String> {
    let taken = bundles.try_pull();
    taken
        .map(|facts| facts.map(|facts| facts.number))
        .map_err(|error| error.to_string())
}

#[track_caller]
fn assert_refused(bundles: &Bundles, expected: &BundleError) {
    match bundles.try_pull() {
        Err(TakeError::Bundle(error)) => assert_eq!(error, *expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_last_two_are_kept_and_the_newest_is_used_after_a_restart() {
    let desk = Desk::new();
    for (number, stored) in [(5, vec![5]), (6, vec![5, 6]), (9, vec![6, 9])] {
        desk.offer(&bundle(number, NOW, 1));
        let bundles = desk.start(NOW);
        assert_eq!(taken(&bundles), Ok(Some(number)));
        assert_eq!(taken(&bundles), Ok(None), "nothing new");
        assert_eq!(self::number(&bundles), Some(number));
        assert_eq!(desk.stored(), stored.into_iter().map(name).collect::<Vec<_>>());
    }
    fs::remove_file(desk.path("offered")).unwrap();
    let bundles = desk.start(NOW);
    assert_eq!(
        number(&bundles),
        Some(9),
        "nobody offers one, and it is still there"
    );
    assert!(taken(&bundles).unwrap_err().contains("cannot read"));
    assert_eq!(number(&bundles), Some(9));
}

#[test]
fn an_older_number_is_never_gone_back_to() {
    let desk = Desk::new();
    desk.offer(&bundle(7, NOW, 1));
    let bundles = desk.start(NOW);
    assert_eq!(taken(&bundles), Ok(Some(7)));
    for bundles in [&bundles, &desk.start(NOW)] {
        desk.offer(&bundle(6, NOW, 1));
        assert_refused(bundles, &BundleError::Older { held: 7, offered: 6 });
        desk.offer(&bundle(7, NOW + 1, 1));
        assert_refused(bundles, &BundleError::SameNumber(7));
        assert_eq!((number(bundles), desk.stored()), (Some(7), vec![name(7)]));
    }
    desk.offer(&bundle(8, NOW, 1));
    assert_eq!(taken(&bundles), Ok(Some(8)), "the twin");
}

#[test]
fn what_is_refused_changes_nothing() {
    let desk = Desk::new();
    desk.offer(&bundle(7, NOW, 1));
    let bundles = desk.start(NOW);
    assert_eq!(taken(&bundles), Ok(Some(7)));
    let mismatch = BundleError::Signature(mdoc::crypto::SignatureError::Mismatch);
    let (expires, now) = (at(NOW - 50), at(NOW));
    let created = at(NOW + 301);
    for (bytes, expected) in [
        (bundle(8, NOW, 2), mismatch),
        (bundle(8, NOW - 150, 1), BundleError::Expired { expires, now }),
        (bundle(8, NOW + 301, 1), BundleError::NotYet { created, now }),
    ] {
        desk.offer(&bytes);
        assert_refused(&bundles, &expected);
        assert_eq!((number(&bundles), desk.stored()), (Some(7), vec![name(7)]));
    }
    let mut cut = bundle(8, NOW, 1);
    cut.pop();
    desk.offer(&cut);
    assert!(matches!(
        bundles.try_pull(),
        Err(TakeError::Bundle(BundleError::Cbor(_)))
    ));
    desk.offer(&bundle(8, NOW, 1));
    assert_eq!(taken(&bundles), Ok(Some(8)), "the untouched twin");
}

#[test]
fn damaged_files_are_left_aside_for_the_one_before() {
    let desk = Desk::new();
    for number in [5, 6] {
        desk.offer(&bundle(number, NOW, 1));
        assert_eq!(taken(&desk.start(NOW)), Ok(Some(number)));
    }
    let newest = desk.path("store").join(name(6));
    let genuine = fs::read(&newest).unwrap();
    let other_key = bundle(6, NOW, 2);
    let other_number = bundle(4, NOW, 1);
    for damaged in [
        &genuine[..genuine.len() - 1],
        b"",
        b"\0\0\0\0",
        &other_key,
        &other_number,
    ] {
        fs::write(&newest, damaged).unwrap();
        assert_eq!(number(&desk.start(NOW)), Some(5));
    }
    // The next one takes the place of the damaged file.
    desk.offer(&bundle(7, NOW, 1));
    let bundles = desk.start(NOW);
    assert_eq!(taken(&bundles), Ok(Some(7)));
    assert_eq!(desk.stored(), [name(5), name(7)]);
    for number in [5, 7] {
        fs::write(desk.path("store").join(name(number)), b"").unwrap();
    }
    assert_eq!(
        number(&desk.start(NOW)),
        None,
        "and with both damaged there is none"
    );
    fs::write(&newest, genuine).unwrap();
    assert_eq!(number(&desk.start(NOW)), Some(6), "the untouched twin");
}

#[test]
fn other_files_in_the_store_are_passed_over_and_stay() {
    let desk = Desk::new();
    desk.offer(&bundle(5, NOW, 1));
    assert_eq!(taken(&desk.start(NOW)), Ok(Some(5)));
    let others = ["note.txt", "5.bundle", "99999999999999999999x.bundle"];
    for other in others {
        fs::write(desk.path("store").join(other), b"x").unwrap();
    }
    fs::create_dir(desk.path("store").join("folder")).unwrap();
    // No number is so large, and what lies under it is not asked for its place.
    fs::write(desk.path("store").join("99999999999999999999.bundle"), b"x").unwrap();
    desk.offer(&bundle(6, NOW, 1));
    let bundles = desk.start(NOW);
    assert_eq!(number(&bundles), Some(5));
    assert_eq!(taken(&bundles), Ok(Some(6)));
    let stored = desk.stored();
    assert!(
        others.iter().all(|other| stored.contains(&(*other).to_owned())),
        "{stored:?}"
    );
    assert!(
        !stored.contains(&"99999999999999999999.bundle".to_owned()),
        "{stored:?}"
    );
}

#[test]
fn one_that_has_expired_is_not_gone_back_behind() {
    let desk = Desk::new();
    // The older one counts for longer than the newer: still nothing goes back to it.
    for (number, created) in [(5, NOW + 50), (6, NOW)] {
        desk.offer(&bundle(number, created, 1));
        assert_eq!(taken(&desk.start(NOW + 50)), Ok(Some(number)));
    }
    assert_eq!(number(&desk.start(NOW + 100)), Some(6));
    let late = desk.start(NOW + 101);
    assert_eq!(number(&late), None);
    desk.offer(&bundle(5, NOW + 50, 1));
    assert_refused(&late, &BundleError::Older { held: 6, offered: 5 });
    desk.offer(&bundle(7, NOW + 101, 1));
    assert_eq!(taken(&late), Ok(Some(7)), "a newer one is taken");
    assert_eq!(desk.stored(), [name(6), name(7)]);
}

#[test]
fn a_store_that_cannot_be_written_leaves_the_counter_with_what_it_has() {
    let desk = Desk::new();
    desk.offer(&bundle(5, NOW, 1));
    let bundles = desk.start(NOW);
    assert_eq!(taken(&bundles), Ok(Some(5)));
    fs::remove_dir_all(desk.path("store")).unwrap();
    desk.offer(&bundle(6, NOW, 1));
    assert!(taken(&bundles).unwrap_err().contains("cannot write"));
    assert_eq!(number(&bundles), Some(5));
}

#[test]
fn flags_that_make_no_sense_together_are_refused() {
    let desk = Desk::new();
    let fault = |bundle: Option<&str>, store: Option<PathBuf>, key: &Path| {
        let flags = BundleFlags {
            bundle: bundle.map(str::to_owned),
            bundle_key: Some(key.to_owned()),
            bundle_store: store,
            bundle_api_key_file: None,
            bundle_timeout: 1,
        };
        let loaded = Bundles::load(&flags, Limits::default(), Clock::Fixed(at(NOW)));
        loaded.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let key = desk.path("key");
    assert!(fault(Some("https://verifier.example"), None, &key).contains("--bundle-store"));
    assert!(fault(Some("http://verifier.example"), None, &key).contains("https"));
    assert!(fault(None, None, &key).contains("--bundle"));
    desk.offer(b"no key");
    assert!(fault(None, Some(desk.path("store")), &desk.path("offered")).contains("not a public key"));
    assert_eq!(fault(None, Some(desk.path("store")), &key), "", "the twin");
}

impl Desk {
    /// A counter that judges by what is offered.
    fn counter(&self) -> Counter {
        let path = |name: &str| self.path(name).to_str().unwrap().to_owned();
        let (offered, key, store) = (path("offered"), path("key"), path("store"));
        let flags = [
            "reader",
            "read",
            "--connect",
            "tcp://127.0.0.1:9",
            "--purpose",
            "own",
            "--quiet",
        ];
        let bundle = [
            "--bundle",
            &offered,
            "--bundle-key",
            &key,
            "--bundle-store",
            &store,
        ];
        let arguments = Arguments::try_parse_from(flags.iter().chain(&bundle)).unwrap();
        let Some(Command::Read(read)) = arguments.command else {
            panic!("read");
        };
        Counter::load(&read.common, 1, Clock::Fixed(at(NOW))).unwrap()
    }
}

#[test]
fn a_counter_goes_over_to_a_newer_bundle_between_two_phones() {
    let desk = Desk::new();
    desk.offer(&bundle(5, NOW, 1));
    let mut counter = desk.counter();
    assert_eq!(counter.bundle_number(), Some(5));
    counter.renew();
    assert_eq!(counter.bundle_number(), Some(5), "nothing came");
    desk.offer(&bundle(6, NOW, 1));
    counter.pull_now();
    assert_eq!(counter.bundle_number(), Some(5), "a transaction keeps its bundle");
    counter.renew();
    assert_eq!(counter.bundle_number(), Some(6));
    desk.offer(&bundle(5, NOW, 1));
    counter.pull_now();
    counter.renew();
    assert_eq!(counter.bundle_number(), Some(6), "and never back");
}

#[test]
fn a_counter_whose_bundle_has_ended_says_so_and_goes_on_with_the_next() {
    let desk = Desk::new();
    desk.offer(&bundle(5, NOW, 1));
    let mut counter = desk.counter();
    let transcript = SessionTranscript::from_bytes(&[0x83, 0xf6, 0xf6, 0xf6]).unwrap();
    let judge = |counter: &Counter| counter.judge_here(b"no response", &transcript, DeviceKeys::None);
    counter.set_clock(Clock::Fixed(at(NOW + 100)));
    let report = judge(&counter).unwrap();
    assert_eq!(
        (&report["reason"], &report["bundle"]["age"]),
        (&json!("response.malformed"), &json!(100))
    );
    let (expires, now) = (at(NOW + 100), at(NOW + 101));
    counter.set_clock(Clock::Fixed(now));
    let expired = Failure::Bundle(BundleError::Expired { expires, now });
    assert_eq!(judge(&counter).unwrap_err(), expired);
    assert_eq!(expired.code(), "bundle.expired");
    let (created, now) = (at(NOW), at(NOW - 301));
    counter.set_clock(Clock::Fixed(now));
    let not_yet = Failure::Bundle(BundleError::NotYet { created, now });
    assert_eq!(judge(&counter).unwrap_err(), not_yet);
    counter.set_clock(Clock::Fixed(at(NOW + 50)));
    assert!(judge(&counter).is_ok(), "the untouched twin");
}

/// The engagement of a phone whose key is the generator of P-256, without any way to reach it.
fn engagement() -> DeviceEngagement {
    let x = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
    let y = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    let text = format!("a20063312e30018201d818584ba401022001215820{x}225820{y}");
    let bytes: Vec<u8> = (0..text.len())
        .step_by(2)
        .map(|place| u8::from_str_radix(&text[place..place + 2], 16).unwrap())
        .collect();
    DeviceEngagement::from_bytes(&bytes).unwrap()
}

#[test]
fn no_phone_is_asked_for_what_a_bundle_that_has_ended_could_not_judge() {
    let desk = Desk::new();
    desk.offer(&bundle(5, NOW, 1));
    let mut counter = desk.counter();
    let start = |counter: &Counter| {
        let begun = counter.start(&engagement(), Handover::Qr, MonotonicTime::from_millis(0));
        begun.map(drop)
    };
    let (expires, now) = (at(NOW + 100), at(NOW + 101));
    counter.set_clock(Clock::Fixed(now));
    let expired = Failure::Bundle(BundleError::Expired { expires, now });
    assert_eq!(start(&counter), Err(expired));
    counter.set_clock(Clock::Fixed(expires));
    assert_eq!(start(&counter), Ok(()), "the untouched twin");
}
