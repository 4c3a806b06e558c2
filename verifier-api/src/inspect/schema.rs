//! The messages of ISO/IEC 18013-5, place by place: what the tree says of each item.

use super::node::Form::{
    Any, Array, Bool, Bytes, BytesOf, Certificates, Embedded, Hidden, Integer, Map, MapOf, Secret, Text,
    Tuple, Unsigned,
};
use super::node::{Check, Meaning, Member, Node, needed, numbered, optional};
pub(super) use super::schema_response::{
    DEVICE_SIGNED, DOCUMENT, ISSUER_AUTH, ISSUER_SIGNED, ITEM, MSO, MSO_BYTES, RESPONSE,
};
use super::schema_response::{DOCUMENTS, RANDOM, VALIDITY_INFO};

/// Content that no place is known of.
pub(super) static ANY: Node = Node::new("", Any);
/// What is hidden unless asked for.
pub(super) static HIDDEN: Node = Node::new("", Hidden).personal();

pub(super) static VERSION: Node = Node::new("version", Text);
pub(super) static DOC_TYPE: Node = Node::new("docType", Text);
pub(super) static NAME: Node = Node::new("", Text);
pub(super) static UNSIGNED: Node = Node::new("", Unsigned);
pub(super) static BYTES: Node = Node::new("", Bytes);
pub(super) static NAMES: Node = Node::new("", Array(&NAME));
pub(super) static CERTIFICATES: Node = Node::new("certificates", Certificates);

// --- COSE (RFC 9052, RFC 9360) ------------------------------------------------------------------------------

static ALGORITHM: Node = Node::new("alg", Any).meaning(Meaning::Algorithm);
static X5CHAIN: Node = Node::new("x5chain: the signer's certificate first", Certificates);
static CRITICAL: Node = Node::new("crit: headers that must be understood", Any);
static CONTENT_TYPE: Node = Node::new("content type", Any);
static KEY_ID: Node = Node::new("kid", Any);

const HEADERS: &[Member] = &[
    numbered(1, &ALGORITHM),
    numbered(2, &CRITICAL),
    numbered(3, &CONTENT_TYPE),
    numbered(4, &KEY_ID),
    numbered(33, &X5CHAIN),
];
pub(super) static PROTECTED: Node = Node::new("protected header", BytesOf(&PROTECTED_MAP));
static PROTECTED_MAP: Node = Node::new("protected header", Map(HEADERS));
pub(super) static UNPROTECTED: Node = Node::new("unprotected header", Map(HEADERS));
static DETACHED: Node = Node::new("payload", Any).meaning(Meaning::DetachedPayload);
pub(super) static SIGNATURE: Node = Node::new("signature", Bytes);
static MAC_TAG: Node = Node::new("MAC tag", Bytes);

/// A COSE_Sign1 whose payload is elsewhere.
pub(super) static SIGN1: Node = Node::new(
    "COSE_Sign1",
    Tuple(&[&PROTECTED, &UNPROTECTED, &DETACHED, &SIGNATURE]),
)
.check(Check::Sign1);
pub(super) static MAC0: Node = Node::new(
    "COSE_Mac0",
    Tuple(&[&PROTECTED, &UNPROTECTED, &DETACHED, &MAC_TAG]),
)
.check(Check::Sign1);

const COSE_KEY_MEMBERS: &[Member] = &[
    numbered(1, &KEY_TYPE),
    numbered(2, &KEY_ID),
    numbered(3, &ALGORITHM),
    numbered(4, &KEY_OPERATIONS),
    numbered(-1, &CURVE),
    numbered(-2, &X),
    numbered(-3, &Y),
    numbered(-4, &D),
];
static KEY_TYPE: Node = Node::new("kty", Integer).meaning(Meaning::KeyType);
static KEY_OPERATIONS: Node = Node::new("key_ops", Any);
static CURVE: Node = Node::new("crv", Integer).meaning(Meaning::Curve);
static X: Node = Node::new("x", Bytes);
static Y: Node = Node::new("y, or its sign", Any);
static D: Node = Node::new("d: the private key", Secret);

const fn key(name: &'static str) -> Node {
    Node::new(name, Map(COSE_KEY_MEMBERS)).check(Check::Key)
}
pub(super) static COSE_KEY: Node = key("COSE_Key");
static E_DEVICE_KEY: Node = key("EDeviceKey");
static E_READER_KEY: Node = key("EReaderKey");
pub(super) static DEVICE_KEY: Node = key("deviceKey");

