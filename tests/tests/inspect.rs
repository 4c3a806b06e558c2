//! `verifier-api inspect` as its users start it: files of every kind, damaged ones, and values that stay hidden.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a test that is left out says so")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holder::credential::Credential;
use holder::{Built, Scenario};
use mdoc::cbor::{Item, Rules};
use mdoc::limits::Limits;
use mdoc::response::DeviceResponse;
use serde_json::Value;
use verifier_tests::vectors;

const AT: [&str; 2] = ["--at", "2026-11-23T06:00:00Z"];

/// The program, built once; cargo tells where it is.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let output = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "-p", "verifier-api"])
            .args(["--message-format", "json"])
            .output()
            .expect("cargo runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let lines = output.stdout.split(|byte| *byte == b'\n');
        lines
            .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("cargo built verifier-api")
    })
}

/// A run of the program: its exit status and what it wrote.
#[derive(Debug)]
struct Run {
    status: Option<i32>,
    out: String,
    err: String,
}

impl Run {
    fn of(output: Output) -> Self {
        Self {
            status: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn has(&self, line: &str) -> &Self {
        assert!(self.out.contains(line), "no {line:?} in\n{}", self.out);
        self
    }

    fn exits(&self, status: i32) -> &Self {
        assert_eq!(self.status, Some(status), "{}{}", self.out, self.err);
        self
    }
}

fn inspect(arguments: &[&str]) -> Run {
    let output = Command::new(program())
        .arg("inspect")
        .args(AT)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    Run::of(output.unwrap())
}

/// Looks at bytes on standard input.
fn inspect_bytes(bytes: &[u8], arguments: &[&str]) -> Run {
    let mut child = Command::new(program())
        .arg("inspect")
        .args(AT)
        .args(arguments)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || {
        // The program may have read enough.
        let _ = input.write_all(&bytes);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Run::of(output)
}

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata")
        .join(name)
}

/// Texts of the sample person, and the first bytes of longer byte strings as the view shows them.
fn claims(response: &[u8]) -> Vec<String> {
    fn collect(item: Item<'_>, texts: &mut Vec<String>) {
        texts.extend(item.as_text().map(str::to_owned));
        texts.extend(
            item.as_bytes()
                .map(|bytes| hex::encode(&bytes[..bytes.len().min(16)])),
        );
        if let Some((_, inner)) = item.as_tag() {
            collect(inner, texts);
        }
        for inner in item.as_array().into_iter().flat_map(|array| array.iter()) {
            collect(inner, texts);
        }
        for (_, inner) in item.as_map().into_iter().flat_map(|map| map.iter()) {
            collect(inner, texts);
        }
    }
    let rules = Rules::default();
    let decoded = DeviceResponse::decode(response, &Limits::default(), false).unwrap();
    let mut texts = Vec::new();
    for item in decoded
        .documents
        .iter()
        .flat_map(|document| &document.issuer_signed.items)
    {
        let element = Item::decode(item.encoded, &rules).unwrap();
        let element = element.embedded(&rules).unwrap().unwrap().as_map().unwrap();
        collect(element.get_text("elementValue").unwrap(), &mut texts);
    }
    // A sex or a single letter stands in other words too, as do dates that are also dates of validity.
    texts.retain(|text| text.len() >= 4);
    texts
}

/// The whole sample record, everything returned.
fn sample() -> Built {
    let japan: &[&str] = &[
        "full_name_unicode",
        "resident_address_unicode",
        "local_gov_code_unicode",
        "individual_number_unicode",
        "birth_date_unicode",
    ];
    let general: &[&str] = &["birth_date", "age_over_20"];
    let request = &[("org.iso.23220.1", general), ("org.iso.23220.1.jp", japan)];
    Scenario::new(Credential::my_number(None), request).build()
}

fn annex_d() -> Option<Value> {
    let Some(folder) = vectors() else {
        println!("left out: MDOC_VECTORS is not set");
        return None;
    };
    let text = std::fs::read_to_string(folder.join("annex-d/iso18013-5-annex-d.json")).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

// --- Published messages -------------------------------------------------------------------------------------

#[test]
fn the_messages_of_annex_d_are_understood() {
    let Some(annex_d) = annex_d() else { return };
    let cases: [(&str, &[&str]); 11] = [
        (
            "device_engagement",
            &[
                "DeviceEngagement: 116 bytes",
                "EDeviceKey: P-256",
                "type: Bluetooth Low Energy",
                "1: true  — mdoc central client mode",
                "45efef74-2b2c-4837-a9a3-b0e1d05a6917",
            ],
        ),
        ("e_device_key_bytes", &["COSE_Key: 79 bytes", "COSE_Key: P-256"]),
        (
            "device_request",
            &[
                "DeviceRequest: 719 bytes",
                "\"docType\": \"org.iso.18013.5.1.mDL\"",
                "\"family_name\": true  — IntentToRetain: will be kept",
                "mdoc reader authentication (1.0.18013.5.1.6)",
            ],
        ),
        ("items_request", &["ItemsRequest: ", "\"portrait\": false"]),
        (
            "device_response",
            &[
                "DeviceResponse: 3562 bytes",
                "\"deviceMac\": array(4)  — COSE_Mac0",
                "alg: HMAC 256/256",
                "\"validUntil\": 0(\"2021-10-01T13:30:02Z\")  — 5 years ago",
                "\"elementIdentifier\": \"driving_privileges\"",
            ],
        ),
        (
            "session_transcript_bytes",
            &[
                "SessionTranscript: 582 bytes",
                "EReaderKey: P-256",
                "Handover: NFC",
            ],
        ),
        (
            "session_establishment",
            &[
                "SessionEstablishment: 834 bytes",
                "AES-256-GCM, 719 bytes of plaintext",
            ],
        ),
        (
            "session_data",
            &["SessionData: 3587 bytes", "AES-256-GCM, 3562 bytes of plaintext"],
        ),
        ("session_termination", &["\"status\": 20  — session termination"]),
        ("reader_auth", &["COSE_Sign1: ", "null  — payload: detached"]),
        (
            "ds_cert",
            &["certificate 1: ", "mDL document signer (1.0.18013.5.1.2)"],
        ),
    ];
    for (name, lines) in cases {
        let text = annex_d[name].as_str().unwrap();
        let bytes = hex::decode(text).unwrap();
        let raw = inspect_bytes(&bytes, &[]);
        raw.exits(0);
        for line in lines {
            raw.has(line);
        }
        // Text of either kind shows the same tree.
        for text in [text.to_owned(), URL_SAFE_NO_PAD.encode(&bytes)] {
            let decoded = inspect_bytes(text.as_bytes(), &[]);
            decoded.exits(0);
            let tree = |run: &Run| run.out.split_once('\n').unwrap().1.to_owned();
            assert_eq!(tree(&decoded), tree(&raw), "{name}");
        }
    }
    let engagement = hex::decode(annex_d["device_engagement"].as_str().unwrap()).unwrap();
    let uri = format!("mdoc:{}\n", URL_SAFE_NO_PAD.encode(engagement));
    inspect_bytes(uri.as_bytes(), &[])
        .exits(0)
        .has("DeviceEngagement: 116 bytes, from an mdoc: URI")
        .has("EDeviceKey: P-256");
}

#[test]
fn the_values_of_annex_d_are_hidden_and_their_twin_shows_them() {
    let Some(annex_d) = annex_d() else { return };
    let response = hex::decode(annex_d["device_response"].as_str().unwrap()).unwrap();
    let hidden = inspect_bytes(&response, &[]);
    let shown = inspect_bytes(&response, &["--values"]);
    for claim in [
        "Doe",
        "2019-10-20",
        "2024-10-20",
        "123456789",
        "ffd8ffe0",
        "vehicle_category_code",
    ] {
        assert!(!hidden.out.contains(claim), "{claim}");
        shown.has(claim);
    }
}

#[test]
fn published_lists_of_issuers_are_shown_as_what_they_are() {
    let Some(folder) = vectors() else { return };
    let run = inspect(&[folder
        .join("vical/austroads-vical-2024-12.cbor")
        .to_str()
        .unwrap()]);
    run.exits(0)
        .has("COSE_Sign1: ")
        .has("VICAL signer (1.0.18013.5.1.8)");
    let root = inspect(&[folder
        .join("vical/austroads_root-certificate.pem")
        .to_str()
        .unwrap()]);
    root.exits(0).has("PEM: 1 block").has("self-issued");
}

// --- Values -------------------------------------------------------------------------------------------------

#[test]
fn no_value_of_a_record_is_shown_unless_asked_for() {
    let built = sample();
    let claims = claims(&built.response);
    assert!(claims.len() >= 6, "{claims:?}");
    let hidden = inspect_bytes(&built.response, &[]);
    hidden
        .exits(0)
        .has("Values of elements are hidden; --values shows them.");
    let as_cbor = inspect_bytes(&built.response, &["--as", "cbor"]);
    let cut = inspect_bytes(&built.response[..built.response.len() - 1], &[]);
    cut.exits(1);
    let shown = inspect_bytes(&built.response, &["--values"]);
    for claim in &claims {
        for run in [&hidden, &as_cbor, &cut] {
            assert!(!run.out.contains(claim) && !run.err.contains(claim), "{claim}");
        }
        shown.has(claim);
    }
}

// --- Any file -----------------------------------------------------------------------------------------------

#[test]
fn every_file_of_the_test_data_is_shown() {
    for case in std::fs::read_dir(testdata(".")).unwrap() {
        let case = case.unwrap().path();
        if !case.is_dir() {
            continue;
        }
        let path = |name: &str| case.join(name).to_str().unwrap().to_owned();
        inspect(&[&path("transcript.cbor")])
            .exits(0)
            .has("SessionTranscript: ");
        inspect(&[&path("trust/anchors/test-iaca.pem")])
            .exits(0)
            .has("certificate 1: ");
        let status = i32::from(case.ends_with("truncated"));
        inspect(&[&path("response.cbor")])
            .exits(status)
            .has("DeviceResponse: ");
    }
}

#[test]
fn faults_are_told_with_their_offset_and_exit_with_1() {
    let response = std::fs::read(testdata("my-number-age/response.cbor")).unwrap();
    for end in [1, 2, 13, 40, 100, 500, 1000, 1757] {
        let run = inspect_bytes(&response[..end], &[]);
        run.exits(1).has("the input is too short");
    }
    inspect_bytes(b"", &[]).exits(1).has("the file is empty");
    inspect_bytes(&[0x81; 200_000], &[])
        .exits(1)
        .has("nested deeper than 100; the view ends here");
    inspect_bytes(b"\x9b\x10\0\0\0\0\0\0\0", &[])
        .exits(1)
        .has("  offset 0: no strict CBOR: the input is too short");
    let mut tail = response.clone();
    tail.push(0);
    inspect_bytes(&tail, &[])
        .exits(1)
        .has("  offset 1758: no strict CBOR: trailing bytes");
    inspect_bytes(b"mdoc:gPY=", &[]).exits(1).has("padding");
    inspect_bytes(b"not a message", &[])
        .exits(1)
        .has("text that is neither");
}

#[test]
fn a_large_file_is_shown_within_its_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large.cbor");
    let limit = 64 * 1024 * 1024;
    // A byte string that fills the file, and one byte beyond what is read.
    let mut bytes = vec![0x5a];
    bytes.extend_from_slice(&(u32::try_from(limit).unwrap() - 5).to_be_bytes());
    bytes.resize(limit, 0xee);
    std::fs::write(&file, &bytes).unwrap();
    let run = inspect(&[file.to_str().unwrap()]);
    run.exits(0).has("(67108859 bytes, SHA-256 ");
    assert!(run.out.len() < 1000);
    bytes.push(0);
    std::fs::write(&file, &bytes).unwrap();
    let run = inspect(&[file.to_str().unwrap()]);
    run.exits(64);
    assert!(run.err.contains("is larger than 67108864 bytes"), "{}", run.err);
    // As many items as bytes.
    let mut items = vec![0x9a, 0x03, 0xff, 0xff, 0xfb];
    items.resize(limit, 0);
    std::fs::write(&file, &items).unwrap();
    let run = inspect(&["--max-lines", "10", file.to_str().unwrap()]);
    run.exits(1).has("… cut at 10 lines");
    assert!(run.out.lines().count() < 20);
}

#[test]
fn usage_and_unreadable_files_exit_with_64() {
    for arguments in [
        &["no-such-file"][..],
        &["."],
        &[],
        &["--as", "letter", "-"],
        &["--max-lines", "many", "-"],
    ] {
        let run = inspect(arguments);
        run.exits(64);
        assert!(!run.err.is_empty() && run.out.is_empty(), "{run:?}");
    }
    let at = Command::new(program())
        .args(["inspect", "--at", "soon", "-"])
        .stdin(Stdio::null())
        .output();
    Run::of(at.unwrap()).exits(64);
    let help = inspect(&["--help"]);
    help.exits(0).has("verifier-api inspect --values response.cbor");
}
