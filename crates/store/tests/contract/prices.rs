//! The price book, discounts, and the version that changes with them.

use tollbook_domain::price::{Matcher, TimeOfDay};
use tollbook_domain::{Discount, Price, UnitPrice};
use tollbook_store::{PutPrices, Store, StoreOptions};

use crate::Backend;

fn price(model: &str, steps: i64) -> Price {
    Price {
        provider: "p".into(),
        provider_models: Some(Matcher::StartsWith("m".into())),
        model_id: model.into(),
        model_name: "M".into(),
        models: Matcher::Equals(model.into()),
        sku: "input".into(),
        pricing_unit: 12,
        item_id: 7,
        currency: "CNY".into(),
        list_price: UnitPrice::from_steps(steps),
        valid_from_s: 0,
        valid_until_s: Some(500),
        longer_than: None,
        time_of_day: None,
        is_fallback: false,
    }
}

fn put(store: &dyn Store, prices: &[Price]) -> (usize, usize, usize) {
    let mut transaction = store.begin().unwrap();
    let PutPrices { added, changed, unchanged } = transaction.put_prices(prices).unwrap();
    transaction.commit().unwrap();
    (added, changed, unchanged)
}

fn version(store: &dyn Store) -> i64 {
    store.snapshot().unwrap().price_version().unwrap()
}

pub(crate) fn a_price_with_equal_conditions_replaces_the_old_one(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    assert_eq!((version(&*store), store.snapshot().unwrap().prices().unwrap()), (0, Vec::new()));
    let mut night = price("m", 3);
    night.time_of_day = Some(TimeOfDay { from_s: 80_000, until_s: 3_600 });
    let mut long = price("m", 4);
    long.longer_than = Some(200_000);
    let book = [price("m", 1), price("n", 2), night.clone(), long.clone()];
    assert_eq!(put(&*store, &book), (4, 0, 0));
    assert_eq!(version(&*store), 1);
    assert_eq!(store.snapshot().unwrap().prices().unwrap(), book);
    assert_eq!(put(&*store, &book), (0, 0, 4));
    assert_eq!(version(&*store), 1, "nothing has changed");
    // If a list has two prices with equal conditions, the later one is stored. A changed price keeps its place.
    assert_eq!(put(&*store, &[price("m", 5), price("m", 6), price("o", 7), price("o", 8)]), (1, 3, 0));
    assert_eq!(version(&*store), 2);
    let expected = [price("m", 6), price("n", 2), night, long, price("o", 8)];
    assert_eq!(store.snapshot().unwrap().prices().unwrap(), expected);
    let mut transaction = store.begin().unwrap();
    transaction.put_prices(&[price("q", 9)]).unwrap();
    drop(transaction);
    assert_eq!(version(&*store), 2);
}

pub(crate) fn discounts_are_set_and_removed(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let discount = |company_id, model: &str, steps| Discount {
        company_id,
        model_id: model.into(),
        sku: String::new(),
        factor: UnitPrice::from_steps(steps),
    };
    let set = |discount: &Discount| {
        let mut transaction = store.begin().unwrap();
        transaction.set_discount(discount).unwrap();
        transaction.commit().unwrap();
        version(&*store)
    };
    let half = discount(1, "", 500_000_000_000);
    assert_eq!(set(&half), 1);
    assert_eq!(set(&half), 1, "the discount is set already");
    assert_eq!(set(&discount(0, "m", 0)), 2);
    assert_eq!(store.snapshot().unwrap().discounts().unwrap(), [discount(0, "m", 0), half]);
    assert_eq!(set(&discount(1, "", Discount::NONE.steps())), 3);
    assert_eq!(set(&discount(1, "", Discount::NONE.steps())), 3, "there is no discount to remove");
    assert_eq!(store.snapshot().unwrap().discounts().unwrap(), [discount(0, "m", 0)]);
}
