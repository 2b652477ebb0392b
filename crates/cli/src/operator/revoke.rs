//! `orders revoke`: revokes unpaid orders and refunds paid ones.

use tollbook_api::views;
use tollbook_ops::charging;

use super::context::{CommandContext, now_s};
use crate::arguments::{Global, Revoke};
use crate::output::{Failure, Output, printable, table};

pub(crate) fn revoke(global: &Global, arguments: &Revoke, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    let Revoke { company, reason, orders } = arguments;
    let revoked = charging::revoke(&context.charging(), *company, orders, reason, now_s())?;
    let failed = revoked.iter().filter(|one| !one.outcome.is_done()).count();
    let value = views::revoked(&revoked);
    let text = || {
        let rows = revoked.iter().map(|one| vec![printable(&one.number), one.outcome.name().to_owned()]);
        table(&["OrderNo", "Result"], rows)
    };
    if failed > 0 {
        let message = format!("{failed} orders were not revoked:\n{}", text());
        return Err(Failure::with_value(message, value));
    }
    output.result(&value, text);
    Ok(())
}
