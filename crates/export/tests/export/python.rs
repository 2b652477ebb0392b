//! Readers in Python, and the published FOCUS validator. One process reads several files, because starting Python and
//! importing the readers takes longer than reading a file.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tollbook_domain::Status;
use tollbook_domain::money::{Amount, format_decimal};
use tollbook_export::{Document, FocusVersion, Format};
use tollbook_testkit::Python;

use crate::fixture::{Fixture, order, paid, summary, unpaid};

/// Runs a script of `tests/python` on several files. Returns the JSON values that it prints, one for each file.
fn run<const N: usize>(script: &str, arguments: Vec<OsString>) -> [Value; N] {
    let printed = Python::Tables.run(script, arguments, &[]);
    let values: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    values.try_into().unwrap()
}

/// Validates FOCUS files.
fn validate<const N: usize>(files: [&Path; N]) -> [Value; N] {
    run("focus.py", files.map(OsString::from).into())
}

/// Reads files, and sums the given columns of each.
fn read_tables<const N: usize>(files: [(&Path, &[&str]); N]) -> [Value; N] {
    let groups = files.map(|(file, columns)| {
        let columns = columns.iter().map(OsString::from);
        std::iter::once(OsString::from(file)).chain(columns).collect::<Vec<_>>()
    });
    run("tables.py", groups.join(&OsString::from("--")))
}

/// A decimal without trailing zeros.
fn plain(steps: i128) -> String {
    format_decimal(steps, 8, 0)
}

#[test]
fn the_published_validator_finds_no_failure() {
    let fixture = Fixture::shared();
    let exports = [paid(), unpaid()].map(|document| {
        [Format::FocusCsv(FocusVersion::V1_0), Format::FocusParquet(FocusVersion::V1_0)]
            .map(|format| (format, fixture.file(&document, format, 2).1))
    });
    let exports: [_; 4] = exports.concat().try_into().unwrap();
    let paths = exports.each_ref().map(|(_, exported)| fixture.path(exported));
    let results = validate::<4>(paths.each_ref().map(std::path::PathBuf::as_path));
    for ((format, exported), result) in exports.iter().zip(results) {
        assert_eq!(result["Failures"], json!([]), "{format}");
        assert_eq!(result["Rows"], exported.rows);
        assert_eq!(result["Passed"], result["Rules"]);
        // The number of rule files for 1.0 in the validator. Fewer would mean that checks did not run.
        assert_eq!(result["Rules"], 133, "{format}");
    }
}

