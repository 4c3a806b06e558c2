//! What each command does with a trust directory and a state directory.

use std::path::PathBuf;

use mdoc::time::UnixTime;
use mdoc::x509::{RevocationList, Vical};
use operator::{
    Change, DatedTrustFile, LockedTrustState, OperatorError, TrustAction, TrustPointer, TrustRecord,
    TrustState, TrustStateError,
};
use relying_party::{NewestLists, TrustConflict, TrustFile, sha256_text};

use super::review::{Fault, Loaded, Review, load};

/// Bytes of the words by which somebody says who they are.
const MAX_WHO: usize = 200;

/// A trust directory and the state directory that it is applied to.
pub(crate) struct Desk {
    /// The directory that the operator edits.
    pub(crate) source: Option<PathBuf>,
    pub(crate) state: TrustState,
}

/// Who asks for a change, and what they believe is in force.
pub(crate) struct Order {
    pub(crate) who: String,
    /// The snapshot that has to be in force, `sha256:…`: that of the preview, say.
    pub(crate) expected: Option<String>,
    pub(crate) now: UnixTime,
}

/// What is in force, as far as it can be read.
pub(crate) struct InForce {
    pub(crate) pointer: TrustPointer,
    /// The snapshot, or why its files are not those that were put in force.
    pub(crate) loaded: Result<Loaded, String>,
}

/// A change that was made.
pub(crate) struct Done {
    pub(crate) pointer: TrustPointer,
    pub(crate) review: Review,
    /// Newer lists that stayed in force when an earlier snapshot came back.
    pub(crate) kept: Vec<String>,
    /// What could not be written down after the change. It is in force all the same.
    pub(crate) unwritten: Vec<Unwritten>,
}

/// What a change could not write down.
pub(crate) struct Unwritten {
    /// A stable word for programs: `log` or `newest`.
    pub(crate) what: &'static str,
    /// Why.
    pub(crate) fault: TrustStateError,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// A file is broken.
    #[error("{}", fault_words(.0))]
    Broken(Vec<Fault>),
    /// The trust directory cannot be read.
    #[error("{0}")]
    Unreadable(OperatorError),
    /// A list would go back, or files contradict each other.
    #[error("{}", conflict_words(.0))]
    Conflict(Vec<TrustConflict>),
    /// Another change is at work.
    #[error("another change of trust is at work")]
    Busy,
    /// Something else is in force than the caller expects.
    #[error("{} is in force, not {expected}", found.as_deref().unwrap_or("nothing"))]
    Changed { expected: String, found: Option<String> },
    /// There is no snapshot to go back to.
    #[error("there is no earlier snapshot to go back to")]
    NothingBefore,
    /// The snapshot to go back to is not kept.
    #[error("the snapshot {0} is not among those that are kept")]
    NotKept(String),
    /// There is no directory to read.
    #[error("no trust directory is named")]
    NoSource,
    /// The words for who it is cannot stand in a log.
    #[error("who asks is told in up to {MAX_WHO} bytes without control characters")]
    Who,
    /// The state directory.
    #[error(transparent)]
    State(TrustStateError),
}

impl Refusal {
    /// A stable word for programs.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Broken(_) => "broken",
            Self::Unreadable(_) => "unreadable",
            Self::Conflict(_) => "conflict",
            Self::Busy => "busy",
            Self::Changed { .. } => "changed",
            Self::NothingBefore => "nothing_before",
            Self::NotKept(_) => "not_kept",
            Self::NoSource => "no_source",
            Self::Who => "who",
            Self::State(_) => "state",
        }
    }
}

fn fault_words(faults: &[Fault]) -> String {
    let words = faults.iter().map(|(file, why)| format!("{file}: {why}"));
    words.collect::<Vec<_>>().join("; ")
}

fn conflict_words(conflicts: &[TrustConflict]) -> String {
    let words = conflicts.iter().map(ToString::to_string);
    words.collect::<Vec<_>>().join("; ")
}

impl From<TrustStateError> for Refusal {
    fn from(error: TrustStateError) -> Self {
        match error {
            TrustStateError::Busy(_) => Self::Busy,
            error => Self::State(error),
        }
    }
}

impl Desk {
    /// What is in force; none before the first change.
    ///
    /// # Errors
    /// The pointer cannot be read.
    pub(crate) fn in_force(&self) -> Result<Option<InForce>, TrustStateError> {
        let Some(pointer) = self.state.current()? else {
            return Ok(None);
        };
        let loaded = self.snapshot(pointer.snapshot());
        Ok(Some(InForce { pointer, loaded }))
    }

