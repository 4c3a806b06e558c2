//! The offline bundle's format: what is made is read, and each way of breaking it has its own error.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ciborium::Value as Cbor;
use holder::Scenario;
use holder::evidence::{List, StatusAuthority, TokenSpec};
use holder::hooks::Hooks;
use holder::issuer::Issuer;
use holder::scenario::NOW;
use mdoc::cbor::ErrorKind;
use mdoc::cose::{AlgorithmFault, HeaderFault, MessageError, sign1};
use mdoc::crypto::{Curve, PublicKey, SignatureError, Signer as _, SigningKey};
use mdoc::time::UnixTime;
use relying_party::Evidence;
use relying_party::bundle::{
    BuildError, Bundle, BundleError, BundleFacts, CONTENT_TYPE, Entry, EntryFault, MAX_BYTES, MAX_ENTRIES,
    MAX_LIFETIME, NUMBER_AHEAD, SignedBundle, build,
};

/// A map of CBOR.
type Pairs = Vec<(Cbor, Cbor)>;

const CREATED: i64 = NOW;
const EXPIRES: i64 = NOW + 7 * 86_400;

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds).unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(Curve::P256, &[seed; 32]).unwrap()
}

fn entry(name: &str, content: &[u8]) -> Entry {
    Entry {
        name: name.to_owned(),
        fetched: at(CREATED - 60),
        expires: None,
        content: content.to_vec(),
    }
}

fn facts() -> BundleFacts {
    BundleFacts {
        number: 5,
        created: at(CREATED),
        expires: at(EXPIRES),
    }
}

fn anchor() -> Entry {
    entry("anchors/test.der", &Scenario::my_number().build().root)
}

/// A list of the test issuer, which unfolds to so many bytes.
fn token(uri: &str, bytes: usize) -> Vec<u8> {
    let scenario = Scenario::my_number();
    let issuer = Issuer::new(&scenario.issuer, &Hooks::default());
    let authority = StatusAuthority::new(&issuer, &scenario.issuer, |_| {});
    let list = List::Statuses {
        bits: 8,
        values: vec![0; bytes],
    };
    TokenSpec::new(uri, list, vec![authority.certificate.clone()], NOW).cwt(&authority.key)
}

fn good() -> Vec<u8> {
    let entries = vec![
        entry("status/one.cwt", &token("https://status.example/1", 64)),
        anchor(),
        entry(
            "purposes/own.toml",
            relying_party::purpose::READY_MADE[0]
                .1
                .replace("\"age-20\"", "\"own\"")
                .as_bytes(),
        ),
    ];
    build(&facts(), entries, &key(1)).unwrap().0
}

fn verify(bytes: &[u8], key: &PublicKey) -> Result<Bundle, BundleError> {
    SignedBundle::decode(bytes)?.verify(key)
}

fn fault(bytes: &[u8]) -> BundleError {
    verify(bytes, key(1).public_key()).unwrap_err()
}

