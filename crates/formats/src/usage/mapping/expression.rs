//! Exact arithmetic over the columns of a record: `requests * mean_input_tokens`, `a - (b ?? 0)`. The caller rounds the
//! result.

use tollbook_domain::decimal::{Decimal, DecimalError};

use super::columns::{ColumnPath, ColumnPaths, Row};
use crate::text::json::JsonValue;
use crate::text::shorten;

/// Deepest nesting of parentheses and of `??`.
const MAX_DEPTH: usize = 32;
/// Longest expression in bytes. The tree of a sum is as deep as the sum has terms.
const MAX_BYTES: usize = 4_096;

/// A parsed expression.
#[derive(Clone, Debug)]
pub(super) enum Expression {
    /// A constant.
    Number(Decimal),
    /// A column, and whether it may be absent.
    Column(usize, bool),
    /// The first value, or the second if the first is absent.
    First(Box<Expression>, Box<Expression>),
    Sum(Box<Expression>, Box<Expression>),
    Difference(Box<Expression>, Box<Expression>),
    Product(Box<Expression>, Box<Expression>),
}

impl Expression {
    /// Reads a text and adds its columns to `paths`.
    pub(super) fn parse(text: &str, paths: &mut ColumnPaths) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("is longer than {MAX_BYTES} bytes"));
        }
        let mut parser = Parser { rest: text, paths, depth: 0 };
        let expression = parser.sum()?;
        match parser.peek() {
            None => Ok(expression),
            Some(found) => Err(format!("an operator is expected, found `{found}`")),
        }
    }

    /// The value in a row; `None` if an optional column is absent.
    pub(super) fn value(&self, row: &Row<'_>, paths: &ColumnPaths) -> Result<Option<Decimal>, String> {
        type Operation = fn(Decimal, Decimal) -> Result<Decimal, DecimalError>;
        let (a, b, operation): (_, _, Operation) = match self {
            Self::Number(number) => return Ok(Some(*number)),
            Self::Column(column, optional) => {
                return match (number(row, *column, paths)?, optional) {
                    (None, false) => Err(format!("{}: is missing", paths.name(*column))),
                    (found, _) => Ok(found),
                };
            }
            Self::First(first, other) => {
                let found = match first.as_ref() {
                    // A column before `??` may be absent even without a mark.
                    Self::Column(column, _) => number(row, *column, paths)?,
                    other => other.value(row, paths)?,
                };
                return if found.is_some() { Ok(found) } else { other.value(row, paths) };
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
}

fn number(row: &Row<'_>, column: usize, paths: &ColumnPaths) -> Result<Option<Decimal>, String> {
    let parsed = match row.get(column) {
        None => return Ok(None),
        Some(JsonValue::Text(text)) => Decimal::parse(text),
        Some(JsonValue::Number(token)) => Decimal::parse(token),
        Some(JsonValue::Other) => Err(DecimalError::NotDecimal),
    };
    parsed.map(Some).map_err(|error| format!("{}: {error}", paths.name(column)))
}

struct Parser<'t, 'p> {
    rest: &'t str,
    paths: &'p mut ColumnPaths,
    depth: usize,
}

impl Parser<'_, '_> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn take(&mut self, token: &str) -> bool {
        self.peek();
        let Some(rest) = self.rest.strip_prefix(token) else { return false };
        self.rest = rest;
        true
    }

    fn sum(&mut self) -> Result<Expression, String> {
        let mut left = self.product()?;
        loop {
            if self.take("+") {
                left = Expression::Sum(Box::new(left), Box::new(self.product()?));
            } else if self.take("-") {
                left = Expression::Difference(Box::new(left), Box::new(self.product()?));
            } else {
                return Ok(left);
            }
        }
    }

    fn product(&mut self) -> Result<Expression, String> {
        let mut left = self.first()?;
        while self.take("*") {
            left = Expression::Product(Box::new(left), Box::new(self.first()?));
        }
        Ok(left)
    }

    /// `??` has the highest precedence: an absent value is replaced before anything is calculated.
    fn first(&mut self) -> Result<Expression, String> {
        let first = self.primary()?;
        if self.take("??") {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(format!("is nested deeper than {MAX_DEPTH}"));
            }
            let other = self.first()?;
            self.depth -= 1;
            return Ok(Expression::First(Box::new(first), Box::new(other)));
        }
        Ok(first)
    }

    fn primary(&mut self) -> Result<Expression, String> {
        if self.take("(") {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(format!("is nested deeper than {MAX_DEPTH}"));
            }
            let inner = self.sum()?;
            self.depth -= 1;
            return if self.take(")") { Ok(inner) } else { Err("a parenthesis is not closed".to_owned()) };
        }
        match self.peek() {
            Some('0'..='9') => {
                let end =
                    self.rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(self.rest.len());
                let (number, rest) = self.rest.split_at(end);
                self.rest = rest;
                let parsed = Decimal::parse(number);
                parsed.map(Expression::Number).map_err(|error| format!("{}: {error}", shorten(number)))
            }
            None => Err("ends where a number or a column is expected".to_owned()),
            Some(_) => {
                let (path, rest) = ColumnPath::read(self.rest)?;
                // Not the first half of `??`.
                let optional = rest.starts_with('?') && !rest.starts_with("??");
                self.rest = if optional { &rest[1..] } else { rest };
                Ok(Expression::Column(self.paths.number(path), optional))
            }
        }
    }
}
