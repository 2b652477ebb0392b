//! Checks the rule that lets PostgreSQL distribute tables over machines: a statement names one company for each table
//! that is distributed by company. Debug builds check each statement when it is prepared; a test checks all statements
//! in the source, including those that no other test runs.

use crate::sql::driver::schema::TABLES;
use crate::sql::driver::table::Scope;

/// Why a statement cannot run on the one machine that stores its company; `None` if it can.
pub(crate) fn violation(sql: &str) -> Option<String> {
    let words: Vec<&str> = sql
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '.')))
        .filter(|word| !word.is_empty())
        .collect();
    let is_companies = |word: &str| {
        TABLES.iter().any(|table| table.scope == Scope::Company && table.name.eq_ignore_ascii_case(word))
    };
    let (mut tables, mut joined) = (0, 0);
    for pair in words.windows(2) {
        if !is_companies(pair[1]) {
            continue;
        }
        match pair[0].to_ascii_uppercase().as_str() {
            // The first column of inserted rows must be the company.
            "INTO" | "COPY" if !sql.contains(&format!("{} (company_id", pair[1])) => {
                return Some(format!(
                    "rows of {} are inserted without company_id as their first column",
                    pair[1]
                ));
            }
            "FROM" | "JOIN" | "UPDATE" | "TRUNCATE" | "TABLE" => tables += 1,
            _ => {}
        }
    }
    for condition in sql.split("USING (").skip(1) {
        joined += usize::from(condition.starts_with("company_id"));
    }
    let named = sql.matches("company_id = $").count();
    // A statement that ends with `WHERE 1 = 0` selects no rows; it checks that a table exists.
    if tables > named + joined && !sql.ends_with("WHERE 1 = 0") {
        return Some(format!("{tables} company tables, of which {named} have a condition on company_id"));
    }
    if sql.contains("ON CONFLICT (")
        && words.windows(2).any(|pair| pair[0] == "INTO" && is_companies(pair[1]))
    {
        // A single machine must be able to enforce the unique key, and a row must not move to another machine.
        if !sql.contains("ON CONFLICT (company_id") {
            return Some("the key of an upsert does not begin with company_id".into());
        }
        if sql.split("DO UPDATE SET").nth(1).is_some_and(|change| change.contains("company_id =")) {
            return Some("an upsert changes company_id".into());
        }
    }
    if sql.contains("FOR UPDATE") && tables != 1 {
        return Some("rows are locked in several tables, or in a table that is on every machine".into());
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn the_rule_sees_what_breaks_it() {
        for (sql, breaks) in [
            ("SELECT orders FROM rollup WHERE company_id = $1 AND unit = $2", false),
            ("SELECT orders FROM rollup WHERE unit = $1", true),
            ("SELECT 1 FROM orders o WHERE o.company_id = $1 AND NOT EXISTS (SELECT 1 FROM line)", true),
            (
                "SELECT counts FROM tile_count JOIN tile_sum USING (company_id, chunk) WHERE company_id = $1",
                false,
            ),
            ("SELECT counts FROM tile_count JOIN tile_sum USING (chunk) WHERE company_id = $1", true),
            (
                "SELECT a FROM orders WHERE company_id = $1 UNION ALL SELECT a FROM orders WHERE status = $2",
                true,
            ),
            ("INSERT INTO line (company_id, line_no) VALUES ($1, $2)", false),
            ("INSERT INTO line (line_no, company_id) VALUES ($1, $2)", true),
            ("INSERT INTO rollup (company_id, unit) VALUES ($1, $2) ON CONFLICT (unit) DO NOTHING", true),
            ("COPY orders (company_id, status) FROM STDIN (FORMAT binary)", false),
            ("UPDATE company_state SET tiled = 1", true),
            ("DELETE FROM orders WHERE order_no = $1", true),
            ("SELECT name FROM company ORDER BY company_id", false),
            ("SELECT value FROM setting WHERE name = $1", false),
            ("SELECT value FROM setting WHERE name = $1 FOR UPDATE", true),
            ("SELECT tiled FROM company_state WHERE company_id = $1 FOR UPDATE", false),
        ] {
            assert_eq!(violation(sql).is_some(), breaks, "{sql}: {:?}", violation(sql));
        }
    }

    /// Returns the string literals of a source that are statements, or parts of statements that name a table.
    fn statements(source: &str) -> Vec<String> {
        let production = source.split("#[cfg(test)]").next().unwrap_or(source);
        let mut found = Vec::new();
        let mut rest = production;
        while let Some(start) = rest.find('"') {
            let mut literal = String::new();
            let mut end = rest.len();
            let mut characters = rest[start + 1..].char_indices();
            while let Some((at, character)) = characters.next() {
                match character {
                    '"' => {
                        end = start + 1 + at + 1;
                        break;
                    }
                    // A continued line: the line break is not part of the text.
                    '\\' => match characters.next() {
                        Some((_, '\n')) | None => {}
                        Some((_, other)) => literal.push(other),
                    },
                    other => literal.push(other),
                }
            }
            let text = literal.split_whitespace().collect::<Vec<_>>().join(" ");
            if ["FROM ", "INSERT INTO ", "UPDATE ", "JOIN ", "COPY "].iter().any(|word| text.contains(word)) {
                found.push(text);
            }
            rest = &rest[end..];
        }
        found
    }

    /// Parts of statements that need not name a company: statements over tables of the deployment, the schema version
    /// and PostgreSQL's catalogue. `SELECT {} …` reads whole tables of the deployment. The last two insert rows in the
    /// order of a table's columns, the first of which is the company.
    const EXCEPTIONS: [&str; 36] = [
        "sqlite_schema",
        "FROM company ",
        "INTO company ",
        "FROM company\"",
        "api_key",
        "FROM setting",
        "INTO setting",
        "schema_version",
        "FROM price ",
        "UPDATE price SET",
        "price_list",
        "FROM discount ",
        "FROM due_hour ",
        "UPDATE due_hour ",
        "INTO lease ",
        "UPDATE lease ",
        "FROM lease ",
        "operator_key",
        "FROM usage_owner WHERE",
        "deployment_setting",
        "deployment_state",
        "table_digest",
        "pg_locks",
        "pg_stat_",
        "pg_index",
        // Counts and checks of the storage of whole tables.
        "SELECT count(*) FROM {name}\"",
        "verify_heapam",
        "FROM pg_proc",
        "pg_extension",
        "pg_dist_partition",
        "SELECT {} FROM {} ORDER BY {}",
        // These enclose statements that name the company.
        "SELECT * FROM ({range})",
        "WITH wanted (number)",
        "FROM {} WHERE 1 = 0",
        "INSERT INTO {name} ({columns})",
        "COPY {} ({})",
    ];

    /// Adds the files of a folder and of the folders in it.
    fn add_files(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { add_files(&path, files) } else { files.push(path) }
        }
    }

    #[test]
    fn every_statement_of_the_source_names_its_company() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        for folder in ["sql", "sqlite", "postgres"] {
            add_files(&root.join(folder), &mut files);
        }
        let mut checked = 0;
        for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "rs")) {
            // Statements of tests: those that break the rule, and rows of former schemas.
            if file.ends_with("tenancy.rs") || file.ends_with("upgrade_tests.rs") {
                continue;
            }
            for statement in statements(&std::fs::read_to_string(file).unwrap()) {
                checked += 1;
                let excepted = EXCEPTIONS.iter().any(|part| format!("{statement}\"").contains(part));
                let named = statement.contains("company_id");
                assert!(named || excepted, "{}: {statement}", file.display());
                assert_eq!(violation(&statement), None, "{}: {statement}", file.display());
            }
        }
        assert!(checked >= 169, "only {checked} statements were found");
    }

    /// Returns a script without its comments.
    fn code(script: &str) -> String {
        let lines = script.lines().map(|line| line.split("--").next().unwrap_or_default());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Maps the old name of each table that migrations rename to its new name.
    fn renames(code: &str) -> HashMap<String, String> {
        let mut renames = HashMap::new();
        for statement in code.split(';') {
            let words: Vec<&str> = statement.split_whitespace().collect();
            if let ["ALTER", "TABLE", old, "RENAME", "TO", new] = words[..] {
                renames.insert(old.to_owned(), new.to_owned());
            }
        }
        renames
    }

    /// Checks what Citus requires of a schema: unique keys of distributed tables contain the distribution column, and
    /// there are no sequences, foreign keys between tables that are not colocated, triggers or rules.
    #[test]
    fn the_schema_can_be_distributed() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sql/driver/migrations");
        let mut files = Vec::new();
        add_files(&root, &mut files);
        files.sort();
        let scripts: Vec<String> =
            files.iter().map(|file| code(&std::fs::read_to_string(file).unwrap())).collect();
        let renames = renames(&scripts.concat());
        let mut tables = HashSet::new();
        for code in scripts {
            let upper = code.to_ascii_uppercase();
            // The column names sequence_no and amount_rule are allowed; sequences and rules are not.
            let upper = upper.replace("SEQUENCE_NO", "").replace("AMOUNT_RULE", "");
            for forbidden in ["SERIAL", "IDENTITY", "SEQUENCE", "REFERENCES", "TRIGGER", "RULE", "EXCLUDE"] {
                assert!(!upper.contains(forbidden), "{forbidden}");
            }
            for table in code.split("CREATE TABLE ").skip(1) {
                let name = table.split_whitespace().next().unwrap();
                let name = renames.get(name).map_or(name, String::as_str);
                let Some(known) = TABLES.iter().find(|known| known.name == name) else {
                    panic!("{name} is not in TABLES")
                };
                // A later migration may build a table anew.
                tables.insert(known.name);
                if known.scope == Scope::Deployment {
                    continue;
                }
                assert_eq!(known.columns[0].0, "company_id", "{name}");
                let statement = table.split(';').next().unwrap();
                for key in ["PRIMARY KEY (", "UNIQUE ("] {
                    for columns in statement.split(key).skip(1) {
                        assert!(columns.starts_with("company_id"), "{name}: {key}{columns}");
                    }
                }
                assert!(
                    statement.contains("PRIMARY KEY (")
                        || statement.contains("company_id BIGINT NOT NULL PRIMARY"),
                    "{name} has a primary key"
                );
            }
        }
        assert_eq!(tables.len(), TABLES.len());
    }
}
