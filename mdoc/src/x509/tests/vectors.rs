//! Certificates that others made: ISO/IEC 18013-5 Annex D and two VICALs of the field.

use super::factory::anchor;
use crate::cbor::{Item, Rules};
use crate::test_vectors::{bytes, hex_member, json};
use crate::x509::profile::deviations;
use crate::x509::{AnchorSet, Certificate, CertificateRole, CertificateRule, IssuerCertificateProfile};

fn rules(certificate: &Certificate, role: CertificateRole) -> Vec<CertificateRule> {
    deviations(certificate, role, &IssuerCertificateProfile::default())
        .map(|deviation| deviation.rule)
        .collect()
}

#[test]
fn the_document_signer_of_annex_d_keeps_every_rule_but_the_uri_of_its_crl() {
    let Some(vectors) = json("annex-d/iso18013-5-annex-d.json") else {
        return;
    };
    let certificate = Certificate::from_der(&hex_member(&vectors, "ds_cert")).unwrap();
    // Its distribution point is a dNSName, from which nothing can be fetched.
    assert_eq!(
        rules(&certificate, CertificateRole::DocumentSigner),
        [CertificateRule::CrlDistributionPoint]
    );
    assert_eq!(certificate.crl_uris(), [""; 0]);
    assert_eq!(certificate.not_before().to_string(), "2020-10-01T00:00:00Z");
    assert_eq!(certificate.not_after().to_string(), "2021-10-01T00:00:00Z");
    assert_eq!(certificate.country(), Some("US"));
    assert_eq!(certificate.common_name(), Some("utopia ds"));
    assert!(!rules(&certificate, CertificateRole::Anchor).is_empty());
}

#[test]
fn the_reader_certificate_of_annex_d_is_no_document_signer() {
    let Some(vectors) = json("annex-d/iso18013-5-annex-d.json") else {
        return;
    };
    let certificate = Certificate::from_der(&hex_member(&vectors, "reader_cert")).unwrap();
    assert_eq!(certificate.common_name(), Some("reader"));
    assert_eq!(
        rules(&certificate, CertificateRole::DocumentSigner),
        [
            CertificateRule::Country,
            CertificateRule::Lifetime,
            CertificateRule::ExtendedKeyUsage,
            CertificateRule::IssuerAltName,
            CertificateRule::CrlDistributionPoint,
        ]
    );
}

/// The certificates of a VICAL, whose own signature is not the matter here.
pub(super) fn certificates(vical: &[u8]) -> Vec<Vec<u8>> {
    let rules = Rules::default();
    let message = Item::decode(vical, &rules).unwrap();
    let payload = message
        .as_array()
        .unwrap()
        .iter()
        .nth(2)
        .unwrap()
        .as_bytes()
        .unwrap();
    let list = Item::decode(payload, &rules).unwrap();
    let infos = list.as_map().unwrap().get_text("certificateInfos").unwrap();
    let certificate = |info: Item<'_>| {
        let certificate = info.as_map().unwrap().get_text("certificate").unwrap();
        certificate.as_bytes().unwrap().to_vec()
    };
    infos.as_array().unwrap().iter().map(certificate).collect()
}

#[test]
fn the_roots_of_a_production_vical_keep_every_rule() {
    let Some(vical) = bytes("vical/aamva-vical-2025-11-18-1763491092481.cbor") else {
        return;
    };
    let certificates = certificates(&vical);
    assert_eq!(certificates.len(), 14);
    let anchors = certificates.iter().map(|der| anchor(der)).collect();
    let (set, faults) = AnchorSet::new(anchors);
    assert_eq!(faults, []);
    for (index, anchor) in set.anchors().iter().enumerate() {
        assert_eq!(
            rules(&anchor.certificate, CertificateRole::Anchor),
            [],
            "entry {index}"
        );
    }
}

#[test]
fn the_deviating_roots_of_another_vical_are_told_apart() {
    let Some(vical) = bytes("vical/austroads-vical-2024-12.cbor") else {
        return;
    };
    let certificates = certificates(&vical);
    assert_eq!(certificates.len(), 40);
    let (set, faults) = AnchorSet::new(certificates.iter().map(|der| anchor(der)).collect());
    assert_eq!(faults, []);
    let deviating: Vec<(usize, Vec<CertificateRule>)> = set
        .anchors()
        .iter()
        .map(|anchor| rules(&anchor.certificate, CertificateRole::Anchor))
        .enumerate()
        .filter(|(_, rules)| !rules.is_empty())
        .collect();
    assert_eq!(
        deviating,
        [
            // Not critical, and documents may be signed too.
            (18, vec![CertificateRule::KeyUsage]),
            // TRUE is written as BER allows it.
            (
                20,
                vec![
                    CertificateRule::MalformedExtension,
                    CertificateRule::BasicConstraints
                ]
            ),
            // Not critical.
            (38, vec![CertificateRule::BasicConstraints]),
        ]
    );
}
