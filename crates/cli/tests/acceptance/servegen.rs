//! An order file made from the ServeGen windows is imported, listed, summed and exported. All results must equal a
//! naive count of the same windows.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;

use serde_json::Value;

use tollbook_testkit::shared_data;

use crate::program::{Company, Fixture, Server, on_each_database, steps};
use crate::python::python;

const HOUR: i64 = 3_600;
/// 2026-06-01T00:00:00Z; the published trace has no calendar date.
const FIRST_DAY: i64 = 1_780_272_000;
const ORDERS: usize = 30_000;

/// The naive count: amounts in 10⁻⁸, computed by additions only.
#[derive(Default)]
struct Naive {
    orders: i64,
    quantity: i128,
    total: i128,
    by_key: BTreeMap<(String, String), (i64, i128, i128)>,
}

/// Tokens of one client, model and SKU in one hour.
type Usage = BTreeMap<(i64, String, String, &'static str), i64>;

fn usage(csv: &str) -> Usage {
    let mut usage = Usage::new();
    for row in csv.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let (window_s, requests) = (cells[0].parse::<i64>().unwrap(), cells[4].parse::<i64>().unwrap());
        // Means have three decimals. The tokens of a window are requests × mean, rounded down.
        let tokens = |mean: &str| {
            let (whole, fraction) = mean.split_once('.')?;
            let thousandths =
                whole.parse::<i64>().ok()? * 1_000 + format!("{fraction:0<3}").parse::<i64>().ok()?;
            Some(requests * thousandths / 1_000)
        };
        for (sku, mean) in [("input", cells[5]), ("output", cells[6])] {
            if let Some(tokens) = tokens(mean) {
                let key = (window_s / HOUR, cells[1].to_owned(), format!("{}-{}", cells[1], cells[2]), sku);
                *usage.entry(key).or_default() += tokens;
            }
        }
    }
    usage
}

/// Writes the order file as CSV and returns its naive count.
fn order_file(company: &Company, usage: &Usage) -> (String, Naive) {
    let mut csv = String::from(
        "CompanyID,OrganizationID,OrderNo,Status,Region,ProductCode,ChargeType,Channel,Currency,ResourceID,ModelID,\
         OrderType,PricingSKU,Quantity,PricingUnit,ListPrice,DiscountPrice,OrderTotalPrice,OriginalPrice,StartTime,\
         EndTime,PaidTime,CashAccount\n",
    );
    let mut naive = Naive::default();
    for (number, ((hour, model, client, sku), quantity)) in usage.iter().take(ORDERS).enumerate() {
        // Prices per million tokens have two decimals, so quantity × price is exact in 10⁻⁸.
        let cents = if *sku == "input" { 200 } else { 850 };
        let steps = i128::from(*quantity) * cents;
        let amount = format!("{}.{:08}", steps / 100_000_000, steps % 100_000_000);
        let price = format!("{}.{:02}", cents / 100, cents % 100);
        let start_s = FIRST_DAY + hour * HOUR;
        let _ = writeln!(
            csv,
            "{},1,SG{number:06},2,cn-wlcb,modelverse,102,1,CNY,{client},{model},102,{sku},{quantity},12,{price},{price},\
             {amount},{amount},{start_s},{},{},{amount}",
            company.id,
            start_s + HOUR,
            start_s + HOUR + 60,
        );
        naive.orders += 1;
        naive.quantity += i128::from(*quantity);
        naive.total += steps;
        let entry = naive.by_key.entry((client.clone(), (*sku).to_owned())).or_default();
        entry.0 += 1;
        entry.1 += i128::from(*quantity);
        entry.2 += steps;
    }
    (csv, naive)
}

on_each_database! { real_usage_is_imported_listed_summed_and_exported_with_equal_results }

