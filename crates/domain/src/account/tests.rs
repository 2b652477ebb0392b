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
        let Posting { time_s, kind, grant_id, cause, amount, balance, .. } = posting;
        let grant = if *grant_id == 0 { String::new() } else { format!("#{grant_id}") };
        let date = if *cause == Cause::Expiry { format!(" on {time_s}") } else { String::new() };
        format!("{} {}{grant} {amount:+} = {balance}{date}", cause.name(), kind.name())
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
        13 | expire                    | expiry star_card#4 -7 = 0 on 12
        13 | expire                    |
        12 | deposit cash 0            | the amount must be greater than 0
        12 | deposit credit 5          | credit cannot be deposited: set a credit limit
        12 | deposit cash 5 until 20   | only star cards, coupons and bonuses may expire or be for some products or models
        12 | deposit bonus 5 until 12  | the expiry must be in the future
        12 | limit -1                  | the credit limit must not be negative
        12 | deposit cash 9223372036854775807 | deposit cash +9223372036854775807 = 9223372036854775807, adjustment cash -1 = 9223372036854775806, adjustment credit +1 = 0
        12 | deposit cash 9            | the balance would be too large";
    run_scenario(table);
}

#[test]
fn a_grant_pays_for_hours_that_began_before_its_end() {
    run_scenario(
        "
        10 | deposit coupon 30 until 20| deposit coupon#1 +30 = 30
        10 | deposit coupon 40 until 25| deposit coupon#2 +40 = 70
        10 | deposit coupon 50 until 15| deposit coupon#3 +50 = 120
        19 | pay 5 m of 18             | deduction coupon#1 -5 = 115
        19 | pay 100 m of 15           | insufficient
        30 | expire                    | expiry coupon#3 -50 = 65 on 15, expiry coupon#1 -25 = 40 on 20, expiry coupon#2 -40 = 0 on 25
        30 | pay 1 m of 25             | insufficient
        30 | pay 41 m of 20            | insufficient
        30 | pay 30 m of 19            | expiry coupon#1 +25 = 25 on 30, expiry coupon#2 +5 = 30 on 30, deduction coupon#1 -25 = 5, deduction coupon#2 -5 = 0
        30 | deposit bonus 9           | deposit bonus#4 +9 = 9
        30 | pay 90 m of 14            | expiry coupon#3 +50 = 50 on 30, expiry coupon#2 +35 = 85 on 30, deduction coupon#3 -50 = 35, deduction coupon#2 -35 = 0, deduction bonus#4 -5 = 4
        30 | expire                    |
        30 | pay 5 m of 14             | insufficient",
    );
}

#[test]
fn deposits_are_taken_back_and_accounts_adjusted() {
    run_scenario(
        "
        10 | limit 50                  | done
        10 | deposit cash 100          | deposit cash +100 = 100
        10 | deposit coupon 30 until 20| deposit coupon#1 +30 = 30
        10 | deposit bonus 8           | deposit bonus#2 +8 = 8
        10 | reverse 1 0               | the amount must be greater than 0
        10 | reverse 1 -3              | the amount must be greater than 0
        10 | reverse 1 101 owe         | only 0.000001 of the deposit is not taken back yet
        10 | reverse 1 10              | reversal cash -10 = 90
        10 | reverse 1 91 owe          | only 0.0000009 of the deposit is not taken back yet
        10 | pay 80 m                  | deduction coupon#1 -30 = 0, deduction bonus#2 -8 = 0, deduction cash -42 = 48
        10 | reverse 1 all             | only 0.00000048 is left of the deposit; the rest was spent and can only be owed (--owe)
        10 | reverse 2 7               | only 0.00 is left of the deposit; the rest was spent and can only be owed (--owe)
        10 | reverse 2 7 owe           | reversal credit -7 = -7
        10 | reverse 1 all owe         | reversal cash -48 = 0, reversal credit -42 = -49
        10 | reverse 1 all owe         | only 0.00 of the deposit is not taken back yet
        10 | pay 1 m                   | deduction credit -1 = -50
        10 | reverse 3 all owe         | reversal credit -8 = -58
        10 | pay 1 m                   | insufficient
        10 | limit 49                  | the credit limit cannot be less than the credit that is used, 0.00000058
        10 | limit 55                  | done
        10 | limit 54                  | the credit limit cannot be less than the credit that is used, 0.00000058
        10 | pay 1 m                   | insufficient
        10 | deposit bonus 5 until 15  | deposit bonus#3 +5 = 5
        10 | pay 3 m                   | deduction bonus#3 -3 = 2
        10 | deposit cash 6            | deposit cash +6 = 6, adjustment cash -6 = 0, adjustment credit +6 = -52
        10 | pay 2 m of 16             | deduction credit -2 = -54
        16 | expire                    | expiry bonus#3 -2 = 0 on 15
        16 | reverse 4 3               | only 0.00000002 is left of the deposit; the rest was spent and can only be owed (--owe)
        16 | reverse 4 1               | expiry bonus#3 +1 = 1 on 16, reversal bonus#3 -1 = 0
        16 | pay 1 m of 10             | expiry bonus#3 +1 = 1 on 16, deduction bonus#3 -1 = 0
        16 | adjust cash 0             | the amount must not be 0
        16 | adjust credit 5           | credit cannot be adjusted: set a credit limit, or deposit cash to repay it
        16 | adjust cash -1            | there is only 0.00 to take
        16 | adjust cash 60            | correction cash +60 = 60, adjustment cash -54 = 6, adjustment credit +54 = 0
        16 | adjust cash -7            | there is only 0.00000006 to take
        16 | adjust cash -6            | correction cash -6 = 0
        16 | adjust coupon 4           | correction coupon#4 +4 = 4
        16 | deposit coupon 4 until 20 | deposit coupon#5 +4 = 8
        16 | adjust coupon -5          | correction coupon#5 -4 = 4, correction coupon#4 -1 = 3
        16 | adjust coupon -4          | there is only 0.00000003 to take
        16 | adjust star_card 9223372036854775807 | correction star_card#6 +9223372036854775807 = 9223372036854775807
        16 | adjust star_card 1        | the balance would be too large",
    );
}

