//! `tiered_pricing` of LiteLLM's list: prices by ranges of the length of a request. The range that a request falls into
//! has the price of all of it.

use serde_json::Value;

use super::kinds::{Kind, kind_in_range};
use crate::prices::node::{Node, NodeResult};
use crate::prices::unit_price::plain_decimal;

/// The prices of requests that are longer than the start of a range.
pub(super) struct Range<'a> {
    /// `None`: of all requests; longer ones have the prices of a later range.
    pub(super) longer_than: Option<i64>,
    pub(super) prices: Vec<(&'static Kind, Node<'a>)>,
}

/// Ranges in ascending order, and keys without a meaning or that are not in every range.
pub(super) struct Ranges<'a> {
    pub(super) ranges: Vec<Range<'a>>,
    pub(super) unread: Vec<String>,
}

/// Reads the ranges; `None` if they are not adjacent ranges of tokens from 0 on.
pub(super) fn ranges<'a>(node: &Node<'a>) -> NodeResult<Option<Ranges<'a>>> {
    let mut entries = Vec::new();
    for (index, entry) in node.array()?.iter().enumerate() {
        let entry = node.child(&index.to_string(), entry);
        let Some(range) = entry.get("range")? else { return Ok(None) };
        let [start, end] = range.array()? else { return range.wrong("must have a start and an end") };
        let bound = |value: &Value| match tokens(value) {
            Some(tokens) => Ok(tokens),
            None => range.wrong("must be whole numbers of tokens"),
        };
        entries.push((bound(start)?, bound(end)?, entry));
    }
    entries.sort_by_key(|(start, ..)| *start);
    let mut expected = 0;
    for (start, end, _) in &entries {
        if *start != expected || end <= start {
            return Ok(None);
        }
        expected = *end;
    }
    if entries.is_empty() {
        return Ok(None);
    }
    let mut unread: Vec<String> = Vec::new();
    for (.., entry) in &entries {
        for (key, value) in entry.object()?.iter().filter(|(key, _)| *key != "range") {
            let in_all = entries.iter().all(|(.., other)| other.get(key).is_ok_and(|value| value.is_some()));
            let is_read = value.is_null() || (in_all && kind_in_range(key).is_some());
            if !is_read && !unread.contains(key) {
                unread.push(key.clone());
            }
        }
    }
    let mut ranges = Vec::new();
    for (start, _, entry) in entries {
        let mut prices = Vec::new();
        for (key, value) in
            entry.object()?.iter().filter(|(key, value)| !value.is_null() && !unread.contains(key))
        {
            prices.extend(kind_in_range(key).map(|kind| (kind, entry.child(key, value))));
        }
        ranges.push(Range { longer_than: Some(start).filter(|start| *start > 0), prices });
    }
    Ok(Some(Ranges { ranges, unread }))
}

/// A whole number, which the list may write as `256000.0`.
fn tokens(value: &Value) -> Option<i64> {
    let Value::Number(number) = value else { return None };
    let plain = plain_decimal(&number.to_string(), 0).ok()?;
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    fraction.bytes().all(|digit| digit == b'0').then(|| whole.parse().ok())?.filter(|tokens| *tokens >= 0)
}
