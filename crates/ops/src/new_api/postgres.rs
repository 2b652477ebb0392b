//! The log in PostgreSQL.

use postgres::{Client, Config};
use tollbook_store::postgres_connector;

use super::source::{Behind, LogRow, LogSource, SourceError, SourceResult};

pub(super) struct PostgresLog(Client);

fn failed(error: postgres::Error) -> SourceError {
    let reason = error.as_db_error().map(|reason| reason.message().to_owned());
    SourceError(reason.unwrap_or_else(|| error.to_string()))
}

impl PostgresLog {
    pub(super) fn open(url: &str) -> SourceResult<Self> {
        let (config, tls) = postgres_connector(url).map_err(|error| SourceError(error.to_string()))?;
        let client = Config::from(config).connect(tls).map_err(failed)?;
        Ok(Self(client))
    }
}

impl LogSource for PostgresLog {
    fn rows(&mut self, behind: Behind, limit: i64) -> SourceResult<Vec<LogRow>> {
        let sql = "SELECT id::bigint, created_at::bigint, row_to_json(logs)::text FROM logs \
                   WHERE id > $1 AND created_at >= $2 ORDER BY id LIMIT $3";
        let rows = self.0.query(sql, &[&behind.id, &behind.created_s, &limit]).map_err(failed)?;
        let read = |row: postgres::Row| {
            Ok(LogRow { id: row.try_get(0)?, created_s: row.try_get(1)?, json: row.try_get(2)? })
        };
        rows.into_iter().map(read).collect::<Result<_, _>>().map_err(failed)
    }

    fn last_id(&mut self) -> SourceResult<i64> {
        let sql = "SELECT coalesce(max(id), 0)::bigint FROM logs";
        self.0.query_one(sql, &[]).and_then(|row| row.try_get(0)).map_err(failed)
    }
}
