//! An invented portrait: a drawn face, as a JPEG that decodes.

use jpeg_encoder::{ColorType, Encoder};

const WIDTH: u16 = 120;
const HEIGHT: u16 = 150;

/// A JPEG of exactly `size` bytes, or of its natural size of a few kilobytes where that is larger.
/// The rest is filled with comment segments, which decoders step over.
pub fn portrait(size: usize) -> Vec<u8> {
    let mut jpeg = Vec::new();
    Encoder::new(&mut jpeg, 70)
        .encode(&pixels(), WIDTH, HEIGHT, ColorType::Luma)
        .expect("invariant: a small picture in memory can be encoded");
    let mut padding = size.saturating_sub(jpeg.len());
    let mut comments = Vec::new();
    // A comment takes four bytes of its own; so does the last one.
    while padding >= 4 {
        let content = (padding - 4).min(60_000);
        let content = if (1..4).contains(&(padding - 4 - content)) {
            content - 4
        } else {
            content
        };
        comments.extend([0xff, 0xfe]);
        comments.extend(((content + 2) as u16).to_be_bytes());
        // Not compressible, as a photograph is not.
        let mut state = 0x2545_f491_u32;
        comments.extend((0..content).map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state & 0x7f) as u8
        }));
        padding -= content + 4;
    }
    // Behind the start-of-image marker.
    jpeg.splice(2..2, comments);
    jpeg
}

/// A grey face with eyes and a mouth on a light ground.
fn pixels() -> Vec<u8> {
    let inside = |x: f32, y: f32, cx: f32, cy: f32, rx: f32, ry: f32| {
        ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2) < 1.0
    };
    let mut pixels = Vec::with_capacity(usize::from(WIDTH) * usize::from(HEIGHT));
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let (x, y) = (f32::from(x), f32::from(y));
            let eye = inside(x, y, 44.0, 62.0, 6.0, 4.0) || inside(x, y, 76.0, 62.0, 6.0, 4.0);
            let mouth = inside(x, y, 60.0, 98.0, 16.0, 4.0);
            let face = inside(x, y, 60.0, 75.0, 36.0, 46.0);
            let hair = inside(x, y, 60.0, 48.0, 40.0, 32.0) && y < 50.0;
            pixels.push(match (eye || mouth || hair, face) {
                (true, _) => 40,
                (false, true) => 190,
                (false, false) => 235,
            });
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portrait_is_a_jpeg_of_the_size_asked() {
        for size in [6_000, 25_000, 28_000, 70_001, 130_002] {
            let jpeg = portrait(size);
            assert_eq!(jpeg.len(), size);
            assert!(jpeg.starts_with(&[0xff, 0xd8, 0xff]) && jpeg.ends_with(&[0xff, 0xd9]));
        }
        assert_eq!(portrait(25_000), portrait(25_000));
    }
}
