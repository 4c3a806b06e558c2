//! The newest issue of each list that was ever in force. Kept over a restart, it is what no later
//! change of trust may go back behind (ISO/IEC 18013-5 Annex B.10, Annex C).

use std::collections::BTreeMap;

use mdoc::time::UnixTime;
use mdoc::x509::{RevocationList, VicalIssue};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::dated::is_void;
use super::{TrustFile, TrustSnapshot, crls_of};
use crate::verdict::sha256_text;

/// What is known of lists. [`serde`] writes it for a state directory and refuses what it does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewestLists {
    /// By issuer and key.
    crls: BTreeMap<String, CrlFacts>,
    /// By the provider's own words.
    vicals: BTreeMap<String, VicalFacts>,
}

/// How new a CRL is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CrlFacts {
    /// In hexadecimal without leading zeros, so that of two numbers the longer is the larger.
    number: Option<String>,
    /// Seconds since the epoch.
    this_update: i64,
}

/// How new a VICAL is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VicalFacts {
    issue_id: Option<u64>,
    /// Seconds since the epoch.
    date: i64,
}

/// What keeps a trust directory from taking the place of what is in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustConflict {
    /// A CRL goes back behind one of its issuer and key.
    #[error(
        "{file}: the CRL {} of {this_update} is older than {} of {known_update}, which was in force",
        number_words(number),
        number_words(known_number)
    )]
    OlderCrl {
        /// The file.
        file: String,
        /// Its number, in hexadecimal.
        number: Option<String>,
        /// When it was made.
        this_update: UnixTime,
        /// The number that is known.
        known_number: Option<String>,
        /// When that one was made.
        known_update: UnixTime,
    },
    /// A VICAL goes back behind an issue of its provider.
    #[error("{file}: {rollback}")]
    OlderVical {
        /// The file.
        file: String,
        /// In which way.
        rollback: mdoc::x509::Rollback,
    },
    /// One certificate stands in two files that say different things of it: the wider scope would count.
    #[error("{file}: the same certificate stands in {other} with another scope")]
    ScopeTwice {
        /// The file.
        file: String,
        /// The other.
        other: String,
    },
}

impl TrustConflict {
    /// A stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OlderCrl { .. } => "older_crl",
            Self::OlderVical { .. } => "older_vical",
            Self::ScopeTwice { .. } => "scope_twice",
        }
    }

    /// The file at fault.
    pub fn file(&self) -> &str {
        match self {
            Self::OlderCrl { file, .. } | Self::OlderVical { file, .. } | Self::ScopeTwice { file, .. } => {
                file
            }
        }
    }
}

fn number_words(number: &Option<String>) -> &str {
    number.as_deref().unwrap_or("without a number")
}

impl CrlFacts {
    fn of(list: &RevocationList) -> Self {
        Self {
            number: list.number().map(ToString::to_string),
            this_update: list.this_update().seconds(),
        }
    }

    fn rank(&self) -> Option<(usize, &str)> {
        self.number.as_deref().map(|number| (number.len(), number))
    }

    /// As [`RevocationList::check_not_older`] has it.
    fn is_behind(&self, known: &Self) -> bool {
        self.rank() < known.rank() || self.this_update < known.this_update
    }

    fn raise(&mut self, other: &Self) {
        if self.rank() < other.rank() {
            self.number.clone_from(&other.number);
        }
        self.this_update = self.this_update.max(other.this_update);
    }
}

impl VicalFacts {
    const fn of(issue: &VicalIssue) -> Self {
        Self {
            issue_id: issue.issue_id,
            date: issue.date.seconds(),
        }
    }

    fn issue(&self, provider: &str) -> VicalIssue {
        VicalIssue {
            provider: provider.to_owned(),
            issue_id: self.issue_id,
            date: instant(self.date),
        }
    }

    fn raise(&mut self, other: &Self) {
        self.issue_id = self.issue_id.max(other.issue_id);
        self.date = self.date.max(other.date);
    }
}

/// A file of this program's own making may be damaged; an impossible instant is then the earliest.
fn instant(seconds: i64) -> UnixTime {
    let epoch = || UnixTime::from_seconds(0).expect("invariant: 1970 is in range");
    UnixTime::from_seconds(seconds).unwrap_or_else(epoch)
}

/// Names a CRL's issuer and key without holding either.
fn crl_key(list: &RevocationList) -> String {
    let mut hasher = Sha256::new();
    let key = list.authority_key_identifier().unwrap_or_default();
    for part in [list.issuer_der(), key] {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    }
    sha256_text(&hasher.finalize().into())
}

/// Whether anything is decided by this list: one that its issuer did not sign, or whose form takes
/// its effect away, must not keep a good one out.
fn counts(list: &RevocationList, trust: &TrustSnapshot) -> bool {
    !is_void(list) && trust.signed_by_anchor(list) != Some(false)
}

impl NewestLists {
    /// The lists that this snapshot goes by.
    pub fn of(trust: &TrustSnapshot) -> Self {
        let mut newest = Self::default();
        for list in trust.evidence().crls().filter(|list| counts(list, trust)) {
            newest.note_crl(list);
        }
        for held in trust.trust_lists() {
            newest.note_vical(&held.list.issue);
        }
        newest
    }

    /// Remembers a CRL whose signature was verified.
    pub fn note_crl(&mut self, list: &RevocationList) {
        let facts = CrlFacts::of(list);
        let known = self.crls.entry(crl_key(list)).or_insert_with(|| facts.clone());
        known.raise(&facts);
    }

