//! Chains with certificates between the signer and the anchor.

use super::factory::{
    AKI, BASIC_CONSTRAINTS, Issuer, Key, SKI, Spec, anchor, anchor_set, authority, authority_key_identifier,
    name_in,
};
use super::path::{build, build_below, deviations, fault};
use crate::crypto::Curve;
use crate::x509::{AnchorFault, AnchorSet, CertificateRole, CertificateRule, Deviation, PathError};

#[test]
fn a_signer_below_a_signer_is_refused() {
    let issuer = Issuer::new();
    let second_key = Key::p256(5);
    let first = issuer.signer_der();
    let second = Spec::signer(
        &name_in("JP", "Second signer"),
        &second_key,
        (&name_in("JP", "Test signer"), &issuer.signer_key),
    );
    let second = second.sign(&issuer.signer_key);
    let anchors = issuer.anchors();
    assert!(build(&[&first], &anchors).is_ok());
    assert_eq!(fault(&[&second, &first], &anchors), PathError::TooLong);
    assert_eq!(fault(&[&second], &anchors), PathError::UnknownIssuer);
    // Even where an intermediate may stand there, a document signer is none.
    let role = CertificateRole::Intermediate;
    let broken = deviations(build_below(
        &[&second, &first],
        &wide_anchors(&issuer, Some(1)),
        1,
    ));
    for rule in [CertificateRule::KeyUsage, CertificateRule::BasicConstraints] {
        assert!(broken.contains(&Deviation { role, rule }), "{broken:?}");
    }
    // Nor does it become an anchor.
    let (_, faults) = AnchorSet::new(vec![anchor(&first)]);
    assert_eq!(faults, [(0, AnchorFault::NotSelfIssued)]);
}

/// The issuer's root with another path length.
fn wide_anchors(issuer: &Issuer, path_length: Option<u8>) -> AnchorSet {
    let mut root = issuer.root.clone();
    root.extension(BASIC_CONSTRAINTS).value = authority(path_length);
    anchor_set(&[&root.sign(&issuer.root_key)])
}

/// A signer below intermediates below the issuer's root, the signer first. `lengths` are the
/// intermediates' path lengths, from the root downwards.
fn chain_below(issuer: &Issuer, lengths: &[Option<u8>]) -> Vec<Vec<u8>> {
    let (mut above_name, mut above_key) = (issuer.root_name.clone(), issuer.root_key.clone());
    let mut chain = Vec::new();
    for (length, seed) in lengths.iter().zip(20..) {
        let (name, key) = (name_in("JP", &format!("Intermediate {seed}")), Key::p256(seed));
        let mut spec = Spec::intermediate(&name, &key, (&above_name, &above_key));
        spec.extension(BASIC_CONSTRAINTS).value = authority(*length);
        chain.insert(0, spec.sign(&above_key));
        (above_name, above_key) = (name, key);
    }
    let signer = Spec::signer(
        &name_in("JP", "Test signer"),
        &issuer.signer_key,
        (&above_name, &above_key),
    );
    chain.insert(0, signer.sign(&above_key));
    chain
}

fn slices(chain: &[Vec<u8>]) -> Vec<&[u8]> {
    chain.iter().map(Vec::as_slice).collect()
}

