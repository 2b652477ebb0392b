//! The keys of a configuration file as they are written, with their places: where a setting is stated, and which keys are
//! unknown.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reference::{FORMER_NAMES, Known, known, settings};

/// A name that is at least this similar to a known one is taken for a slip.
const SIMILAR: f64 = 0.75;

/// A key that is written in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrittenKey {
    pub(super) path: Vec<String>,
    pub(super) span: Range<usize>,
    pub(super) known: Option<Known>,
}

impl WrittenKey {
    pub(super) fn dotted(&self) -> String {
        self.path.join(".")
    }
}

/// The keys of a table, sections and what is in them. What is in an unknown section is not looked at.
pub(super) fn written_keys(table: &DeTable<'_>) -> Vec<WrittenKey> {
    let mut keys = Vec::new();
    collect(table, &[], &mut keys);
    keys.sort_by_key(|key| key.span.start);
    keys
}

fn collect(table: &DeTable<'_>, path: &[&str], keys: &mut Vec<WrittenKey>) {
    for (name, value) in table {
        let path: Vec<&str> = path.iter().copied().chain([name.get_ref().as_ref()]).collect();
        let known = known(&path);
        let owned = path.iter().map(|part| (*part).to_owned()).collect();
        keys.push(WrittenKey { path: owned, span: name.span(), known });
        if let (Some(Known::Section), DeValue::Table(inner)) = (known, value.get_ref()) {
            collect(inner, &path, keys);
        }
    }
}

/// Removes a key from a table. Returns whether it was there.
pub(super) fn remove(table: &mut Spanned<DeTable<'_>>, path: &[String]) -> bool {
    fn inside(table: &mut DeTable<'_>, path: &[String]) -> bool {
        match path {
            [] => false,
            [name] => table.remove(name.as_str()).is_some(),
            [name, rest @ ..] => match table.get_mut(name.as_str()).map(Spanned::get_mut) {
                Some(DeValue::Table(inner)) => inside(inner, rest),
                _ => false,
            },
        }
    }
    inside(table.get_mut(), path)
}

/// What an unknown key was perhaps meant to be, as a full sentence part; empty if nothing is similar.
pub(super) fn suggestion(path: &[String]) -> String {
    let Some((name, section)) = path.split_last() else { return String::new() };
    let section = match section {
        [brand, _] if brand == "brand" => "brand.NAME".to_owned(),
        section => section.join("."),
    };
    // A key of another section is more likely than a similar one.
    let elsewhere = settings().find(|setting| setting.name == name && setting.section != section);
    if let Some(setting) = elsewhere {
        let place = match setting.section {
            "" => "before the first section".to_owned(),
            section => format!("in [{section}]"),
        };
        return format!("; {name} belongs {place}");
    }
    let names = settings().filter(|setting| setting.section == section).map(|setting| setting.name);
    let sections = settings().map(|setting| setting.section.split('.').next().unwrap_or_default());
    let candidates = names.chain(sections.filter(|other| section.is_empty() && !other.is_empty()));
    match nearest(name, candidates) {
        Some(nearest) => format!("; did you mean {nearest}?"),
        None => String::new(),
    }
}

/// The name of `candidates` that is most similar to a name, if any is similar enough.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let similar = candidates.map(|candidate| {
        let similarity =
            strsim::normalized_damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase());
        (similarity, candidate)
    });
    similar
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, candidate)| candidate)
}

/// The present name of a key that was renamed.
pub(super) fn present_name(key: &str) -> &str {
    FORMER_NAMES.iter().find(|(former, _)| *former == key).map_or(key, |(_, present)| present)
}
