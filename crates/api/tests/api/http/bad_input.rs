//! Invalid values for every parameter of every action. The tests iterate over [`ACTIONS`], so they cover new actions
//! and new parameters.

use tollbook_api::actions::{ACTIONS, Action, Parameter, ParameterShape};
use tollbook_export::{UnknownFormat, UnknownSeparator};

use super::backend::{Backend, on_each_backend};
use super::client::{Pairs, encode, pairs, quoted, quoted_pairs, value_of};
use super::sample_orders;
use super::server::{Key, Server};

struct Fixture {
    server: Server,
    key: Key,
}

impl Fixture {
    fn new(backend: Backend) -> Self {
        let server = Server::start(backend);
        let company = server.company("Careless", "default");
        let organization = server.organization(&company, "One");
        server.add(&sample_orders::orders(company.company_id, &[organization.organization_id]));
        let key = server.full_key(&company);
        Self { server, key }
    }

    /// Sends a form with the required parameters of an action, with `instead` in place of its parameter `name`.
    fn form(&self, action: &Action, name: &str, instead: &[(String, String)]) -> String {
        let mut sent = without(sample_orders::required(action), name);
        sent.extend_from_slice(instead);
        self.server.ask(&self.key, &encode(&sent)).verdict()
    }

    /// Sends the same request in JSON. The values of `instead` are raw JSON.
    fn json(&self, action: &Action, name: &str, instead: &[(String, String)]) -> String {
        let mut sent = quoted_pairs(&without(sample_orders::required(action), name));
        sent.extend_from_slice(instead);
        self.server.ask_json(&self.key, &sent).verdict()
    }
}

fn without(mut sent: Pairs, name: &str) -> Pairs {
    sent.retain(|(known, _)| known != name);
    sent
}

fn each_parameter(mut each: impl FnMut(&'static Action, &'static Parameter)) {
    for action in ACTIONS {
        for parameter in action.parameters {
            each(action, parameter);
        }
    }
}

fn pair(name: &str, value: impl Into<String>) -> Pairs {
    vec![(name.to_owned(), value.into())]
}

/// The verdict on a missing or blank parameter.
fn blank(parameter: &Parameter) -> String {
    if parameter.required { format!("220 Missing params [{}]", parameter.name) } else { "0".to_owned() }
}

fn not_available(parameter: &Parameter, reason: &str) -> String {
    format!("230 Params [{}] not available: {reason}", parameter.name)
}

/// The refusal of a value of the wrong type.
fn wrong_type(parameter: &Parameter) -> String {
    not_available(
        parameter,
        match parameter.shape {
            ParameterShape::Integer(..) => "must be a 64-bit integer",
            ParameterShape::Text => "must be a string",
            ParameterShape::Flag => "must be true or false",
            ParameterShape::Integers => "must be 64-bit integers",
            ParameterShape::Texts | ParameterShape::FewTexts(_) => "must be strings",
        },
    )
}

/// The verdict on a text that no order has. Most filters accept any text.
fn unheard_of(parameter: &Parameter) -> String {
    match parameter.name {
        "JobId" => not_available(parameter, "there is no such job"),
        "Format" => not_available(parameter, &UnknownFormat.to_string()),
        "IsFinance" => not_available(parameter, "must be Yes or No"),
        "Separator" => not_available(parameter, &UnknownSeparator.to_string()),
        "ProductCode" | "ProductCodes" => {
            not_available(parameter, "must be one of modelverse, sandbox, starcard")
        }
        _ => "0".to_owned(),
    }
}

const NOT_INTEGERS: [&str; 18] = [
    "abc",
    "1e3",
    "42.0",
    "42.",
    ".5",
    "-",
    "+",
    " 42",
    "42 ",
    "4 2",
    "0x10",
    "1_000",
    "1,000",
    "true",
    "NaN",
    "１２",
    "9223372036854775808",
    "-9223372036854775809",
];

