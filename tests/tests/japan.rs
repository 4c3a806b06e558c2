//! What the profile of the My Number Card and a purpose ask beyond the standard: the next step after
//! the month, lists over https, keys of a minimum strength, and all of it on evidence.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use holder::certificate::{self, oid};
use holder::evidence::{self, lists};
use holder::hooks::Hooks;
use holder::issuer::{DAY, Issuer};
use holder::scenario::NOW;
use holder::{Built, Scenario, Stage};
use mdoc::crypto::Curve;
use mdoc::session::SessionTranscript;
use mdoc::time::UnixTime;
use relying_party::purpose::{Purpose, PurposeError};
use relying_party::{
    DeviceKeys, Evidence, TrustFile, TrustSnapshot, Wanted, judge, next_steps, verdict_text,
};
use serde_json::{Value, json};
use verifier_tests::{check, judged, outcome, purpose_of, trust, verdict_at, verdict_of, verdict_on};

// --- The next step ------------------------------------------------------------------------------------------

fn seconds(text: &str) -> i64 {
    UnixTime::parse(text).unwrap().seconds()
}

/// A record issued at this instant that claims two months.
fn issued(at: &str) -> Scenario {
    let signed = seconds(at);
    Scenario::my_number().set(|s| {
        (s.terms.signed, s.terms.valid_from, s.terms.valid_until) = (signed, signed, signed + 60 * DAY);
        s.issuer.now = signed + DAY;
    })
}

/// The document of the verdict has this reason, and the step exactly where it has to.
#[track_caller]
fn assert_step(verdict: &Value, reason: &str, told: bool) {
    assert_eq!(outcome(verdict), reason, "{verdict:#}");
    let step = verdict["documents"][0].get("next_step");
    assert_eq!(step.is_some(), told, "{verdict:#}");
    assert_eq!(next_steps(verdict).len(), if told { 2 } else { 0 });
    if let Some(step) = step {
        assert!(step["en"].as_str().unwrap().contains("online"));
        assert!(step["ja"].as_str().unwrap().contains("ウォレット"));
        assert_eq!(step.as_object().unwrap().len(), 2);
        let text = verdict_text(verdict);
        for language in ["en", "ja"] {
            assert!(
                text.contains(&format!("  next      {}\n", step[language].as_str().unwrap())),
                "{text}"
            );
        }
    }
}

#[test]
fn the_month_ends_to_the_second_and_then_comes_the_next_step() {
    let scenario = issued("2026-01-31T03:00:00Z");
    let (built, purpose) = (scenario.build(), purpose_of(&scenario));
    let end = seconds("2026-02-28T15:00:00Z");
    let last = verdict_at(&built, &purpose, end - 1);
    assert_step(&last, "accepted", false);
    assert_eq!(
        check(&last, "mso.validity")["reason"],
        "mso.validity_exceeds_profile"
    );
    for now in [end, end + 1] {
        let over = verdict_at(&built, &purpose, now);
        assert_step(&over, "mso.expired", true);
        assert_eq!(
            check(&over, "mso.validity")["detail"],
            json!({ "ceiling": "2026-02-28T15:00:00Z" })
        );
    }
    // 31 January begins at 15:00 UTC of the day before.
    for (signed, end) in [
        ("2026-01-30T15:00:00Z", "2026-02-28T15:00:00Z"),
        ("2026-01-27T14:59:59Z", "2026-02-26T15:00:00Z"),
        ("2026-01-27T15:00:00Z", "2026-02-27T15:00:00Z"),
    ] {
        let scenario = issued(signed);
        let (built, purpose, end) = (scenario.build(), purpose_of(&scenario), seconds(end));
        assert_step(&verdict_at(&built, &purpose, end - 1), "accepted", false);
        assert_step(&verdict_at(&built, &purpose, end), "mso.expired", true);
    }
}

