//! Judging a path at its use: scope, profile, time, country.

use super::factory::{COMMON_NAME, UTF8, name};
use super::factory::{
    COUNTRY, DAY, EKU, Issuer, KEY_USAGE, NOW, PRINTABLE, START, Spec, anchor, at, key_usage, name_in,
};
use crate::x509::{
    Anchor, AnchorSet, CertificateRole, CertificateRule, Deviation, IssuerCertificateProfile, PathSet,
    SelectError, Validity, build_path,
};

const MDL: &str = "org.iso.18013.5.1.mDL";
const MY_NUMBER: &str = "org.iso.23220.1.jp.mnc";

fn paths(issuer: &Issuer, signer: &Spec, anchors: Vec<Anchor>) -> PathSet {
    let (anchors, faults) = AnchorSet::new(anchors);
    assert_eq!(faults, []);
    let profile = IssuerCertificateProfile::default();
    build_path(&[&signer.sign(&issuer.root_key)], &anchors, |_| &profile).unwrap()
}

fn scoped(der: &[u8], doc_types: &[&str]) -> Anchor {
    let mut scoped = anchor(der);
    scoped.doc_types = Some(doc_types.iter().map(|&doc_type| doc_type.to_owned()).collect());
    scoped
}

fn select(set: &PathSet, doc_type: &str, now: i64) -> Result<[u8; 32], SelectError> {
    set.select(doc_type, at(now), at(now)).map(|path| path.anchor)
}

#[test]
fn a_conforming_path_is_selected_while_its_windows_are_open() {
    let issuer = Issuer::new();
    let set = paths(&issuer, &issuer.signer, vec![anchor(&issuer.root_der())]);
    let leaf = Validity {
        role: CertificateRole::DocumentSigner,
        not_before: at(START),
        not_after: at(START + 457 * DAY),
    };
    let root = issuer.root.parse(&issuer.root_key).sha256();
    for now in [START, NOW, START + 457 * DAY] {
        assert_eq!(select(&set, MDL, now), Ok(root), "{now}");
    }
    assert_eq!(select(&set, MDL, START - 1), Err(SelectError::NotYetValid(leaf)));
    assert_eq!(
        select(&set, MDL, START + 457 * DAY + 1),
        Err(SelectError::Expired(leaf))
    );
    assert_eq!(set.leaf(), leaf);
}

#[test]
fn a_clock_that_may_be_wrong_widens_the_windows() {
    let issuer = Issuer::new();
    let set = paths(&issuer, &issuer.signer, vec![anchor(&issuer.root_der())]);
    let end = START + 457 * DAY;
    let with_skew = |now: i64, skew: i64| set.select(MDL, at(now - skew), at(now + skew)).is_ok();
    assert!(with_skew(end + 60, 60));
    assert!(!with_skew(end + 61, 60));
    assert!(with_skew(START - 60, 60));
    assert!(!with_skew(START - 61, 60));
}

#[test]
fn an_anchor_that_has_expired_is_named() {
    let issuer = Issuer::new();
    let mut root = issuer.root.clone();
    root.not_after = NOW - 1;
    let set = paths(
        &issuer,
        &issuer.signer,
        vec![anchor(&root.sign(&issuer.root_key))],
    );
    let window = Validity {
        role: CertificateRole::Anchor,
        not_before: at(START),
        not_after: at(NOW - 1),
    };
    assert_eq!(select(&set, MDL, NOW), Err(SelectError::Expired(window)));
    assert!(select(&set, MDL, NOW - 1).is_ok());
    root.not_before = NOW + 1;
    root.not_after = NOW + DAY;
    let set = paths(
        &issuer,
        &issuer.signer,
        vec![anchor(&root.sign(&issuer.root_key))],
    );
    let window = Validity {
        role: CertificateRole::Anchor,
        not_before: at(NOW + 1),
        not_after: at(NOW + DAY),
    };
    assert_eq!(select(&set, MDL, NOW), Err(SelectError::NotYetValid(window)));
}

#[test]
fn an_anchor_vouches_for_its_document_types_only() {
    let issuer = Issuer::new();
    let set = paths(&issuer, &issuer.signer, vec![scoped(&issuer.root_der(), &[MDL])]);
    assert!(select(&set, MDL, NOW).is_ok());
    assert_eq!(select(&set, MY_NUMBER, NOW), Err(SelectError::OutOfScope));
    assert_eq!(
        select(&set, "org.iso.18013.5.1.mdl", NOW),
        Err(SelectError::OutOfScope)
    );
    assert_eq!(select(&set, "", NOW), Err(SelectError::OutOfScope));
    let none = paths(&issuer, &issuer.signer, vec![scoped(&issuer.root_der(), &[])]);
    assert_eq!(select(&none, MDL, NOW), Err(SelectError::OutOfScope));
}

