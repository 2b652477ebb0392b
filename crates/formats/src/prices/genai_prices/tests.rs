//! Each form of the published list, and each error. `tests/formats/published_prices.rs` reads the published list.

use std::path::Path;

use tollbook_domain::price::Matcher;
use tollbook_domain::{Price, UnitPrice};

use crate::prices::list::{PriceList, PublishedModel, RoundedPrice, UnreadKind};
use crate::prices::published::parse;

fn read(text: &str) -> Result<PriceList, String> {
    parse(Path::new("data.json"), text, 0).map_err(|error| error.to_string())
}

/// A list of one provider with one model, which has these prices.
fn one_model(prices: &str) -> String {
    format!(r#"[{{"id": "p", "models": [{{"id": "m", "match": {{"equals": "m"}}, "prices": {prices}}}]}}]"#)
}

/// `sku price [>length] [from..until] [part of the day]`, one for each price.
fn shown(prices: &[Price]) -> String {
    let show = |price: &Price| {
        let length = price.longer_than.map(|length| format!(" >{length}")).unwrap_or_default();
        let validity = match (price.valid_from_s, price.valid_until_s) {
            (0, None) => String::new(),
            (from_s, None) => format!(" {from_s}.."),
            (from_s, Some(until_s)) => format!(" {from_s}..{until_s}"),
        };
        let day =
            price.time_of_day.map(|day| format!(" ({}-{})", day.from_s, day.until_s)).unwrap_or_default();
        format!("{} {}{length}{validity}{day}", price.sku, price.list_price)
    };
    prices.iter().map(show).collect::<Vec<_>>().join(", ")
}

#[test]
fn sets_of_prices() {
    // prices of a model | prices of the book
    let table = r#"
        {"output_mtok": 2}                           | output 2.00, output_audio 2.00, reasoning 2.00
        {"requests_kcount": 12}                      | request 0.012
        {"output_mtok": 0, "output_audio_mtok": 1}   | output 0.00, output_audio 1.00, reasoning 0.00
        {"input_mtok": 4}                            | cache_audio_read 4.00, cache_read 4.00, cache_write 4.00, input 4.00, input_audio 4.00
        {"input_mtok": 4, "cache_read_mtok": 1}      | cache_audio_read 1.00, cache_read 1.00, cache_write 4.00, input 4.00, input_audio 4.00
        {"input_mtok": 4, "cache_read_mtok": 1, "cache_write_mtok": 5, "input_audio_mtok": 8, "cache_audio_read_mtok": 2} | cache_audio_read 2.00, cache_read 1.00, cache_write 5.00, input 4.00, input_audio 8.00
        {"output_mtok": null, "requests_kcount": 1}  | request 0.001
        {"cache_write_mtok": 2.5, "cache_write_1h_mtok": {"base": 4, "tiers": [{"start": 200000, "price": 8}]}} | cache_write 2.50, cache_write_1h 4.00, cache_write_1h 8.00 >200000
        {"web_searches_kcount": 10, "rerank_searches_kcount": 2, "code_executions_kcount": 0.5} | code_execution 0.0005, rerank_search 0.002, web_search 0.01
        {"input_image_mtok": 8, "cache_image_read_mtok": 2, "output_image_mtok": 32, "input_video_mtok": 12, "output_video_mtok": 17.5} | cache_image_read 2.00, input_image 8.00, input_video 12.00, output_image 32.00, output_video 17.50
        {"output_mtok": 8, "output_reasoning_mtok": 3, "output_citation_mtok": 2} | citation 2.00, output 8.00, output_audio 8.00, reasoning 3.00
        {"input_document_kpages": 1, "input_gpixels": 1234.5678, "audio_hours": 0.36, "input_mchars": 2e-1} | audio_second 0.36, input_character 0.20, input_pixel 1.2345678, page 0.001
        {"output_mtok": {"base": 1, "tiers": [{"start": 200, "price": 2}, {"start": 900, "price": 3}]}, "output_audio_mtok": 7} | output 1.00, output 2.00 >200, output 3.00 >900, output_audio 7.00, reasoning 1.00, reasoning 2.00 >200, reasoning 3.00 >900
        [{"prices": {"cache_write_mtok": 1, "requests_kcount": 5}}, {"constraint": {"start_date": "1970-01-03"}, "prices": {"cache_write_mtok": 2}}] | cache_write 1.00 0..172800, request 0.005 0..172800, cache_write 2.00 172800..
        [{"prices": {"cache_write_mtok": 1}}, {"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"}, "prices": {"cache_write_mtok": 2}}] | cache_write 2.00 (1800-59400), cache_write 1.00 (59400-1800)"#;
    let mut cases = 0;
    for row in table.lines().filter(|row| row.contains('|')) {
        let (prices, expected) = row.split_once('|').unwrap();
        let list = read(&one_model(prices)).unwrap();
        assert_eq!(shown(&list.prices), expected.trim(), "{row}");
        assert!(list.omitted.is_empty() && list.rounded.is_empty(), "{row}");
        cases += 1;
    }
    assert_eq!(cases, 15);
}

