//! VICALs of a trust directory, up to the verdict: whom a list makes trusted, for what and how long,
//! and why others are not. Each list at fault stands beside the same list without the fault.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use holder::certificate::{CertificateSpec, extended_key_usage, name, oid};
use holder::issuer::DAY;
use holder::scenario::NOW;
use holder::vical::{VicalProvider, VicalSpec};
use holder::{Built, Scenario};
use mdoc::crypto::Curve;
use mdoc::session::SessionTranscript;
use mdoc::time::UnixTime;
use rand_core::SeedableRng as _;
use relying_party::{DeviceKeys, Evidence, TrustFile, TrustSnapshot, judge};
use serde_json::{Value, json};
use verifier_tests::{check, outcome, purpose_of, vectors};

const MDL: &str = "org.iso.18013.5.1.mDL";
const PHOTO_ID: &str = "org.iso.23220.photoID.1";

fn file(name: &str, bytes: &[u8]) -> TrustFile {
    TrustFile {
        name: name.to_owned(),
        bytes: bytes.to_vec(),
    }
}

fn snapshot(files: &[(&str, &[u8])]) -> TrustSnapshot {
    TrustSnapshot::new(files.iter().map(|(name, bytes)| file(name, bytes)).collect()).unwrap()
}

fn provider() -> VicalProvider {
    VicalProvider::new(900, NOW)
}

fn list(entries: &[(&[u8], &[&str])]) -> VicalSpec {
    let owned = |types: &[&str]| types.iter().map(|&doc_type| doc_type.to_owned()).collect();
    VicalSpec {
        provider: "TEST lists".to_owned(),
        issue_id: 7,
        date: NOW - DAY,
        next_update: None,
        not_after: None,
        entries: entries
            .iter()
            .map(|(der, types)| (der.to_vec(), owned(types)))
            .collect(),
    }
}

/// A root that stands for itself.
fn root(seed: u64) -> Vec<u8> {
    let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(seed);
    let key = holder::keys::SigningKey::generate(Curve::P256, &mut random);
    let name = name("JP", None, &format!("TEST root {seed}"));
    CertificateSpec::root(&key, name, vec![3], (NOW - DAY, NOW + DAY)).sign(&key)
}

fn verdict(built: &Built, scenario: &Scenario, trust: &TrustSnapshot, now: i64) -> Value {
    let transcript = SessionTranscript::from_bytes(&built.session_transcript).unwrap();
    let purpose = purpose_of(scenario);
    let judgement = judge(
        &built.response,
        &transcript,
        DeviceKeys::None,
        &purpose,
        trust,
        &Evidence::default(),
        UnixTime::from_seconds(now).unwrap(),
    );
    judgement.verdict.to_json()
}

fn mdl_under(trust: &TrustSnapshot, now: i64) -> Value {
    let scenario = Scenario::mdl();
    verdict(&scenario.build(), &scenario, trust, now)
}

fn mdl_root() -> Vec<u8> {
    Scenario::mdl().build().root
}

#[test]
fn a_list_makes_its_roots_trusted_for_the_types_it_names() {
    let (provider, root) = (provider(), mdl_root());
    let under = |types: &[&str]| {
        let signed = provider.sign(&list(&[(&root, types)]));
        let trust = snapshot(&[
            ("vicals/authority.der", &provider.authority),
            ("vicals/a.cbor", &signed),
        ]);
        assert_eq!((trust.anchor_count(), trust.skipped().len()), (1, 0));
        mdl_under(&trust, NOW)
    };
    let good = under(&[MDL]);
    assert_eq!(outcome(&good), "accepted");
    let chain = check(&good, "issuer.chain");
    assert_eq!(chain["result"], "passed");
    assert_eq!(chain["detail"]["trust_list"], "TEST lists");
    assert_eq!(chain["detail"].get("trust_list_stale_since"), None);
    let other = under(&[PHOTO_ID]);
    assert_eq!(outcome(&other), "issuer.chain");
    assert_eq!(
        check(&other, "issuer.chain")["detail"]["fault"],
        "no trust anchor on the chain vouches for this document type"
    );
}

