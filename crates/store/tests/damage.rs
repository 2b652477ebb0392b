//! Tests of SQLite only: damage done to the database file by other programs, files that are not Tollbook databases, and
//! cancelled statements.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

#[path = "contract/charged.rs"]
mod charged;
#[path = "contract/in_parts.rs"]
mod in_parts;
#[path = "contract/model.rs"]
#[expect(dead_code, reason = "only the orders of the model are needed here")]
mod model;

use std::path::{Path, PathBuf};
use std::time::Duration;

use in_parts::{SMALLEST, found_in_parts};
use tokio_util::sync::CancellationToken;
use tollbook_domain::account::{AccountKind, Reversal};
use tollbook_domain::{Amount, Catalogue, Status};
use tollbook_store::{
    Correction, CorrectionKind, Lease, LeaseKey, LedgerRange, NewExportJob, PartSizes, StoreError,
    StoreOptions, open_sqlite,
};

fn database() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollbook.db");
    let store = open_sqlite(&path, &StoreOptions { tile_threshold: 10, ..StoreOptions::default() }).unwrap();
    let mut transaction = store.begin().unwrap();
    transaction.add_company("one", "CNY", "default").unwrap();
    let orders: Vec<_> = (0..40)
        .map(|n| {
            model::order(n, n % 9, if n % 8 == 0 { Status::Unpaid } else { Status::Paid }, n * 40_000, n)
        })
        .collect();
    transaction.add_orders(&orders).unwrap();
    transaction.add_company("two", "CNY", "default").unwrap();
    for (job_id, held) in [("runs", true), ("waits", false)] {
        let submitted = NewExportJob {
            company_id: 2,
            job_id: job_id.into(),
            public_key: "key".into(),
            created_s: 5,
            request: "everything".into(),
        };
        transaction.add_export_job(&submitted).unwrap();
        assert!(
            !held
                || transaction
                    .acquire(
                        LeaseKey::ExportJob { company_id: 2, job_id },
                        &Lease { holder: "x", until_s: 9 },
                        5
                    )
                    .unwrap()
        );
    }
    transaction.commit().unwrap();
    charged::fill(&*store, 2);
    (folder, path)
}

/// Both: a company in one part, and everything divided.
fn assert_found_in_parts(path: &Path, row: &str) {
    let store = open_sqlite(path, &StoreOptions::default()).unwrap();
    assert_ne!(found_in_parts(&*store, &PartSizes::default()), Vec::<String>::new(), "{row}");
    // These are sums over a whole company.
    if !row.contains("pruned_deductions") {
        assert_ne!(found_in_parts(&*store, &SMALLEST), Vec::<String>::new(), "divided: {row}");
    }
}

