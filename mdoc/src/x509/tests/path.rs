//! From the chain to the anchors.

use super::factory::{
    AKI, CRL_URI, Issuer, Key, SKI, STATE, Spec, TELETEX, anchor, anchor_set, authority_key_identifier, der,
    name, name_in, sequence,
};
use super::factory::{COMMON_NAME, COUNTRY, EKU, KEY_USAGE, PRINTABLE, UTF8, key_usage};
use crate::crypto::{Curve, SignatureError};
use crate::limits::CERTIFICATE_BYTES;
use crate::x509::{
    AnchorSet, Certificate, CertificateError, CertificateRole, CertificateRule, Deviation,
    IssuerCertificateProfile, PathError, PathSet, build_path,
};

pub(super) fn build(chain: &[&[u8]], anchors: &AnchorSet) -> Result<PathSet, PathError> {
    build_below(chain, anchors, 0)
}

pub(super) fn build_below(
    chain: &[&[u8]],
    anchors: &AnchorSet,
    max_intermediates: usize,
) -> Result<PathSet, PathError> {
    let profile = IssuerCertificateProfile {
        max_intermediates,
        ..IssuerCertificateProfile::default()
    };
    build_path(chain, anchors, |_| &profile)
}

pub(super) fn fault(chain: &[&[u8]], anchors: &AnchorSet) -> PathError {
    build(chain, anchors).expect_err("no path")
}

/// What the only path breaks.
pub(super) fn deviations(built: Result<PathSet, PathError>) -> Vec<Deviation> {
    let set = built.expect("a path");
    assert_eq!(set.paths().len(), 1);
    set.paths()[0].deviations.clone()
}

#[test]
fn a_signer_below_an_anchor_gives_its_facts() {
    let issuer = Issuer::new();
    let leaf = issuer.signer_der();
    let set = build(&[&leaf], &issuer.anchors()).unwrap();
    assert_eq!(set.paths().len(), 1);
    let path = &set.paths()[0];
    let root = issuer.root.parse(&issuer.root_key);
    let leaf = Certificate::from_der(&leaf).unwrap();
    assert_eq!(path.anchor, root.sha256());
    assert_eq!(path.deviations, []);
    assert_eq!(
        (path.country.as_deref(), path.state.as_deref()),
        (Some("JP"), None)
    );
    assert_eq!(path.serial, leaf.serial());
    assert_eq!(path.crl_uris, [CRL_URI]);
    assert_eq!((&path.doc_types, &path.profile), (&None, &None));
    let roles: Vec<CertificateRole> = path.validities.iter().map(|validity| validity.role).collect();
    assert_eq!(roles, [CertificateRole::DocumentSigner, CertificateRole::Anchor]);
    assert_eq!(path.validities[0].not_after, leaf.not_after());
    assert_eq!(path.validities[1].not_after, root.not_after());
    assert_eq!(set.leaf(), path.validities[0]);
    assert_eq!(set.leaf_key().unwrap().curve(), Curve::P256);
}

#[test]
fn an_unknown_issuer_is_no_anchor() {
    let issuer = Issuer::new();
    let leaf = issuer.signer_der();
    assert!(build(&[&leaf], &issuer.anchors()).is_ok());
    assert_eq!(fault(&[&leaf], &AnchorSet::default()), PathError::UnknownIssuer);
    let other = Key::p256(9);
    let anchors = anchor_set(&[&Spec::root(&name_in("JP", "Other IACA"), &other).sign(&other)]);
    assert_eq!(fault(&[&leaf], &anchors), PathError::UnknownIssuer);
}

#[test]
fn names_agree_to_the_byte() {
    let issuer = Issuer::new();
    let mut signer = issuer.signer.clone();
    assert!(build(&[&signer.sign(&issuer.root_key)], &issuer.anchors()).is_ok());
    // The same text in another string type.
    signer.issuer = name(&[(COUNTRY, PRINTABLE, "JP"), (COMMON_NAME, PRINTABLE, "Test IACA")]);
    assert_eq!(
        fault(&[&signer.sign(&issuer.root_key)], &issuer.anchors()),
        PathError::UnknownIssuer
    );
    signer.issuer = name_in("JP", "test iaca");
    assert_eq!(
        fault(&[&signer.sign(&issuer.root_key)], &issuer.anchors()),
        PathError::UnknownIssuer
    );
}

