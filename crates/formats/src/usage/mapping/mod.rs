//! Mappings: rules in a file by which the records of another program become usage records (`docs/USAGE_FILES.md`,
//! "Mapping files").

mod built_in;
mod columns;
mod expression;
mod file;
mod layers;
mod path;
mod records;
mod row;
mod rules;
mod skip;
mod template;
#[cfg(test)]
mod tests;
mod time_rule;

pub(super) use columns::CsvColumns;
pub use rules::{Mapped, Mapping, UnknownCounts};