#[test]
fn verify_finds_every_kind_of_damage() {
    // statement | expected difference
    let table = "
        UPDATE rollup SET orders = orders + 1 WHERE unit = 1 AND period = 3                | 1970-01-04: rollup says
        UPDATE rollup SET orders = orders + 1 WHERE unit = 2                               | 1970-01: rollup says
        DELETE FROM rollup WHERE unit = 1 AND period = 3                                   | 1970-01-04: rollup says
        UPDATE tile_sum SET sums = (SELECT max(sums) FROM tile_sum)                        | tile 0 differs
        DELETE FROM tile_count WHERE unit = 2                                              | tile 0 differs
        UPDATE orders SET cash = cash + 1 WHERE status = 2 AND order_no = 'O000001'        | deductions add up to
        UPDATE orders SET quantity = quantity + 1 WHERE order_no = 'O000009'               | OriginalPrice: is
        UPDATE orders SET line_no = 99 WHERE order_no = 'O000001'                          | has no line
        DELETE FROM orders WHERE order_no = 'O000001'                                      | 40 orders noted, 39 counted
        DELETE FROM order_number WHERE number = 'O000001'                                  | the number O000001 is not registered
        DELETE FROM order_number WHERE number = 'O000008'                                  | the number O000008 is not registered
        INSERT INTO order_number VALUES (1, 'X', '', 0)                                    | numbers registered
        INSERT INTO rollup SELECT 1, 3, 1, 7, orders, sums FROM rollup LIMIT 1             | rollup without orders
        UPDATE company_state SET order_count = 7                                           | 7 orders noted";
    let mut cases = 0;
    for row in table.lines().filter(|row| row.contains('|')) {
        let (statement, expected) = row.split_once('|').unwrap();
        let (_folder, path) = database();
        let changed = rusqlite::Connection::open(&path).unwrap().execute(statement.trim(), []).unwrap();
        assert!(changed > 0, "{row}");
        let store = open_sqlite(&path, &StoreOptions::default()).unwrap();
        let found = store.snapshot().unwrap().verify(1, &Catalogue::built_in(), 50).unwrap();
        let said = found.differences.join("\n");
        assert!(said.contains(expected.trim()), "{row}\nfound: {said}");
        assert_found_in_parts(&path, row);
        cases += 1;
    }
    assert_eq!(cases, 14);
    let (_folder, path) = database();
    let store = open_sqlite(&path, &StoreOptions::default()).unwrap();
    let found = store.snapshot().unwrap().verify(1, &Catalogue::built_in(), 50).unwrap();
    assert_eq!((found.orders, found.differences), (40, Vec::new()));
}

