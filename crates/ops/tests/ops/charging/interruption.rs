//! Corrections of several transactions that are interrupted between two of them.

use std::sync::atomic::{AtomicUsize, Ordering};

use tollbook_domain::account::AccountKind;
use tollbook_ops::charging::{
    Charging, CorrectionRequest, RerateRequest, list_corrections, rerate, settle_all,
};
use tollbook_store::StoreError;

use super::before_begin::BeforeBegin;
use super::fixture::{BASE_S, Backend, DAY_S, Fixture, HOUR_S, price, usage};

const NOW_S: i64 = BASE_S + 10 * HOUR_S;

pub(crate) fn a_completed_rerate_counts_what_interrupted_runs_did(backend: &Backend) {
    // A transaction of a rerate changes about 500 records: three hours, three transactions.
    let (hours, records_per_hour) = (3, 500);
    let fixture = Fixture::new(backend, 1);
    fixture.put(&[price("m", "input", 2_000_000)]);
    fixture.deposit(1, AccountKind::Cash, 10_000_000, "cash", NOW_S);
    for hour in 0..hours {
        let at = BASE_S + hour * HOUR_S + 60;
        let records = (0..records_per_hour).map(|n| usage(1, &format!("{hour}-{n}"), at, "m", 10));
        fixture.accept(records.collect(), NOW_S);
    }
    settle_all(&fixture.charging(), "a test", NOW_S).unwrap();
    fixture.put(&[price("m", "input", 20_000)]);
    let request =
        CorrectionRequest { company_id: 1, key: "k".into(), reason: "a mistake".into(), dry_run: false };
    let which = RerateRequest { from_s: BASE_S - DAY_S, to_s: BASE_S + DAY_S, model_id: None, sku: None };
    // Recording the key takes a transaction, the next ones change the first hours.
    for transactions in [2, 1] {
        let left = AtomicUsize::new(transactions);
        let limited = BeforeBegin::new(&fixture, || {
            let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            taken.map(|_| ()).map_err(|_| StoreError::Unavailable("no transaction is left".into()))
        });
        let charging = Charging { store: &limited, ..fixture.charging() };
        let interrupted = rerate(&charging, &request, &which, NOW_S + 100).unwrap_err();
        assert!(matches!(interrupted.store_error(), Some(StoreError::Unavailable(_))), "{interrupted}");
        let listed = list_corrections(&fixture.charging(), 1, 9).unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].corrected, None, "it is not finished");
        fixture.assert_clean();
    }
    let completed = rerate(&fixture.charging(), &request, &which, NOW_S + 100).unwrap();
    assert_eq!(completed.differences.len(), 1, "one hour was left");
    let corrected = &completed.corrected;
    assert_eq!((corrected.records, corrected.replaced, corrected.made), (1_500, 3, 3));
    assert!(!corrected.is_repeated);
    assert_eq!(corrected.orders.len(), 3);
    let listed = list_corrections(&fixture.charging(), 1, 9).unwrap();
    assert_eq!(listed[0].corrected.as_ref().map(|listed| (listed.records, listed.made)), Some((1_500, 3)));
    let repeated = rerate(&fixture.charging(), &request, &which, NOW_S + 100).unwrap().corrected;
    assert!(repeated.is_repeated);
    assert_eq!((repeated.records, repeated.replaced, &repeated.orders), (1_500, 3, &corrected.orders));
    fixture.assert_clean();
}
