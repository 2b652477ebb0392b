//! Tests of accounts: scenarios in a small command language, and random operations under which money is conserved.

use proptest::prelude::*;

use super::*;
use crate::line::Line;
use crate::money::Amount;
use crate::order::tests::paid;

fn deposit(kind: AccountKind, amount: i64, expires_s: Option<i64>, models: &[&str]) -> Deposit {
    Deposit {
        kind,
        amount: Amount::from_steps(amount),
        expires_s,
        products: Vec::new(),
        models: models.iter().map(ToString::to_string).collect(),
        key: "k".into(),
    }
}

fn line(model: &str) -> Line {
    Line { model_id: model.into(), ..paid().line }
}

fn show(postings: &[Posting]) -> String {
    let one = |posting: &Posting| {
        let Posting { kind, grant_id, cause, amount, balance, .. } = posting;
        let grant = if *grant_id == 0 { String::new() } else { format!("#{grant_id}") };
        format!("{} {}{grant} {amount:+} = {balance}", cause.name(), kind.name())
    };
    postings.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[test]
fn scenarios() {
    // now | operation | postings or refusal
    let table = "
        10 | limit 50                  | done
        10 | deposit cash 100          | deposit cash +100 = 100
        10 | deposit coupon 30 until 20| deposit coupon#1 +30 = 30
        10 | deposit coupon 30 until 15| deposit coupon#2 +30 = 60
        10 | deposit bonus 5 for x     | deposit bonus#3 +5 = 5
        10 | pay 40 m                  | deduction coupon#2 -30 = 30, deduction coupon#1 -10 = 20
        10 | pay 22 x                  | deduction coupon#1 -20 = 0, deduction bonus#3 -2 = 3
        10 | pay 0 m                   |
        10 | pay 151 m                 | insufficient
        10 | pay 120 m                 | deduction cash -100 = 0, deduction credit -20 = -20
        10 | limit 19                  | the credit limit cannot be less than the credit that is used, 0.0000002
        10 | pay 31 m                  | insufficient
        10 | pay 30 m                  | deduction credit -30 = -50
        10 | deposit cash 60           | deposit cash +60 = 60, adjustment cash -50 = 10, adjustment credit +50 = 0
        10 | deposit cash 1            | deposit cash +1 = 11
        10 | deposit star_card 7 until 12| deposit star_card#4 +7 = 7
        12 | pay 12 m                  | deduction cash -11 = 0, deduction credit -1 = -1
        12 | expire                    | expiry star_card#4 -7 = 0
        12 | expire                    |
        12 | deposit cash 0            | the amount must be greater than 0
        12 | deposit credit 5          | credit cannot be deposited: set a credit limit
        12 | deposit cash 5 until 20   | only star cards, coupons and bonuses may expire or be for some products or models
        12 | deposit bonus 5 until 12  | the expiry must be in the future
        12 | limit -1                  | the credit limit must not be negative
        12 | deposit cash 9223372036854775807 | deposit cash +9223372036854775807 = 9223372036854775807, adjustment cash -1 = 9223372036854775806, adjustment credit +1 = 0
        12 | deposit cash 9            | the balance would be too large";
    let mut account = Account::default();
    for row in table.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let now_s = cells[0].parse().unwrap();
        let words: Vec<&str> = cells[1].split_whitespace().collect();
        let before = account.clone();
        let number = |word: &str| word.parse::<i64>().unwrap();
        let result = match words.as_slice() {
            ["limit", limit] => match account.set_credit_limit(Amount::from_steps(number(limit))) {
                Ok(()) => "done".to_owned(),
                Err(error) => error.to_string(),
            },
            ["expire"] => show(&account.expire(now_s)),
            ["pay", total, model] => {
                let total = Amount::from_steps(number(total));
                let paid = account.pay(total, &line(model), "O1", &AccountKind::ALL, now_s);
                if let Some((deductions, postings)) = paid {
                    assert_eq!(deductions.total_steps(), i128::from(total.steps()));
                    show(&postings)
                } else {
                    assert_eq!(account, before, "a refused operation changes nothing");
                    "insufficient".to_owned()
                }
            }
            ["deposit", kind, amount, rest @ ..] => {
                let (expires_s, models) = match rest {
                    ["until", time] => (Some(number(time)), vec![]),
                    ["for", model] => (None, vec![*model]),
                    _ => (None, vec![]),
                };
                let kind = AccountKind::from_name(kind).unwrap();
                match account.deposit(&deposit(kind, number(amount), expires_s, &models), now_s) {
                    Ok(postings) => show(&postings),
                    Err(error) => {
                        assert_eq!(account, before, "a refused operation changes nothing");
                        error.to_string()
                    }
                }
            }
            _ => panic!("{row}"),
        };
        assert_eq!(result, cells[2], "{row}");
    }
}

#[test]
fn arrears_are_not_paid_from_the_bonus() {
    let mut account = Account::default();
    account.deposit(&deposit(AccountKind::Bonus, 10, None, &[]), 1).unwrap();
    let kinds = [AccountKind::StarCard, AccountKind::Coupon, AccountKind::Cash, AccountKind::Credit];
    assert_eq!(account.pay(Amount::from_steps(5), &line("m"), "O", &kinds, 1), None);
    assert_eq!((account.available(&kinds, 1), account.available(&AccountKind::ALL, 1)), (0, 10));
}

