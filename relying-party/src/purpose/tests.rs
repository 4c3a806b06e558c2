use serde_json::json;

use super::hash::canonical;
use super::*;

const AGE_20: &str = include_str!("../../purposes/age-20.toml");

fn rule_of(result: Result<Purpose, PurposeError>) -> String {
    match result.and_then(|purpose| purpose.check_request()) {
        Err(PurposeError::Rule(text)) => text,
        other => panic!("no broken rule but {other:?}"),
    }
}

fn replaced(from: &str, to: &str) -> Result<Purpose, PurposeError> {
    assert!(AGE_20.contains(from), "{from}");
    Purpose::from_toml(&AGE_20.replacen(from, to, 1))
}

#[test]
fn every_ready_made_purpose_may_be_sent_and_speaks_two_languages() {
    for (id, _) in READY_MADE {
        let purpose = ready_made(id).unwrap();
        assert_eq!(purpose.id(), *id);
        assert_eq!(purpose.check_request(), Ok(()), "{id}");
        assert!(
            purpose.title().contains_key("ja") && purpose.title().contains_key("en"),
            "{id}"
        );
        let asked = purpose
            .documents()
            .iter()
            .flat_map(|document| document.request().values());
        assert!(
            !asked
                .flat_map(BTreeMap::keys)
                .any(|name| name.starts_with("individual_number")),
            "{id}"
        );
    }
    assert!(ready_made("age-21").is_none());
    let unattended = ready_made("age-20-unattended").unwrap();
    assert!(!unattended.documents()[0].requests("org.iso.23220.1.jp", "portrait"));
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let error = replaced("threshold = 20", "threshold = 20\ntreshold = 21").unwrap_err();
    let PurposeError::Toml(text) = error else {
        panic!("{error:?}")
    };
    assert!(text.contains("treshold") && text.contains("line"), "{text}");
}

#[test]
fn toml_and_json_of_one_meaning_have_one_hash() {
    let toml = Purpose::from_toml(AGE_20).unwrap();
    let twin = json!({
        "id": "age-20",
        "answer": [
            { "threshold": 20, "rule": "age_over", "name": "over_20" },
            { "name": "portrait", "rule": "element", "element": ["org.iso.23220.1.jp", "portrait"], "audience": "counter" }
        ],
        "title": { "en": "Proof of age, 20 and over", "ja": "20歳以上の確認" },
        "document": [ { "doc_type": "org.iso.23220.1.jp.mnc", "request": {
            "org.iso.23220.1.jp": { "portrait": false }, "org.iso.23220.1": { "age_over_20": false } } } ]
    });
    assert_eq!(Purpose::from_json(twin.clone()).unwrap().hash(), toml.hash());
    let mut other = twin;
    other["answer"][0]["threshold"] = json!(21);
    assert_ne!(Purpose::from_json(other).unwrap().hash(), toml.hash());
}

#[test]
fn rules_between_keys_are_checked() {
    assert!(rule_of(replaced("id = \"age-20\"", "id = \"\"")).contains("id holds"));
    assert!(rule_of(replaced("id = \"age-20\"", "id = \"age 20\"")).contains("id holds"));
    assert!(rule_of(replaced("threshold = 20", "threshold = 100")).contains("threshold"));
    assert!(rule_of(replaced("threshold = 20", "")).contains("threshold"));
    assert!(rule_of(replaced("threshold = 20", "threshold = 20\nvalue = 1")).contains("threshold"));
    assert!(rule_of(replaced("name = \"portrait\"", "name = \"over_20\"")).contains("two answers"));
    assert!(rule_of(replaced("\"portrait\"]", "\"photograph\"]")).contains("no document is asked for"));
    assert!(
        rule_of(replaced("element = [\"org.iso.23220.1.jp\", \"portrait\"]", "")).contains("lacks element")
    );
    assert!(
        rule_of(replaced(
            "{ age_over_20 = false }",
            "{ age_over_20 = false, sex = false }"
        ))
        .contains("no answer needs")
    );
    assert!(rule_of(replaced("en = \"Proof", "en = \"\\u001b[2JProof")).contains("title"));
    let three = "{ age_over_18 = false, age_over_20 = false, age_over_25 = false }";
    assert!(rule_of(replaced("{ age_over_20 = false }", three)).contains("no more than two"));
}

