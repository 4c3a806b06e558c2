//! The reader as central by btleplug, which every system has. BlueZ hands notifications on by signals there, and
//! writes go by calls, one after the other.

use std::pin::Pin;
use std::time::Duration;

use btleplug::api::{
    Central as _, CentralEvent, Characteristic, Manager as _, Peripheral as _, ScanFilter, ValueNotification,
    WriteType,
};
use btleplug::platform::{Adapter, Manager, Peripheral};
use futures_util::{Stream, StreamExt as _};
use mdoc::session::ble::MDOC_SERVICE;
use mdoc::session::framing::PartSize;
use mdoc::session::link::Outgoing;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::plan::CentralPlan;
use super::worker::{Gone, Incoming};
use crate::radio_fault::RadioFault;

/// What a phone's GATT server is known to take.
const LONGEST_WRITE: usize = 510;
/// How long connecting and looking up the services may take before they are tried anew.
const CONNECT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(200);

/// A connection to a phone's GATT server.
pub(super) struct Portable {
    peripheral: Peripheral,
    state: Characteristic,
    client_to_server: Characteristic,
    values: Pin<Box<dyn Stream<Item = ValueNotification> + Send>>,
    events: Pin<Box<dyn Stream<Item = CentralEvent> + Send>>,
}

/// Looks for the phone and connects to it, as often as it takes; the caller gives up.
pub(super) async fn connect(
    plan: &CentralPlan,
    adapter: Option<&str>,
    found: &(impl Fn() + Sync),
) -> Result<(PartSize, Portable), RadioFault> {
    let manager = Manager::new().await.map_err(|error| fault(&error))?;
    let adapter = choose(&manager, adapter).await?;
    let filter = ScanFilter {
        services: vec![plan.service],
    };
    loop {
        let mut events = adapter.events().await.map_err(|error| fault(&error))?;
        adapter
            .start_scan(filter.clone())
            .await
            .map_err(|error| fault(&error))?;
        let peripheral = find(&adapter, &mut events, plan.service).await?;
        found();
        let _ = adapter.stop_scan().await;
        match timeout(CONNECT, open(&peripheral, plan.service)).await {
            Ok(Ok(Opened {
                size,
                state,
                client_to_server,
                values,
            })) => {
                return Ok((
                    size,
                    Portable {
                        peripheral,
                        state,
                        client_to_server,
                        values,
                        events,
                    },
                ));
            }
            Ok(Err(_)) | Err(_) => {
                tracing::debug!("connecting to the phone failed; trying again");
                let _ = peripheral.disconnect().await;
                sleep(PAUSE).await;
            }
        }
    }
}

/// As [`connect`], to a link that has started.
#[cfg(not(target_os = "linux"))]
pub(super) async fn reach(
    plan: &CentralPlan,
    options: &super::Options,
    found: &(impl Fn() + Sync),
) -> Result<(super::worker::Carrier, super::worker::Cutting), RadioFault> {
    use mdoc::session::link::{GattLink, GattRole};
    let (size, portable) = connect(plan, options.adapter.as_deref(), found).await?;
    let mut link = GattLink::new(GattRole::Client, size, options.max_message_len);
    link.start();
    Ok((
        super::worker::Carrier::Portable(Box::new(portable)),
        super::worker::Cutting::Gatt(link),
    ))
}

async fn choose(manager: &Manager, name: Option<&str>) -> Result<Adapter, RadioFault> {
    for adapter in manager.adapters().await.map_err(|error| fault(&error))? {
        let info = adapter.adapter_info().await.map_err(|error| fault(&error))?;
        // "hci0 (…)" where the system is BlueZ.
        if name.is_none_or(|name| info.split_whitespace().next() == Some(name)) {
            return Ok(adapter);
        }
    }
    Err(RadioFault::NoAdapter(name.map(str::to_owned)))
}

async fn find(
    adapter: &Adapter,
    events: &mut (impl Stream<Item = CentralEvent> + Unpin),
    service: Uuid,
) -> Result<Peripheral, RadioFault> {
    loop {
        for peripheral in adapter.peripherals().await.map_err(|error| fault(&error))? {
            if let Ok(Some(properties)) = peripheral.properties().await
                && properties.services.contains(&service)
            {
                return Ok(peripheral);
            }
        }
        // An event tells of a device; a scan without one is looked at again.
        let _ = timeout(Duration::from_secs(1), events.next()).await;
    }
}

struct Opened {
    size: PartSize,
    state: Characteristic,
    client_to_server: Characteristic,
    values: Pin<Box<dyn Stream<Item = ValueNotification> + Send>>,
}

async fn open(peripheral: &Peripheral, service: Uuid) -> Result<Opened, btleplug::Error> {
    peripheral.connect().await?;
    peripheral.discover_services().await?;
    let characteristics = peripheral.characteristics();
    let find = |uuid: u128| {
        characteristics
            .iter()
            .find(|known| known.uuid == Uuid::from_u128(uuid) && known.service_uuid == service)
            .cloned()
            .ok_or(btleplug::Error::NoSuchCharacteristic)
    };
    let state = find(MDOC_SERVICE.state)?;
    let client_to_server = find(MDOC_SERVICE.client_to_server)?;
    let server_to_client = find(MDOC_SERVICE.server_to_client)?;
    let values = peripheral.notifications().await?;
    peripheral.subscribe(&server_to_client).await?;
    peripheral.subscribe(&state).await?;
    Ok(Opened {
        size: PartSize::for_mtu_at_most(peripheral.mtu(), LONGEST_WRITE),
        state,
        client_to_server,
        values,
    })
}

impl Portable {
    pub(super) async fn transmit(&mut self, outgoing: &Outgoing) -> Result<(), Gone> {
        let (characteristic, value) = match outgoing {
            Outgoing::State(value) => (&self.state, vec![*value]),
            Outgoing::Part(value) => (&self.client_to_server, value.clone()),
        };
        self.peripheral
            .write(characteristic, &value, WriteType::WithoutResponse)
            .await
            .map_err(|_| Gone)
    }

    pub(super) async fn next(&mut self) -> Incoming {
        loop {
            tokio::select! {
                biased;
                value = self.values.next() => match value {
                    Some(value) if value.uuid == Uuid::from_u128(MDOC_SERVICE.server_to_client) => {
                        return Incoming::Part(value.value);
                    }
                    Some(value) if value.uuid == self.state.uuid => return Incoming::State(value.value),
                    Some(_) => {}
                    None => return Incoming::Gone,
                },
                event = self.events.next() => match event {
                    Some(CentralEvent::DeviceDisconnected(id)) if id == self.peripheral.id() => {
                        return Incoming::Gone;
                    }
                    Some(_) => {}
                    None => return Incoming::Gone,
                },
            }
        }
    }

    pub(super) async fn close(self) {
        let _ = self.peripheral.disconnect().await;
    }
}

fn fault(error: &btleplug::Error) -> RadioFault {
    let words = error.to_string();
    match error {
        btleplug::Error::PermissionDenied => RadioFault::Permission,
        _ if words.contains("AccessDenied") => RadioFault::Permission,
        _ if words.contains("ServiceUnknown")
            || words.contains("NameHasNoOwner")
            || words.contains("No such file") =>
        {
            RadioFault::Service
        }
        _ => RadioFault::Other(words),
    }
}
