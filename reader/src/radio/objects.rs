//! What BlueZ knows of a phone's GATT server, by one question.
//!
//! bluer asks more: for everything that BlueZ knows of every device, twice, and then for each UUID by itself.

use std::sync::Arc;
use std::time::Duration;

use bluer::Device;
use bluer::gatt::remote::Characteristic;
use dbus::Path;
use dbus::arg::{Dict, Iter, ReadAll, TypeMismatchError, Variant};
use dbus::nonblock::{Proxy, SyncConnection};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use uuid::Uuid;

/// How long BlueZ may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// A connection to the system's bus for questions; it hears no signals.
pub(super) struct Objects {
    bus: Arc<SyncConnection>,
    traffic: JoinHandle<()>,
    /// Nobody sends, and nobody can any more once the bus is gone.
    is_there: watch::Receiver<()>,
}

impl Objects {
    pub(super) async fn connect() -> Result<Self, bluer::Error> {
        let (traffic, bus) = spawn_blocking(dbus_tokio::connection::new_system_sync).await??;
        let (until_lost, is_there) = watch::channel(());
        let traffic = tokio::spawn(async move {
            let error = traffic.await;
            tracing::info!(%error, "the connection to the system's bus ended");
            drop(until_lost);
        });
        Ok(Self {
            bus,
            traffic,
            is_there,
        })
    }

    /// Ends when the bus is gone. Questions to it would stay without an answer.
    pub(super) async fn lost(&self) {
        let mut is_there = self.is_there.clone();
        while is_there.changed().await.is_ok() {}
    }

    /// The characteristics of a phone's service, by their UUIDs; none where it has no such service, and of the last one where it
    /// has several. BlueZ knows them once it has told that the services are resolved.
    pub(super) async fn characteristics(
        &self,
        device: &Device,
        service: Uuid,
    ) -> Result<Option<Vec<(Uuid, Characteristic)>>, bluer::Error> {
        let proxy = Proxy::new("org.bluez", "/", ANSWER, &*self.bus);
        let listing: Listing = proxy
            .method_call("org.freedesktop.DBus.ObjectManager", "GetManagedObjects", ())
            .await?;
        let Some((id, found)) = listing.service(&device_path(device), service) else {
            return Ok(None);
        };
        let service = device.service(id).await?;
        let mut characteristics = Vec::with_capacity(found.len());
        for (uuid, id) in found {
            characteristics.push((uuid, service.characteristic(id).await?));
        }
        Ok(Some(characteristics))
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        self.traffic.abort();
    }
}

fn device_path(device: &Device) -> String {
    let address = device.address().to_string().replace(':', "_");
    format!("/org/bluez/{}/dev_{address}", device.adapter_name())
}

/// Services and characteristics of all devices: the path of each and its UUID.
struct Listing(Vec<(String, Uuid)>);

type Properties<'a> = Dict<'a, &'a str, Variant<Iter<'a>>, Iter<'a>>;
type Interfaces<'a> = Dict<'a, &'a str, Properties<'a>, Iter<'a>>;
type Tree<'a> = Dict<'a, Path<'static>, Interfaces<'a>, Iter<'a>>;

impl ReadAll for Listing {
    fn read(answer: &mut Iter<'_>) -> Result<Self, TypeMismatchError> {
        let objects = answer.read::<Tree<'_>>()?;
        let with_uuid = objects.filter_map(|(path, interfaces)| Some((path.to_string(), uuid(interfaces)?)));
        Ok(Self(with_uuid.collect()))
    }
}

/// The UUID of a service or characteristic; other objects have none.
fn uuid(mut interfaces: Interfaces<'_>) -> Option<Uuid> {
    let (_, mut properties) = interfaces
        .find(|(name, _)| matches!(*name, "org.bluez.GattService1" | "org.bluez.GattCharacteristic1"))?;
    let (_, mut value) = properties.find(|(name, _)| *name == "UUID")?;
    value.0.get::<&str>()?.parse().ok()
}

