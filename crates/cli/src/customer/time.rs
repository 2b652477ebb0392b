//! Times on the command line.

use std::str::FromStr;

use tollbook_ops::{Clock as _, SystemClock};

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 86_400;

/// A time: Unix seconds, a date (UTC), or an RFC 3339 time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time(i64);

impl Time {
    /// Unix seconds.
    pub(crate) const fn unix_s(self) -> i64 {
        self.0
    }
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(unix_s) = text.parse() {
            return Ok(Self(unix_s));
        }
        if let Ok(date) = text.parse::<jiff::civil::Date>()
            && !text.contains('T')
        {
            let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|error| error.to_string())?;
            return Ok(Self(midnight.timestamp().as_second()));
        }
        match text.parse::<jiff::Timestamp>() {
            Ok(time) => Ok(Self(time.as_second())),
            Err(_) => {
                Err("must be Unix seconds, a date like 2026-11-01, or a time like 2026-11-01T08:00:00Z"
                    .into())
            }
        }
    }
}

/// The range of a command. The default is the 30 days before the end of the current hour.
pub(super) fn range(start: Option<Time>, end: Option<Time>) -> (i64, i64) {
    let hour_end = || (SystemClock.now_s().div_euclid(HOUR_S) + 1) * HOUR_S;
    let end_s = end.map_or_else(hour_end, |time| time.0);
    (start.map_or(end_s.saturating_sub(30 * DAY_S).max(0), |time| time.0), end_s)
}

/// A time for display, in UTC.
pub(super) fn display(unix_s: i64) -> String {
    match jiff::Timestamp::from_second(unix_s) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => unix_s.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_three_forms() {
        assert_eq!("1767225600".parse(), Ok(Time(1_767_225_600)));
        assert_eq!("2026-01-01".parse(), Ok(Time(1_767_225_600)));
        assert_eq!("2026-01-01T08:00:00+08:00".parse(), Ok(Time(1_767_225_600)));
        assert!("yesterday".parse::<Time>().is_err());
        assert_eq!(range(Some(Time(5)), Some(Time(9))), (5, 9));
        assert_eq!(range(None, Some(Time(31 * DAY_S))), (DAY_S, 31 * DAY_S));
        assert_eq!(display(1_767_225_600), "2026-01-01 00:00");
    }
}