fn blank_values(backend: Backend) {
    let fixture = Fixture::new(backend);
    each_parameter(|action, parameter| {
        let (name, expected) = (parameter.name, blank(parameter));
        let context = format!("{} {name}", action.name);
        assert_eq!(fixture.form(action, name, &[]), expected, "{context}");
        assert_eq!(fixture.form(action, name, &pair(name, "")), expected, "{context}");
        let mut blanks = vec!["null", "\"\""];
        if parameter.shape.is_list() {
            blanks.extend(["[]", "[\"\"]", "[null]", "[null,\"\",null]"]);
            assert_eq!(fixture.form(action, name, &pairs(&format!("{name}.0=&{name}.7=&{name}="))), expected);
        }
        for raw in blanks {
            assert_eq!(fixture.json(action, name, &pair(name, raw)), expected, "{context} {raw}");
        }
    });
}

fn all_missing_parameters_are_named_in_order(backend: Backend) {
    let fixture = Fixture::new(backend);
    for action in ACTIONS {
        let required: Vec<&str> = ["StartTime", "EndTime", "Page", "PageSize", "OrderNos", "JobId"]
            .into_iter()
            .filter(|name| action.parameters.iter().any(|known| known.required && known.name == *name))
            .collect();
        assert_eq!(required.len(), action.parameters.iter().filter(|known| known.required).count());
        if required.is_empty() {
            continue;
        }
        let expected = format!("220 Missing params [{}]", required.join("|"));
        let bare = format!("Action={}", action.name);
        assert_eq!(fixture.server.ask(&fixture.key, &bare).verdict(), expected);
        // The order of the parameters and other errors do not matter.
        let blanks: Vec<String> = required.iter().rev().map(|name| format!("{name}=")).collect();
        let request = format!("{bare}&Statuses=9&{}", blanks.join("&"));
        assert_eq!(fixture.server.ask(&fixture.key, &request).verdict(), expected);
    }
}

fn invalid_integers_and_integers_out_of_bounds(backend: Backend) {
    let fixture = Fixture::new(backend);
    each_parameter(|action, parameter| {
        let (name, wrong) = (parameter.name, wrong_type(parameter));
        let bounds = match parameter.shape {
            ParameterShape::Integer(from, to) => Some((from, to)),
            ParameterShape::Integers => None,
            ParameterShape::Text
            | ParameterShape::Texts
            | ParameterShape::FewTexts(_)
            | ParameterShape::Flag => return,
        };
        for value in NOT_INTEGERS {
            assert_eq!(
                fixture.form(action, name, &pair(name, value)),
                wrong,
                "{} {name} {value}",
                action.name
            );
        }
        for raw in
            ["42.0", "1e3", "1E3", "4.2e1", "9223372036854775808", "-1e0", "true", "false", "{}", "\"x\""]
        {
            assert_eq!(fixture.json(action, name, &pair(name, raw)), wrong, "{} {name} {raw}", action.name);
        }
        let Some((from, to)) = bounds else { return };
        for raw in ["[]", "[1]", "[[1]]"] {
            assert_eq!(fixture.json(action, name, &pair(name, raw)), wrong, "{} {name} {raw}", action.name);
        }
        let outside = not_available(
            parameter,
            &if to == i64::MAX {
                format!("must be at least {from}")
            } else {
                format!("must be between {from} and {to}")
            },
        );
        let above = to.checked_add(1);
        let below = [Some(from - 1), Some(-42), Some(i64::MIN), above, above.map(|_| i64::MAX)];
        for value in below.into_iter().flatten() {
            let verdict = fixture.form(action, name, &pair(name, value.to_string()));
            assert_eq!(verdict, outside, "{} {name} {value}", action.name);
            assert_eq!(fixture.json(action, name, &pair(name, value.to_string())), outside);
        }
    });
}

