//! SessionTranscript (18013-5 §9.1.5.1) and the handovers of every flow.

use core::fmt;

use crate::cbor::{self, Item, Kind, Rules, write};
use crate::crypto::HashAlgorithm;

/// What a session or a presentation is bound to, as the bytes both sides hash.
///
/// ```cddl
/// SessionTranscript = [ DeviceEngagementBytes / null, EReaderKeyBytes / null, Handover ]
/// ```
///
/// The bytes are those received, or spliced from received parts: nothing is decoded and encoded again.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionTranscript {
    bytes: Vec<u8>,
    e_reader_key: Option<Vec<u8>>,
    salt: [u8; 32],
}

impl SessionTranscript {
    /// The most bytes of a transcript: an engagement, a key and two NDEF messages of 64 KiB each.
    pub const MAX_LEN: usize = 192 * 1024;

    /// A transcript that another component made, used as given: the plain array, without tag 24.
    ///
    /// The handover may be anything; its content is not looked into.
    ///
    /// # Errors
    /// [`TranscriptError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TranscriptError> {
        if bytes.len() > Self::MAX_LEN {
            return Err(TranscriptError::TooLarge);
        }
        let item = Item::decode(bytes, &Rules::default()).map_err(TranscriptError::Cbor)?;
        let [device_engagement, e_reader_key, _handover] = item
            .as_array()
            .and_then(cbor::Array::exactly)
            .ok_or(TranscriptError::NotThreeElements)?;
        embedded_or_null(device_engagement, TranscriptError::DeviceEngagement)?;
        let e_reader_key = embedded_or_null(e_reader_key, TranscriptError::EReaderKey)?;
        Ok(Self::new(bytes.to_vec(), e_reader_key.map(<[u8]>::to_vec)))
    }

    /// Proximity, engaged by QR code: the handover is `null`, however the data then travels.
    ///
    /// `device_engagement` is the DeviceEngagement as received and `e_reader_key` the COSE_Key as
    /// sent, both without tag 24. The same holds for the NFC handovers.
    pub fn qr(device_engagement: &[u8], e_reader_key: &[u8]) -> Self {
        Self::proximity(device_engagement, e_reader_key, write::null)
    }

    /// Proximity, engaged by NFC static handover: `[Hs, null]`, with the Handover Select message as
    /// received.
    pub fn nfc_static(device_engagement: &[u8], e_reader_key: &[u8], handover_select: &[u8]) -> Self {
        Self::proximity(device_engagement, e_reader_key, |out| {
            write::array(out, 2);
            write::bytes(out, handover_select);
            write::null(out);
        })
    }

    /// Proximity, engaged by NFC negotiated handover: `[Hs, Hr]`, with the Handover Select message as
    /// received and the Handover Request message as sent.
    pub fn nfc_negotiated(
        device_engagement: &[u8],
        e_reader_key: &[u8],
        handover_select: &[u8],
        handover_request: &[u8],
    ) -> Self {
        Self::proximity(device_engagement, e_reader_key, |out| {
            write::array(out, 2);
            write::bytes(out, handover_select);
            write::bytes(out, handover_request);
        })
    }

    /// OpenID4VP 1.0 with a redirect or a direct post (its appendix B.2.6.1).
    pub fn openid4vp_redirect(handover: &OpenId4VpRedirect<'_>) -> Self {
        let mut info = Vec::new();
        write::array(&mut info, 4);
        write::text(&mut info, handover.client_id);
        write::text(&mut info, handover.nonce);
        bytes_or_null(&mut info, handover.jwk_thumbprint);
        write::text(&mut info, handover.response_uri);
        Self::hashed("OpenID4VPHandover", &info)
    }

    /// OpenID4VP 1.0 over the Digital Credentials API (its appendix B.2.6.2).
    pub fn openid4vp_dc_api(handover: &OpenId4VpDcApi<'_>) -> Self {
        let mut info = Vec::new();
        write::array(&mut info, 3);
        write::text(&mut info, handover.origin);
        write::text(&mut info, handover.nonce);
        bytes_or_null(&mut info, handover.jwk_thumbprint);
        Self::hashed("OpenID4VPDCAPIHandover", &info)
    }

    /// ISO/IEC TS 18013-7:2024 Annex B, for wallets that follow draft 18 of OpenID4VP.
    pub fn annex_b(handover: &AnnexB<'_>) -> Self {
        let with_nonce = |text: &str| {
            let mut info = Vec::new();
            write::array(&mut info, 2);
            write::text(&mut info, text);
            write::text(&mut info, handover.mdoc_generated_nonce);
            info
        };
        Self::remote(|out| {
            write::array(out, 3);
            write::bytes(out, &sha256(&[&with_nonce(handover.client_id)]));
            write::bytes(out, &sha256(&[&with_nonce(handover.response_uri)]));
            write::text(out, handover.nonce);
        })
    }

    /// ISO/IEC TS 18013-7 Annex C (`org-iso-mdoc`): the EncryptionInfo as the base64url text that was
    /// sent, and the verifier's own origin.
    pub fn annex_c(encryption_info: &str, origin: &str) -> Self {
        let mut info = Vec::new();
        write::array(&mut info, 2);
        write::text(&mut info, encryption_info);
        write::text(&mut info, origin);
        Self::hashed("dcapi", &info)
    }

    /// The encoded array of three, as it is spliced into DeviceAuthentication and ReaderAuthentication.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of SessionTranscriptBytes (`#6.24(bstr .cbor SessionTranscript)`): the salt of the
    /// session keys and of EMacKey.
    pub const fn salt(&self) -> &[u8; 32] {
        &self.salt
    }

    /// The encoded DeviceEngagement inside DeviceEngagementBytes; none for remote presentation.
    pub fn device_engagement(&self) -> Option<&[u8]> {
        let item = Item::decode(&self.bytes, &Rules::default()).ok()?;
        item.as_array()?.iter().next()?.as_embedded_bytes()
    }

    /// The encoded COSE_Key inside EReaderKeyBytes; none for remote presentation.
    pub fn e_reader_key(&self) -> Option<&[u8]> {
        self.e_reader_key.as_deref()
    }

    fn proximity(device_engagement: &[u8], e_reader_key: &[u8], handover: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut bytes = Vec::new();
        write::array(&mut bytes, 3);
        write::embedded(&mut bytes, device_engagement);
        write::embedded(&mut bytes, e_reader_key);
        handover(&mut bytes);
        Self::new(bytes, Some(e_reader_key.to_vec()))
    }

    fn remote(handover: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut bytes = Vec::new();
        write::array(&mut bytes, 3);
        write::null(&mut bytes);
        write::null(&mut bytes);
        handover(&mut bytes);
        Self::new(bytes, None)
    }

    fn hashed(name: &str, info: &[u8]) -> Self {
        Self::remote(|out| {
            write::array(out, 2);
            write::text(out, name);
            write::bytes(out, &sha256(&[info]));
        })
    }

    fn new(bytes: Vec<u8>, e_reader_key: Option<Vec<u8>>) -> Self {
        let mut head = Vec::new();
        write::tag(&mut head, cbor::TAG_ENCODED);
        head.extend_from_slice(write::bytes_head(bytes.len()).as_slice());
        let salt = sha256(&[&head, &bytes]);
        Self {
            bytes,
            e_reader_key,
            salt,
        }
    }
}

