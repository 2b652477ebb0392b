//! Which records are skipped, each by a named rule.

use std::sync::Arc;

use super::columns::ColumnPaths;
use super::expression::Expression;
use super::row::Row;
use crate::text::json::JsonValue;

/// A rule by which records are skipped; all of its conditions hold for them.
#[derive(Clone, Debug)]
pub(super) struct SkipRule {
    /// Its name in reports.
    pub(super) name: Arc<str>,
    pub(super) conditions: Vec<SkipCondition>,
}

#[derive(Clone, Debug)]
pub(super) enum SkipCondition {
    /// A column is absent.
    Empty(usize),
    /// A column has one of these texts.
    IsText(usize, Vec<String>),
    /// A number is 0 or absent.
    Zero(Expression),
}

impl SkipRule {
    /// Whether a record is skipped.
    pub(super) fn holds(&self, row: &Row<'_>, paths: &ColumnPaths) -> Result<bool, String> {
        for condition in &self.conditions {
            let holds = match condition {
                SkipCondition::Empty(column) => row.get(*column).is_none(),
                SkipCondition::IsText(column, texts) => {
                    row.all(*column).any(|value| texts.iter().any(|text| is_text(value, text)))
                }
                SkipCondition::Zero(expression) => {
                    let value = expression.value_or_absent(row, paths)?;
                    value.is_none_or(|value| value.checked_add(value) == Ok(value))
                }
            };
            if !holds {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The column that a record is skipped without, if the rule depends on nothing else.
    pub(super) fn needed_column(&self) -> Option<usize> {
        match self.conditions.as_slice() {
            [SkipCondition::Empty(column)] => Some(*column),
            _ => None,
        }
    }
}

fn is_text(value: &JsonValue<'_>, text: &str) -> bool {
    match value {
        JsonValue::Text(found) => found == text,
        JsonValue::Number(found) => *found == text,
        JsonValue::Other => false,
    }
}
