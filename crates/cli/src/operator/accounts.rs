//! `account`: deposits, credit limits, reversals and adjustments, balances and the ledger.

use serde_json::{Value, json};
use tollbook_api::views;
use tollbook_domain::Amount;
use tollbook_domain::account::{self, AccountKind};
use tollbook_domain::money::format_amount_sum;
use tollbook_ops::charging::{self, AccountCorrected, Adjustment, Charging, Mode, ReversalRequest};
use tollbook_ops::pricing::{knows_model, knows_product};
use tollbook_ops::status::{CompanyAccount, DRY_DAYS, company_accounts};
use tollbook_store::{LedgerEntry, LedgerRange};

use super::context::{CommandContext, now_s, time_text};
use crate::arguments::{AccountCommand, Adjust, Deposit, Global, Reverse};
use crate::output::{Column, Failure, Kind, Output, Table, note, printable, table, text_of};

pub(crate) fn run(global: &Global, command: &AccountCommand, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    match command {
        AccountCommand::Deposit(arguments) => deposit(&context, arguments, output),
        AccountCommand::CreditLimit { company, amount } => {
            let limit = parse_amount(amount)?;
            charging::set_credit_limit(&context.charging(), *company, limit, now_s())?;
            let value = json!({"CompanyID": company, "CreditLimit": limit.to_string()});
            output.result(&value, || format!("credit limit of company {company}: {limit}"));
            Ok(())
        }
        AccountCommand::LowBalance { company, amount, off } => {
            low_balance(&context.charging(), *company, amount.as_deref(), *off, output)
        }
        AccountCommand::Reverse(arguments) => reverse(&context.charging(), arguments, output),
        AccountCommand::Adjust(arguments) => adjust(&context.charging(), arguments, output),
        AccountCommand::List { in_arrears, runs_dry, close_to_limit, .. } => {
            list(&context, [*in_arrears, *runs_dry, *close_to_limit], output)
        }
        AccountCommand::Show { company } => show(&context, *company, output),
        AccountCommand::Ledger { company, from, limit } => ledger(&context, *company, *from, *limit, output),
    }
}

fn parse_amount(text: &str) -> Result<Amount, Failure> {
    Amount::parse(text).map_err(|error| Failure::new(format!("--amount: {error}")))
}

/// An amount that may have a sign, in 10⁻⁸ currency units.
fn parse_change(text: &str) -> Result<i64, Failure> {
    let steps = parse_amount(text.strip_prefix(['+', '-']).unwrap_or(text))?.steps();
    Ok(if text.starts_with('-') { -steps } else { steps })
}

fn steps_text(steps: i64) -> String {
    format_amount_sum(steps.into())
}

fn deposit(context: &CommandContext, arguments: &Deposit, output: &Output) -> Result<(), Failure> {
    let charging = &context.charging();
    let kind = AccountKind::from(arguments.kind);
    let deposit = account::Deposit {
        kind,
        amount: parse_amount(&arguments.amount)?,
        expires_s: context.optional_unix_s("--expires", arguments.expires)?,
        products: arguments.product.clone(),
        models: arguments.model.clone(),
        key: arguments.key.clone(),
    };
    warn_of_unknown_scope(context, arguments)?;
    let pays_arrears = !arguments.no_settle;
    let done = charging::deposit(charging, arguments.company, &deposit, pays_arrears, now_s())?;
    let value = json!({
        "CompanyID": arguments.company,
        "Key": deposit.key.trim(),
        "Kind": kind.name(),
        "Amount": deposit.amount.to_string(),
        "Expires": deposit.expires_s,
        "Repeated": done.is_repeated,
        "Entries": done.entries.iter().map(views::ledger_entry).collect::<Vec<_>>(),
        "ArrearsPaid": done.arrears.orders,
    });
    output.result(&value, || {
        let state = if done.is_repeated { "was deposited before" } else { "deposited" };
        format!(
            "{} of {} {state}; {} unpaid orders were paid",
            deposit.amount,
            kind.name(),
            done.arrears.orders
        )
    });
    Ok(())
}

/// Says which models and products of a grant's scope are unknown. It is deposited all the same: they may come.
fn warn_of_unknown_scope(context: &CommandContext, arguments: &Deposit) -> Result<(), Failure> {
    if arguments.model.is_empty() && arguments.product.is_empty() {
        return Ok(());
    }
    let mut snapshot = context.store.snapshot()?;
    let mut unknown = Vec::new();
    for model in &arguments.model {
        if !knows_model(&mut *snapshot, Some(arguments.company), model)? {
            unknown.push(format!("model {model:?}"));
        }
    }
    for product in &arguments.product {
        if !knows_product(&mut *snapshot, &context.catalogue, arguments.company, product)? {
            unknown.push(format!("product {product:?}"));
        }
    }
    if !unknown.is_empty() {
        note(&printable(&format!(
            "no price, order or catalogue has the {}: the deposit pays nothing of it until there is one; \
             `tollbook account reverse --deposit` takes it back",
            unknown.join(", ")
        )));
    }
    Ok(())
}

