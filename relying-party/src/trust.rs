//! The trust snapshot: anchors and evidence from named bytes, never changed once made.

mod change;
mod dated;
mod newest;
mod remarks;
mod vicals;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mdoc::evidence::{Evidence, EvidenceError};
use mdoc::limits::Limits;
use mdoc::x509::{Anchor, AnchorSet, Certificate, ChainCache, RevocationList, TrustList};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::profile::ProfileSet;

pub use change::{TrustChange, TrustScope, TrustedCertificate};
pub use dated::{Dated, DatedKind, WARNING_DAYS, dated_crl};
pub use newest::{NewestLists, TrustConflict};
pub use vicals::HeldTrustList;

/// A file of a trust directory: its path inside the directory, with `/`, and its content.
#[derive(Clone, Debug)]
pub struct TrustFile {
    /// `anchors/NAME.pem` (or `.crt`, `.cer`, `.der`), `anchors/NAME.toml`, `crls/…`, `status/…`,
    /// `vicals/…`: authorities' certificates, lists, and `.toml` beside a list.
    pub name: String,
    /// The content.
    pub bytes: Vec<u8>,
}

/// Whom a relying party trusts, and the evidence that came with it. The memory of checked chains
/// lives and dies with it.
#[derive(Debug)]
pub struct TrustSnapshot {
    pub(crate) anchors: AnchorSet,
    pub(crate) cache: ChainCache,
    pub(crate) profiles: Arc<ProfileSet>,
    evidence: Evidence,
    limits: Limits,
    hash: [u8; 32],
    skipped: Vec<(String, String)>,
    trust_lists: Vec<HeldTrustList>,
    authorities: Vec<Certificate>,
    superseded: Vec<String>,
}

/// Why files make no snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {fault}")]
pub struct TrustError {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub fault: String,
}

/// `anchors/NAME.toml`: what the anchors of NAME vouch for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scope {
    doc_types: Option<Vec<String>>,
    profile: Option<String>,
}

impl TrustSnapshot {
    /// Makes a snapshot. A certificate that is neither root nor link certificate is skipped and
    /// listed; a file that cannot be read at all is an error, so that nothing is trusted by half.
    /// A VICAL comes from outside: one at fault is skipped and listed, and the rest counts.
    ///
    /// # Errors
    /// [`TrustError`] with the file at fault.
    pub fn new(files: Vec<TrustFile>) -> Result<Self, TrustError> {
        Self::after(None, files, ProfileSet::built_in())
    }

    /// As [`Self::new`], judging by these document profiles.
    ///
    /// # Errors
    /// [`TrustError`] with the file at fault.
    pub fn with_profiles(files: Vec<TrustFile>, profiles: Arc<ProfileSet>) -> Result<Self, TrustError> {
        Self::after(None, files, profiles)
    }

    /// As [`Self::new`], but a VICAL that goes back behind one that `self` holds is skipped, and
    /// `self`'s copy stays while its authority does. Where a CRL goes back, `self`'s stays beside it
    /// and decides.
    ///
    /// # Errors
    /// [`TrustError`] with the file at fault.
    pub fn successor(&self, files: Vec<TrustFile>) -> Result<Self, TrustError> {
        Self::after(Some(self), files, Arc::clone(&self.profiles))
    }

