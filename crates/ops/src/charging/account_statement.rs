//! The movements of a company's accounts in a time range, with the balances before and after.

use tollbook_domain::TimeRange;
use tollbook_domain::account::{Cause, PerKind};
use tollbook_store::{LedgerRange, LedgerSum, Snapshot, StoreResult};

/// Ledger entries that one step of a search reads.
const READ_AT_ONCE: i64 = 32;

/// The accounts of a company over a time range. Opening balance and movements add up to the closing balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountStatement {
    /// The ledger entries that were recorded in the range.
    pub entries: LedgerRange,
    /// Balances before the first of them, in 10⁻⁸ currency units.
    pub opening: PerKind<i128>,
    /// Balances after the last of them.
    pub closing: PerKind<i128>,
    /// The movements by kind and cause.
    pub movements: Vec<LedgerSum>,
}

impl AccountStatement {
    /// The sum of the movements of a cause.
    pub fn of_cause(&self, cause: Cause) -> PerKind<i128> {
        let mut sums = PerKind::default();
        for sum in self.movements.iter().filter(|sum| sum.cause == cause) {
            *sums.get_mut(sum.kind) += sum.amount;
        }
        sums
    }
}

/// The statement of a company's accounts. An entry belongs to the time at which it was recorded: the end of a grant is
/// dated back to its end, and belongs to the entry after it.
///
/// # Errors
/// Those of the store.
pub fn account_statement(
    snapshot: &mut dyn Snapshot,
    company_id: i64,
    range: TimeRange,
) -> StoreResult<AccountStatement> {
    let state = snapshot.account_state(company_id)?;
    let first = first_entry_at(snapshot, company_id, state.entries, range.start_s())?;
    let end = first_entry_at(snapshot, company_id, state.entries, range.end_s())?.max(first);
    let entries = LedgerRange { first, count: end - first };
    let movements = snapshot.ledger_sums(company_id, entries)?;
    let opening = snapshot.ledger_balances(company_id, first)?.map(i128::from);
    let closing = snapshot.ledger_balances(company_id, end)?.map(i128::from);
    Ok(AccountStatement { entries, opening, closing, movements })
}

/// The number of the first ledger entry that was recorded at a time or later; `entries`, the number of all, if none was.
///
/// # Errors
/// Those of the store.
pub fn first_entry_at(
    snapshot: &mut dyn Snapshot,
    company_id: i64,
    entries: i64,
    time_s: i64,
) -> StoreResult<i64> {
    // Entries are in the order in which they were recorded, and all but the ends of grants have that time.
    let (mut low, mut high) = (0, entries);
    while low < high {
        let middle = low + (high - low) / 2;
        let Some((entry_no, recorded_s)) = recorded_from(snapshot, company_id, middle, high)? else { break };
        if recorded_s >= time_s {
            high = middle;
        } else {
            low = entry_no + 1;
        }
    }
    Ok(low)
}

/// The first entry from `first` on, before `end`, whose time is that at which it was recorded, and the time. If there are only
/// ends of grants, the first of them.
fn recorded_from(
    snapshot: &mut dyn Snapshot,
    company_id: i64,
    first: i64,
    end: i64,
) -> StoreResult<Option<(i64, i64)>> {
    let (mut first, mut ended) = (first, None);
    while first < end {
        let count = READ_AT_ONCE.min(end - first);
        let read = snapshot.ledger(company_id, LedgerRange { first, count })?;
        let found = read.iter().find(|stored| stored.entry.cause != Cause::Expiry);
        if let Some(stored) = found {
            return Ok(Some((stored.entry_no, stored.entry.time_s)));
        }
        ended = ended.or_else(|| read.first().map(|stored| (stored.entry_no, stored.entry.time_s)));
        first += count;
    }
    Ok(ended)
}
