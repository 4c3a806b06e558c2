//! What a phone can get wrong: encoding, response, elements, device authentication. One named test
//! each, with the exact verdict and reason, and an untouched twin that passes.

use ciborium::Value;
use holder::credential::Credential;
use holder::hooks::{insert, member, remove};
use holder::{Scenario, Stage, encode, tagged};
use mdoc::crypto::Curve;
use serde_json::json;
use verifier_tests::{check, judged, outcome, purpose_of, verdict_of};

fn refused(twin: impl Into<Box<Scenario>>, changed: impl Into<Box<Scenario>>, verdict: &str, reason: &str) {
    let (twin, changed) = (twin.into(), changed.into());
    assert_eq!(outcome(&judged(&twin)), "accepted", "the untouched twin");
    let found = judged(&changed);
    assert_eq!(
        (&found["verdict"], &found["reason"]),
        (&json!(verdict), &json!(reason)),
        "{found:#}"
    );
    assert_eq!(found["answers"], json!({}));
}

macro_rules! rejected {
    ($($name:ident: $reason:literal, $stage:ident, $change:expr;)*) => {
        $(#[test]
        fn $name() {
            let changed = Scenario::my_number().with(Stage::$stage, $change);
            refused(Scenario::my_number(), changed, "rejected", $reason);
        })*
    };
}

macro_rules! undetermined {
    ($($name:ident: $reason:literal, $stage:ident, $change:expr;)*) => {
        $(#[test]
        fn $name() {
            let changed = Scenario::my_number().with(Stage::$stage, $change);
            refused(Scenario::my_number(), changed, "undetermined", $reason);
        })*
    };
}

macro_rules! rejected_mac {
    ($($name:ident: $reason:literal, $stage:ident, $change:expr;)*) => {
        $(#[test]
        fn $name() {
            let mac = || Scenario::my_number().set(|s| s.mac = true);
            refused(mac(), mac().with(Stage::$stage, $change), "rejected", $reason);
        })*
    };
}

fn bytes(value: &mut Value) -> &mut Vec<u8> {
    value.as_bytes_mut().expect("bytes")
}

/// Replaces the first `from` by `to`; it must be there.
fn replace(value: &mut Value, from: &[u8], to: &[u8]) {
    let bytes = bytes(value);
    let at = bytes
        .windows(from.len())
        .position(|window| window == from)
        .expect("the bytes to change are there");
    bytes.splice(at..at + from.len(), to.iter().copied());
}

/// The first item of the one namespace of issuerSigned.
fn first_item(issuer_signed: &mut Value) -> &mut Value {
    let name_spaces = member(issuer_signed, "nameSpaces").as_map_mut().expect("a map");
    &mut name_spaces[0].1.as_array_mut().expect("an array")[0]
}

/// Changes the map inside the first item.
fn in_item(issuer_signed: &mut Value, change: impl FnOnce(&mut Value)) {
    let item = first_item(issuer_signed);
    let mut map: Value = ciborium::from_reader(
        item.as_tag()
            .expect("a tag")
            .1
            .as_bytes()
            .expect("bytes")
            .as_slice(),
    )
    .expect("an item");
    change(&mut map);
    *item = tagged(encode(&map));
}

fn device_message(device_auth: &mut Value) -> &mut Vec<Value> {
    device_auth.as_map_mut().expect("a map")[0]
        .1
        .as_array_mut()
        .expect("an array")
}