// --- Engagement (§8.2) --------------------------------------------------------------------------------------

pub(super) static ENGAGEMENT: Node =
    Node::new("DeviceEngagement", Map(ENGAGEMENT_MEMBERS)).check(Check::Engagement);
const ENGAGEMENT_MEMBERS: &[Member] = &[
    numbered(0, &VERSION),
    numbered(1, &SECURITY),
    numbered(2, &RETRIEVAL_METHODS),
    numbered(3, &SERVER_RETRIEVAL),
    numbered(4, &PROTOCOL_INFO),
    numbered(5, &ORIGIN_INFOS),
    numbered(6, &CAPABILITIES),
];
static SECURITY: Node = Node::new("Security", Tuple(&[&CIPHER_SUITE, &E_DEVICE_KEY_BYTES]));
static CIPHER_SUITE: Node = Node::new("cipher suite", Integer).meaning(Meaning::CipherSuite);
static E_DEVICE_KEY_BYTES: Node = Node::new("EDeviceKeyBytes", Embedded(&E_DEVICE_KEY));
static SERVER_RETRIEVAL: Node = Node::new("ServerRetrievalMethods (first edition; ignored here)", Any);
static PROTOCOL_INFO: Node = Node::new("ProtocolInfo (ignored here)", Any);
static ORIGIN_INFOS: Node = Node::new("OriginInfos (read from version 1.1 on)", Any);
static CAPABILITIES: Node = Node::new("Capabilities (read from version 1.1 on)", Any);

static RETRIEVAL_METHODS: Node = Node::new("DeviceRetrievalMethods", Array(&RETRIEVAL_METHOD));
static RETRIEVAL_METHOD: Node = Node::new(
    "DeviceRetrievalMethod",
    Tuple(&[&RETRIEVAL_TYPE, &RETRIEVAL_VERSION, &RETRIEVAL_OPTIONS]),
)
.meaning(Meaning::RetrievalMethod);
static RETRIEVAL_TYPE: Node = Node::new("type", Unsigned).meaning(Meaning::RetrievalType);
static RETRIEVAL_VERSION: Node = Node::new("version of the method", Unsigned);
static RETRIEVAL_OPTIONS: Node = Node::new("options", Any);

/// The options of a retrieval method of this type.
pub(super) fn retrieval_options(method: i64) -> &'static Node {
    match method {
        1 => &NFC_OPTIONS,
        2 => &BLE_OPTIONS,
        3 => &WIFI_OPTIONS,
        _ => &RETRIEVAL_OPTIONS,
    }
}
static NFC_OPTIONS: Node = Node::new(
    "NfcOptions",
    Map(&[numbered(0, &NFC_COMMAND), numbered(1, &NFC_RESPONSE)]),
);
static NFC_COMMAND: Node = Node::new("longest command data field, bytes", Unsigned);
static NFC_RESPONSE: Node = Node::new("longest response data field, bytes", Unsigned);
static BLE_OPTIONS: Node = Node::new(
    "BleOptions",
    Map(&[
        numbered(0, &BLE_PERIPHERAL),
        numbered(1, &BLE_CENTRAL),
        numbered(10, &BLE_PERIPHERAL_UUID),
        numbered(11, &BLE_CENTRAL_UUID),
        numbered(20, &BLE_ADDRESS),
        numbered(21, &BLE_PSM),
    ]),
);
static BLE_PERIPHERAL: Node = Node::new("mdoc peripheral server mode", Bool);
static BLE_CENTRAL: Node = Node::new("mdoc central client mode", Bool);
static BLE_PERIPHERAL_UUID: Node = Node::new("UUID for peripheral server mode", Bytes).meaning(Meaning::Uuid);
static BLE_CENTRAL_UUID: Node = Node::new("UUID for central client mode", Bytes).meaning(Meaning::Uuid);
static BLE_ADDRESS: Node = Node::new("device address, a hint for the scan", Bytes);
static BLE_PSM: Node = Node::new("PSM of an L2CAP channel (second edition)", Unsigned);
static WIFI_OPTIONS: Node = Node::new(
    "WifiOptions",
    Map(&[
        numbered(0, &WIFI_PASSPHRASE),
        numbered(1, &WIFI_CLASS),
        numbered(2, &WIFI_CHANNEL),
        numbered(3, &WIFI_BANDS),
    ]),
);
static WIFI_PASSPHRASE: Node = Node::new("passphrase", Hidden);
static WIFI_CLASS: Node = Node::new("operating class", Unsigned);
static WIFI_CHANNEL: Node = Node::new("channel number", Unsigned);
static WIFI_BANDS: Node = Node::new("supported bands", Bytes);

