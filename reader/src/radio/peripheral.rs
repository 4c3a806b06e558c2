//! The reader as peripheral and GATT server (mdoc central client mode), by BlueZ.
//!
//! What a phone writes comes by one D-Bus call each. They are handed on in the order of the calls because this
//! thread's runtime works on them one after the other. (A socket of AcquireWrite would not keep the order: BlueZ asks
//! for it at the first write, and hands on the ones behind it meanwhile.) Notifications go out over sockets.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bluer::adv::{Advertisement, AdvertisementHandle};
use bluer::gatt::CharacteristicWriter;
use bluer::gatt::local::{
    Application, ApplicationHandle, Characteristic, CharacteristicControl, CharacteristicControlEvent,
    CharacteristicNotify, CharacteristicNotifyMethod, CharacteristicRead, CharacteristicWrite,
    CharacteristicWriteMethod, ReqError, Service, characteristic_control,
};
use bluer::{Address, DeviceEvent, DeviceProperty};
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use mdoc::session::ble::{READER_SERVICE, STATE_START};
use mdoc::session::framing::PartSize;
use mdoc::session::link::Outgoing;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, interval_at, sleep_until, timeout};
use uuid::Uuid;

use super::plan::PeripheralPlan;
use super::race::Touched;
use super::system::{Radio, answer, fault};
use super::worker::{Gone, Incoming, LOOK_AFTER};
use crate::radio_fault::RadioFault;

/// Values that wait to be worked on: more than the longest message in the shortest parts would be hostile.
const MAX_WAITING: usize = 8192;
/// A phone is in a hurry to find the reader, and so is the queue.
const INTERVAL: (Duration, Duration) = (Duration::from_millis(30), Duration::from_millis(60));
/// How long the notifications of a phone that has started may take to be there.
const SUBSCRIBED: Duration = Duration::from_secs(2);
/// How long values may still come after the system has said that the phone is gone.
const STRAGGLERS: Duration = Duration::from_millis(200);
/// BlueZ passes values up to this length on for sure, notified ones as client and written ones as server.
const LONGEST_VALUE: usize = 510;

/// A value that a phone wrote.
struct Written {
    from: Address,
    state: bool,
    mtu: u16,
    value: Vec<u8>,
}

/// Whose session it is, once there is one.
type Phone = Arc<Mutex<Option<Address>>>;

/// The service, advertised.
pub(super) struct Server {
    radio: Radio,
    application: ApplicationHandle,
    advertisement: AdvertisementHandle,
    written: Receiver<Written>,
    /// Who has read the Ident.
    looked: Receiver<Address>,
    phone: Phone,
    state: Notifications,
    server_to_client: Notifications,
    started: Option<Address>,
}

/// A characteristic's notifications, while somebody has subscribed.
struct Notifications {
    control: CharacteristicControl,
    writer: Option<CharacteristicWriter>,
}

impl Notifications {
    /// Whose subscription it is.
    async fn subscription(&mut self) -> Option<Address> {
        loop {
            if let CharacteristicControlEvent::Notify(writer) = self.control.next().await? {
                let from = writer.device_address();
                self.writer = Some(writer);
                return Some(from);
            }
        }
    }
}

impl Server {
    /// Registers the service with the system and advertises it.
    pub(super) async fn register(radio: Radio, plan: &PeripheralPlan) -> Result<Self, RadioFault> {
        let (tell, written) = channel(MAX_WAITING);
        let (tell_look, looked) = channel(MAX_WAITING);
        let phone = Phone::default();
        let (state_control, state_handle) = characteristic_control();
        let (server_control, server_handle) = characteristic_control();
        let ident = plan.ident.to_vec();
        let notify = || CharacteristicNotify {
            notify: true,
            method: CharacteristicNotifyMethod::Io,
            ..CharacteristicNotify::default()
        };
        let service = Service {
            uuid: plan.service,
            primary: true,
            characteristics: vec![
                Characteristic {
                    uuid: Uuid::from_u128(READER_SERVICE.state),
                    write: Some(write(true, &tell, &phone)),
                    notify: Some(notify()),
                    control_handle: state_handle,
                    ..Characteristic::default()
                },
                Characteristic {
                    uuid: Uuid::from_u128(READER_SERVICE.client_to_server),
                    write: Some(write(false, &tell, &phone)),
                    ..Characteristic::default()
                },
                Characteristic {
                    uuid: Uuid::from_u128(READER_SERVICE.server_to_client),
                    notify: Some(notify()),
                    control_handle: server_handle,
                    ..Characteristic::default()
                },
                Characteristic {
                    uuid: Uuid::from_u128(READER_SERVICE.ident.unwrap_or_default()),
                    read: Some(CharacteristicRead {
                        read: true,
                        fun: Box::new(move |request| {
                            let _ = tell_look.try_send(request.device_address);
                            let ident = ident.clone();
                            async move { Ok(ident) }.boxed()
                        }),
                        ..CharacteristicRead::default()
                    }),
                    ..Characteristic::default()
                },
            ],
            ..Service::default()
        };
        let application = Application {
            services: vec![service],
            ..Application::default()
        };
        let application = radio
            .adapter
            .serve_gatt_application(application)
            .await
            .map_err(|error| fault(&error))?;
        let advertisement = advertise(&radio, plan.service).await?;
        Ok(Self {
            radio,
            application,
            advertisement,
            written,
            looked,
            phone,
            state: Notifications {
                control: state_control,
                writer: None,
            },
            server_to_client: Notifications {
                control: server_control,
                writer: None,
            },
            started: None,
        })
    }

