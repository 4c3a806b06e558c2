//! SessionTranscript (ISO/IEC 18013-5 §9.1.5.1) for every handover.

use crate::cbor::{self, Item, Rules, write};
use crate::crypto::HashAlgorithm;

/// What both sides saw of the engagement, and what signatures and keys are bound to.
///
/// ```text
/// SessionTranscript = [ DeviceEngagementBytes / null, EReaderKeyBytes / null, Handover ]
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SessionTranscript {
    bytes: Vec<u8>,
    salt: [u8; 32],
}

/// Why bytes are no SessionTranscript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TranscriptError {
    /// Not strict CBOR.
    #[error("the session transcript is not strict CBOR: {0}")]
    Cbor(#[from] cbor::Error),
    /// Not an array of three.
    #[error("the session transcript is not an array of three")]
    Shape,
    /// An engagement or reader key that is neither encoded CBOR nor null.
    #[error("the session transcript holds something else than encoded CBOR or null in its front")]
    Element,
}

impl SessionTranscript {
    /// Takes the bare array as given.
    ///
    /// # Errors
    /// It is not one CBOR array of three with encoded CBOR or null in the first two places.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TranscriptError> {
        let parts = Item::decode(bytes, &Rules::default())?
            .as_array()
            .and_then(|array| array.exactly::<3>());
        let [engagement, reader_key, _] = parts.ok_or(TranscriptError::Shape)?;
        for element in [engagement, reader_key] {
            if !element.is_absent() && element.as_embedded_bytes().is_none() {
                return Err(TranscriptError::Element);
            }
        }
        Ok(Self::new(bytes.to_vec()))
    }

    fn new(bytes: Vec<u8>) -> Self {
        let head = write::bytes_head(bytes.len());
        let digest = HashAlgorithm::Sha256.digest(&[&[0xd8, 0x18], head.as_slice(), &bytes]);
        let salt = digest.as_bytes().first_chunk::<32>().copied().unwrap_or_default();
        Self { bytes, salt }
    }

    /// The array as received or spliced.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of `#6.24(bstr .cbor SessionTranscript)`: the salt of session keys and EMacKey.
    pub const fn salt(&self) -> &[u8; 32] {
        &self.salt
    }

    /// Engagement by QR code: the handover is null.
    pub fn qr(device_engagement: &[u8], e_reader_key: &[u8]) -> Self {
        Self::proximity(device_engagement, e_reader_key, write::null)
    }

    /// Engagement by NFC static handover; `select` is the Hs message as received, without its length.
    pub fn nfc_static(device_engagement: &[u8], e_reader_key: &[u8], select: &[u8]) -> Self {
        Self::proximity(device_engagement, e_reader_key, |out| {
            write::array(out, 2);
            write::bytes(out, select);
            write::null(out);
        })
    }

    /// Engagement by NFC negotiated handover; `select` is Hs, `request` is Hr, both without lengths.
    pub fn nfc_negotiated(
        device_engagement: &[u8],
        e_reader_key: &[u8],
        select: &[u8],
        request: &[u8],
    ) -> Self {
        Self::proximity(device_engagement, e_reader_key, |out| {
            write::array(out, 2);
            write::bytes(out, select);
            write::bytes(out, request);
        })
    }

    /// OpenID4VP 1.0 by redirect or direct_post. The thumbprint is that of the key the response is
    /// encrypted to, if it is.
    pub fn openid4vp_redirect(
        client_id: &str,
        nonce: &str,
        jwk_thumbprint: Option<&[u8; 32]>,
        response_uri: &str,
    ) -> Self {
        Self::remote(|out| {
            let info = hashed(|info| {
                write::array(info, 4);
                write::text(info, client_id);
                write::text(info, nonce);
                optional_bytes(info, jwk_thumbprint);
                write::text(info, response_uri);
            });
            write::array(out, 2);
            write::text(out, "OpenID4VPHandover");
            write::bytes(out, &info);
        })
    }

    /// OpenID4VP 1.0 over the Digital Credentials API. The origin is as the browser reports it.
    pub fn openid4vp_dc_api(origin: &str, nonce: &str, jwk_thumbprint: Option<&[u8; 32]>) -> Self {
        Self::remote(|out| {
            let info = hashed(|info| {
                write::array(info, 3);
                write::text(info, origin);
                write::text(info, nonce);
                optional_bytes(info, jwk_thumbprint);
            });
            write::array(out, 2);
            write::text(out, "OpenID4VPDCAPIHandover");
            write::bytes(out, &info);
        })
    }

    /// ISO/IEC TS 18013-7 Annex B: the older OpenID4VP profile.
    pub fn annex_b(client_id: &str, response_uri: &str, nonce: &str, mdoc_generated_nonce: &str) -> Self {
        Self::remote(|out| {
            write::array(out, 3);
            for named in [client_id, response_uri] {
                let hash = hashed(|pair| {
                    write::array(pair, 2);
                    write::text(pair, named);
                    write::text(pair, mdoc_generated_nonce);
                });
                write::bytes(out, &hash);
            }
            write::text(out, nonce);
        })
    }

    /// ISO/IEC TS 18013-7 Annex C: `encryption_info` is the base64url text exactly as sent.
    pub fn annex_c(encryption_info: &str, origin: &str) -> Self {
        Self::remote(|out| {
            let info = hashed(|info| {
                write::array(info, 2);
                write::text(info, encryption_info);
                write::text(info, origin);
            });
            write::array(out, 2);
            write::text(out, "dcapi");
            write::bytes(out, &info);
        })
    }

    fn proximity(device_engagement: &[u8], e_reader_key: &[u8], handover: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut bytes = Vec::with_capacity(device_engagement.len() + e_reader_key.len() + 32);
        write::array(&mut bytes, 3);
        write::embedded(&mut bytes, device_engagement);
        write::embedded(&mut bytes, e_reader_key);
        handover(&mut bytes);
        Self::new(bytes)
    }

    fn remote(handover: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut bytes = Vec::with_capacity(96);
        write::array(&mut bytes, 3);
        write::null(&mut bytes);
        write::null(&mut bytes);
        handover(&mut bytes);
        Self::new(bytes)
    }
}

