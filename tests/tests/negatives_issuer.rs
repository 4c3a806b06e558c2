//! What an issuer, its certificates and its MSO can get wrong: one named test each, with the exact
//! reason, the check that fails, and an untouched twin that passes.

use ciborium::Value;
use holder::certificate::{self, oid};
use holder::hooks::{insert, member, remove};
use holder::issuer::DAY;
use holder::scenario::NOW;
use holder::{Scenario, Stage, encode, tagged};
use mdoc::crypto::{Curve, HashAlgorithm};
use verifier_tests::{check, judged, outcome, purpose_of, trust, verdict_of};

/// The scenario is refused for this reason at this check, and its untouched twin is accepted.
fn refused(twin: impl Into<Box<Scenario>>, changed: impl Into<Box<Scenario>>, reason: &str, at: &str) {
    let (twin, changed) = (twin.into(), changed.into());
    assert_eq!(outcome(&judged(&twin)), "accepted", "the untouched twin");
    let verdict = judged(&changed);
    assert_eq!(outcome(&verdict), reason, "{verdict:#}");
    assert_eq!(verdict["verdict"], "rejected");
    assert_eq!(verdict["answers"], serde_json::json!({}));
    let failed = check(&verdict, at);
    assert_eq!(
        (&failed["result"], &failed["reason"]),
        (&"failed".into(), &reason.into()),
        "{verdict:#}"
    );
    assert!(
        verdict["documents"][0].get("elements").is_none(),
        "no element of a refused document"
    );
}

macro_rules! signer {
    ($($name:ident: $reason:literal at $check:literal, $change:expr;)*) => {
        $(#[test]
        fn $name() {
            refused(Scenario::my_number(), Scenario::my_number().with_signer($change), $reason, $check);
        })*
    };
}

macro_rules! root {
    ($($name:ident: $reason:literal at $check:literal, $change:expr;)*) => {
        $(#[test]
        fn $name() {
            refused(Scenario::my_number(), Scenario::my_number().with_root($change), $reason, $check);
        })*
    };
}

macro_rules! stage {
    ($($name:ident: $reason:literal at $check:literal, $stage:ident, $change:expr;)*) => {
        $(#[test]
        fn $name() {
            refused(Scenario::my_number(), Scenario::my_number().with(Stage::$stage, $change), $reason, $check);
        })*
    };
}

const PROFILE: &str = "issuer.certificate.profile";