#[test]
fn the_weakest_key_of_a_path_is_named_by_its_certificate() {
    use CertificateRole::{Anchor, DocumentSigner, Intermediate};
    let weakest = |root: Key, middle: Option<Key>, signer: Key| {
        let (root_name, middle_name) = (name_in("JP", "Test root"), name_in("JP", "Test intermediate"));
        let mut spec = Spec::root(&root_name, &root);
        spec.extension(BASIC_CONSTRAINTS).value = authority(Some(1));
        let anchors = anchor_set(&[&spec.sign(&root)]);
        let mut above = (&root_name, &root);
        let mut chain = Vec::new();
        if let Some(key) = &middle {
            let certificate = Spec::intermediate(&middle_name, key, (&root_name, &root)).sign(&root);
            chain.push(certificate);
            above = (&middle_name, key);
        }
        let leaf = Spec::signer(&name_in("JP", "Test signer"), &signer, (above.0, above.1));
        chain.insert(0, leaf.sign(above.1));
        let set = build_below(&slices(&chain), &anchors, 1).unwrap();
        set.paths()[0].weakest.map(|key| (key.role, key.curve))
    };
    let (p256, p384) = (Key::p256, Key::p384);
    assert_eq!(
        weakest(p384(1), None, p384(2)),
        Some((DocumentSigner, Curve::P384))
    );
    assert_eq!(
        weakest(p384(1), None, p256(2)),
        Some((DocumentSigner, Curve::P256))
    );
    assert_eq!(weakest(p256(1), None, p384(2)), Some((Anchor, Curve::P256)));
    assert_eq!(
        weakest(p384(1), Some(p256(3)), p384(2)),
        Some((Intermediate, Curve::P256))
    );
    assert_eq!(
        weakest(p256(1), Some(p256(3)), p384(2)),
        Some((Intermediate, Curve::P256))
    );
    assert_eq!(
        weakest(p384(1), Some(p384(3)), p384(2)),
        Some((DocumentSigner, Curve::P384))
    );
    let ed25519 = weakest(p256(1), None, Key::ed25519(2));
    assert_eq!(
        ed25519,
        Some((DocumentSigner, Curve::Ed25519)),
        "a group of 253 bits"
    );
}

#[test]
fn the_bits_of_a_curve_are_those_of_its_order() {
    for (name, bits) in [
        ("P-256", 256),
        ("P-384", 384),
        ("P-521", 521),
        ("brainpoolP256r1", 256),
        ("brainpoolP320r1", 320),
        ("brainpoolP384r1", 384),
        ("brainpoolP512r1", 512),
        ("X25519", 253),
        ("Ed25519", 253),
        ("X448", 446),
        ("Ed448", 446),
    ] {
        assert_eq!(Curve::from_name(name).unwrap().order_bits(), bits, "{name}");
    }
}

#[test]
fn an_intermediate_stands_where_the_profile_allows_it() {
    let issuer = Issuer::new();
    let chain = chain_below(&issuer, &[Some(0)]);
    let chain = slices(&chain);
    let anchors = wide_anchors(&issuer, Some(1));
    assert_eq!(deviations(build_below(&chain, &anchors, 1)), []);
    assert_eq!(build_below(&chain, &anchors, 0).unwrap_err(), PathError::TooLong);
    let set = build_below(&chain, &anchors, 1).unwrap();
    let roles: Vec<_> = set.paths()[0]
        .validities
        .iter()
        .map(|validity| validity.role)
        .collect();
    assert_eq!(
        roles,
        [
            CertificateRole::DocumentSigner,
            CertificateRole::Intermediate,
            CertificateRole::Anchor
        ]
    );
    // Without the intermediate the signer's issuer is unknown.
    assert_eq!(
        build_below(&chain[..1], &anchors, 1).unwrap_err(),
        PathError::UnknownIssuer
    );
}

#[test]
fn no_authority_stands_above_more_intermediates_than_its_path_length() {
    let issuer = Issuer::new();
    let broken = |root: Option<u8>, intermediates: &[Option<u8>]| {
        let chain = chain_below(&issuer, intermediates);
        deviations(build_below(&slices(&chain), &wide_anchors(&issuer, root), 3))
    };
    let of = |role| Deviation {
        role,
        rule: CertificateRule::PathLength,
    };
    let (anchor, intermediate) = (of(CertificateRole::Anchor), of(CertificateRole::Intermediate));
    assert_eq!(broken(None, &[None, None]), []);
    assert_eq!(broken(Some(0), &[]), []);
    assert_eq!(broken(Some(1), &[Some(0)]), []);
    assert_eq!(broken(Some(0), &[Some(0)]), [anchor]);
    assert_eq!(broken(Some(0), &[None]), [anchor]);
    assert_eq!(broken(Some(2), &[Some(1), Some(0)]), []);
    assert_eq!(broken(Some(1), &[Some(1), Some(0)]), [anchor]);
    assert_eq!(broken(Some(2), &[Some(0), Some(0)]), [intermediate]);
    assert_eq!(broken(None, &[Some(0), None]), [intermediate]);
    assert_eq!(broken(Some(0), &[Some(0), Some(0)]), [intermediate, anchor]);
}

