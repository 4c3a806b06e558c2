//! A build without the feature `till` has standard output alone.

use super::event::TillEvent;
use super::flags::TillFlags;
use crate::counter::StartError;

/// What this build lacks, under the option that asks for it.
pub(crate) fn faults(flags: &TillFlags) -> Vec<(&'static str, StartError)> {
    let key = match flags {
        TillFlags {
            till_socket: Some(_), ..
        } => "till_socket",
        TillFlags {
            till_http: Some(_), ..
        } => "till_http",
        _ => "till_serial",
    };
    let words = "this reader was built without the till link; build it with --features till";
    let fault = (key, StartError::Argument(words.to_owned()));
    Vec::from_iter(flags.has_channels().then_some(fault))
}

/// No channels.
pub(super) struct Channels;

impl Channels {
    /// Refuses what this build lacks.
    pub(super) fn open(flags: &TillFlags) -> Result<Self, StartError> {
        if let Some((_, error)) = faults(flags).pop() {
            return Err(error);
        }
        Ok(Self)
    }

    #[expect(clippy::unused_self, reason = "as where there are channels")]
    pub(super) const fn publish(&self, _: &TillEvent) {}
}
