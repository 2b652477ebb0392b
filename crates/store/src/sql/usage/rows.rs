//! Column values of usage: identities, pricing states and amounts of open hours.

use tollbook_domain::rating::{Charge, Rated};
use tollbook_domain::{Catalogue, Line, Usage};

use crate::error::{StoreError, StoreResult};
use crate::lines::{LineNo, Lines};
use crate::sql::driver::connection::{SqlValue, SqlValues};
use crate::usage::RatedUsage;
use crate::usage_pack::Rest;

/// Values of the column `pricing_state`.
pub(crate) const CHARGED: i64 = 1;
pub(crate) const FREE: i64 = 2;
pub(crate) const UNPRICED: i64 = 3;
pub(crate) const VOIDED: i64 = 4;

pub(crate) const fn pricing_state(rated: &Rated) -> i64 {
    match rated {
        Rated::Charged(_) => CHARGED,
        Rated::Free => FREE,
        Rated::Unpriced(_) => UNPRICED,
    }
}

/// Decodes the amount of an open hour.
pub(crate) fn decode_amount(bytes: &[u8]) -> StoreResult<i128> {
    let bytes =
        bytes.try_into().map_err(|_| StoreError::Damaged("an open hour has a malformed amount".into()))?;
    Ok(i128::from_le_bytes(bytes))
}

/// The amount of an order for a quantity of a line, in 10⁻⁸ currency units; `None` if no order can hold it.
pub(crate) fn amount_of(line: &Line, quantity: i64, catalogue: &Catalogue) -> Option<i128> {
    let units = catalogue.base_units(line.pricing_unit)?;
    Some(line.amounts(quantity, units)?.total.steps().into())
}

/// Key of a record within its company: day, source and id. Records of one key are less than a day apart.
pub(crate) type Key<'u> = (i64, &'u str, &'u str);

pub(crate) fn key_of(usage: &Usage) -> Key<'_> {
    (usage.day(), usage.source.as_str(), usage.id.as_str())
}

/// The same for the line number of open usage; an error if the line does not exist or has no amount.
pub(crate) fn amount_of_line(
    lines: &Lines,
    line_no: LineNo,
    quantity: i64,
    catalogue: &Catalogue,
) -> StoreResult<i128> {
    let line = lines.get(line_no);
    line.and_then(|line| amount_of(line, quantity, catalogue))
        .ok_or_else(|| StoreError::Damaged(format!("open usage of line {line_no} has no amount")))
}

/// The key of a record in `usage_record`.
pub(crate) fn identity_values(usage: &Usage) -> [SqlValue<'_>; 4] {
    [usage.company_id.into(), usage.day().into(), usage.source.as_str().into(), usage.id.as_str().into()]
}

/// The key of a record in `uncharged_usage`, without its pricing state.
pub(crate) fn uncharged_key_values(usage: &Usage) -> SqlValues<'_> {
    vec![usage.company_id.into(), usage.hour().into(), usage.source.as_str().into(), usage.id.as_str().into()]
}

/// What row and lines of a record do not say.
pub(crate) fn rest_of(record: &RatedUsage, close_no: i64) -> Rest {
    let usage = &record.usage;
    // A record that is not charged is stored whole elsewhere.
    let Rated::Charged(charges) = &record.rated else { return Rest { close_no, ..Rest::default() } };
    Rest {
        close_no,
        provider: usage.provider.clone(),
        service_tier: usage.service_tier.clone(),
        quantities: usage.quantities.iter().filter(|(sku, _)| !is_charged(charges, sku)).cloned().collect(),
        pins: Vec::new(),
    }
}

fn is_charged(charges: &[Charge], sku: &str) -> bool {
    charges.iter().any(|charge| charge.line.pricing_sku == sku)
}

/// [`rest_of`] encoded. Most records have nothing but the close number, which needs no copy of the others.
pub(crate) fn rest_bytes(record: &RatedUsage, close_no: i64) -> Vec<u8> {
    let Usage { provider, service_tier, quantities, .. } = &record.usage;
    if let Rated::Charged(charges) = &record.rated
        && provider.is_empty()
        && service_tier.is_empty()
        && quantities.iter().all(|(sku, _)| is_charged(charges, sku))
    {
        return Rest { close_no, ..Rest::default() }.encode();
    }
    rest_of(record, close_no).encode()
}
