//! Ratios of thread CPU time, measured interleaved in one run, as medians. The unit is F: two P-256
//! verifications by aws-lc-rs.

use std::hint::black_box;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use isomdl::definitions::device_response::DeviceResponse;
use isomdl::definitions::session::SessionTranscript180135;
use isomdl::definitions::x509::trust_anchor::{PemTrustAnchor, TrustAnchorRegistry, TrustPurpose};
use isomdl::presentation::authentication::AuthenticationStatus;
use isomdl::presentation::{reader, reader_utils};
use mdoc::crypto::Curve;
use rand_core::SeedableRng as _;
use relying_party::{Evidence, TrustFile, TrustSnapshot};
use verifier_tests::bench::{Presented, cpu, median, ratio, report};

fn trust(presented: &Presented, more: usize) -> TrustSnapshot {
    let mut files = vec![TrustFile {
        name: "anchors/own.der".to_owned(),
        bytes: presented.built.root.clone(),
    }];
    if more > 0 {
        let key = {
            let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(99);
            holder::keys::SigningKey::generate(Curve::P256, &mut random)
        };
        for index in 0..more {
            let name = holder::certificate::name("JP", None, &format!("TEST IACA {index}"));
            let serial = [&[1], index.to_be_bytes().as_slice()].concat();
            let window = (presented.now.seconds() - 86_400, presented.now.seconds() + 86_400);
            let root = holder::certificate::CertificateSpec::root(&key, name, serial, window).sign(&key);
            files.push(TrustFile {
                name: format!("anchors/{index:05}.der"),
                bytes: root,
            });
        }
    }
    TrustSnapshot::new(files).expect("roots")
}

/// isomdl's check of a decrypted response: parsing, chain, issuer and device authentication.
fn isomdl_check(presented: &Presented) -> impl FnMut() {
    let response = presented.built.response.clone();
    let transcript: SessionTranscript180135 =
        ciborium::from_reader(presented.built.session_transcript.as_slice()).expect("a transcript");
    let registry = TrustAnchorRegistry::from_pem_certificates(vec![PemTrustAnchor {
        certificate_pem: presented.built.root_pem.clone(),
        purpose: TrustPurpose::Iaca,
    }])
    .expect("an anchor");
    move || {
        let decoded: DeviceResponse = isomdl::cbor::from_slice(&response).expect("a response");
        let (document, x5chain, name_spaces) = reader::parse(&decoded).expect("an mDL");
        let outcome = reader_utils::validate_response(
            transcript.clone(),
            registry.clone(),
            x5chain,
            document.clone(),
            name_spaces,
        );
        assert_eq!(
            outcome.device_authentication,
            AuthenticationStatus::Valid,
            "{:?}",
            outcome.errors
        );
        assert_eq!(
            outcome.issuer_authentication,
            AuthenticationStatus::Valid,
            "{:?}",
            outcome.errors
        );
    }
}

/// One P-256 verification by aws-lc-rs.
fn verification() -> impl Fn() {
    let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(5);
    let key = holder::keys::SigningKey::generate(Curve::P256, &mut random);
    let message = [7; 100];
    let (point, signature) = (key.public_bytes(), key.sign(&message));
    move || {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, black_box(&point));
        key.verify(black_box(&message), black_box(&signature))
            .expect("a good signature");
    }
}

/// Throughput of two threads over that of one, by the wall clock: the one row that needs it.
fn two_threads(presented: &Presented, trust: &TrustSnapshot, rounds: usize) -> f64 {
    let evidence = Evidence::default();
    let run = |threads: usize| {
        let start = std::time::Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        presented.judge(trust, &evidence);
                    }
                });
            }
        });
        threads as f64 / start.elapsed().as_secs_f64()
    };
    median(
        (0..rounds)
            .map(|_| {
                let one = run(1);
                run(2) / one
            })
            .collect(),
    )
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (rounds, each) = if quick { (5, 20) } else { (61, 200) };
    let evidence = Evidence::default();
    let (small, portrait) = (Presented::mdl(None), Presented::mdl(Some(28_000)));
    let (one, eight) = (Presented::mdls(1), Presented::mdls(8));
    let (small_trust, portrait_trust) = (trust(&small, 0), trust(&portrait, 0));
    let (one_trust, eight_trust) = (trust(&one, 0), trust(&eight, 0));
    let many_trust = trust(&small, if quick { 100 } else { 9_999 });
    let verify = verification();
    let times = |count: usize| {
        let verify = &verify;
        move || (0..count).for_each(|_| verify())
    };
    let small_file = TrustFile {
        name: "anchors/own.der".to_owned(),
        bytes: small.built.root.clone(),
    };
    let mut rows = vec![
        (
            "verify_small",
            ratio(rounds, each, || small.judge(&small_trust, &evidence), times(2)),
            1.15,
            true,
        ),
        (
            "verify_portrait",
            ratio(
                rounds,
                each,
                || portrait.judge(&portrait_trust, &evidence),
                times(2),
            ),
            1.40,
            true,
        ),
    ];
    // A snapshot of its own for each judgement, made outside of the clock.
    let mut fresh: Vec<TrustSnapshot> = Vec::new();
    let mut cold = Vec::new();
    for _ in 0..rounds {
        fresh.clear();
        fresh.extend((0..each).map(|_| TrustSnapshot::new(vec![small_file.clone()]).expect("a root")));
        let start = cpu();
        fresh.iter().for_each(|trust| small.judge(trust, &evidence));
        let judged = cpu() - start;
        let start = cpu();
        (0..each).for_each(|_| times(3)());
        cold.push(judged / (cpu() - start));
    }
    rows.push(("verify_cold", median(cold), 1.15, true));
    let few = (each / 10).max(1);
    rows.push((
        "isomdl_small",
        ratio(rounds, few, isomdl_check(&small), || {
            small.judge(&small_trust, &evidence)
        }),
        5.0,
        false,
    ));
    rows.push((
        "isomdl_portrait",
        ratio(rounds, few, isomdl_check(&portrait), || {
            portrait.judge(&portrait_trust, &evidence)
        }),
        20.0,
        false,
    ));
    rows.push((
        "documents",
        ratio(
            rounds,
            few,
            || eight.judge(&eight_trust, &evidence),
            || (0..8).for_each(|_| one.judge(&one_trust, &evidence)),
        ),
        1.05,
        true,
    ));
    rows.push((
        "anchors",
        ratio(
            rounds,
            each,
            || small.judge(&many_trust, &evidence),
            || small.judge(&small_trust, &evidence),
        ),
        1.03,
        true,
    ));
    rows.push((
        "two_threads",
        two_threads(&small, &small_trust, if quick { 1 } else { 7 }),
        1.9,
        false,
    ));
    // A smoke run measures too little to be told from noise: its rows carry another name.
    let named: Vec<(String, f64, f64, bool)> = rows
        .into_iter()
        .map(|(name, ratio, target, at_most)| {
            (
                if quick {
                    format!("quick_{name}")
                } else {
                    name.to_owned()
                },
                ratio,
                target,
                at_most,
            )
        })
        .collect();
    let rows: Vec<(&str, f64, f64, bool)> = named
        .iter()
        .map(|(name, ratio, target, at_most)| (name.as_str(), *ratio, *target, *at_most))
        .collect();
    report(&rows);
}
