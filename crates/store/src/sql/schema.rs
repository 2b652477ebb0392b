//! The schema and its migrations, run at open in one transaction each.

use super::connection::{Connection, Database, Flow};
use crate::error::{StoreError, StoreResult};

/// Migrations in order; the version of a schema is how many of them it has had.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_orders.sql")];

/// Brings a database to this program's schema. An up-to-date one is only read.
pub(crate) fn migrate(database: &dyn Database) -> StoreResult<()> {
    let known = i64::try_from(MIGRATIONS.len()).expect("a few migrations");
    if read_version(database.read()?.as_mut()).is_ok_and(|version| version == Some(known)) {
        return Ok(());
    }
    let mut connection = database.write()?;
    let dialect = connection.dialect();
    connection.execute_script(&dialect.render(
        "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY) {clustered}",
    ))?;
    // Read again: another process may have migrated while this one waited for its turn.
    let found = read_version(connection.as_mut())?.unwrap_or(0);
    if found > known {
        return Err(StoreError::SchemaTooNew { found, known });
    }
    for (version, migration) in (1..).zip(MIGRATIONS).skip(usize::try_from(found).unwrap_or(0)) {
        tracing::info!(version, "migrating the database");
        connection.execute_script(&dialect.render(migration))?;
        connection.execute("INSERT INTO schema_version (version) VALUES ($1)", &[i64::into(version)])?;
    }
    connection.commit()
}

fn read_version(connection: &mut dyn Connection) -> StoreResult<Option<i64>> {
    let mut version = None;
    connection.query("SELECT max(version) FROM schema_version", &[], &mut |row| {
        version = row.optional_int(0)?;
        Ok(Flow::Enough)
    })?;
    Ok(version)
}
