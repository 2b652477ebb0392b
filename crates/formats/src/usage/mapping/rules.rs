//! A mapping: the rules by which a record of another program becomes a usage record. Values are exact; a value that
//! cannot be read, and a count that no rule accounts for, is refused, never guessed or dropped.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use tollbook_domain::usage::Usage;

use super::columns::{ColumnPaths, CsvColumns};
use super::expression::Expression;
use super::records::{Found, RecordsPath};
use super::row::Row;
use super::skip::SkipRule;
use super::template::Template;
use super::time_rule::TimeRule;
use crate::usage::builder::{
    FIELDS, INTEGERS, QUANTITIES, REQUIRED, TIME, UsageBuilder, field_index, integer,
};

/// The rules by which the records of a file become usage records (`docs/USAGE_FILES.md`, "Mapping files").
#[derive(Clone, Debug)]
pub struct Mapping {
    pub(super) name: String,
    pub(super) paths: ColumnPaths,
    /// Where the records of a line are; `None`: the line is one.
    pub(super) records: Option<RecordsPath>,
    /// By position in [`FIELDS`]; those of time and quantities stay empty.
    pub(super) fields: [Option<Template>; FIELDS.len()],
    pub(super) time: TimeRule,
    pub(super) quantities: Vec<(String, Expression)>,
    pub(super) check: Check,
    pub(super) skip: Vec<SkipRule>,
    /// New texts of values, by the position of their field.
    pub(super) values: BTreeMap<usize, NewTexts>,
    pub(super) unknown_counts: UnknownCounts,
}

/// New texts by text; [`OTHERS`] stands for every text that is not stated.
pub(super) type NewTexts = BTreeMap<String, String>;

/// The key of [`NewTexts`] for the texts that are not stated.
const OTHERS: &str = "*";

/// The sum of the quantities, to be checked.
#[derive(Clone, Debug, Default)]
pub(super) struct Check {
    pub(super) total: Option<Expression>,
    /// SKUs that are not part of it.
    pub(super) except: Vec<String>,
}

/// What becomes of a record with a count that is not 0 and that its mapping does not account for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownCounts {
    /// It is refused.
    #[default]
    Refuse,
    /// It is read, and the names of the counts are reported.
    Warn,
}

/// What a mapping makes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// A usage record.
    Usage {
        /// The record; it is not checked against the catalogue and the limits yet.
        usage: Box<Usage>,
        /// The names of counts that are not 0 and that the mapping does not account for; empty unless
        /// [`UnknownCounts::Warn`].
        unknown_counts: Vec<String>,
    },
    /// The record is skipped by the rule of this name.
    Skipped(Arc<str>),
    /// The record is not valid. The reason is lowercase, without a full stop.
    Refused(String),
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

    /// States what becomes of records with counts that the mapping does not account for.
    #[must_use]
    pub fn with_unknown_counts(self, unknown_counts: UnknownCounts) -> Self {
        Self { unknown_counts, ..self }
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

    /// Maps a JSON value: one record, or all those that `[records]` finds in it. `number` is that of the first record in
    /// its file, from 1.
    pub fn map_json(&self, text: &str, number: u64) -> Vec<Mapped> {
        let mut mapped = Vec::with_capacity(1);
        self.map_each(text, number, &mut |record| mapped.push(record));
        mapped
    }

    fn map_each(&self, text: &str, mut number: u64, each: &mut dyn FnMut(Mapped)) {
        let Some(records) = &self.records else {
            let mut row = Row::new(&self.paths, number);
            return each(match row.add_json(&self.paths, text, 0) {
                Ok(()) => self.map(&row),
                Err(reason) => Mapped::Refused(reason),
            });
        };
        records.each(text, &self.paths, &mut |found| {
            each(match found {
                Found::Record(mut row) => {
                    row.number = number;
                    self.map(&row)
                }
                Found::Nothing => Mapped::Skipped(records.nothing().into()),
                Found::Refused(reason) => Mapped::Refused(reason),
            });
            number += 1;
        });
    }

    /// Finds the columns of the mapping in the header of a CSV file.
    pub(in crate::usage) fn csv_columns(
        &self,
        names: &mut dyn Iterator<Item = Cow<'_, str>>,
    ) -> Result<CsvColumns, String> {
        if self.records.is_some() {
            return Err("the mapping reads JSON: it states where the records of a line are".to_owned());
        }
        let columns = CsvColumns::find(&self.paths, names)?;
        // Without this column every record would be skipped.
        let mut needed = self.skip.iter().filter_map(SkipRule::needed_column);
        match needed.find(|column| !columns.has(*column)) {
            Some(column) => Err(format!("{}: is required by the mapping", self.paths.name(column))),
            None => Ok(columns),
        }
    }

    /// Maps a CSV row, the `number`th of its file from 1.
    pub(in crate::usage) fn map_cells<'r>(
        &self,
        columns: &CsvColumns,
        cells: impl Iterator<Item = Cow<'r, str>>,
        number: u64,
    ) -> Mapped {
        let mut row = Row::new(&self.paths, number);
        match row.add_cells(&self.paths, columns, cells) {
            Ok(()) => self.map(&row),
            Err(reason) => Mapped::Refused(reason),
        }
    }

    fn map(&self, row: &Row<'_>) -> Mapped {
        for rule in &self.skip {
            match rule.holds(row, &self.paths) {
                Ok(false) => {}
                Ok(true) => return Mapped::Skipped(Arc::clone(&rule.name)),
                Err(reason) => return Mapped::Refused(reason),
            }
        }
        if let Some(reason) = &row.wrong {
            return Mapped::Refused(reason.clone());
        }
        if let (UnknownCounts::Refuse, Some((name, value))) = (self.unknown_counts, row.unknown.first()) {
            return Mapped::Refused(format!("{name}: is {value}, and the mapping does not account for it"));
        }
        match self.usage(row) {
            Ok(usage) => {
                let unknown_counts = row.unknown.iter().map(|(name, _)| name.clone()).collect();
                Mapped::Usage { usage: Box::new(usage), unknown_counts }
            }
            Err(reason) => Mapped::Refused(reason),
        }
    }

    fn usage(&self, row: &Row<'_>) -> Result<Usage, String> {
        let mut builder = UsageBuilder::default();
        for (field, template) in self.fields.iter().enumerate() {
            let Some(template) = template else { continue };
            let named = |reason: String| format!("{}: {reason}", FIELDS[field]);
            let mut text = template.text(row, &self.paths).map_err(named)?;
            if let Some(new) = self.values.get(&field)
                && let Some(renamed) = new.get(text.as_ref()).or_else(|| new.get(OTHERS))
            {
                text = Cow::Borrowed(renamed);
            }
            builder.cell(field, text)?;
        }
        builder.set_number(TIME, self.time.seconds(row, &self.paths))?;
        builder.set_quantities(self.quantities(row).map_err(|reason| format!("quantities: {reason}"))?);
        builder.finish()
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
            if !self.check.except.contains(sku) {
                sum += i128::from(quantity);
            }
            quantities.push((sku.clone(), quantity));
        }
        if let Some(total) = &self.check.total
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
