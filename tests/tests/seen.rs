//! A record that was presented before: nothing passes before somebody has looked, what is kept, and
//! for how long.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use core::num::NonZeroUsize;

use holder::hooks::member;
use holder::issuer::DAY;
use holder::scenario::NOW;
use holder::{Built, Scenario, Stage};
use mdoc::crypto::PrivateKey;
use mdoc::session::SessionTranscript;
use mdoc::time::UnixTime;
use relying_party::purpose::Purpose;
use relying_party::seen::{self, MemoryStore, SeenKeys, SeenStore, SeenTag};
use relying_party::{DeviceKeys, Evidence, judge};
use serde_json::{Value, json};
use verifier_tests::{assert_withheld, check, in_session, outcome, trust};

const MNC: &str = "org.iso.23220.1.jp.mnc";
const MDL: &str = "org.iso.18013.5.1.mDL";

// --- Presentations ------------------------------------------------------------------------------------------

fn with(seen_before: &str, more: &Value) -> Purpose {
    let mut purpose = json!({ "id": "gift", "title": { "en": "A gift" }, "seen_before": seen_before,
        "document": [{ "doc_type": MNC, "request": { "org.iso.23220.1": { "age_over_20": false } } }],
        "answer": [{ "name": "over_20", "rule": "age_over", "threshold": 20 }] });
    for (key, value) in more.as_object().unwrap() {
        purpose[key] = value.clone();
    }
    Purpose::from_json(purpose).unwrap()
}

fn purpose(seen_before: &str) -> Purpose {
    with(seen_before, &json!({}))
}

fn card(number: u8) -> Built {
    in_session(Scenario::my_number(), number)
}

fn store() -> MemoryStore {
    MemoryStore::new(NonZeroUsize::new(100).unwrap())
}

fn keys() -> SeenKeys {
    SeenKeys::new(&[1; 32])
}

/// The verdict, after this store was looked into.
fn seen_by(built: &Built, purpose: &Purpose, looked: Option<(&mut MemoryStore, &SeenKeys)>) -> Value {
    seen_at(built, purpose, built.now, looked)
}

fn seen_at<S: SeenStore>(
    built: &Built,
    purpose: &Purpose,
    now: i64,
    looked: Option<(&mut S, &SeenKeys)>,
) -> Value {
    let transcript = SessionTranscript::from_bytes(&built.session_transcript).unwrap();
    let key = PrivateKey::from_bytes(built.reader_key.curve(), &built.reader_key.private_bytes()).unwrap();
    let now = UnixTime::from_seconds(now).unwrap();
    let trust = trust(&[&built.root]);
    let evidence = Evidence::default();
    let keys = DeviceKeys::Reader(&key);
    let mut judgement = judge(
        &built.response,
        &transcript,
        keys,
        purpose,
        &trust,
        &evidence,
        now,
    );
    if let Some((store, keys)) = looked {
        seen::check(&mut judgement.verdict, store, keys);
        assert!(!seen::is_due(&judgement.verdict));
        // A second look changes nothing, and records nothing.
        let before = judgement.verdict.to_json();
        seen::check(&mut judgement.verdict, store, keys);
        assert_eq!(judgement.verdict.to_json(), before);
    }
    judgement.verdict.to_json_with_elements()
}

#[track_caller]
fn assert_answered(verdict: &Value) {
    assert_eq!(outcome(verdict), "accepted", "{verdict:#}");
    assert_eq!(verdict["answers"], json!({ "over_20": true }));
    assert_eq!(
        verdict["documents"][0]["elements"]["org.iso.23220.1"]["age_over_20"],
        true
    );
    assert_eq!(verdict["documents"][0]["verdict"], "accepted");
}

// --- The check ----------------------------------------------------------------------------------------------

#[test]
fn nothing_passes_before_somebody_has_looked() {
    for asks in ["warn", "reject"] {
        let verdict = seen_by(&card(1), &purpose(asks), None);
        assert_withheld(&verdict, "undetermined", "document.seen_before_unknown");
        assert_eq!(
            *check(&verdict, "purpose"),
            json!({ "check": "purpose", "result": "failed", "reason": "document.seen_before_unknown",
                "detail": { "fault": "nobody has looked" } })
        );
        assert_answered(&seen_by(&card(1), &purpose(asks), Some((&mut store(), &keys()))));
    }
    assert_answered(&seen_by(&card(1), &purpose("ignore"), None));
    let mut untouched = store();
    assert_answered(&seen_by(
        &card(1),
        &purpose("ignore"),
        Some((&mut untouched, &keys())),
    ));
    assert!(untouched.is_empty(), "a purpose that does not ask keeps nothing");
}

