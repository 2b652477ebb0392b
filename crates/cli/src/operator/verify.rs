//! `verify`: recounts orders, usage and ledgers, and compares them with the stored sums.

use serde_json::json;
use tollbook_ops::audit;
use tollbook_ops::maintenance::recount::{MAX_DIFFERENCES, recount};
use tollbook_ops::webhooks::difference_found;
use tollbook_store::StoreError;

use super::audit::memory;
use super::context::now_s;
use crate::arguments::Global;
use crate::deployment::{self, Deployment, Purpose};
use crate::output::{Failure, Output, note};

pub(crate) fn run(global: &Global, output: &Output) -> Result<(), Failure> {
    let Deployment { store, catalogue, .. } = deployment::open(global, Purpose::Command)?;
    // One snapshot, so that concurrent writers do not disturb the comparison.
    let mut snapshot = store.snapshot()?;
    // The chains are recounted below; here, against what this data directory remembers of them.
    let audited = audit::verify(snapshot.as_mut(), Some(&memory(global)?), None);
    let audited = match audited {
        Ok(report) => report.differences,
        Err(audit::AuditLogError::Store(StoreError::Damaged(reason) | StoreError::Database(reason))) => {
            vec![format!("audit log: {reason}")]
        }
        Err(error) => return Err(error.into()),
    };
    let found = recount(snapshot.as_mut(), &catalogue)?;
    drop(snapshot);
    let mut differences = found.differences();
    // What the recount has found of the chains too is one difference.
    let remembered: Vec<String> =
        audited.into_iter().filter(|difference| !differences.contains(difference)).collect();
    for (company_id, some) in found.by_company().chain([(None, remembered.as_slice())]) {
        // The differences are reported here in any case.
        if let Err(error) = difference_found(store.as_ref(), "verify", company_id, some, now_s()) {
            note(&format!("webhooks: {error}"));
        }
    }
    differences.extend(remembered);
    let (companies, orders) = (found.companies, found.orders);
    let value = json!({"Companies": companies, "Orders": orders, "Differences": differences});
    if differences.is_empty() {
        output.result(&value, || format!("{orders} orders of {companies} companies: no difference"));
        return Ok(());
    }
    for difference in &differences {
        note(difference);
    }
    if differences.len() >= MAX_DIFFERENCES {
        note("and there may be more");
    }
    Err(Failure::with_value(format!("{} differences", differences.len()), value))
}
