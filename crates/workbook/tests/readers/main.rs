//! Workbooks read with every reader that the registries have: each cell of a sampler, and the counts of a big file. Run
//! by `cargo xtask test --suite readers`, which prepares the readers. docs/EXPORTS.md, "Readers", has the same table.

#![expect(clippy::unwrap_used, reason = "a failure fails the test")]

mod deviations;
mod programs;
mod sampler;
mod suite_readers;
