//! One deployment, one truth: what a process must agree on with the database that it writes to, the file that remembers
//! how far the database was, and the move of a database to another place.

pub mod mark;
pub mod moving;
mod truth;

pub use mark::{Mark, MarkFault};
pub use truth::{Difference, Truth, differences, unknown_brand};
