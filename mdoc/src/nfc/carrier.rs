//! Carrier configuration records of a handover (18013-5 §8.2.2.1): Bluetooth LE and NFC.

use core::fmt;

use crate::cbor::{Item, Rules};
use crate::engagement::NfcOptions;

use super::ndef::{Record, TypeNameFormat};

/// The media type of Bluetooth LE out-of-band data.
pub const BLE_TYPE: &[u8] = b"application/vnd.bluetooth.le.oob";
/// The external type of NFC data transfer.
pub const NFC_TYPE: &[u8] = b"iso.org:18013:nfc";

const LE_ROLE: u8 = 0x1c;
const UUIDS_COMPLETE: u8 = 0x07;
const DEVICE_ADDRESS: u8 = 0x1b;
const SERVICE_DATA: u8 = 0x16;
/// The 16-bit UUID under which the second edition's drafts put the PSM.
const PSM_SERVICE: [u8; 2] = [0x01, 0xff];
const NFC_VERSION: u8 = 0x01;
const MAX_COMMAND_DATA: u8 = 0x01;
const MAX_RESPONSE_DATA: u8 = 0x02;

/// A carrier that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Bluetooth Low Energy.
    Ble(BleCarrier),
    /// NFC data transfer.
    Nfc(NfcOptions),
}

impl Carrier {
    /// Reads the carrier of a select message; `None` where its type is not known here.
    ///
    /// # Errors
    /// [`CarrierError`].
    pub(super) fn decode(record: &Record<'_>) -> Result<Option<Self>, CarrierError> {
        if record.is_media(BLE_TYPE) {
            BleCarrier::decode(record.payload).map(|ble| Some(Self::Ble(ble)))
        } else if record.is_external(NFC_TYPE) {
            decode_nfc(record.payload)
                .map(|nfc| Some(Self::Nfc(nfc)))
                .ok_or(CarrierError::Nfc)
        } else {
            Ok(None)
        }
    }
}

/// The side that the sender of the record takes (Core Specification Supplement, LE Role).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeRole {
    /// Peripheral only.
    Peripheral,
    /// Central only.
    Central,
    /// Both, peripheral preferred.
    PeripheralPreferred,
    /// Both, central preferred.
    CentralPreferred,
}

impl LeRole {
    /// Whether the sender can be the peripheral.
    pub const fn is_peripheral(self) -> bool {
        !matches!(self, Self::Central)
    }

    /// Whether the sender can be the central.
    pub const fn is_central(self) -> bool {
        !matches!(self, Self::Peripheral)
    }

    const fn byte(self) -> u8 {
        match self {
            Self::Peripheral => 0,
            Self::Central => 1,
            Self::PeripheralPreferred => 2,
            Self::CentralPreferred => 3,
        }
    }

    const fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Peripheral,
            1 => Self::Central,
            2 => Self::PeripheralPreferred,
            3 => Self::CentralPreferred,
            _ => return None,
        })
    }
}

/// Bluetooth LE as its out-of-band data tells it: a row of AD structures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BleCarrier {
    /// The sender's role.
    pub role: LeRole,
    /// The service UUID, in textual order.
    pub uuid: Option<[u8; 16]>,
    /// The sender's device address, a hint for the scan.
    pub address: Option<[u8; 6]>,
    /// The PSM of an L2CAP channel (second edition).
    pub psm: Option<u16>,
}

impl BleCarrier {
    /// Reads the payload of a record.
    ///
    /// # Errors
    /// [`CarrierError`].
    pub fn decode(mut payload: &[u8]) -> Result<Self, CarrierError> {
        let (mut role, mut uuid, mut address, mut psm) = (None, None, None, None);
        while let Some((length, rest)) = payload.split_first() {
            let (structure, rest) = rest
                .split_at_checked(usize::from(*length))
                .ok_or(CarrierError::Structure)?;
            let (ad_type, data) = structure.split_first().ok_or(CarrierError::Structure)?;
            match *ad_type {
                LE_ROLE => once(&mut role, le_role(data))?,
                UUIDS_COMPLETE => once(&mut uuid, reversed(data))?,
                // With or without the byte that tells the kind of address.
                DEVICE_ADDRESS => once(
                    &mut address,
                    data.get(..6).filter(|_| data.len() <= 7).and_then(reversed),
                )?,
                SERVICE_DATA if data.starts_with(&PSM_SERVICE) => once(&mut psm, psm_of(data))?,
                _ => {}
            }
            payload = rest;
        }
        Ok(Self {
            role: role.ok_or(CarrierError::RoleMissing)?,
            uuid,
            address,
            psm,
        })
    }