#[test]
fn a_record_past_its_own_end_renews_itself_too() {
    let until = |at: i64| Scenario::my_number().set(|s| s.terms.valid_until = at);
    assert_step(&judged(&until(NOW)), "accepted", false);
    let expired = judged(&until(NOW - 1));
    assert_step(&expired, "mso.expired", true);
    assert!(
        check(&expired, "mso.validity")["detail"]
            .get("valid_until")
            .is_some()
    );
}

#[test]
fn no_step_where_renewal_would_not_help_or_is_not_known() {
    let expired = |scenario: Scenario| scenario.set(|s| s.terms.valid_until = NOW - 1);
    assert_step(&judged(&expired(Scenario::my_number())), "mso.expired", true);
    // Another document type.
    assert_step(&judged(&expired(Scenario::mdl())), "mso.expired", false);
    assert_step(&judged(&expired(Scenario::pid())), "mso.expired", false);
    // Something else is wrong, before the dates or instead of them.
    let forged = |scenario: Scenario| {
        scenario.with(Stage::IssuerSignature, |bytes| {
            bytes.as_bytes_mut().unwrap()[9] ^= 1
        })
    };
    assert_step(
        &judged(&forged(expired(Scenario::my_number()))),
        "issuer.signature",
        false,
    );
    let signer = expired(Scenario::my_number()).with_signer(|spec| spec.not_after = NOW - 1);
    assert_step(&judged(&signer), "issuer.certificate.expired", false);
    let tampered = expired(Scenario::my_number()).with(Stage::IssuerSignedItemBytes, |bytes| {
        let bytes = bytes.as_bytes_mut().unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
    });
    assert_step(&judged(&tampered), "digest.mismatch", false);
    let early = Scenario::my_number().set(|s| s.terms.valid_from = NOW + 1);
    assert_step(&judged(&early), "mso.not_yet_valid", false);
}

// --- Lists over https ---------------------------------------------------------------------------------------

fn wanted(scenario: &Scenario, purpose: &Purpose, trust: &TrustSnapshot) -> Vec<Wanted> {
    let built = scenario.build();
    let transcript = SessionTranscript::from_bytes(&built.session_transcript).unwrap();
    let now = UnixTime::from_seconds(NOW).unwrap();
    let evidence = Evidence::default();
    judge(
        &built.response,
        &transcript,
        DeviceKeys::None,
        purpose,
        trust,
        &evidence,
        now,
    )
    .wanted
}

#[test]
fn a_my_number_card_asks_for_its_list_over_https_only() {
    let at = |scenario: Scenario, uri: &'static str| {
        scenario.with_signer(move |spec| {
            spec.extension(oid::CRL_DISTRIBUTION_POINTS).value = certificate::crl_distribution_point(uri);
        })
    };
    let asked = |scenario: Scenario, uri| {
        let scenario = at(scenario, uri);
        let trust = trust(&[&scenario.build().root]);
        wanted(&scenario, &purpose_of(&scenario), &trust)
    };
    let crl = |uri: &str| vec![Wanted::Crl { uri: uri.to_owned() }];
    for uri in ["https://pki.example/a.crl", "HTTPS://pki.example/a.crl"] {
        assert_eq!(asked(Scenario::my_number(), uri), crl(uri));
        assert_eq!(asked(Scenario::mdl(), uri), crl(uri));
    }
    for uri in [
        "http://pki.example/a.crl",
        "HTTP://pki.example/a.crl",
        "ldap://pki.example/a",
    ] {
        assert_eq!(asked(Scenario::my_number(), uri), [], "{uri}");
        assert_eq!(asked(Scenario::mdl(), uri), crl(uri), "the twin of another type");
    }
    // Of two addresses the one that may be used.
    let both = Scenario::my_number().with_signer(|spec| {
        let point = |uri| certificate::crl_distribution_point(uri)[2..].to_vec();
        let points = [
            point("http://pki.example/a.crl"),
            point("https://pki.example/a.crl"),
        ]
        .concat();
        spec.extension(oid::CRL_DISTRIBUTION_POINTS).value = certificate::der(0x30, &points);
    });
    let trust = trust(&[&both.build().root]);
    assert_eq!(
        wanted(&both, &purpose_of(&both), &trust),
        crl("https://pki.example/a.crl")
    );
}

