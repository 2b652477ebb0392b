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
    /// and 0.
    pub balances: PerKind<i64>,
    /// Credit limit in 10⁻⁸ currency units.
    pub credit_limit: i64,
    /// The grants that have something remaining, by number.
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
                self.ungranted(*kind)
            }
        };
        kinds.iter().map(of_kind).fold(0i128, i128::saturating_add)
    }

    /// The most that a kind without grants can pay: its balance, for credit above minus the limit.
    pub(super) fn ungranted(&self, kind: AccountKind) -> i128 {
        let limit = if kind == AccountKind::Credit { self.credit_limit } else { 0 };
        i128::from(self.balances.get(kind)).saturating_add(i128::from(limit))
    }

    /// Sets the credit limit.
    ///
    /// # Errors
    /// [`AccountError::NegativeLimit`], or [`AccountError::LimitBelowUsed`] if more credit is used than the limit:
    /// it must be repaid first.
    pub fn set_credit_limit(&mut self, limit: Amount) -> Result<(), AccountError> {
        let used = self.balances.get(AccountKind::Credit).saturating_neg();
        if limit.steps() < 0 {
            return Err(AccountError::NegativeLimit);
        }
        if limit.steps() < used {
            return Err(AccountError::LimitBelowUsed(Amount::from_steps(used)));
        }
        self.credit_limit = limit.steps();
        Ok(())
    }

    /// Removes the expired grants and what remains of them.
    pub fn expire(&mut self, now_s: i64) -> Vec<Posting> {
        let expired = self.grants.extract_if(.., |grant| grant.is_expired(now_s));
        let expired: Vec<Grant> = expired.collect();
        expired
            .into_iter()
            .map(|grant| {
                let amount = grant.remaining.saturating_neg();
                let balance = self.move_balance(grant.kind, amount);
                let reference = format!("grant {}", grant.grant_id);
                let (kind, grant_id) = (grant.kind, grant.grant_id);
                Posting { kind, grant_id, cause: Cause::Expiry, amount, balance, reference }
            })
            .collect()
    }

    /// Moves an amount from one kind to another, unless it is 0.
    pub(super) fn transfer(
        &mut self,
        from: AccountKind,
        to: AccountKind,
        amount: i64,
        reference: &str,
        postings: &mut Vec<Posting>,
    ) {
        if amount == 0 {
            return;
        }
        for (kind, amount) in [(from, amount.saturating_neg()), (to, amount)] {
            let balance = self.move_balance(kind, amount);
            let (grant_id, cause) = (0, Cause::Adjustment);
            postings.push(Posting {
                kind,
                grant_id,
                cause,
                amount,
                balance,
                reference: reference.to_owned(),
            });
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
