//! `config`: checks the configuration, and shows every setting with its source.

mod check;
mod environment;
mod files;
mod show;

use crate::arguments::{ConfigCommand, Global};
use crate::output::{Failure, Output};

pub(crate) fn run(global: &Global, command: &ConfigCommand, output: &Output) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check => check::run(global, output),
        ConfigCommand::Show => show::run(global, output),
    }
}
