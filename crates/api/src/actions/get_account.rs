//! `GetAccount`: balances, grants, arrears and the pending amount of the key's company.

use serde::Serialize;
use tollbook_domain::account::{AccountKind, Grant};
use tollbook_domain::money::format_amount_sum;
use tollbook_ops::charging::standing_in;

use super::call::Call;
use super::shape::{Described, Member, MemberShape, integer, list, text};
use crate::answer::Answer;
use crate::failure::log_and_refuse;
use crate::ret_code::Refusal;
use crate::views::Balances;

pub(super) const RESPONSE: &[Member] = &[
    text("Currency", "`CNY` or `USD`: a company is billed in one"),
    Member {
        name: "Balances",
        shape: MemberShape::Object("AccountBalances", balances),
        meaning: "What each account has. That of the credit line is negative by the credit that is used",
        always: true,
    },
    text("CreditLimit", "How much of the credit line may be used"),
    text("AvailableAmount", "The largest order that could be paid now: grants, cash and unused credit"),
    text("ArrearsAmount", "Sum of the unpaid orders"),
    integer("ArrearsOrders", "Number of unpaid orders"),
    integer("ArrearsSince", "When the oldest unpaid order was created, Unix seconds; 0: there is none"),
    text("PendingAmount", "Amount of the usage in all open hours, which is not in an order yet"),
    list("Grants", "AccountGrant", grant, "Grants that have something left, in the order in which they end"),
];

fn balances() -> Vec<Described> {
    let of = |kind: AccountKind| match kind {
        AccountKind::StarCard => "Star cards that have not ended",
        AccountKind::Coupon => "Coupons that have not ended",
        AccountKind::Bonus => "Bonuses that have not ended",
        AccountKind::Cash => "Cash",
        AccountKind::Credit => "0.00, or less by the credit that is used",
    };
    AccountKind::ALL.into_iter().map(|kind| Described::new(kind.json_name(), "string", of(kind))).collect()
}

fn grant() -> Vec<Described> {
    vec![
        Described::new("GrantId", "integer", "Number within the company; ledger entries name it"),
        Described::new("Kind", "string", "`bonus`, `coupon` or `star_card`"),
        Described::new("Granted", "string", "Initial amount"),
        Described::new("Remaining", "string", "What is left"),
        Described::new("ExpireTime", "integer", "When it ends, Unix seconds; 0: never"),
        Described::new(
            "ProductCodes",
            "string",
            "Products that it pays for, separated by commas; empty: all",
        ),
        Described::new("ModelIds", "string", "Models that it pays for, separated by commas; empty: all"),
    ]
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GrantItem<'a> {
    grant_id: i64,
    kind: &'a str,
    granted: String,
    remaining: String,
    expire_time: i64,
    product_codes: String,
    model_ids: String,
}

impl<'a> From<&'a Grant> for GrantItem<'a> {
    fn from(grant: &'a Grant) -> Self {
        Self {
            grant_id: grant.grant_id,
            kind: grant.kind.name(),
            granted: format_amount_sum(grant.granted.into()),
            remaining: format_amount_sum(grant.remaining.into()),
            expire_time: grant.expires_s.unwrap_or(0),
            product_codes: grant.products.join(","),
            model_ids: grant.models.join(","),
        }
    }
}

pub(super) fn run(call: Call<'_>) -> Result<Answer, Refusal> {
    call.require_whole_company()?;
    // Not from a replica: a deposit or a payment that was answered must be seen.
    let mut snapshot = call.snapshot.snapshot;
    let mut standing = standing_in(snapshot.as_mut(), call.company, call.service.catalogue(), call.now_s)
        .map_err(log_and_refuse)?;
    standing.grants.sort_by_key(|grant| (grant.expires_s.unwrap_or(i64::MAX), grant.grant_id));
    let grants: Vec<GrantItem<'_>> = standing.grants.iter().map(GrantItem::from).collect();
    Answer::new()
        .with("Currency", &standing.currency)?
        .with("Balances", &Balances(standing.balances))?
        .with("CreditLimit", &format_amount_sum(standing.credit_limit.into()))?
        .with("AvailableAmount", &format_amount_sum(standing.available))?
        .with("ArrearsAmount", &format_amount_sum(standing.arrears))?
        .with("ArrearsOrders", &standing.arrears_orders)?
        .with("ArrearsSince", &standing.arrears_since_s.unwrap_or(0))?
        .with("PendingAmount", &format_amount_sum(standing.pending))?
        .with("Grants", &grants)
}
