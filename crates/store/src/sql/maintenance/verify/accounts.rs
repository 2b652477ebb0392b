//! Verification of accounts: the ledger adds up to the balances, and the deductions of settled orders equal the ledger.

use std::collections::HashMap;

use tollbook_domain::account::{AccountKind, Cause, PerKind};
use tollbook_domain::{Amount, Deductions};

use super::report::Report;
use crate::accounts::{AccountReads, LedgerEntry, LedgerRange, StoredDeposit};
use crate::error::StoreResult;
use crate::orders::OrderLookup;
use crate::sql::accounts::decode_pruned;
use crate::sql::driver::connection::{Flow, SqlValue, all, first};
use crate::sql::session::Session;
use crate::verification::LedgerWalk;

/// Ledger entries that are read at a time.
const ENTRIES_PER_READ: i64 = 10_000;
/// Settlements that are read at a time.
const SETTLEMENTS_PER_READ: i64 = 1_000;

impl Session {
    /// Compares orders that are or were paid with the ledger entries of their payment.
    pub(crate) fn verify_settled(
        &mut self,
        company_id: i64,
        paid: &[(String, Deductions)],
        report: &mut Report,
    ) -> StoreResult<()> {
        let settled = self.settled(company_id, paid.iter().map(|(number, _)| number.as_str()))?;
        for (number, deductions) in paid {
            let Some(entries) = settled.get(number) else { continue };
            report.settled.orders += 1;
            let of_order = deductions.map(Amount::steps);
            let mut of_ledger = PerKind::<i128>::default();
            let mut is_named = true;
            for kept in self.ledger(company_id, *entries)? {
                is_named &= kept.is_deduction() && kept.entry.reference == *number;
                *of_ledger.get_mut(kept.entry.kind) -= i128::from(kept.entry.amount);
            }
            // A refunded order has no deductions; the ledger has the deductions and the refund.
            let is_refunded = deductions.total_steps() == 0;
            let same = AccountKind::ALL.iter().all(|kind| {
                i128::from(of_order.get(*kind)) == if is_refunded { 0 } else { of_ledger.get(*kind) }
            });
            if !is_named || !same {
                report.differ(|| {
                    format!("company {company_id}: order {number}: its deductions differ from the ledger")
                });
            }
            for kind in AccountKind::ALL {
                *report.settled.deducted.get_mut(kind) += i128::from(of_order.get(kind));
            }
        }
        Ok(())
    }

    /// Reads the whole ledger and checks the balance of each entry, the current balances, grants, deposits, and the
    /// deductions of settled orders.
    pub(crate) fn verify_accounts(&mut self, company_id: i64, report: &mut Report) -> StoreResult<()> {
        let mut walk = LedgerWalk::default();
        while !self.walk_ledger(company_id, &mut walk, report)? {}
        let pruned = self.read_pruned(company_id)?;
        for kind in AccountKind::ALL {
            let (ledger, deducted) =
                (-walk.net.get(kind), report.settled.deducted.get(kind) + pruned.get(kind));
            if ledger != deducted {
                let name = kind.name();
                report.differ(|| {
                    format!(
                        "company {company_id}: {name}: {ledger} deducted by the ledger, {deducted} by settled orders"
                    )
                });
            }
        }
        self.verify_ledger_end(company_id, walk, report)?;
        let sql = "SELECT count(*) FROM settlement WHERE company_id = $1";
        let settled = first(self.connection.as_mut(), sql, &[company_id.into()], |row| row.int(0))?;
        if settled != Some(report.settled.orders) {
            let orders = report.settled.orders;
            report.differ(|| {
                format!("company {company_id}: {settled:?} settlements noted, {orders} orders are settled")
            });
        }
        Ok(())
    }

