//! `verify`: recounts orders, usage and ledgers, and compares them with the stored sums.

use serde_json::json;
use tollbook_ops::maintenance::recount::{MAX_DIFFERENCES, Recount, recount};

use crate::arguments::Global;
use crate::deployment::{self, Deployment, Purpose};
use crate::output::{Failure, Output, note};

pub(crate) fn run(global: &Global, output: &Output) -> Result<(), Failure> {
    let Deployment { store, catalogue, .. } = deployment::open(global, Purpose::Command)?;
    // One snapshot, so that concurrent writers do not disturb the comparison.
    let mut snapshot = store.snapshot()?;
    let Recount { companies, orders, differences } = recount(snapshot.as_mut(), &catalogue)?;
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
