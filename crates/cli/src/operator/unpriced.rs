//! `usage unpriced --summary`: usage without a price by provider and model.

use serde_json::{Value, json};
use tollbook_api::views;
use tollbook_domain::money::format_amount_sum;
use tollbook_ops::pricing::{AtRisk, UnpricedGroup, UnpricedSummary, at_risk, summarize_unpriced};

use super::context::{CommandContext, now_s};
use crate::arguments::{Global, Uncharged};
use crate::output::{Failure, Output, printable, table, with_thousands};

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
    let book = context.store.snapshot()?.prices()?;
    let risks: Vec<Vec<AtRisk>> =
        groups.iter().map(|group| at_risk(&book, &context.catalogue, group, now_s())).collect();
    let models = groups.iter().zip(&risks).map(|(group, risks)| with_risk(group, risks));
    let value = json!({"Models": models.collect::<Vec<_>>(), "HasMore": has_more});
    output.result(&value, || {
        let shown = group_table(&groups, &risks);
        if has_more { format!("{shown}\nand {} more models", count - groups.len()) } else { shown }
    });
    Ok(())
}

/// A group with the money at risk.
pub(super) fn with_risk(group: &UnpricedGroup, risks: &[AtRisk]) -> Value {
    let mut value = views::unpriced_group(group);
    value["AtRisk"] = views::at_risk(risks);
    value
}

/// Groups, with the money at risk at the list prices of the nearest models.
pub(super) fn group_table(groups: &[UnpricedGroup], risks: &[Vec<AtRisk>]) -> String {
    let headers =
        ["Provider", "ModelID", "Records", "At risk", "Quantities", "Nearest names with prices", "Reason"];
    table(&headers, groups.iter().zip(risks).map(|(group, risks)| row_of(group, risks)))
}

/// Amounts by currency, such as `1,234.50 CNY`.
pub(super) fn risk_text(risks: &[AtRisk]) -> String {
    let amount = |risk: &AtRisk| {
        let more = if risk.without.is_empty() { "" } else { " and more" };
        format!("{} {}{more}", with_thousands(&format_amount_sum(risk.amount)), risk.currency)
    };
    risks.iter().map(amount).collect::<Vec<_>>().join(", ")
}

fn row_of(group: &UnpricedGroup, risks: &[AtRisk]) -> Vec<String> {
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
        risk_text(risks),
        quantities.join(", "),
        near.join(", "),
        reason,
    ]
}
