//! The property test: random operations on a store and on the naive model must give the same answers.

use proptest::prelude::*;
use tollbook_domain::{LineFilter, NewOrder, OrderQuery, Status};
use tollbook_store::{Outcome, Snapshot, StoreOptions};

use crate::Backend;
use crate::model::{Model, order, query};
use crate::orders::{add, assert_healthy};
use crate::tenants::company;

const DAY: i64 = 86_400;
/// 2025-01-20, so that ranges cross the ends of months and of a year.
pub(crate) const BASE: i64 = 20_108 * DAY;

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![8 => Just(Status::Paid), 2 => Just(Status::Unpaid), 1 => Just(Status::Revoked)]
}

pub(crate) fn orders() -> impl Strategy<Value = Vec<NewOrder>> {
    let one = (0..400i64, 0..600i64, status(), 0..70i64 * 24, 0..100_000i64).prop_map(
        |(id, line, status, hour, quantity)| order(id, line, status, BASE + hour * 3_600, quantity),
    );
    prop::collection::vec(one, 0..60)
}

pub(crate) fn queries() -> impl Strategy<Value = OrderQuery> {
    let statuses = prop::sample::subsequence(Status::ALL.to_vec(), 0..=3);
    let texts = |prefix: &'static str, n: usize| {
        prop_oneof![
            2 => Just(Vec::new()),
            1 => prop::collection::vec((0..n).prop_map(move |i| format!("{prefix}-{i}")), 1..4),
        ]
    };
    let numbers = prop_oneof![
        5 => Just(Vec::new()),
        1 => prop::collection::vec((0..400u32, any::<bool>()).prop_map(|(id, o)| format!("{}{id:06}", if o { "O" } else { "U" })), 1..20),
    ];
    let organizations = prop_oneof![3 => Just(None), 1 => Just(Some(vec![])), 2 => Just(Some(vec![2i64]))];
    let start =
        prop_oneof![(0..70 * DAY).boxed(), (0..70i64).prop_map(|d| d * DAY).boxed(), Just(-19 * DAY).boxed()];
    let span =
        prop_oneof![(1..90 * DAY).boxed(), (1..90i64).prop_map(|d| d * DAY).boxed(), Just(150 * DAY).boxed()];
    (statuses, texts("key", 7), texts("model", 5), numbers, organizations, start, span).prop_map(
        |(statuses, keys, models, numbers, visible, start, span)| {
            let mut query = query(BASE + start, BASE + start + span, &statuses);
            query.lines =
                LineFilter::default().resource_ids(keys).model_ids(models).visible_organizations(visible);
            query.order_numbers = numbers;
            query
        },
    )
}

fn compare(snapshot: &mut dyn Snapshot, model: &Model, query: &OrderQuery, offset: i64) {
    let expected = model.matching(query);
    let total = i64::try_from(expected.len()).unwrap();
    assert_eq!(snapshot.count(query).unwrap(), total, "count of {query:?}");
    for (offset, limit) in [(0, 10), (offset, 7), (total - 3, 10), (total, 10)] {
        let page = snapshot.page(query, offset.max(0), limit).unwrap();
        assert_eq!(page.total, total);
        let lines = snapshot.lines(query.company_id).unwrap();
        let got: Vec<_> = page.orders.iter().map(|s| (&**lines.get(s.line_no).unwrap(), &s.order)).collect();
        let skip = usize::try_from(offset.max(0)).unwrap();
        let wanted: Vec<_> = expected
            .iter()
            .skip(skip)
            .take(usize::try_from(limit).unwrap())
            .map(|n| (&n.line, &n.order))
            .collect();
        assert_eq!(got, wanted, "page at {offset} of {query:?}");
    }
    assert_eq!(snapshot.sums(query).unwrap(), model.sums(query), "sums of {query:?}");
    let lines = snapshot.lines(query.company_id).unwrap();
    let mut by_line: Vec<_> = snapshot
        .sums_by_line(query)
        .unwrap()
        .into_iter()
        .map(|(status, line_no, measures)| (status, (**lines.get(line_no).unwrap()).clone(), measures))
        .collect();
    by_line.sort_by_key(|(status, line, _)| (*status, format!("{line:?}")));
    assert_eq!(by_line, model.sums_by_line(query), "sums by line of {query:?}");
    let mut scanned = Vec::new();
    snapshot
        .scan(query, &mut |stored| {
            scanned.push(stored.order.clone());
            Ok(())
        })
        .unwrap();
    assert!(scanned.iter().eq(expected.iter().map(|new| &new.order)), "scan of {query:?}");
}

/// Adds a batch to the model by the naive rule, and returns the expected outcomes.
fn add_to_model(model: &mut Model, batch: &[NewOrder]) -> Vec<Outcome> {
    batch
        .iter()
        .map(|new| {
            let numbers = |o: &NewOrder| {
                [o.order.number.clone(), o.order.counterpart.clone()]
                    .into_iter()
                    .filter(|n| !n.is_empty())
                    .collect::<Vec<_>>()
            };
            let mine = numbers(new);
            match model.0.iter().find(|old| numbers(old).iter().any(|n| mine.contains(n))) {
                None => {
                    model.0.push(new.clone());
                    Outcome::Added
                }
                Some(old) if old.line == new.line && old.order.same_content(&new.order) => Outcome::Present,
                Some(_) => Outcome::Conflict,
            }
        })
        .collect()
}

pub(crate) fn every_answer_equals_the_naive_model(backend: &dyn Backend) {
    let rounds = std::cell::Cell::new(0);
    let strategy = (
        prop_oneof![Just(0i64), Just(50), Just(20_000)],
        prop::collection::vec(orders(), 1..6),
        prop::collection::vec((queries(), 0..60i64), 1..8),
    );
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |((tile_threshold, batches, asked) in strategy)| {
        // All cases share one database, and each case has its own company.
        let store = backend.open(&StoreOptions { tile_threshold, ..StoreOptions::default() });
        let company_id = company(&*store, "case");
        let mut model = Model::default();
        for mut batch in batches {
            batch.iter_mut().for_each(|order| order.company_id = company_id);
            let foreseen = store.snapshot().unwrap().classify_orders(&batch).unwrap();
            let expected = add_to_model(&mut model, &batch);
            prop_assert_eq!(&foreseen, &expected);
            prop_assert_eq!(add(&*store, &batch), expected);
        }
        let mut snapshot = store.snapshot().unwrap();
        for (mut query, offset) in asked {
            query.company_id = company_id;
            compare(&mut *snapshot, &model, &query, offset);
        }
        let found = snapshot.verify(company_id, &tollbook_domain::Catalogue::built_in(), 5).unwrap();
        prop_assert_eq!(found.differences, Vec::<String>::new());
        rounds.set(rounds.get() + 1);
    });
    assert!(rounds.get() >= 48);
    let store = backend.open(&StoreOptions::default());
    let orders: i64 = {
        let mut snapshot = store.snapshot().unwrap();
        let companies = snapshot.companies().unwrap();
        let mut everything = query(0, 253_402_300_799, &Status::ALL);
        companies
            .iter()
            .map(|company| {
                everything.company_id = company.company_id;
                snapshot.count(&everything).unwrap()
            })
            .sum()
    };
    assert_healthy(&*store, usize::try_from(orders).unwrap());
}