#[test]
fn the_individual_number_needs_a_statutory_basis() {
    let asks = |basis: &str| {
        Purpose::from_toml(&format!(
            "id = \"number\"\ntitle = {{ en = \"Number\" }}\n{basis}\n[[document]]\ndoc_type = \"org.iso.23220.1.jp.mnc\"\n\
             [document.request]\n\"org.iso.23220.1.jp\" = {{ individual_number_unicode = true }}\n\
             [[answer]]\nname = \"number\"\nrule = \"element\"\nelement = [\"org.iso.23220.1.jp\", \"individual_number_unicode\"]\n"
        ))
    };
    assert!(rule_of(asks("")).contains("statutory_basis"));
    for basis in ["tax", "social-security", "disaster-response"] {
        let purpose = asks(&format!("statutory_basis = \"{basis}\"")).unwrap();
        assert_eq!(purpose.check_request(), Ok(()));
    }
    assert!(matches!(
        asks("statutory_basis = \"marketing\""),
        Err(PurposeError::Toml(_))
    ));
}

#[test]
fn revocation_has_its_defaults_and_its_limits() {
    let purpose = ready_made("age-20").unwrap();
    let expected = Revocation {
        status: Requirement::IfPresent,
        crl: Requirement::IfAvailable,
        max_age: None,
        iso_status_profile: None,
        document_signer_may_sign_status: false,
    };
    assert_eq!(purpose.revocation(), expected);
    let aged = replaced("crl = \"if_available\"", "crl = \"required\"\nmax_age = \"24h\"").unwrap();
    assert_eq!(aged.revocation().max_age, Some(86_400));
    assert_eq!(aged.revocation().crl, Requirement::Required);
    assert!(matches!(
        replaced("crl = \"if_available\"", "crl = \"if_present\""),
        Err(PurposeError::Toml(_))
    ));
    for age in [
        "24",
        "h",
        "-1h",
        "24 h",
        "1y",
        "0s",
        "99999999999999999999h",
        "3651d",
        "5256001m",
        "",
    ] {
        let text = format!("crl = \"off\"\nmax_age = \"{age}\"");
        assert!(
            matches!(
                replaced("crl = \"if_available\"", &text),
                Err(PurposeError::Toml(_))
            ),
            "{age}"
        );
    }
}

#[test]
fn with_any_document_two_types_may_answer_under_one_name() {
    let purpose = ready_made("age-20-any").unwrap();
    for document in purpose.documents() {
        let names: Vec<&str> = purpose
            .answers_of(document)
            .map(|answer| answer.name.as_str())
            .collect();
        assert_eq!(names, ["over_20", "portrait"]);
    }
}

#[test]
fn a_neighbouring_age_statement_answers_the_request() {
    let purpose = ready_made("age-20").unwrap();
    let document = &purpose.documents()[0];
    assert!(document.requests("org.iso.23220.1", "age_over_25"));
    assert!(!document.requests("org.iso.23220.1", "age_over_2"));
    assert!(
        !document.requests("org.iso.23220.1.jp", "age_over_25"),
        "another namespace"
    );
    assert!(!document.requests("org.iso.23220.1", "birth_date"));
}

#[test]
fn a_value_to_compare_with_has_a_json_form() {
    let compare = |value: &str| {
        replaced(
            "rule = \"age_over\"\nthreshold = 20",
            &format!("rule = \"equals\"\nelement = [\"org.iso.23220.1\", \"age_over_20\"]\n{value}"),
        )
    };
    assert!(compare("value = true").is_ok());
    assert!(rule_of(compare("value = 2026-11-23")).contains("dates are compared as text"));
    assert!(rule_of(compare("value = [2026-11-23]")).contains("dates are compared as text"));
    assert!(rule_of(compare("")).contains("lacks a value"));
}

#[test]
fn durations_have_four_units_and_one_hash() {
    let aged = |age: &str| {
        replaced(
            "crl = \"if_available\"",
            &format!("crl = \"required\"\nmax_age = \"{age}\""),
        )
        .unwrap()
    };
    for (age, seconds) in [
        ("90s", 90),
        ("3m", 180),
        ("2h", 7200),
        ("2d", 172_800),
        ("3650d", 315_360_000),
    ] {
        assert_eq!(aged(age).revocation().max_age, Some(seconds), "{age}");
    }
    assert_eq!(aged("60m").hash(), aged("1h").hash());
    assert_ne!(aged("61m").hash(), aged("1h").hash());
}

