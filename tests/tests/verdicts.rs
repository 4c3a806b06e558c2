//! What a verdict says beside its reason: answers for each audience, documents and their order,
//! evidence that is wanted, editions, hashes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ciborium::Value as Cbor;
use holder::credential::Credential;
use holder::hooks::{insert, member};
use holder::{Built, Scenario, Stage};
use mdoc::crypto::PrivateKey;
use mdoc::session::SessionTranscript;
use mdoc::time::UnixTime;
use relying_party::purpose::{Audience, Purpose};
use relying_party::{
    Decision, DeviceKeys, Evidence, TrustFile, TrustSnapshot, Verdict, Wanted, judge, sha256_text,
    verdict_text,
};
use serde_json::{Value, json};
use verifier_tests::{check, judged, outcome, purpose_of, trust, verdict_of};

const MNC: &str = "org.iso.23220.1.jp.mnc";

fn age_purpose(more: &Value) -> Purpose {
    let mut purpose = json!({ "id": "p", "title": { "en": "P" },
        "document": [{ "doc_type": MNC, "request": {
            "org.iso.23220.1": { "age_over_20": false }, "org.iso.23220.1.jp": { "portrait": false } } }],
        "answer": [
            { "name": "over_20", "rule": "age_over", "threshold": 20 },
            { "name": "portrait", "rule": "element", "element": ["org.iso.23220.1.jp", "portrait"], "audience": "counter", "optional": true }] });
    for (key, value) in more.as_object().unwrap() {
        purpose[key] = value.clone();
    }
    Purpose::from_json(purpose).unwrap()
}

