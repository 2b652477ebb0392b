//! Tests of PostgreSQL only: concurrent starts, permissions, lost connections, timeouts, distribution and TLS.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

#[path = "contract/model.rs"]
#[expect(dead_code, reason = "only the orders of the model are needed here")]
mod model;

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tollbook_domain::{Catalogue, NewOrder, Status};
use tollbook_store::{
    Outcome, Store, StoreError, StoreOptions, StoreResult, connect_postgres, distribute, open_postgres,
};
use tollbook_testkit::{Cluster, Database};

const DAY: i64 = 86_400;

fn open(url: &str) -> StoreResult<Arc<dyn Store>> {
    open_postgres(url, None, &StoreOptions { tile_threshold: 50, ..StoreOptions::default() })
}

fn orders(first: i64, count: i64) -> Vec<NewOrder> {
    (first..first + count).map(|n| model::order(n, n % 9, Status::Paid, n * 3_600, n)).collect()
}

fn add(store: &dyn Store, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>> {
    let mut transaction = store.begin()?;
    let outcomes = transaction.add_orders(orders)?;
    transaction.commit()?;
    Ok(outcomes)
}

fn with_company(url: &str) -> Arc<dyn Store> {
    let store = open(url).unwrap();
    let mut transaction = store.begin().unwrap();
    transaction.add_company("one", "CNY", "default").unwrap();
    transaction.commit().unwrap();
    store
}

fn count(store: &dyn Store) -> StoreResult<i64> {
    store.snapshot()?.count(&model::query(0, 4_000 * DAY, &Status::ALL))
}

fn assert_healthy(store: &dyn Store, orders: i64) {
    let found = store.snapshot().unwrap().verify(1, &Catalogue::built_in(), 10).unwrap();
    assert_eq!((found.orders, found.differences), (orders, Vec::new()));
}

fn tables(database: &Database<'_>) -> String {
    database.sql("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
}

/// Another session that has executed a statement and keeps its transaction open.
struct Session {
    child: Child,
}

impl Session {
    fn holding(database: &Database<'_>, sql: &str) -> Self {
        let mut child = Command::new("psql")
            .args(["-X", "-q", "-d", database.url()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let script = format!("BEGIN; {sql}; CREATE TEMPORARY TABLE held (); SELECT pg_notify('held', '');\n");
        child.stdin.as_mut().unwrap().write_all(script.as_bytes()).unwrap();
        child.stdin.as_mut().unwrap().flush().unwrap();
        // The statement has been executed as soon as the session holds its lock on `orders`.
        while database.sql("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 'orders'::regclass") == "0" {
            std::thread::yield_now();
        }
        Self { child }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

#[test]
fn concurrent_opens_of_an_empty_database_succeed() {
    let database = Cluster::shared().database();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| open(database.url()).map(|_| ()).unwrap());
        }
    });
    assert_eq!(database.sql("SELECT min(version) = 1 AND count(*) = max(version) FROM schema_version"), "t");
    assert_healthy(&*with_company(database.url()), 0);
}

#[test]
fn unsupported_schemas_are_refused_and_not_changed() {
    // statement | whether the schema exists before it | expected error
    let table = "
        CREATE TABLE orders (x int)                 | no  | not a Tollbook database: relation \"orders\" already exists
        INSERT INTO schema_version VALUES (999)     | yes | schema version 999, this program supports up to 19
        DROP TABLE tile_sum                         | yes | its schema is not complete, tile_sum
        ALTER TABLE line DROP COLUMN currency       | yes | its schema is not complete, line";
    for row in table.lines().filter(|row| row.contains('|')) {
        let [statement, opened, expected] = row.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
            panic!()
        };
        let database = Cluster::shared().database();
        if opened == "yes" {
            open(database.url()).unwrap();
        }
        database.sql(statement);
        let before = tables(&database);
        let refused = open(database.url()).err().unwrap();
        assert!(refused.to_string().contains(expected), "{row}\nerror: {refused}");
        assert_eq!(tables(&database), before, "{row}");
    }
}

#[test]
fn an_unusable_database_is_refused_with_the_reason() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    open(database.url()).unwrap();
    cluster.sql(database.name(), "CREATE ROLE no_rights LOGIN");
    let (head, tail) = database.url().split_once("postgres@").unwrap();
    let without_rights = format!("{head}no_rights@{tail}");
    let refused = open(&without_rights).err().unwrap();
    assert!(matches!(&refused, StoreError::Refused(text) if text.contains("permission denied")), "{refused}");
    let empty = cluster.database();
    let (_, tail) = empty.url().split_once("postgres@").unwrap();
    let refused = open(&format!("{head}no_rights@{tail}")).err().unwrap();
    assert!(matches!(&refused, StoreError::Refused(text) if text.contains("permission denied")), "{refused}");
    assert_eq!(tables(&empty), "");
    let refused = open(&cluster.url("no_such_database")).err().unwrap();
    assert!(matches!(&refused, StoreError::Refused(text) if text.contains("does not exist")), "{refused}");
    let refused = open("postgres://postgres@%2Fno%2Fsuch%2Ffolder/x").err().unwrap();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
}

