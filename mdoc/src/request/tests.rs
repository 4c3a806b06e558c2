use proptest::prelude::*;

use super::*;
use crate::cbor::ErrorKind;
use crate::test_vectors;

const MDL: &str = "org.iso.18013.5.1.mDL";
const MDL_NAME_SPACE: &str = "org.iso.18013.5.1";

fn name_space(name: &str, elements: &[(&str, bool)]) -> RequestedNameSpace {
    RequestedNameSpace {
        name: name.to_owned(),
        elements: elements
            .iter()
            .map(|&(identifier, intent_to_retain)| RequestedElement {
                identifier: identifier.to_owned(),
                intent_to_retain,
            })
            .collect(),
    }
}

fn items(doc_type: &str, name_spaces: Vec<RequestedNameSpace>) -> Result<ItemsRequest, RequestError> {
    ItemsRequest::new(doc_type.to_owned(), name_spaces)
}

/// The elements of Annex D.3.1, in its order.
fn annex_d_items() -> ItemsRequest {
    let elements = [
        ("family_name", true),
        ("document_number", true),
        ("driving_privileges", true),
        ("issue_date", true),
        ("expiry_date", true),
        ("portrait", false),
    ];
    items(MDL, vec![name_space(MDL_NAME_SPACE, &elements)]).unwrap()
}

fn small() -> DeviceRequest {
    let items = items("d", vec![name_space("n", &[("e", false)])]).unwrap();
    DeviceRequest::new(vec![DocRequest::new(items)]).unwrap()
}

/// `template` with `{items}` for the encoded ItemsRequest of [`small`] under tag 24.
fn error(template: &str) -> RequestError {
    decode(template).expect_err("the request is refused")
}

fn decode(template: &str) -> Result<DeviceRequest, RequestError> {
    let mut items = Vec::new();
    write::embedded(&mut items, small().doc_requests()[0].items_request().as_bytes());
    let text = template
        .replace("{items}", &hex::encode(items))
        .replace("{version}", "6776657273696f6e")
        .replace("{docRequests}", "6b646f635265717565737473")
        .replace("{itemsRequest}", "6c6974656d7352657175657374")
        .replace("{readerAuth}", "6a72656164657241757468")
        .replace(' ', "");
    DeviceRequest::decode(&hex::decode(text).unwrap())
}

fn items_error(template: &str) -> RequestError {
    let text = template
        .replace("{docType}", "67646f6354797065")
        .replace("{nameSpaces}", "6a6e616d65537061636573")
        .replace("{requestInfo}", "6b72657175657374496e666f")
        .replace(' ', "");
    ItemsRequest::decode(&hex::decode(text).unwrap()).expect_err("the items request is refused")
}

#[test]
fn a_request_has_the_form_of_the_standard() {
    assert_eq!(
        hex::encode(small().encode()),
        "a26776657273696f6e63312e306b646f63526571756573747381a16c6974656d7352657175657374d818581d\
         a267646f635479706561646a6e616d65537061636573a1616ea16165f4"
    );
    assert_eq!(DeviceRequest::decode(&small().encode()), Ok(small()));
}

#[test]
fn annex_d_is_read_and_its_items_are_written() {
    let Some(vectors) = test_vectors::json("annex-d/iso18013-5-annex-d.json") else {
        return;
    };
    let bytes = test_vectors::hex_member(&vectors, "device_request");
    let items_bytes = test_vectors::hex_member(&vectors, "items_request");
    let reader_auth = test_vectors::hex_member(&vectors, "reader_auth");

    let request = DeviceRequest::decode(&bytes).unwrap();
    assert_eq!(request.version(), Version::V1_0);
    let [doc_request] = request.doc_requests() else {
        panic!("one document is asked for");
    };
    assert_eq!(doc_request.items_request(), &annex_d_items());
    assert_eq!(doc_request.items_request().as_bytes(), items_bytes);
    assert_eq!(annex_d_items().as_bytes(), items_bytes);
    assert_eq!(doc_request.reader_auth(), Some(&*reader_auth));
    assert_eq!(request.encode(), bytes);

    for length in 0..bytes.len() {
        let Err(RequestError::Cbor(error)) = DeviceRequest::decode(&bytes[..length]) else {
            panic!("cut at {length}");
        };
        assert_eq!(error.kind, ErrorKind::Truncated, "cut at {length}");
    }
}

