//! Rating and storing usage. Prices, discounts, offsets and tenants are kept in memory and read again after a change.
//! The rating rules are in `domain::rating`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, Equivalent, HashTable};
use serde_json::{Value, json};
use tollbook_domain::price::{ModelPrices, NamePart, PriceQuery};
use tollbook_domain::provider_names::ProviderRule;
use tollbook_domain::rating::{LineParts, Rated, Terms, rate_with};
use tollbook_domain::usage::{IDENTITY_SPAN_S, UsageLimits};
use tollbook_domain::{Discount, HourOffsets, Line, Price, Usage};
use tollbook_store::{IntakeContext, Lease, RatedUsage, Snapshot, StoreResult, UsageOutcome};

use super::context::Charging;
use crate::audit::{ActKind, record};
use crate::tenancy::directory::{Tenant, TenantDirectory};
use crate::webhooks::tally_unpriced;

/// Records of one transaction: few enough that other writers wait for a short time only.
pub(super) const BATCH_RECORDS: usize = 2_000;
/// Maximum number of models whose prices are kept in memory.
const MAX_MODELS: usize = 10_000;
/// Maximum number of lines that are kept in memory to be used again.
const MAX_LINES: usize = 50_000;

/// Result of one usage record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageResult {
    /// It was added to the open hours of its lines.
    Charged,
    /// It costs nothing and is on the list of free usage.
    Free,
    /// It has no price, for the given reason, and is on the list of usage without a price.
    Unpriced(String),
    /// It was stored before.
    Duplicate,
    /// It was refused, for the given reason.
    Refused(String),
    /// It was not stored, because its time does not fit the clock of this process, which may be wrong. It may be accepted
    /// when it is sent again later.
    Postponed(String),
}

impl UsageResult {
    /// Whether the record was stored now.
    pub const fn is_accepted(&self) -> bool {
        match self {
            Self::Charged | Self::Free | Self::Unpriced(_) => true,
            Self::Duplicate | Self::Refused(_) | Self::Postponed(_) => false,
        }
    }
}

/// Rates usage and stores it.
pub struct Rater<'a> {
    charging: Charging<'a>,
    limits: UsageLimits,
    /// Whether the clock may be wrong.
    is_time_in_doubt: bool,
    /// Version of the prices and discounts in memory.
    version: Option<i64>,
    /// Version of the names in memory.
    names_version: Option<i64>,
    prices: Vec<Price>,
    discounts: Vec<Discount>,
    offsets: HourOffsets,
    tenants: TenantDirectory,
    /// By company.
    terms: HashMap<i64, Terms>,
    models: hashbrown::HashMap<ModelKey, Arc<ModelPrices>>,
    lines: KnownLines,
    partly_matched: BTreeMap<(String, String), PartlyMatched>,
    /// The file whose records are stored, for the audit log; `None` for what gateways report.
    file: Option<String>,
}

/// Lines of the usage rated so far, so that a line that records repeat is made once and shared with the store.
#[derive(Default)]
struct KnownLines {
    hasher: DefaultHashBuilder,
    lines: HashTable<(u64, Arc<Line>)>,
}

impl KnownLines {
    fn line(&mut self, parts: &LineParts<'_>) -> Arc<Line> {
        let hash = self.hasher.hash_one(parts);
        let is_it = |(known, line): &(u64, Arc<Line>)| *known == hash && parts.are_of(line);
        if let Some((_, line)) = self.lines.find(hash, is_it) {
            return Arc::clone(line);
        }
        if self.lines.len() >= MAX_LINES {
            self.lines.clear();
        }
        let line = Arc::new(parts.to_line());
        self.lines.insert_unique(hash, (hash, Arc::clone(&line)), |(hash, _)| *hash);
        line
    }
}

/// Whose prices a model has: looked up for each record, so that it is not made for each.
#[derive(PartialEq, Eq, Hash)]
struct ModelKey {
    provider: String,
    model_id: String,
    currency: String,
}

/// A [`ModelKey`] of a record. Its hash is that of the key, because the fields are the same.
#[derive(Clone, Copy, Hash)]
struct ModelOf<'u> {
    provider: &'u str,
    model_id: &'u str,
    currency: &'u str,
}

impl Equivalent<ModelKey> for ModelOf<'_> {
    fn equivalent(&self, key: &ModelKey) -> bool {
        (self.provider, self.model_id, self.currency)
            == (key.provider.as_str(), key.model_id.as_str(), key.currency.as_str())
    }
}

impl From<&ModelOf<'_>> for ModelKey {
    fn from(of: &ModelOf<'_>) -> Self {
        Self {
            provider: of.provider.to_owned(),
            model_id: of.model_id.to_owned(),
            currency: of.currency.to_owned(),
        }
    }
}