#[test]
fn a_list_counts_from_its_date_to_its_end_and_says_that_it_is_stale() {
    let (provider, root) = (provider(), mdl_root());
    let mut spec = list(&[(&root, &[MDL])]);
    let trust = |spec: &VicalSpec| {
        let signed = provider.sign(spec);
        snapshot(&[
            ("vicals/authority.der", &provider.authority),
            ("vicals/a.cbor", &signed),
        ])
    };
    spec.not_after = Some(NOW);
    assert_eq!(outcome(&mdl_under(&trust(&spec), NOW)), "accepted");
    let ended = mdl_under(&trust(&spec), NOW + 1);
    assert_eq!(outcome(&ended), "issuer.chain");
    let detail = &check(&ended, "issuer.chain")["detail"];
    assert_eq!(
        detail,
        &json!({ "fault": "the trust list that the anchor comes from has ended", "not_after": "2026-11-23T06:00:00Z" })
    );
    assert_eq!(check(&ended, "issuer.certificate")["result"], "not_reached");
    spec.not_after = None;
    spec.date = NOW;
    assert_eq!(outcome(&mdl_under(&trust(&spec), NOW)), "accepted");
    spec.date = NOW + 1;
    let early = mdl_under(&trust(&spec), NOW);
    assert_eq!(outcome(&early), "issuer.chain");
    assert_eq!(
        check(&early, "issuer.chain")["detail"]["fault"],
        "the trust list that the anchor comes from is not in force yet"
    );
    spec.date = NOW - DAY;
    spec.next_update = Some(NOW - 1);
    let stale = mdl_under(&trust(&spec), NOW);
    assert_eq!(outcome(&stale), "accepted", "stale is reported and not refused");
    let detail = &check(&stale, "issuer.chain")["detail"];
    assert_eq!(detail["trust_list_stale_since"], "2026-11-23T05:59:59Z");
    spec.next_update = Some(NOW);
    let fresh = mdl_under(&trust(&spec), NOW);
    assert_eq!(
        check(&fresh, "issuer.chain")["detail"].get("trust_list_stale_since"),
        None
    );
}

/// What `vicals/a.cbor` is skipped for.
fn skipped(authority: &[u8], signed: &[u8]) -> Option<String> {
    let trust = snapshot(&[("vicals/authority.der", authority), ("vicals/a.cbor", signed)]);
    assert_eq!(trust.trust_lists().len() + trust.skipped().len(), 1);
    trust.skipped().first().map(|(file, reason)| {
        assert_eq!(file, "vicals/a.cbor");
        reason.clone()
    })
}

#[test]
fn a_list_at_fault_is_skipped_with_its_reason() {
    let (good, root) = (provider(), root(1));
    let spec = list(&[(&root, &[MDL])]);
    let signed = good.sign(&spec);
    assert_eq!(skipped(&good.authority, &signed), None);
    let stranger = VicalProvider::new(901, NOW);
    assert_eq!(
        skipped(&stranger.authority, &signed).unwrap(),
        "no authority of the name that the list's signer chains to"
    );
    let mut changed = signed.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert!(
        skipped(&good.authority, &changed)
            .unwrap()
            .starts_with("the list's signature does not hold")
    );
    assert!(skipped(&good.authority, b"x").unwrap().starts_with("not CBOR"));
    let reader = VicalProvider::with_signer(900, NOW, |spec| {
        spec.extension(oid::EXTENDED_KEY_USAGE).value = extended_key_usage(&["1.0.18013.5.1.6"]);
    });
    assert_eq!(
        skipped(&reader.authority, &reader.sign(&spec)).unwrap(),
        "the list's signer: the certificate of the vical_signer breaks the rule extended_key_usage"
    );
    let expired = VicalProvider::with_signer(900, NOW, |spec| spec.not_after = NOW - DAY - 1);
    assert_eq!(
        skipped(&expired.authority, &expired.sign(&spec)).unwrap(),
        "the list's signer: the certificate of the vical_signer expired at 2026-11-22T05:59:59Z"
    );
    // The others in the folder count all the same, and a fault of the operator's own file is an error.
    let trust = snapshot(&[
        ("vicals/a.cbor", &changed),
        ("vicals/authority.der", &good.authority),
        ("vicals/b.cbor", &signed),
    ]);
    assert_eq!((trust.anchor_count(), trust.skipped().len()), (1, 1));
    let error = TrustSnapshot::new(vec![file("vicals/authority.der", b"x")]).unwrap_err();
    assert_eq!(error.to_string(), "vicals/authority.der: not a DER certificate");
}

