//! The verdict for people: a tree of every check.

use serde_json::Value;

use crate::bundle::bundle_words;

/// Lines of next steps that a clerk is shown, and the characters of each.
const MAX_STEPS: usize = 8;
const MAX_STEP: usize = 500;

/// Renders a verdict in its JSON form as a tree of every check.
pub fn verdict_text(verdict: &Value) -> String {
    let mut text = format!("{}\n", headline(verdict));
    for (name, value) in verdict["answers"].as_object().into_iter().flatten() {
        text += &format!("  {name}: {value}{}\n", matching(&verdict["matches"][name]));
    }
    for document in verdict["documents"].as_array().into_iter().flatten() {
        text += &format!("{} {}\n", plain(&document["doc_type"]), headline(document));
        text += &checks(document);
        for words in next_step(document) {
            text += &format!("  next      {words}\n");
        }
        for withheld in document["withheld"].as_array().into_iter().flatten() {
            text += &format!("  withheld  {} {}\n", plain(&withheld[0]), plain(&withheld[1]));
        }
        if let Some(elements) = document.get("elements") {
            text += &format!("  elements  {elements}\n");
        }
    }
    if verdict["documents"].as_array().is_none_or(Vec::is_empty) {
        text += &checks(verdict);
    }
    text += &format!(
        "purpose {}, at {}\n",
        plain(&verdict["purpose"]),
        plain(&verdict["at"])
    );
    for words in bundle_words(verdict).into_iter().flatten() {
        text += &format!("{words}\n");
    }
    text
}

/// What the clerk can tell the holder, language by language: of each document that stands in the
/// way of a verdict in its JSON form, whoever made it.
pub fn next_steps(verdict: &Value) -> Vec<String> {
    if verdict["verdict"] == "accepted" {
        return Vec::new();
    }
    let mut steps = Vec::new();
    for document in verdict["documents"].as_array().into_iter().flatten() {
        for words in next_step(document) {
            if !steps.contains(&words) && steps.len() < MAX_STEPS {
                steps.push(words);
            }
        }
    }
    steps
}

/// In English and Japanese. What a terminal would obey, and what is longer than any next step of
/// ours, is cut away: the verdict may come from another machine.
fn next_step(document: &Value) -> impl Iterator<Item = String> {
    let texts = ["en", "ja"].map(|language| document["next_step"][language].as_str().unwrap_or_default());
    let shown =
        texts.map(|text| -> String { text.chars().filter(|c| !c.is_control()).take(MAX_STEP).collect() });
    shown.into_iter().filter(|text| !text.is_empty())
}

/// How the texts of a comparison match, where they were texts.
fn matching(found: &Value) -> String {
    let words = match found["match"].as_str() {
        Some("exact") => "the same text",
        Some("folded") => "another writing of it, perhaps: a person has to look",
        Some(_) => "another text",
        None => return String::new(),
    };
    let private = if found["private_use"] == true {
        ", with characters that other machines draw differently"
    } else {
        ""
    };
    format!(" ({words}{private})")
}

fn headline(part: &Value) -> String {
    match part["reason"].as_str() {
        Some(reason) => format!("{}: {reason}", plain(&part["verdict"])),
        None => plain(&part["verdict"]).to_owned(),
    }
}

fn checks(part: &Value) -> String {
    let mut text = String::new();
    for check in part["checks"].as_array().into_iter().flatten() {
        let mark = match check["result"].as_str() {
            Some("passed") => "ok",
            Some("warned") => "warning",
            Some("failed") => "FAILED",
            _ => "-",
        };
        text += &format!("  {mark:<8}  {}", plain(&check["check"]));
        if let Some(reason) = check["reason"].as_str() {
            text += &format!(": {reason}");
        }
        if let Some(after) = check["after"].as_str() {
            text += &format!(" (not reached after {after})");
        }
        if let Some(as_of) = check["as_of"].as_str() {
            text += &format!(" (as of {as_of})");
        }
        if let Some(detail) = check.get("detail") {
            text += &format!(" {detail}");
        }
        text.push('\n');
    }
    text
}

