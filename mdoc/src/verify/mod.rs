//! The line from a decoded document to one whose elements may be read. One file per check; each
//! step yields a type that only that step can make, so that a skipped check does not compile:
//!
//! ```text
//! chain        (x5chain, anchors, now) ──► TrustedSigner   chain and profile; owns its facts
//! issuer_auth  (COSE_Sign1, leaf key) ───► SelfSignedMso   signature under the chain's own leaf, docType
//! digests      (received item bytes) ────► AuthenticItems  relative to the SelfSignedMso
//! validity     (signed/from/until, now) ─► InWindow
//! device_auth  (transcript, MSO's key) ──► HolderBound
//! crl, status  (evidence, now) ──────────► Standing        good, revoked or unknown; policy decides
//! ═► VerifiedDocument                                       the only way to read an element's value
//! ```

mod chain;
mod crl;
mod device_auth;
mod digests;
mod issuer_auth;
mod report;
mod standing;
mod status;
mod validity;
mod verified;

pub use chain::TrustedSigner;
pub use device_auth::{HolderBound, MacKey, derive_mac_keys};
pub use digests::{AuthenticItems, check_duplicates};
pub use issuer_auth::SelfSignedMso;
pub use report::{Check, CheckReport, Fact, Facts, Finding, Outcome, Reason, Weight};
pub use standing::{RevocationState, Standing};
pub use validity::InWindow;
pub use verified::{Element, VerifiedDocument};

use chain::Chain;
use issuer_auth::SignedPayload;

use crate::crypto::Curve;
use crate::evidence::Evidence;
use crate::limits::Limits;
use crate::response::{Document, MsoTolerances};
use crate::session::SessionTranscript;
use crate::time::UnixTime;
use crate::x509::{AnchorSet, ChainCache, IssuerCertificateProfile};

/// What a document profile asks of issuer and device.
#[derive(Clone, Debug)]
pub struct DocumentRules {
    /// The profile's name, part of the key under which a checked chain is remembered.
    pub name: String,
    /// The profile of the issuer's certificates.
    pub certificate: IssuerCertificateProfile,
    /// Curves of the document signer's key.
    pub issuer_curves: Vec<Curve>,
    /// Curves of the device key.
    pub device_curves: Vec<Curve>,
    /// Accept CBOR containers of indefinite length.
    pub indefinite: bool,
    /// Accept the x5chain in the protected header.
    pub protected_x5chain: bool,
    /// Deviations of the MSO that are let pass.
    pub mso: MsoTolerances,
    /// Status tokens keep to the profile of ISO/IEC 18013-5's second edition: CWT, chain in the
    /// protected header, time of expiry, one bit.
    pub iso_status_profile: bool,
    /// From the instant of signature to the first instant at which no MSO of this profile is valid.
    pub validity_ceiling: Option<fn(UnixTime) -> UnixTime>,
}

/// All that a document is judged against.
#[derive(Clone, Copy)]
pub struct Context<'c> {
    /// The transcript of the session that the response answers.
    pub transcript: &'c SessionTranscript,
    /// The trust anchors.
    pub anchors: &'c AnchorSet,
    /// Chains that were checked before, of the same anchors.
    pub cache: &'c ChainCache,
    /// The rules of the document type's own profile.
    pub rules: &'c DocumentRules,
    /// The rules of a profile by name, for anchors that name one.
    pub rules_by_name: &'c dyn Fn(&str) -> Option<&'c DocumentRules>,
    /// Evidence of revocation at hand.
    pub evidence: &'c Evidence,
    /// Overrules the document profile's choice of the ISO profile of status tokens.
    pub iso_status_profile: Option<bool>,
    /// Whether a document signer may sign status tokens.
    pub document_signer_may_sign_status: bool,
    /// The instant of judgement.
    pub now: UnixTime,
    /// Seconds by which clocks may differ.
    pub clock_skew: i64,
    /// The fewest bits of the group of any key from the document signer to the anchor; none for
    /// whatever the profile allows. Not part of what the cache remembers.
    pub minimum_curve_bits: Option<u16>,
    /// Bounds of the CBOR inside the document.
    pub limits: &'c Limits,
}

