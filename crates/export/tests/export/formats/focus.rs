//! FOCUS files against the specification: columns, types, nulls, allowed values, and rules between columns.

use std::collections::BTreeMap;

use bytes::Bytes;
use parquet::basic::Repetition;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field as Found, Row};
use proptest::prelude::*;
use tollbook_domain::money::{divide_rounded, format_decimal};
use tollbook_domain::{
    AccountKind, Amount, AmountRule, Catalogue, Deductions, HourOffsets, NewOrder, Status, UnitPrice,
};
use tollbook_export::{Document, ExportError, FocusVersion, Format};

use super::focus_specification::{ALLOWED, COLUMNS, SUBCATEGORIES, Type, UNTIL_1_3};
use crate::fixture::{Fixture, any_query, order, paid, query, summary, unpaid};

/// Our columns, which follow those of the specification.
const OUR_COLUMNS: [&str; 3] = ["x_OrderNo", "x_OrderStatus", "x_OrderType"];
const VERSIONS: [FocusVersion; 4] =
    [FocusVersion::V1_0, FocusVersion::V1_2, FocusVersion::V1_3, FocusVersion::V1_4];

/// The cells of a row, by column.
type Cells = BTreeMap<String, String>;

fn columns_of(version: FocusVersion) -> impl Iterator<Item = (&'static str, Type, bool)> {
    let has = move |name: &str, since: &str| {
        since <= version.number() && !(version == FocusVersion::V1_4 && UNTIL_1_3.contains(&name))
    };
    let columns = COLUMNS.into_iter().filter(move |(name, .., since)| has(name, since));
    columns.map(|(name, of, nullable, _)| (name, of, nullable))
}

/// Header and rows; an empty text is null.
fn read(bytes: &[u8]) -> (Vec<String>, Vec<Cells>) {
    let mut reader = csv::Reader::from_reader(bytes);
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = reader
        .records()
        .map(|record| header.iter().cloned().zip(record.unwrap().iter().map(str::to_owned)).collect());
    let rows = rows.collect();
    (header, rows)
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all(whole) && all(fraction)
}

/// Unix seconds of `YYYY-MM-DDTHH:MM:SSZ`. Other forms fail the test.
fn unix_s(text: &str) -> i64 {
    let time: jiff::Timestamp = text.parse().unwrap();
    assert_eq!(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), text);
    time.as_second()
}

/// A decimal in steps of 10⁻¹².
fn steps(text: &str) -> i128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    assert!(fraction.len() <= 12, "{text}");
    format!("{whole}{fraction:0<12}").parse().unwrap()
}

