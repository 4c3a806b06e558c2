//! `reader doctor` and `reader --check-config`, as their users start them: each fault of files, trust, bundles, services and
//! the clock once, and beside each the machine without it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![cfg(unix)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

use holder::certificate::{self, CertificateSpec, name, oid, pem, private_key_pem};
use holder::keys::SigningKey;
use mdoc::crypto::Curve;
use mdoc::time::UnixTime;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde_json::Value;
use verifier_tests::programs::{BundleMaker, program};

const DAY: i64 = 86_400;

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// A counter on which nothing is wrong.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let made = Command::new(program("holder"))
            .args(["pki", "--out", &place.path("pki")])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        // The simulated issuer also publishes lists that are at fault.
        fs::remove_dir_all(place.path("pki/trust/status")).unwrap();
        place.chmod("pki/reader/key.pem", 0o600);
        place
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), text).unwrap();
        self.chmod(name, 0o600);
        self.path(name)
    }

    fn chmod(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The options of a sound counter.
    fn sound(&self) -> Vec<String> {
        let trust = self.path("pki/trust");
        let (certificate, key) = (
            self.path("pki/reader/certificate.pem"),
            self.path("pki/reader/key.pem"),
        );
        [
            "--purpose",
            "age-20",
            "--trust",
            &trust,
            "--reader-cert",
            &certificate,
            "--reader-key",
            &key,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// Writes a certificate of the reader's own with this change and window, and its key: the options that name them.
    fn identity(&self, window: (i64, i64), change: impl Fn(&mut CertificateSpec)) -> Vec<String> {
        let mut random = ChaCha20Rng::seed_from_u64(7);
        let root_key = SigningKey::generate(Curve::P256, &mut random);
        let key = SigningKey::generate(Curve::P256, &mut random);
        let root_name = name("UT", None, "TEST reader authority");
        let own = name("UT", None, "TEST reader");
        let mut spec = CertificateSpec::reader(&key, (&root_name, &root_key), own, vec![2], window);
        change(&mut spec);
        let certificate = self.write("own.pem", pem(&spec.sign(&root_key)));
        let key = self.write("own-key.pem", private_key_pem(&key));
        let trust = self.path("pki/trust");
        [
            "--trust",
            &trust,
            "--reader-cert",
            &certificate,
            "--reader-key",
            &key,
        ]
        .map(str::to_owned)
        .to_vec()
    }
}

fn reader(arguments: &[impl AsRef<std::ffi::OsStr>]) -> Output {
    Command::new(program("reader")).args(arguments).output().unwrap()
}

/// What is not right, and the exit status.
type Told = (i32, Vec<(String, String, String)>);

fn doctor(options: &[String]) -> Told {
    let arguments = [&["doctor".to_owned(), "--json".to_owned()], options].concat();
    let output = reader(&arguments);
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |finding: &Value, member: &str| finding[member].as_str().unwrap().to_owned();
    let wrong = findings.as_array().unwrap().iter().filter(|finding| {
        // Whatever is wrong comes with what to do, and nothing else does.
        assert_eq!(
            finding["result"] == "ok",
            finding["next_step"].is_null(),
            "{finding}"
        );
        finding["result"] != "ok"
    });
    let wrong: Vec<_> = wrong
        .map(|finding| {
            (
                text(finding, "check"),
                text(finding, "result"),
                text(finding, "detail"),
            )
        })
        .collect();
    (output.status.code().unwrap(), wrong)
}

/// One thing is wrong, and this.
fn assert_one(told: &Told, check: &str, result: &str, detail: &str) {
    let status = if result == "fault" { 2 } else { 1 };
    let expected = (check.to_owned(), result.to_owned(), detail.to_owned());
    assert_eq!(told, &(status, vec![expected]));
}

fn options(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

const SOUND: Told = (0, Vec::new());

#[test]
fn trust_that_is_missing_broken_or_empty() {
    let place = Place::new();
    assert_eq!(doctor(&place.sound()), SOUND);
    let trust = |folder: &str| options(&["--trust", &place.path(folder)]);
    assert_one(
        &doctor(&[]),
        "trust",
        "fault",
        "nothing is trusted, and nothing can be accepted",
    );
    assert_one(
        &doctor(&trust("missing")),
        "trust",
        "fault",
        &format!(
            "cannot read {}: No such file or directory (os error 2)",
            place.path("missing")
        ),
    );
    fs::create_dir_all(place.path("empty/anchors")).unwrap();
    assert_one(
        &doctor(&trust("empty")),
        "trust",
        "fault",
        "there is no anchor; nothing can be accepted",
    );
    place.write("pki/trust/anchors/broken.pem", "nothing");
    let (status, wrong) = doctor(&place.sound());
    assert_eq!((status, wrong.len()), (2, 1), "{wrong:?}");
    assert!(wrong[0].2.contains("anchors/broken.pem"), "{wrong:?}");
    fs::remove_file(place.path("pki/trust/anchors/broken.pem")).unwrap();
    assert_eq!(doctor(&place.sound()), SOUND);
}

#[test]
fn anchors_that_end_or_have_ended() {
    let place = Place::new();
    let told = |window: (i64, i64)| {
        let key = SigningKey::generate(Curve::P256, &mut ChaCha20Rng::seed_from_u64(8));
        let root = CertificateSpec::root(&key, name("UT", None, "TEST root"), vec![1], window);
        fs::create_dir_all(place.path("old/anchors")).unwrap();
        place.write("old/anchors/root.pem", pem(&root.sign(&key)));
        let (status, wrong) = doctor(&options(&["--trust", &place.path("old")]));
        (
            status,
            wrong.into_iter().map(|(_, _, detail)| detail).collect::<Vec<_>>(),
        )
    };
    let at = |seconds| UnixTime::from_seconds(seconds).unwrap();
    let begin = now() - 100 * DAY;
    assert_eq!(told((begin, now() + 60 * DAY)), (0, Vec::new()));
    for (end, words) in [
        (now() + 20 * DAY, "ends within 30 days"),
        (now() + 5 * DAY, "ends within 7 days"),
        (now() + DAY / 2, "ends within a day"),
    ] {
        let detail = format!("anchor \"TEST root\" {words}, at {}", at(end));
        assert_eq!(told((begin, end)), (1, vec![detail]));
    }
    let end = now() - DAY;
    let past = format!("anchor \"TEST root\" is past its end, {}", at(end));
    let none = "no anchor counts today; nothing can be accepted".to_owned();
    assert_eq!(told((begin, end)), (2, vec![none, past]));
}

#[test]
fn the_readers_own_certificate() {
    let place = Place::new();
    let (begin, end) = (now() - 100 * DAY, now() + 100 * DAY);
    assert_eq!(doctor(&place.identity((begin, end), |_| ())), SOUND);
    let at = |seconds| UnixTime::from_seconds(seconds).unwrap();
    for (window, result, words) in [
        (
            (begin, now() - DAY),
            "fault",
            format!("expired on {}", at(now() - DAY)),
        ),
        (
            (now() + DAY, end),
            "fault",
            format!("valid from {} on", at(now() + DAY)),
        ),
        (
            (begin, now() + 6 * DAY),
            "warning",
            format!("expires on {}, within 7 days", at(now() + 6 * DAY)),
        ),
    ] {
        let told = doctor(&place.identity(window, |_| ()));
        let status = if result == "fault" { 2 } else { 1 };
        assert_eq!((told.0, told.1.len()), (status, 1), "{told:?}");
        assert_eq!(
            (told.1[0].0.as_str(), told.1[0].1.as_str()),
            ("reader_cert", result)
        );
        // The second may have turned in between.
        let known = words.split("T").next().unwrap();
        assert!(told.1[0].2.contains(known), "{told:?}, not {words}");
    }
    let usage = |spec: &mut CertificateSpec| {
        spec.extension(oid::EXTENDED_KEY_USAGE).value = certificate::extended_key_usage(&["1.0.18013.5.1.2"]);
    };
    assert_one(
        &doctor(&place.identity((begin, end), usage)),
        "reader_cert",
        "fault",
        "\"TEST reader\", extended_key_usage (B.7): the extended key usage is 1.0.18013.5.1.2; it has to be 1.0.18013.5.1.6 (or 1.0.23220.4.1.6) and nothing else, critical",
    );
    let key_usage = |spec: &mut CertificateSpec| {
        spec.extension(oid::KEY_USAGE).value = certificate::key_usage(certificate::CERTIFICATE_AND_CRL);
    };
    assert_one(
        &doctor(&place.identity((begin, end), key_usage)),
        "reader_cert",
        "fault",
        "\"TEST reader\", key_usage (B.7): the key usage has to be digitalSignature and nothing else, critical",
    );
    let point = |spec: &mut CertificateSpec| spec.remove(oid::CRL_DISTRIBUTION_POINTS);
    let told = doctor(&place.identity((begin, end), point));
    assert_eq!((told.0, told.1.len()), (2, 1), "{told:?}");
    // The chain is looked at too: a root in it is sent to every phone for nothing.
    let files =
        ["pki/reader/certificate.pem", "pki/reader/ca.pem"].map(|name| fs::read(place.path(name)).unwrap());
    let mut with_root = place.sound();
    with_root[5] = place.write("both.pem", files.concat());
    let (status, told) = doctor(&with_root);
    assert_eq!((status, told.len()), (1, 1), "{told:?}");
    assert!(told[0].2.contains(", root_in_chain (9.1.4): "), "{told:?}");
}

#[test]
fn keys_that_belong_to_another_or_to_everybody() {
    let place = Place::new();
    let mut other = place.identity((now() - DAY, now() + 100 * DAY), |_| ());
    *other.last_mut().unwrap() = place.path("pki/reader/key.pem");
    assert_one(
        &doctor(&other),
        "reader_cert",
        "fault",
        &format!(
            "{}: the reader's certificate is not for the reader's key",
            place.path("own.pem")
        ),
    );
    place.chmod("pki/reader/key.pem", 0o644);
    let key = place.path("pki/reader/key.pem");
    assert_one(
        &doctor(&place.sound()),
        "reader_key",
        "warning",
        &format!("{key} is open to every user of this machine"),
    );
    place.chmod("pki/reader/key.pem", 0o640);
    assert_eq!(doctor(&place.sound()), SOUND);
    let with_key = |file: &str| [place.sound(), options(&["--api-key-file", file])].concat();
    let file = place.write("api-key", "hunter2");
    assert_eq!(doctor(&with_key(&file)), SOUND);
    place.chmod("api-key", 0o604);
    let told = doctor(&with_key(&file));
    assert_one(
        &told,
        "api_key_file",
        "warning",
        &format!("{file} is open to every user of this machine"),
    );
    let file = place.write("api-key", "hunter2 hunter3");
    let told = doctor(&with_key(&file));
    assert_one(
        &told,
        "api_key_file",
        "fault",
        &format!("{file}: not one API key"),
    );
}

#[test]
fn a_purpose_that_is_none() {
    let place = Place::new();
    let mut wrong = place.sound();
    "age-21".clone_into(&mut wrong[1]);
    let (status, told) = doctor(&wrong);
    assert_eq!((status, told.len()), (2, 1), "{told:?}");
    assert!(told[0].2.starts_with("there is no purpose age-21"), "{told:?}");
}

/// A server on a free port that answers every request with this Date; with none it answers without.
fn server(date: Option<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|count| count > 2) {
                line.clear();
            }
            let date = date.as_ref().map(|date| format!("Date: {date}\r\n"));
            let answer = format!(
                "HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\nConnection: close\r\n\r\n",
                date.unwrap_or_default()
            );
            let _ = stream.get_mut().write_all(answer.as_bytes());
        }
    });
    url
}

