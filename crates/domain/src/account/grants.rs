//! Grants: money given for a purpose, which may expire and may be restricted to products and models.

use super::kinds::AccountKind;
use crate::line::Line;
use crate::time::DAY_S;

/// How long after its end a grant still pays for orders of hours from before its end, in seconds.
pub const ENDED_GRANT_KEPT_S: i64 = 40 * DAY_S;

/// Money given for a purpose. It may expire, and may be restricted to some products and models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Number within the company, from 1.
    pub grant_id: i64,
    /// A kind that [consists of grants](AccountKind::is_granted).
    pub kind: AccountKind,
    /// Initial amount, in 10⁻⁸ currency units.
    pub granted: i64,
    /// Remaining amount, in 10⁻⁸ currency units; 0 from its end on.
    pub remaining: i64,
    /// What was left at its end, in 10⁻⁸ currency units, less what usage from before its end has taken of it since. It is
    /// in no balance.
    pub expired: i64,
    /// Expiry in Unix seconds; `None`: never.
    pub expires_s: Option<i64>,
    /// Products that it pays for; empty: all.
    pub products: Vec<String>,
    /// Models that it pays for; empty: all.
    pub models: Vec<String>,
}

impl Grant {
    /// Whether it has ended by a time.
    pub fn is_expired(&self, now_s: i64) -> bool {
        self.expires_s.is_some_and(|expires_s| expires_s <= now_s)
    }

    /// What it can pay for an order of any hour that began before its end.
    pub fn left(&self) -> i64 {
        self.remaining.saturating_add(self.expired)
    }

    /// Whether it may pay for a line.
    pub fn is_for(&self, line: &Line) -> bool {
        let allows = |list: &[String], value: &String| list.is_empty() || list.contains(value);
        allows(&self.products, &line.product_code) && allows(&self.models, &line.model_id)
    }
}
