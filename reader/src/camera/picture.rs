//! Grey pictures, made of what cameras send. A code needs no colours.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::fault::FrameFault;

/// The shortest side of a picture, in pixels: the smallest code has so many modules.
pub(super) const MIN_SIDE: usize = 21;
/// The longest side of a picture, in pixels.
pub(super) const MAX_SIDE: usize = 4096;
/// The most pixels that codes are looked for in. A larger picture is halved until it has no more.
const MAX_PIXELS: usize = 1920 * 1088;

/// What a JPEG begins with.
const START_OF_IMAGE: [u8; 2] = [0xff, 0xd8];
/// The mark of motion pictures, as AVI files have it. The decoder knows by it that Huffman tables which are not there are the
/// usual ones; many cameras send neither.
const MOTION: &[u8] = b"\xff\xe0\0\x07AVI1\0";

/// How a camera lays out a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(any(feature = "camera", test)),
    expect(dead_code, reason = "a recording has its grey first")
)]
pub(super) enum PixelFormat {
    /// One byte a pixel (GREY), or such a plane first and colours behind it (NV12, and the planar forms).
    GreyFirst,
    /// Pairs of pixels as luma, colour, luma, colour (YUYV).
    Yuyv,
    /// Each picture a JPEG (MJPG).
    Mjpg,
}

/// One picture as it came.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) format: PixelFormat,
    pub(super) width: usize,
    pub(super) height: usize,
    /// Bytes from one row to the next; of no meaning for a JPEG.
    pub(super) stride: usize,
    pub(super) bytes: &'a [u8],
}

/// A grey picture within the bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    width: usize,
    height: usize,
    /// Row by row, 0 black to 255 white.
    pixels: Vec<u8>,
}

/// Whether pictures of this size are worked on.
pub(super) fn check_size(width: usize, height: usize) -> Result<(), FrameFault> {
    let range = MIN_SIDE..=MAX_SIDE;
    if range.contains(&width) && range.contains(&height) {
        return Ok(());
    }
    Err(FrameFault::Size { width, height })
}

impl Frame<'_> {
    /// The grey picture.
    ///
    /// # Errors
    /// A size outside the bounds, too few bytes for it, or no JPEG.
    pub(super) fn picture(&self) -> Result<Picture, FrameFault> {
        let picture = match self.format {
            PixelFormat::Mjpg => jpeg(self.bytes)?,
            PixelFormat::GreyFirst => self.rows(1)?,
            PixelFormat::Yuyv => self.rows(2)?,
        };
        Ok(picture.bounded())
    }

    /// Takes the first byte of each pixel, of which there are `step` bytes.
    fn rows(&self, step: usize) -> Result<Picture, FrameFault> {
        let &Frame {
            width, height, bytes, ..
        } = self;
        check_size(width, height)?;
        let row = width * step;
        let stride = self.stride.max(row);
        // The last row may lack what fills up the others.
        let expected = stride.saturating_mul(height - 1).saturating_add(row);
        let found = bytes.len();
        if found < expected {
            return Err(FrameFault::Short { expected, found });
        }
        let mut pixels = Vec::with_capacity(width * height);
        for line in bytes.chunks(stride).take(height) {
            pixels.extend(line.iter().take(row).step_by(step));
        }
        Ok(Picture {
            width,
            height,
            pixels,
        })
    }
}

/// The luma of a JPEG, whose own size counts.
fn jpeg(bytes: &[u8]) -> Result<Picture, FrameFault> {
    let options = DecoderOptions::default()
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE)
        // What motion pictures of cameras never are: progressive, and so many times over.
        .jpeg_set_max_scans(16)
        .jpeg_set_out_colorspace(ColorSpace::Luma);
    let Some(rest) = bytes.strip_prefix(&START_OF_IMAGE) else {
        return Err(FrameFault::Jpeg);
    };
    let marked = [&START_OF_IMAGE, MOTION, rest].concat();
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(marked), options);
    decoder.decode_headers().map_err(|_| FrameFault::Jpeg)?;
    let info = decoder.info().ok_or(FrameFault::Jpeg)?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    check_size(width, height)?;
    let pixels = decoder.decode().map_err(|_| FrameFault::Jpeg)?;
    if pixels.len() != width * height {
        return Err(FrameFault::Jpeg);
    }
    Ok(Picture {
        width,
        height,
        pixels,
    })
}

impl Picture {
    /// A picture of these pixels, row by row.
    #[cfg(test)]
    pub(super) fn new(width: usize, height: usize, pixels: Vec<u8>) -> Result<Self, FrameFault> {
        check_size(width, height)?;
        let (expected, found) = (width * height, pixels.len());
        if found != expected {
            return Err(FrameFault::Short { expected, found });
        }
        Ok(Self {
            width,
            height,
            pixels,
        })
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    pub(super) const fn height(&self) -> usize {
        self.height
    }

    /// Row by row.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.pixels.chunks_exact(self.width)
    }

    pub(super) fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Half as wide and high, each pixel the mean of four: it takes away noise, and the pattern that the grid of a screen and
    /// that of a camera make together. None where no code could be left in it.
    pub(super) fn halved(&self) -> Option<Self> {
        let (width, height) = (self.width / 2, self.height / 2);
        check_size(width, height).ok()?;
        let mut pixels = Vec::with_capacity(width * height);
        for rows in self.pixels.chunks_exact(2 * self.width).take(height) {
            let (upper, lower) = rows.split_at(self.width);
            let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
            pixels.extend(pairs.map(|(upper, lower)| {
                let sum: u16 = upper.iter().chain(lower).map(|&pixel| u16::from(pixel)).sum();
                u8::try_from(sum / 4).unwrap_or(u8::MAX)
            }));
        }
        Some(Self {
            width,
            height,
            pixels,
        })
    }

    /// Twice as wide and high, with what lies between the pixels: modules of three pixels are found better so. None where
    /// it would have too many pixels.
    pub(super) fn enlarged(&self) -> Option<Self> {
        let (width, height) = (2 * self.width, 2 * self.height);
        if width * height > 2 * MAX_PIXELS {
            return None;
        }
        let wide: Vec<Vec<u8>> = self.rows().map(doubled).collect();
        let mut pixels = Vec::with_capacity(width * height);
        for (index, row) in wide.iter().enumerate() {
            let next = wide.get(index + 1).unwrap_or(row);
            pixels.extend_from_slice(row);
            pixels.extend(row.iter().zip(next).map(|(&upper, &lower)| upper.midpoint(lower)));
        }
        Some(Self {
            width,
            height,
            pixels,
        })
    }

    /// Halved as often as it takes to be worked on.
    fn bounded(self) -> Self {
        let mut picture = self;
        while picture.width * picture.height > MAX_PIXELS {
            match picture.halved() {
                Some(half) => picture = half,
                None => break,
            }
        }
        picture
    }
}

/// A row with the mean of two neighbours between them.
fn doubled(row: &[u8]) -> Vec<u8> {
    let next = row.iter().skip(1).chain(row.last());
    row.iter()
        .zip(next)
        .flat_map(|(&pixel, &next)| [pixel, pixel.midpoint(next)])
        .collect()
}
