//! What a file holds, told by its content: raw bytes, or text that stands for bytes.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use mdoc::cbor::{Item, Rules};
use mdoc::engagement::{DeviceEngagement, EngagementError};
use zeroize::Zeroizing;

use super::fault::Fault;

/// Either alphabet with or without padding: what was copied from a log is to be readable.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);

/// Blocks of one PEM file that are looked at.
const MAX_BLOCKS: usize = 64;
const SCHEME: &str = "mdoc:";
const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// The bytes that a file stands for. They may be personal data, so they are wiped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Bytes as they are.
    Raw(Zeroizing<Vec<u8>>),
    /// Bytes that a text of this kind stands for.
    Decoded(&'static str, Zeroizing<Vec<u8>>),
    /// An engagement's URI, and what our decoder has against its text.
    Uri(Zeroizing<Vec<u8>>, Option<Fault>),
    Pem(Vec<Block>),
    /// Nothing that could be read on.
    Nothing(Fault),
}

/// A block of a PEM file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block {
    Certificate(Vec<u8>),
    /// Something else, which is named and not shown: it may be a private key.
    Other(String),
    Broken,
}

impl Content {
    pub(super) fn of(bytes: Zeroizing<Vec<u8>>) -> Self {
        if bytes.is_empty() {
            return Self::Nothing(Fault::Empty);
        }
        // Arrays, maps, tags and DER of any length never are UTF-8.
        let Ok(text) = core::str::from_utf8(&bytes) else {
            return Self::Raw(bytes);
        };
        if text
            .chars()
            .any(|character| character.is_control() && !character.is_whitespace())
        {
            return Self::Raw(bytes);
        }
        let text = text.trim_start_matches('\u{feff}').trim();
        if text
            .get(..SCHEME.len())
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
        {
            return uri(text);
        }
        if text.contains(BEGIN) {
            return Self::Pem(pem(text));
        }
        if let Some(decoded) = hex(text) {
            return Self::Decoded("hexadecimal", decoded);
        }
        for (name, engine) in [("base64url", BASE64URL), ("base64", BASE64)] {
            if let Some(decoded) = base64(text, &engine) {
                return Self::Decoded(name, decoded);
            }
        }
        // A number or a short string is text by chance.
        if Item::decode(&bytes, &Rules::default()).is_ok() {
            return Self::Raw(bytes);
        }
        Self::Nothing(Fault::Text)
    }
}

fn uri(text: &str) -> Content {
    let fault = match DeviceEngagement::from_uri(text) {
        Err(
            error @ (EngagementError::TooLarge
            | EngagementError::Scheme
            | EngagementError::ReverseEngagement
            | EngagementError::Base64url(_)),
        ) => Some(Fault::Engagement(error)),
        // What is wrong with the bytes is told where they are shown.
        _ => None,
    };
    let body = text
        .get(SCHEME.len()..)
        .unwrap_or_default()
        .trim_start_matches('/');
    match (base64(body, &BASE64URL), fault) {
        (Some(bytes), fault) => Content::Uri(bytes, fault),
        (None, fault) => Content::Nothing(fault.unwrap_or(Fault::Text)),
    }
}

fn base64(text: &str, engine: &GeneralPurpose) -> Option<Zeroizing<Vec<u8>>> {
    // Lines may be broken and indented; words with spaces between them are no base64.
    let compact: Zeroizing<Vec<u8>> =
        Zeroizing::new(text.lines().flat_map(|line| line.trim().bytes()).collect());
    let decoded = engine
        .decode(compact.as_slice())
        .ok()
        .filter(|bytes| !bytes.is_empty());
    decoded.map(Zeroizing::new)
}

fn hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.strip_prefix("0x").unwrap_or(text);
    let mut digits = text.chars().filter(|character| !character.is_ascii_whitespace());
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    while let Some(high) = digits.next() {
        let byte = high.to_digit(16)? << 4 | digits.next()?.to_digit(16)?;
        bytes.push(u8::try_from(byte).ok()?);
    }
    Some(bytes).filter(|bytes| !bytes.is_empty())
}

fn pem(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once(BEGIN) {
        if blocks.len() >= MAX_BLOCKS {
            break;
        }
        let Some((label, body)) = begun.split_once(DASHES) else {
            blocks.push(Block::Broken);
            break;
        };
        let end = format!("-----END {label}-----");
        let Some((body, after)) = body.split_once(&end) else {
            blocks.push(Block::Broken);
            rest = body;
            continue;
        };
        blocks.push(match base64(body, &BASE64) {
            _ if label != "CERTIFICATE" => Block::Other(label.chars().take(40).collect()),
            Some(der) => Block::Certificate(der.to_vec()),
            None => Block::Broken,
        });
        rest = after;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use mdoc::engagement::Base64urlError;

    use super::*;

    fn of(bytes: &[u8]) -> Content {
        Content::of(Zeroizing::new(bytes.to_vec()))
    }

    fn bytes(content: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(content.to_vec())
    }

    #[test]
    fn bytes_and_their_texts_are_told_apart() {
        assert_eq!(of(b"\x83\xf6\xf6\xf6"), Content::Raw(bytes(b"\x83\xf6\xf6\xf6")));
        assert_eq!(of(b"\x00"), Content::Raw(bytes(b"\x00")));
        assert_eq!(of(b"ab\x10"), Content::Raw(bytes(b"ab\x10")));
        assert_eq!(of(b"!"), Content::Raw(bytes(b"!")));
        for (text, name) in [
            (&b"83f6f6f6\n"[..], "hexadecimal"),
            (b"0x83 F6\nf6 f6", "hexadecimal"),
            (b"g_b29g", "base64url"),
            (b"g_b2\r\n9g==\r\n", "base64url"),
            (b"g/b29g==", "base64"),
            (b"\xef\xbb\xbfg_b29g", "base64url"),
        ] {
            assert_eq!(
                of(text),
                Content::Decoded(name, bytes(b"\x83\xf6\xf6\xf6")),
                "{name}"
            );
        }
        assert_eq!(of(b""), Content::Nothing(Fault::Empty));
        for text in [&b"hello, world"[..], b"hello world", b"\n\n", b"{\"a\": 1}"] {
            assert_eq!(of(text), Content::Nothing(Fault::Text));
        }
    }

    #[test]
    fn the_text_of_a_qr_code_is_judged_and_read_all_the_same() {
        assert_eq!(of(b"MDOC:gPY"), Content::Uri(bytes(b"\x80\xf6"), None));
        let fault = |error| Some(Fault::Engagement(error));
        assert_eq!(
            of(b"mdoc:gPY="),
            Content::Uri(
                bytes(b"\x80\xf6"),
                fault(EngagementError::Base64url(Base64urlError::Padding))
            )
        );
        assert_eq!(
            of(b"mdoc://gPY"),
            Content::Uri(bytes(b"\x80\xf6"), fault(EngagementError::ReverseEngagement))
        );
        assert_eq!(
            of(b"mdoc:%"),
            Content::Nothing(Fault::Engagement(EngagementError::Base64url(
                Base64urlError::Alphabet
            )))
        );
    }

    #[test]
    fn pem_blocks_are_taken_one_by_one() {
        let text = "Subject: x\n-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n\
                    -----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n\
                    -----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nMAA=";
        assert_eq!(
            of(text.as_bytes()),
            Content::Pem(vec![
                Block::Certificate(vec![0x30, 0]),
                Block::Other("EC PRIVATE KEY".to_owned()),
                Block::Broken,
                Block::Broken,
            ])
        );
    }
}
