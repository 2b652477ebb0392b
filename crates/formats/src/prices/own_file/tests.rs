//! Keys of a price file, each error, and the example file.

use std::path::Path;

use tollbook_domain::catalogue::Catalogue;
use tollbook_domain::price::{ModelPrices, PriceQuery};
use tollbook_domain::{HourOffsets, Price};

use super::parse;

const SAMPLE: &str = include_str!("../../../../../examples/prices.toml");

fn read(text: &str) -> Result<Vec<Price>, String> {
    let list = parse(Path::new("prices.toml"), text, 0, &Catalogue::built_in(), &HourOffsets::fixed(-10_800));
    list.map(|list| list.prices).map_err(|error| error.to_string())
}

fn found(
    book: &[Price],
    provider: &str,
    model: &str,
    currency: &str,
    sku: &str,
    time: &str,
    length: i64,
) -> String {
    let time_s = time.parse::<jiff::Timestamp>().unwrap().as_second();
    let prices = ModelPrices::choose(book, provider, model, currency);
    match prices.find(PriceQuery { sku, time_s, request_length: length, service_tier: "" }) {
        Some(price) => {
            format!(
                "{} unit {} item {} {}",
                price.list_price, price.pricing_unit, price.item_id, price.model_name
            )
        }
        None => "none".to_owned(),
    }
}

#[test]
fn the_example_file_gives_its_prices() {
    let book = read(SAMPLE).unwrap();
    assert_eq!(book.len(), 14);
    // provider | model | currency | SKU | time | length | price
    let table = "
                | example-chat   | CNY | input   | 2026-06-01T12:00:00Z | 0      | 2.40 unit 12 item 0 Example Chat
                | EXAMPLE-chat   | CNY | output  | 2026-12-31T15:59:59Z | 0      | 9.60 unit 12 item 0 Example Chat
                | example-chat   | CNY | output  | 2026-12-31T16:00:00Z | 0      | 8.00 unit 12 item 0 Example Chat
                | example-chat   | CNY | image   | 2026-06-01T12:00:00Z | 0      | none
                | example-chat-2 | CNY | input   | 2026-06-01T12:00:00Z | 0      | none
                | example-chat-2 | USD | request | 2026-06-01T12:00:00Z | 0      | 0.000001 unit 61 item 0 other models
                | example-long-b | CNY | input   | 2026-06-01T12:00:00Z | 0      | 0.0024 unit 11 item 0 example-long
        Example | example-128k   | CNY | input   | 2026-06-01T12:00:00Z | 0      | 0.0024 unit 11 item 0 example-long
        other   | example-long   | CNY | input   | 2026-06-01T12:00:00Z | 0      | none
        example | example-long   | CNY | output  | 2026-06-01T12:00:00Z | 0      | 0.0096 unit 11 item 1302 example-long
        example | example-long   | CNY | output  | 2026-06-01T12:00:00Z | 200001 | 0.0144 unit 11 item 1302 example-long
        example | example-long   | CNY | image   | 2026-06-01T12:00:00Z | 200001 | 0.05 unit 60 item 0 example-long
        example | example-long   | CNY | input   | 2026-06-01T16:29:59Z | 0      | 0.0024 unit 11 item 0 example-long
        example | example-long   | CNY | input   | 2026-06-01T16:30:00Z | 0      | 0.0012 unit 11 item 0 example-long
        example | example-long   | CNY | input   | 2026-06-01T00:29:59Z | 0      | 0.0012 unit 11 item 0 example-long
        example | example-long   | CNY | input   | 2026-06-01T00:30:00Z | 0      | 0.0024 unit 11 item 0 example-long
        example | example-long   | CNY | input   | 2026-06-01T00:00:00Z | 200001 | 0.0048 unit 11 item 0 example-long
                |                | CNY | second  | 2029-12-31T23:59:59Z | 0      | 0.36 unit 22 item 0 Sandbox
                |                | CNY | second  | 2030-01-01T00:00:00Z | 0      | none";
    for row in table.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let length = cells[5].parse().unwrap();
        let got = found(&book, cells[0], cells[1], cells[2], cells[3], cells[4], length);
        assert_eq!(got, cells[6], "{row}");
    }
}

#[test]
fn stated_times_take_precedence_over_the_default() {
    let list =
        parse(Path::new("p.toml"), SAMPLE, 1_000, &Catalogue::built_in(), &HourOffsets::default()).unwrap();
    let chat: Vec<i64> = list
        .prices
        .iter()
        .filter(|price| price.model_id == "example-chat" && price.sku == "input")
        .map(|price| price.valid_from_s)
        .collect();
    assert_eq!(chat, [1_000, 1_798_732_800]);
    assert!(list.rounded.is_empty() && list.omitted.is_empty());
}

