//! Any order in which payers, depositors and the daily run get their turns: each order is paid once.

use std::sync::{Condvar, Mutex};

use proptest::prelude::*;
use tollbook_domain::Status;
use tollbook_domain::account::{AccountKind, Cause};
use tollbook_ops::charging::{pay_unpaid, settle_all};

use crate::attacks::{NOW_S, charged, owed};
use crate::place::{Backend, Place};

#[derive(Clone, Debug)]
enum Step {
    Pay(Vec<usize>),
    Deposit(i64, u8),
    Settle,
}

/// Whose turn it is.
struct Turnstile {
    turn: Mutex<usize>,
    moved: Condvar,
}

impl Turnstile {
    fn pass(&self, turn: usize, work: impl FnOnce()) {
        let mut now = self.turn.lock().unwrap();
        while *now != turn {
            now = self.moved.wait(now).unwrap();
        }
        work();
        *now += 1;
        self.moved.notify_all();
    }
}

pub(crate) fn any_interleaving_pays_an_order_once(backend: &Backend) {
    let step = prop_oneof![
        4 => prop::collection::vec(0..6usize, 1..5).prop_map(Step::Pay),
        2 => (1..60i64, 0..6u8).prop_map(|(amount, key)| Step::Deposit(amount, key)),
        1 => Just(Step::Settle),
    ];
    // Which of three servers does each step.
    let steps = prop::collection::vec((0..3usize, step), 1..16);
    let cases = if backend.is_sqlite() { 16 } else { 6 };
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in steps)| {
        let database = backend.another();
        let place = Place::new(&database, 1);
        charged(&place, &[10, 20, 30, 5, 1, 44]);
        let numbers = owed(&place);
        let turnstile = Turnstile { turn: Mutex::new(0), moved: Condvar::new() };
        std::thread::scope(|scope| {
            for server in 0..3 {
                let (steps, numbers, turnstile, database) = (&steps, &numbers, &turnstile, &database);
                scope.spawn(move || {
                    let place = Place::another_server(database);
                    for (turn, (of, step)) in steps.iter().enumerate() {
                        if *of == server {
                            turnstile.pass(turn, || perform(&place, step, numbers));
                        }
                    }
                });
            }
        });
        let paid = place.orders(1, Status::Paid);
        let ledger = place.ledger(1);
        let sum = |cause| -> i64 {
            ledger.iter().filter(|kept| kept.entry.cause == cause).map(|kept| kept.entry.amount).sum()
        };
        let cost: i64 = paid.iter().map(|stored| stored.order.total.steps()).sum();
        prop_assert_eq!(-sum(Cause::Deduction), cost);
        prop_assert_eq!(place.balance(1, AccountKind::Cash), sum(Cause::Deposit) - cost);
        prop_assert_eq!(paid.len() + place.orders(1, Status::Unpaid).len(), 6);
        place.assert_clean();
    });
}

fn perform(place: &Place, step: &Step, numbers: &[String]) {
    match step {
        Step::Pay(picks) => {
            let asked: Vec<String> = picks.iter().map(|pick| numbers[*pick].clone()).collect();
            pay_unpaid(&place.charging(), 1, &asked, &|_| true, NOW_S).unwrap();
        }
        Step::Deposit(amount, key) => {
            let of = crate::place::money(AccountKind::Cash, *amount, &format!("{key}"));
            // The key of another deposit is refused.
            let _ = tollbook_ops::charging::deposit(&place.charging(), 1, &of, amount % 2 == 0, NOW_S);
        }
        Step::Settle => {
            settle_all(&place.charging(), "worker", NOW_S).unwrap();
        }
    }
}
