//! Usage without a price, summed by provider and model, with the models of the price book whose names are near.

use std::collections::{BTreeMap, BTreeSet};

use tollbook_domain::Price;
use tollbook_domain::price::Matcher;
use tollbook_store::{Store, StoreResult, Uncharged, UnchargedKey, UnchargedUsage};

use crate::charging::ChargingError;

/// Records per read from the store.
const PAGE_RECORDS: i64 = 1_000;
/// Most near names of a group.
const MAX_NEAR: usize = 3;
/// Names that are less alike are not near, from 0 to 1.
const MIN_LIKENESS: f64 = 0.6;
/// How much the same provider counts more than another.
const SAME_PROVIDER: f64 = 0.1;

/// Usage without a price of one provider and model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnpricedGroup {
    /// Provider as the usage states it; may be empty.
    pub provider: String,
    /// Model as the usage states it.
    pub model_id: String,
    /// Number of records.
    pub records: u64,
    /// Sum of each SKU.
    pub quantities: BTreeMap<String, i128>,
    /// Sum of each SKU by the currency of the companies.
    pub by_currency: BTreeMap<String, BTreeMap<String, i128>>,
    /// How many records have which reason.
    pub reasons: BTreeMap<String, u64>,
    /// Models of the price book with near names, the nearest first.
    pub near: Vec<NearPrice>,
}

/// The usage without a price by provider and model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnpricedSummary {
    /// The groups with the most records, the largest first.
    pub groups: Vec<UnpricedGroup>,
    /// Number of all groups.
    pub all_groups: usize,
    /// Number of the records of all groups.
    pub records: u64,
}

/// A model of the price book.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NearPrice {
    /// Provider; may be empty.
    pub provider: String,
    /// A name that the model is known by.
    pub name: String,
    /// List of the price.
    pub list: String,
}

/// The usage of a company, or of all, that was not charged, by company and hour; and whether there is more than `limit`.
///
/// # Errors
/// The company does not exist, or the store fails.
pub fn list_uncharged(
    store: &dyn Store,
    company_id: Option<i64>,
    kind: Uncharged,
    limit: usize,
) -> Result<(Vec<UnchargedUsage>, bool), ChargingError> {
    let mut snapshot = store.snapshot()?;
    let companies = match company_id {
        Some(company_id) if snapshot.company(company_id)?.is_none() => {
            return Err(ChargingError::UnknownCompany(company_id));
        }
        Some(company_id) => vec![company_id],
        None => snapshot.companies()?.iter().map(|company| company.company_id).collect(),
    };
    let mut found: Vec<UnchargedUsage> = Vec::new();
    for company_id in companies {
        let mut after: Option<UnchargedKey> = None;
        // One record beyond the limit shows that there are more.
        while found.len() <= limit {
            let page = snapshot.uncharged_usage(company_id, kind, after.as_ref(), PAGE_RECORDS)?;
            let Some(last) = page.last() else { break };
            after = Some((last.usage.hour(), last.usage.source.clone(), last.usage.id.clone()));
            found.extend(page);
        }
    }
    let has_more = found.len() > limit;
    found.truncate(limit);
    Ok((found, has_more))
}

/// Sums the usage without a price of a company, or of all. The groups with the most records are first; `limit` bounds
/// their number.
///
/// # Errors
/// Those of the store.
pub fn summarize_unpriced(
    store: &dyn Store,
    company_id: Option<i64>,
    limit: usize,
) -> StoreResult<UnpricedSummary> {
    let mut snapshot = store.snapshot()?;
    let companies = match company_id {
        Some(company_id) => snapshot.company(company_id)?.into_iter().collect(),
        None => snapshot.companies()?,
    };
    let mut groups: BTreeMap<(String, String), UnpricedGroup> = BTreeMap::new();
    for company in companies {
        let company_id = company.company_id;
        let mut after: Option<UnchargedKey> = None;
        loop {
            let page =
                snapshot.uncharged_usage(company_id, Uncharged::Unpriced, after.as_ref(), PAGE_RECORDS)?;
            let Some(last) = page.last() else { break };
            after = Some((last.usage.hour(), last.usage.source.clone(), last.usage.id.clone()));
            for unpriced in page {
                let usage = unpriced.usage;
                let group = groups.entry((usage.provider.clone(), usage.model_id.clone())).or_default();
                group.records += 1;
                *group.reasons.entry(unpriced.reason).or_default() += 1;
                let of_currency = group.by_currency.entry(company.currency.clone()).or_default();
                for (sku, quantity) in usage.used() {
                    *group.quantities.entry(sku.to_owned()).or_default() += i128::from(quantity);
                    *of_currency.entry(sku.to_owned()).or_default() += i128::from(quantity);
                }
                (group.provider, group.model_id) = (usage.provider, usage.model_id);
            }
        }
    }
    let names = named_models(&snapshot.prices()?);
    drop(snapshot);
    let (all_groups, records) = (groups.len(), groups.values().map(|group| group.records).sum());
    let mut groups: Vec<UnpricedGroup> = groups.into_values().collect();
    // A stable sort: equal numbers stay by provider and model.
    groups.sort_by_key(|group| std::cmp::Reverse(group.records));
    groups.truncate(limit);
    for group in &mut groups {
        group.near = near(&names, &group.provider, &group.model_id);
    }
    Ok(UnpricedSummary { groups, all_groups, records })
}

