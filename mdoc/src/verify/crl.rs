//! `issuer.crl`: whether a certificate of the path is revoked, by its issuer's CRL (RFC 5280 §6.3,
//! for complete and direct lists).

use crate::x509::{CrlEffect, Link, Path, RevocationList};

use super::{Context, RevocationState};

/// What the CRLs at hand say of every certificate below the anchor.
pub(super) fn state(path: &Path, context: &Context<'_>) -> RevocationState {
    let links = path.links.iter().map(|link| state_of(link, path, context));
    links.fold(RevocationState::NotNamed, RevocationState::and)
}

fn state_of(link: &Link, path: &Path, context: &Context<'_>) -> RevocationState {
    let lists = context.evidence.crls_of(&link.issuer_der);
    if lists.is_empty() {
        return RevocationState::unavailable("no CRL of the issuer is at hand");
    }
    let mut fault = "no CRL at hand is signed by the issuer";
    for list in lists {
        match signed_by_issuer(list, link, path, context) {
            Ok(()) => return judge(list, link, context),
            Err(found) => fault = found,
        }
    }
    RevocationState::unavailable(fault)
}

/// The list must be signed by the key that signed the certificate, or by that of its successor,
/// and name that key.
fn signed_by_issuer(
    list: &RevocationList,
    link: &Link,
    path: &Path,
    context: &Context<'_>,
) -> Result<(), &'static str> {
    let own = (&link.issuer_key, link.issuer_key_identifier.as_deref());
    // A root's successor is known by its link certificate; intermediates have none.
    let is_last = path.links.last().is_some_and(|last| core::ptr::eq(last, link));
    let successors = context
        .anchors
        .successors_of(&path.anchor)
        .filter(|_| is_last)
        .filter_map(|certificate| Some((certificate.public_key()?, certificate.subject_key_identifier())));
    let mut signers = core::iter::once(own).chain(successors);
    let Some((_, identifier)) = signers.find(|(key, _)| list.is_signed_by(key)) else {
        return Err("no CRL at hand is signed by the issuer");
    };
    match (list.authority_key_identifier(), identifier) {
        (Some(named), Some(own)) if named != own => Err("the CRL names another key than its issuer's"),
        _ => Ok(()),
    }
}

fn judge(list: &RevocationList, link: &Link, context: &Context<'_>) -> RevocationState {
    if let Some(rule) = list.first_broken(CrlEffect::Void) {
        return RevocationState::unavailable(rule.fault());
    }
    let as_of = list.this_update();
    if let Some(since) = list.revoked_at(&link.serial) {
        return RevocationState::Revoked {
            as_of,
            since: Some(since),
        };
    }
    if let Some(rule) = list.first_broken(CrlEffect::CannotClear) {
        return RevocationState::unavailable(rule.fault());
    }
    if context.now.saturating_add(context.clock_skew) < as_of {
        return RevocationState::unavailable("the CRL is dated in the future");
    }
    let earliest = context.now.saturating_add(-context.clock_skew);
    match list.next_update() {
        Some(next) if earliest <= next => RevocationState::Good { as_of },
        _ => RevocationState::Stale { as_of },
    }
}
