//! `GetOrderAmount`: totals of the paid and unpaid orders of a range, and the pending amount of its open hours.

use tollbook_domain::money::format_amount_sum;
use tollbook_domain::summary::OrderAmount;
use tollbook_domain::time::DAY_S;
use tollbook_domain::{AccountKind, Status};

use super::call::Call;
use super::query::FIXED;
use crate::answer::Answer;
use crate::failure::log_and_refuse;
use crate::ret_code::Refusal;

/// Longest range: a leap year (docs/ORDERS.md, "Ranges").
const MAX_SPAN_S: i64 = 366 * DAY_S;

/// The kinds of account in the order of the answer.
const KINDS: [AccountKind; AccountKind::COUNT] =
    [AccountKind::Cash, AccountKind::Bonus, AccountKind::Coupon, AccountKind::StarCard, AccountKind::Credit];

pub(super) fn run(call: Call<'_>) -> Result<Answer, Refusal> {
    call.require(&["StartTime", "EndTime"])?;
    let query = call.query(&FIXED, Some(MAX_SPAN_S))?;
    // Not from a replica: the pending amount has the usage that any server accepted a moment ago. The sums are read from
    // the same snapshot, or an hour that is closed in between would be in both or in neither.
    let mut snapshot = call.snapshot.snapshot;
    let pending = snapshot.pending(&query, call.service.catalogue()).map_err(log_and_refuse)?;
    let mut amount = OrderAmount::default();
    for (status, measures) in snapshot.sums(&query).map_err(log_and_refuse)? {
        match status {
            Status::Paid => amount.paid = measures,
            Status::Unpaid => amount.unpaid = measures,
            // The query selects only the other two.
            Status::Revoked => {}
        }
    }
    let (total, paid, unpaid) = (amount.total(), amount.paid, amount.unpaid);
    let mut answer = Answer::new()
        .with("Currency", &call.company.currency)?
        .with("TotalOrderAmount", &format_amount_sum(total.total))?
        .with("PaidAmount", &format_amount_sum(paid.total))?
        .with("UnpaidAmount", &format_amount_sum(unpaid.total))?;
    for kind in KINDS {
        let deducted = format_amount_sum(paid.deductions.get(kind));
        answer = answer.with(kind.amount_member(), &deducted)?;
    }
    answer
        .with("OrderCount", &total.orders)?
        .with("PaidCount", &paid.orders)?
        .with("UnpaidCount", &unpaid.orders)?
        .with("PendingAmount", &format_amount_sum(pending))
}