fn encode(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

/// The content of a bundle as a map, to be changed and signed again.
fn content() -> Pairs {
    let entry = |name: &str| {
        Cbor::Map(vec![
            ("name".into(), name.into()),
            ("fetched".into(), CREATED.into()),
            ("content".into(), Cbor::Bytes(b"x".to_vec())),
        ])
    };
    vec![
        ("version".into(), 1.into()),
        ("number".into(), 5.into()),
        ("created".into(), CREATED.into()),
        ("expires".into(), EXPIRES.into()),
        (
            "entries".into(),
            Cbor::Array(vec![entry("status/a"), entry("status/b")]),
        ),
    ]
}

fn set(content: &mut [(Cbor, Cbor)], name: &str, value: impl Into<Cbor>) {
    let member = content.iter_mut().find(|(key, _)| key.as_text() == Some(name));
    member.unwrap().1 = value.into();
}

fn protected() -> Pairs {
    vec![(1.into(), (-7).into()), (3.into(), CONTENT_TYPE.into())]
}

/// Signs any protected header and any content.
fn signed(protected: Pairs, payload: &[u8]) -> Vec<u8> {
    sign1(&encode(&Cbor::Map(protected)), payload, &key(1)).unwrap()
}

fn of_content(change: impl FnOnce(&mut Pairs)) -> Vec<u8> {
    let mut content = content();
    change(&mut content);
    signed(protected(), &encode(&Cbor::Map(content)))
}

fn of_entries(change: impl FnOnce(&mut Vec<Cbor>)) -> Vec<u8> {
    of_content(|content| change(content[4].1.as_array_mut().unwrap()))
}

fn of_entry(change: impl FnOnce(&mut Pairs)) -> Vec<u8> {
    of_entries(|entries| change(entries[1].as_map_mut().unwrap()))
}

#[track_caller]
fn assert_entry(bytes: &[u8], fault_of_entry: EntryFault) {
    assert_eq!(
        fault(bytes),
        BundleError::Entry {
            index: 1,
            fault: fault_of_entry
        }
    );
}

#[test]
fn what_is_made_is_read_again() {
    let bytes = good();
    let bundle = verify(&bytes, key(1).public_key()).unwrap();
    assert_eq!(*bundle.facts(), facts());
    let names: Vec<&str> = bundle.entries().iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["anchors/test.der", "purposes/own.toml", "status/one.cwt"]);
    assert_eq!(bundle.entries()[0].fetched, at(CREATED - 60));
    let loaded = bundle.load(at(NOW)).unwrap();
    assert_eq!(loaded.trust().anchor_count(), 1);
    assert_eq!(loaded.trust().evidence().tokens().count(), 1);
    assert_eq!(loaded.purpose("own").unwrap().id(), "own");
    assert!(loaded.purpose("age-20").is_none(), "only what is in the bundle");
    assert_eq!(loaded.anchors_as_of(), at(CREATED - 60));
    let (facts, entries) = SignedBundle::decode(&bytes).unwrap().unverified().unwrap();
    assert_eq!((facts, entries.len()), (self::facts(), 3));
    // Deterministic: the same files make the same bundle.
    assert_eq!(good(), bytes);
}

#[test]
fn every_curve_that_signs_makes_bundles() {
    for (curve, length) in [
        (Curve::P256, 32),
        (Curve::P384, 48),
        (Curve::P521, 66),
        (Curve::BrainpoolP256r1, 32),
        (Curve::BrainpoolP384r1, 48),
        (Curve::Ed25519, 32),
    ] {
        let mut scalar = vec![1; length];
        scalar[0] = 0;
        let key = SigningKey::from_bytes(curve, &scalar).unwrap();
        let (bytes, _) = build(&facts(), vec![anchor()], &key).unwrap();
        assert!(verify(&bytes, key.public_key()).is_ok(), "{}", curve.name());
    }
}

#[test]
fn another_key_is_refused() {
    let bytes = good();
    let refused = |key: &SigningKey| verify(&bytes, key.public_key()).unwrap_err();
    assert_eq!(refused(&key(2)), BundleError::Signature(SignatureError::Mismatch));
    let other_curve = SigningKey::from_bytes(Curve::P384, &[1; 48]).unwrap();
    assert_eq!(refused(&other_curve), BundleError::AlgorithmRefused);
    let other_kind = SigningKey::from_bytes(Curve::Ed25519, &[1; 32]).unwrap();
    assert_eq!(refused(&other_kind), BundleError::AlgorithmRefused);
    assert!(verify(&bytes, key(1).public_key()).is_ok(), "the untouched twin");
}

#[test]
fn a_changed_byte_is_noticed_wherever_it_stands() {
    let bytes = good();
    let payload = bytes
        .windows(8)
        .position(|window| window == b"\x67version")
        .unwrap()
        - 1;
    let signature = bytes.len() - 64;
    assert!(verify(&bytes, key(1).public_key()).is_ok(), "the untouched twin");
    let changed = |index: usize, bit: u8| {
        let mut changed = bytes.clone();
        changed[index] ^= bit;
        fault(&changed)
    };
    // One of each class, by what it is.
    let mismatch = BundleError::Signature(SignatureError::Mismatch);
    assert_eq!(changed(0, 1), BundleError::Tag, "the tag");
    assert_eq!(
        changed(1, 1),
        BundleError::Cbor(mdoc::cbor::Error {
            kind: ErrorKind::Truncated,
            offset: bytes.len()
        }),
        "the array"
    );
    let protected = mdoc::cbor::Error {
        kind: ErrorKind::Truncated,
        offset: 43,
    };
    assert_eq!(
        changed(4, 1),
        BundleError::Message(MessageError::Protected(protected)),
        "the header, now of three"
    );
    assert_eq!(changed(6, 1), BundleError::AlgorithmRefused, "the algorithm");
    assert_eq!(changed(20, 1), BundleError::ContentType, "the content type");
    for index in [payload, payload + 20, signature - 100, signature - 3] {
        assert_eq!(changed(index, 1), mismatch, "content at {index}");
    }
    for index in [signature, signature + 31, signature + 32, bytes.len() - 1] {
        assert_eq!(changed(index, 1), mismatch, "signature at {index}");
    }
    // And every single one, whatever it is.
    for index in 0..bytes.len() {
        for bit in [0x01, 0x80] {
            changed(index, bit);
        }
    }
}