fn integers_in_every_spelling(backend: Backend) {
    let fixture = Fixture::new(backend);
    each_parameter(|action, parameter| {
        let name = parameter.name;
        let value = match (parameter.shape, value_of(&sample_orders::required(action), name)) {
            (ParameterShape::Integer(..), Some(value)) => value.to_owned(),
            (ParameterShape::Integers, _) if name == "Statuses" && action.name.contains("Unpaid") => {
                "1".into()
            }
            (ParameterShape::Integers, _) => "2".into(),
            _ => return,
        };
        for spelling in [value.clone(), format!("+{value}"), format!("000{value}"), format!("{value:0>256}")]
        {
            let verdict = fixture.form(action, name, &pair(name, spelling.as_str()));
            assert_eq!(verdict, "0", "{} {name} {spelling}", action.name);
            assert_eq!(fixture.json(action, name, &pair(name, quoted(&spelling))), "0");
        }
        assert_eq!(fixture.json(action, name, &pair(name, value)), "0");
    });
}

fn values_of_another_json_type(backend: Backend) {
    let fixture = Fixture::new(backend);
    each_parameter(|action, parameter| {
        let name = parameter.name;
        let mut wrong = vec!["{}", "{\"0\":\"2\"}"];
        if parameter.shape != ParameterShape::Flag {
            wrong.extend(["true", "false"]);
        }
        if parameter.shape.is_list() {
            wrong.extend(["[true]", "[\"2\",false]", "[[\"2\"]]", "[[]]", "[{}]"]);
        } else {
            wrong.extend(["[]", "[\"2\"]", "[null]"]);
        }
        for raw in wrong {
            let verdict = fixture.json(action, name, &pair(name, raw));
            assert_eq!(verdict, wrong_type(parameter), "{} {name} {raw}", action.name);
        }
        if parameter.shape.is_list() {
            for key in [format!("{name}.0"), format!("{name}.N")] {
                for raw in ["[\"2\"]", "{}", "true"] {
                    let verdict = fixture.json(action, name, &pair(&key, raw));
                    assert_eq!(verdict, wrong_type(parameter), "{} {key} {raw}", action.name);
                }
            }
        }
    });
}

fn texts_with_special_characters(backend: Backend) {
    let fixture = Fixture::new(backend);
    each_parameter(|action, parameter| {
        let name = parameter.name;
        let nul = not_available(parameter, "must not contain NUL");
        for value in ["\0", "a\0", "a\0b"] {
            assert_eq!(fixture.form(action, name, &pair(name, value)), nul, "{} {name}", action.name);
            assert_eq!(fixture.json(action, name, &pair(name, quoted(value))), nul, "{} {name}", action.name);
            if parameter.shape.is_list() {
                assert_eq!(fixture.form(action, name, &pair(&format!("{name}.3"), value)), nul);
                let raw = format!("[\"2\",{}]", quoted(value));
                assert_eq!(fixture.json(action, name, &pair(name, raw)), nul, "{} {name}", action.name);
            }
        }
        for value in
            ["\u{1}\u{1f}", "a\r\nb", "\u{202e}x", "'; DROP TABLE orders; --", "%", "中🙂", "[\"a\"]"]
        {
            let expected = match parameter.shape {
                ParameterShape::Text | ParameterShape::Texts | ParameterShape::FewTexts(_) => {
                    unheard_of(parameter)
                }
                ParameterShape::Integer(..) | ParameterShape::Integers | ParameterShape::Flag => {
                    wrong_type(parameter)
                }
            };
            let verdict = fixture.form(action, name, &pair(name, value));
            assert_eq!(verdict, expected, "{} {name} {value:?}", action.name);
            assert_eq!(fixture.json(action, name, &pair(name, quoted(value))), expected);
        }
    });
    let nul = "230 Params [Unknown] not available: must not contain NUL";
    for action in ACTIONS {
        assert_eq!(fixture.form(action, "", &pair("Unknown", "a\0")), nul, "{}", action.name);
    }
}

