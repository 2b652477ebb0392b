//! The text of a mapping file to a [`Mapping`]: sections, keys, and errors that name file, line and key.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::fmt::strtime;
use jiff::tz::Offset;

use super::columns::ColumnPaths;
use super::expression::{Definitions, Expression};
use super::layers::{self, Entry, Layer};
use super::path::ColumnPath;
use super::records::{Missing, RecordsPath};
use super::rules::{Check, Mapping, NewTexts, UnknownCounts, check_number, record_field};
use super::skip::{SkipCondition, SkipRule};
use super::template::Template;
use super::time_rule::{TimeFormat, TimeRule};
use crate::toml::{FileError, read_file};
use crate::usage::builder::{FIELDS, MODEL_ID, PROVIDER};

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
        let layers = layers::read(file, text)?;
        Compiler { layers: &layers, paths: ColumnPaths::default(), definitions: Definitions::default() }
            .mapping(file)
    }
}

struct Compiler<'l> {
    layers: &'l [Layer<'l>],
    paths: ColumnPaths,
    definitions: Definitions<'l>,
}

impl Compiler<'_> {
    fn mapping(mut self, file: &Path) -> Result<Mapping, FileError> {
        // The root of the record comes first, whatever is read first.
        self.paths.add_root();
        for entry in layers::section(self.layers, "let") {
            self.definitions.texts.insert(entry.key, entry.text("let")?);
        }
        let records = self.records()?;
        let fields = self.fields()?;
        let quantities = self.quantities()?;
        let check = self.check()?;
        let skip = self.skip()?;
        let values = self.values()?;
        self.counts()?;
        let Some(time) = layers::last(self.layers, "time") else {
            return Err(layers::error_of_file(self.layers, "time", "is required"));
        };
        let time = self.time(&time)?;
        if quantities.is_empty() {
            return Err(layers::error_of_file(self.layers, "quantities", "must state at least one SKU"));
        }
        if self.paths.furthest() > records.as_ref().map_or(0, RecordsPath::enclosing) {
            let reason = "must state the lists that a path with `^` leaves";
            return Err(layers::error_of_file(self.layers, "records", reason));
        }
        self.paths.definitions = self.definitions.named();
        let name = file.display().to_string();
        let unknown_counts = UnknownCounts::default();
        Ok(Mapping {
            name,
            paths: self.paths,
            records,
            fields,
            time,
            quantities,
            check,
            skip,
            values,
            unknown_counts,
        })
    }

    fn records(&self) -> Result<Option<RecordsPath>, FileError> {
        let (mut records, mut if_missing) = (None, Missing::Refused);
        for entry in layers::section(self.layers, "records") {
            let parsed = match entry.key {
                "each" => RecordsPath::parse(entry.text("records")?).map(|read| records = Some(read)),
                "missing" => missing(entry.text("records")?).map(|read| if_missing = read),
                _ => Err("is not a key; known are each and missing".to_owned()),
            };
            parsed.map_err(|reason| entry.error("records", reason))?;
        }
        Ok(records.map(|records: RecordsPath| records.with_missing(if_missing)))
    }

    fn fields(&mut self) -> Result<[Option<Template>; FIELDS.len()], FileError> {
        let mut fields = [const { None }; FIELDS.len()];
        for entry in layers::section(self.layers, "record") {
            let text = entry.text("record")?;
            let parsed = record_field(entry.key).and_then(|field| {
                let template = Template::parse(text, &mut self.paths)?;
                check_number(field, &template).map(|()| (field, template))
            });
            let (field, template) = parsed.map_err(|reason| entry.error("record", reason))?;
            fields[field] = Some(template);
        }
        Ok(fields)
    }

    fn quantities(&mut self) -> Result<Vec<(String, Expression)>, FileError> {
        let mut quantities = Vec::new();
        for entry in layers::section(self.layers, "quantities") {
            // An empty text takes a SKU out that an extended mapping states.
            if !entry.text("quantities")?.is_empty() {
                quantities.push((entry.key.to_owned(), self.expression("quantities", &entry)?));
            }
        }
        // A record has its SKUs sorted.
        quantities.sort_by(|(a, _): &(String, Expression), (b, _)| a.cmp(b));
        Ok(quantities)
    }

    fn expression(&mut self, section: &str, entry: &Entry<'_>) -> Result<Expression, FileError> {
        Expression::parse(entry.text(section)?, &mut self.paths, &mut self.definitions)
            .map_err(|reason| entry.error(section, reason))
    }

    fn check(&mut self) -> Result<Check, FileError> {
        let mut check = Check::default();
        for entry in layers::section(self.layers, "check") {
            match entry.key {
                "total" if entry.text("check")?.is_empty() => check.total = None,
                "total" => check.total = Some(self.expression("check", &entry)?),
                "except" => {
                    let skus = entry.texts("check")?;
                    check.except = skus.iter().map(|sku| sku.key.to_owned()).collect();
                }
                _ => {
                    entry.text("check")?;
                    return Err(entry.error("check", "is not a key; known are total and except"));
                }
            }
        }
        Ok(check)
    }

    /// The new texts of the values of fields: `[models]` are those of `model_id`, `[providers]` those of `provider`.
    fn values(&self) -> Result<BTreeMap<usize, NewTexts>, FileError> {
        let mut values: BTreeMap<usize, NewTexts> = BTreeMap::new();
        for (section, field) in [("models", MODEL_ID), ("providers", PROVIDER)] {
            for entry in layers::section(self.layers, section) {
                let texts = values.entry(field).or_default();
                texts.insert(entry.key.to_owned(), entry.text(section)?.to_owned());
            }
        }
        for entry in layers::section(self.layers, "values") {
            let field = record_field(entry.key).map_err(|reason| entry.error("values", reason))?;
            let texts = values.entry(field).or_default();
            for text in entry.table("values", "must be new texts by text")? {
                texts.insert(text.key.to_owned(), text.text("values")?.to_owned());
            }
        }
        Ok(values)
    }

    /// The places where counts are, of every file, and those that are not counted.
    fn counts(&mut self) -> Result<(), FileError> {
        for entry in layers::all(self.layers, "counts") {
            match entry.key {
                "in" => {
                    for place in entry.texts("counts")? {
                        let path = pattern("counts.in", &place)?;
                        self.paths.count(&path);
                    }
                }
                "ignored" => {
                    for place in entry.table("counts", "must state a reason for each path")? {
                        if place.text("counts.ignored")?.is_empty() {
                            return Err(place.error("counts.ignored", "must state a reason"));
                        }
                        let path = pattern("counts.ignored", &place)?;
                        self.paths.ignore(&path);
                    }
                }
                _ => return Err(entry.error("counts", "is not a key; known are in and ignored")),
            }
        }
        Ok(())
    }

    fn time(&mut self, section: &Entry<'_>) -> Result<TimeRule, FileError> {
        let (mut value, mut format, mut offset, mut seconds) = (None, None, None, None);
        for entry in section.table("", "must be a section")? {
            let text = entry.text("time")?;
            let parsed = match entry.key {
                "value" => Template::parse(text, &mut self.paths).map(|read| value = Some(read)),
                "format" => time_format(text).map(|read| format = Some(read)),
                "offset" => parse_offset(text).map(|read| offset = Some((text.to_owned(), read))),
                "seconds" => Expression::parse(text, &mut self.paths, &mut self.definitions)
                    .map(|read| seconds = Some(read)),
                _ => Err("is not a key; known are value, format, offset and seconds".to_owned()),
            };
            parsed.map_err(|reason| entry.error("time", reason))?;
        }
        match (value, seconds) {
            (None, Some(seconds)) if format.is_none() && offset.is_none() => Ok(TimeRule::Seconds(seconds)),
            (Some(value), None) => {
                Ok(TimeRule::Value { value, format: format.unwrap_or(TimeFormat::Auto), offset })
            }
            _ => {
                let reason = "must state either value, with format and offset where needed, or seconds alone";
                Err(section.error_at(section.value.span(), "time", reason))
            }
        }
    }

    /// The rules of the last file that states some.
    fn skip(&mut self) -> Result<Vec<SkipRule>, FileError> {
        let Some(section) = layers::last(self.layers, "skip") else { return Ok(Vec::new()) };
        let mut rules = Vec::new();
        let Some(list) = section.rules() else {
            for entry in section.table("", "must be a section")? {
                for condition in self.skip_conditions(&entry, "known are when_empty and when")? {
                    rules.push(SkipRule { name: self.name_of(&condition), conditions: vec![condition] });
                }
            }
            return Ok(rules);
        };
        for rule in list {
            let (mut name, mut conditions) = (None, Vec::new());
            for entry in rule.table("", "must be a section")? {
                if entry.key == "name" {
                    name = Some(entry.text("skip")?);
                } else {
                    conditions
                        .extend(self.skip_conditions(&entry, "known are name, when_empty, when and zero")?);
                }
            }
            let Some(name) = name.filter(|name| !name.is_empty() && !conditions.is_empty()) else {
                let reason = "must state a name and conditions";
                return Err(rule.error_at(rule.value.span(), "skip", reason));
            };
            rules.push(SkipRule { name: name.into(), conditions });
        }
        Ok(rules)
    }

    fn skip_conditions(&mut self, entry: &Entry<'_>, known: &str) -> Result<Vec<SkipCondition>, FileError> {
        let mut conditions = Vec::new();
        match entry.key {
            "when_empty" => {
                for column in entry.texts("skip")? {
                    conditions.push(SkipCondition::Empty(self.column("skip.when_empty", &column)?));
                }
            }
            "when" => {
                for column in entry.table("skip", "must be lists of texts by column")? {
                    let texts = column.texts("skip.when")?.iter().map(|text| text.key.to_owned()).collect();
                    conditions.push(SkipCondition::IsText(self.column("skip.when", &column)?, texts));
                }
            }
            "zero" if known.contains("zero") => {
                for text in entry.texts("skip")? {
                    let parsed = Expression::parse(text.key, &mut self.paths, &mut self.definitions);
                    let expression =
                        parsed.map_err(|reason| text.error_at(text.value.span(), "skip.zero", reason))?;
                    conditions.push(SkipCondition::Zero(expression));
                }
            }
            _ => return Err(entry.error("skip", format!("is not a key; {known}"))),
        }
        Ok(conditions)
    }

    fn name_of(&self, condition: &SkipCondition) -> std::sync::Arc<str> {
        match condition {
            SkipCondition::Empty(column) => format!("{} is absent", self.paths.name(*column)).into(),
            SkipCondition::IsText(column, texts) => {
                format!("{} is {}", self.paths.name(*column), texts.join(" or ")).into()
            }
            SkipCondition::Zero(_) => "it counts nothing".into(),
        }
    }

    fn column(&mut self, key: &str, entry: &Entry<'_>) -> Result<usize, FileError> {
        let path = ColumnPath::parse(entry.key);
        path.map(|path| self.paths.number(&path))
            .map_err(|reason| entry.error_at(entry.value.span(), key, reason))
    }
}

/// What lines without the place of the records are.
fn missing(text: &str) -> Result<Missing, String> {
    match text {
        "refuse" => Ok(Missing::Refused),
        "skip" => Ok(Missing::Skipped),
        "record" => Ok(Missing::Record),
        _ => Err("must be refuse, skip or record".to_owned()),
    }
}

fn pattern(key: &str, entry: &Entry<'_>) -> Result<ColumnPath, FileError> {
    ColumnPath::parse_pattern(entry.key).map_err(|reason| entry.error_at(entry.value.span(), key, reason))
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
