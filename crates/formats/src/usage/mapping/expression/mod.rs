//! Expressions over the columns of a record.

mod parser;
mod value;

pub(super) use parser::Definitions;
pub(super) use value::Expression;