fn plain(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_comparison_of_texts_says_how_they_match() {
        let line = |found: Value| {
            let verdict =
                json!({ "verdict": "accepted", "answers": { "same": false }, "matches": { "same": found } });
            verdict_text(&verdict).lines().nth(1).unwrap().to_owned()
        };
        for (found, words) in [
            ("exact", "  same: false (the same text)"),
            (
                "folded",
                "  same: false (another writing of it, perhaps: a person has to look)",
            ),
            ("different", "  same: false (another text)"),
        ] {
            assert_eq!(line(json!({ "match": found, "private_use": false })), words);
        }
        let private = line(json!({ "match": "exact", "private_use": true }));
        assert!(private.ends_with("(the same text, with characters that other machines draw differently)"));
        assert_eq!(line(Value::Null), "  same: false", "a number");
    }

    #[test]
    fn a_next_step_is_shown_once_and_without_commands_to_a_terminal() {
        let document = |reason: &str, en: &str| {
            json!({ "doc_type": "d", "verdict": "rejected", "reason": reason, "checks": [],
                "next_step": { "en": en, "ja": "もう一度" } })
        };
        let verdict = |decision: &str, documents: Vec<Value>| json!({ "verdict": decision, "reason": "mso.expired", "documents": documents });
        let twice = vec![
            document("mso.expired", "open it"),
            document("mso.expired", "open it"),
        ];
        assert_eq!(
            next_steps(&verdict("rejected", twice.clone())),
            ["open it", "もう一度"]
        );
        assert_eq!(
            next_steps(&verdict("accepted", twice)),
            [""; 0],
            "another document did"
        );
        let hostile = verdict("rejected", vec![document("mso.expired", "\u{1b}[2Jopen\r\n it")]);
        assert_eq!(next_steps(&hostile), ["[2Jopen it", "もう一度"]);
        assert!(verdict_text(&hostile).contains("\n  next      [2Jopen it\n  next      もう一度\n"));
        let long = verdict("rejected", vec![document("mso.expired", &"x".repeat(501))]);
        assert_eq!(next_steps(&long)[0].len(), 500);
        let many = (0..20).map(|n| document("mso.expired", &n.to_string())).collect();
        assert_eq!(next_steps(&verdict("rejected", many)).len(), 8);
        for nothing in [json!(null), json!("text"), json!({ "en": 7 }), json!([])] {
            let mut document = document("mso.expired", "");
            document["next_step"] = nothing;
            assert_eq!(next_steps(&verdict("rejected", vec![document])), [""; 0]);
        }
        assert_eq!(next_steps(&json!({})), [""; 0]);
    }

    #[test]
    fn the_tree_shows_verdict_answers_and_every_check() {
        let text = verdict_text(&json!({
            "verdict": "rejected", "reason": "digest.mismatch", "answers": {"over_20": true},
            "documents": [{"doc_type": "d", "verdict": "rejected", "reason": "digest.mismatch", "withheld": [["n", "e"]],
                "checks": [{"check": "digests", "result": "failed", "reason": "digest.mismatch"},
                    {"check": "status", "result": "not_reached", "after": "digests"},
                    {"check": "issuer.crl", "result": "passed", "as_of": "2026-11-23T05:00:00Z"}]}],
            "purpose": "p", "at": "2026-11-23T06:00:00Z"
        }));
        assert_eq!(
            text,
            "rejected: digest.mismatch\n  over_20: true\nd rejected: digest.mismatch\n  \
             FAILED    digests: digest.mismatch\n  -         status (not reached after digests)\n  \
             ok        issuer.crl (as of 2026-11-23T05:00:00Z)\n  \
             withheld  n e\npurpose p, at 2026-11-23T06:00:00Z\n"
        );
    }
}
