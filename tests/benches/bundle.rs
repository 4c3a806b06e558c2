//! The offline bundle of a large operator: a thousand anchors, a thousand CRLs, a hundred status lists of a million
//! entries. Making it, verifying it and loading it, each as a ratio of thread CPU time to that of the signatures and
//! hashes in it, which are measured in the same run.

use std::hint::black_box;

use holder::Scenario;
use holder::certificate::{CertificateSpec, name};
use holder::evidence::{CrlSpec, List, StatusAuthority, TokenSpec};
use holder::hooks::Hooks;
use holder::issuer::{DAY, Issuer};
use holder::keys::SigningKey as IssuerKey;
use holder::scenario::NOW;
use indicatif::{ProgressBar, ProgressStyle};
use mdoc::crypto::{Curve, HashAlgorithm, Signer as _, SigningKey};
use mdoc::time::UnixTime;
use mdoc::x509::Certificate;
use rand_core::{Rng as _, SeedableRng as _};
use relying_party::bundle::{BundleFacts, Entry, SignedBundle, build, expiry_of};
use verifier_tests::bench::{cpu, median, report};

/// Keys that the anchors share: many keys would take longer to make than to use.
const KEYS: usize = 50;

struct Size {
    anchors: usize,
    lists: usize,
    list_entries: usize,
    rounds: usize,
}

/// The files of the bundle, and what in them is signed.
struct Files {
    entries: Vec<(String, Vec<u8>)>,
    anchors: Vec<Certificate>,
    tokens: Vec<Vec<u8>>,
}

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds).expect("an instant")
}

/// A bar on standard error, where that is a terminal.
fn bar(words: &'static str, length: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(length).expect("a length"));
    let style = ProgressStyle::with_template("{msg:<24} {bar:40} {pos}/{len} {elapsed}").expect("a template");
    bar.set_style(style);
    bar.with_message(words)
}

fn files(size: &Size) -> Files {
    let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(78);
    let keys: Vec<IssuerKey> = (0..KEYS)
        .map(|_| IssuerKey::generate(Curve::P256, &mut random))
        .collect();
    let mut files = Files {
        entries: Vec::new(),
        anchors: Vec::new(),
        tokens: Vec::new(),
    };
    let progress = bar("anchors and CRLs", size.anchors);
    for number in 0..size.anchors {
        let key = &keys[number % KEYS];
        let subject = name("JP", None, &format!("TEST root {number}"));
        let serial = [&[1], number.to_be_bytes().as_slice()].concat();
        let der = CertificateSpec::root(key, subject.clone(), serial, (NOW - DAY, NOW + 100 * DAY)).sign(key);
        files.anchors.push(Certificate::from_der(&der).expect("a root"));
        files.entries.push((format!("anchors/{number:05}.der"), der));
        let mut crl = CrlSpec::new(subject, key, 1, NOW - DAY);
        for revoked in 0..20_u8 {
            crl.revoke(&[5, revoked], NOW - DAY);
        }
        files
            .entries
            .push((format!("crls/{number:05}.crl"), crl.sign(key)));
        progress.inc(1);
    }
    progress.finish();
    let scenario = Scenario::my_number();
    let issuer = Issuer::new(&scenario.issuer, &Hooks::default());
    let authority = StatusAuthority::new(&issuer, &scenario.issuer, |_| {});
    let progress = bar("status lists", size.lists);
    for number in 0..size.lists {
        let mut values = vec![0; size.list_entries];
        // One document in a hundred is revoked, wherever chance has it.
        for _ in 0..size.list_entries / 100 {
            let index = usize::try_from(random.next_u32()).expect("an index") % size.list_entries;
            values[index] = 1;
        }
        let list = List::Statuses { bits: 1, values };
        let uri = format!("https://status.example/{number}");
        let token = TokenSpec::new(&uri, list, vec![authority.certificate.clone()], NOW).cwt(&authority.key);
        files
            .entries
            .push((format!("status/{number:05}.cwt"), token.clone()));
        files.tokens.push(token);
        progress.inc(1);
    }
    progress.finish();
    files
}

impl Files {
    fn entries(&self) -> Vec<Entry> {
        let entry = |(name, content): &(String, Vec<u8>)| Entry {
            name: name.clone(),
            fetched: at(NOW - 60),
            expires: expiry_of(name, content),
            content: content.clone(),
        };
        self.entries.iter().map(entry).collect()
    }

