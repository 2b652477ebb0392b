//! Verification in parts finds what verification of the whole finds, and nothing else.

use tollbook_domain::Status;
use tollbook_store::{PartSizes, StoreOptions};

use crate::Backend;
use crate::in_parts::{SMALLEST, found_in_parts};
use crate::{charged, model};

pub(crate) fn a_sound_database_has_no_difference_in_any_part(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions { tile_threshold: 10, ..StoreOptions::default() });
    let mut transaction = store.begin().unwrap();
    for name in ["one", "two", "three"] {
        transaction.add_company(name, "CNY", "default").unwrap();
    }
    let orders: Vec<_> = (0..400)
        .map(|n| {
            let status = if n % 8 == 0 { Status::Unpaid } else { Status::Paid };
            model::order(n, n, status, n % 3 * 2_000_000 + n * 700, n)
        })
        .collect();
    transaction.add_orders(&orders).unwrap();
    transaction.commit().unwrap();
    charged::fill(&*store, 2);
    for sizes in [PartSizes::default(), SMALLEST] {
        assert_eq!(found_in_parts(&*store, &sizes), Vec::<String>::new());
    }
}

pub(crate) fn a_part_reports_orders_that_violate_the_rules(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions { tile_threshold: 0, ..StoreOptions::default() });
    let mut transaction = store.begin().unwrap();
    transaction.add_company("one", "CNY", "default").unwrap();
    let mut order = model::order(1, 1, Status::Paid, 0, 1);
    order.order.deductions = tollbook_domain::Deductions::default();
    transaction.add_orders(&[order]).unwrap();
    transaction.commit().unwrap();
    for sizes in [PartSizes::default(), SMALLEST] {
        let found = found_in_parts(&*store, &sizes).join("\n");
        assert!(found.contains("company 1: order "), "{found}");
    }
}

pub(crate) fn a_part_that_is_too_large_is_skipped_and_says_so(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions { tile_threshold: 0, ..StoreOptions::default() });
    let mut transaction = store.begin().unwrap();
    transaction.add_company("one", "CNY", "default").unwrap();
    let orders: Vec<_> = (0..5).map(|n| model::order(n, 1, Status::Paid, n, n)).collect();
    transaction.add_orders(&orders).unwrap();
    transaction.commit().unwrap();
    let sizes = PartSizes { hour_orders: 4, ..SMALLEST };
    let mut parts = store.snapshot().unwrap().parts_of_company(1, &sizes).unwrap();
    let mut skipped = Vec::new();
    while let Some(part) = parts.pop() {
        let catalogue = tollbook_domain::Catalogue::built_in();
        let verified = store.snapshot().unwrap().verify_part(&part, &catalogue, &sizes, 5).unwrap();
        assert_eq!(verified.differences, Vec::<String>::new());
        parts.extend(verified.follow_ups);
        if verified.is_skipped {
            skipped.push(part.to_string());
        }
    }
    assert_eq!(skipped, ["company 1: orders of 1970-01-01T00, status 2"]);
}
