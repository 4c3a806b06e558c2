//! `device.auth`: the response comes from the device that the document was issued to, in this very
//! session (ISO/IEC 18013-5 §9.1.3, §9.3.3).

use zeroize::Zeroizing;

use crate::cbor::write;
use crate::cose::{HMAC_256_256, KeyFormatError, Message, decode_key};
use crate::crypto::{KeyError, PrivateKey, PublicKey, SignatureAlgorithm, SignatureError};
use crate::limits::Limits;
use crate::response::{DeviceAuth, DeviceResponse, Document, MobileSecurityObject, MsoTolerances};
use crate::session::SessionTranscript;

use super::issuer_auth::fault_of;
use super::{Context, DocumentRules, Fact, Finding, Outcome, Reason, SelfSignedMso};

/// What a device MAC is checked with. Neither is ever logged or copied.
pub enum MacKey<'k> {
    /// The reader's ephemeral private key: EMacKey is derived from it.
    Reader(&'k PrivateKey),
    /// EMacKey itself, derived where the reader's key lives.
    Derived(&'k [u8; 32]),
}

/// The device key of the MSO authenticated this session.
#[derive(Debug)]
pub struct HolderBound {
    method: &'static str,
}

impl HolderBound {
    /// Verifies deviceSignature or deviceMac, whichever is given and no other, and that the issuer
    /// authorized the device for every element it vouches for.
    pub(super) fn check(
        document: &Document<'_>,
        mso: &SelfSignedMso<'_>,
        mac_key: Option<&MacKey<'_>>,
        rules: &DocumentRules,
        context: &Context<'_>,
    ) -> Result<Self, Finding> {
        let missing = |fault| Err(Finding::new(Reason::DeviceAuthMissing).because(fault));
        let bound = match &document.device_signed.auth {
            DeviceAuth::Signature(message) => {
                let key = device_key(mso, rules)?;
                check_signature(document, message, &key, context)?;
                Self { method: "signature" }
            }
            DeviceAuth::Mac(message) => {
                let key = device_key(mso, rules)?;
                check_mac(document, message, &key, mac_key, context)?;
                Self { method: "mac" }
            }
            DeviceAuth::Both => return missing("both deviceSignature and deviceMac"),
            DeviceAuth::Missing => return missing("neither deviceSignature nor deviceMac"),
        };
        let authorizations = &mso.mso().key_authorizations;
        for item in &document.device_signed.items {
            if !authorizations.authorizes(item.name_space, item.element_identifier) {
                return Err(Finding::new(Reason::DeviceNotAuthorized)
                    .with("name_space", Fact::Text(item.name_space.to_owned().into()))
                    .with("element", Fact::Text(item.element_identifier.to_owned().into())));
            }
        }
        Ok(bound)
    }

    /// `device.auth` passed, saying how.
    pub(super) fn outcome(&self) -> Outcome {
        Outcome::Passed(vec![("method", Fact::Text(self.method.into()))])
    }
}

fn device_key(mso: &SelfSignedMso<'_>, rules: &DocumentRules) -> Result<PublicKey, Finding> {
    let key = decode_key(mso.mso().device_key).map_err(|error| match error {
        KeyFormatError::Key(KeyError::Unsupported(curve)) => {
            Finding::new(Reason::DeviceAlgorithm).with("curve", Fact::Text(curve.name().into()))
        }
        error => fault_of(Reason::DeviceKey, &error),
    })?;
    if rules.device_curves.contains(&key.curve()) {
        Ok(key)
    } else {
        Err(Finding::new(Reason::DeviceAlgorithm)
            .because("the profile refuses the device key's curve")
            .with("curve", Fact::Text(key.curve().name().into())))
    }
}

fn check_signature(
    document: &Document<'_>,
    message: &Message<'_>,
    key: &PublicKey,
    context: &Context<'_>,
) -> Result<(), Finding> {
    let headers = message.headers();
    headers
        .check()
        .map_err(|fault| fault_of(Reason::DeviceSignature, &fault))?;
    let id = headers
        .algorithm()
        .map_err(|fault| fault_of(Reason::DeviceAlgorithm, &fault))?;
    let algorithm = SignatureAlgorithm::from_cose_id(id).filter(|algorithm| algorithm.fits(key.curve()));
    let algorithm = algorithm.ok_or_else(|| {
        Finding::new(Reason::DeviceAlgorithm)
            .because("the algorithm is not allowed or does not fit the key")
            .with("curve", Fact::Text(key.curve().name().into()))
    })?;
    if message.payload().is_some() {
        return Err(Finding::new(Reason::DeviceSignature).because("the payload is not detached"));
    }
    let verified = with_device_authentication(document, context, |payload| {
        message.verify_signature(algorithm, key, payload)
    });
    verified.map_err(|error| match error {
        SignatureError::Unsupported(curve) => {
            Finding::new(Reason::DeviceAlgorithm).with("curve", Fact::Text(curve.name().into()))
        }
        error => fault_of(Reason::DeviceSignature, &error),
    })
}

fn check_mac(
    document: &Document<'_>,
    message: &Message<'_>,
    device_key: &PublicKey,
    mac_key: Option<&MacKey<'_>>,
    context: &Context<'_>,
) -> Result<(), Finding> {
    let headers = message.headers();
    headers
        .check()
        .map_err(|fault| fault_of(Reason::DeviceMac, &fault))?;
    let id = headers
        .algorithm()
        .map_err(|fault| fault_of(Reason::DeviceAlgorithm, &fault))?;
    if id != HMAC_256_256 {
        return Err(Finding::new(Reason::DeviceAlgorithm).because("a MAC algorithm that is not allowed"));
    }
    if message.payload().is_some() {
        return Err(Finding::new(Reason::DeviceMac).because("the payload is not detached"));
    }
    let key = match mac_key {
        Some(MacKey::Derived(key)) => Zeroizing::new(**key),
        Some(MacKey::Reader(reader_key)) => derive_mac_key(reader_key, device_key, context.transcript)
            .map_err(|error| fault_of(Reason::DeviceMac, &error))?,
        None => return Err(Finding::new(Reason::DeviceMac).because("no reader key is at hand")),
    };
    let holds = with_device_authentication(document, context, |payload| message.verify_mac(&key, payload));
    if holds {
        Ok(())
    } else {
        Err(Finding::new(Reason::DeviceMac).because("the tag does not match"))
    }
}

/// EMacKey (ISO/IEC 18013-5 §9.1.3.5).
fn derive_mac_key(
    reader_key: &PrivateKey,
    device_key: &PublicKey,
    transcript: &SessionTranscript,
) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    Ok(reader_key
        .agree(device_key)?
        .derive(transcript.salt(), b"EMacKey"))
}

