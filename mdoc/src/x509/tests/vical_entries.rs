//! Entries of a VICAL that are left aside, each next to a good one that is not.

use super::factory::{
    BASIC_CONSTRAINTS, Issuer, KEY_USAGE, Key, Spec, authority, der, key_usage, name_in, sequence,
};
use super::vical_factory::{
    MDL, Members, PHOTO_ID, Provider, array, bytes, info, map, number, odd_name, remove, root, set, tagged,
    tdate, text,
};
use crate::x509::{
    Anchor, AnchorFault, AnchorSet, Certificate, CertificateError, CertificateRule, EntryFault, VicalEntry,
};

/// The entries of a list of a good entry and these.
fn entries(infos: &[Members]) -> Vec<VicalEntry> {
    let (spec, key) = root(60);
    let mut all = vec![info(&spec.sign(&key), &[MDL])];
    all.extend_from_slice(infos);
    let entries = Provider::new().list(&all).decode().unwrap().into_entries();
    assert_eq!(entries.len(), all.len());
    assert!(
        entries[0].certificate.is_ok(),
        "one bad entry does not void the list"
    );
    assert_eq!(
        entries[0].subject(),
        "C=JP,CN=Root 60".split(',').rev().collect::<Vec<_>>().join(",")
    );
    entries
}

/// The good entry of another root, changed.
fn entry(change: impl FnOnce(&mut Members)) -> VicalEntry {
    let (spec, key) = root(61);
    let mut members = info(&spec.sign(&key), &[MDL, PHOTO_ID]);
    change(&mut members);
    let entry = entries(&[members]).pop().unwrap();
    assert_eq!(entry.index, 1);
    entry
}

fn fault(change: impl FnOnce(&mut Members)) -> Option<EntryFault> {
    entry(change).certificate.err()
}

/// What becomes of the entry of a certificate.
fn of_certificate(certificate: &[u8]) -> Option<EntryFault> {
    fault(|members| *members = info(certificate, &[MDL]))
}

#[test]
fn a_good_entry_says_what_it_vouches_for() {
    let entry = entry(|_| {});
    assert_eq!(entry.doc_types, [MDL, PHOTO_ID]);
    assert_eq!(entry.subject(), "CN=Root 61,C=JP");
    let (spec, key) = root(61);
    assert_eq!(entry.certificate.unwrap().der(), spec.sign(&key));
}

#[test]
fn members_that_are_not_looked_at_do_no_harm() {
    assert_eq!(
        fault(|members| {
            set(
                members,
                "CertificateProfile",
                array(&[text("https://example.test/")]),
            );
            set(members, "Extensions", map(&[]));
            set(members, "issuingCountry", text("XX"));
            set(members, "issuer", vec![0xf6]);
        }),
        None
    );
}

#[test]
fn a_certificate_that_cannot_be_read_is_left_aside() {
    let cut = |members: &mut Members| {
        let (spec, key) = root(61);
        let der = spec.sign(&key);
        set(members, "certificate", bytes(&der[..der.len() - 1]));
    };
    assert_eq!(fault(cut), Some(EntryFault::Certificate(CertificateError::Der)));
    let long = vec![0; 16 * 1024 + 1];
    assert_eq!(
        fault(|members| set(members, "certificate", bytes(&long))),
        Some(EntryFault::Certificate(CertificateError::TooLarge(16 * 1024 + 1)))
    );
    // Then the entry's own words say whose it is.
    let named = entry(|members| {
        cut(members);
        set(members, "issuingAuthority", text("o=Some\u{1b}one"));
    });
    assert_eq!(named.subject(), "o=Some\u{fffd}one");
    assert_eq!(named.doc_types, [MDL, PHOTO_ID]);
    let named = entry(|members| {
        cut(members);
        set(members, "issuingAuthority", text("somebody"));
        set(members, "subject", bytes(&name_in("JP", "Root 61")));
    });
    assert_eq!(named.subject(), "CN=Root 61,C=JP");
    let odd = entry(|members| {
        cut(members);
        set(members, "subject", bytes(&odd_name()));
    });
    assert!(!odd.subject().chars().any(char::is_control), "{}", odd.subject());
}

