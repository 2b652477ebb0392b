//! Time zones by IANA name, from the database inside the program, so that all machines agree. They provide offsets only:
//! rollups and ranges stay in UTC.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use tollbook_domain::time::{DAY_S, civil_of_day};

/// A time zone; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    zone: TimeZone,
    name: String,
}

/// The text is not the name of a time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an IANA time zone such as Asia/Shanghai")]
pub struct UnknownZone(pub String);

impl Default for Zone {
    fn default() -> Self {
        Self::utc()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self { zone: TimeZone::UTC, name: "UTC".to_owned() }
    }

    /// The time zone with an IANA name; case does not matter.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| UnknownZone(name.to_owned()))?;
        let name = zone.iana_name().unwrap_or(name).to_owned();
        Ok(Self { zone, name })
    }

    /// Name in the spelling of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Seconds east of UTC at a time. Times outside the calendar have the offset at its nearest end.
    pub fn offset_s(&self, unix_s: i64) -> i32 {
        self.zone.to_offset(timestamp(unix_s)).seconds()
    }

    /// The local day of a time: days since 1970-01-01.
    pub fn day_of(&self, unix_s: i64) -> i64 {
        unix_s.saturating_add(self.offset_s(unix_s).into()).div_euclid(DAY_S)
    }

    /// The first second of a local day. If the clocks skip midnight, it is the first one that they show.
    pub fn day_start_s(&self, day: i64) -> i64 {
        let guess_s = day.saturating_mul(DAY_S);
        let (year, month, date) = civil_of_day(day);
        let civil = || {
            let (year, month, date) = (year.try_into().ok()?, month.try_into().ok()?, date.try_into().ok()?);
            let date = jiff::civil::Date::new(year, month, date).ok()?;
            Some(date.to_zoned(self.zone.clone()).ok()?.timestamp().as_second())
        };
        // Outside of the calendar of the library.
        civil().unwrap_or_else(|| guess_s.saturating_sub(self.offset_s(guess_s).into()))
    }

    /// Date and time that the clocks show, `2025-01-31 08:00:00`, with the offset if they show it twice.
    pub fn text(&self, unix_s: i64) -> String {
        let mut text = String::with_capacity(25);
        self.offsets().local(unix_s).push_text(&mut text, unix_s);
        text
    }

    /// Offsets of many times. Cheap while successive times are between the same two changes of the clock.
    pub fn offsets(&self) -> Offsets<'_> {
        Offsets {
            zone: self,
            start_s: i64::MAX,
            end_s: i64::MIN,
            offset_s: 0,
            repeats_until_s: i64::MIN,
            repeats_from_s: i64::MAX,
        }
    }
}

/// Offsets of a [`Zone`], with the interval between two changes of the clock that contained the last time. A sorted run of
/// times looks up each interval once.
#[derive(Clone, Debug)]
pub struct Offsets<'zone> {
    zone: &'zone Zone,
    start_s: i64,
    end_s: i64,
    offset_s: i32,
    /// Local times before this one were shown by the clocks before the interval too.
    repeats_until_s: i64,
    /// Local times from this one on are shown by the clocks after the interval too.
    repeats_from_s: i64,
}

/// What the clocks show at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// Seconds east of UTC.
    pub offset_s: i32,
    /// Whether the clocks show the same twice, because they are set back. The offset distinguishes the two times.
    pub is_repeated: bool,
}

impl LocalTime {
    /// Appends the text of a time, of which this is the local time: `2025-01-31 08:00:00`, with the offset if the clocks
    /// show it twice, `2025-10-26 02:00:00+01:00`.
    pub(crate) fn push_text(self, text: &mut String, unix_s: i64) {
        push_date_time(text, unix_s.saturating_add(self.offset_s.into()), ' ');
        if self.is_repeated {
            let (sign, minutes) = (if self.offset_s < 0 { '-' } else { '+' }, self.offset_s.abs() / 60);
            // Writing to a String cannot fail.
            let _ = write!(text, "{sign}{:02}:{:02}", minutes / 60, minutes % 60);
        }
    }
}

