//! What a trust directory would change, and what keeps it from taking the place of what is in force.

use mdoc::time::UnixTime;
use operator::{DatedTrustFile, undated};
use relying_party::{Dated, NewestLists, TrustChange, TrustConflict, TrustError, TrustSnapshot};

/// A file that cannot take its place, and why.
pub(crate) type Fault = (String, String);

/// Files and the snapshot that they make.
pub(crate) struct Loaded {
    pub(crate) files: Vec<DatedTrustFile>,
    pub(crate) snapshot: TrustSnapshot,
}

/// What would be if the offered files took their place.
pub(crate) struct Review {
    /// Absent where a file is so broken that there is no snapshot.
    pub(crate) offered: Option<Loaded>,
    pub(crate) change: TrustChange,
    pub(crate) files: FileChanges,
    /// What ends within thirty days or has ended, with the warning that it is due.
    pub(crate) expiring: Vec<(Dated, i64)>,
    pub(crate) conflicts: Vec<TrustConflict>,
    /// What is passed over and does no harm, such as an entry of a VICAL.
    pub(crate) left_aside: Vec<Fault>,
    pub(crate) faults: Vec<Fault>,
}

/// Names of files.
#[derive(Default)]
pub(crate) struct FileChanges {
    pub(crate) added: Vec<String>,
    pub(crate) removed: Vec<String>,
    pub(crate) changed: Vec<String>,
}

/// Makes the snapshot of files.
///
/// # Errors
/// A file is so broken that there is none.
pub(crate) fn load(files: Vec<DatedTrustFile>) -> Result<Loaded, TrustError> {
    let snapshot = TrustSnapshot::new(undated(&files))?;
    Ok(Loaded { files, snapshot })
}

impl Review {
    /// Holds offered files against what is in force and the newest lists that ever were.
    pub(crate) fn new(
        offered: Vec<DatedTrustFile>,
        in_force: Option<&Loaded>,
        newest: &NewestLists,
        now: UnixTime,
    ) -> Self {
        let files = FileChanges::between(in_force.map_or(&[], |loaded| &loaded.files), &offered);
        let loaded = match load(offered) {
            Ok(loaded) => loaded,
            Err(error) => {
                return Self {
                    offered: None,
                    change: TrustChange::default(),
                    files,
                    expiring: Vec::new(),
                    conflicts: Vec::new(),
                    left_aside: Vec::new(),
                    faults: vec![(error.file, error.fault)],
                };
            }
        };
        let snapshot = &loaded.snapshot;
        let mut faults: Vec<Fault> = snapshot.lost().cloned().collect();
        let left_aside = snapshot
            .skipped()
            .iter()
            .filter(|skipped| !faults.contains(skipped));
        let left_aside: Vec<Fault> = left_aside.cloned().collect();
        faults.extend(not_signed(&loaded));
        let dated = snapshot.dated().into_iter();
        let expiring = dated.filter_map(|dated| dated.warning(now).map(|days| (dated, days)));
        Self {
            change: TrustChange::between(in_force.map(|loaded| &loaded.snapshot), snapshot),
            files,
            expiring: expiring.collect(),
            conflicts: snapshot.conflicts(&undated(&loaded.files), newest),
            left_aside,
            faults,
            offered: Some(loaded),
        }
    }

    /// Whether the offered files may take their place.
    pub(crate) fn is_applicable(&self) -> bool {
        self.faults.is_empty() && self.conflicts.is_empty()
    }
}

/// CRLs in the name of an anchor that did not sign them.
fn not_signed(loaded: &Loaded) -> Vec<Fault> {
    let snapshot = &loaded.snapshot;
    let mut faults = Vec::new();
    for DatedTrustFile { file, .. } in &loaded.files {
        if !file.name.starts_with("crls/") {
            continue;
        }
        let lists = relying_party::pem_crls(&file.bytes).unwrap_or_else(|| vec![file.bytes.clone()]);
        let lists = lists
            .iter()
            .filter_map(|der| mdoc::x509::RevocationList::from_der(der).ok());
        if lists
            .into_iter()
            .any(|list| snapshot.signed_by_anchor(&list) == Some(false))
        {
            faults.push((
                file.name.clone(),
                "the CRL is not signed by its issuer".to_owned(),
            ));
        }
    }
    faults
}

impl FileChanges {
    fn between(before: &[DatedTrustFile], after: &[DatedTrustFile]) -> Self {
        let mut known: std::collections::BTreeMap<&str, &[u8]> = before
            .iter()
            .map(|dated| (dated.file.name.as_str(), dated.file.bytes.as_slice()))
            .collect();
        let mut changes = Self::default();
        for DatedTrustFile { file, .. } in after {
            match known.remove(file.name.as_str()) {
                None => changes.added.push(file.name.clone()),
                Some(bytes) if bytes != file.bytes => changes.changed.push(file.name.clone()),
                Some(_) => {}
            }
        }
        changes.removed.extend(known.into_keys().map(str::to_owned));
        changes.added.sort();
        changes.changed.sort();
        changes
    }
}
