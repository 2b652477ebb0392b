//! The tables and their migrations, which run in one transaction when a database is opened.

use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{Connection, Database, Flow};
use crate::sql::driver::table::{ColumnType, Scope, Table};
use tokio_util::sync::CancellationToken;

/// Migrations in order. The version of a schema is the number of migrations that it has had.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_orders.sql"),
    include_str!("migrations/0002_servers.sql"),
    include_str!("migrations/0003_charging.sql"),
    include_str!("migrations/0004_exports.sql"),
    include_str!("migrations/0005_names.sql"),
    include_str!("migrations/0006_orders.sql"),
    include_str!("migrations/0007_prices.sql"),
    include_str!("migrations/0008_usage.sql"),
    include_str!("migrations/0009_accounts.sql"),
    include_str!("migrations/0010_catalogue.sql"),
    include_str!("migrations/0011_owners.sql"),
    include_str!("migrations/0012_export_space.sql"),
    include_str!("migrations/0013_deployment.sql"),
    include_str!("migrations/0014_keys.sql"),
    include_str!("migrations/0015_audit.sql"),
    include_str!("migrations/0016_signing.sql"),
    include_str!("migrations/0017_webhooks.sql"),
    include_str!("migrations/0018_console.sql"),
    include_str!("migrations/0019_ledger_kind.sql"),
];

use ColumnType::{Blob, Int, Text};

macro_rules! table {
    ($name:literal, $scope:ident, $key:literal, [$($column:ident $kind:ident),+ $(,)?]) => {
        Table { name: $name, scope: Scope::$scope, key: $key, columns: &[$((stringify!($column), $kind)),+] }
    };
}

pub(crate) static SETTING: Table = table!("setting", Deployment, 1, [name Text, value Text]);
pub(crate) static COMPANY: Table =
    table!("company", Deployment, 1, [company_id Int, name Text, currency Text, brand Text]);
pub(crate) static API_KEY: Table = table!("api_key", Deployment, 1, [
    public_key Text, company_id Int, sealed_private_key Blob, organization_ids Text, allowed_networks Text,
    rate_limit_per_s Int, disabled Int, name Text, permissions Text, created_at Int, expires_at Int, suspended Int,
    strict Text,
]);
pub(crate) static ORGANIZATION: Table =
    table!("organization", Company, 2, [company_id Int, organization_id Int, project_id Text, name Text]);
pub(crate) static COMPANY_STATE: Table = table!("company_state", Company, 1, [
    company_id Int, line_count Int, order_count Int, tiled Int, pruned_before Int, orders_version Int,
    close_no Int,
]);
pub(crate) static LINE: Table = table!("line", Company, 2, [
    company_id Int, line_no Int, line_key Blob, organization_id Int, user_email Text, resource_id Text,
    resource_type Int, model_id Text, model_name Text, pricing_sku Text, pricing_item_id Int, pricing_unit Int,
    product_code Text, region Text, charge_type Int, order_type Int, channel Int, currency Text, list_price Int,
    discount_price Int, organization_name Text, resource_name Text, amount_rule Int,
]);
pub(crate) static ORDERS: Table = table!("orders", Company, 4, [
    company_id Int, status Int, start_time Int, order_no Text, line_no Int, end_time Int, quantity Int, total Int,
    original Int, star_card Int, coupon Int, bonus Int, cash Int, credit Int, counterpart_no Text, create_time Int,
    paid_time Int, revocation_time Int, replaces_no Text, replaced_by_no Text,
]);
pub(crate) static ORDER_NUMBER: Table =
    table!("order_number", Company, 2, [company_id Int, number Text, counterpart_no Text, start_time Int]);
pub(crate) static ROLLUP: Table = table!("rollup", Company, 4, [
    company_id Int, status Int, unit Int, period Int, orders Int, sums Blob,
]);
pub(crate) static TILE_COUNT: Table = table!("tile_count", Company, 5, [
    company_id Int, status Int, unit Int, chunk Int, period Int, counts Blob,
]);
pub(crate) static TILE_SUM: Table = table!("tile_sum", Company, 5, [
    company_id Int, status Int, unit Int, chunk Int, period Int, sums Blob,
]);
pub(crate) static REQUEST_RATE: Table =
    table!("request_rate", Company, 2, [company_id Int, public_key Text, second Int, requests Int]);

