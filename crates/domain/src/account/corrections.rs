//! Corrections of accounts: a deposit is reversed, or an amount is added or taken by the operator (docs/CHARGING.md,
//! "Corrections of accounts").

use super::balances::{Account, AccountError};
use super::deposits::Deposit;
use super::grants::Grant;
use super::kinds::AccountKind;
use super::postings::{Cause, Posting};
use crate::money::Amount;

/// A deposit that is to be reversed.
#[derive(Clone, Copy, Debug)]
pub struct Reversal<'a> {
    /// The deposit.
    pub deposit: &'a Deposit,
    /// Its grant, with any remaining amount; `None` for cash.
    pub grant: Option<&'a Grant>,
    /// How much of it was reversed before, in 10⁻⁸ currency units.
    pub reversed: i64,
    /// How much to reverse; `None`: all that was not reversed before.
    pub amount: Option<Amount>,
    /// Whether what was spent becomes used credit, beyond the limit if need be.
    pub owe: bool,
    /// Key of the reversal.
    pub key: &'a str,
}

impl Account {
    /// Reverses a deposit: from what is left of it, which is the cash balance or what is left of its grant, also if the
    /// grant has ended; the rest becomes used credit, if that is allowed.
    ///
    /// # Errors
    /// [`AccountError`]; nothing has changed then.
    pub fn reverse(&mut self, reversal: &Reversal<'_>, now_s: i64) -> Result<Vec<Posting>, AccountError> {
        let Reversal { deposit, grant, reversed, amount, owe, key } = *reversal;
        let kind = deposit.kind;
        let rest = deposit.amount.steps().saturating_sub(reversed);
        let steps = amount.map_or(rest, Amount::steps);
        if amount.is_some_and(|amount| amount.steps() <= 0) {
            return Err(AccountError::NotPositive);
        }
        if steps > rest || rest <= 0 {
            return Err(AccountError::AlreadyReversed(Amount::from_steps(rest)));
        }
        if let Some(grant) = grant {
            self.load(grant);
        }
        let of_grant = grant.and_then(|grant| self.grant(grant.grant_id));
        let remaining = of_grant.map_or(self.balances.get(kind), |grant| grant.remaining);
        let left = of_grant.map_or(remaining, Grant::left);
        let taken = steps.min(left);
        let owed = steps.saturating_sub(taken);
        let restored = taken.saturating_sub(remaining).max(0);
        let grant_id = grant.map_or(0, |grant| grant.grant_id);
        let result = if owed > 0 && !owe {
            Err(AccountError::Spent(Amount::from_steps(left)))
        } else {
            let used = self.balances.get(AccountKind::Credit).saturating_neg();
            let fits = used.checked_add(owed).and(self.balances.get(kind).checked_add(restored));
            fits.map(|_| ()).ok_or(AccountError::TooLarge)
        };
        let mut postings = Vec::new();
        if result.is_ok() {
            if restored > 0 {
                postings.extend(self.move_expired(grant_id, restored, now_s));
            }
            for (kind, grant_id, amount) in [(kind, grant_id, taken), (AccountKind::Credit, 0, owed)] {
                if amount > 0 {
                    postings.push(self.correct(
                        Cause::Reversal,
                        kind,
                        grant_id,
                        amount.saturating_neg(),
                        key,
                        now_s,
                    ));
                }
            }
        }
        self.drop_used_up(now_s);
        result.map(|()| postings)
    }

    /// Adds an amount to a kind, or takes it if it is negative. Cash that is added repays used credit first; what is added
    /// to a kind of grants is a new grant without an end, and what is taken is taken from the grants of the kind in the
    /// order in which they pay.
    ///
    /// # Errors
    /// [`AccountError`]; nothing has changed then.
    pub fn adjust(
        &mut self,
        kind: AccountKind,
        change: i64,
        key: &str,
        now_s: i64,
    ) -> Result<Vec<Posting>, AccountError> {
        if change == 0 {
            return Err(AccountError::Zero);
        }
        if kind == AccountKind::Credit {
            return Err(AccountError::CreditAdjusted);
        }
        let balance = self.balances.get(kind);
        if balance.checked_add(change).ok_or(AccountError::TooLarge)? < 0 {
            return Err(AccountError::NotEnough(Amount::from_steps(balance)));
        }
        let mut postings = Vec::new();
        if !kind.is_granted() {
            postings.push(self.correct(Cause::Correction, kind, 0, change, key, now_s));
            if change > 0 {
                self.repay_credit(change, key, now_s, &mut postings);
            }
        } else if change > 0 {
            let grant_id = self.add_grant(kind, change, (None, Vec::new(), Vec::new()));
            let balance = self.move_balance(kind, change);
            let (time_s, cause, amount, reference) = (now_s, Cause::Correction, change, key.to_owned());
            postings.push(Posting { time_s, kind, grant_id, cause, amount, balance, reference });
        } else {
            let mut rest = change.saturating_neg();
            for (_, grant_id, remaining) in self.remaining_in_order(kind) {
                let taken = remaining.min(rest);
                if taken > 0 {
                    rest = rest.saturating_sub(taken);
                    let amount = taken.saturating_neg();
                    postings.push(self.correct(Cause::Correction, kind, grant_id, amount, key, now_s));
                }
            }
            self.drop_used_up(now_s);
        }
        Ok(postings)
    }

    /// End, number and remaining amount of the grants of a kind, in the order in which they pay.
    fn remaining_in_order(&self, kind: AccountKind) -> Vec<(i64, i64, i64)> {
        let of_kind = self.grants.iter().filter(|grant| grant.kind == kind);
        let mut grants: Vec<_> = of_kind
            .map(|grant| (grant.expires_s.unwrap_or(i64::MAX), grant.grant_id, grant.remaining))
            .collect();
        grants.sort_unstable();
        grants
    }

    fn correct(
        &mut self,
        cause: Cause,
        kind: AccountKind,
        grant_id: i64,
        amount: i64,
        key: &str,
        time_s: i64,
    ) -> Posting {
        let balance = self.move_grant(kind, grant_id, amount);
        let reference = key.to_owned();
        Posting { time_s, kind, grant_id, cause, amount, balance, reference }
    }
}
