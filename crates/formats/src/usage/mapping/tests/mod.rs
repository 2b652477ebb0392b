//! The syntax of mapping files, and the mappings that come with the program on hand-written records.

mod adapters;
mod counts;
mod published_shapes;

use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;
use tollbook_domain::usage::Usage;

use super::{Mapped, Mapping};

const TOP: &str = "[record]\nid = \"{id}\"\ncompany_id = \"1\"\norganization_id = \"1\"\nresource_id = \"k\"\nproduct_code = \"p\"\n\
    [time]\nseconds = \"0\"\n";

fn mapping(text: &str) -> Mapping {
    Mapping::parse(Path::new("m.toml"), text).unwrap_or_else(|error| panic!("{error}"))
}

/// The usage of a record; `None` if it is skipped.
fn apply(mapping: &Mapping, record: &str) -> Result<Option<Usage>, String> {
    let mut mapped = mapping.map_json(record, 7);
    assert_eq!(mapped.len(), 1, "{record}");
    match mapped.remove(0) {
        Mapped::Usage { usage, .. } => Ok(Some(*usage)),
        Mapped::Skipped(_) => Ok(None),
        Mapped::Refused(reason) => Err(reason),
    }
}

fn shown(usage: Result<Option<Usage>, String>) -> String {
    match usage {
        Err(reason) => reason,
        Ok(None) => "skipped".to_owned(),
        Ok(Some(usage)) => {
            let mut text = String::new();
            for (sku, quantity) in usage.quantities {
                let _ = write!(text, "{sku}={quantity} ");
            }
            text.trim_end().to_owned()
        }
    }
}

