//! Bytes of cameras as pictures.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use jpeg_encoder::{ColorType, Encoder};
use proptest::prelude::{ProptestConfig, any, proptest};

use crate::camera::fault::FrameFault;
use crate::camera::picture::{Frame, MAX_SIDE, Picture, PixelFormat};

const WIDTH: usize = 64;
const HEIGHT: usize = 48;

fn grey() -> Vec<u8> {
    (0..WIDTH * HEIGHT)
        .map(|index| u8::try_from(index * 7 % 251).unwrap())
        .collect()
}

fn frame(format: PixelFormat, stride: usize, bytes: &[u8]) -> Result<Picture, FrameFault> {
    let (width, height) = (WIDTH, HEIGHT);
    Frame {
        format,
        width,
        height,
        stride,
        bytes,
    }
    .picture()
}

fn expected() -> Picture {
    Picture::new(WIDTH, HEIGHT, grey()).unwrap()
}

#[test]
fn luma_is_taken_out_of_each_layout() {
    // NV12: the colours of two rows behind all luma.
    let planes = [grey(), vec![128; WIDTH * HEIGHT / 2]].concat();
    assert_eq!(frame(PixelFormat::GreyFirst, WIDTH, &planes), Ok(expected()));
    let padded: Vec<u8> = grey()
        .chunks(WIDTH)
        .flat_map(|row| [row, &[9; 16][..]].concat())
        .collect();
    assert_eq!(frame(PixelFormat::GreyFirst, WIDTH + 16, &padded), Ok(expected()));
    let pairs: Vec<u8> = grey().iter().flat_map(|luma| [*luma, 77]).collect();
    assert_eq!(frame(PixelFormat::Yuyv, 2 * WIDTH, &pairs), Ok(expected()));
    // A driver that gives no stride has none.
    assert_eq!(frame(PixelFormat::Yuyv, 0, &pairs), Ok(expected()));
}

#[test]
fn a_frame_that_is_cut_anywhere_is_refused_by_its_length() {
    let pairs: Vec<u8> = grey().iter().flat_map(|luma| [*luma, 77]).collect();
    for (format, stride, bytes) in [
        (PixelFormat::GreyFirst, WIDTH, grey()),
        (PixelFormat::Yuyv, 2 * WIDTH, pairs),
    ] {
        let expected = bytes.len();
        assert!(frame(format, stride, &bytes).is_ok(), "the untouched twin");
        for found in [0, 1, expected / 2, expected - 1] {
            let fault = FrameFault::Short { expected, found };
            assert_eq!(frame(format, stride, &bytes[..found]), Err(fault));
        }
    }
    let huge = frame(PixelFormat::GreyFirst, usize::MAX, &grey());
    assert_eq!(
        huge,
        Err(FrameFault::Short {
            expected: usize::MAX,
            found: WIDTH * HEIGHT
        })
    );
}

#[test]
fn sizes_outside_the_bounds_are_refused() {
    for (width, height, is_taken) in [
        (0, 0, false),
        (0, 48, false),
        (64, 0, false),
        (20, 21, false),
        (21, 20, false),
        (21, 21, true),
        (MAX_SIDE, 21, true),
        (MAX_SIDE + 1, 21, false),
        (21, usize::MAX, false),
        (usize::MAX, usize::MAX, false),
    ] {
        let bytes = vec![1; MAX_SIDE * 21];
        for format in [PixelFormat::GreyFirst, PixelFormat::Yuyv] {
            let bytes = if format == PixelFormat::Yuyv {
                bytes.repeat(2)
            } else {
                bytes.clone()
            };
            let frame = Frame {
                format,
                width,
                height,
                stride: 0,
                bytes: &bytes,
            };
            match frame.picture() {
                Ok(_) => assert!(is_taken, "{width}x{height}"),
                Err(fault) => {
                    assert_eq!((fault, is_taken), (FrameFault::Size { width, height }, false));
                }
            }
        }
    }
}

