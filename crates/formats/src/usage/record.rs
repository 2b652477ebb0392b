//! A usage record as JSON (`docs/USAGE_FILES.md`, "The record"): the object itself, or an event that contains it. The
//! bounds of the values are checked by [`Usage::check`].

use tollbook_domain::usage::Usage;

use super::builder::UsageBuilder;
use super::event;
use crate::text::json::members;

/// Reads one usage record, or one event, which has a `specversion`.
///
/// # Errors
/// The reason why it is not valid: lowercase, no full stop; starts with the field if the error is in one field.
pub fn parse_record(record: &[u8]) -> Result<Usage, String> {
    parse(std::str::from_utf8(record).map_err(|_| "is not valid UTF-8")?)
}

/// As [`parse_record`], from a text.
pub(super) fn parse(record: &str) -> Result<Usage, String> {
    // The name may also occur in a value, so the members decide.
    if record.contains("\"specversion\"") && is_event(record) {
        return event::parse(record);
    }
    let mut builder = UsageBuilder::default();
    members(record, |name, raw| builder.member(&name, raw))?;
    builder.finish()
}

fn is_event(record: &str) -> bool {
    let mut found = false;
    // The error of a malformed object is returned when it is read as a record.
    let _ = members(record, |name, _| {
        found |= name == "specversion";
        Ok(())
    });
    found
}