#[test]
fn a_bundle_that_is_cut_off_or_goes_on_is_refused() {
    let bytes = good();
    for length in 0..bytes.len() {
        let BundleError::Cbor(error) = fault(&bytes[..length]) else {
            panic!("{length}: {:?}", fault(&bytes[..length]));
        };
        assert_eq!(error.kind, ErrorKind::Truncated, "{length}");
    }
    let longer = [&bytes[..], &[0]].concat();
    let BundleError::Cbor(error) = fault(&longer) else {
        panic!("{:?}", fault(&longer));
    };
    assert_eq!((error.kind, error.offset), (ErrorKind::Trailing, bytes.len()));
}

#[test]
fn a_bundle_over_the_limit_is_not_looked_at() {
    let mut bytes = vec![0; MAX_BYTES + 1];
    assert_eq!(fault(&bytes), BundleError::TooLarge(MAX_BYTES + 1));
    bytes.pop();
    assert!(
        !matches!(fault(&bytes), BundleError::TooLarge(_)),
        "the twin at the limit"
    );
}

#[test]
fn an_envelope_of_another_kind_is_refused() {
    let twin = of_content(|_| ());
    assert!(verify(&twin, key(1).public_key()).is_ok(), "the untouched twin");
    let parts = |protected: Cbor, unprotected: Cbor, payload: Cbor| {
        encode(&Cbor::Tag(
            18,
            Box::new(Cbor::Array(vec![
                protected,
                unprotected,
                payload,
                Cbor::Bytes(vec![0; 64]),
            ])),
        ))
    };
    let header = |map: Pairs| Cbor::Bytes(encode(&Cbor::Map(map)));
    let (none, payload) = (Cbor::Map(Vec::new()), Cbor::Bytes(vec![0xa0]));
    let x5chain = Cbor::Map(vec![(33.into(), Cbor::Bytes(vec![1]))]);
    for (bytes, expected) in [
        (twin[1..].to_vec(), BundleError::Tag),
        ([&[0xd1], &twin[1..]].concat(), BundleError::Tag),
        (
            parts(header(protected()), x5chain, payload.clone()),
            BundleError::Unprotected,
        ),
        (
            parts(header(protected()), none.clone(), Cbor::Null),
            BundleError::Detached,
        ),
        (
            parts(header(protected()), Cbor::Array(Vec::new()), payload.clone()),
            BundleError::Message(MessageError::Unprotected),
        ),
        (
            parts(Cbor::Map(protected()), none.clone(), payload.clone()),
            BundleError::Message(MessageError::ProtectedType),
        ),
        (
            parts(header(protected()), none.clone(), "text".into()),
            BundleError::Message(MessageError::Payload),
        ),
        (
            encode(&Cbor::Tag(18, Box::new(Cbor::Array(Vec::new())))),
            BundleError::Message(MessageError::Shape),
        ),
    ] {
        assert_eq!(fault(&bytes), expected);
    }
}

