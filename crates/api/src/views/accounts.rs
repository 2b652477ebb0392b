//! Accounts, their ledger, and what was moved in them.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use tollbook_domain::account::{AccountKind, Cause, PerKind};
use tollbook_domain::money::format_amount_sum;
use tollbook_ops::charging::{AccountCorrected, Standing};
use tollbook_ops::status::{CompanyAccount, DRY_DAYS};
use tollbook_store::LedgerEntry;

fn steps_text(steps: i64) -> String {
    format_amount_sum(steps.into())
}

/// Balances as an object with one member for each kind of account.
pub(crate) struct Balances(pub(crate) PerKind<i64>);

impl Serialize for Balances {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let balance = |kind: AccountKind| format_amount_sum(self.0.get(kind).into());
        serializer.collect_map(AccountKind::ALL.map(|kind| (kind.json_name(), balance(kind))))
    }
}

/// The accounts of a company, with its grants that have something remaining.
pub fn account(company_id: i64, standing: &Standing) -> Value {
    let grants: Vec<Value> = standing
        .grants
        .iter()
        .map(|grant| {
            json!({
                "GrantID": grant.grant_id,
                "Kind": grant.kind.name(),
                "Granted": steps_text(grant.granted),
                "Remaining": steps_text(grant.remaining),
                "Expires": grant.expires_s,
                "Products": grant.products,
                "Models": grant.models,
            })
        })
        .collect();
    json!({
        "CompanyID": company_id,
        "Currency": standing.currency,
        "Balances": Balances(standing.balances),
        "CreditLimit": steps_text(standing.credit_limit),
        "AvailableAmount": format_amount_sum(standing.available),
        "ArrearsSince": standing.arrears_since_s.unwrap_or(0),
        "ArrearsAmount": format_amount_sum(standing.arrears),
        "ArrearsOrders": standing.arrears_orders,
        "PendingAmount": format_amount_sum(standing.pending),
        "Grants": grants,
    })
}

/// How much a reversal has taken back, and how much of it is owed as used credit.
pub fn reversal(done: &AccountCorrected) -> (String, String) {
    let sum = |is_owed: bool| {
        let of = done.entries.iter().map(|stored| &stored.entry);
        let of = of.filter(|entry| entry.cause == Cause::Reversal);
        let of = of.filter(|entry| (entry.kind == AccountKind::Credit) == is_owed);
        format_amount_sum(-of.map(|entry| i128::from(entry.amount)).sum::<i128>())
    };
    (sum(false), sum(true))
}

/// An entry of the ledger.
pub fn ledger_entry(stored: &LedgerEntry) -> Value {
    let entry = &stored.entry;
    json!({
        "EntryNo": stored.entry_no,
        "Time": entry.time_s,
        "Kind": entry.kind.name(),
        "GrantID": entry.grant_id,
        "Cause": entry.cause.name(),
        "Amount": steps_text(entry.amount),
        "Balance": steps_text(entry.balance),
        "Reference": entry.reference,
    })
}

/// A company in the list of all accounts: what it owes, can spend, and was charged in the last days.
pub fn company_account(account: &CompanyAccount) -> Value {
    let CompanyAccount { company, standing, charged, low_balance } = account;
    json!({
        "CompanyID": company.company_id,
        "Name": company.name,
        "Currency": company.currency,
        "Brand": company.brand,
        "AvailableAmount": format_amount_sum(standing.available),
        "CreditLimit": steps_text(standing.credit_limit),
        "CreditBalance": steps_text(standing.balances.get(AccountKind::Credit)),
        "ArrearsAmount": format_amount_sum(standing.arrears),
        "ArrearsOrders": standing.arrears_orders,
        "ArrearsSince": standing.arrears_since_s.unwrap_or(0),
        "PendingAmount": format_amount_sum(standing.pending),
        "ChargedInAWeek": format_amount_sum(*charged),
        "DaysLeft": account.days_left().and_then(|days| i64::try_from(days).ok()),
        "LowBalance": low_balance.map(|amount| amount.to_string()),
        "InArrears": standing.is_in_arrears(),
        "RunsDry": account.runs_dry(DRY_DAYS),
        "CloseToLimit": account.is_close_to_limit(),
    })
}
