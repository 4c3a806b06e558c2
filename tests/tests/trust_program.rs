//! `verifier-api trust`: what is previewed is what is applied; what is broken, older or contradictory
//! changes nothing and is named; killed at any moment, the next start finds one whole snapshot.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use holder::issuer::DAY;
use holder::scenario::NOW;
use holder::vical::VicalProvider;
use operator::{TrustAction, TrustState};
use rand_core::{Rng as _, SeedableRng as _};
use relying_party::{TrustSnapshot, sha256_text};
use serde_json::{Value, json};
use verifier_api::serve::{Config, Service};
use verifier_tests::http::{Connection, fetch};
use verifier_tests::programs;
use verifier_tests::trusting::{Operator, key, root, vical};

/// How often an apply is killed; `KILLS` says otherwise.
fn kills() -> usize {
    std::env::var("KILLS").map_or(200, |count| count.parse().unwrap())
}

fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|item| item["common_name"].as_str().unwrap()).collect()
}

#[test]
fn what_is_previewed_is_what_is_applied() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    operator.put("anchors/second.der", &root(1, 3000));
    operator.put("crls/own.crl", &operator.crl(5, 1));
    let first = operator.done("preview", &[]);
    assert_eq!(first["before"], Value::Null);
    assert_eq!(
        names(&first["added"]),
        names(&operator.done("apply", &[])["added"])
    );
    assert_eq!(operator.in_force(), first["after"]);

    operator.remove("anchors/second.der");
    operator.put("anchors/third.der", &root(3, 20));
    operator.put("anchors/own.toml", b"doc_types = [\"org.iso.23220.1.jp.mnc\"]\n");
    operator.put("crls/own.crl", &operator.crl(6, 0));
    let preview = operator.done("preview", &[]);
    assert_eq!(preview["applicable"], true);
    assert_eq!(preview["before"], first["after"]);
    assert_eq!(names(&preview["added"]), ["TEST root 3"]);
    assert_eq!(names(&preview["removed"]), ["TEST root 1"]);
    assert_eq!(names(&preview["scope_changes"]), ["TEST IACA"]);
    let rescoped = &preview["scope_changes"][0];
    assert_eq!(rescoped["scopes_before"][0]["doc_types"], Value::Null);
    assert_eq!(
        rescoped["scopes"][0]["doc_types"],
        json!(["org.iso.23220.1.jp.mnc"])
    );
    let expiring = &preview["expiring"];
    // The CRL lives for thirty days: it is not warned of from its first day.
    assert_eq!(expiring.as_array().unwrap().len(), 1, "{expiring}");
    assert_eq!(
        (&expiring[0]["kind"], &expiring[0]["days"]),
        (&json!("anchor"), &json!(20))
    );
    assert_eq!(
        preview["files"],
        json!({ "added": ["anchors/own.toml", "anchors/third.der"], "removed": ["anchors/second.der"],
            "changed": ["crls/own.crl"] })
    );
    assert_eq!(operator.in_force(), first["after"], "a preview changes nothing");

    let before = operator.in_force();
    let applied = operator.done("apply", &["--expect", &before, "--by", "duty officer"]);
    assert_eq!(
        (&applied["before"], &applied["after"]),
        (&json!(before), &preview["after"])
    );
    assert_eq!(
        (&applied["action"], &applied["number"]),
        (&json!("apply"), &json!(2))
    );
    let who = applied["who"].as_str().unwrap();
    assert!(
        who.starts_with("user ") && who.ends_with(": duty officer"),
        "{who}"
    );
    let again = operator.done("apply", &[]);
    assert_eq!(again["action"], "confirm");
    assert_eq!(again["before"], again["after"]);

    let list = operator.done("list", &[]);
    assert_eq!(list["in_force"]["snapshot"], preview["after"]);
    assert_eq!(list["before"][0]["snapshot"], first["after"]);
    let folder = list["in_force"]["directory"].as_str().unwrap();
    let kept = operator::load_trust(Path::new(folder)).unwrap();
    assert_eq!(sha256_text(&kept.hash()), preview["after"]);
    let changes = list["changes"].as_array().unwrap();
    let actions: Vec<&Value> = changes.iter().map(|change| &change["action"]).collect();
    assert_eq!(actions, ["confirm", "apply", "apply"]);
}

