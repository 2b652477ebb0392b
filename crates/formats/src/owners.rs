//! Files of owner rules (docs/GATEWAYS.md, "Who a record belongs to"): TOML or CSV with the same names.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde::Deserialize;
use tollbook_domain::{Owner, OwnerRule};
use toml::Spanned;

use crate::text::CsvReader;
use crate::text::StreamError;
use crate::toml::{FileError, Source, read_file};

/// A rule, and the line of the file that states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocatedOwnerRule {
    /// From 1.
    pub line: usize,
    /// The rule, which [`OwnerRule::check`] accepts.
    pub rule: OwnerRule,
}

const COLUMNS: [&str; 7] =
    ["source", "kind", "key", "company_id", "organization_id", "resource_id", "resource_name"];
/// The columns that may be absent.
const OPTIONAL: [&str; 2] = ["resource_id", "resource_name"];

/// Reads a file of rules, whose name ends in `.toml` or `.csv`.
///
/// # Errors
/// The first error, with file, line and field.
pub fn load(file: &Path) -> Result<Vec<LocatedOwnerRule>, FileError> {
    let end = file.extension().and_then(|end| end.to_str()).unwrap_or_default().to_ascii_lowercase();
    match end.as_str() {
        "toml" => parse_toml(file, &read_file(file)?),
        "csv" => parse_csv(file),
        _ => Err(error(file, None, "", "the name must end in .toml or .csv")),
    }
}

fn error(file: &Path, line: Option<usize>, key: &str, reason: impl Into<String>) -> FileError {
    FileError { file: file.to_owned(), line, key: key.to_owned(), reason: reason.into() }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    map: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    source: String,
    kind: String,
    #[serde(default)]
    key: String,
    company_id: i64,
    organization_id: i64,
    #[serde(default)]
    resource_id: String,
    #[serde(default)]
    resource_name: String,
}

fn parse_toml(file: &Path, text: &str) -> Result<Vec<LocatedOwnerRule>, FileError> {
    let source = Source { file, text };
    let document: Document = ::toml::from_str(text).map_err(|error| source.parse_error(error))?;
    if document.map.is_empty() {
        return Err(source.error(None, "map", "must state at least one rule, each as a [[map]]"));
    }
    let mut rules = Vec::with_capacity(document.map.len());
    for entry in document.map {
        let at = source.error(Some(entry.span()), "map", "");
        let entry = entry.into_inner();
        let owner = Owner {
            company_id: entry.company_id,
            organization_id: entry.organization_id,
            resource_id: entry.resource_id,
            resource_name: entry.resource_name,
        };
        let rule = OwnerRule { source: entry.source, kind: entry.kind, key: entry.key, owner };
        rule.check().map_err(|refused| FileError {
            key: format!("map.{}", refused.field),
            reason: refused.reason,
            ..at.clone()
        })?;
        rules.push(LocatedOwnerRule { line: at.line.unwrap_or(1), rule });
    }
    Ok(rules)
}

fn parse_csv(file: &Path) -> Result<Vec<LocatedOwnerRule>, FileError> {
    let opened = File::open(file).map_err(|failed| error(file, None, "", failed.to_string()))?;
    let stopped = |stop: StreamError| match stop {
        StreamError::Io(failed) => error(file, None, "", failed.to_string()),
        StreamError::Malformed { line, reason } => error(file, usize::try_from(line).ok(), "", reason),
    };
    let mut reader = CsvReader::new(BufReader::new(opened));
    let columns = reader.header(|cells| header(cells)).map_err(stopped)?;
    let mut rules = Vec::new();
    while let Some(line) = reader.advance().map_err(stopped)? {
        let line = usize::try_from(line).unwrap_or(usize::MAX);
        let cells = reader.cells_of(columns.len()).map_err(|reason| error(file, Some(line), "", reason))?;
        let mut rule = OwnerRule::default();
        for (column, cell) in columns.iter().zip(cells) {
            set(&mut rule, column, &cell).map_err(|reason| error(file, Some(line), column, reason))?;
        }
        rule.check().map_err(|refused| error(file, Some(line), refused.field, refused.reason))?;
        rules.push(LocatedOwnerRule { line, rule });
    }
    if rules.is_empty() {
        return Err(error(file, None, "", "must state at least one rule"));
    }
    Ok(rules)
}

