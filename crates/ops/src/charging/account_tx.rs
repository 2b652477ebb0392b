//! Changes of a company's accounts within one transaction: they are collected in memory and written together.

use serde_json::Value;
use tollbook_domain::account::{Account, AccountError, AccountKind, ENDED_GRANT_KEPT_S, Grant, Posting};
use tollbook_domain::money::format_amount_sum;
use tollbook_domain::{Amount, Deductions, Line};
use tollbook_store::{AccountReads, AccountState, LedgerRange, Settlement, StoreResult, Transaction};

/// The accounts of a company, with the grants that have ended and still pay for orders of hours from before their end.
pub(super) fn account_with_ended(
    reads: &mut (impl AccountReads + ?Sized),
    company_id: i64,
    now_s: i64,
) -> StoreResult<AccountState> {
    let mut state = reads.account_state(company_id)?;
    let ended = reads.ended_grants(company_id, now_s.saturating_sub(ENDED_GRANT_KEPT_S))?;
    if !ended.is_empty() {
        state.account.grants.extend(ended);
        state.account.grants.sort_by_key(|grant| grant.grant_id);
    }
    Ok(state)
}

/// The balances by kind, as the audit log has them.
pub(super) fn audited_balances(account: &Account) -> Value {
    let balance = |kind: AccountKind| format_amount_sum(account.balances.get(kind).into());
    let balances = AccountKind::ALL.map(|kind| (kind.json_name().to_owned(), balance(kind).into()));
    Value::Object(balances.into_iter().collect())
}

/// A company's accounts with changes that are not written yet; [`AccountTx::write`] writes them.
pub(super) struct AccountTx {
    company_id: i64,
    now_s: i64,
    before: AccountState,
    pub(super) state: AccountState,
    ended: u64,
    postings: Vec<Posting>,
    settlements: Vec<Settlement>,
}

impl AccountTx {
    /// Locks the company, reads its accounts, and expires grants that have reached their end.
    pub(super) fn open(transaction: &mut dyn Transaction, company_id: i64, now_s: i64) -> StoreResult<Self> {
        transaction.lock_company(company_id)?;
        let before = account_with_ended(transaction, company_id, now_s)?;
        let mut state = before.clone();
        let postings = state.account.expire(now_s);
        let ended = postings.len() as u64;
        Ok(Self { company_id, now_s, before, state, ended, postings, settlements: Vec::new() })
    }

    pub(super) const fn now_s(&self) -> i64 {
        self.now_s
    }

    /// How many grants have ended since the accounts were changed last.
    pub(super) const fn ended_grants(&self) -> u64 {
        self.ended
    }

    /// Pays an order of an hour in full; `None` if the accounts do not cover it.
    pub(super) fn pay(
        &mut self,
        total: Amount,
        line: &Line,
        source_number: &str,
        kinds: &[AccountKind],
        hour_s: i64,
    ) -> Option<Deductions> {
        let account = &mut self.state.account;
        let paid = account.pay(total, line, source_number, kinds, hour_s, self.now_s)?;
        self.record(paid.restored);
        let entries = self.record(paid.postings);
        self.settlements.push(Settlement { source_number: source_number.to_owned(), entries });
        Some(paid.deductions)
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
        transaction.post(self.company_id, &self.before, &self.state, &self.postings)?;
        transaction.add_settlements(self.company_id, &self.settlements)
    }
}
