//! `verifier-api bundle` and `GET /v1/bundle`: making bundles, and handing them out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mdoc::time::UnixTime;
use serde_json::{Value, json};
use verifier_tests::http::{Response, fetch};
use verifier_tests::programs::{BundleMaker, Service, program};

const PATH: &str = "/v1/bundle";

fn trust() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/status-good/trust")
}

fn get(service: &Service, headers: &[(&str, &str)]) -> Response {
    fetch(service.address(), "GET", PATH, headers, b"")
}

/// A maker, a bundle by it, and a service that hands it out.
fn serving(folder: &Path, more: &[&str]) -> (BundleMaker, Service) {
    let maker = BundleMaker::new(folder);
    maker.build("offline", &trust(), &[]);
    let service = Service::start(
        &[
            &["--bundle", &maker.path("offline"), "--bundle-key", &maker.key()],
            more,
        ]
        .concat(),
    );
    (maker, service)
}

#[track_caller]
fn assert_refused(output: &Output, status: i32, words: &str) {
    assert_eq!(
        (output.status.code(), output.stdout.len()),
        (Some(status), 0),
        "{output:?}"
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(words), "{said}");
}

#[test]
fn the_bundle_is_handed_out_with_its_tag() {
    let folder = tempfile::tempdir().unwrap();
    let (maker, service) = serving(folder.path(), &[]);
    let file = fs::read(maker.path("offline")).unwrap();
    let whole = get(&service, &[]);
    assert_eq!((whole.status, &whole.body), (200, &file));
    assert_eq!(
        whole.header("content-type"),
        Some("application/cose; cose-type=\"cose-sign1\"")
    );
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    assert_eq!(whole.header("cache-control"), Some("private, no-cache"));
    let tag = whole.header("etag").unwrap().to_owned();
    let inspected: Value =
        serde_json::from_slice(&maker.run(&["inspect", "--json", &maker.path("offline")]).stdout).unwrap();
    assert_eq!(
        inspected["sha256"],
        format!("sha256:{}", tag.trim_matches('"')),
        "the tag is the hash"
    );
    let head = fetch(service.address(), "HEAD", PATH, &[("Range", "bytes=0-1")], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("etag"), Some(tag.as_str()));
    assert_eq!(
        head.header("content-length"),
        Some(file.len().to_string().as_str())
    );
    for known in [
        tag.clone(),
        format!("W/{tag}"),
        "*".to_owned(),
        format!("\"other\", {tag}"),
    ] {
        for method in ["GET", "HEAD"] {
            let response = fetch(service.address(), method, PATH, &[("If-None-Match", &known)], b"");
            assert_eq!(
                (response.status, response.body.len()),
                (304, 0),
                "{method} {known}"
            );
            assert_eq!(response.header("etag"), Some(tag.as_str()));
        }
    }
    for unknown in ["\"other\"", "nonsense", ""] {
        assert_eq!(
            get(&service, &[("If-None-Match", unknown)]).status,
            200,
            "{unknown}"
        );
    }
}

#[test]
fn parts_are_handed_out() {
    let folder = tempfile::tempdir().unwrap();
    let (maker, service) = serving(folder.path(), &[]);
    let file = fs::read(maker.path("offline")).unwrap();
    let length = file.len();
    let tag = get(&service, &[]).header("etag").unwrap().to_owned();
    let part = |range: &str, expected: core::ops::Range<usize>| {
        let response = get(&service, &[("Range", range)]);
        assert_eq!(
            (response.status, &response.body[..]),
            (206, &file[expected.clone()]),
            "{range}"
        );
        let stated = format!("bytes {}-{}/{length}", expected.start, expected.end - 1);
        assert_eq!(response.header("content-range"), Some(stated.as_str()), "{range}");
        assert_eq!(response.header("etag"), Some(tag.as_str()));
    };
    part("bytes=0-0", 0..1);
    part("bytes=5-9", 5..10);
    part("bytes=100-", 100..length);
    part("bytes=-1", length - 1..length);
    part(&format!("bytes=10-{}", length * 2), 10..length);
    part(&format!("bytes=-{}", length * 2), 0..length);
    part(&format!("bytes={}-", length - 1), length - 1..length);
    for range in [
        format!("bytes={length}-"),
        format!("bytes={}-{}", length * 2, length * 3),
        "bytes=-0".to_owned(),
    ] {
        let response = get(&service, &[("Range", &range)]);
        assert_eq!(response.status, 416, "{range}");
        assert_eq!(
            response.header("content-range"),
            Some(format!("bytes */{length}").as_str())
        );
        let problem = response.json();
        assert_eq!(problem["type"], "urn:mdoc-verifier:problem:range-not-satisfiable");
        assert_eq!(problem["field"], "Range");
    }
    for range in [
        "bytes=0-1,4-5",
        "items=0-1",
        "bytes",
        "bytes=x-y",
        "bytes=1--2",
        "",
    ] {
        assert_eq!(
            get(&service, &[("Range", range)]).body,
            file,
            "{range} may be answered with all"
        );
    }
    // A part of the bundle that the caller has the other part of, or everything.
    let continued = |tag: &str| get(&service, &[("Range", "bytes=5-9"), ("If-Range", tag)]).status;
    assert_eq!(continued(&tag), 206);
    for other in [
        "\"other\"",
        &format!("W/{tag}"),
        "Thu, 26 Nov 2026 06:00:00 GMT",
        "x",
    ] {
        assert_eq!(continued(other), 200, "{other}");
    }
    let both = get(&service, &[("Range", "bytes=5-9"), ("If-None-Match", &tag)]);
    assert_eq!(both.status, 304, "who has it needs no part");
}

