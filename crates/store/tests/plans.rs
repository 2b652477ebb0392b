//! How PostgreSQL executes what it is asked: from indexes, in their order, reading no row that is not wanted; on a
//! database that has just been filled, of which it knows nothing yet. The server's own log says how.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "contract/model.rs"]
#[expect(dead_code, reason = "only the orders of the model are needed here")]
mod model;

use tollbook_domain::{Catalogue, LineFilter, Status};
use tollbook_store::{Outcome, StoreOptions, connect_sqlite, copy, open_postgres};
use tollbook_testkit::Cluster;

const DAY: i64 = 86_400;

#[test]
fn every_plan_is_served_by_an_index() {
    let cluster = Cluster::start();
    let database = cluster.database();
    // Statistics come when vacuum runs; here it never does.
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
        let found = snapshot.verify(company_id, &Catalogue::built_in(), 10).unwrap();
        assert_eq!(found.differences, Vec::<String>::new());
        drop(snapshot);
        let mut transaction = store.begin().unwrap();
        assert_eq!(transaction.prune(company_id, 20 * DAY, 500).unwrap(), 500);
        transaction.commit().unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions::default();
    let target = connect_sqlite(&folder.path().join("copy.db"), &options).unwrap();
    let source = tollbook_store::connect_postgres(database.url(), None, &options).unwrap();
    copy(&source, &target, &Catalogue::built_in(), &mut |_, _| {}).unwrap();

    let log = std::fs::read_to_string(cluster.folder().join("log")).unwrap();
    let mut plans = 0;
    for plan in log.split("Query Text: ").skip(1) {
        let plan = plan.split("LOG:").next().unwrap();
        // The deployment's own small tables and the catalogue may be read as the server likes, and migrations are rare.
        let of_companies = ["orders", "order_number", "line", "rollup", "tile_count", "tile_sum"]
            .iter()
            .any(|table| plan.contains(&format!(" on {table} ")) || plan.contains(&format!(" on {table}\n")));
        if !of_companies || plan.contains("CREATE TABLE") {
            continue;
        }
        plans += 1;
        for sign in ["Seq Scan", "Bitmap", "Sort Method", "Hash", "Materialize"] {
            assert!(!plan.contains(sign), "{sign}: {plan}");
        }
        // What a filter looks at may be read for nothing; only numbers that nobody has are left out by one.
        let mut filters = plan.lines().filter(|line| line.trim().starts_with("Filter: "));
        assert!(filters.all(|line| line.contains("SubPlan") && line.contains("IS NOT NULL")), "{plan}");
    }
    assert!(plans > 1_000, "only {plans} plans were seen");
}
