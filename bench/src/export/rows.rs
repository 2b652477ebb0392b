//! The rows of an export in memory, for writers that are measured without reading.

use std::sync::Arc;

use tollbook_domain::OrderQuery;
use tollbook_export::presentation::Presentation;
use tollbook_store::{Lines, StoredOrder};

use crate::fixture::Fixture;
use crate::result::Result;

/// Orders in memory, with the presentation that makes rows of them.
pub(super) struct Rows {
    pub(super) presentation: Presentation,
    pub(super) lines: Arc<Lines>,
    pub(super) orders: Vec<StoredOrder>,
}

impl Rows {
    pub(super) fn read(fixture: &Fixture, query: &OrderQuery) -> Result<Self> {
        let mut snapshot = fixture.store.snapshot()?;
        let mut orders = Vec::new();
        snapshot.scan(query, &mut |stored| {
            orders.push(stored.clone());
            Ok(())
        })?;
        let lines = snapshot.lines(query.company_id)?;
        drop(snapshot);
        Ok(Self { presentation: presentation(fixture)?, lines, orders })
    }
}

/// The presentation of the fixture's company.
pub(super) fn presentation(fixture: &Fixture) -> Result<Presentation> {
    let brand = fixture.config.default_brand();
    Ok(Presentation::read(
        fixture.store.snapshot()?.as_mut(),
        &fixture.company,
        &brand.display(),
        &fixture.catalogue,
    )?)
}