#[test]
fn the_first_path_that_serves_is_taken() {
    let issuer = Issuer::new();
    let mut expired = issuer.root.clone();
    expired.serial = vec![2];
    expired.not_after = NOW - 1;
    let mut deviating = issuer.root.clone();
    deviating.serial = vec![3];
    deviating.extension(KEY_USAGE).value = key_usage(0x86);
    let [good, expired, deviating] =
        [&issuer.root, &expired, &deviating].map(|root| root.sign(&issuer.root_key));
    let good_hash = anchor(&good).certificate.sha256();
    let of = |anchors: Vec<Anchor>| select(&paths(&issuer, &issuer.signer, anchors), MDL, NOW);
    assert_eq!(
        of(vec![
            scoped(&good, &[MY_NUMBER]),
            anchor(&expired),
            anchor(&deviating),
            anchor(&good)
        ]),
        Ok(good_hash)
    );
    // Where none serves, the first in scope says why.
    let window = Validity {
        role: CertificateRole::Anchor,
        not_before: at(START),
        not_after: at(NOW - 1),
    };
    let deviation = Deviation {
        role: CertificateRole::Anchor,
        rule: CertificateRule::KeyUsage,
    };
    assert_eq!(
        of(vec![
            scoped(&good, &[MY_NUMBER]),
            anchor(&expired),
            anchor(&deviating)
        ]),
        Err(SelectError::Expired(window))
    );
    assert_eq!(
        of(vec![
            anchor(&deviating),
            anchor(&expired),
            scoped(&good, &[MY_NUMBER])
        ]),
        Err(SelectError::Deviation(deviation))
    );
}

#[test]
fn scope_then_profile_then_time_then_country_take_the_blame() {
    let issuer = Issuer::new();
    let mut signer = issuer.signer.clone();
    signer.subject = name_in("US", "Test signer");
    let country = Deviation {
        role: CertificateRole::DocumentSigner,
        rule: CertificateRule::CountryMatch,
    };
    let root = issuer.root_der();
    let of = |signer: &Spec, doc_type: &str, now: i64| {
        select(
            &paths(&issuer, signer, vec![scoped(&root, &[MDL])]),
            doc_type,
            now,
        )
    };
    let after = START + 458 * DAY;
    assert!(of(&issuer.signer, MDL, NOW).is_ok());
    assert_eq!(of(&signer, MDL, NOW), Err(SelectError::Deviation(country)));
    let window = Validity {
        role: CertificateRole::DocumentSigner,
        not_before: at(START),
        not_after: at(START + 457 * DAY),
    };
    assert_eq!(of(&signer, MDL, after), Err(SelectError::Expired(window)));
    signer.remove(EKU);
    let usage = Deviation {
        role: CertificateRole::DocumentSigner,
        rule: CertificateRule::ExtendedKeyUsage,
    };
    assert_eq!(of(&signer, MDL, after), Err(SelectError::Deviation(usage)));
    assert_eq!(of(&signer, MY_NUMBER, after), Err(SelectError::OutOfScope));
}

#[test]
fn a_window_that_ends_before_it_starts_is_never_open() {
    let issuer = Issuer::new();
    let mut signer = issuer.signer.clone();
    signer.not_before = NOW + 10;
    signer.not_after = NOW - 10;
    let set = paths(&issuer, &signer, vec![anchor(&issuer.root_der())]);
    let lifetime = Deviation {
        role: CertificateRole::DocumentSigner,
        rule: CertificateRule::Lifetime,
    };
    // A wide skew would reach both ends.
    assert_eq!(
        set.select(MDL, at(NOW - 100), at(NOW + 100))
            .map(|path| path.anchor),
        Err(SelectError::Deviation(lifetime))
    );
}

#[test]
fn a_country_that_neither_names_is_a_broken_profile() {
    let issuer = Issuer::new();
    let mut signer = issuer.signer.clone();
    signer.subject = name(&[(COMMON_NAME, UTF8, "Signer")]);
    let country = Deviation {
        role: CertificateRole::DocumentSigner,
        rule: CertificateRule::Country,
    };
    let of = |signer: &Spec| {
        select(
            &paths(&issuer, signer, vec![anchor(&issuer.root_der())]),
            MDL,
            NOW,
        )
    };
    assert_eq!(of(&signer), Err(SelectError::Deviation(country)));
    signer.subject = name(&[(COUNTRY, PRINTABLE, "JP"), (COMMON_NAME, UTF8, "Signer")]);
    assert!(of(&signer).is_ok());
}