fn assert_row(row: &Cells, version: FocusVersion) {
    let cell = |name: &str| row[name].as_str();
    for (name, of, nullable) in columns_of(version) {
        let value = cell(name);
        assert!(nullable || !value.is_empty(), "{name} is null: {row:?}");
        if value.is_empty() {
            continue;
        }
        match of {
            Type::String => {}
            Type::Decimal => assert!(is_decimal(value), "{name}: {value}"),
            Type::DateTime => assert!(unix_s(value) > 0),
            Type::KeyValue => {
                let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(value).unwrap();
                assert!(object.values().all(|value| !value.is_object() && !value.is_array()), "{value}");
                assert!(object.keys().all(|key| key.starts_with("tollbook/")), "{value}");
            }
        }
    }
    for (name, allowed) in ALLOWED {
        let value = row.get(name).map_or("", String::as_str);
        assert!(value.is_empty() || allowed.contains(&value), "{name}: {value}");
    }
    assert!(["CNY", "USD"].contains(&cell("BillingCurrency")));
    let is_purchase = cell("ChargeCategory") == "Purchase";
    assert_eq!(cell("ChargeFrequency") == "Usage-Based", !is_purchase, "{row:?}");
    // Columns that are null depending on other columns.
    assert_eq!(cell("ConsumedQuantity").is_empty(), is_purchase, "{row:?}");
    assert_eq!(cell("ConsumedUnit").is_empty(), is_purchase, "{row:?}");
    assert_eq!(cell("ResourceType").is_empty(), cell("ResourceId").is_empty(), "{row:?}");
    assert_eq!(cell("RegionName").is_empty(), cell("RegionId").is_empty(), "{row:?}");
    assert_eq!(cell("SubAccountName").is_empty(), cell("SubAccountId").is_empty(), "{row:?}");
    for required in
        ["ListUnitPrice", "ContractedUnitPrice", "PricingQuantity", "PricingUnit", "SkuId", "SkuPriceId"]
    {
        assert!(!cell(required).is_empty(), "{required} is required for usage and purchases: {row:?}");
    }
    for always_null in ["AvailabilityZone", "ChargeClass", "CommitmentDiscountId", "CommitmentDiscountStatus"]
    {
        assert_eq!(cell(always_null), "");
    }
    assert!(
        cell("SkuPriceId").starts_with(cell("SkuId")),
        "the price ID must begin with the SKU ID: {row:?}"
    );
    // A charge is billed in the month in which it begins, here in UTC.
    let [start, end, month, next] =
        ["ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd"]
            .map(|name| unix_s(cell(name)));
    assert!(month <= start && start < next && start < end, "{row:?}");
    assert!(
        cell("BillingPeriodStart").ends_with("-01T00:00:00Z")
            && cell("BillingPeriodEnd").ends_with("-01T00:00:00Z")
    );
    assert!((28..=31).contains(&((next - month) / 86_400)));
    // A cost is price × quantity, rounded once.
    for (cost, unit_price) in [("ContractedCost", "ContractedUnitPrice"), ("ListCost", "ListUnitPrice")] {
        let product = steps(cell(unit_price)) * steps(cell("PricingQuantity"));
        let rounded = divide_rounded(product, 10_i128.pow(16)) * 10_000;
        assert_eq!(steps(cell(cost)), rounded, "{cost}: {row:?}");
    }
    let billed =
        if ["Paid", "Unpaid"].contains(&cell("x_OrderStatus")) { cell("ContractedCost") } else { "0.00" };
    assert_eq!((cell("BilledCost"), cell("EffectiveCost")), (billed, billed), "{row:?}");
    if version >= FocusVersion::V1_3 {
        // Of a service whose hosts are not shown, both are the service provider.
        for provider in ["ServiceProviderName", "HostProviderName", "InvoiceIssuerName"] {
            assert_eq!(cell(provider), "Tollbook");
        }
        for always_null in ["AllocatedMethodId", "AllocatedTags", "ContractApplied"] {
            assert_eq!(cell(always_null), "");
        }
    }
    if version >= FocusVersion::V1_2 {
        let (_, children) =
            SUBCATEGORIES.iter().find(|(parent, _)| *parent == cell("ServiceCategory")).unwrap();
        assert!(children.contains(&cell("ServiceSubcategory")), "{row:?}");
        assert_eq!(cell("BillingAccountType").is_empty(), cell("BillingAccountId").is_empty());
        assert_eq!(cell("SubAccountType").is_empty(), cell("SubAccountId").is_empty());
        assert_eq!(cell("PricingCurrency"), cell("BillingCurrency"));
        assert_eq!(cell("PricingCurrencyEffectiveCost"), cell("EffectiveCost"));
        assert_eq!(cell("PricingCurrencyListUnitPrice"), cell("ListUnitPrice"));
        assert_eq!(cell("PricingCurrencyContractedUnitPrice"), cell("ContractedUnitPrice"));
        assert!(!cell("SkuMeter").is_empty());
        for always_null in
            ["CapacityReservationId", "CommitmentDiscountQuantity", "InvoiceId", "SkuPriceDetails"]
        {
            assert_eq!(cell(always_null), "");
        }
    }
}

#[test]
fn a_file_conforms_to_the_specification() {
    let fixture = Fixture::shared();
    for version in VERSIONS {
        let expected: Vec<&str> = columns_of(version).map(|(name, ..)| name).chain(OUR_COLUMNS).collect();
        let count = match version {
            FocusVersion::V1_0 => 43,
            FocusVersion::V1_2 => 57,
            FocusVersion::V1_3 | FocusVersion::V1_4 => 65,
        };
        assert_eq!(expected.len(), count + OUR_COLUMNS.len());
        for document in [paid(), unpaid()] {
            let (Document::PaidOrders(query) | Document::UnpaidOrders(query)) = &document else { panic!() };
            let (bytes, exported) = fixture.file(&document, Format::FocusCsv(version), 2);
            // The company's name is not ASCII.
            let text = std::str::from_utf8(&bytes).unwrap().strip_prefix('\u{feff}').unwrap();
            assert!(text.starts_with(expected[0]));
            let (header, rows) = read(&bytes);
            assert_eq!(header, expected);
            rows.iter().for_each(|row| assert_row(row, version));
            let (orders, sums) = fixture.list(query);
            assert_eq!(rows.len(), orders.len());
            let total = |name: &str| rows.iter().map(|row| steps(&row[name])).sum::<i128>();
            assert_eq!(total("ContractedCost"), sums.total * 10_000);
            assert_eq!(total("ListCost"), sums.original * 10_000);
            assert_eq!((exported.rows, exported.total), (sums.orders, sums.total));
            let owed = orders.iter().filter(|stored| stored.order.status != Status::Revoked);
            assert_eq!(
                total("BilledCost"),
                owed.map(|stored| i128::from(stored.order.total.steps())).sum::<i128>() * 10_000
            );
            let number = version.number();
            assert!(exported.file_name.ends_with(&format!(".focus-{number}.csv")), "{}", exported.file_name);
        }
    }
}