/// EMacKey of each document of a response, for whoever judges it elsewhere and must not have the
/// reader's private key; none where the document is signed, or names no key that agrees with it.
///
/// Nothing is verified here: the device keys are what the documents claim.
pub fn derive_mac_keys(
    response: &DeviceResponse<'_>,
    reader_key: &PrivateKey,
    transcript: &SessionTranscript,
    limits: &Limits,
) -> Vec<Option<Zeroizing<[u8; 32]>>> {
    let derive = |document: &Document<'_>| {
        if !matches!(document.device_signed.auth, DeviceAuth::Mac(_)) {
            return None;
        }
        let payload = document.issuer_signed.issuer_auth.payload()?;
        // The laxest reading: the judge decides what it lets pass.
        let tolerances = MsoTolerances {
            untagged_payload: true,
            fractional_seconds: true,
            null_status: true,
        };
        let mso = MobileSecurityObject::decode(payload, &limits.cbor_rules(true), tolerances).ok()?;
        let key = decode_key(mso.device_key).ok()?;
        derive_mac_key(reader_key, &key, transcript).ok()
    };
    response.documents.iter().map(derive).collect()
}

/// Calls `use_payload` with the slices of
/// `#6.24(bstr .cbor ["DeviceAuthentication", SessionTranscript, docType, DeviceNameSpacesBytes])`,
/// spliced from the bytes as received.
fn with_device_authentication<T>(
    document: &Document<'_>,
    context: &Context<'_>,
    use_payload: impl FnOnce(&[&[u8]]) -> T,
) -> T {
    const FRONT: &[u8] = b"\x84\x74DeviceAuthentication";
    const TAG: &[u8] = &[0xd8, 0x18];
    let transcript = context.transcript.as_bytes();
    let name_spaces = document.device_signed.name_spaces_encoded;
    let length = FRONT.len() + transcript.len() + document.doc_type_encoded.len() + name_spaces.len();
    let head = write::bytes_head(length);
    use_payload(&[
        TAG,
        head.as_slice(),
        FRONT,
        transcript,
        document.doc_type_encoded,
        name_spaces,
    ])
}
