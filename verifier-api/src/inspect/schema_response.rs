//! Response and MSO, place by place. What stands among the elements is personal.

use super::node::Form::{
    Any, Array, Bytes, BytesOf, Date, Embedded, Hidden, Integer, Map, MapOf, Text, Tuple, Unsigned,
};
use super::node::{Check, Meaning, Node, needed, optional};
use super::schema::{
    ANY, BYTES, CERTIFICATES, DEVICE_KEY, DOC_TYPE, HIDDEN, MAC0, NAME, NAMES, PROTECTED, SIGN1, SIGNATURE,
    UNPROTECTED, UNSIGNED, VERSION,
};

// --- Response (§8.3.2.1.2.2) --------------------------------------------------------------------------------

pub(super) static RESPONSE: Node = Node::new(
    "DeviceResponse",
    Map(&[
        needed("version", &VERSION),
        optional("documents", &DOCUMENTS),
        optional("documentErrors", &DOCUMENT_ERRORS),
        optional("zkDocuments", &ZK_DOCUMENTS),
        optional("encryptedDocuments", &ENCRYPTED_DOCUMENTS),
        optional("otherDocuments", &OTHER_DOCUMENTS),
        needed("status", &RESPONSE_STATUS),
    ]),
)
.check(Check::Response);
static RESPONSE_STATUS: Node = Node::new("", Unsigned).meaning(Meaning::ResponseStatus);
pub(super) static DOCUMENTS: Node = Node::new("", Array(&DOCUMENT));
pub(super) static DOCUMENT: Node = Node::new(
    "Document",
    Map(&[
        needed("docType", &DOC_TYPE),
        needed("issuerSigned", &ISSUER_SIGNED),
        needed("deviceSigned", &DEVICE_SIGNED),
        optional("errors", &ERRORS),
    ]),
);
static DOCUMENT_ERRORS: Node = Node::new("", Array(&ERROR_CODES));
static ERRORS: Node = Node::new("elements not returned", MapOf(&ERROR_CODES));
static ERROR_CODES: Node = Node::new("", MapOf(&ERROR_CODE));
static ERROR_CODE: Node = Node::new("", Integer).meaning(Meaning::ErrorCode);

pub(super) static ISSUER_SIGNED: Node = Node::new(
    "IssuerSigned",
    Map(&[
        optional("nameSpaces", &ISSUER_NAME_SPACES),
        needed("issuerAuth", &ISSUER_AUTH),
    ]),
);
static ISSUER_NAME_SPACES: Node = Node::new("IssuerNameSpaces", MapOf(&ITEMS)).personal();
static ITEMS: Node = Node::new("namespace", Array(&ITEM_BYTES)).personal();
static ITEM_BYTES: Node = Node::new("IssuerSignedItemBytes", Embedded(&ITEM)).personal();
pub(super) static ITEM: Node = Node::new(
    "IssuerSignedItem",
    Map(&[
        needed("digestID", &DIGEST_ID),
        needed("random", &RANDOM),
        needed("elementIdentifier", &ELEMENT_IDENTIFIER),
        needed("elementValue", &HIDDEN),
    ]),
)
.personal();
static DIGEST_ID: Node = Node::new("", Unsigned).personal();
/// Who has it can try which of few possible values gives the digest in the MSO.
pub(super) static RANDOM: Node = Node::new("salt of the digest", Hidden).personal();
static ELEMENT_IDENTIFIER: Node = Node::new("", Text).personal();

pub(super) static DEVICE_SIGNED: Node = Node::new(
    "DeviceSigned",
    Map(&[
        needed("nameSpaces", &DEVICE_NAME_SPACES_BYTES),
        needed("deviceAuth", &DEVICE_AUTH),
    ]),
);
static DEVICE_NAME_SPACES_BYTES: Node =
    Node::new("DeviceNameSpacesBytes", Embedded(&DEVICE_NAME_SPACES)).personal();
static DEVICE_NAME_SPACES: Node = Node::new("DeviceNameSpaces", MapOf(&DEVICE_ITEMS)).personal();
static DEVICE_ITEMS: Node = Node::new("namespace", MapOf(&HIDDEN)).personal();
static DEVICE_AUTH: Node = Node::new(
    "DeviceAuth",
    Map(&[optional("deviceSignature", &SIGN1), optional("deviceMac", &MAC0)]),
);

