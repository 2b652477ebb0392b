//! Cost of writing orders to PostgreSQL.

use std::time::Duration;

use serde_json::{Value, json};

use crate::timing::{Timings, per_second};

/// Cost of writing orders.
#[derive(Clone, Debug, Default)]
pub(super) struct WriteCost {
    pub(super) orders: u64,
    /// Time of each transaction.
    pub(super) transactions: Vec<Duration>,
    /// Size of the write-ahead log.
    pub(super) log_bytes: i64,
    /// Size of tables and indexes.
    pub(super) table_bytes: i64,
}

impl WriteCost {
    pub(super) fn per_second(&self) -> f64 {
        per_second(self.orders, self.transactions.iter().sum())
    }

    pub(super) fn json(&self, method: &str) -> Value {
        json!({
            "case": "import", "method": method, "orders": self.orders, "log_bytes": self.log_bytes,
            "table_bytes": self.table_bytes, "unit": "us",
            "times": Timings::of(self.transactions.clone()).micros(),
        })
    }
}
