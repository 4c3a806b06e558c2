//! A VICAL as a whole: form, signature, signer, authority, window, issues. Each fault stands beside
//! the same list without it.

use std::sync::Arc;

use super::factory::{
    AKI, BASIC_CONSTRAINTS, COMMON_NAME, COUNTRY, DAY, EKU, Issuer, KEY_USAGE, Key, NOW, PRINTABLE, START,
    Spec, UTF8, anchor, at, authority, authority_key_identifier, extended_key_usage, key_usage, name,
    name_in,
};
use super::vical_factory::{
    DATE, List, MDL, PHOTO_ID, Provider, array, bytes, info, map, number, root, tagged, tdate, text,
};
use crate::cbor::ErrorKind;
use crate::cose::{AlgorithmFault, ChainFault, HeaderFault, MessageError};
use crate::crypto::SignatureError;
use crate::limits::{TRUST_LIST_BYTES, TRUST_LIST_ENTRIES};
use crate::version::VersionError;
use crate::x509::{
    Anchor, AnchorSet, AuthorityFault, CertificateRole, CertificateRule, Deviation, IssuerCertificateProfile,
    PathError, Rollback, SelectError, TrustList, Validity, Vical, VicalError, VicalIssue, build_path,
};

fn good() -> (Provider, List) {
    let provider = Provider::new();
    let (spec, key) = root(60);
    let list = provider.list(&[info(&spec.sign(&key), &[MDL])]);
    (provider, list)
}

#[test]
fn a_conforming_list_counts() {
    let (provider, list) = good();
    let list = list
        .with("nextUpdate", tdate(DATE + 30 * DAY))
        .with("notAfter", tdate(DATE + 90 * DAY))
        .with("vicalURL", text("https://lists.example.test/"))
        .with("Extensions", map(&[]))
        .with("futureMember", array(&[]));
    let signed = list.sign();
    for bytes in [signed.clone(), tagged(18, &signed)] {
        let list = Vical::decode(&bytes).unwrap();
        assert_eq!(list.issue().provider, "Test provider");
        assert_eq!(list.issue().issue_id, Some(7));
        assert_eq!(list.issue().date, at(DATE));
        assert_eq!(list.next_update(), Some(at(DATE + 30 * DAY)));
        assert_eq!(list.not_after(), Some(at(DATE + 90 * DAY)));
        assert_eq!(list.url(), Some("https://lists.example.test/"));
        let trusted = list.vouched_by(&[provider.authority()]).unwrap();
        assert_eq!(trusted.from, at(DATE));
        assert_eq!(trusted.until, at(DATE + 90 * DAY));
    }
    // The chain may stand in the protected header, where the lists of readers' authorities have it.
    let mut protected = provider.list(&[]);
    let chain = bytes(&provider.signer_der());
    protected.protected = [&[0xa2, 0x01, 0x26, 0x18, 0x21], chain.as_slice()].concat();
    protected.unprotected.clear();
    assert!(
        protected
            .decode()
            .unwrap()
            .vouched_by(&[provider.authority()])
            .is_ok()
    );
}

#[test]
fn a_list_that_is_cut_or_goes_on_is_refused() {
    let (_, list) = good();
    let signed = list.sign();
    assert!(Vical::decode(&signed).is_ok());
    for end in 0..signed.len() {
        let Err(VicalError::Cbor(error)) = Vical::decode(&signed[..end]) else {
            panic!("{end} bytes");
        };
        assert_eq!(error.kind, ErrorKind::Truncated, "{end} bytes");
    }
    let longer = [signed.as_slice(), &[0]].concat();
    let Err(VicalError::Cbor(error)) = Vical::decode(&longer) else {
        panic!("a byte more");
    };
    assert_eq!(error.kind, ErrorKind::Trailing);
    let content = [map(&list.members), vec![0]].concat();
    let Err(VicalError::Payload(error)) = Vical::decode(&list.sign_payload(&content)) else {
        panic!("a byte more in the content");
    };
    assert_eq!(error.kind, ErrorKind::Trailing);
}

