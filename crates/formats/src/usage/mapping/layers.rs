//! A mapping file and the built-in mappings that it extends, as one set of entries.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::toml::{FileError, Source};
use crate::usage::adapters;

/// Most mappings that extend each other.
const MAX_LAYERS: usize = 4;
/// The sections of a mapping file.
const SECTIONS: [&str; 11] = [
    "records",
    "record",
    "time",
    "let",
    "quantities",
    "check",
    "skip",
    "counts",
    "models",
    "providers",
    "values",
];

/// A file and its parsed text.
pub(super) struct Layer<'t> {
    source: Source<'t>,
    document: Spanned<DeTable<'t>>,
}

/// A key of a section.
pub(super) struct Entry<'d> {
    pub(super) key: &'d str,
    pub(super) value: &'d Spanned<DeValue<'d>>,
    source: &'d Source<'d>,
}

impl<'d> Entry<'d> {
    /// An error of the entry, with the path of its key.
    pub(super) fn error(&self, section: &str, reason: impl Into<String>) -> FileError {
        self.error_at(self.value.span(), format!("{section}.{}", self.key), reason)
    }

    /// An error at a part of the entry.
    pub(super) fn error_at(
        &self,
        span: std::ops::Range<usize>,
        key: impl Into<String>,
        reason: impl Into<String>,
    ) -> FileError {
        self.source.error(Some(span), key, reason)
    }

    /// The value, which must be a text.
    pub(super) fn text(&self, section: &str) -> Result<&'d str, FileError> {
        self.value.get_ref().as_str().ok_or_else(|| self.error(section, "must be a text"))
    }

    /// The value, which must be a list of texts.
    pub(super) fn texts(&self, section: &str) -> Result<Vec<Entry<'d>>, FileError> {
        let wrong = || self.error(section, "must be a list of texts");
        let list = self.value.get_ref().as_array().ok_or_else(wrong)?;
        let mut texts = Vec::new();
        for value in list {
            let Some(key) = value.get_ref().as_str() else {
                return Err(self.error_at(
                    value.span(),
                    format!("{section}.{}", self.key),
                    "must be a list of texts",
                ));
            };
            texts.push(Entry { key, value, source: self.source });
        }
        Ok(texts)
    }

    /// The elements of the value, if it is a list of tables.
    pub(super) fn rules(&self) -> Option<Vec<Entry<'d>>> {
        let list = self.value.get_ref().as_array()?;
        Some(list.iter().map(|value| Entry { key: self.key, value, source: self.source }).collect())
    }

    /// The entries of the value, which must be a table.
    pub(super) fn table(&self, section: &str, what: &str) -> Result<Vec<Entry<'d>>, FileError> {
        let table = self.value.get_ref().as_table().ok_or_else(|| self.error(section, what))?;
        Ok(entries(table, self.source))
    }
}

fn entries<'d>(table: &'d DeTable<'d>, source: &'d Source<'d>) -> Vec<Entry<'d>> {
    table.iter().map(|(key, value)| Entry { key: key.get_ref().as_ref(), value, source }).collect()
}

/// Reads a file, and before it those that it extends.
pub(super) fn read<'t>(file: &'t Path, text: &'t str) -> Result<Vec<Layer<'t>>, FileError> {
    let mut layers = vec![layer(file, text)?];
    loop {
        let Layer { source, document } = &layers[0];
        let Some(extends) = document.get_ref().get("extends") else { return Ok(layers) };
        let refuse = |reason: &str| source.error(Some(extends.span()), "extends", reason);
        let name =
            extends.get_ref().as_str().ok_or_else(|| refuse("must be the name of a built-in mapping"))?;
        let text = adapters::text(name).ok_or_else(|| refuse("is not the name of a built-in mapping"))?;
        if layers.len() == MAX_LAYERS {
            return Err(refuse("extends too many mappings"));
        }
        layers.insert(0, layer(Path::new("built-in mapping"), text)?);
    }
}

fn layer<'t>(file: &'t Path, text: &'t str) -> Result<Layer<'t>, FileError> {
    let source = Source { file, text };
    let document = DeTable::parse(text).map_err(|error| source.parse_error(error))?;
    for (section, content) in document.get_ref() {
        let name = section.get_ref().as_ref();
        let is_list_of_tables = name == "skip" && content.get_ref().is_array();
        let reason = match name {
            "extends" => continue,
            _ if !content.get_ref().is_table() && !is_list_of_tables => "must be a section".to_owned(),
            _ if SECTIONS.contains(&name) => continue,
            _ => format!("is not a section; known are {}", SECTIONS.join(", ")),
        };
        return Err(source.error(Some(section.span()), name, reason));
    }
    Ok(Layer { source, document })
}

/// The entries of a section: of each key that of the last file that states it.
pub(super) fn section<'d>(layers: &'d [Layer<'d>], name: &str) -> Vec<Entry<'d>> {
    let mut merged: Vec<Entry<'d>> = Vec::new();
    for layer in layers {
        let Some(table) = layer.document.get_ref().get(name).and_then(|value| value.get_ref().as_table())
        else {
            continue;
        };
        for entry in entries(table, &layer.source) {
            match merged.iter_mut().find(|known| known.key == entry.key) {
                Some(known) => *known = entry,
                None => merged.push(entry),
            }
        }
    }
    merged
}

/// A section as the last file that has it states it.
pub(super) fn last<'d>(layers: &'d [Layer<'d>], name: &'d str) -> Option<Entry<'d>> {
    layers.iter().rev().find_map(|layer| {
        let value = layer.document.get_ref().get(name)?;
        Some(Entry { key: name, value, source: &layer.source })
    })
}

/// The entries of a section in every file.
pub(super) fn all<'d>(layers: &'d [Layer<'d>], name: &str) -> Vec<Entry<'d>> {
    let of_layer = |layer: &'d Layer<'d>| {
        let table = layer.document.get_ref().get(name).and_then(|value| value.get_ref().as_table());
        table.map(|table| entries(table, &layer.source)).unwrap_or_default()
    };
    layers.iter().flat_map(of_layer).collect()
}

/// An error of the file as a whole.
pub(super) fn error_of_file(layers: &[Layer<'_>], key: &str, reason: &str) -> FileError {
    let source = &layers[layers.len() - 1].source;
    source.error(None, key, reason)
}
