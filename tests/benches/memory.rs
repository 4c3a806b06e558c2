//! Allocations and peak heap of one judgement, counted exactly.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use mdoc::crypto::Curve;
use mdoc::engagement::DeviceEngagement;
use mdoc::session::{Engaged, Handover, MonotonicTime, SessionSettings};
use rand_core::SeedableRng as _;
use relying_party::purpose::ready_made;
use relying_party::{Evidence, TrustFile, TrustSnapshot};
use verifier_api::fetch::Fetcher;
use verifier_tests::bench::{Presented, report};
use verifier_tests::fetching::Published;

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

/// Bytes that ten million entries of one bit take, half of them set, so that they do not compress.
fn status_memory() -> usize {
    use holder::evidence::{List, StatusAuthority, TokenSpec};
    let (_, issuer, options) = Presented::with_status(None);
    let authority = StatusAuthority::new(&issuer, &options, |_| {});
    let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(3);
    let values = std::iter::repeat_with(|| (rand_core::Rng::next_u32(&mut random) & 1) as u8);
    let list = List::Statuses {
        bits: 1,
        values: values.take(10_000_000).collect(),
    };
    let chain = vec![authority.certificate.clone()];
    let token = TokenSpec::new("https://status.example/1", list, chain, options.now).cwt(&authority.key);
    let profiler = dhat::Profiler::builder().testing().build();
    let mut evidence = Evidence::default();
    evidence.add_token(&token).expect("a good list");
    let held = dhat::HeapStats::get().curr_bytes;
    drop(profiler);
    assert_eq!(evidence.tokens().count(), 1);
    held
}

/// So many lists in the memory of a fetcher: what it holds for them over half as much again as their bytes and the budget of
/// those that lie unfolded.
fn many_uris(count: usize) -> f64 {
    const BUDGET: usize = 8 * 1024 * 1024;
    let published = Published::new(count, 10_000);
    let fetched = |fetcher: &Fetcher| usize::try_from(fetcher.totals().fetched).expect("a count");
    let profiler = dhat::Profiler::builder().testing().build();
    let fetcher = published.fetcher(BUDGET, 2);
    fetcher.start(now).expect("a thread");
    while fetched(&fetcher) < count {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    // What the publisher wrote down is none of the fetcher's.
    published.server.forget_heads();
    let held = dhat::HeapStats::get().curr_bytes;
    drop(profiler);
    let totals = fetcher.totals();
    assert_eq!((totals.held, totals.kept_bytes), (count, published.bytes));
    assert!(totals.inflated_bytes > BUDGET / 2, "the budget is made use of");
    held as f64 / (published.bytes as f64 * 1.5 + BUDGET as f64)
}

fn now() -> mdoc::time::UnixTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = since.expect("a clock after 1970").as_secs();
    let now = i64::try_from(seconds)
        .ok()
        .and_then(mdoc::time::UnixTime::from_seconds);
    now.expect("an instant")
}

/// What a thousand transactions of the reader leave behind in its process: bytes, threads and open files,
/// added up. The phone at the other end is a thread of its own and gone when they are counted.
fn loopback(transactions: usize) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = Presented::mdl(Some(3000));
    std::fs::create_dir_all(folder.path().join("anchors")).expect("a folder");
    std::fs::write(folder.path().join("anchors/own.der"), &scenario.built.root).expect("a file");
    let run = |count: usize| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("tcp://{}", listener.local_addr().expect("an address"));
        let phone = std::thread::spawn(move || (0..count).for_each(|_| answer(&listener)));
        let trust = folder.path().to_str().expect("a path in Unicode");
        for _ in 0..count {
            let arguments = [
                "--connect",
                &address,
                "--purpose",
                "age-20-any",
                "--trust",
                trust,
                "--quiet",
            ];
            let (report, status) = reader::read(&arguments).expect("arguments");
            // The phone has nothing to show: what counts is that the session was held to its end.
            assert_eq!(
                (status, report["reason"].as_str()),
                (2, Some("response.no_documents"))
            );
        }
        phone.join().expect("the phone ends");
    };
    let counted = || {
        let count = |path: &str| std::fs::read_dir(path).map_or(0, Iterator::count);
        count("/proc/self/task") + count("/proc/self/fd")
    };
    run(20);
    let profiler = dhat::Profiler::builder().testing().build();
    run(20);
    let (before, open) = (dhat::HeapStats::get().curr_bytes, counted());
    run(transactions);
    let (after, still_open) = (dhat::HeapStats::get().curr_bytes, counted());
    drop(profiler);
    (after.saturating_sub(before) + still_open.saturating_sub(open)) as f64
}

/// A phone that answers one reader with an empty response.
fn answer(listener: &TcpListener) {
    let (mut stream, _) = listener.accept().expect("a reader");
    let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(2);
    let phone = holder::phone::Engaged::new(Curve::P256, &mut random).expect("a curve with key agreement");
    let mut exchange = |message: &[u8]| {
        let length = u32::try_from(message.len()).expect("a short message");
        stream
            .write_all(&length.to_be_bytes())
            .expect("a reader that listens");
        stream.write_all(message).expect("a reader that listens");
        let mut head = [0; 4];
        stream.read_exact(&mut head).expect("a reader that answers");
        let mut message = vec![0; usize::try_from(u32::from_be_bytes(head)).expect("a length")];
        stream.read_exact(&mut message).expect("a reader that answers");
        message
    };
    let establishment = exchange(phone.uri().as_bytes());
    let (mut session, _) = phone.establish(&establishment).expect("a good reader");
    let end = exchange(&session.seal(b"\xa2gversionc1.0fstatus\x00"));
    assert_eq!(session.receive(&end), Ok(holder::phone::Message::Status(20)));
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
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
        ("status_memory", status_memory() as f64, 1_500_000.0, true),
        (
            if quick { "quick_many_uris" } else { "many_uris" },
            many_uris(if quick { 2_000 } else { 10_000 }),
            1.0,
            true,
        ),
        ("sessions_memory", session() as f64, 2048.0, true),
        (
            if quick { "quick_loopback" } else { "loopback" },
            loopback(if quick { 50 } else { 1000 }),
            0.0,
            true,
        ),
    ]);
}
