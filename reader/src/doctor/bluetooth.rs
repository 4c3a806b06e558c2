//! The Bluetooth service and its adapter, as BlueZ tells them over D-Bus. Reads only: an adapter that is switched off stays
//! so, and a service that does not run is not started by asking it.
//!
//! Over D-Bus itself and not by bluer, which knows neither the roles of an adapter nor whether it can be a GATT server.

use std::collections::HashMap;

use dbus::arg::{PropMap, prop_cast};
use dbus::blocking::Connection;
use dbus::{Error, Path};

use super::bounded::PATIENCE;
use super::finding::Finding;
use crate::arguments::{Radio, Role};
use crate::radio::{MAIN_CONF, configured_number, main_conf};

const SERVICE: &str = "org.bluez";
/// From this version on BlueZ opens one ATT channel unless told otherwise.
const ONE_CHANNEL: Version = Version(5, 67);
/// From this version on BlueZ loses no long values.
const LONG_VALUES: Version = Version(5, 69);
/// The largest ATT_MTU that loses none before.
const SAFE_MTU: u32 = 512;
/// USB's number for the Linux Foundation and BlueZ's number there: what follows is its version.
const BLUEZ_MODALIAS: &str = "usb:v1D6Bp0246d";

/// The objects of a service, their interfaces, and the properties of those.
type Objects = HashMap<Path<'static>, HashMap<String, PropMap>>;

/// What is asked for.
#[derive(Clone)]
pub(super) struct Wanted {
    adapter: Option<String>,
    role: Role,
}

impl Wanted {
    pub(super) fn of(radio: &Radio) -> Self {
        Self {
            adapter: radio.adapter.clone(),
            role: radio.ble,
        }
    }
}

/// One adapter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Adapter {
    name: String,
    is_powered: bool,
    /// `off-blocked` where a switch of the machine holds it; told by BlueZ since 5.65.
    power_state: Option<String>,
    /// `central`, `peripheral`, and `central-peripheral` for both at once, which BlueZ tells of with experimental features of
    /// the kernel alone; none where BlueZ does not tell.
    roles: Option<Vec<String>>,
    modalias: Option<String>,
    is_gatt_server: bool,
    /// Advertisements that may be registered beside those that are; none where it cannot advertise.
    free_advertisements: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u8, u8);

/// All of it.
pub(super) fn check(wanted: &Wanted) -> Vec<Finding> {
    check_on(Connection::new_system(), wanted, &main_conf())
}

fn check_on(bus: Result<Connection, Error>, wanted: &Wanted, conf: &str) -> Vec<Finding> {
    match bus.map_err(|error| no_bus(&error)).and_then(|bus| adapters(&bus)) {
        Ok(adapters) => judge(&adapters, wanted, conf),
        Err(finding) => vec![finding],
    }
}

/// The adapters, by their names.
fn adapters(connection: &Connection) -> Result<Vec<Adapter>, Finding> {
    let bus = connection.with_proxy("org.freedesktop.DBus", "/org/freedesktop/DBus", PATIENCE);
    let (runs,): (bool,) = bus
        .method_call("org.freedesktop.DBus", "NameHasOwner", (SERVICE,))
        .map_err(|error| no_bus(&error))?;
    if !runs {
        return Err(no_service());
    }
    let bluez = connection.with_proxy(SERVICE, "/", PATIENCE);
    let (objects,): (Objects,) = bluez
        .method_call("org.freedesktop.DBus.ObjectManager", "GetManagedObjects", ())
        .map_err(|error| refused(&error))?;
    let mut adapters: Vec<Adapter> = objects
        .iter()
        .filter_map(|(path, interfaces)| adapter(path, interfaces))
        .collect();
    adapters.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(adapters)
}

fn adapter(path: &Path<'static>, interfaces: &HashMap<String, PropMap>) -> Option<Adapter> {
    let properties = interfaces.get("org.bluez.Adapter1")?;
    let text = |key: &str| prop_cast::<String>(properties, key).cloned();
    let advertising = interfaces.get("org.bluez.LEAdvertisingManager1");
    Some(Adapter {
        name: path.rsplit('/').next().unwrap_or_default().to_owned(),
        is_powered: prop_cast(properties, "Powered").copied().unwrap_or(false),
        power_state: text("PowerState"),
        roles: prop_cast::<Vec<String>>(properties, "Roles").cloned(),
        modalias: text("Modalias"),
        is_gatt_server: interfaces.contains_key("org.bluez.GattManager1"),
        free_advertisements: advertising
            .and_then(|properties| prop_cast::<u8>(properties, "SupportedInstances").copied()),
    })
}