#[test]
fn values_match_the_order() {
    let fixture = Fixture::shared();
    let (bytes, _) = fixture.file(&paid(), Format::FocusCsv(FocusVersion::V1_2), 2);
    let (_, rows) = read(&bytes);
    let (orders, _) = fixture.list(&query(&[Status::Paid]));
    let lines = fixture.store.snapshot().unwrap().lines(1).unwrap();
    for (row, stored) in rows.iter().zip(&orders) {
        let line = lines.get(stored.line_no).unwrap();
        assert_eq!(row["x_OrderNo"], stored.order.number);
        let price = |price: UnitPrice| format_decimal(price.steps().into(), 12, 2);
        assert_eq!(row["ListUnitPrice"], price(line.list_price));
        assert_eq!(row["ContractedUnitPrice"], price(line.discount_price));
        let project = ["org-one", "org-two"][usize::try_from(line.organization_id).unwrap() - 1];
        assert_eq!(row["SubAccountId"], project);
        assert_eq!(row["BillingAccountId"], "company-1");
        // The company's name starts like a formula.
        assert_eq!(row["BillingAccountName"], "'=Company, \"深\"");
        assert_eq!(row["ProviderName"], "Tollbook");
        let is_sandbox = line.product_code == "sandbox";
        assert_eq!(row["ServiceCategory"], if is_sandbox { "Compute" } else { "AI and Machine Learning" });
        assert_eq!(row["PricingUnit"], if is_sandbox { "Hours" } else { "1000 Tokens" });
        if row["ChargeCategory"] == "Usage" {
            assert_eq!(row["ConsumedUnit"], if is_sandbox { "Seconds" } else { "Tokens" });
            assert_eq!(row["ConsumedQuantity"], format!("{}.00", stored.order.quantity));
        }
        let tags: serde_json::Value = serde_json::from_str(&row["Tags"]).unwrap();
        let tag = |key: &str| tags.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
        // JSON escapes control characters except U+007F, which the file replaces.
        assert_eq!(tag("tollbook/model_id"), line.model_id.replace('\u{7f}', "\u{fffd}"));
        assert_eq!(tag("tollbook/user_email"), line.user_email.replace('\u{7f}', "\u{fffd}"));
    }
    let seen = |name: &str, value: &str| rows.iter().any(|row| row[name] == value);
    assert!(seen("ChargeCategory", "Purchase") && seen("ChargeFrequency", "Recurring"));
    assert!(seen("PricingQuantity", "0.00") && seen("x_OrderType", "Supplementary"));
}

#[test]
fn every_status_has_its_own_value() {
    let fixture = Fixture::shared();
    let (bytes, _) = fixture.file(&unpaid(), Format::FocusCsv(FocusVersion::V1_0), 2);
    let (orders, _) = fixture.list(&query(&[Status::Unpaid, Status::Revoked]));
    let (_, rows) = read(&bytes);
    for (row, stored) in rows.iter().zip(&orders) {
        let expected = match (stored.order.status, stored.order.paid_time_s) {
            (Status::Unpaid, _) => "Unpaid",
            (_, Some(_)) => "Refunded",
            (_, None) => "Revoked",
        };
        assert_eq!(row["x_OrderStatus"], expected);
    }
}

