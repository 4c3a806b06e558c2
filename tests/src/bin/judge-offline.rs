//! Judges every case of `testdata/` as the reader does, by the bundles in the stores of a folder, and prints one line
//! of JSON for each: its name and the report. Started by a test inside a network namespace without a route, and refuses
//! to judge where there is one, or where the service can be reached.
//!
//! Usage: judge-offline TESTDATA WORK SERVICE

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mdoc::crypto::{Curve, PrivateKey};
use mdoc::session::SessionTranscript;
use mdoc::time::UnixTime;
use relying_party::DeviceKeys;
use serde_json::{Value, json};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "judge-offline: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [testdata, work, service] = &arguments[..] else {
        return Err("usage: judge-offline TESTDATA WORK SERVICE".into());
    };
    let (testdata, work) = (Path::new(testdata), Path::new(work));
    let address: SocketAddr = service.parse()?;
    // An address for documentation: connecting sends nothing and only looks for a route.
    if UdpSocket::bind("0.0.0.0:0")?.connect("192.0.2.1:9").is_ok() {
        return Err("there is a route".into());
    }
    if TcpStream::connect(address).is_ok() {
        return Err("the service can be reached".into());
    }
    let manifest: Value = serde_json::from_slice(&fs::read(testdata.join("manifest.json"))?)?;
    for case in manifest["cases"].as_array().ok_or("a list of cases")? {
        let text = |name: &str| case[name].as_str().ok_or("a text");
        let name = text("name")?;
        let read = |file: &str| fs::read(testdata.join(name).join(file));
        let jwk: Value = serde_json::from_slice(&read("reader.jwk")?)?;
        let scalar = URL_SAFE_NO_PAD.decode(jwk["d"].as_str().unwrap_or_default())?;
        let key = PrivateKey::from_bytes(Curve::P256, &scalar)?;
        let (url, key_file) = (format!("http://{address}"), work.join("bundle-key.pub"));
        let store = work.join("stores").join(name);
        let (key_file, store) = (key_file.to_string_lossy(), store.to_string_lossy());
        let flags = [
            "--connect",
            "tcp://127.0.0.1:9",
            "--purpose",
            text("purpose")?,
            "--bundle",
            &url,
            "--bundle-key",
            &key_file,
            "--bundle-store",
            &store,
            "--quiet",
        ];
        let report = reader::judge(
            &flags,
            &read("response.cbor")?,
            &SessionTranscript::from_bytes(&read("transcript.cbor")?)?,
            DeviceKeys::Reader(&key),
            UnixTime::parse(text("at")?)?,
        )?;
        writeln!(std::io::stdout(), "{}", json!({ "name": name, "report": report }))?;
    }
    Ok(())
}
