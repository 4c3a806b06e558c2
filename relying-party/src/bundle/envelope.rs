//! The envelope: a COSE_Sign1 under the pinned key.

use core::fmt;

use mdoc::cbor::{Item, Rules};
use mdoc::cose::{Message, TAG_SIGN1};
use mdoc::crypto::{PublicKey, SignatureAlgorithm};

use super::content::{self, BundleFacts, Entry};
use super::{BundleError, CONTENT_TYPE, MAX_BYTES};

/// The label of the content type (RFC 9052 §3.1).
pub(super) const CONTENT_TYPE_LABEL: i64 = 3;
/// Tag, array, and a header map with its labels; no label's value is nested further.
const RULES: Rules = Rules {
    max_depth: 8,
    max_items: 16,
    indefinite: false,
};

/// A bundle whose signature is still to be checked: `#6.18([ protected, {}, payload, signature ])`.
#[derive(Clone, Copy)]
pub struct SignedBundle<'a> {
    message: Message<'a>,
    payload: &'a [u8],
}

/// What the owner of the pinned key signed. Whether it counts at an instant, [`Bundle::load`] says.
#[derive(Debug)]
pub struct Bundle {
    pub(super) facts: BundleFacts,
    pub(super) entries: Vec<Entry>,
}

impl<'a> SignedBundle<'a> {
    /// Reads the envelope; believes nothing in it.
    ///
    /// # Errors
    /// [`BundleError`]: not a COSE_Sign1 with the headers of a bundle.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, BundleError> {
        if bytes.len() > MAX_BYTES {
            return Err(BundleError::TooLarge(bytes.len()));
        }
        let item = Item::decode(bytes, &RULES).map_err(BundleError::Cbor)?;
        let Some((TAG_SIGN1, item)) = item.as_tag() else {
            return Err(BundleError::Tag);
        };
        let message = Message::decode(item, &RULES).map_err(BundleError::Message)?;
        message.headers().check().map_err(BundleError::Header)?;
        if !message.headers().is_unprotected_empty() {
            return Err(BundleError::Unprotected);
        }
        let content_type = message.headers().protected_label(CONTENT_TYPE_LABEL);
        if !content_type.is_some_and(|item| item.is_text(CONTENT_TYPE)) {
            return Err(BundleError::ContentType);
        }
        let payload = message.payload().ok_or(BundleError::Detached)?;
        Ok(Self { message, payload })
    }

    /// Checks the signature under the pinned key, then reads what it is over.
    ///
    /// # Errors
    /// [`BundleError`]: not signed by that key, or content that breaks a rule of the format.
    pub fn verify(&self, key: &PublicKey) -> Result<Bundle, BundleError> {
        let algorithm = self.message.headers().algorithm();
        let algorithm = algorithm.map_err(BundleError::Algorithm)?;
        let algorithm = SignatureAlgorithm::from_cose_id(algorithm)
            .filter(|algorithm| algorithm.fits(key.curve()))
            .ok_or(BundleError::AlgorithmRefused)?;
        self.message
            .verify_signature(algorithm, key, &[self.payload])
            .map_err(BundleError::Signature)?;
        let (facts, entries) = content::read(self.payload)?;
        Ok(Bundle { facts, entries })
    }

    /// What the content says, whoever made it: to show people, never to judge by.
    ///
    /// # Errors
    /// [`BundleError`]: content that breaks a rule of the format.
    pub fn unverified(&self) -> Result<(BundleFacts, Vec<Entry>), BundleError> {
        content::read(self.payload)
    }
}

impl Bundle {
    /// Number and times.
    pub const fn facts(&self) -> &BundleFacts {
        &self.facts
    }

    /// The files, in the order of their names.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

impl fmt::Debug for SignedBundle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedBundle({} bytes of content)", self.payload.len())
    }
}