static ZK_DOCUMENTS: Node = Node::new("second edition; not verified here", Array(&ZK_DOCUMENT));
static ZK_DOCUMENT: Node = Node::new(
    "ZkDocument",
    Map(&[
        optional("proof", &BYTES),
        optional("documentData", &ZK_DATA_BYTES),
    ]),
);
static ZK_DATA_BYTES: Node = Node::new("", Embedded(&ZK_DATA)).personal();
static ZK_DATA: Node = Node::new(
    "ZkDocumentData",
    Map(&[
        optional("zkSystemId", &NAME),
        optional("docType", &DOC_TYPE),
        optional("timestamp", &DATE),
        optional("msoX5chain", &CERTIFICATES),
    ]),
)
.personal();
static ENCRYPTED_DOCUMENTS: Node = Node::new("second edition; not verified here", Any);
static OTHER_DOCUMENTS: Node = Node::new("second edition; not verified here", Array(&OTHER_DOCUMENT));
static OTHER_DOCUMENT: Node = Node::new(
    "OtherDocument",
    Map(&[optional("docFormat", &NAME), optional("data", &HIDDEN)]),
)
.personal();

// --- MSO (§9.1.2.4) -----------------------------------------------------------------------------------------

/// A COSE_Sign1 over an MSO.
pub(super) static ISSUER_AUTH: Node = Node::new(
    "IssuerAuth, a COSE_Sign1",
    Tuple(&[&PROTECTED, &UNPROTECTED, &MSO_PAYLOAD, &SIGNATURE]),
)
.check(Check::IssuerAuth);
static MSO_PAYLOAD: Node = Node::new("payload", BytesOf(&MSO_BYTES));
pub(super) static MSO_BYTES: Node = Node::new("MobileSecurityObjectBytes", Embedded(&MSO));
pub(super) static MSO: Node = Node::new(
    "MobileSecurityObject",
    Map(&[
        needed("version", &VERSION),
        needed("digestAlgorithm", &NAME),
        needed("valueDigests", &VALUE_DIGESTS),
        needed("deviceKeyInfo", &DEVICE_KEY_INFO),
        needed("docType", &DOC_TYPE),
        needed("validityInfo", &VALIDITY_INFO),
        optional("status", &STATUS),
    ]),
)
.check(Check::Mso);
static VALUE_DIGESTS: Node = Node::new("", MapOf(&DIGESTS));
static DIGESTS: Node = Node::new("namespace", MapOf(&DIGEST));
static DIGEST: Node = Node::new("digest of the element with this digestID", Bytes);
static DEVICE_KEY_INFO: Node = Node::new(
    "",
    Map(&[
        needed("deviceKey", &DEVICE_KEY),
        optional("keyAuthorizations", &KEY_AUTHORIZATIONS),
        optional("keyInfo", &ANY),
    ]),
);
static KEY_AUTHORIZATIONS: Node = Node::new(
    "what the device may sign itself",
    Map(&[
        optional("nameSpaces", &NAMES),
        optional("dataElements", &AUTHORIZED_ELEMENTS),
    ]),
);
static AUTHORIZED_ELEMENTS: Node = Node::new("", MapOf(&NAMES));
pub(super) static VALIDITY_INFO: Node = Node::new(
    "",
    Map(&[
        needed("signed", &DATE),
        needed("validFrom", &DATE),
        needed("validUntil", &DATE),
        optional("expectedUpdate", &DATE),
    ]),
);
static DATE: Node = Node::new("", Date).meaning(Meaning::Date);
static STATUS: Node = Node::new(
    "where revocation is looked up",
    Map(&[
        optional("status_list", &STATUS_LIST),
        optional("identifier_list", &IDENTIFIER_LIST),
    ]),
);
static STATUS_LIST: Node = Node::new(
    "Token Status List",
    Map(&[
        needed("idx", &UNSIGNED),
        needed("uri", &NAME),
        optional("certificate", &CERTIFICATES),
    ]),
);
static IDENTIFIER_LIST: Node = Node::new(
    "identifier list",
    Map(&[
        needed("id", &BYTES),
        needed("uri", &NAME),
        optional("certificate", &CERTIFICATES),
    ]),
);
