//! Who usage belongs to that another program reports: rules from that program's names, such as the hash of an API key
//! or a team, to company, organization and resource (docs/GATEWAYS.md, "Who a record belongs to").

use std::collections::HashMap;

use crate::field_rules::{MAX_TEXT_BYTES, Refused, require};

/// The source of rules that hold for every program.
pub const ANY_SOURCE: &str = "*";
/// The programs that rules can be stated for.
pub const SOURCES: [&str; 4] = ["litellm", "otlp", "openmeter", "new-api"];
/// The kind of a rule for records that no other rule of the source is for. Its key is empty.
pub const DEFAULT_KIND: &str = "default";
/// What a key can be; beside these, `attribute:NAME` is the attribute of a span or of its resource.
pub const KINDS: [&str; 9] =
    ["key_hash", "key_id", "key_alias", "team", "user", "end_user", "organization", "project", "subject"];
/// Prefix of the kinds of attributes.
const ATTRIBUTE: &str = "attribute:";

/// Company, organization and resource of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The company.
    pub company_id: i64,
    /// Organization within the company.
    pub organization_id: i64,
    /// Inference API key or sandbox. In a rule it may be empty: then it is the first name of the record.
    pub resource_id: String,
    /// What a person calls it; may be empty.
    pub resource_name: String,
}

/// Records of `source` whose `kind` is `key` belong to `owner`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerRule {
    /// One of [`SOURCES`] or [`ANY_SOURCE`].
    pub source: String,
    /// One of [`KINDS`], `attribute:NAME` or [`DEFAULT_KIND`].
    pub kind: String,
    /// The program's name, compared byte for byte.
    pub key: String,
    /// Who the records belong to.
    pub owner: Owner,
}

impl OwnerRule {
    /// Checks everything that can be checked without knowing the companies.
    ///
    /// # Errors
    /// The field that breaks a rule, and the reason.
    pub fn check(&self) -> Result<(), Refused> {
        let known = self.source == ANY_SOURCE || SOURCES.contains(&self.source.as_str());
        let sources = || format!("must be one of {} or {ANY_SOURCE}", SOURCES.join(", "));
        require(known, "source", &sources())?;
        let attribute = self.kind.strip_prefix(ATTRIBUTE).is_some_and(|name| !name.is_empty());
        let known = attribute || self.kind == DEFAULT_KIND || KINDS.contains(&self.kind.as_str());
        let kinds = || format!("must be one of {}, {ATTRIBUTE}NAME or {DEFAULT_KIND}", KINDS.join(", "));
        require(known, "kind", &kinds())?;
        if self.kind == DEFAULT_KIND {
            require(self.key.is_empty(), "key", "must be empty for a default")?;
        } else {
            require(!self.key.is_empty(), "key", "must not be empty")?;
        }
        let Owner { company_id, organization_id, resource_id, resource_name } = &self.owner;
        require(*company_id > 0, "company_id", "must be above 0")?;
        require(*organization_id > 0, "organization_id", "must be above 0")?;
        for (field, text) in [
            ("kind", &self.kind),
            ("key", &self.key),
            ("resource_id", resource_id),
            ("resource_name", resource_name),
        ] {
            require(text.len() <= MAX_TEXT_BYTES, field, "must have at most 256 bytes")?;
            require(!text.chars().any(char::is_control), field, "must have no control characters")?;
        }
        Ok(())
    }
}

/// Owners by key, by kind.
type OfSource = HashMap<String, HashMap<String, Owner>>;

/// The rules, in memory.
#[derive(Clone, Debug, Default)]
pub struct OwnerMap {
    sources: HashMap<String, OfSource>,
}

impl OwnerMap {
    /// The map of these rules. Of several with the same source, kind and key the last one holds.
    pub fn new(rules: Vec<OwnerRule>) -> Self {
        let mut sources: HashMap<String, OfSource> = HashMap::new();
        for OwnerRule { source, kind, key, owner } in rules {
            sources.entry(source).or_default().entry(kind).or_default().insert(key, owner);
        }
        Self { sources }
    }