#[test]
fn a_forged_root_of_the_same_name_is_refused() {
    let issuer = Issuer::new();
    let forger = Key::p384(7);
    let forged_root = Spec::root(&issuer.root_name, &forger).sign(&forger);
    let mut signer = Spec::signer(
        &name_in("JP", "Test signer"),
        &issuer.signer_key,
        (&issuer.root_name, &forger),
    );
    let leaf = signer.sign(&forger);
    assert!(build(&[&leaf], &anchor_set(&[&forged_root])).is_ok(), "the twin");
    let anchors = issuer.anchors();
    // By its key identifier it is of another issuer, by its signature too.
    assert_eq!(fault(&[&leaf], &anchors), PathError::UnknownIssuer);
    assert_eq!(fault(&[&leaf, &forged_root], &anchors), PathError::Signature);
    signer.extension(AKI).value = authority_key_identifier(&issuer.root_key.identifier());
    let leaf = signer.sign(&forger);
    assert_eq!(fault(&[&leaf], &anchors), PathError::Signature);
    assert_eq!(fault(&[&leaf, &forged_root], &anchors), PathError::Order);
    signer.remove(AKI);
    let leaf = signer.sign(&forger);
    assert_eq!(fault(&[&leaf], &anchors), PathError::Signature);
    assert_eq!(fault(&[&leaf, &forged_root], &anchors), PathError::Signature);
}

#[test]
fn the_anchor_whose_key_signed_is_found_among_many_of_its_name() {
    let issuer = Issuer::new();
    let others: Vec<Vec<u8>> = (10..14)
        .map(|seed| {
            let key = Key::p256(seed);
            Spec::root(&issuer.root_name, &key).sign(&key)
        })
        .collect();
    let root = issuer.root_der();
    let all = [others[0].as_slice(), &others[1], &root, &others[2], &others[3]];
    let anchors = anchor_set(&all);
    let expected = issuer.root.parse(&issuer.root_key).sha256();
    let mut signer = issuer.signer.clone();
    let found = |signer: &Spec| {
        let set = build(&[&signer.sign(&issuer.root_key)], &anchors).unwrap();
        set.paths().iter().map(|path| path.anchor).collect::<Vec<_>>()
    };
    assert_eq!(found(&signer), [expected]);
    // Without a key identifier each is tried.
    signer.remove(AKI);
    assert_eq!(found(&signer), [expected]);
}

#[test]
fn every_anchor_whose_key_signed_gives_a_path() {
    let issuer = Issuer::new();
    let mut renewed = issuer.root.clone();
    renewed.serial = vec![2];
    renewed.not_after += 1000;
    let (first, second) = (issuer.root_der(), renewed.sign(&issuer.root_key));
    let mut anchors = vec![anchor(&first), anchor(&second)];
    anchors[0].doc_types = Some(vec!["org.iso.18013.5.1.mDL".to_owned()]);
    anchors[1].profile = Some("eu-pid".to_owned());
    let (set, faults) = AnchorSet::new(anchors);
    assert_eq!(faults, []);
    let paths = build(&[&issuer.signer_der()], &set).unwrap();
    let facts: Vec<_> = paths
        .paths()
        .iter()
        .map(|path| (path.anchor, path.doc_types.is_some(), path.profile.as_deref()))
        .collect();
    let hash = |der: &[u8]| Certificate::from_der(der).unwrap().sha256();
    assert_eq!(
        facts,
        [(hash(&first), true, None), (hash(&second), false, Some("eu-pid"))]
    );
}

#[test]
fn a_wrong_authority_key_identifier_leads_nowhere() {
    let issuer = Issuer::new();
    let mut signer = issuer.signer.clone();
    assert!(build(&[&signer.sign(&issuer.root_key)], &issuer.anchors()).is_ok());
    signer.extension(AKI).value = authority_key_identifier(&[0; 20]);
    assert_eq!(
        fault(&[&signer.sign(&issuer.root_key)], &issuer.anchors()),
        PathError::UnknownIssuer
    );
}

#[test]
fn an_anchor_in_the_chain_is_left_out() {
    let issuer = Issuer::new();
    let (leaf, root) = (issuer.signer_der(), issuer.root_der());
    let paths = build(&[&leaf, &root], &issuer.anchors()).unwrap();
    assert_eq!(paths.paths().len(), 1);
    assert_eq!(paths.paths()[0].validities.len(), 2);
    assert_eq!(paths.paths()[0].deviations, []);
    // It proves nothing where it is no anchor.
    assert_eq!(
        fault(&[&leaf, &root], &AnchorSet::default()),
        PathError::UnknownIssuer
    );
}

