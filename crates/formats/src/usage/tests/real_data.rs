//! The mappings over the shared real data, compared with published sums and an independent computation.

use std::io::Read as _;

use serde_json::value::RawValue;

use tollbook_testkit::shared_data;

use super::*;

fn open(path: PathBuf, mapping: &str) -> UsageFile {
    let constants = [("company_id", "1"), ("organization_id", "1")];
    let mapping = Mapping::built_in(mapping).unwrap().with_constants(&constants).unwrap();
    let spool = tempfile::tempdir().unwrap();
    UsageFile::open(Input::File(path), Some(mapping), spool.path(), &mut |_| ControlFlow::Continue(()))
        .unwrap()
}

/// Records, sums by SKU, first and last time, skipped.
fn counted(file: &UsageFile) -> (u64, std::collections::BTreeMap<String, i128>, i64, i64, u64) {
    let (mut records, mut sums, mut first_s, mut last_s) =
        (0, std::collections::BTreeMap::new(), i64::MAX, 0);
    let mut reader = file.records(Arc::default()).unwrap();
    for item in reader.by_ref() {
        let (line, usage) = item.unwrap();
        let usage = usage.unwrap_or_else(|reason| panic!("{line}: {reason}"));
        records += 1;
        (first_s, last_s) = (first_s.min(usage.time_s), last_s.max(usage.time_s));
        for (sku, quantity) in usage.quantities {
            *sums.entry(sku).or_default() += i128::from(quantity);
        }
    }
    (records, sums, first_s, last_s, reader.unmapped().skipped_records())
}

#[test]
fn azure_traces_have_the_published_sums() {
    let Some(shared) = shared_data("") else { return };
    // service | records | first | last | input | output (the data's README)
    let table = "
        conv | 19366 | 2023-11-16T18:15:46Z | 2023-11-16T19:14:08Z | 22361870 | 4088665
        code |  8819 | 2023-11-16T18:17:03Z | 2023-11-16T19:14:19Z | 18059974 | 245896";
    for row in table.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let path = shared.join(format!("data/azure-llm-2023/AzureLLMInferenceTrace_{}.csv", cells[0]));
        let (records, sums, first_s, last_s, skipped) = counted(&open(path, "azure-llm-2023"));
        let expected: Vec<i128> = [1, 4, 5].iter().map(|cell| cells[*cell].parse().unwrap()).collect();
        assert_eq!([i128::from(records), sums["input"], sums["output"]], expected[..], "{row}");
        assert_eq!((time::rfc3339(cells[2]), time::rfc3339(cells[3])), (Ok(first_s), Ok(last_s)));
        assert_eq!((sums.len(), skipped), (2, 0));
    }
}

#[test]
fn servegen_windows_have_an_independent_sum() {
    let Some(shared) = shared_data("") else { return };
    let path = shared.join("data/servegen/servegen_windows.csv.gz");
    let mut csv = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(&path).unwrap()).read_to_string(&mut csv).unwrap();
    let (mut records, mut skipped, mut input, mut output, mut image) = (0, 0, 0i128, 0i128, 0i128);
    // Means have three decimals: requests × thousandths, rounded half up, since nothing is negative.
    let tokens = |requests: &str, mean: &str| {
        let (whole, fraction) = mean.split_once('.').unwrap();
        assert_eq!(fraction.len(), 3);
        let thousandths = format!("{whole}{fraction}").parse::<i128>().unwrap();
        (requests.parse::<i128>().unwrap() * thousandths * 2 + 1_000) / 2_000
    };
    for row in csv.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        if cells[6].is_empty() {
            skipped += 1;
            continue;
        }
        records += 1;
        input += tokens(cells[4], if cells[5].is_empty() { cells[8] } else { cells[5] });
        output += tokens(cells[4], cells[6]);
        if !cells[10].is_empty() {
            image += tokens(cells[4], cells[10]);
        }
    }
    assert_eq!((records, skipped), (152_711, 98_813));
    let (got, sums, first_s, last_s, skipped_rows) = counted(&open(path, "servegen"));
    assert_eq!((got, skipped_rows), (records, skipped));
    assert_eq!((sums["input"], sums["output"], sums["image"]), (input, output, image));
    assert_eq!((first_s, last_s), (1_764_547_200, 1_764_547_200 + 1_209_000));
}

