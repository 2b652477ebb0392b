//! The SQL dialect of PostgreSQL.

use crate::sql::driver::dialect::Dialect;

pub(super) static DIALECT: Dialect = Dialect {
    // Texts are compared by bytes, independent of the database's collation.
    text: "TEXT COLLATE \"C\"",
    blob: "BYTEA",
    empty_blob: "''::bytea",
    clustered: "",
    for_update: "FOR UPDATE",
    // The upper half of the key is "Toll" in ASCII. The row lock excludes other writers; the advisory lock only queues
    // them.
    queue: "SELECT pg_advisory_xact_lock((1416588396::bigint << 32) | $1)",
    // Each batch of orders updates the same few rows: leave space on the page for the next row versions, and vacuum
    // often.
    hot_update_storage: "WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500)",
    // Orders of a partial period are counted with an index-only scan, which needs an up-to-date visibility map.
    append_only_storage: "WITH (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.02, \
               autovacuum_analyze_scale_factor = 0.02)",
    tuning: &[
        // The values are already compact; compression costs more than it saves.
        "ALTER TABLE rollup ALTER COLUMN sums SET STORAGE EXTERNAL; \
         ALTER TABLE tile_count ALTER COLUMN counts SET STORAGE EXTERNAL; \
         ALTER TABLE tile_sum ALTER COLUMN sums SET STORAGE EXTERNAL;",
    ],
    async_commit: "SET LOCAL synchronous_commit = off",
    // Held until the migration commits. A migration, which others wait for, may take longer than any other transaction.
    schema_lock: "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; \
                  SELECT pg_advisory_xact_lock(-1416588396)",
};