#[test]
fn after_a_crash_only_committed_orders_remain_and_the_store_reconnects() {
    let cluster = Cluster::start();
    let database = cluster.database();
    let store = with_company(database.url());
    assert_eq!(add(&*store, &orders(0, 100)).unwrap(), [Outcome::Added; 100]);
    let mut reader = store.snapshot().unwrap();
    assert_eq!(reader.lines(1).unwrap().len(), 9);
    let mut writer = store.begin().unwrap();
    writer.add_orders(&orders(100, 100)).unwrap();
    cluster.kill();
    let lost = writer.commit().unwrap_err();
    assert!(matches!(lost, StoreError::Unavailable(_)), "{lost}");
    let lost = reader.count(&model::query(0, DAY, &Status::ALL)).unwrap_err();
    assert!(matches!(lost, StoreError::Unavailable(_)), "{lost}");
    drop(reader);
    let down = count(&*store).unwrap_err();
    assert!(matches!(down, StoreError::Unavailable(_)), "{down}");
    cluster.start_again();
    assert_eq!(count(&*store).unwrap(), 100);
    assert_eq!(add(&*store, &orders(50, 150)).unwrap().iter().filter(|o| **o == Outcome::Added).count(), 100);
    assert_healthy(&*store, 200);
    // The server crashes while a long result is being read.
    let mut reader = store.snapshot().unwrap();
    let mut seen = 0;
    let lost = reader
        .scan(&model::query(0, 4_000 * DAY, &Status::ALL), &mut |_| {
            seen += 1;
            if seen == 1 {
                cluster.kill();
            }
            Ok(())
        })
        .and_then(|()| reader.count(&model::query(0, DAY, &Status::ALL)))
        .unwrap_err();
    assert!(matches!(lost, StoreError::Unavailable(_)), "{lost}");
    drop(reader);
    cluster.start_again();
    assert_healthy(&*store, 200);
}

#[test]
fn a_read_only_database_refuses_writes_until_it_is_writable() {
    let cluster = Cluster::start();
    let database = cluster.database();
    let store = with_company(database.url());
    add(&*store, &orders(0, 10)).unwrap();
    database.sql(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", database.name()));
    let fresh = open(database.url()).unwrap();
    assert_eq!(count(&*fresh).unwrap(), 10);
    let refused = add(&*fresh, &orders(10, 10)).unwrap_err();
    assert!(matches!(&refused, StoreError::Unavailable(text) if text.contains("read-only")), "{refused}");
    database.sql(&format!(
        "SET default_transaction_read_only = off; ALTER DATABASE {} RESET default_transaction_read_only",
        database.name()
    ));
    let fresh = open(database.url()).unwrap();
    assert_eq!(add(&*fresh, &orders(10, 10)).unwrap(), [Outcome::Added; 10]);
    assert_healthy(&*fresh, 20);
}

#[test]
fn connections_are_limited_and_reused() {
    let database = Cluster::shared().database();
    drop(with_company(database.url()));
    let options = StoreOptions {
        connections: 2,
        connect_timeout: Duration::from_millis(200),
        ..StoreOptions::default()
    };
    let store = open_postgres(database.url(), None, &options).unwrap();
    let held = [store.snapshot().unwrap(), store.snapshot().unwrap()];
    let refused = store.snapshot().err().unwrap();
    assert!(refused.to_string().contains("all 2 connections were in use"), "{refused}");
    drop(held);
    assert_eq!(count(&*store).unwrap(), 0);
    // A waiting request gets the connection that is released.
    let patient = StoreOptions { connections: 1, connect_timeout: Duration::from_secs(60), ..options };
    let store = open_postgres(database.url(), None, &patient).unwrap();
    let held = store.snapshot().unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| count(&*store));
        drop(held);
        assert_eq!(waiting.join().unwrap().unwrap(), 0);
    });
}

