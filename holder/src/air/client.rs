//! The phone as central and GATT client (mdoc central client mode).

use std::collections::HashMap;
use std::pin::Pin;
use std::time::Duration;

use bluer::gatt::remote::{Characteristic, CharacteristicWriteRequest};
use bluer::gatt::{CharacteristicReader, CharacteristicWriter, WriteOp};
use bluer::{
    Adapter, AdapterEvent, Device, DeviceEvent, DeviceProperty, DiscoveryFilter, DiscoveryTransport, Session,
};
use futures_util::{Stream, StreamExt as _};
use holder::link_fault::LinkFault;
use mdoc::session::ble::READER_SERVICE;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::{Incoming, Plan, open_adapter};
use crate::say;

/// BlueZ's GATT server drops longer values without a word.
const LONGEST: usize = 510;
/// How late a late start is.
const LATE: Duration = Duration::from_secs(3);
/// How long one attempt to connect may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a second phone may take to intrude.
const INTRUSION: Duration = Duration::from_secs(15);

/// A connection to a reader's GATT server.
pub(super) struct Client {
    adapter: Adapter,
    device: Device,
    events: Pin<Box<dyn Stream<Item = DeviceEvent>>>,
    state: Characteristic,
    state_values: CharacteristicReader,
    server_to_client: CharacteristicReader,
    client_to_server: CharacteristicWriter,
    ident: Vec<u8>,
}

/// Connects and starts, with what the fault makes of it.
pub(super) async fn start(adapter: &Adapter, plan: &Plan) -> Result<Client, String> {
    let mut to_lose = plan.fault == Some(LinkFault::LostBeforeStart);
    loop {
        let mut client = connect(adapter, plan.service).await?;
        if client.ident != plan.ident || plan.fault == Some(LinkFault::WrongIdent) {
            say("the reader's Ident is another's");
            client.close().await;
            return core::future::pending().await;
        }
        if core::mem::take(&mut to_lose) {
            say("the link is lost before the start");
            client.close().await;
            sleep(Duration::from_millis(500)).await;
            continue;
        }
        match plan.fault {
            Some(LinkFault::LateStart) => sleep(LATE).await,
            Some(LinkFault::NoStart) => {
                while !matches!(client.next().await, Incoming::Gone) {}
                client.close().await;
                return core::future::pending().await;
            }
            _ => {}
        }
        client.write(true, &[1]).await?;
        return Ok(client);
    }
}

/// A second phone that starts and writes into the first one's session.
pub(super) async fn intrude(session: &Session, plan: &Plan) -> Result<(), String> {
    let adapter = open_adapter(session, plan.second_adapter.as_deref()).await?;
    let intrusion = async {
        let mut second = connect(&adapter, plan.service).await?;
        second.write(true, &[1]).await?;
        second.write(false, b"\x00not of this session").await?;
        sleep(Duration::from_millis(500)).await;
        say("a second phone wrote into the session");
        second.close().await;
        Ok(())
    };
    match timeout(INTRUSION, intrusion).await {
        Ok(result) => result,
        // A reader that is advertised no more cannot be found: that is well too.
        Err(_) => {
            say("a second phone does not find the reader");
            Ok(())
        }
    }
}

/// Looks for the reader, connects and subscribes, as often as it takes.
async fn connect(adapter: &Adapter, service: Uuid) -> Result<Client, String> {
    loop {
        let device = find(adapter, service).await.map_err(|error| error.to_string())?;
        match timeout(CONNECT, open(adapter, &device, service)).await {
            Ok(Ok(client)) => return Ok(client),
            Ok(Err(error)) => say(&format!("connecting to the reader failed: {error}")),
            Err(_) => say("connecting to the reader takes too long"),
        }
        let _ = adapter.remove_device(device.address()).await;
        sleep(Duration::from_millis(200)).await;
    }
}

async fn find(adapter: &Adapter, service: Uuid) -> bluer::Result<Device> {
    let filter = DiscoveryFilter {
        uuids: [service].into_iter().collect(),
        transport: DiscoveryTransport::Le,
        ..DiscoveryFilter::default()
    };
    adapter.set_discovery_filter(filter).await?;
    let events = adapter.discover_devices_with_changes().await?;
    tokio::pin!(events);
    while let Some(event) = events.next().await {
        if let AdapterEvent::DeviceAdded(address) = event
            && let Ok(device) = adapter.device(address)
            && let Ok(Some(uuids)) = device.uuids().await
            && uuids.contains(&service)
        {
            return Ok(device);
        }
    }
    Err(bluer::Error {
        kind: bluer::ErrorKind::NotFound,
        message: "the scan has ended".to_owned(),
    })
}

async fn open(adapter: &Adapter, device: &Device, service: Uuid) -> Result<Client, String> {
    let text = |error: bluer::Error| error.to_string();
    let events = Box::pin(device.events().await.map_err(text)?);
    if !device.is_connected().await.map_err(text)? {
        device.connect().await.map_err(text)?;
    }
    let mut found = HashMap::new();
    for known in device.services().await.map_err(text)? {
        if known.uuid().await.map_err(text)? == service {
            for characteristic in known.characteristics().await.map_err(text)? {
                found.insert(characteristic.uuid().await.map_err(text)?, characteristic);
            }
        }
    }
    let mut take = |uuid: u128| {
        found
            .remove(&Uuid::from_u128(uuid))
            .ok_or_else(|| "the reader's service lacks a characteristic".to_owned())
    };
    let ident = take(READER_SERVICE.ident.unwrap_or_default())?;
    let state = take(READER_SERVICE.state)?;
    let server_to_client = take(READER_SERVICE.server_to_client)?;
    let client_to_server = take(READER_SERVICE.client_to_server)?;
    Ok(Client {
        ident: ident.read().await.map_err(text)?,
        server_to_client: server_to_client.notify_io().await.map_err(text)?,
        state_values: state.notify_io().await.map_err(text)?,
        client_to_server: client_to_server.write_io().await.map_err(text)?,
        state,
        events,
        adapter: adapter.clone(),
        device: device.clone(),
    })
}

impl Client {
    pub(super) fn value_bytes(&self) -> usize {
        self.client_to_server.mtu().clamp(2, LONGEST)
    }

    pub(super) async fn write(&mut self, state: bool, value: &[u8]) -> Result<(), String> {
        if !state {
            let sent = self.client_to_server.send(value).await;
            return sent.map_err(|error| error.to_string());
        }
        let command = CharacteristicWriteRequest {
            op_type: WriteOp::Command,
            ..CharacteristicWriteRequest::default()
        };
        let written = self.state.write_ext(value, &command).await;
        written.map_err(|error| error.to_string())
    }

    pub(super) async fn next(&mut self) -> Incoming {
        loop {
            tokio::select! {
                biased;
                value = self.server_to_client.recv() => return match value {
                    Ok(value) if !value.is_empty() => Incoming::Part(value),
                    _ => Incoming::Gone,
                },
                value = self.state_values.recv() => return match value {
                    Ok(value) if !value.is_empty() => Incoming::State(value),
                    _ => Incoming::Gone,
                },
                event = self.events.next() => match event {
                    Some(DeviceEvent::PropertyChanged(DeviceProperty::Connected(false))) | None => {
                        return Incoming::Gone;
                    }
                    Some(_) => {}
                },
            }
        }
    }

    pub(super) async fn close(self) {
        drop((self.server_to_client, self.state_values, self.client_to_server));
        let _ = self.adapter.remove_device(self.device.address()).await;
    }
}
