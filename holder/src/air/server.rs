//! The phone as peripheral: its GATT server (mdoc peripheral server mode) and its L2CAP channel.

use std::pin::Pin;
use std::time::Duration;

use bluer::adv::{Advertisement, AdvertisementHandle};
use bluer::gatt::CharacteristicWriter;
use bluer::gatt::local::{
    Application, ApplicationHandle, Characteristic, CharacteristicControl, CharacteristicControlEvent,
    CharacteristicNotify, CharacteristicNotifyMethod, CharacteristicRead, CharacteristicWrite,
    CharacteristicWriteMethod, Service, characteristic_control,
};
use bluer::l2cap::{SocketAddr, Stream as L2capStream, StreamListener};
use bluer::{Adapter, Address, DeviceEvent, DeviceProperty};
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use holder::link_fault::LinkFault;
use mdoc::session::ble::MDOC_SERVICE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use uuid::Uuid;

use super::{Incoming, Plan};

/// A reader is in a hurry.
const INTERVAL: (Duration, Duration) = (Duration::from_millis(30), Duration::from_millis(60));
/// BlueZ's client takes values up to this length.
const LONGEST: usize = 510;

struct Written {
    from: Address,
    state: bool,
    value: Vec<u8>,
}

/// The registered service, and the session on it once a reader has started.
pub(super) struct Server {
    adapter: Adapter,
    application: Option<ApplicationHandle>,
    advertising: Option<AdvertisementHandle>,
    written: UnboundedReceiver<Written>,
    state: Notifications,
    server_to_client: Notifications,
    listener: Option<StreamListener>,
    channel: Option<L2capStream>,
    reader: Option<Address>,
    events: Option<Pin<Box<dyn Stream<Item = DeviceEvent>>>>,
}

struct Notifications {
    control: CharacteristicControl,
    writer: Option<CharacteristicWriter>,
}

impl Notifications {
    fn new(control: CharacteristicControl) -> Self {
        Self {
            control,
            writer: None,
        }
    }

    async fn subscription(&mut self) -> Address {
        loop {
            match self.control.next().await {
                Some(CharacteristicControlEvent::Notify(writer)) => {
                    let from = writer.device_address();
                    self.writer = Some(writer);
                    return from;
                }
                Some(_) => {}
                None => core::future::pending().await,
            }
        }
    }
}

/// An advertisement that ends when the handle is dropped.
async fn advertise(adapter: &Adapter, service: Uuid) -> Result<AdvertisementHandle, String> {
    let advertisement = Advertisement {
        service_uuids: [service].into_iter().collect(),
        discoverable: Some(true),
        min_interval: Some(INTERVAL.0),
        max_interval: Some(INTERVAL.1),
        ..Advertisement::default()
    };
    adapter
        .advertise(advertisement)
        .await
        .map_err(|error| error.to_string())
}

fn write(state: bool, tell: &UnboundedSender<Written>) -> CharacteristicWrite {
    let tell = tell.clone();
    CharacteristicWrite {
        write_without_response: true,
        method: CharacteristicWriteMethod::Fun(Box::new(move |value, request| {
            let from = request.device_address;
            let _ = tell.send(Written { from, state, value });
            async { Ok(()) }.boxed()
        })),
        ..CharacteristicWrite::default()
    }
}

/// The channel's number, as the second edition has it: four bytes, big-endian.
fn psm_characteristic(psm: u16) -> Characteristic {
    Characteristic {
        uuid: Uuid::from_u128(MDOC_SERVICE.l2cap),
        read: Some(CharacteristicRead {
            read: true,
            fun: Box::new(move |_| async move { Ok(u32::from(psm).to_be_bytes().to_vec()) }.boxed()),
            ..CharacteristicRead::default()
        }),
        ..Characteristic::default()
    }
}

