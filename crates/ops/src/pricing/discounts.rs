//! Discounts on list prices: setting and removing them.

use serde_json::{Value, json};
use tollbook_domain::Discount;
use tollbook_store::{Snapshot, Store};

use super::import::PricingError;
use super::known::knows_model;
use crate::audit::{ActKind, record};

/// What setting a discount did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscountSet {
    /// Whether no price and no order has its model, so that it applies to nothing until there is one.
    pub has_unknown_model: bool,
}

/// Whose discount it is, and on what; 0 and empty texts stand for all of them.
fn of(
    snapshot: &mut dyn Snapshot,
    company_id: i64,
    model_id: &str,
    sku: &str,
) -> Result<Value, PricingError> {
    let is_it =
        |known: &&Discount| known.company_id == company_id && known.model_id == model_id && known.sku == sku;
    Ok(snapshot.discounts()?.iter().find(is_it).map_or(Value::Null, audited))
}

fn audited(discount: &Discount) -> Value {
    json!({
        "CompanyID": discount.company_id,
        "ModelID": discount.model_id,
        "PricingSKU": discount.sku,
        "Factor": discount.factor.to_string(),
    })
}

/// Sets a discount: the part of the list price that is charged for new usage.
///
/// # Errors
/// It is more than 1, names nothing, or names a company that does not exist; or the store fails.
pub fn set_discount(store: &dyn Store, discount: &Discount) -> Result<DiscountSet, PricingError> {
    if discount.factor > Discount::NONE {
        return Err(PricingError::argument("--factor", "must be at most 1"));
    }
    let Discount { company_id, model_id, sku, .. } = discount;
    if *company_id == 0 && model_id.is_empty() && sku.is_empty() {
        return Err(PricingError::argument("--company", "name a company, a model or a SKU"));
    }
    let mut transaction = store.begin()?;
    if *company_id != 0 && transaction.company(*company_id)?.is_none() {
        return Err(PricingError::argument("--company", format!("company {company_id} does not exist")));
    }
    let company = (*company_id != 0).then_some(*company_id);
    let has_unknown_model = !model_id.is_empty() && !knows_model(transaction.as_mut(), company, model_id)?;
    let before = of(transaction.as_mut(), *company_id, model_id, sku)?;
    transaction.set_discount(discount)?;
    record(transaction.as_mut(), ActKind::DiscountSet, *company_id, &before, &audited(discount));
    transaction.commit()?;
    Ok(DiscountSet { has_unknown_model })
}

/// Removes a discount; the next less specific one, if there is one, applies again. 0 and empty texts name the one for all
/// companies, models or SKUs.
///
/// # Errors
/// There is no such discount, or the store fails.
pub fn remove_discount(
    store: &dyn Store,
    company_id: i64,
    model_id: &str,
    sku: &str,
) -> Result<(), PricingError> {
    let mut transaction = store.begin()?;
    let before = of(transaction.as_mut(), company_id, model_id, sku)?;
    if !transaction.remove_discount(company_id, model_id, sku)? {
        return Err(PricingError::NoDiscount);
    }
    record(transaction.as_mut(), ActKind::DiscountRemove, company_id, &before, &Value::Null);
    Ok(transaction.commit()?)
}