    fn after(
        earlier: Option<&Self>,
        mut files: Vec<TrustFile>,
        profiles: Arc<ProfileSet>,
    ) -> Result<Self, TrustError> {
        files.sort_by(|left, right| left.name.cmp(&right.name));
        let scopes = scopes(&files, &profiles)?;
        let mut anchors = Vec::new();
        let mut names = Vec::new();
        let mut evidence = Evidence::default();
        let mut skipped = Vec::new();
        let mut superseded = Vec::new();
        for file in &files {
            let fault = |fault: String| TrustError {
                file: file.name.clone(),
                fault,
            };
            match file.name.split_once('/') {
                Some(("anchors", name)) => {
                    let Some((stem, kind)) = name.rsplit_once('.') else {
                        return Err(fault(ANCHOR_ENDINGS.to_owned()));
                    };
                    let scope = scopes.get(stem).cloned().unwrap_or_default();
                    for der in certificates(kind, &file.bytes).map_err(&fault)? {
                        let certificate = Certificate::from_der(&der).map_err(|e| fault(e.to_string()))?;
                        let Scope { doc_types, profile } = scope.clone();
                        anchors.push(Anchor {
                            certificate,
                            doc_types,
                            profile,
                            list: None,
                        });
                        names.push(file.name.clone());
                    }
                }
                Some(("crls", _)) => {
                    for der in crls_of(&file.bytes) {
                        if let Err(error) = evidence.add_crl(&der) {
                            if error == EvidenceError::TooMany {
                                superseded.push(file.name.clone());
                            }
                            skipped.push((file.name.clone(), error.to_string()));
                        }
                    }
                }
                Some(("status", _)) => {
                    if let Err(error) = evidence.add_token(&file.bytes) {
                        if error == EvidenceError::TooMany {
                            superseded.push(file.name.clone());
                        }
                        skipped.push((file.name.clone(), error.to_string()));
                    }
                }
                // All at once below: which of them count depends on the others.
                Some(("vicals", _)) => {}
                _ => return Err(fault("not a part of a trust directory".to_owned())),
            }
        }
        if let Some(earlier) = earlier {
            let (kept, behind) = evidence.not_behind(&earlier.evidence);
            evidence = kept;
            let older = || {
                (
                    "crls".to_owned(),
                    "a CRL older than the one that is held".to_owned(),
                )
            };
            skipped.extend(core::iter::repeat_with(older).take(behind));
        }
        let vicals = vicals::read(&files, &profiles, &evidence, earlier)?;
        let mut trust_lists = vicals.lists;
        let mut of_list = vec![None; anchors.len()];
        for (anchor, name, list) in vicals.anchors {
            anchors.push(anchor);
            names.push(name);
            of_list.push(Some(list));
        }
        skipped.extend(vicals.skipped);
        superseded.extend(vicals.superseded);
        let (anchors, faults) = AnchorSet::new(anchors);
        for (index, fault) in faults {
            skipped.push((names.get(index).cloned().unwrap_or_default(), fault.to_string()));
            let list = of_list.get(index).copied().flatten();
            if let Some(list) = list.and_then(|list| trust_lists.get_mut(list)) {
                list.accepted -= 1;
                list.skipped += 1;
            }
        }
        let hash = hash(&files, &vicals.kept);
        Ok(Self {
            anchors,
            cache: ChainCache::default(),
            profiles,
            evidence,
            limits: Limits::default(),
            hash,
            skipped,
            trust_lists,
            authorities: vicals.authorities,
            superseded,
        })
    }

    /// Bounds on the responses that are judged by this snapshot, in place of the default.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Bounds on the responses that are judged by this snapshot.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The evidence that came with the files.
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Whether one of the anchors of this CRL's issuer, or their successors, signed it; `None` where the issuer is no
    /// anchor, such as an intermediate, whose key only a document brings.
    pub fn signed_by_anchor(&self, list: &RevocationList) -> Option<bool> {
        let mut of_name = self
            .anchors
            .anchors()
            .iter()
            .filter(|anchor| anchor.certificate.subject_der() == list.issuer_der())
            .peekable();
        of_name.peek()?;
        let signed = |anchor: &Anchor| {
            anchor
                .certificate
                .public_key()
                .is_some_and(|key| list.is_signed_by(key))
        };
        Some(of_name.any(signed))
    }

    /// SHA-256 over all files, whatever order they came in, and over lists kept from before.
    pub const fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The anchors: those of the operator, then those of the lists.
    pub fn anchors(&self) -> &[Anchor] {
        self.anchors.anchors()
    }

    /// The certificates of the authorities behind VICALs.
    pub fn authorities(&self) -> &[Certificate] {
        &self.authorities
    }

