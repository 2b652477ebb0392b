//! The rules of Tollbook as types and pure functions: money, time, orders, filters, prices, accounts, display names.
//!
//! Nothing here is async, does I/O, reads a clock, draws randomness, uses floats or depends on SQL, HTTP or serde.
#![cfg_attr(
    not(test),
    deny(
        clippy::float_arithmetic,
        clippy::arithmetic_side_effects,
        clippy::integer_division,
        clippy::as_conversions,
        clippy::wildcard_enum_match_arm
    )
)]

pub mod account;
pub mod catalogue;
pub mod decimal;
pub mod field_rules;
pub mod filter;
pub mod forecast;
pub mod hours;
mod input_skus;
mod line;
mod matcher;
mod matcher_text;
pub mod measures;
pub mod money;
mod operator_role;
mod order;
mod order_rules;
pub mod owner;
pub mod price;
#[cfg(test)]
mod price_examples;
pub mod price_explanation;
pub mod price_hiding;
pub mod price_list;
pub mod provider_names;
pub mod rating;
mod status;
pub mod summary;
pub mod tenant;
pub mod time;
pub mod usage;
pub mod user;

pub use account::{Account, AccountKind, Deductions};
pub use catalogue::{Catalogue, Language};
pub use filter::{LineFilter, OrderQuery, StatusSet};
pub use hours::{Bucket, HourOffsets};
pub use input_skus::InputSkus;
pub use line::{AmountRule, Line, OrderAmounts};
pub use measures::Measures;
pub use money::{Amount, Rounding, UnitPrice};
pub use operator_role::OperatorRole;
pub use order::{NewOrder, Order};
pub use owner::{Owner, OwnerMap, OwnerRule};
pub use price::{Discount, Price};
pub use status::Status;
pub use time::TimeRange;
pub use usage::Usage;
pub use user::{Role, User};
