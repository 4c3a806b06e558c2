use mdoc::time::UnixTime;
use serde_json::{Value, json};

use super::*;

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds).unwrap()
}

const NOW: i64 = 1_800_000_000;

fn facts() -> BundleFacts {
    BundleFacts {
        number: 17,
        created: at(NOW),
        expires: at(NOW + 100),
    }
}

#[test]
fn a_bundle_counts_from_its_making_to_its_end() {
    let check = |now: i64| facts().check_at(at(now));
    assert_eq!(check(NOW), Ok(()));
    assert_eq!(check(NOW + 100), Ok(()));
    let (created, expires) = (at(NOW), at(NOW + 100));
    assert_eq!(
        check(NOW + 101),
        Err(BundleError::Expired {
            expires,
            now: at(NOW + 101)
        })
    );
    assert_eq!(check(NOW - CLOCK_SKEW), Ok(()), "clocks differ");
    let now = at(NOW - CLOCK_SKEW - 1);
    assert_eq!(check(now.seconds()), Err(BundleError::NotYet { created, now }));
}

#[test]
fn numbers_only_grow() {
    let with = |number| BundleFacts { number, ..facts() };
    assert_eq!(with(18).check_follows(&facts()), Ok(()));
    assert_eq!(with(u64::MAX).check_follows(&facts()), Ok(()));
    assert_eq!(with(17).check_follows(&facts()), Err(BundleError::SameNumber(17)));
    let older = BundleError::Older {
        held: 17,
        offered: 16,
    };
    assert_eq!(with(16).check_follows(&facts()), Err(older));
}

#[test]
fn the_next_number_is_that_of_its_instant_or_above_the_last() {
    let made = u64::try_from(NOW).unwrap();
    assert_eq!(next_number(None, at(NOW)), made);
    assert_eq!(next_number(Some(5), at(NOW)), made);
    assert_eq!(next_number(Some(made), at(NOW)), made + 1, "twice in one second");
    assert_eq!(
        next_number(Some(made + 50), at(NOW)),
        made + 51,
        "a clock set back"
    );
    assert_eq!(next_number(None, at(0)), 1, "never zero");
    assert_eq!(
        next_number(Some(u64::MAX), at(NOW)),
        u64::MAX,
        "and the build refuses it"
    );
}

#[test]
fn ages_are_told_in_their_largest_unit() {
    for (seconds, english, japanese) in [
        (0, "0 seconds", "0秒"),
        (1, "1 second", "1秒"),
        (59, "59 seconds", "59秒"),
        (60, "1 minute", "1分"),
        (7199, "1 hour", "1時間"),
        (7200, "2 hours", "2時間"),
        (86_399, "23 hours", "23時間"),
        (3 * 86_400, "3 days", "3日"),
    ] {
        assert_eq!(age_words(seconds), [english, japanese]);
    }
}

fn loaded() -> LoadedBundle {
    let vical = Entry {
        name: "vicals/none.cbor".to_owned(),
        fetched: at(NOW - 50),
        expires: None,
        content: Vec::new(),
    };
    let bundle = Bundle {
        facts: facts(),
        entries: vec![vical],
    };
    bundle.load(at(NOW)).unwrap()
}

#[test]
fn every_check_of_a_report_says_of_when_it_is() {
    let mut verdict = json!({
        "at": at(NOW + 60).to_string(),
        "checks": [{ "check": "response.decode", "result": "passed" }],
        "documents": [{ "checks": [
            { "check": "issuer.chain", "result": "passed" },
            { "check": "issuer.crl", "result": "passed", "as_of": at(NOW - 7200).to_string() },
            { "check": "digests", "result": "passed" },
        ] }],
    });
    assert_eq!(bundle_words(&verdict), None, "no bundle stands behind it");
    loaded().annotate(&mut verdict, at(NOW + 60));
    let as_of = |check: &Value| check["as_of"].clone();
    assert_eq!(as_of(&verdict["checks"][0]), at(NOW).to_string());
    let checks = &verdict["documents"][0]["checks"];
    assert_eq!(as_of(&checks[0]), at(NOW - 50).to_string());
    assert_eq!(as_of(&checks[1]), at(NOW - 7200).to_string(), "its own");
    assert_eq!(as_of(&checks[2]), at(NOW).to_string());
    assert_eq!(
        verdict["bundle"],
        json!({ "number": 17, "created": at(NOW).to_string(), "expires": at(NOW + 100).to_string(), "age": 60 })
    );
    let [english, japanese] = bundle_words(&verdict).unwrap();
    assert!(
        english.contains("bundle 17") && english.contains("1 minute old"),
        "{english}"
    );
    assert!(english.ends_with("2 hours old"), "{english}");
    assert!(
        japanese.contains("1分前") && japanese.contains("2時間前"),
        "{japanese}"
    );
}

#[test]
fn what_a_file_says_of_its_end_is_read_and_nothing_is_made_up() {
    for name in [
        "anchors/a.pem",
        "anchors/a.der",
        "anchors/a",
        "crls/a",
        "status/a",
        "vicals/a.cbor",
        "vicals/a.pem",
        "purposes/a.toml",
        "a",
    ] {
        for content in [&b""[..], b"nothing", b"\xff\xff"] {
            assert_eq!(expiry_of(name, content), None, "{name}");
        }
    }
}
