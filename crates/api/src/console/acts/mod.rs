//! What operators do in the console: one table of acts. Each has a form, the route of the operator's API or the operation of
//! `ops` that it runs, and the command that does the same.

mod act;
mod command;
mod error;
mod own;
mod run;
mod table;
mod values;

pub use act::{Act, Field, Kind};
pub use table::ACTS;

pub(super) use act::{After, Preview};
pub(super) use command::{command_text, quoted};
pub(super) use error::ActError;
pub(super) use run::{Done, run};
pub(super) use table::find;
pub(super) use values::{KEY, file_fields, file_of, new_key};
