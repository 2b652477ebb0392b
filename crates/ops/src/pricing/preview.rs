//! What importing a price list would change. It is done in a transaction that is not committed.

use std::collections::HashMap;

use tollbook_domain::Price;
use tollbook_formats::prices::PriceList;
use tollbook_store::Store;

use super::import::{PriceImport, PriceImported, PricingError, imported, put};

/// A price that an import would add or change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceChange {
    /// The price as it is; `None`: there is none.
    pub before: Option<Price>,
    /// The price as it would be.
    pub after: Price,
}

/// What an import would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricePreview {
    /// What it would report. The usage that it would charge is not known and 0.
    pub imported: PriceImported,
    /// The prices that would differ, in the order of the book.
    pub changes: Vec<PriceChange>,
}

/// Shows what [`import_prices`](super::import_prices) would change, and changes nothing.
///
/// # Errors
/// Those of the import.
pub fn preview_import(
    store: &dyn Store,
    file: &PriceList,
    import: &PriceImport,
) -> Result<PricePreview, PricingError> {
    let mut transaction = store.begin()?;
    let before = transaction.prices()?;
    let put = put(transaction.as_mut(), file, import)?;
    let after = transaction.prices()?;
    drop(transaction);
    let of_list = |book: &[Price]| -> Vec<Price> {
        book.iter().filter(|price| price.list == put.list.name).cloned().collect()
    };
    let before: HashMap<String, Price> =
        of_list(&before).into_iter().map(|price| (subject(&price), price)).collect();
    let changed = of_list(&after).into_iter().filter_map(|after| {
        let before = before.get(&subject(&after)).cloned();
        (before.as_ref() != Some(&after)).then_some(PriceChange { before, after })
    });
    let changes = changed.collect();
    Ok(PricePreview { imported: imported(&after, put, 0), changes })
}

/// What a price is for, within its list.
fn subject(price: &Price) -> String {
    format!(
        "{:?}",
        (
            [&price.provider, &price.model_id, &price.sku, &price.currency, &price.service_tier],
            price.models.to_text(),
            (price.valid_from_s, price.longer_than, price.time_of_day, price.is_fallback),
        )
    )
}