    /// Reads some thousand entries of the ledger and checks that each follows the one before. Returns whether they were
    /// the last. Entries are never changed, so that a walk may be continued in another snapshot.
    pub(crate) fn walk_ledger(
        &mut self,
        company_id: i64,
        walk: &mut LedgerWalk,
        report: &mut Report,
    ) -> StoreResult<bool> {
        let range = LedgerRange { first: walk.next, count: ENTRIES_PER_READ };
        let entries = self.ledger(company_id, range)?;
        let are_last = i64::try_from(entries.len()).is_ok_and(|count| count < ENTRIES_PER_READ);
        for kept in entries {
            let (entry, next) = (&kept.entry, walk.next);
            let balance = walk.balances.get_mut(entry.kind);
            *balance += i128::from(entry.amount);
            if kept.entry_no != next || i128::from(entry.balance) != *balance {
                report.differ(|| {
                    format!("company {company_id}: ledger entry {next}: does not follow the one before")
                });
            }
            let outside = if entry.kind == AccountKind::Credit { *balance > 0 } else { *balance < 0 };
            // A refund may make credit positive; the entry after it moves the excess to cash.
            if outside && entry.cause != Cause::Refund {
                let name = entry.kind.name();
                report.differ(|| {
                    format!("company {company_id}: ledger entry {next}: {name} is out of its bounds")
                });
            }
            if matches!(entry.cause, Cause::Deduction | Cause::Refund) {
                *walk.net.get_mut(entry.kind) += i128::from(entry.amount);
            }
            walk.corrected.add(entry);
            walk.deposits += i64::from(entry.cause == Cause::Deposit);
            if entry.kind.is_granted() {
                *walk.grants.entry(entry.grant_id).or_default() += i128::from(entry.amount);
            }
            walk.next = kept.entry_no + 1;
        }
        Ok(are_last)
    }

    /// Compares the balances, grants, deposits, revocations and corrections with a ledger that was read to its end in this
    /// snapshot.
    pub(crate) fn verify_ledger_end(
        &mut self,
        company_id: i64,
        walk: LedgerWalk,
        report: &mut Report,
    ) -> StoreResult<()> {
        let state = self.account_state(company_id)?;
        if walk.next != state.entries {
            let counted = walk.next;
            report.differ(|| {
                format!("company {company_id}: {} ledger entries noted, {counted} counted", state.entries)
            });
        }
        self.verify_grants(company_id, state.account.grant_count, &walk.grants, report)?;
        self.verify_ended_grants(company_id, &walk.corrected, report)?;
        self.verify_deposits(company_id, walk.deposits, report)?;
        self.verify_revocations(company_id, report)?;
        for kind in AccountKind::ALL {
            let (balance, name) = (state.account.balances.get(kind), kind.name());
            let ledger = walk.balances.get(kind);
            if i128::from(balance) != ledger {
                report.differ(|| {
                    format!("company {company_id}: {name}: balance {balance}, the ledger says {ledger}")
                });
            }
        }
        if state.account.over_limit() > 0 && !walk.corrected.owes_a_reversal() {
            report.differ(|| format!("company {company_id}: more credit is used than the limit"));
        }
        self.verify_corrections(company_id, walk.corrected, report)
    }

    fn read_pruned(&mut self, company_id: i64) -> StoreResult<PerKind<i128>> {
        let sql = "SELECT pruned_deductions FROM account WHERE company_id = $1";
        let pruned =
            first(self.connection.as_mut(), sql, &[company_id.into()], |row| decode_pruned(row.blob(0)?))?;
        Ok(pruned.unwrap_or_default())
    }

    fn verify_grants(
        &mut self,
        company_id: i64,
        noted: i64,
        ledger: &HashMap<i64, i128>,
        report: &mut Report,
    ) -> StoreResult<()> {
        let sql = "SELECT grant_id, remaining FROM account_grant WHERE company_id = $1 ORDER BY grant_id";
        let mut grants = 0;
        let given = i64::try_from(ledger.len()).unwrap_or(i64::MAX);
        self.connection.query(sql, &[company_id.into()], &mut |row| {
            let (grant_id, remaining) = (row.int(0)?, row.int(1)?);
            grants += 1;
            if ledger.get(&grant_id) != Some(&remaining.into()) || remaining < 0 {
                report.differ(|| format!("company {company_id}: grant {grant_id}: differs from the ledger"));
            }
            Ok(Flow::More)
        })?;
        if grants != given || noted != given {
            report.differ(|| {
                format!("company {company_id}: {grants} grants, {noted} noted, {given} are in the ledger")
            });
        }
        Ok(())
    }

