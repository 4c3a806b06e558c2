//! What a file holds, told by its content.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mdoc::cbor::{Item, Rules};
use x509_cert::der::{Decode as _, Header, Reader as _, SliceReader};

use super::arguments::LintKind;
use crate::input::base64url;

/// Blocks of one PEM file that are looked at.
const MAX_BLOCKS: usize = 1024;
const BEGIN: &str = "-----BEGIN ";
const CERTIFICATE: &str = "CERTIFICATE";
const CRL: &str = "X509 CRL";

/// What is to be judged.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// Certificates, the signer's first.
    Chain(Vec<Vec<u8>>),
    /// CRLs.
    Crls(Vec<Vec<u8>>),
    Vical(Vec<u8>),
    /// A status token: CWT, or the text of a compact JWT.
    Status(Vec<u8>),
}

/// A file taken apart.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) input: Input,
    /// PEM blocks that are left aside: their labels.
    pub(super) others: Vec<String>,
    /// PEM blocks that cannot be decoded: their places.
    pub(super) broken: Vec<usize>,
}

impl From<Input> for Contents {
    fn from(input: Input) -> Self {
        Self {
            input,
            others: Vec::new(),
            broken: Vec::new(),
        }
    }
}

impl Contents {
    /// As the user says, else as the content looks; `None` where it looks like nothing known.
    pub(super) fn of(bytes: Vec<u8>, told: Option<LintKind>) -> Option<Self> {
        let text = core::str::from_utf8(&bytes).ok();
        if let Some(text) = text.filter(|text| text.contains(BEGIN))
            && let Some(contents) = pem(text, told)
        {
            return Some(contents);
        }
        if let Some(jwt) = text.map(str::trim).filter(|text| is_jwt(text))
            && matches!(told, None | Some(LintKind::Status))
        {
            return Some(Input::Status(jwt.as_bytes().to_vec()).into());
        }
        let decoded = match text {
            Some(text) => decode(text).unwrap_or(bytes),
            None => bytes,
        };
        let input = match told {
            Some(LintKind::Crl) => Input::Crls(vec![decoded]),
            Some(LintKind::Vical) => Input::Vical(decoded),
            Some(LintKind::Status) => Input::Status(decoded),
            Some(_) => Input::Chain(vec![decoded]),
            None => recognize(decoded)?,
        };
        Some(input.into())
    }
}

fn recognize(bytes: Vec<u8>) -> Option<Input> {
    match bytes.first()? {
        0x30 => match der_kind(&bytes)? {
            DerKind::Crl => Some(Input::Crls(vec![bytes])),
            DerKind::Certificate => Some(Input::Chain(certificates(bytes))),
        },
        _ => match payload_kind(&bytes)? {
            PayloadKind::Vical => Some(Input::Vical(bytes)),
            PayloadKind::Claims => Some(Input::Status(bytes)),
        },
    }
}

enum DerKind {
    Certificate,
    Crl,
}

/// The signed part of a CRL has an instant where that of a certificate has a sequence of two.
fn der_kind(der: &[u8]) -> Option<DerKind> {
    const INTEGER: u8 = 0x02;
    const VERSION: u8 = 0xa0;
    const TIMES: [u8; 2] = [0x17, 0x18];
    let mut reader = SliceReader::new(der).ok()?;
    Header::decode(&mut reader).ok()?;
    Header::decode(&mut reader).ok()?;
    if reader.peek_byte()? == VERSION {
        return Some(DerKind::Certificate);
    }
    if reader.peek_byte()? == INTEGER {
        reader.tlv_bytes().ok()?;
    }
    // Algorithm and issuer.
    reader.tlv_bytes().ok()?;
    reader.tlv_bytes().ok()?;
    Some(if TIMES.contains(&reader.peek_byte()?) {
        DerKind::Crl
    } else {
        DerKind::Certificate
    })
}

/// DER certificates one after the other. What does not divide stays whole, to be refused as such.
fn certificates(bytes: Vec<u8>) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() && found.len() < MAX_BLOCKS {
        let len = SliceReader::new(rest).ok().and_then(|mut reader| {
            reader.tlv_bytes().ok()?;
            usize::try_from(reader.position()).ok()
        });
        match len.and_then(|len| rest.split_at_checked(len)) {
            Some((one, after)) => {
                found.push(one.to_vec());
                rest = after;
            }
            None => return vec![bytes],
        }
    }
    found
}

enum PayloadKind {
    Vical,
    Claims,
}

/// A COSE_Sign1, tagged or not, by the keys of its payload.
fn payload_kind(bytes: &[u8]) -> Option<PayloadKind> {
    let rules = Rules {
        indefinite: true,
        ..Rules::default()
    };
    let mut message = Item::decode(bytes, &rules).ok()?;
    while let Some((_, inner)) = message.as_tag() {
        message = inner;
    }
    let payload = message.as_array()?.iter().nth(2)?.as_bytes()?;
    let mut payload = Item::decode(payload, &rules).ok()?;
    while let Some((_, inner)) = payload.as_tag() {
        payload = inner;
    }
    let map = payload.as_map()?;
    if map.get_texts(["certificateInfos", "vicalProvider"]) != [None, None] {
        return Some(PayloadKind::Vical);
    }
    let mut keys = map.iter().map(|(key, _)| key);
    keys.any(|key| key.as_i64().is_some())
        .then_some(PayloadKind::Claims)
}