rejected! {
    empty_response: "response.malformed", WireBytes, |b| bytes(b).clear();
    trailing_byte: "response.malformed", WireBytes, |b| bytes(b).push(0);
    response_that_is_an_array: "response.malformed", WireBytes, |b| *bytes(b) = vec![0x80];
    response_of_text: "response.malformed", WireBytes, |b| *bytes(b) = b"hello".to_vec();
    nested_arrays: "response.malformed", WireBytes, |b| *bytes(b) = vec![0x81; 200_000];
    nested_maps: "response.malformed", WireBytes, |b| *bytes(b) = [vec![0xa1, 0x61, 0x61]; 1].concat().repeat(50_000);
    nested_tags: "response.malformed", WireBytes, |b| *bytes(b) = vec![0xc1; 100_000];
    length_of_2_to_the_60: "response.malformed", WireBytes, |b| *bytes(b) = vec![0x5b, 0x10, 0, 0, 0, 0, 0, 0, 0];
    array_of_2_to_the_60: "response.malformed", WireBytes, |b| *bytes(b) = vec![0x9b, 0x10, 0, 0, 0, 0, 0, 0, 0];
    map_of_2_to_the_60: "response.malformed", WireBytes, |b| *bytes(b) = vec![0xbb, 0x10, 0, 0, 0, 0, 0, 0, 0];
    indefinite_map: "response.malformed", WireBytes, |b| { bytes(b)[0] = 0xbf; bytes(b).push(0xff); };
    duplicate_key_in_the_response: "response.malformed", Response, |map| insert(map, "status", 0);
    duplicate_key_in_a_document: "response.malformed", Document, |map| insert(map, "docType", "x");
    duplicate_namespace: "response.malformed", IssuerSigned, |map| { let spaces = member(map, "nameSpaces"); let again = spaces.as_map().expect("a map")[0].clone(); spaces.as_map_mut().expect("a map").push(again); };
    duplicate_header_label: "response.malformed", IssuerProtectedBytes, |b| *bytes(b) = vec![0xa2, 0x01, 0x26, 0x01, 0x26];
    invalid_utf_8: "response.malformed", WireBytes, |b| replace(b, b"docType", b"doc\xffype");
    reserved_additional_information: "response.malformed", WireBytes, |b| replace(b, b"\x66status\x00", b"\x66status\x1c");
    break_outside: "response.malformed", WireBytes, |b| replace(b, b"\x66status\x00", b"\x66status\xff");
    simple_value: "response.malformed", WireBytes, |b| replace(b, b"\x66status\x00", b"\x66status\xe0");
    key_not_shortest: "response.malformed", WireBytes, |b| replace(b, b"\x66status\x00", b"\x78\x06status\x00");
    status_negative: "response.malformed", Response, |map| *member(map, "status") = (-1).into();
    status_float: "response.malformed", Response, |map| *member(map, "status") = Value::Float(0.0);
    status_missing: "response.malformed", Response, |map| remove(map, "status");
    version_missing: "response.malformed", Response, |map| remove(map, "version");
    version_2: "response.version", Response, |map| *member(map, "version") = "2.0".into();
    version_0: "response.version", Response, |map| *member(map, "version") = "0.9".into();
    version_without_minor: "response.malformed", Response, |map| *member(map, "version") = "1".into();
    version_as_number: "response.malformed", Response, |map| *member(map, "version") = Value::Float(1.0);
    documents_that_are_a_map: "response.malformed", Response, |map| *member(map, "documents") = Value::Map(Vec::new());
    document_that_is_a_text: "response.malformed", Response, |map| *member(map, "documents") = Value::Array(vec!["x".into()]);
    five_thousand_documents: "response.too_large", Response, |map| { let one = member(map, "documents").as_array().expect("an array")[0].clone(); *member(map, "documents") = Value::Array(vec![one; 65]); };
    element_of_five_megabytes: "response.too_large", Response, |map| insert(map, "more", Value::Bytes(vec![0; 5 * 1024 * 1024]));
    sixty_five_namespaces: "response.too_large", IssuerSigned, |map| { let items = member(map, "nameSpaces").as_map().expect("a map")[0].1.clone(); *member(map, "nameSpaces") = Value::Map((0..65).map(|n| (Value::from(format!("n{n}")), items.clone())).collect()); };
    over_a_thousand_elements: "response.too_large", IssuerSigned, |map| { let item = first_item(map).clone(); member(map, "nameSpaces").as_map_mut().expect("a map")[0].1 = Value::Array(vec![item; 1025]); };
    too_many_items_in_a_container: "response.malformed", Response, |map| insert(map, "more", Value::Array(vec![0.into(); 10_001]));
    document_without_type: "response.malformed", Document, |map| remove(map, "docType");
    document_type_as_bytes: "response.malformed", Document, |map| *member(map, "docType") = Value::Bytes(vec![1]);
    document_without_issuer_signed: "response.malformed", Document, |map| remove(map, "issuerSigned");
    issuer_signed_without_issuer_auth: "response.malformed", IssuerSigned, |map| remove(map, "issuerAuth");
    issuer_auth_of_three: "response.malformed", IssuerAuth, |message| drop(message.as_array_mut().expect("an array").pop());
    issuer_auth_with_tag_18: "response.malformed", IssuerAuth, |message| *message = Value::Tag(18, Box::new(message.clone()));
    protected_header_with_trailing_bytes: "response.malformed", IssuerProtectedBytes, |b| bytes(b).push(0);
    protected_header_that_is_an_array: "response.malformed", IssuerProtectedBytes, |b| *bytes(b) = vec![0x80];
    unprotected_header_that_is_an_array: "response.malformed", IssuerUnprotected, |map| *map = Value::Array(Vec::new());
    signature_that_is_a_text: "response.malformed", IssuerAuth, |message| message.as_array_mut().expect("an array")[3] = "x".into();
    item_without_tag_24: "response.malformed", IssuerSigned, |map| { let item = first_item(map); *item = item.as_tag().expect("a tag").1.clone(); };
    item_with_tag_25: "response.malformed", IssuerSigned, |map| { let item = first_item(map); *item = Value::Tag(25, Box::new(item.as_tag().expect("a tag").1.clone())); };
    item_nested_in_tag_24_twice: "response.malformed", IssuerSigned, |map| { let item = first_item(map); *item = tagged(encode(item)); };
    item_with_trailing_bytes: "response.malformed", IssuerSigned, |map| { let item = first_item(map); let mut inner = item.as_tag().expect("a tag").1.as_bytes().expect("bytes").clone(); inner.push(0); *item = tagged(inner); };
    item_with_a_duplicate_key: "response.malformed", IssuerSigned, |map| in_item(map, |item| insert(item, "digestID", 0));
    item_without_random: "response.malformed", IssuerSigned, |map| in_item(map, |item| remove(item, "random"));
    item_with_random_of_15_bytes: "response.malformed", IssuerSigned, |map| in_item(map, |item| *member(item, "random") = Value::Bytes(vec![0; 15]));
    item_with_a_negative_digest_id: "response.malformed", IssuerSigned, |map| in_item(map, |item| *member(item, "digestID") = (-1).into());
    item_with_a_float_digest_id: "response.malformed", IssuerSigned, |map| in_item(map, |item| *member(item, "digestID") = Value::Float(0.0));
    item_with_a_bignum_digest_id: "response.malformed", IssuerSigned, |map| in_item(map, |item| *member(item, "digestID") = Value::Tag(2, Box::new(Value::Bytes(vec![0]))));
    item_with_a_digest_id_of_2_to_the_31: "response.malformed", IssuerSigned, |map| in_item(map, |item| *member(item, "digestID") = (1_u64 << 31).into());
    item_with_another_random: "digest.mismatch", IssuerSigned, |map| in_item(map, |item| *member(item, "random") = Value::Bytes(vec![0; 32]));
    item_with_an_unknown_digest_id: "digest.missing", IssuerSigned, |map| in_item(map, |item| *member(item, "digestID") = 1000.into());
    item_renamed: "digest.mismatch", IssuerSigned, |map| in_item(map, |item| *member(item, "elementIdentifier") = "age_over_21".into());
    item_moved_to_another_namespace: "digest.mismatch", IssuerSigned, |map| member(map, "nameSpaces").as_map_mut().expect("a map")[0].0 = "org.iso.23220.1.jp".into();
    item_twice: "element.duplicate", IssuerSigned, |map| { let item = first_item(map).clone(); member(map, "nameSpaces").as_map_mut().expect("a map")[0].1.as_array_mut().expect("an array").push(item); };

    device_authentication_missing: "device.auth_missing", DeviceAuth, |auth| *auth = Value::Map(Vec::new());
    device_signed_missing: "device.auth_missing", Document, |document| remove(document, "deviceSigned");
    device_auth_null: "device.auth_missing", DeviceSigned, |signed| *member(signed, "deviceAuth") = Value::Null;
    device_authentication_twice: "device.auth_missing", DeviceAuth, |auth| { let message = auth.as_map().expect("a map")[0].1.clone(); insert(auth, "deviceMac", message); };
    signature_given_as_mac: "device.algorithm", DeviceAuth, |auth| auth.as_map_mut().expect("a map")[0].0 = "deviceMac".into();
    device_name_spaces_missing: "response.malformed", DeviceSigned, |signed| remove(signed, "nameSpaces");
    device_name_spaces_without_tag: "response.malformed", DeviceSigned, |signed| *member(signed, "nameSpaces") = Value::Map(Vec::new());
    device_name_spaces_changed_after_signing: "device.signature", DeviceSigned, |signed| *member(signed, "nameSpaces") = tagged(vec![0xb9, 0, 0]);
    device_signature_over_another_transcript: "device.signature", DeviceTranscript, |t| *bytes(t) = vec![0x83, 0xf6, 0xf6, 0xf6];
    device_signature_over_a_handover_of_nfc: "device.signature", DeviceTranscript, |t| { let b = bytes(t); b.pop(); b.extend([0x82, 0x41, 0x00, 0xf6]); };
    device_signature_over_the_tagged_transcript: "device.signature", DeviceTranscript, |t| { let inner = bytes(t).clone(); *bytes(t) = encode(&tagged(inner)); };
    device_signature_over_another_document_type: "device.signature", DeviceDocType, |name| *name = "org.iso.18013.5.1.mDL".into();
    device_signature_changed: "device.signature", DeviceSignature, |b| bytes(b)[20] ^= 1;
    device_signature_in_der: "device.signature", DeviceSignature, |b| bytes(b).splice(0..0, [0x30, 0x44, 2, 32]).for_each(drop);
    device_signature_with_r_zero: "device.signature", DeviceSignature, |b| bytes(b)[..32].fill(0);
    device_signature_with_s_zero: "device.signature", DeviceSignature, |b| bytes(b)[32..].fill(0);
    device_signature_empty: "device.signature", DeviceSignature, |b| bytes(b).clear();
    device_payload_attached: "device.signature", DevicePayload, |payload| *payload = Value::Bytes(vec![1]);
    device_payload_attached_and_empty: "device.signature", DevicePayload, |payload| *payload = Value::Bytes(Vec::new());
    device_algorithm_missing: "device.algorithm", DeviceProtected, |map| *map = Value::Map(Vec::new());
    device_algorithm_of_another_curve: "device.algorithm", DeviceProtected, |map| *map = Value::Map(vec![(1.into(), (-36).into())]);
    device_algorithm_hmac_in_a_signature: "device.algorithm", DeviceProtected, |map| *map = Value::Map(vec![(1.into(), 5.into())]);
    device_algorithm_as_text: "device.algorithm", DeviceProtected, |map| *map = Value::Map(vec![(1.into(), "ES256".into())]);
    device_algorithm_in_both_headers: "device.signature", DeviceUnprotected, |map| insert(map, 1, -7);
    device_critical_header: "device.signature", DeviceProtected, |map| insert(map, 2, Value::Array(vec![1.into()]));
    device_key_off_its_curve: "device.key", Mso, |mso| bytes(&mut member(member(mso, "deviceKeyInfo"), "deviceKey").as_map_mut().expect("a map")[3].1)[5] ^= 1;
    device_key_too_short: "device.key", Mso, |mso| bytes(&mut member(member(mso, "deviceKeyInfo"), "deviceKey").as_map_mut().expect("a map")[2].1).truncate(31);
    device_key_with_its_private_part: "device.key", Mso, |mso| insert(member(member(mso, "deviceKeyInfo"), "deviceKey"), -4, Value::Bytes(vec![1; 32]));
    device_key_of_the_wrong_type: "device.key", Mso, |mso| member(member(mso, "deviceKeyInfo"), "deviceKey").as_map_mut().expect("a map")[0].1 = 1.into();
    device_key_with_a_contradicting_algorithm: "device.key", Mso, |mso| insert(member(member(mso, "deviceKeyInfo"), "deviceKey"), 3, -35);
    device_key_on_an_unknown_curve: "device.key", Mso, |mso| member(member(mso, "deviceKeyInfo"), "deviceKey").as_map_mut().expect("a map")[1].1 = 8.into();
    device_key_on_ed448: "device.algorithm", Mso, |mso| *member(member(mso, "deviceKeyInfo"), "deviceKey") = holder::keys::cose_key(Curve::Ed448, &[7; 57]);
    device_key_on_x25519: "device.algorithm", Mso, |mso| *member(member(mso, "deviceKeyInfo"), "deviceKey") = holder::keys::cose_key(Curve::X25519, &[9; 32]);
    device_key_that_is_an_array: "device.key", Mso, |mso| *member(member(mso, "deviceKeyInfo"), "deviceKey") = Value::Array(Vec::new());
    device_key_of_another_device: "device.signature", Mso, |mso| *member(member(mso, "deviceKeyInfo"), "deviceKey") = { use rand_core::SeedableRng as _; holder::keys::SigningKey::generate(Curve::P256, &mut rand_chacha::ChaCha20Rng::seed_from_u64(77)).cose_key() };
    device_signed_element_without_authorization: "device.not_authorized", DeviceNameSpaces, |map| insert(map, "own", Value::Map(vec![("note".into(), 1.into())]));
    authorizations_that_name_a_namespace_twice: "mso.malformed", Mso, |mso| insert(member(mso, "deviceKeyInfo"), "keyAuthorizations", Value::Map(vec![("nameSpaces".into(), Value::Array(vec!["own".into()])), ("dataElements".into(), Value::Map(vec![("own".into(), Value::Array(vec!["note".into()]))]))]));
}