pub(crate) static REQUEST_NONCE: Table = table!("request_nonce", Company, 4, [
    company_id Int, signed_at Int, public_key Text, nonce Text,
]);

pub(crate) static PRICE: Table = table!("price", Deployment, 1, [
    price_id Int, provider Text, provider_models Text, model_id Text, model_name Text, models Text, sku Text,
    pricing_unit Int, item_id Int, currency Text, list_price Int, valid_from Int, valid_until Int, longer_than Int,
    day_from Int, day_until Int, is_fallback Int, list_name Text, service_tier Text,
    provider_names Text,
]);
pub(crate) static PRICE_LIST: Table = table!("price_list", Deployment, 1, [name Text, position Int, is_own Int, format Text, factor Int, rate Text]);
pub(crate) static DISCOUNT: Table =
    table!("discount", Deployment, 3, [company_id Int, model_id Text, sku Text, factor Int]);
pub(crate) static OPERATOR_KEY: Table =
    table!("operator_key", Deployment, 1, [digest Blob, name Text, created Int, disabled Int, roles Text]);
pub(crate) static USAGE_OWNER: Table = table!("usage_owner", Deployment, 3, [
    source Text, kind Text, name Text, company_id Int, organization_id Int, resource_id Text, resource_name Text,
]);
pub(crate) static DUE_HOUR: Table = table!("due_hour", Deployment, 2, [
    company_id Int, bucket_start Int, bucket_end Int, due Int, lease_holder Text, lease_until Int,
]);
pub(crate) static USAGE_HOUR: Table =
    table!("usage_hour", Company, 2, [company_id Int, hour Int, records Int, written Int, expired Int]);
pub(crate) static USAGE_RECORD: Table = table!("usage_record", Company, 4, [
    company_id Int, day Int, source Text, id Text, time Int, digest Blob, pricing_state Int, bucket_start Int,
    charges Blob, rest Blob,
]);
pub(crate) static UNCHARGED_USAGE: Table = table!("uncharged_usage", Company, 5, [
    company_id Int, pricing_state Int, hour Int, source Text, id Text, time Int, organization_id Int, resource_id Text,
    resource_type Int, user_email Text, provider Text, model_id Text, product_code Text, region Text,
    quantities Blob, reason Text, service_tier Text, resource_name Text,
]);
pub(crate) static OPEN_HOUR: Table = table!("open_hour", Company, 2, [
    company_id Int, bucket_start Int, bucket_end Int, amount Blob,
]);
pub(crate) static OPEN_USAGE: Table = table!("open_usage", Company, 3, [company_id Int, bucket_start Int, line_no Int, quantity Int, records Int]);
pub(crate) static USAGE_ORDER: Table = table!("usage_order", Company, 4, [
    company_id Int, bucket_start Int, line_no Int, sequence_no Int, order_no Text, quantity Int, records Int,
    close_no Int,
]);
pub(crate) static ACCOUNT: Table = table!("account", Company, 1, [
    company_id Int, star_card Int, coupon Int, bonus Int, cash Int, credit Int, credit_limit Int, entries Int,
    grants Int, numbers Int, arrears_day Int, pruned_deductions Blob,
]);
pub(crate) static ACCOUNT_GRANT: Table = table!("account_grant", Company, 2, [
    company_id Int, grant_id Int, kind Int, granted Int, remaining Int, expires Int, products Text, models Text,
    expired Int,
]);
pub(crate) static GRANT_END: Table = table!("grant_end", Deployment, 2, [ends_at Int, company_id Int]);
pub(crate) static LEDGER: Table = table!("ledger", Company, 2, [
    company_id Int, entry_no Int, time Int, kind Int, grant_id Int, cause Int, amount Int, balance Int,
    reference Text,
]);
pub(crate) static DEPOSIT: Table = table!("deposit", Company, 2, [
    company_id Int, deposit_key Text, kind Int, amount Int, expires Int, products Text, models Text,
    first_entry Int, entries Int, reversed Int,
]);
pub(crate) static SETTLEMENT: Table =
    table!("settlement", Company, 2, [company_id Int, source_no Text, first_entry Int, entries Int]);