    /// What keeps the snapshot of these files from following on what was in force: lists that go back
    /// behind `newest`, and certificates that two files say different things of.
    pub fn conflicts(&self, files: &[TrustFile], newest: &NewestLists) -> Vec<TrustConflict> {
        let mut conflicts = newest.conflicts(files, self);
        conflicts.extend(change::scope_conflicts(files, &self.profiles));
        conflicts
    }

    /// How many anchors are trusted.
    pub fn anchor_count(&self) -> usize {
        self.anchors.anchors().len()
    }

    /// What was left aside: file, for a list's entry with its place from 0, and reason.
    pub fn skipped(&self) -> &[(String, String)] {
        &self.skipped
    }

    /// Whole files of evidence and lists that were left aside although nothing beside them takes their
    /// place: by so much less is judged than the operator meant. File and reason.
    pub fn lost(&self) -> impl Iterator<Item = &(String, String)> {
        // An entry of a list carries more than the file's name.
        let is_file = |name: &str| !name.contains(" entry ") && !name.starts_with("anchors/");
        let lost = self.skipped.iter();
        lost.filter(move |(name, _)| is_file(name) && !self.superseded.contains(name))
    }

    /// The VICALs whose entries are trusted.
    pub fn trust_lists(&self) -> &[HeldTrustList] {
        &self.trust_lists
    }
}

fn scopes(files: &[TrustFile], profiles: &ProfileSet) -> Result<BTreeMap<String, Scope>, TrustError> {
    let mut scopes = BTreeMap::new();
    for file in files {
        let Some(stem) = file
            .name
            .strip_prefix("anchors/")
            .and_then(|name| name.strip_suffix(".toml"))
        else {
            continue;
        };
        let scope = scope(file, profiles)?;
        let anchor = |kind: &&str| format!("anchors/{stem}.{kind}");
        let anchors: Vec<String> = CERTIFICATE_ENDINGS.iter().map(anchor).collect();
        if !files.iter().any(|other| anchors.contains(&other.name)) {
            return Err(TrustError {
                file: file.name.clone(),
                fault: "there is no anchor of this name beside it".to_owned(),
            });
        }
        scopes.insert(stem.to_owned(), scope);
    }
    Ok(scopes)
}

/// Reads a sidecar.
fn scope(file: &TrustFile, profiles: &ProfileSet) -> Result<Scope, TrustError> {
    let fault = |fault: String| TrustError {
        file: file.name.clone(),
        fault,
    };
    let text = core::str::from_utf8(&file.bytes).map_err(|error| fault(error.to_string()))?;
    let scope: Scope = toml::from_str(text).map_err(|error| fault(error.to_string()))?;
    match scope.profile.as_deref() {
        Some(profile) if profiles.by_name(profile).is_none() => {
            Err(fault(format!("there is no document profile {profile}")))
        }
        _ => Ok(scope),
    }
}

/// Endings of files that hold certificates.
const CERTIFICATE_ENDINGS: [&str; 4] = ["pem", "crt", "cer", "der"];
/// What is wrong with a file of another ending.
const ANCHOR_ENDINGS: &str = "an anchor ends in .pem, .crt, .cer, .der or .toml";

pub(crate) fn certificates(kind: &str, bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    match kind {
        "pem" => pem_certificates(bytes).ok_or_else(|| "not PEM of certificates".to_owned()),
        "der" => Ok(vec![bytes.to_vec()]),
        // These two hold either form in the field.
        "crt" | "cer" => Ok(pem_certificates(bytes).unwrap_or_else(|| vec![bytes.to_vec()])),
        "toml" => Ok(Vec::new()),
        _ => Err(ANCHOR_ENDINGS.to_owned()),
    }
}

/// The certificates of a PEM text, at least one; `None` where it is none. Text between the blocks
/// is ignored, as RFC 7468 lets it be.
pub fn pem_certificates(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    pem_blocks(bytes, "CERTIFICATE")
}

/// The CRLs of a PEM text, at least one; `None` where it is none.
pub fn pem_crls(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    pem_blocks(bytes, "X509 CRL")
}