    /// The payload of a record.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(address) = &self.address {
            out.extend_from_slice(&[8, DEVICE_ADDRESS]);
            out.extend(address.iter().rev());
            // A random address.
            out.push(1);
        }
        out.extend_from_slice(&[2, LE_ROLE, self.role.byte()]);
        if let Some(uuid) = &self.uuid {
            out.extend_from_slice(&[17, UUIDS_COMPLETE]);
            out.extend(uuid.iter().rev());
        }
        out
    }
}

/// Addresses and UUIDs tell phones and sessions apart.
impl fmt::Debug for BleCarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BleCarrier")
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// Why a carrier of a known type cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CarrierError {
    /// The Bluetooth data is no row of AD structures.
    #[error("a Bluetooth carrier that is cut short")]
    Structure,
    /// A known AD structure with a content that it cannot have.
    #[error("a Bluetooth carrier with malformed data")]
    Content,
    /// A known AD structure twice.
    #[error("a Bluetooth carrier that says one thing twice")]
    Repeated,
    /// No LE Role.
    #[error("a Bluetooth carrier without a role")]
    RoleMissing,
    /// The NFC carrier has another version, is cut short or names lengths out of range.
    #[error("a malformed NFC carrier")]
    Nfc,
}

/// The record of this reader's NFC data transfer in a request message: the version alone.
pub(super) const NFC_REQUEST: Record<'static> = Record {
    format: TypeNameFormat::External,
    record_type: NFC_TYPE,
    id: b"nfc",
    payload: &[NFC_VERSION],
};

fn once<T>(slot: &mut Option<T>, value: Option<T>) -> Result<(), CarrierError> {
    let value = value.ok_or(CarrierError::Content)?;
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(CarrierError::Repeated),
    }
}

fn le_role(data: &[u8]) -> Option<LeRole> {
    match data {
        [byte] => LeRole::of(*byte),
        _ => None,
    }
}

fn reversed<const N: usize>(data: &[u8]) -> Option<[u8; N]> {
    let mut bytes: [u8; N] = data.try_into().ok()?;
    bytes.reverse();
    Some(bytes)
}

/// `{ 0: psm }` behind the 16-bit UUID.
fn psm_of(data: &[u8]) -> Option<u16> {
    let item = Item::decode(data.get(2..)?, &Rules::default()).ok()?;
    u16::try_from(item.as_map()?.get_int(0)?.as_u64()?).ok()
}

/// The version, then lengths and values: the longest command data and the longest response data.
fn decode_nfc(payload: &[u8]) -> Option<NfcOptions> {
    let (version, mut rest) = payload.split_first()?;
    if *version != NFC_VERSION {
        return None;
    }
    let (mut command, mut response) = (None, None);
    while let Some((length, behind)) = rest.split_first() {
        let (field, behind) = behind.split_at_checked(usize::from(*length))?;
        let (tag, value) = field.split_first()?;
        let value = big_endian(value)?;
        let slot = match *tag {
            MAX_COMMAND_DATA => Some(&mut command),
            MAX_RESPONSE_DATA => Some(&mut response),
            _ => None,
        };
        if slot.is_some_and(|slot| slot.replace(value).is_some()) {
            return None;
        }
        rest = behind;
    }
    Some(NfcOptions {
        max_command_data: command.filter(|length| (255..=65_535).contains(length))?,
        max_response_data: response.filter(|length| (256..=65_536).contains(length))?,
    })
}