#[test]
fn a_list_with_any_bit_changed_is_refused() {
    let (provider, list) = good();
    let signed = list.sign();
    let authorities = [provider.authority()];
    let holds = |bytes: &[u8]| Vical::decode(bytes).is_ok_and(|list| list.vouched_by(&authorities).is_ok());
    assert!(holds(&signed));
    for index in 0..signed.len() {
        let mut changed = signed.clone();
        changed[index] ^= 1 << (index % 8);
        assert!(!holds(&changed), "byte {index}");
    }
    let mut changed = signed.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(
        Vical::decode(&changed).unwrap_err(),
        VicalError::Signature(SignatureError::Mismatch)
    );
}

#[test]
fn headers_that_deviate_are_named() {
    let (provider, _) = good();
    let chain = bytes(&provider.signer_der());
    let decode = |protected: &[u8], unprotected: Vec<(i64, Vec<u8>)>| {
        let mut list = provider.list(&[]);
        list.protected = protected.to_vec();
        list.unprotected = unprotected;
        list.decode().map(|_| ())
    };
    let es256: &[u8] = &[0xa1, 0x01, 0x26];
    let beside = || (33, chain.clone());
    assert_eq!(decode(es256, vec![beside()]), Ok(()));
    assert_eq!(
        decode(&[0xa0], vec![(1, vec![0x26]), beside()]),
        Err(VicalError::Algorithm(AlgorithmFault::Unprotected))
    );
    assert_eq!(
        decode(&[], vec![beside()]),
        Err(VicalError::Algorithm(AlgorithmFault::Missing))
    );
    assert_eq!(
        decode(&[0xa1, 0x01, 0x61, 0x61], vec![beside()]),
        Err(VicalError::Algorithm(AlgorithmFault::NotAnInteger))
    );
    // RS256, which is not allowed; ES384 and EdDSA, which do not fit a key on P-256.
    for algorithm in [&[0x39, 0x01, 0x00][..], &[0x38, 0x22], &[0x27]] {
        let protected = [&[0xa1, 0x01], algorithm].concat();
        assert_eq!(
            decode(&protected, vec![beside()]),
            Err(VicalError::AlgorithmNotAllowed),
            "{algorithm:?}"
        );
    }
    assert_eq!(
        decode(&[0xa2, 0x01, 0x26, 0x02, 0x81, 0x01], vec![beside()]),
        Err(VicalError::Header(HeaderFault::Critical))
    );
    assert_eq!(
        decode(es256, vec![(1, vec![0x26]), beside()]),
        Err(VicalError::Header(HeaderFault::LabelTwice))
    );
    assert_eq!(decode(es256, vec![]), Err(VicalError::Chain(ChainFault::Missing)));
    assert_eq!(
        decode(es256, vec![(33, array(&[]))]),
        Err(VicalError::Chain(ChainFault::Empty))
    );
    assert_eq!(
        decode(es256, vec![(33, array(&vec![chain.clone(); 6]))]),
        Err(VicalError::Chain(ChainFault::TooLong))
    );
    assert_eq!(
        decode(es256, vec![(33, array(&[chain.clone(), chain.clone()]))]),
        Err(VicalError::Path(PathError::Order))
    );
    let Err(VicalError::Cbor(twice)) = decode(es256, vec![beside(), beside()]) else {
        panic!("one label twice");
    };
    assert_eq!(twice.kind, ErrorKind::DuplicateKey);
}

#[test]
fn another_shape_is_refused() {
    let (_, list) = good();
    let signed = list.sign();
    assert!(Vical::decode(&signed).is_ok());
    assert_eq!(
        Vical::decode(&tagged(17, &signed)).unwrap_err(),
        VicalError::Message(MessageError::Shape)
    );
    assert_eq!(
        Vical::decode(&array(&[])).unwrap_err(),
        VicalError::Message(MessageError::Shape)
    );
    let detached = array(&[
        bytes(&list.protected),
        // { 33: chain }
        [&[0xa1, 0x18, 0x21], list.unprotected[0].1.as_slice()].concat(),
        vec![0xf6],
        bytes(&[0; 64]),
    ]);
    assert_eq!(Vical::decode(&detached).unwrap_err(), VicalError::NoPayload);
    let not_a_map = list.sign_payload(&array(&[]));
    assert_eq!(Vical::decode(&not_a_map).unwrap_err(), VicalError::NotAMap);
    let mut twice = list.members.clone();
    twice.push(("date", tdate(DATE + 1)));
    let Err(VicalError::Payload(error)) = Vical::decode(&list.sign_payload(&map(&twice))) else {
        panic!("a member twice");
    };
    assert_eq!(error.kind, ErrorKind::DuplicateKey);
}

