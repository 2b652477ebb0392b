//! Counts that a mapping accounts for or not, lists, and records in records.

use super::*;
use crate::usage::UnknownCounts;

const COUNTS: &str = "[quantities]\ninput = 'usage.prompt - (usage.details.cached ?? 0)'\ncached = 'usage.details.cached?'\n\
    audio = \"sum(usage.by[kind='AUDIO'].n)\"\n\
    [counts]\nin = ['usage', '*_tokens']\n[counts.ignored]\n'usage.total' = 'the sum'\n\"usage.by[kind='TEXT'].n\" = 'the rest'\n\
    'usage.cost' = 'money'\n";

#[test]
fn a_count_without_a_rule_is_refused_and_named() {
    // members of usage, or of the record behind a semicolon | quantities, or the error
    let table = r#"
        "prompt":5 | cached= input=5
        "prompt":5,"details":{"cached":2} | cached=2 input=3
        "prompt":5,"total":9,"cost":{"all":0.5,"parts":[1,2]} | input=5
        "prompt":5,"total":"many","tier":"standard","is_x":true,"none":null,"zero":0,"zeros":[0,{"a":0.0}] | input=5
        "prompt":5,"odd":7 | usage.odd: is 7, and the mapping does not account for it
        "prompt":5,"odd":"7" | usage.odd: is 7, and the mapping does not account for it
        "prompt":5,"odd":1e400 | usage.odd: is 1e400, and the mapping does not account for it
        "prompt":5,"details":{"odd":{"deep":3}} | usage.details.odd.deep: is 3, and the mapping does not account for it
        "prompt":5,"list":[0,{"n":4}] | usage.list[*].n: is 4, and the mapping does not account for it
        "prompt":5,"by":[{"kind":"AUDIO","n":2},{"kind":"TEXT","n":3},{"kind":"AUDIO","n":1}] | audio=3 input=5
        "prompt":5,"by":[{"kind":"VIDEO","n":2}] | usage.by[kind='VIDEO'].n: is 2, and the mapping does not account for it
        "prompt":5,"by":[{"n":2}] | usage.by[*].n: is 2, and the mapping does not account for it
        "prompt":5,"by":[{"kind":"VIDEO","n":0},{"kind":"AUDIO"}] | input=5
        "prompt":-5 | usage.prompt: is less than 0
        "prompt":5,"odd":-0.5 | usage.odd: is less than 0
        "prompt":5,"odd":-0 | input=5
        "prompt":5,"odd":"-" | input=5
        "prompt":"NaN" | quantities: input: usage.prompt: is not a number
        "prompt":NaN | not a JSON object: expected value (column 29)
        "prompt":5.5 | input=6
        "prompt":99999999999999999999 | quantities: input: does not fit in 64 bits
        "prompt":5};"other_tokens":{"x":8 | other_tokens.x: is 8, and the mapping does not account for it
        "prompt":5};"other_tokens":8,"z":{ | other_tokens: is 8, and the mapping does not account for it
        "prompt":5};"tokens_other":8,"z":{ | input=5"#;
    let mapping = mapping(&format!("{TOP}{COUNTS}"));
    let mut rows = 0;
    for row in table.lines().filter(|row| row.contains('|')) {
        let (members, expected) = row.trim().split_once(" | ").unwrap();
        let record = format!(r#"{{"id":"x","usage":{{{}}}}}"#, members.replace(';', ","));
        let expected = expected.trim().trim_start_matches("cached= ");
        assert_eq!(shown(apply(&mapping, &record)), expected, "{row}");
        rows += 1;
    }
    assert_eq!(rows, 24);
    let deep = format!(r#"{{"usage":{{"prompt":1,"odd":{}1{}}}}}"#, r#"{"a":"#.repeat(40), "}".repeat(40));
    assert!(apply(&mapping, &deep).unwrap_err().ends_with("a.a.a: is nested deeper than 32"));
}

#[test]
fn unknown_counts_can_be_reported_instead() {
    let mapping = mapping(&format!("{TOP}{COUNTS}")).with_unknown_counts(UnknownCounts::Warn);
    let record = r#"{"id":"x","usage":{"prompt":5,"odd":7,"list":[{"n":1},{"n":2}],"neg":0}}"#;
    let Mapped::Usage { usage, unknown_counts } = mapping.map_json(record, 1).remove(0) else { panic!() };
    assert_eq!(usage.quantities, [("input".to_owned(), 5)]);
    assert_eq!(unknown_counts, ["usage.odd", "usage.list[*].n"]);
    assert_eq!(apply(&mapping, &record.replace(":0", ":-1")).unwrap_err(), "usage.neg: is less than 0");
}

#[test]
fn two_reports_of_a_count_agree_or_one_is_zero() {
    // expression | record | quantity q, or the error
    let table = r#"
        same(a, b) | {"a":5,"b":5} | q=5
        same(a, b) | {"a":0,"b":5} | q=5
        same(a, b) | {"a":5,"b":0} | q=5
        same(a, b) | {"a":0,"b":0.0} | q=0
        same(a, b) | {"b":5} | q=5
        same(a, b) | {} |
        same(a, b) ?? c | {"c":2} | q=2
        same(a, b) | {"a":5,"b":6} | quantities: q: a and b state different counts of the same
        same(a, b, c) | {"a":0,"b":5,"c":6} | quantities: q: b and c state different counts of the same
        c - (same(a, b + (d ?? 0)) ?? 0) | {"a":5,"b":2,"d":3,"c":9} | q=4
        same(a, b) + same(c, d) | {"a":1,"b":1,"c":2,"d":0} | q=3
        sum(l[*].n) | {"l":[{"n":1},{"n":"2"},{}]} | q=3
        sum(l[*].n) | {"l":[]} |
        count(l[*].n) | {"l":[{"n":1},{"n":"2"},{}]} | q=2
        count(l[*]) | {} | q=0
        sum(l[*].n) | {} |
        sum(l[*][*]) | {"l":[[1,2],[3],4]} | q=6
        l[*].n | {"l":[{"n":1}]} | q=1
        l[*].n | {"l":[{"n":1},{"n":2}]} | quantities: q: l[*].n: occurs more than once; sum() adds a list
        l[1].n | {"l":[{"n":1},{"n":2}]} | q=2
        l[k='b'].n | {"l":[{"k":"a","n":1},{"k":"b","n":2}]} | q=2
        l[k='7'].n | {"l":[{"k":7,"n":1}]} | q=1
        sum(l[*].n) | {"l":"[{\"n\":1},{\"n\":4}]"} | q=5
        if(a = 'x', 1, 2) | {"a":"x"} | q=1
        if(a = 'x'|'y', 1, 2) | {"a":"y"} | q=1
        if(a = 'x', 1, 2) | {} | q=2
        if(a = 'x', 1) | {"a":"z"} |
        if(a > 0, b) | {"a":1,"b":3} | q=3
        if(a > 0, b) | {"a":0,"b":3} |
        if(a > 0, b) | {"b":3} |
        if(a + b = c, 1, 0) | {"a":1,"b":2,"c":3} | q=1
        if(a != b, 1, 0) | {"a":1,"b":1.0} | q=0
        if(a <= b, 1, 0) | {"a":1,"b":1} | q=1
        if(a >= b, 1, 0) | {"a":0,"b":1} | q=0
        if(a < b, if(a = 0, 7, 8), 0) | {"a":0,"b":1} | q=7"#;
    let mut rows = 0;
    for row in table.lines().filter(|row| row.contains('|')) {
        let mut cells = row.split(" | ").map(str::trim);
        let (text, record) = (cells.next().unwrap(), cells.next().unwrap().trim_end_matches(" |"));
        let mapping = mapping(&format!("{TOP}[quantities]\nq = \"{text}\""));
        let record = record.replacen('{', r#"{"id":"x","#, 1).replace(",}", "}");
        assert_eq!(shown(apply(&mapping, &record)), cells.next().unwrap_or_default(), "{row}");
        rows += 1;
    }
    assert_eq!(rows, 35);
}

#[test]
fn records_in_a_record_are_read_with_what_encloses_them() {
    let text = "[records]\neach = 'data[*].results[*]'\n[record]\nid = '{^from}-{row}-{model}'\nmodel_id = '{model}'\n\
        company_id = '1'\norganization_id = '1'\nresource_id = '{^^org}'\nproduct_code = 'p'\n[time]\nvalue = '{^from}'\n\
        [quantities]\ninput = 'n'\n[counts]\nin = ['n', '^*_tokens']\n";
    let mapping = mapping(text);
    let shown = |record: &str| -> Vec<String> {
        mapping
            .map_json(record, 3)
            .into_iter()
            .map(|mapped| match mapped {
                Mapped::Usage { usage, .. } => {
                    format!("{} {} {:?}", usage.id, usage.resource_id, usage.quantities)
                }
                Mapped::Skipped(rule) => format!("skipped: {rule}"),
                Mapped::Refused(reason) => reason,
            })
            .collect()
    };
    let page = r#"{"org":"o","data":[{"from":10,"results":[{"n":1,"model":"a"},{"n":2,"model":"b"},{"model":"c"}]},
        {"from":20,"results":[]},{"from":30,"results":null},{"from":40,"results":7},{"from":50,"x_tokens":4,"results":[{"n":1}]},{"from":60}]}"#;
    assert_eq!(
        shown(page),
        [
            r#"10-3-a o [("input", 1)]"#,
            r#"10-4-b o [("input", 2)]"#,
            "quantities: input: n: is missing",
            "skipped: no record in data[*].results[*]",
            "skipped: no record in data[*].results[*]",
            "data[*].results[*]: is not a list",
            "^x_tokens: is 4, and the mapping does not account for it",
            "data[*].results[*]: is missing",
        ]
    );
    assert_eq!(shown("[]"), ["must be a JSON object"]);
    assert_eq!(shown(r#"{"data":[7]}"#), ["must be a JSON object"]);
    let inner = Mapping::parse(
        Path::new("m.toml"),
        &text.replace("data[*].results[*]", "[*].body").replace("^^", "^"),
    )
    .unwrap();
    let mapped =
        inner.map_json(r#"[{"from":5,"org":"q","body":{"n":1,"model":"m"}},{"from":6,"body":null}]"#, 1);
    assert_eq!(mapped.len(), 2);
    assert!(
        matches!(&mapped[0], Mapped::Usage { usage, .. } if usage.id == "5-1-m" && usage.resource_id == "q")
    );
    assert_eq!(mapped[1], Mapped::Skipped("no record in [*].body".into()));
}

#[test]
fn skip_rules_have_names_and_all_conditions_hold() {
    let text = format!(
        "{TOP}[quantities]\nq = 'a ?? 1'\n[[skip]]\nname = 'failed'\nwhen = {{ status = ['failure'] }}\nzero = ['a', 'b + 0']\n\
         [[skip]]\nname = 'nothing'\nwhen_empty = ['a', 'status']\n"
    );
    let mapping = mapping(&text);
    for (record, expected) in [
        (r#"{"id":"x","status":"failure"}"#, Mapped::Skipped("failed".into())),
        (r#"{"id":"x","status":"failure","a":0,"b":"0.0"}"#, Mapped::Skipped("failed".into())),
        (r#"{"id":"x"}"#, Mapped::Skipped("nothing".into())),
    ] {
        let record = record.replace('}', r#","b":0}"#).replace(r#""b":"0.0","b":0"#, r#""b":"0.0""#);
        assert_eq!(mapping.map_json(&record, 1), [expected], "{record}");
    }
    assert_eq!(shown(apply(&mapping, r#"{"id":"x","status":"failure","a":3,"b":0}"#)), "q=3");
}

#[test]
fn a_mapping_extends_a_built_in_one() {
    let text = "extends = 'openai'\n[record]\nprovider = 'deepseek'\nresource_id = 'k'\ncompany_id = '1'\norganization_id = '1'\n\
        [quantities]\noutput_audio = ''\ninput = '7'\n[check]\ntotal = ''\n";
    let mapping = mapping(text);
    let record = r#"{"id":"x","created":1,"model":"m","usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":9}}"#;
    let usage = apply(&mapping, record).unwrap().unwrap();
    assert_eq!((usage.provider.as_str(), usage.source.as_str()), ("deepseek", "openai"));
    assert!(usage.quantities.contains(&("input".to_owned(), 7)), "{usage:?}");
    assert!(!usage.quantities.iter().any(|(sku, _)| sku == "output_audio"), "{usage:?}");
}

#[test]
fn a_path_goes_into_json_in_a_cell() {
    let text = format!(
        "{TOP}[quantities]\ncached = 'other.details.cached?'\ninput = 'prompt_tokens'\naudio = \"sum(other.by[k='a'].n)\"\n\
         [counts]\nin = ['other', '*_tokens']\n"
    );
    let mapping = mapping(&text);
    let read = |header: &str, cells: &[&str]| {
        let columns = mapping.csv_columns(&mut header.split(';').map(Into::into))?;
        match mapping.map_cells(&columns, cells.iter().map(|cell| (*cell).into()), 1) {
            Mapped::Usage { usage, .. } => Ok(shown(Ok(Some(*usage)))),
            Mapped::Skipped(rule) => Err(rule.to_string()),
            Mapped::Refused(reason) => Err(reason),
        }
    };
    let row = |other: &str| read("id;prompt_tokens;other", &["x", "5", other]);
    assert_eq!(row(r#"{"details":{"cached":3}}"#), Ok("cached=3 input=5".into()));
    assert_eq!(
        row(r#" {"details":"{\"cached\":3}","by":[{"k":"a","n":2}]}"#),
        Ok("audio=2 cached=3 input=5".into())
    );
    assert_eq!(row(""), Ok("input=5".into()));
    assert_eq!(row("{}"), Ok("input=5".into()));
    assert_eq!(row("text"), Ok("input=5".into()));
    assert_eq!(
        row(r#"{"details":{"odd":3}}"#),
        Err("other.details.odd: is 3, and the mapping does not account for it".into())
    );
    assert!(row("{'details': 3}").unwrap_err().starts_with("other: not a JSON object: "));
    let flat = read("id;prompt_tokens;other.details.cached", &["x", "5", "2"]);
    assert_eq!(flat, Ok("cached=2 input=5".into()));
    let more = read("id;prompt_tokens;odd_tokens", &["x", "5", "2"]);
    assert_eq!(more, Err("odd_tokens: is 2, and the mapping does not account for it".into()));
    assert_eq!(read("id;prompt_tokens;prompt_tokens", &[]), Err("prompt_tokens: occurs twice".into()));
    assert_eq!(read("id;prompt_tokens;x;x", &["x", "5", "1", "1"]), Ok("input=5".into()));
}

#[test]
fn names_stand_for_expressions_and_values_get_new_texts() {
    let text = format!(
        "{}[let]\nrest = 'all - cached'\nall = '`all` ?? 9'\ncached = 'same(c, d) ?? 0'\n[quantities]\nq = 'rest'\n\
         [values]\nservice_tier = {{ on = 'priority', \"*\" = '' }}\n[models]\na = 'b'\n[providers]\nmine = 'openai'\n",
        TOP.replace("[time]", "model_id = '{m}'\nprovider = \"{p|''}\"\nservice_tier = \"{t|''}\"\n[time]"),
    );
    let mapping = mapping(&text);
    for (record, expected) in [
        (r#"{"id":"x","m":"a","p":"mine","t":"on","all":7,"c":2}"#, ("b", "openai", "priority", 5)),
        (r#"{"id":"x","m":"c","p":"azure","t":"off","d":2}"#, ("c", "azure", "", 7)),
        (r#"{"id":"x","m":"c"}"#, ("c", "", "", 9)),
    ] {
        let usage = apply(&mapping, record).unwrap().unwrap();
        assert_eq!(
            (
                usage.model_id.as_str(),
                usage.provider.as_str(),
                usage.service_tier.as_str(),
                usage.quantities[0].1
            ),
            expected,
            "{record}"
        );
    }
}
