//! Intake of usage: detection of duplicates, sums of open hours, expiry of identities.

use std::sync::Arc;

use proptest::prelude::*;
use tollbook_domain::rating::{Charge, Rated};
use tollbook_domain::{Catalogue, LineFilter, Status, UnitPrice};
use tollbook_store::{RatedUsage, Store, StoreOptions, Uncharged, UsageOutcome};

use crate::Backend;
use crate::charged::{HOUR, add_usage, arrival, bucket, close, record};
use crate::model::{line, query};
use crate::orders::assert_healthy;
use crate::tenants::company;

use UsageOutcome::{Accepted, Conflict, Duplicate, Expired, Pruned, TooLarge};

fn pending(store: &dyn Store, filter: LineFilter, from_s: i64, until_s: i64) -> i128 {
    let mut asked = query(from_s, until_s, &[Status::Paid]);
    asked.lines = filter;
    store.snapshot().unwrap().pending(&asked, &Catalogue::built_in()).unwrap()
}

pub(crate) fn a_record_is_identified_by_source_and_id(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let a = record(1, "s", "a", 10, 1, 5);
    let other = record(1, "s", "a", 11, 1, 6);
    let later = record(1, "s", "a", 11, 1, 5);
    assert_eq!(
        add_usage(&*store, &[a.clone(), a.clone(), other.clone(), later, a.clone()], 20),
        [Accepted, Duplicate, Conflict, Duplicate, Duplicate]
    );
    // Records are compared with the stored one, not with the first of the batch. A different source makes a different record.
    let batch = [
        other.clone(),
        a.clone(),
        other.clone(),
        record(1, "t", "a", 10, 1, 5),
        record(1, "s", "a", 10 + HOUR, 1, 5),
        record(1, "s", "b", 10, 100, 5),
        record(1, "s", "b", 10, 100, 5),
        record(1, "s", "", 10, 101, 5),
    ];
    assert_eq!(
        add_usage(&*store, &batch, 20),
        [Conflict, Duplicate, Conflict, Accepted, Duplicate, Accepted, Duplicate, Accepted]
    );
    assert_eq!(pending(&*store, LineFilter::default(), 0, 9 * HOUR), 2 * 1_500);
    assert_healthy(&*store, 0);
}

pub(crate) fn an_identity_reaches_24_hours_over_hours_and_days(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let day = 24 * HOUR;
    // time of the first record | time of the second | of the same content | of other content
    let table = [
        (10 * day + 11 * HOUR - 1, 10 * day + 11 * HOUR + 1, Duplicate, Conflict),
        (10 * day - 1, 10 * day + 1, Duplicate, Conflict),
        (10 * day + 1, 10 * day - 1, Duplicate, Conflict),
        (10 * day, 11 * day - 1, Duplicate, Conflict),
        (10 * day + 7, 11 * day + 6, Duplicate, Conflict),
        (11 * day + 6, 10 * day + 7, Duplicate, Conflict),
        (10 * day + 7, 11 * day + 7, Accepted, Accepted),
        (11 * day + 7, 10 * day + 7, Accepted, Accepted),
        (10 * day, 12 * day - 1, Accepted, Accepted),
    ];
    for (place, (first_s, second_s, same, other)) in table.into_iter().enumerate() {
        for (quantity, expected) in [(5, same), (6, other)] {
            // In one batch and in two.
            let records = |id: &str| {
                let id = format!("{place} {quantity} {id}");
                [record(1, "s", &id, first_s, 1, 5), record(1, "s", &id, second_s, 1, quantity)]
            };
            assert_eq!(add_usage(&*store, &records("one"), 20), [Accepted, expected], "{place}");
            let [first, second] = records("two");
            assert_eq!(add_usage(&*store, &[first], 20), [Accepted]);
            assert_eq!(add_usage(&*store, &[second], 20), [expected], "{place}");
        }
    }
    // Near two records that are not near each other: it equals one of them, or none.
    let at = |time_s, quantity| record(1, "s", "x", time_s, 1, quantity);
    let both = [at(20 * day, 5), at(21 * day, 6)];
    assert_eq!(add_usage(&*store, &both, 20), [Accepted; 2]);
    let between = [at(20 * day + HOUR, 5), at(20 * day + HOUR, 6), at(20 * day + HOUR, 7)];
    assert_eq!(add_usage(&*store, &between, 20), [Duplicate, Duplicate, Conflict]);
    // A duplicate is not stored: a record near it alone is new.
    let chain = [at(19 * day + 1, 5), at(18 * day + 2, 5)];
    assert_eq!(add_usage(&*store, &chain, 20), [Duplicate, Accepted]);
    assert_healthy(&*store, 0);
}

