//! IssuerSigned: the returned elements and the issuer's signature over their digests.

use core::fmt;

use crate::cbor::{Item, Rules};
use crate::cose::Message;
use crate::limits::Limits;

use super::{ResponseError, name, present};

/// The shortest `random` of an element, in bytes (ISO/IEC 18013-5 §9.1.2.5).
const MIN_RANDOM_BYTES: usize = 16;
/// Digest identifiers stay below 2^31.
const DIGEST_ID_END: u64 = 1 << 31;

/// What the issuer signed.
///
/// ```text
/// IssuerSigned = { ? "nameSpaces": { + tstr => [ + IssuerSignedItemBytes ] }, "issuerAuth": COSE_Sign1 }
/// ```
#[derive(Clone, Debug)]
pub struct IssuerSigned<'a> {
    /// The returned elements of all namespaces, in the order received, a namespace's elements
    /// next to each other.
    pub items: Vec<IssuerSignedItem<'a>>,
    /// The signature over the MSO.
    pub issuer_auth: Message<'a>,
}

/// One returned element.
///
/// ```text
/// IssuerSignedItemBytes = #6.24(bstr .cbor IssuerSignedItem)
/// IssuerSignedItem = { "digestID": uint, "random": bstr, "elementIdentifier": tstr, "elementValue": any }
/// ```
#[derive(Clone, Copy)]
pub struct IssuerSignedItem<'a> {
    /// The namespace it stands in.
    pub name_space: &'a str,
    /// Which digest of the MSO is its own.
    pub digest_id: u64,
    /// The element's name.
    pub element_identifier: &'a str,
    /// The value, readable outside only through a verified document.
    pub(crate) element_value: Item<'a>,
    /// IssuerSignedItemBytes as received, the tag included: what the digest is taken over.
    pub encoded: &'a [u8],
}

impl<'a> IssuerSigned<'a> {
    pub(super) fn decode(item: Item<'a>, limits: &Limits, rules: &Rules) -> Result<Self, ResponseError> {
        let map = item
            .as_map()
            .ok_or(ResponseError::Structure("issuerSigned is not a map"))?;
        let [issuer_auth, name_spaces] = present(map, ["issuerAuth", "nameSpaces"]);
        let issuer_auth = issuer_auth.ok_or(ResponseError::Structure("a document has no issuerAuth"))?;
        let issuer_auth = Message::decode(issuer_auth, rules).map_err(|error| ResponseError::Cose {
            member: "issuerAuth",
            error,
        })?;
        Ok(Self {
            items: items(name_spaces, limits, rules)?,
            issuer_auth,
        })
    }
}

/// Names the element; its value and its encoding may be personal data.
impl fmt::Debug for IssuerSignedItem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "IssuerSignedItem({}, {})",
            self.name_space, self.element_identifier
        )
    }
}

fn items<'a>(
    name_spaces: Option<Item<'a>>,
    limits: &Limits,
    rules: &Rules,
) -> Result<Vec<IssuerSignedItem<'a>>, ResponseError> {
    let Some(name_spaces) = name_spaces else {
        return Ok(Vec::new());
    };
    let name_spaces = name_spaces
        .as_map()
        .ok_or(ResponseError::Structure("nameSpaces is not a map"))?;
    if name_spaces.len() > limits.name_spaces {
        return Err(ResponseError::TooMany("namespaces"));
    }
    let lengths = name_spaces
        .iter()
        .filter_map(|(_, items)| items.as_array())
        .map(|items| items.len());
    let mut decoded = Vec::with_capacity(lengths.sum());
    for (name_space, items) in name_spaces.iter() {
        let name_space = name(name_space, "a namespace is no text of fitting length")?;
        let items = items
            .as_array()
            .ok_or(ResponseError::Structure("a namespace holds no array"))?;
        if items.len() > limits.elements {
            return Err(ResponseError::TooMany("elements in a namespace"));
        }
        for item in items.iter() {
            decoded.push(IssuerSignedItem::decode(name_space, item, rules)?);
        }
    }
    Ok(decoded)
}

impl<'a> IssuerSignedItem<'a> {
    fn decode(name_space: &'a str, item: Item<'a>, rules: &Rules) -> Result<Self, ResponseError> {
        let inner = item
            .embedded(rules)?
            .ok_or(ResponseError::Structure("an element is not encoded CBOR"))?;
        let map = inner
            .as_map()
            .ok_or(ResponseError::Structure("an element is not a map"))?;
        let [
            Some(digest_id),
            Some(random),
            Some(element_identifier),
            Some(element_value),
        ] = map.get_texts(["digestID", "random", "elementIdentifier", "elementValue"])
        else {
            return Err(ResponseError::Structure("an element lacks a member"));
        };
        let random = random
            .as_bytes()
            .ok_or(ResponseError::Structure("random is not a byte string"))?;
        if random.len() < MIN_RANDOM_BYTES {
            return Err(ResponseError::Structure("random is shorter than 16 bytes"));
        }
        Ok(Self {
            name_space,
            digest_id: self::digest_id(digest_id)?,
            element_identifier: name(
                element_identifier,
                "an elementIdentifier is no text of fitting length",
            )?,
            element_value,
            encoded: item.encoded(),
        })
    }
}

/// A digest identifier in its one form: another form could name the digest in two ways.
fn digest_id(item: Item<'_>) -> Result<u64, ResponseError> {
    let id = item
        .as_u64()
        .filter(|id| *id < DIGEST_ID_END && item.has_shortest_head());
    id.ok_or(ResponseError::Structure(
        "a digestID is no small uint in shortest form",
    ))
}