#[test]
fn parquet_has_the_values_of_csv_with_their_types() {
    let fixture = Fixture::shared();
    for version in VERSIONS {
        for document in [paid(), unpaid()] {
            let (text, _) = fixture.file(&document, Format::FocusCsv(version), 2);
            let (header, rows) = read(&text);
            let (bytes, exported) = fixture.file(&document, Format::FocusParquet(version), 2);
            let number = version.number();
            assert!(
                exported.file_name.ends_with(&format!(".focus-{number}.parquet")),
                "{}",
                exported.file_name
            );
            let reader = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
            let metadata = reader.metadata().file_metadata();
            let entry =
                metadata.key_value_metadata().unwrap().iter().find(|entry| entry.key == "FocusVersion");
            assert_eq!(entry.unwrap().value.as_deref(), Some(number));
            let schema = metadata.schema_descr().columns();
            assert_eq!(schema.iter().map(|column| column.name()).collect::<Vec<_>>(), header);
            for ((name, _, nullable), column) in columns_of(version).zip(schema) {
                let optional = column.self_type().get_basic_info().repetition() == Repetition::OPTIONAL;
                assert_eq!(optional, nullable, "{name}");
            }
            let types: BTreeMap<&str, Type> = columns_of(version).map(|(name, of, _)| (name, of)).collect();
            let mut count = 0;
            for (found, row) in reader.get_row_iter(None).unwrap().zip(&rows) {
                for (name, found) in found.unwrap().get_column_iter() {
                    let of = types.get(name.as_str()).copied().unwrap_or(Type::String);
                    let text = row[name].as_str();
                    // The apostrophe that protects spreadsheets is only in the CSV.
                    let undefused = text.strip_prefix('\'').unwrap_or(text);
                    match (of, found) {
                        (_, Found::Null) => assert_eq!(text, "", "{name}"),
                        (Type::Decimal, Found::Decimal(decimal)) => {
                            let mantissa = i128::from_be_bytes(decimal.data().try_into().unwrap());
                            let places = u32::try_from(decimal.scale()).unwrap();
                            assert_eq!(mantissa * 10_i128.pow(12 - places), steps(text), "{name}");
                        }
                        (Type::DateTime, Found::TimestampMillis(millis)) => {
                            assert_eq!(*millis, unix_s(text) * 1_000, "{name}");
                        }
                        (Type::String | Type::KeyValue, Found::Str(value)) => {
                            let clean: String = value
                                .chars()
                                .map(|c| {
                                    if c.is_ascii_control() && !"\t\r\n".contains(c) { '\u{fffd}' } else { c }
                                })
                                .collect();
                            assert!(clean == text || clean == undefused, "{name}: {value:?} {text:?}");
                            assert!(!value.is_empty(), "{name}: an empty text must be null");
                        }
                        other => panic!("{name}: {other:?}"),
                    }
                }
                count += 1;
            }
            assert_eq!(count, rows.len());
        }
    }
}

#[test]
fn any_filter_gives_the_rows_and_sums_of_the_list() {
    let fixture = Fixture::shared();
    proptest!(ProptestConfig::with_cases(16), |(query in any_query())| {
        let (_, sums) = fixture.list(&query);
        let document = Document::UnpaidOrders(query);
        let (bytes, _) = fixture.file(&document, Format::FocusCsv(FocusVersion::V1_2), 2);
        let (_, rows) = read(&bytes);
        let total = |name: &str| rows.iter().map(|row| steps(&row[name])).sum::<i128>();
        prop_assert_eq!(rows.len(), usize::try_from(sums.orders).unwrap());
        prop_assert_eq!(total("ContractedCost"), sums.total * 10_000);
        prop_assert_eq!(total("ListCost"), sums.original * 10_000);
        let (bytes, exported) = fixture.file(&document, Format::FocusParquet(FocusVersion::V1_2), 2);
        let reader = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
        let contracted = |row: Row| match row.get_column_iter().find(|(name, _)| *name == "ContractedCost") {
            Some((_, Found::Decimal(cost))) => i128::from_be_bytes(cost.data().try_into().unwrap()),
            other => panic!("{other:?}"),
        };
        let costs = reader.get_row_iter(None).unwrap().map(|row| contracted(row.unwrap()));
        prop_assert_eq!(costs.sum::<i128>(), sums.total);
        prop_assert_eq!(exported.rows, sums.orders);
    });
}

