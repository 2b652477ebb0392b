//! Exact arithmetic over the columns of a record: `requests * mean_input_tokens`, `a - (same(b, c) ?? 0)`. The caller
//! rounds the result.

use std::collections::HashSet;
use std::sync::Arc;

use tollbook_domain::decimal::{Decimal, DecimalError};

use crate::text::json::JsonValue;
use crate::usage::mapping::columns::ColumnPaths;
use crate::usage::mapping::row::Row;

/// A parsed expression.
#[derive(Clone, Debug)]
pub(in crate::usage::mapping) enum Expression {
    /// A constant.
    Number(Decimal),
    /// A column, and whether it may be absent.
    Column(usize, bool),
    /// The sum of the values of a column in a list; absent if there are none.
    SumOf(usize),
    /// The number of values of a column in a list.
    CountOf(usize),
    /// The number of different values of a column in a list.
    DistinctOf(usize),
    /// Several reports of one count, with the text of each.
    Same(Vec<(String, Expression)>),
    /// The expression that `[let]` gives a name to, which is evaluated once a record.
    Named(Arc<Definition>),
    /// The first value, or the second if the first is absent.
    First(Box<Expression>, Box<Expression>),
    /// The first value if the condition holds, else the second; absent if there is none.
    If(Box<Condition>, Box<Expression>, Option<Box<Expression>>),
    Sum(Box<Expression>, Box<Expression>),
    Difference(Box<Expression>, Box<Expression>),
    Product(Box<Expression>, Box<Expression>),
}

/// A named expression.
#[derive(Debug)]
pub(in crate::usage::mapping) struct Definition {
    /// Its number, from 0.
    pub(in crate::usage::mapping) number: usize,
    pub(in crate::usage::mapping) expression: Expression,
}

/// What an expression depends on.
#[derive(Clone, Debug)]
pub(in crate::usage::mapping) enum Condition {
    /// A column has one of these texts; a `*` at the end of one stands for anything.
    IsText(usize, Vec<String>),
    /// The first number compared with the second. False if one of them is absent.
    Compare(Expression, Comparison, Expression),
}

#[derive(Clone, Copy, Debug)]
pub(in crate::usage::mapping) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

type Operation = fn(Decimal, Decimal) -> Result<Decimal, DecimalError>;

impl Expression {
    /// The value in a row; `None` if an optional column is absent.
    pub(in crate::usage::mapping) fn value(
        &self,
        row: &Row<'_>,
        paths: &ColumnPaths,
    ) -> Result<Option<Decimal>, String> {
        let (a, b, operation): (_, _, Operation) = match self {
            Self::Number(number) => return Ok(Some(*number)),
            Self::Column(column, optional) => {
                return match (number(row, *column, paths)?, optional) {
                    (None, false) => Err(format!("{}: is missing", paths.name(*column))),
                    (found, _) => Ok(found),
                };
            }
            Self::SumOf(column) => return sum_of(row, *column, paths),
            Self::CountOf(column) => return whole(row.all(*column).count()),
            Self::DistinctOf(column) => return whole(distinct(row, *column)),
            Self::Same(reports) => return same(reports, row, paths),
            Self::Named(definition) => {
                let value = || definition.expression.value(row, paths);
                return row.definition(definition.number, value);
            }
            Self::First(first, other) => {
                let found = first.value_or_absent(row, paths)?;
                return if found.is_some() { Ok(found) } else { other.value(row, paths) };
            }
            Self::If(condition, then, otherwise) => {
                return match (condition.holds(row, paths)?, otherwise) {
                    (true, _) => then.value(row, paths),
                    (false, Some(otherwise)) => otherwise.value(row, paths),
                    (false, None) => Ok(None),
                };
            }
            Self::Sum(a, b) => (a, b, Decimal::checked_add),
            Self::Difference(a, b) => (a, b, Decimal::checked_sub),
            Self::Product(a, b) => (a, b, Decimal::checked_mul),
        };
        match (a.value(row, paths)?, b.value(row, paths)?) {
            (Some(a), Some(b)) => operation(a, b).map(Some).map_err(|error| error.to_string()),
            _ => Ok(None),
        }
    }