#[test]
fn a_list_that_may_not_be_fetched_is_not_at_hand() {
    let required = |scenario: &Scenario| {
        let document = &scenario.request[0];
        Purpose::from_json(json!({ "id": "p", "title": { "en": "P" }, "revocation": { "crl": "required" },
            "document": [{ "doc_type": document.doc_type, "request": { "org.iso.23220.1": { "age_over_20": false } } }] }))
        .unwrap()
    };
    let plain = Scenario::my_number().with_signer(|spec| {
        spec.extension(oid::CRL_DISTRIBUTION_POINTS).value =
            certificate::crl_distribution_point("http://pki.example/a.crl");
    });
    let verdict = verdict_of(&plain.build(), &required(&plain));
    assert_eq!(
        (&verdict["verdict"], outcome(&verdict).as_str()),
        (
            &json!("undetermined"),
            "issuer.certificate.revocation_unavailable"
        )
    );
    assert_eq!(
        judged(&plain)["verdict"],
        "accepted",
        "the twin whose purpose does without"
    );
}

// --- Keys of a minimum strength -----------------------------------------------------------------------------

fn at_least(bits: Option<u16>) -> Purpose {
    let mut purpose = json!({ "id": "p", "title": { "en": "P" }, "document": [{
        "doc_type": "org.iso.23220.1.jp.mnc", "request": { "org.iso.23220.1": { "age_over_20": false } } }] });
    if let Some(bits) = bits {
        purpose["minimum_curve_bits"] = json!(bits);
    }
    Purpose::from_json(purpose).unwrap()
}

fn signed_with(root: Curve, signer: Curve) -> Built {
    Scenario::my_number()
        .set(|s| (s.issuer.root_curve, s.issuer.signer_curve) = (root, signer))
        .build()
}

/// Refused for this key, and accepted where less is asked.
#[track_caller]
fn assert_too_weak(built: &Built, bits: u16, role: &str, curve: &str) {
    assert_eq!(
        outcome(&verdict_of(built, &at_least(None))),
        "accepted",
        "the untouched twin"
    );
    let verdict = verdict_of(built, &at_least(Some(bits)));
    assert_eq!(
        (&verdict["verdict"], outcome(&verdict).as_str()),
        (&json!("rejected"), "issuer.algorithm"),
        "{verdict:#}"
    );
    assert_eq!(
        *check(&verdict, "issuer.certificate"),
        json!({ "check": "issuer.certificate", "result": "failed", "reason": "issuer.algorithm", "detail": {
            "fault": "a key is weaker than the purpose asks", "certificate": role, "curve": curve, "required_bits": bits } })
    );
    assert_eq!(check(&verdict, "issuer.chain")["result"], "passed");
    assert_eq!(
        check(&verdict, "issuer.signature")["result"],
        "passed",
        "it is a signature all the same"
    );
    assert!(verdict["documents"][0].get("elements").is_none());
}

#[test]
fn the_weakest_key_of_the_path_counts() {
    let (p256, p384, p521) = (Curve::P256, Curve::P384, Curve::P521);
    // As in production: a root on P-384 over a signer on P-256.
    assert_too_weak(&signed_with(p384, p256), 384, "document_signer", "P-256");
    assert_too_weak(&signed_with(p384, p256), 320, "document_signer", "P-256");
    assert_too_weak(&signed_with(p256, p384), 384, "anchor", "P-256");
    assert_too_weak(&signed_with(p256, p256), 521, "document_signer", "P-256");
    assert_too_weak(&signed_with(p521, p384), 512, "document_signer", "P-384");
    assert_too_weak(&signed_with(p384, p521), 521, "anchor", "P-384");
    let (b256, b384) = (Curve::BrainpoolP256r1, Curve::BrainpoolP384r1);
    assert_too_weak(
        &signed_with(b384, b256),
        384,
        "document_signer",
        "brainpoolP256r1",
    );
    assert_too_weak(
        &signed_with(b384, b384),
        512,
        "document_signer",
        "brainpoolP384r1",
    );
    for (root, signer, bits) in [
        (p384, p256, 256),
        (p384, p384, 384),
        (p521, p384, 384),
        (p521, p521, 512),
        (p521, p521, 521),
        (b256, b256, 256),
        (b384, b256, 256),
        (b384, b384, 384),
        (b384, p384, 384),
    ] {
        let verdict = verdict_of(&signed_with(root, signer), &at_least(Some(bits)));
        assert_eq!(outcome(&verdict), "accepted", "{root:?} {signer:?} {bits}");
    }
}

