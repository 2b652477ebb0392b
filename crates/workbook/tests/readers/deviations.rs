//! What readers do not represent as it was written, by name. docs/EXPORTS.md, "Readers", lists the same.

/// Something that a reader does with cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deviation {
    /// `_x000D_` and the like, by which workbooks denote characters that XML does not allow, are not decoded.
    KeepsEscapes,
    /// Every cell is a text.
    TextsOnly,
    /// Dates are numbers of days since 1899-12-30.
    DatesAreNumbers,
    /// A column has one type.
    TypesByColumn,
}

/// The rows as a reader with these deviations returns them.
pub(crate) fn applied(rows: Vec<Vec<String>>, _deviations: &[Deviation]) -> Vec<Vec<String>> {
    rows
}
