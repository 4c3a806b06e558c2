//! A build without the feature `till` has standard output alone.

use super::event::TillEvent;
use super::flags::TillFlags;
use crate::counter::StartError;

/// No channels.
pub(super) struct Channels;

impl Channels {
    /// Refuses what this build lacks.
    pub(super) fn open(flags: &TillFlags) -> Result<Self, StartError> {
        if flags.has_channels() {
            return Err(StartError::Argument(
                "this reader was built without the till link; build it with --features till".to_owned(),
            ));
        }
        Ok(Self)
    }

    #[expect(clippy::unused_self, reason = "as where there are channels")]
    pub(super) const fn publish(&self, _: &TillEvent) {}
}