impl Listing {
    /// The last service of this UUID at the device: its number, and UUIDs and numbers of its characteristics.
    fn service(&self, device: &str, uuid: Uuid) -> Option<(u16, Vec<(Uuid, u16)>)> {
        let below = |path: &str, kind: &str| {
            let number = path.strip_prefix(kind).filter(|number| number.len() == 4)?;
            u16::from_str_radix(number, 16).ok()
        };
        let at_device = || {
            self.0
                .iter()
                .filter_map(|(path, known)| Some((path.strip_prefix(device)?, *known)))
        };
        let service = at_device()
            .filter(|(_, known)| *known == uuid)
            .filter_map(|(path, _)| below(path, "/service"))
            .max()?;
        let prefix = format!("/service{service:04x}");
        let characteristics = at_device()
            .filter_map(|(path, known)| Some((known, below(path.strip_prefix(&prefix)?, "/char")?)))
            .collect();
        Some((service, characteristics))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use dbus::Message;
    use dbus::arg::{PropMap, RefArg};

    use super::*;

    const DEVICE: &str = "/org/bluez/hci0/dev_F0_F1_F2_F3_F4_F5";
    const SERVICE: Uuid = Uuid::from_u128(0x1111_2222);
    const OTHER: Uuid = Uuid::from_u128(0x3333_4444);

    /// An object as BlueZ lists it, with an interface that all of them have.
    fn object(
        path: &str,
        interface: &str,
        uuid: Box<dyn RefArg>,
    ) -> (Path<'static>, HashMap<String, PropMap>) {
        let properties = PropMap::from([
            (
                "Flags".to_owned(),
                Variant(Box::new(vec!["notify".to_owned()]) as Box<dyn RefArg>),
            ),
            ("UUID".to_owned(), Variant(uuid)),
        ]);
        let interfaces = HashMap::from([
            ("org.freedesktop.DBus.Introspectable".to_owned(), PropMap::new()),
            (interface.to_owned(), properties),
        ]);
        (Path::from(format!("{DEVICE}{path}")), interfaces)
    }

    fn service(path: &str, uuid: Uuid) -> (Path<'static>, HashMap<String, PropMap>) {
        object(path, "org.bluez.GattService1", Box::new(uuid.to_string()))
    }

    fn characteristic(path: &str, uuid: Uuid) -> (Path<'static>, HashMap<String, PropMap>) {
        object(path, "org.bluez.GattCharacteristic1", Box::new(uuid.to_string()))
    }

    fn answer() -> Message {
        Message::signal(&"/".into(), &"a.b".into(), &"c".into())
    }

    /// What is found in an answer with these objects.
    fn found<const N: usize>(
        objects: [(Path<'static>, HashMap<String, PropMap>); N],
    ) -> Option<(u16, Vec<(Uuid, u16)>)> {
        let answer = answer().append1(HashMap::from(objects));
        let listing: Listing = answer.read_all().unwrap();
        let (service, mut characteristics) = listing.service(DEVICE, SERVICE)?;
        characteristics.sort();
        Some((service, characteristics))
    }

    #[test]
    fn a_service_and_its_characteristics() {
        let [first, second] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        assert_eq!(
            found([
                object("", "org.bluez.Device1", Box::new("a phone".to_owned())),
                service("/service0001", OTHER),
                characteristic("/service0001/char0002", second),
                service("/service000a", SERVICE),
                characteristic("/service000a/char000b", first),
                characteristic("/service000a/char000e", second),
                object(
                    "/service000a/char000e/desc0010",
                    "org.bluez.GattDescriptor1",
                    Box::new(first.to_string())
                ),
            ]),
            Some((10, vec![(first, 11), (second, 14)]))
        );
    }

    #[test]
    fn of_several_services_the_last() {
        let two = found([
            service("/service0001", SERVICE),
            characteristic("/service0001/char0002", OTHER),
            service("/service00f0", SERVICE),
        ]);
        assert_eq!(two, Some((0xf0, vec![])));
    }

    #[test]
    fn what_is_no_such_service() {
        let whole = || service("/service000a", SERVICE);
        assert_eq!(found([whole()]), Some((10, vec![])));
        for (path, interface, uuid) in [
            ("/service000a", "org.bluez.GattService1", OTHER.to_string()),
            ("/service000a", "org.bluez.GattService1", "no UUID".to_owned()),
            ("/service000a", "org.bluez.GattService2", SERVICE.to_string()),
            (
                "/service000a/char000b",
                "org.bluez.GattService1",
                SERVICE.to_string(),
            ),
            ("/service10000", "org.bluez.GattService1", SERVICE.to_string()),
            ("/service00zz", "org.bluez.GattService1", SERVICE.to_string()),
            ("/servicea", "org.bluez.GattService1", SERVICE.to_string()),
            ("", "org.bluez.GattService1", SERVICE.to_string()),
            ("6/service000a", "org.bluez.GattService1", SERVICE.to_string()),
        ] {
            assert_eq!(
                found([object(path, interface, Box::new(uuid))]),
                None,
                "{path} {interface}"
            );
        }
        // A UUID that is no text.
        assert_eq!(
            found([object("/service000a", "org.bluez.GattService1", Box::new(7_u32))]),
            None
        );
        assert_eq!(found([]), None);
    }

    #[test]
    fn an_answer_of_another_kind() {
        assert!(answer().append1("no objects").read_all::<Listing>().is_err());
        assert!(answer().read_all::<Listing>().is_err());
        // Of other types within: nothing is found.
        let answer = answer().append1(HashMap::from([("a".to_owned(), 1_u32)]));
        assert!(
            answer
                .read_all::<Listing>()
                .is_ok_and(|listing| listing.0.is_empty())
        );
    }
}
