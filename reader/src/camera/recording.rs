//! Recorded pictures: YUV4MPEG2 (.y4m), a line of text and then each picture as it is, behind a line of its own.
//! Every video tool writes it, and it takes no decoder.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::time::Duration;

use super::fault::{CameraFault, RecordingFault};
use super::picture::{Frame, PixelFormat, check_size};
use super::watch::Source;

/// What every recording begins with.
const MAGIC: &[u8] = b"YUV4MPEG2";
/// What every picture begins with.
const FRAME: &[u8] = b"FRAME";
/// The most bytes of a line.
const MAX_LINE: u64 = 1024;
/// The most pictures a second; more are no recording of a camera.
const MAX_RATE: u64 = 1000;

/// A recording, read picture by picture.
pub(super) struct Recording {
    input: BufReader<File>,
    header: Header,
    /// The number of the next picture.
    frame: u64,
    luma: Vec<u8>,
}

/// What the first line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    width: usize,
    height: usize,
    /// Bytes of colour behind each picture.
    chroma: u64,
    /// How long a picture stands.
    interval: Duration,
}

impl Recording {
    /// Opens a file and reads its first line.
    pub(super) fn open(path: &Path) -> io::Result<Result<Self, RecordingFault>> {
        let mut input = BufReader::new(File::open(path)?);
        // A folder can be opened, but not read.
        let line = line(&mut input)?;
        Ok(line
            .ok_or(RecordingFault::NotY4m)
            .and_then(|line| Header::parse(&line))
            .map(|header| Self {
                input,
                header,
                frame: 0,
                luma: Vec::new(),
            }))
    }

    /// Reads the next picture into its place; false at the end.
    fn read(&mut self) -> Result<bool, RecordingFault> {
        let frame = self.frame;
        if self
            .input
            .fill_buf()
            .map_err(|_| RecordingFault::Read)?
            .is_empty()
        {
            return Ok(false);
        }
        let head = line(&mut self.input).map_err(|_| RecordingFault::Read)?;
        let head = head.ok_or(RecordingFault::NoFrame { frame })?;
        if head != FRAME && !head.starts_with(b"FRAME ") {
            return Err(RecordingFault::NoFrame { frame });
        }
        let Header {
            width,
            height,
            chroma,
            ..
        } = self.header;
        self.luma.resize(width * height, 0);
        let truncated = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => RecordingFault::Truncated { frame },
            _ => RecordingFault::Read,
        };
        self.input.read_exact(&mut self.luma).map_err(truncated)?;
        let passed = io::copy(&mut self.input.by_ref().take(chroma), &mut io::sink());
        if passed.map_err(truncated)? != chroma {
            return Err(RecordingFault::Truncated { frame });
        }
        self.frame += 1;
        Ok(true)
    }
}

impl Source for Recording {
    fn next(&mut self) -> Result<Option<(Frame<'_>, Duration)>, CameraFault> {
        // The time of a recording is its own, not that of the world: it is played as fast as it can be looked at.
        let at = self.header.interval * u32::try_from(self.frame).unwrap_or(u32::MAX);
        if !self.read()? {
            return Ok(None);
        }
        let Header { width, height, .. } = self.header;
        let frame = Frame {
            format: PixelFormat::GreyFirst,
            width,
            height,
            stride: width,
            bytes: &self.luma,
        };
        Ok(Some((frame, at)))
    }

    fn is_live(&self) -> bool {
        false
    }
}

impl Header {
    fn parse(line: &[u8]) -> Result<Self, RecordingFault> {
        let mut fields = line.split(|byte| *byte == b' ');
        if fields.next() != Some(MAGIC) {
            return Err(RecordingFault::NotY4m);
        }
        let (mut width, mut height) = (None, None);
        let mut colours: &[u8] = b"420";
        // Of no meaning for codes, but for how long a picture counts: many tools leave it out where it is not known.
        let mut interval = Duration::from_millis(40);
        for field in fields {
            match field {
                [b'W', value @ ..] => width = Some(number(value).ok_or(RecordingFault::Header('W'))?),
                [b'H', value @ ..] => height = Some(number(value).ok_or(RecordingFault::Header('H'))?),
                // Not known.
                b"F0:0" => {}
                [b'F', value @ ..] => interval = rate(value).ok_or(RecordingFault::Header('F'))?,
                [b'C', value @ ..] => colours = value,
                // Interlacing, the shape of pixels, comments.
                _ => {}
            }
        }
        let (Some(width), Some(height)) = (width, height) else {
            return Err(RecordingFault::Header('0'));
        };
        check_size(width, height).map_err(|_| RecordingFault::Size { width, height })?;
        let halves = width.div_ceil(2);
        let chroma = match colours {
            b"420" | b"420jpeg" | b"420mpeg2" | b"420paldv" => 2 * halves * height.div_ceil(2),
            b"422" => 2 * halves * height,
            b"444" => 2 * width * height,
            b"mono" => 0,
            _ => return Err(RecordingFault::Colours),
        };
        let chroma = u64::try_from(chroma).map_err(|_| RecordingFault::Size { width, height })?;
        Ok(Self {
            width,
            height,
            chroma,
            interval,
        })
    }
}

/// A line without its ending, or none where it has none within the bound.
fn line(input: &mut impl io::BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    input.take(MAX_LINE).read_until(b'\n', &mut line)?;
    Ok(match line.pop() {
        Some(b'\n') => Some(line),
        _ => None,
    })
}

fn number(digits: &[u8]) -> Option<usize> {
    core::str::from_utf8(digits).ok()?.parse().ok()
}

/// How long a picture stands at a rate of `A:B` pictures a second.
fn rate(value: &[u8]) -> Option<Duration> {
    let mut parts = value.splitn(2, |byte| *byte == b':');
    let pictures = u64::try_from(number(parts.next()?)?).ok()?;
    let seconds = u64::try_from(number(parts.next()?)?).ok()?;
    let nanoseconds = seconds.checked_mul(1_000_000_000)?.checked_div(pictures)?;
    let range = 1_000_000_000 / MAX_RATE..=3600 * 1_000_000_000;
    range
        .contains(&nanoseconds)
        .then(|| Duration::from_nanos(nanoseconds))
}
