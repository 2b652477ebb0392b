//! The description of a table: its columns, its key, and the owner of its rows.

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    Int,
    Text,
    Blob,
}

/// A table as the code expects it. A test compares it with the table that the migrations create.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [(&'static str, ColumnType)],
    /// Number of leading columns that form the primary key.
    pub(crate) key: usize,
    /// The owner of the rows.
    pub(crate) scope: Scope,
}

/// The owner of the rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Each row belongs to a company: `company_id` is the first column of every key, and the distribution column.
    Company,
    /// All rows belong to the deployment. The table is small, and the same on every machine.
    Deployment,
}

impl Table {
    /// Names of all columns, separated by commas.
    pub(crate) fn column_list(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }

    /// Names of the columns of the primary key.
    pub(crate) fn key_columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns[..self.key].iter().map(|(name, _)| *name)
    }
}