/// A model whose price matches only a part of its name, or whose provider only a list knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartlyMatched {
    /// Provider of the usage; may be empty.
    pub provider: String,
    /// Model of the usage.
    pub model_id: String,
    /// The part of the name that is matched.
    pub part: NamePart,
    /// How the provider is the price's.
    pub provider_by: ProviderRule,
    /// List of the price.
    pub list: String,
    /// Provider of the price; may be empty.
    pub price_provider: String,
    /// Model of the price.
    pub price_model_id: String,
}

impl<'a> Rater<'a> {
    /// A rater with nothing in memory that refuses usage outside `limits`.
    pub fn new(charging: Charging<'a>, limits: UsageLimits) -> Self {
        Self {
            charging,
            limits,
            is_time_in_doubt: false,
            version: None,
            names_version: None,
            prices: Vec::new(),
            discounts: Vec::new(),
            offsets: HourOffsets::default(),
            tenants: TenantDirectory::default(),
            terms: HashMap::new(),
            models: hashbrown::HashMap::new(),
            lines: KnownLines::default(),
            partly_matched: BTreeMap::new(),
            file: None,
        }
    }

    /// Sets whether the times that follow may be wrong. Records are then not refused for their time, but postponed.
    pub(super) const fn set_time_in_doubt(&mut self, is_in_doubt: bool) {
        self.is_time_in_doubt = is_in_doubt;
    }

    /// Checks, rates and stores records, and returns their results in the same order. Each record is stored completely
    /// or not at all. The hours of the records are leased if `lease` is given.
    ///
    /// # Errors
    /// Those of the store. The records of earlier transactions are stored then; sending all records again completes the
    /// operation.
    pub fn accept(
        &mut self,
        records: Vec<Usage>,
        now_s: i64,
        lease: Option<Lease<'_>>,
    ) -> StoreResult<Vec<UsageResult>> {
        let mut results: Vec<Option<UsageResult>> = vec![None; records.len()];
        let mut rated = Vec::with_capacity(records.len());
        let mut snapshot = self.charging.store.snapshot()?;
        self.refresh(snapshot.as_mut())?;
        let mut reloaded = HashSet::new();
        for (index, usage) in records.into_iter().enumerate() {
            let refused = usage.check(self.charging.catalogue, &self.limits, now_s).err();
            let refused = refused.map(|refused| refused.to_string());
            let is_postponed = refused.is_some() && self.may_fit_later(&usage, now_s);
            if let Some(reason) = refused.clone().filter(|_| !is_postponed) {
                results[index] = Some(UsageResult::Refused(reason));
                continue;
            }
            if let Some(reason) = self.tenant_fault(snapshot.as_mut(), &usage, &mut reloaded)? {
                results[index] = Some(UsageResult::Refused(reason));
                continue;
            }
            if let Some(reason) = refused {
                results[index] = Some(UsageResult::Postponed(reason));
                continue;
            }
            rated.push((index, self.rate(usage)));
        }
        // A snapshot must not be held while the transaction waits for other writers.
        drop(snapshot);
        // Companies are locked in ascending order, so that two writers of several companies cannot deadlock.
        rated.sort_by_key(|(_, record)| record.usage.company_id);
        let (indexes, mut rated): (Vec<usize>, Vec<RatedUsage>) = rated.into_iter().unzip();
        for (indexes, batch) in indexes.chunks(BATCH_RECORDS).zip(rated.chunks_mut(BATCH_RECORDS)) {
            let outcomes = loop {
                match self.store(batch, now_s, lease)? {
                    Some(outcomes) => break outcomes,
                    None => self.rate_again(batch)?,
                }
            };
            for ((index, record), outcome) in indexes.iter().zip(batch).zip(outcomes) {
                results[*index] = Some(usage_result(outcome, &record.rated));
            }
        }
        let lost = || UsageResult::Refused("was lost; send it again".to_owned());
        Ok(results.into_iter().map(|result| result.unwrap_or_else(lost)).collect())
    }

    /// Whether a record is refused for its time alone, and the clock may be the one that is wrong: the record is less than a
    /// day ahead, or the clock is in doubt. At one source and id, a record that states the time differently by less than a
    /// day is the same record (docs/CHARGING.md, "Usage records"), so waiting for the clock cannot charge it twice.
    fn may_fit_later(&self, usage: &Usage, now_s: i64) -> bool {
        let ahead_s = usage.time_s.saturating_sub(now_s);
        let is_a_little_ahead = ahead_s > self.limits.future_s && ahead_s < IDENTITY_SPAN_S;
        (is_a_little_ahead || self.is_time_in_doubt)
            && usage.check(self.charging.catalogue, &self.limits, usage.time_s).is_ok()
    }

