//! Options of a sheet: whether it is a table, how many rows it has, what its printed pages show.

/// Options of a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetOptions {
    /// The number of rows that will be written, if it is known. The sheet then states the range that it uses before its
    /// rows, by which programs reserve memory. A sheet that continues early, at 4 GiB, states more than it has.
    pub rows: Option<u64>,
    /// Whether the rows are a table: the first row has bold headers, is frozen, and is repeated on every
    /// printed page. Otherwise the header of the first column is the title of the sheet.
    pub is_table: bool,
    /// Whether a table has filters.
    pub has_filter: bool,
    /// Text at the left of the top of every printed page.
    pub page_title: String,
    /// Text at the right of the top of every printed page.
    pub page_note: String,
}

impl Default for SheetOptions {
    /// A table of any number of rows, whose pages have numbers only.
    fn default() -> Self {
        Self {
            rows: None,
            is_table: true,
            has_filter: true,
            page_title: String::new(),
            page_note: String::new(),
        }
    }
}