#[test]
fn headers_are_those_of_a_bundle() {
    let payload = encode(&Cbor::Map(content()));
    let with = |change: &dyn Fn(&mut Pairs)| {
        let mut header = protected();
        change(&mut header);
        signed(header, &payload)
    };
    assert!(
        verify(&with(&|_| ()), key(1).public_key()).is_ok(),
        "the untouched twin"
    );
    let unknown = with(&|header| header.push((99.into(), 1.into())));
    assert!(
        verify(&unknown, key(1).public_key()).is_ok(),
        "a header that is not critical"
    );
    for (bytes, expected) in [
        (
            with(&|header| {
                header.push((2.into(), Cbor::Array(vec![99.into()])));
                header.push((99.into(), 1.into()));
            }),
            BundleError::Header(HeaderFault::Critical),
        ),
        (
            with(&|header| header[1].1 = "application/cwt".into()),
            BundleError::ContentType,
        ),
        (with(&|header| header[1].1 = 60.into()), BundleError::ContentType),
        (
            with(&|header| header[1].1 = Cbor::Bytes(CONTENT_TYPE.into())),
            BundleError::ContentType,
        ),
        (with(&|header| drop(header.pop())), BundleError::ContentType),
        (
            with(&|header| drop(header.remove(0))),
            BundleError::Algorithm(AlgorithmFault::Missing),
        ),
        (
            with(&|header| header[0].1 = "ES256".into()),
            BundleError::Algorithm(AlgorithmFault::NotAnInteger),
        ),
        (
            with(&|header| header[0].1 = (-35).into()),
            BundleError::AlgorithmRefused,
        ),
        (
            with(&|header| header[0].1 = 5.into()),
            BundleError::AlgorithmRefused,
        ),
    ] {
        assert_eq!(fault(&bytes), expected);
    }
    let twice = with(&|header| header.push((3.into(), CONTENT_TYPE.into())));
    let BundleError::Message(MessageError::Protected(error)) = fault(&twice) else {
        panic!("{:?}", fault(&twice));
    };
    assert_eq!(error.kind, ErrorKind::DuplicateKey);
}

#[test]
fn the_content_is_strict() {
    let kind = |bytes: &[u8]| match fault(bytes) {
        BundleError::Content(error) => error.kind,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        kind(&of_content(|content| content.push(("number".into(), 6.into())))),
        ErrorKind::DuplicateKey
    );
    assert_eq!(
        kind(&of_entry(|entry| entry.push(("name".into(), "status/c".into())))),
        ErrorKind::DuplicateKey
    );
    let payload = encode(&Cbor::Map(content()));
    assert_eq!(
        kind(&signed(protected(), &[&payload[..], &[0]].concat())),
        ErrorKind::Trailing
    );
    assert_eq!(
        kind(&signed(protected(), &payload[..payload.len() - 1])),
        ErrorKind::Truncated
    );
    assert_eq!(kind(&signed(protected(), b"")), ErrorKind::Truncated);
    assert_eq!(kind(&signed(protected(), b"\xbf\xff")), ErrorKind::Indefinite);
    let nested = of_entry(|entry| entry[2].1 = Cbor::Array(vec![Cbor::Array(Vec::new())]));
    assert_eq!(kind(&nested), ErrorKind::Depth);
    let many = of_entries(|entries| *entries = vec![Cbor::Null; MAX_ENTRIES + 1]);
    assert_eq!(kind(&many), ErrorKind::TooManyItems);
    let most = of_entries(|entries| *entries = vec![Cbor::Null; MAX_ENTRIES]);
    let first = BundleError::Entry {
        index: 0,
        fault: EntryFault::Type,
    };
    assert_eq!(fault(&most), first, "the twin at the limit");
}

#[test]
fn members_are_all_there_and_no_others() {
    for name in ["version", "number", "created", "expires", "entries"] {
        let without = of_content(|content| content.retain(|(key, _)| key.as_text() != Some(name)));
        assert_eq!(fault(&without), BundleError::Member(name), "{name}");
        let typed = of_content(|content| set(content, name, true));
        assert_eq!(fault(&typed), BundleError::Member(name), "{name}");
    }
    for (name, value) in [("number", -1), ("created", -1), ("expires", -1)] {
        let negative = of_content(|content| set(content, name, value));
        assert_eq!(fault(&negative), BundleError::Member(name), "{name}");
    }
    let more = of_content(|content| content.push(("colour".into(), 1.into())));
    assert_eq!(fault(&more), BundleError::Member("(one that is not known)"));
    assert_eq!(
        fault(&signed(protected(), b"\x80")),
        BundleError::Member("(the map itself)")
    );
    assert_eq!(
        fault(&of_content(|content| set(content, "version", 2))),
        BundleError::Version(2)
    );
}