#[test]
fn a_rollback_brings_back_whom_to_trust_and_no_older_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    assert_eq!(operator.refused("rollback", &[])["refused"], "nothing_before");
    let provider = VicalProvider::new(900, NOW);
    operator.put("vicals/authority.der", &provider.authority);
    operator.put(
        "vicals/a.cbor",
        &provider.sign(&vical(7, NOW - 2 * DAY, &root(1, 3000))),
    );
    operator.put("crls/own.crl", &operator.crl(5, 2));
    operator.done("apply", &[]);
    assert_eq!(operator.refused("rollback", &[])["refused"], "nothing_before");

    operator.put("anchors/more.der", &root(2, 3000));
    operator.put(
        "vicals/a.cbor",
        &provider.sign(&vical(8, NOW - DAY, &root(3, 3000))),
    );
    operator.put("crls/own.crl", &operator.crl(6, 1));
    let second = operator.done("apply", &[]);
    let back = operator.done("rollback", &[]);
    assert_eq!(back["action"], "rollback");
    assert_eq!(names(&back["removed"]), ["TEST root 2"]);
    assert_eq!(
        names(&back["added"]),
        [""; 0],
        "issue 8 stays, and with it root 3"
    );
    assert_eq!(back["kept"], json!(["vicals/a.cbor", "crls/own.crl"]));
    let directory = operator.done("list", &[])["in_force"]["directory"].clone();
    let there = Path::new(directory.as_str().unwrap());
    assert_eq!(fs::read(there.join("crls/own.crl")).unwrap(), operator.crl(6, 1));
    // What was in force is now the one before: a second one returns to it.
    assert_eq!(operator.done("rollback", &[])["after"], second["after"]);
    let unknown = format!("sha256:{}", "0".repeat(64));
    assert_eq!(
        operator.refused("rollback", &["--to", &unknown])["refused"],
        "not_kept"
    );
    assert_eq!(
        operator.refused("rollback", &["--to", "../.."])["refused"],
        "not_kept"
    );
    assert_eq!(operator.in_force(), second["after"]);
}

/// With this file in its place an apply is refused for this reason and changes nothing; the untouched
/// twin, which stood there before, is applied.
#[track_caller]
fn refused_beside(operator: &Operator, name: &str, (good, bad): (&[u8], &[u8]), reason: &str) {
    operator.put(name, good);
    operator.done("apply", &[]);
    let before = operator.in_force();
    operator.put(name, bad);
    let refused = operator.refused("apply", &[]);
    assert_eq!(refused["refused"], "broken", "{refused}");
    assert_eq!(refused["faults"], json!([{ "file": name, "fault": reason }]));
    assert_eq!(operator.refused("preview", &[])["faults"], refused["faults"]);
    assert_eq!(operator.in_force(), before);
    operator.put(name, good);
    assert_eq!(
        operator.done("apply", &[])["action"],
        "confirm",
        "the untouched twin"
    );
    operator.remove(name);
}

#[test]
fn a_broken_file_is_named_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    let provider = VicalProvider::new(900, NOW);
    operator.put("vicals/authority.der", &provider.authority);
    let good_root = root(1, 3000);
    let pem = holder::certificate::pem(&good_root).into_bytes();
    for (name, good, bad, reason) in [
        (
            "anchors/a.der",
            &good_root,
            &good_root[..40],
            "not a DER certificate",
        ),
        ("anchors/a.der", &good_root, b"", "not a DER certificate"),
        ("anchors/a.pem", &pem, &pem[..60], "not PEM of certificates"),
        ("anchors/a.pem", &pem, b"\0\xff", "not PEM of certificates"),
    ] {
        refused_beside(&operator, name, (good, bad), reason);
    }
    let crl = operator.crl(5, 1);
    refused_beside(
        &operator,
        "crls/own.crl",
        (&crl, &crl[..crl.len() - 1]),
        "not a DER CRL",
    );
    let stranger = operator.crl_by(&key(99), 6, 1);
    refused_beside(
        &operator,
        "crls/own.crl",
        (&crl, &stranger),
        "the CRL is not signed by its issuer",
    );
    let list = provider.sign(&vical(7, NOW - DAY, &good_root));
    let other = VicalProvider::new(901, NOW).sign(&vical(8, NOW - DAY, &good_root));
    refused_beside(
        &operator,
        "vicals/a.cbor",
        (&list, &other),
        "no authority of the name that the list's signer chains to",
    );
    operator.put("vicals/a.cbor", &list);
    for (name, bad, words) in [
        ("status/a", &b"no token"[..], "status/a"),
        ("anchors/own.toml", b"colour = 1", "colour"),
        (
            "anchors/own.toml",
            b"profile = \"x\"",
            "there is no document profile x",
        ),
        (
            "anchors/nobody.toml",
            b"",
            "there is no anchor of this name beside it",
        ),
        ("anchors/a.p7b", b"", "an anchor ends in"),
    ] {
        operator.done("apply", &[]);
        let before = operator.in_force();
        operator.put(name, bad);
        let refused = operator.refused("apply", &[]);
        assert_eq!(
            (&refused["refused"], &refused["faults"][0]["file"]),
            (&json!("broken"), &json!(name))
        );
        assert!(refused["detail"].as_str().unwrap().contains(words), "{refused}");
        assert_eq!(operator.in_force(), before);
        operator.remove(name);
    }
    assert_eq!(operator.done("apply", &[])["action"], "confirm");
}

