//! A VICAL is decoded or refused; every entry is accounted for, and none is trusted without an authority.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mdoc::x509::{Anchor, AnchorSet, AuthorityFault, Vical};

fuzz_target!(|bytes: &[u8]| {
    let Ok(list) = Vical::decode(bytes) else {
        return;
    };
    assert_eq!(list.vouched_by(&[]), Err(AuthorityFault::Unknown));
    assert!(list.check_not_older(list.issue()).is_ok());
    let entries = list.into_entries();
    for (index, entry) in entries.iter().enumerate() {
        assert_eq!(entry.index, index);
        assert!(!entry.subject().chars().any(char::is_control));
    }
    let candidates: Vec<Anchor> = entries
        .into_iter()
        .filter_map(|entry| {
            Some(Anchor {
                certificate: entry.certificate.ok()?,
                doc_types: Some(entry.doc_types),
                profile: None,
                list: None,
            })
        })
        .collect();
    let count = candidates.len();
    let (set, faults) = AnchorSet::new(candidates);
    assert_eq!(set.anchors().len() + faults.len(), count);
});