undetermined! {
    status_10: "response.status", Response, |map| *member(map, "status") = 10.into();
    status_11: "response.status", Response, |map| *member(map, "status") = 11.into();
    status_unknown: "response.status", Response, |map| *member(map, "status") = 99.into();
    no_documents: "response.no_documents", Response, |map| remove(map, "documents");
    documents_empty: "response.no_documents", Response, |map| *member(map, "documents") = Value::Array(Vec::new());
    zero_knowledge_documents_alone: "response.no_documents", Response, |map| { remove(map, "documents"); insert(map, "zkDocuments", Value::Array(vec![Value::Map(Vec::new())])); };
}

rejected_mac! {
    mac_changed: "device.mac", DeviceSignature, |b| bytes(b)[0] ^= 1;
    mac_truncated: "device.mac", DeviceSignature, |b| bytes(b).truncate(16);
    mac_empty: "device.mac", DeviceSignature, |b| bytes(b).clear();
    mac_algorithm_truncated: "device.algorithm", DeviceProtected, |map| *map = Value::Map(vec![(1.into(), 4.into())]);
    mac_algorithm_sha_384: "device.algorithm", DeviceProtected, |map| *map = Value::Map(vec![(1.into(), 6.into())]);
    mac_algorithm_sha_512: "device.algorithm", DeviceProtected, |map| *map = Value::Map(vec![(1.into(), 7.into())]);
    mac_algorithm_missing: "device.algorithm", DeviceProtected, |map| *map = Value::Map(Vec::new());
    mac_payload_attached: "device.mac", DevicePayload, |payload| *payload = Value::Bytes(vec![1]);
    mac_critical_header: "device.mac", DeviceUnprotected, |map| insert(map, 2, Value::Array(vec![1.into()]));
    mac_over_another_transcript: "device.mac", DeviceTranscript, |t| *bytes(t) = vec![0x83, 0xf6, 0xf6, 0xf6];
    mac_given_as_signature: "device.algorithm", DeviceAuth, |auth| auth.as_map_mut().expect("a map")[0].0 = "deviceSignature".into();
}