/// Appends the date and time that a number of seconds since 1970-01-01T00:00:00 is.
pub(crate) fn push_date_time(text: &mut String, local_s: i64, separator: char) {
    let (year, month, day) = civil_of_day(local_s.div_euclid(DAY_S));
    let second = local_s.rem_euclid(DAY_S);
    if let Ok(year) = u16::try_from(year)
        && (1_000..10_000).contains(&year)
    {
        text.push_str(itoa::Buffer::new().format(year));
    } else {
        // Writing to a String cannot fail.
        let _ = write!(text, "{year:04}");
    }
    let mut push = |before: char, number: i64| {
        text.push(before);
        let digit = |number: i64| char::from(b'0' + u8::try_from(number).unwrap_or(0));
        text.push(digit(number / 10));
        text.push(digit(number % 10));
    };
    push('-', month);
    push('-', day);
    push(separator, second / 3_600);
    push(':', second % 3_600 / 60);
    push(':', second % 60);
}

impl Offsets<'_> {
    /// Seconds east of UTC at a time; always equal to [`Zone::offset_s`].
    pub fn offset_s(&mut self, unix_s: i64) -> i32 {
        if unix_s < self.start_s || self.end_s <= unix_s {
            self.find_interval(unix_s);
        }
        self.offset_s
    }

    /// What the clocks show at a time.
    pub fn local(&mut self, unix_s: i64) -> LocalTime {
        let offset_s = self.offset_s(unix_s);
        let is_repeated = unix_s < self.repeats_until_s || self.repeats_from_s <= unix_s;
        LocalTime { offset_s, is_repeated }
    }

    fn find_interval(&mut self, unix_s: i64) {
        let zone = &self.zone.zone;
        let at = timestamp(unix_s);
        // `preceding` excludes its argument, but a change at this second counts.
        let next_second = timestamp(unix_s.saturating_add(1));
        let start = zone.preceding(next_second).next();
        let end = zone.following(at).next();
        self.offset_s = zone.to_offset(at).seconds();
        self.start_s = start.as_ref().map_or(i64::MIN, |change| change.timestamp().as_second()).min(unix_s);
        self.end_s = end.as_ref().map_or(i64::MAX, |change| change.timestamp().as_second());
        // Clocks that are set back by an hour repeat the hour before the change in the hour after it.
        let set_back = |before: i32, after: i32| i64::from(before.saturating_sub(after)).max(0);
        self.repeats_until_s = start.map_or(i64::MIN, |_| {
            let before = zone.to_offset(timestamp(self.start_s.saturating_sub(1))).seconds();
            self.start_s.saturating_add(set_back(before, self.offset_s))
        });
        self.repeats_from_s = end.map_or(i64::MAX, |change| {
            self.end_s.saturating_sub(set_back(self.offset_s, change.offset().seconds()))
        });
    }
}

