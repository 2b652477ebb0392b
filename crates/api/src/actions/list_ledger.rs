//! `ListLedger`: the entries of the ledger of the key's company, newest first.

use serde::Serialize;
use tollbook_domain::account::Cause;
use tollbook_domain::money::format_amount_sum;
use tollbook_store::{LedgerEntry, LedgerRange};

use super::call::Call;
use super::list_parameters;
use super::shape::{Described, Member, Parameter, integer, list};
use crate::answer::Answer;
use crate::failure::log_and_refuse;
use crate::ret_code::Refusal;

pub(super) const PARAMETERS: &[Parameter] = &list_parameters::LEDGER_PAGING;

pub(super) const RESPONSE: &[Member] = &[
    integer("Page", "The page that was asked for"),
    integer("PageSize", "The page size that was asked for"),
    integer("Total", "Number of entries on all pages"),
    list("Entries", "LedgerEntry", entry, "The entries of the page"),
];

fn entry() -> Vec<Described> {
    vec![
        Described::new(
            "EntryNo",
            "integer",
            "Number within the company, from 0; entries are never changed or removed",
        ),
        Described::new(
            "Time",
            "integer",
            "When the money moved, Unix seconds; of a grant that ended, its end",
        ),
        Described::new("Kind", "string", "The account: `cash`, `bonus`, `coupon`, `star_card` or `credit`"),
        Described::new("GrantId", "integer", "The grant; 0 for cash and credit"),
        Described::new(
            "Cause",
            "string",
            "`deposit`, `deduction` for an order, `refund` of an order, `expiry` of a grant, `adjustment` between cash and \
             used credit, `reversal` of a deposit, or `correction`",
        ),
        Described::new("Amount", "string", "Change of the balance; may be negative, never 0"),
        Described::new("Balance", "string", "Balance of the account after it"),
        Described::new(
            "OrderNo",
            "string",
            "`SourceOrderNo` of the order that was paid or refunded; else empty",
        ),
        Described::new(
            "Reference",
            "string",
            "Key of the deposit, reversal or correction, or number of the grant",
        ),
    ]
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EntryItem<'a> {
    entry_no: i64,
    time: i64,
    kind: &'a str,
    grant_id: i64,
    cause: &'a str,
    amount: String,
    balance: String,
    order_no: &'a str,
    reference: &'a str,
}

impl<'a> From<&'a LedgerEntry> for EntryItem<'a> {
    fn from(stored: &'a LedgerEntry) -> Self {
        let entry = &stored.entry;
        let (order_no, reference) = match entry.cause {
            Cause::Deduction | Cause::Refund => (entry.reference.as_str(), ""),
            Cause::Deposit | Cause::Expiry | Cause::Adjustment | Cause::Reversal | Cause::Correction => {
                ("", entry.reference.as_str())
            }
        };
        Self {
            entry_no: stored.entry_no,
            time: entry.time_s,
            kind: entry.kind.name(),
            grant_id: entry.grant_id,
            cause: entry.cause.name(),
            amount: format_amount_sum(entry.amount.into()),
            balance: format_amount_sum(entry.balance.into()),
            order_no,
            reference,
        }
    }
}

pub(super) fn run(call: Call<'_>) -> Result<Answer, Refusal> {
    call.require(&["Page", "PageSize"])?;
    call.require_whole_company()?;
    let paging = call.paging()?;
    let company_id = call.company.company_id;
    // Not from a replica: a deposit or a payment that was answered must be seen.
    let mut snapshot = call.snapshot.snapshot;
    let total = snapshot.account_state(company_id).map_err(log_and_refuse)?.entries;
    // Newest first: the page ends where the pages before it begin.
    let end = total.saturating_sub(paging.offset()).max(0);
    let first = end.saturating_sub(paging.page_size).max(0);
    let range = LedgerRange { first, count: end - first };
    let entries = snapshot.ledger(company_id, range).map_err(log_and_refuse)?;
    let entries: Vec<EntryItem<'_>> = entries.iter().rev().map(EntryItem::from).collect();
    Answer::new()
        .with("Page", &paging.page)?
        .with("PageSize", &paging.page_size)?
        .with("Total", &total)?
        .with("Entries", &entries)
}
