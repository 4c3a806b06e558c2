//! Ages from what an issuer states: `age_over_NN` by the nearest statement, else the birth date
//! (ISO/IEC 18013-5 §7.2.5).

use mdoc::time::UnixTime;

use crate::calendar::{is_age_not_reached, is_age_reached};
use crate::values::BirthDate;

/// All that a document states about its holder's age.
/// Printing it says nothing.
#[derive(Clone, Default)]
pub struct AgeStatements {
    /// `age_over_NN` by NN.
    pub over: Vec<(u8, bool)>,
    /// `birth_date`.
    pub birth_date: Option<BirthDate>,
    /// `age_in_years`.
    pub in_years: Option<u64>,
}

/// NN of an element named `age_over_NN`.
pub fn age_over_threshold(identifier: &str) -> Option<u8> {
    match identifier.strip_prefix("age_over_")?.as_bytes() {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + (ones - b'0')),
        _ => None,
    }
}

impl core::fmt::Debug for AgeStatements {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("AgeStatements")
    }
}

impl AgeStatements {
    /// Whether the holder is `threshold` or older; `None` where nothing decides it. A statement
    /// that is absent is neither yes nor no.
    pub fn is_over(&self, threshold: u8, now: UnixTime, zone: Option<i32>) -> Option<bool> {
        if self.over.iter().any(|(age, over)| *over && *age >= threshold) {
            return Some(true);
        }
        if self.over.iter().any(|(age, over)| !*over && *age <= threshold) {
            return Some(false);
        }
        let birth_date = self.birth_date.as_ref()?.exact()?;
        if is_age_reached(birth_date, threshold, now, zone) {
            Some(true)
        } else if is_age_not_reached(birth_date, threshold, now, zone) {
            Some(false)
        } else {
            None
        }
    }

