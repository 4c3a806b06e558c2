//! What a phone offers and this counter has.

use mdoc::engagement::{BleOptions, DeviceEngagement, RetrievalMethod};
use mdoc::session::ble;
use uuid::Uuid;

use super::Options;
use crate::arguments::{Central, Role};

/// How to reach one phone.
#[derive(Clone)]
pub(super) struct Plan {
    /// The reader scans and is the GATT client.
    pub(super) central: Option<CentralPlan>,
    /// The reader advertises and is the GATT server.
    pub(super) peripheral: Option<PeripheralPlan>,
}

#[derive(Clone)]
pub(super) struct CentralPlan {
    /// The service that the phone advertises.
    pub(super) service: Uuid,
    /// The phone's address; a hint, no more.
    pub(super) address: Option<[u8; 6]>,
    /// The L2CAP channel that the engagement names.
    pub(super) psm: Option<u16>,
    /// Whether to ask the phone's GATT service for such a channel.
    pub(super) psm_from_gatt: bool,
    pub(super) library: Central,
}

#[derive(Clone)]
pub(super) struct PeripheralPlan {
    /// The service that the reader is to advertise.
    pub(super) service: Uuid,
    /// By which the phone knows that this is its reader.
    pub(super) ident: [u8; 16],
}

impl Plan {
    /// None where phone and counter have no way in common.
    pub(super) fn new(engagement: &DeviceEngagement, options: &Options) -> Option<Self> {
        let ble = engagement
            .retrieval_methods()
            .iter()
            .find_map(|method| match method {
                RetrievalMethod::Ble(ble) => Some(ble),
                _ => None,
            })?;
        let plan = Self {
            central: central(ble, options),
            peripheral: peripheral(ble, engagement, options),
        };
        (plan.central.is_some() || plan.peripheral.is_some()).then_some(plan)
    }

    /// Whether a connection leaves nothing behind on its thread. Of btleplug's tasks nobody knows when they end.
    pub(super) fn lasts(&self) -> bool {
        !self
            .central
            .as_ref()
            .is_some_and(|central| central.library == Central::Btleplug)
    }
}

fn central(ble: &BleOptions, options: &Options) -> Option<CentralPlan> {
    let server = ble
        .peripheral_server
        .filter(|_| options.role != Role::Peripheral)?;
    Some(CentralPlan {
        service: Uuid::from_bytes(server.uuid),
        address: server.address,
        psm: server.l2cap_psm.filter(|_| options.l2cap),
        psm_from_gatt: options.l2cap_psm_from_gatt,
        library: options.central,
    })
}

fn peripheral(ble: &BleOptions, engagement: &DeviceEngagement, options: &Options) -> Option<PeripheralPlan> {
    // The portable library has no GATT server.
    if !cfg!(target_os = "linux") {
        return None;
    }
    let client = ble.central_client.filter(|_| options.role != Role::Central)?;
    Some(PeripheralPlan {
        service: Uuid::from_bytes(client.uuid),
        ident: ble::ident(engagement),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connections_by_the_systems_own_library_share_a_thread() {
        let plan = |library| Plan {
            central: Some(CentralPlan {
                service: Uuid::nil(),
                address: None,
                psm: None,
                psm_from_gatt: false,
                library,
            }),
            peripheral: None,
        };
        assert!(plan(Central::Bluer).lasts());
        assert!(!plan(Central::Btleplug).lasts());
    }
}