signer! {
    signer_of_version_1: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.version = 1;
    signer_with_serial_zero: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.serial = vec![0];
    signer_with_negative_serial: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.serial = vec![0x80, 1];
    signer_with_serial_of_21_bytes: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.serial = vec![1; 21];
    signer_without_country: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.subject.retain(|a| a.oid != oid::COUNTRY);
    signer_with_country_in_small_letters: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.subject[0].text = "jp".into();
    signer_with_country_of_three_letters: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.subject[0].text = "JPN".into();
    signer_with_country_as_utf8_string: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.subject[0].tag = 0x0c;
    signer_without_common_name: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.subject.retain(|a| a.oid != oid::COMMON_NAME);
    signer_without_subject_key_identifier: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.remove(oid::SUBJECT_KEY_IDENTIFIER);
    signer_with_foreign_subject_key_identifier: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::SUBJECT_KEY_IDENTIFIER).value[5] ^= 1;
    signer_with_critical_subject_key_identifier: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::SUBJECT_KEY_IDENTIFIER).critical = true;
    signer_without_authority_key_identifier: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.remove(oid::AUTHORITY_KEY_IDENTIFIER);
    signer_with_critical_authority_key_identifier: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::AUTHORITY_KEY_IDENTIFIER).critical = true;
    signer_with_foreign_authority_key_identifier: "issuer.chain" at "issuer.chain", |spec| spec.extension(oid::AUTHORITY_KEY_IDENTIFIER).value[6] ^= 1;
    signer_without_key_usage: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.remove(oid::KEY_USAGE);
    signer_with_uncritical_key_usage: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::KEY_USAGE).critical = false;
    signer_that_may_sign_certificates: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::KEY_USAGE).value = certificate::key_usage(0x84);
    signer_that_may_only_sign_crls: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::KEY_USAGE).value = certificate::key_usage(0x02);
    signer_without_extended_key_usage: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.remove(oid::EXTENDED_KEY_USAGE);
    signer_with_uncritical_extended_key_usage: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::EXTENDED_KEY_USAGE).critical = false;
    signer_for_tls_servers: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::EXTENDED_KEY_USAGE).value = certificate::extended_key_usage(&["1.3.6.1.5.5.7.3.1"]);
    signer_for_any_usage: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::EXTENDED_KEY_USAGE).value = certificate::extended_key_usage(&["2.5.29.37.0"]);
    signer_that_is_a_reader: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::EXTENDED_KEY_USAGE).value = certificate::extended_key_usage(&["1.0.18013.5.1.6"]);
    signer_that_signs_vicals: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::EXTENDED_KEY_USAGE).value = certificate::extended_key_usage(&["1.0.18013.5.1.8"]);
    signer_with_two_usages: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::EXTENDED_KEY_USAGE).value = certificate::extended_key_usage(&["1.0.18013.5.1.2", "1.3.6.1.5.5.7.3.1"]);
    signer_that_is_an_authority: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extend(oid::BASIC_CONSTRAINTS, true, certificate::authority(None));
    signer_without_issuer_alternative_name: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.remove(oid::ISSUER_ALT_NAME);
    signer_with_critical_issuer_alternative_name: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::ISSUER_ALT_NAME).critical = true;
    signer_with_an_empty_issuer_alternative_name: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::ISSUER_ALT_NAME).value = certificate::der(0x30, &[]);
    signer_without_crl_distribution_point: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.remove(oid::CRL_DISTRIBUTION_POINTS);
    signer_with_malformed_key_usage: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::KEY_USAGE).value = vec![0x05, 0x00];
    signer_with_policy_mappings: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extend("2.5.29.33", false, certificate::der(0x30, &[]));
    signer_with_name_constraints: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extend("2.5.29.30", false, certificate::der(0x30, &[]));
    signer_with_policy_constraints: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extend("2.5.29.36", false, certificate::der(0x30, &[]));
    signer_with_inhibit_any_policy: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extend("2.5.29.54", false, certificate::der(0x02, &[0]));
    signer_with_freshest_crl: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extend("2.5.29.46", false, certificate::der(0x30, &[]));
    signer_with_an_unknown_critical_extension: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extend("1.2.3.4.5", true, certificate::der(0x05, &[]));
    signer_valid_for_458_days: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.not_after = spec.not_before + 458 * DAY;
    signer_that_has_expired: "issuer.certificate.expired" at "issuer.certificate", |spec| { spec.not_before = NOW - 300 * DAY; spec.not_after = NOW - 1; };
    signer_that_is_not_yet_valid: "issuer.certificate.not_yet_valid" at "issuer.certificate", |spec| { spec.not_before = NOW + 1; };
    signer_of_another_country: "issuer.country" at "issuer.certificate", |spec| spec.subject[0].text = "US".into();
    signer_with_a_state_that_its_root_lacks: "issuer.country" at "issuer.certificate", |spec| spec.subject.push(certificate::NameAttribute { oid: oid::STATE, tag: 0x13, text: "Tokyo".into() });
    signer_that_names_another_issuer: "issuer.chain" at "issuer.chain", |spec| spec.issuer[2].text = "OTHER IACA".into();
    signer_that_names_itself_as_issuer: "issuer.chain" at "issuer.chain", |spec| spec.issuer = spec.subject.clone();
    signer_whose_algorithms_differ: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.inner_algorithm = Some(certificate::der(0x30, &certificate::der_oid("1.2.840.10045.4.3.3")));
    signer_signed_with_sha_1: "issuer.chain" at "issuer.chain", |spec| { let sha1 = certificate::der(0x30, &certificate::der_oid("1.2.840.10045.4.1")); spec.inner_algorithm = Some(sha1.clone()); spec.outer_algorithm = Some(sha1); };
    signer_signed_with_rsa_in_name: "issuer.chain" at "issuer.chain", |spec| { let rsa = certificate::der(0x30, &certificate::der_oid("1.2.840.113549.1.1.11")); spec.inner_algorithm = Some(rsa.clone()); spec.outer_algorithm = Some(rsa); };
    signer_with_one_extension_twice: "issuer.chain" at "issuer.chain", |spec| { let again = spec.extensions[0].clone(); spec.extensions.push(again); };
    signer_with_an_rsa_key: "issuer.algorithm" at "issuer.certificate", |spec| spec.public_key_info = certificate::der(0x30, &[certificate::der(0x30, &certificate::der_oid("1.2.840.113549.1.1.1")), certificate::der(0x03, &[0, 1, 2])].concat());
    signer_with_an_ed448_key: "issuer.algorithm" at "issuer.certificate", |spec| spec.public_key_info = certificate::der(0x30, &[certificate::der(0x30, &certificate::der_oid("1.3.101.113")), certificate::der(0x03, &[0; 58])].concat());
    signer_with_a_key_on_p_192: "issuer.algorithm" at "issuer.certificate", |spec| spec.public_key_info = certificate::der(0x30, &[certificate::der(0x30, &[certificate::der_oid("1.2.840.10045.2.1"), certificate::der_oid("1.2.840.10045.3.1.1")].concat()), certificate::der(0x03, &[0, 4, 1])].concat());
}