/// The process of a writer may be stopped while it has locks; the server then ends its session.
#[test]
fn a_writer_that_sends_nothing_loses_its_locks() {
    let database = Cluster::shared().database();
    drop(with_company(database.url()));
    let options = StoreOptions { statement_timeout: Duration::from_millis(300), ..StoreOptions::default() };
    let stopped = open_postgres(database.url(), None, &options).unwrap();
    let mut transaction = stopped.begin().unwrap();
    transaction.add_orders(&orders(0, 1)).unwrap();
    let patient = StoreOptions { lock_timeout: Duration::from_secs(600), ..StoreOptions::default() };
    let other = open_postgres(database.url(), None, &patient).unwrap();
    assert_eq!(add(&*other, &orders(0, 1)).unwrap(), [Outcome::Added]);
    let lost = transaction.commit().unwrap_err();
    assert!(matches!(lost, StoreError::Unavailable(_)), "{lost}");
    assert_eq!(add(&*stopped, &orders(0, 1)).unwrap(), [Outcome::Present], "it connects again");
    assert_healthy(&*other, 1);
}

#[test]
fn a_statement_is_cancelled_on_timeout() {
    let database = Cluster::shared().database();
    drop(with_company(database.url()));
    let options = StoreOptions { statement_timeout: Duration::from_millis(300), ..StoreOptions::default() };
    let store = open_postgres(database.url(), None, &options).unwrap();
    let session = Session::holding(&database, "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
    let mut edge = model::query(5, DAY, &Status::ALL);
    edge.lines = tollbook_domain::LineFilter::default();
    let cancelled = add(&*store, &orders(0, 1)).unwrap_err();
    assert!(matches!(cancelled, StoreError::TooLong(_)), "{cancelled}");
    drop(session);
    assert_eq!(add(&*store, &orders(0, 1)).unwrap(), [Outcome::Added]);
    assert_healthy(&*store, 1);
}

#[test]
fn cancelling_a_request_cancels_its_statement() {
    let database = Cluster::shared().database();
    let store = with_company(database.url());
    add(&*store, &orders(0, 60)).unwrap();
    let session = Session::holding(&database, "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
    let caller = CancellationToken::new();
    let running = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tollbook' \
                   AND wait_event_type = 'Lock' AND datname = current_database()";
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let mut snapshot = store.snapshot_for(&caller).unwrap();
            snapshot.page(&model::query(0, 100 * DAY, &Status::ALL), 0, 10).unwrap_err()
        });
        while database.sql(running) == "0" {
            std::thread::yield_now();
        }
        caller.cancel();
        let cancelled = asked.join().unwrap();
        assert!(matches!(cancelled, StoreError::Cancelled), "{cancelled}");
    });
    assert_eq!(database.sql(running), "0", "the server has cancelled the statement");
    drop(session);
    assert_eq!(count(&*store).unwrap(), 60);
}

#[test]
fn a_store_can_be_dropped_on_a_runtime_thread() {
    let database = Cluster::shared().database();
    let store = with_company(database.url());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    runtime.block_on(runtime.spawn(async move { drop(store) })).unwrap();
}

