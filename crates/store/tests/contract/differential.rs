//! Random operations give the same answers, in the same order, and the same errors on both databases.

use std::sync::Arc;

use proptest::prelude::*;
use tollbook_domain::account::AccountKind;
use tollbook_domain::tenant::ApiKey;
use tollbook_domain::{Catalogue, LineFilter, NewOrder, OrderQuery, Status};
use tollbook_store::{DueHour, HourFilter, Lease, LedgerRange, Store, StoreOptions, StoreResult, Uncharged};

use crate::charged;
use crate::model::order;
use crate::random::{BASE, orders, queries};
use crate::{Backend as _, Postgres, Sqlite};

#[derive(Clone, Debug)]
enum Operation {
    AddCompany(String),
    AddOrganization { company: usize, project: u8 },
    AddKey { company: usize, key: u8 },
    DisableKey(u8),
    Set(u8, String),
    Add { company: usize, orders: Vec<NewOrder>, commit: bool },
    Prune { company: usize, day: i64, limit: usize },
    Query { company: usize, query: Box<OrderQuery>, offset: i64, limit: i64 },
    Find { company: usize, number: String },
    Look { company: usize },
    Usage { company: usize, records: Vec<(u8, i64, i64, i64)>, now_s: i64 },
    Close { company: usize, hour: i64, limit: i64 },
    Lease { company: usize, hour: i64, holder: u8, now_s: i64 },
    Deposit { company: usize, kind: usize, amount: i64, key: u8 },
    Revoke { company: usize, from_hour: i64 },
    Forget { company: usize, before_s: i64, limit: i64 },
    AccountState { company: usize, from_s: i64, until_s: i64, model: u8 },
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let company = || 0..3usize;
    // Names that both databases must store unchanged and compare byte by byte.
    let text = || {
        prop::sample::select(vec![
            "",
            "é",
            "e\u{301}",
            "Z",
            "a",
            "数",
            "'; DROP TABLE orders; --",
            "\u{1f600}",
        ])
        .prop_map(str::to_owned)
    };
    let number =
        || (0..400i64, any::<bool>()).prop_map(|(id, o)| format!("{}{id:06}", if o { 'O' } else { 'U' }));
    let operation = prop_oneof![
        1 => text().prop_map(Operation::AddCompany),
        1 => (company(), 0..3u8).prop_map(|(company, project)| Operation::AddOrganization { company, project }),
        1 => (company(), 0..3u8).prop_map(|(company, key)| Operation::AddKey { company, key }),
        1 => (0..4u8).prop_map(Operation::DisableKey),
        1 => (0..3u8, text()).prop_map(|(name, value)| Operation::Set(name, value)),
        6 => (company(), orders(), prop::bool::weighted(0.8))
            .prop_map(|(company, orders, commit)| Operation::Add { company, orders, commit }),
        1 => (company(), 0..70i64, 1..200usize)
            .prop_map(|(company, day, limit)| Operation::Prune { company, day, limit }),
        6 => (company(), queries(), 0..80i64, 1..40i64)
            .prop_map(|(company, query, offset, limit)| Operation::Query { company, query: Box::new(query), offset, limit }),
        1 => (company(), number()).prop_map(|(company, number)| Operation::Find { company, number }),
        1 => company().prop_map(|company| Operation::Look { company }),
        4 => (company(), prop::collection::vec((0..20u8, 0..5 * 3_600i64, 96..102i64, 1..9_000i64), 1..20), 0..30_000i64)
            .prop_map(|(company, records, now_s)| Operation::Usage { company, records, now_s }),
        3 => (company(), 0..5i64, 1..4i64)
            .prop_map(|(company, hour, limit)| Operation::Close { company, hour, limit }),
        1 => (company(), 0..5i64, 0..3u8, 0..200i64)
            .prop_map(|(company, hour, holder, now_s)| Operation::Lease { company, hour, holder, now_s }),
        2 => (company(), 0..4usize, 1..90_000i64, 0..9u8)
            .prop_map(|(company, kind, amount, key)| Operation::Deposit { company, kind, amount, key }),
        1 => (company(), 0..5i64).prop_map(|(company, from_hour)| Operation::Revoke { company, from_hour }),
        1 => (company(), 0..40_000i64, 1..30i64)
            .prop_map(|(company, before_s, limit)| Operation::Forget { company, before_s, limit }),
        3 => (company(), 0..20_000i64, 20_000..40_000i64, 0..6u8)
            .prop_map(|(company, from_s, until_s, model)| Operation::AccountState { company, from_s, until_s, model }),
    ];
    prop::collection::vec(operation, 1..40)
}

