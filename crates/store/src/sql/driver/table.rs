//! The description of a table: its columns, its key, and whose rows it has.

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    Int,
    Text,
    Blob,
}

/// A table as the code sees it; a test compares it with what the migrations made.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [(&'static str, ColumnType)],
    /// How many of the first columns are the primary key.
    pub(crate) key: usize,
    /// Whose rows the table has.
    pub(crate) scope: Scope,
}

/// The owner of the rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Each row is a company's: `company_id` is the first column of every key, and of the distribution over machines.
    Company,
    /// The deployment's own: small, and the same on every machine.
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
