//! Creates usage, accounts, and orders from usage by direct calls of the store.

use tollbook_domain::account::{AccountKind, Deposit, Paid};
use tollbook_domain::rating::{Charge, Rated, SUPPLEMENTARY_ORDER};
use tollbook_domain::{Amount, Bucket, Catalogue, Deductions, NewOrder, Order, Status, Usage};
use tollbook_store::{
    IntakeContext, Lease, LedgerRange, OpenUsage, OrderTransition, RatedUsage, Settlement, Store,
    StoredDeposit, StoredOrder, Transaction, UsageOrder, UsageOutcome,
};

use crate::model::line;

pub(crate) const HOUR: i64 = 3_600;

/// A record with a quantity of a line of the model. Records of line 100 are free, those of line 101 have no price.
pub(crate) fn record(
    company_id: i64,
    source: &str,
    id: &str,
    time_s: i64,
    of: i64,
    quantity: i64,
) -> RatedUsage {
    let charged = line(of % 100);
    let usage = Usage {
        company_id,
        id: id.into(),
        source: source.into(),
        time_s,
        organization_id: charged.organization_id,
        resource_id: charged.resource_id.clone(),
        resource_type: 1,
        user_email: String::new(),
        provider: String::new(),
        model_id: charged.model_id.clone(),
        product_code: charged.product_code.clone(),
        region: charged.region.clone(),
        service_tier: String::new(),
        quantities: vec![(charged.pricing_sku.clone(), quantity)],
        ..Usage::default()
    };
    let rated = match of {
        100 => Rated::Free,
        101 => Rated::Unpriced("no price".into()),
        _ => Rated::Charged(vec![Charge { line: charged.into(), quantity }]),
    };
    RatedUsage::new(usage, rated, bucket(time_s))
}

pub(crate) fn bucket(time_s: i64) -> Bucket {
    let start_s = time_s - time_s % HOUR;
    Bucket { start_s, end_s: start_s + HOUR }
}

pub(crate) fn arrival<'a>(
    now_s: i64,
    lease: Option<Lease<'a>>,
    catalogue: &'a Catalogue,
) -> IntakeContext<'a> {
    IntakeContext { now_s, grace_s: 60, gather_s: 10, lease, catalogue }
}

pub(crate) fn add_usage(store: &dyn Store, records: &[RatedUsage], now_s: i64) -> Vec<UsageOutcome> {
    let catalogue = Catalogue::built_in();
    let mut transaction = store.begin().unwrap();
    let company_id = records[0].usage.company_id;
    let outcomes = transaction.add_usage(company_id, records, &arrival(now_s, None, &catalogue)).unwrap();
    transaction.commit().unwrap();
    outcomes
}

pub(crate) fn deposit(store: &dyn Store, company_id: i64, kind: AccountKind, amount: i64, key: &str) {
    let mut transaction = store.begin().unwrap();
    transaction.lock_company(company_id).unwrap();
    let before = transaction.account_state(company_id).unwrap();
    let mut after = before.clone();
    let deposit = Deposit {
        kind,
        amount: Amount::from_steps(amount),
        expires_s: kind.is_granted().then_some(1_000_000_000),
        products: if kind.is_granted() { vec!["modelverse".into(), "sandbox".into()] } else { Vec::new() },
        models: Vec::new(),
        key: key.into(),
    };
    let entries = after.account.deposit(&deposit, 7).unwrap();
    let first = transaction.post(company_id, &before, &after, &entries).unwrap();
    let entries = LedgerRange { first, count: i64::try_from(entries.len()).unwrap() };
    transaction.add_deposit(company_id, &StoredDeposit { deposit, entries, reversed: 0 }).unwrap();
    transaction.commit().unwrap();
}

/// Closes an hour in batches of at most `limit` lines, and pays each order if the balance suffices. Returns the number
/// of orders.
pub(crate) fn close(store: &dyn Store, company_id: i64, bucket: Bucket, limit: i64) -> usize {
    let catalogue = Catalogue::built_in();
    let mut made = 0;
    loop {
        let mut transaction = store.begin().unwrap();
        let taken = transaction.take_open_usage(company_id, bucket, limit, &catalogue).unwrap();
        if taken.is_empty() {
            return made;
        }
        assert!(taken.len() <= usize::try_from(limit).unwrap());
        taken.iter().for_each(|open| order(transaction.as_mut(), company_id, bucket, open));
        transaction.commit().unwrap();
        made += taken.len();
    }
}

