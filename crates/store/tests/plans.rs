//! PostgreSQL executes every statement from indexes, in index order, without reading rows that the result does not
//! need, even on a newly filled database without statistics. The plans are read from the server's log (`auto_explain`).

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

#[path = "contract/charged.rs"]
mod charged;
#[path = "contract/model.rs"]
#[expect(dead_code, reason = "only the orders of the model are needed here")]
mod model;

use std::collections::BTreeSet;

use tollbook_domain::tenant::ApiKey;
use tollbook_domain::{Catalogue, LineFilter, Status};
use tollbook_store::{
    DayRange, Outcome, RecordKey, Store, StoreOptions, Transaction, Uncharged, connect_sqlite, copy,
    open_postgres,
};
use tollbook_testkit::Cluster;

const DAY: i64 = 86_400;

/// Tables that grow with the orders and the usage of companies.
const COMPANY_TABLES: [&str; 20] = [
    "orders",
    "order_number",
    "line",
    "rollup",
    "tile_count",
    "tile_sum",
    "usage_hour",
    "usage_record",
    "uncharged_usage",
    "open_hour",
    "open_usage",
    "usage_order",
    "account_grant",
    "ledger",
    "deposit",
    "settlement",
    "revocation",
    "correction",
    "request_nonce",
    "audit_entry",
];

/// Any plan is accepted: the table has one small row for each hour, and expiry reads those of a company once an hour.
const LOOKED_THROUGH: &str = "SELECT hour FROM usage_hour";

/// Statements that periodically read the exports of all companies, and the index that must provide their order. A
/// search for due jobs must not read jobs that have ended.
const OF_EXPORTS: [(&str, &str); 3] = [
    ("SELECT company_id, job_id, state, lease_until FROM export_job", "export_job_open"),
    ("SELECT company_id, job_id FROM export_job WHERE state > 1", "export_job_ended"),
    ("SELECT company_id, digest FROM export_file", "export_file_stored"),
];

/// Statements that periodically read the deliveries of all companies, and the index that must provide their order. Those that
/// have ended must not be read.
const OF_WEBHOOKS: [(&str, &str); 3] = [
    ("SELECT endpoint_id FROM webhook_delivery WHERE state = 0", "webhook_delivery_due"),
    ("SELECT company_id, event_no, d.endpoint_id, e.message_id", "webhook_delivery_due"),
    ("SELECT company_id, event_no, endpoint_id FROM webhook_delivery", "webhook_delivery_ended"),
];

fn ask_for_deliveries(database: &tollbook_testkit::Database<'_>) {
    let store = open_postgres(database.url(), None, &StoreOptions::default()).unwrap();
    let mut transaction = store.begin().unwrap();
    for n in 0..300 {
        let event = tollbook_store::NewWebhookEvent {
            company_id: n % 10,
            message_id: format!("{n}"),
            event_type: "order.paid".into(),
            recorded_s: n,
            payload: "{}".into(),
        };
        transaction.add_webhook_event(&event, &["a", "b"]).unwrap();
    }
    transaction.commit().unwrap();
    let mut transaction = store.begin().unwrap();
    assert_eq!(transaction.next_pending_endpoint("a").unwrap().as_deref(), Some("b"));
    assert_eq!(transaction.due_delivery("a", 500, 9).unwrap().unwrap().0.message_id, "0");
    assert_eq!(transaction.expire_webhooks(9, 7).unwrap(), 0);
}

fn ask_for_exports(database: &tollbook_testkit::Database<'_>) {
    let store = open_postgres(database.url(), None, &StoreOptions::default()).unwrap();
    let mut transaction = store.begin().unwrap();
    for n in 0..300u16 {
        let submitted = tollbook_store::NewExportJob {
            company_id: i64::from(n % 10),
            job_id: format!("{n}"),
            public_key: "key".into(),
            created_s: 5,
            request: "everything".into(),
        };
        transaction.add_export_job(&submitted).unwrap();
    }
    transaction.commit().unwrap();
    let mut transaction = store.begin().unwrap();
    assert_eq!(transaction.due_export_jobs(9, 7).unwrap().len(), 7);
    assert_eq!(transaction.expire_export_jobs(9, 7).unwrap(), 0);
    assert_eq!(transaction.expire_export_files(9, 7).unwrap(), 0);
    assert_eq!(transaction.take_oldest_export_file(1, &[0; 32]).unwrap(), None);
    assert_eq!(transaction.all_export_bytes().unwrap(), []);
}