fn big_endian(value: &[u8]) -> Option<u32> {
    (1..=4).contains(&value.len()).then(|| {
        value
            .iter()
            .fold(0, |number, byte| number << 8 | u32::from(*byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    fn uuid_structure() -> Vec<u8> {
        let mut structure = vec![17, 7];
        structure.extend(UUID.iter().rev());
        structure
    }

    #[test]
    fn a_bluetooth_carrier_is_read_and_written() {
        for (role, byte) in [
            (LeRole::Peripheral, 0),
            (LeRole::Central, 1),
            (LeRole::PeripheralPreferred, 2),
            (LeRole::CentralPreferred, 3),
        ] {
            let carrier = BleCarrier {
                role,
                uuid: Some(UUID),
                address: Some([1, 2, 3, 4, 5, 6]),
                psm: None,
            };
            let bytes = carrier.encode();
            let expected = [
                &[8, 0x1b, 6, 5, 4, 3, 2, 1, 1, 2, 0x1c, byte][..],
                &uuid_structure(),
            ];
            assert_eq!(bytes, expected.concat());
            assert_eq!(BleCarrier::decode(&bytes), Ok(carrier));
        }
    }

    #[test]
    fn an_address_with_and_without_its_kind_a_channel_and_what_is_unknown() {
        let with = |more: &[u8]| BleCarrier::decode(&[&[2, 0x1c, 0][..], more].concat());
        let plain = with(&[]).unwrap();
        assert_eq!((plain.uuid, plain.address, plain.psm), (None, None, None));
        assert_eq!(
            with(&[7, 0x1b, 6, 5, 4, 3, 2, 1]).unwrap().address,
            Some([1, 2, 3, 4, 5, 6])
        );
        assert_eq!(
            with(&[8, 0x1b, 6, 5, 4, 3, 2, 1, 0]).unwrap().address,
            Some([1, 2, 3, 4, 5, 6])
        );
        let psm = [7, 0x16, 0x01, 0xff, 0xa1, 0, 0x18, 0x81];
        assert_eq!(with(&psm).unwrap().psm, Some(0x81));
        assert_eq!(
            with(&[5, 0x16, 9, 9, 0xff, 0xff]),
            Ok(plain),
            "another service's data"
        );
        assert_eq!(with(&[3, 0x09, b'x', b'y']), Ok(plain), "a name");
    }

    #[test]
    fn bluetooth_carriers_that_are_not_taken() {
        let sound = [&[2, 0x1c, 0][..], &uuid_structure()].concat();
        assert!(BleCarrier::decode(&sound).is_ok());
        for end in 1..sound.len() {
            let expected = if end == 3 {
                None
            } else {
                Some(CarrierError::Structure)
            };
            assert_eq!(BleCarrier::decode(&sound[..end]).err(), expected, "{end}");
        }
        let long_uuids = [&[2, 0x1c, 0, 33, 7][..], &[0; 32]].concat();
        for (bytes, error) in [
            (&[][..], CarrierError::RoleMissing),
            (&uuid_structure(), CarrierError::RoleMissing),
            (&[0], CarrierError::Structure),
            (&[2, 0x1c, 4], CarrierError::Content),
            (&[3, 0x1c, 0, 0], CarrierError::Content),
            (&[1, 0x1c], CarrierError::Content),
            (&[2, 0x1c, 0, 2, 0x1c, 0], CarrierError::Repeated),
            (&[2, 0x1c, 0, 6, 0x1b, 1, 2, 3, 4, 5], CarrierError::Content),
            (
                &[2, 0x1c, 0, 9, 0x1b, 1, 2, 3, 4, 5, 6, 7, 8],
                CarrierError::Content,
            ),
            (&long_uuids, CarrierError::Content),
            (&[2, 0x1c, 0, 5, 0x16, 0x01, 0xff, 0xa1, 0], CarrierError::Content),
        ] {
            assert_eq!(BleCarrier::decode(bytes), Err(error), "{bytes:x?}");
        }
    }

    #[test]
    fn nfc_carriers() {
        let sound = [1, 3, 1, 0xff, 0xff, 4, 2, 1, 0, 0];
        assert_eq!(
            decode_nfc(&sound),
            Some(NfcOptions {
                max_command_data: 65_535,
                max_response_data: 65_536
            })
        );
        assert!(
            decode_nfc(&[1, 2, 1, 0xff, 3, 2, 1, 0, 2, 9, 9]).is_some(),
            "an unknown field"
        );
        for end in 0..sound.len() {
            assert_eq!(decode_nfc(&sound[..end]), None, "{end}");
        }
        for bytes in [
            &[2, 3, 1, 0xff, 0xff, 4, 2, 1, 0, 0][..],
            &[1, 2, 1, 0xfe, 3, 2, 1, 0],
            &[1, 2, 1, 0xff, 2, 2, 0xff],
            &[1, 4, 1, 1, 0, 0, 3, 2, 1, 0],
            &[1, 2, 1, 0xff, 4, 2, 1, 0, 1],
            &[1, 2, 1, 0xff, 2, 1, 0xff, 3, 2, 1, 0],
            &[1, 1, 1, 3, 2, 1, 0],
            &[1, 6, 1, 0, 0, 0, 0, 0xff, 3, 2, 1, 0],
            &[1, 0],
        ] {
            assert_eq!(decode_nfc(bytes), None, "{bytes:x?}");
        }
    }
}