    /// The signatures that loading cannot do without: of each anchor over itself, and of each list over its
    /// bytes. A list's signature is not to be had on its own here: that of an anchor, by a key on the same curve,
    /// takes its place beside the hash of the list.
    fn verify_all(&self) {
        for anchor in &self.anchors {
            let key = anchor.public_key().expect("a key");
            black_box(anchor).verify_signed_by(key).expect("a good signature");
        }
        let anchor = &self.anchors[0];
        let key = anchor.public_key().expect("a key");
        for bytes in &self.tokens {
            black_box(HashAlgorithm::Sha256.digest(&[bytes]));
            black_box(anchor).verify_signed_by(key).expect("a good signature");
        }
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = cpu();
    let made = black_box(work());
    (cpu() - start, made)
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let size = if quick {
        Size {
            anchors: 50,
            lists: 5,
            list_entries: 1_000_000,
            rounds: 3,
        }
    } else {
        Size {
            anchors: 1_000,
            lists: 100,
            list_entries: 1_000_000,
            rounds: 9,
        }
    };
    let files = files(&size);
    let key = SigningKey::from_bytes(Curve::P256, &[7; 32]).expect("a key");
    let facts = BundleFacts {
        number: 1,
        created: at(NOW),
        expires: at(NOW + DAY),
    };
    let (bytes, _) = build(&facts, files.entries(), &key).expect("a bundle");
    let hash = || HashAlgorithm::Sha256.digest(&[&bytes]);
    let verify = || SignedBundle::decode(&bytes).and_then(|signed| signed.verify(key.public_key()));

    let mut ratios = [const { Vec::<f64>::new() }; 3];
    let mut millis = [const { Vec::<f64>::new() }; 3];
    for (index, words) in ["build", "verify", "load"].into_iter().enumerate() {
        let progress = bar(words, size.rounds);
        for round in 0..=size.rounds {
            let (taken, due) = match words {
                "build" => {
                    let (taken, _) = timed(|| build(&facts, files.entries(), &key).expect("a bundle"));
                    // Signed, and read back as a counter reads it: hashed for both, and for the snapshot.
                    let (due, ()) = timed(|| {
                        black_box(key.sign(&bytes).expect("a signature"));
                        black_box((hash(), hash()));
                        files.verify_all();
                        files.anchors[0]
                            .verify_signed_by(files.anchors[0].public_key().expect("a key"))
                            .expect("good");
                    });
                    (taken, due)
                }
                "verify" => {
                    let (taken, _) = timed(|| verify().expect("a bundle"));
                    let (due, ()) = timed(|| {
                        black_box(hash());
                        files.anchors[0]
                            .verify_signed_by(files.anchors[0].public_key().expect("a key"))
                            .expect("good");
                    });
                    (taken, due)
                }
                _ => {
                    let bundle = verify().expect("a bundle");
                    let (taken, loaded) = timed(|| bundle.load(at(NOW)).expect("a bundle"));
                    assert_eq!(loaded.trust().anchor_count(), size.anchors);
                    assert_eq!(loaded.trust().evidence().tokens().count(), size.lists);
                    assert_eq!(loaded.trust().evidence().crls().count(), size.anchors);
                    let (due, ()) = timed(|| {
                        black_box(hash());
                        files.verify_all();
                    });
                    (taken, due)
                }
            };
            // The first round warms up.
            if round > 0 {
                ratios[index].push(taken / due);
                millis[index].push(taken / 1e6);
                progress.inc(1);
            }
        }
        progress.finish();
    }
    let [build_ratio, verify_ratio, load_ratio] = ratios.map(median);
    let [build_millis, verify_millis, load_millis] = millis.map(median);
    let prefix = if quick { "quick_" } else { "" };
    let name = |words: &str| format!("{prefix}bundle_{words}");
    use std::io::Write as _;
    let _ = writeln!(
        std::io::stdout(),
        "bundle of {} bytes: built in {build_millis:.1} ms, verified in {verify_millis:.1} ms, loaded in {load_millis:.1} ms of CPU time",
        bytes.len()
    );
    report(&[
        (&name("build"), build_ratio, 2.0, true),
        (&name("verify"), verify_ratio, 2.0, true),
        (&name("load"), load_ratio, 2.0, true),
    ]);
}