pub(crate) static REVOCATION: Table =
    table!("revocation", Company, 2, [company_id Int, source_no Text, time Int, reason Text]);
pub(crate) static CORRECTION: Table = table!("correction", Company, 2, [
    company_id Int, correction_key Text, kind Int, digest Blob, time Int, reason Text, reference Text, result Text,
]);
pub(crate) static CONSOLE_USER: Table = table!("console_user", Deployment, 1, [
    user_id Int, email Text, company_id Int, organization_ids Text, role Text, password Text, disabled Int,
    created_at Int,
]);
pub(crate) static CONSOLE_INVITATION: Table = table!("console_invitation", Deployment, 1, [
    digest Blob, user_id Int, expires_at Int, needs_password Int,
]);
pub(crate) static CONSOLE_SESSION: Table = table!("console_session", Deployment, 1, [
    digest Blob, user_id Int, created_at Int, seen_at Int, address Text, agent Text, form_no Int,
]);
pub(crate) static LEASE: Table =
    table!("lease", Deployment, 1, [task Text, lease_holder Text, lease_until Int]);
pub(crate) static EXPORT_FILE: Table =
    table!("export_file", Deployment, 2, [company_id Int, digest Blob, stored_at Int, file Text, bytes Int]);
pub(crate) static EXPORT_SPACE: Table = table!("export_space", Deployment, 1, [company_id Int, bytes Int]);
pub(crate) static EXPORT_JOB: Table = table!("export_job", Deployment, 2, [
    company_id Int, job_id Text, public_key Text, made_at Int, request Text, state Int, lease_holder Text,
    lease_until Int, rows_done Int, rows_total Int, outcome Text, ended_at Int, attempts Int,
]);

pub(crate) static DEPLOYMENT_SETTING: Table =
    table!("deployment_setting", Deployment, 1, [name Text, value Text]);
pub(crate) static DEPLOYMENT_STATE: Table = table!("deployment_state", Deployment, 1, [
    id Int, deployment_id Text, settings_version Int, mark_no Int, moved_to Text, moved_at Int, move_done Int,
]);
pub(crate) static TABLE_DIGEST: Table =
    table!("table_digest", Deployment, 2, [table_name Text, company_id Int, digest Blob]);

pub(crate) static AUDIT_ENTRY: Table = table!("audit_entry", Company, 2, [
    company_id Int, entry_no Int, time Int, actor_kind Int, actor Text, origin Text, act Text, before_json Text,
    after_json Text, reason Text, hash Blob,
]);
pub(crate) static AUDIT_CHAIN: Table =
    table!("audit_chain", Company, 1, [company_id Int, entries Int, hash Blob]);

pub(crate) static OPERATOR_REQUEST: Table = table!("operator_request", Deployment, 2, [
    actor Text, request_key Text, digest Blob, company_id Int, entry_no Int,
]);

pub(crate) static WEBHOOK_ENDPOINT: Table = table!("webhook_endpoint", Deployment, 1, [
    endpoint_id Text, company_id Int, url Text, name Text, event_types Text, sealed_secret Blob, former_secret Blob,
    former_expires Int, created_at Int, disabled_at Int, disabled_reason Text,
]);
pub(crate) static WEBHOOK_STATE: Table =
    table!("webhook_state", Deployment, 1, [endpoint_id Text, failing_since Int, paused_until Int]);
