//! Deposits: money that is paid in or granted.

use super::balances::{Account, AccountError};
use super::grants::Grant;
use super::kinds::AccountKind;
use super::postings::{Cause, Posting};
use crate::money::Amount;

/// Money to be paid in or granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposit {
    /// Any kind except credit.
    pub kind: AccountKind,
    /// Amount; greater than 0.
    pub amount: Amount,
    /// Expiry of the grant in Unix seconds.
    pub expires_s: Option<i64>,
    /// Products that the grant pays for; empty: all.
    pub products: Vec<String>,
    /// Models that the grant pays for; empty: all.
    pub models: Vec<String>,
    /// Idempotency key within the company: a deposit whose key is known moves nothing.
    pub key: String,
}

impl Account {
    /// Deposits money. Cash repays used credit first. A grant gets the next number.
    ///
    /// # Errors
    /// [`AccountError`]; nothing has changed then.
    pub fn deposit(&mut self, deposit: &Deposit, now_s: i64) -> Result<Vec<Posting>, AccountError> {
        let Deposit { kind, amount, expires_s, products, models, key } = deposit;
        let (kind, steps) = (*kind, amount.steps());
        if steps <= 0 {
            return Err(AccountError::NotPositive);
        }
        if kind == AccountKind::Credit {
            return Err(AccountError::Credit);
        }
        if !kind.is_granted() && (expires_s.is_some() || !products.is_empty() || !models.is_empty()) {
            return Err(AccountError::NotGranted);
        }
        if expires_s.is_some_and(|expires_s| expires_s <= now_s) {
            return Err(AccountError::Expired);
        }
        self.balances.get(kind).checked_add(steps).ok_or(AccountError::TooLarge)?;
        let scope = (*expires_s, products.clone(), models.clone());
        let grant_id = if kind.is_granted() { self.add_grant(kind, steps, scope) } else { 0 };
        let balance = self.move_balance(kind, steps);
        let (time_s, cause, reference) = (now_s, Cause::Deposit, key.clone());
        let mut postings = vec![Posting { time_s, kind, grant_id, cause, amount: steps, balance, reference }];
        if kind == AccountKind::Cash {
            self.repay_credit(steps, key, now_s, &mut postings);
        }
        Ok(postings)
    }

    /// Adds a grant with an end, products and models, and returns its number. The caller changes the balance.
    pub(super) fn add_grant(
        &mut self,
        kind: AccountKind,
        steps: i64,
        (expires_s, products, models): (Option<i64>, Vec<String>, Vec<String>),
    ) -> i64 {
        self.grant_count = self.grant_count.saturating_add(1);
        self.grants.push(Grant {
            grant_id: self.grant_count,
            kind,
            granted: steps,
            remaining: steps,
            expired: 0,
            expires_s,
            products,
            models,
        });
        self.grant_count
    }
}