    /// Waits until a phone has subscribed and written the start, and gives the size of parts to it. `approached` is
    /// called when one subscribes or starts. What is written before the start is ignored.
    pub(super) async fn wait_for_start(
        &mut self,
        touched: &Touched,
        approached: impl Fn() + Sync,
    ) -> Result<PartSize, RadioFault> {
        let mut look_after = interval_at(Instant::now() + LOOK_AFTER, LOOK_AFTER);
        loop {
            tokio::select! {
                biased;
                Some(from) = self.state.subscription() => {
                    touched.add(&self.radio.adapter, from);
                    approached();
                }
                Some(from) = self.server_to_client.subscription() => {
                    touched.add(&self.radio.adapter, from);
                    approached();
                }
                Some(from) = self.looked.recv() => touched.add(&self.radio.adapter, from),
                written = self.written.recv() => match written {
                    Some(Written { from, state: true, value, .. }) if value == [STATE_START] => {
                        touched.add(&self.radio.adapter, from);
                        approached();
                        if self.subscribed().await {
                            *self.phone.lock().unwrap_or_else(PoisonError::into_inner) = Some(from);
                            self.started = Some(from);
                            return Ok(self.part_size());
                        }
                    }
                    Some(_) => {}
                    None => return Err(RadioFault::Service),
                },
                _ = look_after.tick() => self.still_there().await?,
            }
        }
    }

    /// The system answers a subscription before it tells of it.
    async fn subscribed(&mut self) -> bool {
        let both = async {
            while self.state.writer.is_none() || self.server_to_client.writer.is_none() {
                let subscription = tokio::select! {
                    some = self.state.subscription() => some,
                    some = self.server_to_client.subscription() => some,
                };
                if subscription.is_none() {
                    core::future::pending::<()>().await;
                }
            }
        };
        timeout(SUBSCRIBED, both).await.is_ok()
    }

    fn part_size(&self) -> PartSize {
        let mtu = self
            .server_to_client
            .writer
            .as_ref()
            .map_or(0, CharacteristicWriter::mtu);
        PartSize::for_value(mtu.min(LONGEST_VALUE))
    }

