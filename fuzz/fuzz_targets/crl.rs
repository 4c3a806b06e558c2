//! A CRL is parsed or refused; what it lists is found again, and nobody signed it.
#![no_main]

use holder::keys::SigningKey;
use libfuzzer_sys::fuzz_target;
use mdoc::crypto::{Curve, PublicKey};
use mdoc::evidence::Evidence;
use mdoc::x509::RevocationList;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

fuzz_target!(|bytes: &[u8]| {
    let Ok(list) = RevocationList::from_der(bytes) else {
        assert!(Evidence::default().add_crl(bytes).is_err());
        return;
    };
    assert_eq!(list.is_empty(), list.len() == 0);
    assert_eq!(list.revoked_at(&[0x7f; 40]), None);
    assert!(list.check_not_older(&list).is_ok());
    let key = SigningKey::generate(Curve::P256, &mut ChaCha20Rng::seed_from_u64(0x6e6f_626f_6479));
    let key = PublicKey::from_uncompressed_point(Curve::P256, &key.public_bytes()).expect("a point");
    assert!(!list.is_signed_by(&key));
    let mut evidence = Evidence::default();
    evidence.add_crl(bytes).expect("it was parsed before");
    assert_eq!(evidence.crls_of(list.issuer_der()).len(), 1);
});