    /// Compares each deposit with its ledger entries and its grant.
    fn verify_deposits(&mut self, company_id: i64, in_ledger: i64, report: &mut Report) -> StoreResult<()> {
        let sql = "SELECT deposit_key FROM deposit WHERE company_id = $1 ORDER BY deposit_key";
        let keys: Vec<String> =
            all(self.connection.as_mut(), sql, &[company_id.into()], |row| Ok(row.text(0)?.to_owned()))?;
        for key in &keys {
            let Some(StoredDeposit { deposit, entries, .. }) = self.deposit(company_id, key)? else {
                continue;
            };
            let kept = self.ledger(company_id, entries)?;
            let mut same = i64::try_from(kept.len()) == Ok(entries.count);
            for (place, LedgerEntry { entry, .. }) in kept.iter().enumerate() {
                let cause = if place == 0 { Cause::Deposit } else { Cause::Adjustment };
                same &= entry.cause == cause && entry.reference == *key;
            }
            if let Some(LedgerEntry { entry, .. }) = kept.first() {
                same &= (entry.kind, entry.amount) == (deposit.kind, deposit.amount.steps());
                let grants = self.grants(company_id, &[entry.grant_id])?;
                same &= grants.len() == usize::from(deposit.kind.is_granted());
                for grant in grants {
                    same &= (grant.kind, grant.granted) == (deposit.kind, deposit.amount.steps());
                    same &= (&grant.expires_s, &grant.products, &grant.models)
                        == (&deposit.expires_s, &deposit.products, &deposit.models);
                }
            }
            if !same || kept.is_empty() {
                report.differ(|| format!("company {company_id}: deposit {key:?}: differs from the ledger"));
            }
        }
        if i64::try_from(keys.len()) != Ok(in_ledger) {
            let deposits = keys.len();
            report.differ(|| {
                format!("company {company_id}: {deposits} deposits noted, {in_ledger} are in the ledger")
            });
        }
        Ok(())
    }

    /// Checks that each revocation has its order, revoked at the same time.
    fn verify_revocations(&mut self, company_id: i64, report: &mut Report) -> StoreResult<()> {
        let sql = "SELECT source_no, time FROM revocation WHERE company_id = $1 ORDER BY source_no";
        let noted: Vec<(String, i64)> = all(self.connection.as_mut(), sql, &[company_id.into()], |row| {
            Ok((row.text(0)?.to_owned(), row.int(1)?))
        })?;
        let numbers: Vec<&str> = noted.iter().map(|(number, _)| number.as_str()).collect();
        let orders = self.orders_by_numbers(company_id, &numbers)?;
        for ((number, time_s), stored) in noted.iter().zip(orders) {
            if stored.is_none_or(|stored| stored.order.revocation_time_s != Some(*time_s)) {
                report.differ(|| {
                    format!("company {company_id}: order {number}: its revocation differs from it")
                });
            }
        }
        Ok(())
    }

    /// Checks that each deduction among some thousand entries of the ledger belongs to a settlement, as far as no orders were
    /// pruned.
    pub(crate) fn verify_deductions(
        &mut self,
        company_id: i64,
        first_entry: i64,
        report: &mut Report,
    ) -> StoreResult<()> {
        if self.view(company_id)?.pruned_before_s > 0 {
            return Ok(());
        }
        let range = LedgerRange { first: first_entry, count: ENTRIES_PER_READ };
        let mut entries = self.ledger(company_id, range)?;
        entries.retain(LedgerEntry::is_deduction);
        let settled = self.settled(company_id, entries.iter().map(|kept| kept.entry.reference.as_str()))?;
        for kept in &entries {
            let number = &kept.entry.reference;
            let is_settled = settled
                .get(number)
                .is_some_and(|range| (range.first..range.first + range.count).contains(&kept.entry_no));
            if !is_settled {
                let entry_no = kept.entry_no;
                report.differ(|| {
                    format!("company {company_id}: ledger entry {entry_no}: deducted for {number}, which is not settled so")
                });
            }
        }
        Ok(())
    }

    /// Checks that some settlements after one have orders. Returns the last one's order; `None` if there are no more.
    pub(crate) fn verify_settlements(
        &mut self,
        company_id: i64,
        after: &str,
        report: &mut Report,
    ) -> StoreResult<Option<String>> {
        let sql = "SELECT source_no FROM settlement WHERE company_id = $1 AND source_no > $2 ORDER BY source_no LIMIT $3";
        let values = [company_id.into(), after.into(), SqlValue::Int(SETTLEMENTS_PER_READ)];
        let mut numbers = all(self.connection.as_mut(), sql, &values, |row| Ok(row.text(0)?.to_owned()))?;
        let wanted: Vec<&str> = numbers.iter().map(String::as_str).collect();
        for (number, order) in wanted.iter().zip(self.orders_by_numbers(company_id, &wanted)?) {
            if order.is_none_or(|stored| stored.order.paid_time_s.is_none()) {
                report.differ(|| format!("company {company_id}: order {number} is settled and not paid"));
            }
        }
        let is_whole = i64::try_from(numbers.len()) == Ok(SETTLEMENTS_PER_READ);
        Ok(numbers.pop().filter(|_| is_whole))
    }
}
