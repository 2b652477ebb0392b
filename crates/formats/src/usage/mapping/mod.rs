//! Mappings: how the records of another program's file become usage records. Which file says it is read in `file.rs`;
//! here is what a mapping does to one record. Everything is exact: what cannot be read is refused, never guessed.

mod columns;
mod decimal;
mod expression;
mod file;
mod template;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use jiff::fmt::strtime;
use jiff::tz::Offset;
use tollbook_domain::usage::Usage;

use super::record::{self, Draft, FIELDS, INTEGERS, QUANTITIES, REQUIRED, TIME};
use super::time;
use crate::text::json::JsonValue;
use crate::toml::{FileError, read_file};
use columns::Paths;
use decimal::Decimal;
use expression::Expression;
use template::Template;

pub(crate) use columns::{CsvColumns, Row};

/// The mappings that come with the program, by name.
const BUILT_IN: [(&str, &str); 6] = [
    ("anthropic", include_str!("../adapters/anthropic.toml")),
    ("azure-llm-2023", include_str!("../adapters/azure-llm-2023.toml")),
    ("litellm", include_str!("../adapters/litellm.toml")),
    ("openai", include_str!("../adapters/openai.toml")),
    ("otel-genai", include_str!("../adapters/otel-genai.toml")),
    ("servegen", include_str!("../adapters/servegen.toml")),
];

/// How the records of a file become usage records (`docs/USAGE_FILES.md`, "Mapping files").
#[derive(Clone, Debug)]
pub struct Mapping {
    name: String,
    paths: Paths,
    /// By place in [`FIELDS`]; those of time and quantities stay empty.
    fields: [Option<Template>; FIELDS.len()],
    time: Time,
    quantities: Vec<(String, Expression)>,
    /// What the quantities must add up to.
    total: Option<Expression>,
    skip: Skip,
    models: BTreeMap<String, String>,
}

/// Where the time of a record is.
#[derive(Clone, Debug)]
enum Time {
    Value {
        value: Template,
        format: Format,
        /// As it is written, and what it means.
        offset: Option<(String, Offset)>,
    },
    Seconds(Expression),
}

/// How a time is written.
#[derive(Clone, Debug)]
enum Format {
    /// Digits are Unix seconds, anything else is RFC 3339.
    Auto,
    Rfc3339,
    /// A number of 10^−n seconds since 1970.
    Unix(u32),
    Strptime(String),
}

/// Which records are passed over.
#[derive(Clone, Debug, Default)]
struct Skip {
    when_empty: Vec<usize>,
    when: Vec<(usize, Vec<String>)>,
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, line and key.
    pub fn load(file: &Path) -> Result<Self, FileError> {
        Self::parse(file, &read_file(file)?)
    }

    /// Reads the text of a mapping file; `file` names it in errors.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, line and key.
    pub fn parse(file: &Path, text: &str) -> Result<Self, FileError> {
        file::parse(file, text)
    }

    /// A mapping that comes with the program, or `None`; [`Self::built_in_names`] has the names.
    pub fn built_in(name: &str) -> Option<Self> {
        let text = Self::built_in_text(name)?;
        // A test reads every one.
        Self::parse(Path::new(&format!("{name}.toml")), text).ok()
    }

    /// The file of a mapping that comes with the program: a start for one's own.
    pub fn built_in_text(name: &str) -> Option<&'static str> {
        BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    /// The names of the mappings that come with the program, sorted.
    pub fn built_in_names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The mapping with some fields of `[record]` replaced by fixed texts, as a command line gives them.
    ///
    /// # Errors
    /// When a name is not such a field, or a field that is a number gets something else; lowercase, no full stop.
    pub fn with_constants(mut self, constants: &[(&str, &str)]) -> Result<Self, String> {
        for (name, text) in constants {
            let field = field(name).map_err(|reason| format!("{name}: {reason}"))?;
            let template = Template::constant(text);
            check_number(field, &template).map_err(|reason| format!("{name}: {reason}"))?;
            self.fields[field] = Some(template);
        }
        Ok(self)
    }