    /// Remembers an issue of a VICAL whose signer is vouched for.
    pub fn note_vical(&mut self, issue: &VicalIssue) {
        let facts = VicalFacts::of(issue);
        let known = self.vicals.entry(issue.provider.clone());
        known.or_insert_with(|| facts.clone()).raise(&facts);
    }

    /// Remembers all that `other` does too.
    pub fn merge(&mut self, other: &Self) {
        for (key, facts) in &other.crls {
            let known = self.crls.entry(key.clone()).or_insert_with(|| facts.clone());
            known.raise(facts);
        }
        for (provider, facts) in &other.vicals {
            let known = self.vicals.entry(provider.clone());
            known.or_insert_with(|| facts.clone()).raise(facts);
        }
    }

    /// Whether this CRL goes back behind what is known of its issuer and key.
    pub fn is_older_crl(&self, list: &RevocationList) -> bool {
        let known = self.crls.get(&crl_key(list));
        known.is_some_and(|known| CrlFacts::of(list).is_behind(known))
    }

    /// Holds an issue of a VICAL against what is known of its provider.
    ///
    /// # Errors
    /// It goes back.
    pub fn check_vical(&self, issue: &VicalIssue) -> Result<(), mdoc::x509::Rollback> {
        match self.vicals.get(&issue.provider) {
            Some(known) => issue.check_not_older(&known.issue(&issue.provider)),
            None => Ok(()),
        }
    }

    /// The lists among these files that would go back. Beside a list that does not, older ones of
    /// the same issuer or provider decide nothing and are no conflict. `trust` is the snapshot of the files.
    pub fn conflicts(&self, files: &[TrustFile], trust: &TrustSnapshot) -> Vec<TrustConflict> {
        let mut newest: BTreeMap<String, (&str, CrlFacts)> = BTreeMap::new();
        for file in files.iter().filter(|file| file.name.starts_with("crls/")) {
            let lists = crls_of(&file.bytes);
            for list in lists.iter().filter_map(|der| RevocationList::from_der(der).ok()) {
                if !counts(&list, trust) {
                    continue;
                }
                let facts = CrlFacts::of(&list);
                let order =
                    |facts: &CrlFacts| (facts.rank().map(|(l, n)| (l, n.to_owned())), facts.this_update);
                match newest.get_mut(&crl_key(&list)) {
                    Some((_, other)) if order(other) >= order(&facts) => {}
                    Some(place) => *place = (&file.name, facts),
                    None => {
                        newest.insert(crl_key(&list), (&file.name, facts));
                    }
                }
            }
        }
        let mut conflicts = Vec::new();
        for (key, (file, facts)) in newest {
            if let Some(known) = self.crls.get(&key).filter(|known| facts.is_behind(known)) {
                conflicts.push(TrustConflict::OlderCrl {
                    file: file.to_owned(),
                    number: facts.number,
                    this_update: instant(facts.this_update),
                    known_number: known.number.clone(),
                    known_update: instant(known.this_update),
                });
            }
        }
        for held in trust.trust_lists() {
            if let Err(rollback) = self.check_vical(&held.list.issue) {
                let file = held.file.clone();
                conflicts.push(TrustConflict::OlderVical { file, rollback });
            }
        }
        conflicts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(number: Option<&str>, this_update: i64) -> CrlFacts {
        CrlFacts {
            number: number.map(str::to_owned),
            this_update,
        }
    }

    #[test]
    fn a_crl_is_behind_by_its_number_or_its_date() {
        let known = facts(Some("0x0100"), 10);
        for (number, date, behind) in [
            (Some("0x0100"), 10, false),
            (Some("0x0101"), 10, false),
            (Some("0x010000"), 10, false),
            (Some("0xff"), 10, true),
            (Some("0xff"), 11, true),
            (Some("0x0101"), 9, true),
            (None, 11, true),
        ] {
            assert_eq!(facts(number, date).is_behind(&known), behind, "{number:?} {date}");
        }
    }

    #[test]
    fn what_is_known_only_rises() {
        let mut known = facts(Some("0x05"), 10);
        known.raise(&facts(Some("0x04"), 12));
        assert_eq!(known, facts(Some("0x05"), 12));
        known.raise(&facts(None, 1));
        assert_eq!(known, facts(Some("0x05"), 12));
        let issue = |issue_id, date| VicalIssue {
            provider: "p".to_owned(),
            issue_id,
            date: instant(date),
        };
        let mut newest = NewestLists::default();
        newest.note_vical(&issue(Some(7), 100));
        newest.note_vical(&issue(Some(6), 90));
        assert!(newest.check_vical(&issue(Some(7), 100)).is_ok());
        assert!(newest.check_vical(&issue(Some(6), 101)).is_err());
        assert!(newest.check_vical(&issue(Some(8), 99)).is_err());
        let mut other = NewestLists::default();
        other.merge(&newest);
        assert_eq!(other, newest);
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let mut newest = NewestLists::default();
        newest.note_vical(&VicalIssue {
            provider: "p".to_owned(),
            issue_id: None,
            date: instant(5),
        });
        let text = serde_json::to_string(&newest).unwrap();
        assert_eq!(serde_json::from_str::<NewestLists>(&text).unwrap(), newest);
        for other in ["{}", "{\"crls\":{},\"vicals\":{},\"more\":1}", "[1]"] {
            assert!(serde_json::from_str::<NewestLists>(other).is_err(), "{other}");
        }
    }
}