    /// The snapshot of a hash, which its files must make.
    fn snapshot(&self, hash: &str) -> Result<Loaded, String> {
        let files = self.state.files(hash).map_err(|error| error.to_string())?;
        let loaded = load(files).map_err(|error| error.to_string())?;
        let found = sha256_text(&loaded.snapshot.hash());
        if found == hash {
            Ok(loaded)
        } else {
            Err(format!(
                "the files of the snapshot {hash} are other ones, of {found}"
            ))
        }
    }

    /// What applying the trust directory would change.
    ///
    /// # Errors
    /// A directory cannot be read.
    pub(crate) fn preview(&self, now: UnixTime) -> Result<(Option<InForce>, Review), Refusal> {
        let in_force = self.in_force()?;
        let newest = self.newest(in_force.as_ref())?;
        let review = Review::new(self.read_source()?, loaded(in_force.as_ref()), &newest, now);
        Ok((in_force, review))
    }

    /// Puts the trust directory in force.
    ///
    /// # Errors
    /// [`Refusal`]: nothing has changed then.
    pub(crate) fn apply(&self, order: &Order) -> Result<Done, Refusal> {
        check_who(&order.who)?;
        let locked = self.state.lock()?;
        let in_force = self.in_force()?;
        check_expected(order, in_force.as_ref())?;
        let newest = self.newest(in_force.as_ref())?;
        let review = Review::new(self.read_source()?, loaded(in_force.as_ref()), &newest, order.now);
        self.change(&locked, order, TrustAction::Apply, (review, Vec::new(), newest))
    }

    /// Puts an earlier snapshot in force again: the one before, unless `to` names another. Evidence is
    /// not taken back: CRLs, status lists and VICALs that are newer stay.
    ///
    /// # Errors
    /// [`Refusal`]: nothing has changed then.
    pub(crate) fn rollback(&self, order: &Order, to: Option<&str>) -> Result<Done, Refusal> {
        check_who(&order.who)?;
        let locked = self.state.lock()?;
        let in_force = self.in_force()?;
        check_expected(order, in_force.as_ref())?;
        let newest = self.newest(in_force.as_ref())?;
        let pointer = in_force.as_ref().map(|in_force| &in_force.pointer);
        let history = pointer
            .map(|pointer| pointer.history.as_slice())
            .unwrap_or_default();
        let hash = match to {
            None => history.first().ok_or(Refusal::NothingBefore)?,
            Some(to) => history
                .iter()
                .find(|kept| *kept == to)
                .ok_or_else(|| Refusal::NotKept(to.to_owned()))?,
        };
        let earlier = self
            .snapshot(hash)
            .map_err(|fault| Refusal::Broken(vec![(hash.clone(), fault)]))?;
        let (files, kept) = without_going_back(earlier, loaded(in_force.as_ref()), &newest);
        let review = Review::new(files, loaded(in_force.as_ref()), &newest, order.now);
        self.change(&locked, order, TrustAction::Rollback, (review, kept, newest))
    }

    /// The last changes, the latest first.
    ///
    /// # Errors
    /// The log cannot be read.
    pub(crate) fn last_changes(&self) -> Result<Vec<TrustRecord>, TrustStateError> {
        self.state.last_changes()
    }

    fn change(
        &self,
        locked: &LockedTrustState<'_>,
        order: &Order,
        action: TrustAction,
        (review, kept, mut newest): (Review, Vec<String>, NewestLists),
    ) -> Result<Done, Refusal> {
        let Some(offered) = review.offered.as_ref().filter(|_| review.faults.is_empty()) else {
            return Err(Refusal::Broken(review.faults));
        };
        if !review.conflicts.is_empty() {
            return Err(Refusal::Conflict(review.conflicts));
        }
        let hash = offered.snapshot.hash();
        let before = self.state.current()?;
        let same = before.is_some_and(|before| before.snapshot() == sha256_text(&hash));
        let action = if same { TrustAction::Confirm } else { action };
        let at = order.now.to_string();
        let Change { pointer, log } =
            locked.put_in_force(&offered.files, &hash, (action, &order.who, &at))?;
        // Should the program end before this, or fail, the next change finds these lists in the snapshot in force.
        newest.merge(&NewestLists::of(&offered.snapshot));
        let remembered = self.state.remember(&newest);
        let unwritten = [("log", log), ("newest", remembered)].into_iter();
        let unwritten = unwritten.filter_map(|(what, written)| {
            let fault = written.err()?;
            tracing::error!(what, %fault, "trust was changed, and this is not written down yet");
            Some(Unwritten { what, fault })
        });
        let unwritten = unwritten.collect();
        tracing::info!(
            action = action.name(),
            number = pointer.change.number,
            who = pointer.change.who,
            before = pointer.change.before,
            after = pointer.change.after,
            "trust was changed"
        );
        Ok(Done {
            pointer,
            review,
            kept,
            unwritten,
        })
    }

