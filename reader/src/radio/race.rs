//! Both roles at once where the phone offers both: the first that can start a session wins.

use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bluer::{Adapter, Address};
use mdoc::session::ble::STATE_START;
use mdoc::session::framing::PartSize;
use mdoc::session::link::{GattLink, GattRole};
use tokio::time::timeout;

use super::Options;
use super::peripheral::Server;
use super::plan::Plan;
use super::system::{Radio, Service};
use super::worker::{Carrier, Cutting};
use super::{central, portable};
use crate::arguments;
use crate::radio_fault::RadioFault;

/// How long a phone that has come to the reader's server has to start there, before the other way is taken. Central
/// client mode is preferred where a choice must be made (18013-5 §8.3.3.1.1).
const PREFERENCE: Duration = Duration::from_secs(1);

/// Until a session may begin.
pub(super) async fn run(
    plan: &Plan,
    options: &Options,
    service: &Service,
    touched: &Touched,
    found: impl Fn() + Clone + Send + Sync,
) -> Result<(Carrier, Cutting), RadioFault> {
    let approached = Arc::new(AtomicBool::new(false));
    let serving = serve(
        plan,
        options,
        service,
        Arc::clone(&approached),
        touched,
        found.clone(),
    );
    let seeking = seek(plan, options, service, touched, found);
    tokio::pin!(serving, seeking);
    let (mut serving_failed, mut seeking_failed) = (None, None);
    loop {
        tokio::select! {
            biased;
            served = &mut serving, if serving_failed.is_none() => match served {
                Ok(started) => return Ok(start(started, touched).await),
                Err(fault) => serving_failed = Some(fault),
            },
            sought = &mut seeking, if seeking_failed.is_none() => match sought {
                Ok(ready) => {
                    if approached.load(Ordering::Relaxed)
                        && serving_failed.is_none()
                        && let Ok(Ok(started)) = timeout(PREFERENCE, &mut serving).await
                    {
                        return Ok(start(started, touched).await);
                    }
                    return Ok(ready.start(options.max_message_len));
                }
                Err(fault) => seeking_failed = Some(fault),
            },
        }
        // The way that was not planned says `None`, and the other one what is wrong.
        if let (Some(server), Some(client)) = (&serving_failed, &seeking_failed) {
            let fault = client.clone().or_else(|| server.clone());
            return Err(fault.unwrap_or_else(|| RadioFault::Other("no way to the phone".to_owned())));
        }
    }
}

/// The session with the phone that has started at the reader's server; no other device is in it.
async fn start((server, link): (Server, GattLink), touched: &Touched) -> (Carrier, Cutting) {
    let phone = server.phone();
    let peripheral = server.into_started().await;
    touched.forget(phone).await;
    (Carrier::Peripheral(Box::new(peripheral)), Cutting::Gatt(link))
}

/// The reader as GATT server, until a phone has started there. The error is none where the plan has no such way.
async fn serve(
    plan: &Plan,
    options: &Options,
    service: &Service,
    approached: Arc<AtomicBool>,
    touched: &Touched,
    found: impl Fn() + Send + Sync,
) -> Result<(Server, GattLink), Option<RadioFault>> {
    let plan = plan.peripheral.as_ref().ok_or(None)?;
    let radio = Radio::open(service, options.adapter.as_deref()).await?;
    let mut server = Server::register(radio, plan).await?;
    let size = server
        .wait_for_start(touched, || {
            // It subscribes twice, and starts.
            if !approached.swap(true, Ordering::Relaxed) {
                found();
            }
        })
        .await?;
    let mut link = GattLink::new(GattRole::Server, size, options.max_message_len);
    // The server has seen the start.
    link.handle_state(&[STATE_START]);
    Ok((server, link))
}

/// Devices that this connection has had to do with: those that are not the phone being read are disconnected, and
/// forgotten by the system.
#[derive(Clone, Default)]
pub(super) struct Touched(Arc<Mutex<BTreeMap<Address, Adapter>>>);

impl Touched {
    pub(super) fn add(&self, adapter: &Adapter, device: Address) {
        self.devices().insert(device, adapter.clone());
    }

    fn devices(&self) -> std::sync::MutexGuard<'_, BTreeMap<Address, Adapter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets all but the phone.
    pub(super) async fn forget(&self, phone: Option<Address>) {
        let touched = core::mem::take(&mut *self.devices());
        for (device, adapter) in touched {
            if phone != Some(device) {
                // It may be gone already.
                let _ = adapter.remove_device(device).await;
            }
        }
    }
}

/// A phone that is connected to and has not been told to start.
enum Ready {
    Gatt(PartSize, Carrier),
    Channel(Carrier),
}

impl Ready {
    fn start(self, limit: usize) -> (Carrier, Cutting) {
        match self {
            Self::Gatt(size, carrier) => {
                let mut link = GattLink::new(GattRole::Client, size, limit);
                link.start();
                (carrier, Cutting::Gatt(link))
            }
            Self::Channel(carrier) => (carrier, Cutting::channel(limit)),
        }
    }
}

/// The reader as central. The error is none where the plan has no such way.
async fn seek(
    plan: &Plan,
    options: &Options,
    service: &Service,
    touched: &Touched,
    found: impl Fn() + Send + Sync,
) -> Result<Ready, Option<RadioFault>> {
    let plan = plan.central.as_ref().ok_or(None)?;
    Ok(match plan.library {
        arguments::Central::Btleplug => {
            let (size, portable) = portable::connect(plan, options.adapter.as_deref(), &found).await?;
            Ready::Gatt(size, Carrier::Portable(Box::new(portable)))
        }
        arguments::Central::Bluer => {
            let radio = Radio::open(service, options.adapter.as_deref()).await?;
            let objects = service.objects().await?;
            match central::connect(radio, objects, plan, options.broke_off, touched, &found).await? {
                central::Connected::Gatt(size, central) => Ready::Gatt(size, Carrier::Central(central)),
                central::Connected::Channel(channel) => Ready::Channel(Carrier::Channel(Box::new(channel))),
            }
        }
    })
}