#[test]
fn a_list_of_a_revoked_signer_is_skipped() {
    let (provider, root) = (provider(), mdl_root());
    let spec = list(&[(&root, &[MDL])]);
    let signed = provider.sign(&spec);
    let files = |list: &[u8], crl: &[u8]| {
        vec![
            file("vicals/authority.der", &provider.authority),
            file("vicals/a.cbor", list),
            file("crls/authority.crl", crl),
        ]
    };
    let revoked = "the certificate of the list's signer is revoked";
    // The signer's serial number is 2. Another authority of the name has nothing to say of it.
    let stranger = VicalProvider::with_name(901, NOW, "TEST list authority 900");
    for (crl, reason) in [
        (provider.crl(&[&[3]], NOW), None),
        (stranger.crl(&[&[2]], NOW), None),
        (provider.crl(&[&[2]], NOW), Some(revoked)),
    ] {
        let trust = TrustSnapshot::new(files(&signed, &crl)).unwrap();
        let skipped = trust.skipped().first().map(|(_, reason)| reason.as_str());
        assert_eq!(skipped, reason);
        assert_eq!(trust.anchor_count(), usize::from(reason.is_none()));
        let expected = if reason.is_none() {
            "accepted"
        } else {
            "issuer.chain"
        };
        assert_eq!(outcome(&mdl_under(&trust, NOW)), expected);
    }
    // A copy of what is held counts no longer than its signer, though another signed the older list.
    let another = VicalProvider::with_signer(900, NOW, |spec| spec.serial = vec![9]);
    let older = another.sign(&VicalSpec {
        issue_id: 6,
        ..spec.clone()
    });
    let held = TrustSnapshot::new(files(&signed, &provider.crl(&[&[3]], NOW))).unwrap();
    let kept = held
        .successor(files(&older, &provider.crl(&[&[3]], NOW)))
        .unwrap();
    assert_eq!(kept.anchor_count(), 1);
    let taken_back = held
        .successor(files(&older, &provider.crl(&[&[2]], NOW)))
        .unwrap();
    assert_eq!(taken_back.anchor_count(), 0);
}

