//! `config show`: every setting in force, and where it is stated.

use serde_json::{Value, json};
use tollbook_ops::config::reference::{OPTIONS, VARIABLES, values};

use super::environment::Environment;
use crate::arguments::{Global, Source, source_of};
use crate::deployment;
use crate::output::{Failure, Output, note, printable, table};

/// What stands for a secret that is set.
const MASKED: &str = "(set)";

struct Row {
    key: String,
    value: Value,
    source: String,
}

pub(super) fn run(global: &Global, output: &Output) -> Result<(), Failure> {
    let rows = rows(global)?;
    if deployment::config_file(global).is_none() {
        note(
            "without a configuration file, commands take the settings that decide about money from the database: see \
             `tollbook deployment show`",
        );
    }
    let listed: Vec<Value> =
        rows.iter().map(|row| json!({"Key": row.key, "Value": row.value, "Source": row.source})).collect();
    output.result(&json!({"Settings": listed}), || {
        let rows = rows.iter().map(|row| {
            let value = match &row.value {
                Value::Null => "none".to_owned(),
                Value::String(text) => text.clone(),
                value => value.to_string(),
            };
            vec![printable(&row.key), printable(&value), printable(&row.source)]
        });
        table(&["Setting", "Value", "Source"], rows)
    });
    Ok(())
}

fn rows(global: &Global) -> Result<Vec<Row>, Failure> {
    let environment = Environment::read();
    let config = deployment::config(global)?;
    let file = deployment::config_file(global);
    let in_file = |key: &str| config.stated.get(key).map_or_else(|| "default".to_owned(), Clone::clone);
    let mut rows = Vec::new();
    let mut push =
        |key: &str, value: Value, source: String| rows.push(Row { key: key.to_owned(), value, source });
    push("data", global.data.display().to_string().into(), stated("data", "default"));
    let config_value = file.as_ref().map(|file| file.display().to_string());
    push("config", config_value.into(), stated("config", "default"));
    let url = deployment::database_url(global, &config);
    let database = stated("database", &in_file("database.url"));
    push("database", shown_database(&url).into(), database);
    let replica = global.read_database.as_deref().map(shown_database);
    push("read-database", replica.into(), stated("read_database", "default"));
    for value in values(&config) {
        let source = in_file(&value.key);
        push(&value.key, value.value, source);
    }
    let of_options = |name: &str| OPTIONS.iter().any(|option| option.variable == name);
    let own = VARIABLES.iter().filter(|variable| variable.name.starts_with("TOLLBOOK_"));
    for variable in own.filter(|variable| !of_options(variable.name)) {
        let value = environment.value(variable.name);
        let source = if value.is_some() { "environment" } else { "default" };
        let value = value.map(|value| if variable.is_secret { MASKED } else { value });
        push(variable.name, value.into(), source.to_owned());
    }
    if !environment.is_set("TOLLBOOK_MASTER_KEY") {
        let file = global.data.join("master.key");
        let value = if file.exists() { Value::from(MASKED) } else { Value::Null };
        push("master.key", value, file.display().to_string());
    }
    Ok(rows)
}

/// Where an option of every command is stated; `otherwise` if by neither option nor variable.
fn stated(option: &str, otherwise: &str) -> String {
    let flag = format!("--{}", option.replace('_', "-"));
    match source_of(option) {
        Source::Option => flag,
        Source::Variable => OPTIONS
            .iter()
            .find(|documented| documented.option.split(' ').next() == Some(&flag))
            .map_or_else(|| "environment".to_owned(), |documented| documented.variable.to_owned()),
        Source::Default => otherwise.to_owned(),
    }
}

/// A database without user and password.
fn shown_database(url: &str) -> String {
    match deployment::name_of(url) {
        Ok(name) if !name.is_empty() => name,
        _ => MASKED.to_owned(),
    }
}
