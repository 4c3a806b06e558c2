//! The view as a function from bytes to lines: what is understood, what is refused and where, and that
//! no input whatever brings it down or brings a hidden value out.

use std::path::{Path, PathBuf};

use mdoc::cbor::{ErrorKind, Item, Rules};
use mdoc::limits::Limits;
use mdoc::response::{DeviceResponse, MsoError};
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

fn cbor(offset: usize, kind: ErrorKind) -> Located {
    Located {
        offset: Some(offset),
        fault: Fault::Cbor(kind),
    }
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

// --- What is refused ----------------------------------------------------------------------------------------

#[test]
fn faults_have_their_offset() {
    let response = testdata("my-number-age/response.cbor");
    let find = |needle: &[u8]| response.windows(needle.len()).position(|w| w == needle).unwrap();
    // A trailing byte inside the MSO, three byte strings deep, by making its map one pair shorter.
    let mso = find(b"\xa6\x67version");
    let mut shorter = response.clone();
    shorter[mso] = 0xa5;
    let tail = find(b"\x6cvalidityInfo");
    assert!(view(&shorter).faults.contains(&cbor(tail, ErrorKind::Trailing)));
    // A date with a space.
    let date = find(b"2026-12-13T");
    let mut spaced = response.clone();
    spaced[date + 10] = b' ';
    let faults = view(&spaced).faults;
    assert!(faults.contains(&Located {
        offset: Some(date - 1),
        fault: Fault::Date(mdoc::time::DateError::Grammar)
    }));
    assert!(faults.contains(&Located {
        offset: Some(mso),
        fault: Fault::Mso(MsoError::Date {
            member: "validUntil",
            error: mdoc::time::DateError::Grammar
        })
    }));
    // A device key that is not on its curve.
    let key = find(b"\xa4\x01\x02\x20\x01\x21\x58\x20");
    let mut off = response.clone();
    off[key + 8] ^= 1;
    assert!(view(&off).faults.iter().any(|located| {
        located.offset == Some(key)
            && located.fault
                == Fault::Key(mdoc::cose::KeyFormatError::Key(
                    mdoc::crypto::KeyError::NotOnCurve,
                ))
    }));
}

#[test]
fn each_cut_is_told_where_it_is() {
    let response = testdata("my-number-age/response.cbor");
    for end in 1..response.len() {
        let view = view(&response[..end]);
        let fault = view.faults.first().unwrap_or_else(|| panic!("cut at {end}"));
        // A first byte alone is text by chance for no response.
        assert!(
            fault.offset.is_some_and(|offset| offset <= end),
            "cut at {end}: {fault}"
        );
    }
}

#[test]
fn what_is_missing_or_of_another_kind_is_told() {
    let fault = |bytes: &[u8], kind| view_as(bytes, kind).faults;
    let located = |offset, fault| Located {
        offset: Some(offset),
        fault,
    };
    let faults = fault(b"\xa1\x67version\x01", InspectKind::Response);
    assert!(faults.contains(&located(
        9,
        Fault::Kind {
            expected: "a text",
            found: "an unsigned integer"
        }
    )));
    assert!(faults.contains(&located(0, Fault::Missing("status"))));
    let faults = fault(b"\x82\xf6\xf6", InspectKind::Transcript);
    assert!(faults.contains(&located(0, Fault::Length(3))));
    let faults = fault(b"\x83\x01\xf6\xf6", InspectKind::Transcript);
    assert!(faults.contains(&located(1, Fault::Untagged)));
    let faults = fault(b"\x01", InspectKind::Mso);
    assert_eq!(
        faults[0],
        located(
            0,
            Fault::Kind {
                expected: "a map",
                found: "an unsigned integer"
            }
        )
    );
}

#[test]
fn generic_content_is_shown_as_far_as_it_is_cbor() {
    for (bytes, faults, line) in [
        (&b"\x83\x01\x62hi\xa1\x03\xf9\x3c\x00"[..], vec![], "3: 1.0"),
        (
            b"\x9f\x01\xff",
            vec![cbor(0, ErrorKind::Indefinite)],
            "array of indefinite length",
        ),
        (
            b"\x5f\x41a\xff",
            vec![cbor(0, ErrorKind::Indefinite)],
            "a byte string of indefinite length",
        ),
        (b"\xa1\x81\x01\x02", vec![cbor(1, ErrorKind::KeyKind)], "(a key)"),
        (b"\x81\xe0", vec![cbor(1, ErrorKind::Simple)], "simple(0)"),
        (
            b"\x82\x62\xff\xfe\x01",
            vec![cbor(1, ErrorKind::Utf8)],
            "      4    1",
        ),
        (
            b"\xa2\x01\x02\x01\x02",
            vec![cbor(3, ErrorKind::DuplicateKey)],
            "1: 2",
        ),
        (b"\x80\x80", vec![cbor(1, ErrorKind::Trailing)], "array(0)"),
        (b"\xc2\x42\x01\x02", vec![], "2(h'0102')"),
        (b"\xd8\x63\x81\xf7", vec![], "tag 99"),
        (b"\xd8\x18\x41\x01", vec![], "24(<< 1 bytes >>)"),
    ] {
        let view = view(bytes);
        assert_eq!(view.faults, faults, "{bytes:02x?}");
        assert!(text(&view).contains(line), "{bytes:02x?}\n{}", text(&view));
    }
}

// --- Any content at all -------------------------------------------------------------------------------------

#[test]
fn nothing_gives_nothing() {
    let view = view(b"");
    assert_eq!(
        view.faults,
        [Located {
            offset: None,
            fault: Fault::Empty
        }]
    );
    assert_eq!(view.lines.last().unwrap(), "  the file is empty");
}

#[test]
fn depth_and_lengths_are_bounded() {
    for byte in [0x81, 0xa1, 0xc1, 0x9f, 0xbf, 0x5f] {
        let view = view(&vec![byte; 200_000]);
        assert!(!view.faults.is_empty(), "{byte:#x}");
        assert!(view.lines.len() < 250, "{byte:#x}: {} lines", view.lines.len());
    }
    let deep = view(&vec![0x81; 200_000]);
    assert!(deep.faults.contains(&Located {
        offset: Some(101),
        fault: Fault::TooDeep(100)
    }));
    assert!(deep.faults.contains(&cbor(32, ErrorKind::Depth)));
    for head in [0x5b, 0x7b, 0x9b, 0xbb] {
        let mut bytes = vec![head, 0x10];
        bytes.resize(9, 0);
        assert!(
            view(&bytes).faults.contains(&cbor(0, ErrorKind::Truncated)),
            "{head:#x}"
        );
    }
    // Encoded CBOR in encoded CBOR, and so on.
    let mut nested = vec![0x01];
    for _ in 0..500 {
        let mut outer = Vec::new();
        mdoc::cbor::write::embedded(&mut outer, &nested);
        nested = outer;
    }
    assert!(view(&nested).lines.len() < 250);
}

#[test]
fn lines_are_bounded() {
    let mut many = vec![0x9a, 0, 1, 0x86, 0xa0];
    many.resize(5 + 100_000, 0);
    let view = view(&many);
    assert_eq!(
        view.lines.iter().filter(|line| line.ends_with(" 0")).count(),
        1999
    );
    assert!(text(&view).contains("… cut at 2000 lines"));
    assert_eq!(view.faults, [cbor(0, ErrorKind::TooManyItems)]);
    let few = Request {
        max_lines: 3,
        ..request(false)
    };
    let few = View::of(Zeroizing::new(testdata("my-number-age/response.cbor")), few);
    assert_eq!(few.faults, []);
    assert_eq!(few.lines.len(), 6, "{:?}", few.lines);
    // No line grows with its content.
    let long = view_as(&vec![b'a'; 100_000], InspectKind::Cbor);
    assert!(long.lines.iter().all(|line| line.chars().count() < 500));
}

#[test]
fn no_bytes_bring_it_down() {
    // xorshift64: the same bytes in each run.
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let starts: [&[u8]; 6] = [
        b"",
        b"\xa3\x67version\x631.0",
        b"\x84\x43\xa1\x01\x26",
        b"\xd8\x18",
        b"\x30\x82",
        b"mdoc:",
    ];
    for round in 0..3_000_usize {
        let mut bytes = starts[round % starts.len()].to_vec();
        let len = random() % 200;
        bytes.extend((0..len).flat_map(|_| random().to_be_bytes().into_iter().take(1)));
        let view = view(&bytes);
        assert!(view.lines.len() <= 2100);
    }
    let response = testdata("my-number-age/response.cbor");
    for index in 0..response.len() {
        let mut changed = response.clone();
        changed[index] ^= random().to_be_bytes()[0] | 1;
        assert!(view(&changed).lines.len() > 2);
    }
}

#[test]
fn damaged_certificates_are_shown_up_to_the_fault() {
    use base64::Engine as _;
    let pem = String::from_utf8(testdata("my-number-age/trust/anchors/test-iaca.pem")).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
    assert_eq!(view(&der).faults, []);
    for end in 2..der.len() {
        let view = view(&der[..end]);
        assert!(!view.faults.is_empty(), "cut at {end}");
    }
    let mut changed = der.clone();
    for index in 0..der.len() {
        changed[index] ^= 0x11;
        assert!(view(&changed).lines.len() > 2);
        changed[index] ^= 0x11;
    }
    // The validity's tag.
    let validity = der.windows(2).position(|w| w == [0x17, 0x0d]).unwrap() - 2;
    changed[validity] = 0x31;
    let view = view(&changed);
    let unexpected = Fault::Der(super::fault::DerFault::Unexpected {
        expected: 0x30,
        found: 0x31,
    });
    assert_eq!(
        view.faults[0],
        Located {
            offset: Some(validity),
            fault: unexpected
        }
    );
    assert!(text(&view).contains("issuer: C=\"JP\""));
}