/// As RFC 9110 writes it; the weekday, which clients need not check, is that of 1 January 1970 plus the days since.
fn http_date(seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let date = UnixTime::from_seconds(seconds).unwrap().date_at_offset(0);
    let weekday = usize::try_from(seconds / DAY % 7).unwrap();
    let time = seconds % DAY;
    format!(
        "{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
        DAYS[weekday],
        date.day(),
        MONTHS[usize::from(date.month()) - 1],
        date.year(),
        time / 3600,
        time / 60 % 60,
        time % 60
    )
}

#[test]
fn the_clock_beside_that_of_the_service() {
    let told = |url: &str| doctor(&options(&["--verify", url]));
    let by = |difference: i64| told(&server(Some(http_date(now() + difference))));
    assert_eq!(by(0), SOUND);
    assert_eq!(told(&server(None)), SOUND);
    for (difference, result, side) in [
        (150, "warning", "behind"),
        (-150, "warning", "ahead of"),
        (4000, "fault", "behind"),
        (-4000, "fault", "ahead of"),
    ] {
        let (status, wrong) = by(difference);
        assert_eq!(status, if result == "fault" { 2 } else { 1 }, "{wrong:?}");
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        let (check, found, detail) = &wrong[0];
        assert_eq!((check.as_str(), found.as_str()), ("clock", result));
        assert!(detail.contains(&format!(" s {side} that of service")), "{detail}");
    }
}

