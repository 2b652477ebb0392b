//! In every interleaving of payers, deposits, corrections of accounts and the daily run, each order is paid once.

use std::sync::{Condvar, Mutex};

use proptest::prelude::*;
use tollbook_domain::account::{AccountKind, Cause};
use tollbook_domain::{Amount, Status};
use tollbook_ops::charging::{Adjustment, Mode, ReversalRequest, adjust, pay_unpaid, reverse, settle_all};

use super::edge_cases::{NOW_S, charge_orders, unpaid_numbers};
use super::fixture::{Backend, Fixture};

#[derive(Clone, Debug)]
enum Step {
    Pay(Vec<usize>),
    Deposit(i64, u8),
    Settle,
    Reverse { deposit: u8, amount: i64, owe: bool, key: u8 },
    Adjust { change: i64, key: u8 },
}

/// Runs the steps of several threads in a given sequence.
struct Sequencer {
    next: Mutex<usize>,
    changed: Condvar,
}

impl Sequencer {
    fn run(&self, step: usize, work: impl FnOnce()) {
        let mut next = self.next.lock().unwrap();
        while *next != step {
            next = self.changed.wait(next).unwrap();
        }
        work();
        *next += 1;
        self.changed.notify_all();
    }
}

pub(crate) fn every_interleaving_pays_an_order_once(backend: &Backend) {
    let step = prop_oneof![
        4 => prop::collection::vec(0..6usize, 1..5).prop_map(Step::Pay),
        2 => (1..60i64, 0..6u8).prop_map(|(amount, key)| Step::Deposit(amount, key)),
        1 => Just(Step::Settle),
        2 => (0..6u8, 1..40i64, any::<bool>(), 0..8u8)
            .prop_map(|(deposit, amount, owe, key)| Step::Reverse { deposit, amount, owe, key }),
        1 => (-20..20i64, 0..8u8).prop_map(|(change, key)| Step::Adjust { change, key }),
    ];
    // One of three servers does each step.
    let steps = prop::collection::vec((0..3usize, step), 1..16);
    let cases = if backend.is_sqlite() { 16 } else { 6 };
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in steps)| {
        let database = backend.another();
        let fixture = Fixture::new(&database, 1);
        charge_orders(&fixture, &[10, 20, 30, 5, 1, 44]);
        let numbers = unpaid_numbers(&fixture);
        let sequencer = Sequencer { next: Mutex::new(0), changed: Condvar::new() };
        std::thread::scope(|scope| {
            for server in 0..3 {
                let (steps, numbers, sequencer, database) = (&steps, &numbers, &sequencer, &database);
                scope.spawn(move || {
                    let fixture = Fixture::another_server(database);
                    for (index, (of, step)) in steps.iter().enumerate() {
                        if *of == server {
                            sequencer.run(index, || perform(&fixture, step, numbers));
                        }
                    }
                });
            }
        });
        let paid = fixture.orders(1, Status::Paid);
        let ledger = fixture.ledger(1);
        let sum = |cause| -> i64 {
            ledger.iter().map(|known| &known.entry).filter(|of| of.cause == cause).map(|of| of.amount).sum()
        };
        let cost: i64 = paid.iter().map(|stored| stored.order.total.steps()).sum();
        prop_assert_eq!(-sum(Cause::Deduction), cost);
        let corrected = sum(Cause::Reversal) + sum(Cause::Correction);
        let balance = fixture.balance(1, AccountKind::Cash) + fixture.balance(1, AccountKind::Credit);
        prop_assert_eq!(balance, sum(Cause::Deposit) + corrected - cost);
        prop_assert_eq!(paid.len() + fixture.orders(1, Status::Unpaid).len(), 6);
        fixture.assert_clean();
    });
}

fn perform(fixture: &Fixture, step: &Step, numbers: &[String]) {
    match step {
        Step::Pay(picks) => {
            let requested: Vec<String> = picks.iter().map(|pick| numbers[*pick].clone()).collect();
            pay_unpaid(&fixture.charging(), 1, &requested, &|_| true, NOW_S).unwrap();
        }
        Step::Deposit(amount, key) => {
            let of = super::fixture::money(AccountKind::Cash, *amount, &format!("{key}"));
            // The key of another deposit is refused.
            let _ = tollbook_ops::charging::deposit(&fixture.charging(), 1, &of, amount % 2 == 0, NOW_S);
        }
        Step::Reverse { deposit, amount, owe, key } => {
            let request = ReversalRequest {
                deposit: format!("{deposit}"),
                amount: Some(Amount::from_steps(*amount)),
                owe: *owe,
                key: format!("correction {key}"),
                reason: "a mistake".into(),
            };
            // Of an unknown deposit, of more than it was, and with the key of another correction it is refused.
            let _ = reverse(&fixture.charging(), 1, &request, Mode::Apply, NOW_S);
        }
        Step::Adjust { change, key } => {
            let request = Adjustment {
                kind: AccountKind::Cash,
                change: *change,
                key: format!("correction {key}"),
                reason: "a mistake".into(),
                reference: String::new(),
            };
            let _ = adjust(&fixture.charging(), 1, &request, Mode::Apply, NOW_S);
        }
        Step::Settle => {
            settle_all(&fixture.charging(), "worker", NOW_S).unwrap();
        }
    }
}