fn real_usage_is_imported_listed_summed_and_exported_with_equal_results(fixture: &Fixture) {
    let Some(shared) = shared_data("") else { return };
    let mut windows = String::new();
    let packed = std::fs::File::open(shared.join("data/servegen/servegen_windows.csv.gz")).unwrap();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut windows).unwrap();
    let company = fixture.company("ServeGen");
    let (csv, naive) = order_file(&company, &usage(&windows));
    assert_eq!(naive.orders, 30_000);
    fixture.write("servegen.csv", csv);
    assert_eq!(fixture.json(&["orders", "import", "servegen.csv"])["Added"], 30_000);

    let server = fixture.start(&["serve"]);
    let range = ["--start", "2026-06-01", "--end", "2026-07-01"];
    let ask = |arguments: &[&str]| server.ask(fixture, &company, &[arguments, &range[..]].concat());
    let amount = ask(&["orders", "amount"]);
    assert_eq!(amount["OrderCount"], naive.orders);
    assert_eq!(steps(&amount["TotalOrderAmount"]), naive.total);
    assert_eq!(steps(&amount["CashAmount"]), naive.total);
    compare_list(&ask, &naive);
    compare_summary(&ask(&["orders", "summary"]), &naive);
    compare_workbook(fixture, &server, &company, &naive);
    fixture.assert_verified(naive.orders);
}

/// Compares a list with the naive count. Each page must have the same total.
fn compare_list(ask: &dyn Fn(&[&str]) -> Value, naive: &Naive) {
    let (mut listed, mut total, mut quantity) = (0, 0, 0);
    let mut last = (i64::MAX, String::new());
    for page in 1..=naive.orders / 100 + 1 {
        // Every tenth page suffices to check the sequence; the first and last pages check the ends.
        if page % 10 != 1 && page < naive.orders / 100 {
            continue;
        }
        let answer = ask(&["orders", "paid", "--page-size", "100", "--page", &page.to_string()]);
        assert_eq!(answer["Total"], naive.orders);
        for order in answer["Orders"].as_array().unwrap() {
            let key = (order["StartTime"].as_i64().unwrap(), order["OrderNo"].as_str().unwrap().to_owned());
            assert!(key < last, "newest first, then by number descending");
            last = key;
            listed += 1;
            total += steps(&order["OrderTotalPrice"]);
            quantity += i128::from(order["Quantity"].as_i64().unwrap());
        }
    }
    assert_eq!(listed, 3_100);
    assert!(total > 0 && quantity > 0 && total < naive.total && quantity < naive.quantity);
}

fn compare_summary(answer: &Value, naive: &Naive) {
    let rows = answer["Summaries"].as_array().unwrap();
    assert_eq!(rows.len(), naive.by_key.len());
    for row in rows {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        let (orders, quantity, total) = naive.by_key[&(text("ResourceId"), text("PricingSKU"))];
        assert_eq!(row["OrderCount"], orders);
        assert_eq!(row["SumQuantity"].to_string(), quantity.to_string());
        assert_eq!(steps(&row["SumOrderPrice"]), total);
    }
}

fn compare_workbook(fixture: &Fixture, server: &Server, company: &Company, naive: &Naive) {
    let range = ["--start", "2026-06-01", "--end", "2026-07-01"];
    let saved =
        server.ask(fixture, company, &[&["orders", "download", "--output", "all.xlsx"], &range[..]].concat());
    let path = fixture.path("all.xlsx");
    assert_eq!(saved["FileSize"], std::fs::metadata(&path).unwrap().len());
    let workbook = python("workbook.py", &[path.to_str().unwrap(), "Order total", "Quantity"], &[]);
    let sheet = &workbook["Sheets"][0];
    assert_eq!(sheet["RowCount"], naive.orders);
    assert_eq!(sheet["Sums"]["Quantity"], naive.quantity.to_string());
    let whole = format!("{}.{:08}", naive.total / 100_000_000, naive.total % 100_000_000);
    assert_eq!(
        sheet["Sums"]["Order total"].as_str(),
        Some(whole.trim_end_matches('0').trim_end_matches('.'))
    );
    // Read the workbook with a second, independent reader.
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(&path).unwrap();
    let rows = calamine::Reader::worksheet_range(&mut book, "Paid orders").unwrap();
    assert_eq!(i64::try_from(rows.height()).unwrap(), naive.orders + 1);
}
