use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use super::options::{Kind, Options};
use super::{documented, faults, with_file};

/// A file in a folder of its own.
struct Written {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn written(text: &str) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reader.toml");
    fs::write(&path, text).unwrap();
    Written {
        _folder: folder,
        path,
    }
}

/// What is wrong with a file, each line without the folder.
fn words(text: &str) -> Vec<String> {
    let file = written(text);
    let folder = file.path.parent().unwrap().display().to_string() + "/";
    let faults = faults(&file.path);
    faults
        .iter()
        .map(|fault| fault.to_string().replace(&folder, ""))
        .collect()
}

const GOOD: &str = "purpose = \"age-20\"\n";

/// Every line behind [`GOOD`] gives these words, and nothing is wrong without it.
fn check(line: &str, expected: &[&str]) {
    assert_eq!(words(GOOD), Vec::<String>::new());
    assert_eq!(words(&format!("{GOOD}{line}\n")), expected, "{line}");
}

#[test]
fn the_documented_file_holds_as_it_is_and_with_every_default() {
    let text = documented();
    assert_eq!(words(&text), Vec::<String>::new());
    let lines: Vec<&str> = text.lines().collect();
    let mut uncommented = 0;
    let with_defaults: Vec<&str> = lines
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let has_default = index > 0 && lines[index - 1] != "# No default.";
            match line.strip_prefix('#') {
                Some(setting) if has_default && setting.starts_with(|c: char| c.is_ascii_lowercase()) => {
                    uncommented += 1;
                    setting
                }
                _ => line,
            }
        })
        .collect();
    assert_eq!(words(&with_defaults.join("\n")), Vec::<String>::new());
    let defaults = Options::of_serve()
        .settings()
        .filter(|setting| setting.default().is_some())
        .count();
    assert_eq!(uncommented, defaults);
    assert!(defaults > 5);
}

#[test]
fn every_option_of_serve_stands_in_the_documented_file_with_its_help() {
    let text = documented();
    let folded = text.replace("\n# ", " ");
    let options = Options::of_serve();
    let mut count = 0;
    for setting in options.settings() {
        let key = setting.key();
        let is_there = text.lines().any(|line| {
            let line = line.strip_prefix('#').unwrap_or(line);
            line.starts_with(&format!("{key} = "))
        });
        assert!(is_there, "{key}");
        let help: Vec<String> = setting.help().split_whitespace().map(str::to_owned).collect();
        assert!(!help.is_empty() && folded.contains(&help.join(" ")), "{key}");
        count += 1;
    }
    assert!(count > 20, "{count}");
    assert!(!text.contains("\n#config ="), "a file names no other");
}

#[test]
fn no_option_has_a_short_name_or_takes_a_value_with_dashes() {
    // What the command line sets is found by this.
    use clap::CommandFactory as _;
    let mut all = crate::arguments::Arguments::command();
    all.build();
    for argument in all.find_subcommand("serve").unwrap().get_arguments() {
        assert!(argument.get_id() == "help" || argument.get_short().is_none());
        assert!(!argument.is_allow_hyphen_values_set());
    }
}

#[test]
fn unknown_keys_are_told_with_the_nearest_one() {
    check(
        "tust = \"x\"",
        &["reader.toml:2: tust: there is no such option; did you mean trust?"],
    );
    check(
        "request-timeout = 3",
        &["reader.toml:2: request-timeout: there is no such option; did you mean request_timeout?"],
    );
    check("zzz = 3", &["reader.toml:2: zzz: there is no such option"]);
    check(
        "config = \"x\"",
        &["reader.toml:2: config: a configuration file names no other"],
    );
    check(
        "[bluetooth]\nadapter = \"hci0\"",
        &["reader.toml:2: bluetooth: there are no sections; write every option at the top level"],
    );
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    for line in [
        "api_key = \"hunter2\"",
        "api_key_file = hunter2",
        "reader_key = [\"hunter2\"]",
        "request_timeout = \"hunter2\"",
    ] {
        let words = words(&format!("{GOOD}{line}\n"));
        assert_eq!(words.len(), 1, "{words:?}");
        assert!(!words[0].contains("hunter2"), "{words:?}");
    }
}

