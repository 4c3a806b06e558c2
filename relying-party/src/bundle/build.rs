//! Making a bundle.

use mdoc::cbor::write;
use mdoc::cose::sign1;
use mdoc::crypto::{SignError, Signer};
use mdoc::time::UnixTime;

use super::content::{self, BundleFacts, Entry, check_entries};
use super::envelope::CONTENT_TYPE_LABEL;
use super::load::LoadedBundle;
use super::{BundleError, CONTENT_TYPE, SignedBundle};

/// The label of the algorithm (RFC 9052 §3.1).
const ALGORITHM_LABEL: i64 = 1;

/// Why no bundle was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The key does not sign.
    #[error("{0}")]
    Sign(#[from] SignError),
    /// A counter would refuse it.
    #[error("a counter would refuse the bundle: {0}")]
    Refused(#[from] BundleError),
}

/// Signs a bundle of these files, in whatever order, and reads it back as a counter will: what is
/// handed out can be loaded when it is made.
///
/// # Errors
/// The key does not sign, or a counter would refuse the bundle.
pub fn build(
    facts: &BundleFacts,
    mut entries: Vec<Entry>,
    signer: &dyn Signer,
) -> Result<(Vec<u8>, LoadedBundle), BuildError> {
    entries.sort_unstable_by(|left, right| left.name.cmp(&right.name));
    facts.check()?;
    check_entries(facts, &entries)?;
    let payload = content::encode(facts, &entries);
    drop(entries);
    let mut protected = Vec::new();
    write::map(&mut protected, 2);
    write::integer(&mut protected, ALGORITHM_LABEL);
    write::integer(&mut protected, signer.algorithm().cose_id());
    write::integer(&mut protected, CONTENT_TYPE_LABEL);
    write::text(&mut protected, CONTENT_TYPE);
    let bytes = sign1(&protected, &payload, signer)?;
    drop(payload);
    let bundle = SignedBundle::decode(&bytes)?.verify(signer.public_key())?;
    let loaded = bundle.load(facts.created)?;
    Ok((bytes, loaded))
}

/// The number of the next bundle: that of its instant in seconds since 1970, or one more than the
/// last. So numbers grow also where nobody remembers the last, and over a clock that was set back.
pub fn next_number(last: Option<u64>, created: UnixTime) -> u64 {
    let by_time = u64::try_from(created.seconds()).unwrap_or(0).max(1);
    last.map_or(by_time, |last| by_time.max(last.saturating_add(1)))
}