#[test]
fn members_that_deviate_are_named() {
    let error = |change: fn(List) -> List| change(good().1).decode().map(|_| ()).unwrap_err();
    assert!(good().1.decode().is_ok());
    assert_eq!(
        error(|list| list.without("version")),
        VicalError::Member("version")
    );
    assert_eq!(
        error(|list| list.with("version", text("2.0"))),
        VicalError::Version(VersionError::Unsupported)
    );
    assert_eq!(
        error(|list| list.with("version", number(1))),
        VicalError::Version(VersionError::Malformed)
    );
    assert!(good().1.with("version", text("1.7")).decode().is_ok());
    for (name, change) in [
        (
            "vicalProvider",
            (|list| list.without("vicalProvider")) as fn(List) -> List,
        ),
        ("vicalProvider", |list| list.with("vicalProvider", number(1))),
        ("vicalProvider", |list| list.with("vicalProvider", text(""))),
        ("vicalProvider", |list| {
            list.with("vicalProvider", text(&"a".repeat(257)))
        }),
        ("date", |list| list.without("date")),
        ("date", |list| list.with("date", text("2026-01-02T00:00:00Z"))),
        ("date", |list| {
            list.with("date", tagged(0, &text("2026-01-02T00:00:00+01:00")))
        }),
        ("date", |list| list.with("date", tagged(1, &number(1)))),
        ("vicalIssueID", |list| list.with("vicalIssueID", text("7"))),
        ("vicalIssueID", |list| list.with("vicalIssueID", vec![0x20])),
        ("nextUpdate", |list| list.with("nextUpdate", number(7))),
        ("notAfter", |list| list.with("notAfter", text("never"))),
        ("vicalURL", |list| list.with("vicalURL", text(&"a".repeat(2049)))),
        ("certificateInfos", |list| list.without("certificateInfos")),
        ("certificateInfos", |list| list.with("certificateInfos", map(&[]))),
    ] {
        assert_eq!(error(change), VicalError::Member(name));
    }
    // Left out and null are the same; no entry is no fault.
    let null = good().1.with("nextUpdate", vec![0xf6]).decode().unwrap();
    assert_eq!(null.next_update(), None);
    let empty = good().1.with("certificateInfos", array(&[])).decode().unwrap();
    assert_eq!(empty.entries().len(), 0);
    assert_eq!(
        error(|list| list.with("notAfter", tdate(DATE - 1))),
        VicalError::Window
    );
    assert!(good().1.with("notAfter", tdate(DATE)).decode().is_ok());
}

#[test]
fn a_list_over_a_limit_is_refused() {
    let over = vec![0; TRUST_LIST_BYTES + 1];
    assert_eq!(
        Vical::decode(&over).unwrap_err(),
        VicalError::TooLarge(TRUST_LIST_BYTES + 1)
    );
    assert!(matches!(
        Vical::decode(&over[1..]).unwrap_err(),
        VicalError::Cbor(error) if error.kind == ErrorKind::Trailing
    ));
    let of = |count: usize| {
        good()
            .1
            .with("certificateInfos", array(&vec![map(&[]); count]))
            .decode()
    };
    assert_eq!(
        of(TRUST_LIST_ENTRIES).unwrap().entries().len(),
        TRUST_LIST_ENTRIES
    );
    let Err(VicalError::Payload(error)) = of(TRUST_LIST_ENTRIES + 1) else {
        panic!("an entry too many");
    };
    assert_eq!(error.kind, ErrorKind::TooManyItems);
}

/// Judges a list signed by this changed signer.
fn vouched(change: impl FnOnce(&mut Provider)) -> Result<(), AuthorityFault> {
    let mut provider = Provider::new();
    let authority = provider.authority();
    change(&mut provider);
    let list = provider.list(&[]).decode().unwrap();
    list.vouched_by(&[authority]).map(|_| ())
}

fn breaks(rule: CertificateRule) -> Result<(), AuthorityFault> {
    let role = CertificateRole::VicalSigner;
    Err(AuthorityFault::Signer(SelectError::Deviation(Deviation {
        role,
        rule,
    })))
}