#[test]
fn a_price_is_in_dollars_for_a_million_tokens_or_a_request() {
    let list = read(&one_model(r#"{"output_mtok": 1, "requests_kcount": 1}"#)).unwrap();
    let units: Vec<(&str, i64, &str)> =
        list.prices.iter().map(|price| (price.sku.as_str(), price.pricing_unit, &*price.currency)).collect();
    let expected = [
        ("output", 12, "USD"),
        ("output_audio", 12, "USD"),
        ("reasoning", 12, "USD"),
        ("request", 61, "USD"),
    ];
    assert_eq!(units, expected);
}

#[test]
fn rounded_prices_and_omitted_models_are_listed() {
    let list = read(&one_model(r#"{"cache_read_mtok": 0.08333333333333334}"#)).unwrap();
    let kept = UnitPrice::parse("0.083333333333").unwrap();
    let (provider, model_id, sku) = ("p".to_owned(), "m".to_owned(), "cache_read".to_owned());
    let stated = "0.08333333333333334".to_owned();
    assert_eq!(list.rounded, [RoundedPrice { provider, model_id, sku, stated, kept }]);

    let of =
        |text: &str, valid_from_s| parse(Path::new("data.json"), &one_model(text), valid_from_s).unwrap();
    let reasons = |list: PriceList| list.omitted.into_iter().map(|model| model.reason).collect::<Vec<_>>();
    let later = r#"[{"prices": {"cache_read_mtok": 1}}, {"constraint": {"start_date": "1970-01-03"}, "prices": {"cache_read_mtok": 2}}]"#;
    let list = of(later, 172_800);
    assert_eq!(shown(&list.prices), "cache_audio_read 2.00 172800.., cache_read 2.00 172800..");
    assert_eq!(reasons(list), ["has prices that were replaced before the list is valid"]);
    let list = of(later, 172_799);
    assert_eq!(list.prices.len(), 4);
    assert_eq!(reasons(list), [""; 0]);
    assert_eq!(reasons(of("{}", 0)), ["has no prices"]);
    let gap =
        r#"[{"prices": {}}, {"constraint": {"start_date": "1970-01-03"}, "prices": {"requests_kcount": 2}}]"#;
    assert_eq!(reasons(of(gap, 0)), ["has no prices for some of the time"]);
}

#[test]
fn a_kind_that_is_not_known_is_named_and_never_charged_as_another() {
    // prices of a model | prices of the book | kinds that were not read
    let table = r#"
        {"input_mtok": 1, "output_hologram_mtok": 9}             | cache_audio_read 1.00, cache_read 1.00, cache_write 1.00, input 1.00, input_audio 1.00 | output_hologram_mtok
        {"input_mtok": 1, "cache_read_2h_mtok": {"curve": [1]}}  | cache_write 1.00, input 1.00, input_audio 1.00 | cache_read_2h_mtok
        {"output_mtok": 1, "reasoning_mtok": "3"}                | output 1.00, output_audio 1.00 | reasoning_mtok
        {"input_smell_mtok": 1}                                  | | input_smell_mtok"#;
    for row in table.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let list = read(&one_model(cells[0])).unwrap();
        assert_eq!(shown(&list.prices), cells[1], "{row}");
        let model = PublishedModel { provider: "p".into(), model_id: "m".into() };
        assert_eq!(list.unread, [UnreadKind { kind: cells[2].into(), models: vec![model] }], "{row}");
    }
    let member = r#"[{"id": "p", "models": [{"id": "m", "match": {"equals": "m"}, "surcharge": 2, "prices": {"input_mtok": 1}},
        {"id": "n", "match": {"equals": "n"}, "surcharge": 2, "prices": {"input_mtok": 1}}], "surcharge": 3}]"#;
    let unread = read(member).unwrap().unread;
    let models: Vec<&str> =
        unread.iter().flat_map(|kind| &kind.models).map(|model| &*model.model_id).collect();
    assert_eq!((unread.len(), unread[0].kind.as_str(), models), (1, "surcharge", vec!["", "m", "n"]));
}

