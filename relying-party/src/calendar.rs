//! Calendar rules: the one-month validity of a card-substitute record, and ages.

use mdoc::time::{Date, UnixTime, days_in_month};

/// Japan Standard Time, seconds east of UTC. There is no daylight saving time.
pub const JAPAN: i32 = 9 * 3600;
/// The zone whose calendar date is the last to change.
const LAST_ZONE: i32 = -12 * 3600;
/// The zone whose calendar date is the first to change.
const FIRST_ZONE: i32 = 14 * 3600;

/// The first instant at which a record signed at `signed` has lost its validity of one month
/// counted from the day of issue (Civil Code of Japan, articles 141 and 143, in Japan's time).
///
/// The month ends with the day before the corresponding day of the next month, or with the last
/// day of the next month where that has no corresponding day.
pub fn one_month_in_japan(signed: UnixTime) -> UnixTime {
    let issued = signed.date_at_offset(JAPAN);
    let (year, month) = following_month(issued.year(), issued.month());
    // The day after the last day: the corresponding day itself, or the first of the month after.
    let end = Date::new(year, month, issued.day()).or_else(|| {
        let (year, month) = following_month(year, month);
        Date::new(year, month, 1)
    });
    end.map_or(signed, |end| end.midnight_at_offset(JAPAN))
}

const fn following_month(year: u16, month: u8) -> (u16, u8) {
    if month == 12 {
        (year.saturating_add(1), 1)
    } else {
        (year, month + 1)
    }
}

/// Whether a person born on `birth_date` is certainly `years` old at `now`: by the calendar of the
/// zone, or of every zone where none is given.
pub fn is_age_reached(birth_date: Date, years: u8, now: UnixTime, zone: Option<i32>) -> bool {
    now.date_at_offset(zone.unwrap_or(LAST_ZONE)) >= birthday(birth_date, years)
}

/// Whether a person born on `birth_date` is certainly not yet `years` old at `now`.
pub fn is_age_not_reached(birth_date: Date, years: u8, now: UnixTime, zone: Option<i32>) -> bool {
    now.date_at_offset(zone.unwrap_or(FIRST_ZONE)) < birthday(birth_date, years)
}

/// The day on which the age is reached; 1 March for those born on 29 February in a common year.
fn birthday(birth_date: Date, years: u8) -> Date {
    let year = birth_date.year().saturating_add(u16::from(years)).min(9999);
    let (month, day) = (birth_date.month(), birth_date.day());
    let moved = if day > days_in_month(year, month) {
        Date::new(year, 3, 1)
    } else {
        Date::new(year, month, day)
    };
    moved.unwrap_or(birth_date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixTime {
        UnixTime::parse(text).unwrap()
    }

    fn date(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    #[test]
    fn one_month_follows_the_civil_code_day_by_day() {
        for (issued, end) in [
            ("2025-06-24", "2025-07-23T15:00:00Z"),
            ("2026-01-01", "2026-01-31T15:00:00Z"),
            ("2026-01-28", "2026-02-27T15:00:00Z"),
            ("2026-01-29", "2026-02-28T15:00:00Z"),
            ("2026-01-30", "2026-02-28T15:00:00Z"),
            ("2026-01-31", "2026-02-28T15:00:00Z"),
            ("2026-02-01", "2026-02-28T15:00:00Z"),
            ("2026-02-28", "2026-03-27T15:00:00Z"),
            ("2026-03-31", "2026-04-30T15:00:00Z"),
            ("2026-04-30", "2026-05-29T15:00:00Z"),
            ("2026-05-31", "2026-06-30T15:00:00Z"),
            ("2026-08-31", "2026-09-30T15:00:00Z"),
            ("2026-10-31", "2026-11-30T15:00:00Z"),
            ("2026-12-31", "2027-01-30T15:00:00Z"),
            ("2028-01-29", "2028-02-28T15:00:00Z"),
            ("2028-01-30", "2028-02-29T15:00:00Z"),
            ("2028-01-31", "2028-02-29T15:00:00Z"),
            ("2028-02-29", "2028-03-28T15:00:00Z"),
        ] {
            // Noon of the day of issue in Japan.
            let signed = at(&format!("{issued}T03:00:00Z"));
            assert_eq!(one_month_in_japan(signed), at(end), "{issued}");
        }
    }

    #[test]
    fn the_day_of_issue_is_japans() {
        assert_eq!(
            one_month_in_japan(at("2026-06-14T16:00:00Z")),
            at("2026-07-14T15:00:00Z")
        );
        assert_eq!(
            one_month_in_japan(at("2026-06-14T14:59:59Z")),
            at("2026-07-13T15:00:00Z")
        );
        assert_eq!(
            one_month_in_japan(at("2026-06-14T15:00:00Z")),
            at("2026-07-14T15:00:00Z")
        );
    }

    #[test]
    fn thirty_days_and_clamping_less_a_day_are_both_wrong() {
        let signed = at("2026-01-31T03:00:00Z");
        assert_ne!(
            one_month_in_japan(signed),
            at("2026-03-01T15:00:00Z"),
            "thirty days"
        );
        assert_ne!(
            one_month_in_japan(signed),
            at("2026-02-27T15:00:00Z"),
            "clamped, then a day less"
        );
    }

    #[test]
    fn an_age_is_reached_on_the_birthday_in_japan() {
        let birth = date("2006-11-23");
        // 2026-11-23T00:00 in Japan is 15:00 of the day before in UTC.
        assert!(!is_age_reached(
            birth,
            20,
            at("2026-11-22T14:59:59Z"),
            Some(JAPAN)
        ));
        assert!(is_age_reached(birth, 20, at("2026-11-22T15:00:00Z"), Some(JAPAN)));
        assert!(is_age_not_reached(
            birth,
            20,
            at("2026-11-22T14:59:59Z"),
            Some(JAPAN)
        ));
        assert!(!is_age_not_reached(
            birth,
            20,
            at("2026-11-22T15:00:00Z"),
            Some(JAPAN)
        ));
    }

    #[test]
    fn without_a_zone_an_age_is_reached_only_when_it_is_everywhere() {
        let birth = date("2006-11-23");
        assert!(!is_age_reached(birth, 20, at("2026-11-23T11:59:59Z"), None));
        assert!(is_age_reached(birth, 20, at("2026-11-23T12:00:00Z"), None));
        assert!(is_age_not_reached(birth, 20, at("2026-11-22T09:59:59Z"), None));
        assert!(!is_age_not_reached(birth, 20, at("2026-11-22T10:00:00Z"), None));
    }

    #[test]
    fn the_twenty_ninth_of_february_comes_on_the_first_of_march_in_common_years() {
        let birth = date("2008-02-29");
        assert!(!is_age_reached(
            birth,
            18,
            at("2026-02-28T14:59:59Z"),
            Some(JAPAN)
        ));
        assert!(is_age_reached(birth, 18, at("2026-02-28T15:00:00Z"), Some(JAPAN)));
        assert!(!is_age_reached(
            birth,
            20,
            at("2028-02-28T14:59:59Z"),
            Some(JAPAN)
        ));
        assert!(is_age_reached(birth, 20, at("2028-02-28T15:00:00Z"), Some(JAPAN)));
    }
}
