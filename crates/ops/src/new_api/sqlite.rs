//! The log in an SQLite file, which is opened for reading only.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value};

use super::source::{Behind, LogRow, LogSource, SourceError, SourceResult};

/// How long a read waits for a writer that has locked the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct SqliteLog(Connection);

fn failed(error: rusqlite::Error) -> SourceError {
    SourceError(error.to_string())
}

impl SqliteLog {
    pub(super) fn open(path: &Path) -> SourceResult<Self> {
        if !path.is_file() {
            return Err(SourceError(format!("{} is not a file", path.display())));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        Ok(Self(connection))
    }
}

impl LogSource for SqliteLog {
    fn rows(&mut self, behind: Behind, limit: i64) -> SourceResult<Vec<LogRow>> {
        let sql =
            "SELECT id, created_at, * FROM logs WHERE id > ?1 AND created_at >= ?2 ORDER BY id LIMIT ?3";
        let mut statement = self.0.prepare_cached(sql).map_err(failed)?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut found = statement.query((behind.id, behind.created_s, limit)).map_err(failed)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(failed)? {
            let mut object = Map::new();
            for (place, name) in names.iter().enumerate().skip(2) {
                let value = match row.get_ref(place).map_err(failed)? {
                    ValueRef::Null => continue,
                    ValueRef::Integer(number) => number.into(),
                    // A float has no exact text; counts are integers.
                    ValueRef::Real(number) => number.to_string().into(),
                    ValueRef::Text(text) | ValueRef::Blob(text) => {
                        Value::String(String::from_utf8_lossy(text).into_owned())
                    }
                };
                object.insert(name.clone(), value);
            }
            rows.push(LogRow {
                id: row.get(0).map_err(failed)?,
                created_s: row.get(1).map_err(failed)?,
                json: Value::Object(object).to_string(),
            });
        }
        Ok(rows)
    }

    fn last_id(&mut self) -> SourceResult<i64> {
        let sql = "SELECT coalesce(max(id), 0) FROM logs";
        self.0.query_row(sql, (), |row| row.get(0)).map_err(failed)
    }
}
