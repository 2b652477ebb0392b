//! Time zones by IANA name, from the database inside the program, so that all machines agree. They provide offsets only:
//! rollups and ranges stay in UTC.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

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

    /// Offsets of many times. Cheap while successive times are between the same two changes of the clock.
    pub fn offsets(&self) -> Offsets<'_> {
        Offsets { zone: self, start_s: i64::MAX, end_s: i64::MIN, offset_s: 0 }
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
}

impl Offsets<'_> {
    /// Seconds east of UTC at a time; always equal to [`Zone::offset_s`].
    pub fn offset_s(&mut self, unix_s: i64) -> i32 {
        if unix_s < self.start_s || self.end_s <= unix_s {
            self.find_interval(unix_s);
        }
        self.offset_s
    }

    fn find_interval(&mut self, unix_s: i64) {
        let zone = &self.zone.zone;
        let at = timestamp(unix_s);
        // `preceding` excludes its argument, but a change at this second counts.
        let next_second = timestamp(unix_s.saturating_add(1));
        let start = zone.preceding(next_second).next();
        let end = zone.following(at).next();
        self.offset_s = zone.to_offset(at).seconds();
        self.start_s = start.map_or(i64::MIN, |change| change.timestamp().as_second()).min(unix_s);
        self.end_s = end.map_or(i64::MAX, |change| change.timestamp().as_second());
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
            }
        }
    }
}
