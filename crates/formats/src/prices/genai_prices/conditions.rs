//! Matchers and constraints of the published list.

use tollbook_domain::price::{Matcher, TimeOfDay};

use crate::prices::civil::{second_of_day, start_of_day};
use crate::prices::intervals::Constraint;
use crate::prices::model_matcher::text_matcher;
use crate::prices::node::{Node, NodeResult};

/// Reads a matcher. An unknown operator is an error: if its model were omitted, the names would match another model and
/// its prices.
pub(super) fn matcher(node: &Node<'_>) -> NodeResult<Matcher> {
    let mut entries = node.object()?.iter();
    let (Some((operator, value)), None) = (entries.next(), entries.next()) else {
        return node.wrong("must have one way to match");
    };
    let operand = node.child(operator, value);
    let list = || {
        let matchers = operand.array()?.iter().map(|one| matcher(&operand.child("", one)));
        matchers.collect::<NodeResult<Vec<Matcher>>>()
    };
    match operator.as_str() {
        "or" => list().map(Matcher::OneOf),
        "and" => list().map(Matcher::AllOf),
        operator => match text_matcher(operator, operand.text()?) {
            Some(matcher) => matcher.or_else(|reason| operand.wrong(reason)),
            None => operand.wrong("is not a known way to match"),
        },
    }
}

/// Reads the condition of a set of prices.
pub(super) fn constraint(node: &Node<'_>) -> NodeResult<Constraint> {
    let keys: Vec<&str> = node.object()?.keys().map(String::as_str).collect();
    match *keys.as_slice() {
        ["start_date"] => {
            let date = node.need("start_date")?;
            match start_of_day(date.text()?) {
                Some(from_s) => Ok(Constraint::From(from_s)),
                None => date.wrong("must be a date such as 2026-01-31"),
            }
        }
        ["end_time", "start_time"] | ["start_time", "end_time"] => {
            let second = |key: &str| {
                let time = node.need(key)?;
                let utc = time.text()?.strip_suffix('Z').and_then(second_of_day);
                utc.map_or_else(|| time.wrong("must be a UTC time such as 16:30:00Z"), Ok)
            };
            let (from_s, until_s) = (second("start_time")?, second("end_time")?);
            if from_s == until_s {
                return node.wrong("must end at another time than it starts");
            }
            Ok(Constraint::Daily(TimeOfDay { from_s, until_s }))
        }
        _ => node.wrong("is not a known constraint"),
    }
}
