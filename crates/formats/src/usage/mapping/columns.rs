//! The columns that a mapping names, as a tree of their paths, and the places where counts are.

use std::borrow::Cow;

use super::path::{ColumnPath, Step};
use crate::text::shorten;

/// Position of a node in [`ColumnPaths`].
pub(super) type NodeId = usize;

/// A value that a path leads to or through.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) children: Vec<(Step, NodeId)>,
    /// The number of the column that is here.
    pub(super) column: Option<usize>,
    /// Whether the numbers here and below are counts.
    pub(super) is_count: bool,
    /// Whether numbers here and below are not looked at.
    pub(super) is_ignored: bool,
}

/// The columns that a mapping names, with numbers from 0.
#[derive(Clone, Debug, Default)]
pub(super) struct ColumnPaths {
    names: Vec<String>,
    nodes: Vec<Node>,
    /// The root of the record, and those of the objects that enclose it, from the inside.
    roots: Vec<NodeId>,
}

impl ColumnPaths {
    /// The number of a path. Equal paths have the same number.
    pub(super) fn number(&mut self, path: &ColumnPath) -> usize {
        let node = self.node_of(path);
        if let Some(number) = self.nodes[node].column {
            return number;
        }
        self.names.push(path.to_string());
        let number = self.names.len() - 1;
        self.nodes[node].column = Some(number);
        number
    }

    /// States that the numbers at a path and below it are counts.
    pub(super) fn count(&mut self, path: &ColumnPath) {
        let node = self.node_of(path);
        self.nodes[node].is_count = true;
    }

    /// States that the numbers at a path and below it are no counts of their own.
    pub(super) fn ignore(&mut self, path: &ColumnPath) {
        let node = self.node_of(path);
        self.nodes[node].is_ignored = true;
    }

    /// Adds the root of the record.
    pub(super) fn add_root(&mut self) {
        if self.roots.is_empty() {
            self.roots.push(self.nodes.len());
            self.nodes.push(Node::default());
        }
    }

    fn node_of(&mut self, path: &ColumnPath) -> NodeId {
        while self.roots.len() <= path.up {
            self.roots.push(self.nodes.len());
            self.nodes.push(Node::default());
        }
        let mut node = self.roots[path.up];
        for step in &path.steps {
            let known = self.nodes[node].children.iter().find(|(known, _)| known == step);
            node = if let Some((_, child)) = known {
                *child
            } else {
                let child = self.nodes.len();
                self.nodes.push(Node::default());
                self.nodes[node].children.push((step.clone(), child));
                child
            };
        }
        node
    }

    /// The path of a number.
    pub(super) fn name(&self, number: usize) -> &str {
        &self.names[number]
    }

    /// Number of columns.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn node(&self, node: NodeId) -> &Node {
        &self.nodes[node]
    }

    /// The root of the object `up` steps outside of the record, if a path begins there.
    pub(super) fn root(&self, up: usize) -> Option<NodeId> {
        self.roots.get(up).copied()
    }

    /// How far outside of the record the outermost path begins.
    pub(super) fn furthest(&self) -> usize {
        self.roots.len().saturating_sub(1)
    }

    /// The nodes of a member of these nodes.
    pub(super) fn members(&self, nodes: &[NodeId], name: &str, found: &mut Vec<NodeId>) {
        found.clear();
        for (step, child) in nodes.iter().flat_map(|node| &self.nodes[*node].children) {
            let is_this = match step {
                Step::Member(member) => member == name,
                Step::Members(start, end) => is_between(name, start, end),
                Step::Each | Step::At(_) | Step::Where(..) => false,
            };
            if is_this {
                found.push(*child);
            }
        }
    }

    /// The nodes whose path, its names joined by dots, is the header of a CSV column.
    fn of_header(&self, node: NodeId, header: &str, found: &mut Vec<NodeId>) {
        for (step, child) in &self.nodes[node].children {
            match step {
                Step::Member(name) => match header.strip_prefix(name.as_str()) {
                    Some("") => found.push(*child),
                    Some(rest) => {
                        if let Some(rest) = rest.strip_prefix('.') {
                            self.of_header(*child, rest, found);
                        }
                    }
                    None => {}
                },
                Step::Members(start, end) if is_between(header, start, end) => found.push(*child),
                Step::Members(..) | Step::Each | Step::At(_) | Step::Where(..) => {}
            }
        }
    }

    fn add_columns_below(&self, node: NodeId, columns: &mut Vec<usize>) {
        columns.extend(self.nodes[node].column);
        for (_, child) in &self.nodes[node].children {
            self.add_columns_below(*child, columns);
        }
    }
}

fn is_between(name: &str, start: &str, end: &str) -> bool {
    name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
}

/// The columns of a mapping in a CSV file.
pub(in crate::usage) struct CsvColumns {
    /// For each cell, its name and the nodes that it is the value of.
    pub(super) cells: Vec<(String, Vec<NodeId>)>,
    /// The columns of the mapping that a cell can state.
    stated: Vec<usize>,
}

impl CsvColumns {
    /// Number of cells of a record.
    pub(in crate::usage) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether the file can state a column of the mapping.
    pub(super) fn has(&self, column: usize) -> bool {
        self.stated.contains(&column)
    }

    /// Reads the header of a file.
    pub(super) fn find(
        paths: &ColumnPaths,
        names: &mut dyn Iterator<Item = Cow<'_, str>>,
    ) -> Result<Self, String> {
        let mut columns = Self { cells: Vec::new(), stated: Vec::new() };
        for name in names {
            let mut nodes = Vec::new();
            if let Some(root) = paths.root(0) {
                paths.of_header(root, &name, &mut nodes);
            }
            if !nodes.is_empty() && columns.cells.iter().any(|(known, _)| *known == name) {
                return Err(format!("{}: occurs twice", shorten(&name)));
            }
            nodes.iter().for_each(|node| paths.add_columns_below(*node, &mut columns.stated));
            columns.cells.push((name.into_owned(), nodes));
        }
        Ok(columns)
    }
}