#[test]
fn a_new_file_is_handed_out_and_never_an_older_or_a_damaged_one() {
    let folder = tempfile::tempdir().unwrap();
    let (maker, service) = serving(folder.path(), &[]);
    let current = || get(&service, &[]).body;
    let first = fs::read(maker.path("offline")).unwrap();
    let made = maker.build("offline", &trust(), &[]);
    let second = fs::read(maker.path("offline")).unwrap();
    assert_eq!(current(), second);
    // Back to the first, by a copy that somebody kept.
    fs::write(maker.path("offline"), &first).unwrap();
    assert_eq!(current(), second);
    fs::write(maker.path("offline"), &second[..second.len() - 1]).unwrap();
    assert_eq!(current(), second);
    let other = tempfile::tempdir().unwrap();
    let stranger = BundleMaker::new(other.path());
    stranger.build(
        "offline",
        &trust(),
        &["--number", &(made["number"].as_u64().unwrap() + 2).to_string()],
    );
    fs::copy(stranger.path("offline"), maker.path("offline")).unwrap();
    assert_eq!(current(), second, "of another key");
    fs::remove_file(maker.path("offline")).unwrap();
    assert_eq!(current(), second, "and where it is gone");
    fs::write(maker.path("offline"), &second).unwrap();
    maker.build("offline", &trust(), &[]);
    let third = fs::read(maker.path("offline")).unwrap();
    assert!(third != second && current() == third, "the next one is taken");
    // After a restart the file is what counts, and it was never replaced by an older one.
    drop(service);
    let service = Service::start(&["--bundle", &maker.path("offline"), "--bundle-key", &maker.key()]);
    assert_eq!(get(&service, &[]).body, third);
}

#[test]
fn without_a_bundle_there_is_none_and_keys_count_here_too() {
    let plain = Service::start(&[]);
    let response = get(&plain, &[]);
    assert_eq!(
        (response.status, &response.json()["type"]),
        (404, &json!("urn:mdoc-verifier:problem:not-found"))
    );
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    fs::write(&keys, "a-key-that-is-long-enough-to-be-one\n").unwrap();
    let (_, service) = serving(folder.path(), &["--api-keys-file", keys.to_str().unwrap()]);
    assert_eq!(get(&service, &[]).status, 401);
    assert_eq!(get(&service, &[("Authorization", "Bearer another")]).status, 401);
    let bearer = [("Authorization", "Bearer a-key-that-is-long-enough-to-be-one")];
    assert_eq!(get(&service, &bearer).status, 200);
}

#[test]
fn a_service_does_not_start_with_a_bundle_that_no_counter_would_take() {
    let folder = tempfile::tempdir().unwrap();
    let maker = BundleMaker::new(folder.path());
    maker.build("offline", &trust(), &[]);
    let (bundle, key) = (maker.path("offline"), maker.key());
    let start = |arguments: &[&str]| {
        let mut command = Command::new(program("verifier-api"));
        command
            .args(["serve", "--check-config"])
            .args(arguments)
            .output()
            .unwrap()
    };
    let checked = start(&["--bundle", &bundle, "--bundle-key", &key]);
    assert_eq!(checked.status.code(), Some(0), "the untouched twin");
    let shown: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(
        (&shown["bundle"], &shown["from"]["bundle_key"]),
        (&json!(bundle), &json!("flag"))
    );
    assert_refused(&start(&["--bundle", &bundle]), 64, "only of use together");
    assert_refused(&start(&["--bundle-key", &key]), 64, "only of use together");
    assert_refused(
        &start(&["--bundle", &maker.path("none"), "--bundle-key", &key]),
        64,
        "cannot read",
    );
    assert_refused(
        &start(&["--bundle", &bundle, "--bundle-key", &bundle]),
        64,
        "not a public key",
    );
    let other = tempfile::tempdir().unwrap();
    let stranger = BundleMaker::new(other.path());
    assert_refused(
        &start(&["--bundle", &bundle, "--bundle-key", &stranger.key()]),
        64,
        "the signature does not hold",
    );
    maker.build(
        "old",
        &trust(),
        &["--at", "2026-01-01T00:00:00Z", "--lifetime", "1h"],
    );
    let old = start(&["--bundle", &maker.path("old"), "--bundle-key", &key]);
    assert_eq!(old.status.code(), Some(0));
    assert!(
        String::from_utf8_lossy(&old.stderr).contains("it counted until 2026-01-01T01:00:00Z"),
        "{old:?}"
    );
}

