//! Changes of a company's accounts within one transaction: they are collected in memory and written together.

use serde_json::Value;
use tollbook_domain::account::{Account, AccountError, AccountKind, ENDED_GRANT_KEPT_S, Grant, Posting};
use tollbook_domain::money::format_amount_sum;
use tollbook_domain::{Amount, Deductions, Line, NewOrder};
use tollbook_store::{
    AccountReads, AccountState, LedgerRange, OrderTransition, Settlement, StoreError, StoreResult,
    Transaction,
};

use super::balance_events::{balance, record_if_low};
use super::order_events::OrderEvents;
use crate::webhooks::{EventKind, Subscribers};

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
    subscribers: Subscribers,
    orders: OrderEvents,
}

impl AccountTx {
    /// Locks the company, reads its accounts, and expires grants that have reached their end.
    pub(super) fn open(transaction: &mut dyn Transaction, company_id: i64, now_s: i64) -> StoreResult<Self> {
        transaction.lock_company(company_id)?;
        let before = account_with_ended(transaction, company_id, now_s)?;
        let mut state = before.clone();
        let postings = state.account.expire(now_s);
        let ended = postings.len() as u64;
        let subscribers = Subscribers::of(transaction, company_id)?;
        Ok(Self {
            company_id,
            now_s,
            before,
            state,
            ended,
            postings,
            settlements: Vec::new(),
            subscribers,
            orders: OrderEvents::default(),
        })
    }

    pub(super) const fn now_s(&self) -> i64 {
        self.now_s
    }

    /// The endpoints that are sent events about the company.
    pub(super) const fn subscribers(&self) -> &Subscribers {
        &self.subscribers
    }

    /// Notes orders that the transaction makes, for events.
    pub(super) fn note_made(&mut self, orders: &[NewOrder]) {
        if self.wants_orders() {
            orders.iter().for_each(|new| self.orders.made(&new.order, &new.line));
        }
    }

    /// Notes orders that the transaction changes, for events.
    pub(super) fn note_changed(
        &mut self,
        transaction: &mut dyn Transaction,
        transitions: &[OrderTransition],
    ) -> StoreResult<()> {
        if transitions.is_empty() || !self.wants_orders() {
            return Ok(());
        }
        let lines = transaction.lines(self.company_id)?;
        for OrderTransition { before, after } in transitions {
            let line = lines.get(before.line_no);
            let line = line.ok_or_else(|| StoreError::Damaged("an order names no line".into()))?;
            self.orders.changed(before.order.status, after, line);
        }
        Ok(())
    }

    fn wants_orders(&self) -> bool {
        EventKind::OF_ORDERS.into_iter().any(|kind| self.subscribers.wants(kind))
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

    /// Writes the changes, if there are any, and the events about them. The orders must have been written.
    pub(super) fn write(self, transaction: &mut dyn Transaction) -> StoreResult<()> {
        let Self { company_id, now_s, .. } = self;
        self.orders.record(transaction, &self.subscribers, company_id, now_s)?;
        let balances = (balance(&self.before.account), balance(&self.state.account));
        record_if_low(transaction, &self.subscribers, company_id, balances, now_s)?;
        if self.postings.is_empty() && self.state == self.before && self.settlements.is_empty() {
            return Ok(());
        }
        transaction.post(self.company_id, &self.before, &self.state, &self.postings)?;
        transaction.add_settlements(self.company_id, &self.settlements)
    }
}
