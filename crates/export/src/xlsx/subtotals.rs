//! Sums of a document's orders by project, model, billing item and status, for the sheets that state the totals of a bill.

use std::collections::{BTreeMap, BTreeSet};

use tollbook_domain::catalogue::NameKind;
use tollbook_domain::{Line, Measures, OrderQuery, Status};
use tollbook_store::{Snapshot, StoreResult};

use crate::presentation::Presentation;

/// Sums by name.
pub(super) type Named = Vec<(String, Measures)>;

/// The sums of some queries of one company.
#[derive(Debug, Default)]
pub(super) struct Subtotals {
    pub(super) by_status: Vec<(Status, Measures)>,
    pub(super) by_project: Named,
    pub(super) by_model: Named,
    pub(super) by_item: Named,
    /// What the orders are for: each product by name and code.
    pub(super) products: BTreeSet<String>,
    pub(super) total: Measures,
}

impl Subtotals {
    pub(super) fn read(
        snapshot: &mut dyn Snapshot,
        queries: &[&OrderQuery],
        presentation: &Presentation,
    ) -> StoreResult<Self> {
        let mut statuses: BTreeMap<i64, (Status, Measures)> = BTreeMap::new();
        let (mut projects, mut models, mut items) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut products = BTreeSet::new();
        let mut total = Measures::default();
        for query in queries {
            let lines = snapshot.lines(query.company_id)?;
            for (status, line_no, measures) in snapshot.sums_by_line(query)? {
                total.add(&measures);
                statuses.entry(status.number()).or_insert((status, Measures::default())).1.add(&measures);
                let Some(line) = lines.get(line_no) else { continue };
                add(&mut projects, presentation.organization(line.organization_id), &measures);
                add(&mut models, model(line, presentation), &measures);
                add(&mut items, item(line, presentation), &measures);
                products.insert(named(presentation, NameKind::Product, &line.product_code));
            }
        }
        Ok(Self {
            by_status: statuses.into_values().collect(),
            by_project: largest_first(projects),
            by_model: largest_first(models),
            by_item: largest_first(items),
            products,
            total,
        })
    }
}

/// What a line is of: its model, or its product if it has none.
fn model(line: &Line, presentation: &Presentation) -> String {
    let named = [&line.model_name, &line.model_id].into_iter().find(|name| !name.is_empty());
    let product =
        || presentation.catalogue.text(NameKind::Product, &line.product_code, presentation.language);
    named.cloned().unwrap_or_else(product)
}

/// What a line counts: the SKU by name and code, or its product if it has none.
fn item(line: &Line, presentation: &Presentation) -> String {
    let (kind, code) = match line.pricing_sku.as_str() {
        "" => (NameKind::Product, line.product_code.as_str()),
        sku => (NameKind::PricingSku, sku),
    };
    named(presentation, kind, code)
}

/// A name and its code, or the code alone if it has no name.
fn named(presentation: &Presentation, kind: NameKind, code: &str) -> String {
    let name = presentation.catalogue.text(kind, code, presentation.language);
    if name == code { name } else { format!("{name} ({code})") }
}

fn add(sums: &mut BTreeMap<String, Measures>, name: String, measures: &Measures) {
    sums.entry(name).or_default().add(measures);
}

/// By amount, the largest first, then by name.
fn largest_first(sums: BTreeMap<String, Measures>) -> Named {
    let mut sums: Named = sums.into_iter().collect();
    sums.sort_by_key(|(_, measures)| std::cmp::Reverse(measures.total));
    sums
}
