//! Tables and values of a price file with the paths of their keys; errors name file, line and key.

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use tollbook_domain::time::{MAX_TIME_S, day_of_civil};
use tollbook_domain::{HourOffsets, Price};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::text::check_text;
use crate::toml::{FileError, Source, integer};

/// Result of reading a field.
pub(super) type FieldResult<T> = Result<T, FileError>;

/// A price, and the field that states it.
pub(super) struct LocatedPrice<'a> {
    pub(super) field: Field<'a>,
    pub(super) price: Price,
}

/// A value with the path of its key.
#[derive(Clone)]
pub(super) struct Field<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) path: String,
    pub(super) span: Range<usize>,
    pub(super) value: &'a DeValue<'a>,
}

/// A table without unknown keys.
pub(super) struct Fields<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) path: String,
    pub(super) span: Range<usize>,
    table: &'a DeTable<'a>,
}

fn key_path(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

impl<'a> Fields<'a> {
    pub(super) fn root(
        source: &'a Source<'a>,
        document: &'a Spanned<DeTable<'a>>,
        known: &[&str],
    ) -> FieldResult<Self> {
        let path = String::new();
        Self { source, path, span: document.span(), table: document.get_ref() }.of_known_keys(known)
    }

    fn of_known_keys(self, known: &[&str]) -> FieldResult<Self> {
        for key in self.table.keys() {
            if !known.contains(&key.get_ref().as_ref()) {
                let reason = format!("is not a key; known are {}", known.join(", "));
                return Err(self.source.error(Some(key.span()), key_path(&self.path, key.get_ref()), reason));
            }
        }
        Ok(self)
    }

    pub(super) fn wrong<T>(&self, reason: impl Into<String>) -> FieldResult<T> {
        Err(self.source.error(Some(self.span.clone()), self.path.clone(), reason))
    }

    pub(super) fn get(&self, key: &str) -> Option<Field<'a>> {
        self.table.get(key).map(|value| self.field(key, value))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// All entries in the order of their keys.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, Field<'a>)> {
        self.table.iter().map(|(key, value)| (key.get_ref().as_ref(), self.field(key.get_ref(), value)))
    }

    fn field(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Field<'a> {
        let path = key_path(&self.path, key);
        Field { source: self.source, path, span: value.span(), value: value.get_ref() }
    }
}

impl<'a> Field<'a> {
    pub(super) fn error(&self, reason: impl Into<String>) -> FileError {
        self.source.error(Some(self.span.clone()), self.path.clone(), reason)
    }

    pub(super) fn wrong<T>(&self, reason: impl Into<String>) -> FieldResult<T> {
        Err(self.error(reason))
    }

    pub(super) fn any_table(&self) -> Option<Fields<'a>> {
        let table = self.value.as_table()?;
        Some(Fields { source: self.source, path: self.path.clone(), span: self.span.clone(), table })
    }

    pub(super) fn table(&self, known: &[&str]) -> FieldResult<Fields<'a>> {
        match self.any_table() {
            Some(table) => table.of_known_keys(known),
            None => self.wrong("must be a table"),
        }
    }

    /// The elements of an array, each with the path of the array.
    pub(super) fn array(&self) -> FieldResult<Vec<Field<'a>>> {
        let Some(array) = self.value.as_array() else { return self.wrong("must be an array") };
        let entry = |value: &'a Spanned<DeValue<'a>>| Field {
            span: value.span(),
            value: value.get_ref(),
            ..self.clone()
        };
        Ok(array.iter().map(entry).collect())
    }

    pub(super) fn text(&self) -> FieldResult<&'a str> {
        let Some(text) = self.value.as_str() else { return self.wrong("must be a text") };
        check_text(text).map_err(|reason| self.error(reason))?;
        Ok(text)
    }

    pub(super) fn integer(&self, end: i64) -> FieldResult<i64> {
        integer(self.value)
            .filter(|number| (0..=end).contains(number))
            .ok_or_else(|| self.error(format!("must be a whole number between 0 and {end}")))
    }

    /// A date and time with an offset, or a date, which is the start of that day by these offsets, as Unix seconds.
    pub(super) fn time_s(&self, offsets: &HourOffsets) -> FieldResult<i64> {
        let stated = self.value.as_datetime().map(ToString::to_string).unwrap_or_default();
        let time_s = match stated.parse::<Date>() {
            Ok(date) if date.to_string() == stated => {
                let (year, month, day) = (date.year().into(), date.month().into(), date.day().into());
                // East of Greenwich, 1970-01-01 began before 1970 did in UTC.
                let from_1970 = date.year() >= 1970;
                from_1970.then(|| offsets.day_start(day_of_civil(year, month, day)).max(0))
            }
            // The parser refuses a time without an offset.
            _ => {
                let time = stated.parse::<Timestamp>().ok().filter(|time| time.subsec_nanosecond() == 0);
                time.map(Timestamp::as_second)
            }
        };
        time_s.filter(|time_s| (0..=MAX_TIME_S).contains(time_s)).ok_or_else(|| {
            self.error(
                "must be a time in whole seconds such as 2026-01-01T00:00:00Z, or a date such as 2026-01-01, from 1970 on",
            )
        })
    }
}
