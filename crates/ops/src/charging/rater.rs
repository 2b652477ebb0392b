//! Rating with what is remembered: the price book, discounts, offsets and tenants are read once and again when they have
//! changed. The decision itself is `domain::rating`.

use std::collections::{HashMap, HashSet};

use tollbook_domain::price::ModelPrices;
use tollbook_domain::rating::{Rated, Terms, rate};
use tollbook_domain::usage::UsageLimits;
use tollbook_domain::{HourOffsets, Price, Usage};
use tollbook_store::{Arrival, Hold, RatedUsage, Snapshot, StoreResult, UsageOutcome};

use super::context::Charging;

/// Records of one transaction: each is short enough that whoever waits to write is hardly kept waiting.
pub(super) const BATCH_RECORDS: usize = 2_000;
/// Models whose prices are remembered.
const REMEMBERED_MODELS: usize = 10_000;

/// What became of a usage record, for whoever reported it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageResult {
    /// It is added to the open hours of its lines.
    Charged,
    /// It costs nothing, and is on the free list.
    Free,
    /// It has no price, why, and is on the unpriced list until it has one.
    Unpriced(String),
    /// It was there already.
    Duplicate,
    /// It is not taken, and why.
    Refused(String),
}

impl UsageResult {
    /// Whether it is in the store now for the first time.
    pub const fn is_accepted(&self) -> bool {
        match self {
            Self::Charged | Self::Free | Self::Unpriced(_) => true,
            Self::Duplicate | Self::Refused(_) => false,
        }
    }
}

/// What a company's usage is rated by.
struct Tenant {
    terms: Terms,
    organizations: HashSet<i64>,
}

/// Rates usage and stores it.
pub struct Rater<'a> {
    charging: Charging<'a>,
    limits: UsageLimits,
    version: Option<i64>,
    book: Vec<Price>,
    offsets: HourOffsets,
    tenants: HashMap<i64, Option<Tenant>>,
    models: HashMap<(String, String, String), ModelPrices>,
}

impl<'a> Rater<'a> {
    /// One that knows nothing yet and believes records within these bounds.
    pub fn new(charging: Charging<'a>, limits: UsageLimits) -> Self {
        Self {
            charging,
            limits,
            version: None,
            book: Vec::new(),
            offsets: HourOffsets::default(),
            tenants: HashMap::new(),
            models: HashMap::new(),
        }
    }

    /// Checks, rates and stores records, and says for each in its place what became of it. Each is stored wholly or not
    /// at all. When this fails, records of earlier transactions are stored; sending all again completes it.
    ///
    /// # Errors
    /// Those of the store.
    pub fn accept(
        &mut self,
        records: Vec<Usage>,
        now_s: i64,
        hold: Option<Hold<'_>>,
    ) -> StoreResult<Vec<UsageResult>> {
        let mut fates: Vec<Option<UsageResult>> = vec![None; records.len()];
        let mut rated: Vec<(usize, RatedUsage)> = Vec::with_capacity(records.len());
        let mut snapshot = self.charging.store.snapshot()?;
        self.refresh(snapshot.as_mut())?;
        let mut reread = HashSet::new();
        for (place, usage) in records.into_iter().enumerate() {
            if let Err(refused) = usage.check(self.charging.catalogue, &self.limits, now_s) {
                fates[place] = Some(UsageResult::Refused(refused.to_string()));
                continue;
            }
            if let Some(reason) = self.refuse(snapshot.as_mut(), &usage, &mut reread)? {
                fates[place] = Some(UsageResult::Refused(reason));
                continue;
            }
            rated.push((place, self.rate(usage)));
        }
        // Not held while others are waited for.
        drop(snapshot);
        // Companies in the order of their numbers: two writers of several never wait for each other.
        rated.sort_by_key(|(_, record)| record.usage.company_id);
        let (places, mut rated): (Vec<usize>, Vec<RatedUsage>) = rated.into_iter().unzip();
        for (places, batch) in places.chunks(BATCH_RECORDS).zip(rated.chunks_mut(BATCH_RECORDS)) {
            let outcomes = loop {
                match self.store(batch, now_s, hold)? {
                    Some(outcomes) => break outcomes,
                    None => self.rate_again(batch)?,
                }
            };
            for ((place, record), outcome) in places.iter().zip(batch).zip(outcomes) {
                fates[*place] = Some(pricing_state(outcome, &record.rated));
            }
        }
        let lost = || UsageResult::Refused("was lost; send it again".to_owned());
        Ok(fates.into_iter().map(|pricing_state| pricing_state.unwrap_or_else(lost)).collect())
    }

    /// One transaction of records by company; `None`, and nothing is stored, if some record has no price by prices that
    /// have changed since. Whoever charges what waits for new prices may have been here already and would not come again.
    fn store(
        &self,
        batch: &[RatedUsage],
        now_s: i64,
        hold: Option<Hold<'_>>,
    ) -> StoreResult<Option<Vec<UsageOutcome>>> {
        let arrival = self.arrival(now_s, hold);
        let mut transaction = self.charging.store.begin()?;
        let mut outcomes = Vec::with_capacity(batch.len());
        for of_company in batch.chunk_by(|a, b| a.usage.company_id == b.usage.company_id) {
            let company_id = of_company[0].usage.company_id;
            outcomes.extend(transaction.add_usage(company_id, of_company, &arrival)?);
        }
        // Read after the companies are locked: either their lists have not been looked at for newer prices yet, or
        // those are seen here.
        let is_waiting = batch.iter().any(|record| matches!(record.rated, Rated::Unpriced(_)));
        if is_waiting && Some(transaction.price_version()?) != self.version {
            return Ok(None);
        }
        transaction.commit()?;
        Ok(Some(outcomes))
    }

