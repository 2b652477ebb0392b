//! What a mapping names in a record: cells of a CSV file by their header, members of a JSON object by their path.

use std::borrow::Cow;
use std::fmt;

use crate::text::json::{JsonValue, members, value};
use crate::text::shorten;

/// A name in a mapping: `usage.prompt_tokens`; a part with other characters stands between backticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(Vec<String>);

impl Path {
    /// Reads a path from the start of a text and gives what follows it.
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

    /// Reads a text that is a path and nothing else.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match Self::read(text)? {
            (path, "") => Ok(path),
            (_, rest) => Err(format!("is not the name of a column at `{}`", shorten(rest))),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// A step of the paths of a mapping: what is below it, and whether a path ends here.
#[derive(Clone, Debug, Default)]
struct Node {
    children: Vec<(String, Node)>,
    slot: Option<usize>,
}

/// All columns that a mapping names, numbered.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    paths: Vec<Path>,
    root: Node,
}

impl Paths {
    /// The number of a path, the same for the same path.
    pub(super) fn number(&mut self, path: Path) -> usize {
        let mut node = &mut self.root;
        for part in &path.0 {
            let at = node.children.iter().position(|(name, _)| name == part).unwrap_or_else(|| {
                node.children.push((part.clone(), Node::default()));
                node.children.len() - 1
            });
            node = &mut node.children[at].1;
        }
        *node.slot.get_or_insert_with(|| {
            self.paths.push(path);
            self.paths.len() - 1
        })
    }

    pub(super) fn name(&self, number: usize) -> String {
        self.paths[number].to_string()
    }

    pub(super) fn len(&self) -> usize {
        self.paths.len()
    }
}

/// Where the columns of a mapping are in a CSV file.
pub(crate) struct CsvColumns {
    /// The column of the mapping, if any, for each cell.
    slots: Vec<Option<usize>>,
}

impl CsvColumns {
    /// Cells of a record.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether the file has a column of the mapping.
    pub(super) fn has(&self, column: usize) -> bool {
        self.slots.contains(&Some(column))
    }

    pub(super) fn find(paths: &Paths, names: &mut dyn Iterator<Item = Cow<'_, str>>) -> Result<Self, String> {
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

/// The values of one record that a mapping names.
pub(crate) struct Row<'r> {
    values: Vec<Option<JsonValue<'r>>>,
    /// Number of the record in its file, from 1.
    pub(super) number: u64,
}

impl<'r> Row<'r> {
    /// The row of a CSV record. An empty cell states nothing.
    pub(super) fn cells(
        paths: &Paths,
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

    /// The row of a JSON object. `null` and what is not there state nothing.
    pub(super) fn json(paths: &Paths, text: &'r str, number: u64) -> Result<Self, String> {
        let mut values = vec![None; paths.len()];
        fill(&paths.root, text, &mut values)?;
        Ok(Self { values, number })
    }

    /// The value of a column.
    pub(super) fn get(&self, column: usize) -> Option<&JsonValue<'r>> {
        self.values[column].as_ref()
    }
}

/// Goes as deep as the paths do; everything else is passed over.
fn fill<'r>(node: &Node, text: &'r str, values: &mut [Option<JsonValue<'r>>]) -> Result<(), String> {
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
            // A condition may ask for them.
            "true" | "false" => Some(JsonValue::Text(Cow::Borrowed(raw))),
            _ => value(raw).map_err(|reason| format!("{}: {reason}", shorten(&name)))?,
        };
        if let Some(slot) = child.slot {
            // An empty text states as little as an empty cell.
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
        // Whether a number was spelled with quotes makes no difference to a mapping.
        JsonValue::Number(token) => JsonValue::Text(Cow::Owned(token.to_owned())),
        JsonValue::Other => JsonValue::Other,
    }
}
