//! What a content is, told by its first keys and elements.

use mdoc::cbor::TAG_ENCODED;

use super::head::{self, Head, Skip};
use super::node::Node;
use super::scalar::Scalar;
use super::schema;
use crate::arguments::InspectKind;

/// Members of a map that are looked at.
const KEYS: usize = 32;
/// Steps that looking takes at most.
const FUEL: usize = 64 * 1024;

/// What a content is to be shown as.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// One or more certificates, DER.
    Certificates,
    /// CBOR, with what is known of its outermost item.
    Cbor(&'static Node),
}

impl Kind {
    /// As the user says, else as the content looks.
    pub(super) fn of(bytes: &[u8], told: Option<InspectKind>) -> Self {
        let shape = Shape::of(bytes);
        let node = match told {
            Some(InspectKind::Certificate) => return Self::Certificates,
            None if bytes.first() == Some(&0x30) && bytes.len() > 1 => return Self::Certificates,
            Some(InspectKind::Engagement) => &schema::ENGAGEMENT,
            Some(InspectKind::Request) => &schema::REQUEST,
            Some(InspectKind::Response) => &schema::RESPONSE,
            Some(InspectKind::Mso) => shape.mso(),
            Some(InspectKind::Transcript) => &schema::TRANSCRIPT,
            Some(InspectKind::Session) => shape.session(),
            Some(InspectKind::Cbor) => &schema::ANY,
            None => shape.recognized(bytes).unwrap_or(&schema::ANY),
        };
        Self::Cbor(node)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Certificates => "certificate",
            Self::Cbor(node) if node.name.is_empty() => "CBOR",
            Self::Cbor(node) => node.name,
        }
    }
}

/// Whether encoded CBOR is an element of a response, whatever it stands in.
pub(super) fn is_element(bytes: &[u8]) -> bool {
    let shape = Shape::of(bytes);
    shape.has("digestID") && (shape.has("elementIdentifier") || shape.has("elementValue"))
}

/// The outermost item, as far as it tells what the content is.
#[derive(Debug, Default)]
struct Shape {
    /// Under tag 24.
    embedded: bool,
    texts: Vec<String>,
    integers: Vec<i64>,
    /// The first byte of each of the first elements of an array.
    elements: Option<Vec<u8>>,
    /// The number of elements.
    count: u64,
    /// The content of the third element, where that is a byte string: a COSE message's payload.
    payload: Option<core::ops::Range<usize>>,
}

impl Shape {
    fn of(bytes: &[u8]) -> Self {
        let mut shape = Self::default();
        // What is cut short or malformed is recognised by what comes before.
        let _ = shape.read(bytes);
        shape
    }

    fn read(&mut self, bytes: &[u8]) -> Option<()> {
        let end = bytes.len();
        let mut outer = Head::read(bytes, 0, end).ok()?;
        while outer.major == head::TAG {
            let tag = outer.argument;
            outer = Head::read(bytes, outer.content, end).ok()?;
            if tag == Some(TAG_ENCODED) && outer.major == head::BYTES {
                self.embedded = true;
                outer = Head::read(bytes, outer.content, end).ok()?;
            }
        }
        let mut fuel = FUEL;
        let mut skip = Skip {
            bytes,
            fuel: &mut fuel,
        };
        let mut at = outer.content;
        self.count = outer.argument.unwrap_or_default();
        match outer.major {
            head::MAP => {
                for _ in 0..KEYS.min(usize::try_from(self.count).unwrap_or(KEYS)) {
                    let (key, value) = Scalar::read(bytes, at, end).ok()??;
                    match key {
                        Scalar::Text(text) => self.texts.push(text.to_owned()),
                        key => self.integers.extend(key.as_i64()),
                    }
                    at = skip.item(value, end).ok()?;
                }
            }
            head::ARRAY => {
                let elements = self.elements.insert(Vec::new());
                for _ in 0..self.count.min(4) {
                    elements.push(*bytes.get(at)?);
                    if let (3, Ok(Some((Scalar::Bytes(content), end)))) =
                        (elements.len(), Scalar::read(bytes, at, end))
                    {
                        self.payload = Some(end - content.len()..end);
                    }
                    at = skip.item(at, end).ok()?;
                }
            }
            _ => {}
        }
        Some(())
    }

    fn has(&self, key: &str) -> bool {
        self.texts.iter().any(|text| text == key)
    }

