use super::*;
use crate::doctor::finding::Grade;

fn adapter() -> Adapter {
    Adapter {
        name: "hci0".to_owned(),
        is_powered: true,
        power_state: Some("on".to_owned()),
        roles: Some(vec![
            "central".to_owned(),
            "peripheral".to_owned(),
            "central-peripheral".to_owned(),
        ]),
        modalias: Some("usb:v1D6Bp0246d0542".to_owned()),
        is_gatt_server: true,
        free_advertisements: Some(5),
    }
}

const CONF: &str = "[GATT]\nChannels = 1\nExchangeMTU = 512\n";

fn wanted(adapter: Option<&str>, role: Role) -> Wanted {
    Wanted {
        adapter: adapter.map(str::to_owned),
        role,
    }
}

/// What is not right.
fn faults(adapters: &[Adapter], wanted: &Wanted, conf: &str) -> Vec<(Grade, &'static str, String)> {
    let findings = judge(adapters, wanted, conf).into_iter();
    findings
        .filter(|finding| finding.grade != Grade::Ok)
        .map(|finding| (finding.grade, finding.check, finding.detail))
        .collect()
}

/// One change of an adapter gives one fault, and without it there is none.
fn check(change: impl Fn(&mut Adapter), role: Role, expected: (Grade, &'static str, &str)) {
    let wanted = wanted(None, role);
    assert_eq!(faults(&[adapter()], &wanted, CONF), []);
    let mut changed = adapter();
    change(&mut changed);
    let (grade, check, words) = expected;
    assert_eq!(
        faults(&[changed], &wanted, CONF),
        [(grade, check, words.to_owned())]
    );
}

#[test]
fn adapters_that_are_not_there() {
    let none = "there is no Bluetooth adapter".to_owned();
    let fault = |words| [(Grade::Fault, "bluetooth_adapter", words)];
    assert_eq!(faults(&[], &wanted(None, Role::Both), CONF), fault(none.clone()));
    assert_eq!(faults(&[], &wanted(Some("hci1"), Role::Both), CONF), fault(none));
    assert_eq!(
        faults(&[adapter()], &wanted(Some("hci1"), Role::Both), CONF),
        fault("there is no Bluetooth adapter hci1, but hci0".to_owned())
    );
    assert_eq!(faults(&[adapter()], &wanted(Some("hci0"), Role::Both), CONF), []);
}

#[test]
fn the_adapter_is_chosen_as_the_reader_chooses() {
    let other = Adapter {
        name: "hci1".to_owned(),
        is_powered: false,
        ..adapter()
    };
    let both = [other.clone(), adapter()];
    assert_eq!(faults(&both, &wanted(None, Role::Both), CONF), []);
    assert_eq!(faults(&both, &wanted(Some("hci1"), Role::Both), CONF).len(), 1);
    assert_eq!(faults(&[other], &wanted(None, Role::Both), CONF).len(), 1);
}

#[test]
fn adapters_that_are_off() {
    let check = |change: fn(&mut Adapter), expected| check(change, Role::Both, expected);
    check(
        |adapter| adapter.is_powered = false,
        (Grade::Warning, "bluetooth_adapter", "hci0 is switched off"),
    );
    check(
        |adapter| {
            adapter.is_powered = false;
            adapter.power_state = Some("off-blocked".to_owned());
        },
        (
            Grade::Fault,
            "bluetooth_adapter",
            "hci0 is blocked by a switch of this machine",
        ),
    );
}

#[test]
fn roles_that_are_missing() {
    let roles = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    const CHECK: &str = "bluetooth_roles";
    check(
        |adapter| adapter.roles = roles(&["peripheral"]),
        Role::Central,
        (Grade::Fault, CHECK, "hci0: it cannot look for phones (central)"),
    );
    check(
        |adapter| adapter.roles = roles(&["central"]),
        Role::Peripheral,
        (
            Grade::Fault,
            CHECK,
            "hci0: it cannot be found by phones (peripheral)",
        ),
    );
    check(
        |adapter| adapter.is_gatt_server = false,
        Role::Both,
        (
            Grade::Fault,
            CHECK,
            "hci0: it cannot be found by phones (peripheral)",
        ),
    );
    check(
        |adapter| adapter.free_advertisements = None,
        Role::Both,
        (Grade::Fault, CHECK, "hci0: it cannot advertise"),
    );
    check(
        |adapter| adapter.free_advertisements = Some(0),
        Role::Both,
        (
            Grade::Warning,
            CHECK,
            "hci0: all places for advertisements are taken",
        ),
    );
    check(
        |adapter| adapter.roles = None,
        Role::Both,
        (Grade::Warning, CHECK, "BlueZ does not tell what the adapter can"),
    );
    check(
        |adapter| adapter.roles = roles(&[]),
        Role::Both,
        (
            Grade::Fault,
            CHECK,
            "hci0: it cannot look for phones (central); it cannot be found by phones (peripheral)",
        ),
    );
}

/// BlueZ tells of both roles at once only where experimental features of the kernel are switched on.
#[test]
fn both_roles_at_once_need_not_be_told() {
    let told = |names: &[&str]| Adapter {
        roles: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        ..adapter()
    };
    let detail = |adapter: Adapter| {
        let found = roles(&adapter, Role::Both);
        assert_eq!(found.grade, Grade::Ok);
        found.detail
    };
    assert_eq!(
        detail(told(&["central", "peripheral", "central-peripheral"])),
        "both roles, also at once; room for 5 advertisements"
    );
    assert_eq!(
        detail(told(&["central", "peripheral"])),
        "both roles; BlueZ does not tell whether at once; room for 5 advertisements"
    );
    // One of them alone is still not both.
    let one = roles(&told(&["central"]), Role::Both);
    assert_eq!(one.grade, Grade::Fault);
}

#[test]
fn a_role_that_is_not_wanted_need_not_be_there() {
    let central = Adapter {
        roles: Some(vec!["central".to_owned()]),
        is_gatt_server: false,
        free_advertisements: None,
        ..adapter()
    };
    let adapters = [central];
    assert_eq!(faults(&adapters, &wanted(None, Role::Central), CONF), []);
    assert_eq!(faults(&adapters, &wanted(None, Role::Both), CONF).len(), 1);
}

#[test]
fn the_configuration_of_the_service() {
    let old = adapter();
    let newer = |digits: &str| Adapter {
        modalias: Some(format!("usb:v1D6Bp0246d{digits}")),
        ..adapter()
    };
    let unknown = Adapter {
        modalias: None,
        ..adapter()
    };
    let checks = |adapter: &Adapter, conf: &str| -> Vec<&'static str> {
        let found = faults(std::slice::from_ref(adapter), &wanted(None, Role::Both), conf);
        assert!(found.iter().all(|(grade, ..)| *grade == Grade::Warning));
        found.into_iter().map(|(_, check, _)| check).collect()
    };
    let both = ["bluetooth_channels", "bluetooth_mtu"];
    assert_eq!(checks(&old, ""), both);
    assert_eq!(checks(&unknown, ""), both);
    assert_eq!(checks(&old, "[GATT]\nChannels = 3\nExchangeMTU = 517\n"), both);
    assert_eq!(checks(&old, "[GATT]\nChannels = 1\n"), ["bluetooth_mtu"]);
    assert_eq!(
        checks(&old, "[GATT]\nExchangeMTU = 512\n"),
        ["bluetooth_channels"]
    );
    // 5.69: no long value is lost, and one channel is its default.
    assert_eq!(checks(&newer("0545"), ""), ["bluetooth_channels"]);
    assert_eq!(
        checks(&newer("0545"), "[GATT]\nChannels = 1\n"),
        Vec::<&str>::new()
    );
    let words = |adapter: &Adapter| {
        faults(std::slice::from_ref(adapter), &wanted(None, Role::Both), "")[0]
            .2
            .clone()
    };
    assert!(words(&newer("0543")).starts_with("BlueZ opens one ATT channel unless told otherwise"));
    assert!(words(&newer("0542")).starts_with("BlueZ may spread a message over several ATT channels"));
}

