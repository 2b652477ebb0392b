//! The values of one record: those of the columns that a mapping names, and the counts that it does not.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use tollbook_domain::decimal::Decimal;

use super::columns::{ColumnPaths, CsvColumns, Node, NodeId};
use super::path::Step;
use crate::text::json::{ElementsError, JsonValue, elements, members, value};
use crate::text::shorten;

/// Deepest nesting of counts, and of texts that hold JSON.
const MAX_DEPTH: usize = 32;
/// Most counts of a record that are named.
const MAX_UNKNOWN: usize = 16;

/// The values of one record, by the number of their column.
#[derive(Clone)]
pub(super) struct Row<'r> {
    values: Vec<Option<JsonValue<'r>>>,
    /// Values of list columns after their first.
    more: Vec<(usize, JsonValue<'r>)>,
    /// Counts that no column accounts for: the name and the value of each.
    pub(super) unknown: Vec<(String, String)>,
    /// A count that no record can have.
    pub(super) wrong: Option<String>,
    /// Number of the record in its file, from 1.
    pub(super) number: u64,
    /// The values of named expressions, once they are known.
    definitions: RefCell<Vec<Option<DefinitionValue>>>,
}

/// The value of a named expression, or why it has none.
type DefinitionValue = Result<Option<Decimal>, String>;

impl<'r> Row<'r> {
    /// A row without values.
    pub(super) fn new(paths: &ColumnPaths, number: u64) -> Self {
        Self {
            values: vec![None; paths.len()],
            more: Vec::new(),
            unknown: Vec::new(),
            wrong: None,
            number,
            definitions: RefCell::new(vec![None; paths.definitions]),
        }
    }

    /// Adds the cells of a CSV record. An empty cell is an absent value.
    pub(super) fn add_cells(
        &mut self,
        paths: &ColumnPaths,
        columns: &CsvColumns,
        cells: impl Iterator<Item = Cow<'r, str>>,
    ) -> Result<(), String> {
        let mut walk = Walk { paths, row: self, up: 0 };
        for ((name, nodes), cell) in columns.cells.iter().zip(cells) {
            if !nodes.is_empty() && !cell.is_empty() {
                let at = Place { up: 0, parent: None, step: PlaceStep::Member(name) };
                walk.value(nodes, Some(JsonValue::Text(cell)), "", &at, Depth::default())?;
            }
        }
        Ok(())
    }

    /// Adds the values of a JSON object, which is `up` steps outside of the record. `null` is an absent value.
    pub(super) fn add_json(&mut self, paths: &ColumnPaths, text: &'r str, up: usize) -> Result<(), String> {
        let Some(root) = paths.root(up) else { return Ok(()) };
        let mut walk = Walk { paths, row: self, up };
        walk.object(&[root], text, None, Depth::default())
    }

    /// The first value of a column; `None` if it is absent.
    pub(super) fn get(&self, column: usize) -> Option<&JsonValue<'r>> {
        self.values[column].as_ref()
    }

    /// Every value of a column.
    pub(super) fn all(&self, column: usize) -> impl Iterator<Item = &JsonValue<'r>> {
        let more = self.more.iter().filter(move |(of, _)| *of == column).map(|(_, value)| value);
        self.values[column].iter().chain(more)
    }

    /// The value of the named expression of a number, which `value` returns if it is not known yet.
    pub(super) fn definition(
        &self,
        number: usize,
        value: impl FnOnce() -> DefinitionValue,
    ) -> DefinitionValue {
        if let Some(Some(known)) = self.definitions.borrow().get(number) {
            return known.clone();
        }
        // Expressions in it are values of this row too.
        let value = value();
        if let Some(place) = self.definitions.borrow_mut().get_mut(number) {
            *place = Some(value.clone());
        }
        value
    }

    fn add_unknown(&mut self, name: String, count: String) {
        if self.unknown.len() < MAX_UNKNOWN && self.unknown.iter().all(|(known, _)| *known != name) {
            self.unknown.push((name, count));
        }
    }

    fn set(&mut self, column: usize, value: JsonValue<'r>) {
        match &mut self.values[column] {
            Some(_) => self.more.push((column, value)),
            absent => *absent = Some(value),
        }
    }
}

/// Where a value is, for messages.
struct Place<'p> {
    up: usize,
    parent: Option<&'p Place<'p>>,
    step: PlaceStep<'p>,
}

