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

/// How an order was paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paid {
    /// What it was paid from.
    pub deductions: Deductions,
    /// What was restored to grants that had ended, before the deductions.
    pub restored: Vec<Posting>,
    /// The deductions.
    pub postings: Vec<Posting>,
}

impl Account {
    /// Pays an order of a line in full, from these kinds in this order. Among the grants of a kind, the one that expires
    /// first pays first, then the oldest. A grant pays if it had not ended when the hour of the order began (`hour_s`),
    /// also if it has ended since. `None` if they do not suffice; nothing has changed then. An order with a total of 0
    /// is paid without postings.
    pub fn pay(
        &mut self,
        total: Amount,
        line: &Line,
        source_number: &str,
        kinds: &[AccountKind],
        hour_s: i64,
        now_s: i64,
    ) -> Option<Paid> {
        let mut unpaid = total.steps();
        let mut parts: Vec<(AccountKind, i64, i64)> = Vec::new();
        for &kind in kinds {
            if unpaid == 0 {
                break;
            }
            // What was left of ended grants goes through the balance, which must hold it.
            let mut room = i64::MAX.saturating_sub(self.balances.get(kind));
            let mut take = |grant_id: i64, available: i64, unpaid: &mut i64| {
                let amount = available.min(*unpaid);
                if amount > 0 {
                    parts.push((kind, grant_id, amount));
                    *unpaid = unpaid.saturating_sub(amount);
                }
            };
            if kind.is_granted() {
                for grant in self.grants_in_order(kind, line, hour_s) {
                    let expired = grant.expired.min(room).min(unpaid.saturating_sub(grant.remaining).max(0));
                    room = room.saturating_sub(expired);
                    take(grant.grant_id, grant.remaining.saturating_add(expired), &mut unpaid);
                }
            } else {
                take(0, i64::try_from(self.ungranted(kind)).unwrap_or(i64::MAX), &mut unpaid);
            }
        }
        if unpaid > 0 {
            return None;
        }
        let mut restored = Vec::new();
        for (_, grant_id, amount) in &parts {
            let remaining = self.grant(*grant_id).map_or(i64::MAX, |grant| grant.remaining);
            let missing = amount.saturating_sub(remaining);
            if missing > 0 {
                restored.extend(self.move_expired(*grant_id, missing, now_s));
            }
        }
        let mut deductions = PerKind::<i64>::default();
        let mut postings = Vec::with_capacity(parts.len());
        for (kind, grant_id, amount) in parts {
            let deducted = deductions.get_mut(kind);
            *deducted = deducted.saturating_add(amount);
            let (amount, cause, time_s) = (amount.saturating_neg(), Cause::Deduction, now_s);
            let balance = self.move_grant(kind, grant_id, amount);
            let reference = source_number.to_owned();
            postings.push(Posting { time_s, kind, grant_id, cause, amount, balance, reference });
        }
        self.drop_used_up(now_s);
        Some(Paid { deductions: deductions.map(Amount::from_steps), restored, postings })
    }

    /// The grants of a kind that may pay for an order of a line and an hour, in the order in which they pay.
    fn grants_in_order(&self, kind: AccountKind, line: &Line, hour_s: i64) -> Vec<&Grant> {
        let mut usable: Vec<&Grant> = self
            .grants
            .iter()
            .filter(|grant| grant.kind == kind && !grant.is_expired(hour_s) && grant.is_for(line))
            .collect();
        // A grant without expiry pays last.
        usable.sort_by_key(|grant| (grant.expires_s.unwrap_or(i64::MAX), grant.grant_id));
        usable
    }
}