/// Three parts of base64url, the first of them a JSON object.
fn is_jwt(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    match parts.as_slice() {
        [header, payload, _] => {
            !payload.is_empty() && base64url(header).is_some_and(|header| header.starts_with(b"{"))
        }
        _ => false,
    }
}

/// Hexadecimal, base64url or base64 text.
fn decode(text: &str) -> Option<Vec<u8>> {
    let compact: String = text.split_ascii_whitespace().collect();
    if compact.is_empty() {
        return None;
    }
    hex(&compact)
        .or_else(|| base64url(&compact))
        .or_else(|| STANDARD.decode(&compact).ok())
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}

/// The blocks of a PEM file; `None` where none of them is of the kind that is told.
fn pem(text: &str, told: Option<LintKind>) -> Option<Contents> {
    let (mut certificates, mut crls, mut others, mut broken) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (place, block) in text.split(BEGIN).skip(1).take(MAX_BLOCKS).enumerate() {
        let Some((label, rest)) = block.split_once("-----") else {
            broken.push(place);
            continue;
        };
        let list = match label {
            CERTIFICATE => &mut certificates,
            CRL => &mut crls,
            _ => {
                others.push(label.chars().take(40).collect());
                continue;
            }
        };
        let body = rest.split_once(&format!("-----END {label}-----"));
        let body: Option<String> = body.map(|(body, _)| body.split_ascii_whitespace().collect());
        match body.and_then(|body| STANDARD.decode(body).ok()) {
            Some(der) => list.push(der),
            None => broken.push(place),
        }
    }
    let crls_wanted = match told {
        Some(LintKind::Vical | LintKind::Status) => return None,
        Some(kind) => kind == LintKind::Crl,
        None => certificates.is_empty() && !crls.is_empty(),
    };
    let (list, aside, label) = if crls_wanted {
        (crls, certificates, CERTIFICATE)
    } else {
        (certificates, crls, CRL)
    };
    // Nothing of the kind but faults: the faults are worth telling.
    if list.is_empty() && broken.is_empty() {
        return None;
    }
    others.extend(aside.iter().map(|_| label.to_owned()));
    let input = if crls_wanted {
        Input::Crls(list)
    } else {
        Input::Chain(list)
    };
    Some(Contents {
        input,
        others,
        broken,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8], told: Option<LintKind>) -> Option<Input> {
        Contents::of(bytes.to_vec(), told).map(|contents| contents.input)
    }

    #[test]
    fn what_is_told_wins_and_what_is_unknown_is_nothing() {
        for bytes in [&b""[..], b"hello, world", b"\x80", b"\x30\x00", b"\xa1\x01\x02"] {
            assert_eq!(of(bytes, None), None, "{bytes:?}");
            assert_eq!(
                of(bytes, Some(LintKind::Ds)),
                Some(Input::Chain(vec![bytes.to_vec()]))
            );
        }
        assert_eq!(of(b"\x80", Some(LintKind::Vical)), Some(Input::Vical(vec![0x80])));
        assert_eq!(of(b"80", Some(LintKind::Status)), Some(Input::Status(vec![0x80])));
    }

    #[test]
    fn lists_are_told_by_their_payload() {
        let vical = b"\x84\x40\xa0\x53\xa1\x70certificateInfos\x80\x40";
        assert_eq!(of(vical, None), Some(Input::Vical(vical.to_vec())));
        let claims = b"\xd2\x84\x40\xa0\x43\xa1\x06\x01\x40";
        assert_eq!(of(claims, None), Some(Input::Status(claims.to_vec())));
        let jwt = b"eyJ0eXAiOiIifQ.e30.\n";
        assert_eq!(
            of(jwt, None),
            Some(Input::Status(b"eyJ0eXAiOiIifQ.e30.".to_vec()))
        );
        let device_response = b"\x84\x40\xa0\x43\xa1\x61a\x40";
        assert_eq!(of(device_response, None), None);
    }

    #[test]
    fn certificates_and_crls_are_told_apart() {
        // SEQUENCE { SEQUENCE { INTEGER, SEQUENCE {}, SEQUENCE {}, UTCTime } }
        let crl = b"\x30\x0b\x30\x09\x02\x01\x01\x30\x00\x30\x00\x17\x00";
        assert_eq!(of(crl, None), Some(Input::Crls(vec![crl.to_vec()])));
        let certificate = b"\x30\x0b\x30\x09\x02\x01\x01\x30\x00\x30\x00\x30\x00";
        assert_eq!(
            of(certificate, None),
            Some(Input::Chain(vec![certificate.to_vec()]))
        );
        let two = [&certificate[..], certificate].concat();
        assert_eq!(of(&two, None), Some(Input::Chain(vec![certificate.to_vec(); 2])));
    }

    #[test]
    fn pem_blocks_of_other_kinds_are_named() {
        let text = "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n\
                    -----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n\
                    -----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n";
        let contents = Contents::of(text.as_bytes().to_vec(), None).unwrap();
        assert_eq!(contents.input, Input::Chain(vec![vec![0x30, 0]]));
        assert_eq!(contents.others, ["EC PRIVATE KEY"]);
        assert_eq!(contents.broken, [2]);
        assert_eq!(of(b"-----BEGIN EC PRIVATE KEY-----\n", None), None);
        let certificate = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        assert_eq!(
            of(certificate, Some(LintKind::Crl)),
            Some(Input::Crls(vec![certificate.to_vec()]))
        );
        let crl = b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----";
        assert_eq!(of(crl, None), Some(Input::Crls(vec![vec![0x30, 0]])));
    }
}