#[test]
fn every_curve_of_the_profile_passes_where_nothing_more_is_asked() {
    for curve in [
        Curve::P256,
        Curve::P384,
        Curve::P521,
        Curve::BrainpoolP256r1,
        Curve::BrainpoolP384r1,
    ] {
        assert_eq!(
            outcome(&verdict_of(&signed_with(curve, curve), &at_least(None))),
            "accepted",
            "{curve:?}"
        );
    }
    // Where the profile takes Ed25519, its group falls short of 256 bits.
    let licence = |bits: Option<u16>| {
        let mut purpose = json!({ "id": "p", "title": { "en": "P" }, "document": [{
            "doc_type": "org.iso.18013.5.1.mDL", "request": { "org.iso.18013.5.1": { "age_over_20": false } } }] });
        purpose["minimum_curve_bits"] = json!(bits);
        let built = Scenario::mdl()
            .set(|s| s.issuer.signer_curve = Curve::Ed25519)
            .build();
        verdict_of(&built, &Purpose::from_json(purpose).unwrap())
    };
    assert_eq!(outcome(&licence(None)), "accepted");
    let verdict = licence(Some(256));
    assert_eq!(outcome(&verdict), "issuer.algorithm");
    assert_eq!(
        check(&verdict, "issuer.certificate")["detail"]["curve"],
        "Ed25519"
    );
}

#[test]
fn one_purpose_does_not_speak_for_another_through_the_cache() {
    let built = signed_with(Curve::P384, Curve::P256);
    let trust = trust(&[&built.root]);
    let transcript = SessionTranscript::from_bytes(&built.session_transcript).unwrap();
    let now = UnixTime::from_seconds(NOW).unwrap();
    let reason = |bits| {
        let evidence = Evidence::default();
        let purpose = at_least(bits);
        let judgement = judge(
            &built.response,
            &transcript,
            DeviceKeys::None,
            &purpose,
            &trust,
            &evidence,
            now,
        );
        (outcome(&judgement.verdict.to_json()), judgement.wanted.len())
    };
    for _ in 0..2 {
        assert_eq!(reason(None), ("accepted".to_owned(), 1));
        assert_eq!(
            reason(Some(384)),
            ("issuer.algorithm".to_owned(), 0),
            "and asks for nothing"
        );
        assert_eq!(reason(Some(256)), ("accepted".to_owned(), 1));
    }
}

#[test]
fn the_earlier_fault_of_a_certificate_is_the_reason() {
    let weak = || Scenario::my_number().set(|s| s.issuer.root_curve = Curve::P384);
    let verdict = |scenario: Scenario| outcome(&verdict_of(&scenario.build(), &at_least(Some(384))));
    assert_eq!(verdict(weak()), "issuer.algorithm");
    let expired = weak().with_signer(|spec| spec.not_after = NOW - 1);
    assert_eq!(verdict(expired), "issuer.certificate.expired");
    // And what comes after the certificates is not.
    let late = weak().set(|s| s.terms.valid_until = NOW - 1);
    assert_eq!(verdict(late), "issuer.algorithm");
}