#[test]
fn a_serial_number_is_the_certificates() {
    let mut spec = root(61).0;
    spec.serial = vec![0x00, 0x9f, 0x01];
    let der = spec.sign(&root(61).1);
    let with = |serial: Vec<u8>| {
        let mut members = info(&der, &[MDL]);
        set(&mut members, "serialNumber", serial);
        fault(|all| *all = members)
    };
    for same in [
        number(0x9f01),
        tagged(2, &bytes(&[0x9f, 0x01])),
        tagged(2, &bytes(&[0, 0, 0x9f, 0x01])),
    ] {
        assert_eq!(with(same), None);
    }
    for other in [number(0x9f02), tagged(2, &bytes(&[0x9f])), tagged(2, &bytes(&[]))] {
        assert_eq!(with(other), Some(EntryFault::Contradiction("serialNumber")));
    }
    // Negative numbers of both kinds, a text, another tag.
    for none in [
        tagged(3, &bytes(&[0x9f, 0x01])),
        vec![0x39, 0x9f, 0x01],
        text("40705"),
        tagged(24, &bytes(&[0x01])),
    ] {
        assert_eq!(with(none), Some(EntryFault::Member("serialNumber")));
    }
    assert_eq!(
        fault(|members| remove(members, "serialNumber")),
        Some(EntryFault::Member("serialNumber"))
    );
}

#[test]
fn a_key_identifier_is_the_certificates() {
    let own = root(61).1.identifier();
    let with = |identifier: &[u8]| fault(|members| set(members, "ski", bytes(identifier)));
    assert_eq!(with(&own), None);
    let wrapped = [&[0x04, 0x16, 0x04, 0x14], own.as_slice()].concat();
    assert_eq!(with(&wrapped), None);
    let mut other = own;
    other[19] ^= 1;
    let contradiction = Some(EntryFault::Contradiction("ski"));
    assert_eq!(with(&other), contradiction);
    assert_eq!(with(&[]), contradiction);
    assert_eq!(with(&own[..19]), contradiction);
    assert_eq!(with(&wrapped[2..]), contradiction);
    assert_eq!(with(&wrapped[..23]), contradiction);
    assert_eq!(
        fault(|members| set(members, "ski", text("x"))),
        Some(EntryFault::Member("ski"))
    );
    assert_eq!(
        fault(|members| remove(members, "ski")),
        Some(EntryFault::Member("ski"))
    );
}

#[test]
fn names_and_dates_are_the_certificates_where_they_are_given() {
    use super::factory::{DAY, START};
    let (own, other) = (name_in("JP", "Root 61"), name_in("JP", "Root 62"));
    let end = START + 9 * 365 * DAY;
    for (name, right, wrong) in [
        ("issuer", bytes(&own), bytes(&other)),
        ("subject", bytes(&own), bytes(&other)),
        ("notBefore", tdate(START), tdate(START + 1)),
        ("notAfter", tdate(end), tdate(end - 1)),
    ] {
        assert_eq!(fault(|members| set(members, name, right)), None, "{name}");
        assert_eq!(
            fault(|members| set(members, name, wrong)),
            Some(EntryFault::Contradiction(name))
        );
        assert_eq!(
            fault(|members| set(members, name, number(1))),
            Some(EntryFault::Member(name))
        );
    }
    // Hours told from 1 to 12, as one provider does: noon for midnight, but not another day's.
    let half = DAY / 2;
    assert_eq!(
        fault(|members| set(members, "notBefore", tdate(START + half))),
        None
    );
    assert_eq!(
        fault(|members| set(members, "notBefore", tdate(START - half))),
        Some(EntryFault::Contradiction("notBefore"))
    );
    assert_eq!(
        fault(|members| set(members, "notBefore", tdate(START + half + 1))),
        Some(EntryFault::Contradiction("notBefore"))
    );
}

#[test]
fn an_entry_without_document_types_vouches_for_nothing() {
    let with = |doc_types: Vec<u8>| fault(|members| set(members, "docType", doc_types));
    assert_eq!(with(array(&[text("a")])), None);
    assert_eq!(with(array(&[])), Some(EntryFault::NoDocType));
    assert_eq!(
        fault(|members| remove(members, "docType")),
        Some(EntryFault::NoDocType)
    );
    let member = Some(EntryFault::Member("docType"));
    assert_eq!(with(text(MDL)), member);
    assert_eq!(with(array(&[text(MDL), number(1)])), member);
    assert_eq!(with(array(&[text("")])), member);
    assert_eq!(with(array(&vec![text("a"); 64])), None);
    assert_eq!(with(array(&vec![text("a"); 65])), member);
}

