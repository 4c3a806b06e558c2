//! Wiping what computations with keys leave on the stack: copies that moves and libraries make there are out
//! of reach of any destructor.

use zeroize::Zeroize as _;

/// Bytes below the caller's frame that are wiped: more than any of the computations uses.
const DEPTH: usize = 32 * 1024;

/// Runs `work` and wipes the stack that it used. What it returns should hold keys on the heap only.
#[inline(never)]
pub(crate) fn with_clean_stack<T>(work: impl FnOnce() -> T) -> T {
    let result = run(work);
    wipe();
    result
}

/// A frame of its own, below the caller's.
#[inline(never)]
fn run<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn wipe() {
    let mut below = [0_u8; DEPTH];
    below.zeroize();
    core::hint::black_box(&below);
}
