//! The log in `MySQL` or `MariaDB`.

use mysql::consts::ColumnType;
use mysql::prelude::Queryable as _;
use mysql::{Conn, Opts, Row, Value as Cell};
use serde_json::{Map, Value};

use super::source::{Behind, LogRow, LogSource, SourceError, SourceResult};

pub(super) struct MySqlLog(Conn);

fn failed(error: mysql::Error) -> SourceError {
    SourceError(match error {
        mysql::Error::MySqlError(error) => error.message,
        error => error.to_string(),
    })
}

impl MySqlLog {
    pub(super) fn open(url: &str) -> SourceResult<Self> {
        let opts = Opts::from_url(url).map_err(|error| SourceError(format!("its URL: {error}")))?;
        Conn::new(opts).map(Self).map_err(failed)
    }
}

fn json(row: &Row) -> String {
    let mut object = Map::new();
    for (place, column) in row.columns_ref().iter().enumerate().skip(2) {
        let is_binary = matches!(column.column_type(), ColumnType::MYSQL_TYPE_BIT);
        let value = match row.as_ref(place) {
            // No column that is read is a date.
            None | Some(Cell::NULL | Cell::Date(..) | Cell::Time(..)) => continue,
            Some(Cell::Bytes(_)) if is_binary => continue,
            Some(Cell::Bytes(text)) => Value::String(String::from_utf8_lossy(text).into_owned()),
            Some(Cell::Int(number)) => (*number).into(),
            Some(Cell::UInt(number)) => (*number).into(),
            Some(Cell::Float(number)) => number.to_string().into(),
            Some(Cell::Double(number)) => number.to_string().into(),
        };
        object.insert(column.name_str().into_owned(), value);
    }
    Value::Object(object).to_string()
}

impl LogSource for MySqlLog {
    fn rows(&mut self, behind: Behind, limit: i64) -> SourceResult<Vec<LogRow>> {
        // A prepared statement returns typed values.
        let sql =
            "SELECT id, created_at, logs.* FROM logs WHERE id > ? AND created_at >= ? ORDER BY id LIMIT ?";
        let rows: Vec<Row> = self.0.exec(sql, (behind.id, behind.created_s, limit)).map_err(failed)?;
        let number = |row: &Row, place: usize, name: &str| {
            let number = row.get_opt::<i64, _>(place).and_then(Result::ok);
            number.ok_or_else(|| SourceError(format!("its column {name} is not an integer")))
        };
        let read = |row: &Row| {
            let (id, created_s) = (number(row, 0, "id")?, number(row, 1, "created_at")?);
            Ok(LogRow { id, created_s, json: json(row) })
        };
        rows.iter().map(read).collect()
    }

    fn last_id(&mut self) -> SourceResult<i64> {
        let last = self.0.query_first("SELECT coalesce(max(id), 0) FROM logs").map_err(failed)?;
        Ok(last.unwrap_or(0))
    }
}