fn timestamp(unix_s: i64) -> Timestamp {
    let clamped = unix_s.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(clamped).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tollbook_domain::time::MAX_TIME_S;

    use super::*;

    #[test]
    fn offsets_match_known_values() {
        // zone, time, seconds east
        for (zone, unix_s, offset_s) in [
            ("UTC", 0, 0),
            ("Asia/Shanghai", 1_760_000_000, 8 * 3_600),
            ("Asia/Kolkata", 1_760_000_000, 19_800),
            // Summer time ended on 2025-10-26 at 01:00 UTC.
            ("Europe/Berlin", 1_761_440_399, 7_200),
            ("Europe/Berlin", 1_761_440_400, 3_600),
            ("America/Los_Angeles", MAX_TIME_S, -28_800),
        ] {
            let zone = Zone::named(zone).unwrap();
            assert_eq!(zone.offset_s(unix_s), offset_s, "{zone} {unix_s}");
            assert_eq!(zone.offsets().offset_s(unix_s), offset_s, "{zone} {unix_s}");
        }
    }

    #[test]
    fn days_begin_at_local_midnight() {
        // zone, day, its first second
        for (zone, day, start_s) in [
            ("UTC", 20_000, 1_728_000_000),
            ("Asia/Shanghai", 20_000, 1_727_971_200),
            ("Asia/Kolkata", 20_000, 1_727_980_200),
            // Clocks were set forward at midnight: the day began at 01:00.
            ("America/Sao_Paulo", 17_839, 1_541_300_400),
        ] {
            let zone = Zone::named(zone).unwrap();
            assert_eq!(zone.day_start_s(day), start_s, "{zone}");
            assert_eq!((zone.day_of(start_s), zone.day_of(start_s - 1)), (day, day - 1), "{zone}");
        }
        assert_eq!(Zone::named("Asia/Shanghai").unwrap().text(0), "1970-01-01 08:00:00");
    }

    #[test]
    fn clocks_that_are_set_back_show_an_hour_twice() {
        // zone, first second that comes twice, the change, first second that is unique again
        for (zone, first_s, change_s, last_s) in [
            ("Europe/Berlin", 1_761_436_800, 1_761_440_400, 1_761_444_000),
            ("America/New_York", 1_762_059_600, 1_762_063_200, 1_762_066_800),
            // Half an hour.
            ("Australia/Lord_Howe", 1_775_313_000, 1_775_314_800, 1_775_316_600),
        ] {
            let zone = Zone::named(zone).unwrap();
            let repeated = |unix_s| zone.offsets().local(unix_s).is_repeated;
            assert_eq!(
                [first_s - 1, first_s, change_s - 1, change_s, last_s - 1, last_s].map(repeated),
                [false, true, true, true, true, false],
                "{zone}"
            );
        }
        // Clocks that are set forward skip an hour; none comes twice.
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let spring_s = 1_743_296_400;
        assert!((-4..4).all(|half| !berlin.offsets().local(spring_s + half * 1_800).is_repeated));
        assert!(!Zone::utc().offsets().local(0).is_repeated);
    }

    #[test]
    fn names_are_checked_and_spelled_as_in_the_database() {
        assert_eq!(Zone::named("asia/shanghai").unwrap().name(), "Asia/Shanghai");
        assert_eq!(Zone::named("UTC").unwrap().offset_s(0), 0);
        for name in ["", "Mars/Olympus", "local", "+08:00"] {
            assert_eq!(Zone::named(name), Err(UnknownZone(name.to_owned())));
        }
    }

    #[test]
    fn an_interval_is_looked_up_once() {
        let zone = Zone::named("America/New_York").unwrap();
        let mut offsets = zone.offsets();
        let mut looked_up = std::collections::BTreeSet::new();
        for n in (0..1_000_000).rev() {
            offsets.offset_s(1_700_000_000 + n * 60);
            looked_up.insert((offsets.start_s, offsets.end_s));
        }
        // From November 2023 to October 2025 the clocks changed three times.
        assert_eq!(looked_up.len(), 4);
    }

    proptest! {
        #[test]
        fn cached_intervals_do_not_change_offsets(
            name in proptest::sample::select(vec!["UTC", "Europe/Berlin", "Asia/Shanghai", "Australia/Lord_Howe"]),
            start_s in 0..=MAX_TIME_S,
            steps in prop::collection::vec(-20_000_000i64..20_000_000, 1..50),
        ) {
            let zone = Zone::named(name).unwrap();
            let mut offsets = zone.offsets();
            let mut at = start_s;
            for step in steps {
                at = (at + step).clamp(0, MAX_TIME_S);
                prop_assert_eq!(offsets.offset_s(at), zone.offset_s(at));
                // Another time within a day has the same local time, if and only if the local time is repeated.
                let shown = |unix_s: i64| unix_s + i64::from(zone.offset_s(unix_s));
                let twice = [-7_200, -3_600, -1_800, 1_800, 3_600, 7_200].iter().any(|by| shown(at + by) == shown(at));
                prop_assert_eq!(offsets.local(at).is_repeated, twice);
            }
        }
    }
}
