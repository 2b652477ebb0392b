//! Where the records of a JSON value are: in a list of it, or in an object of it.

use super::columns::ColumnPaths;
use super::path::{ColumnPath, Step};
use super::row::Row;
use crate::text::json::{ElementsError, elements, members};

/// The place of the records in a line.
#[derive(Clone, Debug)]
pub(super) struct RecordsPath {
    path: ColumnPath,
    /// The objects on the way, each with the members that lead from it to the next.
    levels: Vec<Level>,
    missing: Missing,
}

/// What a line without the place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Refused,
    Skipped,
    /// A record itself.
    Record,
}

/// What members lead to.
enum Inner<'r> {
    Value(&'r str),
    Null,
    Missing,
}

#[derive(Clone, Debug)]
struct Level {
    members: Vec<String>,
    /// Whether the members lead to a list, each of whose elements is entered.
    is_list: bool,
}

/// A record in a line, or why there is none.
pub(super) enum Found<'r> {
    Record(Row<'r>),
    /// A list without elements.
    Nothing,
    Refused(String),
}

impl RecordsPath {
    /// Reads a path such as `data[*].results[*]`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let path = ColumnPath::parse(text)?;
        let mut levels = Vec::new();
        let mut members = Vec::new();
        for step in &path.steps {
            match step {
                Step::Member(name) => members.push(name.clone()),
                Step::Each => levels.push(Level { members: std::mem::take(&mut members), is_list: true }),
                Step::Members(..) | Step::At(_) | Step::Where(..) => {
                    return Err("has only names and `[*]`".to_owned());
                }
            }
        }
        if !members.is_empty() {
            levels.push(Level { members, is_list: false });
        }
        if path.up > 0 {
            return Err("begins at the line".to_owned());
        }
        Ok(Self { path, levels, missing: Missing::Refused })
    }

    /// States what a line without the place is.
    pub(super) fn with_missing(self, missing: Missing) -> Self {
        Self { missing, ..self }
    }

    /// How many objects enclose a record.
    pub(super) fn enclosing(&self) -> usize {
        self.levels.len()
    }

    /// Calls `each` for every record of a line, with the values of the objects that enclose it.
    pub(super) fn each<'r>(&self, text: &'r str, paths: &ColumnPaths, each: &mut dyn FnMut(Found<'r>)) {
        self.enter(0, text, Row::new(paths, 0), paths, each);
    }

    fn enter<'r>(
        &self,
        level: usize,
        text: &'r str,
        mut row: Row<'r>,
        paths: &ColumnPaths,
        each: &mut dyn FnMut(Found<'r>),
    ) {
        let up = self.levels.len() - level;
        // A list at the top of the line has no enclosing object.
        let is_object = self.levels.get(level).is_none_or(|level| !level.members.is_empty());
        if is_object && let Err(reason) = row.add_json(paths, text, up) {
            return each(Found::Refused(reason));
        }
        let Some(Level { members, is_list }) = self.levels.get(level) else {
            return each(Found::Record(row));
        };
        if level == 0 && self.missing == Missing::Skipped && !text.trim_start().starts_with(['{', '[']) {
            return each(Found::Refused("must be a JSON object".to_owned()));
        }
        let inner = match Self::member(text, members) {
            Ok(Inner::Value(inner)) => inner,
            Ok(Inner::Missing) if self.missing == Missing::Refused => {
                return each(Found::Refused(format!("{}: is missing", self.path)));
            }
            Ok(Inner::Missing) if self.missing == Missing::Record => {
                return each(
                    row.add_json(paths, text, 0).map_or_else(Found::Refused, |()| Found::Record(row)),
                );
            }
            Ok(Inner::Null | Inner::Missing) => return each(Found::Nothing),
            Err(reason) => return each(Found::Refused(reason)),
        };
        if !is_list {
            return self.enter(level + 1, inner, row, paths, each);
        }
        match elements(inner, usize::MAX) {
            Ok(elements) if elements.is_empty() => each(Found::Nothing),
            Ok(elements) => {
                elements.into_iter().for_each(|element| {
                    self.enter(level + 1, element, row.clone(), paths, each);
                });
            }
            Err(ElementsError::NotJson(reason)) => each(Found::Refused(reason)),
            Err(ElementsError::NotArray | ElementsError::TooMany) => {
                each(Found::Refused(format!("{}: is not a list", self.path)));
            }
        }
    }

    /// The value that members lead to.
    fn member<'r>(mut text: &'r str, names: &[String]) -> Result<Inner<'r>, String> {
        for name in names {
            let mut found = None;
            members(text, |member, raw| {
                if member != *name {
                    return Ok(());
                }
                match found.replace(raw) {
                    None => Ok(()),
                    Some(_) => Err(format!("{name}: occurs twice")),
                }
            })?;
            match found {
                None => return Ok(Inner::Missing),
                Some("null") => return Ok(Inner::Null),
                Some(raw) => text = raw,
            }
        }
        Ok(Inner::Value(text))
    }

    /// The name of the rule by which a line without records is skipped.
    pub(super) fn nothing(&self) -> String {
        format!("no record in {}", self.path)
    }
}