#[test]
fn a_record_passes_once_and_is_rejected_or_told_after() {
    let (mut rejecting, mut warning) = (store(), store());
    assert_answered(&seen_by(
        &card(1),
        &purpose("reject"),
        Some((&mut rejecting, &keys())),
    ));
    assert_answered(&seen_by(
        &card(1),
        &purpose("warn"),
        Some((&mut warning, &keys())),
    ));
    for number in [2, 3] {
        let verdict = seen_by(&card(number), &purpose("reject"), Some((&mut rejecting, &keys())));
        assert_withheld(&verdict, "rejected", "document.seen_before");
        assert_eq!(
            *check(&verdict, "purpose"),
            json!({ "check": "purpose", "result": "failed", "reason": "document.seen_before" })
        );
        assert_eq!(verdict["documents"][0]["reason"], "document.seen_before");
        let verdict = seen_by(&card(number), &purpose("warn"), Some((&mut warning, &keys())));
        assert_answered(&verdict);
        assert_eq!(
            *check(&verdict, "purpose"),
            json!({ "check": "purpose", "result": "warned", "reason": "document.seen_before" })
        );
    }
    assert_eq!((rejecting.len(), warning.len()), (1, 1));
}

#[test]
fn another_record_key_or_purpose_is_new() {
    let mut store = store();
    let mut new = |built: &Built, purpose: &Purpose, keys: &SeenKeys| {
        assert_answered(&seen_by(built, purpose, Some((&mut store, keys))));
    };
    let gift = purpose("reject");
    new(&card(1), &gift, &keys());
    // Issued together: the same holder and terms, another device key and other salts.
    let other = in_session(Scenario::my_number().set(|s| s.issuer.seed = 2), 2);
    new(&other, &gift, &keys());
    new(&card(2), &with("reject", &json!({ "id": "ticket" })), &keys());
    let mut rotated = keys();
    rotated.rotate(&[2; 32]);
    new(&card(3), &gift, &rotated);
    let again = seen_by(&card(4), &gift, Some((&mut store, &keys())));
    assert_withheld(&again, "rejected", "document.seen_before");
    assert_eq!(store.len(), 4);
}

#[test]
fn another_signature_over_the_same_record_is_the_same_record() {
    // Of every ECDSA signature (r, s) there is a twin (r, n - s).
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
        0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let twin = Scenario::my_number().with(Stage::IssuerSignature, |signature| {
        let signature = signature.as_bytes_mut().unwrap();
        let mut borrow = 0_i32;
        for (place, n) in N.iter().enumerate().rev() {
            let digit = i32::from(*n) - i32::from(signature[32 + place]) - borrow;
            borrow = i32::from(digit < 0);
            signature[32 + place] = u8::try_from(digit.rem_euclid(256)).unwrap();
        }
    });
    let twin = in_session(twin, 2);
    assert_ne!(twin.response, in_session(Scenario::my_number(), 2).response);
    assert_answered(&seen_by(&twin, &purpose("reject"), Some((&mut store(), &keys()))));
    let mut store = store();
    assert_answered(&seen_by(
        &card(1),
        &purpose("reject"),
        Some((&mut store, &keys())),
    ));
    let verdict = seen_by(&twin, &purpose("reject"), Some((&mut store, &keys())));
    assert_withheld(&verdict, "rejected", "document.seen_before");
}

