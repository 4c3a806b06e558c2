//! Which certificates become anchors.

use super::factory::{Issuer, Key, Spec, anchor, anchor_set, name_in};
use crate::x509::{AnchorFault, AnchorSet, IssuerCertificateProfile, build_path};

fn load(certificates: &[&[u8]]) -> (AnchorSet, Vec<(usize, AnchorFault)>) {
    AnchorSet::new(certificates.iter().map(|der| anchor(der)).collect())
}

/// A new root key under the old name, certified by the old key.
fn link(issuer: &Issuer, new: &Key) -> Spec {
    Spec::intermediate(&issuer.root_name, new, (&issuer.root_name, &issuer.root_key))
}

#[test]
fn a_root_must_be_signed_by_its_own_key() {
    let issuer = Issuer::new();
    let good = issuer.root_der();
    let bad = issuer.root.sign(&Key::p384(6));
    let (set, faults) = load(&[&good, &bad]);
    assert_eq!(faults, [(1, AnchorFault::Signature)]);
    assert_eq!(set.anchors().len(), 1);
    assert_eq!(set.anchors()[0].certificate.der(), good);
    let (set, faults) = load(&[&bad]);
    assert_eq!(faults, [(0, AnchorFault::Signature)]);
    assert!(set.anchors().is_empty());
}

#[test]
fn a_link_certificate_stands_by_the_root_that_signed_it() {
    let issuer = Issuer::new();
    let new = Key::p384(4);
    let (root, link) = (issuer.root_der(), link(&issuer, &new).sign(&issuer.root_key));
    for order in [[&root, &link], [&link, &root]] {
        let (set, faults) = load(&order.map(Vec::as_slice));
        assert_eq!(faults, []);
        assert_eq!(set.anchors().len(), 2);
    }
    let (set, faults) = load(&[&link]);
    assert_eq!(faults, [(0, AnchorFault::Signature)]);
    assert!(set.anchors().is_empty());
    // A document signer under the new key leads to the link certificate.
    let signer = Spec::signer(
        &name_in("JP", "New signer"),
        &Key::p256(5),
        (&issuer.root_name, &new),
    );
    let leaf = signer.sign(&new);
    let anchors = anchor_set(&[&root, &link]);
    let profile = IssuerCertificateProfile::default();
    let paths = build_path(&[&leaf], &anchors, |_| &profile).unwrap();
    assert_eq!(paths.paths().len(), 1);
    assert_eq!(paths.paths()[0].anchor, anchor(&link).certificate.sha256());
    assert_eq!(paths.paths()[0].deviations, []);
}

#[test]
fn a_link_certificate_of_a_stranger_is_refused() {
    let issuer = Issuer::new();
    let (root, new, stranger) = (issuer.root_der(), Key::p384(4), Key::p384(8));
    let spec = link(&issuer, &new);
    assert_eq!(load(&[&root, &spec.sign(&issuer.root_key)]).1, []);
    let forged = spec.sign(&stranger);
    assert_eq!(load(&[&root, &forged]).1, [(1, AnchorFault::Signature)]);
    // The stranger's own root does not help it: it has another name.
    let other = Spec::root(&name_in("JP", "Stranger"), &stranger).sign(&stranger);
    assert_eq!(load(&[&root, &other, &forged]).1, [(2, AnchorFault::Signature)]);
}

#[test]
fn what_does_not_name_itself_is_no_anchor() {
    let issuer = Issuer::new();
    let (root, signer) = (issuer.root_der(), issuer.signer_der());
    let intermediate = Spec::intermediate(
        &name_in("JP", "Intermediate"),
        &Key::p256(3),
        (&issuer.root_name, &issuer.root_key),
    );
    let intermediate = intermediate.sign(&issuer.root_key);
    let (set, faults) = load(&[&signer, &root, &intermediate]);
    assert_eq!(
        faults,
        [(0, AnchorFault::NotSelfIssued), (2, AnchorFault::NotSelfIssued)]
    );
    assert_eq!(set.anchors().len(), 1);
    assert_eq!(set.anchors()[0].certificate.der(), root);
}

#[test]
fn a_root_without_a_usable_key_is_no_anchor() {
    let issuer = Issuer::new();
    let mut root = issuer.root.clone();
    assert_eq!(load(&[&root.sign(&issuer.root_key)]).1, []);
    root.public_key_info = super::factory::public_key_info(
        &super::factory::sequence(&[&super::factory::oid("1.2.840.113549.1.1.1"), &[5, 0]]),
        &[0x30, 0],
    );
    assert_eq!(
        load(&[&root.sign(&issuer.root_key)]).1,
        [(0, AnchorFault::Signature)]
    );
}

