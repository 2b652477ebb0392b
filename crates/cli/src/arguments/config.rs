//! Arguments of `config`, and where the options of every command were stated.

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, Subcommand};

use super::Tollbook;

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

/// Where the value of an option of every command is stated. `option` is its name in the code, such as `read_database`.
pub(crate) fn source_of(option: &str) -> Source {
    // These arguments have been read once, so that they are valid.
    let matches = Tollbook::command().try_get_matches_from(std::env::args_os()).unwrap_or_default();
    source_in(&matches, option)
}

fn source_in(mut matches: &ArgMatches, option: &str) -> Source {
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

#[cfg(test)]
mod tests {
    use tollbook_ops::config::reference::{OPTIONS, VARIABLES};

    use super::*;

    #[test]
    fn options_are_found_before_and_after_the_command() {
        for line in ["tollbook --data x config show", "tollbook config show --data x"] {
            let matches = Tollbook::command().try_get_matches_from(line.split(' ')).unwrap();
            assert!(source_in(&matches, "data") == Source::Option, "{line}");
            assert!(source_in(&matches, "config") == Source::Default, "{line}");
        }
    }

    /// The options with their variables, of a command and all commands below it.
    fn stated(command: &clap::Command, found: &mut Vec<(String, Option<String>, bool)>) {
        for argument in command.get_arguments() {
            let variable = argument.get_env().map(|name| name.to_string_lossy().into_owned());
            if let Some(name) = argument.get_long() {
                found.push((name.to_owned(), variable, argument.is_global_set()));
            }
        }
        command.get_subcommands().for_each(|command| stated(command, found));
    }

    #[test]
    fn every_option_of_all_commands_and_every_variable_is_documented() {
        let mut found = Vec::new();
        stated(&Tollbook::command(), &mut found);
        assert!(found.iter().any(|(_, variable, _)| variable.as_deref() == Some("TOLLBOOK_SERVER")));
        for (name, variable, is_global) in found {
            if let Some(variable) = &variable {
                assert!(VARIABLES.iter().any(|documented| documented.name == variable), "{variable}");
            }
            if is_global {
                let flag = format!("--{name}");
                let option = OPTIONS.iter().find(|option| option.option.split(' ').next() == Some(&flag));
                let option = option.unwrap_or_else(|| panic!("{flag} is not documented"));
                assert_eq!(option.variable, variable.unwrap_or_default(), "{flag}");
            }
        }
    }
}