#[test]
fn verify_finds_every_kind_of_damage_to_usage_and_accounts() {
    // statement | expected difference
    let table = "
        UPDATE usage_record SET pricing_state = 2 WHERE id = 'r000'                      | records are not charged
        UPDATE usage_record SET charges = (SELECT charges FROM usage_record WHERE id = 'r059') WHERE id = 'r000' | differ from the records
        UPDATE usage_record SET pricing_state = 4 WHERE id = 'r000'             | differ from the records
        UPDATE usage_record SET rest = (SELECT rest FROM usage_record WHERE id = 'late') WHERE id = 'r009' | differ from the records
        UPDATE usage_order SET close_no = -1 WHERE sequence_no = 0 AND bucket_start = 0 | differ from the records
        UPDATE uncharged_usage SET pricing_state = 4 WHERE id = 'free'          | records are not charged
        UPDATE usage_record SET bucket_start = 3600 WHERE id = 'r000'           | differ from the records
        DELETE FROM usage_record WHERE id = 'r000'                              | usage records noted
        UPDATE usage_hour SET records = records + 1 WHERE hour = 0              | usage records noted
        DELETE FROM usage_hour WHERE hour = 2                                   | has no records
        DELETE FROM uncharged_usage WHERE id = 'free'                               | records are not charged
        UPDATE uncharged_usage SET pricing_state = 2 WHERE id = 'unpriced'                   | records are not charged
        UPDATE open_hour SET amount = x'00000000000000000000000000000000'       | open hours differ
        UPDATE open_hour SET bucket_end = bucket_end + 1                        | hours that are due
        DELETE FROM open_hour                                                   | open hours differ
        UPDATE open_usage SET quantity = quantity + 1 WHERE line_no = 1         | open hours differ
        UPDATE open_usage SET records = records + 1 WHERE line_no = 1           | differ from the records
        UPDATE due_hour SET bucket_start = 3600                                 | hours that are due
        DELETE FROM due_hour                                                    | hours that are due
        UPDATE usage_order SET quantity = quantity + 1 WHERE sequence_no = 1    | is not what was made of usage
        UPDATE usage_order SET records = records + 1 WHERE sequence_no = 1      | differ from the records
        UPDATE usage_order SET order_no = 'O000000-2-0' WHERE sequence_no = 1   | is not what was made of usage
        UPDATE usage_order SET line_no = 99 WHERE sequence_no = 1               | differ from the records
        DELETE FROM usage_order WHERE sequence_no = 1                           | differ from the records
        UPDATE account SET cash = cash + 1                                      | the ledger says
        UPDATE account SET bonus = bonus + 1                                    | the ledger says
        UPDATE account SET credit = -1                                          | than the limit
        UPDATE account SET entries = entries + 1                                | ledger entries noted
        UPDATE account SET grants = grants + 1                                  | are in the ledger
        UPDATE account SET pruned_deductions = CAST(printf('%080d', 1) AS BLOB)                 | by settled orders
        UPDATE account_grant SET remaining = remaining + 1                      | differs from the ledger
        UPDATE account_grant SET granted = granted + 1                          | differs from the ledger
        UPDATE account_grant SET expires = expires + 1                          | differs from the ledger
        UPDATE account_grant SET models = 'm'                                   | differs from the ledger
        DELETE FROM account_grant WHERE grant_id = 1                            | are in the ledger
        UPDATE ledger SET amount = amount + 1 WHERE entry_no = 4                | does not follow
        UPDATE ledger SET balance = balance + 1 WHERE entry_no = 4              | does not follow
        UPDATE ledger SET kind = 4 WHERE entry_no = 0                           | does not follow
        UPDATE ledger SET cause = 4 WHERE cause = 2                             | deducted by the ledger
        UPDATE ledger SET reference = 'x' WHERE cause = 2                       | its deductions differ
        DELETE FROM ledger WHERE entry_no = 4                                   | does not follow
        UPDATE deposit SET amount = amount + 1 WHERE deposit_key = 'cash'       | differs from the ledger
        UPDATE account_grant SET remaining = 5, expires = 6                     | its end is not noted
        UPDATE deposit SET kind = 3 WHERE deposit_key = 'cash'                  | differs from the ledger
        UPDATE deposit SET expires = 5 WHERE deposit_key = 'bonus'              | differs from the ledger
        UPDATE deposit SET first_entry = 0 WHERE deposit_key = 'cash'           | differs from the ledger
        UPDATE deposit SET entries = 2 WHERE deposit_key = 'cash'               | differs from the ledger
        UPDATE deposit SET deposit_key = 'other' WHERE deposit_key = 'cash'     | differs from the ledger
        DELETE FROM deposit WHERE deposit_key = 'cash'                          | deposits noted
        UPDATE settlement SET first_entry = first_entry + 1                     | its deductions differ
        UPDATE settlement SET entries = entries + 1                             | its deductions differ
        DELETE FROM settlement WHERE source_no = (SELECT min(source_no) FROM settlement) | by settled orders
        INSERT INTO settlement VALUES (2, 'X', 0, 0)                            | settlements noted
        UPDATE revocation SET time = time + 1                                   | its revocation differs
        UPDATE export_job SET lease_holder = '' WHERE job_id = 'runs'                 | export job runs is not what
        UPDATE export_job SET ended_at = 9 WHERE job_id = 'runs'                | export job runs is not what
        UPDATE export_job SET attempts = 0 WHERE job_id = 'runs'                | export job runs is not what
        UPDATE export_job SET state = 0 WHERE job_id = 'runs'                   | export job runs is not what
        UPDATE export_job SET state = 2 WHERE job_id = 'runs'                   | export job runs is not what
        UPDATE export_job SET lease_until = 9 WHERE job_id = 'waits'             | export job waits is not what
        UPDATE export_job SET state = 3 WHERE job_id = 'waits'                  | export job waits is not what
        UPDATE revocation SET source_no = 'X'                                   | its revocation differs
        UPDATE orders SET end_time = end_time - 1 WHERE company_id = 2          | is not what was made of usage
        UPDATE orders SET cash = 0, credit = cash WHERE company_id = 2 AND cash > 0 | its deductions differ";
    let (folder, path) = database();
    let whole = std::fs::read(&path).unwrap();
    assert!(!path.with_extension("db-wal").exists(), "the database has no WAL, so its file is complete");
    for row in table.lines().filter(|row| row.contains('|')) {
        let (statement, expected) = row.rsplit_once('|').unwrap();
        let path = folder.path().join("damaged.db");
        for left in ["damaged.db", "damaged.db-wal", "damaged.db-shm"] {
            let _ = std::fs::remove_file(folder.path().join(left));
        }
        std::fs::write(&path, &whole).unwrap();
        let changed = rusqlite::Connection::open(&path).unwrap().execute(statement.trim(), []).unwrap();
        assert!(changed > 0, "{row}");
        let store = open_sqlite(&path, &StoreOptions::default()).unwrap();
        let found = store.snapshot().unwrap().verify(2, &Catalogue::built_in(), 90).unwrap();
        let said = found.differences.join("\n");
        assert!(said.contains(expected.trim()), "{row}\nfound: {said}");
        assert_found_in_parts(&path, row);
    }
    let store = open_sqlite(&path, &StoreOptions::default()).unwrap();
    let found = store.snapshot().unwrap().verify(2, &Catalogue::built_in(), 50).unwrap();
    assert_eq!((found.orders, found.differences), (17, Vec::new()));
    for sizes in [PartSizes::default(), SMALLEST] {
        assert_eq!(found_in_parts(&*store, &sizes), Vec::<String>::new());
    }
}