#[test]
fn a_strength_that_no_curve_has_is_refused_with_the_purpose() {
    let with = |bits: Value| {
        Purpose::from_json(
            json!({ "id": "p", "title": { "en": "P" }, "minimum_curve_bits": bits,
            "document": [{ "doc_type": "d", "request": { "n": { "e": false } } }] }),
        )
    };
    for bits in [
        json!(0),
        json!(224),
        json!(255),
        json!(257),
        json!(522),
        json!(-256),
        json!("256"),
        json!(65792),
    ] {
        assert!(matches!(with(bits.clone()), Err(PurposeError::Json(_))), "{bits}");
    }
    for bits in [256, 320, 384, 512, 521] {
        assert_eq!(with(json!(bits)).unwrap().minimum_curve_bits(), Some(bits));
    }
    assert_eq!(with(Value::Null).unwrap().minimum_curve_bits(), None);
}

// --- The whole profile on evidence ---------------------------------------------------------------------------

/// Everything required, nothing older than a day, on the CRL and the lists of a test issuer.
fn on_evidence(root: Curve, signer: Curve, status: ciborium::Value) -> Value {
    let scenario = Scenario::my_number().set(|s| {
        (s.issuer.root_curve, s.issuer.signer_curve) = (root, signer);
        s.terms.status = Some(status);
    });
    let issuer = Issuer::new(&scenario.issuer, &Hooks::default());
    let mut files: Vec<TrustFile> = evidence::files(&issuer, &scenario.issuer)
        .into_iter()
        .map(|(name, bytes)| TrustFile {
            name: name.to_owned(),
            bytes,
        })
        .collect();
    files.push(TrustFile {
        name: "anchors/test.der".to_owned(),
        bytes: issuer.root.clone(),
    });
    let trust = TrustSnapshot::new(files).unwrap();
    assert_eq!(trust.skipped(), []);
    let purpose = Purpose::from_json(json!({ "id": "p", "title": { "en": "P" },
        "document": [{ "doc_type": "org.iso.23220.1.jp.mnc", "request": { "org.iso.23220.1": { "age_over_20": false } } }],
        "answer": [{ "name": "over_20", "rule": "age_over", "threshold": 20 }],
        "minimum_curve_bits": 256,
        "revocation": { "status": "required", "crl": "required", "max_age": "24h" } }));
    let built = scenario.build();
    verdict_on(&built, &purpose.unwrap(), &trust, trust.evidence(), NOW)
}

#[test]
fn a_root_on_any_allowed_curve_carries_the_whole_profile() {
    for (root, signer) in [
        (Curve::P384, Curve::P256),
        (Curve::P256, Curve::P256),
        (Curve::P384, Curve::P384),
        (Curve::P521, Curve::P384),
        (Curve::P521, Curve::P521),
        (Curve::BrainpoolP256r1, Curve::P256),
        (Curve::BrainpoolP384r1, Curve::BrainpoolP256r1),
    ] {
        let good = on_evidence(root, signer, evidence::status_reference(lists::STATUSES, 4));
        assert_eq!(outcome(&good), "accepted", "{root:?} {signer:?}: {good:#}");
        assert_eq!(check(&good, "issuer.crl")["as_of"], "2026-11-22T06:00:00Z");
        assert_eq!(check(&good, "status")["as_of"], "2026-11-23T05:00:00Z");
        let revoked = on_evidence(root, signer, evidence::status_reference(lists::STATUSES, 3));
        assert_eq!(outcome(&revoked), "status.revoked", "{root:?} {signer:?}");
    }
}

#[test]
fn each_list_of_the_test_issuer_says_what_it_is_there_for() {
    let on = |status| outcome(&on_evidence(Curve::P384, Curve::P256, status));
    assert_eq!(
        on(evidence::identifier_reference(lists::IDENTIFIERS, b"another")),
        "accepted"
    );
    assert_eq!(
        on(evidence::identifier_reference(lists::IDENTIFIERS, lists::LISTED)),
        "status.revoked"
    );
    assert_eq!(on(evidence::status_reference(lists::EXPIRED, 1)), "status.stale");
    // Two bits are not of the profile, whatever the entry says.
    assert_eq!(
        on(evidence::status_reference(lists::SUSPENSIONS, 4)),
        "status.token_invalid"
    );
    assert_eq!(
        on(evidence::status_reference("https://status.example/none", 4)),
        "status.unavailable"
    );
}