    /// The newest lists that ever were in force. Those of the snapshot in force are always among them,
    /// also where the program ended before it could write them down.
    fn newest(&self, in_force: Option<&InForce>) -> Result<NewestLists, TrustStateError> {
        let mut newest = self.state.newest()?;
        if let Some(loaded) = loaded(in_force) {
            newest.merge(&NewestLists::of(&loaded.snapshot));
        }
        Ok(newest)
    }

    fn read_source(&self) -> Result<Vec<DatedTrustFile>, Refusal> {
        let source = self.source.as_ref().ok_or(Refusal::NoSource)?;
        operator::read_dated_trust(source).map_err(Refusal::Unreadable)
    }
}

fn loaded(in_force: Option<&InForce>) -> Option<&Loaded> {
    in_force.and_then(|in_force| in_force.loaded.as_ref().ok())
}

fn check_expected(order: &Order, in_force: Option<&InForce>) -> Result<(), Refusal> {
    let found = in_force.map(|in_force| in_force.pointer.snapshot());
    match &order.expected {
        Some(expected) if Some(expected.as_str()) != found => Err(Refusal::Changed {
            expected: expected.clone(),
            found: found.map(str::to_owned),
        }),
        _ => Ok(()),
    }
}

/// What stands in the log must not be taken for another line of it, nor for a command of a terminal.
fn check_who(who: &str) -> Result<(), Refusal> {
    if who.len() > MAX_WHO || who.chars().any(char::is_control) {
        return Err(Refusal::Who);
    }
    Ok(())
}

/// The files of an earlier snapshot, with the evidence that is in force now in the place of what is
/// older; and the names of the files that stay by that.
fn without_going_back(
    earlier: Loaded,
    in_force: Option<&Loaded>,
    newest: &NewestLists,
) -> (Vec<DatedTrustFile>, Vec<String>) {
    let now: &[DatedTrustFile] = in_force.map_or(&[], |loaded| &loaded.files);
    let mut files: Vec<DatedTrustFile> = Vec::new();
    let mut kept = Vec::new();
    for file in earlier.files {
        match replacement(&file.file, now, newest) {
            Place::Stays => files.push(file),
            Place::Goes => {}
            Place::Gives(newer) => {
                // Under its own name, so that what narrows the list still stands beside it.
                kept.push(file.file.name.clone());
                let bytes = newer.file.bytes.clone();
                files.push(DatedTrustFile {
                    file: TrustFile { bytes, ..file.file },
                    written: newer.written,
                });
            }
        }
    }
    for newer in now {
        let is_evidence = newer.file.name.starts_with("crls/") || newer.file.name.starts_with("status/");
        let is_there = files.iter().any(|file| file.file.bytes == newer.file.bytes);
        if !is_evidence || is_there {
            continue;
        }
        let mut newer = newer.clone();
        if files.iter().any(|file| file.file.name == newer.file.name) {
            let (folder, name) = newer.file.name.split_once('/').unwrap_or_default();
            newer.file.name = format!("{folder}/kept-{}-{name}", files.len());
        }
        kept.push(newer.file.name.clone());
        files.push(newer);
    }
    (files, kept)
}

/// What becomes of a file of an earlier snapshot.
enum Place<'n> {
    Stays,
    /// What is in force has all of it, and newer.
    Goes,
    Gives(&'n DatedTrustFile),
}

fn replacement<'n>(file: &TrustFile, now: &'n [DatedTrustFile], newest: &NewestLists) -> Place<'n> {
    match file.name.split_once('/') {
        Some(("crls", _)) => {
            let lists = relying_party::pem_crls(&file.bytes).unwrap_or_else(|| vec![file.bytes.clone()]);
            let mut lists = lists.iter().filter_map(|der| RevocationList::from_der(der).ok());
            if lists.any(|list| newest.is_older_crl(&list)) {
                Place::Goes
            } else {
                Place::Stays
            }
        }
        Some(("vicals", _)) => {
            let Ok(list) = Vical::decode(&file.bytes) else {
                return Place::Stays;
            };
            if newest.check_vical(list.issue()).is_ok() {
                return Place::Stays;
            }
            let newer = now.iter().find(|other| {
                other.file.name.starts_with("vicals/")
                    && Vical::decode(&other.file.bytes).is_ok_and(|other| {
                        other.issue().provider == list.issue().provider
                            && newest.check_vical(other.issue()).is_ok()
                    })
            });
            newer.map_or(Place::Stays, Place::Gives)
        }
        _ => Place::Stays,
    }
}