#[test]
fn order_is_kept_and_one_document_type_may_be_asked_twice() {
    let first = items(
        "z",
        vec![
            name_space("n", &[("z", true), ("a", false)]),
            name_space("a", &[("e", true)]),
        ],
    );
    let second = items("z", vec![name_space("n", &[("b", false)])]);
    let request = DeviceRequest::new(vec![
        DocRequest::new(first.unwrap()),
        DocRequest::new(second.unwrap()),
    ])
    .unwrap();
    assert_eq!(DeviceRequest::decode(&request.encode()), Ok(request));
}

#[test]
fn what_cannot_be_asked_is_refused_by_name() {
    let long = "x".repeat(257);
    let longest = "x".repeat(256);
    assert!(items(&longest, vec![name_space(&longest, &[(&longest, false)])]).is_ok());
    let one = || name_space("n", &[("e", false)]);
    for (doc_type, name_spaces, expected) in [
        ("", vec![one()], RequestError::DocType),
        (&*long, vec![one()], RequestError::DocType),
        ("d", vec![], RequestError::NameSpaces),
        (
            "d",
            vec![name_space("", &[("e", false)])],
            RequestError::NameSpaces,
        ),
        (
            "d",
            vec![name_space(&long, &[("e", false)])],
            RequestError::NameSpaces,
        ),
        ("d", vec![name_space("n", &[])], RequestError::Elements),
        ("d", vec![name_space("n", &[("", false)])], RequestError::Elements),
        (
            "d",
            vec![name_space("n", &[(&long, false)])],
            RequestError::Elements,
        ),
        ("d", vec![one(), one()], RequestError::Duplicate),
        (
            "d",
            vec![name_space("n", &[("e", false), ("e", true)])],
            RequestError::Duplicate,
        ),
    ] {
        assert_eq!(items(doc_type, name_spaces), Err(expected));
    }
    let numbered = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
    let elements = |count| {
        let identifiers = numbered(count);
        let elements = identifiers
            .iter()
            .map(|name| (&**name, false))
            .collect::<Vec<_>>();
        items("d", vec![name_space("n", &elements)]).map(|_| ())
    };
    assert_eq!(elements(ItemsRequest::MAX_ELEMENTS), Ok(()));
    assert_eq!(
        elements(ItemsRequest::MAX_ELEMENTS + 1),
        Err(RequestError::Elements)
    );
    let name_spaces = |count| {
        let list = numbered(count)
            .iter()
            .map(|name| name_space(name, &[("e", false)]))
            .collect();
        items("d", list).map(|_| ())
    };
    assert_eq!(name_spaces(ItemsRequest::MAX_NAME_SPACES), Ok(()));
    assert_eq!(
        name_spaces(ItemsRequest::MAX_NAME_SPACES + 1),
        Err(RequestError::NameSpaces)
    );
    let documents = |count| {
        let list = vec![small().doc_requests()[0].clone(); count];
        DeviceRequest::new(list).map(|_| ())
    };
    assert_eq!(documents(0), Err(RequestError::DocRequests));
    assert_eq!(documents(DeviceRequest::MAX_DOC_REQUESTS), Ok(()));
    assert_eq!(
        documents(DeviceRequest::MAX_DOC_REQUESTS + 1),
        Err(RequestError::DocRequests)
    );
}

