//! The system's Bluetooth: its adapter, what its errors mean, how it is set up.

use crate::radio_fault::RadioFault;

/// Where BlueZ is configured.
pub(crate) const MAIN_CONF: &str = "/etc/bluetooth/main.conf";
const MAX_CONF: u64 = 64 * 1024;

/// Whether the system may spread the parts of a message over several ATT channels and so change their order. It is
/// known not to where its configuration says `Channels = 1`.
pub(super) fn may_reorder() -> bool {
    cfg!(target_os = "linux") && configured_number(&main_conf(), "GATT", "Channels") != Some(1)
}

/// BlueZ's configuration; empty where there is none that can be read.
pub(crate) fn main_conf() -> String {
    operator::read_file(std::path::Path::new(MAIN_CONF), MAX_CONF)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

/// A number of a section of BlueZ's configuration; none where it is left at the default.
pub(crate) fn configured_number(conf: &str, of_section: &str, of_key: &str) -> Option<u32> {
    let mut section = "";
    let mut number = None;
    for line in conf.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if section == of_section
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == of_key
        {
            number = value.trim().parse().ok();
        }
    }
    number
}

#[cfg(target_os = "linux")]
pub(super) use bluez::{Radio, Service, answer, fault};

#[cfg(target_os = "linux")]
mod bluez {
    use std::time::Duration;

    use bluer::{Adapter, Error, ErrorKind, InternalErrorKind, Session};
    use tokio::sync::{Notify, OnceCell};
    use tokio::time::timeout;
    use tokio::try_join;

    use super::RadioFault;
    use crate::radio::objects::Objects;

    /// How long the service may take to say how its adapter is.
    const ANSWER: Duration = Duration::from_secs(3);
    /// The system's default adapter, where it is there.
    const DEFAULT: &str = "hci0";

    /// The connections to the Bluetooth service, shared by everything on one thread: made when they are needed first.
    #[derive(Default)]
    pub(in crate::radio) struct Service {
        connections: OnceCell<(Session, Objects)>,
        made: Notify,
    }

    impl Service {
        async fn connections(&self) -> Result<&(Session, Objects), RadioFault> {
            if let Some(connections) = self.connections.get() {
                return Ok(connections);
            }
            let connect = || async { try_join!(Session::new(), Objects::connect()) };
            let connections = self.connections.get_or_try_init(connect).await;
            self.made.notify_waiters();
            connections.map_err(|error| fault(&error))
        }

        /// What the service knows.
        pub(in crate::radio) async fn objects(&self) -> Result<&Objects, RadioFault> {
            self.connections().await.map(|(_, objects)| objects)
        }

        /// Ends when the system's bus, once it was connected to, is gone. (bluer does not tell when its own connection alone is.)
        pub(in crate::radio) async fn lost(&self) {
            loop {
                let made = self.made.notified();
                match self.connections.get() {
                    Some((_, objects)) => return objects.lost().await,
                    None => made.await,
                }
            }
        }
    }

    /// One adapter, over a connection to the Bluetooth service.
    pub(in crate::radio) struct Radio {
        pub(in crate::radio) adapter: Adapter,
        session: Session,
    }

    impl Radio {
        /// The adapter of this name, or the system's default one, switched on.
        pub(in crate::radio) async fn open(
            service: &Service,
            name: Option<&str>,
        ) -> Result<Self, RadioFault> {
            let session = service.connections().await?.0.clone();
            let (adapter, powered) = find(&session, name).await?;
            if !powered {
                adapter
                    .set_powered(true)
                    .await
                    .map_err(|error| match fault(&error) {
                        RadioFault::Other(words) => RadioFault::AdapterOff(words),
                        other => other,
                    })?;
            }
            Ok(Self { adapter, session })
        }

        /// Whether service and adapter are still there.
        pub(in crate::radio) async fn check(&self) -> Result<(), RadioFault> {
            match answer(self.adapter.is_powered()).await? {
                Ok(true) => Ok(()),
                Ok(false) => Err(RadioFault::AdapterGone),
                Err(error) => match fault(&error) {
                    RadioFault::Other(_) | RadioFault::AdapterGone => {
                        // The service answers, but not for this adapter.
                        answer(self.session.adapter_names())
                            .await?
                            .map_err(|error| fault(&error))?;
                        Err(RadioFault::AdapterGone)
                    }
                    other => Err(other),
                },
            }
        }
    }