    /// Stores records, sorted by company, in one transaction. Returns `None` and stores nothing if a record has no price
    /// and the prices have changed since it was rated: repricing of its company may be over, and would not find it.
    fn store(
        &self,
        batch: &[RatedUsage],
        now_s: i64,
        lease: Option<Lease<'_>>,
    ) -> StoreResult<Option<Vec<UsageOutcome>>> {
        let arrival = self.intake_context(now_s, lease);
        let mut transaction = self.charging.store.begin()?;
        let mut outcomes = Vec::with_capacity(batch.len());
        for of_company in batch.chunk_by(|a, b| a.usage.company_id == b.usage.company_id) {
            let company_id = of_company[0].usage.company_id;
            let of_outcomes = transaction.add_usage(company_id, of_company, &arrival)?;
            if let Some(file) = &self.file {
                let stored = of_outcomes.iter().filter(|outcome| **outcome == UsageOutcome::Accepted).count();
                if stored > 0 {
                    let after = json!({"File": file, "Records": stored});
                    record(transaction.as_mut(), ActKind::UsageImport, company_id, &Value::Null, &after);
                }
            }
            let unpriced =
                of_company.iter().zip(&of_outcomes).filter_map(|(record, outcome)| match &record.rated {
                    Rated::Unpriced(reason) if *outcome == UsageOutcome::Accepted => {
                        Some((record.usage.model_id.as_str(), reason.as_str()))
                    }
                    _ => None,
                });
            tally_unpriced(transaction.as_mut(), company_id, unpriced, now_s)?;
            outcomes.extend(of_outcomes);
        }
        // The version is read after the companies are locked: either repricing has not reached them yet, or the new
        // version is visible here.
        let has_unpriced = batch.iter().any(|record| matches!(record.rated, Rated::Unpriced(_)));
        if has_unpriced && Some(transaction.price_version()?) != self.version {
            return Ok(None);
        }
        transaction.commit()?;
        Ok(Some(outcomes))
    }

    /// Rates the records without a price by the current prices.
    fn rate_again(&mut self, batch: &mut [RatedUsage]) -> StoreResult<()> {
        let mut snapshot = self.charging.store.snapshot()?;
        self.refresh(snapshot.as_mut())?;
        for record in batch.iter_mut().filter(|record| matches!(record.rated, Rated::Unpriced(_))) {
            let company_id = record.usage.company_id;
            if !self.tenants.is_loaded(company_id) {
                self.load_tenant(snapshot.as_mut(), company_id)?;
            }
            *record = self.rate(record.usage.clone());
        }
        Ok(())
    }

