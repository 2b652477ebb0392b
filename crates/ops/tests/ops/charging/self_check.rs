//! The self-check beside charging, payments and corrections, and of a database that was changed by another program.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tollbook_domain::account::AccountKind;
use tollbook_ops::charging::{CorrectionRequest, Rater, UsageName, pay_unpaid, settle_due, void_usage};
use tollbook_ops::maintenance::self_check::{Difference, Finding, SelfCheck};
use tollbook_store::PartSizes;

use super::edge_cases::unpaid_numbers;
use super::fixture::{BASE_S, Backend, DAY_S, Fixture, HOUR_S, unit_price, usage};

/// Sizes with which a small company is divided.
const SMALL: PartSizes = PartSizes {
    company_rows: 0,
    day_orders: 0,
    hour_orders: 1_000_000,
    day_records: 1_000_000,
    storage_time: Duration::from_millis(500),
};

/// Runs rounds until a number of whole cycles have ended.
fn cycles(check: &mut SelfCheck, fixture: &Fixture, cycles: u64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let end = check.report().cycles + cycles;
    while check.report().cycles < end {
        let found = &mut |finding| findings.push(finding);
        let (store, stop) = (fixture.store.as_ref(), CancellationToken::new());
        check.round(store, &fixture.catalogue, Duration::ZERO, &stop, found).unwrap();
    }
    findings
}

pub(crate) fn a_self_check_beside_charging_finds_nothing(backend: &Backend) {
    let fixture = Fixture::new(backend, 3);
    fixture.put(&[unit_price("m"), unit_price("n")]);
    for company_id in 1..=3 {
        fixture.deposit(company_id, AccountKind::Cash, 2_000, "cash", BASE_S);
    }
    let now_s = BASE_S + DAY_S;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let done = &done;
        // One divides companies, the other one does not, as two servers with companies of different sizes.
        let checks = [SMALL, PartSizes::default()].map(|sizes| {
            scope.spawn(move || {
                let (server, mut check) =
                    (Fixture::another_server(backend), SelfCheck::new(sizes, Duration::ZERO));
                let mut findings = cycles(&mut check, &server, 1);
                while !done.load(Ordering::SeqCst) {
                    findings.extend(cycles(&mut check, &server, 1));
                }
                findings
            })
        });
        let settler = scope.spawn(move || {
            let server = Fixture::another_server(backend);
            while !done.load(Ordering::SeqCst) {
                settle_due(&server.charging(), "server", now_s + 20).unwrap();
            }
        });
        let load: Vec<_> = (0..3i64)
            .map(|gateway| {
                scope.spawn(move || {
                    let server = Fixture::another_server(backend);
                    let limits = server.config.charging.limits_of_gateways();
                    let mut rater = Rater::new(server.charging(), limits);
                    for batch in 0..15i64 {
                        let company_id = 1 + (gateway + batch) % 3;
                        let record = |n: i64| {
                            let model = ["m", "n"][usize::try_from(n % 2).unwrap()];
                            let time_s = BASE_S + (n % 5) * HOUR_S + 1_800;
                            usage(company_id, &format!("{gateway} {batch} {n}"), time_s, model, 7)
                        };
                        rater.accept((0..30).map(record).collect(), now_s, None).unwrap();
                        server.deposit(
                            company_id,
                            AccountKind::Bonus,
                            40,
                            &format!("{gateway} {batch}"),
                            now_s,
                        );
                        let key = format!("{gateway} {batch}");
                        let names = [UsageName { source: None, id: format!("{key} 3"), time_s: None }];
                        let request =
                            CorrectionRequest { company_id, key, reason: "wrong".into(), dry_run: false };
                        void_usage(&server.charging(), &request, &names, now_s).unwrap();
                        let mut unpaid = unpaid_numbers(&server);
                        unpaid.truncate(5);
                        pay_unpaid(&server.charging(), 1, &unpaid, &|_| true, now_s).unwrap();
                    }
                })
            })
            .collect();
        load.into_iter().for_each(|load| load.join().unwrap());
        done.store(true, Ordering::SeqCst);
        settler.join().unwrap();
        for check in checks {
            assert_eq!(check.join().unwrap(), []);
        }
    });
    fixture.assert_clean();
}

/// Changes the database as another program would.
fn change(backend: &Backend, sql: &str) {
    match backend {
        Backend::Sqlite(folder) => {
            let database = rusqlite::Connection::open(folder.path().join("tollbook.db")).unwrap();
            assert!(database.execute(sql, []).unwrap() > 0, "{sql}");
        }
        Backend::Postgres(database) => {
            let output = std::process::Command::new("psql")
                .args(["-X", "-d", database.url(), "-c", sql])
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
        }
    }
}

pub(crate) fn a_self_check_finds_what_another_program_changed_once(backend: &Backend) {
    let fixture = Fixture::new(backend, 2);
    fixture.put(&[unit_price("m")]);
    fixture.deposit(1, AccountKind::Cash, 2_000, "cash", BASE_S);
    fixture.accept((0..30).map(|n| usage(1, &n.to_string(), BASE_S, "m", 7)).collect(), BASE_S + 60);
    settle_due(&fixture.charging(), "server", BASE_S + DAY_S).unwrap();
    for (sizes, kinds) in [
        (SMALL, ["accounts", "orders", "digests"]),
        (PartSizes::default(), ["company", "company", "digests"]),
    ] {
        let mut check = SelfCheck::new(sizes, Duration::ZERO);
        assert_eq!(cycles(&mut check, &fixture, 1), []);
        for (kind, (damage, repair)) in kinds.into_iter().zip([
            (
                "UPDATE account SET cash = cash + 1 WHERE company_id = 1",
                "UPDATE account SET cash = cash - 1 WHERE company_id = 1",
            ),
            (
                "UPDATE orders SET total = total + 1 WHERE company_id = 1",
                "UPDATE orders SET total = total - 1 WHERE company_id = 1",
            ),
            ("UPDATE price SET list_price = list_price + 1", "UPDATE price SET list_price = list_price - 1"),
        ]) {
            change(backend, damage);
            // The first cycle may have begun before.
            let findings = cycles(&mut check, &fixture, 3);
            let [Finding::Differs(Difference { kind: found, place, texts, company_id })] = &findings[..]
            else {
                panic!("{damage}: {findings:?}")
            };
            assert_eq!((*found, *company_id), (kind, (kind != "digests").then_some(1)), "{place}");
            assert!(!texts.is_empty());
            assert_eq!(check.report().differing.get(kind), Some(&1));
            change(backend, repair);
            let findings = cycles(&mut check, &fixture, 4);
            assert_eq!(findings, [Finding::IsSound(place.clone())]);
            assert_eq!(check.differing(), 0);
        }
    }
}
