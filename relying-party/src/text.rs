//! The verdict for people: a tree of every check.

use serde_json::Value;

/// Renders a verdict in its JSON form as a tree of every check.
pub fn verdict_text(verdict: &Value) -> String {
    let mut text = format!("{}\n", headline(verdict));
    for (name, value) in verdict["answers"].as_object().into_iter().flatten() {
        text += &format!("  {name}: {value}\n");
    }
    for document in verdict["documents"].as_array().into_iter().flatten() {
        text += &format!("{} {}\n", plain(&document["doc_type"]), headline(document));
        text += &checks(document);
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
    text
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
