//! Orders whose amounts were billed by another rule than the exact one.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use tollbook_domain::{AccountKind, Amount, AmountRule, Deductions, NewOrder, Status, UnitPrice};
use tollbook_ops::config::Config;
use tollbook_ops::import::orders::Options;

use super::{Fixture, counts, refused, with};

/// 196 tokens at 0.0000021 as three rules bill them, and as nothing explains.
fn billed(id: i64, amount: &str) -> NewOrder {
    with(id, |new| {
        let price = UnitPrice::parse("0.0000021").unwrap();
        (new.line.list_price, new.line.discount_price, new.line.pricing_unit) = (price, price, 10);
        let amount = Amount::parse(amount).unwrap();
        (new.order.quantity, new.order.total, new.order.original) = (196, amount, amount);
        if new.order.status == Status::Paid {
            new.order.deductions = Deductions::default().with(AccountKind::Cash, amount);
        }
    })
}

#[test]
fn amounts_are_imported_as_they_were_billed_if_that_is_asked_for() {
    let mut fixture = Fixture::new();
    let orders = [billed(0, "0.0004116"), billed(2, "0.01"), billed(4, "7.00"), billed(19, "0.00")];
    let file = fixture.file("a.jsonl", &orders);
    let error = fixture.import(&[&file]).unwrap_err();
    assert_eq!(
        refused(&error).1,
        [
            "a.jsonl:2: OriginalPrice: is 0.01, expected 0.0004116",
            "a.jsonl:3: OriginalPrice: is 7.00, expected 0.0004116",
            "a.jsonl:4: OriginalPrice: is 0.00, expected 0.0004116",
        ]
    );
    assert!(fixture.stored().is_empty());

    // A brand that rounds up accepts both roundings, and expects its own.
    let cent_up = "[brand.default]\nrounding = \"cent_up\"";
    fixture.config = Config::parse(Path::new("tollbook.toml"), cent_up).unwrap();
    let error = fixture.import(&[&file]).unwrap_err();
    assert_eq!(
        refused(&error).1,
        [
            "a.jsonl:3: OriginalPrice: is 7.00, expected 0.01",
            "a.jsonl:4: OriginalPrice: is 0.00, expected 0.01"
        ]
    );
    fixture.config = Config::default();

    let as_billed = Options { as_billed: true, ..fixture.options() };
    let import = |options| fixture.import_with(&[&file], options, |_| ControlFlow::Continue(()));
    assert_eq!(counts(&import(&as_billed).unwrap()), [4, 4, 0, 0]);
    let rules: BTreeMap<String, AmountRule> = {
        let mut snapshot = fixture.store.snapshot().unwrap();
        let lines = snapshot.lines(1).unwrap();
        let numbers: Vec<&str> = orders.iter().map(|new| new.order.source_number()).collect();
        let stored = snapshot.orders_by_numbers(1, &numbers).unwrap().into_iter().map(Option::unwrap);
        stored
            .map(|found| {
                let line = lines.get(found.line_no).unwrap();
                let name = ["one", "two"][usize::try_from(line.organization_id).unwrap() - 1];
                assert_eq!(line.organization_name, name);
                (found.order.source_number().to_owned(), line.amount_rule)
            })
            .collect()
    };
    let expected = [
        ("O0", AmountRule::Exact),
        ("O2", AmountRule::CentUp),
        ("O4", AmountRule::AsBilled),
        ("O19", AmountRule::AsBilled),
    ];
    assert_eq!(rules, expected.map(|(number, rule)| (number.to_owned(), rule)).into());
    // `stored` verifies: the amounts of the last two are not compared with their prices.
    let stored = fixture.stored();
    for new in &orders {
        assert_eq!(stored[&new.order.number], new.order);
    }
    assert_eq!(counts(&import(&as_billed).unwrap()), [4, 0, 4, 0]);
    // Deductions add up, whatever was billed.
    let unbalanced = with(6, |new| {
        *new = billed(6, "7.00");
        *new.order.deductions.get_mut(AccountKind::Cash) = Amount::parse("6.99").unwrap();
    });
    let path = fixture.file("b.jsonl", &[unbalanced]);
    let error = fixture.import_with(&[&path], &as_billed, |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(refused(&error).1, ["b.jsonl:1: OrderTotalPrice: is 7.00, but the deductions add up to 6.99"]);
}
