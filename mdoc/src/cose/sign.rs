//! Writing a COSE_Sign1.

use crate::cbor::write;
use crate::crypto::{SignError, Signer};

/// The tag of a COSE_Sign1 (RFC 9052 §2).
pub const TAG_SIGN1: u64 = 18;

/// A COSE_Sign1 under its tag: `#6.18([ protected, {}, payload, signature ])`. `protected` is the
/// encoded map of the protected header; its `alg` has to be that of the key.
///
/// # Errors
/// The key does not sign.
pub fn sign1(protected: &[u8], payload: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
    let signature = signer.sign(&to_be_signed(protected, payload))?;
    let mut message = Vec::with_capacity(payload.len() + protected.len() + signature.len() + 32);
    write::tag(&mut message, TAG_SIGN1);
    write::array(&mut message, 4);
    write::bytes(&mut message, protected);
    write::map(&mut message, 0);
    write::bytes(&mut message, payload);
    write::bytes(&mut message, &signature);
    Ok(message)
}

/// `[ "Signature1", protected, h'', payload ]`: what the signature of a COSE_Sign1 without external
/// data is over (RFC 9052 §4.4).
pub(crate) fn to_be_signed(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(payload.len() + protected.len() + 64);
    write::array(&mut message, 4);
    write::text(&mut message, "Signature1");
    write::bytes(&mut message, protected);
    write::bytes(&mut message, b"");
    write::bytes(&mut message, payload);
    message
}
