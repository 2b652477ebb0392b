//! The first start of `tollbook quickstart` creates a demo company with organizations, keys, and a month of realistic
//! usage, which is charged by the operations of a server. A later start completes an interrupted demo or returns it.

mod error;
mod progress;
mod replay;
mod run;

pub use error::QuickstartError;
pub use run::{DemoKey, Quickstart, quickstart};

#[cfg(test)]
mod tests;
