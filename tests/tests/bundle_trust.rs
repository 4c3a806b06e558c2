//! Being in a signed bundle makes no file more trusted: whatever a trust directory gives, a bundle of the same files
//! gives too.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use holder::certificate::name;
use holder::evidence::{CrlSpec, List, StatusAuthority, TokenSpec, status_reference};
use holder::hooks::Hooks;
use holder::issuer::{DAY, Issuer};
use holder::scenario::NOW;
use holder::vical::{VicalProvider, VicalSpec};
use holder::{Built, Scenario};
use mdoc::crypto::{Curve, SigningKey};
use mdoc::time::UnixTime;
use mdoc::x509::Certificate;
use relying_party::bundle::{BundleFacts, Entry, LoadedBundle, build};
use relying_party::{TrustFile, TrustSnapshot};
use serde_json::{Value, json};
use verifier_tests::{age_purpose, outcome, verdict_on};

const LIST: &str = "https://status.example/1";
const MNC: &str = "org.iso.23220.1.jp.mnc";

type Files = Vec<(&'static str, Vec<u8>)>;

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds).unwrap()
}

fn bundle(files: &Files) -> LoadedBundle {
    let facts = BundleFacts {
        number: 1,
        created: at(NOW - 60),
        expires: at(NOW + DAY),
    };
    let entry = |(name, content): &(&str, Vec<u8>)| Entry {
        name: (*name).to_owned(),
        fetched: at(NOW - 120),
        expires: None,
        content: content.clone(),
    };
    let key = SigningKey::from_bytes(Curve::P256, &[1; 32]).unwrap();
    build(&facts, files.iter().map(entry).collect(), &key).unwrap().1
}

fn directory(files: &Files) -> TrustSnapshot {
    let file = |(name, content): &(&str, Vec<u8>)| TrustFile {
        name: (*name).to_owned(),
        bytes: content.clone(),
    };
    TrustSnapshot::new(files.iter().map(file).collect()).unwrap()
}

/// The outcome by a bundle of these files, which is that by a directory of them, in every word.
#[track_caller]
fn judged(built: &Built, files: &Files) -> String {
    let purpose = age_purpose(&json!({ "crl": "if_available", "status": "if_present" }));
    let verdict =
        |trust: &TrustSnapshot| -> Value { verdict_on(built, &purpose, trust, trust.evidence(), NOW) };
    let (directory, bundle) = (directory(files), bundle(files));
    let by_bundle = verdict(bundle.trust());
    assert_eq!(by_bundle, verdict(&directory), "{files:?}");
    assert_eq!(bundle.trust().skipped(), directory.skipped());
    outcome(&by_bundle)
}

#[test]
fn an_anchor_counts_for_what_its_sidecar_says() {
    let built = Scenario::my_number().build();
    let anchor = ("anchors/a.der", built.root.clone());
    let with = |sidecar: &str| vec![anchor.clone(), ("anchors/a.toml", sidecar.as_bytes().to_vec())];
    assert_eq!(judged(&built, &vec![anchor.clone()]), "accepted");
    assert_eq!(
        judged(&built, &with(&format!("doc_types = [\"{MNC}\"]"))),
        "accepted"
    );
    assert_eq!(
        judged(&built, &with("doc_types = [\"org.iso.18013.5.1.mDL\"]")),
        "issuer.chain"
    );
    assert_eq!(judged(&built, &Vec::new()), "issuer.chain");
}

#[test]
fn a_crl_counts_under_its_issuers_key_alone() {
    let scenario = Scenario::my_number();
    let built = scenario.build();
    let issuer = Issuer::new(&scenario.issuer, &Hooks::default());
    let crl = |key| {
        let subject = name(scenario.issuer.country, scenario.issuer.state, "TEST IACA");
        let mut list = CrlSpec::new(subject, &issuer.root_key, 1, NOW);
        list.revoke(Certificate::from_der(&issuer.signer).unwrap().serial(), NOW - DAY);
        list.sign(key)
    };
    let with = |crl: Vec<u8>| vec![("anchors/a.der", built.root.clone()), ("crls/a.crl", crl)];
    assert_eq!(
        judged(&built, &with(crl(&issuer.root_key))),
        "issuer.certificate.revoked"
    );
    assert_eq!(
        judged(&built, &with(crl(&issuer.signer_key))),
        "accepted",
        "signed by somebody else"
    );
}