/// A company with a deposit that is half reversed, an adjustment, and a coupon that ended with something left.
fn corrected() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollbook.db");
    let store = open_sqlite(&path, &StoreOptions::default()).unwrap();
    let mut transaction = store.begin().unwrap();
    transaction.add_company("one", "CNY", "default").unwrap();
    transaction.commit().unwrap();
    for (kind, key) in
        [(AccountKind::Cash, "cash"), (AccountKind::Coupon, "coupon"), (AccountKind::Bonus, "b")]
    {
        charged::deposit(&*store, 1, kind, 100, key);
    }
    let ended_s = 1_000_000_000;
    let mut transaction = store.begin().unwrap();
    transaction.lock_company(1).unwrap();
    let stored = transaction.deposit(1, "cash").unwrap().unwrap();
    let before = transaction.account_state(1).unwrap();
    let mut after = before.clone();
    let mut entries = Vec::new();
    // The bonus is taken before it ends.
    entries.extend(after.account.adjust(AccountKind::Bonus, -100, "adjusted", 8).unwrap());
    entries.extend(after.account.expire(ended_s));
    let reversal = Reversal {
        deposit: &stored.deposit,
        grant: None,
        reversed: 0,
        amount: Some(Amount::from_steps(60)),
        owe: false,
        key: "reversed",
    };
    entries.extend(after.account.reverse(&reversal, ended_s).unwrap());
    assert_eq!(transaction.post(1, &before, &after, &entries).unwrap(), 3);
    transaction.set_reversed(1, "cash", 60).unwrap();
    for (key, kind, time_s, entry_no, reference) in [
        ("adjusted", CorrectionKind::Adjust, 8, 3, ""),
        ("reversed", CorrectionKind::Reverse, ended_s, 5, "cash"),
    ] {
        let made = Correction {
            key: key.into(),
            kind,
            digest: [7; 16],
            time_s,
            reason: "why".into(),
            reference: reference.into(),
            result: LedgerRange { first: entry_no, count: 1 }.to_text(),
        };
        transaction.add_correction(1, &made).unwrap();
    }
    transaction.commit().unwrap();
    (folder, path)
}

