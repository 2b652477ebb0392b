//! Every setting of the program in one table: the page docs/CONFIGURATION.md, `config show` and `config check` are made
//! from it.

mod billing;
mod outside;
mod page;
mod serving;
mod setting;
mod values;
mod variables;

pub use page::page;
pub use setting::Setting;
pub use values::{FORMER_NAMES, Known, ShownValue, known, settings, values};
pub use variables::{GlobalOption, OPTIONS, VARIABLES, Variable};
