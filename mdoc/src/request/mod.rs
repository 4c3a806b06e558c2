//! DeviceRequest (ISO/IEC 18013-5 §8.3.2.1.2.1), version 1.0.

use crate::cbor::write;

/// What is asked of one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemsRequest<'a> {
    /// The document type.
    pub doc_type: &'a str,
    /// Namespace, then element and whether the reader intends to keep its value.
    pub name_spaces: Vec<(&'a str, Vec<(&'a str, bool)>)>,
}

impl ItemsRequest<'_> {
    /// `ItemsRequest = { "docType": tstr, "nameSpaces": { + tstr => { + tstr => bool } } }`
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        write::map(&mut out, 2);
        write::text(&mut out, "docType");
        write::text(&mut out, self.doc_type);
        write::text(&mut out, "nameSpaces");
        write::map(&mut out, self.name_spaces.len());
        for (name_space, elements) in &self.name_spaces {
            write::text(&mut out, name_space);
            write::map(&mut out, elements.len());
            for (element, intent_to_retain) in elements {
                write::text(&mut out, element);
                write::boolean(&mut out, *intent_to_retain);
            }
        }
        out
    }
}

/// `DeviceRequest = { "version": "1.0", "docRequests": [ + { "itemsRequest": #6.24(bstr .cbor ItemsRequest) } ] }`
pub fn encode_device_request(documents: &[ItemsRequest<'_>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    write::map(&mut out, 2);
    write::text(&mut out, "version");
    write::text(&mut out, "1.0");
    write::text(&mut out, "docRequests");
    write::array(&mut out, documents.len());
    for document in documents {
        write::map(&mut out, 1);
        write::text(&mut out, "itemsRequest");
        write::embedded(&mut out, &document.encode());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ItemsRequest of ISO/IEC 18013-5 Annex D, to the byte.
    #[test]
    fn the_items_request_of_annex_d_is_written_to_the_byte() {
        let request = ItemsRequest {
            doc_type: "org.iso.18013.5.1.mDL",
            name_spaces: vec![(
                "org.iso.18013.5.1",
                vec![
                    ("family_name", true),
                    ("document_number", true),
                    ("driving_privileges", true),
                    ("issue_date", true),
                    ("expiry_date", true),
                    ("portrait", false),
                ],
            )],
        };
        let encoded = request.encode();
        assert_eq!(encoded.len(), 147);
        assert!(hex::encode(&encoded).starts_with("a267646f6354797065756f72672e69736f2e31383031332e352e312e6d444c6a6e616d65537061636573a1716f72672e69736f2e31383031332e352e31a66b66616d696c795f6e616d65f5"));
        let device_request = encode_device_request(&[request]);
        assert!(hex::encode(&device_request).starts_with(
            "a26776657273696f6e63312e306b646f63526571756573747381a16c6974656d7352657175657374d8185893a2"
        ));
    }
}
