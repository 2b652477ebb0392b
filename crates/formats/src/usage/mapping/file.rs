//! The text of a mapping file to a [`Mapping`]: sections, keys, and errors that name file, line and key.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use jiff::fmt::strtime;
use jiff::tz::Offset;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::columns::{ColumnPath, ColumnPaths};
use super::expression::Expression;
use super::rules::{Mapping, SkipRule, check_number, record_field};
use super::template::Template;
use super::time_rule::{TimeFormat, TimeRule};
use crate::toml::{FileError, Source, read_file};
use crate::usage::builder::FIELDS;

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// The first error, with file, line and key.
    pub fn load(file: &Path) -> Result<Self, FileError> {
        Self::parse(file, &read_file(file)?)
    }

    /// Reads the text of a mapping file; `file` names it in errors.
    ///
    /// # Errors
    /// The first error, with file, line and key.
    pub fn parse(file: &Path, text: &str) -> Result<Self, FileError> {
        parse(file, text)
    }
}

fn parse(file: &Path, text: &str) -> Result<Mapping, FileError> {
    let source = Source { file, text };
    let document = DeTable::parse(text).map_err(|error| source.parse_error(error))?;
    let mut reader = SectionReader { source, paths: ColumnPaths::default() };
    let mut fields = [const { None }; FIELDS.len()];
    let (mut time, mut quantities, mut total) = (None, Vec::new(), None);
    let (mut skip, mut models) = (SkipRule::default(), BTreeMap::new());
    for (section, content) in document.get_ref() {
        let section_name = section.get_ref().as_ref();
        let Some(table) = content.get_ref().as_table() else {
            return Err(reader.source.error(Some(section.span()), section_name, "must be a section"));
        };
        match section_name {
            "record" => {
                for entry in reader.texts(section_name, table)? {
                    let parsed = record_field(entry.key).and_then(|field| {
                        let template = Template::parse(entry.text, &mut reader.paths)?;
                        check_number(field, &template).map(|()| (field, template))
                    });
                    let (field, template) = reader.located(section_name, &entry, parsed)?;
                    fields[field] = Some(template);
                }
            }
            "time" => time = Some(reader.time(section.span(), table)?),
            "quantities" => {
                for entry in reader.texts(section_name, table)? {
                    let parsed = Expression::parse(entry.text, &mut reader.paths);
                    let expression = reader.located(section_name, &entry, parsed)?;
                    quantities.push((entry.key.to_owned(), expression));
                }
            }
            "check" => {
                for entry in reader.texts(section_name, table)? {
                    let parsed = match entry.key {
                        "total" => Expression::parse(entry.text, &mut reader.paths),
                        _ => Err("is not a key; known is total".to_owned()),
                    };
                    total = Some(reader.located(section_name, &entry, parsed)?);
                }
            }
            "skip" => skip = reader.skip(table)?,
            "models" => {
                for entry in reader.texts(section_name, table)? {
                    models.insert(entry.key.to_owned(), entry.text.to_owned());
                }
            }
            _ => {
                let reason = "is not a section; known are record, time, quantities, check, skip and models";
                return Err(reader.source.error(Some(section.span()), section_name, reason));
            }
        }
    }
    let Some(time) = time else {
        return Err(reader.source.error(None, "time", "is required"));
    };
    if quantities.is_empty() {
        return Err(reader.source.error(None, "quantities", "must state at least one SKU"));
    }
    // TOML refuses a key that occurs twice; a record has its SKUs sorted.
    quantities.sort_by(|(a, _): &(String, Expression), (b, _)| a.cmp(b));
    let name = file.display().to_string();
    Ok(Mapping { name, paths: reader.paths, fields, time, quantities, total, skip, models })
}

struct SectionReader<'s> {
    source: Source<'s>,
    paths: ColumnPaths,
}

/// A key whose value is a text.
struct TextEntry<'d> {
    key: &'d str,
    text: &'d str,
    span: Range<usize>,
}

type Table<'d> = DeTable<'d>;

