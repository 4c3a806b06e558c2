//! Every bound on what a message may hold, in one place.
//!
//! The standard gives none. Real messages stay far below: a My Number Card answers in 30 KB, the
//! largest portrait met in the field is near 1 MB.

use crate::cbor::Rules;

/// Bounds on a DeviceResponse. The default suits a counter and a service alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a DeviceResponse or of an encrypted message.
    pub message_bytes: usize,
    /// Nesting of CBOR arrays, maps and tags; inside an encoded item it counts anew.
    pub cbor_depth: usize,
    /// Elements of one CBOR array or pairs of one map.
    pub cbor_items: usize,
    /// Documents in a response.
    pub documents: usize,
    /// Namespaces in a document, issuer-signed and device-signed each.
    pub name_spaces: usize,
    /// Elements in a namespace.
    pub elements: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 4 * 1024 * 1024,
            cbor_depth: 32,
            cbor_items: 10_000,
            documents: 64,
            name_spaces: 64,
            elements: 1024,
        }
    }
}

impl Limits {
    /// The CBOR rules that these limits and the switch for indefinite lengths give.
    pub const fn cbor_rules(&self, indefinite: bool) -> Rules {
        Rules {
            max_depth: self.cbor_depth,
            max_items: self.cbor_items,
            indefinite,
        }
    }
}

/// Bytes of one certificate in an x5chain or a trust directory.
pub const CERTIFICATE_BYTES: usize = 16 * 1024;
/// Bytes of a signed list of trusted certificates.
pub const TRUST_LIST_BYTES: usize = 16 * 1024 * 1024;
/// Entries of such a list. Lists in the field have 14 and 40.
pub const TRUST_LIST_ENTRIES: usize = 10_000;
/// Bytes of a text that names a document type, namespace or element.
pub const NAME_BYTES: usize = 256;
/// Bytes of a URI in an MSO or a certificate.
pub const URI_BYTES: usize = 2048;
/// Bytes of one CRL.
pub const CRL_BYTES: usize = 16 * 1024 * 1024;
/// Entries of one CRL.
pub const CRL_ENTRIES: usize = 500_000;
/// Bytes of one status list or identifier list token.
pub const STATUS_TOKEN_BYTES: usize = 24 * 1024 * 1024;
/// Bytes of an inflated status list: 134 million entries of one bit, 16 million of eight.
pub const STATUS_LIST_BYTES: usize = 16 * 1024 * 1024;
/// Identifiers of one identifier list.
pub const IDENTIFIERS: usize = 1_000_000;
/// Bytes of all status lists together that one set of evidence keeps unfolded.
pub const UNFOLDED_BYTES: usize = 1024 * 1024 * 1024;
