//! A document that has passed the whole line.

use crate::cbor::Item;
use crate::response::{DeviceSignedItem, Document, IssuerSignedItem, MobileSecurityObject};

use super::{AuthenticItems, HolderBound, InWindow, SelfSignedMso, Standing, TrustedSigner};

/// A document that every check holds for, but for the policy on its [`Standing`]. There is no
/// other way to read an element's value.
#[derive(Debug)]
pub struct VerifiedDocument<'a> {
    doc_type: &'a str,
    items: Vec<IssuerSignedItem<'a>>,
    device_items: Vec<DeviceSignedItem<'a>>,
    signer: TrustedSigner,
    mso: SelfSignedMso<'a>,
    standing: Standing,
}

/// An element of a verified document.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    /// The namespace.
    pub name_space: &'a str,
    /// The element's name.
    pub identifier: &'a str,
    /// The value. May be personal data.
    pub value: Item<'a>,
}

impl<'a> VerifiedDocument<'a> {
    /// Only with a proof of every check.
    pub(super) fn new(
        document: &Document<'a>,
        signer: TrustedSigner,
        mso: SelfSignedMso<'a>,
        AuthenticItems { .. }: AuthenticItems,
        InWindow { .. }: InWindow,
        _: HolderBound,
        standing: Standing,
    ) -> Self {
        Self {
            doc_type: document.doc_type,
            items: document.issuer_signed.items.clone(),
            device_items: document.device_signed.items.clone(),
            signer,
            mso,
            standing,
        }
    }

    /// The document type.
    pub const fn doc_type(&self) -> &'a str {
        self.doc_type
    }

    /// The elements that the issuer vouches for, in the order received.
    pub fn elements(&self) -> impl Iterator<Item = Element<'a>> {
        self.items.iter().map(|item| Element {
            name_space: item.name_space,
            identifier: item.element_identifier,
            value: item.element_value,
        })
    }

    /// The value of an element that the issuer vouches for.
    pub fn element(&self, name_space: &str, identifier: &str) -> Option<Item<'a>> {
        let mut elements = self.elements();
        let found =
            elements.find(|element| element.name_space == name_space && element.identifier == identifier)?;
        Some(found.value)
    }

    /// The elements that the device alone vouches for.
    pub fn device_signed_elements(&self) -> impl Iterator<Item = Element<'a>> {
        self.device_items.iter().map(|item| Element {
            name_space: item.name_space,
            identifier: item.element_identifier,
            value: item.element_value,
        })
    }

    /// The MSO.
    pub const fn mso(&self) -> &MobileSecurityObject<'a> {
        self.mso.mso()
    }

    /// The MSO as the issuer signed it, without the signature: the same bytes in every presentation of
    /// one record, and others in every other record.
    pub const fn mso_bytes(&self) -> &'a [u8] {
        self.mso.payload()
    }

    /// Who signed the MSO.
    pub const fn signer(&self) -> &TrustedSigner {
        &self.signer
    }

    /// What is known of revocation.
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }
}
