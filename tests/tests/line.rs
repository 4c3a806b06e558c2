//! The line of checks called directly: clocks that differ, anchors that overlap, elements that stand
//! twice, what the device vouches for.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ciborium::Value;
use holder::certificate::{extended_key_usage, oid};
use holder::hooks::{insert, member};
use holder::{Built, Scenario, Stage, encode, tagged};
use mdoc::crypto::Curve;
use mdoc::limits::Limits;
use mdoc::response::DeviceResponse;
use mdoc::session::SessionTranscript;
use mdoc::time::UnixTime;
use mdoc::verify::{Context, DocumentLine, Outcome, Reason, check_duplicates, verify_document};
use mdoc::x509::{Anchor, AnchorSet, Certificate, ChainCache};
use relying_party::profile::ProfileSet;
use relying_party::{DeviceKeys, Evidence, TrustFile, TrustSnapshot, judge};
use verifier_tests::{outcome, purpose_of};

/// Runs the line on the first document, at `now`, with clocks that may differ by `clock_skew` seconds.
fn with_line<T>(built: &Built, now: i64, clock_skew: i64, read: impl FnOnce(&DocumentLine<'_>) -> T) -> T {
    let limits = Limits::default();
    let response = DeviceResponse::decode(&built.response, &limits, false).unwrap();
    let document = &response.documents[0];
    let transcript = SessionTranscript::from_bytes(&built.session_transcript).unwrap();
    let (anchors, _) = AnchorSet::new(vec![Anchor {
        certificate: Certificate::from_der(&built.root).unwrap(),
        doc_types: None,
        profile: None,
        list: None,
    }]);
    let evidence = Evidence::default();
    let profiles = ProfileSet::built_in();
    let context = Context {
        transcript: &transcript,
        anchors: &anchors,
        cache: &ChainCache::default(),
        rules: &profiles.for_doc_type(document.doc_type).rules,
        rules_by_name: &|_| None,
        evidence: &evidence,
        iso_status_profile: None,
        document_signer_may_sign_status: false,
        now: UnixTime::from_seconds(now).unwrap(),
        clock_skew,
        minimum_curve_bits: None,
        limits: &limits,
    };
    read(&verify_document(document, None, &context))
}

fn reason(outcome: &Outcome) -> Option<Reason> {
    outcome.failure().map(|finding| finding.reason)
}

#[test]
fn clocks_may_differ_by_the_skew_in_both_directions() {
    let scenario = Scenario::my_number();
    let (from, until) = (scenario.terms.valid_from, scenario.terms.valid_until);
    let built = scenario.build();
    let at = |now, skew| with_line(&built, now, skew, |line| reason(&line.validity));
    assert_eq!(at(until + 30, 60), None);
    assert_eq!(at(until + 90, 60), Some(Reason::MsoExpired));
    assert_eq!(at(until + 30, 0), Some(Reason::MsoExpired));
    assert_eq!(at(from - 30, 60), None);
    assert_eq!(at(from - 90, 60), Some(Reason::MsoNotYetValid));
    assert_eq!(at(from - 30, 0), Some(Reason::MsoNotYetValid));

    let leaf = holder::scenario::NOW + 10;
    let short = Scenario::my_number()
        .with_signer(move |spec| spec.not_after = leaf)
        .build();
    let at = |now, skew| with_line(&short, now, skew, |line| reason(&line.certificate));
    assert_eq!(at(leaf + 30, 60), None);
    assert_eq!(at(leaf + 90, 60), Some(Reason::IssuerCertificateExpired));
    assert_eq!(at(leaf + 30, 0), Some(Reason::IssuerCertificateExpired));
}

#[test]
fn a_verified_document_tells_issuer_and_device_apart() {
    let authorized = Value::Map(vec![("nameSpaces".into(), Value::Array(vec!["own".into()]))]);
    let built = Scenario::my_number()
        .set(|s| s.terms.key_authorizations = Some(authorized))
        .with(Stage::DeviceNameSpaces, |map| {
            insert(map, "own", Value::Map(vec![("age_over_65".into(), true.into())]))
        })
        .build();
    with_line(&built, built.now, 0, |line| {
        let verified = line.verified.as_ref().unwrap();
        assert_eq!(verified.doc_type(), "org.iso.23220.1.jp.mnc");
        let device: Vec<_> = verified.device_signed_elements().collect();
        let [element] = &device[..] else {
            panic!("one element of the device's own");
        };
        assert_eq!((element.name_space, element.identifier), ("own", "age_over_65"));
        assert_eq!(element.value.as_bool(), Some(true));
        assert!(verified.element("own", "age_over_65").is_none());
        assert_eq!(verified.elements().count(), 1);
    });
}

/// A response with these elements, each by name and digest identifier, in two namespaces.
fn with_items(items: Vec<(&'static str, u64)>, others: Vec<(&'static str, u64)>) -> Result<(), Reason> {
    let built = Scenario::my_number()
        .with(Stage::IssuerSigned, move |map| {
            let spaces = member(map, "nameSpaces").as_map_mut().unwrap();
            let template = spaces[0].1.as_array().unwrap()[0].clone();
            let make = |(name, id): &(&str, u64)| {
                let bytes = template.as_tag().unwrap().1.as_bytes().unwrap();
                let mut item: Value = ciborium::from_reader(bytes.as_slice()).unwrap();
                *member(&mut item, "elementIdentifier") = (*name).into();
                *member(&mut item, "digestID") = (*id).into();
                tagged(encode(&item))
            };
            spaces[0].1 = Value::Array(items.iter().map(make).collect());
            if !others.is_empty() {
                spaces.push(("other".into(), Value::Array(others.iter().map(make).collect())));
            }
        })
        .build();
    let response = DeviceResponse::decode(&built.response, &Limits::default(), false).unwrap();
    check_duplicates(&response.documents[0]).map_err(|finding| finding.reason)
}

#[test]
fn names_and_identifiers_are_each_given_once_in_a_namespace() {
    const NAMES: [&str; 20] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t",
    ];
    for count in [2, 16, 17, 20] {
        let items = || -> Vec<_> { NAMES.into_iter().take(count).zip(0..).collect() };
        assert_eq!(with_items(items(), Vec::new()), Ok(()), "{count}");
        assert_eq!(with_items(items(), items()), Ok(()), "another namespace: {count}");
        let mut same_name = items();
        same_name[count - 1].0 = "a";
        assert_eq!(
            with_items(same_name, Vec::new()),
            Err(Reason::ElementDuplicate),
            "{count}"
        );
        let mut same_identifier = items();
        same_identifier[count - 1].1 = 0;
        assert_eq!(
            with_items(same_identifier, Vec::new()),
            Err(Reason::ElementDuplicate),
            "{count}"
        );
    }
}