#[test]
fn a_leaf_that_is_an_anchor_or_names_itself_is_refused() {
    let issuer = Issuer::new();
    let root = issuer.root_der();
    assert_eq!(fault(&[&root], &issuer.anchors()), PathError::LeafIsAnchor);
    assert_eq!(fault(&[&root], &AnchorSet::default()), PathError::SelfIssuedLeaf);
    let name = name_in("JP", "Test signer");
    let own = Spec::signer(&name, &issuer.signer_key, (&name, &issuer.signer_key));
    assert_eq!(
        fault(&[&own.sign(&issuer.signer_key)], &issuer.anchors()),
        PathError::SelfIssuedLeaf
    );
    // A root's own name and key do not make a signer of it either.
    let mut second_root = issuer.root.clone();
    second_root.serial = vec![3];
    assert_eq!(
        fault(&[&second_root.sign(&issuer.root_key)], &issuer.anchors()),
        PathError::SelfIssuedLeaf
    );
}

#[test]
fn the_chain_is_bounded_and_not_empty() {
    let issuer = Issuer::new();
    let (leaf, root) = (issuer.signer_der(), issuer.root_der());
    let anchors = issuer.anchors();
    assert_eq!(fault(&[], &anchors), PathError::Empty);
    assert!(build(&[&leaf, &root, &root, &root, &root], &anchors).is_ok());
    assert_eq!(
        fault(&[&leaf, &root, &root, &root, &root, &root], &anchors),
        PathError::TooManyCertificates(6)
    );
    let large = vec![0x30; CERTIFICATE_BYTES + 1];
    assert_eq!(
        fault(&[&leaf, &large], &anchors),
        PathError::Certificate {
            index: 1,
            error: CertificateError::TooLarge(CERTIFICATE_BYTES + 1)
        }
    );
}

#[test]
fn every_cut_of_the_leaf_is_named() {
    let issuer = Issuer::new();
    let (leaf, anchors) = (issuer.signer_der(), issuer.anchors());
    assert!(build(&[&leaf], &anchors).is_ok());
    for end in 0..leaf.len() {
        let expected = PathError::Certificate {
            index: 0,
            error: CertificateError::Der,
        };
        assert_eq!(fault(&[&leaf[..end]], &anchors), expected, "cut at {end}");
    }
}

#[test]
fn a_changed_bit_of_the_leaf_never_leads_to_an_anchor() {
    let issuer = Issuer::new();
    let (leaf, anchors) = (issuer.signer_der(), issuer.anchors());
    assert!(build(&[&leaf], &anchors).is_ok());
    let mut signature = 0;
    for index in 0..leaf.len() {
        let mut changed = leaf.clone();
        changed[index] ^= 1 << (index % 8);
        match fault(&[&changed], &anchors) {
            PathError::Signature => signature += 1,
            // The change met the DER, the issuer's name, its key identifier, or the date.
            PathError::Certificate { index: 0, .. } | PathError::UnknownIssuer => {}
            other => panic!("byte {index}: {other:?}"),
        }
    }
    assert!(signature > 200, "{signature}");
}

#[test]
fn country_and_state_are_those_of_the_anchor() {
    type Attributes<'a> = &'a [(&'a str, u8, &'a str)];
    let key = Key::p384(1);
    let broken = |root: Attributes<'_>, signer: Attributes<'_>| {
        let root_name = name(&[root, &[(COMMON_NAME, UTF8, "IACA")]].concat());
        let signer_name = name(&[signer, &[(COMMON_NAME, UTF8, "Signer")]].concat());
        let leaf = Spec::signer(&signer_name, &Key::p256(2), (&root_name, &key)).sign(&key);
        let anchors = anchor_set(&[&Spec::root(&root_name, &key).sign(&key)]);
        deviations(build(&[&leaf], &anchors))
            .into_iter()
            .map(|deviation| deviation.rule)
            .collect::<Vec<_>>()
    };
    let us = (COUNTRY, PRINTABLE, "US");
    let maryland = (STATE, PRINTABLE, "US-MD");
    assert_eq!(broken(&[us], &[us]), []);
    assert_eq!(
        broken(&[us], &[(COUNTRY, PRINTABLE, "JP")]),
        [CertificateRule::CountryMatch]
    );
    assert_eq!(broken(&[us, maryland], &[us, maryland]), []);
    assert_eq!(broken(&[us, maryland], &[us, (STATE, UTF8, "US-MD")]), []);
    let state = [CertificateRule::StateMatch];
    assert_eq!(broken(&[us, maryland], &[us, (STATE, PRINTABLE, "US-VA")]), state);
    assert_eq!(broken(&[us, maryland], &[us]), state);
    assert_eq!(broken(&[us], &[us, maryland]), state);
    // What cannot be read is not the same as what is not there, nor as itself.
    assert_eq!(broken(&[us], &[us, (STATE, TELETEX, "US-MD")]), state);
    assert_eq!(broken(&[us], &[us, maryland, maryland]), state);
    let teletex = (STATE, TELETEX, "US-MD");
    assert_eq!(broken(&[us, teletex], &[us, teletex]), state);
}

