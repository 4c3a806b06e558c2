//! What the product's own decoders say of an item. They see the item's bytes alone; the view adds
//! where in the file they stand.

use mdoc::cbor::{self, Item, Rules};
use mdoc::cose::{self, Message};
use mdoc::engagement::DeviceEngagement;
use mdoc::limits::Limits;
use mdoc::request::DeviceRequest;
use mdoc::response::{DeviceAuth, DeviceResponse, MobileSecurityObject, MsoTolerances};
use mdoc::session::{SessionData, SessionEstablishment, SessionTranscript};

use super::fault::Fault;
use super::head::At;
use super::node::Check;

/// Judges the item that `bytes` are, at `offset` of the file; what it is in words, where that adds
/// something.
pub(super) fn run(check: Check, bytes: &[u8], offset: usize) -> Result<Option<String>, At> {
    if check == Check::Nothing {
        return Ok(None);
    }
    // CBOR first: its faults have an exact place.
    cbor(bytes, offset)?;
    judge(check, bytes).map_err(|fault| (offset, fault))
}

/// Judges bytes as one item of strict CBOR.
pub(super) fn cbor(bytes: &[u8], offset: usize) -> Result<(), At> {
    match Item::decode(bytes, &rules()) {
        Ok(_) => Ok(()),
        Err(error) => Err((offset.saturating_add(error.offset), Fault::Cbor(error.kind))),
    }
}

fn judge(check: Check, bytes: &[u8]) -> Result<Option<String>, Fault> {
    let longest = Limits::default().message_bytes;
    match check {
        Check::Nothing => {}
        Check::Engagement => drop(DeviceEngagement::from_bytes(bytes).map_err(Fault::Engagement)?),
        Check::Request => drop(DeviceRequest::decode(bytes).map_err(Fault::Request)?),
        Check::Response => response(bytes)?,
        Check::IssuerAuth => issuer_auth(bytes)?,
        Check::Sign1 => sign1(bytes)?,
        Check::Mso => mso(bytes)?,
        Check::Transcript => drop(SessionTranscript::from_bytes(bytes).map_err(Fault::Transcript)?),
        Check::Establishment => {
            drop(SessionEstablishment::decode(bytes, longest).map_err(Fault::Session)?);
        }
        Check::SessionData => drop(SessionData::decode(bytes, longest).map_err(Fault::Session)?),
        Check::Key => {
            let key = cose::decode_key(item(bytes)?).map_err(Fault::Key)?;
            return Ok(Some(key.curve().name().to_owned()));
        }
    }
    Ok(None)
}

/// Documents without or with two authentications are decoded; the judgement refuses them.
fn response(bytes: &[u8]) -> Result<(), Fault> {
    let response = DeviceResponse::decode(bytes, &Limits::default(), false).map_err(Fault::Response)?;
    for document in &response.documents {
        match document.device_signed.auth {
            DeviceAuth::Signature(_) | DeviceAuth::Mac(_) => {}
            DeviceAuth::Both => return Err(Fault::BothDeviceAuths),
            DeviceAuth::Missing => return Err(Fault::NoDeviceAuth),
        }
    }
    Ok(())
}

fn issuer_auth(bytes: &[u8]) -> Result<(), Fault> {
    let message = Message::decode(item(bytes)?, &rules()).map_err(Fault::Cose)?;
    message.headers().check().map_err(Fault::Headers)?;
    message.headers().algorithm().map_err(Fault::Algorithm)?;
    message.headers().x5chain(false).map_err(Fault::Chain)?;
    Ok(())
}

fn sign1(bytes: &[u8]) -> Result<(), Fault> {
    let message = Message::decode(item(bytes)?, &rules()).map_err(Fault::Cose)?;
    message.headers().check().map_err(Fault::Headers)?;
    message.headers().algorithm().map_err(Fault::Algorithm)?;
    Ok(())
}

/// The MSO itself: whether it stands under tag 24 is told by its place.
fn mso(bytes: &[u8]) -> Result<(), Fault> {
    let tolerances = MsoTolerances {
        untagged_payload: true,
        ..MsoTolerances::default()
    };
    MobileSecurityObject::decode(bytes, &rules(), tolerances)
        .map(drop)
        .map_err(Fault::Mso)
}

fn item(bytes: &[u8]) -> Result<Item<'_>, Fault> {
    Item::decode(bytes, &rules()).map_err(|error: cbor::Error| Fault::Cbor(error.kind))
}

/// Those that a response is decoded by; requests and engagements have the same.
fn rules() -> Rules {
    Limits::default().cbor_rules(false)
}
