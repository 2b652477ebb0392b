//! Mappings: rules in a file by which the records of another program become usage records (`docs/USAGE_FILES.md`,
//! "Mapping files").

mod columns;
mod expression;
mod file;
mod rules;
mod template;
#[cfg(test)]
mod tests;
mod time_rule;

pub(super) use columns::CsvColumns;
pub use rules::Mapping;
