//! Generated data: the month of usage that `tollbook quickstart` charges, and orders for benchmarks. The same seed
//! generates the same data in every version. Nothing here writes to a store or reads a clock.

mod bench_orders;
mod events;
mod month;
mod prng;
mod workload;

pub use bench_orders::BenchOrders;
pub(crate) use events::{DemoEvent, DemoOperation};
pub use month::DEMO_DAYS;
pub(crate) use month::{CURRENCY, DemoMonth, DemoUsage};

#[cfg(test)]
mod tests;
