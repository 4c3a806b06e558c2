//! Allocations and peak heap of one judgement, counted exactly.

use relying_party::{Evidence, TrustFile, TrustSnapshot};
use verifier_tests::bench::{Presented, report};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Blocks allocated by one judgement, and the most bytes that it holds at one time. Only what is
/// allocated while the profiler lives is counted: anchors and the memory of chains stand before it.
fn measure(presented: &Presented) -> (u64, usize) {
    let file = TrustFile {
        name: "anchors/own.der".to_owned(),
        bytes: presented.built.root.clone(),
    };
    let trust = TrustSnapshot::new(vec![file]).expect("a root");
    let evidence = Evidence::default();
    presented.judge(&trust, &evidence);
    let profiler = dhat::Profiler::builder().testing().build();
    presented.judge(&trust, &evidence);
    let stats = dhat::HeapStats::get();
    drop(profiler);
    (stats.total_blocks, stats.max_bytes)
}

fn main() {
    let (small_blocks, small_peak) = measure(&Presented::mdl(None));
    let (portrait_blocks, portrait_peak) = measure(&Presented::mdl(Some(28_000)));
    let (large_blocks, large_peak) = measure(&Presented::mdl(Some(200_000)));
    assert_eq!(
        portrait_blocks, large_blocks,
        "the number of allocations depends on the portrait's size"
    );
    let heap = small_peak.max(portrait_peak).max(large_peak);
    report(&[
        ("allocations", small_blocks as f64, 60.0, true),
        ("heap", heap as f64, 16384.0, true),
    ]);
}
