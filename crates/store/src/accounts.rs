//! Accounts: balances, grants, the ledger, deposits, and the orders that were settled from them.

use tollbook_domain::account::{Account, AccountKind, Cause, Deposit, Grant, PerKind, Posting};

use crate::error::StoreResult;

/// A company's accounts and its counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountState {
    /// The accounts.
    pub account: Account,
    /// Number of ledger entries.
    pub entries: i64,
    /// Number of order and arrears numbers that were assigned.
    pub serial: i64,
    /// The last local day whose arrears run is complete, days since 1970-01-01.
    pub arrears_day: i64,
}

/// A ledger entry as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Number of the entry within the company, from 0.
    pub entry_no: i64,
    /// The posting.
    pub entry: Posting,
}

impl LedgerEntry {
    /// Whether the entry is a deduction for an order.
    pub fn is_deduction(&self) -> bool {
        self.entry.cause == Cause::Deduction
    }
}

/// A range of a company's ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerRange {
    /// Number of the first entry.
    pub first: i64,
    /// Number of entries.
    pub count: i64,
}

impl LedgerRange {
    /// The text by which a correction names its entries.
    pub fn to_text(self) -> String {
        format!("{} {}", self.first, self.count)
    }

    /// The range of a text of [`LedgerRange::to_text`].
    pub fn from_text(text: &str) -> Option<Self> {
        let (first, count) = text.split_once(' ')?;
        Some(Self { first: first.parse().ok()?, count: count.parse().ok()? })
    }
}

/// The sum of the ledger entries of one kind and cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerSum {
    /// The account.
    pub kind: AccountKind,
    /// Why the money moved.
    pub cause: Cause,
    /// Number of entries.
    pub entries: i64,
    /// Sum of their amounts, in 10⁻⁸ currency units.
    pub amount: i128,
}

/// A deposit as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDeposit {
    /// The deposit.
    pub deposit: Deposit,
    /// Its ledger entries.
    pub entries: LedgerRange,
    /// How much of it was reversed, in 10⁻⁸ currency units.
    pub reversed: i64,
}

/// The payment of an order from the accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Number O of the order.
    pub source_number: String,
    /// Its deductions.
    pub entries: LedgerRange,
}

/// Reads of accounts.
pub trait AccountReads {
    /// The accounts of a company, with the grants that have something remaining.
    fn account_state(&mut self, company_id: i64) -> StoreResult<AccountState>;

    /// Grants by number, including those that are used up.
    fn grants(&mut self, company_id: i64, grant_ids: &[i64]) -> StoreResult<Vec<Grant>>;

    /// The grants of a company that ended after a time, Unix seconds, with something left.
    fn ended_grants(&mut self, company_id: i64, ended_after_s: i64) -> StoreResult<Vec<Grant>>;

    /// Companies whose grants end by a time, Unix seconds, and were not looked at since; by number, from the one after
    /// `after` on.
    fn companies_with_ends(&mut self, until_s: i64, after: i64, limit: i64) -> StoreResult<Vec<i64>>;

    /// A range of the ledger of a company; shorter at the end of the ledger.
    fn ledger(&mut self, company_id: i64, entries: LedgerRange) -> StoreResult<Vec<LedgerEntry>>;

    /// The balances of a company before an entry, by its number: of each kind, that after its last entry before; 0 without one.
    fn ledger_balances(&mut self, company_id: i64, before: i64) -> StoreResult<PerKind<i64>>;

    /// The sums of a range of the ledger of a company, by kind and cause.
    fn ledger_sums(&mut self, company_id: i64, entries: LedgerRange) -> StoreResult<Vec<LedgerSum>>;

    /// A deposit by its key.
    fn deposit(&mut self, company_id: i64, key: &str) -> StoreResult<Option<StoredDeposit>>;

    /// The settlement of an order by its number O; `None` if it was not paid from the accounts.
    fn settlement(&mut self, company_id: i64, source_number: &str) -> StoreResult<Option<Settlement>>;

    /// When (Unix seconds) and why an order was revoked or refunded; by number O.
    fn revocation(&mut self, company_id: i64, source_number: &str) -> StoreResult<Option<(i64, String)>>;
}

/// Changes of accounts.
pub trait AccountWrites {
    /// Writes the new state of a company's accounts and the ledger entries that produce it. Returns the number of the
    /// first entry. The company must be locked.
    fn post(
        &mut self,
        company_id: i64,
        before: &AccountState,
        after: &AccountState,
        entries: &[Posting],
    ) -> StoreResult<i64>;

    /// Records a deposit by its key.
    fn add_deposit(&mut self, company_id: i64, deposit: &StoredDeposit) -> StoreResult<()>;

    /// Changes how much of a deposit was reversed, in 10⁻⁸ currency units.
    fn set_reversed(&mut self, company_id: i64, key: &str, reversed: i64) -> StoreResult<()>;

    /// Deletes the record that grants of a company end by a time, after they were ended.
    fn clear_ends(&mut self, company_id: i64, until_s: i64) -> StoreResult<()>;

    /// Records which orders were paid from the accounts.
    fn add_settlements(&mut self, company_id: i64, settlements: &[Settlement]) -> StoreResult<()>;

    /// Records why an order was revoked or refunded.
    fn add_revocation(
        &mut self,
        company_id: i64,
        source_number: &str,
        now_s: i64,
        reason: &str,
    ) -> StoreResult<()>;
}
