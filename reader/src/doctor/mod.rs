//! `reader doctor`: one line for each thing that a counter needs, with what to do where it is not right.
//!
//! It changes nothing: it switches no adapter on, advertises nothing, pulls no bundle and makes no folder. What talks to
//! services and networks runs side by side and has a bound of its own ([`bounded`]).

#[cfg(all(feature = "bluetooth", target_os = "linux"))]
mod bluetooth;
mod bounded;
mod devices;
mod files;
mod finding;
mod identity;
mod network;
#[cfg(feature = "nfc")]
mod nfc;
mod trust;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mdoc::time::UnixTime;
use operator::BundleStore;
use relying_party::TrustSnapshot;
use relying_party::bundle::SignedBundle;
use serde_json::Value;

use crate::arguments::{Common, Doctor, Near, Serve};
use crate::clock::Clock;
use crate::configuration::{Fault, named_faults};
use crate::identity::KeyPlace;
use crate::upstream::checked_base;
use bounded::{PATIENCE, PATIENCE_WITH_FILES, Pending, begin};
use devices::Device;
use finding::{Finding, Grade};

/// Looks at everything and prints it. `faults` are those of the configuration file, where it was left out for them.
pub(crate) fn run(doctor: &Doctor, faults: &[Fault]) -> ExitCode {
    let serve = &doctor.serve;
    let services = services(&serve.common);
    let bluetooth = bluetooth(serve);
    let near = near(&serve.near);
    let devices = named_devices(serve);
    let devices = begin("devices", PATIENCE, move || {
        devices
            .iter()
            .map(|(device, path)| devices::check(*device, path))
            .collect()
    });
    let serve = serve.clone();
    let files = begin("files", PATIENCE_WITH_FILES, move || {
        files(&serve, Clock::System.now())
    });

    let mut findings = configuration(doctor.serve.config.as_deref(), faults);
    findings.extend(files.findings());
    for pending in services.into_iter().chain([bluetooth, near, devices]) {
        findings.extend(pending.findings());
    }
    let text = if doctor.json {
        format!(
            "{}\n",
            Value::Array(findings.iter().map(Finding::to_json).collect())
        )
    } else {
        findings.iter().map(|finding| finding.line() + "\n").collect()
    };
    crate::print(&text);
    let worst = findings.iter().map(|finding| finding.grade).max();
    ExitCode::from(worst.unwrap_or(Grade::Ok).status())
}

fn configuration(path: Option<&Path>, faults: &[Fault]) -> Vec<Finding> {
    const CHECK: &str = "configuration";
    let Some(path) = path else {
        return vec![Finding::ok(CHECK, "no file; the command line alone")];
    };
    let mut findings: Vec<Finding> = faults
        .iter()
        .map(|fault| {
            let next = "correct it (reader configuration prints every option); until then the command line alone counts here";
            Finding::fault(CHECK, fault.to_string(), next)
        })
        .collect();
    findings.extend(files::changeable(CHECK, path));
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, path.display().to_string()));
    }
    findings
}

/// What the flags name on this machine's disk.
fn files(serve: &Serve, now: UnixTime) -> Vec<Finding> {
    let common = &serve.common;
    let has_purpose = !common.purpose.is_empty();
    let named: Vec<(&'static str, String)> = named_faults(serve)
        .into_iter()
        .filter(|(key, _)| has_purpose || *key != "purpose")
        .collect();
    let is_sound = |key: &str| named.iter().all(|(other, _)| *other != key);
    let mut findings = Vec::new();
    if is_sound("purpose") {
        findings.push(if has_purpose {
            Finding::ok("purpose", &common.purpose)
        } else {
            Finding::ok("purpose", "none is given (--purpose)")
        });
    }
    findings.extend(
        named
            .iter()
            .map(|(key, words)| Finding::fault(key, words, next_step(key))),
    );
    findings.extend(judged_by(common, now, &is_sound));
    let keys = ["reader_cert", "reader_key", "pkcs11"];
    match &common.reader_cert {
        Some(certificate) if keys.iter().all(|key| is_sound(key)) => {
            let key = KeyPlace::new(
                common.reader_key.as_deref(),
                common.pkcs11.as_deref(),
                common.pin_env.as_deref(),
            );
            if let Ok(Some(key)) = key {
                findings.extend(identity::check(certificate, key));
            }
        }
        Some(_) => {}
        None => findings.push(Finding::ok(
            "reader_cert",
            "none; a wallet that asks whose the reader is will show nothing",
        )),
    }
    for (check, path) in [
        ("reader_key", &common.reader_key),
        ("api_key_file", &common.api_key_file),
        ("bundle_api_key_file", &common.bundle.bundle_api_key_file),
        ("till_key_file", &serve.till.till_key_file),
    ] {
        findings.extend(path.as_deref().and_then(|path| files::secret(check, path)));
    }
    if let Some(store) = &common.bundle.bundle_store {
        findings.extend(files::room("bundle_store", store));
    }
    findings
}

/// What to do about a file that cannot be used.
fn next_step(key: &str) -> &'static str {
    match key {
        "purpose" => "name a ready-made one (reader purposes lists them) or the file of another",
        "trust" => {
            "name a folder with anchors, crls, status and vicals in it, and correct or remove the file at fault"
        }
        "verify" => "give the address of the service, or local",
        "api_key_file" | "bundle_api_key_file" => "put the one key into the file, and let this user read it",
        "reader_cert" | "reader_key" => {
            "name the certificate, those below its root, and the key that belongs to it"
        }
        "bundle" => "bring this counter to a network, or carry a newer bundle here as a file (--bundle)",
        "bundle_key" => "name the public key of the bundle's maker, and where bundles come from or are kept",
        "bundle_store" => "name a folder that this user may write to",
        "pkcs11" => "correct the URI, or name the key with --reader-key",
        "nfc" | "scanner_serial" | "scanner_keyboard" | "camera" | "till_socket" | "till_serial"
        | "till_http" | "till_origin" | "no_stdin" => "correct the option",
        _ => "correct the file, and let this user read it",
    }
}

