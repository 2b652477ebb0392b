//! Accounts: what they hold, and what moves money in them.

use serde_json::{Value, json};
use tollbook_domain::account::{AccountKind, Deposit};
use tollbook_domain::money::format_amount_sum;
use tollbook_ops::charging::{self, Adjustment, ReversalRequest};
use tollbook_store::LedgerRange;

use super::call::Call;
use super::failed::Failed;
use crate::views;

/// Entries of the ledger in one answer, unless fewer are asked for.
const LEDGER_ENTRIES: usize = 1_000;

pub(super) fn show(call: &Call<'_>) -> Result<Value, Failed> {
    let (company_id, now_s) = (call.company(), call.now_s());
    let standing = charging::standing(&call.charging(), company_id, now_s)?;
    let unknown = || Failed::from(charging::ChargingError::UnknownCompany(company_id));
    let standing = standing.ok_or_else(unknown)?;
    Ok(views::account(company_id, &standing))
}

pub(super) fn ledger(call: &Call<'_>) -> Result<Value, Failed> {
    let company_id = call.company();
    let mut snapshot = call.snapshot_of_company()?;
    let limit = call.values.limit("Limit", LEDGER_ENTRIES);
    let range = LedgerRange {
        first: call.values.integer("FromEntryNo").unwrap_or(0),
        count: i64::try_from(limit).unwrap_or(i64::MAX),
    };
    let total = snapshot.account_state(company_id)?.entries;
    let entries = snapshot.ledger(company_id, range)?;
    let shown: Vec<Value> = entries.iter().map(views::ledger_entry).collect();
    Ok(json!({"CompanyID": company_id, "TotalEntries": total, "Entries": shown}))
}

/// The kind of account that a request names; the table of routes has checked it.
fn kind(call: &Call<'_>) -> Result<AccountKind, Failed> {
    let name = call.values.text_or_empty("Kind");
    AccountKind::from_name(name).ok_or_else(|| Failed::parameter("Kind", "is no kind of account"))
}

pub(super) fn deposit(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let deposit = Deposit {
        kind: kind(call)?,
        amount: values.amount("Amount")?.unwrap_or_default(),
        expires_s: values.integer("Expires"),
        products: values.texts("Products"),
        models: values.texts("Models"),
        key: call.key.to_owned(),
    };
    let pays_arrears = !values.flag("NoSettle");
    let done = charging::deposit(&call.charging(), call.company(), &deposit, pays_arrears, call.now_s())?;
    Ok(json!({
        "CompanyID": call.company(),
        "Key": deposit.key.trim(),
        "Kind": deposit.kind.name(),
        "Amount": deposit.amount.to_string(),
        "Expires": deposit.expires_s,
        "Repeated": done.is_repeated,
        "Entries": done.entries.iter().map(views::ledger_entry).collect::<Vec<_>>(),
        "ArrearsPaid": done.arrears.orders,
    }))
}

pub(super) fn reverse(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let request = ReversalRequest {
        deposit: values.text_or_empty("Deposit").to_owned(),
        amount: values.amount("Amount")?,
        owe: values.flag("Owe"),
        key: call.key.to_owned(),
        reason: values.text_or_empty("Reason").to_owned(),
    };
    let done = charging::reverse(&call.charging(), call.company(), &request, call.mode(), call.now_s())?;
    let (taken, owed) = views::reversal(&done);
    Ok(json!({
        "CompanyID": call.company(),
        "Key": request.key,
        "Deposit": request.deposit,
        "Taken": taken,
        "Owed": owed,
        "Repeated": done.is_repeated,
        "DryRun": values.flag("DryRun"),
        "Entries": done.entries.iter().map(views::ledger_entry).collect::<Vec<_>>(),
    }))
}

pub(super) fn adjust(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let request = Adjustment {
        kind: kind(call)?,
        change: values.change("Amount")?,
        key: call.key.to_owned(),
        reason: values.text_or_empty("Reason").to_owned(),
        reference: values.text_or_empty("Reference").to_owned(),
    };
    let done = charging::adjust(&call.charging(), call.company(), &request, call.mode(), call.now_s())?;
    Ok(json!({
        "CompanyID": call.company(),
        "Key": request.key,
        "Kind": request.kind.name(),
        "Amount": format_amount_sum(request.change.into()),
        "Repeated": done.is_repeated,
        "DryRun": values.flag("DryRun"),
        "Entries": done.entries.iter().map(views::ledger_entry).collect::<Vec<_>>(),
    }))
}

pub(super) fn set_credit_limit(call: &Call<'_>) -> Result<Value, Failed> {
    let limit = call.values.amount("Amount")?.unwrap_or_default();
    charging::set_credit_limit(&call.charging(), call.company(), limit, call.now_s())?;
    Ok(json!({"CompanyID": call.company(), "CreditLimit": limit.to_string()}))
}
