//! Loading a trust directory of many lists, as a ratio of thread CPU time to that of the signature
//! verifications that it cannot do without.

use std::hint::black_box;

use holder::certificate::{CertificateSpec, name};
use holder::issuer::DAY;
use holder::keys::SigningKey;
use holder::scenario::NOW;
use holder::vical::{VicalProvider, VicalSpec};
use mdoc::crypto::Curve;
use mdoc::x509::Certificate;
use rand_core::SeedableRng as _;
use relying_party::{TrustFile, TrustSnapshot};
use rustix::time::{ClockId, clock_gettime};
use verifier_tests::bench::report;

/// Keys that the roots share: many keys would take longer to make than to use.
const KEYS: usize = 50;

/// Thread CPU time in nanoseconds.
fn cpu() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}

/// Lists of providers of their own, and all roots in them.
fn directory(lists: usize, roots_each: usize) -> (Vec<TrustFile>, Vec<Certificate>) {
    let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(77);
    let keys: Vec<SigningKey> = (0..KEYS)
        .map(|_| SigningKey::generate(Curve::P256, &mut random))
        .collect();
    let mut files = Vec::new();
    let mut roots = Vec::new();
    for (number, list) in (0..lists).zip(10_000..) {
        let entries = (0..roots_each).map(|index| {
            let key = &keys[(number + index) % KEYS];
            let name = name("JP", None, &format!("TEST root {number} {index}"));
            let serial = [&[1], number.to_be_bytes().as_slice(), &index.to_be_bytes()].concat();
            let der = CertificateSpec::root(key, name, serial, (NOW - DAY, NOW + DAY)).sign(key);
            (der, vec!["org.iso.18013.5.1.mDL".to_owned()])
        });
        let spec = VicalSpec {
            provider: format!("TEST provider {number}"),
            issue_id: 1,
            date: NOW,
            next_update: Some(NOW + DAY),
            not_after: None,
            entries: entries.collect(),
        };
        let provider = VicalProvider::new(list, NOW);
        for (der, _) in &spec.entries {
            roots.push(Certificate::from_der(der).expect("a root"));
        }
        files.push(TrustFile {
            name: format!("vicals/{number:03}.cbor"),
            bytes: provider.sign(&spec),
        });
        files.push(TrustFile {
            name: format!("vicals/{number:03}.der"),
            bytes: provider.authority,
        });
    }
    (files, roots)
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (lists, roots_each, rounds) = if quick { (4, 25, 3) } else { (100, 100, 9) };
    let (files, roots) = directory(lists, roots_each);
    // Each list has a signature and a signer's certificate to verify beside its roots.
    let more = 2 * lists;
    let mut ratios = Vec::with_capacity(rounds);
    for _ in 0..=rounds {
        let files = files.clone();
        let start = cpu();
        let trust = TrustSnapshot::new(files).expect("a trust directory");
        let load = cpu() - start;
        assert_eq!(trust.anchor_count(), lists * roots_each, "{:?}", trust.skipped());
        assert_eq!(trust.skipped(), []);
        drop(black_box(trust));
        let start = cpu();
        for root in roots.iter().chain(roots.iter().cycle().take(more)) {
            let key = root.public_key().expect("a key");
            black_box(root).verify_signed_by(key).expect("a good signature");
        }
        ratios.push(load / (cpu() - start));
    }
    // The first round warms up.
    ratios.remove(0);
    ratios.sort_unstable_by(f64::total_cmp);
    let ratio = ratios[ratios.len() / 2];
    let name = if quick { "quick_trust_load" } else { "trust_load" };
    report(&[(name, ratio, 2.0, true)]);
}