#[test]
fn services_that_do_not_answer() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    // Takes connections and says nothing.
    let (status, wrong) = doctor(&options(&["--verify", &url]));
    assert_eq!((status, wrong.len()), (2, 1), "{wrong:?}");
    assert_eq!(wrong[0].0, "service");
    assert!(wrong[0].2.contains("timeout"), "{wrong:?}");
    drop(closed);
    let (status, wrong) = doctor(&options(&["--verify", &url]));
    assert_eq!((status, wrong.len()), (2, 1), "{wrong:?}");
    assert!(wrong[0].2.starts_with("cannot be reached: "), "{wrong:?}");
    assert_one(
        &doctor(&options(&["--verify", "http://verifier.example"])),
        "verify",
        "fault",
        "verify takes https, and http only to this machine",
    );
}

#[test]
fn bundles_that_are_missing_old_or_of_another() {
    let place = Place::new();
    let trust = PathBuf::from(place.path("pki/trust"));
    let maker = BundleMaker::new(place.folder.path());
    let by = |file: &str, key: &str| doctor(&options(&["--bundle", file, "--bundle-key", key]));
    let made = |name: &str, ago: i64, lifetime: &str| {
        let at = UnixTime::from_seconds(now() - ago).unwrap().to_string();
        maker.build(name, &trust, &["--at", &at, "--lifetime", lifetime]);
        maker.path(name)
    };
    let good = made("good.bundle", 60, "90d");
    assert_eq!(by(&good, &maker.key()), SOUND);
    let ending = by(&made("ending.bundle", 2 * DAY, "32d"), &maker.key());
    assert_eq!((ending.0, ending.1.len()), (1, 1), "{ending:?}");
    assert!(ending.1[0].2.contains("expires within 30 days"), "{ending:?}");
    let old = by(&made("old.bundle", 10 * DAY, "7d"), &maker.key());
    assert_eq!((old.0, old.1.len()), (2, 1), "{old:?}");
    assert_eq!(old.1[0].0, "bundle");
    assert!(old.1[0].2.contains("it counted until"), "{old:?}");
    let coming = by(&made("coming.bundle", -3600, "7d"), &maker.key());
    assert_eq!((coming.0, coming.1.len()), (2, 1), "{coming:?}");
    let other = place.folder.path().join("other");
    fs::create_dir(&other).unwrap();
    let foreign = by(&good, &BundleMaker::new(&other).key());
    assert_eq!((foreign.0, foreign.1.len()), (2, 1), "{foreign:?}");
    assert!(foreign.1[0].2.contains("signature"), "{foreign:?}");
    assert_one(
        &by(&place.path("missing"), &maker.key()),
        "bundle",
        "fault",
        &format!(
            "cannot read {}: No such file or directory (os error 2)",
            place.path("missing")
        ),
    );
}