fn header(cells: &mut dyn Iterator<Item = std::borrow::Cow<'_, str>>) -> Result<Vec<&'static str>, String> {
    let mut columns = Vec::new();
    for cell in cells {
        let Some(column) = COLUMNS.into_iter().find(|column| *column == cell) else {
            return Err(format!("{cell:?} is not a column; known are {}", COLUMNS.join(", ")));
        };
        if columns.contains(&column) {
            return Err(format!("{column} occurs twice"));
        }
        columns.push(column);
    }
    match COLUMNS.iter().find(|column| !columns.contains(column) && !OPTIONAL.contains(column)) {
        Some(missing) => Err(format!("the column {missing} is missing")),
        None => Ok(columns),
    }
}

fn set(rule: &mut OwnerRule, column: &str, cell: &str) -> Result<(), String> {
    let number = || cell.parse::<i64>().map_err(|_| "must be a whole number".to_owned());
    match column {
        "source" => cell.clone_into(&mut rule.source),
        "kind" => cell.clone_into(&mut rule.kind),
        "key" => cell.clone_into(&mut rule.key),
        "company_id" => rule.owner.company_id = number()?,
        "organization_id" => rule.owner.organization_id = number()?,
        "resource_id" => cell.clone_into(&mut rule.owner.resource_id),
        _ => cell.clone_into(&mut rule.owner.resource_name),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Vec<LocatedOwnerRule>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        let shown = format!("{}/", folder.path().display());
        load(&file).map_err(|error| error.to_string().replace(&shown, ""))
    }

    #[test]
    fn both_formats_state_the_same_rules() {
        let toml = "[[map]]\nsource = \"litellm\"\nkind = \"team\"\nkey = \"a,b\"\ncompany_id = 1\n\
                    organization_id = 2\nresource_name = \"Team \\\"A\\\"\"\n\n\
                    [[map]]\nsource = \"*\"\nkind = \"default\"\ncompany_id = 1\norganization_id = 1\nresource_id = \"r\"\n";
        let csv = "kind,source,key,organization_id,company_id,resource_name,resource_id\r\n\
                   team,litellm,\"a,b\",2,1,\"Team \"\"A\"\"\",\r\ndefault,*,,1,1,,r\r\n";
        let (toml, csv) = (read("map.toml", toml).unwrap(), read("map.csv", csv).unwrap());
        let rules = |located: &[LocatedOwnerRule]| -> Vec<OwnerRule> {
            located.iter().map(|located| located.rule.clone()).collect()
        };
        assert_eq!(rules(&toml), rules(&csv));
        assert_eq!(toml[0].rule.owner.resource_name, "Team \"A\"");
        assert_eq!((toml[1].rule.key.as_str(), toml[1].rule.owner.resource_id.as_str()), ("", "r"));
        assert_eq!(toml.iter().map(|located| located.line).collect::<Vec<_>>(), [1, 9]);
        assert_eq!(csv.iter().map(|located| located.line).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn an_error_names_file_line_and_field() {
        let entry = "[[map]]\nsource = \"litellm\"\nkind = \"team\"\nkey = \"a\"\ncompany_id = 1\n";
        let head = "source,kind,key,company_id,organization_id\n";
        for (name, text, expected) in [
            ("m.toml", String::new(), "m.toml: map: must state at least one rule"),
            ("m.toml", entry.to_owned(), "m.toml:1: map: missing field `organization_id`"),
            (
                "m.toml",
                format!("{entry}organization_id = 0\n"),
                "m.toml:1: map.organization_id: must be above 0",
            ),
            (
                "m.toml",
                format!("{entry}organisation_id = 1\n"),
                "m.toml:6: map: unknown field `organisation_id`",
            ),
            (
                "m.toml",
                format!("{entry}organization_id = \"1\"\n"),
                "m.toml:6: map.organization_id: invalid type",
            ),
            ("m.csv", String::new(), "m.csv:1: the header is missing"),
            ("m.csv", head.to_owned(), "m.csv: must state at least one rule"),
            (
                "m.csv",
                head.replace("key", "hash"),
                "m.csv:1: the header is not valid: \"hash\" is not a column",
            ),
            ("m.csv", head.replace("key", "kind"), "m.csv:1: the header is not valid: kind occurs twice"),
            (
                "m.csv",
                "source,kind,key,company_id\n".to_owned(),
                "m.csv:1: the header is not valid: the column organization_id is missing",
            ),
            (
                "m.csv",
                format!("{head}litellm,team,a,1,x\n"),
                "m.csv:2: organization_id: must be a whole number",
            ),
            (
                "m.csv",
                format!("{head}litellm,team,a,1,1\nlitelm,team,a,1,1\n"),
                "m.csv:3: source: must be one of",
            ),
            ("m.csv", format!("{head}litellm,team,a,1\n"), "m.csv:2: has 4 cells, the header has 5"),
            ("m.json", String::new(), "m.json: the name must end in .toml or .csv"),
        ] {
            let error = read(name, &text).unwrap_err();
            assert!(error.starts_with(expected), "{text}\nexpected {expected}\ngot {error}");
        }
    }
}