#[test]
fn the_innermost_unit_applies() {
    let text = r#"
        currency = "CNY"
        unit = 10
        [[model]]
        id = "a"
        prices = { x = "1" }
        [[model]]
        id = "b"
        unit = 11
        prices = { x = "1", y = { price = "1", unit = 12, item_id = 7 } }
        variant = [{ longer_than = 1, prices = { x = "1", y = "1", z = { price = "1", unit = 61 } } }]"#;
    let got: Vec<(String, i64, i64)> =
        read(text).unwrap().into_iter().map(|price| (price.sku, price.pricing_unit, price.item_id)).collect();
    let expected = [("x", 10, 0), ("x", 11, 0), ("y", 12, 7), ("x", 11, 0), ("y", 12, 7), ("z", 61, 0)];
    assert_eq!(got, expected.map(|(sku, unit, item)| (sku.to_owned(), unit, item)));
}

#[test]
fn units_of_the_catalogue_file_are_known() {
    let mut catalogue = Catalogue::built_in();
    let text = "currency = 'CNY'\n[[model]]\nid = 'm'\nunit = 100\nprices = { day = '1' }";
    let read = |catalogue: &Catalogue| {
        let offsets = HourOffsets::default();
        parse(Path::new("p.toml"), text, 0, catalogue, &offsets).map(|list| list.prices.len())
    };
    assert_eq!(
        read(&catalogue).unwrap_err().to_string(),
        "p.toml:4: model.unit: is not the number of a pricing unit of the catalogue"
    );
    catalogue.set_base_units(100, 86_400);
    assert_eq!(read(&catalogue), Ok(1));
}

#[test]
fn a_date_is_a_day_of_the_deployment() {
    let text = "currency = 'CNY'\nunit = 12\n[[model]]\nid = 'm'\nvalid_from = 2026-12-01\nvalid_until = 2027-01-01\n\
                prices = { x = '1' }";
    // 2026-12-01T00:00:00 and 2027-01-01T00:00:00 of these offsets
    for (offset_s, from_s) in [(0, 1_796_083_200), (-10_800, 1_796_094_000), (28_800, 1_796_054_400)] {
        let offsets = HourOffsets::fixed(offset_s);
        let list = parse(Path::new("p.toml"), text, 0, &Catalogue::built_in(), &offsets).unwrap();
        let price = &list.prices[0];
        assert_eq!((price.valid_from_s, price.valid_until_s), (from_s, Some(from_s + 31 * 86_400)));
    }
    let first = text.replace("2026-12-01", "1970-01-01");
    let offsets = HourOffsets::fixed(28_800);
    let list = parse(Path::new("p.toml"), &first, 0, &Catalogue::built_in(), &offsets).unwrap();
    assert_eq!(list.prices[0].valid_from_s, 0);
}

/// A model priced in yuan by the thousand tokens, followed by more keys.
fn model(more: &str) -> String {
    format!("currency = 'CNY'\nunit = 11\n[[model]]\nid = 'm'\n{}", more.replace(';', "\n"))
}

