//! Typed access to parameters: every shape of a list, the notation of integers, and the exact refusals.

use proptest::prelude::*;
use tollbook_api::parameters::{MAX_LIST_VALUES, MAX_VALUE_BYTES, Parameters};
use tollbook_api::ret_code::Refusal;
use tollbook_api::wire::{Limits, Request, decode};

/// Decodes `sent` as JSON if it begins with a brace, otherwise as a form.
fn request(sent: &str) -> Request {
    let content_type =
        if sent.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
    decode("POST", None, Some(content_type), sent.as_bytes(), &Limits::default()).expect("a readable request")
}

/// A value or a refusal on one line.
fn answer<T: std::fmt::Debug>(result: Result<T, Refusal>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(refusal) => format!("{} {refusal}", refusal.code()),
    }
}

#[test]
fn lists_of_texts() {
    let not_texts = "230 Params [X] not available: must be strings";
    let table = [
        // sent, list X
        ("X.0=a&X.1=b", r#"["a", "b"]"#),
        ("X.1=a&X.2=b", r#"["a", "b"]"#),
        ("X.N=a&X.N=b", r#"["a", "b"]"#),
        ("X=a&X=b", r#"["a", "b"]"#),
        ("X=a", r#"["a"]"#),
        (r#"{"X":["a","b"]}"#, r#"["a", "b"]"#),
        (r#"{"X.0":"a","X.1":"b"}"#, r#"["a", "b"]"#),
        (r#"{"X":"a"}"#, r#"["a"]"#),
        // order
        ("X.10=c&X.2=b&X.1=a", r#"["a", "b", "c"]"#),
        ("X.7=b&X.3=a", r#"["a", "b"]"#),
        ("X.1=a&X.1=b&X.0=c", r#"["c", "a", "b"]"#),
        ("X.01=b&X.002=c&X.0=a", r#"["a", "b", "c"]"#),
        ("X.99999999999999999999999=b&X.18446744073709551616=a", r#"["a", "b"]"#),
        ("X.1=c&X=a&X.0=b&X.N=d", r#"["a", "b", "d", "c"]"#),
        (r#"{"X.1":"d","X":["a","b"],"X.0":"c"}"#, r#"["a", "b", "c", "d"]"#),
        (r#"{"X":["b"],"X":["a"]}"#, r#"["b", "a"]"#),
        // blank and repeated
        ("", "[]"),
        ("X=", "[]"),
        ("X", "[]"),
        ("X.0=&X.1=a&X.2=", r#"["a"]"#),
        (r#"{"X":null}"#, "[]"),
        (r#"{"X":[]}"#, "[]"),
        (r#"{"X":["",null,"a"]}"#, r#"["a"]"#),
        (r#"{"X.0":null,"X.1":"a"}"#, r#"["a"]"#),
        ("X=b&X=a&X=b&X.5=a", r#"["b", "a"]"#),
        // unchanged
        ("X=+a+", r#"[" a "]"#),
        (r#"X=["a","b"]"#, r#"["[\"a\",\"b\"]"]"#),
        ("X=a,b", r#"["a,b"]"#),
        ("X=a%0Ab", r#"["a\nb"]"#),
        (r#"{"X":[12,"12",1e3]}"#, r#"["12", "1e3"]"#),
        // other parameters
        ("x=a&X1=b&XX.0=c&X.foo=d&X.0.Y=e&X.=f&X.n=g&X.-1=h&X.+1=i&.0=j&X..0=k&X.0x=l", "[]"),
        ("X.%EF%BC%91=a", "[]"),
        (r#"{"X.foo":{"a":[true]}}"#, "[]"),
        // refused
        (r#"{"X":true}"#, not_texts),
        (r#"{"X":["a",false]}"#, not_texts),
        (r#"{"X":{"0":"a"}}"#, not_texts),
        (r#"{"X":[["a"]]}"#, not_texts),
        (r#"{"X":[{"a":"b"}]}"#, not_texts),
        (r#"{"X.0":["a"]}"#, not_texts),
        (r#"{"X.N":["a"]}"#, not_texts),
        (r#"{"X.0":{}}"#, not_texts),
    ];
    for (sent, expected) in table {
        assert_eq!(answer(Parameters::new(&request(sent)).texts("X")), expected, "{sent}");
    }
}

#[test]
fn lists_of_integers() {
    let not_integers = "230 Params [X] not available: must be 64-bit integers";
    let table = [
        // sent, list X
        ("X.0=102&X.1=301", "[102, 301]"),
        (r#"{"X":[102,"301"]}"#, "[102, 301]"),
        (r#"{"X.1":102,"X.0":"301"}"#, "[301, 102]"),
        (r#"{"X":42}"#, "[42]"),
        (r#"{"X":["42",42,"+42","042"]}"#, "[42]"),
        ("X=&X.3=5&X.1=", "[5]"),
        (r#"{"X":[null,"",7]}"#, "[7]"),
        ("X=9223372036854775807&X=-9223372036854775808", "[9223372036854775807, -9223372036854775808]"),
        ("X=1&X=a", not_integers),
        ("X=1,2", not_integers),
        ("X=1&X=9223372036854775808", not_integers),
        (r#"{"X":[1,2.0]}"#, not_integers),
        (r#"{"X":[true]}"#, not_integers),
        (r#"{"X":false}"#, not_integers),
        (r#"{"X":[[1]]}"#, not_integers),
        (r#"{"X":{"a":1}}"#, not_integers),
    ];
    for (sent, expected) in table {
        assert_eq!(answer(Parameters::new(&request(sent)).integers("X")), expected, "{sent}");
    }
}

#[test]
fn scalar_integers() {
    let not_integer = "230 Params [P] not available: must be a 64-bit integer";
    let different = "230 Params [P] not available: given more than once, with different values";
    let table = [
        // sent, scalar P
        ("P=42", "Some(42)"),
        ("P=%2B5", "Some(5)"),
        ("P=-5", "Some(-5)"),
        ("P=007", "Some(7)"),
        ("P=-0", "Some(0)"),
        ("P=9223372036854775807", "Some(9223372036854775807)"),
        ("P=-9223372036854775808", "Some(-9223372036854775808)"),
        (r#"{"P":42}"#, "Some(42)"),
        (r#"{"P":"42"}"#, "Some(42)"),
        (r#"{"P":-0}"#, "Some(0)"),
        ("Q=1", "None"),
        ("p=1&P.0=2&P.N=3", "None"),
        ("P=", "None"),
        (r#"{"P":null}"#, "None"),
        (r#"{"P":""}"#, "None"),
        ("P=9223372036854775808", not_integer),
        ("P=-9223372036854775809", not_integer),
        ("P=42.0", not_integer),
        ("P=4e1", not_integer),
        ("P=+42", not_integer), // In a form, a plus is a space.
        ("P=42%20", not_integer),
        ("P=%2B", not_integer),
        ("P=-", not_integer),
        ("P=--1", not_integer),
        ("P=0x10", not_integer),
        ("P=1_000", not_integer),
        ("P=%D9%A1", not_integer),
        ("P=true", not_integer),
        (r#"{"P":42.0}"#, not_integer),
        (r#"{"P":4e1}"#, not_integer),
        (r#"{"P":1e3}"#, not_integer),
        (r#"{"P":1E3}"#, not_integer),
        (r#"{"P":12345678901234567890}"#, not_integer),
        (r#"{"P":" 42"}"#, not_integer),
        (r#"{"P":true}"#, not_integer),
        (r#"{"P":[42]}"#, not_integer),
        (r#"{"P":[]}"#, not_integer),
        (r#"{"P":{}}"#, not_integer),
        ("P=1&P=1", "Some(1)"),
        ("P=1&Q=2&P=1&P=1", "Some(1)"),
        (r#"{"P":1,"P":"1"}"#, "Some(1)"),
        ("P=&P=", "None"),
        (r#"{"P":"","P":null}"#, "None"),
        ("P=1&P=2", different),
        ("P=1&P=1&P=2", different),
        ("P=1&P=", different),
        ("P=&P=1", different),
        ("P=1&P=01", different),
        (r#"{"P":1,"P":null}"#, different),
        (r#"{"P":1,"P":1.0}"#, different),
        (r#"{"P":1,"P":[1]}"#, not_integer),
        ("P=x&P=x", not_integer),
    ];
    for (sent, expected) in table {
        assert_eq!(answer(Parameters::new(&request(sent)).integer("P")), expected, "{sent}");
    }
}

#[test]
fn scalar_texts() {
    let not_text = "230 Params [P] not available: must be a string";
    let table = [
        // sent, scalar P
        ("P=a", r#"Some("a")"#),
        ("P=+", r#"Some(" ")"#),
        (r#"{"P":12345678901234567890}"#, r#"Some("12345678901234567890")"#),
        ("P.0=a", "None"),
        ("P=", "None"),
        (r#"{"P":null}"#, "None"),
        (r#"{"P":true}"#, not_text),
        (r#"{"P":["a"]}"#, not_text),
        (r#"{"P":{"a":"b"}}"#, not_text),
        ("P=a&Q=1&P=a", r#"Some("a")"#),
        ("P=a&Q=1&P=b", "230 Params [P] not available: given more than once, with different values"),
        ("P=a&P=A", "230 Params [P] not available: given more than once, with different values"),
    ];
    for (sent, expected) in table {
        let request = request(sent);
        let parameters = Parameters::new(&request);
        assert_eq!(answer(parameters.text("P")), expected, "{sent}");
        assert_eq!(answer(parameters.envelope("P")), expected, "{sent}");
    }
}

#[test]
fn required_scalars() {
    let table = [
        // sent, answer
        ("StartTime=1&EndTime=2&Page=3", "()"),
        (r#"{"StartTime":0,"EndTime":"0","Page":false}"#, "()"),
        ("", "220 Missing params [StartTime|EndTime|Page]"),
        ("Page=1", "220 Missing params [StartTime|EndTime]"),
        ("Page=&StartTime=&EndTime=2", "220 Missing params [StartTime|Page]"),
        (r#"{"Page":null,"EndTime":2,"StartTime":""}"#, "220 Missing params [StartTime|Page]"),
        ("startTime=1&StartTime.0=1&EndTime=2&Page=3", "220 Missing params [StartTime]"),
        ("StartTime=&StartTime=&EndTime=2&Page=3", "220 Missing params [StartTime]"),
        ("StartTime=&StartTime=1&EndTime=2&Page=3", "()"),
    ];
    for (sent, expected) in table {
        let request = request(sent);
        let result = Parameters::new(&request).required(&["StartTime", "EndTime", "Page"]);
        assert_eq!(answer(result), expected, "{sent}");
    }
}

#[test]
fn nul_is_refused_everywhere() {
    let table = [
        // sent, answer
        ("a=1&b=%01%1F", "()"),
        (r#"{"a":[null,true,1,"x",{"b":"c"}]}"#, "()"),
        ("Unknown=%00", "230 Params [Unknown] not available: must not contain NUL"),
        ("a=1&ResourceIds.3=a%00b", "230 Params [ResourceIds] not available: must not contain NUL"),
        ("ResourceIds.N=%00", "230 Params [ResourceIds] not available: must not contain NUL"),
        ("X.foo=%00", "230 Params [X.foo] not available: must not contain NUL"),
        (r#"{"X":["a","\u0000"]}"#, "230 Params [X] not available: must not contain NUL"),
        (r#"{"X":{"a":[{"b":"\u0000"}]}}"#, "230 Params [X] not available: must not contain NUL"),
        (r#"{"X":{"\u0000":1}}"#, "230 Params [X] not available: must not contain NUL"),
        ("a%0Ab=%00", "230 Params [ab] not available: must not contain NUL"),
    ];
    for (sent, expected) in table {
        assert_eq!(answer(Parameters::new(&request(sent)).check_nul()), expected, "{sent}");
    }
}

#[test]
fn long_lists() {
    let list = |values: &mut dyn Iterator<Item = usize>| {
        let pairs: Vec<_> = values.enumerate().map(|(index, value)| format!("X.{index}={value}")).collect();
        pairs.join("&")
    };
    let table = [
        // sent, length of the list
        (list(&mut (0..MAX_LIST_VALUES)), Ok(100)),
        (list(&mut (0..=MAX_LIST_VALUES)), Err(Refusal::too_large("X"))),
        (list(&mut (0..MAX_LIST_VALUES).cycle().take(500)), Ok(100)),
        (list(&mut (0..MAX_LIST_VALUES)) + &"&X=".repeat(50), Ok(100)),
        (format!(r#"{{"X":{:?}}}"#, (0..=MAX_LIST_VALUES).collect::<Vec<_>>()), Err(Refusal::too_large("X"))),
    ];
    for (sent, length) in table {
        let request = request(&sent);
        let parameters = Parameters::new(&request);
        assert_eq!(parameters.texts("X").map(|list| list.len()), length, "{sent}");
        assert_eq!(parameters.integers("X").map(|list| list.len()), length, "{sent}");
    }
}

#[test]
fn values_with_equal_indexes_keep_their_order_of_arrival() {
    // Long enough that an unstable sort changes the order.
    let pairs: Vec<_> = (0..90).map(|number| format!("X.{}={number}", number % 3)).collect();
    let expected: Vec<i64> = (0..3).flat_map(|index| (index..90).step_by(3)).collect();
    assert_eq!(Parameters::new(&request(&pairs.join("&"))).integers("X"), Ok(expected));
}

#[test]
fn long_values() {
    let large = Err(Refusal::too_large("X"));
    // The limit is in bytes, not characters.
    for longest in ["x".repeat(MAX_VALUE_BYTES), "é".repeat(MAX_VALUE_BYTES / 2)] {
        let (fits, too_long) = (request(&format!("X={longest}")), request(&format!("X={longest}y")));
        assert_eq!(Parameters::new(&fits).text("X"), Ok(Some(longest.clone())));
        assert_eq!(Parameters::new(&fits).texts("X"), Ok(vec![longest]));
        assert_eq!(Parameters::new(&too_long).text("X").map(drop), large);
        assert_eq!(Parameters::new(&too_long).texts("X").map(drop), large);
        assert_eq!(Parameters::new(&too_long).integer("X").map(drop), large);
        assert_eq!(Parameters::new(&too_long).integers("X").map(drop), large);
        assert!(Parameters::new(&too_long).envelope("X").is_ok());
    }
    let padded = request(&format!("X={:0>256}", 7));
    assert_eq!(Parameters::new(&padded).integer("X"), Ok(Some(7)));
}

proptest! {
    #[test]
    fn every_shape_is_the_same_list(values in proptest::collection::vec("[a-d]{0,2}", 0..20)) {
        let join = |shape: &dyn Fn(usize) -> String| {
            let pairs = values.iter().enumerate().map(|(index, value)| format!("{}={value}", shape(index)));
            pairs.collect::<Vec<_>>().join("&")
        };
        let members = values.iter().enumerate().map(|(index, value)| format!(r#""X.{index}":"{value}""#));
        let shapes = [
            join(&|index| format!("X.{index}")),
            join(&|index| format!("X.{}", index + 1)),
            join(&|index| format!("X.{}", index * 7 + 3)),
            join(&|_| "X.N".to_owned()),
            join(&|_| "X".to_owned()),
            format!(r#"{{"X":{values:?}}}"#),
            format!("{{{}}}", members.collect::<Vec<_>>().join(",")),
        ];
        let mut expected: Vec<String> = Vec::new();
        for value in &values {
            if !value.is_empty() && !expected.contains(value) {
                expected.push(value.clone());
            }
        }
        for shape in shapes {
            prop_assert_eq!(Parameters::new(&request(&shape)).texts("X"), Ok(expected.clone()), "{}", shape);
        }
    }
}
