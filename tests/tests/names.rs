//! Names and addresses: equal to the letter or not equal, and what is said beside it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ciborium::Value as Cbor;
use holder::credential::Credential;
use holder::hooks::member;
use holder::{Scenario, Stage};
use relying_party::purpose::Purpose;
use relying_party::verdict_text;
use serde_json::{Value, json};
use verifier_tests::{outcome, verdict_at, verdict_of};

const JAPAN: &str = "org.iso.23220.1.jp";

/// A record that states this name.
fn named(name: &'static str) -> Scenario {
    let mut credential = Credential::my_number(None);
    for (_, elements) in &mut credential.name_spaces {
        for (element, value) in elements {
            if *element == "full_name_unicode" {
                *value = name.into();
            }
        }
    }
    Scenario::new(credential, &[(JAPAN, &["full_name_unicode"])])
}

/// Compares the name with this value.
fn purpose(value: &Value, audience: &str) -> Purpose {
    Purpose::from_json(json!({ "id": "same-name", "title": { "en": "The same name" },
        "document": [{ "doc_type": "org.iso.23220.1.jp.mnc", "request": { JAPAN: { "full_name_unicode": false } } }],
        "answer": [{ "name": "same", "rule": "equals", "element": [JAPAN, "full_name_unicode"], "value": value,
            "audience": audience }] }))
    .unwrap()
}

fn compared(document: &'static str, given: &str) -> Value {
    verdict_of(&named(document).build(), &purpose(&json!(given), "backend"))
}

#[test]
fn only_equality_to_the_letter_is_yes() {
    for name in [
        "番号　花子",
        "辻\u{e0100}\u{fa11}　\u{fa19}奈",
        "\u{20bb7}野　太郎",
        "外\u{e000}　字",
    ] {
        let verdict = compared(name, name);
        assert_eq!(verdict["answers"], json!({ "same": true }), "{name}");
        assert_eq!(verdict["matches"]["same"]["match"], "exact", "{name}");
    }
    for (document, given, found) in [
        ("\u{fa19}奈", "\u{795e}奈", "folded"),
        ("\u{795e}奈", "\u{fa19}奈", "folded"),
        ("辻\u{e0100}", "辻", "folded"),
        ("辻", "辻\u{e0101}", "folded"),
        ("\u{fa11}田", "\u{5d0e}田", "folded"),
        ("\u{9ad9}橋", "\u{9ad8}橋", "folded"),
        ("\u{20bb7}野", "吉野", "folded"),
        ("番号　花子", "番号 花子", "folded"),
        ("番号　花子", "番号花子", "different"),
        ("番号　花子", "番号　花", "different"),
        ("番号　花子", "", "different"),
    ] {
        let verdict = compared(document, given);
        assert_eq!(outcome(&verdict), "accepted", "{document} {given}");
        assert_eq!(verdict["answers"], json!({ "same": false }), "{document} {given}");
        assert_eq!(
            verdict["matches"],
            json!({ "same": { "match": found, "private_use": false } }),
            "{document} {given}"
        );
    }
}

#[test]
fn a_character_for_private_use_is_told_on_either_side() {
    let told = |document, given| compared(document, given)["matches"]["same"].clone();
    let (private, plain) = ("外\u{e000}　字", "外●　字");
    assert_eq!(
        told(private, private),
        json!({ "match": "exact", "private_use": true })
    );
    assert_eq!(
        told(private, plain),
        json!({ "match": "different", "private_use": true })
    );
    assert_eq!(
        told(plain, private),
        json!({ "match": "different", "private_use": true })
    );
    assert_eq!(
        told(plain, plain),
        json!({ "match": "exact", "private_use": false })
    );
    assert_eq!(
        told("\u{fffff}", "\u{fffff}")["private_use"],
        false,
        "a noncharacter"
    );
    assert_eq!(told("\u{10fffd}", "\u{10fffd}")["private_use"], true);
}

#[test]
fn nothing_is_said_of_what_is_no_text_not_accepted_or_for_the_clerk_alone() {
    let scenario = || named("番号　花子");
    let twin = verdict_of(&scenario().build(), &purpose(&json!("番号　花子"), "backend"));
    assert!(twin.get("matches").is_some());

    let number = verdict_of(&scenario().build(), &purpose(&json!(7), "backend"));
    assert_eq!(number["answers"], json!({ "same": false }));
    assert!(number.get("matches").is_none());

    let clerk = verdict_of(&scenario().build(), &purpose(&json!("番号　花子"), "counter"));
    assert_eq!(
        (outcome(&clerk).as_str(), &clerk["answers"]),
        ("accepted", &json!({}))
    );
    assert!(clerk.get("matches").is_none());

    let expired = verdict_at(
        &scenario().build(),
        &purpose(&json!("番号　花子"), "backend"),
        1_900_000_000,
    );
    assert_eq!(expired["verdict"], "rejected");
    assert!(expired.get("matches").is_none());

    let forged = scenario().with(Stage::IssuerSignature, |bytes| {
        bytes.as_bytes_mut().unwrap()[9] ^= 1
    });
    let forged = verdict_of(&forged.build(), &purpose(&json!("番号　花子"), "backend"));
    assert_eq!(outcome(&forged), "issuer.signature");
    assert!(forged.get("matches").is_none());

    // A yes-or-no element, and an element of the wrong type.
    let age = Purpose::from_json(json!({ "id": "p", "title": { "en": "P" },
        "document": [{ "doc_type": "org.iso.23220.1.jp.mnc", "request": { "org.iso.23220.1": { "age_over_20": false } } }],
        "answer": [{ "name": "same", "rule": "equals", "element": ["org.iso.23220.1", "age_over_20"], "value": true }] }));
    let age = verdict_of(&Scenario::my_number().build(), &age.unwrap());
    assert_eq!(age["answers"], json!({ "same": true }));
    assert!(age.get("matches").is_none());
    let typed = scenario().with(Stage::IssuerSignedItem, |item| {
        *member(item, "elementValue") = Cbor::Bool(true)
    });
    let typed = verdict_of(&typed.build(), &purpose(&json!("番号　花子"), "backend"));
    assert_eq!(outcome(&typed), "element.inconsistent");
    assert!(typed.get("matches").is_none());
}

#[test]
fn neither_text_stands_in_the_verdict_and_the_element_is_untouched() {
    let name = "辻\u{e0100}\u{fa11}　\u{fa19}奈";
    let built = named(name).build();
    let mut verdict = verdict_of(&built, &purpose(&json!("辻\u{5d0e} \u{795e}奈"), "backend"));
    assert_eq!(verdict["matches"]["same"]["match"], "folded");
    let text = verdict_text(&verdict);
    assert!(
        text.contains("  same: false (another writing of it, perhaps: a person has to look)"),
        "{text}"
    );
    // Only for the operator's own machine, and as it was signed.
    let elements = verdict["documents"][0]
        .as_object_mut()
        .unwrap()
        .remove("elements")
        .unwrap();
    assert_eq!(elements[JAPAN]["full_name_unicode"], name);
    let rest = verdict.to_string();
    assert!(!rest.contains('奈') && !rest.contains('辻'), "{rest}");
}
