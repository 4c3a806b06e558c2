//! The reader as central and GATT client (mdoc peripheral server mode), by BlueZ. Values come and go over sockets
//! (AcquireNotify, AcquireWrite), which keep their order.

use std::pin::Pin;
use std::time::Duration;

use bluer::gatt::remote::{Characteristic, CharacteristicWriteRequest};
use bluer::gatt::{CharacteristicReader, CharacteristicWriter, WriteOp};
use bluer::{
    Adapter, AdapterEvent, Address, Device, DeviceEvent, DeviceProperty, DiscoveryFilter, DiscoveryTransport,
    ErrorKind,
};
use futures_util::{Stream, StreamExt as _};
use mdoc::session::ble::MDOC_SERVICE;
use mdoc::session::framing::PartSize;
use mdoc::session::link::Outgoing;
use tokio::time::{Instant, interval_at, sleep, timeout};
use tokio::try_join;
use uuid::Uuid;

use super::channel::Channel;
use super::objects::Objects;
use super::plan::CentralPlan;
use super::race::Touched;
use super::system::{Radio, fault};
use super::worker::{Gone, Incoming, LOOK_AFTER};
use crate::radio_fault::RadioFault;

/// BlueZ's GATT server drops written values over 510 bytes without a word, and a phone may run it.
pub(super) const LONGEST_WRITE: usize = 510;
/// How long connecting and looking up the services may take before they are tried anew.
const CONNECT: Duration = Duration::from_secs(10);
/// How long BlueZ may not tell that it knows a phone's services before it is asked.
const ASK_AFTER: Duration = Duration::from_millis(250);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(200);

/// A phone that can be written to.
pub(super) enum Connected {
    Gatt(PartSize, Box<Central>),
    Channel(Channel),
}

/// A connection to a phone's GATT server.
pub(super) struct Central {
    pub(super) radio: Radio,
    device: Device,
    events: Pin<Box<dyn Stream<Item = DeviceEvent> + Send>>,
    state: Characteristic,
    state_values: CharacteristicReader,
    server_to_client: CharacteristicReader,
    client_to_server: CharacteristicWriter,
}

/// Why one attempt to connect failed.
enum Attempt {
    /// The phone's side, or the air's: to be tried again.
    Again,
    Fault(RadioFault),
}

impl From<bluer::Error> for Attempt {
    fn from(error: bluer::Error) -> Self {
        match error.kind {
            // A device that has been forgotten in between is looked for anew; an adapter that is gone shows then.
            ErrorKind::Internal(_) => match fault(&error) {
                fault @ (RadioFault::Service | RadioFault::Permission) => Self::Fault(fault),
                _ => Self::Again,
            },
            ErrorKind::NotAuthorized => Self::Fault(RadioFault::Permission),
            _ => Self::Again,
        }
    }
}

/// Looks for the phone and connects to it, as often as it takes; the caller gives up.
pub(super) async fn connect(
    radio: Radio,
    objects: &Objects,
    plan: &CentralPlan,
    broke_off: bool,
    touched: &Touched,
    found: &(impl Fn() + Sync),
) -> Result<Connected, RadioFault> {
    if broke_off {
        forget_strangers(&radio).await;
    }
    loop {
        let device = find(&radio, plan).await?;
        found();
        touched.add(&radio.adapter, device.address());
        match timeout(CONNECT, open(&radio.adapter, objects, &device, plan)).await {
            Ok(Ok(Opened::Gatt(size, parts))) => {
                return Ok(Connected::Gatt(size, Box::new(parts.with(radio, device))));
            }
            Ok(Ok(Opened::Channel(stream))) => {
                return Ok(Connected::Channel(Channel::new(radio, device, stream).await));
            }
            Ok(Err(Attempt::Fault(fault))) => return Err(fault),
            Ok(Err(Attempt::Again)) | Err(_) => {
                tracing::debug!("connecting to the phone failed; trying again");
                // The system would go on with what it knows of the device.
                let _ = radio.adapter.remove_device(device.address()).await;
                sleep(PAUSE).await;
            }
        }
        radio.check().await?;
    }
}

