//! Usage records, events and files: valid ones and the reason of each refusal.

mod real_data;

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use proptest::prelude::*;
use tollbook_domain::usage::Usage;

use super::{
    BatchError, Mapped, Mapping, RefusedEvent, UsageFile, parse_batch, parse_event, parse_record, time,
};
use crate::text::Input;

const RECORD: &str = r#"{"id":"r-1","source":"gw","time":1780272000,"company_id":1,"organization_id":2,"resource_id":"key-1","resource_type":3,"user_email":"a@example.com","provider":"p","model_id":"m","product_code":"modelverse","region":"cn","quantities":{"output":5,"input":10}}"#;

const EVENT: &str = r#"{"specversion":"1.0","id":"r-1","source":"gw","type":"com.example.usage","time":"2026-06-01T00:00:00.9Z","subject":"s","datacontenttype":"application/json","traceparent":"00-1","data":{"company_id":1,"organization_id":2,"resource_id":"key-1","resource_type":3,"user_email":"a@example.com","provider":"p","model_id":"m","product_code":"modelverse","region":"cn","quantities":{"output":5,"input":10}}}"#;

fn usage() -> Usage {
    Usage {
        company_id: 1,
        id: "r-1".into(),
        source: "gw".into(),
        time_s: 1_780_272_000,
        organization_id: 2,
        resource_id: "key-1".into(),
        resource_type: 3,
        user_email: "a@example.com".into(),
        provider: "p".into(),
        model_id: "m".into(),
        product_code: "modelverse".into(),
        region: "cn".into(),
        service_tier: String::new(),
        quantities: vec![("input".into(), 10), ("output".into(), 5)],
        ..Usage::default()
    }
}

#[test]
fn a_record_and_an_event_give_the_same_usage() {
    assert_eq!(parse_record(RECORD.as_bytes()), Ok(usage()));
    assert_eq!(parse_event(EVENT.as_bytes()), Ok(usage()));
    assert_eq!(parse_record(EVENT.as_bytes()), Ok(usage()));
    let text_time = RECORD.replace("1780272000", r#""2026-06-01T08:00:00.999+08:00""#);
    assert_eq!(parse_record(text_time.as_bytes()), Ok(usage()));
    let quoting = RECORD.replace(r#""m""#, r#""\"specversion\"""#);
    assert_eq!(parse_record(quoting.as_bytes()).unwrap().model_id, "\"specversion\"");
}

#[test]
fn an_absent_optional_field_has_its_default() {
    let least = r#"{"id":"r","time":0,"company_id":1,"organization_id":1,"resource_id":"k","product_code":"p","quantities":{},"region":null}"#;
    let usage = parse_record(least.as_bytes()).unwrap();
    assert_eq!((usage.source.as_str(), usage.region.as_str(), usage.resource_type), ("", "", 0));
    assert_eq!(usage.quantities, []);
    let texts = (usage.resource_name.as_str(), usage.service_tier.as_str(), usage.free);
    assert_eq!(texts, ("", "", false));
}

#[test]
fn name_tier_and_mark_of_free_use_are_read() {
    for (tier, stored) in
        [("flex", "flex"), ("default", ""), ("standard", ""), ("", ""), ("Default", ""), ("Flex", "flex")]
    {
        let more = format!(r#""cn","resource_name":"Key 1","service_tier":"{tier}","free":true"#);
        for text in [RECORD, EVENT] {
            let usage = parse_record(text.replace(r#""cn""#, &more).as_bytes()).unwrap();
            let read = (usage.resource_name.as_str(), usage.service_tier.as_str(), usage.free);
            assert_eq!(read, ("Key 1", stored, true));
        }
    }
}

/// Checks rows of `part of the valid text => replacement => reason`; returns their number.
fn refused(valid: &str, table: &str, parse: fn(&[u8]) -> Result<Usage, String>) -> usize {
    let mut rows = 0;
    for row in table.lines().filter(|row| row.contains("=>")) {
        let mut parts = row.trim().split("=>").map(str::trim);
        let (from, to, reason) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let text = valid.replacen(from, to, 1);
        assert_ne!(text, valid, "{row}");
        assert_eq!(parse(text.as_bytes()).unwrap_err(), reason, "{text}");
        rows += 1;
    }
    rows
}

#[test]
fn a_broken_record_is_refused_with_its_reason() {
    let table = r#"
        "region"     => "Region"        => Region: is not a field of a usage record
        "region":"cn" => "region":"cn","region":"cn" => region: occurs twice
        "region":"cn" => "id":"r-2"     => id: occurs twice
        "region":"cn" => "\u0069d":null => id: occurs twice
        "id":"r-1"   => "id":null       => id: is required
        "id":"r-1"   => "id":7          => id: must be a text
        "id":"r-1"   => "id":"\ud800"   => id: has an escape that is no character
        "company_id":1 => "company_id":"1" => company_id: must be an integer
        "company_id":1 => "company_id":1.0 => company_id: must be an integer
        "company_id":1 => "company_id":9223372036854775808 => company_id: does not fit in 64 bits
        "organization_id":2, =>           => organization_id: is required
        1780272000   => 1780272000.5    => time: must be an integer
        1780272000   => true            => time: must be Unix seconds or an RFC 3339 time
        1780272000   => "1780272000"    => time: must be an RFC 3339 time such as 2026-06-01T00:00:00Z
        1780272000   => "2026-06-01"    => time: must be an RFC 3339 time such as 2026-06-01T00:00:00Z
        "region":"cn" => "free":1       => free: must be true or false
        "region":"cn" => "free":"true"  => free: must be true or false
        "region":"cn" => "service_tier":1 => service_tier: must be a text
        "output":5   => "output":1.0    => quantities: output: must be an integer
        "output":5   => "output":1e3    => quantities: output: must be an integer
        "output":5   => "output":"5"    => quantities: output: must be an integer
        "output":5   => "output":null   => quantities: output: must be an integer
        "output":5   => "output":true   => quantities: output: must be an integer
        "output":5   => "output":-      => not a JSON object: invalid number (column 245)
        "output":5   => "output":9223372036854775808 => quantities: output: does not fit in 64 bits
        "output":5   => "input":5       => quantities: input: occurs twice
        "output":5   => "i\u006eput":5  => quantities: input: occurs twice
        {"output":5,"input":10} => [1]  => quantities: must be an object of whole numbers by SKU
        {"output":5,"input":10} => null => quantities: is required
        }}           => }               => not a JSON object: EOF while parsing an object (column 256)
        }}           => }}x             => not a JSON object: trailing characters (column 258)"#;
    assert_eq!(refused(RECORD, table, parse_record), 31);
    assert_eq!(parse_record(b"[]").unwrap_err(), "must be a JSON object");
    assert_eq!(parse_record(b"\xff").unwrap_err(), "is not valid UTF-8");
    let least = RECORD.replace(r#""output":5"#, r#""output":-9223372036854775808"#);
    assert_eq!(parse_record(least.as_bytes()).unwrap().quantities[1].1, i64::MIN);
}

