//! Connection handover (18013-5 §8.2.2.1): the reader's request, the phone's selection, and what both come to.

use core::fmt;

use rand_core::CryptoRng;

use crate::engagement::{
    BleCentralClient, BleOptions, BlePeripheralServer, DeviceEngagement, EngagementError, NfcOptions,
    RetrievalMethod,
};
use crate::session::Handover;

use super::carrier::{BLE_TYPE, BleCarrier, Carrier, CarrierError, LeRole, NFC_REQUEST};
use super::ndef::{self, NdefError, Record, TypeNameFormat};

/// The external type of the record with the DeviceEngagement.
pub const ENGAGEMENT_TYPE: &[u8] = b"iso.org:18013:deviceengagement";
/// Connection Handover 1.5, the one version of 18013-5.
pub const VERSION: u8 = 0x15;
/// The most carriers that a message may refer to.
pub const MAX_CARRIERS: usize = 16;

/// The bits of the carrier power state; the others are reserved.
const POWER_STATE: u8 = 0x03;
const INACTIVE: u8 = 0;
const ACTIVE: u8 = 1;

/// What this reader has to offer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// Bluetooth Low Energy.
    pub ble: Option<BleOffer>,
    /// NFC data transfer.
    pub nfc: bool,
}

/// The sides of Bluetooth LE that this reader can take.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BleOffer {
    /// It scans and is the GATT client (mdoc peripheral server mode).
    pub central: bool,
    /// It advertises this service and is the GATT server (mdoc central client mode).
    pub peripheral: Option<[u8; 16]>,
}

impl BleOffer {
    /// None where it can take neither side.
    fn carrier(&self) -> Option<BleCarrier> {
        let role = match (self.central, self.peripheral.is_some()) {
            (true, true) => LeRole::PeripheralPreferred,
            (false, true) => LeRole::Peripheral,
            (true, false) => LeRole::Central,
            (false, false) => return None,
        };
        Some(BleCarrier {
            role,
            uuid: self.peripheral,
            address: None,
            psm: None,
        })
    }
}

/// UUIDs tell sessions apart.
impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer")
            .field("ble", &self.ble.and_then(|ble| ble.carrier()).map(|ble| ble.role))
            .field("nfc", &self.nfc)
            .finish()
    }
}

/// A Handover Request message, as it is sent in a negotiated handover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverRequest {
    bytes: Vec<u8>,
    offer: Offer,
}

impl HandoverRequest {
    /// The message with this offer. Two random bytes settle a collision of two requests.
    pub fn new(offer: Offer, random: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut collision = [0; 2];
        random.fill_bytes(&mut collision);
        let ble = offer.ble.and_then(|ble| ble.carrier()).map(|ble| ble.encode());
        let mut carriers = Vec::new();
        if let Some(ble) = &ble {
            carriers.push(Record {
                format: TypeNameFormat::Media,
                record_type: BLE_TYPE,
                id: b"0",
                payload: ble,
            });
        }
        if offer.nfc {
            carriers.push(NFC_REQUEST);
        }
        Self {
            bytes: encode_request(collision, &carriers),
            offer,
        }
    }

    /// The message, without the length before it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A Handover Select message.
#[derive(Clone, PartialEq, Eq)]
pub struct HandoverSelect {
    bytes: Vec<u8>,
    engagement: DeviceEngagement,
    carriers: Vec<Carrier>,
}

impl HandoverSelect {
    /// Reads a message, without the length before it. Carriers of unknown types and inactive ones are passed over.
    ///
    /// # Errors
    /// [`HandoverError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, HandoverError> {
        let records = ndef::decode(bytes)?;
        let (first, others) = records.split_first().ok_or(HandoverError::NotASelect)?;
        if !first.is_well_known(b"Hs") {
            return Err(HandoverError::NotASelect);
        }
        let (version, alternatives) = first.payload.split_first().ok_or(HandoverError::Version)?;
        if *version != VERSION {
            return Err(HandoverError::Version);
        }
        let carriers = decode_carriers(alternatives, others)?;
        let engagement = others
            .iter()
            .find(|record| record.is_external(ENGAGEMENT_TYPE))
            .ok_or(HandoverError::EngagementMissing)?;
        Ok(Self {
            bytes: bytes.to_vec(),
            engagement: DeviceEngagement::from_bytes(engagement.payload)?,
            carriers,
        })
    }

    /// The carriers that are known here, in the phone's order.
    pub fn carriers(&self) -> &[Carrier] {
        &self.carriers
    }

