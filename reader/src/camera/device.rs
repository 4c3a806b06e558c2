//! A camera of this machine, by Video4Linux.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use v4l::Device;
use v4l::buffer::Type;
use v4l::capability::Flags;
use v4l::format::{Description, Format, FourCC};
use v4l::io::mmap::Stream;
use v4l::io::traits::CaptureStream as _;
use v4l::video::Capture as _;
use v4l::video::capture::Parameters;

use super::fault::CameraFault;
use super::picture::{Frame, PixelFormat, check_size};
use super::watch::Source;

/// What is asked of a camera: enough for a code that fills a tenth of the picture, and cheap to search.
const SIZE: (u32, u32) = (1280, 720);
/// Pictures a second that are asked for. Not fewer: many cameras would open the shutter for longer, and blur.
const RATE: u32 = 15;
/// Pictures that the camera may fill while one is looked at.
const BUFFERS: u32 = 2;
/// How long a camera may take for a picture.
const PATIENCE: Duration = Duration::from_secs(3);

/// The forms of pictures that can be read, the cheapest first.
const FORMATS: [(&[u8; 4], PixelFormat); 4] = [
    (b"NV12", PixelFormat::GreyFirst),
    (b"GREY", PixelFormat::GreyFirst),
    (b"YUYV", PixelFormat::Yuyv),
    (b"MJPG", PixelFormat::Mjpg),
];

/// An open camera that sends pictures.
pub(super) struct Camera {
    stream: Stream<'static>,
    format: PixelFormat,
    width: usize,
    height: usize,
    stride: usize,
    /// What the time of pictures counts from.
    start: Instant,
}

impl Camera {
    /// Opens a device and agrees on pictures with it. Times count from `start`.
    ///
    /// # Errors
    /// [`CameraFault`].
    pub(super) fn open(path: &Path, start: Instant) -> Result<Self, CameraFault> {
        let device = camera(path)?;
        let (agreed, format) = agree(&device)?;
        // The camera's own rate does as well.
        let _ = device.set_params(&Parameters::with_fps(RATE));
        let mut stream =
            Stream::with_buffers(&device, Type::VideoCapture, BUFFERS).map_err(|error| fault(&error))?;
        stream.set_timeout(PATIENCE);
        let size = |length: u32| usize::try_from(length).unwrap_or(usize::MAX);
        Ok(Self {
            stream,
            format,
            width: size(agreed.width),
            height: size(agreed.height),
            stride: size(agreed.stride),
            start,
        })
    }
}

impl Source for Camera {
    fn next(&mut self) -> Result<Option<(Frame<'_>, Duration)>, CameraFault> {
        let (bytes, meta) = self.stream.next().map_err(|error| fault(&error))?;
        let used = usize::try_from(meta.bytesused).unwrap_or(usize::MAX);
        let frame = Frame {
            format: self.format,
            width: self.width,
            height: self.height,
            stride: self.stride,
            bytes: bytes.get(..used).unwrap_or(bytes),
        };
        Ok(Some((frame, self.start.elapsed())))
    }

    fn is_live(&self) -> bool {
        true
    }
}

/// Whether a device is a camera that offers pictures that can be read. Nothing is set and none is taken.
pub(super) fn look(path: &Path) -> Result<(), CameraFault> {
    let offered = camera(path)?.enum_formats().map_err(|error| fault(&error))?;
    let is_read = |offer: &Description| FORMATS.iter().any(|(name, _)| offer.fourcc == FourCC::new(name));
    offered
        .iter()
        .any(is_read)
        .then_some(())
        .ok_or(CameraFault::NoFormat)
}

/// Opens a device that captures video as a stream.
fn camera(path: &Path) -> Result<Device, CameraFault> {
    let device = Device::with_path(path).map_err(|error| fault(&error))?;
    let capabilities = device.query_caps().map_err(|_| CameraFault::NotACamera)?;
    let flags = capabilities.capabilities;
    flags
        .contains(Flags::VIDEO_CAPTURE | Flags::STREAMING)
        .then_some(device)
        .ok_or(CameraFault::NotACamera)
}

/// The first of the forms that the camera offers and grants, in a size that can be worked on.
fn agree(device: &Device) -> Result<(Format, PixelFormat), CameraFault> {
    let offered = device.enum_formats().map_err(|error| fault(&error))?;
    for (name, format) in FORMATS {
        let fourcc = FourCC::new(name);
        if !offered.iter().any(|offer| offer.fourcc == fourcc) {
            continue;
        }
        let (width, height) = SIZE;
        let granted = match device.set_format(&Format::new(width, height, fourcc)) {
            Ok(granted) => granted,
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => continue,
            Err(error) => return Err(fault(&error)),
        };
        let sides = usize::try_from(granted.width)
            .ok()
            .zip(usize::try_from(granted.height).ok());
        let is_bounded = sides.is_some_and(|(width, height)| check_size(width, height).is_ok());
        if granted.fourcc == fourcc && is_bounded {
            return Ok((granted, format));
        }
    }
    Err(CameraFault::NoFormat)
}

/// What the system says, in the terms of somebody who stands beside the camera.
fn fault(error: &io::Error) -> CameraFault {
    match error.kind() {
        io::ErrorKind::NotFound => CameraFault::NoDevice,
        io::ErrorKind::PermissionDenied => CameraFault::Permission,
        io::ErrorKind::ResourceBusy => CameraFault::Busy,
        io::ErrorKind::TimedOut => CameraFault::Silent,
        io::ErrorKind::InvalidInput => CameraFault::NotACamera,
        _ => CameraFault::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_camera_is_named() {
        let open = |path: &str| Camera::open(Path::new(path), Instant::now()).err();
        assert_eq!(open("/dev/video-that-is-not-there"), Some(CameraFault::NoDevice));
        assert_eq!(open("/dev/null"), Some(CameraFault::NotACamera));
        // A folder cannot be opened for writing.
        assert_eq!(open("/"), Some(CameraFault::Gone));
    }

    #[test]
    fn each_fault_of_the_system_is_told_in_its_own_words() {
        for (number, expected) in [
            (2, CameraFault::NoDevice),
            (13, CameraFault::Permission),
            (16, CameraFault::Busy),
            (19, CameraFault::Gone),
            (5, CameraFault::Gone),
            (22, CameraFault::NotACamera),
        ] {
            assert_eq!(
                fault(&io::Error::from_raw_os_error(number)),
                expected,
                "errno {number}"
            );
        }
        assert_eq!(fault(&io::ErrorKind::TimedOut.into()), CameraFault::Silent);
    }
}
