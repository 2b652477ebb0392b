//! Times on the command line. A bare date is a day: of the deployment's UTC offset for the operator's commands, of the
//! machine's time zone for the customer's; `--time-zone` states another.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use tollbook_domain::HourOffsets;
use tollbook_domain::time::day_of_civil;
pub(crate) use tollbook_ops::stated_time::{Time, ZoneName};
use tollbook_ops::{Clock as _, SystemClock};

use crate::output::note;

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 86_400;

/// Which days bare dates are, and in which local time times are displayed.
#[derive(Clone, Debug)]
pub(crate) enum Days {
    /// The deployment's billing days.
    Deployment(HourOffsets),
    /// The days of a time zone, and what it is called.
    Zone(ZoneName),
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deployment(_) => f.write_str("the deployment's UTC offset"),
            Self::Zone(ZoneName { name, .. }) => f.write_str(name),
        }
    }
}

impl Days {
    /// The days of a customer's command: those of the machine's time zone unless another is stated.
    pub(super) fn of_customer(stated: Option<&ZoneName>) -> Self {
        Self::Zone(stated.cloned().unwrap_or_else(|| {
            let zone = TimeZone::system();
            let name = match zone.iana_name() {
                Some(name) => name.to_owned(),
                None => "the machine's time zone".to_owned(),
            };
            ZoneName { zone, name }
        }))
    }

    /// A time in Unix seconds. If it is a date, a note on standard error says which moment that is.
    pub(crate) fn unix_s(&self, option: &str, time: Time) -> i64 {
        match time {
            Time::Moment(unix_s) => unix_s,
            Time::Day(date) => {
                let start_s = self.start_s(date);
                note(&format!("{option} {date} is {} ({self})", self.display_exactly(start_s)));
                start_s
            }
        }
    }

    /// The first second of a day. Midnight may be skipped or repeated where clocks change. No order is from before 1970 in
    /// UTC, which east of Greenwich begins during 1970-01-01.
    fn start_s(&self, date: Date) -> i64 {
        let start_s = match self {
            Self::Deployment(offsets) => {
                let (year, month, day) = (date.year().into(), date.month().into(), date.day().into());
                offsets.day_start(day_of_civil(year, month, day))
            }
            Self::Zone(ZoneName { zone, .. }) => {
                date.to_zoned(zone.clone()).map_or(i64::MAX, |start| start.timestamp().as_second())
            }
        };
        if date.year() < 1970 { start_s } else { start_s.max(0) }
    }

    fn offset(&self, unix_s: i64) -> Offset {
        match self {
            Self::Deployment(offsets) => {
                let offset = i32::try_from(offsets.at(unix_s)).ok();
                offset.and_then(|offset_s| Offset::from_seconds(offset_s).ok()).unwrap_or(Offset::UTC)
            }
            Self::Zone(ZoneName { zone, .. }) => {
                Timestamp::from_second(unix_s).map_or(Offset::UTC, |time| zone.to_offset(time))
            }
        }
    }

    /// A time in RFC 3339, with the offset.
    fn display_exactly(&self, unix_s: i64) -> String {
        match Timestamp::from_second(unix_s) {
            Ok(time) => time.display_with_offset(self.offset(unix_s)).to_string(),
            Err(_) => unix_s.to_string(),
        }
    }

    /// A time for display, with the offset, so that the two hours at a change of the clocks differ.
    pub(super) fn display(&self, unix_s: i64) -> String {
        match Timestamp::from_second(unix_s) {
            Ok(time) => {
                let local = time.to_zoned(TimeZone::fixed(self.offset(unix_s)));
                local.strftime("%Y-%m-%d %H:%M%:z").to_string()
            }
            Err(_) => unix_s.to_string(),
        }
    }
}

/// The range of a command. The default is the 30 days before the end of the current hour.
pub(super) fn range(days: &Days, start: Option<Time>, end: Option<Time>) -> (i64, i64) {
    let hour_end = || (SystemClock.now_s().div_euclid(HOUR_S) + 1) * HOUR_S;
    let end_s = end.map_or_else(hour_end, |time| days.unix_s("--end-time", time));
    let start_s = start.map(|time| days.unix_s("--start-time", time));
    (start_s.unwrap_or(end_s.saturating_sub(30 * DAY_S).max(0)), end_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(text: &str) -> Days {
        Days::Zone(text.parse().unwrap())
    }

    #[test]
    fn times_are_read_in_three_forms() {
        assert_eq!("1767225600".parse(), Ok(Time::Moment(1_767_225_600)));
        assert_eq!("2026-01-01".parse(), Ok(Time::Day(Date::constant(2026, 1, 1))));
        assert_eq!("2026-01-01T08:00:00+08:00".parse(), Ok(Time::Moment(1_767_225_600)));
        for text in ["yesterday", "", "2026-1-1", "2026-02-30", "2026-01-01T00:00", "2026-01"] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
        let utc = zone("UTC");
        assert_eq!(range(&utc, Some(Time::Moment(5)), Some(Time::Moment(9))), (5, 9));
        assert_eq!(range(&utc, None, Some(Time::Moment(31 * DAY_S))), (DAY_S, 31 * DAY_S));
    }

    #[test]
    fn a_date_begins_at_local_midnight() {
        // zone | date | start
        let table = "
            UTC              | 2026-12-01 | 2026-12-01T00:00:00+00:00
            -03:00           | 2026-12-01 | 2026-12-01T00:00:00-03:00
            +05:30           | 2026-12-01 | 2026-12-01T00:00:00+05:30
            Asia/Shanghai    | 2026-12-01 | 2026-12-01T00:00:00+08:00
            Europe/Berlin    | 2026-07-01 | 2026-07-01T00:00:00+02:00
            America/New_York | 2026-11-01 | 2026-11-01T00:00:00-04:00
            America/New_York | 2026-11-02 | 2026-11-02T00:00:00-05:00
            Asia/Shanghai    | 1970-01-01 | 1970-01-01T08:00:00+08:00
            America/Santiago | 2026-09-06 | 2026-09-06T01:00:00-03:00";
        for row in table.lines().filter(|row| row.contains('|')) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let days = zone(cells[0]);
            let Ok(Time::Day(date)) = cells[1].parse() else { panic!("{row}") };
            assert_eq!(days.display_exactly(days.start_s(date)), cells[2], "{row}");
        }
        let deployment = Days::Deployment(HourOffsets::fixed(-3 * HOUR_S));
        let start_s = deployment.unix_s("--expires", "2026-12-01".parse().unwrap());
        assert_eq!(start_s, 1_796_094_000);
        assert_eq!(deployment.display_exactly(start_s), "2026-12-01T00:00:00-03:00");
    }

    #[test]
    fn the_two_hours_of_a_clock_change_are_displayed_differently() {
        let berlin = zone("europe/berlin");
        assert_eq!(berlin.to_string(), "Europe/Berlin");
        let shown = [1_792_886_400, 1_792_890_000].map(|unix_s| berlin.display(unix_s));
        assert_eq!(shown, ["2026-10-25 02:00+02:00", "2026-10-25 02:00+01:00"]);
    }

    #[test]
    fn zones_are_names_or_offsets() {
        for text in ["", "Mars/Olympus", "local", "+15:00", "+08", "8", "+00:15", "-03:00x"] {
            assert!(text.parse::<ZoneName>().is_err(), "{text}");
        }
    }
}