fn lists_and_values_that_are_too_long(backend: Backend) {
    let fixture = Fixture::new(backend);
    each_parameter(|action, parameter| {
        let (name, context) = (parameter.name, format!("{} {}", action.name, parameter.name));
        let large = format!("240 Params [{name}] too large");
        // Values longer than 256 bytes: digits, letters, and characters of two bytes.
        for value in ["0".repeat(257), "x".repeat(257), "é".repeat(129)] {
            assert_eq!(fixture.form(action, name, &pair(name, value.as_str())), large, "{context}");
            assert_eq!(fixture.json(action, name, &pair(name, quoted(&value))), large, "{context}");
        }
        if !parameter.shape.is_list() {
            let value = value_of(&sample_orders::required(action), name).unwrap_or("modelverse").to_owned();
            let twice = [pair(name, value.as_str()), pair(name, value.as_str())].concat();
            let once = fixture.form(action, name, &twice[..1]);
            assert_eq!(fixture.form(action, name, &twice), once, "{context}");
            assert_eq!(fixture.json(action, name, &quoted_pairs(&twice)), once, "{context}");
            let different = [pair(name, value.as_str()), pair(name, format!("{value}0"))].concat();
            let refused = not_available(parameter, "given more than once, with different values");
            assert_eq!(fixture.form(action, name, &different), refused, "{context}");
            assert_eq!(fixture.json(action, name, &quoted_pairs(&different)), refused, "{context}");
            return;
        }
        let most = if action.name == "StartPayUnpaidOrders" { 50 } else { 100 };
        let list = |count: i64| -> Pairs {
            (1..=count).map(|number| (format!("{name}.{number}"), number.to_string())).collect()
        };
        let array = |count: i64| format!("{:?}", (1..=count).collect::<Vec<_>>());
        assert_eq!(fixture.form(action, name, &list(most + 1)), large, "{context}");
        assert_eq!(fixture.json(action, name, &pair(name, array(most + 1))), large, "{context}");
        if !matches!(name, "Statuses" | "ProductCodes") {
            assert_eq!(fixture.form(action, name, &list(most)), "0", "{context}");
            assert_eq!(fixture.json(action, name, &pair(name, array(most))), "0", "{context}");
            // Repeated values are counted once.
            let repeated: Pairs = list(most).into_iter().cycle().take(600).collect();
            assert_eq!(fixture.form(action, name, &repeated), "0", "{context}");
        }
    });
}

fn unknown_products(backend: Backend) {
    let fixture = Fixture::new(backend);
    each_parameter(|action, parameter| {
        let name = parameter.name;
        if !matches!(name, "ProductCode" | "ProductCodes") {
            return;
        }
        for code in ["Modelverse", "modelverse ", "starcards", "0", "modelverse,sandbox"] {
            let verdict = fixture.form(action, name, &pair(name, code));
            assert_eq!(verdict, unheard_of(parameter), "{} {code}", action.name);
        }
        for code in ["modelverse", "sandbox", "starcard"] {
            assert_eq!(fixture.form(action, name, &pair(name, code)), "0", "{} {code}", action.name);
        }
        if parameter.shape.is_list() {
            let one_of_them = pairs("ProductCodes.0=sandbox&ProductCodes.1=nonsense");
            assert_eq!(fixture.form(action, name, &one_of_them), unheard_of(parameter), "{}", action.name);
        }
    });
}