#[test]
fn values_of_another_type_are_refused() {
    check(
        "nfc = \"yes\"",
        &["reader.toml:2: nfc: must be true or false, not text"],
    );
    check(
        "request_timeout = \"10\"",
        &["reader.toml:2: request_timeout: must be a whole number without quotes, not text"],
    );
    check(
        "request_timeout = 1.5",
        &[
            "reader.toml:2: request_timeout: must be a whole number without quotes, not a number with a fraction",
        ],
    );
    check(
        "adapter = 0",
        &["reader.toml:2: adapter: must be text in quotes, not a whole number"],
    );
    check(
        "adapter = [\"hci0\"]",
        &["reader.toml:2: adapter: must be text in quotes, not a list"],
    );
    check("adapter = \"\"", &["reader.toml:2: adapter: is empty"]);
    check(
        "adapter = \"hci\\u0000\"",
        &["reader.toml:2: adapter: has a line break or another control character in it"],
    );
    check("adapter = \"hci0\"", &[]);
    check("request_timeout = 11", &[]);
}

#[test]
fn values_that_the_option_does_not_take_are_refused() {
    check(
        "ble = \"none\"",
        &["reader.toml:2: ble: must be one of both, central, peripheral"],
    );
    check(
        "request_timeout = -1",
        &["reader.toml:2: request_timeout: must not be less than 0"],
    );
    check(
        "request_timeout = 99999999999999999999",
        &["reader.toml:2: request_timeout: number too large to fit in target type"],
    );
    check("ble = \"central\"", &[]);
}

#[test]
fn options_that_exclude_or_need_others_are_told_with_both() {
    check(
        "no_l2cap = true\nl2cap_psm_from_gatt = true",
        &["reader.toml:3: l2cap_psm_from_gatt: cannot stand beside no_l2cap of line 2"],
    );
    check("no_l2cap = true\nl2cap_psm_from_gatt = false", &[]);
    check("nfc_data = true", &["reader.toml:2: nfc_data: needs nfc too"]);
    if cfg!(feature = "nfc") {
        check("nfc_data = true\nnfc = true", &[]);
    }
    check(
        "reader_cert = \"x\"",
        &["reader.toml:2: reader_cert: needs reader_key or pkcs11 too"],
    );
    assert_eq!(words("quiet = true"), ["reader.toml: purpose: is missing"]);
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    check(
        "adapter = ",
        &["reader.toml:2: string values must be quoted, expected literal string"],
    );
    check("purpose = \"age-18\"", &["reader.toml:2: duplicate key"]);
    let file = written("");
    fs::write(&file.path, [0xff]).unwrap();
    assert_eq!(
        faults(&file.path)[0].to_string(),
        format!("{}: is not UTF-8 text", file.path.display())
    );
    fs::write(&file.path, vec![b'#'; 1024 * 1024 + 1]).unwrap();
    assert_eq!(
        faults(&file.path)[0].to_string(),
        format!("{}: is larger than 1048576 bytes", file.path.display())
    );
    let missing = file.path.with_file_name("missing.toml");
    let told: Vec<String> = faults(&missing).iter().map(ToString::to_string).collect();
    let cause = "cannot be read: No such file or directory (os error 2)";
    assert_eq!(told, [format!("{}: {cause}", missing.display())]);
}

#[test]
fn all_faults_are_told_in_the_order_of_the_file() {
    let text = "ble = \"x\"\nnope = 1\nnfc_data = true\nadapter = 0\n";
    let lines: Vec<String> = words(text)
        .iter()
        .map(|fault| fault.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        lines,
        [
            "reader.toml:1: ble:",
            "reader.toml:2: nope:",
            "reader.toml:3: nfc_data:",
            "reader.toml:4: adapter:",
            "reader.toml: purpose:",
        ]
    );
}