    /// What a static handover comes to: the phone offers, under the one UUID of its message.
    ///
    /// # Errors
    /// [`HandoverError::UuidMissing`].
    pub fn into_static(self) -> Result<NfcEngagement, HandoverError> {
        let methods = methods(&self.carriers, |ble| {
            let uuid = ble.uuid.ok_or(HandoverError::UuidMissing)?;
            Ok(BleOptions {
                peripheral_server: ble.role.is_peripheral().then(|| server(ble, uuid)),
                central_client: ble.role.is_central().then_some(BleCentralClient { uuid }),
            })
        })?;
        Ok(self.engaged(None, methods))
    }

    /// What a negotiated handover comes to. A phone that is the central looks for the reader's UUID, whatever it says
    /// itself; a phone that is the peripheral brings its own.
    ///
    /// # Errors
    /// [`HandoverError::NotOffered`] where the phone selects what was not offered, [`HandoverError::UuidMissing`].
    pub fn into_negotiated(self, request: HandoverRequest) -> Result<NfcEngagement, HandoverError> {
        let offer = request.offer;
        let is_nfc = |carrier: &Carrier| matches!(carrier, Carrier::Nfc(_));
        if !offer.nfc && self.carriers.iter().any(is_nfc) {
            return Err(HandoverError::NotOffered);
        }
        let methods = methods(&self.carriers, |ble| {
            let offer = offer.ble.ok_or(HandoverError::NotOffered)?;
            let central_client = offer
                .peripheral
                .filter(|_| ble.role.is_central())
                .map(|uuid| BleCentralClient { uuid });
            let is_server = offer.central && ble.role.is_peripheral();
            let peripheral_server = ble.uuid.filter(|_| is_server).map(|uuid| server(ble, uuid));
            match (peripheral_server, central_client) {
                (None, None) if is_server => Err(HandoverError::UuidMissing),
                (None, None) => Err(HandoverError::NotOffered),
                _ => Ok(BleOptions {
                    peripheral_server,
                    central_client,
                }),
            }
        })?;
        Ok(self.engaged(Some(request.bytes), methods))
    }

    fn engaged(self, handover_request: Option<Vec<u8>>, methods: Vec<RetrievalMethod>) -> NfcEngagement {
        NfcEngagement {
            engagement: self.engagement.with_carriers(methods),
            handover_select: self.bytes,
            handover_request,
        }
    }
}

/// Says only the number of carriers.
impl fmt::Debug for HandoverSelect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandoverSelect")
            .field("carriers", &self.carriers.len())
            .finish_non_exhaustive()
    }
}

/// An engagement that came by NFC, with the messages of its handover as they were exchanged.
#[derive(Clone, PartialEq, Eq)]
pub struct NfcEngagement {
    engagement: DeviceEngagement,
    handover_select: Vec<u8>,
    handover_request: Option<Vec<u8>>,
}

impl NfcEngagement {
    /// The engagement; its retrieval methods are those that the handover came to.
    pub const fn engagement(&self) -> &DeviceEngagement {
        &self.engagement
    }

    /// What the session transcript is made of.
    pub fn handover(&self) -> Handover<'_> {
        match &self.handover_request {
            None => Handover::NfcStatic {
                handover_select: &self.handover_select,
            },
            Some(handover_request) => Handover::NfcNegotiated {
                handover_select: &self.handover_select,
                handover_request,
            },
        }
    }

    /// Whether the handover was negotiated.
    pub const fn is_negotiated(&self) -> bool {
        self.handover_request.is_some()
    }
}

/// Says only how it came.
impl fmt::Debug for NfcEngagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NfcEngagement")
            .field("is_negotiated", &self.is_negotiated())
            .finish_non_exhaustive()
    }
}

