//! The GATT client.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bluer::gatt::WriteOp;
use bluer::gatt::remote::{Characteristic, CharacteristicWriteRequest};
use bluer::{Adapter, Device, DiscoveryFilter, DiscoveryTransport};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::{
    CLIENT2SERVER, IDLE, REST, Result, SERVER2CLIENT, SERVICE, STATE, TAKEN_OFF, Way, parts, receive,
};

pub(crate) async fn run(
    adapter: &str,
    writes: Way,
    notifications: Way,
    bytes: usize,
    value: Option<usize>,
    pause: Duration,
) -> Result<()> {
    let session = bluer::Session::new().await?;
    let adapter = session.adapter(adapter)?;
    let begun = Instant::now();
    let device = find(&adapter).await?;
    let found = begun.elapsed();
    device.connect().await?;
    let connected = begun.elapsed();
    let mut all = HashMap::new();
    for service in device.services().await? {
        if service.uuid().await? == SERVICE {
            for characteristic in service.characteristics().await? {
                all.insert(characteristic.uuid().await?, characteristic);
            }
        }
    }
    let [state, client2server, server2client] =
        [STATE, CLIENT2SERVER, SERVER2CLIENT].map(|uuid| all.get(&uuid));
    let state = state.ok_or("no State")?;
    let client2server = client2server.ok_or("no Client2Server")?;
    let mut incoming = subscribe(server2client.ok_or("no Server2Client")?, notifications).await?;
    write(state, &[1]).await?;
    let ready = begun.elapsed();

    let att_mtu = client2server.mtu().await? + TAKEN_OFF;
    let size = value.unwrap_or((att_mtu - TAKEN_OFF).min(512));
    let socket = match writes {
        Way::Socket => Some(client2server.write_io().await?),
        Way::Bus => None,
    };
    sleep(REST).await;
    for part in parts(bytes.div_ceil(size), size) {
        match &socket {
            Some(socket) => drop(socket.send(&part).await?),
            None => write(client2server, &part).await?,
        }
        if !pause.is_zero() {
            sleep(pause).await;
        }
    }
    // The server waits as long for what is missing.
    let arrived = timeout(IDLE * 3, receive(&mut incoming))
        .await
        .ok()
        .flatten()
        .unwrap_or_default();
    let mut line = arrived.line();
    line["att_mtu"] = json!(att_mtu);
    line["found"] = json!(found.as_secs_f64());
    line["connected"] = json!(connected.as_secs_f64());
    line["ready"] = json!(ready.as_secs_f64());
    println!("{line}");
    write(state, &[2]).await?;
    drop(socket);
    // bluetoothd does not always answer where the other side has gone meanwhile.
    if let Ok(ended) = timeout(IDLE, device.disconnect()).await {
        ended?;
    }
    Ok(())
}

async fn find(adapter: &Adapter) -> Result<Device> {
    let filter = DiscoveryFilter {
        uuids: [SERVICE].into(),
        transport: DiscoveryTransport::Le,
        ..DiscoveryFilter::default()
    };
    adapter.set_discovery_filter(filter).await?;
    // Discovery runs as long as this lives.
    let mut events = adapter.discover_devices().await?;
    loop {
        for address in adapter.device_addresses().await? {
            let device = adapter.device(address)?;
            if device
                .uuids()
                .await?
                .is_some_and(|uuids| uuids.contains(&SERVICE))
            {
                return Ok(device);
            }
        }
        let _ = timeout(Duration::from_millis(300), events.next()).await;
    }
}

async fn write(characteristic: &Characteristic, value: &[u8]) -> Result<()> {
    let command = CharacteristicWriteRequest {
        op_type: WriteOp::Command,
        ..CharacteristicWriteRequest::default()
    };
    Ok(characteristic.write_ext(value, &command).await?)
}

async fn subscribe(characteristic: &Characteristic, way: Way) -> Result<mpsc::UnboundedReceiver<Vec<u8>>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    match way {
        Way::Socket => {
            let socket = characteristic.notify_io().await?;
            tokio::spawn(async move {
                // At the end of a socket there is no value for ever.
                while let Ok(value) = socket.recv().await
                    && !value.is_empty()
                {
                    let _ = sender.send(value);
                }
            });
        }
        Way::Bus => {
            let mut values = Box::pin(characteristic.notify().await?);
            tokio::spawn(async move {
                while let Some(value) = values.next().await {
                    let _ = sender.send(value);
                }
            });
        }
    }
    Ok(receiver)
}