fn low_balance(
    charging: &Charging<'_>,
    company_id: i64,
    amount: Option<&str>,
    is_off: bool,
    output: &Output,
) -> Result<(), Failure> {
    let amount = amount.map(parse_amount).transpose()?;
    let set = if amount.is_some() || is_off {
        charging::set_low_balance(charging, company_id, amount, now_s())?
    } else {
        charging::low_balance(charging, company_id)?
    };
    let balance = format_amount_sum(set.balance);
    let amount = set.amount.map(|amount| amount.to_string());
    let value = json!({"CompanyID": company_id, "LowBalance": amount, "Balance": balance});
    output.result(&value, || match amount {
        Some(amount) => format!("the balance of company {company_id}, {balance}, is low below {amount}"),
        None => format!("the balance of company {company_id}, {balance}, is never low"),
    });
    Ok(())
}

fn reverse(charging: &Charging<'_>, arguments: &Reverse, output: &Output) -> Result<(), Failure> {
    let request = ReversalRequest {
        deposit: arguments.deposit.clone(),
        amount: arguments.amount.as_deref().map(parse_amount).transpose()?,
        owe: arguments.owe,
        key: arguments.key.clone(),
        reason: arguments.reason.clone(),
    };
    let mode = mode_of(arguments.dry_run);
    let done = charging::reverse(charging, arguments.company, &request, mode, now_s())?;
    let (taken, owed) = views::reversal(&done);
    let value = json!({
        "CompanyID": arguments.company,
        "Key": request.key,
        "Deposit": request.deposit,
        "Taken": taken,
        "Owed": owed,
        "Repeated": done.is_repeated,
        "DryRun": arguments.dry_run,
        "Entries": done.entries.iter().map(views::ledger_entry).collect::<Vec<_>>(),
    });
    output.result(&value, || {
        let state = state_of(&done, arguments.dry_run, "taken back");
        let deposit = printable(&request.deposit);
        format!(
            "deposit {deposit}: {taken} {state}, {owed} owed as used credit\n{}",
            entry_table(&done.entries)
        )
    });
    Ok(())
}

fn adjust(charging: &Charging<'_>, arguments: &Adjust, output: &Output) -> Result<(), Failure> {
    let request = Adjustment {
        kind: AccountKind::from(arguments.kind),
        change: parse_change(&arguments.amount)?,
        key: arguments.key.clone(),
        reason: arguments.reason.clone(),
        reference: arguments.reference.clone().unwrap_or_default(),
    };
    let mode = mode_of(arguments.dry_run);
    let done = charging::adjust(charging, arguments.company, &request, mode, now_s())?;
    let change = steps_text(request.change);
    let value = json!({
        "CompanyID": arguments.company,
        "Key": request.key,
        "Kind": request.kind.name(),
        "Amount": change,
        "Repeated": done.is_repeated,
        "DryRun": arguments.dry_run,
        "Entries": done.entries.iter().map(views::ledger_entry).collect::<Vec<_>>(),
    });
    output.result(&value, || {
        let state = state_of(&done, arguments.dry_run, "adjusted");
        format!("{} {state} by {change}\n{}", request.kind.name(), entry_table(&done.entries))
    });
    Ok(())
}

const fn mode_of(is_dry_run: bool) -> Mode {
    if is_dry_run { Mode::DryRun } else { Mode::Apply }
}

fn state_of(done: &AccountCorrected, is_dry_run: bool, done_name: &str) -> String {
    match (done.is_repeated, is_dry_run) {
        (true, _) => format!("was {done_name} before"),
        (false, true) => format!("would be {done_name}"),
        (false, false) => done_name.to_owned(),
    }
}

/// Lists companies, or those of which one of the stated conditions is true.
fn list(context: &CommandContext, only: [bool; 3], output: &Output) -> Result<(), Failure> {
    let mut snapshot = context.store.snapshot()?;
    let accounts = company_accounts(snapshot.as_mut(), &context.catalogue, now_s())?;
    drop(snapshot);
    let is_wanted = |account: &&CompanyAccount| {
        let is = [account.standing.is_in_arrears(), account.runs_dry(DRY_DAYS), account.is_close_to_limit()];
        only == [false; 3] || only.iter().zip(is).any(|(wanted, is)| *wanted && is)
    };
    let rows: Vec<Value> = accounts.iter().filter(is_wanted).map(views::company_account).collect();
    let value = json!({"Accounts": rows});
    let members = rows.first().and_then(Value::as_object);
    let members: Vec<&str> = members.into_iter().flat_map(|row| row.keys().map(String::as_str)).collect();
    output.list(&value, &members, &rows, || account_table(&rows));
    Ok(())
}

