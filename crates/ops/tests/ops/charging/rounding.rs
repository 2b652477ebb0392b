//! Orders of a brand that rounds amounts up to 0.01.

use std::path::Path;

use tollbook_domain::account::AccountKind;
use tollbook_domain::{AmountRule, Status};
use tollbook_ops::Config;
use tollbook_ops::charging::{UsageResult, settle_all};

use super::fixture::{BASE_S, Backend, Fixture, HOUR_S, price, query, usage};

const CENT: i64 = 1_000_000;

pub(crate) fn a_brand_rounds_orders_up_and_each_order_keeps_its_rule(backend: &Backend) {
    let mut fixture = Fixture::new(backend, 1);
    let cent_up = "[brand.default]\nrounding = \"cent_up\"";
    fixture.config = Config::parse(Path::new("tollbook.toml"), cent_up).unwrap();
    // 0.0000021 and 0.00000001 for a token, and a price that reaches a whole cent.
    fixture.put(&[price("m", "input", 2_100_000), price("n", "input", 10_000)]);
    fixture.deposit(1, AccountKind::Cash, 100 * CENT, "k", BASE_S);
    let records = vec![
        usage(1, "a", BASE_S, "m", 100),
        usage(1, "b", BASE_S + 7, "m", 96),
        usage(1, "c", BASE_S, "n", 1_000_000),
        usage(1, "d", BASE_S + HOUR_S, "n", 1_000_001),
    ];
    assert_eq!(fixture.accept(records, BASE_S + HOUR_S), vec![UsageResult::Charged; 4]);
    // The sum of a line is rounded, not each record, and what is pending is rounded as its order will be.
    let all = query(1, &[Status::Paid]);
    assert_eq!(fixture.pending(&all), i128::from(4 * CENT));
    fixture.assert_clean();
    let totals = |fixture: &Fixture| {
        let lines = fixture.store.snapshot().unwrap().lines(1).unwrap();
        let mut orders: Vec<_> = fixture
            .orders(1, Status::Paid)
            .into_iter()
            .map(|stored| {
                let rule = lines.get(stored.line_no).unwrap().amount_rule;
                (stored.order.quantity, stored.order.total.steps(), stored.order.original.steps(), rule)
            })
            .collect();
        orders.sort_by_key(|(quantity, ..)| *quantity);
        orders
    };
    settle_all(&fixture.charging(), "s", BASE_S + 4 * HOUR_S).unwrap();
    let up = [
        (196, CENT, CENT, AmountRule::CentUp),
        (1_000_000, CENT, CENT, AmountRule::CentUp),
        (1_000_001, 2 * CENT, 2 * CENT, AmountRule::CentUp),
    ];
    assert_eq!(totals(&fixture), up);
    assert_eq!(fixture.balance(1, AccountKind::Cash), 96 * CENT);
    assert_eq!(fixture.pending(&all), 0);
    fixture.assert_clean();

    // The setting holds for usage from then on: orders that were made keep their rule.
    fixture.config = Config::default();
    let late = vec![usage(1, "e", BASE_S, "m", 195)];
    assert_eq!(fixture.accept(late, BASE_S + 5 * HOUR_S), vec![UsageResult::Charged]);
    assert_eq!(fixture.pending(&all), 40_950);
    settle_all(&fixture.charging(), "s", BASE_S + 9 * HOUR_S).unwrap();
    let exact = [(195, 40_950, 40_950, AmountRule::Exact)];
    assert_eq!(totals(&fixture), [&exact[..], &up[..]].concat());
    assert_eq!(fixture.balance(1, AccountKind::Cash), 96 * CENT - 40_950);
    fixture.assert_clean();
}
