//! A sheet as it is announced before its rows are written.

use crate::column::Column;
use crate::sheet_options::SheetOptions;

/// A sheet that will be written, as [`Workbook::planned`](crate::Workbook::planned) announces it.
#[derive(Debug, Clone)]
pub struct PlannedSheet {
    /// The name, as for [`Workbook::sheet`](crate::Workbook::sheet).
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its options. A sheet with filters must state its rows.
    pub options: SheetOptions,
}