#[test]
fn a_mac_with_a_device_key_on_another_curve_than_the_readers_is_refused() {
    let mac = |curve: Curve| Scenario::my_number().set(|s| (s.mac, s.device_curve) = (true, curve));
    let built = mac(Curve::P256).build();
    assert_eq!(
        outcome(&verdict_of(&built, &purpose_of(&mac(Curve::P256)))),
        "accepted"
    );
    let other = Scenario::my_number()
        .set(|s| s.device_curve = Curve::P384)
        .with(Stage::DeviceAuth, |auth| {
            device_message(auth)[0] = Value::Bytes(encode(&Value::Map(vec![(1.into(), 5.into())])));
            device_message(auth)[3] = Value::Bytes(vec![0; 32]);
            auth.as_map_mut().expect("a map")[0].0 = "deviceMac".into();
        });
    refused(Scenario::my_number(), other, "rejected", "device.mac");
}

#[test]
fn authorized_device_signed_elements_pass_and_stay_apart() {
    let authorized = |authorizations: Value| {
        Scenario::my_number()
            .set(|s| s.terms.key_authorizations = Some(authorizations))
            .with(Stage::DeviceNameSpaces, |map| {
                insert(map, "own", Value::Map(vec![("age_over_20".into(), false.into())]))
            })
    };
    let by_name_space = Value::Map(vec![("nameSpaces".into(), Value::Array(vec!["own".into()]))]);
    let names = Value::Map(vec![("own".into(), Value::Array(vec!["age_over_20".into()]))]);
    let by_element = Value::Map(vec![("dataElements".into(), names)]);
    for authorizations in [by_name_space, by_element] {
        let verdict = judged(&authorized(authorizations));
        assert_eq!(outcome(&verdict), "accepted", "{verdict:#}");
        assert_eq!(
            verdict["documents"][0]["elements"],
            json!({ "org.iso.23220.1": { "age_over_20": true } })
        );
    }
    let other = Value::Map(vec![("nameSpaces".into(), Value::Array(vec!["other".into()]))]);
    refused(
        Scenario::my_number(),
        authorized(other),
        "rejected",
        "device.not_authorized",
    );
}

