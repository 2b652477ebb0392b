//! The first start: a demo company with its organizations and keys, and a month of believable usage, charged into orders
//! by the operations that a server uses. A later start completes an interrupted demo, and otherwise finds it.

mod error;
mod progress;
mod replay;
mod run;

pub use error::QuickstartError;
pub use run::{DemoKey, Quickstart, quickstart};

#[cfg(test)]
mod tests;
