//! Black and white, and where finder patterns may be: what is done before the search for codes.

use core::iter::{once, repeat_n};

use super::picture::Picture;

/// A pixel is dark when it is darker than its surroundings by this much of a hundred.
const DARKER: u64 = 6;
/// Surroundings are a square of this part of the longer side: wider than a finder pattern, narrower than a shadow.
pub(super) const WIDE: usize = 6;
/// Narrow ones: a pale screen in a dark room is darker at its edge, on the whole, than its own dark modules.
pub(super) const NARROW: usize = 18;
/// Runs of a finder pattern: one module, one, three, one, one (ISO/IEC 18004 §6.3.3).
const FINDER_RUNS: [usize; 5] = [1, 1, 3, 1, 1];

/// Which modules of a code are darker than their surroundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Polarity {
    /// Dark on light, as the standard has it.
    Dark,
    /// Light on dark, as phones in dark mode show it.
    Light,
}

/// A picture in black and white; true is what a dark module of a code would be.
pub(super) struct Bitmap {
    width: usize,
    height: usize,
    dark: Vec<bool>,
}

/// Sums of all pixels above each row, column by column: the mean of any rectangle takes one pass along a row.
pub(super) struct Surroundings {
    reach: usize,
    height: usize,
    /// For each row, what stands above it in all columns up to each.
    sums: Vec<Vec<u32>>,
}

impl Surroundings {
    /// Sums for squares of one `part` of the longer side.
    pub(super) fn new(picture: &Picture, part: usize) -> Self {
        let (width, height) = (picture.width(), picture.height());
        // 255 times the most pixels of a picture is below 2^32.
        let mut sums = Vec::with_capacity(height + 1);
        let mut above = vec![0_u32; width + 1];
        for row in picture.rows() {
            let mut sum = 0_u32;
            let next = above.iter().zip(once(&0).chain(row)).map(|(above, pixel)| {
                sum += u32::from(*pixel);
                above + sum
            });
            let next = next.collect();
            sums.push(core::mem::replace(&mut above, next));
        }
        sums.push(above);
        Self {
            reach: (width.max(height) / part / 2).max(8),
            height,
            sums,
        }
    }

    /// The picture in black and white, each pixel against the mean of its surroundings: a screen is bright on one side and
    /// has a reflection on the other.
    pub(super) fn bitmap(&self, picture: &Picture, polarity: Polarity) -> Bitmap {
        let (width, reach) = (picture.width(), self.reach);
        let mut dark = Vec::with_capacity(width * self.height);
        let mut columns = Vec::with_capacity(width + 1);
        for (y, row) in picture.rows().enumerate() {
            let (top, bottom) = (y.saturating_sub(reach), (y + reach + 1).min(self.height));
            let (Some(upper), Some(lower)) = (self.sums.get(top), self.sums.get(bottom)) else {
                continue;
            };
            columns.clear();
            columns.extend(lower.iter().zip(upper).map(|(lower, upper)| lower - upper));
            let last = columns.last().copied().unwrap_or_default();
            let left = repeat_n(0, reach).chain(columns.iter().copied());
            let right = columns
                .iter()
                .copied()
                .skip(reach + 1)
                .chain(repeat_n(last, reach + 1));
            let sides = left.zip(right).enumerate();
            dark.extend(row.iter().zip(sides).map(|(&pixel, (x, (left, right)))| {
                let across = (x + reach + 1).min(width) - x.saturating_sub(reach);
                // Both sides times the number of pixels: no division in the loop.
                let count = u64::try_from((bottom - top) * across).unwrap_or(u64::MAX);
                let (pixel, sum) = (u64::from(pixel) * count, u64::from(right - left));
                match polarity {
                    Polarity::Dark => pixel * 100 < sum * (100 - DARKER),
                    Polarity::Light => (255 * count - pixel) * 100 < (255 * count - sum) * (100 - DARKER),
                }
            }));
        }
        Bitmap {
            width,
            height: self.height,
            dark,
        }
    }
}

impl Bitmap {
    pub(super) fn is_dark(&self, x: usize, y: usize) -> bool {
        self.dark.get(y * self.width + x).copied().unwrap_or_default()
    }

    /// How many places look like a finder pattern both across and down; not more than `enough` are counted.
    pub(super) fn finder_patterns(&self, enough: usize) -> usize {
        let mut found: Vec<(usize, usize, usize)> = Vec::new();
        for (y, row) in self.dark.chunks_exact(self.width).enumerate() {
            finder_runs(row.iter().copied(), |middle, size| {
                let is_known = |&(x, top, size): &(usize, usize, usize)| {
                    x.abs_diff(middle) <= size / 2 && y.abs_diff(top) <= size
                };
                if found.len() < enough && !found.iter().any(is_known) && self.is_finder_down(middle, y, size)
                {
                    found.push((middle, y, size));
                }
            });
            if found.len() >= enough {
                break;
            }
        }
        found.len()
    }

    /// Whether the column through this pixel has the runs of a finder pattern around it, too.
    fn is_finder_down(&self, x: usize, y: usize, size: usize) -> bool {
        // A pattern seen from the side is up to so many times as high as it is wide.
        let reach = size * 2;
        let (top, bottom) = (y.saturating_sub(reach), (y + reach).min(self.height));
        let mut is_found = false;
        finder_runs((top..bottom).map(|y| self.is_dark(x, y)), |middle, size| {
            is_found |= (top + middle).abs_diff(y) <= size / 2;
        });
        is_found
    }
}

/// Tells of each place where a line has the runs of a finder pattern: its middle, and its length.
fn finder_runs(line: impl Iterator<Item = bool>, mut tell: impl FnMut(usize, usize)) {
    let mut runs = [0_usize; 5];
    let mut length = 0;
    let mut was_dark = false;
    // Behind the last pixel it is light: a pattern may end there.
    for (position, is_dark) in line.chain(once(false)).enumerate() {
        if is_dark == was_dark {
            length += 1;
            continue;
        }
        let [_, first, second, middle, fourth] = runs;
        runs = [first, second, middle, fourth, length];
        length = 1;
        if was_dark && are_finder_runs(&runs) {
            let [_, _, middle, fourth, last] = runs;
            tell(position - last - fourth - middle.div_ceil(2), runs.iter().sum());
        }
        was_dark = is_dark;
    }
}

/// Runs may be off by three quarters of a module: pictures are blurred and seen from the side.
fn are_finder_runs(runs: &[usize; 5]) -> bool {
    let [first, second, _, fourth, last] = runs;
    let module = (first + second + fourth + last).div_ceil(4);
    let tolerance = (module * 3).div_ceil(4);
    let mut pairs = runs.iter().zip(FINDER_RUNS);
    // No run is empty, as those before the first pixel are.
    pairs.all(|(&run, modules)| run > 0 && run.abs_diff(modules * module) <= tolerance)
}
