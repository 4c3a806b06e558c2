//! Reading certificates: what is refused, and what the accessors give.

use super::factory::{
    AKI, CRL_POINTS, CRL_URI, DAY, Issuer, Key, PRINTABLE, START, Spec, TELETEX, UTF8, at,
    authority_key_identifier, der, distribution_point, name, name_in, public_key_info, sequence, uri,
};
use super::factory::{COMMON_NAME, COUNTRY, STATE, oid};
use crate::crypto::{Curve, SignatureError};
use crate::limits::{CERTIFICATE_BYTES, URI_BYTES};
use crate::x509::{Certificate, CertificateError};

fn error_of(bytes: &[u8]) -> CertificateError {
    Certificate::from_der(bytes).expect_err("refused")
}

#[test]
fn the_accessors_give_what_was_written() {
    let issuer = Issuer::new();
    let bytes = issuer.signer_der();
    let certificate = Certificate::from_der(&bytes).unwrap();
    assert_eq!(certificate.der(), bytes);
    assert_eq!(certificate.issuer_der(), issuer.root_name);
    assert_eq!(certificate.subject_der(), name_in("JP", "Test signer"));
    assert_eq!(certificate.serial(), issuer.signer.serial);
    assert_eq!(certificate.not_before(), at(START));
    assert_eq!(certificate.not_after(), at(START + 457 * DAY));
    assert_eq!(certificate.country(), Some("JP"));
    assert_eq!(certificate.state(), None);
    assert_eq!(certificate.common_name(), Some("Test signer"));
    assert_eq!(certificate.public_key().unwrap().curve(), Curve::P256);
    assert_eq!(
        certificate.subject_key_identifier(),
        Some(issuer.signer_key.identifier().as_slice())
    );
    assert_eq!(
        certificate.authority_key_identifier(),
        Some(issuer.root_key.identifier().as_slice())
    );
    assert_eq!(certificate.crl_uris(), [CRL_URI]);
    assert!(!certificate.is_self_issued());
    let extensions: Vec<(String, bool)> = certificate
        .extensions()
        .map(|(kind, critical)| (kind.to_string(), critical))
        .collect();
    let written: Vec<(String, bool)> = issuer
        .signer
        .extensions
        .iter()
        .map(|extension| (extension.kind.clone(), extension.critical))
        .collect();
    assert_eq!(extensions, written);
    let usages: Vec<String> = certificate
        .extended_key_usages()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(usages, ["1.0.18013.5.1.2"]);
}

#[test]
fn the_signed_part_is_the_slice_received() {
    let bytes = Issuer::new().signer_der();
    let certificate = Certificate::from_der(&bytes).unwrap();
    // SEQUENCE with two length bytes, then the TBS with its own.
    assert_eq!(bytes[..2], [0x30, 0x82]);
    let length = usize::from(u16::from_be_bytes([bytes[6], bytes[7]]));
    assert_eq!(certificate.tbs(), &bytes[4..8 + length]);
    assert_eq!(
        certificate.sha256().as_slice(),
        crate::crypto::HashAlgorithm::Sha256.digest(&[&bytes]).as_bytes()
    );
}

#[test]
fn every_cut_is_refused() {
    let bytes = Issuer::new().signer_der();
    assert!(Certificate::from_der(&bytes).is_ok());
    for end in 0..bytes.len() {
        assert_eq!(error_of(&bytes[..end]), CertificateError::Der, "cut at {end}");
    }
}

#[test]
fn no_changed_byte_panics_and_none_in_the_signed_part_verifies() {
    let issuer = Issuer::new();
    let bytes = issuer.signer_der();
    let root = issuer.root.parse(&issuer.root_key);
    let key = root.public_key().unwrap();
    let twin = Certificate::from_der(&bytes).unwrap();
    assert_eq!(twin.verify_signed_by(key), Ok(()));
    let tbs = 4..4 + twin.tbs().len();
    let mut parsed = 0;
    for index in 0..bytes.len() {
        // One bit in each byte keeps the number of verifications bearable.
        let mut changed = bytes.clone();
        changed[index] ^= 1 << (index % 8);
        let Ok(certificate) = Certificate::from_der(&changed) else {
            continue;
        };
        parsed += 1;
        if tbs.contains(&index) {
            assert_eq!(
                certificate.verify_signed_by(key),
                Err(SignatureError::Mismatch),
                "byte {index}"
            );
        } else {
            assert!(certificate.verify_signed_by(key).is_err(), "byte {index}");
        }
    }
    assert!(parsed > 100, "many changes leave a certificate that can be read");
}

