//! `orders pay`: pays unpaid orders by their numbers.

use serde_json::{Value, json};

use super::client;
use crate::arguments::Pay;
use crate::output::{Failure, Output, printable, table};

/// Maximum number of order numbers in one request (docs/ORDERS.md, "Paying").
const MAX_ORDERS: usize = 50;

pub(crate) fn run(arguments: &Pay, output: &Output) -> Result<(), Failure> {
    let (mut succeeded, mut failed) = (0, 0);
    let mut results: Vec<Value> = Vec::new();
    for numbers in arguments.orders.chunks(MAX_ORDERS) {
        let parameters = numbers.iter().enumerate();
        let parameters = parameters.map(|(index, number)| (format!("OrderNos.{index}"), number.clone()));
        let answer = client::call(&arguments.account, "StartPayUnpaidOrders", parameters.collect())?;
        succeeded += answer["SuccessCount"].as_i64().unwrap_or(0);
        failed += answer["FailureCount"].as_i64().unwrap_or(0);
        results.extend(answer["ResultSet"].as_array().into_iter().flatten().cloned());
    }
    let value = json!({"SuccessCount": succeeded, "FailureCount": failed, "ResultSet": results});
    if failed > 0 {
        return Err(Failure::with_value(
            format!("{failed} orders were not paid:\n{}", text(&results)),
            value,
        ));
    }
    output.list(&value, &["OrderNo", "Success", "Reason"], &results, || text(&results));
    Ok(())
}

fn text(results: &[Value]) -> String {
    let rows = results.iter().map(|result| {
        let result_text = match result["Success"].as_bool() {
            Some(true) => "paid".to_owned(),
            _ => printable(result["Reason"].as_str().unwrap_or_default()),
        };
        vec![printable(result["OrderNo"].as_str().unwrap_or_default()), result_text]
    });
    table(&["OrderNo", "Result"], rows)
}