#[test]
fn bundles_are_made_one_after_the_other_with_growing_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let maker = BundleMaker::new(folder.path());
    let number = |more: &[&str]| maker.build("offline", &trust(), more)["number"].as_u64().unwrap();
    let first = number(&[]);
    let second = number(&[]);
    let earlier = UnixTime::from_seconds(i64::try_from(first).unwrap() - 3600).unwrap();
    let back = number(&["--at", &earlier.to_string()]);
    assert!(first < second, "{first} {second}");
    assert_eq!(back, second + 1, "over a clock that was set back");
    let build = |more: &[&str]| {
        let (key, out, trust) = (maker.path("bundle-key.pem"), maker.path("offline"), trust());
        let arguments = [
            "build",
            "--key",
            &key,
            "--out",
            &out,
            "--trust",
            trust.to_str().unwrap(),
        ];
        maker.run(&[&arguments, more].concat())
    };
    assert_refused(&build(&["--number", &back.to_string()]), 64, "not above");
    assert_refused(&build(&["--number", &u64::MAX.to_string()]), 64, "lies ahead");
    assert_refused(&build(&["--at", "2026-01-01T00:00:00Z"]), 64, "lies ahead");
    assert_refused(&build(&["--lifetime", "367d"]), 64, "cannot count until");
    assert_refused(&build(&["--lifetime", "soon"]), 64, "--lifetime");
    assert_refused(&build(&["--at", "today"]), 64, "--at");
    assert_refused(&build(&["--purposes", &maker.path("none")]), 64, "cannot read");
    let before = fs::read(maker.path("offline")).unwrap();
    fs::write(maker.path("offline"), b"somebody's only copy").unwrap();
    assert_refused(&build(&[]), 64, "move it away");
    assert_eq!(fs::read(maker.path("offline")).unwrap(), b"somebody's only copy");
    fs::write(maker.path("offline"), before).unwrap();
    assert_eq!(build(&[]).status.code(), Some(0), "the untouched twin");
}

#[test]
fn a_bundle_is_checked_and_shown_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let maker = BundleMaker::new(folder.path());
    let purposes = folder.path().join("purposes");
    fs::create_dir(&purposes).unwrap();
    let own = relying_party::purpose::READY_MADE[0]
        .1
        .replace("\"age-20\"", "\"own\"");
    fs::write(purposes.join("mine.toml"), own).unwrap();
    let at = ["--at", "2026-11-23T06:00:00Z"];
    let made = maker.build(
        "offline",
        &trust(),
        &[&at[..], &["--purposes", purposes.to_str().unwrap()]].concat(),
    );
    assert_eq!(
        (&made["anchors"], &made["lists"], &made["crls"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert!(made["purposes"].as_array().unwrap().contains(&json!("own")));
    assert_eq!(
        made["trust_hash"],
        relying_party::sha256_text(&operator::load_trust(&trust()).unwrap().hash())
    );
    let (offline, key) = (maker.path("offline"), maker.key());
    let verify = |more: &[&str]| maker.run(&[&["verify", &offline, "--key", &key], more].concat());
    let verified = verify(&at);
    assert_eq!(verified.status.code(), Some(0));
    assert_eq!(serde_json::from_slice::<Value>(&verified.stdout).unwrap(), made);
    assert_refused(
        &verify(&["--at", "2026-12-23T06:00:00Z"]),
        1,
        "it counted until 2026-11-30T06:00:00Z",
    );
    assert_refused(&verify(&["--at", "2026-11-22T06:00:00Z"]), 1, "which is not yet");
    let shown = maker.run(&[&["inspect", &offline], &at[..]].concat());
    let shown = String::from_utf8(shown.stdout).unwrap();
    for words in [
        "anchors/test-iaca.pem",
        "status/list.cwt",
        "purposes/mine.toml",
        "profiles/mdl.toml",
        "until 2026-11-24T06:00:00Z",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let json: Value = serde_json::from_slice(&maker.run(&["inspect", "--json", &offline]).stdout).unwrap();
    assert_eq!(json["verified"], false);
    let list = json["entries"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["name"] == "status/list.cwt");
    assert_eq!(list.unwrap()["expires"], "2026-11-24T06:00:00Z");
    fs::write(&offline, b"\xd2\x84").unwrap();
    assert_refused(&maker.run(&["inspect", &offline]), 1, "the input is too short");
    assert_refused(&verify(&[]), 1, "the input is too short");
    // A key is never written over, and its public half can be had again.
    let private = maker.path("bundle-key.pem");
    assert_refused(&maker.run(&["key", "--new", &private]), 64, "cannot write");
    let public = maker.run(&["key", &private]);
    assert_eq!(public.stdout, fs::read(&key).unwrap());
    assert_refused(&maker.run(&["key", &key]), 64, "not an unencrypted private key");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&private).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "nobody else reads the key");
    }
}