#[test]
fn each_mistake_is_named_with_its_line_and_key() {
    // text after a model's id on line 4 | message after the file's name; a semicolon ends a line
    let table = r#"
        price = 1                                       |:5: model.price: is not a key; known are id, name, provider
        prices = { input = "1,5" }                      |:5: model.prices.input: must be a plain decimal such as 4.20
        prices = { input = 1.5 }                        |:5: model.prices.input: must be a text such as "0.0024"
        prices = { input = "-1" }                       |:5: model.prices.input: must not be negative
        prices = { input = "0.0000000000001" }          |:5: model.prices.input: must have at most 12 decimal places
        prices = { input = "10000000" }                 |:5: model.prices.input: is too large
        prices = { "" = "1" }                           |:5: model.prices.: must have a name
        prices = { input = { unit = 11 } }              |:5: model.prices.input: must have a price
        prices = { input = { price = "1", x = 2 } }     |:5: model.prices.input.x: is not a key; known are price, unit
        prices = { input = { price = "1", unit = 99 } } |:5: model.prices.input.unit: is not the number of a pricing
        prices = { input = { price = "1", item_id = -1 } } |:5: model.prices.input.item_id: must be a whole number
        prices = "1"                                    |:5: model.prices: must be a table of SKUs
        name = "x"                                      |:3: model: must have prices
        prices = {}                                     |:3: model: must have prices
        unit = 99                                       |:5: model.unit: is not the number of a pricing unit
        unit = "12"                                     |:5: model.unit: must be a whole number between 0 and
        currency = "EUR"                                |:5: model.currency: must be one of CNY, USD
        name = 5                                        |:5: model.name: must be a text
        provider = ""                                   |:5: model.provider: must not be empty
        provider_models = { any = true }                |:3: model: has provider_models, but no provider
        provider_names = { any = true }                 |:3: model: has provider_names, but no provider
        match = "m"                                     |:5: model.match: must be a table
        match = {}                                      |:5: model.match: must have one of equals, starts_with
        match = { equals = "a", contains = "b" }        |:5: model.match: must have one of equals, starts_with
        match = { like = "a" }                          |:5: model.match.like: is not a key; known are equals
        match = { any = false }                         |:5: model.match.any: can only be true
        match = { starts_with = "" }                    |:5: model.match.starts_with: must not be empty
        match = { regex = "(" }                         |:5: model.match.regex: is not a regular expression: unclosed
        match = { or = [] }                             |:5: model.match.or: must not be empty
        match = { or = [;{ equals = 1 }] }              |:6: model.match.or.equals: must be a text
        valid_from = 1969-12-31                         |:5: model.valid_from: must be a time in whole seconds
        valid_from = 12:00:00                           |:5: model.valid_from: must be a time in whole seconds
        valid_from = "2026-01-01"                       |:5: model.valid_from: must be a time in whole seconds
        valid_from = 2026-01-01T00:00:00                |:5: model.valid_from: must be a time in whole seconds
        valid_from = 2026-01-01T00:00:00.5Z             |:5: model.valid_from: must be a time in whole seconds
        valid_from = 1969-12-31T23:59:59Z               |:5: model.valid_from: must be a time in whole seconds
        valid_until = 1970-01-01T00:00:00Z              |:5: model.valid_until: must be after the time
        variant = [{ prices = { input = "1" } }]        |:5: model.variant: must have a condition
        variant = [{ longer_than = 5 }]                 |:5: model.variant: must have prices
        service_tier = "flex"                           |:5: model.service_tier: is not a key
        variant = [{ service_tier = "" }]               |:5: model.variant.service_tier: must not be the ordinary tier
        variant = [{ service_tier = "Default" }]        |:5: model.variant.service_tier: must not be the ordinary tier
        variant = [{ longer_than = -5 }]                |:5: model.variant.longer_than: must be a whole number
        variant = [{ shorter_than = 5 }]                |:5: model.variant.shorter_than: is not a key
        variant = [{ time_of_day = { from = "1:00", until = "02:00" } }]  |:5: model.variant.time_of_day.from: must be a
        variant = [{ time_of_day = { from = "01:00" } }]                  |:5: model.variant.time_of_day: must have from
        variant = [{ time_of_day = { from = "01:00", until = "01:00" } }] |:5: model.variant.time_of_day: must not end
        prices = { a = "1" };[[model]];prices = { a = "1" }             |:6: model: must have an id"#;
    let mut cases = 0;
    for row in table.lines().filter(|row| row.contains('|')) {
        let (more, expected) = row.split_once('|').unwrap();
        let error = read(&model(more.trim())).unwrap_err();
        assert!(error.starts_with(&format!("prices.toml{}", expected.trim())), "{row}\ngot {error}");
        cases += 1;
    }
    assert_eq!(cases, 48);
}