#[test]
fn nothing_goes_back_also_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    let provider = VicalProvider::new(900, NOW);
    let sign = |issue, days_ago: i64| provider.sign(&vical(issue, NOW - days_ago * DAY, &root(1, 3000)));
    operator.put("vicals/authority.der", &provider.authority);
    operator.put("vicals/a.cbor", &sign(7, 5));
    operator.put("crls/own.crl", &operator.crl(5, 5));
    operator.done("apply", &[]);
    let before = operator.in_force();
    // Each run of the program is a process of its own: what it knows comes from the state directory.
    for (name, older, twin, code) in [
        (
            "crls/own.crl",
            operator.crl(4, 5),
            operator.crl(5, 5),
            "older_crl",
        ),
        (
            "crls/own.crl",
            operator.crl(5, 6),
            operator.crl(5, 5),
            "older_crl",
        ),
        (
            "crls/own.crl",
            operator.crl(6, 6),
            operator.crl(5, 5),
            "older_crl",
        ),
        ("vicals/a.cbor", sign(6, 5), sign(7, 5), "older_vical"),
        ("vicals/a.cbor", sign(8, 6), sign(7, 5), "older_vical"),
    ] {
        operator.put(name, &older);
        let preview = operator.refused("preview", &[]);
        assert_eq!(preview["applicable"], false);
        assert_eq!(preview["conflicts"][0]["conflict"], code, "{preview}");
        assert_eq!(preview["conflicts"][0]["file"], name);
        let refused = operator.refused("apply", &[]);
        assert_eq!(
            (&refused["refused"], &refused["conflicts"]),
            (&json!("conflict"), &preview["conflicts"])
        );
        assert_eq!(operator.in_force(), before);
        operator.put(name, &twin);
        assert_eq!(
            operator.done("apply", &[])["action"],
            "confirm",
            "the untouched twin"
        );
    }
    // Taken away in between, a list is not forgotten.
    operator.remove("crls/own.crl");
    operator.remove("vicals/a.cbor");
    operator.done("apply", &[]);
    operator.put("anchors/more.der", &root(2, 3000));
    operator.done("apply", &[]);
    operator.put("crls/old.crl", &operator.crl(4, 6));
    operator.put("vicals/old.cbor", &sign(6, 6));
    let refused = operator.refused("apply", &[]);
    let files: BTreeSet<&str> = refused["conflicts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|conflict| conflict["file"].as_str().unwrap())
        .collect();
    assert_eq!(files, BTreeSet::from(["crls/old.crl", "vicals/old.cbor"]));
    // Beside a newer one an older list decides nothing and stands in nobody's way.
    operator.put("crls/own.crl", &operator.crl(6, 1));
    operator.put("vicals/a.cbor", &sign(8, 1));
    let applied = operator.done("apply", &[]);
    assert_eq!(applied["left_aside"][0]["file"], "vicals/old.cbor", "{applied}");
    // Of an issuer with a key that is not known, any number is the first.
    assert_eq!(operator.done("apply", &[])["action"], "confirm");
}

#[test]
fn one_certificate_with_two_scopes_is_a_conflict() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    let certificate = root(1, 3000);
    operator.put("anchors/a.der", &certificate);
    operator.put("anchors/b.der", &certificate);
    operator.done("apply", &[]);
    operator.put("anchors/b.toml", b"doc_types = [\"org.iso.18013.5.1.mDL\"]\n");
    let refused = operator.refused("apply", &[]);
    assert_eq!(refused["refused"], "conflict");
    assert_eq!(
        refused["conflicts"],
        json!([{ "file": "anchors/b.der", "conflict": "scope_twice",
            "detail": "anchors/b.der: the same certificate stands in anchors/a.der with another scope" }])
    );
    operator.put("anchors/a.toml", b"doc_types = [\"org.iso.18013.5.1.mDL\"]\n");
    operator.done("apply", &[]);
}

