//! One list that the `openssl` command made for this test, and what becomes of it when it is spoilt.
//! Rules and their effects are tested with whole presentations.

use super::{CrlEffect, CrlError, CrlRollback, CrlRule, RevocationList};
use crate::crypto::{Curve, PublicKey};
use crate::limits::CRL_BYTES;

/// Of C=JP, CN=T: number 256, serial numbers 1234 and 80FF revoked, the second with a reason.
const LIST: &str = concat!(
    "3082010e3081b5020101300a06082a8648ce3d0403023019310b3009060355040613024a50310a300806035504030c0154170d323631313230303030",
    "3030305a170d3236313232303030303030305a3039301302021234170d3236313131303132303030305a302202030080ff170d323631313031303030",
    "3030305a300c300a0603551d1504030a0101a030302e301f0603551d230418301680144b2040fd1db8a05f3863968ce10f205c3b3051f7300b060355",
    "1d14040402020100300a06082a8648ce3d0403020348003045022100f953d2caa161daa0ac30e0ffce5330894f0a851b3e32f3764e7c947ae5bc0a4c",
    "02203a15c280ee158189d5d7c0badf9ed642d9836cb04a91764162e0e750b4c9262c"
);
/// The point of the key that signed it.
const KEY: &str = concat!(
    "0448f37d227cad7f12e60fcbf5cd784b99e242511063e7aa621e68d771df77a32f3e0dcff83e638aa5da103a889e62661eacf8f023cdab5f663e775f",
    "6efa2cc281"
);

fn list() -> Vec<u8> {
    hex::decode(LIST).unwrap()
}

fn key() -> PublicKey {
    PublicKey::from_uncompressed_point(Curve::P256, &hex::decode(KEY).unwrap()).unwrap()
}

#[test]
fn a_list_of_openssl_is_read() {
    let list = RevocationList::from_der(&list()).unwrap();
    assert_eq!(list.this_update().to_string(), "2026-11-20T00:00:00Z");
    assert_eq!(list.next_update().unwrap().to_string(), "2026-12-20T00:00:00Z");
    assert_eq!(list.number().unwrap().to_string(), "0x0100");
    assert_eq!(
        hex::encode(list.authority_key_identifier().unwrap()),
        "4b2040fd1db8a05f3863968ce10f205c3b3051f7"
    );
    assert_eq!((list.len(), list.is_empty()), (2, false));
    let revoked = |serial: &[u8]| list.revoked_at(serial).map(|at| at.to_string());
    assert_eq!(revoked(&[0x12, 0x34]).as_deref(), Some("2026-11-10T12:00:00Z"));
    assert_eq!(
        revoked(&[0x00, 0x80, 0xff]).as_deref(),
        Some("2026-11-01T00:00:00Z")
    );
    for other in [
        &[][..],
        &[0],
        &[0x12],
        &[0x34, 0x12],
        &[0x12, 0x34, 0],
        &[0x80, 0xfe],
    ] {
        assert_eq!(revoked(other), None, "{other:02x?}");
    }
    assert_eq!(list.broken_rules(), [CrlRule::EntryExtension]);
    assert_eq!(CrlRule::EntryExtension.effect(), CrlEffect::Remark);
    assert!(list.is_signed_by(&key()));
    assert!(list.is_signed_by(&key()), "remembered");
}

#[test]
fn another_key_did_not_sign_it() {
    let list = RevocationList::from_der(&list()).unwrap();
    // The generator of P-256.
    let other = concat!(
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    );
    let other = PublicKey::from_uncompressed_point(Curve::P256, &hex::decode(other).unwrap()).unwrap();
    assert!(!list.is_signed_by(&other));
    assert!(list.is_signed_by(&key()));
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let genuine = list();
    for index in 0..genuine.len() {
        for bit in 0..8 {
            let mut changed = genuine.clone();
            changed[index] ^= 1 << bit;
            let holds = RevocationList::from_der(&changed).is_ok_and(|list| list.is_signed_by(&key()));
            assert!(!holds, "byte {index} bit {bit}");
        }
    }
}

#[test]
fn what_is_cut_or_goes_on_is_no_list() {
    let whole = list();
    for end in 0..whole.len() {
        assert_eq!(
            RevocationList::from_der(&whole[..end]).unwrap_err(),
            CrlError::Der,
            "{end}"
        );
    }
    let more = [whole.as_slice(), &[0]].concat();
    assert_eq!(RevocationList::from_der(&more).unwrap_err(), CrlError::Der);
    let large = vec![0x30; CRL_BYTES + 1];
    assert_eq!(
        RevocationList::from_der(&large).unwrap_err(),
        CrlError::TooLarge(CRL_BYTES + 1)
    );
}

#[test]
fn numbers_order_by_value_and_lists_of_others_do_not_compare() {
    let genuine = RevocationList::from_der(&list()).unwrap();
    assert_eq!(genuine.check_not_older(&genuine), Ok(()));
    let text = LIST;
    let lower = hex::decode(text.replace("040402020100", "0404020200ff")).unwrap();
    // 00ff is 255 with a zero that its sign needs.
    let lower = RevocationList::from_der(&lower).unwrap();
    assert!(lower.number() < genuine.number());
    assert_eq!(lower.check_not_older(&genuine), Err(CrlRollback));
    assert_eq!(genuine.check_not_older(&lower), Ok(()));
    let earlier = hex::decode(text.replace(
        "3236313132303030303030305a170d323631323230",
        "3236313131393030303030305a170d323631323230",
    ))
    .unwrap();
    let earlier = RevocationList::from_der(&earlier).unwrap();
    assert_eq!(earlier.check_not_older(&genuine), Err(CrlRollback));
    let of_another = hex::decode(text.replace("0c0154", "0c0155")).unwrap();
    let of_another = RevocationList::from_der(&of_another).unwrap();
    assert_ne!(of_another.issuer_der(), genuine.issuer_der());
    assert_eq!(of_another.check_not_older(&genuine), Ok(()));
}

#[test]
fn names_of_rules_are_distinct() {
    let mut names: Vec<&str> = CrlRule::ALL.iter().map(|rule| rule.name()).collect();
    assert!(
        CrlRule::ALL
            .iter()
            .all(|rule| !rule.fault().is_empty() && !rule.clause().is_empty())
    );
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CrlRule::ALL.len());
}