#[test]
fn a_signer_that_breaks_its_profile_is_refused() {
    assert_eq!(vouched(|_| {}), Ok(()));
    let usage = |usages: &'static [&'static str]| {
        vouched(|provider| provider.signer.extension(EKU).value = extended_key_usage(usages))
    };
    assert_eq!(usage(&["1.0.18013.5.1.8"]), Ok(()));
    assert_eq!(
        usage(&["1.0.18013.5.1.2"]),
        breaks(CertificateRule::ExtendedKeyUsage)
    );
    assert_eq!(
        usage(&["1.0.18013.5.1.6"]),
        breaks(CertificateRule::ExtendedKeyUsage)
    );
    assert_eq!(
        vouched(|provider| provider.signer.remove(EKU)),
        breaks(CertificateRule::ExtendedKeyUsage)
    );
    for bits in [0x80, 0xc0, 0x46] {
        assert_eq!(
            vouched(|provider| provider.signer.extension(KEY_USAGE).value = key_usage(bits)),
            breaks(CertificateRule::KeyUsage),
            "{bits:#x}"
        );
    }
    assert_eq!(
        vouched(|provider| provider.signer.extension(KEY_USAGE).critical = false),
        breaks(CertificateRule::KeyUsage)
    );
    assert_eq!(
        vouched(|provider| provider.signer.not_after += 1),
        breaks(CertificateRule::Lifetime)
    );
    assert_eq!(
        vouched(|provider| provider.signer.add(BASIC_CONSTRAINTS, true, authority(None))),
        breaks(CertificateRule::BasicConstraints)
    );
    assert_eq!(
        vouched(|provider| {
            provider.signer.remove(AKI);
        }),
        breaks(CertificateRule::AuthorityKeyIdentifier)
    );
}

#[test]
fn a_signer_must_be_valid_at_the_date_of_the_list() {
    let window = |not_before, not_after| Validity {
        role: CertificateRole::VicalSigner,
        not_before: at(not_before),
        not_after: at(not_after),
    };
    let of = |not_before, not_after| {
        vouched(move |provider| {
            provider.signer.not_before = not_before;
            provider.signer.not_after = not_after;
        })
    };
    assert_eq!(of(START, DATE), Ok(()));
    assert_eq!(
        of(START, DATE - 1),
        Err(AuthorityFault::Signer(SelectError::Expired(window(
            START,
            DATE - 1
        ))))
    );
    assert_eq!(of(DATE, DATE + DAY), Ok(()));
    assert_eq!(
        of(DATE + 1, DATE + DAY),
        Err(AuthorityFault::Signer(SelectError::NotYetValid(window(
            DATE + 1,
            DATE + DAY
        ))))
    );
}

#[test]
fn an_authority_vouches_by_name_and_key() {
    let provider = Provider::new();
    let list = provider.list(&[]).decode().unwrap();
    let vouched = |authority: &Spec, key: &Key| list.vouched_by(&[authority.parse(key)]).map(|_| ());
    assert_eq!(vouched(&provider.authority, &provider.authority_key), Ok(()));
    // The same name with another key, and another name with the same key.
    let stranger = Key::p256(52);
    let impostor = Spec::root(&provider.authority_name, &stranger);
    assert_eq!(vouched(&impostor, &stranger), Err(AuthorityFault::Key));
    let other = Spec::root(&name_in("JP", "Another authority"), &provider.authority_key);
    assert_eq!(
        vouched(&other, &provider.authority_key),
        Err(AuthorityFault::Unknown)
    );
    assert_eq!(list.vouched_by(&[]), Err(AuthorityFault::Unknown));
    // One that fits is found among those that do not, and the nearest miss is told.
    let authorities = [
        other.parse(&stranger),
        impostor.parse(&stranger),
        provider.authority(),
    ];
    assert!(list.vouched_by(&authorities).is_ok());
    assert_eq!(list.vouched_by(&authorities[..2]), Err(AuthorityFault::Key));
}

#[test]
fn an_authority_must_be_valid_at_the_date_of_the_list() {
    let mut provider = Provider::new();
    let list = provider.list(&[]).decode().unwrap();
    provider.authority.not_after = DATE;
    let trusted = list.vouched_by(&[provider.authority()]).unwrap();
    assert_eq!(trusted.until, at(DATE), "it counts no longer than its authority");
    provider.authority.not_after = DATE - 1;
    let window = Validity {
        role: CertificateRole::Anchor,
        not_before: at(START),
        not_after: at(DATE - 1),
    };
    assert_eq!(
        list.vouched_by(&[provider.authority()]),
        Err(AuthorityFault::NotValid(window))
    );
}