#[test]
fn a_store_is_looked_at_and_not_made() {
    let place = Place::new();
    let maker = BundleMaker::new(place.folder.path());
    let store = place.path("store");
    let by = |store: &str| doctor(&options(&["--bundle-key", &maker.key(), "--bundle-store", store]));
    assert_one(&by(&store), "bundle", "fault", "there is no bundle here yet");
    assert!(!Path::new(&store).exists());
    let file = place.write("file", "");
    let below = format!("{file}/store");
    assert_one(
        &by(&below),
        "bundle_store",
        "fault",
        &format!("{below} cannot be written to"),
    );
}

#[test]
fn a_configuration_that_is_wrong_or_open() {
    let place = Place::new();
    let trust = place.path("pki/trust");
    let config = place.write(
        "reader.toml",
        format!("purpose = \"age-20\"\ntrust = {trust:?}\n"),
    );
    let by = |more: &[&str]| doctor(&[options(&["--config", &config]), options(more)].concat());
    assert_eq!(by(&[]), SOUND);
    place.chmod("reader.toml", 0o602);
    assert_one(
        &by(&[]),
        "configuration",
        "warning",
        &format!("every user of this machine may change {config}"),
    );
    place.write(
        "reader.toml",
        format!("trust = {trust:?}\napi_key = \"hunter2\"\n"),
    );
    let detail = format!("{config}:2: api_key: there is no such option; did you mean api_key_file?");
    assert_one(&by(&["--trust", &trust]), "configuration", "fault", &detail);
}

