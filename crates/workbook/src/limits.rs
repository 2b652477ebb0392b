//! Excel's limits on sheets and cells.

/// Rows of one sheet, the header row included (Excel specifications and limits, "worksheet size").
pub const MAX_SHEET_ROWS: u32 = 1_048_576;

/// Columns of one sheet (Excel specifications and limits, "worksheet size").
pub const MAX_COLUMNS: usize = 16_384;

/// UTF-16 units in one cell (Excel specifications and limits, "total number of characters that a cell can contain").
pub const MAX_CELL_UNITS: usize = 32_767;