root! {
    root_without_key_usage: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.remove(oid::KEY_USAGE);
    root_that_may_not_sign_certificates: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::KEY_USAGE).value = certificate::key_usage(0x02);
    root_that_may_sign_documents_too: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::KEY_USAGE).value = certificate::key_usage(0x86);
    root_with_uncritical_key_usage: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::KEY_USAGE).critical = false;
    root_without_basic_constraints: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.remove(oid::BASIC_CONSTRAINTS);
    root_that_is_no_authority: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::BASIC_CONSTRAINTS).value = certificate::der(0x30, &[]);
    root_with_path_length_1: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::BASIC_CONSTRAINTS).value = certificate::authority(Some(1));
    root_without_path_length: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::BASIC_CONSTRAINTS).value = certificate::authority(None);
    root_with_uncritical_basic_constraints: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.extension(oid::BASIC_CONSTRAINTS).critical = false;
    root_without_issuer_alternative_name: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.remove(oid::ISSUER_ALT_NAME);
    root_without_crl_distribution_point: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.remove(oid::CRL_DISTRIBUTION_POINTS);
    root_valid_for_21_years: "issuer.certificate.profile" at "issuer.certificate", |spec| spec.not_after = spec.not_before + 21 * 366 * DAY;
    root_that_has_expired: "issuer.certificate.expired" at "issuer.certificate", |spec| spec.not_after = NOW - 1;
    root_that_is_not_yet_valid: "issuer.certificate.not_yet_valid" at "issuer.certificate", |spec| spec.not_before = NOW + 1;
}

