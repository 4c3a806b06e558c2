//! The cache as files of a trust directory: for offline bundles.

use std::path::Path;

use mdoc::time::UnixTime;
use relying_party::TrustFile;
use sha2::{Digest as _, Sha256};

use super::store::{self, Stored};
use super::{FetchSettings, ListKind, StoreError};

/// A list that was fetched.
#[derive(Clone)]
pub struct Cached {
    /// The list as a file of the folder of its kind.
    pub file: TrustFile,
    /// When it was fetched.
    pub fetched_at: UnixTime,
}

/// The lists in the cache of these settings, also while a service keeps it: each file is whole at any moment. None
/// without a cache. What is damaged is left out, and left where it is; so is a VICAL that is no source any more.
///
/// # Errors
/// The directory cannot be read.
pub fn cached(settings: &FetchSettings) -> Result<Vec<Cached>, StoreError> {
    let Some(directory) = &settings.cache else {
        return Ok(Vec::new());
    };
    let mut lists = stored(settings, directory)?;
    // The same bundle of the same lists, whatever the order of a directory.
    lists.sort_by(|one, other| (one.kind, &one.uri, one.slot).cmp(&(other.kind, &other.uri, other.slot)));
    let lists = lists.into_iter().map(|list| Cached {
        file: file(list.kind, (&list.uri, list.slot), &list.bytes),
        fetched_at: list.fetched_at,
    });
    Ok(lists.collect())
}

fn stored(settings: &FetchSettings, directory: &Path) -> Result<Vec<Stored>, StoreError> {
    let mut lists = store::read_all(directory)?;
    lists.retain(|list| list.kind != ListKind::Vical || settings.is_source(list.kind, &list.uri));
    Ok(lists)
}

/// A fetched list as a file of a trust directory. Its name tells nothing and is the same for the same list.
pub(super) fn file(kind: ListKind, (uri, slot): (&str, u8), bytes: &[u8]) -> TrustFile {
    let digest = Sha256::digest(uri);
    let mut name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    if slot > 0 {
        name += &format!("-{slot}");
    }
    let (folder, ending) = match kind {
        ListKind::Crl => ("crls", "crl"),
        ListKind::Status => ("status", "token"),
        ListKind::Vical => ("vicals", "cbor"),
    };
    TrustFile {
        name: format!("{folder}/fetched-{name}.{ending}"),
        bytes: bytes.to_vec(),
    }
}