#[test]
fn distribution_without_citus_reports_the_missing_extension() {
    let database = Cluster::shared().database();
    let refused = distribute(database.url(), &StoreOptions::default()).unwrap_err();
    let said = refused.to_string();
    assert!(
        said.contains("does not have the extension citus") && said.contains("nothing was changed"),
        "{said}"
    );
    assert_eq!(tables(&database), "");
    let refused = distribute("sqlite:x.db", &StoreOptions::default()).unwrap_err();
    assert!(refused.to_string().contains("an SQLite database cannot be distributed"), "{refused}");
}

/// Citus is not available to tests. Functions with the names and arguments that Citus documents stand in for it and
/// record their calls.
#[test]
fn distribution_distributes_every_table_once() {
    let database = Cluster::shared().database();
    let store = with_company(database.url());
    add(&*store, &orders(0, 60)).unwrap();
    database.sql(
        "CREATE TABLE pg_dist_partition (logicalrelid regclass, asked text); \
         CREATE FUNCTION create_reference_table(t regclass) RETURNS void LANGUAGE sql AS \
         $$ INSERT INTO pg_dist_partition VALUES (t, 'reference') $$; \
         CREATE FUNCTION create_distributed_table(t regclass, c text, colocate_with text DEFAULT 'default') \
         RETURNS void LANGUAGE sql AS $$ INSERT INTO pg_dist_partition VALUES (t, c || ' with ' || colocate_with) $$; \
         SET allow_system_table_mods = on; \
         INSERT INTO pg_extension SELECT 99999, 'citus', extowner, extnamespace, false, '12', NULL, NULL \
         FROM pg_extension LIMIT 1;",
    );
    for _ in 0..2 {
        let done = distribute(database.url(), &StoreOptions::default()).unwrap();
        let everywhere = [
            "schema_version",
            "setting",
            "company",
            "api_key",
            "price",
            "price_list",
            "discount",
            "operator_key",
            "usage_owner",
            "due_hour",
            "grant_end",
            "console_user",
            "console_invitation",
            "console_session",
            "lease",
            "export_file",
            "export_space",
            "export_job",
            "deployment_setting",
            "deployment_state",
            "table_digest",
            "operator_request",
            "webhook_endpoint",
            "webhook_state",
            "webhook_event",
            "webhook_delivery",
            "webhook_tally",
        ];
        assert_eq!(done.reference, everywhere);
        assert_eq!(done.distributed.len(), 26);
        assert_eq!(done.distributed[0], "company_state");
    }
    let asked = database.sql("SELECT logicalrelid || ': ' || asked FROM pg_dist_partition");
    let asked: Vec<&str> = asked.lines().collect();
    assert_eq!(asked.len(), 53, "{asked:?}");
    assert_eq!(asked[27], "company_state: company_id with default");
    assert!(asked[28..].iter().all(|line| line.ends_with(": company_id with company_state")), "{asked:?}");
    assert_healthy(&*open(database.url()).unwrap(), 60);
}