#[test]
fn large_pictures_are_halved_until_they_can_be_searched() {
    for (width, height, expected) in [
        (1920, 1080, (1920, 1080)),
        (2560, 1440, (1280, 720)),
        (4096, 4096, (1024, 1024)),
    ] {
        let bytes = vec![200; width * height];
        let frame = Frame {
            format: PixelFormat::GreyFirst,
            width,
            height,
            stride: width,
            bytes: &bytes,
        };
        let picture = frame.picture().unwrap();
        assert_eq!((picture.width(), picture.height()), expected);
        assert!(picture.pixels().iter().all(|pixel| *pixel == 200));
    }
}

/// A picture with a slope, which JPEG keeps.
fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let pixels: Vec<u8> = (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| [u8::try_from((x + y) / 2).unwrap(); 3]))
        .collect();
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, 90)
        .encode(&pixels, width, height, ColorType::Rgb)
        .unwrap();
    bytes
}

/// As many cameras send them: without the Huffman tables, which are always the same.
fn without_tables(jpeg: &[u8]) -> Vec<u8> {
    let (mut kept, mut at) = (jpeg[..2].to_vec(), 2);
    while jpeg[at + 1] != 0xda {
        let length = 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] != 0xc4 {
            kept.extend(&jpeg[at..at + length]);
        }
        at += length;
    }
    kept.extend(&jpeg[at..]);
    kept
}

#[test]
fn jpeg_pictures_are_read_with_and_without_their_tables() {
    let whole = jpeg(96, 64);
    let bare = without_tables(&whole);
    assert!(bare.len() + 400 < whole.len());
    for bytes in [&whole, &bare] {
        // The size of the picture counts, not what was agreed on.
        let picture = frame(PixelFormat::Mjpg, 0, bytes).unwrap();
        assert_eq!((picture.width(), picture.height()), (96, 64));
        for (index, pixel) in picture.pixels().iter().enumerate() {
            let slope = (index % 96 + index / 96) / 2;
            assert!(slope.abs_diff(usize::from(*pixel)) <= 6, "pixel {index}");
        }
    }
}

#[test]
fn what_is_no_jpeg_is_refused() {
    let whole = jpeg(96, 64);
    assert!(frame(PixelFormat::Mjpg, 0, &whole).is_ok(), "the untouched twin");
    for bytes in [
        &b""[..],
        &[0xff],
        &[0xff, 0xd8],
        b"nonsense",
        &whole[1..],
        &whole[..20],
        &[0; 4096],
    ] {
        assert_eq!(frame(PixelFormat::Mjpg, 0, bytes), Err(FrameFault::Jpeg));
    }
    let (width, height) = (16, 16);
    assert_eq!(
        frame(PixelFormat::Mjpg, 0, &jpeg(16, 16)),
        Err(FrameFault::Size { width, height })
    );
    // A header that promises the largest size there is.
    let start = whole
        .windows(2)
        .position(|marker| marker == [0xff, 0xc0])
        .unwrap();
    let mut giant = whole;
    giant[start + 5..start + 9].fill(0xff);
    assert_eq!(frame(PixelFormat::Mjpg, 0, &giant), Err(FrameFault::Jpeg));
    giant[start + 5..start + 9].fill(0);
    assert_eq!(frame(PixelFormat::Mjpg, 0, &giant), Err(FrameFault::Jpeg));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn a_jpeg_with_other_bytes_in_it_is_a_picture_or_refused(at in any::<proptest::sample::Index>(), byte in any::<u8>(), cut in any::<proptest::sample::Index>()) {
        let mut bytes = jpeg(96, 64);
        let (at, cut) = (at.index(bytes.len()), cut.index(bytes.len()));
        bytes[at] = byte;
        let _ = frame(PixelFormat::Mjpg, 0, &bytes);
        let _ = frame(PixelFormat::Mjpg, 0, &bytes[..cut]);
    }
}
