//! Tests of the command line itself.

use tollbook_ops::config::reference::{OPTIONS, VARIABLES};

use super::*;

#[test]
fn the_definition_is_consistent() {
    command().debug_assert();
}

#[test]
fn a_running_command_is_named_without_its_values() {
    let name = |line: &str| name_of(line.split(' ').map(str::to_owned));
    let import = "--database postgres://tollbook:secret@db/tollbook orders --json import orders.csv";
    assert_eq!(name(import), "tollbook orders import");
    assert_eq!(name("serve --listen 127.0.0.1:0"), "tollbook serve");
    assert_eq!(name("hours show"), "tollbook utc-offset show");
}

#[test]
fn every_filter_of_the_api_has_an_option() {
    let command = command();
    let paid = command.find_subcommand("orders").unwrap().find_subcommand("paid").unwrap();
    let action = tollbook_api::actions::Action::find("ListPaidOrders").unwrap();
    for parameter in action.parameters {
        let mut flag = String::new();
        for letter in parameter.name.chars() {
            if letter.is_uppercase() && !flag.is_empty() {
                flag.push('-');
            }
            flag.extend(letter.to_lowercase());
        }
        let known = paid.get_arguments().any(|argument| argument.get_long() == Some(flag.as_str()));
        assert!(known, "--{flag}");
    }
}

#[test]
fn options_are_found_before_and_after_the_command() {
    for line in ["tollbook --data x config show", "tollbook config show --data x"] {
        let matches = command().try_get_matches_from(line.split(' ')).unwrap();
        assert!(source_in(&matches, "data") == Source::Option, "{line}");
        assert!(source_in(&matches, "config") == Source::Default, "{line}");
    }
}

/// Texts in capitals of a source, up to its tests: names of variables, methods of HTTP.
fn capitals(source: &str) -> impl Iterator<Item = &str> {
    let own = source.split("#[cfg(test)]").next().unwrap_or_default();
    let is_name = |text: &str| {
        let is_capital = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        text.len() > 3 && text.starts_with(|c: char| c.is_ascii_uppercase()) && text.chars().all(is_capital)
    };
    own.split('"').filter(move |text| is_name(text))
}

/// The sources below a folder, without those of tests and of the reference itself.
fn sources(folder: &std::path::Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_other =
            path.ends_with("config/reference") || path.file_stem().is_some_and(|name| name == "tests");
        match path.extension() {
            _ if is_other => {}
            _ if path.is_dir() => sources(&path, found),
            Some(kind) if kind == "rs" => found.push(std::fs::read_to_string(&path).unwrap()),
            _ => {}
        }
    }
}

#[test]
fn every_variable_that_the_code_reads_is_documented_and_every_documented_one_read() {
    let mut found = Vec::new();
    for name in ["api", "cli", "domain", "export", "formats", "objects", "ops", "store", "workbook"] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src");
        sources(&folder, &mut found);
    }
    let is_own = |name: &str| name.starts_with("TOLLBOOK_");
    let mut read = std::collections::BTreeSet::new();
    for source in &found {
        let reads_others = ["env::var(", "env::var_os("].iter().any(|call| source.contains(call));
        let names = capitals(source).filter(|name| is_own(name) || reads_others);
        read.extend(names.filter(|name| !["POST", "HEAD"].contains(name)));
    }
    // The beginning of all, variables of tests, and the text of a signature.
    let others = ["TOLLBOOK_", "TOLLBOOK_TEST_", "TOLLBOOK_SHARED", "TOLLBOOK_PYTHON_CACHE"];
    let documented = |name: &&&str| {
        VARIABLES.iter().any(|variable| variable.name == **name || variable.meaning.contains(**name))
    };
    let missing: Vec<&&str> =
        read.iter().filter(|name| !others.contains(name) && !documented(name)).collect();
    assert!(missing.is_empty(), "not documented: {missing:?}");
    for variable in VARIABLES.iter().filter(|variable| is_own(variable.name)) {
        assert!(read.contains(variable.name), "{} is documented and not read", variable.name);
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
    stated(&command(), &mut found);
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

#[test]
fn every_example_is_a_command_line() {
    for (path, examples) in help::EXAMPLES {
        for example in *examples {
            // Texts in quotes are one argument.
            let words = example.split('"').enumerate().flat_map(|(place, part)| match place % 2 {
                0 => part.split_whitespace().collect(),
                _ => vec![part],
            });
            let key = ["--public-key", "key"]
                .iter()
                .filter(|_| example.contains(" orders ") && !example.contains("--company"))
                .copied();
            let key = key.filter(|_| !example.contains(" import ") && !example.contains(" list "));
            let line: Vec<&str> = words.chain(key).collect();
            let parsed = command().try_get_matches_from(&line);
            assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
            assert!(example.contains(path), "{example} is not of {path}");
        }
    }
}

#[test]
fn customers_are_shown_no_options_of_operators() {
    let help = |path: &[&str]| {
        let mut arguments = vec!["tollbook"];
        arguments.extend(path);
        arguments.push("--help");
        command().try_get_matches_from(arguments).unwrap_err().to_string()
    };
    let paid = help(&["orders", "paid"]);
    for hidden in ["--data", "--database", "--read-database", "--config"] {
        assert!(!paid.contains(&format!("{hidden} ")), "{hidden} in {paid}");
    }
    for shown in [
        "Global options:",
        "--json",
        "--time-zone",
        "Filters (repeatable):",
        "TOLLBOOK_PRIVATE_KEY",
        "Examples:",
    ] {
        assert!(paid.contains(shown), "{shown} is not in {paid}");
    }
    let import = help(&["prices", "import"]);
    assert!(import.contains("--database <URL>") && !import.contains("--server"), "{import}");
    // They are taken all the same, before and after the command, as by every command.
    let line = "tollbook --config a.toml orders paid --public-key k --data d";
    let typed =
        Tollbook::from_arg_matches(&command().try_get_matches_from(line.split(' ')).unwrap()).unwrap();
    assert_eq!(typed.global.data, PathBuf::from("d"));
    assert_eq!(typed.global.config, Some(PathBuf::from("a.toml")));
}
