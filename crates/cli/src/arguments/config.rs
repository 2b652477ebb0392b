//! Arguments of `config`, and where the options of every command were stated.

use clap::parser::ValueSource;
use clap::{ArgMatches, Subcommand};

#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read the configuration as a server would, and list every problem; exit code 1 if there is one. Opens no database
    Check,
    /// Show every setting in force and where it is stated: default, file and line, variable or option
    Show,
}

/// Where the value of an option is stated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    Variable,
    Option,
}

/// Where the value of an option is stated, by the arguments of a command or of one above it.
pub(crate) fn source_in(mut matches: &ArgMatches, option: &str) -> Source {
    // An option of every command may stand before or after the names of commands.
    while let Some((_, inner)) = matches.subcommand() {
        matches = inner;
    }
    match matches.value_source(option) {
        Some(ValueSource::CommandLine) => Source::Option,
        Some(ValueSource::EnvVariable) => Source::Variable,
        _ => Source::Default,
    }
}