#[test]
fn versions_of_the_service() {
    let version = |modalias: &str| {
        Adapter {
            modalias: Some(modalias.to_owned()),
            ..adapter()
        }
        .version()
    };
    assert_eq!(version("usb:v1D6Bp0246d0542"), Some(Version(5, 66)));
    for other in [
        "",
        "usb:v1D6Bp0246d",
        "usb:v1D6Bp0246dXYZW",
        "usb:v1D6Bp0247d0542",
    ] {
        assert_eq!(version(other), None, "{other}");
    }
}

#[test]
fn errors_of_the_bus_by_their_names() {
    let error = |name: &str| Error::new_custom(format!("org.freedesktop.DBus.Error.{name}"), "why");
    let told = |finding: Finding| (finding.check, finding.detail);
    let permission = (
        "bluetooth_permission",
        "this user may not use Bluetooth".to_owned(),
    );
    let service = |words: &str| ("bluetooth_service", words.to_owned());
    assert_eq!(told(refused(&error("AccessDenied"))), permission);
    assert_eq!(told(no_bus(&error("AccessDenied"))), permission);
    assert_eq!(
        told(refused(&error("ServiceUnknown"))),
        service("the Bluetooth service does not run")
    );
    assert_eq!(told(refused(&error("NoReply"))), service("no answer within 5 s"));
    assert_eq!(
        told(refused(&error("Failed"))),
        service("the Bluetooth service says: why")
    );
    assert_eq!(
        told(no_bus(&error("FileNotFound"))),
        service("there is no D-Bus: why")
    );
}