#[test]
fn an_anchor_above_intermediates_still_has_critical_basic_constraints() {
    let issuer = Issuer::new();
    let chain = chain_below(&issuer, &[Some(0)]);
    let broken = |critical: bool| {
        let mut root = issuer.root.clone();
        root.extension(BASIC_CONSTRAINTS).value = authority(Some(1));
        root.extension(BASIC_CONSTRAINTS).critical = critical;
        let anchors = anchor_set(&[&root.sign(&issuer.root_key)]);
        deviations(build_below(&slices(&chain), &anchors, 1))
    };
    assert_eq!(broken(true), []);
    let expected = Deviation {
        role: CertificateRole::Anchor,
        rule: CertificateRule::BasicConstraints,
    };
    assert_eq!(broken(false), [expected]);
}

#[test]
fn the_chain_is_in_order_to_its_end() {
    let issuer = Issuer::new();
    let anchors = wide_anchors(&issuer, Some(2));
    let chain = chain_below(&issuer, &[Some(1), Some(0)]);
    let [leaf, lower, upper] = [&chain[0], &chain[1], &chain[2]].map(Vec::as_slice);
    assert!(build_below(&[leaf, lower, upper], &anchors, 2).is_ok());
    assert_eq!(
        build_below(&[leaf, upper, lower], &anchors, 2).unwrap_err(),
        PathError::Order
    );
    assert_eq!(
        build_below(&[leaf, upper], &anchors, 2).unwrap_err(),
        PathError::Order
    );
    assert_eq!(
        build_below(&[leaf, lower], &anchors, 2).unwrap_err(),
        PathError::UnknownIssuer
    );
    // A certificate above the one that the anchor signed is not used, but still held to the order.
    let signer = issuer.signer_der();
    let forger = Key::p384(8);
    let mut forged = Spec::root(&issuer.root_name, &forger);
    assert!(build(&[&signer], &issuer.anchors()).is_ok());
    assert_eq!(
        fault(&[&signer, &forged.sign(&forger)], &issuer.anchors()),
        PathError::Order
    );
    forged.remove(SKI);
    assert_eq!(
        fault(&[&signer, &forged.sign(&forger)], &issuer.anchors()),
        PathError::Signature
    );
    let mut again = issuer.root.clone();
    again.serial = vec![9];
    assert!(build(&[&signer, &again.sign(&issuer.root_key)], &issuer.anchors()).is_ok());
}

#[test]
fn an_intermediate_that_the_anchor_did_not_sign_is_refused() {
    let issuer = Issuer::new();
    let anchors = wide_anchors(&issuer, Some(1));
    let (name, key, forger) = (name_in("JP", "Intermediate"), Key::p256(3), Key::p384(8));
    let intermediate = Spec::intermediate(&name, &key, (&issuer.root_name, &issuer.root_key));
    let signer = Spec::signer(&name_in("JP", "Test signer"), &issuer.signer_key, (&name, &key));
    let leaf = signer.sign(&key);
    assert!(build_below(&[&leaf, &intermediate.sign(&issuer.root_key)], &anchors, 1).is_ok());
    assert_eq!(
        build_below(&[&leaf, &intermediate.sign(&forger)], &anchors, 1).unwrap_err(),
        PathError::Signature
    );
    assert_eq!(
        build_below(
            &[&signer.sign(&forger), &intermediate.sign(&issuer.root_key)],
            &anchors,
            1
        )
        .unwrap_err(),
        PathError::Signature
    );
    // Key identifiers hold between certificates of the chain as well.
    let mut astray = signer.clone();
    astray.extension(AKI).value = authority_key_identifier(&[1; 20]);
    assert_eq!(
        build_below(
            &[&astray.sign(&key), &intermediate.sign(&issuer.root_key)],
            &anchors,
            1
        )
        .unwrap_err(),
        PathError::Order
    );
}
