//! Texts with columns in them: `client-{client}`, `{created|created_at}`, `{user|'none'}`, `{is_batch='true'?'batch'}`,
//! `{row}`.

use std::borrow::Cow;

use super::columns::ColumnPaths;
use super::path::ColumnPath;
use super::row::Row;
use crate::text::json::JsonValue;

/// A parsed template.
#[derive(Clone, Debug, Default)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    /// The number of the record in its file.
    Row,
    /// The first alternative that is not absent.
    First(Vec<Alternative>),
}

#[derive(Clone, Debug)]
enum Alternative {
    Column(usize),
    /// The second text, if a column has the first.
    If(usize, String, String),
    Text(String),
}

impl Template {
    /// A template that is a fixed text.
    pub(super) fn constant(text: &str) -> Self {
        Self(vec![Part::Text(text.to_owned())])
    }

    /// The text of a template without columns.
    pub(super) fn as_constant(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Reads a text and adds its columns to `paths`. `{{` and `}}` stand for braces.
    pub(super) fn parse(text: &str, paths: &mut ColumnPaths) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            if let Some(after) = after.strip_prefix(brace) {
                literal.push_str(brace);
                rest = after;
                continue;
            }
            if brace == "}" {
                return Err("a brace is closed that is not open; `}}` is the character".to_owned());
            }
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            let (part, after) = alternatives(after, paths)?;
            parts.push(part);
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self(parts))
    }

    /// The text in a row; the error names the absent column.
    pub(super) fn text<'r>(&'r self, row: &'r Row<'_>, paths: &ColumnPaths) -> Result<Cow<'r, str>, String> {
        if let [part] = self.0.as_slice() {
            return part.text(row, paths);
        }
        let mut text = String::new();
        for part in &self.0 {
            text.push_str(&part.text(row, paths)?);
        }
        Ok(Cow::Owned(text))
    }
}

impl Part {
    fn text<'r>(&'r self, row: &'r Row<'_>, paths: &ColumnPaths) -> Result<Cow<'r, str>, String> {
        let alternatives = match self {
            Self::Text(text) => return Ok(Cow::Borrowed(text)),
            Self::Row => return Ok(Cow::Owned(row.number.to_string())),
            Self::First(alternatives) => alternatives,
        };
        for alternative in alternatives {
            match alternative {
                Alternative::Text(text) => return Ok(Cow::Borrowed(text)),
                Alternative::If(column, wanted, text) => {
                    let is_wanted = match row.get(*column) {
                        Some(JsonValue::Text(found)) => found == wanted,
                        Some(JsonValue::Number(found)) => found == wanted,
                        Some(JsonValue::Other) | None => false,
                    };
                    if is_wanted {
                        return Ok(Cow::Borrowed(text));
                    }
                }
                Alternative::Column(column) => match row.get(*column) {
                    None => {}
                    Some(JsonValue::Text(text)) => return Ok(Cow::Borrowed(text)),
                    Some(JsonValue::Number(token)) => return Ok(Cow::Borrowed(token)),
                    Some(JsonValue::Other) => {
                        return Err(format!("{}: is neither a text nor a number", paths.name(*column)));
                    }
                },
            }
        }
        let names: Vec<&str> = alternatives
            .iter()
            .filter_map(|alternative| match alternative {
                Alternative::Column(column) => Some(paths.name(*column)),
                Alternative::Text(_) | Alternative::If(..) => None,
            })
            .collect();
        Err(format!("{}: is missing", names.join(" or ")))
    }
}

/// Reads the text after an opening brace up to the closing brace; returns the rest.
fn alternatives<'t>(text: &'t str, paths: &mut ColumnPaths) -> Result<(Part, &'t str), String> {
    if let Some(rest) = text.strip_prefix("row}") {
        return Ok((Part::Row, rest));
    }
    let mut alternatives = Vec::new();
    let mut rest = text;
    loop {
        if let Some(quoted) = rest.strip_prefix('\'') {
            let (text, after) = quoted.split_once('\'').ok_or("a quote is not closed")?;
            alternatives.push(Alternative::Text(text.to_owned()));
            rest = after;
        } else {
            let (path, after) = ColumnPath::read(rest)?;
            let column = paths.number(&path);
            rest = after;
            alternatives.push(match after.strip_prefix("='") {
                None => Alternative::Column(column),
                Some(condition) => {
                    let parts = condition.split_once("'?'").and_then(|(wanted, text)| {
                        let (text, after) = text.split_once('\'')?;
                        Some((wanted, text, after))
                    });
                    let (wanted, text, after) = parts.ok_or("a condition is `column='text'?'text'`")?;
                    rest = after;
                    Alternative::If(column, wanted.to_owned(), text.to_owned())
                }
            });
        }
        if let Some(after) = rest.strip_prefix('|') {
            rest = after;
        } else if let Some(after) = rest.strip_prefix('}') {
            return Ok((Part::First(alternatives), after));
        } else {
            return Err("a brace is not closed behind a column".to_owned());
        }
    }
}
