//! What a refresh of all lists costs a thread that judges meanwhile: its CPU time and the time of its slowest judgements, with
//! the refresh over without.
//!
//! Without a refresh the machine has nothing else to do. So the slowest judgements are also held against those beside the very
//! same work that touches nothing they read: a second fetcher with a world of its own asks the same publisher for the same
//! lists. What that ratio holds is the exchange under the eyes of whoever judges, and not that two processors share a core, a
//! cache and a memory, or that three threads want two processors.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mdoc::time::UnixTime;
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

/// As [`judge`], while this fetcher, which may be another, asks for all of its lists again and again; and how many it got.
fn judge_while(
    (published, fetcher, count): (&Published, &Fetcher, usize),
    refreshed: &Fetcher,
) -> ((f64, Vec<f64>), u64) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let refresher = scope.spawn(|| {
            let first = refreshed.totals().fetched;
            while !over.load(Ordering::Relaxed) {
                let before = refreshed.totals().fetched;
                refreshed.refresh_all();
                while !over.load(Ordering::Relaxed) && refreshed.totals().fetched < before + LISTS as u64 {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            refreshed.totals().fetched - first
        });
        let measured = judge(published, fetcher, count);
        over.store(true, Ordering::Relaxed);
        let count = refresher.join().expect("the refresher ends");
        settle(refreshed);
        (measured, count)
    })
}

/// What is still under way when a round ends would burden the next.
fn settle(fetcher: &Fetcher) {
    let mut known = fetcher.totals().fetched;
    loop {
        std::thread::sleep(Duration::from_millis(50));
        let now = fetcher.totals().fetched;
        if now == known {
            return;
        }
        known = now;
    }
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
    let [fetcher, other] = [(); 2].map(|()| published.fetcher(64 * 1024 * 1024, 1));
    for fetcher in [&fetcher, &other] {
        fetcher.start(now).expect("a thread");
        wait_for(fetcher, LISTS as u64);
        settle(fetcher);
    }
    judge(&published, &fetcher, each);
    // Times of all rounds are taken together: what else the machine does falls on all sides alike.
    let (mut processor, mut fetched) = (Vec::new(), [0, 0]);
    let [mut with, mut without, mut beside] = [const { Vec::<f64>::new() }; 3];
    for round in 0..rounds {
        let (mut cpu_with, mut cpu_without) = (0.0, 0.0);
        // Each is first, second and last in turn, so that none profits from the order.
        for place in 0..3 {
            match (round + place) % 3 {
                0 => {
                    let ((cpu, times), count) = judge_while((&published, &fetcher, each), &fetcher);
                    (cpu_with, fetched[0]) = (cpu, fetched[0] + count);
                    with.extend(times);
                }
                1 => {
                    let (cpu, times) = judge(&published, &fetcher, each);
                    cpu_without = cpu;
                    without.extend(times);
                }
                _ => {
                    let ((_, times), count) = judge_while((&published, &fetcher, each), &other);
                    fetched[1] += count;
                    beside.extend(times);
                }
            }
        }
        processor.push(cpu_with / cpu_without);
    }
    // Of lists that nobody fetched nothing would be measured.
    assert!(
        fetched.iter().all(|count| *count > LISTS as u64),
        "only {fetched:?} lists were refreshed"
    );
    let [with, without, beside] = [with, without, beside].map(percentile_99);
    report(&[
        ("refresh", median(processor), 1.05, true),
        ("refresh_p99", with / without, 1.2, true),
        ("refresh_p99_beside", with / beside, 1.2, true),
    ]);
}
