//! `usage unpriced --summary`: usage without a price by provider and model.

use serde_json::json;
use tollbook_api::views;
use tollbook_ops::pricing::{UnpricedGroup, UnpricedSummary, summarize_unpriced};

use super::context::CommandContext;
use crate::arguments::{Global, Uncharged};
use crate::output::{Failure, Output, printable, table};

pub(super) fn summary(global: &Global, arguments: &Uncharged, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    if let Some(company_id) = arguments.company
        && context.store.snapshot()?.company(company_id)?.is_none()
    {
        return Err(Failure::new(format!("company {company_id} does not exist")));
    }
    let UnpricedSummary { groups, all_groups: count, .. } =
        summarize_unpriced(context.store.as_ref(), arguments.company, arguments.limit)?;
    let has_more = count > groups.len();
    let value =
        json!({"Models": groups.iter().map(views::unpriced_group).collect::<Vec<_>>(), "HasMore": has_more});
    output.result(&value, || {
        let headers = ["Provider", "ModelID", "Records", "Quantities", "Nearest names with prices", "Reason"];
        let shown = table(&headers, groups.iter().map(row_of));
        if has_more { format!("{shown}\nand {} more models", count - groups.len()) } else { shown }
    });
    Ok(())
}

fn row_of(group: &UnpricedGroup) -> Vec<String> {
    let quantities: Vec<String> =
        group.quantities.iter().map(|(sku, quantity)| format!("{} {quantity}", printable(sku))).collect();
    let near: Vec<String> = group
        .near
        .iter()
        .map(|near| match near.provider.as_str() {
            "" => printable(&near.name),
            provider => printable(&format!("{provider} {}", near.name)),
        })
        .collect();
    let first = printable(group.reasons.keys().next().map_or("", String::as_str));
    let reason = match group.reasons.len() {
        0 | 1 => first,
        several => format!("{first}, and {} more", several - 1),
    };
    vec![
        printable(&group.provider),
        printable(&group.model_id),
        group.records.to_string(),
        quantities.join(", "),
        near.join(", "),
        reason,
    ]
}
