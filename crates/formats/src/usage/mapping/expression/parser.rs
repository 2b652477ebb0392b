//! The text of an expression to an [`Expression`].

use std::collections::BTreeMap;
use std::sync::Arc;

use tollbook_domain::decimal::Decimal;

use super::value::{Comparison, Condition, Definition, Expression};
use crate::text::shorten;
use crate::usage::mapping::columns::ColumnPaths;
use crate::usage::mapping::path::ColumnPath;

/// Deepest nesting of parentheses and of `??`.
const MAX_DEPTH: usize = 32;
/// Longest expression in bytes. The tree of a sum is as deep as the sum has terms.
const MAX_BYTES: usize = 4_096;

impl Expression {
    /// Reads a text and adds its columns to `paths`. A name in `definitions` stands for the expression there.
    pub(in crate::usage::mapping) fn parse(
        text: &str,
        paths: &mut ColumnPaths,
        definitions: &mut Definitions<'_>,
    ) -> Result<Self, String> {
        Parser { rest: text, paths, definitions, depth: 0 }.whole()
    }
}

/// Expressions by name.
#[derive(Default)]
pub(in crate::usage::mapping) struct Definitions<'d> {
    pub(in crate::usage::mapping) texts: BTreeMap<&'d str, &'d str>,
    /// Those that were named so far; `None` while it is parsed.
    parsed: BTreeMap<String, Option<Arc<Definition>>>,
}

impl Definitions<'_> {
    /// How many were named.
    pub(in crate::usage::mapping) fn named(&self) -> usize {
        self.parsed.len()
    }
}

struct Parser<'t, 'p, 'd> {
    rest: &'t str,
    paths: &'p mut ColumnPaths,
    definitions: &'p mut Definitions<'d>,
    depth: usize,
}

impl<'t> Parser<'t, '_, '_> {
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

