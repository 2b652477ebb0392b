//! A company's accounts within one transaction: what was there, what is taken and given, and writing it all at once.

use tollbook_domain::account::{AccountError, AccountKind, Grant, Posting};
use tollbook_domain::{Amount, Deductions, Line};
use tollbook_store::{AccountState, LedgerRange, Settlement, StoreResult, Transaction};

/// Opened after the company is locked; nothing is written before it is closed.
pub(super) struct AccountTx {
    company_id: i64,
    now_s: i64,
    before: AccountState,
    pub(super) books: AccountState,
    entries: Vec<Posting>,
    settlements: Vec<Settlement>,
}

impl AccountTx {
    /// Locks the company, reads its accounts, and ends the grants whose time has come.
    pub(super) fn open(transaction: &mut dyn Transaction, company_id: i64, now_s: i64) -> StoreResult<Self> {
        transaction.lock_company(company_id)?;
        let before = transaction.books(company_id)?;
        let mut books = before.clone();
        let entries = books.account.expire(now_s);
        Ok(Self { company_id, now_s, before, books, entries, settlements: Vec::new() })
    }

    pub(super) const fn now_s(&self) -> i64 {
        self.now_s
    }

    /// Pays an order wholly, or says that it cannot be paid.
    pub(super) fn pay(
        &mut self,
        total: Amount,
        line: &Line,
        source_number: &str,
        kinds: &[AccountKind],
    ) -> Option<Deductions> {
        let account = &mut self.books.account;
        let (deductions, entries) = account.pay(total, line, source_number, kinds, self.now_s)?;
        let stretch = self.note(entries);
        self.settlements.push(Settlement { source_number: source_number.to_owned(), entries: stretch });
        Some(deductions)
    }

    /// Gives back what an order was paid from.
    pub(super) fn refund(
        &mut self,
        deducted: &[Posting],
        grants: &[Grant],
    ) -> Result<Vec<Posting>, AccountError> {
        self.books.account.refund(deducted, grants, self.now_s)
    }

    /// Notes ledger entries of a change of the account; where they will be.
    pub(super) fn note(&mut self, entries: Vec<Posting>) -> LedgerRange {
        let length = |entries: &[Posting]| i64::try_from(entries.len()).unwrap_or(i64::MAX);
        let first = self.before.entries + length(&self.entries);
        let count = length(&entries);
        self.entries.extend(entries);
        LedgerRange { first, count }
    }

    /// The next number of an order.
    pub(super) fn next_number(&mut self) -> i64 {
        self.books.serial += 1;
        self.books.serial
    }

    /// Writes what was done, if anything.
    pub(super) fn close(self, transaction: &mut dyn Transaction) -> StoreResult<()> {
        if self.entries.is_empty() && self.books == self.before && self.settlements.is_empty() {
            return Ok(());
        }
        transaction.post(self.company_id, &self.before, &self.books, &self.entries, self.now_s)?;
        transaction.add_settlements(self.company_id, &self.settlements)
    }
}