#[test]
fn what_the_program_was_built_without_is_told_once() {
    let place = Place::new();
    for (flags, check, what) in [
        (&["--nfc"][..], "nfc", "NFC; build it with --features nfc"),
        (
            &["--scanner-serial", "/dev/ttyS9,115200"],
            "scanner_serial",
            "scanners; build it with --features scanner",
        ),
        (
            &["--till-serial", "/dev/ttyS9"],
            "till_serial",
            "the till link; build it with --features till",
        ),
    ] {
        let told = doctor(&[place.sound(), options(flags)].concat());
        assert_one(
            &told,
            check,
            "fault",
            &format!("this reader was built without {what}"),
        );
    }
}

#[test]
fn the_line_for_people_says_what_to_do() {
    let place = Place::new();
    let sound = [&["doctor".to_owned()], place.sound().as_slice()].concat();
    let output = reader(&sound);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().all(|line| line.starts_with("ok       ")), "{text}");
    let output = reader(&["doctor"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let fault = text.lines().find(|line| line.starts_with("fault    ")).unwrap();
    assert!(
        fault.contains("; next: name a trust directory (--trust)"),
        "{text}"
    );
    assert_eq!(reader(&["doctor", "--no-such"]).status.code(), Some(64));
    assert_eq!(reader(&["doctor", "--nfc-data"]).status.code(), Some(64));
}

#[test]
fn a_configuration_is_checked_with_all_that_it_names() {
    let place = Place::new();
    let (trust, certificate, key) = (
        place.path("pki/trust"),
        place.path("pki/reader/certificate.pem"),
        place.path("pki/reader/key.pem"),
    );
    let check = |purpose: &str, trust: &str, certificate: &str, key: &str| {
        let text = format!(
            "purpose = {purpose:?}\ntrust = {trust:?}\nreader_cert = {certificate:?}\nreader_key = {key:?}\n"
        );
        let config = place.write("reader.toml", text);
        let output = reader(&["--check-config", config.as_str()]);
        let words = String::from_utf8(output.stderr).unwrap().replace(&config, "FILE");
        (output.status.code().unwrap(), words)
    };
    assert_eq!(check("age-20", &trust, &certificate, &key), (0, String::new()));
    let cause = "No such file or directory (os error 2)";
    for (told, words) in [
        (
            check("age-20", "/no/such", &certificate, &key),
            format!("reader: FILE:2: trust: cannot read /no/such: {cause}\n"),
        ),
        (
            check("age-20", &trust, "/no/such", &key),
            format!("reader: FILE:3: reader_cert: cannot read /no/such: {cause}\n"),
        ),
        (
            check("age-20", &trust, &certificate, "/no/such"),
            format!("reader: FILE:4: reader_key: cannot read /no/such: {cause}\n"),
        ),
        (
            check("age-20", &trust, &certificate, &certificate),
            format!("reader: FILE:4: reader_key: {certificate}: not an unencrypted private key in PKCS#8\n"),
        ),
        (
            check("/dev/zero", &trust, &certificate, &key),
            "reader: FILE:1: purpose: /dev/zero is larger than 1048576 bytes\n".to_owned(),
        ),
    ] {
        assert_eq!(told, (64, words));
    }
    // serve does not start with it either, and takes the file as it is written by the program.
    let config = place.write("reader.toml", "tust = \"x\"\n");
    assert_eq!(reader(&["serve", "--config", &config]).status.code(), Some(64));
    let printed = place.write("printed.toml", reader(&["configuration"]).stdout);
    let output = reader(&["--check-config", &printed]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