// --- Session (§9.1.1, §9.1.5.1) -----------------------------------------------------------------------------

pub(super) static TRANSCRIPT: Node = Node::new(
    "SessionTranscript",
    Tuple(&[&ENGAGEMENT_BYTES, &E_READER_KEY_BYTES, &HANDOVER]),
)
.check(Check::Transcript);
static ENGAGEMENT_BYTES: Node = Node::new("DeviceEngagementBytes", Embedded(&ENGAGEMENT));
static E_READER_KEY_BYTES: Node = Node::new("EReaderKeyBytes", Embedded(&E_READER_KEY));
static HANDOVER: Node = Node::new("Handover", Any).meaning(Meaning::Handover);

pub(super) static ESTABLISHMENT: Node = Node::new(
    "SessionEstablishment",
    Map(&[
        needed("eReaderKey", &E_READER_KEY_BYTES),
        needed("data", &CIPHERTEXT),
        optional("seq", &UNSIGNED),
    ]),
)
.check(Check::Establishment);
pub(super) static SESSION_DATA: Node = Node::new(
    "SessionData",
    Map(&[
        optional("data", &CIPHERTEXT),
        optional("status", &SESSION_STATUS),
        optional("seq", &UNSIGNED),
    ]),
)
.check(Check::SessionData);
static CIPHERTEXT: Node = Node::new("", Bytes).meaning(Meaning::Ciphertext);
static SESSION_STATUS: Node = Node::new("", Unsigned).meaning(Meaning::SessionStatus);

// --- Request (§8.3.2.1.2.1) ---------------------------------------------------------------------------------

pub(super) static REQUEST: Node = Node::new(
    "DeviceRequest",
    Map(&[
        needed("version", &VERSION),
        needed("docRequests", &DOC_REQUESTS),
        optional("deviceRequestInfo", &REQUEST_INFO),
        optional("readerAuthAll", &READER_AUTHS),
    ]),
)
.check(Check::Request);
static DOC_REQUESTS: Node = Node::new("", Array(&DOC_REQUEST));
static DOC_REQUEST: Node = Node::new(
    "DocRequest",
    Map(&[
        needed("itemsRequest", &ITEMS_REQUEST_BYTES),
        optional("readerAuth", &SIGN1),
    ]),
);
static REQUEST_INFO: Node = Node::new(
    "DeviceRequestInfo (second edition; not read here)",
    Embedded(&ANY),
);
static READER_AUTHS: Node = Node::new("second edition; not read here", Array(&SIGN1));
static ITEMS_REQUEST_BYTES: Node = Node::new("ItemsRequestBytes", Embedded(&ITEMS_REQUEST));
pub(super) static ITEMS_REQUEST: Node = Node::new(
    "ItemsRequest",
    Map(&[
        needed("docType", &DOC_TYPE),
        needed("nameSpaces", &REQUESTED_NAME_SPACES),
        optional("requestInfo", &ANY),
    ]),
);
static REQUESTED_NAME_SPACES: Node = Node::new("", MapOf(&REQUESTED_ELEMENTS));
static REQUESTED_ELEMENTS: Node = Node::new("namespace", MapOf(&INTENT));
static INTENT: Node = Node::new("", Bool).meaning(Meaning::IntentToRetain);

/// Members whose names tell what they are wherever they stand, so that values stay hidden in parts of
/// a response and in content that is not recognised as one.
pub(super) fn known_anywhere(key: &str) -> Option<&'static Node> {
    Some(match key {
        "documents" => &DOCUMENTS,
        "issuerSigned" => &ISSUER_SIGNED,
        "deviceSigned" => &DEVICE_SIGNED,
        "issuerAuth" => &ISSUER_AUTH,
        "deviceKey" => &DEVICE_KEY,
        "validityInfo" => &VALIDITY_INFO,
        "elementValue" => &HIDDEN,
        "random" => &RANDOM,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_hidden_wherever_they_stand() {
        for key in ["elementValue", "random"] {
            let node = known_anywhere(key).unwrap();
            assert!(matches!(node.form, Hidden) && node.personal, "{key}");
        }
        assert!(known_anywhere("docType").is_none());
    }
}
