//! Two VICALs of the field, with every entry accounted for.

use std::collections::BTreeMap;
use std::sync::Arc;

use x509_cert::der::{DecodePem as _, Encode as _};

use super::vectors::certificates;
use crate::cbor::Rules;
use crate::crypto::Curve;
use crate::test_vectors::bytes as vector;
use crate::x509::{
    Anchor, AnchorSet, AuthorityFault, Certificate, CertificateRule, EntryFault, Vical, VicalError,
};

const AAMVA: &str = "vical/aamva-vical-2025-11-18-1763491092481.cbor";
const AUSTROADS: &str = "vical/austroads-vical-2024-12.cbor";

fn authority(path: &str) -> Certificate {
    let pem = vector(path).expect("it stands beside the list");
    let der = x509_cert::Certificate::from_pem(pem).unwrap().to_der().unwrap();
    Certificate::from_der(&der).unwrap()
}

/// How many entries become anchors, and what speaks against the others.
fn account(list: Vical, authority: &Certificate) -> (usize, Vec<(usize, EntryFault)>) {
    let trusted = Arc::new(list.vouched_by(core::slice::from_ref(authority)).unwrap());
    let mut anchors = Vec::new();
    let mut skipped = Vec::new();
    for entry in list.into_entries() {
        assert!(!entry.subject().is_empty() && !entry.doc_types.is_empty());
        match entry.certificate {
            Ok(certificate) => anchors.push(Anchor {
                certificate,
                doc_types: Some(entry.doc_types),
                profile: None,
                list: Some(Arc::clone(&trusted)),
            }),
            Err(fault) => skipped.push((entry.index, fault)),
        }
    }
    let (set, faults) = AnchorSet::new(anchors);
    assert_eq!(faults, []);
    (set.anchors().len(), skipped)
}

#[test]
fn every_entry_of_the_aamva_list_is_accepted() {
    let Some(bytes) = vector(AAMVA) else {
        return;
    };
    let list = Vical::decode(&bytes).unwrap();
    assert_eq!(list.issue().provider, "AAMVA");
    assert_eq!(list.issue().issue_id, Some(227_602));
    assert_eq!(list.issue().date.to_string(), "2025-11-18T18:38:12Z");
    assert_eq!(list.next_update().unwrap().to_string(), "2025-11-19T18:38:12Z");
    assert_eq!((list.not_after(), list.url()), (None, None));
    assert_eq!(
        list.entries()[1].subject(),
        "C=US,ST=US-UT,O=Utah DLD,CN=IACA-UTAH-USA"
    );
    assert!(
        list.entries()
            .iter()
            .all(|entry| entry.doc_types == ["org.iso.18013.5.1.mDL"])
    );
    assert_eq!(list.entries().len(), 14);
    assert_eq!(account(list, &authority("vical/aamva_ca_root.crt")), (14, vec![]));
}

#[test]
fn the_aamva_list_stands_by_its_root_or_its_issuing_authority() {
    let Some(bytes) = vector(AAMVA) else {
        return;
    };
    let list = Vical::decode(&bytes).unwrap();
    let root = authority("vical/aamva_ca_root.crt");
    let issuing = authority("vical/aamva_ca_intermediate.crt");
    let stranger = authority("vical/austroads_root-certificate.pem");
    assert_eq!(list.signer().certificates().count(), 3);
    for authorities in [
        vec![root.clone()],
        vec![issuing.clone()],
        vec![stranger.clone(), issuing.clone()],
    ] {
        let trusted = list.vouched_by(&authorities).unwrap();
        assert_eq!(trusted.from.to_string(), "2025-11-18T18:38:12Z");
        // The end of the signer's own certificate.
        assert_eq!(trusted.until.to_string(), "2026-04-18T17:38:41Z");
        assert_eq!(trusted.authority, authorities.last().unwrap().sha256());
    }
    assert_eq!(list.vouched_by(&[stranger]), Err(AuthorityFault::Unknown));
    assert_eq!(list.vouched_by(&[]), Err(AuthorityFault::Unknown));
}

#[test]
fn the_austroads_list_counts_without_the_three_entries_that_deviate() {
    let Some(bytes) = vector(AUSTROADS) else {
        return;
    };
    let list = Vical::decode(&bytes).unwrap();
    assert_eq!(list.issue().provider, "Austroads");
    assert_eq!(list.issue().issue_id, Some(27));
    assert_eq!(list.issue().date.to_string(), "2024-12-17T22:40:31Z");
    assert_eq!((list.next_update(), list.not_after()), (None, None));
    let mut curves: BTreeMap<Curve, usize> = BTreeMap::new();
    let mut longest = 0;
    for der in certificates(&bytes) {
        let certificate = Certificate::from_der(&der).unwrap();
        let curve = certificate.public_key().unwrap().curve();
        *curves.entry(curve).or_default() += 1;
        let seconds = certificate.not_after().seconds() - certificate.not_before().seconds();
        longest = longest.max(seconds);
    }
    assert_eq!(
        curves.into_iter().collect::<Vec<_>>(),
        [
            (Curve::P256, 20),
            (Curve::P384, 8),
            (Curve::P521, 8),
            (Curve::BrainpoolP384r1, 2),
            (Curve::BrainpoolP512r1, 2),
        ]
    );
    assert_eq!(longest, 7_305 * 86_400);
    assert_eq!(list.entries().len(), 40);
    let longest = &list.entries()[29];
    assert!(longest.certificate.is_ok(), "twenty calendar years: {longest:?}");
    assert_eq!(list.entries()[20].subject(), "CN=IACA_mDO_GEN_01,O=T,C=NL");
    assert_eq!(
        account(list, &authority("vical/austroads_root-certificate.pem")),
        (
            37,
            vec![
                // Not critical, and documents may be signed too.
                (18, EntryFault::Profile(CertificateRule::KeyUsage)),
                // TRUE is written as BER allows it and DER does not.
                (20, EntryFault::Profile(CertificateRule::MalformedExtension)),
                // Not critical.
                (38, EntryFault::Profile(CertificateRule::BasicConstraints)),
            ]
        )
    );
}

#[test]
fn a_list_of_the_field_with_one_bit_changed_is_refused() {
    let Some(bytes) = vector(AAMVA) else {
        return;
    };
    let roots = [authority("vical/aamva_ca_root.crt")];
    let holds = |bytes: &[u8]| Vical::decode(bytes).is_ok_and(|list| list.vouched_by(&roots).is_ok());
    let [root] = &roots;
    assert!(holds(&bytes));
    // The root comes along in the chain. The operator's copy counts, not this one.
    let own = bytes
        .windows(root.der().len())
        .position(|part| part == root.der());
    let own = own.unwrap()..own.unwrap() + root.der().len();
    for at in (0..bytes.len()).step_by(97).filter(|at| !own.contains(at)) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(!holds(&changed), "byte {at}");
    }
}

#[test]
fn a_list_of_the_field_that_is_cut_is_refused() {
    let Some(bytes) = vector(AUSTROADS) else {
        return;
    };
    assert!(Vical::decode(&bytes).is_ok());
    for at in (0..bytes.len()).step_by(101) {
        let cut = bytes.get(..at).unwrap();
        let error = crate::cbor::Item::decode(cut, &Rules::default()).unwrap_err();
        assert_eq!(error.kind, crate::cbor::ErrorKind::Truncated, "byte {at}");
        assert_eq!(
            Vical::decode(cut).unwrap_err(),
            VicalError::Cbor(error),
            "byte {at}"
        );
    }
}