#[test]
fn the_deviations_of_every_certificate_are_listed() {
    let issuer = Issuer::new();
    let (mut root, mut signer) = (issuer.root.clone(), issuer.signer.clone());
    root.extension(KEY_USAGE).value = key_usage(0x86);
    signer.remove(EKU);
    let anchors = anchor_set(&[&root.sign(&issuer.root_key)]);
    assert_eq!(
        deviations(build(&[&signer.sign(&issuer.root_key)], &anchors)),
        [
            Deviation {
                role: CertificateRole::DocumentSigner,
                rule: CertificateRule::ExtendedKeyUsage
            },
            Deviation {
                role: CertificateRole::Anchor,
                rule: CertificateRule::KeyUsage
            },
        ]
    );
}

#[test]
fn a_signature_algorithm_that_is_not_allowed_does_not_verify() {
    let issuer = Issuer::new();
    let mut signer = issuer.signer.clone();
    for id in ["1.2.840.10045.4.1", "1.2.840.113549.1.1.11", "1.3.101.112"] {
        let named = sequence(&[&super::factory::oid(id)]);
        signer.inner_algorithm = Some(named.clone());
        signer.outer_algorithm = Some(named);
        assert_eq!(
            fault(&[&signer.sign(&issuer.root_key)], &issuer.anchors()),
            PathError::Signature,
            "{id}"
        );
    }
}

#[test]
fn ed25519_signs_under_its_own_name_only() {
    let (key, other) = (Key::ed25519(1), Key::ed25519(2));
    let root_name = name_in("JP", "Edwards IACA");
    let anchors = anchor_set(&[&Spec::root(&root_name, &key).sign(&key)]);
    let mut signer = Spec::signer(&name_in("JP", "Signer"), &other, (&root_name, &key));
    let set = build(&[&signer.sign(&key)], &anchors).unwrap();
    assert_eq!(set.leaf_key().unwrap().curve(), Curve::Ed25519);
    assert_eq!(set.paths()[0].deviations, []);
    assert_eq!(fault(&[&signer.sign(&other)], &anchors), PathError::Signature);
    for id in ["1.3.101.113", "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.4"] {
        let named = sequence(&[&super::factory::oid(id)]);
        signer.inner_algorithm = Some(named.clone());
        signer.outer_algorithm = Some(named);
        let certificate = Certificate::from_der(&signer.sign(&key)).unwrap();
        assert_eq!(
            certificate.verify_signed_by(anchors.anchors()[0].certificate.public_key().unwrap()),
            Err(SignatureError::Malformed),
            "{id}"
        );
    }
}

#[test]
fn an_ecdsa_key_does_not_verify_eddsa() {
    let issuer = Issuer::new();
    let root = issuer.root.parse(&issuer.root_key);
    let mut signer = issuer.signer.clone();
    assert_eq!(
        signer
            .parse(&issuer.root_key)
            .verify_signed_by(root.public_key().unwrap()),
        Ok(())
    );
    let named = sequence(&[&super::factory::oid("1.3.101.112")]);
    signer.inner_algorithm = Some(named.clone());
    signer.outer_algorithm = Some(named);
    assert_eq!(
        signer
            .parse(&issuer.root_key)
            .verify_signed_by(root.public_key().unwrap()),
        Err(SignatureError::Malformed)
    );
}

#[test]
fn a_leaf_without_a_usable_key_is_a_deviation() {
    let issuer = Issuer::new();
    let mut signer = issuer.signer.clone();
    let bits = sequence(&[&der(2, &[3]), &der(2, &[3])]);
    let rsa = sequence(&[&super::factory::oid("1.2.840.113549.1.1.1"), &[5, 0]]);
    signer.public_key_info = super::factory::public_key_info(&rsa, &bits);
    signer.extension(SKI).value = der(4, &crate::crypto::sha1(&bits));
    let set = build(&[&signer.sign(&issuer.root_key)], &issuer.anchors()).unwrap();
    assert!(set.leaf_key().is_none());
    assert_eq!(
        set.paths()[0].deviations,
        [Deviation {
            role: CertificateRole::DocumentSigner,
            rule: CertificateRule::PublicKey
        }]
    );
}

#[test]
fn errors_name_places_not_contents() {
    let certificate = PathError::Certificate {
        index: 2,
        error: CertificateError::Der,
    };
    assert_eq!(
        certificate.to_string(),
        "certificate 2 of the chain: not a DER certificate"
    );
    assert_eq!(
        PathError::TooManyCertificates(6).to_string(),
        "a chain of 6 certificates is over the limit"
    );
}
