//! `tollbook orders import` (`docs/ORDER_FILES.md`): checks all files completely, then stores the orders in batches.

mod batch_reader;
mod checking;
mod conflicts;
mod context;
mod external_sort;
mod position;
mod report;
mod run;
mod storing;

pub use context::{MAX_BATCH_ORDERS, Options};
pub use report::{Failure, FileReport, ImportError, Phase, Progress, Report, Step};
pub use run::run;