#[test]
fn a_refund_returns_each_deduction_to_its_account() {
    let mut account = Account::default();
    account.set_credit_limit(Amount::from_steps(50)).unwrap();
    account.deposit(&deposit(AccountKind::Coupon, 10, Some(100), &[]), 1).unwrap();
    account.deposit(&deposit(AccountKind::Bonus, 10, None, &[]), 1).unwrap();
    let grants = account.grants.clone();
    let total = Amount::from_steps(40);
    let (_, deducted) = account.pay(total, &line("m"), "O1", &AccountKind::ALL, 1).unwrap();
    assert_eq!(
        show(&deducted),
        "deduction coupon#1 -10 = 0, deduction bonus#2 -10 = 0, deduction credit -20 = -20"
    );
    account.deposit(&deposit(AccountKind::Cash, 15, None, &[]), 1).unwrap();
    assert_eq!(
        show(&account.refund(&deducted, &grants, 200).unwrap()),
        "refund coupon#1 +10 = 10, refund bonus#2 +10 = 10, refund credit +20 = 15, \
         adjustment credit -15 = 0, adjustment cash +15 = 15, expiry coupon#1 -10 = 0"
    );
    assert_eq!(account.grants, [grants[1].clone()]);
    assert_eq!(account.balances, PerKind::new([0, 0, 10, 15, 0]));
}

#[test]
fn a_refund_that_overflows_a_balance_changes_nothing() {
    let mut account = Account::default();
    account.set_credit_limit(Amount::from_steps(5)).unwrap();
    account.deposit(&deposit(AccountKind::Cash, 20, None, &[]), 1).unwrap();
    let pay = |total, account: &mut Account| {
        account.pay(Amount::from_steps(total), &line("m"), "O", &AccountKind::ALL, 1).unwrap().1
    };
    let of_cash = pay(20, &mut account);
    let of_credit = pay(5, &mut account);
    account.deposit(&deposit(AccountKind::Cash, i64::MAX, None, &[]), 1).unwrap();
    account.deposit(&deposit(AccountKind::Cash, 1, None, &[]), 1).unwrap();
    let before = account.clone();
    // The deposits have repaid the credit, so that its refund would become cash.
    for deducted in [of_cash, of_credit] {
        assert_eq!(account.refund(&deducted, &[], 1), Err(AccountError::TooLarge));
        assert_eq!(account, before);
    }
}

#[derive(Clone, Debug)]
enum Operation {
    Deposit(AccountKind, i64, Option<i64>),
    Pay(i64),
    Refund(usize),
    Limit(i64),
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let kind = prop::sample::select(AccountKind::ALL.to_vec());
    let operation = prop_oneof![
        3 => (kind, 0..100i64, prop::option::of(0..40i64)).prop_map(|(k, a, e)| Operation::Deposit(k, a, e)),
        5 => (0..80i64).prop_map(Operation::Pay),
        1 => (0..10usize).prop_map(Operation::Refund),
        1 => (0..100i64).prop_map(Operation::Limit),
    ];
    prop::collection::vec(operation, 1..40)
}

proptest! {
    #[test]
    fn money_is_conserved_and_balances_keep_their_bounds(operations in operations()) {
        let mut account = Account::default();
        let mut ledger: Vec<Posting> = Vec::new();
        let mut paid: Vec<(Vec<Posting>, bool)> = Vec::new();
        let mut grants: Vec<Grant> = Vec::new();
        for (now_s, operation) in (0i64..).zip(&operations) {
            ledger.extend(account.expire(now_s));
            match operation {
                Operation::Deposit(kind, amount, expires_s) => {
                    if let Ok(postings) = account.deposit(&deposit(*kind, *amount, *expires_s, &[]), now_s) {
                        ledger.extend(postings);
                        grants.extend(account.grants.last().filter(|_| kind.is_granted()).cloned());
                    }
                }
                Operation::Pay(total) => {
                    let total = Amount::from_steps(*total);
                    let kinds = &AccountKind::ALL;
                    if let Some((_, postings)) = account.pay(total, &line("m"), "O", kinds, now_s) {
                        ledger.extend(postings.clone());
                        paid.push((postings, false));
                    }
                }
                Operation::Refund(which) => {
                    if let Some((postings, refunded)) = paid.get_mut(*which).filter(|(_, refunded)| !refunded) {
                        // The grants as deposited: their remaining amounts are outdated.
                        ledger.extend(account.refund(postings, &grants, now_s).unwrap());
                        *refunded = true;
                    }
                }
                Operation::Limit(limit) => {
                    let _ = account.set_credit_limit(Amount::from_steps(*limit));
                }
            }
            for kind in AccountKind::ALL {
                let postings = || ledger.iter().filter(|posting| posting.kind == kind);
                let balance = account.balances.get(kind);
                prop_assert_eq!(postings().map(|posting| posting.amount).sum::<i64>(), balance);
                prop_assert_eq!(postings().next_back().map_or(0, |posting| posting.balance), balance);
                let floor = if kind == AccountKind::Credit { -account.credit_limit } else { 0 };
                prop_assert!(balance >= floor && (kind != AccountKind::Credit || balance <= 0));
                let remaining = account.grants.iter().filter(|g| g.kind == kind).map(|g| g.remaining).sum::<i64>();
                prop_assert!(!kind.is_granted() || remaining == balance);
            }
        }
    }
}
