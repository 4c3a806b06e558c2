//! The GATT server.

use std::sync::Arc;
use std::time::Duration;

use bluer::adv::Advertisement;
use bluer::gatt::CharacteristicWriter;
use bluer::gatt::local::{
    Application, Characteristic, CharacteristicControlEvent, CharacteristicNotifier, CharacteristicNotify,
    CharacteristicNotifyMethod, CharacteristicWrite, CharacteristicWriteMethod, Service,
    characteristic_control,
};
use futures_util::StreamExt as _;
use tokio::sync::{Mutex, mpsc};
use tokio::time::sleep;

use crate::{CLIENT2SERVER, REST, Result, SERVER2CLIENT, SERVICE, STATE, Way, parts, receive};

/// Where notifications go, once a client has asked for them.
#[derive(Default)]
enum Subscriber {
    #[default]
    None,
    Socket(CharacteristicWriter),
    Bus(CharacteristicNotifier),
}

type Shared = Arc<Mutex<Subscriber>>;

pub(crate) async fn run(
    adapter: &str,
    writes: Way,
    notifications: Way,
    interval: Option<Duration>,
    pause: Duration,
) -> Result<()> {
    let session = bluer::Session::new().await?;
    let adapter = session.adapter(adapter)?;
    let (sender, mut incoming) = mpsc::unbounded_channel();
    let subscriber = Shared::default();

    let (mut c2s_control, c2s_handle) = characteristic_control();
    let (mut s2c_control, s2c_handle) = characteristic_control();
    let application = Application {
        services: vec![Service {
            uuid: SERVICE,
            primary: true,
            characteristics: vec![
                Characteristic {
                    uuid: STATE,
                    write: Some(write_by_bus(None)),
                    notify: Some(CharacteristicNotify {
                        notify: true,
                        ..CharacteristicNotify::default()
                    }),
                    ..Characteristic::default()
                },
                Characteristic {
                    uuid: CLIENT2SERVER,
                    write: Some(match writes {
                        Way::Bus => write_by_bus(Some(sender.clone())),
                        Way::Socket => CharacteristicWrite {
                            write_without_response: true,
                            method: CharacteristicWriteMethod::Io,
                            ..CharacteristicWrite::default()
                        },
                    }),
                    control_handle: c2s_handle,
                    ..Characteristic::default()
                },
                Characteristic {
                    uuid: SERVER2CLIENT,
                    notify: Some(CharacteristicNotify {
                        notify: true,
                        method: match notifications {
                            Way::Socket => CharacteristicNotifyMethod::Io,
                            Way::Bus => notify_by_bus(subscriber.clone()),
                        },
                        ..CharacteristicNotify::default()
                    }),
                    control_handle: s2c_handle,
                    ..Characteristic::default()
                },
            ],
            ..Service::default()
        }],
        ..Application::default()
    };
    let _application = adapter.serve_gatt_application(application).await?;
    let _advertisement = adapter
        .advertise(Advertisement {
            service_uuids: [SERVICE].into(),
            discoverable: Some(true),
            min_interval: interval,
            max_interval: interval,
            ..Advertisement::default()
        })
        .await?;
    println!("{{\"serving\":true}}");

    tokio::spawn(async move {
        while let Some(event) = c2s_control.next().await {
            let CharacteristicControlEvent::Write(request) = event else {
                continue;
            };
            let Ok(socket) = request.accept() else { continue };
            let sender = sender.clone();
            tokio::spawn(async move {
                // At the end of a socket there is no value for ever.
                while let Ok(value) = socket.recv().await
                    && !value.is_empty()
                {
                    let _ = sender.send(value);
                }
            });
        }
    });
    let by_socket = subscriber.clone();
    tokio::spawn(async move {
        while let Some(event) = s2c_control.next().await {
            if let CharacteristicControlEvent::Notify(writer) = event {
                *by_socket.lock().await = Subscriber::Socket(writer);
            }
        }
    });

    while let Some(arrived) = receive(&mut incoming).await {
        println!("{}", arrived.line());
        sleep(REST).await;
        let mut subscriber = subscriber.lock().await;
        for part in parts(arrived.count, arrived.size) {
            match &mut *subscriber {
                Subscriber::None => break,
                Subscriber::Socket(writer) => drop(writer.send(&part).await?),
                Subscriber::Bus(notifier) => notifier.notify(part).await?,
            }
            if !pause.is_zero() {
                sleep(pause).await;
            }
        }
    }
    Ok(())
}

fn write_by_bus(sender: Option<mpsc::UnboundedSender<Vec<u8>>>) -> CharacteristicWrite {
    CharacteristicWrite {
        write_without_response: true,
        method: CharacteristicWriteMethod::Fun(Box::new(move |value, _| {
            if let Some(sender) = &sender {
                let _ = sender.send(value);
            }
            Box::pin(async { Ok(()) })
        })),
        ..CharacteristicWrite::default()
    }
}

fn notify_by_bus(subscriber: Shared) -> CharacteristicNotifyMethod {
    CharacteristicNotifyMethod::Fun(Box::new(move |notifier| {
        let subscriber = subscriber.clone();
        Box::pin(async move { *subscriber.lock().await = Subscriber::Bus(notifier) })
    }))
}
