//! Dates and times of the day as price lists write them.

use tollbook_domain::time::{DAY_S, HOUR_S, civil_of_day, day_of_civil};

/// Unix seconds of the start of a day in UTC, which is written `YYYY-MM-DD` and not before 1970.
pub(super) fn start_of_day(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = *parts.as_slice() else { return None };
    let civil = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    let day = day_of_civil(civil.0, civil.1, civil.2);
    // A day that the month does not have is another date.
    (civil_of_day(day) == civil && day >= 0).then_some(day * DAY_S)
}

/// `HH:MM` or `HH:MM:SS` as seconds since midnight.
pub(super) fn second_of_day(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split(':').collect();
    let (hour, minute, second) = match *parts.as_slice() {
        [hour, minute] => (hour, minute, "00"),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    let below = |text: &str, end: i64| number(text, 2).filter(|number| *number < end);
    Some(below(hour, 24)? * HOUR_S + below(minute, 60)? * 60 + below(second, 60)?)
}

/// A number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_of_days() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("2028-02-29", Some(1_835_395_200)),
            ("9999-12-31", Some(253_402_214_400)),
            ("1969-12-31", None),
            ("2026-02-29", None),
            ("2026-13-01", None),
            ("2026-00-01", None),
            ("2026-01-00", None),
            ("2026-1-1", None),
            ("20260101", None),
            ("+026-01-01", None),
            ("2026-01-01T00:00:00Z", None),
        ] {
            assert_eq!(start_of_day(text), expected, "{text}");
        }
    }

    #[test]
    fn times_of_day() {
        for (text, expected) in [
            ("00:00", Some(0)),
            ("16:30", Some(59_400)),
            ("23:59:59", Some(86_399)),
            ("24:00", None),
            ("12:60", None),
            ("1:00", None),
            ("+1:00", None),
            ("12", None),
            ("12:00:00:00", None),
        ] {
            assert_eq!(second_of_day(text), expected, "{text}");
        }
    }
}
