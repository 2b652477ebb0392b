//! Signatures captured from published clients, forged signatures, and the dialects of the SDKs.

use proptest::prelude::*;
use serde_json::Value as Json;
use tollbook_api::signature::{Dialect, sign, string_to_sign, verify};
use tollbook_api::wire::{Limits, ParameterValue, Request, decode};

const FORM: &str = "application/x-www-form-urlencoded";

fn vectors(group: &str) -> Vec<Json> {
    let file: Json =
        serde_json::from_str(include_str!("vectors/signature_vectors.json")).expect("the vectors");
    file[group].as_array().expect("a list of vectors").clone()
}

fn text<'v>(vector: &'v Json, name: &str) -> &'v str {
    vector[name].as_str().expect(name)
}

fn request_of(vector: &Json) -> Request {
    let wire = &vector["wire"];
    let query = text(wire, "target").split_once('?').map(|(_, query)| query);
    let content_type = Some(text(wire, "content_type")).filter(|content_type| !content_type.is_empty());
    let body = text(wire, "body").as_bytes();
    decode(text(wire, "method"), query, content_type, body, &Limits::default()).expect("a readable request")
}

fn signature_of(request: &Request) -> &str {
    let signature = request.entries.iter().find(|entry| entry.key == "Signature").expect("a signature");
    let ParameterValue::String(signature) = &signature.value else { panic!("a signature is a string") };
    signature
}

fn json(body: &str) -> Request {
    decode("POST", None, Some("application/json"), body.as_bytes(), &Limits::default()).expect("a JSON body")
}

fn form(pairs: &[(String, String)]) -> Request {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    decode("POST", None, Some(FORM), body.as_bytes(), &Limits::default()).expect("a form")
}

/// The rows of docs/CLIENTS.md, "Lists, booleans and numbers": a body, what is signed of it, and the signature.
#[test]
fn the_documented_values_are_signed_as_documented() {
    let page = include_str!("../../../../docs/CLIENTS.md");
    let section = page.split_once("## Lists, booleans and numbers").expect("the section").1;
    let private_key = "46f09bb9fab4f12dfc160dae12273d5332b5debe";
    assert!(section.contains(private_key));
    let mut rows = 0;
    for row in
        section.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| `"))
    {
        let cells: Vec<&str> =
            row.trim_matches('|').split(" | ").map(|cell| cell.trim_matches([' ', '`'])).collect();
        let [body, signed, signature] = cells[..] else { panic!("a row has three cells: {row}") };
        let request = json(body);
        assert_eq!(string_to_sign(&request, Dialect::Documented), signed);
        assert!(verify(&request, private_key, signature), "{row}");
        rows += 1;
    }
    assert_eq!(rows, 9);
}

#[test]
fn every_published_vector_verifies() {
    let vectors = vectors("vectors");
    assert_eq!(vectors.len(), 15, "the number of vectors has changed");
    for vector in &vectors {
        let id = text(vector, "id");
        let private_key = text(vector, "private_key");
        let request = request_of(vector);
        assert_eq!(text(vector, "needs"), "default", "{id}");
        let signed = string_to_sign(&request, Dialect::Documented) + private_key;
        assert_eq!(signed, text(vector, "string_to_sign"), "{id}");
        assert_eq!(signature_of(&request), text(vector, "sha1"), "{id}");
        assert!(verify(&request, private_key, signature_of(&request)), "{id}");
        assert!(!verify(&request, "another key", signature_of(&request)), "{id}");
    }
}

#[test]
fn every_forged_vector_is_refused() {
    let vectors = vectors("negative");
    assert_eq!(vectors.len(), 3, "the number of vectors has changed");
    for vector in &vectors {
        let request = request_of(vector);
        assert!(!verify(&request, text(vector, "private_key"), signature_of(&request)), "{}", vector["id"]);
    }
}

#[test]
fn only_the_exact_text_of_the_signature_is_accepted() {
    let request = request_of(&vectors("vectors")[0]);
    let private_key = "46f09bb9fab4f12dfc160dae12273d5332b5debe";
    let right = "cba5cf5ec4d4233d206b1b54951e3787350a642f";
    let table = [
        // sent, accepted
        (right.to_owned(), true),
        (right.to_uppercase(), false),
        (right[..39].to_owned(), false),
        (format!("{right}0"), false),
        (format!(" {right}"), false),
        (format!("{right}\n"), false),
        (right.replace('c', "с"), false),
        (String::new(), false),
    ];
    for (sent, accepted) in table {
        assert_eq!(verify(&request, private_key, &sent), accepted, "{sent:?}");
    }
}