    /// Whether the statements contradict each other. A statement is made at `signed` and grows old:
    /// "not over 20" may have come true since, "over 20" cannot have become false.
    pub fn contradict(&self, signed: UnixTime, now: UnixTime, zone: Option<i32>) -> bool {
        let youngest_not_over = self
            .over
            .iter()
            .filter(|(_, over)| !over)
            .map(|(age, _)| *age)
            .min();
        let oldest_over = self
            .over
            .iter()
            .filter(|(_, over)| *over)
            .map(|(age, _)| *age)
            .max();
        if let (Some(not_over), Some(over)) = (youngest_not_over, oldest_over)
            && not_over <= over
        {
            return true;
        }
        let exact = self.birth_date.as_ref().and_then(BirthDate::exact);
        if let Some(birth_date) = exact
            && is_age_not_reached(birth_date, 0, now, zone)
        {
            return true;
        }
        let against_birth_date = exact.is_some_and(|birth_date| {
            oldest_over.is_some_and(|age| is_age_not_reached(birth_date, age, now, zone))
                || youngest_not_over.is_some_and(|age| is_age_reached(birth_date, age, signed, zone))
        });
        // `age_in_years` may have been taken on another day than the statements: one year is let pass.
        let against_years = self.in_years.is_some_and(|years| {
            oldest_over.is_some_and(|age| u64::from(age) > years.saturating_add(1))
                || youngest_not_over.is_some_and(|age| u64::from(age) < years)
        });
        against_birth_date || against_years
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::JAPAN;

    fn statements(over: &[(u8, bool)], birth_date: Option<&str>, in_years: Option<u64>) -> AgeStatements {
        let birth_date = birth_date.map(|text| BirthDate {
            date: mdoc::time::Date::parse(text).unwrap(),
            masked: false,
        });
        AgeStatements {
            over: over.to_vec(),
            birth_date,
            in_years,
        }
    }

    fn now() -> UnixTime {
        UnixTime::parse("2026-11-23T03:00:00Z").unwrap()
    }

    fn is_over(over: &[(u8, bool)], birth_date: Option<&str>, threshold: u8) -> Option<bool> {
        statements(over, birth_date, None).is_over(threshold, now(), Some(JAPAN))
    }

    #[test]
    fn the_nearest_statement_decides() {
        let attested = [(18, true), (21, false)];
        for (asked, answer) in [
            (16, Some(true)),
            (18, Some(true)),
            (19, None),
            (20, None),
            (21, Some(false)),
            (25, Some(false)),
        ] {
            assert_eq!(is_over(&attested, None, asked), answer, "{asked}");
        }
        assert_eq!(is_over(&[(25, true)], None, 20), Some(true));
        assert_eq!(
            is_over(&[(18, true)], None, 20),
            None,
            "over a lower age says nothing"
        );
        assert_eq!(
            is_over(&[(25, false)], None, 20),
            None,
            "not over a higher age says nothing"
        );
        assert_eq!(is_over(&[], None, 20), None, "absent is neither yes nor no");
    }

    #[test]
    fn the_birth_date_decides_where_no_statement_does() {
        assert_eq!(is_over(&[], Some("2006-11-23"), 20), Some(true));
        assert_eq!(is_over(&[], Some("2006-11-24"), 20), Some(false));
        assert_eq!(is_over(&[(18, true)], Some("2006-11-24"), 20), Some(false));
        let masked = AgeStatements {
            birth_date: Some(BirthDate {
                date: mdoc::time::Date::parse("1971-01-01").unwrap(),
                masked: true,
            }),
            ..AgeStatements::default()
        };
        assert_eq!(
            masked.is_over(20, now(), Some(JAPAN)),
            None,
            "a masked date is not for calculation"
        );
    }

    #[test]
    fn contradictions_are_found_and_mere_age_is_none() {
        let signed = UnixTime::parse("2026-11-01T03:00:00Z").unwrap();
        let contradict = |over: &[(u8, bool)], birth: Option<&str>, years: Option<u64>| {
            statements(over, birth, years).contradict(signed, now(), Some(JAPAN))
        };
        assert!(contradict(&[(20, true), (18, false)], None, None));
        assert!(contradict(&[(20, true), (20, false)], None, None));
        assert!(!contradict(&[(18, true), (20, false)], None, None));
        assert!(
            contradict(&[(20, true)], Some("2010-01-01"), None),
            "over 20 and born too late"
        );
        assert!(!contradict(&[(20, true)], Some("2006-11-23"), None));
        assert!(
            contradict(&[(20, false)], Some("1990-01-01"), None),
            "not over 20 and born too early"
        );
        assert!(
            !contradict(&[(20, false)], Some("2006-11-10"), None),
            "the birthday came since"
        );
        assert!(contradict(&[], Some("2027-01-01"), None), "born in the future");
        assert!(contradict(&[(20, true)], None, Some(17)));
        assert!(!contradict(&[(20, true)], None, Some(19)));
        assert!(contradict(&[(18, false)], None, Some(40)));
        assert!(!contradict(&[(18, false)], None, Some(17)));
    }

    #[test]
    fn only_two_digits_name_a_threshold() {
        assert_eq!(age_over_threshold("age_over_20"), Some(20));
        assert_eq!(age_over_threshold("age_over_00"), Some(0));
        for other in [
            "age_over_2",
            "age_over_200",
            "age_over_2x",
            "age_over_",
            "age_over",
            "birth_date",
        ] {
            assert_eq!(age_over_threshold(other), None, "{other}");
        }
    }

    #[test]
    fn thresholds_are_two_digits() {
        for (identifier, threshold) in [
            ("age_over_20", Some(20)),
            ("age_over_65", Some(65)),
            ("age_over_09", Some(9)),
            ("age_over_00", Some(0)),
            ("age_over_2", None),
            ("age_over_200", None),
            ("age_over_2x", None),
            ("age_over_", None),
            ("age_under_20", None),
        ] {
            assert_eq!(age_over_threshold(identifier), threshold, "{identifier}");
        }
    }

    #[test]
    fn a_statement_and_its_opposite_contradict_each_other() {
        let now = UnixTime::parse("2026-11-23T06:00:00Z").unwrap();
        let contradict =
            |over: &[(u8, bool)], years| statements(over, None, years).contradict(now, now, Some(JAPAN));
        assert!(contradict(&[(20, true), (20, false)], None));
        assert!(contradict(&[(20, false), (25, true)], None));
        assert!(!contradict(&[(20, true), (21, false)], None));
        // Twenty years old, and not over 20: the birthday came between the statements at the least.
        assert!(contradict(&[(20, false)], Some(21)));
        assert!(!contradict(&[(20, false)], Some(20)));
        assert!(!contradict(&[(21, true)], Some(20)));
        assert!(contradict(&[(22, true)], Some(20)));
    }

    #[test]
    fn debug_output_shows_no_age() {
        let stated = statements(&[(20, true)], Some("1971-09-01"), Some(55));
        assert_eq!(format!("{stated:?}"), "AgeStatements");
        assert_eq!(format!("{:?}", stated.birth_date.unwrap()), "BirthDate");
    }
}
