//! `verify`: recounts orders, usage and ledgers, and compares them with the stored sums.

use serde_json::json;

use crate::arguments::Global;
use crate::deployment;
use crate::output::{Failure, Output, note};

/// Maximum number of differences to report for each company.
const MAX_DIFFERENCES: usize = 100;

pub(crate) fn run(global: &Global, output: &Output) -> Result<(), Failure> {
    let store = deployment::store(global)?;
    let catalogue = deployment::catalogue(&deployment::config(global)?)?;
    // One snapshot, so that concurrent writers do not disturb the comparison.
    let mut snapshot = store.snapshot()?;
    let companies = snapshot.companies()?;
    let (mut orders, mut differences) = (0, Vec::new());
    for company in &companies {
        let found = snapshot.verify(company.company_id, &catalogue, MAX_DIFFERENCES)?;
        orders += found.orders;
        differences.extend(found.differences);
    }
    let value = json!({"Companies": companies.len(), "Orders": orders, "Differences": differences});
    if differences.is_empty() {
        output.result(&value, || format!("{orders} orders of {} companies: no difference", companies.len()));
        return Ok(());
    }
    for difference in &differences {
        note(difference);
    }
    Err(Failure::with_value(format!("{} differences", differences.len()), value))
}
