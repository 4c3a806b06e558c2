//! Finds and reads the codes in a picture.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use mdoc::engagement::DeviceEngagement;
use rqrr::PreparedImage;
use zeroize::Zeroizing;

use super::bitmap::{Bitmap, NARROW, Polarity, Surroundings, WIDE};
use super::picture::Picture;

/// A code has three finder patterns.
const FINDER_PATTERNS: usize = 3;
/// With so many the picture is not searched: the work grows with their cube. The modules of one code look like a finder
/// pattern in up to thirty places.
const MAX_FINDER_PATTERNS: usize = 128;
/// The most codes that are read in one picture.
const MAX_CODES: usize = 16;
/// What the URI of an engagement begins with (18013-5 §8.2.2.3).
const SCHEME: &str = "mdoc:";

/// The texts of the codes in a picture; each once. As long as none is found that engages, light codes on dark are looked for,
/// too, and all of it again in half the size and in a larger one: another code, on a poster say, may be in the picture, and
/// the library misses a code now and then whose modules are few pixels wide.
pub(super) fn codes(picture: &Picture) -> Vec<Zeroizing<String>> {
    let mut codes = Vec::new();
    let mut is_promising = false;
    let sizes: [fn(&Picture) -> Option<Picture>; 3] = [
        |picture| Some(picture.clone()),
        Picture::halved,
        Picture::enlarged,
    ];
    for (index, size) in sizes.into_iter().enumerate() {
        // The last and largest size costs the most, and shows no finder pattern that the first one has not.
        let is_last = index + 1 == sizes.len();
        let Some(picture) = (!is_last || is_promising).then(|| size(picture)).flatten() else {
            continue;
        };
        let surroundings = Surroundings::new(&picture, if index == 1 { NARROW } else { WIDE });
        for polarity in [Polarity::Dark, Polarity::Light] {
            let bitmap = surroundings.bitmap(&picture, polarity);
            let patterns = bitmap.finder_patterns(MAX_FINDER_PATTERNS);
            if !(FINDER_PATTERNS..MAX_FINDER_PATTERNS).contains(&patterns) {
                continue;
            }
            is_promising = true;
            for code in read(&picture, &bitmap) {
                if codes.len() < MAX_CODES && !codes.contains(&code) {
                    codes.push(code);
                }
            }
            if codes.iter().any(|code| is_engagement(code)) {
                return codes;
            }
        }
    }
    codes
}

/// Whether a code is meant to be one of a mobile document; it may be damaged all the same.
pub(super) fn is_engagement(code: &str) -> bool {
    code.len() <= DeviceEngagement::MAX_URI_LEN
        && code
            .get(..SCHEME.len())
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
}

/// The codes of one polarity.
fn read(picture: &Picture, bitmap: &Bitmap) -> Vec<Zeroizing<String>> {
    let read = || {
        let mut prepared = PreparedImage::prepare_from_bitmap(picture.width(), picture.height(), |x, y| {
            bitmap.is_dark(x, y)
        });
        let mut codes = Vec::new();
        for grid in prepared.detect_grids().iter().take(MAX_CODES) {
            let mut text = Zeroizing::new(Vec::new());
            if grid.decode_to(&mut *text).is_ok()
                && let Ok(text) = core::str::from_utf8(&text)
            {
                codes.push(Zeroizing::new(text.to_owned()));
            }
        }
        codes
    };
    quietly(read).unwrap_or_default()
}

thread_local! {
    /// Whether a panic of this thread is expected.
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Calls the library, which panics on some pictures that hold no code (it asserts what only codes keep to). A panic there is
/// a picture without a code, and not told to anybody.
fn quietly<T>(call: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let told = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_QUIET.get() {
                told(info);
            }
        }));
    });
    IS_QUIET.set(true);
    // Everything that the call has touched goes with it.
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    IS_QUIET.set(false);
    result.ok()
}