fn with_verdict<T>(built: &Built, purpose: &Purpose, read: impl FnOnce(&Verdict<'_>, &[Wanted]) -> T) -> T {
    let transcript = SessionTranscript::from_bytes(&built.session_transcript).unwrap();
    let key = PrivateKey::from_bytes(built.reader_key.curve(), &built.reader_key.private_bytes()).unwrap();
    let now = UnixTime::from_seconds(built.now).unwrap();
    let trust = trust(&[&built.root]);
    let judgement = judge(
        &built.response,
        &transcript,
        DeviceKeys::Reader(&key),
        purpose,
        &trust,
        &Evidence::default(),
        now,
    );
    read(&judgement.verdict, &judgement.wanted)
}

fn with_portrait() -> Scenario {
    Scenario::new(
        Credential::my_number(Some(3000)),
        &[
            ("org.iso.23220.1", &["age_over_20"]),
            ("org.iso.23220.1.jp", &["portrait"]),
        ],
    )
}

#[test]
fn each_audience_gets_its_answers_and_no_others() {
    let built = with_portrait().build();
    with_verdict(&built, &age_purpose(&json!({})), |verdict, _| {
        assert_eq!(verdict.decision, Decision::Accepted);
        let [answer] = verdict.answers(Audience::Backend).collect::<Vec<_>>()[..] else {
            panic!("one answer for the back end");
        };
        assert_eq!(
            (answer.name, answer.as_bool(), answer.as_bytes()),
            ("over_20", Some(true), None)
        );
        assert_eq!(answer.to_json(), json!(true));
        let [portrait] = verdict.answers(Audience::Counter).collect::<Vec<_>>()[..] else {
            panic!("one answer for the counter");
        };
        assert_eq!((portrait.name, portrait.as_bool()), ("portrait", None));
        let bytes = portrait.as_bytes().unwrap();
        assert!(
            bytes.starts_with(&[0xff, 0xd8, 0xff]) && bytes.len() > 2000,
            "a JPEG"
        );
        assert_eq!(
            format!("{portrait:?} {answer:?}"),
            "Answer { name: \"portrait\", audience: Counter } Answer { name: \"over_20\", audience: Backend }"
        );
        assert_eq!(verdict.to_json()["answers"], json!({ "over_20": true }));
    });
    // The same bytes in another session.
    let mut other = with_portrait().build();
    other.session_transcript = vec![0x83, 0xf6, 0xf6, 0xf6];
    with_verdict(&other, &age_purpose(&json!({})), |verdict, _| {
        assert_eq!(verdict.decision, Decision::Rejected);
        assert_eq!(verdict.answers(Audience::Backend).count(), 0);
        assert_eq!(verdict.answers(Audience::Counter).count(), 0);
    });
}

#[test]
fn an_answer_that_may_be_missing_is_absent_and_one_that_may_not_is_missed() {
    let built = Scenario::my_number().build();
    let verdict = verdict_of(&built, &age_purpose(&json!({})));
    assert_eq!(
        (outcome(&verdict).as_str(), &verdict["answers"]),
        ("accepted", &json!({ "over_20": true }))
    );
    let needed = json!({ "answer": [
        { "name": "over_20", "rule": "age_over", "threshold": 20 },
        { "name": "portrait", "rule": "element", "element": ["org.iso.23220.1.jp", "portrait"] }] });
    let verdict = verdict_of(&built, &age_purpose(&needed));
    assert_eq!(
        (&verdict["verdict"], &verdict["reason"]),
        (&json!("undetermined"), &json!("element.missing"))
    );
    assert_eq!(
        check(&verdict, "purpose")["detail"],
        json!({ "answer": "portrait" })
    );
}

#[test]
fn a_comparison_is_true_or_false() {
    let compared = |value: bool| {
        let answer = json!({ "answer": [{ "name": "is", "rule": "equals", "value": value,
            "element": ["org.iso.23220.1", "age_over_20"] }, { "name": "p", "rule": "element", "optional": true,
            "element": ["org.iso.23220.1.jp", "portrait"] }] });
        verdict_of(&Scenario::my_number().build(), &age_purpose(&answer))["answers"].clone()
    };
    assert_eq!(compared(true), json!({ "is": true }));
    assert_eq!(compared(false), json!({ "is": false }));
}

#[test]
fn the_report_names_edition_hashes_and_what_was_withheld() {
    let twin = judged(&Scenario::my_number());
    let document = &twin["documents"][0];
    assert_eq!(
        (&document["edition"], &document["withheld"]),
        (&json!("2021"), &json!([]))
    );
    assert!(twin.get("unsupported").is_none());
    let names: Vec<&Value> = twin["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| &check["check"])
        .collect();
    assert_eq!(names, ["response.decode", "response.status", "purpose"]);
    assert_eq!(check(&twin, "issuer.crl")["result"], "warned");

    let newer = Scenario::my_number().with(Stage::Response, |map| *member(map, "version") = "1.1".into());
    assert_eq!(judged(&newer)["documents"][0]["edition"], "second");
    let with_zk = Scenario::my_number().with(Stage::Response, |map| {
        insert(map, "zkDocuments", Cbor::Array(vec![Cbor::Map(Vec::new())]));
    });
    let verdict = judged(&with_zk);
    assert_eq!(outcome(&verdict), "accepted");
    assert_eq!(verdict["documents"][0]["edition"], "second");
    assert_eq!(
        verdict["unsupported"],
        json!({ "zk_documents": 1, "encrypted_documents": 0, "other_documents": 0 })
    );

    let built = with_portrait().build();
    let narrow = purpose_of(&Scenario::my_number());
    let verdict = verdict_of(&built, &narrow);
    assert_eq!(
        verdict["documents"][0]["withheld"],
        json!([["org.iso.23220.1.jp", "portrait"]])
    );
    assert_eq!(verdict["purpose_hash"], sha256_text(&narrow.hash()));
    let anchors = trust(&[&built.root]);
    assert_eq!(verdict["trust_hash"], sha256_text(&anchors.hash()));
    assert_eq!(anchors.anchor_count(), 1);
    let root = mdoc::x509::Certificate::from_der(&built.root).unwrap().sha256();
    assert_eq!(
        check(&verdict, "issuer.chain")["detail"]["anchor"],
        sha256_text(&root)
    );
    assert_eq!(sha256_text(&[0xab; 32]), format!("sha256:{}", "ab".repeat(32)));

    let refused = Scenario::my_number().with(Stage::Response, |map| *member(map, "status") = 10.into());
    assert_eq!(judged(&refused)["checks"][1]["detail"], json!({ "status": 10 }));
}

#[test]
fn the_report_for_people_marks_each_check() {
    let text = verdict_text(&judged(&Scenario::my_number()));
    assert!(text.contains("  ok        issuer.chain"), "{text}");
    assert!(
        text.contains("  warning   issuer.crl: issuer.certificate.revocation_unavailable"),
        "{text}"
    );
    let tampered = Scenario::my_number().with(Stage::IssuerSignature, |signature| {
        signature.as_bytes_mut().unwrap()[10] ^= 1;
    });
    let text = verdict_text(&judged(&tampered));
    assert!(
        text.contains("  FAILED    issuer.signature: issuer.signature"),
        "{text}"
    );
    assert!(
        text.contains("  -         digests (not reached after issuer.signature)"),
        "{text}"
    );
}

#[test]
fn documents_of_one_type_are_matched_by_their_elements_in_any_order() {
    let space = "org.iso.18013.5.1";
    let mut two = Scenario::new(Credential::mdl(None), &[(space, &["age_over_20"])]);
    two.credentials.push(Credential::mdl(None));
    let names = Scenario::new(Credential::mdl(None), &[(space, &["family_name", "given_name"])]);
    two.request.extend(names.request);
    let in_order = purpose_of(&two);
    two.request.reverse();
    let reversed = purpose_of(&two);
    for request in [false, true] {
        if request {
            two.request.reverse();
        }
        let built = two.build();
        for purpose in [&in_order, &reversed] {
            let verdict = verdict_of(&built, purpose);
            assert_eq!(outcome(&verdict), "accepted", "{verdict:#}");
            for document in verdict["documents"].as_array().unwrap() {
                assert_eq!(document["withheld"], json!([]));
            }
        }
    }
}

#[test]
fn a_rejected_document_outweighs_a_missing_one() {
    let mut both = Scenario::my_number();
    both.request.extend(Scenario::mdl().request);
    let purpose = purpose_of(&both);
    let missing = verdict_of(&Scenario::my_number().build(), &purpose);
    assert_eq!(
        (&missing["verdict"], &missing["reason"]),
        (&json!("undetermined"), &json!("document.missing"))
    );
    assert_eq!(
        missing["checks"][2]["detail"],
        json!({ "doc_type": "org.iso.18013.5.1.mDL" })
    );
    let forged = Scenario::my_number().with(Stage::IssuerSignature, |signature| {
        signature.as_bytes_mut().unwrap()[10] ^= 1;
    });
    let verdict = verdict_of(&forged.build(), &purpose);
    assert_eq!(
        (&verdict["verdict"], &verdict["reason"]),
        (&json!("rejected"), &json!("issuer.signature"))
    );
}

#[test]
fn where_any_document_would_do_a_stranger_is_none_of_them() {
    let purpose = age_purpose(&json!({ "documents": "any" }));
    let verdict = verdict_of(&Scenario::mdl().build(), &purpose);
    assert_eq!(
        (&verdict["verdict"], &verdict["reason"]),
        (&json!("undetermined"), &json!("document.missing"))
    );
    assert_eq!(verdict["checks"][2]["reason"], "document.missing");
    assert_eq!(
        outcome(&verdict_of(&Scenario::my_number().build(), &purpose)),
        "accepted"
    );
}

fn status_reference() -> Cbor {
    let list = vec![
        ("idx".into(), 7.into()),
        ("uri".into(), "https://status.example/1".into()),
    ];
    Cbor::Map(vec![("status_list".into(), Cbor::Map(list))])
}

#[test]
fn evidence_is_wanted_only_where_policy_asks_and_it_could_help() {
    let wanted = |scenario: &Scenario, revocation: Value| {
        let purpose = age_purpose(&json!({ "revocation": revocation }));
        with_verdict(&scenario.build(), &purpose, |_, wanted| wanted.to_vec())
    };
    let with_status = || Scenario::my_number().set(|s| s.terms.status = Some(status_reference()));
    let crl = Wanted::Crl {
        uri: "https://pki.example/test.crl".to_owned(),
    };
    let status = Wanted::Status {
        uri: "https://status.example/1".to_owned(),
    };
    let defaults = json!({});
    assert_eq!(
        wanted(&Scenario::my_number(), defaults.clone()),
        std::slice::from_ref(&crl)
    );
    assert_eq!(
        wanted(&with_status(), defaults.clone()),
        [crl.clone(), status.clone()]
    );
    assert_eq!(wanted(&with_status(), json!({ "crl": "off" })), [status]);
    assert_eq!(wanted(&with_status(), json!({ "status": "off" })), [crl]);
    assert_eq!(
        wanted(&with_status(), json!({ "status": "off", "crl": "off" })),
        []
    );
    let named = |scenario: &Scenario| {
        let built = scenario.build();
        let transcript = SessionTranscript::from_bytes(&built.session_transcript).unwrap();
        let key =
            PrivateKey::from_bytes(built.reader_key.curve(), &built.reader_key.private_bytes()).unwrap();
        let now = UnixTime::from_seconds(built.now).unwrap();
        let (trust, keys) = (trust(&[&built.root]), DeviceKeys::Reader(&key));
        let purpose = age_purpose(&json!({ "revocation": { "status": "off" } }));
        let evidence = Evidence::default();
        judge(
            &built.response,
            &transcript,
            keys,
            &purpose,
            &trust,
            &evidence,
            now,
        )
        .named
    };
    assert_eq!(
        named(&with_status()),
        ["https://status.example/1"],
        "named without being wanted"
    );
    assert_eq!(named(&Scenario::my_number()), [""; 0]);
    let forged = with_status().with(Stage::DeviceTranscript, |transcript| {
        *transcript = Cbor::Bytes(vec![0x83, 0xf6, 0xf6, 0xf6]);
    });
    assert_eq!(
        named(&forged),
        [""; 0],
        "nobody's list where the device does not answer"
    );
    // A document that nothing can save asks for nothing.
    let expired = with_status().set(|s| s.terms.valid_until = holder::scenario::NOW - 60);
    assert_eq!(wanted(&expired, defaults), []);
    assert_eq!(judged(&with_status())["documents"][0]["edition"], "second");
}

#[test]
fn lists_of_a_trust_directory_are_read() {
    // Made by another program: an empty list of JP, "TEST IACA".
    let der = hex::decode(concat!(
        "3081a73050020101300a06082a8648ce3d0403023021310b3009060355040613024a503112301006035504030c09544553542049414341",
        "170d3236313130313030303030305a170d3236313230313030303030305a300a06082a8648ce3d0403020347003044022076bd282a5afb",
        "19a9ee0de7b8583bfb1c311920e3f3fc0792a872657dc2cc9f5c02203e243a949a8b0720282e2fff25c31fa7033bbf8fab382a82464731",
        "e1e3aad288"
    ))
    .unwrap();
    let snapshot = |bytes: &[u8]| {
        TrustSnapshot::new(vec![TrustFile {
            name: "crls/test.crl".to_owned(),
            bytes: bytes.to_vec(),
        }])
        .unwrap()
    };
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(&der);
    let pem = format!("-----BEGIN X509 CRL-----\n{text}\n-----END X509 CRL-----\n");
    for bytes in [der.as_slice(), pem.as_bytes()] {
        let snapshot = snapshot(bytes);
        let lists: Vec<_> = snapshot.evidence().crls().collect();
        let [crl] = &lists[..] else {
            panic!("one list: {:?}", snapshot.skipped());
        };
        assert_eq!(crl.this_update().to_string(), "2026-11-01T00:00:00Z");
        assert_eq!(crl.next_update().unwrap().to_string(), "2026-12-01T00:00:00Z");
    }
    assert_eq!(
        relying_party::pem_crls(pem.as_bytes()).unwrap(),
        std::slice::from_ref(&der)
    );
    assert_eq!(relying_party::pem_crls(b"no list"), None);
    assert_eq!(snapshot(&der[1..]).skipped().len(), 1);
}
