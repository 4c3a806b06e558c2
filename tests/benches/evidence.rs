//! What evidence of revocation costs a judgement, once it is at hand: ratios of thread CPU time to
//! the same judgement without it.

use holder::evidence::{CrlSpec, List, StatusAuthority, TokenSpec, status_reference};
use relying_party::{Evidence, TrustFile, TrustSnapshot};
use verifier_tests::bench::{Presented, ratio, report};

const URI: &str = "https://status.example/1";

fn trust(presented: &Presented) -> TrustSnapshot {
    let file = TrustFile {
        name: "anchors/own.der".to_owned(),
        bytes: presented.built.root.clone(),
    };
    TrustSnapshot::new(vec![file]).expect("a root")
}

/// With a list of so many entries over a document that names none.
fn status(entries: usize, rounds: usize) -> f64 {
    let index = u64::try_from(entries / 2).expect("an index");
    let (named, issuer, options) = Presented::with_status(Some(status_reference(URI, index)));
    let (plain, ..) = Presented::with_status(None);
    let authority = StatusAuthority::new(&issuer, &options, |_| {});
    let mut values = vec![0; entries];
    for revoked in values.iter_mut().step_by(97) {
        *revoked = 1;
    }
    values[entries / 2] = 0;
    let list = List::Statuses { bits: 1, values };
    let token = TokenSpec::new(URI, list, vec![authority.certificate.clone()], options.now);
    let mut evidence = Evidence::default();
    evidence
        .add_token(&token.cwt(&authority.key))
        .expect("a good list");
    against(&named, &evidence, &plain, rounds)
}

/// With a CRL of so many entries over none.
fn crl(entries: u32, rounds: usize) -> f64 {
    let (presented, issuer, options) = Presented::with_status(None);
    let name = holder::certificate::name(options.country, options.state, "TEST IACA");
    let mut list = CrlSpec::new(name, &issuer.root_key, 1, options.now);
    for serial in 0..entries {
        let serial = [&[1; 12], serial.to_be_bytes().as_slice()].concat();
        list.revoke(&serial, options.now - 1000);
    }
    let mut evidence = Evidence::default();
    evidence
        .add_crl(&list.sign(&issuer.root_key))
        .expect("a good list");
    against(&presented, &evidence, &presented, rounds)
}

fn against(with: &Presented, evidence: &Evidence, without: &Presented, rounds: usize) -> f64 {
    let (left, right) = (trust(with), trust(without));
    let nothing = Evidence::default();
    ratio(
        rounds,
        20,
        || with.judge(&left, evidence),
        || without.judge(&right, &nothing),
    )
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let rounds = if quick { 21 } else { 151 };
    let status_warm = status(1_000, rounds).max(status(10_000_000, rounds));
    let crl_warm = crl(10, rounds).max(crl(100_000, rounds));
    report(&[
        ("status_warm", status_warm, 1.03, true),
        ("crl_warm", crl_warm, 1.03, true),
    ]);
}
