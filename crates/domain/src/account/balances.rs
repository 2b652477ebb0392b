//! A company's accounts at one moment: balances, grants and the credit line, and the movements that settlement, deposits
//! and refunds are made of.

use super::grants::Grant;
use super::kinds::{AccountKind, PerKind};
use super::postings::{Cause, Posting};
use crate::money::Amount;

/// Why money cannot move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The amount is 0 or negative.
    #[error("the amount must be greater than 0")]
    NotPositive,
    /// Credit has a limit and takes no deposits.
    #[error("credit cannot be deposited: set a credit limit")]
    Credit,
    /// An expiry or a restriction was given for a kind that has no grants.
    #[error("only star cards, coupons and bonuses may expire or be for some products or models")]
    NotGranted,
    /// The expiry of a new grant is in the past.
    #[error("the expiry must be in the future")]
    Expired,
    /// The balance does not fit in 64 bits.
    #[error("the balance would be too large")]
    TooLarge,
    /// Credit has a limit and takes no adjustments.
    #[error("credit cannot be adjusted: set a credit limit, or deposit cash to repay it")]
    CreditAdjusted,
    /// An adjustment of 0.
    #[error("the amount must not be 0")]
    Zero,
    /// More is to be taken than there is.
    #[error("there is only {0} to take")]
    NotEnough(Amount),
    /// More is to be reversed than was deposited and is not reversed yet.
    #[error("only {0} of the deposit is not taken back yet")]
    AlreadyReversed(Amount),
    /// More is to be reversed than is left of the deposit.
    #[error("only {0} is left of the deposit; the rest was spent and can only be owed (--owe)")]
    Spent(Amount),
    /// More credit is used than the new limit allows.
    #[error("the credit limit cannot be less than the credit that is used, {0}")]
    LimitBelowUsed(Amount),
    /// The credit limit is negative.
    #[error("the credit limit must not be negative")]
    NegativeLimit,
}

/// All accounts of a company at one moment. Methods that change it return the postings of the change; if they refuse,
/// nothing has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Balances in 10⁻⁸ currency units: for grants what remains of them, for credit a value between minus the limit
    /// and 0, or below it while a reversed deposit is owed.
    pub balances: PerKind<i64>,
    /// Credit limit in 10⁻⁸ currency units.
    pub credit_limit: i64,
    /// The grants that have something remaining, and those that ended lately with something left; by number.
    pub grants: Vec<Grant>,
    /// Number of grants ever made.
    pub grant_count: i64,
}

impl Account {
    /// The most that an order without restrictions could be paid from these kinds, in 10⁻⁸ currency units.
    pub fn available(&self, kinds: &[AccountKind], now_s: i64) -> i128 {
        let of_kind = |kind: &AccountKind| {
            if kind.is_granted() {
                self.grants
                    .iter()
                    .filter(|grant| grant.kind == *kind && !grant.is_expired(now_s))
                    .fold(0i128, |sum, grant| sum.saturating_add(i128::from(grant.remaining)))
            } else {
                self.ungranted(*kind).max(0)
            }
        };
        kinds.iter().map(of_kind).fold(0i128, i128::saturating_add)
    }

    /// The most that an order of some hour could be paid from these kinds: what is available, and what grants had left
    /// at their end.
    pub fn spendable(&self, kinds: &[AccountKind], now_s: i64) -> i128 {
        let expired = self
            .grants
            .iter()
            .filter(|grant| kinds.contains(&grant.kind))
            .fold(0i128, |sum, grant| sum.saturating_add(i128::from(grant.expired)));
        self.available(kinds, now_s).saturating_add(expired)
    }

    /// How much more credit is used than the limit allows: because a deposit that was spent was reversed.
    pub fn over_limit(&self) -> i128 {
        self.ungranted(AccountKind::Credit).saturating_neg().max(0)
    }

    /// The most that a kind without grants can pay: its balance, for credit above minus the limit. Negative while credit
    /// is used beyond the limit.
    pub(super) fn ungranted(&self, kind: AccountKind) -> i128 {
        let limit = if kind == AccountKind::Credit { self.credit_limit } else { 0 };
        i128::from(self.balances.get(kind)).saturating_add(i128::from(limit))
    }

    /// Sets the credit limit.
    ///
    /// # Errors
    /// [`AccountError::NegativeLimit`], or [`AccountError::LimitBelowUsed`] if the limit is lowered and more credit is
    /// used: it must be repaid first.
    pub fn set_credit_limit(&mut self, limit: Amount) -> Result<(), AccountError> {
        let used = self.balances.get(AccountKind::Credit).saturating_neg();
        if limit.steps() < 0 {
            return Err(AccountError::NegativeLimit);
        }
        if limit.steps() < used && limit.steps() < self.credit_limit {
            return Err(AccountError::LimitBelowUsed(Amount::from_steps(used)));
        }
        self.credit_limit = limit.steps();
        Ok(())
    }

