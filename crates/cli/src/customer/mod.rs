//! Customer commands: sign a request, send it, print the answer.

mod client;
pub(crate) mod download;
mod every_page;
pub(crate) mod lists;
pub(crate) mod pay;
pub(crate) mod sums;
pub(crate) mod time;

use crate::arguments::Ranged;
use time::Days;

/// The request parameters of a range in Unix seconds and filters.
fn parameters_of(ranged: &Ranged, (start_s, end_s): (i64, i64)) -> Vec<(String, String)> {
    let mut parameters =
        vec![("StartTime".to_owned(), start_s.to_string()), ("EndTime".to_owned(), end_s.to_string())];
    parameters.extend(filters_of(ranged));
    parameters
}

/// The range of a command in Unix seconds.
fn range_of(ranged: &Ranged, days: &Days) -> (i64, i64) {
    time::range(days, ranged.start_time, ranged.end_time)
}

/// The request parameters of filters.
fn filters_of(ranged: &Ranged) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    for (name, values) in ranged.filters() {
        for (index, value) in values.iter().enumerate() {
            parameters.push((format!("{name}.{index}"), value.clone()));
        }
    }
    parameters
}

/// A name with its code behind it, unless they are the same; the code alone if there is no name.
fn named(name: &str, code: &str) -> String {
    match (name, code) {
        ("", code) => code.to_owned(),
        (name, "") => name.to_owned(),
        (name, code) if name == code => name.to_owned(),
        (name, code) => format!("{name} ({code})"),
    }
}