    pub(super) fn intake_context<'h>(&self, now_s: i64, lease: Option<Lease<'h>>) -> IntakeContext<'h>
    where
        'a: 'h,
    {
        let Charging { config, catalogue, .. } = self.charging;
        let (grace_s, gather_s) = (config.charging.grace_s, config.charging.gather_s);
        IntakeContext { now_s, grace_s, gather_s, lease, catalogue }
    }

    /// Records in the audit log what is stored from now on, as records of a file.
    pub(crate) fn audit_as_file(&mut self, name: &str) {
        if self.file.as_deref() != Some(name) {
            self.file = Some(name.to_owned());
        }
    }

    /// The models of the usage rated so far whose prices match only a part of their names, or whose provider only a list
    /// knows, by provider and model; the first record of each model decides.
    pub fn partly_matched(&self) -> impl ExactSizeIterator<Item = &PartlyMatched> {
        self.partly_matched.values()
    }

    /// Reads the offsets, and prices, discounts and names if they have changed.
    pub(super) fn refresh(&mut self, snapshot: &mut dyn Snapshot) -> StoreResult<()> {
        let version = snapshot.price_version()?;
        self.offsets = snapshot.hour_offsets()?;
        let names_version = Some(snapshot.names_version()?);
        if self.names_version != names_version {
            self.tenants.clear();
            self.names_version = names_version;
        }
        if self.version == Some(version) {
            return Ok(());
        }
        self.prices = snapshot.prices()?;
        self.discounts = snapshot.discounts()?;
        self.models.clear();
        self.terms.clear();
        self.version = Some(version);
        Ok(())
    }

    /// Reads a company, also if it is in memory.
    pub(super) fn load_tenant(&mut self, snapshot: &mut dyn Snapshot, company_id: i64) -> StoreResult<()> {
        self.tenants.load(snapshot, company_id)?;
        self.terms.remove(&company_id);
        Ok(())
    }

    /// Why the company or organization of a record is refused. A company that is in memory without the organization is
    /// read again, because the organization may be new; once for each company in `reloaded`.
    pub(super) fn tenant_fault(
        &mut self,
        snapshot: &mut dyn Snapshot,
        usage: &Usage,
        reloaded: &mut HashSet<i64>,
    ) -> StoreResult<Option<String>> {
        let Usage { company_id, organization_id, .. } = *usage;
        let config = self.charging.config;
        let has_organization = |tenant: Option<&Tenant>| {
            tenant.is_some_and(|of| {
                of.organizations.contains_key(&organization_id) && config.brand(&of.company.brand).is_some()
            })
        };
        if has_organization(self.tenants.get(company_id)) {
            return Ok(None);
        }
        if reloaded.insert(company_id) || !self.tenants.is_loaded(company_id) {
            self.load_tenant(snapshot, company_id)?;
        }
        Ok(match self.tenants.get(company_id) {
            tenant if has_organization(tenant) => None,
            Some(tenant) if config.brand(&tenant.company.brand).is_none() => Some(format!(
                "company_id: company {company_id} belongs to the brand {:?}, which is not configured",
                tenant.company.brand
            )),
            Some(_) => {
                Some(format!("organization_id: company {company_id} has no organization {organization_id}"))
            }
            None => Some(format!("company_id: company {company_id} does not exist")),
        })
    }

    /// Rates a record whose company is in memory.
    pub(super) fn rate(&mut self, usage: Usage) -> RatedUsage {
        let bucket = self.offsets.bucket(usage.time_s);
        let Some(tenant) = self.tenants.get(usage.company_id) else {
            let rated = Rated::Unpriced("the company is not known".to_owned());
            return RatedUsage::new(usage, rated, bucket);
        };
        let config = self.charging.config;
        let terms = self.terms.entry(usage.company_id).or_insert_with(|| {
            let brand = config.brand_of(&tenant.company);
            Terms {
                currency: tenant.company.currency.clone(),
                channel: brand.channel,
                rounding: brand.rounding,
                discounts: self.discounts.clone(),
                input_skus: self.charging.catalogue.input_skus().clone(),
                bill_zero_amounts: config.charging.bill_zero_amounts,
            }
        });
        let key = ModelOf { provider: &usage.provider, model_id: &usage.model_id, currency: &terms.currency };
        let known = self.models.get(&key).map(Arc::clone);
        let is_new = known.is_none();
        let model = known.unwrap_or_else(|| {
            if self.models.len() >= MAX_MODELS {
                self.models.clear();
            }
            let model = ModelPrices::choose(&self.prices, key.provider, key.model_id, key.currency);
            let model = Arc::new(model);
            self.models.insert(ModelKey::from(&key), Arc::clone(&model));
            model
        });
        let organization_name = tenant.organizations.get(&usage.organization_id).map_or("", String::as_str);
        let lines = &mut self.lines;
        let rated = rate_with(&usage, organization_name, &model, terms, &mut |parts| lines.line(parts));
        if is_new && self.partly_matched.len() < MAX_MODELS {
            let found = usage.used().find_map(|(sku, _)| {
                let request_length = usage.request_length(&terms.input_skus);
                let service_tier = &usage.service_tier;
                let query = PriceQuery { sku, time_s: usage.time_s, request_length, service_tier };
                model
                    .find_match(query)
                    .filter(|(_, by)| by.part != NamePart::Whole || by.provider() == ProviderRule::List)
            });
            if let Some((price, by)) = found {
                let matched = PartlyMatched {
                    provider: usage.provider.clone(),
                    model_id: usage.model_id.clone(),
                    part: by.part,
                    provider_by: by.provider(),
                    list: price.list.clone(),
                    price_provider: price.provider.clone(),
                    price_model_id: price.model_id.clone(),
                };
                self.partly_matched.insert((usage.provider.clone(), usage.model_id.clone()), matched);
            }
        }
        RatedUsage::new(usage, rated, bucket)
    }
}

fn usage_result(outcome: UsageOutcome, rated: &Rated) -> UsageResult {
    let refused = |reason: &str| UsageResult::Refused(reason.to_owned());
    match (outcome, rated) {
        (UsageOutcome::Accepted, Rated::Charged(_)) => UsageResult::Charged,
        (UsageOutcome::Accepted, Rated::Free) => UsageResult::Free,
        (UsageOutcome::Accepted, Rated::Unpriced(reason)) => UsageResult::Unpriced(reason.clone()),
        (UsageOutcome::Duplicate, _) => UsageResult::Duplicate,
        (UsageOutcome::Conflict, _) => {
            refused("id: a record with other content has this id and source within 24 hours")
        }
        (UsageOutcome::Expired, _) => {
            refused("time: the identities of records within 24 hours of it have been deleted")
        }
        (UsageOutcome::Pruned, _) => refused("time: the orders of this hour have been pruned"),
        (UsageOutcome::TooLarge, _) => {
            refused("quantities: the hour would come to more than an order can hold")
        }
    }
}