/// The trust directory or the bundle that this program judges by.
fn judged_by(common: &Common, now: UnixTime, is_sound: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let is_local = common.verify == "local";
    let flags = &common.bundle;
    if let Some(key) = &flags.bundle_key {
        if !is_sound("bundle_key") || !is_sound("bundle") || !is_sound("bundle_store") {
            return Vec::new();
        }
        return bundle(key, common, now);
    }
    match &common.trust {
        Some(_) if !is_local => vec![Finding::warning(
            "trust",
            "a trust directory is named, and the service judges by its own",
            "leave --trust out, or judge here with --verify local",
        )],
        None if !is_local => vec![Finding::ok("trust", "the service judges by its own")],
        None => vec![Finding::fault(
            "trust",
            "nothing is trusted, and nothing can be accepted",
            "name a trust directory (--trust), a bundle (--bundle) or a service (--verify)",
        )],
        Some(_) if !is_sound("trust") => Vec::new(),
        Some(directory) => match operator::load_trust(directory) {
            Ok(trust) => trust::check(&trust, now),
            Err(error) => vec![Finding::fault("trust", error.to_string(), next_step("trust"))],
        },
    }
}

/// The bundle in the file, else the newest of the store.
fn bundle(key: &Path, common: &Common, now: UnixTime) -> Vec<Finding> {
    const CHECK: &str = "bundle";
    let flags = &common.bundle;
    let unread =
        |error: &dyn core::fmt::Display| vec![Finding::fault(CHECK, error.to_string(), next_step(CHECK))];
    let key = match operator::load_public_key(key) {
        Ok(key) => key,
        Err(error) => return unread(&error),
    };
    let mut findings = Vec::new();
    let by = |trust: &TrustSnapshot| trust::check(trust, now);
    let file = flags.bundle.as_deref().filter(|source| !source.contains("://"));
    if let Some(file) = file {
        let bytes = match operator::read_bundle(Path::new(file)) {
            Ok(bytes) => bytes,
            Err(error) => return unread(&error),
        };
        let verified = SignedBundle::decode(&bytes).and_then(|signed| signed.verify(&key));
        return match verified {
            Ok(verified) => {
                findings.extend(trust::bundle(verified.facts(), now));
                if let Ok(loaded) = verified.load(now) {
                    findings.extend(by(loaded.trust()));
                }
                findings
            }
            Err(error) => unread(&error),
        };
    }
    let store = flags.bundle_store.as_deref().filter(|store| store.is_dir());
    let stored = store.map(|store| BundleStore::open(store).and_then(|store| store.load(&key, now)));
    let stored = match stored.transpose() {
        Ok(stored) => stored.unwrap_or_default(),
        Err(error) => return unread(&error),
    };
    match (&stored.newest, &stored.bundle) {
        (Some(facts), None) => findings.extend(trust::bundle(facts, now)),
        (_, Some(bundle)) => {
            findings.extend(stored.left_aside.iter().map(|words| {
                let next = "remove the file from the store; it is not used";
                Finding::warning("bundle_store", words, next)
            }));
            findings.extend(trust::bundle(bundle.facts(), now));
            findings.extend(by(bundle.trust()));
        }
        (None, None) => {
            let next = "start the counter once with a network, or carry a bundle here as a file (--bundle)";
            let words = "there is no bundle here yet";
            findings.push(if common.verify == "local" {
                Finding::fault(CHECK, words, next)
            } else {
                Finding::warning(CHECK, words, next)
            });
        }
    }
    findings
}