/// Companies with what they owe and can spend, and the sums by currency.
pub(super) fn account_table(rows: &[Value]) -> String {
    let mut currencies: Vec<String> = rows.iter().map(|row| text_of(&row["Currency"])).collect();
    currencies.sort();
    currencies.dedup();
    if currencies.is_empty() {
        return "no companies".to_owned();
    }
    let tables = currencies.iter().map(|currency| {
        let mut table = Table::new(vec![
            Column::new("CompanyID", Kind::Code),
            Column::new("Name", Kind::Text),
            Column::new(format!("Available ({currency})"), Kind::Sum),
            Column::new("Owed", Kind::Sum),
            Column::new("Orders", Kind::Count),
            Column::new("Since", Kind::Code),
            Column::new("Charged, 7 days", Kind::Sum),
            Column::new("Days left", Kind::Number),
        ]);
        let of_currency = rows.iter().filter(|row| row["Currency"] == currency.as_str());
        let cells: Vec<Vec<String>> = of_currency
            .map(|row| {
                let text = |name: &str| text_of(&row[name]);
                let since = row["ArrearsSince"].as_i64().filter(|since_s| *since_s > 0);
                vec![
                    text("CompanyID"),
                    text("Name"),
                    text("AvailableAmount"),
                    text("ArrearsAmount"),
                    text("ArrearsOrders"),
                    since.map(time_text).unwrap_or_default(),
                    text("ChargedInAWeek"),
                    text("DaysLeft"),
                ]
            })
            .collect();
        let text = table.part(&cells);
        let total = table.total("sum").filter(|_| cells.len() > 1).map(|total| format!("\n{total}"));
        format!("{text}{}", total.unwrap_or_default())
    });
    tables.collect::<Vec<_>>().join("\n\n")
}

fn show(context: &CommandContext, company_id: i64, output: &Output) -> Result<(), Failure> {
    let now_s = now_s();
    let standing = charging::standing(&context.charging(), company_id, now_s)?;
    let standing = standing.ok_or_else(|| Failure::new(format!("company {company_id} does not exist")))?;
    let value = views::account(company_id, &standing);
    output.result(&value, || {
        let mut rows: Vec<Vec<String>> = AccountKind::ALL
            .iter()
            .map(|kind| vec![kind.name().to_owned(), steps_text(standing.balances.get(*kind))])
            .collect();
        rows.push(vec!["credit limit".into(), steps_text(standing.credit_limit)]);
        rows.push(vec!["available".into(), format_amount_sum(standing.available)]);
        rows.push(vec![
            format!("arrears ({} orders)", standing.arrears_orders),
            format_amount_sum(standing.arrears),
        ]);
        rows.push(vec!["pending".into(), format_amount_sum(standing.pending)]);
        let mut text = table(&["Account", &standing.currency], rows);
        if !standing.grants.is_empty() {
            let grants = standing.grants.iter().map(|grant| {
                let scope = [grant.products.as_slice(), grant.models.as_slice()].concat().join(", ");
                vec![
                    grant.grant_id.to_string(),
                    grant.kind.name().to_owned(),
                    steps_text(grant.remaining),
                    grant.expires_s.map_or_else(|| "never".to_owned(), time_text),
                    printable(&scope),
                ]
            });
            text += "\n\n";
            text += &table(&["Grant", "Kind", "Remaining", "Expires", "Only for"], grants);
        }
        text
    });
    Ok(())
}

fn ledger(
    context: &CommandContext,
    company_id: i64,
    first: i64,
    limit: i64,
    output: &Output,
) -> Result<(), Failure> {
    let now_s = now_s();
    let mut snapshot = context.store.snapshot()?;
    if !snapshot.account_state(company_id)?.account.expire(now_s).is_empty() {
        // No server has ended them yet.
        drop(snapshot);
        charging::end_grants(&context.charging(), company_id, now_s)?;
        snapshot = context.store.snapshot()?;
    }
    let state = snapshot.account_state(company_id)?;
    let entries = snapshot.ledger(company_id, LedgerRange { first, count: limit.max(0) })?;
    let value = json!({
        "CompanyID": company_id,
        "TotalEntries": state.entries,
        "Entries": entries.iter().map(views::ledger_entry).collect::<Vec<_>>(),
    });
    output.result(&value, || entry_table(&entries));
    Ok(())
}

fn entry_table(entries: &[LedgerEntry]) -> String {
    let rows = entries.iter().map(|stored| {
        let entry = &stored.entry;
        vec![
            stored.entry_no.to_string(),
            time_text(entry.time_s),
            entry.cause.name().to_owned(),
            entry.kind.name().to_owned(),
            steps_text(entry.amount),
            steps_text(entry.balance),
            printable(&entry.reference),
        ]
    });
    table(&["EntryNo", "Time", "Cause", "Account", "Amount", "Balance", "Reference"], rows)
}
