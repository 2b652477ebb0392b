//! Times and time zones as an operator or a customer states them in an argument.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use tollbook_domain::HourOffsets;

/// A time: Unix seconds, an RFC 3339 time, or a date, which is the start of that day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// Unix seconds.
    Moment(i64),
    /// A date, whose start depends on the time zone.
    Day(Date),
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(unix_s) = text.parse() {
            return Ok(Self::Moment(unix_s));
        }
        // The parser accepts other forms too, and ignores a time.
        if let Ok(date) = text.parse::<Date>()
            && date.to_string() == text
        {
            return Ok(Self::Day(date));
        }
        match text.parse::<Timestamp>() {
            Ok(time) => Ok(Self::Moment(time.as_second())),
            Err(_) => {
                Err("must be Unix seconds, a date like 2026-11-01, or a time like 2026-11-01T08:00:00Z"
                    .into())
            }
        }
    }
}

/// The value of `--time-zone`: an IANA name, or an offset from UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneName {
    /// Its rules.
    pub zone: TimeZone,
    /// What it is called in messages.
    pub name: String,
}

impl FromStr for ZoneName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with(['+', '-']) {
            let offset = crate::charging::parse_offset(text).and_then(|offset_s| {
                let offset = Offset::from_seconds(i32::try_from(offset_s).ok()?).ok()?;
                HourOffsets::is_offset(offset_s).then_some(offset)
            });
            let zone =
                offset.map(TimeZone::fixed).ok_or("must be whole or half hours like +08:00, at most 14")?;
            return Ok(Self { zone, name: text.to_owned() });
        }
        let zone = TimeZoneDatabase::bundled().get(text);
        let zone =
            zone.map_err(|_| "must be an IANA time zone like Europe/Berlin, or an offset like +08:00")?;
        let name = zone.iana_name().unwrap_or(text).to_owned();
        Ok(Self { zone, name })
    }
}
