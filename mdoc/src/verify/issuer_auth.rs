//! `issuer.signature`, `mso` and `document.type`: what the issuer signed, under the chain's leaf.

use crate::crypto::{SignatureAlgorithm, SignatureError};
use crate::limits::Limits;
use crate::response::{Document, MobileSecurityObject};

use super::chain::Leaf;
use super::{DocumentRules, Fact, Finding, Outcome, Reason};

/// The payload of issuerAuth, whose signature holds under the leaf of the document's own chain.
#[derive(Clone, Copy)]
pub(super) struct SignedPayload<'a> {
    payload: &'a [u8],
}

/// The MSO of a document, signed under the leaf of the document's own chain and of the document's
/// own type. Says nothing of whether the chain is trusted.
#[derive(Clone, Debug)]
pub struct SelfSignedMso<'a> {
    mso: MobileSecurityObject<'a>,
    payload: SignedPayload<'a>,
}

/// Says only that there is one: the digests in it would tell two presentations of a record apart
/// from those of another.
impl core::fmt::Debug for SignedPayload<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SignedPayload")
    }
}

impl<'a> SignedPayload<'a> {
    /// Verifies issuerAuth (ISO/IEC 18013-5 §9.3.1).
    pub(super) fn verify(
        document: &Document<'a>,
        leaf: &Leaf<'_>,
        rules: &DocumentRules,
    ) -> Result<Self, Outcome> {
        Self::verify_message(document, leaf, rules).map_err(Outcome::Failed)
    }

    fn verify_message(
        document: &Document<'a>,
        leaf: &Leaf<'_>,
        rules: &DocumentRules,
    ) -> Result<Self, Finding> {
        let message = &document.issuer_signed.issuer_auth;
        let headers = message.headers();
        headers
            .check()
            .map_err(|fault| fault_of(Reason::IssuerSignature, &fault))?;
        let id = headers
            .algorithm()
            .map_err(|fault| fault_of(Reason::IssuerAlgorithm, &fault))?;
        let key = leaf.key.ok_or_else(|| {
            Finding::new(Reason::IssuerAlgorithm).because("the leaf's key is of no supported kind")
        })?;
        let algorithm = SignatureAlgorithm::from_cose_id(id).ok_or_else(|| {
            Finding::new(Reason::IssuerAlgorithm).because("an algorithm that is not allowed")
        })?;
        if !algorithm.fits(key.curve()) || !rules.issuer_curves.contains(&key.curve()) {
            return Err(Finding::new(Reason::IssuerAlgorithm)
                .because("the algorithm does not fit the key, or the profile refuses it")
                .with("curve", Fact::Text(key.curve().name().into())));
        }
        let payload = message
            .payload()
            .ok_or_else(|| Finding::new(Reason::IssuerSignature).because("issuerAuth has no payload"))?;
        match message.verify_signature(algorithm, key, &[payload]) {
            Ok(()) => Ok(Self { payload }),
            Err(SignatureError::Unsupported(curve)) => {
                Err(Finding::new(Reason::IssuerAlgorithm).with("curve", Fact::Text(curve.name().into())))
            }
            Err(error) => Err(fault_of(Reason::IssuerSignature, &error)),
        }
    }

    /// Decodes the MSO.
    pub(super) fn decode(
        &self,
        rules: &DocumentRules,
        limits: &Limits,
    ) -> Result<MobileSecurityObject<'a>, Finding> {
        MobileSecurityObject::decode(self.payload, &limits.cbor_rules(rules.indefinite), rules.mso)
            .map_err(|error| fault_of(Reason::MsoMalformed, &error))
    }
}

impl<'a> SelfSignedMso<'a> {
    /// The MSO must name the document's own type, to the byte.
    pub(super) fn new(
        mso: MobileSecurityObject<'a>,
        payload: SignedPayload<'a>,
        document: &Document<'a>,
    ) -> Result<Self, Finding> {
        if mso.doc_type == document.doc_type {
            Ok(Self { mso, payload })
        } else {
            Err(Finding::new(Reason::DocumentTypeMismatch))
        }
    }

    /// The MSO.
    pub const fn mso(&self) -> &MobileSecurityObject<'a> {
        &self.mso
    }

    /// The payload of issuerAuth as received: the bytes that the signature covers.
    pub(super) const fn payload(&self) -> &'a [u8] {
        self.payload.payload
    }
}

/// `mso` passes, with a warning where a deviation was let pass.
pub(super) fn outcome_of(mso: &MobileSecurityObject<'_>) -> Outcome {
    match mso.tolerated.first() {
        None => Outcome::PASSED,
        Some(deviation) => Outcome::Warned(Finding::new(Reason::MsoTolerated).because(*deviation)),
    }
}

/// A fault of this crate's own wording as a finding. The texts hold no value of the document.
pub(super) fn fault_of(reason: Reason, fault: &dyn core::error::Error) -> Finding {
    Finding::new(reason).because(fault.to_string())
}