#[test]
fn verify_finds_every_kind_of_damage_to_corrections() {
    let table = "
        UPDATE deposit SET reversed = 61 WHERE deposit_key = 'cash'             | 61 noted as taken back, 60 were
        UPDATE deposit SET reversed = 60 WHERE deposit_key = 'coupon'           | 60 noted as taken back, 0 were
        UPDATE correction SET reference = 'none' WHERE kind = 4                 | was taken back and is not noted
        UPDATE correction SET result = '4 1' WHERE kind = 4                     | correction \"reversed\": differs
        UPDATE correction SET result = '5 2' WHERE kind = 4                     | correction \"reversed\": differs
        UPDATE correction SET result = '5' WHERE kind = 4                       | correction \"reversed\": differs
        UPDATE correction SET time = time + 1 WHERE kind = 5                    | correction \"adjusted\": differs
        UPDATE correction SET kind = 4 WHERE kind = 5                           | correction \"adjusted\": differs
        DELETE FROM correction WHERE kind = 5                                   | the correction \"adjusted\" of the ledger
        DELETE FROM correction WHERE kind = 4                                   | the reversal \"reversed\" of the ledger
        UPDATE ledger SET cause = 7 WHERE cause = 6                             | the correction \"reversed\" of the ledger
        UPDATE ledger SET time = 999999999 WHERE cause = 4                      | its end differs from the ledger
        UPDATE account_grant SET expired = 99 WHERE grant_id = 1                | its end differs from the ledger
        UPDATE account_grant SET expires = NULL WHERE grant_id = 1              | its end differs from the ledger
        UPDATE account SET credit = -1                                          | the ledger says";
    let (folder, path) = corrected();
    let whole = std::fs::read(&path).unwrap();
    let verified = |path: &PathBuf| {
        let store = open_sqlite(path, &StoreOptions::default()).unwrap();
        store.snapshot().unwrap().verify(1, &Catalogue::built_in(), 50).unwrap().differences
    };
    for row in table.lines().filter(|row| row.contains('|')) {
        let (statement, expected) = row.rsplit_once('|').unwrap();
        let path = folder.path().join("damaged.db");
        for left in ["damaged.db", "damaged.db-wal", "damaged.db-shm"] {
            let _ = std::fs::remove_file(folder.path().join(left));
        }
        std::fs::write(&path, &whole).unwrap();
        let changed = rusqlite::Connection::open(&path).unwrap().execute(statement.trim(), []).unwrap();
        assert!(changed > 0, "{row}");
        assert_found_in_parts(&path, row);
        let said = verified(&path).join("\n");
        assert!(said.contains(expected.trim()), "{row}\nsaid: {said}");
    }
    assert_eq!(verified(&path), Vec::<String>::new());
}

#[test]
fn files_of_other_programs_are_refused_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE notes (text TEXT)").unwrap();
    let before = std::fs::read(&path).unwrap();
    let refused = open_sqlite(&path, &StoreOptions::default()).err().unwrap();
    assert!(matches!(refused, StoreError::NotOurs(_)), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let missing =
        open_sqlite(&folder.path().join("no/such/folder.db"), &StoreOptions::default()).err().unwrap();
    assert!(matches!(missing, StoreError::Unavailable(_)), "{missing}");
}

#[test]
fn a_database_of_a_newer_program_is_refused_and_not_changed() {
    let (_folder, path) = database();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("INSERT INTO schema_version VALUES (999)", []).unwrap();
    let refused = open_sqlite(&path, &StoreOptions::default()).err().unwrap();
    assert!(matches!(refused, StoreError::SchemaTooNew { found: 999, .. }), "{refused}");
}

#[test]
fn concurrent_opens_of_an_empty_folder_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollbook.db");
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| open_sqlite(&path, &StoreOptions::default()).map(|_| ()).unwrap());
        }
    });
    let store = open_sqlite(&path, &StoreOptions::default()).unwrap();
    assert!(store.snapshot().unwrap().companies().unwrap().is_empty());
}

