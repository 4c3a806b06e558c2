//! What a refresh of all lists costs a thread that judges meanwhile: its CPU time and the time of its slowest judgements, with
//! the refresh over without. Two processors may share one core, and then any work on the other one makes a thread slower: so
//! the slowest judgements are also held against those beside a thread that only computes and shares nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mdoc::time::UnixTime;
use sha2::Digest as _;
use verifier_api::fetch::Fetcher;
use verifier_tests::bench::{cpu, median, report};
use verifier_tests::fetching::Published;

const LISTS: usize = 1000;

fn now() -> UnixTime {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a clock after 1970");
    let seconds = i64::try_from(since.as_secs()).expect("an instant");
    UnixTime::from_seconds(seconds).expect("an instant")
}

/// CPU time of so many judgements, and the time by the wall of each.
fn judge(published: &Published, fetcher: &Fetcher, count: usize) -> (f64, Vec<f64>) {
    let place = fetcher.world();
    let mut times = Vec::with_capacity(count);
    let start = cpu();
    for _ in 0..count {
        let before = Instant::now();
        let world = place.load();
        published.presented.judge(world.trust(), world.evidence());
        world.note_use(&published.uris[..1]);
        times.push(before.elapsed().as_secs_f64());
    }
    (cpu() - start, times)
}

fn percentile_99(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() * 99 / 100]
}

/// The time by the wall of each of so many judgements, beside a thread that computes.
fn judge_beside(published: &Published, fetcher: &Fetcher, count: usize) -> Vec<f64> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut block = [0_u8; 4096];
            while !over.load(Ordering::Relaxed) {
                let digest = sha2::Sha256::digest(block);
                block[..digest.len()].copy_from_slice(&digest);
            }
        });
        let (_, times) = judge(published, fetcher, count);
        over.store(true, Ordering::Relaxed);
        times
    })
}

fn wait_for(fetcher: &Fetcher, fetched: u64) {
    while fetcher.totals().fetched < fetched {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (rounds, each) = if quick { (11, 500) } else { (101, 500) };
    let published = Published::new(LISTS, 10_000);
    let fetcher = published.fetcher(64 * 1024 * 1024, 1);
    fetcher.start(now).expect("a thread");
    wait_for(&fetcher, LISTS as u64);
    judge(&published, &fetcher, each);
    // Times of all rounds are taken together: what else the machine does falls on both sides alike.
    let (mut processor, mut refreshed) = (Vec::new(), 0);
    let (mut times_with, mut times_without, mut times_beside) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let mut with = || {
            let over = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let refresher = scope.spawn(|| {
                    let before = fetcher.totals().fetched;
                    while !over.load(Ordering::Relaxed) {
                        let before = fetcher.totals().fetched;
                        fetcher.refresh_all();
                        while !over.load(Ordering::Relaxed)
                            && fetcher.totals().fetched < before + LISTS as u64
                        {
                            std::thread::sleep(Duration::from_millis(1));
                        }
                    }
                    fetcher.totals().fetched - before
                });
                let measured = judge(&published, &fetcher, each);
                over.store(true, Ordering::Relaxed);
                refreshed += refresher.join().expect("the refresher ends");
                measured
            })
        };
        // What is still under way when a round ends would burden the next.
        let settle = || {
            let mut known = fetcher.totals().fetched;
            loop {
                std::thread::sleep(Duration::from_millis(50));
                let now = fetcher.totals().fetched;
                if now == known {
                    return;
                }
                known = now;
            }
        };
        let (left, right) = if round % 2 == 0 {
            let left = with();
            settle();
            (left, judge(&published, &fetcher, each))
        } else {
            let right = judge(&published, &fetcher, each);
            let left = with();
            settle();
            (left, right)
        };
        processor.push(left.0 / right.0);
        times_with.extend(left.1);
        times_without.extend(right.1);
        times_beside.extend(judge_beside(&published, &fetcher, each));
    }
    assert!(refreshed > LISTS as u64, "only {refreshed} lists were refreshed");
    let [with, without, beside] = [times_with, times_without, times_beside].map(percentile_99);
    report(&[
        ("refresh", median(processor), 1.05, true),
        ("refresh_p99", with / without, 1.2, true),
        ("refresh_p99_beside", with / beside, 1.2, true),
    ]);
}
