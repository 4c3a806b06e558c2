//! `vicals/`: signed lists of anchors, and the authorities that vouch for their signers.

use std::collections::BTreeMap;
use std::sync::Arc;

use mdoc::evidence::Evidence;
use mdoc::time::UnixTime;
use mdoc::x509::{Anchor, Certificate, SignerChain, TrustList, Vical};

use crate::profile::ProfileSet;

use super::{Scope, TrustError, TrustFile, TrustSnapshot, certificates, scope};

/// A VICAL that a snapshot holds.
#[derive(Clone, Debug)]
pub struct HeldTrustList {
    /// The file it came from.
    pub file: String,
    /// Which issue of whose list, and while it counts.
    pub list: Arc<TrustList>,
    /// Entries that became anchors.
    pub accepted: usize,
    /// Entries left aside, each of which [`TrustSnapshot::skipped`] gives the reason of.
    pub skipped: usize,
    /// Who signed it: a copy counts no longer than they do.
    signer: SignerChain,
}

impl HeldTrustList {
    /// The provider, in its own words.
    pub fn provider(&self) -> &str {
        &self.list.issue.provider
    }

    /// The number of the issue, where the provider counts them.
    pub fn issue_id(&self) -> Option<u64> {
        self.list.issue.issue_id
    }

    /// When the list was issued.
    pub fn date(&self) -> UnixTime {
        self.list.issue.date
    }

    /// When the provider meant to issue the next.
    pub fn next_update(&self) -> Option<UnixTime> {
        self.list.next_update
    }
}

/// What the folder holds.
#[derive(Default)]
pub(super) struct Vicals {
    pub(super) lists: Vec<HeldTrustList>,
    /// The anchors of all lists, each with its name in the list of what is skipped and the place of
    /// its own list.
    pub(super) anchors: Vec<(Anchor, String, usize)>,
    pub(super) skipped: Vec<(String, String)>,
    /// Lists that come from an earlier snapshot and not from these files.
    pub(super) kept: Vec<Arc<TrustList>>,
    pub(super) authorities: Vec<Certificate>,
    /// Files of `skipped` whose place another issue of their provider beside them takes.
    pub(super) superseded: Vec<String>,
}

/// A list that is held until a newer one of its provider turns up.
enum Held<'a> {
    Read {
        file: &'a str,
        vical: Box<Vical>,
        list: TrustList,
    },
    /// A copy out of an earlier snapshot, in place of the file that goes back behind it.
    Kept {
        file: &'a str,
        earlier: &'a TrustSnapshot,
        known: &'a HeldTrustList,
    },
}

impl Held<'_> {
    fn list(&self) -> &TrustList {
        match self {
            Self::Read { list, .. } => list,
            Self::Kept { known, .. } => &known.list,
        }
    }

    fn file(&self) -> &str {
        match self {
            Self::Read { file, .. } | Self::Kept { file, .. } => file,
        }
    }
}

/// Who vouches for lists, and the CRLs by which they take that back.
#[derive(Clone, Copy)]
struct Vouchers<'v> {
    authorities: &'v [Certificate],
    evidence: &'v Evidence,
}

impl Vouchers<'_> {
    /// Whether a CRL at hand revokes the signer. A revocation is final, so that no time is asked.
    fn have_revoked(&self, signer: &SignerChain) -> bool {
        let mut authorities = self.authorities.iter();
        authorities.any(|authority| signer.is_revoked_below(authority, self.evidence))
    }
}