/// While the first order of a long result is processed, the server waits for the client to read the rest. No buffer
/// between the server and the reader of the scan holds the complete result.
#[test]
fn a_scan_is_streamed() {
    let database = Cluster::shared().database();
    let store = with_company(database.url());
    let orders: Vec<_> = (0..20_000).map(|n| model::order(n, n % 9, Status::Paid, n * 60, n)).collect();
    add(&*store, &orders).unwrap();
    let of_scan = "SELECT state || ' ' || coalesce(wait_event, '') FROM pg_stat_activity \
                   WHERE datname = current_database() AND query LIKE 'SELECT status, start_time, order_no%'";
    let waits_for_us = || {
        let state = database.sql(of_scan);
        assert!(state.starts_with("active"), "the complete result was sent: {state}");
        state == "active ClientWrite"
    };
    let mut taken = 0;
    let mut snapshot = store.snapshot().unwrap();
    snapshot
        .scan(&model::query(0, 4_000 * DAY, &[Status::Paid]), &mut |_| {
            taken += 1;
            if taken == 1 {
                while !waits_for_us() {
                    std::thread::yield_now();
                }
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(taken, 20_000);
}

fn certificate(folder: &Path, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let owner = std::fs::metadata(folder).unwrap();
    for (name, content) in [("server.crt", made.cert.pem()), ("server.key", made.signing_key.serialize_pem())]
    {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    made.cert.pem()
}

#[test]
fn connections_are_encrypted_and_verified_as_the_url_requires() {
    let cluster = Cluster::start_with_tcp();
    let database = cluster.database();
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("trusted.pem");
    std::fs::write(&trusted, certificate(cluster.folder(), &["localhost"])).unwrap();
    let strangers = folder.path().join("strangers.pem");
    std::fs::write(
        &strangers,
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem(),
    )
    .unwrap();
    for (name, file) in [("ssl_cert_file", "server.crt"), ("ssl_key_file", "server.key")] {
        cluster.set(name, cluster.folder().join(file).to_str().unwrap());
    }
    cluster.set("ssl", "on");
    let url = |host: &str, query: &str| {
        format!("postgres://postgres@{host}:{}/{}?{query}", cluster.tcp_port(), database.name())
    };
    let verified =
        |host: &str, file: &Path| url(host, &format!("sslmode=verify-full&sslrootcert={}", file.display()));
    let encrypted = |url: &str| {
        let store =
            connect_postgres(url, None, &StoreOptions::default())?.into_store(&StoreOptions::default())?;
        let _held = store.snapshot()?.setting("x")?;
        Ok::<_, StoreError>(database.sql(
            "SELECT bool_or(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'tollbook'",
        ))
    };
    assert_eq!(encrypted(&url("localhost", "sslmode=disable")).unwrap(), "f");
    assert_eq!(encrypted(&url("localhost", "sslmode=require")).unwrap(), "t");
    assert_eq!(encrypted(&url("localhost", "sslmode=prefer")).unwrap(), "t");
    assert_eq!(encrypted(&verified("localhost", &trusted)).unwrap(), "t");
    for (bad, host, file) in
        [("another authority", "localhost", &strangers), ("another name", "127.0.0.1", &trusted)]
    {
        let refused = encrypted(&verified(host, file)).unwrap_err();
        assert!(
            matches!(&refused, StoreError::Unavailable(text) if text.contains("certificate")),
            "{bad}: {refused}"
        );
    }
    cluster.set("ssl", "off");
    let refused = encrypted(&url("localhost", "sslmode=require")).unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
}

/// The storage is checked by counts with and without indexes, and by amcheck once the database has it.
#[test]
fn storage_and_digests_are_checked() {
    let database = Cluster::shared().database();
    let store = with_company(database.url());
    add(&*store, &orders(0, 60)).unwrap();
    let found = || store.snapshot().unwrap().verify_deployment(10).unwrap();
    assert_eq!(found(), Vec::<String>::new());
    database.sql("UPDATE company SET name = 'another'");
    assert_eq!(found(), ["the rows of company are not those that were written: its digest differs"]);
    database.sql("UPDATE company SET name = 'one'");
    assert_eq!(found(), Vec::<String>::new());
    // Removes the entries of the rows from every index of the table, as a broken index lacks them.
    let lose = "SET allow_system_table_mods = on; \
                UPDATE pg_index SET indisready = false, indislive = true WHERE indrelid = 'lease'::regclass";
    database.sql(lose);
    database.sql("INSERT INTO lease (task, lease_holder, lease_until) VALUES ('unindexed', '', 0)");
    database.sql("UPDATE pg_index SET indisready = true WHERE indrelid = 'lease'::regclass");
    let store = open(database.url()).unwrap();
    let found = || store.snapshot().unwrap().verify_deployment(10).unwrap();
    assert_eq!(found(), ["table lease: has 1 rows, but its index finds 0"]);
    if database.sql("SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'") == "1" {
        database.sql("CREATE EXTENSION amcheck");
        let found = found();
        assert!(found.len() == 1 && found[0].starts_with("table lease: heap tuple"), "{found:?}");
        database.sql("DELETE FROM lease");
    }
}
