//! How a change of trust is told: JSON for programs.

use mdoc::time::UnixTime;
use relying_party::{Dated, TrustConflict, TrustScope, TrustedCertificate, sha256_text};
use serde_json::{Value, json};

use super::desk::{Done, InForce, Refusal};
use super::review::{Fault, Review};

/// What a change would be.
pub(crate) fn review_json(in_force: Option<&InForce>, review: &Review, now: UnixTime) -> Value {
    let before = in_force.map(|in_force| in_force.pointer.snapshot());
    let mut json = content_json(review, now);
    json["applicable"] = json!(review.is_applicable());
    json["before"] = json!(before);
    json["after"] = json!(
        review
            .offered
            .as_ref()
            .map(|offered| sha256_text(&offered.snapshot.hash()))
    );
    json["damaged"] = json!(in_force.and_then(|in_force| in_force.loaded.as_ref().err()));
    json
}

/// What a change was.
pub(crate) fn done_json(done: &Done, now: UnixTime) -> Value {
    let mut json = content_json(&done.review, now);
    let change = &done.pointer.change;
    json["action"] = json!(change.action);
    json["number"] = json!(change.number);
    json["who"] = json!(change.who);
    json["at"] = json!(change.at);
    json["before"] = json!(change.before);
    json["after"] = json!(change.after);
    json["kept"] = json!(done.kept);
    json["unwritten"] = done.unwritten.iter().map(|unwritten| unwritten.what).collect();
    json
}

fn content_json(review: &Review, now: UnixTime) -> Value {
    let rescoped = review.change.rescoped.iter().map(|(before, after)| {
        let mut json = certificate_json(after);
        json["scopes_before"] = scopes_json(before);
        json
    });
    json!({
        "added": review.change.added.iter().map(certificate_json).collect::<Vec<_>>(),
        "removed": review.change.removed.iter().map(certificate_json).collect::<Vec<_>>(),
        "scope_changes": rescoped.collect::<Vec<_>>(),
        "expiring": review.expiring.iter().map(|(dated, _)| dated_json(dated, now)).collect::<Vec<_>>(),
        "conflicts": review.conflicts.iter().map(conflict_json).collect::<Vec<_>>(),
        "faults": review.faults.iter().map(fault_json).collect::<Vec<_>>(),
        "left_aside": review.left_aside.iter().map(fault_json).collect::<Vec<_>>(),
        "files": {
            "added": review.files.added,
            "removed": review.files.removed,
            "changed": review.files.changed,
        },
    })
}

fn certificate_json(certificate: &TrustedCertificate) -> Value {
    json!({
        "sha256": sha256_text(&certificate.sha256),
        "common_name": certificate.common_name,
        "country": certificate.country,
        "not_after": certificate.not_after.to_string(),
        "scopes": scopes_json(&certificate.scopes),
    })
}

fn scopes_json(scopes: &[TrustScope]) -> Value {
    let scopes = scopes
        .iter()
        .map(|scope| json!({ "doc_types": scope.doc_types, "profile": scope.profile, "list": scope.list }));
    scopes.collect()
}

fn dated_json(dated: &Dated, now: UnixTime) -> Value {
    let left = dated
        .until
        .map(|until| until.seconds().saturating_sub(now.seconds()).div_euclid(86_400));
    json!({
        "kind": dated.kind.name(),
        "name": dated.name,
        "until": dated.until.map(|until| until.to_string()),
        "days": left,
    })
}

fn conflict_json(conflict: &TrustConflict) -> Value {
    json!({ "file": conflict.file(), "conflict": conflict.code(), "detail": conflict.to_string() })
}

/// A file at fault.
fn fault_json((file, fault): &Fault) -> Value {
    json!({ "file": file, "fault": fault })
}

/// What of a snapshot ends soon or has ended.
pub(super) fn expiring_json(snapshot: &relying_party::TrustSnapshot, now: UnixTime) -> Value {
    let dated = snapshot.dated().into_iter();
    let expiring = dated.filter(|dated| dated.warning(now).is_some());
    expiring.map(|dated| dated_json(&dated, now)).collect()
}

/// Why nothing was changed.
pub(super) fn refusal_json(refusal: &Refusal) -> Value {
    let mut json = json!({ "refused": refusal.code(), "detail": refusal.to_string() });
    match refusal {
        Refusal::Broken(faults) => json["faults"] = faults.iter().map(fault_json).collect(),
        Refusal::Conflict(conflicts) => json["conflicts"] = conflicts.iter().map(conflict_json).collect(),
        _ => {}
    }
    json
}
