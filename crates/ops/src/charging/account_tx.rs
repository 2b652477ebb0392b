//! Changes of a company's accounts within one transaction: they are collected in memory and written together.

use tollbook_domain::account::{AccountError, AccountKind, Grant, Posting};
use tollbook_domain::{Amount, Deductions, Line};
use tollbook_store::{AccountState, LedgerRange, Settlement, StoreResult, Transaction};

/// A company's accounts with changes that are not written yet; [`AccountTx::write`] writes them.
pub(super) struct AccountTx {
    company_id: i64,
    now_s: i64,
    before: AccountState,
    pub(super) state: AccountState,
    postings: Vec<Posting>,
    settlements: Vec<Settlement>,
}

impl AccountTx {
    /// Locks the company, reads its accounts, and expires grants that have reached their end.
    pub(super) fn open(transaction: &mut dyn Transaction, company_id: i64, now_s: i64) -> StoreResult<Self> {
        transaction.lock_company(company_id)?;
        let before = transaction.account_state(company_id)?;
        let mut state = before.clone();
        let postings = state.account.expire(now_s);
        Ok(Self { company_id, now_s, before, state, postings, settlements: Vec::new() })
    }

    pub(super) const fn now_s(&self) -> i64 {
        self.now_s
    }

    /// Pays an order in full; `None` if the accounts do not cover it.
    pub(super) fn pay(
        &mut self,
        total: Amount,
        line: &Line,
        source_number: &str,
        kinds: &[AccountKind],
    ) -> Option<Deductions> {
        let account = &mut self.state.account;
        let (deductions, postings) = account.pay(total, line, source_number, kinds, self.now_s)?;
        let entries = self.record(postings);
        self.settlements.push(Settlement { source_number: source_number.to_owned(), entries });
        Some(deductions)
    }

    /// Returns the deductions of an order to the accounts they were made from. The caller records the postings.
    pub(super) fn refund(
        &mut self,
        deducted: &[Posting],
        grants: &[Grant],
    ) -> Result<Vec<Posting>, AccountError> {
        self.state.account.refund(deducted, grants, self.now_s)
    }

    /// Records postings for the ledger and returns the range of their entries.
    pub(super) fn record(&mut self, postings: Vec<Posting>) -> LedgerRange {
        let length = |postings: &[Posting]| i64::try_from(postings.len()).unwrap_or(i64::MAX);
        let first = self.before.entries + length(&self.postings);
        let count = length(&postings);
        self.postings.extend(postings);
        LedgerRange { first, count }
    }

    /// The next serial number of an order.
    pub(super) fn next_serial(&mut self) -> i64 {
        self.state.serial += 1;
        self.state.serial
    }

    /// Writes the changes, if there are any.
    pub(super) fn write(self, transaction: &mut dyn Transaction) -> StoreResult<()> {
        if self.postings.is_empty() && self.state == self.before && self.settlements.is_empty() {
            return Ok(());
        }
        transaction.post(self.company_id, &self.before, &self.state, &self.postings, self.now_s)?;
        transaction.add_settlements(self.company_id, &self.settlements)
    }
}