/// Reads the folder. `earlier` holds what no list may go back behind, `evidence` the CRLs that may
/// revoke a list's signer.
///
/// # Errors
/// An authority or a sidecar at fault. A list at fault is skipped, with its reason.
pub(super) fn read(
    files: &[TrustFile],
    profiles: &ProfileSet,
    evidence: &Evidence,
    earlier: Option<&TrustSnapshot>,
) -> Result<Vicals, TrustError> {
    let folder: Vec<(&TrustFile, &str)> = files
        .iter()
        .filter_map(|file| Some((file, file.name.strip_prefix("vicals/")?)))
        .collect();
    let authorities = authorities(&folder)?;
    let scopes = scopes(&folder, profiles)?;
    let vouchers = Vouchers {
        authorities: &authorities,
        evidence,
    };
    let mut vicals = Vicals::default();
    let mut held: Vec<Held<'_>> = Vec::new();
    for (file, name) in &folder {
        if kind(name) != Kind::List {
            continue;
        }
        if let Err(skip) = take(file, vouchers, earlier, &mut held, &mut vicals) {
            vicals.skip(file.name.clone(), skip);
        }
    }
    for held in held {
        let stem = held.file().strip_prefix("vicals/").map(stem);
        let scope = stem.and_then(|stem| scopes.get(stem));
        match held {
            Held::Read { file, vical, list } => vicals.read_list(file, *vical, list, scope),
            Held::Kept { earlier, known, .. } => vicals.keep_list(earlier, known, scope),
        }
    }
    vicals.authorities = authorities;
    Ok(vicals)
}

/// Judges one list and puts it in the place of an older one of its provider.
///
/// # Errors
/// Why it is skipped.
fn take<'a>(
    file: &'a TrustFile,
    vouchers: Vouchers<'_>,
    earlier: Option<&'a TrustSnapshot>,
    held: &mut Vec<Held<'a>>,
    vicals: &mut Vicals,
) -> Result<(), Skip> {
    let vical = Vical::decode(&file.bytes).map_err(|error| Skip::fault(error.to_string()))?;
    let list = vical
        .vouched_by(vouchers.authorities)
        .map_err(|fault| Skip::fault(fault.to_string()))?;
    if vouchers.have_revoked(vical.signer()) {
        return Err(Skip::fault(
            "the certificate of the list's signer is revoked".to_owned(),
        ));
    }
    let same_provider = |known: &TrustList| known.issue.provider == list.issue.provider;
    let place = held.iter().position(|other| same_provider(other.list()));
    let known = earlier.and_then(|earlier| {
        let mut lists = earlier.trust_lists().iter();
        Some((earlier, lists.find(|known| same_provider(&known.list))?))
    });
    if let Some((earlier, known)) = known
        && let Err(rollback) = vical.check_not_older(&known.list.issue)
    {
        // The copy is of no more worth than the authority that vouched for it.
        let mut authorities = vouchers.authorities.iter();
        let vouched =
            authorities.any(|a| a.sha256() == known.list.authority) && !vouchers.have_revoked(&known.signer);
        if place.is_none() && vouched {
            let file = file.name.as_str();
            held.push(Held::Kept { file, earlier, known });
        }
        return Err(Skip::fault(rollback.to_string()));
    }
    let read = Held::Read {
        file: &file.name,
        vical: Box::new(vical),
        list,
    };
    let Some(other) = place.and_then(|place| held.get_mut(place)) else {
        held.push(read);
        return Ok(());
    };
    read.list()
        .issue
        .check_not_older(&other.list().issue)
        .map_err(|rollback| Skip::superseded(rollback.to_string()))?;
    if read.list().issue == other.list().issue && matches!(other, Held::Read { .. }) {
        let words = format!("the same issue stands in {}", other.file());
        return Err(Skip::superseded(words));
    }
    if let Held::Read {
        file, list: older, ..
    } = &*other
    {
        let reason = match older.issue.check_not_older(&read.list().issue) {
            Err(rollback) => rollback.to_string(),
            Ok(()) => format!("{} takes its place", read.file()),
        };
        vicals.skip((*file).to_owned(), Skip::superseded(reason));
    }
    *other = read;
    Ok(())
}

/// Why a list is skipped.
struct Skip {
    reason: String,
    /// Another issue beside it counts in its place, so that nothing is lost.
    superseded: bool,
}

impl Skip {
    const fn fault(reason: String) -> Self {
        Self {
            reason,
            superseded: false,
        }
    }

    const fn superseded(reason: String) -> Self {
        Self {
            reason,
            superseded: true,
        }
    }
}

impl Vicals {
    fn skip(&mut self, file: String, Skip { reason, superseded }: Skip) {
        if superseded {
            self.superseded.push(file.clone());
        }
        self.skipped.push((file, reason));
    }