pub(crate) static WEBHOOK_EVENT: Table = table!("webhook_event", Deployment, 2, [
    company_id Int, event_no Int, message_id Text, event_type Text, recorded_at Int, payload Text,
]);
pub(crate) static WEBHOOK_DELIVERY: Table = table!("webhook_delivery", Deployment, 3, [
    company_id Int, event_no Int, endpoint_id Text, recorded_at Int, state Int, attempts Int, next_attempt Int,
    last_attempt Int, http_status Int, error Text, ended_at Int,
]);
pub(crate) static WEBHOOK_TALLY: Table = table!("webhook_tally", Deployment, 4, [
    company_id Int, event_type Text, model_id Text, reason Text, records Int, first_at Int,
]);
pub(crate) static LOW_BALANCE: Table = table!("low_balance", Company, 1, [company_id Int, amount Int]);

/// All tables except `schema_version`.
pub(crate) static TABLES: [&Table; 52] = [
    &SETTING,
    &COMPANY,
    &API_KEY,
    &ORGANIZATION,
    &COMPANY_STATE,
    &LINE,
    &ORDERS,
    &ORDER_NUMBER,
    &ROLLUP,
    &TILE_COUNT,
    &TILE_SUM,
    &REQUEST_RATE,
    &REQUEST_NONCE,
    &PRICE,
    &PRICE_LIST,
    &DISCOUNT,
    &OPERATOR_KEY,
    &USAGE_OWNER,
    &DUE_HOUR,
    &USAGE_HOUR,
    &USAGE_RECORD,
    &UNCHARGED_USAGE,
    &OPEN_HOUR,
    &OPEN_USAGE,
    &USAGE_ORDER,
    &ACCOUNT,
    &ACCOUNT_GRANT,
    &LEDGER,
    &DEPOSIT,
    &SETTLEMENT,
    &REVOCATION,
    &CORRECTION,
    &GRANT_END,
    &CONSOLE_USER,
    &CONSOLE_INVITATION,
    &CONSOLE_SESSION,
    &LEASE,
    &EXPORT_FILE,
    &EXPORT_SPACE,
    &EXPORT_JOB,
    &DEPLOYMENT_SETTING,
    &DEPLOYMENT_STATE,
    &TABLE_DIGEST,
    &AUDIT_ENTRY,
    &AUDIT_CHAIN,
    &OPERATOR_REQUEST,
    &WEBHOOK_ENDPOINT,
    &WEBHOOK_STATE,
    &WEBHOOK_EVENT,
    &WEBHOOK_DELIVERY,
    &WEBHOOK_TALLY,
    &LOW_BALANCE,
];

/// Does what migrations need and SQL cannot do. It gets the version that the schema had, 0 if it is new.
pub(crate) type Complete = fn(&mut dyn Connection, i64) -> StoreResult<()>;

/// The latest version that this program supports.
pub(crate) fn known_version() -> i64 {
    i64::try_from(MIGRATIONS.len()).expect("a few migrations")
}

/// Migrates a database to this program's schema. If the schema is up to date, nothing is written.
pub(crate) fn migrate(database: &dyn Database, complete: Complete) -> StoreResult<()> {
    migrate_to(database, known_version(), complete)
}

