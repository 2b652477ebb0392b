//! The columns that a mapping names: cells of a CSV file by their header, members of a JSON object by their path.

use std::borrow::Cow;
use std::fmt;

use crate::text::json::{JsonValue, members, value};
use crate::text::shorten;

/// The path of a column, such as `usage.prompt_tokens`. Backticks enclose a part with other characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ColumnPath(Vec<String>);

impl ColumnPath {
    /// Reads a path at the start of a text; returns it and the rest.
    pub(super) fn read(text: &str) -> Result<(Self, &str), String> {
        let mut parts = Vec::new();
        let mut rest = text;
        loop {
            if let Some(quoted) = rest.strip_prefix('`') {
                let (part, after) = quoted.split_once('`').ok_or("a backtick is not closed")?;
                if part.is_empty() {
                    return Err("there is nothing between two backticks".to_owned());
                }
                parts.push(part.to_owned());
                rest = after;
            } else {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                if end == 0 {
                    let found = rest.chars().next().map_or("the end".to_owned(), |c| format!("`{c}`"));
                    return Err(format!("a name is expected, found {found}"));
                }
                parts.push(rest[..end].to_owned());
                rest = &rest[end..];
            }
            match rest.strip_prefix('.') {
                Some(after) => rest = after,
                None => return Ok((Self(parts), rest)),
            }
        }
    }

    /// Reads a text that is a path as a whole.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match Self::read(text)? {
            (path, "") => Ok(path),
            (_, rest) => Err(format!("is not the name of a column at `{}`", shorten(rest))),
        }
    }
}

impl fmt::Display for ColumnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// A node of the tree of paths.
#[derive(Clone, Debug, Default)]
struct PathNode {
    children: Vec<(String, PathNode)>,
    /// The number of the path that ends here.
    slot: Option<usize>,
}

/// The columns that a mapping names, with numbers from 0.
#[derive(Clone, Debug, Default)]
pub(super) struct ColumnPaths {
    paths: Vec<ColumnPath>,
    root: PathNode,
}

impl ColumnPaths {
    /// The number of a path. Equal paths have the same number.
    pub(super) fn number(&mut self, path: ColumnPath) -> usize {
        let mut node = &mut self.root;
        for part in &path.0 {
            let at = node.children.iter().position(|(name, _)| name == part).unwrap_or_else(|| {
                node.children.push((part.clone(), PathNode::default()));
                node.children.len() - 1
            });
            node = &mut node.children[at].1;
        }
        *node.slot.get_or_insert_with(|| {
            self.paths.push(path);
            self.paths.len() - 1
        })
    }

    /// The path of a number.
    pub(super) fn name(&self, number: usize) -> String {
        self.paths[number].to_string()
    }

    /// Number of columns.
    pub(super) fn len(&self) -> usize {
        self.paths.len()
    }
}

/// The columns of a mapping in a CSV file.
pub(in crate::usage) struct CsvColumns {
    /// For each cell, the number of its column in the mapping, if any.
    slots: Vec<Option<usize>>,
}

impl CsvColumns {
    /// Number of cells of a record.
    pub(in crate::usage) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether the file has a column of the mapping.
    pub(super) fn has(&self, column: usize) -> bool {
        self.slots.contains(&Some(column))
    }

    /// Reads the header of a file.
    pub(super) fn find(
        paths: &ColumnPaths,
        names: &mut dyn Iterator<Item = Cow<'_, str>>,
    ) -> Result<Self, String> {
        let known: Vec<String> = (0..paths.len()).map(|number| paths.name(number)).collect();
        let mut slots = Vec::new();
        for name in names {
            let slot = known.iter().position(|known| *known == name);
            if slot.is_some() && slots.contains(&slot) {
                return Err(format!("{}: occurs twice", shorten(&name)));
            }
            slots.push(slot);
        }
        Ok(Self { slots })
    }
}

/// The values of one record, by the number of their column.
pub(super) struct Row<'r> {
    values: Vec<Option<JsonValue<'r>>>,
    /// Number of the record in its file, from 1.
    pub(super) number: u64,
}

impl<'r> Row<'r> {
    /// The row of a CSV record. An empty cell is an absent value.
    pub(super) fn of_cells(
        paths: &ColumnPaths,
        columns: &CsvColumns,
        cells: impl Iterator<Item = Cow<'r, str>>,
        number: u64,
    ) -> Self {
        let mut values = vec![None; paths.len()];
        for (slot, cell) in columns.slots.iter().zip(cells) {
            if let (Some(slot), false) = (slot, cell.is_empty()) {
                values[*slot] = Some(JsonValue::Text(cell));
            }
        }
        Self { values, number }
    }

    /// The row of a JSON object. `null` is an absent value.
    pub(super) fn of_json(paths: &ColumnPaths, text: &'r str, number: u64) -> Result<Self, String> {
        let mut values = vec![None; paths.len()];
        fill(&paths.root, text, &mut values)?;
        Ok(Self { values, number })
    }

    /// The value of a column; `None` if it is absent.
    pub(super) fn get(&self, column: usize) -> Option<&JsonValue<'r>> {
        self.values[column].as_ref()
    }
}

/// Reads the values of the paths below a node, and skips everything else.
fn fill<'r>(node: &PathNode, text: &'r str, values: &mut [Option<JsonValue<'r>>]) -> Result<(), String> {
    let mut entered: Vec<usize> = Vec::new();
    members(text, |name, raw| {
        let Some(at) = node.children.iter().position(|(child, _)| *child == name) else {
            return Ok(());
        };
        let child = &node.children[at].1;
        if entered.contains(&at) {
            return Err(format!("{}: occurs twice", shorten(&name)));
        }
        entered.push(at);
        let value = match raw {
            // A rule for skipping may compare them.
            "true" | "false" => Some(JsonValue::Text(Cow::Borrowed(raw))),
            _ => value(raw).map_err(|reason| format!("{}: {reason}", shorten(&name)))?,
        };
        if let Some(slot) = child.slot {
            // Like an empty cell, an empty text is an absent value.
            let stated =
                value.clone().filter(|value| !matches!(value, JsonValue::Text(text) if text.is_empty()));
            values[slot] = stated;
        }
        if child.children.is_empty() {
            return Ok(());
        }
        match value {
            Some(JsonValue::Other) if raw.starts_with('{') => fill(child, raw, values),
            // Some exports write a JSON column as a text.
            Some(JsonValue::Text(text)) if text.trim_start().starts_with('{') => {
                let mut inner = vec![None; values.len()];
                fill(child, &text, &mut inner).map_err(|reason| format!("{}: {reason}", shorten(&name)))?;
                for (value, inner) in values.iter_mut().zip(inner) {
                    if let Some(inner) = inner {
                        *value = Some(owned(inner));
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    })
}

fn owned(value: JsonValue<'_>) -> JsonValue<'static> {
    match value {
        JsonValue::Text(text) => JsonValue::Text(Cow::Owned(text.into_owned())),
        // A mapping does not distinguish numbers with and without quotes.
        JsonValue::Number(token) => JsonValue::Text(Cow::Owned(token.to_owned())),
        JsonValue::Other => JsonValue::Other,
    }
}
