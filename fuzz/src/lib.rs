//! What the fuzz targets check: one function of bytes for each parser that meets the outside. A check panics if its
//! parser does, and if a rule is broken that holds for every input: what is accepted is the same when it is written and
//! read again, readers of one content agree, amounts are in range, an error names its place.
//!
//! `cargo xtask fuzz` looks for inputs that break them, with libFuzzer; a test replays the corpora in `corpus/`.

mod files;
mod targets;

pub use targets::{TARGETS, Target, named};
