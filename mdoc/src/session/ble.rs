//! What both sides of a Bluetooth LE connection know beforehand (ISO/IEC 18013-5 §8.3.3.1.1):
//! the characteristics of both services, and the reader's Ident.

use hkdf::Hkdf;
use sha2::Sha256;

use crate::engagement::DeviceEngagement;

/// The characteristics of a GATT service. The service's own UUID stands in the engagement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Characteristics {
    /// State: start and end.
    pub state: u128,
    /// What the client writes.
    pub client_to_server: u128,
    /// What the server notifies.
    pub server_to_client: u128,
    /// Ident, which only the reader's service has.
    pub ident: Option<u128>,
    /// The PSM of an L2CAP channel; optional.
    pub l2cap: u128,
}

/// Every characteristic of the standard is this UUID with another first group.
const fn characteristic(first: u32) -> u128 {
    ((first as u128) << 96) | 0xa123_48ce_896b_4c76_9733_73e6
}

/// The service of an mdoc that is the GATT server (mdoc peripheral server mode).
pub const MDOC_SERVICE: Characteristics = Characteristics {
    state: characteristic(1),
    client_to_server: characteristic(2),
    server_to_client: characteristic(3),
    ident: None,
    l2cap: characteristic(0x0a),
};

/// The service of a reader that is the GATT server (mdoc central client mode).
pub const READER_SERVICE: Characteristics = Characteristics {
    state: characteristic(5),
    client_to_server: characteristic(6),
    server_to_client: characteristic(7),
    ident: Some(characteristic(8)),
    l2cap: characteristic(0x0b),
};

/// The value of State with which the client starts a session.
pub const STATE_START: u8 = 1;
/// The value of State with which either side ends it.
pub const STATE_END: u8 = 2;

/// The reader's Ident: from EDeviceKeyBytes, so that a phone knows that the reader it found is the
/// one that read its engagement.
///
/// # Panics
/// Never: HKDF-SHA-256 gives sixteen bytes.
pub fn ident(engagement: &DeviceEngagement) -> [u8; 16] {
    let mut ident = [0; 16];
    Hkdf::<Sha256>::new(None, engagement.e_device_key_bytes())
        .expand(b"BLEIdent", &mut ident)
        .expect("invariant: HKDF-SHA-256 gives up to 8160 bytes");
    ident
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_vectors::{hex_member, json};

    #[test]
    fn the_ident_of_annex_d() {
        let Some(vectors) = json("annex-d/iso18013-5-annex-d.json") else {
            return;
        };
        let engagement = DeviceEngagement::from_bytes(&hex_member(&vectors, "device_engagement")).unwrap();
        assert_eq!(
            hex::encode(ident(&engagement)),
            "8da0b7a85919f05673054ea996bbd124"
        );
    }

    #[test]
    fn characteristics_are_those_of_the_standard() {
        assert_eq!(
            format!("{:032x}", MDOC_SERVICE.state),
            "00000001a12348ce896b4c76973373e6"
        );
        assert_eq!(
            format!("{:032x}", MDOC_SERVICE.l2cap),
            "0000000aa12348ce896b4c76973373e6"
        );
        assert_eq!(
            READER_SERVICE.ident.map(|uuid| format!("{uuid:032x}")).as_deref(),
            Some("00000008a12348ce896b4c76973373e6")
        );
        assert_eq!(
            format!("{:032x}", READER_SERVICE.server_to_client),
            "00000007a12348ce896b4c76973373e6"
        );
        assert_eq!(MDOC_SERVICE.ident, None);
    }
}