#[test]
fn canonical_texts() {
    let table = [
        // body, documented text
        (r#"{"b":"2","a":"1","B":"3","_":"4"}"#, "B3_4a1b2"),
        (r#"{"a":"2","b":"x","a":"1"}"#, "a2a1bx"),
        (r#"{"Signature":"s","a":"1","Signature":"t"}"#, "a1"),
        (
            r#"{"Signature.0":"s","signature":"t","Sub":{"Signature":"u"}}"#,
            "Signature.0sSubSignatureusignaturet",
        ),
        (r#"{"a":null,"b":"","c":[],"d":{}}"#, "abcd"),
        (r#"{"a":[null,"x",["y",{"q":1,"p":2}],true]}"#, "axyp2q1true"),
        (r#"{"O.2":1,"O.10":2,"O.1":3,"O":4}"#, "O4O.13O.102O.21"),
        ("{}", ""),
    ];
    for (body, expected) in table {
        assert_eq!(string_to_sign(&json(body), Dialect::Documented), expected, "{body}");
    }
}

#[test]
fn repeated_parameters_are_signed_in_order_of_arrival() {
    // Long enough that an unstable sort changes the order.
    let pairs: Vec<_> =
        (0..90).map(|number| (["c", "a", "b"][number % 3].to_owned(), format!("{number} "))).collect();
    let by_name = [("a", 1), ("b", 2), ("c", 0)];
    let numbered =
        by_name.map(|(name, first)| (first..90).step_by(3).map(move |number| format!("{name}{number} ")));
    let expected: Vec<String> = numbered.into_iter().flatten().collect();
    for dialect in Dialect::ALL {
        assert_eq!(string_to_sign(&form(&pairs), dialect), expected.concat());
    }
    assert!(verify(&form(&pairs), "key", &sign(&pairs, "key")));
}

#[test]
fn numbers_in_every_dialect() {
    // The JavaScript dialect signs every number as it was sent.
    let table = [
        // sent, documented, java
        ("42", "42", "42"),
        ("-0", "-0", "-0"),
        ("12345678901234567890123", "12345678901234567890123", "12345678901234567890123"),
        ("42.0", "42", "42"),
        ("42.50", "42.5", "42.5"),
        ("0.5", "0.5", ".5"),
        ("-0.25", "-0.25", "-.25"),
        ("0.0", "0", "0"),
        ("0e5", "0", "0"),
        ("-0.0", "-0", "-0"),
        ("1e-7", "0.0000001", ".0000001"),
        ("1E-07", "0.0000001", ".0000001"),
        ("12.5e-1", "1.25", "1.25"),
        ("100e-2", "1", "1"),
        ("1e21", "1000000000000000000000", "1000000000000000000000"),
        ("1E+2", "100", "100"),
        ("1.25e1", "12.5", "12.5"),
        ("1.25e5", "125000", "125000"),
        ("0.05e1", "0.5", ".5"),
        ("0.30000000000000004", "0.30000000000000004", ".30000000000000004"),
        ("1e401", "1e401", "1e401"),
        ("1e-999999999999999999999", "1e-999999999999999999999", "1e-999999999999999999999"),
    ];
    for (sent, documented, java) in table {
        let request = json(&format!(r#"{{"n":{sent}}}"#));
        let shown = Dialect::ALL.map(|dialect| string_to_sign(&request, dialect));
        assert_eq!(shown, [documented, sent, java, documented].map(|text| format!("n{text}")), "{sent}");
    }
    let longest = string_to_sign(&json(r#"{"n":1e400}"#), Dialect::Documented);
    assert_eq!(longest.len(), "n1".len() + 400);
}

#[test]
fn the_dialects_differ_only_in_floats_booleans_and_rare_characters() {
    // U+10000 sorts after U+FFFD by UTF-8 bytes, but before it by UTF-16 code units.
    let body = "{\"\u{10000}\":true,\"\u{fffd}\":false,\"f\":0.5,\"g\":1e-7,\"s\":\"0.5\"}";
    let shown = Dialect::ALL.map(|dialect| string_to_sign(&json(body), dialect));
    let expected = [
        "f0.5g0.0000001s0.5\u{fffd}false\u{10000}true",
        "f0.5g1e-7s0.5\u{10000}true\u{fffd}false",
        "f.5g.0000001s0.5\u{10000}true\u{fffd}false",
        "f0.5g0.0000001s0.5\u{fffd}\u{10000}1",
    ];
    assert_eq!(shown, expected);
    for text in expected {
        let signature = sign(&[(text.to_owned(), String::new())], "key");
        assert!(verify(&json(body), "key", &signature), "{text}");
    }
    let mixed = "f.5g1e-7s0.5\u{10000}1\u{fffd}";
    assert!(
        !verify(&json(body), "key", &sign(&[(mixed.to_owned(), String::new())], "key")),
        "no SDK signs a mixture of dialects"
    );
}

#[test]
fn a_client_signs_the_documented_text() {
    let pairs = [
        ("Region", "cn-bj2"),
        ("Signature", "an earlier one"),
        ("Limit", "10"),
        ("PublicKey", "ucloudsomeone@example.com1296235120854146120"),
        ("Action", "DescribeUHostInstance"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()));
    let signature = sign(&pairs, "46f09bb9fab4f12dfc160dae12273d5332b5debe");
    assert_eq!(signature, "cba5cf5ec4d4233d206b1b54951e3787350a642f");
}

proptest! {
    #[test]
    fn the_server_verifies_the_signatures_of_a_client(
        mut pairs in proptest::collection::vec(("[A-Za-z.0-9]{0,6}|.{0,4}", ".{0,12}"), 1..12),
        private_key in "[0-9a-f]{8,40}",
        changed in any::<prop::sample::Index>(),
    ) {
        pairs.retain(|(key, _)| key != "Signature");
        let signature = sign(&pairs, &private_key);
        prop_assert!(verify(&form(&pairs), &private_key, &signature));

        pairs.push(("Signature".to_owned(), signature.clone()));
        prop_assert!(verify(&form(&pairs), &private_key, &signature));
        prop_assert_eq!(sign(&pairs, &private_key), signature.clone());
        pairs.pop();

        if !pairs.is_empty() {
            let changed = changed.index(pairs.len());
            pairs[changed].1.push('~');
            // The signed text has no delimiters, so the added character always changes it.
            prop_assert!(!verify(&form(&pairs), &private_key, &signature));
        }
    }
}
