//! `orders paid` and `orders unpaid`: one page of a list.

use serde_json::Value;

use super::time::Days;
use super::{client, parameters_of};
use crate::arguments::{Global, List};
use crate::output::{Failure, Output, printable, table};

pub(crate) fn run(global: &Global, action: &str, arguments: &List, output: &Output) -> Result<(), Failure> {
    let days = Days::of_customer(global.time_zone.as_ref());
    let mut parameters = parameters_of(&arguments.ranged, &days);
    parameters.push(("Page".to_owned(), arguments.page.to_string()));
    parameters.push(("PageSize".to_owned(), arguments.page_size.to_string()));
    let answer = client::call(&arguments.ranged.account, action, parameters)?;
    output.result(&answer, || show(&answer, &days));
    Ok(())
}

fn show(answer: &Value, days: &Days) -> String {
    let start = format!("Start ({days})");
    let no_orders = Vec::new();
    let orders = answer["Orders"].as_array().unwrap_or(&no_orders);
    let text = |order: &Value, name: &str| printable(order[name].as_str().unwrap_or_default());
    let rows = orders.iter().map(|order| {
        vec![
            days.display(order["StartTime"].as_i64().unwrap_or_default()),
            text(order, "OrderNo"),
            text(order, "OrganizationName"),
            text(order, "ResourceID"),
            match text(order, "ModelName") {
                name if name.is_empty() => text(order, "ProductCodeDisplay"),
                name => name,
            },
            text(order, "PricingSKU"),
            text(order, "QuantityDisplay"),
            text(order, "OrderTotalPrice"),
            text(order, "Currency"),
            text(order, "StatusDisplay"),
        ]
    });
    let headers =
        [start.as_str(), "OrderNo", "Project", "Resource", "Model", "SKU", "Quantity", "Total", "", "Status"];
    format!(
        "{}\n\npage {}: {} of {} orders",
        table(&headers, rows),
        answer["Page"],
        orders.len(),
        answer["Total"]
    )
}
