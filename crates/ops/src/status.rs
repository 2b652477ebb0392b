//! What of a deployment needs a person: usage without a price, companies that owe or are about to, hours that are not closed,
//! exports and webhooks that failed, keys that end. It reads what the database has; what a running server alone knows, such as
//! refused records and tasks that do not run, is in its metrics.

use tollbook_domain::tenant::{ApiKey, Company};
use tollbook_domain::time::DAY_S;
use tollbook_domain::{AccountKind, Amount, Catalogue, TimeRange};
use tollbook_store::{ExportJob, HourFilter, Snapshot, StoreResult, WebhookBacklog};

use crate::charging::{Charging, Standing, standing_in};
use crate::pricing::{AtRisk, UnpricedSummary, at_risk, summarize_unpriced};
use crate::tenancy::overview::{self, failed_exports};

/// Days by which a company's use is measured.
pub const MEASURED_DAYS: i64 = 7;
/// Days before its money is gone by which a company is about to run dry.
pub const DRY_DAYS: i64 = 3;
/// Days before its end by which a key ends soon.
pub const KEY_DAYS: i64 = 14;
/// Used credit, in hundredths of the limit, by which a company is close to it.
const CLOSE_PERCENT: i128 = 90;
/// How long an hour may be due before it needs a person, in seconds.
const HOUR_LATE_S: i64 = 600;
/// Most hours and groups of usage that are found.
const MOST: usize = 10_000;

/// A company, what it owes and can spend, and how fast it spends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanyAccount {
    /// The company.
    pub company: Company,
    /// Its standing.
    pub standing: Standing,
    /// What it was charged in the last [`MEASURED_DAYS`] days, in 10⁻⁸ currency units.
    pub charged: i128,
    /// The balance below which it wants to be warned.
    pub low_balance: Option<Amount>,
}

impl CompanyAccount {
    /// Whole days until what it can spend is gone, at the rate of the last days; `None` if it was charged nothing.
    pub fn days_left(&self) -> Option<i128> {
        let left = self.standing.available.saturating_sub(self.standing.pending).max(0);
        left.checked_mul(MEASURED_DAYS.into())?.checked_div(self.charged)
    }

    /// Whether its money is gone within a number of days, or it is below the balance at which it wants to be warned.
    pub fn runs_dry(&self, days: i64) -> bool {
        let is_low = self.low_balance.is_some_and(|low| self.standing.available < i128::from(low.steps()));
        is_low || self.days_left().is_some_and(|left| left < i128::from(days))
    }

    /// Whether nearly all of its credit limit is used.
    pub fn is_close_to_limit(&self) -> bool {
        let used = -i128::from(self.standing.balances.get(AccountKind::Credit));
        let limit = i128::from(self.standing.credit_limit);
        limit > 0 && used.saturating_mul(100) >= limit.saturating_mul(CLOSE_PERCENT)
    }

    /// Whether it needs a person.
    pub fn needs_attention(&self) -> bool {
        self.standing.is_in_arrears() || self.is_close_to_limit() || self.runs_dry(DRY_DAYS)
    }
}

/// What needs a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentStatus {
    /// Number of companies.
    pub companies: usize,
    /// Usage without a price.
    pub unpriced: UnpricedSummary,
    /// The money at risk of each group of it.
    pub at_risk: Vec<Vec<AtRisk>>,
    /// The companies that need a person.
    pub accounts: Vec<CompanyAccount>,
    /// Hours that have been due for ten minutes and are not closed; at most 10,000 are counted.
    pub late_hours: usize,
    /// End of the oldest of them, Unix seconds.
    pub oldest_late_s: Option<i64>,
    /// Background exports that failed, the newest first.
    pub failed_exports: Vec<ExportJob>,
    /// Deliveries of webhooks.
    pub webhooks: WebhookBacklog,
    /// Keys that end within [`KEY_DAYS`] days, the first first.
    pub ending_keys: Vec<ApiKey>,
}

impl DeploymentStatus {
    /// Whether anything needs a person.
    pub fn needs_attention(&self) -> bool {
        self.unpriced.records > 0
            || !self.accounts.is_empty()
            || self.late_hours > 0
            || !self.failed_exports.is_empty()
            || self.webhooks.dead_letters > 0
            || self.webhooks.disabled_endpoints > 0
            || !self.ending_keys.is_empty()
    }
}

/// The accounts of all companies, by number.
///
/// # Errors
/// Those of the store.
pub fn company_accounts(
    snapshot: &mut dyn Snapshot,
    catalogue: &Catalogue,
    now_s: i64,
) -> StoreResult<Vec<CompanyAccount>> {
    let mut accounts = Vec::new();
    for company in snapshot.companies()? {
        let standing = standing_in(snapshot, &company, catalogue, now_s)?;
        let charged = match TimeRange::new((now_s - MEASURED_DAYS * DAY_S).max(0), now_s) {
            Some(range) => overview::charged(snapshot, company.company_id, range)?.total,
            None => 0,
        };
        let low_balance = snapshot.low_balance(company.company_id)?.map(Amount::from_steps);
        accounts.push(CompanyAccount { company, standing, charged, low_balance });
    }
    Ok(accounts)
}

/// What needs a person at a time.
///
/// # Errors
/// Those of the store.
pub fn deployment_status(charging: &Charging<'_>, now_s: i64) -> StoreResult<DeploymentStatus> {
    let unpriced = summarize_unpriced(charging.store, None, MOST)?;
    let mut snapshot = charging.store.snapshot()?;
    let snapshot = snapshot.as_mut();
    let book = snapshot.prices()?;
    let at_risk =
        unpriced.groups.iter().map(|group| at_risk(&book, charging.catalogue, group, now_s)).collect();
    let accounts = company_accounts(snapshot, charging.catalogue, now_s)?;
    let companies = accounts.len();
    let company_ids: Vec<i64> = accounts.iter().map(|account| account.company.company_id).collect();
    let due = HourFilter::DueBy(now_s - HOUR_LATE_S);
    let hours = snapshot.due_hours(due, now_s, i64::try_from(MOST).unwrap_or(i64::MAX))?;
    let mut ending_keys: Vec<ApiKey> = snapshot
        .api_keys(None)?
        .into_iter()
        .filter(|key| {
            key.is_usable(now_s) && key.expires_s.is_some_and(|end_s| end_s < now_s + KEY_DAYS * DAY_S)
        })
        .collect();
    ending_keys.sort_by_key(|key| key.expires_s);
    Ok(DeploymentStatus {
        companies,
        unpriced,
        at_risk,
        accounts: accounts.into_iter().filter(CompanyAccount::needs_attention).collect(),
        late_hours: hours.len(),
        oldest_late_s: hours.iter().map(|hour| hour.bucket.end_s).min(),
        failed_exports: failed_exports(snapshot, &company_ids)?,
        webhooks: snapshot.webhook_backlog(now_s)?,
        ending_keys,
    })
}
