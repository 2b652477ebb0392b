//! `prices lists`, `explain`, `remove` and `export`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use serde_json::json;
use tollbook_api::views::{self, matched_by, outcome};
use tollbook_domain::Price;
use tollbook_domain::price_explanation::Candidate;
use tollbook_formats::prices;
use tollbook_ops::pricing::{self, PriceListSummary, PriceQuestion};
use tollbook_store::PriceSelection;

use super::context::{CommandContext, now_s, time_text};
use super::price_values::conditions;
use crate::arguments::ExplainPrice;
use crate::output::{Failure, Output, printable, table};

pub(super) fn lists(context: &CommandContext, order: &[String], output: &Output) -> Result<(), Failure> {
    let store = context.store.as_ref();
    if !order.is_empty() {
        pricing::order_lists(store, order)?;
    }
    let lists = pricing::price_lists(store)?;
    output.result(&views::price_lists(&lists), || {
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
    let time_s = context.optional_unix_s("--at", *at)?.unwrap_or_else(now_s);
    let (company_id, tokens) = (*company_id, *tokens);
    let question = PriceQuestion { company_id, provider, model_id: model, sku, tokens, tier, time_s };
    let explained = pricing::explain_price(context.store.as_ref(), &question)?;
    let value = views::explained_price(&explained);
    let (held, charged, factor) = (explained.held(), explained.charged(), explained.factor);
    let found = explained.candidates();
    output.result(&value, || {
        let summary = match held.as_ref().zip(charged) {
            None => format!("no price in {} applies: such usage is kept without a price", explained.currency),
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