stage! {
    issuer_algorithm_missing: "issuer.algorithm" at "issuer.signature", IssuerProtected, |map| *map = Value::Map(Vec::new());
    issuer_algorithm_hmac: "issuer.algorithm" at "issuer.signature", IssuerProtected, |map| *map = Value::Map(vec![(1.into(), 5.into())]);
    issuer_algorithm_zero: "issuer.algorithm" at "issuer.signature", IssuerProtected, |map| *map = Value::Map(vec![(1.into(), 0.into())]);
    issuer_algorithm_of_another_curve: "issuer.algorithm" at "issuer.signature", IssuerProtected, |map| *map = Value::Map(vec![(1.into(), (-35).into())]);
    issuer_algorithm_eddsa: "issuer.algorithm" at "issuer.signature", IssuerProtected, |map| *map = Value::Map(vec![(1.into(), (-8).into())]);
    issuer_algorithm_fully_specified: "issuer.algorithm" at "issuer.signature", IssuerProtected, |map| *map = Value::Map(vec![(1.into(), (-9).into())]);
    issuer_algorithm_as_text: "issuer.algorithm" at "issuer.signature", IssuerProtected, |map| *map = Value::Map(vec![(1.into(), "ES256".into())]);
    issuer_critical_header: "issuer.signature" at "issuer.signature", IssuerProtected, |map| insert(map, 2, Value::Array(vec![1.into()]));
    issuer_critical_header_unprotected: "issuer.signature" at "issuer.signature", IssuerUnprotected, |map| insert(map, 2, Value::Array(vec![1.into()]));
    issuer_algorithm_in_both_headers: "issuer.signature" at "issuer.signature", IssuerUnprotected, |map| insert(map, 1, -7);
    issuer_payload_nil: "issuer.signature" at "issuer.signature", IssuerAuth, |message| message.as_array_mut().unwrap()[2] = Value::Null;
    issuer_signature_changed: "issuer.signature" at "issuer.signature", IssuerSignature, |bytes| bytes.as_bytes_mut().unwrap()[10] ^= 1;
    issuer_signature_too_short: "issuer.signature" at "issuer.signature", IssuerSignature, |bytes| { bytes.as_bytes_mut().unwrap().pop(); };
    issuer_signature_empty: "issuer.signature" at "issuer.signature", IssuerSignature, |bytes| bytes.as_bytes_mut().unwrap().clear();
    issuer_signature_in_der: "issuer.signature" at "issuer.signature", IssuerSignature, |bytes| bytes.as_bytes_mut().unwrap().splice(0..0, [0x30, 0x44, 2, 32]).for_each(drop);
    issuer_signature_with_r_zero: "issuer.signature" at "issuer.signature", IssuerSignature, |bytes| bytes.as_bytes_mut().unwrap()[..32].fill(0);
    issuer_signature_with_s_zero: "issuer.signature" at "issuer.signature", IssuerSignature, |bytes| bytes.as_bytes_mut().unwrap()[32..].fill(0);
    issuer_signature_with_r_beyond_the_order: "issuer.signature" at "issuer.signature", IssuerSignature, |bytes| bytes.as_bytes_mut().unwrap()[..32].fill(0xff);
    x5chain_missing: "issuer.chain" at "issuer.chain", IssuerUnprotected, |map| *map = Value::Map(Vec::new());
    x5chain_empty: "issuer.chain" at "issuer.chain", IssuerUnprotected, |map| *map = Value::Map(vec![(33.into(), Value::Array(Vec::new()))]);
    x5chain_with_an_empty_certificate: "issuer.chain" at "issuer.chain", IssuerUnprotected, |map| *map = Value::Map(vec![(33.into(), Value::Bytes(Vec::new()))]);
    x5chain_that_is_a_text: "issuer.chain" at "issuer.chain", IssuerUnprotected, |map| *map = Value::Map(vec![(33.into(), "x".into())]);
    x5chain_of_six: "issuer.chain" at "issuer.chain", IssuerUnprotected, |map| { let one = map.as_map().unwrap()[0].1.clone(); *map = Value::Map(vec![(33.into(), Value::Array(vec![one; 6]))]); };
    x5chain_of_ten_thousand: "issuer.chain" at "issuer.chain", IssuerUnprotected, |map| *map = Value::Map(vec![(33.into(), Value::Array(vec![Value::Bytes(vec![0x30]); 10_000]))]);
    x5chain_that_is_not_der: "issuer.chain" at "issuer.chain", IssuerUnprotected, |map| *map = Value::Map(vec![(33.into(), Value::Bytes(vec![1, 2, 3]))]);
    x5chain_whose_leaf_has_trailing_bytes: "issuer.chain" at "issuer.chain", IssuerUnprotected, |map| map.as_map_mut().unwrap()[0].1.as_bytes_mut().unwrap().push(0);
    x5chain_whose_leaf_is_cut: "issuer.chain" at "issuer.chain", IssuerUnprotected, |map| { map.as_map_mut().unwrap()[0].1.as_bytes_mut().unwrap().pop(); };
    x5chain_whose_leaf_signature_is_changed: "issuer.chain" at "issuer.chain", IssuerUnprotected, |map| { let der = map.as_map_mut().unwrap()[0].1.as_bytes_mut().unwrap(); let last = der.len() - 1; der[last] ^= 1; };
    x5chain_with_the_signer_twice: "issuer.chain" at "issuer.chain", IssuerUnprotected, |map| { let one = map.as_map().unwrap()[0].1.clone(); *map = Value::Map(vec![(33.into(), Value::Array(vec![one.clone(), one]))]); };
    x5u_instead_of_x5chain: "issuer.chain" at "issuer.chain", IssuerUnprotected, |map| *map = Value::Map(vec![(35.into(), "https://pki.example/chain".into())]);
    x5chain_protected_in_a_strict_profile: "issuer.chain" at "issuer.chain", IssuerProtected, |map| insert(map, 33, Value::Bytes(vec![1]));

    mso_of_another_document_type: "document.type_mismatch" at "document.type", Mso, |mso| *member(mso, "docType") = "org.iso.18013.5.1.mDL".into();
    mso_document_type_in_another_case: "document.type_mismatch" at "document.type", Mso, |mso| *member(mso, "docType") = "org.iso.23220.1.jp.MNC".into();
    mso_without_document_type: "mso.malformed" at "mso", Mso, |mso| remove(mso, "docType");
    mso_without_version: "mso.malformed" at "mso", Mso, |mso| remove(mso, "version");
    mso_of_version_2: "mso.malformed" at "mso", Mso, |mso| *member(mso, "version") = "2.0".into();
    mso_version_as_number: "mso.malformed" at "mso", Mso, |mso| *member(mso, "version") = 1.into();
    mso_with_sha_1: "mso.malformed" at "mso", Mso, |mso| *member(mso, "digestAlgorithm") = "SHA-1".into();
    mso_with_the_algorithm_in_small_letters: "mso.malformed" at "mso", Mso, |mso| *member(mso, "digestAlgorithm") = "sha-256".into();
    mso_with_the_wrong_digest_length: "mso.malformed" at "mso", Mso, |mso| *member(mso, "digestAlgorithm") = "SHA-512".into();
    mso_without_digests: "mso.malformed" at "mso", Mso, |mso| remove(mso, "valueDigests");
    mso_whose_digests_are_an_array: "mso.malformed" at "mso", Mso, |mso| *member(mso, "valueDigests") = Value::Array(Vec::new());
    mso_with_a_negative_digest_id: "mso.malformed" at "mso", Mso, |mso| insert(member(member(mso, "valueDigests"), "org.iso.23220.1"), -1, Value::Bytes(vec![0; 32]));
    mso_with_a_digest_id_of_2_to_the_31: "mso.malformed" at "mso", Mso, |mso| insert(member(member(mso, "valueDigests"), "org.iso.23220.1"), 1_u64 << 31, Value::Bytes(vec![0; 32]));
    mso_with_a_digest_id_twice: "mso.malformed" at "mso", Mso, |mso| insert(member(member(mso, "valueDigests"), "org.iso.23220.1"), 0, Value::Bytes(vec![0; 32]));
    mso_without_device_key_info: "mso.malformed" at "mso", Mso, |mso| remove(mso, "deviceKeyInfo");
    mso_without_device_key: "mso.malformed" at "mso", Mso, |mso| remove(member(mso, "deviceKeyInfo"), "deviceKey");
    mso_without_validity: "mso.malformed" at "mso", Mso, |mso| remove(mso, "validityInfo");
    mso_without_signed: "mso.malformed" at "mso", Mso, |mso| remove(member(mso, "validityInfo"), "signed");
    mso_without_valid_until: "mso.malformed" at "mso", Mso, |mso| remove(member(mso, "validityInfo"), "validUntil");
    mso_date_without_tag: "mso.malformed" at "mso", Mso, |mso| *member(member(mso, "validityInfo"), "signed") = "2026-11-23T05:00:00Z".into();
    mso_date_with_tag_1: "mso.malformed" at "mso", Mso, |mso| *member(member(mso, "validityInfo"), "signed") = Value::Tag(1, Box::new(NOW.into()));
    mso_date_with_a_fraction: "mso.malformed" at "mso", Mso, |mso| *member(member(mso, "validityInfo"), "signed") = Value::Tag(0, Box::new("2026-11-23T05:00:00.5Z".into()));
    mso_date_in_another_zone: "mso.malformed" at "mso", Mso, |mso| *member(member(mso, "validityInfo"), "signed") = Value::Tag(0, Box::new("2026-11-23T14:00:00+09:00".into()));
    mso_date_with_a_leap_second: "mso.malformed" at "mso", Mso, |mso| *member(member(mso, "validityInfo"), "signed") = Value::Tag(0, Box::new("2026-11-22T23:59:60Z".into()));
    mso_date_in_small_letters: "mso.malformed" at "mso", Mso, |mso| *member(member(mso, "validityInfo"), "signed") = Value::Tag(0, Box::new("2026-11-23t05:00:00z".into()));
    mso_date_that_does_not_exist: "mso.malformed" at "mso", Mso, |mso| *member(member(mso, "validityInfo"), "signed") = Value::Tag(0, Box::new("2026-02-30T05:00:00Z".into()));
    mso_with_status_null_in_a_strict_profile: "mso.malformed" at "mso", Mso, |mso| insert(mso, "status", Value::Null);
    mso_with_a_status_that_is_a_text: "mso.malformed" at "mso", Mso, |mso| insert(mso, "status", "revoked");
    mso_with_a_status_list_without_index: "mso.malformed" at "mso", Mso, |mso| insert(mso, "status", Value::Map(vec![("status_list".into(), Value::Map(vec![("uri".into(), "https://a".into())]))]));
    mso_with_a_negative_status_index: "mso.malformed" at "mso", Mso, |mso| insert(mso, "status", Value::Map(vec![("status_list".into(), Value::Map(vec![("uri".into(), "https://a".into()), ("idx".into(), (-1).into())]))]));
    mso_with_an_identifier_list_without_id: "mso.malformed" at "mso", Mso, |mso| insert(mso, "status", Value::Map(vec![("identifier_list".into(), Value::Map(vec![("uri".into(), "https://a".into())]))]));
    mso_that_is_an_array: "mso.malformed" at "mso", MsoPayload, |bytes| *bytes = Value::Bytes(encode(&tagged(encode(&Value::Array(Vec::new())))));
    mso_payload_without_tag_24: "mso.malformed" at "mso", MsoPayload, |bytes| { let inner: Value = ciborium::from_reader(bytes.as_bytes().unwrap().as_slice()).unwrap(); *bytes = Value::Bytes(inner.as_tag().unwrap().1.as_bytes().unwrap().clone()); };
    mso_payload_with_trailing_bytes: "mso.malformed" at "mso", MsoPayload, |bytes| bytes.as_bytes_mut().unwrap().push(0);
    mso_payload_empty: "mso.malformed" at "mso", MsoPayload, |bytes| bytes.as_bytes_mut().unwrap().clear();
    mso_payload_that_is_not_cbor: "mso.malformed" at "mso", MsoPayload, |bytes| *bytes = Value::Bytes(vec![0xff; 20]);

    element_changed_after_signing: "digest.mismatch" at "digests", IssuerSignedItemBytes, |bytes| { let bytes = bytes.as_bytes_mut().unwrap(); let last = bytes.len() - 1; bytes[last] ^= 1; };
    digest_missing: "digest.missing" at "digests", Mso, |mso| *member(member(mso, "valueDigests"), "org.iso.23220.1") = Value::Map(Vec::new());
    digests_of_the_namespace_missing: "digest.missing" at "digests", Mso, |mso| remove(member(mso, "valueDigests"), "org.iso.23220.1");
    digests_of_another_namespace: "digest.mismatch" at "digests", Mso, |mso| for pair in member(member(mso, "valueDigests"), "org.iso.23220.1").as_map_mut().unwrap() { pair.1 = Value::Bytes(vec![7; 32]); };
}

