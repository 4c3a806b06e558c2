//! Instants and the `tdate` grammar. There is no `now()` here: the time is always an argument.

use core::fmt;

/// Seconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// The range is that of RFC 3339: years 0000 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(i64);

const SECONDS_PER_DAY: i64 = 86_400;
/// 9999-12-31T23:59:59Z.
const LATEST: i64 = 253_402_300_799;
/// 0000-01-01T00:00:00Z.
const EARLIEST: i64 = -62_167_219_200;

impl UnixTime {
    /// The instant `seconds` after the epoch; `None` outside the years 0000 to 9999.
    pub const fn from_seconds(seconds: i64) -> Option<Self> {
        if seconds < EARLIEST || seconds > LATEST {
            None
        } else {
            Some(Self(seconds))
        }
    }

    /// Seconds since the epoch.
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// This instant moved by `seconds`, held at the ends of the range.
    #[must_use]
    pub fn saturating_add(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds).clamp(EARLIEST, LATEST))
    }

    /// Parses a `tdate` text of RFC 3339 in the profile of ISO/IEC 18013-5 §7.2.1: UTC with a
    /// capital `Z`, whole seconds, no leap second.
    ///
    /// # Errors
    /// The exact deviation, so that a profile can tolerate [`DateError::Fraction`] knowingly with
    /// [`Self::parse_with_fraction`].
    pub fn parse(text: &str) -> Result<Self, DateError> {
        let (instant, fraction) = Self::parse_with_fraction(text)?;
        if fraction {
            Err(DateError::Fraction)
        } else {
            Ok(instant)
        }
    }

    /// As [`Self::parse`], but fractional seconds are cut off and reported by the flag.
    ///
    /// # Errors
    /// Everything else that is not a `tdate`.
    pub fn parse_with_fraction(text: &str) -> Result<(Self, bool), DateError> {
        let bytes = text.as_bytes();
        let (date, rest) = bytes.split_at_checked(10).ok_or(DateError::Grammar)?;
        let date = core::str::from_utf8(date).map_err(|_| DateError::Grammar)?;
        let day = Date::parse(date)?;
        let (clock, rest) = rest.split_at_checked(9).ok_or(DateError::Grammar)?;
        let [b'T', h1, h2, b':', m1, m2, b':', s1, s2] = *clock else {
            return Err(DateError::Grammar);
        };
        let hour = two_digits(h1, h2).ok_or(DateError::Grammar)?;
        let minute = two_digits(m1, m2).ok_or(DateError::Grammar)?;
        let second = two_digits(s1, s2).ok_or(DateError::Grammar)?;
        if second == 60 {
            return Err(DateError::LeapSecond);
        }
        if hour > 23 || minute > 59 || second > 59 {
            return Err(DateError::Range);
        }
        let (fraction, zone) = split_fraction(rest)?;
        if zone != b"Z" {
            return Err(DateError::NotUtc);
        }
        let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        let instant = Self::from_seconds(day.days_since_epoch() * SECONDS_PER_DAY + seconds);
        Ok((instant.ok_or(DateError::Range)?, fraction))
    }

    /// The calendar date at this instant in the zone `offset_seconds` east of UTC.
    pub fn date_at_offset(self, offset_seconds: i32) -> Date {
        let local = self
            .0
            .saturating_add(i64::from(offset_seconds))
            .clamp(EARLIEST, LATEST);
        Date::from_days_since_epoch(local.div_euclid(SECONDS_PER_DAY))
    }
}

/// RFC 3339 in UTC, whole seconds: `2026-11-23T06:00:00Z`.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date_at_offset(0);
        let second = self.0.rem_euclid(SECONDS_PER_DAY);
        write!(
            f,
            "{date}T{:02}:{:02}:{:02}Z",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }
}