    /// As [`Self::value`]; a column may be absent even without a mark.
    pub(in crate::usage::mapping) fn value_or_absent(
        &self,
        row: &Row<'_>,
        paths: &ColumnPaths,
    ) -> Result<Option<Decimal>, String> {
        match self {
            Self::Column(column, _) => number(row, *column, paths),
            other => other.value(row, paths),
        }
    }
}

impl Condition {
    fn holds(&self, row: &Row<'_>, paths: &ColumnPaths) -> Result<bool, String> {
        let (a, comparison, b) = match self {
            Self::IsText(column, texts) => {
                let is_one = |found: &str| texts.iter().any(|text| is_like(found, text));
                return Ok(row.all(*column).filter_map(text_of).any(is_one));
            }
            Self::Compare(a, comparison, b) => (a, *comparison, b),
        };
        let (Some(a), Some(b)) = (a.value_or_absent(row, paths)?, b.value_or_absent(row, paths)?) else {
            return Ok(false);
        };
        let difference = a.checked_sub(b).map_err(|error| error.to_string())?;
        let (is_less, is_equal) = (difference.is_negative(), a == b);
        Ok(match comparison {
            Comparison::Equal => is_equal,
            Comparison::NotEqual => !is_equal,
            Comparison::Less => is_less,
            Comparison::LessOrEqual => is_less || is_equal,
            Comparison::Greater => !is_less && !is_equal,
            Comparison::GreaterOrEqual => !is_less,
        })
    }
}

fn is_like(found: &str, text: &str) -> bool {
    text.strip_suffix('*').map_or(found == text, |start| found.starts_with(start))
}

fn whole(count: usize) -> Result<Option<Decimal>, String> {
    Decimal::parse(&count.to_string()).map(Some).map_err(|error| error.to_string())
}

/// The number of different texts and numbers of a column.
fn distinct(row: &Row<'_>, column: usize) -> usize {
    row.all(column).filter_map(text_of).collect::<HashSet<&str>>().len()
}

fn text_of<'v>(value: &'v JsonValue<'_>) -> Option<&'v str> {
    match value {
        JsonValue::Text(text) => Some(text),
        JsonValue::Number(token) => Some(token),
        JsonValue::Other => None,
    }
}

fn number(row: &Row<'_>, column: usize, paths: &ColumnPaths) -> Result<Option<Decimal>, String> {
    let mut values = row.all(column);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(format!("{}: occurs more than once; sum() adds a list", paths.name(column)));
    }
    decimal(value, column, paths).map(Some)
}

fn decimal(value: &JsonValue<'_>, column: usize, paths: &ColumnPaths) -> Result<Decimal, String> {
    let parsed = match value {
        JsonValue::Text(text) => Decimal::parse(text),
        JsonValue::Number(token) => Decimal::parse(token),
        JsonValue::Other => Err(DecimalError::NotDecimal),
    };
    parsed.map_err(|error| format!("{}: {error}", paths.name(column)))
}

fn sum_of(row: &Row<'_>, column: usize, paths: &ColumnPaths) -> Result<Option<Decimal>, String> {
    let mut sum: Option<Decimal> = None;
    for value in row.all(column) {
        let value = decimal(value, column, paths)?;
        sum = Some(match sum {
            Some(sum) => sum.checked_add(value).map_err(|error| error.to_string())?,
            None => value,
        });
    }
    Ok(sum)
}

/// The one count that all reports state. A report of 0 beside another is no contradiction: programs that do not know a
/// count write 0.
fn same(
    reports: &[(String, Expression)],
    row: &Row<'_>,
    paths: &ColumnPaths,
) -> Result<Option<Decimal>, String> {
    let mut stated: Option<(&str, Decimal)> = None;
    for (text, report) in reports {
        let Some(value) = report.value_or_absent(row, paths)? else { continue };
        let is_zero = |number: Decimal| number.checked_add(number) == Ok(number);
        match stated {
            Some((_, known)) if known == value || is_zero(value) => {}
            Some((first, known)) if !is_zero(known) => {
                return Err(format!("{first} and {text} state different counts of the same"));
            }
            _ => stated = Some((text, value)),
        }
    }
    Ok(stated.map(|(_, value)| value))
}