/// Reads stored usage records, as corrections do.
fn read_records(transaction: &mut dyn Transaction, company_id: i64) {
    let names = [(Some("p"), "00007"), (None, "00008")];
    let found = transaction.find_records(company_id, &names).unwrap();
    let keys: Vec<RecordKey> = found.iter().flatten().map(|record| record.key.clone()).collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(transaction.records_by_keys(company_id, &keys).unwrap().len(), 2);
    let range = DayRange { day: 400, from_s: 400 * DAY, to_s: 401 * DAY };
    let (records, last) = transaction.records_of_day(company_id, &range, None, 10).unwrap();
    assert_eq!(records.len(), 10);
    transaction.records_of_day(company_id, &range, last.as_ref(), 10).unwrap();
    let places: Vec<(i64, u32)> = records
        .iter()
        .flat_map(|record| record.charges.iter().map(|charge| (record.bucket_start_s, charge.line_no)))
        .collect();
    transaction.usage_orders(company_id, &places).unwrap();
    transaction.usage_order_by_number(company_id, 400 * DAY, "O1").unwrap();
    transaction.usage_hours(company_id, 9_600, 9_700).unwrap();
}

/// Executes every statement that charging a company uses.
fn charge(store: &dyn Store, company_id: i64) {
    charged::fill(store, company_id);
    charged::close(store, company_id, charged::bucket(2 * charged::HOUR), 20);
    let records: Vec<_> = (0..3_000)
        .map(|n| charged::record(company_id, "p", &format!("{n:05}"), 400 * DAY + n * 30, n % 300 % 102, 5))
        .collect();
    charged::add_usage(store, &records, 500 * DAY);
    charged::add_usage(store, &records[..200], 500 * DAY);
    charged::add_usage(store, &[charged::record(company_id, "q", "old", 300 * DAY, 1, 5)], 500 * DAY);
    charged::close(store, company_id, charged::bucket(300 * DAY), 20);
    for hour in 0..3 {
        charged::close(store, company_id, charged::bucket(400 * DAY + hour * charged::HOUR), 20);
    }
    let mut transaction = store.begin().unwrap();
    transaction.lock_company(company_id).unwrap();
    let waiting = transaction.uncharged_usage(company_id, Uncharged::Unpriced, None, 5).unwrap();
    let last = &waiting[waiting.len() - 1].usage;
    let after = (last.hour(), last.source.clone(), last.id.clone());
    transaction.uncharged_usage(company_id, Uncharged::Unpriced, Some(&after), 5).unwrap();
    let priced: Vec<_> = waiting
        .into_iter()
        .map(|uncharged| {
            let usage = uncharged.usage;
            charged::record(company_id, &usage.source, &usage.id, usage.time_s, 1, 5)
        })
        .collect();
    let catalogue = Catalogue::built_in();
    let arrival = charged::arrival(500 * DAY, None, &catalogue);
    assert_eq!(transaction.price_usage(company_id, &priced, &arrival).unwrap(), priced.len());
    assert!(transaction.arrears(company_id, 0, 10).unwrap().len() >= 10);
    let mut query = model::query(0, 500 * DAY, &[Status::Paid]);
    query.company_id = company_id;
    transaction.pending(&query, &catalogue).unwrap();
    query.lines = LineFilter::default().model_ids(vec!["model-1".into()]);
    transaction.pending(&query, &catalogue).unwrap();
    let key = ApiKey::unrestricted("key", company_id, Vec::new());
    for n in 0..3_000 {
        assert!(transaction.remember_nonce(&key, n, "nonce", true).unwrap());
    }
    assert_eq!(transaction.drop_nonces(company_id, 30).unwrap(), 30);
    transaction.deposit(company_id, "cash").unwrap();
    transaction.settlement(company_id, "O1").unwrap();
    transaction.revocation(company_id, "O1").unwrap();
    transaction.grants(company_id, &[1, 2]).unwrap();
    transaction.ended_grants(company_id, 5).unwrap();
    transaction.correction(company_id, "R1").unwrap();
    transaction.audit_entries(company_id, 3, 10).unwrap();
    read_records(transaction.as_mut(), company_id);
    transaction.corrections(company_id, Some((5, "R1")), 10).unwrap();
    assert!(transaction.expire_identities(company_id, 600 * DAY, 50).unwrap() > 0);
    transaction.commit().unwrap();
    // Pricing the records without a price reopened the first hour. Orders are not pruned past an open hour.
    charged::close(store, company_id, charged::bucket(0), 20);
}