    /// Ends the grants whose end has come: what remains of them leaves the balance, dated at their end.
    pub fn expire(&mut self, now_s: i64) -> Vec<Posting> {
        self.expire_dated(now_s, None)
    }

    /// The same with another date.
    pub(super) fn expire_dated(&mut self, now_s: i64, date_s: Option<i64>) -> Vec<Posting> {
        let mut ended: Vec<(i64, i64)> = self
            .grants
            .iter()
            .filter(|grant| grant.remaining > 0 && grant.is_expired(now_s))
            .map(|grant| (grant.expires_s.unwrap_or(now_s), grant.grant_id))
            .collect();
        ended.sort_unstable();
        let mut postings = Vec::with_capacity(ended.len());
        for (end_s, grant_id) in ended {
            let remaining = self.grant(grant_id).map_or(0, |grant| grant.remaining);
            postings.extend(self.move_expired(grant_id, remaining.saturating_neg(), date_s.unwrap_or(end_s)));
        }
        postings
    }

    /// Takes an amount of a grant that has ended back into the balance, or, if it is negative, out of it.
    pub(super) fn move_expired(&mut self, grant_id: i64, amount: i64, time_s: i64) -> Option<Posting> {
        let grant = self.grants.iter_mut().find(|grant| grant.grant_id == grant_id)?;
        grant.expired = grant.expired.saturating_sub(amount);
        let kind = grant.kind;
        let balance = self.move_grant(kind, grant_id, amount);
        let (cause, reference) = (Cause::Expiry, format!("grant {grant_id}"));
        Some(Posting { time_s, kind, grant_id, cause, amount, balance, reference })
    }

    /// A grant by its number.
    pub(super) fn grant(&self, grant_id: i64) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.grant_id == grant_id)
    }

    /// Adds a grant that was used up, or ended long ago, to [`Account::grants`], so that it can be changed.
    pub(super) fn load(&mut self, known: &Grant) {
        if self.grant(known.grant_id).is_none() {
            // A grant with nothing remaining is not among `grants`. Its amount in `known` may be outdated.
            self.grants.push(Grant { remaining: 0, ..known.clone() });
            self.grants.sort_by_key(|grant| grant.grant_id);
        }
    }

    /// Removes grants that are used up. One that has ended stays: what comes back to it is added to what it had left.
    pub(super) fn drop_used_up(&mut self, now_s: i64) {
        self.grants.retain(|grant| grant.remaining > 0 || grant.is_expired(now_s));
    }

    /// Cash repays used credit, at most this amount.
    pub(super) fn repay_credit(
        &mut self,
        amount: i64,
        reference: &str,
        now_s: i64,
        postings: &mut Vec<Posting>,
    ) {
        let used = self.balances.get(AccountKind::Credit).saturating_neg();
        self.transfer(AccountKind::Cash, AccountKind::Credit, used.min(amount), reference, now_s, postings);
    }

    /// Moves an amount from one kind to another, unless it is 0.
    pub(super) fn transfer(
        &mut self,
        from: AccountKind,
        to: AccountKind,
        amount: i64,
        reference: &str,
        time_s: i64,
        postings: &mut Vec<Posting>,
    ) {
        if amount == 0 {
            return;
        }
        for (kind, amount) in [(from, amount.saturating_neg()), (to, amount)] {
            let balance = self.move_balance(kind, amount);
            let (grant_id, cause, reference) = (0, Cause::Adjustment, reference.to_owned());
            postings.push(Posting { time_s, kind, grant_id, cause, amount, balance, reference });
        }
    }

    /// Changes the remaining amount of a grant, if `grant_id` is not 0, and the balance of its kind. Returns the new
    /// balance.
    pub(super) fn move_grant(&mut self, kind: AccountKind, grant_id: i64, amount: i64) -> i64 {
        if let Some(grant) = self.grants.iter_mut().find(|grant| grant_id != 0 && grant.grant_id == grant_id)
        {
            grant.remaining = grant.remaining.saturating_add(amount);
        }
        self.move_balance(kind, amount)
    }

    /// Changes the balance of a kind and returns the new one.
    pub(super) fn move_balance(&mut self, kind: AccountKind, amount: i64) -> i64 {
        let balance = self.balances.get_mut(kind);
        *balance = balance.saturating_add(amount);
        *balance
    }
}
