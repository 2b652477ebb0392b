//! `StartPayUnpaidOrders`: pays named unpaid orders, each wholly or not at all. A repeated request moves no money.

use serde::Serialize;
use tollbook_domain::Line;
use tollbook_ops::charging::{Charging, Payment, pay_unpaid};
use tollbook_store::{Actor, ActorKind, StoreError};

use super::call::{AuthorizedSnapshot, Call};
use super::shape::{Described, Member, MemberShape, integer, list};
use crate::answer::Answer;
use crate::failure::log_and_refuse;
use crate::ret_code::Refusal;

/// Most order numbers of one request (docs/ORDERS.md, "Paying").
pub(crate) const MAX_NUMBERS: usize = 50;

pub(super) const RESPONSE: &[Member] = &[
    integer("SuccessCount", "Orders that are paid, now or before"),
    integer("FailureCount", "Orders that were not paid"),
    Member {
        name: "Results",
        shape: MemberShape::Object("PayResult", describe),
        meaning: "The first failure, else the last success",
        always: true,
    },
    list("ResultSet", "PayResult", describe, "One for each distinct number, in the order of their index"),
];

fn describe() -> Vec<Described> {
    vec![
        Described { name: "OrderNo", json_type: "string", meaning: "The number that was given" },
        Described { name: "Success", json_type: "boolean", meaning: "Whether the order is paid" },
        Described {
            name: "Reason",
            json_type: "string",
            meaning: "Empty on success, else `ORDER_NOT_FOUND`, `ORDER_REVOKED` or `INSUFFICIENT_BALANCE`",
        },
    ]
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PayResult<'a> {
    order_no: &'a str,
    success: bool,
    reason: &'static str,
}

impl<'a> PayResult<'a> {
    fn of(payment: &'a Payment) -> Self {
        let reason = payment.result.err().map_or("", |reason| reason.name());
        Self { order_no: &payment.number, success: payment.result.is_ok(), reason }
    }
}

pub(super) fn run(call: Call<'_>) -> Result<Answer, Refusal> {
    let numbers = call.parameters.texts("OrderNos")?;
    if numbers.is_empty() {
        return Err(Refusal::MissingParams(vec!["OrderNos"]));
    }
    if numbers.len() > MAX_NUMBERS {
        return Err(Refusal::too_large("OrderNos"));
    }
    let Call {
        service,
        key,
        company,
        address,
        snapshot: AuthorizedSnapshot { caller, snapshot, .. },
        now_s,
        ..
    } = call;
    // A transaction takes a connection of its own. Requests that each held one while they wait for another would block
    // each other for ever.
    drop(snapshot);
    // A client that has disconnected gets no answer and will repeat the request, so nothing is begun.
    if caller.is_cancelled() {
        return Err(log_and_refuse(StoreError::Cancelled));
    }
    // At a wrong time the grants that it pays from would end.
    if service.certain_now_s().is_none() {
        return Err(Refusal::ServiceUnavailable);
    }
    let may_see = |line: &Line| key.may_use(line.organization_id);
    let origin = address.map(|address| address.to_string()).unwrap_or_default();
    let acting = service.acting(Actor::new(ActorKind::ApiKey, &key.public_key, origin));
    let charging = Charging { store: &acting, ..service.charging() };
    let payments =
        pay_unpaid(&charging, company.company_id, &numbers, &may_see, now_s).map_err(log_and_refuse)?;
    let results: Vec<PayResult<'_>> = payments.iter().map(PayResult::of).collect();
    let failures = results.iter().filter(|result| !result.success).count();
    // Published typed clients decode exactly one object. There is one, because at least one number was given.
    let shown = results.iter().find(|result| !result.success).or(results.last()).ok_or(Refusal::Internal)?;
    Answer::new()
        .with("SuccessCount", &(results.len() - failures))?
        .with("FailureCount", &failures)?
        .with("Results", shown)?
        .with("ResultSet", &results)
}
