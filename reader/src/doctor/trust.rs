//! What the counter judges by: how old it is, and how long it still counts.

use mdoc::time::UnixTime;
use relying_party::bundle::{BundleError, BundleFacts, age_words};
use relying_party::{Dated, DatedKind, TrustSnapshot};

use super::finding::Finding;
use super::network::made_later;

/// Things that are named one by one; a list of trust may hold hundreds.
const MAX_NAMED: usize = 8;

/// Whatever ends soon or has ended, and what says that the clock is behind.
pub(super) fn check(trust: &TrustSnapshot, now: UnixTime) -> Vec<Finding> {
    let dated = trust.dated();
    let mut findings = left_aside(trust);
    findings.extend(judge(&dated, now));
    findings
}

fn left_aside(trust: &TrustSnapshot) -> Vec<Finding> {
    let skipped = trust.skipped();
    let told = skipped.iter().take(MAX_NAMED).map(|(file, reason)| {
        Finding::warning(
            "trust",
            format!("{file} is left aside: {reason}"),
            "get the file anew, or remove it",
        )
    });
    told.chain(more("trust", skipped.len())).collect()
}

fn judge(dated: &[Dated], now: UnixTime) -> Vec<Finding> {
    let mut findings = Vec::new();
    let anchors = dated.iter().filter(|part| part.kind == DatedKind::Anchor);
    let counts = |part: &&Dated| part.dated <= now && part.until.is_none_or(|until| now <= until);
    let (count, valid) = (anchors.clone().count(), anchors.filter(counts).count());
    match (count, valid) {
        (0, _) => findings.push(Finding::fault(
            "trust",
            "there is no anchor; nothing can be accepted",
            "put the issuers' root certificates into the folder anchors",
        )),
        (_, 0) => findings.push(Finding::fault(
            "trust",
            "no anchor counts today; nothing can be accepted",
            "get the issuers' newer root certificates, and look at this machine's clock",
        )),
        _ => {}
    }
    let ending: Vec<&Dated> = dated.iter().filter(|part| part.warning(now).is_some()).collect();
    findings.extend(ending.iter().take(MAX_NAMED).map(|part| end(part, now)));
    findings.extend(more("trust", ending.len()));
    // The newest of its kind says it best.
    let newest = dated
        .iter()
        .filter(|part| !matches!(part.kind, DatedKind::Anchor | DatedKind::VicalAuthority))
        .max_by_key(|part| part.dated);
    if let Some(newest) = newest {
        let what = format!("{} {:?}", newest.kind.name(), newest.name);
        findings.extend(made_later(newest.dated, now, &what));
    }
    if findings.is_empty() {
        let others = dated.len() - count;
        findings.push(Finding::ok(
            "trust",
            format!("{count} anchors and {others} lists; none ends within 30 days or is past its end"),
        ));
    }
    findings
}

/// One part of trust that ends soon or has ended.
fn end(part: &Dated, now: UnixTime) -> Finding {
    let what = format!("{} {:?}", part.kind.name(), part.name);
    let until = part.until.map(|until| until.to_string()).unwrap_or_default();
    let next = match part.kind {
        DatedKind::Anchor | DatedKind::VicalAuthority => "get the issuer's next certificate",
        _ => "get a newer one; look at what fetches it",
    };
    let detail = match part.warning(now) {
        Some(0) => format!("{what} is past its end, {until}"),
        Some(1) => format!("{what} ends within a day, at {until}"),
        days => format!("{what} ends within {} days, at {until}", days.unwrap_or(0)),
    };
    Finding::warning("trust", detail, next)
}

fn more(check: &'static str, count: usize) -> Option<Finding> {
    let more = count.checked_sub(MAX_NAMED).filter(|more| *more > 0)?;
    Some(Finding::warning(
        check,
        format!("and {more} more"),
        "see to those above, and run the doctor again",
    ))
}

/// The bundle at hand.
pub(super) fn bundle(facts: &BundleFacts, now: UnixTime) -> Vec<Finding> {
    const CHECK: &str = "bundle";
    let (number, expires) = (facts.number, facts.expires);
    match facts.check_at(now) {
        Err(BundleError::NotYet { created, .. }) => {
            let what = format!("bundle {number}");
            let clock = made_later(created, now, &what);
            return clock.into_iter().collect();
        }
        Err(error) => {
            return vec![Finding::fault(
                CHECK,
                format!("bundle {number} cannot be judged by: {error}"),
                "bring this counter to a network, or carry a newer bundle here as a file (--bundle)",
            )];
        }
        Ok(()) => {}
    }
    let dated = Dated {
        kind: DatedKind::Bundle,
        name: String::new(),
        id: String::new(),
        dated: facts.created,
        until: Some(expires),
    };
    let [age, _] = age_words(facts.age(now));
    vec![match dated.warning(now) {
        Some(days) => Finding::warning(
            CHECK,
            format!("bundle {number}, {age} old, expires within {days} days, at {expires}"),
            "bring this counter to a network, or carry a newer bundle here as a file (--bundle)",
        ),
        None => Finding::ok(
            CHECK,
            format!("bundle {number}, {age} old, counts until {expires}"),
        ),
    }]
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
