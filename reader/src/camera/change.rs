//! Whether anything has changed in front of the camera: a look that costs far less than a search for codes.

use super::picture::Picture;

/// The picture is looked at in so many cells across and down.
const ACROSS: usize = 48;
const DOWN: usize = 27;
/// Samples of a cell, across and down.
const SAMPLES: usize = 4;
/// A cell has changed when its mean, of 0 to 255, differs by more than this from before. Noise stays below.
const THRESHOLD: i32 = 8;
/// So many changed cells are a change. A code that can be read covers more.
const CELLS: usize = 2;

/// Remembers what the camera saw.
#[derive(Default)]
pub(super) struct Change {
    before: Vec<i32>,
}

impl Change {
    /// Whether this picture differs from the last one that did. A light that goes on or flickers is no change: all cells
    /// are compared after taking away what they have in common.
    pub(super) fn is_in(&mut self, picture: &Picture) -> bool {
        let now = cells(picture);
        if self.before.len() == now.len() {
            let mut differences: Vec<i32> = now
                .iter()
                .zip(&self.before)
                .map(|(now, before)| now - before)
                .collect();
            let mut sorted = differences.clone();
            sorted.sort_unstable();
            let common = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
            differences.retain(|difference| (difference - common).abs() > THRESHOLD);
            if differences.len() < CELLS {
                return false;
            }
        }
        self.before = now;
        true
    }
}

/// The mean of each cell, of a few samples.
fn cells(picture: &Picture) -> Vec<i32> {
    let (width, pixels) = (picture.width(), picture.pixels());
    let mut cells = Vec::with_capacity(ACROSS * DOWN);
    for down in 0..DOWN {
        for across in 0..ACROSS {
            let mut sum = 0;
            for sample in 0..SAMPLES * SAMPLES {
                let x = position(across, sample % SAMPLES, ACROSS, width);
                let y = position(down, sample / SAMPLES, DOWN, picture.height());
                sum += pixels.get(y * width + x).copied().map_or(0, i32::from);
            }
            cells.push(sum / 16);
        }
    }
    cells
}

/// Where a sample of a cell lies along a side.
const fn position(cell: usize, sample: usize, cells: usize, length: usize) -> usize {
    (cell * SAMPLES + sample) * length / (cells * SAMPLES)
}
