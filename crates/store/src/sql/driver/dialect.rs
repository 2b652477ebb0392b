//! The texts in which databases differ. Everything else is one SQL text for all of them.

/// The texts in which databases differ.
pub(crate) struct Dialect {
    /// Type of texts; they compare by bytes.
    pub(crate) text: &'static str,
    /// Type of byte strings.
    pub(crate) blob: &'static str,
    /// A byte string without bytes.
    pub(crate) empty_blob: &'static str,
    /// What makes a table lie in the order of its primary key.
    pub(crate) clustered: &'static str,
    /// What makes a SELECT lock its rows until the transaction ends.
    pub(crate) for_update: &'static str,
    /// Waits for its turn among those who want to write a company's orders ($1), first come, first served. Locking a row
    /// alone lets a writer that arrives at the right moment overtake all that wait. Empty where writers queue anyway.
    pub(crate) queue: &'static str,
    /// Storage of a table whose rows are changed again and again.
    pub(crate) hot_update_storage: &'static str,
    /// Storage of a large table whose rows are added and hardly changed.
    pub(crate) append_only_storage: &'static str,
    /// Statements that follow each migration, by its place.
    pub(crate) tuning: &'static [&'static str],
    /// Lets this transaction return before it is durable: for what may be lost.
    pub(crate) async_commit: &'static str,
    /// Makes everyone else who runs it wait until this transaction ends.
    pub(crate) schema_lock: &'static str,
}

impl Dialect {
    /// A statement with its tokens replaced.
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
