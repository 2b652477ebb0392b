//! The SQL fragments that differ between databases. All other SQL is shared.

/// The SQL fragments of one database.
pub(crate) struct Dialect {
    /// Type of texts, which are compared by bytes.
    pub(crate) text: &'static str,
    /// Type of byte strings.
    pub(crate) blob: &'static str,
    /// Literal of an empty byte string.
    pub(crate) empty_blob: &'static str,
    /// Option that stores a table in the order of its primary key.
    pub(crate) clustered: &'static str,
    /// Clause that makes a SELECT lock its rows until the transaction ends.
    pub(crate) for_update: &'static str,
    /// Statement that queues for the right to write a company's orders ($1), first come, first served. With row locks
    /// alone, a writer that arrives at the right moment overtakes all waiting writers. Empty if writers queue anyway.
    pub(crate) queue: &'static str,
    /// Storage options of a table whose rows are updated often.
    pub(crate) hot_update_storage: &'static str,
    /// Storage options of a large table whose rows are inserted and rarely updated.
    pub(crate) append_only_storage: &'static str,
    /// Statements to run after each migration, by its index.
    pub(crate) tuning: &'static [&'static str],
    /// Statement that lets the transaction commit before it is durable, for data that may be lost in a crash.
    pub(crate) async_commit: &'static str,
    /// Script that locks the schema until the transaction ends. Other transactions that run it wait, however long it takes.
    pub(crate) schema_lock: &'static str,
}

impl Dialect {
    /// Returns a statement with its tokens replaced.
    pub(crate) fn render(&self, template: &str) -> String {
        template
            .replace("{text}", self.text)
            .replace("{blob}", self.blob)
            .replace("{empty_blob}", self.empty_blob)
            .replace("{clustered}", self.clustered)
            .replace("{for_update}", self.for_update)
            .replace("{hot_update_storage}", self.hot_update_storage)
            .replace("{append_only_storage}", self.append_only_storage)
    }
}