/// The models of the book by their names: their id, and the whole names that they match.
fn named_models(book: &[Price]) -> BTreeSet<NearPrice> {
    let mut names = BTreeSet::new();
    // Of one model there are prices for many SKUs and times, one after the other.
    let mut last: Option<(&str, &str, &str)> = None;
    for price in book.iter().filter(|price| !price.model_id.is_empty()) {
        let of = (price.list.as_str(), price.provider.as_str(), price.model_id.as_str());
        if last == Some(of) {
            continue;
        }
        last = Some(of);
        let mut add = |name: &str| {
            names.insert(NearPrice {
                provider: price.provider.clone(),
                name: name.to_ascii_lowercase(),
                list: price.list.clone(),
            });
        };
        add(&price.model_id);
        whole_names(&price.models, &mut add);
    }
    names
}

fn whole_names(matcher: &Matcher, add: &mut impl FnMut(&str)) {
    match matcher {
        Matcher::Equals(name) => add(name),
        Matcher::OneOf(matchers) => matchers.iter().for_each(|matcher| whole_names(matcher, add)),
        Matcher::Any
        | Matcher::StartsWith(_)
        | Matcher::EndsWith(_)
        | Matcher::Contains(_)
        | Matcher::Pattern(_)
        | Matcher::AllOf(_) => {}
    }
}

/// How alike two names are, from 0 to 1: by the edits between them; a name that begins the other is near.
fn likeness(one: &str, other: &str) -> f64 {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    if short.len() * 2 >= long.len() && long.starts_with(short) {
        return strsim::normalized_levenshtein(one, other).max(0.8);
    }
    strsim::normalized_levenshtein(one, other)
}

fn near(names: &BTreeSet<NearPrice>, provider: &str, model_id: &str) -> Vec<NearPrice> {
    let model = model_id.to_ascii_lowercase();
    let mut found: Vec<(f64, &NearPrice)> = names
        .iter()
        // Names whose lengths differ by more than half cannot be near.
        .filter(|known| known.name.len().abs_diff(model.len()) * 2 <= known.name.len().max(model.len()))
        .map(|known| (likeness(&model, &known.name), known))
        .filter(|(likeness, _)| *likeness >= MIN_LIKENESS)
        .map(|(likeness, known)| {
            let same = !provider.is_empty() && known.provider.eq_ignore_ascii_case(provider);
            (likeness + if same { SAME_PROVIDER } else { 0.0 }, known)
        })
        .collect();
    found.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.cmp(other)));
    found.into_iter().take(MAX_NEAR).map(|(_, known)| known.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_those_of_few_edits_the_same_provider_first() {
        let named = |provider: &str, name: &str| NearPrice {
            provider: provider.into(),
            name: name.into(),
            list: "l".into(),
        };
        let names = BTreeSet::from([
            named("openai", "gpt-4o-mini"),
            named("azure", "gpt-4o-mini"),
            named("openai", "gpt-4o"),
            named("anthropic", "claude-sonnet-4-5"),
            named("zhipuai", "glm-4.7"),
        ]);
        // provider | model | near names
        let table = "
            azure  | gpt-4o-mni           | azure/gpt-4o-mini openai/gpt-4o-mini
            openai | GPT-4o-2024          | openai/gpt-4o openai/gpt-4o-mini
            zai    | glm-4.6              | zhipuai/glm-4.7
                   | claude-sonnet-4-5-v1 | anthropic/claude-sonnet-4-5
            openai | whisper-1            | ";
        for row in table.lines().filter(|row| row.contains('|')) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let found: Vec<String> = near(&names, cells[0], cells[1])
                .iter()
                .map(|near| format!("{}/{}", near.provider, near.name))
                .collect();
            assert!(found.join(" ").starts_with(cells[2]), "{row}: {found:?}");
            assert_eq!(found.is_empty(), cells[2].is_empty(), "{row}: {found:?}");
        }
    }
}
