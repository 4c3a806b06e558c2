//! A real D-Bus of its own for each test, and on it something that answers as BlueZ does.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use dbus::Message;
use dbus::arg::Variant;

use super::*;
use crate::doctor::finding::Grade;

/// A bus that ends with the test.
struct Bus {
    daemon: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Bus {
    fn start(policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("bus.conf");
        let text = format!(
            "<busconfig><type>session</type><listen>unix:tmpdir={}</listen><policy context=\"default\">\
             <allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/>{policy}</policy></busconfig>",
            folder.path().display()
        );
        std::fs::write(&config, text).unwrap();
        let mut daemon = Command::new("dbus-daemon")
            .args(["--nofork", "--print-address=1", "--config-file"])
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap())
            .read_line(&mut address)
            .unwrap();
        Self {
            daemon,
            address: address.trim().to_owned(),
            _folder: folder,
        }
    }

    fn connect(&self) -> Result<Connection, Error> {
        Connection::new_address(&self.address)
    }

    /// Takes BlueZ's name, and answers with what is made for each question; with none it is silent. Its thread ends with
    /// the bus.
    fn bluez(&self, objects: impl Fn() -> Option<Objects> + Send + 'static) {
        let connection = self.connect().unwrap();
        let (ready, is_ready) = channel();
        std::thread::spawn(move || {
            connection.request_name(SERVICE, false, false, true).unwrap();
            ready.send(()).unwrap();
            let bus = connection.channel();
            while let Ok(message) = bus.blocking_pop_message(Duration::from_secs(1)) {
                let Some(message) = message else { continue };
                let is_question = message
                    .member()
                    .is_some_and(|member| &*member == "GetManagedObjects");
                if let (true, Some(objects)) = (is_question, objects()) {
                    let answer: Message = message.method_return().append1(objects);
                    bus.send(answer).unwrap();
                }
            }
        });
        is_ready.recv().unwrap();
    }

    fn told(&self) -> Vec<(Grade, &'static str, String)> {
        told(self.connect())
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// What is not right.
fn told(bus: Result<Connection, Error>) -> Vec<(Grade, &'static str, String)> {
    let wanted = Wanted {
        adapter: None,
        role: Role::Both,
    };
    let conf = "[GATT]\nChannels = 1\nExchangeMTU = 512\n";
    let findings = check_on(bus, &wanted, conf).into_iter();
    findings
        .filter(|finding| finding.grade != Grade::Ok)
        .map(|finding| (finding.grade, finding.check, finding.detail))
        .collect()
}

/// One adapter as BlueZ 5.66 shows it.
fn adapter(is_powered: bool, can_be_server: bool) -> Objects {
    let mut properties = PropMap::new();
    let mut set = |name: &str, value: Box<dyn dbus::arg::RefArg>| {
        properties.insert(name.to_owned(), Variant(value));
    };
    set("Powered", Box::new(is_powered));
    set("Modalias", Box::new("usb:v1D6Bp0246d0542".to_owned()));
    let roles = ["central", "peripheral", "central-peripheral"].map(str::to_owned);
    set("Roles", Box::new(roles.to_vec()));
    let mut advertising = PropMap::new();
    advertising.insert("SupportedInstances".to_owned(), Variant(Box::new(5_u8)));
    let mut interfaces = HashMap::from([
        ("org.bluez.Adapter1".to_owned(), properties),
        ("org.bluez.LEAdvertisingManager1".to_owned(), advertising),
    ]);
    if can_be_server {
        interfaces.insert("org.bluez.GattManager1".to_owned(), PropMap::new());
    }
    HashMap::from([(Path::from("/org/bluez/hci0"), interfaces)])
}

#[test]
fn no_bus_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("unix:path={}/none", folder.path().display());
    let found = told(Connection::new_address(&address));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].0, found[0].1), (Grade::Fault, "bluetooth_service"));
    assert!(found[0].2.starts_with("there is no D-Bus: "), "{found:?}");
}

#[test]
fn a_bus_without_the_service_and_then_with_it() {
    let bus = Bus::start("");
    let none = (
        Grade::Fault,
        "bluetooth_service",
        "the Bluetooth service does not run".to_owned(),
    );
    assert_eq!(bus.told(), [none]);
    bus.bluez(|| Some(adapter(true, true)));
    assert_eq!(bus.told(), []);
}

#[test]
fn adapters_as_the_service_shows_them() {
    for (objects, expected) in [
        (
            Objects::new as fn() -> Objects,
            (Grade::Fault, "bluetooth_adapter", "there is no Bluetooth adapter"),
        ),
        (
            || adapter(false, true),
            (Grade::Warning, "bluetooth_adapter", "hci0 is switched off"),
        ),
        (
            || adapter(true, false),
            (
                Grade::Fault,
                "bluetooth_roles",
                "hci0: it cannot be found by phones (peripheral)",
            ),
        ),
    ] {
        let bus = Bus::start("");
        bus.bluez(move || Some(objects()));
        let (grade, check, words) = expected;
        assert_eq!(bus.told(), [(grade, check, words.to_owned())]);
    }
}

#[test]
fn a_user_who_may_not() {
    let bus = Bus::start("<deny send_destination=\"org.bluez\"/>");
    bus.bluez(|| Some(adapter(true, true)));
    let denied = (
        Grade::Fault,
        "bluetooth_permission",
        "this user may not use Bluetooth".to_owned(),
    );
    assert_eq!(bus.told(), [denied]);
}

#[test]
fn a_service_that_hangs() {
    let bus = Bus::start("");
    bus.bluez(|| None);
    let hung = (
        Grade::Fault,
        "bluetooth_service",
        "no answer within 5 s".to_owned(),
    );
    assert_eq!(bus.told(), [hung]);
}
