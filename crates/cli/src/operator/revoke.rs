//! `orders revoke`: revokes unpaid orders and refunds paid ones.

use serde_json::{Value, json};
use tollbook_ops::charging::{self, Revocation};

use super::context::{CommandContext, now_s};
use crate::arguments::{Global, Revoke};
use crate::output::{Failure, Output, printable, table};

/// The result as `--json` prints it.
const fn result_name(outcome: Revocation) -> &'static str {
    match outcome {
        Revocation::Revoked => "REVOKED",
        Revocation::Refunded => "REFUNDED",
        Revocation::Already => "ALREADY_REVOKED",
        Revocation::NotFound => "ORDER_NOT_FOUND",
        Revocation::NotSettledHere => "NOT_SETTLED_HERE",
    }
}

pub(crate) fn revoke(global: &Global, arguments: &Revoke, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    let Revoke { company, reason, orders } = arguments;
    let revoked = charging::revoke(&context.charging(), *company, orders, reason, now_s())?;
    let results: Vec<Value> = revoked
        .iter()
        .map(|one| {
            json!({"OrderNo": one.number, "Success": one.outcome.is_done(), "Result": result_name(one.outcome)})
        })
        .collect();
    let failed = revoked.iter().filter(|one| !one.outcome.is_done()).count();
    let value = json!({"Results": results, "FailureCount": failed});
    let text = || {
        let rows =
            revoked.iter().map(|one| vec![printable(&one.number), result_name(one.outcome).to_owned()]);
        table(&["OrderNo", "Result"], rows)
    };
    if failed > 0 {
        let message = format!("{failed} orders were not revoked:\n{}", text());
        return Err(Failure::with_value(message, value));
    }
    output.result(&value, text);
    Ok(())
}
