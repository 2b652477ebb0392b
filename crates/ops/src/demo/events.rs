//! Operations on the accounts of the demo company during its month: deposits, a credit limit, revocations, refunds, and
//! corrections. The amounts are computed from the cost of the usage, so that the balance runs out at the same times in
//! every month.

use tollbook_domain::account::{AccountKind, Deposit};
use tollbook_domain::{Amount, time::HOUR_S};

use super::month::{DEMO_DAYS, DemoMonth, DemoUsage};
use super::workload::{DEEPSEEK_CHAT, QWEN_IMAGE, QWEN_MAX};
use crate::charging::{Adjustment, ReversalRequest};

/// One currency unit, in steps of 10⁻⁸.
const ONE: i64 = 100_000_000;
/// Credit limit for a month of [`DEMO_DAYS`], in currency units.
const CREDIT_LIMIT: i64 = 1_800;
/// Cash deposits are rounded down to multiples of this amount, in currency units for a month of [`DEMO_DAYS`].
const CASH_STEP: i64 = 100;
/// Second of the hour at which events begin, after the previous hour is charged.
const EVENT_OFFSET_S: i64 = 1_500;

/// An operation on the accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DemoOperation {
    /// Sets the credit limit.
    CreditLimit(Amount),
    /// Deposits money and, if the flag is set, pays arrears.
    Deposit(Deposit, bool),
    /// Revokes a number of unpaid orders, with a reason.
    Revoke(usize, &'static str),
    /// Refunds a number of paid orders of a model, with a reason.
    Refund(usize, &'static str, &'static str),
    /// Reverses a deposit.
    Reverse(ReversalRequest),
    /// Adjusts an account.
    Adjust(Adjustment),
}

/// An operation and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DemoEvent {
    /// Unix seconds.
    pub(crate) at_s: i64,
    pub(crate) operation: DemoOperation,
}

/// A deposit of a bonus, coupon or star card. Times are in thousandths of the month; the amount is in currency units
/// for a month of [`DEMO_DAYS`].
struct PlannedGrant {
    at: usize,
    kind: AccountKind,
    amount: i64,
    expires: Option<usize>,
    model: Option<&'static str>,
}

const fn grant(
    at: usize,
    kind: AccountKind,
    amount: i64,
    expires: Option<usize>,
    model: Option<&'static str>,
) -> PlannedGrant {
    PlannedGrant { at, kind, amount, expires, model }
}

const GRANTS: [PlannedGrant; 8] = [
    grant(36, AccountKind::StarCard, 2_400, None, None),
    grant(125, AccountKind::Bonus, 2_500, None, None),
    grant(180, AccountKind::Coupon, 3_200, Some(600), Some(DEEPSEEK_CHAT.id)),
    grant(340, AccountKind::Bonus, 2_200, None, None),
    // More than the cost of the model until the expiry, so that a remaining amount expires.
    grant(400, AccountKind::Coupon, 900, Some(520), Some(QWEN_MAX.id)),
    grant(480, AccountKind::Coupon, 2_600, Some(900), Some(DEEPSEEK_CHAT.id)),
    grant(660, AccountKind::StarCard, 2_200, Some(960), None),
    grant(830, AccountKind::Bonus, 1_800, None, None),
];

/// Periods that cash covers: beginning and end in thousandths of the month, and whether the first deposit pays arrears
/// or leaves them to the daily run. Orders between two periods and after the last one are unpaid at first.
const CASH_PERIODS: [(usize, usize, bool); 3] = [(0, 285, true), (303, 597, true), (617, 975, false)];

struct EventPlanner<'a> {
    month: &'a DemoMonth,
    usage: &'a DemoUsage,
    events: Vec<DemoEvent>,
}

impl DemoMonth {
    /// The events of the month, by time.
    pub(crate) fn events(&self, usage: &DemoUsage) -> Vec<DemoEvent> {
        let mut planner = EventPlanner { month: self, usage, events: Vec::new() };
        planner.add(0, DemoOperation::CreditLimit(planner.scaled(CREDIT_LIMIT)));
        for (number, grant) in (1..).zip(&GRANTS) {
            planner.add_grant(number, grant);
        }
        planner.add_cash_deposits();
        planner.add_corrections();
        planner.add(300, DemoOperation::Revoke(6, "the gateway counted a failed run"));
        planner.add(450, DemoOperation::Refund(2, QWEN_IMAGE.id, "the images were blank"));
        planner.add(985, DemoOperation::Revoke(4, "a load test of ours"));
        planner.events.sort_by_key(|event| event.at_s);
        planner.events
    }
}

