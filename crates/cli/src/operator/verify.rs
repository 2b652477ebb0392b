//! `verify`: recounts orders, usage and ledgers, and compares them with the stored sums.

use std::collections::HashSet;

use serde_json::json;
use tollbook_ops::audit;
use tollbook_ops::webhooks::difference_found;
use tollbook_store::{StoreError, StoreResult};

use super::audit::memory;
use super::context::now_s;
use crate::arguments::Global;
use crate::deployment::{self, Deployment, Purpose};
use crate::output::{Failure, Output, note};

/// Maximum number of differences to report for each company.
const MAX_DIFFERENCES: usize = 100;

pub(crate) fn run(global: &Global, output: &Output) -> Result<(), Failure> {
    let Deployment { store, catalogue, .. } = deployment::open(global, Purpose::Command)?;
    // One snapshot, so that concurrent writers do not disturb the comparison.
    let mut snapshot = store.snapshot()?;
    // What cannot be read is a difference like others: the rest is still counted.
    let mut differences = damage(snapshot.verify_deployment(MAX_DIFFERENCES), "the database")?;
    let companies = match snapshot.companies() {
        Err(StoreError::Damaged(reason) | StoreError::Database(reason)) => {
            differences.push(format!("companies: {reason}"));
            Vec::new()
        }
        companies => companies?,
    };
    // The chains are recounted below; here, against what this data directory remembers of them.
    let audited = audit::verify(snapshot.as_mut(), Some(&memory(global)?), None);
    match audited {
        Ok(report) => differences.extend(report.differences),
        Err(audit::AuditLogError::Store(StoreError::Damaged(reason) | StoreError::Database(reason))) => {
            differences.push(format!("audit log: {reason}"));
        }
        Err(error) => return Err(error.into()),
    }
    let mut orders = 0;
    // Of the deployment, then of each company.
    let mut found = vec![(None, std::mem::take(&mut differences))];
    for company in &companies {
        let company_id = company.company_id;
        let verified = snapshot.verify(company_id, &catalogue, MAX_DIFFERENCES).map(|verified| {
            orders += verified.orders;
            verified.differences
        });
        found.push((Some(company_id), damage(verified, &format!("company {company_id}"))?));
    }
    drop(snapshot);
    for (company_id, of_company) in found {
        // The differences are reported here in any case.
        if let Err(error) = difference_found(store.as_ref(), "verify", company_id, &of_company, now_s()) {
            note(&format!("webhooks: {error}"));
        }
        differences.extend(of_company);
    }
    let value = json!({"Companies": companies.len(), "Orders": orders, "Differences": differences});
    if differences.is_empty() {
        output.result(&value, || format!("{orders} orders of {} companies: no difference", companies.len()));
        return Ok(());
    }
    // What both have found is one difference.
    let mut named = HashSet::new();
    differences.retain(|difference| named.insert(difference.clone()));
    let value = json!({"Companies": companies.len(), "Orders": orders, "Differences": differences});
    for difference in &differences {
        note(difference);
    }
    if differences.len() >= MAX_DIFFERENCES {
        note("and there may be more");
    }
    Err(Failure::with_value(format!("{} differences", differences.len()), value))
}

/// The differences that were found; damage that kept them from being found is one of them.
fn damage(found: StoreResult<Vec<String>>, what: &str) -> StoreResult<Vec<String>> {
    match found {
        Err(StoreError::Damaged(reason) | StoreError::Database(reason)) => {
            Ok(vec![format!("{what}: {reason}")])
        }
        found => found,
    }
}