/// The needed members of an entry of the published usage dataset.
#[derive(serde::Deserialize)]
struct UsageEntry<'e> {
    #[serde(borrow)]
    body: &'e RawValue,
    extracted: Vec<Extracted>,
}

#[derive(serde::Deserialize)]
struct Extracted {
    usage: std::collections::BTreeMap<String, i64>,
}

/// Every usage object of the dataset in one of the two shapes: the quantities add up to what the publisher extracts.
#[test]
fn real_usage_objects_are_split_and_lose_nothing() {
    let Some(shared) = shared_data("") else { return };
    let mut text = String::new();
    let packed = std::fs::File::open(shared.join("data/genai-prices/usages.json.gz")).unwrap();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    let entries: Vec<UsageEntry<'_>> = serde_json::from_str(&text).unwrap();
    let constants =
        [("company_id", "1"), ("organization_id", "1"), ("resource_id", "k"), ("id", "r"), ("model_id", "m")];
    for (name, marks, expected) in [
        (
            "anthropic",
            ["\"cache_creation_input_tokens\"", "\"cache_read_input_tokens\""],
            (221, 3, 14, 0, 2, 0),
        ),
        // Two are refused: their total counts reasoning that their completion does not.
        ("openai", ["\"total_tokens\"", "_tokens\""], (661, 2, 25, 164, 0, 0)),
    ] {
        let mapping = Mapping::built_in(name).unwrap().with_constants(&constants).unwrap();
        let (mut read, mut refused, mut cached, mut reasoned) = (0, 0, 0, 0);
        let (mut compacted, mut beside) = (0, 0);
        for entry in &entries {
            let body = entry.body.get();
            let Some(extracted) = entry.extracted.first() else { continue };
            if !marks.iter().all(|mark| body.contains(mark)) {
                continue;
            }
            let body = format!(r#"{{"time":1,"created":1,{}"#, &body[1..]);
            match mapping.map_json(&body, 1).remove(0) {
                Mapped::Skipped(rule) => panic!("{rule}: {body}"),
                Mapped::Refused(reason) => {
                    let of_other_model = "usage.iterations[type='advisor_message'].input_tokens: is ";
                    let is_known = reason.contains("add up to") || reason.starts_with(of_other_model);
                    assert!(is_known, "{reason}: {body}");
                    refused += 1;
                }
                Mapped::Usage { usage, .. } => {
                    let sum = |skus: &[&str]| -> i64 {
                        let of = usage.quantities.iter().filter(|(sku, _)| skus.contains(&sku.as_str()));
                        of.map(|(_, quantity)| *quantity).sum()
                    };
                    let stated = |name: &str| extracted.usage.get(name).copied().unwrap_or_default();
                    let input = sum(&[
                        "input",
                        "cache_read",
                        "cache_write",
                        "input_audio",
                        "input_image",
                        "input_video",
                    ]);
                    let output = sum(&["output", "reasoning", "output_audio", "output_image"]);
                    if body.contains("\"compaction\"") {
                        // The publisher does not count what compaction used.
                        assert!(input > stated("input_tokens") && output > stated("output_tokens"), "{body}");
                        compacted += 1;
                        continue;
                    }
                    assert_eq!(input, stated("input_tokens"), "{body}");
                    assert!(output == stated("output_tokens") || name == "openai", "{body}");
                    if output != stated("output_tokens") {
                        // The publisher does not count reasoning beside the completion.
                        assert_eq!(output - sum(&["reasoning"]), stated("output_tokens"), "{body}");
                        beside += 1;
                    }
                    // The publisher reads an object in the ways of several providers; only some know of caches.
                    let agrees = |sku: &str, name: &str| {
                        entry
                            .extracted
                            .iter()
                            .any(|extracted| extracted.usage.get(name) == Some(&sum(&[sku])))
                    };
                    // The publisher does not read Mistral's `num_cached_tokens`.
                    if sum(&["cache_read"]) > 0 && !body.contains("\"num_cached_tokens\"") {
                        assert!(agrees("cache_read", "cache_read_tokens"), "{body}");
                        cached += 1;
                    }
                    if sum(&["reasoning"]) > 0 && name == "openai" {
                        assert!(agrees("reasoning", "output_reasoning_tokens"), "{body}");
                        reasoned += 1;
                    }
                    read += 1;
                }
            }
        }
        assert_eq!((read, refused, cached, reasoned, compacted, beside), expected, "{name}");
    }
}