#[test]
fn mistakes_outside_of_a_model() {
    // text | message after the file's name; a semicolon ends a line
    let table = r#"
                                              |: has no prices: it must have a [[model]]
        model = []                            |: has no prices: it must have a [[model]]
        ;models = []                          |:2: models: is not a key; known are list, currency, unit, model
        currency = "cny"                      |:1: currency: must be one of CNY, USD
        unit = 99                             |:1: unit: is not the number of a pricing unit of the catalogue
        model = 5                             |:1: model: must be an array
        model = [5]                           |:1: model: must be a table
        list = ""                             |:1: list: must not be empty
        list = "a,b"                          |:1: list: must not have a comma
        [[model]];id = "m"                    |:1: model: must have a currency, here or at the top of the file
        currency = "CNY";[[model]];id = "m";prices = { input = "1" } |:4: model.prices.input: must have a unit, here
        [[model];id = "m"                     |:1: "#;
    for row in table.lines().filter(|row| row.contains('|')) {
        let (text, expected) = row.split_once('|').unwrap();
        let error = read(&text.trim().replace(';', "\n")).unwrap_err();
        assert!(error.starts_with(&format!("prices.toml{}", expected.trim_end())), "{row}\ngot {error}");
    }
    let long = model(&format!("name = '{}'", "x".repeat(257)));
    assert_eq!(read(&long).unwrap_err(), "prices.toml:5: model.name: must have at most 256 bytes");
}

#[test]
fn two_prices_must_not_hold_at_once() {
    // after a model with a price for input on line 5 | message after the file's name, or the number of prices
    let table = r#"
        [[model]];id='m';prices={input='1'}                      |:8: model.prices.input: model "m" has a price for that already, on line 5
        [[model]];id='M';prices={input='1'}                      |:8: model.prices.input: model "M" has a price for that already, on line 5
        [[model]];id='n';match={equals='m'};prices={input='1'}   |:9: model.prices.input: model "n" has a price for that already, on line 5
        [[model]];id='m';match={contains='m'};prices={input='1'} |:9: model.prices.input: model "m" has a price for that already, on line 5
        [[model]];id='m';prices={output='1'}                     |2
        [[model]];id='m';provider='p';prices={input='1'}         |2
        [[model]];id='m';currency='USD';prices={input='1'}       |2
        [[model]];id='m';valid_from=2026-01-01T00:00:00Z;prices={input='1'}  |2
        [[model]];id='m';valid_until=2026-01-01T00:00:00Z;prices={input='1'} |:9: model.prices.input: model "m" has a price for that already
        [[model.variant]];longer_than=5;prices={input='1'};[[model.variant]];longer_than=6;prices={input='1'} |3
        [[model.variant]];service_tier='flex';prices={input='1'};[[model.variant]];service_tier='batch';prices={input='1'} |3
        [[model.variant]];service_tier='flex';prices={input='1'};[[model.variant]];service_tier='Flex';prices={input='1'} |:11: model.variant.prices.input: model "m" has a price for that already, on line 8
        [[model.variant]];longer_than=5;prices={input='1'};[[model.variant]];longer_than=5;prices={input='1'} |:11: model.variant.prices.input: model "m" has a price for that already, on line 8
        [[model.variant]];time_of_day={from='01:00',until='03:00'};prices={input='1'};[[model.variant]];time_of_day={from='23:00',until='01:00'};prices={input='1'} |3
        [[model.variant]];time_of_day={from='01:00',until='03:00'};prices={input='1'};[[model.variant]];time_of_day={from='23:00',until='01:01'};prices={input='1'} |:11: model.variant.prices.input: model "m" has another price for a part of that time of the day, on line 8"#;
    for row in table.lines().filter(|row| row.contains('|')) {
        let (more, expected) = row.split_once('|').unwrap();
        let got = match read(&model(&format!("prices = {{ input = '1' }};{}", more.trim()))) {
            Ok(prices) => prices.len().to_string(),
            Err(error) => error.trim_start_matches("prices.toml").to_owned(),
        };
        assert!(got.starts_with(expected.trim()), "{row}\ngot {got}");
    }
}

#[test]
fn a_service_tier_has_its_own_prices() {
    let text = r#"
        list = "contract 7"
        currency = "CNY"
        unit = 12
        [[model]]
        id = "m"
        prices = { input = "4", output = { price = "8", item_id = 7 } }
        [[model.variant]]
        service_tier = "Flex"
        prices = { input = "2", output = "4" }
        [[model.variant]]
        service_tier = "flex"
        longer_than = 100
        prices = { input = "3" }
        [[model.variant]]
        service_tier = "priority"
        prices = { input = "9" }"#;
    let offsets = HourOffsets::default();
    let list = parse(Path::new("p.toml"), text, 0, &Catalogue::built_in(), &offsets).unwrap();
    assert!(list.list.is_own && list.list.name == "contract 7");
    assert!(list.prices.iter().all(|price| price.list == "contract 7"));
    let prices = ModelPrices::choose(&list.prices, "", "m", "CNY");
    let found = |sku, service_tier, request_length| {
        let found = prices.find(PriceQuery { sku, time_s: 0, request_length, service_tier });
        found
            .map_or_else(|| "none".to_owned(), |price| format!("{} item {}", price.list_price, price.item_id))
    };
    // SKU | tier | length | price
    let table = "
        input  |          | 500 | 4.00 item 0
        input  | flex     | 100 | 2.00 item 0
        input  | flex     | 101 | 3.00 item 0
        output | flex     | 101 | 4.00 item 7
        input  | priority | 101 | 9.00 item 0
        output | priority | 101 | none
        input  | batch    | 101 | none";
    for row in table.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert_eq!(found(cells[0], cells[1], cells[2].parse().unwrap()), cells[3], "{row}");
    }
}