#[test]
fn quantities_are_calculated_exactly() {
    // expression | record | quantity q, or the error
    let table = r#"
        a | {"a":5} | q=5
        a | {"a":"5"} | q=5
        a | {"a":5.5} | q=6
        a | {"a":1.5e3} | q=1500
        a | {"a":0.49999999999999999999} | q=0
        a | {} | quantities: q: a: is missing
        a | {"a":null} | quantities: q: a: is missing
        a | {"a":""} | quantities: q: a: is missing
        a | {"a":[1]} | quantities: q: a: is not a number
        a | {"a":true} | quantities: q: a: is not a number
        a | {"a":"x"} | quantities: q: a: is not a number
        a? | {} |
        a? + b | {"b":1} |
        a ?? b | {"b":1} | q=1
        a ?? b | {} | quantities: q: b: is missing
        a ?? b? | {} |
        a ?? b ?? 3 | {} | q=3
        a - b ?? 0 | {"a":5} | q=5
        count(a[*]) - distinct(a[*]) | {"a":["x","y","x",1,"1",null,""]} | q=2
        sum(a[b.c='x'].n) | {"a":[{"b":{"c":"x"},"n":1},{"b":"x","n":2},{"b":{"c":"y"},"n":4},{"b":{"c":"x"},"n":8}]} | q=9
        if(a = 'x-*', 1, 2) | {"a":"x-1"} | q=1
        if(a = 'x-*', 1, 2) | {"a":"x"} | q=2
        (a - b) * 2 + 1 | {"a":5,"b":1} | q=9
        a - b * 2 | {"a":5,"b":1} | q=3
        a - b - 1 | {"a":5,"b":1} | q=3
        a - b | {"a":1,"b":2} | quantities: q: is less than 0
        a - b | {"a":1,"b":1.1} | quantities: q: is less than 0
        a * b | {"a":0.5,"b":3} | q=2
        a * 0.001 | {"a":500} | q=1
        a.b - c.`d.e`.f | {"a":{"b":5},"c":{"d.e":{"f":2}}} | q=3
        a.b | {"a":"{\"b\":4}"} | q=4
        a.b | {"a":{"b":1},"a":{"b":1}} | a: occurs twice
        a | {"a":99999999999999999999} | quantities: q: does not fit in 64 bits
        a * a * a | {"a":99999999999999999999} | quantities: q: a number has more digits than can be calculated with
        a | {"a":1 | not a JSON object: EOF while parsing an object (column 15)"#;
    let mut rows = 0;
    for row in table.lines().filter(|row| row.contains('|')) {
        let mut cells = row.split('|').map(str::trim);
        let (text, record, expected) = (cells.next().unwrap(), cells.next().unwrap(), cells.next().unwrap());
        let mapping = mapping(&format!("{TOP}[quantities]\nq = '''{text}'''"));
        let record = record.replacen('{', r#"{"id":"x","#, 1).replace(",}", "}");
        assert_eq!(shown(apply(&mapping, &record)), expected, "{row}");
        rows += 1;
    }
    assert_eq!(rows, 35);
}

#[test]
fn templates_give_texts() {
    // template | id, or the error
    let table = r"
        {a} | x
        {n}-{row} | 1.50-7
        {z|a} | x
        {z|'none'} | none
        {z|''} |
        {z|a='y'?'1'|n='1.50'?'2'} | 2
        {a='x'?'1'|'3'} | 1
        {z='x'?'1'|'3'} | 3
        {a='y'?'1'} | id: : is missing
        {{{a}}} | {x}
        {`row`} | in
        {z} | id: z: is missing
        {z|y} | id: z or y: is missing
        {o} | id: o: is neither a text nor a number";
    for row in table.lines().filter(|row| row.contains('|')) {
        let (text, expected) = row.rsplit_once('|').unwrap();
        let mapping = mapping(&format!("{}[quantities]\nq = '1'", TOP.replace("{id}", text.trim())));
        let got = apply(&mapping, r#"{"a":"x","n":1.50,"row":"in","o":{}}"#);
        let got = got.map_or_else(|reason| reason, |usage| usage.unwrap().id);
        assert_eq!(got, expected.trim(), "{row}");
    }
}

#[test]
fn times_are_read_in_many_forms() {
    // format | offset | text | seconds, or the error
    let table = r"
        auto     |        | 1780272000               | 1780272000
        auto     |        | 2026-06-01T00:00:00.5Z   | 1780272000
        rfc3339  |        | 2026-06-01 08:00:00+08:00 | 1780272000
        rfc3339  | +08:00 | 2026-06-01T08:00:00      | 1780272000
        rfc3339  | +08:00 | 2026-06-01T00:00:00Z     | 1780272000
        rfc3339  |        | 2026-06-01T08:00:00      | time: must be an RFC 3339 time such as 2026-06-01T00:00:00Z
        rfc3339  |        | 2026-06-01 08:00:00.5+08 | 1780272000
        rfc3339  | +08:00 | 2026-05-31 20:30:00.5-04 | 1780273800
        rfc3339  |        | 2026-06-01               | time: must be an RFC 3339 time such as 2026-06-01T00:00:00Z
        unix     |        | 1780272000.999           | 1780272000
        unix_ms  |        | 1780272000999            | 1780272000
        unix_us  |        | 1780272000999999         | 1780272000
        unix_ns  |        | 1780272000999999999      | 1780272000
        unix     |        | -0.5                     | -1
        unix     |        | soon                     | time: is not a number
        %Y-%m-%d %H:%M:%S%.f | +00:00 | 2026-06-01 00:00:00.6805900 | 1780272000
        %Y-%m-%d %H:%M:%S%.f | -03:30 | 2026-05-31 20:30:00 | 1780272000
        %d/%b/%Y:%H:%M:%S %z |    | 01/Jun/2026:08:00:00 +0800 | 1780272000
        %Y-%m-%d %H:%M:%S    |    | 2026-06-01 00:00:00 | time: states no offset from UTC, nor does the mapping
        %Y-%m-%d %H:%M:%S | Z | 2026-06-01     | time: is not written as %Y-%m-%d %H:%M:%S";
    for row in table.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let offset = if cells[1].is_empty() { String::new() } else { format!("offset = '{}'\n", cells[1]) };
        let time = format!("value = '{{t}}'\nformat = '{}'\n{offset}", cells[0]);
        let mapping = mapping(&format!("{}[quantities]\nq = '1'", TOP.replace("seconds = \"0\"\n", &time)));
        let got = apply(&mapping, &format!(r#"{{"id":"x","t":"{}"}}"#, cells[2]));
        let got = got.map_or_else(|reason| reason, |usage| usage.unwrap().time_s.to_string());
        assert_eq!(got, cells[3], "{row}");
    }
}

#[test]
fn records_are_skipped_checked_and_renamed() {
    let text = format!(
        "{}[quantities]\nq = 'a'\nr = 'b?'\n[check]\ntotal = 't?'\n[skip]\nwhen_empty = ['a']\n\
         [skip.when]\nhit = ['true', '1']\n[models]\nold = 'new'\n\
         [providers]\n'our azure' = 'azure'\nold = 'openai'\n",
        TOP.replace("[time]", "model_id = \"{model|''}\"\nprovider = \"{of|''}\"\n[time]"),
    );
    let mapping = mapping(&text);
    for (record, expected) in [
        (r#"{"id":"x","a":1}"#, "q=1"),
        (r#"{"id":"x"}"#, "skipped"),
        (r#"{"id":"x","a":null}"#, "skipped"),
        (r#"{"id":"x","a":1,"hit":true}"#, "skipped"),
        (r#"{"id":"x","a":1,"hit":"1"}"#, "skipped"),
        (r#"{"id":"x","a":1,"hit":false}"#, "q=1"),
        (r#"{"id":"x","a":1,"b":2,"t":3}"#, "q=1 r=2"),
        (r#"{"id":"x","a":1,"b":2,"t":4}"#, "quantities: add up to 3, but the record says 4"),
    ] {
        assert_eq!(shown(apply(&mapping, record)), expected, "{record}");
    }
    let model = |record| apply(&mapping, record).unwrap().unwrap().model_id;
    assert_eq!(model(r#"{"id":"x","a":1,"model":"old"}"#), "new");
    assert_eq!(model(r#"{"id":"x","a":1,"model":"older"}"#), "older");
    let provider = |record| apply(&mapping, record).unwrap().unwrap().provider;
    assert_eq!(provider(r#"{"id":"x","a":1,"of":"our azure","model":"old"}"#), "azure");
    assert_eq!(provider(r#"{"id":"x","a":1,"of":"our azure 2","model":"our azure"}"#), "our azure 2");
}

#[test]
fn an_error_names_file_line_and_key() {
    // text, a semicolon ends a line => message after the file name
    let table = r#"
        [recorded] => :1: recorded: is not a section; known are records, record, time, let, quantities, check, skip, counts, models, providers, values
        record = 1 => :1: record: must be a section
        [record;x = 1 => :1: unclosed table, expected `]`
        [record];model = "m" => :2: record.model: is not a field that a mapping states in [record]
        [record];time = "0" => :2: record.time: is not a field that a mapping states in [record]
        [record];id = 1 => :2: record.id: must be a text
        [record];id = "{a" => :2: record.id: a brace is not closed behind a column
        [record];id = "a}" => :2: record.id: a brace is closed that is not open; `}}` is the character
        [record];id = "{a='b'}" => :2: record.id: a condition is `column='text'?'text'`
        [record];id = "{a-b}" => :2: record.id: a brace is not closed behind a column
        [record];id = "{}" => :2: record.id: a name is expected, found `}`
        [record];id = "{`a}" => :2: record.id: a backtick is not closed
        [record];company_id = "x" => :2: record.company_id: must be an integer
        [time];value = "{t}";seconds = "t" => :1: time: must state either value, with format and offset where needed, or seconds alone
        [time];value = "{t}";format = "iso" => :3: time.format: must be auto, rfc3339, unix, unix_ms, unix_us, unix_ns or a strptime format with %
        [time];value = "{t}";offset = "8" => :3: time.offset: must be an offset such as +08:00
        [time];zone = "x" => :2: time.zone: is not a key; known are value, format, offset and seconds
        [quantities];a = "b +" => :2: quantities.a: ends where a number or a column is expected
        [quantities];a = "(b" => :2: quantities.a: a parenthesis is not closed
        [quantities];a = "b c" => :2: quantities.a: an operator is expected, found `c`
        [quantities];a = "b / c" => :2: quantities.a: an operator is expected, found `/`
        [quantities];a = "1.2.3" => :2: quantities.a: 1.2.3: is not a number
        [quantities];;a = "-b" => :3: quantities.a: a name is expected, found `-`
        [check];sum = "a" => :2: check.sum: is not a key; known are total and except
        [skip];when_empty = "a" => :2: skip.when_empty: must be a list of texts
        [skip];when_empty = ["a b"] => :2: skip.when_empty: is not the name of a column at ` b`
        [skip];if = ["a"] => :2: skip.if: is not a key; known are when_empty and when
        [quantities];a = "b" =>: time: is required
        [records];each = "a[0]" => :2: records.each: has only names and `[*]`
        [records];all = "a[*]" => :2: records.all: is not a key; known are each and missing
        [time];seconds = "0";[quantities];a = "^b" =>: records: must state the lists that a path with `^` leaves
        [quantities];a = "sum(b)" => :2: quantities.a: sum(), count() and distinct() are of the values of a list; b has one value
        [quantities];a = "same(b)" => :2: quantities.a: same() compares at least two reports of a count
        [quantities];a = "if(b, 1)" => :2: quantities.a: a comparison such as `=` or `<` is expected in if()
        [quantities];a = "if(b = 'x' 1)" => :2: quantities.a: a comma is expected behind the condition of if()
        [quantities];a = "if(b = 'x, 1)" => :2: quantities.a: a quote is not closed
        [let];b = "c +";[quantities];a = "b" => :4: quantities.a: b: ends where a number or a column is expected
        [let];b = "b + 1";[quantities];a = "b" => :4: quantities.a: b: b: is defined by itself
        [records];missing = "no" => :2: records.missing: must be refuse, skip or record
        [values];model = { a = "b" } => :2: values.model: is not a field that a mapping states in [record]
        [values];model_id = "b" => :2: values.model_id: must be new texts by text
        [counts];on = ["a"] => :2: counts.on: is not a key; known are in and ignored
        [counts];in = "a" => :2: counts.in: must be a list of texts
        [counts];in = ["a*b*"] => :2: counts.in: a name has more than one `*`
        [counts];ignored = { a = "" } => :2: counts.ignored.a: must state a reason
        [[skip]];name = "x" => :1: skip: must state a name and conditions
        [[skip]];when_empty = ["x"] => :1: skip: must state a name and conditions
        extends = "nothing" => :1: extends: is not the name of a built-in mapping
        extends = 1 => :1: extends: must be the name of a built-in mapping
        [time];seconds = "0" =>: quantities: must state at least one SKU"#;
    let mut rows = 0;
    for row in table.lines().filter(|row| row.contains("=>")) {
        let (text, expected) = row.trim().split_once("=>").unwrap();
        let error = Mapping::parse(Path::new("m.toml"), &text.trim().replace(';', "\n")).unwrap_err();
        assert_eq!(error.to_string(), format!("m.toml{}", expected.trim()), "{row}");
        rows += 1;
    }
    assert_eq!(rows, 50);
    let bad = "[time]\nvalue = '{t}'\nformat = '%!'";
    assert!(
        Mapping::parse(Path::new("m.toml"), bad)
            .unwrap_err()
            .to_string()
            .starts_with("m.toml:3: time.format: ")
    );
    for (opening, times, reason) in [
        ("(", 40, "is nested deeper than 32"),
        ("1 ?? ", 40, "is nested deeper than 32"),
        ("1 + ", 2_000, "is longer than 4096 bytes"),
    ] {
        let deep = format!("[quantities]\na = '{}1'", opening.repeat(times));
        assert_eq!(Mapping::parse(Path::new("m.toml"), &deep).unwrap_err().reason, reason);
    }
}

proptest! {
    #[test]
    fn no_change_of_a_mapping_or_a_record_causes_a_panic(
        at in 0usize..4_000, length in 0usize..8, with in "[ -~]{0,8}", which in 0..Mapping::built_in_names().count()
    ) {
        let name = Mapping::built_in_names().nth(which).unwrap();
        let changed = |text: &str| {
            let mut chars: Vec<char> = text.chars().collect();
            let at = at % chars.len();
            let end = (at + length).min(chars.len());
            chars.splice(at..end, with.chars());
            chars.into_iter().collect::<String>()
        };
        let _ = Mapping::parse(Path::new("m.toml"), &changed(Mapping::built_in_text(name).unwrap()));
        let record = r#"{"id":"c-1","created":1780272000,"time":0,"model":"gpt","end_time":"2026-06-01T00:00:00Z","attributes":{"gen_ai.usage.input_tokens":5},"metadata":"{\"usage_object\":{}}","usage":{"prompt_tokens":100,"input_tokens":3,"prompt_tokens_details":{"cached_tokens":64}}}"#;
        let mapping = Mapping::built_in(name).unwrap();
        let _ = apply(&mapping, &changed(record));
    }
}

#[test]
fn constants_take_the_place_of_fields() {
    let openai = || Mapping::built_in("openai").unwrap();
    assert_eq!(openai().missing(), ["company_id", "organization_id", "resource_id"]);
    let whole =
        openai().with_constants(&[("company_id", "1"), ("organization_id", "2"), ("resource_id", "{k}")]);
    assert_eq!(whole.unwrap().missing(), <[&str; 0]>::default());
    for (name, text, reason) in [
        ("company_id", "one", "company_id: must be an integer"),
        ("time", "1", "time: is not a field that a mapping states in [record]"),
        ("company", "1", "company: is not a field that a mapping states in [record]"),
    ] {
        assert_eq!(openai().with_constants(&[(name, text)]).unwrap_err(), reason);
    }
}

#[test]
fn every_file_of_adapters_is_a_built_in_mapping() {
    for name in Mapping::built_in_names() {
        let text = Mapping::built_in_text(name).unwrap();
        let mapping = Mapping::parse(Path::new(name), text).unwrap_or_else(|error| panic!("{error}"));
        assert!(text.contains("# Source: ") && text.contains("# Disjoint: "), "{name}");
        // Only the customer's side may be left to the command line.
        let left = ["company_id", "organization_id", "resource_id"];
        assert!(mapping.missing().iter().all(|field| left.contains(field)), "{name}");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/usage/adapters");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort_unstable();
    assert_eq!(Mapping::built_in_names().collect::<Vec<_>>(), files);
    assert!(files.len() >= 6);
    assert!(Mapping::built_in("nothing").is_none());
}
