//! Summaries and amounts: measures of lines, grouped and added up as the API shows them.

use std::collections::BTreeMap;

use crate::line::Line;
use crate::measures::Measures;
use crate::money::UnitPrice;
use crate::status::Status;

/// Key of a summary row. The derived order is the published tie-break (docs/ORDERS.md, "Summaries").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SummaryKey {
    /// Inference API key or sandbox.
    pub resource_id: String,
    /// SKU that was counted.
    pub pricing_sku: String,
    /// Model.
    pub model_id: String,
    /// Number of the pricing unit.
    pub pricing_unit: i64,
    /// Number of the order type.
    pub order_type: i64,
    /// Number of the charge type.
    pub charge_type: i64,
    /// Status of the orders.
    pub status: Status,
    /// Price of one pricing unit before discount.
    pub list_price: UnitPrice,
    /// Price of one pricing unit that is charged.
    pub discount_price: UnitPrice,
    /// Currency: amounts in different currencies are not added.
    pub currency: String,
    /// Region of the usage.
    pub region: String,
    /// Item of the price list; 0 if not stated.
    pub pricing_item_id: i64,
}

impl SummaryKey {
    /// The key of orders of a line and status.
    pub fn of(status: Status, line: &Line) -> Self {
        Self {
            resource_id: line.resource_id.clone(),
            pricing_sku: line.pricing_sku.clone(),
            model_id: line.model_id.clone(),
            pricing_unit: line.pricing_unit,
            order_type: line.order_type,
            charge_type: line.charge_type,
            status,
            list_price: line.list_price,
            discount_price: line.discount_price,
            currency: line.currency.clone(),
            region: line.region.clone(),
            pricing_item_id: line.pricing_item_id,
        }
    }
}

/// One row of a summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryRow {
    /// Its key.
    pub key: SummaryKey,
    /// The newest name of the resource; its identifier if it has none.
    pub resource_name: String,
    /// The newest name of the model; empty if it has none.
    pub model_name: String,
    /// The sums.
    pub measures: Measures,
}

/// Groups sums of lines into rows: largest total first, then by key. Lines must be given oldest first: a row has the names
/// of its newest line that states one. Sums without orders are skipped.
pub fn summarize<'a>(sums: impl IntoIterator<Item = (Status, &'a Line, Measures)>) -> Vec<SummaryRow> {
    let mut groups: BTreeMap<SummaryKey, (Names<'a>, Measures)> = BTreeMap::new();
    for (status, line, measures) in sums {
        if measures.orders == 0 {
            continue;
        }
        let (names, sum) = groups.entry(SummaryKey::of(status, line)).or_default();
        names.add(line);
        sum.add(&measures);
    }
    let mut rows: Vec<SummaryRow> = groups
        .into_iter()
        .map(|(key, (names, measures))| SummaryRow {
            resource_name: names.resource.unwrap_or(&key.resource_id).to_owned(),
            model_name: names.model.unwrap_or_default().to_owned(),
            key,
            measures,
        })
        .collect();
    // A stable sort keeps rows of equal totals in key order.
    rows.sort_by_key(|row| std::cmp::Reverse(row.measures.total));
    rows
}

/// The newest names of a row.
#[derive(Default)]
struct Names<'a> {
    resource: Option<&'a str>,
    model: Option<&'a str>,
}

impl<'a> Names<'a> {
    fn add(&mut self, line: &'a Line) {
        let stated = |name: &'a String| (!name.is_empty()).then_some(name.as_str());
        self.resource = stated(&line.resource_name).or(self.resource);
        self.model = stated(&line.model_name).or(self.model);
    }
}

/// Sums of `GetOrderAmount`: total = paid + unpaid; revoked orders are in neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderAmount {
    /// Sums of the paid orders.
    pub paid: Measures,
    /// Sums of the unpaid orders.
    pub unpaid: Measures,
}

impl OrderAmount {
    /// Paid and unpaid together.
    pub fn total(&self) -> Measures {
        let mut total = self.paid;
        total.add(&self.unpaid);
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::tests::paid;

    #[test]
    fn rows_are_grouped_and_ordered() {
        let a = paid().line;
        let mut same_group = a.clone();
        same_group.user_email = "x@example.com".into();
        same_group.model_name = "newer".into();
        let mut other = a.clone();
        other.resource_id = "key-0".into();
        let sum = |orders, total| Measures { orders, total, ..Measures::default() };
        let rows = summarize([
            (Status::Paid, &a, sum(1, 10)),
            (Status::Paid, &other, sum(1, 15)),
            (Status::Paid, &same_group, sum(2, 5)),
            (Status::Revoked, &a, sum(1, 99)),
            (Status::Unpaid, &a, sum(0, 0)),
        ]);
        let seen: Vec<_> = rows
            .iter()
            .map(|r| (r.key.status, r.key.resource_id.as_str(), r.model_name.as_str(), r.measures.total))
            .collect();
        assert_eq!(
            seen,
            [
                (Status::Revoked, "key-1", "M", 99),
                (Status::Paid, "key-0", "M", 15),
                (Status::Paid, "key-1", "newer", 15),
            ]
        );
        assert_eq!(rows[2].measures.orders, 3);
    }

    #[test]
    fn a_row_has_the_newest_names_that_are_stated() {
        let older = Line { resource_name: "older".into(), ..paid().line };
        let newer = Line { resource_name: "newer".into(), model_name: "N".into(), ..older.clone() };
        let unnamed = Line { resource_name: String::new(), model_name: String::new(), ..older.clone() };
        let sum = Measures { orders: 1, ..Measures::default() };
        let names = |lines: &[&Line]| {
            let rows = summarize(lines.iter().map(|line| (Status::Paid, *line, sum)));
            let [row] = &rows[..] else { panic!("{rows:?}") };
            (row.resource_name.clone(), row.model_name.clone())
        };
        assert_eq!(names(&[&older, &newer, &unnamed]), ("newer".into(), "N".into()));
        assert_eq!(names(&[&unnamed]), ("key-1".into(), String::new()));
    }

    #[test]
    fn regions_and_price_items_have_rows_of_their_own() {
        let line = paid().line;
        let elsewhere = Line { region: "us-ca".into(), ..line.clone() };
        let item = Line { pricing_item_id: 7, ..line.clone() };
        let sum = Measures { orders: 1, ..Measures::default() };
        let rows = summarize([&item, &elsewhere, &line].map(|line| (Status::Paid, line, sum)));
        let seen: Vec<_> = rows.iter().map(|r| (r.key.region.as_str(), r.key.pricing_item_id)).collect();
        assert_eq!(seen, [("cn-wlcb", 0), ("cn-wlcb", 7), ("us-ca", 0)]);
    }
}
