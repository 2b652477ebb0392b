//! The rules of Tollbook as pure functions and types: money, time, orders, filters, names.
//!
//! Nothing here may be async, do I/O, read a clock, draw randomness, use floats or know SQL, HTTP or serde.
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
pub mod filter;
pub mod hours;
pub mod measures;
pub mod money;
pub mod order;
pub mod price;
mod price_text;
pub mod rating;
pub mod summary;
pub mod tenant;
pub mod time;
pub mod usage;

pub use account::Account;
pub use catalogue::{Catalogue, Language};
pub use filter::{LineFilter, OrderQuery, StatusSet};
pub use hours::{Bucket, HourOffsets};
pub use measures::Measures;
pub use money::{Amount, UnitPrice};
pub use order::{Deductions, Line, NewOrder, Order, Status};
pub use price::{Discount, Price};
pub use time::TimeRange;
pub use usage::Usage;