fn invalid_ranges(backend: Backend) {
    let fixture = Fixture::new(backend);
    let backward = "230 Params [EndTime] not available: must be greater than StartTime";
    let too_long = "230 Params [EndTime] not available: must be at most 366 days after StartTime";
    let longest = 366 * 86_400;
    for action in
        ACTIONS.iter().filter(|action| action.parameters.iter().any(|known| known.name == "EndTime"))
    {
        let bounded = action.name == "GetOrderAmount";
        let of_long = if bounded { too_long } else { "0" };
        for (start_s, end_s, verdict) in [
            (sample_orders::START_S, sample_orders::START_S, backward),
            (sample_orders::END_S, sample_orders::START_S, backward),
            (sample_orders::START_S, sample_orders::START_S - 1, backward),
            (0, 0, backward),
            (0, 1, "0"),
            (253_402_300_799, 253_402_300_799, backward),
            (253_402_300_798, 253_402_300_799, "0"),
            (sample_orders::START_S, sample_orders::START_S + longest, "0"),
            (sample_orders::START_S, sample_orders::START_S + longest + 1, of_long),
            (0, 253_402_300_799, of_long),
        ] {
            let range = pairs(&format!("StartTime={start_s}&EndTime={end_s}"));
            let mut sent = without(without(sample_orders::required(action), "StartTime"), "EndTime");
            sent.extend(range);
            let got = fixture.server.ask(&fixture.key, &encode(&sent)).verdict();
            assert_eq!(got, verdict, "{} {start_s} {end_s}", action.name);
        }
    }
}

fn invalid_pages(backend: Backend) {
    let fixture = Fixture::new(backend);
    let too_large = "230 Params [Page] not available: times PageSize is too large";
    for action in ACTIONS.iter().filter(|action| action.parameters.iter().any(|known| known.name == "Page")) {
        for (page, page_size, verdict) in [
            ("1", "10", "0"),
            ("1", "100", "0"),
            ("1", "9", "230 Params [PageSize] not available: must be between 10 and 100"),
            ("1", "101", "230 Params [PageSize] not available: must be between 10 and 100"),
            ("0", "10", "230 Params [Page] not available: must be at least 1"),
            ("92233720368547758", "100", "0"),
            ("92233720368547759", "100", too_large),
            ("922337203685477580", "10", "0"),
            ("922337203685477581", "10", too_large),
            ("9223372036854775807", "10", too_large),
        ] {
            let mut sent = without(without(sample_orders::required(action), "Page"), "PageSize");
            sent.extend(pairs(&format!("Page={page}&PageSize={page_size}")));
            let got = fixture.server.ask(&fixture.key, &encode(&sent)).verdict();
            assert_eq!(got, verdict, "{} {page} {page_size}", action.name);
        }
    }
}

/// Whether an action has a range and filters of orders.
fn lists_or_sums_orders(action: &Action) -> bool {
    action.parameters.iter().any(|parameter| parameter.name == "StartTime")
}

fn statuses_by_action(backend: Backend) {
    let fixture = Fixture::new(backend);
    for action in ACTIONS {
        let (allowed, reason): (&[&str], &str) = match action.name {
            _ if !lists_or_sums_orders(action) => continue,
            "GetOrderAmount" => (&[], "is not a parameter of this action"),
            "DownloadOrderSummary" => (&["1", "2", "3"], "must be 1, 2 or 3"),
            name if name.contains("Unpaid") => (&["1", "3"], "must be 1 or 3"),
            _ => (&["2", "3"], "must be 2 or 3"),
        };
        for status in ["1", "2", "3", "0", "4", "-1", "9223372036854775807"] {
            let refused = format!("230 Params [Statuses] not available: {reason}");
            let expected = if allowed.contains(&status) { "0" } else { &refused };
            assert_eq!(
                fixture.form(action, "Statuses", &pair("Statuses.0", status)),
                expected,
                "{}",
                action.name
            );
            // A list is refused if one of its values is refused.
            let both = pairs(&format!("Statuses.0=3&Statuses.1={status}"));
            assert_eq!(fixture.form(action, "Statuses", &both), expected, "{}", action.name);
        }
    }
}

on_each_backend!(
    blank_values,
    all_missing_parameters_are_named_in_order,
    invalid_integers_and_integers_out_of_bounds,
    integers_in_every_spelling,
    values_of_another_json_type,
    texts_with_special_characters,
    lists_and_values_that_are_too_long,
    unknown_products,
    invalid_ranges,
    invalid_pages,
    statuses_by_action,
);
