//! Customer commands: sign a request, send it, print the answer.

mod client;
pub(crate) mod download;
pub(crate) mod lists;
pub(crate) mod pay;
pub(crate) mod sums;
pub(crate) mod time;

use crate::arguments::Ranged;
use time::Days;

/// The request parameters of a range and its filters.
fn parameters_of(ranged: &Ranged, days: &Days) -> Vec<(String, String)> {
    let (start_s, end_s) = time::range(days, ranged.start_time, ranged.end_time);
    let mut parameters =
        vec![("StartTime".to_owned(), start_s.to_string()), ("EndTime".to_owned(), end_s.to_string())];
    for (name, values) in ranged.filters() {
        for (index, value) in values.iter().enumerate() {
            parameters.push((format!("{name}.{index}"), value.clone()));
        }
    }
    parameters
}