/// Why a message is no handover that a session can start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandoverError {
    /// No NDEF message.
    #[error("{0}")]
    Ndef(#[from] NdefError),
    /// The first record is not that of a Handover Select.
    #[error("a message that is no Handover Select")]
    NotASelect,
    /// Another version than 1.5.
    #[error("a Handover Select of an unknown version")]
    Version,
    /// The alternative carriers are no NDEF message.
    #[error("a Handover Select whose carriers are no NDEF message: {0}")]
    Alternatives(NdefError),
    /// An alternative carrier record is malformed.
    #[error("a Handover Select with a malformed alternative carrier")]
    AlternativeCarrier,
    /// More than [`MAX_CARRIERS`].
    #[error("a Handover Select with too many carriers")]
    TooManyCarriers,
    /// A carrier refers to no record, or to more than one.
    #[error("a Handover Select that refers to no record or to several")]
    Reference,
    /// The phone reports an error instead.
    #[error("a Handover Select with an error")]
    Refused,
    /// A known carrier is malformed.
    #[error("a Handover Select with {0}")]
    Carrier(#[from] CarrierError),
    /// No record with the engagement.
    #[error("a Handover Select without an engagement")]
    EngagementMissing,
    /// The engagement cannot be used.
    #[error("a Handover Select with {0}")]
    Engagement(#[from] EngagementError),
    /// A Bluetooth carrier without the UUID that its role needs.
    #[error("a Bluetooth carrier without its UUID")]
    UuidMissing,
    /// The phone selects what this reader did not offer.
    #[error("a Handover Select of a carrier that was not offered")]
    NotOffered,
}

/// The request record with its collision resolution and references, and then the carriers.
fn encode_request(collision: [u8; 2], carriers: &[Record<'_>]) -> Vec<u8> {
    let references: Vec<Vec<u8>> = carriers
        .iter()
        .map(|carrier| {
            let length = u8::try_from(carrier.id.len()).unwrap_or(u8::MAX);
            [&[ACTIVE, length][..], carrier.id, &[0]].concat()
        })
        .collect();
    let well_known = |record_type, payload| Record {
        format: TypeNameFormat::WellKnown,
        record_type,
        id: b"",
        payload,
    };
    let mut alternatives = vec![well_known(b"cr", &collision[..])];
    alternatives.extend(references.iter().map(|reference| well_known(b"ac", reference)));
    let request = [&[VERSION][..], &ndef::encode(&alternatives)].concat();
    let mut records = vec![well_known(b"Hr", &request)];
    records.extend_from_slice(carriers);
    ndef::encode(&records)
}

fn decode_carriers(alternatives: &[u8], others: &[Record<'_>]) -> Result<Vec<Carrier>, HandoverError> {
    if alternatives.is_empty() {
        return Ok(Vec::new());
    }
    let alternatives = ndef::decode(alternatives).map_err(HandoverError::Alternatives)?;
    if alternatives.iter().any(|record| record.is_well_known(b"err")) {
        return Err(HandoverError::Refused);
    }
    let references = || alternatives.iter().filter(|record| record.is_well_known(b"ac"));
    if references().count() > MAX_CARRIERS {
        return Err(HandoverError::TooManyCarriers);
    }
    let mut carriers = Vec::new();
    for reference in references() {
        let (state, id) = alternative(reference.payload).ok_or(HandoverError::AlternativeCarrier)?;
        let mut found = others.iter().filter(|record| record.id == id);
        let (Some(record), None) = (found.next(), found.next()) else {
            return Err(HandoverError::Reference);
        };
        if state != INACTIVE {
            carriers.extend(Carrier::decode(record)?);
        }
    }
    Ok(carriers)
}

/// Power state and reference of an alternative carrier; the auxiliary references have to be there as counted.
fn alternative(payload: &[u8]) -> Option<(u8, &[u8])> {
    let (state, rest) = payload.split_first()?;
    let (id, rest) = reference(rest)?;
    let (count, mut rest) = rest.split_first()?;
    for _ in 0..*count {
        (_, rest) = reference(rest)?;
    }
    rest.is_empty().then_some((state & POWER_STATE, id))
}

fn reference(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length))
        .filter(|(id, _)| !id.is_empty())
}

/// One method for each kind of carrier. Bluetooth may come in two records, one for each mode.
fn methods(
    carriers: &[Carrier],
    options: impl Fn(&BleCarrier) -> Result<BleOptions, HandoverError>,
) -> Result<Vec<RetrievalMethod>, HandoverError> {
    let mut ble: Option<BleOptions> = None;
    let mut nfc: Option<NfcOptions> = None;
    for carrier in carriers {
        match carrier {
            Carrier::Nfc(options) => nfc = nfc.or(Some(*options)),
            Carrier::Ble(carrier) => {
                let more = options(carrier)?;
                ble = Some(match ble {
                    None => more,
                    Some(before) => BleOptions {
                        peripheral_server: before.peripheral_server.or(more.peripheral_server),
                        central_client: before.central_client.or(more.central_client),
                    },
                });
            }
        }
    }
    let ble = ble.map(RetrievalMethod::Ble);
    Ok(ble.into_iter().chain(nfc.map(RetrievalMethod::Nfc)).collect())
}

const fn server(carrier: &BleCarrier, uuid: [u8; 16]) -> BlePeripheralServer {
    BlePeripheralServer {
        uuid,
        address: carrier.address,
        l2cap_psm: carrier.psm,
    }
}

#[cfg(test)]
#[path = "handover_tests.rs"]
mod tests;