/// A date of the Gregorian calendar, years 0000 to 9999: the `full-date` of RFC 8943.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The date, where the calendar has it.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let exists =
            year <= 9999 && (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
        exists.then_some(Self { year, month, day })
    }

    /// Parses `YYYY-MM-DD`.
    ///
    /// # Errors
    /// [`DateError::Grammar`] for another shape, [`DateError::Range`] for a date that does not exist.
    pub fn parse(text: &str) -> Result<Self, DateError> {
        let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else {
            return Err(DateError::Grammar);
        };
        let century = two_digits(y1, y2).ok_or(DateError::Grammar)?;
        let year = two_digits(y3, y4).ok_or(DateError::Grammar)?;
        let month = two_digits(m1, m2).ok_or(DateError::Grammar)?;
        let day = two_digits(d1, d2).ok_or(DateError::Grammar)?;
        Self::new(u16::from(century) * 100 + u16::from(year), month, day).ok_or(DateError::Range)
    }

    /// The year, 0 to 9999.
    pub const fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, 1 to 31.
    pub const fn day(self) -> u8 {
        self.day
    }

    /// Days since 1970-01-01; negative before.
    pub fn days_since_epoch(self) -> i64 {
        // Counted in years that start on 1 March, so that the leap day is the last of its year.
        let month = i64::from(self.month);
        let year = i64::from(self.year) - i64::from(month <= 2);
        let month_from_march = (month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(self.day) - 1;
        year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
    }

    /// The instant of 00:00:00 on this date in the zone `offset_seconds` east of UTC.
    pub fn midnight_at_offset(self, offset_seconds: i32) -> UnixTime {
        UnixTime(0)
            .saturating_add(self.days_since_epoch() * SECONDS_PER_DAY)
            .saturating_add(-i64::from(offset_seconds))
    }

    fn from_days_since_epoch(days: i64) -> Self {
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self {
            year: u16::try_from(year.clamp(0, 9999)).unwrap_or(9999),
            month: u8::try_from(month).unwrap_or(12),
            day: u8::try_from(day).unwrap_or(28),
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// The number of days of `month` (1 to 12) in `year`; 0 for a month that does not exist.
pub fn days_in_month(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    }
}

/// Why a text is not a date of the grammar asked for. Carries no part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DateError {
    /// Not of the shape at all, lower-case `t` or `z` included.
    #[error("not of the date grammar")]
    Grammar,
    /// A field outside its range, such as 30 February.
    #[error("no such date or time of day")]
    Range,
    /// Second 60.
    #[error("a leap second")]
    LeapSecond,
    /// Fractional seconds, which ISO/IEC 18013-5 forbids.
    #[error("fractional seconds")]
    Fraction,
    /// A zone other than `Z`.
    #[error("not in UTC")]
    NotUtc,
}

fn two_digits(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
}

/// Splits `.123` off the front; the fraction is at most 18 digits long.
fn split_fraction(rest: &[u8]) -> Result<(bool, &[u8]), DateError> {
    let Some(digits) = rest.strip_prefix(b".") else {
        return Ok((false, rest));
    };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match digits.split_at_checked(count) {
        Some((_, zone)) if (1..=18).contains(&count) => Ok((true, zone)),
        _ => Err(DateError::Grammar),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tdate_round_trips_at_known_instants() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2020-10-01T13:30:02Z", 1_601_559_002),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("0000-01-01T00:00:00Z", EARLIEST),
            ("9999-12-31T23:59:59Z", LATEST),
        ] {
            let instant = UnixTime::parse(text).unwrap();
            assert_eq!(instant.seconds(), seconds, "{text}");
            assert_eq!(instant.to_string(), text);
        }
    }

    #[test]
    fn tdate_deviations_are_named() {
        for (text, error) in [
            ("", DateError::Grammar),
            ("2020-10-01", DateError::Grammar),
            ("2020-10-01t13:30:02Z", DateError::Grammar),
            ("2020-10-01 13:30:02Z", DateError::Grammar),
            ("2020-10-01T13:30:02z", DateError::NotUtc),
            ("2020-10-01T13:30:02", DateError::NotUtc),
            ("2020-10-01T13:30:02+09:00", DateError::NotUtc),
            ("2020-10-01T13:30:02Z ", DateError::NotUtc),
            ("2020-10-01T13:30:60Z", DateError::LeapSecond),
            ("2020-10-01T24:00:00Z", DateError::Range),
            ("2020-10-01T13:60:00Z", DateError::Range),
            ("2020-02-30T13:30:02Z", DateError::Range),
            ("2020-13-01T13:30:02Z", DateError::Range),
            ("2020-10-01T13:30:02.5Z", DateError::Fraction),
            ("2020-10-01T13:30:02.Z", DateError::Grammar),
            ("2020-10-01T13:3é:02Z", DateError::Grammar),
        ] {
            assert_eq!(UnixTime::parse(text), Err(error), "{text}");
        }
        let (instant, fraction) = UnixTime::parse_with_fraction("2020-10-01T13:30:02.753089214Z").unwrap();
        assert_eq!((instant.seconds(), fraction), (1_601_559_002, true));
    }

    #[test]
    fn every_day_of_four_centuries_round_trips() {
        let mut expected = Date::new(1900, 1, 1).unwrap();
        for days in expected.days_since_epoch()..Date::new(2300, 1, 1).unwrap().days_since_epoch() {
            let date = Date::from_days_since_epoch(days);
            assert_eq!(date, expected);
            assert_eq!(date.days_since_epoch(), days);
            expected = Date::new(date.year, date.month, date.day + 1)
                .or_else(|| Date::new(date.year, date.month + 1, 1))
                .or_else(|| Date::new(date.year + 1, 1, 1))
                .unwrap();
        }
    }

    #[test]
    fn a_date_depends_on_the_zone() {
        let instant = UnixTime::parse("2026-06-14T16:00:00Z").unwrap();
        assert_eq!(instant.date_at_offset(9 * 3600).to_string(), "2026-06-15");
        assert_eq!(instant.date_at_offset(0).to_string(), "2026-06-14");
        let midnight = Date::parse("2026-06-15").unwrap().midnight_at_offset(9 * 3600);
        assert_eq!(midnight.to_string(), "2026-06-14T15:00:00Z");
    }
}