fn key(company_id: i64, key: u8) -> ApiKey {
    ApiKey {
        organization_ids: vec![i64::from(key)],
        rate_limit_per_s: (key > 0).then_some(u32::from(key)),
        ..ApiKey::unrestricted(format!("key {key}"), company_id, vec![key; 3])
    }
}

/// Performs an operation and returns its result as text. `first` is the number of the first company of the case.
fn perform(store: &dyn Store, first: i64, operation: &Operation) -> StoreResult<String> {
    let id = |company: usize| first + i64::try_from(company).unwrap();
    let write = |work: &dyn Fn(&mut dyn tollbook_store::Transaction) -> StoreResult<String>| {
        let mut transaction = store.begin()?;
        let said = work(transaction.as_mut())?;
        transaction.commit()?;
        Ok(said)
    };
    match operation {
        Operation::AddCompany(name) => {
            write(&|t| Ok(format!("{:?}", t.add_company(name, "CNY", "default")?)))
        }
        Operation::AddOrganization { company, project } => {
            write(&|t| Ok(format!("{:?}", t.add_organization(id(*company), &format!("org-{project}"), "O")?)))
        }
        Operation::AddKey { company, key: number } => {
            write(&|t| Ok(format!("{:?}", t.add_api_key(&key(id(*company), *number))?)))
        }
        Operation::DisableKey(number) => {
            write(&|t| Ok(format!("{:?}", t.disable_api_key(&format!("key {number}"))?)))
        }
        Operation::Set(name, value) => {
            write(&|t| Ok(format!("{:?}", t.set_setting(&format!("setting {name}"), value)?)))
        }
        Operation::Add { company, orders, commit } => {
            let orders: Vec<NewOrder> =
                orders.iter().map(|new| NewOrder { company_id: id(*company), ..new.clone() }).collect();
            let mut transaction = store.begin()?;
            if transaction.company(id(*company))?.is_none() {
                return Ok("no company".into());
            }
            let outcomes = transaction.add_orders(&orders)?;
            if *commit {
                transaction.commit()?;
            }
            Ok(format!("{outcomes:?}"))
        }
        Operation::Prune { company, day, limit } => {
            if store.snapshot()?.company(id(*company))?.is_none() {
                return Ok("no company".into());
            }
            write(&|t| Ok(format!("{:?}", t.prune(id(*company), BASE + day * 86_400, *limit)?)))
        }
        Operation::Query { company, query, offset, limit } => {
            let query = OrderQuery { company_id: id(*company), ..(**query).clone() };
            let mut snapshot = store.snapshot()?;
            let mut rows = Vec::new();
            snapshot.scan(&query, &mut |stored| {
                rows.push(stored.clone());
                Ok(())
            })?;
            Ok(format!(
                "{:?} {:?} {:?} {:?} {rows:?}",
                snapshot.count(&query)?,
                snapshot.page(&query, *offset, *limit)?,
                snapshot.sums(&query)?,
                snapshot.sums_by_line(&query)?,
            ))
        }
        Operation::Find { company, number } => {
            Ok(format!("{:?}", store.snapshot()?.order_by_number(id(*company), number)?))
        }
        Operation::Usage { .. }
        | Operation::Close { .. }
        | Operation::Lease { .. }
        | Operation::Deposit { .. }
        | Operation::Revoke { .. }
        | Operation::Forget { .. }
        | Operation::AccountState { .. } => charge(store, first, operation),
        Operation::Look { company } => {
            let mut snapshot = store.snapshot()?;
            let lines: Vec<_> = snapshot.lines(id(*company))?.iter().cloned().collect();
            let (company_id, catalogue) = (id(*company), Catalogue::built_in());
            let new = [order(1, 1, Status::Paid, BASE, 1), order(2, 2, Status::Unpaid, BASE, 5)]
                .map(|new| NewOrder { company_id, ..new });
            Ok(format!(
                "{:?} {:?} {:?} {:?} {lines:?} {:?} {:?}",
                snapshot.companies()?,
                snapshot.organizations(company_id)?,
                snapshot.api_keys(Some(company_id))?,
                snapshot.api_key("key 1")?,
                snapshot.classify_orders(&new)?,
                snapshot.verify(company_id, &catalogue, 20)?,
            ))
        }
    }
}

