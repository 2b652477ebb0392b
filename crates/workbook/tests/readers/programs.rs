//! Starts the readers: scripts in Python and for Node, calamine, LibreOffice and Gnumeric.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use calamine::{Data, Reader as _, Xlsx};
use serde_json::Value;

/// A reader.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Program {
    /// Of tests/python/readers.py.
    Python(&'static str),
    /// Of tests/node/readers.js.
    Node(&'static str),
    Calamine,
    LibreOffice,
    Gnumeric,
}

/// The sheets of a file, by name.
pub(crate) type Sheets = BTreeMap<String, Vec<Vec<String>>>;

/// What a reader found.
pub(crate) enum Found {
    Sheets(Sheets),
    /// A part of the reader cannot be had here. Only `DuckDB` has such a part.
    Missing,
}

impl Program {
    pub(crate) fn read(self, file: &Path) -> Found {
        let json = match self {
            Self::Calamine => return Found::Sheets(with_calamine(file)),
            Self::LibreOffice => return Found::Sheets(with_libreoffice(file)),
            Self::Gnumeric => return Found::Sheets(with_gnumeric(file)),
            Self::Python(_) | Self::Node(_) => self.script(file, &[]),
        };
        if let Some(reason) = json["Missing"].as_str() {
            assert_eq!(format!("{self:?}"), "Python(\"duckdb\")", "{reason}");
            return Found::Missing;
        }
        Found::Sheets(serde_json::from_value(json["Sheets"].clone()).unwrap())
    }

    /// Rows, cells that are not empty, and the sum of the first column, of a file with one sheet.
    pub(crate) fn count(self, file: &Path) -> [u64; 3] {
        if let Self::Python(_) | Self::Node(_) = self {
            let found = self.script(file, &["--count"])["Sheets"]["Big"].clone();
            return serde_json::from_value(found).unwrap();
        }
        let Found::Sheets(sheets) = self.read(file) else { panic!("{self:?} is missing") };
        let rows = &sheets["Big"];
        let cells = rows.iter().map(|row| row.iter().filter(|cell| !cell.is_empty()).count()).sum::<usize>();
        let first = |row: &Vec<String>| row.first().and_then(|cell| cell.get(2..)?.parse::<u64>().ok());
        [rows.len() as u64, cells as u64, rows.iter().filter_map(first).sum()]
    }

    fn script(self, file: &Path, options: &[&str]) -> Value {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let (mut command, reader) = match self {
            Self::Python(reader) => {
                let mut command = Command::new(variable("TOLLBOOK_TEST_READERS_PYTHON"));
                command.arg(root.join("tests/python/readers.py")).env("PYTHONDONTWRITEBYTECODE", "1");
                (command, reader)
            }
            Self::Node(reader) => {
                let mut command = Command::new("node");
                command.arg(root.join("tests/node/readers.js"));
                command.env("NODE_PATH", variable("TOLLBOOK_TEST_NODE_MODULES"));
                (command, reader)
            }
            _ => panic!("{self:?} is not a script"),
        };
        let output = run(command.arg(reader).arg(file).args(options));
        serde_json::from_slice(&output).unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "the test runner passes the readers in the environment")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run the tests with `cargo xtask test --suite readers`")
    })
}

/// Runs a program and returns its standard output.
fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {errors}", output.status);
    output.stdout
}

fn with_calamine(file: &Path) -> Sheets {
    let mut book: Xlsx<_> = calamine::open_workbook(file).unwrap();
    let names = book.sheet_names();
    let shown = |cell: &Data| match cell {
        Data::Empty => String::new(),
        Data::String(text) => format!("s:{text}"),
        Data::Float(number) => format!("n:{number}"),
        Data::DateTime(moment) => {
            let (year, month, day, hours, minutes, seconds, _) = moment.to_ymd_hms_milli();
            format!("d:{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02}")
        }
        other => panic!("{other:?}"),
    };
    let sheet = |name: String| {
        let range = book.worksheet_range(&name).unwrap();
        (name, range.rows().map(|row| row.iter().map(shown).collect()).collect())
    };
    names.into_iter().map(sheet).collect()
}

/// The cells of CSV files, one for each sheet, as texts; dates and numbers as the program shows them.
fn csv_files(folder: &Path, name_of: impl Fn(&str) -> Option<String>) -> Sheets {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sheet = |path: std::path::PathBuf| {
        let name = name_of(path.file_name()?.to_str()?)?;
        let text = std::fs::read_to_string(&path).unwrap();
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let shown = |cell: &str| if cell.is_empty() { String::new() } else { format!("s:{cell}") };
        let rows = reader.records().map(|row| row.unwrap().iter().map(shown).collect()).collect();
        Some((name, rows))
    };
    files.filter_map(sheet).collect()
}

fn with_libreoffice(file: &Path) -> Sheets {
    let folder = tempfile::tempdir().unwrap();
    let profile = format!("-env:UserInstallation=file://{}/profile", folder.path().display());
    let out = folder.path().join("csv");
    // Commas, UTF-8, cells as they are stored and not as they are formatted; a file for each sheet.
    let filter = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1";
    let mut command = Command::new("soffice");
    command.args([&profile, "--headless", "--convert-to", filter, "--outdir"]).arg(&out).arg(file);
    run(&mut command);
    let start = format!("{}-", file.file_stem().unwrap().to_str().unwrap());
    csv_files(&out, |name| Some(name.strip_prefix(&start)?.strip_suffix(".csv")?.to_owned()))
}

fn with_gnumeric(file: &Path) -> Sheets {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("ssconvert");
    let options = "separator=, format=raw quoting-mode=auto";
    command.args(["--export-type=Gnumeric_stf:stf_assistant", "-O", options, "-S"]).arg(file);
    run(command.arg(folder.path().join("%s.csv")));
    csv_files(folder.path(), |name| Some(name.strip_suffix(".csv")?.to_owned()))
}
