//! The services that the counter talks to, and this machine's clock beside theirs.

use jiff::fmt::rfc2822::DateTimeParser;
use mdoc::time::UnixTime;
use ureq::http::header;

use super::bounded::PATIENCE;
use super::finding::{Finding, Grade};
use crate::clock::Clock;
use crate::upstream::agent;

/// Seconds by which clocks may differ: messages travel, and a Date has whole seconds.
const SMALL: u64 = 30;
/// Seconds from which on verdicts and bundles are judged wrongly.
const LARGE: u64 = 300;
const SET_CLOCK: &str = "set this machine's clock, and let it be kept (timedatectl set-ntp true)";

/// Whether a service answers, and what it says of the time. `base` has no slash at its end; nothing that opens it is sent.
pub(super) fn check(check: &'static str, base: &str) -> Vec<Finding> {
    let answer = agent(PATIENCE)
        .get(format!("{}/health/live", origin(base, check)))
        .call();
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            return vec![Finding::fault(
                check,
                format!("cannot be reached: {error}"),
                "check the network, the address, and whether the service runs",
            )];
        }
    };
    let now = Clock::System.now();
    let status = answer.status().as_u16();
    let reached = match status {
        // A bundle may lie on any server; what matters of it is that it answers.
        200 => Finding::ok(check, "answers"),
        _ if check == BUNDLE => Finding::ok(check, "the server answers"),
        _ => Finding::warning(
            check,
            format!("answers with status {status}"),
            "check that the address is that of a verifier-api service",
        ),
    };
    let date = answer.headers().get(header::DATE);
    let date = date.and_then(|date| date.to_str().ok()).and_then(instant);
    let clock = match date {
        Some(there) => beside(there, now, &format!("that of {check}")),
        None => Finding::ok("clock", format!("{check} does not tell the time")),
    };
    vec![reached, clock]
}

/// The check of the server that hands out bundles.
pub(super) const BUNDLE: &str = "bundle_source";
/// The check of the service that judges.
pub(super) const SERVICE: &str = "service";

/// The part of an address that a server answers for: a bundle's own path is not asked for, it may be large.
fn origin<'u>(base: &'u str, check: &str) -> &'u str {
    if check != BUNDLE {
        return base;
    }
    let start = base.find("://").map_or(0, |place| place + 3);
    let rest = base.get(start..).unwrap_or_default();
    let end = rest.find('/').map_or(base.len(), |place| start + place);
    base.get(..end).unwrap_or(base)
}

/// The instant of a Date header (RFC 9110 §5.6.7).
fn instant(date: &str) -> Option<UnixTime> {
    let parsed = DateTimeParser::new().parse_timestamp(date).ok()?;
    UnixTime::from_seconds(parsed.as_second())
}

/// This machine's clock beside another.
fn beside(there: UnixTime, here: UnixTime, whose: &str) -> Finding {
    let difference = here.seconds().saturating_sub(there.seconds());
    let seconds = difference.unsigned_abs();
    let side = if difference < 0 { "behind" } else { "ahead of" };
    let grade = grade(seconds);
    if grade == Grade::Ok {
        return Finding::ok("clock", format!("agrees with {whose}"));
    }
    Finding {
        grade,
        ..Finding::warning(
            "clock",
            format!("this machine's clock is {seconds} s {side} {whose}"),
            SET_CLOCK,
        )
    }
}

/// What was made after now says that the clock is behind; nothing says that it is ahead.
pub(super) fn made_later(made: UnixTime, now: UnixTime, what: &str) -> Option<Finding> {
    let seconds = u64::try_from(made.seconds().saturating_sub(now.seconds())).unwrap_or(0);
    let grade = grade(seconds);
    (grade != Grade::Ok).then(|| Finding {
        grade,
        ..Finding::warning(
            "clock",
            format!("{what} was made at {made}, {seconds} s after this machine's time"),
            SET_CLOCK,
        )
    })
}

const fn grade(seconds: u64) -> Grade {
    if seconds <= SMALL {
        Grade::Ok
    } else if seconds <= LARGE {
        Grade::Warning
    } else {
        Grade::Fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn clocks_beside_each_other() {
        for (difference, grade, words) in [
            (0, Grade::Ok, "agrees with that of x"),
            (30, Grade::Ok, "agrees with that of x"),
            (-30, Grade::Ok, "agrees with that of x"),
            (
                31,
                Grade::Warning,
                "this machine's clock is 31 s ahead of that of x",
            ),
            (
                -31,
                Grade::Warning,
                "this machine's clock is 31 s behind that of x",
            ),
            (
                300,
                Grade::Warning,
                "this machine's clock is 300 s ahead of that of x",
            ),
            (
                301,
                Grade::Fault,
                "this machine's clock is 301 s ahead of that of x",
            ),
            (
                -301,
                Grade::Fault,
                "this machine's clock is 301 s behind that of x",
            ),
        ] {
            let finding = beside(at(0), at(difference), "that of x");
            assert_eq!((finding.grade, finding.detail.as_str()), (grade, words));
        }
    }

    #[test]
    fn what_was_made_later_than_now() {
        assert_eq!(made_later(at(30), at(0), "x"), None);
        assert_eq!(made_later(at(-400), at(0), "x"), None);
        assert_eq!(
            made_later(at(31), at(0), "x").map(|f| f.grade),
            Some(Grade::Warning)
        );
        assert_eq!(
            made_later(at(301), at(0), "x").map(|f| f.grade),
            Some(Grade::Fault)
        );
    }

    #[test]
    fn dates_of_headers() {
        let date = instant("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(date.to_string(), "1994-11-06T08:49:37Z");
        for broken in ["", "now", "1994-11-06T08:49:37Z", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(instant(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_bundle_itself_is_not_asked_for() {
        let base = "https://verifier.example/a/b";
        assert_eq!(origin(base, BUNDLE), "https://verifier.example");
        assert_eq!(
            origin("https://verifier.example", BUNDLE),
            "https://verifier.example"
        );
        assert_eq!(origin(base, SERVICE), base);
    }
}