#[test]
fn what_the_file_names_has_to_be_there() {
    check(
        "trust = \"/no/such\"",
        &["reader.toml:2: trust: cannot read /no/such: No such file or directory (os error 2)"],
    );
    check(
        "limits = \"/no/such\"",
        &["reader.toml:2: limits: cannot read /no/such: No such file or directory (os error 2)"],
    );
    check(
        "bundle_key = \"/no/such\"\nbundle_store = \"/no/such\"",
        &["reader.toml:2: bundle_key: cannot read /no/such: No such file or directory (os error 2)"],
    );
    check(
        "api_key_file = \"/no/such\"",
        &["reader.toml:2: api_key_file: cannot read /no/such: No such file or directory (os error 2)"],
    );
    check(
        "verify = \"http://verifier.example\"",
        &["reader.toml:2: verify: verify takes https, and http only to this machine"],
    );
    // In the order of the file, whatever that of the options is.
    check(
        "limits = \"/no/such\"\ntrust = \"/no/such\"",
        &[
            "reader.toml:2: limits: cannot read /no/such: No such file or directory (os error 2)",
            "reader.toml:3: trust: cannot read /no/such: No such file or directory (os error 2)",
        ],
    );
    let told = words("purpose = \"age-21\"\n");
    assert!(told[0].starts_with("reader.toml:1: purpose: there is no purpose age-21 and no file"));
    assert_eq!(told.len(), 1);
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("anchors")).unwrap();
    check(&format!("trust = {:?}", folder.path()), &[]);
}

#[test]
fn what_this_build_lacks_is_told_under_the_option_that_asks_for_it() {
    for (line, has, key, what) in [
        ("nfc = true", cfg!(feature = "nfc"), "nfc", "NFC"),
        (
            "camera = \"/dev/video9\"",
            cfg!(all(feature = "camera", target_os = "linux")),
            "camera",
            "cameras",
        ),
        (
            "scanner_serial = \"/dev/ttyS9\"",
            cfg!(feature = "scanner"),
            "scanner_serial",
            "scanners",
        ),
        (
            "scanner_keyboard = \"/dev/input/event9\"",
            cfg!(all(feature = "scanner", target_os = "linux")),
            "scanner_keyboard",
            "scanners",
        ),
        (
            "till_serial = \"/dev/ttyS9\"",
            cfg!(feature = "till"),
            "till_serial",
            "the till link",
        ),
    ] {
        let told = words(&format!("{GOOD}{line}\n"));
        if has {
            assert_eq!(told, Vec::<String>::new(), "{line}");
        } else {
            let begins = format!("reader.toml:2: {key}: this reader was built without {what}");
            assert!(told.len() == 1 && told[0].starts_with(&begins), "{told:?}");
        }
    }
}

#[test]
fn inputs_that_leave_nothing_to_wait_for_or_share_a_device() {
    let nothing = "reader.toml:2: no_stdin: --no-stdin leaves nothing to wait for; name a scanner or a camera, or add --nfc";
    check("no_stdin = true", &[nothing]);
    if cfg!(feature = "scanner") {
        check("no_stdin = true\nscanner_serial = \"/dev/ttyS9\"", &[]);
        check(
            "scanner_serial = [\"/dev/ttyS9\", \"/dev/ttyS9,115200\"]",
            &["reader.toml:2: scanner_serial: /dev/ttyS9: this scanner is named twice"],
        );
    }
}

#[cfg(feature = "camera-recording")]
#[test]
fn a_recording_has_to_be_there() {
    check(
        "camera_recording = \"/no/such\"",
        &["reader.toml:2: camera_recording: /no/such: cannot read: No such file or directory (os error 2)"],
    );
    check(
        "camera_recording = \"/dev/null\"",
        &["reader.toml:2: camera_recording: /dev/null: the recording is not YUV4MPEG2 (.y4m)"],
    );
}

#[cfg(feature = "till")]
#[test]
fn tills_over_http_have_an_address_keys_and_origins() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    fs::write(&keys, "a-pairing-key-for-tests-only").unwrap();
    let with = |address: &str, keys: &str, origin: &str| {
        format!("till_http = {address:?}\ntill_key_file = {keys:?}\ntill_origin = [{origin:?}]")
    };
    let (address, keys, origin) = ("127.0.0.1:0", keys.to_str().unwrap(), "https://till.example");
    check(&with(address, keys, origin), &[]);
    let cause = "cannot read /no/such: No such file or directory (os error 2)";
    check(
        &with("0.0.0.0:1", "/no/such", "null"),
        &[
            "reader.toml:2: till_http: --till-http 0.0.0.0:1: tills are served on this machine only: give a loopback address, such as 127.0.0.1 or [::1]",
            &format!("reader.toml:3: till_key_file: {cause}"),
            "reader.toml:4: till_origin: --till-origin null: an origin is a scheme, a host in small letters and a port where it is not the usual one, such as https://till.example",
        ],
    );
    check(
        &with("localhost", keys, origin),
        &[
            "reader.toml:2: till_http: --till-http localhost: an address and a port are needed, such as 127.0.0.1:8765",
        ],
    );
}

