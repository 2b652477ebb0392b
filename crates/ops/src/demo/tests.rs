//! Tests of the generated usage and orders.

use std::collections::{BTreeMap, HashMap, HashSet};

use sha2::{Digest as _, Sha256};
use tollbook_domain::time::{DAY_S, HOUR_S};
use tollbook_domain::usage::UsageLimits;
use tollbook_domain::{Catalogue, Line, NewOrder, Status, Usage};

use super::workload::LoadProfile;
use super::*;

// 2025-11-01T00:00:00Z
const START_S: i64 = 1_761_955_200;

fn month(seed: u64) -> DemoMonth {
    DemoMonth { seed, start_s: START_S, days: DEMO_DAYS, company_id: 7, organization_ids: vec![1, 2] }
}

fn usage(month: &DemoMonth) -> DemoUsage {
    month.usage(&Catalogue::built_in(), month.end_s())
}

fn records(month: &DemoMonth) -> Vec<Usage> {
    usage(month).hours.into_iter().flatten().collect()
}

fn share(part: usize, whole: usize) -> usize {
    part * 1_000 / whole
}

#[test]
fn the_same_seed_generates_the_same_month() {
    let first = records(&month(1));
    assert_eq!(first, records(&month(1)));
    assert_ne!(first, records(&month(2)));
    // A later version may complete an interrupted quickstart, so that the usage must not change.
    let mut digest = Sha256::new();
    first.iter().for_each(|record| digest.update(record.content_with_time()));
    assert_eq!(
        (first.len(), hex::encode(digest.finalize()).as_str()),
        (27_354, "774268e6bd4929e69f442080e746f7de212f1e2a41d5c7c0cd56268266dd0598")
    );
}

#[test]
fn a_later_end_only_adds_usage() {
    let month = month(1);
    let whole = usage(&month).hours;
    let shorter = month.usage(&Catalogue::built_in(), START_S + 5 * HOUR_S + 600).hours;
    assert_eq!(shorter.len(), 6);
    assert_eq!(shorter[..5], whole[..5]);
    let begun: Vec<Usage> =
        whole[5].iter().filter(|of| of.time_s <= START_S + 5 * HOUR_S + 600).cloned().collect();
    assert_eq!(shorter[5], begun);
    assert!(!begun.is_empty() && begun.len() < whole[5].len());
}

#[test]
fn every_record_is_valid_and_unique() {
    for seed in [1, 2, 99] {
        let catalogue = Catalogue::built_in();
        let limits = UsageLimits { past_s: None, future_s: 0, quantity: i64::MAX };
        let mut identities = HashSet::new();
        for (hour, arriving) in (0..).zip(usage(&month(seed)).hours) {
            let end_s = START_S + (hour + 1) * HOUR_S;
            for record in arriving {
                assert_eq!(record.check(&catalogue, &limits, end_s - 1), Ok(()), "{record:?}");
                assert!(identities.insert((record.hour(), record.source.clone(), record.id.clone())));
            }
        }
    }
}

#[test]
fn the_usage_is_realistic() {
    for seed in [1, 2, 3, 4] {
        let usage = usage(&month(seed));
        let late = |(hour, record): &(i64, &Usage)| record.time_s < START_S + hour * HOUR_S;
        let of_hours = (0..).zip(&usage.hours).flat_map(|(hour, of)| of.iter().map(move |of| (hour, of)));
        let (late, on_time): (Vec<_>, Vec<_>) = of_hours.partition(late);
        assert!((60..=200).contains(&late.len()), "{} late records", late.len());
        assert!((20_000..=40_000).contains(&on_time.len()), "{} records", on_time.len());
        let (mut models, mut skus, mut resources) = (HashSet::new(), HashSet::new(), HashSet::new());
        let mut several = 0;
        for (_, record) in &on_time {
            models.insert(record.model_id.as_str());
            resources.insert(record.resource_id.as_str());
            skus.extend(record.quantities.iter().map(|(sku, _)| sku.as_str()));
            several += usize::from(record.quantities.len() > 1);
        }
        assert_eq!((resources.len(), models.len(), skus.len()), (10, 10, 6));
        assert!(share(several, on_time.len()) > 500);
        let mut by_model: BTreeMap<&str, i64> = BTreeMap::new();
        for (model, cost) in usage.costs.iter().flatten() {
            *by_model.entry(model).or_default() += cost;
        }
        let mut spent: Vec<i64> = by_model.values().copied().collect();
        spent.sort_unstable();
        let top: i64 = spent.iter().rev().take(3).sum();
        assert!(
            top * 10 > spent.iter().sum::<i64>() * 7,
            "three of nine models have 70 % of the cost: {by_model:?}"
        );
        assert_eq!(by_model.get("qwen3-next-80b"), None, "the model has no price");
    }
}

#[test]
fn events_are_within_the_month_and_have_unique_keys() {
    for days in [1, 3, DEMO_DAYS] {
        let month = DemoMonth { days, ..month(1) };
        let events = month.events(&usage(&month));
        assert!(events.is_sorted_by(|a, b| a.at_s < b.at_s));
        let mut keys = HashSet::new();
        for event in &events {
            assert!((month.start_s..month.end_s()).contains(&event.at_s));
            if let DemoOperation::Deposit(deposit, _) = &event.operation {
                assert!(keys.insert(deposit.key.clone()) && deposit.key.starts_with("quickstart-"));
                assert!(deposit.amount.steps() > 0);
                assert!(deposit.expires_s.is_none_or(|expires_s| expires_s > event.at_s), "{deposit:?}");
            }
        }
    }
}

#[test]
fn load_is_higher_by_day_and_on_weekdays() {
    let mut by_hour: HashMap<i64, i64> = HashMap::new();
    for record in records(&month(1)).iter().filter(|record| record.model_id == "deepseek-chat") {
        let hour = (record.time_s + 8 * HOUR_S).rem_euclid(DAY_S) / HOUR_S;
        *by_hour.entry(hour).or_default() += record.quantities.iter().map(|(_, n)| n).sum::<i64>();
    }
    assert!(by_hour[&15] > 5 * by_hour[&3], "{by_hour:?}");
    // Noon of 2025-11-01 at UTC+8, a Saturday.
    let saturday = LoadProfile::Always.load_permille(START_S + 4 * HOUR_S);
    let monday = LoadProfile::Always.load_permille(START_S + 2 * DAY_S + 4 * HOUR_S);
    assert_eq!((saturday * 10, monday), (monday * 7, 720));
}

#[test]
fn one_organization_is_enough() {
    let alone = DemoMonth { organization_ids: vec![5], ..month(1) };
    assert!(records(&alone).iter().all(|record| record.organization_id == 5));
    let two = records(&month(1));
    assert!(two.iter().any(|record| record.organization_id == 1));
    assert!(two.iter().any(|record| record.organization_id == 2));
}

#[test]
fn bench_orders_are_valid_and_evenly_distributed() {
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
