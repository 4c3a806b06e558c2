//! Tells of what ends soon: thirty, seven and one days before, and once it has ended.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mdoc::time::UnixTime;
use relying_party::{Dated, DatedKind};

use super::state::State;

/// How often it is looked for, where nothing has changed.
const LOOK: Duration = Duration::from_secs(3600);

/// What was told already.
#[derive(Default)]
pub(super) struct Expiry {
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    last: Option<Instant>,
    /// The last warning of each thing, by days.
    warnings: HashMap<(DatedKind, String), i64>,
}

impl Expiry {
    /// Tells what is new, if it is time to look or there is reason to.
    pub(super) fn look(&self, state: &State, changed: bool) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = told.last.is_none_or(|last| last.elapsed() >= LOOK);
        if !changed && !is_due {
            return;
        }
        told.last = Some(Instant::now());
        let now = (state.clock)();
        let mut warnings = HashMap::new();
        for dated in state.dated() {
            let Some(days) = dated.warning(now) else {
                continue;
            };
            let key = (dated.kind, dated.id.clone());
            if told.warnings.get(&key) != Some(&days) {
                tell(&dated, days, now);
            }
            warnings.insert(key, days);
        }
        // What is in force no more is forgotten, and told again should it come back.
        told.warnings = warnings;
    }
}

fn tell(dated: &Dated, warning: i64, now: UnixTime) {
    let until = dated.until.unwrap_or(now);
    let days = until.seconds().saturating_sub(now.seconds()).div_euclid(86_400);
    let (kind, name, until) = (dated.kind.name(), &dated.name, until.to_string());
    if warning == 0 {
        tracing::error!(kind, name, until, "has expired");
    } else {
        tracing::warn!(kind, name, until, days, warning, "expires soon");
    }
}