#[test]
fn a_status_list_counts_under_a_key_that_the_document_leads_to() {
    let scenario = Scenario::my_number().set(|s| s.terms.status = Some(status_reference(LIST, 1)));
    let list = |seed: u64, values: Vec<u8>| {
        let mut options = scenario.issuer.clone();
        options.seed += seed;
        let authority = StatusAuthority::new(&Issuer::new(&options, &Hooks::default()), &options, |_| {});
        let list = List::Statuses { bits: 1, values };
        TokenSpec::new(LIST, list, vec![authority.certificate.clone()], NOW).cwt(&authority.key)
    };
    let lists = [
        (list(0, vec![0, 0, 0, 0, 0, 0, 0, 0]), "accepted"),
        (list(0, vec![0, 1, 0, 0, 0, 0, 0, 0]), "status.revoked"),
        (list(1, vec![0, 0, 0, 0, 0, 0, 0, 0]), "status.token_invalid"),
    ];
    let built = scenario.build();
    for (token, expected) in lists {
        let files = vec![("anchors/a.der", built.root.clone()), ("status/a.cwt", token)];
        assert_eq!(judged(&built, &files), expected);
    }
    assert_eq!(
        judged(&built, &vec![("anchors/a.der", built.root.clone())]),
        "status.unavailable"
    );
}

#[test]
fn a_trust_list_counts_under_an_authority_for_the_types_it_names() {
    let built = Scenario::my_number().build();
    let provider = VicalProvider::new(900, NOW);
    let list = |doc_type: &str| {
        let spec = VicalSpec {
            provider: "TEST lists".to_owned(),
            issue_id: 7,
            date: NOW - DAY,
            next_update: None,
            not_after: None,
            entries: vec![(built.root.clone(), vec![doc_type.to_owned()])],
        };
        ("vicals/a.cbor", provider.sign(&spec))
    };
    let authority = || ("vicals/a.der", provider.authority.clone());
    assert_eq!(judged(&built, &vec![list(MNC), authority()]), "accepted");
    assert_eq!(
        judged(&built, &vec![list("org.iso.18013.5.1.mDL"), authority()]),
        "issuer.chain"
    );
    assert_eq!(
        judged(&built, &vec![list(MNC)]),
        "issuer.chain",
        "nobody vouches for its signer"
    );
    let other = ("vicals/a.der", VicalProvider::new(901, NOW).authority);
    assert_eq!(judged(&built, &vec![list(MNC), other]), "issuer.chain");
}

#[test]
fn the_profiles_of_a_bundle_are_judged_by() {
    let built = Scenario::my_number().build();
    let files = |change: &dyn Fn(&str) -> String| {
        let mut entries = vec![("anchors/a.der".to_owned(), built.root.clone())];
        for (name, text) in relying_party::profile::BUILT_IN {
            entries.push((format!("profiles/{name}.toml"), change(text).into_bytes()));
        }
        let entry = |(name, content)| Entry {
            name,
            fetched: at(NOW - 120),
            expires: None,
            content,
        };
        let facts = BundleFacts {
            number: 1,
            created: at(NOW - 60),
            expires: at(NOW + DAY),
        };
        let key = SigningKey::from_bytes(Curve::P256, &[1; 32]).unwrap();
        build(&facts, entries.into_iter().map(entry).collect(), &key)
            .unwrap()
            .1
    };
    let judged = |bundle: &LoadedBundle| {
        let (purpose, trust) = (age_purpose(&json!({})), bundle.trust());
        outcome(&verdict_on(&built, &purpose, trust, trust.evidence(), NOW))
    };
    assert_eq!(
        judged(&files(&|text| text.to_owned())),
        "accepted",
        "the untouched twin"
    );
    let strict = files(&|text| {
        let lines = text.lines().map(|line| {
            if line.starts_with("max_document_signer_days") {
                "max_document_signer_days = 1"
            } else {
                line
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    });
    assert_eq!(judged(&strict), "issuer.certificate.profile");
}