/// Scans until a device advertises the service. Its address in the engagement is a hint, no more: addresses change.
async fn find(radio: &Radio, plan: &CentralPlan) -> Result<Device, RadioFault> {
    let filter = DiscoveryFilter {
        uuids: [plan.service].into_iter().collect(),
        transport: DiscoveryTransport::Le,
        ..DiscoveryFilter::default()
    };
    radio
        .adapter
        .set_discovery_filter(filter)
        .await
        .map_err(|error| fault(&error))?;
    let events = radio
        .adapter
        .discover_devices_with_changes()
        .await
        .map_err(|error| fault(&error))?;
    tokio::pin!(events);
    if let Some(address) = plan.address
        && let Some(device) = with_service(radio, Address(address), plan.service).await
    {
        return Ok(device);
    }
    let mut look_after = interval_at(Instant::now() + LOOK_AFTER, LOOK_AFTER);
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(AdapterEvent::DeviceAdded(address)) => {
                    if let Some(device) = with_service(radio, address, plan.service).await {
                        return Ok(device);
                    }
                }
                Some(_) => {}
                None => return Err(RadioFault::AdapterGone),
            },
            _ = look_after.tick() => radio.check().await?,
        }
    }
}

/// Lets the system forget the devices that it merely came across. One that it still knows from a connection that broke
/// off (an adapter that was unplugged, a service that was killed) keeps the services of then, whatever it advertises.
async fn forget_strangers(radio: &Radio) {
    for address in radio.adapter.device_addresses().await.unwrap_or_default() {
        let Ok(device) = radio.adapter.device(address) else {
            continue;
        };
        let known = device.is_connected().await.unwrap_or(true)
            || device.is_paired().await.unwrap_or(true)
            || device.is_trusted().await.unwrap_or(true)
            || device.is_blocked().await.unwrap_or(true);
        if !known {
            let _ = radio.adapter.remove_device(address).await;
        }
    }
}

/// The device of this address, where it has the service.
async fn with_service(radio: &Radio, address: Address, service: Uuid) -> Option<Device> {
    let device = radio.adapter.device(address).ok()?;
    let uuids = device.uuids().await.ok().flatten()?;
    uuids.contains(&service).then_some(device)
}

enum Opened {
    Gatt(PartSize, Box<Parts>),
    Channel(bluer::l2cap::Stream),
}

/// What a connection is made of, without what it was made by.
struct Parts {
    events: Pin<Box<dyn Stream<Item = DeviceEvent> + Send>>,
    state: Characteristic,
    state_values: CharacteristicReader,
    server_to_client: CharacteristicReader,
    client_to_server: CharacteristicWriter,
}

impl Parts {
    fn with(self, radio: Radio, device: Device) -> Central {
        Central {
            radio,
            device,
            events: self.events,
            state: self.state,
            state_values: self.state_values,
            server_to_client: self.server_to_client,
            client_to_server: self.client_to_server,
        }
    }
}

