//! What goes wrong with a camera or a recording: a code for programs, words for people.

use core::fmt;

/// A fault of the camera, of its pictures, or of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(any(feature = "camera", test)),
    expect(dead_code, reason = "only a camera fails in these ways")
)]
pub(crate) enum CameraFault {
    /// There is no device of this name.
    NoDevice,
    /// The device is no camera that sends streams.
    NotACamera,
    /// This user may not open it.
    Permission,
    /// Another program has it.
    Busy,
    /// It offers no form of pictures that can be read.
    NoFormat,
    /// It was unplugged, or its driver gave up.
    Gone,
    /// It sends no pictures.
    Silent,
    /// A picture cannot be read.
    Frame(FrameFault),
    /// The recording.
    Recording(RecordingFault),
}

/// Why bytes are no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "camera-recording"),
    expect(dead_code, reason = "this build looks at no pictures")
)]
pub(crate) enum FrameFault {
    /// A side is too short for any code, or too long to work on.
    Size { width: usize, height: usize },
    /// Fewer bytes than a picture of its size takes.
    Short { expected: usize, found: usize },
    /// No JPEG picture.
    Jpeg,
}

/// Why a file is no recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "camera-recording"),
    expect(dead_code, reason = "this build looks at no pictures")
)]
pub(crate) enum RecordingFault {
    /// It does not begin with the line of YUV4MPEG2.
    NotY4m,
    /// A field of the first line that makes no sense, by its letter; or 0 where one is missing.
    Header(char),
    /// Samples that are not of eight bits, or colours that are not laid out as known.
    Colours,
    /// The bounds on pictures.
    Size { width: usize, height: usize },
    /// Something else stands where picture number so-and-so, from 0 on, begins.
    NoFrame { frame: u64 },
    /// It ends within picture number so-and-so, from 0 on.
    Truncated { frame: u64 },
    /// It cannot be read on.
    Read,
}

impl CameraFault {
    /// The stable code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::NoDevice | Self::NotACamera | Self::Gone | Self::Silent => "camera.device",
            Self::Permission => "camera.permission",
            Self::Busy => "camera.busy",
            Self::NoFormat | Self::Frame(_) => "camera.format",
            Self::Recording(_) => "camera.recording",
        }
    }

    /// What to do now.
    pub(crate) const fn next_step(&self) -> &'static str {
        match self {
            Self::NoDevice | Self::Gone => {
                "plug the camera in, or name the one to use (v4l2-ctl --list-devices shows them)"
            }
            Self::NotACamera => {
                "name another device: a camera often has several, and the first is the one with pictures"
            }
            Self::Permission => {
                "let this user have cameras: usermod -aG video USER, log in anew, and start again"
            }
            Self::Busy => "end the other program that has the camera",
            Self::NoFormat | Self::Frame(_) => {
                "use another camera: one that offers YUYV, NV12, GREY or MJPG at 1280x720 or so"
            }
            Self::Silent => "plug the camera in anew, into a port of its own",
            Self::Recording(_) => {
                "make the recording anew, as YUV4MPEG2 with eight bits a sample (ffmpeg -i VIDEO -pix_fmt yuv420p recording.y4m)"
            }
        }
    }
}

impl fmt::Display for CameraFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDevice => f.write_str("there is no camera of this name"),
            Self::NotACamera => f.write_str("this device is no camera that sends pictures"),
            Self::Permission => f.write_str("this user may not use the camera"),
            Self::Busy => f.write_str("another program uses the camera"),
            Self::NoFormat => f.write_str("the camera offers no form of pictures that can be read here"),
            Self::Gone => f.write_str("the camera is gone"),
            Self::Silent => f.write_str("the camera sends no pictures"),
            Self::Frame(fault) => write!(f, "the camera sends no pictures that can be read: {fault}"),
            Self::Recording(fault) => write!(f, "the recording {fault}"),
        }
    }
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { width, height } => write!(f, "{width}x{height} is outside the bounds on pictures"),
            Self::Short { expected, found } => {
                write!(f, "{found} bytes where a picture takes {expected}")
            }
            Self::Jpeg => f.write_str("no JPEG picture"),
        }
    }
}

impl fmt::Display for RecordingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotY4m => f.write_str("is not YUV4MPEG2 (.y4m)"),
            Self::Header('0') => f.write_str("does not say how large its pictures are"),
            Self::Header(field) => write!(f, "has a first line whose field {field} makes no sense"),
            Self::Colours => {
                f.write_str("has colours that are not in eight bits a sample, 4:2:0, 4:2:2, 4:4:4 or mono")
            }
            Self::Size { width, height } => {
                write!(f, "has pictures of {width}x{height}, which is outside the bounds")
            }
            Self::NoFrame { frame } => write!(f, "has something else where picture {frame} should begin"),
            Self::Truncated { frame } => write!(f, "ends within picture {frame}"),
            Self::Read => f.write_str("cannot be read to its end"),
        }
    }
}

impl From<FrameFault> for CameraFault {
    fn from(fault: FrameFault) -> Self {
        Self::Frame(fault)
    }
}

impl From<RecordingFault> for CameraFault {
    fn from(fault: RecordingFault) -> Self {
        Self::Recording(fault)
    }
}