/// The file with one value in all cells of a column, or without that column.
fn broken(text: &[u8], column: &str, value: Option<&str>) -> Vec<u8> {
    let mut reader = csv::Reader::from_reader(text);
    let mut header = reader.headers().unwrap().clone();
    let index = header.iter().position(|name| name == column).unwrap();
    let replaced = |row: &csv::StringRecord, value: &str| -> csv::StringRecord {
        row.iter().enumerate().map(|(at, cell)| if at == index { value } else { cell }).collect()
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
fn the_published_validator_finds_each_broken_rule() {
    let orders: Vec<_> = (0..100).map(order).collect();
    let fixture = Fixture::with(&orders);
    let (text, _) = fixture.file(&paid(), Format::FocusCsv(FocusVersion::V1_0), 2);
    let table = [
        // column, its new value (`None`: the column is removed), the rule that is violated
        ("BilledCost", None, Some("BilledCost_Required")),
        ("BilledCost", Some("1,50"), Some("BilledCost_IsDecimal")),
        ("BillingCurrency", Some("RMB"), Some("BillingCurrency_IsCurrencyCode")),
        ("ChargeFrequency", Some("usage-based"), Some("ChargeFrequency_Enum")),
        ("ChargePeriodStart", Some("2025-01-01 00:00:00"), Some("ChargePeriodStart_IsDateTime")),
        ("ProviderName", None, Some("Provider_Required")),
        ("ResourceId", None, Some("ResourceID_Required")),
        ("ServiceName", Some(""), Some("ServiceName_NotNull")),
        ("SkuPriceId", Some(""), Some("SkuPriceId_Nullable")),
        ("Tags", Some("[1]"), Some("Tags_IsJSONObject")),
        // A valid change, to check that the failures above are not caused by rewriting the file.
        ("x_OrderType", Some("any"), None),
    ];
    let dir = tempfile::tempdir().unwrap();
    let paths: [PathBuf; 11] = std::array::from_fn(|row| {
        let (column, value, _) = table[row];
        let path = dir.path().join(format!("{row}.csv"));
        std::fs::write(&path, broken(&text, column, value)).unwrap();
        path
    });
    let results = validate(paths.each_ref().map(std::path::PathBuf::as_path));
    for ((_, _, rule), result) in table.into_iter().zip(&results) {
        let failures = result["Failures"].as_array().unwrap();
        match rule {
            Some(rule) => {
                assert!(failures.iter().any(|failure| failure["Rule"] == rule), "{rule}: {failures:?}");
            }
            None => assert_eq!(failures.len(), 0, "{failures:?}"),
        }
    }
}

#[test]
fn other_readers_find_the_rows_and_sums_of_the_list() {
    let fixture = Fixture::shared();
    for document in [paid(), unpaid()] {
        let (Document::PaidOrders(query) | Document::UnpaidOrders(query)) = &document else { panic!() };
        let (orders, sums) = fixture.list(query);
        let focus = [Format::FocusCsv(FocusVersion::V1_2), Format::FocusParquet(FocusVersion::V1_2)];
        let [parquet, csv, gzip, focus_csv, focus_parquet] =
            [Format::Parquet, Format::Csv, Format::CsvGzip, focus[0], focus[1]].map(|format| {
                let (bytes, exported) = fixture.file(&document, format, 2);
                (bytes, fixture.path(&exported))
            });
        let costs = ["BilledCost", "ContractedCost", "ListCost"];
        let [by_pyarrow, by_python, inflated, by_focus @ ..] = read_tables([
            (&parquet.1, &["OrderTotalPrice", "OriginalPrice"]),
            (&csv.1, &["Order total"]),
            (&gzip.1, &["Order total"]),
            (&focus_csv.1, &costs),
            (&focus_parquet.1, &costs),
        ]);
        assert_eq!(by_pyarrow["Rows"], sums.orders);
        assert_eq!(
            by_pyarrow["Sums"],
            json!({"OrderTotalPrice": plain(sums.total), "OriginalPrice": plain(sums.original)})
        );
        let types = &by_pyarrow["Columns"];
        assert_eq!(types["OrderTotalPrice"], "decimal128(18, 8)");
        assert_eq!(types["ListPrice"], "decimal128(38, 12)");
        assert_eq!(types["Quantity"], "int64");
        assert_eq!(types["OrderNo"], "string");
        assert_eq!(types["PaidTime"], "timestamp[ms, tz=UTC]");
        let not_paid = orders.iter().filter(|stored| stored.order.paid_time_s.is_none()).count();
        assert_eq!(by_pyarrow["Nulls"]["PaidTime"], not_paid);

        assert_eq!(by_python, inflated);
        assert_eq!(by_python["Rows"], sums.orders);
        assert_eq!(by_python["Sums"], json!({"Order total": plain(sums.total)}));
        let mut inflated_here = Vec::new();
        std::io::Read::read_to_end(&mut GzDecoder::new(&gzip.0[..]), &mut inflated_here).unwrap();
        assert!(inflated_here == csv.0);

        let owed = orders.iter().filter(|stored| stored.order.status != Status::Revoked);
        let owed: i128 = owed.map(|stored| i128::from(stored.order.total.steps())).sum();
        let expected = json!({
            "BilledCost": plain(owed), "ContractedCost": plain(sums.total), "ListCost": plain(sums.original),
        });
        for (found, format) in by_focus.iter().zip(focus) {
            assert_eq!(found["Sums"], expected, "{format}");
            assert_eq!(found["Nulls"]["Tags"], 0);
        }
    }
    let (_, exported) = fixture.file(&summary(), Format::Parquet, 1);
    let [found] = read_tables([(&fixture.path(&exported), &["SumOrderPrice"])]);
    assert_eq!(found["Columns"]["SumQuantity"], "decimal128(38, 0)");
    assert_eq!(found["Sums"]["SumOrderPrice"], plain(exported.total));
    assert_ne!(exported.total, i128::from(Amount::ZERO.steps()));
}
