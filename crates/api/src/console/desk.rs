//! Reads for the operator's pages: the routes of the operator's API, as the person who is signed in.

use serde_json::Value;

use super::error::PageError;
use super::visit::{Visit, text_of};
use crate::operator::{PersonsRequest, run_for_person};

/// The answer of a route that reads.
pub(super) fn read(
    visit: &mut Visit<'_>,
    route: &str,
    values: Vec<(String, Value)>,
) -> Result<Value, PageError> {
    visit.release();
    let request = PersonsRequest { route, values, key: "", file: None };
    run_for_person(visit.service, &visit.actor(), request).map_err(|failed| {
        let (status, reason, _) = failed.into_parts();
        match status.as_u16() {
            404 => PageError::NotFound,
            503 => PageError::Unavailable,
            500 => PageError::Internal,
            _ => PageError::Invalid(reason),
        }
    })
}

/// The rows of a list in an answer.
pub(super) fn rows<'a>(answer: &'a Value, member: &str) -> &'a [Value] {
    answer[member].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Refuses parameters of the URL that the page does not have.
pub(super) fn check_query(visit: &Visit<'_>, known: &[&str]) -> Result<(), PageError> {
    let other = visit
        .query
        .entries
        .iter()
        .find(|entry| entry.key != "notice" && !known.contains(&entry.key.as_str()));
    match other {
        None => Ok(()),
        Some(entry) => {
            let name: String = entry.key.chars().filter(|c| !c.is_control()).take(64).collect();
            Err(PageError::Invalid(format!("there is no parameter {name}")))
        }
    }
}

/// Texts of the URL as values, those that are there.
pub(super) fn texts(visit: &Visit<'_>, names: &[&str]) -> Vec<(String, Value)> {
    let stated =
        names.iter().filter_map(|name| Some(((*name).to_owned(), text_of(visit.query, name)?.trim().into())));
    stated.collect()
}

/// Numbers of the URL as values, those that are there.
pub(super) fn numbers(visit: &Visit<'_>, names: &[&str]) -> Result<Vec<(String, Value)>, PageError> {
    let mut values = Vec::new();
    for name in names {
        let Some(text) = text_of(visit.query, name) else { continue };
        let number: i64 =
            text.trim().parse().map_err(|_| PageError::Invalid(format!("{name} must be an integer")))?;
        values.push(((*name).to_owned(), number.into()));
    }
    Ok(values)
}