#[test]
fn a_number_that_jumps_is_refused() {
    let with = |number: u64| of_content(|content| set(content, "number", number));
    let made = u64::try_from(CREATED).unwrap();
    for number in [1, made, made + NUMBER_AHEAD] {
        assert!(verify(&with(number), key(1).public_key()).is_ok(), "{number}");
    }
    // Nothing could ever follow the last of these.
    for number in [0, made + NUMBER_AHEAD + 1, u64::MAX] {
        let created = at(CREATED);
        assert_eq!(fault(&with(number)), BundleError::Number { number, created });
    }
}

#[test]
fn an_older_number_never_takes_the_place_of_a_newer() {
    let of = |number: u64| {
        let bytes = of_content(|content| set(content, "number", number));
        *verify(&bytes, key(1).public_key()).unwrap().facts()
    };
    assert_eq!(of(6).check_follows(&of(5)), Ok(()), "the twin");
    assert_eq!(
        of(4).check_follows(&of(5)),
        Err(BundleError::Older { held: 5, offered: 4 })
    );
    assert_eq!(of(5).check_follows(&of(5)), Err(BundleError::SameNumber(5)));
}

#[test]
fn a_lifetime_has_an_end_after_its_beginning() {
    let with = |expires: i64| of_content(|content| set(content, "expires", expires));
    for expires in [CREATED + 1, CREATED + MAX_LIFETIME] {
        assert!(verify(&with(expires), key(1).public_key()).is_ok(), "{expires}");
    }
    for expires in [CREATED, CREATED - 1, 0, CREATED + MAX_LIFETIME + 1] {
        let (created, expires) = (at(CREATED), at(expires));
        assert_eq!(
            fault(&with(expires.seconds())),
            BundleError::Lifetime { created, expires }
        );
    }
}

#[test]
fn an_expired_bundle_loads_nothing() {
    let load = |now: i64| {
        verify(&good(), key(1).public_key())
            .unwrap()
            .load(at(now))
            .map(drop)
    };
    assert_eq!(load(EXPIRES), Ok(()), "the twin in its last second");
    let (expires, now) = (at(EXPIRES), at(EXPIRES + 1));
    assert_eq!(load(EXPIRES + 1), Err(BundleError::Expired { expires, now }));
    let (created, now) = (at(CREATED), at(CREATED - 301));
    assert_eq!(load(CREATED - 301), Err(BundleError::NotYet { created, now }));
}

#[test]
fn entries_are_files_of_known_folders_in_order() {
    assert!(
        verify(&of_entries(|_| ()), key(1).public_key()).is_ok(),
        "the untouched twin"
    );
    for name in [
        "status",
        "status/",
        "/status/a",
        "other/a",
        "status/../a",
        "status/a/b",
        "status/.a",
        "status/a\\b",
        "status/a\n",
        "purposes/a",
        "profiles/a.pem",
        "",
        "STATUS/z",
    ] {
        assert_entry(&of_entry(|entry| set(entry, "name", name)), EntryFault::Name);
    }
    let long = format!("status/{}", "b".repeat(248));
    assert!(
        verify(
            &of_entry(|entry| set(entry, "name", long.as_str())),
            key(1).public_key()
        )
        .is_ok()
    );
    assert_entry(
        &of_entry(|entry| set(entry, "name", long + "b")),
        EntryFault::Name,
    );
    for name in ["status/a", "status/A", "anchors/a"] {
        assert_entry(&of_entry(|entry| set(entry, "name", name)), EntryFault::Order);
    }
    assert_entry(
        &of_entry(|entry| set(entry, "fetched", CREATED + 1)),
        EntryFault::Fetched,
    );
    for name in ["name", "fetched", "content"] {
        assert_entry(
            &of_entry(|entry| entry.retain(|(key, _)| key.as_text() != Some(name))),
            EntryFault::Member(name),
        );
        assert_entry(
            &of_entry(|entry| set(entry, name, true)),
            EntryFault::Member(name),
        );
    }
    let expiring = |value: Cbor| of_entry(|entry| entry.push(("expires".into(), value)));
    assert!(verify(&expiring(0.into()), key(1).public_key()).is_ok());
    assert_entry(&expiring("soon".into()), EntryFault::Member("expires"));
    let more = of_entry(|entry| entry.push(("colour".into(), 1.into())));
    assert_entry(&more, EntryFault::Member("(one that is not known)"));
    assert_entry(&of_entries(|entries| entries[1] = Cbor::Null), EntryFault::Type);
}

