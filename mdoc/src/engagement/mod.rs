//! Device engagement (ISO/IEC 18013-5 §8.2.1) from a QR code.

use crate::cbor::{self, Item, Rules};
use crate::cose::{KeyFormatError, decode_key};
use crate::crypto::PublicKey;

/// Characters of the URI in a QR code.
const MAX_URI: usize = 4 * 1024;
/// Bytes of an engagement.
const MAX_BYTES: usize = 16 * 1024;
/// The only cipher suite of the standard.
const CIPHER_SUITE: u64 = 1;

/// What a phone shows to be connected to.
///
/// ```text
/// DeviceEngagement = { 0: tstr, 1: [ 1, EDeviceKeyBytes ], ? 2: [ + DeviceRetrievalMethod ], * int => any }
/// ```
#[derive(Clone, Debug)]
pub struct DeviceEngagement {
    bytes: Vec<u8>,
    version_minor: u64,
    e_device_key: PublicKey,
}

/// Why a text or bytes are no device engagement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngagementError {
    /// Not an `mdoc:` URI.
    #[error("not an mdoc: URI")]
    Scheme,
    /// An `mdoc://` URI, which belongs to websites and not to a phone at a counter.
    #[error("an mdoc:// URI of a website, not a device engagement")]
    Website,
    /// Longer than a QR code or an engagement may be.
    #[error("an engagement that is too long")]
    TooLong,
    /// Not base64url without padding.
    #[error("not base64url without padding")]
    Base64Url,
    /// Not strict CBOR.
    #[error("the engagement is not strict CBOR: {0}")]
    Cbor(#[from] cbor::Error),
    /// A member is missing or of the wrong type.
    #[error("{0}")]
    Structure(&'static str),
    /// An unknown major version.
    #[error("an engagement of an unknown version")]
    Version,
    /// An unknown cipher suite.
    #[error("an engagement with an unknown cipher suite")]
    CipherSuite,
    /// EDeviceKey is no key.
    #[error("the engagement's key: {0}")]
    Key(#[from] KeyFormatError),
}

impl DeviceEngagement {
    /// Reads the text of a QR code: `mdoc:` (in any case) and base64url without padding.
    ///
    /// # Errors
    /// [`EngagementError`].
    pub fn from_uri(uri: &str) -> Result<Self, EngagementError> {
        if uri.len() > MAX_URI {
            return Err(EngagementError::TooLong);
        }
        let (scheme, payload) = uri.split_at_checked(5).ok_or(EngagementError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("mdoc:") {
            return Err(EngagementError::Scheme);
        }
        if payload.starts_with("//") {
            return Err(EngagementError::Website);
        }
        Self::decode(&base64url(payload).ok_or(EngagementError::Base64Url)?)
    }

    /// Decodes DeviceEngagement.
    ///
    /// # Errors
    /// [`EngagementError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, EngagementError> {
        if bytes.len() > MAX_BYTES {
            return Err(EngagementError::TooLong);
        }
        let rules = Rules::default();
        let map = Item::decode(bytes, &rules)?.as_map();
        let map = map.ok_or(EngagementError::Structure("the engagement is not a map"))?;
        let version = map
            .get_int(0)
            .and_then(Item::as_text)
            .and_then(|text| text.split_once('.'));
        let version = version.ok_or(EngagementError::Structure("the engagement has no version"))?;
        let minor = match version {
            ("1", minor) if (1..=4).contains(&minor.len()) => minor.parse(),
            _ => return Err(EngagementError::Version),
        };
        let version_minor = minor.map_err(|_| EngagementError::Version)?;
        let security = map
            .get_int(1)
            .and_then(Item::as_array)
            .and_then(|array| array.exactly::<2>());
        let [suite, key] = security.ok_or(EngagementError::Structure("the engagement has no security"))?;
        if suite.as_u64() != Some(CIPHER_SUITE) {
            return Err(EngagementError::CipherSuite);
        }
        let key = key
            .embedded(&rules)?
            .ok_or(EngagementError::Structure("the key is not encoded CBOR"))?;
        Ok(Self {
            bytes: bytes.to_vec(),
            version_minor,
            e_device_key: decode_key(key)?,
        })
    }

    /// The engagement as received.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The phone's ephemeral key.
    pub const fn e_device_key(&self) -> &PublicKey {
        &self.e_device_key
    }

    /// Minor version; the major version is 1.
    pub const fn version_minor(&self) -> u64 {
        self.version_minor
    }
}

/// Decodes base64url without padding, refusing spare bits that are not zero (RFC 4648 §3.5).
pub fn base64url(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut buffer, mut bits) = (0_u32, 0_u32);
    for digit in text.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        buffer = (buffer << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            let [_, _, _, byte] = (buffer >> bits).to_be_bytes();
            out.push(byte);
            buffer &= (1 << bits) - 1;
        }
    }
    // A digit on its own holds no byte.
    (bits < 6 && buffer == 0).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Curve, KeyError};

    /// The QR engagement of ISO/IEC 18013-5 Annex D.
    const ANNEX_D: &str = concat!(
        "a30063312e30018201d818584ba4010220012158205a88d182bce5f42efa59943f33359d2e8a968ff289d93e5fa444b624343167fe",
        "225820b16e8cf858ddc7690407ba61d4c338237a8cfcf3de6aa672fc60a557aa32fc67",
        "0281830201a300f401f50b5045efef742b2c4837a9a3b0e1d05a6917"
    );

    fn decode(hex_text: &str) -> Result<DeviceEngagement, EngagementError> {
        DeviceEngagement::decode(&hex::decode(hex_text).unwrap())
    }

    #[test]
    fn the_engagement_of_annex_d_is_read_and_kept_as_received() {
        let engagement = decode(ANNEX_D).unwrap();
        assert_eq!(engagement.e_device_key().curve(), Curve::P256);
        assert_eq!(hex::encode(engagement.as_bytes()), ANNEX_D);
        assert_eq!(engagement.version_minor(), 0);
    }

    #[test]
    fn the_uri_is_read_in_any_case_of_its_scheme() {
        let payload = "owBjMS4wAYIB2BhYS6QBAiABIVggWojRgrzl9C76WZQ_MzWdLoqWj_KJ2T5fpES2JDQxZ_4iWCCxboz4WN3HaQQHumHUwzgjeoz889";
        let whole = {
            // Encoded with the other library that the reader's peers use.
            let bytes = hex::decode(ANNEX_D).unwrap();
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let mut text = String::new();
            for chunk in bytes.chunks(3) {
                let mut word = [0; 4];
                word[1..=chunk.len()].copy_from_slice(chunk);
                let word = u32::from_be_bytes(word);
                for index in 0..=chunk.len() {
                    text.push(alphabet[(word >> (18 - 6 * index) & 63) as usize] as char);
                }
            }
            text
        };
        assert!(whole.starts_with(payload.get(..40).unwrap()));
        for scheme in ["mdoc:", "MDOC:", "Mdoc:"] {
            assert!(
                DeviceEngagement::from_uri(&format!("{scheme}{whole}")).is_ok(),
                "{scheme}"
            );
        }
        let error = |uri: &str| DeviceEngagement::from_uri(uri).unwrap_err();
        assert_eq!(error("mdoc"), EngagementError::Scheme);
        assert_eq!(error(&format!("http:{whole}")), EngagementError::Scheme);
        assert_eq!(error(&format!("mdoc://{whole}")), EngagementError::Website);
        assert_eq!(error(&format!("mdoc:{whole}=")), EngagementError::Base64Url);
        assert_eq!(error(&format!("mdoc: {whole}")), EngagementError::Base64Url);
        assert_eq!(error(&format!("mdoc:{whole}\n")), EngagementError::Base64Url);
        assert_eq!(error("mdoc:A"), EngagementError::Base64Url, "a digit on its own");
        assert_eq!(error("mdoc:AB"), EngagementError::Base64Url, "spare bits");
        assert_eq!(
            error(&format!("mdoc:{}", "A".repeat(5000))),
            EngagementError::TooLong
        );
        for end in 5..whole.len() {
            assert!(
                DeviceEngagement::from_uri(&format!("mdoc:{}", &whole[..end])).is_err(),
                "{end}"
            );
        }
    }

    #[test]
    fn deviations_are_named() {
        let replace = |from: &str, to: &str| decode(&ANNEX_D.replacen(from, to, 1)).err();
        assert_eq!(
            decode("80").err(),
            Some(EngagementError::Structure("the engagement is not a map"))
        );
        assert_eq!(replace("312e30", "322e30"), Some(EngagementError::Version));
        assert_eq!(replace("312e30", "312e78"), Some(EngagementError::Version));
        assert_eq!(replace("018201", "018202"), Some(EngagementError::CipherSuite));
        assert_eq!(
            replace("5a88d1", "5b88d1"),
            Some(EngagementError::Key(KeyFormatError::Key(KeyError::NotOnCurve)))
        );
        assert!(
            matches!(replace("a300", "a200"), Some(EngagementError::Cbor(_))),
            "trailing bytes"
        );
        assert_eq!(
            replace("d818584b", "d817584b").map(|error| matches!(error, EngagementError::Structure(_))),
            Some(true)
        );
        assert_eq!(
            DeviceEngagement::decode(&[0; 16 * 1024 + 1]).err(),
            Some(EngagementError::TooLong)
        );
    }

    #[test]
    fn a_later_minor_version_and_unknown_keys_are_read() {
        let newer = ANNEX_D.replacen("312e30", "312e39", 1);
        assert_eq!(decode(&newer).unwrap().version_minor(), 9);
        let unknown = ANNEX_D.replacen("a300", "a4381f0100", 1);
        assert!(decode(&unknown).is_ok());
    }
}
