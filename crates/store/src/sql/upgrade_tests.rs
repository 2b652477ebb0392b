//! Databases of every schema so far are migrated to this program's without loss, on both databases; an interrupted migration
//! leaves what was there and is repeated.
//!
//! The rows are those of `tests/snapshots/schema_4`, which the program with that schema wrote. Schemas after it are made by
//! applying their migrations to it, with rows in the tables that they added; schemas before it by taking out what came later.
//! So rows of the other versions are in their form, but were not written by the programs of those versions.

use std::path::Path;

use tollbook_domain::{Catalogue, LineFilter, OrderQuery, Status, StatusSet, TimeRange};
use tollbook_testkit::Cluster;

use crate::error::StoreError;
use crate::sql::driver::connection::Connection;
use crate::sql::driver::schema::{known_version, migrate_to};
use crate::sql::store::{OpenDatabase, WITH_DIGESTS, complete};
use crate::store::{Store, StoreOptions};
use crate::{connect_postgres, connect_sqlite};

/// The schema of the snapshots.
const SNAPSHOT: i64 = 4;
const SQLITE: &str = include_str!("../../tests/snapshots/schema_4/sqlite.sql");
const POSTGRESQL: &str = include_str!("../../tests/snapshots/schema_4/postgresql.sql");

/// What turns a database of a schema into one of the schema before it, from version 4 on.
const BEFORE: [(i64, &str); 3] = [
    (
        3,
        "ALTER TABLE company_state DROP COLUMN orders_version; DROP TABLE export_file; DROP TABLE export_job;",
    ),
    (2, include_str!("../../tests/snapshots/without_charging.sql")),
    (1, "DROP TABLE request_rate; ALTER TABLE company_state DROP COLUMN pruned_before;"),
];

/// Rows in the tables and columns that a schema added, for the schemas after the snapshot.
const ADDED: [(i64, &str); 7] = [
    (5, "INSERT INTO lease (task, lease_holder, lease_until) VALUES ('arrears', 'a server', 1795927700);"),
    (6, "UPDATE line SET resource_name = 'a resource' WHERE company_id = 1 AND line_no = 0;"),
    (
        7,
        "INSERT INTO price_list (name, position, is_own, format, factor, rate) \
         VALUES ('litellm', 9, 0, 'litellm', 1000000000000, '');",
    ),
    (8, "UPDATE uncharged_usage SET service_tier = 'batch' WHERE company_id = 1;"),
    (
        11,
        "INSERT INTO usage_owner (source, kind, name, company_id, organization_id, resource_id, resource_name) \
         VALUES ('litellm', 'team', 'research', 1, 1, '', '');",
    ),
    (12, "INSERT INTO export_space (company_id, bytes) VALUES (1, 0);"),
    (
        13,
        "UPDATE deployment_state SET deployment_id = 'the deployment', mark_no = 7 WHERE id = 1; \
         INSERT INTO deployment_setting (name, value) VALUES ('charging.arrears_at', '05:00');",
    ),
];

/// A database of one test.
enum Fixture {
    Sqlite(tempfile::TempDir),
    Postgres(tollbook_testkit::Database<'static>),
}

impl Fixture {
    /// Both databases with the rows of the snapshot.
    fn both() -> [Self; 2] {
        let sqlite = Self::Sqlite(tempfile::tempdir().unwrap());
        sqlite.sql(SQLITE);
        let postgres = Self::Postgres(Cluster::shared().database());
        postgres.sql(POSTGRESQL);
        [sqlite, postgres]
    }

    fn path(folder: &tempfile::TempDir) -> std::path::PathBuf {
        Path::new(folder.path()).join("tollbook.db")
    }

    fn sql(&self, sql: &str) {
        match self {
            Self::Sqlite(folder) => {
                rusqlite::Connection::open(Self::path(folder)).unwrap().execute_batch(sql).unwrap();
            }
            Self::Postgres(database) => {
                database.sql(sql);
            }
        }
    }

    fn connect(&self) -> OpenDatabase {
        let options = StoreOptions::default();
        match self {
            Self::Sqlite(folder) => connect_sqlite(&Self::path(folder), &options).unwrap(),
            Self::Postgres(database) => connect_postgres(database.url(), None, &options).unwrap(),
        }
    }

