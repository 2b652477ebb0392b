//! `prices import`: stores a price list, and shows what it changed, rounded, left out and what can never be chosen.

use std::path::Path;

use tollbook_api::views;
use tollbook_domain::Price;
use tollbook_formats::prices::{self, PublishedModel, RoundedPrice, UnreadKind};
use tollbook_ops::pricing::{
    HiddenPrice, PriceImport, PriceImported, PricePreview, import_prices, preview_prices,
};

use super::context::{CommandContext, now_s, time_text};
use super::price_values::conditions;
use crate::output::{Failure, Output, note, printable, table};

/// Maximum number of lines to print of each kind.
const SHOWN: usize = 20;
/// Maximum number of changed prices to print.
const SHOWN_CHANGES: usize = 100;

pub(super) fn import(
    context: &CommandContext,
    file: &Path,
    valid_from_s: Option<i64>,
    import: &PriceImport,
    is_dry_run: bool,
    output: &Output,
) -> Result<(), Failure> {
    let offsets = context.store.snapshot()?.hour_offsets()?;
    let list = prices::read(file, valid_from_s, &context.catalogue, &offsets)?;
    let (omitted, unread) = (list.omitted.clone(), list.unread.clone());
    let (done, value, changes) = if is_dry_run {
        let preview = preview_prices(&context.charging(), &list, import)?;
        let value = views::previewed(&preview, &omitted, &unread);
        let PricePreview { imported, changes } = preview;
        (imported, value, Some(changes))
    } else {
        let done = import_prices(&context.charging(), list, import, now_s())?;
        let value = views::imported(&done, &omitted, &unread);
        (done, value, None)
    };
    note_all(&done.rounded, |rounded| {
        let RoundedPrice { provider, model_id, sku, stated, kept } = rounded;
        format!("{provider} {model_id} {sku}: {stated} has more than 12 places, kept as {kept}")
    });
    note_all(&unread, unread_text);
    note_all(&done.hidden, hidden_text);
    output.result(&value, || {
        let summary = summary(&done, omitted.len(), unread.len());
        match changes {
            Some(changes) => {
                format!("{}nothing was changed; it would be:\n{summary}", change_table(&changes))
            }
            None => summary,
        }
    });
    Ok(())
}

/// Prices before and after, at most so many that a person reads them.
fn change_table(changes: &[(Option<Price>, Price)]) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let rows = changes.iter().take(SHOWN_CHANGES).map(|(before, after)| {
        vec![
            printable(&after.provider),
            printable(&after.model_id),
            printable(&after.sku),
            before.as_ref().map_or_else(|| "new".to_owned(), |price| price.list_price.to_string()),
            after.list_price.to_string(),
            after.currency.clone(),
            after.pricing_unit.to_string(),
            time_text(after.valid_from_s),
            conditions(after),
        ]
    });
    let headers = ["Provider", "Model", "SKU", "Before", "After", "Currency", "Unit", "From", "Only"];
    let more = match changes.len().checked_sub(SHOWN_CHANGES).filter(|more| *more > 0) {
        Some(more) => format!("\n… and {more} more; --json lists all"),
        None => String::new(),
    };
    format!("{}{more}\n\n", table(&headers, rows))
}

fn note_all<T>(all: &[T], text: impl Fn(&T) -> String) {
    for one in all.iter().take(SHOWN) {
        note(&printable(&text(one)));
    }
    if let Some(more) = all.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        note(&format!("… and {more} more; --json lists all"));
    }
}

/// Maximum number of models to name of one kind.
const SHOWN_MODELS: usize = 5;

fn unread_text(unread: &UnreadKind) -> String {
    let name = |PublishedModel { provider, model_id }: &PublishedModel| format!("{provider} {model_id}");
    let mut models: Vec<String> = unread.models.iter().take(SHOWN_MODELS).map(name).collect();
    if let Some(more) = unread.models.len().checked_sub(SHOWN_MODELS).filter(|more| *more > 0) {
        models.push(format!("{more} more"));
    }
    format!("{} is not read, and no price is made of it: {}", unread.kind, models.join(", "))
}

fn hidden_text(hidden: &HiddenPrice) -> String {
    let HiddenPrice { provider, model_id, skus, names, by } = hidden;
    let provider = if provider.is_empty() { String::new() } else { format!("{provider} ") };
    let names = if names.is_empty() { String::new() } else { format!(" for {}", names.join(", ")) };
    format!(
        "{provider}{model_id} ({}) can never be chosen{names}: {:?} of list {:?} holds, {} {} for {}",
        skus.join(", "),
        by.model_id,
        by.list,
        by.list_price,
        by.currency,
        by.sku
    )
}

fn summary(done: &PriceImported, left_out: usize, unread: usize) -> String {
    let PriceImported { list, put, .. } = done;
    let mut lines = vec![format!(
        "list {:?}: {} prices: {} added, {} changed, {} unchanged; {} rounded; {left_out} models left out; {} usage \
         records without a price were charged",
        list.name,
        done.prices,
        put.added,
        put.changed,
        put.unchanged,
        done.rounded.len(),
        done.charged
    )];
    if !list.conversion.is_identity() {
        let rate = list.conversion.rate.as_ref().map(|rate| format!(", rate {rate}")).unwrap_or_default();
        lines.push(format!("prices are list price × factor {}{rate}", list.conversion.factor));
    }
    if done.not_stated > 0 {
        lines.push(format!(
            "{} prices of the list are not stated by the file and stay as they were; `prices remove` removes them",
            done.not_stated
        ));
    }
    if unread > 0 {
        lines.push(format!(
            "kinds of price that are not read: {unread}; usage that counts them has no price from this list, and \
             surcharges among them are not charged"
        ));
    }
    if !done.hidden.is_empty() {
        lines.push(format!("models with prices that can never be chosen: {}", done.hidden.len()));
    }
    if !done.partly_matched.is_empty() {
        lines.push(format!(
            "models that match names only by a part, such as their beginning: {}; `prices explain` shows how a name matched",
            done.partly_matched.len()
        ));
    }
    lines.join("\n")
}