#[test]
fn tolerances_of_the_field_are_accepted() {
    let accepted = |scenario: Scenario| assert_eq!(outcome(&judged(&scenario)), "accepted");
    accepted(Scenario::my_number().with(Stage::DeviceAuth, |auth| insert(auth, "deviceMac", Value::Null)));
    accepted(Scenario::my_number().with(Stage::WireBytes, |b| replace(b, b"\xf6\x58\x40", b"\xf7\x58\x40")));
    accepted(Scenario::my_number().with(Stage::Response, |map| *member(map, "version") = "1.7".into()));
    accepted(Scenario::my_number().with(Stage::Response, |map| insert(map, "future", 1)));
    accepted(Scenario::my_number().with(Stage::Document, |map| insert(map, "future", 1)));
    accepted(Scenario::my_number().with(Stage::Mso, |map| insert(map, "future", 1)));
}

#[test]
fn a_second_copy_of_a_document_is_withheld_and_reported() {
    let twice = Scenario::my_number().with(Stage::Response, |map| {
        let documents = member(map, "documents").as_array_mut().expect("an array");
        let one = documents[0].clone();
        documents.push(one);
    });
    let verdict = verdict_of(&twice.build(), &purpose_of(&Scenario::my_number()));
    assert_eq!(outcome(&verdict), "accepted");
    assert_eq!(verdict["documents"][1]["reason"], "document.not_requested");
    assert!(verdict["documents"][1].get("elements").is_none());
}

