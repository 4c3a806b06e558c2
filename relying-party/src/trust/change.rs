//! What would be otherwise if one snapshot took the place of another: who is trusted anew, who no
//! longer, and for what.

use std::collections::BTreeMap;

use mdoc::time::UnixTime;
use mdoc::x509::{Anchor, Certificate};

use super::{Scope, TrustConflict, TrustFile, TrustSnapshot, certificates, scopes};
use crate::profile::ProfileSet;

/// An anchor's certificate, and for what it is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedCertificate {
    /// SHA-256 of its DER.
    pub sha256: [u8; 32],
    /// The common name of its subject.
    pub common_name: Option<String>,
    /// The country of its subject.
    pub country: Option<String>,
    /// Its last instant.
    pub not_after: UnixTime,
    /// By which it is trusted: more than one where a list names it too.
    pub scopes: Vec<TrustScope>,
}

/// What one mention of a certificate makes it trusted for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrustScope {
    /// The document types; none for all.
    pub doc_types: Option<Vec<String>>,
    /// The document profile in place of the types' own.
    pub profile: Option<String>,
    /// The provider of the list that names it; none where the operator does.
    pub list: Option<String>,
}

/// The differences between two snapshots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustChange {
    /// Trusted after and not before.
    pub added: Vec<TrustedCertificate>,
    /// Trusted before and not after.
    pub removed: Vec<TrustedCertificate>,
    /// Trusted both times for different things: what it was trusted for, and the certificate as it is after.
    pub rescoped: Vec<(Vec<TrustScope>, TrustedCertificate)>,
}

impl TrustChange {
    /// Compares; without `before` everything is new.
    pub fn between(before: Option<&TrustSnapshot>, after: &TrustSnapshot) -> Self {
        let mut before = before.map(trusted).unwrap_or_default();
        let mut change = Self::default();
        for (sha256, certificate) in trusted(after) {
            match before.remove(&sha256) {
                None => change.added.push(certificate),
                Some(known) if known.scopes != certificate.scopes => {
                    change.rescoped.push((known.scopes, certificate));
                }
                Some(_) => {}
            }
        }
        change.removed.extend(before.into_values());
        change
    }
}

/// The trusted certificates by their hash.
fn trusted(snapshot: &TrustSnapshot) -> BTreeMap<[u8; 32], TrustedCertificate> {
    let mut trusted: BTreeMap<[u8; 32], TrustedCertificate> = BTreeMap::new();
    for Anchor {
        certificate,
        doc_types,
        profile,
        list,
    } in snapshot.anchors()
    {
        let mut doc_types = doc_types.clone();
        doc_types.iter_mut().for_each(|types| types.sort());
        let scope = TrustScope {
            doc_types,
            profile: profile.clone(),
            list: list.as_ref().map(|list| list.issue.provider.clone()),
        };
        let sha256 = certificate.sha256();
        let known = trusted.entry(sha256).or_insert_with(|| TrustedCertificate {
            sha256,
            common_name: certificate.common_name().map(str::to_owned),
            country: certificate.country().map(str::to_owned),
            not_after: certificate.not_after(),
            scopes: Vec::new(),
        });
        known.scopes.push(scope);
        known.scopes.sort();
    }
    trusted
}

/// Certificates that the operator's files name twice, each time for something else.
pub(super) fn scope_conflicts(files: &[TrustFile], profiles: &ProfileSet) -> Vec<TrustConflict> {
    let scopes = scopes(files, profiles).unwrap_or_default();
    let mut known: BTreeMap<[u8; 32], (&str, Scope)> = BTreeMap::new();
    let mut conflicts = Vec::new();
    for file in files {
        let name = file.name.strip_prefix("anchors/");
        let Some((stem, kind)) = name.and_then(|name| name.rsplit_once('.')) else {
            continue;
        };
        let mut scope = scopes.get(stem).cloned().unwrap_or_default();
        scope.doc_types.iter_mut().for_each(|types| types.sort());
        for der in certificates(kind, &file.bytes).unwrap_or_default() {
            let Ok(certificate) = Certificate::from_der(&der) else {
                continue;
            };
            let place = known.entry(certificate.sha256());
            let (other, before) = place.or_insert_with(|| (&file.name, scope.clone()));
            if *before != scope {
                conflicts.push(TrustConflict::ScopeTwice {
                    file: file.name.clone(),
                    other: (*other).to_owned(),
                });
            }
        }
    }
    conflicts
}
