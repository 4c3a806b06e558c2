//! Draws what a camera sees of a code: seen from the side, blurred, noisy, on a screen. For tests.

use qrcode::{Color, EcLevel, QrCode};

/// A code in front of a camera.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Where the corners of the code with its quiet zone are: top left, top right, bottom right, bottom left.
    pub(crate) corners: [(f64, f64); 4],
    /// Grey of light and dark modules, and of all that is not the code.
    pub(crate) light: f64,
    pub(crate) dark: f64,
    pub(crate) around: f64,
    /// How much brighter the right side is than the left.
    pub(crate) slope: f64,
    /// Pixels to each side that a pixel is mixed with.
    pub(crate) blur: usize,
    /// The most that noise adds or takes away.
    pub(crate) noise: f64,
    /// How strong the pattern is that the grids of screen and camera make.
    pub(crate) moire: f64,
    /// Modules from here on are covered, of a hundred of the code's height.
    pub(crate) covered_from: f64,
}

impl Scene {
    /// A code of this width in pixels in the middle of a picture, turned by so many degrees.
    pub(crate) fn turned(width: usize, height: usize, code: f64, degrees: f64) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (x, y) = (width as f64 / 2.0, height as f64 / 2.0);
        let half = code / 2.0;
        let corner = |across: f64, down: f64| {
            let (across, down) = (across * half, down * half);
            (x + across * cos - down * sin, y + across * sin + down * cos)
        };
        Self {
            width,
            height,
            corners: [
                corner(-1.0, -1.0),
                corner(1.0, -1.0),
                corner(1.0, 1.0),
                corner(-1.0, 1.0),
            ],
            light: 225.0,
            dark: 25.0,
            around: 90.0,
            slope: 0.0,
            blur: 0,
            noise: 0.0,
            moire: 0.0,
            covered_from: 100.0,
        }
    }

    /// The grey picture, row by row.
    pub(crate) fn draw(&self, text: &str) -> Vec<u8> {
        let mut picture = vec![self.around; self.width * self.height];
        self.draw_into(text, &mut picture);
        self.finish(&picture)
    }

    /// Draws the code alone over what is there.
    pub(crate) fn draw_into(&self, text: &str, picture: &mut [f64]) {
        let code = QrCode::with_error_correction_level(text, EcLevel::L).expect("a code holds so much");
        let modules = code.width();
        let side = (modules + 8) as f64;
        let inverse = inverse(&homography(&self.corners));
        for (index, pixel) in picture.iter_mut().enumerate() {
            let mut sum = 0.0;
            for sample in 0..4_usize {
                let x = (index % self.width) as f64 + 0.25 + 0.5 * (sample % 2) as f64;
                let y = (index / self.width) as f64 + 0.25 + 0.5 * (sample / 2) as f64;
                let (u, v) = map(&inverse, x, y);
                sum += if !(0.0..1.0).contains(&u) || !(0.0..1.0).contains(&v) {
                    *pixel
                } else {
                    let (column, row) = ((u * side) as usize, (v * side) as usize);
                    let inside = (4..modules + 4).contains(&column) && (4..modules + 4).contains(&row);
                    let is_covered = v * 100.0 >= self.covered_from;
                    let is_dark = inside && !is_covered && code[(column - 4, row - 4)] == Color::Dark;
                    if is_dark { self.dark } else { self.light }
                };
            }
            *pixel = sum / 4.0;
        }
    }

    /// What optics and sensor make of it.
    pub(crate) fn finish(&self, picture: &[f64]) -> Vec<u8> {
        let mut picture = picture.to_vec();
        for _ in 0..2 {
            picture = blurred(&picture, self.width, self.blur);
            picture = transposed(&picture, self.width);
            picture = blurred(&picture, self.height, self.blur);
            picture = transposed(&picture, self.height);
        }
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let pixels = picture.iter().enumerate().map(|(index, pixel)| {
            let (x, y) = ((index % self.width) as f64, (index / self.width) as f64);
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let noise = ((state >> 33) % 2001) as f64 / 1000.0 - 1.0;
            let moire = (x * 1.9 + y * 0.13).sin() * (y * 1.7 - x * 0.11).sin();
            let slope = self.slope * (x / self.width as f64 - 0.5);
            (pixel + slope + noise * self.noise + moire * self.moire).clamp(0.0, 255.0) as u8
        });
        pixels.collect()
    }
}

/// Each pixel of a row mixed with its neighbours.
fn blurred(picture: &[f64], width: usize, reach: usize) -> Vec<f64> {
    let rows = picture.chunks(width).flat_map(|row| {
        (0..row.len()).map(move |x| {
            let near = &row[x.saturating_sub(reach)..(x + reach + 1).min(row.len())];
            near.iter().sum::<f64>() / near.len() as f64
        })
    });
    rows.collect()
}

fn transposed(picture: &[f64], width: usize) -> Vec<f64> {
    let height = picture.len() / width;
    (0..picture.len())
        .map(|index| picture[index % height * width + index / height])
        .collect()
}

type Matrix = [[f64; 3]; 3];

/// From the unit square to four corners.
fn homography(corners: &[(f64, f64); 4]) -> Matrix {
    let [a, b, c, d] = *corners;
    let (dx1, dx2, dx3) = (b.0 - c.0, d.0 - c.0, a.0 - b.0 + c.0 - d.0);
    let (dy1, dy2, dy3) = (b.1 - c.1, d.1 - c.1, a.1 - b.1 + c.1 - d.1);
    let divisor = dx1 * dy2 - dx2 * dy1;
    let g = (dx3 * dy2 - dx2 * dy3) / divisor;
    let h = (dx1 * dy3 - dx3 * dy1) / divisor;
    [
        [b.0 - a.0 + g * b.0, d.0 - a.0 + h * d.0, a.0],
        [b.1 - a.1 + g * b.1, d.1 - a.1 + h * d.1, a.1],
        [g, h, 1.0],
    ]
}

/// The inverse but for a factor, which does not matter here.
fn inverse(m: &Matrix) -> Matrix {
    let minor = |r1: usize, c1: usize, r2: usize, c2: usize| m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1];
    [
        [minor(1, 1, 2, 2), -minor(0, 1, 2, 2), minor(0, 1, 1, 2)],
        [-minor(1, 0, 2, 2), minor(0, 0, 2, 2), -minor(0, 0, 1, 2)],
        [minor(1, 0, 2, 1), -minor(0, 0, 2, 1), minor(0, 0, 1, 1)],
    ]
}

fn map(m: &Matrix, x: f64, y: f64) -> (f64, f64) {
    let row = |row: &[f64; 3]| row[0] * x + row[1] * y + row[2];
    let scale = row(&m[2]);
    (row(&m[0]) / scale, row(&m[1]) / scale)
}
