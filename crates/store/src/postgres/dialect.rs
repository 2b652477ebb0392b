//! What PostgreSQL says in the places where the statements of the databases differ.

use crate::sql::driver::dialect::Dialect;

pub(super) static DIALECT: Dialect = Dialect {
    // Numbers and names are compared by bytes, whatever the database's language.
    text: "TEXT COLLATE \"C\"",
    blob: "BYTEA",
    empty_blob: "''::bytea",
    clustered: "",
    for_update: "FOR UPDATE",
    // "Toll" in the upper half. The row's lock is what keeps writers apart; this one only makes them queue.
    queue: "SELECT pg_advisory_xact_lock((1416588396::bigint << 32) | $1)",
    // Room for the next version of a row on its page, and a vacuum that comes often: each batch of orders changes the
    // same few rows again.
    hot_update_storage: "WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500)",
    // Counting a ragged edge reads the index alone, as far as a vacuum has seen the rows.
    append_only_storage: "WITH (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.02, \
               autovacuum_analyze_scale_factor = 0.02)",
    tuning: &[
        // Packed already; compressing them again costs more than it saves.
        "ALTER TABLE rollup ALTER COLUMN sums SET STORAGE EXTERNAL; \
         ALTER TABLE tile_count ALTER COLUMN counts SET STORAGE EXTERNAL; \
         ALTER TABLE tile_sum ALTER COLUMN sums SET STORAGE EXTERNAL;",
    ],
    async_commit: "SET LOCAL synchronous_commit = off",
    // Held until the migration is committed.
    schema_lock: "SELECT pg_advisory_xact_lock(-1416588396)",
};