#[test]
fn a_statement_is_cancelled_on_timeout_or_by_its_caller() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollbook.db");
    let options = StoreOptions::default();
    let store = open_sqlite(&path, &options).unwrap();
    let mut transaction = store.begin().unwrap();
    transaction.add_company("one", "CNY", "default").unwrap();
    let orders: Vec<_> = (0..8_000).map(|n| model::order(n, n % 9, Status::Paid, n * 700, n)).collect();
    transaction.add_orders(&orders).unwrap();
    transaction.commit().unwrap();
    let query = model::query(0, 400 * 86_400, &[Status::Paid]);
    // With a timeout of zero, the first check of the deadline cancels the statement.
    let hasty = StoreOptions { statement_timeout: Duration::ZERO, ..options };
    let impatient = open_sqlite(&path, &hasty).unwrap();
    let cancelled = impatient.snapshot().unwrap().scan(&query, &mut |_| Ok(())).unwrap_err();
    assert!(matches!(cancelled, StoreError::TooLong(_)), "{cancelled}");
    let caller = CancellationToken::new();
    let mut snapshot = store.snapshot_for(&caller).unwrap();
    let mut seen = 0;
    let cancelled = snapshot
        .scan(&query, &mut |_| {
            seen += 1;
            caller.cancel();
            Ok(())
        })
        .unwrap_err();
    assert!(matches!(cancelled, StoreError::Cancelled) && seen < 8_000, "{cancelled} after {seen}");
    drop(snapshot);
    // The token does not cancel the next request on the same connection.
    assert_eq!(store.snapshot().unwrap().count(&query).unwrap(), 8_000);
}

/// A database in which every table has rows and long values, as one file without a WAL.
fn whole_database() -> (tempfile::TempDir, PathBuf) {
    let (folder, path) = database();
    let store = open_sqlite(&path, &StoreOptions { tile_threshold: 10, ..StoreOptions::default() }).unwrap();
    let mut transaction = store.begin().unwrap();
    // Enough lines that tiles continue on pages of their own.
    let orders: Vec<_> =
        (100..400).map(|n| model::order(n, n, Status::Paid, n * 90_000, n * 1_000_000_007)).collect();
    transaction.add_orders(&orders).unwrap();
    for company_id in [1, 2] {
        transaction.add_organization(company_id, "org-a", "研发").unwrap();
        let key = tollbook_domain::tenant::ApiKey {
            organization_ids: vec![1],
            allowed_networks: vec!["10.0.0.0/8".into()],
            rate_limit_per_s: Some(5),
            ..tollbook_domain::tenant::ApiKey::unrestricted(
                format!("key {company_id}"),
                company_id,
                vec![7; 9_000],
            )
        };
        transaction.add_api_key(&key).unwrap();
        let discount = tollbook_domain::Discount {
            company_id,
            model_id: "m".into(),
            sku: String::new(),
            factor: tollbook_domain::UnitPrice::parse("0.5").unwrap(),
        };
        transaction.set_discount(&discount).unwrap();
    }
    let operator = tollbook_store::OperatorKey {
        digest: [7; 32],
        name: "gateway".into(),
        created_s: 5,
        disabled: false,
        roles: vec![tollbook_domain::OperatorRole::Usage],
    };
    transaction.add_operator_key(&operator).unwrap();
    for company_id in 0..3 {
        let (before, after, reason) = (String::new(), "{}".to_owned(), String::new());
        transaction.record_act(tollbook_store::Act { company_id, name: "test", before, after, reason });
    }
    transaction.commit().unwrap();
    drop(store);
    let connection = rusqlite::Connection::open(&path).unwrap();
    // Without free pages, every page holds something.
    connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(connection);
    assert!(!path.with_extension("db-wal").exists(), "the database has no WAL, so its file is complete");
    (folder, path)
}

/// Whether opening or verifying a database reports anything, as `tollbook verify` does it.
fn is_noticed(path: &std::path::Path) -> bool {
    let Ok(store) = open_sqlite(path, &StoreOptions::default()) else { return true };
    let mut snapshot = store.snapshot().unwrap();
    if snapshot.verify_deployment(5).map_or(true, |found| !found.is_empty()) {
        return true;
    }
    (1..=2).any(|company_id| {
        let found = snapshot.verify(company_id, &Catalogue::built_in(), 5);
        found.map_or(true, |found| !found.differences.is_empty())
    })
}

