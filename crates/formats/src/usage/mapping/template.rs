//! Texts with columns in them: `client-{client}`, `{created|created_at}`, `{user|'nobody'}`, `{row}`.

use std::borrow::Cow;

use super::columns::{Path, Paths, Row};
use crate::text::json::JsonValue;

/// A parsed template.
#[derive(Clone, Debug, Default)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    /// The number of the record in its file.
    Row,
    /// The first that is there.
    First(Vec<Choice>),
}

#[derive(Clone, Debug)]
enum Choice {
    Column(usize),
    Text(String),
}

impl Template {
    /// A text without columns.
    pub(super) fn constant(text: &str) -> Self {
        Self(vec![Piece::Text(text.to_owned())])
    }

    /// The text, if it has no columns in it.
    pub(super) fn as_constant(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Reads a text; its columns are numbered in `paths`. `{{` and `}}` are braces.
    pub(super) fn parse(text: &str, paths: &mut Paths) -> Result<Self, String> {
        let mut pieces = Vec::new();
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
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            let (piece, after) = choices(after, paths)?;
            pieces.push(piece);
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Ok(Self(pieces))
    }

    /// The text in a row; the error names what is missing.
    pub(super) fn text<'r>(&'r self, row: &'r Row<'_>, paths: &Paths) -> Result<Cow<'r, str>, String> {
        if let [piece] = self.0.as_slice() {
            return piece.text(row, paths);
        }
        let mut text = String::new();
        for piece in &self.0 {
            text.push_str(&piece.text(row, paths)?);
        }
        Ok(Cow::Owned(text))
    }
}

impl Piece {
    fn text<'r>(&'r self, row: &'r Row<'_>, paths: &Paths) -> Result<Cow<'r, str>, String> {
        let choices = match self {
            Self::Text(text) => return Ok(Cow::Borrowed(text)),
            Self::Row => return Ok(Cow::Owned(row.number.to_string())),
            Self::First(choices) => choices,
        };
        for choice in choices {
            match choice {
                Choice::Text(text) => return Ok(Cow::Borrowed(text)),
                Choice::Column(column) => match row.get(*column) {
                    None => {}
                    Some(JsonValue::Text(text)) => return Ok(Cow::Borrowed(text)),
                    Some(JsonValue::Number(token)) => return Ok(Cow::Borrowed(token)),
                    Some(JsonValue::Other) => {
                        return Err(format!("{}: is neither a text nor a number", paths.name(*column)));
                    }
                },
            }
        }
        let names: Vec<String> = choices
            .iter()
            .filter_map(|choice| match choice {
                Choice::Column(column) => Some(paths.name(*column)),
                Choice::Text(_) => None,
            })
            .collect();
        Err(format!("{}: is missing", names.join(" or ")))
    }
}

/// Reads what stands between braces, the closing one included.
fn choices<'t>(text: &'t str, paths: &mut Paths) -> Result<(Piece, &'t str), String> {
    if let Some(rest) = text.strip_prefix("row}") {
        return Ok((Piece::Row, rest));
    }
    let mut choices = Vec::new();
    let mut rest = text;
    loop {
        if let Some(quoted) = rest.strip_prefix('\'') {
            let (text, after) = quoted.split_once('\'').ok_or("a quote is not closed")?;
            choices.push(Choice::Text(text.to_owned()));
            rest = after;
        } else {
            let (path, after) = Path::read(rest)?;
            choices.push(Choice::Column(paths.number(path)));
            rest = after;
        }
        if let Some(after) = rest.strip_prefix('|') {
            rest = after;
        } else if let Some(after) = rest.strip_prefix('}') {
            return Ok((Piece::First(choices), after));
        } else {
            return Err("a brace is not closed behind a column".to_owned());
        }
    }
}