enum PlaceStep<'p> {
    Member(&'p str),
    Element(Option<(&'p str, &'p str)>),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match &self.step {
            PlaceStep::Member(name) if self.parent.is_some() => write!(f, ".{}", shorten(name)),
            PlaceStep::Member(name) => write!(f, "{}{}", "^".repeat(self.up), shorten(name)),
            PlaceStep::Element(None) => f.write_str("[*]"),
            PlaceStep::Element(Some((name, value))) => write!(f, "[{name}='{}']", shorten(value)),
        }
    }
}

/// How a value is reached.
#[derive(Clone, Copy, Default)]
struct Depth {
    /// Whether numbers are counts.
    counting: bool,
    /// Objects, lists and texts that are entered.
    entered: usize,
}

impl Depth {
    fn enter(self) -> Result<Self, String> {
        if self.entered == MAX_DEPTH {
            return Err(format!("is nested deeper than {MAX_DEPTH}"));
        }
        Ok(Self { entered: self.entered + 1, ..self })
    }
}

/// Reads the values of paths, and the counts beside them, and skips everything else.
struct Walk<'w, 'r> {
    paths: &'w ColumnPaths,
    row: &'w mut Row<'r>,
    /// How many objects outside of the record it is.
    up: usize,
}

impl<'r> Walk<'_, 'r> {
    fn object(
        &mut self,
        nodes: &[NodeId],
        text: &'r str,
        at: Option<&Place<'_>>,
        depth: Depth,
    ) -> Result<(), String> {
        let mut entered: Vec<Cow<'r, str>> = Vec::new();
        let mut found = Vec::with_capacity(2);
        members(text, |name, raw| {
            self.paths.members(nodes, &name, &mut found);
            if found.is_empty() && !depth.counting {
                return Ok(());
            }
            let here = Place { up: self.up, parent: at, step: PlaceStep::Member(&name) };
            if entered.contains(&name) {
                return Err(format!("{here}: occurs twice"));
            }
            let stated = match raw {
                // A rule for skipping may compare them.
                "true" | "false" => Some(JsonValue::Text(Cow::Borrowed(raw))),
                _ => value(raw).map_err(|reason| format!("{here}: {reason}"))?,
            };
            self.value(&found, stated, raw, &here, depth)?;
            entered.push(name);
            Ok(())
        })
    }

    /// Takes the value of nodes. `raw` is its text if it is an object or a list.
    fn value(
        &mut self,
        nodes: &[NodeId],
        stated: Option<JsonValue<'r>>,
        raw: &'r str,
        at: &Place<'_>,
        mut depth: Depth,
    ) -> Result<(), String> {
        // Like an empty cell, an empty text is an absent value.
        let Some(stated) = stated.filter(|value| !matches!(value, JsonValue::Text(text) if text.is_empty()))
        else {
            return Ok(());
        };
        let paths = self.paths;
        let of_nodes = || nodes.iter().map(|node| paths.node(*node));
        depth.counting |= of_nodes().any(|node| node.is_count);
        depth.counting &= !of_nodes().any(|node| node.is_ignored);
        let is_entered = depth.counting || of_nodes().any(|node| !node.children.is_empty());
        if depth.counting {
            self.count(&stated, of_nodes().any(|node| node.column.is_some()), at);
        }
        match &stated {
            JsonValue::Other if is_entered => {
                let depth = depth.enter().map_err(|reason| format!("{at}: {reason}"))?;
                self.enter(nodes, raw, at, depth)?;
            }
            // Some exports write a JSON column as a text.
            JsonValue::Text(text) if is_entered && text.trim_start().starts_with(['{', '[']) => {
                let text = text.trim_start();
                if text.starts_with('{') || of_nodes().any(has_elements) {
                    let depth = depth.enter().map_err(|reason| format!("{at}: {reason}"))?;
                    let mut inner = Row::new(paths, self.row.number);
                    let entered = Walk { paths, row: &mut inner, up: self.up }.enter(nodes, text, at, depth);
                    // The text may be no JSON; the reason of what is inside names its place already.
                    let place = at.to_string();
                    entered.map_err(|reason| {
                        if reason.starts_with(&place) { reason } else { format!("{place}: {reason}") }
                    })?;
                    self.take(inner);
                }
            }
            _ => {}
        }
        for column in of_nodes().filter_map(|node| node.column) {
            self.row.set(column, stated.clone());
        }
        Ok(())
    }

    /// Enters an object or a list.
    fn enter(&mut self, nodes: &[NodeId], raw: &'r str, at: &Place<'_>, depth: Depth) -> Result<(), String> {
        if raw.starts_with('[') {
            return self.list(nodes, raw, at, depth);
        }
        self.object(nodes, raw, Some(at), depth)
    }

    fn list(&mut self, nodes: &[NodeId], raw: &'r str, at: &Place<'_>, depth: Depth) -> Result<(), String> {
        let elements = elements(raw, usize::MAX).map_err(|error| match error {
            ElementsError::NotJson(reason) => format!("{at}: {reason}"),
            ElementsError::NotArray | ElementsError::TooMany => format!("{at}: is not a list"),
        })?;
        let paths = self.paths;
        for (position, raw) in elements.into_iter().enumerate() {
            let (mut found, mut mark) = (Vec::new(), None);
            for (step, child) in nodes.iter().flat_map(|node| &paths.node(*node).children) {
                let is_this = match step {
                    Step::Each => true,
                    Step::At(wanted) => *wanted == position,
                    Step::Where(names, wanted) => {
                        let stated = member_text(raw, names);
                        let is_this = stated.as_deref() == Some(wanted.as_str());
                        mark = mark.or_else(|| stated.map(|stated| (names.join("."), stated)));
                        is_this
                    }
                    Step::Member(_) | Step::Members(..) => false,
                };
                if is_this {
                    found.push(*child);
                }
            }
            let marked = mark.as_ref().map(|(name, stated)| (name.as_str(), stated.as_ref()));
            let here = Place { up: self.up, parent: Some(at), step: PlaceStep::Element(marked) };
            let stated = value(raw).map_err(|reason| format!("{here}: {reason}"))?;
            if !found.is_empty() || depth.counting {
                self.value(&found, stated, raw, &here, depth)?;
            }
        }
        Ok(())
    }

    /// Looks at a value where counts are.
    fn count(&mut self, stated: &JsonValue<'_>, is_accounted: bool, at: &Place<'_>) {
        let token = match stated {
            JsonValue::Number(token) => *token,
            JsonValue::Text(text) => text.as_ref(),
            JsonValue::Other => return,
        };
        let Some(sign) = sign_of(token) else { return };
        if sign < 0 && self.row.wrong.is_none() {
            self.row.wrong = Some(format!("{at}: is less than 0"));
        }
        if sign != 0 && !is_accounted {
            self.row.add_unknown(at.to_string(), shorten(token));
        }
    }

    /// Takes the values of a text that holds JSON.
    fn take(&mut self, inner: Row<'_>) {
        for (column, value) in inner.values.into_iter().enumerate() {
            if let Some(value) = value {
                self.row.set(column, owned(value));
            }
        }
        for (column, value) in inner.more {
            self.row.set(column, owned(value));
        }
        for (name, count) in inner.unknown {
            self.row.add_unknown(name, count);
        }
        self.row.wrong = self.row.wrong.take().or(inner.wrong);
    }
}