/// The services that are asked, each beside the others.
fn services(common: &Common) -> Vec<Pending> {
    let bundle = common
        .bundle
        .bundle
        .as_deref()
        .filter(|source| source.contains("://"));
    let verify = Some(common.verify.as_str()).filter(|verify| *verify != "local");
    let named = [
        (network::SERVICE, verify, "local"),
        (network::BUNDLE, bundle, "a file"),
    ];
    let mut services = Vec::new();
    for (check, url, other) in named {
        // An address that cannot be is told of with the files.
        let base = url.and_then(|url| checked_base(url, check, other).ok());
        if let Some(base) = base.map(str::to_owned) {
            services.push(begin(check, PATIENCE_WITH_NETWORK, move || {
                network::check(check, &base)
            }));
        }
    }
    if services.is_empty() {
        services.push(begin("clock", PATIENCE, || {
            vec![Finding::ok("clock", "no service is named to compare it with")]
        }));
    }
    services
}

/// A little more than the client's own bound, which knows better what it waited for.
const PATIENCE_WITH_NETWORK: std::time::Duration =
    PATIENCE.saturating_add(std::time::Duration::from_millis(500));

#[cfg(all(feature = "bluetooth", target_os = "linux"))]
fn bluetooth(serve: &Serve) -> Pending {
    if serve.connect.is_some() {
        return begin("bluetooth", PATIENCE, || {
            vec![Finding::ok(
                "bluetooth",
                "left out: another program takes its place (--connect)",
            )]
        });
    }
    let wanted = bluetooth::Wanted::of(&serve.radio);
    begin("bluetooth_service", PATIENCE_WITH_NETWORK, move || {
        bluetooth::check(&wanted)
    })
}

#[cfg(not(all(feature = "bluetooth", target_os = "linux")))]
fn bluetooth(_: &Serve) -> Pending {
    begin("bluetooth", PATIENCE, || {
        vec![Finding::ok(
            "bluetooth",
            if cfg!(feature = "bluetooth") {
                "left out: it is looked at on Linux only"
            } else {
                "left out: this reader was built without it (build it with --features bluetooth)"
            },
        )]
    })
}

fn near(near: &Near) -> Pending {
    const CHECK: &str = "nfc";
    if !cfg!(feature = "nfc") {
        // Where it is asked for, that is told of with the options.
        let words = "left out: this reader was built without it (build it with --features nfc)";
        let findings = Vec::from_iter((!near.nfc).then(|| Finding::ok(CHECK, words)));
        return begin(CHECK, PATIENCE, move || findings);
    }
    if !near.nfc {
        return begin(CHECK, PATIENCE, || {
            vec![Finding::ok(CHECK, "left out: it is not asked for (--nfc)")]
        });
    }
    let only = near.nfc_reader.clone();
    begin("nfc_service", PATIENCE, move || nfc_readers(only.as_deref()))
}

#[cfg(feature = "nfc")]
fn nfc_readers(only: Option<&str>) -> Vec<Finding> {
    nfc::check(only)
}

#[cfg(not(feature = "nfc"))]
fn nfc_readers(_: Option<&str>) -> Vec<Finding> {
    Vec::new()
}

/// The devices that the options name.
fn named_devices(serve: &Serve) -> Vec<(Device, PathBuf)> {
    let scanners = &serve.scanners;
    let ports = scanners
        .scanner_serial
        .iter()
        .map(|line| (Device::ScannerSerial, &line.path));
    let keyboards = scanners
        .scanner_keyboard
        .iter()
        .map(|path| (Device::ScannerKeyboard, path));
    let camera = serve.camera.camera.iter().map(|path| (Device::Camera, path));
    let till = serve
        .till
        .till_serial
        .iter()
        .map(|line| (Device::TillSerial, &line.path));
    // What this build lacks is told of with the options.
    let has = |device: &Device| match device {
        Device::ScannerSerial | Device::ScannerKeyboard => cfg!(feature = "scanner"),
        Device::Camera => cfg!(feature = "camera"),
        Device::TillSerial => cfg!(feature = "till"),
    };
    let all = ports.chain(keyboards).chain(camera).chain(till);
    let all = all.filter(|(device, _)| has(device));
    all.map(|(device, path)| (device, path.clone())).collect()
}