impl Server {
    pub(super) async fn register(adapter: &Adapter, plan: &Plan) -> Result<Self, String> {
        let (tell, written) = unbounded_channel();
        let (state_control, state_handle) = characteristic_control();
        let (server_control, server_handle) = characteristic_control();
        let notify = || CharacteristicNotify {
            notify: true,
            method: CharacteristicNotifyMethod::Io,
            ..CharacteristicNotify::default()
        };
        let mut characteristics = vec![
            Characteristic {
                uuid: Uuid::from_u128(MDOC_SERVICE.state),
                write: Some(write(true, &tell)),
                notify: Some(notify()),
                control_handle: state_handle,
                ..Characteristic::default()
            },
            Characteristic {
                uuid: Uuid::from_u128(MDOC_SERVICE.client_to_server),
                write: Some(write(false, &tell)),
                ..Characteristic::default()
            },
            Characteristic {
                uuid: Uuid::from_u128(MDOC_SERVICE.server_to_client),
                notify: Some(notify()),
                control_handle: server_handle,
                ..Characteristic::default()
            },
        ];
        characteristics.extend(plan.psm.filter(|_| plan.psm_in_gatt).map(psm_characteristic));
        let service = Service {
            uuid: plan.service,
            primary: true,
            characteristics,
            ..Service::default()
        };
        let application = Application {
            services: vec![service],
            ..Application::default()
        };
        let application = adapter
            .serve_gatt_application(application)
            .await
            .map_err(|error| error.to_string())?;
        let psm = plan.psm.filter(|_| plan.fault != Some(LinkFault::ClosedChannel));
        let listener = match psm {
            Some(psm) => {
                let own = adapter.address().await.map_err(|error| error.to_string())?;
                let kind = adapter.address_type().await.map_err(|error| error.to_string())?;
                let listener = StreamListener::bind(SocketAddr::new(own, kind, psm)).await;
                Some(listener.map_err(|error| error.to_string())?)
            }
            None => None,
        };
        Ok(Self {
            advertising: Some(advertise(adapter, plan.service).await?),
            adapter: adapter.clone(),
            application: Some(application),
            written,
            state: Notifications::new(state_control),
            server_to_client: Notifications::new(server_control),
            listener,
            channel: None,
            reader: None,
            events: None,
        })
    }

    /// Until a reader has written the start, or opened the channel.
    pub(super) async fn wait(mut self) -> Result<Self, String> {
        loop {
            let listener = self.listener.as_ref();
            let accepted = async {
                match listener {
                    Some(listener) => listener.accept().await,
                    None => core::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = self.state.subscription() => {}
                _ = self.server_to_client.subscription() => {}
                accepted = accepted => {
                    let (stream, from) = accepted.map_err(|error| error.to_string())?;
                    self.channel = Some(stream);
                    self.begin(from.addr).await;
                    return Ok(self);
                }
                written = self.written.recv() => {
                    if let Some(Written { from, state: true, value }) = written
                        && value == [1]
                    {
                        self.begin(from).await;
                        return Ok(self);
                    }
                }
            }
        }
    }

    async fn begin(&mut self, reader: Address) {
        self.reader = Some(reader);
        self.advertising = None;
        if let Ok(device) = self.adapter.device(reader)
            && let Ok(events) = device.events().await
        {
            self.events = Some(Box::pin(events));
        }
        // A subscription may be told after the start that came behind it.
        let both = async {
            while self.state.writer.is_none() || self.server_to_client.writer.is_none() {
                tokio::select! {
                    _ = self.state.subscription() => {}
                    _ = self.server_to_client.subscription() => {}
                }
            }
        };
        if self.channel.is_none() {
            let _ = timeout(Duration::from_secs(2), both).await;
        }
    }

    pub(super) const fn is_channel(&self) -> bool {
        self.channel.is_some()
    }

    pub(super) fn value_bytes(&self) -> usize {
        let mtu = self
            .server_to_client
            .writer
            .as_ref()
            .map_or(20, CharacteristicWriter::mtu);
        mtu.clamp(2, LONGEST)
    }

    pub(super) async fn write(&mut self, state: bool, value: &[u8]) -> Result<(), String> {
        if let Some(channel) = &mut self.channel {
            return match state {
                true => Ok(()),
                false => channel.write_all(value).await.map_err(|error| error.to_string()),
            };
        }
        let notifications = if state {
            &self.state
        } else {
            &self.server_to_client
        };
        let writer = notifications
            .writer
            .as_ref()
            .ok_or("the reader has not subscribed")?;
        writer.send(value).await.map_err(|error| error.to_string())
    }

    pub(super) async fn next(&mut self) -> Incoming {
        if let Some(channel) = &mut self.channel {
            let mut buffer = vec![0; 4096];
            return match channel.read(&mut buffer).await {
                Ok(count) if count > 0 => Incoming::Bytes(buffer[..count].to_vec()),
                _ => Incoming::Gone,
            };
        }
        let Some(events) = &mut self.events else {
            return Incoming::Gone;
        };
        loop {
            tokio::select! {
                biased;
                written = self.written.recv() => match written {
                    Some(written) if Some(written.from) != self.reader => {}
                    Some(Written { state: true, value, .. }) => return Incoming::State(value),
                    Some(Written { value, .. }) => return Incoming::Part(value),
                    None => return Incoming::Gone,
                },
                event = events.next() => match event {
                    Some(DeviceEvent::PropertyChanged(DeviceProperty::Connected(false))) | None => {
                        return Incoming::Gone;
                    }
                    Some(_) => {}
                },
            }
        }
    }

    pub(super) async fn close(mut self) {
        self.advertising = None;
        drop((
            self.state.writer.take(),
            self.server_to_client.writer.take(),
            self.channel.take(),
        ));
        if let Some(reader) = self.reader {
            let _ = self.adapter.remove_device(reader).await;
        }
        drop(self.application.take());
    }
}
