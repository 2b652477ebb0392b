//! Verification in parts, as a server does it all the time.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tollbook_domain::Catalogue;
use tollbook_store::{PartSizes, Store, StoreError};

/// Sizes with which everything is divided that can be.
pub(crate) const SMALLEST: PartSizes = PartSizes {
    company_rows: -1,
    day_orders: 0,
    hour_orders: 1_000,
    day_records: 1_000,
    storage_time: Duration::ZERO,
};

/// What verification in parts finds: every part, and those that follow it.
pub(crate) fn found_in_parts(store: &dyn Store, sizes: &PartSizes) -> Vec<String> {
    let mut snapshot = store.verification_snapshot(&CancellationToken::new()).unwrap();
    let mut differences = Vec::new();
    let mut parts = snapshot.parts_of_deployment().unwrap();
    for company in snapshot.companies().unwrap() {
        match snapshot.parts_of_company(company.company_id, sizes) {
            Ok(of_company) => parts.extend(of_company),
            Err(StoreError::Damaged(reason) | StoreError::Database(reason)) => differences.push(reason),
            Err(error) => panic!("{error}"),
        }
    }
    while let Some(part) = parts.pop() {
        match snapshot.verify_part(&part, &Catalogue::built_in(), sizes, 50) {
            Ok(verified) => {
                assert!(!verified.is_skipped, "{part}");
                differences.extend(verified.differences);
                parts.extend(verified.follow_ups);
            }
            Err(StoreError::Damaged(reason) | StoreError::Database(reason)) => differences.push(reason),
            Err(error) => panic!("{part}: {error}"),
        }
    }
    differences
}
