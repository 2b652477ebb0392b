//! Distribution of the tables over the nodes of a Citus cluster, by company.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::connection::StatementDeadline;
use super::database::connect_postgres;
use super::pool::Pool;
use super::transaction::{PostgresTransaction, WRITING};
use super::url;
use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{Connection, all, first};
use crate::sql::driver::schema::{COMPANY_STATE, TABLES};
use crate::sql::driver::table::Scope;
use crate::store::StoreOptions;

/// The distribution of the tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// Distributed tables: all rows of a company are on one node.
    pub distributed: Vec<&'static str>,
    /// Reference tables: replicated to every node.
    pub reference: Vec<&'static str>,
}

/// Converts the tables and their rows to distributed and reference tables of Citus. Skips tables that are already
/// converted, so that an interrupted run can be repeated and new tables can be added.
///
/// # Errors
/// [`StoreError::Refused`] if the server or the database does not have Citus. Nothing is changed then.
pub fn distribute(database_url: &str, options: &StoreOptions) -> StoreResult<Distribution> {
    if !database_url.starts_with("postgres") {
        return Err(StoreError::Refused(
            "an SQLite database cannot be distributed; use PostgreSQL with Citus".into(),
        ));
    }
    let pool = Pool::new(url::parse(database_url)?, options);
    // Moving the rows of large tables can take hours.
    let deadline = StatementDeadline {
        caller: CancellationToken::new(),
        timeout: std::time::Duration::from_secs(86_400),
    };
    let mut connection = PostgresTransaction::new(pool.take()?, Arc::clone(&pool), deadline, WRITING.into());
    require_citus(&mut connection)?;
    connect_postgres(database_url, None, options)?.into_store(options)?;
    let known = all(&mut connection, "SELECT logicalrelid::text FROM pg_dist_partition", &[], |row| {
        Ok(row.text(0)?.to_owned())
    })?;
    let mut distribution = Distribution::default();
    for statement in statements() {
        if !known.iter().any(|name| name == statement.table) {
            connection.execute_script(&statement.sql)?;
        }
        match statement.scope {
            Scope::Company => distribution.distributed.push(statement.table),
            Scope::Deployment => distribution.reference.push(statement.table),
        }
    }
    connection.commit()?;
    Ok(distribution)
}

fn require_citus(connection: &mut dyn Connection) -> StoreResult<()> {
    let sql = "SELECT (SELECT count(*) FROM pg_extension WHERE extname = 'citus'), \
               (SELECT count(*) FROM pg_available_extensions WHERE name = 'citus')";
    let found = first(connection, sql, &[], |row| Ok((row.int(0)? > 0, row.int(1)? > 0)))?;
    let missing = match found {
        Some((true, _)) => return Ok(()),
        Some((false, true)) => {
            "the extension citus is installed on the server, but not in this database: run CREATE EXTENSION citus as \
             a superuser, on every node of the cluster"
        }
        _ => {
            "the server does not have the extension citus: install it, add it to shared_preload_libraries, restart, \
             and run CREATE EXTENSION citus in this database"
        }
    };
    Err(StoreError::Refused(format!("{missing}; nothing was changed")))
}

struct Statement {
    table: &'static str,
    scope: Scope,
    sql: String,
}

/// The statements that distribute the tables. The deployment's tables are first, because the companies' tables need
/// them on every node. All other tables of the companies are colocated with the first one.
fn statements() -> Vec<Statement> {
    let reference = |table| Statement {
        table,
        scope: Scope::Deployment,
        sql: format!("SELECT create_reference_table('{table}')"),
    };
    let leader = COMPANY_STATE.name;
    let distributed = |table: &'static str| {
        let with = if table == leader { String::new() } else { format!(", colocate_with => '{leader}'") };
        let sql = format!("SELECT create_distributed_table('{table}', 'company_id'{with})");
        Statement { table, scope: Scope::Company, sql }
    };
    let of = |scope| TABLES.iter().filter(move |table| table.scope == scope).map(|table| table.name);
    let others = of(Scope::Company).filter(|table| *table != leader);
    std::iter::once("schema_version")
        .chain(of(Scope::Deployment))
        .map(reference)
        .chain(std::iter::once(leader).chain(others).map(distributed))
        .collect()
}