/// Batches with random and ascending ids of several sources and hours are compared with a map of all records.
pub(crate) fn identities_and_open_hours_equal_the_naive_model(backend: &dyn Backend) {
    let hour = prop_oneof![3 => 0..3i64, 2 => 20..60i64];
    let one = (0..40u32, 0..2usize, hour, 0..12i64, 1..5_000i64, 0..4u8);
    let batches = prop::collection::vec(prop::collection::vec(one, 1..40), 1..5);
    let config = ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() };
    let store = backend.open(&StoreOptions::default());
    proptest!(config, |(batches in batches, rising in any::<bool>())| {
        let company_id = company(&*store, "case");
        let mut known: Vec<RatedUsage> = Vec::new();
        let mut last = 0;
        for batch in &batches {
            let mut records = Vec::new();
            for &(id, source, hour, of, quantity, same) in batch {
                last += 1;
                let id = if rising && same > 0 { format!("{last:09}") } else { format!("{id}") };
                let of = [of, 100, 101][usize::from(of > 9) + usize::from(of > 10)];
                let quantity = if same == 0 { 77 } else { quantity };
                records.push(record(company_id, ["s", "t"][source], &id, hour * HOUR, of, quantity));
            }
            let mut expected = Vec::new();
            for new in &records {
                let is_near = |old: &&RatedUsage| {
                    let names = |usage: &RatedUsage| (usage.usage.source.clone(), usage.usage.id.clone());
                    names(old) == names(new) && (old.usage.time_s - new.usage.time_s).abs() < 24 * HOUR
                };
                let is_same = |old: &RatedUsage| {
                    old.usage == tollbook_domain::Usage { time_s: old.usage.time_s, ..new.usage.clone() }
                };
                let near: Vec<&RatedUsage> = known.iter().filter(is_near).collect();
                expected.push(match near.len() {
                    0 => Accepted,
                    _ if near.into_iter().any(is_same) => Duplicate,
                    _ => Conflict,
                });
                if expected.last() == Some(&Accepted) {
                    known.push(new.clone());
                }
            }
            prop_assert_eq!(add_usage(&*store, &records, 100), expected);
        }
        // The charge is rounded for each line of each hour.
        let naive = |from_s: i64, until_s: i64, wanted: &dyn Fn(&tollbook_domain::Line) -> bool| -> i128 {
            let mut open: Vec<(i64, Arc<tollbook_domain::Line>, i64)> = Vec::new();
            for new in &known {
                let Rated::Charged(charges) = &new.rated else { continue };
                for Charge { line, quantity } in charges {
                    match open.iter_mut().find(|(at, of, _)| *at == new.bucket.start_s && of == line) {
                        Some((_, _, sum)) => *sum += quantity,
                        None => open.push((new.bucket.start_s, line.clone(), *quantity)),
                    }
                }
            }
            let inside = open.iter().filter(|(at, line, _)| (from_s..until_s).contains(at) && wanted(line));
            inside.map(|(_, line, sum)| i128::from(line.discount_price.charge(*sum, 1_000).unwrap().steps())).sum()
        };
        for (from_s, until_s) in [(0, 99 * HOUR), (HOUR, 2 * HOUR), (1, HOUR), (0, 1), (HOUR + 1, 2 * HOUR + 1)] {
            let mut asked = query(from_s, until_s, &[Status::Paid]);
            asked.company_id = company_id;
            let mut snapshot = store.snapshot().unwrap();
            let catalogue = Catalogue::built_in();
            prop_assert_eq!(snapshot.pending(&asked, &catalogue).unwrap(), naive(from_s, until_s, &|_| true));
            asked.lines = LineFilter::default().model_ids(vec!["model-1".into(), "model-2".into()]);
            let of_models = |line: &tollbook_domain::Line| ["model-1", "model-2"].contains(&line.model_id.as_str());
            prop_assert_eq!(snapshot.pending(&asked, &catalogue).unwrap(), naive(from_s, until_s, &of_models));
            asked.lines = LineFilter::default().visible_organizations(Some(vec![2]));
            let bound = |line: &tollbook_domain::Line| line.organization_id == 2;
            prop_assert_eq!(snapshot.pending(&asked, &catalogue).unwrap(), naive(from_s, until_s, &bound));
            asked.lines = LineFilter::default().visible_organizations(Some(vec![]));
            prop_assert_eq!(snapshot.pending(&asked, &catalogue).unwrap(), 0);
            asked.lines = LineFilter::default();
            asked.order_numbers = vec!["O1".into()];
            prop_assert_eq!(snapshot.pending(&asked, &catalogue).unwrap(), 0);
        }
        let found = store.snapshot().unwrap().verify(company_id, &Catalogue::built_in(), 5).unwrap();
        prop_assert_eq!(found.differences, Vec::<String>::new());
    });
}

