//! Refunds: the deductions of a paid order are returned to the accounts that paid it.

use super::balances::{Account, AccountError};
use super::grants::Grant;
use super::kinds::AccountKind;
use super::postings::{Cause, Posting};

impl Account {
    /// Refunds an order, given the postings of its deductions. Each grant gets its own part back; one that has ended ends
    /// again, dated now: what came back can pay for orders of hours from before its end. Refunded credit that is no longer owed becomes cash. `known` are the grants that paid the
    /// order, with any remaining amount.
    ///
    /// # Errors
    /// [`AccountError::TooLarge`]; nothing has changed then.
    pub fn refund(
        &mut self,
        deducted: &[Posting],
        known: &[Grant],
        now_s: i64,
    ) -> Result<Vec<Posting>, AccountError> {
        self.check_refund(deducted)?;
        let mut postings = Vec::new();
        for deduction in deducted {
            let (kind, grant_id, cause) = (deduction.kind, deduction.grant_id, Cause::Refund);
            let amount = deduction.amount.saturating_neg();
            if let Some(grant) = known.iter().find(|grant| grant_id != 0 && grant.grant_id == grant_id) {
                self.load(grant);
            }
            let balance = self.move_grant(kind, grant_id, amount);
            let reference = deduction.reference.clone();
            let time_s = now_s;
            postings.push(Posting { time_s, kind, grant_id, cause, amount, balance, reference });
            if kind == AccountKind::Credit && balance > 0 {
                let reference = &deduction.reference;
                let (from, to) = (AccountKind::Credit, AccountKind::Cash);
                self.transfer(from, to, balance, reference, now_s, &mut postings);
            }
        }
        postings.extend(self.expire_dated(now_s, Some(now_s)));
        Ok(postings)
    }

    /// Checks that every balance after the refund fits in 64 bits.
    fn check_refund(&self, deducted: &[Posting]) -> Result<(), AccountError> {
        let mut balances = self.balances;
        for deduction in deducted {
            let balance = balances.get_mut(deduction.kind);
            *balance = balance.checked_sub(deduction.amount).ok_or(AccountError::TooLarge)?;
        }
        let unowed = balances.get(AccountKind::Credit).max(0);
        balances.get(AccountKind::Cash).checked_add(unowed).ok_or(AccountError::TooLarge)?;
        Ok(())
    }
}