#[test]
fn bytes_after_the_certificate_are_refused() {
    let mut bytes = Issuer::new().signer_der();
    assert!(Certificate::from_der(&bytes).is_ok());
    bytes.push(0);
    assert_eq!(error_of(&bytes), CertificateError::Der);
}

#[test]
fn the_size_is_bounded() {
    let issuer = Issuer::new();
    let of_size = |padding: usize| {
        let mut spec = issuer.signer.clone();
        spec.add("1.2.3.4", false, vec![0; padding]);
        spec.sign(&issuer.root_key)
    };
    let padding = CERTIFICATE_BYTES - of_size(1000).len() + 1000;
    // The signature's length varies by a byte or two: pad to the bound itself.
    let padding = (padding - 8..padding + 8)
        .find(|padding| of_size(*padding).len() == CERTIFICATE_BYTES)
        .expect("some padding gives the bound");
    assert!(Certificate::from_der(&of_size(padding)).is_ok());
    let over = vec![0x30; CERTIFICATE_BYTES + 1];
    assert_eq!(error_of(&over), CertificateError::TooLarge(CERTIFICATE_BYTES + 1));
}

#[test]
fn an_extension_that_stands_twice_is_refused() {
    let issuer = Issuer::new();
    let mut spec = issuer.signer.clone();
    spec.add("1.2.3.4", false, vec![5, 0]);
    assert!(Certificate::from_der(&spec.sign(&issuer.root_key)).is_ok());
    spec.add("1.2.3.4", true, vec![5, 0]);
    assert_eq!(
        error_of(&spec.sign(&issuer.root_key)),
        CertificateError::DuplicateExtension
    );
}

#[test]
fn the_number_of_extensions_is_bounded() {
    let issuer = Issuer::new();
    let with = |count: usize| {
        let mut spec = issuer.signer.clone();
        spec.extensions.clear();
        for number in 0..count {
            spec.add(&format!("1.2.3.{number}"), false, vec![5, 0]);
        }
        Certificate::from_der(&spec.sign(&issuer.root_key))
            .map(|certificate| certificate.extensions().count())
    };
    assert_eq!(with(64), Ok(64));
    assert_eq!(with(65), Err(CertificateError::TooManyExtensions(65)));
}

#[test]
fn a_key_that_cannot_be_used_is_no_key() {
    let issuer = Issuer::new();
    let ec = |curve: &str| sequence(&[&oid("1.2.840.10045.2.1"), &oid(curve)]);
    let p256 = issuer.signer_key.public_key_info();
    let point = &p256[p256.len() - 65..];
    let compressed = [&[2], &point[1..33]].concat();
    let mut off_curve = point.to_vec();
    off_curve[64] ^= 1;
    let explicit = sequence(&[&oid("1.2.840.10045.2.1"), &sequence(&[&der(2, &[1])])]);
    let info_of = [
        public_key_info(&ec("1.2.840.10045.3.1.7"), &compressed),
        public_key_info(&ec("1.2.840.10045.3.1.7"), &off_curve),
        public_key_info(&ec("1.2.840.10045.3.1.7"), &point[..64]),
        public_key_info(&ec("1.3.132.0.34"), point),
        public_key_info(&ec("1.2.840.10045.3.1.1"), &point[..49]),
        public_key_info(&explicit, point),
        public_key_info(&sequence(&[&oid("1.2.840.10045.2.1")]), point),
        public_key_info(&sequence(&[&oid("1.2.840.113549.1.1.1"), &[5, 0]]), &[0x30, 0]),
        public_key_info(&sequence(&[&oid("1.3.101.113")]), &[9; 57]),
        public_key_info(&sequence(&[&oid("1.3.101.110")]), &[9; 32]),
    ];
    assert!(issuer.signer.parse(&issuer.root_key).public_key().is_some());
    for (index, info) in info_of.into_iter().enumerate() {
        let mut spec = issuer.signer.clone();
        spec.public_key_info = info;
        let certificate = spec.parse(&issuer.root_key);
        assert!(certificate.public_key().is_none(), "case {index}");
    }
}

