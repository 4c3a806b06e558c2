//! `digests`, and the part of `elements` that needs no value: each element once.

use crate::crypto::constant_time_eq;
use crate::response::{Document, IssuerSignedItem};

use super::{Fact, Finding, Reason, SelfSignedMso};

/// The returned elements are those whose digests the MSO lists.
#[derive(Debug)]
pub struct AuthenticItems(());

impl AuthenticItems {
    /// Compares the digest of every IssuerSignedItemBytes as received (ISO/IEC 18013-5 §9.3.1).
    pub(super) fn check(document: &Document<'_>, mso: &SelfSignedMso<'_>) -> Result<Self, Finding> {
        let mso = mso.mso();
        for item in &document.issuer_signed.items {
            let Some(expected) = mso.value_digests.get(item.name_space, item.digest_id) else {
                return Err(finding(Reason::DigestMissing, item));
            };
            let digest = mso.digest_algorithm.digest(&[item.encoded]);
            if !constant_time_eq(digest.as_bytes(), expected) {
                return Err(finding(Reason::DigestMismatch, item));
            }
        }
        Ok(Self(()))
    }
}

/// Each element identifier and each digest identifier stands once in its namespace.
///
/// # Errors
/// [`Reason::ElementDuplicate`] with the element.
pub fn check_duplicates(document: &Document<'_>) -> Result<(), Finding> {
    let items = &document.issuer_signed.items;
    if items.len() <= FEW {
        return few_duplicates(items);
    }
    let mut sorted: Vec<&IssuerSignedItem<'_>> = items.iter().collect();
    sorted.sort_unstable_by_key(|item| (item.name_space, item.element_identifier));
    duplicate(&sorted, |item| item.element_identifier)?;
    sorted.sort_unstable_by_key(|item| (item.name_space, item.digest_id));
    duplicate(&sorted, |item| item.digest_id)
}

/// Up to this many elements are compared with each other; more are sorted.
const FEW: usize = 16;

fn few_duplicates(items: &[IssuerSignedItem<'_>]) -> Result<(), Finding> {
    for (index, item) in items.iter().enumerate() {
        let twin = items.iter().take(index).any(|other| {
            (other.digest_id == item.digest_id || other.element_identifier == item.element_identifier)
                && other.name_space == item.name_space
        });
        if twin {
            return Err(finding(Reason::ElementDuplicate, item));
        }
    }
    Ok(())
}

fn duplicate<'s, 'a: 's, K: PartialEq>(
    sorted: &'s [&'s IssuerSignedItem<'a>],
    key: impl Fn(&'s IssuerSignedItem<'a>) -> K,
) -> Result<(), Finding> {
    for [left, right] in sorted.array_windows() {
        if left.name_space == right.name_space && key(left) == key(right) {
            return Err(finding(Reason::ElementDuplicate, right));
        }
    }
    Ok(())
}

fn finding(reason: Reason, item: &IssuerSignedItem<'_>) -> Finding {
    Finding::new(reason)
        .with("name_space", Fact::Text(item.name_space.to_owned().into()))
        .with("element", Fact::Text(item.element_identifier.to_owned().into()))
}