fn run_scenario(table: &str) {
    let mut deposits: Vec<(Deposit, Option<Grant>, i64)> = Vec::new();
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
            ["pay", total, model, of @ ..] => {
                let total = Amount::from_steps(number(total));
                let hour_s = of.last().map_or(now_s, |hour| number(hour));
                let paid = account.pay(total, &line(model), "O1", &AccountKind::ALL, hour_s, now_s);
                if let Some(Paid { deductions, restored, postings }) = paid {
                    assert_eq!(deductions.total_steps(), i128::from(total.steps()));
                    show(&[restored, postings].concat())
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
                let deposit = deposit(kind, number(amount), expires_s, &models);
                match account.deposit(&deposit, now_s) {
                    Ok(postings) => {
                        let grant = account.grants.last().filter(|_| kind.is_granted());
                        deposits.push((deposit, grant.cloned(), 0));
                        show(&postings)
                    }
                    Err(error) => {
                        assert_eq!(account, before, "a refused operation changes nothing");
                        error.to_string()
                    }
                }
            }
            ["reverse", index, amount, owe @ ..] => {
                let (deposit, grant, reversed) = &mut deposits[usize::try_from(number(index)).unwrap() - 1];
                let reversal = Reversal {
                    deposit,
                    grant: grant.as_ref(),
                    reversed: *reversed,
                    amount: (*amount != "all").then(|| Amount::from_steps(number(amount))),
                    owe: !owe.is_empty(),
                    key: "R",
                };
                match account.reverse(&reversal, now_s) {
                    Ok(postings) => {
                        let taken = |of: &&Posting| of.cause == Cause::Reversal;
                        *reversed -= postings.iter().filter(taken).map(|of| of.amount).sum::<i64>();
                        show(&postings)
                    }
                    Err(error) => {
                        assert_eq!(account, before, "a refused operation changes nothing");
                        error.to_string()
                    }
                }
            }
            ["adjust", kind, change] => {
                match account.adjust(AccountKind::from_name(kind).unwrap(), number(change), "K", now_s) {
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
    assert_eq!(account.pay(Amount::from_steps(5), &line("m"), "O", &kinds, 1, 1), None);
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
    let deducted = account.pay(total, &line("m"), "O1", &AccountKind::ALL, 1, 1).unwrap().postings;
    assert_eq!(
        show(&deducted),
        "deduction coupon#1 -10 = 0, deduction bonus#2 -10 = 0, deduction credit -20 = -20"
    );
    account.deposit(&deposit(AccountKind::Cash, 15, None, &[]), 1).unwrap();
    assert_eq!(
        show(&account.refund(&deducted, &grants, 200).unwrap()),
        "refund coupon#1 +10 = 10, refund bonus#2 +10 = 10, refund credit +20 = 15, \
         adjustment credit -15 = 0, adjustment cash +15 = 15, expiry coupon#1 -10 = 0 on 200"
    );
    let ended = Grant { remaining: 0, expired: 10, ..grants[0].clone() };
    assert_eq!(account.grants, [ended, grants[1].clone()]);
    assert_eq!(account.balances, PerKind::new([0, 0, 10, 15, 0]));
    // What came back pays for an order of an hour from before the end, as a corrected order is.
    let again = account.pay(Amount::from_steps(9), &line("m"), "O2", &AccountKind::ALL, 99, 200).unwrap();
    assert_eq!(show(&again.restored), "expiry coupon#1 +9 = 9 on 200");
    assert_eq!(show(&again.postings), "deduction coupon#1 -9 = 0");
}

#[test]
fn a_refund_that_overflows_a_balance_changes_nothing() {
    let mut account = Account::default();
    account.set_credit_limit(Amount::from_steps(5)).unwrap();
    account.deposit(&deposit(AccountKind::Cash, 20, None, &[]), 1).unwrap();
    let pay = |total, account: &mut Account| {
        account.pay(Amount::from_steps(total), &line("m"), "O", &AccountKind::ALL, 1, 1).unwrap().postings
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
    Pay(i64, i64),
    Refund(usize),
    Limit(i64),
    Reverse(usize, Option<i64>, bool),
    Adjust(AccountKind, i64),
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let kind = || prop::sample::select(AccountKind::ALL.to_vec());
    let operation = prop_oneof![
        3 => (kind(), 0..100i64, prop::option::of(0..40i64)).prop_map(|(k, a, e)| Operation::Deposit(k, a, e)),
        5 => (0..80i64, 0..9i64).prop_map(|(total, ago_s)| Operation::Pay(total, ago_s)),
        1 => (0..10usize).prop_map(Operation::Refund),
        1 => (0..100i64).prop_map(Operation::Limit),
        2 => (0..8usize, prop::option::of(0..60i64), any::<bool>())
            .prop_map(|(which, amount, owe)| Operation::Reverse(which, amount, owe)),
        1 => (kind(), -60..60i64).prop_map(|(kind, change)| Operation::Adjust(kind, change)),
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
        let mut deposits: Vec<(Deposit, Option<i64>, i64)> = Vec::new();
        for (now_s, operation) in (0i64..).zip(&operations) {
            ledger.extend(account.expire(now_s));
            match operation {
                Operation::Deposit(kind, amount, expires_s) => {
                    let deposit = deposit(*kind, *amount, *expires_s, &[]);
                    if let Ok(postings) = account.deposit(&deposit, now_s) {
                        let grant_id = kind.is_granted().then_some(postings[0].grant_id);
                        deposits.push((deposit, grant_id, 0));
                        ledger.extend(postings);
                        grants.extend(account.grants.last().filter(|_| kind.is_granted()).cloned());
                    }
                }
                Operation::Pay(total, ago_s) => {
                    let total = Amount::from_steps(*total);
                    let kinds = &AccountKind::ALL;
                    if let Some(of) = account.pay(total, &line("m"), "O", kinds, now_s - ago_s, now_s) {
                        ledger.extend(of.restored.clone());
                        ledger.extend(of.postings.clone());
                        for posting in of.postings.iter().filter(|posting| posting.grant_id > 0) {
                            let grant = grants.iter().find(|grant| grant.grant_id == posting.grant_id).unwrap();
                            prop_assert!(!grant.is_expired(now_s - ago_s));
                        }
                        paid.push((of.postings, false));
                    }
                }
                Operation::Refund(which) => {
                    if let Some((postings, refunded)) = paid.get_mut(*which).filter(|(_, refunded)| !refunded) {
                        // The grants as deposited: their remaining amounts are outdated.
                        ledger.extend(account.refund(postings, &grants, now_s).unwrap());
                        *refunded = true;
                    }
                }
                Operation::Reverse(which, amount, owe) => {
                    let Some((deposit, grant_id, reversed)) = deposits.get_mut(*which) else { continue };
                    let grant = grants.iter().find(|grant| Some(grant.grant_id) == *grant_id);
                    let amount = amount.map(Amount::from_steps);
                    let reversal =
                        Reversal { deposit, grant, reversed: *reversed, amount, owe: *owe, key: "R" };
                    if let Ok(postings) = account.reverse(&reversal, now_s) {
                        let taken = postings.iter().filter(|of| of.cause == Cause::Reversal);
                        *reversed -= taken.map(|of| of.amount).sum::<i64>();
                        prop_assert!(*reversed <= deposit.amount.steps());
                        ledger.extend(postings);
                    }
                }
                Operation::Adjust(kind, change) => {
                    if let Ok(postings) = account.adjust(*kind, *change, "K", now_s) {
                        ledger.extend(postings);
                        let known = i64::try_from(grants.len()).unwrap();
                        let new = account.grants.iter().filter(|grant| grant.grant_id > known);
                        grants.extend(new.cloned().collect::<Vec<_>>());
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
                // Credit is beyond its limit only while it was last used by a reversal.
                let last = postings().rev().find(|of| of.amount < 0 && of.cause != Cause::Adjustment);
                let is_owed = kind == AccountKind::Credit
                    && last.is_some_and(|posting| posting.cause == Cause::Reversal);
                prop_assert!(balance >= floor || is_owed);
                prop_assert!(kind != AccountKind::Credit || balance <= 0);
                let remaining = account.grants.iter().filter(|g| g.kind == kind).map(|g| g.remaining).sum::<i64>();
                prop_assert!(!kind.is_granted() || remaining == balance);
            }
            for grant in &account.grants {
                let of_grant = || ledger.iter().filter(|posting| posting.grant_id == grant.grant_id);
                let expired = of_grant().filter(|of| of.cause == Cause::Expiry).map(|of| of.amount);
                prop_assert_eq!(grant.remaining, of_grant().map(|of| of.amount).sum::<i64>());
                prop_assert_eq!(grant.expired, -expired.sum::<i64>());
                prop_assert!(grant.expired == 0 || grant.remaining == 0);
            }
        }
    }
}