    fn enter(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(format!("is nested deeper than {MAX_DEPTH}")) } else { Ok(()) }
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
            self.enter()?;
            let other = self.first()?;
            self.depth -= 1;
            return Ok(Expression::First(Box::new(first), Box::new(other)));
        }
        Ok(first)
    }

    fn primary(&mut self) -> Result<Expression, String> {
        if self.take("(") {
            self.enter()?;
            let inner = self.sum()?;
            return self.close().map(|()| inner);
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
            Some(_) if self.take("sum(") => self.of_list().map(Expression::SumOf),
            Some(_) if self.take("count(") => self.of_list().map(Expression::CountOf),
            Some(_) if self.take("distinct(") => self.of_list().map(Expression::DistinctOf),
            Some(_) if self.take("same(") => self.same(),
            Some(_) if self.take("if(") => self.conditional(),
            Some(_) => self.named(),
        }
    }

    /// The column of a list after `sum(`, `count(` or `distinct(`.
    fn of_list(&mut self) -> Result<usize, String> {
        let path = self.path()?;
        if !path.is_list() {
            return Err(format!(
                "sum(), count() and distinct() are of the values of a list; {path} has one value"
            ));
        }
        let column = self.paths.number(&path);
        self.enter()?;
        self.close().map(|()| column)
    }

    /// A column, or the expression that `[let]` gives the name to.
    fn named(&mut self) -> Result<Expression, String> {
        let before = self.rest;
        let path = self.path()?;
        // Not the first half of `??`.
        let optional = self.rest.starts_with('?') && !self.rest.starts_with("??");
        let name = &before[..before.len() - self.rest.len()];
        if optional {
            self.rest = &self.rest[1..];
        }
        let Some(text) = self.definitions.texts.get(name).copied() else {
            return Ok(Expression::Column(self.paths.number(&path), optional));
        };
        if let Some(known) = self.definitions.parsed.get(name) {
            let known = known.as_ref().ok_or_else(|| format!("{name}: is defined by itself"))?;
            return Ok(Expression::Named(Arc::clone(known)));
        }
        let number = self.definitions.parsed.len();
        self.definitions.parsed.insert(name.to_owned(), None);
        let mut inner =
            Parser { rest: text, paths: &mut *self.paths, definitions: &mut *self.definitions, depth: 0 };
        let expression = inner.whole().map_err(|reason| format!("{name}: {reason}"))?;
        let definition = Arc::new(Definition { number, expression });
        self.definitions.parsed.insert(name.to_owned(), Some(Arc::clone(&definition)));
        Ok(Expression::Named(definition))
    }

    fn whole(&mut self) -> Result<Expression, String> {
        if self.rest.len() > MAX_BYTES {
            return Err(format!("is longer than {MAX_BYTES} bytes"));
        }
        let expression = self.sum()?;
        match self.peek() {
            None => Ok(expression),
            Some(found) => Err(format!("an operator is expected, found `{found}`")),
        }
    }

    fn close(&mut self) -> Result<(), String> {
        self.depth -= 1;
        if self.take(")") { Ok(()) } else { Err("a parenthesis is not closed".to_owned()) }
    }

    fn path(&mut self) -> Result<ColumnPath, String> {
        self.peek();
        let (path, rest) = ColumnPath::read(self.rest)?;
        self.rest = rest;
        Ok(path)
    }

    /// The reports of a count after `same(`.
    fn same(&mut self) -> Result<Expression, String> {
        self.enter()?;
        let mut reports = Vec::new();
        loop {
            self.peek();
            let before = self.rest;
            let report = self.sum()?;
            let text = &before[..before.len() - self.rest.len()];
            let words: Vec<&str> = text.split_whitespace().collect();
            reports.push((words.join(" "), report));
            if !self.take(",") {
                break;
            }
        }
        if reports.len() < 2 {
            return Err("same() compares at least two reports of a count".to_owned());
        }
        self.close().map(|()| Expression::Same(reports))
    }

    /// A condition and one or two values after `if(`.
    fn conditional(&mut self) -> Result<Expression, String> {
        self.enter()?;
        let condition = match self.text_condition()? {
            Some(condition) => condition,
            None => self.comparison()?,
        };
        let comma = "a comma is expected behind the condition of if()";
        if !self.take(",") {
            return Err(comma.to_owned());
        }
        let then = self.sum()?;
        let otherwise = if self.take(",") { Some(Box::new(self.sum()?)) } else { None };
        self.close().map(|()| Expression::If(Box::new(condition), Box::new(then), otherwise))
    }

    /// `column = 'a'|'b'`; reads nothing if the text is another condition.
    fn text_condition(&mut self) -> Result<Option<Condition>, String> {
        self.peek();
        let Ok((path, rest)) = ColumnPath::read(self.rest) else { return Ok(None) };
        let Some(rest) = rest.trim_start().strip_prefix('=').map(str::trim_start) else { return Ok(None) };
        if !rest.starts_with('\'') {
            return Ok(None);
        }
        let mut texts = Vec::new();
        self.rest = rest;
        loop {
            texts.push(self.quoted()?.to_owned());
            if !self.take("|") {
                return Ok(Some(Condition::IsText(self.paths.number(&path), texts)));
            }
            self.peek();
        }
    }

    fn quoted(&mut self) -> Result<&'t str, String> {
        let quoted = self.rest.strip_prefix('\'').ok_or("a text in quotes is expected")?;
        let (text, rest) = quoted.split_once('\'').ok_or("a quote is not closed")?;
        self.rest = rest;
        Ok(text)
    }

    fn comparison(&mut self) -> Result<Condition, String> {
        const COMPARISONS: [(&str, Comparison); 6] = [
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("=", Comparison::Equal),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let left = self.sum()?;
        let Some((_, comparison)) = COMPARISONS.iter().find(|(token, _)| self.take(token)) else {
            return Err("a comparison such as `=` or `<` is expected in if()".to_owned());
        };
        Ok(Condition::Compare(left, *comparison, self.sum()?))
    }
}