#[test]
fn dates_out_of_order_are_malformed() {
    let order = |signed: i64, from: i64, until: i64| {
        Scenario::my_number().set(|s| {
            (s.terms.signed, s.terms.valid_from, s.terms.valid_until) = (signed, from, until);
        })
    };
    for (signed, from, until) in [
        (NOW - 10, NOW - 20, NOW + 10),
        (NOW - 20, NOW - 10, NOW - 10),
        (NOW - 20, NOW - 10, NOW - 15),
    ] {
        refused(
            Scenario::my_number(),
            order(signed, from, until),
            "mso.malformed",
            "mso",
        );
    }
}

#[test]
fn validity_ends_are_included_and_the_seconds_beside_them_are_not() {
    let terms = |from: i64, until: i64| {
        Scenario::my_number().set(|s| (s.terms.valid_from, s.terms.valid_until) = (from, until))
    };
    assert_eq!(
        outcome(&judged(&terms(NOW, NOW + 1))),
        "accepted",
        "the first instant"
    );
    assert_eq!(
        outcome(&judged(&terms(NOW - 1, NOW))),
        "accepted",
        "the last instant"
    );
    refused(
        terms(NOW, NOW + 1),
        terms(NOW + 1, NOW + 2),
        "mso.not_yet_valid",
        "mso.validity",
    );
    refused(
        terms(NOW - 2, NOW),
        terms(NOW - 2, NOW - 1),
        "mso.expired",
        "mso.validity",
    );
}