    /// Brings the snapshot to a schema, in the form that its program knew.
    fn become_schema(&self, version: i64) {
        for (before, sql) in BEFORE.iter().filter(|(before, _)| *before >= version) {
            self.sql(sql);
            self.sql(&format!("DELETE FROM schema_version WHERE version > {before};"));
        }
        for next in SNAPSHOT + 1..=version {
            // Programs from `WITH_DIGESTS` on wrote the digests that this one compares; it writes them anew for earlier ones.
            let completed = if next >= WITH_DIGESTS { complete } else { |_: &mut dyn Connection, _| Ok(()) };
            migrate_to(self.connect().0.as_ref(), next, completed).unwrap();
            for (_, sql) in ADDED.iter().filter(|(added, _)| *added == next) {
                self.sql(sql);
            }
        }
    }
}

fn check(store: &dyn Store, version: i64, name: &str) {
    let catalogue = Catalogue::built_in();
    let mut snapshot = store.snapshot().unwrap();
    let found = snapshot.verify(1, &catalogue, 10).unwrap();
    assert_eq!((found.orders, found.differences), (8, vec![]), "{name} {version}");
    assert_eq!(snapshot.verify_deployment(10).unwrap(), Vec::<String>::new(), "{name} {version}");
    let everything = OrderQuery {
        company_id: 1,
        statuses: StatusSet::of(&Status::ALL),
        range: TimeRange::everything(),
        lines: LineFilter::default(),
        order_numbers: Vec::new(),
    };
    let sums = snapshot.sums(&everything).unwrap();
    let sums: Vec<_> = sums.into_iter().map(|(_, sums)| (sums.orders, sums.total)).collect();
    assert_eq!(sums, [(2, 1_260_000_000), (6, 547_200_000), (0, 0)], "{name} {version}");
    let numbers: Vec<_> = snapshot
        .lines(1)
        .unwrap()
        .iter()
        .map(|line| (line.order_type, line.charge_type, line.pricing_unit, line.organization_name.clone()))
        .collect();
    assert_eq!(numbers, vec![(102, 102, 11, numbers[0].3.clone()); 2], "{name} {version}");
    assert!(!numbers[0].3.is_empty(), "{name} {version}: orders keep the organization's name");
    // What charging knew is there if the schema had it.
    let entries = snapshot.account_state(1).unwrap().entries;
    assert_eq!(entries, if version >= 3 { 9 } else { 0 }, "{name} {version}");
    let keys = snapshot.api_keys(None).unwrap();
    assert_eq!(keys.len(), 1, "{name} {version}");
    assert!(keys[0].name.is_empty() && keys[0].permissions.is_empty(), "{name} {version}");
    let id = snapshot.deployment_state().unwrap().deployment_id;
    assert_eq!(id, if version >= 13 { "the deployment" } else { "" }, "{name} {version}");
    drop(snapshot);
    // It can be written, and is consistent afterwards.
    let mut transaction = store.begin().unwrap();
    transaction.add_company("another", "CNY", "default").unwrap();
    transaction.commit().unwrap();
    assert_eq!(store.snapshot().unwrap().verify_deployment(10).unwrap(), Vec::<String>::new());
}

#[test]
fn a_database_of_every_schema_is_migrated_on_sqlite_and_postgres() {
    for version in 1..=known_version() {
        for (fixture, name) in Fixture::both().iter().zip(["SQLite", "PostgreSQL"]) {
            fixture.become_schema(version);
            let store = fixture.connect().into_store(&StoreOptions::default()).unwrap();
            check(&*store, version, name);
        }
    }
}

#[test]
fn an_interrupted_migration_changes_nothing_and_is_repeated_on_sqlite_and_postgres() {
    for version in [1, 4, known_version() - 1] {
        for (fixture, name) in Fixture::both().iter().zip(["SQLite", "PostgreSQL"]) {
            fixture.become_schema(version);
            // After the last migration and before the commit: its connection is dropped, as if the process were killed.
            let stopped = migrate_to(fixture.connect().0.as_ref(), known_version(), |_, _| {
                Err(StoreError::Unavailable("the process is killed".to_owned()))
            });
            assert!(matches!(stopped, Err(StoreError::Unavailable(_))), "{name} {version}: {stopped:?}");
            // The database is still one of the former schema: its program goes on with it.
            migrate_to(fixture.connect().0.as_ref(), version, |_, _| panic!("nothing is to be migrated"))
                .unwrap();
            let store = fixture.connect().into_store(&StoreOptions::default()).unwrap();
            check(&*store, version, name);
        }
    }
}

#[test]
fn a_process_does_not_write_to_a_newer_schema_on_sqlite_and_postgres() {
    for fixture in &Fixture::both() {
        let store = fixture.connect().into_store(&StoreOptions::default()).unwrap();
        drop(store.begin().unwrap());
        let next = known_version() + 1;
        fixture.sql(&format!("INSERT INTO schema_version (version) VALUES ({next});"));
        let refused = store.begin().err();
        assert!(
            matches!(refused, Some(StoreError::SchemaTooNew { found, .. }) if found == next),
            "{refused:?}"
        );
        assert_eq!(store.snapshot().unwrap().companies().unwrap().len(), 1, "reading goes on");
    }
}