/// Says only the size: nonces and keys would let two logs be linked.
impl fmt::Debug for SessionTranscript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionTranscript({} bytes)", self.bytes.len())
    }
}

/// What the handover of OpenID4VP 1.0 with a redirect or a direct post is made of.
#[derive(Clone, Copy)]
pub struct OpenId4VpRedirect<'a> {
    /// The whole `client_id` with its prefix.
    pub client_id: &'a str,
    /// The `nonce` of the request.
    pub nonce: &'a str,
    /// The RFC 7638 SHA-256 thumbprint of the key that the response is encrypted to; none for a
    /// response in the clear.
    pub jwk_thumbprint: Option<&'a [u8; 32]>,
    /// `response_uri` or `redirect_uri`, whichever the response mode uses.
    pub response_uri: &'a str,
}

/// What the handover of OpenID4VP 1.0 over the Digital Credentials API is made of.
#[derive(Clone, Copy)]
pub struct OpenId4VpDcApi<'a> {
    /// The verifier's own origin as a browser reports it, without a prefix.
    pub origin: &'a str,
    /// The `nonce` of the request.
    pub nonce: &'a str,
    /// The thumbprint as in [`OpenId4VpRedirect`].
    pub jwk_thumbprint: Option<&'a [u8; 32]>,
}

/// What the handover of ISO/IEC TS 18013-7:2024 Annex B is made of.
#[derive(Clone, Copy)]
pub struct AnnexB<'a> {
    /// The `client_id` of the request, to the letter.
    pub client_id: &'a str,
    /// The `response_uri` of the request.
    pub response_uri: &'a str,
    /// The `nonce` of the request.
    pub nonce: &'a str,
    /// The text of the `apu` header of the encrypted response.
    pub mdoc_generated_nonce: &'a str,
}

/// Why bytes are no SessionTranscript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TranscriptError {
    /// More than [`SessionTranscript::MAX_LEN`] bytes.
    #[error("a session transcript that is too large")]
    TooLarge,
    /// Not one item of strict CBOR; also for the content of tag 24.
    #[error("a session transcript that is no strict CBOR: {0}")]
    Cbor(cbor::Error),
    /// Not an array of three.
    #[error("a session transcript that is no array of three")]
    NotThreeElements,
    /// The first element is neither null nor a byte string under tag 24.
    #[error("a session transcript whose DeviceEngagementBytes is malformed")]
    DeviceEngagement,
    /// The second element is neither null nor a byte string under tag 24.
    #[error("a session transcript whose EReaderKeyBytes is malformed")]
    EReaderKey,
}

fn embedded_or_null(item: Item<'_>, malformed: TranscriptError) -> Result<Option<&[u8]>, TranscriptError> {
    if item.kind() == Kind::Null {
        return Ok(None);
    }
    let content = item
        .embedded(&Rules::default())
        .map_err(TranscriptError::Cbor)?
        .ok_or(malformed)?;
    Ok(Some(content.encoded()))
}

fn bytes_or_null(out: &mut Vec<u8>, content: Option<&[u8; 32]>) {
    match content {
        Some(content) => write::bytes(out, content),
        None => write::null(out),
    }
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    HashAlgorithm::Sha256
        .digest(parts)
        .as_bytes()
        .try_into()
        .expect("invariant: a SHA-256 value has 32 bytes")
}

#[cfg(test)]
#[path = "transcript_tests.rs"]
mod tests;
