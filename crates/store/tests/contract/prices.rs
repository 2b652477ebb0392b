//! The price book, discounts, and the version that changes with them.

use tollbook_domain::price::{Matcher, TimeOfDay};
use tollbook_domain::price_list::{Conversion, Multiplier, PriceListDescription, Rate};
use tollbook_domain::{Discount, Price, UnitPrice};
use tollbook_store::{PriceSelection, PutPrices, Store, StoreOptions};

use crate::Backend;

pub(crate) fn price(model: &str, steps: i64) -> Price {
    Price {
        list: "own".into(),
        provider: "p".into(),
        provider_names: Some(Matcher::Contains("p".into())),
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
        service_tier: String::new(),
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

fn of_list(list: &str, model: &str, steps: i64) -> Price {
    Price { list: list.into(), ..price(model, steps) }
}

fn put_list(store: &dyn Store, list: &PriceListDescription) -> Option<PriceListDescription> {
    let mut transaction = store.begin().unwrap();
    let refused = transaction.put_price_list(list).unwrap();
    transaction.commit().unwrap();
    refused
}

fn lists(store: &dyn Store) -> Vec<String> {
    let lists = store.snapshot().unwrap().price_lists().unwrap();
    lists.into_iter().map(|list| list.name).collect()
}

pub(crate) fn own_lists_hold_first_then_the_order(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    for name in ["a", "b", "c"] {
        assert_eq!(put_list(&*store, &PriceListDescription::new(name, false, "genai-prices")), None);
        assert_eq!(put(&*store, &[of_list(name, "m", 1)]), (1, 0, 0), "{name}: each list has its own prices");
    }
    // A list without a description is the operator's own.
    assert_eq!(put(&*store, &[of_list("own", "m", 2), of_list("own", "n", 3)]), (2, 0, 0));
    let book = || {
        let prices = store.snapshot().unwrap().prices().unwrap();
        prices.into_iter().map(|price| format!("{} {}", price.list, price.model_id)).collect::<Vec<_>>()
    };
    assert_eq!(book(), ["own m", "own n", "a m", "b m", "c m"]);
    assert!(store.snapshot().unwrap().price_lists().unwrap()[0].is_own);
    let order = |names: &[&str]| {
        let mut transaction = store.begin().unwrap();
        transaction.set_price_list_order(names).unwrap();
        transaction.commit().unwrap();
        version(&*store)
    };
    let before = version(&*store);
    assert_eq!(order(&["c", "a"]), before + 1, "rated by another order from now on");
    assert_eq!(lists(&*store), ["own", "c", "a", "b"]);
    assert_eq!(order(&["c", "a", "b"]), before + 1, "it is the order already");
    assert_eq!(order(&["b", "own"]), before + 2);
    assert_eq!(book(), ["own m", "own n", "b m", "c m", "a m"]);
}

pub(crate) fn a_price_list_remembers_its_conversion_and_keeps_its_name(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let published = PriceListDescription::new("genai", false, "genai-prices");
    assert_eq!(put_list(&*store, &published), None);
    let factor = Multiplier::parse("1.2").unwrap();
    let conversion = Conversion { factor, rate: Some(Rate::parse("USD=7.10").unwrap()) };
    let converted = PriceListDescription { conversion, ..published.clone() };
    assert_eq!(put_list(&*store, &converted), None);
    assert_eq!(store.snapshot().unwrap().price_lists().unwrap(), std::slice::from_ref(&converted));
    // Two lists with one name: in other case, of another kind, of another format.
    for other in [
        PriceListDescription::new("Genai", false, "genai-prices"),
        PriceListDescription::new("genai", true, "toml"),
        PriceListDescription::new("genai", false, "litellm"),
    ] {
        assert_eq!(put_list(&*store, &other), Some(converted.clone()));
    }
    assert_eq!(store.snapshot().unwrap().price_lists().unwrap(), [converted]);
}

pub(crate) fn prices_of_a_list_are_removed(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let output = Price { sku: "output".into(), ..price("m", 2) };
    let flex = Price { service_tier: "flex".into(), ..price("m", 3) };
    let book = [price("m", 1), output, flex.clone(), price("n", 4), of_list("b", "m", 5)];
    assert_eq!(put(&*store, &book), (5, 0, 0), "a service tier has a price of its own");
    assert_eq!(store.snapshot().unwrap().prices().unwrap(), book);
    let remove = |list: &str, model: Option<&str>, sku: Option<&str>| {
        let mut transaction = store.begin().unwrap();
        let removed = transaction.remove_prices(PriceSelection { list, model_id: model, sku }).unwrap();
        transaction.commit().unwrap();
        (removed, version(&*store))
    };
    assert_eq!(remove("own", Some("x"), None), (0, 1));
    assert_eq!(remove("own", Some("m"), Some("output")), (1, 2));
    assert_eq!(remove("own", None, Some("output")), (0, 2));
    assert_eq!(lists(&*store), ["own", "b"]);
    assert_eq!(remove("own", None, None), (3, 3));
    assert_eq!(lists(&*store), ["b"]);
    assert_eq!(store.snapshot().unwrap().prices().unwrap(), [of_list("b", "m", 5)]);
}

pub(crate) fn prices_are_ended_at_a_time(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let valid = |sku: &str, valid_from_s, valid_until_s| Price {
        sku: sku.into(),
        valid_from_s,
        valid_until_s,
        ..price("m", 1)
    };
    let open = valid("a", 0, None);
    let book = [
        open.clone(),
        valid("b", 0, Some(50)),
        valid("c", 0, Some(200)),
        valid("d", 100, None),
        Price { model_id: "n".into(), ..open.clone() },
    ];
    assert_eq!(put(&*store, &book), (5, 0, 0));
    let end = |until_s| {
        let mut transaction = store.begin().unwrap();
        let selection = PriceSelection { list: "own", model_id: Some("m"), sku: None };
        let counts = transaction.end_prices(selection, until_s).unwrap();
        transaction.commit().unwrap();
        (counts, version(&*store))
    };
    assert_eq!(end(100), ((2, 1), 2));
    assert_eq!(end(100), ((0, 0), 2), "they have ended");
    let expected = [
        valid("a", 0, Some(100)),
        valid("b", 0, Some(50)),
        valid("c", 0, Some(100)),
        Price { model_id: "n".into(), ..open },
    ];
    assert_eq!(store.snapshot().unwrap().prices().unwrap(), expected);
}