fn judged_under(built: &Built, files: Vec<(&str, Vec<u8>)>) -> String {
    let files = files.into_iter().map(|(name, bytes)| TrustFile {
        name: format!("anchors/{name}"),
        bytes,
    });
    let trust = TrustSnapshot::new(files.collect()).unwrap();
    let transcript = SessionTranscript::from_bytes(&built.session_transcript).unwrap();
    let now = UnixTime::from_seconds(built.now).unwrap();
    let purpose = purpose_of(&Scenario::my_number());
    let evidence = Evidence::default();
    let judgement = judge(
        &built.response,
        &transcript,
        DeviceKeys::None,
        &purpose,
        &trust,
        &evidence,
        now,
    );
    outcome(&judgement.verdict.to_json())
}

#[test]
fn the_profile_is_that_of_the_anchor_in_scope_and_in_force() {
    let scenario = || Scenario::my_number().set(|s| s.issuer.signer_curve = Curve::Ed25519);
    let built = scenario().build();
    let sidecar = |text: &str| text.as_bytes().to_vec();
    // The document type's own profile refuses the curve; the anchor's profile allows it.
    let alone = judged_under(&built, vec![("a.der", built.root.clone())]);
    assert_eq!(alone, "issuer.algorithm");
    let scoped = "doc_types = [\"org.iso.23220.1.jp.mnc\"]\nprofile = \"generic\"";
    let files = vec![("a.der", built.root.clone()), ("a.toml", sidecar(scoped))];
    assert_eq!(judged_under(&built, files), "accepted");
    let elsewhere = "doc_types = [\"org.iso.18013.5.1.mDL\"]\nprofile = \"generic\"";
    let files = vec![("a.der", built.root.clone()), ("a.toml", sidecar(elsewhere))];
    assert_ne!(judged_under(&built, files), "accepted");

    // An older root of the same key, under a stricter profile and no longer in force.
    let past = holder::scenario::NOW - 60;
    let older = scenario()
        .with_root(move |spec| spec.not_after = past)
        .build()
        .root;
    assert_ne!(older, built.root);
    let files = vec![
        ("a.der", older),
        ("a.toml", sidecar("profile = \"my-number\"")),
        ("b.der", built.root.clone()),
        ("b.toml", sidecar(scoped)),
    ];
    assert_eq!(judged_under(&built, files), "accepted");
}

#[test]
fn the_profile_is_that_of_the_anchor_that_vouches() {
    use holder::issuer::DAY;
    // Valid by its own dates, and over by the one-month rule of the My Number Card.
    let old = Scenario::my_number()
        .set(|s| {
            let signed = holder::scenario::NOW - 40 * DAY;
            (s.terms.signed, s.terms.valid_from) = (signed, signed);
            s.terms.valid_until = holder::scenario::NOW + 20 * DAY;
        })
        .with_signer(|spec| {
            spec.not_before = holder::scenario::NOW - 50 * DAY;
            spec.extension(oid::EXTENDED_KEY_USAGE).value = extended_key_usage(&["1.0.23220.4.1.2"]);
        })
        .build();
    let sidecar = |profile: &str| format!("profile = \"{profile}\"").into_bytes();
    let own = || vec![("b.der", old.root.clone()), ("b.toml", sidecar("my-number"))];
    assert_eq!(judged_under(&old, own()), "mso.expired");
    // The same root under the profile of another type, which knows no such rule and refuses the
    // signer: it vouches for nothing, and its rules do not count either.
    for other in ["mdl", "my-number"] {
        let mut files = own();
        files.extend([("a.der", old.root.clone()), ("a.toml", sidecar(other))]);
        assert_eq!(judged_under(&old, files), "mso.expired", "{other}");
    }
    let stranger = vec![("a.der", old.root.clone()), ("a.toml", sidecar("mdl"))];
    assert_eq!(judged_under(&old, stranger), "issuer.certificate.profile");
}
