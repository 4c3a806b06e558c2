//! `issuer.crl`: whether a certificate of the path is revoked, by its issuer's CRL (RFC 5280 §6.3,
//! for complete and direct lists).

use crate::crypto::PublicKey;
use crate::x509::{Certificate, CrlEffect, Path, RevocationList};

use super::{Context, RevocationState};

/// What the CRLs at hand say of every certificate below the anchor.
pub(super) fn state(path: &Path, context: &Context<'_>) -> RevocationState {
    let serials = core::iter::once(&path.serial).chain(path.authorities.iter().map(|below| &below.serial));
    let states = serials
        .enumerate()
        .map(|(place, serial)| state_of(serial, place, path, context));
    states.fold(RevocationState::NotNamed, RevocationState::and)
}

/// The state of the certificate at this place of the path, whose issuer is the authority at the
/// same place, or the anchor.
fn state_of(serial: &[u8], place: usize, path: &Path, context: &Context<'_>) -> RevocationState {
    let issuers = || context.anchors.with_successors(&path.anchor);
    let authority = path.authorities.get(place);
    let issuer_der = match authority {
        Some(authority) => authority.subject_der.as_slice(),
        None => issuers().next().map(Certificate::subject_der).unwrap_or_default(),
    };
    let lists = context.evidence.crls_of(issuer_der);
    if lists.is_empty() {
        return RevocationState::unavailable("no CRL of the issuer is at hand");
    }
    let mut unsigned = "no CRL at hand is signed by the issuer";
    let mut silent = None;
    for list in lists {
        let signed = match authority {
            Some(authority) => check(
                list,
                [(&authority.key, authority.key_identifier.as_deref())].into_iter(),
            ),
            // A root's successor is known by its link certificate; intermediates have none.
            None => check(
                list,
                issuers().filter_map(|issuer| Some((issuer.public_key()?, issuer.subject_key_identifier()))),
            ),
        };
        match signed.map(|()| judge(list, serial, context)) {
            // The newest list that can speak decides. One that cannot, such as a delta CRL, does
            // not keep an older one from speaking.
            Ok(Ok(state)) => return state,
            Ok(Err(fault)) => silent = silent.or(Some(fault)),
            Err(fault) => unsigned = fault,
        }
    }
    RevocationState::unavailable(silent.unwrap_or(unsigned))
}

/// The list must be signed by one of these keys and name that one.
fn check<'k>(
    list: &RevocationList,
    mut signers: impl Iterator<Item = (&'k PublicKey, Option<&'k [u8]>)>,
) -> Result<(), &'static str> {
    let Some((_, identifier)) = signers.find(|(key, _)| list.is_signed_by(key)) else {
        return Err("no CRL at hand is signed by the issuer");
    };
    match (list.authority_key_identifier(), identifier) {
        (Some(named), Some(own)) if named != own => Err("the CRL names another key than its issuer's"),
        _ => Ok(()),
    }
}

/// What the issuer's list says of the certificate.
///
/// # Errors
/// Why it says nothing.
fn judge(
    list: &RevocationList,
    serial: &[u8],
    context: &Context<'_>,
) -> Result<RevocationState, &'static str> {
    if let Some(rule) = list.first_broken(CrlEffect::Void) {
        return Err(rule.fault());
    }
    let as_of = list.this_update();
    if let Some(since) = list.revoked_at(serial) {
        return Ok(RevocationState::Revoked {
            as_of,
            since: Some(since),
        });
    }
    if let Some(rule) = list.first_broken(CrlEffect::CannotClear) {
        return Err(rule.fault());
    }
    if context.now.saturating_add(context.clock_skew) < as_of {
        return Err("the CRL is dated in the future");
    }
    let earliest = context.now.saturating_add(-context.clock_skew);
    Ok(match list.next_update() {
        Some(next) if earliest <= next => RevocationState::Good { as_of },
        _ => RevocationState::Stale { as_of },
    })
}
