//! Readers in Python, and the published validator of FOCUS.

use std::ffi::OsStr;
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tollbook_domain::money::{Amount, format_decimal};
use tollbook_export::{Document, FocusVersion, Format};
use tollbook_testkit::Python;

use crate::place::{Place, order, paid, summary, unpaid};

/// Runs a script of `tests/python` on a file and returns the JSON value that it prints.
fn python(script: &str, file: &Path, columns: &[&str]) -> Value {
    let arguments = std::iter::once(file.as_os_str()).chain(columns.iter().map(OsStr::new));
    serde_json::from_str(&Python::Tables.run(script, arguments, &[])).unwrap()
}

/// A decimal without trailing zeros.
fn plain(steps: i128) -> String {
    format_decimal(steps, 8, 0)
}

#[test]
fn the_published_validator_finds_nothing_wrong() {
    let place = Place::new();
    for document in [paid(), unpaid()] {
        for format in [Format::FocusCsv(FocusVersion::V1_0), Format::FocusParquet(FocusVersion::V1_0)] {
            let (_, exported) = place.file(&document, format, 2);
            let found = python("focus.py", &place.path(&exported), &[]);
            assert_eq!(found["Failures"], json!([]), "{format}");
            assert_eq!(found["Rows"], exported.rows);
            assert_eq!(found["Passed"], found["Rules"]);
            // As many as the validator has files of rules for 1.0; fewer would be checks that did not run.
            assert_eq!(found["Rules"], 133, "{format}");
        }
    }
}

/// The file with one value in all cells of a column, or without that column.
fn broken(text: &[u8], column: &str, value: Option<&str>) -> Vec<u8> {
    let mut reader = csv::Reader::from_reader(text);
    let mut header = reader.headers().unwrap().clone();
    let place = header.iter().position(|name| name == column).unwrap();
    let replaced = |row: &csv::StringRecord, value: &str| -> csv::StringRecord {
        row.iter().enumerate().map(|(at, cell)| if at == place { value } else { cell }).collect()
    };
    if value.is_none() {
        header = replaced(&header, "x_Else");
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&header).unwrap();
    for row in reader.records() {
        let row = row.unwrap();
        writer.write_record(&value.map_or(row.clone(), |value| replaced(&row, value))).unwrap();
    }
    writer.into_inner().unwrap()
}

#[test]
fn the_published_validator_finds_what_is_wrong() {
    let orders: Vec<_> = (0..100).map(order).collect();
    let place = Place::with(&orders);
    let (text, _) = place.file(&paid(), Format::FocusCsv(FocusVersion::V1_0), 2);
    let table = [
        // column, what is in it (nothing: the column is away), the rule that is broken then
        ("BilledCost", None, "BilledCost_Required"),
        ("BilledCost", Some("1,50"), "BilledCost_IsDecimal"),
        ("BillingCurrency", Some("RMB"), "BillingCurrency_IsCurrencyCode"),
        ("ChargeFrequency", Some("usage-based"), "ChargeFrequency_Enum"),
        ("ChargePeriodStart", Some("2025-01-01 00:00:00"), "ChargePeriodStart_IsDateTime"),
        ("ProviderName", None, "Provider_Required"),
        ("ResourceId", None, "ResourceID_Required"),
        ("ServiceName", Some(""), "ServiceName_NotNull"),
        ("SkuPriceId", Some(""), "SkuPriceId_Nullable"),
        ("Tags", Some("[1]"), "Tags_IsJSONObject"),
    ];
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("broken.csv");
    for (column, value, rule) in table {
        std::fs::write(&path, broken(&text, column, value)).unwrap();
        let found = python("focus.py", &path, &[]);
        let failures = found["Failures"].as_array().unwrap();
        assert!(failures.iter().any(|failure| failure["Rule"] == rule), "{rule}: {failures:?}");
    }
    // Written anew and not broken, it has nothing wrong: it is the change that the rules find.
    std::fs::write(&path, broken(&text, "x_OrderType", Some("any"))).unwrap();
    assert_eq!(python("focus.py", &path, &[])["Failures"], json!([]));
}

#[test]
fn other_readers_find_the_list() {
    let place = Place::new();
    for document in [paid(), unpaid()] {
        let (Document::PaidOrders(query) | Document::UnpaidOrders(query)) = &document else { panic!() };
        let (_, sums) = place.list(query);
        let (_, exported) = place.file(&document, Format::Parquet, 2);
        let found = python("tables.py", &place.path(&exported), &["OrderTotalPrice", "OriginalPrice"]);
        assert_eq!(found["Rows"], sums.orders);
        assert_eq!(
            found["Sums"],
            json!({"OrderTotalPrice": plain(sums.total), "OriginalPrice": plain(sums.original)})
        );
        let types = &found["Columns"];
        assert_eq!(types["OrderTotalPrice"], "decimal128(38, 8)");
        assert_eq!(types["ListPrice"], "decimal128(38, 12)");
        assert_eq!(types["Quantity"], "int64");
        assert_eq!(types["OrderNo"], "string");
        assert_eq!(types["PaidTime"], "timestamp[ms, tz=UTC]");
        let unpaid_orders =
            place.list(query).0.iter().filter(|stored| stored.order.paid_time_s.is_none()).count();
        assert_eq!(found["Nulls"]["PaidTime"], unpaid_orders);

        let (plain_bytes, plain_file) = place.file(&document, Format::Csv, 2);
        let (packed, packed_file) = place.file(&document, Format::CsvGzip, 2);
        let by_python = python("tables.py", &place.path(&plain_file), &["Order total"]);
        let inflated = python("tables.py", &place.path(&packed_file), &["Order total"]);
        assert_eq!(by_python, inflated);
        assert_eq!(by_python["Rows"], sums.orders);
        assert_eq!(by_python["Sums"], json!({"Order total": plain(sums.total)}));
        let mut ours = Vec::new();
        std::io::Read::read_to_end(&mut GzDecoder::new(&packed[..]), &mut ours).unwrap();
        assert!(ours == plain_bytes);

        let costs = ["BilledCost", "ContractedCost", "ListCost"];
        let owed: i128 = place
            .list(query)
            .0
            .iter()
            .map(|stored| match stored.order.status {
                tollbook_domain::Status::Revoked => 0,
                _ => i128::from(stored.order.total.steps()),
            })
            .sum();
        let costed = json!({
            "BilledCost": plain(owed), "ContractedCost": plain(sums.total), "ListCost": plain(sums.original),
        });
        for format in [Format::FocusCsv(FocusVersion::V1_2), Format::FocusParquet(FocusVersion::V1_2)] {
            let (_, exported) = place.file(&document, format, 2);
            let found = python("tables.py", &place.path(&exported), &costs);
            assert_eq!(found["Sums"], costed, "{format}");
            assert_eq!(found["Nulls"]["Tags"], 0);
        }
    }
    let (_, exported) = place.file(&summary(), Format::Parquet, 1);
    let found = python("tables.py", &place.path(&exported), &["SumOrderPrice"]);
    assert_eq!(found["Columns"]["SumQuantity"], "decimal128(38, 0)");
    assert_eq!(found["Sums"]["SumOrderPrice"], plain(exported.total));
    assert_ne!(exported.total, i128::from(Amount::ZERO.steps()));
}