/// What became of the checks of one document that this crate makes, and what they prove.
#[derive(Debug)]
pub struct DocumentLine<'a> {
    /// `issuer.chain`.
    pub chain: Outcome,
    /// `issuer.certificate`.
    pub certificate: Outcome,
    /// `issuer.signature`.
    pub signature: Outcome,
    /// `document.type`.
    pub doc_type: Outcome,
    /// `mso`.
    pub mso: Outcome,
    /// `digests`.
    pub digests: Outcome,
    /// `mso.validity`.
    pub validity: Outcome,
    /// `device.auth`.
    pub device_auth: Outcome,
    /// When the MSO was signed, where its signature holds.
    pub signed: Option<UnixTime>,
    /// What CRLs say of the signer, where it is trusted.
    pub crl: Option<RevocationState>,
    /// What status lists say of the MSO, where its signature holds and its signer is trusted.
    pub status: Option<RevocationState>,
    /// Duplicate elements, the part of `elements` that needs no value.
    pub duplicates: Result<(), Finding>,
    /// The document, when every check above holds.
    pub verified: Option<VerifiedDocument<'a>>,
}

/// Makes every check of `document` that has its input; one that fails does not hide another.
pub fn verify_document<'a>(
    document: &Document<'a>,
    mac_key: Option<&MacKey<'_>>,
    context: &Context<'_>,
) -> DocumentLine<'a> {
    let chain = Chain::find(document, context);
    let rules = chain.rules(document, context);
    let leaf = chain.leaf();
    let (signer, chain_outcome, certificate) = chain.select(document, context);
    let payload = match &leaf {
        Some(leaf) => SignedPayload::verify(document, leaf, rules),
        None => Err(Outcome::NotReached {
            after: Check::IssuerChain,
        }),
    };
    let mso = match &payload {
        Ok(payload) => payload.decode(rules, context.limits).map_err(Outcome::Failed),
        Err(_) => Err(Outcome::NotReached {
            after: Check::IssuerSignature,
        }),
    };
    let mso_outcome = match &mso {
        Ok(mso) => issuer_auth::outcome_of(mso),
        Err(outcome) => outcome.clone(),
    };
    let self_signed = match (mso, &payload) {
        (Ok(mso), Ok(payload)) => SelfSignedMso::new(mso, *payload, document).map_err(Outcome::Failed),
        (Err(Outcome::Failed(_)), _) => Err(Outcome::NotReached { after: Check::Mso }),
        _ => Err(Outcome::NotReached {
            after: Check::IssuerSignature,
        }),
    };
    let (digests, validity, device_auth) = match &self_signed {
        Ok(mso) => (
            AuthenticItems::check(document, mso).map_err(Outcome::Failed),
            InWindow::check(mso, leaf.as_ref(), rules, context),
            HolderBound::check(document, mso, mac_key, rules, context).map_err(Outcome::Failed),
        ),
        Err(outcome) => {
            let after = first_missing(outcome);
            let missing = || Outcome::NotReached { after };
            (Err(missing()), Err(missing()), Err(missing()))
        }
    };
    let duplicates = check_duplicates(document);
    let crl_state = signer
        .as_ref()
        .and_then(TrustedSigner::path)
        .map(|path| crl::state(path, context));
    let status_state = match (&signer, &self_signed) {
        (Some(signer), Ok(mso)) => Some(status::state(mso.mso(), signer, rules, context)),
        _ => None,
    };
    let signed = self_signed
        .as_ref()
        .ok()
        .map(|mso| mso.mso().validity_info.signed);
    DocumentLine {
        chain: chain_outcome,
        certificate,
        signature: outcome(&payload),
        doc_type: outcome(&self_signed),
        mso: mso_outcome,
        digests: outcome(&digests),
        validity: match &validity {
            Ok((_, warning)) => warning.clone(),
            Err(outcome) => outcome.clone(),
        },
        device_auth: match &device_auth {
            Ok(bound) => bound.outcome(),
            Err(outcome) => outcome.clone(),
        },
        verified: (|| {
            duplicates.as_ref().ok()?;
            let mso = self_signed.ok()?;
            let standing = Standing {
                crl: crl_state.clone()?,
                status: status_state.clone()?,
            };
            Some(VerifiedDocument::new(
                document,
                signer?,
                mso,
                digests.ok()?,
                validity.ok()?.0,
                device_auth.ok()?,
                standing,
            ))
        })(),
        signed,
        crl: crl_state,
        status: status_state,
        duplicates,
    }
}

fn outcome<T>(step: &Result<T, Outcome>) -> Outcome {
    match step {
        Ok(_) => Outcome::PASSED,
        Err(outcome) => outcome.clone(),
    }
}

/// The check whose failure keeps the checks on the MSO from their input.
const fn first_missing(self_signed: &Outcome) -> Check {
    match self_signed {
        Outcome::NotReached { after } => *after,
        Outcome::Passed(_) | Outcome::Warned(_) | Outcome::Failed(_) => Check::DocumentType,
    }
}