    /// The file as it was named.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The fields that every record needs and that this mapping does not state.
    pub fn missing(&self) -> Vec<&'static str> {
        let needed = REQUIRED.iter().filter(|field| !matches!(**field, TIME | QUANTITIES));
        needed.filter(|field| self.fields[**field].is_none()).map(|field| FIELDS[*field]).collect()
    }

    /// Where the columns are in a CSV file with this header.
    pub(super) fn csv_columns(
        &self,
        names: &mut dyn Iterator<Item = Cow<'_, str>>,
    ) -> Result<CsvColumns, String> {
        let columns = CsvColumns::find(&self.paths, names)?;
        // In a file without it every record would be passed over.
        match self.skip.when_empty.iter().find(|column| !columns.has(**column)) {
            Some(column) => Err(format!("{}: is required by the mapping", self.paths.name(*column))),
            None => Ok(columns),
        }
    }

    /// The usage record of a row; `None` if it is passed over.
    pub(super) fn usage(&self, row: &Row<'_>) -> Result<Option<Usage>, String> {
        if self.skip.holds(row) {
            return Ok(None);
        }
        let mut draft = Draft::default();
        for (field, template) in self.fields.iter().enumerate() {
            let Some(template) = template else { continue };
            let named = |reason: String| format!("{}: {reason}", FIELDS[field]);
            let mut text = template.text(row, &self.paths).map_err(named)?;
            if FIELDS[field] == "model_id"
                && let Some(renamed) = self.models.get(text.as_ref())
            {
                text = Cow::Borrowed(renamed);
            }
            draft.cell(field, text)?;
        }
        draft.set_number(TIME, self.time.seconds(row, &self.paths))?;
        draft.set_quantities(self.quantities(row).map_err(|reason| format!("quantities: {reason}"))?);
        draft.finish().map(Some)
    }

    fn quantities(&self, row: &Row<'_>) -> Result<Vec<(String, i64)>, String> {
        let mut quantities = Vec::with_capacity(self.quantities.len());
        let mut sum = 0i128;
        for (sku, expression) in &self.quantities {
            let named = |reason: String| format!("{sku}: {reason}");
            let Some(value) = expression.value(row, &self.paths).map_err(named)? else { continue };
            if value.is_negative() {
                return Err(format!("{sku}: comes to less than 0"));
            }
            let quantity = value.rounded().map_err(named)?;
            sum += i128::from(quantity);
            quantities.push((sku.clone(), quantity));
        }
        if let Some(total) = &self.total
            && let Some(total) = total.value(row, &self.paths)?
        {
            let total = total.rounded()?;
            if i128::from(total) != sum {
                return Err(format!("add up to {sum}, but the record says {total}"));
            }
        }
        Ok(quantities)
    }
}

impl<'r> Row<'r> {
    /// The row of a CSV record.
    pub(super) fn of_cells(
        mapping: &Mapping,
        columns: &CsvColumns,
        cells: impl Iterator<Item = Cow<'r, str>>,
        number: u64,
    ) -> Self {
        Self::cells(&mapping.paths, columns, cells, number)
    }

    /// The row of a JSON object.
    pub(super) fn of_json(mapping: &Mapping, text: &'r str, number: u64) -> Result<Self, String> {
        Self::json(&mapping.paths, text, number)
    }
}

impl Skip {
    fn holds(&self, row: &Row<'_>) -> bool {
        let stated = |column: usize, text: &str| match row.get(column) {
            Some(JsonValue::Text(found)) => found == text,
            Some(JsonValue::Number(found)) => *found == text,
            Some(JsonValue::Other) | None => false,
        };
        self.when_empty.iter().any(|column| row.get(*column).is_none())
            || self.when.iter().any(|(column, texts)| texts.iter().any(|text| stated(*column, text)))
    }
}

impl Time {
    fn seconds(&self, row: &Row<'_>, paths: &Paths) -> Result<i64, String> {
        match self {
            Self::Seconds(expression) => {
                let seconds = expression.value(row, paths)?.ok_or("is missing")?;
                seconds.floored(0)
            }
            Self::Value { value, format, offset } => {
                format.seconds(&value.text(row, paths)?, offset.as_ref())
            }
        }
    }
}

impl Format {
    fn seconds(&self, text: &str, offset: Option<&(String, Offset)>) -> Result<i64, String> {
        match self {
            Self::Auto if text.bytes().all(|byte| byte.is_ascii_digit()) => record::integer(text),
            Self::Auto | Self::Rfc3339 => rfc3339(text, offset),
            Self::Unix(places) => Decimal::parse(text)?.floored(*places),
            Self::Strptime(format) => strptime(format, text, offset),
        }
    }
}

/// RFC 3339 as programs write it: with a space for the T, and without an offset where the mapping states one.
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

/// The place of a field that a template may state.
fn field(name: &str) -> Result<usize, String> {
    let field = record::place(name).filter(|field| !matches!(*field, TIME | QUANTITIES));
    field.ok_or_else(|| "is not a field that a mapping states in [record]".to_owned())
}

/// Whether a template without columns is a number, where one is needed.
fn check_number(field: usize, template: &Template) -> Result<(), String> {
    match template.as_constant() {
        Some(text) if INTEGERS.contains(&field) => record::integer(text).map(|_| ()),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "../mapping_tests.rs"]
mod tests;