impl EventPlanner<'_> {
    fn hour(&self, permille: usize) -> usize {
        usize::try_from(self.month.days * 24).unwrap_or(0) * permille / 1_000
    }

    fn time_s(&self, permille: usize) -> i64 {
        self.month.start_s + HOUR_S * i64::try_from(self.hour(permille)).unwrap_or(0)
    }

    /// An amount for a month of [`DEMO_DAYS`], scaled to the length of this month.
    fn scaled(&self, units: i64) -> Amount {
        Amount::from_steps(units * ONE * self.month.days / DEMO_DAYS)
    }

    fn add(&mut self, permille: usize, operation: DemoOperation) {
        // No two events have the same time.
        let number = i64::try_from(self.events.len()).unwrap_or(0);
        self.events.push(DemoEvent { at_s: self.time_s(permille) + EVENT_OFFSET_S + 40 * number, operation });
    }

    fn add_grant(&mut self, number: usize, grant: &PlannedGrant) {
        let deposit = Deposit {
            kind: grant.kind,
            amount: self.scaled(grant.amount),
            expires_s: grant.expires.map(|expires| self.time_s(expires)),
            products: Vec::new(),
            models: grant.model.iter().map(|model| (*model).to_owned()).collect(),
            key: format!("quickstart-{}-{number}", grant.kind.name()),
        };
        self.add(grant.at, DemoOperation::Deposit(deposit, true));
    }

    /// The approximate amount that grants have paid before an hour.
    fn paid_by_grants(&self, until: usize) -> i64 {
        let paid = |grant: &PlannedGrant| {
            let end = self.hour(grant.expires.unwrap_or(1_000)).min(until);
            self.scaled(grant.amount).steps().min(self.usage.cost(self.hour(grant.at), end, grant.model))
        };
        GRANTS.iter().filter(|grant| self.hour(grant.at) < until).map(paid).sum()
    }

    /// A coupon that was deposited twice is reversed, before the next hour is charged; some cash is given for goodwill.
    fn add_corrections(&mut self) {
        let deposit = Deposit {
            kind: AccountKind::Coupon,
            amount: self.scaled(400),
            expires_s: None,
            products: Vec::new(),
            models: Vec::new(),
            key: "quickstart-coupon-twice".to_owned(),
        };
        let reversal = ReversalRequest {
            deposit: deposit.key.clone(),
            amount: None,
            owe: false,
            key: "quickstart-reverse-1".to_owned(),
            reason: "deposited twice".to_owned(),
        };
        self.add(360, DemoOperation::Deposit(deposit, false));
        self.add(360, DemoOperation::Reverse(reversal));
        let adjustment = Adjustment {
            kind: AccountKind::Cash,
            change: self.scaled(12).steps(),
            key: "quickstart-adjust-1".to_owned(),
            reason: "goodwill".to_owned(),
            reference: "T-81".to_owned(),
        };
        self.add(700, DemoOperation::Adjust(adjustment));
    }

    fn add_cash_deposits(&mut self) {
        let (credit, step) = (self.scaled(CREDIT_LIMIT).steps(), self.scaled(CASH_STEP).steps());
        let mut deposited = 0;
        let mut number = 0;
        for (from, to, pays_arrears) in CASH_PERIODS {
            let until = self.hour(to);
            // Cash pays the cost that grants and the credit do not pay. The credit is used up at the end of the period.
            let total = self.usage.cost(0, until, None) - self.paid_by_grants(until) - credit;
            let amount = (total - deposited).max(step);
            let first = amount / 5 * 3;
            for (at, amount) in [(from, first), (from + (to - from) * 2 / 5, amount - first)] {
                let amount = (amount / step).max(1) * step;
                deposited += amount;
                number += 1;
                let deposit = Deposit {
                    kind: AccountKind::Cash,
                    amount: Amount::from_steps(amount),
                    expires_s: None,
                    products: Vec::new(),
                    models: Vec::new(),
                    key: format!("quickstart-cash-{number}"),
                };
                self.add(at, DemoOperation::Deposit(deposit, pays_arrears || at != from));
            }
        }
    }
}
