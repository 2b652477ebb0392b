//! The names in a span or log record by which its owner is looked up.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use tollbook_domain::field_rules::MAX_TEXT_BYTES;

use super::summaries::text;

/// Kinds of names and the attributes that state them, the most specific first: those that LiteLLM writes, and those of the
/// conventions and of Langfuse.
const NAMES: [(&str, &str); 12] = [
    ("key_hash", "metadata.user_api_key_hash"),
    ("key_alias", "metadata.user_api_key_alias"),
    ("end_user", "metadata.user_api_key_end_user_id"),
    ("user", "metadata.user_api_key_user_id"),
    ("user", "user.id"),
    ("user", "langfuse.user.id"),
    ("end_user", "enduser.id"),
    ("user", "llm.user"),
    ("user", "gen_ai.user"),
    ("team", "metadata.user_api_key_team_id"),
    ("project", "metadata.user_api_key_project_id"),
    ("organization", "metadata.user_api_key_org_id"),
];
/// The names in a record, as kind and text, the most specific first. `owner_attributes` become names of the kind
/// `attribute:NAME`; those of the record come before those of its resource.
pub(super) fn names(
    record: &[KeyValue],
    resource: &[KeyValue],
    owner_attributes: &[String],
) -> Vec<(Cow<'static, str>, String)> {
    let find = |attributes: &[KeyValue], name: &str| {
        let found = attributes.iter().find(|attribute| attribute.key == name).map(text)?;
        (!found.is_empty() && found.len() <= MAX_TEXT_BYTES).then(|| found.to_owned())
    };
    let known = NAMES.iter().filter_map(|(kind, name)| Some((Cow::Borrowed(*kind), find(record, name)?)));
    let attributes = owner_attributes.iter().filter_map(|name| {
        let found = find(record, name).or_else(|| find(resource, name))?;
        Some((Cow::Owned(format!("attribute:{name}")), found))
    });
    known.chain(attributes).collect()
}