impl SectionReader<'_> {
    /// Adds file, line and key to the error of an entry.
    fn located<T>(
        &self,
        section: &str,
        entry: &TextEntry<'_>,
        parsed: Result<T, String>,
    ) -> Result<T, FileError> {
        parsed.map_err(|reason| {
            self.source.error(Some(entry.span.clone()), format!("{section}.{}", entry.key), reason)
        })
    }

    /// The entries of a section whose values are texts.
    fn texts<'d>(&self, section: &str, table: &'d Table<'_>) -> Result<Vec<TextEntry<'d>>, FileError> {
        let mut entries = Vec::new();
        for (key, value) in table {
            let key = key.get_ref().as_ref();
            let Some(text) = value.get_ref().as_str() else {
                let path = format!("{section}.{key}");
                return Err(self.source.error(Some(value.span()), path, "must be a text"));
            };
            entries.push(TextEntry { key, text, span: value.span() });
        }
        Ok(entries)
    }

    fn time(&mut self, span: Range<usize>, table: &Table<'_>) -> Result<TimeRule, FileError> {
        let (mut value, mut format, mut offset, mut seconds) = (None, None, None, None);
        for entry in self.texts("time", table)? {
            let parsed = match entry.key {
                "value" => Template::parse(entry.text, &mut self.paths).map(|read| value = Some(read)),
                "format" => time_format(entry.text).map(|read| format = Some(read)),
                "offset" => parse_offset(entry.text).map(|read| offset = Some((entry.text.to_owned(), read))),
                "seconds" => Expression::parse(entry.text, &mut self.paths).map(|read| seconds = Some(read)),
                _ => Err("is not a key; known are value, format, offset and seconds".to_owned()),
            };
            self.located("time", &entry, parsed)?;
        }
        match (value, seconds) {
            (None, Some(seconds)) if format.is_none() && offset.is_none() => Ok(TimeRule::Seconds(seconds)),
            (Some(value), None) => {
                Ok(TimeRule::Value { value, format: format.unwrap_or(TimeFormat::Auto), offset })
            }
            _ => {
                let reason = "must state either value, with format and offset where needed, or seconds alone";
                Err(self.source.error(Some(span), "time", reason))
            }
        }
    }

    fn skip(&mut self, table: &Table<'_>) -> Result<SkipRule, FileError> {
        let mut skip = SkipRule::default();
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "when_empty" => {
                    for (text, span) in self.list("skip.when_empty", value)? {
                        skip.when_empty.push(self.column("skip.when_empty", text, span)?);
                    }
                }
                "when" => {
                    let Some(columns) = value.get_ref().as_table() else {
                        let reason = "must be lists of texts by column";
                        return Err(self.source.error(Some(value.span()), "skip.when", reason));
                    };
                    for (name, texts) in columns {
                        let column = self.column("skip.when", name.get_ref(), name.span())?;
                        let texts = self.list("skip.when", texts)?;
                        skip.when
                            .push((column, texts.into_iter().map(|(text, _)| text.to_owned()).collect()));
                    }
                }
                key_name => {
                    let reason = "is not a key; known are when_empty and when";
                    return Err(self.source.error(Some(key.span()), format!("skip.{key_name}"), reason));
                }
            }
        }
        Ok(skip)
    }

    fn column(&mut self, key: &str, text: &str, span: Range<usize>) -> Result<usize, FileError> {
        let path = ColumnPath::parse(text);
        path.map(|path| self.paths.number(path)).map_err(|reason| self.source.error(Some(span), key, reason))
    }

    fn list<'d>(
        &self,
        key: &str,
        value: &'d Spanned<DeValue<'_>>,
    ) -> Result<Vec<(&'d str, Range<usize>)>, FileError> {
        let wrong = |span| self.source.error(Some(span), key, "must be a list of texts");
        let elements = value.get_ref().as_array().ok_or_else(|| wrong(value.span()))?;
        let mut texts = Vec::new();
        for element in elements {
            let text = element.get_ref().as_str().ok_or_else(|| wrong(element.span()))?;
            texts.push((text, element.span()));
        }
        Ok(texts)
    }
}

fn time_format(text: &str) -> Result<TimeFormat, String> {
    Ok(match text {
        "auto" => TimeFormat::Auto,
        "rfc3339" => TimeFormat::Rfc3339,
        "unix" => TimeFormat::Unix(0),
        "unix_ms" => TimeFormat::Unix(3),
        "unix_us" => TimeFormat::Unix(6),
        "unix_ns" => TimeFormat::Unix(9),
        _ if !text.contains('%') => {
            let known = "auto, rfc3339, unix, unix_ms, unix_us, unix_ns or a strptime format with %";
            return Err(format!("must be {known}"));
        }
        _ => {
            // Checked here; otherwise every record would be refused for an unknown directive.
            strtime::format(text, &jiff::Zoned::default()).map_err(|error| error.to_string())?;
            TimeFormat::Strptime(text.to_owned())
        }
    })
}

/// `+08:00`, `-03:30` or `Z`.
fn parse_offset(text: &str) -> Result<Offset, String> {
    let wrong = || "must be an offset such as +08:00".to_owned();
    if text == "Z" {
        return Ok(Offset::UTC);
    }
    let (sign, digits) = match text.split_at_checked(1) {
        Some(("+", digits)) => (1, digits),
        Some(("-", digits)) => (-1, digits),
        _ => return Err(wrong()),
    };
    let number = |digits: &str, below: i32| {
        let two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<i32>().ok().filter(|number| two && *number < below)
    };
    let (hours, minutes) = digits.split_once(':').ok_or_else(wrong)?;
    let (Some(hours), Some(minutes)) = (number(hours, 24), number(minutes, 60)) else { return Err(wrong()) };
    Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).map_err(|_| wrong())
}
