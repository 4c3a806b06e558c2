//! The committed description against the code: a route, status, problem, check or reason that
//! stands in one of them only is a failure.

use std::collections::BTreeSet;

use mdoc::verify::{Check, Reason};
use relying_party::Decision;
use relying_party::matching::Match;
use serde_json::Value;

use super::problem::Kind;
use super::routes::{OPENAPI, ROUTES};

fn description() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

fn texts(value: &Value) -> BTreeSet<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect()
}

#[test]
fn the_description_is_of_this_version() {
    let description = description();
    assert_eq!(description["openapi"], "3.1.0");
    assert_eq!(description["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_route_is_described_with_its_methods() {
    let description = description();
    let described: BTreeSet<(String, String)> = description["paths"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(path, item)| {
            let methods = item.as_object().unwrap().keys().map(|name| name.to_uppercase());
            (path.clone(), methods.collect::<Vec<_>>().join(", "))
        })
        .collect();
    let routes = ROUTES.map(|(path, allow)| (path.to_owned(), allow.to_owned()));
    assert_eq!(described, BTreeSet::from(routes));
}

#[test]
fn the_closed_lists_are_those_of_the_code() {
    let description = description();
    let schemas = &description["components"]["schemas"];
    assert_eq!(
        texts(&schemas["CheckName"]["enum"]),
        Check::ALL.iter().map(|check| check.name()).collect()
    );
    assert_eq!(
        texts(&schemas["Reason"]["enum"]),
        Reason::ALL.iter().map(|reason| reason.code()).collect()
    );
    let decisions = [Decision::Accepted, Decision::Rejected, Decision::Undetermined];
    assert_eq!(
        texts(&schemas["Decision"]["enum"]),
        decisions.map(Decision::name).into()
    );
    let matches = [Match::Exact, Match::Folded, Match::Different];
    assert_eq!(
        texts(&schemas["Matching"]["properties"]["match"]["enum"]),
        matches.map(Match::name).into()
    );
    let types: Vec<String> = Kind::ALL.iter().map(|kind| kind.uri()).collect();
    assert_eq!(
        texts(&schemas["ProblemType"]["enum"]),
        types.iter().map(String::as_str).collect()
    );
}

#[test]
fn what_is_not_in_every_verdict_is_described_and_not_required() {
    let description = description();
    let schemas = &description["components"]["schemas"];
    for (schema, member) in [("Verdict", "matches"), ("Document", "next_step")] {
        assert!(schemas[schema]["properties"].get(member).is_some(), "{member}");
        assert!(!texts(&schemas[schema]["required"]).contains(member), "{member}");
    }
    let both = BTreeSet::from(["en", "ja"]);
    assert_eq!(texts(&schemas["NextStep"]["required"]), both);
}

#[test]
fn every_problem_stands_in_the_response_of_its_status() {
    let description = description();
    for (name, response) in description["components"]["responses"].as_object().unwrap() {
        // Those that the server gives before there is a request have no content.
        let Some(content) = response.get("content") else {
            continue;
        };
        let examples = &content["application/problem+json"]["examples"];
        for (slug, example) in examples.as_object().unwrap() {
            let uri = example["value"]["type"].as_str().unwrap();
            let kind = Kind::ALL.iter().find(|kind| kind.uri() == uri);
            let kind = kind.unwrap_or_else(|| panic!("{name}: {uri}"));
            assert_eq!(example["value"]["status"], kind.status(), "{slug}");
            assert_eq!(example["value"]["title"], kind.title(), "{slug}");
            assert!(
                response["description"]
                    .as_str()
                    .unwrap()
                    .contains(&format!("`{slug}`"))
            );
        }
    }
    let all = description["components"]["responses"].to_string();
    for kind in Kind::ALL {
        assert!(all.contains(&kind.uri()), "{kind:?} stands in no response");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| walk(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(value, found)),
            _ => {}
        }
    }
    let description = description();
    let mut found = Vec::new();
    walk(&description, &mut found);
    assert!(found.len() > 50);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(description.pointer(pointer).is_some(), "{reference}");
    }
}
