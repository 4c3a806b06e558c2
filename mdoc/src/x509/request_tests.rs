//! Requests are read back by the DER of another type than they were written with, and verified under the key.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use x509_cert::der::Decode as _;

use super::*;
use crate::crypto::{Curve, HashAlgorithm, SignatureAlgorithm, SigningKey, generate_pkcs8};

const SUBJECT: &str = "CN=TEST reader,O=TEST Ltd,C=JP";

fn key(curve: Curve) -> SigningKey {
    let pem = generate_pkcs8(curve, &mut ChaCha20Rng::seed_from_u64(7)).unwrap();
    SigningKey::from_pkcs8(pem.as_bytes()).unwrap()
}

fn fault(subject: &str) -> CertificationRequestError {
    CertificationRequest::for_reader(subject, &key(Curve::P256)).unwrap_err()
}

#[test]
fn a_request_holds_under_its_own_key_on_every_curve() {
    for (curve, hash) in [
        (Curve::P256, HashAlgorithm::Sha256),
        (Curve::P384, HashAlgorithm::Sha384),
        (Curve::Ed25519, HashAlgorithm::Sha512),
    ] {
        let key = key(curve);
        let der = CertificationRequest::for_reader(SUBJECT, &key)
            .unwrap()
            .to_der()
            .unwrap();
        let request = CertReq::from_der(&der).unwrap();
        let signed = request.info.to_der().unwrap();
        let signature = request.signature.as_bytes().unwrap();
        let public = key.public_key();
        assert_eq!(public.verify_der(hash, &signed, signature), Ok(()), "{curve:?}");
        // One bit of the signed part.
        let mut other = signed.clone();
        other[20] ^= 1;
        assert!(public.verify_der(hash, &other, signature).is_err(), "{curve:?}");
        assert_eq!(request.info.subject.to_string(), SUBJECT);
    }
}

#[test]
fn it_asks_for_the_two_usages_and_for_both_as_critical() {
    let request = CertificationRequest::for_reader(SUBJECT, &key(Curve::P256)).unwrap();
    let attributes: Vec<_> = request.0.info.attributes.iter().collect();
    assert_eq!(attributes.len(), 1);
    assert_eq!(attributes[0].oid.to_string(), "1.2.840.113549.1.9.14");
    let value = attributes[0].values.get(0).unwrap();
    let extensions: Vec<Extension> = value.decode_as().unwrap();
    let seen: Vec<(String, bool, String)> = extensions
        .iter()
        .map(|extension| {
            let value = hex::encode(extension.extn_value.as_bytes());
            (extension.extn_id.to_string(), extension.critical, value)
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("2.5.29.15".to_owned(), true, "03020780".to_owned()),
            (
                "2.5.29.37".to_owned(),
                true,
                "300906072881 8c5d050106".replace(' ', "")
            ),
        ]
    );
}

#[test]
fn subjects_that_make_no_reader_are_refused_each_for_its_reason() {
    use CertificationRequestError as E;
    assert_eq!(
        CertificationRequest::check_subject(SUBJECT),
        Ok(()),
        "the untouched twin"
    );
    assert_eq!(
        CertificationRequest::check_subject("C=JP,ST=Tokyo,CN=試験"),
        Ok(()),
        "any order, any script"
    );
    let long = format!("CN={},C=JP", "x".repeat(65));
    let longest = format!("CN={},C=JP", "x".repeat(64));
    assert_eq!(CertificationRequest::check_subject(&longest), Ok(()));
    let endless = format!("CN=a,C=JP{}", ",OU=x".repeat(400));
    for (subject, reason) in [
        ("TEST reader", E::Subject),
        ("/C=JP/CN=TEST", E::Subject),
        ("CN=TEST,C=JP,WHAT=x", E::Subject),
        ("CN=#0500,C=JP", E::Subject),
        (&endless, E::Subject),
        ("CN=,C=JP", E::Value),
        ("CN=a\\0Ab,C=JP", E::Value),
        (&long, E::Value),
        ("", E::Subject),
        ("CN=TEST", E::Country),
        ("CN=TEST,C=jp", E::Country),
        ("CN=TEST,C=JPN", E::Country),
        ("CN=TEST,C=JP,C=DE", E::Country),
        ("O=TEST,C=JP", E::CommonName),
        ("CN=a,CN=b,C=JP", E::CommonName),
    ] {
        assert_eq!(fault(subject), reason, "{subject}");
    }
}

#[test]
fn a_key_that_signs_with_another_makes_no_request() {
    struct Swapped(SigningKey, SigningKey);
    impl Signer for Swapped {
        fn public_key(&self) -> &PublicKey {
            self.0.public_key()
        }
        fn algorithm(&self) -> SignatureAlgorithm {
            self.0.algorithm()
        }
        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
            self.1.sign(message)
        }
    }
    struct Broken(SigningKey);
    impl Signer for Broken {
        fn public_key(&self) -> &PublicKey {
            self.0.public_key()
        }
        fn algorithm(&self) -> SignatureAlgorithm {
            self.0.algorithm()
        }
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignError> {
            Err(SignError("no".to_owned()))
        }
    }
    let other = generate_pkcs8(Curve::P256, &mut ChaCha20Rng::seed_from_u64(8)).unwrap();
    let other = SigningKey::from_pkcs8(other.as_bytes()).unwrap();
    let swapped = CertificationRequest::for_reader(SUBJECT, &Swapped(key(Curve::P256), other));
    assert_eq!(swapped.unwrap_err(), CertificationRequestError::Signature);
    let broken = CertificationRequest::for_reader(SUBJECT, &Broken(key(Curve::P256)));
    let reason = CertificationRequestError::Sign(SignError("no".to_owned()));
    assert_eq!(broken.unwrap_err(), reason);
}