pub(crate) fn a_record_that_overflows_its_order_is_refused_alone(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let of = |id: &str, quantity: i64, steps: i64| {
        let mut new = record(1, "s", id, 10, 1, quantity);
        let mut line = line(1);
        (line.list_price, line.discount_price) = (UnitPrice::from_steps(steps), UnitPrice::from_steps(0));
        new.rated = Rated::Charged(vec![Charge { line: line.into(), quantity }]);
        RatedUsage::new(new.usage, new.rated, new.bucket)
    };
    // The sum of quantities overflows, or the charge at the list price, even if the discounted charge is zero.
    let batch = [
        of("1", i64::MAX, 1),
        of("2", 1, 1),
        of("2", 1, 1),
        of("3", i64::MAX, i64::MAX),
        of("4", 1, i64::MAX),
        record(1, "s", "5", 10, 2, 7),
    ];
    assert_eq!(add_usage(&*store, &batch, 20), [Accepted, TooLarge, TooLarge, TooLarge, Accepted, Accepted]);
    // A refused record is not stored, so it is accepted after the usage that it overflowed is closed.
    assert_eq!(close(&*store, 1, bucket(10), 1), 3);
    assert_eq!(add_usage(&*store, &batch[..2], 20), [Duplicate, Accepted]);
    let found = store.snapshot().unwrap().verify(1, &Catalogue::built_in(), 5).unwrap();
    assert_eq!(found.differences, Vec::<String>::new());
}

pub(crate) fn unpriced_usage_is_charged_after_it_is_priced(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let waiting: Vec<RatedUsage> =
        (0..7).map(|n| record(1, "s", &format!("{n}"), n * HOUR / 2, 101, 10 + n)).collect();
    add_usage(&*store, &waiting, 20);
    // Read the records page by page.
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page =
            store.snapshot().unwrap().uncharged_usage(1, Uncharged::Unpriced, after.as_ref(), 3).unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.usage.hour(), last.usage.source.clone(), last.usage.id.clone()));
        seen.extend(page);
    }
    assert!(seen.iter().map(|uncharged| &uncharged.usage).eq(waiting.iter().map(|new| &new.usage)));
    assert!(seen.iter().all(|uncharged| uncharged.reason == "no price"));
    let catalogue = Catalogue::built_in();
    let mut priced: Vec<RatedUsage> = waiting
        .iter()
        .map(|new| {
            let charge = Charge { line: line(3).into(), quantity: new.usage.quantities[0].1 };
            RatedUsage::new(new.usage.clone(), Rated::Charged(vec![charge]), new.bucket)
        })
        .collect();
    priced[6] = RatedUsage::new(priced[6].usage.clone(), Rated::Free, priced[6].bucket);
    for expected in [7, 0] {
        let mut transaction = store.begin().unwrap();
        let charged = transaction.price_usage(1, &priced, &arrival(50, None, &catalogue)).unwrap();
        assert_eq!(charged, expected);
        transaction.commit().unwrap();
    }
    let mut snapshot = store.snapshot().unwrap();
    assert!(snapshot.uncharged_usage(1, Uncharged::Unpriced, None, 9).unwrap().is_empty());
    assert_eq!(snapshot.uncharged_usage(1, Uncharged::Free, None, 9).unwrap().len(), 1);
    drop(snapshot);
    let sum: i64 = (0..6).map(|n| 10 + n).sum();
    assert_eq!(pending(&*store, LineFilter::default(), 0, 9 * HOUR), i128::from(sum * 300));
    assert_eq!(add_usage(&*store, &waiting, 60), [Duplicate; 7]);
    assert_healthy(&*store, 0);
}