/// Writes bytes as a database file, without what earlier connections have left beside it.
fn place(folder: &std::path::Path, bytes: &[u8]) -> PathBuf {
    for left in ["damaged.db-wal", "damaged.db-shm"] {
        let _ = std::fs::remove_file(folder.join(left));
    }
    let path = folder.join("damaged.db");
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

#[test]
fn every_overwritten_page_is_noticed() {
    let (folder, path) = whole_database();
    let whole = std::fs::read(&path).unwrap();
    assert!(!is_noticed(&place(folder.path(), &whole)), "the undamaged database");
    let page_bytes = 8_192;
    assert!(whole.len().is_multiple_of(page_bytes) && whole.len() / page_bytes > 60, "{} bytes", whole.len());
    let mut numbers = Numbers(15);
    let mut unnoticed = Vec::new();
    for page in 0..whole.len() / page_bytes {
        let mut damaged = whole.clone();
        for byte in &mut damaged[page * page_bytes..(page + 1) * page_bytes] {
            *byte = u8::try_from(numbers.next() % 256).unwrap();
        }
        if !is_noticed(&place(folder.path(), &damaged)) {
            unnoticed.push(page);
        }
    }
    assert_eq!(unnoticed, Vec::<usize>::new());
}

/// Columns that nothing is compared with: times of day and texts that move no money.
const UNCHECKED: &[(&str, &[&str])] = &[
    ("orders", &["end_time", "create_time", "paid_time", "revocation_time"]),
    ("usage_record", &["time", "digest", "rest"]),
    ("uncharged_usage", &["time", "resource_id", "user_email", "model_id", "reason", "quantities"]),
    ("revocation", &["reason"]),
    ("correction", &["reason"]),
    ("export_job", &["public_key", "request", "made_at", "lease_holder", "lease_until"]),
    ("company_state", &["pruned_before", "orders_version"]),
];

/// The rows of each table as SQL literals, without unchecked columns; `None` if they cannot be read.
fn content(path: &std::path::Path) -> Option<Vec<(String, Vec<String>)>> {
    let connection = rusqlite::Connection::open(path).ok()?;
    // A bit of a table's name may be that of a letter's case, which is none to SQLite.
    let names = "SELECT lower(name) FROM sqlite_schema WHERE type = 'table' ORDER BY 1";
    let mut names = connection.prepare(names).ok()?;
    let names: Vec<String> = names.query_map([], |row| row.get(0)).ok()?.collect::<Result<_, _>>().ok()?;
    let rows = |name: &str| {
        let mut columns =
            connection.prepare(&format!("SELECT name FROM pragma_table_info('{name}')")).ok()?;
        let columns: Vec<String> =
            columns.query_map([], |row| row.get(0)).ok()?.collect::<Result<_, _>>().ok()?;
        let unchecked =
            UNCHECKED.iter().find(|(table, _)| *table == name).map_or(&[][..], |(_, columns)| columns);
        let columns = columns.iter().filter(|column| !unchecked.contains(&column.as_str()));
        let quoted: Vec<String> = columns.map(|column| format!("quote({column})")).collect();
        let sql = format!("SELECT {} FROM {name} NOT INDEXED", quoted.join(" || ',' || "));
        let mut rows = connection.prepare(&sql).ok()?;
        rows.query_map([], |row| row.get(0)).ok()?.collect::<Result<Vec<String>, _>>().ok()
    };
    names.into_iter().map(|name| rows(&name).map(|rows| (name, rows))).collect()
}

/// One changed bit within a row can leave the file whole. It is noticed wherever money is decided.
#[test]
fn a_changed_bit_is_noticed_where_money_is_decided() {
    let (folder, path) = whole_database();
    let whole = std::fs::read(&path).unwrap();
    let before = content(&path).unwrap();
    let mut numbers = Numbers(16);
    let (mut changed, mut unnoticed) = (0, Vec::new());
    for _ in 0..600 {
        let mut damaged = whole.clone();
        let place_of = usize::try_from(numbers.next()).unwrap() % whole.len();
        damaged[place_of] ^= 1 << (numbers.next() % 8);
        let path = place(folder.path(), &damaged);
        let after = content(&path);
        if after.as_ref() == Some(&before) {
            // Unused space of a page, or an index only.
            continue;
        }
        changed += 1;
        if is_noticed(&place(folder.path(), &damaged)) {
            continue;
        }
        let tables = before.iter().zip(after.iter().flatten()).filter(|(before, after)| before != after);
        for ((name, before), (_, after)) in tables {
            let rows = before.iter().zip(after).find(|(before, after)| before != after);
            unnoticed.push(format!("{name}: {rows:?}"));
        }
    }
    assert!(changed > 100, "only {changed} changes");
    assert!(unnoticed.is_empty(), "{unnoticed:?} of {changed}");
}

#[test]
fn verify_finds_damage_that_nothing_is_derived_from() {
    // statement | expected difference
    let table = "
        UPDATE api_key SET disabled = 1                                  | the rows of api_key are not those
        UPDATE api_key SET sealed_private_key = x'00'                    | the rows of api_key are not those
        UPDATE discount SET factor = factor + 1                          | the rows of discount are not those
        DELETE FROM discount                                             | the rows of discount are not those
        UPDATE company SET currency = 'USD' WHERE company_id = 2         | the rows of company are not those
        UPDATE organization SET name = 'x' WHERE company_id = 2          | company 2: the rows of organization are not
        UPDATE operator_key SET disabled = 1                             | the rows of operator_key are not those
        INSERT INTO setting VALUES ('hour offsets', '0 0')               | the rows of setting are not those
        INSERT INTO deployment_setting VALUES ('a', 'b')                 | the rows of deployment_setting are not
        DELETE FROM table_digest WHERE table_name = 'price'              | price has no digest
        UPDATE line SET model_name = 'x' WHERE company_id = 1 AND line_no = 3 | company 1: line 3 is not what was stored
        INSERT INTO tile_sum SELECT company_id, 3, unit, chunk, 99999, sums FROM tile_sum LIMIT 1 | rows of tile_sum,
        UPDATE tile_sum SET chunk = 99 WHERE chunk = 1 AND unit = 2      | tile 1 differs
        UPDATE audit_entry SET actor = 'x' WHERE company_id = 1          | company 1: audit entry 0 (test) is not what
        UPDATE audit_entry SET reason = 'x' WHERE company_id = 0         | deployment: audit entry 0 (test) is not what
        DELETE FROM audit_chain WHERE company_id = 2                     | company 2: audit entries 0 to 0 were inserted";
    let (folder, path) = whole_database();
    let whole = std::fs::read(&path).unwrap();
    for row in table.lines().filter(|row| row.contains('|')) {
        let (statement, expected) = row.rsplit_once('|').unwrap();
        let path = place(folder.path(), &whole);
        let changed = rusqlite::Connection::open(&path).unwrap().execute(statement.trim(), []).unwrap();
        assert!(changed > 0, "{row}");
        let store = open_sqlite(&path, &StoreOptions::default()).unwrap();
        let mut snapshot = store.snapshot().unwrap();
        let mut found = snapshot.verify_deployment(50).unwrap();
        for company_id in [1, 2] {
            // As `tollbook verify`: what cannot be read is a difference too.
            match snapshot.verify(company_id, &Catalogue::built_in(), 50) {
                Err(StoreError::Damaged(reason)) => found.push(reason),
                verified => found.extend(verified.unwrap().differences),
            }
        }
        let said = found.join("\n");
        assert!(said.contains(expected.trim()), "{row}\nfound: {said}");
    }
}