/// Says nothing of the content: it ties a session to a phone.
impl core::fmt::Debug for SessionTranscript {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SessionTranscript({} bytes)", self.bytes.len())
    }
}

fn hashed(build: impl FnOnce(&mut Vec<u8>)) -> [u8; 32] {
    let mut encoded = Vec::with_capacity(256);
    build(&mut encoded);
    let digest = HashAlgorithm::Sha256.digest(&[&encoded]);
    digest.as_bytes().first_chunk::<32>().copied().unwrap_or_default()
}

fn optional_bytes(out: &mut Vec<u8>, bytes: Option<&[u8; 32]>) {
    match bytes {
        Some(bytes) => write::bytes(out, bytes),
        None => write::null(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::ErrorKind;

    const NONCE: &str = "exc7gBkxjx1rdc9udRrveKvSsJIq80avlXeLHhGwqtA";

    fn thumbprint() -> [u8; 32] {
        let bytes = hex::decode("4283ec927ae0f208daaa2d026a814f2b22dca52cf85ffa8f3f8626c6bd669047").unwrap();
        bytes.try_into().unwrap()
    }

    #[test]
    fn openid4vp_handovers_are_those_of_its_appendix_b() {
        let transcript = SessionTranscript::openid4vp_redirect(
            "x509_san_dns:example.com",
            NONCE,
            Some(&thumbprint()),
            "https://example.com/response",
        );
        assert_eq!(
            hex::encode(transcript.as_bytes()),
            "83f6f682714f70656e494434565048616e646f7665725820048bc053c00442af9b8eed494cefdd9d95240d254b046b11b68013722aad38ac"
        );
        let transcript =
            SessionTranscript::openid4vp_dc_api("https://example.com", NONCE, Some(&thumbprint()));
        assert!(
            hex::encode(transcript.as_bytes())
                .ends_with("fbece366f4212f9762c74cfdbf83b8c69e371d5d68cea09cb4c48ca6daab761a")
        );
        let unencrypted = SessionTranscript::openid4vp_dc_api("https://example.com", NONCE, None);
        assert_ne!(unencrypted, transcript);
    }

    #[test]
    fn annex_b_handover_is_the_published_sample() {
        let transcript = SessionTranscript::annex_b(
            "example.com",
            "https://example.com/12345/response",
            "abcdefgh1234567890",
            "1234567890abcdefgh",
        );
        assert_eq!(
            hex::encode(transcript.as_bytes()),
            concat!(
                "83f6f6835820da25c527e5fb75bc2dd31267c02237c4462ba0c1bf37071f692e7dd93b10ad0b",
                "5820f6ed8e3220d3c59a5f17eb45f48ab70aeecf9ee21744b1014982350bd96ac0c5",
                "72616263646566676831323334353637383930"
            )
        );
    }

    #[test]
    fn annex_c_handover_hashes_the_text_as_sent() {
        let transcript = SessionTranscript::annex_c("abc", "https://verifier.example");
        assert!(
            hex::encode(transcript.as_bytes())
                .ends_with("b9c9b918824ee57c5af1d74030deebc9fe714161fc48eebc04fbc5258243ab6e")
        );
    }

    #[test]
    fn nfc_handovers_differ_in_the_request() {
        let none = SessionTranscript::qr(b"\xa0", b"\xa0");
        let fixed = SessionTranscript::nfc_static(b"\xa0", b"\xa0", b"Hs");
        let negotiated = SessionTranscript::nfc_negotiated(b"\xa0", b"\xa0", b"Hs", b"Hr");
        assert_eq!(hex::encode(none.as_bytes()), "83d81841a0d81841a0f6");
        assert_eq!(hex::encode(fixed.as_bytes()), "83d81841a0d81841a082424873f6");
        assert_eq!(
            hex::encode(negotiated.as_bytes()),
            "83d81841a0d81841a082424873424872"
        );
    }

    #[test]
    fn a_transcript_is_one_array_of_three() {
        let from = |hex_text: &str| SessionTranscript::from_bytes(&hex::decode(hex_text).unwrap()).err();
        assert_eq!(from("83d81841a0d81841a0f6"), None);
        assert_eq!(from("83f6f6f6"), None);
        assert_eq!(from("82f6f6"), Some(TranscriptError::Shape));
        assert_eq!(from("84f6f6f6f6"), Some(TranscriptError::Shape));
        assert_eq!(from("a0"), Some(TranscriptError::Shape));
        assert_eq!(from("8341a0f6f6"), Some(TranscriptError::Element));
        assert_eq!(from("83f600f6"), Some(TranscriptError::Element));
        let trailing = cbor::Error {
            kind: ErrorKind::Trailing,
            offset: 4,
        };
        assert_eq!(from("83f6f6f600"), Some(TranscriptError::Cbor(trailing)));
        let tagged = "d81844 83f6f6f6".replace(' ', "");
        assert_eq!(
            from(&tagged),
            Some(TranscriptError::Shape),
            "the form under tag 24 is another thing"
        );
    }
}
