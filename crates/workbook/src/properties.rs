//! Document properties of a workbook.

/// Document properties, which spreadsheets show in a file's information.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    /// Title of the document.
    pub title: String,
    /// Name of the program, written as creator and as application.
    pub creator: String,
    /// Creation time in Unix seconds. The only time in the file.
    pub created_unix_s: i64,
}