pub(crate) fn expired_days_refuse_usage_and_open_days_do_not_expire(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let day = 24 * HOUR;
    let records: Vec<RatedUsage> =
        (0..20).map(|n| record(1, "s", &format!("{n:02}"), day + n % 2 * HOUR, n % 4, 5)).collect();
    add_usage(&*store, &records, 100);
    let next = record(1, "s", "next", 2 * day + HOUR, 1, 5);
    add_usage(&*store, std::slice::from_ref(&next), 100);
    let forget = |before_s, limit| {
        let mut transaction = store.begin().unwrap();
        let forgotten = transaction.expire_identities(1, before_s, limit).unwrap();
        transaction.commit().unwrap();
        forgotten
    };
    close(&*store, 1, bucket(day), 10);
    assert_eq!(forget(101, 4), 0, "an hour of the day is open");
    close(&*store, 1, bucket(day + HOUR), 10);
    assert_eq!(forget(100, 50), 0, "it was written then, not before");
    assert_eq!(forget(101, 4), 4);
    // All hours of the day are refused from the first one on.
    assert_eq!(add_usage(&*store, &records, 200), [Expired; 20]);
    assert_healthy(&*store, 4);
    assert_eq!(forget(101, 50), 16);
    assert_eq!(forget(101, 50), 0, "the other day is open");
    assert_healthy(&*store, 4);
    // Within 24 hours of an hour whose identities have expired, only known records are answered.
    let near = [
        next,
        record(1, "s", "n1", HOUR - HOUR / 2, 1, 5),
        record(1, "s", "n2", 2 * day + 2 * HOUR - 2, 1, 5),
        record(1, "s", "n2", 2 * day + 2 * HOUR - 1, 1, 5),
        record(1, "s", "n3", 0, 1, 5),
    ];
    assert_eq!(add_usage(&*store, &near, 200), [Duplicate, Expired, Expired, Accepted, Accepted]);
    close(&*store, 1, bucket(2 * day + HOUR), 10);
    assert_eq!(forget(201, 1), 1, "the day's last hour was written later");
    let found = store.snapshot().unwrap().verify(1, &Catalogue::built_in(), 5).unwrap();
    assert_eq!(found.differences, Vec::<String>::new());
}

pub(crate) fn a_pruned_hour_accepts_no_new_records(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let known = record(1, "s", "a", 10, 1, 5);
    add_usage(&*store, std::slice::from_ref(&known), 20);
    let mut transaction = store.begin().unwrap();
    assert_eq!(transaction.prune(1, 10 * HOUR, 10).unwrap(), 0);
    transaction.commit().unwrap();
    // The hour is still open, and orders are not pruned past an open hour.
    let more = record(1, "s", "b", 10, 1, 5);
    assert_eq!(add_usage(&*store, &[more], 20), [Accepted]);
    close(&*store, 1, bucket(10), 10);
    let mut transaction = store.begin().unwrap();
    transaction.prune(1, 10 * HOUR, 10).unwrap();
    transaction.commit().unwrap();
    let late = record(1, "s", "c", 10, 1, 5);
    let other = record(1, "s", "a", 11, 1, 6);
    assert_eq!(
        add_usage(&*store, &[known, late.clone(), late, other], 20),
        [Duplicate, Pruned, Pruned, Conflict]
    );
    let found = store.snapshot().unwrap().verify(1, &Catalogue::built_in(), 5).unwrap();
    assert_eq!(found.differences, Vec::<String>::new());
    assert_eq!(pending(&*store, LineFilter::default(), 0, 9 * HOUR), 0);
}
