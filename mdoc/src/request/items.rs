//! ItemsRequest: the elements that are asked of one document.

use std::collections::HashSet;

use crate::cbor::{Item, Rules, write};
use crate::limits::NAME_BYTES;

use super::RequestError;

/// The elements that are asked of one document.
///
/// ```cddl
/// ItemsRequest = { "docType": tstr, "nameSpaces": { + tstr => { + tstr => bool } }, ? "requestInfo": { * tstr => any } }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemsRequest {
    encoded: Vec<u8>,
    doc_type: String,
    name_spaces: Vec<RequestedNameSpace>,
}

/// The elements that are asked of one namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedNameSpace {
    /// The namespace.
    pub name: String,
    /// At least one element.
    pub elements: Vec<RequestedElement>,
}

/// One element that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedElement {
    /// The element's identifier.
    pub identifier: String,
    /// Whether the verifier means to keep the value beyond the transaction.
    pub intent_to_retain: bool,
}

impl ItemsRequest {
    /// The most namespaces of a document.
    pub const MAX_NAME_SPACES: usize = 64;
    /// The most elements of a namespace.
    pub const MAX_ELEMENTS: usize = 1024;

    /// A request for these elements, written in this order.
    ///
    /// # Errors
    /// [`RequestError::DocType`], [`RequestError::NameSpaces`], [`RequestError::Elements`] and
    /// [`RequestError::Duplicate`].
    pub fn new(doc_type: String, name_spaces: Vec<RequestedNameSpace>) -> Result<Self, RequestError> {
        check(&doc_type, &name_spaces)?;
        let mut encoded = Vec::new();
        write::map(&mut encoded, 2);
        write::text(&mut encoded, "docType");
        write::text(&mut encoded, &doc_type);
        write::text(&mut encoded, "nameSpaces");
        write::map(&mut encoded, name_spaces.len());
        for name_space in &name_spaces {
            write::text(&mut encoded, &name_space.name);
            write::map(&mut encoded, name_space.elements.len());
            for element in &name_space.elements {
                write::text(&mut encoded, &element.identifier);
                write::boolean(&mut encoded, element.intent_to_retain);
            }
        }
        Ok(Self {
            encoded,
            doc_type,
            name_spaces,
        })
    }

    /// Reads an encoded ItemsRequest, without tag 24.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RequestError> {
        let item = Item::decode(bytes, &Rules::default()).map_err(RequestError::ItemsRequestCbor)?;
        let map = item.as_map().ok_or(RequestError::ItemsRequest)?;
        let doc_type = map
            .get_text("docType")
            .and_then(Item::as_text)
            .ok_or(RequestError::DocType)?
            .to_owned();
        let name_spaces = map
            .get_text("nameSpaces")
            .and_then(Item::as_map)
            .ok_or(RequestError::NameSpaces)?
            .iter()
            .map(decode_name_space)
            .collect::<Result<Vec<_>, _>>()?;
        if map
            .get_text("requestInfo")
            .is_some_and(|info| info.as_map().is_none())
        {
            return Err(RequestError::RequestInfo);
        }
        check(&doc_type, &name_spaces)?;
        Ok(Self {
            encoded: bytes.to_vec(),
            doc_type,
            name_spaces,
        })
    }

    /// The bytes as received or as they are sent, without tag 24; reader authentication signs them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.encoded
    }

    /// The document type.
    pub fn doc_type(&self) -> &str {
        &self.doc_type
    }

    /// The namespaces in their order.
    pub fn name_spaces(&self) -> &[RequestedNameSpace] {
        &self.name_spaces
    }
}

fn decode_name_space((name, elements): (Item<'_>, Item<'_>)) -> Result<RequestedNameSpace, RequestError> {
    Ok(RequestedNameSpace {
        name: name.as_text().ok_or(RequestError::NameSpaces)?.to_owned(),
        elements: elements
            .as_map()
            .ok_or(RequestError::Elements)?
            .iter()
            .map(|(identifier, intent_to_retain)| {
                Some(RequestedElement {
                    identifier: identifier.as_text()?.to_owned(),
                    intent_to_retain: intent_to_retain.as_bool()?,
                })
            })
            .collect::<Option<_>>()
            .ok_or(RequestError::Elements)?,
    })
}

fn check(doc_type: &str, name_spaces: &[RequestedNameSpace]) -> Result<(), RequestError> {
    if !is_name(doc_type) {
        return Err(RequestError::DocType);
    }
    if !(1..=ItemsRequest::MAX_NAME_SPACES).contains(&name_spaces.len()) {
        return Err(RequestError::NameSpaces);
    }
    let mut names = HashSet::new();
    for name_space in name_spaces {
        if !is_name(&name_space.name) {
            return Err(RequestError::NameSpaces);
        }
        if !names.insert(&name_space.name) {
            return Err(RequestError::Duplicate);
        }
        if !(1..=ItemsRequest::MAX_ELEMENTS).contains(&name_space.elements.len()) {
            return Err(RequestError::Elements);
        }
        let mut identifiers = HashSet::new();
        for element in &name_space.elements {
            if !is_name(&element.identifier) {
                return Err(RequestError::Elements);
            }
            if !identifiers.insert(&element.identifier) {
                return Err(RequestError::Duplicate);
            }
        }
    }
    Ok(())
}

fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES).contains(&text.len())
}