#[test]
fn every_certificate_below_the_authority_counts() {
    let provider = Provider::new();
    let (issuing_name, issuing_key) = (name_in("JP", "Test issuing authority"), Key::p256(53));
    let above = (provider.authority_name.as_slice(), &provider.authority_key);
    let mut issuing = Spec::intermediate(&issuing_name, &issuing_key, above);
    let mut signer = provider.signer.clone();
    signer.issuer.clone_from(&issuing_name);
    signer.extension(AKI).value = authority_key_identifier(&issuing_key.identifier());
    let list = |issuing: &Spec, root_too: bool| {
        let mut list = provider.list(&[]);
        let mut chain = vec![
            bytes(&signer.sign(&issuing_key)),
            bytes(&issuing.sign(&provider.authority_key)),
        ];
        if root_too {
            chain.push(bytes(provider.authority().der()));
        }
        list.unprotected = vec![(33, array(&chain))];
        list.decode().unwrap()
    };
    for root_too in [false, true] {
        let list = list(&issuing, root_too);
        let trusted = list.vouched_by(&[provider.authority()]).unwrap();
        assert_eq!(trusted.until, at(START + 1187 * DAY));
        assert!(list.vouched_by(&[issuing.parse(&provider.authority_key)]).is_ok());
    }
    // The list ends with the authority in between, not with the signer.
    issuing.not_after = START + 100 * DAY;
    let short = list(&issuing, true);
    let trusted = short.vouched_by(&[provider.authority()]).unwrap();
    assert_eq!(trusted.until, at(START + 100 * DAY));
    issuing.extension(KEY_USAGE).value = key_usage(0x80);
    let deviation = Deviation {
        role: CertificateRole::Intermediate,
        rule: CertificateRule::KeyUsage,
    };
    assert_eq!(
        list(&issuing, true).vouched_by(&[provider.authority()]),
        Err(AuthorityFault::Signer(SelectError::Deviation(deviation)))
    );
}

fn trusted(change: impl FnOnce(List) -> List) -> Arc<TrustList> {
    let (provider, list) = good();
    let list = change(list).decode().unwrap();
    Arc::new(list.vouched_by(&[provider.authority()]).unwrap())
}

/// A document signer of `issuer`, judged with the issuer's root out of these lists.
fn judged(
    lists: &[(&Arc<TrustList>, &[&str])],
    doc_type: &str,
    earliest: i64,
    latest: i64,
) -> Result<(), SelectError> {
    let issuer = Issuer::new();
    let anchors = lists.iter().map(|(list, doc_types)| Anchor {
        doc_types: Some(doc_types.iter().map(|&doc_type| doc_type.to_owned()).collect()),
        list: Some(Arc::clone(list)),
        ..anchor(&issuer.root_der())
    });
    let (anchors, faults) = AnchorSet::new(anchors.collect());
    assert_eq!(faults, []);
    let profile = IssuerCertificateProfile::default();
    let paths = build_path(&[&issuer.signer_der()], &anchors, |_| &profile).unwrap();
    assert_eq!(paths.paths().len(), lists.len());
    paths.select(doc_type, at(earliest), at(latest)).map(|_| ())
}

#[test]
fn an_anchor_counts_while_its_list_does() {
    let list = trusted(|list| list.with("notAfter", tdate(NOW)));
    let at = |now: i64| judged(&[(&list, &[MDL])], MDL, now, now);
    let (from, until) = (list.from, list.until);
    assert_eq!(at(DATE), Ok(()));
    assert_eq!(at(DATE - 1), Err(SelectError::ListNotYetInForce(from)));
    assert_eq!(at(NOW), Ok(()));
    assert_eq!(at(NOW + 1), Err(SelectError::ListEnded(until)));
    // Clocks that may differ by a minute.
    let with_skew = |now: i64| judged(&[(&list, &[MDL])], MDL, now - 60, now + 60);
    assert_eq!(with_skew(NOW + 60), Ok(()));
    assert_eq!(with_skew(NOW + 61), Err(SelectError::ListEnded(until)));
    assert_eq!(with_skew(DATE - 60), Ok(()));
    assert_eq!(with_skew(DATE - 61), Err(SelectError::ListNotYetInForce(from)));
}

