use super::*;
use crate::doctor::finding::Grade;

const DAY: i64 = 86_400;

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(1_800_000_000 + seconds).unwrap()
}

/// A part that was made a year ago and ends after so many seconds.
fn part(kind: DatedKind, left: i64) -> Dated {
    Dated {
        kind,
        name: "TEST".to_owned(),
        id: format!("{kind:?}"),
        dated: at(-365 * DAY),
        until: Some(at(left)),
    }
}

fn judged(parts: &[Dated]) -> Vec<(Grade, String)> {
    let findings = judge(parts, at(0));
    findings
        .into_iter()
        .map(|finding| (finding.grade, finding.detail))
        .collect()
}

#[test]
fn what_ends_soon_is_warned_of_at_thirty_seven_and_one_days() {
    let anchor = |left| [part(DatedKind::Anchor, left)];
    for (left, words) in [
        (
            30 * DAY,
            "anchor \"TEST\" ends within 30 days, at 2027-02-14T08:00:00Z",
        ),
        (
            7 * DAY,
            "anchor \"TEST\" ends within 7 days, at 2027-01-22T08:00:00Z",
        ),
        (DAY, "anchor \"TEST\" ends within a day, at 2027-01-16T08:00:00Z"),
    ] {
        assert_eq!(judged(&anchor(left)), [(Grade::Warning, words.to_owned())]);
    }
    assert_eq!(
        judged(&anchor(31 * DAY)),
        [(
            Grade::Ok,
            "1 anchors and 0 lists; none ends within 30 days or is past its end".to_owned()
        )]
    );
}

#[test]
fn without_an_anchor_that_counts_nothing_is_accepted() {
    let fault = |words: &str| (Grade::Fault, words.to_owned());
    assert_eq!(
        judged(&[]),
        [fault("there is no anchor; nothing can be accepted")]
    );
    let old = part(DatedKind::Anchor, -1);
    assert_eq!(
        judged(std::slice::from_ref(&old))[0],
        fault("no anchor counts today; nothing can be accepted")
    );
    // Beside one that counts the old one is only old.
    let both = judged(&[old, part(DatedKind::Anchor, 60 * DAY)]);
    assert_eq!(both.len(), 1);
    assert_eq!(both[0].0, Grade::Warning);
    assert!(
        both[0].1.starts_with("anchor \"TEST\" is past its end"),
        "{both:?}"
    );
}

#[test]
fn lists_past_their_end_are_told() {
    let anchor = part(DatedKind::Anchor, 60 * DAY);
    for kind in [DatedKind::Crl, DatedKind::Status, DatedKind::Vical] {
        let found = judged(&[anchor.clone(), part(kind, -DAY)]);
        let words = format!("{} \"TEST\" is past its end, 2027-01-14T08:00:00Z", kind.name());
        assert_eq!(found, [(Grade::Warning, words)]);
        assert_eq!(judged(&[anchor.clone(), part(kind, 60 * DAY)])[0].0, Grade::Ok);
    }
}

#[test]
fn a_list_from_the_future_says_that_the_clock_is_behind() {
    let anchor = part(DatedKind::Anchor, 60 * DAY);
    let made = |seconds| Dated {
        dated: at(seconds),
        ..part(DatedKind::Crl, 90 * DAY)
    };
    for (seconds, grade) in [(30, Grade::Ok), (31, Grade::Warning), (301, Grade::Fault)] {
        let findings = judge(&[anchor.clone(), made(seconds)], at(0));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].grade, grade, "{findings:?}");
        assert_eq!(findings[0].check == "clock", grade != Grade::Ok);
    }
    // A root may be handed out before it counts.
    let coming = Dated {
        dated: at(DAY),
        ..part(DatedKind::Anchor, 60 * DAY)
    };
    assert_eq!(judged(&[anchor, coming])[0].0, Grade::Ok);
}

#[test]
fn many_are_not_all_named() {
    let mut parts = vec![part(DatedKind::Anchor, 60 * DAY)];
    parts.extend((0..MAX_NAMED + 3).map(|_| part(DatedKind::Crl, -DAY)));
    let found = judged(&parts);
    assert_eq!(found.len(), MAX_NAMED + 1);
    assert_eq!(found.last().unwrap().1, "and 3 more");
}

#[test]
fn bundles_by_their_age() {
    let facts = |created, expires| BundleFacts {
        number: 7,
        created: at(created),
        expires: at(expires),
    };
    let found = |created, expires| {
        let findings = bundle(&facts(created, expires), at(0));
        assert_eq!(findings.len(), 1);
        (findings[0].check, findings[0].grade)
    };
    assert_eq!(found(-60 * DAY, 31 * DAY), ("bundle", Grade::Ok));
    assert_eq!(found(-60 * DAY, 30 * DAY), ("bundle", Grade::Warning));
    assert_eq!(found(-60 * DAY, -1), ("bundle", Grade::Fault));
    assert_eq!(found(301, 60 * DAY), ("clock", Grade::Fault));
    assert_eq!(found(300, 60 * DAY), ("bundle", Grade::Ok));
}
