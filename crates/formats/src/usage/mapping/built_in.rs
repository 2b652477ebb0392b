//! The mappings that come with the program, by name.

use std::path::Path;

use super::rules::Mapping;
use crate::usage::adapters;

impl Mapping {
    /// A mapping that comes with the program; `None` if the name is not in [`Self::built_in_names`].
    pub fn built_in(name: &str) -> Option<Self> {
        let text = Self::built_in_text(name)?;
        // A test reads every adapter.
        Self::parse(Path::new(&format!("{name}.toml")), text).ok()
    }

    /// The file of a mapping that comes with the program, as a start for another one.
    pub fn built_in_text(name: &str) -> Option<&'static str> {
        adapters::text(name)
    }

    /// The names of the mappings that come with the program, sorted.
    pub fn built_in_names() -> impl Iterator<Item = &'static str> {
        adapters::names()
    }
}