fn no_bus(error: &Error) -> Finding {
    if is_denied(error) {
        return denied();
    }
    Finding::fault(
        "bluetooth_service",
        format!("there is no D-Bus: {}", words(error)),
        "start D-Bus (systemctl start dbus); in a container, let it have the system's bus",
    )
}

fn no_service() -> Finding {
    Finding::fault(
        "bluetooth_service",
        "the Bluetooth service does not run",
        "install it (apt install bluez) and start it (systemctl enable --now bluetooth)",
    )
}

fn refused(error: &Error) -> Finding {
    match error.name() {
        _ if is_denied(error) => denied(),
        Some("org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner") => {
            no_service()
        }
        Some("org.freedesktop.DBus.Error.NoReply" | "org.freedesktop.DBus.Error.Timeout") => Finding::fault(
            "bluetooth_service",
            format!("no answer within {} s", PATIENCE.as_secs()),
            "restart the Bluetooth service (systemctl restart bluetooth)",
        ),
        _ => Finding::fault(
            "bluetooth_service",
            format!("the Bluetooth service says: {}", words(error)),
            "restart the Bluetooth service (systemctl restart bluetooth)",
        ),
    }
}

fn is_denied(error: &Error) -> bool {
    error.name() == Some("org.freedesktop.DBus.Error.AccessDenied")
}

fn denied() -> Finding {
    Finding::fault(
        "bluetooth_permission",
        "this user may not use Bluetooth",
        "let it (on Debian: add it to the group bluetooth and log in again)",
    )
}

fn words(error: &Error) -> String {
    error.message().unwrap_or("without a reason").to_owned()
}

/// What the adapters and the service's configuration come to.
fn judge(adapters: &[Adapter], wanted: &Wanted, conf: &str) -> Vec<Finding> {
    let named = wanted.adapter.as_deref();
    // As the reader chooses: hci0, else the first.
    let default = || {
        let first = adapters.iter().find(|adapter| adapter.name == "hci0");
        first.or_else(|| adapters.first())
    };
    let adapter = match named {
        Some(name) => adapters.iter().find(|adapter| adapter.name == name),
        None => default(),
    };
    let Some(adapter) = adapter else {
        let others: Vec<&str> = adapters.iter().map(|adapter| adapter.name.as_str()).collect();
        let (detail, next) = match named {
            Some(name) if !others.is_empty() => (
                format!("there is no Bluetooth adapter {name}, but {}", others.join(", ")),
                "name one that is there with --adapter, or plug in the other",
            ),
            _ => (
                "there is no Bluetooth adapter".to_owned(),
                "plug one in; where one is, look for its firmware in the kernel's log (dmesg)",
            ),
        };
        return vec![Finding::fault("bluetooth_adapter", detail, next)];
    };
    let version = adapter.version();
    vec![
        power(adapter),
        roles(adapter, wanted.role),
        match version {
            Some(Version(major, minor)) => {
                Finding::ok("bluetooth_service", format!("BlueZ {major}.{minor} runs"))
            }
            None => Finding::ok("bluetooth_service", "BlueZ runs and does not tell its version"),
        },
        channels(version, configured_number(conf, "GATT", "Channels")),
        mtu(version, configured_number(conf, "GATT", "ExchangeMTU")),
    ]
}

impl Adapter {
    /// The version of BlueZ, which it puts into the adapter's own identification unless that is configured otherwise.
    fn version(&self) -> Option<Version> {
        let digits = self.modalias.as_deref()?.strip_prefix(BLUEZ_MODALIAS)?;
        let number = u16::from_str_radix(digits.get(..4)?, 16).ok()?;
        let [major, minor] = number.to_be_bytes();
        Some(Version(major, minor))
    }

    fn has_role(&self, role: &str) -> bool {
        let roles = self.roles.as_deref().unwrap_or_default();
        roles
            .iter()
            .any(|known| known == role || known == "central-peripheral")
    }
}