#[test]
fn crl_uris_are_those_of_full_names() {
    let issuer = Issuer::new();
    let directory_name = der(0xa4, &name_in("JP", "CRL"));
    let long = format!("https://example.test/{}", "a".repeat(URI_BYTES));
    let uris_of = |points: &[u8]| {
        let mut spec = issuer.signer.clone();
        spec.extension(CRL_POINTS).value = points.to_vec();
        spec.parse(&issuer.root_key).crl_uris().to_vec()
    };
    let second = "https://crl.example.test/second.crl";
    let both = sequence(&[
        &distribution_point(&uri(CRL_URI)),
        &distribution_point(&directory_name),
        &distribution_point(&[directory_name.clone(), uri(second)].concat()),
    ]);
    assert_eq!(uris_of(&both), [CRL_URI, second]);
    assert_eq!(
        uris_of(&sequence(&[&distribution_point(&directory_name)])),
        [""; 0]
    );
    assert_eq!(uris_of(&sequence(&[&distribution_point(&uri(&long))])), [""; 0]);
    assert_eq!(uris_of(&[0x30, 5, 0]), [""; 0]);
}

#[test]
fn a_name_attribute_counts_when_it_stands_once_as_text() {
    let issuer = Issuer::new();
    let state_of = |attributes: &[(&str, u8, &str)]| {
        let mut spec = issuer.signer.clone();
        let base = [(COUNTRY, PRINTABLE, "US"), (COMMON_NAME, UTF8, "Signer")];
        spec.subject = name(&[&base, attributes].concat());
        spec.parse(&issuer.root_key).state().map(str::to_owned)
    };
    assert_eq!(state_of(&[(STATE, PRINTABLE, "US-MD")]).as_deref(), Some("US-MD"));
    assert_eq!(state_of(&[(STATE, UTF8, "US-MD")]).as_deref(), Some("US-MD"));
    assert_eq!(state_of(&[]), None);
    assert_eq!(state_of(&[(STATE, TELETEX, "US-MD")]), None);
    assert_eq!(
        state_of(&[(STATE, PRINTABLE, "US-MD"), (STATE, PRINTABLE, "US-VA")]),
        None
    );
}

#[test]
fn an_authority_key_identifier_may_name_no_key() {
    let issuer = Issuer::new();
    let mut spec = issuer.signer.clone();
    assert!(spec.parse(&issuer.root_key).authority_key_identifier().is_some());
    spec.extension(AKI).value = sequence(&[]);
    assert_eq!(spec.parse(&issuer.root_key).authority_key_identifier(), None);
    spec.extension(AKI).value = authority_key_identifier(&[1, 2, 3]);
    assert_eq!(
        spec.parse(&issuer.root_key).authority_key_identifier(),
        Some([1, 2, 3].as_slice())
    );
}

#[test]
fn dates_from_2050_on_are_read() {
    let key = Key::p256(1);
    let mut spec = Spec::root(&name_in("JP", "Root"), &key);
    spec.not_before = at(2_524_607_999).seconds();
    spec.not_after = at(2_524_608_000).seconds();
    let certificate = spec.parse(&key);
    assert_eq!(certificate.not_before().to_string(), "2049-12-31T23:59:59Z");
    assert_eq!(certificate.not_after().to_string(), "2050-01-01T00:00:00Z");
}

#[test]
fn errors_name_no_part_of_the_certificate() {
    let texts = [
        CertificateError::TooLarge(20_000).to_string(),
        CertificateError::Der.to_string(),
        CertificateError::DuplicateExtension.to_string(),
        CertificateError::TooManyExtensions(65).to_string(),
        CertificateError::Date.to_string(),
    ];
    for text in texts {
        assert!(!text.contains("JP") && !text.contains("Test"), "{text}");
        assert!(!text.is_empty());
    }
}