#[test]
fn skipped_entries_are_listed_beside_those_that_count() {
    let provider = provider();
    let (one, two) = (root(1), root(2));
    let mut forged = two.clone();
    *forged.last_mut().unwrap() ^= 1;
    let entries: [(&[u8], &[&str]); 4] = [
        (&one, &[MDL]),
        (&one[1..], &[MDL]),
        (&two, &[]),
        (&forged, &[MDL]),
    ];
    let signed = provider.sign(&list(&entries));
    let trust = snapshot(&[
        ("vicals/authority.pem", pem(&provider.authority).as_bytes()),
        ("vicals/a", &signed),
    ]);
    let reasons = [
        ("vicals/a entry 1", "not a DER certificate"),
        ("vicals/a entry 2", "no document type"),
        (
            "vicals/a entry 3",
            "the signature is neither its own nor that of another anchor of the same name",
        ),
    ];
    let listed: Vec<(&str, &str)> = trust
        .skipped()
        .iter()
        .map(|(f, r)| (f.as_str(), r.as_str()))
        .collect();
    assert_eq!(listed, reasons);
    let [held] = trust.trust_lists() else {
        panic!("one list");
    };
    assert_eq!((held.accepted, held.skipped), (1, 3));
    assert_eq!((held.provider(), held.issue_id()), ("TEST lists", Some(7)));
    assert_eq!(held.date().seconds(), NOW - DAY);
    assert_eq!(held.next_update(), None);
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

#[test]
fn a_sidecar_narrows_what_a_list_vouches_for() {
    let (provider, root) = (provider(), mdl_root());
    let signed = provider.sign(&list(&[(&root, &[MDL, PHOTO_ID]), (&self::root(1), &[PHOTO_ID])]));
    let with = |sidecar: &str| {
        snapshot(&[
            ("vicals/authority.crt", &provider.authority),
            ("vicals/a.cbor", &signed),
            ("vicals/a.toml", sidecar.as_bytes()),
        ])
    };
    let mdl = with("doc_types = [\"org.iso.18013.5.1.mDL\"]");
    assert_eq!(outcome(&mdl_under(&mdl, NOW)), "accepted");
    assert_eq!(mdl.anchor_count(), 1);
    assert_eq!(
        mdl.skipped(),
        [(
            "vicals/a.cbor entry 1".to_owned(),
            "none of its document types stands in the list's .toml".to_owned()
        )]
    );
    let photo = with("doc_types = [\"org.iso.23220.photoID.1\"]");
    assert_eq!(outcome(&mdl_under(&photo, NOW)), "issuer.chain");
    // A sidecar widens nothing.
    let wide = with("doc_types = [\"org.iso.18013.5.1.mDL\", \"another\"]");
    assert_eq!(wide.anchor_count(), 1);
    assert_eq!(with("").anchor_count(), 2);
}

#[test]
fn of_two_issues_the_older_is_skipped() {
    let (provider, root) = (provider(), root(1));
    let older = list(&[(&root, &[MDL])]);
    let newer = VicalSpec {
        issue_id: 8,
        ..older.clone()
    };
    let (older, newer) = (provider.sign(&older), provider.sign(&newer));
    for (first, second, skipped) in [(&older, &newer, "vicals/a"), (&newer, &older, "vicals/b")] {
        let trust = snapshot(&[
            ("vicals/authority.der", &provider.authority),
            ("vicals/a", first),
            ("vicals/b", second),
        ]);
        let reason = "issue 7 goes back behind issue 8, which is known";
        assert_eq!(trust.skipped(), [(skipped.to_owned(), reason.to_owned())]);
        assert_eq!(trust.trust_lists().len(), 1);
        assert_eq!(trust.trust_lists()[0].issue_id(), Some(8));
    }
    let twice = snapshot(&[
        ("vicals/authority.der", &provider.authority),
        ("vicals/a", &newer),
        ("vicals/b", &newer),
    ]);
    let reason = "the same issue stands in vicals/a";
    assert_eq!(twice.skipped(), [("vicals/b".to_owned(), reason.to_owned())]);
    assert_eq!(twice.anchor_count(), 1);
}

#[test]
fn a_successor_does_not_go_back_behind_what_is_held() {
    let (provider, root) = (provider(), mdl_root());
    let held = list(&[(&root, &[MDL]), (&root[1..], &[MDL])]);
    let signed = provider.sign(&held);
    let files = |list: &[u8]| {
        vec![
            file("vicals/authority.der", &provider.authority),
            file("vicals/a", list),
        ]
    };
    let first = TrustSnapshot::new(files(&signed)).unwrap();
    let same = first.successor(files(&signed)).unwrap();
    assert_eq!((same.hash(), same.skipped().len()), (first.hash(), 1));
    let newer = provider.sign(&VicalSpec {
        issue_id: 8,
        entries: Vec::new(),
        ..held.clone()
    });
    let next = first.successor(files(&newer)).unwrap();
    assert_eq!(
        (next.anchor_count(), next.trust_lists()[0].issue_id()),
        (0, Some(8))
    );

    let back = |spec: VicalSpec, reason: &str| {
        let older = provider.sign(&spec);
        let kept = first.successor(files(&older)).unwrap();
        let entry = ("vicals/a entry 1".to_owned(), "not a DER certificate".to_owned());
        assert_eq!(
            kept.skipped(),
            [("vicals/a".to_owned(), reason.to_owned()), entry]
        );
        let [list] = kept.trust_lists() else {
            panic!("the copy is held");
        };
        assert_eq!((list.issue_id(), list.accepted, list.skipped), (Some(7), 1, 1));
        assert_eq!(outcome(&mdl_under(&kept, NOW)), "accepted");
        assert_ne!(kept.hash(), TrustSnapshot::new(files(&older)).unwrap().hash());
        // And so on: the copy is what the next one may not go back behind.
        assert_eq!(kept.successor(files(&older)).unwrap().anchor_count(), 1);
        // A copy is gone with the list's file, and with its authority.
        assert_eq!(kept.successor(Vec::new()).unwrap().anchor_count(), 0);
        let orphan = kept.successor(vec![file("vicals/a", &older)]).unwrap();
        assert_eq!((orphan.anchor_count(), orphan.trust_lists().len()), (0, 0));
    };
    back(
        VicalSpec {
            issue_id: 6,
            ..held.clone()
        },
        "issue 6 goes back behind issue 7, which is known",
    );
    back(
        VicalSpec {
            issue_id: 9,
            date: held.date - 1,
            ..held.clone()
        },
        "the issue of 2026-11-22T05:59:59Z goes back behind that of 2026-11-22T06:00:00Z, which is known",
    );
}

#[test]
fn one_certificate_may_stand_in_many_places() {
    let (provider, root) = (provider(), mdl_root());
    let other = VicalProvider::new(902, NOW);
    let mut ended = list(&[(&root, &[MDL])]);
    ended.not_after = Some(NOW - 1);
    let open = VicalSpec {
        provider: "OTHER lists".to_owned(),
        ..list(&[(&root, &[MDL])])
    };
    let (ended, open) = (provider.sign(&ended), other.sign(&open));
    let alone = snapshot(&[("vicals/one.der", &provider.authority), ("vicals/a", &ended)]);
    assert_eq!(outcome(&mdl_under(&alone, NOW)), "issuer.chain");
    let both = snapshot(&[
        ("vicals/one.der", &provider.authority),
        ("vicals/two.der", &other.authority),
        ("vicals/a", &ended),
        ("vicals/b", &open),
    ]);
    assert_eq!(both.anchor_count(), 2);
    let verdict = mdl_under(&both, NOW);
    assert_eq!(outcome(&verdict), "accepted");
    assert_eq!(
        check(&verdict, "issuer.chain")["detail"]["trust_list"],
        "OTHER lists"
    );
    let own = snapshot(&[
        ("anchors/own.cer", &root),
        ("vicals/one.der", &provider.authority),
        ("vicals/a", &ended),
    ]);
    let verdict = mdl_under(&own, NOW);
    assert_eq!(outcome(&verdict), "accepted");
    assert_eq!(check(&verdict, "issuer.chain")["detail"].get("trust_list"), None);
}

#[test]
fn the_lists_of_the_field_load_as_they_are() {
    let Some(folder) = vectors() else {
        return;
    };
    let read = |name: &str| std::fs::read(folder.join("vical").join(name)).unwrap();
    let aamva = read("aamva-vical-2025-11-18-1763491092481.cbor");
    let austroads = read("austroads-vical-2024-12.cbor");
    let (root, issuing) = (read("aamva_ca_root.crt"), read("aamva_ca_intermediate.crt"));
    let other = read("austroads_root-certificate.pem");
    let trust = snapshot(&[
        ("vicals/aamva.cbor", &aamva),
        ("vicals/aamva_ca_root.crt", &root),
        ("vicals/aamva_ca_intermediate.crt", &issuing),
        ("vicals/austroads.cbor", &austroads),
        ("vicals/austroads.pem", &other),
    ]);
    let lists: Vec<_> = trust
        .trust_lists()
        .iter()
        .map(|list| (list.provider(), list.issue_id(), list.accepted, list.skipped))
        .collect();
    assert_eq!(
        lists,
        [("AAMVA", Some(227_602), 14, 0), ("Austroads", Some(27), 37, 3)]
    );
    assert_eq!(trust.anchor_count(), 51);
    let broken = |index: usize, rule: &str| {
        (
            format!("vicals/austroads.cbor entry {index}"),
            format!("the certificate breaks the rule {rule} of an IACA certificate"),
        )
    };
    assert_eq!(
        trust.skipped(),
        [
            broken(18, "key_usage"),
            broken(20, "malformed_extension"),
            broken(38, "basic_constraints"),
        ]
    );
    let swapped = snapshot(&[("vicals/aamva.cbor", &aamva), ("vicals/austroads.pem", &other)]);
    assert_eq!(swapped.anchor_count(), 0);
    assert_eq!(
        swapped.skipped(),
        [(
            "vicals/aamva.cbor".to_owned(),
            "no authority of the name that the list's signer chains to".to_owned()
        )]
    );
}

#[test]
fn an_operator_is_told_what_is_past_its_time() {
    let (provider, root) = (provider(), mdl_root());
    let mut spec = list(&[(&root, &[MDL])]);
    spec.next_update = Some(NOW + DAY);
    spec.not_after = Some(NOW + 3 * DAY);
    let signed = provider.sign(&spec);
    let options = Scenario::my_number().issuer;
    let issuer = holder::issuer::Issuer::new(&options, &holder::Hooks::default());
    let mut files = vec![
        file("vicals/authority.der", &provider.authority),
        file("vicals/a.cbor", &signed),
        file("vicals/b.cbor", b"no list"),
    ];
    let evidence = holder::evidence::files(&issuer, &options).into_iter();
    files.extend(evidence.map(|(name, bytes)| file(name, &bytes)));
    let trust = TrustSnapshot::new(files).unwrap();
    let remarks = |now: i64| trust.remarks(UnixTime::from_seconds(now).unwrap());
    let expired = "the list https://status.example/expired expired at 2026-11-23T05:00:01Z";
    let broken = &remarks(NOW)[0];
    assert!(broken.starts_with("vicals/b.cbor is left aside: "), "{broken}");
    assert_eq!(remarks(NOW)[1..], [expired]);
    assert_eq!(
        remarks(NOW + 2 * DAY)[1..],
        [
            "vicals/a.cbor: a newer list has been due since 2026-11-24T06:00:00Z",
            expired
        ]
    );
    assert_eq!(
        remarks(NOW + 4 * DAY)[1],
        "vicals/a.cbor: the trust list ended at 2026-11-26T06:00:00Z; nothing is accepted on it"
    );
    let late = remarks(NOW + 90 * DAY);
    assert!(
        late.contains(
            &"the CRL 0x01 of 2026-11-22T06:00:00Z is past its end, 2027-02-20T06:00:00Z".to_owned()
        ),
        "{late:?}"
    );
    let nothing = snapshot(&[]).remarks(UnixTime::from_seconds(NOW).unwrap());
    assert_eq!(
        nothing,
        ["the trust directory holds no anchor; nothing can be accepted"]
    );
}