fn power(adapter: &Adapter) -> Finding {
    const CHECK: &str = "bluetooth_adapter";
    let name = &adapter.name;
    if adapter.is_powered {
        return Finding::ok(CHECK, format!("{name} is there and switched on"));
    }
    if adapter.power_state.as_deref() == Some("off-blocked") {
        return Finding::fault(
            CHECK,
            format!("{name} is blocked by a switch of this machine"),
            "release it (rfkill unblock bluetooth)",
        );
    }
    Finding::warning(
        CHECK,
        format!("{name} is switched off"),
        "the reader switches it on when it starts; to do it now: bluetoothctl power on",
    )
}

fn roles(adapter: &Adapter, wanted: Role) -> Finding {
    const CHECK: &str = "bluetooth_roles";
    if adapter.roles.is_none() {
        return Finding::warning(
            CHECK,
            "BlueZ does not tell what the adapter can",
            "use BlueZ 5.50 or later; if phones are not found, try another adapter",
        );
    }
    let is_server = adapter.has_role("peripheral") && adapter.is_gatt_server;
    let mut missing = Vec::new();
    if wanted != Role::Peripheral && !adapter.has_role("central") {
        missing.push("it cannot look for phones (central)");
    }
    if wanted != Role::Central {
        if !is_server {
            missing.push("it cannot be found by phones (peripheral)");
        }
        if adapter.free_advertisements.is_none() {
            missing.push("it cannot advertise");
        }
    }
    if !missing.is_empty() {
        return Finding::fault(
            CHECK,
            format!("{}: {}", adapter.name, missing.join("; ")),
            "use an adapter of Bluetooth 4.1 or later that does LE in both roles",
        );
    }
    if wanted != Role::Central && adapter.free_advertisements == Some(0) {
        return Finding::warning(
            CHECK,
            format!("{}: all places for advertisements are taken", adapter.name),
            "end the other program that advertises; a reader at work takes one",
        );
    }
    let mut told = adapter.roles.iter().flatten();
    let (role, advertisements) = (
        match wanted {
            Role::Both if told.any(|role| role == "central-peripheral") => "both roles, also at once",
            Role::Both => "both roles; BlueZ does not tell whether at once",
            Role::Central => "central",
            Role::Peripheral => "peripheral",
        },
        adapter.free_advertisements.unwrap_or(0),
    );
    Finding::ok(CHECK, format!("{role}; room for {advertisements} advertisements"))
}

fn channels(version: Option<Version>, configured: Option<u32>) -> Finding {
    const CHECK: &str = "bluetooth_channels";
    let next = format!("set Channels = 1 under [GATT] in {MAIN_CONF}, and restart the Bluetooth service");
    match configured {
        Some(1) => Finding::ok(CHECK, "one ATT channel"),
        None if version.is_some_and(|version| version >= ONE_CHANNEL) => Finding::warning(
            CHECK,
            "BlueZ opens one ATT channel unless told otherwise, but the reader does not count on it and waits between the parts of a request",
            next,
        ),
        _ => Finding::warning(
            CHECK,
            "BlueZ may spread a message over several ATT channels, and its parts come in the wrong order (bluetooth.reordered)",
            next,
        ),
    }
}

fn mtu(version: Option<Version>, configured: Option<u32>) -> Finding {
    const CHECK: &str = "bluetooth_mtu";
    if version.is_some_and(|version| version >= LONG_VALUES) {
        return Finding::ok(CHECK, "this BlueZ loses no long parts");
    }
    match configured {
        Some(mtu) if mtu <= SAFE_MTU => Finding::ok(CHECK, format!("the ATT_MTU is {mtu} at most")),
        _ => Finding::warning(
            CHECK,
            "BlueZ before 5.69 loses parts over 510 bytes (bluetooth.parts_lost)",
            format!(
                "set ExchangeMTU = {SAFE_MTU} under [GATT] in {MAIN_CONF}, and restart the Bluetooth service"
            ),
        ),
    }
}

#[cfg(test)]
#[path = "bluetooth_bus_tests.rs"]
mod bus_tests;
#[cfg(test)]
#[path = "bluetooth_tests.rs"]
mod tests;