/// Performs an operation on usage or accounts, as [`perform`] does for the others.
fn charge(store: &dyn Store, first: i64, operation: &Operation) -> StoreResult<String> {
    let (Operation::Usage { company, .. }
    | Operation::Close { company, .. }
    | Operation::Lease { company, .. }
    | Operation::Deposit { company, .. }
    | Operation::Revoke { company, .. }
    | Operation::Forget { company, .. }
    | Operation::AccountState { company, .. }) = operation
    else {
        return Ok("not an operation on usage or accounts".into());
    };
    let company_id = first + i64::try_from(*company).unwrap();
    let mut transaction = store.begin()?;
    if transaction.company(company_id)?.is_none() {
        return Ok("no company".into());
    }
    transaction.lock_company(company_id)?;
    let hour_of = |hour: i64| charged::bucket(hour * charged::HOUR);
    let said = match operation {
        Operation::Usage { records, now_s, .. } => {
            let records: Vec<_> = records
                .iter()
                .map(|(id, time_s, of, quantity)| {
                    charged::record(company_id, "é", &format!("{id}"), *time_s, *of, *quantity)
                })
                .collect();
            let catalogue = Catalogue::built_in();
            let arrival = charged::arrival(*now_s, None, &catalogue);
            format!("{:?}", transaction.add_usage(company_id, &records, &arrival)?)
        }
        Operation::Close { hour, limit, .. } => {
            drop(transaction);
            return Ok(charged::close(store, company_id, hour_of(*hour), *limit).to_string());
        }
        Operation::Lease { hour, holder, now_s, .. } => {
            let hour = DueHour { company_id, bucket: hour_of(*hour), due_s: 0 };
            let holder = format!("holder {holder}");
            let hold = Lease { holder: &holder, until_s: now_s + 50 };
            let held = transaction.acquire(hour.lease_key(), &hold, *now_s)?;
            format!("{held} {:?}", transaction.leased_hours(&holder)?)
        }
        Operation::Deposit { kind, amount, key, .. } => {
            if transaction.deposit(company_id, &format!("{key}"))?.is_some() {
                return Ok("known".into());
            }
            drop(transaction);
            let kind = AccountKind::ALL[*kind];
            charged::deposit(store, company_id, kind, *amount, &format!("{key}"));
            return Ok("deposited".into());
        }
        Operation::Revoke { from_hour, .. } => {
            let owed = transaction.arrears(company_id, from_hour * charged::HOUR, 3)?;
            let changes: Vec<_> = owed.into_iter().map(|stored| charged::revoked(stored, 77)).collect();
            transaction.transition_orders(company_id, &changes)?;
            format!("{changes:?}")
        }
        Operation::Forget { before_s, limit, .. } => {
            format!("{}", transaction.expire_identities(company_id, *before_s, *limit)?)
        }
        Operation::AccountState { from_s, until_s, model, .. } => {
            let mut query = crate::model::query(*from_s, *until_s, &[Status::Paid]);
            query.company_id = company_id;
            if *model < 5 {
                query.lines = LineFilter::default().model_ids(vec![format!("model-{model}")]);
            }
            format!(
                "{:?} {:?} {} {:?} {:?} {:?}",
                transaction.account_state(company_id)?,
                transaction.ledger(company_id, LedgerRange { first: 0, count: 1_000 })?,
                transaction.pending(&query, &Catalogue::built_in())?,
                transaction.uncharged_usage(company_id, Uncharged::Free, None, 100)?,
                transaction.uncharged_usage(company_id, Uncharged::Unpriced, None, 100)?,
                transaction.due_hours(HourFilter::DueBy(*until_s), *from_s, 1_000)?,
            )
        }
        _ => String::new(),
    };
    transaction.commit()?;
    Ok(said)
}

fn said(answer: StoreResult<String>) -> String {
    answer.unwrap_or_else(|error| format!("error: {error}"))
}

#[test]
fn both_databases_give_the_same_answers() {
    let (file, server) = (Sqlite(tempfile::tempdir().unwrap()), Postgres::new());
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    let strategy = (prop_oneof![Just(0i64), Just(50), Just(20_000)], operations());
    proptest!(config, |((tile_threshold, operations) in strategy)| {
        let options = StoreOptions { tile_threshold, ..StoreOptions::default() };
        let stores: [Arc<dyn Store>; 2] = [file.open(&options), server.open(&options)];
        // All cases share one database of each kind, and each case has its own companies.
        let firsts = stores.each_ref().map(|store| {
            let mut transaction = store.begin().unwrap();
            let company = transaction.add_company("case", "CNY", "default").unwrap();
            transaction.commit().unwrap();
            company.company_id
        });
        prop_assert_eq!(firsts[0], firsts[1]);
        for operation in &operations {
            let answers = stores.each_ref().map(|store| said(perform(&**store, firsts[0], operation)));
            prop_assert_eq!(&answers[0], &answers[1], "{:?}", operation);
        }
    });
}