/// Migrates a database to the schema of a program that knew `known` migrations.
pub(crate) fn migrate_to(database: &dyn Database, known: i64, complete: Complete) -> StoreResult<()> {
    let mut reader = database.read(&CancellationToken::new())?;
    match read_version(reader.as_mut()) {
        Ok(Some(version)) if version == known => return check_tables(reader.as_mut(), known),
        Ok(Some(found)) if found > known => return Err(StoreError::SchemaTooNew { found, known }),
        // The schema is older, empty or not Tollbook's; the write transaction determines which.
        Ok(_) | Err(StoreError::Database(_)) => {}
        Err(error) => return Err(error),
    }
    drop(reader);
    let mut connection = database.write()?;
    let dialect = connection.dialect();
    // If several servers start at once, the first one migrates; the others wait and find the schema up to date.
    if !dialect.schema_lock.is_empty() {
        connection.execute_script(dialect.schema_lock)?;
    }
    connection.execute_script(&dialect.render(
        "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY) {clustered}",
    ))?;
    let found = read_version(connection.as_mut())?.unwrap_or(0);
    if found > known {
        return Err(StoreError::SchemaTooNew { found, known });
    }
    let wanted = usize::try_from(known).unwrap_or(0);
    for (version, migration) in (1..).zip(MIGRATIONS).take(wanted).skip(usize::try_from(found).unwrap_or(0)) {
        tracing::info!(version, "migrating the database");
        connection.execute_script(&dialect.render(migration)).map_err(|error| match error {
            StoreError::Database(reason) if found == 0 => {
                StoreError::NotOurs(format!("{reason}; use an empty database or one that Tollbook created"))
            }
            error => error,
        })?;
        let tuning = usize::try_from(version - 1).ok().and_then(|place| dialect.tuning.get(place));
        if let Some(script) = tuning {
            connection.execute_script(script)?;
        }
        connection.execute("INSERT INTO schema_version (version) VALUES ($1)", &[i64::into(version)])?;
    }
    complete(connection.as_mut(), found)?;
    check_tables(connection.as_mut(), known)?;
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

/// Checks that all tables and columns exist. Some may be missing from a schema of the current version, for example
/// after a truncated restore.
fn check_tables(connection: &mut dyn Connection, known: i64) -> StoreResult<()> {
    // `TABLES` are those of this program.
    if known < known_version() {
        return Ok(());
    }
    for table in TABLES {
        let nothing = format!("SELECT {} FROM {} WHERE 1 = 0", table.column_list(), table.name);
        match connection.query(&nothing, &[], &mut |_| Ok(Flow::Enough)) {
            Ok(()) => {}
            Err(StoreError::Database(reason)) => {
                return Err(StoreError::Damaged(format!(
                    "its schema is not complete, {} ({reason}); restore it from a backup, or begin with an empty database",
                    table.name
                )));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{Outcome, Store, StoreOptions, open_sqlite};

    fn columns(database: &rusqlite::Connection, table: &Table) -> Vec<(String, ColumnType, i64)> {
        let mut statement = database.prepare(&format!("PRAGMA table_info({})", table.name)).unwrap();
        let rows = statement.query_map([], |row| {
            let kind = match row.get::<_, String>(2)?.as_str() {
                "BIGINT" => Int,
                "TEXT" => Text,
                _ => Blob,
            };
            Ok((row.get(1)?, kind, row.get(5)?))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn the_tables_are_those_of_the_migrations() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tollbook.db");
        open_sqlite(&path, &StoreOptions::default()).unwrap();
        let database = rusqlite::Connection::open(&path).unwrap();
        for table in TABLES {
            let place = |column: usize| {
                if column < table.key { i64::try_from(column).unwrap() + 1 } else { 0 }
            };
            let expected: Vec<_> = (0..)
                .zip(table.columns)
                .map(|(column, (name, kind))| ((*name).to_owned(), *kind, place(column)))
                .collect();
            assert_eq!(columns(&database, table), expected, "{}", table.name);
        }
        let made = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        let made: i64 = database.query_row(made, [], |row| row.get(0)).unwrap();
        assert_eq!(usize::try_from(made).unwrap(), TABLES.len() + 1);
    }

    /// Creates a database of the first schema, with a company that has tiles.
    fn of_the_first_schema(path: &Path) {
        let store =
            open_sqlite(path, &StoreOptions { tile_threshold: 0, ..StoreOptions::default() }).unwrap();
        let mut transaction = store.begin().unwrap();
        transaction.add_company("one", "CNY", "default").unwrap();
        let orders = [crate::lines::tests::order(1), crate::lines::tests::order(2)];
        assert_eq!(transaction.add_orders(&orders).unwrap(), [Outcome::Added; 2]);
        transaction.commit().unwrap();
        drop(store);
        let database = rusqlite::Connection::open(path).unwrap();
        database
            .execute_batch(
                "DELETE FROM schema_version WHERE version > 1; DELETE FROM rollup WHERE unit = 3; \
                 ALTER TABLE company_state DROP COLUMN pruned_before; \
                 ALTER TABLE company_state DROP COLUMN orders_version; \
                 ALTER TABLE company_state DROP COLUMN close_no; DROP TABLE request_rate; \
                 DROP TABLE request_nonce; ALTER TABLE api_key DROP COLUMN strict; \
                 ALTER TABLE line DROP COLUMN organization_name; ALTER TABLE line DROP COLUMN resource_name; \
                 ALTER TABLE line DROP COLUMN amount_rule; ALTER TABLE orders DROP COLUMN replaces_no; \
                 ALTER TABLE orders DROP COLUMN replaced_by_no; ALTER TABLE api_key DROP COLUMN name; \
                 ALTER TABLE api_key DROP COLUMN permissions; ALTER TABLE api_key DROP COLUMN created_at; \
                 ALTER TABLE api_key DROP COLUMN expires_at; ALTER TABLE api_key DROP COLUMN suspended; \
                 ALTER TABLE order_number RENAME COLUMN counterpart_no TO other_no;",
            )
            .unwrap();
        for table in TABLES.iter().skip_while(|table| table.name != PRICE.name) {
            database.execute_batch(&format!("DROP TABLE {}", table.name)).unwrap();
        }
    }

    #[test]
    fn an_older_schema_is_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tollbook.db");
        of_the_first_schema(&path);
        let store =
            open_sqlite(&path, &StoreOptions { tile_threshold: 1, ..StoreOptions::default() }).unwrap();
        let verified = |store: &dyn Store| {
            let catalogue = tollbook_domain::Catalogue::built_in();
            let found = store.snapshot().unwrap().verify(1, &catalogue, 10).unwrap();
            (found.orders, found.differences)
        };
        assert_eq!(verified(&*store), (2, Vec::new()));
        let mut transaction = store.begin().unwrap();
        transaction.add_orders(&[crate::lines::tests::order(3)]).unwrap();
        transaction.commit().unwrap();
        assert_eq!(verified(&*store), (3, Vec::new()), "tiles and hours were recounted");
    }

    #[test]
    fn catalogue_numbers_become_those_of_the_live_service() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tollbook.db");
        let store = open_sqlite(&path, &StoreOptions::default()).unwrap();
        let mut transaction = store.begin().unwrap();
        transaction.add_company("one", "CNY", "default").unwrap();
        transaction.add_orders(&[crate::lines::tests::order(1)]).unwrap();
        transaction.commit().unwrap();
        drop(store);
        let database = rusqlite::Connection::open(&path).unwrap();
        // OrderType, ChargeType and PricingUnit before, and after
        for (before, after) in [
            ([301, 5, 1], [102, 102, 10]),
            ([302, 5, 2], [301, 102, 11]),
            ([301, 5, 3], [102, 102, 12]),
            ([301, 5, 4], [102, 102, 60]),
            ([301, 5, 5], [102, 102, 20]),
            ([301, 5, 6], [102, 102, 21]),
            ([301, 5, 7], [102, 102, 22]),
            ([302, 5, 8], [301, 102, 61]),
            ([302, 77, 9], [301, 77, 41]),
            ([102, 5, 1], [102, 5, 10]),
            ([102, 1, 100], [102, 1, 100]),
        ] {
            let [order_type, charge_type, unit] = before;
            let numbers = format!(
                "UPDATE line SET order_type = {order_type}, charge_type = {charge_type}, pricing_unit = {unit}, \
                 list_price = 7, discount_price = 3 WHERE company_id = 1"
            );
            database.execute_batch(&numbers).unwrap();
            database.execute_batch(include_str!("migrations/0010_catalogue.sql")).unwrap();
            let line = "SELECT order_type, charge_type, pricing_unit, list_price, discount_price FROM line \
                        WHERE company_id = 1";
            let found = database
                .query_row(line, [], |row| {
                    Ok(([row.get(0)?, row.get(1)?, row.get(2)?], row.get(3)?, row.get(4)?))
                })
                .unwrap();
            // 1,000 characters are now priced by 10,000.
            let times = if unit == 9 { 10 } else { 1 };
            assert_eq!(found, (after, 7 * times, 3 * times), "{before:?}");
        }
    }
}
