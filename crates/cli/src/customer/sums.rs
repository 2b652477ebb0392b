//! `orders summary`, `orders amount` and `orders options`: sums, and the values of filters.

use serde_json::Value;

use super::time::Days;
use super::{client, parameters_of};
use crate::arguments::{Global, Options, Ranged, Summary};
use crate::output::{Failure, Output, printable, table};

fn cell(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), printable)
}

fn rows(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

pub(crate) fn summary(global: &Global, arguments: &Summary, output: &Output) -> Result<(), Failure> {
    let days = Days::of_customer(global.time_zone.as_ref());
    let action = if arguments.unpaid { "ListUnpaidOrderSummary" } else { "ListPaidOrderSummary" };
    let answer = client::call(&arguments.ranged.account, action, parameters_of(&arguments.ranged, &days))?;
    let columns = [
        "ResourceId",
        "ModelName",
        "PricingSKU",
        "DiscountPrice",
        "PricingUnitName",
        "SumQuantityDisplay",
        "OrderCount",
        "SumOrderPrice",
        "Currency",
    ];
    output.result(&answer, || {
        table(
            &columns,
            rows(&answer["Summaries"]).map(|row| columns.iter().map(|name| cell(&row[*name])).collect()),
        )
    });
    Ok(())
}

pub(crate) fn amount(global: &Global, arguments: &Ranged, output: &Output) -> Result<(), Failure> {
    let days = Days::of_customer(global.time_zone.as_ref());
    let answer = client::call(&arguments.account, "GetOrderAmount", parameters_of(arguments, &days))?;
    output.result(&answer, || {
        let names = [
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
        names.map(|name| format!("{name:17} {}", cell(&answer[name]))).join("\n")
    });
    Ok(())
}

pub(crate) fn options(arguments: &Options, output: &Output) -> Result<(), Failure> {
    let product = arguments.product_code.iter().map(|code| ("ProductCode".to_owned(), code.clone()));
    let answer = client::call(&arguments.account, "GetFilterOptions", product.collect())?;
    output.result(&answer, || {
        let lists = [
            "Projects",
            "ResourceIds",
            "Models",
            "PricingSKUs",
            "PricingUnits",
            "OrderTypes",
            "Regions",
            "ProductCodes",
            "Dimensions",
        ];
        let choices = lists.iter().flat_map(|name| {
            rows(&answer[*name]).map(move |o| vec![(*name).to_owned(), cell(&o["Value"]), cell(&o["Name"])])
        });
        table(&["Filter", "Value", "Name"], choices)
    });
    Ok(())
}