#[test]
fn a_document_that_was_not_asked_for_is_missing_alone_and_harmless_beside() {
    let mdl = Scenario::mdl().build();
    let verdict = verdict_of(&mdl, &purpose_of(&Scenario::my_number()));
    assert_eq!(
        (&verdict["verdict"], &verdict["reason"]),
        (&json!("undetermined"), &json!("document.missing"))
    );
    assert_eq!(verdict["documents"][0]["reason"], "document.not_requested");
    let mut both = Scenario::my_number();
    both.credentials.push(Credential::mdl(None));
    both.request.extend(Scenario::mdl().request);
    let verdict = verdict_of(&both.build(), &purpose_of(&Scenario::my_number()));
    assert_eq!(outcome(&verdict), "accepted", "{verdict:#}");
    assert_eq!(verdict["documents"][1]["verdict"], "undetermined");
}

#[test]
fn one_documents_failure_does_not_hide_anothers_report() {
    let mut both = Scenario::my_number().with(Stage::Document, |document| {
        if member(document, "docType").as_text() == Some("org.iso.18013.5.1.mDL") {
            remove(document, "deviceSigned");
        }
    });
    both.credentials.push(Credential::mdl(None));
    both.request.extend(Scenario::mdl().request);
    let mut purpose = both.request.clone();
    // The mDL profile asks for its own extended key usage.
    both.issuer.signer_purpose = "1.0.18013.5.1.2";
    let verdict = verdict_of(&both.build(), &purpose_of(&both));
    assert_eq!(
        (&verdict["verdict"], &verdict["reason"]),
        (&json!("rejected"), &json!("device.auth_missing"))
    );
    assert_eq!(verdict["documents"][0]["verdict"], "accepted");
    assert_eq!(verdict["documents"][1]["verdict"], "rejected");
    purpose.truncate(1);
    both.request = purpose;
    assert_eq!(outcome(&judged(&both)), "accepted");
}

