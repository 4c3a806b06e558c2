//! From a verified bundle to what judges: the same snapshot that a trust directory of these files gives.

use std::collections::BTreeMap;
use std::sync::Arc;

use mdoc::time::UnixTime;

use super::content::{BundleFacts, Entry};
use super::{Bundle, BundleError};
use crate::profile::{ProfileError, ProfileSet};
use crate::purpose::{Purpose, PurposeError};
use crate::trust::{TrustFile, TrustSnapshot};

/// A bundle, ready to judge by.
#[derive(Debug)]
pub struct LoadedBundle {
    facts: BundleFacts,
    trust: TrustSnapshot,
    purposes: BTreeMap<String, Purpose>,
    anchors_as_of: UnixTime,
}

impl Bundle {
    /// Reads the files by the very rules that files of a trust directory are read by: what is at
    /// fault there is at fault here, and being in a signed bundle makes no list or certificate more
    /// trusted.
    ///
    /// # Errors
    /// The bundle does not count at `now`, or a file in it is at fault.
    pub fn load(self, now: UnixTime) -> Result<LoadedBundle, BundleError> {
        let Self { facts, entries } = self;
        facts.check_at(now)?;
        let (mut files, mut purposes, mut profiles) = (Vec::new(), BTreeMap::new(), Vec::new());
        let mut anchors_as_of = facts.created;
        for Entry {
            name,
            fetched,
            content,
            ..
        } in entries
        {
            match name.split_once('/') {
                Some(("profiles", _)) => profiles.push((name, content)),
                Some(("purposes", _)) => {
                    let purpose = purpose(&name, &content)?;
                    if let Some(twice) = purposes.insert(purpose.id().to_owned(), purpose) {
                        return Err(BundleError::PurposeTwice(twice.id().to_owned()));
                    }
                }
                folder => {
                    if matches!(folder, Some(("anchors" | "vicals", _))) {
                        anchors_as_of = anchors_as_of.min(fetched);
                    }
                    files.push(TrustFile { name, bytes: content });
                }
            }
        }
        let profiles = if profiles.is_empty() {
            ProfileSet::built_in()
        } else {
            Arc::new(profile_set(&profiles)?)
        };
        Ok(LoadedBundle {
            facts,
            trust: TrustSnapshot::with_profiles(files, profiles).map_err(BundleError::Trust)?,
            purposes,
            anchors_as_of,
        })
    }
}

fn purpose(name: &str, content: &[u8]) -> Result<Purpose, BundleError> {
    core::str::from_utf8(content)
        .map_err(|error| PurposeError::Toml(error.to_string()))
        .and_then(Purpose::from_toml)
        .map_err(|error| BundleError::Purpose {
            name: name.to_owned(),
            error,
        })
}

fn profile_set(files: &[(String, Vec<u8>)]) -> Result<ProfileSet, BundleError> {
    let text = |(name, content): &(String, Vec<u8>)| {
        String::from_utf8(content.clone()).map_err(|_| BundleError::Profile(ProfileError::not_text(name)))
    };
    let texts = files.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    ProfileSet::new(texts.iter().map(String::as_str)).map_err(BundleError::Profile)
}

impl LoadedBundle {
    /// Number and times.
    pub const fn facts(&self) -> &BundleFacts {
        &self.facts
    }

    /// Whom to trust, with the evidence that came along.
    pub const fn trust(&self) -> &TrustSnapshot {
        &self.trust
    }

    /// Whom to trust, within other bounds on a response.
    #[must_use]
    pub fn with_limits(mut self, limits: mdoc::limits::Limits) -> Self {
        self.trust = self.trust.with_limits(limits);
        self
    }

    /// The purpose with this identifier.
    pub fn purpose(&self, id: &str) -> Option<&Purpose> {
        self.purposes.get(id)
    }

    /// All purposes, in the order of their identifiers.
    pub fn purposes(&self) -> impl ExactSizeIterator<Item = &Purpose> {
        self.purposes.values()
    }

    /// When the oldest of the files was fetched that say whom to trust.
    pub const fn anchors_as_of(&self) -> UnixTime {
        self.anchors_as_of
    }
}