    /// The adapter, and whether it is switched on. The one that is meant most of the time is asked for at once: listing all
    /// of them brings along everything that the system knows of every device.
    async fn find(session: &Session, name: Option<&str>) -> Result<(Adapter, bool), RadioFault> {
        let fault = |error: Error| fault(&error);
        let adapter = session.adapter(name.unwrap_or(DEFAULT)).map_err(fault)?;
        match answer(adapter.is_powered()).await?.map_err(fault) {
            Ok(powered) => return Ok((adapter, powered)),
            Err(RadioFault::AdapterGone) => {}
            Err(other) => return Err(other),
        }
        let names = session.adapter_names().await.map_err(fault)?;
        if name.is_some() || names.is_empty() {
            return Err(RadioFault::NoAdapter(name.map(str::to_owned)));
        }
        let adapter = session.default_adapter().await.map_err(fault)?;
        let powered = adapter.is_powered().await.map_err(fault)?;
        Ok((adapter, powered))
    }

    /// The answer to a question that the service answers at once. One that hangs would be waited for for minutes.
    pub(in crate::radio) async fn answer<T>(question: impl Future<Output = T>) -> Result<T, RadioFault> {
        timeout(ANSWER, question).await.map_err(|_| RadioFault::Service)
    }

    /// What an error of the Bluetooth service means.
    pub(in crate::radio) fn fault(error: &Error) -> RadioFault {
        match &error.kind {
            ErrorKind::NotFound | ErrorKind::DoesNotExist => RadioFault::AdapterGone,
            ErrorKind::NotAuthorized => RadioFault::Permission,
            ErrorKind::Internal(InternalErrorKind::DBusConnectionLost) => RadioFault::Service,
            ErrorKind::Internal(InternalErrorKind::DBus(name)) => match name.as_str() {
                "org.freedesktop.DBus.Error.AccessDenied" => RadioFault::Permission,
                "org.freedesktop.DBus.Error.ServiceUnknown"
                | "org.freedesktop.DBus.Error.NameHasNoOwner"
                | "org.freedesktop.DBus.Error.NoReply"
                | "org.freedesktop.DBus.Error.Timeout"
                | "org.freedesktop.DBus.Error.Disconnected"
                | "org.freedesktop.DBus.Error.NoServer"
                | "org.freedesktop.DBus.Error.FileNotFound"
                | "org.freedesktop.DBus.Error.Spawn.ServiceNotFound" => RadioFault::Service,
                "org.freedesktop.DBus.Error.UnknownObject" | "org.freedesktop.DBus.Error.UnknownMethod" => {
                    RadioFault::AdapterGone
                }
                _ => RadioFault::Other(error.to_string()),
            },
            _ => RadioFault::Other(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channels_of_a_configuration() {
        for (conf, channels) in [
            ("", None),
            ("[GATT]\nChannels = 1\n", Some(1)),
            ("[GATT]\n#Channels = 1\n", None),
            ("[GATT]\nExchangeMTU = 1\n", None),
            ("[GATT]\nCache = no\nChannels=3", Some(3)),
            ("[General]\nChannels = 1\n[GATT]\n", None),
            ("[GATT]\nChannels = one\n", None),
        ] {
            assert_eq!(configured_number(conf, "GATT", "Channels"), channels, "{conf:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn errors_of_the_service_by_their_names() {
        use bluer::{Error, ErrorKind, InternalErrorKind};
        let dbus = |name: &str| {
            fault(&Error {
                kind: ErrorKind::Internal(InternalErrorKind::DBus(format!(
                    "org.freedesktop.DBus.Error.{name}"
                ))),
                message: String::new(),
            })
        };
        assert_eq!(dbus("AccessDenied"), RadioFault::Permission);
        assert_eq!(dbus("ServiceUnknown"), RadioFault::Service);
        assert_eq!(dbus("FileNotFound"), RadioFault::Service);
        assert_eq!(dbus("Timeout"), RadioFault::Service);
        assert_eq!(dbus("UnknownObject"), RadioFault::AdapterGone);
        assert!(matches!(dbus("LimitsExceeded"), RadioFault::Other(_)));
    }
}
