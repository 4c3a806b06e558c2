//! DeviceRetrievalMethod (18013-5 §8.2.1.1): the ways that a phone offers to move data.

use core::fmt;

use crate::cbor::{self, Item, Map};

const NFC: u64 = 1;
const BLE: u64 = 2;
const WIFI_AWARE: u64 = 3;
/// The version of each method's options that is read here.
const VERSION: u64 = 1;
/// Entries of one engagement, known and unknown.
const MAX_METHODS: usize = 16;

/// A retrieval method of a known type and version: `[ type: uint, version: uint, options ]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetrievalMethod {
    /// Type 1: NFC data transfer.
    Nfc(NfcOptions),
    /// Type 2: Bluetooth Low Energy.
    Ble(BleOptions),
    /// Type 3: Wi-Fi Aware.
    WifiAware(WifiAwareOptions),
}

/// `{ 0: uint, 1: uint }`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NfcOptions {
    /// The longest command data field in bytes, 255 to 65,535.
    pub max_command_data: u32,
    /// The longest response data field in bytes, 256 to 65,536.
    pub max_response_data: u32,
}

/// `{ 0: bool, 1: bool, ? 10: bstr .size 16, ? 11: bstr .size 16, ? 20: bstr .size 6, ? 21: uint }`
///
/// At least one of the two modes is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BleOptions {
    /// The phone can be the peripheral and GATT server.
    pub peripheral_server: Option<BlePeripheralServer>,
    /// The phone can be the central and GATT client.
    pub central_client: Option<BleCentralClient>,
}

/// The phone as peripheral: the reader scans for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BlePeripheralServer {
    /// The service UUID that the phone advertises, in textual order.
    pub uuid: [u8; 16],
    /// The phone's device address, a hint for the scan.
    pub address: Option<[u8; 6]>,
    /// The PSM of an L2CAP channel (second edition).
    pub l2cap_psm: Option<u16>,
}

/// The phone as central: the reader advertises.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BleCentralClient {
    /// The service UUID that the reader is to advertise, in textual order.
    pub uuid: [u8; 16],
}

/// `{ ? 0: tstr, ? 1: uint, ? 2: uint, ? 3: bstr }`
#[derive(Clone, PartialEq, Eq)]
pub struct WifiAwareOptions {
    /// The passphrase.
    pub passphrase: Option<String>,
    /// The operating class of the channel.
    pub operating_class: Option<u64>,
    /// The channel's number.
    pub channel: Option<u64>,
    /// The bands that the phone supports, one bit each.
    pub supported_bands: Option<Vec<u8>>,
}

/// Addresses tell phones apart.
impl fmt::Debug for BlePeripheralServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlePeripheralServer").finish_non_exhaustive()
    }
}

/// UUIDs tell sessions apart.
impl fmt::Debug for BleCentralClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BleCentralClient").finish_non_exhaustive()
    }
}

/// A passphrase is a secret.
impl fmt::Debug for WifiAwareOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WifiAwareOptions").finish_non_exhaustive()
    }
}

/// Why retrieval methods cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MethodError {
    /// Not an array of at least one and at most 16 entries.
    #[error("a malformed list of retrieval methods")]
    List,
    /// An entry that does not start with its type and version, or a known one that is no array of three.
    #[error("a malformed retrieval method")]
    Entry,
    /// Two entries of one type and version.
    #[error("a retrieval method that is there twice")]
    Duplicate,
    /// Malformed or missing NFC options, or a length out of range.
    #[error("malformed NFC options")]
    NfcOptions,
    /// Malformed or missing BLE options.
    #[error("malformed BLE options")]
    BleOptions,
    /// BLE options that offer neither mode.
    #[error("BLE options without a mode")]
    BleNoMode,
    /// A BLE mode without its UUID.
    #[error("a BLE mode without its UUID")]
    BleUuidMissing,
    /// Malformed Wi-Fi Aware options.
    #[error("malformed Wi-Fi Aware options")]
    WifiAwareOptions,
}

/// The methods of a known type and version; entries of other types and versions are skipped.
pub(super) fn decode_all(item: Item<'_>) -> Result<Vec<RetrievalMethod>, MethodError> {
    let entries = item
        .as_array()
        .filter(|entries| (1..=MAX_METHODS).contains(&entries.len()))
        .ok_or(MethodError::List)?;
    let mut seen = Vec::new();
    let mut methods = Vec::new();
    for entry in entries.iter() {
        let (method_type, version) = type_and_version(entry).ok_or(MethodError::Entry)?;
        if seen.contains(&(method_type, version)) {
            return Err(MethodError::Duplicate);
        }
        seen.push((method_type, version));
        if version == VERSION {
            methods.extend(decode_known(method_type, entry)?);
        }
    }
    Ok(methods)
}