/// Connects, and opens the L2CAP channel or finds the characteristics and subscribes.
async fn open(
    adapter: &Adapter,
    objects: &Objects,
    device: &Device,
    plan: &CentralPlan,
) -> Result<Opened, Attempt> {
    let mut events: Pin<Box<dyn Stream<Item = DeviceEvent> + Send>> = Box::pin(device.events().await?);
    // Answered at once where it is connected to already.
    device.connect().await?;
    if let Some(psm) = plan.psm
        && let Some(stream) = super::channel::open(adapter, device, psm).await
    {
        return Ok(Opened::Channel(stream));
    }
    services_resolved(device, &mut events).await?;
    let Some(characteristics) = objects.characteristics(device, plan.service).await? else {
        return Err(Attempt::Again);
    };
    let find = |uuid: u128| {
        let uuid = Uuid::from_u128(uuid);
        characteristics
            .iter()
            .find(|(known, _)| *known == uuid)
            .map(|(_, characteristic)| characteristic)
    };
    if plan.psm_from_gatt
        && let Some(l2cap) = find(MDOC_SERVICE.l2cap)
        && let Some(psm) = super::channel::psm(&l2cap.read().await?)
        && let Some(stream) = super::channel::open(adapter, device, psm).await
    {
        return Ok(Opened::Channel(stream));
    }
    let (Some(state), Some(client_to_server), Some(server_to_client)) = (
        find(MDOC_SERVICE.state),
        find(MDOC_SERVICE.client_to_server),
        find(MDOC_SERVICE.server_to_client),
    ) else {
        tracing::info!("the phone's service lacks a characteristic");
        return Err(Attempt::Again);
    };
    let (server_to_client, state_values, client_to_server) = try_join!(
        server_to_client.notify_io(),
        state.notify_io(),
        client_to_server.write_io(),
    )?;
    let size = PartSize::for_value(client_to_server.mtu().min(LONGEST_WRITE));
    Ok(Opened::Gatt(
        size,
        Box::new(Parts {
            events,
            state: state.clone(),
            state_values,
            server_to_client,
            client_to_server,
        }),
    ))
}

/// Waits until BlueZ knows the services of a device that it has connected to; the caller limits the wait. BlueZ tells when it
/// knows them. Where it told before anybody listened, it is asked.
async fn services_resolved(
    device: &Device,
    events: &mut (impl Stream<Item = DeviceEvent> + Unpin),
) -> Result<(), Attempt> {
    let mut ask = interval_at(Instant::now() + ASK_AFTER, ASK_AFTER);
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(DeviceEvent::PropertyChanged(DeviceProperty::ServicesResolved(true))) => return Ok(()),
                Some(DeviceEvent::PropertyChanged(DeviceProperty::Connected(false))) | None => {
                    return Err(Attempt::Again);
                }
                Some(_) => {}
            },
            _ = ask.tick() => if device.is_services_resolved().await? {
                return Ok(());
            },
        }
    }
}

impl Central {
    pub(super) async fn transmit(&mut self, outgoing: &Outgoing) -> Result<(), Gone> {
        match outgoing {
            // Answered when the value is on its way, so that no part overtakes it.
            Outgoing::State(value) => {
                let command = CharacteristicWriteRequest {
                    op_type: WriteOp::Command,
                    ..CharacteristicWriteRequest::default()
                };
                self.state.write_ext(&[*value], &command).await.map_err(|_| Gone)
            }
            Outgoing::Part(value) => self.client_to_server.send(value).await.map_err(|_| Gone),
        }
    }

    /// Parts before State: what was notified first is then taken first.
    pub(super) async fn next(&mut self) -> Incoming {
        loop {
            tokio::select! {
                biased;
                value = self.server_to_client.recv() => {
                    return match value {
                        Ok(value) if !value.is_empty() => Incoming::Part(value),
                        _ => Incoming::Gone,
                    };
                }
                value = self.state_values.recv() => {
                    return match value {
                        Ok(value) if !value.is_empty() => Incoming::State(value),
                        _ => Incoming::Gone,
                    };
                }
                event = self.events.next() => match event {
                    Some(DeviceEvent::PropertyChanged(DeviceProperty::Connected(false))) | None => {
                        return Incoming::Gone;
                    }
                    Some(_) => {}
                },
            }
        }
    }

    pub(super) async fn close(self) -> Option<Address> {
        let address = self.device.address();
        drop((self.server_to_client, self.state_values, self.client_to_server));
        // Disconnects too. Nothing of the phone stays with the system.
        let _ = self.radio.adapter.remove_device(address).await;
        Some(address)
    }
}
