//! The simulated phone whose engagement names Bluetooth LE, as far as that needs no radio: the bridge, over which
//! another program moves the messages, and what a phone without Bluetooth says.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

use holder::link_fault::LinkFault;
use mdoc::engagement::{DeviceEngagement, RetrievalMethod};
use serde_json::{Value, json};
use verifier_tests::programs::{Phone, program};

fn present(arguments: &[&str]) -> Output {
    Command::new(program("holder"))
        .arg("present")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The first line of a phone, which is then ended.
fn announced(arguments: &[&str]) -> Value {
    let mut child: Child = Command::new(program("holder"))
        .arg("present")
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    serde_json::from_str(&line).unwrap()
}

#[test]
fn a_bridge_is_read_like_a_phone_on_loopback() {
    let folder = tempfile::tempdir().unwrap();
    for transport in ["ble-peripheral", "ble-central", "ble-peripheral,ble-central"] {
        let bridge = ["--transport", transport, "--bridge"];
        let phone = Phone::start(folder.path(), &bridge);
        let output = phone.read("age-20", folder.path());
        assert_eq!(output.status.code(), Some(0), "{transport}: {output:?}");
        let spoilt = [&bridge[..], &["--fault", "bad-tag"]].concat();
        let output = Phone::start(folder.path(), &spoilt).read("age-20", folder.path());
        assert_eq!(output.status.code(), Some(3), "{transport}: {output:?}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["reason"], json!("session.decryption"), "{transport}");
    }
}

#[test]
fn the_engagement_names_what_is_announced() {
    for (transport, peripheral, central) in [
        ("ble-peripheral", true, false),
        ("ble-central", false, true),
        ("ble-peripheral,ble-central", true, true),
    ] {
        let line = announced(&["--transport", transport, "--bridge"]);
        let engagement = DeviceEngagement::from_uri(line["engagement"].as_str().unwrap()).unwrap();
        let [RetrievalMethod::Ble(options)] = engagement.retrieval_methods() else {
            panic!("{transport}: one way, by Bluetooth");
        };
        let uuid = line["uuid"].as_str().unwrap().replace('-', "");
        let of_peripheral = options.peripheral_server.map(|mode| hex::encode(mode.uuid));
        let of_central = options.central_client.map(|mode| hex::encode(mode.uuid));
        assert_eq!(of_peripheral, peripheral.then(|| uuid.clone()), "{transport}");
        assert_eq!(of_central, central.then_some(uuid), "{transport}");
        assert_eq!(
            line["transport"].as_array().unwrap().len(),
            transport.split(',').count()
        );
        assert!(line["listening"].as_str().unwrap().starts_with("127.0.0.1:"));
    }
    let plain = announced(&[]);
    assert_eq!(
        (&plain["uuid"], &plain["transport"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_phone_built_without_bluetooth_says_which_feature_it_lacks() {
    for transport in ["ble-peripheral", "ble-central", "l2cap"] {
        let output = present(&["--transport", transport]);
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        assert!(output.stdout.is_empty());
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(words.contains("--features bluetooth"), "{words}");
    }
}

#[test]
fn faults_of_the_link_are_refused_where_there_is_none() {
    // This one is of a message, and works everywhere.
    let links = LinkFault::ALL
        .iter()
        .filter(|fault| **fault != LinkFault::EndByStatus);
    for fault in links {
        for arguments in [&[][..], &["--transport", "ble-central", "--bridge"]] {
            let output = present(&[arguments, &["--fault", fault.name()]].concat());
            assert_eq!(output.status.code(), Some(64), "{fault:?}: {output:?}");
            let words = String::from_utf8_lossy(&output.stderr);
            assert!(
                words.contains("one of the link") || words.contains("needs --transport ble-"),
                "{words}"
            );
        }
    }
}