    /// The names of the attributes that rules for `source` look at.
    pub fn attributes(&self, source: &str) -> Vec<String> {
        let kinds = [source, ANY_SOURCE]
            .into_iter()
            .filter_map(|source| self.sources.get(source))
            .flat_map(HashMap::keys);
        let mut names: Vec<String> =
            kinds.filter_map(|kind| kind.strip_prefix(ATTRIBUTE)).map(ToOwned::to_owned).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Whom a record of `source` belongs to. `names` are the names that the record has, as kind and text, the most
    /// specific first; empty texts are passed over. The first name that has a rule decides, a rule of the source before
    /// one of every source; then the defaults in the same order. A rule without a resource leaves it to the first name,
    /// or to the source if the record has none.
    pub fn owner(&self, source: &str, names: &[(&str, &str)]) -> Option<Owner> {
        let rules = [source, ANY_SOURCE].map(|source| self.sources.get(source));
        let find = |kind: &str, key: &str| {
            rules.iter().flatten().find_map(|of_source| of_source.get(kind)?.get(key)).cloned()
        };
        let mut stated = names.iter().filter(|(_, text)| !text.is_empty());
        let first = stated.clone().next().map_or(source, |(_, text)| *text);
        let found = stated.find_map(|(kind, text)| find(kind, text)).or_else(|| find(DEFAULT_KIND, ""));
        let mut owner = found?;
        if owner.resource_id.is_empty() {
            first.clone_into(&mut owner.resource_id);
        }
        Some(owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(source: &str, kind: &str, key: &str, company_id: i64, resource_id: &str) -> OwnerRule {
        let owner = Owner {
            company_id,
            organization_id: 1,
            resource_id: resource_id.into(),
            resource_name: String::new(),
        };
        OwnerRule { source: source.into(), kind: kind.into(), key: key.into(), owner }
    }

    #[test]
    fn the_first_name_with_a_rule_decides() {
        type Row = (&'static str, &'static [(&'static str, &'static str)], Option<(i64, &'static str)>);
        let map = OwnerMap::new(vec![
            rule("litellm", "key_hash", "abc", 1, "production"),
            rule("litellm", "team", "blue", 2, ""),
            rule("*", "team", "blue", 3, ""),
            rule("*", "team", "red", 4, ""),
            rule("litellm", "default", "", 5, ""),
        ]);
        // source | names | company and resource
        let table: [Row; 10] = [
            ("litellm", &[("key_hash", "abc"), ("team", "blue")], Some((1, "production"))),
            ("litellm", &[("team", "blue"), ("key_hash", "abc")], Some((2, "blue"))),
            ("litellm", &[("key_hash", "xyz"), ("team", "blue")], Some((2, "xyz"))),
            ("litellm", &[("key_hash", ""), ("team", "red")], Some((4, "red"))),
            ("litellm", &[("key_hash", "ABC")], Some((5, "ABC"))),
            ("litellm", &[], Some((5, "litellm"))),
            ("otlp", &[("team", "blue")], Some((3, "blue"))),
            ("otlp", &[("user", "blue")], None),
            ("otlp", &[("default", "")], None),
            ("otlp", &[], None),
        ];
        for (source, names, expected) in table {
            let owner = map.owner(source, names);
            let found = owner.as_ref().map(|owner| (owner.company_id, owner.resource_id.as_str()));
            assert_eq!(found, expected, "{source} {names:?}");
        }
    }

    #[test]
    fn the_attributes_of_rules_are_listed() {
        let map = OwnerMap::new(vec![
            rule("otlp", "attribute:service.name", "a", 1, ""),
            rule("otlp", "attribute:service.name", "b", 1, ""),
            rule("*", "attribute:customer", "c", 1, ""),
            rule("litellm", "attribute:other", "d", 1, ""),
            rule("otlp", "team", "e", 1, ""),
        ]);
        assert_eq!(map.attributes("otlp"), ["customer", "service.name"]);
        assert_eq!(map.attributes("openmeter"), ["customer"]);
        assert_eq!(OwnerMap::default().attributes("otlp"), Vec::<String>::new());
    }

    #[test]
    fn the_broken_rule_is_named() {
        type Break = fn(&mut OwnerRule);
        let table: [(Break, &str); 11] = [
            (|r| r.source = "litelm".into(), "source: must be one of litellm, otlp, openmeter, new-api or *"),
            (|r| r.kind = "hash".into(), "kind: must be one of key_hash, key_id,"),
            (|r| r.kind = "attribute:".into(), "kind: must be one of key_hash, key_id,"),
            (|r| r.key.clear(), "key: must not be empty"),
            (|r| r.kind = "default".into(), "key: must be empty for a default"),
            (|r| r.key = "a\nb".into(), "key: must have no control characters"),
            (|r| r.key = "x".repeat(257), "key: must have at most 256 bytes"),
            (|r| r.owner.company_id = 0, "company_id: must be above 0"),
            (|r| r.owner.organization_id = -1, "organization_id: must be above 0"),
            (|r| r.owner.resource_id = "x".repeat(257), "resource_id: must have at most 256 bytes"),
            (|r| r.owner.resource_name = "\0".into(), "resource_name: must have no control characters"),
        ];
        for (break_rule, expected) in table {
            let mut rule = rule("litellm", "key_hash", "abc", 1, "");
            assert_eq!(rule.check(), Ok(()));
            break_rule(&mut rule);
            let refused = rule.check().unwrap_err().to_string();
            assert!(refused.starts_with(expected), "{refused}");
        }
        for valid in [rule("*", "default", "", 1, "x"), rule("otlp", "attribute:service.name", "api", 1, "")]
        {
            assert_eq!(valid.check(), Ok(()));
        }
    }
}