#[test]
fn files_at_fault_are_at_fault_in_a_bundle_too() {
    let refused = |entries: Vec<Entry>| match build(&facts(), entries, &key(1)) {
        Err(BuildError::Refused(error)) => error,
        other => panic!("{other:?}"),
    };
    let BundleError::Trust(error) = refused(vec![entry("anchors/a.pem", b"no pem")]) else {
        panic!("a trust directory of this file is refused");
    };
    assert_eq!(
        (error.file.as_str(), error.fault.as_str()),
        ("anchors/a.pem", "not PEM of certificates")
    );
    let BundleError::Purpose { name, .. } = refused(vec![entry("purposes/a.toml", b"id = 1")]) else {
        panic!("no purpose");
    };
    assert_eq!(name, "purposes/a.toml");
    let own = relying_party::purpose::READY_MADE[0].1.as_bytes();
    let twice = vec![entry("purposes/a.toml", own), entry("purposes/b.toml", own)];
    assert_eq!(refused(twice), BundleError::PurposeTwice("age-20".to_owned()));
    assert!(matches!(
        refused(vec![entry("profiles/a.toml", b"name = 1")]),
        BundleError::Profile(_)
    ));
    let not_text = refused(vec![entry("profiles/a.toml", b"\xff")]);
    assert!(not_text.to_string().contains("profiles/a.toml"), "{not_text}");
    let same_name = vec![entry("status/a", b""), entry("status/a", b"")];
    assert_eq!(
        refused(same_name),
        BundleError::Entry {
            index: 1,
            fault: EntryFault::Order
        }
    );
    let number = BundleFacts {
        number: u64::MAX,
        ..facts()
    };
    assert!(matches!(
        build(&number, Vec::new(), &key(1)),
        Err(BuildError::Refused(BundleError::Number { .. }))
    ));
    assert!(
        build(&facts(), vec![anchor()], &key(1)).is_ok(),
        "the untouched twin"
    );
}

#[test]
fn lists_in_a_bundle_are_judged_like_lists_in_a_directory() {
    let mut forged = token("https://status.example/1", 64);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    // A bomb: a short list that unfolds beyond the bound of one list.
    let bomb = token("https://status.example/2", mdoc::limits::STATUS_LIST_BYTES + 1);
    assert!(bomb.len() < 64 * 1024, "{} bytes", bomb.len());
    let entries = vec![
        entry("status/bomb.cwt", &bomb),
        entry("status/forged.cwt", &forged),
        entry("status/good.cwt", &token("https://status.example/3", 64)),
        entry("crls/none.crl", b"no list"),
    ];
    let (_, loaded) = build(&facts(), entries, &key(1)).unwrap();
    let skipped: Vec<(&str, &str)> = loaded
        .trust()
        .skipped()
        .iter()
        .map(|(file, reason)| (file.as_str(), reason.as_str()))
        .collect();
    assert_eq!(skipped.len(), 3, "{skipped:?}");
    assert_eq!(skipped[0], ("crls/none.crl", "not a DER CRL"));
    let unfolds = format!(
        "the status list unfolds to more than {} bytes",
        mdoc::limits::STATUS_LIST_BYTES
    );
    assert_eq!(skipped[1], ("status/bomb.cwt", unfolds.as_str()));
    assert_eq!(skipped[2].0, "status/forged.cwt");
    assert!(
        skipped[2].1.starts_with("the token's signature does not hold"),
        "{skipped:?}"
    );
    assert_eq!(loaded.trust().evidence().tokens().count(), 1, "the good one");
}

#[test]
fn many_lists_together_have_a_bound() {
    let list = |number: usize| token(&format!("https://status.example/{number}"), 1024);
    let mut evidence = Evidence::with_unfolded_bound(4 * 1024);
    for number in 0..4 {
        evidence.add_token(&list(number)).unwrap();
    }
    let error = evidence.add_token(&list(4)).unwrap_err();
    assert_eq!(error, relying_party::EvidenceError::TooMuch(4 * 1024));
    assert_eq!(evidence.tokens().count(), 4);
    // What is there already may go where a newer list of the same name stands: nothing grows.
    let mut roomy = Evidence::with_unfolded_bound(5 * 1024);
    for number in 0..5 {
        roomy.add_token(&list(number)).unwrap();
    }
}
