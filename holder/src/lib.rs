//! A test issuer and a simulated phone. They build what they send on their own, byte by byte, so
//! that they can prove the verifier right and get everything wrong on purpose.
//!
//! All persons are invented, all keys are made from seeds: nothing here protects anything.

pub mod card;
pub mod certificate;
pub mod credential;
pub mod evidence;
pub mod fault;
pub mod hooks;
pub mod issuer;
pub mod keys;
pub mod link_fault;
pub mod nfc_fault;
pub mod phone;
mod portrait;
pub mod reader_auth;
pub mod scenario;
pub mod vical;
pub mod wallet;

pub use hooks::{Hooks, Stage};
pub use portrait::portrait;
pub use scenario::{Built, Scenario};

pub use ciborium::Value;

/// Encodes a value.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("invariant: writing to memory does not fail");
    bytes
}

/// `#6.24(bstr .cbor …)` over encoded bytes.
pub fn tagged(encoded: Vec<u8>) -> Value {
    Value::Tag(24, Box::new(Value::Bytes(encoded)))
}
