//! `prices lists`, `explain`, `remove` and `export`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use tollbook_domain::price::PriceQuery;
use tollbook_domain::price_explanation::{Candidate, Verdict, explain as candidates};
use tollbook_domain::provider_names::NameForm;
use tollbook_domain::usage::service_tier;
use tollbook_domain::{Discount, Price};
use tollbook_formats::prices;
use tollbook_ops::pricing::{self, PriceListSummary};
use tollbook_store::PriceSelection;

use super::context::{CommandContext, now_s, time_text};
use super::price_values::{conditions, price_value};
use crate::arguments::ExplainPrice;
use crate::output::{Failure, Output, printable, table};

pub(super) fn lists(context: &CommandContext, order: &[String], output: &Output) -> Result<(), Failure> {
    let store = context.store.as_ref();
    if !order.is_empty() {
        pricing::order_lists(store, order)?;
    }
    let lists = pricing::price_lists(store)?;
    let value = |(position, PriceListSummary { list, prices }): (usize, &PriceListSummary)| {
        json!({
            "Position": position,
            "List": list.name,
            "Own": list.is_own,
            "Format": list.format,
            "Prices": prices,
            "Factor": list.conversion.factor.to_string(),
            "Rate": list.conversion.rate.as_ref().map(ToString::to_string),
        })
    };
    let values: Vec<Value> = (1..).zip(&lists).map(value).collect();
    output.result(&json!({"Lists": values}), || {
        let rows = (1..).zip(&lists).map(|(position, PriceListSummary { list, prices }): (usize, _)| {
            vec![
                position.to_string(),
                printable(&list.name),
                if list.is_own { "own" } else { "published" }.to_owned(),
                list.format.clone(),
                prices.to_string(),
                list.conversion.factor.to_string(),
                list.conversion.rate.as_ref().map(ToString::to_string).unwrap_or_default(),
            ]
        });
        table(&["Position", "List", "Kind", "Format", "Prices", "Factor", "Rate"], rows)
    });
    Ok(())
}

pub(super) fn remove(
    context: &CommandContext,
    selection: PriceSelection<'_>,
    until_s: Option<i64>,
    output: &Output,
) -> Result<(), Failure> {
    let (ended, removed) = pricing::remove_prices(context.store.as_ref(), selection, until_s)?;
    let list = selection.list;
    output.result(&json!({"List": list, "Ended": ended, "Removed": removed}), || {
        let ended = if until_s.is_some() { format!("{ended} prices ended, ") } else { String::new() };
        format!("{ended}{removed} prices of list {list:?} removed; usage that was rated keeps its prices")
    });
    Ok(())
}

pub(super) fn export(
    context: &CommandContext,
    file: &Path,
    list: &str,
    output: &Output,
) -> Result<(), Failure> {
    let failed = |reason: &str| Failure::new(format!("{}: {reason}", file.display()));
    if file.extension().is_none_or(|ending| ending != "toml") {
        return Err(failed("must end in .toml"));
    }
    let mut snapshot = context.store.snapshot()?;
    let prices: Vec<Price> = snapshot.prices()?.into_iter().filter(|price| price.list == list).collect();
    if prices.is_empty() {
        return Err(Failure::new(format!("--list: there is no price list {list:?} with prices")));
    }
    let text = prices::write(&prices).map_err(|reason| failed(&reason))?;
    let mut target = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .map_err(|error| failed(&error.to_string()))?;
    let written = target.write_all(text.as_bytes()).and_then(|()| target.sync_all());
    written.map_err(|error| failed(&error.to_string()))?;
    let value = json!({"List": list, "Prices": prices.len(), "File": file.display().to_string()});
    output
        .result(&value, || format!("{} prices of list {list:?} written to {}", prices.len(), file.display()));
    Ok(())
}

pub(super) fn explain(
    context: &CommandContext,
    arguments: &ExplainPrice,
    output: &Output,
) -> Result<(), Failure> {
    let ExplainPrice { company: company_id, model, sku, provider, tokens, tier, at } = arguments;
    let mut snapshot = context.store.snapshot()?;
    let company = snapshot
        .company(*company_id)?
        .ok_or_else(|| Failure::new(format!("--company: company {company_id} does not exist")))?;
    let time_s = context.optional_unix_s("--at", *at)?.unwrap_or_else(now_s);
    let service_tier = service_tier(tier);
    let query = PriceQuery { sku, time_s, request_length: *tokens, service_tier: &service_tier };
    let book = snapshot.prices()?;
    let found = candidates(&book, provider, model, &company.currency, query);
    let factor = Discount::choose(&snapshot.discounts()?, *company_id, model, sku);
    let held = found.iter().find(|one| matches!(one.verdict, Verdict::Holds(_))).map(|one| one.price);
    let charged = held.map(|price| Discount::apply(factor, price.list_price));
    let value = json!({
        "CompanyID": company_id,
        "Currency": company.currency,
        "Provider": provider,
        "ModelID": model,
        "PricingSKU": sku,
        "Time": time_s,
        "Tokens": tokens,
        "ServiceTier": service_tier,
        "ListPrice": held.map(|price| price.list_price.to_string()),
        "Discount": factor.to_string(),
        "DiscountPrice": charged.map(|price| price.to_string()),
        "Prices": found.iter().map(candidate_value).collect::<Vec<_>>(),
    });
    output.result(&value, || {
        let summary = match held.zip(charged) {
            None => format!("no price in {} applies: such usage is kept without a price", company.currency),
            Some((price, charged)) => format!(
                "list price {} × discount {factor} = {charged} {} per pricing unit {}, at {}",
                price.list_price,
                price.currency,
                price.pricing_unit,
                time_text(time_s)
            ),
        };
        let headers = [
            "",
            "List",
            "Provider",
            "Model",
            "Price",
            "Currency",
            "Only",
            "Provider by",
            "Matched by",
            "Why",
        ];
        format!("{}\n\n{summary}", table(&headers, found.iter().map(candidate_row)))
    });
    Ok(())
}

/// The outcome of a price, and its reason.
fn outcome(candidate: &Candidate<'_>) -> (&'static str, String) {
    match candidate.verdict {
        Verdict::Holds(None) => ("holds", "no other price applies".to_owned()),
        Verdict::Holds(Some(rule)) => ("holds", rule.text().to_owned()),
        Verdict::Yields(rule) => ("applies", format!("not chosen: of the price that holds, {}", rule.text())),
        Verdict::Misfit(misfit) => ("does not apply", misfit.reason().to_owned()),
    }
}

fn candidate_value(candidate: &Candidate<'_>) -> Value {
    let (outcome, why) = outcome(candidate);
    let mut value = price_value(candidate.price);
    value["ProviderBy"] = json!(candidate.provider.text());
    value["MatchedBy"] = json!(matched_by(candidate));
    value["Outcome"] = json!(outcome);
    value["Why"] = json!(why);
    value
}

/// Which part of which form of the model's name is matched.
fn matched_by(candidate: &Candidate<'_>) -> String {
    let part = candidate.part.name();
    match candidate.form {
        NameForm::Stated => part.to_owned(),
        NameForm::Shortened => format!("{part}, shortened"),
    }
}

fn candidate_row(candidate: &Candidate<'_>) -> Vec<String> {
    let (outcome, why) = outcome(candidate);
    let price = candidate.price;
    vec![
        outcome.to_owned(),
        printable(&price.list),
        printable(&price.provider),
        printable(&price.model_id),
        price.list_price.to_string(),
        price.currency.clone(),
        conditions(price),
        candidate.provider.text().to_owned(),
        matched_by(candidate),
        why,
    ]
}