#[test]
fn an_entry_that_is_no_map_is_left_aside() {
    let (spec, key) = root(60);
    let good = map(&info(&spec.sign(&key), &[MDL]));
    let list = Provider::new()
        .list(&[])
        .with("certificateInfos", array(&[number(1), good]));
    let entries = list.decode().unwrap().into_entries();
    assert_eq!(entries[0].certificate.as_ref().err(), Some(&EntryFault::NotAMap));
    assert_eq!(entries[0].subject(), "");
    assert!(entries[1].certificate.is_ok());
    assert_eq!(
        fault(|members| remove(members, "certificate")),
        Some(EntryFault::Member("certificate"))
    );
}

#[test]
fn only_roots_and_link_certificates_that_keep_their_profile_count() {
    let issuer = Issuer::new();
    assert_eq!(of_certificate(&issuer.root_der()), None);
    assert_eq!(
        of_certificate(&issuer.signer_der()),
        Some(EntryFault::NotSelfIssued)
    );
    let (good, key) = root(62);
    let changed = |change: fn(&mut Spec)| {
        let mut spec = good.clone();
        change(&mut spec);
        of_certificate(&spec.sign(&key))
    };
    assert_eq!(changed(|_| {}), None);
    let breaks = |rule| Some(EntryFault::Profile(rule));
    assert_eq!(
        changed(|spec| spec.extension(KEY_USAGE).value = key_usage(0x86)),
        breaks(CertificateRule::KeyUsage)
    );
    assert_eq!(
        changed(|spec| spec.extension(BASIC_CONSTRAINTS).value = authority(None)),
        breaks(CertificateRule::BasicConstraints)
    );
    // BER's TRUE, and a rule that comes later: the first is named.
    assert_eq!(
        changed(|spec| {
            spec.extension(BASIC_CONSTRAINTS).value = sequence(&[&[1, 1, 1], &der(2, &[0])]);
            spec.extension(KEY_USAGE).critical = false;
        }),
        breaks(CertificateRule::MalformedExtension)
    );
    assert_eq!(
        changed(|spec| spec.not_after = spec.not_before + 21 * 366 * 86_400),
        breaks(CertificateRule::Lifetime)
    );
}

#[test]
fn the_set_of_anchors_has_the_last_word_on_a_roots_own_signature() {
    let (spec, key) = root(62);
    let forged = spec.sign(&Key::p256(63));
    let infos = [info(&spec.sign(&key), &[MDL]), info(&forged, &[MDL])];
    let anchors: Vec<Anchor> = entries(&infos)
        .into_iter()
        .map(|entry| Anchor {
            certificate: entry.certificate.unwrap(),
            doc_types: Some(entry.doc_types),
            profile: None,
            list: None,
        })
        .collect();
    let (set, faults) = AnchorSet::new(anchors);
    assert_eq!(faults, [(2, AnchorFault::Signature)]);
    assert_eq!(set.anchors().len(), 2);
}

#[test]
fn a_link_certificate_of_a_list_stands_by_the_root_that_signed_it() {
    let issuer = Issuer::new();
    let new = Key::p256(64);
    let above = (issuer.root_name.as_slice(), &issuer.root_key);
    let link = Spec::intermediate(&issuer.root_name, &new, above).sign(&issuer.root_key);
    let new_root = Spec::root(&issuer.root_name, &new).sign(&new);
    let listed = entries(&[info(&link, &[MDL]), info(&new_root, &[MDL])]);
    let mut anchors = vec![super::factory::anchor(&issuer.root_der())];
    for entry in listed {
        anchors.push(Anchor {
            certificate: entry.certificate.unwrap(),
            doc_types: Some(entry.doc_types),
            profile: None,
            list: None,
        });
    }
    let (set, faults) = AnchorSet::new(anchors.clone());
    assert_eq!(faults, []);
    let old = Certificate::from_der(&issuer.root_der()).unwrap();
    let keys: Vec<_> = set.keys_of(&old.sha256()).collect();
    let new_root = Certificate::from_der(&new_root).unwrap();
    assert_eq!(keys, [old.public_key().unwrap(), new_root.public_key().unwrap()]);
    // Without the old root nothing vouches for the link; the new root stands by itself.
    let (set, faults) = AnchorSet::new(anchors.split_off(1));
    assert_eq!(faults, [(1, AnchorFault::Signature)]);
    assert_eq!(set.keys_of(&new_root.sha256()).count(), 1);
}