#[test]
fn an_anchor_of_a_list_vouches_for_the_types_it_is_listed_with() {
    let list = trusted(|list| list);
    assert_eq!(judged(&[(&list, &[MDL])], MDL, NOW, NOW), Ok(()));
    assert_eq!(
        judged(&[(&list, &[MDL])], PHOTO_ID, NOW, NOW),
        Err(SelectError::OutOfScope)
    );
}

#[test]
fn one_certificate_in_two_lists_counts_while_either_does() {
    let ended = trusted(|list| list.with("notAfter", tdate(DATE)));
    let open = trusted(|list| list);
    assert_eq!(
        judged(&[(&ended, &[MDL])], MDL, NOW, NOW),
        Err(SelectError::ListEnded(ended.until))
    );
    assert_eq!(
        judged(&[(&ended, &[MDL]), (&open, &[MDL])], MDL, NOW, NOW),
        Ok(())
    );
    assert_eq!(
        judged(&[(&open, &[MDL]), (&ended, &[MDL])], MDL, NOW, NOW),
        Ok(())
    );
    // A list in force lends nothing to the scope of one that ended.
    assert_eq!(
        judged(&[(&ended, &[MDL]), (&open, &[PHOTO_ID])], MDL, NOW, NOW),
        Err(SelectError::ListEnded(ended.until))
    );
    // An anchor that does vouch takes the blame before one that does not.
    let late = START + 458 * DAY;
    let error = judged(&[(&ended, &[MDL]), (&open, &[MDL])], MDL, late, late).unwrap_err();
    assert!(matches!(error, SelectError::Expired(_)), "{error}");
}

#[test]
fn a_list_is_stale_once_the_next_one_is_due() {
    let list = trusted(|list| list.with("nextUpdate", tdate(NOW)));
    assert_eq!(list.stale_since(at(NOW)), None);
    assert_eq!(list.stale_since(at(NOW + 1)), Some(at(NOW)));
    assert_eq!(judged(&[(&list, &[MDL])], MDL, NOW + 1, NOW + 1), Ok(()));
    assert_eq!(trusted(|list| list).stale_since(at(NOW + 1)), None);
}

#[test]
fn an_issue_does_not_go_back_behind_a_known_one() {
    let of = |issue_id: Option<u64>, date: i64| VicalIssue {
        provider: "Test provider".to_owned(),
        issue_id,
        date: at(date),
    };
    let known = of(Some(7), DATE);
    let list = |id: u64, date: i64| {
        let provider = Provider::new();
        let list = provider.list(&[]).with("vicalIssueID", number(id));
        list.with("date", tdate(date)).decode().unwrap()
    };
    assert_eq!(list(7, DATE).check_not_older(&known), Ok(()));
    assert_eq!(list(8, DATE).check_not_older(&known), Ok(()));
    assert_eq!(list(7, DATE + 1).check_not_older(&known), Ok(()));
    assert_eq!(
        list(6, DATE + DAY).check_not_older(&known),
        Err(Rollback::IssueId { offered: 6, known: 7 })
    );
    let earlier = Rollback::Date {
        offered: at(DATE - 1),
        known: at(DATE),
    };
    assert_eq!(list(8, DATE - 1).check_not_older(&known), Err(earlier));
    // Without a number the date decides; another provider's issues are no measure.
    assert_eq!(of(None, DATE - 1).check_not_older(&known), Err(earlier));
    assert_eq!(of(None, DATE).check_not_older(&known), Ok(()));
    let other = VicalIssue {
        provider: "Another".to_owned(),
        ..of(Some(1), START)
    };
    assert_eq!(other.check_not_older(&known), Ok(()));
}

#[test]
fn names_are_compared_to_the_byte() {
    let provider = Provider::new();
    let list = provider.list(&[]).decode().unwrap();
    // The same words in another string type are another name.
    let words = [
        (COUNTRY, PRINTABLE, "JP"),
        (COMMON_NAME, PRINTABLE, "Test list authority"),
    ];
    let other = Spec::root(&name(&words), &provider.authority_key).parse(&provider.authority_key);
    assert_eq!(list.vouched_by(&[other]), Err(AuthorityFault::Unknown));
    let words = [
        (COUNTRY, PRINTABLE, "JP"),
        (COMMON_NAME, UTF8, "Test list authority"),
    ];
    let same = Spec::root(&name(&words), &provider.authority_key).parse(&provider.authority_key);
    assert!(list.vouched_by(&[same]).is_ok());
}
