//! The memory of chains.

use std::sync::Arc;

use super::factory::Issuer;
use crate::x509::{
    AnchorSet, ChainCache, ChainKey, IssuerCertificateProfile, PathError, PathSet, build_path,
};

fn built() -> Result<PathSet, PathError> {
    let issuer = Issuer::new();
    let profile = IssuerCertificateProfile::default();
    build_path(&[&issuer.signer_der()], &issuer.anchors(), |_| &profile)
}

#[test]
fn a_chain_is_built_once() {
    let cache = ChainCache::default();
    let key = ChainKey::new(&[b"a"], "mdl");
    let first = cache.get_or_build(key, built).unwrap();
    let second = cache.get_or_build(key, || panic!("remembered")).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(cache.len(), 1);
    assert!(!cache.is_empty());
}

#[test]
fn a_failure_is_not_remembered() {
    let cache = ChainCache::default();
    let key = ChainKey::new(&[b"a"], "mdl");
    let profile = IssuerCertificateProfile::default();
    let leaf = Issuer::new().signer_der();
    let fails = || build_path(&[leaf.as_slice()], &AnchorSet::default(), |_| &profile);
    assert_eq!(
        cache.get_or_build(key, fails).unwrap_err(),
        PathError::UnknownIssuer
    );
    assert!(cache.is_empty());
    assert!(cache.get_or_build(key, built).is_ok());
    assert_eq!(cache.len(), 1);
}

#[test]
fn the_memory_is_bounded_and_forgets_the_oldest() {
    let cache = ChainCache::default();
    let paths = built().unwrap();
    let key = |number: u16| ChainKey::new(&[&number.to_be_bytes()], "mdl");
    for number in 0..256 {
        cache.get_or_build(key(number), || Ok(paths.clone())).unwrap();
    }
    assert_eq!(cache.len(), 256);
    cache.get_or_build(key(256), || Ok(paths.clone())).unwrap();
    assert_eq!(cache.len(), 256);
    cache.get_or_build(key(1), || panic!("remembered")).unwrap();
    let error = cache.get_or_build(key(0), || Err(PathError::Empty)).unwrap_err();
    assert_eq!(error, PathError::Empty, "the oldest is forgotten");
}

#[test]
fn keys_tell_chains_and_profiles_apart() {
    let keys = [
        ChainKey::new(&[b"ab"], "mdl"),
        ChainKey::new(&[b"a", b"b"], "mdl"),
        ChainKey::new(&[b"b", b"a"], "mdl"),
        ChainKey::new(&[b"ab", b""], "mdl"),
        ChainKey::new(&[b"", b"ab"], "mdl"),
        ChainKey::new(&[b"ab"], "mdl2"),
        ChainKey::new(&[b"2ab"], "mdl"),
        ChainKey::new(&[], "mdl"),
        ChainKey::new(&[], ""),
        ChainKey::new(&[b"mdl"], ""),
    ];
    for (index, left) in keys.iter().enumerate() {
        for right in &keys[index + 1..] {
            assert_ne!(left, right);
        }
    }
    assert_eq!(keys[0], ChainKey::new(&[b"ab"], "mdl"));
}

#[test]
fn a_chain_that_is_too_long_never_has_the_key_of_one_that_is_not() {
    let long: [&[u8]; 9] = [b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9"];
    for over in 6..=9 {
        for within in 1..=5 {
            assert_ne!(
                ChainKey::new(&long[..over], "mdl"),
                ChainKey::new(&long[..within], "mdl")
            );
        }
    }
}

#[test]
fn a_panic_while_building_leaves_the_memory_usable() {
    let cache = ChainCache::default();
    let key = ChainKey::new(&[b"a"], "mdl");
    let panicked = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
        let _ = cache.get_or_build(key, || panic!("while building"));
    }));
    assert!(panicked.is_err());
    assert!(cache.get_or_build(key, built).is_ok());
}