#[test]
fn what_cannot_be_used_at_all_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    let said = |output: std::process::Output| {
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let control = said(operator.run("apply", &["--by", "a\nb"]));
    assert!(control.contains("without control characters"), "{control}");
    assert!(!operator.state().join("current").exists());
    operator.done("apply", &["--by", "a b"]);
    let pointer = operator.state().join("current");
    let whole = fs::read(&pointer).unwrap();
    fs::write(&pointer, &whole[1..]).unwrap();
    for command in ["list", "preview", "apply", "rollback"] {
        let fault = said(operator.run(command, &[]));
        assert!(fault.contains("current is damaged"), "{command}: {fault}");
    }
    fs::write(&pointer, &whole).unwrap();
    fs::write(operator.state().join("newest.json"), "{").unwrap();
    let fault = said(operator.run("apply", &[]));
    assert!(fault.contains("newest.json is damaged"), "{fault}");
    fs::remove_file(operator.state().join("newest.json")).unwrap();
    // A snapshot whose files were changed behind the program's back is told, and applying mends it.
    let list = operator.done("list", &[]);
    let directory = Path::new(list["in_force"]["directory"].as_str().unwrap());
    fs::write(directory.join("anchors/more.der"), root(1, 3000)).unwrap();
    let damaged = operator.refused("list", &[]);
    assert!(
        damaged["damaged"].as_str().unwrap().contains("are other ones"),
        "{damaged}"
    );
    assert_eq!(operator.done("apply", &[])["action"], "confirm");
    assert_eq!(operator.done("list", &[])["damaged"], Value::Null);
    fs::rename(operator.trust(), folder.path().join("elsewhere")).unwrap();
    assert_eq!(operator.refused("apply", &[])["refused"], "unreadable");
}

#[test]
fn of_many_who_change_at_once_one_wins_and_the_others_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    operator.done("apply", &[]);
    for round in 0..5 {
        let before = operator.in_force();
        operator.put("anchors/more.der", &root(10 + round, 3000));
        let running: Vec<_> = (0..6)
            .map(|_| {
                let mut command = operator.command("apply", &["--expect", &before]);
                command
                    .stdout(std::process::Stdio::piped())
                    .stderr(std::process::Stdio::piped());
                command.spawn().unwrap()
            })
            .collect();
        let mut won = 0;
        for child in running {
            let output = child.wait_with_output().unwrap();
            let said: Value = serde_json::from_slice(&output.stdout).unwrap();
            match output.status.code() {
                Some(0) => won += 1,
                _ => assert!(
                    said["refused"] == "busy" || said["refused"] == "changed",
                    "{said}"
                ),
            }
        }
        assert_eq!(won, 1);
        assert_ne!(operator.in_force(), before);
    }
    let changes = TrustState::new(&operator.state()).last_changes().unwrap();
    assert_eq!(changes.len(), 6);
}

/// When to kill: at random, and later after each time that was too early, so that about half of them are, however busy
/// the machine is.
struct Moment {
    random: rand_chacha::ChaCha20Rng,
    within: Duration,
}

impl Moment {
    fn new(within: Duration) -> Self {
        Self {
            random: rand_chacha::ChaCha20Rng::seed_from_u64(u64::from(std::process::id())),
            within,
        }
    }

    fn next(&mut self) -> Duration {
        self.within
            .mul_f64(f64::from(self.random.next_u32()) / f64::from(u32::MAX))
    }

    fn aim(&mut self, was_early: bool) {
        self.within = self.within.mul_f64(if was_early { 1.25 } else { 0.8 });
    }
}

