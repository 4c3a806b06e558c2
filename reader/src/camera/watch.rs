//! Looks at pictures as they come: at few of them while nothing changes, at none while a phone is being read.

use std::time::{Duration, Instant};

use super::change::Change;
use super::fault::{CameraFault, FrameFault};
use super::picture::{Frame, Picture};
use super::search::{codes, is_engagement};
use super::sightings::Sightings;

/// From one look to the next while something moves.
const PACE: Duration = Duration::from_millis(100);
/// From one look to the next while nothing does.
const STILL_PACE: Duration = Duration::from_millis(250);
/// How long codes are searched for after the last change: a phone is held still, a camera focuses, and a code that was taken
/// away has to be missed for [`ABSENCE`](super::sightings::ABSENCE).
const SETTLE: Duration = Duration::from_secs(4);
/// Codes are searched for so often all the same: what comes very slowly into the picture is no change.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A camera rests so many times as long as a look has taken, so that no picture takes more than this part of a core.
const REST: u32 = 3;
/// How often to see whether a phone is still being read.
const BUSY_PAUSE: Duration = Duration::from_millis(100);
/// Pictures that a camera may hold from before a pause.
const STALE: u32 = 4;
/// So many pictures in a row that cannot be read are a fault of the camera; one or two are met after each start.
const MAX_BAD_FRAMES: u32 = 20;

/// Where pictures come from.
pub(super) trait Source {
    /// The next picture, and its time by the source's own clock; none at the end.
    fn next(&mut self) -> Result<Option<(Frame<'_>, Duration)>, CameraFault>;

    /// Whether pictures come in the world's time, and are lost where nobody takes them.
    fn is_live(&self) -> bool;
}

/// Who works on the codes.
pub(super) trait Recipient {
    /// Whether a code is being worked on, or waits for it.
    fn is_busy(&self) -> bool;

    /// Whether no more codes are wanted.
    fn is_over(&self) -> bool;

    /// Takes a code that is meant to be one of a mobile document.
    fn take(&self, code: &str);

    /// Hears of a code that is not.
    fn take_other(&self);

    /// Hears of pictures: the camera works.
    fn see(&self);
}

/// What is known from one picture to the next. It outlives a camera that is unplugged.
#[derive(Default)]
pub(super) struct Watch {
    change: Change,
    sightings: Sightings,
    /// When something has changed, and when codes were searched for.
    changed: Option<Duration>,
    searched: Option<Duration>,
    /// When to look again.
    due: Duration,
    stale: u32,
    bad_frames: u32,
}

impl Watch {
    /// Until no more codes are wanted, or the source ends.
    pub(super) fn run(
        &mut self,
        source: &mut dyn Source,
        recipient: &dyn Recipient,
    ) -> Result<(), CameraFault> {
        let is_live = source.is_live();
        while !recipient.is_over() {
            if recipient.is_busy() {
                self.stale = if is_live { STALE } else { 0 };
                std::thread::sleep(BUSY_PAUSE);
                continue;
            }
            let Some((frame, at)) = source.next()? else {
                return Ok(());
            };
            if self.stale > 0 {
                self.stale -= 1;
                continue;
            }
            if at < self.due {
                continue;
            }
            let begun = Instant::now();
            match frame.picture() {
                Ok(picture) => {
                    self.bad_frames = 0;
                    recipient.see();
                    self.look(&picture, at, recipient);
                }
                Err(fault) => self.bad(fault)?,
            }
            let pace = if self.is_moving(at) { PACE } else { STILL_PACE };
            self.due = at + pace;
            if is_live {
                let taken = begun.elapsed();
                std::thread::sleep(pace.saturating_sub(taken).max(taken * REST));
            }
        }
        Ok(())
    }

    fn bad(&mut self, fault: FrameFault) -> Result<(), CameraFault> {
        self.bad_frames += 1;
        match self.bad_frames {
            MAX_BAD_FRAMES.. => {
                self.bad_frames = 0;
                Err(fault.into())
            }
            _ => Ok(()),
        }
    }

    /// One look at one picture.
    fn look(&mut self, picture: &Picture, at: Duration, recipient: &dyn Recipient) {
        if self.change.is_in(picture) {
            self.changed = Some(at);
        }
        let is_time = self.searched.is_none_or(|searched| at >= searched + HEARTBEAT);
        if !is_time && !self.is_moving(at) {
            return;
        }
        self.searched = Some(at);
        for code in self.sightings.fresh(codes(picture), at) {
            if is_engagement(&code) {
                recipient.take(&code);
            } else {
                recipient.take_other();
            }
        }
    }

    fn is_moving(&self, at: Duration) -> bool {
        self.changed.is_some_and(|changed| at < changed + SETTLE)
    }
}
