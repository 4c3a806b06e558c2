//! Codes that phones show to a camera of this machine, or that a recording of one holds.
//!
//! [`watch`] takes pictures from a [`device`] or a [`recording`] and looks at some of them: [`change`] says whether anything
//! moves, [`search`] finds the codes in black and white ([`bitmap`]), and [`sightings`] lets each count once. All of it runs
//! on one thread, so that pictures which come during a look are passed over.

#[cfg(feature = "camera-recording")]
mod bitmap;
#[cfg(feature = "camera-recording")]
mod change;
#[cfg(all(feature = "camera", target_os = "linux"))]
mod device;
mod fault;
#[cfg(feature = "camera-recording")]
mod picture;
#[cfg(feature = "camera-recording")]
mod recording;
#[cfg(feature = "camera-recording")]
mod search;
#[cfg(feature = "camera-recording")]
mod sightings;
#[cfg(all(test, feature = "camera-recording"))]
mod tests;
#[cfg(feature = "camera-recording")]
mod thread;
#[cfg(feature = "camera-recording")]
mod watch;

use std::path::PathBuf;

use clap::Args;
pub(crate) use fault::CameraFault;
#[cfg(test)]
pub(crate) use fault::{FrameFault, RecordingFault};
#[cfg(feature = "camera-recording")]
pub(crate) use thread::{attend, check, first_code};

#[cfg(not(feature = "camera-recording"))]
use crate::counter::StartError;

/// What a clerk is told while a camera waits for a code.
pub(crate) const WAITING: &str =
    "the camera waits: hold the code that the phone shows before it, a hand's breadth away";

/// Codes that phones show to a camera.
#[derive(Args, Clone)]
#[command(next_help_heading = "Camera")]
pub(crate) struct CameraFlags {
    /// A camera of this machine to which phones show their codes, such as /dev/video0. It may be unplugged and plugged in
    /// again. Linux only
    #[arg(long, value_name = "DEVICE")]
    pub(crate) camera: Option<PathBuf>,
    /// What a camera saw, in its place: a file in the form YUV4MPEG2 (.y4m), played as fast as it can be looked at
    #[arg(long, value_name = "FILE", conflicts_with = "camera")]
    pub(crate) camera_recording: Option<PathBuf>,
}

impl CameraFlags {
    /// Whether codes come by a camera, or by what one saw.
    pub(crate) const fn is_given(&self) -> bool {
        self.camera.is_some() || self.camera_recording.is_some()
    }
}

/// Whether a device is a camera whose pictures can be read. Nothing is set and none is taken.
#[cfg(all(feature = "camera", target_os = "linux"))]
pub(crate) fn look(path: &std::path::Path) -> Result<(), CameraFault> {
    device::look(path)
}

/// This build knows no cameras, and refuses them by [`check`].
#[cfg(not(all(feature = "camera", target_os = "linux")))]
#[expect(clippy::unnecessary_wraps, reason = "as where there are cameras")]
pub(crate) const fn look(_: &std::path::Path) -> Result<(), CameraFault> {
    Ok(())
}

/// This build has no camera.
#[cfg(not(feature = "camera-recording"))]
pub(crate) fn check(flags: &CameraFlags) -> Result<(), StartError> {
    if flags.is_given() {
        return Err(without_camera());
    }
    Ok(())
}

/// This build has no camera.
#[cfg(not(feature = "camera-recording"))]
pub(crate) fn attend(flags: &CameraFlags, _: &std::sync::Arc<crate::inbox::Inbox>) -> Result<(), StartError> {
    check(flags)
}

/// This build has no camera.
#[cfg(not(feature = "camera-recording"))]
pub(crate) fn first_code(
    _: &CameraFlags,
    _: std::time::Duration,
    _: &crate::transport::Stop,
) -> Result<Result<String, crate::failure::Failure>, StartError> {
    Err(without_camera())
}

#[cfg(not(feature = "camera-recording"))]
fn without_camera() -> StartError {
    StartError::Argument("this reader was built without cameras; build it with --features camera".to_owned())
}
