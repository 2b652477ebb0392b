//! Reads exports with calamine. Each cell becomes a text whose prefix is its kind: `s:` a text, `n:` a number, `d:` a
//! date; an empty cell becomes an empty text.

use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tollbook_domain::time::{DAY_S, civil_of_day};

use super::client::Answer;
use super::model::columns;
use super::server::{Key, Server};

/// Significant digits of a number in Excel.
const NUMBER_DIGITS: usize = 15;

/// The sheets of a workbook: name and rows of cells. The first row is the header.
pub(crate) type Sheets = Vec<(String, Vec<Vec<String>>)>;

/// The offset from UTC at a Unix time, in seconds.
pub(crate) type Offset = fn(i64) -> i64;

/// Reads a workbook. Panics if a cell is a formula.
pub(crate) fn read(file: &[u8]) -> Sheets {
    let mut reader: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(file)).unwrap();
    let names = reader.sheet_names();
    names
        .into_iter()
        .map(|name| {
            assert!(reader.worksheet_formula(&name).unwrap().is_empty(), "a cell is a formula");
            let range = reader.worksheet_range(&name).unwrap();
            (name, range.rows().map(|row| row.iter().map(shown).collect()).collect())
        })
        .collect()
}

fn shown(cell: &Data) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::String(text) => format!("s:{text}"),
        Data::Float(number) => format!("n:{number}"),
        Data::DateTime(moment) => {
            let (year, month, day, hours, minutes, seconds, _) = moment.to_ymd_hms_milli();
            format!("d:{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02}")
        }
        other => panic!("unexpected cell: {other:?}"),
    }
}

/// The expected row for an object of the API.
pub(crate) fn row(object: &Value, columns_text: &str, offset: Offset) -> Vec<String> {
    columns(columns_text)
        .into_iter()
        .map(|(name, kind)| {
            let value = &object[name];
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            match kind {
                's' if text.is_empty() => String::new(),
                's' => format!("s:{text}"),
                'i' | 'm' => number(&text),
                't' | 'x' if text == "0" || text.is_empty() => String::new(),
                't' | 'x' => date(text.parse().unwrap(), offset),
                kind => panic!("unknown kind of column: {kind}"),
            }
        })
        .collect()
}

/// The cell of a decimal: a number, or a text if it has more digits than Excel stores.
pub(crate) fn number(text: &str) -> String {
    let decimals = text.split_once('.').map_or("", |(_, decimals)| decimals).trim_end_matches('0');
    let whole = text.split('.').next().unwrap().trim_start_matches('0');
    let digits = match whole {
        "" => decimals.trim_start_matches('0').len(),
        whole => whole.len() + decimals.len(),
    };
    if digits > NUMBER_DIGITS { format!("s:{text}") } else { format!("n:{}", text.parse::<f64>().unwrap()) }
}

fn date(unix_s: i64, offset: Offset) -> String {
    let local_s = unix_s + offset(unix_s);
    let (year, month, day) = civil_of_day(local_s.div_euclid(DAY_S));
    let second = local_s.rem_euclid(DAY_S);
    let (hours, minutes, seconds) = (second / 3_600, second / 60 % 60, second % 60);
    format!("d:{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02}")
}

impl Server {
    /// Requests an export with a link to this server, and reads it. Checks its size and name against the answer.
    pub(crate) fn export(&self, key: &Key, text: &str) -> Sheets {
        self.exported(&self.ask(key, text))
    }

    /// Reads the export of an answer.
    pub(crate) fn exported(&self, answer: &Answer) -> Sheets {
        let url = answer.data("DownloadURL").as_str().unwrap();
        let reply = self.follow("GET", url).send(self.address);
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        assert_eq!(answer.data("FileSize").to_string(), reply.body.len().to_string());
        assert_eq!(answer.data("Sha256").as_str().unwrap(), hex::encode(Sha256::digest(&reply.body)));
        let name = answer.data("FileName").as_str().unwrap();
        let disposition = format!("attachment; filename=\"{name}\"");
        assert_eq!(reply.header("content-disposition"), Some(disposition.as_str()));
        read(&reply.body)
    }
}