#[test]
fn a_broken_event_is_refused_with_its_reason() {
    let table = r#"
        "1.0"        => "0.3"           => specversion: must be 1.0
        "1.0"        => 1.0             => specversion: must be a text that is not empty
        "specversion":"1.0", =>         => specversion: is required
        "id":"r-1"   => "id":""         => id: must be a text that is not empty
        "id":"r-1"   => "id":null       => id: must be a text that is not empty
        "id":"r-1",  =>                 => id: is required
        "source":"gw", =>               => source: is required
        "type":"com.example.usage", =>  => type: is required
        "2026-06-01T00:00:00.9Z" => 1780272000 => time: must be a text that is not empty
        "2026-06-01T00:00:00.9Z" => "1780272000" => time: must be an RFC 3339 time such as 2026-06-01T00:00:00Z
        "subject":"s" => "id":"r-1"     => id: occurs twice
        "subject":"s" => "traceparent":1 => traceparent: occurs twice
        "subject":"s" => "company_id":1 => company_id: is not an attribute of an event
        "subject":"s" => "data_base64":"e30=" => data_base64: the record must be JSON in data
        "data":{     => "datax":{       => data: is required
        "data":{     => "data":7,"x":{  => data: must be a JSON object
        "company_id":1 => "id":"r-1"    => id: belongs to the event, not to its data
        "company_id":1 => "time":1      => time: belongs to the event, not to its data
        "company_id":1, =>              => company_id: is required
        "region"     => "area"          => area: is not a field of a usage record
        "output":5   => "input":5       => quantities: input: occurs twice
        "region"     => "model_id"      => model_id: occurs twice"#;
    assert_eq!(refused(EVENT, table, parse_event), 22);
    let many: Vec<String> = (0..60).map(|n| format!(r#""x{n}":{n},"#)).collect();
    let many = EVENT.replace(r#""subject":"s","#, &many.concat());
    assert_eq!(parse_event(many.as_bytes()).unwrap_err(), "has more than 64 attributes");
}

#[test]
fn a_batch_has_a_result_for_each_element() {
    let body = format!(r#"[{EVENT},{{"source":"gw","id":"r-9","x_y":1}},7,{{"id":3}}]"#);
    let answers = parse_batch(body.as_bytes(), 4).unwrap();
    let refused = |id: Option<&str>, source: Option<&str>, reason: &str| {
        Err(RefusedEvent {
            id: id.map(str::to_owned),
            source: source.map(str::to_owned),
            reason: reason.to_owned(),
        })
    };
    let expected = [
        Ok(usage()),
        refused(Some("r-9"), Some("gw"), "x_y: is not an attribute of an event"),
        refused(None, None, "must be a JSON object"),
        refused(None, None, "id: must be a text that is not empty"),
    ];
    assert_eq!(answers, expected);
    assert_eq!(parse_batch(body.as_bytes(), 3).unwrap_err(), BatchError::TooMany { max: 3 });
    assert_eq!(parse_batch(EVENT.as_bytes(), 3).unwrap_err(), BatchError::NotArray);
    assert_eq!(parse_batch(b"[]", 0), Ok(Vec::new()));
    for body in ["[1", "[1}", "", "[1] x", "nul"] {
        assert!(matches!(parse_batch(body.as_bytes(), 3), Err(BatchError::NotJson(_))), "{body}");
    }
    let deep = format!("[{}{}]", "[".repeat(300_000), "]".repeat(300_000));
    assert_eq!(parse_batch(deep.as_bytes(), 3).unwrap().len(), 1);
}

proptest! {
    #[test]
    fn no_bytes_cause_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (parse_record(&bytes), parse_event(&bytes), parse_batch(&bytes, 10));
    }

    #[test]
    fn no_change_of_a_valid_input_causes_a_panic(
        at in 0usize..400, length in 0usize..8, with in prop::collection::vec(any::<u8>(), 0..8), which in 0..3
    ) {
        let valid = [RECORD.to_owned(), EVENT.to_owned(), format!("[{EVENT},{EVENT}]")][usize::try_from(which).unwrap()].clone();
        let mut bytes = valid.into_bytes();
        let at = at.min(bytes.len());
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, with);
        if let Ok(usage) = parse_record(&bytes) {
            prop_assert!(usage.quantities.is_sorted_by(|(a, _), (b, _)| a < b));
        }
        let _ = (parse_event(&bytes), parse_batch(&bytes, 10));
    }
}

/// Each record of a file as its line with its id or reason, and the error that ended the reading.
pub(super) fn read(file: &UsageFile) -> Vec<String> {
    let bytes_read = Arc::new(AtomicU64::new(0));
    let seen = file.records(Arc::clone(&bytes_read)).unwrap().map(|item| match item {
        Ok((line, Ok(usage))) => format!("{line} {} {:?}", usage.id, usage.quantities),
        Ok((line, Err(reason))) => format!("{line}! {reason}"),
        Err(broken) => format!("{}!! {}", broken.line.unwrap(), broken.reason),
    });
    let seen = seen.collect();
    assert!(bytes_read.load(std::sync::atomic::Ordering::Relaxed) <= file.bytes());
    seen
}

pub(super) fn written(name: &str, bytes: &[u8], mapping: Option<Mapping>) -> UsageFile {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let stream =
        Input::Stream { name: "standard input".into(), from: Box::new(std::fs::File::open(path).unwrap()) };
    UsageFile::open(stream, mapping, dir.path(), &mut |_| ControlFlow::Continue(())).unwrap()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

const CSV: &str = "id,time,company_id,organization_id,resource_id,product_code,quantities.output,quantities.input\n\
    a,1780272000,1,1,k,p,5,10\n\nb,2026-06-01T00:00:00Z,1,1,k,p,,7\nc,x,1,1,k,p,1,1\n\"d\",0,1,1,k,p,1.0,1\n,0,1,1,k,p,1,1\ne,0,1\n";

#[test]
fn a_file_is_read_to_its_end() {
    let lines = format!("{RECORD}\n\n{{}}\n  {EVENT}\r\n{}", RECORD.replace("r-1", "r-2"));
    let all = [
        r#"1 r-1 [("input", 10), ("output", 5)]"#,
        "3! id: is required",
        r#"4 r-1 [("input", 10), ("output", 5)]"#,
        r#"5 r-2 [("input", 10), ("output", 5)]"#,
    ];
    assert_eq!(read(&written("a.jsonl", lines.as_bytes(), None)), all);
    assert_eq!(read(&written("a.jsonl.gz", &gzip(lines.as_bytes()), None)), all);
    assert_eq!(read(&written("a.jsonl.zst", &zstd::encode_all(lines.as_bytes(), 1).unwrap(), None)), all);
    assert_eq!(
        read(&written("a.csv", CSV.as_bytes(), None)),
        [
            r#"2 a [("input", 10), ("output", 5)]"#,
            r#"4 b [("input", 7)]"#,
            "5! time: must be Unix seconds or an RFC 3339 time",
            "6! quantities: output: must be an integer",
            "7! id: is required",
            "8! has 3 cells, the header has 8",
        ]
    );
}

#[test]
fn a_path_is_opened_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv");
    std::fs::write(&path, CSV).unwrap();
    let open = |path: PathBuf| {
        UsageFile::open(Input::File(path), None, dir.path(), &mut |_| ControlFlow::Continue(()))
    };
    let file = open(path).unwrap();
    assert_eq!((read(&file).len(), file.bytes()), (6, CSV.len() as u64));
    let error = open(dir.path().join("a.json")).unwrap_err().to_string();
    assert!(error.contains("cannot be opened"), "{error}");
}

#[test]
fn a_broken_file_ends_the_reading() {
    let lines: String =
        (0..2_000).map(|n| RECORD.replace("r-1", &format!("r-{}", n * 7_919)) + "\n").collect();
    let mut cut = gzip(lines.as_bytes());
    cut.truncate(cut.len() - 20);
    let seen = read(&written("a.jsonl.gz", &cut, None));
    assert!(seen.last().unwrap().ends_with("!! the compressed file is cut off"), "{:?}", seen.last());
    let seen = read(&written("a.csv", format!("{CSV}\"f").as_bytes(), None));
    assert_eq!((seen.len(), seen[6].as_str()), (7, "9!! a quote of this record is not closed"));
    for (header, reason) in [
        ("", "the header is missing"),
        ("x", "the header is not valid: x: is not a field of a usage record"),
        ("quantities", "the header is not valid: quantities: is not a field of a usage record"),
        ("id,id", "the header is not valid: id: occurs twice"),
        ("id", "the header is not valid: time: is required"),
        (
            "id,time,company_id,organization_id,resource_id,product_code",
            "the header is not valid: a column such as quantities.input is required",
        ),
    ] {
        let seen = read(&written(
            "a.csv",
            format!("\u{feff}{header}\nv\n").replacen('\u{feff}', "", 1).as_bytes(),
            None,
        ));
        let expected = if header.is_empty() {
            "2!! the header is not valid: v: is not a field of a usage record".to_owned()
        } else {
            format!("1!! {reason}")
        };
        assert_eq!(seen, [expected]);
    }
}

#[test]
fn a_mapping_reads_csv_and_counts_skipped_records() {
    let text = "[record]\nid = '{row}'\ncompany_id = '1'\norganization_id = '1'\nresource_id = '{who}'\nproduct_code = 'p'\n\
        [time]\nvalue = '{at}'\n[quantities]\ninput = '`in.put`'\nimage = 'images?'\n[skip]\nwhen_empty = ['who']\n";
    let mapping = Mapping::parse(Path::new("m.toml"), text).unwrap();
    let csv = "other,who,at,in.put\n,k,5,2.5\n,,5,1\n\n,k,soon,1\n,k,2026-06-01 00:00:00Z,\n,k,5\n,k,0,7\n";
    let file = written("a.csv", csv.as_bytes(), Some(mapping.clone()));
    let expected = [
        r#"2 1 [("input", 3)]"#,
        "5! time: must be an RFC 3339 time such as 2026-06-01T00:00:00Z",
        "6! quantities: input: in.put: is missing",
        "7! has 3 cells, the header has 4",
        r#"8 6 [("input", 7)]"#,
    ];
    assert_eq!(read(&file), expected);
    let mut reader = file.records(Arc::default()).unwrap();
    assert_eq!((reader.by_ref().count(), reader.unmapped().skipped_records()), (5, 1));
    let other = written("a.csv", b"at,in.put\n5,1\n", Some(mapping));
    assert_eq!(read(&other), ["1!! the header is not valid: who: is required by the mapping"]);
}

#[test]
fn a_mapping_must_state_every_required_field() {
    let input = Input::Stream { name: "x".into(), from: Box::new(std::io::empty()) };
    let mapping = Mapping::built_in("litellm");
    let error =
        UsageFile::open(input, mapping, Path::new("."), &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(error.to_string(), "litellm.toml: record: states no company_id, organization_id");
}

#[test]
fn a_reader_can_go_to_another_thread() {
    fn send<T: Send>(_: &T) {}
    let file = written("a.jsonl", RECORD.as_bytes(), None);
    send(&file.records(Arc::default()).unwrap());
}
