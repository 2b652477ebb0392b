//! Settlement: which accounts pay an order, in which order, all or nothing (docs/CHARGING.md, "Settlement").

use super::balances::Account;
use super::deductions::Deductions;
use super::grants::Grant;
use super::kinds::{AccountKind, PerKind};
use super::postings::{Cause, Posting};
use crate::line::Line;
use crate::money::Amount;

/// The settlement order, if the configuration states no other: star card, coupon, bonus, cash, credit.
pub const SETTLEMENT_ORDER: [AccountKind; AccountKind::COUNT] = AccountKind::ALL;

impl Account {
    /// Pays an order of a line in full, from these kinds in this order. Among the grants of a kind, the one that expires
    /// first pays first, then the oldest. `None` if they do not suffice; nothing has changed then. An order with a total
    /// of 0 is paid without postings.
    pub fn pay(
        &mut self,
        total: Amount,
        line: &Line,
        source_number: &str,
        kinds: &[AccountKind],
        now_s: i64,
    ) -> Option<(Deductions, Vec<Posting>)> {
        let mut unpaid = total.steps();
        let mut parts: Vec<(AccountKind, i64, i64)> = Vec::new();
        for &kind in kinds {
            if unpaid == 0 {
                break;
            }
            let mut take = |grant_id: i64, available: i64, unpaid: &mut i64| {
                let amount = available.min(*unpaid);
                if amount > 0 {
                    parts.push((kind, grant_id, amount));
                    *unpaid = unpaid.saturating_sub(amount);
                }
            };
            if kind.is_granted() {
                for grant in self.grants_in_order(kind, line, now_s) {
                    take(grant.grant_id, grant.remaining, &mut unpaid);
                }
            } else {
                take(0, i64::try_from(self.ungranted(kind)).unwrap_or(i64::MAX), &mut unpaid);
            }
        }
        if unpaid > 0 {
            return None;
        }
        let mut deductions = PerKind::<i64>::default();
        let mut postings = Vec::with_capacity(parts.len());
        for (kind, grant_id, amount) in parts {
            let deducted = deductions.get_mut(kind);
            *deducted = deducted.saturating_add(amount);
            let (amount, cause) = (amount.saturating_neg(), Cause::Deduction);
            let balance = self.move_grant(kind, grant_id, amount);
            let reference = source_number.to_owned();
            postings.push(Posting { kind, grant_id, cause, amount, balance, reference });
        }
        self.grants.retain(|grant| grant.remaining > 0);
        Some((deductions.map(Amount::from_steps), postings))
    }

    /// The grants of a kind that may pay for a line, in the order in which they pay.
    fn grants_in_order(&self, kind: AccountKind, line: &Line, now_s: i64) -> Vec<&Grant> {
        let mut usable: Vec<&Grant> = self
            .grants
            .iter()
            .filter(|grant| grant.kind == kind && !grant.is_expired(now_s) && grant.is_for(line))
            .collect();
        // A grant without expiry pays last.
        usable.sort_by_key(|grant| (grant.expires_s.unwrap_or(i64::MAX), grant.grant_id));
        usable
    }
}
