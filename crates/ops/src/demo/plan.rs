//! What happens to the demo company's accounts in its month: what is paid in, when the money runs out, what is taken
//! back. Amounts follow from what the usage costs, so that the story is the same in every season.

use tollbook_domain::account::{AccountKind, Deposit};
use tollbook_domain::{Amount, time::HOUR_S};

use super::scene::{DEEPSEEK_CHAT, QWEN_IMAGE, QWEN_MAX};
use super::{DEMO_DAYS, DemoMonth, DemoUsage};

/// 10⁻⁸ currency units of one.
const ONE: i64 = 100_000_000;
/// How far credit may be used in a whole month, in whole currency units.
const CREDIT: i64 = 1_800;
/// Deposits of cash are round, in whole currency units of a whole month.
const ROUND: i64 = 100;
/// When in its hour something happens, after the hour before is charged.
const AFTER_S: i64 = 1_500;

/// Something that someone does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Sets how far credit may be used.
    CreditLimit(Amount),
    /// Pays in, and arrears with it or not.
    Deposit(Deposit, bool),
    /// Revokes this many unpaid orders.
    Revoke(usize, &'static str),
    /// Refunds this many paid orders of a model.
    Refund(usize, &'static str, &'static str),
}

/// When someone does it, Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) at_s: i64,
    pub(crate) act: Act,
}

/// Money for a while; times in thousandths of the month, the amount in whole currency units of a whole month.
struct Gift {
    at: usize,
    kind: AccountKind,
    amount: i64,
    ends: Option<usize>,
    model: Option<&'static str>,
}

const fn gift(
    at: usize,
    kind: AccountKind,
    amount: i64,
    ends: Option<usize>,
    model: Option<&'static str>,
) -> Gift {
    Gift { at, kind, amount, ends, model }
}

const GIFTS: [Gift; 8] = [
    gift(36, AccountKind::StarCard, 2_400, None, None),
    gift(125, AccountKind::Bonus, 2_500, None, None),
    gift(180, AccountKind::Coupon, 3_200, Some(600), Some(DEEPSEEK_CHAT.id)),
    gift(340, AccountKind::Bonus, 2_200, None, None),
    // More than is used of that model until it ends.
    gift(400, AccountKind::Coupon, 900, Some(520), Some(QWEN_MAX.id)),
    gift(480, AccountKind::Coupon, 2_600, Some(900), Some(DEEPSEEK_CHAT.id)),
    gift(660, AccountKind::StarCard, 2_200, Some(960), None),
    gift(830, AccountKind::Bonus, 1_800, None, None),
];

/// Cash: when it is paid in, when it is spent, and whether arrears are paid with it or left to the daily run. Between the
/// end of one and the beginning of the next, orders are owed; the last is not followed by another.
const CASH: [(usize, usize, bool); 3] = [(0, 285, true), (303, 597, true), (617, 975, false)];

struct Planning<'a> {
    month: &'a DemoMonth,
    usage: &'a DemoUsage,
    events: Vec<Event>,
}

impl DemoMonth {
    /// What happens in the month, by time.
    pub(crate) fn events(&self, usage: &DemoUsage) -> Vec<Event> {
        let mut planning = Planning { month: self, usage, events: Vec::new() };
        planning.add(0, Act::CreditLimit(planning.scaled(CREDIT)));
        for (number, gift) in (1..).zip(&GIFTS) {
            planning.give(number, gift);
        }
        planning.pay_in();
        planning.add(300, Act::Revoke(6, "the gateway counted a failed run"));
        planning.add(450, Act::Refund(2, QWEN_IMAGE.id, "the images were blank"));
        planning.add(985, Act::Revoke(4, "a load test of ours"));
        planning.events.sort_by_key(|event| event.at_s);
        planning.events
    }
}

impl Planning<'_> {
    fn hour(&self, permille: usize) -> usize {
        usize::try_from(self.month.days * 24).unwrap_or(0) * permille / 1_000
    }

    fn time_s(&self, permille: usize) -> i64 {
        self.month.start_s + HOUR_S * i64::try_from(self.hour(permille)).unwrap_or(0)
    }

    fn scaled(&self, whole: i64) -> Amount {
        Amount::from_steps(whole * ONE * self.month.days / DEMO_DAYS)
    }

    fn add(&mut self, permille: usize, act: Act) {
        // Each has its own second.
        let order = i64::try_from(self.events.len()).unwrap_or(0);
        self.events.push(Event { at_s: self.time_s(permille) + AFTER_S + 40 * order, act });
    }

    fn give(&mut self, number: usize, gift: &Gift) {
        let deposit = Deposit {
            kind: gift.kind,
            amount: self.scaled(gift.amount),
            expires_s: gift.ends.map(|ends| self.time_s(ends)),
            products: Vec::new(),
            models: gift.model.iter().map(|model| (*model).to_owned()).collect(),
            key: format!("quickstart-{}-{number}", gift.kind.name()),
        };
        self.add(gift.at, Act::Deposit(deposit, true));
    }

    /// What gifts have paid by an hour, about.
    fn given(&self, until: usize) -> i64 {
        let of = |gift: &Gift| {
            let ends = self.hour(gift.ends.unwrap_or(1_000)).min(until);
            self.scaled(gift.amount).steps().min(self.usage.cost(self.hour(gift.at), ends, gift.model))
        };
        GIFTS.iter().filter(|gift| self.hour(gift.at) < until).map(of).sum()
    }

    fn pay_in(&mut self) {
        let (credit, round) = (self.scaled(CREDIT).steps(), self.scaled(ROUND).steps());
        let mut before = 0;
        let mut number = 0;
        for (from, to, pays_arrears) in CASH {
            let until = self.hour(to);
            // All that was used and not given was paid for in cash, but for the credit, which is used up by then.
            let all = self.usage.cost(0, until, None) - self.given(until) - credit;
            let steps = (all - before).max(round);
            let first = steps / 5 * 3;
            for (at, steps) in [(from, first), (from + (to - from) * 2 / 5, steps - first)] {
                let steps = (steps / round).max(1) * round;
                before += steps;
                number += 1;
                let deposit = Deposit {
                    kind: AccountKind::Cash,
                    amount: Amount::from_steps(steps),
                    expires_s: None,
                    products: Vec::new(),
                    models: Vec::new(),
                    key: format!("quickstart-cash-{number}"),
                };
                self.add(at, Act::Deposit(deposit, pays_arrears || at != from));
            }
        }
    }
}
