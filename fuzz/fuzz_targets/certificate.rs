//! A certificate is parsed or refused; no fuzzed chain leads to an anchor.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mdoc::x509::{AnchorSet, Certificate, IssuerCertificateProfile, build_path};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(certificate) = Certificate::from_der(bytes) {
        assert!(
            bytes
                .windows(certificate.tbs().len())
                .any(|window| window == certificate.tbs())
        );
        if let Some(key) = certificate.public_key() {
            let _ = certificate.verify_signed_by(key);
        }
    }
    let profile = IssuerCertificateProfile::default();
    assert!(build_path(&[bytes], &AnchorSet::default(), |_| &profile).is_err());
});
