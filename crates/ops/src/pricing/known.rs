//! Whether a model or product that a command names is known: a typing error would make a discount or coupon that nothing
//! can use.

use tollbook_domain::Catalogue;
use tollbook_store::{Snapshot, StoreResult};

/// Whether a model has a price, or a company has lines of it. Without a company, prices alone are looked at.
///
/// # Errors
/// Those of the store.
pub fn knows_model(
    snapshot: &mut dyn Snapshot,
    company_id: Option<i64>,
    model_id: &str,
) -> StoreResult<bool> {
    let has_price = snapshot
        .prices()?
        .iter()
        .any(|price| price.model_id == model_id || price.models.closeness(model_id).is_some());
    let Some(company_id) = company_id.filter(|_| !has_price) else { return Ok(has_price) };
    Ok(snapshot.lines(company_id)?.iter().any(|line| line.model_id == model_id))
}

/// Whether a product is in the catalogue, or a company has lines of it.
///
/// # Errors
/// Those of the store.
pub fn knows_product(
    snapshot: &mut dyn Snapshot,
    catalogue: &Catalogue,
    company_id: i64,
    code: &str,
) -> StoreResult<bool> {
    Ok(catalogue.has_product(code)
        || snapshot.lines(company_id)?.iter().any(|line| line.product_code == code))
}
