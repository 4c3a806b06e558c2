//! The view as a function from bytes to lines: what is understood, and that no damage brings a hidden
//! value out.

mod damaged;

use std::path::{Path, PathBuf};

use mdoc::cbor::{Item, Rules};
use mdoc::limits::Limits;
use mdoc::response::DeviceResponse;
use mdoc::time::UnixTime;
use zeroize::Zeroizing;

use super::fault::{Fault, Located};
use super::place::Settings;
use super::view::{Request, View};
use crate::arguments::InspectKind;

fn request(values: bool) -> Request {
    Request {
        told: None,
        max_lines: 2000,
        settings: Settings {
            values,
            now: UnixTime::parse("2026-11-23T06:00:00Z").unwrap(),
        },
    }
}

fn view(bytes: &[u8]) -> View {
    View::of(Zeroizing::new(bytes.to_vec()), request(false))
}

fn view_as(bytes: &[u8], kind: InspectKind) -> View {
    let request = Request {
        told: Some(kind),
        ..request(false)
    };
    View::of(Zeroizing::new(bytes.to_vec()), request)
}

fn text(view: &View) -> String {
    view.lines.join("\n")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata")
}

fn testdata(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

/// The texts in the values of a response, which hidden are nowhere, shown are somewhere.
fn claims(response: &[u8]) -> Vec<String> {
    fn collect(item: Item<'_>, texts: &mut Vec<String>) {
        texts.extend(item.as_text().map(str::to_owned));
        // As the view shows the first bytes.
        let hex = |bytes: &[u8]| bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        texts.extend(item.as_bytes().map(hex));
        if let Some((_, inner)) = item.as_tag() {
            collect(inner, texts);
        }
        for inner in item.as_array().into_iter().flat_map(|array| array.iter()) {
            collect(inner, texts);
        }
        for (_, inner) in item.as_map().into_iter().flat_map(|map| map.iter()) {
            collect(inner, texts);
        }
    }
    let rules = Rules::default();
    let decoded = DeviceResponse::decode(response, &Limits::default(), false).unwrap();
    let mut texts = Vec::new();
    for document in &decoded.documents {
        for item in &document.issuer_signed.items {
            let element = Item::decode(item.encoded, &rules).unwrap();
            let element = element.embedded(&rules).unwrap().unwrap().as_map().unwrap();
            for name in ["elementValue", "random"] {
                collect(element.get_text(name).unwrap(), &mut texts);
            }
        }
    }
    texts.retain(|text| text.len() >= 4);
    texts
}

/// A response with a text that no other place holds.
fn with_claims() -> (Vec<u8>, Vec<String>) {
    let response = testdata("my-number-portrait/response.cbor");
    let texts = claims(&response);
    assert!(texts.len() >= 3, "{texts:?}");
    (response, texts)
}

// --- What is understood -------------------------------------------------------------------------------------

#[test]
fn a_response_is_shown_item_by_item() {
    let view = view(&testdata("my-number-age/response.cbor"));
    assert_eq!(view.faults, []);
    let text = text(&view);
    for line in [
        "DeviceResponse: 1758 bytes. Shown, not verified.",
        "     25        \"docType\": \"org.iso.23220.1.jp.mnc\"",
        "\"digestID\": 0",
        "\"elementIdentifier\": \"age_over_20\"",
        "\"elementValue\": (hidden: a boolean)",
        "1: -7  — alg: ES256",
        "33: a certificate of 578 bytes  — x5chain",
        "extKeyUsage (2.5.29.37), critical: mdoc document signer (1.0.23220.4.1.2)",
        "\"digestAlgorithm\": \"SHA-256\"",
        "\"deviceKey\": map(4)  — P-256",
        "\"validUntil\": 0(\"2026-12-13T06:00:00Z\")  — in 20 days",
        "\"status\": 0  — OK",
        "Understood.",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn every_response_of_the_test_data_that_can_be_decoded_is_understood() {
    let mut understood = 0;
    for case in std::fs::read_dir(folder()).unwrap() {
        let case = case.unwrap().path();
        let Ok(response) = std::fs::read(case.join("response.cbor")) else {
            continue;
        };
        let decodes = DeviceResponse::decode(&response, &Limits::default(), false).is_ok();
        let view = view(&response);
        assert_eq!(
            view.faults.is_empty(),
            decodes,
            "{}: {:?}",
            case.display(),
            view.faults
        );
        let transcript = self::view(&std::fs::read(case.join("transcript.cbor")).unwrap());
        assert_eq!(transcript.faults, [], "{}", case.display());
        assert!(text(&transcript).contains("EDeviceKey: P-256"));
        understood += usize::from(decodes);
    }
    assert!(understood > 15, "{understood}");
}

#[test]
fn parts_of_a_response_are_recognised_alone() {
    let response = testdata("my-number-age/response.cbor");
    let decoded = DeviceResponse::decode(&response, &Limits::default(), false).unwrap();
    let document = &decoded.documents[0];
    let payload = document.issuer_signed.issuer_auth.payload().unwrap();
    let rules = Rules::default();
    let bare = Item::decode(payload, &rules)
        .unwrap()
        .embedded(&rules)
        .unwrap()
        .unwrap();
    let issuer_signed = Item::decode(document.encoded, &rules).unwrap().as_map().unwrap();
    let issuer_signed = issuer_signed.get_text("issuerSigned").unwrap();
    let issuer_auth = issuer_signed.as_map().unwrap().get_text("issuerAuth").unwrap();
    let key = bare.as_map().unwrap().get_text("deviceKeyInfo").unwrap();
    let key = key.as_map().unwrap().get_text("deviceKey").unwrap();
    let mut tagged_message = vec![0xd2];
    tagged_message.extend_from_slice(issuer_auth.encoded());
    for (bytes, name) in [
        (document.encoded, "Document"),
        (issuer_signed.encoded(), "IssuerSigned"),
        (issuer_auth.encoded(), "IssuerAuth, a COSE_Sign1"),
        (&tagged_message, "IssuerAuth, a COSE_Sign1"),
        (payload, "MobileSecurityObjectBytes"),
        (bare.encoded(), "MobileSecurityObject"),
        (document.issuer_signed.items[0].encoded, "IssuerSignedItem"),
        (key.encoded(), "COSE_Key"),
    ] {
        let view = view(bytes);
        assert_eq!(view.faults, [], "{name}");
        assert!(
            view.lines[0].starts_with(&format!("{name}: ")),
            "{:?}",
            view.lines[0]
        );
    }
}

#[test]
fn session_messages_and_requests_are_told_apart() {
    let termination = view(b"\xa1\x66status\x14");
    assert_eq!(termination.faults, []);
    assert!(text(&termination).contains("\"status\": 20  — session termination"));
    let request = b"\xa2\x67version\x631.0\x6bdocRequests\x81\xa1\x6citemsRequest\xd8\x18\x58\x25\
        \xa2\x67docType\x61d\x6anameSpaces\xa1\x61n\xa1\x69age_over_\xf4";
    let request = view(request);
    assert_eq!(request.faults, []);
    let text = text(&request);
    assert!(
        text.contains("\"age_over_\": false  — IntentToRetain: will not be kept"),
        "{text}"
    );
}

#[test]
fn certificates_with_their_root_are_held_to_the_rules() {
    let root = String::from_utf8(testdata("my-number-age/trust/anchors/test-iaca.pem")).unwrap();
    let alone = text(&view(root.as_bytes()));
    assert!(alone.contains("certificate 1: "), "{alone}");
    assert!(alone.contains("basicConstraints (2.5.29.19), critical: CA, path length 0"));
    assert!(alone.contains("profile: not judged"));
    let signer = |case: &str| {
        let response = testdata(&format!("{case}/response.cbor"));
        let decoded = DeviceResponse::decode(&response, &Limits::default(), false).unwrap();
        let headers = decoded.documents[0].issuer_signed.issuer_auth.headers();
        headers.x5chain(false).unwrap().certificates()[0].to_vec()
    };
    let pem = |der: &[u8]| {
        use base64::Engine as _;
        let body = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
    };
    let good = view(format!("{}{root}", pem(&signer("my-number-age"))).as_bytes());
    assert_eq!(good.faults, []);
    assert!(text(&good).contains("profile: document signer and root keep to ISO/IEC 18013-5 Annex B"));
    let long = testdata("signer-too-long/trust/anchors/test-iaca.pem");
    let long = format!(
        "{}{}",
        pem(&signer("signer-too-long")),
        String::from_utf8(long).unwrap()
    );
    let long = text(&view(long.as_bytes()));
    assert!(
        long.contains("profile: the document signer breaks lifetime (B.1.1)"),
        "{long}"
    );
    // One DER after the other.
    let der = signer("my-number-age");
    let two = view(&[der.as_slice(), &der].concat());
    assert_eq!(two.faults, []);
    assert!(text(&two).contains("certificate 2: 578 bytes"));
}

#[test]
fn a_private_key_is_never_shown() {
    let secret = [0x5a; 32];
    let mut key = b"\xa5\x01\x02\x20\x01\x21\x41x\x22\x41y\x23\x58\x20".to_vec();
    key.extend_from_slice(&secret);
    let view = View::of(Zeroizing::new(key), request(true));
    let text = text(&view);
    assert!(
        text.contains("-4: (private key, not shown: a byte string, 32 bytes)"),
        "{text}"
    );
    assert!(!text.contains("5a5a"));
    assert_eq!(
        view.faults,
        [Located {
            offset: Some(0),
            fault: Fault::Key(mdoc::cose::KeyFormatError::PrivateMember)
        }]
    );
    let pem = self::view(b"-----BEGIN PRIVATE KEY-----\nWlpaWlpa\n-----END PRIVATE KEY-----\n");
    assert!(pem.lines[1].contains("a block of type \"PRIVATE KEY\", which is not shown"));
    assert!(!self::text(&pem).contains("Wlpa"));
}

// --- Values -------------------------------------------------------------------------------------------------

#[test]
fn values_are_hidden_unless_asked_for() {
    let (response, claims) = with_claims();
    let hidden = text(&view(&response));
    let shown = text(&View::of(Zeroizing::new(response), request(true)));
    for claim in &claims {
        assert!(!hidden.contains(claim), "{claim}");
        assert!(shown.contains(claim), "{claim}");
    }
    assert!(hidden.contains("Values of elements are hidden"));
    assert!(!shown.contains("Values of elements are hidden"));
}

#[test]
fn values_stay_hidden_whatever_the_content_is_taken_for() {
    let (response, claims) = with_claims();
    for kind in [
        InspectKind::Engagement,
        InspectKind::Request,
        InspectKind::Response,
        InspectKind::Mso,
        InspectKind::Transcript,
        InspectKind::Session,
        InspectKind::Certificate,
        InspectKind::Cbor,
    ] {
        let text = text(&view_as(&response, kind));
        for claim in &claims {
            assert!(!text.contains(claim), "{kind:?}: {claim}");
        }
    }
}

#[test]
fn values_stay_hidden_in_a_damaged_response() {
    let (mut response, claims) = with_claims();
    // The head and the tail of the message; in between lies the portrait.
    let ends = (0..700).chain(response.len() - 2200..response.len());
    for index in ends.step_by(3) {
        for change in [0x01, 0x04, 0x20, 0x80] {
            response[index] ^= change;
            let text = text(&view(&response));
            response[index] ^= change;
            for claim in &claims {
                assert!(
                    !text.contains(claim),
                    "{claim} with byte {index} changed by {change:#x}"
                );
            }
        }
    }
}
