//! DeviceSigned: what the device answers itself, and its authentication of the whole session.

use core::fmt;

use crate::cbor::{Item, Rules};
use crate::cose::Message;
use crate::limits::Limits;

use super::{ResponseError, name, present};

/// What the device signed.
///
/// ```text
/// DeviceSigned = { "nameSpaces": #6.24(bstr .cbor { * tstr => { + tstr => any } }), "deviceAuth": DeviceAuth }
/// ```
#[derive(Clone)]
pub struct DeviceSigned<'a> {
    /// DeviceNameSpacesBytes as received; empty where the document has none.
    pub name_spaces_encoded: &'a [u8],
    /// The elements that the device vouches for itself.
    pub items: Vec<DeviceSignedItem<'a>>,
    /// The authentication.
    pub auth: DeviceAuth<'a>,
}

/// An element that the device vouches for. Never takes the place of an issuer-signed one.
#[derive(Clone, Copy, Debug)]
pub struct DeviceSignedItem<'a> {
    /// The namespace it stands in.
    pub name_space: &'a str,
    /// The element's name.
    pub element_identifier: &'a str,
    /// The value, readable outside only through a verified document.
    pub(crate) element_value: Item<'a>,
}

/// `DeviceAuth = { "deviceSignature": COSE_Sign1 // "deviceMac": COSE_Mac0 }`, exactly one of them.
#[derive(Clone, Copy, Debug)]
pub enum DeviceAuth<'a> {
    /// A signature by the device key.
    Signature(Message<'a>),
    /// A MAC under a key agreed with the reader.
    Mac(Message<'a>),
    /// Both, which the standard forbids.
    Both,
    /// Neither.
    Missing,
}

/// Names the elements; their encoding may be personal data.
impl fmt::Debug for DeviceSigned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceSigned")
            .field("items", &self.items)
            .field("auth", &self.auth)
            .finish_non_exhaustive()
    }
}

impl<'a> DeviceSigned<'a> {
    /// A document without `deviceSigned` is decoded as one without authentication: the judgement
    /// then names what is missing.
    pub(super) fn decode(
        item: Option<Item<'a>>,
        limits: &Limits,
        rules: &Rules,
    ) -> Result<Self, ResponseError> {
        let Some(item) = item else {
            return Ok(Self {
                name_spaces_encoded: &[],
                items: Vec::new(),
                auth: DeviceAuth::Missing,
            });
        };
        let map = item
            .as_map()
            .ok_or(ResponseError::Structure("deviceSigned is not a map"))?;
        let [name_spaces, device_auth] = present(map, ["nameSpaces", "deviceAuth"]);
        let name_spaces = name_spaces.ok_or(ResponseError::Structure("deviceSigned has no nameSpaces"))?;
        Ok(Self {
            name_spaces_encoded: name_spaces.encoded(),
            items: items(name_spaces, limits, rules)?,
            auth: auth(device_auth, rules)?,
        })
    }
}

fn items<'a>(
    name_spaces: Item<'a>,
    limits: &Limits,
    rules: &Rules,
) -> Result<Vec<DeviceSignedItem<'a>>, ResponseError> {
    const NOT_A_MAP: ResponseError =
        ResponseError::Structure("the device-signed nameSpaces are not an encoded map");
    let name_spaces = name_spaces
        .embedded(rules)?
        .and_then(Item::as_map)
        .ok_or(NOT_A_MAP)?;
    if name_spaces.len() > limits.name_spaces {
        return Err(ResponseError::TooMany("device-signed namespaces"));
    }
    let mut decoded = Vec::new();
    for (name_space, elements) in name_spaces.iter() {
        let name_space = name(
            name_space,
            "a device-signed namespace is no text of fitting length",
        )?;
        let elements = elements.as_map().ok_or(NOT_A_MAP)?;
        if elements.len() > limits.elements {
            return Err(ResponseError::TooMany("device-signed elements in a namespace"));
        }
        for (identifier, element_value) in elements.iter() {
            let element_identifier = name(
                identifier,
                "a device-signed element is named by no text of fitting length",
            )?;
            decoded.push(DeviceSignedItem {
                name_space,
                element_identifier,
                element_value,
            });
        }
    }
    Ok(decoded)
}

fn auth<'a>(item: Option<Item<'a>>, rules: &Rules) -> Result<DeviceAuth<'a>, ResponseError> {
    let Some(item) = item else {
        return Ok(DeviceAuth::Missing);
    };
    let map = item
        .as_map()
        .ok_or(ResponseError::Structure("deviceAuth is not a map"))?;
    let decode =
        |member, item| Message::decode(item, rules).map_err(|error| ResponseError::Cose { member, error });
    match present(map, ["deviceSignature", "deviceMac"]) {
        [Some(signature), None] => decode("deviceSignature", signature).map(DeviceAuth::Signature),
        [None, Some(mac)] => decode("deviceMac", mac).map(DeviceAuth::Mac),
        [Some(_), Some(_)] => Ok(DeviceAuth::Both),
        [None, None] => Ok(DeviceAuth::Missing),
    }
}