#[test]
fn an_mso_signed_in_the_future_is_not_yet_valid() {
    let signed = |at: i64| Scenario::my_number().set(|s| (s.terms.signed, s.terms.valid_from) = (at, at));
    refused(signed(NOW), signed(NOW + 1), "mso.not_yet_valid", "mso.validity");
}

#[test]
fn an_mso_signed_before_or_after_its_signers_certificate_is_refused() {
    let signed = |at: i64| Scenario::mdl().set(|s| (s.terms.signed, s.terms.valid_from) = (at, at));
    let start = NOW - 30 * DAY;
    refused(
        signed(start),
        signed(start - 1),
        "mso.signed_outside_certificate",
        "mso.validity",
    );
}

#[test]
fn a_my_number_record_ends_with_its_month_whatever_it_says() {
    let issued = |days: i64| {
        Scenario::my_number().set(|s| {
            s.terms.signed = NOW - days * DAY;
            s.terms.valid_from = s.terms.signed;
            s.terms.valid_until = NOW + 60 * DAY;
        })
    };
    let verdict = judged(&issued(10));
    assert_eq!(outcome(&verdict), "accepted");
    let validity = check(&verdict, "mso.validity");
    assert_eq!(
        (&validity["result"], &validity["reason"]),
        (&"warned".into(), &"mso.validity_exceeds_profile".into())
    );
    // 2026-11-23T06:00Z less 30 days is 24 October in Japan: the month ends with 23 November there.
    let verdict = judged(&issued(30));
    assert_eq!(outcome(&verdict), "accepted");
    // 29 days and 18 hours earlier the certificate would not have been valid: it is 30 days old.
    let verdict = judged(
        &issued(30)
            .with_signer(|spec| spec.not_before -= 10 * DAY)
            .set(|s| {
                s.terms.signed = NOW - 32 * DAY;
                s.terms.valid_from = s.terms.signed;
            }),
    );
    assert_eq!(outcome(&verdict), "mso.expired");
    assert_eq!(
        check(&verdict, "mso.validity")["detail"]["ceiling"],
        "2026-11-21T15:00:00Z"
    );
}

#[test]
fn an_unknown_root_a_root_of_the_same_name_and_no_root_are_refused() {
    let built = Scenario::my_number().build();
    let purpose = purpose_of(&Scenario::my_number());
    assert_eq!(outcome(&verdict_of(&built, &purpose)), "accepted");
    let mut forged = Scenario::my_number().set(|s| s.issuer.seed = 2).build();
    assert_eq!(
        outcome(&verdict_of(&forged, &purpose)),
        "accepted",
        "under its own root"
    );
    forged.root.clone_from(&built.root);
    let verdict = verdict_of(&forged, &purpose);
    assert_eq!(outcome(&verdict), "issuer.chain", "the same name, another key");
    for skipped in ["issuer.certificate", "issuer.crl"] {
        assert_eq!(check(&verdict, skipped)["result"], "not_reached");
    }
    for independent in [
        "issuer.signature",
        "document.type",
        "mso",
        "digests",
        "mso.validity",
        "device.auth",
    ] {
        assert_eq!(
            check(&verdict, independent)["result"],
            "passed",
            "{independent} does not need the chain"
        );
    }
}