fn has_elements(node: &Node) -> bool {
    node.children.iter().any(|(step, _)| matches!(step, Step::Each | Step::At(_) | Step::Where(..)))
}

/// The text of the member of an object that names lead to.
fn member_text<'e>(mut raw: &'e str, names: &[String]) -> Option<Cow<'e, str>> {
    for name in names {
        let mut found = None;
        if raw.starts_with('{') {
            // A malformed object is refused when it is entered.
            let _ = members(raw, |member, raw| {
                if member == *name {
                    found = Some(raw);
                }
                Ok(())
            });
        }
        raw = found?;
    }
    match value(raw).ok()?? {
        JsonValue::Text(text) => Some(text),
        JsonValue::Number(token) => Some(Cow::Borrowed(token)),
        JsonValue::Other => Some(Cow::Borrowed(raw)),
    }
}

/// Whether a number is less than, equal to or greater than 0; `None` if the text is not a number.
fn sign_of(token: &str) -> Option<i8> {
    let digits = token.strip_prefix('-').unwrap_or(token);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+'));
    if !is_number || tollbook_domain::decimal::DecimalText::parse(token).is_err() {
        return None;
    }
    let mantissa = digits.split(['e', 'E']).next().unwrap_or_default();
    Some(match mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
        false => 0,
        true if digits.len() < token.len() => -1,
        true => 1,
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
