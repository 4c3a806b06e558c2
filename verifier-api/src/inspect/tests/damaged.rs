//! What is refused and where; no content brings the view down or makes it grow without bound.

use mdoc::cbor::ErrorKind;
use mdoc::response::MsoError;
use zeroize::Zeroizing;

use super::super::fault::{DerFault, Fault, Located};
use super::super::view::{Request, View};
use super::{request, testdata, text, view, view_as};
use crate::arguments::InspectKind;

fn cbor(offset: usize, kind: ErrorKind) -> Located {
    Located {
        offset: Some(offset),
        fault: Fault::Cbor(kind),
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
    let unexpected = Fault::Der(DerFault::Unexpected {
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