    /// Service and adapter are there, and the advertisement too: a service that was restarted knows none.
    async fn still_there(&self) -> Result<(), RadioFault> {
        self.radio.check().await?;
        match answer(self.radio.adapter.active_advertising_instances()).await? {
            Ok(0) => Err(RadioFault::Service),
            // Not every system tells.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The phone that has started.
    pub(super) const fn phone(&self) -> Option<Address> {
        self.started
    }

    /// The session of the phone that has started. Nobody else is to find the reader: it is advertised no more.
    pub(super) async fn into_started(self) -> Peripheral {
        let Self {
            radio,
            application,
            advertisement,
            written,
            state,
            server_to_client,
            started,
            ..
        } = self;
        drop(advertisement);
        let events = device_events(&radio, started).await;
        Peripheral {
            radio,
            application,
            written,
            phone: started,
            state,
            server_to_client,
            events,
            left_at: None,
            loses_long_values: false,
        }
    }
}

async fn advertise(radio: &Radio, service: Uuid) -> Result<AdvertisementHandle, RadioFault> {
    let advertisement = Advertisement {
        service_uuids: [service].into_iter().collect(),
        discoverable: Some(true),
        min_interval: Some(INTERVAL.0),
        max_interval: Some(INTERVAL.1),
        ..Advertisement::default()
    };
    radio
        .adapter
        .advertise(advertisement)
        .await
        .map_err(|error| fault(&error))
}

/// A characteristic that is written to. Once there is a session only its phone writes.
fn write(state: bool, tell: &Sender<Written>, phone: &Phone) -> CharacteristicWrite {
    let (tell, phone) = (tell.clone(), Arc::clone(phone));
    CharacteristicWrite {
        write_without_response: true,
        method: CharacteristicWriteMethod::Fun(Box::new(move |value, request| {
            let from = request.device_address;
            let owner = *phone.lock().unwrap_or_else(PoisonError::into_inner);
            let mtu = request.mtu;
            let _ = tell.try_send(Written {
                from,
                state,
                mtu,
                value,
            });
            let answer = match owner {
                Some(owner) if owner != from => Err(ReqError::NotPermitted),
                _ => Ok(()),
            };
            async move { answer }.boxed()
        })),
        ..CharacteristicWrite::default()
    }
}

/// A session of one phone with the reader's GATT server.
pub(super) struct Peripheral {
    pub(super) radio: Radio,
    application: ApplicationHandle,
    written: Receiver<Written>,
    phone: Option<Address>,
    state: Notifications,
    server_to_client: Notifications,
    events: Pin<Box<dyn Stream<Item = DeviceEvent> + Send>>,
    /// When the system said that the phone is gone.
    left_at: Option<Instant>,
    /// The phone may write values that the system loses, and none of their length has come.
    loses_long_values: bool,
}

/// The largest ATT_MTU whose full values BlueZ's GATT server passes on; before 5.69 it loses longer ones without a word.
const SAFE_MTU: u16 = 513;

impl Peripheral {
    /// Whether the parts of a message may have been lost by the system.
    pub(super) const fn loses_long_values(&self) -> bool {
        self.loses_long_values
    }

    pub(super) async fn transmit(&mut self, outgoing: &Outgoing) -> Result<(), Gone> {
        let (notifications, value) = match outgoing {
            Outgoing::State(value) => (&self.state, vec![*value]),
            Outgoing::Part(value) => (&self.server_to_client, value.clone()),
        };
        let writer = notifications.writer.as_ref().ok_or(Gone)?;
        writer.send(&value).await.map_err(|_| Gone)
    }

    pub(super) async fn next(&mut self) -> Incoming {
        loop {
            // The last values may come behind the news that the phone is gone: they come another way. This future may
            // be dropped at any moment, so the news is kept.
            let left = async {
                match self.left_at {
                    Some(left_at) => sleep_until(left_at + STRAGGLERS).await,
                    None => core::future::pending().await,
                }
            };
            let written = tokio::select! {
                biased;
                written = self.written.recv() => written,
                event = self.events.next(), if self.left_at.is_none() => {
                    if matches!(event, Some(DeviceEvent::PropertyChanged(DeviceProperty::Connected(false))) | None) {
                        self.left_at = Some(Instant::now());
                    }
                    continue;
                }
                () = left => None,
            };
            match written {
                Some(written) if Some(written.from) == self.phone => {
                    let long = written.value.len() > LONGEST_VALUE;
                    self.loses_long_values = written.mtu > SAFE_MTU && !long;
                    return if written.state {
                        Incoming::State(written.value)
                    } else {
                        Incoming::Part(written.value)
                    };
                }
                // One phone at a time: another one is shown out.
                Some(Written { from, .. }) => {
                    tracing::info!("a second phone wrote to the reader; it is disconnected");
                    if let Ok(device) = self.radio.adapter.device(from) {
                        let _ = device.disconnect().await;
                    }
                }
                None => return Incoming::Gone,
            }
        }
    }

    pub(super) async fn close(self) -> Option<Address> {
        drop((self.state.writer, self.server_to_client.writer));
        if let Some(phone) = self.phone {
            // Disconnects too. Nothing of the phone stays with the system.
            let _ = self.radio.adapter.remove_device(phone).await;
        }
        drop(self.application);
        self.phone
    }
}

/// What happens to the phone's connection; an end at once where the system knows nothing of it.
async fn device_events(
    radio: &Radio,
    phone: Option<Address>,
) -> Pin<Box<dyn Stream<Item = DeviceEvent> + Send>> {
    let events = async {
        let device = radio.adapter.device(phone?).ok()?;
        let events = device.events().await.ok()?;
        // It may have gone before its events were asked for.
        device
            .is_connected()
            .await
            .unwrap_or(false)
            .then(|| Box::pin(events) as Pin<Box<dyn Stream<Item = DeviceEvent> + Send>>)
    };
    events
        .await
        .unwrap_or_else(|| Box::pin(futures_util::stream::empty()))
}
