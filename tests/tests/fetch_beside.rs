//! What is done beside those who judge, so that a refresh costs them nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use mdoc::time::UnixTime;
use verifier_tests::fetching::Published;
use verifier_tests::wait_until;

fn now() -> UnixTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    UnixTime::from_seconds(i64::try_from(since.unwrap().as_secs()).unwrap()).unwrap()
}

#[test]
fn a_list_that_takes_a_place_is_verified_for_those_who_judged_by_the_one_before() {
    let published = Published::new(1, 64);
    let fetcher = published.fetcher(1024 * 1024, 1);
    fetcher.start(now).unwrap();
    wait_until(|| fetcher.totals().fetched == 1);
    let token = || Arc::clone(&fetcher.world().load().evidence().tokens_of(&published.uris[0])[0]);
    // How many keys the token's chain was held against, each with a signature to verify.
    let asked = |count| format!("{:?}", token()).contains(&format!("below_key: Memo({count})"));
    assert!(asked(0), "{:?}", token());
    let world = fetcher.world().load_full();
    published.presented.judge(world.trust(), world.evidence());
    assert!(asked(1), "the judgement did");
    let before = token();
    fetcher.refresh_all();
    wait_until(|| fetcher.totals().fetched == 2);
    assert!(!Arc::ptr_eq(&before, &token()), "another list has its place");
    assert!(asked(1), "nobody has been judged by it yet");
}

/// The nice value of each thread of this process whose name begins so.
#[cfg(target_os = "linux")]
fn nice(name: &str) -> Vec<i64> {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let of = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(path.join("stat")).ok()?;
        // The name stands in brackets and may hold anything; what follows begins with the third field.
        let (before, after) = text.rsplit_once(')')?;
        let field = after.split_whitespace().nth(16)?;
        before
            .split_once('(')?
            .1
            .starts_with(name)
            .then(|| field.parse().unwrap())
    };
    threads.filter_map(|thread| of(thread.unwrap().path())).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn who_fetches_gives_way_to_who_judges() {
    use relying_party::TrustFile;
    use verifier_api::fetch::{FetchSettings, Fetcher};
    let own = nice("who_fetches");
    assert_eq!(own.len(), 1, "the thread of this test");
    let settings = FetchSettings {
        threads: 3,
        lookup: Some(Arc::new(|_: &str, _| Ok(Vec::new()))),
        ..FetchSettings::default()
    };
    let fetcher = Fetcher::open(settings, Vec::<TrustFile>::new(), |trust| trust).unwrap();
    fetcher.start(|| UnixTime::from_seconds(0).unwrap()).unwrap();
    let lowered = (own[0] + 5).min(19);
    wait_until(|| nice("fetch-") == [lowered; 3]);
    assert_eq!(nice("who_fetches"), own, "and nobody else");
}