#[test]
fn anchors_keep_the_order_given() {
    let issuer = Issuer::new();
    let roots: Vec<Vec<u8>> = (30..40)
        .map(|seed| {
            let key = Key::p256(seed);
            let name = if seed % 2 == 0 {
                issuer.root_name.clone()
            } else {
                name_in("JP", "Odd")
            };
            Spec::root(&name, &key).sign(&key)
        })
        .collect();
    let certificates: Vec<&[u8]> = roots.iter().map(Vec::as_slice).collect();
    let set = anchor_set(&certificates);
    let kept: Vec<&[u8]> = set
        .anchors()
        .iter()
        .map(|anchor| anchor.certificate.der())
        .collect();
    assert_eq!(kept, certificates);
}

#[test]
fn an_anchor_vouches_for_what_it_lists() {
    let mut anchor = anchor(&Issuer::new().root_der());
    assert!(anchor.vouches_for("a") && anchor.vouches_for(""));
    anchor.doc_types = Some(vec!["a".to_owned()]);
    assert!(anchor.vouches_for("a"));
    assert!(!anchor.vouches_for("A") && !anchor.vouches_for(""));
    anchor.doc_types = Some(Vec::new());
    assert!(!anchor.vouches_for("a"));
}

#[test]
fn an_anchor_hands_over_to_the_keys_that_link_certificates_name() {
    let issuer = Issuer::new();
    let keys: Vec<Key> = (70..73).map(Key::p256).collect();
    let name = issuer.root_name.as_slice();
    let root = |key: &Key| Spec::root(name, key).sign(key);
    let link = |new: &Key, old: &Key| Spec::intermediate(name, new, (name, old)).sign(old);
    let (first, second, third) = (root(&keys[0]), root(&keys[1]), root(&keys[2]));
    let (one, two) = (link(&keys[1], &keys[0]), link(&keys[2], &keys[1]));
    let stranger = Spec::root(&name_in("JP", "Stranger"), &keys[1]).sign(&keys[1]);
    let of = |set: &AnchorSet, der: &[u8]| {
        let keys = set.keys_of(&anchor(der).certificate.sha256());
        keys.map(|key| key.encoded().to_vec()).collect::<Vec<_>>()
    };
    let own = |der: &[u8]| anchor(der).certificate.public_key().unwrap().encoded().to_vec();
    let all = anchor_set(&[&two, &first, &stranger, &second, &one, &third]);
    assert_eq!(of(&all, &first), [own(&first), own(&second), own(&third)]);
    assert_eq!(of(&all, &second), [own(&second), own(&third)]);
    assert_eq!(of(&all, &third), [own(&third)], "never backwards");
    // The link certificate holds the new key and hands over as its root does.
    assert_eq!(of(&all, &one), [own(&second), own(&third)]);
    // Another name with the same key hands over nothing.
    assert_eq!(of(&all, &stranger), [own(&second)]);
    // Without the link in between the chain of keys is broken.
    let gap = anchor_set(&[&first, &second, &third, &two]);
    assert_eq!(of(&gap, &first), [own(&first)]);
    assert_eq!(of(&gap, &second), [own(&second), own(&third)]);
    assert_eq!(
        of(&all, &link(&keys[0], &keys[2])),
        Vec::<Vec<u8>>::new(),
        "no anchor"
    );
    // Keys that hand over in a ring end.
    let back = link(&keys[0], &keys[2]);
    let ring = anchor_set(&[&first, &second, &third, &one, &two, &back]);
    assert_eq!(of(&ring, &first).len(), 3);
    assert_eq!(of(&ring, &third), [own(&third), own(&first), own(&second)]);
}

#[test]
fn a_certificate_may_be_an_anchor_twice() {
    let issuer = Issuer::new();
    let root = issuer.root_der();
    let set = anchor_set(&[&root, &root]);
    assert_eq!(set.anchors().len(), 2);
    let forged = issuer.root.sign(&Key::p384(6));
    let (set, faults) = load(&[&forged, &root, &forged, &root]);
    assert_eq!(faults, [(0, AnchorFault::Signature), (2, AnchorFault::Signature)]);
    let profile = IssuerCertificateProfile::default();
    let paths = build_path(&[&issuer.signer_der()], &set, |_| &profile).unwrap();
    assert_eq!(paths.paths().len(), 2);
}
