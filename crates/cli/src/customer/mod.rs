//! Customer commands: sign a request, send it, print the answer.

mod client;
pub(crate) mod download;
pub(crate) mod lists;
pub(crate) mod pay;
pub(crate) mod sums;
pub(crate) mod time;

use crate::arguments::Ranged;

/// The request parameters of a range and its filters.
fn parameters_of(ranged: &Ranged) -> Vec<(String, String)> {
    let (start_s, end_s) = time::range(ranged.start_time, ranged.end_time);
    let mut parameters =
        vec![("StartTime".to_owned(), start_s.to_string()), ("EndTime".to_owned(), end_s.to_string())];
    for (name, values) in [
        ("ResourceIds", &ranged.resource_ids),
        ("ModelIds", &ranged.model_ids),
        ("PricingUnits", &ranged.pricing_units),
        ("PricingSkus", &ranged.pricing_skus),
        ("ProductCodes", &ranged.product_codes),
        ("OrderTypes", &ranged.order_types),
        ("ChargeTypes", &ranged.charge_types),
        ("Regions", &ranged.regions),
        ("OrganizationIds", &ranged.organization_ids),
        ("OrderNos", &ranged.order_nos),
        ("Statuses", &ranged.statuses),
    ] {
        for (index, value) in values.iter().enumerate() {
            parameters.push((format!("{name}.{index}"), value.clone()));
        }
    }
    parameters
}