/// The CRLs of a file, PEM or DER.
fn crls_of(bytes: &[u8]) -> Vec<Vec<u8>> {
    pem_crls(bytes).unwrap_or_else(|| vec![bytes.to_vec()])
}

fn pem_blocks(bytes: &[u8], label: &str) -> Option<Vec<Vec<u8>>> {
    let text = core::str::from_utf8(bytes).ok()?;
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----"),
    );
    let mut blocks = Vec::new();
    for block in text.split(&begin).skip(1) {
        let (body, _) = block.split_once(&end)?;
        let body: String = body.split_ascii_whitespace().collect();
        blocks.push(STANDARD.decode(body).ok()?);
    }
    (!blocks.is_empty()).then_some(blocks)
}

fn hash(files: &[TrustFile], kept: &[Arc<TrustList>]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for file in files {
        for part in [file.name.as_bytes(), &file.bytes] {
            hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(part);
        }
    }
    for list in kept {
        hasher.update(list.sha256);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(name: &str, bytes: &[u8]) -> TrustError {
        TrustSnapshot::new(vec![TrustFile {
            name: name.to_owned(),
            bytes: bytes.to_vec(),
        }])
        .unwrap_err()
    }

    #[test]
    fn broken_files_are_named() {
        assert_eq!(fault("anchors/a.pem", b"no pem").fault, "not PEM of certificates");
        assert_eq!(fault("anchors/a.der", b"no der").fault, "not a DER certificate");
        assert_eq!(fault("anchors/a.crt", b"").fault, "not a DER certificate");
        assert_eq!(fault("anchors/a.cer", b"no der").fault, "not a DER certificate");
        for other in ["anchors/a.p7b", "anchors/a"] {
            assert_eq!(
                fault(other, b"").fault,
                "an anchor ends in .pem, .crt, .cer, .der or .toml"
            );
        }
        assert_eq!(fault("vicals/a.pem", b"no pem").fault, "not PEM of certificates");
        assert_eq!(fault("vicals/a.crt", b"no der").fault, "not a DER certificate");
        assert_eq!(
            fault("vicals/a.toml", b"").fault,
            "there is no VICAL of this name beside it"
        );
        assert!(fault("vicals/a.toml", b"colour = 1").fault.contains("colour"));
        assert_eq!(
            fault("anchors/a.toml", b"").fault,
            "there is no anchor of this name beside it"
        );
        assert!(fault("anchors/a.toml", b"colour = 1").fault.contains("colour"));
        assert_eq!(
            fault("anchors/a.toml", b"profile = \"x\"").fault,
            "there is no document profile x"
        );
        assert_eq!(fault("notes.txt", b"").fault, "not a part of a trust directory");
        assert_eq!(fault("notes.txt", b"").file, "notes.txt");
    }

    #[test]
    fn the_hash_depends_on_names_and_bytes_and_not_on_order() {
        let file = |name: &str, bytes: &[u8]| TrustFile {
            name: name.to_owned(),
            bytes: bytes.to_vec(),
        };
        let hash = |files: Vec<TrustFile>| TrustSnapshot::new(files).unwrap().hash();
        let (one, two) = (file("status/a", b"1"), file("status/b", b"2"));
        assert_eq!(
            hash(vec![one.clone(), two.clone()]),
            hash(vec![two.clone(), one.clone()])
        );
        assert_ne!(hash(vec![one.clone()]), hash(vec![one.clone(), two]));
        assert_ne!(hash(vec![one]), hash(vec![file("status/a", b"2")]));
    }

    #[test]
    fn what_cannot_be_used_yet_is_listed() {
        let file = |name: &str| TrustFile {
            name: name.to_owned(),
            bytes: b"x".to_vec(),
        };
        let snapshot = TrustSnapshot::new(vec![file("crls/a"), file("vicals/b")]).unwrap();
        let names: Vec<&str> = snapshot.skipped().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["crls/a", "vicals/b"]);
        assert_eq!(snapshot.anchor_count(), 0);
    }
}