    /// Rates what has no price by the prices of now.
    fn rate_again(&mut self, batch: &mut [RatedUsage]) -> StoreResult<()> {
        let mut snapshot = self.charging.store.snapshot()?;
        self.refresh(snapshot.as_mut())?;
        for record in batch.iter_mut().filter(|record| matches!(record.rated, Rated::Unpriced(_))) {
            let company_id = record.usage.company_id;
            if !self.tenants.contains_key(&company_id) {
                self.learn(snapshot.as_mut(), company_id)?;
            }
            *record = self.rate(record.usage.clone());
        }
        Ok(())
    }

    pub(super) fn arrival<'h>(&self, now_s: i64, hold: Option<Hold<'h>>) -> Arrival<'h>
    where
        'a: 'h,
    {
        let Charging { config, catalogue, .. } = self.charging;
        let (grace_s, gather_s) = (config.charging.grace_s, config.charging.gather_s);
        Arrival { now_s, grace_s, gather_s, hold, catalogue }
    }

    /// Learns what has changed since it was read last.
    pub(super) fn refresh(&mut self, snapshot: &mut dyn Snapshot) -> StoreResult<()> {
        let version = snapshot.price_version()?;
        self.offsets = snapshot.hour_offsets()?;
        if self.version == Some(version) {
            return Ok(());
        }
        self.book = snapshot.prices()?;
        self.models.clear();
        // Discounts are a part of the terms.
        self.tenants.clear();
        self.version = Some(version);
        Ok(())
    }

    /// Why a record cannot be of the tenant that it names.
    fn refuse(
        &mut self,
        snapshot: &mut dyn Snapshot,
        usage: &Usage,
        reread: &mut HashSet<i64>,
    ) -> StoreResult<Option<String>> {
        let company_id = usage.company_id;
        let knows = |tenant: Option<&Option<Tenant>>| {
            tenant.is_some_and(|tenant| {
                tenant.as_ref().is_some_and(|tenant| tenant.organizations.contains(&usage.organization_id))
            })
        };
        // An organization may be new; asked once for each lot of records.
        if !knows(self.tenants.get(&company_id)) && reread.insert(company_id) {
            let tenant = self.read_tenant(snapshot, company_id)?;
            self.tenants.insert(company_id, tenant);
        }
        Ok(match self.tenants.get(&company_id) {
            Some(Some(_)) if knows(self.tenants.get(&company_id)) => None,
            Some(Some(_)) => {
                let organization_id = usage.organization_id;
                Some(format!("organization_id: company {company_id} has no organization {organization_id}"))
            }
            Some(None) | None => Some(format!("company_id: company {company_id} does not exist")),
        })
    }

    fn read_tenant(&self, snapshot: &mut dyn Snapshot, company_id: i64) -> StoreResult<Option<Tenant>> {
        let Some(company) = snapshot.company(company_id)? else { return Ok(None) };
        let config = self.charging.config;
        let brand = config.brand(&company.brand).unwrap_or_else(|| config.default_brand());
        let organizations =
            snapshot.organizations(company_id)?.into_iter().map(|known| known.organization_id).collect();
        let terms = Terms {
            currency: company.currency,
            channel: brand.channel,
            discounts: snapshot.discounts()?,
            bill_zero_amounts: config.charging.bill_zero_amounts,
        };
        Ok(Some(Tenant { terms, organizations }))
    }

    /// Rates a record of a tenant that is known.
    pub(super) fn rate(&mut self, usage: Usage) -> RatedUsage {
        let bucket = self.offsets.bucket(usage.time_s);
        let rated = match self.tenants.get(&usage.company_id) {
            Some(Some(tenant)) => {
                let key = (usage.provider.clone(), usage.model_id.clone(), tenant.terms.currency.clone());
                if self.models.len() >= REMEMBERED_MODELS && !self.models.contains_key(&key) {
                    self.models.clear();
                }
                let book = &self.book;
                let prices = self.models.entry(key).or_insert_with_key(|(provider, model_id, currency)| {
                    ModelPrices::choose(book, provider, model_id, currency)
                });
                rate(&usage, prices, &tenant.terms)
            }
            Some(None) | None => Rated::Unpriced("the company is not known".to_owned()),
        };
        RatedUsage::new(usage, rated, bucket)
    }

    /// Makes a company's terms known.
    pub(super) fn learn(&mut self, snapshot: &mut dyn Snapshot, company_id: i64) -> StoreResult<()> {
        let tenant = self.read_tenant(snapshot, company_id)?;
        self.tenants.insert(company_id, tenant);
        Ok(())
    }
}

fn pricing_state(outcome: UsageOutcome, rated: &Rated) -> UsageResult {
    let refused = |reason: &str| UsageResult::Refused(reason.to_owned());
    match (outcome, rated) {
        (UsageOutcome::Accepted, Rated::Charged(_)) => UsageResult::Charged,
        (UsageOutcome::Accepted, Rated::Free) => UsageResult::Free,
        (UsageOutcome::Accepted, Rated::Unpriced(reason)) => UsageResult::Unpriced(reason.clone()),
        (UsageOutcome::Duplicate, _) => UsageResult::Duplicate,
        (UsageOutcome::Conflict, _) => refused("id: another record has this id, source and hour"),
        (UsageOutcome::Forgotten, _) => refused("time: the records of this hour are not kept any more"),
        (UsageOutcome::Pruned, _) => refused("time: the orders of this hour have been pruned"),
        (UsageOutcome::TooLarge, _) => {
            refused("quantities: the hour would come to more than an order can hold")
        }
    }
}