#[cfg(feature = "pkcs11")]
#[test]
fn a_key_in_a_token_is_looked_at_as_far_as_it_takes_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let not_one = folder.path().join("none.pem");
    fs::write(&not_one, "nothing").unwrap();
    let with =
        |certificate: &str, more: &str| format!("reader_cert = {certificate:?}\npkcs11 = \"pkcs11:{more}\"");
    check(
        &with("/no/such", "object=r?module-path=m"),
        &["reader.toml:2: reader_cert: cannot read /no/such: No such file or directory (os error 2)"],
    );
    let told = words(&format!(
        "{GOOD}{}\n",
        with("/no/such", "object=r?module-path=m&pin-value=hunter2")
    ));
    assert!(
        told.len() == 1 && told[0].starts_with("reader.toml:3: pkcs11: --pkcs11 has pin-value"),
        "{told:?}"
    );
    assert!(!told[0].contains("hunter2"));
    let told = words(&format!(
        "{GOOD}{}\n",
        with(not_one.to_str().unwrap(), "object=r?module-path=m")
    ));
    assert!(
        told.len() == 1 && told[0].starts_with("reader.toml:2: reader_cert: "),
        "{told:?}"
    );
}

fn arguments(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

#[test]
fn the_command_line_wins_over_the_file() {
    let file = written("purpose = \"age-20\"\nble = \"central\"\nrequest_timeout = 3\nquiet = true\n");
    let config = file.path.to_str().unwrap();
    let merged = |rest: &[&str]| {
        let all = [&["reader", "serve", "--config", config], rest].concat();
        let merged = with_file(arguments(&all)).unwrap();
        merged[2..merged.len() - 2 - rest.len()].to_vec()
    };
    let file = [
        "--purpose=age-20",
        "--ble=central",
        "--request-timeout=3",
        "--quiet",
    ];
    assert_eq!(merged(&[]), arguments(&file));
    assert_eq!(
        merged(&["--ble", "both"]),
        arguments(&[file[0], file[2], file[3]])
    );
    assert_eq!(merged(&["--purpose=age-18", "--ble=both"]), arguments(&file[2..]));
    // Behind -- there are no options.
    assert_eq!(merged(&["--", "--ble"]), arguments(&file));
}

#[test]
fn the_command_line_may_give_what_a_key_of_the_file_needs() {
    let file = written("nfc_data = true\n");
    let config = file.path.to_str().unwrap();
    let merged = |rest: &[&str]| {
        with_file(arguments(
            &[&["reader", "serve", "--config", config], rest].concat(),
        ))
    };
    assert!(merged(&["--nfc", "--purpose=age-20"]).is_ok());
    let faults = merged(&["--purpose=age-20"]).unwrap_err();
    assert_eq!(faults.len(), 1);
    assert!(faults[0].to_string().ends_with(":1: nfc_data: needs nfc too"));
}

#[test]
fn only_the_commands_that_take_a_file_read_it() {
    for words in [
        &["reader", "read", "--config", "/no/such"][..],
        &["reader", "serve", "--config"],
        &["reader", "serve", "--help", "--config", "/no/such"],
        &["reader", "serve", "--config", "/no/such", "--config=/no/such"],
        &["reader", "serve", "--", "--config", "/no/such"],
        &["reader"],
    ] {
        assert_eq!(with_file(arguments(words)).unwrap(), arguments(words));
    }
    assert!(with_file(arguments(&["reader", "serve", "--config=/no/such"])).is_err());
    assert!(with_file(arguments(&["reader", "doctor", "--config", "/no/such"])).is_err());
}

#[test]
fn options_know_what_they_take() {
    let options = Options::of_serve();
    let kind = |key: &str| options.find(key).unwrap().kind();
    assert_eq!(
        (kind("nfc"), kind("bundle_every"), kind("trust")),
        (Kind::Flag, Kind::Whole, Kind::Text)
    );
    assert!(options.find("config").is_none() && options.find("help").is_none());
}
