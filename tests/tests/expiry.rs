//! What ends soon is told in time, whatever it is, in the log and in the metrics of the service as it runs.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use holder::certificate::{self, CertificateSpec, name};
use holder::evidence::{CrlSpec, List, StatusAuthority, TokenSpec};
use holder::issuer::DAY;
use holder::vical::VicalProvider;
use holder::{Scenario, issuer::Issuer};
use mdoc::time::UnixTime;
use serde_json::Value;
use verifier_tests::http::fetch;
use verifier_tests::programs::{BundleMaker, program};
use verifier_tests::trusting::{key, vical};
use verifier_tests::wait_until;

fn clock() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.expect("a clock after 1970").as_secs()).expect("an instant")
}

/// A service and its log; ends with the test.
struct Watched {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Watched {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let log = folder.join("log");
        let mut child = Command::new(program("verifier-api"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log).expect("a file"))
            .spawn()
            .expect("the service starts");
        let mut line = String::new();
        let mut out = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
        std::io::BufRead::read_line(&mut out, &mut line).expect("a line");
        let line: Value = serde_json::from_str(&line).expect("a line of JSON");
        let address = line["listening"]
            .as_str()
            .and_then(|address| address.parse().ok());
        Self {
            child,
            address: address.expect("an address"),
            log,
        }
    }

    fn has_metric(&self, line: &str) -> bool {
        let text = fetch(self.address, "GET", "/metrics", &[], b"").body;
        let text = String::from_utf8(text).expect("text");
        text.lines().any(|known| known == line)
    }

    /// Kind, name, level and days of each warning, in order, once there are so many.
    #[track_caller]
    fn told(&self, count: usize) -> Vec<(String, String, String, i64)> {
        let told = || {
            let log = fs::read_to_string(&self.log).expect("a log");
            let events = log
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let events = events
                .filter(|event| event["message"] == "expires soon" || event["message"] == "has expired");
            let mut told: Vec<_> = events
                .map(|event| {
                    let text = |member: &str| event[member].as_str().expect("a text").to_owned();
                    let warning = event["warning"].as_i64().unwrap_or(0);
                    (text("kind"), text("name"), text("level"), warning)
                })
                .collect();
            told.sort();
            told
        };
        wait_until(|| told().len() >= count);
        told()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn warned(kind: &str, name: &str, level: &str, days: i64) -> (String, String, String, i64) {
    (kind.to_owned(), name.to_owned(), level.to_owned(), days)
}

#[test]
fn before_a_root_of_publishers_ends_it_is_told() {
    let (clock, folder) = (clock(), tempfile::tempdir().expect("a folder"));
    let mut pem = String::new();
    for (title, days) in [
        ("ends in 40", 40),
        ("ends in 29", 29),
        ("ends in 6", 6),
        ("ends today", 0),
        ("has ended", -1),
    ] {
        let key = key(u64::try_from(days + 50).expect("a seed"));
        let window = (clock - 400 * DAY, clock + days * DAY + 3600);
        let root = CertificateSpec::root(&key, name("JP", None, title), vec![3], window);
        pem += &certificate::pem(&root.sign(&key));
    }
    fs::write(folder.path().join("roots.pem"), pem).expect("a file");
    let settings = folder.path().join("fetch.toml");
    fs::write(&settings, "roots = \"roots.pem\"\n").expect("a file");
    let service = Watched::start(folder.path(), &["--fetch", settings.to_str().expect("a path")]);
    let root = |name, level, days| warned("publisher_root", name, level, days);
    assert_eq!(
        service.told(4),
        [
            root("ends in 29", "WARN", 30),
            root("ends in 6", "WARN", 7),
            root("ends today", "WARN", 1),
            root("has ended", "ERROR", 0),
        ]
    );
    for line in [
        "days=\"30\"} 4",
        "days=\"7\"} 3",
        "days=\"1\"} 2",
        "days=\"0\"} 1",
    ] {
        let line = format!("mdoc_verifier_expiring{{kind=\"publisher_root\",{line}");
        assert!(service.has_metric(&line), "{line}");
    }
}

#[test]
fn whatever_ends_soon_is_told() {
    let (clock, folder) = (clock(), tempfile::tempdir().expect("a folder"));
    let (begin, end) = (clock - 60 * DAY, clock + 6 * DAY + 3600);
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join("trust").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    };
    let key = key(5);
    let own = name("JP", None, "TEST six days");
    let root = CertificateSpec::root(&key, own.clone(), vec![3], (begin, end)).sign(&key);
    put("anchors/own.der", &root);
    let mut crl = CrlSpec::new(own, &key, 1, clock);
    (crl.this_update, crl.next_update) = (begin, Some(end));
    put("crls/own.crl", &crl.sign(&key));
    let scenario = Scenario::my_number();
    let issuer = Issuer::new(&scenario.issuer, &holder::hooks::Hooks::default());
    let authority = StatusAuthority::new(&issuer, &scenario.issuer, |_| {});
    let list = List::Statuses {
        bits: 1,
        values: vec![0; 8],
    };
    let chain = vec![authority.certificate.clone()];
    let mut token = TokenSpec::new("https://status.example/1", list, chain, clock);
    (token.issued_at, token.expires_at) = (begin, Some(end));
    put("status/own.cwt", &token.cwt(&authority.key));
    let provider = VicalProvider::new(7, clock);
    put("vicals/authority.der", &provider.authority);
    let mut list = vical(5, begin, &root);
    list.next_update = Some(end);
    put("vicals/own.cbor", &provider.sign(&list));
    let maker = BundleMaker::new(folder.path());
    let made = UnixTime::from_seconds(begin).expect("an instant").to_string();
    let trust = folder.path().join("trust");
    maker.build("offline", &trust, &["--at", &made, "--lifetime", "66d"]);
    let (trust, bundle) = (trust.to_str().expect("a path").to_owned(), maker.path("offline"));
    let key = maker.key();
    let arguments = ["--trust", &trust, "--bundle", &bundle, "--bundle-key", &key];
    let service = Watched::start(folder.path(), &arguments);
    assert_eq!(
        service.told(5),
        [
            warned("anchor", "TEST six days", "WARN", 7),
            warned("bundle", &format!("bundle {begin}"), "WARN", 7),
            warned("crl", "TEST six days", "WARN", 7),
            warned("status", "https://status.example/1", "WARN", 7),
            warned("vical", "TEST lists", "WARN", 7),
        ]
    );
    for kind in ["anchor", "bundle", "crl", "status", "vical"] {
        for (days, count) in [(30, 1), (7, 1), (1, 0), (0, 0)] {
            let line = format!("mdoc_verifier_expiring{{kind=\"{kind}\",days=\"{days}\"}} {count}");
            assert!(service.has_metric(&line), "{line}");
        }
    }
}
