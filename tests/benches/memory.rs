//! Allocations and peak heap of one judgement, counted exactly.

use mdoc::crypto::Curve;
use mdoc::engagement::DeviceEngagement;
use mdoc::session::{Engaged, Handover, MonotonicTime, SessionSettings};
use rand_core::SeedableRng as _;
use relying_party::purpose::ready_made;
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

/// Bytes of one open session: itself, and what it has allocated.
fn session() -> usize {
    const COUNT: usize = 1000;
    let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(1);
    let phone = holder::phone::Engaged::new(Curve::P256, &mut random).expect("a curve with key agreement");
    let engagement = DeviceEngagement::from_uri(&phone.uri()).expect("an engagement");
    let request = ready_made("age-20").and_then(|purpose| purpose.device_request(engagement.version()).ok());
    let request = request.expect("a request");
    let at = MonotonicTime::from_millis(0);
    let open = |random: &mut rand_chacha::ChaCha20Rng| {
        let mut session = Engaged::new(&engagement, Handover::Qr, random)
            .expect("a session")
            .request(at, &request, SessionSettings::default())
            .expect("a request");
        session.handle_connected(at);
        drop(session.poll_transmit());
        session.handle_sent(at);
        session
    };
    drop(open(&mut random));
    let profiler = dhat::Profiler::builder().testing().build();
    let mut sessions = Vec::with_capacity(COUNT);
    sessions.extend((0..COUNT).map(|_| open(&mut random)));
    let held = dhat::HeapStats::get().curr_bytes / COUNT;
    drop(profiler);
    assert_eq!(sessions.len(), COUNT);
    held
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
        ("sessions_memory", session() as f64, 2048.0, true),
    ]);
}