#[test]
fn elements_of_the_wrong_type_and_contradicting_ages_are_inconsistent() {
    let set = |element: &'static str, value: Value| {
        let mut credential = Credential::my_number(None);
        credential.set("org.iso.23220.1", element, value);
        Scenario::new(
            credential,
            &[(
                "org.iso.23220.1",
                &["age_over_20", "age_over_18", "birth_date", "sex"],
            )],
        )
    };
    let twin = || set("sex", 1.into());
    for (element, value) in [
        ("age_over_20", Value::from(1)),
        ("age_over_20", "true".into()),
        ("age_over_20", Value::Null),
        ("sex", "female".into()),
        ("sex", (-1).into()),
        ("birth_date", 19_940_203.into()),
        ("birth_date", Value::Tag(0, Box::new("1994-02-03".into()))),
        ("age_over_18", false.into()),
        ("birth_date", Value::Tag(1004, Box::new("2015-02-03".into()))),
        ("birth_date", Value::Tag(1004, Box::new("2999-02-03".into()))),
    ] {
        refused(twin(), set(element, value), "rejected", "element.inconsistent");
    }
}

#[test]
fn every_check_is_in_every_report_and_none_is_passed_without_its_input() {
    for scenario in [
        Scenario::my_number(),
        Scenario::my_number().with(Stage::IssuerSignature, |b| bytes(b)[3] ^= 1),
    ] {
        let verdict = judged(&scenario);
        let names: Vec<&str> = verdict["documents"][0]["checks"]
            .as_array()
            .expect("checks")
            .iter()
            .filter_map(|c| c["check"].as_str())
            .collect();
        let all: Vec<&str> = mdoc::verify::Check::ALL
            .iter()
            .map(|check| check.name())
            .collect();
        assert_eq!(names, all);
    }
    let broken = judged(&Scenario::my_number().with(Stage::IssuerSignature, |b| bytes(b)[3] ^= 1));
    for name in [
        "document.type",
        "mso",
        "digests",
        "mso.validity",
        "device.auth",
        "status",
        "purpose",
    ] {
        assert_eq!(
            (&check(&broken, name)["result"], &check(&broken, name)["after"]),
            (&json!("not_reached"), &json!("issuer.signature")),
            "{name}"
        );
    }
    let empty = judged(&Scenario::my_number().with(Stage::WireBytes, |b| bytes(b).clear()));
    let checks = empty["checks"].as_array().expect("checks");
    assert_eq!(checks.len(), 15);
    assert!(
        checks[1..]
            .iter()
            .all(|check| check["result"] == "not_reached" && check["after"] == "response.decode")
    );
}