fn order(transaction: &mut dyn Transaction, company_id: i64, bucket: Bucket, open: &OpenUsage) {
    let mut line = (*open.line).clone();
    if open.orders > 0 {
        line.order_type = SUPPLEMENTARY_ORDER;
    }
    let source = format!("O{:06}-{}-{}", bucket.start_s / HOUR, open.line_no, open.orders);
    let total = line.discount_price.charge(open.quantity, 1_000).unwrap();
    let before = transaction.account_state(company_id).unwrap();
    let mut after = before.clone();
    let paid = after.account.pay(total, &line, &source, &AccountKind::ALL, bucket.start_s, 9);
    let arrears = format!("U{}", &source[1..]);
    let is_paid = paid.is_some();
    let Paid { deductions, postings: entries, .. } = paid.unwrap_or_default();
    let new = Order {
        number: if is_paid { source.clone() } else { arrears },
        counterpart: if is_paid { String::new() } else { source.clone() },
        status: if is_paid { Status::Paid } else { Status::Unpaid },
        start_time_s: bucket.start_s,
        end_time_s: bucket.end_s,
        quantity: open.quantity,
        total,
        original: line.list_price.charge(open.quantity, 1_000).unwrap(),
        deductions,
        create_time_s: (!is_paid).then_some(bucket.end_s),
        paid_time_s: is_paid.then_some(bucket.end_s),
        revocation_time_s: None,
        replaces: String::new(),
        replaced_by: String::new(),
    };
    transaction.add_orders(&[NewOrder { company_id, line, order: new }]).unwrap();
    if is_paid {
        let first = transaction.post(company_id, &before, &after, &entries).unwrap();
        let entries = LedgerRange { first, count: i64::try_from(entries.len()).unwrap() };
        let settlement = Settlement { source_number: source.clone(), entries };
        transaction.add_settlements(company_id, &[settlement]).unwrap();
    }
    let made_of = UsageOrder {
        bucket_start_s: bucket.start_s,
        line_no: open.line_no,
        sequence_no: open.orders,
        source_number: source,
        quantity: open.quantity,
        records: open.records,
        close_no: open.close_no,
    };
    transaction.add_usage_orders(company_id, &[made_of]).unwrap();
}

/// The transition that revokes an unpaid order.
pub(crate) fn revoked(before: StoredOrder, now_s: i64) -> OrderTransition {
    let after = Order {
        status: Status::Revoked,
        deductions: Deductions::default(),
        revocation_time_s: Some(now_s),
        ..before.order.clone()
    };
    OrderTransition { before, after }
}

/// Adds three hours of usage and closes two of them. The result has paid and unpaid orders, a revoked order, a free
/// record and a record without a price.
pub(crate) fn fill(store: &dyn Store, company_id: i64) {
    for (kind, amount) in
        [(AccountKind::Bonus, 40_000), (AccountKind::Coupon, 10_000), (AccountKind::Cash, 200_000)]
    {
        deposit(store, company_id, kind, amount, kind.name());
    }
    let mut records: Vec<RatedUsage> = (0..60)
        .map(|n| record(company_id, "s", &format!("r{n:03}"), n % 3 * HOUR + n, n % 8, 10 + n))
        .collect();
    records.push(record(company_id, "s", "free", 5, 100, 3));
    records.push(record(company_id, "s", "unpriced", 5, 101, 3));
    add_usage(store, &records, 100);
    for hour in 0..2 {
        assert_eq!(close(store, company_id, bucket(hour * HOUR), 3), 8);
    }
    // A late record of the first hour makes a supplementary order.
    add_usage(store, &[record(company_id, "s", "late", 7, 1, 7)], 100);
    assert_eq!(close(store, company_id, bucket(0), 3), 1);
    let mut transaction = store.begin().unwrap();
    transaction.lock_company(company_id).unwrap();
    let owed = transaction.arrears(company_id, 0, 1).unwrap();
    let before = owed.into_iter().next().expect("the deposits do not cover all orders");
    let source = before.order.counterpart.clone();
    transaction.transition_orders(company_id, &[revoked(before, 500)]).unwrap();
    transaction.add_revocation(company_id, &source, 500, "a mistake").unwrap();
    transaction.commit().unwrap();
}