fn type_and_version(entry: Item<'_>) -> Option<(u64, u64)> {
    let mut elements = entry.as_array()?.iter();
    Some((elements.next()?.as_u64()?, elements.next()?.as_u64()?))
}

fn decode_known(method_type: u64, entry: Item<'_>) -> Result<Option<RetrievalMethod>, MethodError> {
    let options = || {
        let [_, _, options] = entry
            .as_array()
            .and_then(cbor::Array::exactly)
            .ok_or(MethodError::Entry)?;
        Ok(options)
    };
    match method_type {
        NFC => decode_nfc(options()?).map(RetrievalMethod::Nfc).map(Some),
        BLE => decode_ble(options()?).map(RetrievalMethod::Ble).map(Some),
        WIFI_AWARE => decode_wifi_aware(options()?)
            .map(RetrievalMethod::WifiAware)
            .map(Some)
            .ok_or(MethodError::WifiAwareOptions),
        _ => Ok(None),
    }
}

fn decode_nfc(item: Item<'_>) -> Result<NfcOptions, MethodError> {
    let length = |map: Map<'_>, key, range: core::ops::RangeInclusive<u32>| {
        let length = u32::try_from(map.get_int(key)?.as_u64()?).ok()?;
        range.contains(&length).then_some(length)
    };
    let options = |map: Map<'_>| {
        Some(NfcOptions {
            max_command_data: length(map, 0, 255..=65_535)?,
            max_response_data: length(map, 1, 256..=65_536)?,
        })
    };
    item.as_map().and_then(options).ok_or(MethodError::NfcOptions)
}

fn decode_ble(item: Item<'_>) -> Result<BleOptions, MethodError> {
    let map = item.as_map().ok_or(MethodError::BleOptions)?;
    let mode = |key| {
        map.get_int(key)
            .and_then(Item::as_bool)
            .ok_or(MethodError::BleOptions)
    };
    let (peripheral_server, central_client) = (mode(0)?, mode(1)?);
    let peripheral_server_uuid = optional(map, 10, fixed_bytes).ok_or(MethodError::BleOptions)?;
    let central_client_uuid = optional(map, 11, fixed_bytes).ok_or(MethodError::BleOptions)?;
    let address = optional(map, 20, fixed_bytes).ok_or(MethodError::BleOptions)?;
    let l2cap_psm =
        optional(map, 21, |item| u16::try_from(item.as_u64()?).ok()).ok_or(MethodError::BleOptions)?;
    if !peripheral_server && !central_client {
        return Err(MethodError::BleNoMode);
    }
    let uuid_of = |mode: bool, uuid: Option<[u8; 16]>| match (mode, uuid) {
        (true, None) => Err(MethodError::BleUuidMissing),
        (true, uuid) => Ok(uuid),
        (false, _) => Ok(None),
    };
    Ok(BleOptions {
        peripheral_server: uuid_of(peripheral_server, peripheral_server_uuid)?.map(|uuid| {
            BlePeripheralServer {
                uuid,
                address,
                l2cap_psm,
            }
        }),
        central_client: uuid_of(central_client, central_client_uuid)?.map(|uuid| BleCentralClient { uuid }),
    })
}

fn decode_wifi_aware(item: Item<'_>) -> Option<WifiAwareOptions> {
    let map = item.as_map()?;
    Some(WifiAwareOptions {
        passphrase: optional(map, 0, |item| item.as_text().map(str::to_owned))?,
        operating_class: optional(map, 1, Item::as_u64)?,
        channel: optional(map, 2, Item::as_u64)?,
        supported_bands: optional(map, 3, |item| item.as_bytes().map(<[u8]>::to_vec))?,
    })
}

/// An option that may be left out; `None` when it is there and malformed.
fn optional<'a, T>(map: Map<'a>, key: i64, read: impl Fn(Item<'a>) -> Option<T>) -> Option<Option<T>> {
    match map.get_int(key) {
        None => Some(None),
        Some(item) => read(item).map(Some),
    }
}

fn fixed_bytes<const N: usize>(item: Item<'_>) -> Option<[u8; N]> {
    item.as_bytes()?.try_into().ok()
}
