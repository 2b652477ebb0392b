//! `off_peak_pricing` of LiteLLM's list: prices that hold at some hours of each day in UTC instead of the others.

use tollbook_domain::price::TimeOfDay;

use super::kinds::{Kind, kind_in_range};
use crate::prices::civil::second_of_day;
use crate::prices::node::{Node, NodeResult};

/// Members that say when the prices hold.
const WHEN: [&str; 3] = ["hours_utc", "windows", "weekday_timezone"];

/// The prices, and when they hold.
pub(super) struct OffPeak<'a> {
    /// Empty if the hours cannot be expressed, as those of some days of the week.
    pub(super) hours: Vec<TimeOfDay>,
    pub(super) prices: Vec<(&'static Kind, Node<'a>)>,
    /// Members without a meaning.
    pub(super) unread: Vec<String>,
}

/// Reads the block.
pub(super) fn off_peak<'a>(node: &Node<'a>) -> NodeResult<OffPeak<'a>> {
    let mut found = OffPeak { hours: hours(node)?, prices: Vec::new(), unread: Vec::new() };
    for (key, value) in
        node.object()?.iter().filter(|(key, value)| !WHEN.contains(&key.as_str()) && !value.is_null())
    {
        match kind_in_range(key) {
            Some(kind) => found.prices.push((kind, node.child(key, value))),
            None => found.unread.push(key.clone()),
        }
    }
    Ok(found)
}

/// The hours of every day.
fn hours(node: &Node<'_>) -> NodeResult<Vec<TimeOfDay>> {
    let Some(stated) = node.get("hours_utc")? else { return Ok(Vec::new()) };
    let hours = if stated.value.is_array() {
        let each = stated.array()?.iter().map(|one| time_of_day(&stated.child("", one)));
        each.collect::<NodeResult<Vec<_>>>()?
    } else {
        vec![time_of_day(&stated)?]
    };
    // Hours that end when they begin are the whole day, and a rule of its own says which days of the week.
    let is_expressible =
        hours.iter().all(|hours| hours.from_s != hours.until_s) && node.get("windows")?.is_none();
    Ok(if is_expressible { hours } else { Vec::new() })
}

fn time_of_day(node: &Node<'_>) -> NodeResult<TimeOfDay> {
    let parts = node.text()?.split_once('-');
    let hours = parts.and_then(|(from, until)| {
        Some(TimeOfDay { from_s: second_of_day(from.trim())?, until_s: second_of_day(until.trim())? })
    });
    hours.map_or_else(|| node.wrong("must be hours in UTC such as 16:30-00:30"), Ok)
}