#[test]
fn cut_at_any_length_the_response_is_malformed() {
    let built = Scenario::my_number().build();
    let purpose = purpose_of(&Scenario::my_number());
    let mut cut = Scenario::my_number().build();
    for end in 0..built.response.len() {
        cut.response = built.response[..end].to_vec();
        assert_eq!(
            outcome(&verdict_of(&cut, &purpose)),
            "response.malformed",
            "cut at {end}"
        );
    }
}

#[test]
fn with_any_byte_flipped_nothing_false_is_accepted() {
    let built = Scenario::my_number().build();
    let purpose = purpose_of(&Scenario::my_number());
    let genuine = verdict_of(&built, &purpose);
    let mut flipped = Scenario::my_number().build();
    let mut accepted = Vec::new();
    for index in 0..built.response.len() {
        flipped.response.clone_from(&built.response);
        flipped.response[index] ^= 1;
        let verdict = verdict_of(&flipped, &purpose);
        let elements = &verdict["documents"][0]["elements"];
        // A renamed `nameSpaces` is a document that returns nothing: no answer would come of it.
        if verdict["verdict"] == "accepted" && *elements != json!({}) {
            assert_eq!(*elements, genuine["documents"][0]["elements"], "byte {index}");
            accepted.push(index);
        }
    }
    // Only what nobody signs may be another: the minor version of the response, and the device's
    // detached payload, where `undefined` stands for nil in the field.
    let position = |bytes: &[u8]| {
        built
            .response
            .windows(bytes.len())
            .position(|window| window == bytes)
            .expect("the bytes are there")
    };
    assert_eq!(accepted, [position(b"1.0") + 2, position(b"\xf6\x58\x40")]);
}

#[test]
fn an_element_that_stands_twice_is_found_among_few_and_among_many() {
    for count in [2_usize, 16, 17, 40] {
        let twice = Scenario::my_number().with(Stage::IssuerSigned, move |map| {
            let item = first_item(map).clone();
            let mut items: Vec<Value> = (0..count - 1)
                .map(|index| {
                    let mut renamed: Value = ciborium::from_reader(
                        item.as_tag()
                            .expect("a tag")
                            .1
                            .as_bytes()
                            .expect("bytes")
                            .as_slice(),
                    )
                    .expect("an item");
                    *member(&mut renamed, "elementIdentifier") = format!("element_{index}").into();
                    *member(&mut renamed, "digestID") = (100 + index as u64).into();
                    tagged(encode(&renamed))
                })
                .collect();
            items.push(items[0].clone());
            member(map, "nameSpaces").as_map_mut().expect("a map")[0].1 = Value::Array(items);
        });
        let verdict = judged(&twice);
        let failed = check(&verdict, "elements");
        assert_eq!(failed["reason"], "element.duplicate", "{count}: {verdict:#}");
    }
}
