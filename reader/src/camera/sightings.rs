//! Which codes are in the picture: one that stays there counts once.

use std::time::Duration;

use zeroize::Zeroizing;

/// How long a code has to be out of the pictures before it counts again.
pub(super) const ABSENCE: Duration = Duration::from_secs(3);
/// The most that one look adds to an absence, however long ago the last one was: between looks nothing is known.
const MAX_STEP: Duration = Duration::from_millis(500);
/// The most codes that are remembered; of more the oldest goes.
const MAX_CODES: usize = 16;

/// The codes that are, or were a moment ago, in the picture.
#[derive(Default)]
pub(super) struct Sightings {
    present: Vec<Sighting>,
    last_look: Option<Duration>,
}

struct Sighting {
    code: Zeroizing<String>,
    absent: Duration,
}

impl Sightings {
    /// Takes in what one look at `now` has found, and gives what of it is new.
    pub(super) fn fresh(&mut self, codes: Vec<Zeroizing<String>>, now: Duration) -> Vec<Zeroizing<String>> {
        let step = self
            .last_look
            .replace(now)
            .map_or(Duration::ZERO, |last| now.saturating_sub(last).min(MAX_STEP));
        for sighting in &mut self.present {
            sighting.absent = match codes.contains(&sighting.code) {
                true => Duration::ZERO,
                false => sighting.absent + step,
            };
        }
        self.present.retain(|sighting| sighting.absent < ABSENCE);
        let mut fresh = Vec::new();
        for code in codes {
            if self.present.iter().any(|sighting| sighting.code == code) {
                continue;
            }
            if self.present.len() == MAX_CODES {
                self.present.remove(0);
            }
            self.present.push(Sighting {
                code: code.clone(),
                absent: Duration::ZERO,
            });
            fresh.push(code);
        }
        fresh
    }
}