/// A purpose without answers, as a judge of existing responses takes it.
fn requesting(documents: &Value) -> Result<Purpose, PurposeError> {
    Purpose::from_json(json!({ "id": "p", "title": { "en": "P" }, "document": documents }))
}

fn one(doc_type: &str, request: &Value) -> Result<Purpose, PurposeError> {
    requesting(&json!([{ "doc_type": doc_type, "request": request }]))
}

#[test]
fn a_document_is_asked_for_within_bounds() {
    let elements = |count: usize| {
        let names = (0..count).map(|index| (format!("e{index}"), json!(false)));
        Value::Object(names.collect())
    };
    let name_spaces = |count: usize| {
        let names = (0..count).map(|index| (format!("n{index}"), elements(1)));
        Value::Object(names.collect())
    };
    let (longest, longer) = ("x".repeat(256), "x".repeat(257));
    for (purpose, fault) in [
        (one("", &name_spaces(1)), Some("doc_type is a short text")),
        (one(&longer, &name_spaces(1)), Some("doc_type is a short text")),
        (one(&longest, &name_spaces(1)), None),
        (one("d", &name_spaces(0)), Some("no more than 64")),
        (one("d", &name_spaces(65)), Some("no more than 64")),
        (one("d", &name_spaces(64)), None),
        (one("d", &json!({ "n": elements(0) })), Some("no more than 1024")),
        (
            one("d", &json!({ "n": elements(1025) })),
            Some("no more than 1024"),
        ),
        (one("d", &json!({ "n": elements(1024) })), None),
        (one("d", &json!({ "": elements(1) })), Some("short name")),
        (
            one("d", &json!({ (longer.as_str()): elements(1) })),
            Some("short name"),
        ),
        (one("d", &json!({ (longest.as_str()): elements(1) })), None),
        (
            one("d", &json!({ "n": { "": false } })),
            Some("an element has a short name"),
        ),
        (
            one("d", &json!({ "n": { (longer.as_str()): false } })),
            Some("an element has a short name"),
        ),
        (one("d", &json!({ "n": { (longest.as_str()): false } })), None),
    ] {
        match (purpose, fault) {
            (Ok(_), None) => {}
            (Err(PurposeError::Rule(text)), Some(fault)) => assert!(text.contains(fault), "{text}"),
            (other, fault) => panic!("{other:?} where {fault:?} is due"),
        }
    }
    assert_eq!(one("d", &name_spaces(1)).unwrap().documents()[0].doc_type(), "d");
}

#[test]
fn an_answer_has_a_name_of_fitting_length() {
    let named = |name: &str| replaced("name = \"over_20\"", &format!("name = \"{name}\""));
    assert!(named(&"x".repeat(256)).is_ok());
    assert!(rule_of(named(&"x".repeat(257))).contains("short name"));
    assert!(rule_of(named("")).contains("short name"));
}

#[test]
fn a_key_that_the_rule_does_not_know_is_refused() {
    let stray = |key: &str| {
        replaced(
            "audience = \"counter\"",
            &format!("audience = \"counter\"\n{key}"),
        )
    };
    assert!(rule_of(stray("threshold = 20")).contains("a key that its rule does not know"));
    assert!(rule_of(stray("value = 1")).contains("a key that its rule does not know"));
    assert!(stray("optional = true").is_ok());
}

#[test]
fn two_age_statements_may_be_asked_for_and_a_birth_date_serves_an_age() {
    let two = "{ age_over_20 = false, age_over_25 = false }";
    let purpose = replaced("{ age_over_20 = false }", two).unwrap();
    assert_eq!(purpose.check_request(), Ok(()));
    let purpose = replaced("{ age_over_20 = false }", "{ birth_date = false }").unwrap();
    assert_eq!(purpose.check_request(), Ok(()), "an age comes from it");
    let other = "{ birth_place = false }";
    assert!(rule_of(replaced("{ age_over_20 = false }", other)).contains("no document is asked for"));
    // An element of the right name in another namespace is not the one that the answer needs.
    let twice = "{ age_over_20 = false, portrait = false }";
    assert!(rule_of(replaced("{ age_over_20 = false }", twice)).contains("no answer needs"));
}

