//! A mapping: the rules by which a record of another program becomes a usage record. Values are exact; a value that
//! cannot be read is refused, never guessed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use tollbook_domain::usage::Usage;

use super::columns::{ColumnPaths, CsvColumns, Row};
use super::expression::Expression;
use super::template::Template;
use super::time_rule::TimeRule;
use crate::text::json::JsonValue;
use crate::usage::builder::{
    FIELDS, INTEGERS, MODEL_ID, QUANTITIES, REQUIRED, TIME, UsageBuilder, field_index, integer,
};

/// The rules by which the records of a file become usage records (`docs/USAGE_FILES.md`, "Mapping files").
#[derive(Clone, Debug)]
pub struct Mapping {
    pub(super) name: String,
    pub(super) paths: ColumnPaths,
    /// By position in [`FIELDS`]; those of time and quantities stay empty.
    pub(super) fields: [Option<Template>; FIELDS.len()],
    pub(super) time: TimeRule,
    pub(super) quantities: Vec<(String, Expression)>,
    /// The sum of the quantities, to be checked.
    pub(super) total: Option<Expression>,
    pub(super) skip: SkipRule,
    /// New names of models.
    pub(super) models: BTreeMap<String, String>,
}

/// The records that are skipped.
#[derive(Clone, Debug, Default)]
pub(super) struct SkipRule {
    /// Columns of which none may be absent.
    pub(super) when_empty: Vec<usize>,
    /// Columns, and the texts with which a record is skipped.
    pub(super) when: Vec<(usize, Vec<String>)>,
}

impl Mapping {
    /// Replaces fields of `[record]` by fixed texts.
    ///
    /// # Errors
    /// If a name is not such a field, or the text of a number is not a number: lowercase, no full stop.
    pub fn with_constants(mut self, constants: &[(&str, &str)]) -> Result<Self, String> {
        for (name, text) in constants {
            let field = record_field(name).map_err(|reason| format!("{name}: {reason}"))?;
            let template = Template::constant(text);
            check_number(field, &template).map_err(|reason| format!("{name}: {reason}"))?;
            self.fields[field] = Some(template);
        }
        Ok(self)
    }

    /// Name of the file as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The required fields that the mapping does not state.
    pub fn missing(&self) -> Vec<&'static str> {
        let needed = REQUIRED.iter().filter(|field| !matches!(**field, TIME | QUANTITIES));
        needed.filter(|field| self.fields[**field].is_none()).map(|field| FIELDS[*field]).collect()
    }

    /// Finds the columns of the mapping in the header of a CSV file.
    pub(in crate::usage) fn csv_columns(
        &self,
        names: &mut dyn Iterator<Item = Cow<'_, str>>,
    ) -> Result<CsvColumns, String> {
        let columns = CsvColumns::find(&self.paths, names)?;
        // Without this column every record would be skipped.
        match self.skip.when_empty.iter().find(|column| !columns.has(**column)) {
            Some(column) => Err(format!("{}: is required by the mapping", self.paths.name(*column))),
            None => Ok(columns),
        }
    }

    /// The usage record of a CSV row, the `number`th of its file from 1; `None` if it is skipped.
    pub(in crate::usage) fn usage_of_cells<'r>(
        &self,
        columns: &CsvColumns,
        cells: impl Iterator<Item = Cow<'r, str>>,
        number: u64,
    ) -> Result<Option<Usage>, String> {
        self.usage(&Row::of_cells(&self.paths, columns, cells, number))
    }

    /// The usage record of a JSON object, the `number`th of its file from 1; `None` if it is skipped.
    pub(in crate::usage) fn usage_of_json(&self, text: &str, number: u64) -> Result<Option<Usage>, String> {
        self.usage(&Row::of_json(&self.paths, text, number)?)
    }

    fn usage(&self, row: &Row<'_>) -> Result<Option<Usage>, String> {
        if self.skip.holds(row) {
            return Ok(None);
        }
        let mut builder = UsageBuilder::default();
        for (field, template) in self.fields.iter().enumerate() {
            let Some(template) = template else { continue };
            let named = |reason: String| format!("{}: {reason}", FIELDS[field]);
            let mut text = template.text(row, &self.paths).map_err(named)?;
            if field == MODEL_ID
                && let Some(renamed) = self.models.get(text.as_ref())
            {
                text = Cow::Borrowed(renamed);
            }
            builder.cell(field, text)?;
        }
        builder.set_number(TIME, self.time.seconds(row, &self.paths))?;
        builder.set_quantities(self.quantities(row).map_err(|reason| format!("quantities: {reason}"))?);
        builder.finish().map(Some)
    }

    fn quantities(&self, row: &Row<'_>) -> Result<Vec<(String, i64)>, String> {
        let mut quantities = Vec::with_capacity(self.quantities.len());
        let mut sum = 0i128;
        for (sku, expression) in &self.quantities {
            let named = |reason: String| format!("{sku}: {reason}");
            let Some(value) = expression.value(row, &self.paths).map_err(named)? else { continue };
            if value.is_negative() {
                return Err(format!("{sku}: is less than 0"));
            }
            let quantity = value.to_i64_half_away().map_err(|error| named(error.to_string()))?;
            sum += i128::from(quantity);
            quantities.push((sku.clone(), quantity));
        }
        if let Some(total) = &self.total
            && let Some(total) = total.value(row, &self.paths)?
        {
            let total = total.to_i64_half_away().map_err(|error| error.to_string())?;
            if i128::from(total) != sum {
                return Err(format!("add up to {sum}, but the record says {total}"));
            }
        }
        Ok(quantities)
    }
}

impl SkipRule {
    /// Whether a record is skipped.
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

/// The position of a field that a template may state.
pub(super) fn record_field(name: &str) -> Result<usize, String> {
    let field = field_index(name).filter(|field| !matches!(*field, TIME | QUANTITIES));
    field.ok_or_else(|| "is not a field that a mapping states in [record]".to_owned())
}

/// Refuses a template without columns that is not a number, if the field is a number.
pub(super) fn check_number(field: usize, template: &Template) -> Result<(), String> {
    match template.as_constant() {
        Some(text) if INTEGERS.contains(&field) => integer(text).map(|_| ()),
        _ => Ok(()),
    }
}
