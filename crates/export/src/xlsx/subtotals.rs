//! Sums of a document's orders by project, model and status, for the sheets that state the totals of a bill.

use std::collections::BTreeMap;

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
    pub(super) total: Measures,
}

impl Subtotals {
    pub(super) fn read(
        snapshot: &mut dyn Snapshot,
        queries: &[&OrderQuery],
        presentation: &Presentation,
    ) -> StoreResult<Self> {
        let mut statuses: BTreeMap<i64, (Status, Measures)> = BTreeMap::new();
        let (mut projects, mut models) = (BTreeMap::new(), BTreeMap::new());
        let mut total = Measures::default();
        for query in queries {
            let lines = snapshot.lines(query.company_id)?;
            for (status, line_no, measures) in snapshot.sums_by_line(query)? {
                total.add(&measures);
                statuses.entry(status.number()).or_insert((status, Measures::default())).1.add(&measures);
                let Some(line) = lines.get(line_no) else { continue };
                add(&mut projects, presentation.organization(line.organization_id), &measures);
                add(&mut models, model(line).to_owned(), &measures);
            }
        }
        Ok(Self {
            by_status: statuses.into_values().collect(),
            by_project: largest_first(projects),
            by_model: largest_first(models),
            total,
        })
    }
}

/// What a line is of: its model, or its product if it has none.
fn model(line: &Line) -> &str {
    let names = [line.model_name.as_str(), &line.model_id, &line.product_code];
    names.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
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