    fn read_list(&mut self, file: &str, vical: Vical, list: TrustList, scope: Option<&Scope>) {
        let list = Arc::new(list);
        let place = self.lists.len();
        let mut held = HeldTrustList {
            file: file.to_owned(),
            list: Arc::clone(&list),
            accepted: 0,
            skipped: 0,
            signer: vical.signer().clone(),
        };
        for entry in vical.into_entries() {
            let name = format!("{file} entry {}", entry.index);
            let anchor = entry
                .certificate
                .map_err(|fault| fault.to_string())
                .and_then(|certificate| {
                    let anchor = Anchor {
                        certificate,
                        doc_types: Some(entry.doc_types),
                        profile: None,
                        list: Some(Arc::clone(&list)),
                    };
                    narrowed(anchor, scope)
                });
            match anchor {
                Ok(anchor) => {
                    held.accepted += 1;
                    self.anchors.push((anchor, name, place));
                }
                Err(reason) => {
                    held.skipped += 1;
                    self.skipped.push((name, reason));
                }
            }
        }
        self.lists.push(held);
    }

    /// Takes over the anchors of a list that an earlier snapshot holds.
    fn keep_list(&mut self, earlier: &TrustSnapshot, known: &HeldTrustList, scope: Option<&Scope>) {
        let place = self.lists.len();
        let entries = format!("{} entry ", known.file);
        let skipped = earlier
            .skipped()
            .iter()
            .filter(|(name, _)| name.starts_with(&entries));
        self.skipped.extend(skipped.cloned());
        let mut held = HeldTrustList {
            accepted: 0,
            ..known.clone()
        };
        for anchor in earlier.anchors.anchors() {
            let of_list = anchor.list.as_ref();
            if !of_list.is_some_and(|list| Arc::ptr_eq(list, &known.list)) {
                continue;
            }
            match narrowed(anchor.clone(), scope) {
                Ok(anchor) => {
                    held.accepted += 1;
                    self.anchors.push((anchor, known.file.clone(), place));
                }
                Err(reason) => {
                    held.skipped += 1;
                    self.skipped.push((known.file.clone(), reason));
                }
            }
        }
        self.kept.push(Arc::clone(&known.list));
        self.lists.push(held);
    }
}

/// The anchor as far as its list's sidecar lets it vouch.
fn narrowed(mut anchor: Anchor, scope: Option<&Scope>) -> Result<Anchor, String> {
    let Some(scope) = scope else {
        return Ok(anchor);
    };
    anchor.profile.clone_from(&scope.profile);
    if let (Some(doc_types), Some(allowed)) = (&mut anchor.doc_types, &scope.doc_types) {
        doc_types.retain(|doc_type| allowed.contains(doc_type));
        if doc_types.is_empty() {
            return Err("none of its document types stands in the list's .toml".to_owned());
        }
    }
    Ok(anchor)
}

/// What a file of the folder is, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Authority,
    Sidecar,
    List,
}

fn kind(name: &str) -> Kind {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("pem" | "crt" | "cer" | "der") => Kind::Authority,
        Some("toml") => Kind::Sidecar,
        _ => Kind::List,
    }
}

fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

fn authorities(folder: &[(&TrustFile, &str)]) -> Result<Vec<Certificate>, TrustError> {
    let mut authorities = Vec::new();
    for (file, name) in folder {
        if kind(name) != Kind::Authority {
            continue;
        }
        let fault = |fault: String| TrustError {
            file: file.name.clone(),
            fault,
        };
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        for der in certificates(ending, &file.bytes).map_err(fault)? {
            authorities.push(Certificate::from_der(&der).map_err(|error| fault(error.to_string()))?);
        }
    }
    Ok(authorities)
}

fn scopes<'f>(
    folder: &[(&TrustFile, &'f str)],
    profiles: &ProfileSet,
) -> Result<BTreeMap<&'f str, Scope>, TrustError> {
    let mut scopes = BTreeMap::new();
    for (file, name) in folder {
        if kind(name) != Kind::Sidecar {
            continue;
        }
        let scope = scope(file, profiles)?;
        let lists = folder.iter().filter(|(_, other)| kind(other) == Kind::List);
        if !lists.into_iter().any(|(_, other)| stem(other) == stem(name)) {
            return Err(TrustError {
                file: file.name.clone(),
                fault: "there is no VICAL of this name beside it".to_owned(),
            });
        }
        scopes.insert(stem(name), scope);
    }
    Ok(scopes)
}