    fn recognized(&self, bytes: &[u8]) -> Option<&'static Node> {
        if self.has("docRequests") {
            Some(&schema::REQUEST)
        } else if ["documents", "documentErrors", "zkDocuments", "encryptedDocuments"]
            .iter()
            .any(|key| self.has(key))
            || self.has("version") && self.has("status")
        {
            Some(&schema::RESPONSE)
        } else if self.is_mso() {
            Some(self.mso())
        } else if self.has("eReaderKey") || self.has("data") || self.texts == ["status"] {
            Some(self.session())
        } else if self.has("issuerSigned") || self.has("deviceSigned") {
            Some(&schema::DOCUMENT)
        } else if self.has("issuerAuth") {
            Some(&schema::ISSUER_SIGNED)
        } else if self.has("deviceAuth") {
            Some(&schema::DEVICE_SIGNED)
        } else if self.has("digestID") || self.has("elementValue") || self.has("elementIdentifier") {
            Some(&schema::ITEM)
        } else if self.has("docType") && self.has("nameSpaces") {
            Some(&schema::ITEMS_REQUEST)
        } else if self.integers.contains(&-1) && self.integers.contains(&1) {
            Some(&schema::COSE_KEY)
        } else if self.integers.starts_with(&[0, 1]) {
            Some(&schema::ENGAGEMENT)
        } else {
            self.recognized_array(bytes)
        }
    }

    fn recognized_array(&self, bytes: &[u8]) -> Option<&'static Node> {
        const NULL: u8 = 0xf6;
        const TAG_ENCODED: u8 = 0xd8;
        let major = |byte: &u8| byte >> 5;
        match (self.count, self.elements.as_deref()?) {
            (3, [NULL | TAG_ENCODED, NULL | TAG_ENCODED, ..]) => Some(&schema::TRANSCRIPT),
            (4, [protected, unprotected, _, _]) if (major(protected), major(unprotected)) == (2, 5) => {
                let payload = self.payload.clone().and_then(|range| bytes.get(range));
                Some(if payload.is_some_and(|payload| Self::of(payload).is_mso()) {
                    &schema::ISSUER_AUTH
                } else {
                    &schema::SIGN1
                })
            }
            _ => None,
        }
    }

    fn is_mso(&self) -> bool {
        ["digestAlgorithm", "valueDigests", "deviceKeyInfo", "validityInfo"]
            .iter()
            .any(|key| self.has(key))
    }

    fn mso(&self) -> &'static Node {
        if self.elements.is_some() {
            &schema::ISSUER_AUTH
        } else if self.embedded {
            &schema::MSO_BYTES
        } else {
            &schema::MSO
        }
    }

    fn session(&self) -> &'static Node {
        if self.has("eReaderKey") {
            &schema::ESTABLISHMENT
        } else {
            &schema::SESSION_DATA
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_recognised_by_their_first_members() {
        for (bytes, name) in [
            (&b"\xa1\x69documents"[..], "DeviceResponse"),
            (b"\xa2\x67version\x631.0\x66status\x0a", "DeviceResponse"),
            (b"\xa2\x67version\x631.0\x6bdocRequests\x80", "DeviceRequest"),
            (b"\xd8\x18\x4a\xa1\x67docType\x00", "CBOR"),
            (
                b"\xd8\x18\x58\x20\xa1\x6cvalueDigests\xa0",
                "MobileSecurityObjectBytes",
            ),
            (b"\xa1\x66status\x14", "SessionData"),
            (b"\xa1\x6aeReaderKey", "SessionEstablishment"),
            (b"\xa2\x00\x631.0\x01\x80", "DeviceEngagement"),
            (b"\xa2\x01\x02\x20\x01", "COSE_Key"),
            (b"\x83\xf6\xf6\xf6", "SessionTranscript"),
            (
                b"\x84\x40\xa0\x52\xd8\x18\x4f\xa1\x6cvalueDigests\xa0\x40",
                "IssuerAuth, a COSE_Sign1",
            ),
            (b"\x84\x40\xa0\x41\x00\x40", "COSE_Sign1"),
            (b"\xd2\x84\x40\xa0\xf6\x40", "COSE_Sign1"),
            (b"\x83\x01\x02\x03", "CBOR"),
            (b"\x30\x82", "certificate"),
            (b"\x30", "CBOR"),
            (b"", "CBOR"),
            (b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", "CBOR"),
        ] {
            assert_eq!(Kind::of(bytes, None).name(), name, "{bytes:02x?}");
        }
    }

    #[test]
    fn the_user_knows_better() {
        let bytes = b"\x83\xf6\xf6\xf6";
        assert_eq!(Kind::of(bytes, Some(InspectKind::Cbor)).name(), "CBOR");
        assert_eq!(
            Kind::of(bytes, Some(InspectKind::Certificate)).name(),
            "certificate"
        );
        assert_eq!(
            Kind::of(bytes, Some(InspectKind::Mso)).name(),
            "IssuerAuth, a COSE_Sign1"
        );
    }
}