#[test]
fn numbers_are_read_as_they_are_written() {
    let list = read(&one_model(r#"{"requests_kcount": 1.234567890120000000000000000000000001e-3}"#)).unwrap();
    assert_eq!(list.prices[0].list_price.to_string(), "0.000001234568");
    assert_eq!(list.rounded[0].stated, "0.000001234567890120000000000000000000000001");
}

#[test]
fn a_provider_has_the_models_of_its_fallbacks() {
    let list = read(
        r#"[
        {"id": "cloud", "fallback_model_providers": ["maker"],
         "provider_match": {"equals": "sky"}, "model_match": {"or": [{"contains": "c-"}, {"regex": "^C"}]},
         "models": [{"id": "own", "name": "Own", "match": {"starts_with": "o"}, "prices": {"requests_kcount": 1}}]},
        {"id": "maker", "models": [{"id": "m", "match": {"and": [{"ends_with": "m"}, {"contains": "m"}]},
         "prices": {"requests_kcount": 2}}]}]"#,
    )
    .unwrap();
    let shown: Vec<String> = list
        .prices
        .iter()
        .map(|price| {
            let text = |matcher: &Option<Matcher>| matcher.as_ref().map_or("-".to_owned(), Matcher::to_text);
            let (names, provider_models) = (text(&price.provider_names), text(&price.provider_models));
            let (model, name, matcher) = (&price.model_id, &price.model_name, price.models.to_text());
            format!(
                "{} {names} {provider_models} {model} {name} {matcher} {}",
                price.provider, price.is_fallback
            )
        })
        .collect();
    let expected = [
        "cloud =3:sky |2:~2:c-/2:^C own Own ^1:o false",
        "cloud =3:sky |2:~2:c-/2:^C m m &2:$1:m~1:m true",
        "maker - - m m &2:$1:m~1:m false",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn an_error_names_the_path_of_the_value() {
    // prices of a model | message after the model's path
    let table = r#"
        {"input_mtok": "3"}                                     | .prices.input_mtok: must be a number
        {"input_mtok": -1}                                      | .prices.input_mtok: must not be negative
        {"input_mtok": 1e9}                                     | .prices.input_mtok: is too large
        {"input_mtok": {"tiers": []}}                           | .prices.input_mtok: must have "base"
        {"input_mtok": {"base": 1}}                             | .prices.input_mtok: must have "tiers"
        {"input_mtok": {"base": 1, "tiers": [{"start": 1.5}]}}  | .prices.input_mtok.tiers.start: must be a whole number
        {"input_mtok": {"base": 1, "tiers": [{"start": 1}]}}    | .prices.input_mtok.tiers: must have "price"
        {"input_mtok": {"base": 1, "tiers": [{"start": 1, "price": 1}, {"start": 1, "price": 2}]}} | .prices.input_mtok.tiers.start: is the start of two
        {"input_mtok": {"base": 1, "tiers": [], "each": 5}}     | .prices.input_mtok.each: is not known; known are base, tiers
        {"input_mtok": {"base": 1, "tiers": [{"end": 5}]}}      | .prices.input_mtok.tiers.end: is not known; known are start, price
        [{"prices": {}, "region": "eu"}]                        | .prices.region: is not known; known are constraint, prices
        5                                                       | .prices: must be an object
        [{"constraint": {"region": "eu"}, "prices": {}}]        | .prices.constraint: is not a known constraint
        [{"constraint": {"start_date": "2026-1-1"}, "prices": {}}] | .prices.constraint.start_date: must be a date
        [{"constraint": {"start_time": "01:00:00Z", "end_time": "25:00:00Z"}, "prices": {}}] | .prices.constraint.end_time: must be a UTC
        [{"constraint": {"start_time": "01:00:00", "end_time": "02:00:00Z"}, "prices": {}}]  | .prices.constraint.start_time: must be a UTC
        [{"constraint": {"start_time": "01:00:00Z", "end_time": "01:00:00Z"}, "prices": {}}] | .prices.constraint: must end at another"#;
    for row in table.lines().filter(|row| row.contains('|')) {
        let (prices, expected) = row.split_once('|').unwrap();
        let error = read(&one_model(prices)).unwrap_err();
        assert!(
            error.starts_with(&format!("data.json: p.models.m{}", expected.trim())),
            "{row}\ngot {error}"
        );
    }
    // list | message
    let table = r#"
        []                                        | data.json: has no prices
        {}                                        | data.json: is no known price list
        [{"models": []}]                          | data.json: 0: must have "id"
        [{"id": ""}]                              | data.json: 0.id: must not be empty
        [{"id": "p"}]                             | data.json: p: must have "models"
        [{"id": "p", "models": [], "fallback_model_providers": ["q"]}] | data.json: p.fallback_model_providers: "q" is no
        [{"id": "p", "models": [{"id": "m"}]}]    | data.json: p.models.m: must have "match"
        [{"id": "p", "models": [{"id": "m", "match": {}}]}]              | data.json: p.models.m.match: must have one way
        [{"id": "p", "models": [{"id": "m", "match": {"like": "x"}}]}]   | data.json: p.models.m.match.like: is not a known
        [{"id": "p", "models": [{"id": "m", "match": {"regex": "("}}]}]  | data.json: p.models.m.match.regex: is not a regular
        [{"id": "p", "models": [{"id": "m", "match": {"or": [{"contains": ""}]}}]}] | data.json: p.models.m.match.or.contains: must not
        [;{"id" "p"}]                             | data.json:2: expected `:`"#;
    for row in table.lines().filter(|row| row.contains('|')) {
        let (list, expected) = row.split_once('|').unwrap();
        let error = read(&list.trim().replace(';', "\n")).unwrap_err();
        assert!(error.starts_with(expected.trim()), "{row}\ngot {error}");
    }
}