#[test]
fn one_name_for_two_answers_needs_two_types_of_which_any_answers() {
    let purpose = |documents: &str, first: Option<&str>, second: Option<&str>| {
        let answer = |doc_type: Option<&str>| json!({ "name": "a", "rule": "age_over", "threshold": 20, "doc_type": doc_type });
        let document =
            |doc_type: &str| json!({ "doc_type": doc_type, "request": { "n": { "age_over_20": false } } });
        Purpose::from_json(json!({ "id": "p", "title": { "en": "P" }, "documents": documents,
            "document": [document("one"), document("two")], "answer": [answer(first), answer(second)] }))
    };
    assert!(purpose("any", Some("one"), Some("two")).is_ok());
    for (documents, first, second) in [
        ("all", Some("one"), Some("two")),
        ("any", Some("one"), Some("one")),
        ("any", Some("one"), None),
        ("any", None, Some("two")),
        ("any", None, None),
    ] {
        let refused = rule_of(purpose(documents, first, second));
        assert!(refused.contains("two answers are called a"), "{refused}");
    }
}

#[test]
fn the_canonical_form_is_plain_json_with_keys_in_order() {
    let mut text = String::new();
    canonical(
        &json!({ "b": [1, "x", [], {}], "a": { "d": null, "c": true } }),
        &mut text,
    );
    assert_eq!(text, r#"{"a":{"c":true,"d":null},"b":[1,"x",[],{}]}"#);
}

#[test]
fn a_phone_of_version_1_1_is_told_that_any_document_is_enough() {
    let any = ready_made("age-20-any").unwrap();
    let older = any.device_request(Version::V1_0).unwrap();
    assert_eq!(
        (older.version(), older.device_request_info()),
        (Version::V1_0, None)
    );
    let newer = any.device_request(Version::V1_1).unwrap();
    assert_eq!(newer.version(), Version::V1_1);
    let [use_case] = newer.device_request_info().unwrap().use_cases() else {
        panic!("one use case");
    };
    assert!(use_case.mandatory);
    assert_eq!(use_case.document_sets, [[0], [1]]);
    // One document, or all of them, is what an older phone understands too.
    let one = ready_made("age-20")
        .unwrap()
        .device_request(Version::V1_1)
        .unwrap();
    assert_eq!((one.version(), one.device_request_info()), (Version::V1_0, None));
    let plain = |documents: &str, count: usize| {
        let document = |index: usize| json!({ "doc_type": format!("d{index}"), "request": { "n": { "age_over_20": false } } });
        let purpose = Purpose::from_json(json!({ "id": "p", "title": { "en": "P" }, "documents": documents,
            "document": (0..count).map(document).collect::<Vec<_>>() }));
        let request = purpose.unwrap().device_request(Version::V1_1).unwrap();
        request.device_request_info().is_none()
    };
    assert!(plain("any", 1) && plain("all", 1) && plain("all", 2));
    assert!(!plain("any", 2));
}

#[test]
fn what_a_purpose_does_not_ask_leaves_its_hash_as_it_was() {
    let plain = Purpose::from_toml(AGE_20).unwrap();
    assert_eq!(
        (plain.seen_before(), plain.minimum_curve_bits()),
        (SeenBefore::Ignore, None)
    );
    let written = serde_json::to_value(&plain.file).unwrap();
    for key in ["seen_before", "minimum_curve_bits"] {
        assert!(written.get(key).is_none(), "{key}");
    }
    let with = |line: &str| replaced("id = ", &format!("{line}\nid = "));
    assert_eq!(with("seen_before = \"ignore\"").unwrap().hash(), plain.hash());
    let mut hashes = vec![plain.hash()];
    for line in [
        "seen_before = \"warn\"",
        "seen_before = \"reject\"",
        "minimum_curve_bits = 256",
        "minimum_curve_bits = 384",
    ] {
        hashes.push(with(line).unwrap().hash());
    }
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 5, "what it asks is part of it");
    for line in [
        "seen_before = \"no\"",
        "seen_before = true",
        "seen_before = \"Reject\"",
        "seenbefore = \"warn\"",
    ] {
        assert!(matches!(with(line), Err(PurposeError::Toml(_))), "{line}");
    }
}