#[test]
fn the_right_one_of_several_roots_with_one_name_is_found() {
    let built = Scenario::my_number().build();
    let other = Scenario::my_number().set(|s| s.issuer.seed = 2).build();
    for roots in [[&built.root[..], &other.root], [&other.root, &built.root]] {
        let transcript = mdoc::session::SessionTranscript::from_bytes(&built.session_transcript).unwrap();
        let purpose = purpose_of(&Scenario::my_number());
        let trust = trust(&roots);
        let now = mdoc::time::UnixTime::from_seconds(NOW).unwrap();
        let keys = relying_party::DeviceKeys::None;
        let evidence = relying_party::Evidence::default();
        let judgement = relying_party::judge(
            &built.response,
            &transcript,
            keys,
            &purpose,
            &trust,
            &evidence,
            now,
        );
        assert_eq!(outcome(&judgement.verdict.to_json()), "accepted");
    }
}

#[test]
fn the_root_in_the_chain_is_no_trust_and_no_harm() {
    let built = Scenario::my_number().build();
    let root = built.root.clone();
    let with_root = move |root: Vec<u8>| {
        Scenario::my_number().with(Stage::IssuerUnprotected, move |map| {
            let leaf = map.as_map().unwrap()[0].1.clone();
            *map = Value::Map(vec![(
                33.into(),
                Value::Array(vec![leaf, Value::Bytes(root.clone())]),
            )]);
        })
    };
    assert_eq!(outcome(&judged(&with_root(root.clone()))), "accepted");
    let mut untrusted = with_root(root).build();
    untrusted.root = Scenario::my_number().set(|s| s.issuer.seed = 2).build().root;
    let purpose = purpose_of(&Scenario::my_number());
    assert_eq!(outcome(&verdict_of(&untrusted, &purpose)), "issuer.chain");
}

#[test]
fn the_root_as_signer_is_refused() {
    let root = Scenario::my_number().build().root;
    let scenario = Scenario::my_number().with(Stage::IssuerUnprotected, move |map| {
        *map = Value::Map(vec![(33.into(), Value::Bytes(root.clone()))]);
    });
    refused(Scenario::my_number(), scenario, "issuer.chain", "issuer.chain");
}

#[test]
fn signatures_on_every_curve_and_with_every_hash_are_accepted() {
    for root in [
        Curve::P256,
        Curve::P384,
        Curve::P521,
        Curve::BrainpoolP256r1,
        Curve::BrainpoolP384r1,
    ] {
        for hash in [
            HashAlgorithm::Sha256,
            HashAlgorithm::Sha384,
            HashAlgorithm::Sha512,
        ] {
            let scenario = Scenario::my_number().set(|s| {
                s.issuer.root_curve = root;
                s.issuer.signer_curve = root;
                s.device_curve = root;
                s.terms.digest_algorithm = hash;
            });
            assert_eq!(outcome(&judged(&scenario)), "accepted", "{root:?} {hash:?}");
        }
    }
}

#[test]
fn ed25519_issues_driving_licences_but_no_my_number_cards() {
    let ed25519 = |scenario: Scenario| scenario.set(|s| s.issuer.signer_curve = Curve::Ed25519);
    assert_eq!(outcome(&judged(&ed25519(Scenario::mdl()))), "accepted");
    refused(
        Scenario::my_number(),
        ed25519(Scenario::my_number()),
        "issuer.algorithm",
        "issuer.certificate",
    );
}

#[test]
fn an_mdl_signer_has_the_mdl_purpose_and_no_other() {
    let other = Scenario::mdl().set(|s| s.issuer.signer_purpose = "1.0.23220.4.1.2");
    refused(Scenario::mdl(), other, PROFILE, "issuer.certificate");
    for scenario in [Scenario::pid(), Scenario::photo_id(), Scenario::my_number()] {
        for purpose in ["1.0.23220.4.1.2", "1.0.18013.5.1.2"] {
            let mut scenario = Scenario::new(
                scenario.credentials[0].clone(),
                &[(scenario.credentials[0].name_spaces[0].0, &["age_over_18"])],
            );
            scenario.issuer.signer_purpose = purpose;
            assert_eq!(outcome(&judged(&scenario)), "accepted");
        }
    }
}

#[test]
fn an_issuing_country_that_is_not_the_signers_is_refused() {
    let stated = |country: &'static str| {
        let mut credential = holder::credential::Credential::mdl(None);
        credential.set("org.iso.18013.5.1", "issuing_country", country);
        Scenario::new(credential, &[("org.iso.18013.5.1", &["issuing_country"])])
    };
    refused(stated("JP"), stated("US"), "issuer.country", "elements");
}