#[test]
fn malformed_requests_are_refused_by_name() {
    let twin = "a2 {version}63312e30 {docRequests}81a1{itemsRequest}{items}";
    assert_eq!(decode(twin), Ok(small()));
    // Unknown members and later minor versions pass.
    assert!(decode("a3 {version}63312e31 {docRequests}81a1{itemsRequest}{items} 6178 00").is_ok());
    let cbor = |kind, offset| cbor::Error { kind, offset };
    for (template, expected) in [
        ("", RequestError::Cbor(cbor(ErrorKind::Truncated, 0))),
        ("a000", RequestError::Cbor(cbor(ErrorKind::Trailing, 1))),
        (
            "a2 {version}63312e30 {version}63312e30",
            RequestError::Cbor(cbor(ErrorKind::DuplicateKey, 13)),
        ),
        ("80", RequestError::NotAMap),
        (
            "a1 {docRequests}81a1{itemsRequest}{items}",
            RequestError::VersionMissing,
        ),
        (
            "a2 {version}63322e30 {docRequests}81a1{itemsRequest}{items}",
            RequestError::Version(VersionError::Unsupported),
        ),
        (
            "a2 {version}01 {docRequests}81a1{itemsRequest}{items}",
            RequestError::Version(VersionError::Malformed),
        ),
        ("a1 {version}63312e30", RequestError::DocRequests),
        ("a2 {version}63312e30 {docRequests}80", RequestError::DocRequests),
        ("a2 {version}63312e30 {docRequests}a0", RequestError::DocRequests),
        ("a2 {version}63312e30 {docRequests}8180", RequestError::DocRequest),
        (
            "a2 {version}63312e30 {docRequests}81a0",
            RequestError::ItemsRequestBytes,
        ),
        (
            "a2 {version}63312e30 {docRequests}81a1{itemsRequest}a0",
            RequestError::ItemsRequestBytes,
        ),
        (
            "a2 {version}63312e30 {docRequests}81a1{itemsRequest}41a0",
            RequestError::ItemsRequestBytes,
        ),
        (
            "a2 {version}63312e30 {docRequests}81a2{itemsRequest}{items}{readerAuth}f6",
            RequestError::ReaderAuth,
        ),
        (
            "a2 {version}63312e30 {docRequests}81a2{itemsRequest}{items}{readerAuth}8340a0f6",
            RequestError::ReaderAuth,
        ),
        (
            "a2 {version}63312e30 {docRequests}81a1{itemsRequest}d81842a000",
            RequestError::ItemsRequestCbor(cbor(ErrorKind::Trailing, 1)),
        ),
    ] {
        assert_eq!(error(template), expected, "{template}");
    }
    assert_eq!(
        DeviceRequest::decode(&vec![0; DeviceRequest::MAX_LEN + 1]),
        Err(RequestError::TooLarge)
    );
}

#[test]
fn malformed_items_are_refused_by_name() {
    let cbor = |kind, offset| RequestError::ItemsRequestCbor(cbor::Error { kind, offset });
    for (template, expected) in [
        ("", cbor(ErrorKind::Truncated, 0)),
        (
            "a2 {docType}6164 {nameSpaces}a1616ea2 6165f4 6165f5",
            cbor(ErrorKind::DuplicateKey, 29),
        ),
        ("80", RequestError::ItemsRequest),
        ("a0", RequestError::DocType),
        ("a2 {docType}00 {nameSpaces}a1616ea16165f4", RequestError::DocType),
        ("a2 {docType}60 {nameSpaces}a1616ea16165f4", RequestError::DocType),
        ("a1 {docType}6164", RequestError::NameSpaces),
        ("a2 {docType}6164 {nameSpaces}80", RequestError::NameSpaces),
        ("a2 {docType}6164 {nameSpaces}a0", RequestError::NameSpaces),
        (
            "a2 {docType}6164 {nameSpaces}a101a16165f4",
            RequestError::NameSpaces,
        ),
        ("a2 {docType}6164 {nameSpaces}a1616e80", RequestError::Elements),
        ("a2 {docType}6164 {nameSpaces}a1616ea0", RequestError::Elements),
        (
            "a2 {docType}6164 {nameSpaces}a1616ea101f4",
            RequestError::Elements,
        ),
        (
            "a2 {docType}6164 {nameSpaces}a1616ea1616500",
            RequestError::Elements,
        ),
        (
            "a2 {docType}6164 {nameSpaces}a1616ea16165f6",
            RequestError::Elements,
        ),
        (
            "a3 {docType}6164 {nameSpaces}a1616ea16165f4 {requestInfo}80",
            RequestError::RequestInfo,
        ),
    ] {
        assert_eq!(items_error(template), expected, "{template}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = DeviceRequest::decode(&bytes);
        let _ = ItemsRequest::decode(&bytes);
    }

    #[test]
    fn no_change_panics(index in 0..70_usize, change in 1..=255_u8) {
        let mut bytes = small().encode();
        let index = index % bytes.len();
        bytes[index] ^= change;
        let _ = DeviceRequest::decode(&bytes);
    }
}
