//! Decoding of requests: which part is read, the decoded entries, and the refusals.

use proptest::prelude::*;
use tollbook_api::ret_code::Refusal;
use tollbook_api::wire::{Limits, ParameterValue, Request, decode};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

fn post(content_type: &str, body: impl AsRef<[u8]>) -> Result<Request, Refusal> {
    decode("POST", None, Some(content_type), body.as_ref(), &Limits::default())
}

/// A request on one line: `key=value` separated by commas, strings in quotes, containers in brackets.
fn shown(request: &Request) -> String {
    let entries = request.entries.iter().map(|entry| format!("{}={}", entry.key, shown_value(&entry.value)));
    entries.collect::<Vec<_>>().join(",")
}

fn shown_value(value: &ParameterValue) -> String {
    match value {
        ParameterValue::Null => "null".to_owned(),
        ParameterValue::Bool(truth) => truth.to_string(),
        ParameterValue::Number(token) => token.clone(),
        ParameterValue::String(text) => format!("{text:?}"),
        ParameterValue::Array(elements) => {
            format!("[{}]", elements.iter().map(shown_value).collect::<Vec<_>>().join(","))
        }
        ParameterValue::Object(members) => {
            let members = members.iter().map(|(key, value)| format!("{key}={}", shown_value(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
    }
}

fn answer(result: &Result<Request, Refusal>) -> String {
    match result {
        Ok(request) => shown(request),
        Err(refusal) => format!("{} {refusal}", refusal.code()),
    }
}

#[test]
fn only_the_body_of_a_post_is_read() {
    let json = Some(JSON);
    let table = [
        // method, query, content type, body, decoded
        ("GET", Some("a=1&b=2"), None, "", r#"a="1",b="2""#),
        ("GET", Some("a=1"), json, r#"{"b":2}"#, r#"a="1""#),
        ("GET", None, None, "", ""),
        ("HEAD", Some("a=1"), None, "", r#"a="1""#),
        ("POST", Some("a=1"), json, "", r#"a="1""#),
        ("POST", None, None, "", ""),
        ("POST", Some("Action=X"), Some(FORM), "Action=Y", r#"Action="Y""#),
        ("POST", Some("Action=X"), json, r#"{"Action":"Y"}"#, r#"Action="Y""#),
        ("POST", None, None, "a=1", r#"a="1""#),
        ("POST", None, Some(""), "a=1", r#"a="1""#),
        ("POST", None, Some("text/plain"), r#"{"a":1}"#, r#"{"a":1}="""#),
        ("POST", None, Some("application/jsonp"), "a=1", r#"a="1""#),
        ("POST", None, Some("Application/JSON; charset=UTF-8"), r#"{"a":1}"#, "a=1"),
        ("POST", None, Some(" application/json ;charset=gbk;x"), r#"{"a":1}"#, "a=1"),
    ];
    for (method, query, content_type, body, decoded) in table {
        let result = decode(method, query, content_type, body.as_bytes(), &Limits::default());
        assert_eq!(answer(&result), decoded, "{method} {query:?} {content_type:?} {body}");
    }
}

#[test]
fn forms() {
    let table: [(&[u8], &str); 18] = [
        // form, decoded
        (b"b=2&a=1&b=1", r#"b="2",a="1",b="1""#),
        (b"a=x+y%20z%2B", r#"a="x y z+""#),
        (b"a+b=1&a%2Bb=2", r#"a b="1",a+b="2""#),
        (b"k=%E4%B8%AD%e6%96%87", r#"k="中文""#),
        ("k=中文 😀".as_bytes(), r#"k="中文 😀""#),
        (b"a=1=2", r#"a="1=2""#),
        (b"Empty=&Bare", r#"Empty="",Bare="""#),
        (b"=v", r#"="v""#),
        (b"=", r#"="""#),
        (b"&&a=1&&", r#"a="1""#),
        (b"a=100%", r#"a="100%""#),
        (b"a=%zz%4", r#"a="%zz%4""#),
        (b"a=%252F", r#"a="%2F""#),
        (br#"a=["x","y"]"#, r#"a="[\"x\",\"y\"]""#),
        (b"a=%00", r#"a="\0""#),
        (b"a=1&b=%FF", "230 Params [Body] not available: parameter 2 is not valid UTF-8"),
        (b"a=1&%C3=2", "230 Params [Body] not available: parameter 2 is not valid UTF-8"),
        (b"a=\xed\xa0\x80", "230 Params [Body] not available: parameter 1 is not valid UTF-8"),
    ];
    for (form, decoded) in table {
        let sent = String::from_utf8_lossy(form);
        assert_eq!(answer(&post(FORM, form)), decoded, "{sent}");
        if let Ok(query) = std::str::from_utf8(form) {
            let result = decode("GET", Some(query), None, b"", &Limits::default());
            assert_eq!(answer(&result), decoded, "as a query: {sent}");
        }
    }
}

#[test]
fn json() {
    let table = [
        // body, decoded
        ("{}", ""),
        (" \t\r\n{ } \n", ""),
        (r#"{"b":"2","a":null,"b":1}"#, r#"b="2",a=null,b=1"#),
        (r#"{ "a" : [ true , false,{"x":1,"x":2},[] ] }"#, "a=[true,false,{x=1,x=2},[]]"),
        (r#"{"a":12345678901234567890123,"b":-0,"c":1E5}"#, "a=12345678901234567890123,b=-0,c=1E5"),
        (r#"{"a":1e21,"b":1e+21,"c":1.50,"d":0e-0}"#, "a=1e21,b=1e+21,c=1.50,d=0e-0"),
        (r#"{"a":{"$serde_json::private::Number":"1"}}"#, r#"a={$serde_json::private::Number="1"}"#),
        (r#"{"a":"\u4e2d\ud83d\ude00\u003c\"\\\/\b\f\n\r\t"}"#, r#"a="中😀<\"\\/\u{8}\u{c}\n\r\t""#),
        (r#"{"\u0061":"\u0000"}"#, r#"a="\0""#),
        (r#"{"":""}"#, r#"="""#),
        ("{\"a\":\"\u{7f}\"}", r#"a="\u{7f}""#),
    ];
    for (body, decoded) in table {
        assert_eq!(answer(&post(JSON, body)), decoded, "{body}");
    }
}

#[test]
fn invalid_json_is_refused() {
    let table: [(&[u8], &str); 45] = [
        // body, reason
        (b"[]", "must be a JSON object"),
        (b"1", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b"\"a\"", "must be a JSON object"),
        (b" ", "must be a JSON object"),
        (b"a=1", "must be a JSON object"),
        (b"\xef\xbb\xbf{}", "must be a JSON object"),
        (b"{", "expected a name in quotes at byte 1"),
        (b"{,}", "expected a name in quotes at byte 1"),
        (b"{a:1}", "expected a name in quotes at byte 1"),
        (b"{'a':1}", "expected a name in quotes at byte 1"),
        (b"{\"a\"", "expected a colon at byte 4"),
        (b"{\"a\" 1}", "expected a colon at byte 5"),
        (b"{\"a\":", "expected a value at byte 5"),
        (b"{\"a\":}", "expected a value at byte 5"),
        (b"{\"a\":+1}", "expected a value at byte 5"),
        (b"{\"a\":.5}", "expected a value at byte 5"),
        (b"{\"a\":NaN}", "expected a value at byte 5"),
        (b"{\"a\":True}", "expected a value at byte 5"),
        (b"{\"a\":nul}", "expected a value at byte 5"),
        (b"{\"a\":truer}", "expected a comma or the end of the object at byte 9"),
        (b"{\"a\":01}", "expected a comma or the end of the object at byte 6"),
        (b"{\"a\":1 \"b\":2}", "expected a comma or the end of the object at byte 7"),
        (b"{\"a\":1,}", "expected a name in quotes at byte 7"),
        (b"{\"a\":1", "expected a comma or the end of the object at byte 6"),
        (b"{\"a\":[1,]}", "expected a value at byte 8"),
        (b"{\"a\":[1}", "expected a comma or the end of the array at byte 7"),
        (b"{\"a\":-}", "expected a digit at byte 6"),
        (b"{\"a\":1.}", "expected a digit at byte 7"),
        (b"{\"a\":1e}", "expected a digit at byte 7"),
        (b"{\"a\":1e+}", "expected a digit at byte 8"),
        (b"{}x", "unexpected text after the object at byte 2"),
        (b"{} {}", "unexpected text after the object at byte 3"),
        (b"{}\0", "unexpected text after the object at byte 2"),
        (b"{\"a", "string without an end at byte 3"),
        (b"{\"a\n\":1}", "control character in a string at byte 3"),
        (b"{\"a\0\":1}", "control character in a string at byte 3"),
        (b"{\"a\":\"\\x\"}", "unknown escape at byte 6"),
        (b"{\"a\":\"\\u12g4\"}", "unknown escape at byte 6"),
        (b"{\"a\":\"\\u+123\"}", "unknown escape at byte 6"),
        (b"{\"a\":\"\\ud83d\"}", "lone surrogate at byte 6"),
        (b"{\"a\":\"\\ude00\\ud83d\"}", "lone surrogate at byte 6"),
        (b"{\"a\":\"\\ud83d\\u0041\"}", "lone surrogate at byte 6"),
        (b"{\"a\":\"\\ud83dx\"}", "lone surrogate at byte 6"),
        (b"{\"a\":\"\xff\"}", "not valid UTF-8 at byte 6"),
    ];
    for (body, reason) in table {
        let expected = format!("230 Params [Body] not available: {reason}");
        assert_eq!(answer(&post(JSON, body)), expected, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn limits() {
    let limits = Limits { body_bytes: 24, parameters: 3, json_depth: 3 };
    let large = "240 Params [Body] too large";
    let table = [
        // content type, body, decoded
        (FORM, "a=1&b=2&c=3", r#"a="1",b="2",c="3""#),
        (FORM, "a=1&b=2&c=3&&", r#"a="1",b="2",c="3""#),
        (FORM, "a=1&b=2&c=3&d", large),
        (FORM, "a=1234567890123456789012", r#"a="1234567890123456789012""#),
        (FORM, "a=12345678901234567890123", large),
        (JSON, r#"{"a":1,"b":2,"c":3}"#, "a=1,b=2,c=3"),
        (JSON, r#"{"a":1,"b":2,"c":3,"d"}"#, large),
        (JSON, r#"{"a":[1,2]}"#, "a=[1,2]"),
        (JSON, r#"{"a":[1,2,3]}"#, large),
        (JSON, r#"{"a":[1,2],"b":3}"#, large),
        (JSON, r#"{"a":{"b":1,"c":2}}"#, "a={b=1,c=2}"),
        (JSON, r#"{"a":{"b":1,"c":{}}}"#, "a={b=1,c={}}"),
        (JSON, r#"{"a":[[1]]}"#, "a=[[1]]"),
        (JSON, r#"{"a":[[[]]]}"#, "230 Params [Body] not available: nested too deeply at byte 7"),
        (JSON, r#"{"a":[],"b":[],"c":[]}"#, "a=[],b=[],c=[]"),
        (JSON, "{                      }", ""),
        (JSON, "{                       }", large),
    ];
    for (content_type, body, decoded) in table {
        let result = decode("POST", None, Some(content_type), body.as_bytes(), &limits);
        assert_eq!(answer(&result), decoded, "{body}");
    }
    let long_query = format!("a={}", "x".repeat(23));
    assert_eq!(answer(&decode("GET", Some(&long_query), None, b"", &limits)), large);
}

#[test]
fn default_limits() {
    let parameters = |count| vec!["a=1"; count].join("&");
    assert!(post(FORM, parameters(2_000)).is_ok());
    assert_eq!(post(FORM, parameters(2_001)), Err(Refusal::too_large("Body")));
    let elements = |count| format!(r#"{{"a":[{}]}}"#, vec!["1"; count].join(","));
    assert!(post(JSON, elements(1_999)).is_ok());
    assert_eq!(post(JSON, elements(2_000)), Err(Refusal::too_large("Body")));
    assert!(post(FORM, "x".repeat(1024 * 1024)).is_ok());
    assert_eq!(post(FORM, "x".repeat(1024 * 1024 + 1)), Err(Refusal::too_large("Body")));
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let hopeful = Limits { json_depth: usize::MAX, parameters: usize::MAX, ..Limits::default() };
    for opening in ["[", r#"{"a":"#, r#"[{"a":"#] {
        let body = format!(r#"{{"a":{}"#, opening.repeat(100_000));
        for limits in [Limits::default(), hopeful] {
            let result = decode("POST", None, Some(JSON), body.as_bytes(), &limits);
            assert!(answer(&result).contains("[Body] not available: nested too deeply at byte"), "{opening}");
        }
    }
    let depth = Limits::MAX_JSON_DEPTH - 1;
    let deepest = format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert!(decode("POST", None, Some(JSON), deepest.as_bytes(), &hopeful).is_ok());
}

/// A JSON object. In half of the cases one character is replaced or removed, which usually makes it invalid.
fn near_json() -> impl Strategy<Value = String> {
    let string = prop_oneof![
        "\"[a-c中😀 ]{0,4}\"",
        "\"(\\\\[\"\\\\/bfnrt]){1,2}\"",
        "\"\\\\u[0-9a-c][0-9a-fA-F]{3}\"",
        "\"\\\\ud[89a-f]00\\\\ud[89c-f]00\"",
    ];
    let leaf = prop_oneof![
        string.clone(),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
        "true|false|null",
    ];
    let space = "[ \t\r\n]{0,2}";
    let value = leaf.prop_recursive(4, 24, 4, move |inner| {
        let element = (space, inner, space).prop_map(|(before, value, after)| before + &value + &after);
        let member = (string.clone(), element.clone()).prop_map(|(name, value)| name + ":" + &value);
        prop_oneof![
            proptest::collection::vec(element, 0..4).prop_map(|elements| format!("[{}]", elements.join(","))),
            proptest::collection::vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    });
    let edit = proptest::option::of((any::<prop::sample::Index>(), "|[-+.,:\\[\\]{}\"\\\\eEu0-9d\n ]"));
    (value, edit).prop_map(|(value, edit)| {
        let mut text: Vec<String> = format!("{{\"k\":{value}}}").chars().map(String::from).collect();
        if let Some((place, replacement)) = edit {
            let place = place.index(text.len());
            text[place] = replacement;
        }
        text.concat()
    })
}

fn to_serde(value: &ParameterValue) -> serde_json::Value {
    match value {
        ParameterValue::Null => serde_json::Value::Null,
        ParameterValue::Bool(truth) => serde_json::Value::Bool(*truth),
        ParameterValue::Number(token) => serde_json::from_str(token).expect("a JSON number"),
        ParameterValue::String(text) => serde_json::Value::String(text.clone()),
        ParameterValue::Array(elements) => elements.iter().map(to_serde).collect(),
        ParameterValue::Object(members) => {
            members.iter().map(|(key, value)| (key.clone(), to_serde(value))).collect()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn decode_does_not_panic(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        content_type in proptest::option::of(prop_oneof![Just(FORM.to_owned()), Just(JSON.to_owned()), ".*"]),
    ) {
        let query = String::from_utf8_lossy(&body);
        for method in ["GET", "POST"] {
            let _ = decode(method, Some(&query), content_type.as_deref(), &body, &Limits::default());
        }
    }

    #[test]
    fn json_is_read_as_serde_json_reads_it(text in near_json()) {
        let theirs = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text);
        let ours = post(JSON, &text);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            // If a name is repeated, both serde_json and `collect` keep the last value.
            let ours: serde_json::Map<_, _> =
                ours.entries.iter().map(|entry| (entry.key.clone(), to_serde(&entry.value))).collect();
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn forms_are_read_as_form_urlencoded_writes_them(pairs in proptest::collection::vec((".*", ".*"), 0..20)) {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let request = post(FORM, &form).expect("a form");
        let read: Vec<_> = request.entries.into_iter().map(|entry| (entry.key, entry.value)).collect();
        let sent: Vec<_> = pairs.into_iter().map(|(key, value)| (key, ParameterValue::String(value))).collect();
        prop_assert_eq!(read, sent);
    }
}
