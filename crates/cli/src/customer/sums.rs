//! `orders summary`, `orders amount` and `orders options`: sums, and the values of filters.

use serde_json::{Value, json};
use tollbook_export::fields::ORDER_SUMMARY_ITEM;

use super::time::Days;
use super::{client, named, parameters_of, range_of};
use crate::arguments::{Amounts, Global, Options, Summary};
use crate::output::{Column, Failure, Kind, Output, Table, printable, text_of, with_thousands};

/// The members of the answer of `GetOrderAmount`, in the order in which they are shown.
const AMOUNTS: [&str; 13] = [
    "Currency",
    "TotalOrderAmount",
    "PaidAmount",
    "UnpaidAmount",
    "PendingAmount",
    "StarCardAmount",
    "CouponAmount",
    "BonusAmount",
    "CashAmount",
    "CreditAmount",
    "OrderCount",
    "PaidCount",
    "UnpaidCount",
];

fn rows(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

pub(crate) fn summary(global: &Global, arguments: &Summary, output: &Output) -> Result<(), Failure> {
    let days = Days::of_customer(global.time_zone.as_ref());
    let action = if arguments.unpaid { "ListUnpaidOrderSummary" } else { "ListPaidOrderSummary" };
    let parameters = parameters_of(&arguments.ranged, range_of(&arguments.ranged, &days));
    let answer = client::call(&arguments.ranged.account, action, parameters)?;
    let members: Vec<&str> = ORDER_SUMMARY_ITEM.iter().map(|field| field.name).collect();
    output.list(&answer, &members, rows(&answer["Summaries"]), || summary_text(&answer));
    Ok(())
}

fn summary_text(answer: &Value) -> String {
    let mut currencies: Vec<String> =
        rows(&answer["Summaries"]).map(|row| text_of(&row["Currency"])).collect();
    currencies.sort();
    currencies.dedup();
    if currencies.is_empty() {
        return "no orders in this range; --start and --end state another".to_owned();
    }
    // An amount never adds two currencies.
    let tables = currencies.iter().map(|currency| {
        let of_currency = rows(&answer["Summaries"]).filter(|row| row["Currency"] == currency.as_str());
        let cells: Vec<Vec<String>> = of_currency.map(summary_row).collect();
        let mut table = Table::new(vec![
            Column::new("Resource", Kind::Text),
            Column::new("Model", Kind::Text),
            Column::new("SKU", Kind::Text),
            Column::new("Price", Kind::Number),
            Column::new("per", Kind::Text),
            Column::new("Quantity", Kind::Number),
            Column::new("Orders", Kind::Count),
            Column::new(format!("Total ({currency})"), Kind::Sum),
        ]);
        let text = table.part(&cells);
        let total = table.total("sum").map(|total| format!("\n{total}")).unwrap_or_default();
        format!("{text}{total}")
    });
    tables.collect::<Vec<_>>().join("\n\n")
}

fn summary_row(row: &Value) -> Vec<String> {
    let text = |name: &str| text_of(&row[name]);
    vec![
        named(&text("ResourceName"), &text("ResourceId")),
        named(&text("ModelName"), &text("ModelID")),
        text("PricingSKU"),
        text("DiscountPrice"),
        text("PricingUnitName"),
        text("SumQuantityDisplay"),
        text("OrderCount"),
        text("SumOrderPrice"),
    ]
}

pub(crate) fn amount(global: &Global, arguments: &Amounts, output: &Output) -> Result<(), Failure> {
    let ranged = &arguments.ranged;
    let days = Days::of_customer(global.time_zone.as_ref());
    let parameters = parameters_of(ranged, range_of(ranged, &days));
    let answer = client::call(&ranged.account, "GetOrderAmount", parameters)?;
    output.list(&answer, &AMOUNTS, [&answer], || {
        let shown = AMOUNTS.map(|name| with_thousands(&printable(&text_of(&answer[name]))));
        // Amounts and counts are below each other by their decimal points.
        let whole = |text: &str| text.find('.').unwrap_or(text.len());
        let widest = shown.iter().map(|text| whole(text)).max().unwrap_or_default();
        let lines = AMOUNTS
            .iter()
            .zip(&shown)
            .map(|(name, text)| format!("{name:17} {}{text}", " ".repeat(widest - whole(text))));
        lines.collect::<Vec<_>>().join("\n")
    });
    Ok(())
}

pub(crate) fn options(arguments: &Options, output: &Output) -> Result<(), Failure> {
    let product = arguments.product_code.iter().map(|code| ("ProductCode".to_owned(), code.clone()));
    let answer = client::call(&arguments.account, "GetFilterOptions", product.collect())?;
    // The lists of the answer with the option of this program that takes their values.
    let lists = [
        ("Projects", "--organization"),
        ("ResourceIds", "--resource"),
        ("Models", "--model"),
        ("PricingSKUs", "--sku"),
        ("PricingUnits", "--unit"),
        ("OrderTypes", "--order-type"),
        ("Regions", "--region"),
        ("ProductCodes", "--product"),
        ("Dimensions", ""),
    ];
    let choices: Vec<Value> = lists
        .iter()
        .flat_map(|(list, option)| {
            rows(&answer[*list]).map(move |choice| {
                json!({"Filter": list, "Value": choice["Value"], "Name": choice["Name"], "Option": option})
            })
        })
        .collect();
    output.list(&answer, &["Filter", "Value", "Name", "Option"], &choices, || {
        let columns = ["Filter", "Option", "Value", "Name"];
        let kinds = [Kind::Code, Kind::Code, Kind::Text, Kind::Text];
        let mut table =
            Table::new(columns.into_iter().zip(kinds).map(|(name, kind)| Column::new(name, kind)).collect());
        let cells = |choice: &Value| columns.map(|name| text_of(&choice[name])).to_vec();
        table.part(&choices.iter().map(cells).collect::<Vec<_>>())
    });
    Ok(())
}