#[test]
fn killed_at_any_moment_one_whole_snapshot_is_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    let roots: Vec<Vec<u8>> = (0..40).map(|seed| root(100 + seed, 3000)).collect();
    // Two trust directories, applied in turn.
    let fill = |from: usize| {
        for place in 0..20 {
            operator.put(&format!("anchors/{place}.der"), &roots[from + place]);
        }
        operator.put("crls/own.crl", &operator.crl(5, 5));
    };
    fill(20);
    let second = operator.done("apply", &[])["after"].as_str().unwrap().to_owned();
    fill(0);
    let started = Instant::now();
    let first = operator.done("apply", &[])["after"].as_str().unwrap().to_owned();
    let whole = started.elapsed();

    let state = TrustState::new(&operator.state());
    let mut moment = Moment::new(whole);
    let (mut moved, mut stayed) = (0, 0);
    // Chance has it where the kills fall: it goes on until some fell on either side, so that something is shown.
    let enough = |moved: usize, stayed: usize| moved > kills() / 20 && stayed > kills() / 20;
    for kill in 0..10 * kills() {
        if kill >= kills() && enough(moved, stayed) {
            break;
        }
        let before = operator.in_force();
        // The snapshot that is not in force has to be written anew: it is no longer kept.
        let other = if before == first { &second } else { &first };
        let _ = fs::remove_dir_all(state.folder(other).unwrap());
        fill(if before == first { 20 } else { 0 });
        let mut command = operator.command("apply", &[]);
        command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(moment.next());
        child.kill().unwrap();
        child.wait().unwrap();
        // What the next start finds: all of one of the two.
        let found = operator.in_force();
        assert!(found == before || found == *other);
        let files = operator::undated(&state.files(&found).unwrap());
        assert_eq!(sha256_text(&TrustSnapshot::new(files).unwrap().hash()), found);
        state.newest().unwrap();
        // Starting the service is slow beside all this: now and then is enough.
        if kill % 10 == 0 {
            let config = Config {
                listen: SocketAddr::from(([127, 0, 0, 1], 0)),
                trust_state: Some(operator.state()),
                ..Config::default()
            };
            let service = Service::bind(config).expect("the next start finds what it needs");
            assert_eq!(service.trust_hash(), found);
        }
        moment.aim(found == before);
        if found == before {
            stayed += 1;
        } else {
            moved += 1;
        }
    }
    assert!(enough(moved, stayed), "{moved} moved, {stayed} stayed");

    // Every change stands in the log, each from where the one before had come to.
    drop(state.lock().unwrap());
    let mut changes = state.last_changes().unwrap();
    changes.reverse();
    assert_eq!(changes.len(), moved + 2);
    for (place, change) in changes.iter().enumerate() {
        assert_eq!(change.number, u64::try_from(place).unwrap() + 1);
        assert_eq!(change.action, TrustAction::Apply);
        let before = place.checked_sub(1).map(|before| changes[before].after.clone());
        assert_eq!(change.before, before);
    }
    let left = fs::read_dir(operator.state().join("snapshots")).unwrap();
    let unfinished = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with('.')
    });
    assert_eq!(
        unfinished.count(),
        0,
        "what was never finished is removed by the next change"
    );
}

#[test]
fn a_service_killed_while_it_applies_starts_with_one_whole_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::new(folder.path());
    operator.done("apply", &[]);
    fs::write(folder.path().join("admin"), "adm_0123456789abcdefghij").unwrap();
    let paths = [operator.trust(), operator.state(), folder.path().join("admin")];
    let [trust, directory, admin] = paths.each_ref().map(|path| path.to_str().unwrap());
    let arguments = [
        "--trust",
        trust,
        "--trust-state",
        directory,
        "--admin-key-file",
        admin,
    ];
    let headers = [("Authorization", "Bearer adm_0123456789abcdefghij")];
    let state = TrustState::new(&operator.state());
    let mut moment = Moment::new(Duration::ZERO);
    let (mut moved, mut stayed) = (0, 0);
    let rounds = kills().div_ceil(10);
    // Chance has it where the kills fall: it goes on until one fell on either side.
    for round in 0..=20 * rounds {
        if round > rounds && moved > 0 && stayed > 0 {
            break;
        }
        let before = operator.in_force();
        for place in 0..20 {
            let seed = 1000 + 20 * u64::try_from(round).unwrap() + place;
            operator.put(&format!("anchors/{place}.der"), &root(seed, 3000));
        }
        let other = operator.done("preview", &[])["after"].clone();
        let service = programs::Service::start(&arguments);
        let mut connection = Connection::open(service.address());
        let started = Instant::now();
        connection.request("POST", "/v1/trust/apply", &headers, b"");
        if round == 0 {
            // How long it takes when nobody ends it.
            assert_eq!(connection.response(false).status, 200);
            moment = Moment::new(started.elapsed());
        } else {
            std::thread::sleep(moment.next());
        }
        drop(service);
        let found = operator.in_force();
        assert!(found == before || found == other);
        let files = operator::undated(&state.files(&found).unwrap());
        assert_eq!(sha256_text(&TrustSnapshot::new(files).unwrap().hash()), found);
        if round > 0 {
            moment.aim(found == before);
            moved += usize::from(found != before);
            stayed += usize::from(found == before);
        }
    }
    assert!(moved > 0 && stayed > 0, "{moved} moved, {stayed} stayed");
    let service = programs::Service::start(&arguments);
    let ready = fetch(service.address(), "GET", "/health/ready", &[], b"").json();
    assert_eq!(ready["trust"]["snapshot"], operator.in_force());
}