#[test]
fn what_is_not_accepted_is_not_recorded() {
    let mut store = store();
    let forged = Scenario::my_number().with(Stage::IssuerSignature, |bytes| {
        bytes.as_bytes_mut().unwrap()[9] ^= 1
    });
    let expired = Scenario::my_number().set(|s| s.terms.valid_until = NOW - 1);
    let mut refused = |built: &Built, purpose: &Purpose, decision: &str, reason: &str| {
        let verdict = seen_by(built, purpose, Some((&mut store, &keys())));
        assert_withheld(&verdict, decision, reason);
        assert!(store.is_empty(), "{reason}");
    };
    let gift = purpose("reject");
    refused(&in_session(forged, 1), &gift, "rejected", "issuer.signature");
    refused(&in_session(expired, 1), &gift, "rejected", "mso.expired");
    let mut elsewhere = card(1);
    elsewhere.session_transcript = vec![0x83, 0xf6, 0xf6, 0xf6];
    refused(&elsewhere, &gift, "rejected", "device.signature");
    let more = json!({ "answer": [{ "name": "over_20", "rule": "age_over", "threshold": 20 },
        { "name": "over_21", "rule": "age_over", "threshold": 21 }] });
    refused(
        &card(1),
        &with("reject", &more),
        "undetermined",
        "element.missing",
    );
    let weak = json!({ "minimum_curve_bits": 384 });
    refused(&card(1), &with("reject", &weak), "rejected", "issuer.algorithm");
    let two = json!({ "document": [
        { "doc_type": MNC, "request": { "org.iso.23220.1": { "age_over_20": false } } },
        { "doc_type": MDL, "request": { "org.iso.18013.5.1": { "age_over_20": false } } }] });
    // The one that is there is accepted for itself, but nobody has looked and nobody will.
    refused(
        &card(1),
        &with("reject", &two),
        "undetermined",
        "document.missing",
    );
    let verdict = seen_by(&card(2), &gift, Some((&mut store, &keys())));
    assert_answered(&verdict);
    assert_eq!(store.len(), 1);
}

// --- Several documents --------------------------------------------------------------------------------------

/// A card and a licence; the licence of this issuer.
fn two(number: u8, rule: &str, cards: bool, licences: bool) -> (Built, Purpose) {
    let mut scenario = Scenario::my_number();
    let licence = Scenario::mdl();
    scenario.request.extend(licence.request);
    scenario.credentials.extend(licence.credentials);
    if !licences {
        scenario.request.truncate(1);
        scenario.credentials.truncate(1);
    }
    if !cards {
        (scenario.request, scenario.credentials) =
            (scenario.request.split_off(1), scenario.credentials.split_off(1));
    }
    // One usage for both types: the licence's profile knows no other.
    scenario.issuer.signer_purpose = "1.0.18013.5.1.2";
    let purpose = with(
        "reject",
        &json!({ "documents": rule,
        "document": [
            { "doc_type": MNC, "request": { "org.iso.23220.1": { "age_over_20": false } } },
            { "doc_type": MDL, "request": { "org.iso.18013.5.1": { "age_over_20": false, "family_name": false } } }],
        "answer": [
            { "name": "card", "rule": "age_over", "threshold": 20, "doc_type": MNC },
            { "name": "licence", "rule": "age_over", "threshold": 20, "doc_type": MDL }] }),
    );
    (in_session(scenario, number), purpose)
}