#[test]
fn an_mso_with_fractions_is_let_pass_where_the_profile_says_so_with_a_warning() {
    let fraction = |scenario: Scenario| {
        scenario.with(Stage::Mso, |mso| {
            *member(member(mso, "validityInfo"), "signed") =
                Value::Tag(0, Box::new("2026-11-23T05:00:00.753089214Z".into()));
        })
    };
    let verdict = judged(&fraction(Scenario::pid()));
    assert_eq!(outcome(&verdict), "accepted", "{verdict:#}");
    assert_eq!(check(&verdict, "mso")["reason"], "mso.tolerated");
    refused(Scenario::mdl(), fraction(Scenario::mdl()), "mso.malformed", "mso");
}

/// A root's certificate for the key of issuer 2, signed by the key of issuer 1.
fn link_certificate() -> (holder::Built, Vec<u8>, Vec<u8>) {
    let second = Scenario::my_number().set(|s| s.issuer.seed = 2);
    let issuer = |seed: u64| {
        let mut options = second.issuer.clone();
        options.seed = seed;
        holder::issuer::Issuer::new(&options, &holder::Hooks::default())
    };
    let (old, new) = (issuer(1), issuer(2));
    let name = certificate::name("JP", None, "TEST IACA");
    let window = (NOW - DAY, NOW + DAY);
    let link = certificate::CertificateSpec::root(&new.root_key, name, vec![9], window).sign(&old.root_key);
    (second.build(), old.root, link)
}

fn judged_under(built: &holder::Built, files: Vec<relying_party::TrustFile>) -> String {
    let transcript =
        mdoc::session::SessionTranscript::from_bytes(&built.session_transcript).expect("a transcript");
    let purpose = purpose_of(&Scenario::my_number());
    let trust = relying_party::TrustSnapshot::new(files).expect("a snapshot");
    let now = mdoc::time::UnixTime::from_seconds(NOW).expect("an instant");
    let evidence = relying_party::Evidence::default();
    let keys = relying_party::DeviceKeys::None;
    let judgement = relying_party::judge(
        &built.response,
        &transcript,
        keys,
        &purpose,
        &trust,
        &evidence,
        now,
    );
    outcome(&judgement.verdict.to_json())
}

fn file(name: &str, bytes: &[u8]) -> relying_party::TrustFile {
    relying_party::TrustFile {
        name: name.to_owned(),
        bytes: bytes.to_vec(),
    }
}

#[test]
fn a_link_certificate_counts_beside_the_root_that_signed_it_and_not_alone() {
    let (built, old_root, link) = link_certificate();
    let both = vec![
        file("anchors/old.der", &old_root),
        file("anchors/link.der", &link),
    ];
    assert_eq!(judged_under(&built, both), "accepted");
    assert_eq!(
        judged_under(&built, vec![file("anchors/link.der", &link)]),
        "issuer.chain"
    );
    assert_eq!(
        judged_under(&built, vec![file("anchors/old.der", &old_root)]),
        "issuer.chain"
    );
    let mut forged = link;
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let both = vec![
        file("anchors/old.der", &old_root),
        file("anchors/link.der", &forged),
    ];
    assert_eq!(judged_under(&built, both), "issuer.chain");
}

#[test]
fn an_anchor_counts_for_the_document_types_of_its_sidecar_only() {
    let built = Scenario::my_number().build();
    let scoped = |sidecar: &str| {
        judged_under(
            &built,
            vec![
                file("anchors/a.der", &built.root),
                file("anchors/a.toml", sidecar.as_bytes()),
            ],
        )
    };
    assert_eq!(scoped(""), "accepted");
    assert_eq!(scoped("doc_types = [\"org.iso.23220.1.jp.mnc\"]"), "accepted");
    assert_eq!(scoped("doc_types = [\"org.iso.18013.5.1.mDL\"]"), "issuer.chain");
    assert_eq!(scoped("doc_types = []"), "issuer.chain");
}

#[test]
fn an_anchors_profile_takes_the_place_of_the_document_types_own() {
    // The signer's usage is that of other mdocs: the profile of driving licences refuses it.
    let built = Scenario::my_number().build();
    let profiled = |profile: &str| {
        let sidecar = format!("profile = \"{profile}\"");
        judged_under(
            &built,
            vec![
                file("anchors/a.der", &built.root),
                file("anchors/a.toml", sidecar.as_bytes()),
            ],
        )
    };
    assert_eq!(profiled("my-number"), "accepted");
    assert_eq!(profiled("generic"), "accepted");
    assert_eq!(profiled("mdl"), PROFILE);
}