/// Costs at a price are price × quantity, as the specification requires; what was billed may differ.
#[test]
fn amounts_that_are_not_exact_are_in_the_billed_cost() {
    // rule, OrderTotalPrice, OriginalPrice | BilledCost, ContractedCost, ListCost
    let table = [
        (AmountRule::Exact, ["0.0004116", "0.0005"], ["0.0004116", "0.0004116", "0.0005"]),
        (AmountRule::CentUp, ["0.01", "0.01"], ["0.01", "0.0004116", "0.0005"]),
        (AmountRule::AsBilled, ["0.07", "3.00"], ["0.07", "0.0004116", "0.0005"]),
    ];
    let orders: Vec<NewOrder> = (8..)
        .step_by(8)
        .zip(&table)
        .map(|(n, (rule, [total, original], _))| {
            // Order 8, 16, … is paid.
            let mut new = order(n);
            let [list, discount] = ["0.0025", "0.002058"].map(|price| UnitPrice::parse(price).unwrap());
            (new.line.list_price, new.line.discount_price) = (list, discount);
            (new.line.pricing_unit, new.line.amount_rule) = (11, *rule);
            new.order.quantity = 200;
            let [total, original] = [total, original].map(|amount| Amount::parse(amount).unwrap());
            (new.order.total, new.order.original) = (total, original);
            new.order.deductions = Deductions::default().with(AccountKind::Cash, total);
            new.check_stored(&Catalogue::built_in()).unwrap();
            new
        })
        .collect();
    let fixture = Fixture::with(&orders);
    for version in VERSIONS {
        let (bytes, exported) = fixture.file(&paid(), Format::FocusCsv(version), 1);
        let (_, rows) = read(&bytes);
        assert_eq!(exported.total, 41_160 + 1_000_000 + 7_000_000);
        for (new, (_, _, costs)) in orders.iter().zip(&table) {
            let row = rows.iter().find(|row| row["x_OrderNo"] == new.order.number).unwrap();
            let found = ["BilledCost", "ContractedCost", "ListCost"].map(|name| row[name].as_str());
            assert_eq!(found, *costs, "{row:?}");
            assert_eq!(row["EffectiveCost"], row["BilledCost"]);
        }
    }
}

#[test]
fn bytes_do_not_depend_on_threads() {
    let fixture = Fixture::shared();
    for version in VERSIONS {
        for format in [Format::FocusCsv(version), Format::FocusParquet(version)] {
            let (bytes, _) = fixture.file(&paid(), format, 1);
            for threads in [2, 5] {
                assert!(fixture.file(&paid(), format, threads).0 == bytes, "{format} {threads}");
            }
        }
    }
}

#[test]
fn a_summary_is_refused() {
    let fixture = Fixture::with(&[]);
    for version in VERSIONS {
        for format in [Format::FocusCsv(version), Format::FocusParquet(version)] {
            let refused = fixture.export(&summary(), format, 1).unwrap_err();
            assert!(matches!(refused, ExportError::NoSummary(named) if named == format), "{refused}");
        }
    }
}

#[test]
fn billing_periods_are_months_of_the_deployment() {
    // 2025-12-01T03:00:00Z is the start of December at -03:00.
    let december_s = 1_764_558_000;
    let orders: Vec<_> = [december_s - 3_600, december_s]
        .into_iter()
        .zip(4..)
        .map(|(start_s, n)| {
            let mut new = order(n);
            (new.order.start_time_s, new.order.end_time_s) = (start_s, start_s + 3_600);
            new
        })
        .collect();
    let mut fixture = Fixture::with(&orders);
    fixture.presentation = fixture.presentation.clone().with_offsets(HourOffsets::fixed(-10_800));
    for version in VERSIONS {
        let (bytes, _) = fixture.file(&paid(), Format::FocusCsv(version), 1);
        let (_, rows) = read(&bytes);
        let periods: Vec<_> = rows
            .iter()
            .map(|row| {
                ["ChargePeriodStart", "BillingPeriodStart", "BillingPeriodEnd"].map(|name| &*row[name])
            })
            .collect();
        assert_eq!(
            periods,
            [
                ["2025-12-01T03:00:00Z", "2025-12-01T03:00:00Z", "2026-01-01T03:00:00Z"],
                ["2025-12-01T02:00:00Z", "2025-11-01T03:00:00Z", "2025-12-01T03:00:00Z"],
            ]
        );
    }
}

#[test]
fn providers_have_the_names_of_their_version() {
    let fixture = Fixture::with(&[order(4)]);
    let names =
        ["HostProviderName", "InvoiceIssuerName", "ProviderName", "PublisherName", "ServiceProviderName"];
    for (version, expected) in [
        (FocusVersion::V1_0, &names[1..4]),
        (FocusVersion::V1_2, &names[1..4]),
        (FocusVersion::V1_3, &names[..]),
        (FocusVersion::V1_4, &[names[0], names[1], names[4]]),
    ] {
        let (header, rows) = read(&fixture.file(&paid(), Format::FocusCsv(version), 1).0);
        let mut found: Vec<&str> =
            header.iter().map(String::as_str).filter(|name| names.contains(name)).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{version:?}");
        assert!(expected.iter().all(|name| rows[0][*name] == "Tollbook"));
    }
}