#[test]
fn every_plan_uses_an_index() {
    let cluster = Cluster::start();
    let database = cluster.database();
    // Without autovacuum, the tables have no statistics.
    cluster.set("autovacuum", "off");
    let explain = [
        "session_preload_libraries = 'auto_explain'",
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_analyze = on",
        "auto_explain.log_format = 'text'",
    ];
    for setting in explain {
        database.sql(&format!("ALTER DATABASE {} SET {setting}", database.name()));
    }
    for tile_threshold in [100, 1_000_000] {
        let options = StoreOptions { tile_threshold, ..StoreOptions::default() };
        let store = open_postgres(database.url(), None, &options).unwrap();
        let mut transaction = store.begin().unwrap();
        let company = transaction.add_company("one", "CNY", "default").unwrap();
        transaction.commit().unwrap();
        let company_id = company.company_id;
        let orders: Vec<_> = (0..12_000)
            .map(|n| {
                let status = [Status::Paid, Status::Paid, Status::Unpaid, Status::Revoked]
                    [usize::try_from(n % 4).unwrap()];
                let mut new = model::order(n, n % 700, status, n * 700, n);
                new.company_id = company_id;
                new
            })
            .collect();
        for batch in orders.chunks(4_000) {
            let mut transaction = store.begin().unwrap();
            let outcomes = transaction.add_orders(batch).unwrap();
            assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Added));
            transaction.commit().unwrap();
        }
        let mut snapshot = store.snapshot().unwrap();
        for statuses in [&[Status::Paid][..], &Status::ALL, &[]] {
            for (start_s, end_s) in [(0, 400 * DAY), (5 * DAY + 7, 40 * DAY + 5_001)] {
                let mut query = model::query(start_s, end_s, statuses);
                query.company_id = company_id;
                for lines in [LineFilter::default(), LineFilter::default().resource_ids(vec!["key-3".into()])]
                {
                    query.lines = lines;
                    for offset in [0, 900, 2_500] {
                        snapshot.page(&query, offset, 20).unwrap();
                    }
                    snapshot.sums(&query).unwrap();
                    snapshot.sums_by_line(&query).unwrap();
                    snapshot.scan(&query, &mut |_| Ok(())).unwrap();
                }
                query.order_numbers = vec!["O000007".into(), "U000008".into(), "none".into()];
                snapshot.page(&query, 0, 20).unwrap();
            }
        }
        snapshot.classify_orders(&orders[..500]).unwrap();
        drop(snapshot);
        charge(&*store, company_id);
        let mut snapshot = store.snapshot().unwrap();
        snapshot.ledger_balances(company_id, 3).unwrap();
        let found = snapshot.verify(company_id, &Catalogue::built_in(), 10).unwrap();
        assert_eq!(found.differences, Vec::<String>::new());
        drop(snapshot);
        let mut transaction = store.begin().unwrap();
        assert_eq!(transaction.prune(company_id, 20 * DAY, 500).unwrap(), 500);
        transaction.commit().unwrap();
    }
    ask_for_exports(&database);
    ask_for_deliveries(&database);
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions::default();
    let target = connect_sqlite(&folder.path().join("copy.db"), &options).unwrap();
    let source = tollbook_store::connect_postgres(database.url(), None, &options).unwrap();
    copy(&source, &target, &Catalogue::built_in(), &mut |_, _| {}).unwrap();

    let log = std::fs::read_to_string(cluster.folder().join("log")).unwrap();
    let mut plans = 0;
    let mut wrong: BTreeSet<String> = BTreeSet::new();
    for plan in log.split("Query Text: ").skip(1) {
        let plan = plan.split("LOG:").next().unwrap();
        // Any plan is accepted for the small tables of the deployment, for the system catalogue and for migrations.
        let of_companies = COMPANY_TABLES
            .iter()
            .any(|table| plan.contains(&format!(" on {table} ")) || plan.contains(&format!(" on {table}\n")));
        if !of_companies
            || plan.starts_with("-- ")
            || plan.contains("ALTER TABLE")
            || plan.contains("CREATE TABLE")
            || plan.starts_with(LOOKED_THROUGH)
        {
            continue;
        }
        plans += 1;
        for sign in ["Seq Scan", "Bitmap", "Sort Method", "Hash", "Materialize"] {
            if plan.contains(sign) {
                wrong.insert(format!("{sign}: {plan}"));
            }
        }
        // A filter discards rows that were read, so only the one that skips unused numbers is accepted.
        let mut filters = plan.lines().filter(|line| line.trim().starts_with("Filter: "));
        if !filters.all(|line| line.contains("SubPlan") && line.contains("IS NOT NULL")) {
            wrong.insert(plan.to_owned());
        }
    }
    for (statement, index) in OF_EXPORTS.into_iter().chain(OF_WEBHOOKS) {
        let plans: Vec<&str> = log.split("Query Text: ").filter(|plan| plan.starts_with(statement)).collect();
        assert!(!plans.is_empty(), "{statement}");
        for plan in plans {
            let plan = plan.split("LOG:").next().unwrap();
            assert!(plan.contains(index) && !plan.contains("Sort") && !plan.contains("Seq Scan"), "{plan}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
    assert!(plans > 1_000, "only {plans} plans were logged");
}
