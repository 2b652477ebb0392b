//! The columns of a CSV usage file that is read without a mapping.

use std::borrow::Cow;
use std::collections::BTreeSet;

use tollbook_domain::usage::Usage;

use super::builder::{FIELDS, QUANTITIES, REQUIRED, UsageBuilder, field_index, integer, sorted};
use crate::text::shorten;

/// Prefix of a SKU in a header.
const SKU_PREFIX: &str = "quantities.";

/// The content of a column.
pub(super) enum Column {
    /// A field, by its position in [`FIELDS`].
    Field(usize),
    /// The quantity of a SKU.
    Sku(String),
}

/// Reads the columns of a header; the error is the reason why it is not valid.
pub(super) fn of_header(names: &mut dyn Iterator<Item = Cow<'_, str>>) -> Result<Vec<Column>, String> {
    let mut seen = BTreeSet::new();
    let mut columns = Vec::new();
    let mut stated = 0u16;
    for name in names {
        if !seen.insert(name.to_string()) {
            return Err(format!("{}: occurs twice", shorten(&name)));
        }
        if let Some(sku) = name.strip_prefix(SKU_PREFIX) {
            stated |= 1 << QUANTITIES;
            columns.push(Column::Sku(sku.to_owned()));
        } else if let Some(field) = field_index(&name).filter(|field| *field != QUANTITIES) {
            stated |= 1 << field;
            columns.push(Column::Field(field));
        } else {
            return Err(format!("{}: is not a field of a usage record", shorten(&name)));
        }
    }
    match REQUIRED.iter().find(|field| stated & (1 << **field) == 0) {
        Some(&QUANTITIES) => Err("a column such as quantities.input is required".to_owned()),
        Some(&field) => Err(format!("{}: is required", FIELDS[field])),
        None => Ok(columns),
    }
}

/// The record in the cells of a row. An empty cell is an absent value.
pub(super) fn usage_of_cells<'c>(
    columns: &[Column],
    cells: impl Iterator<Item = Cow<'c, str>>,
) -> Result<Usage, String> {
    let mut builder = UsageBuilder::default();
    let mut quantities = Vec::with_capacity(4);
    for (column, cell) in columns.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
        match column {
            Column::Field(field) => builder.cell(*field, cell)?,
            Column::Sku(sku) => {
                let quantity =
                    integer(&cell).map_err(|reason| format!("quantities: {}: {reason}", shorten(sku)))?;
                quantities.push((sku.clone(), quantity));
            }
        }
    }
    builder.set_quantities(sorted(quantities)?);
    builder.finish()
}
