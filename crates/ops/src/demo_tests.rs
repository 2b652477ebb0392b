//! Tests of the made-up orders.

use std::collections::{BTreeMap, HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::*;

// 2025-11-01T00:00:00Z
const START_S: i64 = 1_761_955_200;

fn month(seed: u64) -> DemoMonth {
    DemoMonth {
        seed,
        start_s: START_S,
        company_id: 7,
        organization_ids: vec![1, 2],
        channel: 1,
        currency: "CNY".into(),
    }
}

fn orders(month: &DemoMonth) -> Vec<NewOrder> {
    month.orders(&Catalogue::built_in()).collect()
}

fn share(part: usize, whole: usize) -> usize {
    part * 1_000 / whole
}

#[test]
fn the_same_seed_makes_the_same_month() {
    let first = orders(&month(1));
    assert_eq!(first, orders(&month(1)));
    assert_ne!(first, orders(&month(2)));
    // A quickstart that was interrupted is completed by whatever version runs next: the orders must not change.
    assert_eq!((first.len(), first[0].order.number.as_str()), (14_184, "MO202511010000015401"));
    let mut digest = Sha256::new();
    for NewOrder { line, order, .. } in &first {
        let Order { number, counterpart, quantity, total, deductions, .. } = order;
        let kept = [deductions.star_card, deductions.coupon, deductions.bonus, deductions.credit];
        let times = [order.create_time_s, order.paid_time_s, order.revocation_time_s];
        digest.update(format!("{number} {counterpart} {} {quantity} {total} ", line.resource_id));
        digest.update(format!("{} {kept:?} {times:?}\n", order.status.number()));
    }
    assert_eq!(
        hex::encode(digest.finalize()),
        "87015c577981756f7e9846a746c13b91baba0a0fc70bad2092f7b1b4c8dfc956"
    );
}

#[test]
fn every_order_of_the_month_is_valid_and_its_numbers_are_its_own() {
    let catalogue = Catalogue::built_in();
    for currency in ["CNY", "USD"] {
        for seed in [1, 2, 99] {
            let month = DemoMonth { currency: currency.into(), ..month(seed) };
            let orders = orders(&month);
            let mut numbers = HashSet::new();
            for new in &orders {
                assert_eq!(new.check(&catalogue), Ok(()), "{new:?}");
                assert_eq!((new.company_id, new.line.currency.as_str()), (7, currency));
                for number in [&new.order.number, &new.order.counterpart] {
                    assert!(number.is_empty() || numbers.insert(number.clone()), "{number}");
                }
                let start_s = new.order.start_time_s;
                assert!((START_S..month.end_s()).contains(&start_s) && start_s % HOUR_S == 0);
                assert!(new.order.paid_time_s.is_none_or(|paid_s| paid_s >= start_s));
            }
            assert!(orders.is_sorted_by_key(|new| new.order.start_time_s));
        }
    }
}

#[test]
fn the_month_is_believable() {
    for seed in [1, 2, 3, 4] {
        let orders = orders(&month(seed));
        let count = |test: &dyn Fn(&NewOrder) -> bool| orders.iter().filter(|new| test(new)).count();
        let all = orders.len();
        assert!((12_000..=15_500).contains(&all), "{all}");
        let unpaid = count(&|new| new.order.status == Status::Unpaid);
        assert!((20..=40).contains(&share(unpaid, all)), "{unpaid} of {all} are unpaid");
        let revoked = count(&|new| new.order.status == Status::Revoked);
        assert!((10..=150).contains(&revoked), "{revoked} are revoked");
        let late = count(&|new| new.order.status == Status::Paid && !new.order.counterpart.is_empty());
        assert!((80..=500).contains(&late), "{late} were paid out of arrears");
        assert_eq!(count(&|new| new.line.order_type == PURCHASE), PURCHASES.len());
        assert!((80..=300).contains(&count(&|new| new.line.order_type == SUPPLEMENTARY)));

        let kinds: [fn(&Deductions) -> Amount; 5] =
            [|d| d.star_card, |d| d.coupon, |d| d.bonus, |d| d.cash, |d| d.credit];
        for kind in kinds {
            assert!(share(count(&|new| kind(&new.order.deductions) != Amount::ZERO), all) > 20);
        }
        let split =
            count(&|new| kinds.iter().filter(|k| k(&new.order.deductions) != Amount::ZERO).count() > 1);
        assert!(share(split, all) > 30, "{split}");
        let bonus_for_arrears =
            count(&|new| !new.order.counterpart.is_empty() && new.order.deductions.bonus != Amount::ZERO);
        assert_eq!(bonus_for_arrears, 0);

        let mut by_resource: BTreeMap<&str, i64> = BTreeMap::new();
        let (mut models, mut units, mut skus) = (HashSet::new(), HashSet::new(), HashSet::new());
        for NewOrder { line, order, .. } in &orders {
            *by_resource.entry(&line.resource_id).or_default() += order.total.steps();
            units.insert(line.pricing_unit);
            skus.insert(line.pricing_sku.as_str());
            models.insert(line.model_id.as_str());
        }
        assert_eq!((by_resource.len(), models.len(), units.len(), skus.len()), (15, 8, 5, 6));
        let mut spent: Vec<i64> = by_resource.into_values().collect();
        spent.sort_unstable();
        let top: i64 = spent.iter().rev().take(3).sum();
        assert!(top * 2 > spent.iter().sum::<i64>(), "three of fifteen dominate");
        assert!(count(&|new| new.line.list_price != new.line.discount_price) > 1_000);
    }
}

#[test]
fn there_is_more_by_day_and_on_weekdays() {
    let mut by_hour: HashMap<i64, i64> = HashMap::new();
    for new in orders(&month(1)).iter().filter(|new| new.line.model_id == "deepseek-chat") {
        *by_hour.entry((new.order.start_time_s + 8 * HOUR_S).rem_euclid(DAY_S) / HOUR_S).or_default() +=
            new.order.quantity;
    }
    assert!(by_hour[&15] > 5 * by_hour[&3], "{by_hour:?}");
    // 2025-11-01 was a Saturday, at noon in UTC+8 it still is.
    let saturday = scene::Rhythm::Always.permille(START_S + 4 * HOUR_S);
    let monday = scene::Rhythm::Always.permille(START_S + 2 * DAY_S + 4 * HOUR_S);
    assert_eq!((saturday * 10, monday), (monday * 7, 720));
}

#[test]
fn one_organization_is_enough() {
    let alone = DemoMonth { organization_ids: vec![5], ..month(1) };
    assert!(orders(&alone).iter().all(|new| new.line.organization_id == 5));
    let two = orders(&month(1));
    assert!(two.iter().any(|new| new.line.organization_id == 1));
    assert!(two.iter().any(|new| new.line.organization_id == 2));
}

#[test]
fn bench_orders_are_valid_many_and_spread() {
    let catalogue = Catalogue::built_in();
    let bench = BenchOrders {
        organization_ids: vec![1, 2, 3],
        count: 50_000,
        lines: 12_000,
        days: 10,
        ..BenchOrders::default()
    };
    let orders: Vec<NewOrder> = bench.orders(&catalogue).collect();
    assert_eq!(orders.len(), 50_000);
    assert!(bench.orders(&catalogue).eq(orders.iter().cloned()));
    let mut numbers = HashSet::new();
    let mut lines: HashMap<&Line, usize> = HashMap::new();
    let mut days = [0usize; 10];
    for new in &orders {
        assert_eq!(new.check(&catalogue), Ok(()));
        assert!(numbers.insert(&new.order.number));
        assert!(new.order.counterpart.is_empty() || numbers.insert(&new.order.counterpart));
        *lines.entry(&new.line).or_default() += 1;
        let day = (new.order.start_time_s - bench.start_s) / DAY_S;
        days[usize::try_from(day).unwrap()] += 1;
    }
    assert!(orders.is_sorted_by(|a, b| a.order.start_time_s <= b.order.start_time_s));
    assert_eq!(lines.len(), 12_000);
    assert!(days.iter().all(|day| (4_900..=5_100).contains(day)), "{days:?}");
    let unpaid = orders.iter().filter(|new| new.order.status == Status::Unpaid).count();
    assert!((8..=12).contains(&share(unpaid, orders.len())), "{unpaid}");

    let mut popularity: Vec<usize> = lines.into_values().collect();
    popularity.sort_unstable_by(|a, b| b.cmp(a));
    let top: usize = popularity.iter().take(1_200).sum();
    assert!(share(top, orders.len()) > 200, "a tenth of the lines has {top} of 50000 orders");
}

#[test]
fn bench_orders_of_any_number_of_lines_use_all_of_them() {
    let catalogue = Catalogue::built_in();
    for lines in [1, 2, 7, 24, 1_000] {
        let bench = BenchOrders { count: 2 * lines, lines, ..BenchOrders::default() };
        let seen: HashSet<Line> = bench.orders(&catalogue).map(|new| new.line).collect();
        assert_eq!(u64::try_from(seen.len()).unwrap(), lines);
    }
    let none = BenchOrders { count: 0, ..BenchOrders::default() };
    assert_eq!(none.orders(&catalogue).count(), 0);
}
