//! Amounts that a workbook has as texts, because they have more than the 15 digits of a number cell. Sums of spreadsheets
//! skip such cells, so the workbook states how many there are and what they sum to.

use std::collections::BTreeMap;

use tollbook_domain::Measures;
use tollbook_domain::money::AMOUNT_PLACES;
use tollbook_workbook::is_written_as_text;

use crate::fields::{Cell, amount_sums};

/// Number and sum of the text cells of each column of amounts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TextAmounts(BTreeMap<&'static str, (u64, i128)>);

impl TextAmounts {
    /// Adds the amounts of one row that are texts.
    pub(super) fn add(&mut self, measures: &Measures) {
        // The other amounts of an order are not above these two, but for rounding.
        let largest = measures.total.unsigned_abs().max(measures.original.unsigned_abs());
        if largest < 10_u128.pow(14) {
            return;
        }
        for (field, cell) in amount_sums(measures) {
            let Cell::Decimal { mantissa, places } = cell else { continue };
            if u8::try_from(places).is_ok_and(|scale| is_written_as_text(mantissa, scale)) {
                self.add_cells(field, 1, mantissa);
            }
        }
    }

    fn add_cells(&mut self, field: &'static str, cells: u64, sum: i128) {
        let entry = self.0.entry(field).or_default();
        entry.0 += cells;
        entry.1 = entry.1.saturating_add(sum);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (field, &(cells, sum)) in &other.0 {
            self.add_cells(field, cells, sum);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Field, number of text cells, and their exact sum.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&'static str, u64, Cell<'static>)> {
        self.0.iter().map(|(field, &(cells, sum))| {
            (*field, cells, Cell::Decimal { mantissa: sum, places: AMOUNT_PLACES })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_counted_by_column() {
        let row = |total: i128, original: i128| Measures { total, original, ..Measures::default() };
        let mut found = TextAmounts::default();
        found.add(&row(1_234_567_890_123_456, 999_999_999_999_999));
        assert_eq!(
            found.0.into_iter().collect::<Vec<_>>(),
            [("OrderTotalPrice", (1, 1_234_567_890_123_456))]
        );
        let mut found = TextAmounts::default();
        // Ten million, without decimals: a number.
        found.add(&row(1_000_000_000_000_000, 1_000_000_000_000_001));
        let mut more = TextAmounts::default();
        more.add(&row(-1_000_000_000_000_001, 1_000_000_000_000_003));
        found.merge(&more);
        let columns: Vec<_> = found.0.into_iter().collect();
        assert_eq!(
            columns,
            [("OrderTotalPrice", (1, -1_000_000_000_000_001)), ("OriginalPrice", (2, 2_000_000_000_000_004))]
        );
    }
}
