//! The result type of the benchmarks.

/// Any failure ends the run: after one, the following numbers would measure something else.
pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