#[test]
fn where_all_are_needed_one_that_was_seen_rejects_them_and_the_others_are_not_recorded() {
    let mut store = store();
    let (built, all) = two(1, "all", true, true);
    let verdict = seen_by(&built, &all, Some((&mut store, &keys())));
    assert_eq!(
        verdict["answers"],
        json!({ "card": true, "licence": true }),
        "{verdict:#}"
    );
    assert_eq!(store.len(), 2);
    let mut one = MemoryStore::new(NonZeroUsize::new(100).unwrap());
    let (alone, _) = two(2, "all", true, false);
    let (_, any) = two(2, "any", true, false);
    assert_eq!(
        outcome(&seen_by(&alone, &any, Some((&mut one, &keys())))),
        "accepted"
    );
    assert_eq!(one.len(), 1);
    let verdict = seen_by(&built, &all, Some((&mut one, &keys())));
    assert_withheld(&verdict, "rejected", "document.seen_before");
    assert_eq!(one.len(), 1, "the licence is as new as before");
    let decisions: Vec<&Value> = verdict["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| &d["verdict"])
        .collect();
    assert_eq!(decisions, ["rejected", "accepted"]);
}

#[test]
fn where_any_will_do_one_that_was_not_seen_answers() {
    let mut store = store();
    let (alone, any) = two(1, "any", true, false);
    let verdict = seen_by(&alone, &any, Some((&mut store, &keys())));
    assert_eq!(verdict["answers"], json!({ "card": true }), "{verdict:#}");
    let (both, _) = two(2, "any", true, true);
    let verdict = seen_by(&both, &any, Some((&mut store, &keys())));
    assert_eq!(verdict["answers"], json!({ "licence": true }), "{verdict:#}");
    assert_eq!(verdict["documents"][0]["reason"], "document.seen_before");
    assert!(verdict["documents"][0].get("elements").is_none());
    let (again, _) = two(3, "any", true, true);
    let verdict = seen_by(&again, &any, Some((&mut store, &keys())));
    assert_withheld(&verdict, "rejected", "document.seen_before");
    // The untouched twin: the first that the purpose names answers.
    let mut fresh = MemoryStore::new(NonZeroUsize::new(100).unwrap());
    let verdict = seen_by(&both, &any, Some((&mut fresh, &keys())));
    assert_eq!(verdict["answers"], json!({ "card": true }));
}

#[test]
fn one_record_that_answers_twice_in_one_response_is_presented_once() {
    let twice = Scenario::my_number().with(Stage::Response, |response| {
        let documents = member(response, "documents").as_array_mut().unwrap();
        documents.push(documents[0].clone());
    });
    let document = json!({ "doc_type": MNC, "request": { "org.iso.23220.1": { "age_over_20": false } } });
    let purpose = with("reject", &json!({ "document": [document.clone(), document] }));
    let mut store = store();
    let built = in_session(twice, 1);
    assert_answered(&seen_by(&built, &purpose, Some((&mut store, &keys()))));
    assert_eq!(store.len(), 1);
    let verdict = seen_by(&built, &purpose, Some((&mut store, &keys())));
    assert_withheld(&verdict, "rejected", "document.seen_before");
}

// --- How long -----------------------------------------------------------------------------------------------

/// Remembers what it was told, and says what it is told to say.
#[derive(Default)]
struct Spy {
    told: Vec<(SeenTag, UnixTime)>,
    there_already: bool,
}

impl SeenStore for Spy {
    fn contains(&self, _: &SeenTag, _: UnixTime) -> bool {
        false
    }

    fn record(&mut self, tag: SeenTag, until: UnixTime, _: UnixTime) -> bool {
        self.told.push((tag, until));
        self.there_already
    }
}

#[test]
fn a_record_is_remembered_to_the_end_of_its_validity_and_not_longer() {
    let until = |scenario: Scenario, now: i64| {
        let mut spy = Spy::default();
        assert_answered(&seen_at(
            &in_session(scenario, 1),
            &purpose("reject"),
            now,
            Some((&mut spy, &keys())),
        ));
        let [(tag, until)] = spy.told[..] else {
            panic!("one record");
        };
        assert_eq!(tag.key_id(), keys().id());
        until.to_string()
    };
    let signed = UnixTime::parse("2026-01-31T03:00:00Z").unwrap().seconds();
    let issued = |days: i64| {
        Scenario::my_number().set(|s| {
            (s.terms.signed, s.terms.valid_from, s.terms.valid_until) = (signed, signed, signed + days * DAY);
            s.issuer.now = signed + DAY;
        })
    };
    assert_eq!(
        until(issued(10), signed),
        "2026-02-10T03:00:00Z",
        "by its own end"
    );
    assert_eq!(
        until(issued(60), signed),
        "2026-02-28T14:59:59Z",
        "by the end of its month"
    );
    // At the last second it is known, and a second later the record is no more.
    let mut store = store();
    let end = UnixTime::parse("2026-02-28T14:59:59Z").unwrap().seconds();
    let mut at = |now| {
        seen_at(
            &in_session(issued(60), 1),
            &purpose("reject"),
            now,
            Some((&mut store, &keys())),
        )
    };
    assert_answered(&at(signed));
    assert_withheld(&at(end), "rejected", "document.seen_before");
    assert_withheld(&at(end + 1), "rejected", "mso.expired");
    store.forget_expired(UnixTime::from_seconds(end).unwrap());
    assert_eq!(store.len(), 1);
    store.forget_expired(UnixTime::from_seconds(end + 1).unwrap());
    assert!(store.is_empty());
}

#[test]
fn of_two_at_the_same_time_the_store_decides() {
    for (there_already, asks, reason) in [
        (false, "reject", "accepted"),
        (true, "reject", "document.seen_before"),
        (true, "warn", "accepted"),
    ] {
        let mut spy = Spy {
            there_already,
            ..Spy::default()
        };
        let verdict = seen_at(&card(1), &purpose(asks), NOW, Some((&mut spy, &keys())));
        assert_eq!(outcome(&verdict), reason);
        assert_eq!(spy.told.len(), 1);
        let told = check(&verdict, "purpose").get("reason").is_some();
        assert_eq!(told, there_already);
    }
}
