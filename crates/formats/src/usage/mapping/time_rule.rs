//! The time of a record in the forms that other programs write.

use jiff::fmt::strtime;
use jiff::tz::Offset;
use tollbook_domain::decimal::Decimal;

use super::columns::ColumnPaths;
use super::expression::Expression;
use super::row::Row;
use super::template::Template;
use crate::usage::builder::integer;
use crate::usage::time;

/// The source of the time of a record.
#[derive(Clone, Debug)]
pub(super) enum TimeRule {
    /// A text.
    Value {
        value: Template,
        format: TimeFormat,
        /// Offset from UTC of times that state none, as written and as parsed.
        offset: Option<(String, Offset)>,
    },
    /// Unix seconds.
    Seconds(Expression),
}

/// The format of a time.
#[derive(Clone, Debug)]
pub(super) enum TimeFormat {
    /// A number is Unix seconds, anything else is RFC 3339.
    Auto,
    /// RFC 3339, with a space for the T and without an offset too.
    Rfc3339,
    /// A number of 10^−n seconds since 1970.
    Unix(u32),
    /// A format of strptime.
    Strptime(String),
}

impl TimeRule {
    /// Unix seconds of the time of a row, rounded down.
    pub(super) fn seconds(&self, row: &Row<'_>, paths: &ColumnPaths) -> Result<i64, String> {
        match self {
            Self::Seconds(expression) => {
                let seconds = expression.value(row, paths)?.ok_or("is missing")?;
                seconds.to_i64_floor(0).map_err(|error| error.to_string())
            }
            Self::Value { value, format, offset } => {
                format.seconds(&value.text(row, paths)?, offset.as_ref())
            }
        }
    }
}

impl TimeFormat {
    fn seconds(&self, text: &str, offset: Option<&(String, Offset)>) -> Result<i64, String> {
        match self {
            Self::Auto if text.bytes().all(|byte| byte.is_ascii_digit()) => integer(text),
            Self::Auto if Decimal::parse(text).is_ok() => Self::Unix(0).seconds(text, offset),
            Self::Auto | Self::Rfc3339 => rfc3339(text, offset),
            Self::Unix(places) => {
                let seconds = Decimal::parse(text).and_then(|number| number.to_i64_floor(*places));
                seconds.map_err(|error| error.to_string())
            }
            Self::Strptime(format) => strptime(format, text, offset),
        }
    }
}

/// RFC 3339, also with a space for the T, and without an offset if the mapping states one.
fn rfc3339(text: &str, offset: Option<&(String, Offset)>) -> Result<i64, String> {
    let mut text = text.to_owned();
    if text.as_bytes().get(10) == Some(&b' ') {
        text.replace_range(10..11, "T");
    }
    time::rfc3339(&text).or_else(|reason| match offset {
        Some((offset, _)) => time::rfc3339(&format!("{text}{offset}")).map_err(|_| reason),
        None => Err(reason),
    })
}

fn strptime(format: &str, text: &str, offset: Option<&(String, Offset)>) -> Result<i64, String> {
    let not = || format!("is not written as {format}");
    let read = strtime::parse(format, text).map_err(|_| not())?;
    let timestamp = match (read.timestamp().is_some() || read.offset().is_some(), offset) {
        (true, _) => read.to_timestamp(),
        (false, Some((_, offset))) => read.to_datetime().and_then(|time| offset.to_timestamp(time)),
        (false, None) => return Err("states no offset from UTC, nor does the mapping".to_owned()),
    };
    timestamp.map(time::seconds).map_err(|_| not())
}
